//! Headers that say where things are: they follow when the things themselves are accounted for.

use std::ops::Range;

use super::account::{prove, span};
use super::exe::{RegionPair, both, bytes};
use super::image::Images;
use crate::inspect::exe::{Exe, Region, Section};
use crate::model::{Cause, Node, Side, Sides};

/// Zeros between two sections that are taken for padding, in bytes.
const MAX_PADDING: usize = 64 << 10;

/// Explains what is loaded: the program headers, the entry point, and zeros between sections.
pub(super) fn explain_loaded(node: &mut Node, images: &Images, regions: &mut [RegionPair]) {
    let (a, b) = (&images.sides.shipped.elf, &images.sides.rebuilt.elf);
    for pair in regions.iter_mut() {
        let unexplained = pair.account.shipped.unexplained + pair.account.rebuilt.unexplained;
        let one = pair.regions.shipped.and_then(|i| a.regions.get(i));
        let two = pair.regions.rebuilt.and_then(|j| b.regions.get(j));
        // Of an object nothing is loaded as it is.
        let counts = |r: &Region| r.section.is_none() && (r.allocated || a.object.is_some() && r.name.starts_with(b"gap after"));
        if unexplained == 0 || !one.into_iter().chain(two).all(counts) {
            continue;
        }
        let name = one.or(two).map(|r| r.name.as_slice()).unwrap_or_default();
        if name.starts_with(b"gap after") {
            let padding =
                |exe: &Exe, r: Option<&Region>| r.is_none_or(|r| r.range.len() < MAX_PADDING && bytes(exe, r).iter().all(|b| *b == 0));
            if padding(a, one) && padding(b, two) {
                take(node, pair, one, two, Cause::AddressShift, "zeros between sections");
            }
            continue;
        }
        let Some((x, y)) = both(images, pair) else { continue };
        let fields = match name {
            b"program headers" => segments(a, b, x, y),
            b"ELF header" => entry(images, x, y),
            _ => None,
        };
        let what = if name == b"ELF header" { "the entry point" } else { "places and sizes of segments" };
        explain_fields(node, pair, Sides::new((a, x), (b, y)), &fields.unwrap_or_default(), Cause::AddressShift, what);
    }
}

/// Explains what is not loaded: headers of loaded sections, and where the table of headers is.
pub(super) fn explain_headers(node: &mut Node, images: &Images, regions: &mut [RegionPair]) {
    let (a, b) = (&images.sides.shipped.elf, &images.sides.rebuilt.elf);
    let unclean = |side: Side, exe: &Exe| -> std::collections::BTreeSet<usize> {
        let left = regions.iter().filter(|p| p.account.shipped.unexplained + p.account.rebuilt.unexplained > 0);
        left.filter_map(|p| exe.regions.get((*p.regions.get(side))?)?.section).collect()
    };
    let unclean = Sides::new(unclean(Side::Shipped, a), unclean(Side::Rebuilt, b));
    let cause = mover(images, regions);
    for pair in regions.iter_mut() {
        let one = pair.regions.shipped.and_then(|i| a.regions.get(i));
        let two = pair.regions.rebuilt.and_then(|j| b.regions.get(j));
        let zeros = |exe: &Exe, r: &Region| {
            let gap = r.section.is_none() && r.name.starts_with(b"gap after") && r.range.len() < MAX_PADDING;
            gap && bytes(exe, r).iter().all(|b| *b == 0)
        };
        // How much of it there is follows from what stands before it.
        let moves = pair.account.shipped.unexplained + pair.account.rebuilt.unexplained > 0;
        if moves && images.is_turned() && one.is_none_or(|r| zeros(a, r)) && two.is_none_or(|r| zeros(b, r)) {
            take(node, pair, one, two, Cause::AddressShift, "zeros between sections");
            continue;
        }
        let Some((x, y)) = both(images, pair).filter(|(x, y)| x.section.is_none() && y.section.is_none()) else { continue };
        if pair.account.shipped.unexplained + pair.account.rebuilt.unexplained == 0 {
            continue;
        }
        match x.name.as_slice() {
            b"ELF header: section table offset" => take(node, pair, Some(x), Some(y), cause, "the place of the section headers"),
            b"section headers" => {
                let fields = sections(images, x, y, &unclean).unwrap_or_default();
                explain_fields(node, pair, Sides::new((a, x), (b, y)), &fields, cause, "places and sizes of sections");
            }
            _ => {}
        }
    }
}

