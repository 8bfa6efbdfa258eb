//! A longest common subsequence, computed for 64 elements at a time.
//!
//! Functions of two compilers differ in most of their instructions. There the steps of Myers' algorithm grow with the square of
//! the differences; these do not depend on them. H. Hyyrö, "Bit-parallel LCS-length computation revisited" (2004).

use std::cell::RefCell;

/// Bits of a word.
const WORD: usize = u64::BITS as usize;

/// The runs of a longest common subsequence: place in `a`, place in `b`, length; each element is below `count`. Of several that are
/// equally long it takes one that leaves as much on one side as on the other between its runs, where it can.
///
/// Takes `a.len() * b.len() / 64` steps and as many words of memory: it is for the caller to bound that.
pub(super) fn runs(a: &[u32], b: &[u32], count: usize) -> Vec<(usize, usize, usize)> {
    ROWS.with_borrow_mut(|rows| {
        let found = runs_in(rows, a, b, count);
        if rows.capacity() > KEPT {
            *rows = Vec::new();
        }
        found
    })
}

/// Words of memory that a thread keeps for the next two functions: memory that was never used before is slow.
const KEPT: usize = 1 << 19;

thread_local! {
    static ROWS: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

fn runs_in(rows: &mut Vec<u64>, a: &[u32], b: &[u32], count: usize) -> Vec<(usize, usize, usize)> {
    let words = a.len().div_ceil(WORD);
    let places = Places::new(a, count);
    // Bit i of row j is clear where the best of `a[..=i]` and `b[..j]` is one longer than the best without `a[i]`. All but the first
    // row are written before they are read.
    rows.resize(rows.len().max(words * (b.len() + 1)), 0);
    rows.iter_mut().take(words).for_each(|word| *word = u64::MAX);
    let mut wanted = vec![0u64; words];
    for (j, id) in b.iter().enumerate() {
        let (before, after) = rows.split_at_mut((j + 1) * words);
        let (Some(before), Some(after)) = (before.get(j * words..), after.get_mut(..words)) else { break };
        places.mark(*id, &mut wanted);
        let mut carry = false;
        for ((old, new), equal) in before.iter().zip(after).zip(&wanted) {
            let (sum, one) = old.overflowing_add(old & equal);
            let (sum, two) = sum.overflowing_add(u64::from(carry));
            carry = one || two;
            *new = sum | (old & !equal);
        }
        places.unmark(*id, &mut wanted);
    }
    let longer = |i: usize, j: usize| rows.get(j * words + i / WORD).is_some_and(|word| word >> (i % WORD) & 1 == 0);
    // How long the best of `a[..i]` and `b[..j]` is.
    let best = |i: usize, j: usize| -> u32 {
        let row = rows.get(j * words..(j + 1) * words).unwrap_or_default();
        let whole: u32 = row.iter().take(i / WORD).map(|word| word.count_zeros()).sum();
        whole + row.get(i / WORD).map_or(0, |word| (!word & ((1 << (i % WORD)) - 1)).count_ones())
    };
    let mut out: Vec<(usize, usize, usize)> = Vec::new();
    let (mut i, mut j) = (a.len(), b.len());
    let mut left = best(i, j);
    // How many more elements of `a` than of `b` were passed over since the last pair.
    let mut more = 0isize;
    while left > 0 {
        if a.get(i - 1) == b.get(j - 1) {
            (i, j, left, more) = (i - 1, j - 1, left - 1, 0);
            match out.last_mut() {
                Some(run) if run.0 == i + 1 && run.1 == j + 1 => *run = (i, j, run.2 + 1),
                _ => out.push((i, j, 1)),
            }
        } else if longer(i - 1, j) || more > 0 && best(i, j - 1) == left {
            (j, more) = (j - 1, more - 1);
        } else {
            (i, more) = (i - 1, more + 1);
        }
    }
    out.reverse();
    out
}

/// Where each element stands in a sequence: a list for each, threaded through one vector.
struct Places {
    /// The last place of an element plus one; 0 where it has none.
    last: Vec<u32>,
    /// The place before a place, in the same way.
    before: Vec<u32>,
}

impl Places {
    fn new(all: &[u32], count: usize) -> Self {
        let mut places = Self { last: vec![0; count], before: Vec::with_capacity(all.len()) };
        for (id, next) in all.iter().zip(1..) {
            let slot = places.last.get_mut(*id as usize);
            places.before.push(slot.map_or(0, |slot| std::mem::replace(slot, next)));
        }
        places
    }

    fn each(&self, id: u32, mut place: impl FnMut(usize)) {
        let mut next = self.last.get(id as usize).copied().unwrap_or(0);
        while let Some(at) = (next as usize).checked_sub(1) {
            place(at);
            next = self.before.get(at).copied().unwrap_or(0);
        }
    }

    fn mark(&self, id: u32, bits: &mut [u64]) {
        self.each(id, |at| {
            if let Some(word) = bits.get_mut(at / WORD) {
                *word |= 1 << (at % WORD);
            }
        });
    }

    fn unmark(&self, id: u32, bits: &mut [u64]) {
        self.each(id, |at| {
            if let Some(word) = bits.get_mut(at / WORD) {
                *word = 0;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// By the table of the textbooks.
    fn length(a: &[u32], b: &[u32]) -> usize {
        let mut row = vec![0; b.len() + 1];
        for x in a {
            let mut corner = 0;
            for (j, y) in b.iter().enumerate() {
                let above = row[j + 1];
                row[j + 1] = if x == y { corner + 1 } else { above.max(row[j]) };
                corner = above;
            }
        }
        row[b.len()]
    }

    #[test]
    fn a_run_goes_as_far_as_it_can() {
        assert_eq!(runs(&[1, 2, 3, 4], &[2, 3, 5, 4], 6), [(1, 0, 2), (3, 2 + 1, 1)]);
        assert_eq!(runs(&[], &[1], 2), []);
        assert_eq!(runs(&[1], &[], 2), []);
        assert_eq!(runs(&[0; 200], &[0; 130], 1).iter().map(|r| r.2).sum::<usize>(), 130);
        // One of 1 and 2 is common: that which leaves the sides even.
        assert_eq!(runs(&[1, 3, 4, 2], &[2, 5, 6, 1], 7).len(), 1);
        assert_eq!(runs(&[7, 1, 3, 8, 1], &[9, 1, 6], 10), [(1, 1, 1)]);
    }

    proptest! {
        #[test]
        fn it_is_common_in_order_and_the_longest(a in prop::collection::vec(0u32..7, 0..210), b in prop::collection::vec(0u32..7, 0..210)) {
            let found = runs(&a, &b, 7);
            let mut from = (0, 0);
            for (i, j, length) in &found {
                prop_assert!(*i >= from.0 && *j >= from.1 && *length > 0);
                prop_assert_eq!(&a[*i..i + length], &b[*j..j + length]);
                from = (i + length, j + length);
            }
            prop_assert_eq!(found.iter().map(|r| r.2).sum::<usize>(), length(&a, &b));
        }
    }
}
