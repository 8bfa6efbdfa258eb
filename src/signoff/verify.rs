//! Checking a record: against the reviewer's signers, and against a bundle.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::digest::Sha256;
use crate::json::{self, Json};
use crate::model::{Outcome, SignatureReport};
use crate::provenance::checker::{Checked, Checker, Who};
use crate::provenance::dsse::{self, EnvelopeError, IN_TOTO};
use crate::provenance::{AllowedSigners, RECORD_NAMESPACE};
use crate::text::Shown;

use super::{Decision, REJECTION, REVIEW};

/// Why a file is not a record at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The envelope cannot be read.
    #[error("not a DSSE envelope: {0}")]
    Envelope(EnvelopeError),
    /// The envelope holds something else.
    #[error("the envelope's payload type is {0}; a sign-off record has application/vnd.in-toto+json")]
    PayloadType(String),
    /// The statement cannot be read, or lacks what every record has; with line and column of the payload where known.
    #[error("the statement cannot be read: {0}")]
    Statement(String),
    /// A statement of another kind.
    #[error("the predicate type is {0}; a sign-off record has {REVIEW} or {REJECTION}")]
    PredicateType(String),
    /// The decision and the predicate type contradict each other.
    #[error("the record says \"{decision}\" under the predicate type {predicate_type}: one of them is false, and neither counts")]
    Contradiction {
        /// The decision's word.
        decision: &'static str,
        /// The predicate type.
        predicate_type: &'static str,
    },
}

/// What every record states, read from the bytes that are signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stated {
    decision: Decision,
    predicate_type: &'static str,
    product: String,
    version: String,
    identity: Sha256,
    identity_basis: String,
    subjects: Vec<(String, Sha256)>,
    reviewers: Vec<(String, String, String)>,
    previous: Option<Sha256>,
    dissents_from: Option<Sha256>,
    policy: Option<Sha256>,
    sequence: Option<u64>,
    challenge: Option<String>,
}

impl Stated {
    /// Whether it is an approval.
    pub(super) fn is_approval(&self) -> bool {
        self.decision.is_approval()
    }

    pub(super) fn decision(&self) -> Decision {
        self.decision
    }

    /// Product, version and the bundle's identity.
    pub(super) fn release(&self) -> (&str, &str, Sha256) {
        (&self.product, &self.version, self.identity)
    }

    /// Each with their role and key.
    pub(super) fn reviewers(&self) -> &[(String, String, String)] {
        &self.reviewers
    }
}

/// What a record says of itself. Nothing of it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The decision.
    pub decision: Decision,
    /// Product name, as signed: not guarded.
    pub product: String,
    /// Identity of the bundle.
    pub identity: Sha256,
    /// Number in the room's own count.
    pub sequence: Option<u64>,
    /// SHA-256 of the payload: what a later record names.
    pub payload: Sha256,
}

/// Reads what a record says of itself, without a word on its signatures.
///
/// # Errors
/// When the file is not a record.
pub fn summary(record: &[u8]) -> Result<Summary, RecordError> {
    let payload = super::payload(record)?;
    let stated = read(&payload)?;
    Ok(Summary {
        decision: stated.decision,
        product: stated.product,
        identity: stated.identity,
        sequence: stated.sequence,
        payload: Sha256::of(&payload),
    })
}

