//! What a build leaves in a PE file without being part of the program: times, checksum, Rich header, the link to the PDB,
//! a signature.

use std::collections::BTreeSet;
use std::ops::Range;

use super::{Header, N};
use crate::digest::hex;
use crate::inspect::exe::{Exe, text_at};
use crate::inspect::signed::{self, Over};

/// Directories of a resource tree that are visited at most.
const MAX_RESOURCES: usize = 10_000;
/// Bytes of a digest, at most.
const MAX_DIGEST: u64 = 64;
/// Entries of the debug directory that are read at most.
const MAX_DEBUG: usize = 256;

/// The header between DOS stub and PE header in which Microsoft's linker counts the tools that made the objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rich {
    pub(crate) range: Range<usize>,
    /// Product, build, and number of objects.
    pub(crate) entries: Vec<(u16, u16, u32)>,
    /// Whether its key is the checksum of the DOS header, the stub and the entries.
    pub(crate) valid: bool,
}

impl Rich {
    /// `product.build x objects`, for all tools.
    pub(crate) fn text(&self) -> String {
        let entry = |(product, build, count): &(u16, u16, u32)| format!("{product}.{build}x{count}");
        self.entries.iter().take(64).map(entry).collect::<Vec<_>>().join(" ")
    }
}

/// Finds and reads the Rich header.
pub(crate) fn rich(bytes: &[u8], header: &Header) -> Option<Rich> {
    let area = bytes.get(..header.start)?;
    let end = (64..area.len().saturating_sub(7)).step_by(4).find(|at| area.get(*at..*at + 4) == Some(b"Rich"))?;
    let key = N.int(area, end + 4, 4)? as u32;
    let plain = |at: usize| N.int(area, at, 4).map(|n| n as u32 ^ key);
    let start = (64..end).step_by(4).find(|at| plain(*at) == Some(u32::from_le_bytes(*b"DanS")))?;
    let mut entries = Vec::new();
    for at in (start + 16..end).step_by(8) {
        let (id, count) = (plain(at)?, plain(at + 4)?);
        entries.push(((id >> 16) as u16, id as u16, count));
    }
    let mut sum = start as u32;
    for (i, byte) in area.get(..start)?.iter().enumerate().filter(|(i, _)| !(0x3c..0x40).contains(i)) {
        sum = sum.wrapping_add(u32::from(*byte).rotate_left(i as u32 % 32));
    }
    for (product, build, count) in &entries {
        sum = sum.wrapping_add((u32::from(*product) << 16 | u32::from(*build)).rotate_left(count % 32));
    }
    let regular = (1..4).all(|i| plain(start + i * 4) == Some(0)) && (end - start) % 8 == 0;
    Some(Rich { range: start..end + 8, entries, valid: regular && sum == key })
}

/// The PE checksum of the whole file, with the field itself taken as zero.
pub(crate) fn checksum(bytes: &[u8], field: usize) -> u32 {
    let weigh = |at: usize, byte: u8| u64::from(byte) << (8 * (at % 2));
    let mut sum: u64 = bytes.chunks(2).map(|pair| pair.iter().enumerate().map(|(k, b)| weigh(k, *b)).sum::<u64>()).sum();
    for at in field..field.saturating_add(4) {
        sum -= bytes.get(at).map_or(0, |b| weigh(at, *b));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (sum as u32).wrapping_add(bytes.len() as u32)
}

/// Offset in the file of an RVA that is in a section, with `size` bytes there.
pub(crate) fn offset_of(exe: &Exe, header: &Header, rva: u32, size: usize) -> Option<usize> {
    let address = header.address(rva);
    let s = exe.section_at(address)?;
    let start = s.range.start.checked_add(usize::try_from(address.checked_sub(s.address)?).ok()?)?;
    (start.checked_add(size)? <= s.range.end).then_some(start)
}

/// One entry of the debug directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Debug {
    /// Where the entry of 28 bytes is in the file.
    pub(crate) at: usize,
    pub(crate) kind: u32,
    /// Its data in the file; empty when its address and its offset do not agree.
    pub(crate) data: Range<usize>,
}

