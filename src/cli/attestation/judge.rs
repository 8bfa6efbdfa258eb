//! The answers about one attestation, and which of them the options ask for.

mod files;

use color_eyre::eyre::bail;

use super::{Asked, Found};
use crate::json::{self, Json};
use crate::model::{Answer, Outcome, Question};
use crate::provenance::sigstore::{Artifact, Bundle, Reason, Refusal, Verified, Wanted, is_npm, npm_bundles, pep740_bundles};
use crate::provenance::{self, ATTESTATION_NAMESPACE, PublicKey, dsse, layout, minisign};
use crate::text::Shown;

const NOBODY: &str = "say who must have signed it: --identity S --issuer URL, --key FILE, --signers FILE, or a policy that names them";

/// Lines of one file that are read at most.
const MAX_LINES: usize = 1000;
/// What the signatures beside a list of checksums end in.
pub(super) const SIDECARS: [&str; 5] = [".sig", ".minisig", ".asc", ".gpg", ".sign"];
const PEP_740: &str = "PEP 740 attestation";
const NPM: &str = "npm attestation";

pub(super) fn answer(question: Question, outcome: Outcome, reason: impl Into<String>) -> Answer {
    Answer { question, outcome, reason: reason.into() }
}

pub(super) fn refused(kind: &str, reason: Reason, why: String) -> Found {
    Found {
        kind: kind.to_owned(),
        answers: Vec::new(),
        refused: Some((reason, why)),
        claims: Vec::new(),
        predicate_type: None,
        who: Vec::new(),
    }
}

/// Whether a file of that name is a list of checksums, whose signature stands beside it.
pub(super) fn is_list(name: &str) -> bool {
    provenance::list_algorithm(name).is_some()
}

/// Reads the file and judges it: every line of a `.jsonl`, else the one document. An error is trouble with the options.
pub(super) fn examine(bytes: &[u8], asked: &Asked) -> color_eyre::Result<Found> {
    if let Some(algorithm) = provenance::list_algorithm(&asked.file) {
        return files::list(bytes, algorithm, asked).map(|found| enough(found, asked));
    }
    if !asked.file.to_ascii_lowercase().ends_with(".jsonl") {
        return document(bytes, asked);
    }
    let lines: Vec<_> = (1..).zip(bytes.split(|b| *b == b'\n')).filter(|(_, l)| !l.iter().all(u8::is_ascii_whitespace)).collect();
    if lines.len() > MAX_LINES {
        return Ok(refused("JSON", Reason::Malformed, format!("{} attestations, over the bound of {MAX_LINES}", lines.len())));
    }
    each("JSON", &lines, |(number, line)| {
        let mut found = document(line, asked)?;
        if let Some((_, why)) = &mut found.refused {
            *why = format!("line {number}: {why}");
        }
        Ok(found)
    })
}

/// Each must hold: the first that does not, else the last.
fn each<T>(kind: &str, all: &[T], mut judge: impl FnMut(&T) -> color_eyre::Result<Found>) -> color_eyre::Result<Found> {
    let mut last = refused(kind, Reason::Malformed, "it holds no attestation".to_owned());
    for one in all {
        last = judge(one)?;
        if last.refused.is_some() {
            break;
        }
    }
    Ok(last)
}

/// Where the policy asks for several people, one signature of its signers is not enough: two keys of one person are one.
fn enough(mut found: Found, asked: &Asked) -> Found {
    if found.refused.is_some() || asked.threshold.is_empty() {
        return found;
    }
    let missing = asked.quorum.missing(&asked.threshold, found.who.iter().map(String::as_str));
    if missing.is_empty() {
        return found;
    }
    let words: Vec<String> = missing.iter().map(ToString::to_string).collect();
    let why = format!("not enough signatures for the policy: {}", words.join(", "));
    for answer in found.answers.iter_mut().filter(|a| a.question == Question::Signer) {
        (answer.outcome, answer.reason) = (Outcome::No, why.clone());
    }
    for answer in found.answers.iter_mut().filter(|a| a.question == Question::Builder && a.outcome == Outcome::Yes) {
        (answer.outcome, answer.reason) = (Outcome::CannotTell, format!("{}; not enough signatures say so", answer.reason));
    }
    found.refused = Some((Reason::ThresholdMissed, why));
    found
}

