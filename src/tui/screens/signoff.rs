//! 7 Sign-off: what stands in the way, and what would be signed.

use ratatui::layout::Rect;

use super::overview::indent;
use crate::review::{Class, Coverage, Decision};
use crate::text::{Role, Row, Shown};
use crate::tui::app::{App, MEDIUM, Pane, Sheet, WIDE};
use crate::tui::widgets::{Canvas, decision_words, grouped, skip, wrap};

pub(super) fn draw(canvas: &mut Canvas<'_, '_>, area: Rect) {
    let app = canvas.app;
    if let Some(sheet) = app.sheet {
        return draw_sheet(canvas, area, sheet);
    }
    if app.zoom && app.pane() == Pane::Statement {
        return statement(canvas, area, true);
    }
    let (first, second, stacked) = if app.zoom {
        (area, Rect { height: 0, ..area }, false)
    } else if area.width < MEDIUM {
        let wanted = u16::try_from(app.blockers.len() + 5).unwrap_or(u16::MAX);
        let height = if app.pane() == Pane::Statement { 5 } else { wanted.min(area.height * 3 / 5) }.min(area.height);
        let top = Rect { height, ..area };
        (top, Rect { y: area.y + height, height: area.height - height, ..area }, true)
    } else {
        let left = if area.width >= WIDE { area.width * 92 / 200 } else { area.width * 55 / 120 };
        (Rect { width: left, ..area }, Rect { x: area.x + left, width: area.width - left, ..area }, false)
    };
    let inside = canvas.pane(first, Row::new().with(Role::Text, "Before you can approve"), true, app.pane() == Pane::Blockers);
    let told = closed(app, usize::from(inside.width));
    let rows = usize::from(inside.height).saturating_sub(told.len() + 1).min(app.blockers.len()).max(1);
    let list = Rect { height: u16::try_from(rows).unwrap_or(u16::MAX).min(inside.height), ..inside };
    canvas.list(list, Pane::Blockers, app.blockers.len(), |i| blocker_row(app, i));
    for (i, row) in told.iter().enumerate() {
        canvas.row(inside, rows + 1 + i, row, false);
    }
    if !app.zoom {
        statement(canvas, second, stacked);
    }
}

fn draw_sheet(canvas: &mut Canvas<'_, '_>, area: Rect, sheet: Sheet) {
    let app = canvas.app;
    let len = app.sheet_len();
    let title = match sheet {
        Sheet::Leaves if app.signed.is_some() => "Every byte that was written".to_owned(),
        Sheet::Leaves => {
            let decision = app.prepared.as_ref().map_or("", |p| decision_words(p.decision));
            format!("Every byte that would leave: {decision}")
        }
        Sheet::Missed => "Not looked at, as the record will list it".to_owned(),
    };
    let title = format!("{title}  {} rows", grouped(len as u64));
    let inside = canvas.pane(area, Row::new().with(Role::Text, &title), true, true);
    if len == 0 {
        canvas.row(inside, 0, &Row::new().with(Role::Dim, " nothing: all of it was shown"), false);
        canvas.cursor(inside, 0, 0);
    }
    canvas.list(inside, Pane::Sheet, len, |i| indent(skip(&app.sheet_row(i), app.sideways)));
}

/// A blocker, done or not.
pub(super) fn blocker_row(app: &App, at: usize) -> Row {
    let Some(blocker) = app.blockers.get(at) else { return Row::new() };
    let (role, mark) = if blocker.done { (Role::Good, " [x] ") } else { (Role::Bad, " [ ] ") };
    let mut row = Row::new().with(role, mark).with(if blocker.done { Role::Dim } else { Role::Text }, &blocker.what);
    let item = blocker.item.as_ref().and_then(|id| app.items.iter().find(|i| i.id == *id));
    if let Some(item) = item {
        row.push(Role::Text, Shown::new("   "));
        row.push(Role::Dim, item.title.shown().cut_start(40));
    }
    row
}

