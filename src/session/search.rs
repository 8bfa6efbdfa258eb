//! Searching all sources and everything in the artifacts for a text, behind the screen: what is found comes as it is found.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{News, Send1, Session, SharedTrigrams, uptime};
use crate::bundle::OpenBundle;
use crate::diff::{Limits, each_inside};
use crate::inspect::names;
use crate::inspect::search::{BinaryHit, LineSearcher, Pattern, searcher};
use crate::model::{Content as _, FileId, Side, SourceContent};
use crate::text::Untrusted;

/// What is told of one search at most; what is found beyond is counted.
pub const MAX_HITS: usize = 5_000;
/// Bytes of a line that are kept, around the match.
const KEPT: usize = 400;
/// What was found is told that often.
const PACE: Duration = Duration::from_millis(25);

/// A search: `id` is the number that its answers carry.
#[derive(Clone, Debug)]
pub struct Query {
    /// Its number; a search with a lower one ends.
    pub id: u64,
    /// What was typed.
    pub text: String,
    /// The name that is looked for, when it is one: lines that seem to define it come first.
    pub name: Option<String>,
    /// Source files, by the numbers of their entries, in the order in which they are searched.
    pub entries: Vec<usize>,
}

/// Where something was found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HitPlace {
    /// In a line of a source file: its entry and the line, from 1.
    Source(usize, u64),
    /// In an artifact: its index, the side, and the name of the member inside of it (parts joined by `!`).
    Artifact(usize, Side, Untrusted, HitKind),
    /// In a file of debug information: the artifact that it belongs to, the name of the file, and the address of the symbol.
    Debug(usize, Untrusted, u64),
}

/// What of an artifact's member it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HitKind {
    /// A symbol, by its address.
    Symbol(u64),
    /// A string, by its offset in the member.
    String(u64),
}

/// What a line that was found seems to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum HitRank {
    /// It defines the name, by its look: a guess.
    Defines,
    /// Any other place.
    #[default]
    Uses,
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// What it seems to be.
    pub rank: HitRank,
    /// Where.
    pub place: HitPlace,
    /// The line, string or name, cut around the match.
    pub text: Untrusted,
}

/// What a search found since it told the last time, and how far it is.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The number of the search.
    pub id: u64,
    /// What was found, in no order.
    pub hits: Vec<Hit>,
    /// How many were found in all, those beyond the bound too.
    pub count: usize,
    /// Files searched so far, and in all: sources, then artifacts.
    pub files: (usize, usize),
    /// What a person should know: the text was no regular expression, something could not be opened.
    pub note: Option<String>,
    /// Whether it is over.
    pub finished: bool,
}

impl Session {
    /// Searches; what is found comes as [`News::Found`]. A search that runs ends.
    pub fn request_search(&self, query: Query) {
        let search = Search {
            wanted: Arc::clone(&self.searching),
            source: self.source.lock().map(|s| s.clone()).unwrap_or(None),
            trigrams: Arc::clone(&self.trigrams),
            bundle: Arc::clone(&self.bundle),
            send: Arc::clone(&self.send),
            limits: self.room.policy.limits,
            id: query.id,
            told: Mutex::new((Found { id: query.id, ..Found::default() }, uptime())),
            done: AtomicUsize::new(0),
            total: query.entries.len() + self.bundle.release.artifacts.len(),
        };
        self.searching.store(query.id, Ordering::Relaxed);
        let (id, note) = (query.id, Some(format!("not everything was searched: {}", super::work::FAILED)));
        let over = move || Some(News::Found(Found { id, note, finished: true, ..Found::default() }));
        super::work::job_or("search", Arc::clone(&self.send), over, move || search.run(&query));
    }

    /// Ends the search that runs.
    pub fn end_search(&self) {
        self.searching.store(0, Ordering::Relaxed);
    }
}

struct Search {
    wanted: Arc<AtomicU64>,
    source: Option<Arc<dyn SourceContent>>,
    trigrams: SharedTrigrams,
    bundle: Arc<OpenBundle>,
    send: Send1,
    limits: crate::model::Limits,
    id: u64,
    /// What was not told yet, and when it was told last.
    told: Mutex<(Found, Duration)>,
    done: AtomicUsize,
    total: usize,
}

