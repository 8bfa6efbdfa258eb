//! `countersign attestation`: exit codes, answers and classes.
#![allow(clippy::disallowed_types, clippy::print_stdout, reason = "a test runs the program, and says when it skips")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::digest::Sha256;
use countersign::provenance::dsse::pae;
use countersign::provenance::sigstore::Reason;
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value, json};

mod common;

fn run(args: &[&str]) -> (i32, Value, String) {
    let mut command = Command::new(common::program());
    command.arg("attestation").args(args).args(["--format", "json"]);
    // Nothing of the one who runs the tests.
    command.env("XDG_CONFIG_HOME", "/nonexistent").env("HOME", "/nonexistent");
    let Output { status, stdout, stderr } = command.output().expect("it runs");
    let report = serde_json::from_slice(&stdout).unwrap_or(Value::Null);
    (status.code().expect("no signal"), report, String::from_utf8_lossy(&stderr).into_owned())
}

struct Case {
    folder: tempfile::TempDir,
    key: SigningKey,
}

impl Case {
    fn new() -> Self {
        let case = Self { folder: tempfile::tempdir().expect("a folder"), key: SigningKey::from_bytes(&[7; 32]) };
        let mut der = vec![0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
        der.extend_from_slice(case.key.verifying_key().as_bytes());
        case.write("key.pem", format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der)).as_bytes());
        case.write("a.bin", b"the artifact");
        case
    }

    fn write(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.folder.path().join(name);
        fs::write(&path, bytes).expect("written");
        path.to_string_lossy().into_owned()
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_string_lossy().into_owned()
    }

    fn envelope(&self, kind: &str, statement: &Value, times: usize) -> String {
        let payload = statement.to_string();
        let signature = STANDARD.encode(self.key.sign(&pae(kind, payload.as_bytes())).to_bytes());
        let signatures = vec![json!({ "keyid": "", "sig": signature }); times];
        let envelope = json!({ "payloadType": kind, "payload": STANDARD.encode(&payload), "signatures": signatures });
        self.write("x.dsse.json", envelope.to_string().as_bytes())
    }

    fn check(&self, file: &str) -> (i32, String) {
        let (code, report, err) = run(&[file, "--artifact", &self.path("a.bin"), "--key", &self.path("key.pem")]);
        assert!(code < 2, "{err}");
        assert_eq!(report["result"] == "verified", code == 0);
        (code, report["reason"].as_str().unwrap_or("").to_owned())
    }
}

const IN_TOTO: &str = "application/vnd.in-toto+json";

fn statement(digest: &str) -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "name": "a.bin", "digest": { "sha256": digest } }],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": { "buildDefinition": { "buildType": "t", "resolvedDependencies": [] }, "runDetails": { "builder": { "id": "https://b" } } },
    })
}

fn good() -> Value {
    statement(&Sha256::of(b"the artifact").to_string())
}

#[test]
fn an_envelope_by_a_key() {
    let case = Case::new();
    assert_eq!(case.check(&case.envelope(IN_TOTO, &good(), 1)), (0, String::new()));
    assert_eq!(case.check(&case.envelope(IN_TOTO, &statement(&"0".repeat(64)), 1)).1, "artifact-mismatch");
    assert_eq!(case.check(&case.envelope("text/plain", &good(), 1)).1, "unsupported");
    assert_eq!(case.check(&case.envelope(IN_TOTO, &good(), 0)).1, "unsigned");
    assert_eq!(case.check(&case.envelope(IN_TOTO, &good(), 65)).1, "malformed");
    let mut none = good();
    none["subject"] = json!([]);
    assert_eq!(case.check(&case.envelope(IN_TOTO, &none, 1)).1, "artifact-mismatch");
    let mut weak = good();
    weak["subject"][0]["digest"] = json!({ "sha1": "0".repeat(40) });
    assert_eq!(case.check(&case.envelope(IN_TOTO, &weak, 1)).1, "artifact-mismatch");
    let mut summary = good();
    summary["predicateType"] = json!("https://slsa.dev/verification_summary/v1");
    summary["predicate"] = json!({ "verificationResult": "FAILED" });
    assert_eq!(case.check(&case.envelope(IN_TOTO, &summary, 1)).1, "statement-refused");
    summary["predicate"] = json!({ "verificationResult": "PASSED" });
    assert_eq!(case.check(&case.envelope(IN_TOTO, &summary, 1)).0, 0);
    // One byte of the payload, and another key.
    let file = case.envelope(IN_TOTO, &good(), 1);
    let mut envelope: Value = serde_json::from_slice(&fs::read(&file).expect("read")).expect("JSON");
    envelope["payload"] = json!(STANDARD.encode(good().to_string() + " "));
    assert_eq!(case.check(&case.write("y.json", envelope.to_string().as_bytes())).1, "signature-invalid");
    let other = Case { key: SigningKey::from_bytes(&[8; 32]), ..Case::new() };
    assert_eq!(other.check(&other.envelope(IN_TOTO, &good(), 1)).1, "signature-invalid");
    assert_eq!(case.check(&case.write("z.json", b"{\"a\":1,\"a\":2}")).1, "malformed");
    assert_eq!(case.check(&case.write("z.json", b"{}")).1, "unsupported");
    let deep = "[".repeat(10 << 20);
    assert_eq!(case.check(&case.write("z.json", deep.as_bytes())).1, "malformed");
}

