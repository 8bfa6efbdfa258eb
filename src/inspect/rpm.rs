//! rpm packages: lead, signature header, header, payload. Read strictly: every byte of a header's store belongs to one tag
//! or is padding. Tags and types: rpm's `tag.h` and "RPM Package format".

use std::collections::BTreeMap;
use std::ops::Range;

use super::budget::{Budget, Refused};
use super::container::{Container, Field, Held, Member, Nature, Rule, all_are, time_text};
use super::openpgp;
use crate::model::Cause;

const LEAD: usize = 96;
const MAGIC: &[u8] = b"\x8e\xad\xe8\x01\0\0\0\0";
/// Tags that a header may have, as rpm has it.
const MAX_TAGS: usize = 0xffff;
/// Marks fields of the signature header.
pub(crate) const IN_SIGNATURE: u32 = 0x1000_0000;
/// Marks the entry of a tag in the index.
const INDEX: u32 = 0x2000_0000;

/// A package taken apart.
pub(crate) struct Package {
    pub(crate) container: Container,
    /// The header with its magic: what the digests of the signature header are made over.
    pub(crate) header: Range<usize>,
    /// The compressed payload.
    pub(crate) payload: Range<usize>,
    tags: BTreeMap<u32, Value>,
}

/// Where the value of a tag is.
#[derive(Clone, Debug)]
struct Value {
    kind: u32,
    count: usize,
    range: Range<usize>,
}

impl Package {
    /// The numbers of a tag (16 or 32 bits each); empty when it has none.
    pub(crate) fn numbers(&self, bytes: &[u8], tag: u32) -> Vec<u64> {
        let Some(value) = self.tags.get(&tag).filter(|v| matches!(v.kind, 2..=5)) else { return Vec::new() };
        bytes.get(value.range.clone()).unwrap_or_default().chunks_exact(width(value.kind)).map(big).collect()
    }

    /// The strings of a tag; empty when it has none.
    pub(crate) fn strings<'a>(&self, bytes: &'a [u8], tag: u32) -> Vec<&'a [u8]> {
        let Some(value) = self.tags.get(&tag).filter(|v| matches!(v.kind, 6 | 8 | 9)) else { return Vec::new() };
        bytes.get(value.range.clone()).unwrap_or_default().split(|b| *b == 0).take(value.count).collect()
    }
}

fn big(raw: &[u8]) -> u64 {
    raw.iter().fold(0, |n, b| n << 8 | u64::from(*b))
}

fn width(kind: u32) -> usize {
    match kind {
        3 => 2,
        4 => 4,
        5 => 8,
        _ => 1,
    }
}

/// Takes a package apart. The payload is its only member.
pub(crate) fn parse(bytes: &[u8], budget: &mut Budget) -> Result<Package, Refused> {
    let mut container = Container::new(|_, _| Vec::new());
    container.loose.push(Field::fixed("lead", 0..LEAD));
    let mut tags = BTreeMap::new();
    let after = header(bytes, LEAD, IN_SIGNATURE, &mut container, &mut tags)?;
    let start = after.next_multiple_of(8);
    let zeros = bytes.get(after..start).ok_or_else(|| Refused::odd("the signature header is cut off"))?;
    let padding = Field { cause: Some(Cause::Derived).filter(|_| all_are(zeros, 0)), ..Field::fixed("signature padding", after..start) };
    container.loose.push(padding);
    let end = header(bytes, start, 0, &mut container, &mut tags)?;
    let payload = end..bytes.len();
    let name = b"payload".to_vec();
    budget.entry(name.len())?;
    container.members.push(Member { name, nature: Nature::File, held: Held::Plain(payload.clone()), head: payload.clone(), entry: 0..0 });
    Ok(Package { container, header: start..end, payload, tags })
}

