//! Attestations of package indexes in a release: a PEP 740 subject must have the name of the distribution, and npm's document
//! is read as the bundles that it holds. Runs where `COUNTERSIGN_CORPUS` is set.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may panic, and says why it skips")]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use countersign::digest::Sha256;
use countersign::model::{
    Artifact, Attestation, Carrier, FileId, FileRole, Identity, IdentityBasis, Outcome, PayloadFile, Question, Release,
};
use countersign::provenance::sigstore::Root;
use countersign::provenance::{Accepts, AllowedSigners, Inputs, SigstoreTrust, examine};
use serde_json::{Value, json};

fn corpus() -> Option<PathBuf> {
    let found = std::env::var_os("COUNTERSIGN_CORPUS").map(|c| PathBuf::from(c).join("provenance")).filter(|c| c.is_dir());
    if found.is_none() {
        println!("skipped: COUNTERSIGN_CORPUS is not set");
    }
    found
}

/// A release with one shipped file and one attestation.
fn rows(corpus: &std::path::Path, shipped: &str, bytes: &[u8], attestation: &str, document: Vec<u8>) -> Vec<Attestation> {
    let root = Root::parse(&fs::read(corpus.join("sigstore-root/trusted_root.json")).unwrap(), None).unwrap();
    let file = |path: String, role| PayloadFile { path: path.as_str().into(), role, size: 0, declared: Vec::new(), present: true };
    let path = format!("data/provenance/{attestation}");
    let release = Release {
        product: "p".into(),
        version: "1".into(),
        files: vec![file(path.clone(), FileRole::Provenance), file(format!("data/shipped/{shipped}"), FileRole::Shipped)],
        artifacts: vec![Artifact { name: shipped.into(), shipped: Some(FileId(1)), rebuilt: Vec::new(), debug: Vec::new() }],
        ..Release::new(Carrier::Directory, Identity { digest: None, basis: IdentityBasis::TagManifest })
    };
    let none = BTreeSet::new();
    let (own, hashed) = (Sha256::of(&document), Sha256::of(bytes));
    let files = [(FileId(0), path.as_str().into(), document)];
    let (rows, _) = examine(&Inputs {
        openpgp: None,
        files: &files,
        signers: &AllowedSigners::default(),
        release: &release,
        digests: &|id: FileId| Some(if id == FileId(0) { own } else { hashed }),
        source: None,
        accepts: Accepts { builders: &none, sources: &none, verifiers: &none, lacking: &|_| None },
        sigstore: Some(SigstoreTrust { root: &root, identities: &[], now: 1_795_000_000 }),
        contents: &|_| std::sync::Arc::default(),
        now: 1_795_000_000,
        minisign: &countersign::provenance::minisign::Keys::default(),
        sha512: &|_| None,
        read: &|_| Err("not there".to_owned()),
        comparisons: &[None],
    });
    rows
}

fn answer(row: &Attestation, question: Question) -> (Outcome, &str) {
    row.answers.iter().find(|a| a.question == question).map(|a| (a.outcome, a.reason.as_str())).unwrap()
}

#[test]
fn a_distribution_under_another_name_is_not_the_subject() {
    let Some(corpus) = corpus() else { return };
    let name = "pypi_attestations-0.0.19.tar.gz";
    let read = |name: &str| fs::read(corpus.join("pypi-attestations").join(name)).unwrap();
    let bytes = read(name);
    for (attestation, count) in [("publish.attestation", 1), ("slsa.attestation", 1), ("provenance", 1)] {
        let file = format!("{name}.{attestation}");
        let good = rows(&corpus, name, &bytes, &file, read(&file));
        assert_eq!(good.len(), count, "{file}");
        for row in &good {
            assert_eq!(answer(row, Question::Subject).0, Outcome::Yes, "{row:?}");
            assert_eq!(answer(row, Question::Signature).0, Outcome::Yes, "{row:?}");
        }
        // The same bytes under another name: the signature is as good, and it is not what was attested.
        for row in rows(&corpus, "pypi_attestations-9.9.tar.gz", &bytes, &file, read(&file)) {
            let (outcome, reason) = answer(&row, Question::Subject);
            assert_eq!(outcome, Outcome::No, "{reason}");
            assert!(reason.contains("no shipped artifact with that digest is called pypi_attestations-0.0.19.tar.gz"), "{reason}");
            assert_eq!(answer(&row, Question::Signature).0, Outcome::Yes);
        }
    }
    // Elsewhere a name is a hint: the same attestation as a plain bundle.
    let plain = read("pypi_attestation_models-0.0.4a2.tar.gz.sigstore");
    let bytes = read("pypi_attestation_models-0.0.4a2.tar.gz");
    let row = rows(&corpus, "renamed.tar.gz", &bytes, "x.sigstore.json", plain).remove(0);
    assert_eq!(answer(&row, Question::Subject).0, Outcome::Yes, "{row:?}");
}

#[test]
fn each_bundle_of_npms_document_is_an_attestation() {
    let Some(corpus) = corpus() else { return };
    let suite = corpus.join("sigstore-conformance");
    let bundle = |case: &str| -> Value {
        serde_json::from_slice(&fs::read(suite.join("bundle-verify").join(case).join("bundle.sigstore.json")).unwrap()).unwrap()
    };
    let document =
        json!({ "attestations": [{ "bundle": bundle("happy-path-v0.3") }, { "bundle": bundle("checkpoint-wrong-roothash_fail") }] });
    let bytes = fs::read(suite.join("a.txt")).unwrap();
    let rows = rows(&corpus, "a.txt", &bytes, "npm.json", document.to_string().into_bytes());
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|r| r.kind.starts_with("npm attestation")), "{}", rows[0].kind);
    assert_eq!((answer(&rows[0], Question::Signature).0, answer(&rows[0], Question::Subject).0), (Outcome::Yes, Outcome::Yes));
    assert_eq!(answer(&rows[1], Question::Signature).0, Outcome::No, "{}", answer(&rows[1], Question::Signature).1);
}
