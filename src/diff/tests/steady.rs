//! Where something moved, what is equal byte for byte may lead elsewhere.

use super::*;

/// What to do with references behind a text whose size changed.
#[derive(Clone, Copy, PartialEq)]
enum Refer {
    Right,
    /// As if nothing had moved.
    Unchanged,
    /// To something else.
    Wrong,
}

/// A constant behind a build path, and a `switch` whose table is there too.
fn program(path: &[u8], constant: Refer, table: Refer) -> Vec<u8> {
    let (text_at, rodata_at) = (0x1100u32, 0x1130u32);
    let layout = |path: &[u8]| {
        let deny = path.len() + 1;
        (u32::try_from(deny).unwrap(), u32::try_from((deny + 11).next_multiple_of(4)).unwrap())
    };
    let (deny, cases) = layout(path);
    let before = layout(b"/b/one/x.c");
    let mut text = vec![0x48, 0x8d, 0x05];
    let at = match constant {
        Refer::Right => deny,
        Refer::Unchanged => before.0,
        Refer::Wrong => deny + 5,
    };
    text.extend((rodata_at + at - (text_at + 7)).to_le_bytes());
    text.push(0xc3);
    text.resize(16, 0x90);
    // lea rdx, [table]; movsxd rax, [rdx+rdi*4]; add rax, rdx; jmp rax; two cases.
    text.extend([0x48, 0x8d, 0x15]);
    text.extend((rodata_at + cases - (text_at + 23)).to_le_bytes());
    text.extend([0x48, 0x63, 0x04, 0xba, 0x48, 0x01, 0xd0, 0xff, 0xe0]);
    text.extend([0x31, 0xc0, 0xc3, 0xb8, 1, 0, 0, 0, 0xc3]);
    let mut rodata = [path, b"\0deny\0allow\0"].concat();
    rodata.resize(cases as usize, 0);
    let base = match table {
        Refer::Unchanged => rodata_at + before.1,
        _ => rodata_at + cases,
    };
    let second = if table == Refer::Wrong { 32 } else { 35 };
    rodata.extend((text_at + 32).wrapping_sub(base).to_le_bytes());
    rodata.extend((text_at + second).wrapping_sub(base).to_le_bytes());
    make::elf(&make::Program { text, rodata, symbols: vec![("first", 0, 8), ("second", 16, 25)], ..make::program() })
}

#[test]
fn what_stands_behind_a_build_path_is_referred_to_in_its_new_place() {
    use Refer::{Right, Unchanged, Wrong};
    let rebuilt = program(b"/b/one/x.c", Right, Right);
    let longer = b"/b/thirteen/x.c";
    let node = compare_bytes(&program(longer, Right, Right), &rebuilt);
    assert!(node.functions.iter().all(|f| f.result == ResultMark::Equivalent), "{} {:?} {:?}", node.why, node.metadata, node.functions);
    let causes: Vec<_> = node.account.shipped.explained.keys().copied().collect();
    assert_eq!(causes, [Cause::AddressShift]);
    // Without debug information nobody says that the path is of what was compiled: it stays unexplained, with the padding.
    assert_eq!((node.result, node.account.shipped.unexplained), (ResultMark::Different, 13));
    assert!(node.tried.iter().any(|t| t.cause == Cause::BuildPath), "{:?}", node.tried);
    for (constant, table, function) in
        [(Unchanged, Right, "first"), (Wrong, Right, "first"), (Right, Unchanged, "second"), (Right, Wrong, "second")]
    {
        let evil = program(longer, constant, table);
        for (a, b) in [(&evil, &rebuilt), (&rebuilt, &evil)] {
            let node = compare_bytes(a, b);
            assert_eq!(node.result, ResultMark::Different, "{function} {}", node.why);
            let real: Vec<_> = node.functions.iter().filter(|f| f.result == ResultMark::Different).map(|f| f.name.lossy()).collect();
            assert_eq!(real, [function], "{}", node.why);
        }
    }
}

