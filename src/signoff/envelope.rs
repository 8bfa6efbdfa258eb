//! The envelope around the statement, and its signatures.

use crate::provenance::dsse::{self, Envelope, IN_TOTO, Signature};
use crate::provenance::{Key, dsse::MAX_SIGNATURES};

use super::key::{SignError, Signer, fingerprint};
use super::verify::{RecordError, read};

/// The record: a DSSE envelope as one line of JSON. Each signature is (key id, raw bytes); the key id is the fingerprint.
#[must_use]
pub fn seal_envelope(payload: &[u8], signatures: &[(String, Vec<u8>)]) -> Vec<u8> {
    let signatures = signatures.iter().map(|(keyid, sig)| Signature { keyid: keyid.as_str().into(), sig: sig.clone() }).collect();
    dsse::write(&Envelope { payload_type: IN_TOTO.to_owned(), payload: payload.to_vec(), signatures })
}

/// Signs a payload and checks the result before it is used.
///
/// # Errors
/// What the signer says, or [`SignError::Unverified`] when what came back is not its signature over these bytes.
fn signature_over(payload: &[u8], signer: &dyn Signer) -> Result<(String, Vec<u8>), SignError> {
    let message = dsse::pae(IN_TOTO, payload);
    let blob = signer.public_key().to_bytes().map_err(|e| SignError::NotAKey(e.to_string()))?;
    let key = Key::from_blob(&blob).map_err(SignError::NotAKey)?;
    if key.ed25519().is_none() {
        return Err(SignError::NotEd25519(key.kind()));
    }
    let signature = signer.sign(&message)?;
    if !key.verify(&message, &signature) {
        return Err(SignError::Unverified);
    }
    Ok((fingerprint(signer.public_key()), signature))
}

/// Signs a statement: the bytes of a new record.
///
/// # Errors
/// As the signer; [`SignError::Refused`] when the payload is not a statement that [`super::verify`] would read.
pub fn sign(payload: &[u8], signer: &dyn Signer) -> Result<Vec<u8>, SignError> {
    read(payload).map_err(|e| SignError::Refused(e.to_string()))?;
    Ok(seal_envelope(payload, &[signature_over(payload, signer)?]))
}

/// The exact signed bytes of a record: its statement.
///
/// # Errors
/// When the file is no envelope of an in-toto statement.
pub fn payload(record: &[u8]) -> Result<Vec<u8>, RecordError> {
    let envelope = dsse::parse(record).map_err(RecordError::Envelope)?;
    if envelope.payload_type != IN_TOTO {
        return Err(RecordError::PayloadType(crate::text::Shown::new(&envelope.payload_type).cut(120).to_string()));
    }
    Ok(envelope.payload)
}

/// Adds a signature over the same bytes to a record.
///
/// # Errors
/// [`SignError::Refused`] when the record cannot be read, is full, or this key has signed it already; else as the signer.
pub fn add_signature(record: &[u8], signer: &dyn Signer) -> Result<Vec<u8>, SignError> {
    let refused = |e: RecordError| SignError::Refused(e.to_string());
    let mut envelope = dsse::parse(record).map_err(|e| refused(RecordError::Envelope(e)))?;
    if envelope.payload_type != IN_TOTO {
        let shown = crate::text::Shown::new(&envelope.payload_type).cut(120).to_string();
        return Err(refused(RecordError::PayloadType(shown)));
    }
    read(&envelope.payload).map_err(refused)?;
    let print = fingerprint(signer.public_key());
    if envelope.signatures.iter().any(|s| s.keyid.as_bytes() == print.as_bytes()) {
        return Err(SignError::Refused(format!("the key {print} has signed this record already")));
    }
    if envelope.signatures.len() >= MAX_SIGNATURES {
        return Err(SignError::Refused(format!("the record has {MAX_SIGNATURES} signatures already")));
    }
    let (keyid, sig) = signature_over(&envelope.payload, signer)?;
    envelope.signatures.push(Signature { keyid: keyid.into(), sig });
    Ok(dsse::write(&envelope))
}