/// What moved things: a shift of what is loaded, else the cause that changed the size of something that is not.
fn mover(images: &Images, regions: &[RegionPair]) -> Cause {
    let causes = |p: &RegionPair| p.account.shipped.explained.keys().chain(p.account.rebuilt.explained.keys()).copied().collect::<Vec<_>>();
    if regions.iter().any(|p| causes(p).contains(&Cause::AddressShift)) {
        return Cause::AddressShift;
    }
    let resized = regions.iter().filter(|p| both(images, p).is_none_or(|(x, y)| x.range.len() != y.range.len()));
    resized.flat_map(causes).next().unwrap_or(Cause::AddressShift)
}

/// Explains all that is left of a pair of regions.
fn take(node: &mut Node, pair: &mut RegionPair, one: Option<&Region>, two: Option<&Region>, cause: Cause, what: &str) {
    for account in [&mut pair.account.shipped, &mut pair.account.rebuilt] {
        let differing = std::mem::take(&mut account.unexplained);
        account.explain(cause, differing);
    }
    let range = |r: Option<&Region>| r.map_or(0..0, |r| span(&r.range));
    prove(&mut node.proofs, cause, Sides::new(range(one), range(two)), Sides::new(what, what));
}

/// Explains the differing bytes of fields of two regions of one size.
fn explain_fields(
    node: &mut Node,
    pair: &mut RegionPair,
    regions: Sides<(&Exe, &Region)>,
    fields: &[Range<usize>],
    cause: Cause,
    what: &str,
) {
    let (old, new) = (bytes(regions.shipped.0, regions.shipped.1), bytes(regions.rebuilt.0, regions.rebuilt.1));
    if old.len() != new.len() {
        return;
    }
    let mut proved = 0;
    for field in fields {
        let differing = field.clone().filter(|i| old.get(*i) != new.get(*i)).count() as u64;
        if differing > 0 {
            proved += differing;
            let at = |r: &Region| (r.range.start + field.start) as u64..(r.range.start + field.end) as u64;
            prove(&mut node.proofs, Cause::AddressShift, Sides::new(at(regions.shipped.1), at(regions.rebuilt.1)), Sides::new(what, what));
        }
    }
    let already = pair.account.shipped.explained_total().max(pair.account.rebuilt.explained_total());
    for account in [&mut pair.account.shipped, &mut pair.account.rebuilt] {
        // What another cause explained of these fields already is not counted again; what overlaps stays on the safe side.
        let proved = proved.saturating_sub(already).min(account.unexplained);
        account.unexplained -= proved;
        account.explain(cause, proved);
    }
}

/// The name of a section, and how many of that name are before it.
type Named<'a> = (&'a [u8], usize);

/// What a segment spans, in terms of sections: those are compared by themselves.
#[derive(PartialEq, Eq)]
struct Spanned<'a> {
    first: Named<'a>,
    /// From the start of the segment to its first section, in memory and in the file; `None` when it starts with the file.
    before: Option<(i64, i64)>,
    in_file: Named<'a>,
    in_memory: Named<'a>,
    /// From the end of the last section to that of the segment, in the file and in memory.
    behind: (i64, i64),
    /// Whether the physical address is the virtual one.
    plain: bool,
}

