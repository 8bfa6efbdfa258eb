//! Which key made a signature, and what that key is worth: the reviewer's, an offer of the bundle, or nobody's.

use std::collections::BTreeSet;

use crate::digest::Sha256;
use crate::model::{OfferedKey, Outcome, SignatureReport};
use crate::text::{Shown, Untrusted};

use super::dsse::Signature;
use super::key::Key;
use super::public::PublicKey;
use super::signers::{AllowedSigners, Standing};
use super::{minisign, sshsig};

/// Work that checking one bundle's signatures may take, in bytes hashed; one check costs at least [`FLOOR`].
const BUDGET: u64 = 2 << 30;
/// What one check of a short message costs, in bytes hashed in the same time.
const FLOOR: u64 = 32 << 10;
/// Keys that a bundle may offer.
const MAX_OFFERS: usize = 256;

/// What is known of who made a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// A signer whom the reviewer allows for this.
    Trusted,
    /// In the reviewer's file, not allowed for this: why.
    Refused(String),
    /// In the reviewer's file, limited in a way that cannot be judged: why.
    Unjudged(String),
    /// Good, with a key that the reviewer does not list: what it is called, where it came from.
    Stranger(String),
    /// Does not verify with the key that it names: why.
    Bad(String),
    /// No key is known that verifies it: why.
    Unknown(String),
}

/// A signature and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Checked {
    pub(crate) who: Who,
    pub(crate) report: SignatureReport,
}

impl Checked {
    /// Whether the signature itself is good, whoever made it.
    pub(crate) fn is_good(&self) -> bool {
        !matches!(self.who, Who::Bad(_) | Who::Unknown(_))
    }
}

/// A key that the bundle offers.
struct Offer {
    /// As it is shown.
    called: String,
    owner: String,
    file: Untrusted,
    key: Key,
}

/// Checks signatures against the reviewer's signers, then against the bundle's offers.
pub(crate) struct Checker<'a> {
    signers: &'a AllowedSigners,
    keys: Vec<&'a Key>,
    offers: Vec<Offer>,
    /// Keys of minisign and signify that the bundle offers, with the file.
    minisign: Vec<(Untrusted, minisign::Key)>,
    spent: u64,
}

impl<'a> Checker<'a> {
    pub(crate) fn new(signers: &'a AllowedSigners) -> Self {
        let mut seen = BTreeSet::new();
        let keys = signers.entries().iter().map(|e| &e.key).filter(|k| seen.insert(k.fingerprint())).collect();
        Self { signers, keys, offers: Vec::new(), minisign: Vec::new(), spent: 0 }
    }

    /// Takes the keys of a file of `data/trust`: an `allowed_signers` file or a public key of OpenSSH, minisign or signify. Anything else offers nothing.
    pub(crate) fn offer(&mut self, file: &Untrusted, bytes: &[u8]) {
        if minisign::is_one(bytes) {
            if let Ok(key) = minisign::Key::parse(bytes)
                && self.minisign.len() < MAX_OFFERS
            {
                self.minisign.push((file.clone(), key));
            }
            return;
        }
        let found = match AllowedSigners::parse(bytes) {
            // As cosign writes them.
            _ if bytes.trim_ascii_start().starts_with(b"-----BEGIN PUBLIC KEY-----") => {
                PublicKey::parse(bytes).and_then(|key| Key::of(&key)).map(|key| (String::new(), key)).into_iter().collect()
            }
            Ok(list) => list.entries().iter().map(|e| (e.principals.clone(), e.key.clone())).collect(),
            Err(_) => std::str::from_utf8(bytes)
                .ok()
                .and_then(|text| Key::from_line(text).ok().map(|k| (text.split_ascii_whitespace().nth(2).unwrap_or("").to_owned(), k)))
                .into_iter()
                .collect::<Vec<_>>(),
        };
        for (called, key) in found {
            if self.offers.len() < MAX_OFFERS && !self.offers.iter().any(|o| o.key == key) {
                self.offers.push(Offer { called: Shown::new(&called).cut(80).to_string(), owner: called, file: file.clone(), key });
            }
        }
    }

    /// What the bundle offers, in the order in which it was read.
    pub(crate) fn offered(&self, keys: &minisign::Keys) -> Vec<OfferedKey> {
        let mine = |key: &minisign::Key| keys.iter().find(|(_, k)| k.blob() == key.blob()).map(|(name, _)| name.to_owned());
        let others = self.minisign.iter().map(|(file, key)| OfferedKey {
            called: key.comment.clone(),
            file: file.clone(),
            kind: "minisign".to_owned(),
            fingerprint: key.id(),
            sha256: key.fingerprint(),
            known_as: mine(key),
        });
        let known = |print: &str| self.signers.find(print).next().map(|e| Shown::new(&e.principals).cut(80).to_string());
        self.offers
            .iter()
            .map(|o| OfferedKey {
                called: o.owner.as_str().into(),
                file: o.file.clone(),
                kind: o.key.kind(),
                fingerprint: o.key.fingerprint().to_owned(),
                sha256: Sha256::of(o.key.blob()),
                known_as: known(o.key.fingerprint()),
            })
            .chain(others)
            .collect()
    }

