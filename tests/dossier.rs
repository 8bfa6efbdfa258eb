//! The dossier: made beside a record, read strictly, held against what was signed.
#![allow(clippy::unwrap_used, reason = "a test may panic")]
// A test runs the program.
#![allow(clippy::disallowed_types)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use countersign::digest::Sha256;
use countersign::review::{Ruling, chain};
use countersign::signoff::{
    Anchor, AttestationLine, CheckLine, Coverage, Decision, Dossier, FindingLine, ItemLine, JournalLine, NoteLine, ReadLine, RecordInputs,
    ReviewerLine, RulingLine, SourceLine, TimeLine, ToolLine, check_dossier, statement,
};

mod common;

fn sha(n: u8) -> Sha256 {
    Sha256::of(&[n])
}

/// Lines of a journal, each bound to the one before it.
fn journal(count: u64) -> (Vec<String>, JournalLine) {
    let mut prev = chain::START.to_owned();
    let mut lines = Vec::new();
    for n in 1..=count {
        let core = format!("{{\"n\":{n},\"prev\":\"{prev}\",\"body\":{{\"event\":\"at\",\"item\":\"i{n}\"}}");
        prev = Sha256::of(format!("{core}}}").as_bytes()).to_string();
        lines.push(format!("{core},\"hash\":\"{prev}\"}}"));
    }
    (lines, JournalLine { head: prev.parse().unwrap(), count })
}

fn sample() -> Dossier {
    let (lines, journal) = journal(5);
    let line = |code: &str, verdict: &str| CheckLine { code: code.into(), verdict: verdict.into(), why: "because \"so\"".into() };
    let item = |id: &str, n: u8| ItemLine {
        id: id.into(),
        digest: sha(n),
        class: "code".into(),
        mark: "!".into(),
        covers: 1,
        shown: 2,
        of: 3,
        carried: None,
    };
    let ruling = |item: &str, n: u8, ruling: Ruling, counts: bool| RulingLine {
        item: item.into(),
        digest: sha(n),
        ruling,
        reason: "seen".into(),
        covers: 1,
        counts,
    };
    let anchor = Anchor {
        path: "src/a.c".into(),
        line: Some(7),
        to_line: Some(9),
        blob: Some("ab".into()),
        artifact: Some("x.deb!usr/bin/x".into()),
        function: Some("main".into()),
        address: Some(0xffff_ffff_8000_1000),
        to_address: Some(0xffff_ffff_8000_1010),
        field: Some("who".into()),
        digests: ["source", "lines", "shipped", "rebuilt", "range", "statement", "verdict"].map(|name| (name.to_owned(), sha(6))).into(),
        // As the first records have it.
        sha256: Some(sha(5)),
    };
    Dossier {
        product: "hello".into(),
        version: "1".into(),
        identity: sha(0),
        reviewer: "alice".into(),
        checks: vec![line("bundle.fixity", "pass")],
        chain: vec![line("tree = commit", "proven")],
        attestations: vec![AttestationLine { file: "a.json".into(), line: Some(2), payload: sha(4), answers: vec![line("signer", "no")] }],
        items: vec![item("a", 1), item("b", 2), item("c", 3)],
        not_looked_at: vec!["c".into()],
        rulings: vec![ruling("a", 1, Ruling::Accepted, true), ruling("b", 9, Ruling::Rejected, false)],
        read: vec![ReadLine { path: "src/a.c".into(), blob: "ab".repeat(20), of: 90, spans: vec![(1, 40), (50, 60)] }],
        findings: vec![FindingLine {
            id: "F1".into(),
            severity: "note".into(),
            state: "open".into(),
            title: "odd".into(),
            reason: None,
            anchor: Some(anchor.clone()),
        }],
        notes: vec![NoteLine { anchor: Some(anchor), text: "hm".into(), time: "2026-11-27T00:00:00Z".into() }],
        answers: BTreeMap::from([("q1".into(), "yes".into())]),
        journal,
        lines: Some(lines),
    }
}

