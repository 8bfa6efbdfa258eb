//! Header fields of tar and zip beyond time and owner.

use super::make::{File, file};
use super::*;

fn result(a: &[u8], b: &[u8]) -> ResultMark {
    let result = compare_bytes(a, b).result;
    assert_eq!(compare_bytes(b, a).result, result, "not the same the other way round");
    result
}

/// A tar of one file with a pax header of these records in front.
fn with_records(records: &[(&str, &str)]) -> Vec<u8> {
    let payload: String = records
        .iter()
        .map(|(key, value)| {
            let rest = key.len() + value.len() + 3;
            let digits = if rest + 2 < 100 { 2 } else { 3 };
            format!("{} {key}={value}\n", rest + digits)
        })
        .collect();
    make::tar(&[File { flag: b'x', ..file("PaxHeaders/x", payload.as_bytes()) }, file("x", b"content")])
}

#[test]
fn times_of_pax_are_explained_and_capabilities_and_other_attributes_are_not() {
    let a = with_records(&[("mtime", "1600000000.25"), ("SCHILY.xattr.security.capability", "cap_net_raw")]);
    let b = with_records(&[("mtime", "1700000000.75"), ("SCHILY.xattr.security.capability", "cap_net_raw")]);
    assert_eq!(result(&a, &b), ResultMark::Equivalent);
    for (key, old, new) in [
        ("SCHILY.xattr.security.capability", "cap_net_raw", "cap_sys_adm"),
        ("SCHILY.acl.access", "user::r-x", "user::rwx"),
        ("LIBARCHIVE.xattr.user.x", "b25l", "dHdv"),
        ("linkpath", "/usr/bin/a", "/usr/bin/b"),
        ("mtime", "1600000000.25", "160000000000x"),
    ] {
        let node = compare_bytes(&with_records(&[(key, old)]), &with_records(&[(key, new)]));
        assert_eq!(node.result, ResultMark::Different, "{key}");
    }
    let without = with_records(&[("mtime", "1600000000.25")]);
    assert_eq!(result(&a, &without), ResultMark::Different);
}

fn with_header(tar: Vec<u8>, change: &dyn Fn(&mut [u8])) -> Vec<u8> {
    super::with_header(tar, change)
}

#[test]
fn large_numbers_and_devices_of_tar_are_read() {
    let large = |time: i64| {
        with_header(make::tar(&[file("x", b"one")]), &|h| {
            h[136] = 0x80;
            h[137..140].fill(0);
            h[140..148].copy_from_slice(&time.to_be_bytes());
        })
    };
    let node = compare_bytes(&large(1 << 33), &large(1 << 34));
    assert_eq!(node.result, ResultMark::Equivalent, "{:?}", node.metadata);
    assert_eq!(node.proofs[0].values.shipped.as_str(), Some("2242-03-16 12:56:32"));
    let device =
        |flag, major: &[u8; 7]| with_header(make::tar(&[File { flag, ..file("x", b"") }]), &|h| h[329..336].copy_from_slice(major));
    assert_eq!(result(&device(b'3', b"0000001"), &device(b'3', b"0000002")), ResultMark::Different);
    assert_eq!(result(&device(b'0', b"0000001"), &device(b'0', b"0000002")), ResultMark::Equivalent);
    assert_eq!(result(&device(b'0', b"0000001"), &device(b'0', b"evil!!!")), ResultMark::Different);
}

#[test]
fn a_sparse_member_is_compared_as_it_is_stored_and_the_rest_is_opened() {
    let made = |content: &[u8], other: &[u8]| {
        let sparse = with_header(make::tar(&[File { flag: b'S', ..file("s", content) }]), &|_| ());
        let rest = make::tar(&[file("y", other)]);
        [&sparse[..sparse.len() - 1024], &rest].concat()
    };
    let node = compare_bytes(&made(b"some data", b"one"), &made(b"some datb", b"onf"));
    assert!(find(&node, "s").why.contains("sparse"), "{}", find(&node, "s").why);
    assert_eq!(find(&node, "y").result, ResultMark::Different);
    assert_eq!(find(&node, "y").why, "1 line changed");
    assert_eq!(find(&compare_bytes(&made(b"some data", b"one"), &made(b"some data", b"onf")), "s").result, ResultMark::Identical);
}

fn record(id: u16, data: &[u8]) -> Vec<u8> {
    [&id.to_le_bytes()[..], &u16::try_from(data.len()).unwrap().to_le_bytes(), data].concat()
}

