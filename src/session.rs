//! Use cases on one open bundle: open, check, decide, sign. Threads, clock, journal and configuration live here and only here.
//!
//! A [`Session`] does the work behind a front end: results come as [`News`] through the function given to
//! [`Session::start`]; [`Session::record`] appends an event to the journal and returns when it is on the disk.

mod agent;
mod apart;
mod asked;
mod clock;
mod compare;
mod cores;
mod dossier;
mod earlier;
mod files;
mod folders;
mod headless;
mod journal;
mod keys;
mod merging;
mod past;
mod previous;
mod reports;
mod room;
pub mod seal;
mod search;
mod settings;
mod sign_off;
mod signing;
mod syntax;
mod threads;
mod values;
mod words;
mod work;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::bundle::{self, OpenBundle};
use crate::checks::{Facts, Policy};
use crate::digest::Sha256;
use crate::model::SourceContent;
use crate::review::{Body, Event, State};
use crate::text::Shown;

pub use apart::{AtTerminal, Cosigning, Link, Person, Request, run_again, supervise};
pub use clock::{seconds, today, uptime};
pub use compare::{CompareError, Compared, compare_paths};
pub use earlier::Earlier;
pub use files::{is_folder, read_folder, read_small, write_whole};
pub use headless::{Headless, hash_headless, run_headless};
pub use journal::{Journal, is_journal, read_journal};
pub use keys::{KeySource, SignFailure, SummaryTo, cosign_detached, dossier_path, may_write, sign_with};
pub use merging::{MergedJournals, merge_journals};
pub use past::{Past, PastWanted, PastWhat, VersionPair};
pub use reports::{LineReader, report_name};
pub use room::{Room, SigstoreRoom, load_keyring, named_files, text_twins_count};
pub use search::{Found, Hit, HitKind, HitPlace, HitRank, MAX_HITS, Query};
pub use settings::{SettingsFiles, settings_files};
pub use signing::{Prepared, load_policy, load_signers};
pub use syntax::SyntaxLines;
pub use threads::{Signals, on_termination, signals, spawn};
pub use values::{ListingKey, News, Options, Progress, SessionError, SignedRecord};

pub(crate) use files::{read_shared, read_text};
pub(crate) use room::room;

pub(crate) use crate::inspect::names::names as names_in;

/// The demonstration release, built by `testdata/demo/make.sh`.
const DEMO: &[u8] = include_bytes!("../testdata/demo/release.tar");

pub(crate) type Send1 = Arc<dyn Fn(News) + Send + Sync>;
/// What is noted of the source files while they are read, for searches.
type SharedTrigrams = Arc<std::sync::RwLock<crate::inspect::trigrams::Trigrams>>;
type SharedSource = Arc<std::sync::Mutex<Option<Arc<dyn SourceContent>>>>;

/// One open bundle.
pub struct Session {
    options: Options,
    bundle: Arc<OpenBundle>,
    facts: Facts,
    room: Arc<Room>,
    earlier: Arc<Earlier>,
    state: State,
    journal: Journal,
    /// The folder that reports are written into.
    reports: PathBuf,
    source: SharedSource,
    trigrams: SharedTrigrams,
    not_carried: Option<String>,
    cancelled: Arc<AtomicBool>,
    /// The number of the search that runs.
    searching: Arc<AtomicU64>,
    /// The number of the file whose syntax is being found.
    highlighting: Arc<AtomicU64>,
    /// The numbers of what of a file's past is wanted, by kind.
    digging: past::Digging,
    send: Send1,
}

