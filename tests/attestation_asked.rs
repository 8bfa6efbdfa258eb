//! `countersign attestation`: nothing that an option asks for is passed over, and every form that holds attestations is read.
#![allow(clippy::disallowed_types, clippy::print_stdout, reason = "a test runs the program, and says when it skips")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::digest::Sha256;
use countersign::provenance::dsse::pae;
use countersign::provenance::sigstore::{Artifact, Bundle, Reason, Root, Wanted};
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value, json};
use ssh_key::private::{Ed25519Keypair, KeypairData};

mod common;

const IDENTITY: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";
const ISSUER: &str = "https://token.actions.githubusercontent.com";
const IN_TOTO: &str = "application/vnd.in-toto+json";

/// Exit code, reason (empty when there is none) and what was said.
fn run(args: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(common::program());
    command.arg("attestation").args(args).args(["--format", "json"]);
    command.env("XDG_CONFIG_HOME", "/nonexistent").env("HOME", "/nonexistent");
    let done = command.output().expect("it runs");
    let report: Value = serde_json::from_slice(&done.stdout).unwrap_or(Value::Null);
    let said = format!("{}{}", report["why"].as_str().unwrap_or(""), String::from_utf8_lossy(&done.stderr));
    (done.status.code().expect("no signal"), report["reason"].as_str().unwrap_or("").to_owned(), said)
}

struct Case(tempfile::TempDir);

impl Case {
    fn new() -> Self {
        let case = Self(tempfile::tempdir().expect("a folder"));
        case.write("a.bin", b"the artifact");
        let text = |seed| format!("{} ", ["alice", "bob"][usize::from(seed == 8)]) + &public(seed);
        case.write("alice", text(7).as_bytes());
        case.write("bob", text(8).as_bytes());
        let mut der = vec![0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
        der.extend_from_slice(key(7).verifying_key().as_bytes());
        case.write("alice.pem", format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der)).as_bytes());
        case
    }

    fn write(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).expect("written");
        path.to_string_lossy().into_owned()
    }

    fn at(&self, name: &str) -> String {
        self.0.path().join(name).to_string_lossy().into_owned()
    }

    /// An envelope of alice's about that digest.
    fn envelope(digest: &str, predicate_type: &str, predicate: &Value) -> Value {
        let payload = json!({
            "_type": "https://in-toto.io/Statement/v1", "predicateType": predicate_type, "predicate": predicate,
            "subject": [{ "name": "a.bin", "digest": { "sha256": digest } }],
        })
        .to_string();
        let signature = STANDARD.encode(key(7).sign(&pae(IN_TOTO, payload.as_bytes())).to_bytes());
        json!({ "payloadType": IN_TOTO, "payload": STANDARD.encode(&payload), "signatures": [{ "keyid": "", "sig": signature }] })
    }

    fn good() -> Value {
        Self::envelope(&Sha256::of(b"the artifact").to_string(), "https://example.com/x", &json!({}))
    }
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn ssh(seed: u8) -> ssh_key::PrivateKey {
    ssh_key::PrivateKey::new(KeypairData::from(Ed25519Keypair::from_seed(&[seed; 32])), "").expect("a key")
}

fn public(seed: u8) -> String {
    ssh(seed).public_key().to_openssh().expect("a line")
}

fn sign(message: &[u8], seed: u8) -> Vec<u8> {
    let signature = ssh(seed).sign("file", ssh_key::HashAlg::Sha512, message).expect("signed");
    signature.to_pem(ssh_key::LineEnding::LF).expect("PEM").into_bytes()
}