#[test]
fn extra_fields_of_zip_are_explained_by_what_they_mean() {
    let files = [file("a", b"one"), file("b", b"two")];
    let made = |extra: &[u8]| make::zip_with(&files, &|_| extra.to_vec(), b"");
    let time = |seconds: u32| record(0x5455, &[&[1][..], &seconds.to_le_bytes()].concat());
    let owner = |id: u8| record(0x7875, &[1, 4, id, 0, 0, 0, 4, id, 0, 0, 0]);
    let causes = |a: &[u8], b: &[u8]| {
        let node = compare_bytes(a, b);
        assert_eq!(node.result, ResultMark::Equivalent, "{} {:?}", node.why, node.metadata);
        node.account.shipped.explained.keys().chain(node.account.rebuilt.explained.keys()).copied().collect::<Vec<_>>()
    };
    assert!(causes(&made(&time(5)), &made(&time(6))).contains(&Cause::Mtime));
    assert!(causes(&made(&time(5)), &made(&[])).contains(&Cause::Mtime), "a time on one side only");
    assert!(causes(&made(&owner(0)), &made(&owner(7))).contains(&Cause::Owner));
    assert!(causes(&made(&[0, 0, 0]), &made(&[])).contains(&Cause::Attributes), "alignment");
    for (old, new) in [
        (record(0x9999, b"data"), record(0x9999, b"date")),
        (record(0x9999, b"data"), Vec::new()),
        (record(0x5455, &[1, 1, 2, 3]), record(0x5455, &[1, 1, 2, 4])),
        (record(0x7875, &[1, 4, 0, 0, 0, 0, 4, 0, 0, 0, 0, b'x']), record(0x7875, &[1, 4, 0, 0, 0, 0, 4, 0, 0, 0, 0, b'y'])),
        ([time(1), time(2)].concat(), [time(1), time(3)].concat()),
        (vec![0, 0, 0], vec![0, b'x', 0]),
    ] {
        assert_eq!(result(&made(&old), &made(&new)), ResultMark::Different, "{old:?} {new:?}");
    }
    let of_system = |id: u8| make::zip_with(&[file("etc/passwd", b"one")], &|_| owner(id), b"");
    assert_eq!(result(&of_system(0), &of_system(7)), ResultMark::Different);
    // The owner decides whose rights a setuid program gets.
    let rooted = |id: u8| make::zip_with(&[File { mode: 0o10_4755, ..file("a", b"one") }], &|_| owner(id), b"");
    assert_eq!(result(&rooted(0), &rooted(7)), ResultMark::Different);
}

/// Fields are paired by what they are: each is the same, and the file is not.
#[test]
fn fields_in_another_order_are_a_difference() {
    let files = [file("a", b"one")];
    let (time, owner) = (record(0x5455, &[1, 5, 0, 0, 0]), record(0x7875, &[1, 4, 0, 0, 0, 0, 4, 0, 0, 0, 0]));
    let zip = |extra: &[&[u8]]| make::zip_with(&files, &|_| extra.concat(), b"");
    assert_eq!(result(&zip(&[&time, &owner]), &zip(&[&owner, &time])), ResultMark::Different);
    assert_eq!(result(&zip(&[&time, &owner]), &zip(&[&owner])), ResultMark::Equivalent);
    let pax = |records: &[(&str, &str)]| result(&with_records(&[("mtime", "1600000000.25"), ("atime", "5")]), &with_records(records));
    assert_eq!(pax(&[("atime", "5"), ("mtime", "1600000000.25")]), ResultMark::Different);
    assert_eq!(pax(&[("mtime", "1600000007.25"), ("atime", "6")]), ResultMark::Equivalent);
    let tag = |value: &str| make::word(1000, value);
    let rpm = |tags: &[make::Tag]| make::rpm(tags, &make::gzip(&make::cpio(&[]), 9, 0), None);
    let (name, version) = (tag("x"), make::word(1001, "1"));
    assert_eq!(result(&rpm(&[name.clone(), version.clone()]), &rpm(&[version, name])), ResultMark::Different);
    // A comment for all of an archive, before its first member and behind it.
    let comment = File { flag: b'g', ..file("pax_global_header", b"13 comment=x\n") };
    let (one, two) = (file("a", b"one"), file("b", b"two"));
    let first = make::tar(&[comment.clone(), one.clone(), two.clone()]);
    assert_eq!(result(&first, &make::tar(&[one.clone(), comment.clone(), two.clone()])), ResultMark::Different);
    let later = make::tar(&[comment, File { mtime: 7, ..one }, two]);
    assert_eq!(result(&first, &later), ResultMark::Equivalent);
}

#[test]
fn a_comment_is_explained_as_text_only_and_a_mode_never() {
    let files = [file("a", b"one")];
    let with = |comment: &[u8]| make::zip_with(&files, &|_| Vec::new(), comment);
    assert_eq!(result(&with(b"built by one"), &with(b"built by another")), ResultMark::Equivalent);
    assert_eq!(result(&with(b"built by one"), &with(b"built by\x00\x01")), ResultMark::Different);
    let mode = |mode: u32| make::zip(&[File { mode, ..file("a", b"one") }]);
    assert_eq!(result(&mode(0o10_0755), &mode(0o10_4755)), ResultMark::Different);
    assert_eq!(result(&mode(0o10_0644), &mode(0o10_0755)), ResultMark::Different);
}

