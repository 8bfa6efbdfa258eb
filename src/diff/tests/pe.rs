//! PE files: each cause where it holds, and abused.

use super::make_pe::{self, Library, library, pe};
use super::*;

fn causes(node: &Node) -> Vec<Cause> {
    node.account
        .shipped
        .explained
        .keys()
        .chain(node.account.rebuilt.explained.keys())
        .copied()
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .collect()
}

fn changed(change: impl Fn(&mut Library)) -> Node {
    changed_from(&library(), change)
}

fn changed_from(from: &Library, change: impl Fn(&mut Library)) -> Node {
    let mut other = from.clone();
    change(&mut other);
    let node = compare_bytes(&pe(from), &pe(&other));
    assert_eq!(node.kind, NodeKind::Pe);
    let back = compare_bytes(&pe(&other), &pe(from));
    assert_eq!(node.result, back.result, "{} / {}", node.why, back.why);
    node
}

#[track_caller]
fn proved(node: &Node, expected: &[Cause]) {
    assert_eq!(node.result, ResultMark::Equivalent, "{} {:?} {:?}", node.why, node.tried, node.metadata);
    assert_eq!(causes(node), expected);
}

#[test]
fn every_byte_belongs_to_one_region() {
    let exe = crate::inspect::exe::Exe::parse(NodeKind::Pe, &Blob::from(pe(&library()))).unwrap();
    assert_eq!(exe.odd, Vec::<String>::new());
    let names: Vec<String> = exe.regions.iter().map(|r| String::from_utf8_lossy(&r.name).into_owned()).collect();
    assert_eq!(names[..4], ["DOS header", "DOS stub", "Rich header", "gap after Rich header"]);
    assert_eq!(names[4..8], ["PE header", "data directories", "section headers", "gap after section headers"]);
    assert_eq!(names[8..10], [".text", "padding of .text"]);
    assert_eq!(names.last().unwrap(), "padding of .reloc");
    assert!(exe.regions.windows(2).all(|w| w[0].range.end == w[1].range.start));
}

#[test]
fn the_times_of_the_link_are_explained_with_their_dates() {
    let node = changed(|l| l.times = [0x6000_0001, 0x6000_0002, 0x6000_0003, 0x6000_0004]);
    proved(&node, &[Cause::Derived, Cause::Timestamp]);
    let text = |i: usize| (node.proofs[i].values.shipped.lossy().into_owned(), node.proofs[i].values.rebuilt.lossy().into_owned());
    assert_eq!(text(0), ("reproducible hash 60000000".to_owned(), "reproducible hash 60000001".to_owned()));
    assert_eq!(node.account.shipped.explained[&Cause::Timestamp], 6);
}

#[test]
fn a_time_in_a_table_counts_only_in_the_form_of_that_table() {
    let time = |bytes: &mut [u8], at: usize, value: u32| bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    let (root, inner) = (make_pe::RESOURCE, make_pe::RESOURCE + 24);
    let bytes = pe(&library());
    let fix = |mut bytes: Vec<u8>| {
        let at = make_pe::COFF + 24 + 64;
        let sum = crate::inspect::pe::marks::checksum(&bytes, at);
        bytes[at..at + 4].copy_from_slice(&sum.to_le_bytes());
        bytes
    };
    // Directories of one tree have one time.
    let mut other = bytes.clone();
    time(&mut other, inner + 4, 5);
    assert_eq!(compare_bytes(&bytes, &fix(other)).result, ResultMark::Different);
    let mut other = bytes.clone();
    time(&mut other, make_pe::DEBUG + 32, 5);
    assert_eq!(compare_bytes(&bytes, &fix(other)).result, ResultMark::Different);
    // The inner directory is empty, or lies over its own leaf, on both sides.
    for (at, value) in [(inner + 12, 0), (inner + 20, 28)] {
        let made = |value: u32, stamp: u32| {
            let mut bytes = bytes.clone();
            time(&mut bytes, at, value);
            time(&mut bytes, root + 4, stamp);
            time(&mut bytes, inner + 4, stamp);
            fix(bytes)
        };
        let before = u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        assert_eq!(compare_bytes(&made(before, 5), &made(before, 6)).result, ResultMark::Equivalent);
        assert_eq!(compare_bytes(&made(value, 5), &made(value, 6)).result, ResultMark::Different, "{at:#x}");
    }
}

