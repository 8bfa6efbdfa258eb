//! Public keys as OpenSSH writes them (RFC 4253 section 6.6, RFC 8709), their fingerprints, and Ed25519 (RFC 8032).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use rsa::traits::PublicKeyParts as _;
use sha2::Digest as _;

use super::public::PublicKey;
use super::wire::{Reader, put_string};

/// Size that one key blob may have, in bytes; the largest real ones (RSA 16,384) have about 2 KiB.
const MAX_BLOB: usize = 16 << 10;

/// A public key: its wire form, and the Ed25519 point when it is of a type that is verified here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    kind: String,
    blob: Vec<u8>,
    point: Option<[u8; 32]>,
    application: Option<Vec<u8>>,
    print: String,
}

/// What the point of a security key (`sk-…`) adds to what it signs: flags and counter (PROTOCOL.u2f of OpenSSH).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenMark {
    /// Bit 0: a person touched the token.
    pub flags: u8,
    /// The token's counter.
    pub counter: u32,
}

impl Key {
    /// Reads the wire form: a string with the type, then the type's own fields.
    ///
    /// # Errors
    /// With what is wrong, in words: no type, a field cut short, a point of another length than 32 bytes.
    pub fn from_blob(blob: &[u8]) -> Result<Self, String> {
        if blob.len() > MAX_BLOB {
            return Err(format!("the key has {} bytes, over the bound of {MAX_BLOB}", blob.len()));
        }
        let mut reader = Reader::new(blob);
        let kind = reader.string().and_then(|s| std::str::from_utf8(s).ok()).ok_or("the key has no type")?.to_owned();
        let mut key = Self { kind, blob: blob.to_vec(), point: None, application: None, print: fingerprint(blob) };
        let token = key.kind == "sk-ssh-ed25519@openssh.com";
        if key.kind == "ssh-ed25519" || token {
            let point = reader.string().ok_or("the key is cut short")?;
            key.point = Some(point.try_into().map_err(|_| format!("an Ed25519 key of {} bytes where 32 are right", point.len()))?);
            if token {
                key.application = Some(reader.string().ok_or("the key is cut short")?.to_vec());
            }
            if !reader.is_empty() {
                return Err("bytes after the end of the key".to_owned());
            }
        }
        if matches!(key.kind.as_str(), "sk-ecdsa-sha2-nistp256@openssh.com") {
            let (_curve, _point) = (reader.string(), reader.string());
            key.application = Some(reader.string().ok_or("the key is cut short")?.to_vec());
        }
        Ok(key)
    }

    /// Reads `type base64` (what follows in the line is a comment).
    ///
    /// # Errors
    /// With what is wrong, in words.
    pub fn from_line(text: &str) -> Result<Self, String> {
        let mut words = text.split_ascii_whitespace();
        let kind = words.next().ok_or("a key type should be here")?;
        let data = words.next().ok_or("the key itself is missing after its type")?;
        let blob = STANDARD.decode(data).or_else(|_| STANDARD_NO_PAD.decode(data)).map_err(|_| "the key is not base64".to_owned())?;
        let key = Self::from_blob(&blob)?;
        if key.kind != kind {
            return Err(format!(
                "the line says {} and the key itself says {}",
                crate::text::Shown::new(kind),
                crate::text::Shown::new(&key.kind)
            ));
        }
        Ok(key)
    }

