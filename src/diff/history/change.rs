//! What became of a file from one version to another, line by line.

use super::slide::common;
use crate::diff::align::Aligned;
use crate::diff::lines::{self, Count, Marker};
use crate::model::{LineMark, Listing, Sides};
use crate::text::{Role, Row, Shown};

/// Equal lines that are shown around a change.
const CONTEXT: usize = 3;

/// Two versions of a file beside each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// The older version on the shipped side, the newer on the rebuilt side; equal lines far from a change are left out.
    pub listing: Listing,
    /// The lines of the newer version, from 1, that the older does not have.
    pub added: Vec<u64>,
    /// The lines of the newer version, from 1, before which lines of the older are gone, with nothing in their place.
    pub gone: Vec<u64>,
    /// How many lines of the older version are not in the newer.
    pub removed: usize,
}

/// A line of a change, one version below the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnifiedLine {
    /// `+` for a new line, `-` for one that is gone, a blank for an equal one, `:` where equal lines are left out.
    pub mark: char,
    /// Its number in the older and in the newer version.
    pub numbers: Sides<Option<u64>>,
    /// The line.
    pub text: Row,
}

/// Compares two versions of a file. No attribute of the repository is asked whether it may be shown.
#[must_use]
pub fn change(old: &[u8], new: &[u8]) -> Change {
    let (one, two) = (lines::split(old), lines::split(new));
    let mut out = Change::default();
    let mut pairs: Vec<Aligned> = Vec::new();
    let mut count = Count { before: 0, rows: 0, after: 0 };
    let mut at = (0, 0);
    let mut runs = common(&one, &two);
    runs.push(super::slide::Run { old: one.len(), new: two.len(), len: 0 });
    for run in runs {
        let (gone, added) = (run.old - at.0, run.new - at.1);
        out.removed += gone;
        out.added.extend((at.1..run.new).map(|j| j as u64 + 1));
        if gone > 0 && added == 0 {
            out.gone.push((run.new as u64 + 1).min(two.len().max(1) as u64));
        }
        pairs.extend((0..gone.max(added)).map(|n| {
            let sides = Sides::new((n < gone).then_some(at.0 + n), (n < added).then_some(at.1 + n));
            Aligned { sides, equal: false }
        }));
        // Only the rows of a run that stand next to a change are shown: the first and the last run have them on one side.
        let (is_first, is_last) = (run.old == 0 && run.new == 0, run.old + run.len == one.len() && run.new + run.len == two.len());
        let skipped = if is_first { run.len.saturating_sub(CONTEXT) } else { 0 };
        let kept = if is_last { CONTEXT.min(run.len - skipped) } else { run.len - skipped };
        count.before += skipped;
        count.after += run.len - skipped - kept;
        pairs.extend((skipped..skipped + kept).map(|n| Aligned { sides: Sides::new(Some(run.old + n), Some(run.new + n)), equal: true }));
        at = (run.old + run.len, run.new + run.len);
    }
    count.rows = pairs.len();
    let mut marker = Marker::default();
    let row = |i: usize| {
        let Some(pair) = pairs.get(i) else { return lines::elided("") };
        let (old, new) = (pair.sides.shipped.and_then(|i| one.get(i).copied()), pair.sides.rebuilt.and_then(|j| two.get(j).copied()));
        marker.beside(old, new, pair.sides, pair.equal)
    };
    out.listing = lines::elide(&count, CONTEXT, |i| pairs.get(i).is_some_and(|p| p.equal), row);
    out
}

/// The rows of a change, what is gone above what came.
#[must_use]
pub fn unified(listing: &Listing) -> Vec<UnifiedLine> {
    let mut out = Vec::new();
    let mut new = Vec::new();
    let line = |mark, old: Option<u64>, new: Option<u64>, text: Row| UnifiedLine { mark, numbers: Sides::new(old, new), text };
    for row in &listing.rows {
        if matches!(row.mark, LineMark::Same | LineMark::Elided) {
            out.append(&mut new);
        }
        let cells = (&row.cells.shipped, &row.cells.rebuilt);
        match (row.mark, cells) {
            (LineMark::Elided, _) => {
                let note = row.note.as_deref().unwrap_or_default();
                out.push(line(':', None, None, Row::new().with(Role::Dim, note)));
            }
            (LineMark::Same, (Some(a), Some(b))) => out.push(line(' ', Some(a.number), Some(b.number), b.text.clone())),
            (_, (a, b)) => {
                out.extend(a.iter().map(|a| line('-', Some(a.number), None, a.text.clone())));
                new.extend(b.iter().map(|b| line('+', None, Some(b.number), b.text.clone())));
            }
        }
    }
    out.append(&mut new);
    if let Some(cut) = &listing.cut {
        let mut text = Row::new();
        text.push(Role::Unknown, Shown::new(cut));
        out.push(line(':', None, None, text));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_came_and_went_are_told_with_their_numbers() {
        let change = change(b"a\nb\nc\nd\n", b"a\nB\nc\nx\ny\nd\n");
        assert_eq!((change.added.as_slice(), change.gone.as_slice(), change.removed), (&[2, 4, 5][..], &[][..], 1));
        let lines = unified(&change.listing);
        let words: Vec<String> = lines.iter().map(|l| format!("{}{}", l.mark, l.text.plain())).collect();
        assert_eq!(words, [" a", "-b", "+B", " c", "+x", "+y", " d"]);
        assert_eq!((lines[1].numbers.shipped, lines[2].numbers.rebuilt), (Some(2), Some(2)));
    }

    #[test]
    fn what_is_gone_is_told_at_the_line_behind() {
        assert_eq!(change(b"a\nb\nc\n", b"a\nc\n").gone, [2]);
        assert_eq!(change(b"a\nb\n", b"a\n").gone, [1], "there is no line behind");
        assert_eq!(change(b"a\n", b"a\n"), change(b"a\n", b"a\n"));
        assert_eq!(change(b"", b"a\n").added, [1]);
        let far = change(b"1\n2\n3\n4\n5\n6\n7\n8\n", b"1\n2\n3\n4\n5\n6\n7\n9\n");
        assert!(unified(&far.listing).iter().any(|l| l.mark == ':' && l.text.plain() == "4 equal rows"));
    }
}
