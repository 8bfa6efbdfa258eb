//! `countersign verify`: records, against the keys that the verifier trusts, and against whatever else is at hand.

mod print;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::{Format, Outcome};
use crate::checks::{Policy, Quorum, Verdict};
use crate::digest::Sha256;
use crate::model::{Outcome as Answered, SignatureReport};
use crate::session::seal::Needs;
use crate::session::{Options, hash_headless, load_policy, load_signers, read_small};
use crate::signoff::{self, Asked, Held, Verified, Wanted};
use crate::text::Shown;

/// The largest record or dossier, in bytes.
const MAX_RECORD: u64 = 64 << 20;

/// The decision that a record must state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "camelCase")]
enum DecisionArg {
    /// An approval, with findings or without.
    #[default]
    Approval,
    /// An approval without findings.
    Approved,
    /// An approval with findings.
    ApprovedWithFindings,
    /// A rejection.
    Rejected,
    /// A review that was not finished.
    Incomplete,
    /// Whatever it is.
    Any,
}

impl From<DecisionArg> for Wanted {
    fn from(arg: DecisionArg) -> Self {
        use crate::review::Decision;
        match arg {
            DecisionArg::Approval => Self::Approval,
            DecisionArg::Approved => Self::Only(Decision::Approved),
            DecisionArg::ApprovedWithFindings => Self::Only(Decision::ApprovedWithFindings),
            DecisionArg::Rejected => Self::Only(Decision::Rejected),
            DecisionArg::Incomplete => Self::Only(Decision::Incomplete),
            DecisionArg::Any => Self::Any,
        }
    }
}

/// Arguments of `verify`.
///
/// Exit status: 0 when everything that was asked holds, 1 when something does not, 2 when a file that you named cannot be
/// read.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Records (DSSE envelopes), or the text of scanned QR codes: those of one record, in any order, over one file or several.
    #[arg(required = true, value_name = "RECORD")]
    records: Vec<PathBuf>,
    /// The keys that you trust (OpenSSH allowed_signers).
    #[arg(long, value_name = "ALLOWED_SIGNERS")]
    signers: PathBuf,
    /// The policy that must have been used. Its people and thresholds are asked for too.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// The bundle that the records speak of: its identity and every artifact are compared.
    #[arg(long, value_name = "BUNDLE")]
    bundle: Option<PathBuf>,
    /// The dossier of the record: its digest, lists, counts and journal are compared with what was signed. One for each record,
    /// in the same order.
    #[arg(long, value_name = "FILE")]
    dossier: Vec<PathBuf>,
    /// The record before it, and those before that, in any order: each must be signed as well, and they must follow each other.
    #[arg(long, value_name = "RECORD")]
    previous: Vec<PathBuf>,
    /// The value that you gave to the reviewers.
    #[arg(long, value_name = "TEXT")]
    challenge: Option<String>,
    /// The lowest number that is not an old one.
    #[arg(long, value_name = "N")]
    min_sequence: Option<u64>,
    /// What the record must decide.
    #[arg(long, value_enum, default_value_t, value_name = "DECISION")]
    decision: DecisionArg,
    /// The time at which `valid-after` and `valid-before` of the signers are judged (RFC 3339, such as 2026-11-27T12:00:00Z).
    /// Without it an entry with a date does not count: a record has no time that anything vouches for.
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// How many distinct keys of distinct people must have signed the same statement.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=64))]
    threshold: u64,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl VerifyArgs {
    /// What it reads; nothing is written, but an indexed source of the bundle.
    pub(super) fn needs(&self, named: impl Fn(&Options) -> Needs) -> Needs {
        let options =
            Options { bundle: self.bundle.clone(), policy: self.policy.clone(), signers: Some(self.signers.clone()), ..Options::default() };
        let mut needs = named(&options);
        needs.read.extend([&self.records, &self.dossier, &self.previous].into_iter().flatten().cloned());
        if self.bundle.is_some() { needs.and_state(None) } else { needs }
    }
}

/// A record, and what came of everything that was asked.
struct Report {
    path: String,
    verified: Result<Verified, String>,
    answers: Vec<Held>,
    /// Its signatures: also those of a statement that is no record.
    signatures: Vec<SignatureReport>,
    /// Ids of the items that nobody looked at, when the dossier is there and is the right one.
    not_looked_at: Option<Vec<String>>,
    /// What else is to be known, and refuses nothing.
    notes: Vec<String>,
}

impl Report {
    fn problems(&self) -> Vec<String> {
        let why = self.verified.as_ref().err().cloned().into_iter();
        why.chain(self.answers.iter().filter(|a| a.held == Some(false)).map(|a| format!("{}: {}", a.what, a.why))).collect()
    }
}

/// Identity and artifacts of the bundle at hand.
struct AtHand {
    identity: Option<Sha256>,
    artifacts: Vec<(String, Sha256)>,
}

/// The policy at hand, and whose keys are whose by it.
struct Room {
    policy: Policy,
    quorum: Quorum,
}

