//! Digests: values, a streaming hasher, and one text form (lowercase hexadecimal).
//!
//! Every digest in the program is made or parsed here, so that two digests are equal exactly when their bytes are.

pub mod words;

use std::fmt;
use std::str::FromStr;

use sha2::Digest as _;

/// A digest algorithm that a manifest or a statement may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// MD5 (RFC 1321): weak, read only for comparison with what others declared.
    Md5,
    /// SHA-1 (FIPS 180-4): weak as a proof, still git's object name.
    Sha1,
    /// SHA-256 (FIPS 180-4).
    Sha256,
    /// SHA-512 (FIPS 180-4).
    Sha512,
}

impl Algorithm {
    /// The name used by BagIt manifests and in-toto digest sets.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// The algorithm of that BagIt or in-toto name, if it is one we compute.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Md5, Self::Sha1, Self::Sha256, Self::Sha512].into_iter().find(|a| a.name() == name)
    }

    /// Length of the digest in bytes.
    #[must_use]
    pub fn size(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    /// Whether equality of this digest binds the content (collision resistance still stands).
    #[must_use]
    pub fn is_strong(self) -> bool {
        matches!(self, Self::Sha256 | Self::Sha512)
    }
}

/// A SHA-256 digest: the one this program identifies content by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256(pub [u8; 32]);

impl Sha256 {
    /// The digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// The first `n` hexadecimal digits, for narrow places on a screen.
    #[must_use]
    pub fn short(&self, n: usize) -> String {
        let mut text = self.to_string();
        text.truncate(n);
        text
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{self}")
    }
}

/// Why a text is not a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// Not an even number of hexadecimal digits.
    #[error("not hexadecimal")]
    NotHex,
    /// Hexadecimal, but of another length than the algorithm gives.
    #[error("{got} bytes where the algorithm gives {want}")]
    Length {
        /// Bytes found.
        got: usize,
        /// Bytes that the algorithm gives.
        want: usize,
    },
}

impl FromStr for Sha256 {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let bytes = unhex(text).ok_or(DigestError::NotHex)?;
        let got = bytes.len();
        bytes.try_into().map(Self).map_err(|_| DigestError::Length { got, want: 32 })
    }
}

/// A digest of any known algorithm, as manifests and statements declare them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// The bytes; always `algorithm.size()` of them.
    pub bytes: Vec<u8>,
}

impl Digest {
    /// Reads the hexadecimal form, upper or lower case.
    ///
    /// # Errors
    /// When `text` is not hexadecimal or not of the algorithm's length.
    pub fn parse(algorithm: Algorithm, text: &str) -> Result<Self, DigestError> {
        let bytes = unhex(text).ok_or(DigestError::NotHex)?;
        if bytes.len() != algorithm.size() {
            return Err(DigestError::Length { got: bytes.len(), want: algorithm.size() });
        }
        Ok(Self { algorithm, bytes })
    }

    /// That digest of `bytes`, and no other.
    #[must_use]
    pub fn of(algorithm: Algorithm, bytes: &[u8]) -> Self {
        let bytes = match algorithm {
            Algorithm::Md5 => md5::Md5::digest(bytes).to_vec(),
            Algorithm::Sha1 => sha1::Sha1::digest(bytes).to_vec(),
            Algorithm::Sha256 => sha2::Sha256::digest(bytes).to_vec(),
            Algorithm::Sha512 => sha2::Sha512::digest(bytes).to_vec(),
        };
        Self { algorithm, bytes }
    }

    /// The value as SHA-256, if that is what it is.
    #[must_use]
    pub fn sha256(&self) -> Option<Sha256> {
        if self.algorithm != Algorithm::Sha256 {
            return None;
        }
        self.bytes.as_slice().try_into().ok().map(Sha256)
    }
}

impl From<Sha256> for Digest {
    fn from(value: Sha256) -> Self {
        Self { algorithm: Algorithm::Sha256, bytes: value.0.to_vec() }
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm.name(), hex(&self.bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.bytes))
    }
}

