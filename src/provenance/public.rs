//! Public keys as certificates and `openssl` write them (SubjectPublicKeyInfo, RFC 5280 section 4.1.2.7), and signatures by
//! them: Ed25519 (RFC 8032), ECDSA over P-256 and P-384 (FIPS 186-5), RSA (RFC 8017).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use p256::pkcs8::DecodePublicKey as _;
use rsa::traits::PublicKeyParts as _;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::key::verify_ed25519;
use super::wire::Reader;

/// What stands before the 32 bytes of an Ed25519 key (RFC 8410 section 4).
const ED25519: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// What stands before the point of a key of ECDSA over P-256 and P-384 (RFC 5480 section 2).
const P256: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01,
    0x07, 0x03, 0x42, 0x00,
];
const P384: [u8; 23] = [
    0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22, 0x03, 0x62,
    0x00,
];
/// Bits of the smallest RSA key that counts.
const MIN_RSA: usize = 2048;
/// The largest key that is read, in bytes.
const MAX_KEY: usize = 16 << 10;

/// A digest that a signature is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Hash {
    pub(crate) fn of(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(message).to_vec(),
            Self::Sha384 => Sha384::digest(message).to_vec(),
            Self::Sha512 => Sha512::digest(message).to_vec(),
        }
    }
}

/// A public key that signatures are verified with.
#[derive(Clone, Debug, PartialEq)]
pub enum PublicKey {
    /// Ed25519: the point.
    Ed25519([u8; 32]),
    /// ECDSA over P-256.
    P256(p256::ecdsa::VerifyingKey),
    /// ECDSA over P-384.
    P384(p384::ecdsa::VerifyingKey),
    /// RSA of 2048 bits at least.
    Rsa(rsa::PublicKey),
}

