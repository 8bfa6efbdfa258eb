//! The files of one commit, with sizes, and what is odd about their names.

use git2::{ObjectType, Oid};

use super::Store;
use super::history::History;
use super::object;
use super::refs::Refs;
use crate::bundle::defects::Defects;
use crate::bundle::error::BundleError;
use crate::bundle::limits;
use crate::model::{
    Commit, ContentError, EntryKind, FileAt, ObjectId, Severity, SignedObject, SourceContent, SourceEntry, SourceHistory, SourceTree, Where,
};
use crate::text::{Shown, Untrusted};

/// Which commit is wanted.
#[derive(Default)]
pub(in crate::bundle) struct Wanted<'a> {
    /// A full id; in `free` form also a short one, a branch or a tag.
    pub(in crate::bundle) commit: Option<&'a str>,
    /// Whether `commit` may be something else than a full id.
    pub(in crate::bundle) free: bool,
    /// A tag that should name it.
    pub(in crate::bundle) tag: Option<&'a Untrusted>,
}

/// Reads the blobs of a tree.
pub(in crate::bundle) struct GitContent {
    store: Store,
    /// Path and blob; `None` where there is no blob to read (a submodule).
    blobs: Vec<(Untrusted, Option<Oid>)>,
    past: History,
}

impl SourceContent for GitContent {
    fn read(&self, entry: usize, limit: u64) -> Result<Vec<u8>, ContentError> {
        let id = self.blobs.get(entry).and_then(|(_, id)| *id).ok_or(ContentError::Absent)?;
        let (kind, bytes) = self.store.read(id, limit).map_err(|e| e.content(limit))?;
        if kind == ObjectType::Blob { Ok(bytes) } else { Err(ContentError::Unreadable(format!("{id} is a {kind}, not a blob"))) }
    }

    fn read_path(&self, path: &Untrusted, limit: u64) -> Result<Vec<u8>, ContentError> {
        let index = self.blobs.binary_search_by(|(p, _)| p.cmp(path)).map_err(|_| ContentError::Absent)?;
        self.read(index, limit)
    }

    fn history(&self, _: usize) -> Option<&dyn SourceHistory> {
        Some(self)
    }
}

impl SourceHistory for GitContent {
    fn head(&self) -> ObjectId {
        self.past.head()
    }

    fn commit(&self, id: ObjectId) -> Result<Commit, ContentError> {
        History::commit(&self.store, id)
    }

    fn at(&self, tree: ObjectId, path: &Untrusted) -> Result<Option<FileAt>, ContentError> {
        self.past.at(&self.store, tree, path)
    }

    fn content(&self, blob: ObjectId, limit: u64) -> Result<Vec<u8>, ContentError> {
        History::content(&self.store, blob, limit)
    }

    fn gone(&self, older: ObjectId, newer: ObjectId, most: usize) -> Result<Vec<(Untrusted, FileAt)>, ContentError> {
        History::gone(&self.store, older, newer, most)
    }

    fn tags(&self) -> Vec<(Untrusted, ObjectId)> {
        self.past.tags(&self.store)
    }

    fn incomplete(&self) -> Option<&str> {
        self.past.incomplete()
    }
}

