//! 1 Overview: the question, the verdict with its one reason, the groups of checks, and what is next to review.

use ratatui::layout::Rect;

use crate::checks::{Group, Verdict};
use crate::review::{Class, Ruling};
use crate::text::{Role, Row, Shown};
use crate::tui::app::{App, MEDIUM, Pane, WIDE, lists_role as role_of};
use crate::tui::widgets::{Canvas, column, grouped};

const QUESTION: &str = "Does what was shipped match the source under review?";

pub(super) fn draw(canvas: &mut Canvas<'_, '_>, area: Rect) {
    let app = canvas.app;
    let focus = app.pane();
    if app.zoom {
        return match focus {
            Pane::Queue => queue(canvas, area, true, true),
            _ => groups(canvas, area, area.width >= MEDIUM),
        };
    }
    if area.width < MEDIUM {
        // Verdict and seven rows, a blank row where there is room.
        let height = if area.height >= 18 { 12 } else { 9 };
        let top = Rect { height: height.min(area.height), ..area };
        let bottom = Rect { y: area.y + top.height, height: area.height - top.height, ..area };
        match detail(app) {
            Some(i) => evidence(canvas, top, i, true),
            None => groups(canvas, top, false),
        }
        queue(canvas, bottom, true, focus == Pane::Queue);
        return;
    }
    let wide = area.width >= WIDE;
    let (left, middle) =
        if wide { (area.width * 84 / 200, area.width * 56 / 200) } else { (area.width * 70 / 120, area.width - area.width * 70 / 120) };
    let first = Rect { width: left, ..area };
    let second = Rect { x: area.x + left, width: middle, ..area };
    let third = Rect { x: area.x + left + middle, width: area.width - left - middle, ..area };
    match (wide, detail(app)) {
        (false, Some(i)) => evidence(canvas, first, i, true),
        _ => groups(canvas, first, true),
    }
    queue(canvas, second, false, focus == Pane::Queue);
    if wide {
        if focus == Pane::Queue && !app.items.is_empty() {
            evidence(canvas, third, app.cursor(Pane::Queue).at, false);
        } else {
            checks(canvas, third);
        }
    }
}

fn detail(app: &App) -> Option<usize> {
    let id = app.detail.as_ref()?;
    app.items.iter().position(|i| i.id == *id)
}

/// The verdict and the one reason for it.
pub(super) fn verdict(app: &App) -> (Role, &'static str, String) {
    if !app.facts.is_complete() {
        let running: Vec<String> = app.jobs.iter().filter(|j| !j.finished).map(|j| app.job_words(j)).collect();
        let why = if running.is_empty() { "the machine is not done …".to_owned() } else { running.join(", ") };
        return (Role::Unknown, "NOT SIGNABLE YET", why);
    }
    // A person has found the answer: what is still open does not change it.
    if let Some(item) = app.items.iter().find(|i| app.state.ruling(i).is_some_and(|r| r.ruling == Ruling::Rejected)) {
        return (Role::Bad, "DOES NOT MATCH", format!("{} was rejected", item.title.shown()));
    }
    // What the checklist asks for is said below: it does not hide an answer that is known.
    if let Some((class, n)) = app.tally.first_key_value().filter(|(class, _)| **class != Class::Question) {
        let what = match class {
            Class::Code | Class::Data => {
                let open = app.items.iter().filter(|i| i.class == *class && app.state.is_open(i));
                let files: u64 = open.map(|i| i.covers).sum();
                format!("{} {}", grouped(files), if files == 1 { "file differs" } else { "files differ" })
            }
            _ => format!("{} {}", grouped(*n as u64), class.word(*n)),
        };
        return (Role::Bad, "NOT SIGNABLE YET", format!("{what} and nobody has ruled on {}", if *n == 1 { "it" } else { "them" }));
    }
    let failed = app.groups.iter().find(|g| g.verdict == Verdict::Fail);
    if let Some(failed) = failed {
        return (Role::Bad, "DOES NOT MATCH", failed.detail.clone());
    }
    if let Some(blocker) = app.blockers.iter().find(|b| !b.done) {
        return (Role::Unknown, "NOT SIGNABLE YET", blocker.what.clone());
    }
    match app.groups.iter().find(|g| g.verdict == Verdict::CannotTell) {
        Some(open) => (Role::Unknown, "MATCHES, AS FAR AS COULD BE TOLD", format!("accepted by a person: {}", open.detail)),
        None => (Role::Good, "MATCHES", "every check passes or is explained, and a person ruled on every item".to_owned()),
    }
}

