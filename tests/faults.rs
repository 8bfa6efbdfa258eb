//! What befalls a disk and a medium: kills, errors, flipped bits, lines cut off, a bundle that changes. `benches/faults.sh` runs
//! the long ones and prints their figures; the short ones are part of every run.

// A test runs the program, and prints figures.
#![allow(clippy::disallowed_types, clippy::print_stderr)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use countersign::provenance::AllowedSigners;
use countersign::review::{Body, Decision, journal};
use countersign::session::{KeySource, Options, run_headless, sign_with};
use countersign::signoff;

mod common;

use common::Terminal;

/// Questions of the session that is disturbed: one event each.
const EVENTS: usize = 50;
/// The calls that leave something on the disk.
const CALLS: &str = "write,fdatasync,fsync,ftruncate,rename";

struct Room {
    folder: tempfile::TempDir,
    state: PathBuf,
}

impl Room {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let state = folder.path().join("state");
        Self::with(folder, state)
    }

    fn with(folder: tempfile::TempDir, state: PathBuf) -> Self {
        let mut policy = String::from("accepted_causes = []\n");
        for i in 0..EVENTS {
            policy.push_str(&format!("\n[[checklist]]\nid = \"q{i}\"\nquestion = \"Question {i}?\"\n"));
        }
        fs::write(folder.path().join("policy.toml"), policy).expect("written");
        Self { folder, state }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_string_lossy().into_owned()
    }

    /// The journal, there or not yet: its folder is named by the identity of the demonstration.
    fn journal(&self) -> PathBuf {
        self.state.join("reviews").join(demo_identity()).join("journal.jsonl")
    }

    /// The console on the checklist, with faults in what it does to its journal.
    fn open(&self, inject: &[String]) -> Terminal {
        let release = common::here("testdata/demo/release.tar");
        let (policy, state) = (self.path("policy.toml"), self.state.to_string_lossy().into_owned());
        let args = ["open", &release, "--policy", &policy, "--state", &state, "--reviewer", "alice"];
        if inject.is_empty() {
            return Terminal::start(&args, 120, 70);
        }
        let journal = self.journal();
        let folder = journal.parent().expect("a folder").to_string_lossy().into_owned();
        let journal = journal.to_string_lossy().into_owned();
        let mut under = vec!["strace", "-f", "-qq", "-o", "/dev/null", "-P", &journal, "-P", &folder];
        for one in inject {
            under.extend(["-e", one]);
        }
        Terminal::start_under(&under, &args, 120, 70)
    }

    /// The answers that the journal has, in order; it must be sound.
    fn answered(&self) -> Vec<String> {
        let bytes = fs::read(self.journal()).unwrap_or_default();
        let reading = journal::read(&bytes);
        assert_eq!(reading.damage, None);
        let ids = reading.events().into_iter().filter_map(|e| match e.body {
            Body::Answered { id, answer } if !answer.is_empty() => Some(id),
            _ => None,
        });
        ids.collect()
    }
}

fn demo_identity() -> String {
    let options = Options { bundle: Some(common::here("testdata/demo/release.tar").into()), read_only: true, ..Options::default() };
    static IDENTITY: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    let make = || run_headless(options).expect("the demonstration opens").facts.release.identity.digest.expect("hashed").to_string();
    IDENTITY.get_or_init(make).clone()
}

/// How many answers the screen acknowledges; `None` while the checklist is not in front.
fn acknowledged(screen: &str) -> Option<usize> {
    let rest = screen.split("Checklist ").nth(1)?;
    rest.split('/').next()?.trim().parse().ok()
}

/// Goes to the checklist; false when the program is gone first.
fn to_checklist(terminal: &mut Terminal) -> bool {
    let wait = |terminal: &mut Terminal, there: &dyn Fn(&str) -> bool| {
        let start = Instant::now();
        while !there(&terminal.text()) {
            if terminal.is_gone() {
                return false;
            }
            assert!(start.elapsed() < Duration::from_secs(60), "waited in vain:\n{}", terminal.text());
            std::thread::sleep(Duration::from_millis(5));
        }
        true
    };
    if !wait(terminal, &|text| text.contains("1 file differs")) {
        return false;
    }
    terminal.keys("6");
    wait(terminal, &|text| acknowledged(text).is_some())
}

