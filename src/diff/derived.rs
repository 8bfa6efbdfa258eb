//! Tables whose entries refer to places: relocations, pointers that the loader fills, unwind tables, symbols. Each field that
//! differs must lead to the same place on both sides; every other byte must be equal.

use std::ops::Range;

use gimli::UnwindSection as _;

use super::account::{prove, raw, runs};
use super::exe::{RegionPair, both, bytes};
use super::image::Images;
use crate::inspect::exe::{Exe, text_at};
use crate::inspect::symbols::Bound;
use crate::model::{Cause, Node, Side, Sides};

/// Differing ranges that are looked at in one table.
const MAX_RUNS: usize = 1 << 20;

/// Explains the fields of all such tables of the pair.
pub(super) fn explain(node: &mut Node, images: &Images, regions: &mut [RegionPair]) {
    let (a, b) = (&images.sides.shipped.elf, &images.sides.rebuilt.elf);
    for pair in regions {
        let Some((x, y)) = both(images, pair) else { continue };
        let (Some(s), Some(t)) = (x.section.and_then(|i| a.sections.get(i)), y.section.and_then(|i| b.sections.get(i))) else { continue };
        let (old, new) = (bytes(a, x), bytes(b, y));
        // Only where the account is the plain comparison, position by position.
        if old == new || old.len() != new.len() || s.kind != t.kind || pair.account != raw(old, new) {
            continue;
        }
        let table = Table { images, sides: Sides::new(a, b), bytes: Sides::new(old, new), starts: Sides::new(s.address, t.address) };
        let proved = match (s.kind, s.name.as_slice()) {
            (4, _) => table.relocations(),
            (2 | 11, _) => table.symbols(s.link, t.link),
            (1 | 0x7000_0001, b".eh_frame") => table.frames(),
            (1 | 0x7000_0001, b".eh_frame_hdr") => table.frame_header(),
            (1 | 14 | 15 | 16, _) if s.is_written() && !s.is_code() => table.pointers(),
            _ => Vec::new(),
        };
        if proved.is_empty() {
            continue;
        }
        let Some(differing) = runs(old, new, MAX_RUNS) else { continue };
        let inside = |i: usize| {
            let after = proved.partition_point(|f| f.start <= i);
            after.checked_sub(1).and_then(|n| proved.get(n)).is_some_and(|f| f.contains(&i))
        };
        let explained = differing.iter().cloned().flatten().filter(|i| inside(*i)).count() as u64;
        for account in [&mut pair.account.shipped, &mut pair.account.rebuilt] {
            account.unexplained = account.unexplained.saturating_sub(explained);
            account.explain(Cause::AddressShift, explained);
        }
        let name = s.name.as_slice();
        for field in proved.iter().filter(|f| old.get((*f).clone()) != new.get((*f).clone())) {
            let at = |base: usize| (base + field.start) as u64..(base + field.end) as u64;
            let text = format!("places in {}", crate::text::Untrusted::from(name).lossy());
            prove(&mut node.proofs, Cause::AddressShift, Sides::new(at(x.range.start), at(y.range.start)), Sides::new(&text, &text));
        }
    }
}

struct Table<'a> {
    images: &'a Images,
    sides: Sides<&'a Exe>,
    bytes: Sides<&'a [u8]>,
    starts: Sides<u64>,
}

/// Ranges of fields that lead to the same place on both sides, in order and without overlaps.
type Fields = Vec<Range<usize>>;

