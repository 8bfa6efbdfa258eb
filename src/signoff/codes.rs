//! A record as the text of QR codes: gzip (RFC 1952), then base64 (RFC 4648), in one code where it fits, else split.
//!
//! One code holds nothing else, so that `zbarimg`, `base64` and `gunzip` read it. Of several each starts with
//! `NUMBER/COUNT ID `, where ID is the first 8 hexadecimal digits of the record's SHA-256: they can be scanned in any order.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::digest::Sha256;
use crate::text::Shown;

/// Characters that one code can hold (version 40, level L, bytes; ISO/IEC 18004 table 7).
pub const MAX_CODE: usize = 2953;
/// Characters of one of several codes: still read from paper and from a screen (version 29, level L).
pub const PART: usize = 1600;
/// Codes that a record may be split over.
pub const MAX_PARTS: usize = 99;
/// The largest record, in bytes.
const MAX_RECORD: u64 = 4 << 20;
/// What gzip starts with, as base64.
const GZIP: &str = "H4sI";

/// Why texts of codes are no record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodesError {
    /// Neither form.
    #[error("neither a record nor the text of its QR codes: {0}")]
    Neither(String),
    /// Codes of more than one record.
    #[error("these are codes of several records ({0}): give those of one")]
    Mixed(String),
    /// Some are missing.
    #[error("of {count} codes these are missing: {missing}")]
    Missing {
        /// How many there are.
        count: usize,
        /// The numbers of those that are missing.
        missing: String,
    },
    /// What they give is not what was split.
    #[error("the codes do not give the record that they were made from: {0}")]
    Damaged(String),
    /// Too large to be printed as codes.
    #[error("the record needs more than {MAX_PARTS} codes: carry it as a file")]
    TooLarge,
}

/// The texts of the codes of a record: one where it fits in `most` characters, else parts of `part` characters.
///
/// # Errors
/// [`CodesError::TooLarge`].
pub fn encode(record: &[u8], most: usize, part: usize) -> Result<Vec<String>, CodesError> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    // Writing to memory does not fail.
    let packed = gzip.write_all(record).and_then(|()| gzip.finish()).map_err(|e| CodesError::Damaged(e.to_string()))?;
    let text = STANDARD.encode(packed);
    if text.len() <= most.min(MAX_CODE) {
        return Ok(vec![text]);
    }
    let room = part.clamp(64, MAX_CODE) - "99/99 01234567 ".len();
    let count = text.len().div_ceil(room);
    if count > MAX_PARTS {
        return Err(CodesError::TooLarge);
    }
    let id = Sha256::of(record).short(8);
    // Of equal size, so that all look alike on paper.
    let each = text.len().div_ceil(count);
    let parts = text.as_bytes().chunks(each).zip(1..);
    Ok(parts.map(|(chunk, n)| format!("{n}/{count} {id} {}", String::from_utf8_lossy(chunk))).collect())
}

/// The record of codes that were scanned: one a line, in any order, each as often as it was scanned; `QR-Code:` in front of
/// one, as `zbarimg` writes it, does not count.
///
/// # Errors
/// With what is missing, or why they are none.
pub fn decode(text: &str) -> Result<Vec<u8>, CodesError> {
    let lines = text.lines().map(|l| l.trim().trim_start_matches("QR-Code:")).filter(|l| !l.is_empty());
    let mut parts: BTreeMap<usize, &str> = BTreeMap::new();
    let mut kinds = BTreeSet::new();
    let mut plain = String::new();
    for line in lines {
        match part(line) {
            Some((n, count, id, body)) => {
                kinds.insert((id, count));
                if parts.insert(n, body).is_some_and(|other| other != body) {
                    return Err(CodesError::Damaged(format!("code {n} is there twice, and not the same")));
                }
            }
            None => plain.push_str(line),
        }
    }
    let Some((id, count)) = kinds.first().copied() else {
        if plain.starts_with(GZIP) {
            return unpack(&plain);
        }
        return Err(CodesError::Neither(format!("it starts with {}", Shown::new(&plain).cut(20))));
    };
    if kinds.len() > 1 || plain.starts_with(GZIP) {
        let ids: Vec<String> = kinds.iter().map(|(id, count)| format!("{id} of {count}")).collect();
        return Err(CodesError::Mixed(ids.join(", ")));
    }
    if !plain.is_empty() {
        return Err(CodesError::Damaged(format!("a line that is no code: {}", Shown::new(&plain).cut(20))));
    }
    let missing: Vec<String> = (1..=count).filter(|n| !parts.contains_key(n)).map(|n| n.to_string()).collect();
    if !missing.is_empty() {
        return Err(CodesError::Missing { count, missing: missing.join(", ") });
    }
    let record = unpack(&parts.into_values().collect::<String>())?;
    if Sha256::of(&record).short(8) != id {
        return Err(CodesError::Damaged(format!("it has the id {}, not {id}", Sha256::of(&record).short(8))));
    }
    Ok(record)
}

