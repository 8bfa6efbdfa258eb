//! The four fixed rows: header, tabs, status, hints; and what is drawn in too small a window.

use ratatui::layout::Rect;

use super::{Canvas, grouped};
use crate::model::Outcome;
use crate::review::Class;
use crate::session::seal::Level;
use crate::text::{Role, Row, Shown};
use crate::tui::action::{Action, Screen};
use crate::tui::app::{App, Dialog, Front, MEDIUM, Pane};
use crate::tui::keymap;

/// The smallest window that is drawn.
const SMALLEST: (u16, u16) = (60, 16);

/// The part of the window between the chrome.
pub(crate) fn body(area: Rect) -> Rect {
    Rect { y: area.y.saturating_add(2), height: area.height.saturating_sub(4), ..area }
}

/// Draws two lines when the window is too small for anything else; says whether it did.
pub(crate) fn too_small(canvas: &mut Canvas<'_, '_>) -> bool {
    let area = canvas.area();
    if area.width >= SMALLEST.0 && area.height >= SMALLEST.1 {
        return false;
    }
    let app = canvas.app;
    let differ: usize = [Class::Code, Class::Data].iter().filter_map(|c| app.tally.get(c)).sum();
    let first = format!("countersign: {differ} {}, {} to review", Class::Data.word(differ), app.open_count());
    let second = format!("window {}x{}: make it {}x{} or more", area.width, area.height, SMALLEST.0, SMALLEST.1);
    let rows = [Row::new().with(Role::Text, &first), Row::new().with(Role::Text, &second)];
    canvas.rows(area, &super::wrap(&rows, usize::from(area.width)));
    true
}

/// Draws header, tabs, status and hints.
pub(crate) fn chrome(canvas: &mut Canvas<'_, '_>) {
    let area = canvas.area();
    let app = canvas.app;
    let narrow = area.width < MEDIUM;
    canvas.row(area, 0, &header(app, usize::from(area.width), narrow), false);
    let (row, targets) = tabs(app, narrow);
    canvas.row(area, 1, &row, false);
    let tab = |(cells, screen): (std::ops::Range<usize>, Screen)| {
        let [x, width] = [cells.start, cells.len()].map(|n| u16::try_from(n).unwrap_or(u16::MAX));
        (Rect { x: area.x.saturating_add(x), y: area.y + 1, width, height: 1 }, screen)
    };
    canvas.drawn.targets.tabs = targets.into_iter().map(tab).collect();
    let bottom = Rect { y: area.y + area.height - 2, height: 2, ..area };
    if let Some(Dialog::Prompt(prompt)) = &app.dialog {
        let label = Shown::new(&prompt.label());
        let room = usize::from(area.width).saturating_sub(label.width() + 3);
        let text = Shown::new(&prompt.text).cut_start(room);
        let end = 1 + label.width() + text.width();
        let mut row = Row::new().with(Role::Text, " ");
        row.push(Role::Title, label);
        row.push(Role::Text, text);
        canvas.row(bottom, 0, &row, false);
        canvas.cursor(bottom, end, 0);
    } else {
        canvas.row(bottom, 0, &status(app, usize::from(area.width), narrow), false);
    }
    let hints = hints(app, usize::from(area.width));
    // A prompt's own complaint goes below it, where the hints are.
    match (&app.dialog, &app.message) {
        (Some(Dialog::Prompt(_)), Some((role, text))) => canvas.row(bottom, 1, &Row::new().with(*role, &format!(" {text}")), false),
        _ => canvas.row(bottom, 1, &hints, false),
    }
}

