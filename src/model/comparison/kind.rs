//! What is compared, and what came of it, in one word each.

use std::fmt;

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
