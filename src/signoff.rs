//! The sign-off record: an in-toto Statement v1 in a DSSE envelope, with one or more signatures over the same bytes.
//!
//! [`statement`] makes the exact bytes from plain values, [`describe`] says them in words to the last field, [`sign`] and
//! [`add_signature`] put signatures around them, [`verify`] checks a record against the reviewer's signers, and
//! [`check_against_bundle`] compares it with a bundle. `docs/record-format.md` has the fields, and commands of other tools.

mod anchor;
mod asked;
mod canonical;
mod describe;
mod dossier;
mod envelope;
mod key;
mod preview;
mod printout;
mod statement;
mod to_sign;
mod verify;
mod vsa;

pub mod agent;
pub mod codes;

pub use crate::review::Decision;
pub use anchor::Anchor;
pub use asked::{Asked, Held, Wanted, ask, follow};
pub use describe::describe;
pub use dossier::{
    AttestationLine, CheckLine, DOSSIER, Dossier, DossierError, ItemLine, MAX_LINES, NoteLine, ReadLine, RulingLine, check_dossier,
};
pub use envelope::{add_detached, add_signature, may_add, payload, seal_envelope, sign, sign_apart, sign_summary, to_sign};
pub use key::{FileSigner, SignError, Signer, fingerprint, public_key_pem};
pub use preview::preview;
pub use printout::{Code, CodeError, Printout, PrintoutError, check_words};
pub use statement::{
    ArtifactLine, Coverage, FindingLine, JournalLine, MergedLine, RecordInputs, ReviewerLine, SourceLine, TimeLine, ToolLine,
    finding_lines, not_looked_at_lines, statement,
};
pub use to_sign::ToSign;
pub use verify::{Problem, RecordError, Summary, Verified, check_against_bundle, keyid_note, signatures, summary, verify};
pub use vsa::verification_summary;

/// `predicateType` of a review that is not a rejection.
pub const REVIEW: &str = "urn:countersign:release-review:v1";
/// `predicateType` of a rejection, so that a tool which looks only at signature and subject cannot take it for an approval.
pub const REJECTION: &str = "urn:countersign:release-rejection:v1";

/// The `predicateType` that goes with a decision.
#[must_use]
pub fn predicate_type(decision: Decision) -> &'static str {
    if decision == Decision::Rejected { REJECTION } else { REVIEW }
}
