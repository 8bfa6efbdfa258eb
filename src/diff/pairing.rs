//! Which member belongs to which. A pair is only a proposal: names and contents of both are compared afterwards.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, VecDeque};

use crate::digest::Sha256;
use crate::inspect::blob::Blob;
use crate::inspect::container::{Container, Held, Member, Nature};
use crate::model::Sides;

/// Members without a counterpart that are looked at for likeness, on each side.
const MAX_ALIKE: usize = 256;
/// Largest member that is looked at for likeness, in bytes.
const MAX_SIZE: usize = 8 << 20;
/// Bytes that are looked at for likeness in one comparison, over all of its containers.
pub(super) const MAX_LIKENESS: usize = 256 << 20;
/// Values in a sketch.
const SKETCH: usize = 128;
/// Bytes of one shingle.
const SHINGLE: usize = 8;

/// Indices of members that belong together.
pub(super) type Pair = Sides<Option<usize>>;

/// Pairs members by name (and occurrence of that name), then by name without the compression suffix, then by content, then
/// by likeness; in the order of the shipped side, with what is only rebuilt at the end.
///
/// `left` is how many bytes may still be looked at for likeness; when there are no more, what has another name is only shipped
/// and only rebuilt.
pub(super) fn pair_members(blobs: &Sides<&Blob>, parsed: &Sides<&Container>, left: &mut usize) -> Vec<Pair> {
    let mut state = State {
        left: (0..parsed.shipped.members.len()).collect(),
        right: (0..parsed.rebuilt.members.len()).collect(),
        pairs: Vec::with_capacity(parsed.shipped.members.len()),
    };
    state.by(blobs, parsed, &|m, _| Some(Cow::Borrowed(&m.name)));
    state.by(blobs, parsed, &|m, _| {
        let at = m.name.windows(4).position(|w| w == b".tar")?;
        m.name.get(..at + 4).map(Cow::Borrowed)
    });
    state.by(blobs, parsed, &|m, blob| content_key(m, blob).map(Cow::Owned));
    state.by_likeness(blobs, parsed, left);
    let State { left, right, mut pairs } = state;
    pairs.extend(left.into_iter().map(|i| Sides::new(Some(i), None)));
    pairs.sort_by_key(|p| p.shipped);
    pairs.extend(right.into_iter().map(|j| Sides::new(None, Some(j))));
    pairs
}

fn content_key(member: &Member, blob: &Blob) -> Option<Vec<u8>> {
    match &member.held {
        Held::Plain(range) | Held::Opaque { range, .. } if !range.is_empty() => Some(Sha256::of(&blob.slice(range.clone())).0.to_vec()),
        Held::Stored { crc, range } if !range.is_empty() => Some(format!("{crc} {}", range.len()).into_bytes()),
        Held::Deflated { crc, size, .. } if *size > 0 => Some(format!("{crc} {size}").into_bytes()),
        _ => None,
    }
}

struct State {
    left: Vec<usize>,
    right: Vec<usize>,
    pairs: Vec<Pair>,
}

/// What members pair by.
type Key<'k> = dyn Fn(&'k Member, &Blob) -> Option<Cow<'k, [u8]>> + 'k;

impl State {
    fn by<'k>(&mut self, blobs: &Sides<&Blob>, parsed: &Sides<&'k Container>, key: &Key<'k>) {
        if self.left.is_empty() || self.right.is_empty() {
            return;
        }
        let mut known: HashMap<Cow<'_, [u8]>, VecDeque<usize>> = HashMap::new();
        for j in &self.right {
            if let Some(k) = parsed.rebuilt.members.get(*j).and_then(|m| key(m, blobs.rebuilt)) {
                known.entry(k).or_default().push_back(*j);
            }
        }
        let pairs = &mut self.pairs;
        let mut taken = BTreeSet::new();
        self.left.retain(|i| {
            let Some(k) = parsed.shipped.members.get(*i).and_then(|m| key(m, blobs.shipped)) else { return true };
            let Some(j) = known.get_mut(&k).and_then(VecDeque::pop_front) else { return true };
            pairs.push(Sides::new(Some(*i), Some(j)));
            taken.insert(j);
            false
        });
        self.right.retain(|j| !taken.contains(j));
    }

    /// Renamed members with similar contents: at least half of their shingles in common, the most similar first.
    fn by_likeness(&mut self, blobs: &Sides<&Blob>, parsed: &Sides<&Container>, bytes_left: &mut usize) {
        if self.left.is_empty() || self.right.is_empty() || self.left.len().max(self.right.len()) > MAX_ALIKE {
            return;
        }
        let mut sketches = |indices: &[usize], blob: &Blob, parsed: &Container| -> Vec<(usize, Vec<u64>)> {
            let plain = |i: &usize| {
                let member = parsed.members.get(*i).filter(|m| m.nature == Nature::File)?;
                let (Held::Plain(range) | Held::Stored { range, .. }) = &member.held else { return None };
                *bytes_left = bytes_left.checked_sub(range.len().min(MAX_SIZE))?;
                Some((*i, sketch(&blob.slice(range.clone()))?))
            };
            indices.iter().filter_map(plain).collect()
        };
        let old = sketches(&self.left, blobs.shipped, parsed.shipped);
        let new = sketches(&self.right, blobs.rebuilt, parsed.rebuilt);
        let mut found: Vec<(usize, usize, usize)> = Vec::new();
        for (i, x) in &old {
            for (j, y) in &new {
                let share = likeness(x, y);
                if share >= 50 {
                    found.push((100 - share, *i, *j));
                }
            }
        }
        found.sort_unstable();
        let (mut left, mut right) = (BTreeSet::new(), BTreeSet::new());
        for (_, i, j) in found {
            if !left.contains(&i) && !right.contains(&j) {
                left.insert(i);
                right.insert(j);
                self.pairs.push(Sides::new(Some(i), Some(j)));
            }
        }
        self.left.retain(|i| !left.contains(i));
        self.right.retain(|j| !right.contains(j));
    }
}

