//! Files that nobody here wrote and some that were made to do harm, compared with changed copies and with their neighbours:
//! no panic, a bounded time, and nothing over a bound counts as equal.
//!
//! `COUNTERSIGN_HOSTILE=all` takes every file of the corpus and changes it more often.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test may panic, and says why it skips")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use countersign::diff::{self, Context, DebugFile, Limits};
use countersign::model::{Node, ResultMark};

use comparing::archive::{self, File, file};
use comparing::debug::{self, LITTLE, Much};

mod comparing;

/// The longest for one comparison: 2 s in a build with optimisation.
const LONGEST: Duration = if cfg!(debug_assertions) { Duration::from_secs(20) } else { Duration::from_secs(2) };

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => files(&entry.path(), found),
            kind if kind.is_file() => found.push(entry.path()),
            _ => {}
        }
    }
    found.sort();
}

fn timed(a: &[u8], b: &[u8], what: &str) -> Node {
    let start = Instant::now();
    let node = std::panic::catch_unwind(|| comparing::compare(a, b)).unwrap_or_else(|_| panic!("{what}: a panic"));
    assert!(start.elapsed() < LONGEST, "{what} took {:?}", start.elapsed());
    node
}

#[test]
fn hostile_files_do_no_harm() {
    let Some(corpus) = comparing::corpus() else { return };
    let all = std::env::var("COUNTERSIGN_HOSTILE").is_ok_and(|v| v == "all");
    let mut paths = Vec::new();
    files(&corpus.join("hostile"), &mut paths);
    assert!(paths.len() > 1_000);
    let mut random = comparing::Random(0x0bad_cafe_dead_beef);
    let mut before: Option<Vec<u8>> = None;
    let (mut done, mut slowest) = (0, (Duration::ZERO, String::new()));
    for path in &paths {
        let bytes = std::fs::read(path).unwrap();
        let small = bytes.len() < 256 << 10;
        // Plain texts are many and alike: every fourth will do.
        let text = std::str::from_utf8(&bytes).is_ok();
        if !all && (!small || (text && random.below(4) != 0)) {
            continue;
        }
        let what = path.display().to_string();
        let start = Instant::now();
        for _ in 0..if all { 8 } else { 1 } {
            let changed = random.change(&bytes);
            timed(&changed, &bytes, &format!("{what} changed"));
        }
        timed(&bytes, &bytes[..bytes.len() / 2], &format!("{what} cut short"));
        if let Some(before) = before.replace(bytes.clone()) {
            timed(&before, &bytes, &format!("{what} and its neighbour"));
        }
        // As debug information, which is only the supplier's claim.
        if bytes.starts_with(b"\x7fELF") {
            let debug = [DebugFile { name: "x.debug".into(), bytes: bytes.as_slice().into() }];
            let mut changed = bytes.clone();
            let at = random.below(bytes.len());
            changed[at] ^= 0xff;
            comparing::compare_with(&changed, &bytes, &debug, None);
        }
        done += 1;
        if start.elapsed() > slowest.0 {
            slowest = (start.elapsed(), what);
        }
    }
    eprintln!("{done} of {} files; the slowest: {} in {:?}", paths.len(), slowest.1, slowest.0);
    assert!(done > 500);
}

/// The files of a folder of the corpus as the members of two archives.
#[test]
fn hostile_files_as_members_do_no_harm() {
    let Some(corpus) = comparing::corpus() else { return };
    for folder in ["goblin-bins", "path-traversal", "tar-astral", "python-archives"] {
        let mut paths = Vec::new();
        files(&corpus.join("hostile").join(folder), &mut paths);
        let mut random = comparing::Random(7);
        let members: Vec<File> = paths
            .iter()
            .map(|p| std::fs::read(p).unwrap())
            .filter(|b| !b.is_empty() && b.len() < 128 << 10)
            .take(60)
            .enumerate()
            .map(|(i, b)| file(&format!("m{i}"), &b))
            .collect();
        assert!(members.len() > 1, "{folder}");
        let mut changed = members.clone();
        changed.iter_mut().for_each(|m| m.content = random.change(&m.content));
        let node = timed(&archive::tar(&members), &archive::tar(&changed), folder);
        assert!(node.children.len() >= members.len() && !node.result.is_equal());
    }
}

