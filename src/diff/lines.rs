//! Aligning sequences, and the view of text as lines.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::ops::Range;

use similar::{Algorithm, capture_diff_slices};

use crate::model::{LineMark, Listing, ListingRow, SideCell, Sides};
use crate::text::{Role, Row, Shown};

/// Rows that a listing has at most.
pub(super) const MAX_ROWS: usize = 20_000;
/// Equal rows shown around a difference.
const CONTEXT: usize = 3;
/// Elements of both sides that are aligned exactly at once: the worst case grows with the square.
const MAX_EXACT: usize = 4_000;

/// One aligned position: indices on each side, and whether the elements are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Aligned {
    pub(super) sides: Sides<Option<usize>>,
    pub(super) equal: bool,
}

/// Aligns two sequences: exactly (Myers) when they are short, else between elements that occur once. No clock: the result
/// depends on nothing but the input.
pub(super) fn align<T: Eq + Hash>(a: &[T], b: &[T]) -> Vec<Aligned> {
    let mut ids: HashMap<&T, u32> = HashMap::new();
    let mut number = |item| {
        let next = u32::try_from(ids.len()).unwrap_or(u32::MAX);
        *ids.entry(item).or_insert(next)
    };
    let one: Vec<u32> = a.iter().map(&mut number).collect();
    let two: Vec<u32> = b.iter().map(&mut number).collect();
    let mut out = Vec::with_capacity(one.len().max(two.len()));
    let start = one.iter().zip(&two).take_while(|(x, y)| x == y).count();
    let most = one.len().min(two.len()) - start;
    let end = one.iter().rev().zip(two.iter().rev()).take(most).take_while(|(x, y)| x == y).count();
    zip_rows(0..start, 0..start, &one, &two, &mut out);
    let (left, right) = (start..one.len() - end, start..two.len() - end);
    if left.len() + right.len() <= MAX_EXACT {
        exact(left.clone(), right.clone(), &one, &two, &mut out);
    } else {
        let mut from = (left.start, right.start);
        for (i, j) in anchors(left.clone(), right.clone(), &one, &two).into_iter().chain([(left.end, right.end)]) {
            let (gap_left, gap_right) = (from.0..i, from.1..j);
            if gap_left.len() + gap_right.len() <= MAX_EXACT {
                exact(gap_left, gap_right, &one, &two, &mut out);
            } else {
                zip_rows(gap_left, gap_right, &one, &two, &mut out);
            }
            if (i, j) != (left.end, right.end) {
                out.push(Aligned { sides: Sides::new(Some(i), Some(j)), equal: true });
            }
            from = (i + 1, j + 1);
        }
    }
    zip_rows(left.end..one.len(), right.end..two.len(), &one, &two, &mut out);
    out
}

