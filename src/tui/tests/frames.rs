//! What is drawn: every screen at every size, with its styles, and the bytes that a terminal gets.

use std::num::NonZeroU16;

use ratatui::buffer::Cell;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};
use ratatui::{Terminal, TerminalOptions, Viewport};
use unicode_segmentation::UnicodeSegmentation as _;

use super::{Bench, SCREENS, Screen};
use crate::tui::app::App;
use crate::tui::term::Lean;
use crate::tui::theme::{Level, Palette, Theme};

/// What colour and attribute carry beside the text: one word for a style, empty where it is plain.
fn style(cell: &Cell) -> String {
    let mut word = match cell.fg {
        Color::Reset => String::new(),
        colour => format!("{colour:?}").to_lowercase(),
    };
    for (modifier, name) in [
        (Modifier::BOLD, "+bold"),
        (Modifier::DIM, "+dim"),
        (Modifier::ITALIC, "+italic"),
        (Modifier::UNDERLINED, "+under"),
        (Modifier::REVERSED, "+turned"),
    ] {
        if cell.modifier.contains(modifier) {
            word.push_str(name);
        }
    }
    if cell.bg != Color::Reset {
        word.push_str(&format!(" on {:?}", cell.bg).to_lowercase());
    }
    word
}

fn look(cell: &Cell) -> (Color, Color, Modifier) {
    (cell.fg, cell.bg, cell.modifier)
}

/// Runs of cells that are not plain, row by row: `3: 1-14 red+bold`.
fn styles(bench: &Bench) -> String {
    let buffer = bench.screen.backend().buffer();
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let cells: Vec<&Cell> = (0..buffer.area.width).map(|x| &buffer[(x, y)]).collect();
        let mut from = 0;
        let mut runs = Vec::new();
        for run in cells.chunk_by(|a, b| look(a) == look(b)) {
            let word = style(run[0]);
            if !word.is_empty() {
                runs.push(format!("{from}-{} {word}", from + run.len() - 1));
            }
            from += run.len();
        }
        if !runs.is_empty() {
            out.push_str(&format!("{y}: {}\n", runs.join(", ")));
        }
    }
    out
}

#[test]
fn every_screen_at_three_sizes() {
    for (columns, rows) in [(80, 24), (120, 40), (200, 60)] {
        for (name, walk) in SCREENS {
            let mut bench = Bench::new(columns, rows);
            let text = bench.walk(walk).text();
            insta::assert_snapshot!(format!("{name}_{columns}x{rows}"), format!("{text}styles\n{}", styles(&bench)));
            // The same frame in ASCII: cell for cell the same but for our own glyphs, with the same styles.
            let unicode = bench.screen.backend().buffer().clone();
            bench.app.theme.ascii = true;
            bench.draw();
            let ascii = bench.screen.backend().buffer();
            for (ours, other) in unicode.content().iter().zip(ascii.content()) {
                let same = ours.symbol() == other.symbol() || bench.app.theme.glyphs(ours.symbol()) == other.symbol();
                assert!(same && look(ours) == look(other), "{name} at {columns}x{rows}: {ours:?} {other:?}");
            }
            if columns == 80 {
                insta::assert_snapshot!(format!("{name}_ascii"), bench.text());
            }
        }
    }
}

