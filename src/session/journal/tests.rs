use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use super::*;
use crate::review::Decision;

fn answer(id: &str) -> Body {
    Body::Answered { id: id.into(), answer: "yes".into() }
}

fn opened(bundle: &str) -> Body {
    Body::Opened { bundle: bundle.into(), release: "x 1".into(), reviewer: "alice".into(), tool: "t".into() }
}

fn open(folder: &Path) -> (Journal, Reading) {
    // Another test may be starting a program in this moment, which holds what is open here until it runs.
    for _ in 0..50 {
        if let Ok(opened) = Journal::open(folder, &Holder::here("alice")) {
            return opened;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    Journal::open(folder, &Holder::here("alice")).expect("nobody else has it open")
}

fn filled(folder: &Path) -> Vec<u8> {
    let (mut journal, reading) = open(folder);
    assert!(reading.lines.is_empty());
    for i in 0..5 {
        let event = journal.append(answer(&format!("q{i}"))).expect("saved");
        assert_eq!(event.n, i + 1);
    }
    fs::read(folder.join(FIRST)).expect("written")
}

#[test]
fn what_was_appended_is_read_again() {
    let folder = tempfile::tempdir().expect("a folder");
    filled(folder.path());
    let (mut journal, reading) = open(folder.path());
    assert_eq!(reading.lines.len(), 5);
    assert_eq!(reading.events()[3].body, answer("q3"));
    assert_eq!(journal.append(answer("more")).map(|e| e.n), Ok(6));
}

#[test]
fn a_second_instance_is_refused_with_who_and_since_when_and_may_look() {
    let folder = tempfile::tempdir().expect("a folder");
    filled(folder.path());
    let (first, _) = open(folder.path());
    let why = Journal::open(folder.path(), &Holder::here("bob")).expect_err("refused");
    let here = Holder::here("");
    assert!(why.contains("another countersign") && why.contains("--read-only"), "{why}");
    assert!(why.contains(&format!("process {} on {}, since 20", here.pid, here.host)) && why.contains("reviewer alice"), "{why}");
    let (mut second, reading) = Journal::reading(folder.path());
    assert_eq!(reading.lines.len(), 5);
    assert!(second.append(answer("x")).expect_err("refused").contains("read-only"));
    drop(first);
    assert!(Journal::open(folder.path(), &Holder::here("bob")).is_ok());
}

#[test]
fn a_damaged_journal_opens_read_only_and_is_not_repaired() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut changed = filled(folder.path());
    changed[40] ^= 1;
    fs::write(folder.path().join(FIRST), &changed).expect("written");
    let (mut journal, _) = open(folder.path());
    assert!(journal.read_only.as_deref().is_some_and(|w| w.contains("line 1")), "{:?}", journal.read_only);
    assert!(journal.append(answer("x")).is_err());
    assert_eq!(fs::read(folder.path().join(FIRST)).expect("kept"), changed);
}

#[test]
fn a_torn_last_line_is_set_aside_and_reported() {
    let folder = tempfile::tempdir().expect("a folder");
    let bytes = filled(folder.path());
    let path = folder.path().join(FIRST);
    let whole = bytes[..bytes.len() - 1].iter().rposition(|b| *b == b'\n').expect("lines") + 1;
    for cut in whole + 1..bytes.len() {
        fs::write(&path, &bytes[..cut]).expect("written");
        let (mut journal, reading) = open(folder.path());
        assert_eq!(reading.lines.len(), 4, "cut at {cut}");
        assert!(journal.notice.as_deref().is_some_and(|n| n.contains("torn")));
        assert_eq!(fs::read(folder.path().join("journal.torn-5")).expect("kept"), &bytes[whole..cut]);
        assert_eq!(journal.append(answer("again")).map(|e| e.n), Ok(5));
    }
}

#[test]
fn a_state_folder_that_cannot_be_made_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, b"x").expect("written");
    let (mut journal, reading) = open(&file.join("below"));
    assert!(reading.lines.is_empty());
    assert!(journal.append(answer("x")).expect_err("refused").contains("--state DIR"));
}

