//! The dossier of a review: what was found, ruled and shown, without a word of what was looked at.

use std::collections::BTreeSet;

use crate::checks::{self, Facts};
use crate::digest::Sha256;
use crate::model::{Outcome, ResultMark};
use crate::review::{self, Item, State};
use crate::signoff::{self, AttestationLine, CheckLine, Dossier, ItemLine, NoteLine, ReadLine, RulingLine};

/// Makes the dossier. `inputs` is what the record says, so that the two cannot disagree; `lines` is the journal, if it may leave.
///
/// # Errors
/// When a digest in the journal is none.
pub(super) fn dossier(
    facts: &Facts,
    state: &State,
    items: &[Item],
    inputs: &signoff::RecordInputs,
    lines: Option<Vec<String>>,
) -> Result<Dossier, String> {
    let item_lines: Result<Vec<ItemLine>, String> = items.iter().map(|i| item(state, i)).collect();
    let rulings: Result<Vec<RulingLine>, String> = state
        .rulings
        .iter()
        .map(|(id, ruled)| {
            let counts = items.iter().any(|i| i.id == *id && i.digest == ruled.digest);
            let digest = ruled.digest.parse().map_err(|e| format!("the ruling on {id}: {e}"))?;
            Ok(RulingLine { item: id.clone(), digest, ruling: ruled.ruling, reason: ruled.reason.clone(), covers: ruled.covers, counts })
        })
        .collect();
    Ok(Dossier {
        product: inputs.product.clone(),
        version: inputs.version.clone(),
        identity: inputs.identity,
        reviewer: state.reviewer.clone(),
        checks: checks::run(facts).into_iter().map(|c| check(facts, c)).collect(),
        chain: facts
            .chain
            .iter()
            .map(|l| CheckLine { code: l.name.to_owned(), verdict: l.standing.word().to_owned(), why: l.why.clone() })
            .collect(),
        attestations: facts.attestations.iter().flatten().map(attestation).collect(),
        items: item_lines?,
        not_looked_at: inputs.coverage.not_looked_at.iter().collect::<BTreeSet<_>>().into_iter().cloned().collect(),
        rulings: rulings?,
        read: read(state),
        findings: inputs.findings.clone(),
        notes: state
            .notes
            .iter()
            .map(|n| NoteLine { anchor: signoff::Anchor::of(&n.at), text: n.text.clone(), time: n.time.clone() })
            .collect(),
        answers: state.answers.clone(),
        journal: inputs.journal,
        lines: lines.filter(|all| all.iter().map(|l| l.len() + 1).sum::<usize>() <= signoff::MAX_LINES),
    })
}

/// A check with its evidence. That of `artifacts.equal` tells what differs in a file, in words that may be close to its code:
/// here it is told in numbers.
fn check(facts: &Facts, check: checks::Check) -> CheckLine {
    let why = if check.code.code == "artifacts.equal" {
        let count = |wanted: ResultMark| facts.comparisons.iter().flatten().filter(|n| n.result == wanted).count();
        format!(
            "of {} artifacts {} are identical, {} equivalent, {} different, {} not examined",
            facts.comparisons.len(),
            count(ResultMark::Identical),
            count(ResultMark::Equivalent),
            count(ResultMark::Different),
            count(ResultMark::NotExamined)
        )
    } else {
        check.why
    };
    CheckLine { code: check.code.code.to_owned(), verdict: check.verdict.word().to_owned(), why }
}

fn attestation(attestation: &crate::model::Attestation) -> AttestationLine {
    let word = |outcome: Outcome| match outcome {
        Outcome::Yes => "yes",
        Outcome::No => "no",
        Outcome::CannotTell => "cannotTell",
    };
    let answers = attestation.answers.iter();
    AttestationLine {
        file: attestation.file.shown().to_string(),
        line: attestation.line,
        payload: Sha256::of(&attestation.payload),
        answers: answers
            .map(|a| CheckLine { code: a.question.word().to_owned(), verdict: word(a.outcome).to_owned(), why: a.reason.clone() })
            .collect(),
    }
}

fn item(state: &State, item: &Item) -> Result<ItemLine, String> {
    let (differences, of_differences) = state.shown_of(item);
    let (lines, of_lines) = state.lines_of(item);
    let class = serde_json::to_value(item.class).map_err(|e| e.to_string())?;
    Ok(ItemLine {
        id: item.id.clone(),
        digest: item.digest.parse().map_err(|e| format!("the item {}: {e}", item.id))?,
        class: class.as_str().unwrap_or_default().to_owned(),
        mark: item.mark.to_string(),
        covers: item.covers,
        shown: differences as u64 + lines,
        of: of_differences as u64 + of_lines,
        carried: state.carried(item).map(|c| c.sequence),
    })
}

fn read(state: &review::State) -> Vec<ReadLine> {
    let files = state.read.iter();
    files
        .map(|((path, blob), (seen, of))| ReadLine { path: path.clone(), blob: blob.clone(), of: *of, spans: seen.runs().to_vec() })
        .collect()
}
