//! What a rule, a cluster or the batch covers.

use ratatui::layout::Rect;

use crate::text::{Role, Row, Shown};
use crate::tui::app::{App, Front, Group, Pane};
use crate::tui::widgets::{Canvas, column, grouped};

/// A row of what a rule or the batch covers: the file, and old and new value.
pub(in crate::tui::screens) fn covered_row(app: &App, at: usize, width: usize) -> Row {
    let Some(entry) = app.compare.covered.get(at) else { return Row::new() };
    let name = width.saturating_sub(6) / 2;
    let mut row = Row::new().with(Role::Text, if app.compare.front == Front::Group(Group::Batch) { " = " } else { " ~ " });
    row.push(Role::Text, column(&entry.name.cut_start(name), name));
    row.push(Role::Text, Shown::new("  "));
    row.push(Role::Text, entry.values.0.clone());
    row.push(Role::Dim, Shown::new(if app.compare.front == Front::Group(Group::Batch) { " bytes  " } else { " → " }));
    row.push(Role::Text, entry.values.1.clone());
    row
}

pub(super) fn covered(canvas: &mut Canvas<'_, '_>, area: Rect, group: Group) {
    let app = canvas.app;
    let item = app.front().and_then(|i| app.items.get(i));
    let covers = item.map_or(0, |i| i.covers);
    let (title, sentence) = match group {
        Group::Rule(cause) => (
            format!("rule {cause}  {} places in {} files", grouped(app.compare.covered.len() as u64), grouped(covers)),
            "Undone on both sides, byte for byte. Shipped → rebuilt:",
        ),
        Group::Cluster(_) => {
            let what = item.map(|i| Shown::new(&i.why)).unwrap_or_default();
            let toolchain = item.is_some_and(|i| i.class == crate::review::Class::Toolchain);
            let sentence = if toolchain {
                "Look at the toolchain first: the same in each of these files."
            } else {
                "All that differs in each of these files is the same. Digests of shipped \u{2192} rebuilt:"
            };
            (format!("{} files  {what}", grouped(covers)), sentence)
        }
        Group::Batch => (
            format!("{} identical {}", grouped(covers), if covers == 1 { "file" } else { "files" }),
            "Equal SHA-256 on both sides, computed here. Their contents were not read by anybody.",
        ),
    };
    let inside = canvas.pane(area, Row::new().with(Role::Text, &title), true, true);
    canvas.row(inside, 0, &Row::new().with(Role::Dim, &format!(" {sentence}")), false);
    let ruled = item.and_then(|i| app.state.ruling(i)).map(|r| r.ruling);
    let state = match ruled {
        Some(crate::review::Ruling::Accepted) => "accepted: u takes it back".to_owned(),
        Some(crate::review::Ruling::Rejected) => "rejected".to_owned(),
        None if item.is_none() => "the policy accepts this cause: no ruling is asked for".to_owned(),
        None => format!("A accepts all {}, x rejects, Enter looks at one", grouped(covers)),
    };
    canvas.row(inside, 1, &Row::new().with(Role::Text, &format!(" {state}")), false);
    let list = Rect { y: inside.y + 2.min(inside.height), height: inside.height.saturating_sub(2), ..inside };
    let width = usize::from(list.width);
    canvas.list(list, Pane::Covered, app.compare.covered.len(), |i| covered_row(app, i, width));
    let rows = canvas.visible(Pane::Covered, app.compare.covered.len());
    canvas.drawn.covered = Some(rows);
}
