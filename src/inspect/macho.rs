//! Mach-O (macOS, iOS), 64-bit and little-endian, read strictly and with bounds. Section names are `__TEXT,__text`.

pub(crate) mod facts;
pub(crate) mod fat;
pub(crate) mod leads;
pub(crate) mod signature;
pub(crate) mod tables;

use std::collections::BTreeSet;
use std::ops::Range;

use super::blob::Blob;
use super::budget::Refused;
use super::exe::{Exe, Format, Numbers, Region, Section, Segment, text_at};

/// Load commands that a file may have.
const MAX_COMMANDS: usize = 4096;
/// Sections that a file may have.
const MAX_SECTIONS: usize = 65_535;
const HEADER: usize = 32;
/// Numbers of the format that is read here.
pub(crate) const N: Numbers = Numbers { wide: true, little: true };

/// Load commands by their numbers.
pub(crate) mod command {
    pub(crate) const SYMTAB: u32 = 2;
    pub(crate) const DYSYMTAB: u32 = 0xb;
    pub(crate) const LOAD_DYLIB: u32 = 0xc;
    pub(crate) const ID_DYLIB: u32 = 0xd;
    pub(crate) const SEGMENT: u32 = 0x19;
    pub(crate) const UUID: u32 = 0x1b;
    pub(crate) const CODE_SIGNATURE: u32 = 0x1d;
    pub(crate) const FUNCTION_STARTS: u32 = 0x26;
    pub(crate) const SOURCE_VERSION: u32 = 0x2a;
    pub(crate) const BUILD_VERSION: u32 = 0x32;
    pub(crate) const MAIN: u32 = 0x8000_0028;
    pub(crate) const RPATH: u32 = 0x8000_001c;
}

/// One load command: its number, and where it is in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) kind: u32,
    pub(crate) range: Range<usize>,
}

impl Command {
    /// A number of four bytes at an offset of the command.
    pub(crate) fn word(&self, bytes: &[u8], at: usize) -> Option<usize> {
        (at + 4 <= self.range.len()).then(|| N.int(bytes, self.range.start + at, 4))?.and_then(|n| usize::try_from(n).ok())
    }

    /// A text of the command, at the offset that a field of it gives.
    pub(crate) fn text<'a>(&self, bytes: &'a [u8], field: usize) -> &'a [u8] {
        let at = self.word(bytes, field).unwrap_or(usize::MAX);
        text_at(bytes.get(self.range.clone()).unwrap_or_default(), at)
    }
}

/// What the code signature of a file says; `None` when there is none or it cannot be read.
pub(crate) fn signed(bytes: &[u8]) -> Option<signature::Terms> {
    signature::Terms::read(bytes.get(linked(bytes, command::CODE_SIGNATURE)?)?)
}

/// Whether the bytes start as a 64-bit Mach-O file of one architecture.
pub(crate) fn is_thin(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xcf, 0xfa, 0xed, 0xfe])
}

/// The load commands; those that do not fit are left out.
pub(crate) fn commands(bytes: &[u8]) -> Vec<Command> {
    let (count, size) = (N.int(bytes, 16, 4).unwrap_or(0) as usize, N.int(bytes, 20, 4).unwrap_or(0) as usize);
    let end = HEADER.saturating_add(size).min(bytes.len());
    let mut at = HEADER;
    let mut out = Vec::new();
    for _ in 0..count.min(MAX_COMMANDS) {
        let (Some(kind), Some(size)) = (N.int(bytes, at, 4), N.int(bytes, at + 4, 4)) else { break };
        let next = at.saturating_add(size as usize);
        if size < 8 || next > end {
            break;
        }
        out.push(Command { kind: kind as u32, range: at..next });
        at = next;
    }
    out
}

/// The headers of the sections of a segment, 80 bytes each.
pub(crate) fn section_headers(segment: &[u8]) -> impl Iterator<Item = &[u8]> {
    let count = N.int(segment, 64, 4).unwrap_or(0) as usize;
    segment.get(72..).unwrap_or_default().chunks_exact(80).take(count)
}

/// The first command of a kind.
pub(crate) fn command(bytes: &[u8], kind: u32) -> Option<Command> {
    commands(bytes).into_iter().find(|c| c.kind == kind)
}

