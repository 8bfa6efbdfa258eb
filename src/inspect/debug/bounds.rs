//! What a lookup of lines costs, counted before a library pays it. Tables that units share are read once for each of them,
//! and units that claim the same addresses are all asked: in a file made for it there is no end to that.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::sync::Arc;

use gimli::{AttributeValue, RunTimeEndian, Section as _, UnitRef};

use super::Reader;

/// Units that may claim one address.
const MAX_CLAIMS: usize = 64;
/// Ranges that all lookups together may pass by.
const MAX_STEPS: usize = 1 << 28;
/// Attributes that one abbreviation may have.
const MAX_ATTRIBUTES: usize = 128;
/// Functions inside of functions, and inlined calls inside of each other.
const MAX_DEPTH: usize = 256;
/// Bytes of paths that the file tables of units may make.
const MAX_NAMES: usize = 256 << 20;
/// Bytes of headers of line programs that are read again and again.
const MAX_HEADERS: usize = 64 << 20;

type Dwarf<'a> = gimli::Dwarf<Reader<'a>>;

/// What may still be read; each list or table of a file once or twice, since nobody shares them.
struct Left {
    /// Entries of range lists.
    ranges: Cell<usize>,
    /// Bytes of line programs.
    lines: Cell<usize>,
    names: Cell<usize>,
    attributes: Cell<usize>,
    steps: Cell<usize>,
}

fn take(left: &Cell<usize>, count: usize) -> Option<()> {
    left.set(left.get().checked_sub(count)?);
    Some(())
}

/// A range that a unit claims.
struct Claim {
    end: u64,
    begin: u64,
    /// The least begin from here on, in the order of their ends.
    least: u64,
    unit: usize,
}

/// Decides for each address whether it may be looked up.
pub(super) struct Bounds<'a> {
    dwarf: Arc<Dwarf<'a>>,
    units: Vec<gimli::UnitHeader<Reader<'a>>>,
    claims: Vec<Claim>,
    left: Left,
    /// For each unit that was asked, whether it may be read.
    asked: RefCell<Vec<Option<bool>>>,
}

/// Whether the units may be opened at all: abbreviations and headers of line programs are read for each unit that names them.
/// Each table of abbreviations is then kept, so that it is read once.
pub(super) fn prepare(dwarf: &mut Dwarf<'_>, endian: RunTimeEndian) -> Option<()> {
    if let Some(shared) = &mut dwarf.sup {
        prepare_one(Arc::get_mut(shared)?, endian)?;
    }
    prepare_one(dwarf, endian)
}

fn prepare_one(dwarf: &mut Dwarf<'_>, endian: RunTimeEndian) -> Option<()> {
    let abbreviations = dwarf.debug_abbrev.reader().slice();
    let mut known = HashSet::new();
    let mut left = abbreviations.len().saturating_mul(2).saturating_add(1 << 20);
    let mut units = dwarf.units();
    while let Ok(Some(header)) = units.next() {
        let offset = header.debug_abbrev_offset().0;
        if known.insert(offset) {
            left = left.checked_sub(table_size(abbreviations.get(offset..).unwrap_or_default())?)?;
        }
    }
    dwarf.populate_abbreviations_cache(gimli::AbbreviationsCacheStrategy::All);
    let (info, lines) = (dwarf.debug_info.reader().len(), dwarf.debug_line.reader().slice());
    let attributes = Cell::new(info.saturating_mul(8).saturating_add(1 << 20));
    let headers = Cell::new(lines.len().saturating_mul(2).saturating_add(MAX_HEADERS));
    let mut units = dwarf.units();
    while let Ok(Some(header)) = units.next() {
        let Ok(table) = dwarf.abbreviations(&header) else { continue };
        let Ok(mut entries) = header.entries_raw(&table, None) else { continue };
        let Ok(Some(root)) = entries.read_abbreviation() else { continue };
        take(&attributes, root.attributes().len())?;
        for spec in root.attributes() {
            let Ok(attribute) = entries.read_attribute(*spec) else { break };
            if let AttributeValue::DebugLineRef(at) = attribute.value() {
                take(&headers, header_size(lines.get(at.0..).unwrap_or_default(), endian))?;
            }
        }
    }
    Some(())
}

