//! `countersign verify`: records, against the keys that the verifier trusts, and against the bundle when it is at hand.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::{Format, Outcome, print, print_json};
use crate::digest::Sha256;
use crate::model::Outcome as Answered;
use crate::session::{Options, hash_headless, load_signers, read_small};
use crate::signoff::{self, Verified};
use crate::text::Shown;

/// The largest record, in bytes.
const MAX_RECORD: u64 = 64 << 20;

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Records (DSSE envelopes).
    #[arg(required = true, value_name = "RECORD")]
    records: Vec<PathBuf>,
    /// The keys that you trust (OpenSSH allowed_signers).
    #[arg(long, value_name = "ALLOWED_SIGNERS")]
    signers: PathBuf,
    /// The bundle that the records speak of: its identity and every artifact are compared.
    #[arg(long, value_name = "BUNDLE")]
    bundle: Option<PathBuf>,
    /// The dossier of the record: its digest, lists, counts and journal are compared with what was signed. One for each record,
    /// in the same order.
    #[arg(long, value_name = "FILE")]
    dossier: Vec<PathBuf>,
    /// How many distinct keys must have signed the same statement.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=64))]
    threshold: u64,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

struct Report {
    path: String,
    verified: Result<Verified, String>,
    problems: Vec<String>,
}

/// Identity and artifacts of the bundle at hand.
struct AtHand {
    identity: Option<Sha256>,
    artifacts: Vec<(String, Sha256)>,
}

pub(super) fn run(args: &VerifyArgs) -> color_eyre::Result<Outcome> {
    let signers = load_signers(&args.signers)?;
    let at_hand = args.bundle.as_deref().map(at_hand).transpose()?;
    if !args.dossier.is_empty() && args.dossier.len() != args.records.len() {
        color_eyre::eyre::bail!("{} records and {} dossiers: name one --dossier for each record", args.records.len(), args.dossier.len());
    }
    let mut reports = Vec::new();
    for (i, path) in args.records.iter().enumerate() {
        let bytes = read_small(path, MAX_RECORD).map_err(|e| color_eyre::eyre::eyre!("{}: {e}", path.display()))?;
        let verified = signoff::verify(&bytes, &signers, 1).map_err(|e| e.to_string());
        let mut problems = Vec::new();
        match (&verified, &at_hand) {
            (Ok(verified), at_hand) => {
                problems.extend(verified.problems.iter().cloned());
                if let Some(place) = args.dossier.get(i) {
                    let dossier = read_small(place, MAX_RECORD).map_err(|e| color_eyre::eyre::eyre!("{}: {e}", place.display()))?;
                    problems.extend(signoff::check_dossier(&verified.payload, &dossier));
                }
                if let Some(at_hand) = at_hand {
                    let found = signoff::check_against_bundle(verified, at_hand.identity, &at_hand.artifacts);
                    problems.extend(found.iter().map(ToString::to_string));
                }
            }
            (Err(why), _) => problems.push(why.clone()),
        }
        reports.push(Report { path: Shown::new(&path.display().to_string()).to_string(), verified, problems });
    }
    count_keys(&mut reports, args.threshold);
    let well = reports.iter().all(|r| r.problems.is_empty());
    match args.format {
        Format::Text => print(&text(&reports, args))?,
        Format::Json => print_json(&json!({
            "schema": "countersign-verification/v1",
            "result": if well { "pass" } else { "fail" },
            "threshold": args.threshold,
            "records": reports.iter().map(as_json).collect::<Vec<_>>(),
        }))?,
    }
    Ok(if well { Outcome::Well } else { Outcome::Differs })
}

/// Records with the same payload count together: each reviewer may hand in a file of their own. What counts is distinct
/// keys of distinct people.
fn count_keys(reports: &mut [Report], threshold: u64) {
    let mut signed: BTreeMap<Sha256, (BTreeSet<String>, BTreeSet<String>)> = BTreeMap::new();
    for verified in reports.iter().filter_map(|r| r.verified.as_ref().ok()) {
        let (keys, people) = signed.entry(verified.payload_sha256).or_default();
        for signature in verified.signatures.iter().filter(|s| s.outcome == Answered::Yes && s.principal.is_some()) {
            keys.extend(signature.fingerprint.clone());
            people.extend(signature.principal.clone());
        }
    }
    for report in reports {
        let Ok(verified) = &report.verified else { continue };
        let count = signed.get(&verified.payload_sha256).map_or(0, |(keys, people)| keys.len().min(people.len())) as u64;
        if count < threshold && threshold > 1 {
            report.problems.push(format!("{count} of {threshold} signatures by distinct keys of distinct people whom you trust"));
        }
    }
}

fn at_hand(path: &Path) -> color_eyre::Result<AtHand> {
    let done = hash_headless(Options { bundle: Some(path.to_owned()), read_only: true, ..Options::default() })?;
    let facts = &done.facts;
    let sound = crate::checks::run(facts).into_iter().find(|c| c.code.code == "bundle.fixity");
    if let Some(check) = sound.filter(|c| c.verdict == crate::checks::Verdict::Fail) {
        color_eyre::eyre::bail!("{}: the bundle is damaged, nothing can be compared with it: {}", path.display(), check.why);
    }
    let artifacts = facts.release.artifacts.iter().filter_map(|a| Some((a.name.shown().to_string(), facts.sha256(a.shipped?)?))).collect();
    Ok(AtHand { identity: facts.release.identity.digest, artifacts })
}

fn text(reports: &[Report], args: &VerifyArgs) -> String {
    let mut out = String::new();
    for report in reports {
        let _ = writeln!(out, "{}", report.path);
        if let Ok(verified) = &report.verified {
            for signature in &verified.signatures {
                let mark = if signature.outcome == Answered::Yes { '=' } else { '!' };
                let _ = writeln!(out, "{mark} {}", signature.reason);
            }
            for row in signoff::describe(&verified.payload).unwrap_or_default() {
                let _ = writeln!(out, "  {}", row.plain());
            }
        }
        for problem in &report.problems {
            let _ = writeln!(out, "! {problem}");
        }
        let bundle =
            if args.bundle.is_some() { ", and the bundle is the one it speaks of" } else { "; no bundle was given to compare it with" };
        let dossier = if args.dossier.is_empty() { "; no dossier was given" } else { ", and so is the dossier" };
        let _ = if report.problems.is_empty() { writeln!(out, "verified{bundle}{dossier}") } else { writeln!(out, "NOT verified") };
    }
    out
}

fn as_json(report: &Report) -> Value {
    let mut value = json!({ "path": report.path, "verified": report.problems.is_empty(), "problems": report.problems });
    if let Ok(verified) = &report.verified {
        value["decision"] = json!(verified.decision.word());
        value["product"] = json!(verified.product);
        value["version"] = json!(verified.version);
        value["payload"] = json!(verified.payload_sha256.to_string());
        value["statement"] = serde_json::from_slice(&verified.payload).unwrap_or(Value::Null);
        value["signatures"] = verified
            .signatures
            .iter()
            .map(|s| json!({ "keyid": s.keyid.shown().to_string(), "trusted": s.outcome == Answered::Yes, "principal": s.principal, "fingerprint": s.fingerprint, "reason": s.reason }))
            .collect();
    }
    value
}