#[test]
fn a_correction_carries_over_what_still_counts_with_its_times() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut journal, _) = open(folder.path());
    let bodies = [
        opened("ab"),
        answer("kept"),
        answer("undone"),
        Body::Undone { n: 3 },
        Body::Signed { payload: "77".repeat(32), decision: Decision::Rejected, key: "k".into(), sequence: Some(3) },
    ];
    let events: Vec<Event> = bodies.into_iter().map(|b| journal.append(b).expect("saved")).collect();
    let state = State::fold(events);
    assert!(state.sealed().is_some_and(|w| w.contains("rejected") && w.contains(":correct")));
    let old = (journal.head.clone(), fs::read(folder.path().join(FIRST)).expect("read"));
    let reading = journal.correct(opened("ab"), &state).expect("begun");
    let words: Vec<String> = reading.lines.iter().map(|l| l.entry.body.words()).collect();
    assert_eq!(words.len(), 3, "{words:?}");
    let corrects = Body::Corrects { record: "77".repeat(32), journal: old.0, count: 5, carried: 1, sequence: Some(3) };
    assert_eq!((&reading.lines[1].entry.body, words[2].as_str()), (&corrects, "answered kept: yes"));
    let state = State::fold(reading.events());
    assert_eq!((state.corrects.as_deref(), state.sealed()), (Some("77".repeat(32).as_str()), None));
    assert_eq!(journal.append(answer("new")).map(|e| e.n), Ok(4));
    assert_eq!(fs::read(folder.path().join(FIRST)).expect("read"), old.1, "the signed journal is as it was");
    drop(journal);
    let (again, reading) = open(folder.path());
    assert_eq!((reading.lines.len(), again.read_only), (4, None), "the correction is what is opened from now on");
}

#[test]
fn a_note_that_was_reworded_is_reworded_in_the_correction_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut journal, _) = open(folder.path());
    let note = |text: &str| Body::Noted { at: crate::review::Anchor::default(), text: text.into() };
    let signed = Body::Signed { payload: "77".repeat(32), decision: crate::review::Decision::Rejected, key: "k".into(), sequence: Some(3) };
    let bodies = [opened("ab"), note("one"), note("two"), Body::Undone { n: 2 }, Body::Reworded { n: 3, text: "three".into() }, signed];
    let events: Vec<Event> = bodies.into_iter().map(|body| journal.append(body).expect("saved")).collect();
    let reading = journal.correct(opened("ab"), &State::fold(events)).expect("begun");
    let notes: Vec<String> = State::fold(reading.events()).notes.into_iter().map(|n| n.text).collect();
    assert_eq!(notes, ["three"]);
}

/// A disk that fails from its `at`-th operation on, `times` times; a write that fails leaves `left` bytes behind.
struct Disk {
    bytes: Vec<u8>,
    operation: usize,
    at: usize,
    times: usize,
    left: usize,
    error: io::ErrorKind,
}

#[derive(Clone)]
struct Faulty(Arc<Mutex<Disk>>);

impl Faulty {
    fn fails(&self, write: Option<(u64, &[u8])>) -> io::Result<()> {
        let mut disk = self.0.lock().expect("one thread");
        disk.operation += 1;
        if disk.operation >= disk.at && disk.operation < disk.at + disk.times {
            if let Some((at, bytes)) = write {
                let left = disk.left.min(bytes.len());
                disk.put(at, &bytes[..left]);
            }
            return Err(disk.error.into());
        }
        if let Some((at, bytes)) = write {
            disk.put(at, bytes);
        }
        Ok(())
    }
}

impl Disk {
    fn put(&mut self, at: u64, bytes: &[u8]) {
        let at = usize::try_from(at).expect("small");
        self.bytes.resize(at.max(self.bytes.len()), 0);
        self.bytes.splice(at..(at + bytes.len()).min(self.bytes.len()), bytes.iter().copied());
    }
}

impl Store for Faulty {
    fn write_at(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.fails(Some((at, bytes)))
    }

    fn sync(&mut self) -> io::Result<()> {
        self.fails(None)
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.fails(None)?;
        self.0.lock().expect("one thread").bytes.truncate(usize::try_from(length).expect("small"));
        Ok(())
    }
}

