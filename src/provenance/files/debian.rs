//! Rows of OpenPGP signatures, and of what Debian signs with them: `.dsc`, `.changes` and `.buildinfo` (deb-src-control(5),
//! deb-changes(5), deb-buildinfo(5)).

use crate::digest::{Algorithm, Digest};
use crate::model::{Outcome, SignatureReport, Subject, Tool};
use crate::text::Untrusted;

use super::super::checker::{Checked, Who};
use super::super::openpgp::Verdict;
use super::super::{judge, making};
use super::{Work, blank, replace};

/// Files that one control file may list.
const MAX_FILES: usize = 100_000;

/// What a verdict is worth, as that of other signatures.
pub(in crate::provenance) fn checked(verdict: Verdict) -> Checked {
    let report = |outcome, signer: Option<super::super::openpgp::Signer>, reason: String| SignatureReport {
        keyid: signer.as_ref().map(|s| s.fingerprint.as_str().into()).unwrap_or_default(),
        outcome,
        principal: signer.as_ref().map(|s| s.user.clone()),
        fingerprint: signer.map(|s| format!("OpenPGP {}", s.fingerprint)),
        reason,
    };
    match verdict {
        Verdict::Good(signer) => {
            let reason = format!("signed by {} OpenPGP {}", signer.user, signer.fingerprint);
            Checked { who: Who::Trusted, report: report(Outcome::Yes, Some(signer), reason) }
        }
        Verdict::Limited(signer, why) => {
            Checked { who: Who::Unjudged(why.clone()), report: report(Outcome::CannotTell, Some(signer), format!("good, and {why}")) }
        }
        Verdict::Refused(signer, why) => {
            Checked { who: Who::Refused(why.clone()), report: report(Outcome::No, Some(signer), format!("good, and {why}")) }
        }
        Verdict::Bad(why) => Checked { who: Who::Bad(why.clone()), report: report(Outcome::No, None, why) },
        Verdict::Unknown(why) => Checked { who: Who::Unknown(why.clone()), report: report(Outcome::CannotTell, None, why) },
    }
}

/// Said where the reviewer brought no keys.
const NO_KEYRING: &str = "no OpenPGP keys to check it with: the policy names no openpgp_keyring";

impl Work<'_, '_> {
    /// Signatures over a message, by the reviewer's keyring.
    pub(super) fn openpgp(&self, signature: &[u8], message: &[u8]) -> Vec<Checked> {
        match self.inputs.openpgp {
            Some(keys) => keys.ring.detached(signature, message, keys.now).into_iter().map(checked).collect(),
            None => vec![checked(Verdict::Unknown(NO_KEYRING.to_owned()))],
        }
    }

    /// The text of a clear-signed document, and what its signatures are worth.
    pub(super) fn clear_text(&self, bytes: &[u8]) -> Result<(String, Vec<Checked>), String> {
        match self.inputs.openpgp {
            Some(keys) => keys.ring.cleartext(bytes, keys.now).map(|(text, verdicts)| (text, verdicts.into_iter().map(checked).collect())),
            None => Ok((unsigned_text(bytes), vec![checked(Verdict::Unknown(NO_KEYRING.to_owned()))])),
        }
    }

    /// A control file that lists files with their digests, clear-signed or not.
    pub(super) fn control(&mut self, path: &Untrusted, kind: &str, bytes: &[u8]) {
        let read = if super::detached::is_clear_signed(bytes) {
            self.clear_text(bytes)
        } else {
            Ok((String::from_utf8_lossy(bytes).into_owned(), Vec::new()))
        };
        let (text, verified) = match read {
            Ok(read) => read,
            Err(why) => return self.rows.push(blank(path, None, kind, &format!("cannot be read: {why}"), bytes)),
        };
        let pair = judge::signature_and_signer(&verified, false, (Outcome::CannotTell, "it is not signed"));
        let mut row = blank(path, None, kind, "a list of files does not say", b"");
        row.payload = text.clone().into_bytes();
        row.signatures = verified.into_iter().map(|c| c.report).collect();
        replace(&mut row, pair);
        row.tools = tools(&text);
        match files(&text) {
            Ok(subjects) => {
                row.subjects = subjects;
                let subject = judge::subject(&self.known, &row.subjects, false);
                replace(&mut row, [subject, judge::time()]);
            }
            Err(why) => replace(&mut row, [super::unreadable(&format!("the list cannot be read: {why}")), judge::time()]),
        }
        self.rows.push(row);
    }
}