/// The fingerprint of a key that was given; none for one that a policy cannot name.
fn fingerprint(key: &[u8]) -> Option<String> {
    Some(provenance::Key::of(&PublicKey::parse(key).ok()?).ok()?.fingerprint().to_owned())
}

/// Reads one document and judges it. An error is trouble with the options, not with the document.
fn document(document: &[u8], asked: &Asked) -> color_eyre::Result<Found> {
    form(document, asked).map(|found| enough(found, asked))
}

fn form(document: &[u8], asked: &Asked) -> color_eyre::Result<Found> {
    if document.starts_with(b"-----BEGIN SSH SIGNATURE") || document.starts_with(b"SSHSIG") {
        return files::ssh(document, asked);
    }
    if minisign::is_one(document) {
        return files::minisign(document, asked);
    }
    if document.windows(34).take(1 << 16).any(|w| w == b"-----BEGIN PGP SIGNED MESSAGE-----") {
        return files::cleartext(document, asked);
    }
    // An armored block, or a packet: its first byte has the high bit set, which no text has.
    if document.starts_with(b"-----BEGIN PGP SIGNATURE") || document.first().is_some_and(|b| b & 0x80 != 0) {
        return files::openpgp(document, asked);
    }
    if layout::is_layout(document) {
        only_keys(asked)?;
        return super::supply::examine(document, asked);
    }
    let tree = match json::parse(document) {
        Ok(tree) => tree,
        Err(e) => return Ok(refused("JSON", Reason::Malformed, format!("line {}, column {}: {}", e.line, e.column, e.what))),
    };
    if tree.get("verification_material").is_some() || tree.get("attestation_bundles").is_some() {
        let bundles = match pep740_bundles(document) {
            Ok(bundles) => bundles,
            Err(refusal) => return Ok(refused(PEP_740, refusal.reason, refusal.why)),
        };
        // A provenance object holds several.
        return each(PEP_740, &bundles, |bundle| Ok(enough(sigstore(PEP_740, bundle, asked)?, asked)));
    }
    if is_npm(&tree) {
        return match npm_bundles(document) {
            Ok(bundles) => each(NPM, &bundles, |bundle| Ok(enough(sigstore(NPM, bundle, asked)?, asked))),
            Err(refusal) => Ok(refused(NPM, refusal.reason, refusal.why)),
        };
    }
    if tree.get("mediaType").is_some() || tree.get("verificationMaterial").is_some() {
        return sigstore("Sigstore bundle", document, asked);
    }
    if tree.get("payloadType").is_some() || tree.get("payload").is_some() {
        return envelope(&tree, document, asked);
    }
    let what = "it is no Sigstore bundle, PEP 740 attestation or DSSE envelope".to_owned();
    Ok(refused("JSON", Reason::Unsupported, what))
}

