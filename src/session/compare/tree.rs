//! Two directories: their files by name, what moved by content, types, modes and link targets.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{CStr, CString, OsStr};
use std::fs;
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{CompareError, MAX_KEPT, Tools, at, files, guarded};
use crate::diff;
use crate::digest::{Hasher, Sha256};
use crate::inspect::kind;
use crate::model::{Account, Node, NodeKind, ResultMark, Side, Sides};
use crate::session::read_shared;
use crate::session::seal::raw;
use crate::text::Untrusted;

/// Files that a directory may hold.
const MAX_ENTRIES: usize = 1_000_000;
/// Files of the same size from here on are compared in pieces first: equal ones are never held as a whole.
const STREAMED: u64 = 1 << 20;
const PIECE: usize = 256 << 10;
/// What of a mode decides what a file may do whoever copied it.
const FILE_MODE: u32 = 0o7113;
const FOLDER_MODE: u32 = 0o7002;
/// What a umask takes away from all that is made under it.
const FILE_UMASK: u32 = 0o064;
const FOLDER_UMASK: u32 = 0o075;
/// What of the mode of the compared directory itself says who may put something into it. Its other bits are those of whoever made it.
const ROOT_MODE: u32 = 0o1002;
/// Attributes that give rights beside those of the mode.
const RIGHTS: [(&CStr, &str); 3] = [
    (c"security.capability", "capabilities"),
    (c"system.posix_acl_access", "access list"),
    (c"system.posix_acl_default", "access list for new files"),
];
/// What other attributes that programs read start with. Those of `security.` are the system's own, and say where a file lies.
const READ: [&[u8]; 2] = [b"user.", b"trusted."];

/// A file as the system keeps it.
struct Held {
    mode: u32,
    size: u64,
    owner: (u32, u32),
    /// Device and number, of a file with several names.
    shared: Option<(u64, u64)>,
    /// When it was written.
    time: i64,
}

enum Entry {
    File(Held),
    Folder(u32),
    Link(PathBuf),
    Other,
    Unreadable(String),
}

type Entries = BTreeMap<Vec<u8>, Entry>;

fn walk(root: &Path, tools: &Tools<'_>) -> Result<Entries, CompareError> {
    let mut found = BTreeMap::new();
    let meta = fs::metadata(root).map_err(|e| at(root, e))?;
    found.insert(Vec::new(), Entry::Folder(meta.permissions().mode() & ROOT_MODE));
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        let key = |path: &Path| path.strip_prefix(root).unwrap_or(path).as_os_str().as_bytes().to_vec();
        let list = match fs::read_dir(&folder) {
            Ok(list) => list,
            Err(e) if folder == root => return Err(at(&folder, e)),
            Err(e) => {
                // One closed folder must not keep the rest from being compared.
                found.insert(key(&folder), Entry::Unreadable(e.to_string()));
                continue;
            }
        };
        for entry in list {
            let path = entry.as_ref().map_err(|e| at(&folder, e))?.path();
            let value = match fs::symlink_metadata(&path) {
                Err(e) => Entry::Unreadable(e.to_string()),
                Ok(meta) if meta.is_dir() => {
                    open.push(path.clone());
                    Entry::Folder(meta.permissions().mode() & 0o7777)
                }
                Ok(meta) if meta.is_file() => Entry::File(Held {
                    mode: meta.permissions().mode() & 0o7777,
                    size: meta.len(),
                    owner: (meta.uid(), meta.gid()),
                    shared: (meta.nlink() > 1).then(|| (meta.dev(), meta.ino())),
                    time: meta.mtime(),
                }),
                Ok(meta) if meta.is_symlink() => fs::read_link(&path).map_or_else(|e| Entry::Unreadable(e.to_string()), Entry::Link),
                Ok(_) => Entry::Other,
            };
            found.insert(key(&path), value);
            if found.len() > MAX_ENTRIES {
                return Err(at(root, format!("holds more than {MAX_ENTRIES} files")));
            }
        }
        if tools.stopped() {
            return Err(CompareError::Other("stopped before anything was compared".to_owned()));
        }
    }
    Ok(found)
}

/// The names of a file that has several: the first two, and a digest of all, which tells whether they are the same ones.
struct Group<'a> {
    first: &'a [u8],
    second: &'a [u8],
    all: Sha256,
}

/// By device and number.
type Names<'a> = BTreeMap<(u64, u64), Group<'a>>;

