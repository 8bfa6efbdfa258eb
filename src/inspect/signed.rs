//! Signatures of PKCS #7 (CMS, RFC 5652) inside of a file: whether such a thing is a signature and nothing else. Whether it is valid is
//! not asked here. Nothing in it is free: attributes are of known kinds and short, a certificate belongs to the chain of a signer, and
//! all of it is DER, so that no byte can stand where readers do not look.

use cms::cert::CertificateChoices;
use cms::content_info::ContentInfo;
use cms::signed_data::{SignedData, SignerIdentifier, SignerInfo};
use x509_cert::Certificate;
use x509_cert::attr::Attributes;
use x509_cert::der::asn1::{Any, ObjectIdentifier};
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::ext::pkix::SubjectKeyIdentifier;
use x509_cert::spki::AlgorithmIdentifierOwned;

const fn oid(text: &'static str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

const SIGNED_DATA: ObjectIdentifier = oid("1.2.840.113549.1.7.2");
const SIGNED_ATTRIBUTES: [ObjectIdentifier; 13] = [
    oid("1.2.840.113549.1.9.3"),       // content type
    oid("1.2.840.113549.1.9.4"),       // message digest
    oid("1.2.840.113549.1.9.5"),       // signing time
    oid("1.2.840.113549.1.9.15"),      // S/MIME capabilities
    oid("1.2.840.113549.1.9.52"),      // algorithm protection
    oid("1.2.840.113549.1.9.25.4"),    // number of a nested signature
    oid("1.2.840.113549.1.9.16.2.12"), // signing certificate
    oid("1.2.840.113549.1.9.16.2.47"), // signing certificate, version 2
    oid("1.3.6.1.4.1.311.2.1.10"),     // agency
    oid("1.3.6.1.4.1.311.2.1.11"),     // statement type
    oid("1.3.6.1.4.1.311.2.1.12"),     // name and address of the program
    oid("1.2.840.113635.100.9.1"),     // Apple: digests of the other directories
    oid("1.2.840.113635.100.9.2"),
];
const COUNTERSIGNATURE: ObjectIdentifier = oid("1.2.840.113549.1.9.6");
const TIMESTAMPS: [ObjectIdentifier; 2] = [oid("1.3.6.1.4.1.311.3.3.1"), oid("1.2.840.113549.1.9.16.2.14")];
const NESTED: ObjectIdentifier = oid("1.3.6.1.4.1.311.2.4.1");
const TIMESTAMP_INFO: ObjectIdentifier = oid("1.2.840.113549.1.9.16.1.4");
const PE_DIGEST: ObjectIdentifier = oid("1.3.6.1.4.1.311.2.1.4");
/// What a signature over a PE file says besides the digest: the type of the data, behind it flags, and a file that has no name, or the
/// one that everybody has.
const PE_DATA: &[u8] = b"\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x02\x01\x0f";
const PE_FILE: [&[u8]; 2] = [b"\xa0\x04\xa2\x02\x80\x00", b"\xa0\x20\xa2\x1e\x80\x1c\0<\0<\0<\0O\0b\0s\0o\0l\0e\0t\0e\0>\0>\0>"];

/// Bytes of a signed attribute, of the name of a signer, and of a signature in PKCS #7.
const MAX_PART: usize = 2048;
/// Bytes of all of a PKCS #7.
const MAX_SIGNATURE: usize = 1 << 20;
/// Bytes of what a timestamp in it states.
const MAX_STAMP: usize = 1024;
/// Bytes of one certificate in it.
const MAX_CERTIFICATE: usize = 8 << 10;
/// Certificates in it.
const MAX_CERTIFICATES: usize = 32;
/// Signatures in it inside of each other.
const MAX_DEPTH: usize = 3;

/// What a signature is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    /// Something that is not in it.
    Other,
    /// A PE file, whose digest is in it.
    Pe,
    /// A time and a digest, which are in it.
    Time,
}

/// Whether these bytes, from the first to the last, are a signature and nothing else.
pub(crate) fn is_signature(der: &[u8], over: Over) -> bool {
    der.len() <= MAX_SIGNATURE && ContentInfo::from_der(der).is_ok_and(|info| is_sound(&info, over, 0))
}

fn length(value: &impl x509_cert::der::Encode) -> usize {
    value.encoded_len().ok().and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX)
}

