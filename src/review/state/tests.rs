//! Tests of the state.

use super::*;
use crate::review::{Anchor, FindingSeverity, Target};

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
