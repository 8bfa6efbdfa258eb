//! What each answer and each link is, for its reason.

use std::collections::BTreeSet;

use countersign::model::{Outcome, Question, Standing};
use countersign::provenance::{AllowedSigners, dsse, sshsig};

use crate::case::*;

#[test]
fn the_chain_says_claimed_broken_or_absent_for_its_reason() {
    let of = |payload: &str, seeds: &[u8]| {
        let (_, links) = made(&[("x.intoto.jsonl", envelope(payload, seeds))]).examine();
        (link(&links, "commit = provenance").0, link(&links, "shipped = subject").0, links)
    };
    let (commit, shipped, _) = of(&good(COMMIT), &[1]);
    assert_eq!((commit, shipped), (Standing::Claimed, Standing::Proven));
    let (commit, _, links) = of(&good(&"0".repeat(40)), &[1]);
    assert_eq!(commit, Standing::Broken);
    assert!(link(&links, "commit = provenance").1.contains("(signed by builder@x) names commit 0000"), "{links:?}");
    // Nobody's signature: equal digests prove nothing about who says so.
    let (commit, shipped, _) = of(&good(COMMIT), &[9]);
    assert_eq!((commit, shipped), (Standing::Absent, Standing::Absent));
    // Only one of two artifacts.
    let (commit, shipped, links) = of(&slsa(&[("a.deb", &both()[0].1)], COMMIT, "b"), &[1]);
    assert_eq!((commit, shipped), (Standing::Absent, Standing::Absent));
    assert!(link(&links, "shipped = subject").1.contains("1 of 2"), "{links:?}");
    // The name of an artifact with another digest.
    let (_, shipped, _) = of(&slsa(&[("a.deb", &both()[0].1), ("b.deb", &"1".repeat(64))], COMMIT, "b"), &[1]);
    assert_eq!(shipped, Standing::Broken);
    // A tampered statement is not heard at all.
    let mut bytes = dsse::parse(&envelope(&good(COMMIT), &[1])).unwrap();
    bytes.payload = good(&"0".repeat(40)).into_bytes();
    let (rows, links) = made(&[("x.intoto.jsonl", dsse::write(&bytes))]).examine();
    assert_eq!(get(&rows[0], Question::Signature).0, Outcome::No);
    assert_eq!(link(&links, "commit = provenance").0, Standing::Absent);
}

#[test]
fn the_same_provenance_must_name_both_commit_and_artifact() {
    // A trusted provenance for something else, and a signed list of what was shipped, do not add up to a chain.
    let list = format!("{}  a.deb\n{}  b.deb\n", both()[0].1, both()[1].1);
    let other = slsa(&[("other", &"3".repeat(64))], COMMIT, "b");
    let (_, links) = made(&[("SHA256SUMS", list.into_bytes()), ("x.intoto.jsonl", envelope(&other, &[1]))]).examine();
    assert_eq!(link(&links, "commit = provenance"), (Standing::Absent, "no provenance names a shipped artifact"));
    assert_eq!(link(&links, "shipped = subject").0, Standing::Absent);
}

#[test]
fn source_and_tag_links() {
    let of = |change: &dyn Fn(&mut Case)| {
        let mut case = made(&[]);
        change(&mut case);
        let links = case.examine().1;
        (link(&links, "tree = commit").0, link(&links, "commit = tag").0)
    };
    assert_eq!(of(&|_| ()), (Standing::Proven, Standing::Proven));
    assert_eq!(of(&|c| c.source.as_mut().unwrap().tag_matches = Some(false)), (Standing::Proven, Standing::Broken));
    assert_eq!(of(&|c| c.source.as_mut().unwrap().tag_matches = None), (Standing::Proven, Standing::Absent));
    assert_eq!(of(&|c| c.source.as_mut().unwrap().commit = None).0, Standing::Absent);
    assert_eq!(of(&|c| c.source = None), (Standing::Absent, Standing::Absent));
    let declared = |c: &mut Case| {
        let path = "data/source/x.bundle".into();
        let source = countersign::model::SourceDeclaration { path, file: None, commit: Some("1".repeat(40)), tag: None };
        c.release.sources.push(source);
    };
    assert_eq!(of(&declared).0, Standing::Broken);
    let unsound = |c: &mut Case| {
        let place = countersign::model::Where::file("src/a.c");
        let (severity, what, advice) = (countersign::model::Severity::Fail, "missing".to_owned(), "");
        let defect = countersign::model::Defect { code: "source.object", severity, place, what, advice };
        c.source.as_mut().unwrap().defects.push(defect);
    };
    assert_eq!(of(&unsound).0, Standing::Broken);
}

