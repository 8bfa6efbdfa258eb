//! The state of a review: a fold over events, and what is still open.

use std::collections::{BTreeMap, BTreeSet};

use super::queue::question_id;
use super::{Anchor, Body, CarriedRuling, Class, Decision, Event, FindingSeverity, Item, LineSet, MergedFrom, Resting, Ruling, Target};
use crate::checks::{Facts, Policy};
use crate::digest::Sha256;

/// A ruling on an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruled {
    /// The ruling.
    pub ruling: Ruling,
    /// The reason, in the reviewer's words.
    pub reason: String,
    /// The item's digest when it was ruled on.
    pub digest: String,
    /// How many files it covers.
    pub covers: u64,
}

/// A note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The number of the event that wrote it.
    pub n: u64,
    /// Where.
    pub at: Anchor,
    /// The words.
    pub text: String,
    /// When, by the room's clock.
    pub time: String,
}

/// A finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// `F1`, `F2`, …
    pub id: String,
    /// The words.
    pub title: String,
    /// How bad.
    pub severity: FindingSeverity,
    /// Where.
    pub at: Anchor,
    /// When, by the room's clock.
    pub time: String,
    /// Why it was closed or withdrawn, if it was.
    pub closed: Option<String>,
    /// Whether it was withdrawn rather than closed.
    pub withdrawn: bool,
    /// How often its words or severity were changed.
    pub edits: u32,
    /// What people outside answered, in order: claims.
    pub replies: Vec<Reply>,
}

impl Finding {
    /// The word of its state in records: `open`, `closed` or `withdrawn`.
    #[must_use]
    pub fn standing(&self) -> &'static str {
        match (&self.closed, self.withdrawn) {
            (None, _) => "open",
            (Some(_), false) => "closed",
            (Some(_), true) => "withdrawn",
        }
    }
}

/// An answer to a finding from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Digest of the question that it answers.
    pub question: String,
    /// The words: a claim.
    pub text: String,
    /// Who signed it, by the reviewer's own signers.
    pub who: String,
    /// Fingerprint of the key.
    pub key: String,
    /// When it was taken in, by the room's clock.
    pub time: String,
}

/// Something that stands in the way of an approval, or is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocker {
    /// Whether it is out of the way.
    pub done: bool,
    /// What it is, in words.
    pub what: String,
    /// The first item to go to.
    pub item: Option<String>,
}

/// What a person did so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// All events, in order.
    pub events: Vec<Event>,
    /// Who reviews.
    pub reviewer: String,
    /// Rulings by item id.
    pub rulings: BTreeMap<String, Ruled>,
    /// Differences shown, by item id and digest, and how many there are.
    pub shown: BTreeMap<(String, String), (BTreeSet<u32>, u32)>,
    /// Lines shown, by path and blob, and how many there are.
    pub read: BTreeMap<(String, String), (LineSet, u64)>,
    /// Rulings of an earlier review, by item id.
    pub carried: BTreeMap<String, CarriedRuling>,
    /// Lines shown in earlier reviews, by path and blob, and how many there are.
    pub carried_read: BTreeMap<(String, String), (LineSet, u64)>,
    /// The record that they were carried over from: digest of its payload, and its number.
    pub previous: Option<(String, u64)>,
    /// Items that were carried over and are to be looked at again, by id.
    pub taken_up: BTreeSet<String>,
    /// Notes.
    pub notes: Vec<Note>,
    /// Findings.
    pub findings: Vec<Finding>,
    /// Answers by question id.
    pub answers: BTreeMap<String, String>,
    /// The item in front when the session ended.
    pub at: Option<String>,
    /// Where exactly, when that is known.
    pub rest: Option<Resting>,
    /// Records that were signed: (payload digest, decision).
    pub signed: Vec<(String, Decision)>,
    /// When the last of them was signed, by the room's clock.
    pub signed_on: String,
    /// The bundle that the review was begun on, as far as that is known.
    pub bundle: Option<String>,
    /// The journals that this review was merged of.
    pub merged: Vec<MergedFrom>,
    /// Items on which the reviewers of those differ and nobody ruled since, with who said what.
    pub disputes: BTreeMap<String, String>,
    /// SHA-256 of the payload of the record that this review corrects.
    pub corrects: Option<String>,
}

