//! The whole comparison, on small files made here and on real ones.

use std::io::Write as _;

use super::*;
use crate::model::Cause;

mod asm;
mod containers;
mod damaged;
mod embedded;
mod headers;
mod installed;
mod lists;
mod macho;
mod macho_reads;
mod make;
mod make_macho;
mod make_pe;
mod pe;
mod pe_reads;
mod property;
mod readers;
mod reading;
mod real;
mod rpm;
mod seeds;
mod steady;

fn compare_bytes(a: &[u8], b: &[u8]) -> Node {
    compare_with(a, b, &[], Limits::default())
}

fn context(debug: &[DebugFile], limits: Limits) -> Context<'_> {
    Context { source: None, source_content: None, debug, limits, cancelled: &|| false, share: &in_order, progress: &|_| {} }
}

fn compare_with(a: &[u8], b: &[u8], debug: &[DebugFile], limits: Limits) -> Node {
    let node = compare("x".into(), a.into(), b.into(), &context(debug, limits));
    check(&node);
    node
}

#[test]
fn what_is_compared_alone_is_grouped_within_itself_as_ever() {
    let context = context(&[], Limits::default());
    let files = |new: &[u8], more: &[u8]| make::tar(&[make::file("a.txt", new), make::file("b.txt", new), make::file("c.json", more)]);
    let alone = |a: Vec<u8>, b: Vec<u8>| compare_alone("x".into(), a.into(), b.into(), &context);
    let both = alone(files(b"one\n", b"{}"), files(b"two\n", b"{}"));
    let likeness: Vec<_> = both.children.iter().filter(|c| !c.result.is_equal()).map(|c| c.likeness).collect();
    assert!(likeness.len() == 2 && likeness[0].is_some() && likeness[0] == likeness[1], "{likeness:?}");
    let single = alone(b"one\n".to_vec(), b"two\n".to_vec());
    assert_eq!((single.result, single.likeness), (ResultMark::Different, None));
    assert!(compare_bytes(b"one\n", b"two\n").likeness.is_some(), "beside others it may be like one of them");
}

/// The invariants of every node.
fn check(node: &Node) {
    node.walk(&mut |trail| {
        let node = *trail.last().unwrap();
        for side in [Side::Shipped, Side::Rebuilt] {
            let size = node.size.get(side).unwrap_or(0);
            let account = node.account.get(side);
            let members: u64 = match node.kind {
                NodeKind::Tar | NodeKind::Ar | NodeKind::Deb | NodeKind::Cpio | NodeKind::Rpm | NodeKind::MachO => {
                    node.children.iter().filter_map(|c| *c.size.get(side)).sum()
                }
                _ => 0,
            };
            assert_eq!(account.total() + members, size, "{:?} {side:?} {account:?}", node.name);
        }
        let worst = node.children.iter().map(|c| c.result).max().unwrap_or(ResultMark::Identical);
        assert!(node.result >= worst, "{:?} is better than what it holds", node.name);
        let unexplained = node.account.shipped.unexplained + node.account.rebuilt.unexplained;
        if unexplained > 0 || !node.metadata.is_empty() {
            assert!(node.result > ResultMark::Equivalent, "{:?} has unexplained bytes", node.name);
        }
        for proof in &node.proofs {
            assert_eq!(proof.spans.shipped.len(), proof.spans.rebuilt.len());
        }
        if let Some(evidence) = &node.evidence {
            for view in evidence.views() {
                let _ = evidence.listing(crate::model::Place::Whole, view);
            }
        }
    });
}

fn find<'a>(node: &'a Node, name: &str) -> &'a Node {
    fn go<'a>(node: &'a Node, name: &str) -> Option<&'a Node> {
        if node.name.as_str() == Some(name) {
            return Some(node);
        }
        node.children.iter().find_map(|c| go(c, name))
    }
    go(node, name).unwrap_or_else(|| panic!("no node {name}"))
}

#[test]
fn a_member_time_is_explained_and_a_mode_is_not() {
    let a = make::tar(&[make::file("a", b"one"), make::File { mtime: 5, ..make::file("b", b"two") }]);
    let b = make::tar(&[make::file("a", b"one"), make::File { mtime: 6, ..make::file("b", b"two") }]);
    let node = compare_bytes(&a, &b);
    assert_eq!(node.result, ResultMark::Equivalent);
    assert_eq!(node.account.shipped.explained.keys().copied().collect::<Vec<_>>(), [Cause::Mtime, Cause::Derived]);
    assert_eq!(node.proofs[0].values.shipped.as_str(), Some("1970-01-01 00:00:05"));

    let b = make::tar(&[make::file("a", b"one"), make::File { mtime: 5, mode: 0o4755, ..make::file("b", b"two") }]);
    let node = compare_bytes(&a, &b);
    assert_eq!(node.result, ResultMark::Different);
    assert_eq!(node.metadata, ["b: mode 0000644 became 0004755"]);
}

