//! What the reviewer brings: the policy, and everybody whose signatures count.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Options, SessionError, folders, load_signers, read_small, read_text};
use crate::checks::{Policy, Quorum};
use crate::digest::Sha256;
use crate::provenance::AllowedSigners;

const DEMO_SIGNERS: &str = include_str!("../../testdata/demo/allowed_signers");
const DEMO_POLICY: &str = include_str!("../../testdata/demo/policy.toml");

/// What the reviewer brings: policy and trust.
#[derive(Clone, Debug)]
pub struct Room {
    /// The policy.
    pub policy: Policy,
    /// SHA-256 of the policy file, when there is one.
    pub policy_digest: Option<Sha256>,
    /// Whose signatures count.
    pub signers: AllowedSigners,
    /// Whether an `allowed_signers` file was given or configured.
    pub signers_given: bool,
    /// Whose the keys are, by the policy.
    pub quorum: Quorum,
    /// What Sigstore bundles are checked with, when the policy says so.
    pub sigstore: Option<Arc<SigstoreRoom>>,
    /// What OpenPGP signatures are checked with, when the policy says so.
    pub openpgp: Option<Arc<crate::provenance::openpgp::Keyring>>,
    /// Digests that the reviewer brought from outside.
    pub expected: Vec<crate::provenance::expect::Expected>,
    /// Keys of minisign and signify that the reviewer trusts.
    pub minisign: crate::provenance::minisign::Keys,
}

/// The trusted root of the policy, and who may have signed.
#[derive(Debug)]
pub struct SigstoreRoom {
    /// The trusted root, with the digest that the policy pins.
    pub root: crate::provenance::sigstore::Root,
    /// Identities, each with its issuer.
    pub identities: Vec<(String, String)>,
}

fn policy_path(options: &Options) -> Option<PathBuf> {
    options.policy.clone().or_else(|| folders::config_file("policy.toml").filter(|_| options.bundle.is_some()))
}

/// All files that those options name, and those that the policy names: what a sealed process must still read.
#[must_use]
pub fn named_files(options: &Options) -> Vec<PathBuf> {
    let policy_path = policy_path(options);
    let mut files: Vec<PathBuf> = [&options.bundle, &policy_path, &options.signers].into_iter().flatten().cloned().collect();
    files.extend(folders::config_file("allowed_signers"));
    files.extend(options.expect.iter().map(PathBuf::from));
    files.extend(options.minisign.iter().cloned());
    for record in [&options.previous, &options.dissents_from].into_iter().flatten() {
        files.extend([record.clone(), super::dossier_path(record)]);
    }
    files.extend(options.dossier.clone());
    // What is wrong with the policy is said when it is read to be used.
    let policy = policy_path.as_ref().and_then(|path| Some((path.parent()?, Policy::parse(&read_text(path).ok()?).ok()?)));
    if let Some((folder, policy)) = policy {
        let named = policy.allowed_signers.iter().chain(&policy.openpgp_keyring).chain(&policy.minisign_keys);
        files.extend(named.chain(policy.sigstore.as_ref().map(|s| &s.trusted_root)).map(|name| folder.join(name)));
    }
    files
}

/// Reads policy and signers: those given, else those of the configuration folder, else (for the demonstration) its own.
pub(crate) fn room(options: &Options) -> Result<Room, SessionError> {
    let demo = options.bundle.is_none();
    let policy_path = policy_path(options);
    let (policy, policy_digest) = match &policy_path {
        Some(path) => {
            let text = read_text(path)?;
            let policy = Policy::parse(&text).map_err(|e| SessionError::File { path: path.display().to_string(), what: e.to_string() })?;
            (policy, Some(Sha256::of(text.as_bytes())))
        }
        None if demo => (
            Policy::parse(DEMO_POLICY).map_err(|e| SessionError::Other(format!("demonstration policy: {e}")))?,
            Some(Sha256::of(DEMO_POLICY.as_bytes())),
        ),
        None => (Policy::default(), None),
    };
    // The path in a policy is relative to the policy file; the built-in policy of the demonstration is no file.
    let beside = |file: &PathBuf| Some(file.parent()?.join(policy.allowed_signers.as_deref()?));
    let from_policy = policy_path.as_ref().and_then(beside);
    let path = options.signers.clone().or(from_policy).or_else(|| folders::config_file("allowed_signers").filter(|_| !demo));
    let (signers, signers_given) = match path {
        Some(path) => (load_signers(&path)?, true),
        None if demo => {
            (AllowedSigners::parse(DEMO_SIGNERS.as_bytes()).map_err(|e| SessionError::Other(format!("demonstration signers: {e}")))?, true)
        }
        None => (AllowedSigners::default(), false),
    };
    let quorum = Quorum::new(&policy, &signers).map_err(|what| {
        let path = policy_path.as_ref().map_or_else(|| "allowed_signers".to_owned(), |p| p.display().to_string());
        SessionError::File { path, what }
    })?;
    let sigstore = sigstore_room(&policy, policy_path.as_deref())?;
    let openpgp = openpgp_room(&policy, policy_path.as_deref())?;
    let minisign = minisign_room(&options.minisign, &policy, policy_path.as_deref())?;
    let expected = expected(&options.expect)?;
    Ok(Room { policy, policy_digest, signers, signers_given, quorum, sigstore, openpgp, minisign, expected })
}