#[test]
fn a_full_and_a_read_only_disk_at_every_operation_lose_nothing_and_can_be_tried_again() {
    const EVENTS: u64 = 50;
    let folder = tempfile::tempdir().expect("a folder");
    let mut faults = 0;
    for error in [io::ErrorKind::StorageFull, io::ErrorKind::ReadOnlyFilesystem, io::ErrorKind::Other] {
        // Once, so that what was left is taken away at once; and for long, so that it cannot be.
        for (times, left) in [(1, 0), (1, 17), (1, usize::MAX), (5, 0), (5, 17), (5, usize::MAX)] {
            for at in 1..=2 * usize::try_from(EVENTS).expect("small") {
                let disk = Faulty(Arc::new(Mutex::new(Disk { bytes: Vec::new(), operation: 0, at, times, left, error })));
                let (mut journal, _) = open(folder.path());
                journal.store = Some(Box::new(disk.clone()));
                let (mut done, mut refused) = (0, 0);
                while done < EVENTS {
                    match journal.append(answer(&format!("q{done}"))) {
                        Ok(event) => {
                            done += 1;
                            assert_eq!(event.n, done);
                        }
                        Err(why) => {
                            refused += 1;
                            assert!(why.starts_with("NOT saved: ") && why.contains(FIRST) && why.contains(":save"), "{why}");
                            assert!(refused < 20, "it must go on once the disk does");
                            // Everything acknowledged is there, and after it at most what was not.
                            let now = journal::read(&disk.0.lock().expect("one thread").bytes);
                            assert_eq!(now.damage, None);
                            assert!((done..=done + 1).contains(&(now.lines.len() as u64)), "{} of {done} at {at}", now.lines.len());
                        }
                    }
                }
                assert!(refused > 0, "the fault at {at} was not met");
                faults += refused;
                let end = journal::read(&disk.0.lock().expect("one thread").bytes);
                let ids: Vec<Body> = end.events().into_iter().map(|e| e.body).collect();
                assert_eq!(ids, (0..EVENTS).map(|i| answer(&format!("q{i}"))).collect::<Vec<_>>(), "each once, in order");
                assert_eq!((end.torn, end.head()), (0, journal.head.clone()));
            }
        }
    }
    assert!(faults >= 1_800, "{faults}");
}

#[test]
fn the_systems_own_full_disk_says_not_saved() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut journal, _) = open(folder.path());
    journal.append(answer("q0")).expect("saved");
    let (head, count) = (journal.head.clone(), journal.count);
    let good = journal.store.replace(Box::new(OpenOptions::new().write(true).open("/dev/full").expect("there")));
    let why = journal.append(answer("q1")).expect_err("full");
    assert!(why.contains("NOT saved") && why.contains("No space left"), "{why}");
    assert_eq!((journal.head.clone(), journal.count), (head, count));
    journal.store = good;
    assert_eq!(journal.append(answer("q1")).map(|e| e.n), Ok(2), "and again once there is space");
    drop(journal);
    assert_eq!(open(folder.path()).1.lines.len(), 2);
}

/// Years that the test's clock is off by.
static OFF: AtomicI64 = AtomicI64::new(0);

fn jumping() -> Stamp {
    let real = clock::stamp();
    let year: i64 = real.wall[..4].parse().expect("a year");
    Stamp { wall: format!("{}{}", year + OFF.load(Ordering::Relaxed), &real.wall[4..]), ..real }
}

#[test]
fn a_clock_that_jumps_ten_years_is_told_when_it_does_and_the_order_holds() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut journal, _) = open(folder.path());
    journal.clock = jumping;
    for (i, off) in [0, 10, 10, 0, -10, -10].into_iter().enumerate() {
        OFF.store(off, Ordering::Relaxed);
        journal.append(answer(&format!("q{i}"))).expect("saved");
        let told = journal.notice.take().unwrap_or_default();
        let wanted = ["", "forward by 10 years", "", "back by 10 years", "back by 10 years", ""][i];
        assert_eq!(told.is_empty(), wanted.is_empty(), "event {i}: {told}");
        // Ten years have three leap days or two.
        let nearly = wanted.replace("10 years", "9 years");
        assert!(told.contains(wanted) || told.contains(&nearly), "event {i}: {told}");
    }
    drop(journal);
    let (journal, reading) = open(folder.path());
    let ids: Vec<Body> = reading.events().into_iter().map(|e| e.body).collect();
    assert_eq!(ids, (0..6).map(|i| answer(&format!("q{i}"))).collect::<Vec<_>>());
    assert!(journal.notice.is_some_and(|n| n.contains("since the last session the clock was set forward")), "the clock is right again");
}

/// `cargo test --lib durable_event -- --ignored --nocapture`: prints what an event costs on the disk of the temporary folder
/// (set `TMPDIR` for another).
#[test]
#[ignore = "measures; the disk of a busy machine decides"]
#[allow(clippy::print_stderr)]
fn a_durable_event_costs_less_than_ten_milliseconds() {
    const EVENTS: usize = 1_000;
    let folder = tempfile::tempdir().expect("a folder");
    let (mut journal, _) = open(folder.path());
    let mut took: Vec<u128> = Vec::with_capacity(EVENTS);
    for i in 0..EVENTS {
        let start = std::time::Instant::now();
        journal.append(answer(&format!("q{i}"))).expect("saved");
        took.push(start.elapsed().as_micros());
    }
    took.sort_unstable();
    let mean = took.iter().sum::<u128>() / EVENTS as u128;
    eprintln!(
        "{EVENTS} durable events: mean {mean} us, median {} us, 99% {} us, most {} us",
        took[EVENTS / 2],
        took[EVENTS * 99 / 100],
        took[EVENTS - 1]
    );
    assert!(mean < 10_000, "{mean} us");
}
