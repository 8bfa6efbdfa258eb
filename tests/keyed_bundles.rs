//! Sigstore bundles that are signed with a key, inside of a release. Runs where `COUNTERSIGN_CORPUS` is set.
#![allow(clippy::disallowed_types, clippy::print_stdout, reason = "a test runs the program, and says when it skips")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use countersign::digest::Sha256;
use countersign::provenance::{Key, PublicKey};
use serde_json::Value;

mod common;

const SUITE: &str = "sigstore-conformance/bundle-verify";

fn corpus() -> Option<PathBuf> {
    let found = std::env::var_os("COUNTERSIGN_CORPUS").map(|c| PathBuf::from(c).join("provenance")).filter(|c| c.is_dir());
    if found.is_none() {
        println!("skipped: COUNTERSIGN_CORPUS is not set");
    }
    found
}

struct Release(tempfile::TempDir);

impl Release {
    /// The suite's artifact with that bundle beside it, its key as an offer, and a policy with the suite's trusted root.
    fn new(corpus: &Path, bundle: &str) -> Self {
        let case = corpus.join(SUITE).join("managed-key-happy-path");
        let release = Self(tempfile::tempdir().expect("a folder"));
        release.write("bundle/shipped/a.txt", &fs::read(corpus.join(SUITE).join("a.txt")).expect("the artifact"));
        release.write("bundle/provenance/a.txt.sigstore.json", bundle.as_bytes());
        release.write("bundle/trust/cosign.pub", &fs::read(case.join("key.pub")).expect("the key"));
        let root = fs::read(corpus.join("sigstore-root/trusted_root.json")).expect("a root");
        release.write("root.json", &root);
        let policy = format!(
            "allowed_signers = \"signers\"\n[sigstore]\ntrusted_root = \"root.json\"\ntrusted_root_sha256 = \"{}\"\nidentities = []\n",
            Sha256::of(&root)
        );
        release.write("policy.toml", policy.as_bytes());
        release
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, bytes).expect("written");
    }

    /// Outcome and reason of an answer.
    fn answers(&self, signers: &str) -> impl Fn(&str) -> (String, String) + use<> {
        self.write("signers", signers.as_bytes());
        let at = |name: &str| self.0.path().join(name);
        let mut command = Command::new(common::program());
        command.arg("check").arg(at("bundle")).args(["--format", "json", "--policy"]).arg(at("policy.toml"));
        let out = command.arg("--state").arg(at("state")).output().expect("it runs");
        let said = || String::from_utf8_lossy(&out.stderr).into_owned();
        let report: Value = serde_json::from_slice(&out.stdout).unwrap_or_else(|e| panic!("{e}: {}", said()));
        move |question| {
            let all = report["attestations"][0]["answers"].as_array().expect("an attestation");
            let one = all.iter().find(|a| a["question"] == question).expect("every question is answered");
            (one["outcome"].as_str().unwrap_or("").to_owned(), one["reason"].as_str().unwrap_or("").to_owned())
        }
    }
}

#[test]
fn the_key_of_a_bundle_is_judged_by_the_reviewers_signers() {
    let Some(corpus) = corpus() else { return };
    let case = corpus.join(SUITE).join("managed-key-happy-path");
    let text = |name: &str| fs::read_to_string(case.join(name)).expect("a file of the suite");
    let (bundle, pem) = (text("bundle.sigstore.json"), text("key.pub"));
    let key = Key::of(&PublicKey::parse(pem.as_bytes()).expect("a key")).expect("a key");
    let line = |options: &str| {
        use base64::Engine as _;
        format!("vendor@x {options} {} {}\n", key.kind(), base64::engine::general_purpose::STANDARD.encode(key.blob()))
    };
    let other = "other@x ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMnVBzfjuoXA+MaJbo+dohH+S64GUUwcUn4lWGVF1AFU\n";
    let release = Release::new(&corpus, &bundle);
    let of = release.answers(&(other.to_owned() + &line("")));
    for question in ["subject", "signature", "signer", "time"] {
        assert_eq!(of(question).0, "Yes", "{question}: {}", of(question).1);
    }
    assert!(of("signer").1.starts_with(&format!("vendor@x {}", key.fingerprint())), "{}", of("signer").1);
    // Who is not among them is not trusted: with the offer of the bundle the signature is good, and that is all.
    let of = release.answers(other);
    assert_eq!((of("signature").0.as_str(), of("signer").0.as_str()), ("Yes", "No"));
    assert!(of("signature").1.contains("an offer, not trust"), "{}", of("signature").1);
    // The log says when: an entry that is limited in time is judged then, and so is one that is for other uses.
    for (options, outcome) in [
        ("valid-after=\"20200101\"", "Yes"),
        ("valid-before=\"20200101\"", "No"),
        ("namespaces=\"git\"", "No"),
        ("namespaces=\"file\"", "Yes"),
    ] {
        let of = release.answers(&line(options));
        assert_eq!(of("signer").0, outcome, "{options}: {}", of("signer").1);
    }
    // Without any key nobody can tell.
    fs::remove_file(release.0.path().join("bundle/trust/cosign.pub")).expect("removed");
    let of = release.answers(other);
    assert_eq!(of("signature").0, "CannotTell");
    assert!(of("signature").1.contains("no key that is known here verifies it (it names TLMsSDfG3"), "{}", of("signature").1);
}

#[test]
fn a_bundle_that_does_not_hold_is_refused_with_the_key_that_it_names() {
    let Some(corpus) = corpus() else { return };
    let case = corpus.join(SUITE).join("managed-key-happy-path");
    let bundle = fs::read_to_string(case.join("bundle.sigstore.json")).expect("a bundle");
    let key = Key::of(&PublicKey::parse(&fs::read(case.join("key.pub")).expect("a key")).expect("a key")).expect("a key");
    let tree: Value = serde_json::from_str(&bundle).expect("JSON");
    let mut forged = tree.clone();
    // The signature of another message by nobody, and the log entry of the good one.
    forged["messageSignature"]["signature"] =
        "MEQCIHV/Yg9k2LUZYbRVtVlNnN8YpgHB9iPYFwEbFbxSRcy2AiB5Yz1tmdQxFvlQeYyB2QHdVZ8UBaRY4c5hPJdPEkLGUg==".into();
    let mut unlogged = tree.clone();
    unlogged["verificationMaterial"]["tlogEntries"] = Value::Array(Vec::new());
    for bad in [forged, unlogged] {
        let of = Release::new(&corpus, &bad.to_string()).answers("");
        assert_eq!(of("signature").0, "No", "{}", of("signature").1);
        assert!(of("signature").1.contains(key.fingerprint()), "{}", of("signature").1);
        assert_ne!(of("signer").0, "Yes");
    }
    // Another file under its name.
    let release = Release::new(&corpus, &bundle);
    release.write("bundle/shipped/a.txt", b"another");
    assert_eq!(release.answers("")("subject").0, "No");
}
