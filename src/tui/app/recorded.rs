//! What the screen does once an event is on the disk.

use super::App;
use crate::review::{Body, Event, Ruling, Target};
use crate::text::Shown;

impl App {
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
            Body::Shown { .. } | Body::Read { .. } => {
                self.totals = None;
                return;
            }
            Body::At { .. }
            | Body::Opened { .. }
            | Body::Identified { .. }
            | Body::Corrects { .. }
            | Body::Merged { .. }
            | Body::Disputed { .. } => return,
            Body::Carried(carried) => {
                self.dirty = true;
                let held = self.items.iter().filter(|i| self.state.carried(i).is_some()).count();
                self.say(&format!(
                    "{held} of {} items are unchanged since record {} and carried over; R looks at one again",
                    self.items.len(),
                    carried.sequence
                ));
            }
            Body::TakenUp { item } => {
                self.dirty = true;
                self.say(&format!("{} is open again", Shown::new(&item).cut_start(40)));
            }
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
            Body::Closed { id, .. } => self.say(&format!("{} closed", Shown::new(&id))),
            Body::Withdrawn { id, .. } => self.say(&format!("{} withdrawn", Shown::new(&id))),
            Body::Reopened { id, .. } => self.say(&format!("{} is open again", Shown::new(&id))),
            Body::Edited { id, .. } => self.say(&format!("{} changed; the journal keeps the words before", Shown::new(&id))),
            Body::Reworded { .. } => self.say("note changed; the journal keeps the words before"),
            Body::Replied { .. } => {}
            Body::Answered { id, answer } => {
                if !answer.is_empty() {
                    // n goes on from the question that was answered.
                    let asked = self.policy.checklist.iter().position(|q| q.id == id);
                    let item = self.items.iter().find(|i| asked.is_some_and(|n| i.target == Target::Question(n)));
                    self.item = item.map(|i| i.id.clone()).or(self.item.take());
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
        Body::Withdrawn { id, .. } => format!("withdrawing {}", Shown::new(id)),
        Body::Reopened { id, .. } => format!("opening {} again", Shown::new(id)),
        Body::Edited { id, .. } => format!("the change of {}", Shown::new(id)),
        Body::Reworded { .. } => "the change of a note".to_owned(),
        Body::Answered { id, .. } => format!("the answer to {}", Shown::new(id)),
        Body::TakenUp { item } => format!("looking again at {}", Shown::new(item).cut_start(40)),
        _ => String::new(),
    }
}
