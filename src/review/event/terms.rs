//! What a person decides: rulings, how bad a finding is, the outcome.

use serde::{Deserialize, Serialize};

/// What a person ruled on an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Ruling {
    /// Looked at and accepted.
    Accepted,
    /// Rejected, with a reason.
    Rejected,
}

impl Ruling {
    /// The mark on screens.
    #[must_use]
    pub fn mark(self) -> char {
        match self {
            Self::Accepted => 'a',
            Self::Rejected => 'x',
        }
    }
}

/// The outcome that a record states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Decision {
    /// Everything was judged and nothing stands in the way.
    Approved,
    /// Approved, with the findings that the record lists.
    ApprovedWithFindings,
    /// Rejected.
    Rejected,
    /// The review is not finished, and says so.
    Incomplete,
}

impl Decision {
    /// All of them, the least committing first.
    pub const ALL: [Self; 4] = [Self::Incomplete, Self::Rejected, Self::ApprovedWithFindings, Self::Approved];

    /// The word used on the command line and in records.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::ApprovedWithFindings => "approvedWithFindings",
            Self::Rejected => "rejected",
            Self::Incomplete => "incomplete",
        }
    }

    /// In plain words, for a person.
    #[must_use]
    pub fn phrase(self) -> &'static str {
        match self {
            Self::Approved => "APPROVED",
            Self::ApprovedWithFindings => "APPROVED WITH FINDINGS",
            Self::Rejected => "REJECTED",
            Self::Incomplete => "INCOMPLETE: neither approved nor rejected",
        }
    }

    /// Whether the release may be used by this decision.
    #[must_use]
    pub fn is_approval(self) -> bool {
        matches!(self, Self::Approved | Self::ApprovedWithFindings)
    }

    /// The decision of that word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|d| d.word() == word)
    }
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FindingSeverity {
    /// A remark.
    Note,
    /// Something is wrong.
    #[default]
    Problem,
    /// A release with this must not be used.
    Blocking,
}

impl FindingSeverity {
    /// The word used in records.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Problem => "problem",
            Self::Blocking => "blocking",
        }
    }

    /// The next one, round the end.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::Note => Self::Problem,
            Self::Problem => Self::Blocking,
            Self::Blocking => Self::Note,
        }
    }
}
