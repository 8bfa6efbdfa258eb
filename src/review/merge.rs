//! Two reviewers' journals become one: where they agree the ruling stands, everything else is an item again.
//!
//! Each worked without the other's rulings in sight and gave the other the head of their journal (the commitment) before
//! either showed it. Only lines up to that head count: what was ruled later could have been ruled with the other's in sight.

use std::collections::{BTreeMap, BTreeSet};

use super::journal::{Entry, Reading, Stamp};
use super::{Body, Event, MergedFrom, Ruled, Ruling, State};

/// A journal up to the head that was exchanged.
#[derive(Clone, Debug)]
pub struct Side {
    /// Whose, where it ends, and how many lines it has up to there.
    pub from: MergedFrom,
    /// Lines that came after the exchanged head and are not taken.
    pub later: u64,
    /// The bundle that it was begun on.
    pub bundle: Option<String>,
    entries: Vec<(u64, Entry)>,
    state: State,
}

impl Side {
    /// Takes the lines of a journal up to the one of the heads that it has.
    ///
    /// # Errors
    /// When the journal is damaged, or has none of the heads: it is not the one that was committed to.
    pub fn of(reading: &Reading, heads: &[String]) -> Result<Self, String> {
        if let Some(damage) = &reading.damage {
            return Err(format!("the journal is damaged in {damage}: nothing is merged from it"));
        }
        let Some(count) = heads.iter().find_map(|head| reading.line_of(head)) else {
            return Err("it has none of the heads that were exchanged: it was changed since, cut, or is another journal".to_owned());
        };
        let lines = reading.lines.iter().take_while(|l| l.n <= count);
        let entries: Vec<(u64, Entry)> = lines.clone().map(|l| (l.n, l.entry.clone())).collect();
        let state = State::fold(lines.clone().map(super::journal::Line::event).collect::<Vec<Event>>());
        let head = lines.last().map(|l| l.hash.clone()).unwrap_or_default();
        Ok(Self {
            from: MergedFrom { reviewer: state.reviewer.clone(), head, count },
            later: reading.lines.len() as u64 - count,
            bundle: reading.bundle().map(str::to_owned),
            entries,
            state,
        })
    }

    fn who(&self) -> &str {
        &self.from.reviewer
    }
}

/// What came of a merge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merge {
    /// Rulings and answers that both made alike: they stand.
    pub agreed: Vec<String>,
    /// Items and questions on which they differ, or that one of them did not rule on, with who said what: open again.
    pub disputed: Vec<(String, String)>,
    /// The lines of the new journal after its first.
    pub entries: Vec<Entry>,
}

/// Merges two reviewers' journals. `now` stamps what the merge itself says; what is taken over keeps its times.
///
/// # Errors
/// When both are of one reviewer, or of two bundles.
pub fn merge(sides: &[Side; 2], now: &Stamp) -> Result<Merge, String> {
    let [one, other] = sides;
    if one.who() == other.who() {
        return Err(format!("both journals are {}'s: two reviewers are wanted", one.who()));
    }
    if let (Some(a), Some(b)) = (&one.bundle, &other.bundle)
        && a != b
    {
        return Err(format!("the journals are of two bundles: {a} and {b}"));
    }
    let mut merge = Merge::default();
    let say = |body| Entry { stamp: now.clone(), body };
    merge.entries.push(say(Body::Merged { from: vec![one.from.clone(), other.from.clone()] }));
    for side in sides {
        // What either of them was shown was shown to a person.
        let seen = side.entries.iter().filter(|(_, e)| matches!(e.body, Body::Shown { .. } | Body::Read { .. }));
        merge.entries.extend(seen.map(|(_, e)| e.clone()));
    }
    rulings(sides, &say, &mut merge);
    answers(sides, &say, &mut merge);
    words(sides, &mut merge);
    Ok(merge)
}

