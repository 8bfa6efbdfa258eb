//! Rows on demand for files without an inner structure: bytes, strings, lines.

use std::collections::HashMap;
use std::ops::Range;

use super::{Share, lines};
use crate::digest::Sha256;
use crate::inspect::blob::Blob;
use crate::model::{Evidence, LineMark, Listing, ListingRow, Node, NodeKind, Place, SideCell, Sides, View};
use crate::text::{Role, Row, Shown};

/// Bytes in a row of the bytes view.
const WIDTH: usize = 16;
/// Equal rows shown around a difference.
const CONTEXT: usize = 2;
/// Printable characters that make a string.
const STRING: usize = 4;

/// Two files as plain bytes or text.
pub(super) struct Plain {
    a: Blob,
    b: Blob,
    kind: NodeKind,
}

impl Plain {
    pub(super) fn new(a: Blob, b: Blob, kind: NodeKind) -> Self {
        Self { a, b, kind }
    }
}

impl Evidence for Plain {
    fn views(&self) -> Vec<View> {
        if self.kind == NodeKind::Text { vec![View::Lines, View::Bytes] } else { vec![View::Bytes, View::Strings] }
    }

    fn listing(&self, _place: Place, view: View) -> Listing {
        match view {
            View::Lines => lines::listing(&self.a, &self.b),
            View::Strings => strings(&self.a, &self.b),
            View::Bytes | View::Asm | View::Sections => bytes(&self.a, &self.b, Sides::new(0, 0)),
        }
    }

    fn likeness(&self, node: &Node, _: &Share<'_>) -> Option<Sha256> {
        let text = self.kind == NodeKind::Text && node.metadata.is_empty() && node.proofs.is_empty();
        if text { super::likeness::of_texts(&self.a, &self.b) } else { None }
    }
}

/// Aligned rows of 16 bytes: by position when the sizes agree, else with the common start and end aligned. `base` is the
/// number of the first byte on each side.
pub(super) fn bytes(a: &[u8], b: &[u8], base: Sides<u64>) -> Listing {
    let (start, end) = if a.len() == b.len() {
        (a.len(), 0)
    } else {
        let start = a.iter().zip(b).take_while(|(x, y)| x == y).count() / WIDTH * WIDTH;
        let most = a.len().min(b.len()) - start;
        (start, a.iter().rev().zip(b.iter().rev()).take(most).take_while(|(x, y)| x == y).count())
    };
    let mut table = Table { a, b, base, rows: Vec::new(), skipped: 0 };
    table.part(0..start, 0..start);
    table.part(start..a.len() - end, start..b.len() - end);
    table.part(a.len() - end..a.len(), b.len() - end..b.len());
    table.close();
    let cut = (table.rows.len() > lines::MAX_ROWS).then(|| format!("differing rows beyond the first {} are left out", lines::MAX_ROWS));
    Listing { rows: table.rows, cut }
}

struct Table<'a> {
    a: &'a [u8],
    b: &'a [u8],
    base: Sides<u64>,
    rows: Vec<ListingRow>,
    /// Equal rows since the last one that was kept.
    skipped: usize,
}

