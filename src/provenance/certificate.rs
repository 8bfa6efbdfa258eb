//! X.509 certificates (RFC 5280), as far as signers of git objects and of in-toto links have them: what they say, and whether they
//! lead to an authority.

use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAltName};

use super::{Hash, PublicKey};

/// The largest certificate that is read, in bytes.
const MAX_SIZE: usize = 64 << 10;
/// Certificates between one and its authority.
const MAX_DEPTH: usize = 6;
/// Signatures of certificates that are checked for one path.
const MAX_TRIES: usize = 256;

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const ORGANIZATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");
const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
const CODE_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.3");
/// Fulcio's extensions for the OIDC issuer: as a DER string, and the older one as bare text.
const ISSUER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.8");
const ISSUER_OLD: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.1");

/// A certificate that was read.
#[derive(Clone, Debug)]
pub(crate) struct Certificate {
    pub(crate) raw: x509_cert::Certificate,
    pub(crate) key: PublicKey,
    tbs: Vec<u8>,
    pub(crate) common_name: String,
    pub(crate) organizations: Vec<String>,
    pub(crate) dns_names: Vec<String>,
    pub(crate) emails: Vec<String>,
    pub(crate) uris: Vec<String>,
    /// The OIDC issuer, of a certificate of Fulcio.
    pub(crate) issuer: Option<String>,
    /// Not before and not after, in seconds since the epoch.
    pub(crate) valid: (i64, i64),
    /// Whether it may sign certificates, and how many may stand below the next.
    authority: Option<Option<u8>>,
    pub(crate) signs_code: bool,
}

impl Certificate {
    /// Reads DER.
    ///
    /// # Errors
    /// In words: not well formed, a key that is not checked here, a critical extension that is not known.
    pub(crate) fn from_der(der: &[u8]) -> Result<Self, String> {
        if der.len() > MAX_SIZE {
            return Err(format!("a certificate of {} bytes, over the bound of {MAX_SIZE}", der.len()));
        }
        let malformed = |e: x509_cert::der::Error| format!("the certificate is not well formed: {e}");
        let raw = x509_cert::Certificate::from_der(der).map_err(malformed)?;
        let inner = &raw.tbs_certificate;
        let key = PublicKey::parse(&inner.subject_public_key_info.to_der().map_err(malformed)?)
            .map_err(|why| format!("the key of the certificate: {why}"))?;
        let tbs = inner.to_der().map_err(malformed)?;
        let seconds = |time: &x509_cert::time::Time| i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
        let valid = (seconds(&inner.validity.not_before), seconds(&inner.validity.not_after));
        let (mut common_name, mut organizations) = (String::new(), Vec::new());
        for attribute in inner.subject.0.iter().flat_map(|part| part.0.iter()) {
            let text = || std::str::from_utf8(attribute.value.value()).unwrap_or_default().to_owned();
            match attribute.oid {
                COMMON_NAME => common_name = text(),
                ORGANIZATION => organizations.push(text()),
                _ => {}
            }
        }
        let mut found = Self {
            key,
            tbs,
            common_name,
            organizations,
            dns_names: Vec::new(),
            emails: Vec::new(),
            uris: Vec::new(),
            issuer: None,
            valid,
            authority: None,
            signs_code: false,
            raw: raw.clone(),
        };
        let (mut basic, mut usage) = (None, None);
        for extension in inner.extensions.iter().flatten() {
            let value = extension.extn_value.as_bytes();
            match extension.extn_id {
                BASIC_CONSTRAINTS => basic = Some(BasicConstraints::from_der(value).map_err(malformed)?),
                KEY_USAGE => usage = Some(KeyUsage::from_der(value).map_err(malformed)?),
                EXTENDED_KEY_USAGE => {
                    found.signs_code = ExtendedKeyUsage::from_der(value).map_err(malformed)?.0.contains(&CODE_SIGNING);
                }
                SUBJECT_ALT_NAME => {
                    for name in SubjectAltName::from_der(value).map_err(malformed)?.0 {
                        match name {
                            GeneralName::Rfc822Name(name) => found.emails.push(name.to_string()),
                            GeneralName::DnsName(name) => found.dns_names.push(name.to_string()),
                            GeneralName::UniformResourceIdentifier(name) => found.uris.push(name.to_string()),
                            _ => {}
                        }
                    }
                }
                ISSUER => found.issuer = x509_cert::der::asn1::Utf8StringRef::from_der(value).ok().map(|s| s.as_str().to_owned()),
                ISSUER_OLD if found.issuer.is_none() => found.issuer = std::str::from_utf8(value).ok().map(str::to_owned),
                other if extension.critical => {
                    return Err(format!("the certificate has the critical extension {other}, which is not known"));
                }
                _ => {}
            }
        }
        let may_sign = usage.is_none_or(|u| u.key_cert_sign());
        found.authority = basic.filter(|b| b.ca && may_sign).map(|b| b.path_len_constraint);
        Ok(found)
    }

