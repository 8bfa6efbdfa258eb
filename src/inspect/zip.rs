//! zip archives (APPNOTE 6.3) with zip64, read strictly: one end record at the very end, local headers equal to the
//! central directory, members side by side from byte 0. Anything else can be read in two ways and is refused.

use std::ops::Range;

use super::budget::{Budget, Refused};
use super::container::{Container, Field, Held, Member, Nature, Rule, all_are, time_text};
use crate::model::Cause;

const LOCAL: usize = 30;
const ENTRY: usize = 46;
/// Records of one extra field that are told apart by what they are.
const MAX_EXTRA: usize = 64;
/// What Android's signing block ends with.
const APK_MAGIC: &[u8] = b"APK Sig Block 42";

/// Where the directory is and what the end records say.
struct End {
    count: usize,
    directory: Range<usize>,
    /// The end record of zip64 with its locator; empty without one.
    wide: Range<usize>,
    at: usize,
}

/// One directory entry.
struct Entry<'a> {
    name: &'a [u8],
    flags: usize,
    method: usize,
    crc: u32,
    packed: usize,
    size: usize,
    offset: usize,
    extra: Range<usize>,
    comment: Range<usize>,
    /// Which of size, packed size and offset stand in the zip64 record only.
    full: [bool; 3],
}

/// Takes an archive apart. Packed members are the zip's own bytes as well: its fields cover all of it.
pub(crate) fn parse(bytes: &[u8], budget: &mut Budget) -> Result<Container, Refused> {
    let end = find_end(bytes)?;
    let mut out = Container::new(fields);
    let (mut local, mut central) = (0, end.directory.start);
    for _ in 0..end.count {
        let entry = entry(bytes, central, end.directory.end)?;
        budget.entry(entry.name.len())?;
        if entry.offset != local {
            return Err(Refused::odd(format!("bytes between members, or members out of order, at byte {local}")));
        }
        let (start, stop, next) = local_header(bytes, local, central, &entry, end.directory.start)?;
        let why = match entry.method {
            _ if entry.flags & 0x2041 != 0 => Some("an encrypted member"),
            0 if entry.packed != entry.size => Some("a stored member of two sizes"),
            0 | 8 => None,
            9 => Some("compression method 9 (deflate64)"),
            12 => Some("compression method 12 (bzip2)"),
            14 => Some("compression method 14 (LZMA)"),
            93 => Some("compression method 93 (zstd)"),
            95 => Some("compression method 95 (xz)"),
            _ => Some("a compression method that is not known"),
        };
        let range = start..stop;
        let held = match (why, entry.method) {
            (Some(why), _) => Held::Opaque { range, why },
            (None, 0) => Held::Stored { range, crc: entry.crc },
            (None, _) => Held::Deflated { range, size: entry.size, crc: entry.crc },
        };
        // A directory has no content; one that does is compared as a file.
        let nature = if entry.name.ends_with(b"/") && entry.size == 0 && entry.packed == 0 {
            Nature::Directory
        } else if number(bytes, central + 40, 2)? & 0o17_0000 == 0o12_0000 {
            Nature::Link
        } else {
            Nature::File
        };
        let after = entry.comment.end;
        out.members.push(Member { name: entry.name.to_vec(), nature, held, head: local..next, entry: central..after });
        local = next;
        central = after;
    }
    if central != end.directory.end {
        return Err(Refused::odd("bytes in the central directory that belong to no member"));
    }
    if local != end.directory.start {
        out.sealed.push(signing_block(bytes, local..end.directory.start)?);
    }
    out.gives_owners = super::installed::gives_owners(&out.members);
    tail(bytes, &end, &mut out.loose);
    Ok(out)
}

