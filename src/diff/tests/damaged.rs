//! Executables that no linker writes.

use super::make::{elf, program};
use super::*;

/// An ELF file whose code and whose constants have the same section name.
fn one_name_for_two(rodata: &[u8]) -> Vec<u8> {
    let mut p = program();
    p.rodata = rodata.to_vec();
    let mut out = elf(&p);
    let shoff = usize::try_from(u64::from_le_bytes(out[40..48].try_into().unwrap())).unwrap();
    let name = |out: &[u8], i: usize| u32::from_le_bytes(out[shoff + 64 * i..][..4].try_into().unwrap());
    let constants = name(&out, 2);
    out[shoff + 64..][..4].copy_from_slice(&constants.to_le_bytes());
    // Not a name of plain data: its bytes stand side by side by their equal start and end.
    let at = out.windows(9).rposition(|w| w == b"\0.rodata\0").unwrap();
    out[at + 1..][..7].copy_from_slice(b".gcc_xx");
    out
}

#[test]
fn code_and_data_of_the_same_name_are_told_apart() {
    let long = one_name_for_two(&[&b"one"[..], &[b'='; 60]].concat());
    let short = one_name_for_two(&[b'='; 60]);
    assert_eq!(compare_bytes(&long, &short).result, ResultMark::Different);
    assert_eq!(compare_bytes(&short, &long).result, ResultMark::Different);
}

#[test]
fn code_is_not_counted_by_the_pieces_of_the_data_of_the_same_name() {
    // As many bytes of code as of constants, on each side, and the constants changed their size.
    let file = |code: &[u8], texts: &[u8]| {
        let mut p = program();
        (p.text, p.rodata, p.symbols) = (code.to_vec(), texts.to_vec(), vec![("first", 0, code.len() as u64)]);
        let mut out = elf(&p);
        let shoff = usize::try_from(u64::from_le_bytes(out[40..48].try_into().unwrap())).unwrap();
        let name: [u8; 4] = out[shoff + 64 * 2..][..4].try_into().unwrap();
        out[shoff + 64..][..4].copy_from_slice(&name);
        out
    };
    let shipped = file(&[0x90; 48], &b"granted\0".repeat(6));
    let rebuilt = file(&[0xf4; 64], &b"granted\0".repeat(8));
    let node = compare_bytes(&shipped, &rebuilt);
    let code = node.regions.iter().find(|r| r.name.as_bytes() == b".rodata" && r.extent.shipped.is_some_and(|e| e.address == 0x1100));
    let account = &code.unwrap().account;
    assert_eq!((account.shipped.identical, account.rebuilt.identical), (0, 0), "{account:?}");
}

#[test]
fn the_ends_of_two_sections_of_one_name_are_two_places() {
    use crate::diff::image::{Image, Images};
    use crate::inspect::exe::Exe;
    // Behind both is a gap; the name of the first is that of the second.
    let mut file = elf(&program());
    let shoff = usize::try_from(u64::from_le_bytes(file[40..48].try_into().unwrap())).unwrap();
    let name: [u8; 4] = file[shoff + 64 * 2..][..4].try_into().unwrap();
    let image = |file: &[u8]| Image::new(Exe::elf(&file.to_vec().into()).unwrap(), Vec::new(), &|| false).unwrap();
    let same = |file: &[u8]| {
        let images = Images::new(Sides::new(image(file), image(file)), Vec::new(), &|| false).unwrap();
        let ends: Vec<u64> = images.sides.shipped.elf.sections[2..4].iter().map(|s| s.address + s.size).collect();
        (images.same_place(ends[0], ends[0]), images.same_place(ends[0], ends[1]))
    };
    assert_eq!(same(&file), (true, false));
    file[shoff + 64 * 3..][..4].copy_from_slice(&name);
    assert_eq!(same(&file), (false, false));
}

#[test]
fn names_of_imports_reach_nobody_unguarded() {
    // An import's name is what the first sentence of a difference says.
    let named = |name: &'static str| {
        let mut p = program();
        p.symbols = vec![("first", 0, 6), (name, 16, 6)];
        elf(&p)
    };
    let node = compare_bytes(&named("second\u{1b}[2J\u{202e}"), &{
        let mut p = program();
        p.symbols = vec![("first", 0, 6), ("second", 16, 6)];
        p.text[1] = 0x0c;
        elf(&p)
    });
    let mut said = vec![node.why.clone()];
    said.extend(node.functions.iter().map(|f| f.what.clone()));
    assert!(said.iter().any(|s| s.contains("<1B>")), "{said:?}");
    assert!(said.iter().all(|s| !s.contains(['\u{1b}', '\u{202e}'])), "{said:?}");
}
