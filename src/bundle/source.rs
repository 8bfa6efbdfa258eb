//! Opening a source: a git bundle, a bare repository, an archive, or a directory of sources.

mod archive;
mod directory;
mod outside;

pub(super) use outside::on_disk;
pub use outside::{open_repository, repository_folders};

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::OpenBundle;
use super::carrier::Backing;
use super::content::BundleContent;
use super::defects::Defects;
use super::error::BundleError;
use super::git::repository::{self, Files};
use super::git::tree::{self, Wanted};
use super::git::{Store, bundle_file};
use crate::digest::Sha256;
use crate::model::{Content, ContentError, FileId, Limits, Release, SourceContent, SourceDeclaration, SourceTree};
use crate::text::Untrusted;

type Opened = (SourceTree, Arc<dyn SourceContent>);

/// Opens a source that the release declares (or that was guessed), at its declared commit. A git bundle is indexed into `cache` on its
/// first use, under the digest of the file, and found there later; so are the objects of a bare repository inside a tar. `progress`
/// gets (bytes done, bytes in all) and returns false to cancel.
///
/// # Errors
/// When the source is damaged, refused, lacks the commit, or exceeds a bound; [`BundleError::defect`] makes a defect of it.
pub fn open_source(
    bundle: &OpenBundle,
    source: &SourceDeclaration,
    cache: &Path,
    within: &Limits,
    progress: &mut dyn FnMut(u64, u64) -> bool,
) -> Result<Opened, BundleError> {
    let origin = source.path.shown().to_string();
    let content = |error: ContentError| match error {
        ContentError::Cancelled => BundleError::Cancelled,
        error => BundleError::Content { file: origin.clone(), error },
    };
    let wanted = Wanted { commit: source.commit.as_deref(), free: false, tag: source.tag.as_ref() };
    let Some(id) = source.file else {
        return open_directory(bundle, source, &wanted, cache, progress);
    };
    let start = bundle.content.peek(id, 512).map_err(content)?;
    if start.starts_with(bundle_file::START) {
        let size = bundle.content.size(id);
        let mut stream = |each: &mut dyn FnMut(&[u8]) -> bool| bundle.content.stream(id, each).map_err(content);
        let place = match bundle.content.known(id) {
            Some(known) => bundle_file::cached(&origin, known, size, cache, &mut stream, progress)?,
            // The file is read twice then: once for its name in the cache, once to index it.
            None => {
                let total = size.saturating_mul(3).max(1);
                let sha256 = bundle.content.hash(id, &[], &mut |done| progress(done.min(size), total)).map_err(content)?.0;
                let mut rest = |done: u64, _| progress(done.saturating_add(size).min(total), total);
                bundle_file::cached(&origin, sha256, size, cache, &mut stream, &mut rest)?
            }
        };
        return open_on_disk(&place, &source.path, &wanted);
    }
    let bytes = bundle.content.read(id, within.archive_size).map_err(content)?;
    let (mut tree, found) = archive::open(bytes, &source.path, cache, within)?;
    tree.tag = source.tag.clone();
    Ok((tree, Arc::new(found)))
}

/// Opens the repository at `place`, whose objects are below it.
fn open_on_disk(place: &Path, origin: &Untrusted, wanted: &Wanted<'_>) -> Result<Opened, BundleError> {
    let files = repository::OnDisk { git: place.to_path_buf(), common: place.to_path_buf() };
    open_files(&files, &place.join("objects"), origin, wanted)
}

fn open_files(files: &dyn Files, objects: &Path, origin: &Untrusted, wanted: &Wanted<'_>) -> Result<Opened, BundleError> {
    let mut defects = Defects::default();
    let refs = repository::examine(files, origin, &mut defects)?;
    let (tree, content) = tree::open(Store::open(objects)?, &refs, wanted, origin, defects)?;
    Ok((tree, Arc::new(content)))
}

/// A repository among the payload files.
struct InBundle<'a> {
    release: &'a Release,
    content: &'a BundleContent,
    /// Its path, with `/` at the end.
    prefix: Vec<u8>,
}

impl InBundle<'_> {
    fn id(&self, name: &[u8]) -> Option<FileId> {
        self.release.find(&[self.prefix.as_slice(), name].concat().into()).filter(|id| self.release.file(*id).is_some_and(|f| f.present))
    }

    /// Ids and names (relative to the repository) of the files below it.
    fn all(&self) -> impl Iterator<Item = (FileId, &[u8])> {
        let from = self.release.files.partition_point(|f| f.path.as_bytes() < self.prefix.as_slice());
        (from..).map_while(|i| {
            let file = self.release.files.get(i)?;
            Some((FileId(u32::try_from(i).ok()?), file.path.as_bytes().strip_prefix(self.prefix.as_slice())?))
        })
    }
}

