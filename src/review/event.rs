//! Events: what a person did, in words that a journal line keeps for ever.

mod anchor;
mod terms;
mod words;

pub use anchor::Anchor;
use serde::{Deserialize, Serialize};
pub use terms::{Decision, FindingSeverity, Ruling};

/// Where the reviewer was, so that a next session opens there: places and numbers, no text of a bundle but paths.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Resting {
    /// The screen, 1 to 7.
    pub screen: usize,
    /// Which of its panes had the focus, from 0.
    pub pane: usize,
    /// The row under the cursor of that pane, from 0.
    pub row: usize,
    /// The first row drawn of it.
    pub top: usize,
    /// Index of the artifact that was compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact: Option<usize>,
    /// Child indices from that artifact.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<usize>,
    /// Which part of it, and which of its views.
    #[serde(skip_serializing_if = "is_zero")]
    pub part: usize,
    /// Which view.
    #[serde(skip_serializing_if = "is_zero")]
    pub view: usize,
    /// Path of the source file in front, as displayable text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// A journal that was merged, up to the head that its reviewer gave before any was shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergedFrom {
    /// Whose.
    pub reviewer: String,
    /// The hash of its last line that counts.
    pub head: String,
    /// Lines up to there.
    pub count: u64,
}

fn is_zero(n: &usize) -> bool {
    *n == 0
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
    /// A loose directory was hashed to the end: from here its identity is known.
    Identified {
        /// Bundle identity (hexadecimal).
        bundle: String,
    },
    /// The review corrects one that was signed; what held of it follows, with the times of then.
    Corrects {
        /// SHA-256 of the payload of the record that is corrected.
        record: String,
        /// Head of the journal that it was made from.
        journal: String,
        /// Lines of that journal.
        count: u64,
        /// How many of the lines that follow were carried over from it.
        carried: u64,
        /// Number of the record that is corrected; records of before did not note it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sequence: Option<u64>,
    },
    /// The review was put together from two, each of which ruled alone; what they made alike follows.
    Merged {
        /// The two journals.
        from: Vec<MergedFrom>,
    },
    /// The two did not rule alike, or one of them did not rule: a person judges it again.
    Disputed {
        /// The item's id.
        item: String,
        /// Who said what.
        said: String,
    },
    /// Where the reviewer is.
    At {
        /// The id of the item in front; empty when none is.
        item: String,
        /// The exact place, when it was left.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rest: Option<Resting>,
    },
    /// What an earlier review handed on, from its signed record.
    Carried(super::Carried),
    /// An item whose ruling was carried over is to be looked at again.
    TakenUp {
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
        /// Whether it was printed as text, in a room whose policy counts that.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        text: bool,
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
        /// Whether it was printed as text, in a room whose policy counts that.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        text: bool,
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
    /// A finding was withdrawn: it was filed by mistake, or it is none.
    Withdrawn {
        /// Its id.
        id: String,
        /// Why.
        reason: String,
    },
    /// A finding that was closed or withdrawn is open again.
    Reopened {
        /// Its id.
        id: String,
        /// Why.
        reason: String,
    },
    /// A finding got other words or another severity; the words before stay in the journal.
    Edited {
        /// Its id.
        id: String,
        /// The words.
        title: String,
        /// How bad.
        severity: FindingSeverity,
    },
    /// A note got other words.
    Reworded {
        /// The number of the event that wrote it.
        n: u64,
        /// The words.
        text: String,
    },
    /// Somebody outside answered a finding: a claim, signed, and bound to the words that were asked.
    Replied {
        /// The finding's id.
        id: String,
        /// Digest of the question.
        question: String,
        /// What they say.
        text: String,
        /// Who, by the reviewer's own signers.
        who: String,
        /// Fingerprint of the key.
        key: String,
        /// SHA-256 of the file that was signed.
        file: String,
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
        /// Number of the record in the room's count; records of before did not note it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sequence: Option<u64>,
    },
}

impl Body {
    /// Whether `u` takes it back.
    #[must_use]
    pub fn is_undoable(&self) -> bool {
        matches!(
            self,
            Self::Ruled { .. }
                | Self::Noted { .. }
                | Self::Filed { .. }
                | Self::Closed { .. }
                | Self::Answered { .. }
                | Self::Withdrawn { .. }
                | Self::Reopened { .. }
                | Self::Edited { .. }
                | Self::Reworded { .. }
                | Self::TakenUp { .. }
        )
    }

    /// Whether a correction of a signed review carries it over.
    #[must_use]
    pub fn is_carried(&self) -> bool {
        let facts = matches!(self, Self::Shown { .. } | Self::Read { .. } | Self::At { .. } | Self::Merged { .. } | Self::Disputed { .. });
        facts || self.is_undoable() || matches!(self, Self::Carried(_) | Self::Replied { .. })
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
