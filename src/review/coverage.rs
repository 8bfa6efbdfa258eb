//! What was in front of a person, in total: lines of source, the code that came from them, and everything that was not.
//!
//! "Shown" is a fact about frames, not about attention. A number here is never rounded up: code counts only when every line
//! that it came from was shown.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{Item, LineSet, State, Target};
use crate::checks::Facts;
use crate::model::{Node, NodeKind, SourceTree};
use crate::text::{Shown, Untrusted};

/// Something that was in no frame.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Missed {
    /// Nothing of an item was shown; its ruling was carried over from the record of that number. Its id.
    Carried(String, u64),
    /// Nothing of an item was shown; its id.
    Item(String),
    /// Differences of an item that were not shown: its id, the first and last by number from 1, and how many it has.
    Difference(String, u32, u32, u32),
    /// No difference of an artifact was shown: it has none, or nobody looked. Its name.
    Artifact(String),
    /// Nothing of a source file was shown; its path.
    Source(String),
    /// Lines of a source file that were not shown: its path, the first and the last.
    Lines(String, u64, u64),
}

impl Missed {
    /// What it is, for counting: one and several.
    fn kind(&self) -> (&'static str, &'static str) {
        match self {
            Self::Carried(..) => ("item carried over", "items carried over"),
            Self::Item(_) => ("item", "items"),
            Self::Difference(..) => ("range of differences", "ranges of differences"),
            Self::Artifact(_) => ("artifact", "artifacts"),
            Self::Source(_) => ("file of the source", "files of the source"),
            Self::Lines(..) => ("range of lines", "ranges of lines"),
        }
    }
}

impl fmt::Display for Missed {
    /// As the list has it that a record names by digest: `source src/a.c:3-9`. Names have passed the guard.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Carried(id, sequence) => write!(f, "carried {id} since {sequence}"),
            Self::Item(id) => write!(f, "item {id}"),
            Self::Difference(id, from, to, of) => write!(f, "difference {id} {from}-{to} of {of}"),
            Self::Artifact(name) => write!(f, "artifact {name}"),
            Self::Source(path) => write!(f, "source {path}"),
            Self::Lines(path, from, to) => write!(f, "source {path}:{from}-{to}"),
        }
    }
}

/// What was shown, and what was not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Lines of the text files of the source that were shown.
    pub lines_shown: u64,
    /// All of them.
    pub lines_total: u64,
    /// Lines that were not shown this time, and were in an earlier review, in files that are unchanged.
    pub lines_carried: u64,
    /// Items whose ruling was carried over.
    pub carried: u64,
    /// Bytes of shipped code all of whose source lines were shown, as debug information claims where they came from.
    pub code_shown: u64,
    /// Bytes of shipped code in the executables that were opened.
    pub code_total: u64,
    /// Shipped files that hold or may hold code and are not in those bytes: executables that were not examined, and packages
    /// that were not opened because they are identical.
    pub code_unknown: u64,
    /// What was not shown, sorted, each once.
    pub missed: Vec<Missed>,
}

impl Coverage {
    /// The list of what was not looked at, as its digest in a record covers it.
    #[must_use]
    pub fn not_looked_at(&self) -> Vec<String> {
        self.missed.iter().map(ToString::to_string).collect()
    }

    /// How many of each kind were not shown: `3 items, 20 files of the source`.
    #[must_use]
    pub fn missed_words(&self) -> String {
        let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        for missed in &self.missed {
            *counts.entry(missed.kind()).or_default() += 1;
        }
        let parts: Vec<String> = counts.iter().map(|((one, several), n)| format!("{n} {}", if *n == 1 { one } else { several })).collect();
        if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") }
    }

