//! The commit that each line of a file came with, by git's rule: a line belongs to the commit behind which no parent has it.

use std::collections::HashMap;
use std::sync::Arc;

use super::slide::{Run, common};
use super::{Queue, Walked, rename};
use crate::diff::lines;
use crate::model::{Commit, FileAt, ObjectId, SourceHistory};
use crate::text::Untrusted;

/// Texts that are kept: each is needed again for the commit before.
const KEPT: usize = 8;

/// What became known.
#[derive(Clone, Debug, Default)]
pub struct Blame {
    /// For each line the commit it came with, as an index; `None` where the walk did not come to it.
    pub lines: Vec<Option<u32>>,
    /// The commits.
    pub commits: Vec<Commit>,
    /// The path that the file had in each of them.
    pub paths: Vec<Untrusted>,
    /// How far the walk came.
    pub walked: Walked,
}

impl Blame {
    /// The commit that a line, from 0, came with.
    #[must_use]
    pub fn of(&self, line: usize) -> Option<&Commit> {
        self.commits.get(self.lines.get(line).copied().flatten()? as usize)
    }

    /// The path that the file had in the commit that a line, from 0, came with.
    #[must_use]
    pub fn path_of(&self, line: usize) -> Option<&Untrusted> {
        self.paths.get(self.lines.get(line).copied().flatten()? as usize)
    }
}

/// Lines of the file that are in an older version: where in the file, where there, how many.
#[derive(Clone, Copy, Debug)]
struct Span {
    at: usize,
    there: usize,
    len: usize,
}

/// A version of the file, and the lines that came at least from there.
struct Version {
    commit: Commit,
    path: Untrusted,
    file: FileAt,
    spans: Vec<Span>,
}

/// Finds the commit of every line of a file of the reviewed commit, following it through renames. `each` is told after every commit,
/// and returns false to stop: what is known then stays.
///
/// # Errors
/// When the file itself cannot be read, in words.
pub fn blame(history: &dyn SourceHistory, path: &Untrusted, limit: u64, each: &mut dyn FnMut(&Blame) -> bool) -> Result<Blame, String> {
    let words = |e: crate::model::ContentError| e.to_string();
    let commit = history.commit(history.head()).map_err(words)?;
    let file = history.at(commit.tree, path).map_err(words)?.filter(FileAt::is_file).ok_or("the commit has no such file")?;
    let text = history.content(file.blob, limit).map_err(words)?;
    let count = lines::split(&text).len();
    let mut work = Work { history, limit, kept: vec![(file.blob, Arc::new(text))], queue: Queue::new(), versions: HashMap::new() };
    let mut out = Blame { lines: vec![None; count], ..Blame::default() };
    work.add(Version { commit, path: path.clone(), file, spans: vec![Span { at: 0, there: 0, len: count }] });
    while let Some(mut version) = work.next() {
        out.walked.looked += 1;
        out.walked.time = version.commit.time;
        work.pass(&mut version, &mut out.walked);
        if !version.spans.is_empty() {
            let index = u32::try_from(out.commits.len()).unwrap_or(u32::MAX);
            for span in &version.spans {
                out.lines.iter_mut().skip(span.at).take(span.len).for_each(|line| *line = Some(index));
            }
            out.commits.push(version.commit);
            out.paths.push(version.path);
        }
        if !each(&out) {
            out.walked.stopped = out.lines.contains(&None);
            break;
        }
    }
    Ok(out)
}

struct Work<'a> {
    history: &'a dyn SourceHistory,
    limit: u64,
    kept: Vec<(ObjectId, Arc<Vec<u8>>)>,
    queue: Queue<(ObjectId, Untrusted)>,
    versions: HashMap<(ObjectId, Untrusted), Version>,
}

impl Work<'_> {
    fn add(&mut self, version: Version) {
        let key = (version.commit.id, version.path.clone());
        match self.versions.get_mut(&key) {
            Some(known) => known.spans.extend(version.spans),
            None => {
                self.queue.push(version.commit.time, key.clone());
                self.versions.insert(key, version);
            }
        }
    }

    fn next(&mut self) -> Option<Version> {
        let key = self.queue.pop()?;
        self.versions.remove(&key)
    }

    fn text(&mut self, blob: ObjectId) -> Option<Arc<Vec<u8>>> {
        if let Some((_, text)) = self.kept.iter().find(|(id, _)| *id == blob) {
            return Some(Arc::clone(text));
        }
        let text = Arc::new(self.history.content(blob, self.limit).ok()?);
        if self.kept.len() >= KEPT {
            self.kept.remove(0);
        }
        self.kept.push((blob, Arc::clone(&text)));
        Some(text)
    }

    /// Hands the lines of a version to the parents that have them; those that no parent has stay.
    fn pass(&mut self, version: &mut Version, walked: &mut Walked) {
        let mut parents: Vec<Version> = Vec::new();
        let mut without = Vec::new();
        for id in version.commit.parents.clone() {
            let Some(commit) = walked.commit(self.history, id) else { continue };
            match walked.at(self.history, &commit, &version.path).flatten().filter(FileAt::is_file) {
                Some(file) => parents.push(Version { commit, path: version.path.clone(), file, spans: Vec::new() }),
                None => without.push(commit),
            }
        }
        // A parent that has the file as it is now has all of its lines; renames are looked for last.
        if !parents.iter().any(|p| p.file.blob == version.file.blob) {
            for commit in without {
                let found = rename::source(self.history, commit.id, version.commit.tree, &version.path, version.file, self.limit);
                if let Some((path, file)) = found {
                    parents.push(Version { commit, path, file, spans: Vec::new() });
                }
            }
        }
        if let Some(at) = parents.iter().position(|p| p.file.blob == version.file.blob) {
            let mut parent = parents.swap_remove(at);
            parent.spans = std::mem::take(&mut version.spans);
            return self.add(parent);
        }
        let Some(new) = self.text(version.file.blob) else { return };
        let new = lines::split(&new);
        for mut parent in parents {
            if version.spans.is_empty() {
                return;
            }
            let Some(old) = self.text(parent.file.blob) else {
                walked.missing.get_or_insert(format!("the file in commit {} cannot be read", parent.commit.id.short()));
                continue;
            };
            let runs = common(&lines::split(&old), &new);
            (parent.spans, version.spans) = split(&version.spans, &runs);
            if !parent.spans.is_empty() {
                self.add(parent);
            }
        }
    }
}

/// The parts of the spans that the runs have, as they stand in the older text; and the rest.
fn split(spans: &[Span], runs: &[Run]) -> (Vec<Span>, Vec<Span>) {
    let (mut passed, mut kept) = (Vec::new(), Vec::new());
    for span in spans {
        let (mut here, end) = (span.there, span.there + span.len);
        let first = runs.partition_point(|run| run.new + run.len <= here);
        let at = |there: usize| span.at + (there - span.there);
        for run in runs.iter().skip(first).take_while(|run| run.new < end) {
            let (from, to) = (run.new.max(here), (run.new + run.len).min(end));
            if from > here {
                kept.push(Span { at: at(here), there: here, len: from - here });
            }
            passed.push(Span { at: at(from), there: run.old + (from - run.new), len: to - from });
            here = to;
        }
        if here < end {
            kept.push(Span { at: at(here), there: here, len: end - here });
        }
    }
    (passed, kept)
}
