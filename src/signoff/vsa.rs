//! A verification summary beside an approval (SLSA v1.1, Verification Summary Attestation): for tools that know no other form.
//!
//! It says less than the record, which it names by digest: that somebody reviewed these artifacts under that policy, and
//! approved. It claims no SLSA level.

use serde_json::{Value, json};

use crate::digest::Sha256;
use crate::json::{self, Json};

use super::statement::object;
use super::{RecordError, canonical, verify};

/// The `predicateType` of SLSA's verification summaries.
const VSA: &str = "https://slsa.dev/verification_summary/v1";

/// The statement of a verification summary for a record, whose bytes are `record`; `verifier` is the URI that the room calls
/// itself by.
///
/// # Errors
/// When the record is none or no approval, or the URI is none.
pub fn verification_summary(record: &[u8], verifier: &str) -> Result<Vec<u8>, String> {
    let payload = super::payload(record).map_err(|e| e.to_string())?;
    let stated = verify::read(&payload).map_err(|e: RecordError| e.to_string())?;
    if !stated.is_approval() {
        return Err("a verification summary says PASSED: it can be made beside an approval only".to_owned());
    }
    let scheme = verifier.split_once(':').map(|(scheme, _)| scheme).unwrap_or_default();
    if scheme.is_empty()
        || !scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
        || verifier.contains(char::is_whitespace)
    {
        return Err("the verifier is named by a URI, such as https://review.example/room or urn:example:room".to_owned());
    }
    let json = json::parse(&payload).map_err(|e| e.to_string())?;
    let text = |path: &[&str]| json.at(path).and_then(Json::as_str).unwrap_or_default();
    let (name, version) = (text(&["predicate", "release", "name"]), text(&["predicate", "release", "version"]));
    let policy = json.at(&["predicate", "policy"]).map(Json::to_serde);
    let predicate = json!({
        "verifier": { "id": verifier, "version": { "countersign": text(&["predicate", "tool", "version"]) } },
        "timeVerified": text(&["predicate", "time", "reviewedAt"]),
        "resourceUri": format!("pkg:generic/{}@{}", escaped(name), escaped(version)),
        "policy": object([("uri", Some(Value::from("urn:countersign:policy"))), ("digest", policy)]),
        "inputAttestations": [{ "uri": text(&["predicateType"]), "digest": { "sha256": Sha256::of(record).to_string() } }],
        "verificationResult": "PASSED",
        "verifiedLevels": ["SLSA_BUILD_LEVEL_UNEVALUATED"],
        "slsaVersion": "1.1",
    });
    Ok(canonical::bytes(&json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": json.get("subject").map(Json::to_serde),
        "predicateType": VSA,
        "predicate": predicate,
    })))
}

/// Percent-encoding of a part of a package URL (RFC 3986, unreserved characters stand for themselves).
fn escaped(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_become_parts_of_a_package_url() {
        assert_eq!(super::escaped("a b/é@1"), "a%20b%2F%C3%A9%401");
    }
}
