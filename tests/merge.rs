//! Two reviewers, each in a room of their own, and the merged review of both.

// A test runs the program.
#![allow(clippy::disallowed_types, clippy::print_stderr)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use base64::Engine as _;
use countersign::review::{Body, Decision, Ruling, queue};
use countersign::session::{Headless, Options, run_headless};
use serde_json::Value;

mod common;

fn run(args: &[&str]) -> (i32, String) {
    let Output { status, stdout, stderr } = Command::new(common::program()).args(args).output().expect("it runs");
    (status.code().expect("no signal"), String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned())
}

fn demo() -> String {
    common::here("testdata/demo/release.tar")
}

/// A review of the demonstration: the rulings by position in the queue. Returns its journal and head.
fn review(folder: &Path, name: &str, rulings: &[(usize, Ruling)]) -> (PathBuf, String) {
    let state = folder.join(name);
    let options = Options { bundle: Some(demo().into()), state: Some(state.clone()), reviewer: Some(name.into()), ..Options::default() };
    let Headless { mut session, facts } = run_headless(options).expect("it opens");
    let items = queue(&facts, session.policy());
    for (at, ruling) in rulings {
        let item = &items[*at];
        let body = Body::Ruled {
            item: item.id.clone(),
            digest: item.digest.clone(),
            ruling: *ruling,
            reason: format!("seen by {name}"),
            covers: item.covers,
        };
        session.record(body).expect("saved");
    }
    let head = session.journal().0.to_owned();
    let reviews = fs::read_dir(state.join("reviews")).expect("reviews").next().expect("one").expect("readable");
    (reviews.path().join("journal.jsonl"), head)
}

#[test]
fn agreements_stand_conflicts_are_items_and_the_record_names_both_heads() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let (alice, first) = review(folder.path(), "alice", &[(0, Ruling::Rejected), (1, Ruling::Accepted)]);
    let (bob, second) = review(folder.path(), "bob", &[(0, Ruling::Rejected), (1, Ruling::Rejected)]);
    let (alice, bob) = (alice.to_string_lossy().into_owned(), bob.to_string_lossy().into_owned());
    let merge = |heads: [&str; 2], reviewer: &str, state: &str| {
        run(&["merge", &demo(), &alice, &bob, "--head", heads[0], "--head", heads[1], "--reviewer", reviewer, "--state", &at(state)])
    };
    let (code, said) = merge([&first, &"0".repeat(64)], "alice", "refused");
    assert!(code == 2 && said.contains("none of the heads that were exchanged"), "{said}");
    let (code, said) = merge([&first, &second], "carol", "refused");
    assert!(code == 2 && said.contains("carol is neither"), "{said}");
    assert!(std::fs::read_dir(at("refused")).is_ok_and(|mut all| all.next().is_none()), "no review was begun");
    let (code, said) = merge([&first[..16], &second[..16]], "alice", "merged");
    assert_eq!(code, 1, "they differ: {said}");
    assert!(
        said.contains("1 agreed, 1 open again") && said.contains("alice accepted (seen by alice), bob rejected (seen by bob)"),
        "{said}"
    );

    let (key, _) = common::key(folder.path(), "alice", 41);
    let options = || Options {
        bundle: Some(demo().into()),
        state: Some(at("merged").into()),
        reviewer: Some("alice".into()),
        key: Some(key.clone()),
        ..Options::default()
    };
    let done = run_headless(options()).expect("it opens");
    assert_eq!(done.session.read_only(), None);
    let items = queue(&done.facts, done.session.policy());
    let state = done.session.state();
    assert_eq!(state.ruling(&items[0]).map(|r| r.ruling), Some(Ruling::Rejected), "they agree");
    assert_eq!(state.ruling(&items[1]), None, "they differ: it is an item again");
    assert!(state.disputes.contains_key(&items[1].id));
    let blockers = state.blockers(&done.facts, done.session.policy(), &items);
    assert!(blockers.iter().any(|b| !b.done && b.what.contains("reviewers differ")), "{blockers:?}");
    assert!(state.may_sign(Decision::Approved, &blockers).is_err());
    drop(done);

    let record = at("record.dsse.json");
    let args = [
        "sign",
        &demo(),
        "--key",
        &at("alice.key"),
        "--decision",
        "rejected",
        "--output",
        &record,
        "--state",
        &at("merged"),
        "--reviewer",
        "alice",
    ];
    let (code, said) = run(&args);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("Merged of") && said.contains(&first) && said.contains(&second), "the statement says so: {said}");
    let envelope: Value = serde_json::from_slice(&fs::read(&record).expect("a record")).expect("JSON");
    let payload = base64::engine::general_purpose::STANDARD.decode(envelope["payload"].as_str().expect("a payload")).expect("base64");
    let statement: Value = serde_json::from_slice(&payload).expect("a statement");
    let merged = &statement["predicate"]["journal"]["merged"];
    assert_eq!(merged[0]["reviewer"], "alice");
    assert_eq!(merged[1]["reviewer"], "bob");
    assert_eq!((merged[0]["head"]["sha256"].as_str(), merged[1]["head"]["sha256"].as_str()), (Some(first.as_str()), Some(second.as_str())));
    // Each journal is still held against what was merged from it.
    let (code, said) = run(&["log", &bob, "--verify", "--head", merged[1]["head"]["sha256"].as_str().expect("a head")]);
    assert_eq!(code, 0, "{said}");
}

