//! Shared bytes that can be sliced without a copy: members of an archive are slices of it.

use std::ops::{Deref, Range};
use std::sync::Arc;

#[derive(Clone)]
enum Owner {
    Slice(Arc<[u8]>),
    Vec(Arc<Vec<u8>>),
}

/// A range of shared bytes.
#[derive(Clone)]
pub(crate) struct Blob {
    owner: Owner,
    range: Range<usize>,
}

impl Blob {
    /// A part of these bytes; clamped to what there is.
    pub(crate) fn slice(&self, range: Range<usize>) -> Self {
        let start = self.range.start.saturating_add(range.start).min(self.range.end);
        let end = self.range.start.saturating_add(range.end).clamp(start, self.range.end);
        Self { owner: self.owner.clone(), range: start..end }
    }

    /// The same bytes without holding on to a much larger owner.
    pub(crate) fn compact(&self) -> Self {
        let whole = match &self.owner {
            Owner::Slice(s) => s.len(),
            Owner::Vec(v) => v.capacity(),
        };
        if whole / 2 > self.len() { Self::from(self.to_vec()) } else { self.clone() }
    }
}

/// Whether both are the same bytes, several at a time: the C library of the static binary (musl) compares them one by one.
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    const STEP: usize = 256;
    let differing = |x: &[u8], y: &[u8]| x.iter().zip(y).fold(0, |all, (m, n)| all | (m ^ n));
    let (x, y) = (a.chunks_exact(STEP), b.chunks_exact(STEP));
    a.len() == b.len() && differing(x.remainder(), y.remainder()) == 0 && x.zip(y).all(|(x, y)| differing(x, y) == 0)
}

impl Default for Blob {
    fn default() -> Self {
        Self::from(Vec::new())
    }
}

impl Deref for Blob {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let all: &[u8] = match &self.owner {
            Owner::Slice(s) => s,
            Owner::Vec(v) => v,
        };
        all.get(self.range.clone()).unwrap_or_default()
    }
}

impl From<Arc<[u8]>> for Blob {
    fn from(bytes: Arc<[u8]>) -> Self {
        let range = 0..bytes.len();
        Self { owner: Owner::Slice(bytes), range }
    }
}

impl From<Vec<u8>> for Blob {
    fn from(bytes: Vec<u8>) -> Self {
        let range = 0..bytes.len();
        Self { owner: Owner::Vec(Arc::new(bytes)), range }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_other_byte_anywhere_is_seen() {
        for length in [0, 1, 255, 256, 257, 700] {
            let bytes: Vec<u8> = (0..length).map(|i: u32| (i % 251) as u8).collect();
            assert!(same(&bytes, &bytes.clone()));
            for at in 0..bytes.len() {
                let mut other = bytes.clone();
                other[at] ^= 1 << (at % 8);
                assert!(!same(&bytes, &other), "{at} of {length}");
                assert!(!same(&bytes, &bytes[..at]) && !same(&bytes[..at], &bytes));
            }
        }
    }
}
