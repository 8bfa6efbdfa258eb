//! Stepping through the differences of the node in front.

use super::super::{App, Pane};
use super::{Part, Want};
use crate::model::{ResultMark, View};

impl App {
    /// Shows the string at an offset of the file in front.
    pub(crate) fn show_string(&mut self, offset: u64) {
        self.put(Pane::Parts, self.compare.parts.iter().position(|p| *p == Part::Whole).unwrap_or(0));
        match self.views().iter().position(|v| *v == View::Strings) {
            Some(view) => self.compare.view = view,
            None => self.compare.view = self.views().iter().position(|v| *v == View::Bytes).unwrap_or(0),
        }
        self.compare.want = Some(Want::Number(offset));
        self.part_changed();
    }

    /// Next or previous run of differing rows, then the next part that has some; false at the end.
    pub(crate) fn step_difference(&mut self, forward: bool) -> bool {
        let at = self.cursor(Pane::Listing).at;
        if let Some(loaded) = self.loaded() {
            let next = if forward { loaded.runs.iter().find(|r| **r > at) } else { loaded.runs.iter().rev().find(|r| **r < at) }.copied();
            // A region's rows are rows of the whole file: the walk stays inside the region.
            let inside = |row: &usize| match (self.part(), loaded.listing.rows.get(*row)) {
                (Some(Part::Region(i)), Some(row)) => {
                    let extent = self.node().and_then(|n| n.regions.get(i)).and_then(|r| r.extent.shipped.or(r.extent.rebuilt));
                    let number = row.cells.shipped.as_ref().or(row.cells.rebuilt.as_ref()).map(|c| c.number);
                    extent.is_none_or(|e| {
                        number.is_some_and(|n| n < e.offset.saturating_add(e.size)) && row_end(row).is_some_and(|end| end > e.offset)
                    })
                }
                _ => true,
            };
            if let Some(row) = next.filter(inside) {
                self.focus_on(Pane::Listing);
                self.put_in_view(Pane::Listing, row);
                self.show_change();
                self.want_source_of_row();
                return true;
            }
        }
        let part = self.cursor(Pane::Parts).at;
        let differs = |i: usize| match (self.compare.parts.get(i), self.node()) {
            (Some(Part::Function(f)), Some(node)) => node.functions.get(*f).is_some_and(|f| f.result == ResultMark::Different),
            (Some(Part::Region(_)), _) => true,
            _ => false,
        };
        let next = if forward { (part + 1..self.compare.parts.len()).find(|i| differs(*i)) } else { (0..part).rev().find(|i| differs(*i)) };
        let Some(next) = next else { return false };
        self.compare.want = Some(if forward { Want::First } else { Want::Last });
        self.cursor_mut(Pane::Parts).at = next;
        self.part_changed();
        self.focus_on(Pane::Listing);
        true
    }
}

/// The number just after a row's bytes.
pub(super) fn row_end(row: &crate::model::ListingRow) -> Option<u64> {
    let cell = row.cells.shipped.as_ref().or(row.cells.rebuilt.as_ref())?;
    Some(cell.number.saturating_add(cell.bytes.len().max(1) as u64))
}
