//! Line number programs (DWARF 5, 6.2): the header field by field, the program instruction by instruction. Rows are compared
//! as both sides come to them, so that every byte between two rows belongs to a row.

use std::ops::Range;
use std::rc::Rc;

use super::abbrev::Spec;
use super::cursor::Cursor;
use super::marks::{Id, Why};
use super::unit::{Unit, Value, value};
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

/// What a field of a header is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Length,
    Plain,
    Text(Id),
    /// An offset of a text in that section.
    TextAt(Id),
    /// The checksum of the file with that index.
    Sum(usize),
}

struct Field {
    part: Part,
    at: Range<usize>,
    value: u64,
}

#[derive(Clone, Default)]
struct Name {
    text: Vec<u8>,
    folder: u64,
}

struct Header {
    start: usize,
    end: usize,
    program: usize,
    version: u64,
    min: u64,
    operations: u64,
    statement: bool,
    line_base: i64,
    line_range: u64,
    opcode_base: u8,
    /// Numbers of operands of the standard opcodes.
    lengths: Vec<u8>,
    fields: Vec<Field>,
    folders: Vec<Vec<u8>>,
    files: Vec<Name>,
}

impl Header {
    fn read(c: &mut Cursor<'_>, unit: &Unit, tables: &super::unit::Tables<'_>) -> Option<Self> {
        let start = c.at;
        let (wide, end) = c.length()?;
        let mut fields = vec![Field { part: Part::Length, at: start..c.at, value: 0 }];
        let mut int = |c: &mut Cursor<'_>, size, part| {
            let at = c.at;
            let value = c.int(size)?;
            fields.push(Field { part, at: at..c.at, value });
            Some(value)
        };
        let version = int(c, 2, Part::Plain)?;
        if !(2..=5).contains(&version) {
            return None;
        }
        if version == 5 {
            int(c, 2, Part::Plain)?;
        }
        let length = int(c, wide, Part::Length)?;
        let program = c.at.checked_add(usize::try_from(length).ok()?).filter(|p| *p <= end)?;
        let min = int(c, 1, Part::Plain)?;
        let operations = if version >= 4 { int(c, 1, Part::Plain)? } else { 1 };
        let statement = int(c, 1, Part::Plain)? != 0;
        let line_base = i64::from(int(c, 1, Part::Plain)? as u8 as i8);
        let line_range = int(c, 1, Part::Plain)?;
        let opcode_base = int(c, 1, Part::Plain)? as u8;
        let at = c.at;
        let lengths = c.take(usize::from(opcode_base.checked_sub(1)?))?.to_vec();
        fields.push(Field { part: Part::Plain, at: at..c.at, value: 0 });
        let mut header = Self {
            start,
            end,
            program,
            version,
            min,
            operations,
            statement,
            line_base,
            line_range,
            opcode_base,
            lengths,
            fields,
            folders: Vec::new(),
            files: Vec::new(),
        };
        let table = Unit { wide, version: version as u16, id: Id::Line, ..unit.clone() };
        if version == 5 {
            header.table(c, &table, tables, true)?;
            header.table(c, &table, tables, false)?;
        } else {
            header.old_tables(c)?;
        }
        if c.at > program {
            return None;
        }
        header.fields.push(Field { part: Part::Plain, at: c.at..program, value: 0 });
        Some(header)
    }

    fn push(&mut self, part: Part, at: Range<usize>, value: u64) {
        self.fields.push(Field { part, at, value });
    }

    /// The folders or the files of DWARF 5, as their formats describe them.
    fn table(&mut self, c: &mut Cursor<'_>, unit: &Unit, tables: &super::unit::Tables<'_>, folders: bool) -> Option<()> {
        let from = c.at;
        let count = c.int(1)?;
        let mut formats = Vec::new();
        for _ in 0..count {
            let (name, form) = (c.uleb()?, c.uleb()?);
            formats.push(Spec { name, form, implicit: 0, at: 0..0, value: 0..0 });
        }
        let entries = c.uleb()?;
        self.push(Part::Plain, from..c.at, 0);
        // Entries without any content would be counted without end.
        if formats.is_empty() && entries > 0 || entries > c.data.len() as u64 {
            return None;
        }
        for index in 0..usize::try_from(entries).ok()? {
            let mut entry = Name::default();
            for format in &formats {
                let at = c.at;
                let value = value(c, format, unit)?;
                if c.at == at {
                    return None;
                }
                let text = || tables.text(unit, &super::unit::Root::default(), &value);
                match (format.name, &value) {
                    (1, Value::Text(range)) => {
                        entry.text = c.data.get(range.clone())?.to_vec();
                        self.push(Part::Text(Id::Line), at..c.at, 0);
                    }
                    (1, Value::TextAt(id, offset)) => {
                        entry.text = tables.section(*id).get(text()?.1)?.to_vec();
                        self.push(Part::TextAt(*id), at..c.at, *offset);
                    }
                    (2, Value::Number(n)) => {
                        entry.folder = n.cast_unsigned();
                        self.push(Part::Plain, at..c.at, 0);
                    }
                    (5, Value::Plain) if !folders => self.push(Part::Sum(index), at..c.at, 0),
                    (_, Value::Number(_) | Value::Text(_) | Value::Plain | Value::Block(_)) => self.push(Part::Plain, at..c.at, 0),
                    _ => return None,
                }
            }
            if folders {
                self.folders.push(entry.text);
            } else {
                self.files.push(entry);
            }
        }
        Some(())
    }

    /// The folders and files before DWARF 5; both count from one.
    fn old_tables(&mut self, c: &mut Cursor<'_>) -> Option<()> {
        self.folders.push(Vec::new());
        self.files.push(Name::default());
        loop {
            let at = c.at;
            let text = c.text()?;
            let empty = text.is_empty();
            self.push(if empty { Part::Plain } else { Part::Text(Id::Line) }, at..c.at, 0);
            if empty {
                break;
            }
            self.folders.push(c.data.get(text)?.to_vec());
        }
        loop {
            let at = c.at;
            let text = c.text()?;
            let empty = text.is_empty();
            self.push(if empty { Part::Plain } else { Part::Text(Id::Line) }, at..c.at, 0);
            if empty {
                return Some(());
            }
            let at = c.at;
            let folder = c.uleb()?;
            (c.uleb()?, c.uleb()?);
            self.push(Part::Plain, at..c.at, 0);
            self.files.push(Name { text: c.data.get(text)?.to_vec(), folder });
        }
    }
}

