//! The journal as a person meets it: read and verified with `log`, held against a record, closed by a signature, corrected.

// A test runs the program, and says when it skips.
#![allow(clippy::disallowed_types, clippy::print_stderr)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use base64::Engine as _;
use serde_json::Value;

mod common;

struct Room {
    folder: tempfile::TempDir,
}

impl Room {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        common::key(folder.path(), "alice", 21);
        Self { folder }
    }

    fn at(&self, name: &str) -> String {
        self.folder.path().join(name).to_string_lossy().into_owned()
    }

    fn sign(&self, record: &str, more: &[&str]) -> (i32, String) {
        let demo = common::here("testdata/demo/release.tar");
        self.sign_bundle(&demo, record, more)
    }

    fn sign_bundle(&self, bundle: &str, record: &str, more: &[&str]) -> (i32, String) {
        let (key, record, state) = (self.at("alice.key"), self.at(record), self.at("state"));
        let mut args = vec!["sign", bundle, "--key", &key, "--decision", "incomplete", "--output", &record, "--state", &state];
        args.extend(more);
        run(&args)
    }

    fn log(&self, what: &str, more: &[&str]) -> (i32, String) {
        let mut args = vec!["log", what];
        args.extend(more);
        run(&args)
    }

    fn folder_of_the_review(&self) -> PathBuf {
        let mut reviews = fs::read_dir(self.folder.path().join("state/reviews")).expect("reviews");
        reviews.next().expect("one").expect("readable").path()
    }

    fn journal(&self) -> PathBuf {
        self.folder_of_the_review().join("journal.jsonl")
    }
}

