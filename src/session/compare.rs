//! Comparing two paths of the reviewer's machine: files or directories, without a bundle.

mod tree;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use super::cores::Cores;
use super::{clock, folders, read_shared};
use crate::bundle;
use crate::diff::{self, Context, DebugFile, Limits};
use crate::model::{self, Account, Node, NodeKind, ResultMark, Sides, SourceContent, SourceTree};
use crate::text::Untrusted;

/// What is said where the program itself failed.
const FAILED: &str = "not examined: the program failed on it; report it with the files if you may";
/// Debug files that a directory of them may hold.
const MAX_DEBUG: usize = 10_000;
/// Bytes that all files of a directory may keep together for looking at their differences later.
const MAX_KEPT: u64 = 256 << 20;
/// Progress is silent at first, then bounded in rate.
const QUIET: Duration = Duration::from_millis(500);
const PACE: Duration = Duration::from_millis(100);
/// How often it is asked whether to stop.
const ASK: Duration = Duration::from_millis(2);
/// How long the work may take to end by itself once it is to stop, so that what is known so far is told.
const PATIENCE: Duration = Duration::from_millis(12);

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

/// What came out.
pub struct Compared {
    /// The comparison.
    pub node: Node,
    /// Whether it was stopped (Ctrl-C): what was not reached is not examined.
    pub stopped: bool,
}

/// What is asked for.
struct Asked {
    a: PathBuf,
    b: PathBuf,
    source: Option<String>,
    debug: Vec<PathBuf>,
    state: Option<PathBuf>,
    limits: model::Limits,
}

/// What the thread that compares tells.
enum Word {
    Progress(String),
    Done(Box<Result<Node, CompareError>>),
}

struct Tools<'a> {
    tree: Option<&'a SourceTree>,
    content: Option<Arc<dyn SourceContent>>,
    debug: Vec<DebugFile>,
    cores: Cores,
    stop: Arc<AtomicBool>,
    limits: model::Limits,
    kept: AtomicU64,
    pace: Pace<'a>,
}

impl Tools<'_> {
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Tells how far it is, but not too often.
struct Pace<'a> {
    told: &'a (dyn Fn(&str) + Sync),
    start: Duration,
    last: Mutex<Duration>,
}

impl Pace<'_> {
    fn say(&self, text: impl FnOnce() -> String) {
        let now = clock::uptime();
        // Another thread is telling right now: that will do.
        let Ok(mut last) = self.last.try_lock() else { return };
        if now.saturating_sub(self.start) >= QUIET && now.saturating_sub(*last) >= PACE {
            *last = now;
            (self.told)(&text());
        }
    }
}

/// Set by Ctrl-C; the second one ends the program.
fn stop_flag() -> Arc<AtomicBool> {
    use signal_hook::consts::SIGINT;
    let flag = Arc::new(AtomicBool::new(false));
    // Where no handler can be set the system's own takes effect: the program ends.
    if signal_hook::flag::register_conditional_shutdown(SIGINT, 130, Arc::clone(&flag)).is_ok() {
        let _ = signal_hook::flag::register(SIGINT, Arc::clone(&flag));
    }
    flag
}

/// Compares what was shipped (`a`) with what was rebuilt (`b`). `source` is `REPO` or `REPO@COMMIT`; `debug` are files and
/// directories of files; `told` is told how far it is.
///
/// The work has a thread of its own. An interrupt ends it at its next question; where that is far away (a library reads
/// something large, or what was held is given back) nobody waits for it: what comes out is "not examined", as of any file
/// whose comparison was given up, and the thread ends with the program.
///
/// # Errors
/// When a path cannot be read or is neither a file nor a directory, or one is a file and the other a directory.
pub fn compare_paths(
    a: &Path,
    b: &Path,
    source: Option<&str>,
    debug: &[PathBuf],
    state: Option<&Path>,
    limits: &model::Limits,
    told: &(dyn Fn(&str) + Sync),
) -> Result<Compared, CompareError> {
    let asked = Asked {
        a: a.to_owned(),
        b: b.to_owned(),
        source: source.map(str::to_owned),
        debug: debug.to_owned(),
        state: state.map(Path::to_owned),
        limits: *limits,
    };
    let stop = stop_flag();
    let (send, words) = mpsc::channel();
    let asked_to_stop = Arc::clone(&stop);
    super::spawn("compare", move || {
        // Nobody listens any more once the program has given up.
        let told = |text: &str| send.send(Word::Progress(text.to_owned())).unwrap_or_default();
        let done = compare_all(&asked, &asked_to_stop, &told);
        let _ = send.send(Word::Done(Box::new(done)));
    });
    diff::prepare();
    let done = wait(&words, &stop, told);
    let stopped = stop.load(Ordering::Relaxed);
    // From here on an interrupt ends the program.
    stop.store(true, Ordering::Relaxed);
    let node = match done {
        Some(done) => done?,
        None => given_up(a, b),
    };
    Ok(Compared { node, stopped })
}

