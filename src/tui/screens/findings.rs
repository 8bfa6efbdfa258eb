//! 6 Findings: the policy's checklist, and the findings and notes with where they belong.

use ratatui::layout::Rect;

use crate::review::Finding;
use crate::text::{Role, Row, Shown};
use crate::tui::app::{App, MEDIUM, NoteRow, Pane, WIDE};
use crate::tui::widgets::Canvas;

pub(super) fn draw(canvas: &mut Canvas<'_, '_>, area: Rect) {
    let app = canvas.app;
    if app.zoom && app.pane() == Pane::Notes {
        return notes(canvas, area, true);
    }
    let (first, second, stacked) = if app.zoom {
        (area, Rect { height: 0, ..area }, false)
    } else if area.width < MEDIUM {
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
    if !app.zoom {
        notes(canvas, second, stacked);
    }
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

/// The text of a finding or note, for searching.
pub(super) fn note_text(app: &App, at: usize) -> String {
    match app.note_rows().get(at) {
        Some(NoteRow::Finding(i)) => app.state.findings.get(*i).map(finding_text).unwrap_or_default(),
        Some(NoteRow::Note(i)) => app.state.notes.get(*i).map(|n| format!("{} {}", n.text, n.at.lines().join(" "))).unwrap_or_default(),
        None => String::new(),
    }
}

fn finding_text(finding: &Finding) -> String {
    let replies: Vec<&str> = finding.replies.iter().flat_map(|r| [r.who.as_str(), r.text.as_str()]).collect();
    let reason = finding.closed.as_deref().unwrap_or_default();
    let words = [&finding.id, finding.standing(), finding.severity.word(), &finding.title, &finding.at.lines().join(" "), reason];
    format!("{} {}", words.join(" "), replies.join(" "))
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
            let (role, word) = if finding.closed.is_some() { (Role::Dim, finding.standing()) } else { (Role::Bad, "OPEN") };
            let head = Row::new()
                .with(Role::Title, &format!(" {} ", Shown::new(&finding.id)))
                .with(role, &format!("{word}  "))
                .with(Role::Text, &finding.title)
                .with(Role::Dim, &format!("  ({}{})", finding.severity.word(), if finding.edits > 0 { ", edited" } else { "" }));
            (head, &finding.at, &finding.time)
        }
        NoteRow::Note(i) => {
            let Some(note) = app.state.notes.get(i) else { return rows };
            (Row::new().with(Role::Dim, " note  ").with(Role::Text, &note.text), &note.at, &note.time)
        }
    };
    rows.push(head);
    let mut where_ = Row::new().with(Role::Dim, "    ");
    where_.push(Role::Text, Shown::new(&at.words()).cut_start(width.saturating_sub(6)));
    rows.push(where_);
    let mut line = Row::new().with(Role::Dim, "    ");
    if let Some(lines) = at.lines_words() {
        line.push(Role::Text, Shown::new(&format!("{lines}  ")));
    }
    line.push(Role::Dim, Shown::new(&format!("by {} {}", app.state.reviewer, clock(time))));
    rows.push(line);
    let digests: Vec<&str> = at.digests().into_iter().map(|(what, _)| what).collect();
    if !digests.is_empty() {
        rows.push(Row::new().with(Role::Dim, &format!("    digests attached: {}", digests.join(", "))));
    }
    let finding = match entry {
        NoteRow::Finding(i) => app.state.findings.get(i),
        NoteRow::Note(_) => None,
    };
    if let Some((finding, reason)) = finding.and_then(|f| Some((f, f.closed.as_ref()?))) {
        rows.push(Row::new().with(Role::Dim, &format!("    {}: ", finding.standing())).with(Role::Text, reason));
    }
    for reply in finding.into_iter().flat_map(|f| &f.replies) {
        // What somebody outside says stays a claim, and looks like one.
        let mut row = Row::new().with(Role::Dim, "    ");
        row.push(Role::Claim, Shown::new(&reply.who));
        row.push(Role::Dim, Shown::new(" claims: "));
        row.push(Role::Claim, Shown::new(&reply.text));
        let rest = crate::tui::widgets::wrap(&[row], width.saturating_sub(2)).into_iter();
        rows.extend(rest.enumerate().map(|(n, row)| if n == 0 { row } else { super::overview::indent(super::overview::indent(row)) }));
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
            canvas.target(inside, y, Pane::Notes, i);
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
    canvas.drawn.targets.panes.push((Pane::Notes, inside));
    canvas.drawn.panes.push((Pane::Notes, top, (height / 4).max(1)));
}