/// The fields of program headers that say where, of those which span the same sections in the same way.
fn segments(a: &Exe, b: &Exe, x: &Region, y: &Region) -> Option<Vec<Range<usize>>> {
    let size = 56;
    let (old, new) = (bytes(a, x), bytes(b, y));
    if !a.wide || !b.wide || old.len() != new.len() || old.len() % size != 0 {
        return None;
    }
    let mut out = Vec::new();
    for at in (0..old.len()).step_by(size) {
        let (raw, other) = (old.get(at..at + size)?, new.get(at..at + size)?);
        let same = raw.get(..8) == other.get(..8) && raw.get(48..) == other.get(48..);
        if raw != other && same && matches!((spanned(a, raw), spanned(b, other)), (Some(p), Some(q)) if p == q) {
            out.push(at + 8..at + 48);
        }
    }
    Some(out)
}

/// Whether all program headers of both sides span the same sections in the same way.
fn spans_alike(a: &Exe, b: &Exe) -> Option<bool> {
    let raws = |exe: &'_ Exe| exe.regions.iter().find(|r| r.section.is_none() && r.name == b"program headers").map(|r| r.range.clone());
    let (Some(x), Some(y)) = (raws(a), raws(b)) else { return Some(true) };
    let (old, new) = (a.blob.get(x)?, b.blob.get(y)?);
    let loads = |raw: &[u8], exe: &Exe| exe.numbers().int(raw, 0, 4) == Some(1);
    let pairs = || old.chunks_exact(56).zip(new.chunks_exact(56)).filter(|(p, q)| loads(p, a) || loads(q, b));
    Some(old.len() == new.len() && pairs().all(|(p, q)| spanned(a, p) == spanned(b, q)))
}

/// Program headers that are equal and do not span the same sections in the same way: ranges in both files.
pub(super) fn unproved_segments(a: &Exe, b: &Exe) -> Vec<Sides<Range<usize>>> {
    let raws = |exe: &Exe| exe.regions.iter().find(|r| r.section.is_none() && r.name == b"program headers").map(|r| r.range.clone());
    let (Some(x), Some(y)) = (raws(a), raws(b)) else { return Vec::new() };
    let at = |range: &Range<usize>, n: usize| range.start + n * 56..(range.start + n * 56 + 56).min(range.end);
    let pairs = (0..x.len().min(y.len()) / 56).map(|n| Sides::new(at(&x, n), at(&y, n)));
    let apart = |p: &Sides<Range<usize>>| match (a.blob.get(p.shipped.clone()), b.blob.get(p.rebuilt.clone())) {
        (Some(old), Some(new)) => old == new && spanned(a, old) != spanned(b, new),
        _ => true,
    };
    pairs.filter(apart).collect()
}

fn spanned<'a>(exe: &'a Exe, raw: &[u8]) -> Option<Spanned<'a>> {
    let n = exe.numbers();
    let [offset, address, physical, in_file, in_memory] = [8, 16, 24, 32, 40].map(|at| n.int(raw, at, 8));
    let (offset, address, physical, in_file, in_memory) = (offset?, address?, physical?, in_file?, in_memory?);
    let end = address.checked_add(in_memory)?;
    let inside =
        |s: &&Section| s.is_allocated() && s.size > 0 && s.address >= address && s.address.checked_add(s.size).is_some_and(|e| e <= end);
    let first = exe.sections.iter().filter(inside).min_by_key(|s| s.address)?;
    let filled = exe.sections.iter().filter(inside).filter(|s| s.kind != 8).max_by_key(|s| s.address + s.size)?;
    let last = exe.sections.iter().filter(inside).max_by_key(|s| (s.address + s.size, s.kind == 8))?;
    let apart = |x: u64, y: u64| x.wrapping_sub(y).cast_signed();
    let before = (offset != 0).then(|| (apart(first.address, address), apart(first.range.start as u64, offset)));
    let behind = (apart(offset.checked_add(in_file)?, filled.range.end as u64), apart(end, last.address + last.size));
    let named = |s: &'a Section| -> Named<'a> {
        let before = exe.sections.iter().take_while(|t| !std::ptr::eq(*t, s));
        (&s.name, before.filter(|t| t.name == s.name).count())
    };
    Some(Spanned { first: named(first), before, in_file: named(filled), in_memory: named(last), behind, plain: physical == address })
}