fn corpus() -> Option<PathBuf> {
    let found = std::env::var_os("COUNTERSIGN_CORPUS").map(|c| PathBuf::from(c).join("provenance")).filter(|c| c.is_dir());
    if found.is_none() {
        println!("skipped: COUNTERSIGN_CORPUS is not set");
    }
    found
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[test]
fn a_signer_that_the_form_cannot_show_is_not_passed_over() {
    let case = Case::new();
    let (file, artifact) = (case.write("e.json", Case::good().to_string().as_bytes()), case.at("a.bin"));
    let (alice, bob, pem) = (case.at("alice"), case.at("bob"), case.at("alice.pem"));
    let with = |file: &str, who: &[&str]| run(&[&[file, "--artifact", &artifact], who].concat());
    assert_eq!(with(&file, &["--signers", &alice]).0, 0);
    assert_eq!(with(&file, &["--key", &pem]).0, 0);
    let mallory = ["--identity", "mallory@example.com", "--issuer", "https://issuer.example"];
    // An envelope and an SSH signature have no certificate; alice's key does not make her mallory.
    let policy = case.write("policy.toml", b"allowed_signers = \"alice\"\n");
    assert_eq!(with(&file, &["--policy", &policy]).0, 0);
    let (code, reason, said) = with(&file, &[&mallory[..], &["--policy", &policy]].concat());
    assert_eq!((code, reason.as_str()), (2, ""), "{said}");
    assert!(said.contains("--identity is shown by the certificate"), "{said}");
    let signature = case.write("a.bin.sig", &sign(b"the artifact", 7));
    assert_eq!(with(&signature, &["--policy", &policy]).0, 0);
    assert_eq!(with(&signature, &[&mallory[..], &["--policy", &policy]].concat()).0, 2);
    // Two ways to say who: neither counts instead of the other.
    for who in [
        &["--key", &pem[..], "--signers", &bob][..],
        &[&mallory[..], &["--signers", &alice]].concat(),
        &[&mallory[..], &["--key", &pem]].concat(),
    ] {
        let (code, reason, said) = with(&file, who);
        assert_eq!((code, reason.as_str()), (2, ""), "{who:?}: {said}");
        assert!(said.contains("cannot be used with"), "{said}");
    }
    // A key that was given counts alone, whomever the policy allows.
    let bob_policy = case.write("bob.toml", b"allowed_signers = \"bob\"\n");
    assert_eq!(with(&file, &["--key", &pem, "--policy", &bob_policy]).0, 0);
    assert_eq!(with(&signature, &["--key", &pem, "--policy", &policy]).0, 2);
}

#[test]
fn a_threshold_of_the_policy_is_asked_of_one_attestation_too() {
    let case = Case::new();
    case.write("signers", format!("ada@x {}\nada@y {}\nbob@x {}\n", public(7), public(8), public(9)).as_bytes());
    let person = |name: &str, principals: &str| format!("[[people]]\nname = \"{name}\"\nroles = [\"b\"]\nprincipals = [{principals}]\n");
    let people = person("ada", "\"ada@x\", \"ada@y\"") + &person("bob", "\"bob@x\"");
    let policy = case.write("p.toml", format!("allowed_signers = \"signers\"\nattestation_threshold = {{ b = 2 }}\n{people}").as_bytes());
    let artifact = case.at("a.bin");
    let signed_by = |seeds: &[u8]| {
        let mut document = Case::good();
        let payload = STANDARD.decode(document["payload"].as_str().unwrap()).unwrap();
        let sig = |seed: &u8| json!({ "sig": STANDARD.encode(key(*seed).sign(&pae(IN_TOTO, &payload)).to_bytes()) });
        document["signatures"] = seeds.iter().map(sig).collect();
        case.write("t.json", document.to_string().as_bytes())
    };
    let with = |file: &str, more: &[&str]| run(&[&[file, "--artifact", &artifact, "--policy", &policy], more].concat());
    assert_eq!(with(&signed_by(&[7, 9]), &[]).0, 0);
    // One person with two keys, and one key twice, are one signature.
    for seeds in [&[7][..], &[7, 8], &[7, 7], &[9, 10]] {
        let (code, reason, said) = with(&signed_by(seeds), &[]);
        assert_eq!((code, reason.as_str()), (1, "threshold-missed"), "{seeds:?}: {said}");
        assert!(said.contains("1 of 2 signatures by different people of the role b"), "{said}");
    }
    // A key that was given is whom the policy says, and no two people.
    let pem = case.at("alice.pem");
    assert_eq!(with(&signed_by(&[7, 9]), &["--key", &pem]).1, "threshold-missed");
    let two = case.write("a.bin.sig", &sign(b"the artifact", 7));
    assert_eq!(with(&two, &[]).1, "threshold-missed");
    let one = case.write("p1.toml", format!("allowed_signers = \"signers\"\nattestation_threshold = {{ b = 1 }}\n{people}").as_bytes());
    assert_eq!(run(&[&two, "--artifact", &artifact, "--policy", &one]).0, 0);
    assert_eq!(run(&[&signed_by(&[7]), "--artifact", &artifact, "--policy", &one, "--key", &pem]).0, 0);
}

#[test]
fn a_summary_passes_by_one_word_only() {
    let case = Case::new();
    let digest = Sha256::of(b"the artifact").to_string();
    for (result, code) in [("PASSED", 0), ("FAILED", 1), ("not PASSED", 1), ("FAILED PASSED", 1), ("passed", 1), ("", 1)] {
        let envelope = Case::envelope(&digest, "https://slsa.dev/verification_summary/v1", &json!({ "verificationResult": result }));
        let file = case.write("e.json", envelope.to_string().as_bytes());
        let done = run(&[&file, "--artifact", &case.at("a.bin"), "--signers", &case.at("alice")]);
        assert_eq!((done.0, done.1.as_str()), (code, if code == 0 { "" } else { "statement-refused" }), "{result:?}");
    }
}

#[test]
fn every_line_must_hold() {
    let case = Case::new();
    let (good, other) = (Case::good(), Case::envelope(&"0".repeat(64), "https://example.com/x", &json!({})));
    let with = |text: &str| {
        let file = case.write("e.intoto.jsonl", text.as_bytes());
        let (code, reason, said) = run(&[&file, "--artifact", &case.at("a.bin"), "--signers", &case.at("alice")]);
        (code, reason, said.lines().next().unwrap_or("").to_owned())
    };
    assert_eq!(with(&format!("{good}\n\n{good}\n")).0, 0);
    let (code, reason, said) = with(&format!("{good}\n{other}\n"));
    assert_eq!((code, reason.as_str()), (1, "artifact-mismatch"));
    assert!(said.starts_with("line 2: "), "{said}");
    assert_eq!(with(&format!("{other}\n{good}\n")).1, "artifact-mismatch");
    assert_eq!(with(&format!("{good}\n{{\n")).1, "malformed");
    assert_eq!(with("\n\n").1, "malformed");
    assert_eq!(with("").1, "malformed");
    assert_eq!(with(&"{}\n".repeat(1001)).1, "malformed");
}

#[test]
fn a_list_of_checksums_and_the_signature_beside_it() {
    let case = Case::new();
    let list = |digest: &str| format!("{}  other\n{digest}  a.bin\n", "1".repeat(64));
    let good = list(&Sha256::of(b"the artifact").to_string());
    let with = |list: &str, signature: Option<&[u8]>, who: &str| {
        let file = case.write("SHA256SUMS", list.as_bytes());
        let _ = fs::remove_file(case.at("SHA256SUMS.sig"));
        signature.map(|s| case.write("SHA256SUMS.sig", s));
        let done = run(&[&file, "--artifact", &case.at("a.bin"), "--signers", &case.at(who)]);
        (done.0, done.1)
    };
    let is = |code, reason: &str| (code, reason.to_owned());
    assert_eq!(with(&good, Some(&sign(good.as_bytes(), 7)), "alice"), is(0, ""));
    assert_eq!(with(&good, Some(&sign(good.as_bytes(), 7)), "bob"), is(1, "signer-untrusted"));
    assert_eq!(with(&good, Some(&sign(b"another list", 7)), "alice"), is(1, "signature-invalid"));
    assert_eq!(with(&good, Some(b"nonsense"), "alice"), is(1, "malformed"));
    assert_eq!(with(&good, None, "alice"), is(1, "unsigned"));
    let absent = list(&"0".repeat(64));
    assert_eq!(with(&absent, Some(&sign(absent.as_bytes(), 7)), "alice"), is(1, "artifact-mismatch"));
    let torn = format!("{good}torn\n");
    assert_eq!(with(&torn, Some(&sign(torn.as_bytes(), 7)), "alice"), is(1, "malformed"));
}

#[test]
fn npm_attestations_are_bundles_of_which_each_must_hold() {
    let Some(corpus) = corpus() else { return };
    let case = Case::new();
    let suite = corpus.join("sigstore-conformance");
    let bundle = |name: &str| -> Value {
        serde_json::from_slice(&fs::read(suite.join("bundle-verify").join(name).join("bundle.sigstore.json")).expect("read")).expect("JSON")
    };
    let root = text(&corpus.join("sigstore-root/trusted_root.json"));
    let with = |bundles: &[&Value]| {
        let all: Vec<_> = bundles.iter().map(|b| json!({ "predicateType": "x", "bundle": b })).collect();
        let file = case.write("npm.json", json!({ "attestations": all }).to_string().as_bytes());
        let artifact = text(&suite.join("a.txt"));
        let done = run(&[&file, "--artifact", &artifact, "--trusted-root", &root, "--identity", IDENTITY, "--issuer", ISSUER]);
        (done.0, done.1)
    };
    let (good, bad) = (bundle("happy-path-v0.3"), bundle("signature-mismatch_fail"));
    assert_eq!(with(&[&good]), (0, String::new()));
    assert_eq!(with(&[&good, &good]), (0, String::new()));
    assert_eq!(with(&[&good, &bad]).0, 1);
    assert_eq!(with(&[&bad, &good]).0, 1);
    assert_eq!(with(&[]), (1, "unsupported".to_owned()));
}

#[test]
fn a_distribution_must_have_the_name_that_its_attestation_says() {
    let Some(corpus) = corpus() else { return };
    let case = Case::new();
    let name = "pypi_attestations-0.0.19.tar.gz";
    let original = corpus.join("pypi-attestations").join(name);
    let attestation = text(&corpus.join("pypi-attestations").join(format!("{name}.publish.attestation")));
    let root = corpus.join("sigstore-root/trusted_root.json");
    let bytes = fs::read(&original).expect("read");
    let who = {
        let bundles = countersign::provenance::sigstore::pep740_bundles(&fs::read(&attestation).expect("read")).expect("PEP 740");
        let root = Root::parse(&fs::read(&root).expect("read"), None).expect("a root");
        let bundle = Bundle::parse(&bundles[0]).expect("a bundle");
        bundle.verify(&Artifact::Bytes(&bytes), &Wanted::Anyone, &root, 1_795_000_000).expect("verified")
    };
    let (identity, issuer, root) = (who.identity.expect("one"), who.issuer.expect("one"), text(&root));
    let with =
        |what: &[&str]| run(&[&[&attestation[..], "--identity", &identity, "--issuer", &issuer, "--trusted-root", &root], what].concat());
    assert_eq!(with(&["--artifact", &text(&original)]).0, 0);
    // Of a digest alone nobody says what the file is called.
    assert_eq!(with(&["--digest", &format!("sha256:{}", Sha256::of(&bytes))]).0, 0);
    let renamed = case.write("pypi_attestations-9.9.tar.gz", &bytes);
    let (code, reason, said) = with(&["--artifact", &renamed]);
    assert_eq!((code, reason.as_str()), (1, "artifact-mismatch"), "{said}");
    assert!(said.contains("pypi_attestations-9.9.tar.gz"), "{said}");
}

#[test]
fn a_trusted_root_has_a_media_type_that_is_known() {
    let Some(corpus) = corpus() else { return };
    let mut root: Value = serde_json::from_slice(&fs::read(corpus.join("sigstore-root/trusted_root.json")).expect("read")).expect("JSON");
    assert!(Root::parse(root.to_string().as_bytes(), None).is_ok());
    for other in ["application/vnd.dev.sigstore.trustedroot+json;version=99", "application/vnd.dev.sigstore.bundle.v0.3+json", ""] {
        root["mediaType"] = json!(other);
        let refused = Root::parse(root.to_string().as_bytes(), None).expect_err("another type");
        assert_eq!(refused.reason, Reason::TrustedRootInvalid, "{other}");
    }
}

#[test]
fn a_clock_before_this_program_was_written_verifies_nothing() {
    let Some(corpus) = corpus() else { return };
    let mut checked = 0;
    for entry in fs::read_dir(corpus.join("sigstore-conformance/bundle-verify")).expect("a folder").flatten() {
        let case = entry.path();
        let Ok(bundle) = fs::read(case.join("bundle.sigstore.json")) else { continue };
        if case.to_string_lossy().ends_with("_fail") {
            continue;
        }
        let key = fs::read(case.join("key.pub")).ok();
        let own = |name: &str, other: &str| fs::read(case.join(name)).or_else(|_| fs::read(corpus.join(other))).expect("read");
        let root = Root::parse(&own("trusted_root.json", "sigstore-root/trusted_root.json"), None).expect("a root");
        let artifact = own("artifact", "sigstore-conformance/a.txt");
        let bundle = Bundle::parse(&bundle).expect("a bundle");
        let wanted = key.as_deref().map_or(Wanted::Anyone, Wanted::Key);
        let at = |now| bundle.verify(&Artifact::Bytes(&artifact), &wanted, &root, now);
        assert!(at(1_795_000_000).is_ok(), "{}", case.display());
        // 2021, and the last second before 2026-08-21, by when all of these were signed.
        for now in [1_610_000_000, 1_787_270_399] {
            assert_eq!(at(now).expect_err("behind").reason, Reason::ClockBehind, "{} at {now}", case.display());
        }
        assert!(at(1_787_270_400).is_ok(), "{}", case.display());
        checked += 1;
    }
    assert_eq!(checked, 21);
}

#[test]
fn every_case_of_the_conformance_suite_by_the_command_itself() {
    let Some(corpus) = corpus() else { return };
    let now =
        i64::try_from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs()).expect("fits");
    let (mut good, mut bad) = (0, 0);
    let folders =
        ["sigstore-conformance/bundle-verify", "sigstore-conformance-repaired"].map(|f| fs::read_dir(corpus.join(f)).expect("a folder"));
    for case in folders.into_iter().flatten().flatten().map(|e| e.path()).filter(|p| p.join("bundle.sigstore.json").exists()) {
        let own = |name: &str, other: &str| Some(case.join(name)).filter(|p| p.exists()).unwrap_or_else(|| corpus.join(other));
        let said = |name: &str, other: &str| fs::read_to_string(case.join(name)).map_or_else(|_| other.to_owned(), |t| t.trim().to_owned());
        let (root, artifact) = (own("trusted_root.json", "sigstore-root/trusted_root.json"), own("artifact", "sigstore-conformance/a.txt"));
        let (identity, issuer, key) = (said("identity", IDENTITY), said("issuer", ISSUER), case.join("key.pub"));
        let (bytes, key_bytes) = (fs::read(&artifact).expect("read"), fs::read(&key).ok());
        let wanted = key_bytes.as_deref().map_or(Wanted::Identity(&identity, &issuer), Wanted::Key);
        // The class is the library's, which its own table pins.
        let class = Root::parse(&fs::read(&root).expect("read"), None)
            .and_then(|root| {
                Bundle::parse(&fs::read(case.join("bundle.sigstore.json")).expect("read"))?.verify(
                    &Artifact::Bytes(&bytes),
                    &wanted,
                    &root,
                    now,
                )
            })
            .map_or_else(|refusal| refusal.reason.word(), |_| "");
        let (bundle, root, artifact, key) = (text(&case.join("bundle.sigstore.json")), text(&root), text(&artifact), text(&key));
        let digest = format!("sha256:{}", Sha256::of(&bytes));
        let who = if key_bytes.is_some() { vec!["--key", &key] } else { vec!["--identity", &identity, "--issuer", &issuer] };
        for what in [["--artifact", &artifact], ["--digest", &digest]] {
            let (code, reason, said) = run(&[&[&bundle[..], "--trusted-root", &root], &what[..], &who[..]].concat());
            let refused = case.to_string_lossy().ends_with("_fail");
            assert_eq!((code, reason.as_str()), (i32::from(refused), class), "{} {what:?}: {said}", case.display());
            *if refused { &mut bad } else { &mut good } += 1;
        }
    }
    assert_eq!((good, bad), (42, 98 + 4));
}

