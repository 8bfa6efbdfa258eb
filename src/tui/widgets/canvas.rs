//! A frame to draw on, which remembers what was drawn and where the cursor is.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::{Clear, Widget as _};

use super::line;
use crate::text::{Role, Row};
use crate::tui::app::{App, Drawn, Pane};
use crate::tui::theme::Theme;

/// A frame to draw on.
pub(crate) struct Canvas<'a, 'b> {
    frame: &'a mut Frame<'b>,
    pub(crate) app: &'a App,
    theme: Theme,
    pub(crate) drawn: Drawn,
}

impl<'a, 'b> Canvas<'a, 'b> {
    pub(crate) fn new(app: &'a App, frame: &'a mut Frame<'b>) -> Self {
        let area = frame.area();
        frame.buffer_mut().set_style(area, app.theme.ground());
        Self { theme: app.theme, app, frame, drawn: Drawn::default() }
    }

    /// The whole window.
    pub(crate) fn area(&self) -> Rect {
        self.frame.area()
    }

    /// Draws a row at the given line of an area, over its whole width.
    pub(crate) fn row(&mut self, area: Rect, at: usize, row: &Row, selected: bool) {
        let Ok(at) = u16::try_from(at) else { return };
        let area = area.intersection(self.frame.area());
        if at >= area.height || area.width == 0 {
            return;
        }
        let drawn = line(row, usize::from(area.width), self.theme, selected);
        self.frame.buffer_mut().set_line(area.x, area.y + at, &drawn, area.width);
    }

    /// Puts the terminal's cursor there.
    pub(crate) fn cursor(&mut self, area: Rect, column: usize, at: usize) {
        let (Ok(column), Ok(at)) = (u16::try_from(column), u16::try_from(at)) else { return };
        if column < area.width && at < area.height {
            self.frame.set_cursor_position(Position::new(area.x + column, area.y + at));
        }
    }

    /// Blanks an area.
    pub(crate) fn clear(&mut self, area: Rect) {
        let area = area.intersection(self.frame.area());
        Clear.render(area, self.frame.buffer_mut());
        self.frame.buffer_mut().set_style(area, self.theme.ground());
    }

    /// Draws the top rule with a title, and a rule on the left unless it is the first pane; returns what is inside.
    pub(crate) fn pane(&mut self, area: Rect, title: Row, first: bool, focused: bool) -> Rect {
        if area.width == 0 || area.height == 0 {
            return Rect { height: 0, ..area };
        }
        let mut top = Row::new().with(Role::Dim, if first { " " } else { "┌ " });
        for mut segment in title.0 {
            if focused && segment.role == Role::Text {
                segment.role = Role::Title;
            }
            top.0.push(segment);
        }
        if focused && self.app.zoom {
            top.push(Role::Dim, crate::text::Shown::new("  (alone: z shows all panes)"));
        }
        top.push(Role::Text, crate::text::Shown::new(" "));
        let left = usize::from(area.width).saturating_sub(top.width());
        top.push(Role::Dim, crate::text::Shown::new(&"─".repeat(left)));
        self.row(area, 0, &top, false);
        let inside = Rect { y: area.y + 1, height: area.height - 1, ..area };
        if first {
            return inside;
        }
        let rule = Row::new().with(Role::Dim, "│");
        for at in 0..usize::from(inside.height) {
            self.row(Rect { width: 1, ..inside }, at, &rule, false);
        }
        Rect { x: inside.x + 1, width: inside.width - 1, ..inside }
    }

    /// Draws the rows of a pane that fit, the one under the cursor reversed when the pane has the focus.
    pub(crate) fn list(&mut self, area: Rect, pane: Pane, len: usize, mut row: impl FnMut(usize) -> Row) {
        let cursor = self.app.cursor(pane);
        let height = usize::from(area.height);
        let top = cursor.first(height, len);
        let focused = self.app.pane() == pane;
        for (at, i) in (top..len.min(top + height)).enumerate() {
            let selected = i == cursor.at;
            self.row(area, at, &row(i), selected && focused);
            self.target(area, at, pane, i);
            if selected && focused {
                self.cursor(area, 0, at);
            }
        }
        self.drawn.panes.push((pane, top, height));
        self.drawn.targets.panes.push((pane, area));
    }

    /// Says which row of a pane the line of an area is.
    pub(crate) fn target(&mut self, area: Rect, at: usize, pane: Pane, row: usize) {
        let Ok(at) = u16::try_from(at) else { return };
        if at < area.height {
            let line = Rect { y: area.y + at, height: 1, ..area };
            self.drawn.targets.rows.push((pane, line, row));
        }
    }

    /// The rows of a pane that a list drew last.
    pub(crate) fn visible(&self, pane: Pane, len: usize) -> std::ops::Range<usize> {
        let found = self.drawn.panes.iter().rev().find(|(p, _, _)| *p == pane);
        found.map_or(0..0, |(_, top, height)| *top..len.min(top + height))
    }

    /// Draws plain rows from the first, as many as fit.
    pub(crate) fn rows(&mut self, area: Rect, rows: &[Row]) {
        for (at, row) in rows.iter().take(usize::from(area.height)).enumerate() {
            self.row(area, at, row, false);
        }
    }
}
