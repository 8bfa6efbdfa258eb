//! The values that everything is about: release, source tree, artifact, attestation, and the difference between what was
//! shipped and what was rebuilt. Plain public fields, no drawing, no files; what comes from the bundle is [`Untrusted`].
//!
//! [`Untrusted`]: crate::text::Untrusted

mod attestation;
mod chain;
mod cluster;
mod comparison;
mod content;
mod coverage;
mod defect;
mod embedded;
mod executable;
mod flag;
mod history;
mod limits;
mod listing;
mod release;
mod source;

pub use attestation::{Answer, Attestation, OfferedKey, Outcome, Question, SignatureReport, Subject};
pub use chain::{ChainLink, Clue, Lead, Standing};
pub use cluster::{Cluster, Concern, Spot, clusters, concern, visit};
pub use comparison::{Account, Cause, Node, NodeKind, Proof, ResultMark, Share, Side, Sides, Span, Tried};
pub use content::{Content, ContentError, FileId, SourceContent};
pub use coverage::{BuiltFrom, BuiltInto, CodePiece, CodeShare, DarkCode, SourceFile, SourceUse, built_into};
pub use defect::{Defect, Severity, Where};
pub use embedded::{Component, Contents, Embedded, Held, Holder, Revision, Tool};
pub use executable::{Extent, Fact, FactGroup, FunctionDiff, RegionDiff, SourceLine, SourceStatus};
pub use flag::{ArchiveReport, FlagPlace, SourceFlag};
pub use history::{Commit, FileAt, ObjectId, SourceHistory, day};
pub use limits::{Bound, LIMITS, Limits, Unit, limits_markdown};
pub use listing::{Evidence, LineMark, Listing, ListingRow, Place, SideCell, View};
pub use release::{Artifact, Carrier, FileRole, Fixity, Identity, IdentityBasis, PayloadFile, Rebuild, Release, SourceDeclaration};
pub use source::{EntryKind, SignedObject, SourceEntry, SourceTree, line_count};
