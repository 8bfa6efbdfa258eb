//! Archives: what each cause explains, and an abuse of each that it must not.

use super::make::{File, file};
use super::*;

fn marks(node: &Node) -> Vec<Cause> {
    node.total_account().shipped.explained.keys().copied().collect()
}

/// Both ways round, with the same result.
fn result(a: &[u8], b: &[u8]) -> ResultMark {
    let result = compare_bytes(a, b).result;
    assert_eq!(compare_bytes(b, a).result, result, "not the same the other way round");
    result
}

#[test]
fn another_order_is_explained_where_it_means_nothing() {
    let swap = |make: &dyn Fn(&[File]) -> Vec<u8>| {
        let (x, y, z) = (file("x", b"one"), File { mtime: 9, ..file("y", b"two two") }, file("z", b"three"));
        (make(&[x.clone(), y.clone(), z.clone()]), make(&[z, x, y]))
    };
    let regular = |files: &[File]| make::cpio(&files.iter().map(|f| File { mode: 0o10_0644, ..f.clone() }).collect::<Vec<_>>());
    for make in [&make::tar as &dyn Fn(&[File]) -> Vec<u8>, &make::zip, &make::ar, &regular] {
        let (a, b) = swap(make);
        let node = compare_bytes(&a, &b);
        assert_eq!(node.result, ResultMark::Equivalent, "{} {:?} {:?}", node.why, node.metadata, node.tried);
        assert!(marks(&node).contains(&Cause::Reordering), "{:?}", marks(&node));
        assert_eq!(result(&a, &b), ResultMark::Equivalent);
        // The same with one byte of one member changed.
        let at = b.windows(3).rposition(|w| w == b"two").unwrap_or(b.len() / 3);
        let mut evil = b.clone();
        evil[at] ^= 1;
        assert_eq!(result(&a, &evil), ResultMark::Different);
    }
}

#[test]
fn another_order_that_may_mean_something_is_not_explained() {
    let link = |name: &str, flag| File { flag, ..file(name, b"") };
    let folder = File { flag: b'5', mode: 0o755, ..file("d/", b"") };
    let cases: [(&str, Vec<File>); 5] = [
        ("a member of the same name", vec![file("x", b"one"), file("y", b"two"), file("x", b"three")]),
        ("the same path written in another way", vec![file("x", b"one"), file("y", b"two"), file("./x", b"three")]),
        ("a hard link", vec![file("x", b"one"), file("y", b"two"), link("h", b'1')]),
        ("a path through a symbolic link", vec![link("s", b'2'), file("y", b"two"), file("s/x", b"three")]),
        ("a path that leaves the archive", vec![file("x", b"one"), file("y", b"two"), file("../x", b"three")]),
    ];
    for (what, files) in cases {
        let mut other = files.clone();
        other.reverse();
        assert_eq!(result(&make::tar(&files), &make::tar(&other)), ResultMark::Different, "{what}");
    }
    let inside = [folder.clone(), file("d/x", b"one"), file("y", b"two")];
    assert_eq!(result(&make::tar(&inside), &make::tar(&[file("y", b"two"), folder, file("d/x", b"one")])), ResultMark::Equivalent);
    // A jar's manifest is read only at the start, a package's members have their order.
    let jar = [file("META-INF/MANIFEST.MF", b"v"), file("A.class", b"one"), file("B.class", b"two")];
    let moved = [jar[1].clone(), jar[2].clone(), jar[0].clone()];
    assert_eq!(result(&make::zip(&jar), &make::zip(&moved)), ResultMark::Different);
    let deb = [file("debian-binary", b"2.0\n"), file("x.tar", b"one"), file("y.tar", b"two")];
    assert_eq!(result(&make::ar(&deb), &make::ar(&[deb[0].clone(), deb[2].clone(), deb[1].clone()])), ResultMark::Different);
}

#[test]
fn a_member_that_changes_as_well_as_moves_is_seen() {
    let a = [file("x", b"one"), file("y", b"two"), file("z", b"three")];
    for evil in [
        File { mode: 0o4755, ..a[0].clone() },
        File { flag: b'2', content: Vec::new(), ..a[0].clone() },
        File { name: "xx".into(), ..a[0].clone() },
    ] {
        assert_eq!(result(&make::tar(&a), &make::tar(&[a[1].clone(), a[2].clone(), evil])), ResultMark::Different);
    }
}