/// A part of the file that a command gives by offset and size.
pub(crate) fn linked(bytes: &[u8], kind: u32) -> Option<Range<usize>> {
    let command = command(bytes, kind)?;
    let start = command.word(bytes, 8)?;
    let end = start.checked_add(command.word(bytes, 12)?)?;
    (start < end && end <= bytes.len()).then_some(start..end)
}

impl Exe {
    /// Parses the load commands of a Mach-O file.
    pub(crate) fn macho(blob: &Blob) -> Result<Self, Refused> {
        let bytes: &[u8] = blob;
        if !is_thin(bytes) || bytes.len() < HEADER {
            return Err(Refused::odd("it is no 64-bit little-endian Mach-O file"));
        }
        let half = |at| N.int(bytes, at, 4).unwrap_or(0) as u32;
        let machine = match half(4) {
            0x0100_0007 => 62,
            0x0100_000c => 183,
            _ => 0xffff,
        };
        let kind = match half(12) {
            1 => 1,
            2 if half(24) & 0x20_0000 == 0 => 2,
            _ => 3,
        };
        let mut exe = Self {
            format: Format::MachO,
            blob: blob.clone(),
            wide: true,
            little: true,
            machine,
            kind,
            segments: Vec::new(),
            sections: Vec::new(),
            regions: Vec::new(),
            starts: Vec::new(),
            odd: Vec::new(),
            object: None,
        };
        let commands = commands(bytes);
        if commands.len() != half(16) as usize {
            exe.odd.push("the load commands do not fit into their place".to_owned());
        }
        exe.read_segments(&commands);
        exe.ambiguous(&commands);
        exe.odd.extend(leads::misplaced(bytes, &commands).map(str::to_owned));
        let parts = exe.macho_parts(&commands);
        exe.cover(parts);
        Ok(exe)
    }

    fn read_segments(&mut self, commands: &[Command]) {
        let blob = self.blob.clone();
        let bytes: &[u8] = &blob;
        let mut sum = 0u64;
        let mut sections = Vec::new();
        for c in commands.iter().filter(|c| c.kind == command::SEGMENT) {
            let raw = bytes.get(c.range.clone()).unwrap_or_default();
            let long = |at| N.int(raw, at, 8).unwrap_or(0);
            let rights = N.int(raw, 60, 4).unwrap_or(0) as u32;
            // Read 1, write 2, run 4 here; read 4, write 2, run 1 in ELF.
            let flags = (rights & 1) << 2 | rights & 2 | rights >> 2 & 1;
            self.segments.push(Segment { kind: 1, flags, offset: long(40), address: long(24), size: long(48), memory: long(32) });
            if raw.len().saturating_sub(72) / 80 < N.int(raw, 64, 4).unwrap_or(0) as usize {
                self.odd.push("a segment says that it has more sections than fit".to_owned());
            }
            for raw in section_headers(raw) {
                let int = |at| N.int(raw, at, 4).unwrap_or(0);
                let short = |at: usize| text_at(raw.get(at..at + 16).unwrap_or_default(), 0);
                let name = [short(16), b",", short(0)].concat();
                let (address, size, flags) = (N.int(raw, 32, 8).unwrap_or(0), N.int(raw, 40, 8).unwrap_or(0), int(64));
                let empty = matches!(flags & 0xff, 1 | 0xc | 0x12);
                let start = int(48) as usize;
                let end = usize::try_from(size).ok().and_then(|size| start.checked_add(size)).filter(|end| *end <= bytes.len());
                let range = match end {
                    _ if empty => 0..0,
                    Some(end) => start..end,
                    None => {
                        self.odd.push(format!("section {} reaches outside the file", sections.len()));
                        0..0
                    }
                };
                sum = sum.saturating_add(range.len() as u64);
                let debug = name.starts_with(b"__DWARF,") || flags & 0x0200_0000 != 0;
                let bits = u64::from(rights >> 1 & 1) | if debug { 0 } else { 2 } | if flags & 0x8000_0400 != 0 { 4 } else { 0 };
                sections.push(Section { name, kind: if empty { 8 } else { 1 }, flags: bits, address, size, range, link: 0, info: 0 });
            }
        }
        if sum > (bytes.len() as u64).saturating_mul(4) || sections.len() > MAX_SECTIONS {
            self.odd.push("the sections together are more than four times the file: they are not used".to_owned());
            return;
        }
        self.starts = sections.iter().enumerate().filter(|(_, s)| s.is_allocated() && s.size > 0).map(|(i, s)| (s.address, i)).collect();
        self.starts.sort_unstable();
        self.sections = sections;
    }