/// The statement of a record that names `dossier`, and says of the review what `of` says.
fn record(of: &Dossier, dossier: &[u8]) -> Vec<u8> {
    let counts = |r: Ruling| of.rulings.iter().filter(|x| x.counts && x.ruling == r).count() as u64;
    statement(&RecordInputs {
        decision: Decision::Incomplete,
        product: of.product.clone(),
        version: of.version.clone(),
        identity: of.identity,
        identity_basis: "listing".into(),
        source: SourceLine::default(),
        previous: None,
        dissents_from: None,
        sequence: 1,
        artifacts: vec![],
        chain: vec![],
        coverage: Coverage {
            items: of.items.len() as u64,
            accepted: counts(Ruling::Accepted),
            rejected: counts(Ruling::Rejected),
            open: of.items.len() as u64 - counts(Ruling::Accepted) - counts(Ruling::Rejected),
            not_looked_at: of.not_looked_at.clone(),
            ..Coverage::default()
        },
        findings: of.findings.clone(),
        checks: of.checks.iter().map(|c| (c.code.clone(), c.verdict.clone())).collect(),
        policy: None,
        journal: of.journal,
        merged: Vec::new(),
        dossier: Some(Sha256::of(dossier)),
        reviewers: vec![ReviewerLine::default()],
        time: TimeLine::default(),
        tool: ToolLine::default(),
        seal: "none".into(),
        challenge: None,
        excerpts: false,
    })
}

#[test]
fn a_dossier_round_trips_and_belongs_to_its_record() {
    let dossier = sample();
    let bytes = dossier.to_bytes();
    assert_eq!(bytes, dossier.to_bytes());
    assert_eq!(Dossier::parse(&bytes).unwrap(), dossier);
    assert_eq!(check_dossier(&record(&dossier, &bytes), &bytes), Vec::<String>::new());
    // Any program reads it.
    let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(value["schema"], "countersign-dossier/v1");
    assert_eq!(value["journalLines"].as_array().unwrap().len(), 5);
    let without = Dossier { lines: None, ..dossier };
    assert_eq!(Dossier::parse(&without.to_bytes()).unwrap(), without);
    assert_eq!(check_dossier(&record(&without, &without.to_bytes()), &without.to_bytes()), Vec::<String>::new());
}

#[test]
fn what_is_not_in_the_schema_is_refused_with_its_place() {
    let text = String::from_utf8(sample().to_bytes()).unwrap();
    let refused = |from: &str, to: &str| {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        Dossier::parse(changed.as_bytes()).unwrap_err().to_string()
    };
    assert!(
        refused("\"path\":\"src/a.c\",\"toAddress\"", "\"path\":\"src/a.c\",\"excerpt\":\"int main(void)\",\"toAddress\"")
            .contains("\"excerpt\" is not a field")
    );
    assert!(refused("\"address\":\"0xffffffff80001000\"", "\"address\":\"0x0ffffffff80001000\"").contains("not an address"));
    assert!(refused("\"range\":{", "\"text\":{").contains("\"text\" is not a field"));
    assert!(refused("\"reviewer\":", "\"source\":\"int main\",\"reviewer\":").starts_with("line 4, column"));
    assert!(refused("\"mark\":\"!\",", "").contains("\"mark\" is missing"));
    assert!(refused("\"covers\":1", "\"covers\":\"1\"").contains("not a whole number"));
    assert!(refused("\"counts\":true", "\"counts\":1").contains("where a boolean is right"));
    assert!(refused("[1,40]", "[40,1]").contains("not a first and a last line"));
    assert!(refused("\"ruling\":\"accepted\"", "\"ruling\":\"Accepted\"").contains("neither"));
    assert!(refused("dossier/v1", "dossier/v2").contains("\"schema\" is not"));
    assert!(refused("\"item\":\"b\"", "\"item\":\"a\"").contains("sorted by item"));
    for cut in (0..text.len() - 2).step_by(97) {
        assert!(Dossier::parse(&text.as_bytes()[..cut]).is_err(), "cut at {cut}");
    }
}

