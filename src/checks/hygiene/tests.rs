use super::*;

fn scan(files: &[(&str, EntryKind, &[u8])]) -> (Vec<SourceEntry>, Scan) {
    let entries: Vec<SourceEntry> = files
        .iter()
        .map(|(path, kind, bytes)| SourceEntry {
            path: (*path).into(),
            kind: *kind,
            id: Sha256::of(bytes).to_string(),
            size: bytes.len() as u64,
        })
        .collect();
    let mut scan = Scan::new(entries.len(), 0, b"");
    for (i, (entry, (_, _, bytes))) in entries.iter().zip(files).enumerate() {
        scan.file(i, entry, bytes, &|_| false);
    }
    (entries, scan)
}

fn found(files: &[(&str, EntryKind, &[u8])]) -> Vec<(&'static str, String, usize)> {
    let (entries, scan) = scan(files);
    scan.flags(&entries, false).into_iter().map(|f| (f.code, f.what, f.places.len())).collect()
}

#[test]
fn a_thousand_pictures_are_one_item_and_code_is_one_each() {
    let names: Vec<String> = (0..1000).map(|i| format!("img/{i:04}.png")).collect();
    let mut files: Vec<(&str, EntryKind, &[u8])> =
        names.iter().map(|n| (n.as_str(), EntryKind::File, &b"\x89PNG\r\n\x1a\n\0"[..])).collect();
    files.push(("tools/helper", EntryKind::Executable, b"\x7fELF\x02\x01\x01\0\0"));
    files.push(("tools/other", EntryKind::Executable, b"\x7fELF\x02\x01\x01\0\x01"));
    files.push(("tests/a.xz", EntryKind::File, b"\xfd7zXZ\0\0\x04"));
    files.push(("src/odd.c", EntryKind::File, b"int a;\0\x01int b;"));
    let all = found(&files);
    let counts: Vec<_> = all.iter().map(|(code, _, places)| (*code, *places)).collect();
    assert_eq!(counts, [("source.binary", 1), ("source.binary", 1), ("source.binary", 1), ("source.binary", 1), ("source.binary", 1000)]);
    assert!(all[0].1.contains("an ELF file of 9 bytes"), "{all:?}");
    assert!(all[2].1.contains("named as source"), "{all:?}");
    assert!(all[4].1.contains("1000 files, each a PNG image"), "{all:?}");
}

#[test]
fn pointers_and_links_are_told() {
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
    let all = found(&[
        ("big.bin", EntryKind::File, pointer),
        ("in", EntryKind::Link, b"src/a"),
        ("out", EntryKind::Link, b"../../etc/passwd"),
        ("src/a", EntryKind::File, b"text about version https://git-lfs.github.com/spec/v1\n"),
    ]);
    assert_eq!(all.len(), 2, "{all:?}");
    assert!(all[0].1.contains("leads out of the tree"), "{all:?}");
    assert!(all[1].1.contains("sha256:4d7a, 12345 bytes"), "{all:?}");
    let two = found(&[("a", EntryKind::File, pointer), ("b", EntryKind::File, pointer)]);
    assert_eq!(two.iter().map(|f| f.2).collect::<Vec<_>>(), [2]);
}

#[test]
fn a_byte_that_is_no_utf8_hides_nothing() {
    let (_, scan) = scan(&[
        ("a.c", EntryKind::File, "/* \u{202e} */ // \u{e9}".as_bytes()),
        ("b.c", EntryKind::File, &["int \n/* \u{202e} */ //".as_bytes(), b"\xe9"].concat()),
        ("c.py", EntryKind::File, b"# comment\rimport os\n"),
        ("d.c", EntryKind::File, b"plain\r\n\tascii\x0c\n"),
    ]);
    let lines: Vec<_> = scan.hidden.iter().map(|h| (h.entry, h.line)).collect();
    assert_eq!(lines, [(0, 1), (1, 2), (2, 1)]);
}
