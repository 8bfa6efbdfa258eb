//! Signatures that stand beside what they are over: lists of checksums, minisign, SSH, OpenPGP.

use color_eyre::eyre::bail;

use super::{Asked, Found, answer, empty, judged, only_keys, refused};
use crate::digest::Algorithm;
use crate::model::{Outcome, Question};
use crate::provenance::sigstore::Reason;
use crate::provenance::{self, FILE_NAMESPACE, minisign, sshsig};
use crate::text::Shown;

/// A list of checksums and the signatures beside it: one that holds is enough, of the kinds that the options can tell of.
pub(super) fn list(bytes: &[u8], algorithm: Algorithm, asked: &Asked) -> color_eyre::Result<Found> {
    if bytes.starts_with(b"-----BEGIN PGP SIGNED MESSAGE-----") {
        return cleartext(bytes, asked);
    }
    let kind = "list of checksums";
    only_keys(asked)?;
    let keys = minisign_keys(asked);
    if asked.signers.is_empty() && keys.is_empty() && asked.ring.is_none() {
        bail!("say who must have signed it: --signers FILE, --key FILE (minisign), --keyring FILE, or a policy that names them");
    }
    let subjects = match provenance::list_subjects(bytes, algorithm) {
        Ok(subjects) => subjects,
        Err(why) => return Ok(refused(kind, Reason::Malformed, format!("the list cannot be read: {why}"))),
    };
    let mut best: Option<Found> = None;
    for (ending, sidecar) in &asked.sidecars {
        let answers = if minisign::is_one(sidecar) {
            if keys.is_empty() {
                continue;
            }
            minisign::parse(sidecar, *ending == ".minisig").map(|s| provenance::check_minisign(&s, bytes, &keys))
        } else if sidecar.starts_with(b"-----BEGIN PGP") || sidecar.first().is_some_and(|b| b & 0x80 != 0) {
            let Some(ring) = &asked.ring else { continue };
            Ok(provenance::answers_of(ring.detached(sidecar, bytes, asked.now)))
        } else {
            if asked.signers.is_empty() {
                continue;
            }
            sshsig::parse(sidecar).map(|s| provenance::check_sshsig(&s, bytes, &asked.signers, FILE_NAMESPACE)).map_err(|e| e.to_string())
        };
        let found = match answers {
            Err(why) => refused(kind, Reason::Malformed, format!("the signature beside it ({ending}): {why}")),
            Ok(answers) => {
                let mut found = empty(kind);
                judged(answers, &mut found);
                found
            }
        };
        let holds = found.refused.is_none();
        if best.is_none() || holds {
            best = Some(found);
        }
        if holds {
            break;
        }
    }
    let Some(mut found) = best else {
        let name = Shown::new(&asked.file).cut(80);
        let why = format!("there is no {name}.sig, .minisig or .asc beside it that can be read and is of a kind that was asked for");
        return Ok(refused(kind, Reason::Unsigned, why));
    };
    listed(&subjects, asked, &mut found);
    Ok(found)
}

/// Whether a line of the list has the artifact's digest, and none has its name with another.
fn listed(subjects: &[crate::model::Subject], asked: &Asked, found: &mut Found) {
    let has = |s: &crate::model::Subject| s.digests.iter().any(|d| d.algorithm.is_strong() && asked.digests.contains(d));
    let contradicts =
        |s: &crate::model::Subject| s.digests.iter().any(|d| asked.digests.iter().any(|own| own.algorithm == d.algorithm && own != d));
    let base = |name: &[u8]| name.rsplit(|b| *b == b'/').next().unwrap_or_default().to_vec();
    let ours = asked.artifact.as_ref().map(|name| name.as_bytes());
    let other = subjects.iter().find(|s| ours.is_some_and(|ours| base(s.name.as_bytes()) == ours) && contradicts(s));
    let named = subjects.iter().any(has);
    let subject = match (other, named) {
        (Some(other), _) => {
            let name = other.name.shown().cut(120);
            answer(Question::Subject, Outcome::No, format!("a line for {name} has another digest than {}", asked.digest()))
        }
        (None, true) => answer(Question::Subject, Outcome::Yes, format!("a line of {} has the digest {}", subjects.len(), asked.digest())),
        (None, false) => answer(Question::Subject, Outcome::No, format!("no line of {} has the digest {}", subjects.len(), asked.digest())),
    };
    if subject.outcome != Outcome::Yes {
        found.refused.get_or_insert((Reason::ArtifactMismatch, subject.reason.clone()));
    }
    found.answers.insert(0, subject);
}

/// The keys of minisign that count: the one that was given, else those of the policy.
fn minisign_keys(asked: &Asked) -> minisign::Keys {
    let mut keys = asked.minisign.clone();
    if let Some(bytes) = asked.key.as_ref().filter(|b| minisign::Key::parse(b).is_ok()) {
        keys = minisign::Keys::default();
        // It was just read.
        let _ = keys.add("the key that was given", bytes);
    }
    keys
}

