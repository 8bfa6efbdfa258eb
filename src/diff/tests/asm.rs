//! Pairs of instructions: what is proved, and what looks alike and must not be.

use super::*;
use crate::diff::asm::{self, Note};
use crate::diff::image::{Image, Images};
use crate::diff::matching;
use crate::inspect::exe::Exe;
use crate::model::{LineMark, Sides, View};

const X86: u16 = 62;
const A64: u16 = 183;
/// Where `.text` is in the files made here.
const TEXT: u64 = 0x1100;
const RET: u32 = 0xd65f_03c0;
const NOP: u32 = 0xd503_201f;

fn file(p: &make::Program, machine: u16) -> Vec<u8> {
    let mut bytes = make::elf(p);
    bytes[18..20].copy_from_slice(&machine.to_le_bytes());
    bytes
}

fn images(a: &make::Program, b: &make::Program, machine: u16) -> Images {
    let image = |p: &make::Program| Image::new(Exe::elf(&file(p, machine).into()).unwrap(), Vec::new(), &|| false).expect("not given up");
    let sides = Sides::new(image(a), image(b));
    let pairs = matching::pair(&sides.shipped, &sides.rebuilt, &|| false, &crate::diff::in_order).expect("not given up");
    Images::new(sides, pairs, &|| false).expect("not given up")
}

/// The marks of the rows of the function `first`, and its remarks.
fn rows(a: &make::Program, b: &make::Program, machine: u16) -> (String, Vec<Note>) {
    let images = images(a, b, machine);
    let of = |image: &Image| image.functions.iter().find(|f| f.name.as_deref() == Some(b"first")).unwrap().clone();
    let (x, y) = (of(&images.sides.shipped), of(&images.sides.rebuilt));
    let code = asm::compare_with(&images, Sides::new(&x, &y), &|_| None).unwrap();
    (code.rows.iter().map(|r| r.mark.mark()).collect(), code.rows.into_iter().map(|r| r.note).collect())
}

/// `first` at the start, `second` at an offset, and a text in read-only data whose address follows from the length of the code.
fn program(first: &[u8], second_at: usize, second: &[u8]) -> make::Program {
    let mut text = first.to_vec();
    text.resize(second_at, 0);
    text.extend(second);
    let symbols = vec![("first", 0, first.len() as u64), ("second", second_at as u64, second.len() as u64)];
    make::Program { text, symbols, ..make::program() }
}

fn rodata(text: usize) -> u64 {
    (TEXT + text as u64).next_multiple_of(16)
}

fn a64(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|w| w.to_le_bytes()).collect()
}

fn adrp(d: u32, at: u64, to: u64) -> u32 {
    let pages = ((to >> 12).wrapping_sub(at >> 12)) as u32;
    0x9000_0000 | (pages & 3) << 29 | (pages >> 2 & 0x7_ffff) << 5 | d
}

fn add(d: u32, n: u32, to: u64) -> u32 {
    0x9100_0000 | ((to & 0xfff) as u32) << 10 | n << 5 | d
}

fn bl(at: u64, to: u64) -> u32 {
    0x9400_0000 | (to.wrapping_sub(at) >> 2) as u32 & 0x03ff_ffff
}

/// A function that takes the address of a text, calls `second` and returns; `gap` bytes are before `second`.
fn caller(gap: usize, to_data: u64, to_code: u64, between: Option<u32>) -> make::Program {
    let second_at = 32 + gap;
    let data = rodata(second_at + 8) + to_data;
    let mut words = vec![adrp(0, TEXT, data)];
    words.extend(between);
    words.extend([add(0, 0, data)]);
    words.push(bl(TEXT + words.len() as u64 * 4, TEXT + second_at as u64 + to_code));
    words.push(RET);
    program(&a64(&words), second_at, &a64(&[NOP, RET]))
}

