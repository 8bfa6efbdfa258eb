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
    /// What of it: the question that an attestation answers, a link of the chain, the code of a check.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The function, as its symbol claims.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// Address in the shipped file, where that applies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<u64>,
    /// Address after the last byte of a range.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_address: Option<u64>,
    /// Path in the source tree, as displayable text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Line in that file (without a path: in the artifact), from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// Last line of a span.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_line: Option<u64>,
    /// The id of the source file's blob.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blob: Option<String>,
    /// SHA-256 of the source file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// SHA-256 of the lines of the span, with their ends, as they are in the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub span: Option<String>,
    /// SHA-256 of the bytes of the range in the shipped file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<String>,
    /// SHA-256 of the bytes that an attestation's signature covers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
    /// SHA-256 of what a check or a link of the chain said: verdict, reason and evidence, with a zero byte between.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
    /// SHA-256 of the shipped content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shipped: Option<String>,
    /// SHA-256 of the rebuilt content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rebuilt: Option<String>,
}

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

impl Anchor {
    /// The place in words: the artifact or path, function and addresses, source lines.
    #[must_use]
    pub fn words(&self) -> String {
        let mut text = self.place.clone();
        if let Some(field) = &self.field {
            text.push_str(&format!(" {field}"));
        }
        match (self.address, self.to_address) {
            (Some(from), Some(to)) => text.push_str(&format!(" {from:#x}-{to:#x}")),
            (Some(at), None) => text.push_str(&format!(" {at:#x}")),
            _ => {}
        }
        text
    }

    /// The source lines in words: `src/a.c:3-9`; of an artifact's own text `line 7`.
    #[must_use]
    pub fn lines_words(&self) -> Option<String> {
        let line = self.line?;
        let to = self.to_line.filter(|to| *to != line).map_or_else(String::new, |to| format!("-{to}"));
        Some(match &self.path {
            Some(path) => format!("{path}:{line}{to}"),
            None => format!("line {line}{to}"),
        })
    }

    /// All digests with what each is of.
    #[must_use]
    pub fn digests(&self) -> Vec<(&'static str, &str)> {
        let all = [
            ("blob", &self.blob),
            ("source file", &self.content),
            ("lines", &self.span),
            ("shipped", &self.shipped),
            ("rebuilt", &self.rebuilt),
            ("bytes of the range", &self.range),
            ("statement", &self.statement),
            ("verdict", &self.verdict),
        ];
        all.into_iter().filter_map(|(what, digest)| Some((what, digest.as_deref()?))).collect()
    }

    /// Everything it says, a line each, for reading.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut out = vec![crate::text::Shown::new(&self.words()).to_string()];
        out.extend(self.lines_words().map(|l| crate::text::Shown::new(&l).to_string()));
        out.extend(self.digests().into_iter().map(|(what, digest)| format!("{what} {}", crate::text::Shown::new(digest))));
        out
    }
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
}

impl Body {
    /// Whether a correction of a signed review carries it over.
    #[must_use]
    pub fn is_carried(&self) -> bool {
        let facts = matches!(self, Self::Shown { .. } | Self::Read { .. } | Self::At { .. } | Self::Merged { .. } | Self::Disputed { .. });
        facts || self.is_undoable() || matches!(self, Self::Carried(_) | Self::Replied { .. })
    }

    /// What happened, in a few words. They hold what the reviewer typed and names from the bundle: not guarded.
    #[must_use]
    pub fn words(&self) -> String {
        let because = |reason: &str| if reason.is_empty() { String::new() } else { format!(", because: {reason}") };
        match self {
            Self::Opened { release, reviewer, tool, .. } => format!("opened {release}, by {reviewer}, with {tool}"),
            Self::Identified { bundle } => format!("hashed to the end: the bundle is {bundle}"),
            Self::Corrects { record, count, carried, .. } => {
                format!("corrects the record {record}; {carried} events are carried over from its journal of {count} lines")
            }
            Self::Merged { from } => {
                let sides: Vec<String> = from
                    .iter()
                    .map(|f| format!("{} ({} lines, head {})", f.reviewer, f.count, f.head.get(..16).unwrap_or(&f.head)))
                    .collect();
                format!("merged of {}", sides.join(" and "))
            }
            Self::Disputed { item, said } => format!("open again: {item}: {said}"),
            Self::At { item, rest } => {
                let screen = rest.as_ref().map_or_else(String::new, |r| format!(", screen {}", r.screen));
                if item.is_empty() { format!("no item in front{screen}") } else { format!("in front: {item}{screen}") }
            }
            Self::Shown { item, differences, of, .. } => format!("shown: {} of {of} differences of {item}", differences.len()),
            Self::Read { path, from, to, of, .. } => format!("read: {path}, lines {from} to {to} of {of}"),
            Self::Ruled { item, ruling, reason, covers, .. } => {
                let word = if *ruling == Ruling::Accepted { "accepted" } else { "rejected" };
                let group = if *covers > 1 { format!(" ({covers} files)") } else { String::new() };
                format!("{word}: {item}{group}{}", because(reason))
            }
            Self::Noted { at, text } => format!("note on {}: {text}", at.place),
            Self::Filed { id, title, at, .. } => format!("finding {id} on {}: {title}", at.place),
            Self::Closed { id, reason } => format!("closed {id}{}", because(reason)),
            Self::Carried(carried) => {
                let (rulings, files) = (carried.rulings.len(), carried.read.len());
                format!("carried over from record {}: {rulings} rulings, and what was shown of {files} files", carried.sequence)
            }
            Self::TakenUp { item } => format!("looks again at {item}"),
            Self::Withdrawn { id, reason } => format!("withdrew {id}{}", because(reason)),
            Self::Reopened { id, reason } => format!("opened {id} again{}", because(reason)),
            Self::Edited { id, title, severity } => format!("changed {id} ({}): {title}", severity.word()),
            Self::Reworded { n, text } => format!("changed the note of line {n}: {text}"),
            Self::Replied { id, text, who, .. } => format!("{who} answers {id}: {text}"),
            Self::Answered { id, answer } if answer.is_empty() => format!("answer to {id} taken back"),
            Self::Answered { id, answer } => format!("answered {id}: {answer}"),
            Self::Undone { n } => format!("took back line {n}"),
            Self::Redone { n } => format!("did line {n} again"),
            Self::Signed { payload, decision, key, .. } => format!("signed as {}: the record {payload}, with {key}", decision.word()),
        }
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
