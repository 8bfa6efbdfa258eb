//! Which lines two versions of a file have in common, with every group of changed lines where a person would look for it.
//!
//! A function that was put between two others can be told in several ways that are all shortest: from its first line to the blank
//! one behind it, or from a closing brace to the next. git slides such a group to the place where the text around it is split best
//! (the indent heuristic; its weights were found by Michael Haggerty on files that people had judged). The same is done here, so
//! that a line has the same commit as in git.

use std::ops::Range;

use crate::diff::align;
use crate::diff::texts::MAX_LINES;

/// Lines that are the same on both sides: where they begin on each, and how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) old: usize,
    pub(super) new: usize,
    pub(super) len: usize,
}

/// Cells of indentation that are counted, and blank lines.
const MAX_INDENT: i32 = 200;
const MAX_BLANKS: i32 = 20;
/// Lines that a group is moved at most.
const MAX_SLIDE: usize = 100;

/// The lines that two texts have in common, in order.
pub(super) fn common(old: &[&[u8]], new: &[&[u8]]) -> Vec<Run> {
    let mut a = Side { lines: old, changed: vec![true; old.len()] };
    let mut b = Side { lines: new, changed: vec![true; new.len()] };
    // Most of a file is as it was: only what lies between the first change and the last is aligned.
    let head = old.iter().zip(new).take_while(|(x, y)| x == y).count();
    let most = old.len().min(new.len()) - head;
    let tail = old.iter().rev().zip(new.iter().rev()).take(most).take_while(|(x, y)| x == y).count();
    let ends = (old.len() - tail, new.len() - tail);
    let mut keep = |i: usize, j: usize| {
        a.set(i, false);
        b.set(j, false);
    };
    (0..head).for_each(|i| keep(i, i));
    (0..tail).for_each(|n| keep(ends.0 + n, ends.1 + n));
    let (inner, other) = (old.get(head..ends.0).unwrap_or_default(), new.get(head..ends.1).unwrap_or_default());
    // Too many to be aligned: all of them changed.
    let rows = if inner.len() + other.len() > MAX_LINES { Vec::new() } else { align::align(inner, other) };
    for row in rows.iter().filter(|row| row.equal) {
        if let (Some(i), Some(j)) = (row.sides.shipped, row.sides.rebuilt) {
            keep(head + i, head + j);
        }
    }
    compact(&mut a, &b);
    compact(&mut b, &a);
    let mut runs: Vec<Run> = Vec::new();
    let kept = |side: &Side<'_>| -> Vec<usize> { (0..side.lines.len()).filter(|i| !side.is_changed(*i)).collect() };
    for (i, j) in kept(&a).into_iter().zip(kept(&b)) {
        match runs.last_mut() {
            Some(run) if run.old + run.len == i && run.new + run.len == j => run.len += 1,
            _ => runs.push(Run { old: i, new: j, len: 1 }),
        }
    }
    runs
}

struct Side<'a> {
    lines: &'a [&'a [u8]],
    changed: Vec<bool>,
}

impl Side<'_> {
    fn is_changed(&self, at: usize) -> bool {
        self.changed.get(at) == Some(&true)
    }

    fn set(&mut self, at: usize, to: bool) {
        if let Some(place) = self.changed.get_mut(at) {
            *place = to;
        }
    }

    fn first(&self) -> Range<usize> {
        self.group_from(0)
    }

    /// The changed lines that begin there: none is a group too, so that the groups of both sides correspond.
    fn group_from(&self, start: usize) -> Range<usize> {
        let rest = self.changed.get(start..).unwrap_or_default();
        start..start + rest.iter().take_while(|c| **c).count()
    }

    fn next(&self, group: &Range<usize>) -> Option<Range<usize>> {
        (group.end < self.lines.len()).then(|| self.group_from(group.end + 1))
    }

    fn before(&self, group: &Range<usize>) -> Option<Range<usize>> {
        let end = group.start.checked_sub(1)?;
        let head = self.changed.get(..end).unwrap_or_default();
        Some(end - head.iter().rev().take_while(|c| **c).count()..end)
    }

    fn same(&self, i: usize, j: usize) -> bool {
        self.lines.get(i) == self.lines.get(j)
    }

    /// Moves a group one line down, and takes in the group that it then touches.
    fn down(&mut self, group: &mut Range<usize>) -> bool {
        if group.end >= self.lines.len() || !self.same(group.start, group.end) {
            return false;
        }
        self.set(group.start, false);
        self.set(group.end, true);
        group.start += 1;
        group.end = self.group_from(group.end).end;
        true
    }

    /// Moves a group one line up, and takes in the group that it then touches.
    fn up(&mut self, group: &mut Range<usize>) -> bool {
        let Some(above) = group.start.checked_sub(1).filter(|above| self.same(*above, group.end - 1)) else { return false };
        self.set(above, true);
        group.end -= 1;
        self.set(group.end, false);
        let head = self.changed.get(..above).unwrap_or_default();
        group.start = above - head.iter().rev().take_while(|c| **c).count();
        true
    }
}

/// Moves every group of changed lines of one side to where it is read best.
fn compact(side: &mut Side<'_>, other: &Side<'_>) {
    let (mut group, mut beside) = (side.first(), other.first());
    loop {
        if !group.is_empty() {
            settle(side, other, &mut group, &mut beside);
        }
        match (side.next(&group), other.next(&beside)) {
            (Some(next), Some(next_beside)) => (group, beside) = (next, next_beside),
            _ => return,
        }
    }
}

