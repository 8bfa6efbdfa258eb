//! Use cases on one open bundle: open, check, decide, sign. Threads, clock, journal and configuration live here and only here.
//!
//! A [`Session`] does the work behind a front end: results come as [`News`] through the function given to
//! [`Session::start`]; [`Session::record`] appends an event to the journal and returns when it is on the disk.

mod agent;
mod clock;
mod compare;
mod cores;
mod dossier;
mod earlier;
mod folders;
mod headless;
mod journal;
mod keys;
mod previous;
mod signing;
mod words;
mod work;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::bundle::{self, OpenBundle};
use crate::checks::{Discovery, Facts, Policy, Quorum};
use crate::digest::Sha256;
use crate::model::{Evidence, Listing, Place, SourceContent, View};
use crate::provenance::AllowedSigners;
use crate::review::{Body, Decision, Event, State};
use crate::text::Shown;

pub use clock::{seconds, today, uptime};
pub use compare::{CompareError, Compared, compare_paths};
pub use earlier::Earlier;
pub use headless::{Headless, hash_headless, run_headless};
pub use journal::{Journal, is_journal, read_journal};
pub use keys::{KeySource, SignFailure, SummaryTo, cosign, cosign_detached, dossier_path, may_write, sign_with};
pub use signing::{Prepared, load_policy, load_signers};
pub use work::MAX_READ;

/// The demonstration release, built by `testdata/demo/make.sh`.
const DEMO: &[u8] = include_bytes!("../testdata/demo/release.tar");
const DEMO_SIGNERS: &str = include_str!("../testdata/demo/allowed_signers");
const DEMO_POLICY: &str = include_str!("../testdata/demo/policy.toml");

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
    /// The key file that the sign dialog offers.
    pub key: Option<PathBuf>,
    /// Fingerprint of the agent's key that signs; its first one when not given.
    pub agent_key: Option<String>,
    /// What was installed elsewhere: lists of digests, or digits.
    pub expect: Vec<String>,
    /// The record before the one that will be signed: what is unchanged since is carried over.
    pub previous: Option<PathBuf>,
    /// Its dossier; `None` is the one beside it.
    pub dossier: Option<PathBuf>,
    /// The record that the one that will be signed dissents from.
    pub dissents_from: Option<PathBuf>,
    /// The value that the customer gave, to be stated in the record.
    pub challenge: Option<String>,
    /// Sign although the reviewer's words quote what was looked at; the record says so.
    pub include_excerpts: bool,
    /// Begin the correction of a review that was signed.
    pub correct: bool,
    /// Public keys of minisign or signify that the reviewer trusts.
    pub minisign: Vec<PathBuf>,
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
    /// What an earlier review hands on, or why it hands nothing on.
    Previous(Result<Box<crate::review::Carried>, String>),
    /// A record was signed and written to that path, or why not.
    Signed(Result<SignedRecord, String>),
}

/// A record on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedRecord {
    /// Where it is.
    pub path: PathBuf,
    /// Where its dossier is.
    pub dossier: PathBuf,
    /// SHA-256 of its payload.
    pub payload: Sha256,
    /// Fingerprint of the key.
    pub key: String,
    /// The outcome.
    pub decision: Decision,
}

/// Why a session could not start.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The bundle cannot be opened.
    #[error(transparent)]
    Bundle(#[from] bundle::BundleError),
    /// A file that the reviewer named is wrong.
    #[error("{path}: {what}")]
    File {
        /// The file.
        path: String,
        /// What is wrong with it.
        what: String,
    },
    /// Anything else, in words.
    #[error("{0}")]
    Other(String),
}

pub(crate) type Send1 = Arc<dyn Fn(News) + Send + Sync>;
type SharedSource = Arc<std::sync::Mutex<Option<Arc<dyn SourceContent>>>>;

