//! The state of a review: a fold over events, and what is still open.

mod blockers;
mod fold;
mod history;
mod values;

use std::collections::{BTreeMap, BTreeSet};

use super::queue::question_id;
use super::{Body, CarriedRuling, Class, Decision, Event, Item, LineSet, MergedFrom, Resting, Ruling, Target};
use crate::digest::Sha256;

pub use blockers::Blocker;
pub use values::{Finding, Note, Reply, Ruled};

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
    /// The number of that record, if its journal noted it.
    pub corrects_sequence: Option<u64>,
    /// Number of the record that was signed last, if the journal noted it.
    pub signed_sequence: Option<u64>,
}

impl State {
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

    /// What a person did with an item, in words.
    #[must_use]
    pub fn standing_of(&self, item: &Item) -> &'static str {
        match self.mark(item) {
            'a' if self.answer(item).is_some() => "answered",
            'x' if self.answer(item).is_some() => "answered with no",
            'a' => "accepted",
            'x' => "rejected",
            'c' => "carried over from an earlier review",
            'o' => "shown, no ruling",
            _ => "not looked at",
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
}

#[cfg(test)]
mod tests;
