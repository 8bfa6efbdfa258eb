//! OpenPGP signatures (RFC 9580) by keys of the reviewer's keyring: detached, and clear-signed as Debian's `.dsc` and `.changes`.
//!
//! A signature says itself when it was made, and nothing else does. So a key that has expired since cannot vouch for it, and
//! a key that is revoked, or was not yet made or already expired at that time, refuses it.

use pgp::composed::{CleartextSignedMessage, Deserializable as _, DetachedSignature, SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{Signature, SignatureType};
use pgp::types::KeyDetails as _;

use crate::text::Shown;

/// Bytes of one keyring or signature file that are read at most.
const MAX_FILE: usize = 64 << 20;
/// Keys of a keyring that are used at most.
const MAX_KEYS: usize = 4096;
/// Signatures of one file that are checked at most.
const MAX_SIGNATURES: usize = super::dsse::MAX_SIGNATURES;

/// The keys that the reviewer trusts.
#[derive(Clone, Debug, Default)]
pub struct Keyring(Vec<SignedPublicKey>);

/// Who signed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signer {
    /// The first user id, through the guard.
    pub user: String,
    /// Fingerprint of the primary key, hexadecimal.
    pub fingerprint: String,
}

/// What came of one signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Good, by a key that was valid then and is now.
    Good(Signer),
    /// Good, and it cannot be told whether the key counts: why.
    Limited(Signer, String),
    /// Good, by a key that does not count: why.
    Refused(Signer, String),
    /// Not good: why.
    Bad(String),
    /// Not checked: why.
    Unknown(String),
}

impl Keyring {
    /// Reads a keyring: armored or binary, one key or many.
    ///
    /// # Errors
    /// With what is wrong, in words.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let wrong = |e: &dyn std::fmt::Display| format!("the keyring cannot be read: {}", Shown::new(&e.to_string()).cut(200));
        if bytes.len() > MAX_FILE {
            return Err(wrong(&format!("over the bound of {MAX_FILE} bytes")));
        }
        let mut keys = Vec::new();
        if bytes.trim_ascii_start().starts_with(b"-----BEGIN") {
            // One block after the other, as `cat` joins them.
            let text = std::str::from_utf8(bytes).map_err(|e| wrong(&e))?;
            for block in text.split_inclusive("-----END PGP PUBLIC KEY BLOCK-----").filter(|b| b.contains("-----BEGIN")) {
                let (found, _) = SignedPublicKey::from_string_many(block.trim_start()).map_err(|e| wrong(&e))?;
                keys.extend(found.take(MAX_KEYS).collect::<Result<Vec<_>, _>>().map_err(|e| wrong(&e))?);
            }
        } else {
            let found = SignedPublicKey::from_bytes_many(bytes).map_err(|e| wrong(&e))?;
            keys.extend(found.take(MAX_KEYS).collect::<Result<Vec<_>, _>>().map_err(|e| wrong(&e))?);
        }
        keys.truncate(MAX_KEYS);
        if keys.is_empty() { Err(wrong(&"there is no public key in it")) } else { Ok(Self(keys)) }
    }

    /// Checks detached signatures over a message. `now` is in seconds since the epoch.
    #[must_use]
    pub fn detached(&self, signature: &[u8], message: &[u8], now: i64) -> Vec<Verdict> {
        match read_signatures(signature) {
            Ok(all) => all.iter().map(|s| self.check(&s.signature, message, now)).collect(),
            Err(why) => vec![Verdict::Unknown(why)],
        }
    }

    /// Checks a clear-signed document, and gives the text that was signed: nothing around it counts.
    ///
    /// # Errors
    /// When it is no such document, in words.
    pub fn cleartext(&self, document: &[u8], now: i64) -> Result<(String, Vec<Verdict>), String> {
        let text = std::str::from_utf8(document).map_err(|_| "it is not UTF-8".to_owned())?;
        let start = text.find("-----BEGIN PGP SIGNED MESSAGE-----").ok_or("it is not clear-signed")?;
        let (message, _) = CleartextSignedMessage::from_string(text.get(start..).unwrap_or_default())
            .map_err(|e| format!("it is not well formed: {}", Shown::new(&e.to_string()).cut(200)))?;
        let signed = message.signed_text();
        let verdicts = message.signatures().iter().take(MAX_SIGNATURES).map(|s| self.check(s, signed.as_bytes(), now)).collect();
        Ok((signed.replace("\r\n", "\n"), verdicts))
    }

    fn check(&self, signature: &Signature, message: &[u8], now: i64) -> Verdict {
        if !matches!(signature.typ(), Some(SignatureType::Binary | SignatureType::Text)) {
            return Verdict::Bad("it is not a signature on a document".to_owned());
        }
        let strong = matches!(
            signature.hash_alg(),
            Some(HashAlgorithm::Sha256 | HashAlgorithm::Sha384 | HashAlgorithm::Sha512 | HashAlgorithm::Sha3_256 | HashAlgorithm::Sha3_512)
        );
        if !strong {
            let name = signature.hash_alg().map_or_else(|| "unknown".to_owned(), |h| format!("{h:?}"));
            return Verdict::Bad(format!("it is made with the digest {name}, which does not count"));
        }
        let ids: Vec<String> = signature.issuer_key_id().iter().map(|id| id.to_string()).collect();
        let prints: Vec<String> = signature.issuer_fingerprint().iter().map(|f| f.to_string()).collect();
        let named = |key: &dyn pgp::types::KeyDetails| {
            ids.contains(&key.legacy_key_id().to_string()) || prints.contains(&key.fingerprint().to_string())
        };
        let mut bad = None;
        for cert in &self.0 {
            if named(&cert.primary_key) {
                match signature.verify(&cert.primary_key, message) {
                    Ok(()) => return judge(cert, None, signature, now),
                    Err(e) => bad = Some(e.to_string()),
                }
            }
            for subkey in cert.public_subkeys.iter().filter(|s| named(&s.key)) {
                match signature.verify(&subkey.key, message) {
                    Ok(()) => return judge(cert, Some(subkey), signature, now),
                    Err(e) => bad = Some(e.to_string()),
                }
            }
        }
        match bad {
            Some(why) => Verdict::Bad(format!("the signature does not match the bytes: {}", Shown::new(&why).cut(120))),
            None => {
                let id = prints.first().or(ids.first()).cloned().unwrap_or_else(|| "nobody".to_owned());
                Verdict::Unknown(format!("it names the key {id}, which is not in the reviewer's keyring"))
            }
        }
    }
}

