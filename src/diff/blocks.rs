//! The content of two data sections side by side when something in them changed its size: equal parts in their order, texts
//! that name another build folder, and the padding that keeps what follows aligned.
//!
//! A reference into an equal part leads to the same content on both sides. That says nothing of how far it is read: what
//! stands behind is equal too, or it is in the account as something else.

use std::collections::BTreeSet;
use std::ops::Range;

use super::align::align;
use super::build_path::BuildPath;
use crate::model::{Account, Cause, Side, Sides};

/// Larger sections are compared by their common start and end only.
const MAX_SECTION: usize = 64 << 20;
/// Texts, zeros and what is between them in one section: with more of them it is compared like a larger one.
const MAX_TOKENS: usize = 1_500_000;
/// Alignment that data keeps when something before it changes its size, in bytes.
const ALIGNMENT: u64 = 16;
/// Alignment of tables of places.
const ENTRY: u64 = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Equal,
    /// A text whose only change is the build folder.
    Path,
    /// The same, but nobody says that the file it names was compiled: its place is known, and what differs is unexplained.
    Unnamed,
    /// Zeros between a text and something aligned.
    Padding,
    /// Of the same size, and compared position by position: tables of places that moved.
    Open,
    /// Equal, but nobody says that what is read there begins there: its place is known, and all of it is unexplained.
    Adrift,
}

#[derive(Clone, Debug)]
struct Block {
    sides: Sides<Range<usize>>,
    kind: Kind,
}

/// Two sections side by side; what is in no block has no counterpart.
#[derive(Debug)]
pub(super) struct Blocks {
    blocks: Vec<Block>,
    sizes: Sides<usize>,
    /// Index of the section on each side: others may have its name.
    pub(super) sections: Sides<usize>,
    /// Where both start.
    starts: Sides<u64>,
    /// The build folders, when a text was explained by them.
    pub(super) path: Option<BuildPath>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Form {
    Text,
    Zeros,
    Binary,
}

/// Tokens without a counterpart so far.
type Tokens = std::collections::VecDeque<(Range<usize>, Form)>;

struct Token {
    range: Range<usize>,
    form: Form,
}

impl Blocks {
    /// Puts the contents of two sections side by side; `addresses` is where each starts. `None` when they are too large.
    pub(super) fn new(old: &[u8], new: &[u8], sections: Sides<usize>, addresses: Sides<u64>) -> Option<Self> {
        if old.len().max(new.len()) > MAX_SECTION {
            return None;
        }
        let tokens = Sides::new(tokens(old)?, tokens(new)?);
        let rows = align(&keys(old, &tokens.shipped), &keys(new, &tokens.rebuilt));
        let sizes = Sides::new(old.len(), new.len());
        let mut out = Self { blocks: Vec::new(), sizes, sections, starts: addresses, path: None };
        let at = |side: &[Token], i: Option<usize>| i.and_then(|i| side.get(i)).map(|t| (t.range.clone(), t.form));
        let mut changed: Sides<Tokens> = Sides::default();
        let mut texts: Vec<(usize, BuildPath)> = Vec::new();
        for row in &rows {
            let (x, y) = (at(&tokens.shipped, row.sides.shipped), at(&tokens.rebuilt, row.sides.rebuilt));
            if let (true, Some(x), Some(y)) = (row.equal, &x, &y) {
                out.replaced(&mut changed, old, new, &mut texts);
                let moved = addresses.shipped.wrapping_add(x.0.start as u64).wrapping_sub(addresses.rebuilt.wrapping_add(y.0.start as u64));
                // Data that lost its alignment is not what a compiler lays out: its neighbours may be read as part of it.
                if x.1 == Form::Text || moved.is_multiple_of(ALIGNMENT) {
                    out.push(x.0.clone(), y.0.clone(), Kind::Equal);
                }
                continue;
            }
            changed.shipped.extend(x);
            changed.rebuilt.extend(y);
        }
        out.replaced(&mut changed, old, new, &mut texts);
        out.settle_texts(old, new, texts);
        Some(out)
    }

    /// The size of each side.
    pub(super) fn sizes(&self) -> (usize, usize) {
        (self.sizes.shipped, self.sizes.rebuilt)
    }

