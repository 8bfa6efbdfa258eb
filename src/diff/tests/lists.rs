//! Lists of digests in zip archives, and signatures over them.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::make::{File, file};
use super::*;

fn wheel(content: &[u8], listed: &[u8]) -> Vec<u8> {
    let digest = URL_SAFE_NO_PAD.encode(Sha256::of(listed).0);
    let record = format!("x.py,sha256={digest},{}\nx-1.dist-info/RECORD,,\n", listed.len());
    make::zip(&[file("x.py", content), file("x-1.dist-info/RECORD", record.as_bytes())])
}

#[test]
fn a_record_follows_from_the_files_or_lies() {
    let (one, two) = (b"made = '2022-12-26'\n".as_slice(), b"made = '2026-11-23 10:00:00'\n".as_slice());
    let node = compare_bytes(&wheel(one, one), &wheel(two, two));
    let list = find(&node, "x-1.dist-info/RECORD");
    assert_eq!(list.result, ResultMark::Equivalent, "{:?}", list.tried);
    assert!(list.account.shipped.explained.contains_key(&Cause::ChecksumList));
    let lie = compare_bytes(&wheel(one, one), &wheel(one, two));
    let list = find(&lie, "x-1.dist-info/RECORD");
    assert_eq!(list.result, ResultMark::Different);
    assert!(list.tried[0].why.contains("not what the list says"), "{:?}", list.tried);
}

struct Jar {
    class: &'static str,
    digest_of: &'static str,
    tool: &'static str,
    user: &'static str,
    more: &'static str,
    signature: &'static [u8],
}

const JAR: Jar = Jar { class: "same", digest_of: "same", tool: "17.0.1 (A)", user: "one", more: "", signature: b"one" };

impl Jar {
    fn make(&self) -> Vec<u8> {
        let sum = |text: &str| STANDARD.encode(Sha256::of(text.as_bytes()).0);
        let main = format!("Manifest-Version: 1.0\r\nCreated-By: {}\r\nBuilt-By: {}\r\n{}\r\n", self.tool, self.user, self.more);
        let section = format!("Name: A.class\r\nSHA-256-Digest: {}\r\n\r\n", sum(self.digest_of));
        let manifest = format!("{main}{section}");
        let signed = format!(
            "Signature-Version: 1.0\r\nSHA-256-Digest-Manifest-Main-Attributes: {}\r\nSHA-256-Digest-Manifest: {}\r\n\r\n\
             Name: A.class\r\nSHA-256-Digest: {}\r\n\r\n",
            sum(&main),
            sum(&manifest),
            sum(&section)
        );
        make::zip(&[
            file("META-INF/MANIFEST.MF", manifest.as_bytes()),
            file("META-INF/X.SF", signed.as_bytes()),
            file("META-INF/X.RSA", &signature(self.signature, b"")),
            File { mtime: 7, ..file("A.class", self.class.as_bytes()) },
        ])
    }
}

/// A signature of PKCS #7 that nobody made: its parts are where they must be. With `enclosed`, over something inside of itself.
pub(super) fn signature(value: &[u8], enclosed: &[u8]) -> Vec<u8> {
    fn part(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let content = parts.concat();
        [&[tag, u8::try_from(content.len()).unwrap()], &content[..]].concat()
    }
    let data = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
    let signed_data = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
    let sha256 = part(0x30, &[b"\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01"]);
    let inner = if enclosed.is_empty() { Vec::new() } else { part(0xa0, &[&part(4, &[enclosed])]) };
    let signer = part(0x30, &[b"\x02\x01\x03", &part(0x80, &[b"key"]), &sha256, &sha256, &part(4, &[value])]);
    let parts = [b"\x02\x01\x03".to_vec(), part(0x31, &[&sha256]), part(0x30, &[data, &inner]), part(0x31, &[&signer])];
    part(0x30, &[signed_data, &part(0xa0, &[&part(0x30, &parts.each_ref().map(Vec::as_slice))])])
}

#[test]
fn manifest_signature_file_and_signature_follow_from_one_another() {
    let a = JAR.make();
    let node = compare_bytes(&a, &Jar { tool: "17.0.2 (B)", user: "two", signature: b"two", ..JAR }.make());
    let why = |n: &Node| format!("{:?} {}", n.tried, n.why);
    for name in ["META-INF/MANIFEST.MF", "META-INF/X.SF", "META-INF/X.RSA"] {
        assert_eq!(find(&node, name).result, ResultMark::Equivalent, "{name} {}", why(find(&node, name)));
    }
    let causes: Vec<_> = node.total_account().shipped.explained.keys().copied().collect();
    for cause in [Cause::Owner, Cause::ChecksumList, Cause::Producer, Cause::Signature] {
        assert!(causes.contains(&cause), "{causes:?}");
    }
    assert_eq!(node.result, ResultMark::Equivalent);
}

