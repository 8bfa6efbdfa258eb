//! A git bundle made of a repository: a header of our own, and a pack of everything that its branches and tags reach.

use std::path::{Path, PathBuf};

use git2::{ObjectType, Oid, Repository};

use crate::bundle::defects::Defects;
use crate::bundle::error::{BundleError, shown};
use crate::bundle::git::refs::Refs;
use crate::bundle::git::repository::examine;
use crate::bundle::git::{Store, bundle_file, message, object};
use crate::bundle::limits;
use crate::bundle::source::on_disk;
use crate::model::Severity;
use crate::text::{Shown, Untrusted};

/// A repository to be packed.
pub(super) struct Found {
    path: PathBuf,
    objects: PathBuf,
    refs: Refs,
    /// What `HEAD` points to.
    pub(super) commit: Oid,
    /// A tag that names it.
    pub(super) tag: Option<String>,
}

fn failed(path: &Path, what: impl std::fmt::Display) -> BundleError {
    BundleError::request(format!("{}: {what}", shown(path)))
}

/// Looks at the repository at `path`; a plain directory is refused.
pub(super) fn find(path: &Path) -> Result<Found, BundleError> {
    let Some(files) = on_disk(path)? else {
        return Err(failed(path, "is no git repository: give one, a git bundle, or a source archive"));
    };
    let mut defects = Defects::default();
    let refs = examine(&files, &Untrusted::from(shown(path).as_str()), &mut defects)?;
    if let Some(defect) = defects.finish().into_iter().find(|d| d.severity > Severity::Note) {
        return Err(failed(path, format_args!("{}: {}", defect.what, defect.advice)));
    }
    let objects = files.common.join("objects");
    let store = Store::open(&objects)?;
    let head = refs.default_commit().ok_or_else(|| failed(path, "has no commit: commit the source first"))?;
    let (commit, _) = object::peel(&store, head).map_err(|e| failed(path, e.words()))?;
    let tag = tag_of(&refs, commit, |id| object::peel(&store, id).ok().map(|(id, _)| id));
    Ok(Found { path: path.to_path_buf(), objects, refs, commit, tag })
}

/// The last tag by name that names the commit, without `refs/tags/`.
fn tag_of(refs: &Refs, commit: Oid, peel: impl Fn(Oid) -> Option<Oid>) -> Option<String> {
    let tags = refs.list.iter().filter_map(|(name, id)| Some((std::str::from_utf8(name.strip_prefix(b"refs/tags/")?).ok()?, *id)));
    tags.filter(|(_, id)| peel(*id) == Some(commit)).map(|(name, _)| name.to_owned()).next_back()
}

/// Commit and tag of a git bundle file, as far as its header tells; `None` for any other file. A tag is told only when it is a plain
/// one: an annotated tag names an object inside the pack.
pub(super) fn of_bundle(path: &Path) -> Result<Option<(String, Option<String>)>, BundleError> {
    let mut start = Vec::new();
    let file = std::fs::File::open(path).map_err(BundleError::io(path, "open"))?;
    std::io::Read::read_to_end(&mut std::io::Read::take(file, limits::SMALL_FILE), &mut start).map_err(BundleError::io(path, "read"))?;
    if !start.starts_with(bundle_file::START) {
        return Ok(None);
    }
    let refs = bundle_file::refs_of(&start).map_err(|what| failed(path, format_args!("{what}: give a complete git bundle")))?;
    let commit = refs.get(b"HEAD").or_else(|| refs.default_commit());
    let Some(commit) = commit else { return Err(failed(path, "its header names no branch to take the commit from: give the repository")) };
    let tag = tag_of(&refs, commit, Some);
    Ok(Some((commit.to_string(), tag)))
}

impl Found {
    /// Writes the git bundle.
    pub(super) fn write(self, write: &mut dyn FnMut(&[u8]) -> Result<(), BundleError>) -> Result<(), BundleError> {
        let wrong = |e: git2::Error| failed(&self.path, format_args!("cannot be packed: {}", message(&e)));
        let odb = Store::open(&self.objects)?.into_odb();
        let store = Store::open(&self.objects)?;
        let repository = Repository::from_odb(odb).map_err(wrong)?;
        let mut builder = repository.packbuilder().map_err(wrong)?;
        // One thread: the result must not depend on how many there are.
        builder.set_threads(1);
        let mut walk = repository.revwalk().map_err(wrong)?;
        walk.set_sorting(git2::Sort::TOPOLOGICAL).map_err(wrong)?;
        let mut header = format!("# v2 git bundle\n{} HEAD\n", self.commit).into_bytes();
        walk.push(self.commit).map_err(wrong)?;
        let kept = |name: &[u8]| name.starts_with(b"refs/heads/") || name.starts_with(b"refs/tags/");
        for (name, id) in self.refs.list.iter().filter(|(name, _)| kept(name)) {
            header.extend_from_slice(id.to_string().as_bytes());
            header.push(b' ');
            header.extend_from_slice(name);
            header.push(b'\n');
            let mut at = *id;
            loop {
                let words =
                    |e: crate::bundle::git::ObjectError| failed(&self.path, format_args!("{}: {}", Shown::of_bytes(name), e.words()));
                match store.header(at).map_err(words)?.0 {
                    ObjectType::Tag => {
                        builder.insert_object(at, None).map_err(wrong)?;
                        at = object::target(&store, at).map_err(words)?;
                    }
                    ObjectType::Commit => {
                        walk.push(at).map_err(wrong)?;
                        break;
                    }
                    _ => {
                        builder.insert_recursive(at, None).map_err(wrong)?;
                        break;
                    }
                }
            }
        }
        builder.insert_walk(&mut walk).map_err(wrong)?;
        header.push(b'\n');
        write(&header)?;
        let mut stopped = None;
        let packed = builder.foreach(|chunk| match write(chunk) {
            Ok(()) => true,
            Err(e) => {
                stopped = Some(e);
                false
            }
        });
        match stopped {
            Some(e) => Err(e),
            None => packed.map_err(wrong),
        }
    }
}