    fn push(&mut self, shipped: Range<usize>, rebuilt: Range<usize>, kind: Kind) {
        if let Some(last) = self.blocks.last_mut().filter(|b| b.kind == kind && kind == Kind::Equal)
            && (last.sides.shipped.end, last.sides.rebuilt.end) == (shipped.start, rebuilt.start)
        {
            last.sides = Sides::new(last.sides.shipped.start..shipped.end, last.sides.rebuilt.start..rebuilt.end);
            return;
        }
        self.blocks.push(Block { sides: Sides::new(shipped, rebuilt), kind });
    }

    /// What stands between two equal parts: texts pair in order, zeros with zeros.
    fn replaced(&mut self, changed: &mut Sides<Tokens>, old: &[u8], new: &[u8], texts: &mut Vec<(usize, BuildPath)>) {
        let (left, right) = (&mut changed.shipped, &mut changed.rebuilt);
        loop {
            let end = self.blocks.last().map_or((0, 0), |b| (b.sides.shipped.end, b.sides.rebuilt.end));
            match (left.front().cloned(), right.front().cloned()) {
                (Some((x, Form::Zeros)), Some((y, Form::Zeros))) => {
                    self.padding(x, y);
                    left.pop_front();
                    right.pop_front();
                }
                (Some((x, Form::Zeros)), _) => {
                    self.padding(x, end.1..end.1);
                    left.pop_front();
                }
                (_, Some((y, Form::Zeros))) => {
                    self.padding(end.0..end.0, y);
                    right.pop_front();
                }
                (Some((x, Form::Text)), Some((y, Form::Text))) => {
                    let (one, two) = (old.get(x.clone()).unwrap_or_default(), new.get(y.clone()).unwrap_or_default());
                    let text = |t: &'_ [u8]| t.strip_suffix(&[0]).unwrap_or(t).to_vec();
                    if let Some(path) = BuildPath::propose(&text(one), &text(two)).filter(|_| is_source(&text(one))) {
                        texts.push((self.blocks.len(), path));
                        self.push(x, y, Kind::Path);
                    } else if self.open(&x, &y, left, right) {
                        left.clear();
                        right.clear();
                        break;
                    }
                    left.pop_front();
                    right.pop_front();
                }
                (None, None) => break,
                (Some(x), Some(y)) if self.open(&x.0, &y.0, left, right) => {
                    left.clear();
                    right.clear();
                }
                _ => {
                    left.pop_front();
                    right.pop_front();
                }
            }
        }
    }

    /// What is left of a stretch without a counterpart, when both sides have as much of it.
    fn open(&mut self, x: &Range<usize>, y: &Range<usize>, left: &Tokens, right: &Tokens) -> bool {
        let (Some((p, _)), Some((q, _))) = (left.back(), right.back()) else { return false };
        let (shipped, rebuilt) = (x.start..p.end, y.start..q.end);
        let starts = Sides::new(self.starts.shipped.wrapping_add(x.start as u64), self.starts.rebuilt.wrapping_add(y.start as u64));
        let fits = shipped.len() == rebuilt.len() && starts.shipped.wrapping_sub(starts.rebuilt).is_multiple_of(ENTRY);
        if fits {
            self.push(shipped, rebuilt, Kind::Open);
        }
        fits
    }

    /// Zeros may differ only where they fill up behind a text, and by less than an alignment.
    fn padding(&mut self, shipped: Range<usize>, rebuilt: Range<usize>) {
        let follows = self.blocks.last().is_some_and(|b| {
            let near = |end: usize, r: &Range<usize>| r.is_empty() || end == r.start;
            b.kind != Kind::Padding && near(b.sides.shipped.end, &shipped) && near(b.sides.rebuilt.end, &rebuilt)
        });
        if follows && shipped.len().max(rebuilt.len()) < 2 * ALIGNMENT as usize {
            self.push(shipped, rebuilt, Kind::Padding);
        }
    }

    /// One prefix must explain all texts; padding is explained only where a text is.
    fn settle_texts(&mut self, old: &[u8], new: &[u8], texts: Vec<(usize, BuildPath)>) {
        // One prefix everywhere: a text that has it and did not change was not named after the build folder.
        let kept = |path: &BuildPath| {
            let equal = self.blocks.iter().filter(|b| b.kind == Kind::Equal).filter_map(|b| old.get(b.sides.shipped.clone()));
            equal.into_iter().all(|text| path.makes_equal(text, text))
        };
        self.path = texts.first().map(|t| t.1.clone()).filter(kept);
        let path = self.path.clone();
        self.blocks.retain(|b| match (b.kind, &path) {
            (Kind::Equal | Kind::Open | Kind::Unnamed | Kind::Adrift, _) => true,
            (_, None) => false,
            (Kind::Padding, Some(_)) => true,
            (Kind::Path, Some(path)) => {
                let (x, y) = (old.get(b.sides.shipped.clone()), new.get(b.sides.rebuilt.clone()));
                matches!((x, y), (Some(x), Some(y)) if path.makes_equal(x, y))
            }
        });
    }