    /// Reads the first certificate of a PEM file.
    ///
    /// # Errors
    /// As [`Certificate::from_der`].
    pub(crate) fn from_pem(text: &str) -> Result<Self, String> {
        use base64::Engine as _;
        let (_, rest) = text.split_once("-----BEGIN CERTIFICATE-----").ok_or("there is no \"BEGIN CERTIFICATE\" in it")?;
        let (body, _) = rest.split_once("-----END CERTIFICATE-----").ok_or("there is no \"END CERTIFICATE\" in it")?;
        let body: String = body.split_ascii_whitespace().collect();
        let der = base64::engine::general_purpose::STANDARD.decode(body).map_err(|e| format!("the certificate is not base64: {e}"))?;
        Self::from_der(&der)
    }

    /// The identity as Sigstore has it: the first e-mail address, else the first URI.
    pub(crate) fn identity(&self) -> Option<&str> {
        self.emails.first().or(self.uris.first()).map(String::as_str)
    }

    fn is_signed_by(&self, key: &PublicKey) -> bool {
        let algorithm = self.raw.signature_algorithm.oid.to_string();
        let same = self.raw.signature_algorithm == self.raw.tbs_certificate.signature;
        let Some(signature) = self.raw.signature.as_bytes().filter(|_| same) else { return false };
        verify(key, &algorithm, &self.tbs, signature)
    }

    /// Whether it leads to one of `roots` by certificates of `between`, each valid at `time` (seconds since the epoch).
    ///
    /// # Errors
    /// In words.
    pub(crate) fn leads_to(&self, roots: &[Self], between: &[Self], time: i64) -> Result<(), String> {
        if !self.is_valid_at(time) {
            return Err("the certificate was not valid at that time".to_owned());
        }
        let mut tries = 0;
        if self.climb(roots, between, time, 0, &mut tries) {
            Ok(())
        } else {
            Err("the certificate does not lead to a certificate authority that counts".to_owned())
        }
    }

    fn is_valid_at(&self, time: i64) -> bool {
        (self.valid.0..=self.valid.1).contains(&time)
    }

    fn climb(&self, roots: &[Self], between: &[Self], time: i64, below: usize, tries: &mut usize) -> bool {
        let mut issued = |by: &Self| {
            let room = by.authority.is_some_and(|most| most.is_none_or(|most| below <= usize::from(most)));
            let named = by.raw.tbs_certificate.subject == self.raw.tbs_certificate.issuer;
            if !room || !named || !by.is_valid_at(time) || *tries >= MAX_TRIES {
                return false;
            }
            *tries += 1;
            self.is_signed_by(&by.key)
        };
        if roots.iter().any(&mut issued) {
            return true;
        }
        let next: Vec<&Self> = between.iter().filter(|by| issued(by)).collect();
        below < MAX_DEPTH && next.into_iter().any(|by| by.climb(roots, between, time, below + 1, tries))
    }
}

/// A signature by one of the algorithms of certificates and CMS, named by its object identifier (RFC 5758, RFC 4055, RFC 8410).
pub(crate) fn verify(key: &PublicKey, algorithm: &str, message: &[u8], signature: &[u8]) -> bool {
    match algorithm {
        "1.2.840.10045.4.3.2" => key.verify_der(Hash::Sha256, message, signature),
        "1.2.840.10045.4.3.3" => key.verify_der(Hash::Sha384, message, signature),
        "1.2.840.10045.4.3.4" => key.verify_der(Hash::Sha512, message, signature),
        "1.2.840.113549.1.1.11" => key.verify_pkcs1(Hash::Sha256, message, signature),
        "1.2.840.113549.1.1.12" => key.verify_pkcs1(Hash::Sha384, message, signature),
        "1.2.840.113549.1.1.13" => key.verify_pkcs1(Hash::Sha512, message, signature),
        "1.3.101.112" => matches!(key, PublicKey::Ed25519(point) if super::verify_ed25519(point, message, signature)),
        _ => false,
    }
}
