//! SSHSIG: signatures of `ssh-keygen -Y sign` (PROTOCOL.sshsig of OpenSSH).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::Digest as _;

use super::key::{Key, TokenMark};
use super::wire::{Reader, put_string};

const MAGIC: &[u8] = b"SSHSIG";
const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----";
const END: &str = "-----END SSH SIGNATURE-----";
/// Size that a signature file may have, in bytes.
const MAX_SIZE: usize = 64 << 10;

/// A signature with the key that claims to have made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshSig {
    /// The key inside the signature: whose it is says only `allowed_signers`.
    pub key: Key,
    /// What it was made for.
    pub namespace: String,
    reserved: Vec<u8>,
    hash: String,
    scheme: String,
    signature: Vec<u8>,
    token: Option<TokenMark>,
}

/// Why a signature is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SshSigError {
    /// The bytes are no SSHSIG.
    #[error("not an SSH signature: {0}")]
    Malformed(String),
    /// It was made for something else.
    #[error("made for the namespace {found}, not {wanted}")]
    Namespace {
        /// The signature's namespace, through the guard.
        found: String,
        /// The namespace that counts here.
        wanted: String,
    },
    /// Made with another key than the one it is checked with.
    #[error("made with the key {0}")]
    OtherKey(String),
    /// A key or hash that is not checked here.
    #[error("{0} is not checked by this version")]
    Unsupported(String),
    /// It does not match.
    #[error("the signature does not match the bytes")]
    Bad,
}

fn malformed(what: &str) -> SshSigError {
    SshSigError::Malformed(what.to_owned())
}

/// Reads the armored or the binary form.
///
/// # Errors
/// [`SshSigError::Malformed`] with what is wrong.
pub fn parse(bytes: &[u8]) -> Result<SshSig, SshSigError> {
    parse_binary(&binary(bytes)?)
}

/// The binary form of an armored or a binary one.
///
/// # Errors
/// [`SshSigError::Malformed`] when it is neither.
pub fn binary(bytes: &[u8]) -> Result<Vec<u8>, SshSigError> {
    if bytes.len() > MAX_SIZE {
        return Err(SshSigError::Malformed(format!("{} bytes, over the bound of {MAX_SIZE}", bytes.len())));
    }
    if bytes.starts_with(MAGIC) {
        return Ok(bytes.to_vec());
    }
    let text = std::str::from_utf8(bytes).map_err(|_| malformed("neither armored nor binary"))?.trim();
    let body = text.strip_prefix(BEGIN).ok_or_else(|| malformed("it does not start with -----BEGIN SSH SIGNATURE-----"))?;
    let body = body.strip_suffix(END).ok_or_else(|| malformed("it does not end with -----END SSH SIGNATURE-----"))?;
    let joined: String = body.split_ascii_whitespace().collect();
    STANDARD.decode(joined).map_err(|_| malformed("the armor is not base64"))
}

fn parse_binary(bytes: &[u8]) -> Result<SshSig, SshSigError> {
    let short = || malformed("cut short");
    let text = |bytes: &[u8], what: &str| String::from_utf8(bytes.to_vec()).map_err(|_| malformed(what));
    let mut reader = Reader::new(bytes);
    if reader.bytes(MAGIC.len()) != Some(MAGIC) {
        return Err(malformed("it does not start with SSHSIG"));
    }
    let version = reader.number().ok_or_else(short)?;
    if version != 1 {
        return Err(SshSigError::Malformed(format!("version {version}, where 1 is known")));
    }
    let key = Key::from_blob(reader.string().ok_or_else(short)?).map_err(SshSigError::Malformed)?;
    let namespace = text(reader.string().ok_or_else(short)?, "the namespace is not UTF-8")?;
    if namespace.is_empty() {
        return Err(malformed("the namespace is empty"));
    }
    let reserved = reader.string().ok_or_else(short)?.to_vec();
    let hash = text(reader.string().ok_or_else(short)?, "the hash is not UTF-8")?;
    let mut inner = Reader::new(reader.string().ok_or_else(short)?);
    if !reader.is_empty() {
        return Err(malformed("bytes after its end"));
    }
    let scheme = text(inner.string().ok_or_else(short)?, "the scheme is not UTF-8")?;
    let signature = inner.string().ok_or_else(short)?.to_vec();
    let token = if scheme.starts_with("sk-") {
        Some(TokenMark { flags: inner.byte().ok_or_else(short)?, counter: inner.number().ok_or_else(short)? })
    } else {
        None
    };
    if !inner.is_empty() {
        return Err(malformed("bytes after the signature"));
    }
    Ok(SshSig { key, namespace, reserved, hash, scheme, signature, token })
}

