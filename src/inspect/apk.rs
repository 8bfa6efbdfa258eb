//! The parts of Android's signing block (APK Signature Scheme v2, v3, v3.1, and the stamps of the source): whether each is a
//! signature and nothing else. Whether it is valid is not asked here.

use x509_cert::Certificate;
use x509_cert::der::Decode as _;

/// Bytes of one certificate in the signing block of an apk.
const MAX_CERTIFICATE: usize = 8 << 10;
/// Bytes of a digest, a signature or a public key in it.
const MAX_VALUE: usize = 1024;
/// Signers, certificates and digests of one kind in it.
const MAX_PARTS: usize = 16;

/// What is left to read.
#[derive(Clone, Copy)]
struct Rest<'b>(&'b [u8]);

impl<'b> Rest<'b> {
    fn number(&mut self) -> Option<u32> {
        let (number, rest) = self.0.split_first_chunk::<4>()?;
        self.0 = rest;
        Some(u32::from_le_bytes(*number))
    }

    /// What stands behind its length.
    fn part(&mut self) -> Option<Rest<'b>> {
        let length = usize::try_from(self.number()?).ok()?;
        let (part, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(Rest(part))
    }

    /// A list of parts, all of which must hold.
    fn all(mut self, holds: impl Fn(Rest<'b>) -> Option<()>) -> Option<()> {
        let mut count = 0;
        while !self.0.is_empty() {
            holds(self.part()?)?;
            count += 1;
            if count > MAX_PARTS {
                return None;
            }
        }
        Some(())
    }

    fn end(self) -> Option<()> {
        self.0.is_empty().then_some(())
    }

    fn at_most(self, most: usize) -> Option<()> {
        (self.0.len() <= most).then_some(())
    }
}

/// Whether the value of a part of that number is one or more signatures and nothing else.
pub(crate) fn is_signature(id: u32, value: &[u8]) -> bool {
    let mut rest = Rest(value);
    let known = match id {
        0x7109_871a => rest.part().and_then(|signers| signers.all(|s| signer(s, false))),
        0xf053_68c0 | 0x1b93_ad61 => rest.part().and_then(|signers| signers.all(|s| signer(s, true))),
        0x2b09_189e => rest.part().and_then(first_stamp),
        0x6dff_800d => rest.part().and_then(second_stamp),
        _ => None,
    };
    known.and_then(|()| rest.end()).is_some()
}

/// An algorithm and what was made with it.
fn value(mut rest: Rest<'_>) -> Option<()> {
    rest.number()?;
    rest.part()?.at_most(MAX_VALUE)?;
    rest.end()
}

fn certificate(rest: Rest<'_>) -> Option<()> {
    rest.at_most(MAX_CERTIFICATE)?;
    Certificate::from_der(rest.0).ok().map(|_| ())
}

fn signer(mut rest: Rest<'_>, third: bool) -> Option<()> {
    let mut signed = rest.part()?;
    signed.part()?.all(value)?;
    signed.part()?.all(certificate)?;
    if third {
        // Versions of the system.
        signed.number()?;
        signed.number()?;
    }
    signed.part()?.all(attribute)?;
    // Some tools write an empty list more.
    if signed.0 == [0; 4] {
        signed.number()?;
    }
    signed.end()?;
    if third {
        rest.number()?;
        rest.number()?;
    }
    rest.part()?.all(value)?;
    rest.part()?.at_most(MAX_VALUE)?;
    rest.end()
}

/// What a signer says besides: that a newer scheme is there, from which version on it counts, which keys were there before.
fn attribute(mut rest: Rest<'_>) -> Option<()> {
    match rest.number()? {
        0xbeef_f00d | 0x559f_8b02 => rest.number().and_then(|_| rest.end()),
        0xc2a6_b3ba => rest.end(),
        0x3ba0_6f8c => lineage(rest),
        _ => None,
    }
}

/// The keys that signed before, each signed by the one before it.
fn lineage(mut rest: Rest<'_>) -> Option<()> {
    rest.number()?;
    rest.all(|mut node| {
        let mut signed = node.part()?;
        certificate(signed.part()?)?;
        signed.number()?;
        signed.end()?;
        node.number()?;
        node.number()?;
        node.part()?.at_most(MAX_VALUE)?;
        node.end()
    })
}

fn first_stamp(mut rest: Rest<'_>) -> Option<()> {
    certificate(rest.part()?)?;
    rest.part()?.all(value)?;
    rest.end()
}

fn second_stamp(mut rest: Rest<'_>) -> Option<()> {
    certificate(rest.part()?)?;
    rest.part()?.all(|mut scheme| {
        scheme.number()?;
        scheme.part()?.all(value)?;
        scheme.end()
    })?;
    if rest.0.is_empty() {
        return Some(());
    }
    rest.part()?.all(|mut attribute| match attribute.number()? {
        // The time of the stamp.
        0xe43c_5946 => attribute.at_most(8),
        0x9d63_03f7 => lineage(attribute),
        _ => None,
    })?;
    rest.part()?.all(value)?;
    rest.end()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn part(content: &[u8]) -> Vec<u8> {
        [&u32::try_from(content.len()).unwrap().to_le_bytes()[..], content].concat()
    }

    /// A block of the second scheme with one signer, that attribute, and that key.
    pub(crate) fn block(attribute: &[u8], key: &[u8], behind: &[u8]) -> Vec<u8> {
        let value = part(&[&[3, 1, 0, 0][..], &part(b"digest")].concat());
        let attributes = if attribute.is_empty() { Vec::new() } else { part(attribute) };
        let signed = [part(&value), part(b""), part(&attributes)].concat();
        let signer = [part(&signed), part(&value), part(key)].concat();
        [part(&part(&signer)), behind.to_vec()].concat()
    }

    #[test]
    fn only_signers_with_what_they_need_are_signatures() {
        let is = |attribute: &[u8], key: &[u8], behind: &[u8]| is_signature(0x7109_871a, &block(attribute, key, behind));
        assert!(is(b"", b"key", b""));
        assert!(is(&[0x0d, 0xf0, 0xef, 0xbe, 3, 0, 0, 0], b"key", b""));
        assert!(!is(b"\x01\0\0\0 anything", b"key", b""), "an attribute that is not known");
        assert!(!is(&[0x0d, 0xf0, 0xef, 0xbe, 3, 0, 0, 0, 0], b"key", b""), "one that is longer");
        assert!(!is(b"", &[7; 2000], b""), "a key as long as a program");
        assert!(!is(b"", b"key", b"x"), "something behind it");
        assert!(!is_signature(0xf053_68c0, &block(b"", b"key", b"")), "the third scheme has more in it");
        assert!(!is_signature(1, &block(b"", b"key", b"")));
        assert!(!is_signature(0x7109_871a, b"run this"));
        assert!(!is_signature(0x2b09_189e, &part(&[part(b"no certificate"), part(b"")].concat())));
    }
}
