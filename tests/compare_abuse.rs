//! Changes that look like a benign cause and are none: each must leave unexplained bytes, or metadata that names the place.
//! The files are those of `testdata/pairs`.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use countersign::diff::DebugFile;
use countersign::model::{Node, ResultMark};

use comparing::archive::{self, file};
use comparing::elf::Patch;

mod comparing;

/// What must come out of a pair without any attack: the exact causes, and those that may follow from them.
type Causes = (&'static [&'static str], &'static [&'static str]);

/// Shipped, rebuilt, and what explains the difference.
const BENIGN: &[(&str, &str, Causes)] = &[
    ("clean", "clean", (&[], &[])),
    ("other-id", "clean", (&["build-id"], &[])),
    ("dated-later", "dated", (&["timestamp", "build-id"], &[])),
    ("elsewhere", "clean", (&["build-path", "build-id"], &["address-shift", "derived-header"])),
    ("lower", "clean", (&["line-shift", "build-id"], &[])),
    ("switches-more", "switches", (&["producer", "build-id"], &["address-shift", "derived-header"])),
    ("stripped", "clean", (&["strip"], &[])),
    ("no-debug", "clean", (&["strip"], &[])),
    ("split", "clean", (&["strip", "debuglink"], &[])),
    ("packed", "clean", (&["debug-compression"], &["derived-header"])),
    ("other-comment", "clean", (&["producer"], &["derived-header"])),
    ("timed.a", "plain.a", (&["mtime"], &["owner", "attributes", "derived-header"])),
    ("turned.a", "plain.a", (&["reordering"], &["derived-header"])),
    ("reordered", "clean", (&["reordering", "build-id"], &["address-shift", "derived-header"])),
];

/// Pairs that could be undone and are not yet (a table of a `switch` that moved): the safe side.
const UNPROVED: &[(&str, &str)] = &[("absolute-two", "absolute-one")];

#[test]
fn what_cannot_be_undone_yet_is_different() {
    for (shipped, rebuilt) in UNPROVED {
        let node = compare(&comparing::made(shipped), &comparing::made(rebuilt));
        assert_eq!(node.result, ResultMark::Different, "{shipped}: move it to the pairs that are proved");
    }
}

/// Pairs that differ in what counts, and the region or words that must say so.
const HARMFUL: &[(&str, &str, &str)] = &[
    ("backdoor", "clean", ".text"),
    // The constant follows its line number: the line table alone would call it a shift.
    ("lower-and-laxer", "clean", ".text"),
    ("lower-and-laxer", "lower", ".text"),
    // The search path has the form of the place where it was built.
    ("searching-two", "searching-one", ".dynstr"),
    ("noted", "clean", ".note.new"),
    ("twice-turned.a", "twice.a", "x.o"),
    ("dated", "clean", ".rodata"),
];

fn compare(shipped: &[u8], rebuilt: &[u8]) -> Node {
    let debug = [DebugFile { name: "split.debug".into(), bytes: comparing::made("split.debug").into() }];
    comparing::compare_with(shipped, rebuilt, &debug, None)
}

