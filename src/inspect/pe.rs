//! PE (Windows, UEFI), read strictly and with bounds. Addresses are virtual ones: image base plus RVA.

pub(crate) mod facts;
pub(crate) mod marks;
pub(crate) mod reach;
pub(crate) mod tables;

use std::ops::Range;

use super::blob::Blob;
use super::budget::Refused;
use super::exe::{Exe, Format, Numbers, Region, Section, Segment, text_at};

/// Sections that a file may have (Windows takes 96).
const MAX_SECTIONS: usize = 4096;
/// Numbers are little-endian whatever the machine.
pub(crate) const N: Numbers = Numbers { wide: true, little: true };

/// What the headers say, as far as anything is made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Offset of `PE\0\0`.
    pub(crate) start: usize,
    pub(crate) machine: u16,
    pub(crate) characteristics: u16,
    /// Offset and number of the COFF symbols.
    pub(crate) symbols: (u32, u32),
    /// Offset of the optional header.
    pub(crate) optional: usize,
    /// PE32+.
    pub(crate) wide: bool,
    pub(crate) base: u64,
    pub(crate) entry: u32,
    pub(crate) section_alignment: u32,
    pub(crate) headers_size: u32,
    pub(crate) subsystem: u16,
    /// DllCharacteristics.
    pub(crate) dll: u16,
    /// Offset of the data directories.
    pub(crate) directories_at: usize,
    /// RVA and size of each.
    pub(crate) directories: Vec<(u32, u32)>,
    /// Section table.
    pub(crate) table: Range<usize>,
}

/// Whether the bytes start with a DOS header that leads to a PE signature.
pub(crate) fn is_pe(bytes: &[u8]) -> bool {
    bytes.starts_with(b"MZ") && signature(bytes).is_some()
}

fn signature(bytes: &[u8]) -> Option<usize> {
    let start = usize::try_from(N.int(bytes, 0x3c, 4)?).ok()?;
    (bytes.get(start..start.checked_add(24)?)?.starts_with(b"PE\0\0")).then_some(start)
}

impl Header {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Refused> {
        let start = signature(bytes).ok_or_else(|| Refused::odd("there is no PE signature"))?;
        let cut = || Refused::odd("the PE header is cut off");
        let half = |at: usize| N.int(bytes, at, 2).map(|n| n as u16).ok_or_else(cut);
        let word = |at: usize| N.int(bytes, at, 4).map(|n| n as u32).ok_or_else(cut);
        let optional = start.saturating_add(24);
        let size = usize::from(half(start + 20)?);
        let wide = match half(optional)? {
            0x10b => false,
            0x20b => true,
            _ => return Err(Refused::odd("the optional header is neither PE32 nor PE32+")),
        };
        let fixed = if wide { 112 } else { 96 };
        if size < fixed || bytes.len() < optional.saturating_add(size) {
            return Err(cut());
        }
        let declared = word(optional + fixed - 4)? as usize;
        let count = declared.min(16).min((size - fixed) / 8);
        let directories_at = optional + fixed;
        let directories = (0..count).map(|i| Ok((word(directories_at + i * 8)?, word(directories_at + i * 8 + 4)?)));
        let table = optional + size;
        let sections = usize::from(half(start + 6)?);
        Ok(Self {
            start,
            machine: half(start + 4)?,
            characteristics: half(start + 22)?,
            symbols: (word(start + 12)?, word(start + 16)?),
            optional,
            wide,
            base: if wide { N.int(bytes, optional + 24, 8).ok_or_else(cut)? } else { u64::from(word(optional + 28)?) },
            entry: word(optional + 16)?,
            section_alignment: word(optional + 32)?,
            headers_size: word(optional + 60)?,
            subsystem: half(optional + 68)?,
            dll: half(optional + 70)?,
            directories_at,
            directories: directories.collect::<Result<_, Refused>>()?,
            table: table..table.saturating_add(sections * 40),
        })
    }

    /// The header of a file that was parsed before.
    pub(crate) fn of(exe: &Exe) -> Option<Self> {
        if exe.format == Format::Pe { Self::read(&exe.blob).ok() } else { None }
    }

    /// RVA and size of a data directory that is there.
    pub(crate) fn directory(&self, index: usize) -> Option<(u32, u32)> {
        self.directories.get(index).copied().filter(|(at, size)| *at != 0 && *size != 0)
    }

