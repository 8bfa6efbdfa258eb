//! Items in words: the result first, then the name.

use super::desk::{Desk, Front};
use super::pieces;
use super::say::{Say, count};
use crate::checks::{self, Facts};
use crate::model::{Node, Outcome};
use crate::report;
use crate::review::{Body, Class, Item, Target};
use crate::text::Shown;

/// Items and lines that are told at once.
const TOLD: usize = 20;

/// What an item is, in the word that matters most.
fn word(item: &Item) -> &'static str {
    match (item.class, item.mark) {
        (Class::Integrity, _) => "DAMAGED",
        (Class::Broken, _) => "BROKEN",
        (Class::Alarm, _) => "ALARM",
        (Class::Archive, _) => "ARCHIVE DIFFERS",
        (Class::Toolchain, _) => "TOOLCHAIN DIFFERS",
        (Class::Code, _) => "CODE DIFFERS",
        (Class::Data, _) => "DATA DIFFERS",
        (Class::NotExamined, _) => "NOT EXAMINED",
        (Class::Unpaired, '<') => "ONLY SHIPPED",
        (Class::Unpaired, '>') => "ONLY REBUILT",
        (Class::Unpaired, _) => "UNPAIRED",
        (Class::Metadata, _) => "METADATA DIFFERS",
        (Class::Claim, _) => "CANNOT BE CHECKED",
        (Class::Flagged, _) => "FLAGGED SOURCE",
        (Class::Rule, _) => "EXPLAINED",
        (Class::Read, _) => "MUST BE READ",
        (Class::Batch, _) => "IDENTICAL",
        (Class::Question, _) => "QUESTION",
    }
}

/// Text with an end.
fn sentence(text: &str) -> String {
    if text.ends_with(['.', '?', '!']) { text.to_owned() } else { format!("{text}.") }
}

impl Desk {
    /// The item in one line.
    pub(super) fn headline(&self, at: usize, item: &Item) -> String {
        let standing = self.session.state().standing_of(item);
        format!("{}: {} Item {} of {}, {standing}.", word(item), sentence(item.title.shown().as_str()), at + 1, self.items.len())
    }

    pub(super) fn list(&mut self, which: &str) -> Say {
        let all = match which {
            "" => false,
            "all" => true,
            _ => return Say::one("list, or list all."),
        };
        let state = self.session.state();
        let told: Vec<String> = self
            .items
            .iter()
            .enumerate()
            .filter(|(_, i)| all || state.is_open(i))
            .map(|(n, i)| format!("{}. {}: {} {}.", n + 1, word(i), sentence(i.title.shown().as_str()), state.standing_of(i)))
            .collect();
        let open = state.open(&self.items).count();
        let mut say = Say::one(&format!("{} to judge, of {}.{}", count(open, "item", "items"), self.items.len(), self.running()));
        say.add(&self.tell(told));
        say
    }

    /// Tells some lines, and keeps the rest for `more`.
    pub(super) fn tell(&mut self, lines: Vec<String>) -> Say {
        self.reading = Some(super::desk::Reading::Lines { lines, from: 0 });
        self.more_lines()
    }

    pub(super) fn more_lines(&mut self) -> Say {
        let mut say = Say::default();
        let Some(super::desk::Reading::Lines { lines, from }) = &mut self.reading else { return say };
        let end = lines.len().min(*from + TOLD);
        lines.get(*from..end).unwrap_or_default().iter().for_each(|line| say.line(line));
        *from = end;
        let left = lines.len() - end;
        if left > 0 {
            say.line(&format!("{left} more: type more."));
        } else {
            self.reading = None;
        }
        say
    }

