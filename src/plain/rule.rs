//! Rulings, answers, notes and findings: the console's rules, and its events in the same journal.

use super::desk::Desk;
use super::say::Say;
use crate::review::{Body, Class, FindingSeverity, Item, Ruling, Takes, Target};
use crate::text::Shown;

/// What ends or opens a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Close,
    Withdraw,
    Reopen,
}

impl Desk {
    /// The item to rule on, if one can be ruled on.
    fn ruled_on(&mut self) -> Result<Item, Say> {
        if let Some(why) = self.session.read_only() {
            return Err(Say::one(&format!("Read-only: {why}")));
        }
        let Some((_, item)) = self.front_item() else { return Err(Say::one("No item is in front. Type next for the first.")) };
        if item.class == Class::Question {
            return Err(Say::one("A question is answered: answer yes, answer no, or answer n/a."));
        }
        if self.front.as_ref().is_some_and(|f| f.digest != item.digest) {
            let mut say = Say::one("The machine computed it anew meanwhile; nothing was ruled. This is what it is now.");
            let at = self.items.iter().position(|i| i.id == item.id).unwrap_or(0);
            say.add(&self.open_item(at));
            return Err(say);
        }
        self.make_pieces(&item);
        Ok(item)
    }

    pub(super) fn accept(&mut self, typed: &str) -> Say {
        let item = match self.ruled_on() {
            Ok(item) => item,
            Err(say) => return say,
        };
        if self.session.state().ruling(&item).is_some_and(|r| r.ruling == Ruling::Accepted) {
            return Say::one("Already accepted. undo takes the last thing back.");
        }
        let (shown, of) = self.coverage_of(&item);
        let asked = self.asked.take().as_deref() == Some(item.id.as_str());
        let number = typed.replace(',', "");
        match item.takes(shown, of) {
            Takes::Nothing => self.rule(&item, Ruling::Accepted, typed),
            Takes::Count(covers) if number == covers.to_string() => self.rule(&item, Ruling::Accepted, ""),
            Takes::Count(covers) => {
                let files = if covers == 1 { "file" } else { "files" };
                let wrong = if typed.is_empty() { "" } else { "That is not the number of files that it covers. " };
                Say::one(&format!("{wrong}Not accepted yet: this covers {covers} {files}. Type accept {covers} to accept all of them."))
            }
            // A number is no reason: it was meant for a group.
            Takes::Reason(_) if asked && !typed.is_empty() && number.parse::<u64>().is_err() => self.rule(&item, Ruling::Accepted, typed),
            Takes::Reason(open) => {
                let what = match item.target {
                    Target::Source { .. } => "lines",
                    Target::Places(_) => "places",
                    _ => "differences",
                };
                let open = if shown == 0 { "nothing of it was shown".to_owned() } else { format!("{open} of {of} {what} are not shown") };
                let counts = if self.counts() { "" } else { " What is printed does not count here." };
                self.asked = Some(item.id);
                Say::one(&format!("Not accepted yet: {open}.{counts} Type difference to go on, or accept with a reason."))
            }
        }
    }

    pub(super) fn reject(&mut self, reason: &str) -> Say {
        match self.ruled_on() {
            Ok(_) if reason.is_empty() => Say::one("Not rejected yet: a reason is needed. Type reject, and the reason."),
            Ok(item) => self.rule(&item, Ruling::Rejected, reason),
            Err(say) => say,
        }
    }

    fn rule(&mut self, item: &Item, ruling: Ruling, reason: &str) -> Say {
        let body =
            Body::Ruled { item: item.id.clone(), digest: item.digest.clone(), ruling, reason: reason.to_owned(), covers: item.covers };
        if let Err(say) = self.record(body) {
            return say;
        }
        let word = if ruling == Ruling::Accepted { "ACCEPTED" } else { "REJECTED" };
        let open = self.session.state().open(&self.items).count();
        Say::one(&format!("{word}, saved: {}. {open} to judge. Type next.", item.title.shown()))
    }

    pub(super) fn take_up(&mut self) -> Say {
        let Some((_, item)) = self.front_item() else { return Say::one("No item is in front. Type next for the first.") };
        if self.session.state().carried(&item).is_none() {
            return Say::one("This item was not carried over: accept, reject or undo rule on it.");
        }
        self.done(Body::TakenUp { item: item.id }, "Open again, saved.")
    }

    pub(super) fn answer(&mut self, answer: &str) -> Say {
        let Some((_, item)) = self.front_item() else { return Say::one("No question is in front. Type next.") };
        let Target::Question(n) = item.target else {
            return Say::one("The item in front is no question: accept or reject rule on it.");
        };
        if !matches!(answer, "yes" | "no" | "n/a") {
            return Say::one("Type answer yes, answer no, or answer n/a (not applicable).");
        }
        let Some(question) = self.session.policy().checklist.get(n) else { return Say::one("The policy has no such question.") };
        let body = Body::Answered { id: question.id.clone(), answer: answer.to_owned() };
        self.done(body, &format!("Answered with {answer}, saved. Type next."))
    }