/// The debug directory.
pub(crate) fn debug(exe: &Exe, header: &Header) -> Vec<Debug> {
    let Some((rva, size)) = header.directory(6) else { return Vec::new() };
    let Some(start) = offset_of(exe, header, rva, size as usize) else { return Vec::new() };
    let entry = |at: usize| {
        let word = |offset: usize| N.int(&exe.blob, at + offset, 4).map(|n| n as u32);
        let (length, rva, pointer) = (word(16)? as usize, word(20)?, word(24)? as usize);
        let mapped = if rva == 0 { Some(pointer) } else { offset_of(exe, header, rva, length) };
        let end = pointer.checked_add(length).filter(|end| *end <= exe.blob.len() && mapped == Some(pointer));
        Some(Debug { at, kind: word(12)?, data: end.map_or(0..0, |end| pointer..end) })
    };
    (0..(size as usize / 28).min(MAX_DEBUG)).filter_map(|i| entry(start + i * 28)).collect()
}

/// The record that names the PDB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CodeView {
    /// The entry of the debug directory.
    pub(crate) entry: Debug,
    /// GUID and age.
    pub(crate) id: Range<usize>,
    /// The path without its NUL.
    pub(crate) path: Range<usize>,
}

impl CodeView {
    /// GUID as it is stored, and age.
    pub(crate) fn id<'a>(&self, bytes: &'a [u8]) -> Option<(&'a [u8], u32)> {
        let raw = bytes.get(self.id.clone())?;
        Some((raw.get(..16)?, N.int(raw, 16, 4)? as u32))
    }
}

/// The CodeView records of the form `RSDS`: GUID, age, path, NUL, and nothing behind it.
pub(crate) fn codeview(exe: &Exe, header: &Header) -> Vec<CodeView> {
    let read = |entry: Debug| {
        let data = exe.blob.get(entry.data.clone()).filter(|d| entry.kind == 2 && d.starts_with(b"RSDS"))?;
        let path = text_at(data.get(24..)?, 0);
        let end = 24 + path.len();
        let start = entry.data.start;
        (data.len() == end + 1).then(|| CodeView { id: start + 4..start + 24, path: start + 24..start + end, entry })
    };
    debug(exe, header).into_iter().filter_map(read).collect()
}

/// GUID and age as tools write them.
pub(crate) fn identity(raw: &[u8]) -> String {
    let part = |from: usize, size: usize| N.int(raw, from, size).unwrap_or(0);
    let rest = raw.get(8..16).unwrap_or_default();
    let (four, six) = (hex(rest.get(..2).unwrap_or_default()), hex(rest.get(2..).unwrap_or_default()));
    format!("{:08x}-{:04x}-{:04x}-{four}-{six} age {}", part(0, 4), part(4, 2), part(6, 2), part(16, 4))
}

/// The hash of a reproducible build in the debug directory: a length, and as many bytes.
pub(crate) fn repro(exe: &Exe, header: &Header) -> Option<Range<usize>> {
    let entry = debug(exe, header).into_iter().find(|d| d.kind == 16)?;
    let size = N.int(exe.blob.get(entry.data.clone())?, 0, 4)?;
    ((1..=MAX_DIGEST).contains(&size) && size + 4 == entry.data.len() as u64).then(|| entry.data.start + 4..entry.data.end)
}

/// Whether the linker says that its time stamps are hashes.
pub(crate) fn is_repro(exe: &Exe, header: &Header) -> bool {
    debug(exe, header).iter().any(|d| d.kind == 16)
}

/// The fields of four bytes that hold the time of the link, with what they belong to.
pub(crate) fn stamps(exe: &Exe, header: &Header) -> Vec<(&'static str, usize)> {
    let mut out = vec![("COFF header", header.start + 8)];
    let export = header.directory(0).and_then(|(rva, size)| offset_of(exe, header, rva, 40).filter(|_| size >= 40));
    out.extend(export.map(|at| ("export directory", at + 4)));
    let entries: Vec<usize> = debug(exe, header).iter().map(|d| d.at + 4).collect();
    out.extend(one_time(&exe.blob, &entries).iter().map(|at| ("debug directory", *at)));
    if let Some((rva, size)) = header.directory(2)
        && let Some(root) = offset_of(exe, header, rva, size as usize)
    {
        let tree = exe.blob.get(root..root + size as usize).unwrap_or_default();
        let directories = resource_directories(tree, rva).unwrap_or_default();
        let times: Vec<usize> = directories.into_iter().map(|at| root + at + 4).collect();
        out.extend(one_time(&exe.blob, &times).iter().map(|at| ("resource directory", *at)));
    }
    out
}

/// The fields, when all of them that are set have one time: a linker knows of no other. Else they hold something else.
fn one_time<'a>(bytes: &[u8], fields: &'a [usize]) -> &'a [usize] {
    let mut set = fields.iter().filter_map(|at| N.int(bytes, *at, 4)).filter(|time| *time != 0);
    let first = set.next();
    if set.all(|time| Some(time) == first) { fields } else { &[] }
}

