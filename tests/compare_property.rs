//! Properties of every comparison: the accounts add up, and no changed byte vanishes. A changed byte is unexplained, or a
//! proof names it.
//!
//! `COUNTERSIGN_FLIPS=N` flips N bytes of every file instead of a few dozen; `all` flips each byte (small files: hours for
//! the corpus, minutes for one pair; `COUNTERSIGN_ONLY=NAME` takes one).
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test may panic, and says why it skips")]

use std::time::{Duration, Instant};

use countersign::model::{Node, NodeKind, ResultMark, Side, Sides};

use comparing::archive::{self, File, file};

mod comparing;

/// The longest that one comparison of small files may take, in a build without optimisation.
const LONGEST: Duration = Duration::from_secs(10);

struct Pair {
    name: String,
    sides: Sides<Vec<u8>>,
}

fn pair(name: &str, shipped: Vec<u8>, rebuilt: Vec<u8>) -> Pair {
    Pair { name: name.to_owned(), sides: Sides::new(shipped, rebuilt) }
}

/// The pairs of `testdata/pairs`.
fn made() -> Vec<Pair> {
    let names = [
        ("other-id", "clean"),
        ("dated-later", "dated"),
        ("elsewhere", "clean"),
        ("absolute-two", "absolute-one"),
        ("lower", "clean"),
        ("lower-and-laxer", "lower"),
        ("reordered", "clean"),
        ("turn-two", "turn-one"),
        ("turn-two-stripped", "turn-one-stripped"),
        ("fall-kept", "fall-one"),
        ("switches-more", "switches"),
        ("stripped", "clean"),
        ("no-debug", "clean"),
        ("split", "clean"),
        ("split.debug", "clean"),
        ("packed", "clean"),
        ("other-comment", "clean"),
        ("noted", "clean"),
        ("backdoor", "clean"),
        ("timed.a", "plain.a"),
        ("turned.a", "plain.a"),
        ("twice-turned.a", "twice.a"),
    ];
    names.iter().map(|(a, b)| pair(a, comparing::made(a), comparing::made(b))).collect()
}

/// Containers made here, with a little of everything.
fn containers() -> Vec<Pair> {
    let files = [
        file("./control", b"Package: x\nVersion: 1\n"),
        File { mode: 0o755, ..file("./bin/tool", b"\x7fELF, but no such file\0\xff") },
        File { flag: b'5', ..file("./dir/", b"") },
        File { flag: b'2', link: "tool".to_owned(), ..file("./bin/alias", b"") },
        file("./built", b"made 2022-12-26 at 10:11:12\n"),
    ];
    let mut later = files.clone();
    later.iter_mut().for_each(|f| f.mtime += 77);
    later[4].content = b"made 2026-11-23 at 13:14:15\n".to_vec();
    let list = |files: &[File]| {
        let lines = files.iter().filter(|f| f.flag == b'0').map(|f| format!("{}  {}\n", archive::md5(&f.content), &f.name[2..]));
        [file("./md5sums", lines.collect::<String>().as_bytes())]
    };
    let dos = |files: &[File]| {
        files.iter().map(|f| File { mtime: f.mtime & 0xffff, name: f.name[2..].to_owned(), ..f.clone() }).collect::<Vec<_>>()
    };
    let flat = |files: &[File]| [0, 1, 4].iter().map(|i| File { name: format!("m{i}/"), ..files[*i].clone() }).collect::<Vec<_>>();
    let (one, two) = (archive::tar(&files), archive::tar(&later));
    vec![
        pair("tar", one.clone(), two.clone()),
        pair("ar", archive::ar(&flat(&files)), archive::ar(&flat(&later))),
        pair("zip", archive::zip(&dos(&files)), archive::zip(&dos(&later))),
        pair("tar.gz", archive::gzip(&one, 1), archive::gzip(&two, 9)),
        pair("tar.bz2", archive::bzip2(&one, 9), archive::bzip2(&two, 9)),
        pair("tar.zst", archive::zstd(&one, ruzstd::encoding::CompressionLevel::Fastest), archive::gzip(&two, 9)),
        pair("deb", archive::deb(&list(&files), &files), archive::deb(&list(&later), &later)),
        pair("text", files[4].content.clone(), later[4].content.clone()),
    ]
}

fn corpus() -> Vec<Pair> {
    let Some(corpus) = comparing::corpus() else { return Vec::new() };
    let mut out = Vec::new();
    for entry in std::fs::read_dir(corpus.join("elf")).unwrap() {
        let folder = entry.unwrap().path();
        if folder.join("NOTES.md").exists() {
            out.push(Pair { name: folder.file_name().unwrap().to_string_lossy().into_owned(), sides: comparing::corpus_pair(&folder) });
        }
    }
    out.sort_by(|x, y| x.name.cmp(&y.name));
    assert!(out.len() > 20, "the corpus has few pairs");
    out
}

/// The packages of the releases beside the corpus.
fn releases() -> Vec<Pair> {
    let Some(folder) = comparing::corpus().map(|c| c.join("../releases")) else { return Vec::new() };
    let package = |path: std::path::PathBuf| {
        let found = std::fs::read_dir(path).ok()?.map(|e| e.unwrap().path()).find(|p| p.extension().is_some_and(|e| e == "deb"))?;
        std::fs::read(found).ok()
    };
    let all = ["hello", "sed", "gzip"].iter().filter_map(|n| {
        let data = folder.join(n).join("data");
        Some(pair(n, package(data.join("shipped"))?, package(data.join("rebuilt"))?))
    });
    all.collect()
}

