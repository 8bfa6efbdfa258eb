//! Everything computed so far about one open bundle.

use std::sync::Arc;

use crate::digest::Sha256;
use crate::model::{Attestation, ChainLink, Defect, FileId, Fixity, Node, OfferedKey, Release, SourceTree};
use crate::text::Untrusted;

/// What hashing one payload file gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hashed {
    /// Its digest; absent when it is missing or unreadable.
    pub sha256: Option<Sha256>,
    /// How it compares with what is declared.
    pub fixity: Fixity,
}

/// A line of the source tree with characters that hide or reorder others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HiddenPlace {
    /// Index of the tree entry.
    pub entry: usize,
    /// Path in the tree.
    pub path: Untrusted,
    /// Line, from 1, of the first one.
    pub line: u64,
    /// How many there are in the file.
    pub count: usize,
    /// The first one's code point, as `U+202E`.
    pub first: String,
}

/// One result of the work behind the screen.
#[derive(Clone, Debug)]
pub enum Discovery {
    /// A payload file was hashed.
    Hashed(FileId, Hashed),
    /// All payload files were hashed; for a loose directory, its identity.
    AllHashed(Option<Sha256>),
    /// The source tree was read.
    Source(Arc<SourceTree>),
    /// The source was searched for hidden characters.
    Hidden(Vec<HiddenPlace>),
    /// An artifact (its index) was compared.
    Compared(usize, Arc<Node>),
    /// The attestations were checked, and the chain follows from them.
    Provenance(Vec<Attestation>, Vec<ChainLink>),
    /// The keys that the bundle offers were read.
    Offers(Vec<OfferedKey>),
    /// Something is wrong with the bundle.
    Defect(Defect),
}

/// Everything computed so far. What is `None` is not computed yet.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The release as declared.
    pub release: Arc<Release>,
    /// What hashing gave, by [`FileId`].
    pub hashed: Vec<Option<Hashed>>,
    /// Whether every payload file was hashed.
    pub all_hashed: bool,
    /// The source tree; `None` while it is being read, and for ever when there is none (a defect says so).
    pub source: Option<Arc<SourceTree>>,
    /// Files with hidden characters.
    pub hidden: Option<Vec<HiddenPlace>>,
    /// The attestations.
    pub attestations: Option<Vec<Attestation>>,
    /// The chain.
    pub chain: Vec<ChainLink>,
    /// The keys that the bundle offers.
    pub offers: Vec<OfferedKey>,
    /// The comparison of each artifact, by its index.
    pub comparisons: Vec<Option<Arc<Node>>>,
    /// What was found wrong after opening ([`Release::defects`] holds what was seen at once).
    pub defects: Vec<Defect>,
}

impl Facts {
    /// What is known of a bundle that was only opened.
    #[must_use]
    pub fn new(release: Arc<Release>) -> Self {
        Self {
            hashed: vec![None; release.files.len()],
            all_hashed: false,
            source: None,
            hidden: None,
            attestations: None,
            chain: Vec::new(),
            offers: Vec::new(),
            comparisons: vec![None; release.artifacts.len()],
            defects: Vec::new(),
            release,
        }
    }

    /// Takes a result.
    pub fn learn(&mut self, discovery: Discovery) {
        match discovery {
            Discovery::Hashed(FileId(id), hashed) => {
                if let Some(place) = self.hashed.get_mut(id as usize) {
                    *place = Some(hashed);
                }
            }
            Discovery::AllHashed(identity) => {
                self.all_hashed = true;
                if identity.is_some() {
                    Arc::make_mut(&mut self.release).identity.digest = identity;
                }
            }
            Discovery::Source(tree) => self.source = Some(tree),
            Discovery::Hidden(places) => self.hidden = Some(places),
            Discovery::Compared(artifact, node) => {
                if let Some(place) = self.comparisons.get_mut(artifact) {
                    *place = Some(node);
                }
            }
            Discovery::Provenance(attestations, chain) => {
                self.attestations = Some(attestations);
                self.chain = chain;
            }
            Discovery::Offers(offers) => self.offers = offers,
            Discovery::Defect(defect) => self.defects.push(defect),
        }
    }

    /// All defects: those seen at opening and those found since.
    pub fn all_defects(&self) -> impl Iterator<Item = &Defect> {
        let tree = self.source.iter().flat_map(|s| s.defects.iter());
        self.release.defects.iter().chain(&self.defects).chain(tree)
    }

    /// Whether all work is done: nothing is pending. The attestations are checked last, whatever became of the source.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.all_hashed && self.attestations.is_some() && self.comparisons.iter().all(Option::is_some)
    }

    /// The SHA-256 of a payload file, once hashed.
    #[must_use]
    pub fn sha256(&self, id: FileId) -> Option<Sha256> {
        self.hashed.get(id.0 as usize).copied().flatten().and_then(|h| h.sha256)
    }
}