/// The text of a clear-signed document that nothing checks: shown, and read for its names only.
fn unsigned_text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n");
    let start = text.find("\n\n").map_or(0, |at| at + 2);
    let end = text.find("-----BEGIN PGP SIGNATURE-----").unwrap_or(text.len());
    text.get(start..end.max(start)).unwrap_or_default().replace("\n- ", "\n")
}

/// The compilers among `Installed-Build-Depends`: a package, its exact version in brackets, a comma.
fn tools(text: &str) -> Vec<Tool> {
    const NAME: &str = "Installed-Build-Depends";
    let mut out = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        let entry = if line.starts_with([' ', '\t']) {
            line
        } else {
            let (name, rest) = line.split_once(':').unwrap_or((line, ""));
            inside = name.eq_ignore_ascii_case(NAME);
            rest
        };
        for one in entry.split(',').filter(|_| inside) {
            let Some((name, version)) = one.trim().split_once(" (= ") else { continue };
            let name = name.split(':').next().unwrap_or(name);
            out.extend(making::packaged(name, version.trim_end_matches(')'), NAME));
        }
    }
    out
}

/// The files of the field `Checksums-Sha256`: digest, size, name on a line each.
pub(in crate::provenance) fn files(text: &str) -> Result<Vec<Subject>, String> {
    let mut out = Vec::new();
    let mut inside = false;
    let mut seen = false;
    for (number, line) in (1..).zip(text.lines()) {
        if !line.starts_with([' ', '\t']) {
            inside = line.split_once(':').is_some_and(|(name, _)| name.eq_ignore_ascii_case("Checksums-Sha256"));
            if inside && std::mem::replace(&mut seen, true) {
                return Err(format!("line {number}: a second Checksums-Sha256"));
            }
            continue;
        }
        if !inside {
            continue;
        }
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let [digest, size, name] = words[..] else { return Err(format!("line {number}: a digest, a size and a name should be here")) };
        if size.parse::<u64>().is_err() {
            return Err(format!("line {number}: the size is no number"));
        }
        let digest = Digest::parse(Algorithm::Sha256, digest).map_err(|e| format!("line {number}: {e}"))?;
        if out.len() >= MAX_FILES {
            return Err(format!("more than {MAX_FILES} files"));
        }
        out.push(Subject { name: name.into(), digests: vec![digest] });
    }
    if seen { Ok(out) } else { Err("it has no Checksums-Sha256".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tools_of_a_build_are_read() {
        let text = "Version: 1\nInstalled-Build-Depends:\n binutils (= 2.40-2),\n gcc-12 (= 12.2.0-14+deb12u1),\n gcc-12-base (= 12.2.0-14),\n\
                    Environment:\n gcc-13 (= 13.2.0-1)\n";
        let all: Vec<_> = tools(text).into_iter().map(|t| format!("{} {}", t.name, t.version)).collect();
        assert_eq!(all, ["binutils 2.40-2", "gcc 12.2.0-14+deb12u1"]);
    }

    #[test]
    fn the_files_of_a_control_file_are_read_strictly() {
        let sha = "a".repeat(64);
        let list = files(&format!("Format: 3\nChecksums-Sha256:\n {sha} 12 a_1.tar.gz\n {sha} 1 b\nFiles:\n 00 12 c\n")).unwrap();
        assert_eq!(list.iter().map(|s| s.name.lossy().into_owned()).collect::<Vec<_>>(), ["a_1.tar.gz", "b"]);
        assert!(files("Format: 3\n").unwrap_err().contains("no Checksums-Sha256"));
        assert!(files(&format!("Checksums-Sha256:\n {sha} x a\n")).unwrap_err().starts_with("line 2"));
        assert!(files(&format!("Checksums-Sha256:\n {sha} 1\n")).unwrap_err().starts_with("line 2"));
        assert!(files(&format!("Checksums-Sha256:\n {sha} 1 a\nchecksums-sha256:\n")).unwrap_err().contains("a second"));
    }
}
