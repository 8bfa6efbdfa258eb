//! Rows of detached signatures and of lists of checksums: of OpenSSH, minisign, signify and OpenPGP.

use std::borrow::Cow;

use crate::digest::{Algorithm, Sha256};
use crate::model::{Answer, FileId, Outcome, Question, Subject};
use crate::text::{Shown, Untrusted};

use super::super::checker::Checked;
use super::super::{FILE_NAMESPACE, judge, minisign, sshsig, sums};
use super::{UNCHECKED, Work, blank, replace, unreadable};

/// What the names of detached signatures end in.
pub(super) const ENDINGS: [&str; 5] = [".sig", ".minisig", ".asc", ".gpg", ".sign"];
/// Bytes of artifacts that are read for detached signatures on them, in all.
const MAX_READ: u64 = 8 << 30;
const NO_MINISIGN: &str = "no minisign keys were given: pass --minisign-key FILE, or name them in the policy";
const CLEAR_SIGNED: &[u8] = b"-----BEGIN PGP SIGNED MESSAGE-----";

/// Whether a document is clear-signed with OpenPGP.
pub(super) fn is_clear_signed(bytes: &[u8]) -> bool {
    bytes.windows(CLEAR_SIGNED.len()).take(1 << 16).any(|w| w == CLEAR_SIGNED)
}

/// A signature file that was checked.
struct Sidecar {
    kind: &'static str,
    checked: Vec<Checked>,
    /// Whether the reviewer brought no key that it could be of.
    keyless: bool,
    /// The trusted comment of minisign.
    comment: Option<Shown>,
}

impl Work<'_, '_> {
    /// Checks a signature file over a message, by what it begins with.
    fn sidecar(&mut self, name: &str, bytes: &[u8], message: &[u8]) -> Result<Sidecar, String> {
        if minisign::is_one(bytes) {
            let signature = minisign::parse(bytes, name.ends_with(".minisig"))?;
            if signature.embedded.is_some() {
                return Err("it holds its message itself, and stands beside another file".to_owned());
            }
            let keys = self.inputs.minisign;
            let checked = vec![self.checker.check_minisign(&signature, message, keys)];
            return Ok(Sidecar { kind: signature.kind(), checked, keyless: keys.is_empty(), comment: signature.trusted_comment() });
        }
        if bytes.starts_with(b"-----BEGIN PGP") || bytes.first().is_some_and(|b| b & 0x80 != 0) {
            return Ok(Sidecar { kind: "OpenPGP", checked: self.openpgp(bytes, message), keyless: false, comment: None });
        }
        let signature = sshsig::parse(bytes).map_err(|e| e.to_string())?;
        let keyid = Untrusted::from(signature.key.fingerprint());
        let checked = vec![self.checker.check_sshsig(&signature, keyid, message, FILE_NAMESPACE)];
        Ok(Sidecar { kind: "SSHSIG", checked, keyless: self.checker.has_no_signers(), comment: None })
    }

    /// The file that a detached signature stands for: beside it, else the one shipped artifact of that name.
    fn signed_file(&mut self, target: &[u8]) -> Result<(Cow<'static, [u8]>, Option<FileId>), String> {
        if let Some(bytes) = self.bytes_of(target) {
            return Ok((Cow::Owned(bytes.to_vec()), None));
        }
        let name = judge::base(target);
        let release = self.inputs.release;
        let named = |id: &FileId| release.file(*id).is_some_and(|f| judge::base(f.path.as_bytes()) == name);
        let mut all = release.artifacts.iter().filter_map(|a| a.shipped).filter(named);
        let (Some(id), None) = (all.next(), all.next()) else {
            return Err("not checked: the file that it signs is neither beside it nor the one shipped artifact of that name".to_owned());
        };
        self.read += release.file(id).map_or(0, |f| f.size);
        if self.read > MAX_READ {
            return Err(format!("not examined: the signatures of the bundle are over more than {MAX_READ} bytes of artifacts"));
        }
        let bytes = (self.inputs.read)(id).map_err(|e| format!("not checked: the artifact that it signs: {e}"))?;
        Ok((Cow::Owned(bytes), Some(id)))
    }

    /// A list of checksums, with every signature that stands beside it.
    pub(super) fn list(&mut self, path: &Untrusted, name: &str, algorithm: Algorithm, bytes: &[u8]) {
        let label = Shown::new(name).cut(80).to_string();
        let (mut kinds, mut checked, mut problems, mut keyless, mut comment) = (Vec::new(), Vec::new(), Vec::new(), true, None);
        for ending in ENDINGS {
            let Some(found) = self.bytes_of(&[path.as_bytes(), ending.as_bytes()].concat()) else { continue };
            match self.sidecar(&format!("{name}{ending}"), found, bytes) {
                Ok(one) => {
                    kinds.push(one.kind);
                    keyless &= one.keyless;
                    comment = comment.or(one.comment);
                    checked.extend(one.checked);
                }
                Err(why) => problems.push(format!("{label}{ending} is {UNCHECKED}: {why}")),
            }
        }
        let unsigned = problems.first().cloned().unwrap_or_else(|| format!("not signed: no {label}.sig, .minisig or .asc beside it"));
        let kind = if kinds.is_empty() { label } else { format!("{label} with {}", kinds.join(" and ")) };
        let pair = signed_by(&kinds, &checked, keyless, comment.as_ref(), &unsigned);
        self.list_row(path, &kind, bytes, sums::parse(bytes, algorithm), checked, pair);
    }