pub(super) fn run(args: &VerifyArgs) -> color_eyre::Result<Outcome> {
    let mut signers = load_signers(&args.signers)?;
    if let Some(text) = &args.at {
        let time: jiff::Timestamp = text.parse().map_err(|e| color_eyre::eyre::eyre!("--at {}: {e}", Shown::new(text).cut(60)))?;
        signers = signers.at(time.as_second());
    }
    let policy = args.policy.as_deref().map(load_policy).transpose()?;
    let digest = policy.as_ref().map(|(_, digest)| *digest);
    let policy = policy.map(|(policy, _)| policy).unwrap_or_default();
    let quorum = Quorum::new(&policy, &signers).map_err(|e| color_eyre::eyre::eyre!("{e}"))?;
    let room = Room { policy, quorum };
    let at_hand = args.bundle.as_deref().map(at_hand).transpose()?;
    let records = records(&args.records)?;
    if !args.dossier.is_empty() && args.dossier.len() != records.len() {
        color_eyre::eyre::bail!("{} records and {} dossiers: name one --dossier for each record", records.len(), args.dossier.len());
    }
    let asked =
        Asked { decision: args.decision.into(), policy: digest, challenge: args.challenge.clone(), min_sequence: args.min_sequence };
    let mut earlier = Vec::new();
    for path in &args.previous {
        let bytes = read(path)?;
        let verified = signoff::verify(&bytes, &signers, 1).map_err(|e| color_eyre::eyre::eyre!("{}: {e}", path.display()))?;
        earlier.push(verified);
    }
    let mut reports = Vec::new();
    for (i, (path, bytes)) in records.iter().enumerate() {
        let mut report = Report {
            path: path.clone(),
            verified: signoff::verify(bytes, &signers, 1).map_err(|e| e.to_string()),
            answers: vec![],
            signatures: signoff::signatures(bytes, &signers).unwrap_or_default(),
            not_looked_at: None,
            notes: vec![],
        };
        if let Ok(verified) = &report.verified {
            report.answers.push(signatures(verified));
            report.answers.push(reviewers(verified));
            report.answers.extend(signoff::ask(verified, &asked));
            report.answers.push(bundle(verified, at_hand.as_ref()));
            let (held, list) = dossier(verified, args.dossier.get(i).map(PathBuf::as_path))?;
            report.answers.push(held);
            report.not_looked_at = list;
            report.answers.push(signoff::follow(verified, &earlier.iter().collect::<Vec<_>>()));
        }
        reports.push(report);
    }
    count_keys(&mut reports, args.threshold, &room);
    dissents(&mut reports);
    let well = reports.iter().all(|r| r.problems().is_empty());
    match args.format {
        Format::Text => super::print(&print::text(&reports))?,
        Format::Json => super::print_json(&print::json(&reports, args.threshold))?,
    }
    Ok(if well { Outcome::Well } else { Outcome::Differs })
}

fn read(path: &Path) -> color_eyre::Result<Vec<u8>> {
    read_small(path, MAX_RECORD).map_err(|e| color_eyre::eyre::eyre!("{}: {e}", path.display()))
}

/// The records: each a file of its own, and one that was put together from all texts of codes.
fn records(paths: &[PathBuf]) -> color_eyre::Result<Vec<(String, Vec<u8>)>> {
    let mut out: Vec<(String, Vec<u8>)> = Vec::new();
    let (mut codes, mut files) = (String::new(), Vec::new());
    for path in paths {
        let bytes = read(path)?;
        let shown = Shown::new(&path.display().to_string()).to_string();
        let first = bytes.iter().copied().find(|b| !b.is_ascii_whitespace());
        match std::str::from_utf8(&bytes) {
            Ok(text) if first != Some(b'{') => {
                codes.push_str(text);
                codes.push('\n');
                files.push(shown);
            }
            _ => out.push((shown, bytes)),
        }
    }
    if !files.is_empty() {
        let record = signoff::codes::decode(&codes).map_err(|e| color_eyre::eyre::eyre!("{}: {e}", files.join(", ")))?;
        out.push((files.join(", "), record));
    }
    Ok(out)
}

/// Whether a signature of somebody who is trusted is there, and none that is bad.
fn signatures(verified: &Verified) -> Held {
    match verified.problems.as_slice() {
        [] => {
            let people: Vec<String> = verified.trusted_principals.iter().map(|p| Shown::new(p).cut(80).to_string()).collect();
            Held::yes("signatures", format!("good, by {}", people.join(", ")))
        }
        problems => Held::no("signatures", problems.join("; ")),
    }
}

fn reviewers(verified: &Verified) -> Held {
    match verified.unsigned_reviewers.as_slice() {
        [] => Held::yes("reviewers", "whoever the record names as reviewer has signed it"),
        missing => Held::no("reviewers", format!("the record names a reviewer who did not sign it: {}", missing.join(", "))),
    }
}

