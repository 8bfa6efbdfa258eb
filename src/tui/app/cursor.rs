//! Panes, their cursors, and moving in them.

use super::App;
use super::lists::NoteRow;
use crate::tui::action::{Action, Screen};

/// Cells that h and l scroll: less than any text is wide, so that nothing is jumped over.
const SIDEWAYS: usize = 12;

/// A list or text that can have the focus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Pane {
    /// The groups of checks.
    Groups,
    /// What is next to review.
    Queue,
    /// The source tree.
    Tree,
    /// A source file.
    File,
    /// The commits that changed it, in its place.
    Commits,
    /// Two versions of it, in its place.
    Change,
    /// Links of the chain and attestations with their answers.
    Claims,
    /// What is known about the selected claim.
    Evidence,
    /// All compared files.
    Files,
    /// Differing functions, regions and members of a file.
    Parts,
    /// Shipped against rebuilt.
    Listing,
    /// The files that a rule or the batch covers.
    Covered,
    /// The questions.
    Checklist,
    /// Findings and notes.
    Notes,
    /// What stands in the way of an approval.
    Blockers,
    /// The statement.
    Statement,
    /// What lies on Sign-off in place of these two.
    Sheet,
}

impl Pane {
    /// How many there are.
    pub(crate) const COUNT: usize = 17;
}

/// Where a pane is: the row under the cursor, the first row drawn and how many were drawn last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// The row under the cursor.
    pub(crate) at: usize,
    /// The first row drawn.
    pub(crate) top: usize,
    /// Rows drawn last.
    pub(crate) height: usize,
}

impl Cursor {
    /// The first row to draw so that the cursor is inside, moving as little as possible.
    pub(crate) fn first(self, height: usize, len: usize) -> usize {
        let top = self.top.min(len.saturating_sub(height));
        if height == 0 || self.at < top {
            self.at.min(len.saturating_sub(1))
        } else if self.at >= top + height {
            self.at + 1 - height
        } else {
            top
        }
    }
}

impl App {
    pub(crate) fn cursor(&self, pane: Pane) -> Cursor {
        self.cursors[pane as usize]
    }

    pub(crate) fn cursor_mut(&mut self, pane: Pane) -> &mut Cursor {
        &mut self.cursors[pane as usize]
    }

    /// The pane with the focus.
    pub(crate) fn pane(&self) -> Pane {
        match self.focus[self.screen as usize] {
            _ if self.screen == Screen::Signoff && self.sheet.is_some() => Pane::Sheet,
            Pane::File => self.past.pane().unwrap_or(Pane::File),
            pane => pane,
        }
    }

    /// The panes of the screen in front, in the order of Tab.
    pub(crate) fn panes(&self) -> Vec<Pane> {
        match self.screen {
            Screen::Overview => vec![Pane::Groups, Pane::Queue],
            Screen::Source => vec![Pane::Tree, self.past.pane().unwrap_or(Pane::File)],
            Screen::Provenance => vec![Pane::Claims, Pane::Evidence],
            Screen::Artifacts => vec![Pane::Files],
            Screen::Compare if self.compare.is_group() => vec![Pane::Covered],
            Screen::Compare => vec![Pane::Parts, Pane::Listing],
            Screen::Findings => vec![Pane::Checklist, Pane::Notes],
            Screen::Signoff if self.sheet.is_some() => vec![Pane::Sheet],
            Screen::Signoff => vec![Pane::Blockers, Pane::Statement],
        }
    }

    pub(crate) fn focus_on(&mut self, pane: Pane) {
        if pane == Pane::Sheet {
            return; // it has the focus as long as it lies there
        }
        // What lies in place of the file has its focus.
        let pane = if matches!(pane, Pane::Commits | Pane::Change) { Pane::File } else { pane };
        self.focus[self.screen as usize] = pane;
    }

    pub(crate) fn focus_first(&mut self) {
        if let Some(last) = self.panes().last() {
            self.focus_on(*last);
        }
    }

    pub(crate) fn next_pane(&mut self, forward: bool) {
        let panes = self.panes();
        let at = panes.iter().position(|p| *p == self.pane()).unwrap_or(0);
        let step = if forward { 1 } else { panes.len().saturating_sub(1) };
        if let Some(pane) = panes.get((at + step) % panes.len().max(1)) {
            self.focus_on(*pane);
        }
    }

