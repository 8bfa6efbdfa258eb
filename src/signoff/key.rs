//! Keys that sign: a private key file of OpenSSH, or whatever else implements [`Signer`].

use base64::Engine as _;
use ssh_key::private::{EcdsaKeypair, KeypairData};
use ssh_key::public::{EcdsaPublicKey, KeyData};
use ssh_key::{Algorithm, EcdsaCurve, PrivateKey, PublicKey};

use crate::provenance::{Key, wire::Reader};

/// Why nothing was signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The bytes are no private key of OpenSSH.
    #[error("not an OpenSSH private key: {0}")]
    NotAKey(String),
    /// A passphrase is needed.
    #[error("the key is protected by a passphrase; give it when asked, or use ssh-agent")]
    Encrypted,
    /// The passphrase does not open the key.
    #[error("the passphrase does not open the key")]
    WrongPassphrase,
    /// A type that cannot sign here.
    #[error("{0} keys cannot sign here; Ed25519 and ECDSA P-256 keys can (ssh-keygen -t ed25519), in a file or in ssh-agent")]
    CannotSign(String),
    /// The file of a security key: a handle, without the key itself.
    #[error(
        "this file is only the handle of a security key ({0}): the key is in the token, and ssh-agent speaks to it. Load it (ssh-add FILE), \
         then sign with --agent"
    )]
    InToken(String),
    /// What the key (or the agent) returned is not its signature over these bytes.
    #[error("the signature that came back does not match the statement and the key; nothing was written")]
    Unverified,
    /// Whatever holds the key did not sign.
    #[error("not signed: {0}")]
    Refused(String),
}

/// Holds a key and signs with it.
pub trait Signer {
    /// The public half.
    fn public_key(&self) -> &PublicKey;

    /// What goes into an envelope as the signature over `message`: Ed25519 raw (64 bytes, RFC 8032), ECDSA P-256 with SHA-256 as
    /// DER (RFC 3279 section 2.2.3), or of a security key an SSHSIG (PROTOCOL.sshsig), namespace `release-review@countersign`.
    ///
    /// # Errors
    /// When the holder refuses or fails.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError>;
}

/// A private key from an OpenSSH key file, in memory while this value lives.
pub struct FileSigner {
    public: PublicKey,
    secret: Secret,
}

enum Secret {
    Ed25519(Box<ed25519_dalek::SigningKey>),
    P256(Box<p256::ecdsa::SigningKey>),
}

impl Secret {
    fn of(key: &PrivateKey) -> Result<Self, SignError> {
        let halves = || SignError::NotAKey("its public half does not belong to its private half".to_owned());
        match key.key_data() {
            KeypairData::Ed25519(pair) => {
                let secret = ed25519_dalek::SigningKey::from_bytes(&pair.private.to_bytes());
                if secret.verifying_key().as_bytes() != &pair.public.0 {
                    return Err(halves());
                }
                Ok(Self::Ed25519(Box::new(secret)))
            }
            KeypairData::Ecdsa(EcdsaKeypair::NistP256 { public, private }) => {
                let secret = p256::ecdsa::SigningKey::from_slice(private.as_slice()).map_err(|_| halves())?;
                if secret.verifying_key().to_sec1_point(false).as_bytes() != public.as_bytes() {
                    return Err(halves());
                }
                Ok(Self::P256(Box::new(secret)))
            }
            _ => Err(SignError::CannotSign(key.algorithm().to_string())),
        }
    }
}

impl FileSigner {
    /// The fingerprint of the public half in a private key file, which needs no passphrase.
    ///
    /// # Errors
    /// As [`FileSigner::from_openssh`], but for the passphrase.
    pub fn fingerprint_of(pem: &[u8]) -> Result<String, SignError> {
        let key = read_file(pem)?;
        may_sign(&key.algorithm())?;
        Ok(fingerprint(key.public_key()))
    }

    /// Reads the bytes of a private key file (`-----BEGIN OPENSSH PRIVATE KEY-----`).
    ///
    /// # Errors
    /// [`SignError::Encrypted`] when a passphrase is needed and none is given, [`SignError::WrongPassphrase`],
    /// [`SignError::CannotSign`], [`SignError::InToken`], [`SignError::NotAKey`].
    pub fn from_openssh(pem: &[u8], passphrase: Option<&str>) -> Result<Self, SignError> {
        let key = read_file(pem)?;
        // Said before a passphrase is asked for: it would be typed in vain.
        may_sign(&key.algorithm())?;
        let key = match (key.is_encrypted(), passphrase) {
            (false, _) => key,
            (true, None) => return Err(SignError::Encrypted),
            (true, Some(words)) => key.decrypt(words).map_err(|_| SignError::WrongPassphrase)?,
        };
        let secret = Secret::of(&key)?;
        Ok(Self { public: key.public_key().clone(), secret })
    }
}