fn sigstore(kind: &str, document: &[u8], asked: &Asked) -> color_eyre::Result<Found> {
    let bundle = match Bundle::parse(document) {
        Ok(bundle) => bundle,
        Err(refusal) => return Ok(refused(kind, refusal.reason, refusal.why)),
    };
    let Some(root) = &asked.root else { bail!("a Sigstore bundle needs a trusted root: --trusted-root FILE, or a policy that names one") };
    let wanted: Vec<Wanted<'_>> = match &asked.key {
        Some(key) => vec![Wanted::Key(key)],
        None => asked.identities.iter().map(|(identity, issuer)| Wanted::Identity(identity, issuer)).collect(),
    };
    if wanted.is_empty() {
        bail!(NOBODY);
    }
    let target = match &asked.bytes {
        Some(bytes) => Artifact::Bytes(bytes),
        None => match asked.digests.first() {
            Some(digest) => Artifact::Digest(digest.clone()),
            None => bail!("name what it must speak of: --artifact FILE or --digest ALG:HEX"),
        },
    };
    let mut done: Result<Verified, Refusal> = Err(Refusal { reason: Reason::IdentityMismatch, why: String::new() });
    for who in &wanted {
        done = bundle.verify(&target, who, root, asked.now);
        // Another identity may be the one; anything else that is wrong stays wrong.
        if !matches!(&done, Err(r) if matches!(r.reason, Reason::IdentityMismatch | Reason::IssuerMismatch)) {
            break;
        }
    }
    let mut found = empty(kind);
    match done {
        Err(refusal) => {
            let question = match refusal.reason {
                Reason::ArtifactMismatch => Question::Subject,
                Reason::IdentityMismatch | Reason::IssuerMismatch => Question::Signer,
                Reason::TimestampInvalid | Reason::TimestampMissing | Reason::ClockBehind => Question::Time,
                _ => Question::Signature,
            };
            found.answers.push(answer(question, Outcome::No, refusal.why.clone()));
            found.refused = Some((refusal.reason, refusal.why));
        }
        Ok(verified) => {
            found.answers.push(answer(Question::Subject, Outcome::Yes, "the artifact is what was signed"));
            found.answers.push(answer(Question::Signature, Outcome::Yes, "signature, certificate, log entry and timestamp hold"));
            let who = match (&verified.identity, &verified.issuer) {
                (Some(identity), Some(issuer)) => format!("{identity}, vouched for by {issuer}"),
                _ => "the holder of the key".to_owned(),
            };
            found.answers.push(answer(Question::Signer, Outcome::Yes, who));
            found.who = verified.identity.clone().or_else(|| fingerprint(asked.key.as_deref()?)).into_iter().collect();
            let time = verified.times.first().cloned().unwrap_or_default();
            found.answers.push(answer(Question::Time, Outcome::Yes, format!("signed at {time}")));
            found.claims = verified.claims;
            if let Some(payload) = &bundle.statement {
                statement(payload, true, asked, &mut found);
                if kind == PEP_740 {
                    name(payload, asked, &mut found);
                }
            }
        }
    }
    Ok(found)
}

/// PEP 740: a subject's name must be that of the distribution; elsewhere it is a hint.
fn name(payload: &[u8], asked: &Asked, found: &mut Found) {
    let (Some(ours), Ok(about)) = (&asked.artifact, provenance::about(payload)) else { return };
    let Some(other) = about.subjects.iter().find(|name| name.as_bytes() != ours.as_bytes()) else { return };
    let why = format!("it speaks of {}, and the file is called {}", other.shown().cut(120), Shown::new(ours).cut(120));
    found.answers.retain(|a| a.question != Question::Subject);
    found.answers.insert(0, answer(Question::Subject, Outcome::No, why.clone()));
    found.refused.get_or_insert((Reason::ArtifactMismatch, why));
}

/// What the statement says beside its signature: the type, the subject, a result that says no, the builder.
fn statement(payload: &[u8], signed: bool, asked: &Asked, found: &mut Found) {
    let about = match provenance::about(payload) {
        Ok(about) => about,
        Err(why) => {
            found.refused.get_or_insert((Reason::StatementRefused, format!("the statement cannot be read: {why}")));
            return;
        }
    };
    found.predicate_type = Some(about.predicate_type.clone());
    found.answers.retain(|a| a.question != Question::Subject);
    let digest = asked.digest();
    let named = asked.digests.iter().any(|d| about.digests.contains(d));
    let subject = if named {
        answer(Question::Subject, Outcome::Yes, format!("a subject has the digest {digest}"))
    } else {
        answer(Question::Subject, Outcome::No, format!("none of {} subjects has the digest {digest}", about.subjects.len()))
    };
    if !named {
        found.refused.get_or_insert((Reason::ArtifactMismatch, subject.reason.clone()));
    }
    found.answers.insert(0, subject);
    if let Some(against) = about.against {
        found.refused.get_or_insert((Reason::StatementRefused, against));
    }
    if !asked.builders.is_empty() && about.is_provenance {
        let shown = about.builder.as_deref().map_or_else(|| "nobody".to_owned(), |b| Shown::new(b).cut(200).to_string());
        let listed = about.builder.is_some_and(|b| asked.builders.contains(&b));
        let outcome = if listed && signed { Outcome::Yes } else { Outcome::No };
        let said = answer(
            Question::Builder,
            outcome,
            format!("built by {shown}, it says{}", if listed { "" } else { ", which the policy does not name" }),
        );
        if outcome != Outcome::Yes {
            found.refused.get_or_insert((Reason::StatementRefused, said.reason.clone()));
        }
        found.answers.push(said);
    }
}