/// The entry point, when both lead to the same place.
fn entry(images: &Images, x: &Region, y: &Region) -> Option<Vec<Range<usize>>> {
    let at = |side: Side, r: &Region| {
        let exe = &images.sides.get(side).elf;
        exe.numbers().word(bytes(exe, r), 24, 24)
    };
    let wide = images.sides.shipped.elf.wide;
    images.same_place(at(Side::Shipped, x)?, at(Side::Rebuilt, y)?).then(|| std::iter::once(24..if wide { 32 } else { 28 }).collect())
}

/// The fields of the headers of loaded sections that say where, of sections which both sides have in the same order.
fn sections(images: &Images, x: &Region, y: &Region, unclean: &Sides<std::collections::BTreeSet<usize>>) -> Option<Vec<Range<usize>>> {
    let (a, b) = (&images.sides.shipped.elf, &images.sides.rebuilt.elf);
    let size = 64;
    let (old, new) = (bytes(a, x), bytes(b, y));
    if !a.wide || !b.wide || old.len() != new.len() || a.sections.len() != b.sections.len() || old.len() != a.sections.len() * size {
        return None;
    }
    // An object that was not laid out is loaded nowhere.
    if a.is_unplaced() || b.is_unplaced() || !spans_alike(a, b)? {
        return None;
    }
    let placed = |exe: &Exe, s: &Section| s.kind == 8 || s.range.is_empty() || exe.address_of(s.range.start as u64) == Some(s.address);
    let mut out = Vec::new();
    for (i, (s, t)) in a.sections.iter().zip(&b.sections).enumerate() {
        let at = i * size;
        let equal = |range: Range<usize>| old.get(at + range.start..at + range.end) == new.get(at + range.start..at + range.end);
        let alike = s.name == t.name && equal(4..16) && equal(40..64);
        if !alike {
            continue;
        }
        let clean = !unclean.shipped.contains(&i) && !unclean.rebuilt.contains(&i);
        if a.object.is_some() && b.object.is_some() {
            // Of an object only the content counts, wherever it stands; an address is none of its own.
            let empty = s.range.is_empty() && t.range.is_empty() && s.size == t.size;
            let behind = |exe: &Exe, own: &[u8]| -> Option<u64> {
                let before = exe.sections.get(..i)?.iter().rev().find(|s| !s.range.is_empty()).map_or(0, |s| s.range.end as u64);
                Some(exe.numbers().int(own, at + 24, 8)?.wrapping_sub(before))
            };
            if empty && behind(a, old).is_some() && behind(a, old) == behind(b, new) {
                out.push(at + 24..at + 32);
            } else if clean && !s.range.is_empty() && !t.range.is_empty() {
                out.push(at + 24..at + 40);
            }
            continue;
        }
        if s.range.is_empty() || t.range.is_empty() {
            // No byte says where it belongs: its size is what it is, and it follows what stands before it.
            let follows = |exe: &Exe, own: &[u8]| -> Option<i64> {
                let before = exe.sections.get(i.checked_sub(1)?)?.range.end as u64;
                Some(exe.numbers().int(own, at + 24, 8)?.wrapping_sub(before).cast_signed())
            };
            let same = follows(a, old).is_some() && follows(a, old) == follows(b, new);
            // Where pieces without bytes are laid out otherwise, the padding between them is.
            let ends = images.permuted.get(&s.name).is_some_and(|p| p.reaches(s.size, t.size));
            if s.kind == 8 && s.is_allocated() && (s.size == t.size || ends) && same {
                out.push(at + 16..at + if ends { 40 } else { 32 });
            }
        } else if !s.is_allocated() {
            // Its content is compared wherever it stands.
            if clean {
                out.push(at + 24..at + 40);
            }
        } else if clean && placed(a, s) && placed(b, t) {
            out.push(at + 16..at + 40);
        }
    }
    Some(out)
}
