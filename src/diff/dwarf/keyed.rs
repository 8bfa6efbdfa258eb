//! Hashing of numbers that a file gives: quick, and keyed at random, so that no file can choose what collides.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::LazyLock;

/// A table whose keys are numbers.
pub(super) type Map<K, V> = HashMap<K, V, Keyed>;
/// A set of numbers.
pub(super) type Set<K> = HashSet<K, Keyed>;

/// Two numbers that nobody outside knows.
static KEYS: LazyLock<(u64, u64)> = LazyLock::new(|| {
    let random = RandomState::new();
    (random.hash_one(1u8), random.hash_one(2u8) | 1)
});

/// Makes hashers with the keys of this process.
#[derive(Clone, Copy)]
pub(super) struct Keyed {
    start: u64,
    factor: u64,
}

impl Default for Keyed {
    fn default() -> Self {
        Self { start: KEYS.0, factor: KEYS.1 }
    }
}

impl BuildHasher for Keyed {
    type Hasher = Folded;

    fn build_hasher(&self) -> Folded {
        Folded { state: self.start, factor: self.factor }
    }
}

/// Both halves of a product.
fn folded(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ (product >> 64) as u64
}

/// Takes each number by a multiplication whose halves are put together.
pub(super) struct Folded {
    state: u64,
    factor: u64,
}

impl Hasher for Folded {
    fn finish(&self) -> u64 {
        // Numbers that differ in few bits spread over all of them only now.
        folded(self.state, 0x9e37_79b9_7f4a_7c15)
    }

    fn write_u64(&mut self, n: u64) {
        // A product of zero would forget the number that made it.
        self.state = folded(self.state ^ n, self.factor) ^ n.rotate_left(32);
    }

    fn write_usize(&mut self, n: usize) {
        self.write_u64(n as u64);
    }

    fn write_u8(&mut self, n: u8) {
        self.write_u64(u64::from(n));
    }

    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.write_u64(u64::from_le_bytes(*word));
        }
        let last = rest.iter().fold(rest.len() as u64, |n, b| n << 8 | u64::from(*b));
        self.write_u64(last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_texts_spread() {
        let keyed = Keyed::default();
        for shift in [0, 3, 12, 32, 48] {
            let low: HashSet<u64> = (0..4096u64).map(|n| keyed.hash_one(n << shift) & 0xffff).collect();
            let high: HashSet<u64> = (0..4096u64).map(|n| keyed.hash_one(n << shift) >> 48).collect();
            assert!(low.len() > 3500 && high.len() > 3500, "{shift}: {} {}", low.len(), high.len());
        }
        assert_ne!(keyed.hash_one(b"abc".as_slice()), keyed.hash_one(b"abd".as_slice()));
        assert_ne!(keyed.hash_one(b"abcdefgh".as_slice()), keyed.hash_one(b"abcdefgh\0".as_slice()));
    }
}
