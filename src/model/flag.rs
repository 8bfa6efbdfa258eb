//! What a person must look at in a source, and how a source archive compares with the reviewed tree.

use crate::text::Untrusted;

/// A place in a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlagPlace {
    /// The entry, counted through all sources (`Facts::entry` of the checks finds it).
    pub entry: usize,
    /// The lines to look at, from 1, the first of them the one to go to; none for the whole file.
    pub lines: Vec<u64>,
    /// What is there, in words; bundle text in it has passed the guard.
    pub detail: String,
}

/// One thing that a person must look at, in one place or in several of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFlag {
    /// The check that it belongs to, such as `source.binary`.
    pub code: &'static str,
    /// 0 is worst: what a build runs comes before what a build reads, that before the rest.
    pub rank: u8,
    /// Stable within its code: the path, or the kind of what several places have in common.
    pub key: String,
    /// What it is, in words; bundle text in it has passed the guard.
    pub what: String,
    /// Where, in the order of the entries; never empty.
    pub places: Vec<FlagPlace>,
}

/// How a source archive compares with the reviewed tree. Counts are files, links and submodules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArchiveReport {
    /// The archive, relative to the bundle's root.
    pub archive: Untrusted,
    /// The folder of the tree that it was compared with, `/` at its end; empty for the whole tree.
    pub folder: Untrusted,
    /// Entries of the archive.
    pub files: usize,
    /// Equal in bytes, kind and executable bit.
    pub equal: usize,
    /// In both, with other content; not those that `export-subst` accounts for.
    pub changed: usize,
    /// In both with equal content, and one of another kind or executable bit.
    pub modes: usize,
    /// Only in the archive.
    pub added: usize,
    /// Only in the tree, and no attribute of the tree says why.
    pub missing: usize,
    /// Only in the tree, because its `.gitattributes` say `export-ignore`.
    pub ignored: usize,
    /// With other content, because the tree's `.gitattributes` say `export-subst`, and the values are those of the commit.
    pub substituted: usize,
    /// Could not be compared.
    pub unknown: usize,
    /// The worst difference, in words; empty when there is none. Bundle text in it has passed the guard.
    pub worst: String,
    /// Why it was not compared at all, in words; empty when it was.
    pub not_compared: String,
}

impl ArchiveReport {
    /// Whether everything in it was compared and is what the tree has, and nothing of the tree is missing without its own consent.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        self.not_compared.is_empty() && self.changed + self.modes + self.added + self.missing + self.unknown == 0 && self.files > 0
    }

    /// Whether it holds something that the tree does not.
    #[must_use]
    pub fn differs(&self) -> bool {
        self.changed + self.modes + self.added > 0
    }

    /// The counts in words, such as `12 files equal, 1 only in the archive`.
    #[must_use]
    pub fn words(&self) -> String {
        if !self.not_compared.is_empty() {
            return self.not_compared.clone();
        }
        let mut out = format!("{} of {} entries equal", self.equal, self.files);
        for (count, word) in [
            (self.substituted, "with values of the commit put in (export-subst)"),
            (self.added, "only in the archive"),
            (self.changed, "changed"),
            (self.modes, "of another kind or mode"),
            (self.unknown, "not compared"),
            (self.missing, "only in the tree"),
            (self.ignored, "left out by the tree itself (export-ignore)"),
        ] {
            if count > 0 {
                out.push_str(&format!(", {count} {word}"));
            }
        }
        out
    }
}