    /// Whether there is no key at all to check with.
    pub(crate) fn has_no_signers(&self) -> bool {
        self.signers.is_empty()
    }

    /// The keys that are known: the reviewer's, then those that the bundle offers.
    pub(crate) fn known(&self) -> impl Iterator<Item = &Key> {
        self.keys.iter().copied().chain(self.offers.iter().map(|o| &o.key))
    }

    /// Takes one check of a message of that size off the bound on work; `false` when nothing is left of it.
    pub(crate) fn spend(&mut self, size: usize) -> bool {
        self.spent = self.spent.saturating_add(FLOOR).saturating_add(size as u64);
        self.spent <= BUDGET
    }

    /// Checks one signature of an envelope over `message`.
    pub(crate) fn check(&mut self, signature: &Signature, message: &[u8], namespace: &str) -> Checked {
        if signature.sig.starts_with(b"SSHSIG") {
            return match sshsig::parse(&signature.sig) {
                Ok(parsed) => self.check_sshsig(&parsed, signature.keyid.clone(), message, namespace),
                Err(e) => bad(signature.keyid.clone(), e.to_string()),
            };
        }
        if self.spent > BUDGET {
            return exhausted(signature.keyid.clone());
        }
        let hint = signature.keyid.lossy().into_owned();
        let mut candidates: Vec<&Key> = self.keys.iter().copied().chain(self.offers.iter().map(|o| &o.key)).collect();
        // The key id only says which key to try first.
        candidates.sort_by_key(|k| k.fingerprint() != hint);
        let mut found = None;
        for key in candidates.iter().filter(|k| k.signs_raw()) {
            self.spent = self.spent.saturating_add(FLOOR).saturating_add(message.len() as u64);
            if self.spent > BUDGET {
                return unknown(
                    signature.keyid.clone(),
                    "not checked: the bundle has more signatures than the bound on work allows".to_owned(),
                );
            }
            if key.verify(message, &signature.sig) {
                found = Some((*key).clone());
                break;
            }
        }
        if let Some(key) = found {
            return self.judge(&key, signature.keyid.clone(), namespace, true, None);
        }
        match candidates.first().filter(|k| k.fingerprint() == hint) {
            Some(key) if key.signs_raw() => {
                let whose = self.called(&hint);
                bad(
                    signature.keyid.clone(),
                    format!("the signature does not match the bytes: it names the key {whose} {hint}, which does not verify it"),
                )
            }
            Some(key) => unknown(signature.keyid.clone(), format!("raw signatures of {} keys are not checked by this version", key.kind())),
            None if candidates.is_empty() => unknown(signature.keyid.clone(), "no key is known to check it with".to_owned()),
            None => {
                let hint = if hint.is_empty() { "it names no key".to_owned() } else { format!("it names {}", Shown::new(&hint).cut(80)) };
                unknown(signature.keyid.clone(), format!("no key that is known here verifies it ({hint})"))
            }
        }
    }

    /// Checks an SSHSIG over `message`.
    pub(crate) fn check_sshsig(&mut self, signature: &sshsig::SshSig, keyid: Untrusted, message: &[u8], namespace: &str) -> Checked {
        self.spent = self.spent.saturating_add(FLOOR).saturating_add(message.len() as u64);
        if self.spent > BUDGET {
            return exhausted(keyid);
        }
        match sshsig::verify(signature, message, namespace, &signature.key) {
            Ok(()) => self.judge(&signature.key, keyid, namespace, false, None),
            Err(e @ sshsig::SshSigError::Unsupported(_)) => unknown(keyid, e.to_string()),
            Err(e) => {
                let print = signature.key.fingerprint().to_owned();
                bad(keyid, format!("{e} (key {} {print})", self.called(&print)))
            }
        }
    }

