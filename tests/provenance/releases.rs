//! The real releases.

use countersign::model::{FileRole, Outcome, Question, ResultMark, Standing};
use countersign::provenance::AllowedSigners;

use crate::case::*;

#[test]
fn real_releases_with_the_reviewers_signers() {
    for name in ["sed", "hello", "gzip"] {
        let Some(mut case) = real(name) else { return };
        let trust = case.release.files.iter().position(|f| f.role == FileRole::Trust).unwrap();
        case.signers = AllowedSigners::parse(&case.contents[&u32::try_from(trust).unwrap()]).unwrap();
        assert_eq!(case.signers.entries().len(), 2);
        let case = case.compared(ResultMark::Identical);
        let (rows, links) = case.examine();
        assert_eq!(rows.len(), 3, "{rows:?}");

        let list = rows.iter().find(|r| r.kind == "SHA256SUMS with SSHSIG").unwrap();
        assert_eq!(get(list, Question::Subject), (Outcome::Yes, "1 of 1 subjects equal files we hashed"));
        assert_eq!(get(list, Question::Signature), (Outcome::Yes, &*format!("signed by vendor@test.invalid {VENDOR}")));
        assert_eq!(get(list, Question::Signer).0, Outcome::Yes);
        assert_eq!(list.signatures[0].principal.as_deref(), Some("vendor@test.invalid"));

        let slsa = rows.iter().find(|r| r.kind == "in-toto Statement v1").unwrap();
        assert_eq!(slsa.line, Some(1));
        assert_eq!(slsa.predicate_type, Some("https://slsa.dev/provenance/v1".into()));
        assert_eq!(slsa.builder, Some("https://builds.test.invalid/assembly-line".into()));
        assert_eq!(slsa.build_type, Some("https://builds.test.invalid/dpkg-buildpackage/v1".into()));
        assert_eq!(slsa.commit, case.source.as_ref().unwrap().commit);
        assert_eq!(get(slsa, Question::Subject), (Outcome::Yes, "1 of 1 subjects equal files we hashed"));
        assert_eq!(get(slsa, Question::Signature), (Outcome::Yes, &*format!("signed by builder@test.invalid {BUILDER}")));
        assert_eq!(get(slsa, Question::Signer).0, Outcome::Yes);
        assert_eq!(get(slsa, Question::Time), (Outcome::CannotTell, "no authenticated time"));
        assert_eq!(get(slsa, Question::Builder).0, Outcome::CannotTell);
        assert_eq!(get(slsa, Question::Source).0, Outcome::Yes);
        assert_eq!(get(slsa, Question::Materials), (Outcome::Yes, "it names no material beside the source commit"));

        let buildinfo = rows.iter().find(|r| r.kind == "Debian .buildinfo").unwrap();
        assert_eq!(get(buildinfo, Question::Signature), (Outcome::CannotTell, "it is not signed"));
        assert_ne!(get(buildinfo, Question::Subject).0, Outcome::No);
        assert_eq!(buildinfo.answers.len(), 7);

        let names: Vec<_> = links.iter().map(|l| (l.name, l.standing)).collect();
        assert_eq!(
            names,
            [
                ("tree = commit", Standing::Proven),
                ("commit = tag", Standing::Proven),
                ("tag = signer", Standing::Absent),
                ("commit = provenance", Standing::Claimed),
                // Only for sed is what was rebuilt the very file that the provenance names.
                ("rebuild input = commit", if name == "sed" { Standing::Claimed } else { Standing::Absent }),
                ("materials = bundle", Standing::Claimed),
                ("tools = declared", Standing::Absent),
                ("shipped = subject", Standing::Proven),
                ("rebuilt = shipped", Standing::Proven),
            ],
            "{links:?}"
        );
    }
}

#[test]
fn real_release_with_only_the_keys_that_it_offers() {
    let Some(case) = real("hello") else { return };
    let (rows, links) = case.examine();
    let slsa = rows.iter().find(|r| r.kind == "in-toto Statement v1").unwrap();
    let (outcome, reason) = get(slsa, Question::Signature);
    assert_eq!(outcome, Outcome::Yes);
    assert!(reason.contains("builder@test.invalid SHA256:KsRNQjAZV/iatvBJB+L5A+Wba5dXqoDEVRA0K5+cXhA, a key that the bundle itself offers in data/trust/allowed_signers"), "{reason}");
    assert!(reason.contains("an offer, not trust"), "{reason}");
    assert_eq!(get(slsa, Question::Signer), (Outcome::CannotTell, "no allowed signers were given: pass --signers FILE"));
    assert_eq!(slsa.signatures[0].outcome, Outcome::CannotTell);
    assert_eq!(slsa.signatures[0].principal, None);
    assert_eq!(link(&links, "commit = provenance").0, Standing::Absent);
    assert_eq!(link(&links, "shipped = subject").0, Standing::Absent);
    assert_eq!(
        link(&links, "rebuilt = shipped"),
        (Standing::Absent, "1 of 1 artifacts are not shown equal: hello_2.10-3_amd64.deb has not been compared yet")
    );
}

#[test]
fn real_release_with_a_reviewer_who_trusts_somebody_else() {
    let Some(mut case) = real("hello") else { return };
    case.signers = AllowedSigners::parse(signer_line("other@x", "", 7).as_bytes()).unwrap();
    let (rows, _) = case.examine();
    for row in rows.iter().filter(|r| !r.signatures.is_empty()) {
        let (outcome, reason) = get(row, Question::Signer);
        assert_eq!(outcome, Outcome::No, "{reason}");
        assert!(reason.contains("not among the reviewer's allowed signers"), "{reason}");
    }
}

#[test]
fn real_release_with_one_byte_changed() {
    let Some(mut case) = real("hello") else { return };
    let trust = case.release.files.iter().position(|f| f.role == FileRole::Trust).unwrap();
    case.signers = AllowedSigners::parse(&case.contents[&u32::try_from(trust).unwrap()]).unwrap();
    let shipped = case.release.files.iter().position(|f| f.role == FileRole::Shipped).unwrap();
    let bytes = case.contents.get_mut(&u32::try_from(shipped).unwrap()).unwrap();
    bytes[1000] ^= 1;
    // The rebuild is another file, so nothing has the stated digest any more.
    let (rows, links) = case.compared(ResultMark::Different).examine();
    for kind in ["SHA256SUMS with SSHSIG", "in-toto Statement v1"] {
        let (outcome, reason) = get(rows.iter().find(|r| r.kind == kind).unwrap(), Question::Subject);
        assert_eq!(outcome, Outcome::No);
        assert!(reason.starts_with("it says sha256 2e6e2f1a0007… for hello_2.10-3_amd64.deb, and the file here has "), "{reason}");
    }
    assert_eq!(link(&links, "shipped = subject").0, Standing::Broken);
    assert_eq!(link(&links, "rebuilt = shipped").0, Standing::Broken);
}
