//! tar archives: ustar, pax and GNU long names, read strictly. What two readers could take differently is refused, so
//! that it is compared as plain bytes instead of as one reader's opinion.

use std::ops::Range;

use super::budget::{Budget, Refused};
use super::container::{Container, Field, Held, Member, Nature, Rule, all_are, time_text};
use super::installed;
use crate::model::Cause;

const BLOCK: usize = 512;
/// Longest name of a user or a group in a record of pax, in bytes.
const MAX_USER_NAME: usize = 256;

/// What extension headers said about the member that follows.
#[derive(Default)]
struct Extension {
    fields: Vec<Field>,
    name: Option<Vec<u8>>,
    size: Option<u64>,
    pax: bool,
    gnu: bool,
    sparse: bool,
    /// It has capabilities, which are rights as setuid is.
    capable: bool,
}

/// One member as read, with the fields of its extension headers and the place of its own header.
struct Read {
    member: Member,
    extension: Extension,
    header: usize,
    /// The map of a sparse member in GNU's form, behind the header.
    map: Range<usize>,
}

/// Takes an archive apart.
pub(crate) fn parse(bytes: &[u8], budget: &mut Budget) -> Result<Container, Refused> {
    let mut out = Container::new(fields);
    let mut at = 0;
    loop {
        if bytes.get(at + 156) == Some(&b'g') && checksum_holds(bytes.get(at..at + BLOCK).unwrap_or_default()) {
            let mut global = Extension::default();
            let (size, _) = own_size(bytes, at)?;
            at = read_extension(bytes, at, size, b'g', budget, &mut global)?;
            // Between which members it stands.
            let place = u32::try_from(out.members.len()).unwrap_or(u32::MAX) << 8;
            out.loose.extend(global.fields.into_iter().map(|field| Field { key: field.key | place, ..field }));
            continue;
        }
        let Some(read) = read_member(bytes, at, budget)? else { break };
        at = read.member.head.end;
        out.members.push(read.member);
    }
    out.gives_owners = installed::gives_owners(&out.members);
    let rest = at.min(bytes.len())..bytes.len();
    let canonical = bytes.get(rest.clone()).is_some_and(|r| all_are(r, 0));
    out.loose.push(if canonical {
        Field::caused("end of archive", Cause::Derived, rest, "")
    } else {
        Field::fixed("data after the end of the archive", rest)
    });
    Ok(out)
}

fn own_size(bytes: &[u8], at: usize) -> Result<(u64, u8), Refused> {
    let header = bytes.get(at..at + BLOCK).ok_or_else(|| Refused::odd(format!("a header is cut off at byte {at}")))?;
    let size = number(&header[124..136])
        .and_then(|n| u64::try_from(n).ok())
        .ok_or_else(|| Refused::odd(format!("the size at byte {} is not a number", at + 124)))?;
    Ok((size, header[156]))
}