fn is_sound(info: &ContentInfo, over: Over, depth: usize) -> bool {
    let signed = info.content.to_der().ok().and_then(|der| SignedData::from_der(&der).ok());
    let Some(signed) = signed.filter(|_| info.content_type == SIGNED_DATA && depth < MAX_DEPTH) else { return false };
    let [signer] = signed.signer_infos.0.as_slice() else { return false };
    let mut named = Vec::new();
    signed.crls.is_none()
        && signed.digest_algorithms.len() <= 1
        && signed.digest_algorithms.iter().all(is_plain)
        && holds(&signed, over)
        && signs(signer, over, depth, &mut named)
        && are_of_chains(&signed, &named)
}

/// Whether what is enclosed is what such a signature must enclose.
fn holds(signed: &SignedData, over: Over) -> bool {
    let info = &signed.encap_content_info;
    match (over, &info.econtent) {
        (Over::Other, None) => true,
        (Over::Pe, Some(content)) => info.econtent_type == PE_DIGEST && is_digest(content),
        (Over::Time, Some(content)) => info.econtent_type == TIMESTAMP_INFO && length(content) <= MAX_STAMP,
        _ => false,
    }
}

/// What Microsoft calls `SpcIndirectDataContent`.
fn is_digest(content: &Any) -> bool {
    let Some((rest, data)) = der_sequence(content.value()) else { return false };
    let data = data.strip_prefix(PE_DATA).and_then(der_sequence).filter(|(rest, _)| rest.is_empty());
    let file = data.and_then(|(_, inner)| match inner {
        [3, 1, 0, file @ ..] | [3, 2, 0..=7, _, file @ ..] => Some(file),
        _ => None,
    });
    if !file.is_some_and(|file| PE_FILE.contains(&file)) {
        return false;
    }
    // The digest: its algorithm, and as many bytes as that gives.
    let Some((digest, algorithm)) = der_sequence(rest).filter(|(rest, _)| rest.is_empty()).and_then(|(_, info)| der_sequence(info)) else {
        return false;
    };
    let algorithm_is_plain = algorithm.first() == Some(&6)
        && algorithm.get(1).is_some_and(|n| {
            let rest = algorithm.get(2 + usize::from(*n)..);
            rest.is_some_and(|r| r.is_empty() || r == [5, 0])
        });
    algorithm_is_plain && matches!(digest, [4, n @ 16..=64, value @ ..] if value.len() == usize::from(*n))
}

/// The rest behind a short sequence, and what is in it.
fn der_sequence(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    match bytes {
        [0x30, n @ 0..=0x7f, rest @ ..] => rest.split_at_checked(usize::from(*n)).map(|(inner, rest)| (rest, inner)),
        _ => None,
    }
}

/// An algorithm without anything that could be said with it; RSA-PSS has parameters.
fn is_plain(algorithm: &AlgorithmIdentifierOwned) -> bool {
    algorithm.parameters.as_ref().is_none_or(|any| length(any) <= 2 || algorithm.oid == oid("1.2.840.113549.1.1.10") && length(any) <= 64)
}

/// Whether a signer has nothing but what signers have; remembers who it says that it is.
fn signs(signer: &SignerInfo, over: Over, depth: usize, named: &mut Vec<SignerIdentifier>) -> bool {
    named.push(signer.sid.clone());
    length(&signer.sid) <= MAX_PART
        && is_plain(&signer.digest_alg)
        && is_plain(&signer.signature_algorithm)
        && signer.signature.as_bytes().len() <= MAX_PART
        && signer.signed_attrs.as_ref().is_none_or(are_known)
        && signer.unsigned_attrs.as_ref().is_none_or(|all| are_signatures(all, over, depth, named))
}

/// Attributes that are signed: of known kinds, each once, and short.
fn are_known(attributes: &Attributes) -> bool {
    attributes.iter().enumerate().all(|(i, a)| {
        let first = attributes.iter().take(i).all(|b| b.oid != a.oid);
        first && SIGNED_ATTRIBUTES.contains(&a.oid) && a.values.len() <= 4 && length(a) <= MAX_PART
    })
}

/// Attributes that nobody signed: each is another signature.
fn are_signatures(attributes: &Attributes, over: Over, depth: usize, named: &mut Vec<SignerIdentifier>) -> bool {
    attributes.iter().enumerate().all(|(i, a)| {
        let first = attributes.iter().take(i).all(|b| b.oid != a.oid);
        let kind = a.oid;
        first
            && a.values.len() == 1
            && a.values.iter().all(|value| {
                let Ok(der) = value.to_der() else { return false };
                let inner = |over| ContentInfo::from_der(&der).is_ok_and(|info| is_sound(&info, over, depth + 1));
                match kind {
                    COUNTERSIGNATURE if depth < MAX_DEPTH => {
                        SignerInfo::from_der(&der).is_ok_and(|s| s.unsigned_attrs.is_none() && signs(&s, Over::Other, depth + 1, named))
                    }
                    NESTED => over == Over::Pe && inner(Over::Pe),
                    _ => TIMESTAMPS.contains(&kind) && over != Over::Time && inner(Over::Time),
                }
            })
    })
}

