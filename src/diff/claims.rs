//! Ranges that a format gives to one cause, taken out of what is unexplained: byte by byte, each byte once, and only where
//! the two sides stand beside each other in the same region.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::account::{prove, raw, span};
use super::exe::{RegionPair, both, bytes};
use super::image::Images;
use crate::inspect::exe::Region;
use crate::model::{Account, Cause, Node, Proof, Side, Sides};

/// A range of the file on each side whose difference one cause would explain.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    pub(super) cause: Cause,
    pub(super) spans: Sides<Range<usize>>,
    pub(super) values: Sides<String>,
}

/// The state of the account while claims are tried; nothing of it counts before [`Claims::keep`].
pub(super) struct Claims<'a> {
    images: &'a Images,
    regions: &'a mut [RegionPair],
    accounts: Vec<Sides<Account>>,
    proofs: Vec<Proof>,
    /// The accounts byte by byte, of those regions that were asked for: a region may have a claim for each of its words.
    plain: BTreeMap<usize, Sides<Account>>,
    /// Start on the shipped side and number of each region, sorted.
    order: Vec<(usize, usize)>,
    /// Spans of the shipped side that other proofs have, sorted by their starts; the second value is the furthest end so far.
    covered: Vec<(u64, u64)>,
    /// Offsets on the shipped side that claims have taken.
    taken: BTreeSet<usize>,
}

/// What to go back to.
pub(super) struct Snapshot {
    accounts: Vec<Sides<Account>>,
    proofs: usize,
    taken: BTreeSet<usize>,
}

impl<'a> Claims<'a> {
    pub(super) fn new(node: &Node, images: &'a Images, regions: &'a mut [RegionPair]) -> Self {
        let mut covered: Vec<(u64, u64)> = node.proofs.iter().flat_map(|p| &p.spans.shipped).map(|s| (s.start, s.end)).collect();
        covered.sort_unstable();
        let mut furthest = 0;
        for (_, end) in &mut covered {
            furthest = furthest.max(*end);
            *end = furthest;
        }
        let accounts = regions.iter().map(|r| r.account.clone()).collect();
        let start = |pair: &RegionPair| region(images, pair, Side::Shipped).map(|r| r.range.start);
        let mut order: Vec<(usize, usize)> = regions.iter().enumerate().filter_map(|(n, pair)| Some((start(pair)?, n))).collect();
        order.sort_unstable();
        let (proofs, plain, taken) = (Vec::new(), BTreeMap::new(), BTreeSet::new());
        Self { images, regions, accounts, plain, order, proofs, covered, taken }
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot { accounts: self.accounts.clone(), proofs: self.proofs.len(), taken: self.taken.clone() }
    }

    pub(super) fn restore(&mut self, to: Snapshot) {
        self.accounts = to.accounts;
        self.proofs.truncate(to.proofs);
        self.taken = to.taken;
    }

    /// Writes what the claims explain into the regions, and the proofs into the node.
    pub(super) fn keep(self, node: &mut Node) {
        for (pair, account) in self.regions.iter_mut().zip(self.accounts) {
            pair.account = account;
        }
        node.proofs.extend(self.proofs);
    }

    /// Explains the differing bytes of a claim. False, and nothing is changed, where the ranges are not beside each other.
    pub(super) fn take(&mut self, claim: &Claim) -> bool {
        let (a, b) = (&self.images.sides.shipped.elf, &self.images.sides.rebuilt.elf);
        let (old, new) = (a.blob.get(claim.spans.shipped.clone()), b.blob.get(claim.spans.rebuilt.clone()));
        let (Some(old), Some(new)) = (old, new) else { return false };
        if old == new {
            return true;
        }
        let Some((n, x, y)) = self.place(&claim.spans) else { return false };
        let start = claim.spans.shipped.start;
        let differing: Vec<usize> = old.iter().zip(new).enumerate().filter(|(_, (m, n))| m != n).map(|(i, _)| start + i).collect();
        let free: Vec<usize> = differing.into_iter().filter(|at| !self.taken.contains(at) && !self.is_covered(*at as u64)).collect();
        if free.is_empty() {
            return true;
        }
        let Some(account) = self.accounts.get_mut(n) else { return false };
        // Where pieces of the region were paired otherwise than byte by byte, a position says nothing of its counterpart.
        let plain = self.plain.entry(n).or_insert_with(|| raw(bytes(a, x), bytes(b, y)));
        let count = free.len() as u64;
        let fits = |own: &Account, plain: &Account| {
            own.identical == plain.identical && own.unexplained >= count && !own.explained.contains_key(&Cause::Reordering)
        };
        if !fits(&account.shipped, &plain.shipped) || !fits(&account.rebuilt, &plain.rebuilt) {
            return false;
        }
        for own in [&mut account.shipped, &mut account.rebuilt] {
            own.unexplained -= count;
            own.explain(claim.cause, count);
        }
        self.taken.extend(free);
        let spans = claim.spans.as_ref().map(span);
        prove(&mut self.proofs, claim.cause, spans, Sides::new(&claim.values.shipped, &claim.values.rebuilt));
        true
    }

