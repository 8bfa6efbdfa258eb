//! The comparison of one pair: a tree of nodes, each with a result and an account of every byte.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::{BuiltFrom, Evidence, Fact, FunctionDiff, RegionDiff};
use crate::digest::Sha256;
use crate::text::Untrusted;

/// The two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// What customers received.
    Shipped,
    /// What was rebuilt.
    Rebuilt,
}

/// A value for each side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Sides<T> {
    /// Of what customers received.
    pub shipped: T,
    /// Of what was rebuilt.
    pub rebuilt: T,
}

impl<T> Sides<T> {
    /// A pair.
    pub fn new(shipped: T, rebuilt: T) -> Self {
        Self { shipped, rebuilt }
    }

    /// The value of one side.
    pub fn get(&self, side: Side) -> &T {
        match side {
            Side::Shipped => &self.shipped,
            Side::Rebuilt => &self.rebuilt,
        }
    }

    /// The value of one side, to change.
    pub fn get_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::Shipped => &mut self.shipped,
            Side::Rebuilt => &mut self.rebuilt,
        }
    }

    /// Both values as references.
    pub fn as_ref(&self) -> Sides<&T> {
        Sides { shipped: &self.shipped, rebuilt: &self.rebuilt }
    }

    /// The same function on both.
    pub fn map<U>(self, mut f: impl FnMut(T) -> U) -> Sides<U> {
        Sides { shipped: f(self.shipped), rebuilt: f(self.rebuilt) }
    }
}

/// The result of a comparison, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResultMark {
    /// `=`: same bytes.
    Identical,
    /// `~`: different bytes, every one of them explained by a proof.
    Equivalent,
    /// `>`: only in what was rebuilt.
    OnlyRebuilt,
    /// `<`: only in what was shipped.
    OnlyShipped,
    /// `?`: not examined; never counts as equivalent.
    NotExamined,
    /// `!`: at least one byte is unexplained.
    Different,
}

impl ResultMark {
    /// The one-character mark.
    #[must_use]
    pub fn mark(self) -> char {
        match self {
            Self::Identical => '=',
            Self::Equivalent => '~',
            Self::Different => '!',
            Self::OnlyShipped => '<',
            Self::OnlyRebuilt => '>',
            Self::NotExamined => '?',
        }
    }

    /// The word used in JSON and in records.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Identical => "identical",
            Self::Equivalent => "equivalent",
            Self::Different => "different",
            Self::OnlyShipped => "onlyShipped",
            Self::OnlyRebuilt => "onlyRebuilt",
            Self::NotExamined => "notExamined",
        }
    }

    /// Whether nothing is left for a person to look at byte by byte.
    #[must_use]
    pub fn is_equal(self) -> bool {
        matches!(self, Self::Identical | Self::Equivalent)
    }
}

impl fmt::Display for ResultMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// A cause that can be undone on both sides, byte for byte. See `docs/compare.md` for the rule of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// Modification time of an archive member or file.
    Mtime,
    /// User and group of an archive member.
    Owner,
    /// Header fields derived from others (tar header checksum, sizes of a compressed member).
    Derived,
    /// gzip header (mtime, name, operating system, flags).
    GzipHeader,
    /// Compressed form of equal, or separately compared, content.
    Compression,
    /// Checksum file or list (`md5sums`) that follows from files which are accounted for themselves.
    ChecksumList,
    /// ELF build-id, where it is recomputed or all other allocated content is accounted for.
    BuildId,
    /// Debug link name and CRC that follow from the debug file.
    DebugLink,
    /// A date or time as text.
    Timestamp,
    /// Code and references moved; every changed operand resolves to the same target.
    AddressShift,
    /// Symbol table or debug sections present on one side only, kept content equal.
    Strip,
    /// The folder that it was built in: one prefix replaced everywhere.
    BuildPath,
    /// Line numbers that moved because lines were inserted or removed above.
    LineShift,
    /// The same functions, data or members in another order.
    Reordering,
    /// Debug sections packed in another way, their content equal or a proof of its own.
    DebugCompression,
    /// What the compiler says of itself (`.comment`, `DW_AT_producer`, recorded switches, the Rich header), the code equal.
    Producer,
    /// A signature inside the file, the content under it equal.
    Signature,
    /// Attributes that say nothing of content: extra times, an archive's comment, device numbers of regular files.
    Attributes,
}

