//! The text guard on hostile text that others collected: naughty strings, Trojan Source, terminal recordings.

// A test runs the program, and says when it skips.
#![allow(clippy::disallowed_types, clippy::print_stderr)]

use std::fs;
use std::path::{Path, PathBuf};

use countersign::text::{Untrusted, hidden_characters};

fn corpus(part: &str) -> Option<PathBuf> {
    let Some(corpus) = std::env::var_os("COUNTERSIGN_CORPUS") else {
        eprintln!("skipped: COUNTERSIGN_CORPUS is not set");
        return None;
    };
    Some(Path::new(&corpus).join("hostile").join(part))
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { walk(&path, found) } else { found.push(path) }
    }
}

/// Nothing that a terminal obeys, nothing invisible, nothing that turns the direction round.
fn printable(text: &str) -> bool {
    text.chars().all(|c| {
        let v = u32::from(c);
        !c.is_control() && !matches!(v, 0xAD | 0x61C | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0xFEFF | 0xFE00..=0xFE0F | 0xE0000..=0xE0FFF)
    })
}

#[test]
fn nothing_that_a_terminal_obeys_gets_through() {
    let mut files = Vec::new();
    for part in ["blns", "trojan-source", "term-alacritty-ref"] {
        let Some(folder) = corpus(part) else { return };
        walk(&folder, &mut files);
    }
    let mut lines = 0;
    for file in &files {
        for line in fs::read(file).expect("readable").split(|b| *b == b'\n') {
            let shown = Untrusted::from(line).shown();
            assert!(printable(shown.as_str()), "{}: {:?}", file.display(), shown.as_str());
            lines += 1;
        }
    }
    assert!(lines > 1_000, "only {lines} lines were tried");
}

#[test]
fn trojan_source_is_flagged() {
    let Some(folder) = corpus("trojan-source") else { return };
    let mut files = Vec::new();
    walk(&folder, &mut files);
    let bidi = |text: &str| text.chars().any(|c| matches!(u32::from(c), 0x202A..=0x202E | 0x2066..=0x2069 | 0x200B..=0x200F));
    let mut flagged = 0;
    for file in files {
        let bytes = fs::read(&file).expect("readable");
        let text = String::from_utf8_lossy(&bytes);
        if bidi(&text) {
            assert!(!hidden_characters(&text).is_empty(), "{}", file.display());
            flagged += 1;
        }
    }
    assert!(flagged >= 20, "only {flagged} files have such characters");
}
