//! Signatures of minisign (<https://jedisct1.github.io/minisign/>) and of OpenBSD's signify(1): Ed25519 keys (RFC 8032) that are named
//! by eight bytes.
//!
//! A signature is lines: an untrusted comment; base64 of algorithm, key id and signature; and of minisign a trusted comment with a
//! signature of its own, over the first signature and the comment. `Ed` signs the file, `ED` its BLAKE2b-512 (RFC 7693).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use blake2::Digest as _;

use super::key::verify_ed25519;
use crate::digest::{Sha256, hex};
use crate::text::{Shown, Untrusted};

const UNTRUSTED: &[u8] = b"untrusted comment: ";
const TRUSTED: &[u8] = b"trusted comment: ";
/// The longest line that is read, in bytes (minisign's own bound of a comment is 8192).
const MAX_LINE: usize = 16 << 10;
/// The largest message that signify keeps behind its signature, in bytes.
const MAX_EMBEDDED: usize = 64 << 20;

/// A public key with its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    id: [u8; 8],
    point: [u8; 32],
    /// The comment above it: a claim of whoever wrote the file.
    pub comment: Untrusted,
}

impl Key {
    /// Reads a key file, or the base64 of it alone.
    ///
    /// # Errors
    /// With what is wrong, in words.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() > MAX_LINE {
            return Err(format!("the key has {} bytes, over the bound of {MAX_LINE}", bytes.len()));
        }
        let mut lines = lines(bytes);
        let first = lines.next().unwrap_or_default();
        let (comment, data) = match first.strip_prefix(UNTRUSTED) {
            Some(comment) => (comment, lines.next().unwrap_or_default()),
            None => (&b""[..], first),
        };
        let raw = STANDARD.decode(data).map_err(|_| "the key is not base64".to_owned())?;
        let ([b'E', b'd', rest @ ..], 42) = (&raw[..], raw.len()) else {
            return Err("no key of minisign or signify: 42 bytes that begin with \"Ed\" are right".to_owned());
        };
        let (id, point) = rest.split_first_chunk::<8>().ok_or("the key is cut short")?;
        if lines.any(|l| !l.is_empty()) {
            return Err("there is more in the file than one key".to_owned());
        }
        let point = point.try_into().map_err(|_| "the key is cut short".to_owned())?;
        Ok(Self { id: *id, point, comment: comment.into() })
    }

    /// The key id as minisign prints it: 16 hexadecimal digits.
    #[must_use]
    pub fn id(&self) -> String {
        id_text(self.id)
    }

    /// The 42 bytes that the key file holds: algorithm, id, point.
    #[must_use]
    pub fn blob(&self) -> Vec<u8> {
        [&b"Ed"[..], &self.id, &self.point].concat()
    }

    /// SHA-256 of [`Key::blob`]: eight bytes of an id can be made to agree.
    #[must_use]
    pub fn fingerprint(&self) -> Sha256 {
        Sha256::of(&self.blob())
    }
}

/// minisign prints the bytes as one little-endian number.
fn id_text(mut id: [u8; 8]) -> String {
    id.reverse();
    hex(&id).to_ascii_uppercase()
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|b| *b == b'\n').map(|l| l.strip_suffix(b"\r").unwrap_or(l))
}

/// A signature that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    id: [u8; 8],
    prehashed: bool,
    signature: [u8; 64],
    /// The comment that is signed too, and its signature; signify has none.
    trusted: Option<(Vec<u8>, [u8; 64])>,
    /// The message, where signify put it behind the signature (`-e`).
    pub embedded: Option<Vec<u8>>,
}

/// Whether a file is a signature (or key) of minisign or signify, by its first line.
#[must_use]
pub fn is_one(bytes: &[u8]) -> bool {
    bytes.starts_with(UNTRUSTED)
}

