//! The checks of attestations, of the chain they make, and of what the chain ends in.

use std::collections::BTreeSet;

use super::Verdict;
use crate::checks::Facts;
use crate::digest::Sha256;
use crate::model::{Outcome, Standing};

pub(super) fn subjects(facts: &Facts) -> (Verdict, String) {
    let Some(attestations) = &facts.attestations else { return (Verdict::Pending, String::new()) };
    let shipped: Vec<_> = facts.release.artifacts.iter().filter_map(|a| a.shipped.map(|s| (a, s))).collect();
    let subjects: BTreeSet<Sha256> =
        attestations.iter().flat_map(|a| &a.subjects).flat_map(|s| &s.digests).filter_map(crate::digest::Digest::sha256).collect();
    let named = |id| facts.sha256(id).is_some_and(|sha| subjects.contains(&sha));
    let unnamed: Vec<_> = shipped.iter().filter(|(_, id)| !named(*id)).collect();
    match unnamed.first() {
        None if shipped.is_empty() => (Verdict::CannotTell, "nothing was shipped".to_owned()),
        None => (Verdict::Pass, format!("{} of {} shipped artifacts are subjects", shipped.len(), shipped.len())),
        Some((first, _)) => (
            Verdict::CannotTell,
            format!("no attestation names {} of {} artifacts, first {}", unnamed.len(), shipped.len(), first.name.shown()),
        ),
    }
}

pub(super) fn signatures(facts: &Facts) -> (Verdict, String) {
    use crate::model::Question::{Signature, Signer};
    let Some(attestations) = &facts.attestations else { return (Verdict::Pending, String::new()) };
    if attestations.is_empty() {
        return (Verdict::CannotTell, "the bundle has no attestation".to_owned());
    }
    for attestation in attestations {
        let refuted = attestation.answers.iter().find(|x| matches!(x.question, Signature | Signer) && x.outcome == Outcome::No);
        if let Some(answer) = refuted {
            return (Verdict::Fail, format!("{}: {}", attestation.file.shown(), answer.reason));
        }
    }
    let is = |a: &crate::model::Attestation, question| a.answers.iter().any(|x| x.question == question && x.outcome == Outcome::Yes);
    // In time proportional to the subjects: a bundle may have many of both.
    let shipped: BTreeSet<Sha256> = facts.release.artifacts.iter().filter_map(|a| facts.sha256(a.shipped?)).collect();
    let mut named: BTreeSet<Sha256> = BTreeSet::new();
    let mut count = 0;
    for attestation in attestations.iter().filter(|a| is(a, Signature) && is(a, Signer)) {
        let all = attestation.subjects.iter().flat_map(|s| &s.digests).filter_map(crate::digest::Digest::sha256);
        let before: Vec<Sha256> = all.filter(|d| shipped.contains(d)).collect();
        count += usize::from(!before.is_empty());
        named.extend(before);
    }
    let all = facts.release.artifacts.iter().filter_map(|a| a.shipped.map(|id| (a, id)));
    let mut total = 0;
    for (artifact, id) in all {
        if !facts.sha256(id).is_some_and(|d| named.contains(&d)) {
            return (Verdict::CannotTell, format!("no attestation by a key that the reviewer trusts names {}", artifact.name.shown()));
        }
        total += 1;
    }
    match total {
        0 => (Verdict::CannotTell, "nothing was shipped".to_owned()),
        _ => (Verdict::Pass, format!("{total} shipped artifacts are named by {count} attestations of trusted keys")),
    }
}

pub(super) fn claims(facts: &Facts) -> (Verdict, String) {
    use crate::model::Question::{Builder, Materials, Source, Subject};
    let Some(attestations) = &facts.attestations else { return (Verdict::Pending, String::new()) };
    let all = attestations.iter().flat_map(|a| a.answers.iter().map(move |x| (a, x)));
    let mut asked = all.filter(|(_, x)| matches!(x.question, Subject | Builder | Source | Materials));
    match asked.find(|(_, x)| x.outcome == Outcome::No) {
        Some((a, x)) => (Verdict::Fail, format!("{}: {}: {}", a.file.shown(), x.question.word(), x.reason)),
        None if attestations.is_empty() => (Verdict::CannotTell, "the bundle has no attestation".to_owned()),
        None => (Verdict::Pass, "nothing that an attestation says is contradicted".to_owned()),
    }
}

/// A link that is only claimed contradicts nothing.
pub(super) fn of_link(facts: &Facts, name: &str, none: &str) -> (Verdict, String) {
    if facts.attestations.is_none() {
        return (Verdict::Pending, String::new());
    }
    match facts.chain.iter().find(|l| l.name == name) {
        None => (Verdict::CannotTell, none.to_owned()),
        Some(link) => {
            let verdict = match link.standing {
                Standing::Proven | Standing::Claimed => Verdict::Pass,
                Standing::Absent => Verdict::CannotTell,
                Standing::Broken => Verdict::Fail,
            };
            (verdict, link.why.clone())
        }
    }
}

pub(super) fn toolchain(facts: &Facts) -> (Verdict, String) {
    let tools = of_link(facts, "tools = declared", "no attestation declares the tools of the build");
    let revision = of_link(facts, "revision = commit", "");
    if revision.0 == Verdict::Fail || tools.0 < revision.0 && !revision.1.is_empty() { revision } else { tools }
}

pub(super) fn chain(facts: &Facts) -> (Verdict, String) {
    if facts.attestations.is_none() {
        return (Verdict::Pending, String::new());
    }
    let with = |standing: Standing| facts.chain.iter().filter(move |l| l.standing == standing);
    if let Some(link) = with(Standing::Broken).next() {
        return (Verdict::Fail, format!("{} is broken: {}", link.name, link.why));
    }
    if let Some(link) = with(Standing::Absent).next() {
        return (Verdict::CannotTell, format!("nothing speaks of {}: {}", link.name, link.why));
    }
    if let Some(link) = with(Standing::Claimed).next() {
        return (Verdict::CannotTell, format!("{} is claimed, not proven: {}", link.name, link.why));
    }
    (Verdict::Pass, format!("{} links proven", facts.chain.len()))
}
