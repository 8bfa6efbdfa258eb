//! The journal: one append-only file per review, JSON Lines, each line bound to the one before it.
//!
//! A line is `{"n":N,"prev":"HASH","body":{…},"hash":"HASH"}`; its hash is the SHA-256 of the line without the hash
//! member, `{"n":N,"prev":"HASH","body":{…}}`. One line is one `write`, followed by `fdatasync`, before anything is shown
//! as saved. A torn last line is set aside and reported. A broken chain opens read-only and is never repaired here.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::clock;
use crate::digest::Sha256;
use crate::review::{Body, Event, chain};

/// The largest journal that is read, in bytes.
const MAX_JOURNAL: u64 = 1 << 30;

#[derive(Serialize, Deserialize)]
struct Line {
    wall: String,
    boottime: String,
    #[serde(rename = "bootId")]
    boot_id: String,
    #[serde(flatten)]
    body: Body,
}

/// An open journal.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: Option<File>,
    length: u64,
    /// The hash of the last line; 64 zeros before the first.
    pub head: String,
    /// Number of lines.
    pub count: u64,
    /// Why nothing can be written, if so.
    pub read_only: Option<String>,
    /// What was set aside or found wrong at opening, in words.
    pub notice: Option<String>,
}

impl Journal {
    /// Opens or creates `journal.jsonl` in `folder`, and reads its events. Never fails: what stands in the way of writing
    /// is in [`Journal::read_only`].
    #[must_use]
    pub fn open(folder: &Path) -> (Self, Vec<Event>) {
        let path = folder.join("journal.jsonl");
        let mut journal = Self { path, file: None, length: 0, head: chain::START.to_owned(), count: 0, read_only: None, notice: None };
        match open_locked(folder, &journal.path) {
            Ok(file) => journal.file = Some(file),
            Err(why) => journal.read_only = Some(why),
        }
        let events = journal.load();
        (journal, events)
    }

    /// Reads the journal of `folder` without taking it: nothing can be written.
    #[must_use]
    pub fn reading(folder: &Path) -> (Self, Vec<Event>) {
        let path = folder.join("journal.jsonl");
        let read_only = Some("opened with --read-only".to_owned());
        let mut journal = Self { path, file: None, length: 0, head: chain::START.to_owned(), count: 0, read_only, notice: None };
        let events = journal.load();
        (journal, events)
    }

    fn load(&mut self) -> Vec<Event> {
        let mut bytes = Vec::new();
        let read = match &mut self.file {
            Some(file) => file.take(MAX_JOURNAL + 1).read_to_end(&mut bytes),
            None => File::open(&self.path).and_then(|f| f.take(MAX_JOURNAL + 1).read_to_end(&mut bytes)),
        };
        match read {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Vec::new(),
            // Why it could not be opened to write says more.
            Err(_) if self.read_only.is_some() => return Vec::new(),
            Err(e) => {
                self.refuse(format!("{} cannot be read: {e}", self.path.display()));
                return Vec::new();
            }
            Ok(length) if length as u64 > MAX_JOURNAL => {
                self.refuse(format!("{} is over the bound of {MAX_JOURNAL} bytes", self.path.display()));
                return Vec::new();
            }
            Ok(_) => {}
        }
        let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
        let (events, head, good) = read_lines(&bytes[..whole]);
        self.count = events.len() as u64;
        self.head = head;
        self.length = whole as u64;
        if let Err((line, what)) = good {
            self.refuse(format!("the journal is damaged in line {line}: {what}; keep it as evidence: {}", self.path.display()));
        } else if whole < bytes.len() {
            self.set_aside(&bytes[whole..]);
        }
        events
    }

    fn refuse(&mut self, why: String) {
        self.file = None;
        self.read_only = Some(why);
    }

    /// A crash between write and sync may leave half a line. It was never shown as saved; it is kept beside the journal.
    fn set_aside(&mut self, torn: &[u8]) {
        let Some(file) = &mut self.file else { return };
        let aside = self.path.with_extension(format!("torn-{}", self.count + 1));
        let moved = fs::write(&aside, torn).and_then(|()| file.set_len(self.length)).and_then(|()| file.sync_data());
        match moved {
            Ok(()) => {
                self.notice = Some(format!("the journal's last line was torn, never shown as saved; set aside: {}", aside.display()));
            }
            Err(e) => self.refuse(format!("{}: a torn last line could not be set aside: {e}", self.path.display())),
        }
    }

