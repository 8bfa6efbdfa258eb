//! 6 Findings: the policy's checklist, and the findings and notes with where they belong.

use ratatui::layout::Rect;

use crate::review::{Anchor, FindingSeverity};
use crate::text::{Role, Row, Shown};
use crate::tui::app::{App, MEDIUM, NoteRow, Pane, WIDE};
use crate::tui::widgets::Canvas;

pub(super) fn draw(canvas: &mut Canvas<'_, '_>, area: Rect) {
    let app = canvas.app;
    let (first, second, stacked) = if area.width < MEDIUM {
        let height = (area.height / 2).min(u16::try_from(app.policy.checklist.len() + 2).unwrap_or(u16::MAX)).max(4).min(area.height);
        let top = Rect { height, ..area };
        (top, Rect { y: area.y + height, height: area.height - height, ..area }, true)
    } else {
        let left = if area.width >= WIDE { area.width * 96 / 200 } else { area.width * 58 / 120 };
        (Rect { width: left, ..area }, Rect { x: area.x + left, width: area.width - left, ..area }, false)
    };
    let answered = app.policy.checklist.iter().filter(|q| app.state.answers.contains_key(&q.id)).count();
    let title = format!("Checklist {answered}/{}", app.policy.checklist.len());
    let inside = canvas.pane(first, Row::new().with(Role::Text, &title), true, app.pane() == Pane::Checklist);
    if app.policy.checklist.is_empty() {
        canvas.row(inside, 0, &Row::new().with(Role::Dim, " the policy has no checklist"), false);
        canvas.cursor(inside, 0, 0);
    }
    canvas.list(inside, Pane::Checklist, app.policy.checklist.len(), |i| question_row(app, i));
    notes(canvas, second, stacked);
}

/// A question with its answer.
pub(super) fn question_row(app: &App, at: usize) -> Row {
    let Some(question) = app.policy.checklist.get(at) else { return Row::new() };
    let answer = app.state.answers.get(&question.id).map(String::as_str).unwrap_or_default();
    let role = match answer {
        "yes" => Role::Good,
        "no" => Role::Bad,
        _ => Role::Text,
    };
    Row::new().with(role, &format!(" [{answer:<3}] ")).with(Role::Text, &format!("{} {}", at + 1, Shown::new(&question.question)))
}

fn place(at: &Anchor) -> String {
    let mut text = Shown::new(&at.place).to_string();
    if let Some(address) = at.address {
        text.push_str(&format!(" {address:#x}"));
    }
    text
}

/// The text of a finding or note, for searching.
pub(super) fn note_text(app: &App, at: usize) -> String {
    match app.note_rows().get(at) {
        Some(NoteRow::Finding(i)) => {
            app.state.findings.get(*i).map(|f| format!("{} {} {}", f.id, f.title, place(&f.at))).unwrap_or_default()
        }
        Some(NoteRow::Note(i)) => app.state.notes.get(*i).map(|n| format!("{} {}", n.text, place(&n.at))).unwrap_or_default(),
        None => String::new(),
    }
}

fn severity(severity: FindingSeverity) -> &'static str {
    match severity {
        FindingSeverity::Note => "note",
        FindingSeverity::Problem => "problem",
        FindingSeverity::Blocking => "blocking",
    }
}

/// The time of day of a journal's time.
fn clock(time: &str) -> Shown {
    Shown::new(time.split('T').nth(1).and_then(|t| t.get(..5)).unwrap_or(time))
}

fn block(app: &App, entry: NoteRow, width: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    let (head, at, time) = match entry {
        NoteRow::Finding(i) => {
            let Some(finding) = app.state.findings.get(i) else { return rows };
            let (role, word) = if finding.closed.is_some() { (Role::Dim, "closed") } else { (Role::Bad, "OPEN") };
            let head = Row::new()
                .with(Role::Title, &format!(" {} ", Shown::new(&finding.id)))
                .with(role, &format!("{word}  "))
                .with(Role::Text, &finding.title)
                .with(Role::Dim, &format!("  ({})", severity(finding.severity)));
            (head, &finding.at, &finding.time)
        }
        NoteRow::Note(i) => {
            let Some(note) = app.state.notes.get(i) else { return rows };
            (Row::new().with(Role::Dim, " note  ").with(Role::Text, &note.text), &note.at, &note.time)
        }
    };
    rows.push(head);
    let mut where_ = Row::new().with(Role::Dim, "    ");
    where_.push(Role::Text, Shown::new(&place(at)).cut_start(width.saturating_sub(6)));
    rows.push(where_);
    let mut line = Row::new().with(Role::Dim, "    ");
    if let (Some(path), Some(number)) = (&at.path, at.line) {
        line.push(Role::Text, Shown::new(&format!("{path}:{number}  ")));
    }
    line.push(Role::Dim, Shown::new(&format!("by {} {}", app.state.reviewer, clock(time))));
    rows.push(line);
    let hashes = usize::from(at.shipped.is_some()) + usize::from(at.rebuilt.is_some());
    if hashes > 0 {
        rows.push(Row::new().with(Role::Dim, &format!("    evidence: {hashes} digests attached")));
    }
    if let NoteRow::Finding(i) = entry
        && let Some(reason) = app.state.findings.get(i).and_then(|f| f.closed.as_ref())
    {
        rows.push(Row::new().with(Role::Dim, "    closed: ").with(Role::Text, reason));
    }
    rows
}

fn notes(canvas: &mut Canvas<'_, '_>, area: Rect, first: bool) {
    let app = canvas.app;
    let open = app.state.findings.iter().filter(|f| f.closed.is_none()).count();
    let title = format!("Findings: {open} open   notes: {}", app.state.notes.len());
    let focused = app.pane() == Pane::Notes;
    let inside = canvas.pane(area, Row::new().with(Role::Text, &title), first, focused);
    let entries = app.note_rows();
    let height = usize::from(inside.height);
    let at = app.cursor(Pane::Notes).at;
    // Blocks have different heights: enough of them above the cursor to have it inside.
    let width = usize::from(inside.width);
    let mut top = at.min(entries.len().saturating_sub(1));
    let mut used = entries.get(top).map_or(0, |e| block(app, *e, width).len() + 1);
    while top > 0 {
        let above = entries.get(top - 1).map_or(0, |e| block(app, *e, width).len() + 1);
        if used + above > height {
            break;
        }
        used += above;
        top -= 1;
    }
    let mut y = 0;
    for (i, entry) in entries.iter().enumerate().skip(top) {
        if y >= height {
            break;
        }
        for (n, row) in block(app, *entry, width).into_iter().enumerate() {
            let selected = focused && i == at && n == 0;
            canvas.row(inside, y, &row, selected);
            if selected {
                canvas.cursor(inside, 0, y);
            }
            y += 1;
        }
        y += 1;
    }
    for text in [" f files a finding from wherever you are,", " with the place and both digests filled in"] {
        canvas.row(inside, y, &Row::new().with(Role::Dim, text), false);
        y += 1;
    }
    if entries.is_empty() && focused {
        canvas.cursor(inside, 0, 0);
    }
    canvas.drawn.panes.push((Pane::Notes, top, (height / 4).max(1)));
}
