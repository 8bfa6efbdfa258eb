//! Imports, exports, symbols, base relocations and unwind tables of a PE file.

use std::collections::{BTreeMap, BTreeSet};

use super::{Header, N, text_within};
use crate::inspect::exe::{Exe, Names, text_at};
use crate::inspect::symbols::{Bound, Symbol, room};

/// Libraries that a file may import from.
const MAX_LIBRARIES: usize = 4096;
/// Symbols, imports, relocations and functions that are read at most, of each.
const MAX_ENTRIES: usize = 5_000_000;
/// Longest name, in bytes.
const MAX_NAME: usize = 4096;

/// One imported function: the slot that the loader fills, library and name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Import {
    pub(crate) slot: u64,
    pub(crate) library: Vec<u8>,
    /// `CreateFileW`, or `#17` by number.
    pub(crate) name: Vec<u8>,
    /// Looked up at the first call instead of at the start.
    pub(crate) delayed: bool,
}

/// The imports of both import directories, in the order of the file.
pub(crate) fn imports(exe: &Exe, header: &Header) -> Vec<Import> {
    let mut out = Vec::new();
    // Many libraries can name the same long list: the names together are bounded.
    let mut left = exe.blob.len().saturating_add(1 << 16);
    // Directory, size of an entry, and where its name, its list of names and its slots are.
    for (index, size, name_at, list_at, slots_at) in [(1, 20, 12, 0, 16), (13, 32, 4, 16, 12)] {
        let Some((rva, _)) = header.directory(index) else { continue };
        let table = exe.bytes_at(header.address(rva));
        for entry in table.chunks_exact(size).take(MAX_LIBRARIES) {
            let word = |at| N.int(entry, at, 4).unwrap_or(0) as u32;
            let (library, list, slots) = (word(name_at), word(list_at), word(slots_at));
            if library == 0 || slots == 0 {
                break;
            }
            // Without a list of names the slots themselves hold it until the loader comes.
            let list = if list == 0 { slots } else { list };
            let library = name_at_rva(exe, header, library);
            let width = if header.wide { 8 } else { 4 };
            for (i, raw) in exe.bytes_at(header.address(list)).chunks_exact(width).enumerate() {
                let value = N.int(raw, 0, width).unwrap_or(0);
                if value == 0 || out.len() >= MAX_ENTRIES {
                    break;
                }
                let by_number = value >> (width * 8 - 1) != 0;
                let name = if by_number {
                    format!("#{}", value & 0xffff).into_bytes()
                } else {
                    name_at_rva(exe, header, (value as u32).wrapping_add(2))
                };
                let Some(rest) = left.checked_sub(name.len() + library.len() + 8) else { return out };
                left = rest;
                let slot = header.address(slots).wrapping_add((i * width) as u64);
                out.push(Import { slot, library: library.clone(), name, delayed: index == 13 });
            }
        }
    }
    out
}

fn name_at_rva(exe: &Exe, header: &Header, rva: u32) -> Vec<u8> {
    text_within(exe.bytes_at(header.address(rva)), 0, MAX_NAME).to_vec()
}

/// What the loader puts into the slots of imports, as `KERNEL32.dll!CreateFileW`.
pub(crate) fn bindings(exe: &Exe) -> BTreeMap<u64, Bound> {
    let Some(header) = Header::of(exe) else { return BTreeMap::new() };
    imports(exe, &header).into_iter().map(|i| (i.slot, Bound::Import([i.library.as_slice(), b"!", &i.name].concat(), 0))).collect()
}

