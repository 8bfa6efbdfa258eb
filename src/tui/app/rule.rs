//! Rulings, notes, findings and answers: each becomes an event, and counts once it is on the disk.

use super::{App, Dialog, NoteRow, Pane, Prompt, Purpose};
use crate::review::{Anchor, Body, Class, Event, FindingSeverity, Item, Ruling, Target};
use crate::text::{Role, Shown};
use crate::tui::action::Screen;
use crate::tui::widgets::grouped;

impl App {
    fn front_item(&mut self) -> Option<Item> {
        if let Some(why) = &self.read_only {
            let text = format!("read-only: {}", Shown::new(why));
            self.warn(&text);
            return None;
        }
        let item = self.front().and_then(|i| self.items.get(i)).cloned();
        if item.is_none() {
            self.say("there is no item to rule on here: n opens the next");
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
        if shown > 0 && shown >= of {
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
        if matches!(item.target, Target::Cluster(_) | Target::Places(_)) && (shown == 0 || shown < of) {
            if self.asked.as_ref() == Some(&item.id) {
                self.asked = None;
                self.dialog = Some(Dialog::Prompt(Prompt::new(Purpose::AcceptUnseen(item.id))));
                return;
            }
            let open = of.saturating_sub(shown).max(1);
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

    pub(crate) fn ask_note(&mut self) {
        self.ask_here(Purpose::Note);
    }

    pub(crate) fn ask_finding(&mut self) {
        self.ask_here(Purpose::Finding);
    }

    fn ask_here(&mut self, purpose: Purpose) {
        if let Some(why) = &self.read_only {
            let text = format!("read-only: {}", Shown::new(why));
            self.warn(&text);
            return;
        }
        self.dialog = Some(Dialog::Prompt(Prompt::new(purpose)));
    }

    /// Where the reviewer is, as names, places and digests.
    pub(crate) fn anchor(&self) -> Anchor {
        let item = self.front().and_then(|i| self.items.get(i));
        let mut anchor = Anchor { item: item.map(|i| i.id.clone()), ..Anchor::default() };
        match self.screen {
            Screen::Compare => {
                if let (super::Front::Node(artifact, path), Some(node)) = (&self.compare.front, self.node()) {
                    anchor.place = self.way(*artifact, path).to_string();
                    if let Some((_, function)) = self.function() {
                        anchor.place = format!("{} {}", anchor.place, function.name.shown());
                    }
                    anchor.shipped = node.digest.shipped.map(|d| d.to_string());
                    anchor.rebuilt = node.digest.rebuilt.map(|d| d.to_string());
                    let row = self.loaded().and_then(|l| l.listing.rows.get(self.cursor(Pane::Listing).at));
                    anchor.address = row.and_then(|r| r.cells.shipped.as_ref()).map(|c| c.number);
                    if let Some(line) = self.row_source() {
                        anchor.path = Some(line.file.shown().to_string());
                        anchor.line = Some(u64::from(line.line));
                    }
                } else if let Some(item) = item {
                    anchor.place = item.title.shown().to_string();
                }
            }
            Screen::Source => {
                let path = self.source.entry.and_then(|e| self.facts.source_path(e));
                if let Some(path) = path {
                    anchor.place = path.shown().to_string();
                    anchor.path = Some(anchor.place.clone());
                    anchor.line = Some(self.cursor(Pane::File).at as u64 + 1);
                }
            }
            Screen::Artifacts => {
                if let Some(row) = self.artifacts.get(self.cursor(Pane::Files).at) {
                    anchor.place = self.way(row.artifact, &row.path).to_string();
                    if let Some(node) = self.artifact_node(row) {
                        anchor.shipped = node.digest.shipped.map(|d| d.to_string());
                        anchor.rebuilt = node.digest.rebuilt.map(|d| d.to_string());
                    }
                }
            }
            Screen::Provenance => {
                anchor.place = match self.claim() {
                    Some(super::ClaimRow::Link(i)) => self.facts.chain.get(i).map(|l| l.name.to_owned()).unwrap_or_default(),
                    Some(super::ClaimRow::Head(i) | super::ClaimRow::Answer(i, _)) => {
                        let attestation = self.facts.attestations.as_ref().and_then(|a| a.get(i));
                        attestation.map(|a| a.file.shown().to_string()).unwrap_or_default()
                    }
                    Some(super::ClaimRow::Offer(i)) => {
                        self.facts.offers.get(i).map(|k| format!("{} {}", k.file.shown(), k.fingerprint)).unwrap_or_default()
                    }
                    None => String::new(),
                };
            }
            Screen::Overview | Screen::Findings | Screen::Signoff => {
                if let Some(item) = item {
                    anchor.place = item.title.shown().to_string();
                }
            }
        }
        if anchor.place.is_empty() {
            let release = &self.facts.release;
            anchor.place = format!("{} {}", release.product.shown(), release.version.shown());
        }
        anchor
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
            Purpose::Command => {
                self.command(text);
                true
            }
            Purpose::Reject(_) | Purpose::AcceptUnseen(_) | Purpose::CloseFinding(_) if text.is_empty() => {
                self.warn("a reason is needed; Esc leaves it as it was");
                false
            }
            Purpose::Note | Purpose::Finding if text.is_empty() => {
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
                true
            }
            Purpose::Finding => {
                let body = Body::Filed {
                    id: self.state.next_finding(),
                    title: text.to_owned(),
                    severity: FindingSeverity::default(),
                    at: self.anchor(),
                };
                self.record(body);
                true
            }
            Purpose::CloseFinding(id) => {
                self.record(Body::Closed { id: id.clone(), reason: text.to_owned() });
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

    pub(crate) fn close_finding(&mut self) {
        match self.selected_note() {
            Some(NoteRow::Finding(i)) if self.pane() == Pane::Notes => match self.state.findings.get(i) {
                Some(finding) if finding.closed.is_none() => {
                    let purpose = Purpose::CloseFinding(finding.id.clone());
                    self.ask_here(purpose);
                }
                _ => self.say("this finding is closed"),
            },
            _ => self.say("go to a finding first: Tab, then j or k"),
        }
    }

    /// An event is on the disk: only now it counts.
    pub(crate) fn recorded(&mut self, event: Event, clock: String) {
        if !clock.is_empty() {
            self.saved = clock;
        }
        self.written(&event.body);
        self.unsaved.retain(|b| *b != event.body);
        let body = event.body.clone();
        self.state.push(event);
        match body {
            Body::Shown { .. }
            | Body::Read { .. }
            | Body::At { .. }
            | Body::Opened { .. }
            | Body::Identified { .. }
            | Body::Corrects { .. } => return,
            Body::Ruled { item, ruling, .. } => {
                self.recount();
                let title = self.items.iter().find(|i| i.id == item).map(|i| i.title.shown()).unwrap_or_default();
                let word = match ruling {
                    Ruling::Accepted => "accepted",
                    Ruling::Rejected => "rejected",
                };
                let at = self.items.iter().position(|i| i.id == item);
                if self.state.next_open(&self.items, at, true).is_some() {
                    // From the item that was ruled on, wherever the cursor is.
                    if let Some(next) = self.state.next_open(&self.items, at, true) {
                        self.open_item(next);
                    }
                    let text = format!("{word} {} (u takes it back)", title.cut(40));
                    self.say(&text);
                } else {
                    self.next_item(true);
                }
                return;
            }
            Body::Undone { n } => {
                let what = self.state.events.iter().find(|e| e.n == n).map(|e| describe(&e.body)).unwrap_or_default();
                self.say(&format!("taken back: {what} (^R does it again)"));
            }
            Body::Redone { .. } => self.say("done again"),
            Body::Filed { id, .. } => self.say(&format!("{id} filed with place and digests (6 lists it)")),
            Body::Noted { .. } => self.say("note written (6 lists it)"),
            Body::Closed { id, .. } => self.say(&format!("{id} closed")),
            Body::Answered { answer, .. } => {
                if !answer.is_empty() {
                    self.step(crate::tui::action::Action::Down);
                }
            }
            Body::Signed { .. } => {
                if let Some(why) = self.state.sealed() {
                    self.read_only = Some(why);
                }
            }
        }
        self.recount();
    }
}

fn describe(body: &Body) -> String {
    match body {
        Body::Ruled { item, ruling: Ruling::Accepted, .. } => format!("accepted {}", Shown::new(item).cut_start(40)),
        Body::Ruled { item, .. } => format!("rejected {}", Shown::new(item).cut_start(40)),
        Body::Noted { .. } => "a note".to_owned(),
        Body::Filed { id, .. } => format!("finding {}", Shown::new(id)),
        Body::Closed { id, .. } => format!("closing {}", Shown::new(id)),
        Body::Answered { id, .. } => format!("the answer to {}", Shown::new(id)),
        _ => String::new(),
    }
}