/// The registers of the machine (DWARF 5, 6.2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    address: u64,
    file: u64,
    line: u64,
    column: u64,
    statement: bool,
    /// Basic block, end of prologue, start of epilogue.
    flags: u8,
    isa: u64,
    discriminator: u64,
    end: bool,
}

impl Row {
    fn new(header: &Header) -> Self {
        Self { address: 0, file: 1, line: 1, column: 0, statement: header.statement, flags: 0, isa: 0, discriminator: 0, end: false }
    }
}

/// Addresses of one line.
pub(super) struct Span {
    from: u64,
    to: u64,
    file: u64,
    line: u64,
}

/// One side's run of a program.
struct Machine<'a> {
    header: &'a Header,
    c: Cursor<'a>,
    row: Row,
    /// Instructions since the last row that are neither about addresses nor about lines.
    rest: Vec<u8>,
    /// Whether an address was set since the last row.
    set: bool,
    /// Whether a number since the last row is longer than it need be.
    padded: bool,
}

impl<'a> Machine<'a> {
    fn new(header: &'a Header, c: Cursor<'a>) -> Self {
        Self { header, c, row: Row::new(header), rest: Vec::new(), set: false, padded: false }
    }

    fn number(&mut self) -> Option<u64> {
        let from = self.c.at;
        let value = self.c.uleb()?;
        self.padded |= self.c.at > from + 1 && self.c.data.get(self.c.at - 1) == Some(&0);
        Some(value)
    }

    fn signed(&mut self) -> Option<i64> {
        let from = self.c.at;
        let value = self.c.sleb()?;
        let before = self.c.at.checked_sub(2).filter(|at| *at >= from).and_then(|at| self.c.data.get(at)).copied();
        let last = self.c.data.get(self.c.at - 1).copied();
        self.padded |= matches!((before, last), (Some(b), Some(0)) if b & 0x40 == 0)
            || matches!((before, last), (Some(b), Some(0x7f)) if b & 0x40 != 0);
        Some(value)
    }

    fn advance(&mut self, operations: u64) {
        self.row.address = self.row.address.wrapping_add(self.header.min.wrapping_mul(operations));
    }

    /// Runs up to the next row; `Some(false)` at the end of the program.
    fn next(&mut self) -> Option<bool> {
        self.rest.clear();
        (self.set, self.padded) = (false, false);
        if self.row.end {
            self.row = Row::new(self.header);
        }
        self.row.flags = 0;
        self.row.discriminator = 0;
        while self.c.at < self.header.end {
            if self.step()? {
                return Some(true);
            }
        }
        Some(false)
    }