#[test]
fn names_and_types_are_never_explained() {
    let a = make::tar(&[make::file("a", b"one"), make::file("b", b"two"), make::file("c", b"three")]);
    for other in [
        make::tar(&[make::file("a", b"one"), make::file("z", b"two"), make::file("c", b"three")]),
        make::tar(&[make::file("a", b"one"), make::File { flag: b'2', ..make::file("b", b"") }, make::file("c", b"three")]),
        make::tar(&[make::file("a", b"one"), make::file("c", b"three")]),
    ] {
        let node = compare_bytes(&a, &other);
        assert_eq!(node.result, ResultMark::Different, "{:?}", node.metadata);
        assert_eq!(compare_bytes(&other, &a).result, ResultMark::Different);
    }
}

#[test]
fn compression_is_explained_by_the_equal_content_and_trailing_data_is_not() {
    let text = b"some text, some text, some text".repeat(50);
    let (fast, best) = (make::gzip(&text, 1, 7), make::gzip(&text, 9, 7));
    let node = compare_bytes(&fast, &best);
    assert_eq!(node.result, ResultMark::Equivalent);
    assert!(node.account.shipped.explained.contains_key(&Cause::Compression));
    let late = make::gzip(&text, 9, 8);
    let node = compare_bytes(&best, &late);
    assert_eq!(node.account.shipped.explained.keys().copied().collect::<Vec<_>>(), [Cause::GzipHeader]);
    let node = compare_bytes(&best, &[best.clone(), b"tail".to_vec()].concat());
    assert_eq!(node.result, ResultMark::Different);
    assert_eq!(node.account.rebuilt.unexplained, 4);
    assert_eq!(compare_bytes(&make::xz(&text), &best).result, ResultMark::Different);
}

#[test]
fn a_bomb_is_not_examined() {
    let bomb = make::gzip(&vec![0; 4 << 20], 9, 0);
    let other = make::gzip(&vec![1; 4 << 20], 9, 0);
    let node = compare_with(&bomb, &other, &[], Limits { expanded: 1 << 20, ..Limits::default() });
    assert_eq!(node.result, ResultMark::NotExamined);
    assert!(node.why.contains("bound"), "{}", node.why);
    let mut nested = (b"a".to_vec(), b"b".to_vec());
    for _ in 0..10 {
        nested = (make::gzip(&nested.0, 6, 0), make::gzip(&nested.1, 6, 0));
    }
    assert_eq!(compare_bytes(&nested.0, &nested.1).result, ResultMark::NotExamined);
}

#[test]
fn a_checksum_list_is_explained_only_by_the_real_digests() {
    let list = |content: &[u8]| format!("{}  usr/x\n", make::md5(content)).into_bytes();
    let package = |md5: &[u8], content: &[u8]| make::deb(&[make::file("./md5sums", md5)], &[make::file("./usr/x", content)]);
    let a = package(&list(b"one"), b"one");
    let node = compare_bytes(&a, &package(&list(b"two"), b"two"));
    assert_eq!(find(&node, "./md5sums").result, ResultMark::Equivalent);
    assert_eq!(find(&node, "control.tar.xz").result, ResultMark::Equivalent);
    assert_eq!(node.result, ResultMark::Different);
    assert_eq!(node.children[0].name.as_str(), Some("data.tar.xz"));
    let lie = compare_bytes(&a, &package(&list(b"else"), b"two"));
    assert_eq!(find(&lie, "./md5sums").result, ResultMark::Different);
    assert!(find(&lie, "./md5sums").tried[0].why.contains("not the one listed"));
    let no_change = compare_bytes(&a, &package(&list(b"two"), b"one"));
    assert_eq!(find(&no_change, "./md5sums").result, ResultMark::Different);
}

#[test]
fn zips_are_opened_strictly() {
    let a = make::zip(&[make::File { mtime: 0x5021_0000, ..make::file("a.txt", b"one") }, make::file("b.txt", b"two")]);
    let b = make::zip(&[make::File { mtime: 0x5021_0001, ..make::file("a.txt", b"one") }, make::file("b.txt", b"two")]);
    assert_eq!(compare_bytes(&a, &b).result, ResultMark::Equivalent);
    let b = make::zip(&[make::file("a.txt", b"onf"), make::file("b.txt", b"two")]);
    let node = compare_bytes(&a, &b);
    assert_eq!(node.result, ResultMark::Different);
    assert_eq!(find(&node, "a.txt").result, ResultMark::Different);
    let prepended = [b"MZ".to_vec(), a.clone()].concat();
    assert_eq!(compare_bytes(&a, &prepended).result, ResultMark::Different);
}

