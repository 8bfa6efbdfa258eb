//! Nodes as JSON and as text: what `compare`, `check` and `show` print.

mod json;
mod text;

pub(super) use json::{Document, accounts, artifact, cluster, functions, node_list};
pub(super) use text::{Detail, all, details, head, one, summary};

use std::fmt::Write as _;

use crate::model::{Listing, Node, Place, Side, View};
use crate::text::Untrusted;

/// Names as JSON strings: invalid UTF-8 becomes `\xFF`, so that two names are never written alike by being replaced.
pub(super) fn name(text: &Untrusted) -> String {
    text.as_str().map_or_else(|| text.shown().to_string(), str::to_owned)
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
    let code = node.functions.iter().any(|f| !f.result.is_equal());
    let view = *evidence.views().iter().find(|v| code || **v != View::Asm)?;
    let place = if view == View::Asm { Place::Function(0) } else { Place::Whole };
    Some(evidence.listing(place, view))
}