fn limited(a: &[u8], b: &[u8], limits: Limits) -> Node {
    let context =
        Context { source: None, source_content: None, debug: &[], limits, cancelled: &|| false, share: &diff::in_order, progress: &|_| {} };
    let node = diff::compare("x".into(), a.into(), b.into(), &context);
    comparing::sound(&node, a == b);
    node
}

#[track_caller]
fn not_examined(node: &Node, word: &str) {
    let mut reasons = Vec::new();
    node.walk(&mut |trail| {
        let last = trail.last().unwrap();
        if last.result == ResultMark::NotExamined {
            assert!(!last.why.is_empty(), "{} does not say why", last.name.shown());
            reasons.push(last.why.clone());
        }
    });
    assert!(!node.result.is_equal(), "{}", node.why);
    assert!(reasons.iter().any(|r| r.contains(word)), "{reasons:?} do not say {word}; {}", node.why);
}

type Pack = fn(&[u8]) -> Vec<u8>;

#[test]
fn bounds_are_said_and_never_count_as_equal() {
    let text = |n: u8| vec![n; 3 << 20];
    let small = Limits { expanded: 1 << 20, ..Limits::default() };
    let streams: [(&str, Pack); 3] = [
        ("gzip", |b| archive::gzip(b, 9)),
        ("bzip2", |b| archive::bzip2(b, 9)),
        ("zstd", |b| archive::zstd(b, ruzstd::encoding::CompressionLevel::Fastest)),
    ];
    for (name, pack) in streams {
        let node = limited(&pack(&text(0)), &pack(&text(1)), small.clone());
        not_examined(&node, "bound");
        // The same bomb twice in an archive: the bound is for both sides and all members together.
        let both = |n| archive::tar(&[file("a", &pack(&text(n))), file("b", &pack(&text(n + 1)))]);
        not_examined(&limited(&both(0), &both(2), small.clone()), "bound");
        assert!(!limited(&pack(&text(0)), &pack(&text(1)), Limits::default()).result.is_equal(), "{name}");
    }
    // One side takes nearly all of the bound, the other little: together they are within it, or over it.
    let mut random = comparing::Random(11);
    let noise: Vec<u8> = (0..20_000).map(|_| u8::try_from(random.below(256)).unwrap()).collect();
    let long = |zeros: usize| archive::gzip(&[noise.clone(), vec![0; zeros]].concat(), 9);
    let wide = Limits { expanded: 4 << 20, ..Limits::default() };
    let node = limited(&long(3 << 20), &long(1 << 19), wide.clone());
    assert_eq!((node.result, node.children.len()), (ResultMark::Different, 1), "{}", node.why);
    not_examined(&limited(&long(3 << 20), &long(3 << 19), wide), "bound");
    // Containers in containers.
    let mut nested = (b"a".to_vec(), b"b".to_vec());
    for _ in 0..12 {
        nested = (archive::tar(&[file("x", &nested.0)]), archive::tar(&[file("x", &nested.1)]));
    }
    not_examined(&limited(&nested.0, &nested.1, Limits::default()), "nested");
    // Members, and the length of a name.
    let many = |n: u8| archive::ar(&(0..200).map(|i| file(&format!("m{i}/"), &[n])).collect::<Vec<_>>());
    not_examined(&limited(&many(0), &many(1), Limits { entries: 100, ..Limits::default() }), "bound");
    let named = |n: u8| archive::tar(&[file(&"n".repeat(90), &[n])]);
    not_examined(&limited(&named(0), &named(1), Limits { name: 50, ..Limits::default() }), "bound");
}

/// An ELF file whose section headers all cover the same bytes: reading each of them would be endless.
#[test]
fn sections_that_overlap_are_not_read_again_and_again() {
    let make = |byte: u8| {
        let mut out = comparing::made("clean");
        let content = out.len();
        out.resize(content + (2 << 20), byte);
        let shoff = out.len();
        for kind in [1u32, 2, 4, 11].into_iter().cycle().take(50_000) {
            let mut header = [0u8; 64];
            header[4..8].copy_from_slice(&kind.to_le_bytes());
            header[8] = 6;
            header[16..24].copy_from_slice(&0x1000u64.to_le_bytes());
            header[24..32].copy_from_slice(&64u64.to_le_bytes());
            header[32..40].copy_from_slice(&(2u64 << 20).to_le_bytes());
            out.extend(header);
        }
        out[40..48].copy_from_slice(&(shoff as u64).to_le_bytes());
        out[60..62].copy_from_slice(&50_000u16.to_le_bytes());
        out
    };
    let node = timed(&make(1), &make(2), "overlapping sections");
    assert!(!node.result.is_equal());
}

