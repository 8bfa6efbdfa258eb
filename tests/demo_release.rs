//! The demonstration release is small, whole, and has exactly the differences that its README states.

use std::collections::BTreeMap;

use countersign::digest::Sha256;
use countersign::json;

const TOP: &str = "gateway-update-2.4.1/";

fn demo(name: &str) -> Vec<u8> {
    let path = std::env::current_dir().expect("Cargo runs tests in the package's folder").join("testdata/demo").join(name);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn text(name: &str) -> String {
    String::from_utf8(demo(name)).expect("UTF-8")
}

fn octal(field: &[u8]) -> usize {
    let digits = std::str::from_utf8(field).expect("ASCII").trim_matches(['\0', ' ']);
    usize::from_str_radix(digits, 8).expect("octal")
}

/// The files of a plain ustar archive, by path below the top directory; refuses anything else that could be in one.
fn members(tar: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut last = String::new();
    let mut at = 0;
    loop {
        let header = &tar[at..at + 512];
        if header.iter().all(|b| *b == 0) {
            assert!(tar[at..].iter().all(|b| *b == 0), "something follows the end of the archive");
            return files;
        }
        assert_eq!(&header[257..265], b"ustar\x0000", "not plain ustar at {at}");
        let sum: usize =
            header.iter().enumerate().map(|(i, b)| if (148..156).contains(&i) { usize::from(b' ') } else { usize::from(*b) }).sum();
        assert_eq!(sum, octal(&header[148..156]), "header checksum at {at}");
        assert_eq!(octal(&header[136..148]), 0, "mtime at {at}");
        assert_eq!(header[345], 0, "no prefix is needed at {at}");
        let end = header[..100].iter().position(|b| *b == 0).unwrap_or(100);
        let name = String::from_utf8(header[..end].to_vec()).expect("UTF-8 name");
        assert!(last < name, "{name} is out of order after {last}");
        let size = octal(&header[124..136]);
        let path = name.strip_prefix(TOP).unwrap_or_else(|| panic!("{name} is outside {TOP}")).to_owned();
        match header[156] {
            b'0' => assert!(files.insert(path, tar[at + 512..at + 512 + size].to_vec()).is_none(), "{name} is there twice"),
            b'5' => assert_eq!(size, 0),
            kind => panic!("{name}: member type {kind}"),
        }
        last = name;
        at += 512 + size.next_multiple_of(512);
    }
}

fn manifest(files: &BTreeMap<String, Vec<u8>>, name: &str) -> BTreeMap<String, Sha256> {
    let listed = String::from_utf8(files[name].clone()).expect("UTF-8");
    listed
        .lines()
        .map(|line| {
            let (digest, path) = line.split_once("  ").expect("digest and path");
            (path.to_owned(), digest.parse().expect("a SHA-256"))
        })
        .collect()
}

#[test]
fn is_under_one_mebibyte_and_every_digest_agrees() {
    let tar = demo("release.tar");
    assert!(tar.len() < 1 << 20, "{} bytes", tar.len());
    let files = members(&tar);
    let listed = manifest(&files, "manifest-sha256.txt");
    let payload: Vec<_> = files.keys().filter(|p| p.starts_with("data/")).collect();
    assert_eq!(payload, listed.keys().collect::<Vec<_>>(), "the manifest lists what is there, no more and no less");
    for (path, digest) in listed.iter().chain(&manifest(&files, "tagmanifest-sha256.txt")) {
        assert_eq!(Sha256::of(&files[path]), *digest, "{path}");
    }
    let oxum = format!("Payload-Oxum: {}.{}\n", payload.iter().map(|p| files[p.as_str()].len()).sum::<usize>(), payload.len());
    let info = String::from_utf8(files["bag-info.txt"].clone()).expect("UTF-8");
    assert!(info.contains(&oxum), "{info} lacks {oxum}");
}

#[test]
fn release_json_names_files_that_are_there() {
    let files = members(&demo("release.tar"));
    let release = json::parse(&files["data/release.json"]).expect("strict JSON");
    assert_eq!(release.get("schema").and_then(|s| s.as_str()), Some("release-bundle/v1"));
    let mut named = Vec::new();
    for artifact in release.get("artifacts").and_then(|a| a.as_array()).expect("artifacts") {
        named.extend(artifact.get("shipped").and_then(|s| s.as_str()));
        named.extend(artifact.get("debug").and_then(|d| d.as_array()).into_iter().flatten().filter_map(|d| d.as_str()));
        for rebuilt in artifact.get("rebuilt").and_then(|r| r.as_array()).expect("rebuilt") {
            named.extend(rebuilt.get("path").and_then(|p| p.as_str()));
        }
    }
    for source in release.get("source").and_then(|s| s.as_array()).expect("source") {
        named.extend(source.get("path").and_then(|p| p.as_str()));
    }
    assert_eq!(named.len(), 6);
    for path in named {
        assert!(files.contains_key(&format!("data/{path}")), "{path}");
    }
}

#[test]
fn differs_where_its_readme_says_and_nowhere_else() {
    let files = members(&demo("release.tar"));
    assert_eq!(files["data/shipped/showconf"], files["data/rebuilt/showconf"]);
    let (shipped, rebuilt) = (&files["data/shipped/update-agent"], &files["data/rebuilt/update-agent"]);
    assert_eq!(shipped.len(), rebuilt.len());

    let planted = text("planted.txt");
    let offsets: Vec<usize> = planted
        .match_indices("file offset 0x")
        .map(|(i, lead)| {
            let digits: String = planted[i + lead.len()..].chars().take_while(char::is_ascii_hexdigit).collect();
            usize::from_str_radix(&digits, 16).expect("an offset")
        })
        .collect();
    let [patch, date] = offsets[..] else { panic!("two offsets: {planted}") };
    assert_eq!((&shipped[patch..patch + 2], &rebuilt[patch..patch + 2]), (&b"\x66\x90"[..], &b"\x74\x0f"[..]));
    assert_eq!(&shipped[date..date + 19], b"2026-03-02 09:14:07");
    assert_eq!(&rebuilt[date..date + 19], b"2026-03-05 16:40:31");
    for (i, (a, b)) in shipped.iter().zip(rebuilt).enumerate() {
        let stated = (patch..patch + 2).contains(&i) || (date..date + 19).contains(&i);
        assert!(a == b || stated, "an unstated difference at {i:#x}");
    }

    let readme = text("README.md");
    for fact in [format!("{patch:#x}"), format!("{date:#x}"), "verify_image".into(), "src/verify.c:57".into()] {
        assert!(readme.contains(&fact), "README.md lacks {fact}");
    }
    let source = text("src/src/verify.c");
    assert!(source.lines().nth(56).is_some_and(|line| line.contains("equal_constant_time")), "src/verify.c:57 is the check");
}

#[test]
fn the_reviewers_keys_are_those_of_the_signers() {
    let files = members(&demo("release.tar"));
    let offered = String::from_utf8(files["data/trust/allowed_signers"].clone()).expect("UTF-8");
    let trusted = text("allowed_signers");
    assert_eq!(offered.lines().count(), 2);
    for line in offered.lines() {
        assert!(trusted.lines().any(|t| t == line), "{line}");
    }
    for name in ["allowed_signers", "planted.txt", "policy.toml"] {
        assert!(!text(name).contains("PRIVATE KEY"), "{name}");
    }
    assert!(files.values().all(|f| !f.windows(11).any(|w| w == b"PRIVATE KEY")), "a private key is in the release");
    let policy = countersign::checks::Policy::parse(&text("policy.toml")).expect("a policy");
    assert_eq!(policy.checklist.len(), 4);
}
