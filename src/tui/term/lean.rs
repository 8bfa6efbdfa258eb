//! The terminal library's backend with fewer bytes: one sequence where the style changes, which names only what changed, and no
//! change of the text colour for a blank that has none; long blanks are erased. A frame of 200 x 60 in 24 bits is less than half of
//! the library's own.

use std::fmt::Write as _;
use std::io::{self, Write};

use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use ratatui::style::{Color, Modifier};

/// Writes frames.
pub(crate) struct Lean<W: Write> {
    rest: CrosstermBackend<W>,
    /// The bytes of the frame that is being made.
    frame: String,
    erases: bool,
}

/// What the terminal draws with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pen {
    fg: Color,
    bg: Color,
    modifier: Modifier,
}

/// How the terminal is before and after each frame.
const PLAIN: Pen = Pen { fg: Color::Reset, bg: Color::Reset, modifier: Modifier::empty() };

/// Attributes, how they are set, and how they are ended: bold and dim end together.
const ATTRIBUTES: [(Modifier, u8, u8); 8] = [
    (Modifier::BOLD, 1, 22),
    (Modifier::DIM, 2, 22),
    (Modifier::ITALIC, 3, 23),
    (Modifier::UNDERLINED, 4, 24),
    (Modifier::SLOW_BLINK, 5, 25),
    (Modifier::RAPID_BLINK, 6, 25),
    (Modifier::REVERSED, 7, 27),
    (Modifier::CROSSED_OUT, 9, 29),
];

/// Blanks that are erased rather than written: the sequence and going on behind them are shorter from there on.
const WORTH: u16 = 13;

/// Where the terminal's cursor is.
#[derive(Default)]
struct Place {
    /// The cell behind the one written last, which is where the next one is written without a word.
    next: Option<(u16, u16)>,
    /// Whether the cursor is certainly there: behind a wide character it is not.
    sure: bool,
}

impl Place {
    fn go(&mut self, frame: &mut String, x: u16, y: u16) {
        match self.next {
            Some(next) if next == (x, y) => {}
            Some((at, row)) if row == y && at < x && self.sure => {
                let _ = write!(frame, "\x1b[{}C", x - at);
            }
            _ => {
                let _ = write!(frame, "\x1b[{};{}H", u32::from(y) + 1, u32::from(x) + 1);
            }
        }
        (self.next, self.sure) = (Some((x, y)), true);
    }

    fn passed(&mut self, x: u16, y: u16, symbol: &str) {
        (self.next, self.sure) = (x.checked_add(1).map(|x| (x, y)), symbol.len() == 1);
    }
}

/// Whether nothing but the background of a cell can be seen.
fn is_blank(cell: &Cell) -> bool {
    cell.symbol() == " " && !cell.modifier.intersects(SEEN)
}

/// Attributes that can be seen on a blank.
const SEEN: Modifier = Modifier::UNDERLINED.union(Modifier::REVERSED).union(Modifier::CROSSED_OUT);

impl<W: Write> Lean<W> {
    /// `erases`: whether this terminal erases with the background that is set and not with its own.
    pub(crate) fn new(writer: W, erases: bool) -> Self {
        Self { rest: CrosstermBackend::new(writer), frame: String::new(), erases }
    }

    /// Changes the pen by one sequence.
    fn change(&mut self, from: Pen, to: Pen) {
        let start = self.frame.len();
        self.frame.push_str("\x1b[");
        let first = self.frame.len();
        let gone = from.modifier - to.modifier;
        let mut ended = 0;
        for (_, _, end) in ATTRIBUTES.iter().filter(|(m, ..)| gone.contains(*m)) {
            if *end != ended {
                let _ = write!(self.frame, "{end};");
                ended = *end;
            }
        }
        for (modifier, on, end) in ATTRIBUTES {
            // What ends with another attribute is set again.
            let again = from.modifier.contains(modifier) && ATTRIBUTES.iter().any(|(m, _, e)| gone.contains(*m) && *e == end);
            if to.modifier.contains(modifier) && (again || !from.modifier.contains(modifier)) {
                let _ = write!(self.frame, "{on};");
            }
        }
        if from.fg != to.fg {
            self.colour(to.fg, 38);
        }
        if from.bg != to.bg {
            self.colour(to.bg, 48);
        }
        if self.frame.len() == first {
            self.frame.truncate(start);
            return;
        }
        self.frame.pop();
        self.frame.push('m');
    }