impl Table<'_> {
    fn part(&mut self, left: Range<usize>, right: Range<usize>) {
        let count = left.len().max(right.len()).div_ceil(WIDTH);
        let chunk = |side: &Range<usize>, i: usize| {
            let from = side.start.saturating_add(i * WIDTH).min(side.end);
            from..from.saturating_add(WIDTH).min(side.end)
        };
        let differs = |i: usize| self.a.get(chunk(&left, i)) != self.b.get(chunk(&right, i));
        let mut wanted = vec![false; count];
        for i in (0..count).filter(|i| differs(*i)) {
            for w in wanted.iter_mut().take(i + CONTEXT + 1).skip(i.saturating_sub(CONTEXT)) {
                *w = true;
            }
        }
        for (i, wanted) in wanted.into_iter().enumerate() {
            if !wanted || self.rows.len() > lines::MAX_ROWS {
                self.skipped += 1;
                continue;
            }
            self.close();
            self.row(chunk(&left, i), chunk(&right, i));
        }
    }

    fn close(&mut self) {
        if self.skipped > 0 {
            let rows = std::mem::take(&mut self.skipped);
            self.rows.push(lines::elided(&format!("{rows} rows of {WIDTH} bytes left out")));
        }
    }

    fn row(&mut self, left: Range<usize>, right: Range<usize>) {
        let (x, y) = (self.a.get(left.clone()).unwrap_or_default(), self.b.get(right.clone()).unwrap_or_default());
        let cell = |own: &[u8], other: &[u8], number: u64, role| {
            (!own.is_empty()).then(|| SideCell { number, bytes: own.to_vec(), text: hex_row(own, other, role) })
        };
        let cells = Sides::new(
            cell(x, y, self.base.shipped.saturating_add(left.start as u64), Role::Shipped),
            cell(y, x, self.base.rebuilt.saturating_add(right.start as u64), Role::Rebuilt),
        );
        let mark = lines::mark_of(&Sides::new(!x.is_empty(), !y.is_empty()), x == y);
        self.rows.push(ListingRow { mark, cells, source: None, note: None });
    }
}

/// Hexadecimal, then the printable characters; what differs from the other side has the side's role.
fn hex_row(own: &[u8], other: &[u8], changed: Role) -> Row {
    let mut row = Row::new();
    let differs = |i: usize| own.get(i) != other.get(i);
    for part in [true, false] {
        let mut i = 0;
        while i < own.len() {
            let now = differs(i);
            let mut text = String::new();
            while i < own.len() && differs(i) == now {
                let byte = own[i];
                if part {
                    text.push_str(&format!("{byte:02x} "));
                } else {
                    text.push(if byte.is_ascii_graphic() || byte == b' ' { char::from(byte) } else { '.' });
                }
                i += 1;
            }
            row.push(if now { changed } else { Role::Text }, Shown::new(&text));
        }
        if part {
            row.push(Role::Dim, Shown::new(&format!("{:width$}", " ", width = (WIDTH - own.len().min(WIDTH)) * 3 + 1)));
        }
    }
    row
}

/// Strings that occur more often on one side.
pub(super) fn strings<'b>(a: &'b [u8], b: &'b [u8]) -> Listing {
    let (one, two) = (find_strings(a), find_strings(b));
    let mut balance: HashMap<&'b [u8], i64> = HashMap::new();
    for (_, s) in &one {
        *balance.entry(s).or_default() += 1;
    }
    for (_, s) in &two {
        *balance.entry(s).or_default() -= 1;
    }
    let mut listing = Listing::default();
    let mut add = |found: &[(usize, &'b [u8])], sign: i64, mark: LineMark, role: Role| {
        for (at, string) in found {
            let Some(left) = balance.get_mut(string).filter(|n| **n * sign > 0) else { continue };
            *left -= sign;
            if listing.rows.len() >= lines::MAX_ROWS {
                listing.cut = Some(format!("more than {} strings", lines::MAX_ROWS));
                return;
            }
            let mut text = Row::new();
            text.push(role, Shown::of_bytes(string));
            let cell = Some(SideCell { number: *at as u64, bytes: Vec::new(), text });
            let cells = if sign > 0 { Sides::new(cell, None) } else { Sides::new(None, cell) };
            listing.rows.push(ListingRow { mark, cells, source: None, note: None });
        }
    };
    add(&one, 1, LineMark::OnlyShipped, Role::Shipped);
    add(&two, -1, LineMark::OnlyRebuilt, Role::Rebuilt);
    listing
}

pub(super) fn find_strings(bytes: &[u8]) -> Vec<(usize, &[u8])> {
    let printable = |b: u8| b == b'\t' || (0x20..0x7f).contains(&b);
    let mut at = 0;
    let mut out = Vec::new();
    for run in bytes.chunk_by(|x, y| printable(*x) == printable(*y)) {
        if run.len() >= STRING && printable(run[0]) {
            out.push((at, run));
        }
        at += run.len();
    }
    out
}
