//! rpm packages: what their headers may say differently, and what they may not.

use super::make::{File, Tag, file, numbers, word, words};
use super::*;
use crate::inspect::openpgp::tests::made as openpgp;

/// A package of one file, as one build makes it.
struct Build {
    time: u32,
    host: &'static str,
    script: &'static str,
    content: &'static [u8],
    /// The content that the digests are made over.
    listed: &'static [u8],
    level: u32,
    modes: u32,
    capability: &'static str,
    signature: Option<Vec<u8>>,
}

const ONE: Build = Build {
    time: 1_700_000_000,
    host: "builder-1",
    script: "ldconfig",
    content: b"some content of a file, some content of a file",
    listed: b"some content of a file, some content of a file",
    level: 9,
    modes: 0o10_0755,
    capability: "",
    signature: None,
};

impl Build {
    fn make(&self) -> Vec<u8> {
        let f = File { mode: self.modes, mtime: u64::from(self.time), ..file("./usr/bin/x", self.content) };
        let payload = make::gzip(&make::cpio(&[f]), self.level, 0);
        let tags: Vec<Tag> = vec![
            word(1000, "x"),
            numbers(1006, &[self.time]),
            word(1007, self.host),
            word(1024, self.script),
            numbers(1028, &[u32::try_from(self.content.len()).unwrap()]),
            (1030, 3, 1, u16::try_from(self.modes).unwrap().to_be_bytes().to_vec()),
            numbers(1034, &[self.time]),
            words(1035, &[&Sha256::of(self.listed).to_string()]),
            words(1036, &[""]),
            words(5010, &[self.capability]),
            numbers(1116, &[0]),
            words(1117, &["x"]),
            words(1118, &["/usr/bin/"]),
            numbers(5011, &[8]),
            words(5092, &[&Sha256::of(&payload).to_string()]),
            numbers(5093, &[8]),
        ];
        make::rpm(&tags, &payload, self.signature.as_deref())
    }
}

fn against(other: &Build) -> Node {
    let (a, b) = (ONE.make(), other.make());
    assert_eq!(compare_bytes(&b, &a).result, compare_bytes(&a, &b).result);
    compare_bytes(&a, &b)
}

#[test]
fn time_and_host_of_a_build_are_explained_with_all_that_follows() {
    let node = against(&Build { time: 1_700_000_777, host: "other.example", level: 1, ..ONE });
    assert_eq!(node.result, ResultMark::Equivalent, "{} {:?} {:?}", node.why, node.metadata, node.tried);
    let causes: Vec<_> = node.account.shipped.explained.keys().copied().collect();
    assert_eq!(causes, [Cause::Mtime, Cause::Derived, Cause::ChecksumList, Cause::Attributes]);
}

#[test]
fn scripts_rights_capabilities_and_content_are_never_explained() {
    for (what, other) in [
        ("POSTIN", Build { script: "ldconfie", ..ONE }),
        ("FILEMODES", Build { modes: 0o10_4755, ..ONE }),
        ("FILECAPS", Build { capability: "=ep", ..ONE }),
        ("BUILDHOST", Build { host: "a host; with words", ..ONE }),
    ] {
        let node = against(&other);
        assert_eq!(node.result, ResultMark::Different);
        assert!(node.metadata.iter().any(|m| m.contains(what)), "{what}: {:?}", node.metadata);
    }
    let node = against(&Build { content: b"some content of a file, SOME content of a file", ..ONE });
    assert_eq!(node.result, ResultMark::Different);
}

#[test]
fn a_list_of_digests_that_lies_is_unexplained() {
    let evil = b"some content of a file, SOME content of a file";
    let node = against(&Build { content: evil, listed: evil, ..ONE });
    assert!(!node.metadata.iter().any(|m| m.contains("FILEDIGESTS")), "the right digests of other content: {:?}", node.metadata);
    let node = against(&Build { listed: evil, ..ONE });
    assert_eq!(node.result, ResultMark::Different);
    assert!(node.tried.iter().any(|t| t.cause == Cause::ChecksumList && t.why.contains("not what the list says")), "{:?}", node.tried);
}

#[test]
fn a_signature_is_explained_only_over_content_that_is() {
    let node = against(&Build { signature: Some(openpgp(b"signature one", b"")), ..ONE });
    assert_eq!(node.result, ResultMark::Equivalent, "{} {:?} {:?}", node.why, node.metadata, node.tried);
    assert!(node.account.rebuilt.explained[&Cause::Signature] >= 16 + 13);
    let node = against(&Build { signature: Some(openpgp(b"signature one", b"")), script: "evil", ..ONE });
    assert_eq!(node.result, ResultMark::Different);
    assert!(!node.account.rebuilt.explained.contains_key(&Cause::Signature));
    assert!(node.tried.iter().any(|t| t.cause == Cause::Signature));
}

