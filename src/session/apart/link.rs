//! The viewer's end of the connection.

use std::fs::File;
use std::io::IsTerminal as _;
use std::os::fd::AsFd as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use super::{bytes_of, hear, key_fields, path_of, tell};
use crate::review::Decision;
use crate::session::seal::Level;
use crate::session::{KeySource, Prepared, SignedRecord, SummaryTo};

/// The connection to the signer.
#[derive(Debug)]
pub struct Link {
    stream: Mutex<File>,
    /// Whether the signer knows of an ssh-agent.
    pub(in crate::session) agent: bool,
}

impl Link {
    /// Takes the connection, which the signer has put in place of standard input, and puts the terminal back there.
    ///
    /// # Errors
    /// In words, when this process was not started by a signer.
    pub fn take() -> Result<Arc<Self>, String> {
        let stdin = std::io::stdin();
        let not_ours = || "a viewer is started by countersign itself: leave out --viewer".to_owned();
        if stdin.is_terminal() {
            return Err(not_ours());
        }
        end_with_parent();
        // As a file: reading and writing it are not calls of the network.
        let mut stream = File::from(stdin.as_fd().try_clone_to_owned().map_err(|e| e.to_string())?);
        let terminal = std::io::stdout().is_terminal();
        let place = if terminal { Ok(()) } else { File::open("/dev/null").and_then(|null| Ok(rustix::stdio::dup2_stdin(null)?)) };
        place
            .and_then(|()| if terminal { Ok(rustix::stdio::dup2_stdin(std::io::stdout())?) } else { Ok(()) })
            .map_err(|e| e.to_string())?;
        match hear(&mut stream).ok().flatten().as_deref() {
            Some([word, agent]) if word == b"signer" => Ok(Arc::new(Self { agent: agent == b"agent", stream: Mutex::new(stream) })),
            _ => Err(not_ours()),
        }
    }

    /// Tells the signer which seal is in force, before anything is read that could make this process lie.
    ///
    /// # Errors
    /// In words, when the signer is gone.
    pub fn sealed(&self, level: Level) -> Result<(), String> {
        self.ask(&[b"sealed", level.word().as_bytes()]).map(drop)
    }

    /// The fingerprint of the public half of a key.
    ///
    /// # Errors
    /// When there is no such key, with what to do.
    pub(in crate::session) fn fingerprint(&self, key: &KeySource) -> Result<String, String> {
        let [kind, value] = key_fields(key);
        let answer = self.ask(&[b"fingerprint", kind, value])?;
        answer.first().map(|print| String::from_utf8_lossy(print).into_owned()).ok_or_else(unclear)
    }

    /// Has the statement shown, signed and written by the signer, which has the terminal until then.
    ///
    /// # Errors
    /// In words, why nothing was signed.
    pub fn sign(&self, prepared: &Prepared, key: &KeySource, output: &Path, summary: Option<&SummaryTo>) -> Result<SignedRecord, String> {
        let [kind, value] = key_fields(key);
        let output = bytes_of(output.as_os_str());
        let mut fields: Vec<&[u8]> = vec![b"sign", kind, value, output, &prepared.payload, &prepared.dossier];
        if let Some(to) = summary {
            fields.extend([bytes_of(to.path.as_os_str()), to.verifier.as_bytes()]);
        }
        let answer = self.ask(&fields)?;
        let [path, dossier, payload, key, decision, record] = answer.as_slice() else { return Err(unclear()) };
        let word = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let leaving = [(word(path), record.as_slice()), (word(dossier), prepared.dossier.as_slice())];
        Ok(SignedRecord {
            path: path_of(path),
            dossier: path_of(dossier),
            leaves: crate::signoff::preview(&leaving, crate::session::signing::CELLS).into(),
            payload: word(payload).parse().map_err(|_| unclear())?,
            key: word(key),
            sequence: prepared.sequence,
            decision: Decision::from_word(&word(decision)).ok_or_else(unclear)?,
        })
    }

    /// One question, one answer.
    pub(super) fn ask(&self, fields: &[&[u8]]) -> Result<Vec<Vec<u8>>, String> {
        let gone = |_| "the process that signs is gone: nothing can be signed; leave and start again, what was ruled is saved".to_owned();
        let mut stream = self.stream.lock().map_err(|e| e.to_string())?;
        tell(&mut *stream, fields).map_err(gone)?;
        let mut answer = hear(&mut *stream).map_err(gone)?.ok_or_else(|| gone(std::io::ErrorKind::UnexpectedEof.into()))?;
        if answer.is_empty() {
            return Err(unclear());
        }
        let word = answer.remove(0);
        match word.as_slice() {
            b"well" => Ok(answer),
            _ => Err(answer.first().map_or_else(unclear, |why| String::from_utf8_lossy(why).into_owned())),
        }
    }
}

pub(super) fn unclear() -> String {
    "the process that signs gave no clear answer: look whether the record was written".to_owned()
}

/// When the signer goes, so does this process: nobody else waits for it, and the terminal is no longer its own.
pub(in crate::session) fn end_with_parent() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
}
