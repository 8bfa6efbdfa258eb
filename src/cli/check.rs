//! `countersign check`: everything computed, without a screen.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

mod sarif;

use super::{BeforeArgs, Outcome, RoomArgs, StateArgs, options, print, printed};
use crate::checks::{self, Check, Facts, Group, Verdict};
use crate::digest::words;
use crate::model::{ArchiveReport, Attestation, FlagPlace, Lead, OfferedKey, SourceFlag, clusters};
use crate::report;
use crate::review::{self, Coverage, Item, State};
use crate::session::{Headless, Options, run_headless};
use crate::text::Shown;

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// A directory, a .tar or a .tar.zst.
    pub bundle: PathBuf,
    #[command(flatten)]
    pub(super) room: RoomArgs,
    #[command(flatten)]
    pub(super) before: BeforeArgs,
    /// The folder that keeps reviews and indexed sources.
    #[arg(long, value_name = "DIR")]
    pub(super) state: Option<PathBuf>,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    format: CheckFormat,
}

/// How the report is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum CheckFormat {
    /// For people.
    #[default]
    Text,
    /// For programs; see docs/json.md.
    Json,
    /// SARIF 2.1.0: everything that fails or could not be told, for tools that show findings.
    Sarif,
}

pub(super) fn run(args: CheckArgs) -> color_eyre::Result<Outcome> {
    let state = StateArgs { state: args.state, read_only: true, ..StateArgs::default() };
    let asked = args.before.previous.is_some();
    let options = Options { previous: args.before.previous, dossier: args.before.dossier, ..options(Some(args.bundle), args.room, state) };
    let done = run_headless(options)?;
    if let Some(why) = done.session.not_carried().filter(|_| asked) {
        color_eyre::eyre::bail!("nothing can be carried over: {why}");
    }
    let checks = checks::run(&done.facts);
    let items = review::changed_first(review::queue(&done.facts, done.session.policy()), done.session.state());
    let unmet = !done.session.policy().unmet(&done.facts).is_empty();
    let outcome = if unmet { Outcome::Differs } else { outcome(&checks, done.facts.source.is_some(), done.session.room().signers_given) };
    match args.format {
        CheckFormat::Text => print(&text(&done, &checks, &items, outcome))?,
        CheckFormat::Json => printed(document(&done, &checks, &items, outcome))?,
        CheckFormat::Sarif => {
            let mut out = std::io::BufWriter::new(std::io::stdout().lock());
            printed(sarif::write(&done.facts, &checks, &mut out))?;
        }
    }
    Ok(outcome)
}

/// What could not be told counts as not well, except where the reviewer brought nothing to tell it by: without
/// `allowed_signers` nobody can say whose a signature is, a source archive has no commit, and a missing tag refutes nothing.
fn outcome(checks: &[Check], source_read: bool, signers_given: bool) -> Outcome {
    let well = checks.iter().all(|check| match check.verdict {
        Verdict::Pass | Verdict::Explained => true,
        Verdict::Fail | Verdict::Pending => false,
        Verdict::CannotTell => match check.code.group {
            Group::Bundle | Group::Artifacts => false,
            Group::Source => source_read || check.code.code != "source.commit",
            // Tools and the chain as a whole are often not declared by anybody, and so are materials and components.
            Group::Provenance => !signers_given || matches!(check.code.code, "provenance.chain" | "provenance.toolchain"),
            Group::Dependencies => true,
        },
    });
    if well { Outcome::Well } else { Outcome::Differs }
}

pub(super) fn heading(facts: &Facts) -> String {
    let release = &facts.release;
    let identity = release.identity.digest.map_or_else(|| "unknown".to_owned(), |d| format!("sha256:{d}"));
    format!("{} {}\nbundle {identity}\n", release.product.shown(), release.version.shown())
}

pub(super) fn queue_text(items: &[Item], state: &State, out: &mut String) {
    let _ = writeln!(out, "to review: {} of {} items", state.open(items).count(), items.len());
    for item in items {
        let since = match (state.carried(item), state.before(item)) {
            (Some(c), _) => format!("  unchanged since record {}, ruled by {}", c.sequence, crate::text::Shown::new(&c.by)),
            (None, Some(c)) => format!("  changed since record {}", c.sequence),
            (None, None) => String::new(),
        };
        let _ = writeln!(out, "{} {} {}  {}  [{}]{since}", item.mark, state.mark(item), item.title.shown(), item.why, item.id);
    }
}

/// What was shown to a person, in total.
pub(super) fn coverage_text(coverage: &Coverage, out: &mut String) {
    let [lines, code] = coverage.sentences();
    let _ = writeln!(out, "shown: {lines}\nshown: {code}\nnot looked at: {}", coverage.missed_words());
}