/// Reads a private key file, whose secret half may be encrypted.
fn read_file(pem: &[u8]) -> Result<PrivateKey, SignError> {
    if let Some(kind) = std::str::from_utf8(pem).ok().and_then(|t| ["ssh-", "ecdsa-", "sk-"].iter().find(|k| t.starts_with(**k))) {
        return Err(SignError::NotAKey(format!("this is a public key ({kind}…); give the file without .pub")));
    }
    PrivateKey::from_openssh(pem).map_err(|e| match e {
        ssh_key::Error::AlgorithmUnknown | ssh_key::Error::AlgorithmUnsupported { .. } => {
            SignError::CannotSign(kind_of(pem).unwrap_or_else(|| "such".to_owned()))
        }
        other => SignError::NotAKey(other.to_string()),
    })
}

/// Whether the key file of such a key can sign, before its passphrase is known.
fn may_sign(algorithm: &Algorithm) -> Result<(), SignError> {
    match algorithm {
        Algorithm::Ed25519 | Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 } => Ok(()),
        Algorithm::SkEd25519 | Algorithm::SkEcdsaSha2NistP256 => Err(SignError::InToken(algorithm.to_string())),
        other => Err(SignError::CannotSign(other.to_string())),
    }
}

/// The type of the public half in a key file (PROTOCOL.key of OpenSSH), for a message about a type that is not read here.
fn kind_of(pem: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(pem).ok()?.trim();
    let body = text.strip_prefix("-----BEGIN OPENSSH PRIVATE KEY-----")?.strip_suffix("-----END OPENSSH PRIVATE KEY-----")?;
    let bytes = base64::engine::general_purpose::STANDARD.decode(body.split_ascii_whitespace().collect::<String>()).ok()?;
    let mut reader = Reader::new(bytes.strip_prefix(b"openssh-key-v1\0")?);
    // Cipher, key derivation and its options come before the number of keys and the first public key.
    for _ in 0..3 {
        reader.string()?;
    }
    reader.number()?;
    Key::from_blob(reader.string()?).ok().map(|k| k.kind())
}

impl std::fmt::Debug for FileSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("FileSigner").field(&fingerprint(&self.public)).finish()
    }
}

impl Signer for FileSigner {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        Ok(match &self.secret {
            Secret::Ed25519(key) => ed25519_dalek::Signer::sign(key.as_ref(), message).to_bytes().to_vec(),
            Secret::P256(key) => {
                let signature: p256::ecdsa::Signature = p256::ecdsa::signature::Signer::sign(key.as_ref(), message);
                signature.to_der().as_bytes().to_vec()
            }
        })
    }
}

/// The fingerprint as `ssh-keygen -l` prints it (`SHA256:…`).
#[must_use]
pub fn fingerprint(key: &PublicKey) -> String {
    key.fingerprint(ssh_key::HashAlg::Sha256).to_string()
}