#[test]
fn subjects_that_do_not_bind() {
    let row = |subjects: serde_json::Value| {
        let payload = serde_json::json!({"_type": "https://in-toto.io/Statement/v0.1", "subject": subjects,
            "predicateType": "https://slsa.dev/provenance/v0.2", "predicate": {}});
        made(&[("x.jsonl", envelope(&payload.to_string(), &[1]))]).examine().0.remove(0)
    };
    let a = both()[0].1.clone();
    for (subjects, outcome, says) in [
        (serde_json::json!([]), Outcome::No, "it names no subject"),
        (serde_json::json!([{"name": "a.deb", "digest": {"sha1": "0".repeat(40)}}]), Outcome::CannotTell, "no sha256 or sha512"),
        (serde_json::json!([{"name": "a.deb", "digest": {"sha512": "0".repeat(128)}}]), Outcome::No, "another sha512 for a.deb"),
        (serde_json::json!([{"name": "z", "digest": {"sha512": "0".repeat(128)}}]), Outcome::No, "none of 1 subjects"),
        (serde_json::json!([{"name": "z", "digest": {"sha512": sha512("a.deb")}}]), Outcome::Yes, "1 of 1 subjects equal"),
        (serde_json::json!([{"name": "a.deb"}]), Outcome::CannotTell, "no sha256 or sha512"),
        (
            serde_json::json!([{"name": "z", "digest": {"sha256": "0".repeat(64)}}]),
            Outcome::No,
            "none of 1 subjects is a file of this bundle, first z",
        ),
        (
            serde_json::json!([{"name": "a", "digest": {"sha256": a}}, {"name": "z", "digest": {"sha256": "0".repeat(64)}}]),
            Outcome::CannotTell,
            "1 of 2 subjects equal files we hashed; 1 are not in the bundle, first z",
        ),
    ] {
        let row = row(subjects);
        let (found, reason) = get(&row, Question::Subject);
        assert_eq!(found, outcome, "{reason}");
        assert!(reason.contains(says), "{reason}");
    }
    let case = made(&[("x.jsonl", envelope(&good(COMMIT), &[1]))]);
    case.unhashed.borrow_mut().insert(2);
    let (rows, links) = case.examine();
    let reason = "1 of 2 subjects equal files we hashed; not every file is hashed, b.deb may be missing";
    assert_eq!(get(&rows[0], Question::Subject), (Outcome::CannotTell, reason));
    assert_eq!(link(&links, "shipped = subject").0, Standing::Absent);
}

#[test]
fn builders_count_only_by_a_trusted_signature() {
    let of = |seed: u8, builders: &[&str]| {
        let mut case = made(&[("x.jsonl", envelope(&good(COMMIT), &[seed]))]);
        case.builders = builders.iter().map(|b| (*b).to_owned()).collect();
        let row = case.examine().0.remove(0);
        get(&row, Question::Builder).0
    };
    assert_eq!(of(1, &["https://b"]), Outcome::Yes);
    assert_eq!(of(1, &["https://other"]), Outcome::No);
    assert_eq!(of(1, &[]), Outcome::CannotTell);
    assert_eq!(of(9, &["https://b"]), Outcome::CannotTell);
}

#[test]
fn only_repositories_of_the_policy_answer_for_the_source() {
    let of = |sources: &[&str]| {
        let mut case = made(&[("x.jsonl", envelope(&good(COMMIT), &[1]))]);
        case.sources = sources.iter().map(|b| (*b).to_owned()).collect();
        let row = case.examine().0.remove(0);
        let (outcome, reason) = get(&row, Question::Source);
        (outcome, reason.to_owned())
    };
    assert_eq!(of(&[]).0, Outcome::Yes);
    assert_eq!(of(&["https://x"]).0, Outcome::Yes);
    assert_eq!(of(&["HTTPS://X/"]).0, Outcome::Yes, "the same repository");
    let (outcome, reason) = of(&["https://x/y", "https://xy", "https://x.git"]);
    assert_eq!(outcome, Outcome::No);
    assert!(reason.contains("git+https://x, which the policy does not name"), "{reason}");
}

