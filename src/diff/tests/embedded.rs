//! Symbols that a stripped file carries in itself.

use super::*;

/// A stripped program with packed symbols inside.
fn stripped(text: &[u8], packed: Vec<u8>) -> Vec<u8> {
    make::elf(&make::Program { text: text.to_vec(), symbols: Vec::new(), embedded: Some(packed), ..make::program() })
}

#[test]
fn functions_have_the_names_of_the_symbols_inside() {
    let program = make::program();
    let packed = make::xz(&make::elf(&program));
    let mut text = program.text.clone();
    text[17] = 43;
    let node = compare_bytes(&stripped(&program.text, packed.clone()), &stripped(&text, packed.clone()));
    assert_eq!(node.result, ResultMark::Different);
    let names: Vec<_> = node.functions.iter().map(|f| f.name.as_str().unwrap()).collect();
    assert_eq!(names, ["second"]);
    // Another name changes what is shown, and never that it differs.
    let other = make::Program { symbols: vec![("first", 0, 6), ("harmless", 16, 6)], ..make::program() };
    let node = compare_bytes(&stripped(&program.text, packed.clone()), &stripped(&text, make::xz(&make::elf(&other))));
    assert_eq!(node.result, ResultMark::Different);
    assert!(node.account.shipped.unexplained > 1, "the packed symbols differ too");
    // What does not unpack is bytes like any others.
    let mut cut = packed.clone();
    cut.truncate(packed.len() - 9);
    let node = compare_bytes(&stripped(&program.text, packed), &stripped(&program.text, cut));
    assert_eq!(node.result, ResultMark::Different);
}

/// Debuggers open what a link names.
#[test]
fn a_debug_link_to_another_file_is_no_other_checksum() {
    let made =
        |id: u8, name: &'static str, crc: u32| make::elf(&make::Program { build_id: [id; 20], link: Some((name, crc)), ..make::program() });
    let result = |a: &[u8], b: &[u8]| {
        let node = compare_bytes(a, b);
        assert_eq!(compare_bytes(b, a).result, node.result, "not the same the other way round");
        node.result
    };
    assert_eq!(result(&made(7, "x.debug", 1), &made(7, "x.debug", 2)), ResultMark::Equivalent);
    assert_eq!(result(&made(7, "x.debug", 1), &made(7, "y.debug", 1)), ResultMark::Different);
    for place in ["../x.debug", "/tmp/x.debug", "a\\x.debug", "..", "x\n.debug"] {
        assert_eq!(result(&made(7, place, 1), &made(7, place, 2)), ResultMark::Different, "{place}");
    }
    // Names that are made of the build-id.
    let (one, two) = ("07070707070707070707070707070707070707.debug", "08080808080808080808080808080808080808.debug");
    assert_eq!(result(&made(7, one, 1), &made(8, two, 2)), ResultMark::Equivalent);
    assert_eq!(result(&made(7, two, 1), &made(8, one, 2)), ResultMark::Different);
}

/// A build-id follows from what else differs, unless the program reads it: then two that differ are two things to judge.
#[test]
fn what_a_program_reads_in_its_build_id_is_no_part_of_another_difference() {
    let made = |id: [u8; 20], value: u8, reads: bool| {
        // lea of the note, or of what stands before it; then a function that returns a number.
        let mut text = vec![0x48, 0x8d, 0x05, 0, 0, 0, 0, 0xc3];
        text.resize(16, 0x90);
        text.extend([0xb8, value, 0, 0, 0, 0xc3]);
        let rodata = b"plain\0".to_vec();
        let data = (0x100 + text.len()).next_multiple_of(16);
        let note = (data + rodata.len()).next_multiple_of(16);
        let to = i32::try_from(if reads { note + 16 } else { data } - 0x107).unwrap();
        text[3..7].copy_from_slice(&to.to_le_bytes());
        make::elf(&make::Program { text, rodata, build_id: id, symbols: vec![("first", 0, 8), ("second", 16, 6)], ..make::program() })
    };
    let count = |reads: bool| {
        let files = |value, ids: [[u8; 20]; 2]| {
            let [one, two] = ids.map(|id| made(id, value, reads));
            make::tar(&[make::file("one", &one), make::file("two", &two)])
        };
        let node = compare_bytes(&files(42, [[7; 20]; 2]), &files(43, [[8; 20], *b"/bin/sh -c reboot  \0"]));
        crate::model::clusters([(0, &node)]).iter().map(|c| c.places.len()).collect::<Vec<_>>()
    };
    assert_eq!(count(false), [2]);
    assert_eq!(count(true), [1, 1]);
}
