//! `ar` archives, and Debian packages, which are `ar` archives. Header fields: ar(5).

use super::budget::{Budget, Refused};
use super::container::{Container, Field, Held, Member, Nature, time_text};
use crate::model::Cause;

const MAGIC: usize = 8;
const HEADER: usize = 60;

/// Takes an archive apart.
pub(crate) fn parse(bytes: &[u8], budget: &mut Budget) -> Result<Container, Refused> {
    let mut out = Container::default();
    out.loose.push(Field::fixed("magic", 0..MAGIC.min(bytes.len())));
    let mut at = MAGIC;
    let mut long_names: Option<std::ops::Range<usize>> = None;
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
        let name = member_name(raw, bytes, long_names.as_ref());
        budget.entry(name.len())?;
        if raw == b"//" {
            long_names = Some(start..end);
        }
        let mut fields = vec![
            Field::fixed("name", at..at + 16),
            time_field(&header[16..28], at + 16),
            owner_field(&header[28..34], at + 28),
            owner_field(&header[34..40], at + 34),
            Field {
                what: "mode",
                cause: None,
                range: at + 40..at + 48,
                value: String::from_utf8_lossy(trim_end(&header[40..48])).into_owned(),
            },
            Field::caused("size", Cause::Derived, at + 48..at + 58, size.to_string()),
            Field::fixed("magic", at + 58..at + 60),
        ];
        at = end;
        if !size.is_multiple_of(2) && at < bytes.len() {
            let pad = if bytes[at] == b'\n' {
                Field::caused("padding", Cause::Derived, at..at + 1, "")
            } else {
                Field::fixed("padding", at..at + 1)
            };
            fields.push(pad);
            at += 1;
        } else {
            fields.push(Field::caused("padding", Cause::Derived, at..at, ""));
        }
        out.members.push(Member { name, nature: Nature::File, fields, held: Held::Plain(start..end) });
    }
    Ok(out)
}

fn time_field(raw: &[u8], at: usize) -> Field {
    match number(raw, 10).and_then(|n| i64::try_from(n).ok()) {
        Some(n) => Field::caused("mtime", Cause::Mtime, at..at + raw.len(), time_text(n)),
        None => Field::fixed("mtime", at..at + raw.len()),
    }
}

fn owner_field(raw: &[u8], at: usize) -> Field {
    match number(raw, 10) {
        Some(n) => Field::caused("owner", Cause::Owner, at..at + raw.len(), n.to_string()),
        None => Field::fixed("owner", at..at + raw.len()),
    }
}

/// GNU long names (`/123`) are looked up; anything else is the name as it stands, without GNU's closing slash.
fn member_name(raw: &[u8], bytes: &[u8], table: Option<&std::ops::Range<usize>>) -> Vec<u8> {
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
