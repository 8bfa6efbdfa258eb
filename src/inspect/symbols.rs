//! Symbols, relocations and functions of an executable; the tables here are those of ELF. Names are claims; bounds without them come from the unwind tables.

use std::collections::{BTreeMap, HashMap};

use gimli::UnwindSection as _;

use super::exe::{Exe, Format, Names};
use super::{macho, pclntab, pe, relocs};

/// Symbols that are read at most.
const MAX_SYMBOLS: usize = 5_000_000;

/// Versions that are read at most.
const MAX_VERSIONS: u64 = 1 << 16;

/// A symbol that is defined in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Symbol {
    pub(crate) name: Vec<u8>,
    pub(crate) address: u64,
    pub(crate) size: u64,
    /// Whether it is code.
    pub(crate) code: bool,
    pub(crate) global: bool,
}

/// The defined functions and objects of `.symtab` and, with `dynamic`, of `.dynsym`.
pub(crate) fn symbols(elf: &Exe, dynamic: bool) -> Vec<Symbol> {
    if elf.format == Format::Pe {
        return pe::tables::symbols(elf, dynamic);
    }
    if elf.format == Format::MachO {
        let mut out = macho::tables::symbols(elf);
        if !out.iter().any(|s| s.code) {
            out.extend(pclntab::symbols(elf));
        }
        return out;
    }
    let mut out = Vec::new();
    for s in elf.sections.iter().filter(|s| s.kind == 2 || (dynamic && s.kind == 11)) {
        let strings = elf.sections.get(s.link).map(|l| elf.data(l)).unwrap_or_default();
        let n = elf.numbers();
        let mut names = Names::new(strings);
        for raw in elf.data(s).chunks_exact(if elf.wide { 24 } else { 16 }).take(MAX_SYMBOLS) {
            let info = raw.get(if elf.wide { 4 } else { 12 }).copied().unwrap_or(0);
            let index = n.int(raw, if elf.wide { 6 } else { 14 }, 2).unwrap_or(0);
            let kind = info & 15;
            if !matches!(kind, 1 | 2 | 10) || index == 0 || index >= 0xff00 {
                continue;
            }
            let Some(name) = names.at(n.int(raw, 0, 4).unwrap_or(0)).filter(|name| !name.is_empty()) else { continue };
            let value = n.word(raw, 4, 8).unwrap_or(0);
            // In an object file a value counts from the start of the section.
            let section = if elf.object.is_some() { elf.sections.get(index as usize).map_or(0, |s| s.address) } else { 0 };
            out.push(Symbol {
                name: name.to_vec(),
                address: section.wrapping_add(value),
                size: n.word(raw, 8, 16).unwrap_or(0),
                code: kind != 1,
                global: info >> 4 != 0,
            });
        }
    }
    // A Go program names its functions whether it is stripped or not.
    if dynamic && !elf.sections.iter().any(|s| s.kind == 2) {
        out.extend(pclntab::symbols(elf));
    }
    out
}

/// What the loader puts at an address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Bound {
    /// The address of an imported or exported symbol, with its version, plus an addend. `%` and a word behind the name say
    /// that it is not the address but a copy of the object (`%COPY`), or its place in thread storage (`%TPOFF`).
    Import(Vec<u8>, u64),
    /// An address of this file.
    Relative(u64),
    /// What the function at that address of this file returns.
    Computed(u64),
}

/// Dynamic relocations by the address they fill.
pub(crate) fn bindings(elf: &Exe) -> BTreeMap<u64, Bound> {
    if elf.format == Format::Pe {
        return pe::tables::bindings(elf);
    }
    relocs::bindings(elf)
}

/// Needed version names by index (`GLIBC_2.34`).
pub(crate) fn version_names(elf: &Exe) -> BTreeMap<u64, Vec<u8>> {
    let mut out = BTreeMap::new();
    let Some(s) = elf.sections.iter().find(|s| s.kind == 0x6fff_fffe) else { return out };
    let strings = elf.sections.get(s.link).map(|l| elf.data(l)).unwrap_or_default();
    let (data, n, mut names) = (elf.data(s), elf.numbers(), Names::new(strings));
    let mut need = 0usize;
    let mut left = MAX_VERSIONS;
    for _ in 0..1024 {
        let (Some(count), Some(first), Some(next)) = (n.int(data, need + 2, 2), n.int(data, need + 8, 4), n.int(data, need + 12, 4)) else {
            break;
        };
        let mut at = need.saturating_add(first as usize);
        for _ in 0..count.min(4096).min(left) {
            left -= 1;
            let (Some(index), Some(name), Some(step)) = (n.int(data, at + 6, 2), n.int(data, at + 8, 4), n.int(data, at + 12, 4)) else {
                break;
            };
            if let Some(name) = names.at(name) {
                out.insert(index & 0x7fff, name.to_vec());
            }
            if step == 0 {
                break;
            }
            at = at.saturating_add(step as usize).min(data.len());
        }
        if next == 0 {
            break;
        }
        need = need.saturating_add(next as usize).min(data.len());
    }
    out
}

/// Bytes of names that the stubs of a file may have together: all of them may lead to one import with a long name.
pub(crate) fn room(file: &[u8]) -> usize {
    file.len().saturating_mul(4).max(1 << 20)
}

/// PLT stubs by address: what their jump through the GOT ends in. Read from the code of each stub.
pub(crate) fn stubs(elf: &Exe, bindings: &BTreeMap<u64, Bound>) -> BTreeMap<u64, Vec<u8>> {
    if elf.format == Format::Pe {
        return pe::tables::stubs(elf, bindings);
    }
    relocs::stubs(elf, bindings)
}