/// How many bytes a table of abbreviations has; `None` when it is over a bound of its own.
fn table_size(data: &[u8]) -> Option<usize> {
    let mut left = data;
    let mut number = || -> Option<u64> {
        let mut value = 0;
        for shift in (0..).step_by(7) {
            let (byte, rest) = left.split_first()?;
            left = rest;
            value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if byte & 0x80 == 0 {
                break;
            }
        }
        Some(value)
    };
    let mut table = || -> Option<Option<()>> {
        while number()? != 0 {
            // The tag; then whether it has children, which is one byte.
            number()?;
            number()?;
            for count in 0.. {
                let (name, form) = (number()?, number()?);
                if (name, form) == (0, 0) {
                    break;
                }
                if form == 0x21 {
                    number()?;
                }
                if count >= MAX_ATTRIBUTES {
                    return Some(None);
                }
            }
        }
        Some(Some(()))
    };
    // One that is cut off is read up to there.
    table().unwrap_or(Some(()))?;
    Some(data.len() - left.len())
}

/// How many bytes the header of a line program has, its tables included.
fn header_size(data: &[u8], endian: RunTimeEndian) -> usize {
    let mut reader = Reader::new(data, endian);
    let mut read = || -> gimli::Result<usize> {
        use gimli::Reader as _;
        let (_, format) = reader.read_initial_length()?;
        if reader.read_u16()? >= 5 {
            reader.read_u16()?;
        }
        reader.read_length(format)
    };
    read().unwrap_or(0).min(data.len())
}

impl<'a> Bounds<'a> {
    /// Reads which addresses the units claim; `None` when that is over a bound.
    pub(super) fn new(dwarf: &Arc<Dwarf<'a>>) -> Option<Self> {
        let lines = dwarf.debug_line.reader().len();
        let info = dwarf.debug_info.reader().len();
        // An entry has two addresses in the old form, and at least one byte in the new one.
        let ranges = dwarf.ranges.debug_ranges().reader().len() / 4 + dwarf.ranges.debug_rnglists().reader().len();
        let left = Left {
            ranges: Cell::new(ranges.saturating_add(1 << 16)),
            lines: Cell::new(lines.saturating_mul(2).saturating_add(1 << 20)),
            names: Cell::new(MAX_NAMES),
            attributes: Cell::new(info.saturating_mul(8).saturating_add(1 << 20)),
            steps: Cell::new(MAX_STEPS),
        };
        let mut own = Self { dwarf: Arc::clone(dwarf), units: Vec::new(), claims: Vec::new(), left, asked: RefCell::default() };
        own.read()?;
        own.claims.sort_unstable_by_key(|c| (c.end, c.unit));
        let mut least = u64::MAX;
        for claim in own.claims.iter_mut().rev() {
            least = least.min(claim.begin);
            claim.least = least;
        }
        own.asked = RefCell::new(vec![None; own.units.len()]);
        Some(own)
    }

    fn claim(&mut self, begin: u64, end: u64) {
        if begin < end {
            self.claims.push(Claim { end, begin, least: 0, unit: self.units.len() });
        }
    }

    /// The claims of all units, wherever the library may take them from.
    fn read(&mut self) -> Option<()> {
        let dwarf = Arc::clone(&self.dwarf);
        let mut sets = std::collections::HashMap::new();
        let mut headers = dwarf.debug_aranges.headers();
        while let Ok(Some(header)) = headers.next() {
            sets.entry(header.debug_info_offset().0).or_insert_with(Vec::new).push(header);
        }
        let mut units = dwarf.units();
        while let Ok(Some(header)) = units.next() {
            if matches!(header.type_(), gimli::UnitType::Type { .. } | gimli::UnitType::SplitType { .. } | gimli::UnitType::Partial) {
                continue;
            }
            let Ok(unit) = dwarf.unit(header) else { continue };
            let unit = UnitRef::new(&dwarf, &unit);
            let before = self.claims.len();
            let _ = self.root(unit)?;
            for set in header.debug_info_offset().and_then(|at| sets.get(&at.0)).into_iter().flatten() {
                let mut entries = set.entries();
                while let Some(entry) = entries.next().transpose() {
                    if let Ok(entry) = entry {
                        let range = entry.range();
                        self.claim(range.begin, range.end);
                    }
                }
            }
            if self.claims.len() == before
                && let Some(program) = unit.line_program.clone()
            {
                take(&self.left.lines, program.header().unit_length())?;
                let mut rows = program.rows();
                let mut begin = None;
                while let Ok(Some((_, row))) = rows.next_row() {
                    let at = row.address();
                    let from = *begin.get_or_insert(at);
                    if row.end_sequence() {
                        self.claim(from, at);
                        begin = None;
                    }
                }
            }
            self.units.push(header);
        }
        Some(())
    }

