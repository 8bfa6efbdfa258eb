//! Aligning two sequences, in bounded time and without a clock.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::ops::Range;

use similar::algorithms::{Capture, Compact, DiffHook, Replace};
use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::subsequence;
use crate::model::Sides;

/// Elements of both sides that are aligned exactly at once: the worst case grows with the square.
const MAX_EXACT: usize = 4_000;
/// Differing elements up to which longer sequences are aligned exactly.
const MAX_DISTANCE: usize = 256;
/// Steps that all long ranges of one alignment may take together in the worst case.
const MAX_WORK: usize = 1 << 30;
/// How often a range is split again at elements that occur once in it.
const MAX_DEPTH: usize = 8;

/// One aligned position: indices on each side, and whether the elements are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Aligned {
    pub(super) sides: Sides<Option<usize>>,
    pub(super) equal: bool,
}

/// Aligns the lines or words of two texts: exactly (Myers) when they are short or differ in few places, else between elements that
/// occur once. No clock: the result depends on nothing but the input.
pub(super) fn align<T: Eq + Hash>(a: &[T], b: &[T]) -> Vec<Aligned> {
    align_as(a, b, false)
}

/// The same for code, where most may differ.
pub(super) fn align_code<T: Eq + Hash>(a: &[T], b: &[T]) -> Vec<Aligned> {
    align_as(a, b, true)
}

fn align_as<T: Eq + Hash>(a: &[T], b: &[T], code: bool) -> Vec<Aligned> {
    // What is equal at both ends needs no number: of most pairs that is nearly all.
    let start = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let most = a.len().min(b.len()) - start;
    let end = a.iter().rev().zip(b.iter().rev()).take(most).take_while(|(x, y)| x == y).count();
    let both = |i: usize, j: usize| Aligned { sides: Sides::new(Some(i), Some(j)), equal: true };
    let inner = |all: &'_ [T]| start..all.len() - end;
    let middle = align_middle(a.get(inner(a)).unwrap_or_default(), b.get(inner(b)).unwrap_or_default(), code);
    let moved = |row: Aligned| Aligned { sides: row.sides.map(|i| i.map(|i| i + start)), ..row };
    let mut out = Vec::with_capacity(start + middle.len() + end);
    out.extend((0..start).map(|i| both(i, i)));
    out.extend(middle.into_iter().map(moved));
    out.extend((0..end).map(|n| both(a.len() - end + n, b.len() - end + n)));
    out
}

fn align_middle<T: Eq + Hash>(a: &[T], b: &[T], code: bool) -> Vec<Aligned> {
    let mut ids: HashMap<&T, u32> = HashMap::new();
    let mut number = |item| {
        let next = u32::try_from(ids.len()).unwrap_or(u32::MAX);
        *ids.entry(item).or_insert(next)
    };
    let one: Vec<u32> = a.iter().map(&mut number).collect();
    let two: Vec<u32> = b.iter().map(&mut number).collect();
    let out = Vec::with_capacity(one.len().max(two.len()));
    let mut aligner = Aligner { one: &one, two: &two, code: code.then_some(ids.len()), out, work: MAX_WORK };
    aligner.ranges(0..one.len(), 0..two.len(), 0);
    aligner.out
}

struct Aligner<'a> {
    one: &'a [u32],
    two: &'a [u32],
    /// For code: how many elements there are that are not equal.
    code: Option<usize>,
    out: Vec<Aligned>,
    /// Steps that may still be spent on long ranges.
    work: usize,
}