/// Whether every certificate is that of a signer, or of who issued one of those.
fn are_of_chains(signed: &SignedData, named: &[SignerIdentifier]) -> bool {
    let all = signed.certificates.as_ref().map(|set| set.0.as_slice()).unwrap_or_default();
    let mut certificates: Vec<&Certificate> = Vec::new();
    for choice in all {
        let CertificateChoices::Certificate(certificate) = choice else { return false };
        certificates.push(certificate);
    }
    if certificates.len() > MAX_CERTIFICATES || certificates.iter().any(|c| length(*c) > MAX_CERTIFICATE) {
        return false;
    }
    let is_of = |c: &Certificate, sid: &SignerIdentifier| match sid {
        SignerIdentifier::IssuerAndSerialNumber(named) => {
            (&c.tbs_certificate.issuer, &c.tbs_certificate.serial_number) == (&named.issuer, &named.serial_number)
        }
        SignerIdentifier::SubjectKeyIdentifier(key) => {
            c.tbs_certificate.get::<SubjectKeyIdentifier>().is_ok_and(|own| own.is_some_and(|(_, own)| own == *key))
        }
    };
    let mut reached: Vec<bool> = certificates.iter().map(|c| named.iter().any(|sid| is_of(c, sid))).collect();
    for _ in 0..certificates.len() {
        for i in 0..certificates.len() {
            let Some(subject) = certificates.get(i).map(|c| &c.tbs_certificate.subject) else { continue };
            let issued = certificates.iter().zip(&reached).any(|(c, reached)| *reached && c.tbs_certificate.issuer == *subject);
            if let Some(reached) = reached.get_mut(i) {
                *reached |= issued;
            }
        }
    }
    reached.into_iter().all(|r| r)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn part(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let content = parts.concat();
        let length = match content.len() {
            n @ 0..=127 => vec![u8::try_from(n).unwrap()],
            n @ 128..=255 => vec![0x81, u8::try_from(n).unwrap()],
            n => [&[0x82][..], &u16::try_from(n).unwrap().to_be_bytes()].concat(),
        };
        [&[tag][..], &length, &content].concat()
    }

    fn id(text: &str) -> Vec<u8> {
        ObjectIdentifier::new_unwrap(text).to_der().unwrap()
    }

    fn attribute(kind: &str, value: &[u8]) -> Vec<u8> {
        part(0x30, &[&id(kind), &part(0x31, &[value])])
    }

    /// A signature that nobody made.
    #[derive(Clone, Default)]
    struct Made {
        over: Option<(&'static str, Vec<u8>)>,
        certificates: Vec<u8>,
        crls: Vec<u8>,
        signed: Vec<u8>,
        unsigned: Vec<u8>,
        parameters: Vec<u8>,
        value: Vec<u8>,
        behind: Vec<u8>,
    }

    impl Made {
        fn signer(&self) -> Vec<u8> {
            let sha256 = part(0x30, &[&id("2.16.840.1.101.3.4.2.1"), &self.parameters]);
            let list = |tag, all: &[u8]| if all.is_empty() { Vec::new() } else { part(tag, &[all]) };
            let (signed, unsigned) = (list(0xa0, &self.signed), list(0xa1, &self.unsigned));
            part(0x30, &[b"\x02\x01\x03", &part(0x80, &[b"key"]), &sha256, &signed, &sha256, &part(4, &[&self.value]), &unsigned])
        }

        fn der(&self) -> Vec<u8> {
            let list = |tag, all: &[u8]| if all.is_empty() { Vec::new() } else { part(tag, &[all]) };
            let sha256 = part(0x30, &[&id("2.16.840.1.101.3.4.2.1")]);
            let inner = match &self.over {
                None => part(0x30, &[&id("1.2.840.113549.1.7.1")]),
                Some((kind, content)) => part(0x30, &[&id(kind), &part(0xa0, &[content])]),
            };
            let signed = [
                b"\x02\x01\x03".to_vec(),
                part(0x31, &[&sha256]),
                inner,
                list(0xa0, &self.certificates),
                list(0xa1, &self.crls),
                part(0x31, &[&self.signer()]),
            ];
            let signed = part(0x30, &[&signed.concat(), &self.behind]);
            part(0x30, &[&id("1.2.840.113549.1.7.2"), &part(0xa0, &[&signed])])
        }
    }

    /// One over a PE file, with that value.
    pub(crate) fn over_pe(value: &[u8]) -> Vec<u8> {
        Made { value: value.to_vec(), ..pe(&data(b"\x03\x01\0", PE_FILE[0]), b"0123456789abcdef") }.der()
    }

    /// One over something else, with that value.
    pub(crate) fn plain(value: &[u8]) -> Vec<u8> {
        Made { value: value.to_vec(), ..Made::default() }.der()
    }

    /// The same with an attribute of a kind that nobody knows.
    pub(crate) fn with_more(value: &[u8]) -> Vec<u8> {
        Made { unsigned: attribute("1.2.3.4", &part(4, &[value])), ..Made::default() }.der()
    }

    fn is(made: &Made) -> bool {
        is_signature(&made.der(), Over::Other)
    }

    fn time(more: Made) -> Vec<u8> {
        Made { over: Some(("1.2.840.113549.1.9.16.1.4", part(4, &[b"when"]))), ..more }.der()
    }

    #[test]
    fn attributes_are_of_known_kinds() {
        let plain = Made::default();
        assert!(is(&plain));
        let signed = |kind, value: &[u8]| Made { signed: attribute(kind, value), ..plain.clone() };
        assert!(is(&signed("1.2.840.113549.1.9.4", &part(4, &[b"digest"]))));
        assert!(!is(&signed("1.2.840.113549.1.9.4", &part(4, &[&[7; 4000]]))), "as long as a program");
        assert!(!is(&signed("1.2.3.4", &part(4, &[b"digest"]))));
        let unsigned = |kind, value: &[u8]| Made { unsigned: attribute(kind, value), ..plain.clone() };
        assert!(!is(&unsigned("1.2.840.113549.1.9.4", &part(4, &[b"digest"]))), "nobody signed it");
        assert!(!is(&unsigned("1.2.3.4", &part(4, &[b"#!/bin/sh"]))));
        assert!(is(&unsigned("1.2.840.113549.1.9.6", &plain.signer())), "a countersignature");
        assert!(!is(&unsigned("1.2.840.113549.1.9.6", &part(4, &[b"#!/bin/sh"]))));
        let deep = Made { unsigned: attribute("1.2.3.4", &part(4, &[b"x"])), ..plain.clone() };
        assert!(!is(&unsigned("1.2.840.113549.1.9.6", &deep.signer())));
        for kind in ["1.3.6.1.4.1.311.3.3.1", "1.2.840.113549.1.9.16.2.14"] {
            assert!(is(&unsigned(kind, &time(plain.clone()))), "a timestamp");
            assert!(!is(&unsigned(kind, &plain.der())), "no timestamp");
            assert!(!is(&unsigned(kind, &time(deep.clone()))), "a timestamp with something in it");
        }
        let twice = [attribute("1.2.840.113549.1.9.6", &plain.signer()), attribute("1.2.840.113549.1.9.6", &deep.signer())].concat();
        assert!(!is(&Made { unsigned: twice, ..plain.clone() }));
        assert!(
            !is(&unsigned("1.3.6.1.4.1.311.2.4.1", &pe(&data(b"\x03\x01\0", PE_FILE[0]), b"0123456789abcdef").der())),
            "of PE files only"
        );
    }

    fn data(flags: &[u8], file: &[u8]) -> Vec<u8> {
        part(0x30, &[PE_DATA, &part(0x30, &[flags, file])])
    }

    fn pe(data: &[u8], digest: &[u8]) -> Made {
        let info = part(0x30, &[&part(0x30, &[&id("2.16.840.1.101.3.4.2.1"), &[5, 0]]), &part(4, &[digest])]);
        Made { over: Some(("1.3.6.1.4.1.311.2.1.4", part(0x30, &[data, &info]))), ..Made::default() }
    }

    #[test]
    fn what_is_enclosed_is_a_digest_or_a_time() {
        let is_pe = |made: &Made| is_signature(&made.der(), Over::Pe);
        let good = pe(&data(b"\x03\x01\0", PE_FILE[0]), b"0123456789abcdef");
        for file in PE_FILE {
            assert!(is_pe(&pe(&data(b"\x03\x01\0", file), b"0123456789abcdef")));
            assert!(is_pe(&pe(&data(b"\x03\x02\x05\xa0", file), b"0123456789abcdef")));
            assert!(!is_pe(&pe(&data(b"\x03\x03\x05\xa0\xa0", file), b"0123456789abcdef")));
        }
        assert!(!is_pe(&pe(&data(b"\x03\x01\0", b"\xa0\x06\xa2\x04\x80\x02\0x"), b"0123456789abcdef")));
        assert!(!is(&good) && !is_pe(&Made::default()));
        assert!(!is_pe(&pe(&part(0x30, &[b"\x04\x03any"]), b"0123456789abcdef")));
        assert!(!is_pe(&pe(&data(b"\x03\x01\0", PE_FILE[0]), &[7; 65])));
        let nested = |made: &Made| Made { unsigned: attribute("1.3.6.1.4.1.311.2.4.1", &made.der()), ..good.clone() };
        assert!(is_pe(&nested(&good)) && !is_pe(&nested(&Made::default())));
        assert!(!is_pe(&nested(&Made { unsigned: attribute("1.2.3", &part(4, &[b"x"])), ..good.clone() })));
        assert!(!is_pe(&nested(&nested(&nested(&good)))), "inside of each other without an end");
    }

    #[test]
    fn nothing_stands_where_readers_do_not_look() {
        let plain = Made::default();
        let odd = [
            ("certificates of another form", Made { certificates: part(0xa3, &[&id("1.2.3"), b"\x04\x01x"]), ..plain.clone() }),
            ("lists of revoked ones", Made { crls: part(0xa1, &[&id("1.2.3"), b"\x04\x01x"]), ..plain.clone() }),
            ("parameters", Made { parameters: part(4, &[b"any"]), ..plain.clone() }),
            ("behind the signers", Made { behind: part(4, &[b"any"]), ..plain.clone() }),
        ];
        for (what, made) in odd {
            assert!(!is(&made), "{what}");
        }
        let der = plain.der();
        assert!(!is_signature(&[&der[..], &[0]].concat(), Over::Other), "behind its end");
        // The same length in a longer form.
        let long = [&[0x30, 0x82, 0, der[1]][..], &der[2..]].concat();
        assert!(!is_signature(&long, Over::Other), "{}", der[1]);
        assert!(is(&Made { parameters: vec![5, 0], ..plain }));
    }

    #[test]
    fn certificates_belong_to_a_signer() {
        let certificate = |subject: &str, issuer: &str, serial: u8| {
            let name = |text: &str| part(0x30, &[&part(0x31, &[&part(0x30, &[&id("2.5.4.3"), &part(0x0c, &[text.as_bytes()])])])]);
            let rsa = part(0x30, &[&id("1.2.840.113549.1.1.11"), &[5, 0]]);
            let times = part(0x30, &[&part(0x17, &[b"200101000000Z"]), &part(0x17, &[b"300101000000Z"])]);
            let key = part(0x30, &[&part(0x30, &[&id("1.2.840.113549.1.1.1"), &[5, 0]]), &part(3, &[b"\0key"])]);
            let inner = [part(2, &[&[serial]]), rsa.clone(), name(issuer), times, name(subject), key].concat();
            (part(0x30, &[&part(0x30, &[&inner]), &rsa, &part(3, &[b"\0value"])]), part(0x30, &[&name(issuer), &part(2, &[&[serial]])]))
        };
        let made = |all: &[&[u8]], named: &[u8]| {
            let mut sorted: Vec<&[u8]> = all.to_vec();
            sorted.sort_unstable();
            let sha256 = part(0x30, &[&id("2.16.840.1.101.3.4.2.1")]);
            let signer = part(0x30, &[b"\x02\x01\x01", named, &sha256, &sha256, &part(4, &[b"value"])]);
            let content = part(0x30, &[&id("1.2.840.113549.1.7.1")]);
            let signed = part(
                0x30,
                &[b"\x02\x01\x01", &part(0x31, &[&sha256]), &content, &part(0xa0, &[&sorted.concat()]), &part(0x31, &[&signer])],
            );
            is_signature(&part(0x30, &[&id("1.2.840.113549.1.7.2"), &part(0xa0, &[&signed])]), Over::Other)
        };
        let ((root, _), (own, named), (other, _)) = (certificate("R", "R", 1), certificate("S", "R", 2), certificate("O", "O", 3));
        assert!(made(&[&own], &named) && made(&[&root, &own], &named));
        assert!(!made(&[&root, &own, &other], &named), "of nobody's chain");
        assert!(!made(&[&root], &named), "without the signer's own");
        let large = certificate("S", &"R".repeat(9000), 2);
        assert!(!made(&[&large.0], &large.1));
    }
}
