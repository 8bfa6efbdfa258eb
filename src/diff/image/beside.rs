//! Which data and padding stand beside each other.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::Image;
use crate::diff::account::{common_end, common_start};
use crate::diff::asm;
use crate::diff::blocks::Blocks;
use crate::inspect::exe::{Exe, Format};
use crate::inspect::symbols::Bound;
use crate::model::{Side, Sides};

/// Where a build folder has another length, what stands behind it is known only from where something refers to it. `None` when it was
/// given up.
pub(super) fn anchor(sides: &Sides<Image>, all: &mut BTreeMap<Vec<u8>, Blocks>, cancelled: &dyn Fn() -> bool) -> Option<()> {
    let mut moved: Vec<_> = all.iter_mut().filter(|(_, b)| b.path.is_some() && !b.is_still()).collect();
    if moved.is_empty() {
        return Some(());
    }
    let names: HashSet<&[u8]> = moved.iter().map(|(name, _)| name.as_slice()).collect();
    let starts = Sides::new(referred(&sides.shipped, &names, cancelled)?, referred(&sides.rebuilt, &names, cancelled)?);
    let inside = |side: Side, at: u64| sides.get(side).is_inside_object(at);
    for (_, blocks) in &mut moved {
        blocks.anchor(&starts, &inside);
    }
    Some(())
}

/// The addresses in sections of these names that code, pointers and symbols of a side name.
fn referred(image: &Image, names: &HashSet<&[u8]>, cancelled: &dyn Fn() -> bool) -> Option<BTreeSet<u64>> {
    let elf = &image.elf;
    let mut out = BTreeSet::new();
    let mut add = |to: u64| {
        if elf.section_at(to).is_some_and(|s| names.contains(s.name.as_slice())) {
            out.insert(to);
        }
    };
    for f in image.functions.iter().chain(&image.fillers) {
        if cancelled() {
            return None;
        }
        if elf.machine == 62 {
            asm::scan(image, f).iter().flat_map(|scan| &scan.references).for_each(|r| add(r.to));
        } else {
            asm::decode(image, f).iter().flatten().filter_map(asm::Insn::reference).for_each(&mut add);
        }
    }
    for bound in image.bindings.values() {
        if let Bound::Relative(to) | Bound::Computed(to) = bound {
            add(*to);
        }
    }
    let word = |at: u64, size: usize| elf.numbers().int(elf.bytes_at(at), 0, size);
    image.moved.iter().filter_map(|(at, size)| word(*at, usize::from(*size))).for_each(&mut add);
    image.stated_starts().for_each(&mut add);
    let size = if elf.wide { 8 } else { 4 };
    for s in elf.sections.iter().filter(|s| elf.kind == 2 && s.is_allocated() && !s.is_code()) {
        let data = elf.data(s);
        (0..data.len()).step_by(size).filter_map(|at| elf.numbers().int(data, at, size)).for_each(&mut add);
    }
    Some(out)
}

/// Code between functions with its counterpart: the one that follows the same pair in a section of the same name.
pub(super) fn paired_fillers(sides: &Sides<Image>, pairs: &[Sides<Option<usize>>]) -> Sides<HashMap<u64, u64>> {
    let mut ends: Sides<HashMap<u64, usize>> = Sides::default();
    for (n, pair) in pairs.iter().enumerate() {
        for side in [Side::Shipped, Side::Rebuilt] {
            if let Some(f) = pair.get(side).and_then(|i| sides.get(side).functions.get(i)) {
                ends.get_mut(side).insert(f.end(), n);
            }
        }
    }
    // Sections of one name are one.
    let mut names: HashMap<&[u8], usize> = HashMap::new();
    let mut numbers: Sides<Vec<usize>> = Sides::default();
    for side in [Side::Shipped, Side::Rebuilt] {
        for s in &sides.get(side).elf.sections {
            let next = names.len();
            numbers.get_mut(side).push(*names.entry(&s.name).or_insert(next));
        }
    }
    let keys = |side: Side| {
        type Places = HashMap<(Option<usize>, Option<usize>), Option<(u64, u64)>>;
        let mut out = Places::new();
        for f in &sides.get(side).fillers {
            let key = (numbers.get(side).get(f.section).copied(), ends.get(side).get(&f.address).copied());
            out.entry(key).and_modify(|known| *known = None).or_insert(Some((f.address, f.size)));
        }
        out
    };
    let (own, other) = (keys(Side::Shipped), keys(Side::Rebuilt));
    let mut out: Sides<HashMap<u64, u64>> = Sides::default();
    for (key, place) in own {
        let (Some((x, size)), Some(Some((y, same)))) = (place, other.get(&key)) else { continue };
        if size == *same {
            out.shipped.insert(x, *y);
            out.rebuilt.insert(*y, x);
        }
    }
    out
}

/// For each data section that exists once on each side, how much of it stands beside the same part of the other: all of it
/// when the sizes agree (the account compares position by position), else the equal start and end.
type Common = (BTreeMap<Vec<u8>, (u64, u64)>, BTreeMap<Vec<u8>, Blocks>);

pub(super) fn common_parts(sides: &Sides<Image>) -> Common {
    let by_name = |elf: &Exe| {
        let mut names: BTreeMap<Vec<u8>, Vec<usize>> = BTreeMap::new();
        for (i, s) in elf.sections.iter().enumerate().filter(|(_, s)| s.is_allocated() && !s.is_code()) {
            names.entry(s.name.clone()).or_default().push(i);
        }
        names
    };
    let (a, b) = (&sides.shipped.elf, &sides.rebuilt.elf);
    let other = by_name(b);
    let mut out = BTreeMap::new();
    let mut all_blocks = BTreeMap::new();
    for (name, indices) in by_name(a) {
        let ([i], Some([j])) = (indices.as_slice(), other.get(&name).map(Vec::as_slice)) else { continue };
        let (Some(s), Some(t)) = (a.sections.get(*i), b.sections.get(*j)) else { continue };
        let (old, new) = (a.data(s), b.data(t));
        if s.kind != t.kind {
            continue;
        }
        // Tables of the loader have a meaning of their own; only plain data is put side by side by its content.
        if s.kind == 1 && old != new && is_data(&name) && s.size == old.len() as u64 && t.size == new.len() as u64 {
            let found = Blocks::new(old, new, Sides::new(*i, *j), Sides::new(s.address, t.address));
            // Only of ELF files are the references of what did not change followed to what moved.
            let followed = |b: &Blocks| a.format == Format::Elf || b.is_still();
            if let Some(blocks) = found.filter(|b| (b.path.is_some() || old.len() != new.len()) && followed(b)) {
                all_blocks.insert(name, blocks);
                continue;
            }
        }
        if s.size == t.size && old.len() == new.len() {
            out.insert(name, (s.size, 0));
        } else if s.kind != 8 && s.size == old.len() as u64 && t.size == new.len() as u64 {
            let start = common_start(old, new);
            let end = common_end(old, new, old.len().min(new.len()) - start);
            out.insert(name, (start as u64, end as u64));
        }
    }
    (out, all_blocks)
}

/// Whether a section holds constants or variables of the program.
fn is_data(name: &[u8]) -> bool {
    [&b".rodata"[..], b".data", b".tdata", b".rdata"].iter().any(|start| name.starts_with(start))
}
