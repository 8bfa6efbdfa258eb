//! The differing rows of a file as pieces: a run of rows that differ, with the row before and the row after it.

use std::ops::Range;

use super::pieces::{At, Piece};
use crate::digest::{Sha256, hex};
use crate::model::{Listing, ListingRow, Node, Place, ResultMark, SideCell, View};
use crate::report::best_listing;
use crate::review::differences::{base_of, differences_of, differing, function_rows, has_parts, other_regions, region_rows};

/// Rows of one piece.
const ROWS: usize = 6;

/// All differences of a node, numbered as the screens number them, and how many it has.
pub(super) fn of(node: &Node) -> (Vec<Piece>, u32) {
    let Some(evidence) = &node.evidence else { return (Vec::new(), 1) };
    if !has_parts(node) {
        let Some(listing) = best_listing(node) else { return (Vec::new(), 1) };
        let view = evidence.views().first().copied().unwrap_or(View::Bytes);
        let mut number = 0;
        let numbers: Vec<Option<u32>> = listing.rows.iter().map(|row| next_number(row, &mut number)).collect();
        let mut pieces = runs(&listing, view, &numbers, None);
        if pieces.is_empty() {
            // It differs without a row that does: in its length, or in an order.
            pieces.push(Piece { numbers: vec![0], lines: vec![node.why.clone()], at: At::default() });
        }
        cut(&listing, &mut pieces);
        let of = differences_of(node, Some(&listing)).unwrap_or(u32::MAX);
        return (pieces, of);
    }
    let view = evidence.views().first().copied().unwrap_or(View::Bytes);
    let mut pieces = Vec::new();
    for (i, function) in node.functions.iter().enumerate().filter(|(_, f)| f.result == ResultMark::Different) {
        let Some((base, changed)) = base_of(node, i) else { continue };
        let listing = evidence.listing(Place::Function(i), view);
        let mut number = 0;
        let number_of =
            |row: &ListingRow, number: &mut u32| next_number(row, number).filter(|n| *n < changed).map(|n| base.saturating_add(n));
        let numbers: Vec<Option<u32>> = listing.rows.iter().map(|row| number_of(row, &mut number)).collect();
        let mut own = runs(&listing, view, &numbers, Some(function.name.shown().to_string()));
        let there = differing(&listing).min(changed);
        if listing.cut.is_none() && there < changed {
            // All that there is to be shown is in the rows.
            let rest = (there..changed).map(|n| base.saturating_add(n));
            match own.last_mut() {
                Some(last) => last.numbers.extend(rest),
                None => {
                    let at = At { function: Some(function.name.shown().to_string()), ..At::default() };
                    own.push(Piece { numbers: rest.collect(), lines: vec![function.what.clone()], at });
                }
            }
        }
        cut(&listing, &mut own);
        pieces.append(&mut own);
    }
    let mut whole = None;
    if !other_regions(node).is_empty() {
        let listing = evidence.listing(Place::Whole, View::Bytes);
        let rows = region_rows(node, &listing);
        let base = function_rows(node);
        let number = |row: usize| rows.binary_search(&row).ok().and_then(|n| u32::try_from(n).ok()).map(|n| base.saturating_add(n));
        let numbers: Vec<Option<u32>> = (0..listing.rows.len()).map(number).collect();
        let mut own = runs(&listing, View::Bytes, &numbers, None);
        if own.is_empty() && listing.cut.is_none() {
            let names: Vec<String> = other_regions(node)
                .iter()
                .filter_map(|i| node.regions.get(*i))
                .map(|r| format!("section {} differs", r.name.shown()))
                .collect();
            own.push(Piece { numbers: vec![base], lines: names, at: At::default() });
        }
        cut(&listing, &mut own);
        pieces.append(&mut own);
        whole = Some(listing);
    }
    let of = differences_of(node, whole.as_ref()).unwrap_or(u32::MAX);
    (pieces, of)
}

fn next_number(row: &ListingRow, number: &mut u32) -> Option<u32> {
    row.mark.is_difference().then(|| {
        let own = *number;
        *number = number.saturating_add(1);
        own
    })
}