impl Files for InBundle<'_> {
    fn read(&self, name: &str, limit: u64) -> Option<Vec<u8>> {
        self.content.read(self.id(name.as_bytes())?, limit).ok()
    }

    fn has(&self, name: &str) -> bool {
        self.id(name.as_bytes()).is_some()
    }

    fn below(&self, directory: &str) -> Vec<Vec<u8>> {
        let prefix = format!("{directory}/");
        self.all().filter(|(_, name)| name.starts_with(prefix.as_bytes())).map(|(_, name)| name.to_vec()).collect()
    }
}

fn open_directory(
    bundle: &OpenBundle,
    source: &SourceDeclaration,
    wanted: &Wanted<'_>,
    cache: &Path,
    progress: &mut dyn FnMut(u64, u64) -> bool,
) -> Result<Opened, BundleError> {
    let mut prefix = source.path.as_bytes().to_vec();
    prefix.push(b'/');
    let files = InBundle { release: &bundle.release, content: &bundle.content, prefix };
    if files.all().next().is_none() {
        return Err(BundleError::Source {
            file: source.path.shown().to_string(),
            code: "source.absent",
            what: "is not in the bundle".into(),
            advice: "ask for the source",
        });
    }
    if files.has("HEAD") && files.all().any(|(_, name)| name.starts_with(b"objects/")) {
        let objects = match &bundle.content.backing {
            // In place: only names that git itself makes are looked for there, and each object is hashed when it is read.
            Backing::Directory(root) => {
                use std::os::unix::ffi::OsStrExt;
                root.join(std::ffi::OsStr::from_bytes(source.path.as_bytes())).join("objects")
            }
            _ => copied(&files, &source.path, cache, progress)?.join("objects"),
        };
        return open_files(&files, &objects, &source.path, wanted);
    }
    let (tree, content) = directory::of_bundle(bundle, &files.prefix, &source.path)?;
    Ok((tree, Arc::new(content)))
}

/// Whether git itself makes files of that name below `objects/`.
fn is_object_file(name: &[u8]) -> bool {
    let Some(rest) = name.strip_prefix(b"objects/") else { return false };
    let hex = |b: &[u8]| b.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    match rest.strip_prefix(b"pack/pack-") {
        Some(pack) => pack.strip_suffix(b".pack").or_else(|| pack.strip_suffix(b".idx")).is_some_and(|id| id.len() == 40 && hex(id)),
        None => matches!(rest, [a, b, b'/', id @ ..] if id.len() == 38 && hex(&[*a, *b]) && hex(id)),
    }
}

/// Copies the objects of a repository inside a tar into the cache, because libgit2 reads files only.
fn copied(
    files: &InBundle<'_>,
    origin: &Untrusted,
    cache: &Path,
    progress: &mut dyn FnMut(u64, u64) -> bool,
) -> Result<PathBuf, BundleError> {
    let wanted: Vec<(FileId, &[u8])> = files.all().filter(|(_, name)| is_object_file(name)).collect();
    let total = wanted.iter().map(|(id, _)| files.content.size(*id)).fold(0u64, u64::saturating_add).saturating_mul(2).max(1);
    let content = |error: ContentError| match error {
        ContentError::Cancelled => BundleError::Cancelled,
        error => BundleError::Content { file: origin.shown().to_string(), error },
    };
    let mut before = 0u64;
    let mut listing = Vec::new();
    for (id, name) in &wanted {
        let sha256 = match files.content.known(*id) {
            Some(known) => known,
            None => files.content.hash(*id, &[], &mut |done| progress(before.saturating_add(done), total)).map_err(content)?.0,
        };
        before = before.saturating_add(files.content.size(*id));
        super::push_listing(&mut listing, name, sha256);
    }
    let key = Sha256::of(&listing).to_string();
    let place = cache.join(&key);
    if place.join("packed-refs").is_file() {
        return Ok(place);
    }
    let aside = repository::aside(cache, &key)?;
    let mut copy = || {
        for (id, name) in &wanted {
            // The name is one of git's own (`is_object_file`): ASCII, and below `objects/`.
            let path = aside.join(String::from_utf8_lossy(name).as_ref());
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent).map_err(BundleError::io(parent, "create"))?;
            }
            let mut out = File::create(&path).map_err(BundleError::io(&path, "create"))?;
            let mut failed = None;
            let streamed = files.content.stream(*id, &mut |chunk| {
                before = before.saturating_add(chunk.len() as u64);
                match out.write_all(chunk) {
                    Ok(()) => progress(before.min(total), total),
                    Err(e) => {
                        failed = Some(e);
                        false
                    }
                }
            });
            if let Some(e) = failed {
                return Err(BundleError::io(&path, "write")(e));
            }
            streamed.map_err(content)?;
        }
        repository::write_skeleton(&aside, &repository::read_refs(files), b"")?;
        repository::put(&aside, &place)
    };
    let made = copy();
    if made.is_err() {
        // As in `bundle_file::cached`: the error is what matters.
        let _ = fs::remove_dir_all(&aside);
    }
    made.map(|()| place)
}