#[test]
fn a_page_and_its_offset_are_proved_only_when_the_pair_leads_to_the_same_place() {
    let plain = caller(0, 0, 0, None);
    assert_eq!(rows(&plain, &caller(16, 0, 0, None), A64).0, "=~~=");
    // Over the end of a page both halves change.
    assert_eq!(rows(&plain, &caller(0xff0, 0, 0, None), A64).0, "~~~=");
    // Another text, another function, and what only looks like the pair.
    assert_eq!(rows(&plain, &caller(16, 4, 0, None), A64).0, "=|~=");
    assert_eq!(rows(&plain, &caller(0xff0, 4, 0, None), A64).0, "||~=");
    assert_eq!(rows(&plain, &caller(16, 0, 4, None), A64).0, "=~|=");
    // `mov x1, x0` takes the page somewhere that nobody followed.
    let taken = |gap| caller(gap, 0, 0, Some(0xaa00_03e1));
    assert_eq!(rows(&taken(0), &taken(0xff0), A64).0, "|=|~=");
    assert_eq!(rows(&taken(0), &taken(16), A64).0, "==|~=");
    // The call keeps its word and its function moves away from it.
    let mut stale = caller(16, 0, 0, None);
    stale.text[8..12].copy_from_slice(&plain.text[8..12]);
    let (marks, notes) = rows(&plain, &stale, A64);
    assert_eq!(marks, "=~|=");
    assert_eq!(notes[2], Note::OtherPlace);
}

#[test]
fn aarch64_functions_are_explained_listed_and_described() {
    let (a, b) = (caller(0, 0, 0, None), caller(0xff0, 0, 0, None));
    let node = compare_bytes(&file(&a, A64), &file(&b, A64));
    let first = node.functions.iter().find(|f| f.name.as_str() == Some("first")).unwrap();
    assert_eq!(first.result, ResultMark::Equivalent, "{first:?}");
    let differing = a.text[..12].iter().zip(&b.text[..12]).filter(|(x, y)| x != y).count() as u64;
    let text = node.regions.iter().find(|r| r.name.as_str() == Some(".text")).unwrap();
    assert_eq!(text.account.shipped.explained[&Cause::AddressShift], differing);
    let index = node.functions.iter().position(|f| f.name.as_str() == Some("first")).unwrap();
    let listing = node.evidence.as_ref().unwrap().listing(crate::model::Place::Function(index), View::Asm);
    let texts: Vec<String> = listing.rows.iter().map(|r| r.cells.rebuilt.as_ref().unwrap().text.plain()).collect();
    let name = "\"made 2022-12-26 here\"";
    assert_eq!(texts, [format!("adrp x0, {name}"), format!("add x0, x0, :lo12:{name}"), "bl second".to_owned(), "ret".to_owned()]);
    let operand = &listing.rows[2].cells.shipped.as_ref().unwrap().text.0;
    assert_eq!(operand.iter().map(|s| s.role).collect::<Vec<_>>(), [crate::text::Role::Text, crate::text::Role::Relocated]);
    assert_eq!(
        listing.rows[2].note.as_deref(),
        Some("moved, refers to the same function: second (0x1120) and second (0x2110)"),
        "{:?}",
        listing.rows[2]
    );
    // The first word of `second` changes in each way that has words of its own.
    for (old, new, what) in [
        (0x5400_0040, 0x1400_0002, "a conditional jump (b.eq) became unconditional"),
        (0x1400_0002, 0xb400_0042, "an unconditional jump became conditional (cbz)"),
        (0x5400_0040, 0x5400_0041, "the condition b.eq became b.ne"),
        (0x5280_00e0, 0x5280_0100, "immediate 0x7 became 0x8"),
        (0xaa02_03e1, 0xaa03_03e1, "register x2 became x3"),
        (0x9400_0000, NOP, "bl became nop"),
        (0x0000_0001, 0x0000_0002, "udf"),
    ] {
        let side = |word| program(&a64(&[RET]), 16, &a64(&[word, NOP, RET]));
        let node = compare_bytes(&file(&side(old), A64), &file(&side(new), A64));
        let found = node.functions.iter().find(|f| f.name.as_str() == Some("second")).unwrap();
        assert_eq!((found.result, found.changed), (ResultMark::Different, 1));
        assert!(found.what.contains(what) || what == "udf", "{what}: {}", found.what);
    }
}

