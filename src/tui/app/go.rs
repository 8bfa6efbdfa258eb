//! Going places: items, screens, the jump list, opening and closing.

mod places;

use super::compare::{Want, group_key};
use super::{App, ClaimRow, Cursor, Dialog, Front, Group, NoteRow, Pane, Part};
use crate::review::{Body, Class, Target};
use crate::text::Shown;
use crate::tui::action::Screen;

/// A place to come back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    screen: Screen,
    front: Front,
    part: usize,
    row: usize,
    entry: Option<usize>,
    line: usize,
    list: usize,
    item: Option<String>,
}

/// Places kept.
const KEPT: usize = 100;

impl App {
    pub(super) fn spot(&self) -> Spot {
        Spot {
            screen: self.screen,
            front: self.compare.front.clone(),
            part: self.cursor(Pane::Parts).at,
            row: self.cursor(if self.compare.is_group() { Pane::Covered } else { Pane::Listing }).at,
            entry: self.source.entry,
            line: self.cursor(Pane::File).at,
            list: self.cursor(self.pane()).at,
            item: self.item.clone(),
        }
    }

    /// Puts the place in front on the jump list.
    pub(crate) fn remember(&mut self) {
        let spot = self.spot();
        if self.back.last() != Some(&spot) {
            self.back.push(spot);
            if self.back.len() > KEPT {
                self.back.remove(0);
            }
        }
        self.forward.clear();
    }

    pub(crate) fn jump(&mut self, forward: bool) {
        let here = self.spot();
        let to = if forward { self.forward.pop() } else { self.back.pop() };
        let Some(to) = to else {
            self.say(if forward { "nothing further forward" } else { "nothing further back" });
            return;
        };
        if forward {
            self.back.push(here)
        } else {
            self.forward.push(here)
        }
        self.go_to_spot(to);
    }

    /// Puts a place in front.
    pub(super) fn go_to_spot(&mut self, to: Spot) {
        self.item = to.item;
        match (to.screen, to.front) {
            (Screen::Compare, Front::Node(artifact, path)) => {
                self.open_node(artifact, path);
                self.put(Pane::Parts, to.part);
                self.compare.want = Some(Want::Row(to.row));
                self.part_changed();
            }
            (Screen::Compare, Front::Sources(entry)) => {
                if self.open_pair(entry) {
                    self.compare.want = Some(Want::Row(to.row));
                    self.part_changed();
                }
            }
            (Screen::Compare, Front::Group(group)) => {
                self.open_group(group);
                self.put_in_view(Pane::Covered, to.row);
            }
            (Screen::Source, _) if to.entry.is_some() => self.open_entry(to.entry.unwrap_or(0), to.line as u64 + 1),
            (screen, _) => {
                self.show(screen);
                let pane = self.pane();
                self.put(pane, to.list);
            }
        }
    }

    /// Puts a screen in front.
    pub(crate) fn show(&mut self, screen: Screen) {
        if self.screen != screen {
            self.flush();
            self.search = None;
            self.detail = None;
            self.selection = None;
            self.zoom = false;
            self.screen = screen;
        }
        if screen == Screen::Compare && self.compare.front == Front::Nothing {
            // The first item that can be compared, so that 5 is never an empty screen while there is something.
            let first = self.items.iter().find_map(|i| match &i.target {
                Target::Compare { artifact, path } => Some((*artifact, path.clone())),
                Target::Cluster(places) => places.first().map(|s| (s.root, s.path.clone())),
                _ => None,
            });
            if let Some((artifact, path)) = first {
                self.open_node(artifact, path);
            }
        }
        if !self.panes().contains(&self.pane()) {
            self.focus_first();
        }
    }