#[test]
fn text_is_shown_as_lines_with_the_changed_words() {
    let node = compare_bytes(b"one\ntwo three\nfour\n", b"one\ntwo 3\nfour\n");
    let listing = node.evidence.as_ref().unwrap().listing(crate::model::Place::Whole, crate::model::View::Lines);
    assert_eq!(listing.differences(), [1]);
    let cell = listing.rows[1].cells.shipped.clone().unwrap();
    assert_eq!(cell.number, 2);
    let marked: Vec<_> = cell.text.0.iter().filter(|s| s.role == crate::text::Role::Shipped).map(|s| s.text.as_str()).collect();
    assert_eq!(marked, ["three"]);
    assert_eq!(node.why, "1 line changed");
}

#[test]
fn too_many_lines_are_not_aligned_and_never_the_same() {
    let lines = |line: &str, count: usize| line.repeat(count).into_bytes();
    let (a, b) = (lines("built 2022-12-26\n", 300_000), lines("built 2026-11-23\n", 300_000));
    let with = |text: &[u8]| [b"first\n".as_slice(), text, b"last\n"].concat();
    let node = compare_bytes(&with(&a), &with(&b));
    assert_eq!(node.result, ResultMark::Different);
    assert!(node.why.contains("more than 500000 lines"), "{}", node.why);
    assert!(node.account.shipped.unexplained >= 3 * 300_000 && node.account.shipped.identical >= 11);
    let listing = node.evidence.as_ref().unwrap().listing(crate::model::Place::Whole, crate::model::View::Lines);
    assert_eq!(listing.rows.len(), 20_000);
    assert!(listing.cut.unwrap().contains("not aligned"));
    assert!(listing.rows[2].cells.shipped.as_ref().is_some_and(|c| c.number == 3));
    // However long a text is, only what lies between the first and the last difference counts.
    let node = compare_bytes(&[&a[..], b"x\n", &a].concat(), &[&a[..], b"y\n", &a].concat());
    assert_eq!(node.why, "1 line changed");
    assert_eq!((node.account.shipped.unexplained, node.account.shipped.identical), (1, 2 * a.len() as u64 + 1));
    let listing = node.evidence.as_ref().unwrap().listing(crate::model::Place::Whole, crate::model::View::Lines);
    assert_eq!(listing.rows.len(), 9);
    assert_eq!(listing.rows[4].cells.rebuilt.as_ref().unwrap().number, 300_001);
    assert_eq!(listing.rows[8].note.as_deref(), Some("299997 equal rows"));
}

#[test]
fn a_date_in_text_is_explained_and_anything_beside_it_is_not() {
    let node = compare_bytes(b"built 2022-12-26\nsame\n", b"built 2026-11-23\nsame\n");
    assert_eq!(node.result, ResultMark::Equivalent);
    assert_eq!(node.account.shipped.explained[&Cause::Timestamp], 3);
    let node = compare_bytes(b"built 2022-12-26\nsame\n", b"built 2026-11-23\nsamf\n");
    assert_eq!(node.result, ResultMark::Different);
    assert_eq!(node.account.shipped.unexplained, 1);
}

#[test]
fn a_file_without_a_counterpart_is_all_unexplained() {
    let node = only("x".into(), Side::Rebuilt, b"abc");
    assert_eq!((node.result, node.account.rebuilt.unexplained), (ResultMark::OnlyRebuilt, 3));
    check(&node);
}

#[test]
fn a_changed_call_is_never_a_shift() {
    let p = make::program();
    let a = make::elf(&p);
    let mut away = p.clone();
    away.text[1] = 0x0c;
    let node = compare_bytes(&a, &make::elf(&away));
    assert_eq!(node.result, ResultMark::Different);
    assert_eq!(node.functions.len(), 1);
    assert_eq!((node.functions[0].name.as_str(), node.same_functions), (Some("first"), 1));
    assert_eq!(node.functions[0].what, "1 byte differs, 0b -> 0c: call of second became second+0x1");
    assert!(node.metadata[0].starts_with("alarm: both sides have the build-id"));

    // The same function, moved by 16 bytes: the call is a proved shift, the moved function is the same.
    let mut moved = p.clone();
    moved.text.splice(6..6, [0x90; 16]);
    moved.text[1] = 0x1b;
    moved.symbols = vec![("first", 0, 6), ("second", 32, 6)];
    let node = compare_bytes(&a, &make::elf(&moved));
    let first = node.functions.iter().find(|f| f.name.as_str() == Some("first")).unwrap();
    assert_eq!(first.result, ResultMark::Equivalent, "{first:?}");
    let text = node.regions.iter().find(|r| r.name.as_str() == Some(".text")).unwrap();
    assert_eq!(text.account.shipped.explained[&Cause::AddressShift], 1);
    assert_eq!(node.result, ResultMark::Different);

    // Swapped names do not make it the same either.
    let mut liar = away.clone();
    liar.symbols = vec![("first", 0, 6), ("second", 17, 5)];
    assert_eq!(compare_bytes(&a, &make::elf(&liar)).result, ResultMark::Different);
}