/// Reads the member at that byte with its extension headers; `None` at the end of the archive.
fn read_member(bytes: &[u8], first: usize, budget: &mut Budget) -> Result<Option<Read>, Refused> {
    let mut extension = Extension::default();
    let mut at = first;
    let (header, own, flag) = loop {
        let Some(header) = bytes.get(at..at + BLOCK) else {
            if at < bytes.len() {
                return Err(Refused::odd(format!("a header is cut off at byte {at}")));
            }
            return if at == first { Ok(None) } else { Err(Refused::odd("an extension header is not followed by a member")) };
        };
        if all_are(header, 0) {
            return if at == first { Ok(None) } else { Err(Refused::odd("an extension header is not followed by a member")) };
        }
        if !checksum_holds(header) {
            return Err(Refused::odd(format!("the header checksum at byte {at} does not hold")));
        }
        let (own, flag) = own_size(bytes, at)?;
        match flag {
            b'x' | b'L' | b'K' => at = read_extension(bytes, at, own, flag, budget, &mut extension)?,
            b'g' => return Err(Refused::odd(format!("a global header at byte {at} stands between an extension and its member"))),
            _ => break (header, own, flag),
        }
    };
    let size = extension.size.unwrap_or(own);
    // Who does not know pax reads on behind the header's own size, and finds other members there. From 8 GiB on it cannot say more.
    if size != own && size < 1 << 33 {
        return Err(Refused::odd(format!("two sizes of the member at byte {at}: readers disagree about it")));
    }
    let nature = match flag {
        b'5' => Nature::Directory,
        b'1' => Nature::HardLink,
        b'2' | b'3' | b'4' | b'6' => Nature::Special,
        _ => Nature::File,
    };
    if nature != Nature::File && size != 0 {
        return Err(Refused::odd(format!("the member at byte {at} has a type without content and a size")));
    }
    let map = at + BLOCK..sparse_map_end(bytes, at, flag)?;
    let content = content_range(bytes, map.end, size)?;
    let name = match extension.name.take() {
        Some(name) => name,
        None => header_name(header),
    };
    if name.is_empty() || name.contains(&0) {
        return Err(Refused::odd(format!("the member at byte {at} has no usable name")));
    }
    budget.entry(name.len())?;
    let next = content.end.next_multiple_of(BLOCK).min(bytes.len());
    let held = match flag {
        b'S' => Held::Opaque { range: content, why: "a sparse member" },
        _ if extension.sparse => Held::Opaque { range: content, why: "a sparse member" },
        b'0' | 0 | b'7' | b'1'..=b'6' => Held::Plain(content),
        _ => Held::Opaque { range: content, why: "a member type that is not known" },
    };
    let member = Member { name, nature, held, head: first..next, entry: 0..0 };
    Ok(Some(Read { member, extension, header: at, map }))
}

/// GNU's sparse members have further blocks of the map behind the header.
fn sparse_map_end(bytes: &[u8], at: usize, flag: u8) -> Result<usize, Refused> {
    let mut end = at + BLOCK;
    let mut more = flag == b'S' && bytes.get(at + 482).is_some_and(|b| *b != 0);
    while more {
        let block = bytes.get(end..end + BLOCK).ok_or_else(|| Refused::odd(format!("a sparse map is cut off at byte {end}")))?;
        more = block[504] != 0;
        end += BLOCK;
    }
    Ok(end)
}

/// The fields of one member: extension headers, header, padding.
fn fields(bytes: &[u8], member: &Member) -> Vec<Field> {
    // Reading it again costs less than keeping the fields of all members; it was in the budget the first time.
    let mut budget = Budget::new(0, usize::MAX, usize::MAX);
    let Ok(Some(read)) = read_member(bytes, member.head.start, &mut budget) else {
        return vec![Field::fixed("header", member.head.start..member.held.range().start)];
    };
    let header = bytes.get(read.header..read.header + BLOCK).unwrap_or(&[0; BLOCK]);
    let mut out = read.extension.fields;
    out.extend(header_fields(header, read.header, 0));
    // With setuid, setgid or capabilities the owner decides whose rights a program gets, or who gets them: never put under a cause.
    if read.extension.capable || number(&header[100..108]).is_none_or(|mode| mode & 0o6000 != 0) {
        for field in out.iter_mut().filter(|f| f.cause == Some(Cause::Owner)) {
            field.cause = None;
        }
    }
    out.push(Field::fixed("sparse map", read.map));
    pad(bytes, member.held.range().end, &mut out);
    out
}

fn content_range(bytes: &[u8], start: usize, size: u64) -> Result<Range<usize>, Refused> {
    usize::try_from(size)
        .ok()
        .and_then(|s| start.checked_add(s))
        .filter(|end| *end <= bytes.len())
        .map(|end| start..end)
        .ok_or_else(|| Refused::odd(format!("the content at byte {start} is cut off")))
}

