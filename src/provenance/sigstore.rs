//! Sigstore bundles (versions 0.1 to 0.3) and PEP 740 attestations, verified offline with a trusted root that the reviewer
//! brings. The verification itself is `sigstore-verify`, whose interface moves: nothing outside of this module names it.

mod npm;
mod pep740;
mod provider;
mod reason;

pub use npm::bundles as npm_bundles;
pub(crate) use npm::is_npm;
pub use pep740::bundles as pep740_bundles;
pub use reason::Reason;

use sigstore_verify::crypto::parse_certificate_info;
use sigstore_verify::trust_root::TrustedRoot;
use sigstore_verify::types::bundle::VerificationMaterialContent;
use sigstore_verify::types::{Artifact as Input, ArtifactDigest, Bundle as Raw, DerPublicKey, HashAlgorithm, SignatureContent};
use sigstore_verify::{PublicKeyVerificationPolicy, VerificationPolicy, Verifier};

use crate::digest::{Algorithm, Digest, Sha256};
use crate::json::{self, Json};
use crate::text::Shown;

/// The type of an in-toto payload in a DSSE envelope.
const IN_TOTO: &str = "application/vnd.in-toto+json";
/// Media types of a trusted root that are read.
const ROOT_TYPES: [&str; 3] = [
    "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    "application/vnd.dev.sigstore.trustedroot+json;version=0.2",
    "application/vnd.dev.sigstore.trustedroot.v0.2+json",
];
/// A clock before this day (2026-08-21, of the newest form that is read here) is wrong, whatever a bundle says.
const WRITTEN: i64 = 1_787_270_400;
/// Bytes of a bundle that are read at most.
const MAX_BUNDLE: usize = 64 << 20;

/// Why something was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Refusal {
    /// The class.
    pub reason: Reason,
    /// In words; what comes from the bundle has passed the guard.
    pub why: String,
}

impl Refusal {
    fn new(reason: Reason, why: impl AsRef<str>) -> Self {
        Self { reason, why: Shown::new(why.as_ref()).cut(400).to_string() }
    }
}

/// A `trusted_root.json`: the certificate authorities, logs and timestamp authorities that count.
pub struct Root {
    verifier: Verifier,
    /// SHA-256 of the file.
    pub digest: Sha256,
    /// The certificates of its certificate authorities (DER), for signatures that come without a bundle.
    pub authorities: Vec<Vec<u8>>,
}

impl Root {
    /// Reads a trusted root, and compares its digest with the one that was pinned, if any.
    ///
    /// # Errors
    /// [`Reason::TrustedRootInvalid`] with what is wrong.
    pub fn parse(bytes: &[u8], pinned: Option<Sha256>) -> Result<Self, Refusal> {
        provider::install();
        let wrong = |why: String| Refusal::new(Reason::TrustedRootInvalid, format!("the trusted root cannot be used: {why}"));
        let digest = Sha256::of(bytes);
        if let Some(pinned) = pinned.filter(|p| *p != digest) {
            return Err(wrong(format!("its SHA-256 is {digest}, and {pinned} is pinned")));
        }
        json::parse(bytes).map_err(|e| wrong(format!("line {}, column {}: {}", e.line, e.column, e.what)))?;
        let text = std::str::from_utf8(bytes).map_err(|e| wrong(e.to_string()))?;
        let root = TrustedRoot::from_json(text).map_err(|e| wrong(e.to_string()))?;
        if !ROOT_TYPES.contains(&root.media_type.as_str()) {
            return Err(wrong(format!("its media type is {}", root.media_type)));
        }
        if root.tlogs.is_empty() {
            return Err(wrong("it names no transparency log".to_owned()));
        }
        let chains = root.certificate_authorities.iter().flat_map(|a| &a.cert_chain.certificates);
        let authorities = chains.map(|c| c.raw_bytes.as_bytes().to_vec()).collect();
        let verifier = Verifier::new(&root).map_err(|e| wrong(e.to_string()))?;
        Ok(Self { verifier, digest, authorities })
    }
}

impl std::fmt::Debug for Root {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Root({})", self.digest)
    }
}

/// What must have been signed.
#[derive(Clone, Debug)]
pub enum Artifact<'a> {
    /// The bytes.
    Bytes(&'a [u8]),
    /// Their digest: SHA-256 or SHA-512.
    Digest(Digest),
}

/// Who must have signed it.
#[derive(Clone, Debug)]
pub enum Wanted<'a> {
    /// Any identity that the trusted root's authorities vouch for: the signature is checked, who signed is not.
    Anyone,
    /// This certificate identity (SAN), vouched for by this OIDC issuer.
    Identity(&'a str, &'a str),
    /// The holder of this key: PEM, or the DER of a SubjectPublicKeyInfo.
    Key(&'a [u8]),
}

