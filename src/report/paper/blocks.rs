//! What a report says, as headings, pairs, tables and rows: HTML and text are two ways to write the same.

use std::collections::BTreeSet;

use super::{LineOf, Paper, Reported, without_strings};
use crate::model::{Account, Cause, Extent, Fact, Node, ResultMark, Side, Sides, SourceStatus};
use crate::report::rows;

/// Files whose rows are in a report with source.
const WITH_ROWS: usize = 100;
/// Proofs of one cause that are listed with their values.
const PROOFS: usize = 200;

/// A part of a report. Whoever writes it sends every text through the guard once more.
pub(super) enum Block {
    /// A heading: its level, and the text.
    Heading(u8, String),
    /// Labels, each with what belongs to it.
    Pairs(Vec<(&'static str, String)>),
    /// A table: what it is, its columns, its rows.
    Table(&'static str, Vec<&'static str>, Vec<Vec<String>>),
    /// A sentence.
    Sentence(String),
    /// Rows as they are.
    Rows(String),
}

/// Everything that a report says.
pub(super) fn all(paper: &Paper, line: &LineOf<'_>) -> Vec<Block> {
    let mut out = vec![Block::Heading(1, "Diff report".to_owned()), Block::Sentence(paper.says_of_source().to_owned())];
    out.extend(paper.about.notes().into_iter().map(Block::Sentence));
    out.push(Block::Pairs(head(paper)));
    if !paper.about.places.is_empty() {
        let rows = paper.about.places.iter().map(|p| vec![p.clone()]).collect();
        out.push(Block::Table("Everything that differs here is the same in", vec!["place"], rows));
    }
    if !paper.about.pending.is_empty() {
        let rows = paper.about.pending.iter().map(|p| vec![p.shown().to_string()]).collect();
        out.push(Block::Table("Not compared yet", vec!["artifact"], rows));
    }
    if paper.files.len() > 1 {
        out.push(Block::Table(
            "Files, in the order of the list",
            vec!["", "file", "result", "kind", "size shipped", "size rebuilt", "unexplained"],
            paper.files.iter().filter_map(list_row).collect(),
        ));
    }
    let mut rows_left = WITH_ROWS;
    let mut without_rows = 0usize;
    for file in &paper.files {
        let Some(node) = file.node().filter(|n| paper.files.len() == 1 || has_something_to_say(n)) else { continue };
        section(file, node, paper.with_source, &mut out);
        if !paper.with_source || node.evidence.is_none() {
            continue;
        }
        if rows_left == 0 {
            without_rows += 1;
            continue;
        }
        rows_left -= 1;
        source(node, line, &mut out);
    }
    if without_rows > 0 {
        out.push(Block::Sentence(format!(
            "the rows of {without_rows} more files are left out: a report of one item has them (countersign show BUNDLE compare ITEM)"
        )));
    }
    out
}

fn has_something_to_say(node: &Node) -> bool {
    let own = node.account.shipped.total() + node.account.rebuilt.total() > 0;
    node.result != ResultMark::Identical && (own || node.children.is_empty() || !node.proofs.is_empty() || !node.metadata.is_empty())
}

fn head(paper: &Paper) -> Vec<(&'static str, String)> {
    let mut pairs = Vec::new();
    if let Some((product, version, identity)) = &paper.about.release {
        pairs.push(("release", format!("{} {}", product.shown(), version.shown())));
        pairs.push(("bundle", identity.map_or_else(|| "not known yet: it is being hashed".to_owned(), |d| format!("sha256:{d}"))));
    }
    pairs.push(("shows", paper.about.view.clone()));
    if let Some((id, ruled)) = &paper.about.item {
        pairs.push(("item", id.clone()));
        pairs.push(("a person", (*ruled).to_owned()));
    }
    pairs.push(("result", paper.result().map_or_else(|| "nothing is compared".to_owned(), |r| format!("{} {}", r.mark(), words(r)))));
    pairs.push(("made by", format!("countersign {}", env!("CARGO_PKG_VERSION"))));
    pairs
}

/// A result in words.
fn words(result: ResultMark) -> &'static str {
    match result {
        ResultMark::Identical => "identical: the same bytes",
        ResultMark::Equivalent => "equivalent: every differing byte is explained by a proof",
        ResultMark::OnlyRebuilt => "only rebuilt: it has no counterpart",
        ResultMark::OnlyShipped => "only shipped: it has no counterpart",
        ResultMark::NotExamined => "not examined",
        ResultMark::Different => "different: at least one byte is unexplained",
    }
}

fn list_row(file: &Reported) -> Option<Vec<String>> {
    let node = file.node()?;
    let size = |side| node.size.get(side).map_or_else(|| "-".to_owned(), |s: u64| s.to_string());
    let open = &node.account;
    Some(vec![
        node.result.mark().to_string(),
        file.name.clone(),
        node.result.word().to_owned(),
        node.kind.word().to_owned(),
        size(Side::Shipped),
        size(Side::Rebuilt),
        both(&open.shipped.unexplained, &open.rebuilt.unexplained),
    ])
}

fn both(shipped: &u64, rebuilt: &u64) -> String {
    if shipped == rebuilt { shipped.to_string() } else { format!("{shipped} | {rebuilt}") }
}

fn section(file: &Reported, node: &Node, with_source: bool, out: &mut Vec<Block>) {
    out.push(Block::Heading(2, format!("{} {}", node.result.mark(), file.name)));
    let side = |side| {
        let size = node.size.get(side).map_or_else(|| "absent".to_owned(), |s: u64| format!("{s} bytes"));
        node.digest.get(side).map_or_else(|| size.clone(), |d| format!("{size}, sha256:{d}"))
    };
    let mut pairs = vec![
        ("result", words(node.result).to_owned()),
        ("kind", node.kind.word().to_owned()),
        ("shipped", side(Side::Shipped)),
        ("rebuilt", side(Side::Rebuilt)),
    ];
    // Of what could not be examined the sentence is about the format; all others may name an instruction.
    if node.result == ResultMark::NotExamined && !node.why.is_empty() {
        pairs.push(("why", node.why.clone()));
    }
    let free = |text: &str| if with_source { text.to_owned() } else { without_strings(text) };
    pairs.extend(node.metadata.iter().map(|m| ("metadata", free(m))));
    if node.kind.is_executable() {
        let different = node.functions.iter().filter(|f| !f.result.is_equal()).count();
        let explained = node.functions.len() - different;
        pairs
            .push(("functions", format!("{different} differ, {explained} differ and are explained, {} are the same", node.same_functions)));
    }
    out.push(Block::Pairs(pairs));
    account(&node.account, out);
    causes(node, &free, out);
    unexplained(node, out);
    functions(node, out);
    facts(node, out);
}

/// Every byte of both sides.
fn account(account: &Sides<Account>, out: &mut Vec<Block>) {
    let (a, b) = (&account.shipped, &account.rebuilt);
    if a.total() + b.total() == 0 {
        return;
    }
    let row = |word: &str, a: u64, b: u64| vec![word.to_owned(), a.to_string(), b.to_string()];
    let mut rows = vec![row("identical", a.identical, b.identical)];
    let causes: BTreeSet<Cause> = a.explained.keys().chain(b.explained.keys()).copied().collect();
    for cause in causes {
        let of = |account: &Account| account.explained.get(&cause).copied().unwrap_or(0);
        rows.push(row(&format!("explained: {cause}"), of(a), of(b)));
    }
    rows.push(row("unexplained", a.unexplained, b.unexplained));
    rows.push(row("all", a.total(), b.total()));
    out.push(Block::Table("The account: every byte", vec!["bytes", "shipped", "rebuilt"], rows));
}

fn causes(node: &Node, free: &dyn Fn(&str) -> String, out: &mut Vec<Block>) {
    let mut rows = Vec::new();
    for proof in node.proofs.iter().take(PROOFS) {
        let bytes: u64 = proof.spans.shipped.iter().map(|s| s.end.saturating_sub(s.start)).sum();
        let at = proof.spans.shipped.first().map_or_else(|| "-".to_owned(), |s| format!("{:#x}", s.start));
        let more = proof.spans.shipped.len().saturating_sub(1);
        let at = if more > 0 { format!("{at} and {more} more") } else { at };
        let (a, b) = (proof.values.shipped.shown(), proof.values.rebuilt.shown());
        rows.push(vec![proof.cause.to_string(), free(a.as_str()), free(b.as_str()), bytes.to_string(), at]);
    }
    if !rows.is_empty() {
        let columns = vec!["cause", "value shipped", "value rebuilt", "bytes", "at"];
        out.push(Block::Table("Causes: undone on both sides, these bytes are equal", columns, rows));
    }
    if node.proofs.len() > PROOFS {
        out.push(Block::Sentence(format!("{} more proofs are left out: --format json has them all", node.proofs.len() - PROOFS)));
    }
    let tried: BTreeSet<&str> = node.tried.iter().map(|t| t.cause.word()).collect();
    if !tried.is_empty() {
        out.push(Block::Sentence(format!("causes that were tried and do not hold: {}", tried.into_iter().collect::<Vec<_>>().join(", "))));
    }
}

fn extent(extent: Option<Extent>) -> [String; 2] {
    extent.map_or_else(|| ["-".to_owned(), "-".to_owned()], |e| [format!("{:#x}", e.address), e.size.to_string()])
}

/// What no proof covers.
fn unexplained(node: &Node, out: &mut Vec<Block>) {
    let mut rows = Vec::new();
    for region in node.regions.iter().filter(|r| !r.result.is_equal()) {
        let [a, a_size] = extent(region.extent.shipped);
        let [b, b_size] = extent(region.extent.rebuilt);
        let open = both(&region.account.shipped.unexplained, &region.account.rebuilt.unexplained);
        rows.push(vec![region.name.shown().to_string(), a, a_size, b, b_size, open]);
    }
    if !rows.is_empty() {
        let columns = vec!["section", "shipped at", "size", "rebuilt at", "size", "bytes unexplained"];
        out.push(Block::Table("Unexplained: where", columns, rows));
    }
}

/// What debug information says of a place.
fn place(function: &crate::model::FunctionDiff) -> [String; 2] {
    let Some(source) = &function.source else { return ["-".to_owned(), String::new()] };
    let status = match source.status {
        SourceStatus::MatchedByChecksum => "in the source, by checksum",
        SourceStatus::MatchedByPath => "in the source, by path",
        SourceStatus::ChecksumDiffers => "! the compiler saw another file",
        SourceStatus::NotInSource => "not in the source",
    };
    [format!("{}:{}", source.file.shown(), source.line), status.to_owned()]
}

fn functions(node: &Node, out: &mut Vec<Block>) {
    let mut rows = Vec::new();
    for function in &node.functions {
        let [a, a_size] = extent(function.extent.shipped);
        let [b, b_size] = extent(function.extent.rebuilt);
        let [place, status] = place(function);
        let changed = if function.result.is_equal() { "explained".to_owned() } else { function.changed.to_string() };
        rows.push(vec![
            function.result.mark().to_string(),
            function.name.shown().to_string(),
            a,
            a_size,
            b,
            b_size,
            changed,
            place,
            status,
        ]);
    }
    if !rows.is_empty() {
        let columns = vec!["", "function", "shipped at", "size", "rebuilt at", "size", "rows that differ", "first at", ""];
        out.push(Block::Table("Functions that are not the same", columns, rows));
    }
}

fn facts(node: &Node, out: &mut Vec<Block>) {
    let row = |fact: &Fact| {
        let values = fact.differing();
        let look = match fact {
            f if f.lost => "LOST in what was shipped",
            f if f.points_at_loading() => "look here first",
            f if f.points_at_toolchain() => "look at the toolchain first",
            _ => "",
        };
        vec![fact.name.clone(), values.shipped, values.rebuilt, look.to_owned()]
    };
    let rows: Vec<Vec<String>> = node.facts.iter().filter(|f| !f.agrees()).map(row).collect();
    if !rows.is_empty() {
        out.push(Block::Table("Facts that differ", vec!["fact", "shipped", "rebuilt", ""], rows));
    }
}

/// What only a report with source has: the sentence, the lines that the code came from, and the rows.
fn source(node: &Node, line: &LineOf<'_>, out: &mut Vec<Block>) {
    if !node.why.is_empty() {
        out.push(Block::Sentence(node.why.clone()));
    }
    let mut lines = Vec::new();
    for function in node.functions.iter().filter(|f| !f.result.is_equal()) {
        let text = function.source.as_ref().and_then(|s| line(&s.file, s.line)).map(|t| t.to_string()).unwrap_or_default();
        lines.push(vec![function.name.shown().to_string(), function.what.clone(), place(function)[0].clone(), text]);
    }
    if !lines.is_empty() {
        out.push(Block::Table("Source text: the first differing line of each function", vec!["function", "what", "at", "line"], lines));
    }
    let mut text = String::new();
    rows::print(node, &mut text);
    out.push(Block::Rows(text));
}
