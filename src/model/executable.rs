//! What was found inside a pair of executables.

use super::{Account, ResultMark, Sides};
use crate::text::Untrusted;

/// Where a function or region is on one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Extent {
    /// Virtual address.
    pub address: u64,
    /// Size in bytes.
    pub size: u64,
    /// Offset in the file.
    pub offset: u64,
}

/// How the file that debug information names relates to the bundle's source tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceStatus {
    /// The checksum that the compiler recorded equals the file's.
    MatchedByChecksum,
    /// The path matches; the compiler recorded no checksum.
    MatchedByPath,
    /// The path matches, the recorded checksum differs: the compiler saw another file.
    ChecksumDiffers,
    /// Not in the tree: toolchain, generated, or missing.
    NotInSource,
}

/// A line of source that debug information claims for an address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SourceLine {
    /// Path in the bundle's source tree when the status is a match; else the path as the debug information has it.
    pub file: Untrusted,
    /// Line, from 1.
    pub line: u32,
    /// How the file relates to the tree.
    pub status: SourceStatus,
    /// The innermost inlined place, when that is another one (`/usr/include/…/stdio2.h:86`): one key away.
    pub inlined_from: Option<(Untrusted, u32)>,
}

/// One function that is not the same on both sides.
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionDiff {
    /// Its name (demangled where that applies), or an address when it has none. A name is a claim.
    pub name: Untrusted,
    /// `Different` when its code differs beyond what is proved benign; `Equivalent` when every difference is proved.
    pub result: ResultMark,
    /// Where it is on each side; absent on the side that lacks it.
    pub extent: Sides<Option<Extent>>,
    /// Number of rows that differ without a proof.
    pub changed: usize,
    /// The source line of the first differing instruction.
    pub source: Option<SourceLine>,
    /// One sentence on the difference: `1 byte differs, 75 -> eb: a conditional jump became unconditional`.
    pub what: String,
}

/// One section or other region of the file, with its account.
#[derive(Clone, Debug, PartialEq)]
pub struct RegionDiff {
    /// Section name, or `gap`, `headers`, `trailing data`.
    pub name: Untrusted,
    /// Result.
    pub result: ResultMark,
    /// Where it is.
    pub extent: Sides<Option<Extent>>,
    /// Every byte of it.
    pub account: Sides<Account>,
}

/// A fact embedded in the binary, side by side: compiler, build-id, needed libraries, hardening.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What it is, in the field's words: `.comment`, `build-id`, `NEEDED`, `RELRO`.
    pub name: String,
    /// The values; absent where a side has none.
    pub value: Sides<Option<Untrusted>>,
    /// Whether a difference of this fact points at the toolchain: the reason to look at first.
    pub toolchain: bool,
}

impl Fact {
    /// Whether it is a reason to look at the toolchain first: both sides say something, and not the same. (Debug information
    /// that the bundle has for one side only says nothing of the other.)
    #[must_use]
    pub fn points_at_toolchain(&self) -> bool {
        self.toolchain && !self.agrees() && self.value.shipped.is_some() && self.value.rebuilt.is_some()
    }

    /// Whether both sides say the same.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.value.shipped == self.value.rebuilt
    }
}
