//! Rows of Sigstore bundles and PEP 740 attestations.

use crate::digest::{Algorithm, Digest};
use crate::json::Json;
use crate::model::{Answer, Attestation, Outcome, Question, SignatureReport, Subject};
use crate::text::{Shown, Untrusted};

use super::super::sigstore::{Artifact, Bundle, Reason, Refusal, Verified, Wanted, is_npm, npm_bundles, pep740_bundles};
use super::super::{judge, statement};
use super::keyed::Outcomes;
use super::{MAX_ROWS, Work, blank, replace};

const BUNDLE: &str = "Sigstore bundle";
const PEP_740: &str = "PEP 740 attestation";
const NPM: &str = "npm attestation";
/// How the fingerprint of a key begins that only a certificate vouches for.
pub(super) const CERTIFICATE_KEY: &str = "certificate key ";

/// What kind of document it is, when it is one of these.
pub(super) fn kind(json: &Json) -> Option<&'static str> {
    let text = |name: &str| json.get(name).and_then(Json::as_str).unwrap_or("");
    if text("mediaType").starts_with("application/vnd.dev.sigstore.bundle") || json.get("verificationMaterial").is_some() {
        return Some(BUNDLE);
    }
    if json.get("verification_material").is_some() || json.get("attestation_bundles").is_some() {
        return Some(PEP_740);
    }
    is_npm(json).then_some(NPM)
}

impl Work<'_, '_> {
    pub(super) fn sigstore(&mut self, path: &Untrusted, line: Option<u64>, kind: &'static str, bytes: &[u8]) {
        let bundles = match kind {
            PEP_740 => pep740_bundles(bytes),
            NPM => npm_bundles(bytes),
            _ => Ok(vec![bytes.to_vec()]),
        };
        let bundles = match bundles {
            Ok(bundles) => bundles,
            Err(refusal) => return self.rows.push(blank(path, line, kind, &refusal.why, bytes)),
        };
        for one in bundles {
            if self.rows.len() >= MAX_ROWS {
                return self.rows.push(blank(path, line, kind, &format!("not examined: more than {MAX_ROWS} attestations"), b""));
            }
            let row = match Bundle::parse(&one) {
                Ok(bundle) => self.sigstore_row(path, line, kind, &bundle),
                Err(refusal) => blank(path, line, kind, &refusal.why, bytes),
            };
            self.rows.push(row);
        }
    }

    fn sigstore_row(&mut self, path: &Untrusted, line: Option<u64>, kind: &'static str, bundle: &Bundle) -> Attestation {
        let parsed = bundle.statement.as_deref().map(statement::parse);
        let subjects = match &parsed {
            Some(Ok(parsed)) => parsed.subjects.clone(),
            Some(Err(_)) => Vec::new(),
            None => self.message_subject(path, bundle).into_iter().collect(),
        };
        let strong = |d: &&Digest| matches!(d.algorithm, Algorithm::Sha256 | Algorithm::Sha512);
        let digest = subjects.iter().flat_map(|s| &s.digests).find(strong).cloned();
        let (done, answers, signature) = match (self.inputs.sigstore, &digest) {
            (Some(trust), Some(digest)) if bundle.needs_key() => self.by_key(bundle, &Artifact::Digest(digest.clone()), trust),
            _ => self.by_certificate(bundle, digest),
        };
        let trusted = answers[..2].iter().all(|a| a.outcome == Outcome::Yes);
        let mut row = match &bundle.statement {
            Some(payload) => self.read_statement(path, line, payload, trusted),
            None => blank(path, line, kind, "a signature on a file does not say", b""),
        };
        row.signed_at = done.as_ref().ok().and_then(|v| v.times.last().cloned());
        if bundle.statement.is_none() {
            row.subjects = subjects;
            self.known.resolve(self.inputs, &mut row.subjects);
            let subject = judge::subject(&self.known, &row.subjects, false);
            replace(&mut row, [subject]);
        }
        if let Ok(verified) = &done {
            self.claims(&mut row, verified, trusted);
        }
        if kind == PEP_740 {
            self.check_name(&mut row);
        }
        row.kind = match bundle.statement {
            Some(_) => format!("{kind} with {}", row.kind),
            None => kind.to_owned(),
        };
        row.signatures = vec![signature];
        replace(&mut row, answers);
        self.predicate_bill(&mut row);
        row
    }