/// A key as PEM (`SubjectPublicKeyInfo`, RFC 8410 and RFC 5480), for `openssl`; `None` for a key that is neither Ed25519 nor
/// ECDSA P-256.
#[must_use]
pub fn public_key_pem(key: &PublicKey) -> Option<String> {
    // SEQUENCE { SEQUENCE { OID 1.3.101.112 } BIT STRING, no unused bits, 32 bytes follow }
    const ED25519: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    // SEQUENCE { SEQUENCE { OID ecPublicKey, OID prime256v1 } BIT STRING, no unused bits, a point of 65 bytes follows }
    const P256: [u8; 26] = [
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01,
        0x07, 0x03, 0x42, 0x00,
    ];
    let der = match key.key_data() {
        KeyData::Ed25519(point) => [&ED25519[..], &point.0[..]].concat(),
        KeyData::Ecdsa(EcdsaPublicKey::NistP256(point)) => [&P256[..], point.as_bytes()].concat(),
        _ => return None,
    };
    let body = base64::engine::general_purpose::STANDARD.encode(der);
    // Lines of 64 characters (RFC 7468 section 2).
    let lines: Vec<String> = body.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    Some(format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provenance::wire;
    use ssh_key::private::Ed25519Keypair;
    use ssh_key::{Cipher, Kdf, LineEnding};

    fn pem(seed: u8, passphrase: Option<&str>) -> Vec<u8> {
        let key = PrivateKey::new(KeypairData::Ed25519(Ed25519Keypair::from_seed(&[seed; 32])), "a@x").unwrap();
        let key = match passphrase {
            None => key,
            Some(words) => {
                let kdf = Kdf::Bcrypt { salt: vec![7; 16], rounds: 4 };
                key.encrypt_with(Cipher::Aes256Ctr, kdf, 0x0102_0304, words).unwrap()
            }
        };
        key.to_openssh(LineEnding::LF).unwrap().as_bytes().to_vec()
    }

    #[test]
    fn passphrases_open_or_do_not() {
        let plain = FileSigner::from_openssh(&pem(3, None), None).unwrap();
        let locked = pem(3, Some("correct horse"));
        assert_eq!(FileSigner::from_openssh(&locked, None).unwrap_err(), SignError::Encrypted);
        assert_eq!(FileSigner::from_openssh(&locked, Some("wrong")).unwrap_err(), SignError::WrongPassphrase);
        let opened = FileSigner::from_openssh(&locked, Some("correct horse")).unwrap();
        assert_eq!(opened.sign(b"m"), plain.sign(b"m"));
        assert_eq!(fingerprint(opened.public_key()), fingerprint(plain.public_key()));
    }

    /// An ECDSA key, and the file of one that is in a token, as OpenSSH writes them.
    #[test]
    fn ecdsa_keys_sign_and_handles_of_tokens_say_that_the_agent_is_needed() {
        let secret = p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
        let point = secret.verifying_key().to_sec1_point(false);
        let file = |kind: &str, parts: &[&[u8]], private: &[&[u8]]| {
            let mut public = Vec::new();
            wire::put_string(&mut public, kind.as_bytes());
            parts.iter().for_each(|p| wire::put_string(&mut public, p));
            let mut inner = vec![1, 2, 3, 4, 1, 2, 3, 4];
            inner.extend_from_slice(&public);
            private.iter().for_each(|p| inner.extend_from_slice(p));
            wire::put_string(&mut inner, b"a@x");
            (1..=(8 - inner.len() % 8) % 8).for_each(|n| inner.push(u8::try_from(n).unwrap()));
            let mut out = b"openssh-key-v1\0".to_vec();
            [&b"none"[..], b"none", b""].iter().for_each(|p| wire::put_string(&mut out, p));
            out.extend_from_slice(&[0, 0, 0, 1]);
            wire::put_string(&mut out, &public);
            wire::put_string(&mut out, &inner);
            let body = base64::engine::general_purpose::STANDARD.encode(out);
            let lines: Vec<_> = body.as_bytes().chunks(70).map(|c| std::str::from_utf8(c).unwrap()).collect();
            format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{}\n-----END OPENSSH PRIVATE KEY-----\n", lines.join("\n"))
        };
        let string = |bytes: &[u8]| {
            let mut out = Vec::new();
            wire::put_string(&mut out, bytes);
            out
        };
        let ecdsa = |scalar: &[u8]| file("ecdsa-sha2-nistp256", &[b"nistp256", point.as_bytes()], &[&string(scalar)]);
        let signer = FileSigner::from_openssh(ecdsa(&[7; 32]).as_bytes(), None).unwrap();
        let signature = signer.sign(b"message").unwrap();
        assert_eq!(signature[0], 0x30, "DER, as openssl reads it");
        let key = Key::from_blob(&signer.public_key().to_bytes().unwrap()).unwrap();
        assert!(key.verify(b"message", &signature) && !key.verify(b"massage", &signature));
        assert!(
            public_key_pem(signer.public_key()).unwrap().starts_with("-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE")
        );
        let other = FileSigner::from_openssh(ecdsa(&[8; 32]).as_bytes(), None).unwrap_err();
        assert!(other.to_string().contains("does not belong to its private half"));
        let handle = file("sk-ssh-ed25519@openssh.com", &[&[9; 32], b"ssh:"], &[&[1], &string(b"handle"), &string(b"")]);
        let said = FileSigner::from_openssh(handle.as_bytes(), None).unwrap_err();
        assert_eq!(said, SignError::InToken("sk-ssh-ed25519@openssh.com".to_owned()));
        assert!(said.to_string().contains("--agent"));
    }

    #[test]
    fn other_files_are_refused_with_what_to_do() {
        let say = |pem: &[u8]| FileSigner::from_openssh(pem, None).unwrap_err().to_string();
        assert!(say(b"ssh-ed25519 AAAA a@x").contains("give the file without .pub"));
        assert!(say(b"hello").starts_with("not an OpenSSH private key"));
        assert!(say(b"\xff\xfe").starts_with("not an OpenSSH private key"));
        let good = pem(3, None);
        for cut in (0..good.len()).step_by(7) {
            assert!(FileSigner::from_openssh(&good[..cut], None).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn pem_is_that_of_openssl() {
        // From the public example: alice.pub and what `openssl` made of it.
        let key =
            PublicKey::from_openssh("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMnVBzfjuoXA+MaJbo+dohH+S64GUUwcUn4lWGVF1AFU alice@room").unwrap();
        let pem = public_key_pem(&key).unwrap();
        assert_eq!(
            pem,
            "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAydUHN+O6hcD4xoluj52iEf5LrgZRTBxSfiVYZUXUAVQ=\n-----END PUBLIC KEY-----\n"
        );
    }
}
