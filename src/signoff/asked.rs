//! What a verifier may ask of a record beside its signatures: the decision, the policy, the challenge, the place in a chain.

use std::collections::BTreeMap;

use crate::digest::Sha256;
use crate::text::Shown;

use super::{Decision, Verified};

/// Whether something that can be asked of a record holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// What was asked: a stable word.
    pub what: &'static str,
    /// Whether it holds; `None` when it was not asked.
    pub held: Option<bool>,
    /// What was found, or how to ask.
    pub why: String,
}

impl Held {
    /// It holds.
    #[must_use]
    pub fn yes(what: &'static str, why: impl Into<String>) -> Self {
        Self { what, held: Some(true), why: why.into() }
    }

    /// It does not.
    #[must_use]
    pub fn no(what: &'static str, why: impl Into<String>) -> Self {
        Self { what, held: Some(false), why: why.into() }
    }

    /// It was not asked.
    #[must_use]
    pub fn open(what: &'static str, why: impl Into<String>) -> Self {
        Self { what, held: None, why: why.into() }
    }
}

/// The decision that a verifier wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wanted {
    /// An approval, with findings or without: what may be used.
    #[default]
    Approval,
    /// That one.
    Only(Decision),
    /// Whatever it is.
    Any,
}

/// What is asked.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// The decision.
    pub decision: Wanted,
    /// SHA-256 of the policy file that must have been used.
    pub policy: Option<Sha256>,
    /// The value that was given to the reviewers.
    pub challenge: Option<String>,
    /// The lowest number that is not an old one.
    pub min_sequence: Option<u64>,
}

/// The answers to what is asked, in a fixed order.
#[must_use]
pub fn ask(record: &Verified, asked: &Asked) -> Vec<Held> {
    vec![
        decision(record, asked.decision),
        policy(record, asked.policy),
        challenge(record, asked.challenge.as_deref()),
        sequence(record, asked),
    ]
}

fn decision(record: &Verified, wanted: Wanted) -> Held {
    let phrase = record.decision.phrase();
    match wanted {
        Wanted::Any => Held::open("decision", format!("it is {phrase}; any decision was asked for")),
        Wanted::Approval if record.decision.is_approval() => Held::yes("decision", phrase),
        Wanted::Approval => Held::no("decision", format!("this is no approval: it is {phrase}")),
        Wanted::Only(decision) if decision == record.decision => Held::yes("decision", phrase),
        Wanted::Only(decision) => Held::no("decision", format!("it is {phrase}, not {}", decision.phrase())),
    }
}

fn policy(record: &Verified, wanted: Option<Sha256>) -> Held {
    match (wanted, record.policy) {
        (None, _) => Held::open("policy", "no --policy was given to compare with"),
        (Some(wanted), Some(used)) if wanted == used => Held::yes("policy", format!("made with this policy, sha256 {used}")),
        (Some(wanted), Some(used)) => Held::no("policy", format!("made with the policy sha256 {used}, and this one is {wanted}")),
        (Some(_), None) => Held::no("policy", "made without a policy"),
    }
}

fn challenge(record: &Verified, wanted: Option<&str>) -> Held {
    let show = |text: &str| Shown::new(text).cut(120);
    match (wanted, record.challenge.as_deref()) {
        (None, None) => Held::open("challenge", "the record answers no challenge"),
        (None, Some(stated)) => Held::open("challenge", format!("the record answers {}; say what you gave with --challenge", show(stated))),
        (Some(wanted), Some(stated)) if wanted == stated => Held::yes("challenge", format!("it answers {}", show(stated))),
        (Some(wanted), Some(stated)) => {
            Held::no("challenge", format!("it answers {}, not {}: a record of another occasion is shown again", show(stated), show(wanted)))
        }
        (Some(wanted), None) => {
            Held::no("challenge", format!("it answers no challenge, where {} was given: it may be an old one, shown again", show(wanted)))
        }
    }
}

fn sequence(record: &Verified, asked: &Asked) -> Held {
    let number = record.sequence.map_or_else(|| "no number".to_owned(), |n| format!("number {n}"));
    match (asked.min_sequence, record.sequence) {
        (None, _) => Held::open("sequence", format!("it has {number}; say the lowest that you take with --min-sequence")),
        (Some(least), Some(n)) if n >= least => Held::yes("sequence", format!("{number}, at least {least}")),
        (Some(least), _) => Held::no("sequence", format!("it has {number}, below {least}: an old record is shown again")),
    }
}

/// Follows a record back over earlier ones, which are given in any order. Each must be accepted, of the same product, and
/// have the number before.
#[must_use]
pub fn follow(record: &Verified, earlier: &[&Verified]) -> Held {
    const WHAT: &str = "previous";
    if earlier.is_empty() {
        return Held::open(
            WHAT,
            match record.previous {
                None => "it names no record before it".to_owned(),
                Some(named) => format!("it follows the record sha256 {named}; give that with --previous"),
            },
        );
    }
    let by_digest: BTreeMap<Sha256, &Verified> = earlier.iter().map(|v| (v.payload_sha256, *v)).collect();
    let (mut at, mut steps) = (record, 0);
    let name = |v: &Verified| v.sequence.map_or_else(|| "the record without a number".to_owned(), |n| format!("record {n}"));
    while let Some(named) = at.previous {
        let Some(before) = by_digest.get(&named).copied() else { break };
        steps += 1;
        if let Some(why) = before.problems.first() {
            return Held::no(WHAT, format!("{} before it is not accepted: {why}", name(before)));
        }
        if before.product != record.product {
            return Held::no(WHAT, format!("{} before it is for another product, {}", name(before), Shown::new(&before.product).cut(80)));
        }
        if at.sequence.zip(before.sequence).is_none_or(|(n, m)| m.checked_add(1) != Some(n)) {
            return Held::no(WHAT, format!("{} does not follow {}: the numbers do not", name(at), name(before)));
        }
        // A digest cannot be in its own past, but a bound costs nothing.
        if steps > earlier.len() {
            return Held::no(WHAT, "the records go round");
        }
        at = before;
    }
    if steps < by_digest.len() {
        let named = at.previous.map_or_else(|| "none".to_owned(), |p| format!("sha256 {p}"));
        return Held::no(
            WHAT,
            format!(
                "{} of {} records given are not before it: {} names {named} as the one before",
                by_digest.len() - steps,
                by_digest.len(),
                name(at)
            ),
        );
    }
    let records = if steps == 1 { "1 record".to_owned() } else { format!("{steps} records") };
    Held::yes(
        WHAT,
        match at.previous {
            None => format!("it follows {records}, back to the first"),
            Some(named) => format!("it follows {records}, back to {}; the one before that, sha256 {named}, was not given", name(at)),
        },
    )
}
