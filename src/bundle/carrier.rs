//! What carries the files: a directory, or a tar in a file or in memory. Lists names and sizes; reads bytes in place.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::defects::Defects;
use super::error::{BundleError, shown};
use super::tar::{self, Kind, ReadAt, TarError};
use super::{compressed, limits, paths, walk};
use crate::model::{Carrier, Severity, Where};

/// Where the bytes are.
pub(super) enum Backing {
    /// Files below a directory.
    Directory(PathBuf),
    /// Ranges of one file.
    File(File),
    /// Ranges of memory.
    Memory(Bytes),
}

/// Bytes in memory.
pub(super) enum Bytes {
    /// Of the program itself.
    Static(&'static [u8]),
    /// Expanded from a compressed carrier.
    Owned(Vec<u8>),
}

impl Bytes {
    pub(super) fn as_slice(&self) -> &[u8] {
        match self {
            Self::Static(bytes) => bytes,
            Self::Owned(bytes) => bytes,
        }
    }
}

/// A file that the carrier holds.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Path relative to the bundle's root.
    pub(super) path: Vec<u8>,
    /// Size in bytes.
    pub(super) size: u64,
    /// Offset of its data in an archive; unused in a directory.
    pub(super) offset: u64,
}

/// A carrier with the list of its files, sorted by path.
pub(super) struct Inventory {
    pub(super) kind: Carrier,
    pub(super) backing: Backing,
    pub(super) entries: Vec<Entry>,
    /// Displayable name, for messages.
    pub(super) name: String,
}

struct FileAt<'a>(&'a File, u64);

impl ReadAt for FileAt<'_> {
    fn len(&self) -> u64 {
        self.1
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_exact_at(buffer, offset)
    }
}

/// Opens the carrier at `path` and lists it.
pub(super) fn open(path: &Path, defects: &mut Defects) -> Result<Inventory, BundleError> {
    let meta = fs::metadata(path).map_err(BundleError::io(path, "open"))?;
    if meta.is_dir() {
        return directory(path, defects);
    }
    let not = |what: &str| BundleError::NotABundle { path: path.to_path_buf(), what: what.to_owned() };
    if !meta.is_file() {
        return Err(not("is neither a directory nor a file"));
    }
    let file = File::open(path).map_err(BundleError::io(path, "open"))?;
    let length = file.metadata().map_err(BundleError::io(path, "open"))?.len();
    let mut start = vec![0u8; 512];
    let n = file.read_at(&mut start, 0).map_err(BundleError::io(path, "read"))?;
    start.truncate(n);
    let name = shown(path).to_string();
    if start.starts_with(compressed::ZSTD) {
        let limit = limits::CARRIER_EXPANDED;
        let bytes = compressed::expand(io::BufReader::with_capacity(limits::CHUNK, &file), compressed::Method::Zstd, limit).map_err(
            |e| match e {
                compressed::ExpandError::TooLarge => BundleError::OverBound {
                    file: name.clone(),
                    what: "bytes when decompressed".into(),
                    limit,
                    advice: "decompress it with `zstd -d` and open the .tar, which is read in place",
                },
                compressed::ExpandError::Damaged(what) | compressed::ExpandError::NotKept(what) => not(&format!("is damaged zstd: {what}")),
            },
        )?;
        let entries = archive(bytes.as_slice(), &name, defects)?;
        return Ok(Inventory { kind: Carrier::TarZstd, backing: Backing::Memory(Bytes::Owned(bytes)), entries, name });
    }
    if !tar::looks_like(&start) {
        return Err(not(compressed::describe(&start)));
    }
    let entries = archive(&FileAt(&file, length), &name, defects)?;
    Ok(Inventory { kind: Carrier::Tar, backing: Backing::File(file), entries, name })
}

/// Lists a tar in memory.
pub(super) fn embedded(name: &str, bytes: &'static [u8], defects: &mut Defects) -> Result<Inventory, BundleError> {
    let name = crate::text::Shown::new(name).to_string();
    let entries = archive(bytes, &name, defects)?;
    Ok(Inventory { kind: Carrier::Tar, backing: Backing::Memory(Bytes::Static(bytes)), entries, name })
}

fn directory(path: &Path, defects: &mut Defects) -> Result<Inventory, BundleError> {
    let found = walk::walk(path)?;
    for odd in found.odd {
        let (code, severity) = match odd.kind {
            "link" => ("bag.link", Severity::Fail),
            "special" => ("bag.special", Severity::Fail),
            _ => ("bag.unreadable", Severity::Unknown),
        };
        defects.add(code, severity, "ask for a bundle of plain files and directories", || (Where::file(odd.path), odd.what));
    }
    let entries: Vec<Entry> = found.files.into_iter().map(|f| Entry { path: f.path, size: f.size, offset: 0 }).collect();
    let kind = if entries.binary_search_by(|e| e.path.as_slice().cmp(b"bagit.txt")).is_ok() { Carrier::Directory } else { Carrier::Loose };
    Ok(Inventory { kind, backing: Backing::Directory(path.to_path_buf()), entries, name: shown(path).to_string() })
}

