//! ELF, read strictly and with bounds: headers, segments, sections, and a cover of the file in which every byte belongs
//! to exactly one region. Section headers are a claim: they are shown beside the program headers, which the loader uses.

use std::ops::Range;

use super::blob::Blob;
use super::budget::Refused;

/// Sections that a file may have.
const MAX_SECTIONS: usize = 65_535;

/// A program header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) kind: u32,
    pub(crate) flags: u32,
    pub(crate) offset: u64,
    pub(crate) address: u64,
    pub(crate) size: u64,
}

/// A section header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Section {
    pub(crate) name: Vec<u8>,
    pub(crate) kind: u32,
    pub(crate) flags: u64,
    pub(crate) address: u64,
    pub(crate) size: u64,
    /// Where its bytes are in the file; empty for sections without any.
    pub(crate) range: Range<usize>,
    pub(crate) link: usize,
}

impl Section {
    pub(crate) fn is_code(&self) -> bool {
        self.flags & 4 != 0 && self.kind != 8
    }

    pub(crate) fn is_allocated(&self) -> bool {
        self.flags & 2 != 0
    }

    pub(crate) fn is_written(&self) -> bool {
        self.flags & 1 != 0
    }

    pub(crate) fn holds(&self, address: u64) -> bool {
        self.is_allocated() && address >= self.address && address - self.address < self.size
    }
}

/// A range of the file.
#[derive(Clone, Debug)]
pub(crate) struct Region {
    pub(crate) name: Vec<u8>,
    pub(crate) range: Range<usize>,
    pub(crate) address: u64,
    pub(crate) allocated: bool,
    /// Index of the section, when it is one.
    pub(crate) section: Option<usize>,
}

/// A parsed file.
pub(crate) struct Elf {
    pub(crate) blob: Blob,
    pub(crate) wide: bool,
    pub(crate) little: bool,
    pub(crate) machine: u16,
    pub(crate) kind: u16,
    pub(crate) segments: Vec<Segment>,
    pub(crate) sections: Vec<Section>,
    pub(crate) regions: Vec<Region>,
    /// Allocated sections by start address: (start, index).
    starts: Vec<(u64, usize)>,
    /// What is unusual about it, as sentences.
    pub(crate) odd: Vec<String>,
}

/// Reads numbers of the file's class and byte order.
#[derive(Clone, Copy)]
pub(crate) struct Numbers {
    wide: bool,
    little: bool,
}

impl Numbers {
    pub(crate) fn int(self, bytes: &[u8], at: usize, size: usize) -> Option<u64> {
        let raw = bytes.get(at..at.checked_add(size)?)?;
        let add = |n: u64, b: &u8| n << 8 | u64::from(*b);
        Some(if self.little { raw.iter().rev().fold(0, add) } else { raw.iter().fold(0, add) })
    }

    /// A field that is at `narrow` in 32-bit files (4 bytes) and at `wide` in 64-bit ones (8 bytes).
    pub(crate) fn word(self, bytes: &[u8], narrow: usize, wide: usize) -> Option<u64> {
        if self.wide { self.int(bytes, wide, 8) } else { self.int(bytes, narrow, 4) }
    }
}

