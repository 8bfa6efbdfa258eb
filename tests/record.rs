//! The sign-off record: made, signed by several, verified, tampered with, described to its last field.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may panic, and says why it skips")]

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::digest::Sha256;
use countersign::provenance::{AllowedSigners, dsse};
use countersign::signoff::{
    Anchor, ArtifactLine, Coverage, Decision, FileSigner, FindingLine, JournalLine, MergedLine, Printout, Problem, RecordInputs,
    ReviewerLine, SignError, Signer, SourceLine, TimeLine, ToolLine, add_signature, check_against_bundle, describe, fingerprint,
    not_looked_at_lines, sign, statement, verify,
};
use ssh_key::private::{Ed25519Keypair, KeypairData};

fn signer(seed: u8) -> FileSigner {
    let key = ssh_key::PrivateKey::new(KeypairData::Ed25519(Ed25519Keypair::from_seed(&[seed; 32])), "test").unwrap();
    FileSigner::from_openssh(key.to_openssh(ssh_key::LineEnding::LF).unwrap().as_bytes(), None).unwrap()
}

fn line(principal: &str, options: &str, seed: u8) -> String {
    let key = signer(seed).public_key().to_openssh().unwrap();
    format!("{principal} {options} {key}\n")
}

fn signers(text: &str) -> AllowedSigners {
    AllowedSigners::parse(text.as_bytes()).unwrap()
}

fn inputs(decision: Decision) -> RecordInputs {
    let sha = |n: u8| Sha256::of(&[n]);
    RecordInputs {
        decision,
        product: "hello".into(),
        version: "2.10-3".into(),
        identity: sha(0),
        identity_basis: "tagmanifest-sha256.txt".into(),
        source: SourceLine { commit: Some("565e73d1".repeat(5)), tree: Some("aabbccdd".repeat(5)), tag: Some("v2.10-3".into()) },
        previous: Some(sha(1)),
        dissents_from: Some(sha(10)),
        sequence: 17,
        artifacts: vec![
            ArtifactLine { name: "hello.deb".into(), sha256: Some(sha(2)), result: "identical".into(), ..ArtifactLine::default() },
            ArtifactLine {
                name: "libhello.so".into(),
                sha256: Some(sha(3)),
                rebuilt: Some(sha(4)),
                result: "different".into(),
                explained: BTreeMap::from([("mtime".into(), 1201), ("gzip-header".into(), 44)]),
                unexplained: 333,
            },
        ],
        chain: vec![("tree = commit".into(), "proven".into()), ("commit = provenance".into(), "claimed".into())],
        coverage: Coverage {
            required: 412,
            required_shown: 411,
            items: 5021,
            ruled_by_hand: 88,
            ruled_by_rule: 77,
            by_machine: 66,
            accepted: 55,
            rejected: 2,
            open: 31,
            carried: 23,
            lines_carried: 3456,
            lines: (4321, 9876),
            code: (5432, 8765),
            code_unknown: 13,
            not_looked_at: vec!["src/b.c".into(), "src/a.c".into(), "src/b.c".into()],
        },
        findings: vec![
            FindingLine {
                id: "F1".into(),
                severity: "fail".into(),
                state: "open".into(),
                title: "the year is \u{202e}wrong".into(),
                reason: None,
                anchor: Some(Anchor {
                    path: "src/hello.c".into(),
                    line: Some(207),
                    to_line: Some(209),
                    artifact: Some("hello.deb!usr/bin/hello".into()),
                    function: Some("main".into()),
                    address: Some(0x4a34),
                    to_address: Some(0x4a40),
                    digests: [("lines".to_owned(), sha(5)), ("range".to_owned(), sha(6))].into(),
                    ..Anchor::default()
                }),
            },
            FindingLine {
                id: "F2".into(),
                severity: "note".into(),
                state: "accepted".into(),
                title: "old compiler".into(),
                reason: Some("not shipped".into()),
                anchor: None,
            },
        ],
        checks: BTreeMap::from([("bag.fixity".into(), "pass".into()), ("provenance.chain".into(), "cannotTell".into())]),
        policy: Some(sha(6)),
        journal: JournalLine { head: sha(7), count: 903 },
        merged: vec![MergedLine { reviewer: "bob".into(), head: sha(9), count: 44 }],
        dossier: Some(sha(9)),
        reviewers: vec![ReviewerLine { id: "alice@room".into(), role: "reviewer".into(), key: fingerprint(signer(1).public_key()) }],
        time: TimeLine { reviewed_at: "2026-11-23T16:40:00Z".into(), not_before: Some("2026-11-20T09:12:44Z".into()) },
        tool: ToolLine { name: "countersign".into(), version: "0.1.0".into(), sha256: Some(sha(8)) },
        seal: "none".into(),
        challenge: Some("c0ffee".into()),
        excerpts: true,
    }
}

