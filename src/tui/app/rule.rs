//! Rulings, notes, findings and answers: each becomes an event, and counts once it is on the disk.

use super::{App, Dialog, Pane, Prompt, Purpose};
use crate::review::{Body, Carried, Class, Event, FindingSeverity, Item, Ruling, Takes, Target};
use crate::text::{Role, Shown};
use crate::tui::widgets::grouped;

impl App {
    fn front_item(&mut self) -> Option<Item> {
        if let Some(why) = &self.read_only {
            let text = format!("read-only: {}", Shown::new(why));
            self.warn(&text);
            return None;
        }
        let item = self.front().and_then(|i| self.items.get(i)).cloned();
        match &item {
            None => self.say("there is no item to rule on here: n opens the next"),
            Some(item) if item.class == Class::Question => {
                self.say("a question is answered, not accepted: y, x (no) or - (not applicable) on its screen");
                return None;
            }
            Some(_) => {}
        }
        item
    }

    fn rule(&mut self, item: &Item, ruling: Ruling, reason: &str) {
        self.flush();
        self.record(Body::Ruled {
            item: item.id.clone(),
            digest: item.digest.clone(),
            ruling,
            reason: reason.to_owned(),
            covers: item.covers,
        });
    }

    pub(crate) fn accept(&mut self) {
        let Some(item) = self.front_item() else { return };
        if item.is_group() {
            let files = if item.covers == 1 { "file" } else { "files" };
            let text = format!("this covers {} {files}: A accepts the group", grouped(item.covers));
            self.say(&text);
            return;
        }
        if self.state.ruling(&item).is_some_and(|r| r.ruling == Ruling::Accepted) {
            self.say("already accepted: u takes it back");
            return;
        }
        let (shown, of) = self.coverage(&item);
        if item.takes(shown, of) == Takes::Nothing {
            self.rule(&item, Ruling::Accepted, "");
            return;
        }
        if self.asked.as_ref() == Some(&item.id) {
            self.asked = None;
            self.dialog = Some(Dialog::Prompt(Prompt::new(Purpose::AcceptUnseen(item.id))));
            return;
        }
        let what = match item.target {
            Target::Source { .. } if item.class == Class::Read => "lines",
            Target::Source { .. } if self.source.flags.contains_key(&item.id) => "lines",
            Target::Source { .. } => "hidden characters",
            Target::Places(_) => "places",
            _ => "differences",
        };
        let text = if shown == 0 {
            "nothing of it was shown: Enter opens it, or a again with a reason".to_owned()
        } else {
            format!("{} of {of} {what} not shown: ] next, or a again with a reason", of.saturating_sub(shown))
        };
        self.message = Some((Role::Unknown, text));
        self.asked = Some(item.id);
    }

    pub(crate) fn reject(&mut self) {
        let Some(item) = self.front_item() else { return };
        self.dialog = Some(Dialog::Prompt(Prompt::new(Purpose::Reject(item.id))));
    }

    pub(crate) fn accept_group(&mut self) {
        let Some(item) = self.front_item() else { return };
        if !item.is_group() {
            self.say("this is one item, not a group: a accepts it");
            return;
        }
        // What the files have in common must have been seen in one of them, as in a single file.
        let (shown, of) = self.coverage(&item);
        if let Takes::Reason(open) = item.takes(shown, of) {
            if self.asked.as_ref() == Some(&item.id) {
                self.asked = None;
                self.dialog = Some(Dialog::Prompt(Prompt::new(Purpose::AcceptUnseen(item.id))));
                return;
            }
            let text = match item.target {
                Target::Places(_) => format!("{open} of its places not shown: Enter opens the first, ] the next, or A again with a reason"),
                _ => format!("{open} differences not shown in any of its files: Enter opens one, or A again with a reason"),
            };
            self.message = Some((Role::Unknown, text));
            self.asked = Some(item.id);
            return;
        }
        self.dialog = Some(Dialog::Prompt(Prompt::new(Purpose::AcceptGroup(item.id, item.covers))));
    }

    /// What an earlier review handed on, or why nothing is.
    pub(crate) fn previous_came(&mut self, handed: Result<Box<Carried>, String>) {
        match handed {
            Ok(carried) if self.state.previous.as_ref().is_some_and(|(record, _)| *record == carried.record) => {}
            Ok(carried) if self.read_only.is_none() => {
                self.record(Body::Carried(*carried));
            }
            // Nothing is written: it holds for what is on the screen.
            Ok(carried) => {
                let n = self.state.events.last().map_or(0, |e| e.n) + 1;
                self.recorded(Event { n, time: String::new(), body: Body::Carried(*carried) }, String::new());
            }
            Err(why) => self.warn(&format!("nothing is carried over: {}", Shown::new(&why))),
        }
    }

