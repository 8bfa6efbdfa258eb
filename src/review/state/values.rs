//! What a person did, as values: rulings, notes, findings and what was answered to them.

use crate::review::{Anchor, FindingSeverity, Ruling};

/// A ruling on an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruled {
    /// The ruling.
    pub ruling: Ruling,
    /// The reason, in the reviewer's words.
    pub reason: String,
    /// The item's digest when it was ruled on.
    pub digest: String,
    /// How many files it covers.
    pub covers: u64,
}

/// A note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The number of the event that wrote it.
    pub n: u64,
    /// Where.
    pub at: Anchor,
    /// The words.
    pub text: String,
    /// When, by the room's clock.
    pub time: String,
}

/// A finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// `F1`, `F2`, …
    pub id: String,
    /// The words.
    pub title: String,
    /// How bad.
    pub severity: FindingSeverity,
    /// Where.
    pub at: Anchor,
    /// When, by the room's clock.
    pub time: String,
    /// Why it was closed or withdrawn, if it was.
    pub closed: Option<String>,
    /// Whether it was withdrawn rather than closed.
    pub withdrawn: bool,
    /// How often its words or severity were changed.
    pub edits: u32,
    /// What people outside answered, in order: claims.
    pub replies: Vec<Reply>,
}

impl Finding {
    /// The word of its state in records: `open`, `closed` or `withdrawn`.
    #[must_use]
    pub fn standing(&self) -> &'static str {
        match (&self.closed, self.withdrawn) {
            (None, _) => "open",
            (Some(_), false) => "closed",
            (Some(_), true) => "withdrawn",
        }
    }
}

/// An answer to a finding from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Digest of the question that it answers.
    pub question: String,
    /// The words: a claim.
    pub text: String,
    /// Who signed it, by the reviewer's own signers.
    pub who: String,
    /// Fingerprint of the key.
    pub key: String,
    /// When it was taken in, by the room's clock.
    pub time: String,
}