#[test]
fn what_fails_is_never_painted_as_what_passes() {
    for (theme, level) in [("default", Level::Sixteen), ("dark", Level::True), ("light", Level::True), ("high-contrast", Level::True)] {
        let mut bench = Bench::new(120, 40);
        bench.app.theme = Theme::new(Palette::built_in(theme), level, false);
        let mut painted = [Vec::new(), Vec::new()];
        for walk in ["1", "3", "4 F", "n n"] {
            bench.walk(walk);
            let buffer = bench.screen.backend().buffer();
            for y in 3..buffer.area.height - 2 {
                // A mark stands between blanks; only those of the machine are looked at.
                for x in 1..buffer.area.width - 1 {
                    let alone = [x - 1, x + 1].iter().all(|x| buffer[(*x, y)].symbol() == " ");
                    let turned = buffer[(x, y)].modifier.contains(Modifier::REVERSED);
                    match buffer[(x, y)].symbol() {
                        "!" if alone && !turned => painted[0].push(style(&buffer[(x, y)])),
                        "=" if alone && !turned => painted[1].push(style(&buffer[(x, y)])),
                        _ => {}
                    }
                }
            }
        }
        let [bad, good] = painted;
        assert!(bad.len() > 5 && good.len() > 5, "{theme}: {} and {}", bad.len(), good.len());
        assert!(!bad.iter().any(|b| b.is_empty() || good.contains(b)), "{theme}: {bad:?} {good:?}");
    }
}

/// Everything in a buffer is one printable cluster of our own or of the guard's.
pub(super) fn assert_printable(bench: &Bench, context: &str) {
    let buffer = bench.screen.backend().buffer();
    for cell in buffer.content() {
        let symbol = cell.symbol();
        let plain = symbol.len() == 1 && symbol.as_bytes()[0].is_ascii_graphic() || symbol == " " || symbol.is_empty();
        assert!(plain || crate::text::Shown::new(symbol).as_str() == symbol, "{symbol:?} after {context}");
    }
}

#[test]
fn no_size_panics_and_everything_is_printable() {
    for (name, walk) in SCREENS {
        let mut bench = Bench::new(120, 40);
        bench.walk(walk);
        for (n, rows) in [1, 2, 5, 15, 16, 17, 24, 40, 60].into_iter().enumerate() {
            for columns in 1..=130 {
                // All of them for the seven screens; a part of them for what lies over these and for other rows of them.
                let whole = ["overview", "source", "provenance", "artifacts", "compare", "findings", "signoff"].contains(&name);
                if whole || (usize::from(columns) + n) % 9 == 0 || [59, 60, 61, 99, 100, 101].contains(&columns) {
                    bench.resize(columns, rows);
                    if (columns + rows) % 5 == 0 {
                        assert_printable(&bench, name);
                    }
                }
            }
        }
    }
}

#[test]
fn every_screen_is_reached_by_keys_in_a_window_of_any_size() {
    for (columns, rows) in [(1, 1), (59, 16), (60, 16), (99, 24), (100, 16), (250, 50)] {
        for (name, walk) in SCREENS {
            let mut bench = Bench::new(columns, rows);
            bench.walk(walk).walk("z w = j k");
            assert_printable(&bench, name);
        }
    }
}

#[test]
fn a_too_small_window_says_so() {
    let bench = Bench::new(59, 16);
    assert_eq!(bench.row(0), "countersign: 2 differ, 15 to review");
    assert_eq!(bench.row(1), "window 59x16: make it 60x16 or more");
}

#[test]
fn the_pinned_keys_are_there_at_every_width() {
    for walk in ["1", "2", "3", "4", "5", "6", "7"] {
        let mut bench = Bench::new(60, 16);
        bench.walk(walk);
        for columns in (60..220).skip(bench.app.screen as usize % 3).step_by(3) {
            bench.resize(columns, 16);
            let hints = bench.row(-1);
            assert!(hints.contains("n next to review") && hints.contains("? keys"), "{columns}: {hints}");
            assert!(!hints.contains('…'));
        }
    }
}

#[test]
fn ascii_glyphs_leave_only_the_bundles_own_characters() {
    let mut bench = Bench::new(120, 40);
    bench.app.theme = Theme::new(None, Level::Mono, true);
    for (name, walk) in SCREENS {
        bench.walk("<esc> <esc> <esc>");
        bench.walk(walk);
        assert!(bench.text().is_ascii(), "{name}: {}", bench.text());
        let buffer = bench.screen.backend().buffer();
        assert!(buffer.content().iter().all(|c| c.fg == Color::Reset && c.bg == Color::Reset));
    }
}

