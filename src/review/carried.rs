//! What holds from an earlier review: rulings and lines that were shown, looked up by digest.
//!
//! What is unchanged by digest is carried over and says so. It is a class of its own: it is not open, and it was not looked
//! at this time. A rejection is never carried over; whoever wants to look again takes an item up.

use serde::{Deserialize, Serialize};

use super::{Body, Event, Item, Ruling, State};

/// A ruling of an earlier review.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CarriedRuling {
    /// The item's id.
    pub item: String,
    /// The item's digest when it was ruled on.
    pub digest: String,
    /// The ruling.
    pub ruling: Ruling,
    /// The reason, in the words of then.
    #[serde(default)]
    pub reason: String,
    /// Number of the record that it was made for.
    pub sequence: u64,
    /// Who ruled.
    pub by: String,
}

/// Lines of a source file that were shown in an earlier review.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CarriedRead {
    /// Path in the tree, as displayable text.
    pub path: String,
    /// The blob's id.
    pub blob: String,
    /// Lines in the file.
    pub of: u64,
    /// First and last line of each run.
    pub runs: Vec<(u64, u64)>,
}

/// What an earlier review hands on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Carried {
    /// SHA-256 of the payload of its record.
    pub record: String,
    /// Number of its record.
    pub sequence: u64,
    /// Its rulings.
    pub rulings: Vec<CarriedRuling>,
    /// What was shown in it.
    pub read: Vec<CarriedRead>,
}

/// The events in the lines of a journal whose chain was followed already.
///
/// # Errors
/// The line that is no event of this version.
pub fn events_of(lines: &[String]) -> Result<Vec<Event>, String> {
    let one = |(n, line): (u64, &String)| {
        let mut value: serde_json::Value = serde_json::from_str(line).map_err(|e| format!("line {n} of its journal: {e}"))?;
        let body = value.get_mut("body").map(serde_json::Value::take).unwrap_or_default();
        let time = body.get("wall").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
        let body: Body = serde_json::from_value(body).map_err(|e| format!("line {n} of its journal: {e}"))?;
        Ok(Event { n, time, body })
    };
    (1..).zip(lines).map(one).collect()
}

impl Carried {
    /// What the review with that state hands on; what it was handed itself goes on with the number of its own record.
    #[must_use]
    pub fn of(state: &State, record: &str, sequence: u64, by: &str) -> Self {
        let own = state.rulings.iter().map(|(item, ruled)| CarriedRuling {
            item: item.clone(),
            digest: ruled.digest.clone(),
            ruling: ruled.ruling,
            reason: ruled.reason.clone(),
            sequence,
            by: by.to_owned(),
        });
        let before = state.carried.values().filter(|c| !state.rulings.contains_key(&c.item) && !state.taken_up.contains(&c.item));
        let mut read = state.carried_read.clone();
        for (key, (lines, of)) in &state.read {
            let entry = read.entry(key.clone()).or_default();
            entry.0.extend(lines);
            entry.1 = *of;
        }
        let read = read.into_iter().map(|((path, blob), (lines, of))| CarriedRead { path, blob, of, runs: lines.runs().to_vec() });
        Self { record: record.to_owned(), sequence, rulings: own.chain(before.cloned()).collect(), read: read.collect() }
    }
}