impl Elf {
    /// Parses the headers.
    pub(crate) fn parse(blob: &Blob) -> Result<Self, Refused> {
        let bytes: &[u8] = blob;
        let (wide, little) = match bytes.get(4..6) {
            Some([class @ (1 | 2), order @ (1 | 2)]) => (*class == 2, *order == 1),
            _ => return Err(Refused::odd("the ELF class or byte order is unknown")),
        };
        let n = Numbers { wide, little };
        let header = if wide { 64 } else { 52 };
        let cut = || Refused::odd("the ELF header is cut off");
        if bytes.len() < header {
            return Err(cut());
        }
        let half = |narrow, at_wide| n.int(bytes, if wide { at_wide } else { narrow }, 2).ok_or_else(cut);
        let mut elf = Self {
            blob: blob.clone(),
            wide,
            little,
            kind: half(16, 16)? as u16,
            machine: half(18, 18)? as u16,
            segments: Vec::new(),
            sections: Vec::new(),
            regions: Vec::new(),
            starts: Vec::new(),
            odd: Vec::new(),
        };
        let table = |offset: u64, size: u64, count: u64| -> Option<Range<usize>> {
            let start = usize::try_from(offset).ok()?;
            let end = start.checked_add(usize::try_from(size.checked_mul(count)?).ok()?)?;
            (end <= bytes.len() && count > 0 && start > 0).then_some(start..end)
        };
        let (phoff, shoff) = (n.word(bytes, 28, 32).ok_or_else(cut)?, n.word(bytes, 32, 40).ok_or_else(cut)?);
        let (phsize, phnum, shsize, shnum) = (half(42, 54)?, half(44, 56)?, half(46, 58)?, half(48, 60)?);
        let names = half(50, 62)? as usize;
        let segments = table(phoff, phsize, phnum).filter(|_| phsize >= if wide { 56 } else { 32 });
        if segments.is_none() && phnum > 0 {
            elf.odd.push("the program header table is outside the file".to_owned());
        }
        for raw in segments.iter().flat_map(|r| bytes.get(r.clone())).flat_map(|t| t.chunks_exact(phsize.max(1) as usize)) {
            elf.segments.extend(segment(n, raw));
        }
        let sections = table(shoff, shsize, shnum).filter(|_| shsize >= if wide { 64 } else { 40 } && shnum as usize <= MAX_SECTIONS);
        match &sections {
            Some(range) => elf.read_sections(n, range, shsize as usize, names),
            None => elf.odd.push("there is no usable section header table".to_owned()),
        }
        elf.cover(header, segments, sections);
        Ok(elf)
    }

    pub(crate) fn numbers(&self) -> Numbers {
        Numbers { wide: self.wide, little: self.little }
    }

    fn read_sections(&mut self, n: Numbers, table: &Range<usize>, size: usize, names: usize) {
        let bytes: &[u8] = &self.blob;
        let mut sum = 0u64;
        let mut name_offsets = Vec::new();
        let mut sections = Vec::new();
        for raw in bytes.get(table.clone()).unwrap_or_default().chunks_exact(size.max(1)) {
            let int = |at| n.int(raw, at, 4).unwrap_or(0);
            let word = |narrow, wide| n.word(raw, narrow, wide).unwrap_or(0);
            let kind = int(4) as u32;
            let (offset, length) = (word(16, 24), word(20, 32));
            let range = usize::try_from(offset).ok().zip(usize::try_from(length).ok()).and_then(|(o, l)| Some(o..o.checked_add(l)?));
            let range = match range {
                _ if kind == 8 || kind == 0 => 0..0,
                Some(range) if range.end <= bytes.len() => range,
                _ => {
                    self.odd.push(format!("section {} reaches outside the file", sections.len()));
                    0..0
                }
            };
            sum = sum.saturating_add(range.len() as u64);
            name_offsets.push(int(0) as usize);
            sections.push(Section {
                name: Vec::new(),
                kind,
                flags: word(8, 8),
                address: word(12, 16),
                size: length,
                range,
                link: n.int(raw, if self.wide { 40 } else { 24 }, 4).unwrap_or(0) as usize,
            });
        }
        if sum > (bytes.len() as u64).saturating_mul(4) {
            // Sections that all cover the same bytes would make every later step slow.
            self.odd.push("the sections together are more than four times the file: they are not used".to_owned());
            return;
        }
        let strings = sections.get(names).map(|s| s.range.clone()).and_then(|r| bytes.get(r)).unwrap_or_default();
        for (section, offset) in sections.iter_mut().zip(name_offsets) {
            section.name = text_at(strings, offset).iter().copied().take(256).collect();
        }
        self.starts = sections.iter().enumerate().filter(|(_, s)| s.is_allocated() && s.size > 0).map(|(i, s)| (s.address, i)).collect();
        self.starts.sort_unstable();
        self.sections = sections;
    }

