//! What the loader puts where in an ELF file, and the stubs that jump through it: x86-64 (x32 too), i386 and aarch64.

use std::collections::BTreeMap;

use super::exe::{Exe, Names, Numbers, Section};
use super::symbols::{Bound, room, version_names};

/// Relocations that are read at most.
const MAX_RELOCATIONS: usize = 5_000_000;

const X86_64: u16 = 62;
const I386: u16 = 3;
const AARCH64: u16 = 183;

/// What a relocation of a type does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Does {
    /// Puts the address of a symbol there, plus the addend.
    Symbol,
    /// The same without an addend, whatever is in the file.
    Slot,
    /// Adds the address at which the file was loaded.
    Relative,
    /// Calls a function of the file, which chooses.
    Compute,
    /// Something else for a symbol, by that word: a copy of an object, a place in thread storage.
    Other(&'static str),
}

/// The types of each machine, by `psABI` number.
fn does(machine: u16, kind: u64) -> Option<Does> {
    Some(match (machine, kind) {
        (X86_64 | I386, 1) | (AARCH64, 257) => Does::Symbol,
        (X86_64 | I386, 6 | 7) | (AARCH64, 1025 | 1026) => Does::Slot,
        (X86_64, 8 | 38) | (I386, 8) | (AARCH64, 1027) => Does::Relative,
        (X86_64, 37) | (I386, 42) | (AARCH64, 1032) => Does::Compute,
        (X86_64 | I386, 5) | (AARCH64, 1024) => Does::Other("COPY"),
        (X86_64, 16) | (I386, 35) | (AARCH64, 1028) => Does::Other("DTPMOD"),
        (X86_64, 17) | (I386, 36) | (AARCH64, 1029) => Does::Other("DTPOFF"),
        (X86_64, 18) | (I386, 14) | (AARCH64, 1030) => Does::Other("TPOFF"),
        (I386, 37) => Does::Other("TPOFF32"),
        (X86_64, 36) | (I386, 41) | (AARCH64, 1031) => Does::Other("TLSDESC"),
        _ => return None,
    })
}

/// Dynamic relocations by the address that they fill.
pub(crate) fn bindings(elf: &Exe) -> BTreeMap<u64, Bound> {
    let mut out = BTreeMap::new();
    if !elf.little || !matches!((elf.machine, elf.wide), (X86_64, _) | (I386, false) | (AARCH64, true)) {
        return out;
    }
    let versions = elf.named(".gnu.version");
    let names = version_names(elf);
    for s in elf.sections.iter().filter(|s| s.is_allocated()) {
        match s.kind {
            4 | 9 => table(elf, s, versions, &names, &mut out),
            19 => packed(elf, s, &mut out),
            _ => {}
        }
    }
    out
}

/// A table with an entry for each place (`SHT_RELA`, `SHT_REL`).
fn table(elf: &Exe, s: &Section, versions: &[u8], names: &BTreeMap<u64, Vec<u8>>, out: &mut BTreeMap<u64, Bound>) {
    let n = elf.numbers();
    let word = if elf.wide { 8 } else { 4 };
    let explicit = s.kind == 4;
    let symbols = elf.sections.get(s.link);
    let strings = symbols.and_then(|t| elf.sections.get(t.link)).map(|l| elf.data(l)).unwrap_or_default();
    let symbols = symbols.map(|t| elf.data(t)).unwrap_or_default();
    let mut texts = Names::new(strings);
    for raw in elf.data(s).chunks_exact(if explicit { 3 } else { 2 } * word).take(MAX_RELOCATIONS) {
        let (Some(at), Some(info)) = (n.int(raw, 0, word), n.int(raw, word, word)) else { continue };
        let (index, kind) = if elf.wide { (info >> 32, info & 0xffff_ffff) } else { (info >> 8, info & 0xff) };
        let Some(does) = does(elf.machine, kind) else { continue };
        // Without one of its own the addend is what is in the file, except where the loader ignores that.
        let addend = match (explicit, does) {
            (_, Does::Slot) if elf.machine == I386 => 0,
            (true, _) => n.int(raw, 2 * word, word).unwrap_or(0),
            (false, Does::Slot | Does::Other("COPY")) => 0,
            (false, _) => n.int(elf.bytes_at(at), 0, word).unwrap_or(0),
        };
        let mut name = || name(n, symbols, &mut texts, versions, names, index);
        let bound = match does {
            Does::Relative => Bound::Relative(addend),
            Does::Compute => Bound::Computed(addend),
            // The symbol 0 stands for the file itself, and one that no other file sees for its own place.
            Does::Symbol if index == 0 => Bound::Relative(addend),
            Does::Symbol | Does::Slot if own(n, symbols, index).is_some() => {
                Bound::Relative(own(n, symbols, index).unwrap_or(0).wrapping_add(addend))
            }
            Does::Symbol | Does::Slot => match name() {
                Some(name) if !name.is_empty() => Bound::Import(name, addend),
                _ => continue,
            },
            // A thread variable of the file itself has no symbol.
            Does::Other(word) => match name() {
                Some(name) => Bound::Import([name.as_slice(), b"%", word.as_bytes()].concat(), addend),
                None => continue,
            },
        };
        out.insert(at, bound);
    }
}