    pub(super) fn note(&mut self, text: &str) -> Say {
        if text.is_empty() {
            return Say::one("Nothing was written: type note, and the text.");
        }
        let at = self.anchor();
        let words = place_words(&at);
        self.done(Body::Noted { at, text: text.to_owned() }, &format!("Note saved, on {words}."))
    }

    pub(super) fn finding(&mut self, typed: &str) -> Say {
        let severities = [FindingSeverity::Note, FindingSeverity::Problem, FindingSeverity::Blocking];
        let (first, rest) = typed.split_once(char::is_whitespace).unwrap_or((typed, ""));
        let (severity, title) = match severities.into_iter().find(|s| s.word() == first) {
            Some(severity) => (severity, rest.trim()),
            None => (FindingSeverity::default(), typed),
        };
        if title.is_empty() {
            return Say::one("Nothing was filed: type finding, then note, problem or blocking, and what it is.");
        }
        let at = self.anchor();
        let words = place_words(&at);
        let id = self.session.state().next_finding();
        let said = format!("Finding {id} saved, {}, on {words}.", severity.word());
        self.done(Body::Filed { id, title: title.to_owned(), severity, at }, &said)
    }

    pub(super) fn end_finding(&mut self, typed: &str, ending: Ending) -> Say {
        let (id, reason) = typed.split_once(char::is_whitespace).unwrap_or((typed, ""));
        let Some(finding) = self.session.state().findings.iter().find(|f| f.id == id) else {
            return Say::one("Say which finding, and why: close F1 REASON. findings lists them.");
        };
        let (id, reason) = (finding.id.clone(), reason.trim().to_owned());
        match (ending, finding.closed.is_some()) {
            (Ending::Close, true) => return Say::one("That finding is closed already; reopen opens it."),
            (Ending::Withdraw, _) if finding.withdrawn => return Say::one("That finding is withdrawn already; reopen opens it."),
            (Ending::Reopen, false) => return Say::one("That finding is open."),
            _ if reason.is_empty() => return Say::one("A reason is needed; nothing was done."),
            _ => {}
        }
        let (body, word) = match ending {
            Ending::Close => (Body::Closed { id: id.clone(), reason }, "closed"),
            Ending::Withdraw => (Body::Withdrawn { id: id.clone(), reason }, "withdrawn"),
            Ending::Reopen => (Body::Reopened { id: id.clone(), reason }, "open again"),
        };
        self.done(body, &format!("{id} is {word}, saved."))
    }

    pub(super) fn undo(&mut self) -> Say {
        let Some(body) = self.session.state().undo() else { return Say::one("There is nothing to take back.") };
        let what = self.words_of(&body);
        self.done(body, &format!("Taken back, saved: {what}. redo does it again."))
    }

    pub(super) fn redo(&mut self) -> Say {
        let Some(body) = self.session.state().redo() else { return Say::one("Nothing was taken back last.") };
        let what = self.words_of(&body);
        self.done(body, &format!("Done again, saved: {what}."))
    }

    /// What was taken back, or is done again.
    fn words_of(&self, body: &Body) -> String {
        let (Body::Undone { n } | Body::Redone { n }) = body else { return String::new() };
        let words = self.session.state().events.iter().find(|e| e.n == *n).map(|e| e.body.words()).unwrap_or_default();
        Shown::new(&words).to_string()
    }

    pub(super) fn correct(&mut self) -> Say {
        if self.session.state().sealed().is_none() {
            return Say::one("Nothing was signed that could be corrected.");
        }
        match self.session.correct() {
            Ok(_) => {
                self.front = None;
                Say::one("A correction is begun: what was ruled is carried over, and its record will name the old one.")
            }
            Err(why) => Say::one(&format!("No correction was begun: {why}")),
        }
    }

    /// Writes an event, and says so.
    fn done(&mut self, body: Body, said: &str) -> Say {
        if let Some(why) = self.session.read_only() {
            return Say::one(&format!("Read-only: {why}"));
        }
        match self.record(body) {
            Ok(_) => Say::one(said),
            Err(say) => say,
        }
    }
}

/// The place of a note or finding in words.
fn place_words(at: &crate::review::Anchor) -> String {
    let function = at.function.as_ref().map_or_else(String::new, |f| format!(", function {f}"));
    let lines = at.lines_words().map_or_else(String::new, |l| format!(", {l}"));
    format!("{}{function}{lines}", at.words())
}