    /// Leaves what differs in texts unexplained unless `named` says of both that they name a file that was compiled: code may
    /// load or run what any other path leads to. The texts that were left out.
    pub(super) fn withhold(&mut self, old: &[u8], new: &[u8], named: impl Fn(Sides<&[u8]>) -> bool) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        for block in self.blocks.iter_mut().filter(|b| b.kind == Kind::Path) {
            let text = |data: &'_ [u8], range: &Range<usize>| {
                let text = data.get(range.clone()).unwrap_or_default();
                text.strip_suffix(&[0]).unwrap_or(text).to_vec()
            };
            let (x, y) = (text(old, &block.sides.shipped), text(new, &block.sides.rebuilt));
            if !named(Sides::new(&x, &y)) {
                block.kind = Kind::Unnamed;
                out.push(x);
            }
        }
        if !out.is_empty() && !self.blocks.iter().any(|b| b.kind == Kind::Path) {
            self.blocks.retain(|b| b.kind != Kind::Padding);
        }
        out
    }

    /// The place of an offset of one side, as an offset of the shipped side.
    pub(super) fn place(&self, offset: usize, shipped: bool) -> Option<u64> {
        let own = |b: &Block| if shipped { b.sides.shipped.clone() } else { b.sides.rebuilt.clone() };
        let after = self.blocks.partition_point(|b| own(b).start <= offset);
        // Padding of no size may stand between: look past it.
        let block = self.blocks.get(..after)?.iter().rev().take(3).find(|b| own(b).contains(&offset))?;
        let inside = offset - own(block).start;
        let known = match block.kind {
            Kind::Equal | Kind::Open | Kind::Adrift => true,
            Kind::Path | Kind::Unnamed => inside == 0,
            Kind::Padding => false,
        };
        known.then_some((block.sides.shipped.start + inside) as u64)
    }

    /// The parts whose places are known: offsets on the shipped side, and where each starts on the rebuilt side.
    pub(super) fn places(&self) -> impl Iterator<Item = (Range<u64>, u64)> + '_ {
        self.blocks.iter().filter(|b| b.kind != Kind::Padding).map(|b| {
            let own = &b.sides.shipped;
            let end = if matches!(b.kind, Kind::Path | Kind::Unnamed) { own.start + 1 } else { own.end };
            (own.start as u64..end as u64, b.sides.rebuilt.start as u64)
        })
    }

    /// Leaves unexplained what moved otherwise than the part before it, up to a place that both sides refer to by itself. What nobody refers to
    /// may be read from what stands before it, and would be something else there. `starts` are addresses that are referred to, and
    /// `inside` says that an object reaches over one.
    pub(super) fn anchor(&mut self, starts: &Sides<BTreeSet<u64>>, inside: &dyn Fn(Side, u64) -> bool) {
        let mut last = 0;
        let mut kept = Vec::with_capacity(self.blocks.len());
        for mut block in std::mem::take(&mut self.blocks) {
            let shift = block.sides.rebuilt.start.wrapping_sub(block.sides.shipped.start);
            if block.kind == Kind::Padding || shift == last {
                kept.push(block);
                continue;
            }
            let at = |side: Side, r: &Range<usize>| self.starts.get(side).wrapping_add(r.start as u64);
            let (x, y) = (at(Side::Shipped, &block.sides.shipped), at(Side::Rebuilt, &block.sides.rebuilt));
            let whole = !matches!(block.kind, Kind::Equal);
            let length = if whole { 1 } else { block.sides.shipped.len() as u64 };
            let free = |d: &u64| {
                let there = y.wrapping_add(*d);
                starts.rebuilt.contains(&there) && !inside(Side::Shipped, x.wrapping_add(*d)) && !inside(Side::Rebuilt, there)
            };
            let first = starts.shipped.range(x..x.saturating_add(length)).map(|to| to - x).find(free);
            let first = first.and_then(|d| usize::try_from(d).ok());
            if first.is_some() {
                last = shift;
            }
            if let Some(first) = first.filter(|d| *d > 0) {
                kept.push(Block { sides: block.sides.as_ref().map(|r| r.start..r.start + first), kind: Kind::Adrift });
                block.sides = block.sides.map(|r| r.start + first..r.end);
            }
            block.kind = match (first, block.kind) {
                (Some(_), kind) => kind,
                (None, Kind::Path | Kind::Unnamed) => Kind::Unnamed,
                (None, _) => Kind::Adrift,
            };
            kept.push(block);
        }
        self.blocks = kept;
    }

    /// Whether everything that has a place has it on both sides.
    pub(super) fn is_still(&self) -> bool {
        self.sizes.shipped == self.sizes.rebuilt && self.blocks.iter().all(|b| b.sides.shipped == b.sides.rebuilt)
    }

    /// Every byte of both sides, and the explained ranges.
    pub(super) fn account(&self, old: &[u8], new: &[u8]) -> (Sides<Account>, Vec<Sides<Range<usize>>>) {
        let mut account: Sides<Account> = Sides::default();
        let mut ranges = Vec::new();
        for block in &self.blocks {
            let (x, y) = (&block.sides.shipped, &block.sides.rebuilt);
            let equal = match block.kind {
                Kind::Equal => x.len(),
                Kind::Open => {
                    let (one, two) = (old.get(x.clone()).unwrap_or_default(), new.get(y.clone()).unwrap_or_default());
                    let equal = one.iter().zip(two).filter(|(m, n)| m == n).count() as u64;
                    account.shipped.identical += equal;
                    account.rebuilt.identical += equal;
                    continue;
                }
                Kind::Path | Kind::Unnamed => {
                    let (one, two) = (old.get(x.clone()).unwrap_or_default(), new.get(y.clone()).unwrap_or_default());
                    one.iter().rev().zip(two.iter().rev()).take_while(|(m, n)| m == n).count()
                }
                Kind::Padding => x.len().min(y.len()),
                Kind::Adrift => continue,
            };
            for (account, range) in [(&mut account.shipped, x), (&mut account.rebuilt, y)] {
                account.identical += equal as u64;
                if block.kind != Kind::Unnamed {
                    account.explain(Cause::BuildPath, range.len().saturating_sub(equal) as u64);
                }
            }
            if !matches!(block.kind, Kind::Equal | Kind::Unnamed) && (x.len() > equal || y.len() > equal) {
                ranges.push(Sides::new(x.start..x.end - equal.min(x.len()), y.start..y.end - equal.min(y.len())));
            }
        }
        for (account, size) in [(&mut account.shipped, self.sizes.shipped), (&mut account.rebuilt, self.sizes.rebuilt)] {
            account.unexplained = (size as u64).saturating_sub(account.total());
        }
        (account, ranges)
    }
}

