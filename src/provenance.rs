//! Provenance: who claims what about the release, and which of it holds.
//!
//! Start at [`examine`]: every file of `data/provenance` becomes one or more rows of separate answers, each with its reason, and
//! the chain from source to artifact follows from them. Trust comes from the reviewer's [`AllowedSigners`] alone; keys in
//! `data/trust` are offers. The exact bytes that were verified are the bytes that are parsed.

pub mod archives;
mod certificate;
mod chain;
pub(crate) mod checker;
pub(crate) mod declared;
mod files;
mod judge;
mod key;
mod making;
mod public;
mod sbom;
mod signers;
mod statement;
mod sums;
pub(crate) mod wire;

pub mod dsse;
pub mod expect;
pub mod gitsign;
pub mod layout;
pub mod minisign;
#[cfg(feature = "openpgp")]
pub mod openpgp;
#[cfg(not(feature = "openpgp"))]
#[path = "provenance/openpgp_off.rs"]
pub mod openpgp;
pub mod sigstore;
pub mod sshsig;

pub use key::{Key, TokenMark, fingerprint, verify_ed25519};
pub use public::{Hash, PublicKey};
pub use signers::{AllowedSigners, Entry, SignersError, Standing as EntryStanding};

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::digest::{Algorithm, Sha256};
use crate::model::{Attestation, ChainLink, Contents, FileId, Node, OfferedKey, Release, SourceTree};
use crate::text::Untrusted;

/// The namespace that an entry of `allowed_signers` must allow, when it is limited by `namespaces=`, for a DSSE attestation to
/// count. (A raw DSSE signature carries no namespace of its own.)
pub const ATTESTATION_NAMESPACE: &str = "attestation@countersign";
/// The namespace of `ssh-keygen -Y sign -n file`, which counts for lists of checksums.
pub const FILE_NAMESPACE: &str = "file";
/// The namespace of git for signed tags and commits.
pub const GIT_NAMESPACE: &str = "git";
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
    /// What the reviewer's policy accepts beside keys.
    pub accepts: Accepts<'a>,
    /// What Sigstore bundles are checked with; `None` when the policy names no trusted root.
    pub sigstore: Option<SigstoreTrust<'a>>,
    /// What OpenPGP signatures are checked with; `None` when the policy names no keyring.
    pub openpgp: Option<OpenPgpTrust<'a>>,
    /// Opens the artifacts, and says what they consist of. Called once at most.
    pub contents: &'a dyn Fn(&Wanted) -> Arc<Contents>,
    /// The room's clock, in seconds since the epoch: layouts expire.
    pub now: i64,
    /// The keys of minisign and signify that the reviewer brings.
    pub minisign: &'a minisign::Keys,
    /// The SHA-512 of a payload file: asked for only where a statement or a list has no SHA-256.
    pub sha512: &'a dyn Fn(FileId) -> Option<crate::digest::Digest>,
    /// The bytes of a payload file, for a detached signature on it. The error is in words.
    pub read: &'a dyn Fn(FileId) -> Result<Vec<u8>, String>,
    /// The comparison of each artifact, by its index in [`Release::artifacts`].
    pub comparisons: &'a [Option<Arc<Node>>],
}

/// What must be known of the members of artifacts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Algorithms beside SHA-256 that they are hashed with.
    pub algorithms: Vec<Algorithm>,
    /// Whether the files of the source tree are hashed too.
    pub source: bool,
}

/// What the reviewer's policy accepts beside keys. What it names none of is not judged: "cannot tell".
#[derive(Clone, Copy)]
pub struct Accepts<'a> {
    /// Builders (`builder.id`).
    pub builders: &'a BTreeSet<String>,
    /// Repositories that the source may come from; with none, any may be.
    pub sources: &'a BTreeSet<String>,
    /// Verifiers (`verifier.id`) whose summaries count.
    pub verifiers: &'a BTreeSet<String>,
    /// What the policy's threshold for attestations lacks when those have signed, in words: fingerprints of keys, and for
    /// Sigstore the identity of the certificate. `None` when it is reached.
    pub lacking: &'a dyn Fn(&[&str]) -> Option<String>,
}

/// What the reviewer brings to check OpenPGP signatures with.
#[derive(Clone, Copy)]
pub struct OpenPgpTrust<'a> {
    /// The keys that count.
    pub ring: &'a openpgp::Keyring,
    /// The room's clock, in seconds since the epoch.
    pub now: i64,
}

/// What the reviewer brings to check Sigstore bundles with.
#[derive(Clone, Copy)]
pub struct SigstoreTrust<'a> {
    /// The trusted root.
    pub root: &'a sigstore::Root,
    /// Identities that count, each with the issuer that must vouch for it.
    pub identities: &'a [(String, String)],
    /// The room's clock, in seconds since the epoch.
    pub now: i64,
}

/// Reads and checks every attestation, and says how each link of the chain stands.
#[must_use]
pub fn examine(inputs: &Inputs<'_>) -> (Vec<Attestation>, Vec<ChainLink>) {
    let files::Everything { mut rows, bills, known } = files::read_all(inputs);
    let wanted = Wanted { algorithms: sbom::algorithms(&bills), source: sbom::lists_files(&bills) };
    let contents = (inputs.contents)(&wanted);
    let mut links = chain::links(inputs, &known, &rows, &contents);
    if !bills.is_empty() {
        let names = inputs.release.artifacts.iter().map(|a| &a.name).chain([&inputs.release.product]);
        let own = names.filter_map(Untrusted::as_str).collect();
        let (answers, link) = sbom::judge(&bills, &known, &contents, &own);
        for (row, answers) in answers {
            if let Some(row) = rows.get_mut(row) {
                files::of_bill(row, answers);
            }
        }
        let before = links.iter().position(|l| l.name == "shipped = subject").unwrap_or(links.len());
        links.insert(before, link);
    }
    (rows, links)
}