    /// What is on the disk now, to be read later: lines that come after it do not belong to it.
    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot { path: self.path.clone(), length: self.length, head: self.head.clone(), count: self.count }
    }

    /// Appends an event. When this returns, it is on the disk.
    ///
    /// # Errors
    /// Says NOT saved and why; the journal is as it was before.
    pub fn append(&mut self, body: Body) -> Result<Event, String> {
        if let Some(why) = &self.read_only {
            return Err(format!("NOT saved, read-only: {why}"));
        }
        let Some(file) = &mut self.file else { return Err("NOT saved: the journal is not open".to_owned()) };
        let (boottime, boot_id) = clock::boot();
        let line = Line { wall: clock::wall(), boottime, boot_id, body };
        let text = serde_json::to_string(&line).map_err(|e| format!("NOT saved: {e}"))?;
        let n = self.count + 1;
        let core = format!("{{\"n\":{n},\"prev\":\"{}\",\"body\":{text}", self.head);
        let hash = Sha256::of(format!("{core}}}").as_bytes()).to_string();
        let whole = format!("{core},\"hash\":\"{hash}\"}}\n");
        let written =
            file.seek(SeekFrom::Start(self.length)).and_then(|_| file.write_all(whole.as_bytes())).and_then(|()| file.sync_data());
        if let Err(e) = written {
            let restored = file.set_len(self.length).and_then(|()| file.sync_data());
            let why = format!("NOT saved: {}: {e}; free space or make it writable, then do it again", self.path.display());
            if restored.is_err() {
                self.refuse(why.clone());
            }
            return Err(why);
        }
        self.length += whole.len() as u64;
        self.count = n;
        self.head = hash;
        Ok(Event { n, time: line.wall, body: line.body })
    }
}

/// The journal up to one of its lines.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    path: PathBuf,
    length: u64,
    /// The hash of the last line.
    pub(super) head: String,
    /// Number of lines.
    pub(super) count: u64,
}

impl Snapshot {
    /// The lines, as they are on the disk.
    ///
    /// # Errors
    /// When they cannot be read, or are not those that were there.
    pub(super) fn lines(&self) -> Result<Vec<String>, String> {
        let fail = |what: String| format!("{}: {what}", self.path.display());
        let mut text = String::new();
        let file = File::open(&self.path).map_err(|e| fail(format!("cannot be read: {e}")))?;
        file.take(self.length).read_to_string(&mut text).map_err(|e| fail(format!("cannot be read: {e}")))?;
        let head = chain::head(text.lines()).map_err(|(n, what)| fail(format!("line {n}: {what}")))?;
        if head != self.head {
            return Err(fail("it changed while it was open".to_owned()));
        }
        Ok(text.lines().map(str::to_owned).collect())
    }
}

fn open_locked(folder: &Path, path: &Path) -> Result<File, String> {
    let fail = |e: io::Error| format!("the state folder {} cannot be written: {e}; choose another with --state DIR", folder.display());
    fs::create_dir_all(folder).map_err(fail)?;
    let new = !path.exists();
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(fail)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err("another countersign has this review open; close it, or go on reading here".to_owned()),
        Err(TryLockError::Error(e)) => return Err(fail(e)),
    }
    if new {
        // The name must survive a crash as well as the bytes.
        File::open(folder).and_then(|d| d.sync_all()).map_err(fail)?;
    }
    Ok(file)
}

type Damage = (u64, String);

/// Reads whole lines; stops at the first that is not bound to the one before it.
fn read_lines(bytes: &[u8]) -> (Vec<Event>, String, Result<(), Damage>) {
    let mut events = Vec::new();
    let mut head = chain::START.to_owned();
    for (i, line) in bytes.split_inclusive(|b| *b == b'\n').enumerate() {
        let n = i as u64 + 1;
        match read_line(line, n, &head) {
            Ok((event, hash)) => {
                events.push(event);
                head = hash;
            }
            Err(what) => return (events, head, Err((n, what))),
        }
    }
    (events, head, Ok(()))
}

