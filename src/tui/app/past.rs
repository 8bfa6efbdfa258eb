//! The past of the file in front: the commits that changed it, what one of them made of it, the commit of each line, and what changed
//! since the tag before.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{App, Cursor, Pane};
use crate::diff::history::{Blame, UnifiedLine, Walked, unified};
use crate::model::{Commit, day};
use crate::review::Anchor;
use crate::session::{Past, PastWanted, PastWhat, Progress, VersionPair};
use crate::tui::action::{Effect, Screen};

/// The job that finds the commit of each line, in the list of jobs.
const BLAMING: &str = "finding the commits of the lines";

/// What lies on Source in place of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layer {
    /// The commits that changed it.
    Commits,
    /// Two versions of it.
    Change,
}

/// Two versions of the file in front.
#[derive(Clone, Debug, Default)]
pub(crate) struct Versions {
    /// What the older one is; empty while it is awaited.
    pub(crate) older: String,
    /// What the newer one is.
    pub(crate) newer: String,
    /// The rows.
    pub(crate) rows: Vec<UnifiedLine>,
    /// Lines that the newer one has more, and that the older one had.
    pub(crate) counts: (usize, usize),
    /// Whether the newer one is the version under review: its lines are those of the file.
    pub(crate) is_under_review: bool,
}

/// What changed since a tag, by the lines of the file from 1.
#[derive(Clone, Debug, Default)]
pub(crate) struct Since {
    pub(crate) tag: String,
    pub(crate) added: BTreeSet<u64>,
    pub(crate) gone: BTreeSet<u64>,
}

/// What is known of the past of the file in front.
#[derive(Default)]
pub(crate) struct PastView {
    /// The number of the last question.
    last: u64,
    /// The questions that are open or were answered: history, blame, change.
    asked: [u64; 3],
    pub(crate) layer: Option<Layer>,
    pub(crate) commits: Vec<Commit>,
    pub(crate) walked: Walked,
    pub(crate) incomplete: Option<String>,
    pub(crate) finished: bool,
    pub(crate) versions: Versions,
    /// Whether the change was opened from the list of commits.
    from_list: bool,
    /// Whether the commit of each line stands beside it.
    pub(crate) is_blamed: bool,
    pub(crate) blame: Option<Arc<Blame>>,
    pub(crate) since: Option<Since>,
}

impl PastView {
    /// The pane that lies in place of the file.
    pub(crate) fn pane(&self) -> Option<Pane> {
        self.layer.map(|layer| match layer {
            Layer::Commits => Pane::Commits,
            Layer::Change => Pane::Change,
        })
    }
}

impl App {
    /// Forgets the past of the file before.
    pub(crate) fn forget_past(&mut self) {
        if self.past.asked != [0; 3] {
            self.effect(Effect::EndPast(None));
            self.job_ended(BLAMING);
        }
        self.past = PastView { last: self.past.last, ..PastView::default() };
    }

    fn ask_past(&mut self, kind: usize, what: PastWhat, path: Option<crate::text::Untrusted>) -> bool {
        let entry = self.source.entry.and_then(|e| Some((e, self.facts.source_entry(e)?.path.clone())));
        let Some((entry, own)) = entry else {
            self.say("no file is open");
            return false;
        };
        self.past.last += 1;
        let id = self.past.last;
        if let Some(place) = self.past.asked.get_mut(kind) {
            *place = id;
        }
        self.effect(Effect::Past(PastWanted { id, entry, path: path.unwrap_or(own), what }));
        true
    }

    /// The commits that changed the file, in its place.
    pub(crate) fn show_history(&mut self) {
        let known = self.past.finished && !self.past.commits.is_empty();
        if !known {
            self.past.commits.clear();
            *self.cursor_mut(Pane::Commits) = Cursor::default();
            (self.past.walked, self.past.finished) = (Walked::default(), false);
            if !self.ask_past(0, PastWhat::History, None) {
                return;
            }
        }
        self.lay_past(Layer::Commits);
    }

    fn lay_past(&mut self, layer: Layer) {
        self.sideways = 0;
        self.search = None;
        self.selection = None;
        self.past.layer = Some(layer);
        self.focus_on(Pane::File);
    }

    /// The commit of each line beside it; and away again.
    pub(crate) fn toggle_blame(&mut self) {
        if self.past.is_blamed {
            self.past.is_blamed = false;
            return;
        }
        let known = self.past.blame.as_ref().is_some_and(|b| !b.walked.stopped);
        if self.open_file().is_some_and(|f| f.binary) {
            return self.say("the file is no text: its bytes have no lines");
        }
        if known || self.ask_past(1, PastWhat::Blame, None) {
            self.past.layer = None;
            self.past.is_blamed = true;
        }
    }

    /// What changed since the tag before: the two versions, and marks at the lines of the file; and away again.
    pub(crate) fn toggle_since(&mut self) {
        if self.past.layer.is_none() && self.past.since.take().is_some() {
            return;
        }
        if self.ask_past(2, PastWhat::Change(VersionPair::Since(None)), None) {
            self.await_change(false);
            self.past.versions.is_under_review = true;
        }
    }

    fn await_change(&mut self, from_list: bool) {
        self.past.versions = Versions::default();
        self.past.from_list = from_list;
        *self.cursor_mut(Pane::Change) = Cursor::default();
        self.lay_past(Layer::Change);
    }

