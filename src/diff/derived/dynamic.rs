//! What the loader reads first: `.dynamic`, and relative relocations in their packed form (`.relr.dyn`).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Field, Fields, Table};
use crate::inspect::exe::{Exe, Section};
use crate::model::{Side, Sides};

/// Words that packed relocations of one file may name.
const MAX_PACKED: usize = 1 << 22;

/// Tags with an address: `DT_PLTGOT`, `DT_HASH`, `DT_STRTAB`, `DT_SYMTAB`, `DT_RELA`, `DT_INIT`, `DT_FINI`, `DT_REL`,
/// `DT_JMPREL`, the three arrays, `DT_RELR`, `DT_GNU_HASH`, `DT_VERSYM`, `DT_VERDEF`, `DT_VERNEED`.
const ADDRESSES: [u64; 17] = [3, 4, 5, 6, 7, 12, 13, 17, 23, 25, 26, 32, 36, 0x6fff_fef5, 0x6fff_fff0, 0x6fff_fffc, 0x6fff_fffe];
/// All tags of this range are addresses: stubs of TLS descriptors and others.
const MORE: std::ops::RangeInclusive<u64> = 0x6fff_fe00..=0x6fff_feff;
/// But for these, which are texts: `DT_CONFIG`, `DT_DEPAUDIT`, `DT_AUDIT`.
const TEXTS: std::ops::RangeInclusive<u64> = 0x6fff_fefa..=0x6fff_fefc;
/// `DT_X86_64_PLT`.
const PLT: u64 = 0x7000_0000;
/// Tags with the size of what another tag gives the address of.
const SIZES: [(u64, u64); 8] = [(2, 23), (8, 7), (10, 5), (18, 17), (27, 25), (28, 26), (33, 32), (35, 36)];

impl Table<'_> {
    /// `.dynamic`: addresses, and sizes of whole sections.
    pub(super) fn dynamic(&self) -> Fields {
        if !self.exe(Side::Shipped).wide {
            return Vec::new();
        }
        let values = |side: Side| -> BTreeMap<u64, u64> {
            let entry = |at: usize| Some((self.word(side, at, 8)?, self.word(side, at + 8, 8)?));
            (0..self.bytes.get(side).len()).step_by(16).map_while(entry).take_while(|(tag, _)| *tag != 0).collect()
        };
        let values = Sides::new(values(Side::Shipped), values(Side::Rebuilt));
        let starts = |side: Side| {
            let mut known: HashMap<u64, &Section> = HashMap::new();
            for s in self.exe(side).sections.iter().filter(|s| s.is_allocated()) {
                known.entry(s.address).or_insert(s);
            }
            known
        };
        let known = Sides::new(starts(Side::Shipped), starts(Side::Rebuilt));
        let section = |side: Side, address: u64| known.get(side).get(&address).copied();
        // Of two sections with one name it is not said which is meant.
        let names = |side: Side| {
            let mut count: HashMap<&[u8], usize> = HashMap::new();
            self.exe(side).sections.iter().for_each(|s| *count.entry(&s.name).or_default() += 1);
            count
        };
        let names = Sides::new(names(Side::Shipped), names(Side::Rebuilt));
        let mut out = Vec::new();
        for at in (0..self.bytes.shipped.len()).step_by(16) {
            let (Some(tag), Some(value)) = (self.words(at, 8), self.words(at + 8, 8)) else { break };
            if tag.shipped != tag.rebuilt || tag.shipped == 0 {
                break;
            }
            let field = |same| Field::new(at + 8..at + 16, same);
            if ADDRESSES.contains(&tag.shipped)
                || MORE.contains(&tag.shipped) && !TEXTS.contains(&tag.shipped)
                || tag.shipped == PLT && self.exe(Side::Shipped).machine == 62
            {
                let once = |side: Side, s: &Section| names.get(side).get(s.name.as_slice()) == Some(&1);
                let own = |side: Side| section(side, *value.get(side)).filter(|s| once(side, s));
                let starts = |side: Side| own(side).map(|s| (s.name.as_slice(), s.kind));
                let start = starts(Side::Shipped).is_some() && starts(Side::Shipped) == starts(Side::Rebuilt);
                // All that it reaches over must be one piece: pieces behind its first one may stand in another order.
                let reach = |side: Side| {
                    let (size, _) = SIZES.iter().find(|(_, of)| *of == tag.shipped)?;
                    values.get(side).get(size).copied()
                };
                let beyond = |side: Side| reach(side).is_some_and(|size| own(side).is_none_or(|s| s.size < size));
                let apart = value.rebuilt.wrapping_sub(value.shipped);
                let together = || {
                    let all = value.shipped..value.shipped.saturating_add(reach(Side::Shipped).unwrap_or(0));
                    reach(Side::Shipped) == reach(Side::Rebuilt) && self.images.shifts().moves_whole(&all, apart)
                };
                let whole = !beyond(Side::Shipped) && !beyond(Side::Rebuilt) || together();
                out.push(field((start || self.same(&value)) && whole));
            } else if let Some((_, of)) = SIZES.iter().find(|(size, _)| *size == tag.shipped) {
                let whole = |side: Side| {
                    let start = values.get(side).get(of)?;
                    section(side, *start).map(|s| s.size == *value.get(side))
                };
                let said = value.shipped == value.rebuilt;
                out.push(field(said || whole(Side::Shipped) == Some(true) && whole(Side::Rebuilt) == Some(true)));
            }
        }
        out
    }

    /// `.relr.dyn`: the same words on both sides, in the same order, and in each an address of the same place: wherever it stands.
    pub(super) fn packed_relocations(&self) -> Fields {
        let words = |side: Side| unpack(self.exe(side), self.bytes.get(side));
        let held = |side: Side, at: u64| {
            let exe = self.exe(side);
            exe.numbers().int(exe.bytes_at(at), 0, if exe.wide { 8 } else { 4 })
        };
        let leads = |x: u64, y: u64| match (held(Side::Shipped, x), held(Side::Rebuilt, y)) {
            (Some(old), Some(new)) => self.same(&Sides::new(old, new)),
            _ => false,
        };
        let (old, new) = (words(Side::Shipped), words(Side::Rebuilt));
        let same = match (old, new) {
            (Some(old), Some(new)) => {
                old.len() == new.len() && old.iter().zip(&new).all(|(x, y)| self.same(&Sides::new(*x, *y)) && leads(*x, *y))
            }
            _ => false,
        };
        vec![Field::new(0..self.bytes.shipped.len(), same)]
    }
}

