//! Events: what a person did, in words that a journal line keeps for ever.

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

/// Where a note or a finding is attached: names, places and digests; never source text or disassembly.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Anchor {
    /// The item it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// Artifact path, function or attestation, as displayable text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub place: String,
    /// Address in the shipped file, where that applies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<u64>,
    /// Path in the source tree, as displayable text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Line in that file, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// SHA-256 of the shipped content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shipped: Option<String>,
    /// SHA-256 of the rebuilt content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rebuilt: Option<String>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Body {
    /// The bundle was opened by a reviewer.
    Opened {
        /// Bundle identity (hexadecimal), empty while a loose directory is not hashed.
        bundle: String,
        /// Product and version as displayable text.
        release: String,
        /// Who reviews.
        reviewer: String,
        /// Program name and version.
        tool: String,
    },
    /// An item is in front.
    At {
        /// The item's id.
        item: String,
    },
    /// Differences of an item were inside a drawn frame.
    Shown {
        /// The item's id.
        item: String,
        /// The item's digest.
        digest: String,
        /// Indices of the differences shown.
        differences: Vec<u32>,
        /// How many differences the item has.
        of: u32,
    },
    /// Lines of a source file were inside a drawn frame.
    Read {
        /// Path in the tree, as displayable text.
        path: String,
        /// The blob's id.
        blob: String,
        /// First line, from 1.
        from: u64,
        /// Last line.
        to: u64,
        /// Lines in the file.
        of: u64,
    },
    /// An item was ruled on.
    Ruled {
        /// The item's id.
        item: String,
        /// The item's digest: the ruling holds only while it is unchanged.
        digest: String,
        /// The ruling.
        ruling: Ruling,
        /// The reason, in the reviewer's words.
        reason: String,
        /// How many files one ruling covers (a rule or a batch); 1 by hand.
        covers: u64,
    },
    /// A note was written.
    Noted {
        /// Where.
        at: Anchor,
        /// The words.
        text: String,
    },
    /// A finding was filed.
    Filed {
        /// Its id, `F1`, `F2`, …
        id: String,
        /// The words.
        title: String,
        /// How bad.
        severity: FindingSeverity,
        /// Where.
        at: Anchor,
    },
    /// A finding was closed.
    Closed {
        /// Its id.
        id: String,
        /// Why.
        reason: String,
    },
    /// A question of the checklist was answered.
    Answered {
        /// The question's id.
        id: String,
        /// `yes`, `no`, `n/a`, or empty to take the answer back.
        answer: String,
    },
    /// An earlier event was taken back; it stays in the journal.
    Undone {
        /// The event's number.
        n: u64,
    },
    /// An undone event counts again.
    Redone {
        /// The event's number.
        n: u64,
    },
    /// A record was signed.
    Signed {
        /// SHA-256 of the record's payload.
        payload: String,
        /// The outcome.
        decision: Decision,
        /// Fingerprint of the key.
        key: String,
    },
}

impl Body {
    /// Whether `u` takes it back.
    #[must_use]
    pub fn is_undoable(&self) -> bool {
        matches!(self, Self::Ruled { .. } | Self::Noted { .. } | Self::Filed { .. } | Self::Closed { .. } | Self::Answered { .. })
    }
}

/// An event in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its number, from 1: the order of what happened.
    pub n: u64,
    /// The room's wall clock (RFC 3339): not to be trusted for order.
    pub time: String,
    /// What happened.
    pub body: Body,
}