/// What comes of the work; `None` when it was to stop and did not in time.
fn wait(words: &mpsc::Receiver<Word>, stop: &AtomicBool, told: &dyn Fn(&str)) -> Option<Result<Node, CompareError>> {
    let mut since = None;
    loop {
        match words.recv_timeout(ASK) {
            Ok(Word::Progress(text)) => told(&text),
            Ok(Word::Done(done)) => return Some(*done),
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                return Some(Err(CompareError::Other(FAILED.to_owned())));
            }
        }
        if stop.load(Ordering::Relaxed) {
            let now = clock::uptime();
            if now.saturating_sub(*since.get_or_insert(now)) >= PATIENCE {
                return None;
            }
        }
    }
}

/// Runs `work`; a panic in it becomes a node of which nothing is known.
fn guarded(name: &Untrusted, a: &Path, b: &Path, work: impl FnOnce() -> Node) -> Node {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| unknown(name.clone(), a, b, FAILED))
}

/// The node of two paths whose comparison was given up.
fn given_up(a: &Path, b: &Path) -> Node {
    unknown(name_of(a), a, b, "not examined: cancelled")
}

/// The node of two paths when nothing is known of any byte.
fn unknown(name: Untrusted, a: &Path, b: &Path, why: &str) -> Node {
    let kind = if a.is_dir() { NodeKind::Directory } else { NodeKind::Data };
    let mut node = Node::new(name, kind, ResultMark::NotExamined);
    let size = |path: &Path| fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|m| m.len());
    node.size = Sides::new(size(a), size(b));
    node.account = node.size.map(|size| Account::all_unexplained(size.unwrap_or_default()));
    node.why = why.to_owned();
    node
}

fn name_of(path: &Path) -> Untrusted {
    path.file_name().unwrap_or(path.as_os_str()).as_encoded_bytes().into()
}

fn compare_all(asked: &Asked, stop: &Arc<AtomicBool>, told: &(dyn Fn(&str) + Sync)) -> Result<Node, CompareError> {
    let (a, b) = (asked.a.as_path(), asked.b.as_path());
    let opened = asked.source.as_deref().map(|s| open_source(s, asked.state.as_deref(), &asked.limits)).transpose()?;
    let now = clock::uptime();
    let tools = Tools {
        tree: opened.as_ref().map(|o| &o.0),
        content: opened.as_ref().map(|o| Arc::clone(&o.1)),
        debug: debug_files(&asked.debug, asked.limits.artifact_size)?,
        cores: Cores::new(),
        stop: Arc::clone(stop),
        limits: asked.limits,
        kept: AtomicU64::new(0),
        pace: Pace { told, start: now, last: Mutex::new(now) },
    };
    let (kind_a, kind_b) = (fs::metadata(a).map_err(|e| at(a, e))?, fs::metadata(b).map_err(|e| at(b, e))?);
    match (kind_a.is_dir(), kind_b.is_dir()) {
        (true, true) => tree::compare(name_of(a), a, b, &tools),
        (false, false) => {
            let size = kind_a.len().saturating_add(kind_b.len());
            let progress = |done: u64| tools.pace.say(|| format!("{} of {} MB", done >> 20, size >> 20));
            let mut failed = None;
            let node = guarded(&name_of(a), a, b, || {
                files(name_of(a), a, b, true, &tools, &progress).unwrap_or_else(|error| {
                    failed = Some(error);
                    given_up(a, b)
                })
            });
            failed.map_or(Ok(node), Err)
        }
        _ => Err(at(if kind_a.is_dir() { b } else { a }, "is a file, and the other side is a directory: compare like with like")),
    }
}