fn settle(side: &mut Side<'_>, other: &Side<'_>, group: &mut Range<usize>, beside: &mut Range<usize>) {
    let go_up = |side: &mut Side<'_>, group: &mut Range<usize>, beside: &mut Range<usize>| {
        let moved = side.up(group);
        if moved && let Some(before) = other.before(beside) {
            *beside = before;
        }
        moved
    };
    let (mut size, mut highest, mut aligned);
    // A group that swallowed another may move further.
    loop {
        size = group.len();
        while go_up(side, group, beside) {}
        highest = group.end;
        aligned = beside.start < beside.end;
        while side.down(group) {
            if let Some(next) = other.next(beside) {
                *beside = next;
            }
            aligned |= beside.start < beside.end;
        }
        if group.len() == size {
            break;
        }
    }
    if group.end == highest {
        return;
    }
    if aligned {
        // Opposite a change of the other side: together they are one.
        while beside.start == beside.end && go_up(side, group, beside) {}
        return;
    }
    let from = highest.max((group.end - 1).saturating_sub(size)).max(group.end.saturating_sub(MAX_SLIDE));
    let mut best: Option<(usize, Score)> = None;
    for end in from..=group.end {
        let score = Score::of(side.lines, end).plus(Score::of(side.lines, end.saturating_sub(size)));
        if best.is_none_or(|(_, before)| !score.is_worse_than(before)) {
            best = Some((end, score));
        }
    }
    while best.is_some_and(|(end, _)| group.end > end) && go_up(side, group, beside) {}
}

/// How badly a place splits the text; less is better.
#[derive(Clone, Copy, Default)]
struct Score {
    indent: i32,
    penalty: i32,
}

impl Score {
    fn plus(self, other: Self) -> Self {
        Self { indent: self.indent + other.indent, penalty: self.penalty + other.penalty }
    }

    fn is_worse_than(self, other: Self) -> bool {
        60 * (self.indent - other.indent).signum() + self.penalty - other.penalty > 0
    }

    /// The score of a split before that line.
    fn of(lines: &[&[u8]], at: usize) -> Self {
        let here = lines.get(at).map(|line| indent(line));
        let above = neighbour(lines.get(..at).unwrap_or_default().iter().rev());
        let below = neighbour(lines.get(at + 1..).unwrap_or_default().iter());
        let mut penalty = 0;
        if above == (None, 0) {
            penalty += 1; // the start of the file
        }
        if here.is_none() {
            penalty += 21; // its end
        }
        let own = here.flatten();
        let blanks_below = if own.is_none() { 1 + below.1 } else { 0 };
        let blanks_below = if here.is_none() { 1 } else { blanks_below };
        let blanks = above.1 + blanks_below;
        penalty += -30 * blanks + 6 * blanks_below;
        let effective = own.or(below.0);
        if let (Some(indent), Some(before)) = (effective, above.0) {
            let (tight, loose) = match indent.cmp(&before) {
                std::cmp::Ordering::Greater => (-4, 10),
                std::cmp::Ordering::Equal => (0, 0),
                std::cmp::Ordering::Less if below.0.is_some_and(|next| next > indent) => (24, 17),
                std::cmp::Ordering::Less => (23, 17),
            };
            penalty += if blanks > 0 { loose } else { tight };
        }
        Self { indent: effective.unwrap_or(-1), penalty }
    }
}

/// The indentation of the next line that is not blank, and how many blank ones come before it.
fn neighbour<'a>(lines: impl Iterator<Item = &'a &'a [u8]>) -> (Option<i32>, i32) {
    let mut blanks = 0;
    for line in lines {
        if let Some(indent) = indent(line) {
            return (Some(indent), blanks);
        }
        blanks += 1;
        if blanks == MAX_BLANKS {
            return (Some(0), blanks);
        }
    }
    (None, blanks)
}

/// The cells before the first character that is no blank; `None` for a blank line.
fn indent(line: &[u8]) -> Option<i32> {
    let mut cells = 0;
    for byte in line {
        match byte {
            b' ' => cells += 1,
            b'\t' => cells += 8 - cells % 8,
            b'\n' | b'\r' | 0x0b | 0x0c => {}
            _ => return Some(cells),
        }
        if cells >= MAX_INDENT {
            return Some(MAX_INDENT);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new_lines(old: &str, new: &str) -> Vec<usize> {
        let (a, b) = (crate::diff::lines::split(old.as_bytes()), crate::diff::lines::split(new.as_bytes()));
        let runs = common(&a, &b);
        for run in &runs {
            assert_eq!(a[run.old..run.old + run.len], b[run.new..run.new + run.len]);
        }
        (0..b.len()).filter(|i| !runs.iter().any(|r| (r.new..r.new + r.len).contains(i))).collect()
    }

    #[test]
    fn a_new_function_is_told_from_its_first_line_to_its_last() {
        let old = "int a(void)\n{\n    go();\n}\n\nint z(void)\n{\n    go();\n}\n";
        let new = "int a(void)\n{\n    go();\n}\n\nint m(void)\n{\n    go();\n}\n\nint z(void)\n{\n    go();\n}\n";
        assert_eq!(new_lines(old, new), [5, 6, 7, 8, 9]);
        assert_eq!(new_lines(new, old), [0; 0]);
    }

    #[test]
    fn what_has_nothing_in_common_or_nothing_at_all_has_no_runs() {
        assert_eq!(common(&[], &[]), []);
        assert_eq!(new_lines("", "a\nb\n"), [0, 1]);
        assert_eq!(new_lines("a\n", "a"), [0], "the end of a line belongs to it");
        assert_eq!(new_lines("x\n", "y\n"), [0]);
    }
}
