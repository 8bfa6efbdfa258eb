//! Tables whose entries refer to places: relocations, pointers that the loader fills, unwind tables, symbols. Each field that
//! differs must lead to the same place on both sides; every other byte must be equal. Where anything moved, fields that do not
//! differ must lead to the same place too.

mod debug_frames;
mod dynamic;
mod frames;
mod handlers;
mod hash;
mod turned;

pub(super) use handlers::landing_pads;

use std::collections::BTreeSet;
use std::ops::Range;

use super::account::{prove, raw, runs};
use super::exe::{RegionPair, both, bytes};
use super::image::Images;
use super::objects;
use super::steady::Meaning;
use crate::inspect::blob::same;
use crate::inspect::exe::{Exe, Names, Section};
use crate::inspect::object::Puts;
use crate::inspect::symbols::Bound;
use crate::model::{Cause, Node, Side, Sides};

/// Differing ranges that are looked at in one table.
const MAX_RUNS: usize = 1 << 20;

/// A part of a table that refers to a place, at the same offset on both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Field {
    range: Range<usize>,
    /// Whether both sides lead to the same place.
    same: bool,
}

impl Field {
    fn new(range: Range<usize>, same: bool) -> Self {
        Self { range, same }
    }
}

/// Fields in order and without overlaps.
type Fields = Vec<Field>;

/// Explains the fields of all such tables of the pair. Returns fields that did not change, where anything moved and they are
/// not proved to lead to the same place: ranges in both files; `None` when it was given up.
pub(super) fn explain(
    node: &mut Node,
    images: &Images,
    regions: &mut [RegionPair],
    cancelled: &dyn Fn() -> bool,
) -> Option<Vec<Sides<Range<usize>>>> {
    let (a, b) = (&images.sides.shipped.elf, &images.sides.rebuilt.elf);
    let relative = Sides::new(dynamic::packed(a), dynamic::packed(b));
    let still = images.is_still();
    let mut loose: Vec<(usize, Sides<Range<usize>>)> = Vec::new();
    // Names pair functions: what they say follows only when the code of all of them is accounted for.
    let unproved = regions.iter().any(|p| {
        let code = both(images, p).and_then(|(x, _)| a.sections.get(x.section?)).is_some_and(|s| s.is_code());
        code && p.account.shipped.unexplained + p.account.rebuilt.unexplained > 0
    });
    for (n, pair) in regions.iter_mut().enumerate() {
        let Some((x, y)) = both(images, pair) else { continue };
        let (Some(s), Some(t)) = (x.section.and_then(|i| a.sections.get(i)), y.section.and_then(|i| b.sections.get(i))) else { continue };
        let (old, new) = (bytes(a, x), bytes(b, y));
        let equal = same(old, new);
        if old.len() != new.len() || s.kind != t.kind || equal && still || images.permuted.contains_key(&s.name) {
            continue;
        }
        let sections = Sides::new(s, t);
        if cancelled() {
            return None;
        }
        let table = Table { images, sections, bytes: Sides::new(old, new), relative: &relative };
        let fields = table.fields();
        if !still {
            let unproved = fields.iter().filter(|f| !f.same && old.get(f.range.clone()) == new.get(f.range.clone()));
            let at = |start: usize, f: &Field| start + f.range.start..start + f.range.end;
            loose.extend(unproved.map(|f| (n, Sides::new(at(x.range.start, f), at(y.range.start, f)))));
        }
        // Only where the account is the plain comparison, position by position.
        if equal || pair.account != raw(old, new) || unproved && matches!(s.kind, 2 | 11) {
            continue;
        }
        let proved: Vec<Range<usize>> = fields.into_iter().filter(|f| f.same).map(|f| f.range).collect();
        if proved.is_empty() {
            continue;
        }
        let Some(differing) = runs(old, new, MAX_RUNS) else { continue };
        let inside = |i: usize| {
            let after = proved.partition_point(|f| f.start <= i);
            after.checked_sub(1).and_then(|n| proved.get(n)).is_some_and(|f| f.contains(&i))
        };
        let explained = differing.iter().cloned().flatten().filter(|i| inside(*i)).count() as u64;
        // What leads to places moved with them; what is made of names follows from those.
        let cause = if s.kind == 5 { Cause::Derived } else { Cause::AddressShift };
        for account in [&mut pair.account.shipped, &mut pair.account.rebuilt] {
            account.unexplained = account.unexplained.saturating_sub(explained);
            account.explain(cause, explained);
        }
        let name = s.name.as_slice();
        let text = format!("places in {}", crate::text::Untrusted::from(name).lossy());
        let mut spans = Vec::new();
        for field in proved.iter().filter(|f| old.get((*f).clone()) != new.get((*f).clone())) {
            let at = |base: usize| (base + field.start) as u64..(base + field.end) as u64;
            spans.push(Sides::new(at(x.range.start), at(y.range.start)));
        }
        for span in spans {
            prove(&mut node.proofs, cause, span, Sides::new(&text, &text));
        }
    }
    if images.is_turned() {
        for n in turned::explain(node, images, regions, &loose.iter().map(|l| l.0).collect(), !unproved) {
            loose.retain(|l| l.0 != n);
        }
    }
    Some(loose.into_iter().map(|l| l.1).collect())
}