/// What a verified bundle says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// The certificate's identity (SAN).
    pub identity: Option<String>,
    /// The OIDC issuer that vouched for it.
    pub issuer: Option<String>,
    /// Authenticated times of signing (RFC 3339), earliest first: of a log or of a timestamp authority.
    pub times: Vec<String>,
    /// SHA-256 of the public key (SubjectPublicKeyInfo) that signed.
    pub key: Option<Sha256>,
    /// What the certificate claims about the build: name (`sourceRepositoryDigest`) and value.
    pub claims: Vec<(&'static str, String)>,
}

/// A bundle that was read.
#[derive(Debug)]
pub struct Bundle {
    raw: Raw,
    /// The statement that a DSSE envelope holds.
    pub statement: Option<Vec<u8>>,
    /// The digest of what was signed, when it is not a statement and the bundle says it.
    pub message_digest: Option<Digest>,
}

impl Bundle {
    /// Reads a bundle. The JSON is read strictly first.
    ///
    /// # Errors
    /// [`Reason::Malformed`] with the place, [`Reason::Unsupported`] for another payload than an in-toto statement.
    pub fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        provider::install();
        let wrong = |why: String| Refusal::new(Reason::Malformed, format!("the bundle cannot be read: {why}"));
        if bytes.len() > MAX_BUNDLE {
            return Err(wrong(format!("over the bound of {MAX_BUNDLE} bytes")));
        }
        let tree = json::parse(bytes).map_err(|e| wrong(format!("line {}, column {}: {}", e.line, e.column, e.what)))?;
        let text = std::str::from_utf8(bytes).map_err(|e| wrong(e.to_string()))?;
        let entries = tree.at(&["verificationMaterial", "tlogEntries"]).and_then(Json::as_array).map_or(0, <[Json]>::len);
        if entries > super::dsse::MAX_SIGNATURES {
            return Err(wrong(format!("{entries} log entries, over the bound of {}", super::dsse::MAX_SIGNATURES)));
        }
        let raw = Raw::from_json(text).map_err(|e| {
            let why = e.to_string();
            let reason = match () {
                () if why.contains("Invalid media type") => Reason::Unsupported,
                () if why.contains("checkpoint format") => Reason::CheckpointInvalid,
                () => Reason::Malformed,
            };
            Refusal { reason, ..wrong(why) }
        })?;
        let (mut statement, mut message_digest) = (None, None);
        match &raw.content {
            SignatureContent::DsseEnvelope(envelope) => {
                if envelope.payload_type != IN_TOTO {
                    let why = format!("the payload type is {}; only {IN_TOTO} is read", envelope.payload_type);
                    return Err(Refusal::new(Reason::Unsupported, why));
                }
                statement = Some(envelope.payload.as_bytes().to_vec());
            }
            SignatureContent::MessageSignature(message) => {
                message_digest = message.message_digest.as_ref().and_then(|d| {
                    let algorithm = match d.algorithm {
                        HashAlgorithm::Sha2256 => Algorithm::Sha256,
                        HashAlgorithm::Sha2512 => Algorithm::Sha512,
                        _ => return None,
                    };
                    Some(Digest { algorithm, bytes: d.digest.as_bytes().to_vec() })
                });
            }
            _ => return Err(Refusal::new(Reason::Unsupported, "it holds neither a DSSE envelope nor a message signature")),
        }
        Ok(Self { raw, statement, message_digest })
    }

    /// Verifies it: certificate chain, log entries, timestamps, signature, artifact, signer. `now` is the room's clock in
    /// seconds since the epoch.
    ///
    /// # Errors
    /// With the class of the first thing that does not hold.
    pub fn verify(&self, artifact: &Artifact<'_>, wanted: &Wanted<'_>, root: &Root, now: i64) -> Result<Verified, Refusal> {
        if self.needs_key() && !matches!(wanted, Wanted::Key(_)) {
            return Err(Refusal::new(Reason::KeyInvalid, "it is signed with a key and has no certificate: give the key to check it with"));
        }
        self.clock(now)?;
        let input = match artifact {
            Artifact::Bytes(bytes) => Input::from_blob(bytes),
            Artifact::Digest(digest) => Input::from_digest(own_digest(digest)?),
        };
        let done = match wanted {
            Wanted::Anyone => root.verifier.verify(input, &self.raw, &VerificationPolicy::any_identity()),
            Wanted::Identity(identity, issuer) => root.verifier.verify(input, &self.raw, &VerificationPolicy::new(*identity, *issuer)),
            Wanted::Key(key) => root.verifier.verify(input, &self.raw, &PublicKeyVerificationPolicy::new(public_key(key)?)),
        };
        let done = done.map_err(|e| Refusal::new(reason::class(&e), e.to_string()))?;
        let by_key = matches!(wanted, Wanted::Key(_));
        let proven = done.tlog_verified() && (by_key || done.certificate_verified() && done.sct_verified());
        if !proven || done.verified_timestamps().is_empty() {
            return Err(Refusal::new(Reason::TimestampMissing, "the library did not report every check as done"));
        }
        let mut times: Vec<_> = done.verified_timestamps().to_vec();
        times.sort_unstable();
        future(&times, now).map_or(Ok(()), Err)?;
        let certificate = done.certificate();
        Ok(Verified {
            identity: done.identity().map(|i| i.as_str().to_owned()),
            issuer: done.issuer().map(str::to_owned),
            times: times.iter().map(ToString::to_string).collect(),
            key: certificate.map(|c| Sha256::of(c.public_key.as_bytes())),
            claims: certificate.map(claims).unwrap_or_default(),
        })
    }

    /// Whether it was signed with a key that the verifier must know, not with a certificate.
    #[must_use]
    pub fn needs_key(&self) -> bool {
        matches!(self.raw.verification_material.content, VerificationMaterialContent::PublicKey(_))
    }

    /// What the bundle says of the key that signed it: a hint.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        if let VerificationMaterialContent::PublicKey(key) = &self.raw.verification_material.content { Some(&key.hint) } else { None }
    }

    /// Whether the envelope's signature is of that key, whatever else does not hold. Never of a message that is not in the bundle.
    pub(crate) fn is_signed_by(&self, key: &super::Key) -> bool {
        let SignatureContent::DsseEnvelope(envelope) = &self.raw.content else { return false };
        let message = super::dsse::pae(&envelope.payload_type, envelope.payload.as_bytes());
        key.verify(&message, envelope.signature.sig.as_bytes())
    }

    /// Bytes that one check of it goes over.
    pub(crate) fn size(&self) -> usize {
        // A log entry and its proof take the work of several signatures.
        (512 << 10) + self.statement.as_ref().map_or(0, Vec::len)
    }

    /// A clock that is behind makes every later check fail in a misleading way.
    fn clock(&self, now: i64) -> Result<(), Refusal> {
        let logged = self.raw.verification_material.tlog_entries.iter().filter_map(|e| e.integrated_time).max();
        let issued = || Some(parse_certificate_info(self.raw.signing_certificate()?).ok()?.not_before);
        let first = logged.or_else(issued).map(|t| t.as_second());
        if let Some(signed) = first.filter(|signed| now < *signed) {
            return Err(behind(now, signed));
        }
        if now < WRITTEN {
            let why = format!("the clock of this machine says {}, a day on which this program was not written yet: set it", time(now));
            return Err(Refusal::new(Reason::ClockBehind, why));
        }
        Ok(())
    }
}