fn rulings(sides: &[Side; 2], say: &dyn Fn(Body) -> Entry, merge: &mut Merge) {
    let [one, other] = sides;
    let items: BTreeSet<&String> = one.state.rulings.keys().chain(other.state.rulings.keys()).collect();
    for item in items {
        let ruled = sides.each_ref().map(|s| s.state.rulings.get(item));
        if let [Some(a), Some(b)] = ruled
            && (a.ruling, &a.digest, a.covers) == (b.ruling, &b.digest, b.covers)
        {
            let reasons: Vec<String> = [(one, a), (other, b)]
                .iter()
                .filter(|(_, r)| !r.reason.is_empty())
                .map(|(s, r)| format!("{}: {}", s.who(), r.reason))
                .collect();
            merge.agreed.push(item.clone());
            merge.entries.push(say(Body::Ruled {
                item: item.clone(),
                digest: a.digest.clone(),
                ruling: a.ruling,
                reason: reasons.join("; "),
                covers: a.covers,
            }));
            continue;
        }
        let told = |side: &Side, ruled: Option<&Ruled>| match ruled {
            None => format!("{} did not rule on it", side.who()),
            Some(r) => {
                let word = if r.ruling == Ruling::Accepted { "accepted" } else { "rejected" };
                let because = if r.reason.is_empty() { String::new() } else { format!(" ({})", r.reason) };
                format!("{} {word}{because}", side.who())
            }
        };
        let mut said = format!("{}, {}", told(one, ruled[0]), told(other, ruled[1]));
        if let [Some(a), Some(b)] = ruled
            && a.ruling == b.ruling
        {
            said.push_str("; what they ruled on is not the same");
        }
        dispute(item, said, say, merge);
    }
}

fn answers(sides: &[Side; 2], say: &dyn Fn(Body) -> Entry, merge: &mut Merge) {
    let ids: BTreeSet<&String> = sides.iter().flat_map(|s| s.state.answers.keys()).collect();
    for id in ids {
        let answered = sides.each_ref().map(|s| s.state.answers.get(id));
        if let [Some(a), Some(b)] = answered
            && a == b
        {
            merge.agreed.push(format!("checklist:{id}"));
            merge.entries.push(say(Body::Answered { id: id.clone(), answer: a.clone() }));
            continue;
        }
        let told = |i: usize| match answered[i] {
            Some(answer) => format!("{} answered {answer}", sides[i].who()),
            None => format!("{} did not answer", sides[i].who()),
        };
        dispute(&format!("checklist:{id}"), format!("{}, {}", told(0), told(1)), say, merge);
    }
}

fn dispute(item: &str, said: String, say: &dyn Fn(Body) -> Entry, merge: &mut Merge) {
    merge.entries.push(say(Body::Disputed { item: item.to_owned(), said: said.clone() }));
    merge.disputed.push((item.to_owned(), said));
}

/// Notes and findings of both, each with its author's name, and findings numbered on.
fn words(sides: &[Side; 2], merge: &mut Merge) {
    let mut next = 0;
    for side in sides {
        let counts: BTreeSet<u64> = side.state.to_carry().into_iter().collect();
        let mut renamed = BTreeMap::new();
        for (n, entry) in &side.entries {
            if !counts.contains(n) {
                continue;
            }
            let signed = |text: &str| format!("{}: {text}", side.who());
            let body = match &entry.body {
                Body::Noted { at, text } => Body::Noted { at: at.clone(), text: signed(text) },
                Body::Filed { id, title, severity, at } => {
                    next += 1;
                    renamed.insert(id.clone(), format!("F{next}"));
                    Body::Filed { id: format!("F{next}"), title: signed(title), severity: *severity, at: at.clone() }
                }
                Body::Closed { id, reason } => match renamed.get(id) {
                    Some(id) => Body::Closed { id: id.clone(), reason: signed(reason) },
                    None => continue,
                },
                _ => continue,
            };
            merge.entries.push(Entry { stamp: entry.stamp.clone(), body });
        }
    }
}

#[cfg(test)]
mod tests {
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
        let events: Vec<Event> =
            merge.entries.iter().zip(2..).map(|(e, n)| Event { n, time: String::new(), body: e.body.clone() }).collect();
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
}
