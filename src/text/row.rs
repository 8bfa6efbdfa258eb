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

impl Role {
    /// All of them, in their order.
    pub const ALL: [Self; 17] = [
        Self::Text,
        Self::Dim,
        Self::Title,
        Self::Good,
        Self::Bad,
        Self::Explained,
        Self::Unknown,
        Self::Shipped,
        Self::Rebuilt,
        Self::Relocated,
        Self::Hidden,
        Self::Key,
        Self::Claim,
        Self::Comment,
        Self::Keyword,
        Self::Literal,
        Self::Name,
    ];

    /// Its name in the file of a theme.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Dim => "dim",
            Self::Title => "title",
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Explained => "explained",
            Self::Unknown => "unknown",
            Self::Shipped => "shipped",
            Self::Rebuilt => "rebuilt",
            Self::Relocated => "relocated",
            Self::Hidden => "hidden",
            Self::Key => "key",
            Self::Claim => "claim",
            Self::Comment => "comment",
            Self::Keyword => "keyword",
            Self::Literal => "literal",
            Self::Name => "name",
        }
    }
}

impl Role {
    /// What it is for, in a few words.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Text => "plain text",
            Self::Dim => "less important than its neighbours",
            Self::Title => "headings, and what has the focus",
            Self::Good => "the same bytes, or a check that passed",
            Self::Bad => "different and not explained, or a check that failed",
            Self::Explained => "different and explained by a proof",
            Self::Unknown => "could not be checked",
            Self::Shipped => "what changed, on the shipped side",
            Self::Rebuilt => "what changed, on the rebuilt side",
            Self::Relocated => "an operand or value that changed for a proved reason",
            Self::Hidden => "a hidden character made visible",
            Self::Key => "a key to press",
            Self::Claim => "what the supplier claims",
            Self::Comment => "source: a comment",
            Self::Keyword => "source: a word of the language",
            Self::Literal => "source: a string, number or other value",
            Self::Name => "source: a name where it is defined",
        }
    }
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
