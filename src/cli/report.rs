//! Nodes as JSON and as text: what `compare`, `check` and `show` print.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::model::{Account, Cause, Extent, FunctionDiff, Listing, Node, Place, ResultMark, Side, Sides, SourceLine, SourceStatus, View};
use crate::text::{Shown, Untrusted};

/// How many places of one cause a text report tells before it counts.
const PROOFS_TOLD: usize = 3;

/// Names as JSON strings: invalid UTF-8 becomes `\xFF`, so that two names are never written alike by being replaced.
pub(super) fn name(text: &Untrusted) -> String {
    text.as_str().map_or_else(|| text.shown().to_string(), str::to_owned)
}

fn account(account: &Account) -> Value {
    let explained: serde_json::Map<String, Value> =
        account.explained.iter().map(|(cause, bytes)| (cause.word().to_owned(), json!(bytes))).collect();
    json!({ "identical": account.identical, "explained": explained, "unexplained": account.unexplained })
}

pub(super) fn accounts(sides: &Sides<Account>) -> Value {
    json!({ "shipped": account(&sides.shipped), "rebuilt": account(&sides.rebuilt) })
}

fn extent(extent: Option<Extent>) -> Value {
    extent.map_or(Value::Null, |e| json!({ "address": e.address, "size": e.size, "offset": e.offset }))
}

fn status(status: SourceStatus) -> &'static str {
    match status {
        SourceStatus::MatchedByChecksum => "matchedByChecksum",
        SourceStatus::MatchedByPath => "matchedByPath",
        SourceStatus::ChecksumDiffers => "checksumDiffers",
        SourceStatus::NotInSource => "notInSource",
    }
}

fn source(line: &SourceLine) -> Value {
    let mut value = json!({ "file": name(&line.file), "line": line.line, "status": status(line.status) });
    if let Some((file, at)) = &line.inlined_from {
        value["inlinedFrom"] = json!({ "file": name(file), "line": at });
    }
    value
}

fn function(function: &FunctionDiff) -> Value {
    json!({
        "name": name(&function.name),
        "result": function.result.word(),
        "shipped": extent(function.extent.shipped),
        "rebuilt": extent(function.extent.rebuilt),
        "changed": function.changed,
        "source": function.source.as_ref().map_or(Value::Null, source),
        "what": function.what,
    })
}

/// One node as JSON.
pub(super) fn node(node: &Node, path: &str) -> Value {
    let digest = |side: Side| node.digest.get(side).map(|d| d.to_string());
    let mut value = json!({
        "path": path,
        "kind": node.kind.word(),
        "result": node.result.word(),
        "size": { "shipped": node.size.shipped, "rebuilt": node.size.rebuilt },
        "sha256": { "shipped": digest(Side::Shipped), "rebuilt": digest(Side::Rebuilt) },
        "account": accounts(&node.account),
        "causes": node.proofs.iter().map(|p| json!({
            "cause": p.cause.word(),
            "shipped": name(&p.values.shipped),
            "rebuilt": name(&p.values.rebuilt),
            "ranges": { "shipped": ranges(&p.spans.shipped), "rebuilt": ranges(&p.spans.rebuilt) },
        })).collect::<Vec<_>>(),
    });
    if !node.tried.is_empty() {
        value["tried"] = node.tried.iter().map(|t| json!({ "cause": t.cause.word(), "why": t.why })).collect();
    }
    if !node.why.is_empty() {
        value["why"] = json!(node.why);
    }
    if !node.metadata.is_empty() {
        value["metadata"] = json!(node.metadata);
    }
    if !node.regions.is_empty() || !node.functions.is_empty() {
        value["functions"] = node.functions.iter().map(function).collect();
        value["sameFunctions"] = json!(node.same_functions);
        value["regions"] = node
            .regions
            .iter()
            .map(|r| json!({ "name": name(&r.name), "result": r.result.word(), "shipped": extent(r.extent.shipped), "rebuilt": extent(r.extent.rebuilt), "account": accounts(&r.account) }))
            .collect();
        value["facts"] = node
            .facts
            .iter()
            .map(|f| json!({ "name": f.name, "shipped": f.value.shipped.as_ref().map(name), "rebuilt": f.value.rebuilt.as_ref().map(name), "toolchain": f.toolchain, "agrees": f.agrees() }))
            .collect();
    }
    value
}

fn ranges(spans: &[std::ops::Range<u64>]) -> Vec<Value> {
    spans.iter().map(|s| json!([s.start, s.end])).collect()
}

/// The node and all below it, as a flat list with paths.
pub(super) fn nodes(root: &Node) -> Vec<Value> {
    let mut list = Vec::new();
    root.walk(&mut |trail| {
        let path: Vec<String> = trail.iter().map(|n| name(&n.name)).collect();
        if let Some(last) = trail.last() {
            list.push(node(last, &path.join("!")));
        }
    });
    list
}

