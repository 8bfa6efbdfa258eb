//! Bare repositories as files: their refs, what in them would mislead git, and the ones that are made in the cache.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::bundle_file::NEEDS;
use super::refs::{self, Refs};
use crate::bundle::defects::Defects;
use crate::bundle::error::BundleError;
use crate::bundle::limits;
use crate::model::Where;
use crate::text::Untrusted;

/// The files of a repository, wherever they are. Names are relative to it.
pub(in crate::bundle) trait Files {
    /// The bytes of a small file, if it is there.
    fn read(&self, name: &str, limit: u64) -> Option<Vec<u8>>;
    /// The names of all files below a directory.
    fn below(&self, directory: &str) -> Vec<Vec<u8>>;

    /// Whether a file is there, readable or not.
    fn has(&self, name: &str) -> bool;
}

/// A repository on disk: `git` directory, and the one with objects and refs (they differ in a linked worktree).
pub(in crate::bundle) struct OnDisk {
    pub(in crate::bundle) git: PathBuf,
    pub(in crate::bundle) common: PathBuf,
}

impl Files for OnDisk {
    fn read(&self, name: &str, limit: u64) -> Option<Vec<u8>> {
        let base = if name == "HEAD" { &self.git } else { &self.common };
        read_small(&base.join(name), limit)
    }

    fn has(&self, name: &str) -> bool {
        fs::symlink_metadata(self.common.join(name)).is_ok()
    }

    fn below(&self, directory: &str) -> Vec<Vec<u8>> {
        let root = self.common.join(directory);
        let Ok(found) = crate::bundle::walk::walk(&root) else { return Vec::new() };
        found.files.into_iter().map(|f| [directory.as_bytes(), b"/", &f.path].concat()).collect()
    }
}

/// A file of at most `limit` bytes; `None` when it is absent, unreadable, too large or no regular file.
pub(in crate::bundle) fn read_small(path: &Path, limit: u64) -> Option<Vec<u8>> {
    let meta = fs::symlink_metadata(path).ok()?;
    if !meta.is_file() || meta.len() > limit {
        return None;
    }
    let mut out = Vec::new();
    std::io::Read::read_to_end(&mut std::io::Read::take(File::open(path).ok()?, limit), &mut out).ok()?;
    Some(out)
}

/// Looks for what would make a git tool see something else than the objects, and reads the refs. Refuses what cannot be read alone.
pub(in crate::bundle) fn examine(files: &dyn Files, origin: &Untrusted, defects: &mut Defects) -> Result<Refs, BundleError> {
    let refuse = |code: &'static str, what: &str, advice: &'static str| BundleError::Source {
        file: origin.shown().to_string(),
        code,
        what: what.to_owned(),
        advice,
    };
    for name in ["objects/info/alternates", "objects/info/http-alternates"] {
        if files.has(name) {
            let what = format!("has {name}: part of its objects is elsewhere, so it is refused");
            return Err(refuse("source.alternates", &what, "make it complete with `git repack -a -d` and remove that file"));
        }
    }
    let config = files.read("config", limits::SMALL_FILE).unwrap_or_default().to_ascii_lowercase();
    let squeezed: Vec<u8> = config.into_iter().filter(|b| !matches!(b, b' ' | b'\t')).collect();
    if squeezed.windows(19).any(|w| w == b"objectformat=sha256") {
        return Err(refuse(
            "source.pack",
            "is a SHA-256 repository, which is not read here",
            "ask for a SHA-1 repository or a source archive",
        ));
    }
    if !files.below("reftable").is_empty() {
        return Err(refuse("source.pack", "keeps its refs in reftable files, which are not read here", "ask for a git bundle"));
    }
    let place = || Where::file(origin.clone());
    if files.has("info/grafts") {
        let what = "has info/grafts, which makes git show another history; ignored here";
        defects.fail("source.grafts", place(), what, "ask why, and for a repository without it");
    }
    if files.has("shallow") {
        let what = "is a shallow clone: its history is incomplete";
        defects.unknown("source.shallow", place(), what, "ask for the full history");
    }
    if let Some(needs) = files.read(NEEDS, limits::REFS_FILE).filter(|n| !n.is_empty()) {
        let first = String::from_utf8_lossy(needs.get(..40).unwrap_or(&needs)).into_owned();
        let what = format!("needs commits that are not in it (first {first}): its history is incomplete");
        defects.unknown("source.prerequisites", place(), what, "ask for a bundle of the full history");
    }
    let derived = files.below("objects/info").iter().any(|n| n.starts_with(b"objects/info/commit-graph"))
        || files.has("objects/pack/multi-pack-index");
    if derived {
        let what = "has a commit-graph or multi-pack-index, which can lie to git; no statement here rests on it";
        defects.note("source.graph", place(), what, "");
    }
    Ok(read_refs(files))
}

