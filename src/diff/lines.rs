//! Aligning sequences, and the view of text as lines.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::ops::Range;

use similar::algorithms::{Capture, Compact, DiffHook, Replace};
use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::subsequence;
use super::texts::{self, Texts};
use crate::model::{LineMark, Listing, ListingRow, SideCell, Sides};
use crate::text::{Role, Row, Shown};

/// Rows that a listing has at most.
pub(super) const MAX_ROWS: usize = 20_000;
/// Equal rows shown around a difference.
const CONTEXT: usize = 3;
/// Elements of both sides that are aligned exactly at once: the worst case grows with the square.
const MAX_EXACT: usize = 4_000;
/// Differing elements up to which longer sequences are aligned exactly.
const MAX_DISTANCE: usize = 256;
/// Steps that all long ranges of one alignment may take together in the worst case.
const MAX_WORK: usize = 1 << 30;
/// Words of changed lines that are marked in one listing; the lines behind are marked as a whole.
const MAX_WORDS: usize = 1_000_000;
/// Pairs of words that are looked at for it in the worst case.
const MAX_PAIRS: usize = 1 << 28;
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

/// How many rows a listing is made of.
pub(super) struct Count {
    /// Equal rows before and behind, that nothing more needs to be known of.
    pub(super) before: usize,
    pub(super) rows: usize,
    pub(super) after: usize,
}

/// Leaves out equal rows far from any difference and says how many; a row is made only when it is kept.
pub(super) fn elide(count: &Count, context: usize, equal: impl Fn(usize) -> bool, mut row: impl FnMut(usize) -> ListingRow) -> Listing {
    let mut keep = vec![false; count.rows];
    for i in (0..count.rows).filter(|i| !equal(*i)) {
        for k in keep.iter_mut().take(i.saturating_add(context + 1)).skip(i.saturating_sub(context)) {
            *k = true;
        }
    }
    let mut listing = Listing::default();
    let mut left_out = count.before;
    let close = |left_out: &mut usize, listing: &mut Listing| {
        if *left_out > 0 {
            listing.rows.push(elided(&format!("{left_out} equal rows")));
            *left_out = 0;
        }
    };
    let total = count.before + count.rows + count.after;
    let is_full = |listing: &mut Listing, at: usize| {
        let full = listing.rows.len() >= MAX_ROWS;
        if full {
            listing.cut = Some(format!("{} of {total} rows are left out here (bound {MAX_ROWS} rows)", total - count.before - at));
        }
        full
    };
    for (i, keep) in keep.into_iter().enumerate() {
        if is_full(&mut listing, i) {
            return listing;
        }
        if keep {
            close(&mut left_out, &mut listing);
            listing.rows.push(row(i));
        } else {
            left_out += 1;
        }
    }
    if count.after > 0 && is_full(&mut listing, count.rows) {
        return listing;
    }
    left_out += count.after;
    close(&mut left_out, &mut listing);
    listing
}

pub(super) fn elided(note: &str) -> ListingRow {
    ListingRow { mark: LineMark::Elided, cells: Sides::new(None, None), source: None, note: Some(note.to_owned()) }
}

pub(super) fn mark_of(sides: &Sides<bool>, equal: bool) -> LineMark {
    match (sides.shipped, sides.rebuilt) {
        (true, false) => LineMark::OnlyShipped,
        (false, true) => LineMark::OnlyRebuilt,
        _ if equal => LineMark::Same,
        _ => LineMark::Changed,
    }
}

/// Two texts as aligned lines with the changed words marked.
pub(super) fn listing(a: &[u8], b: &[u8]) -> Listing {
    let texts = Texts::new(a, b, CONTEXT);
    let before = texts::count(texts.head);
    let Some(Sides { shipped: one, rebuilt: two }) = &texts.lines else { return by_place(&texts, before) };
    let pairs = align(one, two);
    let mut marker = Marker::default();
    let count = Count { before, rows: pairs.len(), after: texts::count(texts.tail) };
    let row = |i: usize| {
        let Some(pair) = pairs.get(i) else { return elided("") };
        let (old, new) = (pair.sides.shipped.and_then(|i| one.get(i).copied()), pair.sides.rebuilt.and_then(|i| two.get(i).copied()));
        marker.beside(old, new, pair.sides.map(|i| i.map(|i| before + i)), pair.equal)
    };
    elide(&count, CONTEXT, |i| pairs.get(i).is_some_and(|p| p.equal), row)
}