impl Aligner<'_> {
    fn ranges(&mut self, left: Range<usize>, right: Range<usize>, depth: usize) {
        let (a, b) = (self.one.get(left.clone()).unwrap_or_default(), self.two.get(right.clone()).unwrap_or_default());
        let start = a.iter().zip(b).take_while(|(x, y)| x == y).count();
        let most = a.len().min(b.len()) - start;
        let end = a.iter().rev().zip(b.iter().rev()).take(most).take_while(|(x, y)| x == y).count();
        self.zip(left.start..left.start + start, right.start..right.start + start);
        let (inner_left, inner_right) = (left.start + start..left.end - end, right.start + start..right.end - end);
        self.inner(inner_left, inner_right, depth);
        self.zip(left.end - end..left.end, right.end - end..right.end);
    }

    fn inner(&mut self, left: Range<usize>, right: Range<usize>, depth: usize) {
        let size = left.len() + right.len();
        if left.is_empty() || right.is_empty() {
            return self.zip(left, right);
        }
        if size <= MAX_EXACT {
            return self.exact(left, right);
        }
        let cost = size.saturating_mul(MAX_DISTANCE) / 4;
        if cost <= self.work {
            self.work -= cost;
            let (a, b) = (self.one.get(left.clone()).unwrap_or_default(), self.two.get(right.clone()).unwrap_or_default());
            if let Some(runs) = few_differences(a, b) {
                return self.runs(left, right, &runs);
            }
        }
        let found = if depth < MAX_DEPTH { anchors(left.clone(), right.clone(), self.one, self.two) } else { Vec::new() };
        if found.is_empty() {
            return self.zip(left, right);
        }
        let mut from = (left.start, right.start);
        for (i, j) in found {
            self.ranges(from.0..i, from.1..j, depth + 1);
            self.zip(i..i + 1, j..j + 1);
            from = (i + 1, j + 1);
        }
        self.ranges(from.0..left.end, from.1..right.end, depth + 1);
    }

    /// A shortest edit, for ranges small enough that even the worst case is quick.
    fn exact(&mut self, left: Range<usize>, right: Range<usize>) {
        let (a, b) = (self.one.get(left.clone()).unwrap_or_default(), self.two.get(right.clone()).unwrap_or_default());
        let ops = match self.code {
            None => capture_diff_slices(Algorithm::Myers, a, b),
            Some(count) => compacted(a, b, &subsequence::runs(a, b, count)),
        };
        for op in ops {
            let (_, x, y) = op.as_tag_tuple();
            self.zip(x.start + left.start..x.end + left.start, y.start + right.start..y.end + right.start);
        }
    }

    /// Equal runs, and what lies between them side by side.
    fn runs(&mut self, left: Range<usize>, right: Range<usize>, runs: &[(usize, usize, usize)]) {
        let mut from = (left.start, right.start);
        for (i, j, length) in runs {
            let (i, j) = (i + left.start, j + right.start);
            self.zip(from.0..i, from.1..j);
            self.zip(i..i + length, j..j + length);
            from = (i + length, j + length);
        }
        self.zip(from.0..left.end, from.1..right.end);
    }

    fn zip(&mut self, a: Range<usize>, b: Range<usize>) {
        for i in 0..a.len().max(b.len()) {
            let at = |range: &Range<usize>| (i < range.len()).then(|| range.start + i);
            let sides = Sides::new(at(&a), at(&b));
            let equal = matches!((sides.shipped, sides.rebuilt), (Some(x), Some(y)) if self.one.get(x) == self.two.get(y));
            self.out.push(Aligned { sides, equal });
        }
    }
}

/// Moves what was taken out and put in until it is together, as for text.
fn compacted(a: &[u32], b: &[u32], runs: &[(usize, usize, usize)]) -> Vec<DiffOp> {
    let mut hook = Compact::new(Replace::new(Capture::new()), a, b);
    let mut from = (0, 0);
    for (i, j, length) in runs.iter().copied().chain([(a.len(), b.len(), 0)]) {
        // Capturing cannot fail.
        let Ok(()) = hook.delete(from.0, i - from.0, from.1);
        let Ok(()) = hook.insert(i, from.1, j - from.1);
        let Ok(()) = hook.equal(i, j, length);
        from = (i + length, j + length);
    }
    let Ok(()) = hook.finish();
    hook.into_inner().into_inner().into_ops()
}