/// A static library of two objects with a System V table of symbols.
fn library(order: &[&str], lie: Option<usize>) -> Vec<u8> {
    let object = |name: &str| {
        let symbols: Vec<(&'static str, u64, u64)> = match name {
            "one.o" => vec![("first", 0, 6)],
            "two.o" => vec![("second", 16, 6), ("third", 0, 6)],
            _ => vec![("second", 0, 6)],
        };
        make::elf(&make::Program { symbols, ..make::program() })
    };
    let symbols = |name: &str| -> &[&str] {
        match name {
            "one.o" => &["first"],
            "two.o" => &["second", "third"],
            _ => &["second"],
        }
    };
    let names: Vec<&str> = order.iter().flat_map(|n| symbols(n)).copied().collect();
    let mut text: Vec<u8> = names.iter().flat_map(|n| n.bytes().chain([0])).collect();
    text.resize(text.len().next_multiple_of(2), 0);
    let table_size = 4 + 4 * names.len() + text.len();
    let mut starts = Vec::new();
    let mut at = 8 + 60 + table_size;
    for n in order {
        starts.extend(std::iter::repeat_n(u32::try_from(at).unwrap(), symbols(n).len()));
        at += 60 + object(n).len().next_multiple_of(2);
    }
    if let Some(i) = lie {
        starts[i] = if starts[i] == starts[0] { *starts.last().unwrap() } else { starts[0] };
    }
    let mut table = u32::try_from(names.len()).unwrap().to_be_bytes().to_vec();
    table.extend(starts.iter().flat_map(|s| s.to_be_bytes()));
    table.extend(text);
    let mut files = vec![file("/", &table)];
    files.extend(order.iter().map(|n| file(&format!("{n}/"), &object(n))));
    make::ar(&files)
}

#[test]
fn a_symbol_table_follows_from_the_members_or_is_unexplained() {
    let a = library(&["one.o", "two.o"], None);
    let b = library(&["two.o", "one.o"], None);
    let node = compare_bytes(&a, &b);
    assert_eq!(node.result, ResultMark::Equivalent, "{} {:?}", node.why, find(&node, "/").tried);
    assert_eq!(find(&node, "/").account.shipped.explained.keys().copied().collect::<Vec<_>>(), [Cause::Derived]);
    for lie in 0..3 {
        let evil = library(&["two.o", "one.o"], Some(lie));
        assert_eq!(result(&a, &evil), ResultMark::Different, "symbol {lie} leads to another member");
        assert_eq!(result(&evil, &b), ResultMark::Different);
    }
    // One more symbol of that name: now the order decides which one is linked.
    let twice = |order: &[&str]| library(order, None);
    let node = compare_bytes(&twice(&["two.o", "evil.o"]), &twice(&["evil.o", "two.o"]));
    assert_eq!(node.result, ResultMark::Different);
    assert!(node.tried[0].why.contains("defined by two members"), "{:?}", node.tried);
}

