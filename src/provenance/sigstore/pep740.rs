//! PEP 740 attestations of a Python package index as Sigstore bundles: <https://peps.python.org/pep-0740/>.

use serde_json::{Value, json};

use super::{Reason, Refusal};
use crate::json::{self, Json};

/// Attestations of one provenance object that are read at most.
const MAX_ATTESTATIONS: usize = 64;

/// The bundles (version 0.3) that a PEP 740 attestation or provenance object stands for.
///
/// # Errors
/// [`Reason::Malformed`] with what is wrong, [`Reason::Unsupported`] for another version than 1.
pub fn bundles(bytes: &[u8]) -> Result<Vec<Vec<u8>>, Refusal> {
    let wrong = |why: String| Refusal::new(Reason::Malformed, format!("the PEP 740 attestation cannot be read: {why}"));
    let tree = json::parse(bytes).map_err(|e| wrong(format!("line {}, column {}: {}", e.line, e.column, e.what)))?;
    version(&tree)?;
    let Some(groups) = tree.get("attestation_bundles") else { return Ok(vec![bundle(&tree)?]) };
    let groups = groups.as_array().ok_or_else(|| wrong("\"attestation_bundles\" is not an array".to_owned()))?;
    let mut out = Vec::new();
    for group in groups {
        let list = group.get("attestations").and_then(Json::as_array);
        for one in list.ok_or_else(|| wrong("\"attestations\" is not an array".to_owned()))? {
            if out.len() >= MAX_ATTESTATIONS {
                return Err(wrong(format!("more than {MAX_ATTESTATIONS} attestations")));
            }
            version(one)?;
            out.push(bundle(one)?);
        }
    }
    if out.is_empty() { Err(wrong("it holds no attestation".to_owned())) } else { Ok(out) }
}

fn version(tree: &Json) -> Result<(), Refusal> {
    match tree.get("version").and_then(Json::as_integer) {
        Some(1) => Ok(()),
        Some(other) => Err(Refusal::new(Reason::Unsupported, format!("version {other} of PEP 740 attestations is not read"))),
        None => Err(Refusal::new(Reason::Malformed, "the PEP 740 attestation cannot be read: \"version\" is missing")),
    }
}

fn bundle(tree: &Json) -> Result<Vec<u8>, Refusal> {
    let field = |path: &[&str]| -> Result<Value, Refusal> {
        let found = tree.at(path).map(Json::to_serde);
        found.ok_or_else(|| {
            Refusal::new(Reason::Malformed, format!("the PEP 740 attestation cannot be read: \"{}\" is missing", path.join(".")))
        })
    };
    let made = json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {
            "certificate": { "rawBytes": field(&["verification_material", "certificate"])? },
            "tlogEntries": field(&["verification_material", "transparency_entries"])?,
            "timestampVerificationData": { "rfc3161Timestamps": [] },
        },
        "dsseEnvelope": {
            "payload": field(&["envelope", "statement"])?,
            "payloadType": super::IN_TOTO,
            "signatures": [{ "sig": field(&["envelope", "signature"])? }],
        },
    });
    Ok(made.to_string().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let of = |text: &str| bundles(text.as_bytes()).unwrap_err();
        assert!(of("{\"version\":1}").why.contains("\"verification_material.certificate\" is missing"));
        assert_eq!(of("{\"version\":2}").reason, Reason::Unsupported);
        assert_eq!(of("{\"version\":1,\"attestation_bundles\":[]}").reason, Reason::Malformed);
        assert_eq!(of("{\"version\":1,\"attestation_bundles\":[{}]}").reason, Reason::Malformed);
        assert_eq!(of("{\"version\":1,\"version\":1}").reason, Reason::Malformed);
    }

    #[test]
    fn one_and_several_become_bundles() {
        let one = r#"{"version":1,"verification_material":{"certificate":"AA==","transparency_entries":[]},"envelope":{"statement":"e30=","signature":"AA=="}}"#;
        let made = bundles(one.as_bytes()).unwrap();
        let value: Value = serde_json::from_slice(&made[0]).unwrap();
        assert_eq!(value["dsseEnvelope"]["payload"], "e30=");
        let many = format!(r#"{{"version":1,"attestation_bundles":[{{"publisher":{{}},"attestations":[{one},{one}]}}]}}"#);
        assert_eq!(bundles(many.as_bytes()).unwrap().len(), 2);
    }
}
