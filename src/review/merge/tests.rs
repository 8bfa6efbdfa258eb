//! Tests of the merge.

use super::*;
use crate::review::journal::{origin, read, write_line};
use crate::review::{Anchor, FindingSeverity};

fn journal(reviewer: &str, bundle: &str, bodies: Vec<Body>) -> Reading {
    let opened = Body::Opened { bundle: bundle.into(), release: "x 1".into(), reviewer: reviewer.into(), tool: "t".into() };
    let (mut bytes, mut head) = (String::new(), origin());
    for (body, n) in [opened].into_iter().chain(bodies).zip(1..) {
        let (line, hash) = write_line(n, &head, &Entry { stamp: Stamp::default(), body }).expect("written");
        bytes.push_str(&line);
        head = hash;
    }
    read(bytes.as_bytes())
}

fn ruled(item: &str, digest: &str, ruling: Ruling, reason: &str) -> Body {
    Body::Ruled { item: item.into(), digest: digest.into(), ruling, reason: reason.into(), covers: 1 }
}

fn filed(id: &str, title: &str) -> Body {
    Body::Filed { id: id.into(), title: title.into(), severity: FindingSeverity::Problem, at: Anchor::default() }
}

fn answered(id: &str, answer: &str) -> Body {
    Body::Answered { id: id.into(), answer: answer.into() }
}

#[test]
fn agreements_stand_and_everything_else_is_open_again() {
    let alice = journal(
        "alice",
        "ab",
        vec![
            ruled("both", "d", Ruling::Accepted, "read"),
            ruled("split", "d", Ruling::Accepted, ""),
            ruled("stale", "d1", Ruling::Accepted, ""),
            ruled("alone", "d", Ruling::Rejected, "odd"),
            ruled("undone", "d", Ruling::Accepted, ""),
            Body::Undone { n: 6 },
            answered("q1", "yes"),
            answered("q2", "yes"),
            filed("F1", "first"),
        ],
    );
    let bob = journal(
        "bob",
        "ab",
        vec![
            ruled("both", "d", Ruling::Accepted, "me too"),
            ruled("split", "d", Ruling::Rejected, "no"),
            ruled("stale", "d2", Ruling::Accepted, ""),
            answered("q1", "yes"),
            answered("q2", "no"),
            filed("F1", "second"),
            Body::Closed { id: "F1".into(), reason: "fixed".into() },
        ],
    );
    let heads = [alice.head(), bob.head()];
    let sides = [&alice, &bob].map(|r| Side::of(r, &heads).expect("committed to"));
    let merge = merge(&sides, &Stamp::default()).expect("merged");
    assert_eq!(merge.agreed, ["both", "checklist:q1"]);
    let disputed: Vec<String> = merge.disputed.iter().map(|(item, said)| format!("{item}: {said}")).collect();
    assert_eq!(
        disputed,
        [
            "alone: alice rejected (odd), bob did not rule on it",
            "split: alice accepted, bob rejected (no)",
            "stale: alice accepted, bob accepted; what they ruled on is not the same",
            "checklist:q2: alice answered yes, bob answered no",
        ]
    );
    let events: Vec<Event> = merge.entries.iter().zip(2..).map(|(e, n)| Event { n, time: String::new(), body: e.body.clone() }).collect();
    let state = State::fold(events);
    assert_eq!(state.rulings.keys().collect::<Vec<_>>(), ["both"]);
    assert_eq!(state.rulings["both"].reason, "alice: read; bob: me too");
    assert_eq!(state.answers.keys().collect::<Vec<_>>(), ["q1"]);
    let findings: Vec<_> = state.findings.iter().map(|f| (f.id.as_str(), f.title.as_str(), f.closed.as_deref())).collect();
    assert_eq!(findings, [("F1", "alice: first", None), ("F2", "bob: second", Some("bob: fixed"))]);
    assert_eq!(state.merged, sides.map(|s| s.from));
    assert_eq!(state.disputes.len(), 4);
    assert_eq!(state.notes.len(), 4, "each is told in Findings as well");
}

#[test]
fn what_came_after_the_exchanged_head_is_not_taken() {
    let alice = journal("alice", "ab", vec![ruled("a", "d", Ruling::Accepted, ""), ruled("b", "d", Ruling::Accepted, "")]);
    let bob = journal("bob", "ab", vec![ruled("a", "d", Ruling::Accepted, ""), ruled("b", "d", Ruling::Accepted, "")]);
    let heads = [alice.lines[1].hash.clone(), bob.head()];
    let sides = [&alice, &bob].map(|r| Side::of(r, &heads).expect("committed to"));
    assert_eq!((sides[0].later, sides[0].from.count), (1, 2));
    let merge = merge(&sides, &Stamp::default()).expect("merged");
    assert_eq!(merge.agreed, ["a"]);
    assert_eq!(merge.disputed[0].1, "alice did not rule on it, bob accepted");
}