pub(super) fn checks_text(facts: &Facts, out: &mut String) {
    for check in checks::run(facts) {
        let _ = writeln!(out, "{} {:<10} {:<22} {}", check.verdict.mark(), check.verdict.word(), check.code.code, check.why);
    }
    for defect in facts.all_defects() {
        let _ = writeln!(out, "  {} {defect}", defect.code);
    }
}

/// The keys that the bundle offers: what is compared with paper.
pub(super) fn offers_text(facts: &Facts, out: &mut String) {
    for key in &facts.offers {
        let _ = writeln!(out, "offered key {}  {} {}  {}", key.called.shown().cut(80), key.kind, key.fingerprint, key.file.shown());
        let known = key.known_as.as_ref().map(|who| format!("among the reviewer's allowed signers as {}", Shown::new(who)));
        let _ = writeln!(out, "    {}", known.as_deref().unwrap_or("an offer, not trust: compare it with paper"));
        let _ = writeln!(out, "    hex   {}", key.sha256);
        for (i, line) in words::lines(&key.sha256.0).iter().enumerate() {
            let _ = writeln!(out, "    {} {line}", if i == 0 { "words" } else { "     " });
        }
    }
}

fn offer(key: &OfferedKey) -> Value {
    json!({
        "file": report::name(&key.file), "called": report::name(&key.called), "kind": key.kind, "fingerprint": key.fingerprint,
        "sha256": key.sha256.to_string(), "words": words::words(&key.sha256.0), "knownAs": key.known_as,
    })
}

fn text(done: &Headless, checks: &[Check], items: &[Item], outcome: Outcome) -> String {
    let mut out = heading(&done.facts);
    checks_text(&done.facts, &mut out);
    offers_text(&done.facts, &mut out);
    report::all(done.facts.comparisons.iter().flatten().map(AsRef::as_ref), &mut out);
    queue_text(items, done.session.state(), &mut out);
    coverage_text(&review::coverage(&done.facts, items, done.session.state()), &mut out);
    for check in done.session.policy().unmet(&done.facts) {
        let _ = writeln!(out, "the policy requires {}: {}", check.code.code, check.verdict.word());
    }
    let open = checks.iter().filter(|c| c.verdict == Verdict::CannotTell).count();
    if open > 0 {
        let _ = writeln!(out, "{open} checks could not be told");
    }
    if !done.session.room().signers_given {
        let _ = writeln!(out, "no allowed signers were given (--signers FILE): nothing is known of whose the signatures are");
    }
    out.push_str(if outcome == Outcome::Well { "all well\n" } else { "NOT all well\n" });
    out
}