    /// Number of rows of a pane.
    pub(crate) fn rows_of(&self, pane: Pane) -> usize {
        match pane {
            Pane::Groups => self.groups.len() + 3,
            Pane::Queue => self.items.len(),
            Pane::Tree => self.source.tree.len(),
            Pane::File => self.open_file().map_or(0, |f| f.len()),
            Pane::Commits => self.past.commits.len(),
            Pane::Change => self.past.versions.rows.len(),
            Pane::Claims => self.claims.len(),
            Pane::Evidence => self.evidence.rows.len(),
            Pane::Files => self.artifacts.len(),
            Pane::Parts => self.compare.parts.len(),
            Pane::Listing => self.listing_len(),
            Pane::Covered => self.compare.covered.len(),
            Pane::Checklist => self.policy.checklist.len(),
            Pane::Notes => self.note_rows().len(),
            Pane::Blockers => self.blockers.len(),
            Pane::Statement => self.statement.len(),
            Pane::Sheet => self.sheet_len(),
        }
    }

    /// The note or finding under the cursor.
    pub(crate) fn selected_note(&self) -> Option<NoteRow> {
        self.note_rows().get(self.cursor(Pane::Notes).at).copied()
    }

    pub(crate) fn clamp(&mut self) {
        for pane in [Pane::Queue, Pane::Claims, Pane::Files, Pane::Parts, Pane::Covered, Pane::Notes, Pane::Blockers, Pane::Tree] {
            let last = self.rows_of(pane).saturating_sub(1);
            let cursor = self.cursor_mut(pane);
            cursor.at = cursor.at.min(last);
        }
    }

    /// Puts the cursor of a pane on a row.
    pub(crate) fn put(&mut self, pane: Pane, at: usize) {
        let last = self.rows_of(pane).saturating_sub(1);
        self.cursor_mut(pane).at = at.min(last);
        match pane {
            Pane::Parts => self.part_changed(),
            Pane::Claims => {
                *self.cursor_mut(Pane::Evidence) = Cursor::default();
                self.make_evidence();
            }
            Pane::Queue => self.detail = None,
            _ => {}
        }
    }

    /// Puts the cursor on a row and the row in the upper third.
    pub(crate) fn put_in_view(&mut self, pane: Pane, at: usize) {
        self.put(pane, at);
        let cursor = self.cursor_mut(pane);
        let height = if cursor.height == 0 { 15 } else { cursor.height };
        if cursor.at < cursor.top || cursor.at >= cursor.top + height {
            cursor.top = cursor.at.saturating_sub(height / 3);
        }
    }

    pub(crate) fn step(&mut self, action: Action) {
        self.step_by(action, 1);
    }

    /// Takes a step so many times.
    pub(crate) fn step_by(&mut self, action: Action, times: usize) {
        let pane = self.pane();
        let len = self.rows_of(pane);
        let Cursor { at, height, .. } = self.cursor(pane);
        let page = (height.max(2) - 1).saturating_mul(times);
        let half = (height.max(2) - 1).div_ceil(2).saturating_mul(times);
        let last = len.saturating_sub(1);
        let (down, rows) = match action {
            Action::Down => (true, times),
            Action::Up => (false, times),
            Action::PageDown => (true, page),
            Action::PageUp => (false, page),
            Action::HalfDown => (true, half),
            Action::HalfUp => (false, half),
            Action::Top => (false, len),
            _ => (true, len),
        };
        let to = match self.stops(pane) {
            // Rows that are hidden are no steps.
            Some(stops) if !stops.is_empty() => {
                let here = stops.partition_point(|s| *s < at);
                let on_one = stops.get(here) == Some(&at);
                let nth = if down { here.saturating_add(rows).saturating_sub(usize::from(!on_one)) } else { here.saturating_sub(rows) };
                stops.get(nth).or(stops.last()).copied().unwrap_or(at)
            }
            _ if down => at.saturating_add(rows),
            _ => at.saturating_sub(rows),
        };
        let to = to.min(last);
        if to != at {
            self.put(pane, to);
        }
        // A page moves what is drawn by a page, not only the cursor.
        let cursor = self.cursor_mut(pane);
        match action {
            Action::PageDown => cursor.top = cursor.top.saturating_add(page).min(len.saturating_sub(height)),
            Action::PageUp => cursor.top = cursor.top.saturating_sub(page),
            _ => {}
        }
    }

    /// Goes to a row by its number, from 1: `217G`.
    pub(crate) fn go_to_row(&mut self, number: usize) {
        let pane = self.pane();
        self.put_in_view(pane, number.max(1) - 1);
    }

    pub(crate) fn sideways(&mut self, action: Action) {
        if self.pane() == Pane::Tree {
            return match action {
                Action::Left => self.fold(false),
                Action::Right => self.fold(true),
                _ => {}
            };
        }
        self.sideways = match action {
            Action::Left => self.sideways.saturating_sub(SIDEWAYS),
            Action::Right => (self.sideways + SIDEWAYS).min(crate::text::MAX_CELLS),
            _ => 0,
        };
    }
}