/// The code of one function, or of what lies between functions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) address: u64,
    pub(crate) size: u64,
    pub(crate) name: Option<Vec<u8>>,
    /// Index of its section.
    pub(crate) section: usize,
}

impl Function {
    pub(crate) fn end(&self) -> u64 {
        self.address.saturating_add(self.size)
    }
}

/// Functions of all code sections, sorted and without overlaps: from symbols, and from unwind tables where those say nothing.
pub(crate) fn functions(elf: &Exe, symbols: &[Symbol]) -> Vec<Function> {
    let mut found: BTreeMap<u64, (u64, Option<Vec<u8>>, bool)> = BTreeMap::new();
    if elf.is_unplaced() {
        // Every section starts at address 0: its code is compared as sections.
        return Vec::new();
    }
    for s in symbols.iter().filter(|s| s.code) {
        let entry = found.entry(s.address).or_insert_with(|| (s.size, Some(s.name.clone()), s.global));
        let better = (s.global, std::cmp::Reverse(&s.name)) > (entry.2, std::cmp::Reverse(entry.1.as_ref().unwrap_or(&s.name)));
        if better {
            *entry = (s.size.max(entry.0), Some(s.name.clone()), s.global);
        }
    }
    for (address, size) in unwind(elf) {
        let before = found.range(..=address).next_back();
        let inside = before.is_some_and(|(start, (length, _, _))| *start == address || (address - start) < *length);
        if !inside {
            found.insert(address, (size, None, false));
        } else if let Some(entry) = found.get_mut(&address).filter(|e| e.0 == 0) {
            entry.0 = size;
        }
    }
    let starts: Vec<u64> = found.keys().copied().collect();
    let mut out = Vec::with_capacity(found.len());
    for (i, (address, (size, name, _))) in found.into_iter().enumerate() {
        let Some(section) = elf.section_index_at(address) else { continue };
        let Some(s) = elf.sections.get(section).filter(|s| s.is_code()) else { continue };
        let mut end = s.address.saturating_add(s.range.len() as u64);
        if let Some(next) = starts.get(i + 1) {
            end = end.min(*next);
        }
        if size > 0 {
            end = end.min(address.saturating_add(size));
        }
        if end > address {
            out.push(Function { address, size: end - address, name, section });
        }
    }
    out
}

/// Common entries of unwind tables, each read once: a million entries may share one that takes long to read.
pub(crate) struct Commons<R: gimli::Reader>(HashMap<usize, gimli::Result<gimli::CommonInformationEntry<R>>>);

impl<R: gimli::Reader> Default for Commons<R> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<R: gimli::Reader<Offset = usize>> Commons<R> {
    /// The common entry at an offset of the section.
    pub(crate) fn get<S>(
        &mut self,
        section: &S,
        bases: &gimli::BaseAddresses,
        at: S::Offset,
    ) -> gimli::Result<gimli::CommonInformationEntry<R>>
    where
        S: gimli::UnwindSection<R>,
    {
        self.0.entry(gimli::UnwindOffset::into(at)).or_insert_with(|| section.cie_from_offset(bases, at)).clone()
    }
}

fn unwind(elf: &Exe) -> Vec<(u64, u64)> {
    if elf.format == Format::Pe {
        return pe::tables::unwind(elf);
    }
    if elf.format == Format::MachO {
        return macho::tables::function_starts(elf);
    }
    let Some(s) = elf.section(".eh_frame") else { return Vec::new() };
    let endian = if elf.little { gimli::RunTimeEndian::Little } else { gimli::RunTimeEndian::Big };
    let mut frames = gimli::EhFrame::new(elf.data(s), endian);
    frames.set_address_size(if elf.wide { 8 } else { 4 });
    let mut bases = gimli::BaseAddresses::default().set_eh_frame(s.address);
    if let Some(text) = elf.section(".text") {
        bases = bases.set_text(text.address);
    }
    let mut out = Vec::new();
    let mut entries = frames.entries(&bases);
    let mut known = Commons::default();
    while let Ok(Some(entry)) = entries.next() {
        if out.len() >= MAX_SYMBOLS {
            break;
        }
        if let gimli::CieOrFde::Fde(partial) = entry
            && let Ok(fde) = partial.parse(|section, bases, at| known.get(section, bases, at))
            && fde.len() > 0
        {
            out.push((fde.initial_address(), fde.len()));
        }
    }
    out.sort_unstable();
    out
}

/// The code of a section that is in no function: padding, stubs, hidden code.
pub(crate) fn uncovered(elf: &Exe, functions: &[Function]) -> Vec<Function> {
    let mut out = Vec::new();
    let mut by_section: BTreeMap<usize, Vec<&Function>> = BTreeMap::new();
    for f in functions {
        by_section.entry(f.section).or_default().push(f);
    }
    for (index, s) in elf.sections.iter().enumerate().filter(|(_, s)| s.is_code() && !s.range.is_empty()) {
        let mut at = s.address;
        let end = s.address.saturating_add(s.range.len() as u64);
        let mut push = |from: u64, to: u64| {
            if to > from {
                out.push(Function { address: from, size: to - from, name: None, section: index });
            }
        };
        for f in by_section.get(&index).into_iter().flatten() {
            push(at, f.address);
            at = f.end();
        }
        push(at, end);
    }
    out
}