/// The first lines that are too many to be aligned.
fn by_place(texts: &Texts<'_>, before: usize) -> Listing {
    let mut listing = Listing::default();
    if before > 0 {
        listing.rows.push(elided(&format!("{before} equal rows")));
    }
    let mut marker = Marker::default();
    let mut lines = texts.middle.map(|text| text.split_inclusive(|b| *b == b'\n'));
    while listing.rows.len() < MAX_ROWS {
        let (old, new) = (lines.shipped.next(), lines.rebuilt.next());
        if old.is_none() && new.is_none() {
            break;
        }
        let at = before + listing.rows.len() - usize::from(before > 0);
        listing.rows.push(marker.beside(old, new, Sides::new(at, at).map(Some), old == new));
    }
    listing.cut = Some(format!("{}: line by line as they stand, not aligned, and no more than {MAX_ROWS} rows of them", texts::too_many()));
    listing
}

/// Makes the rows of one listing, and marks words in as many of them as the bounds allow.
pub(super) struct Marker {
    words: usize,
    work: usize,
}

/// Marks the words that differ between two lines.
pub(super) fn words(a: &[u8], b: &[u8]) -> Sides<Row> {
    Marker::default().words(a, b)
}

impl Default for Marker {
    fn default() -> Self {
        Self { words: MAX_WORDS, work: MAX_PAIRS }
    }
}

impl Marker {
    /// Two lines as a row; `at` are their places from 0.
    pub(super) fn beside(&mut self, old: Option<&[u8]>, new: Option<&[u8]>, at: Sides<Option<usize>>, equal: bool) -> ListingRow {
        let texts = match (old, new) {
            (Some(x), Some(y)) if !equal => self.words(x, y),
            _ => {
                let plain = |l: Option<&[u8]>, role| l.map(|l| whole(l, if equal { Role::Text } else { role })).unwrap_or_default();
                Sides::new(plain(old, Role::Shipped), plain(new, Role::Rebuilt))
            }
        };
        let cell = |line: Option<&[u8]>, at: Option<usize>, text: Row| {
            let number = line.and(at)? as u64 + 1;
            Some(SideCell { number, bytes: Vec::new(), text })
        };
        ListingRow {
            mark: mark_of(&Sides::new(old.is_some(), new.is_some()), equal),
            cells: Sides::new(cell(old, at.shipped, texts.shipped), cell(new, at.rebuilt, texts.rebuilt)),
            source: None,
            note: None,
        }
    }

    /// Marks the words that differ between two lines.
    fn words(&mut self, a: &[u8], b: &[u8]) -> Sides<Row> {
        if a.len().max(b.len()) > 4000 {
            return Sides::new(whole(a, Role::Shipped), whole(b, Role::Rebuilt));
        }
        let (one, two) = (tokens(a), tokens(b));
        let (words, work) = (self.words.checked_sub(one.len() + two.len()), self.work.checked_sub(one.len() * two.len()));
        let (Some(words), Some(work)) = (words, work) else {
            return Sides::new(whole(a, Role::Shipped), whole(b, Role::Rebuilt));
        };
        (self.words, self.work) = (words, work);
        let mut out = Sides::<Row>::default();
        for pair in align(&one, &two) {
            let role = |changed| if pair.equal { Role::Text } else { changed };
            if let Some(token) = pair.sides.shipped.and_then(|i| one.get(i)) {
                push(&mut out.shipped, token, role(Role::Shipped));
            }
            if let Some(token) = pair.sides.rebuilt.and_then(|i| two.get(i)) {
                push(&mut out.rebuilt, token, role(Role::Rebuilt));
            }
        }
        out
    }
}

/// The lines of a text with their ends.
pub(super) fn split(text: &[u8]) -> Vec<&[u8]> {
    // The line's end belongs to it: a missing last newline or a carriage return is a difference too.
    text.split_inclusive(|b| *b == b'\n').collect()
}

pub(super) fn whole(line: &[u8], role: Role) -> Row {
    let mut row = Row::new();
    row.push(role, Shown::of_bytes(line.strip_suffix(b"\n").unwrap_or(line)));
    if !line.ends_with(b"\n") {
        row.push(Role::Hidden, Shown::new(" (no newline at the end)"));
    }
    row
}

fn push(row: &mut Row, token: &[u8], role: Role) {
    match token {
        b"\n" if role == Role::Text => {}
        b"\n" => row.push(Role::Hidden, Shown::of_bytes(token)),
        _ => row.push(role, Shown::of_bytes(token)),
    }
}

fn tokens(line: &[u8]) -> Vec<&[u8]> {
    let class = |b: u8| {
        if b.is_ascii_alphanumeric() || b == b'_' || b >= 0x80 {
            0
        } else if b == b' ' {
            1
        } else {
            2
        }
    };
    line.chunk_by(|x, y| class(*x) == class(*y) && class(*x) != 2).collect()
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