impl Table<'_> {
    fn word(&self, side: Side, at: usize, size: usize) -> Option<u64> {
        self.sides.get(side).numbers().int(self.bytes.get(side), at, size)
    }

    fn words(&self, at: usize, size: usize) -> Option<Sides<u64>> {
        Some(Sides::new(self.word(Side::Shipped, at, size)?, self.word(Side::Rebuilt, at, size)?))
    }

    fn same(&self, addresses: &Sides<u64>) -> bool {
        self.images.same_place(addresses.shipped, addresses.rebuilt)
    }

    /// `.rela`: the place that is filled, and for relative ones the address that is put there.
    fn relocations(&self) -> Fields {
        let (wide, machine) = (self.sides.shipped.wide, self.sides.shipped.machine);
        let relative = match machine {
            62 => 8,
            183 => 1027,
            _ => return Vec::new(),
        };
        if !wide {
            return Vec::new();
        }
        let mut out = Vec::new();
        for at in (0..self.bytes.shipped.len()).step_by(24) {
            let (Some(place), Some(info), Some(addend)) = (self.words(at, 8), self.words(at + 8, 8), self.words(at + 16, 8)) else { break };
            if info.shipped != info.rebuilt {
                continue;
            }
            let place_holds = self.same(&place);
            if place_holds {
                out.push(at..at + 8);
            }
            if info.shipped & 0xffff_ffff == relative && self.same(&addend) {
                out.push(at + 16..at + 24);
            }
        }
        out
    }

    /// Words that the loader fills with an address of this file, and that hold this address already.
    fn pointers(&self) -> Fields {
        if !self.sides.shipped.wide {
            return Vec::new();
        }
        let mut out = Vec::new();
        let mut last = 0;
        for run in runs(self.bytes.shipped, self.bytes.rebuilt, MAX_RUNS).unwrap_or_default() {
            let at = run.start / 8 * 8;
            if at < last || run.end > at + 8 {
                continue;
            }
            last = at + 8;
            let bound = |side: Side| match self.images.sides.get(side).bound(self.starts.get(side).wrapping_add(at as u64)) {
                Some(Bound::Relative(to)) if self.word(side, at, 8) == Some(*to) => Some(*to),
                _ => None,
            };
            if let (Some(old), Some(new)) = (bound(Side::Shipped), bound(Side::Rebuilt))
                && self.same(&Sides::new(old, new))
            {
                out.push(at..at + 8);
            }
        }
        out
    }

    /// Symbols: the value, when name, kind, size and section are the same.
    fn symbols(&self, link: usize, other: usize) -> Fields {
        let (a, b) = (self.sides.shipped, self.sides.rebuilt);
        let (Some(s), Some(t)) = (a.sections.get(link), b.sections.get(other)) else { return Vec::new() };
        let (size, index_at) = if a.wide { (24, 6) } else { return Vec::new() };
        let mut out = Vec::new();
        for at in (0..self.bytes.shipped.len()).step_by(size) {
            let (Some(name), Some(index), Some(value)) = (self.words(at, 4), self.words(at + index_at, 2), self.words(at + 8, 8)) else {
                break;
            };
            let text =
                |exe: &'_ Exe, section, offset: u64| text_at(exe.data(section), usize::try_from(offset).unwrap_or(usize::MAX)).to_vec();
            let section = |exe: &'_ Exe, index: u64| exe.sections.get(usize::try_from(index).unwrap_or(usize::MAX)).map(|s| s.name.clone());
            let said = (4..8).chain(16..24).all(|i| self.bytes.shipped.get(at + i) == self.bytes.rebuilt.get(at + i));
            let alike = said
                && index.shipped == index.rebuilt
                && (1..0xff00).contains(&index.shipped)
                && section(a, index.shipped) == section(b, index.rebuilt)
                && text(a, s, name.shipped) == text(b, t, name.rebuilt);
            if alike && (self.same(&value) || self.bounds(index.shipped, &value)) {
                out.push(at + 8..at + 16);
            }
        }
        out
    }

    /// Whether both are the start, or both the end, of the section of that index.
    fn bounds(&self, index: u64, value: &Sides<u64>) -> bool {
        let at = |exe: &Exe| exe.sections.get(usize::try_from(index).ok()?).map(|s| (s.address, s.address.saturating_add(s.size)));
        let (Some(x), Some(y)) = (at(self.sides.shipped), at(self.sides.rebuilt)) else { return false };
        (value.shipped, value.rebuilt) == (x.0, y.0) || (value.shipped, value.rebuilt) == (x.1, y.1)
    }

    /// `.eh_frame`: where each entry starts, and its language-specific data. Lengths and instructions must be equal.
    fn frames(&self) -> Fields {
        let (Some(old), Some(new)) = (self.entries(Side::Shipped), self.entries(Side::Rebuilt)) else { return Vec::new() };
        let mut out = Vec::new();
        for (x, y) in old.iter().zip(&new) {
            // The entries stand at the same offsets, and the initial location has four bytes relative to itself.
            if x.offset != y.offset || x.length != y.length || x.encoding != 0x1b || y.encoding != 0x1b {
                continue;
            }
            if self.same(&Sides::new(x.start, y.start)) {
                out.push(x.offset + 8..x.offset + 12);
            }
        }
        out
    }

    /// `.eh_frame_hdr`: made anew from the entries of `.eh_frame`, which has its own account.
    fn frame_header(&self) -> Fields {
        let holds = |side: Side| -> Option<bool> {
            let exe = self.sides.get(side);
            let data = self.bytes.get(side);
            if data.get(..4)? != [1, 0x1b, 3, 0x3b] || !exe.little {
                return None;
            }
            let start = *self.starts.get(side);
            let frame = exe.section(".eh_frame")?;
            let signed = |at: usize| -> Option<i64> { Some(i64::from(i32::from_le_bytes(data.get(at..at + 4)?.try_into().ok()?))) };
            let pointer = start.wrapping_add(4).wrapping_add_signed(signed(4)?);
            let count = usize::try_from(signed(8)?).ok()?;
            let mut made: Vec<(i64, i64)> = frames_of(exe)?
                .iter()
                .map(|f| {
                    let at = frame.address.wrapping_add(f.offset as u64);
                    (f.start.wrapping_sub(start).cast_signed(), at.wrapping_sub(start).cast_signed())
                })
                .collect();
            made.sort_unstable();
            let rows: Option<Vec<(i64, i64)>> = (0..count).map(|i| Some((signed(12 + i * 8)?, signed(16 + i * 8)?))).collect();
            Some(pointer == frame.address && data.len() == 12 + count * 8 && rows? == made)
        };
        if holds(Side::Shipped) == Some(true) && holds(Side::Rebuilt) == Some(true) {
            vec![4..8, 12..self.bytes.shipped.len()]
        } else {
            Vec::new()
        }
    }

    fn entries(&self, side: Side) -> Option<Vec<Frame>> {
        frames_of(self.sides.get(side))
    }
}

