//! A record checked by tools that are not ours: every command of `docs/verify-a-record.md`, run as it is written there.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may panic, and says why it skips")]
#![allow(clippy::disallowed_types, reason = "this test starts the tools that others would check a record with")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

use countersign::digest::Sha256;
use countersign::provenance::dsse;
use countersign::review::chain;
use countersign::signoff::{
    Anchor, ArtifactLine, Coverage, Decision, Dossier, FileSigner, FindingLine, JournalLine, Printout, RecordInputs, ReviewerLine, Signer,
    SourceLine, TimeLine, ToolLine, add_detached, add_signature, fingerprint, public_key_pem, sign, statement, to_sign,
};
use ssh_key::private::{Ed25519Keypair, KeypairData};

struct Block {
    language: String,
    needs: Vec<String>,
    text: String,
}

fn blocks() -> Vec<Block> {
    let doc = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/verify-a-record.md")).unwrap();
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
        "securesystemslib" => run("python3", &["-c", "import securesystemslib.signer, cryptography"], here),
        "in_toto_attestation" => run("python3", &["-c", "import in_toto_attestation"], here),
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

/// A key of ECDSA P-256, in a file of OpenSSH (PROTOCOL.key).
fn ecdsa_signer() -> FileSigner {
    use base64::Engine as _;
    let secret = p256::ecdsa::SigningKey::from_slice(&[24; 32]).unwrap();
    let point = secret.verifying_key().to_sec1_point(false);
    let strings = |parts: &[&[u8]]| {
        let string = |part: &&[u8]| [&u32::try_from(part.len()).unwrap().to_be_bytes()[..], part].concat();
        parts.iter().map(string).collect::<Vec<_>>().concat()
    };
    let public = strings(&[b"ecdsa-sha2-nistp256", b"nistp256", point.as_bytes()]);
    let mut private = [&[1, 2, 3, 4, 1, 2, 3, 4][..], &public, &strings(&[&[24; 32], b"carol"])].concat();
    (1..=(8 - private.len() % 8) % 8).for_each(|n| private.push(u8::try_from(n).unwrap()));
    let head = strings(&[b"none", b"none", b""]);
    let whole = [b"openssh-key-v1\0", &head[..], &[0, 0, 0, 1], &strings(&[&public, &private])].concat();
    let body = base64::engine::general_purpose::STANDARD.encode(whole);
    let lines: Vec<_> = body.as_bytes().chunks(70).map(|c| std::str::from_utf8(c).unwrap()).collect();
    let text = format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{}\n-----END OPENSSH PRIVATE KEY-----\n", lines.join("\n"));
    FileSigner::from_openssh(text.as_bytes(), None).unwrap()
}

/// What `ssh-keygen -Y sign` makes over a message, as a security key does.
fn sshsig(seed: u8, message: &[u8]) -> (ssh_key::PrivateKey, Vec<u8>) {
    let key = ssh_key::PrivateKey::new(KeypairData::Ed25519(Ed25519Keypair::from_seed(&[seed; 32])), "dave").unwrap();
    let signature = key.sign("release-review@countersign", ssh_key::HashAlg::Sha512, message).unwrap();
    let pem = signature.to_pem(ssh_key::LineEnding::LF).unwrap();
    (key, pem.into_bytes())
}

fn inputs(artifacts: &[(&str, &[u8])], alice: &FileSigner) -> RecordInputs {
    RecordInputs {
        decision: Decision::ApprovedWithFindings,
        product: "hello — 日本".into(),
        version: "2.10-3".into(),
        identity: Sha256::of(b"bundle"),
        identity_basis: "tagmanifest-sha256.txt".into(),
        source: SourceLine::default(),
        previous: None,
        dissents_from: None,
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
        chain: vec![],
        coverage: Coverage { items: 3, not_looked_at: vec!["a \"quoted\" path".into()], ..Coverage::default() },
        findings: vec![FindingLine {
            id: "F1".into(),
            severity: "note".into(),
            state: "accepted".into(),
            title: "quotes \" and \\ and é and <1B>".into(),
            reason: None,
            anchor: Some(Anchor { path: "src/hello.c".into(), line: Some(3), ..Anchor::default() }),
        }],
        checks: BTreeMap::new(),
        policy: None,
        journal: JournalLine { head: Sha256::of(b""), count: 0 },
        merged: Vec::new(),
        dossier: None,
        reviewers: vec![ReviewerLine { id: "alice@room".into(), role: "reviewer".into(), key: fingerprint(alice.public_key()) }],
        time: TimeLine { reviewed_at: "2026-11-23T16:40:00Z".into(), not_before: None },
        tool: ToolLine { name: "countersign".into(), version: "0.1.0".into(), sha256: None },
        seal: "none".into(),
        challenge: None,
        excerpts: false,
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
    let (alice, bob, carol) = (signer(21), signer(22), ecdsa_signer());
    let artifacts: [(&str, &[u8]); 2] = [("hello.deb", b"shipped bytes"), ("lib hello.so", b"more of them")];
    let mut inputs = inputs(&artifacts, &alice);
    let dossier = dossier(&mut inputs);
    let record = sign(&statement(&inputs), &alice).unwrap();
    let record = add_signature(&add_signature(&record, &bob).unwrap(), &carol).unwrap();
    let (dave, signature) = sshsig(25, &to_sign(&record).unwrap());
    let (record, _) = add_detached(&record, &signature, None).unwrap();
    let mut envelope = dsse::parse(&record).unwrap();
    change(&mut envelope);
    let write = |name: &str, bytes: &[u8]| std::fs::write(dir.path().join(name), bytes).unwrap();
    write("rec.dsse.json", &dsse::write(&envelope));
    write("rec.dossier.json", &dossier);
    write("alice.pub", alice.public_key().to_openssh().unwrap().as_bytes());
    write("bob.pub", bob.public_key().to_openssh().unwrap().as_bytes());
    write("carol.pub", carol.public_key().to_openssh().unwrap().as_bytes());
    write("allowed_signers", format!("dave@token {}\n", dave.public_key().to_openssh().unwrap()).as_bytes());
    write("carol.ours.pem", public_key_pem(carol.public_key()).unwrap().as_bytes());
    let codes = |most: Option<usize>| Printout::new(&dsse::write(&envelope), most).unwrap().codes;
    let one = codes(None);
    assert_eq!(one.len(), 1, "the sample, which is small for that, fits in one code: {} bytes", dsse::write(&envelope).len());
    write("rec.png", &one[0].png().unwrap());
    // Twelve or more, so that the order of names is not that of numbers.
    let parts = codes(Some(130));
    assert!(parts.len() >= 12, "{}", parts.len());
    parts.iter().enumerate().for_each(|(n, code)| write(&format!("part-{n}.png"), &code.png().unwrap()));
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
    assert_eq!(all.len(), 12, "the document has other blocks than this test knows");
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
    if let Ok(theirs) = std::fs::read_to_string(dir.path().join("carol.pem")) {
        assert_eq!(std::fs::read_to_string(dir.path().join("carol.ours.pem")).unwrap(), theirs, "our PEM is ssh-keygen's");
    }
}

/// The same commands refuse what they must: they would be worth nothing otherwise.
#[test]
fn the_commands_refuse_a_tampered_record() {
    let tampered = folder(|e| {
        let text = String::from_utf8(e.payload.clone()).unwrap();
        e.payload = text.replace("\"version\":\"2.10-3\"", "\"version\":\"2.10-4\"").into_bytes();
    });
    let forged = folder(|e| {
        let first = e.signatures[0].clone();
        e.signatures.iter_mut().for_each(|s| *s = first.clone());
    });
    let flipped = folder(|e| e.signatures.iter_mut().for_each(|s| *s.sig.last_mut().unwrap() ^= 1));
    let formless = folder(|e| {
        let text = String::from_utf8(e.payload.clone()).unwrap();
        e.payload = text.replace("urn:countersign:release-review:v1", "").into_bytes();
    });
    let (other, scanned) = (folder(|e| e.signatures.truncate(2)), folder(|_| ()));
    std::fs::copy(other.path().join("rec.png"), scanned.path().join("rec.png")).unwrap();
    std::fs::remove_file(scanned.path().join("part-3.png")).unwrap();
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
        (&tampered, "openssl dgst", "a changed statement"),
        (&tampered, "ssh-keygen -Y verify", "a changed statement"),
        (&flipped, "openssl pkeyutl", "a changed signature"),
        (&flipped, "openssl dgst", "a changed signature"),
        (&flipped, "ssh-keygen -Y verify", "a changed signature"),
        (&formless, "in_toto_attestation", "no statement"),
        (&scanned, "rec.png", "another record's code"),
        (&scanned, "part-*.png", "a missing code"),
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
