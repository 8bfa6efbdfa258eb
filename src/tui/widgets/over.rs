//! What lies over a screen: help, jobs, outcomes, leaving, the sign dialog.

use ratatui::layout::Rect;

use super::{Canvas, grouped};
use crate::review::Decision;
use crate::text::{Role, Row, Shown};
use crate::tui::app::{App, Dialog, Field, Help, SignBox};
use crate::tui::keymap::Context;

/// Draws the dialog, if there is one.
pub(crate) fn over(canvas: &mut Canvas<'_, '_>) {
    let app = canvas.app;
    match &app.dialog {
        None | Some(Dialog::Prompt(_)) => {}
        Some(Dialog::Find(finder)) => super::finder::draw(canvas, finder),
        Some(Dialog::Help(help)) => draw_help(canvas, help),
        Some(Dialog::Jobs) => jobs(canvas),
        Some(Dialog::Outcome(at)) => {
            let mut rows = vec![Row::new().with(Role::Text, "Which outcome would you sign?"), Row::new()];
            rows.extend(outcomes(app));
            let inside = boxed(canvas, "The exact statement", 66, rows.len() + 1);
            for (i, row) in rows.iter().enumerate() {
                canvas.row(inside, i, row, i == at + 2);
            }
            canvas.cursor(inside, 0, at + 2);
        }
        Some(Dialog::Leaving) => {
            let open = format!("{} items are still open.", grouped(app.open_count() as u64));
            let (role, saved) = match app.unsaved.len() {
                0 => (Role::Text, " Everything done so far is saved.".to_owned()),
                n => (Role::Bad, format!(" {n} NOT saved and lost when you leave: n, then :save")),
            };
            let rows = [
                Row::new().with(Role::Text, &open).with(role, &saved),
                Row::new(),
                Row::new()
                    .with(Role::Key, "y")
                    .with(Role::Text, " or ")
                    .with(Role::Key, "q")
                    .with(Role::Text, " leaves, ")
                    .with(Role::Key, "n")
                    .with(Role::Text, " stays"),
            ];
            let inside = boxed(canvas, "Leave?", 66, rows.len());
            canvas.rows(inside, &rows);
            canvas.cursor(inside, 0, 2);
        }
        Some(Dialog::Sign(sign)) => draw_sign(canvas, sign),
    }
}

/// The outcomes with what closes them.
fn outcomes(app: &App) -> Vec<Row> {
    let row = |decision: &Decision| {
        let (role, why) = match app.state.may_sign(*decision, &app.blockers) {
            Ok(()) => (Role::Text, String::new()),
            Err(why) => (Role::Dim, format!("closed: {}", why.trim_start_matches("approval is closed: "))),
        };
        Row::new().with(role, &format!(" {:<22}", words(*decision))).with(Role::Dim, &why)
    };
    Decision::ALL.iter().map(row).collect()
}

/// A decision in the words of the screen.
pub(crate) fn words(decision: Decision) -> &'static str {
    match decision {
        Decision::Approved => "APPROVE",
        Decision::ApprovedWithFindings => "APPROVE WITH FINDINGS",
        Decision::Rejected => "REJECT",
        Decision::Incomplete => "INCOMPLETE",
    }
}

/// A box in the middle of the window; returns what is inside.
fn boxed(canvas: &mut Canvas<'_, '_>, title: &str, width: u16, rows: usize) -> Rect {
    let body = super::body(canvas.area());
    let width = width.min(body.width.saturating_sub(2));
    let height = u16::try_from(rows + 2).unwrap_or(u16::MAX).min(body.height);
    let area = Rect { x: body.x + (body.width - width) / 2, y: body.y + (body.height - height) / 2, width, height };
    frame(canvas, area, title, "")
}

