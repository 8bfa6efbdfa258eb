//! Searching the list or file in front, and the command line.

use super::{App, Dialog, Pane};
use crate::tui::widgets::grouped;

/// A search that is on.
#[derive(Clone, Debug)]
pub(crate) struct Search {
    /// What is searched for, in lower case.
    pub(crate) text: String,
    /// Where.
    pub(crate) pane: Pane,
}

impl App {
    pub(crate) fn start_search(&mut self, text: &str) {
        if text.is_empty() {
            self.search = None;
            return;
        }
        self.search = Some(Search { text: text.to_lowercase(), pane: self.pane() });
        let here = self.cursor(self.pane()).at;
        if !self.matches(here) {
            self.search_step(true);
        } else {
            self.say("n and N step through the matches, Esc ends the search");
        }
    }

    fn matches(&self, at: usize) -> bool {
        self.search.as_ref().is_some_and(|s| self.text_of(s.pane, at).to_lowercase().contains(&s.text))
    }

    pub(crate) fn search_step(&mut self, forward: bool) {
        let Some(search) = self.search.clone() else { return };
        let len = self.rows_of(search.pane);
        let at = self.cursor(search.pane).at;
        let found = (1..=len).map(|n| if forward { (at + n) % len } else { (at + len - n % len) % len }).find(|i| self.matches(*i));
        match found {
            Some(i) => {
                self.focus_on(search.pane);
                self.put_in_view(search.pane, i);
                self.say("n and N step through the matches, Esc ends the search");
            }
            None => {
                self.search = None;
                self.say("not found here");
            }
        }
    }

    /// The text of a row, for searching.
    pub(crate) fn text_of(&self, pane: Pane, at: usize) -> String {
        crate::tui::screens::row_text(self, pane, at)
    }

    /// `:`: a line, an address, or `q`.
    pub(crate) fn command(&mut self, text: &str) {
        if text == "q" {
            self.dialog = Some(Dialog::Leaving);
            return;
        }
        if text == "save" {
            return self.save_again();
        }
        if text == "correct" {
            return self.ask_correction();
        }
        if let Some(wanted) = super::report::Wanted::of(text) {
            return self.report(&wanted);
        }
        if let Some(wanted) = text.strip_prefix("0x").and_then(|hex| u64::from_str_radix(hex, 16).ok()) {
            if self.screen == crate::tui::action::Screen::Compare && self.loaded().is_some() {
                self.compare.want = Some(super::compare::Want::Number(wanted));
                self.part_changed();
                self.focus_on(Pane::Listing);
            } else {
                self.say("addresses are on Compare");
            }
            return;
        }
        match text.parse::<usize>() {
            Ok(line) => {
                let pane = self.pane();
                self.put_in_view(pane, line.saturating_sub(1));
                let text = format!("row {} of {}", grouped(self.cursor(pane).at as u64 + 1), grouped(self.rows_of(pane) as u64));
                self.say(&text);
            }
            Err(_) => self.say(":217 line, :0x4a34 address, :report FILE.html, :save again, :correct a signed review, :q leaves"),
        }
    }
}
