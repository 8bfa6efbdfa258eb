//! zip archives (APPNOTE 6.3), read strictly: one end record at the very end, local headers equal to the central
//! directory, members side by side from byte 0. Anything else can be read in two ways and is refused.

use super::budget::{Budget, Refused};
use super::container::{Container, Field, Held, Member, Nature};
use crate::model::Cause;

/// Takes an archive apart. Packed members are the zip's own bytes as well: its fields cover all of it.
pub(crate) fn parse(bytes: &[u8], budget: &mut Budget) -> Result<Container, Refused> {
    let end = find_end(bytes)?;
    let u16_at = |at: usize| -> Result<usize, Refused> { number(bytes, at, 2) };
    let u32_at = |at: usize| -> Result<usize, Refused> { number(bytes, at, 4) };
    if u16_at(end + 4)? != 0 || u16_at(end + 6)? != 0 || u16_at(end + 8)? != u16_at(end + 10)? {
        return Err(Refused::odd("a zip in several parts"));
    }
    let count = u16_at(end + 10)?;
    let directory = u32_at(end + 16)?;
    if count == 0xffff || directory == 0xffff_ffff {
        return Err(Refused::odd("zip64 is not supported"));
    }
    if directory.checked_add(u32_at(end + 12)?) != Some(end) {
        return Err(Refused::odd("the central directory does not reach to the end record"));
    }
    let mut out = Container::default();
    let mut local = 0;
    let mut central = directory;
    for _ in 0..count {
        if bytes.get(central..central + 4) != Some(b"PK\x01\x02".as_slice())
            || bytes.get(local..local + 4) != Some(b"PK\x03\x04".as_slice())
        {
            return Err(Refused::odd(format!("no member header at byte {local} or directory entry at byte {central}")));
        }
        let (name_length, extra_length, comment_length) = (u16_at(central + 28)?, u16_at(central + 30)?, u16_at(central + 32)?);
        let (flags, method) = (u16_at(central + 8)?, u16_at(central + 10)?);
        let (crc, packed, size) = (u32_at(central + 16)?, u32_at(central + 20)?, u32_at(central + 24)?);
        let name_at = central + 46;
        let extra_at = name_at + name_length;
        let comment_at = extra_at + extra_length;
        let next = comment_at + comment_length;
        let name = bytes.get(name_at..extra_at).filter(|_| next <= end).ok_or_else(|| Refused::odd("the central directory is cut off"))?;
        budget.entry(name.len())?;
        let differs = |what: &str| Refused::odd(format!("{what} differs between a local header and the directory at byte {local}"));
        if u32_at(central + 42)? != local {
            return Err(Refused::odd(format!("bytes between members, or members out of order, at byte {local}")));
        }
        let (local_name, local_extra) = (u16_at(local + 26)?, u16_at(local + 28)?);
        if bytes.get(local + 30..local + 30 + local_name) != Some(name) {
            return Err(differs("the name"));
        }
        if bytes.get(local + 4..local + 14) != bytes.get(central + 6..central + 16) {
            return Err(differs("version, flags, method or time"));
        }
        let streamed = flags & 8 != 0;
        let same = bytes.get(local + 14..local + 26) == bytes.get(central + 16..central + 28);
        let left_out = streamed && bytes.get(local + 14..local + 26).is_some_and(|r| r.iter().all(|b| *b == 0));
        if !same && !left_out {
            return Err(differs("CRC or size"));
        }
        if flags & 0x2041 != 0 {
            return Err(Refused::odd("encrypted members are not supported"));
        }
        let local_extra_at = local + 30 + local_name;
        let start = local_extra_at + local_extra;
        let stop = start.checked_add(packed).filter(|s| *s <= directory).ok_or_else(|| Refused::odd("a member is cut off"))?;
        let crc = u32::try_from(crc).unwrap_or(0);
        let held = match method {
            0 if packed == size => Held::Stored { range: start..stop, crc },
            8 => Held::Deflated { range: start..stop, size, crc },
            _ => return Err(Refused::odd(format!("compression method {method} is not supported"))),
        };
        let mut fields = vec![
            Field::fixed("local header", local..local + 8),
            Field::caused("method", Cause::Compression, local + 8..local + 10, ""),
            time(bytes, local + 10),
            Field::caused("CRC and sizes", Cause::Derived, local + 14..local + 26, ""),
            Field::fixed("lengths and name", local + 26..local_extra_at),
            Field::fixed("extra field", local_extra_at..start),
            Field::caused("packed content", Cause::Compression, start..stop, ""),
        ];
        local = stop;
        let mut descriptor = stop..stop;
        if streamed {
            let signed = bytes.get(stop..stop + 4) == Some(b"PK\x07\x08".as_slice());
            let values = stop + if signed { 4 } else { 0 };
            if bytes.get(values..values + 12) != bytes.get(central + 16..central + 28) || values + 12 > directory {
                return Err(Refused::odd("a data descriptor is not what the directory says"));
            }
            local = values + 12;
            descriptor = stop..local;
        }
        fields.extend([
            Field::caused("data descriptor", Cause::Derived, descriptor, ""),
            Field::fixed("directory entry", central..central + 10),
            Field::caused("method", Cause::Compression, central + 10..central + 12, ""),
            time(bytes, central + 12),
            Field::caused("CRC and sizes", Cause::Derived, central + 16..central + 28, ""),
            Field::fixed("lengths", central + 28..central + 38),
            Field { what: "mode", cause: None, range: central + 38..central + 42, value: format!("{:o}", u32_at(central + 38)? >> 16) },
            Field::caused("offset", Cause::Derived, central + 42..name_at, ""),
            Field::fixed("name", name_at..extra_at),
            Field::fixed("extra field", extra_at..comment_at),
            Field::fixed("comment", comment_at..next),
        ]);
        central = next;
        // A directory has no content; one that does is compared as a file.
        let nature = if name.ends_with(b"/") && size == 0 && packed == 0 { Nature::Directory } else { Nature::File };
        out.members.push(Member { name: name.to_vec(), nature, fields, held });
    }
    if local != directory || central != end {
        return Err(Refused::odd("bytes that belong to no member"));
    }
    out.loose.push(Field::fixed("end record", end..end + 12));
    out.loose.push(Field::caused("directory size and offset", Cause::Derived, end + 12..end + 20, ""));
    out.loose.push(Field::fixed("comment", end + 20..bytes.len()));
    Ok(out)
}