impl Cause {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::Mtime,
        Self::Owner,
        Self::Derived,
        Self::GzipHeader,
        Self::Compression,
        Self::ChecksumList,
        Self::BuildId,
        Self::DebugLink,
        Self::Timestamp,
        Self::AddressShift,
        Self::Strip,
        Self::BuildPath,
        Self::LineShift,
        Self::Reordering,
        Self::DebugCompression,
        Self::Producer,
        Self::Signature,
        Self::Attributes,
    ];

    /// The word used on screens, in JSON and in records.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Mtime => "mtime",
            Self::Owner => "owner",
            Self::Derived => "derived-header",
            Self::GzipHeader => "gzip-header",
            Self::Compression => "compression",
            Self::ChecksumList => "checksum-list",
            Self::BuildId => "build-id",
            Self::DebugLink => "debuglink",
            Self::Timestamp => "timestamp",
            Self::AddressShift => "address-shift",
            Self::Strip => "strip",
            Self::BuildPath => "build-path",
            Self::LineShift => "line-shift",
            Self::Reordering => "reordering",
            Self::DebugCompression => "debug-compression",
            Self::Producer => "producer",
            Self::Signature => "signature",
            Self::Attributes => "attributes",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// Every byte of one side: `identical + explained + unexplained = size`.
///
/// For a container whose members were compared, the bytes counted are those of the container itself that are not a
/// member's (headers, padding); members have their own accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Bytes equal to their counterpart.
    pub identical: u64,
    /// Bytes that differ and are proved, by cause.
    pub explained: BTreeMap<Cause, u64>,
    /// Bytes that differ and are not.
    pub unexplained: u64,
}

impl Account {
    /// All bytes equal.
    #[must_use]
    pub fn all_identical(size: u64) -> Self {
        Self { identical: size, ..Self::default() }
    }

    /// No byte explained.
    #[must_use]
    pub fn all_unexplained(size: u64) -> Self {
        Self { unexplained: size, ..Self::default() }
    }

    /// The sum, in bytes.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.identical + self.explained_total() + self.unexplained
    }

    /// Bytes explained by any cause.
    #[must_use]
    pub fn explained_total(&self) -> u64 {
        self.explained.values().sum()
    }

    /// Adds another account to this one.
    pub fn add(&mut self, other: &Self) {
        self.identical += other.identical;
        self.unexplained += other.unexplained;
        for (cause, bytes) in &other.explained {
            *self.explained.entry(*cause).or_default() += bytes;
        }
    }

    /// Counts bytes under a cause.
    pub fn explain(&mut self, cause: Cause, bytes: u64) {
        if bytes > 0 {
            *self.explained.entry(cause).or_default() += bytes;
        }
    }
}

/// A range of bytes in the node's own content.
pub type Span = Range<u64>;

/// One proof: undoing this cause makes these ranges equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The cause.
    pub cause: Cause,
    /// The byte ranges on each side.
    pub spans: Sides<Vec<Span>>,
    /// Old and new value as text: `2022-12-26 15:30:00`.
    pub values: Sides<Untrusted>,
}

/// A cause that was tried and did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// The cause.
    pub cause: Cause,
    /// Why it fails, in words.
    pub why: String,
}

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeKind {
    /// An ELF executable, library or object.
    Elf,
    /// A PE executable or library.
    Pe,
    /// A Mach-O executable or library.
    MachO,
    /// A Debian package.
    Deb,
    /// An `ar` archive.
    Ar,
    /// A tar archive.
    Tar,
    /// A zip archive (jar, whl, apk, nupkg).
    Zip,
    /// A cpio archive.
    Cpio,
    /// An rpm package.
    Rpm,
    /// A gzip stream.
    Gzip,
    /// An xz stream.
    Xz,
    /// A zstd stream.
    Zstd,
    /// A bzip2 stream.
    Bzip2,
    /// Text.
    Text,
    /// A directory of a loose comparison.
    Directory,
    /// A symbolic link or other special member; its content is the target.
    Special,
    /// Anything else.
    Data,
}

impl NodeKind {
    /// Whether it is an executable of some format: it has regions, and may have functions.
    #[must_use]
    pub fn is_executable(self) -> bool {
        matches!(self, Self::Elf | Self::Pe | Self::MachO)
    }

