//! Two texts line by line, without causes: what a source archive made of a file of the tree.

use super::align;
use super::texts::{self, Texts};
use crate::text::Untrusted;

/// Lines of each side that are told when there are too many to be aligned.
const MAX_UNALIGNED: usize = 1000;

/// One line of the newer text, or one that it lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedLine {
    /// Whether it is of the newer text.
    pub added: bool,
    /// Its number on its own side, from 1.
    pub number: u64,
    /// The line, without its end.
    pub text: Untrusted,
}

/// The lines in which two texts differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangedLines {
    /// Those of the newer text that are not in the older, and where it lacks some of the older, in order.
    pub lines: Vec<ChangedLine>,
    /// The numbers, from 1, of the lines of the newer text at which something differs; never empty when the texts differ.
    pub at: Vec<u64>,
    /// Why these are only the first: nothing more is known of the lines behind them.
    pub cut: Option<String>,
}

/// Compares two texts line by line; for texts of any size in bounded time, see `align::align`.
#[must_use]
pub fn changed_lines(older: &[u8], newer: &[u8]) -> ChangedLines {
    let texts = Texts::new(older, newer, 0);
    let before = texts::count(texts.head);
    let mut out = ChangedLines::default();
    // A line is told where it stands in the newer text; one that is gone, at the line before which it stood.
    let mut here = before as u64 + 1;
    let last = (texts::count(newer) as u64).max(1);
    let line = |added, i: usize, lines: &[&[u8]]| {
        let text = lines.get(i).copied().unwrap_or_default();
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        ChangedLine { added, number: (before + i) as u64 + 1, text: text.into() }
    };
    let Some(crate::model::Sides { shipped: one, rebuilt: two }) = &texts.lines else {
        let first = |text: &'_ [u8], added| {
            let lines: Vec<&[u8]> = text.split_inclusive(|b| *b == b'\n').take(MAX_UNALIGNED).collect();
            (0..lines.len()).map(|i| line(added, i, &lines)).collect::<Vec<_>>()
        };
        out.lines = first(texts.middle.shipped, false);
        out.lines.extend(first(texts.middle.rebuilt, true));
        out.at = vec![here.min(last)];
        out.cut = Some(texts::too_many());
        return out;
    };
    for row in align::align(one, two) {
        if let (false, Some(i)) = (row.equal, row.sides.shipped) {
            out.lines.push(line(false, i, one));
            out.at.push(here.min(last));
        }
        if let Some(i) = row.sides.rebuilt {
            if !row.equal {
                out.lines.push(line(true, i, two));
                out.at.push((before + i) as u64 + 1);
            }
            here = (before + i) as u64 + 2;
        }
    }
    out.at.dedup();
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_where_they_stand_in_the_newer_text() {
        let found = changed_lines(b"a\nb\nc\nd\n", b"a\nB\nc\nd\ne\n");
        let words: Vec<_> = found.lines.iter().map(|l| (l.added, l.number, l.text.lossy().into_owned())).collect();
        assert_eq!(words, [(false, 2, "b".into()), (true, 2, "B".into()), (true, 5, "e".into())]);
        assert_eq!(found.at, [2, 5]);
        assert_eq!(changed_lines(b"a\nb\n", b"a\n").at, [1], "there is no line 2 to go to");
        assert_eq!(changed_lines(b"a\nb\nc\n", b"a\nc\n").at, [2]);
        assert_eq!(changed_lines(b"a", b"a"), ChangedLines::default());
        assert_eq!(changed_lines(b"x", b"").at, [1]);
    }
}