/// The signer's own lists must agree with what was signed: a dossier that is named and says something else is refused.
#[test]
fn a_dossier_that_says_something_else_than_its_record_is_refused() {
    let good = sample();
    let says = |change: &dyn Fn(&mut Dossier)| {
        let mut other = good.clone();
        change(&mut other);
        let bytes = other.to_bytes();
        check_dossier(&record(&good, &bytes), &bytes).join("\n")
    };
    assert!(says(&|d| d.version = "2".into()).contains("the release"));
    assert!(says(&|d| d.identity = sha(77)).contains("the bundle"));
    assert!(says(&|d| d.findings[0].title = "fine".into()).contains("the list of findings"));
    assert!(says(&|d| d.findings[0].state = "closed".into()).contains("how many findings are open"));
    assert!(says(&|d| d.not_looked_at.clear()).contains("how much was not looked at"));
    assert!(says(&|d| d.not_looked_at[0] = "b".into()).contains("the list of what was not looked at"));
    assert!(says(&|d| d.checks[0].verdict = "fail".into()).contains("the checks"));
    assert!(says(&|d| d.rulings[0].ruling = Ruling::Rejected).contains("how many items were rejected"));
    assert!(says(&|d| d.rulings[0].counts = false).contains("how many items are open"));
    assert!(says(&|d| drop(d.items.pop())).contains("how many items there are"));
    assert!(says(&|d| d.journal.count = 4).contains("the journal"));
    let lines = |d: &mut Dossier, change: &dyn Fn(&mut Vec<String>)| change(d.lines.as_mut().unwrap());
    assert!(says(&|d| lines(d, &|l| drop(l.pop()))).contains("is not the whole one: it has 4 entries"));
    assert!(says(&|d| lines(d, &|l| l[2] = l[2].replace("i3", "i4"))).contains("damaged in line 3: its hash"));
    assert!(says(&|d| lines(d, &|l| l.swap(1, 2))).contains("damaged in line 2: it does not follow"));
    assert!(check_dossier(&record(&good, b"other"), &good.to_bytes())[0].contains("this is not the dossier of the record"));
}

/// Whatever bit is flipped, the dossier is no longer the one that was signed; what can still be read is read without a panic.
#[test]
fn every_flipped_bit_is_found() {
    let bytes = sample().to_bytes();
    let signed = record(&sample(), &bytes);
    let mut readable = 0;
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            readable += u32::from(Dossier::parse(&changed).is_ok());
            if bit == 3 {
                assert!(!check_dossier(&signed, &changed).is_empty(), "byte {at}");
            }
        }
    }
    assert!(readable > 100, "changed words are still words: {readable}");
}

fn run(args: &[&str]) -> (Option<i32>, String) {
    let out = Command::new(common::program()).args(args).env("HOME", "/nonexistent").output().unwrap();
    (out.status.code(), format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr)))
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[test]
fn signing_writes_it_beside_the_record_and_verify_holds_it_against_it() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| text(&folder.path().join(name));
    let (alice, signers) = common::key(folder.path(), "alice", 31);
    let demo = common::here("testdata/demo/release.tar");
    let (code, out) =
        run(&["sign", &demo, "--key", &text(&alice), "--decision", "incomplete", "--output", &at("r.dsse.json"), "--state", &at("s")]);
    assert_eq!(code, Some(0), "{out}");
    let bytes = fs::read(at("r.dossier.json")).unwrap();
    let dossier = Dossier::parse(&bytes).unwrap();
    let missed = |id: &str| dossier.not_looked_at.contains(&format!("item {id}"));
    assert!(!dossier.items.is_empty() && dossier.items.iter().all(|i| missed(&i.id)), "nobody looked at anything: {dossier:?}");
    assert!(dossier.checks.iter().any(|c| c.code == "bundle.fixity" && c.verdict == "pass" && c.why.contains("match the manifest")));
    let verify = |dossier: &str| {
        run(&["verify", &at("r.dsse.json"), "--decision", "incomplete", "--signers", &text(&signers), "--dossier", dossier])
    };
    let (code, out) = verify(&at("r.dossier.json"));
    assert_eq!(code, Some(0), "{out}");
    fs::write(at("other"), &bytes[..bytes.len() - 1]).unwrap();
    let (code, out) = verify(&at("other"));
    assert!(code == Some(1) && out.contains("this is not the dossier of the record"), "{out}");
    // Neither file is written over.
    fs::remove_file(at("r.dsse.json")).unwrap();
    let (code, out) =
        run(&["sign", &demo, "--key", &text(&alice), "--decision", "incomplete", "--output", &at("r.dsse.json"), "--state", &at("s")]);
    assert!(code == Some(2) && out.contains("r.dossier.json is there already"), "{out}");
    assert_eq!(fs::read(at("r.dossier.json")).unwrap(), bytes);
}
