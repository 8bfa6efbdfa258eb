//! `bagit.txt` and `bag-info.txt`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::bundle::defects::Defects;
use crate::model::Where;
use crate::text::{Shown, Untrusted};

/// Character encodings that tag files may be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Utf8,
    Latin1,
    Utf16,
}

impl Encoding {
    /// The text as UTF-8 bytes; in UTF-8 itself, as it is.
    pub(super) fn decode(self, bytes: &[u8]) -> Cow<'_, [u8]> {
        match self {
            Self::Utf8 => Cow::Borrowed(bytes),
            Self::Latin1 => Cow::Owned(bytes.iter().map(|b| char::from(*b)).collect::<String>().into_bytes()),
            Self::Utf16 => {
                let (big, bytes) = match bytes {
                    [0xFF, 0xFE, rest @ ..] => (false, rest),
                    [0xFE, 0xFF, rest @ ..] => (true, rest),
                    _ => (true, bytes),
                };
                let unit = |pair: &[u8]| if big { u16::from_be_bytes([pair[0], pair[1]]) } else { u16::from_le_bytes([pair[0], pair[1]]) };
                let text: String = char::decode_utf16(bytes.chunks_exact(2).map(unit)).map(|c| c.unwrap_or('\u{fffd}')).collect();
                Cow::Owned(text.into_bytes())
            }
        }
    }
}

/// What `bagit.txt` declares.
pub(super) struct Declaration {
    pub(super) version: (u32, u32),
    pub(super) encoding: Encoding,
}

impl Declaration {
    /// Whether `%25` is a percent sign (from 1.0 on; before, only line ends were coded).
    pub(super) fn percent_is_coded(&self) -> bool {
        self.version >= (1, 0)
    }
}

/// Splits into lines at LF, CR LF or CR, without the ends; the last line may lack one.
pub(super) fn split_lines(text: &[u8]) -> Vec<&[u8]> {
    let mut lines = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.iter().position(|b| matches!(b, b'\n' | b'\r')).unwrap_or(rest.len());
        lines.push(&rest[..end]);
        let skip = if rest[end..].starts_with(b"\r\n") { 2 } else { 1 };
        rest = rest.get(end + skip..).unwrap_or(&[]);
    }
    lines
}

/// Reads `bagit.txt`.
pub(super) fn read(bytes: &[u8], defects: &mut Defects) -> Declaration {
    let mut declaration = Declaration { version: (1, 0), encoding: Encoding::Utf8 };
    let mut wrong = |line: u64, what: String| {
        defects.fail("bag.declaration", Where::at("bagit.txt", line, 1), what, "ask for a bag that RFC 8493 allows");
    };
    if bytes.starts_with(b"\xEF\xBB\xBF") {
        wrong(1, "starts with a byte order mark".into());
    }
    let lines = split_lines(bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes));
    match lines.first().and_then(|l| l.strip_prefix(b"BagIt-Version: ")) {
        Some(text) => match version(text) {
            Some(v @ ((0, 93..=97) | (1, 0))) => declaration.version = v,
            _ => wrong(1, format!("version {} is not known here (0.93 to 0.97 and 1.0 are)", Shown::of_bytes(text).cut(40))),
        },
        None => wrong(1, "the first line is not `BagIt-Version: 1.0`".into()),
    }
    match lines.get(1).and_then(|l| l.strip_prefix(b"Tag-File-Character-Encoding: ")) {
        Some(text) => match text.to_ascii_uppercase().as_slice() {
            b"UTF-8" => {}
            b"ISO-8859-1" => declaration.encoding = Encoding::Latin1,
            b"UTF-16" => declaration.encoding = Encoding::Utf16,
            _ => wrong(2, format!("encoding {} is not known here", Shown::of_bytes(text).cut(40))),
        },
        None => wrong(2, "the second line is not `Tag-File-Character-Encoding: UTF-8`".into()),
    }
    if lines.iter().skip(2).any(|l| !l.is_empty()) {
        wrong(3, "has more than two lines".into());
    }
    declaration
}

