//! What the files of a release say of their own making: compilers, components, revisions. Hints, never proofs: whoever makes a
//! file can write them as they like.

use super::Side;
use crate::digest::Digest;
use crate::text::Untrusted;

/// A tool of the build and its version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tool {
    /// Its family: `gcc`, `clang`, `rustc`, `go`, `binutils`, `lld`.
    pub name: &'static str,
    /// Its version as written: `12.2.0`, `12.2.0-14+deb12u1`.
    pub version: String,
    /// Where it says so: `.comment`, `DW_AT_producer`, `Go build information`.
    pub from: &'static str,
}

/// Something that was built into a file, or that a file is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Component {
    /// The type of a package URL: `cargo`, `golang`, `deb`, `pypi`, `npm`, `generic`.
    pub kind: &'static str,
    /// Its name, with its namespace in front.
    pub name: String,
    /// Its version as written; empty when none is given.
    pub version: String,
}

/// The revision of the source that a file says it was built from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// Lowercase hexadecimal.
    pub id: String,
    /// Where it says so.
    pub from: &'static str,
    /// Whose revision it is: the main module of a Go program, the name of a crate. Empty when it does not say.
    pub of: String,
    /// Whether it says that the tree was changed after that revision.
    pub modified: bool,
}

/// What one file says of its own making.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Embedded {
    /// Tools of the build, each once.
    pub tools: Vec<Tool>,
    /// What is in it, by its own word.
    pub components: Vec<Component>,
    /// What it was built from.
    pub revision: Option<Revision>,
    /// Its build-id; empty when it has none.
    pub build_id: Vec<u8>,
}

impl Embedded {
    /// Whether it says nothing at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Whose file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Holder {
    /// An artifact, by its index, on one side.
    Artifact(usize, Side),
    /// Separate debug information of an artifact.
    Debug(usize),
    /// The source tree, by the index of the entry.
    Source(usize),
}

/// A file, or a member inside of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Whose it is.
    pub holder: Holder,
    /// Its name, with that of the member behind `!`.
    pub name: Untrusted,
    /// Its SHA-256, and its digests of the other algorithms that were asked for.
    pub digests: Vec<Digest>,
    /// What it says of its own making.
    pub embedded: Embedded,
}

/// Everything that artifacts, their debug information and (where it was asked for) the source consist of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// The files and members.
    pub held: Vec<Held>,
    /// What could not be opened: whose it is, and why.
    pub closed: Vec<(Holder, String)>,
    /// What the source tree calls its own: modules of Go, crates.
    pub declared: std::collections::BTreeSet<String>,
}