impl State {
    /// The state after those events.
    #[must_use]
    pub fn fold(events: Vec<Event>) -> Self {
        let mut undone = BTreeSet::new();
        for event in &events {
            match event.body {
                Body::Undone { n } => {
                    undone.insert(n);
                }
                Body::Redone { n } => {
                    undone.remove(&n);
                }
                _ => {}
            }
        }
        let mut state = Self::default();
        for event in &events {
            if !undone.contains(&event.n) {
                state.apply(event);
            }
        }
        state.events = events;
        state
    }

    /// The state after one more event.
    pub fn push(&mut self, event: Event) {
        if matches!(event.body, Body::Undone { .. } | Body::Redone { .. }) {
            let mut events = std::mem::take(&mut self.events);
            events.push(event);
            *self = Self::fold(events);
        } else {
            self.apply(&event);
            self.events.push(event);
        }
    }

    fn apply(&mut self, event: &Event) {
        match event.body.clone() {
            // A review belongs to whoever began it.
            Body::Opened { reviewer, bundle, .. } => {
                if self.reviewer.is_empty() {
                    self.reviewer = reviewer;
                }
                self.identified(bundle);
            }
            Body::Identified { bundle } => self.identified(bundle),
            Body::Merged { from } => self.merged = from,
            Body::Disputed { item, said } => {
                let at = Anchor { item: Some(item.clone()), place: item.clone(), ..Anchor::default() };
                self.notes.push(Note { n: event.n, at, text: format!("the reviewers differ: {said}"), time: event.time.clone() });
                self.disputes.insert(item, said);
            }
            Body::Corrects { record, .. } => self.corrects = Some(record),
            Body::At { item, rest } => {
                self.at = Some(item).filter(|i| !i.is_empty());
                self.rest = rest;
            }
            Body::Carried(carried) => {
                self.previous = Some((carried.record, carried.sequence));
                self.carried = carried.rulings.into_iter().map(|r| (r.item.clone(), r)).collect();
                let lines = |runs: &[(u64, u64)], of: u64| {
                    let mut set = LineSet::default();
                    runs.iter().for_each(|(from, to)| set.insert((*from).max(1), (*to).min(of)));
                    set
                };
                self.carried_read = carried.read.into_iter().map(|r| ((r.path, r.blob), (lines(&r.runs, r.of), r.of))).collect();
            }
            Body::TakenUp { item } => {
                self.taken_up.insert(item);
            }
            Body::Shown { item, digest, differences, of, .. } => {
                let entry = self.shown.entry((item, digest)).or_default();
                entry.0.extend(differences);
                entry.1 = of;
            }
            Body::Read { path, blob, from, to, of, .. } => {
                let entry = self.read.entry((path, blob)).or_default();
                entry.0.insert(from.max(1), to.min(of));
                entry.1 = of;
            }
            Body::Ruled { item, digest, ruling, reason, covers } => {
                self.disputes.remove(&item);
                self.rulings.insert(item, Ruled { ruling, reason, digest, covers });
            }
            Body::Noted { at, text } => self.notes.push(Note { n: event.n, at, text, time: event.time.clone() }),
            Body::Reworded { n, text } => self.notes.iter_mut().filter(|note| note.n == n).for_each(|note| note.text.clone_from(&text)),
            Body::Filed { id, title, severity, at } => {
                let time = event.time.clone();
                self.findings.push(Finding {
                    id,
                    title,
                    severity,
                    at,
                    time,
                    closed: None,
                    withdrawn: false,
                    edits: 0,
                    replies: Vec::new(),
                });
            }
            Body::Closed { id, reason } => self.change(&id, |f| (f.closed, f.withdrawn) = (Some(reason), false)),
            Body::Withdrawn { id, reason } => self.change(&id, |f| (f.closed, f.withdrawn) = (Some(reason), true)),
            Body::Reopened { id, .. } => self.change(&id, |f| (f.closed, f.withdrawn) = (None, false)),
            Body::Edited { id, title, severity } => self.change(&id, |f| {
                (f.title, f.severity) = (title, severity);
                f.edits = f.edits.saturating_add(1);
            }),
            Body::Replied { id, question, text, who, key, .. } => {
                let time = event.time.clone();
                self.change(&id, |f| f.replies.push(Reply { question, text, who, key, time }));
            }
            Body::Answered { id, answer } if answer.is_empty() => {
                self.answers.remove(&id);
            }
            Body::Answered { id, answer } => {
                self.disputes.remove(&format!("checklist:{id}"));
                self.answers.insert(id, answer);
            }
            Body::Signed { payload, decision, .. } => {
                self.signed.push((payload, decision));
                self.signed_on = event.time.get(..10).unwrap_or_default().to_owned();
            }
            Body::Undone { .. } | Body::Redone { .. } => {}
        }
    }

