//! Range lists and location lists (DWARF 5, 2.17.3 and 2.6.2; before it `.debug_ranges` and `.debug_loc`), entry by entry.

use std::ops::Range;
use std::sync::Arc;

use super::cursor::Cursor;
use super::marks::{Id, Why};
use super::unit::Unit;
use super::walk::{Pair, Walk};
use crate::model::{Cause, Side, Sides};

/// The header of one table of lists.
pub(super) struct ListTable {
    start: usize,
    end: usize,
    /// Where its length ends.
    length: usize,
    /// Where the offsets are, after the header.
    offsets: Range<usize>,
    wide: usize,
}

/// What one entry of a list says.
#[derive(Debug)]
struct Entry {
    kind: Kind,
    /// Where its kind is.
    head: Range<usize>,
    /// Its operands: value and place.
    operands: [(u64, Range<usize>); 2],
    /// The expression and where its length is.
    expression: Option<(Range<usize>, Range<usize>)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    End,
    /// One index of an address.
    BaseIndex,
    /// Two indices.
    IndexIndex,
    IndexLength,
    Offsets,
    Default,
    Base,
    Bounds,
    StartLength,
    /// Two numbers that count.
    Views,
}

fn new_kind(code: u8, location: bool) -> Option<Kind> {
    Some(match (code, location) {
        (0, _) => Kind::End,
        (1, _) => Kind::BaseIndex,
        (2, _) => Kind::IndexIndex,
        (3, _) => Kind::IndexLength,
        (4, _) => Kind::Offsets,
        (5, true) => Kind::Default,
        (5, false) | (6, true) => Kind::Base,
        (6, false) | (7, true) => Kind::Bounds,
        (7, false) | (8, true) => Kind::StartLength,
        (9, true) => Kind::Views,
        _ => return None,
    })
}

fn operand<'a>(c: &mut Cursor<'a>, read: impl FnOnce(&mut Cursor<'a>) -> Option<u64>) -> Option<(u64, Range<usize>)> {
    let from = c.at;
    let value = read(c)?;
    Some((value, from..c.at))
}

impl Entry {
    fn read(c: &mut Cursor<'_>, id: Id, unit: &Unit) -> Option<Self> {
        match id {
            Id::RngLists => Self::read_new(c, unit, false),
            Id::LocLists => Self::read_new(c, unit, true),
            _ => Self::read_old(c, unit, id == Id::Loc),
        }
    }

    fn read_new(c: &mut Cursor<'_>, unit: &Unit, location: bool) -> Option<Self> {
        let from = c.at;
        let kind = new_kind(*c.take(1)?.first()?, location)?;
        let head = from..c.at;
        let none = (0, c.at..c.at);
        let size = unit.address;
        let (first, second) = match kind {
            Kind::End | Kind::Default => (none.clone(), none),
            Kind::BaseIndex => (operand(c, Cursor::uleb)?, none),
            Kind::IndexIndex | Kind::IndexLength | Kind::Offsets | Kind::Views => (operand(c, Cursor::uleb)?, operand(c, Cursor::uleb)?),
            Kind::Base => (operand(c, |c| c.int(size))?, none),
            Kind::Bounds => (operand(c, |c| c.int(size))?, operand(c, |c| c.int(size))?),
            Kind::StartLength => (operand(c, |c| c.int(size))?, operand(c, Cursor::uleb)?),
        };
        let described = location && !matches!(kind, Kind::End | Kind::BaseIndex | Kind::Base | Kind::Views);
        let expression = if described {
            let (size, at) = operand(c, Cursor::uleb)?;
            let start = c.at;
            c.take(usize::try_from(size).ok()?)?;
            Some((at, start..c.at))
        } else {
            None
        };
        Some(Self { kind, head, operands: [first, second], expression })
    }

    fn read_old(c: &mut Cursor<'_>, unit: &Unit, location: bool) -> Option<Self> {
        let head = c.at..c.at;
        let (first, second) = (operand(c, |c| c.int(unit.address))?, operand(c, |c| c.int(unit.address))?);
        let most = u64::MAX >> (64 - 8 * unit.address.min(8) as u32);
        let kind = match (first.0, second.0) {
            (0, 0) => Kind::End,
            (base, _) if base == most => Kind::Base,
            _ => Kind::Offsets,
        };
        // The base is the second number; the first says that it is one.
        let operands = if kind == Kind::Base { [second, first] } else { [first, second] };
        let expression = if location && kind == Kind::Offsets {
            let (size, at) = operand(c, |c| c.int(2))?;
            let start = c.at;
            c.take(usize::try_from(size).ok()?)?;
            Some((at, start..c.at))
        } else {
            None
        };
        Some(Self { kind, head, operands, expression })
    }
}

