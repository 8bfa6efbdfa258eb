//! What follows from the sizes of sections that are not loaded: their headers, the place of the table of headers, the zeros
//! between sections, and the table of names where a name lost its `z`.

use std::collections::BTreeSet;

use super::super::account::{prove, span};
use super::super::exe::{RegionPair, bytes};
use super::super::image::Images;
use super::super::strip::names_only;
use super::parts::Part;
use super::units::LAYOUT;
use crate::inspect::exe::{Exe, Region};
use crate::model::{Cause, Node, Side, Sides};

/// Explains them under the cause that changed sizes; `causes` are those found in debug sections.
pub(super) fn explain(node: &mut Node, images: &Images, regions: &mut [RegionPair], parts: &[Part], causes: &BTreeSet<Cause>) {
    let Some(cause) = LAYOUT.into_iter().find(|c| causes.contains(c)) else { return };
    let (a, b) = (&images.sides.shipped.elf, &images.sides.rebuilt.elf);
    for n in 0..regions.len() {
        let Some(pair) = regions.get(n).filter(|p| p.account.shipped.unexplained + p.account.rebuilt.unexplained > 0) else { continue };
        let one = pair.regions.shipped.and_then(|i| a.regions.get(i));
        let two = pair.regions.rebuilt.and_then(|j| b.regions.get(j));
        if one.or(two).is_none_or(|r| r.section.is_some() && r.name != b".shstrtab") || one.into_iter().chain(two).any(|r| r.allocated) {
            continue;
        }
        let name = one.or(two).map(|r| r.name.as_slice()).unwrap_or_default();
        let zeros = |exe: &Exe, r: Option<&Region>| r.is_none_or(|r| bytes(exe, r).iter().all(|b| *b == 0));
        let proved = match name {
            b"section headers" => table(a, b, regions, n, parts),
            // The table itself is compared header by header: this number only says where it is.
            b"ELF header: section table offset" => Some(all(regions, n)),
            b".shstrtab" if renamed(parts, a, b) && names_only(a) && names_only(b) => Some(all(regions, n)),
            name if name.starts_with(b"gap after") && zeros(a, one) && zeros(b, two) => Some(all(regions, n)),
            _ => None,
        };
        let Some(proved) = proved.filter(|p| p.shipped + p.rebuilt > 0) else { continue };
        let range = |r: Option<&Region>| r.map_or(0..0, |r| span(&r.range));
        let spans = Sides::new(range(one), range(two));
        let Some(pair) = regions.get_mut(n) else { continue };
        for side in [Side::Shipped, Side::Rebuilt] {
            let account = pair.account.get_mut(side);
            account.unexplained = account.unexplained.saturating_sub(*proved.get(side));
            account.explain(cause, *proved.get(side));
        }
        prove(&mut node.proofs, cause, spans, Sides::new("places and sizes of sections", "places and sizes of sections"));
    }
}

/// All that is unexplained of a pair of regions.
fn all(regions: &[RegionPair], n: usize) -> Sides<u64> {
    regions.get(n).map(|p| p.account.as_ref().map(|a| a.unexplained)).unwrap_or_default()
}

/// Whether names differ by the `z` of `.zdebug_` alone.
fn renamed(parts: &[Part], a: &Exe, b: &Exe) -> bool {
    let pairs: BTreeSet<(usize, usize)> = parts.iter().map(|p| (p.sides.shipped.section, p.sides.rebuilt.section)).collect();
    a.sections.len() == b.sections.len()
        && a.sections.iter().zip(&b.sections).enumerate().all(|(i, (x, y))| x.name == y.name || pairs.contains(&(i, i)))
}

/// One field of a section header.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Name,
    Flags,
    Offset,
    Size,
    Alignment,
    Other,
}

/// Field and its place in a header of 64 or 32 bits.
fn fields(wide: bool) -> [(Field, std::ops::Range<usize>); 8] {
    if wide {
        [
            (Field::Name, 0..4),
            (Field::Other, 4..8),
            (Field::Flags, 8..16),
            (Field::Other, 16..24),
            (Field::Offset, 24..32),
            (Field::Size, 32..40),
            (Field::Other, 40..48),
            (Field::Alignment, 48..56),
        ]
    } else {
        [
            (Field::Name, 0..4),
            (Field::Other, 4..8),
            (Field::Flags, 8..12),
            (Field::Other, 12..16),
            (Field::Offset, 16..20),
            (Field::Size, 20..24),
            (Field::Other, 24..32),
            (Field::Alignment, 32..36),
        ]
    }
}

/// Bytes of the section headers that follow from sections which are accounted for. Only when nothing but differing bytes is
/// unexplained in the table so far, so that nothing is counted twice.
fn table(a: &Exe, b: &Exe, regions: &[RegionPair], n: usize, parts: &[Part]) -> Option<Sides<u64>> {
    let pair = regions.get(n)?;
    let one = bytes(a, a.regions.get(pair.regions.shipped?)?);
    let two = bytes(b, b.regions.get(pair.regions.rebuilt?)?);
    let size = if a.wide { 64 } else { 40 };
    let standard = |exe: &Exe| exe.numbers().int(&exe.blob, if exe.wide { 58 } else { 46 }, 2) == Some(size as u64);
    if a.wide != b.wide || a.sections.len() != b.sections.len() || one.len() != two.len() || !standard(a) || !standard(b) {
        return None;
    }
    let differing = one.iter().zip(two).filter(|(x, y)| x != y).count() as u64;
    if (pair.account.shipped.unexplained, pair.account.rebuilt.unexplained) != (differing, differing) {
        return None;
    }
    let accounted = |index: usize| {
        let pair = |side: Side, exe: &Exe| {
            regions.iter().find(|p| p.regions.get(side).and_then(|i| exe.regions.get(i)).is_some_and(|r| r.section == Some(index)))
        };
        // A section without bytes in the file has no region.
        let clean = |p: Option<&RegionPair>| p.is_none_or(|p| p.account.shipped.unexplained + p.account.rebuilt.unexplained == 0);
        clean(pair(Side::Shipped, a)) && clean(pair(Side::Rebuilt, b))
    };
    let mut proved = 0;
    for (i, ((x, y), (s, t))) in one.chunks_exact(size).zip(two.chunks_exact(size)).zip(a.sections.iter().zip(&b.sections)).enumerate() {
        if x == y || s.is_allocated() || t.is_allocated() {
            continue;
        }
        let part = parts.iter().find(|p| p.sides.shipped.section == i && p.sides.rebuilt.section == i);
        let clean = accounted(i);
        let repacked =
            clean && part.is_some_and(|p| p.aligned_alike() && (p.sides.shipped.packed.is_some() || p.sides.rebuilt.packed.is_some()));
        for (field, at) in fields(a.wide) {
            let (old, new) = (x.get(at.clone())?, y.get(at.clone())?);
            let follows = match field {
                Field::Offset => s.kind == t.kind,
                Field::Size => clean,
                Field::Flags => repacked && (s.flags ^ t.flags) == 0x800,
                Field::Alignment => repacked,
                // A name is what it reads, wherever it stands.
                Field::Name => s.name == t.name || repacked,
                Field::Other => false,
            };
            if follows {
                proved += old.iter().zip(new).filter(|(m, n)| m != n).count() as u64;
            }
        }
    }
    Some(Sides::new(proved, proved))
}
