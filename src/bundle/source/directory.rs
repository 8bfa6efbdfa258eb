//! A plain directory of sources: in the bundle, or on the reviewer's own disk.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use crate::bundle::carrier::Backing;
use crate::bundle::content::{BundleContent, Slot};
use crate::bundle::defects::Defects;
use crate::bundle::error::{BundleError, shown};
use crate::bundle::{OpenBundle, limits, walk};
use crate::digest::Sha256;
use crate::model::{Content, ContentError, EntryKind, FileId, Severity, SourceContent, SourceEntry, SourceTree, Where};
use crate::text::Untrusted;

/// Files by id of a [`BundleContent`]; links by their target.
pub(in crate::bundle) struct DirectoryContent {
    content: Arc<BundleContent>,
    files: Vec<(Untrusted, Result<FileId, Vec<u8>>)>,
}

impl SourceContent for DirectoryContent {
    fn read(&self, entry: usize, limit: u64) -> Result<Vec<u8>, ContentError> {
        match self.files.get(entry) {
            Some((_, Ok(id))) => self.content.read(*id, limit),
            Some((_, Err(target))) if target.len() as u64 > limit => Err(ContentError::TooLarge { size: target.len() as u64, limit }),
            Some((_, Err(target))) => Ok(target.clone()),
            None => Err(ContentError::Absent),
        }
    }

    fn read_path(&self, path: &Untrusted, limit: u64) -> Result<Vec<u8>, ContentError> {
        let index = self.files.binary_search_by(|(p, _)| p.cmp(path)).map_err(|_| ContentError::Absent)?;
        self.read(index, limit)
    }
}

/// The payload files below `prefix` as a source tree. Each is read once, for its digest.
pub(in crate::bundle) fn of_bundle(
    bundle: &OpenBundle,
    prefix: &[u8],
    origin: &Untrusted,
) -> Result<(SourceTree, DirectoryContent), BundleError> {
    let ids = bundle.release.files.iter().enumerate().filter(|(_, f)| f.present && f.path.as_bytes().starts_with(prefix));
    let mut files = Vec::new();
    for (i, file) in ids {
        if let (Ok(i), Some(path)) = (u32::try_from(i), file.path.as_bytes().get(prefix.len()..)) {
            files.push((Untrusted::from(path), EntryKind::File, Ok(FileId(i))));
        }
    }
    finish(Arc::clone(&bundle.content), files, origin, Defects::default())
}

/// A directory on disk as a source tree; `.git` is left out, links are kept as links.
pub(in crate::bundle) fn of_disk(root: &Path) -> Result<(SourceTree, DirectoryContent), BundleError> {
    let origin = Untrusted::from(root.as_os_str().as_bytes());
    let found = walk::walk(root)?;
    let mut defects = Defects::default();
    let mut slots = Vec::new();
    let mut files: Vec<Row> = Vec::new();
    let own = |path: &[u8]| path == b".git" || path.starts_with(b".git/");
    for file in found.files.into_iter().filter(|f| !own(&f.path)) {
        let id = FileId(u32::try_from(slots.len()).unwrap_or(u32::MAX));
        let mode = fs::symlink_metadata(root.join(OsStr::from_bytes(&file.path))).map_or(0, |m| m.permissions().mode());
        let kind = if mode & 0o111 == 0 { EntryKind::File } else { EntryKind::Executable };
        slots.push(Slot {
            path: file.path.as_slice().into(),
            size: file.size,
            offset: 0,
            present: true,
            first: std::sync::OnceLock::new(),
        });
        files.push((file.path.into(), kind, Ok(id)));
    }
    for odd in found.odd.into_iter().filter(|o| !own(&o.path)) {
        let target = fs::read_link(root.join(OsStr::from_bytes(&odd.path)));
        match (odd.kind, target) {
            ("link", Ok(target)) => files.push((odd.path.into(), EntryKind::Link, Err(target.into_os_string().as_bytes().to_vec()))),
            _ => defects.add("source.unreadable", Severity::Unknown, "look at it yourself", || (Where::file(odd.path), odd.what)),
        }
    }
    files.sort_by(|a, b| a.0.cmp(&b.0));
    let content = Arc::new(BundleContent { backing: Backing::Directory(root.to_path_buf()), slots });
    finish(content, files, &origin, defects)
}

type Row = (Untrusted, EntryKind, Result<FileId, Vec<u8>>);

fn finish(
    content: Arc<BundleContent>,
    files: Vec<Row>,
    origin: &Untrusted,
    mut defects: Defects,
) -> Result<(SourceTree, DirectoryContent), BundleError> {
    if files.len() > limits::TREE_ENTRIES {
        return Err(BundleError::OverBound {
            file: origin.shown().to_string(),
            what: "files of source".into(),
            limit: limits::TREE_ENTRIES as u64,
            advice: "give the sources of this release alone",
        });
    }
    if files.is_empty() {
        return Err(BundleError::Source {
            file: shown(Path::new(OsStr::from_bytes(origin.as_bytes()))).to_string(),
            code: "source.absent",
            what: "holds no file".into(),
            advice: "give a directory of sources",
        });
    }
    let mut out = DirectoryContent { content, files: Vec::with_capacity(files.len()) };
    let mut entries = Vec::with_capacity(files.len());
    for (path, kind, data) in files {
        let (sha256, size) = match &data {
            Ok(id) => match out.content.hash(*id, &[], &mut |_| true) {
                Ok((sha256, _)) => (sha256.to_string(), out.content.size(*id)),
                Err(e) => {
                    defects.unknown("source.unreadable", Where::file(path.clone()), e.to_string(), "check the medium");
                    (String::new(), out.content.size(*id))
                }
            },
            Err(target) => (Sha256::of(target).to_string(), target.len() as u64),
        };
        entries.push(SourceEntry { path: path.clone(), kind, id: sha256, size });
        out.files.push((path, data));
    }
    Ok((SourceTree { origin: origin.clone(), entries, defects: defects.finish(), ..SourceTree::default() }, out))
}
