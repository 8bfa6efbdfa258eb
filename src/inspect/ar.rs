//! `ar` archives, and Debian packages, which are `ar` archives. Header fields: ar(5).

use std::ops::Range;

use super::budget::{Budget, Refused};
use super::container::{Container, Field, Held, Member, Nature, Rule, time_text};
use crate::model::Cause;

const MAGIC: usize = 8;
const HEADER: usize = 60;

/// Takes an archive apart.
pub(crate) fn parse(bytes: &[u8], budget: &mut Budget) -> Result<Container, Refused> {
    let mut out = Container::new(fields);
    out.loose.push(Field::fixed("magic", 0..MAGIC.min(bytes.len())));
    let mut at = MAGIC;
    let mut long_names: Option<Range<usize>> = None;
    while at < bytes.len() {
        let header = bytes.get(at..at + HEADER).ok_or_else(|| Refused::odd(format!("a member header is cut off at byte {at}")))?;
        if header.get(58..60) != Some(b"`\n".as_slice()) {
            return Err(Refused::odd(format!("no member header at byte {at}")));
        }
        let size = number(&header[48..58], 10).ok_or_else(|| Refused::odd(format!("member size at byte {at} is not a number")))?;
        let size = usize::try_from(size).map_err(|_| Refused::odd(format!("member size at byte {at} is too large")))?;
        let start = at + HEADER;
        let end = start
            .checked_add(size)
            .filter(|e| *e <= bytes.len())
            .ok_or_else(|| Refused::odd(format!("the member at byte {at} is cut off")))?;
        let raw = trim_end(&header[..16]);
        let (name, content) = match bsd_name(raw, bytes.get(start..end).unwrap_or_default()) {
            Some((name, length)) => (name, start + length..end),
            None => (member_name(raw, bytes, long_names.as_ref()), start..end),
        };
        budget.entry(name.len())?;
        if raw == b"//" {
            long_names = Some(start..end);
        }
        let next = (end + size % 2).min(bytes.len());
        out.members.push(Member { name, nature: Nature::File, held: Held::Plain(content), head: at..next, entry: 0..0 });
        at = next;
    }
    Ok(out)
}

/// The fields of one member: header, BSD long name, padding.
fn fields(bytes: &[u8], member: &Member) -> Vec<Field> {
    let at = member.head.start;
    let header = bytes.get(at..at + HEADER).unwrap_or(&[b' '; HEADER]);
    let content = member.held.range();
    let name = String::from_utf8_lossy(&member.name);
    let mode = trim_end(&header[40..48]);
    let rights = number(mode, 8).is_none_or(|mode| mode & 0o6000 != 0);
    let padding = content.end..member.head.end;
    let canonical = bytes.get(padding.clone()).is_some_and(|p| p.is_empty() || p == b"\n");
    vec![
        // `/123` is a place in the table of long names: another place may hold the same name.
        if header[0] == b'/' && header[1].is_ascii_digit() {
            Field::caused("name", Cause::Derived, at..at + 16, name).rule(Rule::SameValue)
        } else {
            Field::shown("name", at..at + 16, name)
        },
        time_field(&header[16..28], at + 16),
        owner_field(&header[28..34], at + 28, rights),
        owner_field(&header[34..40], at + 34, rights),
        mode_field(mode, at + 40),
        Field::caused("size", Cause::Derived, at + 48..at + 58, content.len().to_string()),
        Field::fixed("magic", at + 58..at + 60),
        Field::fixed("long name", at + HEADER..content.start),
        if canonical { Field::caused("padding", Cause::Derived, padding, "") } else { Field::fixed("padding", padding) },
    ]
}

/// Some writers leave out the bit that says "regular file": the rights are the same then.
fn mode_field(raw: &[u8], at: usize) -> Field {
    let range = at..at + 8;
    match number(raw, 8) {
        Some(mode) if mode >> 12 == 0 || mode >> 12 == 0o10 => {
            Field::caused("mode", Cause::Attributes, range, format!("{:o}", mode & 0o7777)).rule(Rule::SameValue)
        }
        _ => Field::shown("mode", range, String::from_utf8_lossy(raw)),
    }
}

/// BSD's `#1/20`: the first 20 bytes of the content are the name, with NUL behind it.
fn bsd_name(raw: &[u8], content: &[u8]) -> Option<(Vec<u8>, usize)> {
    let length = usize::try_from(number(raw.strip_prefix(b"#1/")?, 10)?).ok()?;
    let name = content.get(..length)?;
    let end = name.iter().rposition(|b| *b != 0).map_or(0, |i| i + 1);
    Some((name.get(..end)?.to_vec(), length))
}

fn time_field(raw: &[u8], at: usize) -> Field {
    match number(raw, 10).and_then(|n| i64::try_from(n).ok()) {
        Some(n) => Field::caused("mtime", Cause::Mtime, at..at + raw.len(), time_text(n)),
        None => Field::fixed("mtime", at..at + raw.len()),
    }
}

/// With setuid or setgid the owner decides whose rights a program gets: never put under a cause.
fn owner_field(raw: &[u8], at: usize, rights: bool) -> Field {
    match number(raw, 10) {
        Some(n) if !rights => Field::caused("owner", Cause::Owner, at..at + raw.len(), n.to_string()),
        _ => Field::fixed("owner", at..at + raw.len()),
    }
}

/// GNU long names (`/123`) are looked up; anything else is the name as it stands, without GNU's closing slash.
fn member_name(raw: &[u8], bytes: &[u8], table: Option<&Range<usize>>) -> Vec<u8> {
    if let [b'/', digits @ ..] = raw
        && let Some(offset) = number(digits, 10).and_then(|n| usize::try_from(n).ok())
        && let Some(names) = table.and_then(|t| bytes.get(t.clone()))
        && let Some(rest) = names.get(offset..)
    {
        let end = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
        return rest[..end].strip_suffix(b"/").unwrap_or(&rest[..end]).to_vec();
    }
    match raw {
        b"/" | b"//" => raw.to_vec(),
        _ => raw.strip_suffix(b"/").unwrap_or(raw).to_vec(),
    }
}

fn trim_end(raw: &[u8]) -> &[u8] {
    let end = raw.iter().rposition(|b| *b != b' ').map_or(0, |i| i + 1);
    &raw[..end]
}

/// Digits, then only spaces.
fn number(raw: &[u8], radix: u32) -> Option<u64> {
    let text = std::str::from_utf8(trim_end(raw)).ok()?;
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    u64::from_str_radix(text, radix).ok()
}
