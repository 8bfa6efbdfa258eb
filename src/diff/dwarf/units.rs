//! Which unit belongs to which, the folder that the build ran in, and what is looked at once all units are known.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ffi::CStr;
use std::ops::Range;

use super::super::Share;
use super::super::build_path::BuildPath;
use super::info::{Breaks, counterpart};
use super::keyed::{Keyed, Map};
use super::marks::{Id, Why};
use super::order;
use super::unit::{Root, Unit};
use super::walk::{Pair, Role, Walk};
use crate::model::{Cause, Side, Sides};

/// The units of one side with what their first entries say.
pub(super) type Units = Vec<(Unit, Root)>;

/// A unit of each side.
pub(super) struct Match {
    pub(super) units: Sides<usize>,
    moved: bool,
    pub(super) breaks: Breaks,
}

/// What the walk found, for the proofs.
pub(super) struct Outcome {
    pub(super) files: Vec<(Vec<u8>, Sides<u64>)>,
    /// How many units there are, and how many of them moved.
    pub(super) units: usize,
    pub(super) moved: usize,
    /// Whether everything means what it meant at the same place: what was not walked then does too.
    pub(super) kept: bool,
}

impl Walk<'_> {
    /// Walks everything. `None` when there is nothing to walk.
    pub(super) fn all(&mut self, share: &Share<'_>) -> Option<Outcome> {
        let all = Sides::new(self.units(Side::Shipped), self.units(Side::Rebuilt));
        if all.shipped.is_empty() || all.rebuilt.is_empty() {
            return None;
        }
        self.prefix = prefix(&all);
        let mut matches = self.matched(&all);
        self.walk_units(&all, &mut matches, share);
        self.across(&all, &matches);
        self.aranges(&all, &matches);
        self.strings(Id::Str);
        self.strings(Id::LineStr);
        let files = std::mem::take(&mut self.maps).settle(&mut self.marks);
        let kept = self.marks.layout_is_kept();
        if !kept {
            for (id, at) in std::mem::take(&mut self.opaque) {
                self.marks.mark(id, at.shipped, at.rebuilt, Why::Not);
            }
        }
        self.marks.settle(kept);
        Some(Outcome { files, units: matches.len(), moved: matches.iter().filter(|m| m.moved).count(), kept })
    }

    /// Walks two units that belong together, and says where the offsets of their entries part.
    pub(super) fn match_of_units(&mut self, all: &Sides<Units>, found: &Match) -> Breaks {
        let (Some((x, one)), Some((y, two))) = (all.shipped.get(found.units.shipped), all.rebuilt.get(found.units.rebuilt)) else {
            return Breaks::new();
        };
        self.marks.set_moved(found.moved.then_some(Why::Because(Cause::Reordering)));
        let units = Sides::new(x.clone(), y.clone());
        let Some(tables) = self.table_pair(&units) else {
            self.marks.mark(x.id, x.start..x.end, y.start..y.end, Why::Not);
            return Breaks::new();
        };
        let mut pair = Pair { units, roots: Sides::new(one.clone(), two.clone()), tables, files: None };
        let breaks = self.unit(&mut pair);
        self.offsets(&pair);
        self.addresses(&pair);
        breaks
    }

    fn units(&mut self, side: Side) -> Units {
        let mut out = Vec::new();
        for id in [Id::Info, Id::Types] {
            for unit in Unit::all(self.marks.bytes(side, id), id, self.little) {
                let table = self.abbrev(side, unit.abbrev);
                let root = table.and_then(|t| self.tables(side).root(&unit, &t)).unwrap_or_default();
                if self.spend(1 + root.attributes + root.name.len() + root.folder.len()).is_none() {
                    return out;
                }
                out.push((unit, root));
            }
        }
        out
    }

    /// Pairs units by kind, name and folder; those that agree in all of it in their order.
    fn matched(&self, all: &Sides<Units>) -> Vec<Match> {
        let key = |side: Side, (unit, root): &(Unit, Root)| {
            let text = |text: &[u8]| self.prefix.as_ref().map_or_else(|| text.to_vec(), |p| p.taken_out(side, text));
            (unit.id, unit.version, unit.kind, unit.signature, text(&root.name), text(&root.folder))
        };
        let mut known: HashMap<_, VecDeque<usize>> = HashMap::new();
        for (j, unit) in all.rebuilt.iter().enumerate() {
            known.entry(key(Side::Rebuilt, unit)).or_default().push_back(j);
        }
        let mut out = Vec::new();
        for (i, unit) in all.shipped.iter().enumerate() {
            if let Some(j) = known.get_mut(&key(Side::Shipped, unit)).and_then(VecDeque::pop_front) {
                out.push(Match { units: Sides::new(i, j), moved: false, breaks: Breaks::new() });
            }
        }
        let places: Vec<usize> = out.iter().map(|m| m.units.rebuilt).collect();
        for (found, moved) in out.iter_mut().zip(order::moved(&places)) {
            found.moved = moved;
        }
        out
    }

    /// References from one unit to another.
    fn across(&mut self, all: &Sides<Units>, matches: &[Match]) {
        let by_shipped: HashMap<usize, &Match> = matches.iter().map(|m| (m.units.shipped, m)).collect();
        // Units of `.debug_info` come first, in the order of their offsets.
        let infos = all.shipped.iter().take_while(|(u, _)| u.id == Id::Info).count();
        for reference in std::mem::take(&mut self.across) {
            let to = (|| {
                let at = usize::try_from(reference.to.shipped).ok()?;
                let i = all.shipped.get(..infos)?.partition_point(|(u, _)| u.start <= at).checked_sub(1)?;
                let (unit, _) = all.shipped.get(i).filter(|(u, _)| at < u.end)?;
                let found = by_shipped.get(&i)?;
                let (other, _) = all.rebuilt.get(found.units.rebuilt)?;
                counterpart(&found.breaks, (at - unit.start) as u64)?.checked_add(other.start as u64)
            })();
            let why = if to == Some(reference.to.rebuilt) { Why::Follows(Id::Info) } else { Why::Not };
            self.marks.mark(reference.id, reference.at.shipped, reference.at.rebuilt, why);
        }
    }

    /// `.debug_aranges` (DWARF 5, 6.1.2): a set for each unit.
    fn aranges(&mut self, all: &Sides<Units>, matches: &[Match]) {
        let sets = |walk: &Self, side: Side| {
            let data = walk.marks.bytes(side, Id::Aranges);
            let mut c = walk.cursor(side, Id::Aranges, 0, data.len());
            let mut out: BTreeMap<u64, (usize, usize, usize)> = BTreeMap::new();
            while c.at < data.len() {
                let start = c.at;
                let Some((wide, end)) = c.length() else { break };
                let Some(unit) = c.int(2).and_then(|_| c.int(wide)) else { break };
                if c.at > end {
                    break;
                }
                out.entry(unit).or_insert((start, end, wide));
                c.at = end;
            }
            out
        };
        let (one, two) = (sets(self, Side::Shipped), sets(self, Side::Rebuilt));
        for found in matches {
            let (Some((x, _)), Some((y, _))) = (all.shipped.get(found.units.shipped), all.rebuilt.get(found.units.rebuilt)) else {
                continue;
            };
            let (Some(s), Some(t)) = (one.get(&(x.start as u64)), two.get(&(y.start as u64))) else { continue };
            if x.id == Id::Info {
                self.marks.set_moved(found.moved.then_some(Why::Because(Cause::Reordering)));
                if self.arange_set(*s, *t).is_none() {
                    self.marks.mark(Id::Aranges, s.0..s.1, t.0..t.1, Why::Not);
                }
            }
        }
        self.marks.set_moved(None);
    }

    fn arange_set(&mut self, one: (usize, usize, usize), two: (usize, usize, usize)) -> Option<()> {
        let id = Id::Aranges;
        if one.1 - one.0 != two.1 - two.0 || one.2 != two.2 {
            return None;
        }
        let wide = one.2;
        let mut x = self.cursor(Side::Shipped, id, one.0, one.1);
        let mut y = self.cursor(Side::Rebuilt, id, two.0, two.1);
        let head = if wide == 8 { 12 } else { 4 };
        x.take(head + 2)?;
        y.take(head + 2)?;
        self.marks.mark(id, one.0..x.at, two.0..y.at, Why::Same);
        let (from, to) = (x.at, y.at);
        x.take(wide)?;
        y.take(wide)?;
        self.marks.mark(id, from..x.at, to..y.at, Why::Follows(Id::Info));
        let (from, to) = (x.at, y.at);
        let size = usize::try_from(x.int(1)?).ok().filter(|s| matches!(s, 4 | 8))?;
        let segment = x.int(1)?;
        y.take(2)?;
        let padding = (x.at - one.0).next_multiple_of(2 * size) - (x.at - one.0);
        x.take(padding)?;
        y.take(padding)?;
        self.marks.mark(id, from..x.at, to..y.at, Why::Same);
        if segment != 0 {
            return None;
        }
        while x.at < one.1 {
            self.spend(1)?;
            let (from, to) = (x.at, y.at);
            let (m, n) = (x.int(size)?, y.int(size)?);
            let middle = (x.at, y.at);
            let (length, other) = (x.int(size)?, y.int(size)?);
            let ended = (m, length) == (0, 0) && (n, other) == (0, 0);
            let why = if ended { Why::Same } else { self.address(m, n) };
            self.marks.mark(id, from..middle.0, to..middle.1, why);
            self.marks.mark(id, middle.0..x.at, middle.1..y.at, Why::Same);
        }
        Some(())
    }

    /// The offsets of texts of a unit (DWARF 5, 7.26) that nothing referred to.
    fn offsets(&mut self, pair: &Pair) {
        let (Some(old), Some(new)) = (pair.roots.shipped.strings, pair.roots.rebuilt.strings) else { return };
        let wide = pair.units.shipped.wide;
        let Some((x, y)) = self.contribution(Id::StrOffsets, wide, old, new) else { return };
        // Units may share one.
        if self.spend(x.len() / wide.max(1)).is_none() {
            return;
        }
        for (p, q) in steps(&x, wide).zip(steps(&y, wide)) {
            if self.marks.is_unknown(Side::Shipped, Id::StrOffsets, p.clone())
                && self.marks.is_unknown(Side::Rebuilt, Id::StrOffsets, q.clone())
            {
                let read = |walk: &Self, side, at: &Range<usize>| walk.cursor(side, Id::StrOffsets, at.start, at.end).int(wide);
                let (Some(m), Some(n)) = (read(self, Side::Shipped, &p), read(self, Side::Rebuilt, &q)) else { return };
                let why = self.text_at(Role::Plain, Id::Str, m, n);
                self.marks.mark(Id::StrOffsets, p, q, why);
            }
        }
    }

    /// The addresses of a unit (DWARF 5, 7.27) that nothing referred to.
    fn addresses(&mut self, pair: &Pair) {
        let (Some(old), Some(new)) = (pair.roots.shipped.addresses, pair.roots.rebuilt.addresses) else { return };
        if pair.units.shipped.version < 5 {
            return;
        }
        let Some((x, y)) = self.contribution(Id::Addr, pair.units.shipped.wide, old, new) else { return };
        let size = pair.units.shipped.address;
        if self.spend(x.len() / size.max(1)).is_none() {
            return;
        }
        for (p, q) in steps(&x, size).zip(steps(&y, size)) {
            if self.marks.is_unknown(Side::Shipped, Id::Addr, p.clone()) && self.marks.is_unknown(Side::Rebuilt, Id::Addr, q.clone()) {
                let read = |walk: &Self, side, at: &Range<usize>| walk.cursor(side, Id::Addr, at.start, at.end).int(size);
                let (Some(m), Some(n)) = (read(self, Side::Shipped, &p), read(self, Side::Rebuilt, &q)) else { return };
                let why = self.address(m, n);
                self.marks.mark(Id::Addr, p, q, why);
            }
        }
    }

    /// Compares the headers before two bases and gives the entries behind them.
    fn contribution(&mut self, id: Id, wide: usize, old: u64, new: u64) -> Option<(Range<usize>, Range<usize>)> {
        let read = |walk: &Self, side: Side, base: u64| {
            let base = usize::try_from(base).ok()?;
            let start = base.checked_sub(if wide == 8 { 16 } else { 8 })?;
            let data = walk.marks.bytes(side, id);
            let mut c = walk.cursor(side, id, start, data.len());
            let (size, end) = c.length()?;
            (size == wide && base <= end).then_some((start, c.at, base, end))
        };
        let (x, y) = (read(self, Side::Shipped, old)?, read(self, Side::Rebuilt, new)?);
        self.marks.mark(id, x.0..x.1, y.0..y.1, Why::Same);
        self.marks.mark(id, x.1..x.2, y.1..y.2, Why::Same);
        Some((x.2..x.3, y.2..y.3))
    }

    /// The texts of a section: those that differ by a cause are known; the others must be there on both sides.
    fn strings(&mut self, id: Id) {
        let mut changed: Map<usize, (usize, Why)> = Map::default();
        for text in self.changed_texts.iter().filter(|text| text.id == id) {
            changed.insert(text.at.shipped.start, (text.at.rebuilt.start, text.why));
        }
        let (x, y) = (self.marks.bytes(Side::Shipped, id), self.marks.bytes(Side::Rebuilt, id));
        let (one, two) = (texts(x), texts(y));
        // For each text, the first that is left with its content; behind each of those, the next one.
        let mut known: Map<&[u8], (usize, usize)> = Map::with_capacity_and_hasher(two.len(), Keyed::default());
        let mut next = vec![usize::MAX; two.len()];
        for (n, range) in two.iter().enumerate() {
            if self.marks.is_unknown(Side::Rebuilt, id, range.clone()) {
                let place = known.entry(y.get(range.clone()).unwrap_or_default()).or_insert((n, n));
                if place.1 != n {
                    if let Some(slot) = next.get_mut(place.1) {
                        *slot = n;
                    }
                    place.1 = n;
                }
            }
        }
        let mut pairs = Vec::new();
        for range in one {
            if let Some((start, why)) = changed.get(&range.start) {
                if let Some(other) = two.binary_search_by_key(start, |r| r.start).ok().and_then(|n| two.get(n)) {
                    pairs.push((range, other.clone(), *why));
                }
            } else if self.marks.is_unknown(Side::Shipped, id, range.clone())
                && let Some(place) = known.get_mut(x.get(range.clone()).unwrap_or_default())
                && let Some(other) = two.get(place.0)
            {
                pairs.push((range, other.clone(), Why::Same));
                place.0 = next.get(place.0).copied().unwrap_or(usize::MAX);
            }
        }
        let places: Vec<usize> = pairs.iter().map(|(_, new, _)| new.start).collect();
        for ((old, new, why), moved) in pairs.into_iter().zip(order::moved(&places)) {
            // Linkers put texts in an order that follows from all of them.
            self.marks.set_moved(moved.then_some(Why::Follows(id)));
            self.marks.mark(id, old, new, why);
        }
        self.marks.set_moved(None);
    }
}

