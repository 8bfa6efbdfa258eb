//! Keys that sign: a private key file of OpenSSH, or whatever else implements [`Signer`].

use base64::Engine as _;
use ed25519_dalek::Signer as _;
use ssh_key::private::KeypairData;
use ssh_key::{PrivateKey, PublicKey};

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
    #[error("{0} keys cannot sign here; Ed25519 keys can (ssh-keygen -t ed25519), in a file or in ssh-agent")]
    NotEd25519(String),
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

    /// The raw Ed25519 signature (64 bytes, RFC 8032) over `message`.
    ///
    /// # Errors
    /// When the holder refuses or fails.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError>;
}

/// A private key from an OpenSSH key file, in memory while this value lives.
pub struct FileSigner {
    public: PublicKey,
    secret: ed25519_dalek::SigningKey,
}

impl FileSigner {
    /// Reads the bytes of a private key file (`-----BEGIN OPENSSH PRIVATE KEY-----`).
    ///
    /// # Errors
    /// [`SignError::Encrypted`] when a passphrase is needed and none is given, [`SignError::WrongPassphrase`],
    /// [`SignError::NotEd25519`], [`SignError::NotAKey`].
    pub fn from_openssh(pem: &[u8], passphrase: Option<&str>) -> Result<Self, SignError> {
        if let Some(kind) = std::str::from_utf8(pem).ok().and_then(|t| ["ssh-", "ecdsa-", "sk-"].iter().find(|k| t.starts_with(**k))) {
            return Err(SignError::NotAKey(format!("this is a public key ({kind}…); give the file without .pub")));
        }
        let key = PrivateKey::from_openssh(pem).map_err(|e| match e {
            ssh_key::Error::AlgorithmUnknown | ssh_key::Error::AlgorithmUnsupported { .. } => {
                SignError::NotEd25519(kind_of(pem).unwrap_or_else(|| "such".to_owned()))
            }
            other => SignError::NotAKey(other.to_string()),
        })?;
        // Said before a passphrase is asked for: it would be typed in vain.
        if key.algorithm() != ssh_key::Algorithm::Ed25519 {
            return Err(SignError::NotEd25519(key.algorithm().to_string()));
        }
        let key = match (key.is_encrypted(), passphrase) {
            (false, _) => key,
            (true, None) => return Err(SignError::Encrypted),
            (true, Some(words)) => key.decrypt(words).map_err(|_| SignError::WrongPassphrase)?,
        };
        let KeypairData::Ed25519(pair) = key.key_data() else {
            return Err(SignError::NotEd25519(key.algorithm().to_string()));
        };
        let secret = ed25519_dalek::SigningKey::from_bytes(&pair.private.to_bytes());
        if secret.verifying_key().as_bytes() != &pair.public.0 {
            return Err(SignError::NotAKey("its public half does not belong to its private half".to_owned()));
        }
        Ok(Self { public: key.public_key().clone(), secret })
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
        Ok(self.secret.sign(message).to_bytes().to_vec())
    }
}

/// The fingerprint as `ssh-keygen -l` prints it (`SHA256:…`).
#[must_use]
pub fn fingerprint(key: &PublicKey) -> String {
    key.fingerprint(ssh_key::HashAlg::Sha256).to_string()
}

/// An Ed25519 key as PEM (`SubjectPublicKeyInfo`, RFC 8410), for `openssl`; `None` for a key of another type.
#[must_use]
pub fn public_key_pem(key: &PublicKey) -> Option<String> {
    // SEQUENCE { SEQUENCE { OID 1.3.101.112 } BIT STRING, no unused bits, 32 bytes follow }
    const HEAD: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    let point = key.key_data().ed25519()?;
    let mut der = HEAD.to_vec();
    der.extend_from_slice(&point.0);
    let body = base64::engine::general_purpose::STANDARD.encode(der);
    Some(format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
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