#[test]
fn a_debug_section_of_a_pe_counts_where_the_program_reads_it() {
    // `.data` by another name: Windows maps it all the same.
    let made = |callback: u64, byte: u8| {
        let mut bytes = pe(&Library { callback, data_flags: 0x4200_0040, ..library() });
        let at = bytes.windows(8).position(|w| w == b".data\0\0\0").unwrap();
        bytes[at..at + 8].copy_from_slice(b".debug_x");
        bytes[0xa30] = byte;
        bytes
    };
    let reads = |callback: u64| {
        let node = compare_bytes(&made(callback, 1), &made(callback, 2));
        assert_eq!(node.result, ResultMark::Different);
        node.metadata.iter().any(|m| m.contains("the program reads it"))
    };
    assert!(reads(make_pe::BASE + 0x3030) && !reads(make_pe::BASE + 0x1010));
    // So does code: lea rax, [there]; ret.
    let mut text = vec![0x48, 0x8d, 0x05];
    text.extend((0x3030u32 - 0x1007).to_le_bytes());
    text.push(0xc3);
    text.resize(16, 0xcc);
    text.extend(&library().text[16..]);
    let with_code = |byte: u8| {
        let mut bytes = made(make_pe::BASE + 0x1010, byte);
        bytes[0x400..0x400 + text.len()].copy_from_slice(&text);
        bytes
    };
    let node = compare_bytes(&with_code(1), &with_code(2));
    assert!(node.metadata.iter().any(|m| m.contains("the program reads it")), "{:?}", node.metadata);
}

#[test]
fn what_moved_in_data_of_a_pe_is_different() {
    // Nobody follows the references of code that did not change to what stands behind the path.
    let text = |path: &str| -> &'static str { Box::leak(format!("{path}\0yes\0no\0").into_boxed_str()) };
    let node = changed_from(&Library { date: text("/b/one/x.c"), ..library() }, |l| l.date = text("/b/three/x.c"));
    let rdata = node.regions.iter().find(|r| r.name.as_str() == Some(".rdata")).unwrap();
    assert!(rdata.account.shipped.unexplained > 12, "{:?}", rdata.account);
}

#[test]
fn a_checksum_is_explained_only_when_it_is_right() {
    proved(&changed(|l| l.times[0] = 5), &[Cause::Derived, Cause::Timestamp]);
    let node = changed(|l| (l.times[0], l.checksum_off) = (5, 1));
    assert_eq!(node.result, ResultMark::Different);
    assert!(node.tried.iter().any(|t| t.cause == Cause::Derived && t.why.contains("the PE checksum is")), "{:?}", node.tried);
    // Without a signature no side may have none.
    let mut none = pe(&library());
    none[make_pe::COFF + 24 + 64..make_pe::COFF + 24 + 68].fill(0);
    assert_eq!(compare_bytes(&pe(&library()), &none).result, ResultMark::Different);
}

#[test]
fn the_identity_of_the_pdb_follows_only_from_accounted_content() {
    let node = changed(|l| (l.guid, l.age, l.repro) = ([8; 16], 2, [1; 32]));
    proved(&node, &[Cause::Derived, Cause::BuildId]);
    assert_eq!(node.account.shipped.explained[&Cause::BuildId], 16 + 1 + 32);
    let values = &node.proofs.iter().find(|p| p.cause == Cause::BuildId).unwrap().values;
    assert_eq!(values.shipped.as_str(), Some("07070707-0707-0707-0707-070707070707 age 1"));
    let node = changed(|l| (l.guid, l.text[17]) = ([8; 16], 43));
    assert_eq!(node.result, ResultMark::Different);
    assert!(!causes(&node).contains(&Cause::BuildId));
    assert!(node.tried.iter().any(|t| t.cause == Cause::BuildId));
    assert_eq!(node.functions.iter().filter(|f| f.result == ResultMark::Different).count(), 1);
    // The same identity over other code is an alarm.
    let node = changed(|l| l.text[17] = 43);
    assert!(node.metadata[0].starts_with("alarm: both sides have the PDB identity"), "{:?}", node.metadata);
}

