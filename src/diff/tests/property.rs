//! No change of a byte ever vanishes.

use super::*;

fn samples() -> Vec<(&'static str, Vec<u8>)> {
    let files = [make::file("a", b"one two three"), make::File { mode: 0o755, ..make::file("dir/b", b"\x00\x01binary\xff") }];
    vec![
        ("tar", make::tar(&files)),
        ("ar", make::ar(&[make::file("a/", b"one"), make::file("b/", b"two!")])),
        ("zip", make::zip(&files)),
        ("cpio", make::cpio(&files)),
        ("gzip", make::gzip(b"one two three four", 9, 3)),
        ("xz", make::xz(b"one two three four")),
        ("tar.gz", make::gzip(&make::tar(&files), 9, 3)),
        ("elf", make::elf(&make::program())),
        ("deb", make::deb(&[make::file("./md5sums", b"0  x\n")], &files)),
    ]
}

/// Flips one byte; the outcome must not be "identical", and "equivalent" only with a cause that can be undone.
#[test]
fn a_flipped_byte_never_vanishes() {
    for (name, bytes) in samples() {
        for at in 0..bytes.len() {
            for mask in [0x01u8, 0x80, 0xff] {
                let mut other = bytes.clone();
                other[at] ^= mask;
                for (a, b) in [(&bytes, &other), (&other, &bytes)] {
                    let node = compare_bytes(a, b);
                    assert_ne!(node.result, ResultMark::Identical, "{name} byte {at}");
                    if node.result == ResultMark::Equivalent {
                        assert!(node.total_account().shipped.explained_total() > 0, "{name} byte {at}");
                        benign(name, &node, at, &bytes);
                    }
                }
            }
        }
    }
}

/// Where a single flipped byte may be explained: only in time, owner and gzip header fields.
fn benign(name: &str, node: &Node, at: usize, bytes: &[u8]) {
    let mut spans = Vec::new();
    node.walk(&mut |trail| spans.extend(trail.last().unwrap().proofs.iter().map(|p| p.cause)));
    if name == "elf" {
        // Only inside the build-id, or a digit of the date.
        let text = bytes.windows(10).position(|w| w == b"2022-12-26").unwrap();
        let id = bytes.windows(20).position(|w| w == [7; 20]).unwrap();
        assert!((text..text + 10).contains(&at) || (id..id + 20).contains(&at), "byte {at}: {spans:?}");
        return;
    }
    for cause in spans {
        assert!(
            matches!(cause, Cause::Mtime | Cause::Owner | Cause::GzipHeader | Cause::Derived | Cause::Compression | Cause::Attributes),
            "{name} byte {at}: {cause}"
        );
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(200))]
    #[test]
    fn random_edits_never_vanish(which in 0usize..9, at in 0usize..100_000, cut in 0usize..40, insert in proptest::collection::vec(0u8.., 0..40)) {
        let (_, bytes) = samples().swap_remove(which);
        let at = at % bytes.len();
        let mut other = bytes.clone();
        other.splice(at..(at + cut).min(bytes.len()), insert);
        let node = compare_bytes(&bytes, &other);
        proptest::prop_assert_eq!(node.result == ResultMark::Identical, bytes == other);
    }

    #[test]
    fn anything_at_all_is_compared_without_a_panic(magic in 0usize..8, a in proptest::collection::vec(0u8.., 0..600), b in proptest::collection::vec(0u8.., 0..600)) {
        let magics: [&[u8]; 8] = [b"", b"!<arch>\n", b"\x1f\x8b\x08\x00", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"BZh91AY&SY", b"PK\x03\x04", b"\x7fELF\x02\x01\x01"];
        let a = [magics[magic], &a].concat();
        let b = [magics[magic], &b].concat();
        let node = compare_bytes(&a, &b);
        proptest::prop_assert_eq!(node.result == ResultMark::Identical, a == b);
    }
}

/// A segment that lies beyond the end of the file has no bytes; what lies before it was once counted twice.
#[test]
fn a_segment_beyond_the_end_is_counted_once() {
    let bytes = make::elf(&make::program());
    for at in [64, 68, 72] {
        for cut in 1..40 {
            let mut other = bytes.clone();
            other.drain(at..at + cut);
            assert_ne!(compare_bytes(&bytes, &other).result, ResultMark::Identical);
        }
    }
}
