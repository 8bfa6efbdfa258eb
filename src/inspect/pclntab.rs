//! The table of functions that every Go program carries for its own stack traces (`.gopclntab`), stripped or not. Its names
//! are claims like those of any symbol table. Form: `debug/gosym/pclntab.go` of the Go distribution.

use super::exe::{Exe, Names};
use super::symbols::Symbol;

/// Functions that are read at most.
const MAX_FUNCTIONS: u64 = 2_000_000;

/// Where the parts of a table are.
struct Layout {
    count: u64,
    /// What the addresses count from.
    text: u64,
    names: usize,
    functions: usize,
    /// Size of the numbers in the list of functions.
    word: usize,
}

/// The functions that the table names; none when there is no table, or it has a form that is not known.
pub(crate) fn symbols(exe: &Exe) -> Vec<Symbol> {
    let section = exe.sections.iter().find(|s| matches!(s.name.as_slice(), b".gopclntab" | b".data.rel.ro.gopclntab" | b"__gopclntab"));
    section.and_then(|s| read(exe, exe.data(s))).unwrap_or_default()
}

fn layout(exe: &Exe, data: &[u8]) -> Option<Layout> {
    let n = exe.numbers();
    let size = usize::from(*data.get(7)?);
    if data.get(4..6)? != [0, 0] || !matches!(data.get(6)?, 1 | 2 | 4) || size != if exe.wide { 8 } else { 4 } {
        return None;
    }
    let word = |i: usize| n.int(data, 8 + i * size, size);
    let place = |i: usize| usize::try_from(word(i)?).ok();
    Some(match n.int(data, 0, 4)? {
        // Go 1.2: everything counts from the start of the table.
        0xffff_fffb => Layout { count: word(0)?, text: 0, names: 0, functions: 8 + size, word: size },
        // Go 1.16.
        0xffff_fffa => Layout { count: word(0)?, text: 0, names: place(2)?, functions: place(6)?, word: size },
        // Go 1.18 and 1.20: addresses count from the start of the code, which the loader may fill in.
        0xffff_fff0 | 0xffff_fff1 => {
            let stated = word(2)?;
            let text = if stated == 0 { exe.section(".text").or_else(|| exe.section("__text"))?.address } else { stated };
            Layout { count: word(0)?, text, names: place(3)?, functions: place(7)?, word: 4 }
        }
        _ => return None,
    })
}

fn read(exe: &Exe, data: &[u8]) -> Option<Vec<Symbol>> {
    let (n, layout) = (exe.numbers(), layout(exe, data)?);
    let list = data.get(layout.functions..)?;
    // In the oldest form the list has no part of its own, and what it leads to counts from the start of the table.
    let base = if layout.names == 0 { data } else { list };
    let mut names = Names::new(data.get(layout.names..)?);
    let mut out = Vec::new();
    for i in 0..usize::try_from(layout.count.min(MAX_FUNCTIONS)).ok()? {
        let at = i.checked_mul(2 * layout.word)?;
        let number = |k: usize| n.int(list, at + k * layout.word, layout.word);
        let (Some(start), Some(info), Some(end)) = (number(0), number(1), number(2)) else { break };
        // The address of the function stands before the place of its name.
        let info = usize::try_from(info).ok().and_then(|at| at.checked_add(layout.word));
        let Some(name) = info.and_then(|at| n.int(base, at, 4)).and_then(|at| names.at(at)) else { continue };
        let address = layout.text.wrapping_add(start);
        if !name.is_empty() && end > start && exe.section_at(address).is_some_and(|s| s.is_code()) {
            out.push(Symbol { name: name.to_vec(), address, size: end - start, code: true, global: false });
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::exe::{Format, Section};

    /// Two functions in a program whose code is at 0x1000.
    fn program(table: Vec<u8>) -> Exe {
        let section = |name: &[u8], flags, address, range: std::ops::Range<usize>| Section {
            name: name.to_vec(),
            kind: 1,
            flags,
            address,
            size: range.len() as u64,
            range,
            link: 0,
            info: 0,
        };
        let size = table.len();
        let mut exe = Exe {
            format: Format::Elf,
            blob: [vec![0x90; 64], table].concat().into(),
            wide: true,
            little: true,
            machine: 62,
            kind: 2,
            segments: Vec::new(),
            sections: vec![section(b".text", 6, 0x1000, 0..64), section(b".gopclntab", 2, 0x2000, 64..64 + size)],
            regions: Vec::new(),
            starts: Vec::new(),
            odd: Vec::new(),
            object: None,
        };
        exe.placed();
        exe
    }

    fn words(magic: u32, words: &[u64]) -> Vec<u8> {
        let head = [&magic.to_le_bytes()[..], &[0, 0, 1, 8]].concat();
        words.iter().fold(head, |out, w| [out, w.to_le_bytes().to_vec()].concat())
    }

    fn halves(list: &[u32]) -> Vec<u8> {
        list.iter().flat_map(|w| w.to_le_bytes()).collect()
    }

    fn told(table: Vec<u8>) -> Vec<(String, u64, u64)> {
        let all = symbols(&program(table));
        all.into_iter().map(|s| (String::from_utf8(s.name).unwrap(), s.address, s.size)).collect()
    }

    #[test]
    fn every_form_of_the_table_names_its_functions() {
        let wanted = [("main.main".to_owned(), 0x1000, 16), ("main.check".to_owned(), 0x1010, 32)];
        let names = b"\0main.main\0main.check\0\0\0";
        // Since 1.18: the names at 72, the list behind them.
        for (magic, text) in [(0xffff_fff0u32, 0x1000), (0xffff_fff1, 0x1000), (0xffff_fff1, 0)] {
            let mut table = words(magic, &[2, 1, text, 72, 0, 0, 0, 96]);
            table.extend(names);
            table.extend(halves(&[0, 20, 16, 28, 48, /* functions */ 0, 1, 16, 11]));
            assert_eq!(told(table), wanted, "{magic:x} {text:x}");
        }
        // 1.16: addresses in full.
        let mut table = words(0xffff_fffa, &[2, 1, 64, 0, 0, 0, 88]);
        table.extend(names);
        table.extend([0x1000u64, 40, 0x1010, 56, 0x1030].iter().flat_map(|w| w.to_le_bytes()));
        for (address, name) in [(0x1000u64, 1u64), (0x1010, 11)] {
            table.extend(address.to_le_bytes().iter().chain(&name.to_le_bytes()));
        }
        assert_eq!(told(table), wanted);
        // 1.2: all from the start.
        let mut table = words(0xffff_fffb, &[2, 0x1000, 80, 0x1010, 96, 0x1030]);
        table.extend(names);
        for (address, name) in [(0x1000u64, 57u64), (0x1010, 67)] {
            table.extend(address.to_le_bytes().iter().chain(&name.to_le_bytes()));
        }
        assert_eq!(told(table), wanted);
        assert_eq!(told(words(0xffff_fff2, &[2, 1, 0, 0, 0, 0, 0, 0])), []);
        assert_eq!(told(words(0xffff_fff1, &[u64::MAX, 1, 0x1000, 72, 0, 0, 0, 72])), []);
    }
}
