//! How events become the state.

use std::collections::BTreeSet;

use super::{Finding, Note, Reply, Ruled, State};
use crate::review::{Anchor, Body, Event, LineSet};

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
            Body::Corrects { record, sequence, .. } => (self.corrects, self.corrects_sequence) = (Some(record), sequence),
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
            Body::Signed { payload, decision, sequence, .. } => {
                self.signed_sequence = sequence;
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

    fn change(&mut self, id: &str, change: impl FnOnce(&mut Finding)) {
        if let Some(finding) = self.findings.iter_mut().find(|f| f.id == id) {
            change(finding);
        }
    }
}