    /// Reads a public key file: OpenSSH's line, or PEM (`BEGIN PUBLIC KEY`) of an Ed25519 or ECDSA P-256 key.
    ///
    /// # Errors
    /// With what is wrong, in words.
    pub fn from_file(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "neither a public key of OpenSSH nor PEM".to_owned())?.trim_start();
        if !text.starts_with("-----BEGIN PUBLIC KEY-----") {
            return Self::from_line(text);
        }
        match PublicKey::parse(bytes)? {
            key @ (PublicKey::Ed25519(_) | PublicKey::P256(_)) => Self::of(&key),
            other => Err(format!("{} keys cannot sign records", other.kind())),
        }
    }

    /// The same key as OpenSSH has it, whatever form it came in.
    ///
    /// # Errors
    /// When it is too large.
    pub fn of(key: &PublicKey) -> Result<Self, String> {
        let mut blob = Vec::new();
        let mut put = |parts: &[&[u8]]| parts.iter().for_each(|part| put_string(&mut blob, part));
        match key {
            PublicKey::Ed25519(point) => put(&[b"ssh-ed25519", point]),
            PublicKey::P256(key) => put(&[b"ecdsa-sha2-nistp256", b"nistp256", key.to_sec1_point(false).as_bytes()]),
            PublicKey::P384(key) => put(&[b"ecdsa-sha2-nistp384", b"nistp384", key.to_sec1_point(false).as_bytes()]),
            PublicKey::Rsa(key) => put(&[b"ssh-rsa", &number(&key.e_bytes()), &number(&key.n_bytes())]),
        }
        Self::from_blob(&blob)
    }

    /// The key as certificates have it (DER of a SubjectPublicKeyInfo); `None` for types not checked here and for security keys.
    #[must_use]
    pub fn to_der(&self) -> Option<Vec<u8>> {
        match self.ed25519() {
            Some(point) => PublicKey::Ed25519(*point).to_der(),
            None => self.public().filter(|_| self.signs_raw())?.to_der(),
        }
    }

    /// The type, such as `ssh-ed25519`, through the guard.
    #[must_use]
    pub fn kind(&self) -> String {
        crate::text::Shown::new(&self.kind).to_string()
    }

    /// The wire form.
    #[must_use]
    pub fn blob(&self) -> &[u8] {
        &self.blob
    }

    /// The 32 bytes of the point, for a plain Ed25519 key.
    #[must_use]
    pub fn ed25519(&self) -> Option<&[u8; 32]> {
        if self.application.is_some() { None } else { self.point.as_ref() }
    }

    /// The fingerprint as `ssh-keygen -l` prints it: `SHA256:` and 43 characters.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.print
    }

    /// Whether a signature of this key can be checked here.
    #[must_use]
    pub fn is_checked(&self) -> bool {
        self.point.is_some() || self.public().is_some()
    }

    /// The key itself, for ECDSA and RSA.
    fn public(&self) -> Option<PublicKey> {
        let mut reader = Reader::new(&self.blob);
        reader.string()?;
        match self.kind.as_str() {
            "ssh-rsa" | "ecdsa-sha2-nistp256" | "ecdsa-sha2-nistp384" | "sk-ecdsa-sha2-nistp256@openssh.com" => {
                PublicKey::from_ssh(&self.kind, &mut reader).ok()
            }
            _ => None,
        }
    }

    /// Whether a key of this type signs with that scheme: RSA keys have schemes of their own (RFC 8332), never SHA-1.
    #[must_use]
    pub fn signs_with(&self, scheme: &str) -> bool {
        if self.kind == "ssh-rsa" { matches!(scheme, "rsa-sha2-256" | "rsa-sha2-512") } else { scheme == self.kind }
    }

    /// Whether a signature in OpenSSH's form over `message` is of this key.
    #[must_use]
    pub fn verify_ssh(&self, scheme: &str, message: &[u8], signature: &[u8]) -> bool {
        self.signs_with(scheme)
            && match self.point {
                Some(_) => self.verify(message, signature),
                None => self.public().is_some_and(|key| key.verify_ssh(scheme, message, signature)),
            }
    }

    /// Whether a raw signature of this key can be checked here: security keys do not sign a message as it is.
    #[must_use]
    pub fn signs_raw(&self) -> bool {
        self.application.is_none() && self.is_checked()
    }

    /// Whether the raw `signature` (Ed25519: 64 bytes, RFC 8032; ECDSA and RSA as DSSE has them) over `message` is of this key.
    /// Always false for types not checked here and for security keys.
    #[must_use]
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match self.ed25519() {
            Some(point) => verify_ed25519(point, message, signature),
            None => self.signs_raw() && self.public().is_some_and(|key| key.verify(message, signature)),
        }
    }

    /// Whether `signature` is of this security key over `message`: it signs SHA-256 of its application, the mark, and SHA-256
    /// of the message.
    #[must_use]
    pub fn verify_token(&self, message: &[u8], signature: &[u8], mark: TokenMark) -> bool {
        let Some(application) = &self.application else { return false };
        let mut signed = sha2::Sha256::digest(application).to_vec();
        signed.push(mark.flags);
        signed.extend_from_slice(&mark.counter.to_be_bytes());
        signed.extend_from_slice(&sha2::Sha256::digest(message));
        match &self.point {
            Some(point) => verify_ed25519(point, &signed, signature),
            None => self.public().is_some_and(|key| key.verify_ssh(&self.kind, &signed, signature)),
        }
    }
}

/// A number that is not negative, as SSH writes it (RFC 4251 section 5).
fn number(big_endian: &[u8]) -> Vec<u8> {
    let digits: &[u8] = big_endian.iter().position(|b| *b != 0).and_then(|at| big_endian.get(at..)).unwrap_or_default();
    let sign = digits.first().filter(|b| **b >= 0x80).map(|_| 0);
    sign.into_iter().chain(digits.iter().copied()).collect()
}