/// The value of a symbol that is defined in the file and that other files do not see.
fn own(n: Numbers, symbols: &[u8], index: u64) -> Option<u64> {
    let symbol = symbols.get(usize::try_from(index).ok()?.checked_mul(if n.wide { 24 } else { 16 })?..)?;
    let section = n.int(symbol, if n.wide { 6 } else { 14 }, 2)?;
    let info = symbol.get(if n.wide { 4 } else { 12 })?;
    (index != 0 && info >> 4 == 0 && (1..0xff00).contains(&section)).then(|| n.word(symbol, 4, 8)).flatten()
}

/// A symbol's name with its version; empty for the symbol 0.
fn name(
    n: Numbers,
    symbols: &[u8],
    strings: &mut Names<'_>,
    versions: &[u8],
    names: &BTreeMap<u64, Vec<u8>>,
    index: u64,
) -> Option<Vec<u8>> {
    let index = usize::try_from(index).ok()?;
    if index == 0 {
        return Some(Vec::new());
    }
    let symbol = symbols.get(index.checked_mul(if n.wide { 24 } else { 16 })?..)?;
    let mut name = strings.at(n.int(symbol, 0, 4)?)?.to_vec();
    if name.is_empty() {
        return None;
    }
    let version = n.int(versions, index.saturating_mul(2), 2).unwrap_or(0) & 0x7fff;
    if let Some(version) = names.get(&version) {
        strings.again(version)?;
        name.push(b'@');
        name.extend_from_slice(version);
    }
    Some(name)
}

/// Relative relocations as bitmaps (`SHT_RELR`): an even word is a place, an odd one says which of the next words are.
fn packed(elf: &Exe, s: &Section, out: &mut BTreeMap<u64, Bound>) {
    let n = elf.numbers();
    let word = if elf.wide { 8u64 } else { 4 };
    let mut left = MAX_RELOCATIONS;
    let mut next = 0u64;
    for raw in elf.data(s).chunks_exact(word as usize) {
        let value = n.int(raw, 0, word as usize).unwrap_or(0);
        let (first, bits) = if value & 1 == 0 { (value, 1) } else { (next, value >> 1) };
        for i in (0..word * 8).filter(|i| bits >> i & 1 == 1) {
            let at = first.wrapping_add(i * word);
            let Some(rest) = left.checked_sub(1) else { return };
            left = rest;
            out.insert(at, Bound::Relative(n.int(elf.bytes_at(at), 0, word as usize).unwrap_or(0)));
        }
        next = first.wrapping_add(if value & 1 == 0 { word } else { word * (word * 8 - 1) });
    }
}

/// PLT stubs by address: what their jump through the GOT ends in. Read from the code of each stub.
pub(crate) fn stubs(elf: &Exe, bindings: &BTreeMap<u64, Bound>) -> BTreeMap<u64, Vec<u8>> {
    let mut out = BTreeMap::new();
    let mut left = room(&elf.blob);
    let base = if elf.machine == I386 { got(elf) } else { None };
    let plt = |s: &&Section| s.is_code() && (s.name.starts_with(b".plt") || s.name.starts_with(b".iplt"));
    for s in elf.sections.iter().filter(plt) {
        let code = elf.data(s);
        let step = if elf.machine == AARCH64 { 4 } else { 8 };
        for at in (0..code.len()).step_by(step) {
            let Some(rest) = code.get(at..) else { continue };
            let address = s.address.wrapping_add(at as u64);
            let slot = match elf.machine {
                X86_64 | I386 => x86_stub(elf.machine, rest, address, base),
                AARCH64 => aarch64_stub(rest, address),
                _ => None,
            };
            if let Some(Bound::Import(name, 0)) = slot.and_then(|slot| bindings.get(&slot)) {
                let Some(rest) = left.checked_sub(name.len()) else { return out };
                left = rest;
                out.insert(address, name.clone());
            }
        }
    }
    out
}