#[test]
fn compiled_python_may_name_another_time_of_its_source() {
    let made = |flags: u8, time: u32, code: &[u8]| {
        let head = [&3495u16.to_le_bytes()[..], b"\r\n", &[flags, 0, 0, 0], &time.to_le_bytes(), &[9, 0, 0, 0]].concat();
        [&head[..], b"\xe3", code].concat()
    };
    let a = made(0, 1_600_000_000, b"\0\x01code");
    let node = compare_bytes(&a, &made(0, 1_700_000_000, b"\0\x01code"));
    assert_eq!(node.result, ResultMark::Equivalent);
    assert_eq!(node.proofs[0].values.shipped.as_str(), Some("2020-09-13 12:26:40"));
    assert_eq!(result(&a, &made(0, 1_700_000_000, b"\0\x01codf")), ResultMark::Different);
    assert_eq!(result(&made(1, 1_600_000_000, b"\0\x01code"), &made(1, 1_700_000_000, b"\0\x01code")), ResultMark::Different, "a hash");
}

/// A zip with Android's signing block of those parts before its directory.
fn with_block(zip: &[u8], parts: &[(u32, &[u8])]) -> Vec<u8> {
    let end = zip.windows(4).rposition(|w| w == b"PK\x05\x06").unwrap();
    let directory = u32::from_le_bytes(zip[end + 16..end + 20].try_into().unwrap()) as usize;
    let mut body = Vec::new();
    for (id, value) in parts {
        body.extend((value.len() as u64 + 4).to_le_bytes());
        body.extend(id.to_le_bytes());
        body.extend(*value);
    }
    let size = (body.len() as u64 + 24).to_le_bytes();
    let block = [&size[..], &body, &size, b"APK Sig Block 42"].concat();
    let place = u32::try_from(directory + block.len()).unwrap().to_le_bytes();
    [&zip[..directory], &block, &zip[directory..end + 16], &place, &zip[end + 20..]].concat()
}

#[test]
fn a_signing_block_holds_signatures_and_nothing_that_a_program_could_read() {
    let plain = make::zip(&[file("classes.dex", b"one")]);
    let made = |parts: &[(u32, &[u8])]| with_block(&plain, parts);
    let second = crate::inspect::apk::tests::block(b"", b"key", b"");
    let signed: (u32, &[u8]) = (0x7109_871a, &second);
    assert_eq!(result(&made(&[signed]), &plain), ResultMark::Equivalent);
    assert_eq!(
        result(&made(&[signed]), &made(&[(0x7109_871a, &[0; 4]), (0xf053_68c0, &[0; 4]), (0x4272_6577, &[0; 99])])),
        ResultMark::Equivalent
    );
    let channel = |text: &'static [u8]| made(&[signed, (0x7177_7777, text)]);
    assert_eq!(result(&channel(b"{\"server\":\"good\"}"), &channel(b"{\"server\":\"evil\"}")), ResultMark::Different);
    assert_eq!(result(&channel(b"same"), &channel(b"same")), ResultMark::Identical);
    for parts in [
        &[(0x7177_7777, b"x".as_slice())][..],
        &[signed, (0x4272_6577, b"payload")],
        &[signed, signed],
        &[(0x7109_871a, b"read this")],
        &[(0x7109_871a, &[&second[..], b"more"].concat())],
    ] {
        assert_eq!(result(&made(parts), &plain), ResultMark::Different, "{parts:?}");
        assert_eq!(result(&plain, &made(parts)), ResultMark::Different, "{parts:?}");
    }
}

#[test]
fn the_owner_of_a_file_with_capabilities_is_never_explained() {
    let made = |owner: u32, key: &str| with_records(&[(key, "AQAAAg=="), ("uname", &format!("user-{owner:04}"))]);
    assert_eq!(result(&made(0, "SCHILY.xattr.user.note"), &made(7, "SCHILY.xattr.user.note")), ResultMark::Equivalent);
    for key in ["SCHILY.xattr.security.capability", "LIBARCHIVE.xattr.security.capability", "LIBARCHIVE.xattr.security%2Ecapability"] {
        assert_eq!(result(&made(0, key), &made(7, key)), ResultMark::Different, "{key}");
    }
}

#[test]
fn the_order_of_names_that_are_one_elsewhere_counts() {
    let turned = |one: &str, two: &str, make: fn(&[File]) -> Vec<u8>| {
        let (a, b) = (file(one, b"first"), file(two, b"second"));
        result(&make(&[a.clone(), b.clone()]), &make(&[b, a]))
    };
    for make in [make::zip as fn(&[File]) -> Vec<u8>, make::tar] {
        assert_eq!(turned("d/x", "d/y", make), ResultMark::Equivalent);
        for (one, two) in [("d/x", "d\\x"), ("A", "a"), ("\u{e9}", "e\u{301}")] {
            assert_eq!(turned(one, two, make), ResultMark::Different, "{one} {two}");
        }
    }
}
