//! Attestations and what was found of them: separate answers, never one green tick.

use super::Tool;
use crate::digest::{Digest, Sha256};
use crate::text::Untrusted;

/// The questions that every attestation answers (the letters are those of `docs/provenance.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Question {
    /// (a) Does a subject's digest equal bytes that we hashed?
    Subject,
    /// (b) Is the signature good?
    Signature,
    /// (c) Is the signer among those the reviewer trusts?
    Signer,
    /// (d) Is the signing time authenticated?
    Time,
    /// (e) Is the builder one the reviewer's policy names?
    Builder,
    /// (f) Is the source commit in the bundle's repository, and its tree the one shown?
    Source,
    /// (g) Is every other material present and equal?
    Materials,
}

impl Question {
    /// All of them, in order.
    pub const ALL: [Self; 7] = [Self::Subject, Self::Signature, Self::Signer, Self::Time, Self::Builder, Self::Source, Self::Materials];

    /// One word, for the first column of a screen and for JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Signature => "signature",
            Self::Signer => "signer",
            Self::Time => "time",
            Self::Builder => "builder",
            Self::Source => "source",
            Self::Materials => "materials",
        }
    }
}

/// Yes, no, or it cannot be told. The last never counts as passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// Proven.
    Yes,
    /// Refuted.
    No,
    /// Cannot be told.
    CannotTell,
}

/// One answer with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The question.
    pub question: Question,
    /// The outcome.
    pub outcome: Outcome,
    /// Why, in words; bundle text in it has passed the guard.
    pub reason: String,
}

/// A subject of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The name: a hint.
    pub name: Untrusted,
    /// Its digests of known algorithms.
    pub digests: Vec<Digest>,
}

/// One signature and what came of checking it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureReport {
    /// The key id that the envelope states: a hint.
    pub keyid: Untrusted,
    /// Whether some trusted key verifies it.
    pub outcome: Outcome,
    /// The principal in the reviewer's `allowed_signers` whose key verified it.
    pub principal: Option<String>,
    /// Fingerprint (`SHA256:…`) of the key that verified it.
    pub fingerprint: Option<String>,
    /// Why.
    pub reason: String,
}

/// One attestation file (or one line of a `.jsonl`), read and checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attestation {
    /// The file, relative to the bundle's root.
    pub file: Untrusted,
    /// Line from 1 in a `.jsonl` file.
    pub line: Option<u64>,
    /// What it is, in the field's words: `in-toto Statement v1`, `SHA256SUMS with SSHSIG`, …
    pub kind: String,
    /// The predicate type, for an in-toto statement.
    pub predicate_type: Option<Untrusted>,
    /// What it speaks of.
    pub subjects: Vec<Subject>,
    /// Who is claimed to have built it (SLSA `builder.id`).
    pub builder: Option<Untrusted>,
    /// How (SLSA `buildType`).
    pub build_type: Option<Untrusted>,
    /// Source commit that it names (hexadecimal).
    pub commit: Option<String>,
    /// The repository that the commit is claimed to come from.
    pub source_uri: Option<Untrusted>,
    /// When the build is claimed to have started and finished.
    pub started: Option<Untrusted>,
    /// See `started`.
    pub finished: Option<Untrusted>,
    /// The newest time of signing that a log or a timestamp authority vouches for (RFC 3339, UTC).
    pub signed_at: Option<String>,
    /// Tools of the build that it declares.
    pub tools: Vec<Tool>,
    /// Other materials: (uri, digests).
    pub materials: Vec<(Untrusted, Vec<Digest>)>,
    /// The signatures.
    pub signatures: Vec<SignatureReport>,
    /// The answers, one a question, in [`Question::ALL`]'s order.
    pub answers: Vec<Answer>,
    /// Questions of a bill of materials whose answers are cases of the link `bundle = SBOM`, which lists each.
    pub of_bill: Vec<Question>,
    /// The signed bytes (the statement), for the raw view.
    pub payload: Vec<u8>,
}

/// A public key that lies in the bundle: an offer, to be compared with what the reviewer has on paper. Never trust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferedKey {
    /// What the bundle calls its owner.
    pub called: Untrusted,
    /// The file, relative to the bundle's root.
    pub file: Untrusted,
    /// Its type, such as `ssh-ed25519`.
    pub kind: String,
    /// The fingerprint as the tools of its kind print it (`SHA256:…` for OpenSSH).
    pub fingerprint: String,
    /// SHA-256 of the key's wire form: the same fingerprint, for hexadecimal and for words.
    pub sha256: Sha256,
    /// Whom the reviewer's own `allowed_signers` name with this key.
    pub known_as: Option<String>,
}