fn run(args: &[&str]) -> (i32, String) {
    let Output { status, stdout, stderr } = Command::new(common::program()).args(args).output().expect("it runs");
    let said = [stdout, stderr].concat();
    (status.code().expect("no signal"), String::from_utf8_lossy(&said).into_owned())
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn statement(record: &str) -> Value {
    let envelope: Value = serde_json::from_slice(&fs::read(record).expect("a record")).expect("JSON");
    let payload = base64::engine::general_purpose::STANDARD.decode(envelope["payload"].as_str().expect("a payload")).expect("base64");
    serde_json::from_slice(&payload).expect("a statement")
}

fn payload_digest(record: &str) -> String {
    let envelope: Value = serde_json::from_slice(&fs::read(record).expect("a record")).expect("JSON");
    let payload = base64::engine::general_purpose::STANDARD.decode(envelope["payload"].as_str().expect("a payload")).expect("base64");
    countersign::digest::Sha256::of(&payload).to_string()
}

#[test]
fn a_journal_is_read_verified_and_held_against_its_record() {
    let room = Room::new();
    let (code, said) = room.sign("one.dsse.json", &["--reviewer", "alice\u{202e}"]);
    assert_eq!(code, 0, "{said}");
    let demo = common::here("testdata/demo/release.tar");
    let (code, said) = room.log(&demo, &["--state", &room.at("state"), "--record", &room.at("one.dsse.json")]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("opened gateway-update 2.4.1, by alice<U+202E>, with countersign"), "through the guard: {said}");
    assert!(said.contains("signed as incomplete") && said.contains("2 lines, each bound") && said.contains("as the record says"), "{said}");
    let journal = text(&room.journal());
    let head = statement(&room.at("one.dsse.json"))["predicate"]["journal"]["head"]["sha256"].as_str().expect("a head").to_owned();
    let (code, said) = room.log(&journal, &["--verify", "--head", &head[..12]]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("is line 1; 1 came after it") && !said.contains("opened"), "{said}");
    let (code, said) = room.log(&journal, &["--format", "json", "--head", &head]);
    assert_eq!(code, 0, "{said}");
    let log: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(
        (log["schema"].as_str(), log["result"].as_str(), log["lines"].as_u64()),
        (Some("countersign-log/v1"), Some("pass"), Some(2))
    );
    assert_eq!(log["events"][0]["hash"].as_str(), Some(head.as_str()));
    assert_eq!(log["events"][1]["event"].as_str(), Some("signed"));
    assert_eq!(log["bundle"].as_str().map(str::len), Some(64));
    let (code, said) = room.log(&journal, &["--head", "123"]);
    assert_eq!(code, 2, "{said}");
    let (code, said) = room.log(&room.at("nothing.jsonl"), &[]);
    assert!(code == 2 && said.contains("nothing.jsonl"), "{said}");
}

#[test]
fn stock_tools_compute_the_head() {
    let room = Room::new();
    assert_eq!(room.sign("one.dsse.json", &[]).0, 0);
    let document = fs::read_to_string(common::here("docs/record-format.md")).expect("a document");
    let command = document.lines().find(|l| l.trim_start().starts_with("tail -n 1 journal.jsonl")).expect("the command");
    let output = Command::new("sh").args(["-c", command]).current_dir(room.folder_of_the_review()).output().expect("sh runs");
    let head = String::from_utf8_lossy(&output.stdout).chars().take(64).collect::<String>();
    let (code, said) = room.log(&text(&room.journal()), &["--verify", "--head", &head]);
    assert!(code == 0 && said.contains("the last"), "{head}: {said}");
}

#[test]
fn lines_cut_off_are_found_by_the_record_and_by_the_head_and_damage_by_itself() {
    let room = Room::new();
    let (code, said) = room.sign("one.dsse.json", &[]);
    assert_eq!(code, 0, "{said}");
    // A record made from a longer journal: the first line is what is left of it.
    let (record, head) = (room.at("one.dsse.json"), "ab".repeat(32));
    let journal = room.journal();
    let whole = fs::read(&journal).expect("a journal");
    let first = whole.iter().position(|b| *b == b'\n').expect("lines") + 1;
    fs::write(&journal, b"").expect("cut");
    let (code, said) = room.log(&text(&journal), &["--record", &record]);
    assert!(code == 1 && said.contains("lines were cut off its end"), "{said}");
    fs::write(&journal, &whole[..first]).expect("cut");
    assert_eq!(room.log(&text(&journal), &["--record", &record]).0, 0, "what was signed is still there");
    let (code, said) = room.log(&text(&journal), &["--head", &head]);
    assert!(code == 1 && said.contains("lines were cut off its end, or it is another journal"), "{said}");
    fs::write(&journal, &whole[..first - 9]).expect("cut");
    let (code, said) = room.log(&text(&journal), &[]);
    assert!(code == 0 && said.contains("torn while it was written"), "{said}");
    let mut changed = whole.clone();
    changed[first + 30] ^= 4;
    fs::write(&journal, &changed).expect("changed");
    let (code, said) = room.log(&text(&journal), &["--verify"]);
    assert!(code == 1 && said.contains("DAMAGED in line 2"), "{said}");
    let (code, said) = room.log(&text(&journal), &["--format", "json"]);
    let log: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!((code, log["result"].as_str(), log["damage"]["line"].as_u64()), (1, Some("fail"), Some(2)));
    // And nothing is signed on it, nor is it repaired.
    let (code, said) = room.sign("two.dsse.json", &[]);
    assert!(code == 2 && said.contains("damaged in line 2"), "{said}");
    assert_eq!(fs::read(&journal).expect("kept"), changed);
}

#[test]
fn a_signed_review_is_corrected_by_a_record_that_names_the_old_one() {
    let room = Room::new();
    assert_eq!(room.sign("one.dsse.json", &[]).0, 0);
    let (code, said) = room.sign("two.dsse.json", &[]);
    assert!(code == 2 && said.contains("signed on 20") && said.contains("a correction is a new record that names the old one"), "{said}");
    assert!(!Path::new(&room.at("two.dsse.json")).exists());
    let (code, said) = room.sign("two.dsse.json", &["--correct"]);
    assert_eq!(code, 0, "{said}");
    let second = statement(&room.at("two.dsse.json"));
    assert_eq!(second["predicate"]["previous"]["sha256"].as_str(), Some(payload_digest(&room.at("one.dsse.json")).as_str()));
    assert_eq!(second["predicate"]["sequence"].as_u64(), Some(2));
    // Each record is held against its own journal.
    let folder = room.folder_of_the_review();
    for (record, journal) in [("one.dsse.json", "journal.jsonl"), ("two.dsse.json", "journal-2.jsonl")] {
        let (code, said) = room.log(&text(&folder.join(journal)), &["--verify", "--record", &room.at(record)]);
        assert_eq!(code, 0, "{said}");
    }
    let (code, said) = room.log(&text(&folder.join("journal-2.jsonl")), &["--record", &room.at("one.dsse.json")]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("corrects the record"), "{said}");
}

#[test]
fn a_journal_of_another_bundle_or_reviewer_is_told_and_not_written() {
    let room = Room::new();
    assert_eq!(room.sign("one.dsse.json", &["--reviewer", "alice"]).0, 0);
    // The same review, by somebody else.
    let (code, said) = room.sign("two.dsse.json", &["--reviewer", "bob", "--correct"]);
    assert!(code == 2 && said.contains("this review was begun by alice") && said.contains("--state DIR"), "{said}");
    // Another bundle's journal, copied to where this one's is looked for.
    let journal = room.journal();
    let own = fs::read_to_string(&journal).expect("a journal");
    let opened = own.lines().next().expect("a line");
    let digest = room.folder_of_the_review().file_name().expect("a name").to_string_lossy().into_owned();
    let other = opened.replace(&digest, &"cd".repeat(32));
    let (core, _) = other.rsplit_once(",\"hash\"").expect("a line");
    let hash = countersign::digest::Sha256::of(format!("{core}}}").as_bytes());
    let forged = format!("{core},\"hash\":\"{hash}\"}}\n");
    fs::write(&journal, &forged).expect("written");
    let (code, said) = room.sign("two.dsse.json", &[]);
    assert!(code == 2 && said.contains("begun on another bundle (cdcdcdcdcdcdcdcd") && said.contains("keep it as evidence"), "{said}");
    assert_eq!(fs::read_to_string(&journal).expect("kept"), forged);
}

#[test]
fn a_loose_directory_may_move_and_may_not_change() {
    let room = Room::new();
    let bundle = room.folder.path().join("loose");
    for side in ["shipped", "rebuilt"] {
        fs::create_dir_all(bundle.join(side)).expect("made");
        fs::write(bundle.join(side).join("a.txt"), side).expect("written");
    }
    let (code, said) = room.sign_bundle(&text(&bundle), "one.dsse.json", &[]);
    assert_eq!(code, 0, "{said}");
    let (code, said) = room.log(&text(&bundle), &["--state", &room.at("state")]);
    assert!(code == 0 && said.contains("hashed to the end: the bundle is"), "{said}");
    fs::write(bundle.join("shipped/a.txt"), "changed").expect("written");
    let (code, said) = room.sign_bundle(&text(&bundle), "two.dsse.json", &["--correct"]);
    assert!(code == 2 && said.contains("begun on another bundle"), "{said}");
}