    /// Gives every byte of the file to one region.
    fn cover(&mut self, header: usize, segments: Option<Range<usize>>, sections: Option<Range<usize>>) {
        let mut parts: Vec<Region> = Vec::new();
        let mut part = |name: &[u8], range: Range<usize>, address: u64, allocated: bool, section: Option<usize>| {
            parts.push(Region { name: name.to_vec(), range, address, allocated, section });
        };
        // What the header says about section headers is not loaded: stripping changes it and nothing that runs.
        let (offset, rest, sizes) = if self.wide { (40, 48, 58) } else { (32, 36, 46) };
        part(b"ELF header", 0..offset, 0, true, None);
        part(b"ELF header: section table offset", offset..rest, 0, false, None);
        part(b"ELF header: flags and sizes", rest..sizes, 0, true, None);
        part(b"ELF header: section table size", sizes..header, 0, false, None);
        if let Some(range) = segments {
            part(b"program headers", range, 0, true, None);
        }
        if let Some(range) = sections {
            part(b"section headers", range, 0, false, None);
        }
        for (i, s) in self.sections.iter().enumerate().filter(|(_, s)| !s.range.is_empty()) {
            part(&s.name, s.range.clone(), s.address, s.is_allocated(), Some(i));
        }
        if self.sections.is_empty() {
            for (i, s) in self.segments.iter().enumerate().filter(|(_, s)| s.kind == 1) {
                let start = usize::try_from(s.offset).unwrap_or(usize::MAX).min(self.blob.len());
                let end = start.saturating_add(usize::try_from(s.size).unwrap_or(usize::MAX)).min(self.blob.len());
                part(format!("segment {i} {}", flags_text(s.flags)).as_bytes(), start..end, s.address, true, None);
            }
        }
        parts.sort_by_key(|p| (p.range.start, p.section.is_some(), p.range.end));
        let mut at = 0;
        let mut previous: Vec<u8> = b"the start".to_vec();
        for mut region in parts {
            // A part beyond the end of the file is empty: the bytes before it are a gap only once.
            if region.range.is_empty() {
                continue;
            }
            if region.range.start > at {
                self.gap(at..region.range.start, &previous);
            }
            if region.range.start < at {
                if region.section.is_some() {
                    let (one, two) =
                        (crate::text::Untrusted::from(region.name.as_slice()), crate::text::Untrusted::from(previous.as_slice()));
                    self.odd.push(format!("{} overlaps {}", one.shown(), two.shown()));
                }
                let skip = at - region.range.start;
                region.address = region.address.saturating_add(skip as u64);
                region.range.start = at;
            }
            if region.range.start >= region.range.end {
                continue;
            }
            at = region.range.end;
            previous.clone_from(&region.name);
            self.regions.push(region);
        }
        if at < self.blob.len() {
            let allocated = self.is_loaded(at as u64);
            self.regions.push(Region { name: b"trailing data".to_vec(), range: at..self.blob.len(), address: 0, allocated, section: None });
        }
    }

    fn gap(&mut self, range: Range<usize>, previous: &[u8]) {
        let allocated = self.is_loaded(range.start as u64) || self.is_loaded(range.end as u64 - 1);
        let address = self.address_of(range.start as u64).unwrap_or(0);
        self.regions.push(Region { name: [b"gap after ", previous].concat(), range, address, allocated, section: None });
    }

    fn is_loaded(&self, offset: u64) -> bool {
        self.address_of(offset).is_some()
    }

    fn address_of(&self, offset: u64) -> Option<u64> {
        let s = self.segments.iter().find(|s| s.kind == 1 && offset >= s.offset && offset - s.offset < s.size)?;
        s.address.checked_add(offset - s.offset)
    }

