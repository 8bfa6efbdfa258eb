//! Where the reviewer was: kept with what was shown, and opened again by the next session.

use std::time::Duration;

use super::compare::Want;
use super::{App, Front, Pane};
use crate::review::{Body, Resting};
use crate::tui::action::{Effect, Screen};

/// Rulings are not taken for that long after the screen changed by itself.
const GUARD: Duration = Duration::from_millis(500);

/// What is known of the last session's place.
#[derive(Default)]
pub(crate) struct Resume {
    /// Whether it was looked for.
    done: bool,
    /// Whether the reviewer pressed a key: then the screen is theirs, and only `n` goes there.
    pub(crate) touched: bool,
    /// Until when a ruling is taken for one that was meant for the screen before.
    guard: Duration,
    /// What was written last.
    written: Option<(String, Resting)>,
}

impl App {
    /// The exact place in front.
    pub(crate) fn resting(&self) -> Resting {
        let pane = self.pane();
        let cursor = self.cursor(pane);
        let mut rest = Resting {
            screen: self.screen as usize + 1,
            pane: self.panes().iter().position(|p| *p == pane).unwrap_or(0),
            row: cursor.at,
            top: cursor.top,
            ..Resting::default()
        };
        match (self.screen, &self.compare.front) {
            (Screen::Compare, Front::Node(artifact, path)) => {
                rest.artifact = Some(*artifact);
                rest.path.clone_from(path);
                rest.part = self.cursor(Pane::Parts).at;
                rest.view = self.compare.view;
            }
            (Screen::Source, _) => {
                let file = self.source.entry.and_then(|e| self.facts.source.as_ref()?.entries.get(e));
                rest.source = file.map(|f| f.path.shown().to_string());
            }
            _ => {}
        }
        rest
    }

    /// Asks for the place to be written, unless it is the one that was written last.
    pub(crate) fn keep_place(&mut self) {
        let place = (self.item.clone().unwrap_or_default(), self.resting());
        if self.read_only.is_none() && self.resume.written.as_ref() != Some(&place) {
            self.effect(Effect::Record(Box::new(Body::At { item: place.0.clone(), rest: Some(place.1.clone()) })));
            self.resume.written = Some(place);
        }
    }

    /// Whether a ruling comes so soon after the screen changed by itself that it was meant for another.
    pub(crate) fn meant_for_another(&self) -> bool {
        self.now < self.resume.guard
    }

    /// Goes where the last session ended, once everything is computed again and unless the reviewer went somewhere already;
    /// then `n` goes there. Says how many rulings still hold: they do only where what was judged is unchanged.
    pub(crate) fn look_for_place(&mut self) {
        if self.resume.done || !self.facts.is_complete() {
            return;
        }
        self.resume.done = true;
        let held = self.items.iter().filter(|i| self.state.ruling(i).is_some()).count();
        let lost = self.state.rulings.len() - held.min(self.state.rulings.len());
        let at = self.state.at.as_ref().filter(|_| self.seen.fresh_start);
        let at = at.and_then(|at| self.items.iter().position(|item| item.id == *at));
        let place = at.is_some() || self.state.rest.as_ref().is_some_and(|r| self.fits(r));
        if !place && held + lost == 0 {
            return;
        }
        let mut text = format!("resumed: {held} {}", if held == 1 { "ruling holds" } else { "rulings hold" });
        if lost > 0 {
            text.push_str(&format!(", {lost} no longer (what was judged has changed)"));
        }
        if let Some(i) = at {
            self.item = self.state.at.clone();
            self.cursor_mut(Pane::Queue).at = i;
        }
        if place && !self.resume.touched {
            self.seen.fresh_start = false;
            self.resume.guard = self.now + GUARD;
            self.go_to_place(at);
            text.push_str(", where you left; H goes back to Overview");
        } else if let Some(i) = at {
            text.push_str(&format!("; n goes on at {}", self.items[i].title.shown()));
        }
        // A warning from the start is worth more.
        if self.message.is_none() {
            self.say(&text);
        }
    }

    /// Whether that place is there.
    fn fits(&self, rest: &Resting) -> bool {
        let screen = rest.screen.checked_sub(1).and_then(|i| Screen::ALL.get(i));
        match (screen, rest.artifact) {
            (None | Some(Screen::Overview), _) => false,
            (Some(Screen::Compare), Some(artifact)) => self.comparison_at(artifact, &rest.path).is_some(),
            // A group is in front through its item.
            (Some(Screen::Compare), None) => false,
            _ => true,
        }
    }

    fn comparison_at(&self, artifact: usize, path: &[usize]) -> Option<&crate::model::Node> {
        self.facts.comparisons.get(artifact)?.as_ref()?.at(path)
    }

    /// Opens the last session's place: exactly, or else its item at its first difference.
    pub(crate) fn go_to_place(&mut self, item: Option<usize>) {
        let rest = self.state.rest.clone().unwrap_or_default();
        if !self.fits(&rest) {
            if let Some(index) = item {
                self.open_item(index);
                // The rows of a group are known at once.
                if self.compare.is_group() && rest.screen == Screen::Compare as usize + 1 {
                    self.put_exactly(Pane::Covered, rest.row, rest.top);
                }
            }
            return;
        }
        self.remember();
        let screen = rest.screen.checked_sub(1).and_then(|i| Screen::ALL.get(i)).copied().unwrap_or(Screen::Overview);
        match (screen, rest.artifact) {
            (Screen::Compare, Some(artifact)) => {
                self.open_node(artifact, rest.path.clone());
                self.compare.view = rest.view;
                let last = self.compare.parts.len().saturating_sub(1);
                self.cursor_mut(Pane::Parts).at = rest.part.min(last);
                self.compare.want = Some(if rest.pane == 1 { Want::Exactly { row: rest.row, top: rest.top } } else { Want::First });
                self.part_changed();
                self.focus_nth(rest.pane);
            }
            (Screen::Source, _) => {
                let entries = self.facts.source.as_ref().map(|t| t.entries.as_slice()).unwrap_or_default();
                let entry = rest.source.as_ref().and_then(|path| entries.iter().position(|e| e.path.shown().as_str() == path));
                match entry {
                    Some(entry) => {
                        self.source.want_top = (rest.pane == 1).then_some(rest.top);
                        self.open_entry(entry, if rest.pane == 1 { rest.row as u64 + 1 } else { 1 });
                    }
                    None => self.show(Screen::Source),
                }
                self.focus_nth(rest.pane);
            }
            _ => {
                self.show(screen);
                self.focus_nth(rest.pane);
                self.put_exactly(self.pane(), rest.row, rest.top);
            }
        }
    }

    fn focus_nth(&mut self, nth: usize) {
        if let Some(pane) = self.panes().get(nth) {
            self.focus_on(*pane);
        }
    }

    /// Puts the cursor on a row, with that row first in the window.
    pub(crate) fn put_exactly(&mut self, pane: Pane, row: usize, top: usize) {
        self.put(pane, row);
        self.cursor_mut(pane).top = top;
    }
}