    /// The item in front: what `a` and `x` speak of.
    pub(crate) fn front(&self) -> Option<usize> {
        let of_target = |wanted: &dyn Fn(&Target) -> bool| {
            let opened = self.item.as_ref().and_then(|id| self.items.iter().position(|i| i.id == *id));
            let fits = |i: &usize| self.items.get(*i).is_some_and(|item| wanted(&item.target));
            let open = || self.items.iter().position(|i| wanted(&i.target) && self.state.is_open(i));
            opened.filter(fits).or_else(open).or_else(|| self.items.iter().position(|i| wanted(&i.target)))
        };
        match self.screen {
            Screen::Overview if self.pane() == Pane::Queue => {
                let at = self.cursor(Pane::Queue).at;
                (at < self.items.len()).then_some(at)
            }
            Screen::Source => {
                let entry = self.source.entry?;
                let flag = |i: usize| self.facts.flags.as_ref().and_then(|f| f.get(i));
                let inside = |i: usize| flag(i).is_some_and(|f| f.places.iter().any(|p| p.entry == entry));
                of_target(&|t| match t {
                    Target::Source { entry: e, .. } => *e == entry,
                    Target::Places(i) => inside(*i),
                    _ => false,
                })
            }
            Screen::Provenance => match self.claim()? {
                ClaimRow::Link(i) => of_target(&|t| *t == Target::Chain(i)),
                ClaimRow::Check(_) => None,
                ClaimRow::Head(i) => of_target(&|t| matches!(t, Target::Attestation { index, .. } if *index == i)),
                ClaimRow::Answer(i, j) => {
                    let answer = self.facts.attestations.as_ref()?.get(i)?.answers.get(j)?;
                    let exact =
                        |t: &Target| matches!(t, Target::Attestation { index, question } if *index == i && *question == answer.question);
                    // One item holds all questions of an attestation that cannot be told.
                    let open = |item: &crate::review::Item| {
                        matches!(item.target, Target::Attestation { index, .. } if index == i)
                            && item.mark == super::lists::outcome_mark(answer.outcome)
                    };
                    of_target(&exact).or_else(|| self.items.iter().position(open))
                }
                ClaimRow::Offer(_) => None,
            },
            Screen::Artifacts => self.artifacts.get(self.cursor(Pane::Files).at)?.item,
            Screen::Compare => match &self.compare.front {
                Front::Node(artifact, path) => self.node_items.get(&(*artifact, path.clone())).copied(),
                Front::Group(Group::Rule(cause)) => of_target(&|t| *t == Target::Rule(*cause)),
                Front::Group(Group::Batch) => of_target(&|t| *t == Target::Batch),
                Front::Group(Group::Cluster(key)) => self.items.iter().position(|i| group_key(&i.id) == *key),
                Front::Sources(entry) => self.pair_item(*entry),
                Front::Nothing => None,
            },
            Screen::Findings if self.pane() == Pane::Checklist => {
                let at = self.cursor(Pane::Checklist).at;
                of_target(&|t| *t == Target::Question(at))
            }
            Screen::Overview | Screen::Findings | Screen::Signoff => None,
        }
    }

    /// Opens an item at its first difference.
    pub(crate) fn open_item(&mut self, index: usize) {
        let Some(item) = self.items.get(index).cloned() else { return };
        self.remember();
        self.flush();
        self.search = None;
        self.item = Some(item.id.clone());
        self.cursor_mut(Pane::Queue).at = index;
        if self.read_only.is_none() {
            self.record(Body::At { item: item.id.clone(), rest: None });
        }
        if let Some(said) = self.state.disputes.get(&item.id) {
            let text = format!("the reviewers differ: {}", Shown::new(said));
            self.say(&text);
        }
        match item.target {
            Target::Compare { artifact, path } => self.open_node(artifact, path),
            // The first of its places: they differ in the same way. A fact is no difference to step through.
            Target::Cluster(places) => match places.first().filter(|_| item.class != crate::review::Class::Toolchain) {
                Some(spot) => self.open_node(spot.root, spot.path.clone()),
                None => self.open_group(Group::Cluster(group_key(&item.id))),
            },
            Target::Rule(cause) => self.open_group(Group::Rule(cause)),
            Target::Batch => self.open_group(Group::Batch),
            // What differs from the tree is shown beside it; what only the archive has stands alone.
            Target::Source { entry, line } => {
                let flag = self.source.flags.get(&item.id).and_then(|i| self.facts.flags.as_ref()?.get(*i));
                let beside = flag.is_some_and(|f| f.code == "source.archive") && self.open_pair(entry);
                if !beside {
                    self.open_entry(entry, line);
                }
            }
            Target::Places(_) => {
                self.step_place(index, None);
            }
            Target::Attestation { index, question } => {
                self.show(Screen::Provenance);
                self.focus_on(Pane::Claims);
                let answers = self.facts.attestations.as_ref().and_then(|a| a.get(index)).map(|a| a.answers.as_slice()).unwrap_or_default();
                let answer = answers.iter().position(|a| a.question == question);
                let row = self.claims.iter().position(|c| match answer {
                    Some(j) => *c == ClaimRow::Answer(index, j),
                    None => *c == ClaimRow::Head(index),
                });
                self.put_in_view(Pane::Claims, row.unwrap_or(0));
            }
            Target::Chain(i) => {
                self.show(Screen::Provenance);
                self.focus_on(Pane::Claims);
                self.put_in_view(Pane::Claims, i);
            }
            Target::Question(i) => {
                self.show(Screen::Findings);
                self.focus_on(Pane::Checklist);
                self.put_in_view(Pane::Checklist, i);
            }
            Target::Defect(_) | Target::File(_) | Target::NoSuchSource(_) => {
                self.show(Screen::Overview);
                self.focus_on(Pane::Queue);
                self.put(Pane::Queue, index);
                self.detail = Some(item.id);
            }
        }
    }