/// Adds the padding to the next block as a field; returns where that block is.
fn pad(bytes: &[u8], end: usize, fields: &mut Vec<Field>) -> usize {
    let next = end.next_multiple_of(BLOCK).min(bytes.len());
    let canonical = bytes.get(end..next).is_some_and(|p| all_are(p, 0));
    fields.push(if canonical { Field::caused("padding", Cause::Derived, end..next, "") } else { Field::fixed("padding", end..next) });
    next
}

/// The fields of one header block; `key` is the type of an extension header, 0 for the member's own.
fn header_fields(header: &[u8], at: usize, key: u32) -> Vec<Field> {
    let range = |from: usize, to: usize| at + from..at + to;
    let text = |from: usize, to: usize| String::from_utf8_lossy(until_nul(&header[from..to])).into_owned();
    let numeric = |what, cause, from: usize, to: usize, show: fn(i64) -> String| match number(&header[from..to]) {
        Some(n) => Field { cause, ..Field::shown(what, range(from, to), show(n)) },
        None => Field::fixed(what, range(from, to)),
    };
    let words = |what, cause, from: usize, to: usize| {
        // A name ends at the first NUL; bytes hidden behind it are no name.
        let rest = header.get(from + until_nul(&header[from..to]).len()..to).unwrap_or_default();
        Field { cause: Some(cause).filter(|_| all_are(rest, 0)), ..Field::shown(what, range(from, to), text(from, to)) }
    };
    let flag = header[156];
    // Who does not know GNU's form of large numbers reads another size, and finds other members in the content.
    let is_usual_size = header[124] & 0x80 == 0 || number(&header[124..136]).is_some_and(|n| n >= 1 << 33);
    let is_device = matches!(flag, b'3' | b'4');
    let gnu = header[257..265] == *b"ustar  \0";
    // GNU keeps two more times where POSIX has the start of a long name.
    let user = |what, from: usize, to: usize| {
        let field = words(what, Cause::Owner, from, to);
        Field { cause: field.cause.filter(|_| is_user_name(until_nul(&header[from..to]))), ..field }
    };
    let times = gnu && flag != b'S' && number(&header[345..357]).is_some() && number(&header[357..369]).is_some();
    let split = if times { 369 } else { 345 };
    let mut out = vec![
        // The name of a pax header is made up (it may hold a process id); what it applies to follows from its place.
        if key == u32::from(b'x') && is_made_up(until_nul(&header[..100])) {
            words("name", Cause::Attributes, 0, 100)
        } else {
            Field::fixed("name", range(0, 100))
        },
        Field::shown("mode", range(100, 108), text(100, 108)),
        numeric("uid", Some(Cause::Owner), 108, 116, |n| n.to_string()),
        numeric("gid", Some(Cause::Owner), 116, 124, |n| n.to_string()),
        numeric("size", Some(Cause::Derived).filter(|_| is_usual_size), 124, 136, |n| n.to_string()),
        numeric("mtime", Some(Cause::Mtime), 136, 148, time_text),
        Field::caused("header checksum", Cause::Derived, range(148, 156), text(148, 156)),
        Field::shown("type", range(156, 157), char::from(flag)),
        Field::shown("link target", range(157, 257), text(157, 257)),
        Field::fixed("format", range(257, 265)),
        user("user name", 265, 297),
        user("group name", 297, 329),
        numeric("major device number", Some(Cause::Attributes).filter(|_| !is_device), 329, 337, |n| n.to_string()),
        numeric("minor device number", Some(Cause::Attributes).filter(|_| !is_device), 337, 345, |n| n.to_string()),
    ];
    if times {
        // Some readers take them for the start of the name all the same.
        out.push(Field::fixed("further times", range(345, 369)));
    } else {
        out.push(Field::fixed("further times", range(345, 345)));
    }
    out.push(Field::fixed("name prefix", range(split, 512)));
    if key != 0 {
        for field in &mut out {
            field.key = key;
        }
    }
    out
}