fn words(verdict: Verdict) -> (char, Role, &'static str) {
    match verdict {
        Verdict::Pass => ('=', Role::Good, "same"),
        Verdict::Explained => ('~', Role::Explained, "explained"),
        Verdict::Pending => (' ', Role::Dim, "…"),
        Verdict::CannotTell => ('?', Role::Unknown, "unchecked"),
        Verdict::Fail => ('!', Role::Bad, "FAILS"),
    }
}

/// A row of the groups: four of the machine, three of the person.
struct Summary {
    name: &'static str,
    mark: char,
    role: Role,
    word: &'static str,
    detail: String,
    done: Option<(usize, usize)>,
}

fn summary(app: &App, at: usize) -> Summary {
    if let Some(group) = app.groups.get(at) {
        let (mark, role, word) = words(group.verdict);
        let word = if group.group == Group::Artifacts && mark == '!' { "DIFFERS" } else { word };
        return Summary { name: group.group.name(), mark, role, word, detail: group.detail.clone(), done: Some(ruled(app, group.group)) };
    }
    let line = |name, done: bool, detail: String, count| Summary {
        name,
        mark: if done { '=' } else { '·' },
        role: if done { Role::Good } else { Role::Dim },
        word: if done { "done" } else { "to do" },
        detail,
        done: count,
    };
    match at.saturating_sub(app.groups.len()) {
        0 => {
            let total = app.policy.checklist.len();
            let answered = app.policy.checklist.iter().filter(|q| app.state.answers.contains_key(&q.id)).count();
            let detail = if total == 0 { "the policy has no checklist".to_owned() } else { format!("{answered} of {total} answered") };
            line("Checklist", answered == total, detail, Some((answered, total)))
        }
        1 => {
            let open = app.state.findings.iter().filter(|f| f.closed.is_none()).count();
            let closed = app.state.findings.len() - open;
            line("Findings", open == 0, format!("{open} open, {closed} closed"), Some((closed, open + closed)))
        }
        _ => {
            let detail = match (&app.signed, app.state.signed.len()) {
                (Some(signed), _) => format!("signed: {}", Shown::new(&signed.path.to_string_lossy())),
                (None, 0) => match app.blockers.iter().find(|b| !b.done) {
                    Some(b) => format!("approval is closed: {}", b.what),
                    None => "everything may be signed".to_owned(),
                },
                (None, n) => format!("{n} signed before"),
            };
            line("Sign-off", app.signed.is_some() || !app.state.signed.is_empty(), detail, None)
        }
    }
}

fn ruled(app: &App, group: Group) -> (usize, usize) {
    let of = |class: Class| match class {
        Class::Integrity => Group::Bundle,
        Class::Flagged | Class::Read | Class::Archive => Group::Source,
        Class::Broken | Class::Claim => Group::Provenance,
        _ => Group::Artifacts,
    };
    let all = app.items.iter().filter(|i| i.class != Class::Question && of(i.class) == group).count();
    let open: usize = app.tally.iter().filter(|(c, _)| **c != Class::Question && of(**c) == group).map(|(_, n)| n).sum();
    (all.saturating_sub(open), all)
}

/// A row of the groups, as narrow windows have it.
pub(super) fn group_row(app: &App, at: usize) -> Row {
    let s = summary(app, at);
    Row::new()
        .with(Role::Text, &format!(" {:<16} ", s.name))
        .with(s.role, &format!("{} {:<9} ", s.mark, s.word))
        .with(Role::Text, &s.detail)
}

fn groups(canvas: &mut Canvas<'_, '_>, area: Rect, roomy: bool) {
    let app = canvas.app;
    let focused = app.pane() == Pane::Groups;
    let inside = canvas.pane(area, Row::new().with(Role::Text, QUESTION), true, focused);
    let (role, word, why) = verdict(app);
    canvas.row(inside, 0, &Row::new().with(role, &format!(" {word}   ")).with(Role::Text, &why), false);
    let at = app.cursor(Pane::Groups).at;
    for i in 0..app.rows_of(Pane::Groups) {
        let selected = focused && i == at;
        let y = if roomy { 2 + 2 * i } else { 1 + i };
        if roomy {
            let s = summary(app, i);
            let bar = match s.done {
                Some((done, all)) if all > 0 => {
                    let full = done * 8 / all;
                    format!("[{}{}] {}/{}", "#".repeat(full), ".".repeat(8 - full), grouped(done as u64), grouped(all as u64))
                }
                _ => String::new(),
            };
            let head = Row::new()
                .with(Role::Text, &format!(" {:<16} ", s.name))
                .with(s.role, &format!("{} {:<9} ", s.mark, s.word))
                .with(Role::Dim, &bar);
            canvas.row(inside, y, &head, selected);
            canvas.row(inside, y + 1, &Row::new().with(Role::Text, &format!("   {}", s.detail)), false);
        } else {
            canvas.row(inside, y, &group_row(app, i), selected);
        }
        if selected {
            canvas.cursor(inside, 0, y);
        }
    }
    if roomy {
        let y = 3 + 2 * app.rows_of(Pane::Groups);
        let text = " machine results say what was computed; a person accepts or rejects";
        canvas.row(inside, y, &Row::new().with(Role::Dim, text), false);
    }
    canvas.drawn.panes.push((Pane::Groups, 0, app.rows_of(Pane::Groups)));
}