/// A record that was read, and what came of checking it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The decision.
    pub decision: Decision,
    /// Its predicate type.
    pub predicate_type: &'static str,
    /// Product name, as signed: not guarded.
    pub product: String,
    /// Version, as signed: not guarded.
    pub version: String,
    /// Identity of the bundle.
    pub identity: Sha256,
    /// What the identity was computed over, as signed: not guarded.
    pub identity_basis: String,
    /// The shipped artifacts: name as signed, digest.
    pub subjects: Vec<(String, Sha256)>,
    /// The record before this one.
    pub previous: Option<Sha256>,
    /// The record that this one dissents from.
    pub dissents_from: Option<Sha256>,
    /// The digest of the policy file that it was made with.
    pub policy: Option<Sha256>,
    /// Number in the room's own count.
    pub sequence: Option<u64>,
    /// The customer's challenge, as signed: not guarded.
    pub challenge: Option<String>,
    /// Each signature and what came of it.
    pub signatures: Vec<SignatureReport>,
    /// Distinct keys whose signatures are good and trusted.
    pub trusted_keys: usize,
    /// Distinct principals of these keys.
    pub trusted_principals: BTreeSet<String>,
    /// Reviewers whom the record names and whose key has no good signature on it, through the guard.
    pub unsigned_reviewers: Vec<String>,
    /// How many distinct keys of distinct people were asked for.
    pub threshold: usize,
    /// The exact signed statement.
    pub payload: Vec<u8>,
    /// Its digest: what a later record names as `previous`.
    pub payload_sha256: Sha256,
    /// Why the record is not accepted, as sentences; empty when it is.
    pub problems: Vec<String>,
}

impl Verified {
    /// Whether the signatures are enough and nothing speaks against the record. What it decides is another question.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        self.problems.is_empty()
    }
}

/// Reads the statement of a record.
pub(super) fn read(payload: &[u8]) -> Result<Stated, RecordError> {
    let json = json::parse(payload).map_err(|e| RecordError::Statement(e.to_string()))?;
    let wrong = |at: &Json, what: String| {
        let (line, column) = json::line_column(payload, at.offset);
        RecordError::Statement(format!("line {line}, column {column}: {what}"))
    };
    let missing = |name: &str| RecordError::Statement(format!("\"{name}\" is missing"));
    let text = |path: &[&str]| -> Result<&str, RecordError> {
        let value = json.at(path).ok_or_else(|| missing(&path.join(".")))?;
        value.as_str().ok_or_else(|| wrong(value, format!("\"{}\" is {} where a string is right", path.join("."), value.kind())))
    };
    let sha = |at: &Json, value: Option<&Json>, name: &str| -> Result<Sha256, RecordError> {
        let value = value.ok_or_else(|| wrong(at, format!("\"{name}\" is missing")))?;
        value.as_str().and_then(|s| s.parse().ok()).ok_or_else(|| wrong(value, format!("\"{name}\" is not a SHA-256")))
    };
    if text(&["_type"])? != "https://in-toto.io/Statement/v1" {
        return Err(RecordError::Statement("\"_type\" is not https://in-toto.io/Statement/v1".to_owned()));
    }
    let predicate_type = match text(&["predicateType"])? {
        REVIEW => REVIEW,
        REJECTION => REJECTION,
        other => return Err(RecordError::PredicateType(Shown::new(other).cut(120).to_string())),
    };
    let word = text(&["predicate", "decision"])?;
    let decision =
        Decision::from_word(word).ok_or_else(|| RecordError::Statement(format!("\"{}\" is not a decision", Shown::new(word).cut(60))))?;
    if super::predicate_type(decision) != predicate_type {
        return Err(RecordError::Contradiction { decision: decision.word(), predicate_type });
    }
    let list = |path: &[&str]| json.at(path).and_then(Json::as_array).ok_or_else(|| missing(&path.join(".")));
    let mut subjects = Vec::new();
    let mut names = BTreeSet::new();
    for item in list(&["subject"])? {
        let name = item.get("name").and_then(Json::as_str).ok_or_else(|| wrong(item, "a subject without a name".to_owned()))?;
        if !names.insert(name) {
            return Err(wrong(item, format!("two subjects are called {}", Shown::new(name).cut(120))));
        }
        subjects.push((name.to_owned(), sha(item, item.at(&["digest", "sha256"]), "digest.sha256")?));
    }
    if subjects.is_empty() && decision.is_approval() {
        return Err(RecordError::Statement("an approval that names no artifact".to_owned()));
    }
    let field = |item: &Json, name: &str| item.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
    let reviewers = list(&["predicate", "reviewers"])?.iter().map(|r| (field(r, "id"), field(r, "role"), field(r, "key"))).collect();
    let optional = |name: &str| {
        let value = json.at(&["predicate", name]);
        value.map(|p| sha(p, p.get("sha256"), &format!("{name}.sha256"))).transpose()
    };
    let sequence = match json.at(&["predicate", "sequence"]) {
        None => None,
        Some(n) => {
            Some(n.as_integer().and_then(|n| u64::try_from(n).ok()).ok_or_else(|| wrong(n, "\"sequence\" is no number".to_owned()))?)
        }
    };
    let challenge = match json.at(&["predicate", "challenge"]) {
        None => None,
        Some(c) => Some(c.as_str().map(str::to_owned).ok_or_else(|| wrong(c, "\"challenge\" is no string".to_owned()))?),
    };
    Ok(Stated {
        decision,
        predicate_type,
        product: text(&["predicate", "release", "name"])?.to_owned(),
        version: text(&["predicate", "release", "version"])?.to_owned(),
        identity: sha(&json, json.at(&["predicate", "release", "bundle", "sha256"]), "predicate.release.bundle.sha256")?,
        identity_basis: text(&["predicate", "release", "bundle", "basis"])?.to_owned(),
        subjects,
        reviewers,
        previous: optional("previous")?,
        dissents_from: optional("dissentsFrom")?,
        policy: optional("policy")?,
        sequence,
        challenge,
    })
}