/// Bytes that a backend wrote.
#[derive(Clone, Default)]
struct Wire(std::rc::Rc<std::cell::RefCell<Vec<u8>>>);

impl std::io::Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The real backend, writing into bytes, and a terminal that reads them.
pub(super) struct Wired {
    wire: Wire,
    terminal: Terminal<Lean<Wire>>,
    seen: vt100::Parser,
}

impl Wired {
    pub(super) fn new(columns: u16, rows: u16) -> Self {
        ratatui::crossterm::style::force_color_output(true);
        let wire = Wire::default();
        let viewport = Viewport::Fixed(Rect::new(0, 0, columns, rows));
        let terminal = Terminal::with_options(Lean::new(wire.clone(), true), TerminalOptions { viewport }).expect("a terminal");
        let [rows, columns] = [rows, columns].map(|n| NonZeroU16::new(n).expect("not zero"));
        Self { wire, terminal, seen: vt100::Parser::new(rows, columns, 0) }
    }

    fn resize(&mut self, columns: u16, rows: u16) {
        self.terminal.resize(Rect::new(0, 0, columns, rows)).expect("another size");
        let [rows, columns] = [rows, columns].map(|n| NonZeroU16::new(n).expect("not zero"));
        self.seen.screen_mut().set_size(rows, columns);
    }

    /// Draws as the loop does; gives the bytes of this frame.
    pub(super) fn draw(&mut self, app: &App) -> Vec<u8> {
        self.terminal.draw(|f| drop(crate::tui::screens::draw(app, f))).expect("drawn");
        let bytes = self.wire.0.take();
        self.seen.process(&bytes);
        bytes
    }

    /// The screen is what the buffer has: text, and what can be seen of colours and attributes, cell by cell.
    pub(super) fn assert_same(&self, bench: &Bench, context: &str) {
        let buffer = bench.screen.backend().buffer();
        let screen = self.seen.screen();
        for y in 0..buffer.area.height {
            for x in 0..buffer.area.width {
                let (ours, theirs) = (&buffer[(x, y)], screen.cell(y, x).expect("a cell"));
                if theirs.is_wide_continuation() {
                    continue;
                }
                let text = if theirs.has_contents() { theirs.contents() } else { " " };
                let at_the_end = x + 1 == buffer.area.width && ours.bg != Color::Reset;
                assert!(theirs.has_contents() || !at_the_end, "{context}: row {y} ends in what was only erased");
                let has = |m| ours.modifier.contains(m);
                let blank = text == " " && !has(Modifier::REVERSED) && !has(Modifier::UNDERLINED);
                let ground = match (ours.bg, theirs.bgcolor()) {
                    (Color::Reset, vt100::Color::Default) => true,
                    (Color::Rgb(r, g, b), vt100::Color::Rgb(x, y, z)) => (r, g, b) == (x, y, z),
                    (Color::Indexed(a), vt100::Color::Idx(b)) => a == b,
                    _ => false,
                };
                let colour = match (ours.fg, theirs.fgcolor()) {
                    (Color::Reset, vt100::Color::Default) => true,
                    (Color::Rgb(r, g, b), vt100::Color::Rgb(x, y, z)) => (r, g, b) == (x, y, z),
                    (Color::Indexed(a), vt100::Color::Idx(b)) => a == b,
                    (Color::Reset | Color::Rgb(..) | Color::Indexed(_), _) => false,
                    (_, vt100::Color::Idx(n)) => n < 16,
                    _ => false,
                };
                let same = text == ours.symbol()
                    && ground
                    && (blank || colour && theirs.bold() == has(Modifier::BOLD))
                    && theirs.inverse() == has(Modifier::REVERSED)
                    && theirs.underline() == has(Modifier::UNDERLINED);
                assert!(same, "{context}: column {x}, row {y}: {:?} is {text:?} {:?}", ours, theirs.fgcolor());
            }
        }
    }
}

/// Draws through the real backend into bytes, as the first frame.
pub(super) fn bytes_of(bench: &Bench, columns: u16, rows: u16) -> Vec<u8> {
    Wired::new(columns, rows).draw(&bench.app)
}

