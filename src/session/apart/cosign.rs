//! One more signature over the statement of somebody else's record. The viewer reads the record; the signer gets the statement
//! alone, sees to it that the file has it, shows it, and signs it. What the viewer makes of record and signature is bytes to the
//! signer, which writes them where the command says.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::link::unclear;
use super::signer::MAX_RECORD;
use super::{Link, Person, bytes_of, key_fields, key_of, path_of};
use crate::provenance::Key;
use crate::session::keys::sign_apart;
use crate::session::{KeySource, SignFailure, may_write, read_small, write_whole};
use crate::signoff;
use crate::text::Row;

/// What the viewer asks to be signed once more. All of it comes from the viewer.
#[derive(Debug)]
pub struct Cosigning {
    /// The statement, byte for byte.
    pub payload: Vec<u8>,
    /// The same in words, by the signer.
    pub rows: Vec<Row>,
    /// The key.
    pub key: KeySource,
    /// Where the record with the added signature goes.
    pub output: PathBuf,
}

impl Cosigning {
    pub(super) fn read(fields: &[&[u8]]) -> Result<Self, String> {
        let unclear = || "the viewer asks for something that cannot be signed".to_owned();
        let [kind, value, output, payload] = fields else { return Err(unclear()) };
        let rows = signoff::describe(payload).map_err(|e| e.to_string())?;
        Ok(Self { payload: payload.to_vec(), rows, key: key_of(kind, value).ok_or_else(unclear)?, output: path_of(output) })
    }

    /// Whether the file has this statement in it, as envelopes have theirs: whoever named the file asked for no other. The file
    /// is searched, not read as a record: nothing in it is understood here.
    ///
    /// # Errors
    /// In words, when it has not, or cannot be read.
    pub fn is_in(&self, record: &Path) -> Result<(), String> {
        let place = record.display();
        if !record.is_file() {
            return Err(format!("{place}: no file: copy the record into one first"));
        }
        let bytes = read_small(record, MAX_RECORD).map_err(|e| format!("{place}: {e}"))?;
        let coded = [STANDARD_NO_PAD.encode(&self.payload), URL_SAFE_NO_PAD.encode(&self.payload)];
        // Whatever JSON it is, a string is between two quotes, and base64 has none.
        let found = bytes.split(|b| *b == b'"').any(|piece| {
            let end = piece.iter().rposition(|b| *b != b'=').map_or(0, |last| last + 1);
            piece.get(..end).is_some_and(|text| !text.is_empty() && coded.iter().any(|code| code.as_bytes() == text))
        });
        found.then_some(()).ok_or_else(|| {
            format!("{place}: what is to be signed is not in it as one piece of base64: nothing was signed; --payload-out and --signature do without that")
        })
    }
}

/// Signs it when the person agrees: the public key, and the signature.
pub(super) fn sign(asked: &Cosigning, person: &mut dyn Person) -> Result<Vec<Vec<u8>>, String> {
    may_write(&asked.output)?;
    person.agrees_to_cosign(asked)?;
    let made = match (sign_apart(&asked.payload, &asked.key), &asked.key) {
        (Err(SignFailure::NeedsPassphrase(file)), KeySource::File(path, _)) => {
            let passphrase = person.passphrase(&file)?;
            sign_apart(&asked.payload, &KeySource::File(path.clone(), Some(passphrase)))
        }
        (made, _) => made,
    };
    made.map(|(key, signature)| vec![key, signature]).map_err(|e| e.to_string())
}

/// Writes what the viewer made of it.
pub(super) fn write(output: &Path, record: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    may_write(output).and_then(|()| write_whole(output, record)).map(|()| Vec::new())
}

impl Link {
    /// Has the statement of a record signed once more by the signer, which also writes the record with the added signature.
    /// Returns the fingerprint of the key.
    ///
    /// # Errors
    /// In words, why nothing was signed or written.
    pub fn cosign(&self, record: &[u8], key: &KeySource, output: &Path) -> Result<String, String> {
        // Said before a person is asked, or a token touched.
        signoff::may_add(record, &self.fingerprint(key)?).map_err(|e| e.to_string())?;
        let payload = signoff::payload(record).map_err(|e| e.to_string())?;
        let [kind, value] = key_fields(key);
        let answer = self.ask(&[b"cosign", kind, value, bytes_of(output.as_os_str()), &payload])?;
        let [blob, signature] = answer.as_slice() else { return Err(unclear()) };
        let key = Key::from_blob(blob)?;
        let (signed, print) = signoff::add_detached(record, signature, Some(&key)).map_err(|e| e.to_string())?;
        self.ask(&[b"cosigned", &signed])?;
        Ok(print)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_found_in_its_record_and_in_no_other() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("record");
        // A length of each remainder: no padding, one, two.
        for payload in [&b"{\"a\":1}"[..], b"{\"a\":12}\xff\xfe", b"{\"a\":123}\xff"] {
            let asked = |payload: &[u8]| Cosigning {
                payload: payload.to_vec(),
                rows: Vec::new(),
                key: KeySource::Agent(None),
                output: PathBuf::from("out"),
            };
            std::fs::write(&path, signoff::seal_envelope(payload, &[])).expect("written");
            assert_eq!(asked(payload).is_in(&path), Ok(()));
            for other in [&payload[1..], &payload[..payload.len() - 1], &[payload, b"x"].concat(), b""] {
                assert!(asked(other).is_in(&path).expect_err("refused").contains("nothing was signed"));
            }
            let url = format!("{{\"payload\": \"{}\"}}", URL_SAFE_NO_PAD.encode(payload));
            std::fs::write(&path, url).expect("written");
            assert_eq!(asked(payload).is_in(&path), Ok(()));
            assert!(asked(payload).is_in(folder.path()).expect_err("refused").contains("no file"));
        }
    }

    #[test]
    fn what_is_no_statement_or_comes_with_other_fields_is_not_asked_for() {
        assert!(Cosigning::read(&[b"file", b"key", b"out"]).is_err());
        assert!(Cosigning::read(&[b"file", b"key", b"out", b"{"]).is_err());
    }
}
