//! What lies on Sign-off in place of its panes: every byte that would leave the room, or all that nobody looked at.

use super::{App, Cursor, Pane};
use crate::review::Missed;
use crate::text::{Role, Row};

/// A list over the whole of Sign-off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sheet {
    /// Every byte of the files that would leave, or have left.
    Leaves,
    /// What was in no frame.
    Missed,
}

impl App {
    /// Every byte that left with the last signature, else that would leave with the statement that was made.
    pub(crate) fn leaves(&self) -> Option<&[Row]> {
        self.signed.as_ref().map(|s| &s.leaves).or(self.prepared.as_ref().map(|p| &p.leaves)).map(|rows| &**rows)
    }

    /// What was not looked at, as the record lists it; empty while it is not counted yet.
    pub(crate) fn missed(&self) -> &[Missed] {
        self.totals.as_ref().map_or(&[], |t| &t.missed)
    }

    /// Number of rows of the sheet that lies there.
    pub(crate) fn sheet_len(&self) -> usize {
        match self.sheet {
            Some(Sheet::Leaves) => self.leaves().map_or(0, <[Row]>::len),
            Some(Sheet::Missed) => self.missed().len(),
            None => 0,
        }
    }

    /// A row of the sheet that lies there.
    pub(crate) fn sheet_row(&self, at: usize) -> Row {
        match self.sheet {
            Some(Sheet::Leaves) => self.leaves().and_then(|rows| rows.get(at)).cloned().unwrap_or_default(),
            Some(Sheet::Missed) => self.missed().get(at).map(|m| Row::new().with(Role::Text, &m.to_string())).unwrap_or_default(),
            None => Row::new(),
        }
    }

    /// Lays a sheet there, or takes it away.
    pub(crate) fn toggle_sheet(&mut self, sheet: Sheet) {
        if self.sheet == Some(sheet) {
            return self.sheet = None;
        }
        if sheet == Sheet::Leaves && self.leaves().is_none() {
            // What would leave depends on the outcome.
            self.ask_outcome();
            self.leaves_wanted = true;
            return;
        }
        self.lay(sheet);
    }

    pub(crate) fn lay(&mut self, sheet: Sheet) {
        self.leaves_wanted = false;
        self.sideways = 0;
        self.search = None;
        *self.cursor_mut(Pane::Sheet) = Cursor::default();
        self.sheet = Some(sheet);
    }

    /// Enter on the sheet: goes to what was not looked at; q comes back.
    pub(crate) fn open_sheet(&mut self) {
        if self.sheet != Some(Sheet::Missed) {
            return;
        }
        let Some(missed) = self.missed().get(self.cursor(Pane::Sheet).at).cloned() else { return };
        let tree = self.facts.source.clone();
        let entry = |path: &str| tree.as_ref()?.entries.iter().position(|e| e.path.shown().as_str() == path);
        match &missed {
            Missed::Carried(id, _) | Missed::Item(id) | Missed::Difference(id, ..) => match self.items.iter().position(|i| i.id == *id) {
                Some(index) => self.open_item(index),
                None => return self.say("the queue has no such item any more"),
            },
            Missed::Artifact(name) => match self.facts.release.artifacts.iter().position(|a| a.name.shown().as_str() == name) {
                Some(artifact) => self.show_artifact(artifact, &[]),
                None => return self.say("the release has no such artifact"),
            },
            Missed::Source(path) | Missed::Lines(path, ..) => match entry(path) {
                Some(entry) => {
                    let line = if let Missed::Lines(_, from, _) = &missed { *from } else { 1 };
                    self.remember();
                    self.open_entry(entry, line);
                }
                None => return self.say("the source has no such file"),
            },
        }
        self.errand = true;
        if self.message.is_none() {
            self.say("q comes back to the list");
        }
    }
}