    /// Checks a signature of minisign or signify over `message`: by the reviewer's keys, else by what the bundle offers.
    pub(crate) fn check_minisign(&mut self, signature: &minisign::Signature, message: &[u8], keys: &minisign::Keys) -> Checked {
        let (id, kind) = (signature.key_id(), signature.kind());
        let keyid = Untrusted::from(id.as_str());
        self.spent = self.spent.saturating_add(FLOOR).saturating_add(message.len() as u64);
        if self.spent > BUDGET {
            return exhausted(keyid);
        }
        let print = format!("{kind} {id}");
        let mut worst = None;
        for (name, key) in keys.iter().filter(|(_, k)| k.id() == id) {
            match signature.verify(message, key) {
                Ok(()) => {
                    let reason = format!("signed by {name} {print}");
                    let (principal, fingerprint) = (Some(name.to_owned()), Some(print));
                    let report = SignatureReport { keyid, outcome: Outcome::Yes, principal, fingerprint, reason };
                    return Checked { who: Who::Trusted, report };
                }
                Err(why) => worst = Some(format!("{why} (key {name} {print})")),
            }
        }
        if let Some(why) = worst {
            return bad(keyid, why);
        }
        for (file, key) in self.minisign.iter().filter(|(_, k)| k.id() == id) {
            let at = file.shown().cut_start(120);
            match signature.verify(message, key) {
                Ok(()) => {
                    let from = format!("the key {print}, which the bundle itself offers in {at}");
                    let reason = format!("good with {from}; not among the reviewer's minisign keys");
                    let report = SignatureReport { keyid, outcome: Outcome::CannotTell, principal: None, fingerprint: Some(print), reason };
                    return Checked { who: Who::Stranger(from), report };
                }
                Err(why) => worst = Some(format!("{why} (key {print}, offered in {at})")),
            }
        }
        match worst {
            Some(why) => bad(keyid, why),
            None => unknown(keyid, format!("it names the key {print}, which is not known here")),
        }
    }

    /// What a key is called: its principals in the reviewer's file, or in the bundle's offer.
    pub(crate) fn called(&self, fingerprint: &str) -> String {
        let mine = self.signers.find(fingerprint).next().map(|e| Shown::new(&e.principals).cut(80).to_string());
        mine.or_else(|| self.offers.iter().find(|o| o.key.fingerprint() == fingerprint).map(|o| format!("of {}'s offer", o.called)))
            .unwrap_or_else(|| "of nobody known".to_owned())
    }

    /// What a good signature by `key` is worth; `raw` when the signature does not carry the key itself; `time` when it is
    /// known when it was made.
    pub(crate) fn judge(&self, key: &Key, keyid: Untrusted, namespace: &str, raw: bool, time: Option<i64>) -> Checked {
        let print = key.fingerprint().to_owned();
        let mut best: Option<(Who, Option<String>)> = None;
        for entry in self.signers.find(&print) {
            let called = Some(entry.principals.clone());
            match entry.standing(namespace, time.or(self.signers.time())) {
                Standing::Allowed => {
                    best = Some((Who::Trusted, called));
                    break;
                }
                Standing::Unknown(why) => best = Some((Who::Unjudged(why), called)),
                Standing::Refused(why) if best.is_none() => best = Some((Who::Refused(why), called)),
                Standing::Refused(_) => {}
            }
        }
        let (who, principal) = best.unwrap_or_else(|| {
            let offer = self.offers.iter().find(|o| o.key.fingerprint() == print);
            let from = match offer {
                Some(o) => format!("{} {print}, a key that the bundle itself offers in {}", o.called, o.file.shown()),
                None if raw => format!("the key {print}"),
                None => format!("the key {print}, which only the signature itself carries"),
            };
            (Who::Stranger(from), None)
        });
        let principal = principal.map(|p| Shown::new(&p).cut(80).to_string());
        let (outcome, reason) = match &who {
            Who::Trusted => (Outcome::Yes, format!("signed by {} {print}", principal.as_deref().unwrap_or(""))),
            Who::Refused(why) => (Outcome::No, format!("good, and {why}")),
            Who::Unjudged(why) => (Outcome::CannotTell, format!("good, and {why}")),
            Who::Stranger(from) => (Outcome::CannotTell, format!("good with {from}; not among the reviewer's allowed signers")),
            Who::Bad(why) | Who::Unknown(why) => (Outcome::No, why.clone()),
        };
        let fingerprint = Some(print);
        Checked { who, report: SignatureReport { keyid, outcome, principal, fingerprint, reason } }
    }
}

pub(crate) fn bad(keyid: Untrusted, reason: String) -> Checked {
    let report = SignatureReport { keyid, outcome: Outcome::No, principal: None, fingerprint: None, reason: reason.clone() };
    Checked { who: Who::Bad(reason), report }
}

pub(crate) fn unknown(keyid: Untrusted, reason: String) -> Checked {
    let report = SignatureReport { keyid, outcome: Outcome::CannotTell, principal: None, fingerprint: None, reason: reason.clone() };
    Checked { who: Who::Unknown(reason), report }
}

pub(crate) fn exhausted(keyid: Untrusted) -> Checked {
    unknown(keyid, "not checked: the bundle has more signatures than the bound on work allows".to_owned())
}
