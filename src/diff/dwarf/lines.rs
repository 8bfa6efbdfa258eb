//! Line number programs of both sides: the header field by field, the program instruction by instruction. Rows are compared
//! as both sides come to them, so that every byte between two rows belongs to a row.

use std::sync::Arc;

use super::marks::{Id, Why};
use super::program::{Header, Machine, Part, Row};
use super::walk::{Pair, Role, Walk};
use crate::model::{Cause, Side, Sides};

/// The files of a pair of line programs.
pub(super) struct Files {
    /// The number of each file in the maps of lines; `None` for an index that has no file.
    keys: Vec<Option<usize>>,
}

impl Files {
    pub(super) fn key(&self, index: u64) -> Option<usize> {
        *self.keys.get(usize::try_from(index).ok()?)?
    }
}

/// Bytes of headers that count as one row.
const HEADER: usize = 32;
/// Bytes of instructions that count as one row more: most rows take fewer.
const LONG: usize = 16;

/// What two programs say of addresses, and where the programs are.
pub(super) type Rows = ((u64, u64), Sides<Vec<Span>>);

/// Addresses of one line.
pub(super) struct Span {
    from: u64,
    to: u64,
    file: u64,
    line: u64,
}

impl Walk<'_> {
    /// Compares two line programs; `None` when they cannot be read or have another form.
    pub(super) fn line_program(&mut self, pair: &Pair, old: u64, new: u64) -> Option<Arc<Files>> {
        if let Some(known) = self.programs.get(&(old, new)) {
            return known.clone();
        }
        let files = self.compare_programs(pair, old, new).map(Arc::new);
        self.programs.insert((old, new), files.clone());
        files
    }

    /// The file and the lines that the line programs of both sides give for two addresses; `None` unless it is one file.
    pub(super) fn lines_at(&mut self, pair: &Pair, old: u64, new: u64) -> Option<(usize, Sides<u64>)> {
        let files = pair.files.clone()?;
        let programs = (pair.roots.shipped.lines?, pair.roots.rebuilt.lines?);
        if self.rows.as_ref().is_none_or(|(known, _)| *known != programs) {
            let rows = Sides::new(self.rows_of(pair, Side::Shipped, programs.0)?, self.rows_of(pair, Side::Rebuilt, programs.1)?);
            self.rows = Some((programs, rows));
        }
        let rows = &self.rows.as_ref()?.1;
        let at = |side: Side, address: u64| {
            let rows = rows.get(side);
            rows.get(rows.partition_point(|r| r.from <= address).checked_sub(1)?).filter(|r| address < r.to).map(|r| (r.file, r.line))
        };
        let (x, y) = (at(Side::Shipped, old)?, at(Side::Rebuilt, new)?);
        let key = files.key(x.0)?;
        (x.0 == y.0).then_some((key, Sides::new(x.1, y.1)))
    }

    /// Which addresses have which line, by address.
    fn rows_of(&mut self, pair: &Pair, side: Side, at: u64) -> Option<Vec<Span>> {
        let bytes = self.marks.bytes(side, Id::Line);
        let mut c = self.cursor(side, Id::Line, usize::try_from(at).ok()?, bytes.len());
        let header = Header::read(&mut c, pair.units.get(side), &self.tables(side))?;
        self.spend(header.weight() / HEADER)?;
        if header.line_range == 0 || header.operations > 1 {
            return None;
        }
        let mut machine = Machine::new(&header, self.cursor(side, Id::Line, header.program, header.end));
        let mut out: Vec<Span> = Vec::new();
        let mut before: Option<Row> = None;
        let mut from = machine.c.at;
        while machine.next()? {
            self.spend(1 + machine.c.at.saturating_sub(from) / LONG)?;
            from = machine.c.at;
            if let Some(last) = before.filter(|r| r.address < machine.row.address) {
                out.push(Span { from: last.address, to: machine.row.address, file: last.file, line: last.line });
            }
            before = (!machine.row.end).then(|| machine.row.clone());
        }
        out.sort_by_key(|s| s.from);
        Some(out)
    }

    fn compare_programs(&mut self, pair: &Pair, old: u64, new: u64) -> Option<Files> {
        let header = |walk: &Self, side: Side, at: u64| {
            let bytes = walk.marks.bytes(side, Id::Line);
            let mut c = walk.cursor(side, Id::Line, usize::try_from(at).ok()?, bytes.len());
            Header::read(&mut c, pair.units.get(side), &walk.tables(side))
        };
        let (Some(one), Some(two)) = (header(self, Side::Shipped, old), header(self, Side::Rebuilt, new)) else {
            // What is read in vain is counted too.
            let sizes = [Side::Shipped, Side::Rebuilt].map(|side| self.marks.bytes(side, Id::Line).len());
            self.spend(sizes.iter().sum());
            return None;
        };
        self.spend(one.fields.len() + two.fields.len() + (one.weight() + two.weight()) / HEADER)?;
        let alike = one.fields.len() == two.fields.len() && one.fields.iter().zip(&two.fields).all(|(x, y)| x.part == y.part);
        if !alike || one.lengths != two.lengths {
            self.marks.mark(Id::Line, one.start..one.end, two.start..two.end, Why::Not);
            return None;
        }
        let keys = self.file_keys(pair, &one);
        let mut sums = Vec::new();
        for (x, y) in one.fields.iter().zip(&two.fields) {
            let why = match x.part {
                Part::Length => Why::Follows(Id::Line),
                Part::Plain => Why::Same,
                Part::Text(id) => self.text(Role::Path, (id, x.at.start..x.at.end - 1), (id, y.at.start..y.at.end - 1)),
                Part::TextAt(id) => self.text_at(Role::Path, id, x.value, y.value),
                Part::Sum(file) => {
                    sums.push((file, x.at.clone(), y.at.clone()));
                    continue;
                }
            };
            self.marks.mark(Id::Line, x.at.clone(), y.at.clone(), why);
        }
        for (file, x, y) in sums {
            let bytes =
                (self.marks.bytes(Side::Shipped, Id::Line).get(x.clone()), self.marks.bytes(Side::Rebuilt, Id::Line).get(y.clone()));
            match keys.key(file as u64) {
                Some(key) if bytes.0 != bytes.1 => self.maps.sum(key, x, y),
                _ => self.marks.mark(Id::Line, x, y, Why::Same),
            }
        }
        self.run(&one, &two, &keys);
        Some(keys)
    }

    /// The files' numbers in the maps: named by folder and name, the build's folder taken out.
    fn file_keys(&mut self, pair: &Pair, header: &Header) -> Files {
        let mut keys = Vec::new();
        for (index, file) in header.files.iter().enumerate() {
            if header.version < 5 && index == 0 {
                keys.push(None);
                continue;
            }
            let own = &pair.roots.shipped.folder;
            let folder = usize::try_from(file.folder).ok().and_then(|i| header.folders.get(i)).filter(|f| !f.is_empty()).unwrap_or(own);
            let absolute = |path: &[u8]| path.first() == Some(&b'/');
            let mut path = Vec::new();
            if !absolute(&file.text) {
                if !absolute(folder) && !own.is_empty() {
                    path.extend_from_slice(own);
                    path.push(b'/');
                }
                path.extend_from_slice(folder);
                path.push(b'/');
            }
            path.extend_from_slice(&file.text);
            while path.starts_with(b"./") {
                path.drain(..2);
            }
            // Each file may stand in one folder with a long name; the first time it is kept.
            let (size, before) = (path.len(), self.maps.count());
            let key = self.maps.file(path);
            keys.push(Some(key));
            let cost = if self.maps.count() > before { size } else { size / HEADER };
            if self.spend(cost).is_none() {
                break;
            }
        }
        Files { keys }
    }

    /// Runs both programs row by row.
    fn run(&mut self, one: &Header, two: &Header, files: &Files) {
        let refuse = |walk: &mut Self, x: usize, y: usize| walk.marks.mark(Id::Line, x..one.end, y..two.end, Why::Not);
        if one.line_range == 0 || two.line_range == 0 || one.operations > 1 || two.operations > 1 {
            return refuse(self, one.program, two.program);
        }
        let mut x = Machine::new(one, self.cursor(Side::Shipped, Id::Line, one.program, one.end));
        let mut y = Machine::new(two, self.cursor(Side::Rebuilt, Id::Line, two.program, two.end));
        let mut anchor: Option<Sides<u64>> = None;
        let mut before = (x.row.clone(), y.row.clone());
        loop {
            let (from, to) = (x.c.at, y.c.at);
            let (more, other) = (x.next(), y.next());
            let bytes = x.c.at.saturating_sub(from).saturating_add(y.c.at.saturating_sub(to));
            if more.is_none() || more != other || self.spend(1 + bytes / LONG).is_none() {
                return refuse(self, from, to);
            }
            let (old, new) = (from..x.c.at, to..y.c.at);
            if more == Some(false) {
                return self.marks.mark(Id::Line, old, new, Why::Same);
            }
            let (m, n) = (&x.row, &y.row);
            let alike = (m.file, m.column, m.statement, m.flags, m.isa, m.discriminator, m.end)
                == (n.file, n.column, n.statement, n.flags, n.isa, n.discriminator, n.end);
            let set = x.set || y.set;
            if set {
                anchor = None;
            }
            let reached = anchor.is_some_and(|a| m.address.wrapping_sub(a.shipped) == n.address.wrapping_sub(a.rebuilt));
            let placed = reached || (self.places.same)(m.address, n.address);
            if !reached && placed {
                anchor = Some(Sides::new(m.address, n.address));
            }
            // How far each row is from the one before decides what the bytes between them can differ by.
            let shifted = m.line.wrapping_sub(before.0.line) != n.line.wrapping_sub(before.1.line);
            let moved = set || m.address.wrapping_sub(before.0.address) != n.address.wrapping_sub(before.1.address);
            let cause = if shifted {
                Some(Cause::LineShift)
            } else if moved {
                Some(Cause::AddressShift)
            } else {
                None
            };
            let tidy = x.rest == y.rest && !x.padded && !y.padded;
            let differs =
                self.marks.bytes(Side::Shipped, Id::Line).get(old.clone()) != self.marks.bytes(Side::Rebuilt, Id::Line).get(new.clone());
            let why = match cause {
                _ if !alike || !placed || (m.end && shifted) => Why::Not,
                _ if !differs => Why::Same,
                Some(cause) if tidy => Why::Because(cause),
                _ => Why::Not,
            };
            self.marks.mark(Id::Line, old.clone(), new.clone(), why);
            let (key, last) = (files.key(m.file), files.key(before.0.file));
            if !m.end {
                match key {
                    Some(key) => self.maps.note(key, m.line, n.line, Some((Id::Line, old.clone(), new.clone()))),
                    // Lines of no file are nowhere.
                    None if m.line != n.line => self.marks.mark(Id::Line, old.clone(), new.clone(), Why::Not),
                    None => {}
                }
            }
            if differs && m.line == n.line && before.0.line != before.1.line {
                // The bytes go back from a moved line: they stand or fall with it.
                match last {
                    Some(last) => self.maps.note(last, before.0.line, before.1.line, Some((Id::Line, old, new))),
                    None => self.marks.mark(Id::Line, old, new, Why::Not),
                }
            }
            before = if m.end { (Row::new(one), Row::new(two)) } else { (m.clone(), n.clone()) };
        }
    }
}
