//! Mach-O files: each cause where it holds, and abused.

use super::make_macho::{Macho, fat, macho, program};
use super::*;

fn causes(node: &Node) -> Vec<Cause> {
    let sides = [&node.account.shipped, &node.account.rebuilt];
    sides.iter().flat_map(|a| a.explained.keys().copied()).collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}

fn changed_from(from: &Macho, change: impl Fn(&mut Macho)) -> Node {
    let mut other = from.clone();
    change(&mut other);
    let node = compare_bytes(&macho(from), &macho(&other));
    assert_eq!(node.kind, NodeKind::MachO);
    assert_eq!(node.result, compare_bytes(&macho(&other), &macho(from)).result);
    node
}

fn changed(change: impl Fn(&mut Macho)) -> Node {
    changed_from(&program(), change)
}

#[track_caller]
fn proved(node: &Node, expected: &[Cause]) {
    assert_eq!(node.result, ResultMark::Equivalent, "{} {:?} {:?} {:?}", node.why, node.tried, node.metadata, node.regions);
    assert_eq!(causes(node), expected);
}

#[test]
fn the_uuid_follows_only_from_accounted_content() {
    proved(&changed(|m| m.uuid = [8; 16]), &[Cause::BuildId]);
    let node = changed(|m| (m.uuid, m.text[17]) = ([8; 16], 43));
    assert_eq!((node.result, causes(&node).len()), (ResultMark::Different, 0));
    assert_eq!(node.functions.len(), 1);
    assert_eq!(node.functions[0].name.as_str(), Some("_second"));
    let node = changed(|m| m.text[17] = 43);
    assert!(node.metadata[0].starts_with("alarm: both sides have the UUID"), "{:?}", node.metadata);
}

#[test]
fn the_notes_for_debuggers_are_explained_by_time_and_folder() {
    let node = changed(|m| (m.time, m.object, m.uuid) = (0x6000_0001, "/b/two/x.o", [8; 16]));
    proved(&node, &[Cause::BuildId, Cause::Timestamp, Cause::BuildPath]);
    assert_eq!(node.proofs[0].values.shipped.as_str(), Some("2021-01-14 08:25:36"));
    assert_eq!(changed(|m| m.object = "/b/one/y.o").result, ResultMark::Different);
    // Where the path holds the name of a symbol, that one would be another.
    let named = |object, shared| Macho { object, shared: Some(shared), ..program() };
    for (old, new) in [(named("/b/one/x.o", "one/x.o"), "two/x.o"), (named("/b/one/x.o", "x.o"), "x.o")] {
        let node = changed_from(&old, |m| (m.object, m.shared) = ("/b/two/x.o", Some(new)));
        assert_eq!(node.result, ResultMark::Different, "{new}");
    }
}

#[test]
fn a_code_signature_is_explained_when_all_under_it_is_and_it_grants_nothing_more() {
    let signed = Macho { signature: Some(vec![1; 60]), ..program() };
    proved(&changed(|m| m.signature = Some(vec![1; 60])), &[Cause::Signature]);
    proved(&changed_from(&signed, |m| m.signature = Some(vec![2; 60])), &[Cause::Signature]);
    proved(
        &changed_from(&signed, |m| (m.cms, m.uuid) = (crate::inspect::signed::tests::plain(&[2; 100]), [8; 16])),
        &[Cause::BuildId, Cause::Signature],
    );
    type Change = fn(&mut Macho);
    let abuses: [(&str, Change); 14] = [
        ("other code", |m| (m.signature, m.text[17]) = (None, 43)),
        ("other code under another signature", |m| (m.signature, m.text[17]) = (Some(vec![2; 60]), 43)),
        ("rights", |m| m.rights = "<key>com.apple.security.cs.disable-library-validation</key>"),
        ("library validation", |m| m.flags = 0x2002),
        ("a hardened runtime and restrict", |m| m.flags = 0x1_0802),
        ("another identifier", |m| m.identifier = "updater"),
        ("another team", |m| m.team = "EVIL"),
        ("rights of the segment", |m| m.segment = 0x11),
        ("another Info.plist", |m| m.info = 7),
        ("other requirements", |m| m.requirements = "anchor apple"),
        ("a hardened runtime by another signature", |m| (m.signature, m.flags) = (Some(vec![2; 60]), 0x1_0002)),
        ("something behind the signature", |m| m.tail = vec![1; 16]),
        ("something between its blobs", |m| (m.signature, m.gap) = (Some(vec![2; 60]), vec![1; 16])),
        ("another library", |m| (m.signature, m.library) = (None, "/usr/lib/libB")),
    ];
    for (what, change) in abuses {
        let node = changed_from(&signed, change);
        assert_eq!(node.result, ResultMark::Different, "{what}");
        assert!(!causes(&node).contains(&Cause::Signature), "{what}");
        assert!(node.tried.iter().any(|t| t.cause == Cause::Signature) || what == "another library" || what == "other code", "{what}");
    }
}

