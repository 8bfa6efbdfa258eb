//! 2 Source: the tree, a file with line numbers and marks, and what is known about it.

mod past;

use ratatui::layout::Rect;

pub(super) use past::row as past_row;

use super::overview::indent;
use crate::model::EntryKind;
use crate::review::Class;
use crate::text::{Role, Row, Shown};
use crate::tui::app::{App, MEDIUM, Pane, WIDE, lists_role};
use crate::tui::widgets::{Canvas, column, fit, grouped, skip, wrap};

pub(super) fn draw(canvas: &mut Canvas<'_, '_>, area: Rect) {
    let app = canvas.app;
    if app.zoom {
        return match app.pane() {
            Pane::Tree => tree(canvas, area, true),
            _ => file(canvas, area, true),
        };
    }
    let tree_width = if area.width < MEDIUM {
        24
    } else if area.width < WIDE {
        32
    } else {
        36
    };
    let notes_width = if area.width >= WIDE { 55 } else { 0 };
    let left = Rect { width: tree_width, ..area };
    let middle = Rect { x: area.x + tree_width, width: area.width - tree_width - notes_width, ..area };
    let right = Rect { x: middle.x + middle.width, width: notes_width, ..area };
    tree(canvas, left, app.pane() == Pane::Tree);
    file(canvas, middle, app.pane() == Pane::File);
    if notes_width > 0 {
        notes(canvas, right);
    }
}

fn tree(canvas: &mut Canvas<'_, '_>, area: Rect, focused: bool) {
    let app = canvas.app;
    let title = match &app.facts.source {
        Some(tree) => tree.tag.as_ref().map_or_else(|| Shown::new("tree"), |t| Shown::new(&format!("tree {}", t.shown()))),
        None => Shown::new("tree"),
    };
    let mut row = Row::new();
    row.push(Role::Text, title.cut(usize::from(area.width).saturating_sub(4)));
    let inside = canvas.pane(area, row, true, focused);
    if app.facts.sources().next().is_none() {
        let text = match (app.facts.release.sources.is_empty(), app.facts.is_complete()) {
            (true, _) => " no source",
            (false, false) => " reading …",
            (false, true) => " cannot be read: 1 says why",
        };
        canvas.row(inside, 0, &Row::new().with(Role::Dim, text), false);
        return;
    }
    let width = usize::from(inside.width);
    canvas.list(inside, Pane::Tree, app.source.tree.len(), |i| tree_row(app, i, width));
}

fn tree_row(app: &App, at: usize, width: usize) -> Row {
    let Some(row) = app.source.tree.get(at) else { return Row::new() };
    let inside = row.inside.clone();
    let machine = if app.source.alarms.range(inside.clone()).next().is_some() {
        '!'
    } else if app.source.hidden.range(inside.clone()).next().is_some() {
        '?'
    } else if app.source.differs.range(inside.clone()).next().is_some() {
        '!'
    } else {
        ' '
    };
    let person = match (&row.dir, app.source.item_of.get(&row.entry).and_then(|i| app.items.get(*i))) {
        (Some(_), _) => {
            let open = app.source.item_of.range(inside).filter_map(|(_, i)| app.items.get(*i)).any(|i| app.state.is_open(i));
            if open { '·' } else { ' ' }
        }
        (None, Some(item)) => match app.person_mark(item) {
            ' ' => '·',
            mark => mark,
        },
        (None, None) if app.lines_read(row.entry) > 0 => 'o',
        (None, None) => ' ',
    };
    let sign = match (&row.dir, row.open) {
        (Some(_), true) => "v ",
        (Some(_), false) => "> ",
        (None, _) => "",
    };
    let name = Shown::new(&format!(" {}{sign}{}", "  ".repeat(row.depth.min(20)), row.name.shown()));
    let current = row.dir.is_none() && app.source.entry == Some(row.entry);
    let mut out = Row::new();
    let share = app.share_of(row.inside.clone());
    out.push(if current { Role::Title } else { Role::Text }, column(&name, width.saturating_sub(4 + share.len())));
    out.push(Role::Dim, Shown::new(&share));
    out.push(if machine == '!' { Role::Bad } else { Role::Unknown }, Shown::new(&format!(" {machine}")));
    out.push(if person == 'x' { Role::Bad } else { Role::Text }, Shown::new(&format!(" {person}")));
    out
}