    fn identified(&mut self, bundle: String) {
        if self.bundle.is_none() && !bundle.is_empty() {
            self.bundle = Some(bundle);
        }
    }

    /// Why nothing can be changed any more once a record was signed, and what to do instead.
    #[must_use]
    pub fn sealed(&self) -> Option<String> {
        let (_, decision) = self.signed.last()?;
        Some(format!(
            "signed on {} as {}; a correction is a new record that names the old one: :correct, or --correct when it is opened",
            self.signed_on,
            decision.word()
        ))
    }

    /// Why this is not the review of that bundle, if it is another's.
    #[must_use]
    pub fn foreign(&self, bundle: &str) -> Option<String> {
        let own = self.bundle.as_deref().filter(|own| *own != bundle)?;
        let part = |digest: &str| digest.get(..16).unwrap_or(digest).to_owned();
        Some(format!(
            "the journal was begun on another bundle ({}…, and this is {}…): it was moved or copied here, or the bundle was changed; keep it as \
             evidence and review this one with --state DIR",
            part(own),
            part(bundle)
        ))
    }

    /// What a correction carries over: the numbers of the events that still count.
    #[must_use]
    pub fn to_carry(&self) -> Vec<u64> {
        let undone = self.undone();
        let last = self.events.iter().rposition(|e| matches!(e.body, Body::At { .. }));
        let counts = |(i, e): &(usize, &Event)| {
            e.body.is_carried() && !undone.contains(&e.n) && (!matches!(e.body, Body::At { .. }) || Some(*i) == last)
        };
        self.events.iter().enumerate().filter(counts).map(|(_, e)| e.n).collect()
    }

    fn change(&mut self, id: &str, change: impl FnOnce(&mut Finding)) {
        if let Some(finding) = self.findings.iter_mut().find(|f| f.id == id) {
            change(finding);
        }
    }

    /// The ruling on an item, if it was made on what the machine computes now.
    #[must_use]
    pub fn ruling(&self, item: &Item) -> Option<&Ruled> {
        self.rulings.get(&item.id).filter(|r| r.digest == item.digest)
    }

    /// The ruling of an earlier review on an item, where the item is unchanged by its digest, it was accepted, and nobody looks
    /// at it again this time.
    #[must_use]
    pub fn carried(&self, item: &Item) -> Option<&CarriedRuling> {
        let holds = |c: &&CarriedRuling| c.digest == item.digest && c.ruling == Ruling::Accepted && !self.taken_up.contains(&item.id);
        self.carried.get(&item.id).filter(holds).filter(|_| self.ruling(item).is_none())
    }

    /// The ruling of an earlier review on an item that does not hold any more: the item changed, or it was rejected then.
    #[must_use]
    pub fn before(&self, item: &Item) -> Option<&CarriedRuling> {
        self.carried.get(&item.id).filter(|_| self.carried(item).is_none())
    }

    /// A ruling that was made on something else than what the machine computes now: it does not count.
    #[must_use]
    pub fn stale_ruling(&self, item: &Item) -> Option<&Ruled> {
        self.rulings.get(&item.id).filter(|r| r.digest != item.digest)
    }

    /// Differences shown of an item, and how many it has (0 when nothing of it was shown).
    #[must_use]
    pub fn shown_of(&self, item: &Item) -> (usize, usize) {
        self.shown.get(&(item.id.clone(), item.digest.clone())).map_or((0, 0), |(seen, of)| (seen.len().min(*of as usize), *of as usize))
    }

    /// Lines shown of a source file, and how many it has (0, 0 when nothing of it was shown).
    #[must_use]
    pub fn read_of(&self, path: &str, blob: &str) -> (u64, u64) {
        self.read.get(&(path.to_owned(), blob.to_owned())).map_or((0, 0), |(seen, of)| (seen.len(), *of))
    }