/// Reads the tree of the wanted commit.
pub(in crate::bundle) fn open(
    store: Store,
    refs: &Refs,
    wanted: &Wanted<'_>,
    origin: &Untrusted,
    mut defects: Defects,
) -> Result<(SourceTree, GitContent), BundleError> {
    let file = origin.shown().to_string();
    let absent = |name: &str| BundleError::Commit { file: file.clone(), commit: Shown::new(name).cut(80).to_string(), refs: refs.words() };
    let damaged = |what: String| BundleError::Pack { file: file.clone(), what };
    if refs.list.iter().any(|(name, _)| name.starts_with(b"refs/replace/")) {
        let what = "has refs/replace/, which makes git show other objects than the ones that are named; ignored here";
        defects.fail("source.replace", Where::file(origin.clone()), what, "ask why, and for a repository without them");
    }
    let tagged = wanted.tag.and_then(|t| refs.tag(t.as_bytes()));
    let commit_id = match wanted.commit {
        Some(name) => {
            let full = super::refs::id_of(name.as_bytes());
            let found = full.or_else(|| if wanted.free { refs.short(name.as_bytes()).or_else(|| store.expand(name)) } else { None });
            found.ok_or_else(|| absent(name))?
        }
        None => {
            let found = tagged.or_else(|| refs.default_commit()).ok_or_else(|| absent("HEAD"))?;
            if !wanted.free {
                let what = format!("no commit is declared: {found} is shown");
                defects.unknown("source.commit", Where::file(origin.clone()), what, "ask which commit the release was built from");
            }
            found
        }
    };
    let (commit_id, kind) = object::peel(&store, commit_id).map_err(|e| match e {
        super::ObjectError::Absent => absent(&commit_id.to_string()),
        other => damaged(format!("commit {commit_id}: {}", other.words())),
    })?;
    if kind != ObjectType::Commit {
        return Err(damaged(format!("{commit_id} is a {kind}, not a commit")));
    }
    let bytes = store.small(commit_id, ObjectType::Commit).map_err(|e| damaged(format!("commit {commit_id}: {}", e.words())))?;
    let commit = object::commit(&bytes).ok_or_else(|| damaged(format!("commit {commit_id} is malformed")))?;
    let tag_matches = tagged.map(|id| object::peel(&store, id).is_ok_and(|(target, _)| target == commit_id));
    let mut signed = Vec::new();
    let mut add = |is_tag, parts: Option<(Vec<u8>, Vec<u8>)>| {
        signed.extend(parts.map(|(payload, signature)| SignedObject { is_tag, payload, signature }));
    };
    if let Some(id) = tagged
        && let Ok(bytes) = store.small(id, ObjectType::Tag)
    {
        add(true, object::signed_tag(&bytes));
    }
    add(false, object::signed_commit(&bytes));
    let mut walk = Walk { store: &store, origin, defects: &mut defects, entries: Vec::new(), directories: 0 };
    walk.run(commit.tree)?;
    let mut entries = walk.entries;
    entries.sort_by(|a, b| a.0.path.cmp(&b.0.path));
    let before = entries.len();
    entries.dedup_by(|b, a| a.0.path == b.0.path);
    if entries.len() != before {
        let what = "a tree with two entries of one name: git shows one of them; the first is shown here";
        defects.fail("source.name", Where::file(origin.clone()), what, "ask for a repository that `git fsck` accepts");
    }
    let blobs = entries.iter().map(|(e, id)| (e.path.clone(), *id)).collect();
    let tree = SourceTree {
        origin: origin.clone(),
        commit: Some(commit_id.to_string()),
        tree: Some(commit.tree.to_string()),
        tag: wanted.tag.cloned(),
        tag_matches,
        signed,
        time: commit.time,
        entries: entries.into_iter().map(|(e, _)| e).collect(),
        defects: defects.finish(),
    };
    let past = History::new(commit_id, refs, &tree.defects);
    Ok((tree, GitContent { store, blobs, past }))
}

struct Walk<'a> {
    store: &'a Store,
    origin: &'a Untrusted,
    defects: &'a mut Defects,
    entries: Vec<(SourceEntry, Option<Oid>)>,
    directories: usize,
}

impl Walk<'_> {
    fn run(&mut self, root: Oid) -> Result<(), BundleError> {
        let mut open = vec![(Vec::new(), root, 0usize)];
        while let Some((prefix, id, depth)) = open.pop() {
            self.directories += 1;
            let place = || Where::file(if prefix.is_empty() { self.origin.clone() } else { prefix.as_slice().into() });
            let bytes = match self.store.small(id, ObjectType::Tree) {
                Ok(bytes) => bytes,
                Err(e) => {
                    let what = format!("tree {id}: {}; its files are not shown", e.words());
                    self.defects.fail("source.object", place(), what, "ask for a complete repository");
                    continue;
                }
            };
            let Some(list) = object::tree(&bytes) else {
                let what = format!("tree {id} is malformed; its files are not shown");
                self.defects.fail("source.object", place(), what, "ask for a repository that `git fsck` accepts");
                continue;
            };
            self.case_collisions(&list, &prefix);
            for (mode, name, id) in list {
                if self.entries.len() + self.directories + open.len() > limits::TREE_ENTRIES {
                    return Err(BundleError::OverBound {
                        file: self.origin.shown().to_string(),
                        what: "entries in the source tree".into(),
                        limit: limits::TREE_ENTRIES as u64,
                        advice: "ask for the sources of this release alone",
                    });
                }
                let mut path = prefix.clone();
                if !path.is_empty() {
                    path.push(b'/');
                }
                path.extend_from_slice(name);
                self.check_name(name, &path);
                if mode == 0o40_000 {
                    if depth + 1 > limits::DEPTH || path.len() > limits::NAME {
                        let what = "deeper than 256 directories, or a path over 4,096 bytes: not examined";
                        self.defects.unknown("source.bound", Where::file(path), what, "ask why");
                    } else {
                        open.push((path, id, depth + 1));
                    }
                } else {
                    self.file(mode, path, id);
                }
            }
        }
        Ok(())
    }

    fn file(&mut self, mode: u32, path: Vec<u8>, id: Oid) {
        let kind = match mode {
            0o100_644 | 0o100_664 => EntryKind::File,
            0o100_755 => EntryKind::Executable,
            0o120_000 => {
                let special = [&b".gitmodules"[..], b".gitattributes", b".gitignore", b".mailmap"];
                if special.contains(&crate::bundle::paths::file_name(&path).to_ascii_lowercase().as_slice()) {
                    let what = || (Where::file(path.as_slice()), "a link in the place of a file that git itself reads".to_owned());
                    self.defects.add("source.name", Severity::Fail, "ask for a repository that `git fsck` accepts", what);
                }
                EntryKind::Link
            }
            0o160_000 => {
                let what = || (Where::file(path.as_slice()), format!("a submodule at commit {id}: its files are not in this repository"));
                self.defects.add("source.submodule", Severity::Unknown, "ask for the submodule's source", what);
                let entry = SourceEntry { path: path.into(), kind: EntryKind::Submodule, id: id.to_string(), size: 0 };
                self.entries.push((entry, None));
                return;
            }
            other => {
                let what =
                    || (Where::file(path.as_slice()), format!("a tree entry of mode {other:o}, which git does not make; taken as a file"));
                self.defects.add("source.mode", Severity::Fail, "ask for a repository that `git fsck` accepts", what);
                EntryKind::File
            }
        };
        let size = match self.store.header(id) {
            Ok((ObjectType::Blob, size)) => size,
            Ok((found, _)) => self.bad(&path, format!("object {id} is a {found}, not a blob")),
            Err(e) => self.bad(&path, format!("object {id}: {}", e.words())),
        };
        self.entries.push((SourceEntry { path: path.into(), kind, id: id.to_string(), size }, Some(id)));
    }

    fn bad(&mut self, path: &[u8], what: String) -> u64 {
        self.defects.add("source.object", Severity::Fail, "ask for a complete repository", || (Where::file(path), what));
        0
    }

    /// Names of one directory that some file systems take for one. With a link among them, one name leads where the other points.
    fn case_collisions(&mut self, list: &[object::TreeEntry<'_>], prefix: &[u8]) {
        let mut folded: Vec<(Vec<u8>, u32, &[u8])> = list.iter().map(|(mode, name, _)| (folded(name), *mode, *name)).collect();
        folded.sort_unstable();
        for pair in folded.windows(2) {
            let [(a, mode_a, name_a), (b, mode_b, name_b)] = pair else { continue };
            if a != b || name_a == name_b {
                continue;
            }
            let link = [mode_a, mode_b].contains(&&0o120_000);
            let severity = if link { Severity::Fail } else { Severity::Note };
            let place = if prefix.is_empty() { self.origin.clone() } else { prefix.into() };
            let (name_a, name_b) = (Shown::of_bytes(name_a).cut(100), Shown::of_bytes(name_b).cut(100));
            let what = move || (Where::file(place), format!("{name_a} and {name_b} are one name to some file systems"));
            self.defects.add("source.case", severity, "see that neither stands for the other", what);
        }
    }

    fn check_name(&mut self, name: &[u8], path: &[u8]) {
        if let Some(why) = name_trouble(name) {
            let what = || (Where::file(path), format!("a tree entry named {}: {why}", Shown::of_bytes(name).cut(100)));
            self.defects.add("source.name", Severity::Fail, "ask for a repository that `git fsck` accepts", what);
        } else if matches!(name.last(), Some(b'.' | b' ')) {
            // git itself takes such names.
            let what = || {
                let name = Shown::of_bytes(name).cut(100);
                (
                    Where::file(path),
                    format!("a tree entry named \"{name}\": some systems drop a dot or a blank at the end, and take it for another"),
                )
            };
            self.defects.add("source.name", Severity::Unknown, "see that it stands for no other file", what);
        }
    }
}

