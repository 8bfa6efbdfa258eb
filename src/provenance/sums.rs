//! Lists of checksums as `sha256sum`, `sha512sum` and BSD's `sha256` write them.

use std::collections::BTreeMap;

use crate::digest::{Algorithm, Digest};
use crate::model::Subject;
use crate::text::Untrusted;

use super::statement::MAX_SUBJECTS;

/// The algorithm that a file name such as `SHA256SUMS` or `hello.sha512` stands for; of `CHECKSUM` and `SHA256` (Fedora's, OpenBSD's)
/// SHA-256, whose lines say it themselves.
pub(crate) fn algorithm_of(name: &str) -> Option<Algorithm> {
    let name = name.to_ascii_lowercase();
    let stem = name.strip_suffix(".txt").unwrap_or(&name);
    if stem == "checksums" || stem == "checksum" || stem.ends_with("-checksum") {
        return Some(Algorithm::Sha256);
    }
    [(Algorithm::Sha256, "sha256"), (Algorithm::Sha512, "sha512"), (Algorithm::Sha1, "sha1"), (Algorithm::Md5, "md5")]
        .into_iter()
        .find(|(_, word)| {
            let is_list = |s: &str| stem.ends_with(&format!("{word}{s}"));
            stem == *word || is_list("sums") || is_list("sum") || stem.ends_with(&format!(".{word}"))
        })
        .map(|(a, _)| a)
}

/// Reads a list. The error is a sentence with the line.
pub(crate) fn parse(bytes: &[u8], algorithm: Algorithm) -> Result<Vec<Subject>, String> {
    let mut subjects: Vec<Subject> = Vec::new();
    // Where a name stands already, for lists with several digests of each file.
    let mut places: BTreeMap<Untrusted, usize> = BTreeMap::new();
    let mut spaces = None;
    for (number, line) in (1_u64..).zip(bytes.split(|b| *b == b'\n')) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        if subjects.len() >= MAX_SUBJECTS {
            return Err(format!("line {number}: more than {MAX_SUBJECTS} entries"));
        }
        let read = plain(line, algorithm, &mut spaces).map(|(name, hex)| (name, hex, algorithm)).or_else(|| tagged(line));
        let (name, hex, own) = read.ok_or_else(|| {
            format!("line {number}: neither \"digest  name\" nor \"{} (name) = digest\"", algorithm.name().to_ascii_uppercase())
        })?;
        let digest = Digest::parse(own, &hex).map_err(|e| format!("line {number}: {e}"))?;
        // The second digest of a file by another algorithm; by the same one it is an entry of its own, which may contradict.
        let first = places.get(&name).copied().and_then(|at| subjects.get_mut(at));
        match first.filter(|s| s.digests.iter().all(|d| d.algorithm != own)) {
            Some(subject) => subject.digests.push(digest),
            None => {
                places.entry(name.clone()).or_insert(subjects.len());
                subjects.push(Subject { name, digests: vec![digest] });
            }
        }
    }
    Ok(subjects)
}

/// Reads a list whose name does not say the algorithm: by the lines' own word, else by the length of the digests.
pub(crate) fn parse_any(bytes: &[u8]) -> Result<Vec<Subject>, String> {
    let lines = || bytes.split(|b| *b == b'\n').filter(|l| !l.trim_ascii().is_empty() && !l.starts_with(b"#"));
    let digits = |line: &[u8]| line.strip_prefix(b"\\").unwrap_or(line).iter().take_while(|b| b.is_ascii_hexdigit()).count();
    let long = lines().next().is_some_and(|line| digits(line) == Algorithm::Sha512.size() * 2);
    parse(bytes, if long { Algorithm::Sha512 } else { Algorithm::Sha256 })
}

