//! What was found inside a pair of executables.

use std::collections::BTreeSet;

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
    /// Whether running the file can depend on it: it is loaded, or it is no section (a header, a gap, what stands behind the end).
    pub loaded: bool,
}

/// What a fact is about: where a difference of it leads a reviewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FactGroup {
    /// Compiler, linker, libraries at hand, flags: a difference of it is the reason to look at first.
    Toolchain,
    /// Protections that the build puts in.
    Hardening,
    /// What the loader obeys: interpreter, needed libraries, where they are looked for.
    Loading,
    /// What it says of itself: build-id, versions, names.
    Identity,
    /// What it is made of: imports, exports, dependencies.
    Contents,
}

impl FactGroup {
    /// As JSON has it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Toolchain => "toolchain",
            Self::Hardening => "hardening",
            Self::Loading => "loading",
            Self::Identity => "identity",
            Self::Contents => "contents",
        }
    }
}

/// A fact embedded in the binary, side by side: compiler, build-id, needed libraries, hardening.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What it is, in the field's words: `.comment`, `build-id`, `NEEDED`, `RELRO`.
    pub name: String,
    /// The values; absent where a side has none.
    pub value: Sides<Option<Untrusted>>,
    /// What it is about.
    pub group: FactGroup,
    /// Whether it is a protection that the rebuilt side has and the shipped one lacks.
    pub lost: bool,
}

impl Fact {
    /// Whether it is a reason to look at the toolchain first: both sides say something, and not the same. (Debug information
    /// that the bundle has for one side only says nothing of the other.)
    #[must_use]
    pub fn points_at_toolchain(&self) -> bool {
        self.group == FactGroup::Toolchain && !self.agrees() && self.value.shipped.is_some() && self.value.rebuilt.is_some()
    }

    /// Whether the two are loaded otherwise: another interpreter, other libraries, other places.
    #[must_use]
    pub fn points_at_loading(&self) -> bool {
        self.group == FactGroup::Loading && !self.agrees()
    }

    /// Whether both sides say the same.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.value.shipped == self.value.rebuilt
    }

    /// The name for programs: in lower case, with dashes.
    #[must_use]
    pub fn kind(&self) -> String {
        let words = self.name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty());
        words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-")
    }

    /// What each side says that the other does not: of lists of words only the words, in their order.
    #[must_use]
    pub fn differing(&self) -> Sides<String> {
        let whole = |v: &Option<Untrusted>| v.as_ref().map_or_else(|| "(none)".to_owned(), |v| v.shown().cut(WORDS).to_string());
        if let (true, Some(x), Some(y)) = (self.is_list(), &self.value.shipped, &self.value.rebuilt) {
            let only = Sides::new(only_in(x, y), only_in(y, x));
            // The same words in another order.
            if only.shipped.is_some() || only.rebuilt.is_some() {
                return only.map(|words| words.unwrap_or_else(|| "(nothing more)".to_owned()));
            }
        }
        self.value.as_ref().map(whole)
    }

    fn is_list(&self) -> bool {
        matches!(self.group, FactGroup::Toolchain | FactGroup::Loading) && self.name != "interpreter"
    }
}

/// Cells of the words that are shown.
const WORDS: usize = 80;

/// The words of one text that the other does not have.
fn only_in(own: &Untrusted, other: &Untrusted) -> Option<String> {
    let known: BTreeSet<&[u8]> = other.as_bytes().split(|b| *b == b' ').collect();
    let words: Vec<&[u8]> = own.as_bytes().split(|b| *b == b' ').filter(|w| !known.contains(w)).collect();
    (!words.is_empty()).then(|| Untrusted::from(words.join(&b' ')).shown().cut(WORDS).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(group: FactGroup, shipped: &str, rebuilt: &str) -> Fact {
        let side = |t: &str| (!t.is_empty()).then(|| t.into());
        Fact { name: ".GCC.command line".into(), value: Sides::new(side(shipped), side(rebuilt)), group, lost: false }
    }

    #[test]
    fn flags_are_compared_word_by_word() {
        let told = |group, a: &str, b: &str| {
            let d = fact(group, a, b).differing();
            (d.shipped, d.rebuilt)
        };
        let words = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(told(FactGroup::Toolchain, "cc -g -O1", "cc -g -O2"), words("-O1", "-O2"));
        assert_eq!(told(FactGroup::Loading, "libm libc", "libc"), words("libm", "(nothing more)"));
        assert_eq!(told(FactGroup::Loading, "libc libm", "libm libc"), words("libc libm", "libm libc"));
        assert_eq!(told(FactGroup::Loading, "", "libc"), words("(none)", "libc"));
        assert_eq!(told(FactGroup::Identity, "a b", "a c"), words("a b", "a c"));
        assert_eq!(fact(FactGroup::Identity, "a", "b").kind(), "gcc-command-line");
    }
}
