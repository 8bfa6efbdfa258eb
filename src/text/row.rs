//! Rows of meaning: what the screens, the command line and the tests all read.

use super::{Shown, Untrusted};

/// What a piece of text means. A theme gives it a colour; the mark and the word carry it without one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Plain text.
    #[default]
    Text,
    /// Less important than its neighbours.
    Dim,
    /// A heading.
    Title,
    /// Same bytes, or a check that passed.
    Good,
    /// Different and not explained, or a check that failed.
    Bad,
    /// Different and explained by a proof.
    Explained,
    /// Could not be checked.
    Unknown,
    /// The part that changed, on the shipped side.
    Shipped,
    /// The part that changed, on the rebuilt side.
    Rebuilt,
    /// An operand or a value that changed for a proved reason.
    Relocated,
    /// A hidden character made visible.
    Hidden,
    /// A key to press.
    Key,
    /// The supplier's claim (debug information, a name), as opposed to what was computed.
    Claim,
    /// In source: a comment.
    Comment,
    /// In source: a word of the language.
    Keyword,
    /// In source: a string, a number or another value.
    Literal,
    /// In source: a name where it is defined.
    Name,
}

/// A piece of displayable text with its meaning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// The text.
    pub text: Shown,
    /// What it means.
    pub role: Role,
}

/// One line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row(pub Vec<Segment>);

impl Row {
    /// An empty row.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds text of our own.
    #[must_use]
    pub fn with(mut self, role: Role, text: &str) -> Self {
        self.push(role, Shown::new(text));
        self
    }

    /// Adds text of the bundle, through the guard.
    #[must_use]
    pub fn untrusted(mut self, role: Role, text: &Untrusted) -> Self {
        self.push(role, text.shown());
        self
    }

    /// Adds displayable text.
    pub fn push(&mut self, role: Role, text: Shown) {
        self.0.push(Segment { text, role });
    }

    /// The text without its meaning.
    #[must_use]
    pub fn plain(&self) -> String {
        self.0.iter().map(|s| s.text.as_str()).collect()
    }

    /// Width in cells.
    #[must_use]
    pub fn width(&self) -> usize {
        self.0.iter().map(|s| s.text.width()).sum()
    }
}