/// What the reviewer brings: policy and trust.
#[derive(Clone, Debug)]
pub struct Room {
    /// The policy.
    pub policy: Policy,
    /// SHA-256 of the policy file, when there is one.
    pub policy_digest: Option<Sha256>,
    /// Whose signatures count.
    pub signers: AllowedSigners,
    /// Whether an `allowed_signers` file was given or configured.
    pub signers_given: bool,
    /// Whose the keys are, by the policy.
    pub quorum: Quorum,
    /// What Sigstore bundles are checked with, when the policy says so.
    pub sigstore: Option<Arc<SigstoreRoom>>,
    /// What OpenPGP signatures are checked with, when the policy says so.
    pub openpgp: Option<Arc<crate::provenance::openpgp::Keyring>>,
    /// Digests that the reviewer brought from outside.
    pub expected: Vec<crate::provenance::expect::Expected>,
    /// Keys of minisign and signify that the reviewer trusts.
    pub minisign: crate::provenance::minisign::Keys,
}

/// The trusted root of the policy, and who may have signed.
#[derive(Debug)]
pub struct SigstoreRoom {
    /// The trusted root, with the digest that the policy pins.
    pub root: crate::provenance::sigstore::Root,
    /// Identities, each with its issuer.
    pub identities: Vec<(String, String)>,
}

/// One open bundle.
pub struct Session {
    options: Options,
    bundle: Arc<OpenBundle>,
    facts: Facts,
    room: Arc<Room>,
    earlier: Arc<Earlier>,
    state: State,
    journal: Journal,
    source: SharedSource,
    not_carried: Option<String>,
    cancelled: Arc<AtomicBool>,
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
        let folder = folders::review(&state_folder, &bundle.release, &place);
        let (journal, reading) = if options.read_only {
            Journal::reading(&folder)
        } else {
            Journal::open(&folder, &journal::Holder::here(&reviewer(&options))).map_err(SessionError::Other)?
        };
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
            source: SharedSource::default(),
            not_carried: None,
            cancelled: Arc::new(AtomicBool::new(false)),
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

    /// Reads a source file; it comes as [`News::SourceFile`].
    pub fn request_source(&self, entry: usize) {
        let (source, send) = (Arc::clone(&self.source), Arc::clone(&self.send));
        let send_again = Arc::clone(&send);
        work::job("source file", send_again, move || {
            let content = source.lock().map(|s| s.clone()).unwrap_or(None);
            let result = match content {
                Some(content) => content.read(entry, work::MAX_SOURCE_FILE).map(Arc::from).map_err(|e| e.to_string()),
                None => Err("the source is not open yet".to_owned()),
            };
            send(News::SourceFile(entry, result));
        });
    }

    /// Reads a source file now.
    ///
    /// # Errors
    /// In words: the source is not open, or has no such file, or it is too large or unsound.
    pub fn read_source(&self, path: &crate::text::Untrusted) -> Result<Vec<u8>, String> {
        let content = self.source.lock().map(|s| s.clone()).unwrap_or(None).ok_or("the source is not open")?;
        content.read_path(path, work::MAX_SOURCE_FILE).map_err(|e| e.to_string())
    }

    /// Makes a listing; it comes as [`News::Listing`].
    pub fn request_listing(&self, key: ListingKey, evidence: Arc<dyn Evidence>) {
        let send = Arc::clone(&self.send);
        work::job("listing", Arc::clone(&send), move || {
            let listing = evidence.listing(key.place, key.view);
            send(News::Listing(key, Arc::new(listing)));
        });
    }

    /// Hashes everything again and makes the statement, which names the key that will sign it; it comes as
    /// [`News::Prepared`]. Without a key it can be read, not signed.
    pub fn request_statement(&self, decision: Decision, key: KeySource, facts: &Facts, state: &State) {
        let mut maker = self.statement_maker(decision, facts.clone(), state.clone());
        // Without an agent the statement can still be read; it then names no key.
        let no_agent = matches!(key, KeySource::Agent(_)) && std::env::var_os("SSH_AUTH_SOCK").is_none();
        maker.key = Some(key).filter(|_| !no_agent);
        let send = Arc::clone(&self.send);
        work::job("statement", Arc::clone(&send), move || {
            let progress_to = Arc::clone(&send);
            let result = maker.make(&mut |done, total| {
                progress_to(News::Progress(Progress { job: "hashing again", done, total, bytes: true, finished: done >= total }));
            });
            send(News::Prepared(Box::new(result)));
        });
    }

