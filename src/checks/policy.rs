//! The room's policy: what the reviewer brings.

use std::collections::BTreeSet;

use serde::Deserialize;

/// One question of the checklist.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChecklistEntry {
    /// Stable id, used in records.
    pub id: String,
    /// The question.
    pub question: String,
}

/// An identity that may sign Sigstore bundles.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SigstoreIdentity {
    /// The certificate's identity (SAN): an e-mail address or the URI of a workflow.
    pub identity: String,
    /// The OIDC issuer that must vouch for it.
    pub issuer: String,
}

/// What Sigstore bundles are checked with.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SigstorePolicy {
    /// Path of `trusted_root.json`, relative to the policy file.
    pub trusted_root: String,
    /// Its SHA-256 in hexadecimal.
    pub trusted_root_sha256: String,
    /// Who may have signed.
    #[serde(default)]
    pub identities: Vec<SigstoreIdentity>,
}

/// The policy file (TOML). Every field may be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Builders (`builder.id`) that the room accepts. With none listed, (e) is "cannot tell".
    pub builders: BTreeSet<String>,
    /// Globs of source paths that must be read, beside those of the bundle.
    pub required: Vec<String>,
    /// Causes (their words) whose differences the room accepts without a ruling of their own.
    pub accepted_causes: BTreeSet<String>,
    /// The checklist.
    pub checklist: Vec<ChecklistEntry>,
    /// Path of the `allowed_signers` file, relative to the policy file.
    pub allowed_signers: Option<String>,
    /// Path of the OpenPGP keys that the room trusts, relative to the policy file.
    pub openpgp_keyring: Option<String>,
    /// What Sigstore bundles are checked with; with none, they are "cannot tell".
    pub sigstore: Option<SigstorePolicy>,
}

/// What is wrong with a policy file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {what}")]
pub struct PolicyError {
    /// Line, from 1.
    pub line: u64,
    /// Column, from 1.
    pub column: u64,
    /// What is wrong.
    pub what: String,
}

impl Policy {
    /// Reads a policy.
    ///
    /// # Errors
    /// With line and column of what is wrong: bad TOML, an unknown key, a wrong type, a duplicate checklist id.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let place = |offset: usize, what: String| {
            let (line, column) = crate::json::line_column(text.as_bytes(), offset);
            PolicyError { line, column, what }
        };
        let policy: Self =
            toml::from_str(text).map_err(|e| place(e.span().map_or(0, |s| s.start), crate::text::Shown::new(e.message()).to_string()))?;
        if let Some(sigstore) = &policy.sigstore
            && sigstore.trusted_root_sha256.parse::<crate::digest::Sha256>().is_err()
        {
            let at = text.find("trusted_root_sha256").unwrap_or(0);
            return Err(place(at, "\"trusted_root_sha256\" is not a SHA-256: 64 hexadecimal digits".to_owned()));
        }
        let mut seen = BTreeSet::new();
        for entry in &policy.checklist {
            if !seen.insert(&entry.id) {
                let at = text.rfind(&format!("\"{}\"", entry.id)).unwrap_or(0);
                return Err(place(at, format!("the checklist has the id \"{}\" twice", crate::text::Shown::new(&entry.id))));
            }
        }
        Ok(policy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_all_fields_and_says_where_one_is_wrong() {
        let text = "builders = [\"https://b\"]\nrequired = [\"src/**\"]\n[[checklist]]\nid = \"c1\"\nquestion = \"Is it?\"\n";
        let policy = Policy::parse(text).expect("valid");
        assert_eq!(policy.checklist[0].id, "c1");
        let error = Policy::parse("builders = [\"x\"]\nrequird = []\n").expect_err("unknown key");
        assert_eq!((error.line, error.column), (2, 1));
        let error = Policy::parse("\nbuilders = 3").expect_err("wrong type");
        assert_eq!(error.line, 2);
        let text = |digest: &str| {
            format!(
                "[sigstore]\ntrusted_root = \"r.json\"\ntrusted_root_sha256 = \"{digest}\"\n[[sigstore.identities]]\nidentity = \"a@b\"\nissuer = \"https://i\"\n"
            )
        };
        assert_eq!(Policy::parse(&text(&"a".repeat(64))).expect("valid").sigstore.expect("there").identities[0].issuer, "https://i");
        assert_eq!(Policy::parse(&text("12")).expect_err("no digest").line, 3);
        let twice = "[[checklist]]\nid=\"a\"\nquestion=\"\"\n[[checklist]]\nid=\"a\"\nquestion=\"\"\n";
        assert_eq!(Policy::parse(twice).expect_err("twice").line, 5);
    }
}