    fn by_certificate(&self, bundle: &Bundle, digest: Option<Digest>) -> Outcomes {
        let done = match (self.inputs.sigstore, digest) {
            (None, _) => Err(Refusal {
                reason: Reason::NoTrustedRoot,
                why: "no trusted root to check it with: the policy names none ([sigstore] trusted_root)".to_owned(),
            }),
            (Some(_), None) => {
                Err(Refusal { reason: Reason::Malformed, why: "it names no subject with a SHA-256 or SHA-512 digest".to_owned() })
            }
            (Some(trust), Some(digest)) => bundle.verify(&Artifact::Digest(digest), &Wanted::Anyone, trust.root, trust.now),
        };
        let answers = self.sigstore_answers(&done);
        let report = report(&done, &answers);
        (done, answers, report)
    }

    /// PEP 740: a subject's name must be that of the distribution; elsewhere it is a hint.
    fn check_name(&self, row: &mut Attestation) {
        let is_yes = row.answers.iter().any(|a| a.question == Question::Subject && a.outcome == Outcome::Yes);
        let named = |s: &&Subject| {
            let digest = s.digests.iter().find_map(Digest::sha256);
            digest.is_some_and(|d| self.known.is_shipped_as(s.name.as_bytes(), d))
        };
        if let Some(other) = row.subjects.iter().find(|s| !named(s)).filter(|_| is_yes) {
            let reason =
                format!("a file has its digest, and no shipped artifact with that digest is called {}", other.name.shown().cut(120));
            replace(row, [Answer { question: Question::Subject, outcome: Outcome::No, reason }]);
        }
    }

    /// What a bundle with a bare signature speaks of: the digest that it states, for the file that it stands beside.
    fn message_subject(&self, path: &Untrusted, bundle: &Bundle) -> Option<Subject> {
        let name = path.as_bytes();
        let ends: [&[u8]; 4] = [b".sigstore.json", b".sigstore", b".bundle", b".json"];
        let name = ends.iter().find_map(|end| name.strip_suffix(*end)).unwrap_or(name);
        let digest = bundle.message_digest.clone()?;
        Some(Subject { name: judge::base(name).into(), digests: vec![digest] })
    }

    fn sigstore_answers(&self, done: &Result<Verified, Refusal>) -> [Answer; 3] {
        use Outcome::{CannotTell, No, Yes};
        let say = |question, outcome, reason: String| Answer { question, outcome, reason };
        let nobody = || say(Question::Signer, CannotTell, "nobody is shown to have signed it".to_owned());
        match done {
            Err(refusal) => {
                let told = !matches!(
                    refusal.reason,
                    Reason::NoTrustedRoot | Reason::TrustedRootInvalid | Reason::ClockBehind | Reason::KeyInvalid | Reason::Unsupported
                );
                let outcome = if told { No } else { CannotTell };
                let time = say(Question::Time, CannotTell, "no authenticated time".to_owned());
                [say(Question::Signature, outcome, format!("{} ({})", refusal.why, refusal.reason.word())), nobody(), time]
            }
            Ok(verified) => {
                let who = who(verified);
                let identities = self.inputs.sigstore.map(|t| t.identities).unwrap_or_default();
                let named = identities
                    .iter()
                    .any(|(identity, issuer)| verified.identity.as_ref() == Some(identity) && verified.issuer.as_ref() == Some(issuer));
                let signer = match (named, identities.is_empty()) {
                    (true, _) => say(Question::Signer, Yes, format!("{who}, whom the policy names")),
                    (false, true) => {
                        say(Question::Signer, CannotTell, format!("{who}; the policy names no Sigstore identity to compare with"))
                    }
                    (false, false) => say(Question::Signer, No, format!("{who}, whom the policy does not name")),
                };
                let time = verified.times.first().map_or("", String::as_str);
                let kind = "by a log or timestamp authority of the trusted root";
                [
                    say(Question::Signature, Yes, format!("signed by {who}; certificate, log entry and timestamp hold")),
                    signer,
                    say(Question::Time, Yes, format!("signed at {time}, authenticated {kind}")),
                ]
            }
        }
    }