/// `digest  name`, `digest *name`; with `\` in front, `\\`, `\n` and `\r` in the name stand for those characters. BSD's `sha256 -r` puts
/// one space; as in coreutils the first line decides for the whole list, since a name may begin with a space.
fn plain(line: &[u8], algorithm: Algorithm, spaces: &mut Option<usize>) -> Option<(Untrusted, String)> {
    let (escaped, body) = line.strip_prefix(b"\\").map_or((false, line), |rest| (true, rest));
    let (hex, rest) = body.split_at_checked(algorithm.size() * 2)?;
    let hex = std::str::from_utf8(hex).ok().filter(|h| h.bytes().all(|b| b.is_ascii_hexdigit()))?.to_owned();
    let two = rest.strip_prefix(b"  ").or_else(|| rest.strip_prefix(b" *")).filter(|_| *spaces != Some(1));
    let (name, found) = match two {
        Some(name) => (name, 2),
        None => (rest.strip_prefix(b" ").filter(|_| *spaces != Some(2))?, 1),
    };
    *spaces = Some(found);
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

/// `SHA256 (name) = digest`, of whichever algorithm; with `\` in front the name is escaped as in the other form.
fn tagged(line: &[u8]) -> Option<(Untrusted, String, Algorithm)> {
    let (escaped, body) = line.strip_prefix(b"\\").map_or((false, line), |rest| (true, rest));
    let open = body.windows(2).position(|w| w == b" (")?;
    let (word, rest) = (body.get(..open)?, body.get(open + 2..)?);
    let algorithm =
        Algorithm::from_name(&std::str::from_utf8(word).ok().filter(|w| w.bytes().all(|b| !b.is_ascii_lowercase()))?.to_ascii_lowercase())?;
    let end = rest.windows(4).rposition(|w| w == b") = ")?;
    let (name, tail) = rest.split_at_checked(end)?;
    let hex = std::str::from_utf8(tail.get(4..)?).ok()?.to_owned();
    if name.is_empty() {
        return None;
    }
    let name = if escaped { unescape(name)? } else { name.to_vec() };
    Some((name.into(), hex, algorithm))
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
            ("Fedora-39-CHECKSUM", Some(Algorithm::Sha256)),
            ("SHA256", Some(Algorithm::Sha256)),
            ("notes.txt", None),
            ("sha256.c", None),
        ] {
            assert_eq!(algorithm_of(name), algorithm, "{name}");
        }
    }

    #[test]
    fn a_line_that_is_none_is_an_error_not_skipped() {
        let text = format!("{SHA}  a\nhello\n");
        assert!(parse(text.as_bytes(), Algorithm::Sha256).unwrap_err().starts_with("line 2: neither"));
        assert!(parse(format!("{}  a\n", SHA.replace('2', "g")).as_bytes(), Algorithm::Sha256).unwrap_err().starts_with("line 1: neither"));
        assert!(
            parse(format!("SHA256 (a) = {}\n", SHA.replace('2', "g")).as_bytes(), Algorithm::Sha256)
                .unwrap_err()
                .contains("not hexadecimal")
        );
        assert!(parse(format!("SHA256 (a) = {SHA}0\n").as_bytes(), Algorithm::Sha256).is_err());
        assert!(parse(format!("{SHA}\n").as_bytes(), Algorithm::Sha256).is_err(), "no name");
        assert!(parse(format!("SHA256 () = {SHA}\n").as_bytes(), Algorithm::Sha256).is_err(), "an empty name");
        assert!(parse(format!("\\{SHA}  a\\x\n").as_bytes(), Algorithm::Sha256).is_err(), "no such escape");
    }

    #[test]
    fn one_space_or_two_is_decided_by_the_first_line() {
        let names = |text: String| {
            parse(text.as_bytes(), Algorithm::Sha256).map(|s| s.into_iter().map(|s| s.name.lossy().into_owned()).collect::<Vec<_>>())
        };
        assert_eq!(names(format!("{SHA} a\n{SHA}  b\n")).unwrap(), ["a", " b"], "a name that begins with a space");
        assert!(names(format!("{SHA}  a\n{SHA} b\n")).unwrap_err().starts_with("line 2"));
        assert_eq!(names(format!("{SHA}   a\n")).unwrap(), [" a"]);
    }

    #[test]
    fn lines_that_say_their_algorithm_are_joined_by_name() {
        let long = SHA.repeat(2);
        let text =
            format!("SHA256 (a) = {SHA}\nSHA512 (a) = {long}\n\\SHA256 (b\\nc) = {SHA}\nSHA256 (a) = {SHA}\nMD5 (d) = {}\n", &SHA[..32]);
        let read: Vec<_> =
            parse_any(text.as_bytes()).unwrap().into_iter().map(|s| (s.name.lossy().into_owned(), s.digests.len())).collect();
        assert_eq!(read, [("a".into(), 2), ("b\nc".into(), 1), ("a".into(), 1), ("d".into(), 1)]);
        assert_eq!(parse_any(format!("{long}  x\n").as_bytes()).unwrap()[0].digests[0].algorithm, Algorithm::Sha512);
        assert!(parse_any(format!("sha256 (a) = {SHA}\n").as_bytes()).is_err());
    }
}
