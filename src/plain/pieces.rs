//! What there is to look at of an item, a piece at a time: its differences, the lines of its file, its places, what it covers.

use super::desk::Desk;
use super::rows;
use super::say::{Say, count};
use crate::digest::Sha256;
use crate::model::{ResultMark, SourceLine, visit};
use crate::review::{Class, Item, Target};

/// Lines or files of one piece.
pub(super) const LINES: usize = 20;
/// Lines around one that is flagged.
const AROUND: u64 = 2;

/// Where a piece is.
#[derive(Clone, Debug, Default)]
pub(super) struct At {
    pub(super) function: Option<String>,
    /// The first address, and the one after the last byte.
    pub(super) addresses: Option<(u64, Option<u64>)>,
    /// Lines of the artifact's own text.
    pub(super) lines: Option<(u64, u64)>,
    /// Digest of the shipped bytes.
    pub(super) range: Option<Sha256>,
    pub(super) source: Option<SourceLine>,
    /// Lines of a source file: its entry, the first and the last.
    pub(super) entry: Option<(usize, u64, u64)>,
}

/// One piece.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    /// The differences that it shows, from 0.
    pub(super) numbers: Vec<u32>,
    /// What is printed; of lines of source they are read when they are printed.
    pub(super) lines: Vec<String>,
    pub(super) at: At,
}

/// What the pieces are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Differences,
    /// Lines of the source file of that entry.
    Lines(usize),
    Places,
    Files,
}

impl What {
    /// `1 difference`, `3 lines`.
    pub(super) fn count(self, n: usize) -> String {
        let (one, several) = match self {
            Self::Differences => ("difference", "differences"),
            Self::Lines(_) => ("line", "lines"),
            Self::Places => ("place", "places"),
            Self::Files => ("file", "files"),
        };
        count(n, one, several)
    }

    fn one(self) -> &'static str {
        match self {
            Self::Differences => "Difference",
            Self::Lines(_) => "Part",
            Self::Places => "Place",
            Self::Files => "File",
        }
    }
}

/// All pieces of an item.
pub(super) struct Pieces {
    pub(super) list: Vec<Piece>,
    pub(super) of: u32,
    pub(super) what: What,
    /// Of a source file the lines that must be shown.
    pub(super) wanted: Vec<u64>,
}

/// Makes them.
pub(super) fn of(desk: &Desk, item: &Item) -> Pieces {
    let none = Pieces { list: Vec::new(), of: 1, what: What::Differences, wanted: Vec::new() };
    match &item.target {
        Target::Cluster(places) if item.class == Class::Toolchain => files(places.iter().map(|spot| spot.name.clone()).collect()),
        Target::Compare { .. } | Target::Cluster(_) => match desk.node_of(item) {
            Some(node) => {
                let (list, of) = rows::of(node);
                Pieces { list, of, ..none }
            }
            None => none,
        },
        Target::Rule(cause) => {
            let mut covered = Vec::new();
            for root in desk.facts.comparisons.iter().flatten() {
                visit(root, &mut |node, _, name| {
                    for proof in node.proofs.iter().filter(|p| p.cause == *cause) {
                        let (a, b) = (proof.values.shipped.shown(), proof.values.rebuilt.shown());
                        let values =
                            if a.as_str().is_empty() && b.as_str().is_empty() { String::new() } else { format!(": {a}, rebuilt {b}") };
                        covered.push(format!("{name}{values}"));
                    }
                });
            }
            files(covered)
        }
        Target::Batch => {
            let mut covered = Vec::new();
            for root in desk.facts.comparisons.iter().flatten() {
                visit(root, &mut |node, _, name| {
                    if node.children.is_empty() && node.result == ResultMark::Identical {
                        covered.push(format!("{name}, {} bytes", node.size.shipped.unwrap_or(0)));
                    }
                });
            }
            files(covered)
        }
        Target::Places(i) => {
            let flag = desk.facts.flags.as_ref().and_then(|f| f.get(*i));
            let places = flag.map(|f| f.places.as_slice()).unwrap_or_default();
            let list = places.iter().zip(0..).map(|(place, n)| {
                let line = place.lines.first().copied().unwrap_or(1).max(1);
                let entry = Some((place.entry, line.saturating_sub(AROUND).max(1), line.saturating_add(AROUND)));
                Piece { numbers: vec![n], lines: vec![place.detail.clone()], at: At { entry, ..At::default() } }
            });
            Pieces { list: list.collect(), of: u32::try_from(places.len()).unwrap_or(u32::MAX), what: What::Places, wanted: Vec::new() }
        }
        Target::Source { entry, .. } => lines(desk, item, *entry),
        _ => none,
    }
}

/// Files in portions, each with its number.
fn files(names: Vec<String>) -> Pieces {
    let of = u32::try_from(names.len()).unwrap_or(u32::MAX);
    let numbers: Vec<u32> = (0..of).collect();
    let list = names.chunks(LINES).zip(numbers.chunks(LINES)).map(|(lines, numbers)| Piece {
        numbers: numbers.to_vec(),
        lines: lines.to_vec(),
        at: At::default(),
    });
    Pieces { list: list.collect(), of, what: What::Files, wanted: Vec::new() }
}

