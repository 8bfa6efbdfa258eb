//! Counts, marks, one pane alone, wrapping, hiding what is the same, and the mouse: ways to move and to see, nothing else.

use std::time::Duration;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Rect;

use super::cursor::Cursor;
use super::{App, Dialog, Pane, Search};
use crate::tui::action::{Action, Screen};

/// Digits and a key that moves, each within that time of the one before, are a count; a digit alone goes to its screen at once.
const TOGETHER: Duration = Duration::from_millis(400);

/// The largest count.
const MOST: usize = 9_999_999;

/// How often a step that has to look for its goal is repeated.
const STEPS: usize = 1_000;

/// Rows that one step of the wheel moves.
const WHEEL: usize = 3;

/// What of a frame the mouse can point at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Targets {
    /// The inside of each pane.
    pub(crate) panes: Vec<(Pane, Rect)>,
    /// Rows of the screen, and which row of a pane each is.
    pub(crate) rows: Vec<(Pane, Rect, usize)>,
    /// The tabs.
    pub(crate) tabs: Vec<(Rect, Screen)>,
}

/// A digit that was obeyed at once and may turn out to be the first of a count: what was in front before.
pub(super) struct FirstDigit {
    digit: usize,
    at: Duration,
    screen: Screen,
    sideways: usize,
    zoom: bool,
    search: Option<Search>,
    detail: Option<String>,
    selection: Option<(Pane, usize)>,
    errand: bool,
    back: usize,
    forward: Vec<super::go::Spot>,
}

/// What is typed and not complete yet.
#[derive(Default)]
pub(super) struct Typing {
    /// A count.
    count: Option<usize>,
    /// A digit that may become one.
    first: Option<FirstDigit>,
    /// Setting or going to a mark: its letter is missing.
    mark: Option<Action>,
}

impl Typing {
    /// Whether a count was typed.
    pub(super) fn counts(&self) -> bool {
        self.count.is_some()
    }
}

impl App {
    /// Takes a key for a count or the letter of a mark; says whether it was one.
    pub(super) fn types(&mut self, spelling: &str) -> bool {
        if let Some(action) = self.typing.mark.take() {
            let mut letters = spelling.chars();
            match (letters.next(), letters.next()) {
                (Some(letter @ 'a'..='z'), None) if action == Action::SetMark => self.set_mark(letter),
                (Some(letter @ 'a'..='z'), None) => self.go_mark(letter),
                _ if spelling == "Esc" => {}
                _ => self.say("a mark is a letter from a to z"),
            }
            return true;
        }
        let digit = spelling.parse::<usize>().ok().filter(|_| spelling.len() == 1);
        let first = self.typing.first.take().filter(|f| f.at + TOGETHER > self.now);
        match (digit, self.typing.count.take(), first) {
            (Some(digit), Some(count), _) => self.count(count.saturating_mul(10).saturating_add(digit)),
            (Some(digit), None, Some(first)) => {
                let number = (first.digit * 10 + digit).min(MOST);
                match self.keys.find(crate::tui::keymap::Context::On(self.screen), spelling) {
                    // Still two screens, one after the other, until a key that moves says that it was a number.
                    crate::tui::keymap::Found::Action(action @ Action::Screen(_)) => {
                        self.act(action);
                        self.typing.first = Some(FirstDigit { digit: number, at: self.now, ..first });
                    }
                    _ => {
                        self.take_back(first);
                        self.count(number);
                    }
                }
            }
            (Some(digit), None, None) => return self.first_digit(digit, spelling),
            (None, Some(count), _) => self.with_count(count, spelling),
            (None, None, Some(first)) if first.digit > 9 && self.moves(spelling) => {
                let number = first.digit;
                self.take_back(first);
                self.with_count(number, spelling);
            }
            // It may have been meant as a number: nothing is ruled on by it.
            (None, None, Some(first)) if first.digit > 9 && self.rules(spelling) => {
                self.say("a count is for a key that moves: nothing was done");
            }
            (None, None, _) => return false,
        }
        true
    }

    /// Whether a digit was obeyed that may still become a count: nobody had the time to look at the screen.
    pub(crate) fn may_be_count(&self) -> bool {
        self.typing.first.as_ref().is_some_and(|f| f.at + TOGETHER > self.now)
    }

    /// In how long the digit is a screen and no count any more.
    pub(crate) fn digit_settles_in(&self) -> Option<Duration> {
        let first = self.typing.first.as_ref()?;
        (first.at + TOGETHER).checked_sub(self.now).filter(|left| !left.is_zero())
    }

