//! A review belongs to what is reviewed and not to where that lies; and the number of a correction is that of its record, and one.

use std::fs;
use std::path::{Path, PathBuf};

use countersign::review::{Anchor, Body, Decision};
use countersign::session::{Headless, KeySource, Options, Session, run_headless, sign_with};

mod common;

fn options(bundle: &Path, state: &Path) -> Options {
    Options { bundle: Some(bundle.into()), state: Some(state.into()), reviewer: Some("alice".into()), ..Options::default() }
}

/// A directory without any manifest.
fn loose(folder: &Path, name: &str) -> PathBuf {
    let root = folder.join(name);
    for (path, text) in [("shipped/a.txt", "one"), ("rebuilt/a.txt", "two")] {
        fs::create_dir_all(root.join(path).parent().expect("a folder")).expect("made");
        fs::write(root.join(path), text).expect("written");
    }
    root
}

fn notes(session: &Session) -> usize {
    session.state().notes.len()
}

fn note(session: &mut Session) {
    session.record(Body::Noted { at: Anchor::default(), text: "seen".into() }).expect("saved");
}

#[test]
fn a_loose_directory_that_was_moved_is_the_same_review_and_a_changed_one_is_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = folder.path().join("state");
    let here = loose(folder.path(), "here");
    let mut done = run_headless(options(&here, &state)).expect("it opens");
    note(&mut done.session);
    drop(done);
    let there = folder.path().join("there");
    fs::rename(&here, &there).expect("moved");
    let mut done = run_headless(options(&there, &state)).expect("it opens");
    assert_eq!(done.session.notice(), None);
    assert_eq!((notes(&done.session), done.session.read_only()), (1, None), "what was noted is there");
    drop(done);
    // The same names and sizes, another content: the journal is not its.
    fs::write(there.join("shipped/a.txt"), "0ne").expect("written");
    let done = run_headless(options(&there, &state)).expect("it opens");
    assert!(done.session.read_only().is_some_and(|why| why.contains("begun on another bundle")), "{:?}", done.session.read_only());
    drop(done);
    // Another size: a review of its own, and that is told once.
    fs::write(there.join("shipped/a.txt"), "longer").expect("written");
    let mut done = run_headless(options(&there, &state)).expect("it opens");
    let told = done.session.notice().unwrap_or_default();
    assert!(told.contains("not what was reviewed here before"), "{told}");
    assert_eq!((notes(&done.session), done.session.read_only()), (0, None));
    drop(done);
    let mut done = run_headless(options(&there, &state)).expect("it opens");
    assert_eq!(done.session.notice(), None);
    drop(done);
    // A copy of the first content elsewhere goes on with the first review.
    let done = run_headless(options(&loose(folder.path(), "copy"), &state)).expect("it opens");
    assert_eq!((notes(&done.session), done.session.read_only()), (1, None));
}

/// Signs what is there as incomplete; the number that the record states, and where it is.
fn sign(done: &mut Headless, key: &Path, output: PathBuf) -> (u64, PathBuf) {
    let prepared = done.session.prepare(Decision::Incomplete, &done.facts).expect("a statement");
    let signed = sign_with(&prepared, &KeySource::File(key.into(), None), &output, None).expect("signed");
    done.session.record(signed.event()).expect("saved");
    let statement: serde_json::Value = serde_json::from_slice(&prepared.payload).expect("JSON");
    (statement["predicate"]["sequence"].as_u64().expect("a number"), signed.path)
}

#[test]
fn a_correction_counts_on_from_the_record_that_it_corrects() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let (key, signers) = common::key(folder.path(), "alice", 8);
    let bundle = PathBuf::from(common::here("testdata/demo/release.tar"));
    let options = |state: &str, previous: Option<&PathBuf>, correct: bool| Options {
        key: Some(key.clone()),
        signers: Some(signers.clone()),
        previous: previous.cloned(),
        correct,
        ..options(&bundle, &at(state))
    };
    let open = |o: Options| run_headless(o).expect("it opens");
    let (n, first) = sign(&mut open(options("one", None, false)), &key, at("1.dsse.json"));
    assert_eq!(n, 1);
    let (n, second) = sign(&mut open(options("two", Some(&first), false)), &key, at("2.dsse.json"));
    assert_eq!(n, 2);
    // The second journal of its folder, and the third record.
    let mut correction = open(options("two", None, true));
    let (n, _) = sign(&mut correction, &key, at("3.dsse.json"));
    assert_eq!(n, 3);
    drop(correction);
    let text = fs::read_to_string(at("3.dsse.json")).expect("read");
    let before = countersign::signoff::summary(&fs::read(&second).expect("read")).expect("a record").payload;
    let payload = countersign::signoff::payload(text.as_bytes()).expect("a record");
    assert!(String::from_utf8_lossy(&payload).contains(&format!("\"previous\":{{\"sha256\":\"{before}\"}}")));
}

#[test]
fn a_correction_of_a_record_whose_number_is_not_known_asks_for_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (key, _) = common::key(folder.path(), "alice", 8);
    let bundle = PathBuf::from(common::here("testdata/demo/release.tar"));
    let state = folder.path().join("state");
    let with_key = |correct: bool| Options { key: Some(key.clone()), correct, ..options(&bundle, &state) };
    let mut done = run_headless(with_key(false)).expect("it opens");
    // As journals of before have it.
    let signed = Body::Signed { payload: "77".repeat(32), decision: Decision::Rejected, key: "k".into(), sequence: None };
    done.session.record(signed).expect("saved");
    drop(done);
    let done = run_headless(with_key(true)).expect("it opens");
    let why = done.session.prepare(Decision::Incomplete, &done.facts).expect_err("no number");
    assert!(why.contains("--previous RECORD"), "{why}");
}
