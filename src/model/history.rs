//! The history of the source: commits, and what a path was in them.

use std::fmt;

use super::ContentError;
use crate::text::Untrusted;

/// The name of an object of a source repository.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(pub [u8; 20]);

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl ObjectId {
    /// Its first eight digits: enough to be found in one repository.
    #[must_use]
    pub fn short(&self) -> String {
        self.to_string().chars().take(8).collect()
    }
}

/// A commit. Who made it and when is what its maker wrote there: a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Its name.
    pub id: ObjectId,
    /// Those it was made from.
    pub parents: Vec<ObjectId>,
    /// The tree of its files.
    pub tree: ObjectId,
    /// When it was committed, in seconds since the epoch; 0 when it does not say.
    pub time: i64,
    /// The name of who wrote the change.
    pub author: Untrusted,
    /// When the change was written, in seconds since the epoch.
    pub authored: Option<i64>,
    /// The first paragraph of its message, in one line.
    pub subject: Untrusted,
}

impl Commit {
    /// The day on which the change was written (UTC), as its author claims; a number where that is no date.
    #[must_use]
    pub fn day(&self) -> String {
        day(self.authored.unwrap_or(self.time))
    }
}

/// The day (UTC) of a time in seconds since the epoch.
#[must_use]
pub fn day(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds)
        .map_or_else(|_| seconds.to_string(), |t| t.to_zoned(jiff::tz::TimeZone::UTC).strftime("%Y-%m-%d").to_string())
}

/// What a path is in one commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileAt {
    /// The mode, as git has it.
    pub mode: u32,
    /// Its content.
    pub blob: ObjectId,
}

impl FileAt {
    /// Whether it is a file whose lines can be told: no link, folder or submodule.
    #[must_use]
    pub fn is_file(&self) -> bool {
        self.mode & 0o170_000 == 0o100_000
    }
}

/// Reads the commits of a source repository, from the one under review back.
pub trait SourceHistory: Send + Sync {
    /// The commit under review.
    fn head(&self) -> ObjectId;

    /// A commit.
    ///
    /// # Errors
    /// When it is missing, damaged, or no commit.
    fn commit(&self, id: ObjectId) -> Result<Commit, ContentError>;

    /// What is at that path in a tree, if anything is.
    ///
    /// # Errors
    /// When a tree on the way is missing or damaged.
    fn at(&self, tree: ObjectId, path: &Untrusted) -> Result<Option<FileAt>, ContentError>;

    /// The content of a file.
    ///
    /// # Errors
    /// When it is missing, damaged, or larger than `limit`.
    fn content(&self, blob: ObjectId, limit: u64) -> Result<Vec<u8>, ContentError>;

    /// The files of the older tree whose path the newer one does not have, at most `most` of them.
    ///
    /// # Errors
    /// When a tree is missing or damaged.
    fn gone(&self, older: ObjectId, newer: ObjectId, most: usize) -> Result<Vec<(Untrusted, FileAt)>, ContentError>;

    /// The tags, sorted by name, each with the commit that it names.
    fn tags(&self) -> Vec<(Untrusted, ObjectId)>;

    /// Why the repository does not have its whole history, when it says so itself.
    fn incomplete(&self) -> Option<&str>;
}
