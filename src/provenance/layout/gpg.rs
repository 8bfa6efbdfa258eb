//! Signatures of links and layouts by GnuPG, as securesystemslib writes them: the hashed part of an OpenPGP signature (version 4,
//! RFC 4880 section 5.2.3) as `other_headers`, and the number that is the signature itself.

use crate::digest::unhex;
use crate::json::Json;

use super::super::{Hash, PublicKey};

/// Subkeys that one key may have.
const MAX_SUBKEYS: usize = 64;

/// A key of GnuPG in a layout, with its subkeys.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct GpgKey {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq)]
struct Part {
    id: String,
    key: PublicKey,
    /// When it ends, in seconds since the epoch.
    ends: Option<i64>,
}

impl GpgKey {
    /// Reads a key as a layout has it; `None` when it is none, or of a kind that is not checked (DSA).
    pub(super) fn read(value: &Json) -> Option<Self> {
        let mut parts = vec![part(value)?];
        let subkeys = value.get("subkeys").and_then(Json::as_object).into_iter().flatten();
        parts.extend(subkeys.take(MAX_SUBKEYS).filter_map(|(_, sub)| part(sub)));
        Some(Self { parts })
    }

    /// Whether `signature` with its `headers` is of this key, or of a subkey, over `signed`, and the key has not ended at `now`.
    pub(super) fn verify(&self, signed: &[u8], keyid: &str, headers: &[u8], signature: &[u8], now: i64) -> bool {
        let Some((hash, message)) = hashed(signed, headers) else { return false };
        self.parts.iter().filter(|p| p.id.eq_ignore_ascii_case(keyid) && p.ends.is_none_or(|end| now < end)).any(|p| match &p.key {
            // OpenPGP leaves out the zeros in front of a number.
            PublicKey::Rsa(_) => {
                let size = p.key.size();
                let mut padded = vec![0; size.saturating_sub(signature.len())];
                padded.extend_from_slice(signature);
                p.key.verify_pkcs1(hash, &message, &padded)
            }
            PublicKey::Ed25519(point) => super::super::verify_ed25519(point, &hash.of(&message), signature),
            _ => false,
        })
    }
}

fn part(value: &Json) -> Option<Part> {
    let public = value.at(&["keyval", "public"])?;
    let hex = |name: &str| {
        let text = public.get(name)?.as_str()?;
        // A number may have an odd count of digits.
        if text.len() % 2 == 1 { unhex(&format!("0{text}")) } else { unhex(text) }
    };
    let key = match value.get("type").and_then(Json::as_str)? {
        "rsa" => PublicKey::from_rsa_numbers(&hex("n")?, &hex("e")?).ok()?,
        "eddsa" => PublicKey::Ed25519(hex("q")?.try_into().ok()?),
        _ => return None,
    };
    let number = |name: &str| value.get(name).and_then(Json::as_integer).and_then(|n| i64::try_from(n).ok());
    let ends = number("validity_period").filter(|p| *p > 0).and_then(|period| number("creation_time")?.checked_add(period));
    Some(Part { id: value.get("keyid").and_then(Json::as_str)?.to_owned(), key, ends })
}

/// What is hashed (RFC 4880 section 5.2.4): the document, the headers, and a trailer with their length.
fn hashed(signed: &[u8], headers: &[u8]) -> Option<(Hash, Vec<u8>)> {
    let [4, 0, _, hash, high, low, subpackets @ ..] = headers else { return None };
    if subpackets.len() != usize::from(*high) << 8 | usize::from(*low) {
        return None;
    }
    let hash = match hash {
        8 => Hash::Sha256,
        9 => Hash::Sha384,
        10 => Hash::Sha512,
        _ => return None,
    };
    let length = u32::try_from(headers.len()).ok()?.to_be_bytes();
    Some((hash, [signed, headers, &[4, 0xff], &length].concat()))
}

/// The same as a packet of OpenPGP, to be checked with a keyring: nothing unhashed, the first two bytes of the digest, the number.
pub(super) fn packet(signed: &[u8], headers: &[u8], signature: &[u8]) -> Option<Vec<u8>> {
    let (hash, message) = hashed(signed, headers)?;
    let digest = hash.of(&message);
    let mut body = headers.to_vec();
    body.extend_from_slice(&[0, 0]);
    body.extend_from_slice(digest.get(..2)?);
    let mut number = |raw: &[u8]| {
        let start = raw.iter().position(|b| *b != 0).unwrap_or(raw.len());
        let raw = raw.get(start..).unwrap_or_default();
        let bits = raw.first().map_or(0, |b| raw.len() * 8 - usize::try_from(b.leading_zeros()).unwrap_or(0));
        body.extend_from_slice(&u16::try_from(bits).unwrap_or(u16::MAX).to_be_bytes());
        body.extend_from_slice(raw);
    };
    // EdDSA has two numbers, RSA one.
    if headers.get(2) == Some(&22) {
        let (r, s) = signature.split_at_checked(32)?;
        number(r);
        number(s);
    } else {
        number(signature);
    }
    let length = u16::try_from(body.len()).ok()?.to_be_bytes();
    Some([&[0x89], &length[..], &body].concat())
}
