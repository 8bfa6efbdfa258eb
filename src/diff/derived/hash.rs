//! `.hash`: the table with which the loader finds a symbol by its name. It follows from the names in the symbol table and from
//! the order in which the linker put them into it.

use std::collections::HashMap;

use super::{Field, Fields, Table};
use crate::inspect::exe::{Exe, Names, Numbers};
use crate::model::Side;

/// Symbols that are looked at.
const MAX_SYMBOLS: usize = 1 << 20;

impl Table<'_> {
    /// `.hash` (gABI, "Hash Table"): the number of buckets and chains, the first symbol of each bucket, and for each symbol
    /// the next one. A loader finds every symbol that has a name in it, and of several with one name the same first one.
    pub(super) fn hash(&self) -> Fields {
        if self.bytes.shipped == self.bytes.rebuilt {
            // It holds numbers of symbols, and refers to no place.
            return Vec::new();
        }
        let found = |side: Side| {
            let exe = self.exe(side);
            let names = names(exe, self.sections.get(side).link)?;
            sysv(exe.numbers(), self.bytes.get(side), &names)
        };
        let same = match (found(Side::Shipped), found(Side::Rebuilt)) {
            (Some(old), Some(new)) => old == new,
            _ => false,
        };
        vec![Field::new(0..self.bytes.shipped.len(), same)]
    }
}

/// The names of the symbols of a table: empty for those that a loader does not look for.
fn names(exe: &Exe, table: usize) -> Option<Vec<&[u8]>> {
    let table = exe.sections.get(table).filter(|s| s.kind == 11)?;
    let strings = exe.sections.get(table.link).map(|s| exe.data(s))?;
    let (size, n) = (if exe.wide { 24 } else { 16 }, exe.numbers());
    let data = exe.data(table);
    if data.len() / size > MAX_SYMBOLS {
        return None;
    }
    let mut names = Names::new(strings);
    data.chunks_exact(size).map(|raw| names.at(n.int(raw, 0, 4)?)).collect()
}

/// The symbols of each name in the order in which a loader finds them; `None` when the table does not lead to every symbol
/// exactly once, by its own bucket.
fn sysv<'a>(numbers: Numbers, data: &[u8], names: &[&'a [u8]]) -> Option<HashMap<&'a [u8], Vec<usize>>> {
    let word = |i: usize| numbers.int(data, i.checked_mul(4)?, 4).and_then(|w| usize::try_from(w).ok());
    let (buckets, chains) = (word(0)?, word(1)?);
    let size = buckets.checked_add(chains)?.checked_add(2)?.checked_mul(4)?;
    if data.len() != size || chains != names.len() || buckets == 0 {
        return None;
    }
    let mut out: HashMap<&[u8], Vec<usize>> = HashMap::new();
    let mut seen = vec![false; chains];
    for bucket in 0..buckets {
        let mut next = word(2 + bucket)?;
        while next != 0 {
            let name = *names.get(next)?;
            if std::mem::replace(seen.get_mut(next)?, true) || name.is_empty() || elf_hash(name) as usize % buckets != bucket {
                return None;
            }
            out.entry(name).or_default().push(next);
            next = word(2 + buckets + next)?;
        }
    }
    // What nothing leads to has no next one either.
    let unused = seen.iter().enumerate().filter(|(_, seen)| !**seen);
    for (i, _) in unused {
        if !names.get(i)?.is_empty() || word(2 + buckets + i)? != 0 {
            return None;
        }
    }
    Some(out)
}

/// The hash function of the gABI.
fn elf_hash(name: &[u8]) -> u32 {
    let mut h = 0u32;
    for byte in name {
        h = (h << 4).wrapping_add(u32::from(*byte));
        let high = h & 0xf000_0000;
        h = (h ^ high >> 24) & !high;
    }
    h
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table with one bucket for `names`, which follow each other in that order.
    fn table(order: &[u32], chains: u32) -> Vec<u8> {
        let mut next = vec![0; chains as usize];
        for pair in order.windows(2) {
            next[pair[0] as usize] = pair[1];
        }
        let words = [1, chains, order[0]].into_iter().chain(next);
        words.flat_map(u32::to_le_bytes).collect()
    }

    #[test]
    fn only_the_order_of_names_that_are_not_the_same_may_differ() {
        let numbers = Numbers { wide: true, little: true };
        let names = [&b""[..], b"free", b"malloc", b"malloc"];
        let read = |order: &[u32]| sysv(numbers, &table(order, 4), &names);
        let first = read(&[1, 2, 3]);
        assert!(first.is_some());
        assert_eq!(read(&[2, 1, 3]), first);
        assert_eq!(read(&[2, 3, 1]), first);
        assert_ne!(read(&[3, 2, 1]), first, "of two symbols with one name the loader finds the other one first");
        assert_eq!(read(&[1, 2]), None, "a symbol that nobody finds");
        let mut circle = table(&[1, 2, 3], 4);
        circle[3 * 4 + 3 * 4] = 1;
        assert_eq!(sysv(numbers, &circle, &names), None);
        let two_buckets: Vec<u8> = [2u32, 4, 1, 2, 0, 0, 3, 0].into_iter().flat_map(u32::to_le_bytes).collect();
        // Both hashes are odd: `free` in the first bucket is never found.
        assert_eq!(sysv(numbers, &two_buckets, &names), None);
    }

    #[test]
    fn the_hash_is_that_of_the_standard() {
        // Figures of the gABI's own function.
        assert_eq!(elf_hash(b""), 0);
        assert_eq!(elf_hash(b"printf"), 0x077905a6);
        assert_eq!(elf_hash(b"exit"), 0x0006cf04);
        assert_eq!(elf_hash(b"syscall"), 0x0b09985c);
    }
}