#[test]
fn minisign_and_signify_by_a_key_that_was_given() {
    let at = |name: &str| format!("testdata/minisign/{name}");
    let artifact = at("message.txt");
    let with = |file: &str, key: &str, artifact: &str| {
        let (code, reason, said) = run(&[file, "--artifact", artifact, "--key", &at(key)]);
        assert!(code != 2, "{said}");
        (code, reason)
    };
    let good = (0, String::new());
    let no = |reason: &str| (1, reason.to_owned());
    assert_eq!(with(&at("prehashed.minisig"), "alice.pub", &artifact), good);
    assert_eq!(with(&at("legacy.minisig"), "alice.pub", &artifact), good);
    assert_eq!(with(&at("bob.sig"), "bob.pub", &artifact), good);
    // The list behind the signature has the artifact's digest, and not that of another file.
    assert_eq!(with(&at("SHA256.sig"), "bob.pub", &artifact), good);
    assert_eq!(with(&at("SHA256.sig"), "bob.pub", &at("alice.pub")), no("artifact-mismatch"));
    assert_eq!(with(&at("SHA256.sig"), "alice.pub", &artifact), no("signature-invalid"));
    assert_eq!(with(&at("prehashed.minisig"), "mallory.pub", &artifact), no("signature-invalid"));
    assert_eq!(with(&at("prehashed.minisig"), "alice.pub", &at("alice.pub")), no("signature-invalid"));
    let case = Case::new();
    let (code, reason, _) = run(&[&at("prehashed.minisig"), "--artifact", &artifact, "--key", &case.at("alice.pem")]);
    assert_eq!((code, reason.as_str()), (1, "key-invalid"));
    let text = fs::read_to_string(at("legacy.minisig")).expect("read");
    let changed = case.write("changed.minisig", text.replace("version 1", "version 2").as_bytes());
    assert_eq!(with(&changed, "alice.pub", &artifact), no("signature-invalid"));
    let cut = case.write("cut.minisig", text.split_inclusive('\n').take(2).collect::<String>().as_bytes());
    assert_eq!(with(&cut, "alice.pub", &artifact), no("malformed"));
    let (code, _, said) = run(&[&at("legacy.minisig"), "--artifact", &artifact]);
    assert!(code == 2 && said.contains("say who must have signed it"), "{said}");
    let (code, _, said) = run(&[&at("legacy.minisig"), "--digest", &format!("sha256:{}", "0".repeat(64)), "--key", &at("alice.pub")]);
    assert!(code == 2 && said.contains("give --artifact"), "{said}");
    // A policy may name the keys.
    fs::copy(at("alice.pub"), case.at("alice.pub")).expect("copied");
    let policy = case.write("policy.toml", b"minisign_keys = [\"alice.pub\"]\n");
    let (code, _, said) = run(&[&at("prehashed.minisig"), "--artifact", &artifact, "--policy", &policy]);
    assert_eq!(code, 0, "{said}");
}

