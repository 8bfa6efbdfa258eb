//! The causes that can be undone.

use std::fmt;

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
