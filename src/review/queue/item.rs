//! One thing that a person must judge: its class, its place, its digest.

use std::sync::Arc;

use serde::Serialize;

use crate::digest::Sha256;
use crate::model::{Cause, Question, Spot};
use crate::text::Untrusted;

/// What kind of judgement an item asks for; the order is the queue's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Class {
    /// The bundle itself is damaged or incomplete.
    Integrity,
    /// A link of the chain is broken, or an attestation is refuted.
    Broken,
    /// Something that no honest build does, such as one build-id over two contents.
    Alarm,
    /// A source archive holds what the reviewed tree does not, or differs from it.
    Archive,
    /// The same fact about the toolchain differs in several files: to be looked at before their code.
    Toolchain,
    /// Code in an executable differs.
    Code,
    /// Other content differs.
    Data,
    /// Not examined.
    NotExamined,
    /// No counterpart.
    Unpaired,
    /// Metadata differs that no cause explains.
    Metadata,
    /// A claim that cannot be checked.
    Claim,
    /// A source file with hidden characters.
    Flagged,
    /// One cause that explains differences in one or more files.
    Rule,
    /// A source file that must be read.
    Read,
    /// All identical files, as one item.
    Batch,
    /// A question of the room's checklist: after everything that helps to answer it.
    Question,
}

impl Class {
    /// Words for the status line: `1 differs · 4 unpaired`.
    #[must_use]
    pub fn word(self, count: usize) -> &'static str {
        let one = count == 1;
        match self {
            Self::Integrity if one => "integrity problem",
            Self::Integrity => "integrity problems",
            Self::Broken => "broken",
            Self::Alarm if one => "alarm",
            Self::Alarm => "alarms",
            Self::Archive if one => "archive difference",
            Self::Archive => "archive differences",
            Self::Toolchain if one => "toolchain fact",
            Self::Toolchain => "toolchain facts",
            Self::Code | Self::Data if one => "differs",
            Self::Code | Self::Data => "differ",
            Self::Metadata => "metadata",
            Self::Unpaired => "unpaired",
            Self::NotExamined => "not examined",
            Self::Claim if one => "claim",
            Self::Claim => "claims",
            Self::Flagged => "flagged",
            Self::Rule if one => "rule",
            Self::Rule => "rules",
            Self::Read if one => "read",
            Self::Read => "reads",
            Self::Batch => "batch",
            Self::Question if one => "question",
            Self::Question => "questions",
        }
    }
}

/// What an item is about: where `n` goes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// A node of an artifact's comparison, by child indices.
    Compare {
        /// Index of the artifact.
        artifact: usize,
        /// Child indices from the artifact's node.
        path: Vec<usize>,
    },
    /// The same difference in several nodes.
    Cluster(Arc<[Spot]>),
    /// All nodes that a cause explains.
    Rule(Cause),
    /// An attestation, and the question that it does not answer with yes.
    Attestation {
        /// Its index.
        index: usize,
        /// The question.
        question: Question,
    },
    /// A link of the chain.
    Chain(usize),
    /// A defect of the bundle: index into [`all_defects`](crate::checks::Facts::all_defects).
    Defect(usize),
    /// A payload file whose fixity is not intact.
    File(usize),
    /// A file of the source tree, at a line.
    Source {
        /// Index of the tree entry.
        entry: usize,
        /// Line, from 1.
        line: u64,
    },
    /// Places of the sources that have something in common: index into the flags of the facts.
    Places(usize),
    /// The identical files.
    Batch,
    /// A question of the checklist, by its index.
    Question(usize),
    /// Required reading that no file of the source is called.
    NoSuchSource(String),
}

/// One thing that a person must judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Stable id.
    pub id: String,
    /// Digest of what the machine computed of it.
    pub digest: String,
    /// Class.
    pub class: Class,
    /// The machine's mark: `!` `?` `~` `<` `>` `=` or `.` for a required read.
    pub mark: char,
    /// What it is.
    pub title: Untrusted,
    /// Why it is here; bundle text in it has passed the guard.
    pub why: String,
    /// Where it is.
    pub target: Target,
    /// How many files it covers.
    pub covers: u64,
}

impl Item {
    /// Whether one ruling covers several places: a cause, equal differences, the identical files.
    #[must_use]
    pub fn is_group(&self) -> bool {
        matches!(self.target, Target::Rule(_) | Target::Batch | Target::Cluster(_) | Target::Places(_))
    }
}

/// What an acceptance takes, beside the wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Nothing: all of it was shown.
    Nothing,
    /// A reason, after it was said that so many of its differences were not shown.
    Reason(usize),
    /// The number of files that it covers, typed.
    Count(u64),
}

impl Item {
    /// What accepting it takes when so many of its differences were shown, of so many. A rule and the batch are judged by what they
    /// cover; of files that differ alike the difference must have been seen in one of them, as in a single file.
    #[must_use]
    pub fn takes(&self, shown: usize, of: usize) -> Takes {
        let unseen = shown == 0 || shown < of;
        match self.target {
            Target::Rule(_) | Target::Batch => Takes::Count(self.covers),
            _ if unseen => Takes::Reason(of.saturating_sub(shown).max(1)),
            Target::Cluster(_) | Target::Places(_) => Takes::Count(self.covers),
            _ => Takes::Nothing,
        }
    }
}

pub(super) fn item(class: Class, mark: char, id: String, title: Untrusted, why: String, target: Target, seen: &[u8]) -> Item {
    Item { digest: Sha256::of(seen).to_string(), id, class, mark, title, why, target, covers: 1 }
}