/// Checks the local header at `local` against the directory: where the content is, and where the next member starts.
fn local_header(bytes: &[u8], local: usize, central: usize, entry: &Entry<'_>, limit: usize) -> Result<(usize, usize, usize), Refused> {
    if bytes.get(local..local + 4) != Some(b"PK\x03\x04".as_slice()) {
        return Err(Refused::odd(format!("no member header at byte {local}")));
    }
    let differs = |what: &str| Refused::odd(format!("{what} differs between a local header and the directory at byte {local}"));
    let name_end = local + LOCAL + number(bytes, local + 26, 2)?;
    let start = name_end + number(bytes, local + 28, 2)?;
    if bytes.get(local + LOCAL..name_end) != Some(entry.name) {
        return Err(differs("the name"));
    }
    if bytes.get(local + 4..local + 14) != bytes.get(central + 6..central + 16) {
        return Err(differs("version, flags, method or time"));
    }
    let streamed = entry.flags & 8 != 0;
    let (mut packed, mut size) = (number(bytes, local + 18, 4)?, number(bytes, local + 22, 4)?);
    let crc = number(bytes, local + 14, 4)?;
    let wide = packed == 0xffff_ffff || size == 0xffff_ffff;
    if wide {
        let mut values = wide_values(bytes, name_end..start)?;
        if size == 0xffff_ffff {
            size = values.next_number()?;
        }
        if packed == 0xffff_ffff {
            packed = values.next_number()?;
        }
    }
    let same = crc == usize::try_from(entry.crc).unwrap_or(0) && (packed, size) == (entry.packed, entry.size);
    if !(same || streamed && (crc, packed, size) == (0, 0, 0)) {
        return Err(differs("CRC or size"));
    }
    let stop = start.checked_add(entry.packed).filter(|s| *s <= limit).ok_or_else(|| Refused::odd("a member is cut off"))?;
    if !streamed {
        return Ok((start, stop, stop));
    }
    let signed = bytes.get(stop..stop + 4) == Some(b"PK\x07\x08".as_slice());
    let values = stop + if signed { 4 } else { 0 };
    let width = if wide { 8 } else { 4 };
    let next = values + 4 + 2 * width;
    let stated = (number(bytes, values, 4)?, number(bytes, values + 4, width)?, number(bytes, values + 4 + width, width)?);
    if next > limit || stated != (usize::try_from(entry.crc).unwrap_or(0), entry.packed, entry.size) {
        return Err(Refused::odd("a data descriptor is not what the directory says"));
    }
    Ok((start, stop, next))
}

fn entry(bytes: &[u8], at: usize, limit: usize) -> Result<Entry<'_>, Refused> {
    if bytes.get(at..at + 4) != Some(b"PK\x01\x02".as_slice()) {
        return Err(Refused::odd(format!("no directory entry at byte {at}")));
    }
    let extra_at = at + ENTRY + number(bytes, at + 28, 2)?;
    let comment_at = extra_at + number(bytes, at + 30, 2)?;
    let next = comment_at + number(bytes, at + 32, 2)?;
    let cut = || Refused::odd("the central directory is cut off");
    let name = bytes.get(at + ENTRY..extra_at).filter(|_| next <= limit).ok_or_else(cut)?;
    let mut entry = Entry {
        name,
        flags: number(bytes, at + 8, 2)?,
        method: number(bytes, at + 10, 2)?,
        crc: u32::try_from(number(bytes, at + 16, 4)?).unwrap_or(0),
        packed: number(bytes, at + 20, 4)?,
        size: number(bytes, at + 24, 4)?,
        offset: number(bytes, at + 42, 4)?,
        extra: extra_at..comment_at,
        comment: comment_at..next,
        full: [false; 3],
    };
    entry.full = [entry.size, entry.packed, entry.offset].map(|n| n == 0xffff_ffff);
    if [entry.packed, entry.size, entry.offset].contains(&0xffff_ffff) {
        let mut values = wide_values(bytes, entry.extra.clone())?;
        for value in [&mut entry.size, &mut entry.packed, &mut entry.offset] {
            if *value == 0xffff_ffff {
                *value = values.next_number()?;
            }
        }
    }
    Ok(entry)
}

