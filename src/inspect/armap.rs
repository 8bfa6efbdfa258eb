//! The tables of `ar` archives that follow from the members: symbols to members (System V `/` and `/SYM64/`, BSD
//! `__.SYMDEF`), and long names (`//`).

use std::collections::BTreeSet;

use object::{Object as _, ObjectSection as _, ObjectSymbol as _};

/// Sections of what runs at the start and at the end, and the name that their parts come under.
const RUN: [(&[u8], &[u8]); 11] = [
    (b".preinit_array", b".preinit_array"),
    (b".init_array", b".init_array"),
    (b".ctors", b".init_array"),
    (b".init", b".init"),
    (b".fini_array", b".fini_array"),
    (b".dtors", b".fini_array"),
    (b".fini", b".fini"),
    (b".CRT", b".CRT"),
    (b"__mod_init_func", b"__mod_init_func"),
    (b"__init_offsets", b"__mod_init_func"),
    (b"__mod_term_func", b"__mod_term_func"),
];

/// Sections that every linker knows, by the start of their names up to a dot or a dollar sign. Of any other name nobody knows
/// what a linker script does with it: tables of initial calls are put together that way, in the order of the members.
const KNOWN: [&[u8]; 66] = [
    b".text",
    b".data",
    b".rodata",
    b".rdata",
    b".bss",
    b".tdata",
    b".tbss",
    b".tls",
    b".sdata",
    b".sbss",
    b".sdata2",
    b".sbss2",
    b".ltext",
    b".ldata",
    b".lrodata",
    b".lbss",
    b".eh_frame",
    b".eh_frame_hdr",
    b".gcc_except_table",
    b".sframe",
    b".note",
    b".got",
    b".got2",
    b".plt",
    b".toc",
    b".toc1",
    b".tocbss",
    b".opd",
    b".branch_lt",
    b".jcr",
    b".interp",
    b".dynamic",
    b".dynsym",
    b".dynstr",
    b".hash",
    b".gnu.hash",
    b".gnu.version",
    b".gnu.version_r",
    b".tm_clone_table",
    b".stapsdt",
    b".ARM",
    b".MIPS",
    b".reginfo",
    b".pdata",
    b".xdata",
    b".drectve",
    b".idata",
    b".debug",
    b".llvm_addrsig",
    b".gfids",
    b".giats",
    b".gljmp",
    b".sxdata",
    b".chks64",
    b".comment",
    b"__text",
    b"__const",
    b"__cstring",
    b"__data",
    b"__bss",
    b"__common",
    b"__compact_unwind",
    b"__eh_frame",
    b"__gcc_except_tab",
    b"__literal4",
    b"__literal8",
];
/// What the sections that are not known are gathered as.
pub(crate) const UNKNOWN: &[u8] = b"a section of a name of its own";

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

/// The sections of an object whose parts a linker puts together for something that goes through them in their order: what runs
/// at the start and at the end, and sets of data (`__start_NAME` to `__stop_NAME`). Priorities count as the section without.
/// An error for code of a compiler (LTO), which may become any of that.
pub(crate) fn gathered(content: &[u8]) -> Result<BTreeSet<Vec<u8>>, String> {
    if content.starts_with(b"BC\xc0\xde") || content.starts_with(b"\xde\xc0\x17\x0b") {
        return Err("a member is code of a compiler, whose constructors are not known".to_owned());
    }
    let Ok(file) = object::File::parse(content) else {
        // A linker may read what is not read here.
        let is_object = content.starts_with(b"\x7fELF");
        return if is_object { Err("a member is an object that cannot be read".to_owned()) } else { Ok(BTreeSet::new()) };
    };
    let elf = file.format() == object::BinaryFormat::Elf;
    let mut out = BTreeSet::new();
    for section in file.sections() {
        let Ok(name) = section.name_bytes() else { continue };
        if name.starts_with(b".gnu.lto_") {
            return Err("a member is code of a compiler, whose constructors are not known".to_owned());
        }
        let run =
            RUN.iter().find(|(start, _)| name.strip_prefix(*start).is_some_and(|rest| matches!(rest.first(), None | Some(b'.' | b'$'))));
        let identifier = elf && !name.is_empty() && name.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_');
        match run {
            Some((_, gathered)) => out.insert(gathered.to_vec()),
            None if identifier => out.insert(name.to_vec()),
            None if is_loaded(&section) && !is_known(name) => out.insert(UNKNOWN.to_vec()),
            None => continue,
        };
    }
    Ok(out)
}

/// Whether a part of a section may get into the program.
fn is_loaded(section: &object::Section<'_, '_>) -> bool {
    match section.flags() {
        object::SectionFlags::Elf { sh_flags, .. } => sh_flags.0 & object::elf::SHF_ALLOC.0 != 0,
        _ => section.kind() != object::SectionKind::Debug,
    }
}

fn is_known(name: &[u8]) -> bool {
    let is = |known: &[u8]| name.strip_prefix(known).is_some_and(|rest| matches!(rest.first(), None | Some(b'.' | b'$')));
    KNOWN.iter().any(|known| is(known)) || name.starts_with(b"__literal") || name.starts_with(b"__thread_") && name != b"__thread_init"
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