/// Whether a path names a file of source.
fn is_source(path: &[u8]) -> bool {
    const ENDINGS: &[&[u8]] = &[
        b"c", b"h", b"cc", b"hh", b"cpp", b"hpp", b"cxx", b"hxx", b"C", b"H", b"m", b"mm", b"rs", b"go", b"S", b"s", b"y", b"l", b"f90",
        b"f", b"ada", b"adb", b"d", b"zig", b"swift", b"inc", b"def", b"tcc", b"ipp",
    ];
    let base = path.rsplit(|b| matches!(b, b'/' | b'\\')).next().unwrap_or_default();
    base.iter().rposition(|b| *b == b'.').is_some_and(|dot| dot > 0 && base.get(dot + 1..).is_some_and(|end| ENDINGS.contains(&end)))
}

/// NUL-ended texts, runs of zeros behind them, and the rest up to each NUL.
fn tokens(data: &[u8]) -> Option<Vec<Token>> {
    let mut out: Vec<Token> = Vec::new();
    let mut at = 0;
    while let Some(rest) = data.get(at..).filter(|r| !r.is_empty()) {
        let (length, form) = if rest.first() == Some(&0) {
            (rest.iter().take_while(|b| **b == 0).count(), Form::Zeros)
        } else {
            let end = rest.iter().position(|b| *b == 0);
            let text = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
            let printable = end.is_some() && text.iter().all(|b| matches!(b, 9 | 10 | 13 | 27 | 0x20..=0x7e) || *b >= 0x80);
            (end.map_or(rest.len(), |e| e + 1), if printable { Form::Text } else { Form::Binary })
        };
        out.push(Token { range: at..at + length, form });
        at += length;
        if out.len() > MAX_TOKENS {
            return None;
        }
    }
    Some(out)
}