    pub(crate) fn next_item(&mut self, forward: bool) {
        let from = match self.screen {
            Screen::Overview | Screen::Findings | Screen::Signoff => None,
            _ => self.front(),
        };
        let from = from.or_else(|| self.item.as_ref().and_then(|id| self.items.iter().position(|i| i.id == *id)));
        // The item where the last session ended comes first, if it is still open.
        let resume = self.seen.fresh_start && self.state.at.is_some();
        self.seen.fresh_start = false;
        self.errand = false;
        if resume
            && forward
            && let Some(at) = from
            && self.items.get(at).is_some_and(|i| self.state.is_open(i))
        {
            return self.go_to_place(Some(at));
        }
        match self.state.next_open(&self.items, from, forward) {
            Some(next) => self.open_item(next),
            None if self.facts.is_complete() => {
                self.remember();
                self.show(Screen::Signoff);
                self.say("0 left to review: read what would be signed (p), then S");
            }
            None => self.say("nothing to review yet: the machine is not done"),
        }
    }

    pub(crate) fn next_difference(&mut self, forward: bool) {
        let moved = match self.screen {
            Screen::Compare if self.compare.is_group() => false,
            Screen::Compare => self.step_difference(forward),
            Screen::Source if self.past.pane() == Some(Pane::Change) => self.step_change(forward),
            // Behind the list of commits nothing moves.
            Screen::Source if self.past.pane() == Some(Pane::Commits) => return self.say("the list has no marks: Enter shows a commit"),
            Screen::Source => self.step_mark(forward) || self.front().is_some_and(|front| self.step_place(front, Some(forward))),
            _ => {
                self.say("] and [ step through differences on Compare and marks on Source");
                return;
            }
        };
        if moved {
            self.compare.ended = None;
            return;
        }
        // The second time at the end it goes on in the next file; reading on (Space) stops.
        if self.screen == Screen::Compare && self.compare.ended.replace(forward) == Some(forward) {
            self.compare.ended = None;
            return self.next_file(forward);
        }
        self.say(if forward { "end of item: n is the next to review, ] again the next file" } else { "start of item" });
    }

    /// Next or previous differing file, whether it was ruled on or not.
    pub(crate) fn next_file(&mut self, forward: bool) {
        let files: Vec<usize> = self
            .items
            .iter()
            .enumerate()
            .filter(|(_, i)| matches!(i.target, Target::Compare { .. } | Target::Cluster(_)))
            .map(|(i, _)| i)
            .collect();
        let here = self.front();
        let next = match here {
            None => files.first(),
            Some(at) if forward => files.iter().find(|i| **i > at),
            Some(at) => files.iter().rev().find(|i| **i < at),
        };
        match next.copied() {
            Some(next) => self.open_item(next),
            None => self.say(if forward { "no further differing file" } else { "no differing file before this" }),
        }
    }

    pub(crate) fn read_on(&mut self) {
        let pane = self.pane();
        let Cursor { top, height, .. } = self.cursor(pane);
        let len = self.rows_of(pane);
        if top + height < len {
            self.step(crate::tui::action::Action::PageDown);
        } else {
            self.next_difference(true);
            self.compare.ended = None;
        }
    }

