//! The terminal: entered once, and put back however the console ends.

mod lean;

use std::cell::Cell;
use std::io::{self, Stdout};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use ratatui::Terminal;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use ratatui::crossterm::style::{Print, force_color_output};
use ratatui::crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::crossterm::{execute, queue};

pub(crate) use lean::Lean;

/// Buttons and wheel, with places of any size. crossterm's own command asks for every movement too, which nobody needs here and
/// which would wake the loop for each. Neither asks the terminal anything.
const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1006h";
/// Off again; does nothing where it was not on.
const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1000l";

/// Whether the console has the terminal.
static ENTERED: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// Whether this is the thread that draws.
    static FRONT: Cell<bool> = const { Cell::new(false) };
}

/// The terminal in raw mode and on the alternate screen; dropping it puts everything back.
pub(crate) struct Term {
    terminal: Terminal<Lean<Stdout>>,
    mouse: bool,
    erases: bool,
}

impl Term {
    /// Enters. A panic of this thread from here on restores the terminal before the hook that was there reports it.
    ///
    /// `erases`: whether this terminal erases with the background that is set.
    pub(crate) fn enter(mouse: bool, erases: bool) -> io::Result<Self> {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| {
                // A job that panics becomes a finding; its report would be written over the screen.
                if ENTERED.load(Ordering::SeqCst) && !FRONT.with(Cell::get) {
                    return;
                }
                restore();
                before(info);
            }));
        });
        FRONT.with(|front| front.set(true));
        // With NO_COLOR set, crossterm writes a reset in place of every colour and with it loses reverse and bold. The
        // mono theme sets no colour, so nothing is lost by writing what is asked for.
        force_color_output(true);
        match take(mouse).and_then(|()| Terminal::new(Lean::new(io::stdout(), erases))) {
            Ok(terminal) => Ok(Self { terminal, mouse, erases }),
            Err(error) => {
                restore();
                Err(error)
            }
        }
    }

    /// Puts the terminal back, does that, and enters again: the next frame is drawn whole.
    /// What was done counts also when the terminal cannot be entered any more.
    pub(crate) fn lend<T>(&mut self, work: impl FnOnce() -> T) -> (T, io::Result<()>) {
        restore();
        let result = work();
        let erases = self.erases;
        let entered = take(self.mouse).and_then(|()| Terminal::new(Lean::new(io::stdout(), erases)));
        (result, entered.map(|terminal| self.terminal = terminal))
    }

    /// Columns and rows.
    pub(crate) fn size(&self) -> io::Result<(u16, u16)> {
        self.terminal.size().map(|s| (s.width, s.height))
    }

    /// Draws one frame, which the terminal shows at once or not at all.
    pub(crate) fn draw(&mut self, draw: impl FnOnce(&mut ratatui::Frame<'_>)) -> io::Result<()> {
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        let drawn = self.terminal.draw(draw).map(|_| ());
        execute!(self.terminal.backend_mut(), EndSynchronizedUpdate)?;
        drawn
    }
}

impl Drop for Term {
    fn drop(&mut self) {
        restore();
    }
}

/// Raw mode and the alternate screen.
fn take(mouse: bool) -> io::Result<()> {
    enable_raw_mode()?;
    ENTERED.store(true, Ordering::SeqCst);
    execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste)?;
    if mouse { execute!(io::stdout(), Print(MOUSE_ON)) } else { Ok(()) }
}

fn restore() {
    if !ENTERED.swap(false, Ordering::SeqCst) {
        return;
    }
    // Nothing can be done here about a terminal that is gone.
    let _ = execute!(io::stdout(), EndSynchronizedUpdate, Print(MOUSE_OFF), DisableBracketedPaste, LeaveAlternateScreen, Show);
    let _ = disable_raw_mode();
}
