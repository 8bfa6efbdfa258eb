//! Debug information: which files describe which binary, and which line each address claims to come from.
//!
//! Sections are loaded here and only from the bytes at hand: nothing is ever opened by a path that a file names.

mod bounds;
mod rows;

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use gimli::{EndianSlice, RunTimeEndian};
use object::{Object as _, ObjectSection as _};

use super::blob::Blob;
use super::budget::{Budget, Refused};
use super::container::Held;
use super::exe::{Exe, Section};
use super::pdb::Pdb;
use super::{ar, kind, stream, tar};
use crate::digest::Algorithm;
use crate::model::NodeKind;

pub(crate) use rows::{NamedFile, Run, Table};

/// Bytes of debug sections that are loaded for one file at most.
const MAX_DEBUG: u64 = 512 << 20;
/// Bytes that the symbols inside a file may unpack to.
const MAX_EMBEDDED: u64 = 64 << 20;
/// Units whose compiler is read at most.
const MAX_UNITS: usize = 1024;
/// Entries of file tables that are looked through for checksums, of one side.
const MAX_CHECKED: usize = 1 << 26;
/// Inlined calls that are followed at most.
const MAX_FRAMES: usize = 64;

/// An ELF file that may hold debug information.
pub(crate) struct Image {
    /// Its own name, without folders.
    pub(crate) name: Vec<u8>,
    pub(crate) elf: Exe,
    /// The CRC-32 of the whole file, made once.
    crc: OnceLock<u32>,
}

impl Image {
    fn new(name: Vec<u8>, elf: Exe) -> Self {
        Self { name, elf, crc: OnceLock::new() }
    }

    /// The CRC-32 of the whole file, as a debug link has it.
    pub(crate) fn crc(&self) -> u32 {
        *self.crc.get_or_init(|| stream::crc32(&self.elf.blob))
    }
}

/// All ELF files in a debug file or `dbgsym` package.
pub(crate) fn images(name: &[u8], blob: &Blob, budget: &mut Budget, cancelled: &dyn Fn() -> bool) -> Result<Vec<Image>, Refused> {
    let base = |name: &[u8]| name.rsplit(|b| *b == b'/').next().unwrap_or_default().to_vec();
    match kind::recognise(blob) {
        NodeKind::Elf => Ok(vec![Image::new(base(name), Exe::elf(blob)?)]),
        NodeKind::Deb => {
            let package = ar::parse(blob, budget)?;
            let data = package.members.iter().find(|m| m.name.starts_with(b"data.tar"));
            let Some(Held::Plain(range)) = data.map(|m| m.held.clone()) else { return Ok(Vec::new()) };
            let packed = blob.slice(range);
            let archive = match kind::recognise(&packed) {
                NodeKind::Tar => packed,
                kind => Blob::from(stream::decode(kind, &packed, budget, cancelled)?.payload),
            };
            let mut out = Vec::new();
            for member in tar::parse(&archive, budget)?.members {
                let Held::Plain(range) = member.held else { continue };
                let content = archive.slice(range);
                if kind::recognise(&content) == NodeKind::Elf
                    && let Ok(elf) = Exe::elf(&content)
                {
                    out.push(Image::new(base(&member.name), elf));
                }
            }
            Ok(out)
        }
        _ => Err(Refused::odd("neither an ELF file nor a Debian package")),
    }
}

type Reader<'a> = EndianSlice<'a, RunTimeEndian>;
/// Slices of the file where they are not packed.
type Sections = gimli::DwarfSections<Blob>;

/// One frame of an inline chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Path as the debug information has it.
    pub(crate) file: String,
    pub(crate) line: u32,
    /// MD5 of the file as the compiler saw it (DWARF 5).
    pub(crate) md5: Option<[u8; 16]>,
    /// Its digest by another algorithm (CodeView).
    pub(crate) digest: Option<(Algorithm, Vec<u8>)>,
}

/// The debug sections of one file.
pub(crate) struct Lines {
    sections: Sections,
    shared: Option<Sections>,
    endian: RunTimeEndian,
    pdb: Option<Pdb>,
    /// Bytes of all sections.
    pub(crate) size: u64,
}