/// Reads one header; returns where it ends.
fn header(bytes: &[u8], at: usize, base: u32, out: &mut Container, tags: &mut BTreeMap<u32, Value>) -> Result<usize, Refused> {
    let cut = || Refused::odd(format!("the header at byte {at} is cut off"));
    let intro = bytes.get(at..at + 16).ok_or_else(cut)?;
    if !intro.starts_with(MAGIC) {
        return Err(Refused::odd(format!("no header at byte {at}")));
    }
    let number = |raw: &[u8]| usize::try_from(big(raw)).unwrap_or(usize::MAX);
    let (count, size) = (number(&intro[8..12]), number(&intro[12..16]));
    let store = at + 16 + 16 * count;
    let end = store.checked_add(size).filter(|e| *e <= bytes.len()).ok_or_else(cut)?;
    if count > MAX_TAGS {
        return Err(Refused::Over(format!("a header has {count} tags, over the bound of {MAX_TAGS}")));
    }
    out.loose.push(Field::fixed("header magic", at..at + 8).key(base));
    out.loose.push(Field::caused("header size", Cause::Derived, at + 8..at + 16, "").key(base));
    let mut places: Vec<(Range<usize>, u32)> = Vec::with_capacity(count);
    for i in 0..count {
        let index = at + 16 + 16 * i;
        let entry = bytes.get(index..index + 16).ok_or_else(cut)?;
        let (tag, kind) = (number(&entry[..4]), number(&entry[4..8]));
        let (offset, items) = (number(&entry[8..12]), number(&entry[12..]));
        let (tag, kind) = (u32::try_from(tag).unwrap_or(0), u32::try_from(kind).unwrap_or(0));
        if tag >= IN_SIGNATURE {
            return Err(Refused::odd(format!("a tag of the header at byte {at} is out of range")));
        }
        let bad = || Refused::odd(format!("the value of tag {tag} in the header at byte {at} is not within its store"));
        let start = store.checked_add(offset).filter(|s| *s <= end).ok_or_else(bad)?;
        let length = value_length(bytes.get(start..end).ok_or_else(bad)?, kind, items).ok_or_else(bad)?;
        let value = Value { kind, count: items, range: start..start + length };
        places.push((value.range.clone(), tag));
        let meaning = meaning(bytes, base + tag, &value, count);
        let index_cause = if meaning.cause == Some(Cause::Signature) { Cause::Signature } else { Cause::Derived };
        let entry = Field::caused(meaning.what, index_cause, index..index + 16, format!("type {kind}, {items} of them"));
        let entry = entry.key(INDEX + base + tag);
        if meaning.rule == Rule::Optional {
            let list = if meaning.cause == Some(Cause::Signature) { &mut out.sealed } else { &mut out.loose };
            list.extend([entry.rule(Rule::Optional), meaning]);
        } else {
            out.loose.extend([entry.rule(Rule::SameValue), meaning]);
        }
        if tags.insert(base + tag, value).is_some() {
            return Err(Refused::odd(format!("tag {tag} occurs twice in the header at byte {at}: readers disagree about it")));
        }
    }
    places.sort_unstable_by_key(|p| (p.0.start, p.0.end));
    let mut done = store;
    for (range, tag) in places.into_iter().chain([(end..end, 0)]) {
        if range.start < done {
            return Err(Refused::odd(format!("the value of tag {tag} in the header at byte {at} overlaps another")));
        }
        let gap = done..range.start;
        // Behind the last value nothing has to be aligned: a store that is longer says another size.
        let padding = range.start < end && gap.len() < 8 && bytes.get(gap.clone()).is_some_and(|g| all_are(g, 0));
        if !gap.is_empty() {
            let field = Field::fixed("alignment", gap).key(base);
            out.loose.push(if padding { Field { cause: Some(Cause::Derived), ..field }.rule(Rule::Optional) } else { field });
        }
        done = range.end;
    }
    Ok(end)
}

/// Length in bytes of a value at the start of `rest`.
fn value_length(rest: &[u8], kind: u32, count: usize) -> Option<usize> {
    let length = match kind {
        0 => 0,
        1 | 2 | 7 => count,
        3..=5 => count.checked_mul(width(kind))?,
        6 | 8 | 9 => {
            if kind == 6 && count != 1 {
                return None;
            }
            let ends = rest.iter().enumerate().filter(|(_, b)| **b == 0).map(|(i, _)| i + 1);
            if count == 0 { 0 } else { ends.take(count).enumerate().last().filter(|(n, _)| n + 1 == count)?.1 }
        }
        _ => return None,
    };
    (length <= rest.len()).then_some(length)
}