/// A signature of minisign or signify: on the artifact, or with a list of checksums behind it.
pub(super) fn minisign(document: &[u8], asked: &Asked) -> color_eyre::Result<Found> {
    only_keys(asked)?;
    let is_minisign = asked.file.to_ascii_lowercase().ends_with(".minisig");
    let signature = match minisign::parse(document, is_minisign) {
        Ok(signature) => signature,
        Err(why) => return Ok(refused("minisign", Reason::Malformed, why)),
    };
    let kind = signature.kind();
    let keys = minisign_keys(asked);
    if keys.is_empty() {
        return match &asked.key {
            Some(_) => Ok(refused(kind, Reason::KeyInvalid, "the key that was given is none of minisign or signify".to_owned())),
            None => bail!("say who must have signed it: --key FILE (of minisign or signify), or a policy that names minisign_keys"),
        };
    }
    let mut found = empty(kind);
    if let Some(message) = &signature.embedded {
        judged(provenance::check_minisign(&signature, message, &keys), &mut found);
        match provenance::any_list_subjects(message) {
            Ok(subjects) => listed(&subjects, asked, &mut found),
            Err(why) => {
                found.refused.get_or_insert((Reason::StatementRefused, format!("the message behind the signature is no list: {why}")));
            }
        }
        return Ok(found);
    }
    let Some(bytes) = &asked.bytes else { bail!("a signature of {kind} is checked over the bytes: give --artifact FILE") };
    judged(provenance::check_minisign(&signature, bytes, &keys), &mut found);
    if found.refused.is_none() {
        let said = signature.trusted_comment().map(|c| format!("; its signed comment says: {c}")).unwrap_or_default();
        found.answers.insert(0, answer(Question::Subject, Outcome::Yes, format!("the artifact is what was signed{said}")));
    }
    Ok(found)
}

/// A detached SSH signature on the artifact itself.
pub(super) fn ssh(document: &[u8], asked: &Asked) -> color_eyre::Result<Found> {
    let kind = "SSHSIG";
    only_keys(asked)?;
    let Some(bytes) = &asked.bytes else { bail!("an SSH signature is checked over the bytes: give --artifact FILE") };
    if asked.signers.is_empty() {
        bail!("say who must have signed it: --signers FILE, or a policy that names them");
    }
    let signature = match sshsig::parse(document) {
        Ok(signature) => signature,
        Err(e) => return Ok(refused(kind, Reason::Malformed, e.to_string())),
    };
    let mut found = empty(kind);
    judged(provenance::check_sshsig(&signature, bytes, &asked.signers, FILE_NAMESPACE), &mut found);
    if found.refused.is_none() {
        found.answers.insert(0, answer(Question::Subject, Outcome::Yes, "the artifact is what was signed"));
    }
    Ok(found)
}

const NO_RING: &str = "say who must have signed it: --keyring FILE, or a policy that names an openpgp_keyring";

/// A detached OpenPGP signature on the artifact itself.
pub(super) fn openpgp(document: &[u8], asked: &Asked) -> color_eyre::Result<Found> {
    let Some(bytes) = &asked.bytes else { bail!("an OpenPGP signature is checked over the bytes: give --artifact FILE") };
    let Some(ring) = &asked.ring else { bail!(NO_RING) };
    let mut found = empty("OpenPGP signature");
    judged(provenance::answers_of(ring.detached(document, bytes, asked.now)), &mut found);
    if found.refused.is_none() {
        found.answers.insert(0, answer(Question::Subject, Outcome::Yes, "the artifact is what was signed"));
    }
    Ok(found)
}

/// A clear-signed list that has the artifact: a control file of Debian, or checksums.
pub(super) fn cleartext(document: &[u8], asked: &Asked) -> color_eyre::Result<Found> {
    let kind = "clear-signed list";
    let Some(ring) = &asked.ring else { bail!(NO_RING) };
    let (text, verdicts) = match ring.cleartext(document, asked.now) {
        Ok(read) => read,
        Err(why) => return Ok(refused(kind, Reason::Malformed, why)),
    };
    let mut found = empty(kind);
    judged(provenance::answers_of(verdicts), &mut found);
    // A control file of Debian, else a list of checksums.
    let is_control = text.lines().any(|l| l.to_ascii_lowercase().starts_with("checksums-sha256:"));
    let files = if is_control { provenance::control_files(&text) } else { provenance::any_list_subjects(text.as_bytes()) };
    match files {
        Err(why) => {
            found.refused.get_or_insert((Reason::StatementRefused, format!("the list cannot be read: {why}")));
        }
        Ok(files) => listed(&files, asked, &mut found),
    }
    Ok(found)
}