    /// Whether a key rules on something.
    fn rules(&self, spelling: &str) -> bool {
        let found = self.keys.find(crate::tui::keymap::Context::On(self.screen), spelling);
        use Action::{Accept, AcceptGroup, Answer, Redo, Reject, Undo};
        matches!(found, crate::tui::keymap::Found::Action(Accept | AcceptGroup | Answer(_) | Redo | Reject | Undo))
    }

    /// Whether a key moves in what is in front, and takes a count.
    fn moves(&self, spelling: &str) -> bool {
        let found = self.keys.find(crate::tui::keymap::Context::On(self.screen), spelling);
        let crate::tui::keymap::Found::Action(action) = found else { return false };
        matches!(
            action,
            Action::Down
                | Action::Up
                | Action::PageDown
                | Action::PageUp
                | Action::HalfDown
                | Action::HalfUp
                | Action::Top
                | Action::Bottom
                | Action::NextDifference
                | Action::PreviousDifference
        )
    }

    fn count(&mut self, count: usize) {
        let count = count.min(MOST);
        self.typing.count = Some(count);
        self.say(&format!("{count}: a count for a key that moves (j k G ] ...); Esc forgets it"));
    }

    /// A digit alone: obeyed at once where a key is bound to it, and remembered.
    fn first_digit(&mut self, digit: usize, spelling: &str) -> bool {
        let found = self.keys.find(crate::tui::keymap::Context::On(self.screen), spelling);
        let crate::tui::keymap::Found::Action(action) = found else {
            self.count(digit);
            return true;
        };
        if !matches!(action, Action::Screen(_) | Action::LineStart) {
            return false;
        }
        let before = FirstDigit {
            digit,
            at: self.now,
            screen: self.screen,
            sideways: self.sideways,
            zoom: self.zoom,
            search: self.search.clone(),
            detail: self.detail.clone(),
            selection: self.selection,
            errand: self.errand,
            back: self.back.len(),
            forward: self.forward.clone(),
        };
        self.act(action);
        self.typing.first = Some(before);
        true
    }

    fn take_back(&mut self, before: FirstDigit) {
        self.screen = before.screen;
        self.sideways = before.sideways;
        self.zoom = before.zoom;
        self.search = before.search;
        self.detail = before.detail;
        self.selection = before.selection;
        self.errand = before.errand;
        self.back.truncate(before.back);
        self.forward = before.forward;
    }

    fn with_count(&mut self, count: usize, spelling: &str) {
        self.message = None;
        if spelling == "Esc" {
            return;
        }
        let context = crate::tui::keymap::Context::On(self.screen);
        let spelling = match self.prefix.take() {
            Some(prefix) => format!("{prefix} {spelling}"),
            None => spelling.to_owned(),
        };
        let action = match self.keys.find(context, &spelling) {
            crate::tui::keymap::Found::Action(action) => action,
            crate::tui::keymap::Found::Prefix => {
                self.prefix = Some(spelling);
                self.typing.count = Some(count);
                return;
            }
            crate::tui::keymap::Found::Nothing => return self.say("a count is for a key that moves: nothing was done"),
        };
        self.compare.ended = None;
        self.asked = None;
        match action {
            Action::Down | Action::Up | Action::PageDown | Action::PageUp | Action::HalfDown | Action::HalfUp => {
                self.step_by(action, count)
            }
            Action::Top | Action::Bottom => self.go_to_row(count),
            Action::NextDifference
            | Action::PreviousDifference
            | Action::NextFile
            | Action::PreviousFile
            | Action::Left
            | Action::Right => {
                for _ in 0..count.min(STEPS) {
                    self.act(action);
                    // It says so when there is nothing further.
                    if self.message.is_some() {
                        break;
                    }
                }
                self.compare.ended = None;
            }
            _ => self.say("a count is for a key that moves: nothing was done"),
        }
    }

    /// `m` and `'`: waits for the letter.
    pub(super) fn ask_mark(&mut self, action: Action) {
        self.typing.mark = Some(action);
        self.say(if action == Action::SetMark { "mark this place: a letter from a to z" } else { "go to the mark: its letter" });
    }

    fn set_mark(&mut self, letter: char) {
        let spot = self.spot();
        self.marks.insert(letter, spot);
        self.say(&format!("mark {letter} is set: '{letter} comes back here"));
    }

