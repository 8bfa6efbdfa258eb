//! What every container has in common: members, and fields that cover every byte which is not a member's.

use std::ops::Range;

use crate::model::Cause;

/// When the cause of a field explains a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Whenever both sides give it the same cause.
    Free,
    /// Only when both sides have the same value: other bytes may say the same.
    SameValue,
    /// As [`Rule::Free`], and one side may lack the field.
    Optional,
}

/// A range of header bytes with a meaning.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    /// What it is, in the field's words: `mode`, `mtime`.
    pub(crate) what: &'static str,
    /// Tells fields of the same name apart: the id of an extra field, the number of a tag.
    pub(crate) key: u32,
    /// The cause that explains a difference; `None` when nothing ever does.
    pub(crate) cause: Option<Cause>,
    /// When it does.
    pub(crate) rule: Rule,
    /// Where, in the container's bytes.
    pub(crate) range: Range<usize>,
    /// The value as text; empty when the bytes say it all.
    pub(crate) value: String,
}

impl Field {
    /// Bytes that must be equal.
    pub(crate) fn fixed(what: &'static str, range: Range<usize>) -> Self {
        Self::shown(what, range, "")
    }

    /// Bytes that must be equal, with a value to say what changed.
    pub(crate) fn shown(what: &'static str, range: Range<usize>, value: impl Into<String>) -> Self {
        Self { what, key: 0, cause: None, rule: Rule::Free, range, value: value.into() }
    }

    /// Bytes whose difference a cause explains.
    pub(crate) fn caused(what: &'static str, cause: Cause, range: Range<usize>, value: impl Into<String>) -> Self {
        Self { cause: Some(cause), ..Self::shown(what, range, value) }
    }

    /// The same field under another rule.
    pub(crate) fn rule(self, rule: Rule) -> Self {
        Self { rule, ..self }
    }

    /// The same field, told apart by a number.
    pub(crate) fn key(self, key: u32) -> Self {
        Self { key, ..self }
    }
}

/// What kind of member it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nature {
    File,
    Directory,
    /// A link to an earlier member of the archive.
    HardLink,
    /// A symbolic link whose target is its content, as zip has it.
    Link,
    /// Symbolic link, device, pipe: no content of its own.
    Special,
}

/// Where the content of a member is.
#[derive(Clone, Debug)]
pub(crate) enum Held {
    /// As it is, in the container's bytes.
    Plain(Range<usize>),
    /// Raw deflate (zip method 8), to expand to `size` bytes with that CRC-32.
    Deflated { range: Range<usize>, size: usize, crc: u32 },
    /// A stored member of a zip: plain bytes with a CRC-32, counted as the zip's own as well.
    Stored { range: Range<usize>, crc: u32 },
    /// Bytes in a form that is not read, with the reason.
    Opaque { range: Range<usize>, why: &'static str },
}

impl Held {
    /// The bytes in the container, packed or not.
    pub(crate) fn range(&self) -> Range<usize> {
        match self {
            Self::Plain(range) | Self::Deflated { range, .. } | Self::Stored { range, .. } | Self::Opaque { range, .. } => range.clone(),
        }
    }
}

/// One member. Its fields are made when somebody asks ([`Container::fields`]): most members are equal, and fields are many.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) name: Vec<u8>,
    pub(crate) nature: Nature,
    pub(crate) held: Held,
    /// Its headers with all that goes before and behind the content, `head.start` to the first byte of the next member.
    pub(crate) head: Range<usize>,
    /// Its entry in the directory of a zip.
    pub(crate) entry: Range<usize>,
}

/// Makes the fields of one member from the container's bytes.
pub(crate) type MakeFields = fn(&[u8], &Member) -> Vec<Field>;

/// A container taken apart: the fields of all members, `loose`, `sealed` and plain contents together cover every byte
/// exactly once. (Packed contents are fields too.)
#[derive(Clone, Debug)]
pub(crate) struct Container {
    pub(crate) members: Vec<Member>,
    /// Fields that belong to no member: magic, end of archive, trailing data.
    pub(crate) loose: Vec<Field>,
    /// Signatures over the rest: compared last, and explained only when everything else is.
    pub(crate) sealed: Vec<Field>,
    /// Whether it looks like an archive that root unpacks, and gives the members to the owners that they name.
    pub(crate) gives_owners: bool,
    make: MakeFields,
}

impl Container {
    /// Nothing yet.
    pub(crate) fn new(make: MakeFields) -> Self {
        Self { members: Vec::new(), loose: Vec::new(), sealed: Vec::new(), gives_owners: false, make }
    }

    /// Everything of that member that is no plain content.
    pub(crate) fn fields(&self, bytes: &[u8], member: &Member) -> Vec<Field> {
        (self.make)(bytes, member)
    }
}

/// Seconds since the epoch as `2022-12-26 15:30:00`; the number itself when it is out of range.
pub(crate) fn time_text(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds)
        .map_or_else(|_| seconds.to_string(), |t| t.to_zoned(jiff::tz::TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S").to_string())
}

/// Whether all these bytes are that one.
pub(crate) fn all_are(bytes: &[u8], value: u8) -> bool {
    bytes.iter().all(|b| *b == value)
}