/// A name as a file system compares it that ignores case, and the code points that HFS+ ignores.
fn folded(name: &[u8]) -> Vec<u8> {
    if name.is_ascii() {
        return name.to_ascii_lowercase();
    }
    let ignored = |c: &char| matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}');
    let kept: String = String::from_utf8_lossy(name).chars().filter(|c| !ignored(c)).collect();
    kept.to_lowercase().into_bytes()
}

/// What is wrong with one component of a path, by the rules of `git fsck`.
fn name_trouble(name: &[u8]) -> Option<&'static str> {
    let lower = name.to_ascii_lowercase();
    let trimmed: &[u8] = {
        let end = lower.iter().rposition(|b| !matches!(b, b' ' | b'.')).map_or(0, |i| i + 1);
        &lower[..end]
    };
    let visible = folded(name);
    // The short names that Windows gives to `.git`.
    let short = trimmed.strip_prefix(b"git~").is_some_and(|n| n.len() == 1 && n[0].is_ascii_digit());
    if name.is_empty() {
        Some("it is empty")
    } else if name == b"." || name == b".." {
        Some("it means another directory")
    } else if name.contains(&b'/') {
        Some("it has a separator inside")
    } else if trimmed == b".git" || visible == b".git" || lower.starts_with(b".git:") || short {
        Some("some system takes it for git's own directory")
    } else if name.contains(&b'\\') {
        Some("some systems take a backslash for a separator")
    } else if name.iter().any(u8::is_ascii_control) {
        Some("it has a control character")
    } else if name.len() > limits::COMPONENT {
        Some("it is longer than 255 bytes")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_are_told() {
        let nasty = [
            ".",
            "..",
            ".git",
            ".GIT",
            ".git ",
            ".git...",
            "GIT~1",
            "git~3",
            "a\\b",
            "a/b",
            "",
            "a\n",
            ".g\u{200c}it",
            ".git::$INDEX_ALLOCATION",
        ];
        for name in nasty {
            assert!(name_trouble(name.as_bytes()).is_some(), "{name:?} accepted");
        }
        for name in [".gitignore", ".github", "git", "...a", "git~", "a b", "caf\u{e9}"] {
            assert_eq!(name_trouble(name.as_bytes()), None, "{name:?}");
        }
    }
}
