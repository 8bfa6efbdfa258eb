//! Attestations that are wrong, one way each: a clear answer of the right kind, soon, and never "verified". The threshold of one
//! person twice is in `tests/provenance.rs`, revoked and expired OpenPGP keys in `tests/openpgp.rs`, the clock before the time of
//! signing in `tests/attestation_asked.rs`.

// A test runs the program.
#![allow(clippy::disallowed_types, clippy::unwrap_used)]

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use base64::Engine as _;
use countersign::digest::Sha256;
use countersign::provenance::dsse;
use ed25519_dalek::Signer as _;
use serde_json::{Value, json};

mod common;

/// What every case must be done in. (Alone a case takes a tenth of a second; a loaded machine takes longer.)
const SOON: Duration = Duration::from_secs(20);

fn key(seed: u8) -> ed25519_dalek::SigningKey {
    ed25519_dalek::SigningKey::from_bytes(&[seed; 32])
}

fn b64(bytes: &[u8]) -> String {
    base64::prelude::BASE64_STANDARD.encode(bytes)
}

fn line(principal: &str, options: &str, seed: u8) -> String {
    let mut blob = Vec::new();
    for part in [&b"ssh-ed25519"[..], key(seed).verifying_key().as_bytes()] {
        blob.extend(u32::try_from(part.len()).unwrap().to_be_bytes());
        blob.extend(part);
    }
    format!("{principal} {options} ssh-ed25519 {}\n", b64(&blob))
}

fn statement() -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "name": "tool", "digest": { "sha256": Sha256::of(b"tool").to_string() } }],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": { "buildDefinition": { "buildType": "t" }, "runDetails": { "builder": { "id": "https://b" } } },
    })
}

fn envelope_of(payload_type: &str, payload: &[u8], seeds: &[u8]) -> Value {
    let message = dsse::pae(payload_type, payload);
    let signatures: Vec<Value> = seeds.iter().map(|s| json!({ "keyid": "", "sig": b64(&key(*s).sign(&message).to_bytes()) })).collect();
    json!({ "payloadType": payload_type, "payload": b64(payload), "signatures": signatures })
}

fn envelope(statement: &Value, seeds: &[u8]) -> Value {
    envelope_of(dsse::IN_TOTO, statement.to_string().as_bytes(), seeds)
}

/// A loose release of one artifact with that attestation: the answers of its first row, as (outcome, reason) by question, and
/// what the whole check says. In no case is the artifact named by a trusted signature.
struct Checked {
    _folder: tempfile::TempDir,
    document: Value,
    code: i32,
}

impl Checked {
    fn new(document: &[u8], signers: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| -> PathBuf {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, bytes).unwrap();
            path
        };
        write("bundle/shipped/tool", b"tool");
        write("bundle/provenance/x.intoto.json", document);
        let signers = write("signers", signers.as_bytes());
        let started = Instant::now();
        let out = Command::new(common::program())
            .arg("check")
            .arg(folder.path().join("bundle"))
            .args(["--format", "json", "--signers"])
            .arg(signers)
            .arg("--state")
            .arg(folder.path().join("state"))
            .output()
            .unwrap();
        assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
        let text = String::from_utf8(out.stdout).unwrap();
        let document = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
        Self { _folder: folder, document, code: out.status.code().unwrap() }
    }

    fn answer(&self, question: &str) -> (String, String) {
        let answers = self.document["attestations"][0]["answers"].as_array().expect("an attestation");
        let answer = answers.iter().find(|a| a["question"] == question).expect("every question is answered");
        (answer["outcome"].as_str().unwrap().to_owned(), answer["reason"].as_str().unwrap().to_owned())
    }

    fn check(&self, code: &str) -> &str {
        let checks = self.document["checks"].as_array().unwrap();
        checks.iter().find(|c| c["code"] == code).expect("every check is there")["verdict"].as_str().unwrap()
    }

    /// The artifact is not shown to be named by a signer of the reviewer's.
    fn is_refused(&self, question: &str, outcome: &str, says: &str) {
        let (found, reason) = self.answer(question);
        assert_eq!(found, outcome, "{reason}");
        assert!(reason.contains(says), "{reason}");
        assert_ne!(self.check("provenance.signature"), "pass");
        assert_eq!(self.code, 1);
        let chain = self.document["chain"].as_array().unwrap();
        let subject = chain.iter().find(|l| l["name"] == "shipped = subject").expect("the link");
        assert_ne!(subject["standing"], "proven", "{subject}");
    }
}

fn checked(document: &Value) -> Checked {
    Checked::new(document.to_string().as_bytes(), &line("b@x", "", 1))
}

#[test]
fn the_good_one_passes() {
    let good = checked(&envelope(&statement(), &[1]));
    assert_eq!((good.answer("subject").0.as_str(), good.answer("signer").0.as_str()), ("Yes", "Yes"));
    assert_eq!(good.check("provenance.signature"), "pass");
}

