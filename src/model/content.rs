//! Access to bytes by id, so that pure code can read without knowing about files.

use crate::digest::{Algorithm, Digest, Hasher, Sha256};
use crate::text::Untrusted;

/// A payload file of the open bundle: an index into [`Release::files`](super::Release::files).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

/// Why bytes could not be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// The file is larger than the caller allows.
    #[error("{size} bytes, over the bound of {limit} bytes: not examined")]
    TooLarge {
        /// Size in bytes.
        size: u64,
        /// Bound in bytes.
        limit: u64,
    },
    /// The file answered other bytes than when it was first read.
    #[error("the medium gave other bytes than at the first read (first {first}, now {now}): do not trust this medium")]
    Changed {
        /// Digest at the first read.
        first: Sha256,
        /// Digest now.
        now: Sha256,
    },
    /// It is not there.
    #[error("not in the bundle")]
    Absent,
    /// The system refused or failed.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// The caller cancelled.
    #[error("cancelled")]
    Cancelled,
}

/// Reads payload files by id. Every read after the first is checked against the digest of the first.
pub trait Content: Send + Sync {
    /// The size in bytes that the carrier states.
    fn size(&self, id: FileId) -> u64;

    /// The whole file.
    ///
    /// # Errors
    /// When it is larger than `limit`, unreadable, or changed since it was first read.
    fn read(&self, id: FileId, limit: u64) -> Result<Vec<u8>, ContentError>;

    /// Streams the file in chunks; `each` returns false to cancel. Used for hashing, and records the first digest.
    ///
    /// # Errors
    /// As [`Content::read`], and [`ContentError::Cancelled`].
    fn stream(&self, id: FileId, each: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), ContentError>;

    /// Hashes the file once: its SHA-256, and its digests of those of `others` that are not SHA-256, in their order. `each` gets the
    /// number of bytes done and returns false to cancel. An implementation that keeps first digests hashes only here, not twice.
    ///
    /// # Errors
    /// As [`Content::stream`].
    fn hash(&self, id: FileId, others: &[Algorithm], each: &mut dyn FnMut(u64) -> bool) -> Result<(Sha256, Vec<Digest>), ContentError> {
        let mut hasher = Hasher::new(others);
        let mut done = 0u64;
        self.stream(id, &mut |chunk| {
            hasher.update(chunk);
            done = done.saturating_add(chunk.len() as u64);
            each(done)
        })?;
        let (sha256, others, _) = hasher.finish();
        Ok((sha256, others))
    }
}

/// Reads the files of a source tree.
pub trait SourceContent: Send + Sync {
    /// The bytes of the tree entry with that index in [`SourceTree::entries`](super::SourceTree::entries).
    ///
    /// # Errors
    /// When the object is missing, larger than `limit`, or its bytes do not match its id.
    fn read(&self, entry: usize, limit: u64) -> Result<Vec<u8>, ContentError>;

    /// The bytes of the file at that path (relative to the tree's root, `/` between components).
    ///
    /// # Errors
    /// As [`SourceContent::read`]; [`ContentError::Absent`] when the tree has no such file.
    fn read_path(&self, path: &Untrusted, limit: u64) -> Result<Vec<u8>, ContentError>;

    /// The history that an entry has, where its source is a repository.
    fn history(&self, _entry: usize) -> Option<&dyn super::SourceHistory> {
        None
    }
}
