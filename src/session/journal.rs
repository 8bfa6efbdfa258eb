//! The journal on the disk: one append-only file per review; its text form is in [`crate::review::journal`].
//!
//! One line is one `write`, followed by `fdatasync`, before anything is shown as saved. A torn last line is set aside and
//! reported. A broken chain opens read-only and is never repaired here.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{clock, read_small, write_whole};
use crate::review::journal::{self, Entry, Line, Reading, Stamp};
use crate::review::{Body, Event, State, chain};
use crate::text::Shown;

/// The largest journal that is read, in bytes.
pub(super) const MAX_JOURNAL: u64 = 1 << 30;
/// The first journal of a review; corrections of it are `journal-2.jsonl`, `journal-3.jsonl`, …
const FIRST: &str = "journal.jsonl";
/// Corrections of one review that are looked for.
const MOST: u32 = 1_000;
/// Who has the review open; informs, the lock decides.
const HOLDER: &str = "open-by.json";

/// Where lines go: a file, or in tests one that fails.
pub(super) trait Store: Send {
    /// Writes all of it at that offset.
    fn write_at(&mut self, at: u64, bytes: &[u8]) -> io::Result<()>;
    /// Returns once it is on the disk.
    fn sync(&mut self) -> io::Result<()>;
    /// Cuts the file to that length.
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

impl Store for File {
    fn write_at(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.seek(SeekFrom::Start(at))?;
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }
}

/// Who opens a review.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Holder {
    pid: u32,
    host: String,
    since: String,
    reviewer: String,
}

impl Holder {
    /// This process.
    pub(super) fn here(reviewer: &str) -> Self {
        Self { pid: clock::process(), host: clock::host(), since: clock::wall(), reviewer: reviewer.to_owned() }
    }
}

/// An open journal.
pub struct Journal {
    path: PathBuf,
    store: Option<Box<dyn Store>>,
    clock: fn() -> Stamp,
    last: Option<Stamp>,
    length: u64,
    /// A write failed and what it left behind could not be taken away yet.
    littered: bool,
    /// The hash of the last line; 64 zeros before the first.
    pub head: String,
    /// Number of lines.
    pub count: u64,
    /// Why nothing can be written, if so.
    pub read_only: Option<String>,
    /// What was set aside or found odd, in words; taken by whoever tells it.
    pub notice: Option<String>,
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal").field("path", &self.path).field("count", &self.count).field("read_only", &self.read_only).finish()
    }
}

impl Journal {
    /// Opens or creates the journal of the review in `folder`, and reads it. What stands in the way of writing is in
    /// [`Journal::read_only`].
    ///
    /// # Errors
    /// When another process has it open: who, where and since when.
    pub(super) fn open(folder: &Path, who: &Holder) -> Result<(Self, Reading), String> {
        let path = latest(folder);
        let (file, why) = match open_locked(folder, &path) {
            Ok(file) => (Some(file), None),
            Err(NotOpen::Held) => return Err(held(folder)),
            Err(NotOpen::Failed(why)) => (None, Some(why)),
        };
        if file.is_some() {
            // It only informs: without it another instance is refused as well.
            let _ = serde_json::to_vec(who).map(|text| fs::write(folder.join(HOLDER), text));
        }
        Ok(Self::load(path, file, why))
    }

    /// Reads the journal of `folder` without taking it: nothing can be written.
    #[must_use]
    pub(super) fn reading(folder: &Path) -> (Self, Reading) {
        Self::load(latest(folder), None, Some("opened with --read-only".to_owned()))
    }

    fn load(path: PathBuf, file: Option<File>, read_only: Option<String>) -> (Self, Reading) {
        let mut journal = Self {
            path,
            store: None,
            clock: clock::stamp,
            last: None,
            length: 0,
            littered: false,
            head: journal::origin(),
            count: 0,
            read_only,
            notice: None,
        };
        let read = match file {
            None => File::open(&journal.path).and_then(|f| read_all(&f)),
            Some(file) => read_all(&file).inspect(|_| journal.store = Some(Box::new(file))),
        };
        let bytes = match read {
            Ok(bytes) => bytes,
            Err(e) => {
                // Nothing was begun yet, or why it could not be opened to write says more.
                if e.kind() != io::ErrorKind::NotFound && journal.read_only.is_none() {
                    journal.refuse(format!("{} cannot be read: {e}", journal.path.display()));
                }
                return (journal, Reading::default());
            }
        };
        let reading = journal::read(&bytes);
        journal.count = reading.lines.len() as u64;
        journal.head = reading.head();
        journal.length = reading.whole as u64;
        journal.last = reading.lines.last().map(|l| l.entry.stamp.clone());
        if let Some(damage) = &reading.damage {
            journal.refuse(format!(
                "the journal is damaged in {damage}; the {} lines before it are shown; keep it as evidence: {}",
                reading.lines.len(),
                journal.path.display()
            ));
        } else if reading.torn > 0 {
            journal.set_aside(bytes.get(reading.whole..).unwrap_or_default());
        }
        if let Some(what) = journal.last.as_ref().and_then(|last| journal::departure(last, &(journal.clock)())) {
            journal.tell(format!("since the last session {what}"));
        }
        (journal, reading)
    }

