//! The rows of the part in front, and which of them were in sight.

use ratatui::layout::Rect;

use super::form::Form;
use super::stops::{first_stop, stops};
use crate::model::{SideCell, View};
use crate::text::{Role, Row, Shown};
use crate::tui::app::{App, Cursor, Front, Pane, Part};
use crate::tui::screens::overview::indent;
use crate::tui::widgets::{Canvas, wrap};

fn view_word(view: View) -> &'static str {
    match view {
        View::Asm => "asm",
        View::Bytes => "bytes",
        View::Strings => "strings",
        View::Sections => "sections",
        View::Lines => "lines",
    }
}

fn title(app: &App, width: usize) -> Row {
    let mut row = Row::new();
    let (way, sides) = match &app.compare.front {
        Front::Node(artifact, path) => (app.way(*artifact, path), "SHIPPED | REBUILT"),
        Front::Sources(entry) => (app.facts.source_path(*entry).unwrap_or_default().shown(), "ARCHIVE | TREE"),
        _ => return row.with(Role::Text, "Compare"),
    };
    let part = match (app.part(), app.node()) {
        (Some(Part::Function(i)), Some(node)) => node.functions.get(i).map(|f| f.name.shown()),
        (Some(Part::Region(i)), Some(node)) => node.regions.get(i).map(|r| r.name.shown()),
        (Some(Part::Member(i)), Some(node)) => node.children.get(i).map(|c| c.name.shown()),
        _ => None,
    };
    let part = part.map(|p| format!("  {}", p.cut(width / 3))).unwrap_or_default();
    let view = if app.compare.explain { "everything known" } else { app.view().map(view_word).unwrap_or_default() };
    let others: Vec<&str> = app.views().into_iter().map(view_word).filter(|w| *w != view).collect();
    let tail = match (width >= 90, others.is_empty()) {
        (true, false) => format!("   {sides}   view: {view} (v: {})", others.join(", ")),
        _ => format!("  {sides}  {view}"),
    };
    let room = width.saturating_sub(part.chars().count() + tail.len() + 4);
    row.push(Role::Text, way.cut_start(room.max(8)));
    row.push(Role::Text, Shown::new(&part));
    row.push(Role::Text, Shown::new(&tail));
    row
}

pub(super) fn listing(canvas: &mut Canvas<'_, '_>, area: Rect, first: bool) {
    let app = canvas.app;
    let title = title(app, usize::from(area.width));
    let inside = canvas.pane(area, title, first, app.pane() == Pane::Listing);
    let Some(loaded) = app.loaded() else {
        let rows = wrap(&app.sentences(), usize::from(inside.width).saturating_sub(2));
        let fits = rows.len() <= usize::from(inside.height);
        let rows: Vec<Row> = rows.into_iter().map(indent).collect();
        let waiting = app.listing_key().is_some() && app.node().is_some_and(|n| n.evidence.is_some());
        let focused = app.pane() == Pane::Listing;
        canvas.list(inside, Pane::Listing, rows.len(), |i| rows.get(i).cloned().unwrap_or_default());
        let _ = focused;
        canvas.drawn.sentences = fits && !waiting && app.node().is_some();
        return;
    };
    let rows = &loaded.listing.rows;
    if rows.is_empty() {
        canvas.row(inside, 0, &Row::new().with(Role::Dim, " this view has no rows for this part: v is the next view"), false);
        canvas.cursor(inside, 0, 0);
    }
    let cut = loaded.listing.cut.as_ref();
    let list = Rect { height: inside.height.saturating_sub(u16::from(cut.is_some())), ..inside };
    let height = usize::from(list.height);
    let cursor = app.cursor(Pane::Listing);
    let stops = stops(loaded, cursor.at, app.compare.fold);
    let sample = Cursor { at: stops.nth_of(cursor.at), top: stops.nth_of(cursor.top), ..cursor }.first(height, stops.len());
    let shown: Vec<_> = (sample..stops.len().min(sample + height)).filter_map(|n| rows.get(stops.at(n))).collect();
    let form = Form::of(&shown, loaded.key.view, usize::from(inside.width));
    let wraps = app.wrap_rows && app.sideways == 0;
    let chosen = app.selected(Pane::Listing);
    // The rows of a stop on the screen: how many are hidden before it, then the row itself.
    let drawn_of = |n: usize| {
        let i = stops.at(n);
        let mut out: Vec<(bool, Row)> = stops.hidden_before(n).map(|text| (false, text)).into_iter().collect();
        let own = match rows.get(i) {
            Some(row) if wraps => form.wrapped(row),
            Some(row) => vec![form.row(row, app.sideways)],
            None => Vec::new(),
        };
        out.extend(own.into_iter().map(|row| (true, row)));
        out
    };
    let top = if stops.is_all() && !wraps {
        sample
    } else {
        first_stop(stops.nth_of(cursor.top), stops.nth_of(cursor.at), height, |n| drawn_of(n).len())
    };
    let focused = app.pane() == Pane::Listing;
    let (mut y, mut whole) = (0, Vec::new());
    for n in top..stops.len() {
        if y >= height {
            break;
        }
        let i = stops.at(n);
        let lines = drawn_of(n);
        if lines.len() <= height - y {
            whole.push(i);
        }
        let selected = focused && i == cursor.at;
        let count = lines.len();
        for (at, (own, mut row)) in lines.into_iter().take(height - y).enumerate() {
            if own && chosen.as_ref().is_some_and(|c| c.contains(&i)) {
                // The numbers carry the mark: no cell of the evidence is covered.
                if let Some(first) = row.0.first_mut() {
                    first.role = Role::Title;
                }
            }
            canvas.row(list, y + at, &row, selected && own);
            canvas.target(list, y + at, Pane::Listing, i);
            if selected {
                canvas.cursor(list, 0, y + at);
            }
        }
        y += count;
    }
    if let Some(more) = stops.hidden_at_end().filter(|_| y < height && whole.last().is_none_or(|l| Some(*l) == stops.last())) {
        canvas.row(list, y, &more, false);
    }
    if let Some(cut) = cut {
        canvas.row(inside, height, &Row::new().with(Role::Unknown, &format!(" ? {cut}")), false);
    }
    let seen = if stops.is_all() && !wraps { height } else { whole.len().max(1) };
    canvas.drawn.panes.push((Pane::Listing, stops.at(top), seen));
    canvas.drawn.targets.panes.push((Pane::Listing, inside));
    let differing = whole.iter().filter_map(|i| {
        let row = rows.get(*i).filter(|r| r.mark.is_difference())?;
        Some(if wraps { form.whole_sight(*i, row) } else { form.sight(*i, row, app.sideways) })
    });
    canvas.drawn.listing = Some((loaded.key.clone(), differing.collect()));
    canvas.drawn.listing_rows = whole;
    canvas.drawn.listing_text = form.text();
}

/// The text of a listing's row, both sides.
pub(in crate::tui::screens) fn listing_text(app: &App, at: usize) -> String {
    match app.loaded() {
        Some(loaded) => loaded.listing.rows.get(at).map_or_else(String::new, |row| {
            let side = |c: &Option<SideCell>| c.as_ref().map(|c| format!("{:x} {}", c.number, c.text.plain())).unwrap_or_default();
            format!("{} {}", side(&row.cells.shipped), side(&row.cells.rebuilt))
        }),
        None => app.sentences().get(at).map(Row::plain).unwrap_or_default(),
    }
}
