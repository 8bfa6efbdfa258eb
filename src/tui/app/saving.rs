//! What could not be written, what closes a review, and the correction of a signed one.

use super::{App, Pane};
use crate::review::{Body, State};
use crate::text::{Role, Shown};
use crate::tui::action::{Effect, Screen};

impl App {
    /// An event did not happen. What the reviewer did is kept until it can be written.
    pub(super) fn not_saved(&mut self, body: Body, why: &str) {
        self.seen.failed = true;
        let why = Shown::new(why);
        let text = if why.as_str().starts_with("NOT saved") { why.to_string() } else { format!("NOT saved: {why}") };
        self.message = Some((Role::Bad, text));
        // What was shown is kept where it was seen, and where the reviewer is can be seen again.
        let again = !matches!(body, Body::Shown { .. } | Body::Read { .. } | Body::At { .. });
        if again && self.read_only.is_none() && !self.unsaved.contains(&body) {
            self.unsaved.push(body);
        }
    }

    /// How many things the reviewer did are not on the disk.
    pub(crate) fn unsaved_count(&self) -> usize {
        self.unsaved.len() + usize::from(self.seen.failed && self.unsaved.is_empty())
    }

    /// `:save`: writes again what could not be written, in its order.
    pub(super) fn save_again(&mut self) {
        if self.unsaved_count() == 0 {
            return self.say("everything is saved");
        }
        self.seen.failed = false;
        self.flush();
        for body in self.unsaved.clone() {
            self.effect(Effect::Record(Box::new(body)));
        }
    }

    /// Nothing can be changed from now on.
    pub(super) fn close_review(&mut self, why: String) {
        let text = format!("read-only: {}", Shown::new(&why));
        self.warn(&text);
        self.read_only = Some(why);
    }

    /// `:correct`: begins the correction of the review that was signed.
    pub(super) fn ask_correction(&mut self) {
        if self.state.sealed().is_none() {
            return self.say("nothing was signed that could be corrected: S on Sign-off signs");
        }
        self.effect(Effect::Correct);
    }

    pub(super) fn corrected(&mut self, result: Result<Box<State>, String>) {
        match result {
            Err(why) => {
                let text = format!("no correction was begun: {}", Shown::new(&why));
                self.warn(&text);
            }
            Ok(state) => {
                self.state = *state;
                self.read_only = None;
                self.prepared = None;
                self.statement.clear();
                self.signed = None;
                self.recount();
                let held = self.items.iter().filter(|i| self.state.ruling(i).is_some()).count();
                let text =
                    format!("a correction is begun: {held} rulings are carried over, u takes the last back; its record names the old one");
                self.message = Some((Role::Good, text));
            }
        }
    }

    /// Enter on what stands in the way of an approval: goes there; q comes back.
    pub(super) fn open_blocker(&mut self) {
        let Some(blocker) = self.blockers.get(self.cursor(Pane::Blockers).at).cloned() else { return };
        if blocker.done {
            return self.say("this is done");
        }
        let index = blocker.item.as_ref().and_then(|id| self.items.iter().position(|i| i.id == *id));
        if let Some(index) = index {
            self.open_item(index);
        } else if blocker.what.contains("checklist") {
            self.remember();
            self.show(Screen::Findings);
            self.focus_on(Pane::Checklist);
            let wanted = |answer: Option<&String>| {
                if blocker.what.contains("missing") { answer.is_none() } else { answer.is_some_and(|a| a == "no") }
            };
            let row = self.policy.checklist.iter().position(|q| wanted(self.state.answers.get(&q.id)));
            self.put_in_view(Pane::Checklist, row.unwrap_or(0));
        } else if blocker.what.contains("finding") {
            self.remember();
            self.show(Screen::Findings);
            self.focus_on(Pane::Notes);
            let open = self.note_rows().iter().position(|row| match row {
                super::NoteRow::Finding(i) => self.state.findings.get(*i).is_some_and(|f| f.closed.is_none()),
                super::NoteRow::Note(_) => false,
            });
            self.put_in_view(Pane::Notes, open.unwrap_or(0));
        } else {
            return self.say("wait for it: J shows how far the machine is");
        }
        self.errand = true;
        if self.message.is_none() {
            self.say("q comes back to Sign-off");
        }
    }
}