/// The runs of equal elements (place on each side, length) of a shortest edit of at most [`MAX_DISTANCE`] steps; `None` when
/// it takes more. Myers' greedy algorithm, with the frontier of every step kept for the way back.
fn few_differences(a: &[u32], b: &[u32]) -> Option<Vec<(usize, usize, usize)>> {
    // `reach[k + offset]` is how far the best path on diagonal `k = x - y` has come in `a`; `usize::MAX` is nowhere.
    let offset = MAX_DISTANCE + 1;
    let mut reach = vec![usize::MAX; 2 * offset + 1];
    let mut steps: Vec<Vec<usize>> = Vec::new();
    let best = |reach: &[usize], k: usize, d: usize| -> Option<(usize, bool)> {
        if d == 0 {
            return Some((0, false));
        }
        let down = reach.get(k + 1).copied().filter(|x| *x != usize::MAX && (x + offset).checked_sub(k).is_some_and(|y| y <= b.len()));
        let along = reach.get(k - 1).copied().filter(|x| *x != usize::MAX).map(|x| x + 1).filter(|x| *x <= a.len());
        // `true` when the step takes an element of `b`.
        match (down, along) {
            (Some(x), Some(y)) if x >= y => Some((x, true)),
            (_, Some(y)) => Some((y, false)),
            (Some(x), None) => Some((x, true)),
            (None, None) => None,
        }
    };
    let slide = |x: usize, k: usize| -> Option<usize> {
        let y = (x + offset).checked_sub(k).filter(|y| *y <= b.len())?;
        Some(x + a.get(x..)?.iter().zip(b.get(y..)?).take_while(|(p, q)| p == q).count())
    };
    for d in 0..=MAX_DISTANCE {
        let before = reach.clone();
        let mut done = false;
        for k in (offset - d..=offset + d).step_by(2) {
            let end = best(&before, k, d).and_then(|(x, _)| slide(x, k));
            if let Some(place) = reach.get_mut(k) {
                *place = end.unwrap_or(usize::MAX);
            }
            done |= end == Some(a.len()) && a.len() + offset == k + b.len();
        }
        steps.push(before);
        if done {
            return back(a.len(), b.len(), &steps, offset, &best);
        }
    }
    None
}

/// The furthest point that a number of edits reaches on a diagonal, and whether it came from the left.
type Best<'a> = dyn Fn(&[usize], usize, usize) -> Option<(usize, bool)> + 'a;

/// The way back from the end: the runs, first to last.
fn back(mut x: usize, mut y: usize, steps: &[Vec<usize>], offset: usize, best: &Best<'_>) -> Option<Vec<(usize, usize, usize)>> {
    let mut runs = Vec::new();
    for (d, before) in steps.iter().enumerate().rev() {
        let k = (x + offset).checked_sub(y)?;
        let (start, down) = best(before, k, d)?;
        let length = x.checked_sub(start)?;
        let top = y.checked_sub(length)?;
        if length > 0 {
            runs.push((start, top, length));
        }
        (x, y) = match (d, down) {
            (0, _) => (start, top),
            (_, true) => (start, top.checked_sub(1)?),
            (_, false) => (start.checked_sub(1)?, top),
        };
    }
    runs.reverse();
    Some(runs)
}

/// Elements that occur once on each side, in a longest common order.
fn anchors(left: Range<usize>, right: Range<usize>, one: &[u32], two: &[u32]) -> Vec<(usize, usize)> {
    let once = |range: &Range<usize>, all: &[u32]| {
        let mut places: HashMap<u32, Option<usize>> = HashMap::new();
        for i in range.clone() {
            if let Some(id) = all.get(i) {
                places.entry(*id).and_modify(|p| *p = None).or_insert(Some(i));
            }
        }
        places
    };
    let theirs = once(&right, two);
    let mut pairs: Vec<Sides<Option<usize>>> =
        once(&left, one).into_iter().filter_map(|(id, i)| Some(Sides::new(Some(i?), Some((*theirs.get(&id)?)?)))).collect();
    pairs.sort_by_key(|p| p.shipped);
    let out_of_order = displaced(&pairs);
    let kept = pairs.into_iter().enumerate().filter(|(n, _)| !out_of_order.contains(n));
    kept.filter_map(|(_, p)| Some((p.shipped?, p.rebuilt?))).collect()
}

