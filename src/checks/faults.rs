//! Where a check does not hold: the places that a report can point at.

use std::collections::BTreeSet;

use super::Facts;
use crate::digest::Sha256;
use crate::model::{Clue, Fixity, FlagPlace, Lead, Node, Outcome, Question, SourceLine, Standing, Where};

/// Places of one check that are listed at most.
const MAX_FAULTS: usize = 10_000;

/// A place where a check does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file of the bundle, or (for what is of the source) of the source tree.
    pub at: Where,
    /// Whether it is a file of the source tree.
    pub is_source: bool,
    /// Why, in words; bundle text in it has passed the guard.
    pub why: String,
    /// Files of the source tree that belong to it, with their lines: claims of debug information.
    pub related: Vec<Where>,
}

fn in_bundle(at: Where, why: String) -> Fault {
    Fault { at, is_source: false, why, related: Vec::new() }
}

/// The places where a check does not hold; none where it has no place of its own.
#[must_use]
pub fn faults(facts: &Facts, code: &str) -> Vec<Fault> {
    match code {
        "bundle.fixity" => fixity(facts),
        "source.hidden" => hidden(facts),
        "provenance.subject" => unnamed(facts),
        "provenance.signature" => answers(facts, &[Question::Signature, Question::Signer]),
        "provenance.claims" => answers(facts, &[Question::Subject, Question::Builder, Question::Source, Question::Materials]),
        "provenance.toolchain" => [evidence(facts, "tools = declared"), evidence(facts, "revision = commit")].concat(),
        "dependencies.materials" => evidence(facts, "materials = bundle"),
        "dependencies.sbom" => evidence(facts, "bundle = SBOM"),
        "artifacts.paired" => unpaired(facts),
        "artifacts.equal" => different(facts),
        _ => flagged(facts, code),
    }
}

/// What a person must look at in the sources, by the check that it belongs to.
fn flagged(facts: &Facts, code: &str) -> Vec<Fault> {
    let flags = facts.flags.iter().flatten().filter(|f| f.code == code);
    let place = |what: &str, p: &FlagPlace| {
        let file = facts.source_path(p.entry)?;
        // What is no text, a link or a submodule is meant as a whole: its row on the screen is no line of a file.
        let line = p.lines.first().copied().filter(|_| !["source.binary", "source.content", "source.names"].contains(&code));
        let at = Where { file, line, column: None };
        let why = if p.detail.is_empty() { what.to_owned() } else { format!("{what}: {}", p.detail) };
        Some(Fault { at, is_source: true, why, related: Vec::new() })
    };
    flags.flat_map(|f| f.places.iter().filter_map(move |p| place(&f.what, p))).take(MAX_FAULTS).collect()
}

fn fixity(facts: &Facts) -> Vec<Fault> {
    let bad = facts.release.files.iter().zip(&facts.hashed).filter_map(|(file, hashed)| {
        let why = match hashed.as_ref()?.fixity {
            Fixity::Altered => "its bytes are not those that the manifest declares",
            Fixity::Missing => "the manifest lists it, the bundle does not have it",
            Fixity::Extra => "the bundle has it, no manifest lists it",
            Fixity::Unreadable => "it cannot be read",
            Fixity::Weak => "only md5 or sha1 are declared for it",
            Fixity::Intact | Fixity::Undeclared => return None,
        };
        Some(in_bundle(Where::file(file.path.clone()), why.to_owned()))
    });
    bad.take(MAX_FAULTS).collect()
}

fn hidden(facts: &Facts) -> Vec<Fault> {
    let place = |p: &super::HiddenPlace| Fault {
        at: Where { file: p.path.clone(), line: Some(p.line), column: None },
        is_source: true,
        why: format!("{} characters that hide or reorder others, first {}", p.count, p.first),
        related: Vec::new(),
    };
    facts.hidden.iter().flatten().take(MAX_FAULTS).map(place).collect()
}

/// The path of an artifact in the bundle: of what was shipped, else of what was rebuilt.
fn path(facts: &Facts, index: usize) -> Option<Where> {
    let artifact = facts.release.artifacts.get(index)?;
    let id = artifact.shipped.or_else(|| artifact.rebuilt.first().map(|r| r.file))?;
    Some(Where::file(facts.release.file(id)?.path.clone()))
}