#[test]
fn a_summary_that_failed_is_signed_as_well() {
    let of = |result: &str, verifiers: &[&str], seed: u8| {
        let subject: Vec<_> = both().iter().map(|(n, d)| serde_json::json!({"name": n, "digest": {"sha256": d}})).collect();
        let payload = serde_json::json!({"_type": "https://in-toto.io/Statement/v1", "subject": subject,
            "predicateType": "https://slsa.dev/verification_summary/v1",
            "predicate": {"verifier": {"id": "https://v"}, "verificationResult": result, "verifiedLevels": ["SLSA_BUILD_LEVEL_3"]}});
        let mut case = made(&[("x.jsonl", envelope(&payload.to_string(), &[seed]))]);
        case.verifiers = verifiers.iter().map(|v| (*v).to_owned()).collect();
        let (rows, links) = case.examine();
        let (outcome, reason) = get(&rows[0], Question::Builder);
        assert_eq!(link(&links, "shipped = subject").0, Standing::Absent, "a summary is no provenance");
        assert_eq!(get(&rows[0], Question::Subject).0, Outcome::Yes);
        (outcome, reason.to_owned())
    };
    assert_eq!(of("PASSED", &["https://v"], 1).0, Outcome::Yes);
    assert_eq!(of("PASSED", &["https://v"], 9).0, Outcome::CannotTell, "nobody trusted says so");
    assert_eq!(of("PASSED", &["https://w"], 1).0, Outcome::No);
    assert_eq!(of("PASSED", &[], 1).0, Outcome::CannotTell);
    for result in ["FAILED", "passed", "", "PASSED "] {
        let (outcome, reason) = of(result, &["https://v"], 1);
        assert!(outcome == Outcome::No && reason.contains("speaks against its subjects"), "{result}: {reason}");
    }
}

#[test]
fn one_person_twice_does_not_reach_a_threshold() {
    let of = |seeds: &[u8]| {
        let mut case = made(&[("x.jsonl", envelope(&good(COMMIT), seeds))]);
        let keys: Vec<_> = (1..=3).map(|seed| signer_line(&format!("{}@x", seed % 2), "", seed)).collect();
        case.signers = AllowedSigners::parse(keys.concat().as_bytes()).unwrap();
        case.builders = BTreeSet::from(["https://b".to_owned()]);
        let text = "[[people]]\nname = \"a\"\nroles = [\"b\"]\nprincipals = [\"1@x\"]\n\
                    [[people]]\nname = \"c\"\nroles = [\"b\"]\nprincipals = [\"0@x\"]\n[attestation_threshold]\nb = 2\n";
        let policy = countersign::checks::Policy::parse(text).unwrap();
        let quorum = countersign::checks::Quorum::new(&policy, &case.signers).unwrap();
        case.lacking = Box::leak(Box::new(move |who: &[&str]| {
            let missing = quorum.missing(&policy.attestation_threshold, who.iter().copied());
            missing.first().map(ToString::to_string)
        }));
        let row = case.examine().0.remove(0);
        let answer = |question| (get(&row, question).0, get(&row, question).1.to_owned());
        (answer(Question::Signature).0, answer(Question::Signer), answer(Question::Builder).0)
    };
    // Keys 1 and 3 are one person's.
    let (signature, signer, builder) = of(&[1, 3]);
    assert_eq!((signature, signer.0, builder), (Outcome::Yes, Outcome::No, Outcome::CannotTell));
    assert!(signer.1.contains("1 of 2 signatures by different people of the role b"), "{}", signer.1);
    assert_eq!(of(&[1, 1]).1.0, Outcome::No);
    assert_eq!(of(&[1, 9]).1.0, Outcome::No);
    let (signature, signer, builder) = of(&[1, 2]);
    assert_eq!((signature, signer.0, builder), (Outcome::Yes, Outcome::Yes, Outcome::Yes));
}

#[test]
fn several_signatures_and_limits_on_entries() {
    let of = |options: &str, seeds: &[u8]| {
        let mut case = made(&[("x.jsonl", envelope(&good(COMMIT), seeds))]);
        case.signers = AllowedSigners::parse(signer_line("b@x", options, 1).as_bytes()).unwrap();
        let row = case.examine().0.remove(0);
        (get(&row, Question::Signature).0, get(&row, Question::Signature).1.to_owned(), get(&row, Question::Signer).0)
    };
    let (signature, reason, signer) = of("", &[9, 1, 1]);
    assert_eq!((signature, signer), (Outcome::Yes, Outcome::Yes));
    assert!(reason.ends_with("; 2 of 3 signatures verify, with 1 distinct keys"), "{reason}");
    assert_eq!(of("namespaces=\"file\"", &[1]).2, Outcome::No);
    assert_eq!(of("namespaces=\"attestation@countersign\"", &[1]).2, Outcome::Yes);
    assert_eq!(of("valid-before=\"20300101Z\"", &[1]).2, Outcome::CannotTell);
    assert_eq!(of("", &[9]).0, Outcome::CannotTell);
    assert_eq!(of("", &[]).0, Outcome::No);
}

