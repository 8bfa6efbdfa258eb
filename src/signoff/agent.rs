//! The ssh-agent protocol (draft-ietf-sshm-ssh-agent): bytes only; the socket is the caller's.
//!
//! A message is a length (4 bytes, big-endian), then that many bytes. What is made here is a whole message; what is read here
//! is what follows the length.

use crate::provenance::{Key, wire};
use crate::text::Untrusted;

const FAILURE: u8 = 5;
const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;

/// Bytes that an answer of the agent may have, the same bound as OpenSSH's.
pub const MAX_MESSAGE: usize = 256 << 10;
/// Keys that an agent may offer, the same bound as OpenSSH's.
const MAX_IDENTITIES: u32 = 2048;

/// Why an answer of the agent is of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AgentError {
    /// The agent said no: locked, key gone, or its owner declined.
    #[error("the agent refused (it may be locked, or the request was not confirmed)")]
    Refused,
    /// Not what the protocol says.
    #[error("the agent's answer cannot be read: {0}")]
    Malformed(&'static str),
    /// A signature of another type than Ed25519.
    #[error("the agent signed with {0}, not with ssh-ed25519")]
    NotEd25519(String),
}

/// A key that the agent offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The key.
    pub key: Key,
    /// Its comment.
    pub comment: Untrusted,
}

impl Identity {
    /// The key as `ssh_key` has it, when it is a plain Ed25519 key; others cannot sign records.
    #[must_use]
    pub fn public_key(&self) -> Option<ssh_key::PublicKey> {
        self.key.ed25519()?;
        ssh_key::PublicKey::from_bytes(self.key.blob()).ok()
    }
}

fn message(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + 4);
    wire::put_string(&mut out, body);
    out
}

/// The length of an answer, from its first 4 bytes.
///
/// # Errors
/// When it is nothing or more than [`MAX_MESSAGE`].
pub fn answer_length(head: [u8; 4]) -> Result<usize, AgentError> {
    match usize::try_from(u32::from_be_bytes(head)) {
        Ok(0) => Err(AgentError::Malformed("it is empty")),
        Ok(length) if length <= MAX_MESSAGE => Ok(length),
        _ => Err(AgentError::Malformed("it is over the bound of 256 KiB")),
    }
}

/// Asks for the keys.
#[must_use]
pub fn request_identities() -> Vec<u8> {
    message(&[REQUEST_IDENTITIES])
}

/// The keys of the answer. Keys that cannot be read are left out: they could not sign here anyway.
///
/// # Errors
/// When the agent refused or the answer is malformed.
pub fn parse_identities(answer: &[u8]) -> Result<Vec<Identity>, AgentError> {
    let mut reader = opened(answer, IDENTITIES_ANSWER)?;
    let short = AgentError::Malformed("the list of keys is cut short");
    let count = reader.number().ok_or_else(|| short.clone())?;
    if count > MAX_IDENTITIES {
        return Err(AgentError::Malformed("more than 2,048 keys"));
    }
    let mut out = Vec::new();
    for _ in 0..count {
        let (blob, comment) = reader.string().zip(reader.string()).ok_or_else(|| short.clone())?;
        if let Ok(key) = Key::from_blob(blob) {
            out.push(Identity { key, comment: comment.into() });
        }
    }
    if reader.is_empty() { Ok(out) } else { Err(AgentError::Malformed("bytes after the list of keys")) }
}

/// Asks for a signature by the key with that wire form over `data`.
#[must_use]
pub fn sign_request(key: &[u8], data: &[u8]) -> Vec<u8> {
    let mut body = vec![SIGN_REQUEST];
    wire::put_string(&mut body, key);
    wire::put_string(&mut body, data);
    body.extend_from_slice(&0_u32.to_be_bytes());
    message(&body)
}

/// The raw Ed25519 signature of the answer. The caller checks it before it is used.
///
/// # Errors
/// When the agent refused, signed with another type, or the answer is malformed.
pub fn parse_signature(answer: &[u8]) -> Result<[u8; 64], AgentError> {
    let mut reader = opened(answer, SIGN_RESPONSE)?;
    let short = AgentError::Malformed("the signature is cut short");
    let mut inner = wire::Reader::new(reader.string().ok_or_else(|| short.clone())?);
    let kind = inner.string().ok_or_else(|| short.clone())?;
    if kind != b"ssh-ed25519" {
        return Err(AgentError::NotEd25519(crate::text::Shown::of_bytes(kind).cut(60).to_string()));
    }
    let signature = inner.string().and_then(|s| s.try_into().ok()).ok_or(short)?;
    if inner.is_empty() && reader.is_empty() { Ok(signature) } else { Err(AgentError::Malformed("bytes after the signature")) }
}

fn opened(answer: &[u8], wanted: u8) -> Result<wire::Reader<'_>, AgentError> {
    let mut reader = wire::Reader::new(answer);
    match reader.byte() {
        Some(kind) if kind == wanted => Ok(reader),
        Some(FAILURE) => Err(AgentError::Refused),
        Some(_) => Err(AgentError::Malformed("it answers another question")),
        None => Err(AgentError::Malformed("it is empty")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
        let mut out = vec![kind];
        for part in parts {
            wire::put_string(&mut out, part);
        }
        out
    }

    #[test]
    fn requests_have_the_bytes_of_the_draft() {
        assert_eq!(request_identities(), [0, 0, 0, 1, 11]);
        assert_eq!(sign_request(b"k", b"dd"), [0, 0, 0, 16, 13, 0, 0, 0, 1, b'k', 0, 0, 0, 2, b'd', b'd', 0, 0, 0, 0]);
    }

    #[test]
    fn answers_are_read_strictly() {
        let key = Key::from_line("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMnVBzfjuoXA+MaJbo+dohH+S64GUUwcUn4lWGVF1AFU").unwrap();
        let mut list = vec![12, 0, 0, 0, 2];
        for part in [key.blob(), b"alice", b"\0\0\0\x07ssh-rsa....", b"rsa"] {
            wire::put_string(&mut list, part);
        }
        let found = parse_identities(&list).unwrap();
        assert_eq!(found[0].comment, "alice".into());
        assert_eq!(super::super::fingerprint(&found[0].public_key().unwrap()), key.fingerprint());
        assert_eq!(found[1].public_key(), None);
        for cut in 0..list.len() {
            assert!(parse_identities(&list[..cut]).is_err(), "cut at {cut}");
        }
        assert_eq!(parse_identities(&[5]), Err(AgentError::Refused));
        assert!(parse_identities(&[12, 0xff, 0xff, 0xff, 0xff]).is_err());

        let inner = answer(0, &[b"ssh-ed25519", &[9; 64]])[1..].to_vec();
        assert_eq!(parse_signature(&answer(14, &[&inner])), Ok([9; 64]));
        let inner = answer(0, &[b"rsa-sha2-512", &[9; 64]])[1..].to_vec();
        assert_eq!(parse_signature(&answer(14, &[&inner])), Err(AgentError::NotEd25519("rsa-sha2-512".to_owned())));
        assert_eq!(parse_signature(&[5]), Err(AgentError::Refused));
        assert!(answer_length([0, 4, 0, 1]).is_err());
        assert_eq!(answer_length([0, 0, 1, 0]), Ok(256));
    }
}
