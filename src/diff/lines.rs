//! Aligning sequences, and the view of text as lines.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

use similar::{Algorithm, DiffOp, capture_diff_slices};

use crate::model::{LineMark, Listing, ListingRow, SideCell, Sides};
use crate::text::{Role, Row, Shown};

/// Rows that a listing has at most.
pub(super) const MAX_ROWS: usize = 20_000;
/// Equal rows shown around a difference.
const CONTEXT: usize = 3;
/// Steps that an exact alignment may take; beyond it rows pair by position, which shows more differences, never fewer.
const MAX_STEPS: u64 = 400_000_000;

/// One aligned position: indices on each side, and whether the elements are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Aligned {
    pub(super) sides: Sides<Option<usize>>,
    pub(super) equal: bool,
}

/// Aligns two sequences (Myers, without a clock: the result depends on nothing but the input).
pub(super) fn align<T: Eq + Hash>(a: &[T], b: &[T]) -> Vec<Aligned> {
    let mut ids: HashMap<&T, u32> = HashMap::new();
    let mut number = |item| {
        let next = u32::try_from(ids.len()).unwrap_or(u32::MAX);
        *ids.entry(item).or_insert(next)
    };
    let one: Vec<u32> = a.iter().map(&mut number).collect();
    let two: Vec<u32> = b.iter().map(&mut number).collect();
    let mut balance: HashMap<u32, i64> = HashMap::new();
    for id in &one {
        *balance.entry(*id).or_default() += 1;
    }
    for id in &two {
        *balance.entry(*id).or_default() -= 1;
    }
    // At least so many insertions and deletions are needed; Myers takes (n + m) * d steps.
    let least: u64 = balance.values().map(|n| n.unsigned_abs()).sum();
    let steps = (one.len() as u64 + two.len() as u64).saturating_mul(least);
    let mut out = Vec::with_capacity(one.len().max(two.len()));
    if steps > MAX_STEPS {
        zip_rows(0..one.len(), 0..two.len(), &one, &two, &mut out);
        return out;
    }
    for op in capture_diff_slices(Algorithm::Myers, &one, &two) {
        match op {
            DiffOp::Equal { old_index, new_index, len } => {
                out.extend((0..len).map(|i| Aligned { sides: Sides::new(Some(old_index + i), Some(new_index + i)), equal: true }));
            }
            DiffOp::Delete { old_index, old_len, .. } => {
                out.extend((0..old_len).map(|i| Aligned { sides: Sides::new(Some(old_index + i), None), equal: false }));
            }
            DiffOp::Insert { new_index, new_len, .. } => {
                out.extend((0..new_len).map(|i| Aligned { sides: Sides::new(None, Some(new_index + i)), equal: false }));
            }
            DiffOp::Replace { old_index, old_len, new_index, new_len } => {
                zip_rows(old_index..old_index + old_len, new_index..new_index + new_len, &one, &two, &mut out);
            }
        }
    }
    out
}

fn zip_rows(a: std::ops::Range<usize>, b: std::ops::Range<usize>, one: &[u32], two: &[u32], out: &mut Vec<Aligned>) {
    for i in 0..a.len().max(b.len()) {
        let sides = Sides::new(a.clone().nth(i), b.clone().nth(i));
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
