//! Everything computed so far about one open bundle.

use std::sync::Arc;

use crate::digest::Sha256;
use crate::model::{
    ArchiveReport, Attestation, ChainLink, Defect, FileId, Fixity, Node, OfferedKey, Release, SourceEntry, SourceFlag, SourceTree,
};
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
    /// The entry, counted through all sources.
    pub entry: usize,
    /// Its path; of a further source, behind the name of that ([`Facts::source_path`]).
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
    /// A further source was read, after the tree: they come in the order in which their entries are counted.
    Further(Arc<SourceTree>),
    /// How many lines each file of the source has, by its index; absent for what is no text or cannot be read.
    SourceLines(Arc<[Option<u64>]>),
    /// The sources were searched for hidden characters; what was said before is in it.
    Hidden(Vec<HiddenPlace>),
    /// The sources were searched for whatever else a person must look at, and the archives were compared with the tree.
    Hygiene(Vec<SourceFlag>, Vec<ArchiveReport>),
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
    /// The further sources: those that `release.json` names, and source archives beside them and among what was shipped.
    pub further: Vec<Arc<SourceTree>>,
    /// Lines of each file of the source, by its index; `None` inside for what is no text or cannot be read.
    pub source_lines: Option<Arc<[Option<u64>]>>,
    /// Files with hidden characters.
    pub hidden: Option<Vec<HiddenPlace>>,
    /// What else a person must look at in the sources, the worst of each check first.
    pub flags: Option<Vec<SourceFlag>>,
    /// How each source archive compares with the tree.
    pub archives: Vec<ArchiveReport>,
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

/// The path of a file of a further source: behind the name of that.
pub(crate) fn further_path(origin: &Untrusted, path: &[u8]) -> Untrusted {
    [origin.as_bytes(), b"!", path].concat().into()
}

impl Facts {
    /// What is known of a bundle that was only opened.
    #[must_use]
    pub fn new(release: Arc<Release>) -> Self {
        Self {
            hashed: vec![None; release.files.len()],
            all_hashed: false,
            source: None,
            further: Vec::new(),
            source_lines: None,
            hidden: None,
            flags: None,
            archives: Vec::new(),
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
            Discovery::Further(tree) => self.further.push(tree),
            Discovery::Hygiene(flags, archives) => {
                self.flags = Some(flags);
                self.archives = archives;
            }
            Discovery::SourceLines(lines) => self.source_lines = Some(lines),
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
        let tree = self.sources().flat_map(|(_, s)| s.defects.iter());
        self.release.defects.iter().chain(&self.defects).chain(tree)
    }

    /// All sources, each with the number of its first entry: entries are counted through all of them.
    pub fn sources(&self) -> impl Iterator<Item = (usize, &Arc<SourceTree>)> {
        let mut first = 0;
        self.source.iter().chain(&self.further).map(move |tree| {
            let at = first;
            first += tree.entries.len();
            (at, tree)
        })
    }

    /// The entry with that number, and its source; a further one when the flag is set.
    pub(crate) fn located(&self, number: usize) -> Option<(bool, &SourceTree, &SourceEntry)> {
        let (first, tree) = self.sources().find(|(first, tree)| (*first..first + tree.entries.len()).contains(&number))?;
        let further = self.source.as_ref().is_none_or(|s| !Arc::ptr_eq(s, tree));
        Some((further, tree, tree.entries.get(number - first)?))
    }

    /// The entry with that number, counted through all sources.
    #[must_use]
    pub fn source_entry(&self, number: usize) -> Option<&SourceEntry> {
        self.located(number).map(|(_, _, entry)| entry)
    }

    /// Its path; of a further source, behind the name of that: `data/source/x.tar.xz!configure`.
    #[must_use]
    pub fn source_path(&self, number: usize) -> Option<Untrusted> {
        let (further, tree, entry) = self.located(number)?;
        Some(if further { further_path(&tree.origin, entry.path.as_bytes()) } else { entry.path.clone() })
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
