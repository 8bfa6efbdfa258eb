//! What stands beside a listing: the source line of the row, and what is known of the difference.

use ratatui::layout::Rect;

use crate::model::SourceStatus;
use crate::text::{Role, Row, Shown};
use crate::tui::app::{App, Pane, first_rows, function_row, lists_role as role_of, proof_rows, share_rows};
use crate::tui::screens::overview::indent;
use crate::tui::widgets::{Canvas, grouped, wrap};

pub(super) fn source(canvas: &mut Canvas<'_, '_>, area: Rect, first: bool) {
    let app = canvas.app;
    let line = app.row_source();
    let mut title = Row::new();
    let width = usize::from(area.width);
    match line {
        Some(line) => {
            title.push(Role::Text, Shown::new(&format!("{}:{}", line.file.shown(), line.line)).cut_start(width.saturating_sub(30).max(12)));
            let status = match line.status {
                SourceStatus::MatchedByChecksum => "  same checksum",
                SourceStatus::MatchedByPath => "  matched by path",
                SourceStatus::ChecksumDiffers => "  ! the compiler saw another file",
                SourceStatus::NotInSource => "  ? not in the source tree",
            };
            title.push(if line.status == SourceStatus::ChecksumDiffers { Role::Bad } else { Role::Claim }, Shown::new(status));
        }
        None => title.push(Role::Dim, Shown::new("source: nothing says which line this is")),
    }
    let inside = canvas.pane(area, title, first, false);
    let mut height = usize::from(inside.height);
    if let Some((file, at)) = line.and_then(|l| l.inlined_from.as_ref()) {
        let mut row = Row::new().with(Role::Dim, " inlined from ");
        row.push(Role::Claim, file.shown().cut_start(width.saturating_sub(26).max(8)));
        row.push(Role::Claim, Shown::new(&format!(":{at}")));
        height = height.saturating_sub(1);
        canvas.row(inside, height, &row, false);
    }
    let Some((entry, at)) = app.row_entry() else { return };
    let file = match app.file(entry) {
        Some(Ok(file)) => file,
        Some(Err(why)) => {
            canvas.row(inside, 0, &Row::new().with(Role::Bad, &format!(" {}", Shown::new(why))), false);
            return;
        }
        None => {
            canvas.row(inside, 0, &Row::new().with(Role::Dim, " reading …"), false);
            return;
        }
    };
    let at = usize::try_from(at).unwrap_or(usize::MAX);
    let from = at.saturating_sub(1).saturating_sub(height / 2).min(file.len().saturating_sub(height));
    for (y, i) in (from..file.len().min(from + height)).enumerate() {
        let here = i + 1 == at;
        let mut row = Row::new()
            .with(if here { Role::Bad } else { Role::Dim }, if here { ">" } else { " " })
            .with(Role::Dim, &format!("{:>4} ", i + 1));
        if here {
            row.push(Role::Title, file.line(i));
        } else {
            row.0.extend(app.source_row(entry, file, i).0);
        }
        canvas.row(inside, y, &row, false);
    }
}

/// What the difference is, why no cause explains it, and what is proved.
pub(super) fn what(app: &App, width: usize) -> Vec<Row> {
    let Some(node) = app.node() else { return Vec::new() };
    let mut rows = Vec::new();
    match app.function() {
        Some((_, function)) => {
            rows.push(function_row(function));
        }
        None => {
            let mark = node.result.mark();
            let why = if node.why.is_empty() { node.result.word() } else { &node.why };
            rows.push(Row::new().with(role_of(mark), &format!("{mark} ")).with(Role::Text, why));
        }
    }
    let row = app.loaded().and_then(|l| l.listing.rows.get(app.cursor(Pane::Listing).at));
    if let Some(note) = row.and_then(|r| r.note.as_ref()) {
        rows.push(Row::new().with(Role::Dim, "this row: ").with(Role::Text, note));
    }
    let places = app.places();
    if places.len() > 1 {
        let others = grouped(places.len() as u64 - 1);
        rows.push(Row::new().with(Role::Key, "& ").with(Role::Text, &format!("the same difference in {others} more (g f lists them)")));
    } else if !node.result.is_equal() && app.front().is_some() {
        rows.push(Row::new().with(Role::Dim, "no other file has the same difference"));
    }
    rows.extend(first_rows(node));
    rows.extend(share_rows(node));
    rows.extend(node.metadata.iter().map(|m| Row::new().with(Role::Bad, "! ").with(Role::Text, m)));
    if !node.result.is_equal() {
        if node.tried.is_empty() && node.proofs.is_empty() {
            rows.push(Row::new().with(Role::Text, "no known cause explains it"));
        }
        for tried in &node.tried {
            rows.push(Row::new().with(Role::Unknown, &format!("not {}: ", tried.cause)).with(Role::Text, &tried.why));
        }
    }
    rows.extend(proof_rows(node));
    wrap(&rows, width.saturating_sub(2)).into_iter().map(indent).collect()
}