/// The end record: exactly one, at the end, with a comment that reaches to the last byte.
fn find_end(bytes: &[u8]) -> Result<usize, Refused> {
    let first = bytes.len().saturating_sub(22 + 0xffff);
    let mut found = None;
    for at in first..bytes.len().saturating_sub(21) {
        if bytes[at..].starts_with(b"PK\x05\x06") {
            if found.is_some() {
                return Err(Refused::odd("several end records"));
            }
            found = Some(at);
        }
    }
    let at = found.ok_or_else(|| Refused::odd("no end record"))?;
    if number(bytes, at + 20, 2)? + at + 22 != bytes.len() {
        return Err(Refused::odd("data after the end record"));
    }
    Ok(at)
}

fn number(bytes: &[u8], at: usize, size: usize) -> Result<usize, Refused> {
    let raw = at.checked_add(size).and_then(|end| bytes.get(at..end)).ok_or_else(|| Refused::odd("a header is cut off"))?;
    Ok(raw.iter().rev().fold(0, |n, b| n << 8 | usize::from(*b)))
}

/// DOS time and date.
fn time(bytes: &[u8], at: usize) -> Field {
    let (clock, date) = (number(bytes, at, 2).unwrap_or(0), number(bytes, at + 2, 2).unwrap_or(0));
    let text = format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
        1980 + (date >> 9),
        date >> 5 & 15,
        date & 31,
        clock >> 11,
        clock >> 5 & 63,
        (clock & 31) * 2
    );
    Field::caused("mtime", Cause::Mtime, at..at + 4, text)
}
