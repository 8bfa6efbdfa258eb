//! Names and texts that want to be more than text, in every place of the console that shows one.

// A test says when it has only its own list.
#![allow(clippy::print_stderr)]

use std::sync::Arc;

use super::frames::{Wired, assert_ours, assert_printable, bytes_of};
use super::{Bench, Input};
use crate::checks::{Discovery, Facts, HiddenPlace};
use crate::model::Attestation;
use crate::text::Untrusted;
use crate::tui::fixture::facts;

/// Bytes that did harm somewhere.
const OWN: [&[u8]; 14] = [
    b"\x1b]0;title\x07",
    b"\x1b[2J\x1b[H",
    b"\x1bP+q544e\x1b\\",
    b"\x9b31m",
    b"\xc2\x9b31m",
    b"\x1b[6n\x1b[c",
    b"a\rb\nc\td\x08e\x7f",
    b"\xff\xfe\x80",
    "a\u{202e}b\u{2066}c\u{2069}".as_bytes(),
    "\u{200b}\u{feff}\u{ad}\u{2028}\u{2029}".as_bytes(),
    "\u{e0041}\u{e0042}".as_bytes(),
    "e\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}".as_bytes(),
    "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}\u{fe0f}1\u{fe0f}\u{20e3}".as_bytes(),
    "\u{6f22}\u{5b57}\u{ff21}".as_bytes(),
];

/// A release in which everything that has a name has this one.
fn named(name: &[u8]) -> Facts {
    let name = Untrusted::from(name);
    let mut all = facts();
    let mut release = (*all.release).clone();
    for artifact in &mut release.artifacts {
        artifact.name = name.clone();
    }
    for file in &mut release.files {
        file.path = name.clone();
    }
    all.release = Arc::new(release);
    for slot in &mut all.comparisons {
        let Some(node) = slot else { continue };
        let mut node = (**node).clone();
        node.name = name.clone();
        for child in &mut node.children {
            child.name = name.clone();
        }
        for function in &mut node.functions {
            function.name = name.clone();
            if let Some(source) = &mut function.source {
                source.file = name.clone();
            }
        }
        for region in &mut node.regions {
            region.name = name.clone();
        }
        for proof in &mut node.proofs {
            (proof.values.shipped, proof.values.rebuilt) = (name.clone(), name.clone());
        }
        *slot = Some(Arc::new(node));
    }
    let rename = |a: &mut Attestation| {
        a.file = name.clone();
        a.builder = Some(name.clone());
        a.source_uri = Some(name.clone());
        a.payload = name.as_bytes().to_vec();
        a.subjects.iter_mut().for_each(|s| s.name = name.clone());
        a.materials.iter_mut().for_each(|m| m.0 = name.clone());
        a.signatures.iter_mut().for_each(|s| s.keyid = name.clone());
    };
    all.attestations.iter_mut().flatten().for_each(rename);
    all.offers.iter_mut().for_each(|o| (o.called, o.file) = (name.clone(), name.clone()));
    if let Some(tree) = &all.source {
        let mut tree = (**tree).clone();
        tree.entries.iter_mut().for_each(|e| e.path = name.clone());
        tree.tag = Some(name.clone());
        all.learn(Discovery::Source(Arc::new(tree)));
        all.learn(Discovery::Hidden(vec![HiddenPlace { entry: 4, path: name.clone(), line: 12, count: 1, first: "U+202E".into() }]));
    }
    all
}

/// Lines of what others collected, as many as are told apart by their first bytes, at most so many.
fn collected(most: usize) -> Vec<Vec<u8>> {
    let Some(corpus) = std::env::var_os("COUNTERSIGN_CORPUS") else {
        eprintln!("COUNTERSIGN_CORPUS is not set: only the list of this test");
        return Vec::new();
    };
    let mut lines = Vec::new();
    for part in ["blns", "trojan-source", "term-alacritty-ref"] {
        let mut folders = vec![std::path::Path::new(&corpus).join("hostile").join(part)];
        let mut own = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let bytes = std::fs::read(&path).expect("readable");
                let odd = |l: &&[u8]| l.iter().any(|b| !(0x20..0x7f).contains(b));
                own.extend(bytes.split(|b| *b == b'\n').filter(odd).map(|l| l.iter().take(300).copied().collect::<Vec<u8>>()));
            }
        }
        own.sort();
        own.dedup();
        let step = (own.len() / most).max(1);
        lines.extend(own.into_iter().step_by(step).take(most));
    }
    lines
}

/// The cells of the chrome: tabs, hints, and the rules between panes.
fn chrome(bench: &Bench) -> Vec<String> {
    let buffer = bench.screen.backend().buffer();
    let text = |y: u16| (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    let rules = (2..buffer.area.height - 2).map(|y| {
        let rule = |x: &u16| ["│", "┌"].contains(&buffer[(*x, y)].symbol());
        (0..buffer.area.width).filter(rule).map(|x| x.to_string()).collect::<Vec<_>>().join(" ")
    });
    [text(0), text(1), text(buffer.area.height - 1)].into_iter().chain(rules).collect()
}

const WALKS: [&str; 9] = ["1", "2 G <enter>", "3 j j j j", "4 F", "1 g g n", "n e", "6", "7", "n n n n n n"];

/// What stands on the chrome where all names are harmless, walk by walk.
fn calm(columns: u16, rows: u16) -> Vec<Vec<String>> {
    let mut bench = Bench::with(named(b"plain"), None, columns, rows);
    WALKS.iter().map(|walk| chrome(bench.walk(walk))).collect()
}

#[test]
fn no_name_leaves_its_place() {
    let (columns, rows) = (120, 30);
    let calm = calm(columns, rows);
    let collected = collected(12);
    for name in OWN.into_iter().chain(collected.iter().map(Vec::as_slice)) {
        let mut bench = Bench::with(named(name), None, columns, rows);
        let mut wired = Wired::new(columns, rows);
        for (walk, calm) in WALKS.into_iter().zip(&calm) {
            bench.walk(walk);
            // The real backend draws only what changed; what it leaves on a terminal must be what a new frame is.
            let bytes = wired.draw(&bench.app);
            bench.fresh();
            let context = format!("{walk} with {:?}", String::from_utf8_lossy(name));
            assert_printable(&bench, &context);
            assert_ours(bytes, &context);
            wired.assert_same(&bench, &context);
            for (ours, calm) in chrome(&bench).iter().zip(calm) {
                assert_eq!(ours, calm, "{context}: {}", bench.text());
            }
        }
    }
}

#[test]
fn what_is_typed_pasted_and_answered_is_guarded_too() {
    for name in OWN {
        let text = String::from_utf8_lossy(name).into_owned();
        let mut bench = Bench::new(120, 40);
        bench.walk("n n f");
        bench.send(Input::Paste(text.clone()));
        assert_printable(&bench, "a prompt");
        bench.walk("<enter> c");
        bench.send(Input::Paste(text.clone()));
        bench.walk("<enter> 6 <tab>");
        assert_printable(&bench, "findings");
        bench.walk("/");
        bench.send(Input::Paste(text.clone()));
        bench.walk("<enter> ^P");
        bench.send(Input::Paste(text.clone()));
        assert_printable(&bench, "the finder");
        bench.walk("<esc> g /");
        bench.send(Input::Paste(text));
        assert_printable(&bench, "the search");
        assert_ours(bytes_of(&bench, 120, 40), "the search");
    }
}
