//! The ssh-agent protocol (draft-ietf-sshm-ssh-agent): bytes only; the socket is the caller's.
//!
//! A message is a length (4 bytes, big-endian), then that many bytes. What is made here is a whole message; what is read here
//! is what follows the length.

use crate::provenance::{Key, RECORD_NAMESPACE, sshsig, wire};
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
    /// A signature of another type than the key's.
    #[error("the agent signed with {found}, where the key is {wanted}")]
    OtherScheme {
        /// What it signed with.
        found: String,
        /// The type of the key.
        wanted: String,
    },
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
    /// The key as `ssh_key` has it, when it is of a type that signs records: Ed25519, ECDSA P-256, or one of a security key.
    #[must_use]
    pub fn public_key(&self) -> Option<ssh_key::PublicKey> {
        Form::of(&self.key)?;
        ssh_key::PublicKey::from_bytes(self.key.blob()).ok()
    }
}

/// What a key's signature looks like in an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// As it comes.
    Ed25519,
    /// Two numbers, as DER.
    Ecdsa,
    /// Within an SSHSIG: a security key signs no message as it is.
    Token,
}

impl Form {
    fn of(key: &Key) -> Option<Self> {
        match key.kind().as_str() {
            "ssh-ed25519" => Some(Self::Ed25519),
            "ecdsa-sha2-nistp256" => Some(Self::Ecdsa),
            "sk-ssh-ed25519@openssh.com" | "sk-ecdsa-sha2-nistp256@openssh.com" => Some(Self::Token),
            _ => None,
        }
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

/// Asks for a signature by that key over `data`: over what an SSHSIG of records signs, when it is a security key.
#[must_use]
pub fn sign_request(key: &Key, data: &[u8]) -> Vec<u8> {
    let mut body = vec![SIGN_REQUEST];
    wire::put_string(&mut body, key.blob());
    match Form::of(key) {
        Some(Form::Token) => wire::put_string(&mut body, &sshsig::to_sign(RECORD_NAMESPACE, data)),
        _ => wire::put_string(&mut body, data),
    }
    body.extend_from_slice(&0_u32.to_be_bytes());
    message(&body)
}

/// The signature of the answer, as an envelope has it: Ed25519 raw, ECDSA as DER, of a security key as SSHSIG. The caller
/// checks it before it is used.
///
/// # Errors
/// When the agent refused, signed with another type than the key's, or the answer is malformed.
pub fn parse_signature(answer: &[u8], key: &Key) -> Result<Vec<u8>, AgentError> {
    let mut reader = opened(answer, SIGN_RESPONSE)?;
    let short = AgentError::Malformed("the signature is cut short");
    let blob = reader.string().ok_or_else(|| short.clone())?;
    if !reader.is_empty() {
        return Err(AgentError::Malformed("bytes after the signature"));
    }
    let mut inner = wire::Reader::new(blob);
    let kind = inner.string().ok_or_else(|| short.clone())?;
    let form = Form::of(key).filter(|_| key.kind().as_bytes() == kind);
    let Some(form) = form else {
        return Err(AgentError::OtherScheme { found: crate::text::Shown::of_bytes(kind).cut(60).to_string(), wanted: key.kind() });
    };
    let bytes = inner.string().ok_or_else(|| short.clone())?;
    match form {
        Form::Token => Ok(sshsig::wrap(key, RECORD_NAMESPACE, blob)),
        _ if !inner.is_empty() => Err(AgentError::Malformed("bytes after the signature")),
        Form::Ed25519 if bytes.len() != 64 => Err(short),
        Form::Ed25519 => Ok(bytes.to_vec()),
        Form::Ecdsa => {
            let mut numbers = wire::Reader::new(bytes);
            let (r, s) = numbers.string().zip(numbers.string()).ok_or(short)?;
            ecdsa_der(r, s).ok_or(AgentError::Malformed("a signature whose numbers are none"))
        }
    }
}

/// The two numbers of a P-256 signature (SSH's mpint: big-endian, a zero in front when the first bit is set) as DER.
fn ecdsa_der(r: &[u8], s: &[u8]) -> Option<Vec<u8>> {
    let fixed = |number: &[u8]| -> Option<[u8; 32]> {
        let number = number.strip_prefix(&[0]).unwrap_or(number);
        let mut out = [0; 32];
        out.get_mut(32usize.checked_sub(number.len())?..)?.copy_from_slice(number);
        Some(out)
    };
    let signature = p256::ecdsa::Signature::from_scalars(fixed(r)?, fixed(s)?).ok()?;
    Some(signature.to_der().as_bytes().to_vec())
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
        let mut blob = Vec::new();
        wire::put_string(&mut blob, b"k");
        let request = sign_request(&Key::from_blob(&blob).unwrap(), b"dd");
        assert_eq!(request, [0, 0, 0, 20, 13, 0, 0, 0, 5, 0, 0, 0, 1, b'k', 0, 0, 0, 2, b'd', b'd', 0, 0, 0, 0]);
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
        assert_eq!(parse_signature(&answer(14, &[&inner]), &key), Ok(vec![9; 64]));
        let inner = answer(0, &[b"ssh-ed25519", &[9; 63]])[1..].to_vec();
        assert!(parse_signature(&answer(14, &[&inner]), &key).is_err());
        let inner = answer(0, &[b"rsa-sha2-512", &[9; 64]])[1..].to_vec();
        let other = AgentError::OtherScheme { found: "rsa-sha2-512".to_owned(), wanted: "ssh-ed25519".to_owned() };
        assert_eq!(parse_signature(&answer(14, &[&inner]), &key), Err(other));
        assert_eq!(parse_signature(&[5], &key), Err(AgentError::Refused));
        assert!(answer_length([0, 4, 0, 1]).is_err());
        assert_eq!(answer_length([0, 0, 1, 0]), Ok(256));
    }

    #[test]
    fn numbers_of_ecdsa_become_der() {
        use p256::ecdsa::signature::Signer as _;
        let secret = p256::ecdsa::SigningKey::from_slice(&[3; 32]).unwrap();
        for message in 0..40_u8 {
            let signature: p256::ecdsa::Signature = secret.sign(&[message]);
            let bytes = signature.to_bytes();
            let number = |half: &[u8]| {
                let start = half.iter().position(|b| *b != 0).unwrap_or(31);
                let mut out = if half[start] >= 0x80 { vec![0] } else { Vec::new() };
                out.extend_from_slice(&half[start..]);
                out
            };
            assert_eq!(ecdsa_der(&number(&bytes[..32]), &number(&bytes[32..])).unwrap(), signature.to_der().as_bytes());
        }
        assert_eq!(ecdsa_der(&[], &[1]), None, "nought is no number of a signature");
        assert_eq!(ecdsa_der(&[1; 34], &[1]), None);
    }
}