/// The numbers of a zip64 extra field (0x0001).
struct Wide<'a>(&'a [u8]);

impl Wide<'_> {
    fn next_number(&mut self) -> Result<usize, Refused> {
        let n = number(self.0, 0, 8)?;
        self.0 = self.0.get(8..).unwrap_or_default();
        Ok(n)
    }
}

fn wide_values(bytes: &[u8], extra: Range<usize>) -> Result<Wide<'_>, Refused> {
    let found = records(bytes, &extra).and_then(|all| all.0.into_iter().find(|(id, _)| *id == 1));
    found.and_then(|(_, range)| bytes.get(range)).map(Wide).ok_or_else(|| Refused::odd("a size of zip64 is missing"))
}

type Records = (Vec<(u32, Range<usize>)>, Range<usize>);

/// The records of an extra field, id and data, and the zeros behind them; `None` when it is not made of records.
fn records(bytes: &[u8], extra: &Range<usize>) -> Option<Records> {
    let raw = bytes.get(extra.clone())?;
    let zeros = extra.start + raw.iter().rposition(|b| *b != 0).map_or(0, |i| i + 1);
    let mut out = Vec::new();
    let mut at = extra.start;
    while at < zeros {
        let (id, size) = (number(bytes, at, 2).ok()?, number(bytes, at + 2, 2).ok()?);
        let end = at + 4 + size;
        if end > extra.end {
            return None;
        }
        out.push((u32::try_from(id).ok()?, at + 4..end));
        at = end;
    }
    Some((out, at..extra.end))
}

/// The fields of one member: local header, content, data descriptor, directory entry.
fn fields(bytes: &[u8], member: &Member) -> Vec<Field> {
    let (local, central) = (member.head.start, member.entry.start);
    let content = member.held.range();
    let Ok(entry) = entry(bytes, central, member.entry.end) else {
        return vec![Field::fixed("header", member.head.clone()), Field::fixed("directory entry", member.entry.clone())];
    };
    let name_end = local + LOCAL + entry.name.len();
    let attributes = number(bytes, central + 38, 4).unwrap_or(0);
    let mode = attributes >> 16;
    let packed = match member.held {
        Held::Opaque { .. } => Field::fixed("packed content", content.clone()),
        _ => Field::caused("packed content", Cause::Compression, content.clone(), ""),
    };
    let method = |at: usize| Field::caused("method", Cause::Compression, at..at + 2, "");
    let mut out = vec![
        Field::fixed("local header", local..local + 4),
        version(bytes, local + 4),
        flags(bytes, local + 6, entry.method),
        method(local + 8),
        time(bytes, local + 10),
        Field::caused("CRC and sizes", Cause::Derived, local + 14..local + 26, ""),
        Field::fixed("name length", local + 26..local + 28),
        Field::caused("extra length", Cause::Derived, local + 28..local + 30, ""),
        Field::fixed("name", local + LOCAL..name_end),
    ];
    extra(bytes, name_end..content.start, &entry, mode, 0, &mut out);
    out.extend([
        packed,
        Field::caused("data descriptor", Cause::Derived, content.end..member.head.end, ""),
        Field::fixed("directory entry", central..central + 6),
        version(bytes, central + 6),
        flags(bytes, central + 8, entry.method),
        method(central + 10),
        time(bytes, central + 12),
        Field::caused("CRC and sizes", Cause::Derived, central + 16..central + 28, ""),
        Field::fixed("name length", central + 28..central + 30),
        Field::caused("extra length", Cause::Derived, central + 30..central + 32, ""),
        Field::caused("comment length", Cause::Derived, central + 32..central + 34, ""),
        Field::fixed("disk and inner attributes", central + 34..central + 38),
        Field::shown("mode", central + 38..central + 42, if mode == 0 { format!("{attributes:#x}") } else { format!("{mode:o}") }),
        Field::caused("offset", Cause::Derived, central + 42..central + ENTRY, ""),
        Field::fixed("name", central + ENTRY..entry.extra.start),
    ]);
    extra(bytes, entry.extra.clone(), &entry, mode, 0x1_0000, &mut out);
    out.push(comment(bytes, entry.comment));
    out
}