    /// Explains all that is unexplained of a pair of regions, or of one that has no counterpart.
    pub(super) fn take_whole(&mut self, n: usize, cause: Cause, values: Sides<&str>) {
        let (Some(account), Some(pair)) = (self.accounts.get_mut(n), self.regions.get(n)) else { return };
        if account.shipped.unexplained + account.rebuilt.unexplained == 0 {
            return;
        }
        for own in [&mut account.shipped, &mut account.rebuilt] {
            let differing = std::mem::take(&mut own.unexplained);
            own.explain(cause, differing);
        }
        let images = self.images;
        let range = |side: Side| region(images, pair, side).map_or(0..0, |r| span(&r.range));
        prove(&mut self.proofs, cause, Sides::new(range(Side::Shipped), range(Side::Rebuilt)), values);
    }

    /// Bytes of both sides that are still unexplained in the regions that `which` picks.
    pub(super) fn residue(&self, which: &dyn Fn(&Region) -> bool) -> u64 {
        let chosen = |pair: &RegionPair| [Side::Shipped, Side::Rebuilt].iter().any(|s| self.region(pair, *s).is_some_and(which));
        let all = self.regions.iter().zip(&self.accounts).filter(|(pair, _)| chosen(pair));
        all.map(|(_, account)| account.shipped.unexplained + account.rebuilt.unexplained).sum()
    }

    /// The pairs of regions, with their numbers.
    pub(super) fn find(&self, which: &dyn Fn(Sides<Option<&Region>>) -> bool) -> Vec<usize> {
        let sides = |pair: &RegionPair| Sides::new(self.region(pair, Side::Shipped), self.region(pair, Side::Rebuilt));
        self.regions.iter().enumerate().filter(|(_, pair)| which(sides(pair))).map(|(n, _)| n).collect()
    }

    /// The offset and the address on the rebuilt side that stand beside an offset of the shipped side, in regions of one size.
    pub(super) fn counterpart(&self, at: usize) -> Option<(usize, u64)> {
        let after = self.order.partition_point(|(start, _)| *start <= at);
        let (_, n) = *self.order.get(after.checked_sub(1)?)?;
        let (x, y) = both(self.images, self.regions.get(n)?)?;
        let distance = at.checked_sub(x.range.start)?;
        (x.range.contains(&at) && x.range.len() == y.range.len())
            .then(|| (y.range.start + distance, y.address.wrapping_add(distance as u64)))
    }

    fn region(&self, pair: &RegionPair, side: Side) -> Option<&'a Region> {
        region(self.images, pair, side)
    }

    /// The pair of regions of one size that holds both ranges at the same distance from its start.
    fn place(&self, spans: &Sides<Range<usize>>) -> Option<(usize, &'a Region, &'a Region)> {
        let holds = |r: &Region, s: &Range<usize>| r.range.start <= s.start && s.end <= r.range.end;
        let after = self.order.partition_point(|(start, _)| *start <= spans.shipped.start);
        let (_, n) = *self.order.get(after.checked_sub(1)?)?;
        let (x, y) = both(self.images, self.regions.get(n)?)?;
        let beside = spans.shipped.start.checked_sub(x.range.start)? == spans.rebuilt.start.checked_sub(y.range.start)?;
        let sizes = x.range.len() == y.range.len() && spans.shipped.len() == spans.rebuilt.len();
        (holds(x, &spans.shipped) && holds(y, &spans.rebuilt) && beside && sizes).then_some((n, x, y))
    }

    fn is_covered(&self, at: u64) -> bool {
        let before = self.covered.partition_point(|(start, _)| *start <= at);
        before.checked_sub(1).and_then(|i| self.covered.get(i)).is_some_and(|(_, end)| at < *end)
    }
}

fn region<'a>(images: &'a Images, pair: &RegionPair, side: Side) -> Option<&'a Region> {
    images.sides.get(side).elf.regions.get((*pair.regions.get(side))?)
}