#[test]
fn lines_keep_their_numbers_and_bad_ones_their_reasons() {
    let mut text = b"\n".to_vec();
    text.extend(envelope(&good(COMMIT), &[1]));
    text.extend(b"  \n{\"payloadType\":\"x\",\"payloadType\":\"y\"}\n{\"mediaType\":\"application/vnd.dev.sigstore.bundle.v0.3+json\"}\n");
    text.extend(b"{\"payloadType\":\"text/plain\",\"payload\":\"\",\"signatures\":[]}\n[1");
    let (rows, _) = made(&[("x.intoto.jsonl", text)]).examine();
    let lines: Vec<_> = rows.iter().map(|r| (r.line, r.kind.as_str())).collect();
    assert_eq!(
        lines,
        [(Some(2), "in-toto Statement v1"), (Some(4), "JSON"), (Some(5), "Sigstore bundle"), (Some(6), "DSSE envelope"), (Some(7), "JSON")]
    );
    assert!(get(&rows[1], Question::Signature).1.starts_with("cannot be read: line 4, column 20: duplicate key"), "{:?}", rows[1].answers);
    assert!(get(&rows[3], Question::Signature).1.contains("payload type is text/plain"));
    assert!(rows.iter().skip(1).all(|r| r.answers.len() == 7 && r.answers.iter().all(|a| a.outcome == Outcome::CannotTell)));
}

#[test]
fn a_list_that_leaves_out_an_artifact_is_not_a_pass() {
    let list = format!("{}  a.deb\n", both()[0].1);
    let (rows, _) = made(&[("SHA256SUMS", list.clone().into_bytes())]).examine();
    let (outcome, reason) = get(&rows[0], Question::Subject);
    assert_eq!(outcome, Outcome::CannotTell);
    assert!(reason.contains("the list leaves out 1 of 2 shipped artifacts, first b.deb"), "{reason}");
    assert_eq!(get(&rows[0], Question::Signature), (Outcome::CannotTell, "not signed: no SHA256SUMS.sig, .minisig or .asc beside it"));
    let pgp = ("SHA256SUMS.sig", b"-----BEGIN PGP SIGNATURE-----".to_vec());
    let (rows, _) = made(&[("SHA256SUMS", list.into_bytes()), pgp, ("SHA256SUMS.asc", Vec::new())]).examine();
    assert_eq!(rows.len(), 1, "the signatures were checked with the list");
    assert!(get(&rows[0], Question::Signature).1.contains("no OpenPGP keys to check it with"), "{:?}", rows[0]);
}

#[test]
fn an_sshsig_of_another_namespace_or_of_a_token() {
    let Some(dir) = corpus("provenance/signoff-example") else { return };
    let token = std::fs::read(dir.join("fido.dsse.json")).unwrap();
    let envelope = dsse::parse(&token).unwrap();
    let signature = sshsig::parse(&envelope.signatures[0].sig).unwrap();
    let message = dsse::pae(&envelope.payload_type, &envelope.payload);
    let list = AllowedSigners::parse(&std::fs::read(dir.join("allowed_signers")).unwrap()).unwrap();
    let key = &list.entries()[2].key;
    assert_eq!(sshsig::verify(&signature, &message, "release-review@countersign", key), Ok(()));
    assert_eq!(sshsig::verify(&signature, b"other", "release-review@countersign", key), Err(sshsig::SshSigError::Bad));
    let wrong = sshsig::verify(&signature, &message, "file", key).unwrap_err();
    assert_eq!(wrong.to_string(), "made for the namespace release-review@countersign, not file");
    // The list's own signature was made for "file"; as a record's it does not count.
    let Some(sums) = corpus("../releases/hello/data/provenance") else { return };
    let signature = sshsig::parse(&std::fs::read(sums.join("SHA256SUMS.sig")).unwrap()).unwrap();
    let message = std::fs::read(sums.join("SHA256SUMS")).unwrap();
    assert_eq!(signature.namespace, "file");
    assert_eq!(sshsig::verify(&signature, &message, "file", &signature.key), Ok(()));
    assert!(sshsig::verify(&signature, &message, "release-review@countersign", &signature.key).is_err());
    assert_eq!(signature.key.fingerprint(), VENDOR);
}