#[test]
fn a_wrong_payload_type() {
    let document = envelope_of("text/plain", statement().to_string().as_bytes(), &[1]);
    checked(&document).is_refused("signature", "CannotTell", "the payload type is text/plain");
    // A good signature over another type, which the envelope then claims to be a statement.
    let mut lie = document;
    lie["payloadType"] = json!(dsse::IN_TOTO);
    checked(&lie).is_refused("signature", "CannotTell", "no key that is known here verifies it");
}

#[test]
fn a_wrong_predicate_type() {
    let mut other = statement();
    other["predicateType"] = json!("https://example.org/anything/v1");
    let found = checked(&envelope(&other, &[1]));
    assert_eq!(found.answer("builder").0, "CannotTell");
    assert!(found.answer("source").1.contains("not read by this version"));
    // It is signed and names the artifact, and is no provenance: the chain does not lead over it.
    let chain = found.document["chain"].as_array().unwrap();
    assert!(chain.iter().filter(|l| l["name"] == "shipped = subject").all(|l| l["standing"] == "absent"));
}

#[test]
fn no_subject() {
    let mut none = statement();
    none["subject"] = json!([]);
    checked(&envelope(&none, &[1])).is_refused("subject", "No", "it names no subject");
}

#[test]
fn a_weak_digest() {
    let mut weak = statement();
    weak["subject"] = json!([{ "name": "tool", "digest": { "sha1": "0".repeat(40), "md5": "0".repeat(32) } }]);
    checked(&envelope(&weak, &[1])).is_refused("subject", "CannotTell", "no sha256 or sha512");
}

#[test]
fn a_second_signature_that_is_bad() {
    let mut document = envelope(&statement(), &[1, 2]);
    document["signatures"][1]["sig"] = json!(b64(&[7; 64]));
    // It names the key of a signer, which does not verify it.
    let signers = format!("{}{}", line("a@x", "", 1), line("b@x", "", 2));
    let found = Checked::new(document.to_string().as_bytes(), &signers);
    let (outcome, reason) = found.answer("signature");
    assert_eq!(outcome, "Yes", "one of two is good, and the other is counted");
    assert!(reason.contains("1 of 2 signatures verify, with 1 distinct keys"), "{reason}");
    // Alone it is none.
    document["signatures"].as_array_mut().unwrap().remove(0);
    Checked::new(document.to_string().as_bytes(), &signers).is_refused("signature", "CannotTell", "no key that is known here verifies it");
}

#[test]
fn an_entry_that_has_expired_or_is_not_yet_valid() {
    for options in ["valid-before=\"20200101Z\"", "valid-after=\"20900101Z\""] {
        let document = envelope(&statement(), &[1]).to_string();
        Checked::new(document.as_bytes(), &line("b@x", options, 1)).is_refused("signer", "CannotTell", "limited in time");
    }
}

#[test]
fn a_hundred_thousand_subjects_and_one_more() {
    let subjects = |count: usize| -> Value {
        let mut all: Vec<Value> =
            (1..count).map(|i| json!({ "name": format!("f{i}"), "digest": { "sha256": format!("{i:064x}") } })).collect();
        all.push(json!({ "name": "tool", "digest": { "sha256": Sha256::of(b"tool").to_string() } }));
        all.into()
    };
    let mut many = statement();
    many["subject"] = subjects(100_000);
    let found = checked(&envelope(&many, &[1]));
    let (outcome, reason) = found.answer("subject");
    assert_eq!(outcome, "CannotTell", "{reason}");
    assert!(reason.starts_with("1 of 100000 subjects equal files we hashed; 99999 are not in the bundle"), "{reason}");
    many["subject"] = subjects(100_001);
    checked(&envelope(&many, &[1])).is_refused("subject", "CannotTell", "over the bound of 100000");
}

#[test]
fn sixty_five_signatures() {
    let seeds: Vec<u8> = (1..=64).collect();
    let mut document = envelope(&statement(), &seeds);
    assert_eq!(checked(&document).answer("signer").0, "Yes");
    let one = document["signatures"][0].clone();
    document["signatures"].as_array_mut().unwrap().push(one);
    checked(&document).is_refused("signature", "CannotTell", "65");
}

#[test]
fn ten_megabytes_of_nesting() {
    let deep = format!("{{\"payload\":{}", "[".repeat(10 << 20));
    Checked::new(deep.as_bytes(), &line("b@x", "", 1)).is_refused("signature", "CannotTell", "cannot be read: line 1");
    // The same inside of what is signed.
    let inner = format!("{{\"_type\":{}", "[".repeat(10 << 20));
    let document = envelope_of(dsse::IN_TOTO, inner.as_bytes(), &[1]);
    let found = checked(&document);
    let (outcome, reason) = found.answer("subject");
    assert!(outcome == "CannotTell" && reason.contains("cannot be read: line 1"), "{reason}");
    assert_ne!(found.check("provenance.subject"), "pass");
}

#[test]
fn a_document_in_a_document_and_keys_twice() {
    let good = envelope(&statement(), &[1]).to_string();
    for wrong in [format!("{good} {good}"), good.replacen("\"payload\":", "\"payload\":\"\",\"payload\":", 1), format!("\u{feff}{good}")] {
        Checked::new(wrong.as_bytes(), &line("b@x", "", 1)).is_refused("signature", "CannotTell", "cannot be read");
    }
}
