//! Keys, used: an OpenSSH key file or the agent. A key is touched only here.

use std::path::{Path, PathBuf};

use super::signing::Prepared;
use super::{SignedRecord, agent, read_small, write_whole};
use crate::digest::Sha256;
use crate::provenance::Key;
use crate::review::Body;
use crate::signoff::{self, Signer};

/// The largest key file, in bytes.
const MAX_KEY: u64 = 1 << 20;

/// Where the key is.
#[derive(Clone, PartialEq, Eq)]
pub enum KeySource {
    /// An OpenSSH private key file, and its passphrase if it has one.
    File(PathBuf, Option<String>),
    /// The ssh-agent that `SSH_AUTH_SOCK` names, and the fingerprint of its key; the first that signs records when not given.
    Agent(Option<String>),
}

impl std::fmt::Debug for KeySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path, _) => write!(f, "key file {}", path.display()),
            Self::Agent(None) => f.write_str("ssh-agent"),
            Self::Agent(Some(key)) => write!(f, "ssh-agent, key {key}"),
        }
    }
}

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum SignFailure {
    /// The key file has a passphrase and none was given.
    #[error("{0}: the key has a passphrase: give it")]
    NeedsPassphrase(String),
    /// Anything else, in words.
    #[error("{0}")]
    Other(String),
}

impl KeySource {
    /// The fingerprint of the key's public half, which needs no passphrase.
    ///
    /// # Errors
    /// When there is no such key, with what to do.
    pub fn fingerprint(&self) -> Result<String, String> {
        match self {
            Self::File(path, _) => {
                let place = path.display();
                let bytes = read_small(path, MAX_KEY).map_err(|e| format!("{place}: {e}"))?;
                signoff::FileSigner::fingerprint_of(&bytes).map_err(|e| format!("{place}: {e}"))
            }
            Self::Agent(wanted) => agent::Agent::connect(wanted.as_deref()).map(|agent| signoff::fingerprint(agent.public_key())),
        }
    }
}

/// Whether a record may be written there: a record is never written over.
///
/// # Errors
/// In words, with the path.
pub fn may_write(output: &Path) -> Result<(), String> {
    if output.exists() {
        return Err(format!("{} is there already: a record is never written over; choose another place", output.display()));
    }
    Ok(())
}

/// Where the dossier of a record goes: beside it, `x.dsse.json` with `x.dossier.json`.
#[must_use]
pub fn dossier_path(record: &Path) -> PathBuf {
    let name = record.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let stem = name.strip_suffix(".dsse.json").or_else(|| name.strip_suffix(".json")).unwrap_or(&name);
    record.with_file_name(format!("{stem}.dossier.json"))
}

/// The key, ready to sign; of an agent the one that the statement names, if it names one.
fn open_signer(key: &KeySource, named: Option<&str>) -> Result<Box<dyn Signer>, SignFailure> {
    let other = SignFailure::Other;
    let (path, passphrase) = match key {
        KeySource::File(path, passphrase) => (path, passphrase),
        KeySource::Agent(wanted) => return Ok(Box::new(agent::Agent::connect(wanted.as_deref().or(named)).map_err(other)?)),
    };
    let place = path.display().to_string();
    let bytes = read_small(path, MAX_KEY).map_err(|e| other(format!("{place}: {e}")))?;
    match signoff::FileSigner::from_openssh(&bytes, passphrase.as_deref()) {
        Err(signoff::SignError::Encrypted) => Err(SignFailure::NeedsPassphrase(place)),
        Err(e) => Err(other(format!("{place}: {e}"))),
        Ok(signer) => Ok(Box::new(signer)),
    }
}

/// Where a verification summary goes, and who it says has verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SummaryTo {
    /// The file; it must not exist.
    pub path: PathBuf,
    /// The URI that the room calls itself by.
    pub verifier: String,
}