#[test]
fn the_folder_of_the_pdb_is_explained_and_another_name_is_not() {
    proved(&changed(|l| l.pdb = "/b/two/x.pdb"), &[Cause::Derived, Cause::BuildPath]);
    proved(&changed(|l| l.pdb = "/b/three/x.pdb"), &[Cause::Derived, Cause::BuildPath]);
    for pdb in ["/b/one/y.pdb", "/b/two/y.pdb", "/b/longer/on/x.pdb", "x.pdb"] {
        let node = changed(|l| l.pdb = pdb);
        assert_eq!(node.result, ResultMark::Different, "{pdb}");
        assert!(node.tried.iter().any(|t| t.cause == Cause::BuildPath), "{pdb}");
    }
    // Something behind the path: no record that a linker makes.
    let mut hidden = pe(&library());
    hidden[make_pe::DEBUG + 16] += 8;
    let at = make_pe::RSDS + 24 + 13;
    hidden[at..at + 4].copy_from_slice(b"evil");
    assert_eq!(compare_bytes(&pe(&library()), &hidden).result, ResultMark::Different);
}

#[test]
fn the_rich_header_is_explained_only_with_its_checksum_and_equal_code() {
    let tools = |l: &mut Library| l.rich = vec![(0x0104_75b8, 12), (0x0102_75b8, 1)];
    proved(&changed(tools), &[Cause::Derived, Cause::Producer]);
    let node = changed(|l| {
        tools(l);
        l.text[17] = 43;
    });
    assert!(!causes(&node).contains(&Cause::Producer));
    let mut forged = pe(&library());
    forged[make_pe::RICH + 20] ^= 1;
    assert_eq!(compare_bytes(&pe(&library()), &forged).result, ResultMark::Different);
}

#[test]
fn a_signature_is_explained_when_all_under_it_is() {
    let signed = Library { signature: Some(300), ..library() };
    proved(&changed(|l| l.signature = Some(300)), &[Cause::Derived, Cause::Signature]);
    proved(&changed_from(&signed, |l| l.signature = Some(500)), &[Cause::Derived, Cause::Signature]);
    proved(
        &changed_from(&signed, |l| (l.signature, l.guid, l.times[0]) = (None, [8; 16], 5)),
        &[Cause::Derived, Cause::BuildId, Cause::Timestamp, Cause::Signature],
    );
    // A side without a signature may have no checksum.
    let mut plain = pe(&library());
    plain[make_pe::COFF + 24 + 64..make_pe::COFF + 24 + 68].fill(0);
    proved(&compare_bytes(&pe(&signed), &plain), &[Cause::Derived, Cause::Signature]);
    for node in [
        changed_from(&signed, |l| (l.signature, l.text[17]) = (None, 43)),
        changed_from(&signed, |l| (l.signature, l.slack) = (None, 1)),
        changed_from(&signed, |l| (l.signature, l.overlay) = (Some(300), b"12345678".to_vec())),
    ] {
        assert_eq!(node.result, ResultMark::Different);
        assert!(!causes(&node).contains(&Cause::Signature));
    }
    // A payload in the table, behind the signature; and a table that is not the last thing.
    let bytes = pe(&signed);
    let mut stuffed = bytes.clone();
    stuffed.extend([0x41; 16]);
    let size = make_pe::COFF + 24 + 112 + 36;
    let declared = u32::from_le_bytes(stuffed[size..size + 4].try_into().unwrap()) + 16;
    stuffed[size..size + 4].copy_from_slice(&declared.to_le_bytes());
    let entry = u32::from_le_bytes(stuffed[make_pe::END..make_pe::END + 4].try_into().unwrap()) + 20;
    stuffed[make_pe::END..make_pe::END + 4].copy_from_slice(&entry.to_le_bytes());
    let tail = [bytes.clone(), b"tail".to_vec()].concat();
    // A value as long as a program.
    let long = pe(&Library { signature: Some(5000), ..library() });
    for other in [stuffed, tail, long] {
        let node = compare_bytes(&bytes, &other);
        assert_eq!(node.result, ResultMark::Different);
        assert!(node.tried.iter().any(|t| t.cause == Cause::Signature), "{:?}", node.tried);
    }
}