    /// Adds to what is told when it is opened.
    pub(super) fn tell(&mut self, what: String) {
        self.notice = Some(self.notice.take().map_or(what.clone(), |before| format!("{before}; {what}")));
    }

    /// Takes nothing more.
    pub(super) fn refuse(&mut self, why: String) {
        self.store = None;
        self.read_only = Some(why);
    }

    /// A crash between write and sync may leave half a line. It was never shown as saved; it is kept beside the journal.
    fn set_aside(&mut self, torn: &[u8]) {
        let Some(store) = &mut self.store else {
            self.tell("the journal's last line is torn, or is being written now; it does not count".to_owned());
            return;
        };
        let aside = self.path.with_extension(format!("torn-{}", self.count + 1));
        let moved = fs::write(&aside, torn).and_then(|()| store.cut(self.length)).and_then(|()| store.sync());
        match moved {
            Ok(()) => {
                self.tell(format!("the journal's last line was torn, never shown as saved; set aside: {}", aside.display()));
            }
            Err(e) => self.refuse(format!("{}: a torn last line could not be set aside: {e}", self.path.display())),
        }
    }

    /// Appends an event. When this returns, it is on the disk.
    ///
    /// # Errors
    /// Says NOT saved and why. The event did not happen; it can be tried again.
    pub fn append(&mut self, body: Body) -> Result<Event, String> {
        if let Some(why) = &self.read_only {
            return Err(format!("NOT saved, read-only: {why}"));
        }
        let Some(store) = &mut self.store else { return Err("NOT saved: the journal is not open".to_owned()) };
        let failed = |e: io::Error| {
            format!(
                "NOT saved: {e}; free space or make it writable, then :save or do it again: {}",
                Shown::new(&self.path.to_string_lossy())
            )
        };
        if self.littered {
            store.cut(self.length).and_then(|()| store.sync()).map_err(failed)?;
            self.littered = false;
        }
        let entry = Entry { stamp: (self.clock)(), body };
        let n = self.count + 1;
        let (whole, hash) = journal::write_line(n, &self.head, &entry).map_err(|e| format!("NOT saved: {e}"))?;
        if let Err(e) = store.write_at(self.length, whole.as_bytes()).and_then(|()| store.sync()) {
            // What was written of it must not be taken for an event that was saved.
            self.littered = store.cut(self.length).and_then(|()| store.sync()).is_err();
            return Err(failed(e));
        }
        if let Some(what) = self.last.as_ref().and_then(|last| journal::departure(last, &entry.stamp)) {
            self.tell(what);
        }
        self.last = Some(entry.stamp.clone());
        self.length += whole.len() as u64;
        self.count = n;
        self.head = hash.clone();
        Ok(Line { n, entry, hash }.event())
    }

