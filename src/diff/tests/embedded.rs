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