#[test]
fn x86_operands_are_proved_and_nothing_beside_them() {
    let call = |prefix: &[u8], op: &[u8], tail: &[u8], gap: usize, to: u64| {
        let at = prefix.len() + op.len();
        let size = at + 4 + tail.len();
        let second = 32 + gap;
        let target = if op == [0xe8] { TEXT + second as u64 + to } else { rodata(second + 1) + to };
        let distance = i32::try_from(target as i64 - (TEXT + size as u64) as i64).unwrap();
        let first = [prefix, op, &distance.to_le_bytes(), tail, &[0xc3]].concat();
        program(&first, second, &[0xc3])
    };
    let same = |prefix: &'static [u8], op: &'static [u8], tail: &'static [u8]| {
        rows(&call(prefix, op, tail, 0, 0), &call(prefix, op, tail, 16, 0), X86).0
    };
    assert_eq!(same(&[], &[0xe8], &[]), "~=");
    assert_eq!(same(&[0xf2], &[0xe8], &[]), "~=");
    assert_eq!(same(&[], &[0x48, 0x8b, 0x05], &[]), "~=");
    assert_eq!(same(&[], &[0xc7, 0x05], &[1, 2, 3, 4]), "~=");
    // Far: the operand is not relative. Sixteen bits: processors disagree about the length.
    assert_eq!(same(&[0x66], &[0xe8], &[]), "|=");
    // Another prefix, a REX bit without a meaning, an immediate behind the operand, another target.
    let other = |x: &make::Program, y: &make::Program| rows(x, y, X86).0;
    assert_eq!(other(&call(&[0xf2], &[0xe8], &[], 0, 0), &call(&[0x2e], &[0xe8], &[], 16, 0)), "|=");
    assert_eq!(other(&call(&[0x2e], &[0xe8], &[], 0, 0), &call(&[0x3e], &[0xe8], &[], 0, 0)), "|=");
    assert_eq!(other(&call(&[], &[0x48, 0x8b, 0x05], &[], 0, 0), &call(&[], &[0x4a, 0x8b, 0x05], &[], 16, 0)), "|=");
    assert_eq!(other(&call(&[], &[0xc7, 0x05], &[1, 2, 3, 4], 0, 0), &call(&[], &[0xc7, 0x05], &[1, 2, 3, 5], 16, 0)), "|=");
    assert_eq!(other(&call(&[], &[0x48, 0x8b, 0x05], &[], 0, 0), &call(&[], &[0x48, 0x8b, 0x05], &[], 16, 2)), "|=");
    assert_eq!(other(&call(&[], &[0xff, 0x25], &[], 0, 0), &call(&[], &[0xff, 0x15], &[], 0, 0)), "|=");
    // The same bytes that lead elsewhere.
    let mut stale = call(&[], &[0xe8], &[], 16, 0);
    stale.text[..5].copy_from_slice(&call(&[], &[0xe8], &[], 0, 0).text[..5]);
    let (marks, notes) = rows(&call(&[], &[0xe8], &[], 0, 0), &stale, X86);
    assert_eq!((marks.as_str(), &notes[0]), ("|=", &Note::OtherPlace));
}

