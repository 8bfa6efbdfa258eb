//! Provenance: who claims what about the release, and which of it holds.
//!
//! Start at [`examine`]: every file of `data/provenance` becomes one or more rows of separate answers, each with its reason, and
//! the chain from source to artifact follows from them. Trust comes from the reviewer's [`AllowedSigners`] alone; keys in
//! `data/trust` are offers. The exact bytes that were verified are the bytes that are parsed.

mod chain;
pub(crate) mod checker;
mod files;
mod judge;
mod key;
mod public;
mod signers;
mod statement;
mod sums;
pub(crate) mod wire;

pub mod dsse;
pub mod sigstore;
pub mod sshsig;

pub use key::{Key, TokenMark, fingerprint, verify_ed25519};
pub use public::{Hash, PublicKey};
pub use signers::{AllowedSigners, Entry, SignersError, Standing as EntryStanding};

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::digest::Sha256;
use crate::model::{Attestation, ChainLink, FileId, Node, Release, SourceTree};
use crate::text::Untrusted;

/// The namespace that an entry of `allowed_signers` must allow, when it is limited by `namespaces=`, for a DSSE attestation to
/// count. (A raw DSSE signature carries no namespace of its own.)
pub const ATTESTATION_NAMESPACE: &str = "attestation@countersign";
/// The namespace of `ssh-keygen -Y sign -n file`, which counts for lists of checksums.
pub const FILE_NAMESPACE: &str = "file";
/// The namespace for sign-off records, both for raw signatures and for SSHSIG.
pub const RECORD_NAMESPACE: &str = "release-review@countersign";

/// What the examination looks at.
pub struct Inputs<'a> {
    /// The files of `data/provenance` and `data/trust`: id, path relative to the bundle's root, bytes.
    pub files: &'a [(FileId, Untrusted, Vec<u8>)],
    /// Whom the reviewer trusts; empty when no file was given.
    pub signers: &'a AllowedSigners,
    /// The release.
    pub release: &'a Release,
    /// The SHA-256 that hashing gave for a payload file, once it is known.
    pub digests: &'a dyn Fn(FileId) -> Option<Sha256>,
    /// The source tree under review.
    pub source: Option<&'a SourceTree>,
    /// Builders that the reviewer's policy names.
    pub builders: &'a BTreeSet<String>,
    /// The comparison of each artifact, by its index in [`Release::artifacts`].
    pub comparisons: &'a [Option<Arc<Node>>],
}

/// Reads and checks every attestation, and says how each link of the chain stands.
#[must_use]
pub fn examine(inputs: &Inputs<'_>) -> (Vec<Attestation>, Vec<ChainLink>) {
    let attestations = files::read_all(inputs);
    let links = chain::links(inputs, &attestations);
    (attestations, links)
}
