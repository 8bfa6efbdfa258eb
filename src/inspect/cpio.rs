//! cpio archives: `newc`, `crc` and the portable `odc`, read strictly. Layout: cpio(5).

use std::ops::Range;

use super::budget::{Budget, Refused};
use super::container::{Container, Field, Held, Member, Nature, all_are, time_text};
use super::installed;
use crate::model::Cause;

const TRAILER: &[u8] = b"TRAILER!!!";

/// The two layouts: digits are hexadecimal and padded to four bytes, or octal and not padded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    New,
    Sum,
    Old,
}

/// A header, read.
struct Header {
    form: Form,
    mode: u64,
    links: u64,
    size: usize,
    name: Range<usize>,
    content: Range<usize>,
    next: usize,
    check: u64,
}

/// Name, start and width of each field after the magic.
type Layout = &'static [(&'static str, usize, usize)];

const NEW: Layout = &[
    ("inode", 6, 8),
    ("mode", 14, 8),
    ("uid", 22, 8),
    ("gid", 30, 8),
    ("links", 38, 8),
    ("mtime", 46, 8),
    ("size", 54, 8),
    ("device", 62, 8),
    ("device", 70, 8),
    ("device number", 78, 8),
    ("device number", 86, 8),
    ("name length", 94, 8),
    ("checksum", 102, 8),
];
const OLD: Layout = &[
    ("device", 6, 6),
    ("inode", 12, 6),
    ("mode", 18, 6),
    ("uid", 24, 6),
    ("gid", 30, 6),
    ("links", 36, 6),
    ("device number", 42, 6),
    ("mtime", 48, 11),
    ("name length", 59, 6),
    ("size", 65, 11),
];

impl Form {
    fn layout(self) -> Layout {
        if self == Self::Old { OLD } else { NEW }
    }

    fn length(self) -> usize {
        if self == Self::Old { 76 } else { 110 }
    }

    fn padded(self, at: usize) -> usize {
        if self == Self::Old { at } else { at.next_multiple_of(4) }
    }

    /// Digits and nothing else.
    fn number(self, raw: &[u8]) -> Option<u64> {
        let radix = if self == Self::Old { 8 } else { 16 };
        let text = std::str::from_utf8(raw).ok().filter(|t| t.bytes().all(|b| char::from(b).is_digit(radix)))?;
        u64::from_str_radix(text, radix).ok()
    }

    fn value(self, bytes: &[u8], at: usize, what: &str) -> Option<u64> {
        let (_, from, width) = self.layout().iter().find(|(name, _, _)| *name == what)?;
        self.number(bytes.get(at + from..at + from + width)?)
    }
}

/// Takes an archive apart, up to and with its trailer.
pub(crate) fn parse(bytes: &[u8], budget: &mut Budget) -> Result<Container, Refused> {
    let mut out = Container::new(fields);
    let mut at = 0;
    loop {
        let header = read(bytes, at)?;
        let name = bytes.get(header.name.clone()).unwrap_or_default();
        budget.entry(name.len())?;
        if name == TRAILER && header.size != 0 {
            return Err(Refused::odd(format!("the trailer at byte {at} has a content: readers disagree about where the archive ends")));
        }
        if name == TRAILER {
            out.gives_owners = installed::gives_owners(&out.members);
            out.loose.extend(trailer(bytes, at, &header));
            return Ok(out);
        }
        let nature = match header.mode & 0o17_0000 {
            0o4_0000 => Nature::Directory,
            0o10_0000 => Nature::File,
            _ => Nature::Special,
        };
        // The content of a symbolic link is its target, which is no file: it is a field.
        let content = if nature == Nature::File { header.content.clone() } else { header.content.start..header.content.start };
        if nature != Nature::File && nature != Nature::Special && header.size != 0 {
            return Err(Refused::odd(format!("the directory at byte {at} has a size")));
        }
        out.members.push(Member { name: name.to_vec(), nature, held: Held::Plain(content), head: at..header.next, entry: 0..0 });
        at = header.next;
    }
}