/// The report, field by field: its lists may be longer than what one wants to hold as a whole.
fn document(done: &Headless, checks: &[Check], items: &[Item], outcome: Outcome) -> std::io::Result<()> {
    let facts = &done.facts;
    let release = &facts.release;
    let mut out = report::Document::new(std::io::BufWriter::new(std::io::stdout().lock()))?;
    out.field("schema", &json!("countersign-check/v1"))?;
    out.field("result", &json!(if outcome == Outcome::Well { "pass" } else { "fail" }))?;
    out.field(
        "release",
        &json!({
            "product": report::name(&release.product),
            "version": report::name(&release.version),
            "identity": release.identity.digest.map(|d| d.to_string()),
        }),
    )?;
    let source = facts.source.as_ref().map(|s| {
        json!({
            "commit": s.commit, "tree": s.tree, "tag": s.tag.as_ref().map(report::name), "tagMatches": s.tag_matches,
            "files": s.entries.len(),
        })
    });
    out.field("source", &json!(source))?;
    out.list(
        "further",
        facts.further.iter().map(|s| json!({ "path": report::name(&s.origin), "commit": s.commit, "files": s.entries.len() })),
    )?;
    out.list("archives", facts.archives.iter().map(archive))?;
    out.list("flags", facts.flags.iter().flatten().map(|f| flag(facts, f)))?;
    out.list("checks", checks.iter().map(|c| {
        json!({ "code": c.code.code, "group": c.code.group.name(), "sentence": c.code.sentence, "verdict": c.verdict.word(), "why": c.why })
    }))?;
    out.list(
        "defects",
        facts.all_defects().map(|d| {
            json!({
                "code": d.code, "severity": format!("{:?}", d.severity).to_lowercase(), "file": report::name(&d.place.file),
                "line": d.place.line, "column": d.place.column, "what": d.what, "advice": d.advice,
            })
        }),
    )?;
    out.list(
        "files",
        release.files.iter().zip(&facts.hashed).map(|(f, h)| {
            json!({
                "path": report::name(&f.path), "size": f.size, "sha256": h.and_then(|h| h.sha256).map(|d| d.to_string()),
                "fixity": h.map(|h| format!("{:?}", h.fixity).to_lowercase()),
            })
        }),
    )?;
    out.list("artifacts", facts.comparisons.iter().flatten().map(|n| report::artifact(n)))?;
    let roots = facts.comparisons.iter().enumerate().filter_map(|(i, n)| Some((i, n.as_deref()?)));
    out.list("clusters", clusters(roots).iter().filter(|c| c.places.len() > 1).map(report::cluster))?;
    out.list("attestations", facts.attestations.iter().flatten().map(attestation))?;
    out.list("offers", facts.offers.iter().map(offer))?;
    out.list(
        "chain",
        facts.chain.iter().map(|l| {
            json!({
                "name": l.name, "standing": l.standing.word(), "why": l.why,
                "evidence": l.evidence.iter().map(|clue| json!({ "what": clue.text, "at": place(facts, clue.at) })).collect::<Vec<_>>(),
            })
        }),
    )?;
    out.list(
        "items",
        items.iter().map(|i| {
            json!({
                "id": i.id, "mark": i.mark.to_string(), "title": report::name(&i.title), "why": i.why, "covers": i.covers,
                "ruling": done.session.state().ruling(i).map(|r| r.ruling),
                "carriedSince": done.session.state().carried(i).map(|c| c.sequence),
            })
        }),
    )?;
    let coverage = review::coverage(facts, items, done.session.state());
    out.field(
        "coverage",
        &json!({
            "linesShown": coverage.lines_shown, "linesTotal": coverage.lines_total, "codeShown": coverage.code_shown,
            "codeTotal": coverage.code_total, "codeUnknown": coverage.code_unknown, "notLookedAt": coverage.missed.len(),
        }),
    )?;
    out.finish()
}

/// How a source archive compares with the tree.
fn archive(r: &ArchiveReport) -> Value {
    json!({
        "path": report::name(&r.archive), "folder": report::name(&r.folder), "equalToTree": r.is_equal(), "files": r.files, "equal": r.equal,
        "changed": r.changed, "modes": r.modes, "onlyInArchive": r.added, "onlyInTree": r.missing, "exportIgnored": r.ignored,
        "exportSubstituted": r.substituted, "notCompared": r.unknown, "what": r.words(),
    })
}

/// What a person must look at in the sources.
fn flag(facts: &Facts, f: &SourceFlag) -> Value {
    let place = |p: &FlagPlace| {
        let path = facts.source_path(p.entry).unwrap_or_default();
        json!({ "path": report::name(&path), "lines": p.lines, "detail": p.detail })
    };
    json!({ "code": f.code, "rank": f.rank, "what": f.what, "places": f.places.iter().map(place).collect::<Vec<_>>() })
}

/// Where a piece of evidence is: a file of the bundle, or of the source.
fn place(facts: &Facts, lead: Lead) -> Value {
    let source = |i: usize| facts.source.as_ref().and_then(|s| s.entries.get(i)).map(|e| json!({ "source": report::name(&e.path) }));
    let found = match lead {
        Lead::Attestation(i) => {
            let row = facts.attestations.as_ref().and_then(|a| a.get(i));
            row.map(|a| json!({ "file": report::name(&a.file), "line": a.line }))
        }
        Lead::Artifact(i) => facts.release.artifacts.get(i).map(|a| json!({ "artifact": report::name(&a.name) })),
        Lead::Source(i) => source(i),
        Lead::File(id) => facts.release.file(id).map(|f| json!({ "file": report::name(&f.path) })),
        Lead::Nowhere => None,
    };
    found.unwrap_or(Value::Null)
}

fn attestation(a: &Attestation) -> Value {
    let answers =
        a.answers.iter().map(|x| json!({ "question": x.question.word(), "outcome": format!("{:?}", x.outcome), "reason": x.reason }));
    json!({
        "file": report::name(&a.file), "line": a.line, "kind": a.kind, "predicateType": a.predicate_type.as_ref().map(report::name),
        "builder": a.builder.as_ref().map(report::name), "commit": a.commit, "repository": a.source_uri.as_ref().map(report::name),
        "tools": a.tools.iter().map(|t| json!({ "name": t.name, "version": t.version, "from": t.from })).collect::<Vec<_>>(), "answers": answers.collect::<Vec<_>>(),
    })
}
