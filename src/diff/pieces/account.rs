//! Counts what stands in pieces: equal bytes, pointers that lead to the same places, zeros between the pieces.

use std::ops::Range;

use super::blocks::{Block, Permuted};
use crate::diff::account::{prove, raw};
use crate::diff::exe::{RegionPair, both, bytes};
use crate::diff::image::Images;
use crate::diff::steady::Meaning;
use crate::inspect::exe::Section;
use crate::inspect::symbols::Bound;
use crate::model::{Account, Cause, Node, Side, Sides};

/// Gives the sections of data that are laid out otherwise their accounts, with a proof for each piece that moved.
pub(in crate::diff) fn explain(node: &mut Node, images: &Images, regions: &mut [RegionPair]) {
    let (a, b) = (&images.sides.shipped.elf, &images.sides.rebuilt.elf);
    for pair in regions {
        let Some((x, y)) = both(images, pair) else { continue };
        let (Some(s), Some(t)) = (x.section, y.section) else { continue };
        let Some(layout) = images.permuted.get(&x.name).filter(|p| p.sections == Sides::new(s, t)) else { continue };
        let (old, new) = (bytes(a, x), bytes(b, y));
        let sizes = |exe: &crate::inspect::exe::Exe, i: usize| exe.sections.get(i).map(|s| s.range.clone());
        if pair.account != raw(old, new) || sizes(a, s).as_ref() != Some(&x.range) || sizes(b, t).as_ref() != Some(&y.range) {
            continue;
        }
        let starts = Sides::new(a.sections.get(s).map_or(0, |s| s.address), b.sections.get(t).map_or(0, |t| t.address));
        let content = Content { images, starts, data: Sides::new(old, new) };
        pair.account = content.account(node, layout, &Sides::new(x.range.start as u64, y.range.start as u64));
    }
}

/// What the proof of another order of data rests on, said where it is used: C11 6.5.6 demands it of a program, nobody of an attacker.
const GRANTED: &str = "granted: code stays inside of the objects that it names";

/// Size of a distance between two places, in bytes.
const DISTANCE: usize = 4;

struct Content<'a> {
    images: &'a Images,
    /// Addresses at which both start.
    starts: Sides<u64>,
    data: Sides<&'a [u8]>,
}

/// What is known of a word that holds an address.
struct Word {
    /// Offset in the block, and size.
    range: Range<usize>,
    /// Whether it leads to the same place on both sides.
    same: bool,
}