#[test]
fn what_changes_the_program_is_never_explained() {
    type Change = fn(&mut Library);
    let abuses: [(&str, Change); 12] = [
        ("a call to the middle of a function", |l| l.text[1] = 0x0c),
        ("a call through another slot", |l| l.text[7] = 0xfd),
        ("imports swapped", |l| l.imports = ["ExitProcess", "CreateFileW"]),
        ("another delayed import", |l| l.delayed = "Leap"),
        ("another function at the start", |l| l.callback += 1),
        ("no function at the start", |l| l.callback = 0),
        ("the entry point moved", |l| l.entry = 0x1010),
        ("data that can be run", |l| l.data_flags |= 0x2000_0000),
        ("bytes in the DOS stub", |l| l.stub[3] = b'X'),
        ("a byte in the slack of a section", |l| l.slack = 1),
        ("something behind the end", |l| l.overlay = b"payload".to_vec()),
        ("code in the padding", |l| l.text[12] = 0x90),
    ];
    for (what, change) in abuses {
        assert_eq!(changed(change).result, ResultMark::Different, "{what}");
        let node = changed(|l| {
            change(l);
            (l.guid, l.times, l.pdb) = ([8; 16], [5; 4], "/b/two/x.pdb");
        });
        assert_eq!(node.result, ResultMark::Different, "{what}, under a new identity");
        // What is behind the end is not loaded: the linker did not see it.
        assert!(!causes(&node).contains(&Cause::BuildId) || what == "something behind the end", "{what}");
    }
    let node = changed(|l| l.imports = ["ExitProcess", "CreateFileW"]);
    assert!(node.metadata.iter().any(|m| m.contains("KERNEL32.dll!ExitProcess")), "{:?}", node.metadata);
}

#[test]
fn functions_and_imports_are_known_without_symbols() {
    let node = changed(|l| l.text[17] = 43);
    let f = &node.functions[0];
    assert_eq!((f.name.as_str(), f.what.as_str()), (Some("0x180001010"), "1 byte differs, 2a -> 2b: immediate 0x2a became 0x2b"));
    let node = changed(|l| l.text[7] = 0xfd);
    let f = &node.functions[0];
    assert_eq!(f.name.as_str(), Some("first"));
    assert_eq!(f.what, "1 byte differs, f5 -> fd: reference to KERNEL32.dll!CreateFileW@got became KERNEL32.dll!ExitProcess@got");
    let fact = |name: &str| node.facts.iter().find(|f| f.name == name).and_then(|f| f.value.shipped.clone()).unwrap_or_default();
    assert_eq!(fact("TLS callbacks").as_str(), Some("1"));
    assert_eq!(fact("libraries").as_str(), Some("KERNEL32.dll U.dll (delayed)"));
    assert_eq!(fact("PDB").as_str(), Some("07070707-0707-0707-0707-070707070707 age 1 /b/one/x.pdb"));
}

#[test]
fn an_address_in_full_is_followed_only_where_the_loader_moves_it() {
    // second: mov rax, address of a place in `.data`; ret.
    let code = |l: &mut Library, data: u32, offset: u64, fixups: &[u16]| {
        l.data = data;
        l.fixups = fixups.to_vec();
        l.text.truncate(16);
        l.text.extend([0x48, 0xb8]);
        l.text.extend((make_pe::BASE + u64::from(data) + offset).to_le_bytes());
        l.text.extend([0xc3, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc]);
    };
    let mut from = library();
    code(&mut from, 0x3000, 0x30, &[0x12]);
    let result = |change: &dyn Fn(&mut Library)| {
        let node = changed_from(&from, change);
        assert_eq!(node.result, ResultMark::Different, "the section headers differ");
        node.functions.iter().find(|f| f.name.as_str() == Some("0x180001010")).unwrap().result
    };
    assert_eq!(result(&|l| code(l, 0x6000, 0x30, &[0x12])), ResultMark::Equivalent);
    assert_eq!(result(&|l| code(l, 0x6000, 0x38, &[0x12])), ResultMark::Different);
    assert_eq!(result(&|l| code(l, 0x6000, 0x30, &[])), ResultMark::Different);
    assert_eq!(result(&|l| code(l, 0x6000, 0x30, &[0x10])), ResultMark::Different);
}