/// Myers, for ranges small enough that even the worst case is quick.
fn exact(left: Range<usize>, right: Range<usize>, one: &[u32], two: &[u32], out: &mut Vec<Aligned>) {
    let (a, b) = (one.get(left.clone()).unwrap_or_default(), two.get(right.clone()).unwrap_or_default());
    for op in capture_diff_slices(Algorithm::Myers, a, b) {
        let (_, x, y) = op.as_tag_tuple();
        let x = x.start + left.start..x.end + left.start;
        let y = y.start + right.start..y.end + right.start;
        zip_rows(x, y, one, two, out);
    }
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

fn zip_rows(a: std::ops::Range<usize>, b: Range<usize>, one: &[u32], two: &[u32], out: &mut Vec<Aligned>) {
    for i in 0..a.len().max(b.len()) {
        let at = |range: &Range<usize>| (i < range.len()).then(|| range.start + i);
        let sides = Sides::new(at(&a), at(&b));
        let equal = matches!((sides.shipped, sides.rebuilt), (Some(x), Some(y)) if one.get(x) == two.get(y));
        out.push(Aligned { sides, equal });
    }
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
    let mut out: BTreeSet<usize> = sequence.iter().map(|(at, _)| *at).collect();
    let mut next = tails.last().copied();
    while let Some(i) = next {
        out.remove(&sequence[i].0);
        next = before[i];
    }
    out
}

/// Leaves out equal rows far from any difference; says how many.
pub(super) fn elide(rows: Vec<ListingRow>, context: usize) -> Listing {
    let interesting: Vec<usize> = rows.iter().enumerate().filter(|(_, r)| r.mark != LineMark::Same).map(|(i, _)| i).collect();
    let mut keep = vec![false; rows.len()];
    for i in &interesting {
        for k in keep.iter_mut().take(i.saturating_add(context + 1)).skip(i.saturating_sub(context)) {
            *k = true;
        }
    }
    let mut listing = Listing::default();
    let mut left_out = 0;
    let close = |left_out: &mut usize, listing: &mut Listing| {
        if *left_out > 0 {
            listing.rows.push(elided(&format!("{left_out} equal rows")));
            *left_out = 0;
        }
    };
    let total = rows.len();
    for (i, row) in rows.into_iter().enumerate() {
        if listing.rows.len() >= MAX_ROWS {
            listing.cut = Some(format!("{} of {total} rows are left out here (bound {MAX_ROWS} rows)", total - i));
            return listing;
        }
        if keep.get(i) == Some(&true) {
            close(&mut left_out, &mut listing);
            listing.rows.push(row);
        } else {
            left_out += 1;
        }
    }
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
    let one: Vec<&[u8]> = split(a);
    let two: Vec<&[u8]> = split(b);
    let mut rows = Vec::new();
    for pair in align(&one, &two) {
        let old = pair.sides.shipped.and_then(|i| one.get(i).map(|l| (i, *l)));
        let new = pair.sides.rebuilt.and_then(|i| two.get(i).map(|l| (i, *l)));
        let texts = match (old, new) {
            (Some((_, x)), Some((_, y))) if !pair.equal => words(x, y),
            _ => {
                let plain = |l: Option<(usize, &[u8])>, role| {
                    l.map(|(_, l)| whole(l, if pair.equal { Role::Text } else { role })).unwrap_or_default()
                };
                Sides::new(plain(old, Role::Shipped), plain(new, Role::Rebuilt))
            }
        };
        let cell = |side: Option<(usize, &[u8])>, text: Row| side.map(|(i, _)| SideCell { number: i as u64 + 1, bytes: Vec::new(), text });
        rows.push(ListingRow {
            mark: mark_of(&Sides::new(old.is_some(), new.is_some()), pair.equal),
            cells: Sides::new(cell(old, texts.shipped), cell(new, texts.rebuilt)),
            source: None,
            note: None,
        });
    }
    elide(rows, CONTEXT)
}

/// How two texts differ, in lines: `2 lines changed, 3 only shipped`.
pub(super) fn summary(a: &[u8], b: &[u8]) -> String {
    let (mut changed, mut shipped, mut rebuilt) = (0usize, 0usize, 0usize);
    for row in align(&split(a), &split(b)) {
        match (row.sides.shipped, row.sides.rebuilt) {
            (Some(_), None) => shipped += 1,
            (None, Some(_)) => rebuilt += 1,
            _ => changed += usize::from(!row.equal),
        }
    }
    let lines = |n: usize| if n == 1 { "1 line".to_owned() } else { format!("{n} lines") };
    let parts = [(changed, "changed"), (shipped, "only shipped"), (rebuilt, "only rebuilt")];
    let words: Vec<String> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{} {word}", lines(*n))).collect();
    words.join(", ")
}

fn split(text: &[u8]) -> Vec<&[u8]> {
    // The line's end belongs to it: a missing last newline or a carriage return is a difference too.
    text.split_inclusive(|b| *b == b'\n').collect()
}

fn whole(line: &[u8], role: Role) -> Row {
    let mut row = Row::new();
    row.push(role, Shown::of_bytes(line.strip_suffix(b"\n").unwrap_or(line)));
    if !line.ends_with(b"\n") {
        row.push(Role::Hidden, Shown::new(" (no newline at the end)"));
    }
    row
}

/// Marks the words that differ between two lines.
pub(super) fn words(a: &[u8], b: &[u8]) -> Sides<Row> {
    if a.len().max(b.len()) > 4000 {
        return Sides::new(whole(a, Role::Shipped), whole(b, Role::Rebuilt));
    }
    let (one, two) = (tokens(a), tokens(b));
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
}
