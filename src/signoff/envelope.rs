//! The envelope around the statement, and its signatures.

use crate::provenance::dsse::{self, Envelope, IN_TOTO, Signature};
use crate::provenance::{Key, RECORD_NAMESPACE, dsse::MAX_SIGNATURES, sshsig};

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
    let signature = signer.sign(&message)?;
    if !is_of(&key, &message, &signature) {
        return Err(SignError::Unverified);
    }
    Ok((fingerprint(signer.public_key()), signature))
}

/// Whether `signature`, raw or an SSHSIG of records, is of `key` over `message`.
pub(super) fn is_of(key: &Key, message: &[u8], signature: &[u8]) -> bool {
    match sshsig::parse(signature) {
        Ok(parsed) if signature.starts_with(b"SSHSIG") => sshsig::verify(&parsed, message, RECORD_NAMESPACE, key).is_ok(),
        _ => key.verify(message, signature),
    }
}

/// Signs a statement: the bytes of a new record.
///
/// # Errors
/// As the signer; [`SignError::Refused`] when the payload is not a statement that [`super::verify`] would read.
pub fn sign(payload: &[u8], signer: &dyn Signer) -> Result<Vec<u8>, SignError> {
    read(payload).map_err(|e| SignError::Refused(e.to_string()))?;
    Ok(seal_envelope(payload, &[signature_over(payload, signer)?]))
}

/// Signs a verification summary ([`super::verification_summary`]) in an envelope of its own.
///
/// # Errors
/// As the signer.
pub fn sign_summary(payload: &[u8], signer: &dyn Signer) -> Result<Vec<u8>, SignError> {
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

/// The bytes that signatures of a record are over: DSSE's PAE of its statement. To be signed on another machine.
///
/// # Errors
/// When the file is not a record.
pub fn to_sign(record: &[u8]) -> Result<Vec<u8>, RecordError> {
    let payload = payload(record)?;
    read(&payload)?;
    Ok(dsse::pae(IN_TOTO, &payload))
}

/// Adds a signature over the same bytes to a record.
///
/// # Errors
/// [`SignError::Refused`] when the record cannot be read, is full, or this key has signed it already; else as the signer.
pub fn add_signature(record: &[u8], signer: &dyn Signer) -> Result<Vec<u8>, SignError> {
    add(record, &fingerprint(signer.public_key()), |payload| Ok(signature_over(payload, signer)?.1))
}

/// Adds a signature that was made elsewhere over [`to_sign`]: an SSHSIG (`ssh-keygen -Y sign`), which names its key itself, or
/// a raw one (`openssl pkeyutl -sign -rawin`), with the key that made it. Returns the record and the key's fingerprint.
///
/// # Errors
/// [`SignError::Refused`] with why it is not one over this record, else as [`add_signature`].
pub fn add_detached(record: &[u8], signature: &[u8], key: Option<&Key>) -> Result<(Vec<u8>, String), SignError> {
    let refused = |why: String| SignError::Refused(why);
    let armored = signature.starts_with(b"-----BEGIN SSH SIGNATURE-----");
    let (bytes, key) = if armored || signature.starts_with(b"SSHSIG") {
        let parsed = sshsig::parse(signature).map_err(|e| refused(e.to_string()))?;
        if let Some(key) = key.filter(|k| **k != parsed.key) {
            return Err(refused(format!(
                "the signature was made with the key {}, not with {}",
                parsed.key.fingerprint(),
                key.fingerprint()
            )));
        }
        let pae = to_sign(record).map_err(|e| refused(e.to_string()))?;
        sshsig::verify(&parsed, &pae, RECORD_NAMESPACE, &parsed.key).map_err(|e| refused(e.to_string()))?;
        (sshsig::binary(signature).map_err(|e| refused(e.to_string()))?, parsed.key)
    } else {
        let key = key.ok_or_else(|| refused("a raw signature does not say whose it is: name the key with --public-key FILE".to_owned()))?;
        let pae = to_sign(record).map_err(|e| refused(e.to_string()))?;
        if !key.verify(&pae, signature) {
            return Err(refused(format!("it is no signature of the key {} over this record", key.fingerprint())));
        }
        (signature.to_vec(), key.clone())
    };
    let print = key.fingerprint().to_owned();
    Ok((add(record, &print, |_| Ok(bytes))?, print))
}

/// Signs the statement of somebody else's record, apart from the envelope around it: the public key as OpenSSH writes it in
/// binary, and the signature.
///
/// # Errors
/// As [`sign`].
pub fn sign_apart(payload: &[u8], signer: &dyn Signer) -> Result<(Vec<u8>, Vec<u8>), SignError> {
    read(payload).map_err(|e| SignError::Refused(e.to_string()))?;
    let blob = signer.public_key().to_bytes().map_err(|e| SignError::NotAKey(e.to_string()))?;
    Ok((blob, signature_over(payload, signer)?.1))
}

/// Whether a signature of the key with that fingerprint can still be added to a record.
///
/// # Errors
/// As [`add_signature`].
pub fn may_add(record: &[u8], print: &str) -> Result<(), SignError> {
    open_for(record, print).map(drop)
}

/// Adds what `signature` makes over the payload.
fn add(record: &[u8], print: &str, signature: impl FnOnce(&[u8]) -> Result<Vec<u8>, SignError>) -> Result<Vec<u8>, SignError> {
    let mut envelope = open_for(record, print)?;
    let sig = signature(&envelope.payload)?;
    envelope.signatures.push(Signature { keyid: print.into(), sig });
    Ok(dsse::write(&envelope))
}

/// The envelope of a record that a signature of that key can be added to.
fn open_for(record: &[u8], print: &str) -> Result<Envelope, SignError> {
    let refused = |e: RecordError| SignError::Refused(e.to_string());
    let envelope = dsse::parse(record).map_err(|e| refused(RecordError::Envelope(e)))?;
    if envelope.payload_type != IN_TOTO {
        let shown = crate::text::Shown::new(&envelope.payload_type).cut(120).to_string();
        return Err(refused(RecordError::PayloadType(shown)));
    }
    read(&envelope.payload).map_err(refused)?;
    if envelope.signatures.iter().any(|s| s.keyid.as_bytes() == print.as_bytes()) {
        return Err(SignError::Refused(format!("the key {print} has signed this record already")));
    }
    if envelope.signatures.len() >= MAX_SIGNATURES {
        return Err(SignError::Refused(format!("the record has {MAX_SIGNATURES} signatures already")));
    }
    Ok(envelope)
}
