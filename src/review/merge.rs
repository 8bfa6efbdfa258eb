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
    /// Number of the record whose rulings both were handed, and how many of them nobody took up: they are carried on.
    pub carried: Option<(u64, usize)>,
    /// Why rulings that were handed on to one or both are not carried on.
    pub not_carried: Option<String>,
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
    handed(sides, &say, &mut merge);
    rulings(sides, &say, &mut merge);
    answers(sides, &say, &mut merge);
    words(sides, &mut merge);
    Ok(merge)
}

/// What an earlier review handed on holds on if it was handed to both, and neither looked again.
fn handed(sides: &[Side; 2], say: &dyn Fn(Body) -> Entry, merge: &mut Merge) {
    let of = |side: &Side| {
        let line = side.entries.iter().rev().find(|(_, e)| matches!(e.body, Body::Carried(_)));
        line.map(|(_, e)| e.clone()).zip(side.state.previous.clone())
    };
    let [one, other] = sides.each_ref().map(of);
    let told = |side: &Side, handed: &Option<(Entry, (String, u64))>| match handed {
        Some((_, (record, sequence))) => {
            format!("{} was handed record {sequence} ({}\u{2026})", side.who(), record.get(..12).unwrap_or(record))
        }
        None => format!("{} was handed none", side.who()),
    };
    match (&one, &other) {
        (None, None) => {}
        (Some((entry, (a, sequence))), Some((_, (b, _)))) if a == b => {
            merge.entries.push(entry.clone());
            let taken_up: BTreeSet<&String> = sides.iter().flat_map(|s| &s.state.taken_up).collect();
            merge.entries.extend(taken_up.iter().map(|item| say(Body::TakenUp { item: (*item).clone() })));
            let ruled = |item: &String| sides.iter().any(|s| s.state.rulings.contains_key(item));
            let held =
                sides[0].state.carried.values().filter(|c| c.ruling == Ruling::Accepted && !taken_up.contains(&c.item) && !ruled(&c.item));
            merge.carried = Some((*sequence, held.count()));
        }
        _ => merge.not_carried = Some(format!("{}, {}", told(&sides[0], &one), told(&sides[1], &other))),
    }
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
            None => match side.state.carried.get(item).filter(|_| !side.state.taken_up.contains(item)) {
                Some(carried) => format!("{} left it to record {}", side.who(), carried.sequence),
                None => format!("{} did not rule on it", side.who()),
            },
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
        // What was handed on must not settle what they differ on.
        if merge.carried.is_some() && sides[0].state.carried.contains_key(item) {
            merge.entries.push(say(Body::TakenUp { item: item.clone() }));
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

/// Notes and findings of both, each with its author's name, with what was changed of them and answered to them; findings are
/// numbered on.
fn words(sides: &[Side; 2], merge: &mut Merge) {
    let mut next = 0;
    for side in sides {
        let counts: BTreeSet<u64> = side.state.to_carry().into_iter().collect();
        let mut renamed = BTreeMap::new();
        let mut notes = BTreeMap::new();
        for (n, entry) in &side.entries {
            if !counts.contains(n) {
                continue;
            }
            let signed = |text: &str| format!("{}: {text}", side.who());
            let id = |id: &String| renamed.get(id).cloned().unwrap_or_default();
            let body = match &entry.body {
                Body::Noted { at, text } => {
                    // The first line of the new journal is before these entries.
                    notes.insert(*n, merge.entries.len() as u64 + 2);
                    Body::Noted { at: at.clone(), text: signed(text) }
                }
                Body::Reworded { n, text } => Body::Reworded { n: notes.get(n).copied().unwrap_or_default(), text: signed(text) },
                Body::Filed { id, title, severity, at } => {
                    next += 1;
                    renamed.insert(id.clone(), format!("F{next}"));
                    Body::Filed { id: format!("F{next}"), title: signed(title), severity: *severity, at: at.clone() }
                }
                Body::Edited { id: of, title, severity } => Body::Edited { id: id(of), title: signed(title), severity: *severity },
                Body::Closed { id: of, reason } => Body::Closed { id: id(of), reason: signed(reason) },
                Body::Withdrawn { id: of, reason } => Body::Withdrawn { id: id(of), reason: signed(reason) },
                Body::Reopened { id: of, reason } => Body::Reopened { id: id(of), reason: signed(reason) },
                Body::Replied { id: of, question, text, who, key, file } => Body::Replied {
                    id: id(of),
                    question: question.clone(),
                    text: text.clone(),
                    who: who.clone(),
                    key: key.clone(),
                    file: file.clone(),
                },
                _ => continue,
            };
            merge.entries.push(Entry { stamp: entry.stamp.clone(), body });
        }
    }
}

#[cfg(test)]
mod tests;