    /// Enter on a commit: what it made of the file.
    pub(crate) fn open_commit(&mut self) {
        let Some(id) = self.past.commits.get(self.cursor(Pane::Commits).at).map(|c| c.id) else { return };
        if self.ask_past(2, PastWhat::Change(VersionPair::Commit(id)), None) {
            self.await_change(true);
        }
    }

    /// Enter on a line whose commit stands beside it: what that commit made of the file, under the name it had. False where there is
    /// none.
    pub(crate) fn open_blamed(&mut self) -> bool {
        let at = self.cursor(Pane::File).at;
        let found = self.past.blame.as_ref().filter(|_| self.past.is_blamed).and_then(|b| Some((b.of(at)?.id, b.path_of(at).cloned())));
        let Some((id, path)) = found else { return false };
        if self.ask_past(2, PastWhat::Change(VersionPair::Commit(id)), path) {
            self.await_change(false);
        }
        true
    }

    /// One level out; false where nothing lies in place of the file.
    pub(crate) fn close_past(&mut self) -> bool {
        match self.past.layer {
            None => return false,
            Some(Layer::Change) if self.past.from_list => self.lay_past(Layer::Commits),
            Some(_) => {
                if !self.past.finished {
                    // Nobody waits for the rest of the list any more.
                    self.past.asked[0] = 0;
                    self.effect(Effect::EndPast(Some(PastWhat::History)));
                }
                self.past.layer = None;
                self.sideways = 0;
            }
        }
        true
    }

    /// Something of the past became known.
    pub(super) fn past_came(&mut self, past: Past) {
        let [history, blame, change] = self.past.asked;
        match past {
            Past::History { id, commits, walked, incomplete, finished } if id == history => {
                self.past.commits.extend(commits);
                (self.past.walked, self.past.incomplete, self.past.finished) = (walked, incomplete, finished);
            }
            Past::Blame { id, blame: found, incomplete, finished } if id == blame => {
                if finished && (found.walked.missing.is_some() || incomplete.is_some()) {
                    self.say("history incomplete: a line that is older counts to the oldest commit that is there");
                } else if finished && found.walked.stopped {
                    self.say(&format!(
                        "stopped after {} commits: the lines without one are older than {}",
                        found.walked.looked,
                        day(found.walked.time)
                    ));
                }
                let done = found.lines.iter().flatten().count() as u64;
                self.progressed(Progress { job: BLAMING, done, total: found.lines.len() as u64, bytes: false, finished });
                self.past.blame = Some(found);
            }
            Past::Change { id, older, newer, change: found } if id == change => {
                let versions = &mut self.past.versions;
                versions.rows = unified(&found.listing);
                versions.counts = (found.added.len(), found.removed);
                if versions.is_under_review {
                    let (added, gone) = (found.added.iter().copied().collect(), found.gone.iter().copied().collect());
                    self.past.since = Some(Since { tag: older.clone(), added, gone });
                }
                (versions.older, versions.newer) = (older, newer);
                let first = versions.rows.iter().position(|r| matches!(r.mark, '+' | '-')).unwrap_or(0);
                self.put_in_view(Pane::Change, first);
            }
            Past::Failed { id, why } => {
                if let Some(kind) = self.past.asked.iter().position(|asked| *asked == id) {
                    self.past.asked[kind] = 0;
                    match kind {
                        0 => self.past.finished = true,
                        1 => {
                            self.past.is_blamed = false;
                            self.job_ended(BLAMING);
                        }
                        _ => {}
                    }
                    if kind != 1 {
                        self.close_past();
                    }
                    self.warn(&why);
                }
            }
            _ => {}
        }
    }

    /// Next or previous group of changed rows of the two versions; false at the end.
    pub(crate) fn step_change(&mut self, forward: bool) -> bool {
        let rows = &self.past.versions.rows;
        let changed = |i: usize| rows.get(i).is_some_and(|r| matches!(r.mark, '+' | '-'));
        let first = |i: &usize| changed(*i) && (*i == 0 || !changed(*i - 1));
        let at = self.cursor(Pane::Change).at;
        let next = if forward { (at + 1..rows.len()).find(first) } else { (0..at).rev().find(first) };
        if let Some(row) = next {
            self.put_in_view(Pane::Change, row);
        }
        next.is_some()
    }

    /// Where a note or finding is attached while the past lies in place of the file: the commit, or the line where the row is one of
    /// the file; false where nothing lies there.
    pub(super) fn anchor_past(&self, anchor: &mut Anchor) -> bool {
        match (self.screen == Screen::Source).then_some(self.past.layer).flatten() {
            None => return false,
            Some(Layer::Commits) => {
                anchor.field = self.past.commits.get(self.cursor(Pane::Commits).at).map(|c| format!("commit {}", c.id));
            }
            Some(Layer::Change) => {
                let versions = &self.past.versions;
                let row = versions.rows.get(self.cursor(Pane::Change).at);
                anchor.line = row.and_then(|r| r.numbers.rebuilt).filter(|_| versions.is_under_review);
                anchor.field = Some(format!("{} | {}", versions.older, versions.newer)).filter(|_| !versions.older.is_empty());
            }
        }
        true
    }
}
