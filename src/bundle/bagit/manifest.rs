//! The lines of a manifest: `DIGEST  PATH`.

use super::declaration::split_lines;
use crate::bundle::defects::Defects;
use crate::digest::{Algorithm, Digest};
use crate::model::Where;

/// A line that was read.
pub(super) struct Line {
    /// Its number, from 1.
    pub(super) number: u64,
    pub(super) digest: Digest,
    /// The path, decoded, without `./` before it.
    pub(super) path: Vec<u8>,
}

/// Reads the manifest `file`; what does not parse is a defect with its line.
pub(super) fn lines(text: &[u8], algorithm: Algorithm, file: &[u8], percent: bool, defects: &mut Defects) -> Vec<Line> {
    let mut out = Vec::new();
    for (number, line) in (1u64..).zip(split_lines(text)) {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let place = |column: usize| Where::at(file, number, column as u64 + 1);
        let Some(end) = line.iter().position(|b| matches!(b, b' ' | b'\t')) else {
            defects.fail("bag.line", place(0), "not `DIGEST  PATH`", "ask for a new bundle");
            continue;
        };
        let digest = std::str::from_utf8(&line[..end]).ok().map(|text| Digest::parse(algorithm, text));
        let Some(Ok(digest)) = digest else {
            defects.fail("bag.line", place(0), format!("not a digest of {}", algorithm.name()), "ask for a new bundle");
            continue;
        };
        let start = end + line[end..].iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
        // md5sum marks binary mode with an asterisk before the name.
        let mut name = line[start..].strip_prefix(b"*").unwrap_or(&line[start..]);
        if let Some(rest) = name.strip_prefix(b"./") {
            defects.note("bag.dot", place(start), "a path that starts with './'", "");
            name = rest;
        }
        let (path, unknown) = decoded(name, percent);
        if unknown {
            let what = "a '%' that is neither %0A, %0D nor %25: taken as it is";
            defects.note("bag.percent", place(start), what, "");
        }
        out.push(Line { number, digest, path });
    }
    out
}

/// RFC 8493, 2.1.3: only LF, CR and, from 1.0 on, the percent sign are coded. The second value tells of any other `%`.
fn decoded(name: &[u8], percent: bool) -> (Vec<u8>, bool) {
    let mut out = Vec::with_capacity(name.len());
    let mut unknown = false;
    let mut rest = name;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            out.push(*first);
            continue;
        }
        let byte = match after.get(..2).map(<[u8]>::to_ascii_uppercase).as_deref() {
            Some(b"0A") => b'\n',
            Some(b"0D") => b'\r',
            Some(b"25") if percent => b'%',
            _ => {
                unknown |= percent;
                out.push(b'%');
                continue;
            }
        };
        out.push(byte);
        rest = &after[2..];
    }
    (out, unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_coded_bytes_are_decoded() {
        assert_eq!(decoded(b"a%0Ab%0dc%25", true), (b"a\nb\rc%".to_vec(), false));
        assert_eq!(decoded(b"%7E%2", true), (b"%7E%2".to_vec(), true));
        assert_eq!(decoded(b"%25", false), (b"%25".to_vec(), false));
    }

    #[test]
    fn a_bad_line_has_its_place() {
        let mut defects = Defects::default();
        let text = b"900150983cd24fb0d6963f7d28e17f72  data/a b\nnonsense\n900150983cd24fb0d6963f7d28e17f  data/c\n900150983cd24fb0d6963f7d28e17f72 *./data/d";
        let lines = lines(text, Algorithm::Md5, b"manifest-md5.txt", true, &mut defects);
        assert_eq!(lines.iter().map(|l| l.path.as_slice()).collect::<Vec<_>>(), [&b"data/a b"[..], b"data/d"]);
        let found = defects.finish();
        assert_eq!(
            found.iter().map(|d| (d.code, d.place.line)).collect::<Vec<_>>(),
            [("bag.line", Some(2)), ("bag.line", Some(3)), ("bag.dot", Some(4))]
        );
    }
}