    /// Virtual address of an RVA.
    pub(crate) fn address(&self, rva: u32) -> u64 {
        self.base.wrapping_add(u64::from(rva))
    }

    /// The COFF symbols and the string table behind them.
    pub(crate) fn coff(&self, bytes: &[u8]) -> (Range<usize>, Range<usize>) {
        let (at, count) = (self.symbols.0 as usize, self.symbols.1 as usize);
        if at == 0 || at > bytes.len() {
            return (0..0, 0..0);
        }
        let end = at.saturating_add(count.saturating_mul(18)).min(bytes.len());
        let strings = N.int(bytes, end, 4).filter(|n| *n >= 4).map_or(0, |n| usize::try_from(n).unwrap_or(usize::MAX));
        (at..end, end..end.saturating_add(strings).min(bytes.len()))
    }
}

impl Exe {
    /// Parses the headers of a PE file.
    pub(crate) fn pe(blob: &Blob) -> Result<Self, Refused> {
        let bytes: &[u8] = blob;
        let header = Header::read(bytes)?;
        let mut exe = Self {
            format: Format::Pe,
            blob: blob.clone(),
            wide: header.wide,
            little: true,
            machine: machine(header.machine),
            kind: if header.dll & 0x40 != 0 || header.characteristics & 0x2000 != 0 { 3 } else { 2 },
            segments: Vec::new(),
            sections: Vec::new(),
            regions: Vec::new(),
            starts: Vec::new(),
            odd: Vec::new(),
            object: None,
        };
        let size = u64::from(header.headers_size).min(bytes.len() as u64);
        exe.segments.push(Segment { kind: 1, flags: 4, offset: 0, address: header.base, size, memory: size });
        let padding = exe.read_pe_sections(&header);
        let mut parts = exe.pe_parts(&header);
        parts.extend(padding);
        exe.cover(parts);
        Ok(exe)
    }

    /// Reads the section table; returns what the file holds of each section beyond its size in memory.
    fn read_pe_sections(&mut self, header: &Header) -> Vec<Region> {
        let blob = self.blob.clone();
        let bytes: &[u8] = &blob;
        let Some(table) = bytes.get(header.table.clone()).filter(|t| t.len() <= MAX_SECTIONS * 40) else {
            self.odd.push("the section table is outside the file, or over the bound".to_owned());
            return Vec::new();
        };
        let strings = bytes.get(header.coff(bytes).1).unwrap_or_default();
        let (mut sections, mut padding, mut segments) = (Vec::new(), Vec::new(), Vec::new());
        let mut sum = 0u64;
        for raw in table.chunks_exact(40) {
            let word = |at| N.int(raw, at, 4).unwrap_or(0);
            let (virtual_size, rva, length, at, flags) = (word(8), word(12), word(16), word(20), word(36));
            let name = section_name(raw, strings);
            let mut range = usize::try_from(at).unwrap_or(usize::MAX)..usize::try_from(at + length).unwrap_or(usize::MAX);
            if length == 0 || at == 0 {
                range = 0..0;
            } else if range.end > bytes.len() {
                self.odd.push(format!("section {} reaches outside the file", sections.len()));
                range = range.start.min(bytes.len())..bytes.len();
            } else if at % 512 != 0 && header.section_alignment >= 4096 {
                self.odd.push(format!("section {} starts at {at:#x} of the file: loaders round that down to 512", sections.len()));
            }
            if !range.is_empty() && range.start < header.table.end {
                self.odd.push(format!("section {} lies over the headers", sections.len()));
            }
            sum = sum.saturating_add(range.len() as u64);
            let size = if virtual_size == 0 { length } else { virtual_size };
            let own = range.start..range.start.saturating_add(usize::try_from(size).unwrap_or(usize::MAX)).min(range.end);
            let address = header.base.wrapping_add(rva);
            let runs = flags & 0xa000_0000 != 0;
            // Windows maps them like all others; but nothing in a program refers to them, and `strip` takes them out.
            let debug = flags & 0x0200_0000 != 0 && !runs && (name.starts_with(b".debug_") || name.starts_with(b".zdebug_"));
            let bit = |from: u64, to: u64| if flags & from != 0 { to } else { 0 };
            let kept = bit(0x8000_0000, 1) | if debug { 0 } else { 2 } | bit(0x2000_0020, 4);
            if !range.is_empty() && !debug {
                let rights = (bit(0x4000_0000, 4) | bit(0x8000_0000, 2) | bit(0x2000_0000, 1)) as u32;
                let length = range.len() as u64;
                segments.push(Segment { kind: 1, flags: rights, offset: range.start as u64, address, size: length, memory: size });
            }
            if own.end < range.end {
                let name = [b"padding of ", name.as_slice()].concat();
                let address = address.wrapping_add(own.len() as u64);
                padding.push(Region { name, range: own.end..range.end, address, allocated: !debug, section: None });
            }
            let kind = if own.is_empty() { 8 } else { 1 };
            sections.push(Section { name, kind, flags: kept, address, size, range: own, link: 0, info: 0 });
        }
        if sum > (bytes.len() as u64).saturating_mul(4) {
            self.odd.push("the sections together are more than four times the file: they are not used".to_owned());
            return Vec::new();
        }
        self.starts = sections.iter().enumerate().filter(|(_, s)| s.is_allocated() && s.size > 0).map(|(i, s)| (s.address, i)).collect();
        self.starts.sort_unstable();
        let overlap = self.starts.windows(2).any(|w| match w {
            [(_, one), (start, _)] => sections.get(*one).is_some_and(|s| s.address.saturating_add(s.size) > *start),
            _ => false,
        });
        if overlap {
            self.odd.push("sections overlap in memory".to_owned());
        }
        self.segments.extend(segments);
        self.sections = sections;
        padding
    }