#[test]
fn a_list_may_have_several_kinds_of_signature_beside_it() {
    let case = Case::new();
    let at = |name: &str| format!("testdata/minisign/{name}");
    fs::copy(at("legacy.minisig"), case.at("SHA256SUMS.minisig")).expect("copied");
    // The signature is over another text than this list.
    let list = format!("{}  a.bin\n", Sha256::of(b"the artifact"));
    let path = case.write("SHA256SUMS", list.as_bytes());
    let artifact = case.at("a.bin");
    let with = |args: &[&str]| {
        let (code, reason, said) = run(&[&[path.as_str(), "--artifact", &artifact], args].concat());
        (code, reason, said)
    };
    let (code, reason, said) = with(&["--key", &at("alice.pub")]);
    assert_eq!((code, reason.as_str()), (1, "signature-invalid"), "{said}");
    let (code, reason, _) = with(&["--signers", &case.at("alice")]);
    assert_eq!((code, reason.as_str()), (1, "unsigned"), "one of minisign is none of SSH");
    let (code, _, said) = with(&[]);
    assert!(code == 2 && said.contains("--key FILE (minisign)"), "{said}");
}

#[test]
fn a_name_in_a_list_with_another_digest_contradicts() {
    let case = Case::new();
    let signature = |list: &str| {
        let key = ssh(7);
        let sig = ssh_key::SshSig::sign(&key, "file", ssh_key::HashAlg::Sha512, list.as_bytes()).expect("signed");
        sig.to_pem(ssh_key::LineEnding::LF).expect("written")
    };
    let artifact = case.at("a.bin");
    let own = Sha256::of(b"the artifact").to_string();
    let zero = "0".repeat(64);
    let with = |list: &str| {
        let path = case.write("SHA256SUMS", list.as_bytes());
        case.write("SHA256SUMS.sig", signature(list).as_bytes());
        let (code, reason, _) = run(&[&path, "--artifact", &artifact, "--signers", &case.at("alice")]);
        (code, reason)
    };
    assert_eq!(with(&format!("{own}  a.bin\n")), (0, String::new()));
    assert_eq!(with(&format!("SHA256 (dist/a.bin) = {own}\n")), (0, String::new()));
    assert_eq!(with(&format!("{own}  else.bin\n")), (0, String::new()), "a name is a hint as long as it does not contradict");
    assert_eq!(with(&format!("{own}  else.bin\n{zero}  a.bin\n")), (1, "artifact-mismatch".to_owned()));
    assert_eq!(with(&format!("{zero}  a.bin\n")), (1, "artifact-mismatch".to_owned()));
}