/// Repetitions that make a naive search quadratic.
#[test]
fn repetition_does_not_take_quadratic_time() {
    let dates = |year: u32| format!("{year}-01-02 03:04:05 ").repeat(20_000).into_bytes();
    let lines = |n: usize| (0..60_000).map(|i| format!("{}\n", i * n % 7)).collect::<String>().into_bytes();
    let zeros = |at: usize| {
        let mut out = vec![0; 8 << 20];
        out[at] = 1;
        out
    };
    let digits = |n: u8| [b"1234567890:-T ".repeat(100_000), vec![n]].concat();
    let symbols = |n: u8| {
        let mut out = comparing::made("clean");
        out.extend(vec![n; 4 << 20]);
        out
    };
    for (name, a, b) in [
        ("dates", dates(2022), dates(2026)),
        ("lines", lines(3), lines(5)),
        ("zeros", zeros(5), zeros(6 << 20)),
        ("digits", digits(b'1'), digits(b'2')),
        ("every other byte", [0u8, 1].repeat(2 << 20), [0u8, 2].repeat(2 << 20)),
        ("one longer", vec![b'a'; 4 << 20], vec![b'a'; (4 << 20) + 1]),
        ("trailing data", symbols(1), symbols(2)),
    ] {
        // Equal only where dates are all that changed.
        assert!(!timed(&a, &b, name).result.is_equal() || name == "dates", "{name}");
    }
}

/// Many members with one name, or with contents that are alike, pair in linear time.
#[test]
fn many_members_pair_in_linear_time() {
    let archive = |same: bool, last: u8, turn: usize| {
        let name = |i: usize| if same { "m".to_owned() } else { format!("m{i}") };
        let mut files: Vec<File> = (0..20_000).map(|i| file(&name(i), b"x")).collect();
        files[10_000].content = vec![last];
        files.rotate_left(turn);
        archive::tar(&files)
    };
    for same in [true, false] {
        let node = timed(&archive(same, b'a', 0), &archive(same, b'b', 0), "20,000 members");
        assert_eq!(node.result, ResultMark::Different);
        timed(&archive(same, b'a', 0), &archive(same, b'a', 9_000), "20,000 members in another order");
    }
}

/// An ELF file with these sections behind its header: name, kind, flags, number of another section, content.
fn sections(list: &[(&str, u32, u64, u32, Vec<u8>)]) -> Vec<u8> {
    let mut out = comparing::made("clean")[..64].to_vec();
    let mut names = vec![0u8];
    let mut headers = vec![[0u8; 64]];
    let mut put = |out: &mut Vec<u8>, name: &str, kind: u32, flags: u64, link: u32, content: &[u8]| {
        let mut h = [0u8; 64];
        h[..4].copy_from_slice(&u32::try_from(names.len()).unwrap().to_le_bytes());
        h[4..8].copy_from_slice(&kind.to_le_bytes());
        h[8..16].copy_from_slice(&flags.to_le_bytes());
        let at = out.len() as u64;
        h[16..24].copy_from_slice(&if flags & 2 != 0 { at } else { 0 }.to_le_bytes());
        h[24..32].copy_from_slice(&at.to_le_bytes());
        h[32..40].copy_from_slice(&(content.len() as u64).to_le_bytes());
        h[40..44].copy_from_slice(&link.to_le_bytes());
        names.extend(name.bytes().chain([0]));
        out.extend(content);
        out.resize(out.len().next_multiple_of(16), 0);
        headers.push(h);
    };
    for (name, kind, flags, link, content) in list {
        put(&mut out, name, *kind, *flags, *link, content);
    }
    put(&mut out, ".shstrtab", 3, 0, 0, &[]);
    let at = out.len() as u64;
    out.extend(&names);
    let last = headers.last_mut().unwrap();
    last[24..32].copy_from_slice(&at.to_le_bytes());
    last[32..40].copy_from_slice(&(names.len() as u64).to_le_bytes());
    out.resize(out.len().next_multiple_of(16), 0);
    let table = out.len() as u64;
    out[32..40].copy_from_slice(&0u64.to_le_bytes());
    out[40..48].copy_from_slice(&table.to_le_bytes());
    out[56..58].copy_from_slice(&0u16.to_le_bytes());
    out[60..62].copy_from_slice(&u16::try_from(headers.len()).unwrap().to_le_bytes());
    out[62..64].copy_from_slice(&u16::try_from(headers.len() - 1).unwrap().to_le_bytes());
    out.extend(headers.into_iter().flatten());
    out
}

