//! What those read from archives who unpack them as root, and what is read in the order of the members.

use super::make::{File, file, numbers, word, words};
use super::*;

/// Both ways round, with the same result.
#[track_caller]
fn equal(a: &[u8], b: &[u8]) -> bool {
    assert_ne!(a, b);
    let (one, two) = (compare_bytes(a, b).result, compare_bytes(b, a).result);
    assert_eq!(one, two, "not the same the other way round");
    one.is_equal()
}

/// A tar in which the first member has that owner.
fn owned(files: &[File], owner: &str) -> Vec<u8> {
    patched(&make::tar(files), 108, owner.as_bytes())
}

/// A tar with these bytes at that place of its first header.
fn patched(tar: &[u8], at: usize, with: &[u8]) -> Vec<u8> {
    let mut out = tar.to_vec();
    out[at..at + with.len()].copy_from_slice(with);
    out[148..156].fill(b' ');
    let sum: u32 = out[..512].iter().map(|b| u32::from(*b)).sum();
    out[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    out
}

#[test]
fn the_owner_counts_where_root_unpacks() {
    let both = |files: &[File]| ["0000000", "0001750"].map(|owner| owned(files, owner));
    let [a, b] = both(&[file("app-1.2/x", b"one"), file("app-1.2/lib/y", b"two")]);
    assert!(equal(&a, &b), "who unpacks it owns it");
    for name in [
        "etc/passwd",
        "./usr/bin/x",
        "/var/x",
        "+MANIFEST",
        ".PKGINFO",
        "./.PKGINFO",
        "install/doinst.sh",
        "props.plist",
        "lib/modules/x",
        "app/.wh.x",
        "init",
    ] {
        let [a, b] = both(&[file("x", b"one"), file(name, b"two")]);
        assert!(!equal(&a, &b), "{name}");
    }
    let [a, b] = both(&[file("app/x", b"one")]);
    for name in ["blobs/sha256/0123", "./blobs/sha256/0123", "0123/layer.tar"] {
        let inside = |layer: &[u8]| make::tar(&[file(name, layer)]);
        assert!(!equal(&inside(&a), &inside(&b)), "{name}");
        assert!(!equal(&inside(&make::gzip(&a, 9, 0)), &inside(&make::gzip(&b, 9, 0))), "{name}, packed");
    }
}

#[test]
fn the_owner_counts_in_the_first_file_system_of_a_kernel_and_not_in_the_payload_of_rpm() {
    let regular = |name: &str| File { mode: 0o10_0644, ..file(name, b"content") };
    let both = |name: &str| {
        [b'0', b'7'].map(|owner| {
            let mut out = make::cpio(&[regular("x"), regular(name)]);
            out[29] = owner;
            out
        })
    };
    let [a, b] = both("y");
    assert!(equal(&a, &b));
    let [a, b] = both("init");
    assert!(!equal(&a, &b));
    let rpm = |payload: &[u8]| make::rpm(&[word(1000, "x")], &make::gzip(payload, 9, 0), None);
    let [a, b] = both("./usr/bin/x");
    assert!(!equal(&a, &b));
    assert!(equal(&rpm(&a), &rpm(&b)), "the owners are those of the header");
}

#[test]
fn a_package_of_opkg_is_a_package() {
    let made = |control: &str, owner: &str, sums: &str, content: &str| {
        let control = [file("./control", control.as_bytes()), file("./md5sums", sums.as_bytes())];
        let data = owned(&[file("./app/x", content.as_bytes())], owner);
        let parts = [
            file("./debian-binary", b"2.0\n"),
            file("./data.tar.gz", &make::gzip(&data, 9, 0)),
            file("./control.tar.gz", &make::gzip(&make::tar(&control), 9, 0)),
        ];
        make::gzip(&make::tar(&parts), 9, 0)
    };
    let of = |content: &str| made("Package: x\n", "0000000", &format!("{}  app/x\n", make::md5(content.as_bytes())), content);
    assert!(equal(&of("built 2022-12-26\n"), &of("built 2026-11-23\n")), "lists of digests are proved as in a Debian package");
    let plain = |control: &str, owner: &str| made(control, owner, "", "one");
    assert!(!equal(&plain("Package: x\n", "0000000"), &plain("Package: x\n", "0001750")));
    let needs = |version: &str| plain(&format!("Package: x\nDescription: built {version}\n"), "0000000");
    assert!(!equal(&needs("2022-12-26"), &needs("2026-11-23")));
}

#[test]
fn an_order_that_somebody_reads_in_counts() {
    let turned = |make: fn(&[File]) -> Vec<u8>, names: [&str; 3]| {
        let [x, y, z] = [0, 1, 2].map(|i| file(names[i], &[b'a' + u8::try_from(i).unwrap(); 20]));
        equal(&make(&[x.clone(), y.clone(), z.clone()]), &make(&[x, z, y]))
    };
    assert!(turned(make::tar, ["a", "b", "c"]));
    assert!(!turned(make::tar, ["a", "d/.wh..wh..opq", "d/x"]));
    assert!(!turned(make::tar, [".PKGINFO", ".INSTALL", "usr/x"]));
    assert!(!turned(make::tar, [".PKGINFO", "./.INSTALL", "usr/x"]));
    assert!(turned(make::zip, ["a", "b.class", "c.class"]));
    assert!(turned(make::zip, ["a", "b.class", "lib/c.jar"]));
    assert!(!turned(make::zip, ["META-INF/MANIFEST.MF", "BOOT-INF/lib/b.jar", "BOOT-INF/lib/c.JAR"]));
}

#[test]
fn a_trailer_with_a_content_is_read_in_two_ways() {
    let regular = |name: &str, content: &[u8]| File { mode: 0o10_0644, ..file(name, content) };
    let files = [regular("a", b"one"), regular("TRAILER!!!", b"more"), regular("b", b"two")];
    let turned = [files[2].clone(), files[1].clone(), files[0].clone()];
    assert!(!equal(&make::cpio(&files), &make::cpio(&turned)));
}

/// A pax archive of one member, whose extension header has that name and that record.
fn pax(name: &str, key: &str, value: &str) -> Vec<u8> {
    let rest = format!(" {key}={value}\n");
    let length = (1..).find(|n| n.to_string().len() + rest.len() == *n).unwrap();
    let header = make::tar(&[File { flag: b'x', ..file(name, format!("{length}{rest}").as_bytes()) }]);
    [&header[..header.len() - 1024], &make::tar(&[file("x", b"content")])].concat()
}

#[test]
fn the_name_of_a_pax_header_and_those_of_users_hold_nothing_else() {
    let named = |name: &str| pax(name, "mtime", "1");
    assert!(equal(&named("./PaxHeaders.123/x"), &named("././@PaxHeader")));
    for odd in ["etc/cron.d/x", "/PaxHeaders.1/x", "PaxHeaders.1/../../etc/x", "xPaxHeader/y"] {
        assert!(!equal(&named("././@PaxHeader"), &named(odd)), "{odd}");
    }
    let user = |name: &str| pax("PaxHeaders/x", "uname", name);
    assert!(equal(&user("alice"), &user("robin")));
    for odd in ["x\n#!/bin/sh".to_owned(), "x;y".to_owned(), "$(x)".to_owned(), "x".repeat(300)] {
        assert!(!equal(&user("alice"), &user(&odd)), "{odd}");
    }
    let in_header = |name: &str| patched(&make::tar(&[file("x", b"one")]), 265, name.as_bytes());
    assert!(equal(&in_header("alice"), &in_header("DOM\\bob")));
    assert!(!equal(&in_header("alice"), &in_header("\nevil\n")));
}

/// The first bytes of a tar are the name of its first member, its header what a script reads next.
#[test]
fn an_archive_that_is_run_is_no_archive() {
    let at = |name: &str, mtime: u64| make::tar(&[File { mtime, ..file(name, b"one") }]);
    assert!(equal(&at("x", 1), &at("x", 2)));
    for name in ["#!/bin/sh\n", "<?php x(", "MZ"] {
        assert!(!equal(&at(name, 1), &at(name, 2)), "{name}");
    }
    let bootable = |mtime| patched(&at("x", mtime), 510, b"\x55\xaa");
    assert!(!equal(&bootable(1), &bootable(2)));
}

#[test]
fn a_size_in_a_form_that_not_everybody_reads_is_another_one() {
    let plain = make::tar(&[file("x", b"one")]);
    let wide = patched(&plain, 124, &[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3]);
    assert!(!equal(&plain, &wide));
}

#[test]
fn where_and_when_a_package_was_built_holds_nothing_else() {
    let made = |cookie: &str, times: &[u32]| {
        make::rpm(&[word(1000, "x"), numbers(1006, times), word(1094, cookie), words(1117, &["x"])], b"payload", None)
    };
    assert!(equal(&made("builder 1600000000", &[1]), &made("other.example 1700000000", &[2])));
    assert!(!equal(&made("builder 1600000000", &[1]), &made("curl x | sh; 16", &[1])));
    assert!(!equal(&made("builder 1600000000", &[1]), &made("builder", &[1])));
    assert!(!equal(&made("builder 1600000000", &[1, 7]), &made("builder 1600000000", &[1, 8])));
}
