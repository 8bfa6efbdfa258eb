//! The past of a source file as text: the commits that changed it, the commit of each line, and what it was at a tag.

use std::fmt::Write as _;

use clap::Args;
use color_eyre::eyre::{bail, eyre};

use crate::diff::history::{Walked, unified};
use crate::model::{Commit, day};
use crate::session::{Headless, Past, PastWanted, PastWhat, VersionPair};
use crate::text::{Shown, Untrusted};

/// What of a source file's past is printed.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(super) struct PastArgs {
    /// Source: the commits that changed the file.
    #[arg(long)]
    history: bool,
    /// Source: the commit that each line of the file came with.
    #[arg(long)]
    blame: bool,
    /// Source: what changed in the file since that tag; since the tag before, when none is named.
    #[arg(long, value_name = "TAG", num_args = 0..=1)]
    since: Option<Option<String>>,
}

impl PastArgs {
    pub(super) fn is_any(&self) -> bool {
        self.history || self.blame || self.since.is_some()
    }

    /// Whether every line of the file is printed.
    pub(super) fn shows_the_file(&self) -> bool {
        !self.history && self.since.is_none()
    }
}

/// Prints it; whether that was all that was asked for.
pub(super) fn of_file(done: &Headless, args: &PastArgs, path: &Untrusted, bytes: &[u8], out: &mut String) -> color_eyre::Result<bool> {
    let what = match &args.since {
        Some(tag) => PastWhat::Change(VersionPair::Since(tag.clone())),
        None if args.history => PastWhat::History,
        None if args.blame => PastWhat::Blame,
        None => return Ok(false),
    };
    let count: usize = done.facts.sources().map(|(_, tree)| tree.entries.len()).sum();
    let entry = (0..count).find(|n| done.facts.source_path(*n).as_ref() == Some(path));
    let found = entry.and_then(|n| Some((n, done.facts.source_entry(n)?.path.clone())));
    let (entry, inside) = found.ok_or_else(|| eyre!("{}: not in the source", path.shown()))?;
    for answer in done.session.past(&PastWanted { id: 1, entry, path: inside, what }) {
        match answer {
            Past::Failed { why, .. } => bail!("{}: {why}", path.shown()),
            Past::History { commits, walked, incomplete, finished, .. } => {
                for commit in &commits {
                    let _ = writeln!(out, "{}  {}", head(commit), commit.subject.shown());
                }
                if finished {
                    ending(&walked, incomplete.as_deref(), out);
                }
            }
            Past::Blame { finished: false, .. } => {}
            Past::Blame { blame, incomplete, .. } => {
                for (n, line) in bytes.split_inclusive(|b| *b == b'\n').enumerate() {
                    let who = blame.of(n).map_or_else(|| format!("older than {}", day(blame.walked.time)), head);
                    let line = line.strip_suffix(b"\n").unwrap_or(line);
                    let _ = writeln!(out, "{:<35}  {:>5}  {}", who, n + 1, Shown::of_line(line));
                }
                ending(&blame.walked, incomplete.as_deref(), out);
            }
            Past::Change { older, newer, change, .. } => {
                let _ = writeln!(out, "{older} | {newer}: {} lines are new, {} are gone", change.added.len(), change.removed);
                for line in unified(&change.listing) {
                    let number = |n: Option<u64>| n.map_or_else(String::new, |n| n.to_string());
                    let (old, new) = (number(line.numbers.shipped), number(line.numbers.rebuilt));
                    let _ = writeln!(out, "{old:>5} {new:>5} {} {}", line.mark, line.text.plain());
                }
            }
        }
    }
    Ok(true)
}

/// Name, day and author of a commit, in 35 cells.
fn head(commit: &Commit) -> String {
    let author = commit.author.shown().cut(14);
    let pad = 14 - author.width().min(14);
    format!("{} {} {author}{}", commit.id.short(), commit.day(), " ".repeat(pad))
}

fn ending(walked: &Walked, incomplete: Option<&str>, out: &mut String) {
    let _ = writeln!(out, "{} commits looked at; author, day and subject are claims of whoever made the commit", walked.looked);
    if walked.stopped {
        let _ = writeln!(out, "stopped at {}: it took too long, or there were too many", day(walked.time));
    }
    if let Some(why) = incomplete {
        let _ = writeln!(out, "history incomplete: {}", Shown::new(why));
    }
    if let Some(what) = &walked.missing {
        let _ = writeln!(out, "history incomplete: {}", Shown::new(what));
    }
}