impl Content<'_> {
    fn account(&self, node: &mut Node, layout: &Permuted, files: &Sides<u64>) -> Sides<Account> {
        let mut out: Sides<Account> = Sides::default();
        if layout.blocks.iter().any(|b| b.moved) {
            let whole = |base: u64, data: &[u8]| base..base + data.len() as u64;
            let spans = Sides::new(whole(files.shipped, self.data.shipped), whole(files.rebuilt, self.data.rebuilt));
            prove(&mut node.proofs, Cause::Reordering, spans, Sides::new(GRANTED, GRANTED));
        }
        for block in &layout.blocks {
            let old = slice(self.data.shipped, &block.sides.shipped);
            let new = slice(self.data.rebuilt, &block.sides.rebuilt);
            if old.len() != new.len() {
                continue;
            }
            let words = self.words(block);
            let mut counts = Counts::default();
            let mut at = 0;
            for word in &words {
                counts.bytes(old, new, at..word.range.start, None);
                counts.bytes(old, new, word.range.clone(), Some(word.same));
                at = word.range.end;
            }
            counts.bytes(old, new, at..old.len(), None);
            let span = |base: u64, own: &Range<u64>| base + own.start..base + own.end;
            let spans = Sides::new(span(files.shipped, &block.sides.shipped), span(files.rebuilt, &block.sides.rebuilt));
            let padding = block.padding;
            for (account, zeros) in [(&mut out.shipped, padding.shipped), (&mut out.rebuilt, padding.rebuilt)] {
                account.unexplained += counts.other;
                if block.moved {
                    account.explain(Cause::Reordering, counts.equal + counts.shifted);
                } else {
                    account.identical += counts.equal;
                    account.explain(Cause::AddressShift, counts.shifted);
                }
                // The shorter of both is equal.
                let equal = if block.moved { 0 } else { padding.shipped.min(padding.rebuilt) };
                account.identical += equal;
                account.explain(Cause::Reordering, zeros - equal);
            }
            if block.moved && counts.equal + counts.shifted > 0 {
                let text = |side: Side| self.label(side, block);
                let (old, new) = (text(Side::Shipped), text(Side::Rebuilt));
                prove(&mut node.proofs, Cause::Reordering, spans, Sides::new(&old, &new));
            } else if counts.shifted > 0 {
                prove(&mut node.proofs, Cause::AddressShift, spans, Sides::new("pointers in data", "pointers in data"));
            }
            if block.moved || padding.shipped != padding.rebuilt {
                let behind = |base: u64, own: &Range<u64>, zeros: u64| base + own.end..base + own.end + zeros;
                let spans = Sides::new(
                    behind(files.shipped, &block.sides.shipped, padding.shipped),
                    behind(files.rebuilt, &block.sides.rebuilt, padding.rebuilt),
                );
                if spans.shipped.end > spans.shipped.start || spans.rebuilt.end > spans.rebuilt.start {
                    prove(&mut node.proofs, Cause::Reordering, spans, Sides::new("zeros between pieces", "zeros between pieces"));
                }
            }
        }
        for (account, data) in [(&mut out.shipped, self.data.shipped), (&mut out.rebuilt, self.data.rebuilt)] {
            account.unexplained += (data.len() as u64).saturating_sub(account.total());
        }
        out
    }

    /// What begins there, and where.
    fn label(&self, side: Side, block: &Block) -> String {
        let address = self.starts.get(side).wrapping_add(block.sides.get(side).start);
        let name = self.images.label(side, address).map_or(String::new(), |name| format!("{name} "));
        format!("{name}at {address:#x}")
    }

    /// The words of a block that the loader fills, and in a file with a fixed place those that are addresses of this file.
    fn words(&self, block: &Block) -> Vec<Word> {
        let size = if self.images.sides.shipped.elf.wide { 8 } else { 4 };
        let base = |side: Side| self.starts.get(side).wrapping_add(block.sides.get(side).start);
        let (x, y) = (base(Side::Shipped), base(Side::Rebuilt));
        let length = block.sides.shipped.end - block.sides.shipped.start;
        let mut places: Vec<u64> = Vec::new();
        for (side, base) in [(Side::Shipped, x), (Side::Rebuilt, y)] {
            places.extend(self.images.sides.get(side).filled(base..base.saturating_add(length)).map(|(at, _)| at - base));
            if self.images.sides.get(side).elf.kind == 2 {
                let held = |n: &u64| {
                    let word = self.word(side, block, *n);
                    word.is_some_and(|w| self.images.sides.get(side).elf.section_at(w).is_some())
                };
                places.extend((0..length / 8).map(|n| n * 8).filter(held));
            }
        }
        places.sort_unstable();
        places.dedup();
        let strays = self.strays(block, length, &places, size);
        let mut out: Vec<Word> = Vec::new();
        for at in places {
            let range = at as usize..(at as usize).saturating_add(size).min(length as usize);
            let same = self.same(block, Sides::new(x + at, y + at), at) && out.last().is_none_or(|w| w.range.end <= range.start);
            match out.last_mut() {
                // Words that overlap are no words.
                Some(last) if last.range.end > range.start => (last.range.end, last.same) = (range.end, false),
                _ => out.push(Word { range, same }),
            }
        }
        out.extend(strays);
        out.sort_by_key(|w| w.range.start);
        out
    }

    /// Equal words that, as distances from themselves, lead into code, and not to the same place on both sides. Code that is not
    /// in view may count so (a table whose address it is given), whatever the word is meant as.
    fn strays(&self, block: &Block, length: u64, filled: &[u64], size: usize) -> Vec<Word> {
        let base = |side: Side| self.starts.get(side).wrapping_add(block.sides.get(side).start);
        let leads = |side: Side, at: u64, by: i32| {
            let to = base(side).wrapping_add(at).wrapping_add_signed(i64::from(by));
            (to, self.images.sides.get(side).elf.section_at(to).is_some_and(Section::is_code))
        };
        let (old, new) = (slice(self.data.shipped, &block.sides.shipped), slice(self.data.rebuilt, &block.sides.rebuilt));
        let words = old.chunks_exact(DISTANCE).zip(new.chunks_exact(DISTANCE)).enumerate().take_while(|(n, _)| (*n as u64) < length / 4);
        let known = |at: u64| {
            let next = filled.partition_point(|place| *place <= at);
            let own = next.checked_sub(1).and_then(|n| filled.get(n)).is_some_and(|place| place + size as u64 > at);
            own || filled.get(next).is_some_and(|place| *place < at + DISTANCE as u64)
        };
        let stray = |(n, (one, two)): (usize, (&[u8], &[u8]))| {
            let at = (n * DISTANCE) as u64;
            let by = i32::from_le_bytes(one.try_into().ok().filter(|_| one == two)?);
            let (to, from) = (leads(Side::Shipped, at, by), leads(Side::Rebuilt, at, by));
            let strays = by != 0 && (to.1 || from.1) && !known(at) && self.images.meaning(to.0, from.0) != Meaning::Same;
            strays.then_some(Word { range: n * DISTANCE..(n + 1) * DISTANCE, same: false })
        };
        words.filter_map(stray).collect()
    }

    fn word(&self, side: Side, block: &Block, at: u64) -> Option<u64> {
        let elf = &self.images.sides.get(side).elf;
        let from = usize::try_from(block.sides.get(side).start.checked_add(at)?).ok()?;
        elf.numbers().int(self.data.get(side), from, 8)
    }

    /// Whether the loader puts the same there on both sides, and what the file holds there says nothing else.
    fn same(&self, block: &Block, addresses: Sides<u64>, at: u64) -> bool {
        let (x, y) = (addresses.shipped, addresses.rebuilt);
        let same = |p: u64, q: u64| self.images.meaning(p, q) == Meaning::Same;
        let words = (self.word(Side::Shipped, block, at), self.word(Side::Rebuilt, block, at));
        let equal = words.0 == words.1;
        match (self.images.sides.shipped.bound(x), self.images.sides.rebuilt.bound(y)) {
            (Some(Bound::Relative(p)), Some(Bound::Relative(q))) => same(*p, *q) && (equal || words == (Some(*p), Some(*q))),
            (Some(Bound::Computed(p)), Some(Bound::Computed(q))) => same(*p, *q) && equal,
            (Some(Bound::Import(p, m)), Some(Bound::Import(q, n))) => p == q && m == n && equal,
            // Which number is an address cannot be told: only one that did not change is followed.
            (None, None) => equal && words.0.is_some_and(|w| same(w, w)),
            _ => false,
        }
    }
}

#[derive(Default)]
struct Counts {
    equal: u64,
    shifted: u64,
    other: u64,
}

impl Counts {
    /// Counts a range of both; `leads` says whether it is an address, and of the same place.
    fn bytes(&mut self, old: &[u8], new: &[u8], range: Range<usize>, leads: Option<bool>) {
        let (old, new) = (old.get(range.clone()).unwrap_or_default(), new.get(range).unwrap_or_default());
        let equal = if old == new { old.len() } else { old.iter().zip(new).filter(|(m, n)| m == n).count() } as u64;
        let rest = old.len() as u64 - equal;
        match leads {
            Some(false) => self.other += equal + rest,
            Some(true) => (self.equal, self.shifted) = (self.equal + equal, self.shifted + rest),
            None => (self.equal, self.other) = (self.equal + equal, self.other + rest),
        }
    }
}

fn slice<'a>(data: &'a [u8], range: &Range<u64>) -> &'a [u8] {
    let at = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    data.get(at(range.start)..at(range.end)).unwrap_or_default()
}