#[test]
fn what_only_has_the_place_of_a_signature_is_unexplained() {
    for odd in [b"#!/bin/sh".to_vec(), [openpgp(b"value", b""), b"more".to_vec()].concat(), openpgp(b"value", b"\x09\x14notation")] {
        let node = against(&Build { signature: Some(odd), ..ONE });
        assert_eq!(node.result, ResultMark::Different);
        assert!(node.metadata.iter().any(|m| m.contains("RSA signature")), "{:?}", node.metadata);
    }
}

/// The times of the header are those that files get.
#[test]
fn a_compiled_file_is_of_its_source_on_both_sides() {
    let made = |source: u32, stated: u32| {
        let pyc = [&b"\xa7\x0d\r\n\0\0\0\0"[..], &stated.to_le_bytes(), &[9, 0, 0, 0], b"\xe3code"].concat();
        // What the payload says of times is not used.
        let at = |name, content| File { mode: 0o10_0644, ..file(name, content) };
        let payload = make::cpio(&[at("./a/x.py", b"print(1)\n"), at("./a/__pycache__/x.cpython-311.pyc", &pyc)]);
        let tags = [
            word(1000, "x"),
            numbers(1034, &[source, 7]),
            numbers(1116, &[0, 1]),
            words(1117, &["x.py", "x.cpython-311.pyc"]),
            words(1118, &["/a/", "/a/__pycache__/"]),
        ];
        make::rpm(&tags, &make::gzip(&payload, 9, 0), None)
    };
    let equal = |a: &[u8], b: &[u8]| {
        let (one, two) = (compare_bytes(a, b), compare_bytes(b, a));
        assert_eq!(one.result, two.result);
        assert!(one.result == ResultMark::Equivalent || one.metadata.iter().any(|m| m.contains("on one side only")), "{:?}", one.metadata);
        one.result == ResultMark::Equivalent
    };
    assert!(equal(&made(1000, 1000), &made(2000, 2000)));
    assert!(equal(&made(1000, 1100), &made(2000, 2200)), "Python takes the source on both");
    assert!(!equal(&made(1000, 1000), &made(1001, 1000)));
    assert!(!equal(&made(1000, 1000), &made(1000, 1001)));
}

#[test]
fn no_byte_of_a_package_vanishes() {
    let a = Build { signature: Some(openpgp(b"sig", b"")), ..ONE }.make();
    for at in 0..a.len() {
        let mut b = a.clone();
        b[at] ^= 0x11;
        let node = compare_bytes(&a, &b);
        assert_ne!(node.result, ResultMark::Identical, "byte {at}");
        // Everything is under a digest: only the signature itself may change alone.
        let whole = 96 + 16 + 4 * 16;
        assert!(!node.result.is_equal() || (whole..whole + openpgp(b"sig", b"").len()).contains(&at), "byte {at} {}", node.why);
    }
}

#[test]
fn a_store_that_takes_the_padding_behind_it_has_another_size() {
    // The signature header ends four bytes before the next multiple of eight.
    let a = Build { signature: Some(openpgp(b"signing!", b"")), ..ONE }.make();
    for more in 1..=4 {
        let mut b = a.clone();
        b[111] += more;
        for (x, y) in [(&a, &b), (&b, &a)] {
            assert_eq!(compare_bytes(x, y).result, ResultMark::Different, "{more} bytes");
        }
    }
}

#[test]
fn a_package_that_lies_about_its_layout_is_compared_as_bytes() {
    let a = ONE.make();
    let header = 96 + (0..a.len()).find(|i| a[96 + 16 + i..].starts_with(b"\x8e\xad\xe8\x01")).unwrap() + 16;
    // The second tag's value is put on the first one's.
    let mut b = a.clone();
    b[header + 16 + 16 + 8..header + 16 + 16 + 12].copy_from_slice(&[0, 0, 0, 0]);
    let node = compare_bytes(&a, &b);
    assert_eq!(node.result, ResultMark::Different);
    assert!(node.why.contains("overlaps"), "{}", node.why);
}

#[test]
fn what_is_inside_of_a_package_is_found_whatever_it_is_packed_with() {
    let archive = make::cpio(&[make::File { mode: 0o100_755, ..make::file("./usr/bin/tool", b"the tool") }]);
    let found = |payload: &[u8]| {
        let package = make::rpm(&[make::word(1000, "p")], payload, None);
        let inside = crate::diff::inside(package.into(), &[], &crate::diff::Limits::default(), &|| false);
        let names: Vec<_> = inside
            .members
            .iter()
            .filter(|m| m.digests.first() == Some(&crate::digest::Sha256::of(b"the tool").into()))
            .map(|m| m.name.lossy().into_owned())
            .collect();
        (names, inside.closed)
    };
    let name = vec!["payload!./usr/bin/tool".to_owned()];
    assert_eq!(found(&make::gzip(&archive, 6, 0)), (name.clone(), Vec::new()));
    assert_eq!(found(&make::xz(&archive)), (name.clone(), Vec::new()));
    assert_eq!(found(&archive), (name, Vec::new()));
    let (names, closed) = found(b"]\0\0\x80\0 packed with something else");
    assert!(names.is_empty() && closed[0].contains("packed in a way that is not read here"), "{closed:?}");
}
