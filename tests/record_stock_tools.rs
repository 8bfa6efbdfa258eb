//! A record checked by tools that are not ours: every command of `docs/record-format.md`, run as it is written there.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may panic, and says why it skips")]
#![allow(clippy::disallowed_types, reason = "this test starts the tools that others would check a record with")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

use countersign::digest::Sha256;
use countersign::provenance::dsse;
use countersign::review::chain;
use countersign::signoff::{
    Anchor, ArtifactLine, Coverage, Decision, Dossier, FileSigner, FindingLine, JournalLine, RecordInputs, ReviewerLine, Signer,
    SourceLine, TimeLine, ToolLine, add_signature, fingerprint, public_key_pem, sign, statement,
};
use ssh_key::private::{Ed25519Keypair, KeypairData};

struct Block {
    language: String,
    needs: Vec<String>,
    text: String,
}

fn blocks() -> Vec<Block> {
    let doc = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/record-format.md")).unwrap();
    let parts: Vec<&str> = doc.split("```").collect();
    assert_eq!(parts.len() % 2, 1, "a code block is not closed");
    let fenced = parts.iter().skip(1).step_by(2);
    fenced
        .map(|part| {
            let (language, text) = part.split_once('\n').unwrap();
            let needs = text.lines().next().and_then(|l| l.strip_prefix("# needs: ")).expect("a block says what it needs");
            Block { language: language.to_owned(), needs: needs.split(' ').map(str::to_owned).collect(), text: text.to_owned() }
        })
        .collect()
}

fn run(program: &str, arguments: &[&str], dir: &Path) -> Option<Output> {
    Command::new(program).args(arguments).current_dir(dir).output().ok()
}

fn installed(tool: &str) -> bool {
    let here = Path::new(".");
    let out = match tool {
        "securesystemslib" => run("python3", &["-c", "import securesystemslib.signer, nacl.signing"], here)
            .filter(|o| o.status.success())
            .or_else(|| run("python3", &["-c", "import securesystemslib.signer, cryptography"], here)),
        tool => run("sh", &["-c", &format!("command -v {tool}")], here),
    };
    out.is_some_and(|o| o.status.success())
}

fn run_block(block: &Block, dir: &Path) -> Output {
    match block.language.as_str() {
        "python" => run("python3", &["-c", &block.text], dir).unwrap(),
        _ => run("bash", &["-euo", "pipefail", "-c", &block.text], dir).unwrap(),
    }
}

fn signer(seed: u8) -> FileSigner {
    let key = ssh_key::PrivateKey::new(KeypairData::Ed25519(Ed25519Keypair::from_seed(&[seed; 32])), "test").unwrap();
    FileSigner::from_openssh(key.to_openssh(ssh_key::LineEnding::LF).unwrap().as_bytes(), None).unwrap()
}

fn inputs(artifacts: &[(&str, &[u8])], alice: &FileSigner) -> RecordInputs {
    RecordInputs {
        decision: Decision::ApprovedWithFindings,
        product: "hello — 日本".into(),
        version: "2.10-3".into(),
        identity: Sha256::of(b"bundle"),
        identity_basis: "tagmanifest-sha256.txt".into(),
        source: SourceLine { commit: Some("565e73d1".repeat(5)), ..SourceLine::default() },
        previous: None,
        sequence: 1,
        artifacts: artifacts
            .iter()
            .map(|(name, bytes)| ArtifactLine {
                name: (*name).into(),
                sha256: Some(Sha256::of(bytes)),
                result: "identical".into(),
                ..ArtifactLine::default()
            })
            .collect(),
        chain: vec![("rebuilt = shipped".into(), "proven".into())],
        coverage: Coverage { items: 3, not_looked_at: vec!["a \"quoted\" path".into()], ..Coverage::default() },
        findings: vec![FindingLine {
            id: "F1".into(),
            severity: "note".into(),
            state: "accepted".into(),
            title: "quotes \" and \\ and é and <1B>".into(),
            reason: None,
            anchor: Some(Anchor { path: "src/hello.c".into(), line: Some(3), sha256: Some(Sha256::of(b"span")) }),
        }],
        checks: BTreeMap::from([("bag.fixity".into(), "pass".into())]),
        policy: None,
        journal: JournalLine { head: Sha256::of(b""), count: 0 },
        dossier: None,
        reviewers: vec![ReviewerLine { id: "alice@room".into(), role: "reviewer".into(), key: fingerprint(alice.public_key()) }],
        time: TimeLine { reviewed_at: "2026-11-23T16:40:00Z".into(), not_before: None },
        tool: ToolLine { name: "countersign".into(), version: "0.1.0".into(), sha256: None },
        seal: "none".into(),
        challenge: None,
    }
}