    /// What is on the disk now, to be read later: lines that come after it do not belong to it.
    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot { path: self.path.clone(), length: self.length, head: self.head.clone(), count: self.count }
    }

    /// Begins the journal of a correction beside this one, which was signed: what still counts is carried over, with its
    /// times. It is there whole or not at all.
    ///
    /// # Errors
    /// In words; nothing changed then.
    pub(super) fn correct(&mut self, opened: Body, state: &State) -> Result<Reading, String> {
        let folder = self.path.parent().unwrap_or(Path::new(".")).to_owned();
        let Some((record, _)) = state.signed.last() else { return Err("nothing was signed that could be corrected".to_owned()) };
        let reading = read_journal(&self.path)?;
        if let Some(damage) = reading.damage {
            return Err(format!("the journal of the signed review is damaged in {damage}: nothing is carried over from it"));
        }
        let numbers = state.to_carry();
        let now = (self.clock)();
        let corrects = Body::Corrects {
            record: record.clone(),
            journal: self.head.clone(),
            count: self.count,
            carried: numbers.len() as u64,
            sequence: state.signed_sequence,
        };
        let mut entries = vec![Entry { stamp: now.clone(), body: opened }, Entry { stamp: now, body: corrects }];
        let mut moved = std::collections::BTreeMap::new();
        for line in reading.lines.into_iter().filter(|l| numbers.binary_search(&l.n).is_ok()) {
            let mut entry = line.entry;
            moved.insert(line.n, entries.len() as u64 + 1);
            // A note is named by the number of its line, which is another one now.
            if let Body::Reworded { n, .. } = &mut entry.body {
                *n = moved.get(n).copied().unwrap_or_default();
            }
            entries.push(entry);
        }
        let path = next(&folder)?;
        write_entries(&path, &entries)?;
        let file = match open_locked(&folder, &path) {
            Ok(file) => file,
            Err(NotOpen::Held) => return Err(held(&folder)),
            Err(NotOpen::Failed(why)) => return Err(why),
        };
        let (journal, reading) = Self::load(path, Some(file), None);
        *self = Self { clock: self.clock, ..journal };
        Ok(reading)
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

fn read_all(file: &File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(MAX_JOURNAL + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_JOURNAL {
        return Err(io::Error::other(format!("it is over the bound of {MAX_JOURNAL} bytes")));
    }
    Ok(bytes)
}

/// Reads a journal file. Damage is in the result.
///
/// # Errors
/// In words, with the path, when it cannot be read.
pub fn read_journal(path: &Path) -> Result<Reading, String> {
    let bytes = read_small(path, MAX_JOURNAL).map_err(|e| format!("{}: {e}", Shown::new(&path.to_string_lossy())))?;
    Ok(journal::read(&bytes))
}

/// Writes a whole journal: it is there whole or not at all.
fn write_entries(path: &Path, entries: &[Entry]) -> Result<(), String> {
    let (mut bytes, mut head) = (String::new(), journal::origin());
    for (entry, n) in entries.iter().zip(1..) {
        let (line, hash) = journal::write_line(n, &head, entry)?;
        bytes.push_str(&line);
        head = hash;
    }
    write_whole(path, bytes.as_bytes())
}

/// Begins a review in `folder` with those lines, beside what was reviewed there before; where it is.
///
/// # Errors
/// When another process has the review open, or it cannot be written.
pub(super) fn begin(folder: &Path, who: &Holder, entries: &[Entry]) -> Result<PathBuf, String> {
    fs::create_dir_all(folder).map_err(|e| format!("the state folder {} cannot be written: {e}", folder.display()))?;
    let latest = latest(folder);
    if !latest.exists() {
        write_entries(&latest, entries)?;
        return Ok(latest);
    }
    let (held, _) = Journal::open(folder, who)?;
    if let Some(why) = held.read_only {
        return Err(why);
    }
    let path = next(folder)?;
    write_entries(&path, entries)?;
    Ok(path)
}

/// Whether a file is a journal, by its name or by how it begins.
#[must_use]
pub fn is_journal(path: &Path) -> bool {
    let begins = || {
        let mut start = [0; 5];
        File::open(path).and_then(|mut f| f.read_exact(&mut start)).is_ok_and(|()| start == *b"{\"n\":")
    };
    path.extension().is_some_and(|e| e == "jsonl") || path.is_file() && begins()
}

fn numbered(folder: &Path, n: u32) -> PathBuf {
    folder.join(if n == 1 { FIRST.to_owned() } else { format!("journal-{n}.jsonl") })
}

/// The journal of a review that is not signed yet, or its last one.
#[must_use]
pub(super) fn latest(folder: &Path) -> PathBuf {
    let last = (2..=MOST).take_while(|n| numbered(folder, *n).exists()).last();
    numbered(folder, last.unwrap_or(1))
}

fn next(folder: &Path) -> Result<PathBuf, String> {
    let free = (2..=MOST).map(|n| numbered(folder, n)).find(|p| !p.exists());
    free.ok_or_else(|| format!("{}: {MOST} corrections are the most", folder.display()))
}

/// Who has the review open, in words.
fn held(folder: &Path) -> String {
    let holder: Option<Holder> = read_small(&folder.join(HOLDER), 1 << 16).ok().and_then(|text| serde_json::from_slice(&text).ok());
    let who = holder.map_or_else(String::new, |h| {
        let (host, since, reviewer) = (Shown::new(&h.host), Shown::new(&h.since), Shown::new(&h.reviewer));
        format!(": process {} on {host}, since {since}, reviewer {reviewer}", h.pid)
    });
    format!("another countersign has this review open{who}; close it there, or look with --read-only")
}

enum NotOpen {
    Held,
    Failed(String),
}

fn open_locked(folder: &Path, path: &Path) -> Result<File, NotOpen> {
    let fail = |e: io::Error| {
        NotOpen::Failed(format!("the state folder {} cannot be written: {e}; choose another with --state DIR", folder.display()))
    };
    fs::create_dir_all(folder).map_err(fail)?;
    let new = !path.exists();
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(fail)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(NotOpen::Held),
        Err(TryLockError::Error(e)) => return Err(fail(e)),
    }
    if new {
        // The name must survive a crash as well as the bytes.
        File::open(folder).and_then(|d| d.sync_all()).map_err(fail)?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests;