/// Signs the prepared statement, and writes its dossier beside `output` ([`dossier_path`]), then the record (a DSSE envelope)
/// to `output`, each whole or not at all. With `summary` a verification summary of SLSA is signed with the same key and
/// written too; that is an error unless the decision is an approval.
///
/// # Errors
/// When the key cannot be used, or is not the one that the statement names, or a file cannot be written; nothing is left
/// behind then.
pub fn sign_with(prepared: &Prepared, key: &KeySource, output: &Path, summary: Option<&SummaryTo>) -> Result<SignedRecord, SignFailure> {
    let other = SignFailure::Other;
    let mut files = vec![(dossier_path(output), prepared.dossier.clone())];
    let places = [Some(output), Some(files[0].0.as_path()), summary.map(|s| s.path.as_path())];
    places.into_iter().flatten().try_for_each(may_write).map_err(other)?;
    let signer = open_signer(key, prepared.key.as_deref())?;
    let keyid = signoff::fingerprint(signer.public_key());
    match &prepared.key {
        Some(named) if *named == keyid => {}
        Some(named) => {
            return Err(other(format!("the statement names the key {named}, this one is {keyid}: make the statement again with this key")));
        }
        None => {
            return Err(other("the statement names no key: say which with --key FILE or start an ssh-agent, and make it again".to_owned()));
        }
    }
    let record = signoff::sign(&prepared.payload, signer.as_ref()).map_err(|e| other(e.to_string()))?;
    if let Some(to) = summary {
        let payload = signoff::verification_summary(&record, &to.verifier).map_err(other)?;
        files.push((to.path.clone(), signoff::sign_summary(&payload, signer.as_ref()).map_err(|e| other(e.to_string()))?));
    }
    // The record last: what it names, and what names it, is there when it is.
    files.push((output.to_owned(), record));
    for (i, (path, bytes)) in files.iter().enumerate() {
        if let Err(why) = write_whole(path, bytes) {
            files[..i].iter().for_each(|(path, _)| drop(std::fs::remove_file(path)));
            return Err(other(why));
        }
    }
    let dossier = dossier_path(output);
    let leaving: Vec<(String, &[u8])> = files.iter().rev().map(|(path, bytes)| (path.display().to_string(), bytes.as_slice())).collect();
    let leaves = signoff::preview(&leaving, super::signing::CELLS).into();
    let payload = Sha256::of(&prepared.payload);
    let (decision, sequence) = (prepared.decision, prepared.sequence);
    Ok(SignedRecord { path: output.to_owned(), dossier, payload, key: keyid, decision, sequence, leaves })
}

/// Signs the statement of another reviewer's record, without the record around it: the public key as OpenSSH writes it in
/// binary, and the signature.
///
/// # Errors
/// When it is no statement of a review, or the key cannot be used.
pub(super) fn sign_apart(payload: &[u8], key: &KeySource) -> Result<(Vec<u8>, Vec<u8>), SignFailure> {
    let signer = open_signer(key, None)?;
    signoff::sign_apart(payload, signer.as_ref()).map_err(|e| SignFailure::Other(e.to_string()))
}

/// Adds a signature that was made elsewhere to a record, and writes the result to `output`. `key` is the file of the public
/// key, which a raw signature needs. Returns the fingerprint of the key.
///
/// # Errors
/// With the file, and why it is no signature over this record.
pub fn cosign_detached(record: &[u8], signature: &Path, key: Option<&Path>, output: &Path) -> Result<String, String> {
    may_write(output)?;
    let fail = |path: &Path, what: String| format!("{}: {what}", path.display());
    let bytes = read_small(signature, MAX_KEY).map_err(|e| fail(signature, e))?;
    let key = key.map(|path| read_small(path, MAX_KEY).and_then(|b| Key::from_file(&b)).map_err(|e| fail(path, e))).transpose()?;
    let (signed, print) = signoff::add_detached(record, &bytes, key.as_ref()).map_err(|e| fail(signature, e.to_string()))?;
    write_whole(output, &signed)?;
    Ok(print)
}

impl SignedRecord {
    /// The event that the journal keeps of it.
    #[must_use]
    pub fn event(&self) -> Body {
        Body::Signed { payload: self.payload.to_string(), decision: self.decision, key: self.key.clone(), sequence: Some(self.sequence) }
    }
}