/// The signatures of an envelope, judged as those of a record, whatever its statement is.
///
/// # Errors
/// When it is no envelope of an in-toto statement.
pub fn signatures(record: &[u8], signers: &AllowedSigners) -> Result<Vec<SignatureReport>, RecordError> {
    Ok(check(record, signers)?.1.into_iter().map(|c| c.report).collect())
}

fn check(record: &[u8], signers: &AllowedSigners) -> Result<(dsse::Envelope, Vec<Checked>), RecordError> {
    let envelope = dsse::parse(record).map_err(RecordError::Envelope)?;
    if envelope.payload_type != IN_TOTO {
        return Err(RecordError::PayloadType(Shown::new(&envelope.payload_type).cut(120).to_string()));
    }
    let message = dsse::pae(&envelope.payload_type, &envelope.payload);
    let mut checker = Checker::new(signers);
    let checked = envelope.signatures.iter().map(|s| checker.check(s, &message, RECORD_NAMESPACE)).collect();
    Ok((envelope, checked))
}

/// Reads a record and checks its signatures. `threshold` is how many distinct keys of distinct people must have signed (0
/// counts as 1).
///
/// # Errors
/// When the file is not a record. Signatures that are bad, unknown or too few are [`Verified::problems`].
pub fn verify(record: &[u8], signers: &AllowedSigners, threshold: usize) -> Result<Verified, RecordError> {
    let (envelope, checked) = check(record, signers)?;
    let stated = read(&envelope.payload)?;

    let threshold = threshold.max(1);
    let mut problems = Vec::new();
    let (mut keys, mut people, mut signed) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for one in &checked {
        match &one.who {
            Who::Trusted => {
                keys.extend(one.report.fingerprint.clone());
                people.extend(one.report.principal.clone());
            }
            Who::Bad(why) => problems.push(why.clone()),
            Who::Refused(_) | Who::Unjudged(_) | Who::Stranger(_) | Who::Unknown(_) => {}
        }
        if one.is_good() {
            signed.extend(one.report.fingerprint.clone());
        }
    }
    let counted = keys.len().min(people.len());
    if counted < threshold {
        let why = if envelope.signatures.is_empty() {
            "the record is not signed".to_owned()
        } else if signers.is_empty() {
            "no allowed signers were given: pass --signers FILE".to_owned()
        } else {
            let reasons: BTreeSet<_> = checked.iter().filter(|c| c.who != Who::Trusted).map(|c| c.report.reason.clone()).collect();
            let reasons: Vec<_> = reasons.into_iter().take(4).collect();
            if reasons.is_empty() { String::new() } else { reasons.join("; ") }
        };
        let colon = if why.is_empty() { "" } else { ": " };
        problems.push(format!("{counted} of {threshold} signatures by allowed signers{colon}{why}"));
    }
    let unsigned_reviewers = stated
        .reviewers
        .iter()
        .filter(|(_, _, key)| !signed.contains(key))
        .map(|(id, role, key)| format!("{} ({}, {})", Shown::new(id).cut(80), Shown::new(role).cut(40), Shown::new(key).cut(60)))
        .collect();
    Ok(Verified {
        decision: stated.decision,
        predicate_type: stated.predicate_type,
        product: stated.product,
        version: stated.version,
        identity: stated.identity,
        identity_basis: stated.identity_basis,
        subjects: stated.subjects,
        previous: stated.previous,
        dissents_from: stated.dissents_from,
        policy: stated.policy,
        sequence: stated.sequence,
        challenge: stated.challenge,
        signatures: checked.into_iter().map(|c| c.report).collect(),
        trusted_keys: keys.len(),
        trusted_principals: people,
        unsigned_reviewers,
        threshold,
        payload_sha256: Sha256::of(&envelope.payload),
        payload: envelope.payload,
        problems,
    })
}