/// The same members and the same entries, in another order: a linker takes the members in the order of the table.
#[test]
fn the_order_of_a_symbol_table_is_that_in_which_members_are_taken() {
    let entries = |library: &[u8]| {
        let count = u32::from_be_bytes(library[68..72].try_into().unwrap()) as usize;
        let starts: Vec<[u8; 4]> = library[72..72 + 4 * count].chunks_exact(4).map(|c| c.try_into().unwrap()).collect();
        let names = library[72 + 4 * count..].split(|b| *b == 0).take(count).map(<[u8]>::to_vec);
        starts.into_iter().zip(names).collect::<Vec<_>>()
    };
    let ordered = |library: &[u8], order: &[usize]| {
        let mut out = library.to_vec();
        let mut at = 72;
        let all = entries(library);
        for (start, _) in order.iter().map(|i| &all[*i]) {
            out[at..at + 4].copy_from_slice(start);
            at += 4;
        }
        for (_, name) in order.iter().map(|i| &all[*i]) {
            out[at..at + name.len()].copy_from_slice(name);
            out[at + name.len()] = 0;
            at += name.len() + 1;
        }
        out
    };
    // `second` is defined by both: who is taken first for `third` or `first` gives it.
    let twice = library(&["two.o", "evil.o"], None);
    assert_eq!(entries(&twice).iter().map(|e| e.1.as_slice()).collect::<Vec<_>>(), [b"second".as_slice(), b"third", b"second"]);
    assert_eq!(result(&twice, &ordered(&twice, &[0, 2, 1])), ResultMark::Different);
    assert_eq!(result(&twice, &ordered(&twice, &[1, 0, 2])), ResultMark::Equivalent, "symbols of one member");
    let node = compare_bytes(&twice, &ordered(&twice, &[0, 2, 1]));
    assert!(find(&node, "/").tried[0].why.contains("in another order"), "{:?}", find(&node, "/").tried);
    // Nothing is there twice: whoever is taken first, the same comes of it.
    let once = library(&["one.o", "two.o"], None);
    assert_eq!(result(&once, &ordered(&once, &[1, 2, 0])), ResultMark::Equivalent);
}

/// A linker script may put together what it wants, in the order of the members.
#[test]
fn sections_of_their_own_names_keep_their_order() {
    let object = |name: &str, symbol: &'static str| {
        let bytes = make::elf(&make::Program { symbols: vec![(symbol, 0, 6)], ..make::program() });
        let at = bytes.windows(8).rposition(|w| w == b".rodata\0").unwrap();
        [&bytes[..at], name.as_bytes(), &bytes[at + 7..]].concat()
    };
    let made = |name: &str, order: [usize; 2]| make::ar(&order.map(|i| file(["a.o/", "b.o/"][i], &object(name, ["first", "second"][i]))));
    assert_eq!(result(&made(".rodata", [0, 1]), &made(".rodata", [1, 0])), ResultMark::Equivalent);
    assert_eq!(result(&made(".initca", [0, 1]), &made(".initca", [1, 0])), ResultMark::Different);
}

#[test]
fn long_names_of_ar_may_stand_in_another_order_and_hold_nothing_else() {
    let names = ["a-very-long-name-of-a-member.o", "another-long-name-of-a-member.o"];
    let made = |order: [usize; 2], extra: &str| {
        let table: String = order.iter().map(|i| format!("{}/\n", names[*i])).collect::<String>() + extra;
        let at = |i: usize| table.find(names[i]).unwrap();
        let mut files = vec![file("//", table.as_bytes())];
        files.extend(order.iter().map(|i| file(&format!("/{}", at(*i)), format!("content {i}").as_bytes())));
        make::ar(&files)
    };
    assert_eq!(result(&made([0, 1], ""), &made([1, 0], "")), ResultMark::Equivalent);
    assert_eq!(result(&made([0, 1], ""), &made([1, 0], "hidden/\n")), ResultMark::Different);
    assert_eq!(result(&made([0, 1], ""), &made([0, 1], "x")), ResultMark::Different);
}

#[test]
fn the_two_spellings_of_a_mode_are_the_same_and_its_rights_count() {
    let with = |mode: &str| {
        let mut bytes = make::ar(&[file("x", b"one")]);
        bytes[48..56].copy_from_slice(format!("{mode:<8}").as_bytes());
        bytes
    };
    assert_eq!(result(&with("100644"), &with("644")), ResultMark::Equivalent);
    assert_eq!(result(&with("100644"), &with("755")), ResultMark::Different);
    assert_eq!(result(&with("100644"), &with("4644")), ResultMark::Different);
    assert_eq!(result(&with("100644"), &with("120644")), ResultMark::Different);
}