fn unnamed(facts: &Facts) -> Vec<Fault> {
    let Some(attestations) = &facts.attestations else { return Vec::new() };
    let named: BTreeSet<Sha256> =
        attestations.iter().flat_map(|a| &a.subjects).flat_map(|s| &s.digests).filter_map(crate::digest::Digest::sha256).collect();
    let all = facts.release.artifacts.iter().enumerate().filter_map(|(i, a)| Some((i, a.shipped?)));
    let open = all.filter(|(_, id)| !facts.sha256(*id).is_some_and(|d| named.contains(&d)));
    open.take(MAX_FAULTS).filter_map(|(i, _)| Some(in_bundle(path(facts, i)?, "no attestation names it".to_owned()))).collect()
}

/// Answers "no" of attestations.
fn answers(facts: &Facts, questions: &[Question]) -> Vec<Fault> {
    let rows = facts.attestations.iter().flatten();
    let no = rows.flat_map(|a| a.answers.iter().map(move |x| (a, x))).filter(|(_, x)| x.outcome == Outcome::No);
    no.filter(|(_, x)| questions.contains(&x.question))
        .take(MAX_FAULTS)
        .map(|(a, x)| in_bundle(Where { file: a.file.clone(), line: a.line, column: None }, format!("{}: {}", x.question.word(), x.reason)))
        .collect()
}

/// The evidence of a link that is not shown to hold, where it is in the bundle.
fn evidence(facts: &Facts, name: &str) -> Vec<Fault> {
    let links = facts.chain.iter().filter(|l| l.name == name && matches!(l.standing, Standing::Broken | Standing::Absent));
    let place = |clue: &Clue| {
        let (at, is_source) = match clue.at {
            Lead::Attestation(i) => {
                let row = facts.attestations.as_ref()?.get(i)?;
                (Where { file: row.file.clone(), line: row.line, column: None }, false)
            }
            Lead::Artifact(i) => (path(facts, i)?, false),
            Lead::Source(entry) => (Where::file(facts.source.as_ref()?.entries.get(entry)?.path.clone()), true),
            Lead::File(id) => (Where::file(facts.release.file(id)?.path.clone()), false),
            Lead::Nowhere => return None,
        };
        Some(Fault { at, is_source, why: clue.text.clone(), related: Vec::new() })
    };
    links.flat_map(|l| &l.evidence).filter_map(place).take(MAX_FAULTS).collect()
}

fn unpaired(facts: &Facts) -> Vec<Fault> {
    let open = facts.release.artifacts.iter().enumerate().filter(|(_, a)| a.shipped.is_none() || a.rebuilt.is_empty());
    let why = |shipped: bool| if shipped { "shipped, never rebuilt" } else { "rebuilt, never shipped" };
    open.take(MAX_FAULTS).filter_map(|(i, a)| Some(in_bundle(path(facts, i)?, why(a.shipped.is_some()).to_owned()))).collect()
}

fn different(facts: &Facts) -> Vec<Fault> {
    let roots = facts.comparisons.iter().enumerate().filter_map(|(i, n)| Some((i, n.as_deref()?)));
    let open = roots.filter(|(_, n)| !n.result.is_equal());
    open.take(MAX_FAULTS)
        .filter_map(|(i, node)| {
            let related = lines(node);
            Some(Fault { related, ..in_bundle(path(facts, i)?, format!("{}: {}", node.result.word(), node.why)) })
        })
        .collect()
}

/// Lines of the source that differing functions claim to come from, each once.
fn lines(root: &Node) -> Vec<Where> {
    /// Lines that are listed for one artifact.
    const MAX_LINES: usize = 20;
    let mut out: Vec<Where> = Vec::new();
    root.walk(&mut |trail| {
        let functions = trail.last().map(|n| n.functions.as_slice()).unwrap_or_default();
        for SourceLine { file, line, .. } in functions.iter().filter(|f| !f.result.is_equal()).filter_map(|f| f.source.as_ref()) {
            let at = Where { file: file.clone(), line: Some(u64::from(*line)), column: None };
            if out.len() < MAX_LINES && !out.contains(&at) {
                out.push(at);
            }
        }
    });
    out
}