impl Session {
    /// Opens the bundle (names, sizes, declared digests: no payload is read), the policy and the journal, and starts the
    /// work behind the screen. News go to `send`, from other threads.
    ///
    /// # Errors
    /// When the bundle, the policy or the signers cannot be read, or another process has the review open. A journal that
    /// cannot be written is no error: see [`Session::read_only`].
    pub fn start(options: Options, send: Send1) -> Result<Self, SessionError> {
        let bundle = Arc::new(open_bundle(&options)?);
        let room = Arc::new(room(&options)?);
        let earlier = Arc::new(Earlier::read(&options)?);
        let state_folder = folders::state(options.state.as_deref()).map_err(SessionError::Other)?;
        let place = options.bundle.clone().unwrap_or_default();
        let folder = folders::review(&state_folder, &bundle.release);
        let (mut journal, reading) = if options.read_only {
            Journal::reading(&folder)
        } else {
            Journal::open(&folder, &journal::Holder::here(&reviewer(&options))).map_err(SessionError::Other)?
        };
        if let Some(what) = folders::note_place(&state_folder, &place, &folder, !options.read_only) {
            journal.tell(what);
        }
        let reports = options.reports.clone().unwrap_or_else(|| state_folder.join("reports"));
        let state = State::fold(reading.events());
        let facts = Facts::new(Arc::new(bundle.release.clone()));
        let mut session = Self {
            options,
            bundle,
            facts,
            room,
            earlier,
            state,
            journal,
            reports,
            source: SharedSource::default(),
            trigrams: SharedTrigrams::default(),
            not_carried: None,
            cancelled: Arc::new(AtomicBool::new(false)),
            searching: Arc::default(),
            highlighting: Arc::default(),
            digging: past::Digging::default(),
            send,
        };
        session.begin();
        work::start(&session, folders::sources(&state_folder));
        Ok(session)
    }

    /// The first line of this session in the journal, or why there is none: the review is another bundle's, another
    /// reviewer's, or it was signed.
    fn begin(&mut self) {
        let foreign = self.facts.release.identity.digest.and_then(|d| self.state.foreign(&d.to_string()));
        let whose = self.options.reviewer.as_ref().map(|name| Shown::new(name).to_string());
        let others = whose.filter(|name| !self.state.reviewer.is_empty() && *name != self.state.reviewer).map(|name| {
            let owner = Shown::new(&self.state.reviewer);
            format!("this review was begun by {owner}: what {name} rules goes into a review of its own, with --state DIR")
        });
        // Whoever names the record before asks for one that follows it.
        let follows = self.options.correct || self.options.previous.is_some();
        let sealed = self.state.sealed().filter(|_| !follows);
        if let Some(why) = foreign.or(others).or(sealed) {
            // What keeps the journal itself from being written says more.
            if self.options.read_only || self.journal.read_only.is_none() {
                self.journal.refuse(why);
            }
        } else if self.state.sealed().is_some() && self.journal.read_only.is_none() {
            if let Err(why) = self.correct() {
                self.journal.refuse(why);
            }
            return;
        } else if let Err(why) = self.record(self.opened()) {
            self.journal.read_only.get_or_insert(why);
        }
        if self.state.reviewer.is_empty() {
            self.state.reviewer = reviewer(&self.options);
        }
    }

    fn opened(&self) -> Body {
        let owner = Some(self.state.reviewer.clone()).filter(|o| !o.is_empty());
        Body::Opened {
            bundle: self.facts.release.identity.digest.map(|d| d.to_string()).or_else(|| self.state.bundle.clone()).unwrap_or_default(),
            release: format!("{} {}", self.facts.release.product.shown(), self.facts.release.version.shown()),
            reviewer: owner.unwrap_or_else(|| reviewer(&self.options)),
            tool: format!("countersign {}", env!("CARGO_PKG_VERSION")),
        }
    }

    /// Begins the correction of the review that was signed: what still counts is carried over into a journal of its own, and
    /// the record made from it names the old one. Returns the state to go on from.
    ///
    /// # Errors
    /// In words, when nothing was signed or it cannot be written.
    pub fn correct(&mut self) -> Result<State, String> {
        if let Some(why) =
            self.journal.read_only.as_ref().filter(|why| self.options.read_only || Some(*why) != self.state.sealed().as_ref())
        {
            return Err(why.clone());
        }
        let reading = self.journal.correct(self.opened(), &self.state)?;
        self.state = State::fold(reading.events());
        Ok(self.state.clone())
    }

