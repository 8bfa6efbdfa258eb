//! Records of an earlier release that the bundle itself brings: what is unchanged is carried over from them, and nothing else.

// A test makes a repository with git.
#![allow(clippy::disallowed_types)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use countersign::bundle::{PackRequest, pack};
use countersign::checks::Facts;
use countersign::review::{Body, Class, Decision, Item, Ruling, changed_first, coverage, queue};
use countersign::session::{Headless, KeySource, Options, SessionError, run_headless, sign_with};

mod common;

/// Lines of each source file.
const LINES: u64 = 8;

struct Room {
    folder: tempfile::TempDir,
    key: PathBuf,
    signers: PathBuf,
}

impl Room {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (key, signers) = common::key(folder.path(), "alice", 5);
        let line = fs::read_to_string(&signers).expect("read");
        fs::write(&signers, line.replacen("alice ", "alice namespaces=\"release-review@countersign\" ", 1)).expect("written");
        fs::write(folder.path().join("policy.toml"), "required = [\"src/*.c\"]\n").expect("written");
        Self { key, signers, folder }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A release of two programs' texts and two source files, with those words in the second of each.
    fn release(&self, version: &str, word: &str, previous: &[PathBuf]) -> PathBuf {
        let root = self.at(&format!("parts-{version}"));
        let put = |name: &str, text: String| {
            let path = root.join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, text).expect("written");
        };
        for (name, word) in [("one", "same"), ("two", word)] {
            put(&format!("shipped/{name}.conf"), format!("{word} shipped\n"));
            put(&format!("rebuilt/{name}.conf"), format!("{word} rebuilt\n"));
            put(&format!("tree/src/{name}.c"), format!("/* {word} */\n").repeat(LINES as usize));
        }
        for args in [&["init", "-q", "-b", "main"][..], &["add", "."], &["commit", "-q", "-m", "one"], &["tag", "-a", "v1", "-m", "v1"]] {
            let mut git = Command::new("git");
            git.args(["-c", "user.name=x", "-c", "user.email=x@x", "-c", "commit.gpgsign=false"]).args(args).current_dir(root.join("tree"));
            assert!(git.env("GIT_CONFIG_GLOBAL", "/dev/null").status().expect("git runs").success());
        }
        let out = self.at(version);
        let request = PackRequest {
            product: "tool".into(),
            version: version.into(),
            source: vec![root.join("tree")],
            shipped: vec![root.join("shipped")],
            rebuilt: vec![root.join("rebuilt")],
            previous: previous.to_vec(),
            date: "2026-01-03".into(),
            ..PackRequest::default()
        };
        pack(&request, &out).expect("packed");
        out
    }

    fn open(&self, bundle: &Path, signers: &Path) -> Result<Headless, SessionError> {
        run_headless(Options {
            bundle: Some(bundle.into()),
            policy: Some(self.at("policy.toml")),
            signers: Some(signers.into()),
            state: Some(self.at(&format!("state-{}", bundle.file_name().expect("a name").to_string_lossy()))),
            reviewer: Some("alice".into()),
            key: Some(self.key.clone()),
            ..Options::default()
        })
    }

    /// Accepts every item that is open, shows the lines of all sources, and signs.
    fn review(&self, bundle: &Path) -> [PathBuf; 2] {
        let Headless { mut session, facts } = self.open(bundle, &self.signers).expect("it opens");
        let items = queue(&facts, session.policy());
        let open: Vec<Item> = session.state().open(&items).map(|(_, i)| i.clone()).collect();
        for item in open {
            let ruled = Body::Ruled {
                item: item.id.clone(),
                digest: item.digest.clone(),
                ruling: Ruling::Accepted,
                reason: format!("seen in {}", facts.release.version.shown()),
                covers: item.covers,
            };
            session.record(ruled).expect("saved");
        }
        for entry in &facts.source.as_ref().expect("a source").entries {
            let read =
                Body::Read { path: entry.path.shown().to_string(), blob: entry.id.clone(), from: 1, to: LINES, of: LINES, text: false };
            session.record(read).expect("saved");
        }
        let prepared = session.prepare(Decision::Incomplete, &facts).expect("a statement");
        let output = bundle.with_extension("dsse.json");
        let signed = sign_with(&prepared, &KeySource::File(self.key.clone(), None), &output, None).expect("signed");
        session.record(signed.event()).expect("saved");
        [signed.path, signed.dossier]
    }
}

/// The items as they stand: id, mark of the person, number of the record that settles it.
fn told(done: &Headless) -> Vec<(String, char, Option<u64>)> {
    let state = done.session.state();
    let items = changed_first(queue(&done.facts, done.session.policy()), state);
    items.iter().map(|i| (i.id.clone(), state.mark(i), state.carried(i).map(|c| c.sequence))).collect()
}

fn lines_carried(done: &Headless) -> (u64, u64) {
    let facts: &Facts = &done.facts;
    let coverage = coverage(facts, &queue(facts, done.session.policy()), done.session.state());
    (coverage.lines_shown, coverage.lines_carried)
}

