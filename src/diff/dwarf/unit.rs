//! Units and the values of attributes (DWARF 5, 7.5), with the place of each.

use std::ops::Range;

use super::abbrev::{Spec, Table};
use super::cursor::Cursor;
use super::marks::Id;

/// A unit of `.debug_info` or `.debug_types`.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    pub(super) id: Id,
    pub(super) start: usize,
    pub(super) end: usize,
    /// Where its first entry is.
    pub(super) entries: usize,
    pub(super) version: u16,
    /// `DW_UT_*`; that of a compilation or type unit before DWARF 5.
    pub(super) kind: u8,
    pub(super) address: usize,
    /// Size of an offset: 4 or 8.
    pub(super) wide: usize,
    pub(super) abbrev: u64,
    /// The header's fields, in order.
    pub(super) fields: Vec<(Field, Range<usize>)>,
    pub(super) type_at: u64,
    pub(super) signature: u64,
}

/// What a field of a header is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Length,
    Plain,
    Abbrev,
    /// Offset of the type's entry in the unit.
    Type,
}

impl Unit {
    fn read(c: &mut Cursor<'_>, id: Id) -> Option<Self> {
        let start = c.at;
        let (wide, end) = c.length()?;
        let mut fields = vec![(Field::Length, start..c.at)];
        let mut field = |c: &mut Cursor<'_>, what, size| {
            let from = c.at;
            let value = c.int(size)?;
            fields.push((what, from..c.at));
            Some(value)
        };
        let version = u16::try_from(field(c, Field::Plain, 2)?).ok()?;
        let (mut kind, mut signature, mut type_at) = (if id == Id::Types { 2 } else { 1 }, 0, 0);
        let (abbrev, address) = match version {
            5 => {
                kind = u8::try_from(field(c, Field::Plain, 1)?).ok()?;
                let address = field(c, Field::Plain, 1)?;
                (field(c, Field::Abbrev, wide)?, address)
            }
            2..=4 => {
                let abbrev = field(c, Field::Abbrev, wide)?;
                (abbrev, field(c, Field::Plain, 1)?)
            }
            _ => return None,
        };
        if matches!(kind, 2 | 4 | 5 | 6) {
            signature = field(c, Field::Plain, 8)?;
        }
        if matches!(kind, 2 | 6) {
            type_at = field(c, Field::Type, wide)?;
        }
        let address = usize::try_from(address).ok().filter(|a| matches!(a, 2 | 4 | 8))?;
        if c.at > end || !(1..=6).contains(&kind) {
            return None;
        }
        let entries = c.at;
        c.at = end;
        Some(Self { id, start, end, entries, version, kind, address, wide, abbrev, fields, type_at, signature })
    }

    /// All units of a section, up to the first bytes that are none.
    pub(super) fn all(data: &[u8], id: Id, little: bool) -> Vec<Self> {
        let mut c = Cursor { data, at: 0, little };
        let mut out = Vec::new();
        while c.at < data.len() {
            let Some(unit) = Self::read(&mut c, id) else { break };
            out.push(unit);
        }
        out
    }
}

/// The value of an attribute, as its form gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Address(u64),
    AddressIndex(u64),
    Number(i64),
    /// A text in place, without its NUL.
    Text(Range<usize>),
    TextAt(Id, u64),
    TextIndex(u64),
    /// Offset in the unit.
    Entry(u64),
    /// Offset in `.debug_info`.
    AnyEntry(u64),
    /// Offset in the section that the attribute's name tells.
    Offset(u64),
    /// Index in the offsets of a list table.
    List(u64),
    /// The content of a block, without its length.
    Block(Range<usize>),
    /// Bytes that refer to nothing in this file.
    Plain,
}

