//! Symbols, stubs and function starts of a Mach-O file.

use std::collections::BTreeSet;

use super::{N, command, linked};
use crate::inspect::exe::{Exe, Names};
use crate::inspect::symbols::Symbol;

/// Symbols and functions that are read at most, of each.
const MAX_ENTRIES: usize = 5_000_000;

/// Symbol table and string table.
fn tables(exe: &Exe) -> (&[u8], &[u8]) {
    let bytes: &[u8] = &exe.blob;
    let Some(c) = super::command(bytes, command::SYMTAB) else { return (&[], &[]) };
    let part = |at: usize, unit: usize| {
        let (start, count) = (c.word(bytes, at)?, c.word(bytes, at + 4)?);
        bytes.get(start..start.checked_add(count.checked_mul(unit)?)?)
    };
    (part(8, 16).unwrap_or_default(), part(16, 1).unwrap_or_default())
}

/// The defined symbols, and the stubs by the names of what they lead to. Only stubs have a size; data reaches to the next symbol.
pub(crate) fn symbols(exe: &Exe) -> Vec<Symbol> {
    let (table, strings) = tables(exe);
    let mut names = Names::new(strings);
    let mut out = Vec::new();
    for raw in table.chunks_exact(16).take(MAX_ENTRIES) {
        let kind = raw.get(4).copied().unwrap_or(0);
        // Notes for debuggers, and what is not in a section.
        if kind & 0xe0 != 0 || kind & 0x0e != 0x0e {
            continue;
        }
        let address = N.int(raw, 8, 8).unwrap_or(0);
        let Some(section) = exe.section_at(address) else { continue };
        let Some(name) = names.at(N.int(raw, 0, 4).unwrap_or(0)).filter(|name| !name.is_empty()) else { continue };
        out.push(Symbol { name: name.to_vec(), address, size: 0, code: section.is_code(), global: kind & 1 != 0 });
    }
    let starts: BTreeSet<u64> = out.iter().filter(|s| !s.code).map(|s| s.address).collect();
    for s in out.iter_mut().filter(|s| !s.code) {
        let end = exe.section_at(s.address).map_or(s.address, |t| t.address.saturating_add(t.size));
        let next = starts.range(s.address.saturating_add(1)..).next().copied().unwrap_or(u64::MAX);
        s.size = next.min(end).saturating_sub(s.address);
    }
    stubs(exe, table, &mut names, &mut out);
    out
}

/// The code of each stub is compared as that of any function; the name is the claim of the indirect symbols.
fn stubs(exe: &Exe, table: &[u8], names: &mut Names<'_>, out: &mut Vec<Symbol>) {
    let bytes: &[u8] = &exe.blob;
    let Some(indirect) = super::command(bytes, command::DYSYMTAB).and_then(|c| c.word(bytes, 56)) else { return };
    let segments = super::commands(bytes).into_iter().filter(|c| c.kind == command::SEGMENT).filter_map(|c| bytes.get(c.range));
    let headers = segments.flat_map(super::section_headers);
    for (s, raw) in exe.sections.iter().zip(headers).filter(|(s, _)| s.is_code()) {
        let int = |at| N.int(raw, at, 4).unwrap_or(0) as usize;
        // Kind, index of the first indirect symbol, size of each.
        let (kind, first, size) = (int(64) & 0xff, int(68), int(72));
        if kind != 8 || !(1..=4096).contains(&size) {
            continue;
        }
        for i in 0..(s.range.len() / size).min(MAX_ENTRIES) {
            let at = first.saturating_add(i).checked_mul(4).and_then(|at| at.checked_add(indirect));
            let symbol = at.and_then(|at| N.int(bytes, at, 4)).map(|n| n as usize);
            let Some(raw) = symbol.and_then(|n| table.get(n.checked_mul(16)?..)) else { continue };
            // All stubs may lead to one symbol with a long name: those of all together are bounded.
            let Some(name) = names.at(N.int(raw, 0, 4).unwrap_or(0)) else { continue };
            let address = s.address.wrapping_add((i * size) as u64);
            out.push(Symbol { name: [name, b" (stub)"].concat(), address, size: size as u64, code: true, global: false });
        }
    }
}

/// Start and size of the functions that the linker lists; each reaches to the next.
pub(crate) fn function_starts(exe: &Exe) -> Vec<(u64, u64)> {
    let bytes: &[u8] = &exe.blob;
    let Some(list) = linked(bytes, command::FUNCTION_STARTS).and_then(|r| bytes.get(r)) else { return Vec::new() };
    let Some(base) = exe.segments.iter().find(|s| s.offset == 0 && s.size > 0).map(|s| s.address) else { return Vec::new() };
    let (mut at, mut delta, mut shift) = (base, 0u64, 0);
    let mut starts = BTreeSet::new();
    for byte in list {
        delta |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        shift += 7;
        if byte & 0x80 == 0 {
            if delta == 0 || starts.len() >= MAX_ENTRIES {
                break;
            }
            at = at.wrapping_add(delta);
            starts.insert(at);
            (delta, shift) = (0, 0);
        }
    }
    let ends = starts.iter().skip(1).copied().chain([u64::MAX]);
    let size = |(start, next): (&u64, u64)| {
        let section = exe.section_at(*start)?;
        Some((*start, next.min(section.address.saturating_add(section.size)) - start))
    };
    starts.iter().zip(ends).filter_map(size).collect()
}
