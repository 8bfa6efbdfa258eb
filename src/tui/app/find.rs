//! Finding: one list over the screen, for all that has a name (^P), for all that can be done (:), and for text in all sources and
//! artifacts (g /).
//!
//! A hundred thousand names are matched a slice at a time, so that no key waits: [`App::idle_in`] asks for the next slice.

mod goals;

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use ratatui::crossterm::event::KeyEvent;

pub(crate) use goals::{Goal, GoalRow};

use super::dialog::{push, typed};
use super::{App, Dialog, Pane};
use crate::session::{Found, Hit, MAX_HITS, Query, names_in};
use crate::tui::action::{Action, Effect};

/// Rows that are kept of what matches, the best first.
const KEPT: usize = 200;
/// Names that are matched between two frames.
const SLICE: usize = 10_000;
/// Characters from which on all sources are searched.
const SHORTEST: usize = 2;

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// Items, findings, checks, files, functions, digests.
    Names,
    /// Actions, lines, addresses.
    Commands,
    /// Text in all sources and artifacts.
    Text,
}

/// The list over the screen.
pub(crate) struct Finder {
    pub(crate) what: What,
    pub(crate) text: String,
    /// The row under the cursor.
    pub(crate) at: usize,
    /// What matches, the best first.
    pub(crate) rows: Vec<(u32, Goal)>,
    /// How many match.
    pub(crate) count: usize,
    /// Everything that may match, and how much of it was looked at.
    all: Vec<Goal>,
    next: usize,
    matcher: Matcher,
}

impl Finder {
    fn is_done(&self) -> bool {
        self.next >= self.all.len()
    }

    /// How many names there are in all.
    pub(crate) fn total(&self) -> usize {
        self.all.len()
    }
}

/// The last search of all sources and artifacts: it is there again when the list is opened again.
#[derive(Default)]
pub(crate) struct TextSearch {
    pub(crate) text: String,
    /// Sorted by place.
    pub(crate) hits: Vec<Hit>,
    pub(crate) found: Found,
    /// The names of the line that the search was begun from, the most telling first, and which of them is looked for.
    names: Vec<String>,
    name: usize,
    /// The row under the cursor when the list was closed.
    at: usize,
}

/// The expression that finds a name as a word of its own.
fn as_word(name: &str) -> String {
    format!(r"\b{name}\b")
}

impl App {
    /// Opens the list.
    pub(crate) fn find(&mut self, what: What) {
        let (text, at) = match what {
            What::Text => (self.texts.text.clone(), self.texts.at),
            What::Names | What::Commands => (String::new(), 0),
        };
        let all = match what {
            What::Names => self.names(),
            What::Commands => self.commands(),
            What::Text => Vec::new(),
        };
        let matcher = Matcher::new(Config::DEFAULT.match_paths());
        let mut finder = Finder { what, text, at, rows: Vec::new(), count: 0, all, next: 0, matcher };
        self.match_more(&mut finder);
        self.dialog = Some(Dialog::Find(Box::new(finder)));
    }

    /// Whether names are still to be matched.
    pub(super) fn finds(&self) -> bool {
        matches!(&self.dialog, Some(Dialog::Find(finder)) if !finder.is_done())
    }

    /// Matches the next slice of names.
    pub(super) fn find_more(&mut self) {
        if let Some(Dialog::Find(mut finder)) = self.dialog.take_if(|d| matches!(d, Dialog::Find(f) if !f.is_done())) {
            self.match_more(&mut finder);
            self.dialog = Some(Dialog::Find(finder));
        }
    }

    fn match_more(&self, finder: &mut Finder) {
        let end = finder.all.len().min(finder.next + SLICE);
        let text = finder.text.trim();
        let pattern = Pattern::parse(text, CaseMatching::Smart, Normalization::Smart);
        let mut chars = Vec::new();
        for at in finder.next..end {
            let Some(goal) = finder.all.get(at) else { break };
            // Without a pattern the order is that of the names.
            let score = if text.is_empty() {
                Some(0)
            } else if goal.always(text) || self.has_digest(goal, text) {
                Some(u32::MAX)
            } else {
                let name = self.name_of(goal);
                pattern.score(Utf32Str::new(&name, &mut chars), &mut finder.matcher)
            };
            if let Some(score) = score {
                finder.count += 1;
                finder.rows.push((score, goal.clone()));
            }
        }
        finder.next = end;
        // Stable: of equal ones the first in our order.
        finder.rows.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        finder.rows.truncate(KEPT);
    }

    /// The number of rows of the list.
    pub(crate) fn find_rows(&self, finder: &Finder) -> usize {
        if finder.what == What::Text { self.texts.hits.len() } else { finder.rows.len() }
    }

    /// What a row of the list leads to.
    pub(crate) fn find_goal(&self, finder: &Finder, at: usize) -> Option<Goal> {
        match finder.what {
            What::Text => self.texts.hits.get(at).cloned().map(Goal::Hit),
            _ => finder.rows.get(at).map(|(_, goal)| goal.clone()),
        }
    }

