//! The past of a source file, found behind the screen: the commits that changed it, the commit of each line, and what it was in
//! another version.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::{News, Session, uptime};
use crate::diff::history::{self, Blame, Change, Walked};
use crate::model::{Commit, ObjectId, SourceHistory};
use crate::text::{Shown, Untrusted};

/// How long one walk may take; what is known then stays.
const BUDGET: Duration = Duration::from_secs(60);
/// What was found is told that often.
const PACE: Duration = Duration::from_millis(100);
/// Commits that are listed at most.
const MAX_COMMITS: usize = 20_000;

/// The two versions of a file that are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VersionPair {
    /// What a commit made of it.
    Commit(ObjectId),
    /// The version under review and that of a tag; of the tag before, when none is named.
    Since(Option<String>),
}

/// What is wanted of a file's past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PastWhat {
    /// The commits that changed it.
    History,
    /// The commit of each line.
    Blame,
    /// Two versions beside each other.
    Change(VersionPair),
}

/// A question about a file's past: what is asked later in the same kind ends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastWanted {
    /// The number that its answers carry.
    pub id: u64,
    /// The entry of the file.
    pub entry: usize,
    /// Its path in its tree.
    pub path: Untrusted,
    /// What is wanted.
    pub what: PastWhat,
}

/// What became known of a file's past.
#[derive(Clone, Debug)]
pub enum Past {
    /// Commits that changed it, the latest first: those since the last time.
    History {
        /// The number of the question.
        id: u64,
        /// The commits.
        commits: Vec<Commit>,
        /// How far the walk is.
        walked: Walked,
        /// Why the history is incomplete, when the repository says so itself.
        incomplete: Option<String>,
        /// Whether it is over.
        finished: bool,
    },
    /// The commits of the lines, all that are known.
    Blame {
        /// The number of the question.
        id: u64,
        /// The commits.
        blame: Arc<Blame>,
        /// Why the history is incomplete, when the repository says so itself.
        incomplete: Option<String>,
        /// Whether it is over.
        finished: bool,
    },
    /// Two versions beside each other: the older by its name.
    Change {
        /// The number of the question.
        id: u64,
        /// What the older version is.
        older: String,
        /// What the newer version is.
        newer: String,
        /// The versions.
        change: Arc<Change>,
    },
    /// It cannot be told, and why.
    Failed {
        /// The number of the question.
        id: u64,
        /// Why.
        why: String,
    },
}

/// The numbers of the last questions: history, blame, change.
pub(super) type Digging = Arc<[AtomicU64; 3]>;

impl PastWhat {
    fn kind(&self) -> usize {
        match self {
            Self::History => 0,
            Self::Blame => 1,
            Self::Change(_) => 2,
        }
    }
}

impl Session {
    /// Asks for something of a file's past; it comes as [`News::Past`].
    pub fn request_past(&self, wanted: PastWanted) {
        let (digging, source, send) = (Arc::clone(&self.digging), Arc::clone(&self.source), Arc::clone(&self.send));
        let kind = wanted.what.kind();
        if let Some(place) = digging.get(kind) {
            place.store(wanted.id, Ordering::Relaxed);
        }
        let (id, most) = (wanted.id, self.room.policy.limits.source_file_size);
        let failed = move || Some(News::Past(Past::Failed { id, why: super::work::FAILED.to_owned() }));
        super::work::job_or("history", Arc::clone(&send), failed, move || {
            let content = source.lock().map(|s| s.clone()).unwrap_or(None);
            let Some(past) = content.as_ref().and_then(|c| c.history(wanted.entry)) else {
                return send(News::Past(Past::Failed { id: wanted.id, why: NO_HISTORY.to_owned() }));
            };
            let start = uptime();
            let go_on = || {
                let last = digging.get(kind).map(|place| place.load(Ordering::Relaxed));
                last == Some(wanted.id) && uptime().saturating_sub(start) < BUDGET
            };
            dig(past, &wanted, most, &go_on, &|news| send(News::Past(news)));
        });
    }

    /// Ends what runs for a file's past: what is of that kind, or all.
    pub fn end_past(&self, what: Option<&PastWhat>) {
        let kind = what.map(PastWhat::kind);
        let ended = self.digging.iter().enumerate().filter(|(n, _)| kind.is_none_or(|kind| kind == *n));
        ended.for_each(|(_, place)| place.store(0, Ordering::Relaxed));
    }

    /// Finds something of a file's past now: the answers, the last one complete unless it took too long.
    #[must_use]
    pub fn past(&self, wanted: &PastWanted) -> Vec<Past> {
        let content = self.source.lock().map(|s| s.clone()).unwrap_or(None);
        let Some(past) = content.as_ref().and_then(|c| c.history(wanted.entry)) else {
            return vec![Past::Failed { id: wanted.id, why: NO_HISTORY.to_owned() }];
        };
        let start = uptime();
        let told = std::cell::RefCell::new(Vec::new());
        dig(past, wanted, self.room.policy.limits.source_file_size, &|| uptime().saturating_sub(start) < BUDGET, &|news| {
            told.borrow_mut().push(news)
        });
        told.into_inner()
    }
}