impl PublicKey {
    /// Reads a PEM file (`BEGIN PUBLIC KEY`) or the DER of it.
    ///
    /// # Errors
    /// With what is wrong, in words.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() > MAX_KEY {
            return Err(format!("the key has {} bytes, over the bound of {MAX_KEY}", bytes.len()));
        }
        if bytes.first() == Some(&0x30) {
            return Self::from_der(bytes);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| "it is neither PEM nor DER".to_owned())?;
        let (_, rest) = text.split_once("-----BEGIN PUBLIC KEY-----").ok_or("there is no \"BEGIN PUBLIC KEY\" in it")?;
        let (body, _) = rest.split_once("-----END PUBLIC KEY-----").ok_or("there is no \"END PUBLIC KEY\" in it")?;
        let body: String = body.split_ascii_whitespace().collect();
        Self::from_der(&STANDARD.decode(body).map_err(|e| format!("it is not base64: {e}"))?)
    }

    fn from_der(der: &[u8]) -> Result<Self, String> {
        if let Some(point) = der.strip_prefix(&ED25519[..]) {
            let point = point.try_into().map_err(|_| format!("an Ed25519 key of {} bytes where 32 are right", point.len()))?;
            return Ok(Self::Ed25519(point));
        }
        if let Ok(key) = p256::ecdsa::VerifyingKey::from_public_key_der(der) {
            return Ok(Self::P256(key));
        }
        if let Ok(key) = p384::ecdsa::VerifyingKey::from_public_key_der(der) {
            return Ok(Self::P384(key));
        }
        let key = rsa::PublicKey::from_public_key_der(der)
            .map_err(|_| "it is no key of Ed25519, ECDSA over P-256 or P-384, or RSA".to_owned())?;
        Self::rsa(key)
    }

    fn rsa(key: rsa::PublicKey) -> Result<Self, String> {
        let bits = key.size() * 8;
        if bits < MIN_RSA { Err(format!("an RSA key of {bits} bits, where {MIN_RSA} are the least")) } else { Ok(Self::Rsa(key)) }
    }

    /// An RSA key of its two numbers, big-endian.
    pub(crate) fn from_rsa_numbers(n: &[u8], e: &[u8]) -> Result<Self, String> {
        let number = |bytes: &[u8]| rsa::BoxedUint::from_be_slice_vartime(bytes);
        if n.len() > MAX_KEY || e.len() > MAX_KEY {
            return Err(format!("the key has {} bytes, over the bound of {MAX_KEY}", n.len()));
        }
        Self::rsa(rsa::PublicKey::new(number(n), number(e)).map_err(|e| format!("an RSA key that is none: {e}"))?)
    }

    /// Bytes of a signature by an RSA key; 0 for other kinds.
    pub(crate) fn size(&self) -> usize {
        if let Self::Rsa(key) = self { key.size() } else { 0 }
    }

    /// Reads the fields behind the type of an OpenSSH key (RFC 4253 section 6.6, RFC 5656 section 3.1).
    pub(crate) fn from_ssh(kind: &str, reader: &mut Reader<'_>) -> Result<Self, String> {
        let cut = || "the key is cut short".to_owned();
        if kind == "ssh-rsa" {
            let (e, n) = (reader.string().ok_or_else(cut)?, reader.string().ok_or_else(cut)?);
            return Self::from_rsa_numbers(n, e);
        }
        let curve = reader.string().ok_or_else(cut)?;
        let point = reader.string().ok_or_else(cut)?;
        let wrong = |_| "the point of the key is not on its curve".to_owned();
        match curve {
            b"nistp256" => p256::ecdsa::VerifyingKey::from_sec1_bytes(point).map(Self::P256).map_err(wrong),
            b"nistp384" => p384::ecdsa::VerifyingKey::from_sec1_bytes(point).map(Self::P384).map_err(wrong),
            other => Err(format!("the curve {} is not checked here", crate::text::Untrusted::from(other).shown().cut(40))),
        }
    }

    /// As certificates have it (DER of a SubjectPublicKeyInfo).
    #[must_use]
    pub fn to_der(&self) -> Option<Vec<u8>> {
        Some(match self {
            Self::Ed25519(point) => [&ED25519[..], point].concat(),
            Self::P256(key) => [&P256[..], key.to_sec1_point(false).as_bytes()].concat(),
            Self::P384(key) => [&P384[..], key.to_sec1_point(false).as_bytes()].concat(),
            Self::Rsa(key) => rsa::pkcs8::EncodePublicKey::to_public_key_der(key).ok()?.into_vec(),
        })
    }

    /// What it is, in words.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Ed25519(_) => "Ed25519",
            Self::P256(_) => "ECDSA P-256",
            Self::P384(_) => "ECDSA P-384",
            Self::Rsa(_) => "RSA",
        }
    }

    /// Whether `signature` over `message` is of this key, as DSSE envelopes have them: ECDSA with the digest of the curve's
    /// size as DER or as r‖s, RSA with SHA-256 as PSS or PKCS #1 v1.5.
    #[must_use]
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Ed25519(point) => verify_ed25519(point, message, signature),
            Self::P256(_) => self.verify_ecdsa(Hash::Sha256, message, signature),
            Self::P384(_) => self.verify_ecdsa(Hash::Sha384, message, signature),
            Self::Rsa(_) => self.verify_pss(Hash::Sha256, None, message, signature) || self.verify_pkcs1(Hash::Sha256, message, signature),
        }
    }

    /// ECDSA over a digest, as DER or as r‖s.
    #[must_use]
    pub fn verify_ecdsa(&self, hash: Hash, message: &[u8], signature: &[u8]) -> bool {
        self.verify_der(hash, message, signature) || self.verify_fixed(hash, message, signature)
    }

    /// ECDSA with the signature as DER (RFC 3279 section 2.2.3), strictly.
    #[must_use]
    pub fn verify_der(&self, hash: Hash, message: &[u8], signature: &[u8]) -> bool {
        let digest = hash.of(message);
        match self {
            Self::P256(key) => p256::ecdsa::Signature::from_der(signature).is_ok_and(|s| key.verify_prehash(&digest, &s).is_ok()),
            Self::P384(key) => p384::ecdsa::Signature::from_der(signature).is_ok_and(|s| key.verify_prehash(&digest, &s).is_ok()),
            _ => false,
        }
    }

    /// ECDSA with the signature as r‖s (IEEE P1363), each of the curve's size.
    #[must_use]
    pub fn verify_fixed(&self, hash: Hash, message: &[u8], signature: &[u8]) -> bool {
        let digest = hash.of(message);
        match self {
            Self::P256(key) => p256::ecdsa::Signature::from_slice(signature).is_ok_and(|s| key.verify_prehash(&digest, &s).is_ok()),
            Self::P384(key) => p384::ecdsa::Signature::from_slice(signature).is_ok_and(|s| key.verify_prehash(&digest, &s).is_ok()),
            _ => false,
        }
    }

    /// RSASSA-PKCS1-v1_5.
    #[must_use]
    pub fn verify_pkcs1(&self, hash: Hash, message: &[u8], signature: &[u8]) -> bool {
        use rsa::pkcs1v15::{Signature, VerifyingKey};
        let (Self::Rsa(key), Ok(signature), digest) = (self, Signature::try_from(signature), hash.of(message)) else { return false };
        let key = key.clone();
        match hash {
            Hash::Sha256 => VerifyingKey::<Sha256>::new(key).verify_prehash(&digest, &signature).is_ok(),
            Hash::Sha384 => VerifyingKey::<Sha384>::new(key).verify_prehash(&digest, &signature).is_ok(),
            Hash::Sha512 => VerifyingKey::<Sha512>::new(key).verify_prehash(&digest, &signature).is_ok(),
        }
    }

    /// RSASSA-PSS with a mask of the same digest, and a salt of that length in bytes, or of any.
    #[must_use]
    pub fn verify_pss(&self, hash: Hash, salt: Option<usize>, message: &[u8], signature: &[u8]) -> bool {
        use rsa::pss::{Signature, VerifyingKey};
        fn check<D>(key: rsa::PublicKey, salt: Option<usize>, digest: &[u8], signature: &Signature) -> bool
        where
            D: sha2::Digest + sha2::digest::FixedOutputReset,
        {
            let key = match salt {
                Some(length) => VerifyingKey::<D>::new_with_salt_len(key, length),
                None => VerifyingKey::<D>::new_with_auto_salt_len(key),
            };
            key.verify_prehash(digest, signature).is_ok()
        }
        let (Self::Rsa(key), Ok(signature), digest) = (self, Signature::try_from(signature), hash.of(message)) else { return false };
        match hash {
            Hash::Sha256 => check::<Sha256>(key.clone(), salt, &digest, &signature),
            Hash::Sha384 => check::<Sha384>(key.clone(), salt, &digest, &signature),
            Hash::Sha512 => check::<Sha512>(key.clone(), salt, &digest, &signature),
        }
    }

    /// The signature of an SSHSIG: ECDSA as two numbers (RFC 5656 section 3.1.2), RSA as it is (RFC 8332).
    pub(crate) fn verify_ssh(&self, scheme: &str, message: &[u8], signature: &[u8]) -> bool {
        match (self, scheme) {
            (Self::Rsa(_), "rsa-sha2-256") => self.verify_pkcs1(Hash::Sha256, message, signature),
            (Self::Rsa(_), "rsa-sha2-512") => self.verify_pkcs1(Hash::Sha512, message, signature),
            (Self::P256(_), "ecdsa-sha2-nistp256" | "sk-ecdsa-sha2-nistp256@openssh.com") => {
                numbers(signature, 32).is_some_and(|s| self.verify_fixed(Hash::Sha256, message, &s))
            }
            (Self::P384(_), "ecdsa-sha2-nistp384") => numbers(signature, 48).is_some_and(|s| self.verify_fixed(Hash::Sha384, message, &s)),
            _ => false,
        }
    }
}