#[test]
fn a_signature_on_one_side_may_say_who_it_is_and_no_more() {
    let one = |change: fn(&mut Macho)| {
        changed(|m| {
            m.signature = Some(vec![1; 60]);
            change(m);
        })
    };
    proved(&one(|m| (m.identifier, m.team, m.info, m.requirements) = ("x", "T", 7, "anchor")), &[Cause::Signature]);
    let changes: [fn(&mut Macho); 4] = [|m| m.flags = 0x2000, |m| m.flags = 0x1_0002, |m| m.segment = 0x11, |m| m.rights = "<key>x</key>"];
    for change in changes {
        assert_eq!(one(change).result, ResultMark::Different);
    }
    // The flags are told, and that one side has less of them.
    let hard = Macho { signature: Some(vec![1; 60]), flags: 0x1_2002, ..program() };
    let node = compare_bytes(&macho(&Macho { flags: 0x2002, ..hard.clone() }), &macho(&hard));
    let fact = |name: &str| node.facts.iter().find(|f| f.name == name).map(|f| f.lost);
    assert_eq!((fact("hardened runtime"), fact("library validation")), (Some(true), Some(false)));
}

#[test]
fn what_changes_the_program_is_never_explained() {
    type Change = fn(&mut Macho);
    let abuses: [(&str, Change); 5] = [
        ("a call to the middle of a function", |m| m.text[1] = 0x0c),
        ("code in the padding", |m| m.text[8..11].copy_from_slice(&[0x0f, 0x05, 0xc3])),
        ("another library", |m| m.library = "/usr/lib/libB"),
        ("code that can be written", |m| m.rwx = 7),
        ("something behind the end", |m| m.tail = b"payload".to_vec()),
    ];
    for (what, change) in abuses {
        let node = changed(|m| {
            change(m);
            m.uuid = [8; 16];
        });
        assert_eq!(node.result, ResultMark::Different, "{what}");
    }
}

#[test]
fn each_architecture_is_a_member() {
    let (one, two) = (macho(&program()), macho(&Macho { uuid: [8; 16], ..program() }));
    let three = macho(&Macho { signature: Some(vec![1; 60]), ..program() });
    let node = compare_bytes(&fat([&one, &one]), &fat([&two, &one]));
    assert_eq!(node.result, ResultMark::Equivalent, "{}", node.why);
    assert_eq!(node.children.iter().map(|c| c.result).collect::<Vec<_>>(), [ResultMark::Equivalent, ResultMark::Identical]);
    assert_eq!(find(&node, "arm64").result, ResultMark::Identical);
    // A member of another size moves the next one.
    let node = compare_bytes(&fat([&one, &one]), &fat([&three, &one]));
    assert_eq!(node.result, ResultMark::Equivalent, "{} {:?}", node.why, node.metadata);
    let mut hidden = fat([&one, &one]);
    hidden[48 + one.len()] ^= 1;
    assert_eq!(compare_bytes(&fat([&one, &one]), &hidden).result, ResultMark::Different);
    // A Java class starts with the same four bytes.
    assert_eq!(crate::inspect::kind::recognise(b"\xca\xfe\xba\xbe\0\0\0\x34\0\x10"), NodeKind::Data);
}

/// The file with a number of four bytes of the first command of a kind set to another one.
fn command(mut bytes: Vec<u8>, kind: u32, changes: &[(usize, usize)]) -> Vec<u8> {
    let word = |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let mut at = 32;
    while word(&bytes, at) != kind {
        at += word(&bytes, at + 4) as usize;
    }
    for (offset, value) in changes {
        bytes[at + offset..at + offset + 4].copy_from_slice(&u32::try_from(*value).unwrap().to_le_bytes());
    }
    bytes
}

#[test]
fn what_stands_in_another_thing_is_not_explained_as_that() {
    let find = |bytes: &[u8], needle: &[u8]| bytes.windows(needle.len()).position(|w| w == needle).unwrap();
    let pair = [[1; 60], [2; 60]].map(|hashes| macho(&Macho { signature: Some(hashes.to_vec()), ..program() }));
    let inside = find(&pair[0], &[1; 60]);
    proved(&compare_bytes(&pair[0], &pair[1]), &[Cause::Signature]);
    type Changes = &'static [(usize, usize)];
    let abuses: [(&str, u32, Changes, bool); 6] = [
        ("starts of functions", 0x26, &[(12, 8)], true),
        ("pointers", 0x26, &[(0, 0x8000_0034), (12, 16)], true),
        ("exports", 0x26, &[(0, 0x8000_0033), (12, 16)], true),
        ("names of symbols", 2, &[(20, 16)], false),
        ("symbols", 2, &[(12, 1)], true),
        ("a note", 0xc, &[(0, 0x31), (28, 0), (32, 16), (36, 0)], false),
    ];
    for (what, kind, changes, first) in abuses {
        let offset = match kind {
            0xc => 24,
            _ if first => 8,
            _ => 16,
        };
        let [a, b] = pair.clone().map(|bytes| command(bytes, kind, &[&[(offset, inside)], changes].concat()));
        let node = compare_bytes(&a, &b);
        assert_eq!(node.result, ResultMark::Different, "{what} in the signature");
        assert!(node.metadata.iter().any(|m| m.contains("overlaps")), "{what}: {:?}", node.metadata);
    }
    // A segment of what is signed, where another one ends.
    let [a, b] = pair.clone().map(|bytes| command(bytes, 0x19, &[(48, inside + 60)]));
    assert_eq!(compare_bytes(&a, &b).result, ResultMark::Different, "a segment that reaches into the signature");
}