/// The general flags: bits 1 and 2 say how hard deflate tried, bit 3 that sizes follow the content. Deflate says itself where it
/// ends; of stored content with its size behind it, who reads a stream takes any end that looks like one.
fn flags(bytes: &[u8], at: usize, method: usize) -> Field {
    let form = if method == 8 { 0b1110 } else { 0 };
    let value = number(bytes, at, 2).unwrap_or(0) & !form;
    Field::caused("flags", Cause::Compression, at..at + 2, format!("{value:#06x}")).rule(Rule::SameValue)
}

/// The version that a reader needs follows from the method and from zip64.
fn version(bytes: &[u8], at: usize) -> Field {
    match number(bytes, at, 2) {
        Ok(value @ (10 | 20 | 45)) => Field::caused("version needed", Cause::Compression, at..at + 2, value.to_string()),
        _ => Field::fixed("version needed", at..at + 2),
    }
}

/// Printable text says nothing of content; anything else could be hidden there.
fn comment(bytes: &[u8], range: Range<usize>) -> Field {
    let raw = bytes.get(range.clone()).unwrap_or_default();
    let printable = super::kind::is_text(raw) && !raw.contains(&0x1b);
    let cause = Some(Cause::Attributes).filter(|_| printable);
    Field { cause, ..Field::shown("comment", range, String::from_utf8_lossy(raw)) }
}

/// The records of an extra field, each with its meaning. `base` tells those of the directory from those of the header.
fn extra(bytes: &[u8], range: Range<usize>, entry: &Entry<'_>, mode: usize, base: u32, out: &mut Vec<Field>) {
    let Some((found, zeros)) = records(bytes, &range) else {
        out.push(Field::fixed("extra field", range).key(base));
        return;
    };
    let mut seen = Vec::new();
    for (id, data) in found {
        let whole = data.start - 4..data.end;
        let raw = bytes.get(data).unwrap_or_default();
        // Which of two records of one kind counts depends on who reads them.
        let once = seen.len() < MAX_EXTRA && !seen.contains(&id);
        seen.push(id);
        let optional = |what, cause, shown: String| Field::caused(what, cause, whole.clone(), shown).rule(Rule::Optional);
        let field = match (id, raw) {
            _ if !once => Field::fixed("repeated extra field", whole),
            (1, _) if is_known_numbers(raw, entry, base != 0) => optional("zip64 sizes", Cause::Derived, String::new()),
            (0x5455, [flags, rest @ ..]) if *flags < 8 && matches!(rest.len(), 0 | 4 | 8 | 12) => {
                let first = (flags & 1 == 1).then(|| rest.get(..4)).flatten();
                let shown = first.map_or_else(String::new, |t| time_text(i64::from(little(t) as i32)));
                optional("extra times", Cause::Mtime, shown)
            }
            (0x000a, [0, 0, 0, 0, 1, 0, 24, 0, rest @ ..]) if rest.len() == 24 => {
                let ticks = little(rest.get(..8).unwrap_or_default());
                optional("extra times", Cause::Mtime, time_text(i64::try_from(ticks / 10_000_000).unwrap_or(0) - 11_644_473_600))
            }
            (0x7875, raw) if mode & 0o6000 == 0 => match owner(raw) {
                Some(text) => optional("extra owner", Cause::Owner, text),
                None => Field::fixed("extra field", whole),
            },
            // What Android's and Java's tools leave: alignment, and a mark without content.
            (0xd935, [_, _, zeros @ ..]) if all_are(zeros, 0) => optional("alignment", Cause::Attributes, String::new()),
            (0xcafe, []) => optional("mark", Cause::Attributes, String::new()),
            _ => Field::fixed("extra field", whole),
        };
        out.push(field.key(base + id));
    }
    out.push(Field::caused("alignment", Cause::Attributes, zeros, "").key(base));
}