/// The keys that the bundle offers, to be compared with what the reviewer has on paper.
#[must_use]
pub fn offers(inputs: &Inputs<'_>) -> Vec<OfferedKey> {
    files::offers(inputs)
}

/// What a statement speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// Its predicate type.
    pub predicate_type: String,
    /// Whether that is SLSA provenance of a version that is read.
    pub is_provenance: bool,
    /// What its subjects are called: hints, except where a format says otherwise.
    pub subjects: Vec<Untrusted>,
    /// All digests of its subjects.
    pub digests: Vec<crate::digest::Digest>,
    /// The builder that it names.
    pub builder: Option<String>,
    /// What it says against its subjects, such as a summary whose result is not "passed".
    pub against: Option<String>,
}

/// Reads a statement without a release.
///
/// # Errors
/// With line and column of what is wrong.
pub fn about(payload: &[u8]) -> Result<About, String> {
    let read = statement::parse(payload)?;
    let is_provenance = statement::is_provenance(&read.predicate_type);
    Ok(About {
        is_provenance,
        subjects: read.subjects.iter().map(|s| s.name.clone()).collect(),
        digests: read.subjects.into_iter().flat_map(|s| s.digests).collect(),
        builder: read.builder.and_then(|b| b.as_str().map(str::to_owned)),
        against: read.remark.filter(|_| read.summary.is_some_and(|s| s.result != "PASSED")),
        predicate_type: read.predicate_type,
    })
}

/// What signatures are worth.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The answers about signature and signer.
    pub answers: [crate::model::Answer; 2],
    /// Who signed of those whom the reviewer trusts, as a policy's threshold counts them: fingerprints of keys.
    pub who: Vec<String>,
}

fn judged(checked: &[checker::Checked], no_signers: bool) -> Judged {
    let answers = judge::signature_and_signer(checked, no_signers, (crate::model::Outcome::No, "it has no signature"));
    Judged { answers, who: files::who_signed(checked.iter().map(|c| &c.report)) }
}

/// The answers about signature and signer of an envelope's signatures, by the reviewer's signers alone.
#[must_use]
pub fn check_signatures(signatures: &[dsse::Signature], message: &[u8], signers: &AllowedSigners, namespace: &str) -> Judged {
    let mut checker = checker::Checker::new(signers);
    let checked: Vec<_> = signatures.iter().map(|s| checker.check(s, message, namespace)).collect();
    judged(&checked, signers.is_empty())
}

/// What each of some signatures over a message is worth by the reviewer's signers: `Yes` only for a key that they allow to sign
/// for `namespace`.
#[must_use]
pub fn signed_by(
    signatures: &[dsse::Signature],
    message: &[u8],
    signers: &AllowedSigners,
    namespace: &str,
) -> Vec<crate::model::SignatureReport> {
    let mut checker = checker::Checker::new(signers);
    signatures.iter().map(|s| checker.check(s, message, namespace).report).collect()
}

/// The same for a detached SSH signature.
#[must_use]
pub fn signed_detached(
    signature: &sshsig::SshSig,
    message: &[u8],
    signers: &AllowedSigners,
    namespace: &str,
) -> crate::model::SignatureReport {
    checker::Checker::new(signers).check_sshsig(signature, signature.key.fingerprint().into(), message, namespace).report
}

/// The answers about a detached SSH signature.
#[must_use]
pub fn check_sshsig(signature: &sshsig::SshSig, message: &[u8], signers: &AllowedSigners, namespace: &str) -> Judged {
    let mut checker = checker::Checker::new(signers);
    let checked = checker.check_sshsig(signature, signature.key.fingerprint().into(), message, namespace);
    judged(&[checked], signers.is_empty())
}

/// The algorithm of a list of checksums that is known by its name (`SHA256SUMS`).
#[must_use]
pub fn list_algorithm(name: &str) -> Option<crate::digest::Algorithm> {
    sums::algorithm_of(name)
}

/// The lines of a list of checksums that says by its lines which algorithm it has.
///
/// # Errors
/// With what is wrong, in words.
pub fn any_list_subjects(bytes: &[u8]) -> Result<Vec<crate::model::Subject>, String> {
    sums::parse_any(bytes)
}

/// The lines of a list of checksums.
///
/// # Errors
/// With what is wrong, in words.
pub fn list_subjects(bytes: &[u8], algorithm: crate::digest::Algorithm) -> Result<Vec<crate::model::Subject>, String> {
    sums::parse(bytes, algorithm)
}

/// The answers about a signature of minisign or signify.
#[must_use]
pub fn check_minisign(signature: &minisign::Signature, message: &[u8], keys: &minisign::Keys) -> Judged {
    let none = AllowedSigners::default();
    let checked = checker::Checker::new(&none).check_minisign(signature, message, keys);
    judged(&[checked], keys.is_empty())
}

/// The answers about OpenPGP signatures.
#[must_use]
pub fn answers_of(verdicts: Vec<openpgp::Verdict>) -> Judged {
    let checked: Vec<_> = verdicts.into_iter().map(files::debian::checked).collect();
    judged(&checked, false)
}

/// The files that a control file of Debian lists with their SHA-256.
///
/// # Errors
/// With the line of what is wrong.
pub fn control_files(text: &str) -> Result<Vec<crate::model::Subject>, String> {
    files::debian::files(text)
}