pub(super) fn frame(canvas: &mut Canvas<'_, '_>, area: Rect, title: &str, right: &str) -> Rect {
    if area.width < 4 || area.height < 3 {
        return Rect { height: 0, ..area };
    }
    let margin = Rect { x: area.x.saturating_sub(1), width: area.width.saturating_add(2), ..area };
    canvas.clear(margin);
    let inner = usize::from(area.width) - 2;
    let (title, right) = (Shown::new(title), Shown::new(right));
    let right_cells = if right.width() == 0 { 0 } else { right.width() + 2 };
    let fill = inner.saturating_sub(title.width() + 2 + right_cells);
    let mut top = Row::new().with(Role::Text, "┌ ");
    top.push(Role::Title, title);
    top.push(Role::Text, Shown::new(&format!(" {}", "─".repeat(fill))));
    if right_cells > 0 {
        top.push(Role::Text, Shown::new(&format!(" {right} ")));
    }
    top.push(Role::Text, Shown::new("┐"));
    canvas.row(area, 0, &top, false);
    let edge = Row::new().with(Role::Text, "│");
    for at in 1..usize::from(area.height) - 1 {
        canvas.row(Rect { width: 1, ..area }, at, &edge, false);
        canvas.row(Rect { x: area.x + area.width - 1, width: 1, ..area }, at, &edge, false);
    }
    let bottom = Row::new().with(Role::Text, &format!("└{}┘", "─".repeat(inner)));
    canvas.row(area, usize::from(area.height) - 1, &bottom, false);
    Rect { x: area.x + 2, y: area.y + 1, width: area.width - 4, height: area.height - 2 }
}

fn draw_help(canvas: &mut Canvas<'_, '_>, help: &Help) {
    let screen = canvas.app.screen;
    let context = Context::On(screen);
    let rows = help.rows(canvas.app.keys, context);
    let body = super::body(canvas.area());
    canvas.clear(body);
    let area = Rect { x: body.x + 1, width: body.width.saturating_sub(2).min(110), ..body };
    let filter = if help.filter.is_empty() { "type to filter".to_owned() } else { format!("filter: {}", Shown::new(&help.filter)) };
    let inside = frame(canvas, area, &format!("Keys on {}", screen.names().0), &format!("{filter}  Enter does it"));
    // The sentence of the row under the cursor is there in full, below.
    let height = usize::from(inside.height).saturating_sub(3);
    let top = (help.at + 1).saturating_sub(height);
    if let Some(key) = rows.get(help.at) {
        let below = Rect { y: inside.y + inside.height.saturating_sub(3), height: inside.height.min(3), ..inside };
        canvas.row(below, 0, &Row::new().with(Role::Dim, &"─".repeat(usize::from(below.width))), false);
        let told = super::wrap(&[Row::new().with(Role::Text, key.help)], usize::from(below.width));
        canvas.rows(Rect { y: below.y + 1.min(below.height), height: below.height.saturating_sub(1), ..below }, &told);
    }
    for (at, (i, key)) in rows.iter().enumerate().skip(top).take(height).enumerate() {
        let keys = Shown::new(&key.keys.join("  "));
        let mark = if key.context == Context::Any { Role::Text } else { Role::Title };
        let row = Row::new().with(Role::Key, &format!("{:<12} ", keys.as_str())).with(mark, key.help);
        canvas.row(inside, at, &row, i == help.at);
        if i == help.at {
            canvas.cursor(inside, 0, at);
        }
    }
    if rows.is_empty() {
        canvas.row(inside, 0, &Row::new().with(Role::Text, "no key does that: Backspace widens the filter"), false);
    }
}

fn jobs(canvas: &mut Canvas<'_, '_>) {
    let app = canvas.app;
    let mut rows: Vec<Row> =
        app.jobs.iter().map(|j| Row::new().with(if j.finished { Role::Dim } else { Role::Text }, &app.job_lines(j))).collect();
    if rows.is_empty() {
        rows.push(Row::new().with(Role::Text, "nothing runs"));
    }
    let compared = app.facts.comparisons.iter().flatten().count();
    rows.push(Row::new());
    let text = format!("{} of {} artifacts compared", grouped(compared as u64), grouped(app.facts.comparisons.len() as u64));
    rows.push(Row::new().with(Role::Text, &text));
    let inside = boxed(canvas, "Jobs", 66, rows.len());
    canvas.rows(inside, &rows);
    canvas.cursor(inside, 0, 0);
}

