//! Sources that are not in a bundle: a repository, git bundle, archive or directory that the reviewer names.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Opened, archive, directory, open_files, open_on_disk};
use crate::bundle::error::{BundleError, shown};
use crate::bundle::git::bundle_file;
use crate::bundle::git::repository::{OnDisk, read_small};
use crate::bundle::git::tree::Wanted;
use crate::bundle::limits;
use crate::digest::Hasher;
use crate::model::Limits;
use crate::text::Untrusted;

/// Opens a source outside a bundle: a bare repository, a work tree or its `.git`, a git bundle, a source archive, or a plain directory.
/// `commit` is a full or short commit id, a tag or a branch; `HEAD` when absent. Files of a work tree that are not committed are not
/// seen. A git bundle is indexed into `cache`.
///
/// # Errors
/// When it is none of these, is damaged or refused, lacks the commit, or exceeds a bound; also when a commit is asked of something
/// without commits.
pub fn open_repository(path: &Path, commit: Option<&str>, cache: &Path, within: &Limits) -> Result<Opened, BundleError> {
    let origin = Untrusted::from(path.as_os_str().as_bytes());
    let wanted = Wanted { commit, free: true, tag: None };
    let meta = fs::metadata(path).map_err(BundleError::io(path, "open"))?;
    let no_commits = |what: &str| BundleError::Source {
        file: shown(path).to_string(),
        code: "source.commit",
        what: format!("is {what}, which has no commits"),
        advice: "leave out @COMMIT, or give a repository",
    };
    if meta.is_dir() {
        if let Some(files) = on_disk(path)? {
            let objects = files.common.join("objects");
            return open_files(&files, &objects, &origin, &wanted);
        }
        if commit.is_some() {
            return Err(no_commits("a plain directory"));
        }
        let (tree, content) = directory::of_disk(path)?;
        return Ok((tree, Arc::new(content)));
    }
    let mut file = File::open(path).map_err(BundleError::io(path, "open"))?;
    let mut start = Vec::new();
    Read::by_ref(&mut file).take(3).read_to_end(&mut start).map_err(BundleError::io(path, "read"))?;
    if start == bundle_file::START {
        let mut hasher = Hasher::default();
        read_chunks(path, &mut |chunk| {
            hasher.update(chunk);
            true
        })?;
        let (sha256, _, size) = hasher.finish();
        let file = shown(path).to_string();
        let place = bundle_file::cached(&file, sha256, size, cache, &mut |each| read_chunks(path, each), &mut |_, _| true)?;
        return open_on_disk(&place, &origin, &wanted);
    }
    if commit.is_some() {
        return Err(no_commits("not a repository"));
    }
    if meta.len() > within.archive_size {
        return Err(BundleError::OverBound {
            file: shown(path).to_string(),
            what: format!("{} bytes", meta.len()),
            limit: within.archive_size,
            advice: "unpack it and give the directory",
        });
    }
    let mut bytes = Vec::new();
    read_chunks(path, &mut |chunk| {
        bytes.extend_from_slice(chunk);
        bytes.len() as u64 <= within.archive_size
    })?;
    let (tree, content) = archive::open(bytes, &origin, cache, within)?;
    Ok((tree, Arc::new(content)))
}

fn read_chunks(path: &Path, each: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), BundleError> {
    let mut file = File::open(path).map_err(BundleError::io(path, "open"))?;
    let mut buffer = vec![0u8; limits::CHUNK];
    loop {
        let n = match file.read(&mut buffer) {
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            other => other.map_err(BundleError::io(path, "read"))?,
        };
        if n == 0 {
            return Ok(());
        }
        if !each(&buffer[..n]) {
            return Err(BundleError::Cancelled);
        }
    }
}

/// The repository at `path`: bare, `.git` itself, or a work tree with `.git` (a directory, or a file that points to one).
pub(in crate::bundle) fn on_disk(path: &Path) -> Result<Option<OnDisk>, BundleError> {
    let is_git = |p: &Path| p.join("HEAD").is_file() && (p.join("objects").is_dir() || p.join("commondir").is_file());
    let dot = path.join(".git");
    let git = if is_git(path) {
        path.to_path_buf()
    } else if is_git(&dot) {
        dot
    } else if dot.is_file() {
        let text = read_small(&dot, limits::SMALL_FILE).unwrap_or_default();
        let target = text.strip_prefix(b"gitdir:").map(<[u8]>::trim_ascii).unwrap_or_default();
        let git = path.join(OsStr::from_bytes(target));
        if target.is_empty() || !is_git(&git) {
            return Err(BundleError::Source {
                file: shown(&dot).to_string(),
                code: "source.pack",
                what: "does not lead to a repository".into(),
                advice: "give the repository itself",
            });
        }
        git
    } else {
        return Ok(None);
    };
    let common = read_small(&git.join("commondir"), limits::SMALL_FILE)
        .map_or_else(|| git.clone(), |text| -> PathBuf { git.join(OsStr::from_bytes(text.trim_ascii())) });
    Ok(Some(OnDisk { git, common }))
}

/// Where the repository of a work tree is, when `path` is one that has it elsewhere (`git worktree`, a submodule): its folders.
#[must_use]
pub fn repository_folders(path: &Path) -> Vec<PathBuf> {
    // What is wrong with it is said when it is opened.
    on_disk(path).ok().flatten().map_or_else(Vec::new, |found| vec![found.git, found.common])
}