#[test]
fn notes_for_debuggers_are_no_data_and_no_names() {
    // A note that stands in the code, with its time.
    let text = |time: u64| {
        let mut text = program().text;
        text.resize(32, 0x90);
        [&text[..], &[1, 0, 0, 0, 0x66, 0, 0, 0], &time.to_le_bytes()].concat()
    };
    let pair = [0x6000_0000, 0x6000_0001].map(|time| {
        let bytes = macho(&Macho { text: text(time), ..program() });
        command(bytes, 2, &[(8, super::make_macho::TEXT + 32), (12, 1)])
    });
    assert_eq!(compare_bytes(&pair[0], &pair[1]).result, ResultMark::Different, "a note in the code");
    // A name that begins before the path and runs on into it.
    let pair = ["evil/b/one/x.o", "evil/b/two/x.o"].map(|object| {
        let mut bytes = macho(&Macho { object, shared: Some(object), ..program() });
        let note = bytes.windows(4).position(|w| w == [0x66, 0, 0, 0]).unwrap();
        bytes[note - 4] += 4;
        bytes
    });
    assert_eq!(compare_bytes(&pair[0], &pair[1]).result, ResultMark::Different, "a name before the path");
}

#[test]
fn what_the_program_reads_of_its_own_file_is_data() {
    // lea rax, [rip + distance] to what is in the file before the code, or behind it.
    let reading = |to: i32| {
        let mut text = program().text;
        let from = super::make_macho::TEXT + text.len() - 1 + 7;
        text.pop();
        text.extend([0x48, 0x8d, 0x05]);
        text.extend((to - i32::try_from(from).unwrap()).to_le_bytes());
        text.push(0xc3);
        Macho { text, signature: Some(vec![1; 60]), ..program() }
    };
    let plain = macho(&reading(0x80));
    let find = |needle: &[u8]| i32::try_from(plain.windows(needle.len()).position(|w| w == needle).unwrap()).unwrap();
    let nothing = reading(0x80);
    proved(&changed_from(&nothing, |m| m.uuid = [8; 16]), &[Cause::BuildId]);
    let node = changed_from(&reading(find(&[7; 16])), |m| m.uuid = [8; 16]);
    assert_eq!(node.result, ResultMark::Different, "the UUID");
    proved(&changed_from(&nothing, |m| m.signature = Some(vec![2; 60])), &[Cause::Signature]);
    // The linked segment stands elsewhere in memory than in the file.
    let node = changed_from(&reading(find(&[1; 60]) - 0x800 + 0x4000), |m| m.signature = Some(vec![2; 60]));
    assert_eq!(node.result, ResultMark::Different, "the signature");
}

/// A flipped byte is explained only inside the fields of the causes, and is never nothing.
#[test]
fn a_flipped_byte_of_a_macho_never_vanishes() {
    let bytes = macho(&Macho { signature: Some(vec![1; 60]), ..program() });
    let place = |needle: &[u8]| bytes.windows(needle.len()).position(|w| w == needle).unwrap();
    let id = place(&[7; 16]);
    let (time, path) = (place(&0x6000_0000u64.to_le_bytes()), place(b"/b/one/x.o"));
    let hashes = place(&[1; 60]);
    let allowed = [id..id + 16, time..time + 8, path + 1..path + 7, hashes..hashes + 60];
    for at in 0..bytes.len() {
        let mut other = bytes.clone();
        other[at] ^= [0x01, 0x80, 0xff][at % 3];
        let (a, b) = if at % 2 == 0 { (&bytes, &other) } else { (&other, &bytes) };
        let node = compare_bytes(a, b);
        assert_ne!(node.result, ResultMark::Identical, "byte {at:#x}");
        if node.result == ResultMark::Equivalent {
            assert!(allowed.iter().any(|r| r.contains(&at)), "byte {at:#x} {:?}", node.proofs);
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(300))]
    #[test]
    fn commands_of_any_kind_are_read_without_a_panic(edits in proptest::collection::vec((4usize..0x200, 0u8..), 1..12), cut in 0usize..0x800) {
        let bytes = macho(&program());
        let mut other = bytes.clone();
        for (at, byte) in edits {
            other[at] = byte;
        }
        for other in [other[..cut].to_vec(), fat([&other, &bytes]), other] {
            let node = compare_bytes(&bytes, &other);
            proptest::prop_assert_eq!(node.result == ResultMark::Identical, bytes == other);
        }
    }
}
