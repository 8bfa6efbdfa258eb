//! What of a file's past is drawn on Source: its commits or two versions in its place, and the commit of each line beside it.

use ratatui::layout::Rect;

use crate::model::{Commit, day};
use crate::text::{Role, Row, Shown};
use crate::tui::app::{App, Layer, Pane};
use crate::tui::widgets::{Canvas, column, grouped, skip, wrap};

/// Cells of the file from which on the author stands beside each line too.
const WITH_AUTHOR: usize = 84;

/// Draws what lies in place of the file.
pub(super) fn draw(canvas: &mut Canvas<'_, '_>, area: Rect, layer: Layer, focused: bool) {
    let app = canvas.app;
    let (words, pane, len) = match layer {
        Layer::Commits => (commits_words(app), Pane::Commits, app.past.commits.len()),
        Layer::Change => (change_words(app), Pane::Change, app.past.versions.rows.len()),
    };
    let words = Shown::new(&words);
    let path = app.source.entry.and_then(|e| app.facts.source_path(e)).unwrap_or_default();
    let mut title = Row::new();
    let room = usize::from(area.width).saturating_sub(words.width() + 4).max(12);
    title.push(Role::Text, path.shown().cut_start(room));
    title.push(Role::Text, words);
    let inside = canvas.pane(area, title, false, focused);
    let notes = if layer == Layer::Commits { notes(app, usize::from(inside.width)) } else { Vec::new() };
    let below = u16::try_from(notes.len()).unwrap_or(0).min(inside.height / 2);
    let list = Rect { height: inside.height - below, ..inside };
    if len == 0 {
        let text = match (layer, app.past.finished, app.past.versions.older.is_empty()) {
            (Layer::Commits, true, _) => " no commit changed it: it is in none",
            (Layer::Change, _, false) => " the two versions are the same",
            _ => " reading the history …",
        };
        canvas.row(list, 0, &Row::new().with(Role::Dim, text), false);
        canvas.cursor(list, 0, 0);
    }
    canvas.list(list, pane, len, |i| row(app, pane, i));
    let place = Rect { y: list.y + list.height, height: below, ..inside };
    canvas.rows(place, &notes);
}

/// A row of the list of commits, or of two versions.
pub(crate) fn row(app: &App, pane: Pane, at: usize) -> Row {
    let row = match pane {
        Pane::Commits => app.past.commits.get(at).map(commit_row),
        _ => app.past.versions.rows.get(at).map(|line| {
            let number = |n: Option<u64>| n.map_or_else(|| " ".repeat(5), |n| format!("{n:>5}"));
            let role = match line.mark {
                '+' => Role::Rebuilt,
                '-' => Role::Shipped,
                _ => Role::Dim,
            };
            let numbers = format!("{} {}", number(line.numbers.shipped), number(line.numbers.rebuilt));
            let mut row = Row::new().with(Role::Dim, &numbers).with(role, &format!(" {} ", line.mark));
            row.0.extend(skip(&line.text, app.sideways).0);
            row
        }),
    };
    row.unwrap_or_default()
}

fn commit_row(commit: &Commit) -> Row {
    let mut row = Row::new().with(Role::Key, &format!(" {} ", commit.id.short())).with(Role::Dim, &format!("{} ", commit.day()));
    row.push(Role::Claim, column(&commit.author.shown(), 14));
    row.push(Role::Text, Shown::new(&format!(" {}", commit.subject.shown())));
    row
}

fn commits_words(app: &App) -> String {
    let (n, looked) = (grouped(app.past.commits.len() as u64), grouped(app.past.walked.looked as u64));
    if app.past.finished { format!("  {n} commits changed it") } else { format!("  {n} commits of {looked} looked at …") }
}

fn change_words(app: &App) -> String {
    let versions = &app.past.versions;
    if versions.older.is_empty() {
        return "  reading …".to_owned();
    }
    let (added, removed) = versions.counts;
    format!("  {} | {}  +{} -{}", versions.older, versions.newer, grouped(added as u64), grouped(removed as u64))
}

/// What must be said below the list of commits.
fn notes(app: &App, width: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    let walked = &app.past.walked;
    if walked.stopped && app.past.finished {
        let text = format!("stopped at {}: it took too long, or there were too many", day(walked.time));
        rows.push(Row::new().with(Role::Unknown, &text));
    }
    for why in [app.past.incomplete.as_ref(), walked.missing.as_ref()].into_iter().flatten() {
        let mut row = Row::new().with(Role::Unknown, "history incomplete: ");
        row.push(Role::Text, Shown::new(why));
        rows.push(row);
    }
    rows.push(Row::new().with(Role::Dim, "author, day and subject are claims; Enter: what the commit made of the file"));
    wrap(&rows, width.saturating_sub(2)).into_iter().map(super::indent).collect()
}

/// Cells that the commits of the lines take beside a file that many cells wide.
pub(super) fn blame_width(app: &App, width: usize) -> usize {
    match (app.past.is_blamed, width >= WITH_AUTHOR) {
        (false, _) => 0,
        (true, false) => 20,
        (true, true) => 33,
    }
}

/// The commit of a line, from 0, where it begins a run of lines of one commit or the frame.
pub(super) fn blame_cells(app: &App, at: usize, top: usize, width: usize) -> Row {
    let mut out = Row::new();
    if width == 0 {
        return out;
    }
    let blame = app.past.blame.as_deref();
    let of = |at: usize| blame.and_then(|b| b.lines.get(at).copied().flatten());
    let text = match (blame.and_then(|b| b.of(at)), blame) {
        _ if at > top && at > 0 && of(at) == of(at - 1) => String::new(),
        (Some(commit), _) if width > 20 => format!("{} {} {}", commit.id.short(), commit.day(), commit.author.shown().cut(12)),
        (Some(commit), _) => format!("{} {}", commit.id.short(), commit.day()),
        (None, Some(b)) if b.walked.stopped => format!("before {}", day(b.walked.time)),
        (None, _) => "…".to_owned(),
    };
    out.push(Role::Claim, column(&Shown::new(&format!(" {text}")), width));
    out
}

/// The mark of a line, from 1, that changed since a tag.
pub(super) fn since_mark(app: &App, line: u64) -> (Role, &'static str) {
    match &app.past.since {
        Some(since) if since.added.contains(&line) => (Role::Rebuilt, "+"),
        Some(since) if since.gone.contains(&line) => (Role::Shipped, "-"),
        _ => (Role::Text, " "),
    }
}

/// What the marks beside the file are, for its title.
pub(super) fn words(app: &App) -> String {
    app.past.since.as_ref().map_or_else(String::new, |since| format!("  + - since {}", Shown::new(&since.tag).cut(24)))
}