/// What is known of all files of both sides.
struct Trees<'a> {
    entries: Sides<&'a Entries>,
    /// The names of each file that has several.
    names: Sides<Names<'a>>,
    /// The bits of a mode that count for files, and for folders.
    modes: (u32, u32),
}

impl<'a> Trees<'a> {
    fn new(shipped: &'a Entries, rebuilt: &'a Entries) -> Self {
        let entries = Sides::new(shipped, rebuilt);
        let names = entries.map(|all| {
            let mut names: BTreeMap<_, Vec<&[u8]>> = BTreeMap::new();
            for (key, entry) in all {
                if let Entry::File(Held { shared: Some(id), .. }) = entry {
                    names.entry(*id).or_default().push(key);
                }
            }
            let group = |(id, names): (_, Vec<&'a [u8]>)| {
                let [first, second, ..] = names.as_slice() else { return None };
                // No name has a NUL.
                Some((id, Group { first, second, all: Sha256::of(&names.join(&0)) }))
            };
            names.into_iter().filter_map(group).collect()
        });
        // A bit that nothing has on one side was taken away by a umask; one that some have says something of the others.
        let given = entries.map(|all| {
            all.iter().filter(|(name, _)| !name.is_empty()).map(|(_, entry)| entry).fold((0, 0), |(files, folders), entry| match entry {
                Entry::File(file) => (files | file.mode, folders),
                Entry::Folder(mode) => (files, folders | mode),
                _ => (files, folders),
            })
        });
        let both = (given.shipped.0 & given.rebuilt.0, given.shipped.1 & given.rebuilt.1);
        Self { entries, names, modes: (FILE_MODE | FILE_UMASK & both.0, FOLDER_MODE | FOLDER_UMASK & both.1) }
    }

    /// A name that a file has besides its own, and a digest of all that it has.
    fn others(&self, side: Side, own: &[u8], file: &Held) -> Option<(&'a [u8], Sha256)> {
        let group = self.names.get(side).get(&file.shared?)?;
        Some((if group.first == own { group.second } else { group.first }, group.all))
    }

    /// By how many seconds the time that a compiled Python file states is behind that of its source.
    fn lag(&self, side: Side, name: &[u8], source: &[u8], path: &Path) -> Option<i64> {
        let Some(Entry::File(source)) = self.entries.get(side).get(source) else { return None };
        self.entries.get(side).get(name)?;
        let mut head = [0; 16];
        fs::File::open(path).and_then(|mut file| file.read_exact(&mut head)).ok()?;
        Some(diff::source_time(&head)? - source.time)
    }
}

/// What is compared with what.
struct Pair<'a> {
    shipped: Option<(&'a [u8], &'a Entry)>,
    rebuilt: Option<(&'a [u8], &'a Entry)>,
}

pub(super) fn compare(name: Untrusted, a: &Path, b: &Path, tools: &Tools<'_>) -> Result<Node, CompareError> {
    let (left, right) = (walk(a, tools)?, walk(b, tools)?);
    let trees = Trees::new(&left, &right);
    let pairs = pairs(a, b, &trees, tools);
    let slots = Mutex::new(BTreeMap::new());
    let done = AtomicUsize::new(0);
    tools.cores.share(pairs.len(), &|i| {
        let Some(pair) = pairs.get(i) else { return };
        let Some(mut node) = one(pair, a, b, &trees, tools) else { return };
        let size: u64 = [node.size.shipped, node.size.rebuilt].iter().flatten().sum();
        if !node.result.is_equal() && tools.kept.fetch_add(size, Ordering::Relaxed).saturating_add(size) > MAX_KEPT {
            forget(&mut node);
        }
        if let Ok(mut slots) = slots.lock() {
            slots.insert(i, node);
        }
        let n = done.fetch_add(1, Ordering::Relaxed) + 1;
        tools.pace.say(|| format!("{n} of {} files", pairs.len()));
    });
    let children: Vec<Node> = slots.into_inner().unwrap_or_default().into_values().collect();
    let result = children.iter().map(|c| c.result).max().unwrap_or(ResultMark::Identical);
    // What has no counterpart is a difference of the directories.
    let result = if matches!(result, ResultMark::OnlyShipped | ResultMark::OnlyRebuilt) { ResultMark::Different } else { result };
    let mut node = Node::new(name, NodeKind::Directory, result);
    let different = children.iter().filter(|c| !c.result.is_equal()).count();
    if different > 0 {
        node.why = format!("{different} of {} files are not equal", children.len());
    }
    node.children = children;
    diff::worst_first(&mut node);
    Ok(node)
}

