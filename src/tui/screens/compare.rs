//! 5 Compare: shipped against rebuilt, with the source line, what the difference is, and why no cause explains it.

use ratatui::layout::Rect;

use super::overview::indent;
use crate::text::{Role, Row, Shown};
use crate::tui::app::{App, Front, MEDIUM, Pane, Part, WIDE, account_row, lists_role as role_of};
use crate::tui::widgets::{Canvas, column, grouped};

mod aside;
mod covered;
mod form;
mod listing;
mod stops;

use aside::{source, what};
use covered::covered;
pub(super) use covered::covered_row;
use listing::listing;
pub(super) use listing::listing_text;

const TOLD: &str = "What the difference is";

pub(super) fn draw(canvas: &mut Canvas<'_, '_>, area: Rect) {
    let app = canvas.app;
    if let Front::Group(group) = app.compare.front {
        covered(canvas, area, group);
        return;
    }
    if app.zoom {
        return match app.pane() {
            Pane::Parts => parts(canvas, area),
            _ => listing(canvas, area, true),
        };
    }
    let area = account(canvas, area);
    if area.width < MEDIUM {
        if app.pane() == Pane::Parts {
            parts(canvas, area);
            return;
        }
        let strip = match (app.row_source().is_some(), area.height >= 16) {
            (true, true) => 6,
            (true, false) => 4,
            (false, _) => 3,
        };
        let top = Rect { height: area.height.saturating_sub(strip), ..area };
        let bottom = Rect { y: area.y + top.height, height: area.height - top.height, ..area };
        listing(canvas, top, true);
        if app.row_source().is_none() {
            let inside = canvas.pane(bottom, Row::new().with(Role::Text, TOLD), true, false);
            canvas.rows(inside, &what(app, usize::from(area.width)));
            return;
        }
        source(canvas, Rect { height: bottom.height.min(4), ..bottom }, true);
        let told = Rect { y: bottom.y + 4.min(bottom.height), height: bottom.height.saturating_sub(4), ..bottom };
        let rows = what(app, usize::from(area.width));
        canvas.rows(told, &rows);
        return;
    }
    let wide = area.width >= WIDE;
    let list = if wide { 28 } else { 24 };
    // Of two source files both are there already.
    let is_source = matches!(app.compare.front, Front::Sources(_));
    let side = if wide && !is_source { 60.min(area.width / 3) } else { 0 };
    let strip = if wide { 8 } else { 11 }.min(area.height / 2);
    let above = Rect { height: area.height - strip, ..area };
    let below = Rect { y: area.y + above.height, height: strip, ..area };
    parts(canvas, Rect { width: list, ..above });
    listing(canvas, Rect { x: area.x + list, width: area.width - list - side, ..above }, false);
    if wide {
        if side > 0 {
            source(canvas, Rect { x: area.x + area.width - side, width: side, ..above }, false);
        }
        let inside = canvas.pane(below, Row::new().with(Role::Text, TOLD), true, false);
        canvas.rows(inside, &what(app, usize::from(area.width)));
    } else {
        // Without a source line the strip is all about the difference.
        let height = if app.row_source().is_some() { 5.min(below.height) } else { 0 };
        if height > 0 {
            source(canvas, Rect { height, ..below }, true);
        }
        let told = Rect { y: below.y + height, height: below.height - height, ..below };
        let told = if height == 0 { canvas.pane(told, Row::new().with(Role::Text, TOLD), true, false) } else { told };
        canvas.rows(told, &what(app, usize::from(area.width)));
    }
}

/// The account of both sides in the last rows, whatever is in front; gives the area above.
fn account(canvas: &mut Canvas<'_, '_>, area: Rect) -> Rect {
    let Some(node) = canvas.app.node() else { return area };
    let long = area.width >= MEDIUM;
    let (ours, theirs) = match canvas.app.compare.front {
        Front::Sources(_) => ("archive", "tree"),
        _ => ("shipped", "rebuilt"),
    };
    let rows = [account_row(ours, &node.account.shipped, long), account_row(theirs, &node.account.rebuilt, long)];
    let height = 2.min(area.height.saturating_sub(6));
    let above = Rect { height: area.height - height, ..area };
    let below = Rect { y: area.y + above.height, height, ..area };
    let rows: Vec<Row> = rows.into_iter().map(indent).collect();
    canvas.rows(below, &rows);
    above
}

/// A row of the parts: functions, regions, members.
pub(super) fn part_row(app: &App, at: usize, width: usize) -> Row {
    let (Some(part), Some(node)) = (app.compare.parts.get(at), app.node()) else { return Row::new() };
    let (mark, name, count) = match part {
        Part::Whole => {
            (node.result.mark(), Shown::new("own bytes"), node.account.shipped.unexplained.max(node.account.rebuilt.unexplained))
        }
        Part::Function(i) => match node.functions.get(*i) {
            Some(f) => (f.result.mark(), f.name.shown(), f.changed as u64),
            None => return Row::new(),
        },
        Part::Region(i) => match node.regions.get(*i) {
            Some(r) => (r.result.mark(), r.name.shown(), r.account.shipped.unexplained.max(r.account.rebuilt.unexplained)),
            None => return Row::new(),
        },
        Part::Member(i) => match node.children.get(*i) {
            Some(c) => {
                let person = member_mark(app, *i);
                (c.result.mark(), Shown::new(&format!("{person}{}", c.name.shown())), 0)
            }
            None => return Row::new(),
        },
        Part::Same => ('&', Shown::new("the same in"), app.places().len() as u64),
    };
    let count = if count == 0 { String::new() } else { grouped(count) };
    let room = width.saturating_sub(5 + count.len());
    let mut row = Row::new().with(role_of(mark), &format!(" {mark} "));
    row.push(Role::Text, column(&if matches!(part, Part::Member(_)) { name.cut_start(room) } else { name.cut(room) }, room));
    row.with(Role::Dim, &format!(" {count} "))
}

fn member_mark(app: &App, member: usize) -> String {
    let Front::Node(artifact, path) = &app.compare.front else { return String::new() };
    let mut wanted = path.clone();
    wanted.push(member);
    let item = app.node_items.get(&(*artifact, wanted)).and_then(|i| app.items.get(*i));
    item.map(|i| format!("{} ", app.person_mark(i))).unwrap_or_default()
}

fn parts(canvas: &mut Canvas<'_, '_>, area: Rect) {
    let app = canvas.app;
    let title = app.node().map_or_else(String::new, |node| {
        let different = node.functions.iter().filter(|f| !f.result.is_equal()).count();
        if node.functions.is_empty() {
            format!("{} members", grouped(node.children.len() as u64))
        } else {
            format!("differs {different}/{}", grouped((node.same_functions + node.functions.len()) as u64))
        }
    });
    let inside = canvas.pane(area, Row::new().with(Role::Text, &title), true, app.pane() == Pane::Parts);
    let width = usize::from(inside.width);
    canvas.list(inside, Pane::Parts, app.compare.parts.len(), |i| part_row(app, i, width));
    if let Some(node) = app.node().filter(|n| n.same_functions > 0) {
        let row = Row::new().with(Role::Good, " = ").with(Role::Dim, &format!("{} functions", grouped(node.same_functions as u64)));
        canvas.row(inside, app.compare.parts.len(), &row, false);
    }
}