/// Reads a signature. `is_minisign` when it must have a trusted comment: whoever takes that away leaves a good signature of signify.
///
/// # Errors
/// With the line of what is wrong.
pub fn parse(bytes: &[u8], is_minisign: bool) -> Result<Signature, String> {
    let mut rest = bytes;
    let mut number = 0u64;
    let mut line = || {
        number += 1;
        let end = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
        let (line, after) = rest.split_at(end);
        rest = after.get(1..).unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.len() > MAX_LINE { Err(format!("line {number}: longer than {MAX_LINE} bytes")) } else { Ok((line, rest)) }
    };
    let (first, _) = line()?;
    if !first.starts_with(UNTRUSTED) {
        return Err("line 1: it should start with \"untrusted comment: \"".to_owned());
    }
    let (second, after) = line()?;
    let raw = STANDARD.decode(second).map_err(|_| "line 2: not base64".to_owned())?;
    let short = || "line 2: 74 bytes are right: algorithm, key id, signature".to_owned();
    let (algorithm, tail) = raw.split_first_chunk::<2>().ok_or_else(short)?;
    let (id, tail) = tail.split_first_chunk::<8>().ok_or_else(short)?;
    let signature: [u8; 64] = tail.try_into().map_err(|_| short())?;
    let prehashed = match algorithm {
        b"Ed" => false,
        b"ED" => true,
        other => return Err(format!("line 2: the algorithm {} is not known", Untrusted::from(&other[..]).shown())),
    };
    let mut found = Signature { id: *id, prehashed, signature, trusted: None, embedded: None };
    if !is_minisign && !prehashed && !after.starts_with(TRUSTED) {
        if after.len() > MAX_EMBEDDED {
            return Err(format!("line 3: a message of {} bytes, over the bound of {MAX_EMBEDDED}", after.len()));
        }
        found.embedded = Some(after.to_vec()).filter(|m| !m.is_empty());
        return Ok(found);
    }
    let (third, _) = line()?;
    let comment = third.strip_prefix(TRUSTED).ok_or("line 3: the trusted comment is missing")?;
    let (fourth, after) = line()?;
    let global = STANDARD.decode(fourth).ok().and_then(|raw| raw.try_into().ok());
    found.trusted = Some((comment.to_vec(), global.ok_or("line 4: 64 bytes in base64 are right: the signature of the trusted comment")?));
    if after.iter().any(|b| !b.is_ascii_whitespace()) {
        return Err("line 5: there is more behind the signature".to_owned());
    }
    Ok(found)
}

/// Why a signature does not count with a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It names another key.
    #[error("it names the key {0}")]
    OtherKey(String),
    /// It does not match.
    #[error("the signature does not match the bytes")]
    Bad,
    /// The signature of the trusted comment does not match it.
    #[error("the signature of the trusted comment does not match: somebody changed the comment")]
    Comment,
}

impl Signature {
    /// The id of the key that it names, as minisign prints it.
    #[must_use]
    pub fn key_id(&self) -> String {
        id_text(self.id)
    }

    /// The trusted comment: signed with the rest, once [`Signature::verify`] says so.
    #[must_use]
    pub fn trusted_comment(&self) -> Option<Shown> {
        self.trusted.as_ref().map(|(comment, _)| Shown::of_bytes(comment).cut(200))
    }

    /// Which of the two programs writes such a signature.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        if self.trusted.is_some() { "minisign" } else { "signify" }
    }

    /// Whether it is of this key over `message`, and over the trusted comment where it has one.
    ///
    /// # Errors
    /// With the first reason why not.
    pub fn verify(&self, message: &[u8], key: &Key) -> Result<(), Refused> {
        if self.id != key.id {
            return Err(Refused::OtherKey(self.key_id()));
        }
        let good = if self.prehashed {
            verify_ed25519(&key.point, &blake2::Blake2b512::digest(message), &self.signature)
        } else {
            verify_ed25519(&key.point, message, &self.signature)
        };
        if !good {
            return Err(Refused::Bad);
        }
        match &self.trusted {
            Some((comment, global)) if !verify_ed25519(&key.point, &[&self.signature[..], comment].concat(), global) => {
                Err(Refused::Comment)
            }
            _ => Ok(()),
        }
    }
}

/// The keys that the reviewer trusts, each by the name that the reviewer gave it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys(Vec<(String, Key)>);