#[test]
fn a_policy_names_the_builders() {
    let case = Case::new();
    let file = case.envelope(IN_TOTO, &good(), 1);
    let with = |text: &str| {
        let policy = case.write("policy.toml", text.as_bytes());
        let (code, report, _) = run(&[&file, "--artifact", &case.path("a.bin"), "--key", &case.path("key.pem"), "--policy", &policy]);
        (code, report["reason"].as_str().unwrap_or("").to_owned())
    };
    assert_eq!(with("builders = [\"https://b\"]"), (0, String::new()));
    assert_eq!(with("builders = [\"https://c\"]"), (1, "statement-refused".to_owned()));
}

#[test]
fn trouble_is_no_verdict() {
    let case = Case::new();
    let file = case.envelope(IN_TOTO, &good(), 1);
    let artifact = case.path("a.bin");
    let said = |args: &[&str]| {
        let (code, report, err) = run(args);
        assert_eq!((code, &report), (2, &Value::Null), "{args:?}");
        err
    };
    assert!(said(&[&file, "--artifact", &artifact]).contains("say who must have signed it"));
    assert!(said(&[&file, "--key", &case.path("key.pem")]).contains("--artifact"));
    assert!(said(&[&file, "--digest", "md5:00", "--key", &case.path("key.pem")]).contains("no such algorithm"));
    assert!(said(&[&file, "--digest", "sha256:12", "--key", &case.path("key.pem")]).contains("--digest"));
    assert!(said(&[&file, "--artifact", &artifact, "--identity", "x"]).contains("--issuer"));
    assert!(said(&[&case.path("none"), "--artifact", &artifact, "--key", &case.path("key.pem")]).contains("none"));
    let bundle = case.write("b.json", b"{\"mediaType\":\"application/vnd.dev.sigstore.bundle.v0.3+json\",\"verificationMaterial\":{\"publicKey\":{\"hint\":\"\"},\"tlogEntries\":[]},\"messageSignature\":{\"signature\":\"AA==\"}}");
    assert!(said(&[&bundle, "--artifact", &artifact, "--identity", "x", "--issuer", "y"]).contains("--trusted-root"));
}

#[test]
fn an_ssh_signature_on_the_artifact() {
    let case = Case::new();
    let key = case.path("id");
    let quiet = |args: &[&str]| {
        let mut command = Command::new("ssh-keygen");
        assert!(command.args(args).stdout(Stdio::null()).stderr(Stdio::null()).status().expect("it runs").success());
    };
    quiet(&["-q", "-t", "ecdsa", "-N", "", "-f", &key]);
    quiet(&["-q", "-Y", "sign", "-n", "file", "-f", &key, &case.path("a.bin")]);
    let public = fs::read_to_string(format!("{key}.pub")).expect("read");
    let signers = case.write("signers", format!("alice {public}").as_bytes());
    let other = case.write("others", b"bob ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMnVBzfjuoXA+MaJbo+dohH+S64GUUwcUn4lWGVF1AFU\n");
    let file = case.path("a.bin.sig");
    let with = |artifact: &str, signers: &str| {
        let (code, report, err) = run(&[&file, "--artifact", artifact, "--signers", signers]);
        assert!(code < 2, "{err}");
        (code, report["reason"].as_str().unwrap_or("").to_owned())
    };
    assert_eq!(with(&case.path("a.bin"), &signers), (0, String::new()));
    assert_eq!(with(&case.path("a.bin"), &other), (1, "signer-untrusted".to_owned()));
    let changed = case.write("b.bin", b"another artifact");
    assert_eq!(with(&changed, &signers), (1, "signature-invalid".to_owned()));
}

