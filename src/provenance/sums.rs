//! Lists of checksums as `sha256sum`, `sha512sum` and BSD's `sha256` write them.

use crate::digest::{Algorithm, Digest};
use crate::model::Subject;
use crate::text::Untrusted;

use super::statement::MAX_SUBJECTS;

/// The algorithm that a file name such as `SHA256SUMS` or `hello.sha512` stands for.
pub(crate) fn algorithm_of(name: &str) -> Option<Algorithm> {
    let name = name.to_ascii_lowercase();
    let stem = name.strip_suffix(".txt").unwrap_or(&name);
    [(Algorithm::Sha256, "sha256"), (Algorithm::Sha512, "sha512"), (Algorithm::Sha1, "sha1"), (Algorithm::Md5, "md5")]
        .into_iter()
        .find(|(_, word)| {
            stem.ends_with(&format!("{word}sums")) || stem.ends_with(&format!("{word}sum")) || stem.ends_with(&format!(".{word}"))
        })
        .map(|(a, _)| a)
}

/// Reads a list. The error is a sentence with the line.
pub(crate) fn parse(bytes: &[u8], algorithm: Algorithm) -> Result<Vec<Subject>, String> {
    let mut subjects = Vec::new();
    for (number, line) in (1_u64..).zip(bytes.split(|b| *b == b'\n')) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        if subjects.len() >= MAX_SUBJECTS {
            return Err(format!("line {number}: more than {MAX_SUBJECTS} entries"));
        }
        let (name, hex) = plain(line, algorithm).or_else(|| bsd(line, algorithm)).ok_or_else(|| {
            format!("line {number}: neither \"digest  name\" nor \"{} (name) = digest\"", algorithm.name().to_ascii_uppercase())
        })?;
        let digest = Digest::parse(algorithm, &hex).map_err(|e| format!("line {number}: {e}"))?;
        subjects.push(Subject { name, digests: vec![digest] });
    }
    Ok(subjects)
}

/// `digest  name`, `digest *name`; with `\` in front, `\\`, `\n` and `\r` in the name stand for those characters.
fn plain(line: &[u8], algorithm: Algorithm) -> Option<(Untrusted, String)> {
    let (escaped, body) = line.strip_prefix(b"\\").map_or((false, line), |rest| (true, rest));
    let (hex, rest) = body.split_at_checked(algorithm.size() * 2)?;
    let hex = std::str::from_utf8(hex).ok()?.to_owned();
    let name = rest.strip_prefix(b"  ").or_else(|| rest.strip_prefix(b" *"))?;
    if name.is_empty() {
        return None;
    }
    let name = if escaped { unescape(name)? } else { name.to_vec() };
    Some((name.into(), hex))
}

fn unescape(name: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(name.len());
    let mut bytes = name.iter();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'\\' => match bytes.next()? {
                b'\\' => b'\\',
                b'n' => b'\n',
                b'r' => b'\r',
                _ => return None,
            },
            other => *other,
        });
    }
    Some(out)
}

/// `SHA256 (name) = digest`.
fn bsd(line: &[u8], algorithm: Algorithm) -> Option<(Untrusted, String)> {
    let rest = line.strip_prefix(algorithm.name().to_ascii_uppercase().as_bytes())?.strip_prefix(b" (")?;
    let end = rest.windows(4).rposition(|w| w == b") = ")?;
    let (name, tail) = rest.split_at_checked(end)?;
    let hex = std::str::from_utf8(tail.get(4..)?).ok()?.to_owned();
    Some((name.into(), hex))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA: &str = "2e6e2f1a0007dc43bc91c273fd36e91e40a4f1c2765a03eca68b70a42103878a";

    #[test]
    fn reads_each_form() {
        let text = format!("# made by\n{SHA}  a b\r\n{SHA} *c\n\\{SHA}  d\\ne\nSHA256 (f) = 1) = {SHA}\n");
        let names: Vec<_> = parse(text.as_bytes(), Algorithm::Sha256).unwrap().into_iter().map(|s| s.name.lossy().into_owned()).collect();
        assert_eq!(names, ["a b", "c", "d\ne", "f) = 1"]);
        for (name, algorithm) in [
            ("SHA256SUMS", Some(Algorithm::Sha256)),
            ("x.sha512", Some(Algorithm::Sha512)),
            ("sha256sums.txt", Some(Algorithm::Sha256)),
            ("notes.txt", None),
        ] {
            assert_eq!(algorithm_of(name), algorithm, "{name}");
        }
    }

    #[test]
    fn a_line_that_is_none_is_an_error_not_skipped() {
        let text = format!("{SHA}  a\nhello\n");
        assert!(parse(text.as_bytes(), Algorithm::Sha256).unwrap_err().starts_with("line 2: neither"));
        assert!(parse(format!("{SHA} a\n").as_bytes(), Algorithm::Sha256).is_err());
        assert!(parse(format!("{}  a\n", SHA.replace('2', "g")).as_bytes(), Algorithm::Sha256).unwrap_err().contains("not hexadecimal"));
    }
}