fn archive(bytes: &(impl ReadAt + ?Sized), name: &str, defects: &mut Defects) -> Result<Vec<Entry>, BundleError> {
    let listing = tar::list(bytes, limits::FILES).map_err(|e| match e {
        TarError::Refused { offset, what } => BundleError::Ambiguous { file: name.to_owned(), offset, what },
        TarError::TooMany => BundleError::OverBound {
            file: name.to_owned(),
            what: "members".into(),
            limit: limits::FILES as u64,
            advice: "ask for the release in parts",
        },
        TarError::Io(source) => BundleError::Io { path: PathBuf::from(name), doing: "read", source },
    })?;
    for odd in listing.oddities {
        let severity = if matches!(odd.code, "tar.end" | "tar.size") { Severity::Unknown } else { Severity::Fail };
        defects.add(odd.code, severity, "ask for an archive made by a plain `tar -cf`", || {
            (Where::file(odd.path), format!("at byte {}: {}", odd.offset, odd.what))
        });
    }
    let mut entries = Vec::with_capacity(listing.members.len());
    for member in listing.members {
        match member.kind {
            Kind::File { .. } => entries.push(Entry { path: member.path, size: member.size, offset: member.offset }),
            Kind::Directory => {}
            Kind::Link(target) => {
                let what = format!("a symbolic link to {}: not followed", crate::text::Shown::of_bytes(&target).cut(200));
                defects.fail("bag.link", Where::file(member.path), what, "ask for a bundle of plain files and directories");
            }
        }
    }
    strip_top(&mut entries);
    entries.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok(entries)
}

/// Takes away the one directory that all files lie in, when that is the bag's name and not a part of its layout.
fn strip_top(entries: &mut [Entry]) {
    const LAYOUT: [&[u8]; 9] = [b"data", b"source", b"shipped", b"rebuilt", b"debug", b"provenance", b"sbom", b"trust", b"previous"];
    let Some(first) = entries.first() else { return };
    let (top, rest) = paths::split_first(&first.path);
    if rest.is_none() || LAYOUT.contains(&top) {
        return;
    }
    let prefix = [top, b"/"].concat();
    if entries.iter().all(|e| e.path.starts_with(&prefix)) {
        for entry in entries {
            entry.path.drain(..prefix.len());
        }
    }
}

/// The bytes of one file of a carrier, as a reader.
pub(super) enum Stream<'a> {
    File(File),
    Range { file: &'a File, at: u64, end: u64 },
    Memory(&'a [u8]),
}

impl Read for Stream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read(buffer),
            Self::Range { file, at, end } => {
                let wanted = usize::try_from(*end - *at).unwrap_or(usize::MAX).min(buffer.len());
                if wanted == 0 {
                    return Ok(0);
                }
                let n = file.read_at(&mut buffer[..wanted], *at)?;
                if n == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                *at += n as u64;
                Ok(n)
            }
            Self::Memory(bytes) => bytes.read(buffer),
        }
    }
}

impl Backing {
    /// Opens the file at `path`, of `size` bytes at `offset` in an archive.
    pub(super) fn stream(&self, path: &[u8], size: u64, offset: u64) -> io::Result<Stream<'_>> {
        match self {
            Self::Directory(root) => {
                let path = root.join(OsStr::from_bytes(path));
                // A pipe would block and a link would lead elsewhere: look first, and see that the same thing was opened.
                let before = fs::symlink_metadata(&path)?;
                if !before.is_file() {
                    return Err(io::Error::other("it is no longer a regular file"));
                }
                let file = File::open(&path)?;
                let now = file.metadata()?;
                if (before.dev(), before.ino()) != (now.dev(), now.ino()) {
                    return Err(io::Error::other("it was replaced while it was being opened"));
                }
                Ok(Stream::File(file))
            }
            Self::File(file) => Ok(Stream::Range { file, at: offset, end: offset.saturating_add(size) }),
            Self::Memory(bytes) => {
                let from = usize::try_from(offset).map_err(io::Error::other)?;
                let size = usize::try_from(size).map_err(io::Error::other)?;
                let part = bytes.as_slice().get(from..).and_then(|rest| rest.get(..size));
                part.map(Stream::Memory).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
            }
        }
    }
}
