//! The controlled pairs of the corpus against what is known of each: result, causes, functions, lines.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test may panic, and says why it skips")]

use std::collections::{BTreeMap, BTreeSet};

use countersign::diff::DebugFile;
use countersign::model::{Node, ResultMark, SourceStatus};

mod comparing;

/// What must come out.
#[derive(Debug)]
enum Truth {
    Identical,
    /// Equivalent by exactly the first causes; those of the second may take part, since they follow from the first.
    Equivalent(&'static [&'static str], &'static [&'static str]),
    /// Different, with exactly these functions.
    Functions(&'static [&'static str]),
    /// Different in exactly these regions, and in no function.
    Regions(&'static [&'static str]),
    /// Different, as broad as it is, with these facts named.
    Facts(&'static [&'static str]),
}

use Truth::{Equivalent, Facts, Functions, Identical, Regions};

const TABLE: &[(&str, Truth)] = &[
    ("00-identical", Identical),
    ("a-date-time", Equivalent(&["timestamp", "build-id"], &[])),
    ("b1-buildpath-dwarf", Equivalent(&["build-path", "build-id"], &["address-shift", "derived-header"])),
    ("b2-buildpath-__FILE__", Equivalent(&["build-path", "build-id", "address-shift"], &["derived-header"])),
    ("c-build-id", Equivalent(&["build-id"], &[])),
    ("d-stripped", Equivalent(&["strip"], &[])),
    ("d2-strip-debug", Equivalent(&["strip"], &[])),
    ("d3-debuglink", Equivalent(&["strip", "debuglink"], &[])),
    ("e-backdoor", Functions(&["auth_check"])),
    ("e3-data-only", Regions(&[".data.rel.ro", ".note.gnu.build-id"])),
    ("e4-binary-patched", Functions(&["ct_equal"])),
    ("e5-backdoor-line-inserted", Functions(&["auth_check"])),
    ("e6-comment-line-inserted", Equivalent(&["line-shift", "build-id"], &[])),
    ("f-reorder", Equivalent(&["reordering", "build-id"], &["address-shift", "derived-header"])),
    ("g1-gcc11", Facts(&["producer", ".comment"])),
    ("g2-O3", Facts(&["producer"])),
    ("g4-clang14", Facts(&["producer", ".comment"])),
    ("g5-lto", Facts(&["producer"])),
    ("g6-no-hardening", Facts(&["RELRO", "stack protector", "fortified calls"])),
    ("h-pie-vs-nopie", Facts(&["type"])),
    ("i-static", Facts(&["NEEDED", "interpreter"])),
    ("j-record-switches", Equivalent(&["producer", "build-id"], &["address-shift", "derived-header"])),
    ("k-archive", Equivalent(&["mtime", "reordering"], &["owner", "attributes", "derived-header"])),
    ("m-debug-compressed", Equivalent(&["debug-compression"], &["derived-header"])),
    ("o-rpath-needed", Facts(&["RUNPATH", "NEEDED"])),
    ("p-hash-order", Facts(&["hash style"])),
    ("q1-call-retarget", Functions(&["auth_check"])),
    ("q3-plt-reloc-swapped", Regions(&[".rela.plt"])),
    ("q5-gap-between-sections", Regions(&["gap after .rela.plt"])),
    ("q6-forged-build-id", Functions(&["auth_check"])),
];

/// The line of the shipped source at which a changed function differs first.
const LINES: &[(&str, u32)] = &[
    ("e-backdoor", 26),
    ("e4-binary-patched", 18),
    ("e5-backdoor-line-inserted", 25),
    ("q1-call-retarget", 28),
    ("q6-forged-build-id", 25),
];

/// Old and new value that a proof of that cause must show.
const VALUES: &[(&str, &str, &str, &str)] = &[
    ("a-date-time", "timestamp", "Nov 12 2024", "Nov 14 2023"),
    ("a-date-time", "timestamp", "12:52:06", "22:13:20"),
    ("c-build-id", "build-id", "deadbeefdeadbeefdeadbeefdeadbeefdeadbeef", "c7dd34405f4215213dad1f88d2c35b4a1eecff22"),
    ("f-reorder", "reordering", "auth_check at 0x16c0", "auth_check at 0x13e0"),
    ("f-reorder", "reordering", "\"authd: \" at 0x2031", "\"authd: \" at 0x2060"),
    ("b2-buildpath-__FILE__", "build-path", "/build/elf/.tmp/other/deep/er", "/build/elf/.tmp/r"),
];

/// What the first sentence must lead to.
const FIRST: &[(&str, &[&str])] = &[
    ("g1-gcc11", &["look at the toolchain first", "11.3.0 against 12.2.0"]),
    ("g2-O3", &["look at the toolchain first", "producer -O3 against"]),
    ("g4-clang14", &["look at the toolchain first", "Debian clang version 14.0.6 against GNU C17 12.2.0"]),
    ("g5-lto", &["look at the toolchain first", "-flto"]),
    (
        "g6-no-hardening",
        &["hardening lost in what was shipped: RELRO none against full", "stack protector no against yes", "-fno-stack-protector against"],
    ),
    ("h-pie-vs-nopie", &["hardening lost in what was shipped: PIE no against yes", "producer -fno-pie against"]),
    ("p-hash-order", &["hash style both against gnu", "look at the toolchain first"]),
    ("i-static", &["it is loaded otherwise", "NEEDED (none) against libc.so.6"]),
    ("o-rpath-needed", &["it is loaded otherwise", "RUNPATH /home/builder/lib against (none)", "NEEDED libm.so.6 against (nothing more)"]),
];