fn envelope(tree: &Json, document: &[u8], asked: &Asked) -> color_eyre::Result<Found> {
    let kind = "DSSE envelope";
    only_keys(asked)?;
    if asked.key.is_none() && asked.signers.is_empty() {
        bail!(NOBODY);
    }
    let envelope = match dsse::from_json(tree, document) {
        Ok(envelope) => envelope,
        Err(e) => return Ok(refused(kind, Reason::Malformed, e.to_string())),
    };
    if envelope.payload_type != dsse::IN_TOTO {
        let shown = Shown::new(&envelope.payload_type).cut(120).to_string();
        return Ok(refused(kind, Reason::Unsupported, format!("the payload type is {shown}; only {} is read", dsse::IN_TOTO)));
    }
    if envelope.signatures.is_empty() {
        return Ok(refused(kind, Reason::Unsigned, "the envelope has no signature".to_owned()));
    }
    let message = dsse::pae(&envelope.payload_type, &envelope.payload);
    let mut found = empty(kind);
    match &asked.key {
        Some(bytes) => match PublicKey::parse(bytes) {
            Err(why) => return Ok(refused(kind, Reason::KeyInvalid, format!("the key cannot be read: {why}"))),
            Ok(key) => {
                let good = envelope.signatures.iter().any(|s| key.verify(&message, &s.sig));
                found.who = fingerprint(bytes).filter(|_| good).into_iter().collect();
                signed(good.then(|| format!("by the {} key that was given", key.kind())), &mut found);
            }
        },
        None => {
            let checked = provenance::check_signatures(&envelope.signatures, &message, &asked.signers, ATTESTATION_NAMESPACE);
            judged(checked, &mut found);
        }
    }
    statement(&envelope.payload, found.refused.is_none(), asked, &mut found);
    Ok(found)
}

fn signed(by: Option<String>, found: &mut Found) {
    match by {
        Some(by) => {
            found.answers.push(answer(Question::Signature, Outcome::Yes, format!("good, {by}")));
            found.answers.push(answer(Question::Signer, Outcome::Yes, by));
        }
        None => {
            let why = "no signature is of the key that was given".to_owned();
            found.answers.push(answer(Question::Signature, Outcome::No, why.clone()));
            found.refused.get_or_insert((Reason::SignatureInvalid, why));
        }
    }
}

fn judged(judged: provenance::Judged, found: &mut Found) {
    let provenance::Judged { answers, who } = judged;
    found.who = who;
    let [signature, signer] = &answers;
    if signature.outcome != Outcome::Yes {
        found.refused.get_or_insert((Reason::SignatureInvalid, signature.reason.clone()));
    } else if signer.outcome != Outcome::Yes {
        found.refused.get_or_insert((Reason::SignerUntrusted, signer.reason.clone()));
    }
    found.answers.extend(answers);
}

/// An option that cannot be answered must not be passed over.
fn only_keys(asked: &Asked) -> color_eyre::Result<()> {
    if asked.by_identity {
        bail!("--identity is shown by the certificate of a Sigstore bundle, and this has none: give --key or --signers");
    }
    Ok(())
}

pub(super) fn empty(kind: &str) -> Found {
    Found { kind: kind.to_owned(), answers: Vec::new(), refused: None, claims: Vec::new(), predicate_type: None, who: Vec::new() }
}