/// One entry of `.eh_frame`.
struct Frame {
    /// Where it is in the section.
    offset: usize,
    length: usize,
    /// Start of the code that it describes.
    start: u64,
    /// How the start is written.
    encoding: u8,
}

fn frames_of(exe: &Exe) -> Option<Vec<Frame>> {
    let s = exe.section(".eh_frame")?;
    let data = exe.data(s);
    let endian = if exe.little { gimli::RunTimeEndian::Little } else { gimli::RunTimeEndian::Big };
    let mut frames = gimli::EhFrame::new(data, endian);
    frames.set_address_size(if exe.wide { 8 } else { 4 });
    let mut bases = gimli::BaseAddresses::default().set_eh_frame(s.address);
    if let Some(text) = exe.section(".text") {
        bases = bases.set_text(text.address);
    }
    let mut out = Vec::new();
    let mut entries = frames.entries(&bases);
    while let Some(entry) = entries.next().ok()? {
        let gimli::CieOrFde::Fde(partial) = entry else { continue };
        let fde = partial.parse(gimli::EhFrame::cie_from_offset).ok()?;
        // 64-bit DWARF has its fields elsewhere: nothing is claimed of it.
        let plain = exe.numbers().int(data, fde.offset(), 4)? != 0xffff_ffff;
        let encoding = fde.cie().fde_address_encoding().map_or(0, |e| e.0);
        out.push(Frame {
            offset: fde.offset(),
            length: fde.entry_len(),
            start: fde.initial_address(),
            encoding: if plain { encoding } else { 0 },
        });
    }
    Some(out)
}
