//! Taking back, making again, and what a correction takes over.

use std::collections::BTreeSet;

use super::State;
use crate::review::{Body, Event};

impl State {
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

    pub(super) fn undone(&self) -> BTreeSet<u64> {
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
}