/// A million symbols that all name one long text: neither time nor memory for each of them.
#[test]
fn symbols_that_share_a_long_name_cost_it_once() {
    for length in [4_000, 8 << 20] {
        let make = |byte: u8| {
            let mut symbol = [0u8; 24];
            symbol[4] = 0x12;
            symbol[6] = 1;
            symbol[8] = 0x40;
            let symbols = symbol.repeat(300_000);
            let name = [vec![b'n'; length], vec![0]].concat();
            sections(&[(".text", 1, 6, 0, vec![byte; 64]), (".symtab", 2, 0, 3, symbols), (".strtab", 3, 0, 0, name)])
        };
        let node = timed(&make(0x90), &make(0xcc), "symbols with one long name");
        assert_eq!(node.result, ResultMark::Different);
    }
}

/// Names of sections that all start in one long text without an end.
#[test]
fn sections_that_share_a_long_name_cost_it_once() {
    let make = |byte: u8| {
        let mut out = comparing::made("clean")[..64].to_vec();
        let text = out.len() as u64;
        out.extend(vec![byte; 16 << 20]);
        let table = out.len() as u64;
        let mut header = [0u8; 64];
        header[4] = 3;
        header[24..32].copy_from_slice(&text.to_le_bytes());
        header[32..40].copy_from_slice(&(16u64 << 20).to_le_bytes());
        let mut headers = header.to_vec();
        for i in 1..60_000u32 {
            let mut small = [0u8; 64];
            small[..4].copy_from_slice(&i.to_le_bytes());
            small[4] = 1;
            headers.extend(small);
        }
        out.extend(headers);
        out[40..48].copy_from_slice(&table.to_le_bytes());
        out[56..58].copy_from_slice(&0u16.to_le_bytes());
        out[60..62].copy_from_slice(&60_000u16.to_le_bytes());
        out[62..64].copy_from_slice(&0u16.to_le_bytes());
        out
    };
    assert!(!timed(&make(b'a'), &make(b'b'), "sections with one long name").result.is_equal());
}

/// As many program headers as sections: each would be looked for in all of the others.
#[test]
fn too_many_program_headers_are_not_examined() {
    let make = |byte: u8| {
        let mut out = comparing::made("clean");
        let at = out.len() as u64;
        out.extend([1u8, 0, 0, 0, byte, 0, 0, 0].iter().chain(&[0; 48]).copied().collect::<Vec<u8>>().repeat(60_000));
        out[32..40].copy_from_slice(&at.to_le_bytes());
        out[56..58].copy_from_slice(&60_000u16.to_le_bytes());
        out
    };
    let node = timed(&make(4), &make(6), "program headers");
    not_examined(&node, "program headers");
}

/// Unwind tables whose entries all share one common entry that takes long to read.
#[test]
fn a_long_common_entry_of_unwind_tables_is_read_once() {
    let make = |byte: u8| {
        let mut frame = Vec::new();
        let long = 1 << 20;
        frame.extend((long + 16u32).to_le_bytes());
        frame.extend([0, 0, 0, 0, 1]);
        frame.extend(vec![b'e'; long as usize]);
        frame.resize(20 + long as usize, 0);
        for _ in 0..100_000 {
            frame.extend(16u32.to_le_bytes());
            let pointer = u32::try_from(frame.len()).unwrap();
            frame.extend(pointer.to_le_bytes());
            frame.extend([0; 12]);
        }
        sections(&[(".text", 1, 6, 0, vec![byte; 64]), (".eh_frame", 1, 2, 0, frame)])
    };
    assert_eq!(timed(&make(0x90), &make(0xcc), "common entries").result, ResultMark::Different);
}