/// The pairs that are not in a longest run of pairs in the same order on both sides.
pub(super) fn displaced(pairs: &[Sides<Option<usize>>]) -> BTreeSet<usize> {
    let sequence: Vec<(usize, usize)> = pairs.iter().enumerate().filter_map(|(at, p)| p.shipped.and(p.rebuilt).map(|j| (at, j))).collect();
    // Patience: `tails[n]` is the element that ends the best run of length n + 1.
    let mut tails: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = vec![None; sequence.len()];
    for (i, (_, j)) in sequence.iter().enumerate() {
        let at = tails.partition_point(|t| sequence[*t].1 < *j);
        before[i] = at.checked_sub(1).and_then(|p| tails.get(p).copied());
        if at == tails.len() {
            tails.push(i);
        } else {
            tails[at] = i;
        }
    }
    let mut kept = vec![false; sequence.len()];
    let mut next = tails.last().copied();
    while let Some(i) = next {
        kept[i] = true;
        next = before[i];
    }
    sequence.iter().zip(kept).filter(|(_, kept)| !kept).map(|((at, _), _)| *at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(a: &[u32], b: &[u32]) -> usize {
        let rows = align(a, b);
        let left: Vec<usize> = rows.iter().filter_map(|r| r.sides.shipped).collect();
        let right: Vec<usize> = rows.iter().filter_map(|r| r.sides.rebuilt).collect();
        assert_eq!(left, (0..a.len()).collect::<Vec<_>>());
        assert_eq!(right, (0..b.len()).collect::<Vec<_>>());
        for r in &rows {
            let equal = r.sides.shipped.and_then(|i| a.get(i)) == r.sides.rebuilt.and_then(|j| b.get(j));
            assert_eq!(r.equal, equal);
        }
        rows.iter().filter(|r| !r.equal).count()
    }

    #[test]
    fn every_element_is_in_the_alignment_once_however_large() {
        assert_eq!(covers(&[1, 2, 3, 4], &[1, 3, 4, 5]), 2);
        assert_eq!(covers(&[], &[1]), 1);
        let long: Vec<u32> = (0..60_000).collect();
        let mut edited = long.clone();
        edited.remove(30_000);
        edited.insert(10, 99_999_999);
        assert_eq!(covers(&long, &edited), 2);
        let mut shuffled = long.clone();
        shuffled.reverse();
        covers(&long, &shuffled);
        covers(&vec![7; 50_000], &[vec![8], vec![7; 49_000]].concat());
    }

    #[test]
    fn few_differences_in_a_long_sequence_are_found_exactly() {
        // Every element occurs many times: nothing to hold on to but the order.
        let long: Vec<u32> = (0..40_000u32).map(|i| i.wrapping_mul(i) % 97).collect();
        let mut edited = long.clone();
        for at in [39_990, 30_000, 20_001, 20_000, 11] {
            edited.remove(at);
        }
        edited.insert(5_000, 1000);
        assert_eq!(covers(&long, &edited), 6);
        assert_eq!(covers(&edited, &long), 6);
        let runs = few_differences(&[1, 2, 3, 4], &[2, 3, 5, 4]).expect("a short way");
        assert_eq!(runs.iter().map(|r| r.2).sum::<usize>(), 3);
        let other: Vec<u32> = (0..40_000u32).map(|i| i.wrapping_mul(i).wrapping_add(i) % 89).collect();
        covers(&long, &other);
    }
}
