//! An executable of any format, as far as they agree: segments, sections, and a cover of the file in which every byte belongs
//! to exactly one region. Section headers are a claim: they are shown beside what the loader uses.

use std::ops::Range;

use super::blob::Blob;
use super::budget::Refused;
use super::object::Object;
use crate::model::NodeKind;

/// The file format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// ELF, of any class and byte order.
    Elf,
    /// Portable Executable (Windows, UEFI).
    Pe,
    /// Mach-O (macOS, iOS), one architecture.
    MachO,
}

/// A program header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) kind: u32,
    pub(crate) flags: u32,
    pub(crate) offset: u64,
    pub(crate) address: u64,
    pub(crate) size: u64,
    /// Its size in memory.
    pub(crate) memory: u64,
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
    pub(crate) info: usize,
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

/// A parsed file. Machine, section kinds and flags are in ELF's numbers whatever the format: 62 is x86-64, kind 8 has no bytes
/// in the file, flag 1 is written, 2 is loaded, 4 is code.
pub(crate) struct Exe {
    pub(crate) format: Format,
    pub(crate) blob: Blob,
    pub(crate) wide: bool,
    pub(crate) little: bool,
    pub(crate) machine: u16,
    pub(crate) kind: u16,
    pub(crate) segments: Vec<Segment>,
    pub(crate) sections: Vec<Section>,
    pub(crate) regions: Vec<Region>,
    /// Allocated sections by start address: (start, index).
    pub(crate) starts: Vec<(u64, usize)>,
    /// What is unusual about it, as sentences.
    pub(crate) odd: Vec<String>,
    /// Of a relocatable object that was laid out: its addresses are those of that layout, and `blob` has its places filled in.
    pub(crate) object: Option<Object>,
}

/// Reads numbers of the file's class and byte order.
#[derive(Clone, Copy)]
pub(crate) struct Numbers {
    pub(crate) wide: bool,
    pub(crate) little: bool,
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

impl Exe {
    /// Parses a file of that kind.
    pub(crate) fn parse(kind: NodeKind, blob: &Blob) -> Result<Self, Refused> {
        match kind {
            NodeKind::Elf => Self::elf(blob),
            NodeKind::Pe => Self::pe(blob),
            NodeKind::MachO => Self::macho(blob),
            _ => Err(Refused::odd("it is no executable of a known format")),
        }
    }

    /// Brings what follows from the addresses of sections up to them.
    pub(crate) fn placed(&mut self) {
        let loaded = self.sections.iter().enumerate().filter(|(_, s)| s.is_allocated() && s.size > 0);
        self.starts = loaded.map(|(i, s)| (s.address, i)).collect();
        self.starts.sort_unstable();
        for region in &mut self.regions {
            if let Some(s) = region.section.and_then(|i| self.sections.get(i)) {
                region.address = s.address;
            }
        }
    }

    /// Whether it is a relocatable object whose addresses mean nothing.
    pub(crate) fn is_unplaced(&self) -> bool {
        self.format == Format::Elf && self.kind == 1 && self.object.is_none()
    }

    pub(crate) fn numbers(&self) -> Numbers {
        Numbers { wide: self.wide, little: self.little }
    }

    /// Sorts the parts of the file and fills what is between them, so that every byte belongs to one region. Where parts overlap,
    /// the one that starts first has the bytes.
    pub(crate) fn cover(&mut self, mut parts: Vec<Region>) {
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

    pub(crate) fn is_loaded(&self, offset: u64) -> bool {
        self.address_of(offset).is_some()
    }

    pub(crate) fn address_of(&self, offset: u64) -> Option<u64> {
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
}

/// `r-x` as `ls` would write it.
pub(crate) fn flags_text(flags: u32) -> String {
    [(4, 'r'), (2, 'w'), (1, 'x')].iter().map(|(bit, c)| if flags & bit != 0 { *c } else { '-' }).collect()
}

/// Longest text of a string table, in bytes.
pub(crate) const MAX_TEXT: usize = 4096;
/// Bytes of names that are read of one table of symbols, where the names are not as long by themselves.
const MAX_NAMES: usize = 32 << 20;

/// The names of a table of symbols. Entries may share them: who makes the file can let a million of them name one long text, so
/// what they are together is bounded.
pub(crate) struct Names<'a> {
    strings: &'a [u8],
    left: usize,
}

impl<'a> Names<'a> {
    pub(crate) fn new(strings: &'a [u8]) -> Self {
        Self { strings, left: MAX_NAMES.max(strings.len().saturating_mul(4)) }
    }

    /// Takes the bytes of a name that is kept once more; `None` when all of them are over the bound.
    pub(crate) fn again(&mut self, name: &[u8]) -> Option<()> {
        self.left = self.left.checked_sub(name.len())?;
        Some(())
    }

    /// The whole text at an offset; `None` when it is longer than [`MAX_TEXT`], or all of them are over the bound.
    pub(crate) fn at(&mut self, offset: u64) -> Option<&'a [u8]> {
        let text = text_at(self.strings, usize::try_from(offset).ok()?);
        self.left = self.left.checked_sub(text.len().max(8))?;
        (text.len() <= MAX_TEXT).then_some(text)
    }
}

/// The NUL-ended text at an offset of a string table. One that is longer than [`MAX_TEXT`] is cut one byte behind that.
pub(crate) fn text_at(table: &[u8], offset: usize) -> &[u8] {
    let rest = table.get(offset..).unwrap_or_default();
    let rest = rest.get(..rest.len().min(MAX_TEXT + 1)).unwrap_or_default();
    rest.get(..rest.iter().position(|b| *b == 0).unwrap_or(rest.len())).unwrap_or_default()
}
