//! The files of a directory, without following a link.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::error::{BundleError, shown};
use super::limits;

/// A regular file that was found.
pub(super) struct Found {
    /// Path relative to the root.
    pub(super) path: Vec<u8>,
    /// Size in bytes.
    pub(super) size: u64,
}

/// What else was found: a link, a device, a directory that cannot be read.
pub(super) struct Odd {
    /// Path relative to the root.
    pub(super) path: Vec<u8>,
    /// Stable code without its prefix: `link`, `special`, `unreadable`.
    pub(super) kind: &'static str,
    /// What it is, in words.
    pub(super) what: String,
}

/// What a directory holds.
#[derive(Default)]
pub(super) struct Walk {
    /// Its files, sorted by path.
    pub(super) files: Vec<Found>,
    /// What is neither a file nor a directory.
    pub(super) odd: Vec<Odd>,
}

/// Walks `root`; reads directories and sizes, no file.
pub(super) fn walk(root: &Path) -> Result<Walk, BundleError> {
    let mut found = Walk::default();
    let mut directories = vec![(Vec::new(), 0usize)];
    while let Some((prefix, depth)) = directories.pop() {
        let path = root.join(OsStr::from_bytes(&prefix));
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(e) if !prefix.is_empty() => {
                found.odd.push(Odd { path: prefix, kind: "unreadable", what: format!("a directory that cannot be read: {e}") });
                continue;
            }
            Err(e) => return Err(BundleError::io(&path, "list")(e)),
        };
        for entry in entries {
            let entry = entry.map_err(BundleError::io(&path, "list"))?;
            let file_name = entry.file_name();
            let mut name = Vec::with_capacity(prefix.len() + 1 + file_name.len());
            if !prefix.is_empty() {
                name.extend_from_slice(&prefix);
                name.push(b'/');
            }
            name.extend_from_slice(file_name.as_bytes());
            let kind = entry.file_type().map_err(BundleError::io(&path, "list"))?;
            if kind.is_file() {
                match entry.metadata() {
                    Ok(meta) => found.files.push(Found { path: name, size: meta.len() }),
                    Err(e) => found.odd.push(Odd { path: name, kind: "unreadable", what: format!("its size cannot be read: {e}") }),
                }
            } else if kind.is_dir() {
                if depth + 1 > limits::DEPTH {
                    found.odd.push(Odd { path: name, kind: "unreadable", what: "more than 256 directories deep: not examined".into() });
                } else {
                    directories.push((name, depth + 1));
                }
            } else if kind.is_symlink() {
                let target = fs::read_link(entry.path()).map(|t| shown(&t).cut(200).to_string()).unwrap_or_default();
                found.odd.push(Odd { path: name, kind: "link", what: format!("a symbolic link to {target}: not followed") });
            } else {
                found.odd.push(Odd { path: name, kind: "special", what: "a device, pipe or socket: not read".into() });
            }
            if found.files.len() + found.odd.len() + directories.len() > limits::FILES {
                return Err(BundleError::OverBound {
                    file: shown(root).to_string(),
                    what: "files and directories".into(),
                    limit: limits::FILES as u64,
                    advice: "ask for the release as archives, or in parts",
                });
            }
        }
    }
    found.files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    found.odd.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}
