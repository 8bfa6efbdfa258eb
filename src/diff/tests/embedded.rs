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