/// Offsets of the directories of a resource tree that starts at an RVA. `None` when parts of it lie over each other, or a directory
/// is empty: then it may be anything else that somebody reads.
fn resource_directories(tree: &[u8], rva: u32) -> Option<BTreeSet<usize>> {
    let mut seen = BTreeSet::new();
    // Start and end of each part; names and leaves may be shared.
    let mut parts: BTreeSet<(usize, usize)> = BTreeSet::new();
    let mut open = vec![(0usize, 0)];
    while let Some((at, depth)) = open.pop() {
        let (named, numbered) = N.int(tree, at + 12, 2).zip(N.int(tree, at + 14, 2))?;
        let count = (named + numbered) as usize;
        let end = at + 16 + count * 8;
        if depth >= 4 || seen.len() >= MAX_RESOURCES || count == 0 || end > tree.len() || !seen.insert(at) || !parts.insert((at, end)) {
            return None;
        }
        for i in 0..count {
            let entry = at + 16 + i * 8;
            let (name, to) = (N.int(tree, entry, 4)?, N.int(tree, entry + 4, 4)?);
            let place = |word: u64| (word & 0x7fff_ffff) as usize;
            if name & 0x8000_0000 != 0 {
                let length = N.int(tree, place(name), 2)? as usize;
                parts.insert((place(name), place(name) + 2 + length * 2));
            }
            if to & 0x8000_0000 != 0 {
                open.push((place(to), depth + 1));
            } else {
                let (data, size) = (N.int(tree, place(to), 4)?, N.int(tree, place(to) + 4, 4)? as usize);
                parts.insert((place(to), place(to) + 16));
                // Content outside of the tree lies over nothing in it.
                let start = (data as u32).checked_sub(rva).map(|n| n as usize).filter(|n| *n < tree.len());
                parts.extend(start.map(|start| (start, start.saturating_add(size))).filter(|_| size > 0));
            }
            if open.len() + parts.len() > 4 * MAX_RESOURCES {
                return None;
            }
        }
    }
    let apart = parts.iter().zip(parts.iter().skip(1)).all(|(x, y)| x.1 <= y.0);
    apart.then_some(seen)
}

/// The certificate table: where it is, or why it is not one that a signing tool makes. Absent when the file has none.
pub(crate) fn certificates(exe: &Exe, header: &Header) -> Option<Result<Range<usize>, &'static str>> {
    let (offset, size) = header.directory(4)?;
    let (start, bytes) = (offset as usize, &*exe.blob);
    let range = start..start.saturating_add(size as usize);
    if range.end != bytes.len() {
        return Some(Err("it is not the last thing in the file"));
    }
    if exe.regions.iter().any(|r| r.range.end > start && r.name != b"certificate table") {
        return Some(Err("it overlaps other parts of the file"));
    }
    let mut at = start;
    while at < range.end {
        let Some(entry) = bytes.get(at..range.end).filter(|e| e.len() >= 8) else { return Some(Err("an entry is cut off")) };
        let length = N.int(entry, 0, 4).unwrap_or(0) as usize;
        if N.int(entry, 4, 4) != Some(0x0002_0200) {
            return Some(Err("an entry is not of the kind PKCS #7"));
        }
        let Some(content) = entry.get(8..length) else { return Some(Err("an entry's length does not fit")) };
        // A payload behind the signature is not covered by it and would still be read by whoever put it there.
        let signed = der_length(content).and_then(|n| content.split_at_checked(n));
        let Some((signed, _)) = signed.filter(|(_, rest)| rest.len() < 8 && rest.iter().all(|b| *b == 0)) else {
            return Some(Err("there is something behind the signature"));
        };
        // Nor is anything in it that no signature needs.
        if !signed::is_signature(signed, Over::Pe) {
            return Some(Err("it is no signature in the form of a PE file, or there is more in it"));
        }
        let padded = length.next_multiple_of(8).min(entry.len());
        if entry.get(length..padded).is_none_or(|p| p.iter().any(|b| *b != 0)) {
            return Some(Err("there is something behind the signature"));
        }
        at += padded;
    }
    Some(Ok(range))
}

/// The length of a DER sequence with its header.
fn der_length(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [0x30, n @ 0..=0x7f, ..] => Some(2 + usize::from(*n)),
        [0x30, n @ 0x81..=0x84, rest @ ..] => {
            let count = usize::from(n & 0x7f);
            let length = rest.get(..count)?.iter().fold(0usize, |all, b| all << 8 | usize::from(*b));
            length.checked_add(2 + count)
        }
        _ => None,
    }
}