#[test]
fn a_build_id_is_explained_only_when_the_rest_is() {
    let p = make::program();
    let a = make::elf(&p);
    let id = make::Program { build_id: [8; 20], ..p.clone() };
    let node = compare_bytes(&a, &make::elf(&id));
    assert_eq!(node.result, ResultMark::Equivalent);
    assert_eq!(node.account.shipped.explained[&Cause::BuildId], 20);
    let mut both = id.clone();
    both.rodata[22] ^= 1;
    let node = compare_bytes(&a, &make::elf(&both));
    assert_eq!(node.result, ResultMark::Different);
    assert_eq!(node.account.shipped.unexplained, 21);
    assert_eq!(node.tried[0].cause, Cause::BuildId);
    let dated = make::Program { rodata: b"made 2026-11-23 here\0plain\0".to_vec(), ..id };
    let node = compare_bytes(&a, &make::elf(&dated));
    assert_eq!(node.result, ResultMark::Equivalent);
    assert_eq!(node.account.shipped.explained.keys().copied().collect::<Vec<_>>(), [Cause::BuildId, Cause::Timestamp]);
}

#[test]
fn code_hidden_in_padding_or_after_the_end_is_seen() {
    let p = make::program();
    let a = make::elf(&p);
    let mut hidden = p.clone();
    hidden.text[8..11].copy_from_slice(&[0x0f, 0x05, 0xc3]);
    let node = compare_bytes(&a, &make::elf(&hidden));
    assert_eq!(node.functions.len(), 1);
    assert_eq!(node.functions[0].name.as_str(), Some("after first in .text"));
    assert_eq!(node.result, ResultMark::Different);
    let tail = [a.clone(), b"payload".to_vec()].concat();
    let node = compare_bytes(&a, &tail);
    assert_eq!(node.account.rebuilt.unexplained, 7);
    assert!(node.why.contains("trailing data"), "{}", node.why);
}

#[test]
fn a_debug_link_is_explained_only_by_the_debug_file_or_equal_content() {
    let p = make::Program { symbols: Vec::new(), ..make::program() };
    let debug = |id: u8| make::elf(&make::Program { build_id: [id; 20], ..make::program() });
    let name = |id: u8| if id == 1 { "one.debug" } else { "two.debug" };
    let side = |id: u8| {
        let crc = crate::inspect::stream::crc32(&debug(id));
        make::elf(&make::Program { build_id: [id; 20], link: Some((name(id), crc)), ..p.clone() })
    };
    let file = |id: u8| DebugFile { name: name(id).into(), bytes: debug(id).into() };
    let (a, b) = (side(1), side(2));
    let node = compare_with(&a, &b, &[file(1), file(2)], Limits::default());
    assert_eq!(node.result, ResultMark::Equivalent, "{:?} {}", node.tried, node.why);
    assert_eq!(node.account.shipped.explained.keys().copied().collect::<Vec<_>>(), [Cause::BuildId, Cause::DebugLink]);
    // Without the file, only where everything that is loaded is accounted for, and both name the same file.
    let node = compare_with(&a, &b, &[file(2)], Limits::default());
    assert_eq!(node.result, ResultMark::Different);
    assert!(node.tried.iter().any(|t| t.why == "the links name other files"), "{:?}", node.tried);
    let named = |id: u8| make::elf(&make::Program { build_id: [id; 20], link: Some(("x.debug", u32::from(id))), ..p.clone() });
    assert_eq!(compare_with(&named(1), &named(2), &[], Limits::default()).result, ResultMark::Equivalent);
    // A link that is loaded is data of the program.
    let loaded = |mut bytes: Vec<u8>| {
        let table = usize::try_from(u64::from_le_bytes(bytes[40..48].try_into().unwrap())).unwrap();
        bytes[table + 6 * 64 + 8] |= 2;
        bytes
    };
    let node = compare_with(&loaded(a.clone()), &loaded(b.clone()), &[file(1), file(2)], Limits::default());
    assert_eq!(node.result, ResultMark::Different);
    assert!(node.tried.iter().any(|t| t.why.starts_with("the link is loaded")), "{:?}", node.tried);
    let mut changed = a.clone();
    let at = changed.windows(6).position(|w| *w == p.text[..6]).expect("the code");
    changed[at] ^= 1;
    let node = compare_with(&changed, &b, &[file(2)], Limits::default());
    assert!(node.tried.iter().any(|t| t.why == "shipped: the bundle has no debug file for it"), "{:?}", node.tried);
    let mut forged = file(1);
    forged.bytes = [&forged.bytes[..], b"x"].concat().into();
    let node = compare_with(&a, &b, &[forged, file(2)], Limits::default());
    assert_eq!(node.result, ResultMark::Different);
    assert_eq!(node.tried[0].why, "shipped: the link is not that of one.debug");
    // A byte hidden between the name and the CRC follows from no debug file.
    let mut hidden = a.clone();
    let at = hidden.windows(10).position(|w| w == b"one.debug\0").expect("the link");
    hidden[at + 10] = b'H';
    assert_eq!(compare_with(&hidden, &b, &[file(1), file(2)], Limits::default()).result, ResultMark::Different);
}