    /// Says what could be read in two ways: bytes that belong to two things, and commands of which the loader takes one.
    fn ambiguous(&mut self, commands: &[Command]) {
        let bytes: &[u8] = &self.blob;
        let mut all: Vec<(Range<u64>, String)> = Vec::new();
        let part = |start: u64, size: u64, what: &str| (start..start.saturating_add(size), what.to_owned());
        let mut once = BTreeSet::new();
        let mut odd = Vec::new();
        for c in commands {
            let name = name_of(c.kind).map_or_else(|| format!("load command {:#x}", c.kind), str::to_owned);
            let data = linked_data(c, bytes);
            let several = c.kind == NOTE || !ONCE.contains(&c.kind) && data.is_empty();
            if !several && !once.insert(c.kind) {
                odd.push(format!("{name} occurs twice: the loader takes one of them"));
            }
            all.push(part(c.range.start as u64, c.range.len() as u64, &name));
            all.extend(data.into_iter().map(|(start, size)| part(start, size, &name)));
        }
        all.push(part(0, HEADER as u64, "the header"));
        let sections = self.sections.iter().filter(|s| !s.range.is_empty());
        all.extend(sections.map(|s| part(s.range.start as u64, s.range.len() as u64, &String::from_utf8_lossy(&s.name))));
        let segments = commands.iter().filter(|c| c.kind == command::SEGMENT).filter_map(|c| bytes.get(c.range.clone()));
        for raw in segments.flat_map(section_headers) {
            let int = |at| N.int(raw, at, 4).unwrap_or(0);
            all.push(part(int(56), int(60).saturating_mul(8), "relocations"));
        }
        let loads = self.segments.iter().map(|s| part(s.offset, s.size, "a segment")).collect();
        for mut group in [all, loads] {
            group.retain(|(range, _)| !range.is_empty());
            group.sort_by_key(|(range, _)| (range.start, range.end));
            let pairs = group.iter().zip(group.iter().skip(1)).filter(|((x, _), (y, _))| y.start < x.end);
            odd.extend(pairs.take(20).map(|((_, x), (_, y))| format!("{} overlaps {}", shown(y), shown(x))));
        }
        self.odd.extend(odd);
    }

    /// The parts of the file that its load commands describe: each command is one, and so is each table that is linked.
    fn macho_parts(&self, commands: &[Command]) -> Vec<Region> {
        let bytes: &[u8] = &self.blob;
        let mut parts: Vec<Region> = Vec::new();
        let mut part = |name: &[u8], range: Range<usize>, allocated: bool, section: Option<usize>| {
            let end = range.end.min(bytes.len());
            let range = range.start.min(end)..end;
            let address = section.and_then(|i| self.sections.get(i)).map(|s| s.address);
            let address = address.or_else(|| self.address_of(range.start as u64)).unwrap_or(0);
            parts.push(Region { name: name.to_vec(), range, address, allocated, section });
        };
        part(b"Mach-O header", 0..HEADER, true, None);
        for c in commands {
            let name = match c.kind {
                command::SEGMENT => format!(
                    "LC_SEGMENT_64 {}",
                    String::from_utf8_lossy(text_at(bytes.get(c.range.start + 8..c.range.start + 24).unwrap_or_default(), 0))
                ),
                kind => name_of(kind).map_or_else(|| format!("load command {kind:#x}"), str::to_owned),
            };
            part(name.as_bytes(), c.range.clone(), true, None);
            let pair = |at: usize, unit: usize| {
                let (start, count) = (c.word(bytes, at)?, c.word(bytes, at + 4)?);
                Some(start..start.checked_add(count.checked_mul(unit)?)?).filter(|r| r.start > 0 && !r.is_empty())
            };
            // What is linked: offset and count at an offset of the command, the size of each, and whether the loader reads it.
            let tables: &[(&str, usize, usize, bool)] = match c.kind {
                command::SYMTAB => &[("symbol table", 8, 16, false), ("string table", 16, 1, false)],
                command::DYSYMTAB => &[("indirect symbols", 56, 4, true)],
                command::CODE_SIGNATURE => &[("code signature", 8, 1, false)],
                command::FUNCTION_STARTS => &[("function starts", 8, 1, true)],
                0x29 => &[("data in code", 8, 1, true)],
                0x22 | 0x8000_0022 => &[
                    ("rebases", 8, 1, true),
                    ("binds", 16, 1, true),
                    ("weak binds", 24, 1, true),
                    ("lazy binds", 32, 1, true),
                    ("exports", 40, 1, true),
                ],
                0x8000_0033 => &[("exports", 8, 1, true)],
                0x8000_0034 => &[("chained fixups", 8, 1, true)],
                _ => &[],
            };
            for (name, at, unit, allocated) in tables {
                if let Some(range) = pair(*at, *unit) {
                    part(name.as_bytes(), range, *allocated, None);
                }
            }
        }
        for (i, s) in self.sections.iter().enumerate().filter(|(_, s)| !s.range.is_empty()) {
            part(&s.name, s.range.clone(), s.is_allocated(), Some(i));
        }
        parts
    }
}