/// Whether a zip64 record holds the entry's sizes (and in the directory its offset), each in its place, and nothing else: some readers
/// take them always, others where the short ones are full. Before a stream the sizes may be zeros.
fn is_known_numbers(raw: &[u8], entry: &Entry<'_>, in_directory: bool) -> bool {
    let all = [entry.size as u64, entry.packed as u64, entry.offset as u64];
    let stated: Vec<u64> = raw.chunks(8).map(little).collect();
    let full = all.iter().zip(&entry.full).filter(|(_, full)| **full).map(|(n, _)| *n);
    raw.len().is_multiple_of(8)
        && if in_directory {
            !stated.is_empty() && all.starts_with(&stated) || full.eq(stated.iter().copied())
        } else {
            stated == all[..2] || entry.flags & 8 != 0 && entry.method == 8 && stated == [0, 0]
        }
}

/// Info-ZIP's user and group: version 1, then each number with its length in front.
fn owner(raw: &[u8]) -> Option<String> {
    let [1, user_size, rest @ ..] = raw else { return None };
    let (user, rest) = rest.split_at_checked(usize::from(*user_size))?;
    let [group_size, group @ ..] = rest else { return None };
    let plain = |n: &[u8]| n.len() <= 8 && !n.is_empty();
    (plain(user) && plain(group) && group.len() == usize::from(*group_size)).then(|| format!("{}:{}", little(user), little(group)))
}

fn little(raw: &[u8]) -> u64 {
    raw.iter().take(8).rev().fold(0, |n, b| n << 8 | u64::from(*b))
}

/// Whether the numbered parts of a signing block are all signatures (v2, v3, v3.1 and the stamps of the source) or padding of zeros.
fn is_signature(mut pairs: &[u8]) -> bool {
    let mut seen = Vec::new();
    while !pairs.is_empty() {
        let Some((size, rest)) = pairs.split_at_checked(8) else { return false };
        let size = size.iter().rev().fold(0u64, |n, b| n << 8 | u64::from(*b));
        let Some((pair, after)) = usize::try_from(size).ok().and_then(|size| rest.split_at_checked(size)) else { return false };
        let Some((id, value)) = pair.split_first_chunk::<4>() else { return false };
        let id = u32::from_le_bytes(*id);
        let known = match id {
            0x4272_6577 => value.iter().all(|b| *b == 0),
            _ => super::apk::is_signature(id, value),
        };
        if !known || seen.contains(&id) {
            return false;
        }
        seen.push(id);
        pairs = after;
    }
    true
}

/// Android's signing block between the members and the directory: both of its sizes must reach over all of it.
fn signing_block(bytes: &[u8], range: Range<usize>) -> Result<Field, Refused> {
    let odd = || Refused::odd("bytes that belong to no member");
    let inner = range.len().checked_sub(8).ok_or_else(odd)?;
    let raw = bytes.get(range.clone()).ok_or_else(odd)?;
    let framed = raw.ends_with(APK_MAGIC) && range.len() >= 32;
    if !framed || number(raw, 0, 8)? != inner || number(raw, raw.len() - 24, 8)? != inner {
        return Err(odd());
    }
    let pairs = raw.get(8..raw.len() - 24).ok_or_else(odd)?;
    // A program can read any part of the block: only what is a signature and nothing else is one.
    if is_signature(pairs) {
        return Ok(Field::caused("signing block", Cause::Signature, range, "").rule(Rule::Optional));
    }
    Ok(Field::fixed("signing block", range))
}

