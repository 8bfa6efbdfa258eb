//! The sources as text: their files with the machine's marks, what is flagged, and what an archive made of a file of the tree.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::checks::Facts;
use crate::diff;
use crate::model::SourceFlag;
use crate::review::State;
use crate::session::Headless;
use crate::text::{Shown, Untrusted};

/// Places of one flag that are listed.
const LISTED: usize = 200;

/// The mark of a flag.
fn mark(flag: &SourceFlag) -> char {
    if flag.code == "source.archive" { '!' } else { '?' }
}

/// All sources, each with its files and how much of each was shown.
pub(super) fn list(facts: &Facts, state: &State, out: &mut String) {
    let mut marks: BTreeMap<usize, char> = facts.hidden.iter().flatten().map(|h| (h.entry, '?')).collect();
    for flag in facts.flags.iter().flatten() {
        for place in &flag.places {
            let known = marks.entry(place.entry).or_insert(mark(flag));
            *known = (*known).min(mark(flag)); // `!` is before `?`
        }
    }
    for (first, tree) in facts.sources() {
        let (commit, id) = (tree.commit.as_deref().unwrap_or("(none)"), tree.tree.as_deref().unwrap_or("(none)"));
        let _ = writeln!(out, "source {}\ncommit {commit}  tree {id}", tree.origin.shown());
        for (i, entry) in tree.entries.iter().enumerate() {
            let mark = marks.get(&(first + i)).copied().unwrap_or(' ');
            let path = facts.source_path(first + i).unwrap_or_default();
            let read = match state.read_of(path.shown().as_str(), &entry.id) {
                (0, _) => String::new(),
                (shown, of) => format!("  shown {shown} of {of}"),
            };
            let _ = writeln!(out, "{mark} {:>9}  {}{read}", entry.size, entry.path.shown());
        }
    }
    for report in &facts.archives {
        let _ = writeln!(out, "archive {}: {}", report.archive.shown(), report.words());
    }
    for flag in facts.flags.iter().flatten() {
        let _ = writeln!(out, "{} {} {}", mark(flag), flag.code, flag.what);
        for place in flag.places.iter().take(LISTED) {
            let line = place.lines.first().map_or_else(String::new, |l| format!(":{l}"));
            let path = facts.source_path(place.entry).unwrap_or_default();
            let _ = writeln!(out, "    {}{line}  {}", path.shown(), place.detail);
        }
        if flag.places.len() > LISTED {
            let _ = writeln!(out, "    and {} more: `check --format json` lists them all", flag.places.len() - LISTED);
        }
    }
}

/// What is flagged in one file, and its differing lines where an archive has another version of a file of the tree.
pub(super) fn of_file(done: &Headless, path: &Untrusted, bytes: &[u8], out: &mut String) {
    let facts = &done.facts;
    let is_here = |entry: usize| facts.source_path(entry).as_ref() == Some(path);
    for flag in facts.flags.iter().flatten() {
        let Some(place) = flag.places.iter().find(|p| is_here(p.entry)) else { continue };
        let lines: Vec<String> = place.lines.iter().take(20).map(ToString::to_string).collect();
        let lines = if lines.is_empty() { String::new() } else { format!("  lines {}", lines.join(", ")) };
        let _ = writeln!(out, "{} {} {} {}{lines}", mark(flag), flag.code, flag.what, place.detail);
        let of = facts.archives.iter().find_map(|r| {
            let below = path.as_bytes().strip_prefix(r.archive.as_bytes())?.strip_prefix(b"!")?;
            Some(Untrusted::from([r.folder.as_bytes(), below].concat()))
        });
        let theirs = of.filter(|_| flag.code == "source.archive").and_then(|p| done.session.read_source(&p).ok());
        let Some(theirs) = theirs.filter(|t| !t.contains(&0) && !bytes.contains(&0)) else { continue };
        let changed = diff::changed_lines(&theirs, bytes);
        for line in changed.lines {
            let _ = writeln!(out, "{} {:>5}  {}", if line.added { '+' } else { '-' }, line.number, Shown::of_line(line.text.as_bytes()));
        }
        if let Some(why) = changed.cut {
            let _ = writeln!(out, "  the rest is left out: {why}");
        }
    }
}