/// Commands of which a file has one, beside those that lead to data.
const ONCE: [u32; 3] = [command::UUID, command::MAIN, command::ID_DYLIB];
/// A note of the linker for somebody, of which there may be many.
const NOTE: u32 = 0x31;

/// Data that a command leads to: where it is in the file, and its size.
fn linked_data(c: &Command, bytes: &[u8]) -> Vec<(u64, u64)> {
    let word = |at: usize| c.word(bytes, at).unwrap_or(0) as u64;
    let pairs =
        |fields: &[(usize, u64)]| fields.iter().map(|(at, unit)| (word(*at), word(at + 4).saturating_mul(*unit))).collect::<Vec<_>>();
    let mut out = match c.kind {
        command::SYMTAB => pairs(&[(8, 16), (16, 1)]),
        command::DYSYMTAB => pairs(&[(32, 8), (40, 56), (48, 4), (56, 4), (64, 8), (72, 8)]),
        0x22 | 0x8000_0022 => pairs(&[(8, 1), (16, 1), (24, 1), (32, 1), (40, 1)]),
        // Hints of two levels.
        0x16 => pairs(&[(8, 4)]),
        NOTE => {
            let long = |at: usize| if at + 8 <= c.range.len() { N.int(bytes, c.range.start + at, 8).unwrap_or(0) } else { 0 };
            vec![(long(24), long(32))]
        }
        command::CODE_SIGNATURE | command::FUNCTION_STARTS | 0x1e | 0x29 | 0x2b | 0x2e | 0x36..=0x38 | 0x8000_0033 | 0x8000_0034 => {
            pairs(&[(8, 1)])
        }
        _ => Vec::new(),
    };
    out.retain(|(_, size)| *size > 0);
    out
}

fn shown(name: &str) -> String {
    crate::text::Untrusted::from(name.as_bytes()).shown().cut(60).to_string()
}

fn name_of(kind: u32) -> Option<&'static str> {
    Some(match kind {
        command::SYMTAB => "LC_SYMTAB",
        command::DYSYMTAB => "LC_DYSYMTAB",
        command::LOAD_DYLIB => "LC_LOAD_DYLIB",
        command::ID_DYLIB => "LC_ID_DYLIB",
        command::UUID => "LC_UUID",
        command::CODE_SIGNATURE => "LC_CODE_SIGNATURE",
        command::FUNCTION_STARTS => "LC_FUNCTION_STARTS",
        command::SOURCE_VERSION => "LC_SOURCE_VERSION",
        command::BUILD_VERSION => "LC_BUILD_VERSION",
        command::MAIN => "LC_MAIN",
        command::RPATH => "LC_RPATH",
        0xe => "LC_LOAD_DYLINKER",
        0x22 | 0x8000_0022 => "LC_DYLD_INFO",
        0x29 => "LC_DATA_IN_CODE",
        0x8000_0033 => "LC_DYLD_EXPORTS_TRIE",
        0x8000_0034 => "LC_DYLD_CHAINED_FIXUPS",
        _ => return None,
    })
}