/// Every function refers to the same long table of places.
#[test]
fn a_table_that_all_code_refers_to_is_followed_within_a_bound() {
    let make = |shift: usize| {
        // `lea rax, [rip + table]; movsxd rdx, [rax]; add rax, rdx`, again and again.
        let (mut text, count) = (Vec::new(), 20_000);
        text.resize(shift, 0x90u8);
        let start = text.len();
        let length = (start + count * 13).next_multiple_of(16);
        for i in 0..count {
            let next = start + i * 13 + 7;
            text.extend([0x48, 0x8d, 0x05]);
            text.extend(u32::try_from(length - next).unwrap().to_le_bytes());
            text.extend([0x48, 0x63, 0x10, 0x48, 0x01, 0xd0]);
        }
        text.resize(length, 0x90);
        let table: Vec<u8> = (0..60_000u32).flat_map(|_| (-16i32).to_le_bytes()).collect();
        sections(&[(".text", 1, 6, 0, text), (".rodata", 1, 2, 0, table)])
    };
    assert!(!timed(&make(0), &make(16), "one long table").result.is_equal());
}

/// Dates in many files: what is tried is counted over all of them.
#[test]
fn dates_in_many_files_are_tried_within_a_bound() {
    let archive = |year: u32| {
        let line = format!("{}x{year}\n", "1-2-3 4:5:6 Jan 7 ".repeat(20));
        let text = line.repeat(200).into_bytes();
        let files: Vec<File> = (0..100).map(|i| file(&format!("m{i}"), &text)).collect();
        archive::tar(&files)
    };
    assert!(!timed(&archive(2022), &archive(2026), "dates in many files").result.is_equal());
}

/// One string of which nearly all is the same, with many places that differ.
#[test]
fn a_long_string_is_not_read_for_each_place_that_differs() {
    let make = |fill: u8| {
        let mut out = vec![b'a'; 8 << 20];
        for i in 0..500 {
            out[i * 16_000 + 7] = fill;
        }
        out
    };
    assert!(!timed(&make(0), &make(b'b'), "a long string").result.is_equal());
}

/// Debug information that a library would read without end: what units share is counted for each of them, and over the bound
/// there are no lines.
#[test]
fn debug_information_that_units_share_is_read_within_a_bound() {
    let make = |much: Much, byte: u8| {
        // Code is the first section, behind the header; its address is its place.
        let mut symbol = [0u8; 24];
        (symbol[0], symbol[4], symbol[6], symbol[8], symbol[16]) = (1, 0x12, 1, 64, 64);
        let names = b"\0f\0".to_vec();
        let code = vec![byte; 64];
        let mut list = vec![(".text", 1, 6, 0, code), (".symtab", 2, 0, 3, symbol.to_vec()), (".strtab", 3, 0, 0, names)];
        list.extend(debug::lines(much, 64).into_iter().map(|(name, content)| (name, 1, 0, 0, content)));
        sections(&list)
    };
    let line = |much: Much, what: &str| {
        let node = timed(&make(much, 0x90), &make(much, 0xcc), what);
        assert_eq!(node.functions.len(), 1, "{what}");
        node.functions[0].source.as_ref().map(|s| s.line)
    };
    assert_eq!(line(LITTLE, "plain debug information"), Some(5));
    assert_eq!(line(Much { units: 40, inlined: 30, ranges: 50, ..LITTLE }, "units that overlap a little"), Some(5));
    for (what, much) in [
        ("units over one line program", Much { units: 20_000, rows: 200_000, away: 4096, ..LITTLE }),
        ("few units over one long line program", Much { units: 50, rows: 8_000_000, away: 4096, ..LITTLE }),
        ("units over one table of files", Much { units: 20_000, files: 40_000, ..LITTLE }),
        ("functions over one list of ranges", Much { functions: 40_000, ranges: 40_000, ..LITTLE }),
        ("calls inside of each other", Much { inlined: 200_000, ..LITTLE }),
        ("entries with many attributes", Much { functions: 100_000, attributes: 100_000, ..LITTLE }),
    ] {
        assert_eq!(line(much, what), None, "{what}");
    }
}
