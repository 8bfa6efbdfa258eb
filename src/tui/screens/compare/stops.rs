//! The rows of a listing that are drawn: all of them, or those that differ and what is around them.

use std::borrow::Cow;

use crate::text::{Role, Row};
use crate::tui::app::Loaded;
use crate::tui::widgets::grouped;

/// The rows that are drawn, in order.
pub(super) struct Stops<'a> {
    /// `None`: every row.
    some: Option<Cow<'a, [usize]>>,
    rows: usize,
}

/// What of a listing is drawn; the row under the cursor always is.
pub(super) fn stops(loaded: &Loaded, cursor: usize, fold: bool) -> Stops<'_> {
    let rows = loaded.listing.rows.len();
    let some = fold.then(|| match loaded.near.binary_search(&cursor) {
        Err(at) if cursor < rows => {
            let mut with = loaded.near.clone();
            with.insert(at, cursor);
            Cow::Owned(with)
        }
        _ => Cow::Borrowed(loaded.near.as_slice()),
    });
    Stops { some, rows }
}

impl Stops<'_> {
    pub(super) fn is_all(&self) -> bool {
        self.some.is_none()
    }

    pub(super) fn len(&self) -> usize {
        self.some.as_ref().map_or(self.rows, |s| s.len())
    }

    pub(super) fn last(&self) -> Option<usize> {
        self.len().checked_sub(1).map(|n| self.at(n))
    }

    /// The row of the listing that comes so many after the first.
    pub(super) fn at(&self, n: usize) -> usize {
        self.some.as_ref().map_or(n, |s| s.get(n).copied().unwrap_or(self.rows))
    }

    /// Which of them a row of the listing is, or the next one.
    pub(super) fn nth_of(&self, row: usize) -> usize {
        self.some.as_ref().map_or(row, |s| s.partition_point(|i| *i < row))
    }

    fn hidden(count: usize) -> Option<Row> {
        (count > 0).then(|| Row::new().with(Role::Dim, &format!(" -- {} rows are the same --", grouped(count as u64))))
    }

    /// What is said before a row, when some before it are hidden.
    pub(super) fn hidden_before(&self, n: usize) -> Option<Row> {
        self.some.as_ref()?;
        let before = n.checked_sub(1).map_or(0, |n| self.at(n) + 1);
        Self::hidden(self.at(n).saturating_sub(before))
    }

    /// What is said at the end, when rows behind the last one are hidden.
    pub(super) fn hidden_at_end(&self) -> Option<Row> {
        self.some.as_ref()?;
        Self::hidden(self.rows - self.last().map_or(0, |l| l + 1).min(self.rows))
    }
}

/// The first to draw so that the one under the cursor is inside, when they have different heights.
pub(super) fn first_stop(top: usize, at: usize, height: usize, rows_of: impl Fn(usize) -> usize) -> usize {
    if at <= top {
        return at;
    }
    let mut used = rows_of(at);
    let mut first = at;
    while first > top {
        used += rows_of(first - 1);
        if used > height {
            break;
        }
        first -= 1;
    }
    first
}