#[test]
fn pointers_and_unwind_entries_follow_a_function_that_moved() {
    let moved = |l: &mut Library| {
        l.text.splice(16..16, [0xcc; 16]);
        (l.text[1], l.text[42]) = (0x1b, 0xda);
        (l.second, l.callback) = (32, make_pe::BASE + 0x1020);
    };
    let region = |node: &Node, name: &str| node.regions.iter().find(|r| r.name.as_str() == Some(name)).unwrap().clone();
    let node = changed(moved);
    assert!(
        node.functions.iter().all(|f| f.result == ResultMark::Equivalent || !f.name.lossy().starts_with("first")),
        "{:?}",
        node.functions
    );
    for (name, bytes) in [(".data", 1), (".rdata", 3)] {
        let found = region(&node, name);
        assert_eq!(
            (found.result, found.account.shipped.explained.get(&Cause::AddressShift)),
            (ResultMark::Equivalent, Some(&bytes)),
            "{name}"
        );
    }
    // A pointer beside the function, and one that the loader does not move.
    let node = changed(|l| {
        moved(l);
        l.beside = 1;
    });
    assert_eq!(region(&node, ".data").result, ResultMark::Different);
    let mut other = library();
    moved(&mut other);
    let mut bytes = pe(&other);
    bytes[0xc09] = 0;
    assert_eq!(region(&compare_bytes(&pe(&library()), &bytes), ".data").result, ResultMark::Different);
}

