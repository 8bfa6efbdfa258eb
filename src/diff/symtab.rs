//! A symbol table from which symbols were taken out: what is left must be what the other side has, in the same order. And one
//! whose symbols stand in another order.

use std::collections::HashMap;

use super::image::{Images, Target};
use crate::inspect::exe::{Exe, Section, text_at};
use crate::model::Side;

/// Alignment up to which the end of a section is rounded, in bytes.
const MAX_ALIGNMENT: u64 = 64;

/// What a symbol says, without places in tables.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Said<'a> {
    name: &'a [u8],
    value: u64,
    size: u64,
    info: u64,
    other: u64,
    /// Name of its section; the number itself for the reserved ones.
    section: Result<&'a [u8], u64>,
}

/// Whether the symbols of `fewer` are some of those of `more`, in order, and both string tables hold their names and
/// nothing else.
pub(super) fn is_subset(fewer: &Exe, more: &Exe) -> bool {
    let (Some(kept), Some(all)) = (read(fewer), read(more)) else { return false };
    let mut all = all.into_iter();
    kept.iter().all(|k| all.by_ref().any(|s| s == *k))
}

/// Where a symbol is.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// A number that is no address.
    Number(u64),
    /// What belongs to that address of the rebuilt side.
    At(u64),
    /// The start of its section, where nothing is.
    Start,
    /// The end of the section of that name.
    End(Vec<u8>),
}

/// Whether both sides have the same symbols in another order: each in the same file of source, and at the same place; local
/// ones first on both sides. Both string tables hold their names and nothing else.
pub(super) fn is_permuted(images: &Images) -> bool {
    let sorted = |side: Side| {
        let exe = &images.sides.get(side).elf;
        let mut file: &[u8] = b"";
        let mut out = Vec::new();
        let all = read(exe)?;
        let mut sections: Sections<'_> = HashMap::new();
        for s in &exe.sections {
            sections.entry(&s.name).and_modify(|known| *known = None).or_insert(Some(s));
        }
        if !all.is_sorted_by_key(|s| s.info >> 4 != 0) {
            return None;
        }
        for s in all {
            let local = s.info >> 4 == 0;
            if s.info & 15 == 4 {
                file = s.name;
            }
            let place = place(images, side, &s, &sections)?;
            // A section may be at another place in the table of sections only with its name.
            out.push((if local { file } else { b"" }, Said { value: 0, ..s }, place));
        }
        out.sort();
        Some(out)
    };
    let (old, new) = (sorted(Side::Shipped), sorted(Side::Rebuilt));
    old.is_some() && old == new
}

/// The section of each name; nothing for a name that several have.
type Sections<'a> = HashMap<&'a [u8], Option<&'a Section>>;

fn place(images: &Images, side: Side, s: &Said<'_>, sections: &Sections<'_>) -> Option<Place> {
    let name = match s.section {
        // The value of a thread-local symbol is no address.
        Ok(name) if s.info & 15 != 6 => name,
        _ => return Some(Place::Number(s.value)),
    };
    let section = sections.get(name).copied().flatten()?;
    if !section.is_allocated() {
        return Some(Place::Number(s.value));
    }
    // The linker's own names for the end are rounded up to an alignment.
    let end = section.address.checked_add(section.size)?;
    if s.value == end || s.size == 0 && s.value > end && s.value - end < MAX_ALIGNMENT {
        return Some(Place::End(name.to_vec()));
    }
    let there = images.counterpart(side, s.value).map(|there| if side == Side::Shipped { there } else { s.value });
    match there {
        Some(there) => Some(Place::At(there)),
        None if s.value == section.address => Some(Place::Start),
        // Between sections: the linker's own names for the end of one.
        None => match images.target(side, s.value) {
            Target::SectionEnd(of, 0) => Some(Place::End(of)),
            _ => None,
        },
    }
}

/// The symbols of `.symtab`; `None` when there is none, or its names do not cover their table.
fn read(exe: &Exe) -> Option<Vec<Said<'_>>> {
    let table = exe.sections.iter().find(|s| s.kind == 2 && s.name == b".symtab" && !s.is_allocated())?;
    let strings = exe.sections.get(table.link).filter(|s| s.name == b".strtab" && !s.is_allocated()).map(|s| exe.data(s))?;
    let (data, n, size) = (exe.data(table), exe.numbers(), if exe.wide { 24 } else { 16 });
    if data.len() % size != 0 {
        return None;
    }
    let mut used = vec![false; strings.len()];
    let mut out = Vec::with_capacity(data.len() / size);
    let mut known = 0usize;
    for raw in data.chunks_exact(size) {
        let at = usize::try_from(n.int(raw, 0, 4)?).ok()?;
        let name = text_at(strings, at);
        // Each byte is marked once at most per starting place: tables with shared ends stay cheap.
        let marks = used.get_mut(at..at.checked_add(name.len() + 1)?)?;
        known = known.checked_add(marks.len()).filter(|k| *k <= strings.len().saturating_mul(64).max(1 << 20))?;
        marks.fill(true);
        let index = n.int(raw, if exe.wide { 6 } else { 14 }, 2)?;
        let section = usize::try_from(index).ok().filter(|i| (1..0xff00).contains(i)).and_then(|i| exe.sections.get(i));
        out.push(Said {
            name,
            value: n.word(raw, 4, 8)?,
            size: n.word(raw, 8, 16)?,
            info: n.int(raw, if exe.wide { 4 } else { 12 }, 1)?,
            other: n.int(raw, if exe.wide { 5 } else { 13 }, 1)?,
            section: section.map_or(Err(index), |s| Ok(s.name.as_slice())),
        });
    }
    used.iter().all(|u| *u).then_some(out)
}
