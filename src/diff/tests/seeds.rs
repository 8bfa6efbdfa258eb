//! What the fuzz target `compare` starts from, besides the pairs of `testdata`: `fuzz/pairs`, in the form that it reads (four bytes
//! with the length of the first file, then both).

use super::make::{File, file, numbers, word, words};
use super::*;
use make_macho::{fat, macho};
use make_pe::{library, pdb, pe};

fn seeds() -> Vec<(&'static str, Vec<u8>, Vec<u8>)> {
    let mut moved = library();
    moved.times = [0x6100_0000; 4];
    moved.guid = [8; 16];
    moved.pdb = "/other/x.pdb";
    let mut longer = library();
    longer.text = [&[0x90; 16][..], &longer.text].concat();
    longer.second = 32;
    longer.signature = Some(40);
    let mut signed = make_macho::program();
    signed.signature = Some(b"signature".to_vec());
    signed.uuid = [8; 16];
    let (thin, other) = (macho(&make_macho::program()), macho(&signed));
    let files =
        |time: u64, text: &[u8]| [File { mtime: time, ..file("META-INF/MANIFEST.MF", text) }, file("a/b.json", b"{\"a\": [1, 2.0]}")];
    let package = |time: u32| {
        let payload = make::gzip(&make::cpio(&[File { mtime: u64::from(time), ..file("./usr/bin/x", b"content") }]), 9, 0);
        let tags = [word(1000, "x"), numbers(1006, &[time]), word(1024, "ldconfig"), numbers(1034, &[time]), words(1117, &["x"])];
        make::rpm(&tags, &payload, None)
    };
    let deb = |time: u64| make::deb(&[file("./control", b"Package: x\nVersion: 1\n")], &[File { mtime: time, ..file("./usr/x", b"one") }]);
    vec![
        ("pe", pe(&library()), pe(&moved)),
        ("pe-signed", pe(&library()), pe(&longer)),
        ("pe-pdb", pe(&moved), pdb(&moved, ("/b/one/x.c", 1, &[7; 16]))),
        ("macho", thin.clone(), other.clone()),
        ("fat", fat([&thin, &thin]), fat([&thin, &other])),
        ("rpm", package(1_600_000_000), package(1_700_000_000)),
        ("deb", deb(1_600_000_000), deb(1_700_000_000)),
        ("jar", make::zip(&files(3, b"Manifest-Version: 1.0\r\n\r\n")), make::zip(&files(9, b"Manifest-Version: 1.0\n\n"))),
        ("cpio", make::cpio(&files(3, b"one")), make::cpio(&files(4, b"two"))),
        ("text", b"made 2022-12-26 in /b/one\nnext\n".to_vec(), b"made 2023-01-02 in /b/other\nnext\nlast\n".to_vec()),
        ("control", b"Package: x\nDepends: a, b\n".to_vec(), b"Package: x\nDepends: b, a\n more\n".to_vec()),
    ]
}

#[test]
fn the_seeds_of_the_fuzz_target_are_these() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/pairs");
    for (name, a, b) in seeds() {
        let bytes = [&u32::try_from(a.len()).unwrap().to_le_bytes()[..], &a, &b].concat();
        if std::env::var_os("UPDATE_SEEDS").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join(name), &bytes).unwrap();
        }
        let kept = std::fs::read(folder.join(name)).unwrap_or_default();
        assert!(kept == bytes, "fuzz/pairs/{name}: run this test once with UPDATE_SEEDS=1");
        assert_ne!(compare_bytes(&a, &b).result, ResultMark::NotExamined, "{name}");
    }
}
