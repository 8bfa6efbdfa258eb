//! Signatures of git tags and commits with an X.509 certificate (git's `gpg.format=x509`; gitsign makes them with a certificate of
//! Sigstore): CMS SignedData (RFC 5652) over the object.
//!
//! Such a certificate lives for ten minutes. That the signature was made in them is said by an entry of a log. gitsign puts it into the
//! signature when it is told to; without it a good signature is a claim of whoever held the key at some time.

mod logged;

pub use logged::Logged;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cms::cert::CertificateChoices;
use cms::content_info::ContentInfo;
use cms::signed_data::{SignedData, SignerIdentifier};
use x509_cert::der::asn1::{ObjectIdentifier, OctetStringRef};
use x509_cert::der::{Decode as _, Encode as _};

use super::Hash;
use super::certificate::{Certificate, verify};

const BEGIN: &str = "-----BEGIN SIGNED MESSAGE-----";
const END: &str = "-----END SIGNED MESSAGE-----";
const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
/// Rekor's `TransparencyLogEntry`, an attribute of gitsign that is not signed.
const LOG_ENTRY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.3.1");
/// The largest signature that is read, in bytes.
const MAX_SIZE: usize = 1 << 20;

/// A signature that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// The identity of the certificate (SAN).
    pub identity: String,
    /// The OIDC issuer that vouched for it, of a certificate of Sigstore.
    pub issuer: Option<String>,
    /// From when to when the certificate is valid, in seconds since the epoch.
    pub valid: (i64, i64),
    /// Whether it leads to an authority of the trusted root; the error is why not.
    pub trusted: Result<(), String>,
    /// The log entry that is in it, which says when it was made; the error is why it cannot be read.
    pub logged: Option<Result<Logged, String>>,
}

/// Why one does not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Malformed(String),
    /// It does not match.
    #[error("is not good: {0}")]
    Bad(String),
}