    /// The parts of the file that its headers describe.
    fn pe_parts(&self, header: &Header) -> Vec<Region> {
        let bytes: &[u8] = &self.blob;
        let mut parts: Vec<Region> = Vec::new();
        let mut part = |name: &[u8], range: Range<usize>, address: u64, allocated: bool, section: Option<usize>| {
            let end = range.end.min(bytes.len());
            parts.push(Region { name: name.to_vec(), range: range.start.min(end)..end, address, allocated, section });
        };
        let at = |offset: usize| header.base.wrapping_add(offset as u64);
        part(b"DOS header", 0..header.start.min(64), at(0), true, None);
        let rich = marks::rich(bytes, header);
        let stub = rich.as_ref().map_or(header.start, |r| r.range.start);
        part(b"DOS stub", 64..stub.max(64), at(64), true, None);
        if let Some(rich) = rich {
            part(b"Rich header", rich.range.clone(), at(rich.range.start), true, None);
        }
        part(b"PE header", header.start..header.directories_at, at(header.start), true, None);
        part(b"data directories", header.directories_at..header.table.start, at(header.directories_at), true, None);
        part(b"section headers", header.table.clone(), at(header.table.start), true, None);
        for (i, s) in self.sections.iter().enumerate().filter(|(_, s)| !s.range.is_empty()) {
            part(&s.name, s.range.clone(), s.address, s.is_allocated(), Some(i));
        }
        let (symbols, strings) = header.coff(bytes);
        part(b"COFF symbol table", symbols, 0, false, None);
        part(b"COFF string table", strings, 0, false, None);
        if let Some((offset, size)) = header.directory(4) {
            let start = offset as usize;
            part(b"certificate table", start..start.saturating_add(size as usize), 0, false, None);
        }
        parts
    }
}

/// The machine in ELF's numbers; 0xffff for one that is not known here.
fn machine(number: u16) -> u16 {
    match number {
        0x8664 => 62,
        0x014c => 3,
        0xaa64 => 183,
        0x01c0 | 0x01c2 | 0x01c4 => 40,
        0x5064 => 243,
        _ => 0xffff,
    }
}

/// The name of a section; `/123` is an offset in the COFF string table.
fn section_name(raw: &[u8], strings: &[u8]) -> Vec<u8> {
    let short = text_at(raw.get(..8).unwrap_or_default(), 0);
    let long = short.strip_prefix(b"/").and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    let long = long.map(|at: usize| text_within(strings, at, 256)).filter(|name| !name.is_empty());
    long.unwrap_or(short).to_vec()
}

/// The NUL-ended text at an offset, cut at a number of bytes: a table without any NUL costs no more than that each time.
pub(crate) fn text_within(table: &[u8], offset: usize, most: usize) -> &[u8] {
    let rest = table.get(offset..).unwrap_or_default();
    text_at(rest.get(..rest.len().min(most)).unwrap_or_default(), 0)
}
