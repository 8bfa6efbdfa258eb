//! The commits behind the one under review, from the object database alone: no revision walk of libgit2's, which would ask a
//! repository for its grafts, its shallow file and its commit graph.

use std::collections::HashMap;
use std::sync::Mutex;

use git2::{ObjectType, Oid};

use super::object::{self, TreeEntry};
use super::refs::Refs;
use super::{ObjectError, Store};
use crate::bundle::limits;
use crate::model::{Commit, ContentError, Defect, FileAt, ObjectId};
use crate::text::Untrusted;

/// Folders whose way to a file is remembered.
const REMEMBERED: usize = 100_000;
/// Trees that are read to find the files that a commit took away.
const TREES: usize = 10_000;

/// A tree below the root, and the rest of the way to a file.
type Way = (Oid, Box<[u8]>);

/// What is needed to go back from a commit.
pub(super) struct History {
    head: Oid,
    tags: Vec<(Vec<u8>, Oid)>,
    incomplete: Option<String>,
    /// Most commits change the root and none of the folders on the way.
    known: Mutex<HashMap<Way, Option<FileAt>>>,
}

fn own(id: Oid) -> ObjectId {
    let mut bytes = [0; 20];
    // A SHA-1: the lengths are equal.
    bytes.iter_mut().zip(id.as_bytes()).for_each(|(to, from)| *to = *from);
    ObjectId(bytes)
}

fn theirs(id: ObjectId) -> Result<Oid, ContentError> {
    Oid::from_bytes(&id.0).map_err(|_| ContentError::Unreadable(format!("{id} is no object name")))
}

fn unread(e: ObjectError) -> ContentError {
    e.content(limits::GIT_OBJECT)
}

/// The entries of a tree, by the function given.
fn with_tree<T>(store: &Store, id: Oid, f: impl FnOnce(Vec<TreeEntry<'_>>) -> T) -> Result<T, ContentError> {
    let bytes = store.small(id, ObjectType::Tree).map_err(unread)?;
    object::tree(&bytes).map(f).ok_or_else(|| ContentError::Unreadable(format!("tree {id} is malformed")))
}

impl History {
    pub(super) fn new(head: Oid, refs: &Refs, defects: &[Defect]) -> Self {
        let tags = refs.list.iter().filter(|(name, _)| name.starts_with(b"refs/tags/")).cloned().collect();
        // Grafts and replacements hide nothing here: they are not followed.
        let cut = defects.iter().find(|d| matches!(d.code, "source.shallow" | "source.prerequisites"));
        Self { head, tags, incomplete: cut.map(|d| format!("the repository {}", d.what)), known: Mutex::default() }
    }

    pub(super) fn head(&self) -> ObjectId {
        own(self.head)
    }

    pub(super) fn incomplete(&self) -> Option<&str> {
        self.incomplete.as_deref()
    }

    pub(super) fn commit(store: &Store, id: ObjectId) -> Result<Commit, ContentError> {
        let bytes = store.small(theirs(id)?, ObjectType::Commit).map_err(unread)?;
        let told = object::told(&bytes).ok_or_else(|| ContentError::Unreadable(format!("commit {id} is malformed")))?;
        Ok(Commit {
            id,
            parents: told.parents.into_iter().map(own).collect(),
            tree: own(told.tree),
            time: told.time.unwrap_or(0),
            author: told.author.into(),
            authored: told.authored,
            subject: told.subject.into(),
        })
    }

    pub(super) fn at(&self, store: &Store, tree: ObjectId, path: &Untrusted) -> Result<Option<FileAt>, ContentError> {
        self.below(store, theirs(tree)?, path.as_bytes(), true)
    }

    fn below(&self, store: &Store, tree: Oid, path: &[u8], root: bool) -> Result<Option<FileAt>, ContentError> {
        let way: Way = (tree, path.into());
        if !root && let Some(found) = self.known.lock().ok().and_then(|known| known.get(&way).copied()) {
            return Ok(found);
        }
        let (name, rest) = match path.iter().position(|b| *b == b'/') {
            Some(slash) => (path.get(..slash).unwrap_or_default(), path.get(slash + 1..)),
            None => (path, None),
        };
        let entry = with_tree(store, tree, |list| list.into_iter().find(|(_, n, _)| *n == name).map(|(mode, _, id)| (mode, id)))?;
        let found = match (entry, rest) {
            (Some((0o40_000, id)), Some(rest)) => self.below(store, id, rest, false)?,
            (Some((mode, id)), None) => Some(FileAt { mode, blob: own(id) }),
            _ => None,
        };
        if let Ok(mut known) = self.known.lock().map_err(drop)
            && !root
        {
            if known.len() >= REMEMBERED {
                known.clear();
            }
            known.insert(way, found);
        }
        Ok(found)
    }

    pub(super) fn content(store: &Store, blob: ObjectId, limit: u64) -> Result<Vec<u8>, ContentError> {
        let (kind, bytes) = store.read(theirs(blob)?, limit).map_err(|e| e.content(limit))?;
        if kind == ObjectType::Blob { Ok(bytes) } else { Err(ContentError::Unreadable(format!("{blob} is a {kind}, not a blob"))) }
    }

    pub(super) fn gone(store: &Store, older: ObjectId, newer: ObjectId, most: usize) -> Result<Vec<(Untrusted, FileAt)>, ContentError> {
        let mut found = Vec::new();
        let mut open = vec![(Vec::new(), theirs(older)?, Some(theirs(newer)?))];
        let mut read = 0;
        while let Some((prefix, old, new)) = open.pop() {
            read += 1;
            if Some(old) == new || read > TREES || found.len() >= most || prefix.len() > limits::NAME {
                continue;
            }
            let kept: HashMap<Vec<u8>, (u32, Oid)> = match new {
                Some(id) => with_tree(store, id, |list| list.into_iter().map(|(mode, name, id)| (name.to_vec(), (mode, id))).collect())?,
                None => HashMap::new(),
            };
            with_tree(store, old, |list| {
                for (mode, name, id) in list {
                    let path = [prefix.as_slice(), name].concat();
                    let now = kept.get(name);
                    if mode == 0o40_000 {
                        let below = now.filter(|(mode, _)| *mode == 0o40_000).map(|(_, id)| *id);
                        open.push(([path.as_slice(), b"/"].concat(), id, below));
                    } else if now.is_none_or(|(mode, _)| *mode == 0o40_000) && found.len() < most {
                        found.push((path.into(), FileAt { mode, blob: own(id) }));
                    }
                }
            })?;
        }
        found.sort();
        Ok(found)
    }

    pub(super) fn tags(&self, store: &Store) -> Vec<(Untrusted, ObjectId)> {
        let commit = |(name, id): &(Vec<u8>, Oid)| {
            let (target, kind) = object::peel(store, *id).ok()?;
            let name = name.strip_prefix(b"refs/tags/").unwrap_or(name);
            (kind == ObjectType::Commit).then(|| (name.into(), own(target)))
        };
        self.tags.iter().filter_map(commit).collect()
    }
}
