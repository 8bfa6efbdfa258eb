//! Two texts, and where between them the lines have to be aligned: nearly all real pairs are equal at both ends, and every line that
//! is looked at costs many times its own size.

use super::account::{common_end, common_start};
use super::lines;
use crate::model::Sides;

/// Lines of both sides, between the first and the last that differ, that are aligned.
pub(super) const MAX_LINES: usize = 500_000;

/// Why lines are not aligned.
pub(super) fn too_many() -> String {
    format!("more than {MAX_LINES} lines lie between the first and the last that differ")
}

/// Two texts, cut at the ends of lines.
pub(super) struct Texts<'t> {
    /// What both begin with.
    pub(super) head: &'t [u8],
    /// What lies between.
    pub(super) middle: Sides<&'t [u8]>,
    /// What both end with.
    pub(super) tail: &'t [u8],
    /// The lines between; `None` when they are more than [`MAX_LINES`].
    pub(super) lines: Option<Sides<Vec<&'t [u8]>>>,
}

impl<'t> Texts<'t> {
    /// Takes off the lines that are equal at both ends, all but those that stand next to what differs.
    pub(super) fn new(a: &'t [u8], b: &'t [u8], context: usize) -> Self {
        let is_start = |text: &[u8], at: usize| at == 0 || text.get(at - 1) == Some(&b'\n');
        let mut start = common_start(a, b);
        // Where one text goes on, its line is another one.
        if !is_start(a, start) && (start < a.len() || start < b.len()) {
            start = last_lines(a.get(..start).unwrap_or_default(), 0);
        }
        let mut end = common_end(a, b, a.len().min(b.len()) - start);
        if !(is_start(a, a.len() - end) && is_start(b, b.len() - end)) {
            let text = a.get(a.len() - end..).unwrap_or_default();
            end -= text.iter().position(|b| *b == b'\n').map_or(end, |i| i + 1);
        }
        if start < a.len() || start < b.len() {
            start = last_lines(a.get(..start).unwrap_or_default(), context);
            let tail = a.get(a.len() - end..).unwrap_or_default();
            end -= tail.split_inclusive(|b| *b == b'\n').take(context).map(<[u8]>::len).sum::<usize>();
        }
        let part = |text: &'t [u8]| text.get(start..text.len() - end).unwrap_or_default();
        let middle = Sides::new(part(a), part(b));
        let few = count(middle.shipped) + count(middle.rebuilt) <= MAX_LINES;
        Self {
            head: a.get(..start).unwrap_or_default(),
            tail: a.get(a.len() - end..).unwrap_or_default(),
            lines: few.then(|| middle.map(lines::split)),
            middle,
        }
    }
}

/// Where the last `wanted` lines of a text begin, not counting one without an end.
fn last_lines(text: &[u8], wanted: usize) -> usize {
    let ends = text.iter().enumerate().rev().filter(|(_, b)| **b == b'\n');
    ends.map(|(i, _)| i + 1).nth(wanted).unwrap_or(0)
}

/// How many lines a text has.
pub(super) fn count(text: &[u8]) -> usize {
    // In pieces short enough for a byte to count, which is many times quicker than one by one.
    let ends = |piece: &[u8]| usize::from(piece.iter().fold(0u8, |n, b| n + u8::from(*b == b'\n')));
    text.chunks(255).map(ends).sum::<usize>() + usize::from(text.last().is_some_and(|b| *b != b'\n'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::align;

    fn cut(a: &str, b: &str, context: usize) -> [String; 4] {
        let texts = Texts::new(a.as_bytes(), b.as_bytes(), context);
        assert_eq!([texts.head, texts.middle.shipped, texts.tail].concat(), a.as_bytes());
        assert_eq!([texts.head, texts.middle.rebuilt, texts.tail].concat(), b.as_bytes());
        [texts.head, texts.middle.shipped, texts.middle.rebuilt, texts.tail].map(|b| String::from_utf8(b.to_vec()).unwrap())
    }

    #[test]
    fn only_whole_lines_are_taken_off() {
        assert_eq!(cut("a\nbc\nd\n", "a\nbx\nd\n", 0), ["a\n", "bc\n", "bx\n", "d\n"]);
        assert_eq!(cut("a\nb", "a\nbc", 0), ["a\n", "b", "bc", ""]);
        assert_eq!(cut("a\nb", "a\nb\n", 0), ["a\n", "b", "b\n", ""]);
        assert_eq!(cut("xb\n", "yb\n", 0), ["", "xb\n", "yb\n", ""]);
        assert_eq!(cut("b\n", "yb\n", 0), ["", "b\n", "yb\n", ""]);
        assert_eq!(cut("x\nx\n", "x\nx\nx\n", 0), ["x\nx\n", "", "x\n", ""]);
        assert_eq!(cut("same", "same", 3), ["same", "", "", ""]);
        assert_eq!(cut("", "a\n", 1), ["", "", "a\n", ""]);
        assert_eq!(cut("1\n2\n3\n4\n5\n6\n", "1\n2\n3\nx\n5\n6\n", 1), ["1\n2\n", "3\n4\n5\n", "3\nx\n5\n", "6\n"]);
        assert_eq!(cut("1\n2\n", "0\n2\n", 9), ["", "1\n2\n", "0\n2\n", ""]);
    }

    #[test]
    fn lines_are_counted_as_they_are_split() {
        for text in ["", "a", "a\n", "\n\n", "a\nb"] {
            assert_eq!(count(text.as_bytes()), lines::split(text.as_bytes()).len(), "{text:?}");
        }
        assert_eq!(count(&vec![b'\n'; 100_000]), 100_000);
    }

    #[test]
    fn what_is_taken_off_changes_no_alignment() {
        // Few different lines, so that they are equal at many places.
        let mut seed = 1u32;
        let mut text = |n: usize| -> Vec<u8> {
            let mut out = Vec::new();
            for _ in 0..n {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                out.extend_from_slice([b"a\n".as_slice(), b"b\n", b"\n", b"ab"][(seed >> 30) as usize]);
            }
            out
        };
        for n in 0..400 {
            let (a, b) = (text(n % 13), text(n % 11));
            let (head, tail) = (text(n % 7), text(n % 5));
            let (a, b) = ([&*head, &a, &tail].concat(), [&*head, &b, &tail].concat());
            let texts = Texts::new(&a, &b, n % 3);
            let all = align::align(&lines::split(&a), &lines::split(&b));
            let found = texts.lines.as_ref().map(|l| align::align(&l.shipped, &l.rebuilt)).unwrap();
            let before = count(texts.head);
            let moved = found.into_iter().map(|r| align::Aligned { sides: r.sides.map(|i| i.map(|i| i + before)), ..r });
            assert_eq!(moved.collect::<Vec<_>>(), all.get(before..all.len() - count(texts.tail)).unwrap(), "{n}");
        }
    }
}
