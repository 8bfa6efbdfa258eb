//! A statement that somebody else made and asks to have signed, read before a key is touched.

use super::{Dossier, RecordError, canonical, check_dossier, describe, verify};
use crate::digest::Sha256;
use crate::json;
use crate::review::Decision;
use crate::text::{Role, Row};

/// What would be signed, as the signer reads it.
#[derive(Clone, Debug)]
pub struct ToSign {
    /// The outcome.
    pub decision: Decision,
    /// The product.
    pub product: String,
    /// Its version.
    pub version: String,
    /// The bundle's identity.
    pub bundle: Sha256,
    /// Fingerprint of the key that the statement names.
    pub key: String,
    /// The seal that it states.
    pub seal: String,
    /// SHA-256 of the statement.
    pub digest: Sha256,
    /// All of it in words.
    pub rows: Vec<Row>,
}

impl ToSign {
    /// Reads a statement with its dossier.
    ///
    /// # Errors
    /// In words: it is no statement of a review, not in canonical form, names not exactly one key, or the dossier is not its
    /// own.
    pub fn read(payload: &[u8], dossier: &[u8]) -> Result<Self, String> {
        let said = |e: RecordError| e.to_string();
        let stated = verify::read(payload).map_err(said)?;
        let json = json::parse(payload).map_err(|e| e.to_string())?;
        if canonical::bytes(&json.to_serde()) != payload {
            return Err("the statement is not in canonical form: it could be read in two ways".to_owned());
        }
        if let Some(problem) = check_dossier(payload, dossier).into_iter().next() {
            return Err(problem);
        }
        let key = match stated.reviewers() {
            [(_, _, key)] if !key.is_empty() => key.clone(),
            [_] => {
                return Err("the statement names no key: say which with --key FILE or start an ssh-agent, and make it again".to_owned());
            }
            other => return Err(format!("the statement names {} reviewers, and one signs here", other.len())),
        };
        let seal = json.at(&["predicate", "seal"]).and_then(json::Json::as_str).unwrap_or_default().to_owned();
        let mut rows = describe(payload).map_err(said)?;
        if Dossier::parse(dossier).map_err(|e| e.to_string())?.lines.is_none() {
            let why = "the journal stays here: the dossier leaves it out; the record still names its head";
            rows.push(Row::new().with(Role::Unknown, why));
        }
        let (product, version, bundle) = stated.release();
        Ok(Self {
            decision: stated.decision(),
            product: product.to_owned(),
            version: version.to_owned(),
            bundle,
            key,
            seal,
            digest: Sha256::of(payload),
            rows,
        })
    }
}
