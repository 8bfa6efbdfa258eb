//! What two readers of a container take differently, and what only looks like a signature or a link: never explained.

use super::lists::signature;
use super::make::{File, file};
use super::*;

/// Makes an archive.
type Make<'m> = &'m dyn Fn(&[File]) -> Vec<u8>;

/// Both ways round: it differs, and the words say why.
fn differs(a: &[u8], b: &[u8], word: &str) {
    for (x, y) in [(a, b), (b, a)] {
        let node = compare_bytes(x, y);
        assert_eq!(node.result, ResultMark::Different, "{word}: {} {:?}", node.why, node.metadata);
        let mut said = Vec::new();
        node.walk(&mut |trail| {
            let node = trail.last().unwrap();
            said.push(node.why.clone());
            said.extend(node.metadata.iter().cloned());
            said.extend(node.tried.iter().map(|t| t.why.clone()));
        });
        assert!(said.iter().any(|s| s.contains(word)), "{word}: {said:?}");
    }
}

fn same(a: &[u8], b: &[u8]) {
    for (x, y) in [(a, b), (b, a)] {
        let node = compare_bytes(x, y);
        assert_eq!(node.result, ResultMark::Equivalent, "{} {:?} {:?}", node.why, node.metadata, node.tried);
    }
}

/// A header of tar with some of its bytes replaced, and the sum made right.
fn patched(archive: &[u8], header: usize, at: usize, with: &[u8]) -> Vec<u8> {
    let mut out = archive.to_vec();
    out[header + at..header + at + with.len()].copy_from_slice(with);
    out[header + 148..header + 156].copy_from_slice(b"        ");
    let sum: u32 = out[header..header + 512].iter().map(|b| u32::from(*b)).sum();
    out[header + 148..header + 155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    out
}

#[test]
fn two_sizes_of_a_member_are_read_in_two_ways() {
    let hidden = make::tar(&[file("bin/evil", b"evil")]);
    let record = format!("13 size={}\n", hidden.len());
    assert_eq!(record.len(), 13);
    let pax = File { flag: b'x', ..file("pax", record.as_bytes()) };
    let honest = make::tar(&[pax, file("doc.txt", &hidden), file("z", b"z")]);
    // The size of pax is right; without it the content is a member.
    differs(&honest, &patched(&honest, 1024, 124, b"00000000000"), "two sizes");
    differs(&honest, &patched(&patched(&honest, 0, 136, b"00000000005"), 1024, 124, b"00000000000"), "two sizes");
    same(&honest, &patched(&honest, 0, 136, b"00000000005"));
}

/// A zstd frame of one block as it is, which states a size.
fn frame(content: &[u8], stated: u8) -> Vec<u8> {
    let head = (u32::try_from(content.len()).unwrap() << 3 | 1).to_le_bytes();
    [b"\x28\xb5\x2f\xfd\x20", &[stated][..], &head[..3], content].concat()
}

#[test]
fn a_frame_that_states_another_size_is_read_by_some_only() {
    let right = frame(b"some content", 12);
    assert_eq!(compare_bytes(&right, &right).result, ResultMark::Identical);
    let bad = frame(b"some content", 13);
    differs(&right, &bad, "the size that the zstd frame states");
}

#[test]
fn a_gzip_file_that_names_a_place_is_no_file_with_another_name() {
    let gz = |name: &str| {
        let mut gz = flate2::GzBuilder::new().filename(name).write(Vec::new(), flate2::Compression::new(6));
        gz.write_all(b"content").unwrap();
        gz.finish().unwrap()
    };
    same(&gz("x"), &gz("y"));
    for name in [".profile", "-rf", "../x", "/etc/x", "a\\x", "..", "c:x", "a\nb", &"x".repeat(300)] {
        differs(&gz("x"), &gz(name), "stream: name");
    }
}

#[test]
fn a_package_manager_gives_files_to_whom_the_package_says() {
    let owned = |archive: Vec<u8>| patched(&archive, 0, 108, b"0001750");
    let (control, data) = (make::tar(&[file("control", b"x")]), make::tar(&[file("app/x", b"one")]));
    let deb = |control: &[u8], data: &[u8]| {
        make::ar(&[file("debian-binary", b"2.0\n"), file("control.tar.xz", &make::xz(control)), file("data.tar.xz", &make::xz(data))])
    };
    same(&data, &owned(data.clone()));
    same(&deb(&control, &data), &deb(&owned(control.clone()), &data));
    differs(&deb(&control, &data), &deb(&control, &owned(data.clone())), "app/x: uid ");
    let arch = make::tar(&[file("app/x", b"one"), file(".PKGINFO", b"x")]);
    differs(&arch, &owned(arch.clone()), "app/x: uid ");
}

#[test]
fn further_times_of_gnu_are_a_folder_to_some_readers() {
    let plain = patched(&make::tar(&[file("bin/tool", b"x")]), 0, 257, b"ustar  \0");
    differs(&plain, &patched(&plain, 0, 345, b"00000000755\x0000000000755\0"), "further times");
}

#[test]
fn a_folder_stands_before_what_is_in_it() {
    let folder = |flag, mode| File { flag, mode, ..file("d", b"") };
    let cases: [(Make<'_>, File, u32); 2] = [(&make::tar, folder(b'5', 0o755), 0o644), (&make::cpio, folder(b'5', 0o4_0755), 0o10_0644)];
    for (make, folder, mode) in cases {
        let (x, y) = (File { mode, ..file("d/x", b"one") }, File { mode, ..file("y", b"two") });
        let first = make(&[folder.clone(), x.clone(), y.clone()]);
        same(&first, &make(&[y.clone(), folder.clone(), x.clone()]));
        differs(&first, &make(&[x, folder, y]), "stands behind");
    }
    let label = File { flag: b'V', ..file("label", b"") };
    let (x, y) = (file("x", b"one"), file("y", b"two"));
    differs(&make::tar(&[label.clone(), x.clone(), y.clone()]), &make::tar(&[x, y, label]), "whose place may count");
}

#[test]
fn signatures_of_a_jar_stand_before_what_they_sign() {
    let jar = ["META-INF/MANIFEST.MF", "META-INF/A.SF", "META-INF/A.RSA", "C.class", "D.class"];
    let made = |order: [usize; 5]| make::zip(&order.map(|i| file(jar[i], format!("content {i}").as_bytes())));
    same(&made([0, 1, 2, 3, 4]), &made([0, 1, 2, 4, 3]));
    differs(&made([0, 1, 2, 3, 4]), &made([0, 3, 1, 2, 4]), "the place of");
    differs(&made([0, 1, 2, 3, 4]), &made([0, 1, 3, 2, 4]), "the place of");
}

/// A stored member: with its size before it, or (as a stream is written) behind it.
fn stored(content: &[u8], streamed: bool) -> Vec<u8> {
    let size = u32::try_from(content.len()).unwrap();
    let crc = crate::inspect::stream::crc32(content);
    let flag = if streamed { 8u16 } else { 0 };
    let head = |numbers: [u32; 3]| {
        let form = [20u16, flag, 0, 0, 0x5021].map(u16::to_le_bytes).concat();
        [form, numbers.map(u32::to_le_bytes).concat(), vec![1, 0, 0, 0]].concat()
    };
    let real = [crc, size, size];
    let mut out = [b"PK\x03\x04", &head(if streamed { [0; 3] } else { real })[..], b"x", content].concat();
    if streamed {
        out.extend([b"PK\x07\x08", &real.map(u32::to_le_bytes).concat()[..]].concat());
    }
    let start = u32::try_from(out.len()).unwrap();
    out.extend([b"PK\x01\x02\x14\x03", &head(real)[..], &[0; 14], b"x"].concat());
    let length = u32::try_from(out.len()).unwrap() - start;
    out.extend([b"PK\x05\x06\0\0\0\0\x01\0\x01\0", &[length, start].map(u32::to_le_bytes).concat()[..], &[0, 0]].concat());
    out
}

#[test]
fn stored_content_with_its_size_behind_it_ends_where_a_reader_thinks() {
    differs(&stored(b"content", false), &stored(b"content", true), "flags");
    assert_eq!(compare_bytes(&stored(b"one", true), &stored(b"two", true)).metadata, [""; 0]);
}

#[test]
fn what_a_link_in_a_zip_leads_to_is_no_text() {
    let zip = |target: &str| make::zip(&[File { mode: 0o12_0777, ..file("current", target.as_bytes()) }]);
    differs(&zip("built 2022-12-26"), &zip("built 2023-12-26"), "the link target built");
    let text = |content: &str| make::zip(&[file("current", content.as_bytes())]);
    same(&text("built 2022-12-26"), &text("built 2023-12-26"));
}

#[test]
fn a_time_of_a_zip_that_is_none_is_not_explained() {
    let zip = |mtime| make::zip(&[File { mtime, ..file("x", b"same") }]);
    same(&zip(0x5021_0000), &zip(0x5022_0821));
    same(&zip(0x5021_0000), &zip(0));
    for odd in [0xffff_ffff, 0x5001_0000, 0x5020_0000, 0x5021_f800, 0x5021_001f] {
        differs(&zip(0x5021_0000), &zip(odd), "mtime");
    }
}

#[test]
fn a_file_that_is_called_a_signature_is_none_by_its_name() {
    let jar = |name: &str, content: &[u8], signed: bool| {
        let list = if signed { "META-INF/X.SF" } else { "META-INF/Y.txt" };
        make::zip(&[file("META-INF/MANIFEST.MF", b"Manifest-Version: 1.0\r\n\r\n"), file(list, b"same"), file(name, content)])
    };
    let (one, two) = (signature(b"one", b""), signature(b"two", b""));
    same(&jar("META-INF/X.RSA", &one, true), &jar("META-INF/X.RSA", &two, true));
    differs(&jar("META-INF/X.RSA", &one, false), &jar("META-INF/X.RSA", &two, false), "no signature file");
    let enclosed = [signature(b"one", b"a key"), signature(b"one", b"no key")];
    let longer = [&one[..], b"\0"].concat();
    for odd in [&b"allow = evil\n"[..], &elf(), &enclosed[0], &enclosed[1], &longer] {
        differs(&jar("META-INF/X.RSA", &one, true), &jar("META-INF/X.RSA", odd, true), "in the form of a jar");
    }
}

fn elf() -> Vec<u8> {
    make::elf(&make::program())
}

#[test]
fn streams_in_a_row_end_at_the_same_places() {
    let content = b"0123456789".repeat(30);
    let parts = |cuts: &[usize]| -> Vec<u8> {
        let mut from = 0;
        let ends = cuts.iter().copied().chain([content.len()]);
        ends.flat_map(|end| make::gzip(&content[std::mem::replace(&mut from, end)..end], 6, 1)).collect()
    };
    differs(&parts(&[]), &parts(&[100]), "some readers take the first only");
    differs(&parts(&[]), &parts(&[0]), "some readers take the first only");
    differs(&parts(&[100]), &parts(&[200]), "end at other places");
    let quick: Vec<u8> = [0..100, 100..300].into_iter().flat_map(|part| make::gzip(&content[part], 1, 9)).collect();
    same(&parts(&[100]), &quick);
    let zstd = |part: &[u8]| ruzstd::encoding::compress_to_vec(part, ruzstd::encoding::CompressionLevel::Fastest);
    differs(&zstd(&content), &[zstd(b""), zstd(&content)].concat(), "some readers take the first only");
    differs(&make::xz(&content), &[make::xz(&content[..7]), make::xz(&content[7..])].concat(), "some readers take the first only");
}

/// A zip64 record is there or not, and says what it must.
#[test]
fn numbers_of_zip64_stand_in_their_places() {
    let with = |here: &[u64], there: &[u64]| {
        let record = |numbers: &[u64]| -> Vec<u8> {
            if numbers.is_empty() {
                return Vec::new();
            }
            let size = u16::try_from(numbers.len() * 8).unwrap();
            [&1u16.to_le_bytes()[..], &size.to_le_bytes(), &numbers.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<_>>()].concat()
        };
        let (local, central) = (record(here), record(there));
        let plain = stored(b"content", false);
        let directory = plain.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
        let mut head = plain[..directory].to_vec();
        head[28] = u8::try_from(local.len()).unwrap();
        head.splice(31..31, local);
        let start = u32::try_from(head.len()).unwrap();
        let mut entry = plain[directory..plain.len() - 22].to_vec();
        entry[30] = u8::try_from(central.len()).unwrap();
        entry.extend(central);
        let mut end = plain[plain.len() - 22..].to_vec();
        end[12..16].copy_from_slice(&u32::try_from(entry.len()).unwrap().to_le_bytes());
        end[16..20].copy_from_slice(&start.to_le_bytes());
        [head, entry, end].concat()
    };
    let none = with(&[], &[]);
    same(&none, &with(&[7, 7], &[]));
    same(&none, &with(&[7, 7], &[7, 7, 0]));
    for (here, there) in [(&[0u64, 0][..], &[][..]), (&[7], &[]), (&[7, 0], &[]), (&[], &[0]), (&[], &[7, 0]), (&[], &[7, 7, 7])] {
        differs(&none, &with(here, there), "extra field");
    }
}

/// A name of a megabyte in front of each of thousands of digests.
#[test]
fn a_long_name_in_a_manifest_takes_no_time() {
    let started = std::time::Instant::now();
    let name = "n".repeat(1 << 20);
    let jar = |value: &str| {
        let section = format!("Name: {name}\r\nX: {value}\r\n\r\n");
        let digest = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, Sha256::of(section.as_bytes()).0);
        let lines = format!("SHA-256-Digest: {digest}\r\n").repeat(2000);
        let main = "Manifest-Version: 1.0\r\n\r\n";
        let manifest = format!("{main}{section}");
        let list = format!("Signature-Version: 1.0\r\n\r\nName: {name}\r\n{lines}\r\n");
        make::zip(&[file("META-INF/MANIFEST.MF", manifest.as_bytes()), file("META-INF/A.SF", list.as_bytes())])
    };
    differs(&jar("1"), &jar("2"), "a name that is too long");
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}

#[test]
fn strings_of_compiled_scripts_say_nothing_of_one_another() {
    let data = |magic: &[u8], date: &str| [magic, b"\x01 build \"", date.as_bytes(), b" \x02"].concat();
    same(&data(b"\x01\x02\x03\x04", "2022-12-26"), &data(b"\x01\x02\x03\x04", "2099-12-26"));
    for magic in [&b"\xa7\x0d\r\n"[..], b"\0asm", b"\x1bLua", b"\xca\xfe\xba\xbe\0\0\0\x41", b"dex\n"] {
        assert_eq!(compare_bytes(&data(magic, "2022-12-26"), &data(magic, "2099-12-26")).result, ResultMark::Different, "{magic:?}");
    }
}

/// Of compiled files of other languages the newer of the two is taken.
#[test]
fn whether_a_compiled_file_is_newer_than_its_source_counts() {
    let pairs = [
        ("x.zwc", "x"),
        ("a/compiled/x_rkt.zo", "a/x.rkt"),
        ("usr/lib/guile/3.0/site-ccache/x.go", "usr/share/guile/site/3.0/x.scm"),
        ("x.elc", "x.el"),
    ];
    for (compiled, source) in pairs {
        let forms: [(Make<'_>, u32); 2] = [(&make::tar, 0o644), (&make::cpio, 0o10_0644)];
        for (make, mode) in forms {
            let at = |name: &str, mtime: u64| File { mode, mtime, ..file(name, b"content") };
            let made = |one: u64, two: u64| make(&[at(compiled, one), at(source, two)]);
            same(&made(1002, 1000), &made(2007, 2000));
            same(&made(1000, 1002), &made(2000, 2007));
            differs(&made(1002, 1000), &made(1002, 1003), "on one side only");
            if compiled == "x.zwc" {
                differs(&made(1002, 1000), &made(1002, 1002), "on one side only");
            } else {
                same(&made(1002, 1000), &made(1002, 1002));
            }
        }
    }
    let rpm = |one: u32, two: u32| {
        let tags = [
            make::word(1000, "x"),
            make::numbers(1034, &[one, two]),
            make::numbers(1116, &[0, 0]),
            make::words(1117, &["x.zwc", "x"]),
            make::words(1118, &["/a/"]),
        ];
        make::rpm(&tags, &make::gzip(&make::cpio(&[]), 9, 0), None)
    };
    same(&rpm(1002, 1000), &rpm(2007, 2000));
    differs(&rpm(1002, 1000), &rpm(1002, 1003), "on one side only");
}

/// The same source and the same compiled file: their times say which of them runs.
#[test]
fn whether_a_compiled_file_is_of_its_source_is_no_matter_of_times() {
    let compiled = |time: u32| [&b"\xa7\x0d\r\n\0\0\0\0"[..], &time.to_le_bytes(), &[9, 0, 0, 0], b"\xe3code"].concat();
    let files = |mode, source: u64, stated: u32| {
        let pyc = File { mode, ..file("a/__pycache__/x.cpython-311.pyc", &compiled(stated)) };
        [File { mode, mtime: source, ..file("a/x.py", b"print(1)\n") }, pyc]
    };
    let forms: [(Make<'_>, u32); 2] = [(&make::tar, 0o644), (&make::cpio, 0o10_0644)];
    for (make, mode) in forms {
        let made = |source, stated| make(&files(mode, source, stated));
        same(&made(1000, 1000), &made(2000, 2000));
        same(&made(1000, 1100), &made(1000, 1200));
        differs(&made(1000, 1000), &made(1000, 1001), "on one side only");
        differs(&made(1000, 1000), &made(1001, 1000), "on one side only");
    }
    // Not every reader takes the time of pax.
    let pax = |of_header: u64| {
        let record = File { flag: b'x', ..file("PaxHeaders/x", b"14 mtime=1000\n") };
        let [source, pyc] = files(0o644, of_header, 1000);
        make::tar(&[record, source, pyc])
    };
    same(&pax(2000), &pax(2001));
    differs(&pax(1000), &pax(1001), "on one side only");
    // `./a/x.py` is `a/x.py`.
    let dotted = |stated| {
        let [source, pyc] = files(0o644, 1000, stated);
        make::tar(&[File { name: format!("./{}", source.name), ..source }, pyc])
    };
    differs(&dotted(1000), &dotted(1001), "on one side only");
    let alone = |time| make::tar(&files(0o644, 1, time)[1..]);
    same(&alone(1000), &alone(2000));
    // 2020-01-01 00:00:00 and :02 in a zip.
    let zip = |source, stated| make::zip(&files(0o10_0644, source, stated));
    same(&zip(0x5021_0000, 1_577_836_800), &zip(0x5021_0001, 1_577_836_802));
    differs(&zip(0x5021_0000, 1_577_836_800), &zip(0x5021_0001, 1_577_836_800), "on one side only");
    // The time that it is unpacked with.
    let further = |time: u32| {
        let extra = [&[0x55, 0x54, 5, 0, 1][..], &time.to_le_bytes()].concat();
        make::zip_with(&files(0o10_0644, 0x5021_0000, 1_577_836_800), &|_| extra.clone(), b"")
    };
    differs(&further(1_577_836_800), &further(1_577_836_801), "on one side only");
    same(&further(5), &further(6));
}

/// One letter that becomes eighteen, in names as long as they may be.
#[test]
fn names_that_grow_are_not_read_without_end() {
    let files: Vec<File> = (0..400).map(|i| File { mode: 0o10_0644, ..file(&format!("{}{i}", "\u{fdfa}".repeat(1300)), b"") }).collect();
    let turned = |files: &[File]| [&files[1..], &files[..1]].concat();
    differs(&make::cpio(&files), &make::cpio(&turned(&files)), "the names are too long");
    same(&make::cpio(&files[..20]), &make::cpio(&turned(&files[..20])));
}