fn bundle(verified: &Verified, at_hand: Option<&AtHand>) -> Held {
    let Some(at_hand) = at_hand else { return Held::open("bundle", "no --bundle was given to compare with") };
    let problems = signoff::check_against_bundle(verified, at_hand.identity, &at_hand.artifacts);
    match problems.as_slice() {
        [] => Held::yes("bundle", format!("this is the bundle, with all of its {} artifacts as reviewed", verified.subjects.len())),
        problems => Held::no("bundle", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")),
    }
}

fn dossier(verified: &Verified, path: Option<&Path>) -> color_eyre::Result<(Held, Option<Vec<String>>)> {
    let Some(path) = path else {
        return Ok((
            Held::open("dossier", "no --dossier was given: the journal and the list of what was not looked at are not checked"),
            None,
        ));
    };
    let bytes = read(path)?;
    let problems = signoff::check_dossier(&verified.payload, &bytes);
    if !problems.is_empty() {
        return Ok((Held::no("dossier", problems.join("; ")), None));
    }
    let dossier = signoff::Dossier::parse(&bytes).map_err(|e| color_eyre::eyre::eyre!("{}: {e}", path.display()))?;
    let journal = if dossier.lines.is_some() { "the journal is whole up to the signed head" } else { "the journal itself is not in it" };
    let why = format!("this is the dossier; lists and counts are those that were signed, and {journal}");
    Ok((Held::yes("dossier", why), Some(dossier.not_looked_at)))
}

/// Records with the same payload count together: each reviewer may hand in a file of their own. What counts is distinct
/// keys of distinct people, and with a policy its roles.
fn count_keys(reports: &mut [Report], threshold: u64, room: &Room) {
    let mut signed: BTreeMap<Sha256, (BTreeSet<String>, BTreeSet<String>)> = BTreeMap::new();
    for verified in reports.iter().filter_map(|r| r.verified.as_ref().ok()) {
        let (keys, people) = signed.entry(verified.payload_sha256).or_default();
        for signature in verified.signatures.iter().filter(|s| s.outcome == Answered::Yes && s.principal.is_some()) {
            let Some(key) = &signature.fingerprint else { continue };
            keys.insert(key.clone());
            // By the policy a person may have several principals, and a key that is nobody's counts for nobody.
            match room.quorum.person(key) {
                Some(person) => drop(people.insert(person.name.clone())),
                None if room.policy.people.is_empty() => people.extend(signature.principal.clone()),
                None => {}
            }
        }
    }
    for report in reports {
        let Ok(verified) = &report.verified else { continue };
        let Some((keys, people)) = signed.get(&verified.payload_sha256) else { continue };
        let count = keys.len().min(people.len()) as u64;
        let mut lacking: Vec<String> =
            room.quorum.missing(&room.policy.threshold, keys.iter().map(String::as_str)).iter().map(ToString::to_string).collect();
        if count < threshold {
            lacking.push(format!("{count} of {threshold} signatures by distinct keys of distinct people whom you trust"));
        }
        let roles = if room.policy.threshold.is_empty() { "" } else { ", and the roles that the policy asks for" };
        let people = if count == 1 { "person" } else { "people" };
        let held = if lacking.is_empty() {
            Held::yes("threshold", format!("{count} {people} signed, of {threshold} asked for{roles}"))
        } else {
            Held::no("threshold", lacking.join("; "))
        };
        report.answers.insert(1, held);
    }
}

/// A dissent that is at hand is said where the first record is.
fn dissents(reports: &mut [Report]) {
    let mut against: BTreeMap<Sha256, Vec<String>> = BTreeMap::new();
    for report in reports.iter() {
        let Ok(verified) = &report.verified else { continue };
        if let Some(first) = verified.dissents_from {
            let who: Vec<String> = verified.trusted_principals.iter().map(|p| Shown::new(p).cut(80).to_string()).collect();
            let who = if who.is_empty() { "nobody whom you trust".to_owned() } else { who.join(", ") };
            let said = format!("{} dissents from it: {} by {who}", report.path, verified.decision.phrase());
            against.entry(first).or_default().push(said);
        }
    }
    for report in reports {
        if let Ok(verified) = &report.verified {
            report.notes.extend(against.get(&verified.payload_sha256).into_iter().flatten().cloned());
        }
    }
}

fn at_hand(path: &Path) -> color_eyre::Result<AtHand> {
    let done = hash_headless(Options { bundle: Some(path.to_owned()), read_only: true, ..Options::default() })?;
    let facts = &done.facts;
    let sound = crate::checks::run(facts).into_iter().find(|c| c.code.code == "bundle.fixity");
    if let Some(check) = sound.filter(|c| c.verdict == Verdict::Fail) {
        color_eyre::eyre::bail!("{}: the bundle is damaged, nothing can be compared with it: {}", path.display(), check.why);
    }
    let artifacts = facts.release.artifacts.iter().filter_map(|a| Some((a.name.shown().to_string(), facts.sha256(a.shipped?)?))).collect();
    Ok(AtHand { identity: facts.release.identity.digest, artifacts })
}