    fn go_mark(&mut self, letter: char) {
        match self.marks.get(&letter).cloned() {
            Some(spot) => {
                self.remember();
                self.go_to_spot(spot);
            }
            None => self.say(&format!("there is no mark {letter}: m{letter} sets it")),
        }
    }

    /// The pane with the focus alone, or all of them again.
    pub(super) fn toggle_zoom(&mut self) {
        self.zoom = !self.zoom;
        // What a pane drew last had other heights.
        self.rewrap();
    }

    /// `w`: lines of the source are wrapped at first, rows of a listing are cut.
    pub(super) fn toggle_wrap(&mut self) {
        match self.pane() {
            Pane::File => {
                self.cut_lines = !self.cut_lines;
                self.say(if self.cut_lines { "long lines are cut: h and l scroll; w wraps them" } else { "long lines are wrapped" });
            }
            Pane::Listing if self.loaded().is_some() => {
                self.wrap_rows = !self.wrap_rows;
                self.sideways = 0;
                self.say(if self.wrap_rows { "long rows are wrapped" } else { "long rows are cut: h and l scroll; w wraps them" });
            }
            _ => self.say("w wraps the lines of a source file and the rows of a listing: Tab goes there"),
        }
    }

    /// `=` on Compare: hides rows that are the same on both sides, or shows them again.
    pub(super) fn toggle_same(&mut self) {
        self.compare.fold = !self.compare.fold;
        if self.compare.fold {
            self.say("rows that are the same on both sides are hidden: = shows them");
        }
    }

    /// The rows of a pane in the order of the screen that a step goes over; `None`: all of them.
    pub(super) fn stops(&self, pane: Pane) -> Option<&[usize]> {
        (pane == Pane::Listing && self.compare.fold).then(|| self.loaded().map(|l| l.near.as_slice())).flatten()
    }

    /// Takes what the mouse did: it moves and scrolls, and nothing else. In a dialog only lists of keys and places scroll.
    pub(super) fn mouse(&mut self, mouse: MouseEvent) {
        let wheel = match mouse.kind {
            MouseEventKind::ScrollDown => Some(true),
            MouseEventKind::ScrollUp => Some(false),
            MouseEventKind::Down(MouseButton::Left) => None,
            _ => return,
        };
        self.resume.touched = true;
        if self.dialog.is_some() {
            if let (Some(down), Some(Dialog::Help(_) | Dialog::Find(_))) = (wheel, &self.dialog) {
                let code = if down { KeyCode::Down } else { KeyCode::Up };
                for _ in 0..WHEEL {
                    self.dialog_key(&KeyEvent::new(code, KeyModifiers::NONE), if down { "Down" } else { "Up" });
                }
            }
            return;
        }
        // What was begun with keys is not finished on another row.
        (self.asked, self.prefix, self.compare.ended) = (None, None, None);
        self.typing = Typing::default();
        let on = |area: &Rect| area.contains((mouse.column, mouse.row).into());
        if let Some(down) = wheel {
            if let Some((pane, _)) = self.targets.panes.iter().find(|(_, area)| on(area)).copied() {
                self.scroll(pane, down);
            }
            return;
        }
        if let Some((_, screen)) = self.targets.tabs.iter().find(|(area, _)| on(area)).copied() {
            return self.act(Action::Screen(screen));
        }
        let pane = self.targets.panes.iter().find(|(_, area)| on(area)).map(|(pane, _)| *pane);
        let row = self.targets.rows.iter().find(|(_, area, _)| on(area)).map(|(pane, _, at)| (*pane, *at));
        if let Some(pane) = row.map(|(pane, _)| pane).or(pane).filter(|p| self.panes().contains(p)) {
            self.message = None;
            self.focus_on(pane);
        }
        if let Some((pane, at)) = row.filter(|(pane, _)| *pane == self.pane()) {
            let top = self.cursor(pane).top;
            self.put(pane, at);
            // The row stays under the pointer.
            self.cursor_mut(pane).top = top;
        }
    }

    /// Moves what is drawn of a pane, and its cursor only so far that it stays inside.
    fn scroll(&mut self, pane: Pane, down: bool) {
        let len = self.rows_of(pane);
        let Cursor { at, top, height } = self.cursor(pane);
        let top = if down { (top + WHEEL).min(len.saturating_sub(height.max(1))) } else { top.saturating_sub(WHEEL) };
        let last = (top + height.max(1) - 1).min(len.saturating_sub(1));
        let to = at.clamp(top.min(last), last);
        if to != at {
            self.put(pane, to);
        }
        self.cursor_mut(pane).top = top;
    }
}
