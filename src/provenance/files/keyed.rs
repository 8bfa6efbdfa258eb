//! Sigstore bundles that are signed with a key in place of a certificate: the bundle has a hint, and who the key is of is said by the
//! reviewer's signers alone.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::digest::Sha256;
use crate::model::{Answer, Outcome, Question, SignatureReport};
use crate::text::Untrusted;

use super::super::checker::{self, Checked};
use super::super::key::Key;
use super::super::sigstore::{Artifact, Bundle, Reason, Refusal, Verified, Wanted};
use super::super::{ATTESTATION_NAMESPACE, FILE_NAMESPACE, SigstoreTrust, judge};
use super::Work;

/// What came of a bundle: what it says, the answers about signature, signer and time, and the signature by itself.
pub(super) type Outcomes = (Result<Verified, Refusal>, [Answer; 3], SignatureReport);

/// Whether a hint is that of the key: the SHA-256 of its DER, as cosign and npm write it. Another hint says nothing.
fn is_hint_of(hint: &str, der: &[u8]) -> bool {
    let digits = hint.strip_prefix("SHA256:").unwrap_or(hint).trim_end_matches('=');
    digits == STANDARD_NO_PAD.encode(Sha256::of(der).0)
}

impl Work<'_, '_> {
    pub(super) fn by_key(&mut self, bundle: &Bundle, artifact: &Artifact<'_>, trust: SigstoreTrust<'_>) -> Outcomes {
        let hint = bundle.hint().unwrap_or_default().to_owned();
        let mut keys: Vec<(Key, Vec<u8>)> = self.checker.known().filter_map(|k| Some((k.clone(), k.to_der()?))).collect();
        if keys.iter().any(|(_, der)| is_hint_of(&hint, der)) {
            keys.retain(|(_, der)| is_hint_of(&hint, der));
        }
        let keyid = Untrusted::from(hint.as_str());
        // What a key that is the one has to say against the bundle counts; that another key did not sign it says nothing.
        let (mut against, none) = (None, keys.is_empty());
        for (key, der) in keys {
            if !self.checker.spend(bundle.size()) {
                return refused(checker::exhausted(keyid), Reason::Unsupported);
            }
            match bundle.verify(artifact, &Wanted::Key(&der), trust.root, trust.now) {
                Ok(verified) => return self.of_key(&key, bundle, keyid, verified),
                Err(refusal) if bundle.is_signed_by(&key) || is_hint_of(&hint, &der) => against = Some((key, refusal)),
                Err(_) => {}
            }
        }
        match against {
            Some((key, refusal)) => {
                let why = format!("{} (with the key {}, {})", refusal.why, self.checker.called(key.fingerprint()), key.fingerprint());
                let known = if refusal.reason == Reason::ClockBehind { checker::unknown(keyid, why) } else { checker::bad(keyid, why) };
                refused(known, refusal.reason)
            }
            None => {
                let shown = if hint.is_empty() { "it names none".to_owned() } else { format!("it names {}", keyid.shown().cut(80)) };
                let lack = if none { "no key is known to check it with" } else { "no key that is known here verifies it" };
                refused(checker::unknown(keyid, format!("it is signed with a key, and {lack} ({shown})")), Reason::KeyInvalid)
            }
        }
    }

    fn of_key(&self, key: &Key, bundle: &Bundle, keyid: Untrusted, verified: Verified) -> Outcomes {
        let namespace = if bundle.statement.is_some() { ATTESTATION_NAMESPACE } else { FILE_NAMESPACE };
        // The log says when it was signed: an entry that is limited in time is judged then.
        let time = verified.times.last().and_then(|t| t.parse::<jiff::Timestamp>().ok()).map(jiff::Timestamp::as_second);
        let checked = self.checker.judge(key, keyid, namespace, true, time);
        let pair = judge::signature_and_signer(std::slice::from_ref(&checked), self.checker.has_no_signers(), (Outcome::No, ""));
        let [mut signature, signer] = pair;
        signature.reason.push_str("; log entry and timestamp hold");
        let at = verified.times.first().map_or("", String::as_str);
        let reason = format!("signed at {at}, authenticated by a log or timestamp authority of the trusted root");
        let time = Answer { question: Question::Time, outcome: Outcome::Yes, reason };
        (Ok(verified), [signature, signer, time], checked.report)
    }
}

fn refused(checked: Checked, reason: Reason) -> Outcomes {
    let [signature, signer] = judge::signature_and_signer(std::slice::from_ref(&checked), false, (Outcome::No, ""));
    let why = checked.report.reason.clone();
    (Err(Refusal { reason, why }), [signature, signer, judge::time()], checked.report)
}
