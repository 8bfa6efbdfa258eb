//! What can be in front on Compare.

use crate::digest::Sha256;
use crate::model::Cause;
use crate::text::Shown;

/// What is in front.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Front {
    /// Nothing yet.
    #[default]
    Nothing,
    /// A node: the artifact's index and child indices.
    Node(usize, Vec<usize>),
    /// Everything that one ruling covers.
    Group(Group),
    /// A file of a source archive beside that of the tree, by its entry.
    Sources(usize),
}

/// What one ruling covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    /// All files that a cause explains.
    Rule(Cause),
    /// All identical files.
    Batch,
    /// All files with the same difference, or the same fact: by [`group_key`] of the item.
    Cluster(Sha256),
}

/// What a group of equal differences is known by.
pub(crate) fn group_key(id: &str) -> Sha256 {
    Sha256::of(id.as_bytes())
}

/// A part of a node to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The whole node.
    Whole,
    /// A function, by its index.
    Function(usize),
    /// A region outside the differing functions, by its index.
    Region(usize),
    /// A member, by its index: Enter goes there.
    Member(usize),
    /// The other files with the same difference: Enter goes there.
    Same,
}

/// A file under a rule or in the batch.
#[derive(Clone, Debug)]
pub(crate) struct GroupRow {
    /// Artifact index.
    pub(crate) artifact: usize,
    /// Child indices.
    pub(crate) path: Vec<usize>,
    /// Its way from the artifact.
    pub(crate) name: Shown,
    /// Shipped and rebuilt value, or digest and size.
    pub(crate) values: (Shown, Shown),
}

/// Where the cursor goes when a listing comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    /// The first difference.
    First,
    /// The last difference.
    Last,
    /// The row with that number (address, offset, line) or the next one.
    Number(u64),
    /// The first difference from that number on.
    DifferenceFrom(u64),
    /// That row.
    Row(usize),
    /// That row, with that one first in the window.
    Exactly {
        /// The row.
        row: usize,
        /// The first one drawn.
        top: usize,
    },
}
