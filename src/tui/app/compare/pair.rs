//! A file of a source archive beside that of the tree.

use std::sync::Arc;

use super::{Front, Want};
use crate::model::{Node, Side, View};
use crate::review::Target;
use crate::tui::action::{Effect, Screen};
use crate::tui::app::{App, Cursor, Pane};

impl App {
    /// The file of the tree that a file of a source archive is compared with, by their entries.
    pub(crate) fn counterpart(&self, entry: usize) -> Option<usize> {
        let (_, archive, file) = self.facts.located(entry)?;
        let report = self.facts.archives.iter().find(|r| r.archive == archive.origin)?;
        let tree = self.facts.source.as_ref().filter(|s| s.commit.is_some() && s.origin != archive.origin)?;
        tree.find(&[report.folder.as_bytes(), file.path.as_bytes()].concat().into())
    }

    /// What stands in front for listings: the artifact and the child indices, or a source file.
    pub(super) fn front_key(&self) -> Option<(Option<usize>, Vec<usize>)> {
        match &self.compare.front {
            Front::Node(artifact, path) => Some((Some(*artifact), path.clone())),
            Front::Sources(entry) => Some((None, vec![*entry])),
            _ => None,
        }
    }

    /// What came of the comparison of that file, if it came.
    pub(super) fn pair(&self, entry: usize) -> Option<&Result<Arc<Node>, String>> {
        self.compare.pair.as_ref().filter(|(e, _)| *e == entry).map(|(_, found)| found)
    }

    /// What can be said while there is nothing to show.
    pub(super) fn pair_state(&self, entry: usize) -> String {
        match self.pair(entry) {
            Some(Err(why)) => format!("the two files cannot be compared: {why}"),
            _ => "comparing the two files …".to_owned(),
        }
    }

    /// Puts a file of a source archive beside that of the tree in front, at the first difference; false where there is no such.
    pub(crate) fn open_pair(&mut self, entry: usize) -> bool {
        let Some(other) = self.counterpart(entry) else { return false };
        if self.compare.front != Front::Sources(entry) {
            self.flush();
            self.compare.front = Front::Sources(entry);
            (self.compare.view, self.compare.explain, self.sideways) = (0, false, 0);
            self.compare.covered.clear();
        }
        // Which of its lines were read is known by the file itself.
        self.want_file(entry);
        if self.pair(entry).is_none() {
            self.compare.pair = None;
            // Listings of a comparison before this one are not of it.
            self.compare.kept.retain(|l| l.key.artifact.is_some());
            self.effect(Effect::CompareSources(entry, other));
        }
        self.compare.parts = self.make_parts();
        self.cursors[Pane::Parts as usize] = Cursor::default();
        self.show(Screen::Compare);
        self.focus_on(Pane::Listing);
        self.compare.want = Some(Want::First);
        self.part_changed();
        true
    }

    pub(crate) fn pair_came(&mut self, entry: usize, found: Result<Arc<Node>, String>) {
        self.compare.pair = Some((entry, found));
        if self.compare.front == Front::Sources(entry) {
            self.compare.parts = self.make_parts();
            self.part_changed();
        }
    }

    /// The line of the archive's file in a row of the listing, from 1.
    pub(crate) fn pair_line(&self, row: usize) -> Option<u64> {
        let loaded = self.loaded().filter(|l| l.key.view == View::Lines)?;
        Some(loaded.listing.rows.get(row)?.cells.get(Side::Shipped).as_ref()?.number)
    }

    /// The item of the file in front.
    pub(crate) fn pair_item(&self, entry: usize) -> Option<usize> {
        let of = |t: &Target| matches!(t, Target::Source { entry: e, .. } if *e == entry);
        let opened = self.item.as_ref().and_then(|id| self.items.iter().position(|i| i.id == *id && of(&i.target)));
        opened.or_else(|| self.items.iter().position(|i| of(&i.target)))
    }
}
