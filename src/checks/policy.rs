//! The room's policy: what the reviewer brings. [`Policy::parse`] reads it, strictly; every error has its line and column.

mod people;
mod read;

use std::collections::{BTreeMap, BTreeSet};

use super::{Check, Facts, Verdict, run};
use crate::model::Limits;

pub use people::{Missing, Quorum};

/// One question of the checklist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChecklistEntry {
    /// Stable id, used in records.
    pub id: String,
    /// The question.
    pub question: String,
}

/// An identity that may sign Sigstore bundles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigstoreIdentity {
    /// The certificate's identity (SAN): an e-mail address or the URI of a workflow.
    pub identity: String,
    /// The OIDC issuer that must vouch for it.
    pub issuer: String,
}

/// What Sigstore bundles are checked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigstorePolicy {
    /// Path of `trusted_root.json`, relative to the policy file.
    pub trusted_root: String,
    /// Its SHA-256 in hexadecimal.
    pub trusted_root_sha256: String,
    /// Who may have signed.
    pub identities: Vec<SigstoreIdentity>,
}

/// Somebody whose signatures count, with all keys that are theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// What they are called, in reports and messages.
    pub name: String,
    /// What they do: names that [`Policy::threshold`] uses.
    pub roles: BTreeSet<String>,
    /// Fingerprints of keys of theirs: `SHA256:…` as `ssh-keygen -l` prints it, or `OpenPGP ` and the hexadecimal one.
    pub keys: BTreeSet<String>,
    /// Principals of the `allowed_signers` file whose keys are theirs.
    pub principals: BTreeSet<String>,
}

/// How many people of each role must have signed.
pub type Threshold = BTreeMap<String, u32>;

/// The policy file (TOML). Every field may be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Builders (`builder.id`) that the room accepts. With none listed, (e) is "cannot tell".
    pub builders: BTreeSet<String>,
    /// Repositories that the source may come from. With none listed, any may be.
    pub sources: BTreeSet<String>,
    /// Verifiers (`verifier.id`) whose verification summaries the room accepts. With none listed, they are "cannot tell".
    pub verifiers: BTreeSet<String>,
    /// Globs of source paths that must be read, beside those of the bundle.
    pub required: Vec<String>,
    /// Codes of checks that must pass before an approval, whatever was ruled.
    pub required_checks: BTreeSet<String>,
    /// Causes (their words) whose differences the room accepts without a ruling of their own.
    pub accepted_causes: BTreeSet<String>,
    /// Whether what `countersign show` prints counts as shown, as a row on the screen does.
    pub text_twins_count: bool,
    /// The checklist.
    pub checklist: Vec<ChecklistEntry>,
    /// Path of the `allowed_signers` file, relative to the policy file.
    pub allowed_signers: Option<String>,
    /// Path of the OpenPGP keys that the room trusts, relative to the policy file.
    pub openpgp_keyring: Option<String>,
    /// Paths of the minisign and signify keys that the room trusts, relative to the policy file.
    pub minisign_keys: Vec<String>,
    /// What Sigstore bundles are checked with; with none, they are "cannot tell".
    pub sigstore: Option<SigstorePolicy>,
    /// Who is who: with none, each line of `allowed_signers` is a person without a role.
    pub people: Vec<Person>,
    /// How many people of each role must sign a record.
    pub threshold: Threshold,
    /// How many people of each role must have signed an attestation.
    pub attestation_threshold: Threshold,
    /// The bounds of what is examined.
    pub limits: Limits,
}

/// What is wrong with a policy file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {what}")]
pub struct PolicyError {
    /// Line, from 1.
    pub line: u64,
    /// Column, from 1.
    pub column: u64,
    /// What is wrong.
    pub what: String,
}

impl Policy {
    /// Reads a policy.
    ///
    /// # Errors
    /// With line and column of the first thing that is wrong: bad TOML, an unknown key, a wrong type, an unknown cause, check
    /// or role, a glob or fingerprint that is none, something that stands there twice, a threshold that nobody can reach, a bound that is
    /// not known or too high.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        read::policy(text)
    }

    /// The checks that the policy requires and that neither pass nor are explained.
    #[must_use]
    pub fn unmet(&self, facts: &Facts) -> Vec<Check> {
        if self.required_checks.is_empty() {
            return Vec::new();
        }
        let met = |c: &Check| matches!(c.verdict, Verdict::Pass | Verdict::Explained);
        run(facts).into_iter().filter(|c| self.required_checks.contains(c.code.code) && !met(c)).collect()
    }
}
