//! Sigstore bundles and PEP 740 attestations of the public suites: what must verify does, what must not is refused, each for
//! its reason. Runs where `COUNTERSIGN_CORPUS` is set.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test may panic, and says why it skips")]

use std::fs;
use std::path::{Path, PathBuf};

use countersign::digest::Sha256;
use countersign::provenance::sigstore::{Artifact, Bundle, Reason, Refusal, Root, Verified, Wanted, pep740_bundles};

/// A day on which all of the suites were there.
const NOW: i64 = 1_795_000_000;
const IDENTITY: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";
const ISSUER: &str = "https://token.actions.githubusercontent.com";

fn corpus() -> Option<PathBuf> {
    let found = std::env::var_os("COUNTERSIGN_CORPUS").map(|c| PathBuf::from(c).join("provenance")).filter(|c| c.is_dir());
    if found.is_none() {
        eprintln!("COUNTERSIGN_CORPUS is not set: skipped");
    }
    found
}

/// One case of sigstore-conformance, with its artifact by bytes or by digest.
fn verify(corpus: &Path, case: &Path, by_digest: bool, now: i64) -> Result<Verified, Refusal> {
    let text = |name: &str| fs::read_to_string(case.join(name)).ok().map(|t| t.trim().to_owned());
    let artifact =
        fs::read(case.join("artifact")).or_else(|_| fs::read(case.join("../a.txt"))).or_else(|_| fs::read(case.join("../../a.txt")));
    let artifact = artifact.unwrap();
    let root = fs::read(case.join("trusted_root.json")).or_else(|_| fs::read(corpus.join("sigstore-root/trusted_root.json"))).unwrap();
    let root = Root::parse(&root, None)?;
    let bundle = Bundle::parse(&fs::read(case.join("bundle.sigstore.json")).unwrap())?;
    let (identity, issuer) = (text("identity").unwrap_or(IDENTITY.into()), text("issuer").unwrap_or(ISSUER.into()));
    let key = fs::read(case.join("key.pub")).ok();
    let wanted = key.as_deref().map_or(Wanted::Identity(&identity, &issuer), Wanted::Key);
    let digest = Sha256::of(&artifact);
    let target = if by_digest { Artifact::Digest(digest.into()) } else { Artifact::Bytes(&artifact) };
    bundle.verify(&target, &wanted, &root, now)
}

/// Why each negative of the suite is refused. (Six fail for another reason than their README means: the suite's own notes name
/// them; two of these are repaired below.)
const REFUSED: &[(&str, Reason)] = &[
    ("bundle-empty-certificate-chain_fail", Reason::CheckpointInvalid),
    ("bundle-from-wrong-instance_fail", Reason::LogUnknown),
    ("bundle-invalid-base64-signature_fail", Reason::Malformed),
    ("bundle-malformed-json_fail", Reason::Malformed),
    ("bundle-negative-log-index_fail", Reason::Malformed),
    ("bundle-unknown-version_fail", Reason::Unsupported),
    ("bundle-with-root-cert_fail", Reason::CheckpointInvalid),
    ("checkpoint-bad-keyhint_fail", Reason::CheckpointInvalid),
    ("checkpoint-wrong-roothash_fail", Reason::CheckpointInvalid),
    ("dsse-invalid-sig_fail", Reason::SignatureInvalid),
    ("dsse-mismatch-envelope_fail", Reason::LogEntryMismatch),
    ("dsse-mismatch-sig_fail", Reason::LogEntryMismatch),
    ("inclusion-proof-corrupted-hash_fail", Reason::InclusionProofInvalid),
    ("incorrect-public-key_fail", Reason::InclusionPromiseInvalid),
    ("integrated-time-in-future_fail", Reason::CertificateExpired),
    ("intoto-expired-certificate_fail", Reason::CertificateNotYetValid),
    ("intoto-log-entry-mismatch_fail", Reason::LogEntryMalformed),
    ("intoto-missing-inclusion-proof_fail", Reason::InclusionProofInvalid),
    ("intoto-set-outside-signing-cert-validity_fail", Reason::CertificateExpired),
    ("intoto-tsa-timestamp-outside-cert-validity_fail", Reason::CertificateExpired),
    ("invalid-checkpoint-signature_fail", Reason::CheckpointInvalid),
    ("invalid-ct-key_fail", Reason::SctInvalid),
    ("invalid-inclusion-proof_fail", Reason::CheckpointInvalid),
    ("managed-key-no-key_fail", Reason::KeyInvalid),
    ("managed-key-wrong-key_fail", Reason::KeyInvalid),
    ("message-digest-mismatch_fail", Reason::ArtifactMismatch),
    ("rekor2-checkpoint-missing-log-signature_fail", Reason::CheckpointInvalid),
    ("rekor2-checkpoint-missing-origin_fail", Reason::CheckpointInvalid),
    ("rekor2-checkpoint-missing-root-hash_fail", Reason::CheckpointInvalid),
    ("rekor2-checkpoint-missing-size_fail", Reason::CheckpointInvalid),
    ("rekor2-checkpoint-no-matching-signature_fail", Reason::CheckpointInvalid),
    ("rekor2-dsse-invalid-sig_fail", Reason::SignatureInvalid),
    ("rekor2-dsse-mismatch-envelope_fail", Reason::ArtifactMismatch),
    ("rekor2-dsse-mismatch-sig_fail", Reason::LogEntryMismatch),
    ("rekor2-no-inclusion-proof_fail", Reason::InclusionProofInvalid),
    ("rekor2-no-timestamp_fail", Reason::TimestampMissing),
    ("rekor2-timestamp-outside-trust-root-tsa-validity_fail", Reason::TimestampInvalid),
    ("rekor2-timestamp-outside-tsa-cert-validity_fail", Reason::TimestampInvalid),
    ("rekor2-timestamp-payload-mismatch_fail", Reason::TimestampInvalid),
    ("rekor2-timestamp-untrusted-tsa-with-embedded-cert_fail", Reason::TimestampInvalid),
    ("rekor2-timestamp-untrusted-tsa-without-embedded-cert_fail", Reason::TimestampInvalid),
    ("rekor2-timestamp-with-incorrect-time_fail", Reason::Malformed),
    ("set-invalid-signature_fail", Reason::InclusionPromiseInvalid),
    ("signature-mismatch_fail", Reason::SignatureInvalid),
    ("trust-root-tlog-missing-validity-start_fail", Reason::TrustedRootInvalid),
    ("wrong-hashedrekord-artifact_fail", Reason::ArtifactMismatch),
    ("wrong-hashedrekord-cert-and-sig_fail", Reason::LogEntryMismatch),
    ("wrong-hashedrekord-entry_fail", Reason::ArtifactMismatch),
    ("wrong-material_fail", Reason::ArtifactMismatch),
];
const REPAIRED: &[(&str, Reason)] =
    &[("managed-key-wrong-key_fail", Reason::SignatureInvalid), ("rekor2-timestamp-with-incorrect-time_fail", Reason::CertificateExpired)];