/// What a timestamp authority says is known only once it is verified, and the library lets it be in the future.
fn future(times: &[jiff::Timestamp], now: i64) -> Option<Refusal> {
    let latest = times.iter().map(|t| t.as_second()).max()?;
    (now < latest).then(|| behind(now, latest))
}

fn time(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |t| t.to_string())
}

fn behind(now: i64, signed: i64) -> Refusal {
    let why = format!(
        "the clock of this machine says {}, and the bundle says that it was signed at {} or later: set the clock, or ask why it is in the future",
        time(now),
        time(signed)
    );
    Refusal::new(Reason::ClockBehind, why)
}

fn own_digest(digest: &Digest) -> Result<ArtifactDigest, Refusal> {
    let algorithm = match digest.algorithm {
        Algorithm::Sha256 => HashAlgorithm::Sha2256,
        Algorithm::Sha512 => HashAlgorithm::Sha2512,
        _ => return Err(Refusal::new(Reason::Unsupported, "the digest of the artifact must be SHA-256 or SHA-512")),
    };
    ArtifactDigest::new(algorithm, digest.bytes.clone()).map_err(|e| Refusal::new(Reason::Malformed, e.to_string()))
}

fn public_key(bytes: &[u8]) -> Result<DerPublicKey, Refusal> {
    let wrong = |why: String| Refusal::new(Reason::KeyInvalid, format!("the key cannot be read: {why}"));
    if bytes.first() == Some(&0x30) {
        return Ok(DerPublicKey::new(bytes.to_vec()));
    }
    let text = std::str::from_utf8(bytes).map_err(|e| wrong(e.to_string()))?;
    DerPublicKey::from_pem(text).map_err(|e| wrong(e.to_string()))
}

/// The claims that a reviewer compares with the statement.
fn claims(certificate: &sigstore_verify::crypto::CertificateInfo) -> Vec<(&'static str, String)> {
    let ci = &certificate.ci_claims;
    let all = [
        ("buildSignerURI", &ci.build_signer_uri),
        ("buildConfigURI", &ci.build_config_uri),
        ("sourceRepositoryURI", &ci.source_repository_uri),
        ("sourceRepositoryDigest", &ci.source_repository_digest),
        ("sourceRepositoryRef", &ci.source_repository_ref),
        ("runInvocationURI", &ci.run_invocation_uri),
        ("runnerEnvironment", &ci.runner_environment),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_the_future_is_no_time_of_signing() {
        let at = |seconds: i64| jiff::Timestamp::from_second(seconds).unwrap();
        assert_eq!(future(&[at(5), at(10)], 10), None);
        assert_eq!(future(&[at(11), at(5)], 10).unwrap().reason, Reason::ClockBehind);
        assert_eq!(future(&[], 10), None);
    }
}
