//! The source tree under review.

use super::Defect;
use crate::text::Untrusted;

/// What a tree entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryKind {
    /// A file.
    File,
    /// A file with the executable bit.
    Executable,
    /// A symbolic link; its content is the target.
    Link,
    /// A git submodule: a commit that is not in this repository.
    Submodule,
}

/// One entry of the tree (directories are implied by the paths).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceEntry {
    /// Path from the tree's root, `/` between components.
    pub path: Untrusted,
    /// What it is.
    pub kind: EntryKind,
    /// Git object name (hexadecimal); for an archive, the SHA-256 of the content.
    pub id: String,
    /// Size in bytes.
    pub size: u64,
}

/// A signed tag or commit of the source repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedObject {
    /// Whether it is the tag, else the commit.
    pub is_tag: bool,
    /// The bytes that were signed: the object without its signature.
    pub payload: Vec<u8>,
    /// The signature, as it stands in the object.
    pub signature: Vec<u8>,
}

/// The tree at the release commit (or the contents of a source archive).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceTree {
    /// The source file or repository it was read from, relative to the bundle's root.
    pub origin: Untrusted,
    /// Commit (hexadecimal), when the source is a repository.
    pub commit: Option<String>,
    /// Tree object (hexadecimal), when the source is a repository.
    pub tree: Option<String>,
    /// Tag that `release.json` names.
    pub tag: Option<Untrusted>,
    /// Whether that tag resolves to the commit; `None` when there is no such tag or none was named.
    pub tag_matches: Option<bool>,
    /// The signatures of the tag and of the commit, where they have one.
    pub signed: Vec<SignedObject>,
    /// Commit time in seconds since the epoch (the author of the commit set it: a claim).
    pub time: Option<i64>,
    /// The files, sorted by path (bytes).
    pub entries: Vec<SourceEntry>,
    /// What is wrong with it.
    pub defects: Vec<Defect>,
}

/// Lines of a text file, the last one whether it ends or not; `None` for one with a NUL, which is shown as bytes.
#[must_use]
pub fn line_count(bytes: &[u8]) -> Option<u64> {
    let open = bytes.last().is_some_and(|b| *b != b'\n');
    (!bytes.contains(&0)).then(|| bytes.iter().filter(|b| **b == b'\n').count() as u64 + u64::from(open))
}

impl SourceTree {
    /// The index of the entry at that path.
    #[must_use]
    pub fn find(&self, path: &Untrusted) -> Option<usize> {
        self.entries.binary_search_by(|e| e.path.cmp(path)).ok()
    }
}