    /// The person's mark of an item: ` ` unseen, `o` shown, `a` accepted or answered, `x` rejected or answered with no, `c`
    /// carried over from an earlier review.
    #[must_use]
    pub fn mark(&self, item: &Item) -> char {
        if let Some(ruled) = self.ruling(item) {
            return ruled.ruling.mark();
        }
        match self.answer(item) {
            Some("no") => return 'x',
            Some(_) => return 'a',
            None => {}
        }
        match (self.carried(item), self.is_shown(item)) {
            (Some(_), _) => 'c',
            (None, true) => 'o',
            (None, false) => ' ',
        }
    }

    /// Whether anything of it was inside a drawn frame.
    #[must_use]
    pub fn is_shown(&self, item: &Item) -> bool {
        self.shown_of(item).0 > 0 || self.lines_of(item).0 > 0
    }

    /// Lines shown of the source file that an item asks to read, and how many it has.
    #[must_use]
    pub fn lines_of(&self, item: &Item) -> (u64, u64) {
        if !matches!(item.class, Class::Read | Class::Flagged | Class::Archive) || !matches!(item.target, Target::Source { .. }) {
            return (0, 0);
        }
        let path = item.title.shown();
        self.read
            .iter()
            .find(|((p, blob), _)| p == path.as_str() && Sha256::of(blob.as_bytes()).to_string() == item.digest)
            .map_or((0, 0), |(_, (seen, of))| (seen.len(), *of))
    }

    /// The answer to an item that is a question of the checklist.
    #[must_use]
    pub fn answer(&self, item: &Item) -> Option<&str> {
        let id = item.id.strip_prefix(question_id("").as_str()).filter(|_| matches!(item.target, Target::Question(_)))?;
        self.answers.get(id).map(String::as_str)
    }

    /// Whether a person still has to judge an item: it has neither a ruling that holds, of today or carried over, nor, if it is
    /// a question, an answer.
    #[must_use]
    pub fn is_open(&self, item: &Item) -> bool {
        self.ruling(item).is_none() && self.answer(item).is_none() && self.carried(item).is_none()
    }