fn envelope_with(payload: &[u8], seeds: &[u8]) -> Vec<u8> {
    let message = dsse::pae(dsse::IN_TOTO, payload);
    let list = seeds.iter().map(|s| (fingerprint(signer(*s).public_key()), signer(*s).sign(&message).unwrap())).collect::<Vec<_>>();
    countersign::signoff::seal_envelope(payload, &list)
}

#[test]
fn a_record_round_trips_and_is_accepted() {
    let payload = statement(&inputs(Decision::ApprovedWithFindings));
    assert_eq!(payload, statement(&inputs(Decision::ApprovedWithFindings)), "the bytes are a function of the values");
    let record = sign(&payload, &signer(1)).unwrap();
    let verified = verify(&record, &signers(&line("alice@room", "", 1)), 1).unwrap();
    assert_eq!(verified.problems, Vec::<String>::new());
    assert!(verified.is_accepted());
    assert_eq!(verified.decision, Decision::ApprovedWithFindings);
    assert_eq!((verified.product.as_str(), verified.version.as_str()), ("hello", "2.10-3"));
    assert_eq!(verified.identity, Sha256::of(&[0]));
    assert_eq!(verified.sequence, Some(17));
    assert_eq!(verified.challenge.as_deref(), Some("c0ffee"));
    assert_eq!(verified.payload, payload);
    assert_eq!(verified.payload_sha256, Sha256::of(&payload));
    assert_eq!(verified.signatures[0].principal.as_deref(), Some("alice@room"));
    assert_eq!(verified.unsigned_reviewers, Vec::<String>::new());
}

#[test]
fn every_changed_byte_of_the_payload_is_noticed() {
    let payload = statement(&inputs(Decision::Approved));
    let record = sign(&payload, &signer(1)).unwrap();
    let mut envelope = dsse::parse(&record).unwrap();
    let trusted = signers(&line("alice@room", "", 1));
    for at in (0..payload.len()).step_by(11) {
        envelope.payload = payload.clone();
        envelope.payload[at] ^= 1;
        match verify(&dsse::write(&envelope), &trusted, 1) {
            Ok(v) => assert!(v.problems.iter().any(|p| p.contains("does not match the bytes")), "byte {at}: {:?}", v.problems),
            Err(e) => assert!(!e.to_string().is_empty(), "byte {at}"),
        }
    }
}

#[test]
fn a_bad_signature_a_wrong_key_and_no_signature_have_their_own_reasons() {
    let payload = statement(&inputs(Decision::Approved));
    let mut envelope = dsse::parse(&sign(&payload, &signer(1)).unwrap()).unwrap();
    let alice = signers(&line("alice@room", "", 1));
    let bob = signers(&line("bob@room", "", 2));
    let problems = |bytes: &[u8], who: &AllowedSigners| verify(bytes, who, 1).unwrap().problems.join("\n");
    assert!(problems(&dsse::write(&envelope), &bob).contains("no key that is known here verifies it"));
    assert!(problems(&dsse::write(&envelope), &AllowedSigners::default()).contains("no allowed signers were given"));
    envelope.signatures[0].sig[5] ^= 4;
    assert!(problems(&dsse::write(&envelope), &alice).contains("does not match the bytes"));
    envelope.signatures.clear();
    assert!(problems(&dsse::write(&envelope), &alice).contains("the record is not signed"));
    // The key id is a hint: a wrong one changes nothing, a stolen one helps nobody.
    let mut envelope = dsse::parse(&sign(&payload, &signer(1)).unwrap()).unwrap();
    envelope.signatures[0].keyid = "anything".into();
    assert_eq!(problems(&dsse::write(&envelope), &alice), "");
    let mut forged = dsse::parse(&sign(&payload, &signer(9)).unwrap()).unwrap();
    forged.signatures[0].keyid = fingerprint(signer(1).public_key()).into();
    assert!(problems(&dsse::write(&forged), &alice).contains("does not match the bytes"));
}