fn read_line(line: &[u8], n: u64, prev: &str) -> Result<(Event, String), String> {
    let text = std::str::from_utf8(line).map_err(|_| "not UTF-8".to_owned())?.trim_end_matches('\n');
    let (body, hash) = chain::follow(text, n, prev)?;
    let line: Line = serde_json::from_str(body).map_err(|e| format!("an event that this version does not know: {e}"))?;
    Ok((Event { n, time: line.wall, body: line.body }, hash.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(id: &str) -> Body {
        Body::Answered { id: id.into(), answer: "yes".into() }
    }

    fn filled(folder: &Path) -> Vec<u8> {
        let (mut journal, events) = Journal::open(folder);
        assert!(events.is_empty());
        for i in 0..5 {
            let event = journal.append(answer(&format!("q{i}"))).expect("saved");
            assert_eq!(event.n, i + 1);
        }
        fs::read(folder.join("journal.jsonl")).expect("written")
    }

    #[test]
    fn what_was_appended_is_read_again() {
        let folder = tempfile::tempdir().expect("a folder");
        filled(folder.path());
        let (mut journal, events) = Journal::open(folder.path());
        assert_eq!(events.len(), 5);
        assert_eq!(events[3].body, answer("q3"));
        assert_eq!(journal.append(answer("more")).map(|e| e.n), Ok(6));
    }

    #[test]
    fn a_second_instance_reads_and_cannot_write() {
        let folder = tempfile::tempdir().expect("a folder");
        filled(folder.path());
        let (_first, _) = Journal::open(folder.path());
        let (mut second, events) = Journal::open(folder.path());
        assert_eq!(events.len(), 5);
        assert!(second.append(answer("x")).expect_err("refused").contains("another countersign"));
    }

    #[test]
    fn every_flipped_bit_is_found_and_the_journal_opens_read_only() {
        let folder = tempfile::tempdir().expect("a folder");
        let bytes = filled(folder.path());
        for at in (0..bytes.len()).step_by(7) {
            for bit in [0, 3, 6] {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                let (events, _, good) = read_lines(&changed);
                assert!(good.is_err() || events.len() < 5 || !changed.ends_with(b"\n"), "byte {at} bit {bit}");
            }
        }
        let mut changed = bytes.clone();
        changed[40] ^= 1;
        fs::write(folder.path().join("journal.jsonl"), &changed).expect("written");
        let (mut journal, _) = Journal::open(folder.path());
        assert!(journal.read_only.as_deref().is_some_and(|w| w.contains("line 1")), "{:?}", journal.read_only);
        assert!(journal.append(answer("x")).is_err());
        assert_eq!(fs::read(folder.path().join("journal.jsonl")).expect("kept"), changed);
    }

    #[test]
    fn removed_swapped_and_repeated_lines_are_found() {
        let folder = tempfile::tempdir().expect("a folder");
        let bytes = filled(folder.path());
        let lines: Vec<&[u8]> = bytes.split_inclusive(|b| *b == b'\n').collect();
        for order in [vec![0, 2, 3, 4], vec![1, 0, 2, 3, 4], vec![0, 1, 1, 2, 3, 4], vec![1, 2, 3, 4]] {
            let changed: Vec<u8> = order.iter().flat_map(|i| lines[*i]).copied().collect();
            assert!(read_lines(&changed).2.is_err(), "{order:?}");
        }
    }

    #[test]
    fn a_torn_last_line_is_set_aside_and_reported() {
        let folder = tempfile::tempdir().expect("a folder");
        let bytes = filled(folder.path());
        let path = folder.path().join("journal.jsonl");
        let whole = bytes[..bytes.len() - 1].iter().rposition(|b| *b == b'\n').expect("lines") + 1;
        for cut in whole + 1..bytes.len() {
            fs::write(&path, &bytes[..cut]).expect("written");
            let (mut journal, events) = Journal::open(folder.path());
            assert_eq!(events.len(), 4, "cut at {cut}");
            assert!(journal.notice.as_deref().is_some_and(|n| n.contains("torn")));
            assert_eq!(journal.append(answer("again")).map(|e| e.n), Ok(5));
        }
    }

    #[test]
    fn a_full_disk_says_not_saved_and_the_event_did_not_happen() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut journal, _) = Journal::open(folder.path());
        journal.append(answer("q0")).expect("saved");
        let (head, count) = (journal.head.clone(), journal.count);
        let good = journal.file.replace(OpenOptions::new().write(true).open("/dev/full").expect("there"));
        let why = journal.append(answer("q1")).expect_err("full");
        assert!(why.contains("NOT saved") && why.contains("No space left"), "{why}");
        assert_eq!((journal.head.clone(), journal.count), (head, count));
        drop((good, journal));
        assert_eq!(Journal::open(folder.path()).1.len(), 1);
    }

    #[test]
    fn a_state_folder_that_cannot_be_made_is_said() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        fs::write(&file, b"x").expect("written");
        let (mut journal, events) = Journal::open(&file.join("below"));
        assert!(events.is_empty());
        assert!(journal.append(answer("x")).expect_err("refused").contains("--state DIR"));
    }
}
