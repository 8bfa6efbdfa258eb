//! How a session is opened, and what it tells.

use std::path::PathBuf;
use std::sync::Arc;

use super::{Found, Past, Prepared, SyntaxLines};
use crate::bundle;
use crate::checks::Discovery;
use crate::digest::Sha256;
use crate::model::{Listing, Place, View};
use crate::review::Decision;
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
    /// The folder that the console writes reports into; `reports` in the state folder when not given.
    pub reports: Option<PathBuf>,
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
    /// The process that signs; `None` when this one may use keys.
    pub link: Option<Arc<super::Link>>,
    /// Public keys of minisign or signify that the reviewer trusts.
    pub minisign: Vec<PathBuf>,
}

/// Which listing was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ListingKey {
    /// Index of the artifact; none for a file of a source archive beside that of the tree, whose `path` is the number of its entry.
    pub artifact: Option<usize>,
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
    /// A file of a source archive was compared with that of the tree: its entry, and what came of it.
    Sources(usize, Result<Arc<crate::model::Node>, String>),
    /// A listing was made.
    Listing(ListingKey, Arc<Listing>),
    /// The syntax of some lines of a source file.
    Syntax(SyntaxLines),
    /// A search found something, or got further.
    Found(Found),
    /// Something of a file's past became known.
    Past(Past),
    /// A report was written to that path, or why not.
    Reported(Result<PathBuf, String>),
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
    /// Its number in the room's count.
    pub sequence: u64,
    /// Every byte of what was written, through the guard.
    pub leaves: Arc<[Row]>,
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