#[test]
fn the_threshold_counts_distinct_keys_of_distinct_people() {
    let payload = statement(&inputs(Decision::Approved));
    let one = sign(&payload, &signer(1)).unwrap();
    let two = add_signature(&one, &signer(2)).unwrap();
    let both = signers(&format!("{}{}", line("alice@room", "", 1), line("bob@room", "", 2)));
    assert!(verify(&two, &both, 2).unwrap().is_accepted());
    assert!(!verify(&one, &both, 2).unwrap().is_accepted());
    assert!(!verify(&two, &both, 3).unwrap().is_accepted());
    let twice = envelope_with(&payload, &[1, 1]);
    let verified = verify(&twice, &both, 2).unwrap();
    assert_eq!(verified.trusted_keys, 1);
    assert!(verified.problems[0].starts_with("1 of 2 signatures by allowed signers"), "{:?}", verified.problems);
    let same_person = signers(&format!("{}{}", line("alice@room", "", 1), line("alice@room", "", 2)));
    let verified = verify(&two, &same_person, 2).unwrap();
    assert_eq!((verified.trusted_keys, verified.trusted_principals.len()), (2, 1));
    assert!(!verified.is_accepted(), "one person with two keys is one person");
    assert!(matches!(add_signature(&one, &signer(1)), Err(SignError::Refused(why)) if why.contains("has signed this record already")));
    assert_eq!(dsse::parse(&two).unwrap().payload, payload);
}

#[test]
fn an_entry_limited_by_namespace_or_time_counts_only_within_it() {
    let record = sign(&statement(&inputs(Decision::Approved)), &signer(1)).unwrap();
    let accepted = |options: &str, at: Option<i64>| {
        let list = signers(&line("alice@room", options, 1));
        verify(&record, &at.map_or(list.clone(), |t| list.at(t)), 1).unwrap()
    };
    assert!(accepted("namespaces=\"release-review@countersign\"", None).is_accepted());
    assert!(accepted("namespaces=\"file,release-*\"", None).is_accepted());
    let file = accepted("namespaces=\"file,git\"", None);
    assert!(file.problems[0].contains("limited to the namespaces file,git, not release-review@countersign"), "{:?}", file.problems);
    assert!(accepted("cert-authority", None).problems[0].contains("certificate authority, which is not supported"));
    assert!(accepted("valid-before=\"20270101Z\"", None).problems[0].contains("no authenticated time"));
    assert!(accepted("valid-before=\"20270101Z\"", Some(1_790_000_000)).is_accepted());
    assert!(accepted("valid-before=\"20270101Z\"", Some(1_900_000_000)).problems[0].contains("no longer valid"));
}

#[test]
fn a_rejection_cannot_pass_for_an_approval_nor_the_other_way() {
    let rejected = String::from_utf8(statement(&inputs(Decision::Rejected))).unwrap();
    assert!(rejected.contains("urn:countersign:release-rejection:v1"));
    assert!(verify(&sign(rejected.as_bytes(), &signer(1)).unwrap(), &signers(&line("a@x", "", 1)), 1).unwrap().is_accepted());
    for (payload, says) in [
        (
            rejected.replace("\"rejected\",", "\"approved\","),
            "the record says \"approved\" under the predicate type urn:countersign:release-rejection:v1",
        ),
        (
            rejected.replace("release-rejection", "release-review"),
            "the record says \"rejected\" under the predicate type urn:countersign:release-review:v1",
        ),
        (rejected.replace("release-rejection:v1", "release-review:v9"), "the predicate type is urn:countersign:release-review:v9"),
        (rejected.replace("\"decision\":\"rejected\"", "\"decision\":\"approved\",\"decision\":\"rejected\""), "duplicate key"),
    ] {
        let record = envelope_with(payload.as_bytes(), &[1]);
        let error = verify(&record, &signers(&line("a@x", "", 1)), 1).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
        assert!(sign(payload.as_bytes(), &signer(1)).is_err(), "it is not signed either");
    }
}

#[test]
fn envelopes_are_read_strictly_and_in_either_base64() {
    let payload = statement(&inputs(Decision::Approved));
    let text = String::from_utf8(sign(&payload, &signer(1)).unwrap()).unwrap();
    let trusted = signers(&line("a@x", "", 1));
    let doubled = text.replace("\"payloadType\":", "\"payload\":\"\",\"payloadType\":");
    assert!(verify(doubled.as_bytes(), &trusted, 1).unwrap_err().to_string().contains("duplicate key \"payload\""));
    let other = text.replace("application/vnd.in-toto+json", "text/plain");
    assert!(verify(other.as_bytes(), &trusted, 1).unwrap_err().to_string().contains("payload type is text/plain"));
    let sig = STANDARD.encode(&dsse::parse(text.as_bytes()).unwrap().signatures[0].sig);
    let url = text.replace(&sig, sig.replace('+', "-").replace('/', "_").trim_end_matches('='));
    assert_ne!(url, text);
    assert!(verify(url.as_bytes(), &trusted, 1).unwrap().is_accepted());
}