#[test]
fn a_journal_that_was_not_committed_to_is_refused() {
    let alice = journal("alice", "ab", vec![ruled("a", "d", Ruling::Accepted, "")]);
    let other = journal("alice", "ab", vec![ruled("a", "d", Ruling::Rejected, "")]);
    let bob = journal("bob", "ab", vec![]);
    assert!(Side::of(&other, &[alice.head(), bob.head()]).expect_err("refused").contains("none of the heads"));
    let elsewhere = journal("bob", "cd", vec![]);
    let heads = [alice.head(), elsewhere.head()];
    let sides = [&alice, &elsewhere].map(|r| Side::of(r, &heads).expect("committed to"));
    assert!(merge(&sides, &Stamp::default()).expect_err("refused").contains("two bundles"));
    let twice = [&alice, &alice].map(|r| Side::of(r, &heads).expect("committed to"));
    assert!(merge(&twice, &Stamp::default()).expect_err("refused").contains("two reviewers are wanted"));
    let mut damaged = alice.clone();
    damaged.damage = Some(crate::review::journal::Damage { line: 1, what: "x".into() });
    assert!(Side::of(&damaged, &heads).is_err());
}

#[test]
fn what_was_said_of_findings_and_notes_goes_with_them() {
    let edited = Body::Edited { id: "F1".into(), title: "worse".into(), severity: FindingSeverity::Blocking };
    let reply = |id: &str| Body::Replied {
        id: id.into(),
        question: "q".into(),
        text: "it is meant so".into(),
        who: "vendor".into(),
        key: "SHA256:v".into(),
        file: "f".into(),
    };
    let note = |text: &str| Body::Noted { at: Anchor::default(), text: text.into() };
    let alice = journal("alice", "ab", vec![note("one"), filed("F1", "first"), edited, reply("F1")]);
    let bodies = vec![
        filed("F1", "none"),
        Body::Withdrawn { id: "F1".into(), reason: "mistaken".into() },
        filed("F2", "second"),
        Body::Closed { id: "F2".into(), reason: "fixed".into() },
        Body::Reopened { id: "F2".into(), reason: "not fixed".into() },
        reply("F2"),
        note("two"),
        Body::Reworded { n: 8, text: "three".into() },
    ];
    let bob = journal("bob", "ab", bodies);
    let heads = [alice.head(), bob.head()];
    let merge = merge(&[&alice, &bob].map(|r| Side::of(r, &heads).expect("committed to")), &Stamp::default()).expect("merged");
    let state = State::fold(merge.entries.iter().zip(2..).map(|(e, n)| Event { n, time: String::new(), body: e.body.clone() }).collect());
    let told: Vec<_> = state.findings.iter().map(|f| (f.id.as_str(), f.title.as_str(), f.standing(), f.replies.len())).collect();
    assert_eq!(told, [("F1", "alice: worse", "open", 1), ("F2", "bob: none", "withdrawn", 0), ("F3", "bob: second", "open", 1)]);
    assert_eq!(state.findings[0].severity, FindingSeverity::Blocking);
    let notes: Vec<_> = state.notes.iter().map(|n| n.text.as_str()).collect();
    assert_eq!(notes, ["alice: one", "bob: three"]);
}

#[test]
fn what_was_handed_to_both_is_carried_on_unless_one_looked_again() {
    let handed = |record: &str| {
        let rulings = ["left", "taken", "ruled"].map(|item| crate::review::CarriedRuling {
            item: item.into(),
            digest: "d".into(),
            ruling: Ruling::Accepted,
            reason: String::new(),
            sequence: 7,
            by: "carol".into(),
        });
        Body::Carried(crate::review::Carried { record: record.into(), sequence: 7, rulings: rulings.into(), read: Vec::new() })
    };
    let looks = || vec![handed("r"), Body::TakenUp { item: "taken".into() }, ruled("ruled", "d", Ruling::Accepted, "")];
    let alice = journal("alice", "ab", looks());
    let bob = journal("bob", "ab", vec![handed("r")]);
    let heads = [alice.head(), bob.head()];
    let merged = merge(&[&alice, &bob].map(|r| Side::of(r, &heads).expect("committed to")), &Stamp::default()).expect("merged");
    let state = State::fold(merged.entries.iter().zip(2..).map(|(e, n)| Event { n, time: String::new(), body: e.body.clone() }).collect());
    let item = |id: &str| crate::review::Item {
        id: id.into(),
        digest: "d".into(),
        class: crate::review::Class::Data,
        mark: '!',
        title: id.into(),
        why: String::new(),
        target: crate::review::Target::Batch,
        covers: 1,
    };
    assert!(state.carried(&item("left")).is_some() && !state.is_open(&item("left")));
    assert!(state.is_open(&item("taken")), "one of them looks again");
    assert!(state.is_open(&item("ruled")), "one ruled, the other did not");
    assert_eq!(merged.disputed, [("ruled".to_owned(), "alice accepted, bob left it to record 7".to_owned())]);
    assert_eq!((merged.carried, state.previous), (Some((7, 1)), Some(("r".to_owned(), 7))));

    let other = journal("bob", "ab", vec![handed("another")]);
    let heads = [alice.head(), other.head()];
    let merged = merge(&[&alice, &other].map(|r| Side::of(r, &heads).expect("committed to")), &Stamp::default()).expect("merged");
    assert!(merged.carried.is_none() && !merged.entries.iter().any(|e| matches!(e.body, Body::Carried(_))));
    assert_eq!(merged.not_carried.as_deref(), Some("alice was handed record 7 (r\u{2026}), bob was handed record 7 (another\u{2026})"));
}