const NO_HISTORY: &str = "this source is no repository: it has no history";

fn dig(past: &dyn SourceHistory, wanted: &PastWanted, most: u64, go_on: &dyn Fn() -> bool, tell: &dyn Fn(Past)) {
    let failed = |why: String| tell(Past::Failed { id: wanted.id, why: Shown::new(&why).to_string() });
    match &wanted.what {
        PastWhat::History => commits(past, wanted, go_on, tell),
        PastWhat::Blame => {
            let incomplete = past.incomplete().map(str::to_owned);
            let say = |blame: &Blame, finished| {
                tell(Past::Blame { id: wanted.id, blame: Arc::new(blame.clone()), incomplete: incomplete.clone(), finished });
            };
            let mut at = uptime();
            let found = history::blame(past, &wanted.path, most, &mut |blame| {
                // The table of a long file is copied: the longer it is, the more seldom.
                if uptime().saturating_sub(at) >= PACE * (1 + u32::try_from(blame.lines.len() / 10_000).unwrap_or(9)) {
                    at = uptime();
                    say(blame, false);
                }
                go_on()
            });
            match found {
                Ok(blame) => say(&blame, true),
                Err(why) => failed(why),
            }
        }
        PastWhat::Change(versions) => match change(past, &wanted.path, versions, most, go_on) {
            Ok((older, newer, change)) => tell(Past::Change { id: wanted.id, older, newer, change: Arc::new(change) }),
            Err(why) => failed(why),
        },
    }
}

fn commits(past: &dyn SourceHistory, wanted: &PastWanted, go_on: &dyn Fn() -> bool, tell: &dyn Fn(Past)) {
    let (mut found, mut at, mut count) = (Vec::new(), uptime(), 0);
    let say = |commits: Vec<Commit>, walked: &Walked, finished| {
        let incomplete = past.incomplete().map(str::to_owned);
        tell(Past::History { id: wanted.id, commits, walked: walked.clone(), incomplete, finished });
    };
    let walked = history::history(past, &wanted.path, &mut |walked, commit| {
        count += usize::from(commit.is_some());
        // The first is told at once.
        let first = commit.is_some() && count == 1;
        found.extend(commit);
        if first || uptime().saturating_sub(at) >= PACE {
            at = uptime();
            say(std::mem::take(&mut found), walked, false);
        }
        count < MAX_COMMITS && go_on()
    });
    say(found, &walked, true);
}

fn change(
    past: &dyn SourceHistory,
    path: &Untrusted,
    versions: &VersionPair,
    most: u64,
    go_on: &dyn Fn() -> bool,
) -> Result<(String, String, Change), String> {
    let (older, newer, [old, new]) = match versions {
        VersionPair::Commit(id) => {
            let texts = history::before_and_after(past, *id, path, most)?;
            (format!("before {}", id.short()), id.short(), texts)
        }
        VersionPair::Since(name) => {
            let (name, id) = match name {
                Some(name) => {
                    let id = history::named(past, name).ok_or_else(|| no_tag(past, name))?;
                    (Shown::new(name).to_string(), id)
                }
                None => {
                    let found = history::tag_before(past, &mut |_| go_on());
                    let (name, id) = found.ok_or("no commit before the one under review has a tag")?;
                    (name.shown().to_string(), id)
                }
            };
            let new = history::content_in(past, past.head(), path, most)?.ok_or("it is no file of the commit under review")?;
            let (older, old) = match history::content_in(past, id, path, most)? {
                Some(old) => (name, old),
                None => (format!("{name}, which has no such file"), Vec::new()),
            };
            (older, "the version under review".to_owned(), [old, new])
        }
    };
    if old.contains(&0) || new.contains(&0) {
        let same = if old == new { "the same" } else { "not the same" };
        return Err(format!("it is no text: its bytes are {same} in {older} and {newer} ({} and {} bytes)", old.len(), new.len()));
    }
    Ok((older, newer, history::change(&old, &new)))
}

fn no_tag(past: &dyn SourceHistory, name: &str) -> String {
    let tags = past.tags();
    let mut names: Vec<String> = tags.iter().rev().take(12).map(|(name, _)| name.shown().cut(60).to_string()).collect();
    if tags.len() > names.len() {
        names.push(format!("and {} more", tags.len() - names.len()));
    }
    let there = if names.is_empty() { "it has no tags".to_owned() } else { format!("its tags are {}", names.join(", ")) };
    format!("the repository has no tag {}: {there}", Shown::new(name).cut(60))
}
