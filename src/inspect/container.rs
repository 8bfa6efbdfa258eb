//! What every container has in common: members, and fields that cover every byte which is not a member's.

use std::ops::Range;

use crate::model::Cause;

/// A range of header bytes with a meaning.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    /// What it is, in the field's words: `mode`, `mtime`.
    pub(crate) what: &'static str,
    /// The cause that explains a difference; `None` when nothing ever does.
    pub(crate) cause: Option<Cause>,
    /// Where, in the container's bytes.
    pub(crate) range: Range<usize>,
    /// The value as text; empty when the bytes say it all.
    pub(crate) value: String,
}

impl Field {
    /// Bytes that must be equal.
    pub(crate) fn fixed(what: &'static str, range: Range<usize>) -> Self {
        Self { what, cause: None, range, value: String::new() }
    }

    /// Bytes whose difference a cause explains.
    pub(crate) fn caused(what: &'static str, cause: Cause, range: Range<usize>, value: impl Into<String>) -> Self {
        Self { what, cause: Some(cause), range, value: value.into() }
    }
}

/// What kind of member it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nature {
    File,
    Directory,
    /// Link, device, pipe: no content of its own.
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
}

/// One member.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) name: Vec<u8>,
    pub(crate) nature: Nature,
    pub(crate) fields: Vec<Field>,
    pub(crate) held: Held,
}

/// A container taken apart: `members[..].fields`, `loose` and plain contents together cover every byte exactly once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Container {
    pub(crate) members: Vec<Member>,
    /// Fields that belong to no member: magic, end of archive, trailing data.
    pub(crate) loose: Vec<Field>,
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
