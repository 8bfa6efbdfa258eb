//! PDB: the debug information of Microsoft's tools and of lld. Functions, lines, and the checksums of the source files as the
//! compiler saw them. What a PDB says is its maker's claim.

mod msf;
mod symbols;

use std::collections::HashMap;
use std::ops::Range;

use super::blob::Blob;
use super::debug::Frame;
use super::exe::{Exe, Names};
use super::pe::{Header, N, marks};
use super::symbols::Symbol;
use crate::digest::Algorithm;

pub(crate) use msf::is_pdb;

/// Functions, files and lines that are read at most, of each.
const MAX_ENTRIES: usize = 20_000_000;

/// A function as a PDB claims it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Procedure {
    name: Vec<u8>,
    /// Address in the image.
    address: u64,
    /// Size in bytes; 0 when it is not known.
    size: u64,
    code: bool,
}

/// A source file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) path: String,
    /// Its digest as the compiler saw it.
    pub(crate) checksum: Option<(Algorithm, Vec<u8>)>,
}

impl File {
    /// A place in it, with the path in the form of all others.
    pub(crate) fn frame(&self, line: u32) -> Frame {
        let (md5, digest) = match &self.checksum {
            Some((Algorithm::Md5, value)) => (value.as_slice().try_into().ok(), None),
            other => (None, other.clone()),
        };
        Frame { file: self.path.replace('\\', "/"), line, md5, digest }
    }
}

/// The lines of a range of addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    addresses: Range<u64>,
    line: u32,
    file: usize,
}

/// An open PDB that belongs to a file at hand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pdb {
    procedures: Vec<Procedure>,
    pub(crate) producers: Vec<Vec<u8>>,
    /// Size of the PDB in bytes.
    pub(crate) size: u64,
    files: Vec<File>,
    /// Sorted by start.
    lines: Vec<Line>,
}

impl Pdb {
    /// Reads a PDB if it describes this very file: GUID and age agree, and so do the sections.
    pub(crate) fn open(blob: &Blob, exe: &Exe) -> Option<Self> {
        let header = Header::of(exe)?;
        let records = marks::codeview(exe, &header);
        let mut msf = msf::Msf::open(blob)?;
        let info = msf.stream(1)?;
        let debug = msf.stream(3)?;
        let ages = [N.int(&info, 8, 4)?, N.int(&debug, 8, 4)?];
        let guid = info.get(12..28)?;
        records.iter().filter_map(|r| r.id(&exe.blob)).find(|(own, age)| *own == guid && ages.contains(&u64::from(*age)))?;
        let dbi = symbols::Dbi::read(&debug)?;
        if !same_sections(&msf.stream(dbi.section_headers?)?, exe, &header) {
            return None;
        }
        let names = named_stream(&info, b"/names").and_then(|n| msf.stream(n)).unwrap_or_default();
        let paths = Names::new(names.get(12..).unwrap_or_default());
        let mut reader = symbols::Reader { exe, paths, known: HashMap::new(), pdb: Self::default() };
        reader.pdb.size = blob.len() as u64;
        for module in &dbi.modules {
            if let Some(stream) = msf.stream(module.stream) {
                reader.module(&stream, module);
            }
        }
        if let Some(publics) = dbi.records.and_then(|n| msf.stream(n)) {
            reader.publics(&publics);
        }
        let mut pdb = reader.pdb;
        pdb.lines.sort_by_key(|l| (l.addresses.start, l.addresses.end));
        pdb.producers.sort();
        pdb.producers.dedup();
        Some(pdb)
    }

    /// The names and bounds that it claims, as symbols.
    pub(crate) fn symbols(&self) -> Vec<Symbol> {
        let symbol = |p: &Procedure| Symbol { name: p.name.clone(), address: p.address, size: p.size, code: p.code, global: p.size > 0 };
        self.procedures.iter().map(symbol).collect()
    }

    /// The files, and all lines by address: range, line, index of the file.
    pub(crate) fn table(&self) -> (&[File], impl Iterator<Item = (Range<u64>, u32, usize)>) {
        (&self.files, self.lines.iter().map(|l| (l.addresses.clone(), l.line, l.file)))
    }

    /// The file and line that an address claims to come from.
    pub(crate) fn line(&self, address: u64) -> Option<(&File, u32)> {
        let i = self.lines.partition_point(|l| l.addresses.start <= address).checked_sub(1)?;
        let line = self.lines.get(i).filter(|l| l.addresses.contains(&address))?;
        Some((self.files.get(line.file)?, line.line))
    }
}

/// Whether the sections that the PDB describes are those of the file.
fn same_sections(table: &[u8], exe: &Exe, header: &Header) -> bool {
    let own = exe.blob.get(header.table.clone()).unwrap_or_default();
    // Name, size in memory, address: what a linker writes after the PDB is left out.
    let place = |raw: &[u8]| raw.get(..16).map(<[u8]>::to_vec);
    !own.is_empty() && table.len() == own.len() && own.chunks_exact(40).map(place).eq(table.chunks_exact(40).map(place))
}

/// The number of a stream that has a name.
fn named_stream(info: &[u8], name: &[u8]) -> Option<usize> {
    let word = |at: usize| N.int(info, at, 4).map(|n| n as usize);
    let size = word(28)?;
    let strings = info.get(32..32usize.checked_add(size)?)?;
    let mut at = 32 + size;
    let count = word(at)?;
    // Two bit sets, of which places are in use and which were; then a key and a value for each.
    at += 8;
    for _ in 0..2 {
        at = at.checked_add(word(at)?.checked_mul(4)?)?.checked_add(4)?;
    }
    (0..count.min(info.len() / 8)).find_map(|i| {
        let key = word(at + i * 8)?;
        let rest = strings.get(key..)?.strip_prefix(name)?;
        (rest.first() == Some(&0)).then(|| word(at + i * 8 + 4))?
    })
}
