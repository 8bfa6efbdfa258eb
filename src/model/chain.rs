//! The chain from reviewed source to shipped artifact.

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

/// One link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainLink {
    /// Stable name: `tree = commit`, `commit = tag`, `tag = signer`, `commit = signer`, `archive = tree`, `commit = provenance`,
    /// `shipped = subject`, `rebuilt = shipped`, `installed = shipped`.
    pub name: &'static str,
    /// How it stands.
    pub standing: Standing,
    /// Why, in words; bundle text in it has passed the guard.
    pub why: String,
}