    /// `120 of 3400 lines of source`, `source of 5.2% of the shipped code`: two sentences for people.
    #[must_use]
    pub fn sentences(&self) -> [String; 2] {
        let before = match self.lines_carried {
            0 => String::new(),
            n => format!("; {n} more in an earlier review, unchanged since"),
        };
        let share = percent(self.lines_shown, self.lines_total);
        let lines = format!("{} of {} lines of source ({share}%){before}", self.lines_shown, self.lines_total);
        let unknown = match self.code_unknown {
            0 => String::new(),
            1 => "; 1 file more was not opened".to_owned(),
            n => format!("; {n} files more were not opened"),
        };
        let code = match self.code_total {
            0 => format!("no shipped code is known{unknown}"),
            total => format!("the source of {}% of {total} bytes of shipped code{unknown}", percent(self.code_shown, total)),
        };
        [lines, code]
    }
}

/// Rounded down, so that only all is 100; what is something is not 0.
fn percent(part: u64, whole: u64) -> String {
    match u128::from(part) * 1000 / u128::from(whole.max(1)) {
        0 if part > 0 => "<0.1".to_owned(),
        tenths => format!("{}.{}", tenths / 10, tenths % 10),
    }
}

/// Takes stock.
#[must_use]
pub fn coverage(facts: &Facts, items: &[Item], state: &State) -> Coverage {
    let mut out = Coverage::default();
    if let Some(tree) = facts.source.as_deref() {
        source(facts, tree, state, &mut out);
    }
    code(facts, state, &mut out);
    let mut looked_at = BTreeSet::new();
    for item in items {
        out.carried += u64::from(state.carried(item).is_some());
        if state.is_shown(item) {
            match &item.target {
                Target::Compare { artifact, .. } => drop(looked_at.insert(*artifact)),
                // It is the same difference in each of them.
                Target::Cluster(places) => looked_at.extend(places.iter().map(|s| s.root)),
                _ => {}
            }
            differences(state, item, &mut out);
        } else if state.answer(item).is_none() {
            out.missed.push(match state.carried(item) {
                Some(carried) => Missed::Carried(item.id.clone(), carried.sequence),
                None => Missed::Item(item.id.clone()),
            });
        }
    }
    for (i, artifact) in facts.release.artifacts.iter().enumerate() {
        if !looked_at.contains(&i) {
            out.missed.push(Missed::Artifact(artifact.name.shown().to_string()));
        }
    }
    out.missed.sort();
    out.missed.dedup();
    out
}

/// The lines that were shown of a file of the tree.
fn lines_of<'a>(state: &'a State, path: &Shown, id: &str) -> Option<&'a (LineSet, u64)> {
    state.read.get(&(path.to_string(), id.to_owned()))
}

fn source(facts: &Facts, tree: &SourceTree, state: &State, out: &mut Coverage) {
    for (i, entry) in tree.entries.iter().enumerate() {
        let total = facts.source_lines.as_ref().and_then(|l| l.get(i).copied().flatten());
        out.lines_total = out.lines_total.saturating_add(total.unwrap_or(0));
        if total == Some(0) {
            continue;
        }
        let path = entry.path.shown();
        let before = state.carried_read.get(&(path.to_string(), entry.id.clone())).map(|(lines, _)| lines);
        let carried = |from: u64, to: u64| before.map_or(0, |lines| lines.within(from, to));
        let Some((set, of)) = lines_of(state, &path, &entry.id).filter(|(set, _)| !set.is_empty()) else {
            out.lines_carried = out.lines_carried.saturating_add(carried(1, total.unwrap_or(0)));
            out.missed.push(Missed::Source(path.to_string()));
            continue;
        };
        let missing = set.missing(total.unwrap_or(*of));
        let unseen = missing.iter().fold(0u64, |sum, (from, to)| sum.saturating_add(to - from + 1));
        out.lines_shown = out.lines_shown.saturating_add(total.unwrap_or(0).saturating_sub(unseen));
        let known = missing.iter().filter(|_| total.is_some());
        out.lines_carried = known.fold(out.lines_carried, |sum, (from, to)| sum.saturating_add(carried(*from, *to)));
        out.missed.extend(missing.into_iter().map(|(from, to)| Missed::Lines(path.to_string(), from, to)));
    }
}

