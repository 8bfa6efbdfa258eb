//! The answers: lines of text, every one of which has passed the guard.

use crate::text::Shown;

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Say(String);

impl Say {
    /// An answer of one line.
    pub(super) fn one(text: &str) -> Self {
        let mut say = Self::default();
        say.line(text);
        say
    }

    /// Adds a line. Whatever is in it, it is one line, and nothing in it is obeyed by a terminal.
    pub(super) fn line(&mut self, text: &str) {
        self.0.push_str(Shown::new(text).as_str());
        self.0.push('\n');
    }

    /// Adds text that has lines already.
    pub(super) fn lines(&mut self, text: &str) {
        text.lines().for_each(|line| self.line(line.trim_end()));
    }

    /// Adds another answer.
    pub(super) fn add(&mut self, other: &Self) {
        self.0.push_str(&other.0);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Ends the line that the prompt stands in.
    pub(super) fn begin_on_a_line(&mut self) {
        self.0.insert(0, '\n');
    }

    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

/// `1 file`, `3 files`.
pub(super) fn count(n: usize, one: &str, several: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { several })
}
