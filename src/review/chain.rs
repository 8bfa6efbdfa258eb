//! The chain of a journal: each line holds the hash of the one before it.
//!
//! A line is `{"n":N,"prev":"HASH","body":{…},"hash":"HASH"}`; its hash is the SHA-256 of the line without the hash member,
//! `{"n":N,"prev":"HASH","body":{…}}`. The exact bytes count, so the text is cut, never parsed and written again.

use crate::digest::Sha256;

/// What the first line names as the line before it.
pub const START: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The body (JSON) and the hash of line `n` (from 1), when it is whole and follows the line with the hash `prev`.
///
/// # Errors
/// In words: it was changed, it does not follow, or it is no line of a journal.
pub fn follow<'a>(line: &'a str, n: u64, prev: &str) -> Result<(&'a str, &'a str), String> {
    let (core, tail) = line.rsplit_once(",\"hash\":\"").ok_or("not a line of a journal")?;
    let hash = tail.strip_suffix("\"}").ok_or("not a line of a journal")?;
    if Sha256::of(format!("{core}}}").as_bytes()).to_string() != hash {
        return Err("its hash is not the hash of its content: it was changed".to_owned());
    }
    let start = format!("{{\"n\":{n},\"prev\":\"{prev}\",\"body\":");
    let body = core.strip_prefix(&start).ok_or("it does not follow the line before it: a line was removed, added or moved")?;
    Ok((body, hash))
}

/// The hash of the last line, when each follows the one before it.
///
/// # Errors
/// The number of the first line that does not, and why.
pub fn head<'a>(lines: impl IntoIterator<Item = &'a str>) -> Result<String, (u64, String)> {
    let mut head = START.to_owned();
    for (n, line) in (1..).zip(lines) {
        head = follow(line, n, &head).map_err(|why| (n, why))?.1.to_owned();
    }
    Ok(head)
}