/// Everything that is signed is said: every leaf of the payload is in the rows, known to this version or not.
#[test]
fn the_description_holds_every_signed_value() {
    fn leaves(value: &serde_json::Value, out: &mut Vec<String>) {
        match value {
            serde_json::Value::Array(items) => items.iter().for_each(|v| leaves(v, out)),
            serde_json::Value::Object(members) => members.values().for_each(|v| leaves(v, out)),
            serde_json::Value::String(s) => out.push(s.clone()),
            other => out.push(other.to_string()),
        }
    }
    for decision in Decision::ALL {
        let mut value: serde_json::Value = serde_json::from_slice(&statement(&inputs(decision))).unwrap();
        for (i, pointer) in [
            "",
            "/predicate",
            "/predicate/release",
            "/predicate/release/bundle",
            "/predicate/release/source",
            "/predicate/coverage",
            "/predicate/coverage/notLookedAt",
            "/predicate/coverage/notLookedAt/digest",
            "/predicate/findings",
            "/predicate/findings/list/0",
            "/predicate/findings/list/0/anchor",
            "/predicate/findings/list/0/anchor/digests",
            "/predicate/findings/list/0/anchor/digests/lines",
            "/predicate/tool",
            "/predicate/time",
            "/predicate/journal",
            "/predicate/journal/merged/0",
            "/predicate/reviewers/0",
            "/predicate/artifacts/1",
            "/predicate/artifacts/1/explained",
            "/predicate/chain/0",
            "/subject/0",
            "/subject/0/digest",
            "/predicate/policy",
            "/predicate/previous",
        ]
        .iter()
        .enumerate()
        {
            let object = value.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")).as_object_mut().unwrap();
            object.insert("surprise".into(), format!("surprise-{i}").into());
            object.insert("nested".into(), serde_json::json!({"deep": [format!("deep-{i}"), 90_000 + i, true, null]}));
        }
        let payload = serde_json::to_vec(&value).unwrap();
        let rows: Vec<String> = describe(&payload).unwrap().iter().map(countersign::text::Row::plain).collect();
        let text = rows.join("\n");
        let mut all = Vec::new();
        leaves(&value, &mut all);
        assert!(all.len() > 150, "{}", all.len());
        for leaf in all {
            let shown = countersign::text::Shown::new(&leaf).to_string();
            assert!(text.contains(&shown), "{leaf} is signed and not said:\n{text}");
        }
        assert!(text.contains("NOT LOOKED AT"), "{text}");
        assert!(!text.contains('\u{202e}'));
    }
}

#[test]
fn lists_are_digested_in_one_canonical_form() {
    let items = ["b \"q\"".to_owned(), "a".to_owned(), "a".to_owned()];
    assert_eq!(String::from_utf8(not_looked_at_lines(&items)).unwrap(), "\"a\"\n\"b \\\"q\\\"\"\n");
    let value: serde_json::Value = serde_json::from_slice(&statement(&inputs(Decision::Incomplete))).unwrap();
    let not = value.pointer("/predicate/coverage/notLookedAt").unwrap();
    assert_eq!(not["count"], 2);
    assert_eq!(not["digest"]["sha256"], Sha256::of(b"\"src/a.c\"\n\"src/b.c\"\n").to_string());
    assert_eq!(value.pointer("/predicate/findings/open").unwrap(), 1);
    assert_eq!(value.pointer("/predicate/findings/closed").unwrap(), 1);
    // "rebuilt" is there only where it differs.
    assert_eq!(value.pointer("/predicate/artifacts/0/rebuilt"), None);
    assert_eq!(value.pointer("/predicate/artifacts/1/rebuilt/sha256").unwrap(), &Sha256::of(&[4]).to_string());
}

