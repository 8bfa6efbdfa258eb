//! Tables whose entries stand in another order because what they describe does: unwind tables, relocations, symbols. The same
//! entries must be on both sides, each for the same place, and the order must mean nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::defined;
use super::frames::{Frame, frames_of};
use crate::diff::account::{prove, span};
use crate::diff::exe::{RegionPair, both};
use crate::diff::image::Images;
use crate::diff::steady::Meaning;
use crate::diff::symtab;
use crate::inspect::exe::{Exe, Section};
use crate::inspect::symbols::Bound;
use crate::model::{Cause, Node, Side, Sides};

/// Explains all that is left of such tables. `again` are regions with references that are not proved place by place; `named`
/// says that names may be followed. Returns the regions that are proved.
pub(super) fn explain(node: &mut Node, images: &Images, regions: &mut [RegionPair], again: &BTreeSet<usize>, named: bool) -> Vec<usize> {
    let (a, b) = (&images.sides.shipped.elf, &images.sides.rebuilt.elf);
    let mut out = Vec::new();
    let symbols = std::cell::LazyCell::new(|| named && symtab::is_permuted(images));
    for (n, pair) in regions.iter_mut().enumerate() {
        let Some((x, y)) = both(images, pair) else { continue };
        let (Some(s), Some(t)) = (x.section.and_then(|i| a.sections.get(i)), y.section.and_then(|i| b.sections.get(i))) else { continue };
        let left = pair.account.shipped.unexplained + pair.account.rebuilt.unexplained;
        if left == 0 && !again.contains(&n) || s.range != x.range || t.range != y.range || s.kind != t.kind {
            continue;
        }
        let holds = match (s.kind, s.name.as_slice()) {
            (1 | 0x7000_0001, b".eh_frame") => frames(images).is_some(),
            (4, _) if s.is_allocated() => relocations(images, s, t).is_some(),
            (2, b".symtab") | (3, b".strtab") if !s.is_allocated() => *symbols,
            _ => false,
        };
        if !holds {
            continue;
        }
        out.push(n);
        if left == 0 {
            continue;
        }
        for account in [&mut pair.account.shipped, &mut pair.account.rebuilt] {
            let differing = std::mem::take(&mut account.unexplained);
            account.explain(Cause::Reordering, differing);
        }
        let text = format!("the same entries of {} in another order", crate::text::Untrusted::from(s.name.as_slice()).lossy());
        prove(&mut node.proofs, Cause::Reordering, Sides::new(span(&x.range), span(&y.range)), Sides::new(&text, &text));
    }
    out
}

/// `.eh_frame`: an entry for the same code on both sides, with the same instructions; behind them zeros may fill up (`DW_CFA_nop`).
fn frames(images: &Images) -> Option<()> {
    let entries = |side: Side| -> Option<(Vec<Frame>, &[u8], u64)> {
        let exe = &images.sides.get(side).elf;
        let (all, section) = (frames_of(exe)?, exe.section(".eh_frame")?);
        let data = exe.data(section);
        // Every byte belongs to one entry; zeros end the table.
        let mut at = 0;
        for frame in &all {
            if frame.offset != at || !frame.whole {
                return None;
            }
            at = frame.end;
        }
        let rest = data.get(at..)?;
        (matches!(rest.len(), 0 | 4) && rest.iter().all(|b| *b == 0)).then_some((all, data, section.address))
    };
    let (old, new) = (entries(Side::Shipped)?, entries(Side::Rebuilt)?);
    let by_offset = |all: &[Frame]| -> BTreeMap<usize, usize> { all.iter().enumerate().map(|(n, f)| (f.offset, n)).collect() };
    let offsets = Sides::new(by_offset(&old.0), by_offset(&new.0));
    let mut starts: BTreeMap<u64, &Frame> = BTreeMap::new();
    for frame in &new.0 {
        if let Some(start) = frame.start
            && starts.insert(start, frame).is_some()
        {
            return None;
        }
    }
    let mut commons: Sides<BTreeSet<usize>> = Sides::default();
    let mut known: BTreeSet<(usize, usize)> = BTreeSet::new();
    for x in old.0.iter().filter(|f| f.start.is_some()) {
        let there = images.counterpart(Side::Shipped, x.start?)?;
        let y = starts.remove(&there)?;
        alike(images, (x, old.1, old.2), (y, new.1, new.2))?;
        let (m, n) = (x.common?, y.common?);
        commons.shipped.insert(m);
        commons.rebuilt.insert(n);
        if known.insert((m, n)) {
            let common = |all: &'_ [Frame], places: &BTreeMap<usize, usize>, at: usize| {
                places.get(&at).copied().filter(|i| all.get(*i).is_some_and(|f| f.start.is_none()))
            };
            let (p, q) = (common(&old.0, &offsets.shipped, m)?, common(&new.0, &offsets.rebuilt, n)?);
            alike(images, (old.0.get(p)?, old.1, old.2), (new.0.get(q)?, new.1, new.2))?;
        }
    }
    let unused = |all: &[Frame], used: &BTreeSet<usize>| all.iter().any(|f| f.start.is_none() && !used.contains(&f.offset));
    (starts.is_empty() && !unused(&old.0, &commons.shipped) && !unused(&new.0, &commons.rebuilt)).then_some(())
}

