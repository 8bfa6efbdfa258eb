//! The cryptography that `sigstore-crypto` is given: RustCrypto, without C and without a random source. It verifies and
//! does nothing else.

use ed25519_dalek::Verifier as _;
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use rsa::PublicKey;
use rsa::pkcs1::DecodeRsaPublicKey as _;
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use sigstore_verify::crypto::{CryptoProvider, Error, HashContext, Result, SigningScheme as Scheme};
use sigstore_verify::types::HashAlgorithm;

#[derive(Debug)]
pub(super) struct RustCrypto;

/// Makes it the one that is used; the first call counts.
pub(super) fn install() {
    static PROVIDER: RustCrypto = RustCrypto;
    // A second call finds it installed.
    let _ = sigstore_verify::crypto::install_default_provider(&PROVIDER);
}

struct Hash<D>(D);

impl<D: sha2::Digest + Send> HashContext for Hash<D> {
    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn finalize(self: Box<Self>) -> Vec<u8> {
        self.0.finalize().to_vec()
    }
}

impl CryptoProvider for RustCrypto {
    fn hash(&self, algorithm: HashAlgorithm) -> Result<Box<dyn HashContext>> {
        Ok(match algorithm {
            HashAlgorithm::Sha2256 => Box::new(Hash(Sha256::new())),
            HashAlgorithm::Sha2384 => Box::new(Hash(Sha384::new())),
            HashAlgorithm::Sha2512 => Box::new(Hash(Sha512::new())),
            other => return Err(Error::UnsupportedAlgorithm(format!("digests of {other}"))),
        })
    }

    fn verify_raw(&self, scheme: Scheme, key: &[u8], data: &[u8], signature: &[u8]) -> Result<()> {
        if scheme == Scheme::Ed25519 {
            let key = key.try_into().ok().and_then(|k| ed25519_dalek::VerifyingKey::from_bytes(k).ok());
            let signature = ed25519_dalek::Signature::from_slice(signature).ok();
            let good = key.zip(signature).is_some_and(|(k, s)| !k.is_weak() && k.verify(data, &s).is_ok());
            return said(scheme, good);
        }
        let digest = match scheme.hash_algorithm() {
            Some(HashAlgorithm::Sha2256) => Sha256::digest(data).to_vec(),
            Some(HashAlgorithm::Sha2384) => Sha384::digest(data).to_vec(),
            Some(HashAlgorithm::Sha2512) => Sha512::digest(data).to_vec(),
            _ => return Err(Error::UnsupportedAlgorithm(scheme.name().to_owned())),
        };
        self.verify_prehashed(scheme, key, &digest, signature)
    }

    fn verify_prehashed(&self, scheme: Scheme, key: &[u8], digest: &[u8], signature: &[u8]) -> Result<()> {
        use rsa::{pkcs1v15, pss};
        let good = match scheme {
            Scheme::EcdsaP256Sha256 | Scheme::EcdsaP256Sha384 => {
                let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(key).ok();
                checks(key, p256::ecdsa::Signature::from_der(signature).ok(), digest)
            }
            Scheme::EcdsaP384Sha256 | Scheme::EcdsaP384Sha384 => {
                let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(key).ok();
                checks(key, p384::ecdsa::Signature::from_der(signature).ok(), digest)
            }
            Scheme::RsaPkcs1Sha256 => {
                checks(rsa(key).map(pkcs1v15::VerifyingKey::<Sha256>::new), pkcs1v15::Signature::try_from(signature).ok(), digest)
            }
            Scheme::RsaPkcs1Sha384 => {
                checks(rsa(key).map(pkcs1v15::VerifyingKey::<Sha384>::new), pkcs1v15::Signature::try_from(signature).ok(), digest)
            }
            Scheme::RsaPkcs1Sha512 => {
                checks(rsa(key).map(pkcs1v15::VerifyingKey::<Sha512>::new), pkcs1v15::Signature::try_from(signature).ok(), digest)
            }
            Scheme::RsaPssSha256 => {
                checks(rsa(key).map(pss::VerifyingKey::<Sha256>::new), pss::Signature::try_from(signature).ok(), digest)
            }
            Scheme::RsaPssSha384 => {
                checks(rsa(key).map(pss::VerifyingKey::<Sha384>::new), pss::Signature::try_from(signature).ok(), digest)
            }
            Scheme::RsaPssSha512 => {
                checks(rsa(key).map(pss::VerifyingKey::<Sha512>::new), pss::Signature::try_from(signature).ok(), digest)
            }
            other => return Err(Error::UnsupportedAlgorithm(other.name().to_owned())),
        };
        said(scheme, good)
    }
}

fn rsa(key: &[u8]) -> Option<PublicKey> {
    PublicKey::from_pkcs1_der(key).ok()
}

fn checks<K: PrehashVerifier<S>, S>(key: Option<K>, signature: Option<S>, digest: &[u8]) -> bool {
    key.zip(signature).is_some_and(|(k, s)| k.verify_prehash(digest, &s).is_ok())
}

fn said(scheme: Scheme, good: bool) -> Result<()> {
    if good { Ok(()) } else { Err(Error::Verification(format!("{} signature invalid", scheme.name()))) }
}