    /// That the machine is not done, where that matters.
    pub(super) fn running(&self) -> &'static str {
        if self.facts.is_complete() { "" } else { " The machine is not done: more may come. Type wait to wait for it." }
    }

    /// To the next or previous item that needs judging.
    pub(super) fn step(&mut self, forward: bool) -> Say {
        let at = self.front_item().map(|(at, _)| at);
        match self.session.state().next_open(&self.items, at, forward) {
            Some(next) => self.open_item(next),
            None if self.facts.is_complete() => {
                Say::one("Nothing is left to judge. Type blockers for what stands in the way, sign for how to go on.")
            }
            None => Say::one(&format!("Nothing is there to judge yet.{}", self.running())),
        }
    }

    pub(super) fn item(&mut self, wanted: &str) -> Say {
        if wanted.is_empty() {
            let before = self.session.state().at.clone();
            let at = self.front_item().map(|(at, _)| at).or_else(|| self.items.iter().position(|i| Some(&i.id) == before.as_ref()));
            return match at {
                Some(at) => self.open_item(at),
                None => Say::one("No item is in front. Type next for the first."),
            };
        }
        let number = wanted.parse::<usize>().ok().and_then(|n| n.checked_sub(1)).filter(|n| *n < self.items.len());
        match number.or_else(|| self.items.iter().position(|i| i.id == wanted)) {
            Some(at) => self.open_item(at),
            None => Say::one(&format!("No item is called {}. Type list all for their numbers.", Shown::new(wanted).cut(80))),
        }
    }

    pub(super) fn open_item(&mut self, at: usize) -> Say {
        let Some(item) = self.items.get(at).cloned() else { return Say::one("That item is no longer there.") };
        if self.front.as_ref().is_none_or(|f| f.id != item.id || f.digest != item.digest) {
            self.asked = None;
            self.front = Some(Front { id: item.id.clone(), digest: item.digest.clone(), pieces: None, at: None });
        }
        // What was read before is not what a note is about now.
        self.last_lines = None;
        let mut say = Say::one(&self.headline(at, &item));
        if !item.why.is_empty() {
            say.line(&format!("Why: {}", sentence(&item.why)));
        }
        if item.covers > 1 {
            say.line(&format!("It covers {} files.", item.covers));
        }
        if let Some(said) = self.session.state().disputes.get(&item.id) {
            say.line(&format!("The reviewers differ: {said}"));
        }
        if let Some(before) = self.session.state().before(&item) {
            say.line(&format!(
                "Before: ruled on by {} for record {}; that does not hold any more.",
                Shown::new(&before.by),
                before.sequence
            ));
        }
        match self.node_of(&item) {
            Some(node) => node_in_short(node, &mut say),
            None => self.evidence(&item, &mut say),
        }
        if item.class == Class::Question {
            say.line("Type answer yes, answer no, or answer n/a.");
            return say;
        }
        self.make_pieces(&item);
        let (shown, of) = self.coverage_of(&item);
        let what = self.front.as_ref().and_then(|f| f.pieces.as_ref()).map_or(pieces::What::Differences, |p| p.what);
        if self.front.as_ref().and_then(|f| f.pieces.as_ref()).is_some_and(|p| p.list.is_empty()) {
            // All that there is of it was just told.
            self.count_told(&item);
            say.line("That is all there is of it. Type accept, reject, finding or next.");
        } else {
            say.line(&format!(
                "{}, {shown} shown. Type difference for the next, show for everything, then accept or reject.",
                what.count(of)
            ));
        }
        say
    }

    /// What is told by its item alone counts as shown when it was told.
    fn count_told(&mut self, item: &Item) {
        self.count_shown(item, vec![0], 1);
    }

    /// Writes that differences were printed, where the policy counts that.
    pub(super) fn count_shown(&mut self, item: &Item, differences: Vec<u32>, of: u32) {
        let old = self.session.state().shown.get(&(item.id.clone(), item.digest.clone())).map(|(seen, _)| seen.clone()).unwrap_or_default();
        let fresh: Vec<u32> = differences.into_iter().filter(|d| *d < of && !old.contains(d)).collect();
        if fresh.is_empty() || !self.counts() {
            return;
        }
        let body = Body::Shown { item: item.id.clone(), digest: item.digest.clone(), differences: fresh, of, text: true };
        // When it cannot be written it was not shown; whoever rules is told.
        let _ = self.session.record(body);
    }

    /// Whether what is printed counts as shown, and can be written.
    pub(super) fn counts(&self) -> bool {
        self.session.policy().text_twins_count && self.session.read_only().is_none()
    }

    /// The node that an item is about; of equal ones the first.
    pub(super) fn node_of(&self, item: &Item) -> Option<&Node> {
        let (artifact, path) = self.node_place(item)?;
        self.facts.comparisons.get(artifact)?.as_ref()?.at(&path)
    }

    pub(super) fn node_place(&self, item: &Item) -> Option<(usize, Vec<usize>)> {
        match &item.target {
            Target::Compare { artifact, path } => Some((*artifact, path.clone())),
            Target::Cluster(places) => places.first().map(|first| (first.root, first.path.clone())),
            _ => None,
        }
    }

    /// Everything that is known of the item in front.
    pub(super) fn show(&mut self) -> Say {
        let Some((at, item)) = self.front_item() else { return Say::one("No item is in front. Type next for the first.") };
        let mut say = Say::one(&self.headline(at, &item));
        say.line(&format!("Id: {}", item.id));
        let mut text = String::new();
        if let Some(node) = self.node_of(&item) {
            report::head(node, item.title.shown().as_str(), &mut text);
            report::details(node, "    ", report::Detail::All, &mut text);
            for (word, digest) in [("shipped", node.digest.shipped), ("rebuilt", node.digest.rebuilt)] {
                say.line(&format!("{word} sha256 {}", digest.map_or_else(|| "absent".to_owned(), |d| d.to_string())));
            }
        }
        say.lines(&text);
        if let Target::Cluster(places) = &item.target {
            say.line(&format!("The same in {} places:", places.len()));
            places.iter().for_each(|spot| say.line(&spot.name));
        }
        if self.node_of(&item).is_none() {
            self.evidence(&item, &mut say);
        }
        let (shown, of) = self.coverage_of(&item);
        say.line(&format!("Shown {shown} of {of}; {}.", self.session.state().standing_of(&item)));
        if let Some(ruled) = self.session.state().ruling(&item).filter(|r| !r.reason.is_empty()) {
            say.line(&format!("Reason: {}", ruled.reason));
        }
        say
    }

    /// What is known of an item that is not about compared files.
    fn evidence(&self, item: &Item, say: &mut Say) {
        let facts = &self.facts;
        match &item.target {
            Target::Attestation { index, question } => {
                let attestation = facts.attestations.as_ref().and_then(|a| a.get(*index));
                for answer in attestation.map(|a| a.answers.as_slice()).unwrap_or_default() {
                    let word = match answer.outcome {
                        Outcome::Yes => "yes",
                        Outcome::No => "NO",
                        Outcome::CannotTell => "CANNOT TELL",
                    };
                    let this = if answer.question == *question { " This is the question." } else { "" };
                    say.line(&format!("{word}: {}. {}.{this}", answer.question.word(), answer.reason.trim_end_matches('.')));
                }
            }
            Target::Chain(i) => {
                if let Some(link) = facts.chain.get(*i) {
                    say.line(&format!("{}: {}. {}.", link.standing.word(), link.name, link.why.trim_end_matches('.')));
                    link.evidence.iter().for_each(|clue| say.line(&format!("evidence: {}", clue.text)));
                }
            }
            Target::Defect(i) => {
                if let Some(defect) = facts.all_defects().nth(*i) {
                    say.line(&format!("check {}, at {}", defect.code, defect.place));
                    say.line(&format!("To do: {}", defect.advice));
                }
            }
            Target::File(i) => file(facts, *i, say),
            Target::Question(_) => {
                if let Some(answer) = self.session.state().answer(item) {
                    say.line(&format!("Answered: {answer}."));
                }
            }
            Target::Places(i) => {
                if let Some(flag) = facts.flags.as_ref().and_then(|f| f.get(*i)) {
                    say.line(&format!("check {}: {}", flag.code, flag.what));
                }
            }
            Target::Source { .. }
            | Target::Rule(_)
            | Target::Batch
            | Target::NoSuchSource(_)
            | Target::Compare { .. }
            | Target::Cluster(_) => {}
        }
    }

    /// Makes what there is to look at of the item in front, once.
    pub(super) fn make_pieces(&mut self, item: &Item) {
        if self.front.as_ref().is_some_and(|f| f.id == item.id && f.pieces.is_none()) {
            let made = pieces::of(self, item);
            if let Some(front) = &mut self.front {
                front.pieces = Some(made);
            }
        }
    }

    pub(super) fn checks(&mut self) -> Say {
        let mut told: Vec<String> =
            checks::run(&self.facts).iter().map(|c| format!("{}: {}. {}", c.verdict.word(), c.code.code, c.why)).collect();
        told.extend(self.facts.all_defects().map(|d| format!("{}: {d}", d.code)));
        self.tell(told)
    }
}