fn read(bytes: &[u8], at: usize) -> Result<Header, Refused> {
    let form = match bytes.get(at..at.saturating_add(6)) {
        Some(b"070701") => Form::New,
        Some(b"070702") => Form::Sum,
        Some(b"070707") => Form::Old,
        _ => return Err(Refused::odd(format!("no cpio header at byte {at}"))),
    };
    let bad = |what: &str| Refused::odd(format!("{what} of the member at byte {at} is not a number in its form"));
    let value = |what: &'static str| form.value(bytes, at, what).ok_or_else(|| bad(what));
    let size = usize::try_from(value("size")?).map_err(|_| bad("size"))?;
    let length = usize::try_from(value("name length")?).map_err(|_| bad("name length"))?;
    let cut = || Refused::odd(format!("the member at byte {at} is cut off"));
    let start = at + form.length();
    let name_end = start.checked_add(length).filter(|e| *e <= bytes.len()).ok_or_else(cut)?;
    let name = bytes.get(start..name_end).and_then(|n| n.strip_suffix(&[0])).filter(|n| !n.is_empty() && !n.contains(&0));
    let name = name.ok_or_else(|| Refused::odd(format!("the member at byte {at} has no usable name")))?;
    let from = form.padded(name_end);
    let to = from.checked_add(size).filter(|e| *e <= bytes.len()).ok_or_else(cut)?;
    Ok(Header {
        form,
        mode: value("mode")?,
        links: value("links")?,
        size,
        name: start..start + name.len(),
        content: from..to,
        next: form.padded(to).min(bytes.len()),
        check: if form == Form::Old { 0 } else { value("checksum")? },
    })
}

/// The fields of one member: header, name, padding, link target.
fn fields(bytes: &[u8], member: &Member) -> Vec<Field> {
    let at = member.head.start;
    let Ok(header) = read(bytes, at) else { return vec![Field::fixed("header", member.head.clone())] };
    let mut out = header_fields(bytes, at, &header);
    out.push(Field::shown("name", header.name.start..header.name.end + 1, String::from_utf8_lossy(&member.name)));
    out.push(padding(bytes, header.name.end + 1..header.content.start));
    if member.nature == Nature::Special {
        let target = bytes.get(header.content.clone()).unwrap_or_default();
        out.push(Field::shown("link target", header.content.clone(), String::from_utf8_lossy(target)));
    }
    out.push(padding(bytes, header.content.end..header.next));
    out
}

fn padding(bytes: &[u8], range: Range<usize>) -> Field {
    if bytes.get(range.clone()).is_some_and(|p| all_are(p, 0)) {
        Field::caused("padding", Cause::Derived, range, "")
    } else {
        Field::fixed("padding", range)
    }
}

fn header_fields(bytes: &[u8], at: usize, header: &Header) -> Vec<Field> {
    let form = header.form;
    let kind = header.mode & 0o17_0000;
    let is_device = matches!(kind, 0o2_0000 | 0o6_0000);
    // Inode and device tell which members are one file with several names; with a single name they say nothing.
    let alone = header.links <= 1 || kind == 0o4_0000;
    let rights = header.mode & 0o6000 != 0;
    let content = bytes.get(header.content.clone()).unwrap_or_default();
    let sum = content.iter().fold(0u32, |n, b| n.wrapping_add(u32::from(*b)));
    let mut out = vec![Field::fixed("magic", at..at + 6)];
    for (what, from, width) in form.layout() {
        let range = at + from..at + from + width;
        let Some(n) = bytes.get(range.clone()).and_then(|raw| form.number(raw)) else {
            out.push(Field::fixed(what, range));
            continue;
        };
        let cause = match *what {
            "inode" | "device" => Some(Cause::Attributes).filter(|_| alone),
            "device number" => Some(Cause::Attributes).filter(|_| !is_device),
            "links" => Some(Cause::Attributes).filter(|_| kind == 0o4_0000),
            "uid" | "gid" => Some(Cause::Owner).filter(|_| !rights),
            "mtime" => Some(Cause::Mtime),
            "size" | "name length" => Some(Cause::Derived),
            "checksum" => Some(Cause::Derived).filter(|_| form == Form::Sum && header.check == u64::from(sum)),
            _ => None,
        };
        let value = match *what {
            "mtime" => i64::try_from(n).map_or_else(|_| n.to_string(), time_text),
            "mode" => format!("{n:o}"),
            _ => n.to_string(),
        };
        out.push(Field { cause, ..Field::shown(what, range, value) });
    }
    out
}

/// The last member, which only says that it is the last, and the zeros behind it.
fn trailer(bytes: &[u8], at: usize, header: &Header) -> Vec<Field> {
    let rest = header.content.start.min(bytes.len())..bytes.len();
    let zeros = bytes.get(rest.clone()).is_some_and(|r| all_are(r, 0));
    vec![
        Field::fixed("trailer", at..rest.start),
        if zeros { Field::caused("end of archive", Cause::Derived, rest, "") } else { Field::fixed("data after the trailer", rest) },
    ]
}