fn header(app: &App, width: usize, narrow: bool) -> Row {
    let release = &app.facts.release;
    let mut left = Row::new().with(Role::Title, " countersign").with(Role::Text, "  ");
    left.push(Role::Title, release.product.shown().cut(30));
    left.push(Role::Text, Shown::new(" "));
    left.push(Role::Title, release.version.shown().cut(20));
    let digest = release.identity.digest.map(|d| d.to_string());
    let identity = match (&digest, narrow) {
        (None, _) => "identity …".to_owned(),
        (Some(digest), true) => digest.get(..8).unwrap_or_default().to_owned(),
        (Some(digest), false) => {
            let part = |from: usize, to: usize| digest.get(from..to).unwrap_or_default();
            format!("bundle sha256:{} {} … {}", part(0, 4), part(4, 8), part(60, 64))
        }
    };
    left.push(Role::Text, Shown::new(&format!("  {identity}")));
    let who = Shown::new(if app.state.reviewer.is_empty() { "(no reviewer)" } else { &app.state.reviewer }).cut(24);
    let mut right = Row::new();
    right.push(Role::Text, Shown::new(&if narrow { format!("{who}  ") } else { format!("reviewer {who}  ") }));
    let room = width.saturating_sub(left.width() + right.width());
    // A seal that is less than whole is said in every window; a whole one where there is room.
    match app.seal {
        Some(Level::None) => right.push(Role::Bad, Shown::new("NO SEAL  ")),
        // What is saved comes after it, and must not be pushed out.
        Some(Level::SeccompOnly) => right.push(Role::Unknown, Shown::new(if room < 40 { "seccomp  " } else { "seal: seccomp-only  " })),
        Some(Level::Full) if !narrow || room > 26 => right.push(Role::Text, Shown::new("sealed  ")),
        Some(Level::Full) | None => {}
    }
    match app.read_only {
        Some(_) => right.push(Role::Bad, Shown::new("READ-ONLY")),
        None => right.push(Role::Text, Shown::new("OPEN")),
    }
    if app.unsaved_count() > 0 {
        right.push(Role::Bad, Shown::new("  NOT SAVED"));
    } else if !app.saved.is_empty() {
        right.push(Role::Text, Shown::new(&format!("  saved {}", app.saved)));
    }
    let gap = width.saturating_sub(left.width() + right.width()).max(2);
    left.push(Role::Text, Shown::new(&" ".repeat(gap)));
    left.0.extend(right.0);
    left
}

/// The tabs, and the cells of each.
fn tabs(app: &App, narrow: bool) -> (Row, Vec<(std::ops::Range<usize>, Screen)>) {
    let count = |classes: &[Class]| -> usize { classes.iter().filter_map(|c| app.tally.get(c)).sum() };
    let mut row = Row::new();
    let mut targets = Vec::new();
    for (i, screen) in Screen::ALL.into_iter().enumerate() {
        let (long, short) = screen.names();
        let name = if narrow { short } else { long };
        let refuted = app.facts.attestations.iter().flatten().flat_map(|a| &a.answers).any(|a| a.outcome == Outcome::No);
        let (mark, number) = match screen {
            Screen::Source => (if app.tally.contains_key(&Class::Archive) { "!" } else { "?" }, count(&[Class::Flagged, Class::Archive])),
            Screen::Provenance => (if refuted { "!" } else { "?" }, count(&[Class::Broken, Class::Claim])),
            Screen::Artifacts | Screen::Compare => ("!", count(&[Class::Code, Class::Data, Class::Metadata])),
            Screen::Findings => ("", app.state.findings.iter().filter(|f| f.closed.is_none()).count()),
            Screen::Overview | Screen::Signoff => ("", 0),
        };
        let number = if number == 0 { String::new() } else { format!(" {mark}{}", grouped(number as u64)) };
        let from = row.width();
        let text = format!("{}{} {name}", if i == 0 { " " } else { "  " }, i + 1);
        row.push(if screen == app.screen { Role::Title } else { Role::Dim }, Shown::new(&text));
        row.push(if mark == "!" { Role::Bad } else { Role::Unknown }, Shown::new(&number));
        targets.push((from..row.width(), screen));
    }
    (row, targets)
}

/// The counts of what is open, in at most so many cells: `41 to review: 1 differs · 4 unpaired`. What does not fit is
/// left out whole.
pub(crate) fn summary(app: &App, width: usize) -> String {
    match app.open_count() {
        0 if app.facts.is_complete() => return "0 to review".to_owned(),
        0 => return "0 to review so far".to_owned(),
        _ => {}
    }
    let differ: usize = [Class::Code, Class::Data].iter().filter_map(|c| app.tally.get(c)).sum();
    let mut parts = Vec::new();
    for (class, n) in &app.tally {
        match class {
            Class::Data if app.tally.contains_key(&Class::Code) => {}
            Class::Code | Class::Data => parts.push(format!("{} {}", grouped(differ as u64), class.word(differ))),
            _ => parts.push(format!("{} {}", grouped(*n as u64), class.word(*n))),
        }
    }
    let mut text = format!("{} to review: ", grouped(app.open_count() as u64));
    for (i, part) in parts.iter().enumerate() {
        let dot = if i == 0 { "" } else { " · " };
        let left = width.saturating_sub(text.chars().count() + dot.chars().count() + part.chars().count());
        if left < if i + 1 == parts.len() { 1 } else { 5 } {
            text.push_str(" · …");
            break;
        }
        text.push_str(dot);
        text.push_str(part);
    }
    text
}

