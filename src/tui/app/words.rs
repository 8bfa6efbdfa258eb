//! What is known of a node, in words.

use crate::model::{Account, FunctionDiff, Node, SourceStatus};
use crate::text::{Role, Row, Shown};
use crate::tui::widgets::grouped;

/// What is known of a node, in words: result, digests, why, metadata, proofs and what was tried.
pub(crate) fn node_rows(node: &Node) -> Vec<Row> {
    let mut rows = node_head(node);
    rows.extend(proof_rows(node));
    rows.extend(node.tried.iter().map(|t| Row::new().with(Role::Unknown, &format!("tried {}: ", t.cause)).with(Role::Text, &t.why)));
    rows
}

fn node_head(node: &Node) -> Vec<Row> {
    let role = super::lists::role_of(node.result.mark());
    let mut rows = vec![
        Row::new().with(role, &format!("{} {}  ", node.result.mark(), node.result)).with(Role::Text, &node.why),
        Row::new().with(Role::Dim, "kind     ").with(Role::Text, node.kind.word()),
    ];
    for (word, size, digest) in
        [("shipped  ", node.size.shipped, node.digest.shipped), ("rebuilt  ", node.size.rebuilt, node.digest.rebuilt)]
    {
        let text = match (size, digest) {
            (None, None) => "(not there)".to_owned(),
            (size, digest) => format!(
                "{} bytes  {}",
                size.map_or_else(|| "?".to_owned(), crate::tui::widgets::grouped),
                digest.map(|d| d.to_string()).unwrap_or_default()
            ),
        };
        rows.push(Row::new().with(Role::Dim, word).with(Role::Text, &text));
    }
    // What the first row says already is not said again.
    let more = node.metadata.iter().filter(|m| !node.why.contains(m.as_str()));
    rows.extend(more.map(|m| Row::new().with(Role::Bad, "! ").with(Role::Text, m)));
    rows.extend(first_rows(node));
    rows.extend(share_rows(node));
    rows
}

/// Facts to look at first: protections that were lost, what is loaded otherwise, and the toolchain when much differs.
pub(crate) fn first_rows(node: &Node) -> Vec<Row> {
    let row = |fact: &crate::model::Fact| {
        let (role, words) = if fact.lost {
            (Role::Bad, "LOST in what was shipped: ")
        } else if fact.points_at_loading() {
            (Role::Bad, "it is loaded otherwise: ")
        } else if fact.points_at_toolchain() {
            (Role::Unknown, "look at the toolchain first: ")
        } else {
            return None;
        };
        let values = fact.differing();
        let row = Row::new().with(role, words).with(Role::Text, &format!("{} ", Shown::new(&fact.name)));
        Some(row.with(Role::Text, &values.shipped).with(Role::Dim, " → ").with(Role::Text, &values.rebuilt))
    };
    let mut facts: Vec<_> = node.facts.iter().collect();
    facts.sort_by_key(|f| (!f.lost, !f.points_at_loading()));
    facts.into_iter().filter_map(row).collect()
}

/// The account of one side, in as many words as there is room for: identical, explained by cause, unexplained.
pub(crate) fn account_row(word: &str, account: &Account, long: bool) -> Row {
    let mut row = Row::new().with(Role::Dim, word).with(Role::Text, &format!(" {} identical", grouped(account.identical)));
    let explained = account.explained_total();
    if explained > 0 {
        let causes: Vec<String> = account.explained.iter().map(|(c, n)| format!("{c} {}", grouped(*n))).collect();
        let causes = if long { format!(" ({})", causes.join(", ")) } else { String::new() };
        row = row.with(Role::Explained, &format!(" · {} explained{causes}", grouped(explained)));
    }
    let role = if account.unexplained > 0 { Role::Bad } else { Role::Good };
    row.with(role, &format!(" · {} unexplained", grouped(account.unexplained)))
}

/// Everything that is known of a node: what the short forms leave out, too.
pub(crate) fn explain_rows(node: &Node) -> Vec<Row> {
    let mut rows = vec![account_row("shipped", &node.account.shipped, true), account_row("rebuilt", &node.account.rebuilt, true)];
    rows.extend(node_head(node));
    let title = |text: &str, rows: &mut Vec<Row>| rows.extend([Row::new(), Row::new().with(Role::Title, text)]);
    if !node.tried.is_empty() {
        title("Causes that were tried and do not hold", &mut rows);
        rows.extend(node.tried.iter().map(|t| Row::new().with(Role::Unknown, &format!("not {}: ", t.cause)).with(Role::Text, &t.why)));
    }
    if !node.proofs.is_empty() {
        title("Proofs: undone on both sides, byte for byte", &mut rows);
        rows.extend(proofs(node, usize::MAX, true));
    }
    let differing: Vec<&FunctionDiff> = node.functions.iter().collect();
    if !differing.is_empty() {
        title("Functions that are not the same", &mut rows);
        rows.extend(differing.into_iter().map(function_row));
    }
    let facts: Vec<_> = node.facts.iter().filter(|f| !f.agrees()).collect();
    if !facts.is_empty() {
        title("Facts that differ", &mut rows);
        let value = |v: &Option<crate::text::Untrusted>| v.as_ref().map_or(Shown::new("(none)"), crate::text::Untrusted::shown);
        for fact in facts {
            let mut row = Row::new().with(Role::Dim, &format!("{} ", Shown::new(&fact.name)));
            row.push(Role::Text, value(&fact.value.shipped));
            row.push(Role::Dim, Shown::new(" → "));
            row.push(Role::Text, value(&fact.value.rebuilt));
            rows.push(row);
        }
    }
    rows
}