#[test]
fn a_static_library_of_the_corpus_is_equivalent_until_a_symbol_is_moved() {
    let Some(dir) = std::env::var_os("COUNTERSIGN_CORPUS").map(std::path::PathBuf::from) else {
        println!("skipped: COUNTERSIGN_CORPUS is not set");
        return;
    };
    let read = |n: &str| std::fs::read(dir.join("elf/k-archive").join(n)).unwrap();
    let (rebuilt, shipped) = (read("a.a"), read("b.a"));
    let node = compare_bytes(&shipped, &rebuilt);
    assert_eq!(node.result, ResultMark::Equivalent, "{} {:?} {:?}", node.why, node.metadata, node.tried);
    let causes = marks(&node);
    assert!([Cause::Mtime, Cause::Reordering, Cause::Derived].iter().all(|c| causes.contains(c)), "{causes:?}");
    // The first entry of the table, led to where the last one leads.
    let mut evil = shipped.clone();
    let count = usize::from(evil[71]);
    let last: [u8; 4] = evil[72 + 4 * (count - 1)..72 + 4 * count].try_into().unwrap();
    assert_ne!(evil[72..76], last);
    evil[72..76].copy_from_slice(&last);
    assert_eq!(compare_bytes(&evil, &rebuilt).result, ResultMark::Different);
}

#[test]
fn one_member_that_cannot_be_decoded_does_not_hide_the_others() {
    let files = [file("a.txt", b"one one one one one"), file("b.txt", b"two"), file("c.txt", b"three")];
    let a = make::zip(&files);
    let other = make::zip(&[files[0].clone(), files[1].clone(), file("c.txt", b"thref")]);
    // The CRC of the first member is wrong in both its places.
    let crc = crate::inspect::stream::crc32(&files[0].content).to_le_bytes();
    let forged = |bytes: &[u8]| {
        let mut out = bytes.to_vec();
        for at in (0..bytes.len() - 4).filter(|i| bytes[*i..*i + 4] == crc) {
            out[at] ^= 1;
        }
        out
    };
    let node = compare_bytes(&a, &forged(&other));
    assert_eq!(node.result, ResultMark::Different);
    assert_eq!(find(&node, "b.txt").result, ResultMark::Identical);
    assert_eq!(find(&node, "c.txt").result, ResultMark::Different);
    assert!(find(&node, "a.txt").why.contains("CRC"), "{}", find(&node, "a.txt").why);
    // With nothing else wrong it is still no proof.
    let node = compare_bytes(&a, &forged(&a));
    assert_eq!(node.result, ResultMark::Different);
    assert!(node.account.shipped.unexplained > 0);
}

#[test]
fn a_member_over_the_bound_is_not_examined_and_the_rest_is() {
    let big = |fill: u8| file("big", &vec![fill; 600_000]);
    let (a, b) = (make::zip(&[big(0), file("small", b"one")]), make::zip(&[big(1), file("small", b"onf")]));
    let node = compare_with(&a, &b, &[], Limits { expanded: 500_000, ..Limits::default() });
    assert_eq!(find(&node, "big").result, ResultMark::NotExamined);
    assert_eq!(find(&node, "small").result, ResultMark::Different);
    let same_small = make::zip(&[big(1), file("small", b"one")]);
    let node = compare_with(&a, &same_small, &[], Limits { expanded: 500_000, ..Limits::default() });
    assert!(!node.result.is_equal());
}

#[test]
fn streams_that_are_cut_off_or_go_on_say_so() {
    let text = b"some text, some text".repeat(20);
    for whole in [make::gzip(&text, 6, 0), make::xz(&text)] {
        let node = compare_bytes(&whole, &whole[..whole.len() - 9]);
        assert_eq!(node.result, ResultMark::Different);
        assert!(node.why.contains("cut off"), "{}", node.why);
        let tail = [&whole[..], b"\0\0tail"].concat();
        let node = compare_bytes(&whole, &tail);
        assert!(node.metadata[0].contains("data after the end of the stream"), "{:?}", node.metadata);
        assert_eq!(node.account.rebuilt.unexplained, 6);
    }
}

