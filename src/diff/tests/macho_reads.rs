//! Mach-O files in which something reads the UUID, the signature or the notes for debuggers, and signatures with more in them than that.

use super::make_macho::{BASE, DATA, Macho, TEXT, macho, program};
use super::*;
use crate::inspect::signed::tests::{plain, with_more};

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|w| w.to_le_bytes()).collect()
}

fn longs(longs: &[u64]) -> Vec<u8> {
    longs.iter().flat_map(|w| w.to_le_bytes()).collect()
}

/// Where bytes stand in a file.
fn place(m: &Macho, needle: &[u8]) -> u64 {
    macho(m).windows(needle.len()).position(|w| w == needle).unwrap() as u64
}

/// The result for two programs whose UUIDs differ, each changed in the same way. The change is told where the UUID is.
fn uuids(change: &dyn Fn(&mut Macho, u64)) -> ResultMark {
    let mut own = program();
    // A change may move it: it is told twice.
    for _ in 0..2 {
        let at = place(&own, &[7; 16]);
        own = program();
        change(&mut own, at);
    }
    let other = Macho { uuid: [8; 16], ..own.clone() };
    let (a, b) = (macho(&own), macho(&other));
    let node = compare_bytes(&a, &b);
    assert_eq!(node.result, compare_bytes(&b, &a).result);
    node.result
}

/// Exports of one name at an offset of the file, or of a kind of its own.
fn trie(flags: u8, to: u64) -> Vec<u8> {
    let mut node = vec![flags];
    node.extend([to as u8 & 0x7f | 0x80, (to >> 7) as u8 & 0x7f | 0x80, (to >> 14) as u8]);
    [&[0, 1][..], b"_run\0", &[8, node.len() as u8], &node, &[0]].concat()
}

/// Chains with one pointer at that offset of the first segment.
fn chains(form: u16, at: u64) -> Vec<u8> {
    let mut out = words(&[0, 28, 0, 0, 0, 0, 0, 1, 8, 24, 0x1000 | u32::from(form) << 16]);
    out.extend([longs(&[0]), words(&[0]), words(&[1 | (at as u32) << 16])].concat());
    out
}