    fn colour(&mut self, colour: Color, kind: u8) {
        let number = match colour {
            Color::Reset => {
                let _ = write!(self.frame, "{};", kind + 1);
                return;
            }
            Color::Rgb(r, g, b) => {
                let _ = write!(self.frame, "{kind};2;{r};{g};{b};");
                return;
            }
            Color::Indexed(number) => number,
            Color::Black => 0,
            Color::Red => 1,
            Color::Green => 2,
            Color::Yellow => 3,
            Color::Blue => 4,
            Color::Magenta => 5,
            Color::Cyan => 6,
            Color::Gray => 7,
            Color::DarkGray => 8,
            Color::LightRed => 9,
            Color::LightGreen => 10,
            Color::LightYellow => 11,
            Color::LightBlue => 12,
            Color::LightMagenta => 13,
            Color::LightCyan => 14,
            Color::White => 15,
        };
        let _ = write!(self.frame, "{kind};5;{number};");
    }
}

/// The pen that a cell needs when the terminal has that one: on a blank only what can be seen of it matters.
fn wanted(cell: &Cell, pen: Pen) -> Pen {
    if is_blank(cell) && !pen.modifier.intersects(SEEN) {
        return Pen { bg: cell.bg, ..pen };
    }
    Pen { fg: cell.fg, bg: cell.bg, modifier: cell.modifier }
}

impl<W: Write> Backend for Lean<W> {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        self.frame.clear();
        let mut pen = PLAIN;
        let mut place = Place::default();
        let mut cells = content.peekable();
        while let Some((x, y, cell)) = cells.next() {
            let to = wanted(cell, pen);
            place.go(&mut self.frame, x, y);
            if to != pen {
                self.change(pen, to);
                pen = to;
            }
            if !is_blank(cell) || !(cell.bg == Color::Reset || self.erases) {
                self.frame.push_str(cell.symbol());
                place.passed(x, y, cell.symbol());
                continue;
            }
            let mut run = 1;
            while cells.next_if(|(cx, cy, c)| is_blank(c) && c.bg == cell.bg && *cy == y && x.checked_add(run) == Some(*cx)).is_some() {
                run += 1;
            }
            if run < WORTH {
                self.frame.extend(std::iter::repeat_n(' ', usize::from(run)));
                place.passed(x + (run - 1), y, " ");
                continue;
            }
            let ends = cells.peek().is_none_or(|(cx, cy, _)| *cy != y || x.checked_add(run) != Some(*cx));
            if cell.bg == Color::Reset || !ends {
                let _ = write!(self.frame, "\x1b[{run}X");
                continue;
            }
            // What was only erased at the end of a row is not in what `tmux capture-pane` gives: a picture would lack its colour there.
            let before = run - 1;
            let _ = write!(self.frame, "\x1b[{before}X\x1b[{before}C ");
            place.passed(x + before, y, " ");
        }
        if pen != PLAIN {
            self.frame.push_str("\x1b[m");
        }
        self.rest.write_all(self.frame.as_bytes())
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        self.rest.hide_cursor()
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        self.rest.show_cursor()
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        // The terminal would have to be asked, and its answer comes in as keys.
        Ok(Position::ORIGIN)
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.rest.set_cursor_position(position)
    }

    fn clear(&mut self) -> io::Result<()> {
        self.rest.clear()
    }

    fn clear_region(&mut self, clear_type: ClearType) -> io::Result<()> {
        self.rest.clear_region(clear_type)
    }

    fn append_lines(&mut self, n: u16) -> io::Result<()> {
        self.rest.append_lines(n)
    }

    fn size(&self) -> io::Result<Size> {
        self.rest.size()
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        self.rest.window_size()
    }

    fn flush(&mut self) -> io::Result<()> {
        Backend::flush(&mut self.rest)
    }
}

impl<W: Write> Write for Lean<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.rest.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Write::flush(&mut self.rest)
    }
}
