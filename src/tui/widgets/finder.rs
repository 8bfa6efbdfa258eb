//! The list over the screen in which something is looked for.

use ratatui::layout::Rect;

use super::{Canvas, column, fit, grouped};
use crate::session::MAX_HITS;
use crate::text::{Role, Row, Shown};
use crate::tui::app::{App, Finder, GoalRow, What};

/// Draws it.
pub(super) fn draw(canvas: &mut Canvas<'_, '_>, finder: &Finder) {
    let app = canvas.app;
    let body = super::body(canvas.area());
    canvas.clear(body);
    let area = Rect { x: body.x + 1, width: body.width.saturating_sub(2), ..body };
    let (title, sign) = match finder.what {
        What::Names => ("Find a file, function, item, finding, check or digest", "find "),
        What::Commands => ("What can be done here", ":"),
        What::Text if app.wanted_name().is_some() => ("Uses and definitions", "search "),
        What::Text => ("Search all sources, strings and symbols", "search "),
    };
    let inside = super::over::frame(canvas, area, title, &told(app, finder));
    let input = Shown::new(&finder.text);
    let width = usize::from(inside.width);
    let shown = input.cut_start(width.saturating_sub(sign.len() + 1));
    let mut row = Row::new().with(Role::Key, sign);
    let end = sign.len() + shown.width();
    row.push(Role::Text, shown);
    canvas.row(inside, 0, &row, false);
    canvas.cursor(inside, end, 0);
    let len = app.find_rows(finder);
    let list = Rect { y: inside.y + 1, height: inside.height.saturating_sub(1), ..inside };
    let height = usize::from(list.height);
    let top = (finder.at + 1).saturating_sub(height);
    for (y, at) in (top..len.min(top + height)).enumerate() {
        if let Some(goal) = app.find_goal(finder, at) {
            let row = goal_row(app, &app.goal_row(&goal, finder.text.trim()), finder, width);
            canvas.row(list, y, &row, at == finder.at);
        }
    }
    if len == 0 {
        let text = match finder.what {
            What::Text if finder.text.chars().count() < 2 => {
                "type two characters or more: a regular expression; small letters match capitals too"
            }
            What::Text if !app.texts.found.finished => "searching …",
            What::Commands => "nothing that can be done here is called so",
            _ => "nothing is called so: Backspace widens the search",
        };
        canvas.row(list, 0, &Row::new().with(Role::Dim, text), false);
    }
}

/// How much was found, and where the search is.
fn told(app: &App, finder: &Finder) -> String {
    if finder.what != What::Text {
        return format!("{} of {}", grouped(finder.count as u64), grouped(finder.total() as u64));
    }
    let found = &app.texts.found;
    let (done, total) = found.files;
    let mut out = match found.count {
        n if n > MAX_HITS => format!("{} found, the first {} listed", grouped(n as u64), grouped(MAX_HITS as u64)),
        n => format!("{} found", grouped(n as u64)),
    };
    if total > 0 && !found.finished {
        out.push_str(&format!(" … {} of {} files", grouped(done as u64), grouped(total as u64)));
    } else if total > 0 {
        out.push_str(&format!(" in {} files", grouped(total as u64)));
    }
    if let Some((_, n, of)) = app.wanted_name() {
        out.push_str(&format!("; name {n} of {of}, Tab the next; defines is a guess"));
    }
    if let Some(note) = &found.note {
        out.push_str(&format!("; {}", Shown::new(note)));
    }
    out
}

fn goal_row(app: &App, goal: &GoalRow, finder: &Finder, width: usize) -> Row {
    let mut row = Row::new();
    if !goal.kind.is_empty() {
        row = row.with(Role::Dim, &format!("{:<9} ", goal.kind));
    }
    let left = width.saturating_sub(row.width());
    let note = goal.note.width();
    let name = match finder.what {
        // Names stand below each other, the text beside them.
        What::Text => column(&goal.name.cut_start(left * 2 / 5), (left * 2 / 5).min(48)),
        What::Commands => column(&goal.name.cut(left.saturating_sub(note + 2)), left.saturating_sub(note + 1)),
        What::Names => {
            let room = if note == 0 { left } else { left * 3 / 5 };
            if goal.is_path { goal.name.cut_start(room) } else { goal.name.cut(room) }
        }
    };
    row.push(Role::Text, name);
    row = row.with(Role::Text, if finder.what == What::Names { "  " } else { " " });
    match finder.what {
        What::Text => marked(&goal.note.plain(), app.wanted_name().map_or(&finder.text, |(name, ..)| name), &mut row),
        _ => row.0.extend(goal.note.0.iter().cloned()),
    }
    fit(&row, width)
}

/// A line with what was typed marked in it, where it is there as it was typed.
fn marked(line: &str, wanted: &str, row: &mut Row) {
    let (low, wanted) = (line.to_ascii_lowercase(), wanted.to_ascii_lowercase());
    match low.find(&wanted).filter(|_| !wanted.is_empty()) {
        Some(at) => {
            let (before, rest) = line.split_at(at);
            let (own, after) = rest.split_at(wanted.len());
            row.push(Role::Text, Shown::new(before));
            row.push(Role::Key, Shown::new(own));
            row.push(Role::Text, Shown::new(after));
        }
        None => row.push(Role::Text, Shown::new(line)),
    }
}