#[test]
fn sublayouts_are_read_from_the_folder_of_their_step() {
    let case = Case::new();
    let sign = |signed: &Value, seed: u8| {
        let payload = signed.to_string();
        let signature = STANDARD.encode(key(seed).sign(&pae(IN_TOTO, payload.as_bytes())).to_bytes());
        json!({ "payloadType": IN_TOTO, "payload": STANDARD.encode(&payload), "signatures": [{ "keyid": "", "sig": signature }] })
            .to_string()
    };
    let layout = |step: &str, seed: u8| {
        let public = countersign::digest::hex(key(seed).verifying_key().as_bytes());
        json!({
            "_type": "layout", "expires": "2090-01-01T00:00:00Z", "readme": "", "inspect": [],
            "keys": { "0123456789": { "keytype": "ed25519", "keyval": { "public": public } } },
            "steps": [{ "name": step, "threshold": 1, "pubkeys": ["0123456789"], "expected_materials": [], "expected_products": [] }],
        })
    };
    let digest = Sha256::of(b"the artifact").to_string();
    let link = json!({ "_type": "link", "name": "inner", "materials": {}, "products": { "a.bin": { "sha256": digest } } });
    let root = case.write("root.layout", sign(&layout("outer", 8), 7).as_bytes());
    case.write("outer.01234567.link", sign(&layout("inner", 9), 8).as_bytes());
    let args = [root.as_str(), "--artifact", &case.at("a.bin"), "--key", &case.at("alice.pem")].map(str::to_owned);
    let go = || run(&args.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(go().1, "step-missing", "the sublayout has no links");
    fs::create_dir(case.at("outer.01234567")).expect("made");
    case.write("outer.01234567/inner.01234567.link", sign(&link, 9).as_bytes());
    let (code, _, said) = go();
    assert_eq!(code, 0, "{said}");
    case.write("outer.01234567/inner.01234567.link", sign(&link, 8).as_bytes());
    assert_eq!(go().1, "step-missing", "not by the functionary of the sublayout");
}