fn closed(app: &App, width: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    if let Some(signed) = &app.signed {
        rows.push(Row::new().with(Role::Good, "Signed. The record is ").with(Role::Title, &signed.path.to_string_lossy()));
        rows.push(Row::new().with(Role::Text, "Its dossier is ").with(Role::Title, &signed.dossier.to_string_lossy()));
        rows.push(Row::new().with(Role::Dim, "P shows every byte of both: nothing else was written."));
    }
    if let Some(why) = app.state.sealed() {
        rows.push(Row::new().with(Role::Text, &why));
    } else if app.signed.is_none() {
        match app.state.may_sign(Decision::Approved, &app.blockers) {
            Ok(()) => rows.push(Row::new().with(Role::Text, "Every outcome is open: p shows the exact statement, S signs.")),
            Err(_) => rows.push(
                Row::new()
                    .with(Role::Text, "REJECT, INCOMPLETE and APPROVE WITH FINDINGS can be signed now; ")
                    .with(Role::Title, "APPROVE is closed."),
            ),
        }
        if let Some(payload) = &app.state.corrects {
            let text = format!("this review corrects the record {}…", Shown::new(payload).cut(16));
            rows.push(Row::new().with(Role::Text, &text));
        }
        for (digest, decision) in &app.state.signed {
            let text = format!("signed before: {} {}", decision_words(*decision), Shown::new(digest).cut(16));
            rows.push(Row::new().with(Role::Dim, &text));
        }
    }
    wrap(&rows, width.saturating_sub(2)).into_iter().map(indent).collect()
}

fn statement(canvas: &mut Canvas<'_, '_>, area: Rect, first: bool) {
    let app = canvas.app;
    let focused = app.pane() == Pane::Statement;
    if let Some(prepared) = &app.prepared {
        let title = format!("The exact statement: {}  {} lines", decision_words(prepared.decision), grouped(app.statement.len() as u64));
        let inside = canvas.pane(area, Row::new().with(Role::Text, &title), first, focused);
        canvas.list(inside, Pane::Statement, app.statement.len(), |i| indent(app.statement.get(i).cloned().unwrap_or_default()));
        return;
    }
    let inside = canvas.pane(area, Row::new().with(Role::Text, "What you would sign (p: read it all)"), first, focused);
    let rows: Vec<Row> = wrap(&summary(app), usize::from(inside.width).saturating_sub(2)).into_iter().map(indent).collect();
    canvas.rows(inside, &rows);
    if focused {
        canvas.cursor(inside, 0, 0);
    }
}

fn summary(app: &App) -> Vec<Row> {
    let release = &app.facts.release;
    let mut first = Row::new().with(Role::Text, "I, ");
    first.push(Role::Text, Shown::new(&app.state.reviewer));
    first.push(Role::Text, Shown::new(", reviewed "));
    first.push(Role::Title, release.product.shown());
    first.push(Role::Text, Shown::new(" "));
    first.push(Role::Title, release.version.shown());
    let line = |word: &str, text: String| Row::new().with(Role::Dim, &format!("{word:<14}")).with(Role::Text, &text);
    let reads = app.items.iter().filter(|i| i.class == Class::Read);
    let full = reads.clone().filter(|i| matches!(app.coverage(i), (shown, of) if of > 0 && shown >= of)).count();
    let covered = |class: Class| {
        let items = app.items.iter().filter(move |i| i.class == class && app.state.ruling(i).is_some());
        items.fold((0u64, 0u64), |(n, files), i| (n + 1, files + i.covers))
    };
    let grouped_items = app.items.iter().filter(|i| i.is_group() && i.class != Class::Batch && app.state.ruling(i).is_some());
    let (rules, by_rule) = grouped_items.fold((0u64, 0u64), |(n, files), i| (n + 1, files + i.covers));
    let (_, by_machine) = covered(Class::Batch);
    let by_hand = app.items.iter().filter(|i| !i.is_group() && (app.state.ruling(i).is_some() || app.state.answer(i).is_some())).count();
    let findings: Vec<&str> = app.state.findings.iter().filter(|f| f.closed.is_none()).map(|f| f.id.as_str()).collect();
    let [lines, code] = app.totals.as_ref().map(Coverage::sentences).unwrap_or_default();
    let missed = app.totals.as_ref().map(Coverage::missed_words).unwrap_or_default();
    vec![
        first,
        line("bundle sha256", release.identity.digest.map_or_else(|| "…".to_owned(), |d| d.to_string())),
        line("not looked at", missed),
        line("shown", lines),
        line("", code),
        line("read in full", format!("{full} of {} required files", grouped(reads.count() as u64))),
        line(
            "ruled",
            format!(
                "{} items by hand, {} files by {rules} rules, {} identical by machine, not read",
                grouped(by_hand as u64),
                grouped(by_rule),
                grouped(by_machine)
            ),
        ),
        line("findings", if findings.is_empty() { "none open".to_owned() } else { findings.join(", ") }),
    ]
}
