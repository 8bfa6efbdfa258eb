//! Items of the attestations and of the chain: what is refuted, broken, or cannot be told.

use super::item::{Class, Item, Target, item};
use crate::checks::Facts;
use crate::digest::Sha256;
use crate::model::{Outcome, Standing};
use crate::text::Shown;

/// Links whose evidence lists what is missing: artifacts that nobody names, materials and components that are not here.
const LISTING: [&str; 3] = ["shipped = subject", "materials = bundle", "bundle = SBOM"];

pub(super) fn items(facts: &Facts, items: &mut Vec<Item>) {
    for (i, link) in facts.chain.iter().enumerate() {
        // What differs from its rebuild or from the tree has items of its own, one for each file.
        if link.standing == Standing::Broken && !["rebuilt = shipped", "archive = tree"].contains(&link.name) {
            let clues: Vec<&str> = link.evidence.iter().map(|c| c.text.as_str()).collect();
            let seen = format!("{}\0{}\0{}", link.standing.word(), link.why, clues.join("\0"));
            items.push(item(
                Class::Broken,
                '!',
                format!("chain:{}", link.name),
                format!("chain: {}", link.name).into(),
                link.why.clone(),
                Target::Chain(i),
                seen.as_bytes(),
            ));
        }
    }
    // What the chain lists one by one is judged together: one item a link.
    for (i, link) in facts.chain.iter().enumerate() {
        if link.standing == Standing::Absent && !link.evidence.is_empty() && LISTING.contains(&link.name) {
            let seen: Vec<&str> = link.evidence.iter().map(|c| c.text.as_str()).collect();
            let seen = format!("{}\0{}\0{}", link.standing.word(), link.why, seen.join("\0"));
            let mut one = item(
                Class::Claim,
                '?',
                format!("chain:{}", link.name),
                format!("chain: {}", link.name).into(),
                link.why.clone(),
                Target::Chain(i),
                seen.as_bytes(),
            );
            one.covers = link.evidence.len() as u64;
            items.push(one);
        }
    }
    let has_item = items.iter().any(|i| i.id == "chain:bundle = SBOM");
    for (index, attestation) in facts.attestations.iter().flatten().enumerate() {
        let payload = Sha256::of(&attestation.payload);
        let name = Shown::of_bytes(attestation.file.as_bytes());
        let id = |what: &str| format!("claim:{name}:{}:{what}", attestation.line.unwrap_or(0));
        let of = |outcome: Outcome| attestation.answers.iter().filter(move |a| a.outcome == outcome);
        // What a bill of materials says wrong is judged with the link, which lists every case.
        for answer in of(Outcome::No).filter(|a| !has_item || !attestation.of_bill.contains(&a.question)) {
            let target = Target::Attestation { index, question: answer.question };
            let seen = format!("{payload}{}", answer.reason);
            items.push(item(
                Class::Broken,
                '!',
                id(answer.question.word()),
                attestation.file.clone(),
                format!("{}: {}", answer.question.word(), answer.reason),
                target,
                seen.as_bytes(),
            ));
        }
        let open: Vec<_> = of(Outcome::CannotTell).collect();
        if let Some(first) = open.first() {
            let words: Vec<_> = open.iter().map(|a| a.question.word()).collect();
            let target = Target::Attestation { index, question: first.question };
            let seen = format!("{payload}{}", open.iter().map(|a| a.reason.as_str()).collect::<Vec<_>>().join("\0"));
            items.push(item(
                Class::Claim,
                '?',
                id("open"),
                attestation.file.clone(),
                format!("cannot tell: {}", words.join(", ")),
                target,
                seen.as_bytes(),
            ));
        }
    }
}
