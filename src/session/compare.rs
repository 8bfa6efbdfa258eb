//! Comparing two paths of the reviewer's machine: files or directories, without a bundle.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::cores::Cores;
use super::work::MAX_READ;
use super::{folders, read_shared};
use crate::bundle;
use crate::diff::{self, Context, DebugFile, Limits};
use crate::model::{Node, NodeKind, ResultMark, Side, Sides, SourceContent, SourceTree};
use crate::text::Untrusted;

/// Files that a directory may hold.
const MAX_ENTRIES: usize = 1_000_000;

/// Why two paths could not be compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// A path cannot be read.
    #[error("{path}: {what}")]
    Path {
        /// The path.
        path: String,
        /// Why.
        what: String,
    },
    /// The source cannot be opened.
    #[error(transparent)]
    Source(#[from] bundle::BundleError),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

fn at(path: &Path, what: impl ToString) -> CompareError {
    CompareError::Path { path: path.display().to_string(), what: what.to_string() }
}

struct Tools<'a> {
    tree: Option<&'a SourceTree>,
    content: Option<Arc<dyn SourceContent>>,
    debug: Vec<DebugFile>,
    cores: Cores,
}

/// Compares what was shipped (`a`) with what was rebuilt (`b`). `source` is `REPO` or `REPO@COMMIT`.
///
/// # Errors
/// When a path cannot be read or is neither a file nor a directory, or one is a file and the other a directory.
pub fn compare_paths(a: &Path, b: &Path, source: Option<&str>, debug: &[PathBuf], state: Option<&Path>) -> Result<Node, CompareError> {
    let opened = source.map(|s| open_source(s, state)).transpose()?;
    let debug = debug
        .iter()
        .map(|path| {
            let bytes = read_shared(path, MAX_READ).map_err(|e| at(path, e))?;
            Ok(DebugFile { name: path.as_os_str().as_encoded_bytes().into(), bytes })
        })
        .collect::<Result<_, CompareError>>()?;
    let tools =
        Tools { tree: opened.as_ref().map(|o| &o.0), content: opened.as_ref().map(|o| Arc::clone(&o.1)), debug, cores: Cores::new() };
    let name: Untrusted = a.file_name().unwrap_or(a.as_os_str()).as_encoded_bytes().into();
    let (kind_a, kind_b) = (fs::metadata(a).map_err(|e| at(a, e))?, fs::metadata(b).map_err(|e| at(b, e))?);
    match (kind_a.is_dir(), kind_b.is_dir()) {
        (true, true) => directories(name, a, b, &tools),
        (false, false) => files(name, a, b, &tools),
        _ => Err(at(if kind_a.is_dir() { b } else { a }, "is a file, and the other side is a directory: compare like with like")),
    }
}

fn open_source(source: &str, state: Option<&Path>) -> Result<(SourceTree, Arc<dyn SourceContent>), CompareError> {
    let cache = folders::sources(&folders::state(state).map_err(CompareError::Other)?);
    // A path may hold an '@' itself: it is the separator only when the whole is not there.
    let (path, commit) = match source.rsplit_once('@') {
        Some((path, commit)) if !Path::new(source).exists() => (path, Some(commit)),
        _ => (source, None),
    };
    Ok(bundle::open_repository(Path::new(path), commit, &cache)?)
}

fn files(name: Untrusted, a: &Path, b: &Path, tools: &Tools) -> Result<Node, CompareError> {
    let mut read = [None, None].map(Mutex::new);
    tools.cores.share(2, &|i| {
        let path = if i == 0 { a } else { b };
        if let Some(Ok(mut slot)) = read.get(i).map(Mutex::lock) {
            *slot = Some(read_shared(path, MAX_READ).map_err(|e| at(path, e)));
        }
    });
    let mut take = |i: usize| {
        let slot = read.get_mut(i).and_then(|slot| slot.get_mut().ok()?.take());
        slot.unwrap_or_else(|| Err(at(if i == 0 { a } else { b }, "cannot be read")))
    };
    let (shipped, rebuilt) = (take(0)?, take(1)?);
    let context = Context {
        source: tools.tree,
        source_content: tools.content.clone(),
        debug: &tools.debug,
        limits: Limits::default(),
        cancelled: &|| false,
        share: &|count, each| tools.cores.share(count, each),
        progress: &|_| {},
    };
    Ok(diff::compare(name, shipped, rebuilt, &context))
}

enum Entry {
    File(u32),
    Link(PathBuf),
    Other,
}

