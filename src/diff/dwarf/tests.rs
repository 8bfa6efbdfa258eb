//! Debug sections of real pairs and of small ones made here.

use std::path::PathBuf;
use std::sync::Arc;

use crate::diff::{Context, Limits, compare, in_order};
use crate::inspect::blob::Blob;
use crate::inspect::exe::Exe;
use crate::model::{Cause, Node, ResultMark, Side};

fn pair(name: &str) -> Option<(Vec<u8>, Vec<u8>)> {
    let Some(dir) = std::env::var_os("COUNTERSIGN_CORPUS").map(PathBuf::from) else {
        println!("skipped: COUNTERSIGN_CORPUS is not set");
        return None;
    };
    let read = |side: &str| std::fs::read(dir.join("elf").join(name).join(side)).unwrap();
    Some((read("b"), read("a")))
}

fn compared(shipped: &[u8], rebuilt: &[u8]) -> Node {
    let context = Context {
        source: None,
        source_content: None,
        debug: &[],
        limits: Limits::default(),
        cancelled: &|| false,
        progress: &|_| {},
        share: &in_order,
    };
    let node = compare("x".into(), Arc::from(shipped), Arc::from(rebuilt), &context);
    for side in [Side::Shipped, Side::Rebuilt] {
        assert_eq!(node.account.get(side).total(), node.size.get(side).unwrap());
        let regions: u64 = node.regions.iter().map(|r| r.account.get(side).total()).sum();
        assert_eq!(regions, node.size.get(side).unwrap());
    }
    node
}

fn residue(node: &Node) -> u64 {
    node.account.shipped.unexplained + node.account.rebuilt.unexplained
}

/// What is unexplained in debug sections.
fn debug_residue(node: &Node) -> u64 {
    let debug = node.regions.iter().filter(|r| r.name.lossy().contains("debug_"));
    debug.map(|r| r.account.shipped.unexplained + r.account.rebuilt.unexplained).sum()
}

fn section(bytes: &[u8], name: &str) -> std::ops::Range<usize> {
    Exe::elf(&Blob::from(bytes.to_vec())).ok().unwrap().section(name).unwrap().range.clone()
}

/// Every sampled byte of every debug section of the shipped side, changed: (section, offset in it, the changed byte, node).
fn flipped(name: &str, step: usize) -> Vec<(String, usize, Node)> {
    let Some((shipped, rebuilt)) = pair(name) else { return Vec::new() };
    let base = residue(&compared(&shipped, &rebuilt));
    let elf = Exe::elf(&Blob::from(shipped.clone())).ok().unwrap();
    let mut out = Vec::new();
    let mut count = 0;
    for s in elf.sections.iter().filter(|s| s.name.starts_with(b".debug_")) {
        for at in s.range.clone().step_by(step) {
            for bit in [1u8, 0x40] {
                let mut evil = shipped.clone();
                evil[at] ^= bit;
                let node = compared(&evil, &rebuilt);
                assert_ne!(node.result, ResultMark::Identical);
                count += 1;
                if residue(&node) <= base {
                    out.push((String::from_utf8_lossy(&s.name).into_owned(), at - s.range.start, node));
                }
            }
        }
    }
    println!("{name}: {count} flips, {} without more residue than {base}", out.len());
    out
}

#[test]
fn flips() {
    for (name, step) in [
        ("b1-buildpath-dwarf", 11),
        ("e6-comment-line-inserted", 11),
        ("f-reorder", 11),
        ("m-debug-compressed", 11),
        ("j-record-switches", 11),
    ] {
        for (section, at, node) in flipped(name, step) {
            println!(
                "{name} {section} {at:#x} {} {} {:?}",
                node.result,
                node.why,
                node.proofs
                    .iter()
                    .map(|p| (p.cause, p.values.shipped.lossy().into_owned(), p.values.rebuilt.lossy().into_owned()))
                    .collect::<Vec<_>>()
            );
        }
    }
}