/// Checks a signature over a git object. `authorities` are the certificates of Sigstore's authorities (DER).
///
/// # Errors
/// When it cannot be read or does not match the bytes.
pub fn check(signature: &[u8], message: &[u8], authorities: &[Vec<u8>]) -> Result<Signer, Refused> {
    let malformed = |why: &str| Refused::Malformed(why.to_owned());
    let der_error = |e: x509_cert::der::Error| Refused::Malformed(e.to_string());
    if signature.len() > MAX_SIZE {
        return Err(malformed("larger than the bound"));
    }
    let text = std::str::from_utf8(signature).map_err(|_| malformed("not text"))?.trim();
    let body = text.strip_prefix(BEGIN).and_then(|t| t.strip_suffix(END)).ok_or_else(|| malformed("no armor of a signed message"))?;
    let joined: String = body.split_ascii_whitespace().collect();
    let der = STANDARD.decode(joined).map_err(|_| malformed("the armor is not base64"))?;
    let info = ContentInfo::from_der(&der).map_err(der_error)?;
    if info.content_type != SIGNED_DATA {
        return Err(malformed("no SignedData of CMS"));
    }
    let data = info.content.decode_as::<SignedData>().map_err(der_error)?;
    if data.encap_content_info.econtent.is_some() {
        return Err(malformed("it holds a content of its own"));
    }
    let mut signers = data.signer_infos.0.iter();
    let (Some(signer), None) = (signers.next(), signers.next()) else { return Err(malformed("not one signer")) };
    let mut given = Vec::new();
    for choice in data.certificates.iter().flat_map(|set| set.0.iter()).take(16) {
        if let CertificateChoices::Certificate(raw) = choice {
            given.push(Certificate::from_der(&raw.to_der().map_err(der_error)?).map_err(Refused::Malformed)?);
        }
    }
    let SignerIdentifier::IssuerAndSerialNumber(id) = &signer.sid else {
        return Err(malformed("the signer is not named by issuer and number"));
    };
    let of = |c: &&Certificate| c.raw.tbs_certificate.issuer == id.issuer && c.raw.tbs_certificate.serial_number == id.serial_number;
    let own = given.iter().find(of).ok_or_else(|| malformed("the certificate of the signer is not in it"))?;
    let hash = match signer.digest_alg.oid.to_string().as_str() {
        "2.16.840.1.101.3.4.2.1" => Hash::Sha256,
        "2.16.840.1.101.3.4.2.2" => Hash::Sha384,
        "2.16.840.1.101.3.4.2.3" => Hash::Sha512,
        other => return Err(Refused::Bad(format!("the digest {other} does not count"))),
    };
    let attributes = signer.signed_attrs.as_ref().ok_or_else(|| malformed("it has no signed attributes"))?;
    let one = |oid: ObjectIdentifier| {
        let mut all = attributes.iter().filter(|a| a.oid == oid);
        let (Some(only), None) = (all.next(), all.next()) else { return None };
        let mut values = only.values.iter();
        let (Some(value), None) = (values.next(), values.next()) else { return None };
        Some(value)
    };
    let is_data = one(CONTENT_TYPE).is_some_and(|v| v.decode_as::<ObjectIdentifier>().is_ok_and(|oid| oid == DATA));
    let digest = one(MESSAGE_DIGEST).ok_or_else(|| malformed("it has no digest of the message"))?;
    let digest = digest.decode_as::<OctetStringRef<'_>>().map_err(der_error)?;
    if !is_data || digest.as_bytes() != hash.of(message) {
        return Err(Refused::Bad("it is over other bytes".to_owned()));
    }
    let signed = attributes.to_der().map_err(der_error)?;
    let algorithm = match (signer.signature_algorithm.oid.to_string().as_str(), hash) {
        // RSA may be named without its digest (RFC 3370 section 3.2).
        ("1.2.840.113549.1.1.1", Hash::Sha256) => "1.2.840.113549.1.1.11".to_owned(),
        ("1.2.840.113549.1.1.1", Hash::Sha384) => "1.2.840.113549.1.1.12".to_owned(),
        ("1.2.840.113549.1.1.1", Hash::Sha512) => "1.2.840.113549.1.1.13".to_owned(),
        (other, _) => other.to_owned(),
    };
    if !verify(&own.key, &algorithm, &signed, signer.signature.as_bytes()) {
        return Err(Refused::Bad("it does not match its certificate".to_owned()));
    }
    let entries: Vec<_> = signer.unsigned_attrs.iter().flat_map(|all| all.iter()).filter(|a| a.oid == LOG_ENTRY).collect();
    let logged = match entries.as_slice() {
        [] => None,
        [only] => {
            let value = only.values.iter().next().and_then(|v| v.decode_as::<OctetStringRef<'_>>().ok());
            let certificate = own.raw.to_der().map_err(der_error)?;
            let entry = value.ok_or_else(|| "it is no octet string".to_owned());
            Some(entry.and_then(|e| Logged::new(e.as_bytes(), &certificate, signer.signature.as_bytes(), &signed)))
        }
        _ => Some(Err("there are several".to_owned())),
    };
    Ok(Signer {
        logged,
        identity: own.identity().unwrap_or(&own.common_name).to_owned(),
        issuer: own.issuer.clone(),
        valid: own.valid,
        trusted: trusted(own, &given, authorities),
    })
}

/// Whether the certificate led to an authority when it was issued.
fn trusted(own: &Certificate, given: &[Certificate], authorities: &[Vec<u8>]) -> Result<(), String> {
    if authorities.is_empty() {
        return Err("no trusted root to check the certificate with: the policy names none".to_owned());
    }
    if !own.signs_code {
        return Err("its certificate is not one for signing code".to_owned());
    }
    let roots: Vec<Certificate> = authorities.iter().filter_map(|der| Certificate::from_der(der).ok()).collect();
    own.leads_to(&roots, given, own.valid.0)
}