    /// The claims that the first entry of a unit makes; the inner value is `None` where it cannot be read.
    fn root(&mut self, unit: UnitRef<'_, Reader<'a>>) -> Option<Option<()>> {
        let Ok(mut entries) = unit.entries_raw(None) else { return Some(None) };
        let Ok(Some(abbreviation)) = entries.read_abbreviation() else { return Some(None) };
        let (mut low, mut high, mut size, mut list) = (None, None, None, None);
        for spec in abbreviation.attributes() {
            let Ok(attribute) = entries.read_attribute(*spec) else { return Some(None) };
            let value = attribute.value();
            let address = |value| match value {
                AttributeValue::Addr(at) => Some(at),
                AttributeValue::DebugAddrIndex(index) => unit.address(index).ok(),
                _ => None,
            };
            match (attribute.name(), value) {
                (gimli::DW_AT_low_pc, value) => low = address(value),
                (gimli::DW_AT_high_pc, AttributeValue::Udata(n)) => size = Some(n),
                (gimli::DW_AT_high_pc, value) => high = address(value),
                (gimli::DW_AT_ranges, value) => list = unit.attr_ranges_offset(value).ok().flatten(),
                _ => {}
            }
        }
        if let Some(list) = list {
            self.list(unit, list)?;
            let Ok(mut ranges) = unit.ranges(list) else { return Some(None) };
            while let Ok(Some(range)) = ranges.next() {
                self.claim(range.begin, range.end);
            }
        } else if let Some(low) = low {
            self.claim(low, high.or(size.map(|size| low.wrapping_add(size))).unwrap_or(low));
        }
        Some(Some(()))
    }

    /// Counts the entries of a list.
    fn list(&self, unit: UnitRef<'_, Reader<'a>>, list: gimli::RangeListsOffset) -> Option<()> {
        let Ok(mut entries) = unit.raw_ranges(list) else { return Some(()) };
        take(&self.left.ranges, 1)?;
        while let Ok(Some(_)) = entries.next() {
            take(&self.left.ranges, 1)?;
        }
        Some(())
    }

    /// Whether an address may be looked up: the units that claim it are few, and all that is read for them is within the
    /// bounds.
    pub(super) fn allow(&self, address: u64) -> bool {
        self.ask(address).is_some()
    }

    fn ask(&self, address: u64) -> Option<()> {
        let from = self.claims.partition_point(|c| c.end <= address);
        let mut units = [usize::MAX; MAX_CLAIMS];
        let mut count = 0;
        for claim in self.claims.get(from..).unwrap_or_default().iter().take_while(|c| c.least <= address) {
            take(&self.left.steps, 1)?;
            if claim.begin <= address {
                *units.get_mut(count)? = claim.unit;
                count += 1;
            }
        }
        let mut asked = self.asked.borrow_mut();
        for unit in units.into_iter().take(count) {
            let slot = asked.get_mut(unit)?;
            (*slot.get_or_insert_with(|| self.units.get(unit).and_then(|header| self.unit(header)).is_some())).then_some(())?;
        }
        Some(())
    }

    /// Counts what is read for a unit.
    fn unit(&self, header: &gimli::UnitHeader<Reader<'a>>) -> Option<()> {
        let Ok(unit) = self.dwarf.unit(*header) else { return Some(()) };
        let unit = UnitRef::new(&self.dwarf, &unit);
        if let Some(program) = &unit.line_program {
            let header = program.header();
            take(&self.left.lines, header.unit_length())?;
            let size = |value| unit.attr_string(value).map_or(0, |text| text.len());
            let folder = unit.comp_dir.map_or(0, |text| text.len());
            for file in header.file_names() {
                take(&self.left.names, folder + size(file.path_name()))?;
                take(&self.left.names, file.directory(header).map_or(0, size))?;
            }
        }
        let Ok(mut entries) = unit.entries_raw(None) else { return Some(()) };
        // Depths of the functions, and of the inlined calls, that an entry is in.
        let (mut functions, mut calls) = (Vec::new(), Vec::new());
        while !entries.is_empty() {
            let depth = entries.next_depth();
            let Ok(read) = entries.read_abbreviation() else { break };
            let Some(abbreviation) = read else { continue };
            take(&self.left.attributes, abbreviation.attributes().len())?;
            let open = match abbreviation.tag() {
                gimli::DW_TAG_subprogram => &mut functions,
                gimli::DW_TAG_inlined_subroutine => &mut calls,
                _ => {
                    if entries.skip_attributes(abbreviation.attributes()).is_err() {
                        break;
                    }
                    continue;
                }
            };
            while open.last().is_some_and(|d| *d >= depth) {
                open.pop();
            }
            open.push(depth);
            if open.len() > MAX_DEPTH {
                return None;
            }
            for spec in abbreviation.attributes() {
                let Ok(attribute) = entries.read_attribute(*spec) else { return Some(()) };
                if attribute.name() == gimli::DW_AT_ranges
                    && let Ok(Some(list)) = unit.attr_ranges_offset(attribute.value())
                {
                    self.list(unit, list)?;
                }
            }
        }
        Some(())
    }
}