fn file(facts: &Facts, index: usize, say: &mut Say) {
    let Some(file) = facts.release.files.get(index) else { return };
    for digest in &file.declared {
        say.line(&format!("declared {digest}"));
    }
    let ours = facts.hashed.get(index).copied().flatten().and_then(|h| h.sha256);
    say.line(&ours.map_or_else(|| "computed: nothing".to_owned(), |d| format!("computed sha256 {d}")));
}

/// Kind, sizes and functions of a compared file.
fn node_in_short(node: &Node, say: &mut Say) {
    let size = |size: Option<u64>| size.map_or_else(|| "absent".to_owned(), |s| format!("{s} bytes"));
    say.line(&format!("{}, shipped {}, rebuilt {}.", node.kind.word(), size(node.size.shipped), size(node.size.rebuilt)));
    let total = node.total_account();
    let (a, b) = (total.shipped.unexplained, total.rebuilt.unexplained);
    say.line(&format!("Unexplained: {a} bytes shipped, {b} bytes rebuilt."));
    let different: Vec<_> = node.functions.iter().filter(|f| !f.result.is_equal()).collect();
    for function in different.iter().take(TOLD) {
        let place = function.source.as_ref().map_or_else(String::new, |s| format!(", {} line {}", s.file.shown(), s.line));
        say.line(&format!("function {}{place}: {}", function.name.shown(), function.what));
    }
    if different.len() > TOLD {
        say.line(&format!("{} more functions differ.", different.len() - TOLD));
    }
    if node.evidence.is_none() {
        let mut text = String::new();
        report::details(node, "", report::Detail::All, &mut text);
        say.lines(&text);
    }
}