/// A file that must be read, in portions; of one that is flagged, what is around the lines that are.
fn lines(desk: &Desk, item: &Item, entry: usize) -> Pieces {
    let Ok(file) = desk.read_entry(entry) else {
        return Pieces { list: Vec::new(), of: 1, what: What::Lines(entry), wanted: Vec::new() };
    };
    let count = file.len() as u64;
    let part = |from: u64, to: u64| Piece {
        numbers: Vec::new(),
        lines: Vec::new(),
        at: At { entry: Some((entry, from, to.min(count))), ..At::default() },
    };
    let flag = desk.facts.flags.iter().flatten().find(|f| crate::review::flag_id(f) == item.id);
    let flagged: Option<Vec<u64>> = match (item.class, flag) {
        (Class::Read, _) => None,
        (_, Some(flag)) => flag.places.first().map(|p| p.lines.clone()).filter(|l| !l.is_empty()),
        (_, None) => Some(file.hidden()).filter(|l| !l.is_empty()),
    };
    let (wanted, list): (Vec<u64>, Vec<Piece>) = match flagged {
        Some(lines) => {
            let lines: Vec<u64> = lines.into_iter().filter(|l| *l <= count).collect();
            let list = lines.iter().map(|l| part(l.saturating_sub(AROUND).max(1), l.saturating_add(AROUND))).collect();
            (lines, list)
        }
        None => ((1..=count).collect(), (1..=count).step_by(LINES).map(|from| part(from, from + LINES as u64 - 1)).collect()),
    };
    Pieces { list, of: u32::try_from(wanted.len()).unwrap_or(u32::MAX), what: What::Lines(entry), wanted }
}

impl Desk {
    /// Differences (or lines) shown of an item, and how many it has.
    pub(super) fn coverage_of(&self, item: &Item) -> (usize, usize) {
        let pieces = self.front.as_ref().filter(|f| f.id == item.id).and_then(|f| f.pieces.as_ref());
        if let Some(Pieces { what: What::Lines(entry), wanted, .. }) = pieces {
            if wanted.is_empty() {
                // An empty file is read when it is open.
                return if self.read_entry(*entry).is_ok() { (1, 1) } else { (0, 1) };
            }
            let read = self.source_key(*entry).and_then(|key| self.session.state().read.get(&key));
            let seen = wanted.iter().filter(|line| read.is_some_and(|(lines, _)| lines.contains(**line))).count();
            return (seen, wanted.len());
        }
        let (shown, of) = self.session.state().shown_of(item);
        (shown, pieces.map_or(0, |p| p.of as usize).max(of))
    }

    /// The next piece of the item in front, or the one that has that difference.
    pub(super) fn difference(&mut self, wanted: &str) -> Say {
        let Some((_, item)) = self.front_item() else { return Say::one("No item is in front. Type next for the first.") };
        self.make_pieces(&item);
        let Some(front) = &self.front else { return Say::default() };
        let Some(pieces) = front.pieces.as_ref().filter(|p| !p.list.is_empty()) else {
            return Say::one("There are no rows to step through: item tells all that there is of it.");
        };
        let at = if wanted.is_empty() {
            front.at.map_or(0, |at| at + 1)
        } else {
            let number = wanted.parse::<u32>().ok().and_then(|n| n.checked_sub(1));
            let has = |p: &Piece, n: u32| match (pieces.what, p.at.entry) {
                (What::Lines(_), Some((_, from, to))) => (from..=to).contains(&(u64::from(n) + 1)),
                _ => p.numbers.contains(&n),
            };
            match number.and_then(|n| pieces.list.iter().position(|p| has(p, n))) {
                Some(at) => at,
                None => return Say::one(&format!("There is no such number: 1 to {}.", pieces.of)),
            }
        };
        if at >= pieces.list.len() {
            return self.at_the_end(&item);
        }
        self.tell_piece(&item, at)
    }

    pub(super) fn difference_back(&mut self) -> Say {
        let Some((_, item)) = self.front_item() else { return Say::one("No item is in front. Type next for the first.") };
        self.make_pieces(&item);
        match self.front.as_ref().and_then(|f| f.at).and_then(|at| at.checked_sub(1)) {
            Some(at) => self.tell_piece(&item, at),
            None => Say::one("That was the first. Type difference for it."),
        }
    }

    fn at_the_end(&self, item: &Item) -> Say {
        let (shown, of) = self.coverage_of(item);
        let rest = if shown < of { format!("{} of {of} not shown", of - shown) } else { format!("all {of} shown") };
        Say::one(&format!("That was the last: {rest}. Type accept, reject, finding or next."))
    }

    fn tell_piece(&mut self, item: &Item, at: usize) -> Say {
        let Some(pieces) = self.front.as_ref().and_then(|f| f.pieces.as_ref()) else { return Say::default() };
        let Some(piece) = pieces.list.get(at).cloned() else { return Say::default() };
        let (what, of) = (pieces.what, pieces.of);
        let mut say = Say::one(&head(&piece, what, at, pieces.list.len(), of));
        if let Some(front) = &mut self.front {
            front.at = Some(at);
        }
        piece.lines.iter().for_each(|line| say.line(line));
        let mut printed = true;
        if let Some((entry, from, to)) = piece.at.entry {
            printed = self.tell_lines(entry, from, to, &mut say);
        }
        if printed && !piece.numbers.is_empty() {
            self.count_shown(item, piece.numbers, of);
        }
        say
    }
}

/// `Difference 2 to 3 of 7, in function f, src/a.c line 57.`
fn head(piece: &Piece, what: What, at: usize, parts: usize, of: u32) -> String {
    let number = match (piece.numbers.first(), piece.numbers.last()) {
        (Some(a), Some(b)) if a == b => format!("{} of {of}", a + 1),
        (Some(a), Some(b)) => format!("{} to {} of {of}", a + 1, b.saturating_add(1)),
        _ => format!("{} of {parts}", at + 1),
    };
    let function = piece.at.function.as_ref().map_or_else(String::new, |f| format!(", in function {f}"));
    let source = piece.at.source.as_ref().map_or_else(String::new, |s| format!(", {} line {}", s.file.shown(), s.line));
    format!("{} {number}{function}{source}.", what.one())
}