fn file(canvas: &mut Canvas<'_, '_>, area: Rect, focused: bool) {
    let app = canvas.app;
    let entry = app.source.entry.and_then(|e| Some((e, app.facts.source_entry(e)?, app.facts.source_path(e)?)));
    let Some((index, entry, path)) = entry else {
        let inside = canvas.pane(area, Row::new().with(Role::Text, "no file is open"), app.zoom, focused);
        canvas.row(inside, 0, &Row::new().with(Role::Dim, " Enter opens the file under the cursor, n the next to review"), false);
        if focused {
            canvas.cursor(inside, 0, 0);
        }
        return;
    };
    if let Some(layer) = app.past.layer {
        return past::draw(canvas, area, layer, focused);
    }
    let mut title = Row::new();
    let read = app.lines_read(index);
    let words = match app.file(index) {
        Some(Ok(file)) => {
            let percent = if file.len() == 0 { 100 } else { read.min(file.len()) * 100 / file.len() };
            let unit = if file.binary { "rows of bytes" } else { "lines" };
            format!("  {} {unit}  read {percent}%", grouped(file.len() as u64))
        }
        Some(Err(_)) => "  cannot be read".to_owned(),
        None => "  reading …".to_owned(),
    };
    let words = words + &past::words(app);
    let into = built_into(app, usize::from(area.width).saturating_sub(words.len() + 4) / 2);
    let room = usize::from(area.width).saturating_sub(words.len() + into.width() + 4);
    title.push(Role::Text, path.shown().cut_start(room));
    title.push(Role::Text, Shown::new(&words));
    title.push(Role::Claim, into);
    let inside = canvas.pane(area, title, app.zoom, focused);
    let file = match app.file(index) {
        Some(Ok(file)) => file,
        Some(Err(why)) => {
            let note = if entry.kind == EntryKind::Submodule { " a submodule: its commit is not in this repository" } else { "" };
            let rows = [Row::new().with(Role::Bad, &format!(" {}", Shown::new(why))), Row::new().with(Role::Text, note)];
            canvas.rows(inside, &rows);
            return;
        }
        None => return,
    };
    if file.len() == 0 {
        canvas.row(inside, 0, &Row::new().with(Role::Dim, " the file is empty"), false);
        canvas.drawn.file = Some((index, 0..0));
        return;
    }
    let empty = std::collections::BTreeSet::new();
    let differs = app.source.differs.get(&index).unwrap_or(&empty);
    let flagged = app.source.lines.get(&index).unwrap_or(&empty);
    let alarm = app.source.alarms.contains(&index);
    let digits = file.len().to_string().len().max(4);
    let blame_width = past::blame_width(app, usize::from(inside.width));
    let text_width = usize::from(inside.width).saturating_sub(digits + 5 + blame_width);
    let blame_top = std::cell::Cell::new(0);
    let rows_of = |i: usize| {
        let line = i as u64 + 1;
        let hidden = file.hidden.contains(&line);
        let mark = match (hidden, differs.contains(&line), flagged.contains(&line)) {
            (true, ..) => ('?', Role::Hidden),
            (_, true, _) => ('!', Role::Bad),
            (_, _, true) if alarm => ('!', Role::Bad),
            (_, _, true) => ('?', Role::Unknown),
            _ => (' ', Role::Text),
        };
        let mut text = Row::new();
        if hidden {
            tokens(&file.line(i), &mut text);
        } else {
            text = app.source_row(index, file, i);
        }
        // A line that is cut and longer than the window is not whole.
        let texts = match (app.sideways, app.cut_lines) {
            (0, false) => wrap(&[text], text_width),
            (0, true) => vec![text],
            (cells, _) => vec![skip(&text, cells)],
        };
        let gutter = |n: usize| match n {
            0 => {
                let mut row = past::blame_cells(app, i, blame_top.get(), blame_width);
                let since = past::since_mark(app, line);
                row = row.with(Role::Dim, &format!(" {line:>digits$} ")).with(mark.1, &mark.0.to_string());
                row.with(since.0, since.1).with(Role::Text, " ")
            }
            _ => Row::new().with(Role::Text, &" ".repeat(digits + 5 + blame_width)),
        };
        let whole = |(n, text): (usize, Row)| {
            let mut row = gutter(n);
            row.0.extend(fit(&text, text_width).0);
            row
        };
        texts.into_iter().enumerate().map(whole).collect::<Vec<Row>>()
    };
    let height = usize::from(inside.height);
    let cursor = app.cursor(Pane::File);
    let top = first_line(cursor.top, cursor.at.min(file.len() - 1), height, |i| rows_of(i).len());
    blame_top.set(top);
    let (mut y, mut whole, mut cut) = (0, 0, Vec::new());
    for i in top..file.len() {
        if y >= height {
            break;
        }
        let rows = rows_of(i);
        let selected = focused && i == cursor.at;
        let chosen = app.selected(Pane::File).is_some_and(|rows| rows.contains(&i));
        if selected {
            canvas.cursor(inside, 0, y);
        }
        whole += usize::from(rows.len() <= height - y);
        if app.cut_lines && app.source_row(index, file, i).width() > text_width {
            cut.push(i);
        }
        for row in rows.iter().take(height - y) {
            canvas.target(inside, y, Pane::File, i);
            if chosen {
                canvas.row(inside, y, &marked(row), selected)
            } else {
                canvas.row(inside, y, row, selected)
            }
            y += 1;
        }
    }
    canvas.drawn.panes.push((Pane::File, top, whole.max(1)));
    canvas.drawn.targets.panes.push((Pane::File, inside));
    canvas.drawn.cut_lines = cut;
    // Scrolled sideways, the start of no line is there: nothing counts as read.
    canvas.drawn.file = Some((index, if app.sideways > 0 { 0..0 } else { top..top + whole }));
}

