//! The rows in front: which are asked for, what was kept, and where the cursor goes when they come.

use std::sync::Arc;

use super::step::row_end;
use super::{App, Loaded, Pane, Part, Want};
use crate::model::{Listing, Place, View};
use crate::session::ListingKey;
use crate::text::Role;
use crate::tui::action::Effect;
use crate::tui::app::Cursor;

/// Listings kept; older ones are made again when somebody looks.
const KEPT: usize = 12;

impl App {
    /// The key of the listing that should be in front.
    pub(crate) fn listing_key(&self) -> Option<ListingKey> {
        let (artifact, path) = self.front_key()?;
        let view = self.view().filter(|_| !self.compare.explain)?;
        let place = match self.part()? {
            Part::Function(i) if matches!(view, View::Asm | View::Bytes) => Place::Function(i),
            Part::Member(_) | Part::Same => return None,
            _ => Place::Whole,
        };
        Some(ListingKey { artifact, path, place, view })
    }

    /// The listing in front, once it came.
    pub(crate) fn loaded(&self) -> Option<&Loaded> {
        let key = self.listing_key()?;
        self.compare.kept.iter().find(|l| l.key == key)
    }

    /// The rows of the whole file's bytes, if they were made.
    pub(crate) fn whole_rows(&self) -> Option<&Loaded> {
        let (artifact, path) = self.front_key()?;
        let whole = |k: &ListingKey| k.artifact == artifact && k.path == path && k.place == Place::Whole && k.view == View::Bytes;
        self.compare.kept.iter().find(|l| whole(&l.key))
    }

    /// Rows of the listing pane: aligned rows, or sentences where there are none.
    pub(crate) fn listing_len(&self) -> usize {
        match self.loaded() {
            Some(loaded) => loaded.listing.rows.len(),
            None => self.sentences().len(),
        }
    }

    /// The part or the view changed: asks for the listing if it is not there, else puts the cursor.
    pub(crate) fn part_changed(&mut self) {
        self.cursors[Pane::Listing as usize] = Cursor { height: self.cursor(Pane::Listing).height, ..Default::default() };
        let want = self.compare.want.unwrap_or(Want::First);
        self.compare.want = Some(match self.part() {
            Some(Part::Region(i)) if want == Want::First => {
                let extent = self.node().and_then(|n| n.regions.get(i)).and_then(|r| r.extent.shipped.or(r.extent.rebuilt));
                extent.map_or(want, |e| Want::DifferenceFrom(e.offset))
            }
            _ => want,
        });
        let Some(key) = self.listing_key() else { return };
        if self.loaded().is_some() {
            self.settle();
            return;
        }
        if self.compare.asked.insert(key_hash(&key))
            && let Some(evidence) = self.node().and_then(|n| n.evidence.clone())
        {
            self.effect(Effect::Listing(key, evidence));
        }
    }

    pub(crate) fn listing_came(&mut self, key: ListingKey, listing: Arc<Listing>) {
        self.compare.asked.remove(&key_hash(&key));
        let mut count = 0u32;
        let mut before = Vec::with_capacity(listing.rows.len() + 1);
        for row in &listing.rows {
            before.push(count);
            count = count.saturating_add(u32::from(row.mark.is_difference()));
        }
        before.push(count);
        let runs = listing.differences();
        self.compare.kept.retain(|l| l.key != key);
        if self.compare.kept.len() >= KEPT {
            self.compare.kept.remove(0);
        }
        let current = self.listing_key().as_ref() == Some(&key);
        let near = near(&listing);
        self.compare.kept.push(Loaded { key, listing, runs, before, near });
        if current {
            self.settle();
        }
    }

    /// Puts the cursor where it is wanted in the listing in front, and asks for the source of that row.
    pub(super) fn settle(&mut self) {
        let Some(want) = self.compare.want.take() else { return };
        let Some(loaded) = self.loaded() else { return };
        let number = |i: usize| {
            let row = loaded.listing.rows.get(i)?;
            row.cells.shipped.as_ref().or(row.cells.rebuilt.as_ref()).map(|c| c.number)
        };
        let at = match want {
            Want::First => loaded.runs.first().copied().unwrap_or(0),
            Want::Last => loaded.runs.last().copied().unwrap_or(0),
            Want::Number(wanted) => {
                let len = loaded.listing.rows.len();
                (0..len).find(|i| number(*i).is_some_and(|n| n >= wanted)).unwrap_or(len.saturating_sub(1))
            }
            Want::DifferenceFrom(wanted) => {
                let rows = loaded.listing.rows.iter().enumerate();
                let differs = |(i, row): &(usize, &crate::model::ListingRow)| {
                    row.mark.is_difference() && row_end(row).is_some_and(|end| end > wanted) && number(*i).is_some()
                };
                let first = rows.clone().find(differs).map(|(i, _)| i);
                first.or_else(|| loaded.runs.first().copied()).unwrap_or(0)
            }
            Want::Row(row) | Want::Exactly { row, .. } => row,
        };
        self.put_in_view(Pane::Listing, at);
        if let Want::Exactly { top, .. } = want {
            self.cursor_mut(Pane::Listing).top = top;
        }
        self.show_change();
        self.want_source_of_row();
    }

    /// Scrolls sideways so that the first changed part of the row under the cursor is inside.
    pub(super) fn show_change(&mut self) {
        let row = self.loaded().and_then(|l| l.listing.rows.get(self.cursor(Pane::Listing).at));
        let Some(row) = row else { return };
        if self.wrap_rows {
            self.sideways = 0;
            return;
        }
        let width = self.compare.text_width.max(16);
        let points = change_points(row);
        let first = points.iter().map(|p| p.1).min().unwrap_or(0);
        let last = points.iter().map(|p| p.1).max().unwrap_or(0);
        self.sideways = if last < width { 0 } else { first.saturating_sub(width / 4) };
    }
}

/// Rows that differ, with the rows around them that say where they are.
fn near(listing: &Listing) -> Vec<usize> {
    const AROUND: usize = 3;
    let mut near = Vec::new();
    let mut next = 0;
    for (i, _) in listing.rows.iter().enumerate().filter(|(_, r)| r.mark.is_difference()) {
        near.extend(next.max(i.saturating_sub(AROUND))..i.saturating_add(AROUND + 1).min(listing.rows.len()).max(next));
        next = near.last().map_or(0, |last| last + 1);
    }
    near
}

fn key_hash(key: &ListingKey) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

/// The cells of a row's texts where a changed part starts or ends: (whether rebuilt, cell). A text without marked parts
/// is changed from its first cell to its last.
pub(crate) fn change_points(row: &crate::model::ListingRow) -> Vec<(bool, usize)> {
    let mut points = Vec::new();
    for (rebuilt, cell) in [(false, &row.cells.shipped), (true, &row.cells.rebuilt)] {
        let Some(cell) = cell else { continue };
        let mut at = 0;
        let before = points.len();
        for segment in &cell.text.0 {
            let width = segment.text.width();
            if matches!(segment.role, Role::Shipped | Role::Rebuilt | Role::Hidden) && width > 0 {
                points.extend([(rebuilt, at), (rebuilt, at + width - 1)]);
            }
            at += width;
        }
        if points.len() == before && at > 0 {
            points.extend([(rebuilt, 0), (rebuilt, at - 1)]);
        }
    }
    points.dedup();
    points
}