    /// The certificate's claims come first; where the statement says something else about builder, repository or commit, that is
    /// a finding.
    fn claims(&self, row: &mut Attestation, verified: &Verified, trusted: bool) {
        let claim = |name: &str| verified.claims.iter().find(|(n, _)| *n == name).map(|(_, value)| value.as_str());
        self.claimed_builder(row, verified, claim("buildSignerURI"), claim("runnerEnvironment"), trusted);
        let certified = (claim("sourceRepositoryURI"), claim("sourceRepositoryDigest"));
        let said = (row.source_uri.as_ref().and_then(Untrusted::as_str), row.commit.as_deref());
        let shown = |text: &str| Shown::new(text).cut(200).to_string();
        let differs = match (certified, said) {
            ((_, Some(ours)), (_, Some(said))) if !said.eq_ignore_ascii_case(ours) => {
                Some(format!("the certificate says commit {}, and the statement {}", shown(ours), shown(said)))
            }
            // Only what is an address of a repository is compared: materials are called otherwise too.
            ((Some(ours), _), (Some(said), _)) if said.contains("://") && !judge::same_repository(ours, said) => {
                Some(format!("the certificate says the repository {}, and the statement {}", shown(ours), shown(said)))
            }
            _ => None,
        };
        row.source_uri = certified.0.map(Untrusted::from).or(row.source_uri.take());
        row.commit = certified.1.map(str::to_ascii_lowercase).or(row.commit.take());
        let answer = match differs {
            Some(reason) => Answer { question: Question::Source, outcome: Outcome::No, reason },
            None if row.commit.is_none() => return,
            None => judge::source(self.inputs, row.commit.as_deref(), row.source_uri.as_ref()),
        };
        replace(row, [answer]);
    }

    /// (e) where the certificate says who built it.
    fn claimed_builder(&self, row: &mut Attestation, verified: &Verified, signer: Option<&str>, runner: Option<&str>, trusted: bool) {
        let Some(certified) = signer else { return };
        let said = row.builder.as_ref().and_then(Untrusted::as_str);
        let agrees = said.is_none_or(|said| Some(said) == verified.identity.as_deref() || is_builder(said, certified, runner));
        let answer = if agrees {
            let listed = said.filter(|said| self.inputs.accepts.builders.contains(*said)).unwrap_or(certified);
            judge::builder(self.inputs, Some(&listed.into()), trusted)
        } else {
            let shown = |text: &str| Shown::new(text).cut(200).to_string();
            let reason =
                format!("the certificate says that {} built it, and the statement {}", shown(certified), shown(said.unwrap_or_default()));
            Answer { question: Question::Builder, outcome: Outcome::No, reason }
        };
        replace(row, [answer]);
    }
}

/// Whether a builder that a statement names is the one of the certificate: the workflow, or the kind of machine, which GitHub's
/// own generators name and the certificate has as well.
fn is_builder(said: &str, certified: &str, runner: Option<&str>) -> bool {
    said == certified || said.strip_prefix("https://github.com/actions/runner/").is_some_and(|kind| Some(kind) == runner)
}

/// Identity and issuer, through the guard.
fn who(verified: &Verified) -> String {
    let shown = |text: &Option<String>| text.as_deref().map_or_else(|| "nobody named".to_owned(), |t| Shown::new(t).cut(200).to_string());
    format!("{} (vouched for by {})", shown(&verified.identity), shown(&verified.issuer))
}