    /// The same, now: for a front end without a screen.
    ///
    /// # Errors
    /// When the work is not done, when anything in the bundle changed, or when the decision is closed.
    pub fn prepare(&self, decision: Decision, facts: &Facts) -> Result<Prepared, String> {
        self.statement_maker(decision, facts.clone(), self.state.clone()).make(&mut |_, _| {})
    }

    pub(crate) fn statement_maker(&self, decision: Decision, facts: Facts, state: State) -> signing::StatementMaker {
        signing::StatementMaker {
            decision,
            facts,
            state,
            room: Arc::clone(&self.room),
            earlier: Arc::clone(&self.earlier),
            bundle: Arc::clone(&self.bundle),
            journal: self.journal.snapshot(),
            source: Arc::clone(&self.source),
            include_excerpts: self.options.include_excerpts,
            key: self.default_key(),
            sequence: self.journal.nth(),
        }
    }

    /// Signs the prepared statement and writes the record; the result comes as [`News::Signed`].
    pub fn request_signature(&self, prepared: Prepared, key: KeySource, output: PathBuf) {
        let send = Arc::clone(&self.send);
        work::job("signature", Arc::clone(&send), move || {
            send(News::Signed(sign_with(&prepared, &key, &output, None).map_err(|e| e.to_string())));
        });
    }

    /// Where the sign dialog proposes to write the record: beside the state, never inside the bundle.
    #[must_use]
    pub fn default_output(&self) -> PathBuf {
        let name = format!("{}-{}.dsse.json", self.facts.release.product.shown(), self.facts.release.version.shown());
        let safe: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || "-._+".contains(c) { c } else { '_' }).collect();
        PathBuf::from(safe.trim_start_matches('.'))
    }

    /// The key that would sign: the file named at the start, else the agent if there is one.
    #[must_use]
    pub fn default_key(&self) -> Option<KeySource> {
        let agent = || std::env::var_os("SSH_AUTH_SOCK").map(|_| KeySource::Agent(self.options.agent_key.clone()));
        self.options.key.clone().map(|path| KeySource::File(path, None)).or_else(agent)
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
    }
}

/// Where the journal of that bundle's review is.
///
/// # Errors
/// When the bundle cannot be opened, or no state folder is known.
pub fn journal_of(bundle: &Path, state: Option<&Path>) -> Result<PathBuf, SessionError> {
    let state = folders::state(state).map_err(SessionError::Other)?;
    let opened = bundle::open(bundle)?;
    Ok(journal::latest(&folders::review(&state, &opened.release, bundle)))
}

/// What came of merging two journals.
#[derive(Debug)]
pub struct MergedJournals {
    /// The two, up to the heads that were exchanged.
    pub sides: [crate::review::merge::Side; 2],
    /// What they agree on and what not.
    pub merge: crate::review::merge::Merge,
    /// The journal of the merged review.
    pub path: PathBuf,
}