/// Reads the value of an attribute.
pub(super) fn value(c: &mut Cursor<'_>, spec: &Spec, unit: &Unit) -> Option<Value> {
    let mut form = spec.form;
    if form == 0x16 {
        form = c.uleb().filter(|f| !matches!(f, 0x16 | 0x21))?;
    }
    let number = |n: u64| Value::Number(n.cast_signed());
    let block = |c: &mut Cursor<'_>, size: u64| {
        let from = c.at;
        c.take(usize::try_from(size).ok()?)?;
        Some(Value::Block(from..c.at))
    };
    Some(match form {
        0x01 => Value::Address(c.int(unit.address)?),
        0x03 => c.int(2).and_then(|n| block(c, n))?,
        0x04 => c.int(4).and_then(|n| block(c, n))?,
        0x0a => c.int(1).and_then(|n| block(c, n))?,
        0x09 | 0x18 => c.uleb().and_then(|n| block(c, n))?,
        0x05 => number(c.int(2)?),
        0x06 => plain_or_offset(unit, spec.name, c.int(4)?),
        0x07 => plain_or_offset(unit, spec.name, c.int(8)?),
        0x0b => number(c.int(1)?),
        0x0d => Value::Number(c.sleb()?),
        0x0f => number(c.uleb()?),
        0x21 => Value::Number(spec.implicit),
        0x0c => c.take(1).map(|_| Value::Plain)?,
        0x19 => Value::Plain,
        0x1e => c.take(16).map(|_| Value::Plain)?,
        0x20 => c.take(8).map(|_| Value::Plain)?,
        0x1c => c.take(4).map(|_| Value::Plain)?,
        0x24 => c.take(8).map(|_| Value::Plain)?,
        // Offsets in a supplementary file.
        0x1d | 0x1f20 | 0x1f21 => c.take(unit.wide).map(|_| Value::Plain)?,
        0x08 => Value::Text(c.text()?),
        0x0e => Value::TextAt(Id::Str, c.int(unit.wide)?),
        0x1f => Value::TextAt(Id::LineStr, c.int(unit.wide)?),
        0x1a | 0x1f02 => Value::TextIndex(c.uleb()?),
        0x25..=0x28 => Value::TextIndex(c.int((form - 0x24) as usize)?),
        0x1b | 0x1f01 => Value::AddressIndex(c.uleb()?),
        0x29..=0x2c => Value::AddressIndex(c.int((form - 0x28) as usize)?),
        0x10 => Value::AnyEntry(c.int(if unit.version == 2 { unit.address } else { unit.wide })?),
        0x11 => Value::Entry(c.int(1)?),
        0x12 => Value::Entry(c.int(2)?),
        0x13 => Value::Entry(c.int(4)?),
        0x14 => Value::Entry(c.int(8)?),
        0x15 => Value::Entry(c.uleb()?),
        0x17 => Value::Offset(c.int(unit.wide)?),
        0x22 | 0x23 => Value::List(c.uleb()?),
        _ => return None,
    })
}

/// Before DWARF 4 a number of four or eight bytes is an offset where the attribute may have one.
fn plain_or_offset(unit: &Unit, name: u64, value: u64) -> Value {
    let may = matches!(name, 0x02 | 0x10 | 0x19 | 0x2a | 0x38 | 0x40 | 0x43 | 0x46 | 0x48 | 0x4a | 0x4d | 0x55 | 0x2119);
    if unit.version < 4 && may { Value::Offset(value) } else { Value::Number(value.cast_signed()) }
}

/// What the first entry of a unit says of all of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Root {
    pub(super) name: Vec<u8>,
    pub(super) folder: Vec<u8>,
    pub(super) low: u64,
    pub(super) strings: Option<u64>,
    pub(super) addresses: Option<u64>,
    pub(super) ranges: Option<u64>,
    pub(super) locations: Option<u64>,
    pub(super) lines: Option<u64>,
    /// How many attributes it has: some take no bytes.
    pub(super) attributes: usize,
}

/// The sections that resolve texts and addresses by an index.
pub(super) struct Tables<'a> {
    pub(super) data: &'a [&'a [u8]; 13],
    /// Where the last text of each section ends.
    pub(super) texts: &'a [usize; 13],
    pub(super) little: bool,
}

