//! Where a finding or a note is, as a record names it: places, spans and digests of what was seen; never the text that is there.

use std::collections::BTreeMap;

use serde_json::Value;

use super::statement::{object, sha};
use crate::digest::Sha256;
use crate::review;

/// What a digest of an anchor is of. No other word is written, and no other is read.
pub(super) const DIGESTS: [&str; 7] = ["source", "lines", "shipped", "rebuilt", "range", "statement", "verdict"];

/// Where a finding is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Anchor {
    /// Path in the source tree; else the file of an attestation, the artifact, `chain`, `check` or `checklist`.
    pub path: String,
    /// First line, from 1, where that applies.
    pub line: Option<u64>,
    /// Last line of a span of several.
    pub to_line: Option<u64>,
    /// Id of the source file's blob.
    pub blob: Option<String>,
    /// The artifact, member by member, where the path is one of the source.
    pub artifact: Option<String>,
    /// The function, as its symbol claims.
    pub function: Option<String>,
    /// Address in the shipped file.
    pub address: Option<u64>,
    /// Address after the last byte of a range.
    pub to_address: Option<u64>,
    /// What of it: the question that an attestation answers, a link of the chain, the code of a check.
    pub field: Option<String>,
    /// SHA-256 of what was seen, by what it is of: `source` (the file), `lines` (of the span), `shipped` and `rebuilt` (the
    /// contents), `range` (the bytes at the addresses), `statement` (the signed bytes),
    /// `verdict` (of a check or a link, with its reason and evidence).
    pub digests: BTreeMap<String, Sha256>,
    /// What the first records had: one digest, of whichever of these there was.
    pub sha256: Option<Sha256>,
}

impl Anchor {
    /// The anchor of a finding or a note; `None` when it names no place.
    #[must_use]
    pub fn of(at: &review::Anchor) -> Option<Self> {
        let path = at.path.clone().unwrap_or_else(|| at.place.clone());
        if path.is_empty() {
            return None;
        }
        let digests = DIGESTS.into_iter().zip([&at.content, &at.span, &at.shipped, &at.rebuilt, &at.range, &at.statement, &at.verdict]);
        Some(Self {
            artifact: Some(at.place.clone()).filter(|place| *place != path && !place.is_empty()),
            path,
            line: at.line,
            to_line: at.to_line,
            blob: at.blob.clone(),
            function: at.function.clone(),
            address: at.address,
            to_address: at.to_address,
            field: at.field.clone(),
            digests: digests.filter_map(|(name, d)| Some((name.to_owned(), d.as_ref()?.parse().ok()?))).collect(),
            sha256: None,
        })
    }

    pub(super) fn value(&self) -> Value {
        let text = |t: &Option<String>| t.as_deref().map(Value::from);
        // An address has more digits than a number of JSON can be trusted with.
        let hex = |a: Option<u64>| a.map(|a| Value::from(format!("{a:#x}")));
        let digests = self.digests.iter().map(|(name, digest)| (name.clone(), sha(*digest)));
        object([
            ("path", Some(self.path.as_str().into())),
            ("line", self.line.map(Value::from)),
            ("toLine", self.to_line.map(Value::from)),
            ("blob", text(&self.blob)),
            ("artifact", text(&self.artifact)),
            ("function", text(&self.function)),
            ("address", hex(self.address)),
            ("toAddress", hex(self.to_address)),
            ("field", text(&self.field)),
            ("digests", (!self.digests.is_empty()).then(|| Value::Object(digests.collect()))),
            ("digest", self.sha256.map(sha)),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(at: &review::Anchor) -> String {
        Anchor::of(at).map(|a| a.value().to_string()).unwrap_or_default()
    }

    #[test]
    fn each_kind_of_place_is_told_with_all_its_digests() {
        let digest = |n: u8| Some(Sha256([n; 32]).to_string());
        let source = review::Anchor {
            place: "src/a.c".into(),
            path: Some("src/a.c".into()),
            line: Some(3),
            to_line: Some(9),
            blob: Some("b10b".into()),
            content: digest(1),
            span: digest(2),
            ..review::Anchor::default()
        };
        let told = value(&source);
        for part in [r#""line":3"#, r#""toLine":9"#, r#""blob":"b10b""#, r#""source":{"sha256":"0101"#, r#""lines":{"sha256":"0202"#] {
            assert!(told.contains(part), "{part}: {told}");
        }
        assert!(!told.contains("artifact"), "{told}");
        let code = review::Anchor {
            place: "x.deb!usr/bin/x".into(),
            function: Some("main".into()),
            address: Some(u64::MAX - 1),
            to_address: Some(u64::MAX),
            shipped: digest(3),
            rebuilt: digest(4),
            range: digest(5),
            path: Some("src/a.c".into()),
            line: Some(3),
            ..review::Anchor::default()
        };
        let told = value(&code);
        for part in [
            r#""path":"src/a.c""#,
            r#""artifact":"x.deb!usr/bin/x""#,
            r#""function":"main""#,
            r#""address":"0xfffffffffffffffe""#,
            r#""toAddress":"0xffffffffffffffff""#,
            r#""shipped":{"#,
            r#""rebuilt":{"#,
            r#""range":{"#,
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
        let claim = review::Anchor {
            place: "data/provenance/x.json".into(),
            field: Some("who".into()),
            statement: digest(6),
            ..review::Anchor::default()
        };
        assert!(value(&claim).contains(r#""field":"who""#) && value(&claim).contains(r#""statement":{"sha256":"0606"#));
        let check =
            review::Anchor { place: "check".into(), field: Some("source.commit".into()), verdict: digest(7), ..review::Anchor::default() };
        assert!(value(&check).contains(r#""path":"check""#) && value(&check).contains(r#""verdict":{"sha256":"0707"#));
        assert_eq!(Anchor::of(&review::Anchor::default()), None);
    }
}