/// `NUMBER/COUNT ID BODY`.
fn part(line: &str) -> Option<(usize, usize, &str, &str)> {
    let mut words = line.splitn(3, ' ');
    let (n, count) = words.next()?.split_once('/')?;
    let (n, count): (usize, usize) = (n.parse().ok()?, count.parse().ok()?);
    let id = words.next().filter(|id| id.len() == 8 && id.bytes().all(|b| b.is_ascii_hexdigit()))?;
    (n >= 1 && n <= count && count <= MAX_PARTS).then_some((n, count, id, words.next()?))
}

fn unpack(text: &str) -> Result<Vec<u8>, CodesError> {
    let packed = STANDARD.decode(text).map_err(|e| CodesError::Damaged(format!("not base64: {e}")))?;
    let mut out = Vec::new();
    let mut gzip = flate2::read::GzDecoder::new(packed.as_slice()).take(MAX_RECORD + 1);
    gzip.read_to_end(&mut out).map_err(|e| CodesError::Damaged(format!("not gzip: {e}")))?;
    if out.len() as u64 > MAX_RECORD {
        return Err(CodesError::Damaged(format!("it unpacks to more than {MAX_RECORD} bytes")));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(size: usize) -> Vec<u8> {
        // Like base64: gzip does not make it small.
        let mut state = 7_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            b'!' + u8::try_from(state >> 26).unwrap()
        };
        (0..size).map(|_| next()).collect()
    }

    #[test]
    fn one_code_or_several_in_any_order_give_the_record_back() {
        let small = record(500);
        let one = encode(&small, MAX_CODE, PART).unwrap();
        assert_eq!(one.len(), 1);
        assert_eq!(decode(&one[0]).unwrap(), small);
        let large = record(9000);
        let mut all = encode(&large, MAX_CODE, PART).unwrap();
        assert!(all.len() > 3 && all.iter().all(|t| t.len() <= PART), "{}", all.len());
        all.reverse();
        all.push(all[1].clone());
        assert_eq!(decode(&all.iter().map(|l| format!("QR-Code:{l}\r\n")).collect::<String>()).unwrap(), large);
        let count = all.len() - 1;
        let said = decode(&[&all[0][..], &all[2][..]].join("\n")).unwrap_err().to_string();
        assert!(said.starts_with(&format!("of {count} codes these are missing: 1")), "{said}");
        let other = encode(&record(9001), MAX_CODE, PART).unwrap();
        assert!(matches!(decode(&[&all[0][..], &other[0][..]].join("\n")), Err(CodesError::Mixed(_))));
        let changed = all.join("\n").replacen("AA", "AB", 1);
        assert!(matches!(decode(&changed), Err(CodesError::Damaged(_))), "the copy of a code differs, or the whole");
        assert!(matches!(decode("hello"), Err(CodesError::Neither(_))));
        assert!(matches!(decode(""), Err(CodesError::Neither(_))));
        assert_eq!(encode(&record(400_000), MAX_CODE, PART), Err(CodesError::TooLarge));
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(&vec![0; 8 << 20]).unwrap();
        let text = STANDARD.encode(gzip.finish().unwrap());
        assert!(decode(&text).unwrap_err().to_string().contains("unpacks to more than"));
    }
}