fn status(app: &App, width: usize, narrow: bool) -> Row {
    if let Some((role, text)) = &app.message {
        return Row::new().with(*role, &format!(" {text}"));
    }
    let running: Vec<String> = app.jobs.iter().filter(|j| !j.finished).map(|j| app.job_words(j)).collect();
    if let Some(rows) = app.selected(app.pane()) {
        let n = rows.end() - rows.start() + 1;
        return Row::new().with(Role::Title, &format!(" {n} rows selected: c writes a note, f files a finding on them, s ends it"));
    }
    let mut text = match (app.screen, &app.compare.front) {
        (Screen::Compare, Front::Node(..) | Front::Group(_) | Front::Sources(_)) => compare_status(app),
        // The whole sentence of the group under the cursor, which its row may have to cut.
        (Screen::Overview, _) if app.pane() == Pane::Groups && app.cursor(Pane::Groups).at < app.groups.len() => {
            app.groups.get(app.cursor(Pane::Groups).at).map(|g| g.detail.clone()).unwrap_or_default()
        }
        _ => summary(app, width.saturating_sub(1 + running.iter().map(|j| j.chars().count() + 3).sum::<usize>())),
    };
    let jobs = running.join(" · ");
    if !jobs.is_empty() {
        // A job that runs must not fall off the end of a narrow line.
        let room = width.saturating_sub(jobs.chars().count() + 6);
        text = if narrow { Shown::new(&text).cut(room).to_string() } else { text };
        text = format!("{text} · {jobs}");
    }
    let search = app.search.as_ref().map(|s| format!(" searching \"{}\": n N, Esc ends ·", Shown::new(&s.text).cut(20)));
    Row::new().with(Role::Title, &search.unwrap_or_default()).with(Role::Text, &format!(" {text}"))
}

fn compare_status(app: &App) -> String {
    let front = app.front().and_then(|i| app.items.get(i).map(|item| (i, item)));
    let mut parts = Vec::new();
    if let Some(loaded) = app.loaded() {
        let at = app.cursor(Pane::Listing).at;
        let nth = loaded.runs.iter().filter(|r| **r <= at).count();
        let place = app.function().map(|(_, f)| format!(" in {}", f.name.shown().cut(30))).unwrap_or_default();
        parts.push(match loaded.runs.len() {
            0 => format!("no differing rows{place}"),
            n => format!("difference {} of {n}{place}", nth.max(1)),
        });
    }
    if let Some((i, item)) = front {
        let (shown, of) = app.coverage(item);
        parts.push(if of == 0 { "shown 0".to_owned() } else { format!("shown {}/{}", grouped(shown as u64), grouped(of as u64)) });
        parts.push(format!("item {} of {} to review", i + 1, app.items.len()));
        if let Some(ruled) = app.state.ruling(item) {
            let word = if ruled.ruling == crate::review::Ruling::Accepted { "accepted" } else { "rejected" };
            parts.push(word.to_owned());
        }
    } else {
        parts.push("not an item to review".to_owned());
    }
    parts.join(" · ")
}

/// The hint line: pinned keys always, the others whole or not at all.
pub(crate) fn hints(app: &App, width: usize) -> Row {
    // On what a rule or the batch covers there are no differences to step through, and one item is no group.
    let group = app.front().and_then(|i| app.items.get(i)).is_some_and(|i| i.is_group());
    let fits = |row: &&keymap::Key| match row.action {
        Action::Accept | Action::NextDifference | Action::PreviousDifference | Action::View => !group,
        Action::AcceptGroup => group,
        Action::NextField => match &app.dialog {
            Some(Dialog::Prompt(prompt)) => prompt.clone().severity().is_some(),
            _ => true,
        },
        _ => true,
    };
    let rows: Vec<_> = app.keys.hints(app.context()).into_iter().filter(|r| fits(r)).collect();
    let text = |row: &keymap::Key| format!("{} {}", row.keys.first().copied().unwrap_or_default(), row.hint);
    let cells = |row: &keymap::Key| text(row).chars().count() + 2;
    let pinned: usize = rows.iter().filter(|r| r.rank == 0).map(|r| cells(r)).sum();
    let mut left = width.saturating_sub(pinned + 1);
    let mut chosen = Vec::new();
    for row in rows.iter().filter(|r| r.rank > 0) {
        if cells(row) <= left {
            left -= cells(row);
            chosen.push(*row);
        }
    }
    chosen.extend(rows.iter().filter(|r| r.rank == 0));
    let mut line = Row::new().with(Role::Text, " ");
    for row in chosen {
        line.push(Role::Key, Shown::new(row.keys.first().copied().unwrap_or_default()));
        line.push(Role::Text, Shown::new(&format!(" {}  ", row.hint)));
    }
    line
}