/// Rows cannot be made any more: too much would be kept in memory.
fn forget(node: &mut Node) {
    node.evidence = None;
    for child in &mut node.children {
        forget(child);
    }
}

/// Pairs by name; files that are left over on both sides by their content: they were renamed.
fn pairs<'a>(a: &Path, b: &Path, trees: &Trees<'a>, tools: &Tools<'_>) -> Vec<Pair<'a>> {
    let Sides { shipped: left, rebuilt: right } = trees.entries;
    let mut pairs = Vec::new();
    let mut alone = Sides::<Vec<(&[u8], &Entry)>>::default();
    for (key, entry) in left {
        match right.get(key) {
            Some(other) => pairs.push(Pair { shipped: Some((key, entry)), rebuilt: Some((key, other)) }),
            None => alone.shipped.push((key, entry)),
        }
    }
    alone.rebuilt.extend(right.iter().filter(|(key, _)| !left.contains_key(*key)).map(|(k, e)| (k.as_slice(), e)));
    let sizes = |list: &[(&[u8], &Entry)]| -> std::collections::BTreeSet<u64> {
        let size = |e: &Entry| if let Entry::File(Held { size, .. }) = e { Some(*size).filter(|s| *s > 0) } else { None };
        list.iter().filter_map(|(_, e)| size(e)).collect()
    };
    let common = Sides::new(sizes(&alone.shipped), sizes(&alone.rebuilt));
    let content = |root: &Path, key: &[u8], entry: &Entry| match entry {
        Entry::File(Held { size, .. }) if common.shipped.contains(size) && common.rebuilt.contains(size) && !tools.stopped() => {
            digest(&root.join(OsStr::from_bytes(key)))
        }
        _ => None,
    };
    let mut known: BTreeMap<Sha256, Vec<(&[u8], &Entry)>> = BTreeMap::new();
    let mut only_rebuilt = Vec::new();
    for (key, entry) in alone.rebuilt {
        match content(b, key, entry) {
            Some(digest) => known.entry(digest).or_default().push((key, entry)),
            None => only_rebuilt.push((key, entry)),
        }
    }
    known.values_mut().for_each(|same| same.reverse());
    for (key, entry) in alone.shipped {
        let twin = content(a, key, entry).and_then(|digest| known.get_mut(&digest)?.pop());
        pairs.push(Pair { shipped: Some((key, entry)), rebuilt: twin });
    }
    only_rebuilt.extend(known.into_values().flatten());
    only_rebuilt.sort_by_key(|(key, _)| *key);
    pairs.extend(only_rebuilt.into_iter().map(|one| Pair { shipped: None, rebuilt: Some(one) }));
    // A folder is told of by itself only when nothing in it is.
    let is_full = |key: &[u8], all: &Entries| {
        let inside = [key, b"/"].concat();
        all.range(inside.clone()..).next().is_some_and(|(k, _)| k.starts_with(&inside))
    };
    pairs.retain(|p| match (&p.shipped, &p.rebuilt) {
        (Some((key, Entry::Folder(_))), None) => !is_full(key, left),
        (None, Some((key, Entry::Folder(_)))) => !is_full(key, right),
        (Some((x, Entry::Folder(m))), Some((y, Entry::Folder(n)))) => {
            m & trees.modes.1 != n & trees.modes.1 || !other_rights(&a.join(OsStr::from_bytes(x)), &b.join(OsStr::from_bytes(y))).is_empty()
        }
        _ => true,
    });
    pairs
}

fn digest(path: &Path) -> Option<Sha256> {
    let mut file = fs::File::open(path).ok()?;
    let mut hasher = Hasher::default();
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece).ok()? {
            0 => return Some(hasher.finish().0),
            n => hasher.update(piece.get(..n)?),
        }
    }
}

/// The digest and kind of two files that are equal, read in pieces; `None` when they are not or cannot be read.
fn equal(a: &Path, b: &Path, tools: &Tools<'_>) -> Option<(Sha256, NodeKind, u64)> {
    let (mut x, mut y) = (fs::File::open(a).ok()?, fs::File::open(b).ok()?);
    let (mut one, mut two) = (vec![0; PIECE], vec![0; PIECE]);
    let mut hasher = Hasher::default();
    let mut found = None;
    loop {
        let n = fill(&mut x, &mut one)?;
        if fill(&mut y, &mut two)? != n || one.get(..n) != two.get(..n) || tools.stopped() {
            return None;
        }
        let piece = one.get(..n)?;
        let kind = *found.get_or_insert_with(|| kind::recognise(piece));
        hasher.update(piece);
        if n < PIECE {
            let (digest, _, size) = hasher.finish();
            return Some((digest, kind, size));
        }
    }
}