/// Presses `y` until all is answered or the program is gone; how many answers were acknowledged.
fn answer_all(terminal: &mut Terminal) -> usize {
    let mut seen = acknowledged(&terminal.text()).unwrap_or(0);
    while seen < EVENTS {
        if !terminal.try_keys("y") {
            break;
        }
        let start = Instant::now();
        loop {
            let now = acknowledged(&terminal.text()).unwrap_or(seen);
            if now > seen {
                seen = now;
                break;
            }
            if terminal.is_gone() {
                // What it drew last may still be on its way.
                std::thread::sleep(Duration::from_millis(30));
                return acknowledged(&terminal.text()).unwrap_or(seen).max(seen);
            }
            assert!(start.elapsed() < Duration::from_secs(60), "{}", terminal.text());
            std::thread::sleep(Duration::from_millis(2));
        }
    }
    seen
}

fn strace() -> bool {
    let there = Command::new("strace").arg("-V").output().is_ok();
    if !there {
        eprintln!("skipped: strace is not installed");
    }
    there
}

fn step() -> usize {
    std::env::var("FAULTS_STEP").ok().and_then(|s| s.parse().ok()).unwrap_or(1)
}

#[test]
#[ignore = "long: benches/faults.sh runs it"]
fn killed_at_every_call_no_acknowledged_event_is_lost() {
    if !strace() {
        return;
    }
    let (mut kills, mut torn, mut kept, mut more) = (0, 0, 0, 0);
    // Each kind of call is counted for itself.
    for call in CALLS.split(',') {
        for nth in (1..).step_by(step()) {
            let room = Room::new();
            let mut terminal = room.open(&[format!("inject={call}:signal=KILL:when={nth}")]);
            let acked = if to_checklist(&mut terminal) { answer_all(&mut terminal) } else { 0 };
            if acked == EVENTS {
                break; // it was never killed: all calls were tried
            }
            kills += 1;
            let bytes = fs::read(room.journal()).unwrap_or_default();
            torn += usize::from(journal::read(&bytes).torn > 0);
            let there = room.answered();
            assert!(there.len() >= acked, "killed at {call} {nth}: {acked} acknowledged, {} in the journal", there.len());
            assert!(there.len() <= acked + 1, "killed at {call} {nth}: {acked} acknowledged, {} in the journal", there.len());
            assert_eq!(there, (0..there.len()).map(|i| format!("q{i}")).collect::<Vec<_>>());
            kept += acked;
            more += there.len() - acked;
            // The next session takes it up.
            let mut terminal = room.open(&[]);
            assert!(to_checklist(&mut terminal));
            assert_eq!(acknowledged(&terminal.text()), Some(there.len()), "killed at {call} {nth}:\n{}", terminal.text());
        }
    }
    eprintln!(
        "kill -9: {kills} kills, one at each call; {kept} acknowledged events, 0 lost; {more} written and not yet acknowledged; {torn} torn lines"
    );
    assert!(kills * step() > 2 * EVENTS, "{kills}");
}

#[test]
#[ignore = "long: benches/faults.sh runs it"]
fn errors_at_every_write_and_sync_say_not_saved_and_lose_nothing() {
    if !strace() {
        return;
    }
    let (mut faults, mut sessions) = (0, 0);
    for error in ["ENOSPC", "EROFS", "EIO", "EDQUOT"] {
        for call in ["write", "fdatasync"] {
            // Each fault hits every third call: over the three sessions, each is hit.
            for first in (2..5).step_by(step().min(3)) {
                let room = Room::new();
                let mut terminal = room.open(&[format!("inject={call}:error={error}:when={first}+3")]);
                assert!(to_checklist(&mut terminal));
                let mut seen = 0;
                let mut told = 0;
                while seen < EVENTS {
                    terminal.keys("y");
                    let ok = wait_ack(&terminal, seen);
                    if !ok {
                        told += 1;
                        assert!(terminal.text().contains("NOT SAVED"), "in the header too:\n{}", terminal.text());
                        // It is tried again until the disk takes it.
                        for _ in 0..6 {
                            terminal.write(":save\r");
                            if wait_ack(&terminal, seen) {
                                break;
                            }
                        }
                    }
                    let now = acknowledged(&terminal.text()).unwrap_or(0);
                    assert!(now > seen, "{error} at {call} {first}: nothing goes on\n{}", terminal.text());
                    seen = now;
                }
                assert!(told >= EVENTS / 4, "{error} at {call} {first}: {told} faults were met");
                faults += told;
                sessions += 1;
                terminal.kill();
                assert_eq!(room.answered(), (0..EVENTS).map(|i| format!("q{i}")).collect::<Vec<_>>(), "{error} at {call} {first}");
            }
        }
    }
    eprintln!(
        "errors: {faults} \"NOT saved\" over {sessions} sessions (ENOSPC, EROFS, EIO, EDQUOT at write and fdatasync); each told, saved by :save; 0 events lost, 0 twice"
    );
}