#[test]
fn a_link_to_shared_debug_information_follows_only_where_what_is_loaded_does() {
    let side = |path: &'static str, id: u8, text: u8| {
        let mut p = make::Program { shared: Some((path, [id; 20])), ..make::program() };
        p.text[17] = text;
        make::elf(&p)
    };
    let one = side(".dwz/all.debug", 1, 42);
    let node = compare_bytes(&one, &side(".dwz/all.debug", 2, 42));
    assert_eq!(node.result, ResultMark::Equivalent, "{:?} {}", node.tried, node.why);
    assert_eq!(node.account.shipped.explained[&Cause::DebugLink], 20);
    // Another path, or other code: nothing follows.
    assert_eq!(compare_bytes(&one, &side(".dwz/one.debug", 2, 42)).result, ResultMark::Different);
    let node = compare_bytes(&one, &side(".dwz/all.debug", 2, 43));
    assert_eq!(node.account.shipped.unexplained, 21);
    assert!(node.tried.iter().any(|t| t.cause == Cause::DebugLink), "{:?}", node.tried);
    // What only a debugger reads is no code: it is looked at after all code.
    let node = compare_bytes(&one, &side(".dwz/one.debug", 1, 42));
    assert_eq!(crate::model::concern(&node), Some(crate::model::Concern::Data));
    let mut code = make::Program { shared: Some((".dwz/all.debug", [1; 20])), build_id: [8; 20], ..make::program() };
    code.text[17] = 43;
    let node = compare_bytes(&one, &make::elf(&code));
    assert_eq!(crate::model::concern(&node), Some(crate::model::Concern::Code));
}

/// Changes bytes of the first header of a tar and makes its checksum right again.
fn with_header(mut tar: Vec<u8>, change: impl Fn(&mut [u8])) -> Vec<u8> {
    change(&mut tar[..512]);
    tar[148..156].fill(b' ');
    let sum: u32 = tar[..512].iter().map(|b| u32::from(*b)).sum();
    tar[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    tar
}

#[test]
fn an_owner_is_a_cause_only_where_it_gives_no_rights() {
    let owned = |mode: u32, uid: &str| {
        let tar = make::tar(&[make::File { mode, ..make::file("su", b"x") }]);
        with_header(tar, |h| h[108..115].copy_from_slice(uid.as_bytes()))
    };
    let result = |mode| compare_bytes(&owned(mode, "0000000"), &owned(mode, "0001750")).result;
    assert_eq!(result(0o755), ResultMark::Equivalent);
    assert_eq!(result(0o4755), ResultMark::Different);
    assert_eq!(result(0o2755), ResultMark::Different);
}

#[test]
fn bytes_behind_the_end_of_a_name_are_unexplained() {
    let named =
        |name: &'static [u8]| with_header(make::tar(&[make::file("a", b"x")]), move |h| h[265..265 + name.len()].copy_from_slice(name));
    assert_eq!(compare_bytes(&named(b"root"), &named(b"user")).result, ResultMark::Equivalent);
    let node = compare_bytes(&named(b"root"), &named(b"root\0hidden"));
    assert_eq!(node.result, ResultMark::Different);
    assert_eq!(node.account.rebuilt.unexplained, 6);
}