/// Reads the keys of minisign that were given, and those that the policy names; each goes by the name of its file.
fn minisign_room(
    given: &[PathBuf],
    policy: &Policy,
    policy_path: Option<&Path>,
) -> Result<crate::provenance::minisign::Keys, SessionError> {
    let folder = policy_path.and_then(Path::parent);
    let named = policy.minisign_keys.iter().filter_map(|name| Some(folder?.join(name)));
    let mut keys = crate::provenance::minisign::Keys::default();
    for path in given.iter().cloned().chain(named) {
        let fail = |what: String| SessionError::File { path: path.display().to_string(), what };
        let name = path.file_stem().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        keys.add(&name, &read_small(&path, 1 << 20).map_err(fail)?).map_err(fail)?;
    }
    Ok(keys)
}

/// What was installed elsewhere: each a list of digests, or digits or words typed from paper.
fn expected(given: &[String]) -> Result<Vec<crate::provenance::expect::Expected>, SessionError> {
    let mut out = Vec::new();
    for text in given {
        let path = Path::new(text);
        let typed = crate::provenance::expect::digits(text).map(Ok).or_else(|| crate::provenance::expect::words(text));
        match typed.filter(|_| !path.exists()) {
            Some(read) => out.push(read.map_err(|what| SessionError::Other(format!("--expect: {what}")))?),
            None => {
                let fail = |what: String| SessionError::File { path: path.display().to_string(), what };
                out.extend(crate::provenance::expect::parse(&read_small(path, 64 << 20).map_err(fail)?).map_err(fail)?);
            }
        }
    }
    Ok(out)
}

/// Reads the OpenPGP keys that the policy names.
fn openpgp_room(policy: &Policy, policy_path: Option<&Path>) -> Result<Option<Arc<crate::provenance::openpgp::Keyring>>, SessionError> {
    let (Some(named), Some(folder)) = (&policy.openpgp_keyring, policy_path.and_then(Path::parent)) else { return Ok(None) };
    load_keyring(&folder.join(named)).map(|ring| Some(Arc::new(ring)))
}

/// Reads OpenPGP keys.
///
/// # Errors
/// With the path and what is wrong.
pub fn load_keyring(path: &Path) -> Result<crate::provenance::openpgp::Keyring, SessionError> {
    let fail = |what: String| SessionError::File { path: path.display().to_string(), what };
    let bytes = read_small(path, 64 << 20).map_err(fail)?;
    crate::provenance::openpgp::Keyring::parse(&bytes).map_err(fail)
}

/// Reads the trusted root that the policy names. One that is not the pinned one is an error, never passed over.
fn sigstore_room(policy: &Policy, policy_path: Option<&Path>) -> Result<Option<Arc<SigstoreRoom>>, SessionError> {
    let (Some(named), Some(folder)) = (&policy.sigstore, policy_path.and_then(Path::parent)) else { return Ok(None) };
    let path = folder.join(&named.trusted_root);
    let fail = |what: String| SessionError::File { path: path.display().to_string(), what };
    let bytes = read_small(&path, 64 << 20).map_err(fail)?;
    let root = crate::provenance::sigstore::Root::parse(&bytes, named.trusted_root_sha256.parse().ok()).map_err(|e| fail(e.why))?;
    let identities = named.identities.iter().map(|i| (i.identity.clone(), i.issuer.clone())).collect();
    Ok(Some(Arc::new(SigstoreRoom { root, identities })))
}

/// Whether the room's policy counts what is printed as text as shown.
///
/// # Errors
/// As [`Session::start`](super::Session::start), for what the room brings.
pub fn text_twins_count(options: &Options) -> Result<bool, SessionError> {
    room(options).map(|room| room.policy.text_twins_count)
}
