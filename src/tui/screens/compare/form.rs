//! One row of a listing: both sides beside each other, in columns that fit.

use crate::model::{ListingRow, Side, SideCell, View};
use crate::text::{Role, Row, Shown};
use crate::tui::app::{Sight, change_points};
use crate::tui::widgets::{fit, skip, wrap};

/// How wide the columns of a listing are.
pub(super) struct Form {
    view: View,
    number: usize,
    bytes: usize,
    side: usize,
}

impl Form {
    pub(super) fn of(rows: &[&ListingRow], view: View, width: usize) -> Self {
        let cells = || rows.iter().flat_map(|r| [&r.cells.shipped, &r.cells.rebuilt]).flatten();
        let largest = cells().map(|c| c.number).max().unwrap_or(0);
        let number = match view {
            View::Lines => largest.to_string().len().max(4),
            View::Strings => 0,
            _ => format!("{largest:x}").len().max(4),
        };
        let side = width.saturating_sub(3) / 2;
        let longest = cells().map(|c| c.bytes.len()).max().unwrap_or(0);
        let hex_is_text = view == View::Bytes
            && cells().all(|c| c.bytes.first().is_none_or(|b| c.text.plain().trim_start().starts_with(&format!("{b:02x}"))));
        let most = match view {
            View::Asm => (side.saturating_sub(number + 20) / 2).clamp(2, 8),
            _ => side.saturating_sub(number + 2) / 2,
        };
        let bytes = if hex_is_text || matches!(view, View::Lines | View::Strings | View::Sections) { 0 } else { longest.min(most) };
        Self { view, number, bytes, side }
    }

    pub(super) fn row(&self, row: &ListingRow, sideways: usize) -> Row {
        let mark = row.mark.mark();
        let note = row.note.as_deref().unwrap_or_default();
        if row.cells.shipped.is_none() && row.cells.rebuilt.is_none() {
            return Row::new().with(Role::Dim, &format!(" -- {note} --"));
        }
        let mut out = fit(&self.cell(row, Side::Shipped, sideways), self.side);
        out.push(mark_role(mark), Shown::new(&format!(" {mark} ")));
        out.0.extend(fit(&self.cell(row, Side::Rebuilt, sideways), self.side).0);
        out
    }

    /// The row with the text of each side wrapped: nothing of it is cut.
    pub(super) fn wrapped(&self, row: &ListingRow) -> Vec<Row> {
        if row.cells.shipped.is_none() && row.cells.rebuilt.is_none() {
            return vec![self.row(row, 0)];
        }
        let width = self.text().max(8);
        let head = self.side.saturating_sub(self.text());
        let side = |side: Side| -> Vec<Row> {
            let Some(cell) = row.cells.get(side) else { return Vec::new() };
            let mut texts = wrap(std::slice::from_ref(&cell.text), width).into_iter();
            let mut first = fit(&self.cell(row, side, usize::MAX), head);
            first.0.extend(texts.next().unwrap_or_default().0);
            let rest = texts.map(|text| {
                let mut more = Row::new().with(Role::Text, &" ".repeat(head));
                more.0.extend(text.0);
                more
            });
            std::iter::once(first).chain(rest).collect()
        };
        let (ours, theirs) = (side(Side::Shipped), side(Side::Rebuilt));
        let joined = |n: usize| {
            let mut out = fit(ours.get(n).unwrap_or(&Row::new()), self.side);
            match n {
                0 => out.push(mark_role(row.mark.mark()), Shown::new(&format!(" {} ", row.mark.mark()))),
                _ => out.push(Role::Text, Shown::new("   ")),
            }
            out.0.extend(fit(theirs.get(n).unwrap_or(&Row::new()), self.side).0);
            out
        };
        (0..ours.len().max(theirs.len()).max(1)).map(joined).collect()
    }

    /// A row that was wrapped is in sight with all of its change.
    pub(super) fn whole_sight(&self, at: usize, row: &ListingRow) -> Sight {
        let points = change_points(row);
        Sight { row: at, of: points.len(), points }
    }

    /// Cells that are left for the text of a side.
    pub(super) fn text(&self) -> usize {
        let number = if self.view == View::Strings { 0 } else { self.number + 1 };
        let bytes = if self.bytes > 0 { 2 * self.bytes + 2 } else { 0 };
        self.side.saturating_sub(number + bytes)
    }

    /// What of the row's change is inside.
    pub(super) fn sight(&self, at: usize, row: &ListingRow, sideways: usize) -> Sight {
        let points = change_points(row);
        let of = points.len();
        let inside = sideways..sideways + self.text();
        Sight { row: at, of, points: points.into_iter().filter(|p| inside.contains(&p.1)).collect() }
    }

    fn cell(&self, row: &ListingRow, side: Side, sideways: usize) -> Row {
        let Some(cell) = row.cells.get(side) else { return Row::new() };
        let other = match side {
            Side::Shipped => row.cells.rebuilt.as_ref(),
            Side::Rebuilt => row.cells.shipped.as_ref(),
        };
        let changed = match side {
            Side::Shipped => Role::Shipped,
            Side::Rebuilt => Role::Rebuilt,
        };
        let mut out = Row::new();
        match self.view {
            View::Strings => {}
            View::Lines => out.push(Role::Dim, Shown::new(&format!("{:>width$} ", cell.number, width = self.number))),
            _ => out.push(Role::Dim, Shown::new(&format!("{:0>width$x} ", cell.number, width = self.number))),
        }
        if self.bytes > 0 {
            hex(cell, other, self.bytes, row.mark.is_difference().then_some(changed), &mut out);
        }
        out.0.extend(skip(&cell.text, sideways).0);
        out
    }
}

/// The bytes of a cell, those that differ from the other side marked.
fn hex(cell: &SideCell, other: Option<&SideCell>, most: usize, changed: Option<Role>, out: &mut Row) {
    let shown = cell.bytes.get(..most.min(cell.bytes.len())).unwrap_or_default();
    for (i, byte) in shown.iter().enumerate() {
        let differs = other.is_none_or(|o| o.bytes.get(i) != Some(byte));
        let role = if differs { changed.unwrap_or(Role::Text) } else { Role::Text };
        match out.0.last_mut() {
            Some(last) if last.role == role && i > 0 => last.text = Shown::new(&format!("{}{byte:02x}", last.text)),
            _ => out.push(role, Shown::new(&format!("{byte:02x}"))),
        }
    }
    let more = cell.bytes.len() > most;
    let blanks = 2 * (most - shown.len()) + 2;
    out.push(Role::Dim, Shown::new(&format!("{:<blanks$}", if more { "…" } else { "" })));
}

fn mark_role(mark: char) -> Role {
    match mark {
        '=' | ' ' => Role::Dim,
        '~' => Role::Explained,
        _ => Role::Bad,
    }
}
