//! Units in stretches that are walked on several cores. What comes out is what one walk from the first unit to the last
//! gives, whichever stretch is done first: where that is not certain, that one walk is made.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::{Share, spread};
use super::info::Breaks;
use super::keyed::{Map, Set};
use super::units::{Match, Units};
use super::walk::{TextKey, Walk};
use crate::model::{Side, Sides};

/// Bytes of entries from which on a stretch is worth a walk of its own.
pub(super) const STRETCH: usize = 128 << 10;
/// Stretches at most: each has its own notes on the sections.
const MAX_STRETCHES: usize = 6;

/// Work that all stretches have done together.
pub(super) type Spent = Arc<AtomicU64>;

impl<'a> Walk<'a> {
    /// Walks the units of all matches, and says for each where the offsets of its entries part.
    pub(super) fn walk_units(&mut self, all: &Sides<Units>, matches: &mut [Match], share: &Share<'_>) {
        let stretches = stretches(all, matches, self.stretch);
        let breaks = if stretches.len() > 1 { self.at_once(all, matches, &stretches, share) } else { None };
        let breaks = breaks.unwrap_or_else(|| matches.iter().map(|found| self.match_of_units(all, found)).collect());
        self.marks.set_moved(None);
        for (found, breaks) in matches.iter_mut().zip(breaks) {
            found.breaks = breaks;
        }
    }

    /// Walks each stretch by itself and puts the results together. `None`, and nothing is noted, when one walk over all of
    /// them might say anything else: two of them noted the same byte, or lines of one file do not agree, or work ran out.
    fn at_once(&mut self, all: &Sides<Units>, matches: &[Match], stretches: &[Range<usize>], share: &Share<'_>) -> Option<Vec<Breaks>> {
        let spent = Spent::default();
        let own: &Self = self;
        let parts = spread(share, stretches.len(), |n| {
            let mut walk = own.fork(Some(Arc::clone(&spent)));
            let matches = stretches.get(n).and_then(|s| matches.get(s.clone())).unwrap_or_default();
            let breaks: Vec<Breaks> = matches.iter().map(|found| walk.match_of_units(all, found)).collect();
            walk.forget();
            (walk, breaks)
        });
        let parts: Vec<(Self, Vec<Breaks>)> = parts.into_iter().collect::<Option<_>>()?;
        let work = parts.iter().fold(0, |work: u64, (walk, _)| work.saturating_add(self.left - walk.left));
        if work >= self.left || parts.iter().any(|(walk, _)| walk.over.is_some()) {
            return None;
        }
        let mut whole = self.fork(None);
        let (mut breaks, mut texts) = (Vec::new(), Set::default());
        for (walk, own) in parts {
            whole.take_in(walk, &mut texts)?;
            breaks.extend(own);
        }
        for text in &whole.changed_texts {
            whole.marks.set_moved(text.moved);
            whole.marks.mark(text.id, text.at.shipped.clone(), text.at.rebuilt.clone(), text.why);
        }
        whole.left = self.left - work;
        *self = whole;
        Some(breaks)
    }

    /// Takes in what the walk of the next stretch found.
    fn take_in(&mut self, next: Self, texts: &mut Set<TextKey>) -> Option<()> {
        self.marks.take_in(next.marks)?;
        self.maps.take_in(next.maps)?;
        self.changed_texts.extend(next.changed_texts.into_iter().filter(|text| texts.insert(text.key())));
        self.opaque.extend(next.opaque);
        self.across.extend(next.across);
        self.producers = self.producers.take().or(next.producers);
        Some(())
    }
}

impl Walk<'_> {
    /// Counts work that is done beside other walks; whether there is none left for all of them.
    pub(super) fn spends_too_much(&self, work: u64) -> bool {
        self.spent.as_ref().is_some_and(|all| all.fetch_add(work, Ordering::Relaxed) > self.most)
    }
}

/// Matches in stretches of about the same size. Units that name one table stay together.
fn stretches(all: &Sides<Units>, matches: &[Match], least: usize) -> Vec<Range<usize>> {
    // For each table, the first and the last match that names it.
    let mut named: Map<(bool, u8, u64), (usize, usize)> = Map::default();
    let mut sizes = Vec::with_capacity(matches.len());
    for (n, found) in matches.iter().enumerate() {
        let mut size = 0;
        for side in [Side::Shipped, Side::Rebuilt] {
            let Some((unit, root)) = all.get(side).get(*found.units.get(side)) else { continue };
            size += unit.end - unit.start;
            let tables = [Some(unit.abbrev), root.lines, root.strings, root.addresses, root.ranges, root.locations];
            for (kind, at) in (0..).zip(tables) {
                if let Some(at) = at {
                    named.entry((side == Side::Shipped, kind, at)).or_insert((n, n)).1 = n;
                }
            }
        }
        sizes.push(size);
    }
    let mut over = vec![0i64; matches.len() + 1];
    for (first, last) in named.into_values() {
        for (at, by) in [(first + 1, 1), (last + 1, -1)] {
            if let Some(slot) = over.get_mut(at) {
                *slot += by;
            }
        }
    }
    let total: usize = sizes.iter().sum();
    let target = (total / MAX_STRETCHES).max(least.saturating_mul(2));
    let (mut out, mut from, mut size, mut open) = (Vec::new(), 0, 0, 0);
    for (n, (own, over)) in sizes.iter().zip(&over).enumerate() {
        open += over;
        if open == 0 && size >= target {
            out.push(from..n);
            (from, size) = (n, 0);
        }
        size += own;
    }
    out.push(from..matches.len());
    out
}