fn version(text: &[u8]) -> Option<(u32, u32)> {
    let (major, minor) = std::str::from_utf8(text).ok()?.split_once('.')?;
    let number = |t: &str| t.bytes().all(|b| b.is_ascii_digit()).then(|| t.parse().ok())?;
    Some((number(major)?, number(minor)?))
}

type Info = (Vec<(Untrusted, Untrusted)>, Option<(u64, u64)>);

/// Reads `bag-info.txt` (`package-info.txt` before 0.96): its fields, and the payload size and count that it states.
pub(super) fn info(files: &BTreeMap<&[u8], Vec<u8>>, encoding: Encoding, defects: &mut Defects) -> Info {
    let name = if files.contains_key(&b"bag-info.txt"[..]) { "bag-info.txt" } else { "package-info.txt" };
    let Some(bytes) = files.get(name.as_bytes()) else { return (Vec::new(), None) };
    let text = encoding.decode(bytes);
    let mut fields: Vec<(Vec<u8>, Vec<u8>, u64)> = Vec::new();
    for (number, line) in (1u64..).zip(split_lines(&text)) {
        if line.first().is_some_and(|b| matches!(b, b' ' | b'\t')) {
            if let Some((_, value, _)) = fields.last_mut() {
                value.push(b' ');
                value.extend_from_slice(line.trim_ascii());
            }
        } else if let Some(colon) = line.iter().position(|b| *b == b':') {
            fields.push((line[..colon].trim_ascii().to_vec(), line[colon + 1..].trim_ascii().to_vec(), number));
        } else if !line.is_empty() {
            defects.note("bag.info", Where::at(name, number, 1), "a line that is not `Label: value`", "");
        }
        if fields.len() > 10_000 {
            defects.unknown("bag.bound", Where::at(name, number, 1), "more than 10,000 fields: not examined further", "");
            break;
        }
    }
    let mut oxum = None;
    for (_, value, line) in fields.iter().filter(|(label, _, _)| label.eq_ignore_ascii_case(b"Payload-Oxum")) {
        let parsed =
            std::str::from_utf8(value).ok().and_then(|v| v.split_once('.')).and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
        let place = Where::at(name, *line, 1);
        match parsed {
            Some(pair) if oxum.is_none_or(|known| known == pair) => oxum = Some(pair),
            Some(_) => defects.fail("bag.oxum", place, "a second Payload-Oxum says otherwise", "ask for a new bundle"),
            None => defects.unknown("bag.oxum", place, "Payload-Oxum is not `BYTES.FILES`", "ask for a new bundle"),
        }
    }
    (fields.into_iter().map(|(label, value, _)| (label.into(), value.into())).collect(), oxum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_in_three_ways() {
        assert_eq!(split_lines(b"a\nb\r\nc\rd"), [b"a", b"b", b"c", b"d"]);
        assert_eq!(split_lines(b"a\n\nb\n"), [&b"a"[..], b"", b"b"]);
    }

    #[test]
    fn a_declaration_is_read_strictly() {
        let defects = |text: &[u8]| {
            let mut defects = Defects::default();
            read(text, &mut defects);
            defects.finish().len()
        };
        assert_eq!(defects(b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"), 0);
        assert_eq!(defects(b"BagIt-Version: 0.97\r\nTag-File-Character-Encoding: utf-8"), 0);
        assert_eq!(defects(b"\xEF\xBB\xBFBagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"), 1);
        assert_eq!(defects(b"BagIt-Version : 1.0\nTag-File-Character-Encoding : UTF-8\n"), 2);
        assert_eq!(defects(b"BagIt-Version: .97\nTag-File-Character-Encoding: UTF-8\n"), 1);
        assert_eq!(defects(b"BagIt-Version: 1.0\n"), 1);
        assert_eq!(defects(b""), 2);
    }
}