/// The slot that a stub jumps through: `jmp [slot]`, perhaps after `endbr` and with a `bnd` prefix.
fn x86_stub(machine: u16, code: &[u8], address: u64, base: Option<u64>) -> Option<u64> {
    let mut at = 0;
    for prefix in [&[0xf3u8, 0x0f, 0x1e, if machine == I386 { 0xfb } else { 0xfa }][..], &[0xf2]] {
        if code.get(at..).is_some_and(|r| r.starts_with(prefix)) {
            at += prefix.len();
        }
    }
    let [0xff, form, a, b, c, d] = code.get(at..at + 6)? else { return None };
    let value = i32::from_le_bytes([*a, *b, *c, *d]);
    match (machine, form) {
        (X86_64, 0x25) => Some(address.wrapping_add(at as u64 + 6).wrapping_add_signed(i64::from(value))),
        (I386, 0x25) => Some(u64::from(value.cast_unsigned())),
        // `jmp [ebx + distance]`: the ABI has the GOT's address in ebx there.
        (I386, 0xa3) => Some(base?.wrapping_add_signed(i64::from(value)) & 0xffff_ffff),
        _ => None,
    }
}

/// `DT_PLTGOT`: what ebx holds in position-independent i386 code.
fn got(elf: &Exe) -> Option<u64> {
    let n = elf.numbers();
    let s = elf.sections.iter().find(|s| s.kind == 6)?;
    let entries = elf.data(s).chunks_exact(8).take_while(|e| n.int(e, 0, 4) != Some(0));
    entries.filter(|e| n.int(e, 0, 4) == Some(3)).find_map(|e| n.int(e, 4, 4))
}

/// `adrp x16, page; ldr x17, [x16, offset]; add x16, x16, offset; br x17`, perhaps after `bti c`, or with `autia1716`.
fn aarch64_stub(code: &[u8], address: u64) -> Option<u64> {
    let word = |i: usize| code.get(i * 4..)?.first_chunk::<4>().map(|w| u32::from_le_bytes(*w));
    let i = usize::from(word(0)? == 0xd503_245f);
    let (page, load, add) = (word(i)?, word(i + 1)?, word(i + 2)?);
    let jump = if word(i + 3)? == 0xd503_219f { word(i + 4)? } else { word(i + 3)? };
    if page & 0x9f00_001f != 0x9000_0010 || load & 0xffc0_03ff != 0xf940_0211 || add & 0xffc0_03ff != 0x9100_0210 || jump != 0xd61f_0220 {
        return None;
    }
    let distance = i64::from((((page >> 5 & 0x7_ffff) << 2 | page >> 29 & 3) << 11).cast_signed() >> 11) << 12;
    let base = (address.wrapping_add(i as u64 * 4) & !0xfff).wrapping_add_signed(distance);
    let slot = base.wrapping_add(u64::from(load >> 10 & 0xfff) * 8);
    // The resolver of lazy binding finds the slot by x16.
    (base.wrapping_add(u64::from(add >> 10 & 0xfff)) == slot).then_some(slot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stubs_are_read_from_their_code_and_nothing_else_is_one() {
        let bytes = |words: &[u32]| words.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<u8>>();
        // As binutils writes them: the slot is at 0x1ffb0 for a stub at 0x800.
        let plain = bytes(&[0xf000_00f0, 0xf947_da11, 0x913e_c210, 0xd61f_0220]);
        assert_eq!(aarch64_stub(&plain, 0x800), Some(0x1_ffb0));
        let marked = bytes(&[0xd503_245f, 0xf000_00f0, 0xf947_da11, 0x913e_c210, 0xd503_219f, 0xd61f_0220]);
        assert_eq!(aarch64_stub(&marked, 0x7fc), Some(0x1_ffb0));
        // Another register, another jump, and an x16 that lazy binding would take for another slot.
        for (at, word) in [(1, 0xf947_da12), (3, 0xd61f_0200), (2, 0x913e_a210), (0, 0xf000_00f1)] {
            let mut words = [0xf000_00f0, 0xf947_da11, 0x913e_c210, 0xd61f_0220];
            words[at] = word;
            assert_eq!(aarch64_stub(&bytes(&words), 0x800), None);
        }
        assert_eq!(aarch64_stub(&plain[..12], 0x800), None);
        let x86 = [0xff, 0x25, 0x10, 0, 0, 0, 0x66, 0x90];
        assert_eq!(x86_stub(X86_64, &x86, 0x1000, None), Some(0x1016));
        assert_eq!(x86_stub(I386, &x86, 0x1000, None), Some(0x10));
        assert_eq!(x86_stub(X86_64, &[&[0xf3, 0x0f, 0x1e, 0xfa, 0xf2][..], &x86].concat(), 0x1000, None), Some(0x101b));
        let relative = [0xff, 0xa3, 0x0c, 0, 0, 0];
        assert_eq!(x86_stub(I386, &relative, 0x1000, None), None);
        assert_eq!(x86_stub(I386, &relative, 0x1000, Some(0x4000)), Some(0x400c));
        assert_eq!(x86_stub(X86_64, &relative, 0x1000, Some(0x4000)), None);
    }
}
