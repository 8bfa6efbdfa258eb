//! Records of the real program: several reviewers on several machines, chains of records, dissent, and what `verify` asks.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may panic, and says why it skips")]
// A test runs the program, and the tools that sign on another machine.
#![allow(clippy::disallowed_types)]

use std::fs;
use std::path::Path;
use std::process::{Child, Command};

use serde_json::Value;

mod common;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn at(&self, name: &str) -> String {
        self.0.path().join(name).to_string_lossy().into_owned()
    }

    fn key(&self, name: &str, seed: u8) -> String {
        common::key(self.0.path(), name, seed).0.to_string_lossy().into_owned()
    }

    /// An `allowed_signers` file of those people.
    fn signers(&self, names: &[&str]) -> String {
        let text: String = names.iter().map(|n| fs::read_to_string(self.at(&format!("{n}.signers"))).unwrap()).collect();
        fs::write(self.at("signers"), text).unwrap();
        self.at("signers")
    }

    /// Signs the demonstration release with a review of its own for each state.
    fn sign(&self, output: &str, state: &str, more: &[&str]) -> (Option<i32>, String) {
        let demo = common::here("testdata/demo/release.tar");
        let (output, state) = (self.at(output), self.at(state));
        let mut args = vec!["sign", &demo, "--output", &output, "--state", &state];
        args.extend(more);
        run(&args)
    }
}

fn run(args: &[&str]) -> (Option<i32>, String) {
    let out = Command::new(common::program()).args(args).env("HOME", "/nonexistent").env_remove("SSH_AUTH_SOCK").output().unwrap();
    (out.status.code(), format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr)))
}

fn tool(program: &str, args: &[&str], folder: &Path) -> bool {
    let done = Command::new(program).args(args).current_dir(folder).output();
    let well = done.as_ref().is_ok_and(|o| o.status.success());
    if !well {
        println!("skipped: {program} {args:?} does not run here: {done:?}");
    }
    well
}

