//! A symbol table from which symbols were taken out: what is left must be what the other side has, in the same order.

use crate::inspect::exe::{Exe, text_at};

/// What a symbol says, without places in tables.
#[derive(PartialEq, Eq)]
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