/// The fingerprint of a key's wire form, as `ssh-keygen -l` prints it.
#[must_use]
pub fn fingerprint(blob: &[u8]) -> String {
    format!("SHA256:{}", STANDARD_NO_PAD.encode(sha2::Sha256::digest(blob)))
}

/// Ed25519 (RFC 8032), strictly: no small-order keys, no malleable signatures.
#[must_use]
pub fn verify_ed25519(point: &[u8; 32], message: &[u8], signature: &[u8]) -> bool {
    let Ok(signature) = ed25519_dalek::Signature::from_slice(signature) else { return false };
    ed25519_dalek::VerifyingKey::from_bytes(point).is_ok_and(|key| key.verify_strict(message, &signature).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::unhex;

    const VENDOR: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMnVBzfjuoXA+MaJbo+dohH+S64GUUwcUn4lWGVF1AFU alice@room";

    #[test]
    fn fingerprint_is_that_of_ssh_keygen() {
        let key = Key::from_line(VENDOR).unwrap();
        assert_eq!(key.kind(), "ssh-ed25519");
        assert_eq!(key.fingerprint(), "SHA256:9bphIOkEUFFMD8KGWYr1EZmSg6EcThZUu05Heey39s8");
    }

    #[test]
    fn a_key_is_the_same_in_either_form() {
        for line in [
            VENDOR,
            "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBMX8BH4Q1LGmoOj4zhVV/CKbKcT6gwUBcaK/H2MnCZzgVxkz32uwXgOEbjsNSbkA0nsY3qnqJsSXc1ZsBsPJUUk= x",
            "ecdsa-sha2-nistp384 AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlzdHAzODQAAABhBHua41tjJYxbBduQ6j7ptggXgrP65xjgH/Cxtc6xB6m4z17DNUwT3rTvWqNdcHjW5gETRAJM/THH8D+BhRqgzBjBySW43t8xFYYymlFzHowXnfEnFnInb8XR7cnhzp2xfw== x",
            "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQDT+1x9BskEjdrBe3ZBehmFs0ENZqq2/kuC5RjN5iJrxlKxNdxcatAD0en64LYnK5k5iGZSPdwPaShq7FzKl7gSoy2i6b0S5rlgLg+rw838EyLI0tQJydfqp814MMsqEBe0kguFsqUFlHWqHQti64Uc3EHUz5upwrbZx/ll1jHo2q3ybxywJTWo+EQEAG++TYiZT7WgJlmKU86Z2UA74qfzQngaw7gZNXJp/+TAw4OmUlQIdEGH1rC8z2rEC8AOs86t5wPHD5/mgaU41GGC8Imlmj9J/cOjZ35mby/LHna6OiH92EgC+9H4JCfuHuz7/GYSg0nZhyE1Sj3Lr+iU/HM7 x",
        ] {
            let key = Key::from_line(line).unwrap();
            let der = key.to_der().unwrap();
            assert_eq!(Key::of(&PublicKey::parse(&der).unwrap()).as_ref(), Ok(&key), "{line}");
        }
        assert_eq!(number(&[0, 0, 0x80]), [0, 0x80]);
        assert_eq!(number(&[0]), [0_u8; 0]);
    }

    #[test]
    fn damaged_keys_are_refused_with_a_reason() {
        let blob = Key::from_line(VENDOR).unwrap().blob().to_vec();
        for cut in 0..blob.len() {
            assert!(Key::from_blob(&blob[..cut]).is_err(), "cut at {cut}");
        }
        let mut long = blob.clone();
        long.push(0);
        assert_eq!(Key::from_blob(&long), Err("bytes after the end of the key".to_owned()));
        assert!(Key::from_line(&VENDOR.replace("ssh-ed25519", "ssh-rsa")).unwrap_err().contains("the key itself says ssh-ed25519"));
    }

    #[test]
    fn rfc_8032_section_7_1_vectors() {
        // TEST 1, 2 and 3: (public key, message, signature).
        for (point, message, signature) in [
            (
                "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
                "",
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
            ),
            (
                "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
                "72",
                "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
            ),
            (
                "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
                "af82",
                "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
            ),
        ] {
            let point: [u8; 32] = unhex(point).unwrap().try_into().unwrap();
            let (message, mut signature) = (unhex(message).unwrap(), unhex(signature).unwrap());
            assert!(verify_ed25519(&point, &message, &signature));
            signature[0] ^= 1;
            assert!(!verify_ed25519(&point, &message, &signature));
        }
    }
}