#[test]
fn what_leads_into_the_uuid_reads_it() {
    let main = |to: u64| [words(&[0x8000_0028, 24]), longs(&[to, 0])].concat();
    assert_eq!(uuids(&|m, _| m.commands.push(main(TEXT as u64))), ResultMark::Equivalent);
    assert_eq!(uuids(&|m, at| m.commands.push(main(at))), ResultMark::Different, "where it starts");
    let thread = |to: u64| [words(&[5, 184, 4, 42]), longs(&[0; 16]), longs(&[to, 0, 0, 0, 0])].concat();
    assert_eq!(uuids(&|m, _| m.commands.push(thread(BASE + TEXT as u64))), ResultMark::Equivalent);
    assert_eq!(uuids(&|m, at| m.commands.push(thread(BASE + at))), ResultMark::Different, "where its thread starts");
    let routines = |to: u64| [words(&[0x1a, 72]), longs(&[to; 1]), longs(&[0; 7])].concat();
    assert_eq!(uuids(&|m, at| m.commands.push(routines(BASE + at))), ResultMark::Different, "what runs first in old libraries");

    let exports = |flags, to| (0x8000_0033, trie(flags, to));
    assert_eq!(uuids(&|m, _| m.linked.push(exports(0, TEXT as u64))), ResultMark::Equivalent);
    assert_eq!(uuids(&|m, at| m.linked.push(exports(0, at))), ResultMark::Different, "an export");
    assert_eq!(uuids(&|m, _| m.linked.push((0x8000_0033, vec![5, 1]))), ResultMark::Different, "exports that are cut off");

    let data = |kind, content: Vec<u8>| Some(("__const", kind, content));
    assert_eq!(uuids(&|m, _| m.data = data(0, longs(&[BASE + TEXT as u64]))), ResultMark::Equivalent);
    assert_eq!(uuids(&|m, at| m.data = data(0, longs(&[0, BASE + at + 3]))), ResultMark::Different, "an address in full");
    assert_eq!(uuids(&|m, at| m.data = data(0, words(&[(at as u32).wrapping_sub(DATA as u32)]))), ResultMark::Different, "a distance");
    assert_eq!(uuids(&|m, at| m.data = data(0, words(&[at as u32 + 8]))), ResultMark::Equivalent, "a number");
    assert_eq!(uuids(&|m, at| m.data = data(0x16, words(&[at as u32 + 8]))), ResultMark::Different, "what runs first");

    for (form, pointer) in [(6u16, 0u64), (2, BASE), (1, 1 << 63), (9, 0), (12, 1 << 63)] {
        let made = |m: &mut Macho, to: u64| {
            m.linked.push((0x8000_0034, chains(form, DATA as u64)));
            m.data = data(0, longs(&[pointer | pointer.wrapping_add(to) & 0xf_ffff_ffff]));
        };
        assert_eq!(uuids(&|m, _| made(m, TEXT as u64)), ResultMark::Equivalent, "{form}");
        assert_eq!(uuids(&|m, at| made(m, at)), ResultMark::Different, "a pointer of the form {form}");
    }
    // One in the UUID itself, one of a form that is not known, and one in a place that is not there.
    assert_eq!(uuids(&|m, at| m.linked.push((0x8000_0034, chains(6, at)))), ResultMark::Different);
    assert_eq!(uuids(&|m, _| m.linked.push((0x8000_0034, chains(3, DATA as u64)))), ResultMark::Different);

    let unwind = |handler: u32, list: u32| words(&[1, 28, 0, 28, 1, 32, 2, handler, 0, 0, 56, 0, 0, 64, TEXT as u32, list]);
    let section = |content| Some(("__unwind_info", 0, content));
    assert_eq!(uuids(&|m, _| m.data = section(unwind(0x300, 0x300))), ResultMark::Equivalent);
    assert_eq!(uuids(&|m, at| m.data = section(unwind(0x300, at as u32))), ResultMark::Different, "what unwinding goes by");
    assert_eq!(
        uuids(&|m, at| m.data = section(words(&[1, 28, 0, 28, 1, 32, 0, at as u32]))),
        ResultMark::Different,
        "who handles exceptions"
    );
}

#[test]
fn what_leads_into_the_signature_reads_it() {
    let hashes = |byte: u8| Some(vec![byte; 60]);
    let result = |change: &dyn Fn(&mut Macho, u64)| {
        let mut own = Macho { signature: hashes(1), ..program() };
        for _ in 0..2 {
            let at = place(&own, &[1; 60]);
            own = Macho { signature: hashes(1), ..program() };
            change(&mut own, BASE + 0x4000 + at - 0x800);
        }
        compare_bytes(&macho(&own), &macho(&Macho { signature: hashes(2), ..own })).result
    };
    assert_eq!(result(&|_, _| ()), ResultMark::Equivalent);
    assert_eq!(result(&|m, at| m.data = Some(("__const", 0, longs(&[at + 7])))), ResultMark::Different, "an address in full");
    let by_offset = |m: &mut Macho, at: u64| m.linked.push((0x8000_0033, trie(0, at - BASE)));
    assert_eq!(result(&by_offset), ResultMark::Different, "an export");
}