    pub(crate) fn find_key(&mut self, mut finder: Box<Finder>, key: &KeyEvent, found: Option<Action>) {
        let last = self.find_rows(&finder).saturating_sub(1);
        let before = finder.text.clone();
        match found {
            Some(Action::Cancel) => return self.close_find(&finder),
            Some(Action::Confirm) => {
                self.close_find(&finder);
                match self.find_goal(&finder, finder.at) {
                    Some(goal) => self.reach(goal, &finder.text),
                    None if finder.what == What::Commands => self.command(finder.text.trim()),
                    None => self.say("nothing has that name"),
                }
                return;
            }
            Some(Action::Down) => finder.at = (finder.at + 1).min(last),
            Some(Action::Up) => finder.at = finder.at.saturating_sub(1),
            Some(Action::PageDown) => finder.at = (finder.at + 10).min(last),
            Some(Action::PageUp) => finder.at = finder.at.saturating_sub(10),
            Some(Action::NextField) if finder.what == What::Text && self.next_name(&mut finder) => {}
            Some(Action::NextField) => match self.find_goal(&finder, finder.at).and_then(|goal| self.completion(&goal, &finder.text)) {
                Some(word) if finder.text != word => finder.text = word,
                _ => finder.at = (finder.at + 1).min(last),
            },
            Some(Action::Erase) => {
                finder.text.pop();
            }
            Some(Action::EraseAll) => finder.text.clear(),
            _ => {
                if let Some(c) = typed(key) {
                    push(&mut finder.text, c);
                }
            }
        }
        if finder.text != before {
            self.find_changed(&mut finder);
        }
        self.dialog = Some(Dialog::Find(finder));
    }

    /// Text was pasted into the list.
    pub(super) fn find_pasted(&mut self, line: &str) {
        if let Some(Dialog::Find(mut finder)) = self.dialog.take() {
            line.chars().for_each(|c| push(&mut finder.text, c));
            self.find_changed(&mut finder);
            self.dialog = Some(Dialog::Find(finder));
        }
    }

    fn find_changed(&mut self, finder: &mut Finder) {
        finder.at = 0;
        if finder.what == What::Text {
            return self.search_texts(&finder.text);
        }
        (finder.next, finder.count) = (0, 0);
        finder.rows.clear();
        self.match_more(finder);
    }

    fn close_find(&mut self, finder: &Finder) {
        if finder.what == What::Text {
            self.texts.at = finder.at;
            if !self.texts.found.finished {
                self.effect(Effect::EndSearch);
                self.texts.found.finished = true;
            }
        }
    }

    /// Searches all sources and artifacts anew.
    fn search_texts(&mut self, text: &str) {
        let id = self.texts.found.id + 1;
        let short = text.chars().count() < SHORTEST;
        let (names, at) = (std::mem::take(&mut self.texts.names), self.texts.name);
        let found = Found { id, finished: short, ..Found::default() };
        self.texts = TextSearch { text: text.to_owned(), found, names, name: at, ..TextSearch::default() };
        if short {
            return self.effect(Effect::EndSearch);
        }
        let entries = self.facts.sources().flat_map(|(first, tree)| first..first + tree.entries.len()).collect();
        self.effect(Effect::Search(Query {
            id,
            text: text.to_owned(),
            name: self.wanted_name().map(|(name, ..)| name.to_owned()),
            entries,
        }));
    }

    /// The name that is looked for, as long as nothing else was typed: which one it is, and of how many.
    pub(crate) fn wanted_name(&self) -> Option<(&str, usize, usize)> {
        let name = self.texts.names.get(self.texts.name).filter(|name| as_word(name) == self.texts.text)?;
        Some((name, self.texts.name + 1, self.texts.names.len()))
    }

    /// Looks for the uses and definitions of a name of the line under the cursor.
    pub(crate) fn find_uses(&mut self) {
        let line = self.open_file().filter(|f| !f.binary).map(|f| f.line(self.cursor(Pane::File).at));
        let names = line.map(|line| names_in(line.as_str())).unwrap_or_default();
        let Some(first) = names.first().map(|name| as_word(name)) else {
            return self.say("the line under the cursor has no name: move to one that has");
        };
        (self.texts.names, self.texts.name) = (names, 0);
        self.search_texts(&first);
        self.find(What::Text);
    }

    /// Looks for the next name of the line that the search was begun from; false where it was not begun from one.
    fn next_name(&mut self, finder: &mut Finder) -> bool {
        let Some((_, at, of)) = self.wanted_name().filter(|_| finder.text == self.texts.text) else { return false };
        self.texts.name = at % of;
        finder.text = self.texts.names.get(self.texts.name).map(|name| as_word(name)).unwrap_or_default();
        true
    }

    /// A search found something, or got further.
    pub(super) fn found(&mut self, mut found: Found) {
        if found.id != self.texts.found.id {
            return;
        }
        let chosen = match &self.dialog {
            Some(Dialog::Find(finder)) if finder.what == What::Text && finder.at > 0 => self.texts.hits.get(finder.at).cloned(),
            _ => None,
        };
        self.texts.hits.append(&mut found.hits);
        self.texts.hits.sort();
        self.texts.hits.truncate(MAX_HITS);
        self.texts.found = found;
        // The cursor stays on what it was on.
        if let (Some(Dialog::Find(finder)), Some(hit)) = (&mut self.dialog, chosen) {
            finder.at = self.texts.hits.binary_search(&hit).unwrap_or(finder.at);
        }
    }
}