    fn list_row(
        &mut self,
        path: &Untrusted,
        kind: &str,
        payload: &[u8],
        read: Result<Vec<Subject>, String>,
        checked: Vec<Checked>,
        pair: [Answer; 2],
    ) {
        let mut row = blank(path, None, kind, "a list of checksums does not say", b"");
        row.payload = payload.to_vec();
        row.signatures = checked.into_iter().map(|c| c.report).collect();
        replace(&mut row, pair);
        let subject = match read {
            Ok(mut subjects) => {
                self.known.resolve(self.inputs, &mut subjects);
                row.subjects = subjects;
                judge::subject(&self.known, &row.subjects, true)
            }
            Err(why) => unreadable(&format!("the list cannot be read: {why}")),
        };
        replace(&mut row, [subject, judge::time()]);
        self.rows.push(row);
    }

    /// A list that is clear-signed with OpenPGP: what stands around the signed text does not count.
    pub(super) fn clear_signed(&mut self, path: &Untrusted, bytes: &[u8]) {
        let kind = "clear-signed list";
        match self.clear_text(bytes) {
            Err(why) => self.rows.push(blank(path, None, kind, &format!("cannot be read: {why}"), bytes)),
            Ok((text, checked)) => {
                let pair = judge::signature_and_signer(&checked, false, (Outcome::CannotTell, "it is not signed"));
                self.list_row(path, kind, text.as_bytes(), sums::parse_any(text.as_bytes()), checked, pair);
            }
        }
    }

    /// A signature beside a list was checked with it; any other is checked over the file that it stands for.
    pub(super) fn detached(&mut self, path: &Untrusted, ending: &str, bytes: &[u8]) {
        let whole = path.as_bytes();
        let target = whole.get(..whole.len().saturating_sub(ending.len())).unwrap_or_default();
        let name = String::from_utf8_lossy(judge::base(target)).into_owned();
        if self.bytes_of(target).is_some() && sums::algorithm_of(&name).is_some() {
            return;
        }
        if minisign::is_one(bytes)
            && let Ok(minisign::Signature { embedded: Some(message), .. }) = minisign::parse(bytes, ending == ".minisig")
        {
            return self.embedded(path, bytes, &message);
        }
        if is_clear_signed(bytes) {
            return self.clear_signed(path, bytes);
        }
        let signed = self.signed_file(target);
        let (message, artifact) = match signed {
            Ok(found) => found,
            Err(why) => return self.rows.push(blank(path, None, "detached signature", &why, bytes)),
        };
        let one = match self.sidecar(&String::from_utf8_lossy(whole), bytes, &message) {
            Ok(one) => one,
            Err(why) => return self.rows.push(blank(path, None, "detached signature", &format!("{UNCHECKED}: {why}"), bytes)),
        };
        let pair = signed_by(&[one.kind], &one.checked, one.keyless, one.comment.as_ref(), "");
        // Of an artifact the signature is shown: its content has a place of its own.
        let raw = if artifact.is_some() { bytes } else { &message };
        let kind = if one.kind == "SSHSIG" { "SSHSIG".to_owned() } else { format!("{} signature", one.kind) };
        let mut row = blank(path, None, &kind, "a detached signature does not say", raw);
        row.subjects =
            vec![Subject { name: String::from_utf8_lossy(target).into_owned().into(), digests: vec![Sha256::of(&message).into()] }];
        row.signatures = one.checked.into_iter().map(|c| c.report).collect();
        replace(&mut row, pair);
        let subject = judge::subject(&self.known, &row.subjects, false);
        replace(&mut row, [subject, judge::time()]);
        self.rows.push(row);
    }

    /// A list of checksums behind a signature of signify (`-e`), as OpenBSD publishes them.
    fn embedded(&mut self, path: &Untrusted, bytes: &[u8], message: &[u8]) {
        let Ok(signature) = minisign::parse(bytes, false) else { return };
        let keys = self.inputs.minisign;
        let checked = vec![self.checker.check_minisign(&signature, message, keys)];
        let pair = signed_by(&["signify"], &checked, keys.is_empty(), None, "");
        self.list_row(path, "list with signify", message, sums::parse_any(message), checked, pair);
    }
}

/// The answers about signature and signer; where only minisign keys could tell and none were given, that is said.
fn signed_by(kinds: &[&str], checked: &[Checked], keyless: bool, comment: Option<&Shown>, unsigned: &str) -> [Answer; 2] {
    let mut pair = judge::signature_and_signer(checked, keyless, (Outcome::CannotTell, unsigned));
    if keyless && !kinds.is_empty() && kinds.iter().all(|k| matches!(*k, "minisign" | "signify")) {
        pair[1] = Answer { question: Question::Signer, outcome: Outcome::CannotTell, reason: NO_MINISIGN.to_owned() };
    }
    if let Some(comment) = comment.filter(|_| pair[0].outcome == Outcome::Yes) {
        pair[0].reason = format!("{}; its signed comment says: {comment}", pair[0].reason);
    }
    pair
}