/// Whether `signature` was made over `message`, for `namespace`, with `key`.
///
/// # Errors
/// With the first reason why not: another namespace, another key, a type that is not checked, or no match.
pub fn verify(signature: &SshSig, message: &[u8], namespace: &str, key: &Key) -> Result<(), SshSigError> {
    if signature.namespace != namespace {
        let found = crate::text::Shown::new(&signature.namespace).cut(80).to_string();
        return Err(SshSigError::Namespace { found, wanted: namespace.to_owned() });
    }
    if signature.key != *key {
        return Err(SshSigError::OtherKey(signature.key.fingerprint().to_owned()));
    }
    if !key.is_checked() {
        return Err(SshSigError::Unsupported(format!("a signature of a key of type {}", key.kind())));
    }
    let signed = signed_bytes(signature, message)?;
    // The scheme is fixed by the key, never chosen by the signature.
    let good = key.signs_with(&signature.scheme)
        && match signature.token {
            // Bit 0 says that a person touched the token; ssh-keygen asks for it too unless the key says otherwise.
            Some(mark) => mark.flags & 1 == 1 && key.verify_token(&signed, &signature.signature, mark),
            None => key.verify_ssh(&signature.scheme, &signed, &signature.signature),
        };
    if good { Ok(()) } else { Err(SshSigError::Bad) }
}

/// What a key signs for an SSHSIG over `message` in `namespace`, with SHA-512 (PROTOCOL.sshsig, section 4).
#[must_use]
pub fn to_sign(namespace: &str, message: &[u8]) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    for part in [namespace.as_bytes(), b"", b"sha512", &sha2::Sha512::digest(message)] {
        put_string(&mut out, part);
    }
    out
}

/// The binary form of an SSHSIG: `signature` is what the key gave for [`to_sign`], in SSH's form (type, bytes, and what a
/// security key adds).
#[must_use]
pub fn wrap(key: &Key, namespace: &str, signature: &[u8]) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    out.extend_from_slice(&1_u32.to_be_bytes());
    for part in [key.blob(), namespace.as_bytes(), b"", b"sha512", signature] {
        put_string(&mut out, part);
    }
    out
}

fn signed_bytes(signature: &SshSig, message: &[u8]) -> Result<Vec<u8>, SshSigError> {
    let digest = match signature.hash.as_str() {
        "sha256" => sha2::Sha256::digest(message).to_vec(),
        "sha512" => sha2::Sha512::digest(message).to_vec(),
        other => return Err(SshSigError::Unsupported(format!("the hash {}", crate::text::Shown::new(other).cut(40)))),
    };
    let mut out = MAGIC.to_vec();
    put_string(&mut out, signature.namespace.as_bytes());
    put_string(&mut out, &signature.reserved);
    put_string(&mut out, signature.hash.as_bytes());
    put_string(&mut out, &digest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An SSHSIG made here, so that each of its parts can be wrong.
    pub(crate) fn make(seed: u8, namespace: &str, message: &[u8]) -> (Key, Vec<u8>) {
        use ed25519_dalek::Signer as _;
        let secret = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]);
        let mut blob = Vec::new();
        put_string(&mut blob, b"ssh-ed25519");
        put_string(&mut blob, secret.verifying_key().as_bytes());
        let key = Key::from_blob(&blob).unwrap();
        let mut inner = Vec::new();
        put_string(&mut inner, b"ssh-ed25519");
        put_string(&mut inner, &secret.sign(&to_sign(namespace, message)).to_bytes());
        let out = wrap(&key, namespace, &inner);
        (key, out)
    }

    #[test]
    fn each_wrong_part_has_its_own_reason() {
        let (key, bytes) = make(1, "file", b"message");
        let signature = parse(&bytes).unwrap();
        assert_eq!(verify(&signature, b"message", "file", &key), Ok(()));
        assert_eq!(verify(&signature, b"massage", "file", &key), Err(SshSigError::Bad));
        assert_eq!(verify(&signature, b"message", "git", &key).unwrap_err().to_string(), "made for the namespace file, not git");
        let (other, _) = make(2, "file", b"message");
        assert_eq!(verify(&signature, b"message", "file", &other), Err(SshSigError::OtherKey(key.fingerprint().to_owned())));
        for cut in 0..bytes.len() {
            assert!(parse(&bytes[..cut]).is_err(), "cut at {cut}");
        }
        let armored = format!("{BEGIN}\n{}\n{END}\n", STANDARD.encode(&bytes));
        assert_eq!(parse(armored.as_bytes()).unwrap(), signature);
        assert!(parse(b"-----BEGIN PGP SIGNATURE-----").unwrap_err().to_string().contains("does not start with"));
    }

    #[test]
    fn a_changed_namespace_inside_the_signature_does_not_verify() {
        let (key, mut bytes) = make(1, "file", b"message");
        let at = bytes.windows(4).position(|w| w == b"file").unwrap();
        bytes[at..at + 4].copy_from_slice(b"gile");
        assert_eq!(verify(&parse(&bytes).unwrap(), b"message", "gile", &key), Err(SshSigError::Bad));
    }
}