fn tail(bytes: &[u8], end: &End, out: &mut Vec<Field>) {
    if !end.wide.is_empty() {
        let versions = end.wide.start + 12..end.wide.start + 16;
        out.push(Field::caused("zip64 end record", Cause::Derived, end.wide.start..versions.start, ""));
        out.push(Field::fixed("zip64 versions", versions.clone()));
        out.push(Field::caused("zip64 end record", Cause::Derived, versions.end..end.wide.end, ""));
    }
    let at = end.at;
    out.push(Field::fixed("end record", at..at + 12));
    out.push(Field::caused("directory size and offset", Cause::Derived, at + 12..at + 20, ""));
    out.push(Field::caused("comment length", Cause::Derived, at + 20..at + 22, ""));
    out.push(comment(bytes, at + 22..bytes.len()));
}

/// The end records: exactly one, at the end, with a comment that reaches to the last byte.
fn find_end(bytes: &[u8]) -> Result<End, Refused> {
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
    let (count, size, offset) = (number(bytes, at + 10, 2)?, number(bytes, at + 12, 4)?, number(bytes, at + 16, 4)?);
    if number(bytes, at + 4, 4)? != 0 || number(bytes, at + 8, 2)? != count {
        return Err(Refused::odd("a zip in several parts"));
    }
    let locator = at.checked_sub(20).filter(|l| bytes.get(*l..l + 4) == Some(b"PK\x06\x07".as_slice()));
    let mut end = End { count, directory: offset..offset.saturating_add(size), wide: at..at, at };
    if let Some(locator) = locator {
        // One reader takes the numbers of zip64 always, another only where the short ones are full: both must agree.
        let wide = number(bytes, locator + 8, 8)?;
        let usual = number(bytes, locator + 4, 4)? == 0 && number(bytes, locator + 16, 4)? == 1;
        let framed = bytes.get(wide..wide.saturating_add(4)) == Some(b"PK\x06\x06".as_slice()) && wide.checked_add(56) == Some(locator);
        if !usual || !framed || number(bytes, wide + 4, 8)? != 44 || number(bytes, wide + 16, 8)? != 0 {
            return Err(Refused::odd("an end record of zip64 in an unusual form"));
        }
        let (size64, offset64) = (number(bytes, wide + 40, 8)?, number(bytes, wide + 48, 8)?);
        let count64 = number(bytes, wide + 32, 8)?;
        let agree = |short: usize, full: usize, long: usize| short == full || short == long;
        let same = agree(count, 0xffff, count64) && agree(size, 0xffff_ffff, size64) && agree(offset, 0xffff_ffff, offset64);
        if !same || number(bytes, wide + 24, 8)? != count64 {
            return Err(Refused::odd("the end records do not agree"));
        }
        end = End { count: count64, directory: offset64..offset64.saturating_add(size64), wide: wide..at, at };
    }
    if end.directory.end != end.wide.start {
        return Err(Refused::odd("the central directory does not reach to the end record"));
    }
    Ok(end)
}

fn number(bytes: &[u8], at: usize, size: usize) -> Result<usize, Refused> {
    let raw = at.checked_add(size).and_then(|end| bytes.get(at..end)).ok_or_else(|| Refused::odd("a header is cut off"))?;
    let wide = raw.iter().rev().fold(0u64, |n, b| n << 8 | u64::from(*b));
    usize::try_from(wide).ok().filter(|n| *n <= isize::MAX as usize).ok_or_else(|| Refused::odd("a number is too large"))
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
    let (month, day) = (date >> 5 & 15, date & 31);
    let valid = (1..=12).contains(&month) && day > 0 && clock >> 11 < 24 && (clock >> 5 & 63) < 60 && clock & 31 < 30;
    // All zeros is how no time is written.
    if !valid && (clock, date) != (0, 0) {
        return Field::shown("mtime", at..at + 4, text);
    }
    Field::caused("mtime", Cause::Mtime, at..at + 4, text)
}