    /// The items that a person still has to judge, in queue order.
    pub fn open<'a>(&'a self, items: &'a [Item]) -> impl Iterator<Item = (usize, &'a Item)> + 'a {
        items.iter().enumerate().filter(|(_, item)| self.is_open(item))
    }

    /// The next or previous open item after the given one, round the end.
    #[must_use]
    pub fn next_open(&self, items: &[Item], from: Option<usize>, forward: bool) -> Option<usize> {
        let open: Vec<usize> = self.open(items).map(|(i, _)| i).collect();
        let wrap = if forward { open.first() } else { open.last() };
        let next = match from {
            None => wrap,
            Some(at) if forward => open.iter().find(|i| **i > at).or(wrap),
            Some(at) => open.iter().rev().find(|i| **i < at).or(wrap),
        };
        next.copied()
    }

    /// Items of which nothing was shown, whatever was ruled on them; a question that is answered was read.
    pub fn not_looked_at<'a>(&'a self, items: &'a [Item]) -> impl Iterator<Item = &'a Item> + 'a {
        items.iter().filter(|item| !self.is_shown(item) && self.answer(item).is_none())
    }

    /// The next finding's id.
    #[must_use]
    pub fn next_finding(&self) -> String {
        let filed = self.events.iter().filter(|e| matches!(e.body, Body::Filed { .. })).count();
        format!("F{}", filed + 1)
    }

    /// The event that `u` writes: takes back the last thing that still counts.
    #[must_use]
    pub fn undo(&self) -> Option<Body> {
        let undone = self.undone();
        self.events.iter().rev().find(|e| e.body.is_undoable() && !undone.contains(&e.n)).map(|e| Body::Undone { n: e.n })
    }

    /// The event that redo writes: the last undone thing, unless something was done since.
    #[must_use]
    pub fn redo(&self) -> Option<Body> {
        let undone = self.undone();
        for event in self.events.iter().rev() {
            match event.body {
                Body::Undone { n } if undone.contains(&n) => return Some(Body::Redone { n }),
                _ if event.body.is_undoable() => return None,
                _ => {}
            }
        }
        None
    }

    fn undone(&self) -> BTreeSet<u64> {
        let mut undone = BTreeSet::new();
        for event in &self.events {
            match event.body {
                Body::Undone { n } => undone.insert(n),
                Body::Redone { n } => undone.remove(&n),
                _ => false,
            };
        }
        undone
    }

    /// What stands in the way of an approval.
    #[must_use]
    pub fn blockers(&self, facts: &Facts, policy: &Policy, items: &[Item]) -> Vec<Blocker> {
        let mut list = Vec::new();
        let mut add = |done: bool, what: String, item: Option<String>| list.push(Blocker { done, what, item });
        add(
            facts.is_complete(),
            if facts.is_complete() { "everything was hashed and compared".into() } else { "the machine is not done".into() },
            None,
        );
        for check in policy.unmet(facts) {
            add(
                false,
                format!("the policy requires the check {}, which is {}: {}", check.code.code, check.verdict.word(), check.why),
                None,
            );
        }
        let mut classes: BTreeMap<Class, Vec<&Item>> = BTreeMap::new();
        // Questions have a line of their own below.
        for (_, item) in self.open(items).filter(|(_, i)| i.class != Class::Question) {
            let class = if item.class == Class::Data { Class::Code } else { item.class };
            classes.entry(class).or_default().push(item);
        }
        for (class, open) in classes {
            add(false, format!("{} {} without a ruling", open.len(), class.word(open.len())), open.first().map(|i| i.id.clone()));
        }
        let first = items.iter().find(|i| self.disputes.contains_key(&i.id));
        if !self.disputes.is_empty() {
            add(false, format!("{} on which the reviewers differ", self.disputes.len()), first.map(|i| i.id.clone()));
        }
        let rejected: Vec<_> = items.iter().filter(|i| self.ruling(i).is_some_and(|r| r.ruling == Ruling::Rejected)).collect();
        if let Some(first) = rejected.first() {
            add(false, format!("{} rejected", rejected.len()), Some(first.id.clone()));
        }
        let unanswered = policy.checklist.iter().filter(|q| !self.answers.contains_key(&q.id)).count();
        let no = policy.checklist.iter().filter(|q| self.answers.get(&q.id).is_some_and(|a| a == "no")).count();
        if !policy.checklist.is_empty() {
            let of = policy.checklist.len();
            let what = if unanswered == 0 {
                format!("all {of} checklist questions answered")
            } else {
                format!("{unanswered} of {of} checklist answers missing")
            };
            let first = self.open(items).find(|(_, i)| i.class == Class::Question).map(|(_, i)| i.id.clone());
            add(unanswered == 0, what, first);
            if no > 0 {
                add(false, format!("{no} checklist questions answered with no"), None);
            }
        }
        let open_findings = self.findings.iter().filter(|f| f.closed.is_none()).count();
        if open_findings > 0 {
            add(false, format!("{open_findings} findings are open"), None);
        }
        list
    }

    /// Whether that decision may be signed now.
    ///
    /// # Errors
    /// The first thing that stands in the way.
    pub fn may_sign(&self, decision: Decision, blockers: &[Blocker]) -> Result<(), String> {
        if decision != Decision::Approved {
            return Ok(());
        }
        match blockers.iter().find(|b| !b.done) {
            None => Ok(()),
            Some(first) => Err(format!("approval is closed: {}", first.what)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::review::Target;

    fn state(bodies: Vec<Body>) -> State {
        State::fold(bodies.into_iter().zip(1..).map(|(body, n)| Event { n, time: String::new(), body }).collect())
    }

    fn item(id: &str) -> Item {
        Item {
            id: id.into(),
            digest: "d".into(),
            class: Class::Data,
            mark: '!',
            title: id.into(),
            why: String::new(),
            target: Target::Batch,
            covers: 1,
        }
    }

    fn ruled(item: &str, digest: &str, ruling: Ruling) -> Body {
        Body::Ruled { item: item.into(), digest: digest.into(), ruling, reason: String::new(), covers: 1 }
    }

    #[test]
    fn undo_and_redo_are_events_and_erase_nothing() {
        let mut state = state(vec![ruled("a", "d", Ruling::Accepted), ruled("b", "d", Ruling::Rejected)]);
        let undo = state.undo().expect("something to undo");
        assert_eq!(undo, Body::Undone { n: 2 });
        state.push(Event { n: 3, time: String::new(), body: undo });
        assert!(state.ruling(&item("b")).is_none() && state.ruling(&item("a")).is_some());
        let redo = state.redo().expect("something to redo");
        state.push(Event { n: 4, time: String::new(), body: redo });
        assert!(state.ruling(&item("b")).is_some());
        assert_eq!(state.redo(), None);
        assert_eq!(state.events.len(), 4);
        assert_eq!(state.undo(), Some(Body::Undone { n: 2 }));
    }

    #[test]
    fn undo_of_a_second_ruling_brings_the_first_back() {
        let mut state = state(vec![ruled("a", "d", Ruling::Accepted), ruled("a", "d", Ruling::Rejected)]);
        state.push(Event { n: 3, time: String::new(), body: Body::Undone { n: 2 } });
        assert_eq!(state.ruling(&item("a")).map(|r| r.ruling), Some(Ruling::Accepted));
    }

    #[test]
    fn a_finding_is_edited_withdrawn_and_opened_again_by_events_that_can_be_taken_back() {
        let filed = Body::Filed { id: "F1".into(), title: "a".into(), severity: FindingSeverity::Problem, at: Anchor::default() };
        let edited = Body::Edited { id: "F1".into(), title: "b".into(), severity: FindingSeverity::Blocking };
        let withdrawn = Body::Withdrawn { id: "F1".into(), reason: "no problem".into() };
        let told = |state: &State| {
            let f = &state.findings[0];
            (f.title.clone(), f.severity, f.standing(), f.edits)
        };
        let mut state = state(vec![filed, edited, withdrawn]);
        assert_eq!(told(&state), ("b".into(), FindingSeverity::Blocking, "withdrawn", 1));
        state.push(Event { n: 4, time: String::new(), body: Body::Reopened { id: "F1".into(), reason: String::new() } });
        assert_eq!(told(&state).2, "open");
        for (n, expected) in [(5, "withdrawn"), (6, "open")] {
            let undo = state.undo().expect("something to undo");
            state.push(Event { n, time: String::new(), body: undo });
            assert_eq!(told(&state).2, expected);
        }
        let undo = state.undo().expect("the edit");
        state.push(Event { n: 7, time: String::new(), body: undo });
        assert_eq!(told(&state), ("a".into(), FindingSeverity::Problem, "open", 0));
        assert_eq!(state.events.len(), 7, "nothing is erased");
    }

    #[test]
    fn a_note_gets_other_words_and_keeps_its_place() {
        let noted = |text: &str| Body::Noted { at: Anchor { place: text.into(), ..Anchor::default() }, text: text.into() };
        let state = state(vec![noted("a"), noted("b"), Body::Reworded { n: 2, text: "c".into() }]);
        let told: Vec<_> = state.notes.iter().map(|n| (n.text.as_str(), n.at.place.as_str())).collect();
        assert_eq!(told, [("a", "a"), ("c", "b")]);
    }

    #[test]
    fn a_ruling_holds_only_for_what_was_ruled_on() {
        let state = state(vec![ruled("a", "other", Ruling::Accepted)]);
        assert!(state.ruling(&item("a")).is_none());
        assert!(state.stale_ruling(&item("a")).is_some());
        assert_eq!(state.mark(&item("a")), ' ');
    }

    #[test]
    fn the_next_open_item_goes_round() {
        let items = [item("a"), item("b"), item("c")];
        let state = state(vec![ruled("b", "d", Ruling::Accepted)]);
        assert_eq!(state.next_open(&items, None, true), Some(0));
        assert_eq!(state.next_open(&items, Some(0), true), Some(2));
        assert_eq!(state.next_open(&items, Some(2), true), Some(0));
        assert_eq!(state.next_open(&items, Some(0), false), Some(2));
    }

    #[test]
    fn approval_is_closed_while_anything_is_open_and_honest_outcomes_never_are() {
        let blockers = [Blocker { done: true, what: "x".into(), item: None }, Blocker { done: false, what: "y".into(), item: None }];
        let state = State::default();
        assert!(state.may_sign(Decision::Approved, &blockers).is_err());
        for decision in [Decision::Rejected, Decision::Incomplete, Decision::ApprovedWithFindings] {
            assert_eq!(state.may_sign(decision, &blockers), Ok(()));
        }
        assert_eq!(state.may_sign(Decision::Approved, &blockers[..1]), Ok(()));
    }

    #[test]
    fn events_survive_their_text_form() {
        for body in [ruled("a", "d", Ruling::Rejected), Body::Undone { n: 7 }, Body::Answered { id: "c".into(), answer: "n/a".into() }] {
            let text = serde_json::to_string(&body).expect("serializable");
            assert_eq!(serde_json::from_str::<Body>(&text).expect("readable"), body);
        }
    }
}
