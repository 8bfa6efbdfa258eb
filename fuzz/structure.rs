//! Damage that keeps an executable readable: numbers of its tables are swapped, copied and moved, where bytes changed blindly would
//! soon leave nothing that a reader accepts.

/// Dice: xorshift, so that the same seed makes the same damage.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (n.max(1) as u64)).unwrap_or_default()
    }
}

/// A table: where it starts, bytes of an entry, entries, and the widths of an entry's fields in order.
struct Table {
    start: usize,
    entry: usize,
    count: usize,
    fields: &'static [usize],
}

const SECTION: &[usize] = &[4, 4, 8, 8, 8, 8, 4, 4, 8, 8];
const PROGRAM: &[usize] = &[4, 4, 8, 8, 8, 8, 8, 8];
const SYMBOL: &[usize] = &[4, 1, 1, 2, 8, 8];
const RELA: &[usize] = &[8, 4, 4, 8];
const WORDS: &[usize] = &[4];
const COFF_SECTION: &[usize] = &[8, 4, 4, 4, 4, 4, 4, 2, 2, 4];

fn number(bytes: &[u8], at: usize, width: usize) -> Option<usize> {
    let mut all = [0u8; 8];
    all.get_mut(..width)?.copy_from_slice(bytes.get(at..at.checked_add(width)?)?);
    usize::try_from(u64::from_le_bytes(all)).ok()
}

/// Tables of a 64-bit ELF, PE or Mach-O file of little byte order (ELF: gABI; PE: "PE Format"; Mach-O: loader.h).
fn tables(file: &[u8]) -> Vec<Table> {
    elf(file).or_else(|| pe(file)).or_else(|| macho(file)).unwrap_or_default()
}

fn elf(file: &[u8]) -> Option<Vec<Table>> {
    file.starts_with(b"\x7fELF\x02\x01").then_some(())?;
    let (headers, count) = (number(file, 40, 8)?, number(file, 60, 2)?.min(256));
    let mut out = vec![
        Table { start: headers, entry: 64, count, fields: SECTION },
        Table { start: number(file, 32, 8)?, entry: 56, count: number(file, 56, 2)?.min(64), fields: PROGRAM },
    ];
    for i in 0..count {
        let at = headers.checked_add(i * 64)?;
        let (Some(kind), Some(start), Some(size)) =
            (number(file, at.checked_add(4)?, 4), number(file, at.checked_add(24)?, 8), number(file, at.checked_add(32)?, 8))
        else {
            continue;
        };
        let (entry, fields) = match kind {
            2 | 11 => (24, SYMBOL),
            4 => (24, RELA),
            6 => (16, &[8, 8][..]),
            // Notes, hashes, versions, and whatever a section of the program holds (debug information, unwind tables).
            1 | 5 | 7 | 0x6fff_fff6 | 0x6fff_fffd..=0x6fff_ffff => (4, WORDS),
            _ => continue,
        };
        out.push(Table { start, entry, count: size / entry, fields });
    }
    Some(out)
}

fn pe(file: &[u8]) -> Option<Vec<Table>> {
    file.starts_with(b"MZ").then_some(())?;
    let head = number(file, 60, 4)?;
    let (count, optional) = (number(file, head.checked_add(6)?, 2)?.min(96), number(file, head.checked_add(20)?, 2)?);
    let start = head.checked_add(24 + optional)?;
    let mut out = vec![
        Table { start: head, entry: 4, count: 6 + optional / 4, fields: WORDS },
        Table { start, entry: 40, count, fields: COFF_SECTION },
    ];
    for i in 0..count {
        let at = start.checked_add(i * 40)?;
        if let (Some(size), Some(start)) = (number(file, at.checked_add(16)?, 4), number(file, at.checked_add(20)?, 4)) {
            out.push(Table { start, entry: 4, count: size / 4, fields: WORDS });
        }
    }
    Some(out)
}

fn macho(file: &[u8]) -> Option<Vec<Table>> {
    file.starts_with(b"\xcf\xfa\xed\xfe").then_some(())?;
    let size = number(file, 20, 4)?;
    Some(vec![
        Table { start: 16, entry: 4, count: size.min(file.len()) / 4 + 4, fields: WORDS },
        Table { start: 0, entry: 4, count: file.len() / 4, fields: WORDS },
    ])
}

/// Changes one to four fields of one of the two files of an input (as [`crate::halves`] reads it); false when neither is an executable.
pub fn damage(input: &mut [u8], seed: u32) -> bool {
    let mut dice = Dice(u64::from(seed) << 8 | 0x9e37);
    let Some(length) = number(input, 0, 4) else { return false };
    let middle = length.saturating_add(4).min(input.len());
    let (first, second) = input.split_at_mut(middle);
    let file = if dice.below(2) == 0 { first.get_mut(4..).unwrap_or_default() } else { second };
    let tables = tables(file);
    let filled: Vec<&Table> = tables.iter().filter(|t| t.count > 0).collect();
    let mut done = false;
    for _ in 0..=dice.below(4) {
        let Some(t) = filled.get(dice.below(filled.len())) else { return false };
        let at = |i: usize| t.start.checked_add(i.checked_mul(t.entry)?);
        let (Some(one), Some(two)) = (at(dice.below(t.count)), at(dice.below(t.count))) else { continue };
        if dice.below(8) == 0 {
            done |= swapped(file, one, two, t.entry);
            continue;
        }
        let which = dice.below(t.fields.len());
        let offset: usize = t.fields.iter().take(which).sum();
        let Some(width) = t.fields.get(which).copied() else { continue };
        done |= changed(file, [one, two].map(|p| p.saturating_add(offset)), width, &mut dice).is_some();
    }
    done
}

fn swapped(file: &mut [u8], one: usize, two: usize, size: usize) -> bool {
    let ends = [one, two].map(|p| p.saturating_add(size));
    if ends.iter().any(|end| *end > file.len()) {
        return false;
    }
    (0..size).for_each(|i| file.swap(one + i, two + i));
    true
}

/// Sets a field to another number, or to that of another entry.
fn changed(file: &mut [u8], [one, two]: [usize; 2], width: usize, dice: &mut Dice) -> Option<()> {
    let old = number(file, one, width)? as u64;
    let near = [1, 2, 4, 8, 16, 0x1000].get(dice.below(6)).copied()?;
    let new = match dice.below(8) {
        0 => number(file, two, width)? as u64,
        1 => old.wrapping_add(near),
        2 => old.wrapping_sub(near),
        3 => 0,
        4 => u64::MAX >> dice.below(64),
        5 => (number(file, two, width)? as u64).wrapping_sub(near),
        6 => file.len() as u64,
        _ => old ^ 1 << dice.below(8 * width.min(8)),
    };
    file.get_mut(one..one.checked_add(width)?)?.copy_from_slice(new.to_le_bytes().get(..width)?);
    Some(())
}