impl<'a> Tables<'a> {
    pub(super) fn section(&self, id: Id) -> &'a [u8] {
        self.data.get(id as usize).copied().unwrap_or_default()
    }

    fn entry(&self, id: Id, base: u64, index: u64, size: usize) -> Option<(u64, Range<usize>)> {
        let at = usize::try_from(base.checked_add(index.checked_mul(size as u64)?)?).ok()?;
        let mut c = Cursor { data: self.section(id), at, little: self.little };
        let value = c.int(size)?;
        Some((value, at..c.at))
    }

    /// Where the offset of the text with that index is, and the offset.
    pub(super) fn text_index(&self, unit: &Unit, root: &Root, index: u64) -> Option<(u64, Range<usize>)> {
        let base = root.strings.or((unit.version < 5).then_some(0))?;
        self.entry(Id::StrOffsets, base, index, unit.wide)
    }

    /// Where the address with that index is, and the address.
    pub(super) fn address_index(&self, unit: &Unit, root: &Root, index: u64) -> Option<(u64, Range<usize>)> {
        self.entry(Id::Addr, root.addresses?, index, unit.address)
    }

    /// Where the offset of the list with that index is, and where the list is.
    pub(super) fn list_index(&self, id: Id, unit: &Unit, base: Option<u64>, index: u64) -> Option<(u64, Range<usize>)> {
        let base = base?;
        let (offset, at) = self.entry(id, base, index, unit.wide)?;
        Some((base.checked_add(offset)?, at))
    }

    /// The range of the text at an offset, without its NUL.
    pub(super) fn text_at(&self, id: Id, offset: u64) -> Option<Range<usize>> {
        let at = usize::try_from(offset).ok().filter(|at| self.texts.get(id as usize).is_some_and(|end| at < end))?;
        Cursor { data: self.section(id), at, little: self.little }.text()
    }

    /// Where the text of a value is.
    pub(super) fn text(&self, unit: &Unit, root: &Root, value: &Value) -> Option<(Id, Range<usize>)> {
        match value {
            Value::Text(range) => Some((unit.id, range.clone())),
            Value::TextAt(id, offset) => Some((*id, self.text_at(*id, *offset)?)),
            Value::TextIndex(index) => {
                let (offset, _) = self.text_index(unit, root, *index)?;
                Some((Id::Str, self.text_at(Id::Str, offset)?))
            }
            _ => None,
        }
    }

    /// Reads the first entry.
    pub(super) fn root(&self, unit: &Unit, table: &Table) -> Option<Root> {
        let mut c = Cursor { data: self.section(unit.id).get(..unit.end)?, at: unit.entries, little: self.little };
        let mut root = Root::default();
        if c.at == unit.end {
            return Some(root);
        }
        let code = c.uleb()?;
        let Some((_, decl)) = table.get(code) else { return if code == 0 { Some(root) } else { None } };
        root.attributes = decl.attrs.len();
        let mut texts = Vec::new();
        let mut low = None;
        for spec in &decl.attrs {
            let value = value(&mut c, spec, unit)?;
            match (spec.name, &value) {
                (0x03 | 0x1b, _) => texts.push((spec.name, value)),
                (0x11, _) => low = Some(value),
                (0x10, Value::Offset(n)) => root.lines = Some(*n),
                (0x72, Value::Offset(n)) => root.strings = Some(*n),
                (0x73 | 0x2133, Value::Offset(n)) => root.addresses = Some(*n),
                (0x74, Value::Offset(n)) => root.ranges = Some(*n),
                (0x8c, Value::Offset(n)) => root.locations = Some(*n),
                _ => {}
            }
        }
        root.low = match low {
            Some(Value::Address(n)) => n,
            Some(Value::AddressIndex(n)) => self.address_index(unit, &root, n).map_or(0, |(n, _)| n),
            _ => 0,
        };
        for (name, value) in texts {
            let text = self.text(unit, &root, &value).and_then(|(id, range)| self.section(id).get(range)).unwrap_or_default().to_vec();
            *(if name == 0x03 { &mut root.name } else { &mut root.folder }) = text;
        }
        Some(root)
    }
}