/// Waits for the answer after `seen` to be acknowledged; false when the screen says NOT saved.
fn wait_ack(terminal: &Terminal, seen: usize) -> bool {
    let start = Instant::now();
    let mut failed = None;
    loop {
        let text = terminal.text();
        if acknowledged(&text).is_some_and(|n| n > seen) {
            return true;
        }
        // A message of before may still stand while the answer is being written.
        if text.contains("NOT saved") {
            let since = *failed.get_or_insert_with(Instant::now);
            if since.elapsed() > Duration::from_millis(150) {
                return false;
            }
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{text}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
#[ignore = "needs root for a small tmpfs: benches/faults.sh runs it"]
fn a_disk_that_really_is_full_says_not_saved_and_goes_on_when_there_is_space() {
    let folder = tempfile::tempdir().expect("a folder");
    let mount = folder.path().join("disk");
    fs::create_dir(&mount).expect("made");
    let mount = mount.to_string_lossy().into_owned();
    let sh = |command: &str| Command::new("sh").args(["-c", command]).status().is_ok_and(|s| s.success());
    if !sh(&format!("mount -t tmpfs -o size=1m none '{mount}' 2>/dev/null")) {
        eprintln!("skipped: no tmpfs can be mounted here");
        return;
    }
    let room = Room::with(folder, PathBuf::from(&mount));
    let mut terminal = room.open(&[]);
    assert!(to_checklist(&mut terminal));
    terminal.keys("y");
    assert!(wait_ack(&terminal, 0));
    // All that is left but a little is taken away.
    assert!(sh(&format!("dd if=/dev/zero of='{mount}/filler' bs=1k count=2000 2>/dev/null; true")));
    let mut seen = 1;
    loop {
        terminal.keys("y");
        if !wait_ack(&terminal, seen) {
            break;
        }
        seen += 1;
        assert!(seen < EVENTS, "it never filled up");
    }
    assert!(terminal.text().contains("No space left on device"), "{}", terminal.text());
    let full_at = seen;
    assert_eq!(room.answered().len(), seen, "what was acknowledged is there, and no more");
    fs::remove_file(Path::new(&mount).join("filler")).expect("removed");
    terminal.write(":save\r");
    assert!(wait_ack(&terminal, seen), "{}", terminal.text());
    assert_eq!(answer_all(&mut terminal), EVENTS);
    terminal.kill();
    assert_eq!(room.answered(), (0..EVENTS).map(|i| format!("q{i}")).collect::<Vec<_>>());
    eprintln!("full tmpfs: NOT saved after {full_at} events, :save once there was space, {EVENTS} of {EVENTS} in the journal");
    assert!(sh(&format!("umount -l '{mount}'")));
}

/// A journal of a whole session and the record that was signed over it.
fn signed(folder: &Path) -> (Vec<u8>, Vec<u8>, AllowedSigners) {
    let (key, signers) = common::key(folder, "alice", 31);
    let state = folder.join("state");
    let options = Options {
        bundle: Some(common::here("testdata/demo/release.tar").into()),
        state: Some(state),
        reviewer: Some("alice".into()),
        key: Some(key.clone()),
        ..Options::default()
    };
    let mut done = run_headless(options).expect("it opens");
    for i in 0..EVENTS {
        done.session.record(Body::Answered { id: format!("q{i}"), answer: "yes".into() }).expect("saved");
    }
    let prepared = done.session.prepare(Decision::Incomplete, &done.facts).expect("a statement");
    let output = folder.join("record.dsse.json");
    let record = sign_with(&prepared, &KeySource::File(key, None), &output, None).expect("signed");
    done.session.record(record.event()).expect("saved");
    let journal = folder.join("state/reviews").join(demo_identity()).join("journal.jsonl");
    let signers = AllowedSigners::parse(&fs::read(signers).expect("written")).expect("signers");
    (fs::read(journal).expect("a journal"), fs::read(output).expect("a record"), signers)
}

/// Every `step`-th bit of the journal and of the record, flipped alone.
fn flips(step: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let (log, record, signers) = signed(folder.path());
    let flip = |bytes: &[u8], bit: usize| {
        let mut changed = bytes.to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        changed
    };
    let mut tried = 0;
    for bit in (0..log.len() * 8).step_by(step) {
        let reading = journal::read(&flip(&log, bit));
        assert!(reading.damage.is_some(), "journal, byte {} bit {}", bit / 8, bit % 8);
        tried += 1;
    }
    let (mut refused, mut hints) = (0, 0);
    for bit in (0..record.len() * 8).step_by(step) {
        match signoff::verify(&flip(&record, bit), &signers, 1) {
            Ok(verified) if verified.is_accepted() => {
                // The key's id is a hint that the signature does not cover; that it is another's is told.
                let told = verified.signatures.iter().filter_map(signoff::keyid_note).count();
                assert!(told > 0, "record, byte {} bit {}: nothing is said", bit / 8, bit % 8);
                hints += 1;
            }
            _ => refused += 1,
        }
    }
    eprintln!(
        "flipped bits: journal {tried} of {tried} found ({} bytes); record {refused} refused, {hints} in the key id told ({} bytes)",
        log.len(),
        record.len()
    );
    assert!(refused > 0);
}

#[test]
fn some_flipped_bits_of_journal_and_record_are_found() {
    flips(101);
}

#[test]
#[ignore = "long: benches/faults.sh runs it"]
fn every_flipped_bit_of_journal_and_record_is_found() {
    flips(1);
}

#[test]
fn lines_cut_off_at_their_end_are_found_through_the_signed_head() {
    let folder = tempfile::tempdir().expect("a folder");
    let (log, record, _) = signed(folder.path());
    let payload = signoff::payload(&record).expect("a payload");
    let statement: serde_json::Value = serde_json::from_slice(&payload).expect("JSON");
    let head = statement["predicate"]["journal"]["head"]["sha256"].as_str().expect("a head").to_owned();
    let count = usize::try_from(statement["predicate"]["journal"]["count"].as_u64().expect("a count")).expect("small");
    let lines: Vec<&[u8]> = log.split_inclusive(|b| *b == b'\n').collect();
    assert_eq!(lines.len(), count + 1, "the signature itself is the line after the head");
    for kept in 0..=lines.len() {
        let reading = journal::read(&lines[..kept].concat());
        assert_eq!(reading.damage, None, "a shorter chain is sound in itself");
        assert_eq!(reading.line_of(&head), (kept >= count).then_some(count as u64), "{kept} lines kept");
    }
    eprintln!("truncation: {count} of {count} cuts before the signed head found through it");
}

#[test]
fn a_bundle_that_changes_between_look_and_signature_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let (key, _) = common::key(folder.path(), "alice", 31);
    let bundle = folder.path().join("bundle");
    fs::create_dir(&bundle).expect("made");
    let tar = Command::new("tar").args(["-xf", &common::here("testdata/demo/release.tar"), "-C"]).arg(&bundle).status().expect("tar runs");
    assert!(tar.success());
    let inside = fs::read_dir(&bundle).expect("a folder").map(|e| e.expect("an entry").path()).collect::<Vec<_>>();
    let root = if inside.iter().any(|p| p.ends_with("bagit.txt")) { bundle.clone() } else { inside[0].clone() };
    let options =
        || Options { bundle: Some(root.clone()), state: Some(folder.path().join("state")), key: Some(key.clone()), ..Options::default() };
    let done = run_headless(options()).expect("it opens");
    assert!(done.session.prepare(Decision::Rejected, &done.facts).is_ok(), "nothing changed yet");
    let files: Vec<_> = done.facts.release.files.iter().filter(|f| f.present && f.size > 0).collect();
    assert!(files.len() > 3);
    for file in files {
        let path = root.join(std::str::from_utf8(file.path.as_bytes()).expect("the demonstration's names are ASCII"));
        let good = fs::read(&path).expect("read");
        let mut changed = good.clone();
        changed[good.len() / 2] ^= 1;
        for bytes in [&changed[..], &good[..good.len() - 1], &[]] {
            fs::write(&path, bytes).expect("changed");
            let why = done.session.prepare(Decision::Rejected, &done.facts).err().unwrap_or_default();
            assert!(why.contains("nothing was signed"), "{}: {why:?}", path.display());
        }
        fs::remove_file(&path).expect("removed");
        assert!(done.session.prepare(Decision::Rejected, &done.facts).is_err(), "{} is gone", path.display());
        fs::write(&path, &good).expect("restored");
    }
    assert!(done.session.prepare(Decision::Rejected, &done.facts).is_ok(), "all is as it was");
}