fn payload(record: &str) -> Value {
    use base64::Engine as _;
    let envelope: Value = serde_json::from_slice(&fs::read(record).unwrap()).unwrap();
    let bytes = base64::engine::general_purpose::STANDARD.decode(envelope["payload"].as_str().unwrap()).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

#[test]
fn a_decision_that_is_no_approval_is_refused_unless_it_is_asked_for() {
    let folder = Folder::new();
    let key = folder.key("alice", 41);
    let signers = folder.signers(&["alice"]);
    for (decision, file) in [("rejected", "no"), ("incomplete", "half"), ("approvedWithFindings", "yes")] {
        let (code, out) = folder.sign(file, &format!("state-{file}"), &["--key", &key, "--decision", decision]);
        assert_eq!(code, Some(0), "{out}");
    }
    let verify = |file: &str, more: &[&str]| run(&[&["verify", &folder.at(file), "--signers", &signers], more].concat());
    for (file, says) in [("no", "REJECTED"), ("half", "INCOMPLETE")] {
        let (code, out) = verify(file, &[]);
        assert!(code == Some(1) && out.contains(&format!("! decision: this is no approval: it is {says}")), "{out}");
        assert!(out.contains("NOT verified"), "{out}");
        assert_eq!(verify(file, &["--decision", "any"]).0, Some(0));
    }
    assert_eq!(verify("no", &["--decision", "rejected"]).0, Some(0));
    assert_eq!(verify("no", &["--decision", "incomplete"]).0, Some(1));
    let (code, out) = verify("yes", &[]);
    assert!(code == Some(0) && out.contains("verified; not checked: policy, challenge, sequence, bundle, dossier, previous"), "{out}");
    assert_eq!(verify("yes", &["--decision", "approved"]).0, Some(1));
    // An entry with a date counts at a time that the verifier gives, and at no other.
    let dated = fs::read_to_string(&signers).unwrap().replace("alice ", "alice valid-before=\"20270101Z\" ");
    fs::write(folder.at("dated"), dated).unwrap();
    let dated = |more: &[&str]| run(&[&["verify", &folder.at("yes"), "--signers", &folder.at("dated")], more].concat());
    assert_eq!(dated(&[]).0, Some(1));
    assert_eq!(dated(&["--at", "2026-12-31T23:59:59Z"]).0, Some(0));
    let (code, out) = dated(&["--at", "2027-01-01T00:00:01Z"]);
    assert!(code == Some(1) && out.contains("no longer valid"), "{out}");
    assert_eq!(dated(&["--at", "tomorrow"]).0, Some(2));
    let (_, out) = verify("no", &["--format", "json"]);
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((report["result"].as_str(), report["records"][0]["approval"].as_bool()), (Some("fail"), Some(false)));
    let checks = report["records"][0]["checks"].as_array().unwrap();
    let words: Vec<&str> = checks.iter().map(|c| c["check"].as_str().unwrap()).collect();
    let all = ["signatures", "threshold", "reviewers", "decision", "policy", "challenge", "sequence", "bundle", "dossier", "previous"];
    assert_eq!(words, all);
    assert!(checks.iter().any(|c| c["check"] == "policy" && c["verdict"] == "notChecked"));
}

#[test]
fn a_record_answers_a_challenge_and_follows_the_one_before_it() {
    let folder = Folder::new();
    let key = folder.key("alice", 42);
    folder.key("mallory", 43);
    let signers = folder.signers(&["alice"]);
    let approve = ["--key", &key, "--decision", "approvedWithFindings"];
    let sign = |file: &str, more: &[&str]| folder.sign(file, "state", &[&approve[..], more].concat());
    assert_eq!(sign("one", &["--challenge", "blue 17"]).0, Some(0));
    assert_eq!(sign("two", &["--previous", &folder.at("one")]).0, Some(0));
    assert_eq!(sign("three", &["--previous", &folder.at("two")]).0, Some(0));
    let (one, three) = (payload(&folder.at("one")), payload(&folder.at("three")));
    assert_eq!((one["predicate"]["sequence"].as_u64(), three["predicate"]["sequence"].as_u64()), (Some(1), Some(3)));
    let verify = |file: &str, more: &[&str]| run(&[&["verify", &folder.at(file), "--signers", &signers], more].concat());
    assert_eq!(verify("one", &["--challenge", "blue 17"]).0, Some(0));
    let (code, out) = verify("one", &["--challenge", "red 3"]);
    assert!(code == Some(1) && out.contains("it answers blue 17, not red 3"), "{out}");
    let (code, out) = verify("two", &["--challenge", "red 3"]);
    assert!(code == Some(1) && out.contains("it may be an old one, shown again"), "{out}");
    assert_eq!(verify("three", &["--min-sequence", "3"]).0, Some(0));
    let (code, out) = verify("two", &["--min-sequence", "3"]);
    assert!(code == Some(1) && out.contains("an old record is shown again"), "{out}");
    let (code, out) = verify("three", &["--previous", &folder.at("one"), "--previous", &folder.at("two")]);
    assert!(code == Some(0) && out.contains("it follows 2 records, back to the first"), "{out}");
    let (code, out) = verify("three", &["--previous", &folder.at("two")]);
    assert!(code == Some(0) && out.contains("was not given"), "{out}");
    let (code, out) = verify("three", &["--previous", &folder.at("one")]);
    assert!(code == Some(1) && out.contains("1 of 1 records given are not before it"), "{out}");
    let (code, out) = verify("one", &["--previous", &folder.at("two")]);
    assert!(code == Some(1) && out.contains("record 1 names none as the one before"), "{out}");
    // A record before it that nobody trusted signed breaks the chain.
    fs::copy(folder.at("mallory.signers"), folder.at("other")).unwrap();
    let (code, _) = run(&["verify", &folder.at("three"), "--signers", &folder.at("other"), "--previous", &folder.at("two")]);
    assert_eq!(code, Some(1));
    // A record that is none, or of another product, is no record before this one.
    fs::write(folder.at("none"), "{}").unwrap();
    let (code, out) = sign("four", &["--previous", &folder.at("none")]);
    assert!(code == Some(2) && out.contains("none") && out.contains("not a DSSE envelope"), "{out}");
    let (code, out) = sign("four", &["--challenge", "two\nlines"]);
    assert!(code == Some(2) && out.contains("a challenge is"), "{out}");
}

#[test]
fn another_bundles_record_and_a_reviewer_who_did_not_sign_are_refused() {
    let folder = Folder::new();
    let (alice, bob) = (folder.key("alice", 44), folder.key("bob", 45));
    let signers = folder.signers(&["alice", "bob"]);
    let other = folder.0.path().join("other");
    fs::create_dir_all(other.join("shipped")).unwrap();
    fs::write(other.join("shipped/tool"), b"another tool").unwrap();
    assert_eq!(folder.sign("one", "state", &["--key", &alice, "--decision", "approvedWithFindings"]).0, Some(0));
    let (code, out) = run(&["verify", &folder.at("one"), "--signers", &signers, "--bundle", &folder.at("other")]);
    assert!(code == Some(1) && out.contains("the record is for the bundle") && out.contains("which is not in this bundle"), "{out}");
    let demo = common::here("testdata/demo/release.tar");
    let (code, out) = run(&["verify", &folder.at("one"), "--signers", &signers, "--bundle", &demo]);
    assert!(code == Some(0) && out.contains("= bundle: this is the bundle"), "{out}");
    // The record names alice; her signature is taken off and bob's put on.
    assert_eq!(run(&["cosign", &folder.at("one"), "--key", &bob, "--output", &folder.at("two")]).0, Some(0));
    let mut envelope: Value = serde_json::from_slice(&fs::read(folder.at("two")).unwrap()).unwrap();
    envelope["signatures"].as_array_mut().unwrap().remove(0);
    fs::write(folder.at("three"), envelope.to_string()).unwrap();
    let (code, out) = run(&["verify", &folder.at("three"), "--signers", &signers]);
    assert!(code == Some(1) && out.contains("the record names a reviewer who did not sign it"), "{out}");
}

#[test]
fn a_dissent_names_the_record_that_it_dissents_from() {
    let folder = Folder::new();
    let (alice, bob) = (folder.key("alice", 46), folder.key("bob", 47));
    let signers = folder.signers(&["alice", "bob"]);
    assert_eq!(folder.sign("one", "a", &["--key", &alice, "--decision", "approvedWithFindings"]).0, Some(0));
    let (code, out) = folder.sign("two", "b", &["--key", &bob, "--decision", "rejected", "--dissents-from", &folder.at("one")]);
    assert!(code == Some(0) && out.contains("DISSENTS       from the record sha256"), "{out}");
    let (one, two) = (fs::read(folder.at("one")).unwrap(), payload(&folder.at("two")));
    let digest = countersign::signoff::summary(&one).unwrap().payload.to_string();
    assert_eq!(two["predicate"]["dissentsFrom"]["sha256"], digest);
    let (code, out) = run(&["verify", &folder.at("one"), &folder.at("two"), "--signers", &signers, "--decision", "any"]);
    assert!(code == Some(0) && out.contains("two dissents from it: REJECTED by bob"), "{out}");
    // Of another bundle nobody can dissent.
    fs::create_dir_all(folder.at("other/shipped")).unwrap();
    fs::write(folder.at("other/shipped/tool"), b"another tool").unwrap();
    let args =
        ["sign", &folder.at("other"), "--key", &bob, "--decision", "rejected", "--output", &folder.at("x"), "--state", &folder.at("c")];
    let (code, out) = run(&[&args[..], &["--dissents-from", &folder.at("one")]].concat());
    assert!(code == Some(1) && out.contains("the record that you dissent from is for the bundle"), "{out}");
}

#[test]
fn signatures_that_were_made_on_another_machine_are_added() {
    let folder = Folder::new();
    let alice = folder.key("alice", 48);
    folder.key("bob", 49);
    assert_eq!(folder.sign("one", "state", &["--key", &alice, "--decision", "approvedWithFindings"]).0, Some(0));
    let one = folder.at("one");
    let (code, out) = run(&["cosign", &one, "--payload-out", &folder.at("pae")]);
    assert!(code == Some(0) && out.contains("APPROVED WITH FINDINGS") && out.contains("bytes to sign, sha256"), "{out}");
    assert!(fs::read(folder.at("pae")).unwrap().starts_with(b"DSSEv1 28 application/vnd.in-toto+json "));
    // OpenSSH, with a key of its own: the signature carries the key.
    let here = folder.0.path();
    fs::set_permissions(folder.at("bob.key"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    if tool("ssh-keygen", &["-q", "-Y", "sign", "-n", "release-review@countersign", "-f", "bob.key", "pae"], here) {
        let (code, out) = run(&["cosign", &one, "--signature", &folder.at("pae.sig"), "--output", &folder.at("two")]);
        assert_eq!(code, Some(0), "{out}");
        let signers = folder.signers(&["alice", "bob"]);
        let (code, out) = run(&["verify", &folder.at("two"), "--signers", &signers, "--threshold", "2"]);
        assert!(code == Some(0) && out.contains("2 people signed, of 2 asked for"), "{out}");
        fs::remove_file(folder.at("pae.sig")).unwrap();
        assert!(tool("ssh-keygen", &["-q", "-Y", "sign", "-n", "file", "-f", "bob.key", "pae"], here));
        let (code, out) = run(&["cosign", &one, "--signature", &folder.at("pae.sig"), "--output", &folder.at("three")]);
        assert!(code == Some(2) && out.contains("made for the namespace file"), "{out}");
    }
    // OpenSSL, ECDSA P-256: a raw signature, and the key beside it.
    let made = tool("openssl", &["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "carol.key"], here)
        && tool("openssl", &["ec", "-in", "carol.key", "-pubout", "-out", "carol.pem"], here)
        && tool("openssl", &["pkeyutl", "-sign", "-rawin", "-inkey", "carol.key", "-in", "pae", "-out", "carol.sig"], here);
    if made {
        let add = |more: &[&str]| run(&[&["cosign", &one, "--signature", &folder.at("carol.sig")], more].concat());
        let (code, out) = add(&["--output", &folder.at("four")]);
        assert!(code == Some(2) && out.contains("name the key with --public-key"), "{out}");
        let (code, out) = add(&["--output", &folder.at("four"), "--public-key", &folder.at("carol.pem")]);
        assert_eq!(code, Some(0), "{out}");
        let (code, out) = add(&["--output", &folder.at("five"), "--public-key", &folder.at("alice.key")]);
        assert!(code == Some(2), "{out}");
        fs::write(folder.at("other"), b"other bytes").unwrap();
        assert!(tool("openssl", &["pkeyutl", "-sign", "-rawin", "-inkey", "carol.key", "-in", "other", "-out", "carol.sig"], here));
        let (code, out) = add(&["--output", &folder.at("five"), "--public-key", &folder.at("carol.pem")]);
        assert!(code == Some(2) && out.contains("it is no signature of the key"), "{out}");
        if tool("ssh-keygen", &["-i", "-m", "PKCS8", "-f", "carol.pem"], here) {
            let line = Command::new("ssh-keygen").args(["-i", "-m", "PKCS8", "-f", "carol.pem"]).current_dir(here).output().unwrap().stdout;
            let text = format!("carol {}{}", String::from_utf8(line).unwrap(), fs::read_to_string(folder.at("alice.signers")).unwrap());
            fs::write(folder.at("signers"), text).unwrap();
            let (code, out) = run(&["verify", &folder.at("four"), "--signers", &folder.at("signers"), "--threshold", "2"]);
            assert!(code == Some(0) && out.contains("2 people signed"), "{out}");
        }
    }
}

/// Ends the agent that this test started, and no other.
struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_key_of_an_agent_is_chosen_by_its_fingerprint() {
    let folder = Folder::new();
    let here = folder.0.path();
    let ready = ["ed25519", "ecdsa"].iter().all(|kind| tool("ssh-keygen", &["-q", "-t", kind, "-N", "", "-f", kind, "-C", kind], here));
    let socket = folder.at("agent");
    let agent = Command::new("ssh-agent").arg("-D").arg("-a").arg(&socket).stdout(std::process::Stdio::null()).spawn();
    let (true, Ok(child)) = (ready, agent) else { return };
    let _agent = Agent(child);
    for _ in 0..100 {
        if Path::new(&socket).exists() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let mut signers = String::new();
    for kind in ["ed25519", "ecdsa"] {
        assert!(Command::new("ssh-add").arg("-q").arg(folder.at(kind)).env("SSH_AUTH_SOCK", &socket).status().unwrap().success());
        signers.push_str(&format!("{kind} {}", fs::read_to_string(folder.at(&format!("{kind}.pub"))).unwrap()));
    }
    fs::write(folder.at("signers"), &signers).unwrap();
    let print =
        countersign::provenance::Key::from_line(&fs::read_to_string(folder.at("ecdsa.pub")).unwrap()).unwrap().fingerprint().to_owned();
    let demo = common::here("testdata/demo/release.tar");
    let sign = |output: &str, agent: &[&str]| {
        let (output, state) = (folder.at(output), folder.at(&format!("state-{output}")));
        let args = ["sign", &demo, "--decision", "approvedWithFindings", "--output", &output, "--state", &state];
        let out = Command::new(common::program()).args(args).args(agent).env("SSH_AUTH_SOCK", &socket).env("HOME", "/nonexistent").output();
        let out = out.unwrap();
        (out.status.code(), format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr)))
    };
    for (output, agent, who) in [("one", &["--agent"][..], "ed25519"), ("two", &["--agent", &print][..], "ecdsa")] {
        let (code, out) = sign(output, agent);
        assert_eq!(code, Some(0), "{out}");
        let (code, out) = run(&["verify", &folder.at(output), "--signers", &folder.at("signers")]);
        assert!(code == Some(0) && out.contains(&format!("= signatures: good, by {who}")), "{out}");
    }
    let (code, out) = sign("three", &["--agent", "SHA256:nobody"]);
    assert!(code == Some(1) && out.contains("does not hold the key SHA256:nobody"), "{out}");
}

#[test]
fn a_verification_summary_stands_beside_an_approval_only() {
    let folder = Folder::new();
    let key = folder.key("alice", 50);
    let vsa = folder.at("vsa.json");
    let more = ["--vsa", &vsa, "--verifier", "https://review.example/room"];
    let (code, out) = folder.sign("no", "state", &[&["--key", &key, "--decision", "rejected"][..], &more].concat());
    assert!(code == Some(2) && out.contains("beside an approval only"), "{out}");
    let (code, out) = folder.sign("one", "state", &[&["--key", &key, "--decision", "approvedWithFindings"][..], &more].concat());
    assert_eq!(code, Some(0), "{out}");
    let (record, summary) = (payload(&folder.at("one")), payload(&vsa));
    assert_eq!(summary["predicateType"], "https://slsa.dev/verification_summary/v1");
    assert_eq!(summary["subject"], record["subject"]);
    let predicate = &summary["predicate"];
    assert_eq!((predicate["verificationResult"].as_str(), predicate["verifier"]["id"].as_str()), (Some("PASSED"), Some(more[3])));
    let digest = countersign::digest::Sha256::of(&fs::read(folder.at("one")).unwrap()).to_string();
    assert_eq!(predicate["inputAttestations"][0]["digest"]["sha256"], digest);
    // It is no record, whoever signed it.
    let (code, out) = run(&["verify", &vsa, "--signers", &folder.signers(&["alice"])]);
    assert!(code == Some(1) && out.contains("the predicate type is https://slsa.dev/verification_summary/v1"), "{out}");
}

/// What a reviewer typed off the source does not leave with the record, unless it is asked for and said.
#[test]
fn words_that_quote_the_source_are_flagged_before_they_are_signed() {
    use countersign::review::{Anchor, Body, FindingSeverity};
    use countersign::session::{Options, Session};
    let folder = Folder::new();
    let key = folder.key("alice", 51);
    let signers = folder.signers(&["alice"]);
    let demo = common::here("testdata/demo/release.tar");
    let review = |state: &str, title: &str, taken_back: bool| {
        let options =
            Options { bundle: Some((&demo).into()), state: Some(folder.at(&format!("state-{state}")).into()), ..Options::default() };
        let mut session = Session::start(options, std::sync::Arc::new(|_| ())).unwrap();
        let body = Body::Filed { id: "F1".into(), title: title.into(), severity: FindingSeverity::Problem, at: Anchor::default() };
        let event = session.record(body).unwrap();
        if taken_back {
            session.record(Body::Undone { n: event.n }).unwrap();
        }
    };
    let sign = |file: &str, more: &[&str]| {
        folder.sign(file, &format!("state-{file}"), &[&["--key", &key, "--decision", "rejected"][..], more].concat())
    };
    // A place is no quotation.
    review("place", "the comparison in src/verify.c:57 is not that of the source", false);
    assert_eq!(sign("place", &[]).0, Some(0));
    let source = fs::read_to_string(common::here("testdata/demo/src/src/verify.c")).unwrap();
    let line = format!("why is there: {}", source.lines().nth(56).unwrap().trim());
    assert!(line.contains("equal_constant_time"), "{line}");
    review("quote", &line, false);
    let (code, out) = sign("quote", &[]);
    assert!(code == Some(1) && out.contains("the title of F1 quotes src/verify.c:57"), "{out}");
    let (code, out) = sign("quote", &["--include-excerpts"]);
    assert!(code == Some(0) && out.contains("EXCERPTS"), "{out}");
    assert_eq!(payload(&folder.at("quote"))["predicate"]["excerpts"], true);
    // Taken back is not erased: the journal has it still, and so the journal stays.
    review("back", &line, true);
    let (code, out) = sign("back", &[]);
    assert!(code == Some(0) && out.contains("the journal stays here"), "{out}");
    for (name, has) in [("place", false), ("quote", true), ("back", false)] {
        let place = folder.at(&format!("{name}.dossier.json"));
        let dossier = fs::read_to_string(&place).unwrap();
        assert_eq!(dossier.contains("equal_constant_time"), has, "{name}");
        assert_eq!(dossier.contains("journalLines"), name != "back", "{name}");
        let (code, out) = run(&["verify", &folder.at(name), "--decision", "any", "--signers", &signers, "--dossier", &place]);
        assert!(code == Some(0) && out.contains("the journal itself is not in it") == (name == "back"), "{out}");
    }
    review("rows", "it does mov eax, dword ptr [rbp - 8] there", false);
    let (code, out) = sign("rows", &[]);
    assert!(code == Some(1) && out.contains("reads as disassembly"), "{out}");
}

#[test]
fn the_policys_people_and_roles_are_counted() {
    let folder = Folder::new();
    let keys = [folder.key("ada", 52), folder.key("bob", 53), folder.key("cyd", 54)];
    let signers = folder.signers(&["ada", "bob", "cyd"]);
    let person = |name: &str, roles: &str| format!("[[people]]\nname = \"{name}\"\nroles = [{roles}]\nprincipals = [\"{name}\"]\n");
    let people = [person("ada", "\"reviewer\""), person("bob", "\"reviewer\", \"overseer\""), person("cyd", "\"overseer\"")].concat();
    let policy = format!("{people}[threshold]\nreviewer = 2\noverseer = 1\n");
    fs::write(folder.at("policy.toml"), &policy).unwrap();
    let room = ["--policy", &folder.at("policy.toml"), "--signers", &signers];
    let (code, out) = folder.sign("one", "state", &[&["--key", &keys[0], "--decision", "approvedWithFindings"][..], &room].concat());
    assert!(code == Some(0) && out.contains("(reviewer) with key"), "{out}");
    let verify = |file: &str| run(&[&["verify", &folder.at(file)][..], &room].concat());
    let (code, out) = verify("one");
    assert!(code == Some(1) && out.contains("1 of 2 signatures by different people of the role reviewer"), "{out}");
    assert_eq!(run(&["cosign", &folder.at("one"), "--key", &keys[1], "--output", &folder.at("two")]).0, Some(0));
    // Bob is both, and stands for one of them.
    let (code, out) = verify("two");
    assert!(code == Some(1) && out.contains("! threshold: 1 of 2 signatures by different people of the role reviewer"), "{out}");
    assert_eq!(run(&["cosign", &folder.at("two"), "--key", &keys[2], "--output", &folder.at("three")]).0, Some(0));
    let (code, out) = verify("three");
    assert!(code == Some(0) && out.contains("= policy: made with this policy"), "{out}");
    // Each with a file of their own count together.
    assert_eq!(run(&["cosign", &folder.at("one"), "--key", &keys[2], "--output", &folder.at("other")]).0, Some(0));
    let (code, out) = run(&[&["verify", &folder.at("two"), &folder.at("other")][..], &room].concat());
    assert_eq!(code, Some(0), "{out}");
    fs::write(folder.at("policy.toml"), format!("{policy}\n# changed\n")).unwrap();
    let (code, out) = verify("three");
    assert!(code == Some(1) && out.contains("! policy: made with the policy sha256"), "{out}");
    // One person with two keys is one.
    fs::write(
        folder.at("policy.toml"),
        policy.replace("principals = [\"cyd\"]", "principals = [\"x\"]").replace("[\"bob\"]", "[\"bob\", \"cyd\"]"),
    )
    .unwrap();
    let (code, out) = verify("three");
    assert!(code == Some(1) && out.contains("! threshold:"), "{out}");
}