    /// One short word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Elf => "ELF",
            Self::Pe => "PE",
            Self::MachO => "Mach-O",
            Self::Deb => "deb",
            Self::Ar => "ar",
            Self::Tar => "tar",
            Self::Zip => "zip",
            Self::Cpio => "cpio",
            Self::Rpm => "rpm",
            Self::Gzip => "gzip",
            Self::Xz => "xz",
            Self::Zstd => "zstd",
            Self::Bzip2 => "bzip2",
            Self::Text => "text",
            Self::Directory => "dir",
            Self::Special => "special",
            Self::Data => "data",
        }
    }
}

/// Calls the function once with each number below the count, in any order and on any threads, and returns when all calls
/// have.
pub type Share<'a> = dyn Fn(usize, &(dyn Fn(usize) + Sync)) + Sync + 'a;

/// One compared file, member or stream.
#[derive(Clone)]
pub struct Node {
    /// Name within the parent (the artifact's name at the root).
    pub name: Untrusted,
    /// What it is.
    pub kind: NodeKind,
    /// The result, the worst of its own and its children's.
    pub result: ResultMark,
    /// Size in bytes on each side.
    pub size: Sides<Option<u64>>,
    /// SHA-256 on each side.
    pub digest: Sides<Option<Sha256>>,
    /// Its own bytes; see [`Account`] for what that means in a container.
    pub account: Sides<Account>,
    /// The proofs that hold.
    pub proofs: Vec<Proof>,
    /// The causes that were tried and fail.
    pub tried: Vec<Tried>,
    /// Why it is different or not examined, in a short sentence.
    pub why: String,
    /// Differing metadata that is not explained (mode, type, link target), as sentences.
    pub metadata: Vec<String>,
    /// Members.
    pub children: Vec<Node>,
    /// For an executable: the functions that differ, worst first.
    pub functions: Vec<FunctionDiff>,
    /// For an executable: number of functions that are the same.
    pub same_functions: usize,
    /// For an executable: its regions.
    pub regions: Vec<RegionDiff>,
    /// For an executable: facts side by side.
    pub facts: Vec<Fact>,
    /// For an executable: what it was built from, where there is a source tree to say it of.
    pub built_from: Option<Arc<BuiltFrom>>,
    /// Rows on demand; absent for identical nodes and where the bytes were not kept.
    pub evidence: Option<Arc<dyn Evidence>>,
    /// Equal in two nodes that differ in the same way; see [`Evidence::likeness`].
    pub likeness: Option<Sha256>,
}

impl Node {
    /// A node with nothing known but its name and kind.
    #[must_use]
    pub fn new(name: Untrusted, kind: NodeKind, result: ResultMark) -> Self {
        Self {
            name,
            kind,
            result,
            size: Sides::default(),
            digest: Sides::default(),
            account: Sides::default(),
            proofs: Vec::new(),
            tried: Vec::new(),
            why: String::new(),
            metadata: Vec::new(),
            children: Vec::new(),
            functions: Vec::new(),
            same_functions: 0,
            regions: Vec::new(),
            facts: Vec::new(),
            built_from: None,
            evidence: None,
            likeness: None,
        }
    }

    /// Visits this node and all below it, depth first, with the path of names from the root.
    pub fn walk<'a>(&'a self, visit: &mut dyn FnMut(&[&'a Node])) {
        fn go<'a>(trail: &mut Vec<&'a Node>, visit: &mut dyn FnMut(&[&'a Node])) {
            visit(trail);
            let Some(last) = trail.last().copied() else { return };
            for child in &last.children {
                trail.push(child);
                go(trail, visit);
                trail.pop();
            }
        }
        go(&mut vec![self], visit);
    }

    /// The node at that path of child indices.
    #[must_use]
    pub fn at(&self, path: &[usize]) -> Option<&Self> {
        path.iter().try_fold(self, |node, i| node.children.get(*i))
    }

    /// The account of this node and everything below it.
    #[must_use]
    pub fn total_account(&self) -> Sides<Account> {
        let mut total = self.account.clone();
        for child in &self.children {
            let below = child.total_account();
            total.shipped.add(&below.shipped);
            total.rebuilt.add(&below.rebuilt);
        }
        total
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} {:?}", self.result.mark(), self.name, self.kind)?;
        f.debug_list().entries(&self.children).finish()
    }
}