/// The items with what is carried over at the end: what changed comes first.
#[must_use]
pub fn changed_first(mut items: Vec<Item>, state: &State) -> Vec<Item> {
    items.sort_by_key(|item| state.carried(item).is_some());
    items
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::review::{Class, Target};

    fn fold(bodies: Vec<Body>) -> State {
        State::fold(bodies.into_iter().zip(1..).map(|(body, n)| Event { n, time: String::new(), body }).collect())
    }

    fn ruled(item: &str, digest: &str, ruling: Ruling) -> Body {
        Body::Ruled { item: item.into(), digest: digest.into(), ruling, reason: "because".into(), covers: 1 }
    }

    fn item(id: &str, digest: &str) -> Item {
        Item {
            id: id.into(),
            digest: digest.into(),
            class: Class::Data,
            mark: '!',
            title: id.into(),
            why: String::new(),
            target: Target::Batch,
            covers: 1,
        }
    }

    /// A review after one in which `a` and `b` were accepted, `r` was rejected and ten lines were shown.
    fn after(more: Vec<Body>) -> State {
        let read = Body::Read { path: "a.c".into(), blob: "blob".into(), from: 1, to: 10, of: 20, text: false };
        let rulings = [("a", Ruling::Accepted), ("b", Ruling::Accepted), ("r", Ruling::Rejected)];
        let first: Vec<Body> = rulings.map(|(id, ruling)| ruled(id, "d", ruling)).into_iter().chain([read]).collect();
        let handed = Carried::of(&fold(first), "rec16", 16, "alice");
        fold([Body::Carried(handed)].into_iter().chain(more).collect())
    }

    #[test]
    fn what_is_unchanged_is_carried_over_and_is_neither_open_nor_looked_at() {
        let state = after(Vec::new());
        let same = item("a", "d");
        let carried = state.carried(&same).expect("carried over");
        assert_eq!((carried.sequence, carried.by.as_str()), (16, "alice"));
        assert!(!state.is_open(&same) && state.ruling(&same).is_none() && !state.is_shown(&same));
        assert_eq!(state.mark(&same), 'c');
        let changed = item("b", "other");
        assert!(state.carried(&changed).is_none() && state.is_open(&changed) && state.before(&changed).is_some());
        assert!(state.is_open(&item("r", "d")), "a rejection is judged again");
        assert!(state.is_open(&item("new", "d")));
        assert!(state.read.is_empty() && state.carried_read.values().all(|(lines, of)| (lines.len(), *of) == (10, 20)));
        let order: Vec<String> = changed_first(vec![same, item("a2", "d"), changed], &state).into_iter().map(|i| i.id).collect();
        assert_eq!(order, ["a2", "b", "a"]);
    }

    #[test]
    fn an_item_that_was_taken_up_is_open_until_it_is_ruled_on_or_that_is_undone() {
        let mut state = after(vec![Body::TakenUp { item: "a".into() }]);
        let same = item("a", "d");
        assert!(state.is_open(&same) && state.carried(&same).is_none());
        let undo = state.undo().expect("it can be taken back");
        state.push(Event { n: 3, time: String::new(), body: undo });
        assert!(!state.is_open(&same));
        state.push(Event { n: 4, time: String::new(), body: ruled("a", "d", Ruling::Rejected) });
        assert!(state.carried(&same).is_none() && state.mark(&same) == 'x', "a ruling of today goes first");
    }

    #[test]
    fn a_third_review_knows_who_ruled_in_the_first() {
        let second = after(vec![ruled("b", "d2", Ruling::Accepted), Body::TakenUp { item: "r".into() }]);
        let third = fold(vec![Body::Carried(Carried::of(&second, "rec17", 17, "bob"))]);
        let told = |id: &str, digest: &str| third.carried(&item(id, digest)).map(|c| (c.sequence, c.by.clone()));
        assert_eq!(told("a", "d"), Some((16, "alice".into())));
        assert_eq!(told("b", "d2"), Some((17, "bob".into())));
        assert_eq!(told("b", "d"), None);
        assert_eq!(third.carried_read.len(), 1);
    }

    #[test]
    fn events_come_out_of_the_lines_of_a_journal() {
        let line = r#"{"n":1,"prev":"0","body":{"wall":"2026-11-03T14:02:11Z","boottime":"1","bootId":"x","event":"answered","id":"q","answer":"yes"},"hash":"0"}"#;
        let events = events_of(&[line.to_owned()]).expect("readable");
        assert_eq!(events[0].body, Body::Answered { id: "q".into(), answer: "yes".into() });
        assert!(events_of(&["{\"body\":{\"event\":\"unheard\"}}".to_owned()]).is_err_and(|e| e.contains("line 1")));
    }
}
