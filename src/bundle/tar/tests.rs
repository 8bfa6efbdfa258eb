use super::*;
use crate::bundle::tests::corpus;

fn bytes_of(path: &std::path::Path) -> Vec<u8> {
    std::fs::read(path).expect("read")
}

#[derive(Default)]
struct Writer(Vec<u8>);

impl Writer {
    fn header(&mut self, kind: u8, name: &[u8], size: u64, magic: &[u8; 8]) -> &mut Self {
        let mut block = [0u8; 512];
        block[..name.len()].copy_from_slice(name);
        block[100..108].copy_from_slice(b"0000644\0");
        block[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
        block[136..148].copy_from_slice(b"00000000000\0");
        block[156] = kind;
        block[257..265].copy_from_slice(magic);
        self.0.extend_from_slice(&block);
        self.sum();
        self
    }

    /// Sets a byte range of the last header.
    fn set(&mut self, at: usize, bytes: &[u8]) -> &mut Self {
        let start = self.0.len() - 512 + at;
        self.0[start..start + bytes.len()].copy_from_slice(bytes);
        self.sum();
        self
    }

    fn sum(&mut self) {
        let start = self.0.len() - 512;
        self.0[start + 148..start + 156].copy_from_slice(b"        ");
        let sum: u64 = self.0[start..].iter().map(|b| u64::from(*b)).sum();
        self.0[start + 148..start + 156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }

    fn data(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    fn file(&mut self, name: &[u8], bytes: &[u8]) -> &mut Self {
        self.header(b'0', name, bytes.len() as u64, b"ustar\x0000").data(bytes)
    }

    fn pax(&mut self, kind: u8, records: &[u8]) -> &mut Self {
        self.header(kind, b"pax", records.len() as u64, b"ustar\x0000").data(records)
    }

    fn end(&mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 1024, 0);
        std::mem::take(&mut self.0)
    }
}

fn refused(tar: &[u8]) -> String {
    match list(tar, 1000) {
        Err(TarError::Refused { what, .. }) => what,
        Err(other) => panic!("{other:?}"),
        Ok(found) => panic!("accepted: {:?} {:?}", found.members, found.oddities),
    }
}

#[test]
fn a_plain_archive_is_listed_in_place() {
    let tar = Writer::default().file(b"./a/b", b"hello").pax(b'x', b"12 path=a/c\n").file(b"short", b"").end();
    let found = list(&tar[..], 10).expect("sound");
    assert_eq!(found.oddities, []);
    let names: Vec<_> = found.members.iter().map(|m| (m.path.as_slice(), m.size, m.offset)).collect();
    assert_eq!(names, [(&b"a/b"[..], 5, 512), (b"a/c", 0, 2560)]);
    assert_eq!(&tar[512..517], b"hello");
}

#[test]
fn what_two_readers_could_read_differently_is_refused() {
    let mut w = Writer::default();
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("pax size against ustar size", w.pax(b'x', b"12 size=512\n").file(b"a", b"").end(), "another size"),
        ("two pax headers", w.pax(b'x', b"10 path=a\n").pax(b'x', b"10 path=b\n").file(b"c", b"").end(), "several extension"),
        (
            "GNU after pax",
            w.pax(b'x', b"10 path=a\n").header(b'L', b"l", 2, b"ustar  \0").data(b"b\0").file(b"c", b"").end(),
            "several extension",
        ),
        ("global path", w.pax(b'g', b"10 path=a\n").file(b"c", b"").end(), "global header"),
        ("sparse by pax", w.pax(b'x', b"22 GNU.sparse.major=1\n").file(b"c", b"").end(), "sparse"),
        ("sparse by type", w.header(b'S', b"a", 0, b"ustar  \0").end(), "sparse"),
        ("unterminated record", w.pax(b'x', b"12 path=a").file(b"c", b"").end(), "do not parse"),
        ("NUL in a name", w.file(b"a\0b", b"").end(), "after the NUL"),
        ("NUL in a pax name", w.pax(b'x', b"12 path=a\0b\n").file(b"c", b"").end(), "NUL"),
        ("NUL in a long name", w.header(b'L', b"l", 4, b"ustar  \0").data(b"a\0b\0").file(b"c", b"").end(), "NUL inside"),
        ("second of a name", w.file(b"a", b"1").file(b"./a", b"2").end(), "second member"),
        ("below a file", w.file(b"a", b"1").file(b"a/b", b"2").end(), "not a directory"),
        ("file over a directory", w.file(b"a/b", b"1").file(b"a", b"2").end(), "second member"),
        ("trailing data", [w.file(b"a", b"").end(), vec![1]].concat(), "after the end"),
        ("GNU prefix", w.header(b'0', b"a", 0, b"ustar  \0").set(345, b"evil").end(), "name prefix"),
        ("dangling extension", w.pax(b'x', b"10 path=a\n").end(), "no member after"),
        ("cut short", Writer::default().file(b"a", &[1; 600]).0[..1000].to_vec(), "ends inside"),
        ("directory with data", w.header(b'5', b"d/", 512, b"ustar\x0000").data(&[0; 512]).end(), "claims to have data"),
        ("huge size", w.header(b'0', b"a", 0, b"ustar\x0000").set(124, b"77777777777\0").end(), "ends inside"),
        (
            "binary size",
            w.header(b'0', b"a", 0, b"ustar\x0000").set(124, b"\x80\x7f\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff").end(),
            "oversized",
        ),
        ("unknown type", w.header(b'M', b"a", 0, b"ustar\x0000").end(), "type 0x4d"),
    ];
    for (name, tar, why) in cases {
        let said = refused(&tar);
        assert!(said.contains(why), "{name}: {said}");
    }
    let mut bad = Writer::default().file(b"a", b"").end();
    bad[0] = b'b';
    assert!(refused(&bad).contains("checksum"));
}

#[test]
fn hostile_names_and_kinds_are_told_and_left_out() {
    let mut w = Writer::default();
    w.file(b"../up", b"").file(b"/abs", b"").file(b"a//b", b"").file(b"c\\d", b"").header(b'3', b"dev", 0, b"ustar\x0000");
    w.header(b'1', b"hard", 0, b"ustar\x0000").file(b"fine", b"x");
    let found = list(&w.end()[..], 100).expect("sound");
    assert_eq!(found.members.iter().map(|m| m.path.as_slice()).collect::<Vec<_>>(), [b"fine"]);
    let codes: Vec<_> = found.oddities.iter().map(|o| o.code).collect();
    assert_eq!(codes, ["tar.name", "tar.name", "tar.name", "tar.name", "tar.special", "tar.link"]);
    assert!(matches!(list(&Writer::default().file(b"a", b"").file(b"b", b"").file(b"c", b"").end()[..], 1), Err(TarError::TooMany)));
}

#[test]
fn every_cut_and_flip_of_an_archive_is_survived() {
    let tar = Writer::default().file(b"a/b", b"hello").pax(b'x', b"12 path=a/c\n").file(b"short", b"1").end();
    for end in 0..tar.len() {
        let _ = list(&tar[..end], 10);
    }
    for at in 0..tar.len() {
        for bit in [1u8, 0x80, 0x40] {
            let mut changed = tar.clone();
            changed[at] ^= bit;
            let _ = list(&changed[..], 10);
        }
    }
}

/// The archives of the corpora, sorted by name.
fn archives(root: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut out: Vec<_> = std::fs::read_dir(root).expect("listed").flatten().map(|e| e.path()).collect();
    out.retain(|p| p.extension().is_some_and(|e| e == "tar"));
    out.sort();
    out
}

#[test]
fn ambiguous_archives_of_the_corpora_are_refused_or_told() {
    let Some(corpus) = corpus() else { return };
    let hostile = corpus.join("hostile");
    let all: Vec<_> =
        ["tar-astral/tests/archives", "path-traversal/tar", "python-archives"].iter().flat_map(|d| archives(&hostile.join(d))).collect();
    assert!(all.len() > 30, "{}", all.len());
    let mut clean = Vec::new();
    for path in &all {
        let told = match list(&bytes_of(path)[..], 10_000) {
            Ok(found) => !found.oddities.is_empty() || found.members.iter().any(|m| matches!(m.kind, Kind::Link(_))),
            Err(_) => true,
        };
        if !told {
            clean.push(path.file_name().expect("a name").to_string_lossy().into_owned());
        }
    }
    // Only these are accepted without a word; each is an ordinary archive (the corpus marks it valid).
    let ordinary = [
        "7z_long_path.tar",
        "directory.tar",
        "duplicate_dirs.tar",
        "file_times.tar",
        "pax.tar",
        "pax2.tar",
        "paxlongname.tar",
        "reading_files.tar",
        "simple.tar",
        "simple_missing_last_header.tar",
        "spaces.tar",
        "xattrs.tar",
    ];
    assert_eq!(clean, ordinary);
}

/// `tar --format=v7`, as Automake's `make dist` has it by default.
#[test]
fn the_oldest_form_is_read_with_the_device_numbers_of_gnu_tar() {
    let mut archive = Writer::default();
    archive.header(b'0', b"a", 2, &[0; 8]).set(329, b"0000000\x000000000\0").data(b"hi");
    archive.0.extend_from_slice(&[0; 1024]);
    let listing = list(archive.0.as_slice(), 10).unwrap_or_default();
    assert_eq!(listing.members.iter().map(|m| m.path.as_slice()).collect::<Vec<_>>(), [b"a"]);
    for (at, bytes) in [(329, b"0000001\0"), (345, b"prefix\0\0"), (265, b"user\0\0\0\0")] {
        let mut odd = Writer::default();
        odd.header(b'0', b"a", 2, &[0; 8]).set(329, b"0000000\x000000000\0").set(at, bytes).data(b"hi");
        odd.0.extend_from_slice(&[0; 1024]);
        assert!(list(odd.0.as_slice(), 10).is_err(), "bytes at {at} that only some readers look at");
    }
}