/// What was cut is said with the last piece; it cannot be shown.
fn cut(listing: &Listing, pieces: &mut [Piece]) {
    if let (Some(cut), Some(last)) = (&listing.cut, pieces.last_mut()) {
        last.lines.push(cut.clone());
    }
}

/// Runs of rows that have a number.
fn runs(listing: &Listing, view: View, numbers: &[Option<u32>], function: Option<String>) -> Vec<Piece> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < listing.rows.len() {
        if numbers.get(at).copied().flatten().is_none() {
            at += 1;
            continue;
        }
        let mut end = at;
        while end < listing.rows.len() && end - at < ROWS && numbers.get(end).copied().flatten().is_some() {
            end += 1;
        }
        out.push(piece(listing, view, at..end, numbers, function.clone()));
        at = end;
    }
    out
}

fn piece(listing: &Listing, view: View, range: Range<usize>, numbers: &[Option<u32>], function: Option<String>) -> Piece {
    let mut lines = Vec::new();
    let around = |at: Option<usize>, word: &str, lines: &mut Vec<String>| {
        let row = at.and_then(|at| listing.rows.get(at)).filter(|row| !row.mark.is_difference());
        if let Some(cell) = row.and_then(|row| row.cells.shipped.as_ref()) {
            lines.push(format!("{word}, the same: {}", words(cell, view)));
        }
    };
    around(range.start.checked_sub(1), "before", &mut lines);
    let rows = listing.rows.get(range.clone()).unwrap_or_default();
    for row in rows {
        match (&row.cells.shipped, &row.cells.rebuilt) {
            (Some(a), Some(b)) => lines.extend([format!("shipped: {}", words(a, view)), format!("rebuilt: {}", words(b, view))]),
            (Some(a), None) => lines.push(format!("only shipped: {}", words(a, view))),
            (None, Some(b)) => lines.push(format!("only rebuilt: {}", words(b, view))),
            (None, None) => {}
        }
        lines.extend(row.note.as_ref().map(|note| format!("note: {note}")));
    }
    around(Some(range.end), "after", &mut lines);
    let mut at = place(rows, view);
    at.function = function;
    Piece { numbers: range.filter_map(|row| numbers.get(row).copied().flatten()).collect(), lines, at }
}

/// A cell in words: where it is, its bytes, its text.
fn words(cell: &SideCell, view: View) -> String {
    let text = cell.text.plain();
    if view == View::Lines {
        return format!("line {}: {text}", cell.number);
    }
    // The bytes view has them in its text.
    let dump = cell.bytes.first().is_none_or(|b| text.starts_with(&format!("{b:02x} ")));
    let bytes = if dump { String::new() } else { format!("bytes {}, ", hex(&cell.bytes)) };
    format!("at {:x}, {bytes}{text}", cell.number)
}

/// Where the rows are: addresses with the digest of the shipped bytes, lines, and the line of source.
fn place(rows: &[ListingRow], view: View) -> At {
    let mut at = At::default();
    let first = rows.iter().find_map(|r| r.cells.shipped.as_ref());
    let last = rows.iter().rev().find_map(|r| r.cells.shipped.as_ref());
    let either = |r: &ListingRow| r.cells.shipped.as_ref().or(r.cells.rebuilt.as_ref()).map(|c| c.number);
    if view == View::Lines {
        at.lines = rows.iter().find_map(either).zip(rows.iter().rev().find_map(either));
    } else if let (Some(first), Some(last)) = (first, last) {
        let end = last.number.saturating_add(last.bytes.len() as u64);
        at.addresses = Some((first.number, Some(end).filter(|end| *end > first.number && !last.bytes.is_empty())));
        let bytes: Vec<u8> = rows.iter().filter_map(|r| r.cells.shipped.as_ref()).flat_map(|c| c.bytes.iter().copied()).collect();
        at.range = (!bytes.is_empty()).then(|| Sha256::of(&bytes));
    } else {
        at.addresses = rows.iter().find_map(either).map(|number| (number, None));
    }
    at.source = rows.iter().find_map(|r| r.source.clone());
    at
}
