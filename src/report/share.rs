//! What executables were built from, as text and as JSON: the share of code by the status of its source files.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::json::status;
use super::name;
use super::text::Detail;
use crate::model::{BuiltFrom, CodeShare, Node, SourceStatus, visit};
use crate::text::Shown;

/// Files and pieces of dark code that a report tells of before it counts.
const TOLD: usize = 6;
/// Executables that are the same on both sides and are told of.
const SAME: usize = 6;

/// Both sides as JSON.
pub(super) fn json(built: &BuiltFrom) -> Value {
    let side = |share: &Option<CodeShare>| share.as_ref().map(one_side);
    json!({ "shipped": side(&built.share.shipped), "rebuilt": side(&built.share.rebuilt) })
}

fn one_side(share: &CodeShare) -> Value {
    let all = [SourceStatus::MatchedByChecksum, SourceStatus::MatchedByPath, SourceStatus::ChecksumDiffers, SourceStatus::NotInSource];
    let bytes: serde_json::Map<String, Value> = all.iter().map(|s| (status(*s).to_owned(), json!(share.bytes(*s)))).collect();
    let files = share
        .files
        .iter()
        .map(|f| json!({ "file": name(&f.path), "status": status(f.status), "bytes": f.bytes, "functions": f.functions, "note": f.note }));
    let dark = share.dark_code.iter().map(|d| json!({ "name": name(&d.name), "address": d.address, "size": d.size }));
    json!({
        "total": share.total,
        "bytes": bytes,
        "padding": share.padding,
        "dark": share.dark,
        "borrowed": share.borrowed,
        "files": files.collect::<Vec<_>>(),
        "filesLeftOut": share.files_left_out,
        "darkCode": dark.collect::<Vec<_>>(),
        "darkLeftOut": share.dark_left_out,
        "odd": share.odd,
    })
}

/// One executable: the sentences, what is odd, and with everything told the files and the dark code.
pub(super) fn text(built: &BuiltFrom, indent: &str, detail: Detail, out: &mut String) {
    for line in built.sentences() {
        let _ = writeln!(out, "{indent}  {line}");
    }
    for line in built.odd() {
        let _ = writeln!(out, "{indent}! {}", Shown::new(&line));
    }
    if detail != Detail::All {
        return;
    }
    let Some(share) = built.share.shipped.as_ref().or(built.share.rebuilt.as_ref()) else { return };
    for file in share.files.iter().filter(|f| f.bytes > 0) {
        let note = file.note.as_deref().map_or_else(String::new, |n| format!("  ({n})"));
        let _ = writeln!(out, "{indent}    {:>9} bytes  {:<17} {}{note}", file.bytes, status(file.status), file.path.shown());
    }
    if share.files_left_out > 0 {
        let _ = writeln!(out, "{indent}    {} more files", share.files_left_out);
    }
    for dark in share.dark_code.iter().take(TOLD).filter(|_| share.dark < share.total) {
        let _ = writeln!(out, "{indent}    {:>9} bytes  dark              {} at {:#x}", dark.size, dark.name.shown(), dark.address);
    }
}

/// The executables that are the same on both sides: their code too comes from somewhere.
pub(super) fn of_identical(root: &Node, detail: Detail, out: &mut String) {
    let mut left_out = 0usize;
    let mut told = 0usize;
    visit(root, &mut |node, _, name| {
        let Some(built) = node.built_from.as_ref().filter(|_| node.result == crate::model::ResultMark::Identical) else { return };
        if told >= SAME && detail != Detail::All && built.odd().is_empty() {
            left_out += 1;
            return;
        }
        told += 1;
        let _ = writeln!(out, "= {name}  {}", node.kind.word());
        text(built, "    ", detail, out);
    });
    if left_out > 0 {
        let _ = writeln!(out, "= {left_out} more executables are identical; where their code comes from: --all");
    }
}