#[test]
fn each_benign_pair_is_equivalent_by_its_own_cause() {
    let mut wrong = Vec::new();
    for (shipped, rebuilt, (exactly, also)) in BENIGN {
        let (a, b) = (comparing::made(shipped), comparing::made(rebuilt));
        for (a, b, way) in [(&a, &b, ""), (&b, &a, ", the other way round")] {
            let node = compare(a, b);
            let found = comparing::causes(&node);
            let fits = exactly.iter().all(|c| found.contains(c)) && found.iter().all(|c| exactly.contains(c) || also.contains(c));
            if !node.result.is_equal() || !fits {
                wrong.push(format!("{shipped} against {rebuilt}{way}: {} by {found:?}: {}", node.result, node.why));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The place that must be named: a region with unexplained bytes, a member, or a sentence.
#[track_caller]
fn must_be_seen(node: &Node, place: &str, what: &str) {
    assert!(!node.result.is_equal(), "{what} is {}: {} {:?}", node.result, node.why, comparing::causes(node));
    assert_ne!(node.result, ResultMark::NotExamined, "{what} is not examined: {}", node.why);
    let total = node.total_account();
    let mut said = Vec::new();
    let mut members = Vec::new();
    node.walk(&mut |trail| {
        let last = trail.last().unwrap();
        said.extend(last.metadata.iter().cloned());
        if !last.result.is_equal() {
            members.push(last.name.shown().to_string());
        }
    });
    let regions = comparing::different_regions(node);
    // An empty place: only that it is seen.
    let seen = place.is_empty()
        || regions.iter().any(|r| r.starts_with(place))
        || said.iter().any(|m| m.contains(place))
        || members.iter().any(|m| m == place);
    assert!(seen, "{what}: {place} is not named: {}; regions {regions:?}, said {said:?}, members {members:?}", node.why);
    assert!(total.shipped.unexplained + total.rebuilt.unexplained > 0 || !said.is_empty(), "{what}: {}", node.why);
}

#[test]
fn a_pair_that_differs_in_what_counts_is_different() {
    for (shipped, rebuilt, place) in HARMFUL {
        let (a, b) = (comparing::made(shipped), comparing::made(rebuilt));
        must_be_seen(&compare(&a, &b), place, &format!("{shipped} against {rebuilt}"));
        must_be_seen(&compare(&b, &a), place, &format!("{rebuilt} against {shipped}"));
    }
}

/// An attack: makes the change and returns the region where it is; `None` when this file has no such place.
type Attack = fn(&mut Patch, &Patch) -> Option<&'static str>;

/// The second file has the symbols (the first may be stripped); addresses are the same in both.
const ATTACKS: &[(&str, Attack)] = &[
    ("a call that goes to another function", |p, s| {
        p.lead(s.reference("pin_check", s.symbol("pin_mix").0)?, s, "pin_check", s.symbol("pin_always").0);
        Some(".text")
    }),
    ("a function pointer that is another one", |p, s| {
        p.lead(s.reference("main", s.symbol("pin_check").0)?, s, "main", s.symbol("pin_always").0);
        Some(".text")
    }),
    ("a call into the middle of a function", |p, s| {
        p.lead(s.reference("pin_check", s.symbol("pin_mix").0)?, s, "pin_check", s.symbol("pin_mix").0 + 2);
        Some(".text")
    }),
    ("a string that another one stands for", |p, s| {
        let (from, to) = (s.text_address("refused")?, s.text_address("granted")?);
        p.lead(s.reference("pin_check", from)?, s, "pin_check", to);
        Some(".text")
    }),
    ("a constant", |p, s| {
        let at = s.offset(s.symbol("rule_tries").0);
        let place = (at..at + 8).find(|i| p.bytes[*i] == 9 || p.bytes[*i] == 10)?;
        p.bytes[place] += 1;
        Some(".text")
    }),
    ("digits of a time in code", |p, _| {
        let at = p.find(".text", b"08:15:30");
        p.put(at, b"09:16:31");
        Some(".text")
    }),
    ("code in the padding between functions", |p, s| {
        let (address, size) = s.symbol("rule_tries");
        p.put(s.offset(address + size), b"\x0f\x05\xc3");
        Some(".text")
    }),
    ("two slots of the PLT exchanged", |p, _| {
        let all = p.relocations(".rela.plt");
        p.swap(all[0] + 8, all[5] + 8, 8);
        Some(".rela.plt")
    }),
    ("two slots of the GOT exchanged", |p, _| {
        let all: Vec<usize> = p.relocations(".rela.dyn").into_iter().filter(|at| p.u32(at + 8) == 6).collect();
        p.swap(all[0] + 8, all[1] + 8, 8);
        Some(".rela.dyn")
    }),
    ("a constructor redirected", |p, s| {
        let at = p.relocation_at(p.address(".init_array") + 8);
        p.put(at + 16, &s.symbol("pin_always").0.to_le_bytes());
        Some(".rela.dyn")
    }),
    ("constructors in another order", |p, _| {
        let first = p.address(".init_array");
        p.swap(p.relocation_at(first) + 16, p.relocation_at(first + 8) + 16, 8);
        Some(".rela.dyn")
    }),
    ("a destructor slot's own bytes", |p, s| {
        let (at, _) = p.section(".fini_array");
        p.put(at, &s.symbol("pin_always").0.to_le_bytes());
        Some(".fini_array")
    }),
    ("the code to start with", |p, s| {
        let at = p.dynamic(12, 0);
        p.put(at, &s.symbol("pin_always").0.to_le_bytes());
        Some(".dynamic")
    }),
    ("needed libraries in another order", |p, _| {
        p.swap(p.dynamic(1, 0), p.dynamic(1, 1), 8);
        Some(".dynamic")
    }),
    ("binding made lazy", |p, _| {
        let at = p.dynamic(30, 0);
        p.bytes[at] = 0;
        Some(".dynamic")
    }),
    ("data pointers to strings of the same length exchanged", |p, s| {
        let rules = s.symbol("rules").0;
        p.swap(p.relocation_at(rules) + 16, p.relocation_at(rules + 16) + 16, 8);
        Some(".rela.dyn")
    }),
    ("one value of a table", |p, s| {
        let at = s.offset(s.symbol("rules").0) + 3 * 16 + 8;
        p.bytes[at] = 1;
        Some(".data.rel.ro")
    }),
    ("one letter of a string", |p, _| {
        let at = p.find(".rodata", b"strong\0");
        p.bytes[at + 3] = b'u';
        Some(".rodata")
    }),
    ("a version that looks like a date", |p, _| {
        let at = p.find(".rodata", b"1.12.2023");
        p.put(at, b"2.11.2024");
        Some(".rodata")
    }),
    ("two targets of a jump table exchanged", |p, s| {
        let table = s.jump_table("rule_open", 7)?;
        p.swap(table, table + 24, 4);
        Some(".rodata")
    }),
    ("a landing pad", |p, _| {
        let (at, size) = p.section(".gcc_except_table");
        let place = (at + 4..at + size).find(|i| p.bytes[*i] > 8)?;
        p.bytes[place] -= 4;
        Some(".gcc_except_table")
    }),
    ("the function that unwind information is of", |p, s| {
        let at = p.pointer_to(".eh_frame", s.symbol("pin_mix").0)?;
        let more = p.u32(at) + 4;
        p.put(at, &more.to_le_bytes());
        Some(".eh_frame")
    }),
    ("two entries of the table of unwind information exchanged", |p, _| {
        let (at, _) = p.section(".eh_frame_hdr");
        p.swap(at + 12 + 4, at + 20 + 4, 4);
        Some(".eh_frame_hdr")
    }),
    ("the entry point", |p, s| {
        p.put(24, &s.symbol("pin_always").0.to_le_bytes());
        Some("ELF header")
    }),
    ("a stack that can be executed", |p, _| {
        let at = p.segment(0x6474_e551);
        p.bytes[at + 4] |= 1;
        Some("program headers")
    }),
    ("a segment that can be written", |p, _| {
        let at = p.segment(1);
        p.bytes[at + 4] |= 2;
        Some("program headers")
    }),
    ("the size of the protected part", |p, _| {
        let at = p.segment(0x6474_e552);
        p.put(at + 40, &[0; 8]);
        Some("program headers")
    }),
    ("another interpreter", |p, _| {
        let at = p.find(".interp", b"lib64");
        p.put(at, b"tmp64");
        Some(".interp")
    }),
    ("two imports exchanged", |p, _| {
        let (start, _) = p.section(".dynsym");
        p.swap(start + 24, start + 4 * 24, 4);
        Some(".dynsym")
    }),
    ("the version of an import", |p, _| {
        let (start, _) = p.section(".gnu.version");
        let place = (start..).step_by(2).find(|at| p.bytes[*at] > 2)?;
        p.bytes[place] -= 1;
        Some(".gnu.version")
    }),
    ("a name in the table of imports", |p, _| {
        let at = p.find(".dynstr", b"snprintf\0");
        p.put(at, b"vsprintf");
        Some(".dynstr")
    }),
    ("two symbol names exchanged", |p, _| {
        let (one, two) = (p.symbol_entry("pin_check")?, p.symbol_entry("pin_always")?);
        p.swap(one, two, 4);
        Some(".symtab")
    }),
    ("a symbol that points elsewhere", |p, _| {
        let at = p.symbol_entry("pin_check")?;
        p.bytes[at + 8] ^= 0x10;
        Some(".symtab")
    }),
    ("bytes in a gap between sections", |p, _| {
        let (from, size) = p.section(".rela.plt");
        let at = p.gap(from + size, 32);
        p.put(at, &[0xcc; 32]);
        Some("gap after")
    }),
    ("data behind the end", |p, _| {
        p.bytes.extend(b"#!/bin/sh\n");
        Some("trailing data")
    }),
    ("zeros behind the end", |p, _| {
        p.bytes.extend([0; 8]);
        Some("trailing data")
    }),
    ("a section that can be written", |p, _| {
        let at = p.header(".rodata") + 8;
        p.bytes[at] |= 1;
        Some("section headers")
    }),
    ("a section said to be elsewhere", |p, _| {
        let at = p.header(".gcc_except_table") + 16;
        p.bytes[at] ^= 8;
        Some("section headers")
    }),
    ("a note of the system", |p, _| {
        let (at, size) = p.section(".note.ABI-tag");
        p.bytes[at + size - 4] ^= 1;
        Some(".note.ABI-tag")
    }),
    ("a link to a debug file of another checksum", |p, _| {
        let (at, size) = p.has(".gnu_debuglink").then(|| p.section(".gnu_debuglink"))?;
        p.bytes[at + size - 1] ^= 1;
        Some(".gnu_debuglink")
    }),
    ("a name in debug information", |p, _| {
        let (at, _) = p.is_plain(".debug_str").then(|| p.section(".debug_str"))?;
        let place = at + p.bytes[at..].windows(6).position(|w| w == b"pin_ch")?;
        p.put(place, b"pin_al");
        Some(".debug_str")
    }),
    ("the table of line numbers", |p, _| {
        let (at, size) = p.is_plain(".debug_line").then(|| p.section(".debug_line"))?;
        p.bytes[at + size - 9] ^= 1;
        Some(".debug_line")
    }),
];

/// Every attack on every pair that is otherwise benign: what is explained there must not cover for it.
#[test]
fn no_attack_hides_behind_a_benign_cause() {
    let clean = Patch::new(&comparing::made("clean"));
    let mut tried = 0;
    let pairs = BENIGN.iter().map(|b| (b.0, b.1)).filter(|b| !b.0.ends_with(".a")).chain(UNPROVED.iter().copied());
    for (shipped, rebuilt) in pairs {
        let (a, b) = (comparing::made(shipped), comparing::made(rebuilt));
        let original = Patch::new(&a);
        let symbols = if original.has(".symtab") { &original } else { &clean };
        for (name, attack) in ATTACKS {
            let mut patch = original.clone();
            let Some(place) = attack(&mut patch, symbols) else { continue };
            assert_ne!(patch.bytes, a, "{name}: nothing was changed");
            let what = format!("{name} ({shipped} against {rebuilt})");
            must_be_seen(&compare(&patch.bytes, &b), place, &what);
            must_be_seen(&compare(&b, &patch.bytes), place, &format!("{what}, the other way round"));
            tried += 1;
        }
    }
    assert!(tried > 450, "only {tried} attacks were made");
}

/// Every `from` of a file becomes `to`, of the same length.
fn renamed(name: &str, from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut bytes = comparing::made(name);
    let places: Vec<usize> = (0..bytes.len() - from.len()).filter(|at| bytes[*at..].starts_with(from)).collect();
    assert!(!places.is_empty() && from.len() == to.len(), "{name}");
    places.iter().for_each(|at| bytes[*at..*at + to.len()].copy_from_slice(to));
    bytes
}

/// The line that the compiler was told is a number like any other for code that does more with it than report it.
#[test]
fn a_line_that_goes_to_code_that_may_use_it_is_no_line_number() {
    let to = |name: &[u8]| ["lower", "clean"].map(|file| renamed(file, b"__assert_fail", name));
    let [lower, clean] = to(b"__assert_fail");
    assert!(compare(&lower, &clean).result.is_equal());
    let [lower, clean] = to(b"__limit_tries");
    both(&lower, &clean, ".text", "a line number as a limit");
}

/// `strip` takes out what DWARF names, and says what that was.
#[test]
fn a_section_that_only_looks_like_debug_information_is_not_stripped() {
    let stripped = comparing::made("no-debug");
    let node = compare(&stripped, &comparing::made("clean"));
    let said = |text: &str| node.proofs.iter().any(|p| p.cause.word() == "strip" && p.values.rebuilt.shown().to_string() == text);
    assert!(node.result.is_equal() && said(".debug_info is there") && said(".debug_line is there"), "{:?}", node.proofs);
    for name in [b".debug_arangez", b".debug_payload"] {
        let place = String::from_utf8_lossy(name);
        both(&stripped, &renamed("clean", b".debug_aranges", name), &place, &place);
    }
}

/// A changed file that kept its build-id was changed after it was linked.
#[test]
fn loaded_content_under_an_equal_build_id_is_an_alarm() {
    let original = Patch::new(&comparing::made("clean"));
    for (name, attack) in ATTACKS {
        let mut patch = original.clone();
        let Some(place) = attack(&mut patch, &original) else { continue };
        let unloaded = place.starts_with(".debug") || ["section headers", "gap after", "trailing data", ".symtab"].contains(&place);
        let node = compare(&patch.bytes, &original.bytes);
        let alarm = node.metadata.iter().any(|m| m.starts_with("alarm"));
        assert!(alarm || unloaded, "{name} in {place}: {:?}", node.metadata);
    }
}

fn both(a: &[u8], b: &[u8], place: &str, what: &str) {
    must_be_seen(&compare(a, b), place, what);
    must_be_seen(&compare(b, a), place, &format!("{what}, the other way round"));
}

#[test]
fn what_a_member_may_do_is_never_waived_under_a_changed_time() {
    let plain = [
        file("etc/conf", b"one"),
        file("bin/tool", b"two"),
        archive::File { flag: b'2', link: "tool".to_owned(), ..file("bin/alias", b"") },
    ];
    let rebuilt = archive::tar(&plain);
    let later = |i: usize, change: &dyn Fn(&mut archive::File)| {
        let mut files = plain.clone();
        files.iter_mut().for_each(|f| f.mtime += 3600);
        change(&mut files[i]);
        files
    };
    let node = compare(&archive::tar(&later(0, &|_| {})), &rebuilt);
    assert_eq!(node.result, ResultMark::Equivalent, "only times: {}", node.why);
    type Change<'a> = (&'a str, usize, &'a dyn Fn(&mut archive::File));
    let changes: &[Change<'_>] = &[
        ("a setuid bit", 1, &|f| f.mode |= 0o4000),
        ("an executable bit", 0, &|f| f.mode |= 0o111),
        ("a setuid bit and another owner", 1, &|f| (f.mode, f.owner) = (0o4755, (1000, "user".to_owned()))),
        ("another target of a link", 2, &|f| f.link = "evil".to_owned()),
        ("a link instead of a file", 0, &|f| (f.flag, f.content, f.link) = (b'2', Vec::new(), "/etc/shadow".to_owned())),
        ("a hard link instead of a symbolic one", 2, &|f| f.flag = b'1'),
        ("a device instead of a file", 0, &|f| (f.flag, f.content, f.device) = (b'4', Vec::new(), (8, 0))),
        ("another name", 0, &|f| f.name = "etc/cron".to_owned()),
        ("a name that leads out", 0, &|f| f.name = "../../conf".to_owned()),
        ("other content of the same size", 0, &|f| f.content = b"eno".to_vec()),
        ("longer content", 0, &|f| f.content.push(b'!')),
    ];
    for (name, i, change) in changes {
        let files = later(*i, *change);
        let place =
            if plain[*i].content == files[*i].content { plain[*i].name.rsplit('/').next().unwrap() } else { files[*i].name.as_str() };
        both(&archive::tar(&files), &rebuilt, place, name);
    }
    // The same name twice: which one counts depends on the reader.
    let twice = |one: &[u8], two: &[u8]| archive::tar(&[file("x", one), file("y", b"-"), file("x", two)]);
    both(&twice(b"good", b"evil"), &twice(b"evil", b"good"), "x", "two members of one name exchanged");
    // Bytes behind a member's content and behind the end.
    for at in [512 + 3, 512 + 500] {
        let mut padded = rebuilt.clone();
        padded[at] = b'!';
        both(&padded, &rebuilt, "padding", "bytes behind the content of a member");
    }
    let mut long = rebuilt.clone();
    long.extend([0; 511]);
    long.push(1);
    both(&long, &rebuilt, "", "bytes behind the end of the archive");
}

#[test]
fn what_a_zip_or_library_member_may_do_is_never_waived() {
    let plain = [file("a.sh", b"one"), file("b.txt", b"two")];
    let dos = |files: &[archive::File], time: u64| {
        archive::zip(&files.iter().map(|f| archive::File { mtime: time, ..f.clone() }).collect::<Vec<_>>())
    };
    let rebuilt = dos(&plain, 0x5021_0000);
    assert_eq!(compare(&dos(&plain, 0x5021_0821), &rebuilt).result, ResultMark::Equivalent);
    let mut setuid = plain.clone();
    setuid[0].mode = 0o104_755;
    both(&dos(&setuid, 0x5021_0821), &rebuilt, "a.sh", "a setuid bit in a zip archive");
    both(&[b"#!/bin/sh\n".as_slice(), &rebuilt].concat(), &rebuilt, "", "data before a zip archive");
    both(&[rebuilt.as_slice(), b"tail"].concat(), &rebuilt, "", "data behind a zip archive");
    let mut lying = rebuilt.clone();
    let at = lying.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    lying[at + 46] = b'c';
    both(&lying, &rebuilt, "", "another name in the directory than before the content");

    let library = archive::ar(&plain);
    let mut timed = plain.clone();
    timed.iter_mut().for_each(|f| f.mtime = 5);
    assert_eq!(compare(&archive::ar(&timed), &library).result, ResultMark::Equivalent);
    timed[0].mode = 0o4755;
    both(&archive::ar(&timed), &library, "a.sh", "a setuid bit in a library");
    let mut odd = library.clone();
    odd[8 + 60 + 3] = b'X';
    both(&odd, &library, "", "padding of a library");
}

#[test]
fn a_stream_with_something_behind_it_is_different() {
    let text = b"the same text, again and again; ".repeat(40);
    use ruzstd::encoding::CompressionLevel::{Fastest, Uncompressed};
    let streams = [
        ("gzip", archive::gzip(&text, 1), archive::gzip(&text, 9)),
        ("bzip2", archive::bzip2(&text, 1), archive::bzip2(&text, 9)),
        ("zstd", archive::zstd(&text, Uncompressed), archive::zstd(&text, Fastest)),
    ];
    for (name, shipped, rebuilt) in streams {
        let node = compare(&shipped, &rebuilt);
        assert_eq!(node.result, ResultMark::Equivalent, "{name}: {}", node.why);
        // The level of gzip is in its header too.
        let causes = comparing::causes(&node);
        assert!(causes.contains("compression") && causes.iter().all(|c| ["compression", "gzip-header"].contains(c)), "{name}: {causes:?}");
        for tail in [&b"tail"[..], b"\0", b"\n"] {
            both(&[&shipped, tail].concat(), &rebuilt, "", &format!("{name} with {tail:?} behind it"));
            both(&[&rebuilt, tail].concat(), &rebuilt, "", &format!("{name} with only {tail:?} behind it"));
        }
    }
    // A second member is content.
    both(&[archive::gzip(&text, 1), archive::gzip(b"more", 1)].concat(), &archive::gzip(&text, 9), "", "a second gzip member");
}

#[test]
fn a_checksum_list_that_lies_is_different() {
    let package = |list: &str, tool: &[u8]| {
        archive::deb(&[file("./md5sums", list.as_bytes()), file("./control", b"Package: x\n")], &[file("./usr/x", tool)])
    };
    let list = |tool: &[u8]| format!("{}  usr/x\n", archive::md5(tool));
    let rebuilt = package(&list(b"one"), b"one");
    let find = |node: &Node| {
        let mut found = None;
        node.walk(&mut |trail| {
            if trail.last().unwrap().name.as_str() == Some("./md5sums") {
                found = Some(trail.last().unwrap().result);
            }
        });
        found.unwrap()
    };
    assert_eq!(find(&compare(&package(&list(b"two"), b"two"), &rebuilt)), ResultMark::Equivalent);
    for (lie, tool) in [(list(b"zwei"), &b"two"[..]), (list(b"two"), b"one"), (list(b"two").replace("usr/x", "usr/y"), b"two")] {
        let node = compare(&package(&lie, tool), &rebuilt);
        assert_eq!(find(&node), ResultMark::Different);
        must_be_seen(&node, "./md5sums", "a list that lies");
    }
}
