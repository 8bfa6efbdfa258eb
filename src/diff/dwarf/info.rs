//! Units side by side: the header field by field, then entry by entry, attribute by attribute.

use std::ops::Range;
use std::sync::Arc;

use super::abbrev::{Decl, Spec, Table};
use super::cursor::Cursor;
use super::marks::{Id, Why};
use super::unit::{Field, Unit, Value, value};
use super::walk::{Pair, Reference, Role, TablePair, Walk};
use crate::model::{Cause, Side, Sides};

/// Where the offsets of entries of two units part: from these offsets in the units on, each is so far from the other.
pub(super) type Breaks = Vec<(usize, usize)>;

/// A number of a line, and where it is.
struct LineAt {
    name: u64,
    values: (i64, i64),
    /// Whether the declarations give it another number of bytes.
    widened: bool,
    id: Id,
    at: Sides<Range<usize>>,
}

/// What attributes of one entry say together.
#[derive(Default)]
struct Together {
    lines: Vec<LineAt>,
    declared: Option<u64>,
    called: Option<u64>,
    origin: Option<u64>,
    views: Option<(Sides<u64>, Sides<Range<usize>>)>,
    location: Option<Sides<u64>>,
}

fn is_constant(form: u64) -> bool {
    matches!(form, 0x05..=0x07 | 0x0b | 0x0d | 0x0f | 0x21)
}

fn is_line(name: u64) -> bool {
    matches!(name, 0x3b | 0x59)
}

/// Whether two attributes of a declaration are of one form; line numbers may take more bytes than before.
fn agrees(x: &Spec, y: &Spec) -> bool {
    x.name == y.name && (x.form == y.form || is_line(x.name) && is_constant(x.form) && is_constant(y.form))
}