/// The words that the packed relocations of a file make relative.
pub(super) fn packed(exe: &Exe) -> BTreeSet<u64> {
    let tables = exe.sections.iter().filter(|s| s.kind == 19 && s.is_allocated());
    tables.filter_map(|s| unpack(exe, exe.data(s))).flatten().collect()
}

/// The addresses in a table of packed relocations: an even number is an address, an odd one a map of the words behind it.
fn unpack(exe: &Exe, data: &[u8]) -> Option<Vec<u64>> {
    let size = if exe.wide { 8usize } else { 4 };
    let step = size as u64;
    let mut out = Vec::new();
    let mut next = 0u64;
    for at in (0..data.len() / size * size).step_by(size) {
        let entry = exe.numbers().int(data, at, size)?;
        if entry & 1 == 0 {
            out.push(entry);
            next = entry.wrapping_add(step);
        } else {
            let bits = step * 8 - 1;
            out.extend((0..bits).filter(|i| entry >> (i + 1) & 1 == 1).map(|i| next.wrapping_add(i * step)));
            next = next.wrapping_add(bits * step);
        }
        if out.len() > MAX_PACKED {
            return None;
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::blob::Blob;

    #[test]
    fn packed_relocations_are_addresses_and_maps() {
        let mut head = vec![0u8; 64];
        head[..6].copy_from_slice(b"\x7fELF\x02\x01");
        let Ok(exe) = Exe::elf(&Blob::from(head)) else { panic!("a header") };
        let table: Vec<u8> = [0x1000u64, 0b1011, 1 << 63 | 1, 0x2000].iter().flat_map(|w| w.to_le_bytes()).collect();
        // The first map is of the words behind 0x1000, the second of those 63 words further.
        let second = 0x1008 + 63 * 8 + 62 * 8;
        assert_eq!(unpack(&exe, &table), Some(vec![0x1000, 0x1008, 0x1018, second, 0x2000]));
    }
}