/// What a tag is called, and what explains that it differs. Causes that have to be recomputed are taken back by the caller
/// that fails to do so.
fn meaning(bytes: &[u8], key: u32, value: &Value, count: usize) -> Field {
    let raw = bytes.get(value.range.clone()).unwrap_or_default();
    let text = raw.strip_suffix(&[0]).unwrap_or(raw);
    let printable = value.kind == 6 && text.iter().all(|b| (0x20..0x7f).contains(b));
    let word = printable && text.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':'));
    let numbers = value.kind == 4;
    // A program may read any other value of such a tag.
    let is_signature = match value.kind {
        7 => openpgp::is_signature(raw),
        8 => value.count > 0 && raw.split(|b| *b == 0).take(value.count).all(openpgp::is_signature_text),
        _ => false,
    };
    let signature = Some(Cause::Signature).filter(|_| is_signature);
    let tag = key & !IN_SIGNATURE;
    let (what, cause) = match (key >= IN_SIGNATURE, tag) {
        (signature, 62 | 63) => {
            let all = u64::try_from(count).unwrap_or(0) * 16;
            let region = |raw: &[u8]| {
                // A region ends with the entry of its own tag, the offset counted back to the first entry that is in it.
                let offset = (big(raw.get(8..12).unwrap_or_default()) as u32).wrapping_neg();
                raw.len() == 16
                    && big(&raw[..4]) == u64::from(tag)
                    && big(&raw[4..8]) == 7
                    && big(&raw[12..]) == 16
                    && u64::from(offset) <= all
                    && offset.is_multiple_of(16)
            };
            let what = if signature { "signature region" } else { "header region" };
            // Only a region over all entries follows from their number.
            let whole = raw.get(8..12).is_some_and(|o| u64::from((big(o) as u32).wrapping_neg()) == all);
            (what, Some(Cause::Derived).filter(|_| region(raw) && whole))
        }
        (true, 267) => ("DSA signature", signature),
        (true, 268) => ("RSA signature", signature),
        (true, 278) => ("OpenPGP signature", signature),
        (true, 1002) => ("PGP signature", signature),
        (true, 1005) => ("GPG signature", signature),
        (true, 1008) => ("reserved space", Some(Cause::Derived).filter(|_| all_are(raw, 0))),
        (true, 269) => ("SHA1HEADER", Some(Cause::ChecksumList)),
        (true, 273) => ("SHA256HEADER", Some(Cause::ChecksumList)),
        (true, 1004) => ("SIGMD5", Some(Cause::ChecksumList)),
        (true, 1000) => ("SIGSIZE", Some(Cause::Derived).filter(|_| numbers)),
        (true, 1007) => ("PAYLOADSIZE", Some(Cause::Derived).filter(|_| numbers)),
        (true, _) => ("signature tag", None),
        (_, 1006) => ("BUILDTIME", Some(Cause::Mtime).filter(|_| numbers && value.count == 1)),
        (_, 1007) => ("BUILDHOST", Some(Cause::Attributes).filter(|_| word)),
        (_, 1094) => ("COOKIE", Some(Cause::Attributes).filter(|_| value.kind == 6 && is_cookie(text))),
        (_, 1034) => ("FILEMTIMES", Some(Cause::Mtime).filter(|_| numbers)),
        (_, 1035) => ("FILEDIGESTS", Some(Cause::ChecksumList)),
        (_, 5092) => ("PAYLOADSHA256", Some(Cause::ChecksumList)),
        (_, 5097) => ("PAYLOADSHA256ALT", Some(Cause::ChecksumList)),
        (_, 1009) => ("SIZE", Some(Cause::Derived).filter(|_| numbers)),
        (_, 1028) => ("FILESIZES", Some(Cause::Derived).filter(|_| numbers)),
        (_, 1125) => ("PAYLOADCOMPRESSOR", Some(Cause::Compression)),
        (_, 1126) => ("PAYLOADFLAGS", Some(Cause::Compression).filter(|_| word)),
        (_, tag) => (name(tag), None),
    };
    let optional = matches!(cause, Some(Cause::Signature)) || (key, cause.is_some()) == (IN_SIGNATURE + 1008, true);
    let field = Field { cause, ..Field::shown(what, value.range.clone(), show(raw, value, tag)) };
    field.key(key).rule(if optional { Rule::Optional } else { Rule::Free })
}

/// Where and when it was built: `host 1600000000`.
fn is_cookie(text: &[u8]) -> bool {
    let host = |part: &[u8]| part.len() <= 255 && part.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
    let mut parts = text.splitn(2, |b| *b == b' ');
    let time = |part: &[u8]| (1..=12).contains(&part.len()) && part.iter().all(u8::is_ascii_digit);
    parts.next().is_some_and(host) && parts.next().is_some_and(time)
}

/// The names of tags that a reviewer looks for; a tag without one is called a tag.
fn name(tag: u32) -> &'static str {
    match tag {
        1000 => "NAME",
        1001 => "VERSION",
        1002 => "RELEASE",
        1014 => "LICENSE",
        1022 => "ARCH",
        1023 => "PREIN",
        1024 => "POSTIN",
        1025 => "PREUN",
        1026 => "POSTUN",
        1030 => "FILEMODES",
        1033 => "FILERDEVS",
        1036 => "FILELINKTOS",
        1037 => "FILEFLAGS",
        1039 => "FILEUSERNAME",
        1040 => "FILEGROUPNAME",
        1044 => "SOURCERPM",
        1047 => "PROVIDENAME",
        1049 => "REQUIRENAME",
        1054 => "CONFLICTNAME",
        1064 => "RPMVERSION",
        1065 => "TRIGGERSCRIPTS",
        1079 => "VERIFYSCRIPT",
        1085 => "PREINPROG",
        1086 => "POSTINPROG",
        1090 => "OBSOLETENAME",
        1095 => "FILEDEVICES",
        1096 => "FILEINODES",
        1117 => "BASENAMES",
        1118 => "DIRNAMES",
        1122 => "OPTFLAGS",
        1132 => "PLATFORM",
        1151 => "PRETRANS",
        1152 => "POSTTRANS",
        5010 => "FILECAPS",
        _ => "tag",
    }
}

fn show(raw: &[u8], value: &Value, tag: u32) -> String {
    let cut = |text: String| text.chars().take(200).collect();
    match value.kind {
        2..=5 => {
            let one = |n: u64| if matches!(tag, 1006 | 1034) { time_text(i64::try_from(n).unwrap_or(0)) } else { n.to_string() };
            cut(raw.chunks_exact(width(value.kind)).take(40).map(|n| one(big(n))).collect::<Vec<_>>().join(", "))
        }
        6 | 8 | 9 => {
            let parts = raw.split(|b| *b == 0).take(value.count.min(40));
            cut(parts.map(|p| String::from_utf8_lossy(p).into_owned()).collect::<Vec<_>>().join(", "))
        }
        _ => raw.iter().take(16).map(|b| format!("{b:02x}")).collect(),
    }
}