fn fill(file: &mut fs::File, piece: &mut [u8]) -> Option<usize> {
    let mut n = 0;
    while let Some(rest) = piece.get_mut(n..).filter(|r| !r.is_empty()) {
        match file.read(rest).ok()? {
            0 => break,
            more => n += more,
        }
    }
    Some(n)
}

/// The node of a pair; none when there is nothing to say of it.
fn one(pair: &Pair<'_>, a: &Path, b: &Path, trees: &Trees<'_>, tools: &Tools<'_>) -> Option<Node> {
    let (key, _) = pair.shipped.or(pair.rebuilt)?;
    let name = Untrusted::from(if key.is_empty() { b"." } else { key });
    let path = |root: &Path, key: &[u8]| root.join(OsStr::from_bytes(key));
    let with = |kind, result, why: &str| {
        let mut node = Node::new(name.clone(), kind, result);
        node.why = why.to_owned();
        node
    };
    if tools.stopped() {
        return Some(with(NodeKind::Data, ResultMark::NotExamined, "not examined: stopped"));
    }
    let differs = |sentence: String, why: &str| {
        let mut node = with(NodeKind::Special, ResultMark::Different, why);
        node.metadata.push(sentence);
        node
    };
    Some(match (pair.shipped, pair.rebuilt) {
        (Some((_, Entry::Unreadable(e))), _) | (_, Some((_, Entry::Unreadable(e)))) => {
            with(NodeKind::Data, ResultMark::NotExamined, &format!("not examined: {e}"))
        }
        (Some((x, Entry::File(file))), Some((y, Entry::File(other)))) => {
            let (one, two) = (path(a, x), path(b, y));
            let (m, n, owner, user) = (file.mode, other.mode, file.owner, other.owner);
            let mut node = contents(name, &one, &two, file.size == other.size && file.size >= STREAMED, tools);
            let found = node.metadata.len();
            if x != y {
                node.metadata.push(format!("is named {} in what was rebuilt", Untrusted::from(y).shown().cut_start(200)));
            }
            if m & trees.modes.0 != n & trees.modes.0 {
                node.metadata.push(format!("mode {m:04o} against {n:04o}"));
            }
            // The system gives text that does not say what runs it to a shell.
            let explained = [&node.account.shipped, &node.account.rebuilt].iter().any(|account| account.explained_total() > 0);
            if (m | n) & 0o111 != 0 && node.kind == NodeKind::Text && explained {
                node.metadata.push("it may be executed, and then what differs is read".to_owned());
            }
            // With such bits the owner decides whose rights a program gets.
            if (m | n) & 0o6000 != 0 && owner != user {
                node.metadata.push(format!("owner {}:{} against {}:{}, with mode {m:04o}", owner.0, owner.1, user.0, user.1));
            }
            node.metadata.extend(other_rights(&one, &two));
            let names = Sides::new(trees.others(Side::Shipped, x, file), trees.others(Side::Rebuilt, y, other));
            if names.shipped.map(|n| n.1) != names.rebuilt.map(|n| n.1) {
                // What is written to the one is then in the other.
                let shown = |names: Option<(&[u8], _)>| Untrusted::from(names.map_or(&b"no other"[..], |n| n.0)).shown().cut_start(200);
                node.metadata.push(format!("is one file with {} against {}", shown(names.shipped), shown(names.rebuilt)));
            }
            if x == y && x.ends_with(b".pyc") {
                let source = diff::source_of(x);
                let lag = Sides::new(trees.lag(Side::Shipped, x, &source, &one), trees.lag(Side::Rebuilt, y, &source, &two));
                node.metadata.extend(diff::told_of_compiled(x, &source, lag, false));
            }
            if let Some(first) = node.metadata.get(found..).and_then(<[String]>::first) {
                if node.result.is_equal() || node.why.is_empty() {
                    node.why = first.clone();
                }
                node.result = node.result.max(ResultMark::Different);
            }
            node
        }
        (Some((_, Entry::Link(x))), Some((_, Entry::Link(y)))) if x == y => with(NodeKind::Special, ResultMark::Identical, ""),
        (Some((_, Entry::Link(x))), Some((_, Entry::Link(y)))) => {
            let shown = |p: &Path| Untrusted::from(p.as_os_str().as_bytes()).shown();
            differs(format!("link target {} against {}", shown(x), shown(y)), "the link points elsewhere")
        }
        (Some((_, Entry::Folder(x))), Some((_, Entry::Folder(y)))) => {
            let mut node = with(NodeKind::Directory, ResultMark::Different, "the rights of the directory differ");
            if x & trees.modes.1 != y & trees.modes.1 {
                node.metadata.push(format!("mode {x:04o} against {y:04o}"));
            }
            node.metadata.extend(other_rights(&path(a, key), &path(b, key)));
            node
        }
        (Some((_, Entry::Other)), Some((_, Entry::Other))) => {
            with(NodeKind::Special, ResultMark::NotExamined, "not examined: a device, socket or pipe on both sides")
        }
        (Some((_, x)), Some((_, y))) => differs(format!("{} against {}", word(x), word(y)), "the type differs"),
        (Some((x, Entry::File(_))), None) => alone(name, Side::Shipped, &path(a, x), tools),
        (None, Some((y, Entry::File(_)))) => alone(name, Side::Rebuilt, &path(b, y), tools),
        (Some((_, x)), None) => with(special(x), ResultMark::OnlyShipped, &format!("{} only in what was shipped", word(x))),
        (None, Some((_, y))) => with(special(y), ResultMark::OnlyRebuilt, &format!("{} only in what was rebuilt", word(y))),
        (None, None) => return None,
    })
}

