//! A record as the text of QR codes: gzip (RFC 1952), then base45 (RFC 9285), in one code where it fits, else split.
//!
//! A code holds half as much again of the characters of base45 as of others. What is packed is the envelope with its payload as
//! text in place of base64, which gzip could not make small. One code holds nothing else, so that `zbarimg`, a line of Python,
//! `gunzip` and `jq` read it. Of several each starts with `NUMBER/COUNT ID `, where ID is the first 8 hexadecimal digits of the
//! record's SHA-256: they can be scanned in any order. What was made before, the envelope as it is in base64, is still read.

mod base45;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::digest::Sha256;
use crate::text::Shown;

/// Characters that one code can hold (version 40, level L, alphanumeric; ISO/IEC 18004 table 7).
pub const MAX_CODE: usize = 4296;
/// Characters of one of several codes: still read from paper and from a screen (version 29, level L).
pub const PART: usize = 2369;
/// Codes that a record may be split over.
pub const MAX_PARTS: usize = 99;
/// The largest record, in bytes.
const MAX_RECORD: u64 = 4 << 20;
/// What gzip starts with, as base64 and as base45.
const GZIP: [&str; 2] = ["H4sI", "K:3"];

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
    let slim = slim(record).filter(|slim| full(slim.clone()) == record);
    let packed =
        gzip.write_all(slim.as_deref().unwrap_or(record)).and_then(|()| gzip.finish()).map_err(|e| CodesError::Damaged(e.to_string()))?;
    let text = base45::encode(&packed);
    if text.len() <= most.min(MAX_CODE) {
        return Ok(vec![text]);
    }
    let room = part.clamp(64, MAX_CODE) - "99/99 01234567 ".len();
    // Cut behind the third of three characters, which is never a blank: none is at the end of a line.
    let count = text.len().div_ceil(room / 3 * 3);
    if count > MAX_PARTS {
        return Err(CodesError::TooLarge);
    }
    let id = Sha256::of(record).short(8).to_uppercase();
    // Of equal size, so that all look alike on paper.
    let each = text.len().div_ceil(count).div_ceil(3) * 3;
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
    let begins = |text: &str| GZIP.iter().any(|start| text.starts_with(start));
    let mut parts: BTreeMap<usize, &str> = BTreeMap::new();
    let mut kinds = BTreeSet::new();
    let mut plain = String::new();
    for line in lines {
        match part(line) {
            Some((n, count, id, body)) => {
                kinds.insert((id.to_lowercase(), count));
                if parts.insert(n, body).is_some_and(|other| other != body) {
                    return Err(CodesError::Damaged(format!("code {n} is there twice, and not the same")));
                }
            }
            None => plain.push_str(line),
        }
    }
    let Some((id, count)) = kinds.first().cloned() else {
        if begins(&plain) {
            return unpack(&plain);
        }
        return Err(CodesError::Neither(format!("it starts with {}", Shown::new(&plain).cut(20))));
    };
    if kinds.len() > 1 || begins(&plain) {
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
    let packed = if text.starts_with(GZIP[0]) {
        STANDARD.decode(text).map_err(|e| CodesError::Damaged(format!("not base64: {e}")))?
    } else {
        base45::decode(text).map_err(|at| CodesError::Damaged(format!("not base45 at character {at}")))?
    };
    let mut out = Vec::new();
    let mut gzip = flate2::read::GzDecoder::new(packed.as_slice()).take(MAX_RECORD + 1);
    gzip.read_to_end(&mut out).map_err(|e| CodesError::Damaged(format!("not gzip: {e}")))?;
    if out.len() as u64 > MAX_RECORD {
        return Err(CodesError::Damaged(format!("it unpacks to more than {MAX_RECORD} bytes")));
    }
    Ok(full(out))
}

/// The envelope with its payload as text; `None` when it has none or is no envelope.
fn slim(record: &[u8]) -> Option<Vec<u8>> {
    let mut envelope: Value = serde_json::from_slice(record).ok()?;
    let payload = envelope.get_mut("payload")?;
    let text = String::from_utf8(STANDARD.decode(payload.as_str()?).ok()?).ok().filter(|t| t.starts_with('{'))?;
    *payload = text.into();
    serde_json::to_vec(&envelope).ok()
}

/// The envelope with its payload as base64 again, as [`slim`] took it: base64 never starts with `{`. Others stay as they are.
fn full(bytes: Vec<u8>) -> Vec<u8> {
    let Some(mut envelope) = serde_json::from_slice::<Value>(&bytes).ok() else { return bytes };
    let Some(payload) = envelope.get_mut("payload") else { return bytes };
    let Some(text) = payload.as_str().filter(|t| t.starts_with('{')) else { return bytes };
    *payload = STANDARD.encode(text).into();
    serde_json::to_vec(&envelope).map_or(bytes, |mut record| {
        record.push(b'\n');
        record
    })
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
        let last = all[0].pop().unwrap();
        all[0].push(if last == '0' { '1' } else { '0' });
        assert!(matches!(decode(&all.join("\n")), Err(CodesError::Damaged(_))), "a character of one");
        assert!(matches!(decode("hello"), Err(CodesError::Neither(_))));
        assert!(matches!(decode(""), Err(CodesError::Neither(_))));
        assert_eq!(encode(&record(400_000), MAX_CODE, PART), Err(CodesError::TooLarge));
    }

    #[test]
    fn an_envelope_is_packed_with_its_payload_as_text_and_comes_back_byte_for_byte() {
        let payload = format!("{{\"a\":\"{}\"}}", (0..300).map(|n| format!("word {} ", n * 7919 % 1000)).collect::<String>());
        let envelope = |payload: &str, end: &str| {
            let payload = STANDARD.encode(payload);
            format!("{{\"payload\":\"{payload}\",\"payloadType\":\"x\",\"signatures\":[{{\"keyid\":\"k\",\"sig\":\"AAAA\"}}]}}{end}")
                .into_bytes()
        };
        let small = encode(&envelope(&payload, "\n"), MAX_CODE, PART).unwrap();
        let as_it_is = encode(&envelope(&payload, "  \n"), MAX_CODE, PART).unwrap();
        assert!(small[0].len() * 10 < as_it_is[0].len() * 9, "{} {}", small[0].len(), as_it_is[0].len());
        for record in [envelope(&payload, "\n"), envelope(&payload, "  \n"), envelope("not an object", "\n"), b"{}".to_vec()] {
            for most in [MAX_CODE, 100] {
                let codes = encode(&record, most, most).unwrap();
                assert!(codes.iter().all(|c| c.trim() == c && c.bytes().all(|b| base45::ALPHABET.contains(&b))));
                assert_eq!(decode(&codes.join("\n")).unwrap(), record);
            }
        }
    }

    #[test]
    fn the_form_of_before_is_still_read() {
        let record = b"{\"payload\":\"e30=\",\"payloadType\":\"x\",\"signatures\":[]}".repeat(3);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(&record).unwrap();
        let text = STANDARD.encode(gzip.finish().unwrap());
        assert_eq!(decode(&text).unwrap(), record);
        let id = Sha256::of(&record).short(8);
        let (one, two) = text.split_at(30);
        assert_eq!(decode(&format!("2/2 {id} {two}\n1/2 {id} {one}\n")).unwrap(), record);
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(&vec![0; 8 << 20]).unwrap();
        let text = STANDARD.encode(gzip.finish().unwrap());
        assert!(decode(&text).unwrap_err().to_string().contains("unpacks to more than"));
    }
}