/// Differences of an item of which something was shown.
fn differences(state: &State, item: &Item, out: &mut Coverage) {
    let Some((seen, of)) = state.shown.get(&(item.id.clone(), item.digest.clone())) else { return };
    let mut set = LineSet::default();
    seen.iter().for_each(|n| set.insert(u64::from(*n) + 1, u64::from(*n) + 1));
    let number = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    let missing = set.missing(u64::from(*of)).into_iter();
    out.missed.extend(missing.map(|(from, to)| Missed::Difference(item.id.clone(), number(from), number(to), *of)));
}

fn code(facts: &Facts, state: &State, out: &mut Coverage) {
    let read: BTreeMap<&Untrusted, &LineSet> = facts
        .source
        .iter()
        .flat_map(|tree| &tree.entries)
        .filter_map(|entry| Some((&entry.path, &lines_of(state, &entry.path.shown(), &entry.id)?.0)))
        .collect();
    for (artifact, root) in facts.release.artifacts.iter().zip(&facts.comparisons) {
        match root {
            Some(root) => code_below(root, &read, out),
            None => out.code_unknown += u64::from(artifact.shipped.is_some()),
        }
    }
}

fn code_below(node: &Node, read: &BTreeMap<&Untrusted, &LineSet>, out: &mut Coverage) {
    let share = node.built_from.as_ref().and_then(|built| Some((built, built.share.shipped.as_ref()?)));
    let shipped = node.digest.shipped.is_some() || node.size.shipped.is_some();
    if let Some((built, share)) = share {
        out.code_total = out.code_total.saturating_add(share.total);
        let shown = built.code.iter().filter_map(|(path, pieces)| Some((read.get(path)?, pieces))).flat_map(|(set, pieces)| {
            pieces.iter().filter(|p| p.lines.0 > 0 && set.covers(u64::from(p.lines.0), u64::from(p.lines.1))).map(|p| p.bytes)
        });
        // Lines that lie may claim more than there is.
        let shown = shown.fold(0, u64::saturating_add).min(share.total);
        out.code_shown = out.code_shown.saturating_add(shown);
    } else if shipped && node.children.is_empty() && may_hold_code(node.kind) {
        out.code_unknown += 1;
    }
    node.children.iter().for_each(|child| code_below(child, read, out));
}