#[test]
fn a_jump_into_an_instruction_is_proved_only_over_a_prefix() {
    // je +1 over `lock`: cmpxchg [rdi], esi; ret; a call before it makes the two sides differ.
    let side = |jump: &[u8], gap: usize| {
        let distance = u8::try_from(32 + gap - 5).unwrap();
        program(&[&[0xe8, distance, 0, 0, 0][..], jump, &[0xc3]].concat(), 32 + gap, &[0xc3])
    };
    let over = [0x74, 0x01, 0xf0, 0x0f, 0xb1, 0x37];
    assert_eq!(rows(&side(&over, 0), &side(&over, 16), X86).0, "~===");
    // The same bytes around a jump into an immediate that hides a jump of its own.
    let hidden = [0x74, 0x03, 0xb8, 0x90, 0x90, 0xeb, 0x05];
    let (marks, notes) = rows(&side(&hidden, 0), &side(&hidden, 16), X86);
    assert_eq!(marks, "~|==");
    assert_eq!(notes[1], Note::OtherRow);
}

#[test]
fn an_immediate_is_explained_by_whoever_can_prove_it_and_only_its_bytes() {
    // mov esi, n; mov [rip + x], n; ret
    let side = |line: u8, other: u8| {
        let text = [0xbe, line, 0, 0, 0, 0x48, 0xc7, 0x05, 0x10, 0, 0, 0, other, 0, 0, 0, 0xc3];
        program(&text, 32, &[0xc3])
    };
    let explain = |a: &make::Program, b: &make::Program, delta: u64| {
        let images = images(a, b, X86);
        let f = |image: &Image| image.functions[0].clone();
        let (x, y) = (f(&images.sides.shipped), f(&images.sides.rebuilt));
        let prove = |i: &asm::Immediate<'_>| {
            assert_eq!((i.at.shipped, i.at.rebuilt), (TEXT, TEXT));
            (i.value.rebuilt == i.value.shipped + delta).then(|| (Cause::LineShift, "line".to_owned()))
        };
        let code = asm::compare_with(&images, Sides::new(&x, &y), &prove).unwrap();
        let marks: String = code.rows.iter().map(|r| r.mark.mark()).collect();
        let bytes = code.explained(Sides::new(images.sides.shipped.code(&x), images.sides.rebuilt.code(&y)));
        (marks, bytes)
    };
    let (marks, bytes) = explain(&side(10, 1), &side(11, 1), 1);
    assert_eq!(marks, "~==");
    assert_eq!(bytes.into_iter().collect::<Vec<_>>(), [(Cause::LineShift, vec![Sides::new(1..2, 1..2)])]);
    assert_eq!(explain(&side(10, 1), &side(12, 1), 1).0, "|==");
    // The immediate beside an address is nobody's line number.
    assert_eq!(explain(&side(10, 1), &side(10, 2), 1).0, "=|=");
    let mut wide = side(11, 1);
    wide.text[0] = 0xbf;
    assert_eq!(explain(&side(10, 1), &wide, 1).0, "|==");
    // aarch64: mov w1, n
    let word = |n: u32, rest: u32| program(&a64(&[0x5280_0001 | n << 5 | rest, RET]), 16, &a64(&[RET]));
    let images = images(&word(300, 0), &word(301, 0), A64);
    let (x, y) = (images.sides.shipped.functions[0].clone(), images.sides.rebuilt.functions[0].clone());
    let prove = |i: &asm::Immediate<'_>| (i.value == Sides::new(300, 301)).then(|| (Cause::LineShift, "line".to_owned()));
    let code = asm::compare_with(&images, Sides::new(&x, &y), &prove).unwrap();
    assert_eq!(code.rows[0].mark, LineMark::Explained);
    assert_eq!(code.rows[0].note, Note::Given("line".to_owned()));
}