/// What is odd about the key id of a good signature. It is a hint that no signature covers, so it is told and never judged.
#[must_use]
pub fn keyid_note(signature: &SignatureReport) -> Option<String> {
    let print = signature.fingerprint.as_ref().filter(|_| signature.outcome == Outcome::Yes)?;
    let keyid = signature.keyid.shown();
    if keyid.as_str() == print {
        return None;
    }
    let named = if keyid.as_str().is_empty() {
        "the envelope names no key for it".to_owned()
    } else {
        format!("the envelope calls its key {}", keyid.cut(80))
    };
    Some(format!("{named}; the key that verifies it is {print} (the name is a hint, and not signed)"))
}

/// How a record and a bundle disagree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// It was made for another bundle.
    Identity {
        /// What the record says.
        record: Sha256,
        /// What this bundle is; absent when it is not known.
        here: Option<Sha256>,
    },
    /// The record names an artifact that the bundle has not.
    Absent {
        /// The artifact, as signed.
        name: String,
    },
    /// An artifact is not the one that was reviewed.
    Differs {
        /// The artifact, as signed.
        name: String,
        /// What the record says.
        record: Sha256,
        /// What is here.
        here: Sha256,
    },
    /// The bundle has an artifact that the record does not speak of.
    Unmentioned {
        /// The artifact.
        name: String,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |name: &str| Shown::new(name).cut(160);
        match self {
            Self::Identity { record, here: Some(here) } => write!(f, "the record is for the bundle {record}, and this is {here}"),
            Self::Identity { record, here: None } => {
                write!(f, "the record is for the bundle {record}; this bundle's identity is not known")
            }
            Self::Absent { name } => write!(f, "the record names {}, which is not in this bundle", show(name)),
            Self::Differs { name, record, here } => write!(f, "{}: the record says {record}, and this one has {here}", show(name)),
            Self::Unmentioned { name } => write!(f, "{} is in this bundle, and the record does not speak of it", show(name)),
        }
    }
}

/// Compares a record with a bundle: its identity, and the name and digest of every shipped artifact.
#[must_use]
pub fn check_against_bundle(verified: &Verified, identity: Option<Sha256>, artifacts: &[(String, Sha256)]) -> Vec<Problem> {
    let mut problems = Vec::new();
    if identity != Some(verified.identity) {
        problems.push(Problem::Identity { record: verified.identity, here: identity });
    }
    // A bundle may give one name to two files; each of them must be the one that was reviewed.
    let mut here: BTreeMap<&str, BTreeSet<Sha256>> = BTreeMap::new();
    for (name, digest) in artifacts {
        here.entry(name).or_default().insert(*digest);
    }
    for (name, record) in &verified.subjects {
        let Some(digests) = here.get(name.as_str()) else {
            problems.push(Problem::Absent { name: name.clone() });
            continue;
        };
        let others = digests.iter().filter(|d| *d != record);
        problems.extend(others.map(|d| Problem::Differs { name: name.clone(), record: *record, here: *d }));
    }
    let named: BTreeSet<&str> = verified.subjects.iter().map(|(n, _)| n.as_str()).collect();
    problems.extend(here.keys().filter(|n| !named.contains(**n)).map(|n| Problem::Unmentioned { name: (*n).to_owned() }));
    problems
}