#[test]
fn a_signature_over_other_content_and_a_lying_manifest_are_unexplained() {
    let a = JAR.make();
    // Other code with the right digests: they follow, and the signature is over something that differs.
    let node = compare_bytes(&a, &Jar { class: "evil", digest_of: "evil", signature: b"two", ..JAR }.make());
    assert_eq!(find(&node, "META-INF/MANIFEST.MF").result, ResultMark::Equivalent);
    assert_eq!(find(&node, "META-INF/X.SF").result, ResultMark::Equivalent);
    assert_eq!(find(&node, "META-INF/X.RSA").result, ResultMark::Different);
    assert_eq!(find(&node, "META-INF/X.RSA").tried[0].cause, Cause::Signature);
    // The digest of other code than is there.
    let node = compare_bytes(&a, &Jar { digest_of: "evil", ..JAR }.make());
    assert_eq!(find(&node, "META-INF/MANIFEST.MF").result, ResultMark::Different);
    // What a jar runs and loads is no digest.
    let node = compare_bytes(&Jar { more: "Main-Class: A\r\n", ..JAR }.make(), &Jar { more: "Main-Class: B\r\n", ..JAR }.make());
    assert_eq!(find(&node, "META-INF/MANIFEST.MF").result, ResultMark::Different);
    // With other code, what the tool says of itself is a hint and no explanation.
    let node = compare_bytes(&a, &Jar { class: "evil", digest_of: "evil", tool: "17.0.2 (B)", ..JAR }.make());
    assert_eq!(find(&node, "META-INF/MANIFEST.MF").result, ResultMark::Different);
}

/// A list may name one large member in each of its lines: it is hashed once. (Hashed each time, this would take an hour.)
#[test]
fn a_member_is_hashed_once_however_often_it_is_listed() {
    use base64::Engine as _;
    let large = vec![7u8; 4 << 20];
    let wheel = |stamp: &str| {
        let content = [&large[..], stamp.as_bytes()].concat();
        let digest = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(Sha256::of(&content).0);
        let line = format!("tool/data.bin,sha256={digest},{}\n", content.len());
        let record = line.repeat(40_000);
        make::zip(&[file("tool/data.bin", &content), file("tool-1.dist-info/RECORD", record.as_bytes())])
    };
    let node = compare_bytes(&wheel("one"), &wheel("two"));
    assert_eq!(node.result, ResultMark::Different, "the member itself differs");
    let record = node.children.iter().find(|c| c.name.as_bytes().ends_with(b"RECORD")).unwrap();
    assert_eq!(record.result, ResultMark::Equivalent, "{} {:?}", record.why, record.tried);
    check(&node);
}

/// The same for the sections of a manifest and the file of signatures over it.
#[test]
fn sections_of_a_manifest_are_found_once() {
    use base64::Engine as _;
    let encode = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(Sha256::of(bytes).0);
    let jar = |stamp: &str| {
        let section = |i: usize| format!("Name: f{i}\r\nSHA-256-Digest: {}\r\n\r\n", encode(stamp.as_bytes()));
        let main = "Manifest-Version: 1.0\r\n\r\n";
        let sections: Vec<String> = (0..4000).map(section).collect();
        let manifest = format!("{main}{}", sections.concat());
        let signed: Vec<String> =
            sections.iter().enumerate().map(|(i, s)| format!("Name: f{i}\r\nSHA-256-Digest: {}\r\n\r\n", encode(s.as_bytes()))).collect();
        let sf = format!("Signature-Version: 1.0\r\nSHA-256-Digest-Manifest: {}\r\n\r\n{}", encode(manifest.as_bytes()), signed.concat());
        let mut files = vec![file("META-INF/MANIFEST.MF", manifest.as_bytes()), file("META-INF/A.SF", sf.as_bytes())];
        files.extend((0..4000).map(|i| file(&format!("f{i}"), stamp.as_bytes())));
        make::zip(&files)
    };
    let node = compare_bytes(&jar("one"), &jar("two"));
    for name in ["META-INF/MANIFEST.MF", "META-INF/A.SF"] {
        let list = node.children.iter().find(|c| c.name.as_bytes() == name.as_bytes()).unwrap();
        assert_eq!(list.result, ResultMark::Equivalent, "{name}: {} {:?}", list.why, list.tried);
    }
    check(&node);
}