#[test]
fn cpio_headers_are_explained_field_by_field() {
    let f = File { mode: 0o10_0644, ..file("x", b"one") };
    let a = make::cpio(&[f.clone(), File { mode: 0o10_0644, ..file("y", b"two") }]);
    let with = |change: &dyn Fn(&mut File)| {
        let mut f = f.clone();
        change(&mut f);
        make::cpio(&[f, File { mode: 0o10_0644, ..file("y", b"two") }])
    };
    let late = with(&|f| f.mtime = 77);
    assert_eq!(marks(&compare_bytes(&a, &late)), [Cause::Mtime]);
    assert_eq!(result(&a, &late), ResultMark::Equivalent);
    assert_eq!(result(&a, &with(&|f| f.mode = 0o10_4755)), ResultMark::Different);
    assert_eq!(result(&a, &with(&|f| f.mode = 0o2_0644)), ResultMark::Different);
    assert_eq!(result(&a, &with(&|f| f.name = "z".into())), ResultMark::Different);
    let inode = {
        let mut bytes = a.clone();
        bytes[13] = b'7';
        bytes
    };
    assert_eq!(marks(&compare_bytes(&a, &inode)), [Cause::Attributes]);
    // A symbolic link's target is its content.
    let link = |to: &[u8]| make::cpio(&[File { mode: 0o12_0777, ..file("l", to) }]);
    assert_eq!(result(&link(b"here"), &link(b"herf")), ResultMark::Different);
    let node = compare_bytes(&a, &[a.clone(), b"070701more".to_vec()].concat());
    assert_eq!((node.result, node.account.rebuilt.unexplained), (ResultMark::Different, 10));
}

#[test]
fn a_renamed_member_is_compared_with_the_one_it_was() {
    let text = |n: usize| (0..200).map(|i| format!("line {} of {}\n", i * 31, if i == 7 { n } else { 0 })).collect::<String>();
    let other: String = (0..200).map(|i| format!("{} quite something else\n", i * 77)).collect();
    let a = make::tar(&[file("lib-1.txt", text(1).as_bytes()), file("keep", b"one")]);
    let b = make::tar(&[file("keep", b"one"), file("aaa.txt", other.as_bytes()), file("lib-2.txt", text(2).as_bytes())]);
    let node = compare_bytes(&a, &b);
    let pair = find(&node, "lib-1.txt");
    assert_eq!((pair.result, pair.why.as_str()), (ResultMark::Different, "1 line changed"));
    assert!(node.metadata.iter().any(|m| m == "lib-1.txt: is named lib-2.txt in what was rebuilt"), "{:?}", node.metadata);
    assert_eq!(find(&node, "aaa.txt").result, ResultMark::OnlyRebuilt);
}

#[test]
fn a_text_is_explained_line_by_line_and_only_where_the_rest_is_equal() {
    let made = |folder: &str, date: &str, tail: &str| {
        format!("{{\n \"directory\": \"{folder}\",\n \"file\": \"{folder}/src/a.c\",\n \"built\": \"{date}\",\n{tail}}}\n")
    };
    let inside = |text: &str| make::tar(&[file("compile_commands.json", text.as_bytes())]);
    let a = inside(&made("/build/one", "5 December 2022", ""));
    let node = compare_bytes(&a, &inside(&made("/home/user/two", "15 November 2026", "")));
    let leaf = find(&node, "compile_commands.json");
    assert_eq!(leaf.result, ResultMark::Equivalent, "{}", leaf.why);
    assert_eq!(leaf.account.shipped.explained.keys().copied().collect::<Vec<_>>(), [Cause::Timestamp, Cause::BuildPath]);
    let values = leaf.proofs.iter().find(|p| p.cause == Cause::BuildPath).map(|p| p.values.clone()).unwrap();
    assert_eq!((values.shipped.as_str(), values.rebuilt.as_str()), (Some("/build/one"), Some("/home/user/two")));

    let node = compare_bytes(&a, &inside(&made("/home/user/two", "15 November 2026", "evil\n")));
    let leaf = find(&node, "compile_commands.json");
    assert_eq!((leaf.result, leaf.why.as_str()), (ResultMark::Different, "1 line only rebuilt"));
    assert_eq!(leaf.account.rebuilt.unexplained, 5);
    // The prefix of one side stands on a line that is equal: it is not replaced everywhere.
    let stays = |folder| inside(&made(folder, "5 December 2022", "\"load\": \"/build/one/evil.so\"\n"));
    assert_eq!(result(&stays("/build/one"), &stays("/home/user/two")), ResultMark::Different);
}