/// The tree as text: one line a node that is not identical, then what differs in it; identical members are counted.
pub(super) fn text(root: &Node, out: &mut String) {
    root.walk(&mut |trail| {
        let Some(node) = trail.last() else { return };
        if node.result == ResultMark::Identical && trail.len() > 1 {
            return;
        }
        let indent = "  ".repeat(trail.len() - 1);
        let size = |side: Side| node.size.get(side).map_or_else(|| "-".to_owned(), |s| s.to_string());
        let _ = write!(out, "{} {indent}{}  {}  ", node.result.mark(), node.name.shown(), node.kind.word());
        let _ = if node.size.shipped == node.size.rebuilt {
            write!(out, "{} bytes", size(Side::Shipped))
        } else {
            write!(out, "{} | {} bytes", size(Side::Shipped), size(Side::Rebuilt))
        };
        let why = if node.why.is_empty() { String::new() } else { format!(": {}", node.why) };
        let _ = writeln!(out, "  {}{why}", node.result.word());
        details(node, &format!("    {indent}"), out);
        let same = node.children.iter().filter(|c| c.result == ResultMark::Identical).count();
        if same > 0 {
            let _ = writeln!(out, "=   {indent}{same} identical");
        }
    });
    let total = root.total_account();
    for (word, account) in [("shipped", &total.shipped), ("rebuilt", &total.rebuilt)] {
        let causes: Vec<String> = account.explained.iter().map(|(c, n)| format!("{c} {n}")).collect();
        let causes = if causes.is_empty() { String::new() } else { format!(" ({})", causes.join(", ")) };
        let (same, explained, rest) = (account.identical, account.explained_total(), account.unexplained);
        let _ = writeln!(out, "{word}: {same} bytes identical, {explained} explained{causes}, {rest} unexplained");
    }
}

fn details(node: &Node, indent: &str, out: &mut String) {
    if node.result == ResultMark::Identical {
        return;
    }
    for line in &node.metadata {
        let _ = writeln!(out, "{indent}! {line}");
    }
    let mut told: BTreeMap<Cause, usize> = BTreeMap::new();
    for proof in &node.proofs {
        let count = told.entry(proof.cause).or_default();
        *count += 1;
        if *count > PROOFS_TOLD {
            continue;
        }
        let (a, b) = (proof.values.shipped.shown().cut(60), proof.values.rebuilt.shown().cut(60));
        let empty = proof.values.shipped.is_empty() && proof.values.rebuilt.is_empty();
        let values = if empty { String::new() } else { format!(": {a} | {b}") };
        let _ = writeln!(out, "{indent}~ {}{values}", proof.cause);
    }
    for (cause, count) in told.iter().filter(|(_, count)| **count > PROOFS_TOLD) {
        let _ = writeln!(out, "{indent}~ {cause}: {} more places (--format json lists them)", count - PROOFS_TOLD);
    }
    for tried in &node.tried {
        let _ = writeln!(out, "{indent}  not {}: {}", tried.cause, tried.why);
    }
    for fact in node.facts.iter().filter(|f| !f.agrees()) {
        let side = |v: &Option<Untrusted>| v.as_ref().map_or_else(|| Shown::new("(none)"), Untrusted::shown).cut(70);
        let look = if fact.points_at_toolchain() { "  <- toolchain" } else { "" };
        let _ = writeln!(out, "{indent}  {}: {} | {}{look}", fact.name, side(&fact.value.shipped), side(&fact.value.rebuilt));
    }
    for region in node.regions.iter().filter(|r| !r.result.is_equal()) {
        let _ = writeln!(
            out,
            "{indent}{} {}  {} | {} bytes unexplained",
            region.result.mark(),
            region.name.shown(),
            region.account.shipped.unexplained,
            region.account.rebuilt.unexplained
        );
    }
    for function in &node.functions {
        let place = function.source.as_ref().map_or_else(String::new, |s| format!("  {}:{}", s.file.shown(), s.line));
        let address = |e: Option<Extent>| e.map_or_else(|| "-".to_owned(), |e| format!("{:x}+{:x}", e.address, e.size));
        let (a, b) = (address(function.extent.shipped), address(function.extent.rebuilt));
        let _ = writeln!(out, "{indent}{} {}  {a} | {b}{place}  {}", function.result.mark(), function.name.shown(), function.what);
    }
}

/// A listing as text, without the rows that are far from a difference.
pub(super) fn listing(listing: &Listing, out: &mut String) {
    for row in &listing.rows {
        let cell = |side: Side| {
            row.cells.get(side).as_ref().map_or_else(String::new, |c| {
                let bytes = if c.bytes.is_empty() { String::new() } else { format!("{:<16} ", crate::digest::hex(&c.bytes)) };
                format!("{:>6x} {bytes}{}", c.number, c.text.plain())
            })
        };
        let note = row.note.as_deref().map_or_else(String::new, |n| format!("  ; {n}"));
        let place = row
            .source
            .as_ref()
            .filter(|_| row.mark.is_difference())
            .map_or_else(String::new, |s| format!("  {}:{}", s.file.shown(), s.line));
        let _ = writeln!(out, "{:<62} {} {}{place}{note}", cell(Side::Shipped), row.mark.mark(), cell(Side::Rebuilt));
    }
    if let Some(cut) = &listing.cut {
        let _ = writeln!(out, "{cut}");
    }
}

/// The best listing of a node: of its first differing function, else of the whole.
pub(super) fn best_listing(node: &Node) -> Option<Listing> {
    let evidence = node.evidence.as_ref()?;
    let view = *evidence.views().first()?;
    let place = if view == View::Asm { Place::Function(0) } else { Place::Whole };
    Some(evidence.listing(place, view))
}