impl Lines {
    /// Loads the debug sections of a file; `None` when it has no line table that can be read. `others` may hold the file
    /// that `.gnu_debugaltlink` names; `left` is what may still be read and unpacked, in bytes.
    pub(crate) fn load(elf: &Exe, others: &[Image], left: u64) -> Option<Self> {
        if elf.kind == 1 && elf.object.as_ref().is_none_or(|o| !o.debug) {
            return None;
        }
        let file = object::File::parse(&*elf.blob).ok()?;
        file.section_by_name(".debug_line")?;
        let most = MAX_DEBUG.min(left);
        let mut left = most;
        let sections = Sections::load(|id| Ok::<_, gimli::Error>(section(&file, &elf.blob, id, &mut left))).ok()?;
        let mut shared = None;
        if let Ok(Some((_, id))) = file.gnu_debugaltlink() {
            let other = others.iter().find(|o| o.elf.build_id() == Some(id))?;
            let file = object::File::parse(&*other.elf.blob).ok()?;
            shared = Some(Sections::load(|id| Ok::<_, gimli::Error>(section(&file, &other.elf.blob, id, &mut left))).ok()?);
        }
        let endian = if elf.little { RunTimeEndian::Little } else { RunTimeEndian::Big };
        Some(Self { sections, shared, endian, pdb: None, size: most - left })
    }

    /// The lines of a PDB.
    pub(crate) fn of_pdb(pdb: Pdb) -> Self {
        Self { sections: Sections::default(), shared: None, endian: RunTimeEndian::Little, size: pdb.size, pdb: Some(pdb) }
    }

    /// The debug information, when its units may be opened; `None` when that is over a bound.
    fn dwarf<'s>(&'s self) -> Option<gimli::Dwarf<Reader<'s>>> {
        let borrow = |bytes: &'s Blob| EndianSlice::new(bytes, self.endian);
        let mut dwarf = self.sections.borrow_with_sup(self.shared.as_ref(), borrow);
        bounds::prepare(&mut dwarf, self.endian).map(|()| dwarf)
    }

    /// Something to look up addresses with; it reads what it needs as it goes. `None` when that is over a bound.
    pub(crate) fn open(&self) -> Option<Lookup<'_>> {
        let dwarf = Arc::new(self.dwarf()?);
        let bounds = bounds::Bounds::new(&dwarf)?;
        let context = addr2line::Context::from_arc_dwarf(dwarf).ok()?;
        Some(Lookup { context, bounds, pdb: self.pdb.as_ref(), names: Cell::new(MAX_CHECKED) })
    }

    /// The compilers that the units name.
    pub(crate) fn producers(&self) -> BTreeSet<Vec<u8>> {
        let own = || self.dwarf().map(|dwarf| producers(&dwarf)).unwrap_or_default();
        self.pdb.as_ref().map_or_else(own, |pdb| pdb.producers.iter().cloned().collect())
    }
}

/// An open line table.
pub(crate) struct Lookup<'a> {
    context: addr2line::Context<Reader<'a>>,
    bounds: bounds::Bounds<'a>,
    pdb: Option<&'a Pdb>,
    /// Entries of file tables that may still be looked through for a checksum.
    names: Cell<usize>,
}

impl Lookup<'_> {
    /// The inline chain at an address, innermost first.
    pub(crate) fn frames(&self, address: u64) -> Vec<Frame> {
        if let Some((file, line)) = self.pdb.and_then(|pdb| pdb.line(address)) {
            return vec![file.frame(line)];
        }
        if !self.bounds.allow(address) {
            return Vec::new();
        }
        let Ok(mut found) = self.context.find_frames(address).skip_all_loads() else { return Vec::new() };
        let mut out = Vec::new();
        while let Ok(Some(frame)) = found.next() {
            if let Some((file, line)) = frame.location.and_then(|l| Some((l.file?, l.line?)))
                && line > 0
            {
                out.push(Frame { file: file.to_owned(), line, md5: None, digest: None });
            }
            if out.len() >= MAX_FRAMES {
                break;
            }
        }
        if let Some(unit) = self.context.find_dwarf_and_unit(address).skip_all_loads() {
            for frame in &mut out {
                frame.md5 = checksum(&unit, &frame.file, &self.names);
            }
        }
        out
    }
}

/// The symbols that a stripped file carries in itself: `.gnu_debugdata`, an ELF file packed by xz that describes the same
/// addresses. Its names are claims like any others.
pub(crate) fn embedded(elf: &Exe, left: u64, cancelled: &dyn Fn() -> bool) -> Option<Exe> {
    let section = elf.section(".gnu_debugdata").filter(|s| !s.range.is_empty())?;
    let mut budget = Budget::new(MAX_EMBEDDED.min(left), 0, 0);
    let packed = elf.blob.slice(section.range.clone());
    let unpacked = stream::decode(NodeKind::Xz, &packed, &mut budget, cancelled).ok()?;
    Exe::elf(&Blob::from(unpacked.payload)).ok().filter(|inner| inner.machine == elf.machine)
}

/// A debug section as it is without compression.
pub(crate) struct Unpacked {
    /// Its content.
    pub(crate) bytes: Vec<u8>,
    /// The alignment of the content that the compression header states; the old form states none.
    pub(crate) alignment: Option<u64>,
    /// `zlib` or `zstd`.
    pub(crate) method: &'static str,
}

