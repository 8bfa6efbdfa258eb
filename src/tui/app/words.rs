//! What is known of a node, in words.

use crate::model::Node;
use crate::text::{Role, Row, Shown};

/// What is known of a node, in words: result, digests, why, metadata, proofs and what was tried.
pub(crate) fn node_rows(node: &Node) -> Vec<Row> {
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
    rows.extend(node.metadata.iter().map(|m| Row::new().with(Role::Bad, "! ").with(Role::Text, m)));
    rows.extend(toolchain_rows(node));
    rows.extend(proof_rows(node));
    rows.extend(node.tried.iter().map(|t| Row::new().with(Role::Unknown, &format!("tried {}: ", t.cause)).with(Role::Text, &t.why)));
    rows
}

/// Facts that point at the toolchain: the reason to look at first when much differs.
pub(crate) fn toolchain_rows(node: &Node) -> Vec<Row> {
    let value = |v: &Option<crate::text::Untrusted>| v.as_ref().map_or(Shown::new("(none)"), crate::text::Untrusted::shown);
    let row = |fact: &crate::model::Fact| {
        let mut row =
            Row::new().with(Role::Unknown, "look at the toolchain first: ").with(Role::Text, &format!("{} ", Shown::new(&fact.name)));
        row.push(Role::Text, value(&fact.value.shipped));
        row.push(Role::Dim, Shown::new(" → "));
        row.push(Role::Text, value(&fact.value.rebuilt));
        row
    };
    node.facts.iter().filter(|f| f.points_at_toolchain()).map(row).collect()
}

/// The proofs with old and new value; after a few places of one cause, their number.
pub(crate) fn proof_rows(node: &Node) -> Vec<Row> {
    const TOLD: usize = 3;
    let mut told: std::collections::BTreeMap<crate::model::Cause, usize> = std::collections::BTreeMap::new();
    let mut rows = Vec::new();
    for proof in &node.proofs {
        let count = told.entry(proof.cause).or_default();
        *count += 1;
        if *count > TOLD {
            continue;
        }
        let mut row = Row::new().with(Role::Explained, &format!("~ {}", proof.cause));
        if !(proof.values.shipped.is_empty() && proof.values.rebuilt.is_empty()) {
            row.push(Role::Text, Shown::new(": "));
            row.push(Role::Text, proof.values.shipped.shown());
            row.push(Role::Dim, Shown::new(" → "));
            row.push(Role::Text, proof.values.rebuilt.shown());
        }
        rows.push(row);
    }
    for (cause, count) in told.into_iter().filter(|(_, count)| *count > TOLD) {
        rows.push(Row::new().with(Role::Explained, &format!("~ {cause}")).with(Role::Text, &format!(": {} more places", count - TOLD)));
    }
    rows
}