struct OneFile(&'static [u8]);

impl crate::model::SourceContent for OneFile {
    fn read(&self, _: usize, _: u64) -> Result<Vec<u8>, crate::model::ContentError> {
        Ok(self.0.to_vec())
    }

    fn read_path(&self, _: &Untrusted, _: u64) -> Result<Vec<u8>, crate::model::ContentError> {
        Ok(self.0.to_vec())
    }
}

fn with_pdb(pdb: &[u8], rebuilt: &Library) -> Node {
    let entry = crate::model::SourceEntry { path: "src/x.c".into(), kind: crate::model::EntryKind::File, id: String::new(), size: 0 };
    let source = SourceTree { entries: vec![entry], ..SourceTree::default() };
    let debug = [DebugFile { name: "x.pdb".into(), bytes: pdb.into() }];
    let context = Context {
        source: Some(&source),
        source_content: Some(Arc::new(OneFile(b"int x;\n"))),
        debug: &debug,
        limits: Limits::default(),
        cancelled: &|| false,
        progress: &|_| {},
        share: &crate::diff::in_order,
    };
    let node = compare("x".into(), pe(&library()).into(), pe(rebuilt).into(), &context);
    check(&node);
    node
}

fn digest(algorithm: crate::digest::Algorithm, bytes: &[u8]) -> Vec<u8> {
    crate::digest::Digest::of(algorithm, bytes).bytes
}

#[test]
fn a_pdb_gives_names_lines_and_the_digests_of_the_sources() {
    use crate::digest::Algorithm::{Md5, Sha1, Sha256};
    use crate::model::SourceStatus::{ChecksumDiffers, MatchedByChecksum, MatchedByPath};
    let mut rebuilt = library();
    rebuilt.text[17] = 43;
    let path = "C:\\b\\src\\x.c";
    for (kind, algorithm) in [(1, Md5), (2, Sha1), (3, Sha256)] {
        for (content, status) in [(b"int x;\n", MatchedByChecksum), (b"int y;\n", ChecksumDiffers)] {
            let node = with_pdb(&make_pe::pdb(&library(), (path, kind, &digest(algorithm, content))), &rebuilt);
            let f = &node.functions[0];
            assert_eq!(f.name.as_str(), Some("second"));
            let line = f.source.clone().unwrap();
            assert_eq!((line.file.as_str(), line.line, line.status), (Some("src/x.c"), 7, status));
            assert_eq!(node.facts[0].value.shipped.as_ref().and_then(|v| v.as_str()), Some("a compiler 1.0"));
        }
    }
    let node = with_pdb(&make_pe::pdb(&library(), (path, 0, &[])), &rebuilt);
    assert_eq!(node.functions[0].source.as_ref().map(|s| s.status), Some(MatchedByPath));
    // A PDB of another build, or of another layout, describes nothing here.
    for other in [Library { guid: [9; 16], ..library() }, Library { age: 2, ..library() }, Library { data: 0x6000, ..library() }] {
        let mut both = rebuilt.clone();
        both.guid = [5; 16];
        let node = with_pdb(&make_pe::pdb(&other, (path, 0, &[])), &both);
        assert_eq!((node.functions[0].name.as_str(), node.functions[0].source.is_none()), (Some("0x180001010"), true));
    }
}

/// A flipped byte is explained only inside the fields of the causes, and is never nothing.
#[test]
fn a_flipped_byte_of_a_pe_never_vanishes() {
    let signed = Library { signature: Some(40), ..library() };
    let bytes = pe(&signed);
    let field = |at: usize, size: usize| at..at + size;
    let mut allowed =
        vec![field(make_pe::COFF + 8, 4), field(make_pe::EXPORT + 4, 4), field(make_pe::DEBUG + 4, 4), field(make_pe::DEBUG + 32, 4)];
    allowed.extend([
        field(make_pe::RESOURCE + 4, 4),
        field(make_pe::RESOURCE + 28, 4),
        field(make_pe::RSDS + 4, 20),
        field(make_pe::REPRO, 32),
    ]);
    // Another tool count with the same checksum. A digit of the date; a letter of the PDB's folder; the content of the signature.
    allowed.extend([field(make_pe::DATE, 20), field(make_pe::RSDS + 24, 7), field(make_pe::RICH + 16, 16), make_pe::END + 12..bytes.len()]);
    for at in 0..bytes.len() {
        let mut other = bytes.clone();
        other[at] ^= [0x01, 0x80, 0xff][at % 3];
        let (a, b) = if at % 2 == 0 { (&bytes, &other) } else { (&other, &bytes) };
        let node = compare_bytes(a, b);
        assert_ne!(node.result, ResultMark::Identical, "byte {at:#x}");
        if node.result == ResultMark::Equivalent {
            assert!(allowed.iter().any(|r| r.contains(&at)), "byte {at:#x} {:?}", node.proofs);
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(300))]
    #[test]
    fn a_pdb_of_any_kind_is_read_without_a_panic(edits in proptest::collection::vec((0usize..8192, 0u8..), 1..20), cut in 0usize..8192) {
        let mut rebuilt = library();
        rebuilt.text[17] = 43;
        let mut pdb = make_pe::pdb(&library(), ("/b/src/x.c", 1, &[1; 16]));
        for (at, byte) in edits {
            let at = at % pdb.len();
            pdb[at] = byte;
        }
        for pdb in [&pdb[..], &pdb[..cut % pdb.len()]] {
            proptest::prop_assert_eq!(with_pdb(pdb, &rebuilt).result, ResultMark::Different);
        }
    }

    #[test]
    fn headers_of_any_kind_are_read_without_a_panic(edits in proptest::collection::vec((0usize..0x300, 0u8..), 1..12), at in 0x600usize..0xa00, byte in 0u8.., cut in 0usize..0xe00) {
        let bytes = pe(&library());
        let mut other = bytes.clone();
        for (at, byte) in edits {
            other[at] = byte;
        }
        other[at] = byte;
        let short = other[..cut].to_vec();
        for other in [other, short] {
            let node = compare_bytes(&bytes, &other);
            proptest::prop_assert_eq!(node.result == ResultMark::Identical, bytes == other);
        }
    }
}

#[test]
fn where_a_function_moved_unchanged_calls_prove_nothing() {
    // `second` stands 16 bytes later, among as much padding. A linker would have changed the call in `first`.
    let base = {
        let mut l = library();
        l.text.splice(24..24, [0xcc; 16]);
        l.text[42] = 0xda;
        l
    };
    for call in [0x1b, 0x0b] {
        let mut other = library();
        other.text.splice(16..16, [0xcc; 16]);
        (other.text[1], other.text[42]) = (call, 0xda);
        (other.second, other.callback, other.guid) = (32, make_pe::BASE + 0x1020, [8; 16]);
        let debug =
            |l: &Library, name: &str| DebugFile { name: name.into(), bytes: Arc::from(make_pe::pdb(l, ("/b/one/x.c", 1, &[7; 16]))) };
        let node = compare_with(&pe(&base), &pe(&other), &[debug(&base, "a.pdb"), debug(&other, "b.pdb")], Limits::default());
        assert_eq!(node.result, ResultMark::Different);
        assert!(node.metadata.iter().any(|m| m.contains("unchanged references are followed in ELF files only")), "{:?}", node.metadata);
        let first = node.functions.iter().find(|f| f.name.lossy() == "first");
        assert_eq!(first.map(|f| f.result), (call == 0x1b).then_some(ResultMark::Equivalent));
    }
}