#[test]
fn a_terminal_shows_what_the_buffer_has_over_any_sequence_of_screens_and_sizes() {
    let sizes = [(80, 24), (120, 40), (60, 16), (200, 60), (59, 16), (100, 30), (161, 20), (81, 25)];
    for (theme, level) in [("default", Level::Sixteen), ("dark", Level::True), ("light", Level::Indexed)] {
        let mut wired = Wired::new(80, 24);
        let mut bench = Bench::new(80, 24);
        bench.app.theme = Theme::new(Palette::built_in(theme), level, false);
        bench.draw();
        for (n, (name, walk)) in SCREENS.into_iter().enumerate() {
            for key in walk.split_whitespace().chain(["j", "z", "z", "<pgdn>"]) {
                bench.walk(key);
                wired.draw(&bench.app);
            }
            wired.assert_same(&bench, &format!("{name} in {theme}"));
            let (columns, rows) = sizes[n % sizes.len()];
            bench.resize(columns, rows);
            wired.resize(columns, rows);
            wired.draw(&bench.app);
            wired.assert_same(&bench, &format!("{name} in {theme} at {columns}x{rows}"));
            bench.walk("<esc> <esc> n");
            wired.draw(&bench.app);
        }
    }
}

/// Fails unless the bytes are printable but for sequences of the kinds that we send: CSI with digits; no OSC, no other control,
/// nothing that reorders.
pub(super) fn assert_ours(bytes: Vec<u8>, context: &str) {
    let text = String::from_utf8(bytes).expect("UTF-8");
    let mut rest = String::new();
    let mut parts = text.split("\u{1b}[");
    rest.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let end = part.find(|c: char| ('@'..='~').contains(&c)).expect("a final byte");
        assert!(part[..end].chars().all(|c| c.is_ascii_digit() || ";?".contains(c)), "{context}: {:?}", &part[..end]);
        // Cursor, erase, style, mode: none of them asks the terminal anything (`c`, `n`, `p`, `q`, `t` and `x` would).
        assert!("HABCDGJKXmhl".contains(&part[end..=end]), "{context}: {:?}", &part[..=end]);
        rest.push_str(&part[end + 1..]);
    }
    for cluster in rest.graphemes(true).filter(|c| !c.bytes().all(|b| b.is_ascii_graphic() || b == b' ')) {
        assert_eq!(crate::text::Shown::new(cluster).as_str(), cluster, "{context}");
    }
}

#[test]
fn only_our_own_sequences_reach_the_terminal() {
    for (name, walk) in SCREENS {
        let mut bench = Bench::new(120, 40);
        bench.walk(walk);
        let bytes = bytes_of(&bench, 120, 40);
        assert!(bytes.len() < 16_000, "{name}: {} bytes for a frame", bytes.len());
        assert_ours(bytes, name);
    }
}

#[test]
fn no_frame_is_larger_than_16_kilobytes_and_a_cursor_move_not_larger_than_600_bytes() {
    for (theme, level) in [("default", Level::Sixteen), ("dark", Level::True), ("high-contrast", Level::True)] {
        for (name, walk) in SCREENS {
            let mut bench = Bench::new(200, 60);
            bench.app.theme = Theme::new(Palette::built_in(theme), level, false);
            let mut wired = Wired::new(200, 60);
            let first = wired.draw(&bench.walk(walk).app).len();
            assert!(first < 16 * 1024, "{name} in {theme}: {first} bytes for a frame");
            // Where evidence follows the cursor, more than the cursor moves.
            let alone = !matches!(bench.app.screen, Screen::Overview | Screen::Provenance | Screen::Artifacts);
            if bench.app.dialog.is_none() && alone {
                bench.walk("j");
                wired.draw(&bench.app);
                bench.walk("k");
                let moved = wired.draw(&bench.app).len();
                assert!(moved < 600, "{name} in {theme}: {moved} bytes for a cursor move");
            }
        }
    }
}
