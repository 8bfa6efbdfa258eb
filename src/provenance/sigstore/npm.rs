//! What the npm registry answers for the attestations of a package: a list of Sigstore bundles.

use std::iter;

use super::{Reason, Refusal};
use crate::json::{self, Json};

/// Attestations of one document that are read at most.
const MAX_ATTESTATIONS: usize = 64;

/// Whether a document is one: its attestations hold bundles.
pub(crate) fn is_npm(tree: &Json) -> bool {
    tree.get("attestations").and_then(Json::as_array).is_some_and(|all| all.iter().any(|one| one.get("bundle").is_some()))
}

/// The bundles that it holds, in order.
///
/// # Errors
/// [`Reason::Malformed`] with what is wrong.
pub fn bundles(bytes: &[u8]) -> Result<Vec<Vec<u8>>, Refusal> {
    let wrong = |why: String| Refusal::new(Reason::Malformed, format!("the npm attestations cannot be read: {why}"));
    let tree = json::parse(bytes).map_err(|e| wrong(format!("line {}, column {}: {}", e.line, e.column, e.what)))?;
    let list = tree.get("attestations").and_then(Json::as_array).ok_or_else(|| wrong("\"attestations\" is no array".to_owned()))?;
    if list.is_empty() || list.len() > MAX_ATTESTATIONS {
        return Err(wrong(format!("{} attestations, where 1 to {MAX_ATTESTATIONS} are right", list.len())));
    }
    let own = |one: &Json| Some(one.get("bundle")?.to_serde().to_string().into_bytes());
    iter::zip(1.., list).map(|(n, one)| own(one).ok_or_else(|| wrong(format!("attestation {n} has no \"bundle\"")))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_attestation_must_hold_a_bundle() {
        let of = |text: &str| bundles(text.as_bytes());
        assert_eq!(of(r#"{"attestations":[{"bundle":{"a":1}},{"bundle":{"b":"x"}}]}"#).unwrap(), [&b"{\"a\":1}"[..], b"{\"b\":\"x\"}"]);
        assert!(of(r#"{"attestations":[{"bundle":{}},{}]}"#).unwrap_err().why.contains("attestation 2 has no \"bundle\""));
        assert!(of(r#"{"attestations":[]}"#).unwrap_err().why.contains("0 attestations"));
        let many = vec!["{\"bundle\":{}}"; 65].join(",");
        assert_eq!(of(&format!("{{\"attestations\":[{many}]}}")).unwrap_err().reason, Reason::Malformed);
        let is = |text: &str| is_npm(&json::parse(text.as_bytes()).unwrap());
        assert!(is(r#"{"attestations":[{},{"bundle":{}}]}"#) && !is(r#"{"attestations":[]}"#) && !is(r#"{"attestations":3}"#));
    }
}
