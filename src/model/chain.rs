//! The chain from reviewed source to shipped artifact.

use super::FileId;

/// How a link of the chain stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// Shown by bytes that were hashed or compared here.
    Proven,
    /// A trusted signature says so; nothing here shows it.
    Claimed,
    /// Nothing speaks of it.
    Absent,
    /// Shown to be wrong.
    Broken,
}

impl Standing {
    /// The word used on screens, in JSON and in records.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Claimed => "claimed",
            Self::Absent => "absent",
            Self::Broken => "broken",
        }
    }
}

/// Where a piece of evidence is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lead {
    /// An attestation, by its index.
    Attestation(usize),
    /// An artifact, by its index.
    Artifact(usize),
    /// A file of the source tree, by its entry.
    Source(usize),
    /// A file of the bundle.
    File(FileId),
    /// Nowhere that a screen could show.
    Nowhere,
}

/// A piece of evidence for a link, or against it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clue {
    /// What it is, in words; bundle text in it has passed the guard.
    pub text: String,
    /// Where it is.
    pub at: Lead,
}

/// One link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainLink {
    /// Stable name: `tree = commit`, `commit = tag`, `tag = signer`, `commit = signer`, `archive = tree`, `commit = provenance`,
    /// `revision = commit`, `rebuild input = commit`, `materials = bundle`, `tools = declared`, `bundle = SBOM`,
    /// `shipped = subject`, `rebuilt = shipped`, `installed = shipped`.
    pub name: &'static str,
    /// How it stands.
    pub standing: Standing,
    /// Why, in words; bundle text in it has passed the guard.
    pub why: String,
    /// The evidence, what matters most first.
    pub evidence: Vec<Clue>,
}

impl ChainLink {
    /// A link whose reason says it all.
    #[must_use]
    pub fn new(name: &'static str, standing: Standing, why: impl Into<String>) -> Self {
        Self { name, standing, why: why.into(), evidence: Vec::new() }
    }

    /// The same with evidence.
    #[must_use]
    pub fn with(mut self, evidence: Vec<Clue>) -> Self {
        self.evidence = evidence;
        self
    }
}