/// In a real pair that differs in its build path: each part that follows from what moved is put back as it was, so that it is
/// equal to the other side and wrong.
#[test]
fn a_part_that_did_not_follow_what_moved_is_never_the_same() {
    let Some(dir) = real::corpus() else { return };
    let read = |n: &str| std::fs::read(dir.join("elf/b2-buildpath-__FILE__").join(n)).unwrap();
    let (shipped, rebuilt) = (read("b"), read("a"));
    let node = compare_bytes(&shipped, &rebuilt);
    let mut parts = Vec::new();
    for region in &node.regions {
        let (Some(x), Some(y)) = (region.extent.shipped, region.extent.rebuilt) else { continue };
        let moved = region.account.shipped.explained.contains_key(&Cause::AddressShift) && x.size == y.size;
        if moved && region.name.as_str() != Some("section headers") && !region.name.lossy().starts_with("ELF header") {
            parts.push((region.name.lossy().into_owned(), x, y));
        }
    }
    assert!(parts.len() >= 6, "{parts:?}");
    for f in &node.functions {
        parts.push((f.name.lossy().into_owned(), f.extent.shipped.unwrap(), f.extent.rebuilt.unwrap()));
    }
    // What the loader fills from relocations is overwritten, whatever the file has there.
    parts.retain(|(name, _, _)| name != ".data.rel.ro");
    for (name, x, y) in parts {
        let at = |e: crate::model::Extent| usize::try_from(e.offset).unwrap()..usize::try_from(e.offset + e.size).unwrap();
        let mut evil = shipped.clone();
        evil[at(x)].copy_from_slice(&rebuilt[at(y)]);
        assert_ne!(evil, shipped);
        let node = compare_bytes(&evil, &rebuilt);
        assert_eq!(node.result, ResultMark::Different, "{name}");
    }
}

/// Functions of four bytes, as (name, start): each returns its letter. `first` is the code of `a`.
fn ordered(first: &[u8], places: &[(&'static str, usize)]) -> Vec<u8> {
    let mut text = vec![0x90; 80];
    let mut symbols = Vec::new();
    for (name, at) in places {
        let own = [0x8d, 0x47, name.as_bytes()[0], 0xc3];
        let code = if *name == "a" { first } else { &own };
        text[*at..*at + code.len()].copy_from_slice(code);
        symbols.push((*name, *at as u64, code.len() as u64));
    }
    symbols.sort_by_key(|s| s.0);
    make::elf(&make::Program { text, symbols, ..make::program() })
}

/// lea eax, [rdi+0x61]; nops; ret
const PLAIN: &[u8] = &[0x8d, 0x47, 0x61, 0x90, 0x90, 0x90, 0x90, 0xc3];

#[test]
fn a_function_at_an_odd_address_is_another_one_to_who_asks() {
    let rebuilt = ordered(PLAIN, &[("a", 0), ("b", 16), ("c", 32), ("d", 48), ("e", 64)]);
    let turned = |c: usize| ordered(PLAIN, &[("a", 0), ("c", c), ("d", 32), ("b", 48), ("e", 64)]);
    let node = compare_bytes(&turned(16), &rebuilt);
    assert_eq!(node.result, ResultMark::Equivalent, "{} {:?}", node.why, node.functions);
    let said = |n: &Node| n.proofs.iter().filter(|p| p.values.shipped.lossy().contains("rank or address bits of functions")).count();
    assert_eq!(said(&node), 1, "what is taken for granted: {:?}", node.proofs);
    for odd in [17, 18] {
        for (a, b) in [(&turned(odd), &rebuilt), (&rebuilt, &turned(odd))] {
            let node = compare_bytes(a, b);
            assert_eq!(node.result, ResultMark::Different, "{odd}");
            let real: Vec<_> = node.functions.iter().filter(|f| f.result == ResultMark::Different).map(|f| f.name.lossy()).collect();
            assert_eq!(real, ["c"], "{odd}: {}", node.why);
            assert!(node.why.contains("aligned otherwise"), "{}", node.why);
        }
    }
}

#[test]
fn what_is_read_over_the_end_of_a_piece_is_read_of_what_stands_there() {
    // mov eax, [rip+n]; nop; ret. It reads the function itself; from its last byte on; the padding; from the last byte of that on; what
    // stands behind.
    let reader = |n: i32| [&[0x8b, 0x05][..], &n.to_le_bytes(), &[0x90, 0xc3]].concat();
    for (n, result) in [
        (-3, ResultMark::Equivalent),
        (1, ResultMark::Different),
        (3, ResultMark::Different),
        (9, ResultMark::Different),
        (10, ResultMark::Different),
    ] {
        let rebuilt = ordered(&reader(n), &[("a", 0), ("b", 16), ("c", 32), ("d", 48), ("e", 64)]);
        let shipped = ordered(&reader(n), &[("a", 0), ("c", 16), ("d", 32), ("b", 48), ("e", 64)]);
        for (a, b) in [(&shipped, &rebuilt), (&rebuilt, &shipped)] {
            let node = compare_bytes(a, b);
            assert_eq!(node.result, result, "{n}: {} {:?}", node.why, node.functions);
        }
    }
}