/// Jumps through an import's slot, wherever in the code they are: what such an address is, its bytes say.
pub(crate) fn stubs(exe: &Exe, bindings: &BTreeMap<u64, Bound>) -> BTreeMap<u64, Vec<u8>> {
    let mut out = BTreeMap::new();
    if !matches!(exe.machine, 3 | 62) {
        return out;
    }
    let mut left = room(&exe.blob);
    for s in exe.sections.iter().filter(|s| s.is_code()) {
        for (at, jump) in exe.data(s).windows(6).enumerate() {
            let [0xff, 0x25, a, b, c, d] = jump else { continue };
            let operand = i32::from_le_bytes([*a, *b, *c, *d]);
            let address = s.address.wrapping_add(at as u64);
            let slot =
                if exe.wide { address.wrapping_add(6).wrapping_add_signed(operand.into()) } else { u64::from(operand.cast_unsigned()) };
            if let Some(Bound::Import(name, 0)) = bindings.get(&slot) {
                let Some(rest) = left.checked_sub(name.len()) else { return out };
                left = rest;
                out.insert(address, name.clone());
            }
        }
    }
    out
}

/// Where the loader adds the distance from the preferred image base, and the number of bytes there (4 or 8).
pub(crate) fn relocations(exe: &Exe) -> BTreeMap<u64, u8> {
    let mut out = BTreeMap::new();
    let Some(header) = Header::of(exe) else { return out };
    let Some((rva, size)) = header.directory(5) else { return out };
    let all = exe.bytes_at(header.address(rva));
    let mut rest = all.get(..(size as usize).min(all.len())).unwrap_or_default();
    while let (Some(page), Some(length)) = (N.int(rest, 0, 4), N.int(rest, 4, 4)) {
        let Some((block, after)) = rest.split_at_checked(length as usize).filter(|_| length >= 8) else { break };
        for raw in block.get(8..).unwrap_or_default().chunks_exact(2) {
            let entry = N.int(raw, 0, 2).unwrap_or(0);
            let width = match entry >> 12 {
                3 => 4,
                10 => 8,
                _ => continue,
            };
            out.insert(header.address(page as u32).wrapping_add(entry & 0xfff), width);
        }
        if out.len() >= MAX_ENTRIES {
            break;
        }
        rest = after;
    }
    out
}

/// The exported names with their RVAs; those that lead to another library are left out.
pub(crate) fn exports(exe: &Exe, header: &Header) -> Vec<(Vec<u8>, u32)> {
    let Some((rva, size)) = header.directory(0) else { return Vec::new() };
    let table = exe.bytes_at(header.address(rva));
    let word = |bytes: &[u8], at: usize| N.int(bytes, at, 4).map(|n| n as u32);
    let Some([count, functions, names, ordinals]) = (|| Some([word(table, 24)?, word(table, 28)?, word(table, 32)?, word(table, 36)?]))()
    else {
        return Vec::new();
    };
    let at = |rva: u32| exe.bytes_at(header.address(rva));
    let (functions, names, ordinals) = (at(functions), at(names), at(ordinals));
    let mut left = exe.blob.len().saturating_add(1 << 16);
    let mut out = Vec::new();
    for i in 0..(count as usize).min(MAX_ENTRIES) {
        let Some((name, ordinal)) = word(names, i * 4).zip(N.int(ordinals, i * 2, 2)) else { break };
        let Some(to) = word(functions, ordinal as usize * 4) else { continue };
        let name = name_at_rva(exe, header, name);
        let Some(rest) = left.checked_sub(name.len() + 8) else { break };
        left = rest;
        if to != 0 && !(to >= rva && to - rva < size) {
            out.push((name, to));
        }
    }
    out
}

