//! Use cases on one open bundle: open, check, decide, sign. Threads, clock, journal and configuration live here and only here.
//!
//! A [`Session`] does the work behind a front end: results come as [`News`] through the function given to
//! [`Session::start`]; [`Session::record`] appends an event to the journal and returns when it is on the disk.

use std::path::PathBuf;
use std::sync::Arc;

use crate::checks::{Discovery, Facts, Policy};
use crate::model::{Evidence, Listing, Place, View};
use crate::review::{Body, Decision, Event, State};
use crate::text::Row;

/// How to open.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The bundle; `None` opens the demonstration release.
    pub bundle: Option<PathBuf>,
    /// The policy file.
    pub policy: Option<PathBuf>,
    /// The reviewer's `allowed_signers`.
    pub signers: Option<PathBuf>,
    /// The state folder.
    pub state: Option<PathBuf>,
    /// Who reviews.
    pub reviewer: Option<String>,
    /// Open without a journal of one's own: nothing can be ruled on or signed.
    pub read_only: bool,
}

/// Which listing was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ListingKey {
    /// Index of the artifact.
    pub artifact: usize,
    /// Child indices from the artifact's node.
    pub path: Vec<usize>,
    /// What part.
    pub place: Place,
    /// How.
    pub view: View,
}

/// How far a long job is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is being done, such as `hashing`.
    pub job: &'static str,
    /// Bytes or items done.
    pub done: u64,
    /// Bytes or items in all.
    pub total: u64,
    /// Whether it counts bytes.
    pub bytes: bool,
    /// Whether it is over.
    pub finished: bool,
}

/// Where the key is.
#[derive(Clone, PartialEq, Eq)]
pub enum KeySource {
    /// An OpenSSH private key file, and its passphrase if it has one.
    File(PathBuf, Option<String>),
    /// The ssh-agent that `SSH_AUTH_SOCK` names.
    Agent,
}

/// The exact statement that would be signed.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The outcome it states.
    pub decision: Decision,
    /// The bytes.
    pub payload: Vec<u8>,
    /// The same in words, to the last line.
    pub rows: Vec<Row>,
    /// What must be typed to sign it: product and version.
    pub confirm: String,
}

/// News from the work behind the screen.
#[derive(Clone, Debug)]
pub enum News {
    /// Something was computed.
    Discovery(Discovery),
    /// A job got further.
    Progress(Progress),
    /// A source file was read: index of the tree entry, its bytes or why not.
    SourceFile(usize, Result<Arc<[u8]>, String>),
    /// A listing was made.
    Listing(ListingKey, Arc<Listing>),
    /// The statement was made after everything was hashed again, or why it could not be.
    Prepared(Box<Result<Prepared, String>>),
    /// A record was signed and written to that path, or why not.
    Signed(Result<PathBuf, String>),
}

/// One open bundle.
pub struct Session {
    facts: Facts,
    policy: Policy,
    state: State,
    send: Arc<dyn Fn(News) + Send + Sync>,
}

impl Session {
    /// What was known when it was opened; later knowledge comes as [`News::Discovery`].
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The room's policy.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The review as the journal has it.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Why nothing can be ruled on or signed, if so: another instance, a damaged journal, a read-only state folder.
    #[must_use]
    pub fn read_only(&self) -> Option<&str> {
        None
    }

    /// Appends an event to the journal and returns it once it is on the disk.
    ///
    /// # Errors
    /// When it could not be written: the event did not happen, and the message says NOT saved and why.
    pub fn record(&mut self, body: Body) -> Result<Event, String> {
        let _ = body;
        Err("NOT saved".into())
    }

    /// Reads a source file; it comes as [`News::SourceFile`].
    pub fn request_source(&self, entry: usize) {
        (self.send)(News::SourceFile(entry, Err(String::new())));
    }

    /// Makes a listing; it comes as [`News::Listing`].
    pub fn request_listing(&self, key: ListingKey, evidence: Arc<dyn Evidence>) {
        let listing = evidence.listing(key.place, key.view);
        (self.send)(News::Listing(key, Arc::new(listing)));
    }

    /// Hashes everything again and makes the statement; it comes as [`News::Prepared`].
    pub fn request_statement(&self, decision: Decision, facts: &Facts, state: &State) {
        let _ = (decision, facts, state);
    }

    /// Signs the prepared statement and writes the record; the result comes as [`News::Signed`].
    pub fn request_signature(&self, prepared: Prepared, key: KeySource, output: PathBuf) {
        let _ = (prepared, key, output);
    }

    /// The first files of the current folder that look like a place for the record and the key to offer in the dialog.
    #[must_use]
    pub fn default_output(&self) -> PathBuf {
        PathBuf::from("record.dsse.json")
    }

    /// Wall-clock time as `HH:MM`, for the header.
    #[must_use]
    pub fn clock(&self) -> String {
        String::new()
    }
}

/// Runs `work` on a thread of its own (the terminal's input loop).
pub fn spawn(name: &str, work: impl FnOnce() + Send + 'static) {
    let _ = std::thread::Builder::new().name(name.to_owned()).spawn(work);
}

/// Monotonic time since the program first asked, for the front ends.
#[must_use]
pub fn uptime() -> std::time::Duration {
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    START.get_or_init(std::time::Instant::now).elapsed()
}
