//! Signatures of OpenPGP (RFC 4880, RFC 9580) in packages: whether such a thing is a signature and nothing else. Whether it is valid is
//! not asked here.

use base64::Engine as _;

/// Bytes of one subpacket of an OpenPGP signature in a package.
const MAX_SUBPACKET: usize = 96;
/// Bytes of such a signature as text.
const MAX_SIGNATURE_TEXT: usize = 16 << 10;
/// Bits of a number in it.
const MAX_BITS: usize = 16_384;

/// Random bytes that Sequoia puts in front of what is hashed, as a notation: marks, lengths of name and value, name.
const SALT: &[u8] = b"\0\0\0\0\0\x1e\0\x20salt@notations.sequoia-pgp.org";

/// Whether these bytes, from the first to the last, are one signature.
pub(crate) fn is_signature(packet: &[u8]) -> bool {
    body(packet).and_then(signature).is_some()
}

/// The same as text, in base64.
pub(crate) fn is_signature_text(text: &[u8]) -> bool {
    text.len() <= MAX_SIGNATURE_TEXT && base64::engine::general_purpose::STANDARD.decode(text).is_ok_and(|packet| is_signature(&packet))
}

/// The content of the only packet, which is a signature, with a length that is known.
fn body(bytes: &[u8]) -> Option<&[u8]> {
    let (length, from) = match *bytes {
        [0x88, n, ..] => (usize::from(n), 2),
        [0x89, a, b, ..] => (usize::from(u16::from_be_bytes([a, b])), 3),
        [0xc2, n @ 0..=191, ..] => (usize::from(n), 2),
        [0xc2, a @ 192..=223, b, ..] => ((usize::from(a) - 192) * 256 + usize::from(b) + 192, 3),
        _ => return None,
    };
    bytes.get(from..).filter(|body| body.len() == length)
}

fn signature(body: &[u8]) -> Option<()> {
    let (kind, algorithm, rest) = match body {
        // Version, length of what is hashed, kind, time, key, algorithms, start of the digest.
        [3, 5, kind, rest @ ..] => (*kind, *rest.get(12)?, rest.get(16..)?),
        [4, kind, algorithm, _, rest @ ..] => {
            let (hashed, rest) = list(rest)?;
            let (unhashed, rest) = list(rest)?;
            subpackets(hashed)?;
            subpackets(unhashed)?;
            (*kind, *algorithm, rest.get(2..)?)
        }
        _ => return None,
    };
    // Over a file: of its bytes, or of its text.
    if kind > 1 {
        return None;
    }
    let count = match algorithm {
        1 | 3 => 1,
        17 | 19 | 22 => 2,
        _ => return None,
    };
    (0..count).try_fold(rest, |rest, _| number(rest))?.is_empty().then_some(())
}

fn list(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

/// The rest behind a number, which has as many bits as it says.
fn number(bytes: &[u8]) -> Option<&[u8]> {
    let (bits, rest) = bytes.split_first_chunk::<2>()?;
    let bits = usize::from(u16::from_be_bytes(*bits));
    let (value, rest) = rest.split_at_checked(bits.div_ceil(8))?;
    let real = value.first().map_or(0, |first| value.len() * 8 - first.leading_zeros() as usize);
    (bits <= MAX_BITS && real == bits).then_some(rest)
}

/// What a signature says besides: when, with which key, for how long, on behalf of whom. No other notations: those may hold anything.
fn subpackets(mut bytes: &[u8]) -> Option<()> {
    let mut seen = Vec::new();
    while let [n, rest @ ..] = bytes {
        // Longer ones have their length in another form.
        let (packet, after) = rest.split_at_checked(usize::from(*n)).filter(|_| (1..=MAX_SUBPACKET).contains(&usize::from(*n)))?;
        let (kind, value) = packet.split_first()?;
        let right = match (kind & 0x7f, value.len()) {
            // Times of the signature and of its end; its key; its fingerprint; who signed.
            (2 | 3, 4) | (16, 8) | (33, 21 | 33) => true,
            (20, length) => value.starts_with(SALT) && length == SALT.len() + 32,
            (28, _) => value.iter().all(|b| (0x20..0x7f).contains(b)),
            _ => false,
        };
        if !right || seen.contains(kind) {
            return None;
        }
        seen.push(*kind);
        bytes = after;
    }
    Some(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A signature of version 4 that nobody made, with that number and those parts that are not hashed.
    pub(crate) fn made(value: &[u8], unhashed: &[u8]) -> Vec<u8> {
        let bits = value.first().map_or(0, |first| value.len() * 8 - first.leading_zeros() as usize);
        let size = |n: usize| u16::try_from(n).unwrap().to_be_bytes();
        let hashed = [5, 2, 1, 2, 3, 4];
        let body = [&[4, 0, 1, 8][..], &size(hashed.len()), &hashed, &size(unhashed.len()), unhashed, b"ab", &size(bits), value].concat();
        [&[0x89][..], &size(body.len()), &body].concat()
    }

    #[test]
    fn nothing_but_a_signature_is_one() {
        let issuer = [9, 16, 1, 2, 3, 4, 5, 6, 7, 8];
        assert!(is_signature(&made(b"value", &issuer)) && is_signature(&made(b"value", b"")));
        assert!(!is_signature(&made(b"value", &[9, 20, 1, 2, 3, 4, 5, 6, 7, 8])), "a notation");
        assert!(!is_signature(&made(b"value", &[issuer, issuer].concat())), "twice the same");
        assert!(!is_signature(&[made(b"value", b""), b"more".to_vec()].concat()));
        assert!(!is_signature(&[made(b"value", b""), made(b"value", b"")].concat()));
        assert!(!is_signature(b"#!/bin/sh") && !is_signature(b""));
        let mut bits = made(b"value", b"");
        let at = bits.len() - 6;
        bits[at] += 8;
        assert!(!is_signature(&bits), "a number that is longer than it says");
        let text = base64::engine::general_purpose::STANDARD.encode(made(b"value", b""));
        assert!(is_signature_text(text.as_bytes()) && !is_signature_text(b"value"));
        let old = [&[0x88, 19 + 3, 3, 5, 0][..], &[1; 12], &[1, 8, 0, 0], &[0, 8, 0xff]].concat();
        assert!(is_signature(&old), "version 3");
    }
}
