//! The seven screens: each draws from `&App` and changes nothing.

mod artifacts;
mod compare;
mod findings;
mod overview;
mod provenance;
mod signoff;
mod source;

use ratatui::Frame;

use super::action::Screen;
use super::app::{App, Drawn, Pane};
use super::theme::Theme;
use super::widgets::{Canvas, body, chrome, over, too_small};
use crate::text::{Role, Row};

/// Draws everything; returns what was inside the frame.
pub fn draw(app: &App, frame: &mut Frame<'_>) -> Drawn {
    let mut canvas = Canvas::new(app, frame);
    if too_small(&mut canvas) {
        return Drawn::default();
    }
    let area = body(canvas.area());
    match app.screen {
        Screen::Overview => overview::draw(&mut canvas, area),
        Screen::Source => source::draw(&mut canvas, area),
        Screen::Provenance => provenance::draw(&mut canvas, area),
        Screen::Artifacts => artifacts::draw(&mut canvas, area),
        Screen::Compare => compare::draw(&mut canvas, area),
        Screen::Findings => findings::draw(&mut canvas, area),
        Screen::Signoff => signoff::draw(&mut canvas, area),
    }
    chrome(&mut canvas);
    over(&mut canvas);
    canvas.drawn
}

/// What is drawn while a large bundle is being listed: nothing is known of it yet.
pub(crate) fn opening(frame: &mut Frame<'_>, theme: Theme) {
    let area = frame.area();
    frame.buffer_mut().set_style(area, theme.ground());
    let rows = [
        Row::new().with(Role::Title, " countersign").with(Role::Text, "  opening the bundle …"),
        Row::new().with(Role::Text, " names and sizes are being read, no content yet"),
        Row::new().with(Role::Key, " q").with(Role::Text, " leave"),
    ];
    for (y, row) in (area.y..area.bottom()).zip(rows) {
        let line = super::widgets::line(&row, usize::from(area.width), theme, false);
        frame.render_widget(line, ratatui::layout::Rect::new(area.x, y, area.width, 1));
    }
}

/// The text of a pane's row: what a search looks at.
pub(crate) fn row_text(app: &App, pane: Pane, at: usize) -> String {
    let plain = |row: Row| row.plain();
    match pane {
        Pane::Groups => plain(overview::group_row(app, at)),
        Pane::Queue => plain(overview::queue_row(app, at, 200)),
        Pane::Tree => {
            app.source.tree.get(at).and_then(|r| app.facts.source_path(r.entry)).map(|path| path.shown().to_string()).unwrap_or_default()
        }
        Pane::Commits | Pane::Change => plain(source::past_row(app, pane, at)),
        Pane::File => app.open_file().map(|f| f.line(at).to_string()).unwrap_or_default(),
        Pane::Claims => plain(provenance::claim_row(app, at)),
        Pane::Evidence => app.evidence.rows.get(at).map(Row::plain).unwrap_or_default(),
        Pane::Files => plain(artifacts::file_row(app, at, 400)),
        Pane::Parts => plain(compare::part_row(app, at, 200)),
        Pane::Listing => compare::listing_text(app, at),
        Pane::Covered => plain(compare::covered_row(app, at, 400)),
        Pane::Checklist => plain(findings::question_row(app, at)),
        Pane::Notes => findings::note_text(app, at),
        Pane::Blockers => plain(signoff::blocker_row(app, at)),
        Pane::Statement => app.statement.get(at).map(Row::plain).unwrap_or_default(),
        Pane::Sheet => plain(app.sheet_row(at)),
    }
}