/// The dossier of that record, with a journal of three entries.
fn dossier(inputs: &mut RecordInputs) -> Vec<u8> {
    let mut prev = chain::START.to_owned();
    let mut lines = Vec::new();
    for n in 1..=3 {
        let core = format!("{{\"n\":{n},\"prev\":\"{prev}\",\"body\":{{\"event\":\"at\",\"item\":\"\\\"i\\\" \\\\ é {n}\"}}");
        prev = Sha256::of(format!("{core}}}").as_bytes()).to_string();
        lines.push(format!("{core},\"hash\":\"{prev}\"}}"));
    }
    inputs.journal = JournalLine { head: prev.parse().unwrap(), count: 3 };
    let dossier = Dossier {
        product: inputs.product.clone(),
        version: inputs.version.clone(),
        identity: inputs.identity,
        reviewer: "alice".into(),
        checks: vec![],
        chain: vec![],
        attestations: vec![],
        items: vec![],
        not_looked_at: inputs.coverage.not_looked_at.clone(),
        rulings: vec![],
        read: vec![],
        findings: inputs.findings.clone(),
        notes: vec![],
        answers: BTreeMap::new(),
        journal: inputs.journal,
        lines: Some(lines),
    };
    let bytes = dossier.to_bytes();
    inputs.dossier = Some(Sha256::of(&bytes));
    bytes
}

/// A folder as the document describes it.
fn folder(change: impl FnOnce(&mut dsse::Envelope)) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let (alice, bob) = (signer(21), signer(22));
    let artifacts: [(&str, &[u8]); 2] = [("hello.deb", b"shipped bytes"), ("lib hello.so", b"more of them")];
    let mut inputs = inputs(&artifacts, &alice);
    let dossier = dossier(&mut inputs);
    let record = sign(&statement(&inputs), &alice).unwrap();
    let mut envelope = dsse::parse(&add_signature(&record, &bob).unwrap()).unwrap();
    change(&mut envelope);
    let write = |name: &str, bytes: &[u8]| std::fs::write(dir.path().join(name), bytes).unwrap();
    write("rec.dsse.json", &dsse::write(&envelope));
    write("rec.dossier.json", &dossier);
    write("alice.pub", alice.public_key().to_openssh().unwrap().as_bytes());
    write("bob.pub", bob.public_key().to_openssh().unwrap().as_bytes());
    write("ours.pem", public_key_pem(alice.public_key()).unwrap().as_bytes());
    for (name, bytes) in artifacts {
        write(name, bytes);
    }
    dir
}