#[test]
fn every_class_is_in_the_document() {
    let text = include_str!("../docs/attestations.md");
    for reason in Reason::ALL {
        assert!(text.contains(&format!("| `{}` |", reason.word())), "{reason:?}");
    }
    let rows = text.lines().skip_while(|l| !l.starts_with("| class |")).take_while(|l| l.starts_with('|')).count();
    assert_eq!(rows - 2, Reason::ALL.len(), "a row too much");
}

#[test]
fn the_conformance_suite_by_the_command_itself() {
    let Some(corpus) = std::env::var_os("COUNTERSIGN_CORPUS").map(|c| PathBuf::from(c).join("provenance")) else {
        println!("skipped: COUNTERSIGN_CORPUS is not set");
        return;
    };
    let text = |path: &Path| path.to_string_lossy().into_owned();
    for name in ["happy-path-v0.3", "managed-key-happy-path", "signature-mismatch_fail", "wrong-material_fail"] {
        let case = corpus.join("sigstore-conformance/bundle-verify").join(name);
        let own = |file: &str, other: &str| if case.join(file).exists() { text(&case.join(file)) } else { text(&corpus.join(other)) };
        let root = own("trusted_root.json", "sigstore-root/trusted_root.json");
        let artifact = own("artifact", "sigstore-conformance/a.txt");
        let bundle = text(&case.join("bundle.sigstore.json"));
        let key = text(&case.join("key.pub"));
        let who = if case.join("key.pub").exists() {
            vec!["--key", &key]
        } else {
            vec![
                "--identity",
                "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main",
                "--issuer",
                "https://token.actions.githubusercontent.com",
            ]
        };
        let args = [&[&bundle[..], "--artifact", &artifact, "--trusted-root", &root], &who[..]].concat();
        let (code, report, err) = run(&args);
        assert_eq!(code, i32::from(name.ends_with("_fail")), "{name}: {report} {err}");
        if code == 0 {
            let zeros = "0".repeat(64);
            let pinned = [&args[..], &["--trusted-root-sha256", &zeros]].concat();
            assert_eq!(run(&pinned).1["reason"], "trusted-root-invalid");
        }
    }
}

#[test]
fn layouts_of_in_toto_with_their_links() {
    let Some(corpus) = std::env::var_os("COUNTERSIGN_CORPUS").map(|c| PathBuf::from(c).join("provenance/in-toto-classic/golang")) else {
        println!("skipped: COUNTERSIGN_CORPUS is not set");
        return;
    };
    let at = |name: &str| corpus.join(name).to_string_lossy().into_owned();
    let (artifact, alice, dan) = (at("foo.tar.gz"), at("alice.pub"), at("dan.pub"));
    let with = |layout: &str, key: &str, more: &[&str]| {
        let args = [&[layout, "--artifact", &artifact, "--key", key], more].concat();
        let (code, report, err) = run(&args);
        assert!(code < 2, "{err}");
        (code, report["reason"].as_str().unwrap_or("").to_owned())
    };
    let said = |code: i32, reason: &str| (code, reason.to_owned());
    let free = ["--without-inspections"];
    for layout in ["demo.layout", "demo.dsse.layout"] {
        assert_eq!(with(&at(layout), &alice, &free), said(0, ""), "{layout}");
        assert_eq!(with(&at(layout), &alice, &[]), said(1, "inspections-not-run"));
        assert_eq!(with(&at(layout), &dan, &free), said(1, "signature-invalid"));
    }
    // Three steps that all hold, and make another file.
    assert_eq!(with(&at("dsse-only.root.layout"), &alice, &[]), said(1, "artifact-mismatch"));
    let links = tempfile::tempdir().expect("a folder");
    let folder = links.path().to_string_lossy().into_owned();
    assert_eq!(with(&at("demo.layout"), &alice, &["--links", &folder]), said(1, "step-missing"));
    // A link that was changed after it was signed does not count.
    let link = fs::read_to_string(at("package.d3ffd108.link")).expect("read");
    fs::copy(at("write-code.b7d643de.link"), links.path().join("write-code.b7d643de.link")).expect("copied");
    fs::write(links.path().join("package.d3ffd108.link"), link.replace("a foo.py", "a bar.py")).expect("written");
    assert_eq!(with(&at("demo.layout"), &alice, &["--links", &folder]), said(1, "step-missing"));
    // And one of the layout, of whose fields some are not known here.
    let layout = fs::read_to_string(at("demo.layout")).expect("read");
    let changed = links.path().join("demo.layout");
    fs::write(&changed, layout.replacen("\"rootcas\"", "\"rootcat\"", 1)).expect("written");
    assert_eq!(with(&changed.to_string_lossy(), &alice, &free), said(1, "signature-invalid"));
}
