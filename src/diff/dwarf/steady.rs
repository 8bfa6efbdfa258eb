//! Texts that two sections have in common, in stretches: most of a section of texts stands there on both sides, a little
//! further on.

use std::ffi::CStr;
use std::ops::Range;

use super::marks::{Id, common};
use crate::model::Sides;

/// Stretches at most; what stands behind them is compared when it is used.
const MAX_STRETCHES: usize = 256;
/// Texts that are looked through for the next that both have.
const NEAR: usize = 48;

/// Bytes of the shipped side that stand on the rebuilt side from that offset on. Each ends where a text ends.
struct Stretch {
    old: Range<usize>,
    new: usize,
}

/// What is known to be the same.
pub(super) struct Steady(Vec<Stretch>);

impl Steady {
    pub(super) fn of(id: Id, x: &[u8], y: &[u8]) -> Self {
        if x == y {
            return Self(vec![Stretch { old: 0..x.len(), new: 0 }]);
        }
        let mut out = Vec::new();
        let (mut from, mut to) = (0, 0);
        while matches!(id, Id::Str | Id::LineStr) && out.len() < MAX_STRETCHES {
            let (own, other) = (x.get(from..).unwrap_or_default(), y.get(to..).unwrap_or_default());
            let same = common(own, other).0;
            let whole = own.get(..same).and_then(|same| same.iter().rposition(|b| *b == 0)).map_or(0, |at| at + 1);
            if whole > 0 {
                out.push(Stretch { old: from..from + whole, new: to });
            }
            (from, to) = (from + whole, to + whole);
            let (own, other) = (x.get(from..).unwrap_or_default(), y.get(to..).unwrap_or_default());
            let Some(skip) = next(own, other) else { break };
            (from, to) = (from + skip.shipped, to + skip.rebuilt);
        }
        Self(out)
    }

    /// Whether the texts at two offsets are known to be the same.
    pub(super) fn holds(&self, old: usize, new: usize) -> bool {
        let at = self.0.partition_point(|s| s.old.end <= old);
        self.0.get(at).is_some_and(|s| old >= s.old.start && new >= s.new && old - s.old.start == new - s.new)
    }
}

/// How far on each side the next text is that both have.
fn next(x: &[u8], y: &[u8]) -> Option<Sides<usize>> {
    let (one, two) = (near(x), near(y));
    // The closest first, counted on both sides together.
    let all = (0..one.len() + two.len()).flat_map(|sum| (0..=sum).map(move |i| (i, sum - i)));
    let found = all.filter_map(|(i, j)| one.get(i).zip(two.get(j))).find(|((_, x), (_, y))| x == y && x.len() > 1);
    found.map(|((from, _), (to, _))| Sides::new(*from, *to))
}

/// The first texts with their NULs, and where they are.
fn near(data: &[u8]) -> Vec<(usize, &[u8])> {
    let mut out = Vec::new();
    let mut from = 0;
    while out.len() < NEAR
        && let Some(rest) = data.get(from..)
        && let Ok(text) = CStr::from_bytes_until_nul(rest)
    {
        out.push((from, text.to_bytes_with_nul()));
        from += text.to_bytes_with_nul().len();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_the_same_only_where_all_of_them_is() {
        let (x, y) = (b"one\0two\0three\0four\0a\0five\0".as_slice(), b"one\0two\0new\0three\0four\0b\0five\0".as_slice());
        let steady = Steady::of(Id::Str, x, y);
        let at = |data: &[u8], text: &[u8]| data.windows(text.len()).position(|w| w == text).unwrap();
        for text in [&b"one\0"[..], b"two\0", b"wo\0", b"three\0", b"ee\0", b"four\0", b"five\0"] {
            assert!(steady.holds(at(x, text), at(y, text)), "{text:?}");
        }
        let differ = [(b"a\0".as_slice(), b"b\0".as_slice()), (b"one\0", b"two\0"), (b"three\0", b"four\0"), (b"four\0", b"new\0")];
        for (old, new) in differ {
            assert!(!steady.holds(at(x, old), at(y, new)), "{old:?} {new:?}");
        }
        for (old, new) in (0..x.len() + 2).flat_map(|old| (0..y.len() + 2).map(move |new| (old, new))) {
            let text = |data: &'static [u8], at: usize| data.get(at..).and_then(|rest| CStr::from_bytes_until_nul(rest).ok());
            assert!(!steady.holds(old, new) || text(x, old).is_some() && text(x, old) == text(y, new), "{old} {new}");
        }
        // One text more does not make another one of what only starts like it, nor does a section without an end.
        assert!(!Steady::of(Id::Str, b"ab\0", b"abc\0").holds(0, 0));
        assert!(!Steady::of(Id::Str, b"ab", b"abc").holds(0, 0));
    }
}