/// Reads one extension header with its payload; returns where the next header is.
fn read_extension(bytes: &[u8], at: usize, size: u64, flag: u8, budget: &mut Budget, out: &mut Extension) -> Result<usize, Refused> {
    if size > 1 << 20 {
        return Err(Refused::Over(format!("an extension header at byte {at} has {size} bytes, over the bound of 1 MiB")));
    }
    budget.entry(0)?;
    let header = &bytes[at..at + BLOCK];
    let content = content_range(bytes, at + BLOCK, size)?;
    let payload = bytes.get(content.clone()).unwrap_or_default();
    out.fields.extend(header_fields(header, at, u32::from(flag)));
    match flag {
        b'L' | b'K' => {
            if out.pax {
                return Err(Refused::odd(format!("pax and GNU extensions mixed at byte {at}: readers disagree about them")));
            }
            let text = payload.strip_suffix(&[0]).unwrap_or(payload);
            if text.contains(&0) || (flag == b'L' && out.name.is_some()) {
                return Err(Refused::odd(format!("an ambiguous long name at byte {at}: readers disagree about it")));
            }
            out.gnu = true;
            if flag == b'L' {
                budget.entry(text.len())?;
                out.name = Some(text.to_vec());
            }
            let what = if flag == b'L' { "long name" } else { "long link target" };
            out.fields.push(Field::shown(what, content.clone(), String::from_utf8_lossy(text)));
        }
        _ => {
            if out.gnu || (flag == b'x' && out.pax) {
                return Err(Refused::odd(format!("several extensions for one member at byte {at}: readers disagree about them")));
            }
            out.pax |= flag == b'x';
            read_records(payload, content.start, flag, out)?;
        }
    }
    Ok(pad(bytes, content.end, &mut out.fields))
}

/// pax records: `<length> <key>=<value>\n`.
fn read_records(payload: &[u8], base: usize, flag: u8, out: &mut Extension) -> Result<(), Refused> {
    let mut at = 0;
    let mut seen: Vec<&[u8]> = Vec::new();
    while at < payload.len() {
        let bad = || Refused::odd(format!("a pax record at byte {} is not well-formed", base + at));
        let rest = &payload[at..];
        let space = rest.iter().take(8).position(|b| *b == b' ').ok_or_else(bad)?;
        let digits = std::str::from_utf8(&rest[..space]).map_err(|_| bad())?;
        if digits.starts_with('0') || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(bad());
        }
        let length: usize = digits.parse().map_err(|_| bad())?;
        let record = rest.get(space + 1..length).and_then(|r| r.strip_suffix(b"\n")).ok_or_else(bad)?;
        let equals = record.iter().position(|b| *b == b'=').ok_or_else(bad)?;
        let (key, value) = (&record[..equals], &record[equals + 1..]);
        if seen.contains(&key) || seen.len() > 64 {
            return Err(Refused::odd(format!("a pax key is repeated at byte {}: readers disagree about it", base + at)));
        }
        seen.push(key);
        let range = base + at..base + at + length;
        let text = String::from_utf8_lossy(value).into_owned();
        out.fields.push(match (flag, key) {
            (b'g', b"comment") => Field::shown("comment", range, text),
            (b'g', _) => return Err(Refused::odd("a pax global header changes what members mean: readers disagree about it")),
            (_, b"path") => {
                out.name = Some(value.to_vec());
                Field::shown("long name", range, text)
            }
            (_, b"size") => {
                out.size = Some(text.parse().map_err(|_| bad())?);
                Field::caused("pax size", Cause::Derived, range, text)
            }
            (_, b"linkpath") => Field::shown("long link target", range, text),
            (_, b"mtime" | b"atime" | b"ctime" | b"LIBARCHIVE.creationtime") if is_decimal(value) => {
                let shown = text.split('.').next().and_then(|s| s.parse().ok()).map_or_else(|| text.clone(), time_text);
                let cause = if key == b"mtime" { Cause::Mtime } else { Cause::Attributes };
                Field::caused("pax time", cause, range, shown).key(u32::from(key[0])).rule(Rule::Optional)
            }
            (_, b"uid" | b"gid") if value.iter().all(u8::is_ascii_digit) => Field::caused("pax owner", Cause::Owner, range, text),
            (_, b"uname" | b"gname") if is_user_name(value) => Field::caused("pax owner", Cause::Owner, range, text),
            // Capabilities, access lists and whatever else: compared, never explained.
            _ => {
                out.sparse |= key.starts_with(b"GNU.sparse");
                out.capable |= is_capability(key);
                Field::shown("attribute", range, format!("{}={text}", String::from_utf8_lossy(key)))
            }
        });
        at += length;
    }
    Ok(())
}