impl Search {
    fn run(&self, query: &Query) {
        let pattern = match Pattern::new(&query.text) {
            Ok(pattern) => pattern,
            Err(why) => {
                self.note(format!("cannot be searched for: {why}"));
                return self.tell(true);
            }
        };
        if pattern.literal.is_some() {
            self.note("no regular expression: looked for as it stands".to_owned());
        }
        let artifacts = self.bundle.release.artifacts.len();
        let next = AtomicUsize::new(0);
        let work = || {
            let mut searcher = searcher();
            loop {
                let i = next.fetch_add(1, Ordering::Relaxed);
                if self.stopped() || i >= query.entries.len() + artifacts {
                    return;
                }
                match query.entries.get(i) {
                    Some(entry) => self.source_file(*entry, query.name.as_deref(), &pattern, &mut searcher),
                    None => self.artifact(i - query.entries.len(), &pattern),
                }
                self.done.fetch_add(1, Ordering::Relaxed);
                self.tell(false);
            }
        };
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(work);
            }
            work();
        });
        self.tell(true);
    }

    fn stopped(&self) -> bool {
        self.wanted.load(Ordering::Relaxed) != self.id
    }

    fn source_file(&self, entry: usize, name: Option<&str>, pattern: &Pattern, searcher: &mut LineSearcher) {
        // The lock is held for a look at a few words only.
        let may_hold = |needle| self.trigrams.read().map(|all| all.may_hold(entry, needle)).unwrap_or(true);
        if pattern.needle.as_ref().is_some_and(|needle| !may_hold(needle)) {
            return;
        }
        // What cannot be read was told when the source was opened.
        let Some(Ok(bytes)) = self.source.as_ref().map(|s| s.read(entry, self.limits.source_file_size)) else { return };
        pattern.lines(searcher, &bytes, |line, text| {
            let defines = name.is_some_and(|name| names::defines(text, name));
            let rank = if defines { HitRank::Defines } else { HitRank::Uses };
            self.hit(rank, HitPlace::Source(entry, line), text, pattern);
            !self.stopped()
        });
    }

    /// Both sides of an artifact; the rebuilt one only where it is another file.
    fn artifact(&self, index: usize, pattern: &Pattern) {
        let Some(artifact) = self.bundle.release.artifacts.get(index) else { return };
        let mut shipped = HashSet::new();
        if let Some(id) = artifact.shipped {
            self.open(id, pattern, &mut |name, hit| {
                shipped.insert((name.to_vec(), text_of(hit).to_vec()));
                self.binary_hit(index, Side::Shipped, name, hit, pattern);
            });
        }
        if let Some(rebuilt) = artifact.rebuilt.first() {
            // What the other side has too is told once.
            self.open(rebuilt.file, pattern, &mut |name, hit| {
                if !shipped.contains(&(name.to_vec(), text_of(hit).to_vec())) {
                    self.binary_hit(index, Side::Rebuilt, name, hit, pattern);
                }
            });
        }
        self.debug(index, pattern, &shipped);
    }

    /// Names that only the files of debug information have.
    fn debug(&self, index: usize, pattern: &Pattern, told: &HashSet<(Vec<u8>, Vec<u8>)>) {
        let names: HashSet<&[u8]> = told.iter().map(|(_, name)| name.as_slice()).collect();
        for id in self.bundle.release.artifacts.get(index).map(|a| a.debug.as_slice()).unwrap_or_default() {
            let file = self.bundle.release.file(*id).map(|f| f.path.clone()).unwrap_or_default();
            self.open(*id, pattern, &mut |_, hit| {
                if let BinaryHit::Symbol(address, name) = hit
                    && !names.contains(name.as_slice())
                {
                    self.hit(HitRank::Uses, HitPlace::Debug(index, file.clone(), *address), name, pattern);
                }
            });
        }
    }

    fn open(&self, id: FileId, pattern: &Pattern, each: &mut dyn FnMut(&[u8], &BinaryHit)) {
        let name = || self.bundle.release.file(id).map(|f| f.path.shown().to_string()).unwrap_or_default();
        match self.bundle.content.read(id, self.limits.opened_size) {
            Ok(bytes) => {
                let closed = each_inside(bytes.into(), &Limits::of(&self.limits), &|| self.stopped(), &mut |name, content| {
                    pattern.binary(content, |hit| {
                        each(name, &hit);
                        !self.stopped()
                    });
                });
                if let Some(first) = closed.first().filter(|_| !self.stopped()) {
                    self.note(format!("{} was searched in part: {first} ({} in all)", name(), closed.len()));
                }
            }
            Err(error) => self.note(format!("{} was not searched: {error}", name())),
        }
    }

    fn binary_hit(&self, artifact: usize, side: Side, name: &[u8], hit: &BinaryHit, pattern: &Pattern) {
        let kind = match hit {
            BinaryHit::Symbol(address, _) => HitKind::Symbol(*address),
            BinaryHit::String(offset, _) => HitKind::String(*offset),
        };
        self.hit(HitRank::Uses, HitPlace::Artifact(artifact, side, name.into(), kind), text_of(hit), pattern);
    }

    fn hit(&self, rank: HitRank, place: HitPlace, text: &[u8], pattern: &Pattern) {
        let Ok(mut told) = self.told.lock() else { return };
        told.0.count += 1;
        // What defines a name is told also where there are too many that use it.
        if told.0.count <= MAX_HITS || rank == HitRank::Defines && told.0.count <= 2 * MAX_HITS {
            let from = if text.len() <= KEPT { 0 } else { pattern.first(text).map_or(0, |m| m.start.saturating_sub(KEPT / 4)) };
            let text = text.get(from..text.len().min(from + KEPT)).unwrap_or_default().trim_ascii();
            told.0.hits.push(Hit { rank, place, text: text.into() });
        }
    }

    fn note(&self, what: String) {
        if let Ok(mut told) = self.told.lock() {
            told.0.note.get_or_insert(what);
        }
    }

    /// Tells what was found, unless that was done a moment ago; the first thing found is told at once.
    fn tell(&self, finished: bool) {
        let Ok(mut told) = self.told.lock() else { return };
        let (found, at) = &mut *told;
        let first = found.count > 0 && found.count == found.hits.len();
        if self.stopped() || !(finished || first || uptime().saturating_sub(*at) >= PACE) {
            return;
        }
        found.files = (self.done.load(Ordering::Relaxed), self.total);
        found.finished = finished;
        let hits = std::mem::take(&mut found.hits);
        let news = Found { hits, ..found.clone() };
        *at = uptime();
        (self.send)(News::Found(news));
    }
}

fn text_of(hit: &BinaryHit) -> &[u8] {
    match hit {
        BinaryHit::Symbol(_, text) | BinaryHit::String(_, text) => text,
    }
}
