//! The past of one file: the commits that changed it, the commit that each of its lines came with, and the tag before.
//!
//! Nothing is known of a clock here: whoever asks is told after every commit, and stops the walk.

mod blame;
mod change;
mod rename;
mod slide;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};

pub use blame::{Blame, blame};
pub use change::{Change, UnifiedLine, change, unified};

use crate::model::{Commit, ContentError, FileAt, ObjectId, SourceHistory};
use crate::text::Untrusted;

/// How far a walk is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Walked {
    /// Commits looked at.
    pub looked: usize,
    /// When the last one was committed, in seconds since the epoch, as it claims.
    pub time: i64,
    /// Whether it was stopped before the first commit.
    pub stopped: bool,
    /// What could not be read, in words: the history is incomplete there.
    pub missing: Option<String>,
}

impl Walked {
    /// A commit; `None` where it cannot be read, which is kept.
    fn commit(&mut self, history: &dyn SourceHistory, id: ObjectId) -> Option<Commit> {
        history.commit(id).map_err(|e| self.lacks(id, &e)).ok()
    }

    /// What a path is in a commit; `None` where that cannot be read, which is kept.
    fn at(&mut self, history: &dyn SourceHistory, commit: &Commit, path: &Untrusted) -> Option<Option<FileAt>> {
        history.at(commit.tree, path).map_err(|e| self.lacks(commit.id, &e)).ok()
    }

    fn lacks(&mut self, id: ObjectId, why: &ContentError) {
        let what = match why {
            ContentError::Absent => format!("commit {} is not in the repository", id.short()),
            other => format!("commit {}: {other}", id.short()),
        };
        self.missing.get_or_insert(what);
    }
}

/// Commits to look at, the latest first; of equal ones the first that came.
struct Queue<T> {
    heap: BinaryHeap<(i64, Reverse<usize>)>,
    waiting: Vec<Option<T>>,
}

impl<T> Queue<T> {
    fn new() -> Self {
        Self { heap: BinaryHeap::new(), waiting: Vec::new() }
    }

    fn push(&mut self, time: i64, what: T) {
        self.heap.push((time, Reverse(self.waiting.len())));
        self.waiting.push(Some(what));
    }

    fn pop(&mut self) -> Option<T> {
        let (_, Reverse(at)) = self.heap.pop()?;
        self.waiting.get_mut(at)?.take()
    }
}

/// Tells every commit that changed the file at that path, the latest first, by git's own rule: a merge that left the file as one of
/// its parents had it is no change, and only that parent's side is followed. `each` is told after every commit, and returns false to
/// stop.
pub fn history(history: &dyn SourceHistory, path: &Untrusted, each: &mut dyn FnMut(&Walked, Option<Commit>) -> bool) -> Walked {
    let mut walked = Walked::default();
    let mut queue = Queue::new();
    let mut seen = HashSet::from([history.head()]);
    if let Some(head) = walked.commit(history, history.head())
        && let Some(file) = walked.at(history, &head, path)
    {
        queue.push(head.time, (head, file));
    }
    while let Some((commit, file)) = queue.pop() {
        walked.looked += 1;
        walked.time = commit.time;
        let mut parents = Vec::new();
        let mut same = None;
        for id in &commit.parents {
            let Some(parent) = walked.commit(history, *id) else { continue };
            let Some(there) = walked.at(history, &parent, path) else { continue };
            if there == file {
                same = Some((parent, there));
                break;
            }
            parents.push((parent, there));
        }
        let changed = same.is_none() && (file.is_some() || !parents.is_empty());
        for (parent, there) in same.map_or(parents, |same| vec![same]) {
            if seen.insert(parent.id) {
                queue.push(parent.time, (parent, there));
            }
        }
        if !each(&walked, changed.then_some(commit)) {
            walked.stopped = true;
            break;
        }
    }
    walked
}

/// The tag before: that of the latest commit behind the one under review that has one, other than the tags of that commit itself.
/// `each` is told after every commit, and returns false to stop.
pub fn tag_before(history: &dyn SourceHistory, each: &mut dyn FnMut(&Walked) -> bool) -> Option<(Untrusted, ObjectId)> {
    let tags = history.tags();
    let head = history.head();
    let mut walked = Walked::default();
    let mut queue = Queue::new();
    let mut seen = HashSet::from([head]);
    queue.push(0, head);
    while let Some(id) = queue.pop() {
        // Of several tags on one commit the last by name: `v1.0` is after `v1.0-rc1` only by luck, but it is the same commit.
        if id != head
            && let Some(tag) = tags.iter().rfind(|(_, commit)| *commit == id)
        {
            return Some(tag.clone());
        }
        walked.looked += 1;
        for parent in walked.commit(history, id)?.parents {
            if seen.insert(parent)
                && let Some(commit) = walked.commit(history, parent)
            {
                queue.push(commit.time, parent);
            }
        }
        if !each(&walked) {
            return None;
        }
    }
    None
}

/// The commit that a tag, or the start of a commit's name, means.
#[must_use]
pub fn named(history: &dyn SourceHistory, name: &str) -> Option<ObjectId> {
    let short = name.strip_prefix("refs/tags/").unwrap_or(name);
    history.tags().into_iter().find(|(tag, _)| tag.as_bytes() == short.as_bytes()).map(|(_, id)| id)
}

/// The content of a file in a commit and in the first of its parents (that it is compared with): what the commit made of it. Nothing
/// where the commit, the parent or the file is absent.
///
/// # Errors
/// When something cannot be read, in words.
pub fn before_and_after(history: &dyn SourceHistory, id: ObjectId, path: &Untrusted, limit: u64) -> Result<[Vec<u8>; 2], String> {
    let words = |e: ContentError| format!("commit {}: {e}", id.short());
    let commit = history.commit(id).map_err(words)?;
    let after = history.at(commit.tree, path).map_err(words)?;
    let mut before = None;
    for parent in &commit.parents {
        let parent = match history.commit(*parent) {
            Ok(parent) => parent,
            Err(ContentError::Absent) => return Err(format!("the commit before {} is not in the repository", id.short())),
            Err(e) => return Err(words(e)),
        };
        before = history.at(parent.tree, path).map_err(words)?;
        if before.is_some() {
            break;
        }
    }
    if before.is_none()
        && let (Some(file), Some(parent)) = (after, commit.parents.first())
        && let Some((_, from)) = rename::source(history, *parent, commit.tree, path, file, limit)
    {
        before = Some(from);
    }
    Ok([content_of(history, before, limit)?, content_of(history, after, limit)?])
}

/// The content of a file in a commit; nothing where it is not there.
///
/// # Errors
/// When something cannot be read, in words.
pub fn content_in(history: &dyn SourceHistory, id: ObjectId, path: &Untrusted, limit: u64) -> Result<Option<Vec<u8>>, String> {
    let words = |e: ContentError| format!("commit {}: {e}", id.short());
    let commit = history.commit(id).map_err(words)?;
    match history.at(commit.tree, path).map_err(words)?.filter(FileAt::is_file) {
        Some(file) => content_of(history, Some(file), limit).map(Some),
        None => Ok(None),
    }
}

fn content_of(history: &dyn SourceHistory, file: Option<FileAt>, limit: u64) -> Result<Vec<u8>, String> {
    match file.filter(FileAt::is_file) {
        Some(file) => history.content(file.blob, limit).map_err(|e| format!("{}: {e}", file.blob.short())),
        None => Ok(Vec::new()),
    }
}
