//! The tables of `ar` archives that follow from the members: symbols to members (System V `/` and `/SYM64/`, BSD
//! `__.SYMDEF`), and long names (`//`).

use object::{Object as _, ObjectSymbol as _};

/// A symbol and the offset of the header of the member that defines it.
pub(crate) type Entry<'a> = (&'a [u8], u64);

/// Whether a member of that name is a table of symbols.
pub(crate) fn is_symbol_table(name: &[u8]) -> bool {
    matches!(name, b"/" | b"/SYM64/" | b"/SYM64" | b"__.SYMDEF" | b"__.SYMDEF SORTED")
}

/// Reads a table of symbols; `None` unless it is well formed to its last byte.
pub(crate) fn symbols<'a>(name: &[u8], content: &'a [u8]) -> Option<Vec<Entry<'a>>> {
    match name {
        b"/" => system_v(content, 4),
        b"/SYM64/" | b"/SYM64" => system_v(content, 8),
        b"__.SYMDEF" | b"__.SYMDEF SORTED" => bsd(content),
        _ => None,
    }
}

fn big(raw: &[u8]) -> u64 {
    raw.iter().fold(0, |n, b| n << 8 | u64::from(*b))
}

fn little(raw: &[u8]) -> Option<usize> {
    usize::try_from(raw.iter().rev().fold(0u64, |n, b| n << 8 | u64::from(*b))).ok()
}

fn name_at(strings: &[u8], at: usize) -> Option<&[u8]> {
    let rest = strings.get(at..)?;
    rest.get(..rest.iter().position(|b| *b == 0)?)
}

/// Count, offsets, then the names in the same order, NUL after each; zeros to an even size.
fn system_v(content: &[u8], width: usize) -> Option<Vec<Entry<'_>>> {
    let count = usize::try_from(big(content.get(..width)?)).ok()?;
    let names_at = count.checked_mul(width)?.checked_add(width)?;
    let offsets = content.get(width..names_at)?;
    let mut rest = content.get(names_at..)?;
    let mut out = Vec::with_capacity(count);
    for offset in offsets.chunks_exact(width) {
        let name = name_at(rest, 0)?;
        rest = rest.get(name.len() + 1..)?;
        out.push((name, big(offset)));
    }
    (rest.len() < 16 && rest.iter().all(|b| *b == 0)).then_some(out)
}

/// Size of the pairs, pairs of name and member, size of the strings, strings. The strings must be the names, one after the
/// other in whatever order, and nothing else.
fn bsd(content: &[u8]) -> Option<Vec<Entry<'_>>> {
    let size = little(content.get(..4)?)?;
    let pairs_end = size.checked_add(4)?;
    let pairs = content.get(4..pairs_end)?;
    let strings_at = pairs_end.checked_add(4)?;
    let strings_end = strings_at.checked_add(little(content.get(pairs_end..strings_at)?)?)?;
    let strings = content.get(strings_at..strings_end)?;
    if !size.is_multiple_of(8) || content.get(strings_end..)?.iter().any(|b| *b != 0) || content.len() - strings_end > 16 {
        return None;
    }
    let mut out = Vec::with_capacity(size / 8);
    let mut places = Vec::with_capacity(size / 8);
    for pair in pairs.chunks_exact(8) {
        let at = little(pair.get(..4)?)?;
        let name = name_at(strings, at)?;
        places.push((at, name.len() + 1));
        out.push((name, little(pair.get(4..)?)? as u64));
    }
    places.sort_unstable();
    places.dedup();
    let mut end = 0;
    for (at, size) in places {
        if at != end {
            return None;
        }
        end = at + size;
    }
    strings.get(end..)?.iter().all(|b| *b == 0).then_some(out)
}

/// The symbols that an object file gives to others, sorted; `None` when it is no object file that can be read.
pub(crate) fn defined(content: &[u8]) -> Option<Vec<Vec<u8>>> {
    let file = object::File::parse(content).ok()?;
    let mut out: Vec<Vec<u8>> = file
        .symbols()
        .filter(|s| (s.is_global() || s.is_weak()) && !s.is_undefined())
        .map(|s| s.name_bytes().map(<[u8]>::to_vec))
        .collect::<Result<_, _>>()
        .ok()?;
    out.sort_unstable();
    Some(out)
}

/// The entries of a table of long names, each ended by `/` and a newline, sorted; `None` when anything else is in it.
pub(crate) fn long_names(content: &[u8]) -> Option<Vec<&[u8]>> {
    let mut out = Vec::new();
    let mut rest = content;
    while let Some(end) = rest.iter().position(|b| *b == b'\n') {
        let line = rest.get(..end)?;
        rest = rest.get(end + 1..)?;
        // One newline at the very end makes the size even.
        if line.is_empty() && rest.is_empty() {
            break;
        }
        out.push(line.strip_suffix(b"/").filter(|n| !n.is_empty())?);
    }
    out.sort_unstable();
    rest.is_empty().then_some(out)
}