    /// Opens an item again whose ruling was carried over.
    pub(crate) fn take_up(&mut self) {
        let Some(item) = self.front().and_then(|i| self.items.get(i)).cloned() else {
            self.say("there is no item here to look at again");
            return;
        };
        if self.state.carried(&item).is_none() {
            self.say("this item was not carried over: a, x or u rule on it");
            return;
        }
        self.record(Body::TakenUp { item: item.id });
    }

    pub(crate) fn ask_note(&mut self) {
        self.ask_here(Purpose::Note);
    }

    pub(crate) fn ask_finding(&mut self) {
        self.ask_here(Purpose::Finding(FindingSeverity::default()));
    }

    pub(super) fn ask_here(&mut self, purpose: Purpose) {
        if let Some(why) = &self.read_only {
            let text = format!("read-only: {}", Shown::new(why));
            self.warn(&text);
            return;
        }
        self.dialog = Some(Dialog::Prompt(Prompt::new(purpose)));
    }

    /// A prompt was confirmed; false keeps it open.
    pub(crate) fn confirm_prompt(&mut self, purpose: &Purpose, text: &str) -> bool {
        let text = text.trim();
        let item = |app: &Self, id: &str| app.items.iter().find(|i| i.id == id).cloned();
        let gone = "the machine computed it anew meanwhile: look again";
        match purpose {
            Purpose::Search => {
                self.start_search(text);
                true
            }
            Purpose::Reject(_)
            | Purpose::AcceptUnseen(_)
            | Purpose::CloseFinding(_)
            | Purpose::WithdrawFinding(_)
            | Purpose::ReopenFinding(_)
                if text.is_empty() =>
            {
                self.warn("a reason is needed; Esc leaves it as it was");
                false
            }
            Purpose::Note | Purpose::Finding(_) | Purpose::EditFinding(..) | Purpose::EditNote(_) if text.is_empty() => {
                self.warn("nothing was typed; Esc leaves it as it was");
                false
            }
            Purpose::Reject(id) | Purpose::AcceptUnseen(id) => {
                let ruling = if matches!(purpose, Purpose::Reject(_)) { Ruling::Rejected } else { Ruling::Accepted };
                match item(self, id) {
                    Some(item) => self.rule(&item, ruling, text),
                    None => self.warn(gone),
                }
                true
            }
            Purpose::AcceptGroup(id, count) => match item(self, id) {
                Some(item) if item.covers == *count => {
                    if text.replace(',', "") == count.to_string() {
                        self.rule(&item, Ruling::Accepted, "");
                        true
                    } else {
                        self.warn("that is not the number of files that it covers");
                        false
                    }
                }
                _ => {
                    self.warn(gone);
                    true
                }
            },
            Purpose::Note => {
                let at = self.anchor();
                self.record(Body::Noted { at, text: text.to_owned() });
                self.selection = None;
                true
            }
            Purpose::Finding(severity) => {
                let body = Body::Filed { id: self.state.next_finding(), title: text.to_owned(), severity: *severity, at: self.anchor() };
                self.record(body);
                self.selection = None;
                true
            }
            Purpose::CloseFinding(id) => {
                self.record(Body::Closed { id: id.clone(), reason: text.to_owned() });
                true
            }
            Purpose::WithdrawFinding(id) => {
                self.record(Body::Withdrawn { id: id.clone(), reason: text.to_owned() });
                true
            }
            Purpose::ReopenFinding(id) => {
                self.record(Body::Reopened { id: id.clone(), reason: text.to_owned() });
                true
            }
            Purpose::EditFinding(id, severity) => {
                self.record(Body::Edited { id: id.clone(), title: text.to_owned(), severity: *severity });
                true
            }
            Purpose::EditNote(n) => {
                self.record(Body::Reworded { n: *n, text: text.to_owned() });
                true
            }
        }
    }

    pub(crate) fn undo(&mut self) {
        match self.state.undo() {
            Some(body) => {
                self.record(body);
            }
            None => self.say("nothing to take back"),
        }
    }

    pub(crate) fn redo(&mut self) {
        match self.state.redo() {
            Some(body) => {
                self.record(body);
            }
            None => self.say("nothing was taken back last"),
        }
    }

    pub(crate) fn answer(&mut self, answer: &str) {
        if self.pane() != Pane::Checklist {
            self.say("answers are for the checklist: Tab goes there");
            return;
        }
        let Some(question) = self.policy.checklist.get(self.cursor(Pane::Checklist).at) else {
            self.say("the policy has no checklist");
            return;
        };
        // The same answer again takes it back.
        let same = self.state.answers.get(&question.id).is_some_and(|a| a == answer);
        let answer = if same { String::new() } else { answer.to_owned() };
        self.record(Body::Answered { id: question.id.clone(), answer });
    }
}
