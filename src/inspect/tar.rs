//! tar archives: ustar, pax and GNU long names, read strictly. What two readers could take differently is refused, so
//! that it is compared as plain bytes instead of as one reader's opinion.

use std::ops::Range;

use super::budget::{Budget, Refused};
use super::container::{Container, Field, Held, Member, Nature, all_are, time_text};
use crate::model::Cause;

const BLOCK: usize = 512;

/// What extension headers said about the member that follows.
#[derive(Default)]
struct Extension {
    fields: Vec<Field>,
    name: Option<Vec<u8>>,
    size: Option<u64>,
    pax: bool,
    gnu: bool,
}

/// Takes an archive apart.
pub(crate) fn parse(bytes: &[u8], budget: &mut Budget) -> Result<Container, Refused> {
    let mut out = Container::default();
    let mut extension = Extension::default();
    let mut at = 0;
    loop {
        let Some(header) = bytes.get(at..at + BLOCK) else {
            if at < bytes.len() || !extension.fields.is_empty() {
                return Err(Refused::odd(format!("a header is cut off at byte {at}")));
            }
            return Ok(out);
        };
        if all_are(header, 0) {
            break;
        }
        if !checksum_holds(header) {
            return Err(Refused::odd(format!("the header checksum at byte {at} does not hold")));
        }
        let flag = header[156];
        let own = octal(&header[124..136]).ok_or_else(|| Refused::odd(format!("the size at byte {} is not an octal number", at + 124)))?;
        let data = at + BLOCK;
        if matches!(flag, b'x' | b'g' | b'L' | b'K') {
            at = read_extension(bytes, at, own, flag, budget, &mut extension)?;
            if flag == b'g' {
                out.loose.append(&mut extension.fields);
            }
            continue;
        }
        let size = extension.size.unwrap_or(own);
        let (nature, has_data) = match flag {
            b'0' | 0 | b'7' => (Nature::File, true),
            b'5' => (Nature::Directory, false),
            b'1' | b'2' | b'3' | b'4' | b'6' => (Nature::Special, false),
            other => return Err(Refused::odd(format!("member type {:?} at byte {at} is not supported", char::from(other)))),
        };
        if !has_data && size != 0 {
            return Err(Refused::odd(format!("the member at byte {at} has a type without content and a size")));
        }
        let content = content_range(bytes, data, size)?;
        let name = match extension.name.take() {
            Some(name) => name,
            None => header_name(header),
        };
        if name.is_empty() || name.contains(&0) {
            return Err(Refused::odd(format!("the member at byte {at} has no usable name")));
        }
        budget.entry(name.len())?;
        let mut fields = std::mem::take(&mut extension.fields);
        fields.extend(header_fields(header, at));
        // With setuid or setgid the owner decides whose rights a program gets: never put under a cause.
        if octal(&header[100..108]).is_none_or(|mode| mode & 0o6000 != 0) {
            for field in fields.iter_mut().filter(|f| f.cause == Some(Cause::Owner)) {
                field.cause = None;
            }
        }
        at = pad(bytes, content.end, &mut fields);
        out.members.push(Member { name, nature, fields, held: Held::Plain(content) });
        extension = Extension::default();
    }
    if !extension.fields.is_empty() {
        return Err(Refused::odd("an extension header is not followed by a member"));
    }
    let rest = at..bytes.len();
    let canonical = bytes.get(rest.clone()).is_some_and(|r| all_are(r, 0));
    out.loose.push(if canonical {
        Field::caused("end of archive", Cause::Derived, rest, "")
    } else {
        Field::fixed("data after the end of the archive", rest)
    });
    Ok(out)
}

fn content_range(bytes: &[u8], start: usize, size: u64) -> Result<Range<usize>, Refused> {
    usize::try_from(size)
        .ok()
        .and_then(|s| start.checked_add(s))
        .filter(|end| *end <= bytes.len())
        .map(|end| start..end)
        .ok_or_else(|| Refused::odd(format!("the content at byte {start} is cut off")))
}

/// Adds the padding to the next block as a field and returns where the next header is.
fn pad(bytes: &[u8], end: usize, fields: &mut Vec<Field>) -> usize {
    let next = end.next_multiple_of(BLOCK).min(bytes.len());
    let canonical = bytes.get(end..next).is_some_and(|p| all_are(p, 0));
    fields.push(if canonical { Field::caused("padding", Cause::Derived, end..next, "") } else { Field::fixed("padding", end..next) });
    next
}