/// The smallest hashes of all shingles; `None` for a member that is too small or too large to tell.
fn sketch(bytes: &[u8]) -> Option<Vec<u64>> {
    if bytes.len() < 4 * SHINGLE || bytes.len() > MAX_SIZE {
        return None;
    }
    let mix = |raw: &[u8]| {
        let word = raw.iter().fold(0u64, |n, b| n << 8 | u64::from(*b));
        // The finaliser of SplitMix64: every bit of the shingle reaches every bit of the hash.
        let word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ word >> 31
    };
    let mut smallest: BTreeSet<u64> = BTreeSet::new();
    for shingle in bytes.windows(SHINGLE) {
        let hash = mix(shingle);
        if smallest.len() < SKETCH {
            smallest.insert(hash);
        } else if smallest.last().is_some_and(|last| hash < *last) && smallest.insert(hash) {
            smallest.pop_last();
        }
    }
    Some(smallest.into_iter().collect())
}

/// Of the smallest hashes of both together, the share that both have, in percent.
fn likeness(x: &[u64], y: &[u64]) -> usize {
    let (mut i, mut j, mut common, mut all) = (0, 0, 0, 0);
    while let (Some(a), Some(b)) = (x.get(i), y.get(j)) {
        all += 1;
        common += usize::from(a == b);
        i += usize::from(a <= b);
        j += usize::from(b <= a);
    }
    common * 100 / all.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_so_many_bytes_are_looked_at_for_likeness() {
        let tar = |name: &str, end: &str| {
            let content: Vec<u8> = (0..3000).flat_map(|n| format!("line {} of it\n", n * n).into_bytes()).chain(end.bytes()).collect();
            let mut header = [0u8; 512];
            header[..name.len()].copy_from_slice(name.as_bytes());
            header[100..107].copy_from_slice(b"0000644");
            header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
            header[148..156].copy_from_slice(b"        ");
            header[156] = b'0';
            header[257..263].copy_from_slice(b"ustar\0");
            let sum: u32 = header.iter().map(|b| u32::from(*b)).sum();
            header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
            let mut all = [&header[..], &content].concat();
            all.resize(all.len().next_multiple_of(512) + 1024, 0);
            Blob::from(all)
        };
        let (a, b) = (tar("old-name", "x"), tar("new-name", "y"));
        let mut budget = crate::inspect::budget::Budget::new(1 << 20, 100, 100);
        let mut parse = |blob: &Blob| crate::inspect::tar::parse(blob, &mut budget).unwrap();
        let (one, two) = (parse(&a), parse(&b));
        let pairs = |left: &mut usize| pair_members(&Sides::new(&a, &b), &Sides::new(&one, &two), left).len();
        let mut left = MAX_LIKENESS;
        assert_eq!(pairs(&mut left), 1, "renamed");
        assert!(left < MAX_LIKENESS);
        assert_eq!(pairs(&mut 100), 2, "there is no more to look with");
    }

    #[test]
    fn likeness_is_that_of_the_contents() {
        let text = |from: usize| (from..from + 400).map(|n| format!("line {} of it\n", n * n)).collect::<String>().into_bytes();
        let of = |x: &[u8], y: &[u8]| likeness(&sketch(x).unwrap(), &sketch(y).unwrap());
        assert_eq!(of(&text(0), &text(0)), 100);
        assert!(of(&text(0), &text(20)) > 70);
        assert!(of(&text(0), &text(4000)) < 30);
        assert!(sketch(b"short").is_none());
    }
}