/// A function: result, name, address and size on both sides, source line, what differs.
pub(crate) fn function_row(function: &FunctionDiff) -> Row {
    let mark = function.result.mark();
    let place = |e: Option<crate::model::Extent>| e.map_or_else(|| "-".to_owned(), |e| format!("{:x}+{}", e.address, e.size));
    let mut row = Row::new().with(super::lists::role_of(mark), &format!("{mark} ")).untrusted(Role::Title, &function.name);
    row = row.with(Role::Dim, &format!("  {} | {}", place(function.extent.shipped), place(function.extent.rebuilt)));
    if let Some(source) = &function.source {
        row.push(Role::Dim, Shown::new("  "));
        row.push(Role::Claim, source.file.shown());
        row.push(Role::Claim, Shown::new(&format!(":{}", source.line)));
    }
    row.with(Role::Text, &format!("  {}", function.what))
}

/// The proofs with old and new value; after a few places of one cause, their number.
pub(crate) fn proof_rows(node: &Node) -> Vec<Row> {
    proofs(node, 3, false)
}

fn proofs(node: &Node, most: usize, ranges: bool) -> Vec<Row> {
    const RANGES: usize = 6;
    let mut told: std::collections::BTreeMap<crate::model::Cause, usize> = std::collections::BTreeMap::new();
    let mut rows = Vec::new();
    for proof in &node.proofs {
        let count = told.entry(proof.cause).or_default();
        *count += 1;
        if *count > most {
            continue;
        }
        let mut row = Row::new().with(Role::Explained, &format!("~ {}", proof.cause));
        if !(proof.values.shipped.is_empty() && proof.values.rebuilt.is_empty()) {
            row.push(Role::Text, Shown::new(": "));
            row.push(Role::Text, proof.values.shipped.shown());
            row.push(Role::Dim, Shown::new(" → "));
            row.push(Role::Text, proof.values.rebuilt.shown());
        }
        if let Some(first) = proof.spans.shipped.first().filter(|_| !ranges) {
            let more = proof.spans.shipped.len() - 1;
            let more = if more > 0 { format!(" and {} more", grouped(more as u64)) } else { String::new() };
            row.push(Role::Dim, Shown::new(&format!("  at {:#x}..{:#x}{more}", first.start, first.end)));
        }
        rows.push(row);
        for (word, spans) in [("shipped", &proof.spans.shipped), ("rebuilt", &proof.spans.rebuilt)].into_iter().filter(|_| ranges) {
            let mut texts: Vec<String> = spans.iter().take(RANGES).map(|s| format!("{:#x}..{:#x}", s.start, s.end)).collect();
            if spans.len() > RANGES {
                texts.push(format!("and {} more ranges", grouped((spans.len() - RANGES) as u64)));
            }
            rows.push(Row::new().with(Role::Dim, &format!("    {word} bytes {}", texts.join(", "))));
        }
    }
    for (cause, count) in told.into_iter().filter(|(_, count)| *count > most) {
        rows.push(Row::new().with(Role::Explained, &format!("~ {cause}")).with(Role::Text, &format!(": {} more places (e)", count - most)));
    }
    rows
}

/// How much of the code comes from the source under review, as debug information claims, and what is odd about that.
pub(crate) fn share_rows(node: &Node) -> Vec<Row> {
    let Some(built) = &node.built_from else { return Vec::new() };
    let mut rows: Vec<Row> = built.sentences().iter().map(|s| Row::new().with(Role::Dim, "claimed  ").with(Role::Claim, s)).collect();
    rows.extend(built.odd().iter().map(|o| Row::new().with(Role::Bad, "! ").with(Role::Text, o)));
    rows
}

/// Where the code comes from: the files with the most of it, and the largest pieces that nothing is known of.
pub(crate) fn built_from_rows(node: &Node) -> Vec<Row> {
    const TOLD: usize = 8;
    let Some(built) = &node.built_from else { return Vec::new() };
    let Some(share) = built.share.shipped.as_ref().or(built.share.rebuilt.as_ref()) else { return Vec::new() };
    let mut rows = Vec::new();
    let files = share.files.iter().filter(|f| f.bytes > 0 || f.status == SourceStatus::ChecksumDiffers);
    for file in files.clone().take(TOLD) {
        let (role, word) = match file.status {
            SourceStatus::MatchedByChecksum => (Role::Text, "checksum"),
            SourceStatus::MatchedByPath => (Role::Text, "path"),
            SourceStatus::ChecksumDiffers => (Role::Bad, "another file"),
            SourceStatus::NotInSource => (Role::Dim, "not in source"),
        };
        let bytes = format!("{:>9} bytes  ", grouped(file.bytes));
        let mut row = Row::new().with(Role::Dim, &bytes).with(role, &format!("{word:<13} "));
        row.push(Role::Text, file.path.shown().cut_start(60));
        if let Some(note) = &file.note {
            row = row.with(Role::Unknown, &format!("  {note}"));
        }
        rows.push(row);
    }
    let more = files.count().saturating_sub(TOLD) + share.files_left_out;
    if more > 0 {
        rows.push(Row::new().with(Role::Dim, &format!("{more} more files")));
    }
    for dark in share.dark_code.iter().take(TOLD).filter(|_| share.dark < share.total) {
        let bytes = format!("{:>9} bytes  ", grouped(dark.size));
        let mut row = Row::new().with(Role::Dim, &bytes).with(Role::Unknown, "dark          ");
        row.push(Role::Text, dark.name.shown().cut(60));
        rows.push(row.with(Role::Dim, &format!(" at {:#x}", dark.address)));
    }
    rows
}