enum State {
    Md5(md5::Md5),
    Sha1(sha1::Sha1),
    Sha512(sha2::Sha512),
}

/// A streaming hasher: SHA-256 always, and any further algorithms that a manifest declares, in one pass over the bytes.
pub struct Hasher {
    main: sha2::Sha256,
    others: Vec<State>,
    length: u64,
}

impl Default for Hasher {
    fn default() -> Self {
        Self::new(&[])
    }
}

impl Hasher {
    /// A hasher for SHA-256 and for each of `others` (SHA-256 itself is not repeated).
    #[must_use]
    pub fn new(others: &[Algorithm]) -> Self {
        let others = others
            .iter()
            .filter_map(|a| match a {
                Algorithm::Md5 => Some(State::Md5(md5::Md5::new())),
                Algorithm::Sha1 => Some(State::Sha1(sha1::Sha1::new())),
                Algorithm::Sha256 => None,
                Algorithm::Sha512 => Some(State::Sha512(sha2::Sha512::new())),
            })
            .collect();
        Self { main: sha2::Sha256::new(), others, length: 0 }
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.main.update(bytes);
        for state in &mut self.others {
            match state {
                State::Md5(h) => h.update(bytes),
                State::Sha1(h) => h.update(bytes),
                State::Sha512(h) => h.update(bytes),
            }
        }
        self.length += bytes.len() as u64;
    }

    /// The SHA-256 digest, the other digests asked for, and the number of bytes taken.
    #[must_use]
    pub fn finish(self) -> (Sha256, Vec<Digest>, u64) {
        let others = self
            .others
            .into_iter()
            .map(|state| match state {
                State::Md5(h) => Digest { algorithm: Algorithm::Md5, bytes: h.finalize().to_vec() },
                State::Sha1(h) => Digest { algorithm: Algorithm::Sha1, bytes: h.finalize().to_vec() },
                State::Sha512(h) => Digest { algorithm: Algorithm::Sha512, bytes: h.finalize().to_vec() },
            })
            .collect();
        (Sha256(self.main.finalize().into()), others, self.length)
    }
}

/// Lowercase hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut out = String::with_capacity(bytes.len() * 2);
    for b in bytes {
        out.push(char::from(DIGITS[usize::from(b >> 4)]));
        out.push(char::from(DIGITS[usize::from(b & 15)]));
    }
    out
}

/// Bytes of a hexadecimal text; `None` when it is not one.
#[must_use]
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let raw = text.as_bytes();
    if !raw.len().is_multiple_of(2) {
        return None;
    }
    raw.chunks_exact(2)
        .map(|pair| {
            let high = char::from(pair[0]).to_digit(16)?;
            let low = char::from(pair[1]).to_digit(16)?;
            u8::try_from(high * 16 + low).ok()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_pass_gives_every_digest_of_the_standard_vector() {
        let mut hasher = Hasher::new(&[Algorithm::Md5, Algorithm::Sha1, Algorithm::Sha512]);
        hasher.update(b"a");
        hasher.update(b"bc");
        let (main, others, length) = hasher.finish();
        assert_eq!(main.to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(others[0].to_string(), "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(others[1].to_string(), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert!(others[2].to_string().starts_with("ddaf35a193617aba"));
        assert_eq!(length, 3);
    }

    #[test]
    fn digests_are_read_strictly() {
        let good = "BA7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(good.parse::<Sha256>().map(|d| d.to_string()), Ok(good.to_lowercase()));
        assert_eq!("abc".parse::<Sha256>(), Err(DigestError::NotHex));
        assert_eq!("zz".parse::<Sha256>(), Err(DigestError::NotHex));
        assert_eq!("abcd".parse::<Sha256>(), Err(DigestError::Length { got: 2, want: 32 }));
        assert_eq!("+1".parse::<Sha256>(), Err(DigestError::NotHex));
        assert!(Digest::parse(Algorithm::Sha1, good).is_err());
    }
}