/// COFF symbols and exports. Only code has a size, and that from unwind tables; data reaches to the next symbol.
pub(crate) fn symbols(exe: &Exe, dynamic: bool) -> Vec<Symbol> {
    let Some(header) = Header::of(exe) else { return Vec::new() };
    let (table, strings) = header.coff(&exe.blob);
    let part = |range| exe.blob.get(range).unwrap_or_default();
    let (table, strings) = (part(table), part(strings));
    let mut names = Names::new(strings);
    let mut out: Vec<Symbol> = Vec::new();
    let mut skip = 0;
    for raw in table.chunks_exact(18).take(MAX_ENTRIES) {
        if skip > 0 {
            skip -= 1;
            continue;
        }
        skip = raw.get(17).copied().unwrap_or(0);
        let (value, number, kind) = (N.int(raw, 8, 4).unwrap_or(0), N.int(raw, 12, 2).unwrap_or(0), N.int(raw, 14, 2).unwrap_or(0));
        let Some(section) = usize::try_from(number).ok().and_then(|n| exe.sections.get(n.checked_sub(1)?)) else { continue };
        let class = raw.get(16).copied().unwrap_or(0);
        if !matches!(class, 2 | 3) || !section.is_allocated() {
            continue;
        }
        let name = match N.int(raw, 0, 4) {
            Some(0) => names.at(N.int(raw, 4, 4).unwrap_or(0)).unwrap_or_default(),
            _ => text_at(raw.get(..8).unwrap_or_default(), 0),
        };
        let code = kind == 0x20 && section.is_code();
        // Names of sections and of places inside code are not symbols of their own.
        if name.is_empty() || (!code && (section.is_code() || name.first() == Some(&b'.'))) {
            continue;
        }
        out.push(Symbol { name: name.to_vec(), address: section.address.wrapping_add(value), size: 0, code, global: class == 2 });
    }
    if dynamic {
        let known: BTreeSet<u64> = out.iter().map(|s| s.address).collect();
        for (name, rva) in exports(exe, &header) {
            let address = header.address(rva);
            if let Some(section) = exe.section_at(address).filter(|_| !known.contains(&address) && !name.is_empty()) {
                out.push(Symbol { name, address, size: 0, code: section.is_code(), global: true });
            }
        }
    }
    let starts: BTreeSet<u64> = out.iter().filter(|s| !s.code).map(|s| s.address).collect();
    for s in out.iter_mut().filter(|s| !s.code) {
        let end = exe.section_at(s.address).map_or(s.address, |t| t.address.saturating_add(t.size));
        let next = starts.range(s.address.saturating_add(1)..).next().copied().unwrap_or(u64::MAX);
        s.size = next.min(end).saturating_sub(s.address);
    }
    out
}

/// Start and size of the functions that the exception directory lists. What continues another function directly is part of
/// it; other fragments stand alone.
pub(crate) fn unwind(exe: &Exe) -> Vec<(u64, u64)> {
    let Some(header) = Header::of(exe) else { return Vec::new() };
    let Some((rva, size)) = header.directory(3) else { return Vec::new() };
    let all = exe.bytes_at(header.address(rva));
    let table = all.get(..(size as usize).min(all.len())).unwrap_or_default();
    let word = |raw: &[u8], at: usize| N.int(raw, at, 4).unwrap_or(0) as u32;
    let mut out: Vec<(u64, u64)> = Vec::new();
    match exe.machine {
        62 => {
            for raw in table.chunks_exact(12).take(MAX_ENTRIES) {
                let (begin, end, info) = (word(raw, 0), word(raw, 4), word(raw, 8));
                if end <= begin {
                    continue;
                }
                let start = header.address(begin);
                let chained = info & 1 != 0 || exe.bytes_at(header.address(info)).first().is_some_and(|b| b >> 3 & 4 != 0);
                match out.last_mut() {
                    Some((before, length)) if chained && before.wrapping_add(*length) == start => *length += u64::from(end - begin),
                    _ => out.push((start, u64::from(end - begin))),
                }
            }
        }
        183 => {
            for raw in table.chunks_exact(8).take(MAX_ENTRIES) {
                let (begin, info) = (word(raw, 0), word(raw, 4));
                let length = match info & 3 {
                    0 => N.int(exe.bytes_at(header.address(info)), 0, 4).unwrap_or(0) & 0x3_ffff,
                    _ => u64::from(info >> 2 & 0x7ff),
                };
                if length > 0 {
                    out.push((header.address(begin), length * 4));
                }
            }
        }
        _ => {}
    }
    out.sort_unstable();
    out
}