    /// The first section of that name.
    pub(crate) fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|s| s.name == name.as_bytes())
    }

    /// The bytes of a section in the file.
    pub(crate) fn data(&self, section: &Section) -> &[u8] {
        self.blob.get(section.range.clone()).unwrap_or_default()
    }

    /// The bytes of the first section of that name; empty when there is none.
    pub(crate) fn named(&self, name: &str) -> &[u8] {
        self.section(name).map(|s| self.data(s)).unwrap_or_default()
    }

    /// The allocated section that holds an address.
    pub(crate) fn section_at(&self, address: u64) -> Option<&Section> {
        self.section_index_at(address).and_then(|i| self.sections.get(i))
    }

    /// Its index. Where sections overlap, the one that starts last.
    pub(crate) fn section_index_at(&self, address: u64) -> Option<usize> {
        let after = self.starts.partition_point(|(start, _)| *start <= address);
        let (_, index) = self.starts.get(after.checked_sub(1)?)?;
        self.sections.get(*index).filter(|s| s.holds(address)).map(|_| *index)
    }

    /// The bytes from an address to the end of its section.
    pub(crate) fn bytes_at(&self, address: u64) -> &[u8] {
        self.section_at(address).and_then(|s| self.data(s).get(usize::try_from(address - s.address).ok()?..)).unwrap_or_default()
    }

    /// Offset in the file of an address.
    pub(crate) fn offset_of(&self, address: u64) -> Option<u64> {
        let s = self.section_at(address).filter(|s| s.kind != 8)?;
        Some(s.range.start as u64 + (address - s.address))
    }

    /// Where the GNU build-id is in the file.
    pub(crate) fn build_id_range(&self) -> Option<Range<usize>> {
        let n = self.numbers();
        for s in self.sections.iter().filter(|s| s.kind == 7) {
            let data = self.data(s);
            let mut at = 0usize;
            while let (Some(name), Some(size), Some(kind)) = (n.int(data, at, 4), n.int(data, at + 4, 4), n.int(data, at + 8, 4)) {
                let name_at = at + 12;
                let value = name_at.checked_add((name as usize).next_multiple_of(4))?;
                let end = value.checked_add(size as usize)?;
                if kind == 3 && data.get(name_at..name_at + 4) == Some(b"GNU\0".as_slice()) && end <= data.len() && size > 0 {
                    return Some(s.range.start + value..s.range.start + end);
                }
                at = end.checked_next_multiple_of(4)?;
            }
        }
        None
    }

    /// The GNU build-id.
    pub(crate) fn build_id(&self) -> Option<&[u8]> {
        self.build_id_range().and_then(|r| self.blob.get(r))
    }

    /// Name and CRC-32 of the debug link, and where they are in the file.
    pub(crate) fn debug_link(&self) -> Option<(&[u8], u32, Range<usize>)> {
        let s = self.section(".gnu_debuglink")?;
        let data = self.data(s);
        let name = text_at(data, 0);
        let at = (name.len() + 1).next_multiple_of(4);
        let crc = u32::try_from(self.numbers().int(data, at, 4)?).ok()?;
        // Name, NULs up to the CRC, the CRC: a section that holds more is not a link and nothing follows from it.
        if data.len() != at + 4 || data.get(name.len()..at)?.iter().any(|b| *b != 0) {
            return None;
        }
        Some((name, crc, s.range.clone()))
    }
}

fn segment(n: Numbers, raw: &[u8]) -> Option<Segment> {
    Some(Segment {
        kind: n.int(raw, 0, 4)? as u32,
        flags: n.int(raw, if n.wide { 4 } else { 24 }, 4)? as u32,
        offset: n.word(raw, 4, 8)?,
        address: n.word(raw, 8, 16)?,
        size: n.word(raw, 16, 32)?,
    })
}

/// `r-x` as `ls` would write it.
pub(crate) fn flags_text(flags: u32) -> String {
    [(4, 'r'), (2, 'w'), (1, 'x')].iter().map(|(bit, c)| if flags & bit != 0 { *c } else { '-' }).collect()
}

/// The NUL-ended text at an offset of a string table.
pub(crate) fn text_at(table: &[u8], offset: usize) -> &[u8] {
    let rest = table.get(offset..).unwrap_or_default();
    rest.get(..rest.iter().position(|b| *b == 0).unwrap_or(rest.len())).unwrap_or_default()
}