/// Puts two reviewers' journals of one bundle together into a review of its own, kept by one of them. `heads` are those that
/// the two exchanged before either showed a journal.
///
/// # Errors
/// When a journal cannot be read, is not the one that was committed to, or is of another bundle; or when it cannot be written.
pub fn merge_journals(
    bundle: &Path,
    journals: &[PathBuf],
    heads: &[String],
    reviewer: &str,
    state: Option<&Path>,
) -> Result<MergedJournals, SessionError> {
    use crate::review::journal::Entry;
    use crate::review::merge::{Side, merge};
    let opened = bundle::open(bundle)?;
    let release = &opened.release;
    let identity = release.identity.digest.map(|d| d.to_string());
    let mut sides = Vec::new();
    for path in journals {
        let fail = |what: String| SessionError::File { path: Shown::new(&path.to_string_lossy()).to_string(), what };
        let side = Side::of(&read_journal(path).map_err(SessionError::Other)?, heads).map_err(fail)?;
        if let (Some(own), Some(identity)) = (&side.bundle, &identity)
            && own != identity
        {
            return Err(fail(format!("it is the journal of another bundle: {own}, and this one is {identity}")));
        }
        sides.push(side);
    }
    let sides: [Side; 2] = sides.try_into().map_err(|_| SessionError::Other("two journals are wanted".to_owned()))?;
    if !sides.iter().any(|s| s.from.reviewer == reviewer) {
        let [a, b] = sides.each_ref().map(|s| Shown::new(&s.from.reviewer));
        return Err(SessionError::Other(format!(
            "{} is neither {a} nor {b}: one of the two keeps the merged review",
            Shown::new(reviewer)
        )));
    }
    let now = clock::stamp();
    let merged = merge(&sides, &now).map_err(SessionError::Other)?;
    let first = Body::Opened {
        bundle: identity.or_else(|| sides[0].bundle.clone()).unwrap_or_default(),
        release: format!("{} {}", release.product.shown(), release.version.shown()),
        reviewer: reviewer.to_owned(),
        tool: format!("countersign {}", env!("CARGO_PKG_VERSION")),
    };
    let entries: Vec<Entry> = std::iter::once(Entry { stamp: now, body: first }).chain(merged.entries.iter().cloned()).collect();
    let folder = folders::review(&folders::state(state).map_err(SessionError::Other)?, release, bundle);
    let path = journal::begin(&folder, &journal::Holder::here(reviewer), &entries).map_err(SessionError::Other)?;
    Ok(MergedJournals { sides, merge: merged, path })
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

/// Whether the room's policy counts what is printed as text as shown.
///
/// # Errors
/// As [`Session::start`], for what the room brings.
pub fn text_twins_count(options: &Options) -> Result<bool, SessionError> {
    room(options).map(|room| room.policy.text_twins_count)
}

/// Reads policy and signers: those given, else those of the configuration folder, else (for the demonstration) its own.
pub(crate) fn room(options: &Options) -> Result<Room, SessionError> {
    let demo = options.bundle.is_none();
    let policy_path = options.policy.clone().or_else(|| folders::config_file("policy.toml").filter(|_| !demo));
    let (policy, policy_digest) = match &policy_path {
        Some(path) => {
            let text = read_text(path)?;
            let policy = Policy::parse(&text).map_err(|e| SessionError::File { path: path.display().to_string(), what: e.to_string() })?;
            (policy, Some(Sha256::of(text.as_bytes())))
        }
        None if demo => (
            Policy::parse(DEMO_POLICY).map_err(|e| SessionError::Other(format!("demonstration policy: {e}")))?,
            Some(Sha256::of(DEMO_POLICY.as_bytes())),
        ),
        None => (Policy::default(), None),
    };
    // The path in a policy is relative to the policy file; the built-in policy of the demonstration is no file.
    let beside = |file: &PathBuf| Some(file.parent()?.join(policy.allowed_signers.as_deref()?));
    let from_policy = policy_path.as_ref().and_then(beside);
    let path = options.signers.clone().or(from_policy).or_else(|| folders::config_file("allowed_signers").filter(|_| !demo));
    let (signers, signers_given) = match path {
        Some(path) => (load_signers(&path)?, true),
        None if demo => {
            (AllowedSigners::parse(DEMO_SIGNERS.as_bytes()).map_err(|e| SessionError::Other(format!("demonstration signers: {e}")))?, true)
        }
        None => (AllowedSigners::default(), false),
    };
    let quorum = Quorum::new(&policy, &signers).map_err(|what| {
        let path = policy_path.as_ref().map_or_else(|| "allowed_signers".to_owned(), |p| p.display().to_string());
        SessionError::File { path, what }
    })?;
    let sigstore = sigstore_room(&policy, policy_path.as_deref())?;
    let openpgp = openpgp_room(&policy, policy_path.as_deref())?;
    let minisign = minisign_room(&options.minisign, &policy, policy_path.as_deref())?;
    let expected = expected(&options.expect)?;
    Ok(Room { policy, policy_digest, signers, signers_given, quorum, sigstore, openpgp, minisign, expected })
}

/// Reads the keys of minisign that were given, and those that the policy names; each goes by the name of its file.
fn minisign_room(
    given: &[PathBuf],
    policy: &Policy,
    policy_path: Option<&Path>,
) -> Result<crate::provenance::minisign::Keys, SessionError> {
    let folder = policy_path.and_then(Path::parent);
    let named = policy.minisign_keys.iter().filter_map(|name| Some(folder?.join(name)));
    let mut keys = crate::provenance::minisign::Keys::default();
    for path in given.iter().cloned().chain(named) {
        let fail = |what: String| SessionError::File { path: path.display().to_string(), what };
        let name = path.file_stem().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        keys.add(&name, &read_small(&path, 1 << 20).map_err(fail)?).map_err(fail)?;
    }
    Ok(keys)
}

/// What was installed elsewhere: each a list of digests, or digits or words typed from paper.
fn expected(given: &[String]) -> Result<Vec<crate::provenance::expect::Expected>, SessionError> {
    let mut out = Vec::new();
    for text in given {
        let path = Path::new(text);
        let typed = crate::provenance::expect::digits(text).map(Ok).or_else(|| crate::provenance::expect::words(text));
        match typed.filter(|_| !path.exists()) {
            Some(read) => out.push(read.map_err(|what| SessionError::Other(format!("--expect: {what}")))?),
            None => {
                let fail = |what: String| SessionError::File { path: path.display().to_string(), what };
                out.extend(crate::provenance::expect::parse(&read_small(path, 64 << 20).map_err(fail)?).map_err(fail)?);
            }
        }
    }
    Ok(out)
}

/// Reads the OpenPGP keys that the policy names.
fn openpgp_room(policy: &Policy, policy_path: Option<&Path>) -> Result<Option<Arc<crate::provenance::openpgp::Keyring>>, SessionError> {
    let (Some(named), Some(folder)) = (&policy.openpgp_keyring, policy_path.and_then(Path::parent)) else { return Ok(None) };
    load_keyring(&folder.join(named)).map(|ring| Some(Arc::new(ring)))
}

/// Reads OpenPGP keys.
///
/// # Errors
/// With the path and what is wrong.
pub fn load_keyring(path: &Path) -> Result<crate::provenance::openpgp::Keyring, SessionError> {
    let fail = |what: String| SessionError::File { path: path.display().to_string(), what };
    let bytes = read_small(path, 64 << 20).map_err(fail)?;
    crate::provenance::openpgp::Keyring::parse(&bytes).map_err(fail)
}

/// Reads the trusted root that the policy names. One that is not the pinned one is an error, never passed over.
fn sigstore_room(policy: &Policy, policy_path: Option<&Path>) -> Result<Option<Arc<SigstoreRoom>>, SessionError> {
    let (Some(named), Some(folder)) = (&policy.sigstore, policy_path.and_then(Path::parent)) else { return Ok(None) };
    let path = folder.join(&named.trusted_root);
    let fail = |what: String| SessionError::File { path: path.display().to_string(), what };
    let bytes = read_small(&path, 64 << 20).map_err(fail)?;
    let root = crate::provenance::sigstore::Root::parse(&bytes, named.trusted_root_sha256.parse().ok()).map_err(|e| fail(e.why))?;
    let identities = named.identities.iter().map(|i| (i.identity.clone(), i.issuer.clone())).collect();
    Ok(Some(Arc::new(SigstoreRoom { root, identities })))
}

/// Reads a small text file that the reviewer named.
pub(crate) fn read_text(path: &Path) -> Result<String, SessionError> {
    let fail = |what: String| SessionError::File { path: path.display().to_string(), what };
    let bytes = read_small(path, 64 << 20).map_err(fail)?;
    String::from_utf8(bytes).map_err(|e| fail(format!("not UTF-8 at byte {}", e.utf8_error().valid_up_to())))
}

/// Reads a file of at most `limit` bytes that the reviewer named.
///
/// # Errors
/// In words, without the path.
pub fn read_small(path: &Path, limit: u64) -> Result<Vec<u8>, String> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|e| format!("cannot be read: {e}"))?;
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|e| format!("cannot be read: {e}"))?;
    if bytes.len() as u64 > limit {
        return Err(format!("larger than {limit} bytes"));
    }
    Ok(bytes)
}