/// Whether a file of that kind is code, or may have code inside.
fn may_hold_code(kind: NodeKind) -> bool {
    !matches!(kind, NodeKind::Text | NodeKind::Data | NodeKind::Directory | NodeKind::Special)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::checks::{Discovery, Policy};
    use crate::model::*;
    use crate::review::{Body, Event, queue};

    fn entry(path: &str) -> SourceEntry {
        SourceEntry { path: path.into(), kind: EntryKind::File, id: format!("id of {path}"), size: 100 }
    }

    /// Two artifacts: an executable made of `a.c` that differs, and an identical package. Four source files.
    fn facts() -> Facts {
        let artifact = |name: &str| Artifact { name: name.into(), shipped: Some(FileId(0)), rebuilt: Vec::new(), debug: Vec::new() };
        let mut facts = Facts::new(Arc::new(Release {
            product: "p".into(),
            version: "1".into(),
            artifacts: vec![artifact("exe"), artifact("same.deb")],
            ..Release::new(Carrier::Directory, Identity { digest: None, basis: IdentityBasis::TagManifest })
        }));
        let tree = SourceTree { entries: ["a.c", "b.c", "empty", "logo.png"].map(entry).into(), ..SourceTree::default() };
        facts.learn(Discovery::Source(Arc::new(tree)));
        facts.learn(Discovery::SourceLines([Some(10), Some(90), Some(0), None].into()));
        let mut exe = Node::new("exe".into(), NodeKind::Elf, ResultMark::Different);
        exe.account = Sides::new(Account::all_unexplained(1), Account::all_unexplained(1));
        exe.digest = Sides::new(Some(crate::digest::Sha256::of(b"exe")), None);
        let piece = |from, to, bytes| CodePiece { lines: (from, to), bytes };
        let code = [("a.c".into(), vec![piece(1, 4, 30), piece(5, 9, 50), piece(0, 0, 7)]), ("gone.c".into(), vec![piece(1, 1, 9)])];
        let share = CodeShare { total: 200, ..CodeShare::default() };
        exe.built_from = Some(Arc::new(BuiltFrom { share: Sides::new(Some(share), None), code: code.into(), ..BuiltFrom::default() }));
        facts.learn(Discovery::Compared(0, Arc::new(exe)));
        let mut deb = Node::new("same.deb".into(), NodeKind::Deb, ResultMark::Identical);
        deb.digest = Sides::new(Some(crate::digest::Sha256::of(b"deb")), None);
        facts.learn(Discovery::Compared(1, Arc::new(deb)));
        facts
    }

    fn read(path: &str, from: u64, to: u64, of: u64) -> Body {
        Body::Read { path: path.into(), blob: format!("id of {path}"), from, to, of, text: false }
    }

    fn after(facts: &Facts, bodies: Vec<Body>) -> Coverage {
        let events = bodies.into_iter().zip(1..).map(|(body, n)| Event { n, time: String::new(), body }).collect();
        coverage(facts, &queue(facts, &Policy::default()), &State::fold(events))
    }

    #[test]
    fn nothing_shown_is_everything_missed() {
        let coverage = after(&facts(), Vec::new());
        assert_eq!((coverage.lines_shown, coverage.lines_total), (0, 100));
        assert_eq!((coverage.code_shown, coverage.code_total, coverage.code_unknown), (0, 200, 1));
        let list = coverage.not_looked_at();
        assert_eq!(
            list,
            [
                "item batch:identical",
                "item compare:exe",
                "artifact exe",
                "artifact same.deb",
                "source a.c",
                "source b.c",
                "source logo.png"
            ]
        );
        assert_eq!(coverage.missed_words(), "2 artifacts, 3 files of the source, 2 items");
    }

    #[test]
    fn code_counts_when_all_lines_that_it_came_from_were_shown() {
        let facts = facts();
        assert_eq!(after(&facts, vec![read("a.c", 1, 3, 10)]).code_shown, 0);
        assert_eq!(after(&facts, vec![read("a.c", 1, 5, 10)]).code_shown, 30);
        let all = after(&facts, vec![read("a.c", 1, 5, 10), read("a.c", 6, 10, 10)]);
        assert_eq!((all.code_shown, all.lines_shown), (80, 10));
        assert!(!all.not_looked_at().iter().any(|l| l.contains("a.c")));
        assert_eq!(all.sentences()[1], "the source of 40.0% of 200 bytes of shipped code; 1 file more was not opened");
        let mut other = read("a.c", 1, 10, 10);
        if let Body::Read { blob, .. } = &mut other {
            blob.push_str(" as it was");
        }
        assert_eq!(after(&facts, vec![other]).lines_shown, 0, "other content of that name");
    }

    #[test]
    fn gaps_are_listed_as_ranges_and_differences_by_number() {
        let facts = facts();
        let item = queue(&facts, &Policy::default()).into_iter().find(|i| i.id == "compare:exe").expect("an item");
        let shown = Body::Shown { item: item.id, digest: item.digest, differences: vec![1, 4], of: 6, text: false };
        let list = after(&facts, vec![read("b.c", 11, 20, 90), read("b.c", 80, 99, 90), shown]).not_looked_at();
        let some: Vec<&str> = list.iter().map(String::as_str).filter(|l| l.contains("b.c") || l.contains("exe")).collect();
        assert_eq!(
            some,
            [
                "difference compare:exe 1-1 of 6",
                "difference compare:exe 3-4 of 6",
                "difference compare:exe 6-6 of 6",
                "source b.c:1-10",
                "source b.c:21-79"
            ]
        );
    }
}