#[test]
fn a_signature_holds_nothing_but_a_signature() {
    let signed = |cms: Vec<u8>| macho(&Macho { signature: Some(vec![1; 60]), cms, ..program() });
    let result = |old: Vec<u8>, new: Vec<u8>| compare_bytes(&signed(old), &signed(new)).result;
    assert_eq!(result(plain(b"one"), plain(b"another")), ResultMark::Equivalent);
    assert_eq!(result(Vec::new(), plain(b"another")), ResultMark::Equivalent);
    assert_eq!(result(plain(b"one"), with_more(b"#!/bin/sh")), ResultMark::Different);
    assert_eq!(result(plain(b"one"), b"#!/bin/sh".to_vec()), ResultMark::Different);
    assert_eq!(result(plain(b"one"), [plain(b"one"), vec![0]].concat()), ResultMark::Different);
    // In the form that signing tools of macOS write.
    let der = plain(b"one");
    let open = [&[0x30, 0x80][..], &der[2..], &[0, 0]].concat();
    assert_eq!(der[1] & 0x80, 0, "a short one");
    assert_eq!(result(open.clone(), plain(b"another")), ResultMark::Equivalent);
    assert_eq!(result([&open[..], &[0]].concat(), plain(b"another")), ResultMark::Different);
    // More hashes than pages.
    let hashes = |hashes: Vec<u8>| macho(&Macho { signature: Some(hashes), ..program() });
    assert_eq!(compare_bytes(&hashes(vec![1; 60]), &hashes(vec![2; 60])).result, ResultMark::Equivalent);
    assert_eq!(compare_bytes(&hashes(vec![1; 80]), &hashes(vec![2; 80])).result, ResultMark::Different);
    // Requirements as long as a program.
    let long: &'static str = Box::leak("x".repeat(5000).into_boxed_str());
    let one = macho(&program());
    let two = macho(&Macho { signature: Some(vec![1; 60]), requirements: long, ..program() });
    assert_eq!(compare_bytes(&one, &two).result, ResultMark::Different);
}

#[test]
fn a_text_of_a_command_and_the_name_of_a_symbol_lie_where_they_belong() {
    let rpath = |at: u32, text: &[u8]| [words(&[0x8000_001c, 32, at]), text.to_vec(), vec![0; 20 - text.len()]].concat();
    assert_eq!(uuids(&|m, _| m.commands.push(rpath(12, b"/usr/lib"))), ResultMark::Equivalent);
    for odd in [rpath(32, b"/usr/lib"), rpath(8, b"/usr/lib"), rpath(12, &[b'x'; 20])] {
        assert_eq!(uuids(&|m, _| m.commands.push(odd.clone())), ResultMark::Different);
    }
    // The second name begins behind the names: in the signature.
    let pair = [1, 2].map(|byte| {
        let mut bytes = macho(&Macho { signature: Some(vec![byte; 60]), ..program() });
        let second = bytes.windows(8).position(|w| w == [8, 0, 0, 0, 0x0f, 1, 0, 0]).unwrap();
        bytes[second + 1] = 1;
        bytes
    });
    let node = compare_bytes(&pair[0], &pair[1]);
    assert!(node.metadata.iter().any(|m| m.contains("does not lie among the names")), "{:?}", node.metadata);
}

#[test]
fn notes_for_debuggers_that_the_program_refers_to_are_data() {
    let result = |at: u64| {
        let own = Macho { data: Some(("__const", 0, longs(&[at]))), ..program() };
        compare_bytes(&macho(&own), &macho(&Macho { time: 0x6000_0001, object: "/b/two/x.o", ..own })).result
    };
    let here = |needle: &[u8]| BASE + 0x4000 + place(&Macho { data: Some(("__const", 0, longs(&[0]))), ..program() }, needle) - 0x800;
    assert_eq!(result(BASE + 0x4000), ResultMark::Equivalent);
    assert_eq!(result(here(b"/b/one/x.o") + 3), ResultMark::Different, "the path");
    assert_eq!(result(here(&0x6000_0000u64.to_le_bytes())), ResultMark::Different, "the time");
}

#[test]
fn settings_of_the_system_and_names_have_no_dates() {
    let result = |name: &'static str| {
        let made = |text: &str| macho(&Macho { data: Some((name, 0, text.as_bytes().to_vec())), ..program() });
        compare_bytes(&made("built 2022-12-26 here"), &made("built 2023-12-26 here")).result
    };
    assert_eq!(result("__cstring"), ResultMark::Equivalent);
    for name in ["__info_plist", "__launchd_plist", "__entitlements", "__objc_methname"] {
        assert_eq!(result(name), ResultMark::Different, "{name}");
    }
}
