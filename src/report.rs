//! Nodes as JSON and as text: what `compare`, `check` and `show` print.

mod json;
pub mod paper;
pub(crate) mod rows;
mod share;
mod text;

pub(crate) use json::{Document, accounts, artifact, cluster, functions, node_list};
pub(crate) use text::{Detail, all, details, head, one, summary};

use std::fmt::Write as _;

use crate::model::{Listing, Node, Place, Side, SideCell, View};
use crate::text::Untrusted;

/// Names as JSON strings: invalid UTF-8 becomes `\xFF`, so that two names are never written alike by being replaced.
pub(crate) fn name(text: &Untrusted) -> String {
    text.as_str().map_or_else(|| text.shown().to_string(), str::to_owned)
}

/// Cells of one side in a listing as text, at most.
const SIDE: usize = 78;

/// A listing as text, without the rows that are far from a difference.
pub(crate) fn listing(listing: &Listing, out: &mut String) {
    let cells = || listing.rows.iter().flat_map(|r| [&r.cells.shipped, &r.cells.rebuilt]).flatten();
    // The bytes view has them in its text.
    let is_dump = cells().all(|c| c.bytes.first().is_none_or(|b| c.text.plain().starts_with(&format!("{b:02x} "))));
    let hex = if is_dump { 0 } else { cells().map(|c| c.bytes.len() * 2).max().unwrap_or(0).min(22) };
    let text = |cell: &SideCell| {
        let bytes = if hex > 0 { format!("{:<hex$}  ", crate::digest::hex(&cell.bytes)) } else { String::new() };
        let number =
            if hex > 0 || is_dump && !cell.bytes.is_empty() { format!("{:>6x}", cell.number) } else { format!("{:>6}", cell.number) };
        format!("{number} {bytes}{}", cell.text.plain())
    };
    let width = cells().map(|c| text(c).chars().count()).max().unwrap_or(0).clamp(24, SIDE);
    for row in &listing.rows {
        let side = |side: Side| row.cells.get(side).as_ref().map(text).unwrap_or_default();
        if row.cells.shipped.is_none() && row.cells.rebuilt.is_none() {
            let _ = writeln!(out, "       -- {} --", row.note.as_deref().unwrap_or_default());
            continue;
        }
        let note = row.note.as_deref().map_or_else(String::new, |n| format!("  ; {n}"));
        let place = row.source.as_ref().filter(|_| row.mark.is_difference());
        let place = place.map_or_else(String::new, |s| format!("  {}:{}", s.file.shown(), s.line));
        let _ = writeln!(out, "{:<width$} {} {}{place}{note}", side(Side::Shipped), row.mark.mark(), side(Side::Rebuilt));
    }
    if let Some(cut) = &listing.cut {
        let _ = writeln!(out, "{cut}");
    }
}

/// The best listing of a node: of its first differing function, else of the whole.
pub(crate) fn best_listing(node: &Node) -> Option<Listing> {
    let evidence = node.evidence.as_ref()?;
    let code = node.functions.iter().any(|f| !f.result.is_equal());
    let view = *evidence.views().iter().find(|v| code || **v != View::Asm)?;
    let place = if view == View::Asm { Place::Function(0) } else { Place::Whole };
    Some(evidence.listing(place, view))
}