/// A row of the queue: the machine's mark, the person's mark, what it is and why.
pub(super) fn queue_row(app: &App, at: usize, width: usize) -> Row {
    let Some(item) = app.items.get(at) else { return Row::new() };
    let person = app.person_mark(item);
    let mut row = Row::new().with(role_of(item.mark), &format!(" {}", item.mark)).with(
        match person {
            'x' => Role::Bad,
            'a' => Role::Good,
            _ => Role::Text,
        },
        &format!("{person} "),
    );
    let title = (width.saturating_sub(4) / 2).clamp(16, 46);
    // Of a path the end says most, of a question the beginning.
    let name = if item.class == Class::Question { item.title.shown().cut(title) } else { item.title.shown().cut_start(title) };
    row.push(Role::Text, column(&name, title));
    row.push(Role::Text, Shown::new("  "));
    row.push(if person == 'a' { Role::Dim } else { Role::Text }, Shown::new(&item.why));
    row
}

fn queue(canvas: &mut Canvas<'_, '_>, area: Rect, first: bool, focused: bool) {
    let app = canvas.app;
    let title = Row::new().with(Role::Text, &format!("Next to review ({})", grouped(app.open_count() as u64)));
    let inside = canvas.pane(area, title, first, focused);
    if app.items.is_empty() {
        let text = if app.facts.is_complete() { " nothing to review" } else { " nothing yet …" };
        canvas.row(inside, 0, &Row::new().with(Role::Dim, text), false);
    }
    let width = usize::from(inside.width);
    canvas.list(inside, Pane::Queue, app.items.len(), |i| queue_row(app, i, width));
}

fn evidence(canvas: &mut Canvas<'_, '_>, area: Rect, index: usize, first: bool) {
    let app = canvas.app;
    let Some(item) = app.items.get(index) else { return };
    let mut title = Row::new().with(Role::Text, "Evidence: ");
    title.push(Role::Text, item.title.shown().cut_start(usize::from(area.width).saturating_sub(16)));
    let inside = canvas.pane(area, title, first, false);
    let rows = crate::tui::widgets::wrap(&app.item_rows(item), usize::from(inside.width).saturating_sub(2));
    let rows: Vec<Row> = rows.into_iter().map(indent).collect();
    canvas.rows(inside, &rows);
    if rows.len() <= usize::from(inside.height) {
        canvas.drawn.evidence = Some(item.id.clone());
    }
}

fn checks(canvas: &mut Canvas<'_, '_>, area: Rect) {
    let app = canvas.app;
    let selected = app.groups.get(app.cursor(Pane::Groups).at).map(|g| g.group);
    let title = selected.map_or("Evidence", Group::name);
    let inside = canvas.pane(area, Row::new().with(Role::Text, &format!("Evidence: {title}")), false, false);
    let mut rows = Vec::new();
    for check in app.checks.iter().filter(|c| Some(c.code.group) == selected) {
        let (mark, role, word) = words(check.verdict);
        rows.push(Row::new().with(role, &format!("{mark} {word:<9} ")).with(Role::Title, check.code.code));
        rows.push(Row::new().with(Role::Dim, "  should hold: ").with(Role::Text, check.code.sentence));
        if !check.why.is_empty() {
            rows.push(Row::new().with(Role::Text, &format!("  {}", check.why)));
        }
        rows.push(Row::new());
    }
    let rows = crate::tui::widgets::wrap(&rows, usize::from(inside.width).saturating_sub(2));
    let rows: Vec<Row> = rows.into_iter().map(indent).collect();
    canvas.rows(inside, &rows);
}

/// A row one cell to the right.
pub(super) fn indent(row: Row) -> Row {
    let mut out = Row::new().with(Role::Text, " ");
    out.0.extend(row.0);
    out
}