#[test]
fn padding_does_nothing_on_any_processor() {
    let image = |code: &[u8], machine| {
        Image::new(Exe::elf(&file(&program(code, 64, &[0xc3]), machine).into()).unwrap(), Vec::new(), &|| false).expect("not given up")
    };
    let is_padding = |code: &[u8], machine| {
        let image = image(code, machine);
        asm::is_padding(&image, &image.functions[0].clone())
    };
    assert!(is_padding(&a64(&[NOP, 0, 0xd420_0000]), A64));
    assert!(!is_padding(&a64(&[NOP, 0xd420_0020]), A64));
    assert!(!is_padding(&[&a64(&[NOP])[..], &[1]].concat(), A64));
    assert!(is_padding(&[0x90, 0xcc, 0x0f, 0x1f, 0x00], X86));
    assert!(!is_padding(&[0x90, 0xc3], X86));
}

#[test]
fn bytes_sections_and_strings_are_listed_with_what_they_belong_to() {
    let mut a = caller(0, 0, 0, None);
    let mut b = caller(16, 0, 0, None);
    a.text[12..16].copy_from_slice(&NOP.to_le_bytes());
    b.rodata[..4].copy_from_slice(b"late");
    let node = compare_bytes(&file(&a, A64), &file(&b, A64));
    let listing = |view, place| node.evidence.as_ref().unwrap().listing(place, view);
    let first = node.functions.iter().position(|f| f.name.as_str() == Some("first")).unwrap();
    let hex = listing(View::Bytes, crate::model::Place::Function(first));
    let texts: Vec<String> = hex.rows.iter().map(|r| r.cells.rebuilt.as_ref().unwrap().text.plain()).collect();
    assert_eq!(hex.rows.iter().map(|r| r.mark.mark()).collect::<String>(), "=~~|");
    assert_eq!(texts[3], "c0 03 5f d6             ret");
    assert_eq!(hex.rows[3].cells.shipped.as_ref().unwrap().number, TEXT + 12);
    let roles: Vec<_> = hex.rows[1].cells.rebuilt.as_ref().unwrap().text.0.iter().map(|s| s.role).collect();
    assert!(roles.contains(&crate::text::Role::Relocated) && !roles.contains(&crate::text::Role::Rebuilt));

    let sections = listing(View::Sections, crate::model::Place::Whole);
    let header = sections.rows.iter().position(|r| r.note.as_deref() == Some("program headers")).unwrap();
    let loads = &sections.rows[header + 1];
    assert_eq!(loads.mark, LineMark::Changed);
    assert!(loads.cells.shipped.as_ref().unwrap().text.plain().starts_with("LOAD r-x "), "{loads:?}");

    let strings = listing(View::Strings, crate::model::Place::Whole);
    let part = strings.rows.iter().position(|r| r.note.as_deref() == Some(".rodata")).unwrap();
    let (old, new) = (&strings.rows[part + 1], &strings.rows[part + 2]);
    assert_eq!((old.mark, new.mark), (LineMark::OnlyShipped, LineMark::OnlyRebuilt));
    let cell = new.cells.rebuilt.as_ref().unwrap();
    assert_eq!((cell.number, cell.text.plain().as_str()), (rodata(32 + 16 + 8), "late 2022-12-26 here"));
    assert_eq!(new.note.as_deref(), Some("referred to by first"));
}

#[test]
fn a_very_long_function_is_listed_around_its_differences() {
    let side = |byte: u8| {
        let mut text = vec![0x90; 60_000];
        text[50_000..50_005].copy_from_slice(&[0xb8, byte, 0, 0, 0]);
        text.push(0xc3);
        program(&text, 60_016, &[0xc3])
    };
    let node = compare_bytes(&file(&side(1), X86), &file(&side(2), X86));
    let first = node.functions.iter().position(|f| f.name.as_str() == Some("first")).unwrap();
    let listing = node.evidence.as_ref().unwrap().listing(crate::model::Place::Function(first), View::Asm);
    assert_eq!(listing.rows.len(), 21);
    assert_eq!(listing.differences(), [10]);
    assert_eq!(listing.rows[10].note.as_deref(), Some("immediate 0x1 became 0x2"));
    assert!(listing.cut.unwrap().starts_with("59976 of 59997 rows are left out"));
}