fn report(done: &Result<Verified, Refusal>, answers: &[Answer; 3]) -> SignatureReport {
    let signer = &answers[1];
    match done {
        Ok(verified) => SignatureReport {
            keyid: verified.identity.as_deref().unwrap_or("").into(),
            outcome: signer.outcome,
            principal: (signer.outcome == Outcome::Yes).then(|| who(verified)),
            fingerprint: verified.key.map(|k| format!("{CERTIFICATE_KEY}sha256:{k}")),
            reason: signer.reason.clone(),
        },
        Err(refusal) => SignatureReport {
            keyid: Untrusted::default(),
            outcome: answers[0].outcome,
            principal: None,
            fingerprint: None,
            reason: refusal.why.clone(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::checker::Checker;
    use super::super::super::{Accepts, AllowedSigners, Inputs, minisign};
    use super::*;

    #[test]
    fn a_builder_is_the_certificates_or_the_kind_of_its_machine() {
        let workflow = "https://github.com/a/b/.github/workflows/r.yml@refs/tags/v1";
        assert!(is_builder(workflow, workflow, None));
        assert!(is_builder("https://github.com/actions/runner/github-hosted", workflow, Some("github-hosted")));
        for (said, runner) in [
            ("https://github.com/actions/runner/github-hosted", Some("self-hosted")),
            ("https://github.com/actions/runner/github-hosted", None),
            ("https://github.com/a/b/.github/workflows/r.yml@refs/heads/main", Some("github-hosted")),
            ("", Some("")),
        ] {
            assert!(!is_builder(said, workflow, runner), "{said}");
        }
    }

    const WORKFLOW: &str = "https://github.com/a/b/.github/workflows/release.yml@refs/tags/v1";
    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    /// (e) and (f) of a statement that a verified certificate of [`WORKFLOW`] signed, by a policy that names that workflow and
    /// a builder of its own.
    fn judged(builder: Option<&str>, uri: &str, commit: &str) -> [(Outcome, String); 2] {
        use crate::model::{Carrier, Contents, Identity, IdentityBasis, Release, SourceTree};
        use std::sync::Arc;
        let release = Release {
            product: "p".into(),
            version: "1".into(),
            ..Release::new(Carrier::Directory, Identity { digest: None, basis: IdentityBasis::TagManifest })
        };
        let tree = SourceTree { commit: Some(COMMIT.to_owned()), ..SourceTree::default() };
        let builders = [WORKFLOW, "https://builds.example/ours"].map(str::to_owned).into();
        let none = std::collections::BTreeSet::new();
        let (signers, keys) = (AllowedSigners::default(), minisign::Keys::default());
        let inputs = Inputs {
            files: &[],
            signers: &signers,
            release: &release,
            digests: &|_| None,
            source: Some(&tree),
            accepts: Accepts { builders: &builders, sources: &none, verifiers: &none, lacking: &|_| None },
            sigstore: None,
            openpgp: None,
            contents: &|_| Arc::new(Contents::default()),
            now: 0,
            minisign: &keys,
            sha512: &|_| None,
            read: &|_| Err(String::new()),
            comparisons: &[],
        };
        let work = Work {
            inputs: &inputs,
            checker: Checker::new(&signers),
            known: judge::Known::new(&inputs),
            places: Default::default(),
            rows: Vec::new(),
            bills: Vec::new(),
            parts: Vec::new(),
            read: 0,
        };
        let mut row = blank(&"x".into(), None, BUNDLE, "", b"");
        (row.builder, row.source_uri, row.commit) = (builder.map(Untrusted::from), Some(uri.into()), Some(commit.to_owned()));
        let verified = Verified {
            identity: Some(WORKFLOW.to_owned()),
            claims: vec![
                ("buildSignerURI", WORKFLOW.to_owned()),
                ("sourceRepositoryURI", "https://github.com/a/b".to_owned()),
                ("sourceRepositoryDigest", COMMIT.to_owned()),
                ("runnerEnvironment", "github-hosted".to_owned()),
            ],
            ..Verified::default()
        };
        work.claims(&mut row, &verified, true);
        [Question::Builder, Question::Source].map(|question| {
            let answer = row.answers.iter().find(|a| a.question == question).unwrap();
            (answer.outcome, answer.reason.clone())
        })
    }

    #[test]
    fn a_statement_that_says_otherwise_than_its_certificate_is_refused() {
        let uri = "git+https://github.com/a/b@refs/tags/v1";
        for honest in [None, Some(WORKFLOW), Some("https://github.com/actions/runner/github-hosted")] {
            let [builder, source] = judged(honest, uri, COMMIT);
            assert_eq!((builder.0, source.0), (Outcome::Yes, Outcome::Yes), "{honest:?}: {} {}", builder.1, source.1);
        }
        // The workflow that signed says that another builder made it: one that the policy names, which does not help.
        for forged in ["https://builds.example/ours", "https://github.com/a/b/.github/workflows/release.yml@refs/tags/v2"] {
            let [builder, source] = judged(Some(forged), uri, COMMIT);
            assert_eq!((builder.0, source.0), (Outcome::No, Outcome::Yes));
            assert!(builder.1.contains(WORKFLOW) && builder.1.contains(forged), "both are named: {}", builder.1);
        }
        // The same for the commit and the repository.
        let other = "f".repeat(40);
        let [_, source] = judged(None, uri, &other);
        assert!(source.0 == Outcome::No && source.1.contains(COMMIT) && source.1.contains(&other), "{}", source.1);
        let [_, source] = judged(None, "https://github.com/eve/b", COMMIT);
        assert!(source.0 == Outcome::No && source.1.contains("the certificate says the repository https://github.com/a/b"), "{}", source.1);
    }
}
