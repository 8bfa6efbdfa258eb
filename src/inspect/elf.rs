//! ELF, read strictly and with bounds.

use std::ops::Range;

use super::blob::Blob;
use super::budget::Refused;
use super::exe::{Exe, Format, Numbers, Region, Section, Segment, flags_text, text_at};

/// Sections that a file may have.
const MAX_SECTIONS: usize = 65_535;
/// Bytes of a build-id: a digest, or a number that the linker was given. A longer note is something else.
const MAX_BUILD_ID: u64 = 64;
/// Program headers that a file may have: each section is looked up in them.
const MAX_SEGMENTS: u64 = 2048;

impl Exe {
    /// Parses the headers.
    pub(crate) fn elf(blob: &Blob) -> Result<Self, Refused> {
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
            format: Format::Elf,
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
            object: None,
        };
        let table = |offset: u64, size: u64, count: u64| -> Option<Range<usize>> {
            let start = usize::try_from(offset).ok()?;
            let end = start.checked_add(usize::try_from(size.checked_mul(count)?).ok()?)?;
            (end <= bytes.len() && count > 0 && start > 0).then_some(start..end)
        };
        let (phoff, shoff) = (n.word(bytes, 28, 32).ok_or_else(cut)?, n.word(bytes, 32, 40).ok_or_else(cut)?);
        let (phsize, phnum, shsize, shnum) = (half(42, 54)?, half(44, 56)?, half(46, 58)?, half(48, 60)?);
        let names = half(50, 62)? as usize;
        if phnum > MAX_SEGMENTS {
            return Err(Refused::Over(format!("it has {phnum} program headers, over the bound of {MAX_SEGMENTS}")));
        }
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
        let parts = elf.parts(header, segments, sections);
        elf.cover(parts);
        elf.misplaced();
        let other = super::dynamic::contradiction(&elf);
        elf.odd.extend(other);
        Ok(elf)
    }

    /// Sections that say another address than the one at which the loader puts their bytes: what refers to them would be
    /// looked up in the wrong place.
    fn misplaced(&mut self) {
        if !self.segments.iter().any(|s| s.kind == 1) {
            return;
        }
        let wrong = |s: &&Section| s.is_allocated() && !s.range.is_empty() && self.address_of(s.range.start as u64) != Some(s.address);
        let names: Vec<String> = self
            .sections
            .iter()
            .filter(wrong)
            .take(20)
            .map(|s| {
                format!("section {} is not where the program headers load it", crate::text::Untrusted::from(s.name.as_slice()).shown())
            })
            .collect();
        self.odd.extend(names);
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
                info: n.int(raw, if self.wide { 44 } else { 28 }, 4).unwrap_or(0) as usize,
            });
        }
        if sum > (bytes.len() as u64).saturating_mul(4) {
            // Sections that all cover the same bytes would make every later step slow.
            self.odd.push("the sections together are more than four times the file: they are not used".to_owned());
            return;
        }
        let strings = sections.get(names).map(|s| s.range.clone()).and_then(|r| bytes.get(r)).unwrap_or_default();
        for (section, offset) in sections.iter_mut().zip(name_offsets) {
            let rest = strings.get(offset..).unwrap_or_default();
            section.name = text_at(rest.get(..rest.len().min(256)).unwrap_or_default(), 0).to_vec();
        }
        self.sections = sections;
        self.placed();
    }

    /// The parts of the file that its headers describe.
    fn parts(&self, header: usize, segments: Option<Range<usize>>, sections: Option<Range<usize>>) -> Vec<Region> {
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
            // Whatever its header says: what a segment covers is in memory.
            let loaded = self.is_loaded(s.range.start as u64) || self.is_loaded(s.range.end.saturating_sub(1) as u64);
            part(&s.name, s.range.clone(), s.address, s.is_allocated() || loaded, Some(i));
        }
        if self.sections.is_empty() {
            for (i, s) in self.segments.iter().enumerate().filter(|(_, s)| s.kind == 1) {
                let start = usize::try_from(s.offset).unwrap_or(usize::MAX).min(self.blob.len());
                let end = start.saturating_add(usize::try_from(s.size).unwrap_or(usize::MAX)).min(self.blob.len());
                part(format!("segment {i} {}", flags_text(s.flags)).as_bytes(), start..end, s.address, true, None);
            }
        }
        parts
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
                if kind == 3
                    && data.get(name_at..name_at + 4) == Some(b"GNU\0".as_slice())
                    && end <= data.len()
                    && (1..=MAX_BUILD_ID).contains(&size)
                {
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

    /// What `.gnu_debugaltlink` says: path and build-id of the file that holds the debug information which several files
    /// share (`dwz -m`), and where the section stands in this file.
    pub(crate) fn alt_link(&self) -> Option<(&[u8], &[u8], Range<usize>)> {
        let s = self.section(".gnu_debugaltlink")?;
        let data = self.data(s);
        let name = text_at(data, 0);
        let id = data.get(name.len() + 1..)?;
        // A build-id is a digest of 16 (MD5) or 20 (SHA-1) bytes, or what the linker was given, of at most 64.
        (!name.is_empty() && (8..=64).contains(&id.len())).then(|| (name, id, s.range.clone()))
    }
}

fn segment(n: Numbers, raw: &[u8]) -> Option<Segment> {
    Some(Segment {
        kind: n.int(raw, 0, 4)? as u32,
        flags: n.int(raw, if n.wide { 4 } else { 24 }, 4)? as u32,
        offset: n.word(raw, 4, 8)?,
        address: n.word(raw, 8, 16)?,
        size: n.word(raw, 16, 32)?,
        memory: n.word(raw, 20, 40)?,
    })
}