impl Keys {
    /// Takes a key file that the reviewer named.
    ///
    /// # Errors
    /// As [`Key::parse`].
    pub fn add(&mut self, name: &str, bytes: &[u8]) -> Result<(), String> {
        self.0.push((Shown::new(name).cut(80).to_string(), Key::parse(bytes)?));
        Ok(())
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Key)> {
        self.0.iter().map(|(name, key)| (name.as_str(), key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: &[u8] = include_bytes!("../../testdata/minisign/alice.pub");
    const BOB: &[u8] = include_bytes!("../../testdata/minisign/bob.pub");
    const MALLORY: &[u8] = include_bytes!("../../testdata/minisign/mallory.pub");
    const MESSAGE: &[u8] = include_bytes!("../../testdata/minisign/message.txt");
    const PREHASHED: &[u8] = include_bytes!("../../testdata/minisign/prehashed.minisig");
    const LEGACY: &[u8] = include_bytes!("../../testdata/minisign/legacy.minisig");
    const SIGNIFY: &[u8] = include_bytes!("../../testdata/minisign/bob.sig");
    const EMBEDDED: &[u8] = include_bytes!("../../testdata/minisign/SHA256.sig");

    fn key(bytes: &[u8]) -> Key {
        Key::parse(bytes).unwrap()
    }

    #[test]
    fn what_minisign_and_signify_write_is_good_and_a_changed_byte_is_not() {
        for (bytes, owner, is_minisign) in [(PREHASHED, ALICE, true), (LEGACY, ALICE, true), (SIGNIFY, BOB, false)] {
            let signature = parse(bytes, is_minisign).unwrap();
            assert_eq!(signature.verify(MESSAGE, &key(owner)), Ok(()));
            assert_eq!(signature.verify(b"A message.\nOf two lines!\n", &key(owner)), Err(Refused::Bad));
            let other = signature.verify(MESSAGE, &key(MALLORY)).unwrap_err();
            assert_eq!(other, Refused::OtherKey(key(owner).id()));
            // The same id with another point: a made key.
            let forged = Key { point: key(MALLORY).point, ..key(owner) };
            assert_eq!(signature.verify(MESSAGE, &forged), Err(Refused::Bad));
        }
        assert_eq!(parse(PREHASHED, true).unwrap().trusted_comment().unwrap().as_str(), "version 1 of message.txt");
        assert!(std::str::from_utf8(ALICE).unwrap().contains(&key(ALICE).id()), "the id is the one that minisign writes");
    }

    #[test]
    fn the_trusted_comment_is_signed_and_cannot_be_taken_away() {
        let text = std::str::from_utf8(LEGACY).unwrap();
        let changed = text.replace("version 1", "version 2");
        assert_eq!(parse(changed.as_bytes(), true).unwrap().verify(MESSAGE, &key(ALICE)), Err(Refused::Comment));
        let cut = text.split_inclusive('\n').take(2).collect::<String>();
        assert!(parse(cut.as_bytes(), true).unwrap_err().contains("trusted comment is missing"));
        assert!(parse(cut.as_bytes(), false).is_ok(), "that is what signify writes");
        let prehashed = std::str::from_utf8(PREHASHED).unwrap().split_inclusive('\n').take(2).collect::<String>();
        assert!(parse(prehashed.as_bytes(), false).is_err(), "signify has no such algorithm");
    }

    #[test]
    fn a_list_behind_the_signature_is_what_was_signed() {
        let signature = parse(EMBEDDED, false).unwrap();
        let list = signature.embedded.clone().unwrap();
        assert!(list.starts_with(b"SHA256 (message.txt) = "));
        assert_eq!(signature.verify(&list, &key(BOB)), Ok(()));
        assert_eq!(signature.verify(&list[..list.len() - 1], &key(BOB)), Err(Refused::Bad));
    }

    #[test]
    fn what_is_none_is_named() {
        for cut in 0..LEGACY.len() - 1 {
            let read = parse(&LEGACY[..cut], true);
            assert!(!read.is_ok_and(|s| s.verify(MESSAGE, &key(ALICE)).is_ok()), "cut at {cut}");
        }
        assert!(parse(b"comment\n", true).unwrap_err().starts_with("line 1"));
        assert!(parse(b"untrusted comment: x\nRUQ=\n", true).unwrap_err().starts_with("line 2"));
        assert!(parse(&[LEGACY, b"more\n"].concat(), true).unwrap_err().starts_with("line 5"));
        assert!(Key::parse(b"untrusted comment: x\nRWQ=\n").unwrap_err().contains("42 bytes"));
        assert!(Key::parse(&[ALICE, ALICE].concat()).unwrap_err().contains("more in the file"));
        let bare = ALICE.split(|b| *b == b'\n').nth(1).unwrap();
        assert_eq!(Key::parse(bare).unwrap().point, key(ALICE).point, "as minisign -P takes it");
    }
}
