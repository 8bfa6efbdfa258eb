//! Keys, used: an OpenSSH key file or the agent. A key is touched only here.

use std::path::{Path, PathBuf};

use super::signing::Prepared;
use super::{SignedRecord, agent, read_small, write_whole};
use crate::digest::Sha256;
use crate::review::Body;
use crate::signoff::{self, Signer};

/// The largest key file, in bytes.
const MAX_KEY: u64 = 1 << 20;

/// Where the key is.
#[derive(Clone, PartialEq, Eq)]
pub enum KeySource {
    /// An OpenSSH private key file, and its passphrase if it has one.
    File(PathBuf, Option<String>),
    /// The ssh-agent that `SSH_AUTH_SOCK` names.
    Agent,
}

impl std::fmt::Debug for KeySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path, _) => write!(f, "key file {}", path.display()),
            Self::Agent => f.write_str("ssh-agent"),
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
                let key = ssh_key::PrivateKey::from_openssh(bytes).map_err(|e| format!("{place}: not an OpenSSH private key: {e}"))?;
                Ok(signoff::fingerprint(key.public_key()))
            }
            Self::Agent => agent::Agent::connect().map(|agent| signoff::fingerprint(agent.public_key())),
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

/// The key, ready to sign.
fn open_signer(key: &KeySource) -> Result<Box<dyn Signer>, SignFailure> {
    let other = SignFailure::Other;
    let KeySource::File(path, passphrase) = key else { return Ok(Box::new(agent::Agent::connect().map_err(other)?)) };
    let place = path.display().to_string();
    let bytes = read_small(path, MAX_KEY).map_err(|e| other(format!("{place}: {e}")))?;
    match signoff::FileSigner::from_openssh(&bytes, passphrase.as_deref()) {
        Err(signoff::SignError::Encrypted) => Err(SignFailure::NeedsPassphrase(place)),
        Err(e) => Err(other(format!("{place}: {e}"))),
        Ok(signer) => Ok(Box::new(signer)),
    }
}

/// Signs the prepared statement, and writes its dossier beside `output` ([`dossier_path`]), then the record (a DSSE envelope)
/// to `output`, each whole or not at all.
///
/// # Errors
/// When the key cannot be used, or is not the one that the statement names, or the file cannot be written; nothing is left
/// behind then.
pub fn sign_with(prepared: &Prepared, key: &KeySource, output: &Path) -> Result<SignedRecord, SignFailure> {
    let other = SignFailure::Other;
    let dossier = dossier_path(output);
    may_write(output).and_then(|()| may_write(&dossier)).map_err(other)?;
    let signer = open_signer(key)?;
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
    write_whole(&dossier, &prepared.dossier).map_err(other)?;
    if let Err(why) = write_whole(output, &record) {
        let _ = std::fs::remove_file(&dossier);
        return Err(other(why));
    }
    Ok(SignedRecord { path: output.to_owned(), dossier, payload: Sha256::of(&prepared.payload), key: keyid, decision: prepared.decision })
}

/// Adds a signature over the same bytes to a record of another reviewer, and writes the result to `output`. Returns the
/// fingerprint of the key.
///
/// # Errors
/// When the record cannot be read or has this key's signature already, else as [`sign_with`].
pub fn cosign(record: &[u8], key: &KeySource, output: &Path) -> Result<String, SignFailure> {
    let other = SignFailure::Other;
    may_write(output).map_err(other)?;
    let signer = open_signer(key)?;
    let signed = signoff::add_signature(record, signer.as_ref()).map_err(|e| other(e.to_string()))?;
    write_whole(output, &signed).map_err(other)?;
    Ok(signoff::fingerprint(signer.public_key()))
}

impl SignedRecord {
    /// The event that the journal keeps of it.
    #[must_use]
    pub fn event(&self) -> Body {
        Body::Signed { payload: self.payload.to_string(), decision: self.decision, key: self.key.clone() }
    }
}