fn walk(root: &Path) -> Result<BTreeMap<Vec<u8>, Entry>, CompareError> {
    let mut found = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).map_err(|e| at(&folder, e))? {
            let entry = entry.map_err(|e| at(&folder, e))?;
            let (path, kind) = (entry.path(), entry.file_type().map_err(|e| at(&folder, e))?);
            if kind.is_dir() {
                open.push(path);
                continue;
            }
            let name = path.strip_prefix(root).unwrap_or(&path).as_os_str().as_encoded_bytes().to_vec();
            let value = if kind.is_file() {
                Entry::File(entry.metadata().map_err(|e| at(&path, e))?.permissions().mode() & 0o7777)
            } else if kind.is_symlink() {
                Entry::Link(fs::read_link(&path).map_err(|e| at(&path, e))?)
            } else {
                Entry::Other
            };
            found.insert(name, value);
            if found.len() > MAX_ENTRIES {
                return Err(at(root, format!("holds more than {MAX_ENTRIES} files")));
            }
        }
    }
    Ok(found)
}

fn directories(name: Untrusted, a: &Path, b: &Path, tools: &Tools) -> Result<Node, CompareError> {
    let (left, right) = (walk(a)?, walk(b)?);
    let mut names: Vec<&Vec<u8>> = left.keys().chain(right.keys().filter(|k| !left.contains_key(*k))).collect();
    names.sort();
    let slots = Mutex::new(BTreeMap::new());
    tools.cores.share(names.len(), &|i| {
        if let Some(key) = names.get(i) {
            let node = one(key, a, b, left.get(*key), right.get(*key), tools);
            if let Ok(mut slots) = slots.lock() {
                slots.insert((*key).clone(), node);
            }
        }
    });
    let children: Vec<Node> = slots.into_inner().unwrap_or_default().into_values().collect();
    let result = children.iter().map(|c| c.result).max().unwrap_or(ResultMark::Identical);
    let mut node = Node::new(name, NodeKind::Directory, result);
    let different = children.iter().filter(|c| !c.result.is_equal()).count();
    if different > 0 {
        node.why = format!("{different} of {} files are not equal", children.len());
    }
    node.children = children;
    Ok(node)
}

fn one(key: &[u8], a: &Path, b: &Path, left: Option<&Entry>, right: Option<&Entry>, tools: &Tools) -> Node {
    let relative = Path::new(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(key));
    let name = Untrusted::from(key);
    let unreadable = |why: String| {
        let mut node = Node::new(name.clone(), NodeKind::Data, ResultMark::NotExamined);
        node.why = why;
        node
    };
    match (left, right) {
        (Some(Entry::File(mode_a)), Some(Entry::File(mode_b))) => match files(name.clone(), &a.join(relative), &b.join(relative), tools) {
            Ok(mut node) => {
                // Only what decides what a file may do: owner bits of a copy say nothing.
                if (mode_a & 0o7111) != (mode_b & 0o7111) {
                    node.metadata.push(format!("mode {mode_a:04o} against {mode_b:04o}"));
                    node.result = ResultMark::Different;
                    if node.why.is_empty() {
                        node.why = "executable or setuid bits differ".to_owned();
                    }
                }
                node
            }
            Err(e) => unreadable(e.to_string()),
        },
        (Some(Entry::Link(x)), Some(Entry::Link(y))) => {
            let mut node = Node::new(name, NodeKind::Special, if x == y { ResultMark::Identical } else { ResultMark::Different });
            if x != y {
                let shown = |p: &Path| Untrusted::from(p.as_os_str().as_encoded_bytes()).shown();
                node.metadata.push(format!("link target {} against {}", shown(x), shown(y)));
                node.why = "the link points elsewhere".to_owned();
            }
            node
        }
        (Some(Entry::File(_)), None) => single(name, Side::Shipped, &a.join(relative)),
        (None, Some(Entry::File(_))) => single(name, Side::Rebuilt, &b.join(relative)),
        (Some(_), None) => Node::new(name, NodeKind::Special, ResultMark::OnlyShipped),
        (None, Some(_)) => Node::new(name, NodeKind::Special, ResultMark::OnlyRebuilt),
        (Some(Entry::Other), Some(Entry::Other)) => unreadable("a device, socket or pipe on both sides".to_owned()),
        _ => {
            let mut node = Node::new(name, NodeKind::Special, ResultMark::Different);
            node.metadata.push("the type differs: file, link or device".to_owned());
            node.why = "the type differs".to_owned();
            node.size = Sides::default();
            node
        }
    }
}

fn single(name: Untrusted, side: Side, path: &Path) -> Node {
    match read_shared(path, MAX_READ) {
        Ok(bytes) => diff::only(name, side, &bytes),
        Err(e) => {
            let mut node = Node::new(name, NodeKind::Data, ResultMark::NotExamined);
            node.why = e;
            node
        }
    }
}
