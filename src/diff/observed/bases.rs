//! Numbers in x86 code that count from the start of the global offset table. All i386 code without a fixed place counts from there; in 64
//! bits only code for large programs does, by numbers of eight bytes, and code of which somebody takes the address of the table.

use std::ops::Range;

use super::{candidates, pieces};
use crate::diff::asm::{self, Form};
use crate::diff::image::Image;
use crate::inspect::exe::{Exe, Format};
use crate::inspect::symbols::{Bound, Function};

/// Starts of tables that are looked at: a file has two.
const MAX_TABLES: usize = 16;

/// What code counts from, and by which numbers.
#[derive(Default)]
pub(super) struct Bases {
    /// Where the table starts, by its sections and by `.dynamic`.
    tables: Vec<u64>,
    /// Whether numbers of four bytes count as well.
    short: bool,
    wide: bool,
}

impl Bases {
    /// `None` where there are too many to look at.
    pub(super) fn new(image: &Image) -> Option<Self> {
        let tables = tables(&image.elf);
        if tables.len() > MAX_TABLES {
            return None;
        }
        let short = !tables.is_empty() && (image.elf.machine == 3 || is_taken(image, &tables));
        Some(Self { tables, short, wide: image.elf.wide })
    }

    fn leads(&self, by: i64, range: &Range<u64>) -> bool {
        let to = |table: &u64| table.wrapping_add_signed(by);
        self.tables.iter().any(|table| range.contains(&if self.wide { to(table) } else { to(table) & 0xffff_ffff }))
    }

    /// Whether four bytes of code could be such a number.
    pub(super) fn could(&self, number: i32, range: &Range<u64>) -> bool {
        self.short && self.leads(number.into(), range)
    }

    /// Offsets in code at which eight bytes could be one.
    pub(super) fn long<'a>(&'a self, code: &'a [u8], range: &'a Range<u64>) -> impl Iterator<Item = usize> + 'a {
        let code = if self.wide && !self.tables.is_empty() { code } else { &[] };
        let could = |raw: &[u8]| {
            let number = raw.try_into().map_or(0, i64::from_le_bytes);
            // No file is so large that more than the lower half says something.
            i32::try_from(number).is_ok() && self.leads(number, range)
        };
        code.windows(8).enumerate().filter(move |(_, raw)| could(raw)).map(|(at, _)| at)
    }

    /// Whether an operand of a function is a distance from the table to the range.
    pub(super) fn counts(&self, image: &Image, f: &Function, range: &Range<u64>) -> bool {
        let long_only = !self.short;
        !self.tables.is_empty() && asm::numbers(image, f, long_only).iter().any(|by| self.leads(*by, range))
    }
}

fn tables(elf: &Exe) -> Vec<u64> {
    if !matches!(elf.machine, 3 | 62) || elf.format != Format::Elf {
        return Vec::new();
    }
    let (n, size) = (elf.numbers(), if elf.wide { 8 } else { 4 });
    let sections = elf.sections.iter().filter(|s| s.name.starts_with(b".got")).map(|s| s.address);
    let entries = elf.sections.iter().filter(|s| s.kind == 6).flat_map(|s| elf.data(s).chunks_exact(2 * size));
    let said = entries.filter(|e| n.int(e, 0, size) == Some(3)).filter_map(|e| n.int(e, size, size));
    let mut out: Vec<u64> = sections.chain(said).collect();
    out.sort_unstable();
    out.dedup();
    out
}

/// Whether code takes the address of a table, or the loader puts it somewhere. To read the first slot is something else.
fn is_taken(image: &Image, tables: &[u64]) -> bool {
    let filled = |bound: &Bound| matches!(bound, Bound::Relative(to) | Bound::Computed(to) if tables.contains(to));
    let none = Bases::default();
    tables.iter().any(|table| {
        let range = *table..table.saturating_add(1);
        let taken = |f: &Function| match asm::scan(image, f) {
            Some(scan) => scan.references.iter().any(|r| r.to == *table && matches!(r.form, Form::Address | Form::Number | Form::Page)),
            None => true,
        };
        image
            .elf
            .sections
            .iter()
            .filter(|s| s.is_code() && s.is_allocated())
            .any(|s| pieces(image, s, candidates(&image.elf, image.elf.data(s), s.address, &range, &none)).any(taken))
    }) || image.filled(0..u64::MAX).any(|(_, bound)| filled(bound))
}