/// Whether two entries say the same of the same places.
fn alike(images: &Images, old: (&Frame, &[u8], u64), new: (&Frame, &[u8], u64)) -> Option<()> {
    let (x, y) = (old.0, new.0);
    let relative = |f: &Frame| f.fields.iter().map(|(r, wanted)| (r.start - f.offset, r.end - f.offset, *wanted)).collect::<Vec<_>>();
    if relative(x) != relative(y) {
        return None;
    }
    let to = |(frame, data, address): (&Frame, &[u8], u64), n: usize| {
        let at = frame.fields.get(n)?.0.clone();
        let number = i32::from_le_bytes(data.get(at.clone())?.try_into().ok()?);
        Some((number != 0).then(|| address.wrapping_add(at.start as u64).wrapping_add_signed(i64::from(number))))
    };
    for (n, (_, wanted)) in x.fields.iter().enumerate() {
        let same = match (to(old, n)?, to(new, n)?) {
            (Some(p), Some(q)) => images.meaning(p, q) == Meaning::Same,
            (None, None) => !wanted,
            _ => false,
        };
        if !same {
            return None;
        }
    }
    let content = |(frame, data, _): (&Frame, &[u8], u64)| -> Option<Vec<u8>> {
        let mut out = data.get(frame.offset.checked_add(8)?..frame.end)?.to_vec();
        for (field, _) in &frame.fields {
            out.get_mut(field.start.checked_sub(frame.offset + 8)?..field.end.checked_sub(frame.offset + 8)?)?.fill(0);
        }
        Some(out)
    };
    let (one, two) = (content(old)?, content(new)?);
    let (short, long) = if one.len() <= two.len() { (&one, &two) } else { (&two, &one) };
    let rest = long.get(short.len()..)?;
    (long.starts_with(short) && rest.len() < 8 && rest.iter().all(|b| *b == 0)).then_some(())
}

/// Kinds in their order, the functions that choose in theirs, and what fills each place.
type Relocations = (Vec<u64>, Vec<Bound>, BTreeMap<u64, (u64, Bound)>);

/// A table of relocations: the same places filled in the same way. Their kinds must follow each other as on the other side
/// (the loader takes the first ones for relative without looking), and functions that choose are called in the same order.
fn relocations(images: &Images, s: &Section, t: &Section) -> Option<()> {
    let relative: &[u64] = &[8, 37];
    let entries = |side: Side, section: &Section| -> Option<Relocations> {
        let image = images.sides.get(side);
        let exe: &Exe = &image.elf;
        if exe.machine != 62 || !exe.wide {
            return None;
        }
        let (mut kinds, mut chosen, mut out) = (Vec::new(), Vec::new(), BTreeMap::new());
        let n = exe.numbers();
        let there = |address: u64| {
            let other = images.counterpart(side, address)?;
            Some(if side == Side::Shipped { other } else { address })
        };
        for raw in exe.data(section).chunks(24) {
            let (place, info) = (n.int(raw, 0, 8)?, n.int(raw, 8, 8)?);
            let addend = n.int(raw, 16, 8)?;
            let kind = info & 0xffff_ffff;
            // Slots of the PLT are found by their number.
            if kind == 7 || relative.contains(&kind) && info >> 32 != 0 {
                return None;
            }
            let bound = match image.bound(place)? {
                Bound::Relative(to) if kind == 8 => Bound::Relative(there(*to)?),
                Bound::Computed(to) if kind == 37 => Bound::Computed(there(*to)?),
                // A number that is an address by itself, or behind a symbol of this file.
                Bound::Import(..) if exe.section_at(addend).is_some() => return None,
                Bound::Import(..) if !relative.contains(&kind) && addend != 0 && defined(exe, section, info >> 32).is_some() => {
                    Bound::Relative(there(defined(exe, section, info >> 32)?.wrapping_add(addend))?)
                }
                Bound::Import(name, addend) if !relative.contains(&kind) => Bound::Import(name.clone(), *addend),
                _ => return None,
            };
            if kind == 37 {
                chosen.push(bound.clone());
            }
            kinds.push(kind);
            if out.insert(there(place)?, (kind, bound)).is_some() {
                return None;
            }
        }
        Some((kinds, chosen, out))
    };
    (entries(Side::Shipped, s)? == entries(Side::Rebuilt, t)?).then_some(())
}