/// Reads the refs: loose ones, then packed ones.
pub(in crate::bundle) fn read_refs(files: &dyn Files) -> Refs {
    let mut loose: Vec<(Vec<u8>, git2::Oid)> = Vec::new();
    for name in files.below("refs").into_iter().take(limits::REFS) {
        let text = std::str::from_utf8(&name).ok().and_then(|n| files.read(n, limits::SMALL_FILE));
        if let Some(id) = text.as_deref().map(<[u8]>::trim_ascii).and_then(refs::id_of) {
            loose.push((name, id));
        }
    }
    loose.extend(refs::lines(&files.read("packed-refs", limits::REFS_FILE).unwrap_or_default()));
    let all = Refs::new(loose, None);
    let head = files.read("HEAD", limits::SMALL_FILE).unwrap_or_default();
    let head = match head.strip_prefix(b"ref:") {
        Some(name) => all.get(name.trim_ascii()),
        None => refs::id_of(head.trim_ascii()),
    };
    let head = head.or_else(|| all.get(b"HEAD"));
    Refs { head, ..all }
}

/// A new empty directory in the cache, to make something in before it is put in its place.
pub(in crate::bundle) fn aside(cache: &Path, name: &str) -> Result<PathBuf, BundleError> {
    use std::hash::{BuildHasher, Hasher};
    fs::create_dir_all(cache).map_err(BundleError::io(cache, "create"))?;
    // Two programs may do this at once: each makes its own, and the first to finish wins.
    let random = std::hash::RandomState::new().build_hasher().finish();
    let path = cache.join(format!("{name}.{random:016x}.partial"));
    fs::create_dir(&path).map_err(BundleError::io(&path, "create"))?;
    Ok(path)
}

/// Moves what was made aside into its place; if another program was faster, its result stays.
pub(in crate::bundle) fn put(aside: &Path, place: &Path) -> Result<(), BundleError> {
    for directory in [aside.join("objects/pack"), aside.to_path_buf()] {
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|t| t.is_file()) {
                File::open(entry.path()).and_then(|f| f.sync_all()).map_err(BundleError::io(&entry.path(), "sync"))?;
            }
        }
    }
    match fs::rename(aside, place) {
        Ok(()) => Ok(()),
        Err(_) if place.join("packed-refs").is_file() => {
            // The copy aside is superfluous now.
            let _ = fs::remove_dir_all(aside);
            Ok(())
        }
        Err(e) => Err(BundleError::io(place, "create")(e)),
    }
}

/// Writes all of a bare repository but its objects: `packed-refs` last, because its presence says that the rest is there.
pub(in crate::bundle) fn write_skeleton(root: &Path, refs: &Refs, needs: &[u8]) -> Result<(), BundleError> {
    let mut packed = b"# pack-refs with: sorted \n".to_vec();
    for (name, id) in refs.list.iter().filter(|(name, _)| name.starts_with(b"refs/")) {
        packed.extend_from_slice(id.to_string().as_bytes());
        packed.push(b' ');
        packed.extend_from_slice(name);
        packed.push(b'\n');
    }
    let head = refs.head.or_else(|| refs.get(b"HEAD")).or_else(|| refs.default_commit());
    let head = head.map_or_else(|| "ref: refs/heads/main\n".to_owned(), |id| format!("{id}\n"));
    let directory = root.join("refs");
    fs::create_dir_all(&directory).map_err(BundleError::io(&directory, "create"))?;
    let config = b"[core]\n\trepositoryformatversion = 0\n\tbare = true\n".as_slice();
    for (name, bytes) in [("config", config), ("HEAD", head.as_bytes()), (NEEDS, needs), ("packed-refs", &packed)] {
        let path = root.join(name);
        File::create(&path).and_then(|mut f| f.write_all(bytes)).map_err(BundleError::io(&path, "write"))?;
    }
    Ok(())
}