fn cases(folder: &Path) -> Vec<(String, PathBuf)> {
    let all = fs::read_dir(folder).unwrap().flatten().map(|e| (e.file_name().to_string_lossy().into_owned(), e.path()));
    let mut cases: Vec<_> = all.filter(|(_, path)| path.join("bundle.sigstore.json").exists()).collect();
    cases.sort();
    cases
}

/// Runs all cases by bytes and by digest; how many there were that verify and that do not.
fn run(corpus: &Path, folder: &str, refused: &[(&str, Reason)]) -> (usize, usize) {
    let (mut good, mut bad, mut wrong) = (0, 0, Vec::new());
    for (name, case) in cases(&corpus.join(folder)) {
        for by_digest in [false, true] {
            let done = verify(corpus, &case, by_digest, NOW).map_err(|r| (r.reason, r.why));
            let known = refused.iter().find(|(n, _)| *n == name).map(|(_, reason)| *reason);
            let holds = match &done {
                Ok(verified) => !name.ends_with("_fail") && !verified.times.is_empty(),
                // A case that this table does not know must be refused too, for whatever reason.
                Err((reason, _)) => name.ends_with("_fail") && known.is_none_or(|k| k == *reason),
            };
            if !holds {
                wrong.push(format!("{name} by digest {by_digest}: {done:?}"));
            }
            *if done.is_ok() { &mut good } else { &mut bad } += 1;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    (good, bad)
}

#[test]
fn every_case_of_the_conformance_suite() {
    let Some(corpus) = corpus() else { return };
    assert_eq!(run(&corpus, "sigstore-conformance/bundle-verify", REFUSED), (42, 98));
    assert_eq!(run(&corpus, "sigstore-conformance-repaired", REPAIRED), (0, 4));
}

#[test]
fn every_attestation_of_the_package_index() {
    let Some(corpus) = corpus() else { return };
    let root = |name: &str| Root::parse(&fs::read(corpus.join("sigstore-root").join(name)).unwrap(), None).unwrap();
    let roots = [root("trusted_root.json"), root("trusted_root_staging.json")];
    let (mut objects, mut good) = (0, 0);
    for entry in fs::read_dir(corpus.join("pypi-attestations")).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let bytes = fs::read(entry.path()).unwrap();
        let bundles = match name.rsplit('.').next() {
            Some("attestation" | "provenance") => pep740_bundles(&bytes).unwrap(),
            Some("sigstore") => vec![bytes],
            _ => continue,
        };
        objects += 1;
        let mut all = !bundles.is_empty();
        for bundle in &bundles {
            let bundle = Bundle::parse(bundle).unwrap();
            // What is attested: the file beside it, or where the suite has left it out, what the statement says.
            let distribution = [".whl", ".tar.gz"].iter().find_map(|end| Some(&name[..name.find(end)? + end.len()])).unwrap();
            let beside = fs::read(corpus.join("pypi-attestations").join(distribution));
            let digest = beside.map(|b| Sha256::of(&b)).unwrap_or_else(|_| {
                let statement: serde_json::Value = serde_json::from_slice(bundle.statement.as_deref().unwrap()).unwrap();
                statement["subject"][0]["digest"]["sha256"].as_str().unwrap().parse().unwrap()
            });
            let done: Vec<_> =
                roots.iter().map(|r| bundle.verify(&Artifact::Digest(digest.into()), &Wanted::Anyone, r, NOW).is_ok()).collect();
            all &= done.contains(&true);
            let other = Artifact::Digest(Sha256::of(b"another").into());
            for root in &roots {
                assert!(bundle.verify(&other, &Wanted::Anyone, root, NOW).is_err(), "{name}: for another file");
            }
        }
        good += usize::from(all);
    }
    assert_eq!((objects, good), (13, 13));
}

#[test]
fn a_clock_that_is_behind_is_said_to_be() {
    let Some(corpus) = corpus() else { return };
    let case = corpus.join("sigstore-conformance/bundle-verify/happy-path-v0.3");
    assert_eq!(verify(&corpus, &case, false, 1_600_000_000).unwrap_err().reason, Reason::ClockBehind);
    // Years later it still holds: what counts is the time of signing.
    let later = verify(&corpus, &case, false, NOW + 10 * 365 * 86_400).unwrap();
    assert_eq!((later.issuer.as_deref(), later.times.len()), (Some(ISSUER), 1));
}

#[test]
fn every_bit_that_is_flipped_is_found() {
    let Some(corpus) = corpus() else { return };
    let case = corpus.join("sigstore-conformance/bundle-verify/happy-path-intoto-in-dsse-v3");
    let text = fs::read(case.join("bundle.sigstore.json")).unwrap();
    let root = Root::parse(&fs::read(corpus.join("sigstore-root/trusted_root.json")).unwrap(), None).unwrap();
    let artifact = fs::read(case.join("artifact"))
        .or_else(|_| fs::read(case.join("../a.txt")))
        .or_else(|_| fs::read(case.join("../../a.txt")))
        .unwrap();
    let check = |text: &[u8]| {
        let bundle = Bundle::parse(text)?;
        bundle.verify(&Artifact::Bytes(&artifact), &Wanted::Identity(IDENTITY, ISSUER), &root, NOW)
    };
    let original = check(&text).unwrap();
    let mut harmless = 0;
    for at in (0..text.len()).step_by(7) {
        let mut changed = text.clone();
        changed[at] ^= 1;
        match check(&changed) {
            // Spaces, names of fields that nothing depends on, and unused bits of base64: never another content.
            Ok(verified) => {
                assert_eq!(verified, original, "at {at}");
                harmless += 1;
            }
            Err(refusal) => assert!(Reason::ALL.contains(&refusal.reason)),
        }
    }
    assert!(harmless < text.len() / 7 / 4, "{harmless} changes were not found");
}

#[test]
fn a_trusted_root_is_pinned_by_its_digest() {
    let Some(corpus) = corpus() else { return };
    let bytes = fs::read(corpus.join("sigstore-root/trusted_root.json")).unwrap();
    assert_eq!(Root::parse(&bytes, Some(Sha256::of(&bytes))).unwrap().digest, Sha256::of(&bytes));
    let other = Root::parse(&bytes, Some(Sha256::of(b"other"))).err().unwrap();
    assert_eq!(other.reason, Reason::TrustedRootInvalid);
    assert!(other.why.contains("is pinned"), "{other}");
}

#[test]
fn what_cannot_be_read_is_refused_at_once() {
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(5_000_000), "]".repeat(5_000_000));
    let many = format!(
        r#"{{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{{"tlogEntries":[{}]}}}}"#,
        vec!["{}"; 65].join(",")
    );
    for text in ["", "{}", "[]", "nonsense", "{\"a\":1,\"a\":2}", deep.as_str(), many.as_str()] {
        let start = &text[..text.len().min(40)];
        assert_eq!(Bundle::parse(text.as_bytes()).unwrap_err().reason, Reason::Malformed, "{start}");
        assert!(Root::parse(text.as_bytes(), None).is_err(), "{start}");
    }
    assert!(Bundle::parse(many.as_bytes()).unwrap_err().why.contains("65 log entries, over the bound of 64"));
}