#[test]
fn a_record_is_compared_with_a_bundle_both_ways() {
    let record = sign(&statement(&inputs(Decision::Approved)), &signer(1)).unwrap();
    let verified = verify(&record, &signers(&line("a@x", "", 1)), 1).unwrap();
    let here = vec![("hello.deb".to_owned(), Sha256::of(&[2])), ("libhello.so".to_owned(), Sha256::of(&[3]))];
    assert_eq!(check_against_bundle(&verified, Some(Sha256::of(&[0])), &here), []);
    let mut other = here.clone();
    other[0].1 = Sha256::of(b"altered");
    other[1].0 = "new.so".to_owned();
    let problems = check_against_bundle(&verified, Some(Sha256::of(&[99])), &other);
    assert!(matches!(problems[0], Problem::Identity { .. }));
    assert!(matches!(&problems[1], Problem::Differs { name, .. } if name == "hello.deb"));
    assert!(matches!(&problems[2], Problem::Absent { name } if name == "libhello.so"));
    assert!(matches!(&problems[3], Problem::Unmentioned { name } if name == "new.so"));
    assert_eq!(problems.len(), 4);
    assert!(matches!(check_against_bundle(&verified, None, &here)[..], [Problem::Identity { here: None, .. }]));
}

/// A record of thousands of artifacts fits in no codes, and is put on paper all the same.
#[test]
fn a_record_too_large_for_codes_is_printed_without_them() {
    let mut inputs = inputs(Decision::Approved);
    let artifact = |n: u32| ArtifactLine {
        name: format!("usr/lib/file-{n}.so"),
        sha256: Some(Sha256::of(&n.to_le_bytes())),
        result: "identical".into(),
        ..ArtifactLine::default()
    };
    let print = |inputs: &RecordInputs| Printout::new(&sign(&statement(inputs), &signer(1)).unwrap(), None).unwrap();
    inputs.artifacts = (0..40).map(artifact).collect();
    assert!(print(&inputs).codes.len() > 1);
    inputs.artifacts = (0..5000).map(artifact).collect();
    let printout = print(&inputs);
    assert!(printout.codes.is_empty() && printout.texts.is_empty());
    let (html, pdf) = (printout.html(), printout.pdf());
    for text in ["usr/lib/file-4999.so", "too large for codes"] {
        assert!(html.contains(text) && String::from_utf8_lossy(&pdf).contains(text), "{text}");
    }
}

#[test]
fn a_signer_that_returns_other_bytes_writes_no_record() {
    struct Liar(FileSigner);
    impl Signer for Liar {
        fn public_key(&self) -> &ssh_key::PublicKey {
            self.0.public_key()
        }
        fn sign(&self, _: &[u8]) -> Result<Vec<u8>, SignError> {
            self.0.sign(b"something else")
        }
    }
    assert_eq!(sign(&statement(&inputs(Decision::Approved)), &Liar(signer(1))), Err(SignError::Unverified));
}

/// An SSHSIG over the PAE, as a security key or `ssh-keygen -Y sign` makes it, counts in its own namespace only.
#[test]
fn an_sshsig_counts_in_the_namespace_of_records_only() {
    let payload = statement(&inputs(Decision::Approved));
    let message = dsse::pae(dsse::IN_TOTO, &payload);
    let key = ssh_key::PrivateKey::new(KeypairData::Ed25519(Ed25519Keypair::from_seed(&[1; 32])), "test").unwrap();
    let record = |namespace: &str, message: &[u8]| {
        let signature = key.sign(namespace, ssh_key::HashAlg::Sha512, message).unwrap();
        let armor = signature.to_pem(ssh_key::LineEnding::LF).unwrap();
        let bytes = STANDARD.decode(armor.lines().filter(|l| !l.starts_with('-')).collect::<String>()).unwrap();
        countersign::signoff::seal_envelope(&payload, &[("hint".into(), bytes)])
    };
    let list = signers(&line("alice@room", "", 1));
    assert!(verify(&record("release-review@countersign", &message), &list, 1).unwrap().is_accepted());
    let problems = |r: &[u8]| verify(r, &list, 1).unwrap().problems.join("\n");
    assert!(problems(&record("file", &message)).contains("made for the namespace file, not release-review@countersign"));
    assert!(problems(&record("release-review@countersign", &payload)).contains("does not match the bytes"));
    // The same key, once raw and once as SSHSIG, is still one key.
    let mut envelope = dsse::parse(&record("release-review@countersign", &message)).unwrap();
    envelope.signatures.extend(dsse::parse(&envelope_with(&payload, &[1])).unwrap().signatures);
    let verified = verify(&dsse::write(&envelope), &list, 2).unwrap();
    assert_eq!((verified.trusted_keys, verified.is_accepted()), (1, false));
}
