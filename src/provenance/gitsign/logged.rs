//! The log entry that gitsign puts into a signature (`gitsign.rekorMode = offline`): an attribute that is not signed, with Rekor's
//! `TransparencyLogEntry` as protocol buffer and without its body, which follows from the signature. With it the signature is what a
//! Sigstore bundle has, and is verified as one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::digest::{Sha256, hex};
use crate::provenance::sigstore::{Artifact, Bundle, Refusal, Root, Verified, Wanted};

/// Hashes that an inclusion proof has at most: a tree of 2^63 leaves has that many levels.
const MAX_HASHES: usize = 64;

/// A signature with its log entry, as a Sigstore bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    bundle: Vec<u8>,
    digest: Sha256,
}

impl Logged {
    /// Puts it together: the entry, the certificate (DER), the signature, and the bytes that it is over.
    ///
    /// # Errors
    /// In words, when the entry cannot be read.
    pub fn new(entry: &[u8], certificate: &[u8], signature: &[u8], message: &[u8]) -> Result<Self, String> {
        let digest = Sha256::of(message);
        let mut entry = read(entry).ok_or("it is no entry of a transparency log")?;
        let body = body(digest, certificate, signature);
        entry.insert("canonicalizedBody".to_owned(), b64(body.as_bytes()));
        let bundle = json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": { "certificate": { "rawBytes": b64(certificate) }, "tlogEntries": [entry] },
            "messageSignature": { "messageDigest": { "algorithm": "SHA2_256", "digest": b64(&digest.0) }, "signature": b64(signature) },
        });
        Ok(Self { bundle: bundle.to_string().into_bytes(), digest })
    }

    /// Verifies it: certificate chain, log entry, signature. Who signed is not judged.
    ///
    /// # Errors
    /// With the class of the first thing that does not hold.
    pub fn verify(&self, root: &Root, now: i64) -> Result<Verified, Refusal> {
        Bundle::parse(&self.bundle)?.verify(&Artifact::Digest(self.digest.into()), &Wanted::Anyone, root, now)
    }
}

fn b64(bytes: &[u8]) -> Value {
    STANDARD.encode(bytes).into()
}

/// What Rekor has logged (hashedrekord 0.0.1, canonical JSON).
fn body(digest: Sha256, certificate: &[u8], signature: &[u8]) -> String {
    let encoded = STANDARD.encode(certificate);
    let lines: Vec<&str> = encoded.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"));
    format!(
        "{{\"apiVersion\":\"0.0.1\",\"kind\":\"hashedrekord\",\"spec\":{{\"data\":{{\"hash\":{{\"algorithm\":\"sha256\",\"value\":\"{}\"}}}},\
         \"signature\":{{\"content\":\"{}\",\"publicKey\":{{\"content\":\"{}\"}}}}}}}}",
        hex(&digest.0),
        STANDARD.encode(signature),
        STANDARD.encode(pem)
    )
}

/// A field of a message of protocol buffers.
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Field<'a> {
    fn bytes(&self) -> Option<&'a [u8]> {
        if let Self::Bytes(bytes) = self { Some(bytes) } else { None }
    }

    /// As JSON has numbers of 64 bits.
    fn number(&self) -> Option<Value> {
        if let Self::Number(number) = self { Some(i64::try_from(*number).ok()?.to_string().into()) } else { None }
    }
}

/// The fields of a message, by number; `None` when it is none. Of the wire types only numbers and bytes occur here.
fn fields(mut bytes: &[u8]) -> Option<Vec<(u64, Field<'_>)>> {
    let mut out = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes)?;
        let field = match key & 7 {
            0 => Field::Number(varint(&mut bytes)?),
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).ok()?;
                let (value, rest) = bytes.split_at_checked(length)?;
                bytes = rest;
                Field::Bytes(value)
            }
            _ => return None,
        };
        out.push((key >> 3, field));
    }
    Some(out)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f).checked_shl(shift)?;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// The one field of that number in a message.
fn inner(message: &[u8], number: u64) -> Option<&[u8]> {
    fields(message)?.into_iter().find(|(n, _)| *n == number)?.1.bytes()
}

/// `dev.sigstore.rekor.v1.TransparencyLogEntry` as its JSON form.
fn read(entry: &[u8]) -> Option<Map<String, Value>> {
    let text = |bytes: &[u8]| Some(Value::from(std::str::from_utf8(bytes).ok()?));
    let mut out = Map::new();
    for (number, field) in fields(entry)? {
        let (name, value) = match number {
            1 => ("logIndex", field.number()?),
            2 => ("logId", json!({ "keyId": b64(inner(field.bytes()?, 1)?) })),
            3 => {
                let kind = field.bytes()?;
                ("kindVersion", json!({ "kind": text(inner(kind, 1)?)?, "version": text(inner(kind, 2)?)? }))
            }
            4 => ("integratedTime", field.number()?),
            5 => ("inclusionPromise", json!({ "signedEntryTimestamp": b64(inner(field.bytes()?, 1)?) })),
            6 => ("inclusionProof", proof(field.bytes()?)?),
            // The body is what the signature says, never what stands here.
            _ => continue,
        };
        out.insert(name.to_owned(), value);
    }
    out.contains_key("kindVersion").then_some(out)
}

fn proof(message: &[u8]) -> Option<Value> {
    let (mut out, mut hashes) = (Map::new(), Vec::new());
    for (number, field) in fields(message)? {
        let (name, value) = match number {
            1 => ("logIndex", field.number()?),
            2 => ("rootHash", b64(field.bytes()?)),
            3 => ("treeSize", field.number()?),
            4 if hashes.len() >= MAX_HASHES => return None,
            4 => {
                hashes.push(b64(field.bytes()?));
                continue;
            }
            5 => ("checkpoint", json!({ "envelope": std::str::from_utf8(inner(field.bytes()?, 1)?).ok()? })),
            _ => continue,
        };
        out.insert(name.to_owned(), value);
    }
    out.insert("hashes".to_owned(), hashes.into());
    Some(out.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_message_is_refused() {
        assert_eq!(read(b""), None);
        assert_eq!(read(&[0x08]), None, "cut short");
        assert_eq!(read(&[0x12, 0x7f, 1]), None, "a length that lies");
        assert_eq!(read(&[0x0d, 0, 0, 0, 0]), None, "a wire type that does not occur");
        assert_eq!(varint(&mut &[0xff; 12][..]), None);
        assert_eq!(varint(&mut &[0xa8, 0x92, 0x01][..]), Some(18_728));
        let many: Vec<u8> = [0x22, 0].repeat(MAX_HASHES + 1);
        assert_eq!(proof(&many), None);
    }
}