/// What is said of rights beside the mode, and of attributes that programs read, which only one has, or each in another way.
fn other_rights(a: &Path, b: &Path) -> Vec<String> {
    let of = |path: &Path| -> io::Result<BTreeMap<CString, Vec<u8>>> {
        let file = fs::File::open(path)?;
        let mut all = BTreeMap::new();
        for name in raw::attributes(&file)? {
            let counts =
                RIGHTS.iter().any(|(right, _)| *right == name.as_c_str()) || READ.iter().any(|start| name.as_bytes().starts_with(start));
            if counts && let Some(value) = raw::attribute(&file, &name)? {
                all.insert(name, value);
            }
        }
        Ok(all)
    };
    let (one, two) = match (of(a), of(b)) {
        (Ok(one), Ok(two)) => (one, two),
        (Err(e), _) | (_, Err(e)) => return vec![format!("its capabilities, access list and attributes cannot be read: {e}")],
    };
    let names: BTreeSet<&CString> = one.keys().chain(two.keys()).collect();
    let differing = names.into_iter().filter(|name| one.get(*name) != two.get(*name));
    let said = differing.map(|name| {
        let right = RIGHTS.iter().find(|(right, _)| *right == name.as_c_str()).map(|(_, word)| (*word).to_owned());
        let word = right.unwrap_or_else(|| format!("attribute {}", Untrusted::from(name.as_bytes()).shown().cut(80)));
        match (one.get(name), two.get(name)) {
            (Some(_), Some(_)) => format!("other {word}"),
            (Some(_), None) => format!("{word} only in what was shipped"),
            _ => format!("{word} only in what was rebuilt"),
        }
    });
    said.collect()
}

fn word(entry: &Entry) -> &'static str {
    match entry {
        Entry::File(_) => "a file",
        Entry::Folder(_) => "a directory",
        Entry::Link(_) => "a link",
        Entry::Other => "a device, socket or pipe",
        Entry::Unreadable(_) => "unreadable",
    }
}

fn special(entry: &Entry) -> NodeKind {
    if matches!(entry, Entry::Folder(_)) { NodeKind::Directory } else { NodeKind::Special }
}

fn contents(name: Untrusted, a: &Path, b: &Path, streamed: bool, tools: &Tools<'_>) -> Node {
    if streamed && let Some((digest, kind, size)) = equal(a, b, tools) {
        let mut node = Node::new(name, kind, ResultMark::Identical);
        node.size = Sides::new(Some(size), Some(size));
        node.digest = Sides::new(Some(digest), Some(digest));
        node.account = Sides::new(Account::all_identical(size), Account::all_identical(size));
        return node;
    }
    guarded(&name, a, b, || files(name.clone(), a, b, false, tools, &|_| {}).unwrap_or_else(|e| failed(name.clone(), &e.to_string())))
}

fn alone(name: Untrusted, side: Side, path: &Path, tools: &Tools<'_>) -> Node {
    match read_shared(path, tools.limits.artifact_size) {
        Ok(bytes) => diff::only(name, side, &bytes),
        Err(e) => failed(name, &e),
    }
}

fn failed(name: Untrusted, why: &str) -> Node {
    let mut node = Node::new(name, NodeKind::Data, ResultMark::NotExamined);
    node.why = format!("not examined: {why}");
    node
}
