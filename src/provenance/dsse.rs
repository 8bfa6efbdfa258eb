//! DSSE: the envelope and what is signed of it (github.com/secure-systems-lab/dsse, protocol v1.0.2).

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::json::{self, Json};
use crate::text::Untrusted;

/// Signatures that one envelope may have.
pub const MAX_SIGNATURES: usize = 64;
/// The only payload type that is read here.
pub const IN_TOTO: &str = "application/vnd.in-toto+json";

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// One signature of an envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// What the envelope says of the key: a hint.
    pub keyid: Untrusted,
    /// The decoded bytes.
    pub sig: Vec<u8>,
}

/// An envelope. The payload is decoded once; these bytes are verified and then parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// What the payload is; part of what is signed.
    pub payload_type: String,
    /// The payload, exactly.
    pub payload: Vec<u8>,
    /// The signatures, at most [`MAX_SIGNATURES`].
    pub signatures: Vec<Signature>,
}

/// What is wrong with an envelope, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {what}")]
pub struct EnvelopeError {
    /// Line, from 1.
    pub line: u64,
    /// Column in characters, from 1.
    pub column: u64,
    /// What is wrong.
    pub what: String,
}

/// The pre-authentication encoding: what is signed.
#[must_use]
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut out = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    out.extend_from_slice(payload);
    out
}

/// Reads an envelope.
///
/// # Errors
/// With line and column: not JSON, a field missing or of the wrong type, not base64, more than [`MAX_SIGNATURES`] signatures.
/// A payload type other than in-toto's is no error here; the caller must look at it.
pub fn parse(bytes: &[u8]) -> Result<Envelope, EnvelopeError> {
    let json = json::parse(bytes).map_err(|e| EnvelopeError { line: e.line, column: e.column, what: e.what })?;
    from_json(&json, bytes)
}

/// Reads an envelope that is already JSON; `bytes` is its document, for places.
///
/// # Errors
/// As [`parse`].
pub fn from_json(json: &Json, bytes: &[u8]) -> Result<Envelope, EnvelopeError> {
    let place = |at: &Json, what: String| {
        let (line, column) = json::line_column(bytes, at.offset);
        EnvelopeError { line, column, what }
    };
    let string = |of: &Json, name: &str| -> Result<String, EnvelopeError> {
        let value = of.get(name).ok_or_else(|| place(of, format!("\"{name}\" is missing")))?;
        value.as_str().map(str::to_owned).ok_or_else(|| place(value, format!("\"{name}\" is {} where a string is right", value.kind())))
    };
    let binary = |of: &Json, name: &str| -> Result<Vec<u8>, EnvelopeError> {
        let text = string(of, name)?;
        decode(&text).ok_or_else(|| place(of.get(name).unwrap_or(of), format!("\"{name}\" is not base64")))
    };
    let payload_type = string(json, "payloadType")?;
    let payload = binary(json, "payload")?;
    let list = json.get("signatures").ok_or_else(|| place(json, "\"signatures\" is missing".to_owned()))?;
    let items = list.as_array().ok_or_else(|| place(list, format!("\"signatures\" is {} where an array is right", list.kind())))?;
    if items.len() > MAX_SIGNATURES {
        return Err(place(list, format!("{} signatures, over the bound of {MAX_SIGNATURES}", items.len())));
    }
    let mut signatures = Vec::with_capacity(items.len());
    for item in items {
        let keyid = match item.get("keyid").map(|k| (k, k.as_str())) {
            None => Untrusted::default(),
            Some((_, Some(text))) => text.into(),
            Some((k, None)) if matches!(k.value, json::Value::Null) => Untrusted::default(),
            Some((k, None)) => return Err(place(k, format!("\"keyid\" is {} where a string is right", k.kind()))),
        };
        signatures.push(Signature { keyid, sig: binary(item, "sig")? });
    }
    Ok(Envelope { payload_type, payload, signatures })
}

/// Writes an envelope as one line of JSON: payload, payloadType, signatures, standard base64.
#[must_use]
pub fn write(envelope: &Envelope) -> Vec<u8> {
    use base64::engine::general_purpose::STANDARD as B64;
    let text = |s: &str| serde_json::Value::from(s).to_string();
    let mut out =
        format!("{{\"payload\":\"{}\",\"payloadType\":{},\"signatures\":[", B64.encode(&envelope.payload), text(&envelope.payload_type));
    for (i, signature) in envelope.signatures.iter().enumerate() {
        let comma = if i == 0 { "" } else { "," };
        out.push_str(&format!("{comma}{{\"keyid\":{},\"sig\":\"{}\"}}", text(&signature.keyid.lossy()), B64.encode(&signature.sig)));
    }
    out.push_str("]}\n");
    out.into_bytes()
}

/// Base64 of either alphabet, with or without padding, as the protocol asks of a verifier.
fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        parse(text.as_bytes()).map_or_else(|e| e.to_string(), |v| format!("accepted: {v:?}"))
    }

    #[test]
    fn pae_is_that_of_the_protocol() {
        assert_eq!(pae("http://example.com/HelloWorld", b"hello world"), b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
        assert_eq!(pae("é", b""), "DSSEv1 2 é 0 ".as_bytes());
    }

    #[test]
    fn reads_the_protocols_example_and_either_base64() {
        let text = r#"{"payload": "aGVsbG8gd29ybGQ=",
 "payloadType": "http://example.com/HelloWorld",
 "signatures": [{"sig": "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="}]}"#;
        let envelope = parse(text.as_bytes()).unwrap();
        assert_eq!(envelope.payload, b"hello world");
        assert_eq!(envelope.signatures[0].sig.len(), 64);
        assert!(envelope.signatures[0].keyid.is_empty());
        let (head, sig) = text.split_once("\"sig\"").unwrap();
        let url = format!("{head}\"sig\"{}", sig.replace('+', "-").replace('/', "_").replace("==", ""));
        assert_ne!(url, text);
        assert_eq!(parse(url.as_bytes()).unwrap(), envelope);
        assert_eq!(parse(&write(&envelope)).unwrap(), envelope);
    }

    #[test]
    fn refuses_with_a_place() {
        assert_eq!(error("{}"), "line 1, column 1: \"payloadType\" is missing");
        assert_eq!(error("{\"payloadType\":\"a\",\n\"payload\":\"!\",\"signatures\":[]}"), "line 2, column 11: \"payload\" is not base64");
        assert_eq!(error("{\"payloadType\":\"a\",\"payload\":\"+_aa\",\"signatures\":[]}"), "line 1, column 30: \"payload\" is not base64");
        assert!(error("{\"payload\":\"\",\"payload\":\"\"}").contains("duplicate key"));
        let many = vec!["{\"sig\":\"\"}"; 65].join(",");
        assert!(
            error(&format!("{{\"payloadType\":\"a\",\"payload\":\"\",\"signatures\":[{many}]}}"))
                .contains("65 signatures, over the bound of 64")
        );
        assert!(error("[]").contains("missing"));
    }
}
