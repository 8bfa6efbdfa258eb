//! The sign-off record: an in-toto Statement v1 in a DSSE envelope, with one or more signatures over the same bytes.
//!
//! [`statement`] makes the exact bytes from plain values, [`describe`] says them in words to the last field, [`sign`] and
//! [`add_signature`] put signatures around them, [`verify`] checks a record against the reviewer's signers, and
//! [`check_against_bundle`] compares it with a bundle. `docs/record-format.md` has the fields, and commands of other tools.

mod canonical;
mod describe;
mod envelope;
mod key;
mod statement;
mod verify;

pub mod agent;

pub use describe::describe;
pub use envelope::{add_signature, seal_envelope, sign};
pub use key::{FileSigner, SignError, Signer, fingerprint, public_key_pem};
pub use statement::{
    Anchor, ArtifactLine, Coverage, FindingLine, JournalLine, RecordInputs, ReviewerLine, SourceLine, TimeLine, ToolLine, finding_lines,
    not_looked_at_lines, statement,
};
pub use verify::{Problem, RecordError, Verified, check_against_bundle, verify};

use std::fmt;

/// `predicateType` of a review that is not a rejection.
pub const REVIEW: &str = "urn:countersign:release-review:v1";
/// `predicateType` of a rejection, so that a tool which looks only at signature and subject cannot take it for an approval.
pub const REJECTION: &str = "urn:countersign:release-rejection:v1";

/// What the reviewer decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Decision {
    /// Approved, nothing open.
    Approved,
    /// Approved, with findings that the reviewer accepted.
    ApprovedWithFindings,
    /// Rejected.
    Rejected,
    /// The review was ended before it was complete: neither approved nor rejected.
    Incomplete,
}

impl Decision {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Approved, Self::ApprovedWithFindings, Self::Rejected, Self::Incomplete];

    /// The word in the record.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::ApprovedWithFindings => "approvedWithFindings",
            Self::Rejected => "rejected",
            Self::Incomplete => "incomplete",
        }
    }

    /// The decision with that word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|d| d.word() == word)
    }

    /// In plain words, for a person.
    #[must_use]
    pub fn phrase(self) -> &'static str {
        match self {
            Self::Approved => "APPROVED",
            Self::ApprovedWithFindings => "APPROVED WITH FINDINGS",
            Self::Rejected => "REJECTED",
            Self::Incomplete => "INCOMPLETE: neither approved nor rejected",
        }
    }

    /// Whether the release may be used by this decision.
    #[must_use]
    pub fn is_approval(self) -> bool {
        matches!(self, Self::Approved | Self::ApprovedWithFindings)
    }

    /// The `predicateType` that goes with it.
    #[must_use]
    pub fn predicate_type(self) -> &'static str {
        if self == Self::Rejected { REJECTION } else { REVIEW }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}