fn read_signatures(bytes: &[u8]) -> Result<Vec<DetachedSignature>, String> {
    let wrong = |e: &dyn std::fmt::Display| format!("the signature cannot be read: {}", Shown::new(&e.to_string()).cut(200));
    if bytes.len() > MAX_FILE {
        return Err(wrong(&format!("over the bound of {MAX_FILE} bytes")));
    }
    let found: Result<Vec<_>, _> = if bytes.trim_ascii_start().starts_with(b"-----BEGIN") {
        let text = std::str::from_utf8(bytes).map_err(|e| wrong(&e))?;
        DetachedSignature::from_string_many(text).map_err(|e| wrong(&e))?.0.take(MAX_SIGNATURES + 1).collect()
    } else {
        DetachedSignature::from_bytes_many(bytes).map_err(|e| wrong(&e))?.take(MAX_SIGNATURES + 1).collect()
    };
    let found = found.map_err(|e| wrong(&e))?;
    match found.len() {
        0 => Err(wrong(&"there is no signature in it")),
        n if n > MAX_SIGNATURES => Err(wrong(&format!("more than {MAX_SIGNATURES} signatures"))),
        _ => Ok(found),
    }
}

/// The newest signature by which the key itself says what it is for and how long it holds.
fn newest<'a>(all: impl Iterator<Item = &'a Signature>) -> Option<&'a Signature> {
    all.max_by_key(|s| s.created().map(|t| t.as_secs()))
}

fn judge(cert: &SignedPublicKey, subkey: Option<&SignedPublicSubKey>, signature: &Signature, now: i64) -> Verdict {
    let primary = &cert.primary_key;
    let user = cert.details.users.first().map(|u| Shown::new(&String::from_utf8_lossy(u.id.id())).cut(80).to_string()).unwrap_or_default();
    let signer = Signer { user, fingerprint: primary.fingerprint().to_string() };
    let refused = |why: &str| Verdict::Refused(signer.clone(), why.to_owned());
    if cert.details.revocation_signatures.iter().any(|s| s.verify_key(primary).is_ok()) {
        return refused("its key is revoked");
    }
    let certified = cert
        .details
        .users
        .iter()
        .flat_map(|u| u.signatures.iter().filter(|s| s.verify_certification(primary, pgp::types::Tag::UserId, &u.id).is_ok()));
    let direct = cert.details.direct_signatures.iter().filter(|s| s.verify_key(primary).is_ok());
    let own = newest(certified.filter(|s| s.is_certification()).chain(direct));
    let Some(own) = own else { return refused("its key has no valid signature of itself") };
    let (created, ends) = (primary.created_at().as_secs(), own.key_expiration_time());
    let mut windows = vec![(created, ends)];
    match subkey {
        None if own.key_flags().sign() || !says_flags(own) => {}
        None => return refused("its key is not one for signing"),
        Some(subkey) => {
            let valid = |s: &&Signature| s.verify_subkey_binding(primary, &subkey.key).is_ok();
            if subkey.signatures.iter().filter(valid).any(|s| s.typ() == Some(SignatureType::SubkeyRevocation)) {
                return refused("its subkey is revoked");
            }
            let bound = newest(subkey.signatures.iter().filter(valid).filter(|s| s.typ() == Some(SignatureType::SubkeyBinding)));
            let back = |s: &Signature| s.embedded_signature().is_some_and(|b| b.verify_primary_key_binding(&subkey.key, primary).is_ok());
            let Some(bound) = bound.filter(|s| s.key_flags().sign() && back(s)) else {
                return refused("its subkey is not bound to the key for signing");
            };
            windows.push((subkey.key.created_at().as_secs(), bound.key_expiration_time()));
        }
    }
    let Some(made) = signature.created().map(|t| i64::from(t.as_secs())) else { return refused("it does not say when it was made") };
    if made > now {
        return refused("it says that it was made in the future: look at the clock of this machine");
    }
    let lasts = signature.signature_expiration_time().map(|d| i64::from(d.as_secs())).filter(|d| *d > 0);
    if lasts.is_some_and(|lasts| made + lasts <= now) {
        return refused("the signature has expired");
    }
    for (created, ends) in windows {
        let created = i64::from(created);
        let end = ends.map(|d| i64::from(d.as_secs())).filter(|d| *d > 0).map(|d| created + d);
        if made < created || end.is_some_and(|end| made >= end) {
            return refused("its key was not valid at the time that the signature states");
        }
        if end.is_some_and(|end| now >= end) {
            let why = "its key has expired since, and nothing authenticates that the signature is as old as it says";
            return Verdict::Limited(signer, why.to_owned());
        }
    }
    Verdict::Good(signer)
}

/// Whether a signature says at all what its key is for; old ones do not.
fn says_flags(signature: &Signature) -> bool {
    let flags = signature.key_flags();
    flags.sign() || flags.certify() || flags.encrypt_comms() || flags.encrypt_storage() || flags.authentication()
}