/// The value of the symbol of a table of relocations, where it is defined in the file.
fn defined(exe: &Exe, table: &Section, index: u64) -> Option<u64> {
    let symbols = exe.data(exe.sections.get(table.link)?);
    let symbol = symbols.get(usize::try_from(index).ok()?.checked_mul(24)?..)?;
    let section = exe.numbers().int(symbol, 6, 2)?;
    if section == 0 || index == 0 { None } else { exe.numbers().int(symbol, 8, 8) }
}

/// A pair of sections of one size.
struct Table<'a> {
    images: &'a Images,
    sections: Sides<&'a Section>,
    bytes: Sides<&'a [u8]>,
    /// Addresses of words that packed relocations make relative.
    relative: &'a Sides<BTreeSet<u64>>,
}

impl<'a> Table<'a> {
    fn exe(&self, side: Side) -> &'a Exe {
        &self.images.sides.get(side).elf
    }

    fn fields(&self) -> Fields {
        let s = self.sections.shipped;
        match (s.kind, s.name.as_slice()) {
            _ if self.exe(Side::Shipped).kind == 1 && (s.kind == 4 || self.exe(Side::Shipped).object.is_none()) => Vec::new(),
            (4, _) => self.relocations(),
            (2 | 11, _) => self.symbols(),
            (5, _) => self.hash(),
            (6, _) => self.dynamic(),
            (19, _) => self.packed_relocations(),
            (1 | 0x7000_0001, b".eh_frame") => self.frames(),
            (1 | 0x7000_0001, b".eh_frame_hdr") => self.frame_header(),
            (1, b".gcc_except_table") => self.handlers(),
            (1, b".debug_frame") if s.flags & 0x802 == 0 => self.debug_frames(),
            (1 | 14 | 15 | 16, _) if self.exe(Side::Shipped).kind == 1 && s.is_allocated() && !s.is_code() => self.filled(),
            (1 | 14 | 15 | 16, _) if !s.is_code() && s.is_allocated() => self.pointers(),
            _ => Vec::new(),
        }
    }

    fn word(&self, side: Side, at: usize, size: usize) -> Option<u64> {
        self.exe(side).numbers().int(self.bytes.get(side), at, size)
    }

    fn words(&self, at: usize, size: usize) -> Option<Sides<u64>> {
        Some(Sides::new(self.word(Side::Shipped, at, size)?, self.word(Side::Rebuilt, at, size)?))
    }

    /// The address of an offset in the table.
    fn address(&self, side: Side, at: usize) -> u64 {
        self.sections.get(side).address.wrapping_add(at as u64)
    }

    fn same(&self, addresses: &Sides<u64>) -> bool {
        self.images.meaning(addresses.shipped, addresses.rebuilt) == Meaning::Same
    }

    /// `.rela`: the place that is filled, and each number beside it that is an address of this file: alone, or counted from a symbol of it.
    /// Which of them the loader takes alone is not only for the kind to say (`DT_RELACOUNT`, and symbols that are none).
    fn relocations(&self) -> Fields {
        // Numbers of these count within thread storage.
        let local: [u64; 4] = match (self.exe(Side::Shipped).machine, self.exe(Side::Shipped).wide) {
            (62, true) => [16, 17, 18, 36],
            (183, true) => [1028, 1029, 1030, 1031],
            _ => return Vec::new(),
        };
        let defined = |side: Side, index: u64| defined(self.exe(side), self.sections.get(side), index);
        let held = |side: Side, at: u64| self.exe(side).section_at(at).is_some();
        // Another relocation may fill the same place, or a part of it, and it depends on their order what is there then.
        let once = self.images.same_slots || self.images.fills_each_once();
        let mut out = Vec::new();
        for at in (0..self.bytes.shipped.len()).step_by(24) {
            let (Some(place), Some(info), Some(addend)) = (self.words(at, 8), self.words(at + 8, 8), self.words(at + 16, 8)) else { break };
            if info.shipped != info.rebuilt {
                continue;
            }
            out.push(Field::new(at..at + 8, self.same(&place) && (once || place.shipped == place.rebuilt)));
            if local.contains(&(info.shipped & 0xffff_ffff)) {
                continue;
            }
            let index = info.shipped >> 32;
            let alone = held(Side::Shipped, addend.shipped) || held(Side::Rebuilt, addend.rebuilt);
            let symbols = (defined(Side::Shipped, index), defined(Side::Rebuilt, index));
            let counted = match symbols {
                (Some(x), Some(y)) if (addend.shipped, addend.rebuilt) != (0, 0) => {
                    Some(Sides::new(x.wrapping_add(addend.shipped), y.wrapping_add(addend.rebuilt)))
                }
                _ => None,
            };
            if alone || counted.is_some() {
                let same = (!alone || self.same(&addend)) && counted.is_none_or(|to| self.same(&to));
                out.push(Field::new(at + 16..at + 24, same));
            }
        }
        out
    }

    /// Words that the loader fills with an address of this file, and that hold this address already. Of a word that nobody fills it is not
    /// said that it is an address, whatever its section is called: where it differs only the arrays of functions, which hold nothing else,
    /// and the first word of the global offset table are. Where it did not change and would be one, it must lead to the same place.
    fn pointers(&self) -> Fields {
        let exe = self.exe(Side::Shipped);
        if !exe.wide {
            return Vec::new();
        }
        let s = self.sections.shipped;
        let fixed = exe.kind == 2;
        let table = s.name.starts_with(b".got");
        let called = fixed && matches!(s.kind, 14..=16);
        let dynamic = |side: Side| self.exe(side).sections.iter().find(|s| s.kind == 6).map(|s| s.address);
        let dynamic = Sides::new(dynamic(Side::Shipped), dynamic(Side::Rebuilt));
        let mut out = Vec::new();
        for at in (0..self.bytes.shipped.len() / 8 * 8).step_by(8) {
            let Some(words) = self.words(at, 8) else { break };
            let equal = words.shipped == words.rebuilt;
            let bound = |side: Side| {
                let own = *words.get(side);
                let address = self.address(side, at);
                match self.images.sides.get(side).bound(address) {
                    Some(Bound::Relative(to)) => own == *to,
                    _ => self.relative.get(side).contains(&address),
                }
            };
            let held = |side: Side| self.exe(side).section_at(*words.get(side)).is_some();
            let by_loader = s.is_written() && (!equal || !self.relative.shipped.is_empty()) && bound(Side::Shipped) && bound(Side::Rebuilt);
            // Of a slot that is filled at the first call the loader takes what the file has there.
            let filled = |side: Side| {
                let bound = self.images.sides.get(side).bound(self.address(side, at));
                matches!(bound, Some(Bound::Import(..) | Bound::Computed(_)))
            };
            let slot = || filled(Side::Shipped) && filled(Side::Rebuilt);
            let first = || table && at == 0 && words.as_ref().map(|word| Some(*word)) == dynamic;
            let by_itself = (fixed || table || slot()) && (held(Side::Shipped) || held(Side::Rebuilt));
            if by_loader || by_itself && (equal || called || first() || slot()) {
                out.push(Field::new(at..at + 8, self.same(&words)));
            }
        }
        out
    }

    /// Data of an object: what its relocations put there.
    fn filled(&self) -> Fields {
        let index = |side: Side| {
            let own = *self.sections.get(side);
            self.exe(side).sections.iter().position(|s| std::ptr::eq(s, own)).unwrap_or(usize::MAX)
        };
        let all = |side: Side| self.exe(side).object.as_ref().map(|o| o.in_section(index(side))).unwrap_or_default();
        let (old, new) = (all(Side::Shipped), all(Side::Rebuilt));
        let mut out = Vec::new();
        for (offset, x) in &old {
            let (Some(puts), Ok(at)) = (Puts::of(x.kind), usize::try_from(*offset)) else { continue };
            let Some(range) = at.checked_add(puts.size()).map(|end| at..end).filter(|r| !r.is_empty() && r.end <= self.bytes.shipped.len())
            else {
                continue;
            };
            let same = new.get(offset).filter(|y| y.kind == x.kind).is_some_and(|y| match puts {
                Puts::Address(size) => self.words(at, size).is_some_and(|words| self.same(&words)),
                _ => objects::same_distance(self.images, x, y),
            });
            out.push(Field::new(range, same));
        }
        out
    }

    /// Symbols: the value, when name, kind, size and section are the same.
    fn symbols(&self) -> Fields {
        let (a, b) = (self.exe(Side::Shipped), self.exe(Side::Rebuilt));
        let strings = |side: Side| self.exe(side).sections.get(self.sections.get(side).link).map(|s| self.exe(side).data(s));
        let (Some(names), Some(others)) = (strings(Side::Shipped), strings(Side::Rebuilt)) else { return Vec::new() };
        let (mut names, mut others) = (Names::new(names), Names::new(others));
        let (size, index_at) = if a.wide { (24, 6) } else { return Vec::new() };
        let mut out = Vec::new();
        for at in (0..self.bytes.shipped.len()).step_by(size) {
            let (Some(name), Some(index), Some(value)) = (self.words(at, 4), self.words(at + index_at, 2), self.words(at + 8, 8)) else {
                break;
            };
            let section = |exe: &'a Exe, index: u64| exe.sections.get(usize::try_from(index).ok()?).map(|s| s.name.as_slice());
            let said = (4..8).chain(16..24).all(|i| self.bytes.shipped.get(at + i) == self.bytes.rebuilt.get(at + i));
            // The value of a thread-local symbol is no address.
            let thread = self.bytes.shipped.get(at + 4).is_some_and(|info| info & 15 == 6);
            // In an object a value counts from the start of the section.
            let value = if a.object.is_some() {
                let start = |exe: &Exe, index: u64| exe.sections.get(usize::try_from(index).ok()?).map(|s| s.address);
                let (Some(x), Some(y)) = (start(a, index.shipped), start(b, index.rebuilt)) else { continue };
                Sides::new(x.wrapping_add(value.shipped), y.wrapping_add(value.rebuilt))
            } else {
                value
            };
            let alike = said
                && !thread
                && index.shipped == index.rebuilt
                && (1..0xff00).contains(&index.shipped)
                && section(a, index.shipped) == section(b, index.rebuilt)
                && names.at(name.shipped).is_some_and(|text| others.at(name.rebuilt) == Some(text));
            // The address that a program gives to a function of others: its own stub.
            let stub = said && !thread && (index.shipped, index.rebuilt) == (0, 0) && (value.shipped, value.rebuilt) != (0, 0);
            if stub {
                out.push(Field::new(at + 8..at + 16, self.same(&value)));
            } else if alike {
                out.push(Field::new(at + 8..at + 16, self.same(&value) || self.bounds(index.shipped, &value)));
            }
        }
        out
    }

    /// Whether both are the start, or both the end, of the section of that index.
    fn bounds(&self, index: u64, value: &Sides<u64>) -> bool {
        let at = |exe: &Exe| exe.sections.get(usize::try_from(index).ok()?).map(|s| (s.address, s.address.saturating_add(s.size)));
        let (Some(x), Some(y)) = (at(self.exe(Side::Shipped)), at(self.exe(Side::Rebuilt))) else { return false };
        (value.shipped, value.rebuilt) == (x.0, y.0) || (value.shipped, value.rebuilt) == (x.1, y.1)
    }
}