#[test]
fn an_unchanged_release_is_carried_over_from_the_record_in_the_bundle_and_the_next_record_follows_it() {
    let room = Room::new();
    let first = room.review(&room.release("1", "two", &[]));
    let second = room.release("2", "two", &first);
    let done = room.open(&second, &room.signers).expect("it opens");
    let items = told(&done);
    let carried: Vec<&str> =
        items.iter().filter(|(_, mark, since)| *mark == 'c' && *since == Some(1)).map(|(id, ..)| id.as_str()).collect();
    for id in ["compare:one.conf", "compare:two.conf", "read:src/one.c", "read:src/two.c"] {
        assert!(carried.contains(&id), "{id}: {items:?}");
    }
    assert_eq!(lines_carried(&done), (0, 2 * LINES), "carried over is not looked at");
    let item = queue(&done.facts, done.session.policy()).into_iter().find(|i| i.id == "compare:two.conf").expect("an item");
    let ruling = done.session.state().carried(&item).expect("carried").clone();
    assert_eq!((ruling.by.as_str(), ruling.reason.as_str()), ("alice", "seen in 1"));
    drop(done);
    let out = Command::new(common::program())
        .args(["check".as_ref(), second.as_os_str(), "--policy".as_ref(), room.at("policy.toml").as_os_str()])
        .args(["--signers".as_ref(), room.signers.as_os_str(), "--state".as_ref(), room.at("state-2").as_os_str()])
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&out.stdout);
    assert!(said.contains("[compare:two.conf]  unchanged since record 1, ruled by alice"), "{said}");
    // The record after it says so, and the one after that still names who ruled first.
    let [record, dossier] = room.review(&second);
    let payload = countersign::signoff::payload(&fs::read(&record).expect("read")).expect("a record");
    let statement: serde_json::Value = serde_json::from_slice(&payload).expect("JSON");
    assert_eq!(statement["predicate"]["sequence"], 2);
    let before = countersign::signoff::payload(&fs::read(&first[0]).expect("read")).expect("a record");
    assert_eq!(statement["predicate"]["previous"]["sha256"], countersign::digest::Sha256::of(&before).to_string());
    let third = room.release("3", "two", &[first[0].clone(), first[1].clone(), record, dossier]);
    let done = room.open(&third, &room.signers).expect("it opens");
    assert_eq!(done.session.state().previous.as_ref().map(|(_, n)| *n), Some(2), "the newest of them is followed");
    assert!(told(&done).contains(&("compare:two.conf".to_owned(), 'c', Some(1))), "{:?}", told(&done));
}

#[test]
fn what_changed_comes_first_and_is_open_and_its_lines_are_to_be_read_again() {
    let room = Room::new();
    let first = room.review(&room.release("1", "two", &[]));
    let done = room.open(&room.release("2", "other", &first), &room.signers).expect("it opens");
    let items = told(&done);
    let of = |id: &str| items.iter().find(|(i, ..)| i == id).unwrap_or_else(|| panic!("{id}: {items:?}")).clone();
    assert_eq!((of("compare:one.conf").1, of("read:src/one.c").1), ('c', 'c'));
    assert_eq!((of("compare:two.conf").1, of("read:src/two.c").1), (' ', ' '), "what is ruled on was another content");
    let (open, carried): (Vec<usize>, Vec<usize>) = (0..items.len()).partition(|at| items[*at].1 != 'c');
    assert!(open.iter().max() < carried.iter().min(), "{items:?}");
    assert_eq!(lines_carried(&done), (0, LINES));
    // An item that changed says what was ruled before.
    let all = queue(&done.facts, done.session.policy());
    let item = all.iter().find(|i| i.id == "compare:two.conf").expect("an item");
    assert_eq!(done.session.state().before(item).map(|c| (c.sequence, c.ruling)), Some((1, Ruling::Accepted)));
    assert!(all.iter().any(|i| i.class == Class::Read && done.session.state().is_open(i)));
}

#[test]
fn a_record_that_the_vendor_could_have_made_hands_nothing_on() {
    let room = Room::new();
    let first = room.review(&room.release("1", "two", &[]));
    let nothing = |bundle: PathBuf, signers: &Path, why: &str| {
        let done = room.open(&bundle, signers).expect("it opens");
        let said = done.session.not_carried().unwrap_or_default().to_owned();
        assert!(said.contains("previous/1.dsse.json") && said.contains(why), "{said}");
        assert!(told(&done).iter().all(|(_, mark, since)| *mark != 'c' && since.is_none()));
    };
    // A key that may sign anything may be the vendor's.
    let (_, anything) = common::key(room.folder.path(), "alice", 5);
    let anything_at = room.at("anything");
    fs::rename(anything, &anything_at).expect("moved");
    nothing(room.release("2", "two", &first), &anything_at, "namespaces");
    let (_, others) = common::key(room.folder.path(), "mallory", 6);
    nothing(room.release("3", "two", &first), &others, "");
    let limited = room.at("limited");
    let line = fs::read_to_string(&anything_at).expect("read");
    fs::write(&limited, line.replacen("alice ", "alice namespaces=\"release-review@countersign\" ", 1)).expect("written");
    // A dossier in which a ruling was changed is not the one that was signed.
    let text = fs::read_to_string(&first[1]).expect("read");
    fs::write(&first[1], text.replacen("\"ruling\":\"accepted\"", "\"ruling\":\"rejected\"", 1)).expect("written");
    nothing(room.release("4", "two", &first), &limited, "dossier");
}