/// The files, and those that are directly or deeper in the directories.
fn debug_files(paths: &[PathBuf], most: u64) -> Result<Vec<DebugFile>, CompareError> {
    let mut files = Vec::new();
    let mut open: Vec<PathBuf> = paths.iter().rev().cloned().collect();
    while let Some(path) = open.pop() {
        if fs::metadata(&path).map_err(|e| at(&path, e))?.is_dir() {
            let mut inside = Vec::new();
            for entry in fs::read_dir(&path).map_err(|e| at(&path, e))? {
                let entry = entry.map_err(|e| at(&path, e))?;
                // A link may lead in a circle.
                if entry.file_type().is_ok_and(|t| t.is_dir() || t.is_file()) {
                    inside.push(entry.path());
                }
            }
            inside.sort();
            open.extend(inside.into_iter().rev());
            continue;
        }
        if files.len() >= MAX_DEBUG {
            return Err(at(&path, format!("more than {MAX_DEBUG} debug files")));
        }
        let bytes = read_shared(&path, most).map_err(|e| at(&path, e))?;
        files.push(DebugFile { name: path.as_os_str().as_encoded_bytes().into(), bytes });
    }
    Ok(files)
}

fn open_source(source: &str, state: Option<&Path>, within: &model::Limits) -> Result<(SourceTree, Arc<dyn SourceContent>), CompareError> {
    let cache = folders::sources(&folders::state(state).map_err(CompareError::Other)?);
    // A path may hold an '@' itself: it is the separator only when the whole is not there.
    let (path, commit) = match source.rsplit_once('@') {
        Some((path, commit)) if !Path::new(source).exists() => (path, Some(commit)),
        _ => (source, None),
    };
    Ok(bundle::open_repository(Path::new(path), commit, &cache, within)?)
}

/// Compares two files; `alone` says that nothing else is compared beside them.
fn files(name: Untrusted, a: &Path, b: &Path, alone: bool, tools: &Tools<'_>, progress: &dyn Fn(u64)) -> Result<Node, CompareError> {
    let mut read = [None, None].map(Mutex::new);
    tools.cores.share(2, &|i| {
        let path = if i == 0 { a } else { b };
        if let Some(Ok(mut slot)) = read.get(i).map(Mutex::lock) {
            *slot = Some(read_shared(path, tools.limits.artifact_size).map_err(|e| at(path, e)));
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
        limits: Limits::of(&tools.limits),
        cancelled: &|| tools.stopped(),
        share: &|count, each| tools.cores.share(count, each),
        progress,
    };
    let compare = if alone { diff::compare_alone } else { diff::compare };
    Ok(compare(name, shipped, rebuilt, &context))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_in_one_pair_is_not_examined_and_the_others_are() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a"), folder.path().join("b"));
        for side in [&a, &b] {
            fs::create_dir(side).unwrap();
            fs::write(side.join("one"), "same").unwrap();
        }
        let node = guarded(&"x/one".into(), &a.join("one"), &b.join("one"), || panic!("made to fail"));
        assert_eq!((node.result, node.why.as_str()), (ResultMark::NotExamined, FAILED));
        assert_eq!(node.name.shown().as_str(), "x/one");
        assert_eq!(node.account.shipped.unexplained, 4);
    }

    #[test]
    fn nobody_waits_long_for_work_that_does_not_stop() {
        let (send, words) = mpsc::channel();
        let stop = AtomicBool::new(false);
        let told = Mutex::new(Vec::new());
        let say = |text: &str| told.lock().unwrap().push(text.to_owned());
        send.send(Word::Progress("1 of 2 MB".to_owned())).unwrap();
        send.send(Word::Done(Box::new(Ok(given_up(Path::new("a"), Path::new("b")))))).unwrap();
        let done = wait(&words, &stop, &say);
        assert!(matches!(done, Some(Ok(node)) if node.result == ResultMark::NotExamined));
        assert_eq!(told.lock().unwrap().as_slice(), ["1 of 2 MB"]);
        // The sender is still there, and silent.
        stop.store(true, Ordering::Relaxed);
        let start = clock::uptime();
        assert!(wait(&words, &stop, &say).is_none());
        assert!(clock::uptime().saturating_sub(start) >= PATIENCE);
        drop(send);
        assert!(matches!(wait(&words, &stop, &say), Some(Err(CompareError::Other(_)))));
    }
}
