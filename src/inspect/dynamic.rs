//! What section headers say of the tables that the loader reads, against what the loader goes by: the segment `PT_DYNAMIC` and its
//! entries. All that is read of relocations and symbols is read by sections.

use std::collections::BTreeMap;
use std::ops::Range;

use super::exe::{Exe, Format, Section};

const RELA: u32 = 4;
const DYNAMIC: u32 = 6;
const REL: u32 = 9;
const DYNSYM: u32 = 11;
const RELR: u32 = 19;
const VERNEED: u32 = 0x6fff_fffe;
const VERSYM: u32 = 0x6fff_ffff;
/// Tables of relocations: the tag of the address, and that of the size.
const TABLES: [(u64, u64); 4] = [(7, 8), (17, 18), (23, 2), (36, 35)];
/// `DT_SYMTAB`, `DT_STRTAB`, `DT_VERSYM`, `DT_VERNEED`.
const SYMBOLS: u64 = 6;
const STRINGS: u64 = 5;
const VERSIONS: [(u64, u32); 2] = [(0x6fff_fff0, VERSYM), (0x6fff_fffe, VERNEED)];
/// Relocations in forms of Android, which are not read here.
const ANDROID: [u64; 3] = [0x6000_000f, 0x6000_0011, 0x6fff_e000];

/// The entries of `.dynamic` up to its end, each value by its tag; `None` where a tag that says where something is occurs twice.
fn entries(exe: &Exe, s: &Section) -> Option<BTreeMap<u64, u64>> {
    let (n, size) = (exe.numbers(), if exe.wide { 8 } else { 4 });
    let mut out = BTreeMap::new();
    for raw in exe.data(s).chunks_exact(2 * size) {
        let (tag, value) = (n.int(raw, 0, size)?, n.int(raw, size, size)?);
        if tag == 0 {
            break;
        }
        // Names of libraries, and what only says how it was linked, may occur again.
        let again = matches!(tag, 1 | 15 | 29) || (0x6000_0000..0x6fff_fe00).contains(&tag) || tag >= 0x7000_0000;
        if out.insert(tag, value).is_some_and(|before| before != value) && !again {
            return None;
        }
    }
    Some(out)
}

/// A sentence when the sections of a linked file say something else than the loader goes by.
pub(crate) fn contradiction(exe: &Exe) -> Option<String> {
    let read = exe.format == Format::Elf && exe.little && matches!(exe.machine, 3 | 62 | 183) && matches!(exe.kind, 2 | 3);
    // A debug file has the headers and not the content.
    let content = exe.sections.iter().any(|s| s.is_allocated() && !matches!(s.kind, 7 | 8) && s.size > 0);
    if !read || !content {
        return None;
    }
    let said = |what: &str| Some(format!("{what} is not where the loader looks for it"));
    let own: Vec<&Section> = exe.sections.iter().filter(|s| s.kind == DYNAMIC).collect();
    let mut segments = exe.segments.iter().filter(|s| s.kind == 2).map(|s| s.address);
    let (first, second) = (segments.next(), segments.next());
    let Some(s) = own.first() else { return first.and_then(|_| said("the section .dynamic")) };
    if own.len() > 1 || second.is_some() || first != Some(s.address) {
        return said("the section .dynamic");
    }
    let Some(entries) = entries(exe, s) else { return Some("an entry of .dynamic occurs twice".to_owned()) };
    let get = |tag: u64| entries.get(&tag).copied();
    let of_kind = |kind: u32| exe.sections.iter().filter(move |s| s.kind == kind && s.size > 0);
    if !tables_agree(exe, &entries) {
        return said("a table of relocations");
    }
    let symbols: Vec<&Section> = of_kind(DYNSYM).collect();
    if let Some(table) = symbols.first() {
        let strings = exe.sections.get(table.link).map(|s| s.address);
        if symbols.len() > 1 || get(SYMBOLS) != Some(table.address) || strings.is_none() || get(STRINGS) != strings {
            return said("the table of symbols or of their names");
        }
        let linked = |s: &Section| exe.sections.get(s.link).is_some_and(|t| std::ptr::eq(t, *table));
        if of_kind(RELA).chain(of_kind(REL)).any(|s| s.is_allocated() && !linked(s)) {
            return said("the table of symbols of relocations");
        }
    }
    for (tag, kind) in VERSIONS {
        let all: Vec<u64> = of_kind(kind).map(|s| s.address).collect();
        if all != get(tag).into_iter().collect::<Vec<_>>() {
            return said("a table of versions");
        }
    }
    let named = exe.section(".gnu.version").is_some_and(|s| s.kind != VERSYM);
    if named { said("the section .gnu.version") } else { None }
}

/// Whether the sections of relocations are those that `.dynamic` gives, and nothing of those is outside of them.
fn tables_agree(exe: &Exe, entries: &BTreeMap<u64, u64>) -> bool {
    let range = |(at, size): (u64, u64)| {
        let (start, size) = (*entries.get(&at)?, entries.get(&size).copied().unwrap_or(0));
        (size > 0).then(|| start..start.saturating_add(size))
    };
    let given: Vec<Range<u64>> = TABLES.into_iter().filter_map(range).collect();
    let mut own: Vec<Range<u64>> = exe
        .sections
        .iter()
        .filter(|s| matches!(s.kind, RELA | REL | RELR) && s.is_allocated() && s.size > 0)
        .map(|s| s.address..s.address.saturating_add(s.size))
        .collect();
    own.sort_unstable_by_key(|r| r.start);
    let inside = |r: &Range<u64>| given.iter().any(|g| g.start <= r.start && r.end <= g.end);
    let covered = |g: &Range<u64>| {
        let mut at = g.start;
        for r in &own {
            if r.start == at {
                at = r.end;
            }
        }
        at >= g.end
    };
    own.iter().all(inside) && given.iter().all(covered)
}

/// Whether a linked file has relocations that are not read here, or tables of them that no loader reads: where they lead is not known.
pub(crate) fn is_unread(exe: &Exe) -> bool {
    let Some(s) = exe.sections.iter().find(|s| s.kind == DYNAMIC) else {
        // Without a loader only functions that choose are called, by the start files.
        let chosen = match exe.machine {
            62 => 37,
            183 => 1032,
            3 => 42,
            _ => return false,
        };
        let (n, word) = (exe.numbers(), if exe.wide { 8 } else { 4 });
        let mut tables = exe.sections.iter().filter(|s| matches!(s.kind, RELA | REL | RELR) && s.is_allocated());
        let other = |s: &Section, raw: &[u8]| {
            let kind = n.int(raw, word, word).map(|info| info & if exe.wide { 0xffff_ffff } else { 0xff });
            s.kind == RELR || kind != Some(chosen)
        };
        let entry = |s: &Section| if s.kind == REL { 2 * word } else { 3 * word };
        return tables.any(|s| exe.data(s).chunks(entry(s)).any(|raw| other(s, raw)));
    };
    entries(exe, s).is_none_or(|all| ANDROID.iter().any(|tag| all.contains_key(tag)))
}
