//! 5 Compare: shipped against rebuilt, with the source line, what the difference is, and why no cause explains it.

use ratatui::layout::Rect;

use super::overview::indent;
use crate::model::{Side, SideCell, SourceStatus, View};
use crate::text::{Role, Row, Shown};
use crate::tui::app::{
    App, Cursor, Front, Group, MEDIUM, Pane, Part, Sight, WIDE, account_row, change_points, function_row, lists_role as role_of,
};
use crate::tui::widgets::{Canvas, column, fit, grouped, skip, wrap};

mod stops;

use stops::{first_stop, stops};

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

fn listing(canvas: &mut Canvas<'_, '_>, area: Rect, first: bool) {
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

fn mark_role(mark: char) -> Role {
    match mark {
        '=' | ' ' => Role::Dim,
        '~' => Role::Explained,
        _ => Role::Bad,
    }
}

/// How wide the columns of a listing are.
struct Form {
    view: View,
    number: usize,
    bytes: usize,
    side: usize,
}

impl Form {
    fn of(rows: &[&crate::model::ListingRow], view: View, width: usize) -> Self {
        let cells = || rows.iter().flat_map(|r| [&r.cells.shipped, &r.cells.rebuilt]).flatten();
        let largest = cells().map(|c| c.number).max().unwrap_or(0);
        let number = match view {
            View::Lines => largest.to_string().len().max(4),
            View::Strings => 0,
            _ => format!("{largest:x}").len().max(4),
        };
        let side = width.saturating_sub(3) / 2;
        let longest = cells().map(|c| c.bytes.len()).max().unwrap_or(0);
        let hex_is_text = view == View::Bytes
            && cells().all(|c| c.bytes.first().is_none_or(|b| c.text.plain().trim_start().starts_with(&format!("{b:02x}"))));
        let most = match view {
            View::Asm => (side.saturating_sub(number + 20) / 2).clamp(2, 8),
            _ => side.saturating_sub(number + 2) / 2,
        };
        let bytes = if hex_is_text || matches!(view, View::Lines | View::Strings | View::Sections) { 0 } else { longest.min(most) };
        Self { view, number, bytes, side }
    }

    fn row(&self, row: &crate::model::ListingRow, sideways: usize) -> Row {
        let mark = row.mark.mark();
        let note = row.note.as_deref().unwrap_or_default();
        if row.cells.shipped.is_none() && row.cells.rebuilt.is_none() {
            return Row::new().with(Role::Dim, &format!(" -- {note} --"));
        }
        let mut out = fit(&self.cell(row, Side::Shipped, sideways), self.side);
        out.push(mark_role(mark), Shown::new(&format!(" {mark} ")));
        out.0.extend(fit(&self.cell(row, Side::Rebuilt, sideways), self.side).0);
        out
    }

    /// The row with the text of each side wrapped: nothing of it is cut.
    fn wrapped(&self, row: &crate::model::ListingRow) -> Vec<Row> {
        if row.cells.shipped.is_none() && row.cells.rebuilt.is_none() {
            return vec![self.row(row, 0)];
        }
        let width = self.text().max(8);
        let head = self.side.saturating_sub(self.text());
        let side = |side: Side| -> Vec<Row> {
            let Some(cell) = row.cells.get(side) else { return Vec::new() };
            let mut texts = wrap(std::slice::from_ref(&cell.text), width).into_iter();
            let mut first = fit(&self.cell(row, side, usize::MAX), head);
            first.0.extend(texts.next().unwrap_or_default().0);
            let rest = texts.map(|text| {
                let mut more = Row::new().with(Role::Text, &" ".repeat(head));
                more.0.extend(text.0);
                more
            });
            std::iter::once(first).chain(rest).collect()
        };
        let (ours, theirs) = (side(Side::Shipped), side(Side::Rebuilt));
        let joined = |n: usize| {
            let mut out = fit(ours.get(n).unwrap_or(&Row::new()), self.side);
            match n {
                0 => out.push(mark_role(row.mark.mark()), Shown::new(&format!(" {} ", row.mark.mark()))),
                _ => out.push(Role::Text, Shown::new("   ")),
            }
            out.0.extend(fit(theirs.get(n).unwrap_or(&Row::new()), self.side).0);
            out
        };
        (0..ours.len().max(theirs.len()).max(1)).map(joined).collect()
    }

    /// A row that was wrapped is in sight with all of its change.
    fn whole_sight(&self, at: usize, row: &crate::model::ListingRow) -> Sight {
        let points = change_points(row);
        Sight { row: at, of: points.len(), points }
    }

    /// Cells that are left for the text of a side.
    fn text(&self) -> usize {
        let number = if self.view == View::Strings { 0 } else { self.number + 1 };
        let bytes = if self.bytes > 0 { 2 * self.bytes + 2 } else { 0 };
        self.side.saturating_sub(number + bytes)
    }

    /// What of the row's change is inside.
    fn sight(&self, at: usize, row: &crate::model::ListingRow, sideways: usize) -> Sight {
        let points = change_points(row);
        let of = points.len();
        let inside = sideways..sideways + self.text();
        Sight { row: at, of, points: points.into_iter().filter(|p| inside.contains(&p.1)).collect() }
    }

    fn cell(&self, row: &crate::model::ListingRow, side: Side, sideways: usize) -> Row {
        let Some(cell) = row.cells.get(side) else { return Row::new() };
        let other = match side {
            Side::Shipped => row.cells.rebuilt.as_ref(),
            Side::Rebuilt => row.cells.shipped.as_ref(),
        };
        let changed = match side {
            Side::Shipped => Role::Shipped,
            Side::Rebuilt => Role::Rebuilt,
        };
        let mut out = Row::new();
        match self.view {
            View::Strings => {}
            View::Lines => out.push(Role::Dim, Shown::new(&format!("{:>width$} ", cell.number, width = self.number))),
            _ => out.push(Role::Dim, Shown::new(&format!("{:0>width$x} ", cell.number, width = self.number))),
        }
        if self.bytes > 0 {
            hex(cell, other, self.bytes, row.mark.is_difference().then_some(changed), &mut out);
        }
        out.0.extend(skip(&cell.text, sideways).0);
        out
    }
}

/// The bytes of a cell, those that differ from the other side marked.
fn hex(cell: &SideCell, other: Option<&SideCell>, most: usize, changed: Option<Role>, out: &mut Row) {
    let shown = cell.bytes.get(..most.min(cell.bytes.len())).unwrap_or_default();
    for (i, byte) in shown.iter().enumerate() {
        let differs = other.is_none_or(|o| o.bytes.get(i) != Some(byte));
        let role = if differs { changed.unwrap_or(Role::Text) } else { Role::Text };
        match out.0.last_mut() {
            Some(last) if last.role == role && i > 0 => last.text = Shown::new(&format!("{}{byte:02x}", last.text)),
            _ => out.push(role, Shown::new(&format!("{byte:02x}"))),
        }
    }
    let more = cell.bytes.len() > most;
    let blanks = 2 * (most - shown.len()) + 2;
    out.push(Role::Dim, Shown::new(&format!("{:<blanks$}", if more { "…" } else { "" })));
}

/// The text of a listing's row, both sides.
pub(super) fn listing_text(app: &App, at: usize) -> String {
    match app.loaded() {
        Some(loaded) => loaded.listing.rows.get(at).map_or_else(String::new, |row| {
            let side = |c: &Option<SideCell>| c.as_ref().map(|c| format!("{:x} {}", c.number, c.text.plain())).unwrap_or_default();
            format!("{} {}", side(&row.cells.shipped), side(&row.cells.rebuilt))
        }),
        None => app.sentences().get(at).map(Row::plain).unwrap_or_default(),
    }
}

fn source(canvas: &mut Canvas<'_, '_>, area: Rect, first: bool) {
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
fn what(app: &App, width: usize) -> Vec<Row> {
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
    rows.extend(crate::tui::app::first_rows(node));
    rows.extend(crate::tui::app::share_rows(node));
    rows.extend(node.metadata.iter().map(|m| Row::new().with(Role::Bad, "! ").with(Role::Text, m)));
    if !node.result.is_equal() {
        if node.tried.is_empty() && node.proofs.is_empty() {
            rows.push(Row::new().with(Role::Text, "no known cause explains it"));
        }
        for tried in &node.tried {
            rows.push(Row::new().with(Role::Unknown, &format!("not {}: ", tried.cause)).with(Role::Text, &tried.why));
        }
    }
    rows.extend(crate::tui::app::proof_rows(node));
    wrap(&rows, width.saturating_sub(2)).into_iter().map(indent).collect()
}

/// A row of what a rule or the batch covers: the file, and old and new value.
pub(super) fn covered_row(app: &App, at: usize, width: usize) -> Row {
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

fn covered(canvas: &mut Canvas<'_, '_>, area: Rect, group: Group) {
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