/// Whether a path that the reviewer named is a folder.
#[must_use]
pub fn is_folder(path: &Path) -> bool {
    path.is_dir()
}

/// Reads all files of a folder whose names end so, in the order of their names; none of folders in it.
///
/// # Errors
/// In words, with the path: when one cannot be read, is larger than `limit`, or there are more than `most`.
pub fn read_folder(folder: &Path, end: &str, most: usize, limit: u64) -> Result<Vec<(PathBuf, Vec<u8>)>, String> {
    let fail = |path: &Path, what: String| format!("{}: {what}", crate::text::Shown::new(&path.to_string_lossy()));
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|e| fail(folder, format!("cannot be read: {e}")))? {
        let path = entry.map_err(|e| fail(folder, format!("cannot be read: {e}")))?.path();
        if path.to_string_lossy().ends_with(end) {
            paths.push(path);
        }
        if paths.len() > most {
            return Err(fail(folder, format!("more than {most} files end in {end}")));
        }
    }
    paths.sort();
    paths.into_iter().map(|path| read_small(&path, limit).map_err(|e| fail(&path, e)).map(|bytes| (path, bytes))).collect()
}

/// Reads a whole file to share it. Unlike a vector that becomes shared it is never there twice.
///
/// # Errors
/// In words, when it cannot be read or is larger than `limit`.
pub(crate) fn read_shared(path: &Path, limit: u64) -> Result<Arc<[u8]>, String> {
    use std::io::Read as _;
    let fail = |e: std::io::Error| format!("cannot be read: {e}");
    let mut file = std::fs::File::open(path).map_err(fail)?;
    let size = file.metadata().map_err(fail)?.len();
    if size > limit {
        return Err(format!("larger than {limit} bytes"));
    }
    let mut bytes: Arc<[u8]> = std::iter::repeat_n(0, usize::try_from(size).map_err(|e| e.to_string())?).collect();
    let Some(buffer) = Arc::get_mut(&mut bytes) else { return Err("cannot be read".to_owned()) };
    let filled = file.read_exact(buffer);
    // Pipes have no size, and a file may change while it is read: then as any stream.
    if filled.is_err() || file.read(&mut [0]).map_err(fail)? > 0 {
        return read_small(path, limit).map(Arc::from);
    }
    Ok(bytes)
}

