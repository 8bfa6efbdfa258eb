//! Relocatable objects (`ET_REL`): their symbols, and the places that a linker fills in (gABI, "Relocation"; x86-64 psABI).

use std::collections::{BTreeMap, BTreeSet};

use super::exe::{Exe, Format, Names};

/// Symbols and relocations that are read at most, of each.
const MAX_ENTRIES: usize = 2_000_000;
/// The first of the section numbers that are none.
const RESERVED: u64 = 0xff00;

/// A symbol of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Symbol {
    pub(crate) name: Vec<u8>,
    /// Binding in the upper, type in the lower four bits.
    pub(crate) info: u8,
    pub(crate) other: u8,
    /// Number of its section, 0 for one that another file defines; from 0xff00 on the number says something else.
    pub(crate) section: u64,
    pub(crate) value: u64,
    pub(crate) size: u64,
}

impl Symbol {
    pub(crate) fn is_local(&self) -> bool {
        self.info >> 4 == 0
    }

    /// Whether it stands for a whole section.
    pub(crate) fn is_section(&self) -> bool {
        self.info & 15 == 3
    }

    /// The section that it is in.
    pub(crate) fn place(&self) -> Option<usize> {
        usize::try_from(self.section).ok().filter(|_| (1..RESERVED).contains(&self.section))
    }
}

/// One place to fill in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reloc {
    /// From the start of the section.
    pub(crate) offset: u64,
    pub(crate) kind: u32,
    pub(crate) symbol: usize,
    pub(crate) addend: i64,
}

/// A section of relocations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) section: usize,
    /// The section that is filled in.
    pub(crate) target: usize,
    pub(crate) relocs: Vec<Reloc>,
}

/// What a relocation puts into its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Puts {
    Nothing,
    /// The address, in that many bytes.
    Address(usize),
    /// The distance from the place to the address.
    Distance(usize),
    /// Something else that follows from the symbol: a slot of the global offset table, a place in thread storage.
    Other(usize),
    /// The distance to something like that.
    OtherDistance(usize),
}

impl Puts {
    /// What the types of x86-64 put; `None` for one that is not known.
    pub(crate) fn of(kind: u32) -> Option<Self> {
        Some(match kind {
            0 | 35 => Self::Nothing,
            1 => Self::Address(8),
            10 | 11 => Self::Address(4),
            2 | 4 => Self::Distance(4),
            24 => Self::Distance(8),
            17 | 25 | 33 => Self::Other(8),
            3 | 21 | 23 | 32 => Self::Other(4),
            9 | 19 | 20 | 22 | 26 | 34 | 41 | 42 => Self::OtherDistance(4),
            _ => return None,
        })
    }

    pub(crate) fn size(self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Address(n) | Self::Distance(n) | Self::Other(n) | Self::OtherDistance(n) => n,
        }
    }
}

/// Something that is not in the object, at the addresses that stand for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Extern {
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// The address that stands for it without an addend.
    pub(crate) base: u64,
    pub(crate) name: Vec<u8>,
}

/// What is known of an object, and, once it has been laid out, where everything stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Object {
    pub(crate) symbols: Vec<Symbol>,
    pub(crate) tables: Vec<Table>,
    /// In order.
    pub(crate) externs: Vec<Extern>,
    /// Addresses of loaded places that hold an address in full, with their sizes.
    pub(crate) addresses: BTreeMap<u64, u8>,
    /// Addresses of all loaded places that were filled in, each with the section of what its relocation names, if it has one.
    pub(crate) filled: BTreeMap<u64, Option<usize>>,
    /// Whether the debug sections were filled in too.
    pub(crate) debug: bool,
}

impl Object {
    /// Reads the tables of an object for x86-64.
    ///
    /// # Errors
    /// In words, when they are not of a form that is read here.
    pub(crate) fn read(exe: &Exe) -> Result<Self, &'static str> {
        if exe.format != Format::Elf || exe.kind != 1 || exe.machine != 62 || !exe.wide || !exe.little {
            return Err("only objects for x86-64 are laid out");
        }
        let n = exe.numbers();
        let mut tables = exe.sections.iter().enumerate().filter(|(_, s)| s.kind == 2);
        let (Some((index, table)), None) = (tables.next(), tables.next()) else { return Err("it has not one symbol table") };
        let data = exe.data(table);
        if !data.len().is_multiple_of(24) || data.len() / 24 > MAX_ENTRIES || exe.sections.iter().any(|s| matches!(s.kind, 9 | 18 | 19)) {
            return Err("its symbols or relocations have a form that is not read");
        }
        let mut names = Names::new(exe.sections.get(table.link).map(|s| exe.data(s)).unwrap_or_default());
        let symbol = |raw: &[u8]| -> Option<Symbol> {
            Some(Symbol {
                name: names.at(n.int(raw, 0, 4)?)?.to_vec(),
                info: *raw.get(4)?,
                other: *raw.get(5)?,
                section: n.int(raw, 6, 2)?,
                value: n.int(raw, 8, 8)?,
                size: n.int(raw, 16, 8)?,
            })
        };
        let symbols: Option<Vec<Symbol>> = data.chunks_exact(24).map(symbol).collect();
        let symbols = symbols.ok_or("the names of its symbols are over a bound")?;
        if symbols.iter().any(|s| s.section >= RESERVED && !matches!(s.section, 0xfff1 | 0xfff2)) {
            return Err("a symbol is in a section whose number is not read");
        }
        let mut out = Self { symbols, ..Self::default() };
        let mut targets = BTreeSet::new();
        let mut left = MAX_ENTRIES;
        for (section, s) in exe.sections.iter().enumerate().filter(|(_, s)| s.kind == 4) {
            let data = exe.data(s);
            let fits = data.len().is_multiple_of(24) && s.link == index && exe.sections.get(s.info).is_some() && targets.insert(s.info);
            left = left.checked_sub(data.len() / 24).filter(|_| fits).ok_or("a table of relocations has a form that is not read")?;
            let reloc = |raw: &[u8]| -> Option<Reloc> {
                let info = n.int(raw, 8, 8)?;
                let symbol = usize::try_from(info >> 32).ok().filter(|i| *i < out.symbols.len())?;
                Some(Reloc { offset: n.int(raw, 0, 8)?, kind: info as u32, symbol, addend: n.int(raw, 16, 8)?.cast_signed() })
            };
            let relocs: Option<Vec<Reloc>> = data.chunks_exact(24).map(reloc).collect();
            out.tables.push(Table { section, target: s.info, relocs: relocs.ok_or("a relocation names no symbol")? });
        }
        Ok(out)
    }

    /// What stands at an address outside of all sections: its name, and how far from it.
    pub(crate) fn extern_at(&self, address: u64) -> Option<(&[u8], u64)> {
        let after = self.externs.partition_point(|e| e.start <= address);
        let found = self.externs.get(after.checked_sub(1)?).filter(|e| address < e.end)?;
        Some((&found.name, address.wrapping_sub(found.base)))
    }

    /// The relocations of a section, by where they are in it.
    pub(crate) fn in_section(&self, index: usize) -> BTreeMap<u64, Reloc> {
        self.tables.iter().filter(|t| t.target == index).flat_map(|t| t.relocs.iter().map(|r| (r.offset, *r))).collect()
    }
}