fn timed(a: &[u8], b: &[u8], what: &str) -> Node {
    let start = Instant::now();
    let node = comparing::compare(a, b);
    assert!(start.elapsed() < LONGEST, "{what} took {:?}", start.elapsed());
    node
}

#[test]
fn the_accounts_of_every_pair_add_up_on_both_sides() {
    for p in made().iter().chain(&containers()).chain(&corpus()).chain(&releases()) {
        let (a, b) = (&p.sides.shipped, &p.sides.rebuilt);
        let (node, back) = (timed(a, b, &p.name), timed(b, a, &p.name));
        assert_eq!(node.result, back.result, "{} the other way round", p.name);
        assert_eq!(timed(a, a, &p.name).result, ResultMark::Identical);
        if matches!(node.kind, NodeKind::Tar | NodeKind::Ar | NodeKind::Elf | NodeKind::Pe | NodeKind::MachO | NodeKind::Text) {
            // Nothing is packed in these but debug sections: what is shown is all there is.
            for (side, bytes) in [(Side::Shipped, a), (Side::Rebuilt, b)] {
                assert_eq!(node.account.get(side).total() + members(&node, side), bytes.len() as u64, "{}", p.name);
            }
        }
    }
}

fn members(node: &Node, side: Side) -> u64 {
    if matches!(node.kind, NodeKind::Tar | NodeKind::Ar) { node.children.iter().filter_map(|c| *c.size.get(side)).sum() } else { 0 }
}

/// How many bytes of a file are flipped.
fn flips(size: usize, usual: usize) -> Option<usize> {
    match std::env::var("COUNTERSIGN_FLIPS").as_deref() {
        Ok("all") => None,
        Ok(n) => Some(n.parse().unwrap()),
        Err(_) => Some(usual.min(size)),
    }
}

fn wanted(name: &str) -> bool {
    std::env::var("COUNTERSIGN_ONLY").map_or(true, |only| only == name)
}

/// Flips bytes of both sides, against the unchanged file and against the other side of the pair.
fn flip(p: &Pair, usual: usize) -> usize {
    if !wanted(&p.name) {
        return 0;
    }
    let mut random = comparing::Random(0x9e37_79b9_7f4a_7c15 ^ p.name.len() as u64);
    let mut done = 0;
    for side in comparing::SIDES {
        let (own, other) = if side == Side::Shipped { (&p.sides.shipped, &p.sides.rebuilt) } else { (&p.sides.rebuilt, &p.sides.shipped) };
        let places: Vec<usize> = match flips(own.len(), usual) {
            None => (0..own.len()).collect(),
            Some(n) => (0..n).map(|_| random.below(own.len())).collect(),
        };
        for at in places {
            let mask = [0x01, 0x20, 0x80, 0xff][random.below(4)];
            let mut flipped = own.clone();
            flipped[at] ^= mask;
            let what = format!("{} {side:?} byte {at:#x} ^ {mask:#x}", p.name);
            let order = |changed: &[u8], fixed: &[u8]| {
                if side == Side::Shipped { timed(changed, fixed, &what) } else { timed(fixed, changed, &what) }
            };
            // Against itself: the flipped byte is the only difference.
            let node = order(&flipped, own);
            seen(&node, side, &flipped, at, &what);
            // One byte moves nothing: what refers to something refers to something else now.
            if node.result.is_equal() {
                let causes = comparing::causes(&node);
                assert!(!causes.iter().any(|c| matches!(*c, "address-shift" | "reordering")), "{what}: {causes:?}");
            }
            // Against the other side, where there are benign differences to hide behind.
            let node = order(&flipped, other);
            if node.result.is_equal() && other.get(at) != Some(&flipped[at]) {
                seen(&node, side, &flipped, at, &what);
            }
            done += 2;
        }
    }
    done
}

/// The byte is unexplained, or a proof names it. Where both sides now have equal bytes there is nothing to name.
#[track_caller]
fn seen(node: &Node, side: Side, bytes: &[u8], at: usize, what: &str) {
    if node.result == ResultMark::Equivalent {
        assert!(comparing::is_named(node, side, bytes, at), "{what}: equal by {:?}, and no proof names the byte", comparing::causes(node));
    }
}

#[test]
fn no_flipped_byte_of_a_made_pair_vanishes() {
    let done: usize = made().iter().map(|p| flip(p, 60)).sum();
    assert!(done > 2_000 || std::env::var_os("COUNTERSIGN_ONLY").is_some(), "{done}");
}

#[test]
fn no_flipped_byte_of_a_container_vanishes() {
    for p in containers() {
        flip(&p, 400);
    }
}

#[test]
fn no_flipped_byte_of_a_pair_of_the_corpus_vanishes() {
    for p in corpus() {
        flip(&p, if p.name == "i-static" { 4 } else { 30 });
    }
}

#[test]
fn no_flipped_byte_of_a_release_vanishes() {
    for p in releases() {
        flip(&p, 6);
    }
}

#[test]
fn random_changes_of_containers_and_executables_are_seen() {
    let mut random = comparing::Random(0x1234_5678_9abc_def1);
    let rounds = if std::env::var_os("COUNTERSIGN_FLIPS").is_some() { 2_000 } else { 120 };
    for p in containers().iter().chain(made().iter().filter(|p| ["elsewhere", "packed", "reordered", "timed.a"].contains(&p.name.as_str())))
    {
        let rounds = if p.sides.shipped.len() > 20_000 { rounds / 4 } else { rounds };
        for round in 0..rounds {
            let changed = random.change(&p.sides.shipped);
            let what = format!("{} round {round}", p.name);
            // The invariants say that it is identical only if the bytes are.
            timed(&changed, &p.sides.shipped, &what);
            timed(&p.sides.rebuilt, &changed, &what);
        }
    }
}