#[test]
fn every_command_of_the_document_accepts_a_good_record() {
    let dir = folder(|_| ());
    let all = blocks();
    assert_eq!(all.len(), 6, "the document has other blocks than this test knows");
    for block in all {
        let missing: Vec<_> = block.needs.iter().filter(|n| !installed(n)).collect();
        if !missing.is_empty() {
            println!("skipped, not installed: {missing:?}\n{}", block.text);
            continue;
        }
        let out = run_block(&block, dir.path());
        assert!(out.status.success(), "{}\n{}{}", block.text, String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
        println!("ran: {}", block.needs.join(" "));
    }
    let ours = std::fs::read_to_string(dir.path().join("ours.pem")).unwrap();
    if let Ok(theirs) = std::fs::read_to_string(dir.path().join("alice.pem")) {
        assert_eq!(ours, theirs, "our PEM is openssl's");
    }
}

/// The same commands refuse what they must: they would be worth nothing otherwise.
#[test]
fn the_commands_refuse_a_tampered_record() {
    let tampered = folder(|e| {
        let text = String::from_utf8(e.payload.clone()).unwrap();
        e.payload = text.replace("\"version\":\"2.10-3\"", "\"version\":\"2.10-4\"").into_bytes();
    });
    let forged = folder(|e| e.signatures[1] = e.signatures[0].clone());
    let altered = folder(|_| ());
    std::fs::write(altered.path().join("hello.deb"), b"other bytes").unwrap();
    let dossier = folder(|_| ());
    let path = dossier.path().join("rec.dossier.json");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(path, text.replace("alice", "mallory")).unwrap();
    let rejected = folder(|e| {
        let text = String::from_utf8(e.payload.clone()).unwrap();
        e.payload = text.replace("release-review", "release-rejection").into_bytes();
    });
    for (dir, word, why) in [
        (&tampered, "openssl pkeyutl", "a changed statement"),
        (&tampered, "securesystemslib", "a changed statement"),
        (&forged, "securesystemslib", "the same signature twice"),
        (&altered, "sha256sum -c", "a changed artifact"),
        (&rejected, "sha256sum -c", "a rejection"),
        (&dossier, "journalLines", "a changed dossier"),
    ] {
        let block = blocks().into_iter().find(|b| b.text.contains(word)).unwrap();
        if !block.needs.iter().all(|n| installed(n)) {
            println!("skipped, not installed: {:?}", block.needs);
            continue;
        }
        assert!(!run_block(&block, dir.path()).status.success(), "{why} was accepted by\n{}", block.text);
    }
}

/// `allowed_signers` as ssh-keygen reads it: the same lines are accepted and refused.
#[test]
fn ssh_keygen_and_this_program_read_the_same_signers() {
    use countersign::provenance::{AllowedSigners, sshsig};
    if !installed("ssh-keygen") {
        println!("skipped, not installed: ssh-keygen");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let key = ssh_key::PrivateKey::new(KeypairData::Ed25519(Ed25519Keypair::from_seed(&[23; 32])), "test").unwrap();
    let path = dir.path().join("key");
    key.write_openssh_file(&path, ssh_key::LineEnding::LF).unwrap();
    std::fs::write(dir.path().join("message"), b"hello\n").unwrap();
    let signed = run("ssh-keygen", &["-q", "-Y", "sign", "-f", "key", "-n", "file", "message"], dir.path()).unwrap();
    assert!(signed.status.success(), "{}", String::from_utf8_lossy(&signed.stderr));
    let signature = sshsig::parse(&std::fs::read(dir.path().join("message.sig")).unwrap()).unwrap();
    let public = key.public_key().to_openssh().unwrap();
    let (mut accepted, mut refused) = (0, 0);
    for options in [
        "",
        "namespaces=\"file\"",
        "namespaces=\"git,fi*\"",
        "namespaces=\"git\"",
        "namespaces=\"*,!file\"",
        "valid-after=\"20200101Z\"",
        "valid-after=\"20990101Z\"",
        "valid-before=\"20200101Z\"",
        "valid-after=\"20200101Z\",namespaces=\"file\"",
        "nonsense",
        "valid-before=\"2020\"",
    ] {
        std::fs::write(dir.path().join("allowed_signers"), format!("a@x {options} {public}\n")).unwrap();
        let command = "ssh-keygen -Y verify -f allowed_signers -I a@x -n file -s message.sig < message";
        let theirs = run("bash", &["-c", command], dir.path()).unwrap().status.success();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let ours = AllowedSigners::parse(&std::fs::read(dir.path().join("allowed_signers")).unwrap()).is_ok_and(|list| {
            list.find(signature.key.fingerprint()).any(|e| {
                sshsig::verify(&signature, b"hello\n", "file", &e.key).is_ok()
                    && e.standing("file", i64::try_from(now).ok()) == countersign::provenance::EntryStanding::Allowed
            })
        });
        assert_eq!(ours, theirs, "options {options:?}");
        if ours { accepted += 1 } else { refused += 1 }
    }
    assert!(accepted >= 4 && refused >= 5, "{accepted} accepted, {refused} refused");
}
