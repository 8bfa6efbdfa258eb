//! Real pairs, when `COUNTERSIGN_CORPUS` names them.

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
        share: &in_order,
        progress: &|_| {},
    };
    let node = compare("x".into(), Arc::from(shipped), Arc::from(rebuilt), &context);
    for side in [Side::Shipped, Side::Rebuilt] {
        assert_eq!(node.account.get(side).total(), node.size.get(side).unwrap());
        let regions: u64 = node.regions.iter().map(|r| r.account.get(side).total()).sum();
        assert_eq!(regions, node.size.get(side).unwrap());
    }
    node
}

/// Every pair whose only cause is in its name: equivalent, by that cause.
#[test]
fn pairs_that_differ_by_one_cause_are_equivalent() {
    for (name, cause, old, new) in [
        ("b1-buildpath-dwarf", Cause::BuildPath, "/build/elf/.tmp/other/deep/er", "/build/elf/.tmp/r"),
        ("b2-buildpath-__FILE__", Cause::BuildPath, "/build/elf/.tmp/other/deep/er", "/build/elf/.tmp/r"),
        ("e6-comment-line-inserted", Cause::LineShift, "auth.c:6", "auth.c:5"),
        ("m-debug-compressed", Cause::DebugCompression, "zlib, 2554 bytes", "plain, 4649 bytes"),
    ] {
        let Some((shipped, rebuilt)) = pair(name) else { return };
        let node = compared(&shipped, &rebuilt);
        assert_eq!(node.result, ResultMark::Equivalent, "{name}: {}", node.why);
        let proof =
            |p: &&crate::model::Proof| p.cause == cause && p.values.shipped.as_str() == Some(old) && p.values.rebuilt.as_str() == Some(new);
        assert!(node.proofs.iter().any(|p| proof(&p)), "{name}: {:?}", node.proofs);
        assert_eq!(compared(&rebuilt, &shipped).result, ResultMark::Equivalent, "{name}");
    }
    let Some((shipped, rebuilt)) = pair("j-record-switches") else { return };
    let node = compared(&shipped, &rebuilt);
    let proof = node.proofs.iter().find(|p| p.cause == Cause::Producer && p.values.shipped.lossy().starts_with("GNU C17 12.2.0")).unwrap();
    assert!(proof.values.shipped.lossy().contains("-fno-math-errno") && !proof.values.rebuilt.lossy().contains("-fno-math-errno"));
}

/// Bytes all over the debug sections of equivalent pairs, changed one at a time: what is still equivalent is so by a cause
/// that this very byte belongs to.
#[test]
fn a_changed_byte_is_seen_or_belongs_to_its_cause() {
    for (name, step) in [("b1-buildpath-dwarf", 29), ("e6-comment-line-inserted", 31), ("m-debug-compressed", 37)] {
        let Some((shipped, rebuilt)) = pair(name) else { return };
        let elf = Exe::elf(&Blob::from(shipped.clone())).ok().unwrap();
        let (mut count, mut left) = (0, 0);
        for s in elf.sections.iter().filter(|s| s.name.starts_with(b".debug_")) {
            for at in s.range.clone().step_by(step) {
                let mut evil = shipped.clone();
                evil[at] ^= if at % 2 == 0 { 1 } else { 0x40 };
                let node = compared(&evil, &rebuilt);
                count += 1;
                if node.result == ResultMark::Different {
                    continue;
                }
                left += 1;
                let proved = |cause| node.proofs.iter().filter(move |p| p.cause == cause);
                let section = s.name.as_slice();
                let fits = proved(Cause::Producer).next().is_some() && section == b".debug_str"
                    || proved(Cause::BuildPath).any(|p| !p.values.shipped.lossy().contains("/other/deep/er")) && section == b".debug_line_str"
                    // One length of a packed stream can be written in several ways.
                    || proved(Cause::DebugCompression).next().is_some() && s.flags & 0x800 != 0;
                assert!(fits, "{name} {} {:#x}: {} {:?}", s.name.escape_ascii(), at - s.range.start, node.why, node.proofs);
            }
        }
        println!("{name}: {count} bytes changed, {left} of them within a cause");
        assert!(count > 80 && left * 4 < count);
    }
}

/// Sections packed otherwise, and what may not pass for that.
#[test]
fn a_packed_section_holds_nothing_but_its_content() {
    let Some((shipped, rebuilt)) = pair("m-debug-compressed") else { return };
    let elf = Exe::elf(&Blob::from(shipped.clone())).ok().unwrap();
    let info = elf.section(".debug_info").unwrap().range.clone();
    // The type, the reserved bytes, the size, the alignment, the stream's header, its checksum.
    for at in [info.start, info.start + 5, info.start + 8, info.start + 16, info.start + 24, info.end - 1] {
        let mut evil = shipped.clone();
        evil[at] ^= 4;
        let node = compared(&evil, &rebuilt);
        assert_eq!(node.result, ResultMark::Different, "{:#x}", at - info.start);
    }
    // Zeros behind a section are padding; anything else is not.
    let gap = info.end..elf.section(".debug_abbrev").unwrap().range.start;
    assert!(!gap.is_empty());
    let mut evil = shipped.clone();
    evil[gap.start] = 1;
    assert_eq!(compared(&evil, &rebuilt).result, ResultMark::Different);
    // The loaded content still counts.
    let mut evil = shipped;
    let text = elf.section(".text").unwrap().range.clone();
    evil[text.start + 40] ^= 1;
    assert_eq!(compared(&evil, &rebuilt).result, ResultMark::Different);
}