    /// Keeps the identity of a loose directory in the journal once it was hashed; the event, if one was written. (What could
    /// not be written is tried again at the next start.)
    ///
    /// # Errors
    /// When the review was begun on another content: from now on nothing can be written, and why.
    pub fn identify(&mut self, digest: Sha256) -> Result<Option<Event>, String> {
        let digest = digest.to_string();
        if let Some(why) = self.state.foreign(&digest) {
            self.journal.refuse(why.clone());
            return Err(why);
        }
        if self.state.bundle.is_some() || self.journal.read_only.is_some() {
            return Ok(None);
        }
        Ok(self.record(Body::Identified { bundle: digest }).ok())
    }

    /// What was known when it was opened; later knowledge comes as [`News::Discovery`].
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The room's policy.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.room.policy
    }

    /// What the reviewer brought.
    #[must_use]
    pub fn room(&self) -> &Room {
        &self.room
    }

    /// The review as the journal has it.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Why nothing can be ruled on or signed, if so: another instance, a damaged journal, a read-only state folder.
    #[must_use]
    pub fn read_only(&self) -> Option<&str> {
        self.journal.read_only.as_deref()
    }

    /// What the journal set aside or found odd since this was asked last, in words.
    pub fn notice(&mut self) -> Option<String> {
        self.journal.notice.take()
    }

    /// Head and number of lines of the journal.
    #[must_use]
    pub fn journal(&self) -> (&str, u64) {
        (&self.journal.head, self.journal.count)
    }

    /// Appends an event to the journal and returns it once it is on the disk.
    ///
    /// # Errors
    /// When it could not be written: the event did not happen, and the message says NOT saved and why.
    pub fn record(&mut self, body: Body) -> Result<Event, String> {
        let event = self.journal.append(body)?;
        self.state.push(event.clone());
        if let (Body::Signed { .. }, Some(why)) = (&event.body, self.state.sealed()) {
            self.journal.refuse(why);
        }
        Ok(event)
    }

    /// Why nothing of an earlier review was carried over, when there is one.
    #[must_use]
    pub fn not_carried(&self) -> Option<&str> {
        self.not_carried.as_deref()
    }

    /// Takes over what an earlier review hands on, once: into the journal, or, when that is only read, for this session.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn carry_over(&mut self, carried: crate::review::Carried) -> Result<(), SessionError> {
        if self.state.previous.as_ref().is_some_and(|(record, _)| *record == carried.record) {
            return Ok(());
        }
        let body = Body::Carried(carried);
        if self.read_only().is_some() {
            let n = self.state.events.last().map_or(0, |e| e.n) + 1;
            self.state.push(Event { n, time: clock::wall(), body });
            return Ok(());
        }
        self.record(body).map(drop).map_err(SessionError::Other)
    }

    /// The wall clock as `HH:MM` (UTC), for the header.
    #[must_use]
    pub fn clock(&self) -> String {
        clock::wall().get(11..16).unwrap_or_default().to_owned()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.cancelled.store(true, Ordering::Relaxed);
        self.end_search();
        self.highlighting.fetch_add(1, Ordering::Relaxed);
        self.end_past(None);
    }
}

/// Where the journal of that bundle's review is.
///
/// # Errors
/// When the bundle cannot be opened, or no state folder is known.
pub fn journal_of(bundle: &Path, state: Option<&Path>) -> Result<PathBuf, SessionError> {
    let state = folders::state(state).map_err(SessionError::Other)?;
    let opened = bundle::open(bundle)?;
    Ok(journal::latest(&folders::review(&state, &opened.release)))
}

fn open_bundle(options: &Options) -> Result<OpenBundle, SessionError> {
    Ok(match &options.bundle {
        Some(path) => bundle::open(path)?,
        None => bundle::open_embedded("demonstration release", DEMO)?,
    })
}

fn reviewer(options: &Options) -> String {
    let name = options.reviewer.clone().or_else(|| std::env::var("USER").ok()).unwrap_or_default();
    if name.is_empty() { "reviewer".to_owned() } else { Shown::new(&name).to_string() }
}