/// Whether a record is the attribute that holds the capabilities of a file, under whichever name (`SCHILY.xattr.`, `LIBARCHIVE.xattr.`
/// with bytes as `%2e`, and others of the kind).
fn is_capability(key: &[u8]) -> bool {
    let lower = key.to_ascii_lowercase();
    let names = |word: &[u8]| lower.windows(word.len()).any(|w| w == word);
    names(b"capability") || names(b"xattr") && lower.contains(&b'%')
}

/// Whether the name of a pax header says that it is one: who does not know pax unpacks it as a file of that name.
fn is_made_up(name: &[u8]) -> bool {
    let mut parts = name.split(|b| *b == b'/');
    let says = |part: &[u8]| part.starts_with(b"PaxHeader") || part == b"@PaxHeader";
    parts.clone().any(says) && !name.starts_with(b"/") && parts.all(|part| part != b"..")
}

/// Whether that may be the name of a user or a group: there is nothing in it that a shell or another language reads.
fn is_user_name(value: &[u8]) -> bool {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || *b >= 0x80 || matches!(b, b'.' | b'_' | b'-' | b'+' | b'@' | b' ' | b'\\');
    value.len() <= MAX_USER_NAME && value.iter().all(plain) && std::str::from_utf8(value).is_ok()
}

fn is_decimal(value: &[u8]) -> bool {
    let digits = value.strip_prefix(b"-").unwrap_or(value);
    let mut parts = digits.split(|b| *b == b'.');
    let whole = |part: &[u8]| !part.is_empty() && part.len() < 20 && part.iter().all(u8::is_ascii_digit);
    parts.next().is_some_and(whole) && parts.next().is_none_or(whole) && parts.next().is_none()
}

fn header_name(header: &[u8]) -> Vec<u8> {
    let name = until_nul(&header[..100]);
    let prefix = until_nul(&header[345..500]);
    // Only POSIX archives have a prefix; GNU ones (`ustar  `) use those bytes for times.
    if header[257..263] == *b"ustar\0" && !prefix.is_empty() { [prefix, b"/", name].concat() } else { name.to_vec() }
}

fn until_nul(raw: &[u8]) -> &[u8] {
    let end = raw.iter().position(|b| *b == 0).unwrap_or(raw.len());
    &raw[..end]
}

/// A number of a header: octal digits with leading spaces, ended by NUL or space and nothing else after; all-NUL counts
/// as 0. Or, with the first bit set, GNU's big-endian two's complement.
fn number(raw: &[u8]) -> Option<i64> {
    match raw {
        [0x80, rest @ ..] => rest.iter().try_fold(0i64, |n, b| n.checked_mul(256)?.checked_add(i64::from(*b))),
        [0xff, rest @ ..] => rest.iter().try_fold(-1i64, |n, b| n.checked_mul(256)?.checked_add(i64::from(*b))),
        _ => {
            let text = std::str::from_utf8(raw).ok()?.trim_end_matches(['\0', ' ']).trim_start_matches(' ');
            let octal = text.bytes().all(|b| (b'0'..=b'7').contains(&b));
            if text.is_empty() { Some(0) } else { i64::from_str_radix(text, 8).ok().filter(|_| octal) }
        }
    }
}

fn checksum_holds(header: &[u8]) -> bool {
    let sum: i64 = header.iter().enumerate().map(|(i, b)| if (148..156).contains(&i) { 32 } else { i64::from(*b) }).sum();
    header.len() == BLOCK && number(&header[148..156]) == Some(sum)
}