/// Pairs where the build-id was kept over other content.
const ALARMS: &[&str] = &["e4-binary-patched", "q1-call-retarget", "q3-plt-reloc-swapped", "q6-forged-build-id"];

fn judge(name: &str, truth: &Truth, node: &Node) -> Result<(), String> {
    let words = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect::<BTreeSet<_>>();
    let (functions, regions) = (comparing::functions(node), comparing::different_regions(node));
    let must = |holds: bool, what: String| if holds { Ok(()) } else { Err(what) };
    let said = format!("{}: {}; functions {functions:?}, regions {regions:?}", node.result, node.why);
    match truth {
        Identical => must(node.result == ResultMark::Identical, said)?,
        Equivalent(exactly, also) => {
            must(node.result == ResultMark::Equivalent, said)?;
            let found = comparing::causes(node);
            let least: BTreeSet<_> = exactly.iter().copied().collect();
            let most: BTreeSet<_> = exactly.iter().chain(*also).copied().collect();
            must(least.is_subset(&found) && found.is_subset(&most), format!("explained by {found:?}"))?;
        }
        Functions(exactly) => {
            must(node.result == ResultMark::Different && functions == words(exactly), said.clone())?;
            must(regions.contains(".text"), said)?;
        }
        Regions(exactly) => {
            must(node.result == ResultMark::Different && functions.is_empty() && regions == words(exactly), said)?;
        }
        Facts(named) => {
            must(node.result == ResultMark::Different && !regions.is_empty(), said)?;
            let differing: BTreeSet<&str> = node.facts.iter().filter(|f| !f.agrees()).map(|f| f.name.as_str()).collect();
            must(named.iter().all(|n| differing.contains(n)), format!("facts that differ: {differing:?}"))?;
        }
    }
    if let Some((_, line)) = LINES.iter().find(|l| l.0 == name) {
        let source = node.functions.first().and_then(|f| f.source.clone());
        let found = source.as_ref().map(|s| (s.file.shown().to_string(), s.line, s.status));
        must(found == Some(("auth.c".to_owned(), *line, SourceStatus::MatchedByPath)), format!("the line is {found:?}"))?;
    }
    for words in FIRST.iter().filter(|f| f.0 == name).flat_map(|f| f.1) {
        must(node.why.contains(words), format!("{words:?} is not in: {}", node.why))?;
    }
    // What was never lost is not said to be.
    let lost = node.facts.iter().any(|f| f.lost);
    must(lost == ["g6-no-hardening", "h-pie-vs-nopie", "i-static"].contains(&name), format!("hardening lost: {lost}"))?;
    for (_, cause, old, new) in VALUES.iter().filter(|v| v.0 == name) {
        let all: Vec<_> = node
            .proofs
            .iter()
            .filter(|p| p.cause.word() == *cause)
            .map(|p| (p.values.shipped.shown().to_string(), p.values.rebuilt.shown().to_string()))
            .collect();
        must(all.iter().any(|v| v.0.starts_with(old) && v.1.starts_with(new)), format!("the values of {cause} are {all:?}"))?;
    }
    let alarm = node.metadata.iter().any(|m| m.starts_with("alarm"));
    must(alarm == ALARMS.contains(&name), format!("alarm: {:?}", node.metadata))
}

#[test]
fn every_pair_of_the_corpus_comes_out_as_it_is_known_to_be() {
    let Some(corpus) = comparing::corpus() else { return };
    let source = comparing::tree(&["auth.c", "auth.h", "main.c", "policy.c"]);
    let mut known: BTreeMap<String, &Truth> = TABLE.iter().map(|(n, t)| ((*n).to_owned(), t)).collect();
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(corpus.join("elf")).unwrap() {
        let folder = entry.unwrap().path();
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        if !folder.join("NOTES.md").exists() {
            continue;
        }
        let Some(truth) = known.remove(&name) else {
            // A pair that this table does not know: its notes say at least whether it is an attack.
            let notes = std::fs::read_to_string(folder.join("NOTES.md")).unwrap();
            let pair = comparing::corpus_pair(&folder);
            let node = comparing::compare(&pair.shipped, &pair.rebuilt);
            assert!(!(notes.contains("MALICIOUS") && node.result.is_equal()), "{name}: {}", node.why);
            continue;
        };
        let pair = comparing::corpus_pair(&folder);
        let debug: Vec<DebugFile> = std::fs::read(folder.join("b.debug"))
            .map(|bytes| vec![DebugFile { name: "b.debug".into(), bytes: bytes.into() }])
            .unwrap_or_default();
        let node = comparing::compare_with(&pair.shipped, &pair.rebuilt, &debug, Some(&source));
        if let Err(why) = judge(&name, truth, &node) {
            wrong.push(format!("{name}: {why}"));
        }
        // Which side is which changes no result.
        let back = comparing::compare_with(&pair.rebuilt, &pair.shipped, &debug, Some(&source));
        assert_eq!(back.result, node.result, "{name} the other way round: {}", back.why);
        assert_eq!(comparing::causes(&back), comparing::causes(&node), "{name} the other way round");
    }
    wrong.sort();
    assert!(wrong.is_empty(), "{} pairs are not what they are known to be:\n{}", wrong.len(), wrong.join("\n"));
    if !known.is_empty() {
        eprintln!("not in this corpus: {:?}", known.keys().collect::<Vec<_>>());
    }
}