    /// Runs one instruction; `true` when it makes a row.
    fn step(&mut self) -> Option<bool> {
        let from = self.c.at;
        let opcode = *self.c.take(1)?.first()?;
        if opcode >= self.header.opcode_base {
            let adjusted = u64::from(opcode - self.header.opcode_base);
            let line = self.header.line_base + (adjusted % self.header.line_range).cast_signed();
            self.row.line = self.row.line.wrapping_add_signed(line);
            self.advance(adjusted / self.header.line_range);
            return Some(true);
        }
        let mut kept = true;
        match opcode {
            0 => {
                let size = usize::try_from(self.number()?).ok()?;
                let end = self.c.at.checked_add(size).filter(|end| *end <= self.header.end)?;
                let what = *self.c.take(1)?.first()?;
                match what {
                    1 => {
                        self.row.end = true;
                        return (self.c.at == end).then_some(true);
                    }
                    2 => {
                        self.row.address = self.c.int(end.checked_sub(self.c.at)?)?;
                        self.set = true;
                        kept = false;
                    }
                    4 => self.row.discriminator = self.number()?,
                    _ => self.c.at = end,
                }
                if self.c.at != end {
                    return None;
                }
            }
            1 => return Some(true),
            2 => {
                let by = self.number()?;
                self.advance(by);
                kept = false;
            }
            3 => {
                let by = self.signed()?;
                self.row.line = self.row.line.wrapping_add_signed(by);
                kept = false;
            }
            4 => self.row.file = self.number()?,
            5 => self.row.column = self.number()?,
            6 => self.row.statement = !self.row.statement,
            7 => self.row.flags |= 1,
            8 => {
                self.advance(u64::from(255 - self.header.opcode_base) / self.header.line_range);
                kept = false;
            }
            9 => {
                let by = self.c.int(2)?;
                self.row.address = self.row.address.wrapping_add(by);
                kept = false;
            }
            10 => self.row.flags |= 2,
            11 => self.row.flags |= 4,
            12 => self.row.isa = self.number()?,
            other => {
                for _ in 0..*self.header.lengths.get(usize::from(other - 1))? {
                    self.number()?;
                }
            }
        }
        if kept {
            self.rest.extend_from_slice(self.c.data.get(from..self.c.at)?);
        }
        Some(false)
    }
}

impl Walk<'_> {
    /// Compares two line programs; `None` when they cannot be read or have another form.
    pub(super) fn line_program(&mut self, pair: &Pair, old: u64, new: u64) -> Option<Rc<Files>> {
        if let Some(known) = self.programs.get(&(old, new)) {
            return known.clone();
        }
        let files = self.compare_programs(pair, old, new).map(Rc::new);
        self.programs.insert((old, new), files.clone());
        files
    }

    /// The folders and files that a unit's line program names.
    pub(super) fn paths(&self, side: Side, unit: &Unit, root: &super::unit::Root) -> Option<Vec<Vec<u8>>> {
        let bytes = self.marks.bytes(side, Id::Line);
        let mut c = self.cursor(side, Id::Line, usize::try_from(root.lines?).ok()?, bytes.len());
        let header = Header::read(&mut c, unit, &self.tables(side))?;
        Some(header.folders.into_iter().chain(header.files.into_iter().map(|f| f.text)).collect())
    }

    /// The file and the lines that the line programs of both sides give for two addresses; `None` unless it is one file.
    pub(super) fn lines_at(&mut self, pair: &Pair, old: u64, new: u64) -> Option<(usize, Sides<u64>)> {
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
        let key = pair.files.as_ref()?.key(x.0)?;
        (x.0 == y.0).then_some((key, Sides::new(x.1, y.1)))
    }

    /// Which addresses have which line, by address.
    fn rows_of(&mut self, pair: &Pair, side: Side, at: u64) -> Option<Vec<Span>> {
        let bytes = self.marks.bytes(side, Id::Line);
        let mut c = self.cursor(side, Id::Line, usize::try_from(at).ok()?, bytes.len());
        let header = Header::read(&mut c, pair.units.get(side), &self.tables(side))?;
        if header.line_range == 0 || header.operations > 1 {
            return None;
        }
        let mut machine = Machine::new(&header, self.cursor(side, Id::Line, header.program, header.end));
        let mut out: Vec<Span> = Vec::new();
        let mut before: Option<Row> = None;
        while machine.next()? {
            self.spend(1)?;
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
        let (one, two) = (header(self, Side::Shipped, old)?, header(self, Side::Rebuilt, new)?);
        self.spend(one.fields.len() + two.fields.len())?;
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
            keys.push(Some(self.maps.file(path)));
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
            if more.is_none() || more != other || self.spend(1).is_none() {
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
