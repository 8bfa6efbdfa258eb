//! Line number programs as they are (DWARF 5, 6.2): the fields of the header, and the machine that makes rows.

use std::ops::Range;

use super::abbrev::Spec;
use super::cursor::Cursor;
use super::marks::Id;
use super::unit::{Root, Tables, Unit, Value, value};

/// What a field of a header is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Length,
    Plain,
    Text(Id),
    /// An offset of a text in that section.
    TextAt(Id),
    /// The checksum of the file with that index.
    Sum(usize),
}

/// Bytes of texts elsewhere that one header may name: all of its entries may name one long text.
const MAX_TEXTS: usize = 64 << 20;

pub(super) struct Field {
    pub(super) part: Part,
    pub(super) at: Range<usize>,
    pub(super) value: u64,
}

#[derive(Clone, Default)]
pub(super) struct Name {
    pub(super) text: Vec<u8>,
    pub(super) folder: u64,
}

pub(super) struct Header {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) program: usize,
    pub(super) version: u64,
    min: u64,
    pub(super) operations: u64,
    pub(super) statement: bool,
    line_base: i64,
    pub(super) line_range: u64,
    opcode_base: u8,
    /// Numbers of operands of the standard opcodes.
    pub(super) lengths: Vec<u8>,
    pub(super) fields: Vec<Field>,
    pub(super) folders: Vec<Vec<u8>>,
    pub(super) files: Vec<Name>,
    /// Bytes of texts elsewhere that it names.
    texts: usize,
}

impl Header {
    pub(super) fn read(c: &mut Cursor<'_>, unit: &Unit, tables: &Tables<'_>) -> Option<Self> {
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
            texts: 0,
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

    /// Bytes that are read for it.
    pub(super) fn weight(&self) -> usize {
        self.program.saturating_sub(self.start).saturating_add(self.texts)
    }

    fn push(&mut self, part: Part, at: Range<usize>, value: u64) {
        self.fields.push(Field { part, at, value });
    }

    /// The folders or the files of DWARF 5, as their formats describe them.
    fn table(&mut self, c: &mut Cursor<'_>, unit: &Unit, tables: &Tables<'_>, folders: bool) -> Option<()> {
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
                let text = || tables.text(unit, &Root::default(), &value);
                match (format.name, &value) {
                    (1, Value::Text(range)) => {
                        entry.text = c.data.get(range.clone())?.to_vec();
                        self.push(Part::Text(Id::Line), at..c.at, 0);
                    }
                    (1, Value::TextAt(id, offset)) => {
                        let text = tables.section(*id).get(text()?.1)?;
                        self.texts = self.texts.checked_add(text.len()).filter(|all| *all <= MAX_TEXTS)?;
                        entry.text = text.to_vec();
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
            c.uleb()?;
            c.uleb()?;
            self.push(Part::Plain, at..c.at, 0);
            self.files.push(Name { text: c.data.get(text)?.to_vec(), folder });
        }
    }
}

/// The registers of the machine (DWARF 5, 6.2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) address: u64,
    pub(super) file: u64,
    pub(super) line: u64,
    pub(super) column: u64,
    pub(super) statement: bool,
    /// Basic block, end of prologue, start of epilogue.
    pub(super) flags: u8,
    pub(super) isa: u64,
    pub(super) discriminator: u64,
    pub(super) end: bool,
}

impl Row {
    pub(super) fn new(header: &Header) -> Self {
        Self { address: 0, file: 1, line: 1, column: 0, statement: header.statement, flags: 0, isa: 0, discriminator: 0, end: false }
    }
}

/// One side's run of a program.
pub(super) struct Machine<'a> {
    header: &'a Header,
    pub(super) c: Cursor<'a>,
    pub(super) row: Row,
    /// Instructions since the last row that are neither about addresses nor about lines.
    pub(super) rest: Vec<u8>,
    /// Whether an address was set since the last row.
    pub(super) set: bool,
    /// Whether a number since the last row is longer than it need be.
    pub(super) padded: bool,
}

impl<'a> Machine<'a> {
    pub(super) fn new(header: &'a Header, c: Cursor<'a>) -> Self {
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
    pub(super) fn next(&mut self) -> Option<bool> {
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
