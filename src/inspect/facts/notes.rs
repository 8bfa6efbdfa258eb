//! Notes of ELF files (generic ABI, chapter 5), and the GNU properties in them (the Linux extensions to the generic ABI).

use crate::inspect::exe::Exe;

/// Notes that are read at most.
const MAX_NOTES: usize = 4096;

/// The content of the first note of that owner (with its NUL) and type.
pub(crate) fn note<'a>(exe: &'a Exe, owner: &[u8], kind: u64) -> Option<&'a [u8]> {
    let n = exe.numbers();
    for section in exe.sections.iter().filter(|s| s.kind == 7) {
        let data = exe.data(section);
        let mut at = 0usize;
        for _ in 0..MAX_NOTES {
            let (Some(name), Some(size), Some(own)) = (n.int(data, at, 4), n.int(data, at + 4, 4), n.int(data, at + 8, 4)) else { break };
            let name_at = at + 12;
            let Some(value) = name_at.checked_add((name as usize).next_multiple_of(4)) else { break };
            let Some(end) = value.checked_add(size as usize).filter(|end| *end <= data.len()) else { break };
            if own == kind && data.get(name_at..name_at + name as usize) == Some(owner) {
                return data.get(value..end);
            }
            at = end.next_multiple_of(4);
        }
    }
    None
}

/// The bits of a GNU property; 0 where it is absent.
pub(crate) fn property(exe: &Exe, kind: u64) -> u64 {
    let Some(data) = note(exe, b"GNU\0", 5) else { return 0 };
    let (n, unit) = (exe.numbers(), if exe.wide { 8 } else { 4 });
    let mut at = 0usize;
    while let (Some(own), Some(size)) = (n.int(data, at, 4), n.int(data, at + 4, 4)) {
        if own == kind && size == 4 {
            return n.int(data, at + 8, 4).unwrap_or(0);
        }
        let Some(next) = (at + 8).checked_add((size as usize).next_multiple_of(unit)) else { return 0 };
        at = next;
    }
    0
}