impl Walk<'_> {
    /// Compares two lists; gives what that makes of the offsets that lead to them.
    pub(super) fn list(&mut self, pair: &Pair, id: Id, old: u64, new: u64) -> Why {
        if !self.lists.insert((id, old, new, pair.units.shipped.start as u64, pair.units.rebuilt.start as u64)) {
            // Seen before for these units: what is wrong with it is marked where it is.
            return Why::Follows(id);
        }
        let (Ok(start), Ok(other)) = (usize::try_from(old), usize::try_from(new)) else { return Why::Not };
        let ends = Sides::new(self.marks.bytes(Side::Shipped, id).len(), self.marks.bytes(Side::Rebuilt, id).len());
        if start >= ends.shipped || other >= ends.rebuilt {
            return Why::Not;
        }
        // A list ends in its table.
        let Some(ends) = (if matches!(id, Id::RngLists | Id::LocLists) { self.list_header(id, start, other) } else { Some(ends) }) else {
            return Why::Not;
        };
        let mut x = self.cursor(Side::Shipped, id, start, ends.shipped);
        let mut y = self.cursor(Side::Rebuilt, id, other, ends.rebuilt);
        let mut base = Sides::new(pair.roots.shipped.low, pair.roots.rebuilt.low);
        let mut anchored = self.is_anchor(base.shipped, base.rebuilt);
        loop {
            let (from, to) = (x.at, y.at);
            let read = (Entry::read(&mut x, id, &pair.units.shipped), Entry::read(&mut y, id, &pair.units.rebuilt));
            let (Some(m), Some(n)) = read else { return Why::Not };
            if m.kind != n.kind || self.spend(1).is_none() {
                self.marks.mark(id, from..x.at, to..y.at, Why::Not);
                return Why::Not;
            }
            self.marks.mark(id, m.head.clone(), n.head.clone(), Why::Same);
            let wheres = self.list_operands(pair, &m, &n, &mut base, &mut anchored);
            for (why, (p, q)) in wheres.into_iter().zip(m.operands.iter().zip(&n.operands)) {
                self.marks.mark(id, p.1.clone(), q.1.clone(), why);
            }
            if let (Some(p), Some(q)) = (m.expression, n.expression) {
                self.marks.mark(id, p.0, q.0, Why::Same);
                self.expression(pair, id, p.1, q.1);
            }
            if m.kind == Kind::End {
                return Why::Follows(id);
            }
        }
    }

    /// What is to be said of the two operands of an entry.
    fn list_operands(&mut self, pair: &Pair, m: &Entry, n: &Entry, base: &mut Sides<u64>, anchored: &mut bool) -> [Why; 2] {
        let [(p, _), (r, _)] = m.operands;
        let [(q, _), (s, _)] = n.operands;
        let at = |walk: &Self, side: Side, index: u64| {
            let table = walk.tables(side);
            let (unit, root) = (pair.units.get(side), pair.roots.get(side));
            table.address_index(unit, root, index).map(|(address, _)| address)
        };
        let length = |equal: bool| if equal { Why::Because(Cause::AddressShift) } else { Why::Not };
        match m.kind {
            Kind::End | Kind::Default | Kind::Views => [Why::Same, Why::Same],
            Kind::Base | Kind::BaseIndex => {
                let index = m.kind == Kind::BaseIndex;
                let (Some(p), Some(q)) =
                    (if index { at(self, Side::Shipped, p) } else { Some(p) }, if index { at(self, Side::Rebuilt, q) } else { Some(q) })
                else {
                    return [Why::Not, Why::Not];
                };
                *base = Sides::new(p, q);
                *anchored = self.is_anchor(p, q);
                let why = if index { self.address_index(pair, m.operands[0].0, n.operands[0].0) } else { self.address(p, q) };
                [why, Why::Same]
            }
            Kind::IndexIndex => {
                let one = self.address_index(pair, p, q);
                // The end is no place of its own: what counts is how far it is.
                let reach = |from: Option<u64>, to: Option<u64>| to?.checked_sub(from?);
                let (x, y) = (
                    reach(at(self, Side::Shipped, p), at(self, Side::Shipped, r)),
                    reach(at(self, Side::Rebuilt, q), at(self, Side::Rebuilt, s)),
                );
                let two = self.address_index(pair, r, s);
                [one, if x.is_some() && x == y { two } else { Why::Not }]
            }
            Kind::IndexLength => [self.address_index(pair, p, q), Why::Same],
            Kind::StartLength => [self.address(p, q), Why::Same],
            Kind::Bounds => [self.address(p, q), length(r.wrapping_sub(p) == s.wrapping_sub(q))],
            Kind::Offsets if *anchored && (p, r) == (q, s) => [Why::Same, Why::Same],
            Kind::Offsets => {
                let start = self.address(base.shipped.wrapping_add(p), base.rebuilt.wrapping_add(q));
                [start, if start == Why::Not { start } else { length(r.wrapping_sub(p) == s.wrapping_sub(q)) }]
            }
        }
    }

    /// Compares the headers of the tables that two lists are in, and gives where the tables end.
    fn list_header(&mut self, id: Id, old: usize, new: usize) -> Option<Sides<usize>> {
        let find = |tables: &[ListTable], at: usize| {
            let i = tables.partition_point(|t| t.start <= at).checked_sub(1)?;
            tables.get(i).filter(|t| t.offsets.end <= at && at < t.end).map(|_| i)
        };
        let (one, two) = (self.list_tables(Side::Shipped, id), self.list_tables(Side::Rebuilt, id));
        let (s, t) = (one.get(find(&one, old)?)?, two.get(find(&two, new)?)?);
        let ends = Some(Sides::new(s.end, t.end));
        if !self.marks.is_unknown(Side::Shipped, id, s.start..s.length) || !self.marks.is_unknown(Side::Rebuilt, id, t.start..t.length) {
            return ends;
        }
        self.marks.mark(id, s.start..s.length, t.start..t.length, if s.wide == t.wide { Why::Follows(id) } else { Why::Not });
        self.marks.mark(id, s.length..s.offsets.start, t.length..t.offsets.start, Why::Same);
        if s.offsets.len() == t.offsets.len() {
            let bytes = |walk: &Self, side, range: Range<usize>| walk.marks.bytes(side, id).get(range).map(<[u8]>::to_vec);
            if bytes(self, Side::Shipped, s.offsets.clone()) == bytes(self, Side::Rebuilt, t.offsets.clone()) {
                self.marks.mark(id, s.offsets.clone(), t.offsets.clone(), Why::Same);
            }
        }
        ends
    }

    /// Compares what two indices of lists lead to.
    pub(super) fn list_index(&mut self, pair: &Pair, id: Id, old: u64, new: u64) -> Why {
        let base = |side: Side| if id == Id::RngLists { pair.roots.get(side).ranges } else { pair.roots.get(side).locations };
        let x = self.tables(Side::Shipped).list_index(id, &pair.units.shipped, base(Side::Shipped), old);
        let y = self.tables(Side::Rebuilt).list_index(id, &pair.units.rebuilt, base(Side::Rebuilt), new);
        let (Some((m, from)), Some((n, to))) = (x, y) else { return Why::Not };
        let why = self.list(pair, id, m, n);
        self.marks.mark(id, from, to, why);
        why
    }

    fn list_tables(&mut self, side: Side, id: Id) -> Arc<Vec<ListTable>> {
        if let Some(known) = self.list_tables.get(&(side, id)) {
            return Arc::clone(known);
        }
        let data = self.marks.bytes(side, id);
        let mut c = self.cursor(side, id, 0, data.len());
        let mut tables = Vec::new();
        while c.at < data.len() {
            let start = c.at;
            let Some((wide, end)) = c.length() else { break };
            let length = c.at;
            // Version, size of addresses, size of segments, number of offsets.
            let Some(count) = c.take(4).and_then(|_| c.int(4)) else { break };
            let size = usize::try_from(count).ok().and_then(|n| n.checked_mul(wide));
            let Some(to) = size.and_then(|n| c.at.checked_add(n)).filter(|to| *to <= end) else { break };
            tables.push(ListTable { start, end, length, offsets: c.at..to, wide });
            c.at = end;
        }
        let tables = Arc::new(tables);
        self.list_tables.insert((side, id), Arc::clone(&tables));
        tables
    }
}