#[test]
fn a_journal_that_went_on_after_the_exchange_is_cut_there_and_one_of_another_bundle_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let (alice, first) = review(folder.path(), "alice", &[(0, Ruling::Accepted)]);
    let (bob, second) = review(folder.path(), "bob", &[(0, Ruling::Accepted)]);
    // Bob goes on after he gave his head.
    review(folder.path(), "bob", &[(0, Ruling::Rejected)]);
    let (alice, bob) = (alice.to_string_lossy().into_owned(), bob.to_string_lossy().into_owned());
    let (code, said) =
        run(&["merge", &demo(), &alice, &bob, "--head", &first, "--head", &second, "--reviewer", "bob", "--state", &at("merged")]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("2 later lines are not taken") && said.contains("1 agreed, 0 open again"), "{said}");
    for side in ["shipped", "rebuilt"] {
        fs::create_dir_all(folder.path().join("other").join(side)).expect("made");
        fs::write(folder.path().join("other").join(side).join("a"), side).expect("written");
    }
    let (key, _) = common::key(folder.path(), "carol", 42);
    let args = [
        "sign",
        &at("other"),
        "--key",
        &key.to_string_lossy(),
        "--decision",
        "incomplete",
        "--output",
        &at("o"),
        "--state",
        &at("carol"),
        "--reviewer",
        "carol",
    ];
    assert_eq!(run(&args).0, 0);
    let carol =
        fs::read_dir(at("carol") + "/reviews").expect("reviews").next().expect("one").expect("readable").path().join("journal.jsonl");
    let reading = countersign::session::read_journal(&carol).expect("read");
    let carol = carol.to_string_lossy().into_owned();
    let (code, said) = run(&[
        "merge",
        &demo(),
        &alice,
        &carol,
        "--head",
        &first,
        "--head",
        &reading.head(),
        "--reviewer",
        "alice",
        "--state",
        &at("refused"),
    ]);
    assert!(code == 2 && said.contains("bundle"), "{said}");
}

#[test]
fn the_dossiers_of_two_records_merge_as_their_journals_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let mut heads = Vec::new();
    for (name, second, seed) in [("alice", Ruling::Accepted, 41), ("bob", Ruling::Rejected, 42)] {
        let (_, head) = review(folder.path(), name, &[(0, Ruling::Rejected), (1, second)]);
        heads.push(head);
        common::key(folder.path(), name, seed);
        let (key, record, state) = (at(&format!("{name}.key")), at(&format!("{name}.dsse.json")), at(name));
        let mut args = vec!["sign", "BUNDLE", "--key", &key, "--decision", "incomplete", "--output", &record];
        args.extend(["--state", &state, "--reviewer", name]);
        let demo = demo();
        args[1] = &demo;
        let (code, said) = run(&args);
        assert_eq!(code, 0, "{said}");
        // Signing opened the review again: the head that was signed is the one to give.
        let dossier: Value = serde_json::from_slice(&fs::read(at(&format!("{name}.dossier.json"))).expect("read")).expect("JSON");
        *heads.last_mut().expect("one") = dossier["journal"]["head"]["sha256"].as_str().expect("a head").to_owned();
    }
    let (alice, bob) = (at("alice.dossier.json"), at("bob.dossier.json"));
    let merge = |bob: &str, state: &str| {
        run(&["merge", &demo(), &alice, bob, "--head", &heads[0], "--head", &heads[1], "--reviewer", "alice", "--state", &at(state)])
    };
    let (code, said) = merge(&bob, "merged");
    assert!(code == 1 && said.contains("1 agreed, 1 open again"), "{code} {said}");
    assert!(said.contains("alice accepted (seen by alice), bob rejected (seen by bob)"), "{said}");
    let text = fs::read_to_string(&bob).expect("read");
    // A word of a ruling changed in the journal that the dossier holds.
    fs::write(at("changed.json"), text.replacen("\\\"reason\\\":\\\"seen by bob", "\\\"reason\\\":\\\"seen by rob", 1)).expect("written");
    assert_ne!(text, fs::read_to_string(at("changed.json")).expect("read"));
    let (code, said) = merge(&at("changed.json"), "refused");
    assert!(code == 2 && said.contains("damaged in line"), "{code} {said}");
    let start = text.find("\"journalLines\":[").expect("the journal");
    let end = text[start..].find("],\n").expect("its end") + start + 3;
    fs::write(at("without.json"), [&text[..start], &text[end..]].concat()).expect("written");
    let (code, said) = merge(&at("without.json"), "refused");
    assert!(code == 2 && said.contains("leaves its journal out"), "{code} {said}");
    assert!(std::fs::read_dir(at("refused")).is_ok_and(|mut all| all.next().is_none()), "no review was begun");
}