    /// Enter.
    pub(crate) fn open(&mut self) {
        match self.pane() {
            Pane::Groups => {
                let screens = [
                    Screen::Artifacts,
                    Screen::Source,
                    Screen::Provenance,
                    Screen::Provenance,
                    Screen::Artifacts,
                    Screen::Findings,
                    Screen::Findings,
                    Screen::Signoff,
                ];
                let at = self.cursor(Pane::Groups).at;
                if at == 0 {
                    match self.items.iter().position(|i| i.class == Class::Integrity) {
                        Some(item) => self.open_item(item),
                        None => self.say("nothing is wrong with the bundle itself"),
                    }
                } else if let Some(screen) = screens.get(at) {
                    self.remember();
                    self.show(*screen);
                }
            }
            Pane::Queue => self.open_item(self.cursor(Pane::Queue).at),
            Pane::Tree => match self.source.tree.get(self.cursor(Pane::Tree).at).cloned() {
                Some(row) if row.dir.is_some() => self.fold(!row.open),
                Some(row) => {
                    self.remember();
                    self.open_entry(row.entry, 1);
                }
                None => {}
            },
            Pane::File if self.open_blamed() => {}
            Pane::File => self.go_compare(),
            Pane::Commits => self.open_commit(),
            Pane::Change => self.say("q goes back"),
            Pane::Claims => self.follow_claim(),
            Pane::Evidence => self.follow_evidence(),
            Pane::Checklist | Pane::Statement => {}
            Pane::Files => {
                if let Some(row) = self.artifacts.get(self.cursor(Pane::Files).at).cloned() {
                    if row.head.is_some() {
                        match row.item {
                            Some(item) => self.open_item(item),
                            None => self.say("these are the files of this group: Enter on one opens it"),
                        }
                        return;
                    }
                    self.remember();
                    self.item = row.item.and_then(|i| self.items.get(i)).map(|i| i.id.clone()).or(self.item.take());
                    self.open_node(row.artifact, row.path.to_vec());
                }
            }
            Pane::Parts => {
                if let (Some(Part::Member(i)), Front::Node(artifact, mut path)) = (self.part(), self.compare.front.clone()) {
                    path.push(i);
                    self.remember();
                    self.open_node(artifact, path);
                } else if self.part() == Some(Part::Same) {
                    self.go_group();
                } else {
                    self.focus_on(Pane::Listing);
                }
            }
            Pane::Listing => match (self.part(), self.compare.front.clone()) {
                (Some(Part::Member(i)), Front::Node(artifact, mut path)) => {
                    path.push(i);
                    self.remember();
                    self.open_node(artifact, path);
                }
                _ => self.go_source(),
            },
            Pane::Covered => {
                if let Some(row) = self.compare.covered.get(self.cursor(Pane::Covered).at).cloned() {
                    self.remember();
                    self.open_node(row.artifact, row.path);
                }
            }
            Pane::Notes => {
                let at = match self.selected_note() {
                    Some(NoteRow::Finding(i)) => self.state.findings.get(i).map(|f| f.at.clone()),
                    Some(NoteRow::Note(i)) => self.state.notes.get(i).map(|n| n.at.clone()),
                    None => None,
                };
                let index = at.and_then(|a| a.item).and_then(|id| self.items.iter().position(|i| i.id == id));
                match index {
                    Some(index) => self.open_item(index),
                    None => self.say("its place is no item of the queue"),
                }
            }
            Pane::Blockers => self.open_blocker(),
            Pane::Sheet => self.open_sheet(),
        }
    }

    /// `q` and Esc: one level out.
    pub(crate) fn close(&mut self) {
        if self.selection.take().is_some() {
            self.say("nothing is selected");
        } else if self.search.take().is_some() {
            self.say("search ended: n is the next to review again");
        } else if self.screen == Screen::Signoff && self.sheet.take().is_some()
            || self.detail.take().is_some()
            || self.screen == Screen::Compare && self.close_member()
            || self.screen == Screen::Source && self.close_past()
        {
            // That was one level.
        } else if self.screen == Screen::Provenance && self.pane() == Pane::Evidence {
            self.focus_on(Pane::Claims);
        } else if std::mem::take(&mut self.errand) && self.screen != Screen::Signoff {
            self.remember();
            self.show(Screen::Signoff);
            self.focus_on(Pane::Blockers);
        } else if self.screen != Screen::Overview {
            self.remember();
            self.show(Screen::Overview);
        } else {
            self.dialog = Some(Dialog::Leaving);
        }
    }

    /// From a member to the container it was opened from.
    fn close_member(&mut self) -> bool {
        let Some(last) = self.back.last().cloned() else { return false };
        let (Front::Node(artifact, path), Front::Node(a, p)) = (&self.compare.front, &last.front) else { return false };
        let parent = last.screen == Screen::Compare && a == artifact && path.starts_with(p) && path.len() == p.len() + 1;
        if parent {
            self.jump(false);
        }
        parent
    }
}