/// Writes a file aside, syncs it, and renames it into place: it is there whole or not at all.
///
/// # Errors
/// In words, with the path.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), String> {
    use std::io::Write as _;
    let fail = |e: std::io::Error| format!("{} cannot be written: {e}", path.display());
    let name = path.file_name().ok_or_else(|| format!("{} names no file", path.display()))?;
    let mut aside = std::ffi::OsString::from(".");
    aside.push(name);
    aside.push(format!(".{}.part", clock::uptime().as_nanos()));
    let aside = path.with_file_name(aside);
    let result = (|| {
        let mut file = std::fs::File::create_new(&aside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&aside, path)?;
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::File::open(folder)?.sync_all()
    })();
    if result.is_err() {
        let _ = std::fs::remove_file(&aside);
    }
    result.map_err(fail)
}

/// Runs `work` on a thread of its own (the terminal's input loop).
pub fn spawn(name: &str, work: impl FnOnce() + Send + 'static) {
    // Without a thread there is no input: the caller sees a closed channel and leaves.
    let _ = std::thread::Builder::new().name(name.to_owned()).spawn(work);
}

/// Calls `ask` when the system asks the program to end (SIGTERM, SIGHUP): the terminal must be put back first.
pub fn on_termination(ask: impl Fn() + Send + 'static) {
    use signal_hook::consts::{SIGHUP, SIGTERM};
    // Where no handler can be set the system's own takes effect, as for any program.
    if let Ok(mut signals) = signal_hook::iterator::Signals::new([SIGTERM, SIGHUP]) {
        spawn("signals", move || {
            for _ in signals.forever() {
                ask();
            }
        });
    }
}