/// Unpacks a compressed debug section: `SHF_COMPRESSED` with its header (gABI, "Compression Header"), or `.zdebug_` with
/// `ZLIB` and the size. `None` when it is not compressed; an error when it is and does not unpack to exactly what it states,
/// or has bytes behind the stream. `left` is what may still be unpacked, in bytes.
pub(crate) fn unpack(elf: &Exe, section: &Section, left: &mut u64) -> Option<Result<Unpacked, Refused>> {
    let data = elf.data(section);
    let n = elf.numbers();
    let (kind, size, alignment, from) = if section.flags & 0x800 != 0 {
        // The wide header has four bytes reserved after the type.
        let reserved = if n.wide { n.int(data, 4, 4) } else { Some(0) };
        let header = (n.int(data, 0, 4), n.word(data, 4, 8), n.word(data, 8, 16), reserved);
        let (Some(kind), Some(size), Some(alignment), Some(0)) = header else {
            return Some(Err(Refused::odd("the compression header is cut off or uses reserved bytes")));
        };
        (kind, size, Some(alignment), if n.wide { 24 } else { 12 })
    } else if section.name.starts_with(b".zdebug_") && data.starts_with(b"ZLIB") {
        let size = data.get(4..12)?.iter().fold(0, |n, b| n << 8 | u64::from(*b));
        (1, size, None, 12)
    } else {
        return None;
    };
    let packed = data.get(from..).unwrap_or_default();
    if size > *left || size > (packed.len() as u64).saturating_mul(1100).max(1 << 20) {
        return Some(Err(Refused::Over("a debug section unpacks to more than the bound".to_owned())));
    }
    *left -= size;
    let method = if kind == 2 { "zstd" } else { "zlib" };
    let bytes = match kind {
        1 => stream::inflate_zlib(packed, size),
        2 => stream::zstd_exact(packed, size),
        _ => Err(Refused::odd("the compression of a debug section is unknown")),
    };
    Some(bytes.map(|bytes| Unpacked { bytes, alignment, method }))
}

fn section(file: &object::File<'_>, blob: &Blob, id: gimli::SectionId, left: &mut u64) -> Blob {
    let none = || blob.slice(0..0);
    let Some(section) = file.section_by_name(id.name()) else { return none() };
    // The size is what the header declares; the decoder makes no more than that.
    let Ok(range) = section.compressed_file_range() else { return none() };
    let size = range.uncompressed_size;
    if size > *left || size > range.compressed_size.saturating_mul(1100).max(1 << 20) {
        return none();
    }
    *left -= size;
    if range.format == object::CompressionFormat::None {
        let from = usize::try_from(range.offset).unwrap_or(usize::MAX);
        return blob.slice(from..from.saturating_add(usize::try_from(size).unwrap_or(usize::MAX)));
    }
    section.uncompressed_data().map_or_else(|_| none(), |data| Blob::from(data.into_owned()))
}

/// The recorded MD5 of that file in the unit's file table; none once too many entries were looked through.
fn checksum(unit: &gimli::UnitRef<'_, Reader<'_>>, path: &str, left: &Cell<usize>) -> Option<[u8; 16]> {
    let header = unit.line_program.as_ref()?.header();
    if !header.file_has_md5() {
        return None;
    }
    for entry in header.file_names() {
        left.set(left.get().checked_sub(1)?);
        let name = unit.attr_string(entry.path_name()).ok()?;
        let name = name.slice();
        let matches = path.as_bytes().strip_suffix(name).is_some_and(|rest| {
            rest.is_empty()
                || entry
                    .directory(header)
                    .and_then(|d| unit.attr_string(d).ok())
                    .is_some_and(|d| rest.strip_suffix(b"/").is_some_and(|rest| rest.ends_with(d.slice()) || d.slice().ends_with(rest)))
        });
        if matches && entry.md5() != &[0; 16] {
            return Some(*entry.md5());
        }
    }
    None
}

fn producers(dwarf: &gimli::Dwarf<Reader<'_>>) -> BTreeSet<Vec<u8>> {
    let mut out = BTreeSet::new();
    let mut units = dwarf.units();
    for _ in 0..MAX_UNITS {
        let Ok(Some(header)) = units.next() else { break };
        let Ok(unit) = dwarf.unit(header) else { continue };
        let mut entries = unit.entries();
        let Ok(Some(root)) = entries.next_dfs() else { continue };
        if let Some(value) = root.attr_value(gimli::DW_AT_producer)
            && let Ok(text) = dwarf.attr_string(&unit, value)
        {
            out.insert(text.slice().iter().copied().take(1000).collect());
        }
    }
    out
}