fn draw_sign(canvas: &mut Canvas<'_, '_>, sign: &SignBox) {
    let app = canvas.app;
    let body = super::body(canvas.area());
    canvas.clear(body);
    let width = body.width.saturating_sub(2).min(124);
    let area = Rect { x: body.x + (body.width - width) / 2, width, ..body };
    let ready = app.prepared.as_ref().filter(|p| Some(p.decision) == sign.decision);
    let title = sign.decision.map_or("Sign: which outcome?".to_owned(), |d| format!("Sign: {}", words(d)));
    let height = usize::from(area.height.saturating_sub(2 + 6));
    let lines = app.statement.len();
    let place = if ready.is_some() { format!("line {}-{} of {lines}", sign.top + 1, lines.min(sign.top + height)) } else { String::new() };
    let inside = frame(canvas, area, &title, &place);
    if inside.height < 8 {
        return;
    }
    let text = Rect { height: inside.height - 6, ..inside };
    let form = Rect { y: inside.y + inside.height - 6, height: 6, ..inside };
    if ready.is_some() {
        let height = usize::from(text.height);
        let rows = app.statement.get(sign.top..lines.min(sign.top + height)).unwrap_or_default();
        canvas.rows(text, rows);
        canvas.drawn.statement = Some(sign.top + rows.len());
        if sign.field == Field::Statement {
            canvas.cursor(text, 0, 0);
        }
    } else if sign.decision.is_none() {
        for (i, row) in outcomes(app).iter().enumerate() {
            canvas.row(text, i, row, i == sign.choice);
        }
        canvas.cursor(text, 0, sign.choice);
    } else {
        canvas.row(text, 0, &Row::new().with(Role::Text, "hashing everything again, then the statement is here …"), false);
        canvas.cursor(text, 0, 0);
    }
    canvas.row(form, 0, &Row::new().with(Role::Text, &"─".repeat(usize::from(form.width))), false);
    let (role, told) = match (&sign.error, app.missing(sign)) {
        (Some(error), _) => (Role::Bad, error.clone()),
        (None, Some(missing)) => (Role::Unknown, missing),
        (None, None) => (Role::Good, "complete: Enter signs".to_owned()),
    };
    canvas.row(form, 1, &Row::new().with(role, &told), false);
    let key_text = if sign.key.is_empty() && sign.field != Field::Key { "(ssh-agent)" } else { &sign.key };
    let confirm = ready.map(|p| p.confirm.as_str()).unwrap_or_default();
    let fields = [
        // What must be typed is in sight while it is typed, also in a narrow window.
        (
            Field::Release,
            if confirm.is_empty() { "the release, typed".to_owned() } else { format!("type {}", Shown::new(confirm)) },
            sign.release.as_str(),
        ),
        (Field::Key, "key file (empty: the ssh-agent)".to_owned(), key_text),
        (Field::Output, "the record goes to".to_owned(), sign.output.as_str()),
    ];
    for (i, (field, label, value)) in fields.into_iter().enumerate() {
        let focused = sign.field == field && ready.is_some();
        let label = super::column(&Shown::new(&label), 44.min(usize::from(form.width) / 2));
        let room = usize::from(form.width).saturating_sub(label.width() + 2);
        let value = Shown::new(value).cut_start(room);
        let end = label.width() + value.width();
        let mut row = Row::new();
        row.push(if focused { Role::Title } else { Role::Dim }, label);
        row.push(Role::Text, value.clone());
        let rest = room.saturating_sub(value.width()).min(40);
        row.push(Role::Dim, Shown::new(&"_".repeat(rest)));
        canvas.row(form, 2 + i, &row, false);
        if focused {
            canvas.cursor(form, end, 2 + i);
        }
    }
    let last = "Enter: the process that has the key shows it again and asks. Esc cancels.";
    canvas.row(form, 5, &Row::new().with(Role::Dim, last), false);
}