fn header_fields(header: &[u8], at: usize) -> Vec<Field> {
    let range = |from: usize, to: usize| at + from..at + to;
    let text = |from: usize, to: usize| String::from_utf8_lossy(until_nul(&header[from..to])).into_owned();
    let number = |what, cause, from: usize, to: usize, show: fn(u64) -> String| match octal(&header[from..to]) {
        Some(n) => Field { what, cause, range: range(from, to), value: show(n) },
        None => Field::fixed(what, range(from, to)),
    };
    let time = |n: u64| i64::try_from(n).map_or_else(|_| n.to_string(), time_text);
    let owner = |what, from: usize, to: usize| {
        // A name ends at the first NUL; bytes hidden behind it are no name.
        let rest = header.get(from + until_nul(&header[from..to]).len()..to).unwrap_or_default();
        if all_are(rest, 0) {
            Field::caused(what, Cause::Owner, range(from, to), text(from, to))
        } else {
            Field::fixed(what, range(from, to))
        }
    };
    vec![
        Field::fixed("name", range(0, 100)),
        Field { what: "mode", cause: None, range: range(100, 108), value: text(100, 108) },
        number("uid", Some(Cause::Owner), 108, 116, |n| n.to_string()),
        number("gid", Some(Cause::Owner), 116, 124, |n| n.to_string()),
        number("size", Some(Cause::Derived), 124, 136, |n| n.to_string()),
        number("mtime", Some(Cause::Mtime), 136, 148, time),
        Field::caused("header checksum", Cause::Derived, range(148, 156), text(148, 156)),
        Field { what: "type", cause: None, range: range(156, 157), value: char::from(header[156]).to_string() },
        Field { what: "link target", cause: None, range: range(157, 257), value: text(157, 257) },
        Field::fixed("format", range(257, 265)),
        owner("user name", 265, 297),
        owner("group name", 297, 329),
        Field::fixed("device", range(329, 345)),
        Field::fixed("name prefix", range(345, 512)),
    ]
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
    out.fields.extend(header_fields(header, at));
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
            out.fields.push(Field {
                what: if flag == b'L' { "long name" } else { "link target" },
                cause: None,
                range: content.clone(),
                value: String::from_utf8_lossy(text).into_owned(),
            });
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
        match (flag, key) {
            (b'g', b"comment") => out.fields.push(Field { what: "comment", cause: None, range, value: text }),
            (b'g', _) => return Err(Refused::odd("a pax global header changes what members mean: readers disagree about it")),
            (_, b"path") => {
                out.name = Some(value.to_vec());
                out.fields.push(Field { what: "long name", cause: None, range, value: text });
            }
            (_, b"size") => {
                out.size = Some(text.parse().map_err(|_| bad())?);
                out.fields.push(Field::caused("size", Cause::Derived, range, text));
            }
            (_, b"linkpath") => out.fields.push(Field { what: "link target", cause: None, range, value: text }),
            (_, b"mtime" | b"atime" | b"ctime") if text.parse::<f64>().is_ok_and(f64::is_finite) => {
                let shown = text.split('.').next().and_then(|s| s.parse().ok()).map_or_else(|| text.clone(), time_text);
                out.fields.push(Field::caused("mtime", Cause::Mtime, range, shown));
            }
            (_, b"uid" | b"gid" | b"uname" | b"gname") => out.fields.push(Field::caused("owner", Cause::Owner, range, text)),
            _ if key.starts_with(b"GNU.sparse") => return Err(Refused::odd("sparse members are not supported")),
            _ => out.fields.push(Field { what: "attribute", cause: None, range, value: text }),
        }
        at += length;
    }
    Ok(())
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

/// Octal digits, with leading spaces, ended by NUL or space and nothing else after; all-NUL counts as 0.
fn octal(raw: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(raw).ok()?;
    let text = text.trim_end_matches(['\0', ' ']).trim_start_matches(' ');
    if text.is_empty() {
        return Some(0);
    }
    if !text.bytes().all(|b| (b'0'..=b'7').contains(&b)) {
        return None;
    }
    u64::from_str_radix(text, 8).ok()
}

fn checksum_holds(header: &[u8]) -> bool {
    let sum: u64 = header.iter().enumerate().map(|(i, b)| if (148..156).contains(&i) { 32 } else { u64::from(*b) }).sum();
    octal(&header[148..156]) == Some(sum)
}