/// The texts of a section with their NULs.
fn texts(data: &[u8]) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let mut from = 0;
    while let Some(rest) = data.get(from..).filter(|rest| !rest.is_empty()) {
        let size = CStr::from_bytes_until_nul(rest).map_or(rest.len(), |text| text.count_bytes() + 1);
        out.push(from..from + size);
        from += size;
    }
    out
}

fn steps(range: &Range<usize>, size: usize) -> impl Iterator<Item = Range<usize>> {
    let end = range.end;
    range.clone().step_by(size.max(1)).map(move |at| at..at + size).filter(move |r| r.end <= end)
}

/// The folder of the build on each side: the one that most units name on one side only, else from names of units.
fn prefix(all: &Sides<Units>) -> Option<BuildPath> {
    let count = |units: &Units| {
        let mut known: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
        for (_, root) in units.iter().filter(|(_, r)| !r.folder.is_empty()) {
            *known.entry(root.folder.clone()).or_default() += 1;
        }
        known
    };
    let (one, two) = (count(&all.shipped), count(&all.rebuilt));
    let own = |known: &BTreeMap<Vec<u8>, usize>, other: &BTreeMap<Vec<u8>, usize>| {
        known.iter().filter(|(f, _)| !other.contains_key(*f)).max_by_key(|(_, n)| **n).map(|(f, _)| f.clone())
    };
    if let (Some(x), Some(y)) = (own(&one, &two), own(&two, &one)) {
        return BuildPath::propose(&x, &y);
    }
    all.shipped.iter().zip(&all.rebuilt).find_map(|((_, x), (_, y))| BuildPath::propose(&x.name, &y.name))
}

/// The cause that a change of layout is put under, the likeliest first.
pub(super) const LAYOUT: [Cause; 6] =
    [Cause::DebugCompression, Cause::BuildPath, Cause::Producer, Cause::LineShift, Cause::Reordering, Cause::AddressShift];