/// What makes two tokens equal.
fn keys<'a>(data: &'a [u8], all: &[Token]) -> Vec<(Form, &'a [u8])> {
    all.iter().map(|t| (t.form, data.get(t.range.clone()).unwrap_or_default())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(old: &[u8], new: &[u8]) -> (Sides<Account>, Blocks) {
        let blocks = Blocks::new(old, new, Sides::new(1, 1), Sides::new(0x2000, 0x2000)).expect("small");
        let account = blocks.account(old, new).0;
        assert_eq!(account.shipped.total(), old.len() as u64);
        assert_eq!(account.rebuilt.total(), new.len() as u64);
        (account, blocks)
    }

    #[test]
    fn a_section_of_very_many_texts_is_not_taken_apart() {
        let made = |texts: usize| Blocks::new(&b"a\0".repeat(texts), b"b\0", Sides::new(1, 1), Sides::new(0x2000, 0x2000));
        assert!(made(1000).is_some() && made(MAX_TOKENS + 1).is_none());
    }

    #[test]
    fn what_stands_behind_a_longer_build_path_is_the_same_place() {
        let old = b"\x01\0\x02\0usage: %s\n\0/b/one/src/auth.c\0granted\0";
        let new = b"\x01\0\x02\0usage: %s\n\0/b/deeper/two/src/auth.c\0granted\0";
        let (account, blocks) = blocks(old, new);
        assert_eq!((account.shipped.unexplained, account.rebuilt.unexplained), (0, 0));
        let at = |all: &[u8], text: &[u8]| all.windows(text.len()).position(|w| w == text).expect("there");
        assert_eq!(blocks.place(at(old, b"granted"), true), blocks.place(at(new, b"granted"), false));
        assert_eq!(blocks.place(at(old, b"/b/one"), true), blocks.place(at(new, b"/b/deeper"), false));
        assert_eq!(blocks.place(at(old, b"/b/one") + 3, true), None, "inside a text that changed");
    }

    #[test]
    fn a_path_that_names_no_source_or_has_another_prefix_is_not_explained() {
        let (account, _) = blocks(b"/b/one/etc/auth.conf\0", b"/b/other/etc/auth.conf\0");
        assert_eq!(account.shipped.unexplained, 21);
        let (account, _) = blocks(b"/b/one/a.c\0x\0/b/one/b.c\0", b"/b/other/a.c\0x\0/evil/b.c\0");
        assert_eq!(account.shipped.unexplained, 11);
    }

    #[test]
    fn a_prefix_that_stands_unchanged_elsewhere_is_no_build_folder() {
        let (account, _) = blocks(b"/b/one/a.c\0/b/one/etc\0", b"/b/other/a.c\0/b/one/etc\0");
        assert_eq!(account.shipped.unexplained, 11);
    }

    #[test]
    fn a_path_that_nobody_names_keeps_its_place_and_is_not_explained() {
        let (old, new) = (b"/b/one/a.c\0/b/one/run.c\0granted\0".as_slice(), b"/b/deeper/a.c\0/b/deeper/run.c\0granted\0".as_slice());
        let mut blocks = blocks(old, new).1;
        let left = blocks.withhold(old, new, |paths| paths.shipped.ends_with(b"/a.c") && paths.rebuilt.ends_with(b"/a.c"));
        assert_eq!(left, [b"/b/one/run.c".to_vec()]);
        let (account, ranges) = blocks.account(old, new);
        assert_eq!((account.shipped.unexplained, account.rebuilt.unexplained, ranges.len()), (6, 9, 1));
        let at = |all: &[u8], text: &[u8]| all.windows(text.len()).position(|w| w == text).expect("there");
        for text in [b"granted".as_slice(), b"/b/"] {
            assert_eq!(blocks.place(at(old, text), true), blocks.place(at(new, text), false));
        }
        assert_eq!(blocks.withhold(old, new, |_| false).len(), 1);
        assert_eq!(blocks.account(old, new).0.shipped.explained_total(), 0);
    }

    #[test]
    fn data_that_lost_its_alignment_is_not_the_same() {
        // The number 1 as four bytes: with two zeros fewer it would be read with what follows.
        let (account, _) = blocks(b"/b/one/a.c\0\0\0\0\0\0\x81\0\0\0grant\0", b"/b/five5/a.c\0\0\0\0\0\0\x81\0grant\0");
        assert!(account.shipped.unexplained > 0 && account.rebuilt.unexplained > 0);
    }
}