impl Walk<'_> {
    /// Compares the abbreviation tables of two units.
    pub(super) fn table_pair(&mut self, units: &Sides<Unit>) -> Option<Arc<TablePair>> {
        let key = (units.shipped.abbrev, units.rebuilt.abbrev);
        if let Some(known) = self.table_pairs.get(&key) {
            return known.clone();
        }
        let tables = (self.abbrev(Side::Shipped, key.0), self.abbrev(Side::Rebuilt, key.1));
        let pair = if let (Some(one), Some(two)) = tables {
            self.spend(one.range.len())?;
            let agree = self.compare_tables(&one, &two);
            Some(Arc::new(TablePair { tables: Sides::new(one, two), agree }))
        } else {
            None
        };
        self.table_pairs.insert(key, pair.clone());
        pair
    }

    fn compare_tables(&mut self, one: &Table, two: &Table) -> Vec<bool> {
        let mut agree = Vec::new();
        for (x, y) in one.decls.iter().zip(&two.decls) {
            let alike = (x.code, x.tag, x.children, x.attrs.len()) == (y.code, y.tag, y.children, y.attrs.len())
                && x.attrs.iter().zip(&y.attrs).all(|(p, q)| agrees(p, q));
            agree.push(alike);
            if !alike {
                self.marks.mark(Id::Abbrev, x.head.start..x.tail.end, y.head.start..y.tail.end, Why::Not);
                continue;
            }
            self.marks.mark(Id::Abbrev, x.head.clone(), y.head.clone(), Why::Same);
            for (p, q) in x.attrs.iter().zip(&y.attrs) {
                let widened = p.form != q.form;
                self.marks.mark(Id::Abbrev, p.at.clone(), q.at.clone(), if widened { Why::Because(Cause::LineShift) } else { Why::Same });
                if widened {
                    self.maps.widened(Id::Abbrev, p.at.start..p.value.end, q.at.start..q.value.end);
                }
                // A line number that is part of the declaration is compared where an entry uses it.
                if !is_line(p.name) || p.implicit == q.implicit && p.value.len() == q.value.len() {
                    self.marks.mark(Id::Abbrev, p.value.clone(), q.value.clone(), Why::Same);
                }
            }
            self.marks.mark(Id::Abbrev, x.tail.clone(), y.tail.clone(), Why::Same);
        }
        let common = one.decls.len().min(two.decls.len());
        let rest = |t: &Table| t.decls.get(common).map_or(t.range.end - 1, |d| d.head.start)..t.range.end;
        self.marks.mark(Id::Abbrev, rest(one), rest(two), Why::Same);
        agree
    }

    /// Compares two units; gives where the offsets of their entries part.
    pub(super) fn unit(&mut self, pair: &mut Pair) -> Breaks {
        let (old, new) = (pair.units.shipped.clone(), pair.units.rebuilt.clone());
        if (old.version, old.wide, old.address, old.fields.len()) != (new.version, new.wide, new.address, new.fields.len()) {
            self.marks.mark(old.id, old.start..old.end, new.start..new.end, Why::Not);
            return Breaks::new();
        }
        for ((what, x), (_, y)) in old.fields.iter().zip(&new.fields) {
            let why = match what {
                Field::Length => Why::Follows(old.id),
                Field::Plain => Why::Same,
                Field::Abbrev => Why::Follows(Id::Abbrev),
                Field::Type => continue,
            };
            self.marks.mark(old.id, x.clone(), y.clone(), why);
        }
        self.call = None;
        self.collect = old.end - old.start != new.end - new.start;
        loop {
            self.inside.clear();
            self.uneven = false;
            if let (Some((_, x)), Some((_, y))) =
                (old.fields.iter().find(|(what, _)| *what == Field::Type), new.fields.iter().find(|(what, _)| *what == Field::Type))
            {
                self.entry(old.id, Sides::new(x.clone(), y.clone()), Sides::new(old.type_at, new.type_at));
            }
            let breaks = self.entries(pair, &old, &new);
            if self.uneven && !self.collect {
                // Once more, keeping what refers to entries until all of them are known.
                self.collect = true;
                continue;
            }
            for reference in std::mem::take(&mut self.inside) {
                let same = counterpart(&breaks, reference.to.shipped) == Some(reference.to.rebuilt);
                let why = if same { Why::Follows(old.id) } else { Why::Not };
                self.marks.mark(reference.id, reference.at.shipped, reference.at.rebuilt, why);
            }
            return breaks;
        }
    }

    fn entries(&mut self, pair: &mut Pair, old: &Unit, new: &Unit) -> Breaks {
        let mut x = self.cursor(Side::Shipped, old.id, old.entries, old.end);
        let mut y = self.cursor(Side::Rebuilt, new.id, new.entries, new.end);
        let tables = Arc::clone(&pair.tables);
        let mut breaks = vec![(0, 0)];
        let mut apart = 0i128;
        while x.at < old.end || y.at < new.end {
            let (from, to) = (x.at, y.at);
            let now = (to - new.start) as i128 - (from - old.start) as i128;
            if now != apart {
                apart = now;
                self.uneven = true;
                breaks.push((from - old.start, to - new.start));
            }
            if self.spend(1).is_none() || self.entry_pair(pair, &tables, &mut x, &mut y).is_none() {
                self.marks.mark(old.id, from..old.end, to..new.end, Why::Not);
                break;
            }
        }
        breaks
    }

    /// Compares one entry; `None` when the two have another form, and nothing behind them can be compared.
    fn entry_pair(&mut self, pair: &mut Pair, tables: &TablePair, x: &mut Cursor<'_>, y: &mut Cursor<'_>) -> Option<()> {
        let id = pair.units.shipped.id;
        let (from, to) = (x.at, y.at);
        let (code, other) = (x.uleb()?, y.uleb()?);
        self.marks.mark(id, from..x.at, to..y.at, Why::Same);
        if code == 0 && other == 0 {
            return Some(());
        }
        let (index, one) = tables.tables.shipped.get(code)?;
        let (twin, two) = tables.tables.rebuilt.get(other)?;
        if index != twin || tables.agree.get(index) != Some(&true) {
            return None;
        }
        self.spend(one.attrs.len())?;
        let mut together = Together::default();
        for (p, q) in one.attrs.iter().zip(&two.attrs) {
            let (from, to) = (x.at, y.at);
            let (v, w) = (value(x, p, &pair.units.shipped)?, value(y, q, &pair.units.rebuilt)?);
            self.attribute(pair, one, (p, q), (v, w), Sides::new(from..x.at, to..y.at), &mut together);
        }
        self.together(pair, together);
        Some(())
    }

    fn attribute(
        &mut self,
        pair: &mut Pair,
        decl: &Decl,
        specs: (&Spec, &Spec),
        values: (Value, Value),
        at: Sides<Range<usize>>,
        together: &mut Together,
    ) {
        let id = pair.units.shipped.id;
        let name = specs.0.name;
        let why = match values {
            (Value::Address(m), Value::Address(n)) => {
                // The end of a range, and the place that a call returns to.
                let ends = matches!(name, 0x12 | 0x7d) || (name, decl.tag) == (0x11, 0x4109);
                if matches!(decl.tag, 0x48 | 0x4109) {
                    self.call = Some(Sides::new(m, n));
                }
                if ends { self.end_address(m, n) } else { self.address(m, n) }
            }
            (Value::AddressIndex(m), Value::AddressIndex(n)) => self.address_index(pair, m, n),
            (Value::Number(m), Value::Number(n)) if is_line(name) => {
                let implicit = specs.0.form == 0x21 && specs.1.form == 0x21;
                let (id, at) = if implicit { (Id::Abbrev, Sides::new(specs.0.value.clone(), specs.1.value.clone())) } else { (id, at) };
                together.lines.push(LineAt { name, values: (m, n), widened: specs.0.form != specs.1.form, id, at });
                return;
            }
            (Value::Number(m), Value::Number(n)) => {
                match name {
                    0x3a => together.declared = Some(m.cast_unsigned()),
                    0x58 => together.called = Some(m.cast_unsigned()),
                    _ => {}
                }
                if m == n { Why::Same } else { Why::Not }
            }
            (Value::Text(m), Value::Text(n)) => self.text(role(name, decl.tag), (id, m), (id, n)),
            (Value::TextAt(s, m), Value::TextAt(t, n)) if s == t => self.text_at(role(name, decl.tag), s, m, n),
            (Value::TextIndex(m), Value::TextIndex(n)) => self.text_index(pair, role(name, decl.tag), m, n),
            (Value::Entry(m), Value::Entry(n)) => {
                if matches!(name, 0x47 | 0x31) {
                    together.origin = Some(m);
                }
                return self.entry(id, at, Sides::new(m, n));
            }
            (Value::AnyEntry(m), Value::AnyEntry(n)) => {
                self.across.push(Reference { id, at, to: Sides::new(m, n) });
                return;
            }
            (Value::Offset(m), Value::Offset(n)) => match self.offset(pair, name, m, n, &at, together) {
                Some(why) => why,
                None => return,
            },
            (Value::List(m), Value::List(n)) => {
                let id = if name == 0x55 { Id::RngLists } else { Id::LocLists };
                if name != 0x55 {
                    together.location = None;
                }
                self.list_index(pair, id, m, n)
            }
            (Value::Block(m), Value::Block(n)) => {
                let described = specs.0.form == 0x18 || pair.units.shipped.version < 4 && name != 0x1c;
                if matches!(name, 0x7e | 0x2111) && self.line_argument(pair, &at, (&m, &n)) {
                    return;
                }
                self.marks.mark(id, at.shipped.start..m.start, at.rebuilt.start..n.start, Why::Same);
                if described {
                    return self.expression(pair, id, m, n);
                }
                return self.marks.mark(id, m, n, Why::Same);
            }
            (Value::Plain, Value::Plain) => Why::Same,
            _ => Why::Not,
        };
        self.marks.mark(id, at.shipped, at.rebuilt, why);
    }

    /// Compares offsets of an attribute; `None` when what they lead to is looked at later.
    fn offset(&mut self, pair: &mut Pair, name: u64, m: u64, n: u64, at: &Sides<Range<usize>>, together: &mut Together) -> Option<Why> {
        let new = pair.units.shipped.version >= 5;
        Some(match name {
            0x10 => {
                pair.files = self.line_program(pair, m, n);
                if pair.files.is_some() { Why::Follows(Id::Line) } else { Why::Not }
            }
            0x55 => self.list(pair, if new { Id::RngLists } else { Id::Ranges }, m, n),
            0x02 | 0x19 | 0x2a | 0x38 | 0x40 | 0x46 | 0x48 | 0x4a | 0x4d => {
                together.location = Some(Sides::new(m, n));
                self.list(pair, if new { Id::LocLists } else { Id::Loc }, m, n)
            }
            0x72 => Why::Follows(Id::StrOffsets),
            0x73 | 0x2133 => Why::Follows(Id::Addr),
            0x74 => Why::Follows(Id::RngLists),
            0x8c => Why::Follows(Id::LocLists),
            0x2137 => {
                together.views = Some((Sides::new(m, n), at.clone()));
                return None;
            }
            _ => {
                // It leads to what is not walked: equal is the same only while nothing moves.
                self.opaque.push((pair.units.shipped.id, at.clone()));
                Why::Same
            }
        })
    }

    /// Compares what the indices of two texts lead to, and marks the offsets where they are.
    fn text_index(&mut self, pair: &Pair, role: Role, old: u64, new: u64) -> Why {
        let x = self.tables(Side::Shipped).text_index(&pair.units.shipped, &pair.roots.shipped, old);
        let y = self.tables(Side::Rebuilt).text_index(&pair.units.rebuilt, &pair.roots.rebuilt, new);
        let (Some((m, from)), Some((n, to))) = (x, y) else { return Why::Not };
        let why = self.text_at(role, Id::Str, m, n);
        self.marks.mark(Id::StrOffsets, from, to, why);
        if why == Why::Not { why } else { Why::Follows(Id::StrOffsets) }
    }

    /// What needs more than one attribute: lines belong to files, and views to locations.
    fn together(&mut self, pair: &Pair, all: Together) {
        let id = pair.units.shipped.id;
        for line in all.lines {
            let own = if line.name == 0x59 { all.called } else { all.declared };
            let file = own.or_else(|| all.origin.and_then(|at| self.file_of(pair, at)));
            let key = file.and_then(|f| pair.files.as_ref()?.key(f));
            let (m, n) = (line.values.0.cast_unsigned(), line.values.1.cast_unsigned());
            let why = match key {
                _ if m == n && !line.widened => Why::Same,
                Some(_) => Why::Because(Cause::LineShift),
                None => Why::Not,
            };
            if line.widened {
                self.maps.widened(line.id, line.at.shipped.clone(), line.at.rebuilt.clone());
            }
            if let Some(key) = key {
                let place = (line.id, line.at.shipped.clone(), line.at.rebuilt.clone());
                self.maps.note(key, m, n, Some(place));
            }
            self.marks.mark(line.id, line.at.shipped, line.at.rebuilt, why);
        }
        if let Some((to, at)) = all.views {
            let section = if pair.units.shipped.version >= 5 { Id::LocLists } else { Id::Loc };
            let why = all.location.map_or(Why::Not, |location| self.views(section, to, location));
            self.marks.mark(id, at.shipped, at.rebuilt, why);
        }
    }

    /// Whether an argument of a call is the line that the call stands on: `__LINE__` as assertions pass it.
    fn line_argument(&mut self, pair: &Pair, at: &Sides<Range<usize>>, content: (&Range<usize>, &Range<usize>)) -> bool {
        let id = pair.units.shipped.id;
        let constant = |walk: &Self, side: Side, range: &Range<usize>| {
            let mut c = walk.cursor(side, id, range.start, range.end);
            let value = match *c.take(1)?.first()? {
                op @ 0x30..=0x4f => u64::from(op - 0x30),
                0x08 => c.int(1)?,
                0x09 => c.int(1).filter(|n| *n < 0x80)?,
                0x0a => c.int(2)?,
                0x0b => c.int(2).filter(|n| *n < 0x8000)?,
                0x0c => c.int(4)?,
                0x10 => c.uleb()?,
                _ => return None,
            };
            (c.at == range.end).then_some(value)
        };
        let (Some(m), Some(n)) = (constant(self, Side::Shipped, content.0), constant(self, Side::Rebuilt, content.1)) else { return false };
        let Some(call) = self.call.filter(|_| m != n) else { return false };
        let before = call.map(|to| to.wrapping_sub(1));
        let found = if self.end_address(call.shipped, call.rebuilt) == Why::Not {
            None
        } else {
            self.lines_at(pair, before.shipped, before.rebuilt)
        };
        let Some((key, _)) = found.filter(|(_, lines)| *lines == Sides::new(m, n)) else { return false };
        self.maps.note(key, m, n, Some((id, at.shipped.clone(), at.rebuilt.clone())));
        self.marks.mark(id, at.shipped.clone(), at.rebuilt.clone(), Why::Because(Cause::LineShift));
        true
    }

    /// View numbers stand before the location list that they belong to.
    fn views(&mut self, id: Id, from: Sides<u64>, to: Sides<u64>) -> Why {
        let range = |from: u64, to: u64| Some(usize::try_from(from).ok()?..usize::try_from(to).ok()?).filter(|r| r.start <= r.end);
        let (Some(x), Some(y)) = (range(from.shipped, to.shipped), range(from.rebuilt, to.rebuilt)) else { return Why::Not };
        let small = x.len() == y.len() && self.spend(x.len()).is_some();
        if !small || self.marks.bytes(Side::Shipped, id).get(x.clone()) != self.marks.bytes(Side::Rebuilt, id).get(y.clone()) {
            self.marks.mark(id, x, y, Why::Not);
            return Why::Not;
        }
        self.marks.mark(id, x, y, Why::Same);
        Why::Follows(id)
    }

    /// The file that the entry at that offset of the shipped unit, or the one it comes from, was declared in.
    fn file_of(&mut self, pair: &Pair, mut at: u64) -> Option<u64> {
        let unit = &pair.units.shipped;
        for _ in 0..4 {
            let start = unit.start.checked_add(usize::try_from(at).ok()?).filter(|s| *s >= unit.entries)?;
            let mut c = self.cursor(Side::Shipped, unit.id, start, unit.end);
            let code = c.uleb()?;
            let (_, decl) = pair.tables.tables.shipped.get(code)?;
            let mut next = None;
            for spec in &decl.attrs {
                self.spend(1)?;
                match (spec.name, value(&mut c, spec, unit)?) {
                    (0x3a, Value::Number(n)) => return Some(n.cast_unsigned()),
                    (0x47 | 0x31, Value::Entry(n)) => next = Some(n),
                    _ => {}
                }
            }
            at = next?;
        }
        None
    }
}

/// What the text of an attribute may differ by.
fn role(name: u64, tag: u64) -> Role {
    match name {
        0x1b | 0x76 | 0x2130 | 0x3e00 | 0x3e02 => Role::Path,
        0x03 if matches!(tag, 0x11 | 0x3c | 0x41 | 0x4a) => Role::Path,
        0x25 | 0x3fe2 => Role::Producer,
        _ => Role::Plain,
    }
}

/// The offset in the rebuilt unit that an offset in the shipped one has become.
pub(super) fn counterpart(breaks: &Breaks, offset: u64) -> Option<u64> {
    let at = usize::try_from(offset).ok()?;
    let (from, to) = breaks.get(breaks.partition_point(|(from, _)| *from <= at).checked_sub(1)?)?;
    to.checked_add(at - from).map(|n| n as u64)
}