/// A row that is selected: its first cell is a mark.
fn marked(row: &Row) -> Row {
    let mut out = Row::new().with(Role::Title, ">");
    out.0.extend(skip(row, 1).0);
    out
}

/// `built into libupdate.so and 2 more`, as debug information claims.
fn built_into(app: &App, width: usize) -> Shown {
    let Some(first) = app.source.built_into.first() else { return Shown::default() };
    let more = match app.source.built_into.len() - 1 {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    let way = app.way(first.artifact, &first.path);
    Shown::new(&format!("  built into {}{more}", way.cut_start(width.saturating_sub(13 + more.len()).max(8))))
}

/// The functions that the file in front became: those of the line under the cursor first.
fn built_rows(app: &App, line: u64) -> Vec<Row> {
    const TOLD: usize = 12;
    let mut rows = Vec::new();
    for built in app.source.built_into.iter().take(TOLD) {
        let differing = built.uses.iter().filter(|u| !u.result.is_equal()).count();
        let words = match differing {
            0 => format!("  {} functions", built.uses.len()),
            n => format!("  {} functions, {n} of them differ", built.uses.len()),
        };
        let mut row = Row::new().with(Role::Dim, "built into ");
        row.push(Role::Claim, app.way(built.artifact, &built.path).cut_start(40));
        rows.push(row.with(Role::Text, &words));
        let here = |u: &&crate::model::SourceUse| (u64::from(u.lines.0)..=u64::from(u.lines.1)).contains(&line);
        let (own, rest): (Vec<_>, Vec<_>) = built.uses.iter().partition(here);
        for (i, each) in own.iter().chain(&rest).take(TOLD).enumerate() {
            let mark = each.result.mark();
            let address = each.address.shipped.or(each.address.rebuilt).unwrap_or(0);
            let mut row = Row::new().with(lists_role(mark), &format!("  {mark} "));
            row.push(if i < own.len() { Role::Title } else { Role::Text }, each.function.shown().cut(40));
            let lines =
                if each.lines.0 == each.lines.1 { format!("{}", each.lines.0) } else { format!("{}-{}", each.lines.0, each.lines.1) };
            rows.push(row.with(Role::Dim, &format!("  {address:x}  lines {lines}")));
        }
        let more = built.uses.len().saturating_sub(TOLD);
        if more > 0 {
            rows.push(Row::new().with(Role::Dim, &format!("  {more} more functions")));
        }
    }
    let more = app.source.built_into.len().saturating_sub(TOLD);
    if more > 0 {
        rows.push(Row::new().with(Role::Dim, &format!("{more} more executables")));
    }
    rows
}

/// The first line to draw so that the one under the cursor is inside, when lines have different heights.
fn first_line(top: usize, at: usize, height: usize, rows_of: impl Fn(usize) -> usize) -> usize {
    if at <= top {
        return at;
    }
    let mut used = 0;
    let fits = (top..=at).all(|i| {
        used += rows_of(i);
        used <= height
    });
    if fits {
        return top;
    }
    let mut first = at;
    let mut used = rows_of(at);
    while first > 0 {
        used += rows_of(first - 1);
        if used > height {
            break;
        }
        first -= 1;
    }
    first
}

/// Marks the tokens that stand for hidden characters.
fn tokens(text: &Shown, row: &mut Row) {
    let mut rest = text.as_str();
    while let Some(at) = rest.find("<U+") {
        let end = rest[at..].find('>').map_or(rest.len(), |n| at + n + 1);
        row.push(Role::Text, Shown::new(&rest[..at]));
        row.push(Role::Hidden, Shown::new(&rest[at..end]));
        rest = &rest[end..];
    }
    row.push(Role::Text, Shown::new(rest));
}

fn notes(canvas: &mut Canvas<'_, '_>, area: Rect) {
    let app = canvas.app;
    let inside = canvas.pane(area, Row::new().with(Role::Text, "Notes and links"), false, false);
    let entry = app.source.entry.and_then(|e| Some((e, app.facts.source_entry(e)?, app.facts.source_path(e)?)));
    let Some((index, entry, path)) = entry else { return };
    let mut rows = vec![
        Row::new().with(Role::Dim, if entry.id.len() == 64 { "sha256      " } else { "git object  " }).with(Role::Text, &entry.id),
        Row::new().with(Role::Dim, "size        ").with(Role::Text, &format!("{} bytes", grouped(entry.size))),
        Row::new(),
    ];
    let line = app.cursor(Pane::File).at as u64 + 1;
    if let Some(Ok(file)) = app.file(index) {
        let hidden: Vec<String> = file.hidden.iter().take(8).map(ToString::to_string).collect();
        if !hidden.is_empty() {
            let text = format!("hidden characters in {} lines, first: {}", file.hidden.len(), hidden.join(", "));
            rows.push(Row::new().with(Role::Unknown, "? ").with(Role::Text, &text));
        }
    }
    if let Some(lines) = app.source.differs.get(&index) {
        let first: Vec<String> = lines.iter().take(8).map(ToString::to_string).collect();
        let text = format!("machine code differs that debug information places at line {}", first.join(", "));
        rows.push(Row::new().with(Role::Bad, "! ").with(Role::Text, &text));
        if lines.contains(&line) {
            rows.push(Row::new().with(Role::Key, "g c").with(Role::Text, " goes to the code of this line"));
        }
    }
    rows.extend(built_rows(app, line));
    for (n, item) in app.items.iter().enumerate().filter(|(_, i)| matches!(i.class, Class::Read | Class::Flagged | Class::Archive)) {
        let here = match item.target {
            crate::review::Target::Source { entry, .. } => entry == index,
            _ => app.flag_of(n).is_some_and(|f| f.places.iter().any(|p| p.entry == index)),
        };
        if here {
            rows.push(Row::new().with(Role::Unknown, &format!("{}{} ", item.mark, app.person_mark(item))).with(Role::Text, &item.why));
        }
    }
    rows.push(Row::new());
    let path = path.shown();
    let here = |at: &crate::review::Anchor| at.path.as_deref() == Some(path.as_str());
    let lines = |at: &crate::review::Anchor| {
        let to = at.to_line.map_or_else(String::new, |to| format!("-{to}"));
        format!("line {}{to} ", at.line.unwrap_or(0))
    };
    for finding in app.state.findings.iter().filter(|f| here(&f.at)) {
        let role = if finding.closed.is_none() { Role::Bad } else { Role::Dim };
        let head = format!("{} {} ", Shown::new(&finding.id), finding.standing());
        rows.push(Row::new().with(role, &head).with(Role::Dim, &lines(&finding.at)).with(Role::Text, &finding.title));
    }
    for note in app.state.notes.iter().filter(|n| here(&n.at)) {
        rows.push(Row::new().with(Role::Dim, &lines(&note.at)).with(Role::Text, &note.text));
    }
    let rows: Vec<Row> = wrap(&rows, usize::from(inside.width).saturating_sub(2)).into_iter().map(indent).collect();
    canvas.rows(inside, &rows);
}
