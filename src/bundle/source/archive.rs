//! Archives of sources: a tar, plain or compressed. Expanded, it is in memory while it is small, else in a file without a name.

use std::path::Path;

use crate::bundle::compressed::{self, ExpandError};
use crate::bundle::defects::Defects;
use crate::bundle::error::{BundleError, shown};
use crate::bundle::spill::{Expanded, Spill};
use crate::bundle::tar::{self, Kind, ReadAt as _, TarError};
use crate::bundle::{limits, paths};
use crate::digest::{Hasher, Sha256};
use crate::model::{ContentError, EntryKind, Limits, Severity, SourceContent, SourceEntry, SourceTree, Where};
use crate::text::Untrusted;

/// The members of an archive.
pub(in crate::bundle) struct ArchiveContent {
    bytes: Expanded,
    /// Path, and the member's data: a range of `bytes`, or the target of a link.
    members: Vec<(Untrusted, Data)>,
}

enum Data {
    Range(usize, usize),
    Target(Vec<u8>),
}

impl ArchiveContent {
    fn data(&self, data: &Data) -> Result<Vec<u8>, ContentError> {
        match data {
            Data::Range(from, to) => {
                let mut out = vec![0; to.saturating_sub(*from)];
                self.bytes.read_exact_at(&mut out, *from as u64).map_err(|e| ContentError::Unreadable(e.to_string()))?;
                Ok(out)
            }
            Data::Target(target) => Ok(target.clone()),
        }
    }

    /// The digest of a member, read piece by piece.
    fn sha256(&self, data: &Data) -> Result<(Sha256, u64), ContentError> {
        let Data::Range(from, to) = data else { return self.data(data).map(|d| (Sha256::of(&d), d.len() as u64)) };
        let mut hasher = Hasher::default();
        let mut buffer = vec![0u8; limits::CHUNK.min(to.saturating_sub(*from))];
        let mut at = *from;
        while at < *to {
            let n = buffer.len().min(to - at);
            self.bytes.read_exact_at(&mut buffer[..n], at as u64).map_err(|e| ContentError::Unreadable(e.to_string()))?;
            hasher.update(&buffer[..n]);
            at += n;
        }
        Ok((hasher.finish().0, to.saturating_sub(*from) as u64))
    }
}

impl SourceContent for ArchiveContent {
    fn read(&self, entry: usize, limit: u64) -> Result<Vec<u8>, ContentError> {
        let (_, data) = self.members.get(entry).ok_or(ContentError::Absent)?;
        let size = match data {
            Data::Range(from, to) => to.saturating_sub(*from),
            Data::Target(target) => target.len(),
        } as u64;
        if size > limit {
            return Err(ContentError::TooLarge { size, limit });
        }
        self.data(data)
    }

    fn read_path(&self, path: &Untrusted, limit: u64) -> Result<Vec<u8>, ContentError> {
        let index = self.members.binary_search_by(|(p, _)| p.cmp(path)).map_err(|_| ContentError::Absent)?;
        self.read(index, limit)
    }
}

/// Opens an archive; a single directory that holds everything is left out of the paths. What it expands to is put in `cache`, and
/// is gone when it is closed.
pub(in crate::bundle) fn open(
    bytes: Vec<u8>,
    origin: &Untrusted,
    cache: &Path,
    within: &Limits,
) -> Result<(SourceTree, ArchiveContent), BundleError> {
    let file = origin.shown().to_string();
    let over = |what: &str, limit: u64| BundleError::OverBound {
        file: file.clone(),
        what: what.to_owned(),
        limit,
        advice: "unpack it and compare with the directory",
    };
    let refuse = |what: String| BundleError::Source {
        file: file.clone(),
        code: "source.archive",
        what,
        advice: "ask for a git bundle, or a tar made by a plain `tar -cf`",
    };
    let tar = match compressed::method(&bytes) {
        Some(method) => {
            let limit = (bytes.len() as u64).saturating_mul(limits::EXPANSION).min(limits::EXPANDED).max(within.archive_expanded);
            let mut spill = Spill::new(cache);
            compressed::expand_to(bytes.as_slice(), method, limit, &mut spill).map_err(|e| match e {
                ExpandError::TooLarge => over("bytes when decompressed", limit),
                ExpandError::Damaged(what) => refuse(format!("its compressed data is damaged: {what}")),
                ExpandError::NotKept(what) => BundleError::Source {
                    file: file.clone(),
                    code: "source.unreadable",
                    what: format!("what it expands to could not be written to {}: {what}", shown(cache)),
                    advice: "make room there, or name another folder with --state",
                },
            })?;
            spill.finish()
        }
        None => Expanded::Memory(bytes),
    };
    let mut start = vec![0u8; usize::try_from(tar.len()).unwrap_or(usize::MAX).min(512)];
    tar.read_exact_at(&mut start, 0).map_err(|e| refuse(e.to_string()))?;
    if !tar::looks_like(&start) {
        return Err(refuse(format!("{}, nor a git bundle or repository", compressed::describe(&start))));
    }
    let listing = tar::list(&tar, usize::try_from(within.archive_members).unwrap_or(usize::MAX)).map_err(|e| match e {
        TarError::Refused { offset, what } => BundleError::Ambiguous { file: file.clone(), offset, what },
        TarError::TooMany => over("members", within.archive_members),
        TarError::Io(e) => refuse(e.to_string()),
    })?;
    let mut defects = Defects::default();
    for odd in listing.oddities {
        let severity = match odd.code {
            "tar.end" => Severity::Note,
            "tar.size" => Severity::Unknown,
            _ => Severity::Fail,
        };
        defects.add("source.archive", severity, "ask for an archive made by a plain `tar -cf`", || {
            (Where::file(origin.clone()), format!("at byte {}: {}", odd.offset, odd.what))
        });
    }
    let mut rows: Vec<(Vec<u8>, EntryKind, Data)> = Vec::new();
    for member in listing.members {
        let end = member.offset.saturating_add(member.size);
        let (Ok(from), Ok(to)) = (usize::try_from(member.offset), usize::try_from(end)) else { continue };
        match member.kind {
            Kind::File { executable: false } => rows.push((member.path, EntryKind::File, Data::Range(from, to))),
            Kind::File { executable: true } => rows.push((member.path, EntryKind::Executable, Data::Range(from, to))),
            Kind::Link(target) => rows.push((member.path, EntryKind::Link, Data::Target(target))),
            Kind::Directory => {}
        }
    }
    strip_top(&mut rows);
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    let mut content = ArchiveContent { bytes: tar, members: Vec::with_capacity(rows.len()) };
    let mut entries = Vec::with_capacity(rows.len());
    for (path, kind, data) in rows {
        let (sha256, size) = content.sha256(&data).map_err(|e| refuse(e.to_string()))?;
        let path = Untrusted::from(path);
        entries.push(SourceEntry { path: path.clone(), kind, id: sha256.to_string(), size });
        content.members.push((path, data));
    }
    Ok((SourceTree { origin: origin.clone(), entries, defects: defects.finish(), ..SourceTree::default() }, content))
}

fn strip_top(rows: &mut [(Vec<u8>, EntryKind, Data)]) {
    let Some((first, _, _)) = rows.first() else { return };
    let (top, Some(_)) = paths::split_first(first) else { return };
    let prefix = [top, b"/"].concat();
    if rows.iter().all(|(path, _, _)| path.starts_with(&prefix)) {
        for (path, _, _) in rows {
            path.drain(..prefix.len());
        }
    }
}