/// Two numbers as SSH writes them, as r‖s of that size each.
fn numbers(signature: &[u8], size: usize) -> Option<Vec<u8>> {
    let mut reader = Reader::new(signature);
    let mut out = Vec::with_capacity(2 * size);
    for _ in 0..2 {
        let number = reader.string()?;
        let number = match number {
            [0, rest @ ..] if rest.first().is_some_and(|b| *b >= 0x80) => rest,
            [first, ..] if *first != 0 && *first < 0x80 => number,
            _ => return None,
        };
        out.resize(out.len() + size.checked_sub(number.len())?, 0);
        out.extend_from_slice(number);
    }
    reader.is_empty().then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const P256_PEM: &str = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE2G2Y+2tabdTV5BcGiBIx0a9fAFwr\nkBbmLSGtks4L3qX6yYY0zufBnhC8Ur/iy55GhWP/9A/bY2LhC30M9+RYtw==\n-----END PUBLIC KEY-----\n";

    #[test]
    fn keys_are_read_and_what_is_none_is_named() {
        let key = PublicKey::parse(P256_PEM.as_bytes()).unwrap();
        assert_eq!(key.kind(), "ECDSA P-256");
        assert!(PublicKey::parse(b"nonsense").unwrap_err().contains("BEGIN PUBLIC KEY"));
        assert!(PublicKey::parse(&[0x30, 3, 1, 1, 1]).unwrap_err().contains("no key of"));
        assert!(PublicKey::parse(&[b'x'; MAX_KEY + 1]).unwrap_err().contains("over the bound"));
        let ed = [&ED25519[..], &[7; 32]].concat();
        assert_eq!(PublicKey::parse(&ed), Ok(PublicKey::Ed25519([7; 32])));
        assert!(PublicKey::parse(&ed[..40]).unwrap_err().contains("28 bytes"));
        assert!(!key.verify(b"message", &[1; 64]));
    }

    #[test]
    fn numbers_of_ssh_have_one_form_only() {
        let of = |r: &[u8], s: &[u8]| {
            let mut wire = Vec::new();
            super::super::wire::put_string(&mut wire, r);
            super::super::wire::put_string(&mut wire, s);
            numbers(&wire, 4)
        };
        assert_eq!(of(&[1], &[0, 0x80]), Some(vec![0, 0, 0, 1, 0, 0, 0, 0x80]));
        assert_eq!(of(&[0, 1], &[1]), None, "a zero too much");
        assert_eq!(of(&[0x80], &[1]), None, "a negative number");
        assert_eq!(of(&[1, 2, 3, 4, 5], &[1]), None, "too long");
        assert_eq!(of(&[], &[1]), None);
    }
}
