//! The release: what a bundle says it contains, before any payload byte is read.

use super::{Defect, FileId};
use crate::digest::{Digest, Sha256};
use crate::text::Untrusted;

/// How the bundle was handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// A directory with `bagit.txt`.
    Directory,
    /// A tar of one.
    Tar,
    /// A zstd-compressed tar of one.
    TarZstd,
    /// A directory without `bagit.txt`: no fixity, roles guessed from names.
    Loose,
}

/// What the identity digest was computed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityBasis {
    /// `tagmanifest-sha256.txt` (see the bundle format).
    TagManifest,
    /// `manifest-sha256.txt`, for a bag without a tag manifest.
    Manifest,
    /// The sorted list of (sha256, path) that this program computed, for a loose directory. Known once all is hashed.
    Listing,
}

/// What a record refers to when it names this bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The digest; absent while a loose directory is still being hashed.
    pub digest: Option<Sha256>,
    /// What it covers.
    pub basis: IdentityBasis,
}

/// What a payload file is for, by its place in the layout (or guessed from its name in a loose directory).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileRole {
    /// `data/release.json`.
    Manifest,
    /// Source.
    Source,
    /// What customers received.
    Shipped,
    /// What an independent rebuild produced.
    Rebuilt,
    /// Separate debug information.
    Debug,
    /// Provenance and signatures.
    Provenance,
    /// Software bill of materials.
    Sbom,
    /// Keys that the vendor offers.
    Trust,
    /// Records of earlier releases.
    Previous,
    /// Anything else.
    Other,
}

/// One payload file, as declared; nothing of it has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayloadFile {
    /// Path relative to the bundle's root, such as `data/shipped/hello.deb`.
    pub path: Untrusted,
    /// What it is for.
    pub role: FileRole,
    /// Size in bytes that the carrier states.
    pub size: u64,
    /// Digests that the manifests declare, strongest first; empty when no manifest lists it.
    pub declared: Vec<Digest>,
    /// Whether it is there (a manifest may list a file that is missing).
    pub present: bool,
}

/// What hashing found of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fixity {
    /// A strong declared digest equals ours, and none disagrees.
    Intact,
    /// Only md5 or sha1 are declared, and they agree: not proof.
    Weak,
    /// A declared digest differs from ours.
    Altered,
    /// Listed, not there.
    Missing,
    /// There, not listed.
    Extra,
    /// Could not be read.
    Unreadable,
    /// There is no manifest at all (a loose directory).
    Undeclared,
}

/// A source that `release.json` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceDeclaration {
    /// The file (git bundle, source archive), or the path of a bare repository directory.
    pub path: Untrusted,
    /// The payload file, when the source is one file.
    pub file: Option<FileId>,
    /// The declared commit (hexadecimal), if any.
    pub commit: Option<String>,
    /// The declared tag, if any.
    pub tag: Option<Untrusted>,
}

/// One rebuild of an artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebuild {
    /// Who made it, when said.
    pub by: Option<Untrusted>,
    /// The file.
    pub file: FileId,
}

/// One thing that was shipped, with its counterparts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// The name customers know it by.
    pub name: Untrusted,
    /// What was shipped; absent when only a rebuild is there.
    pub shipped: Option<FileId>,
    /// What was rebuilt; empty when nothing was.
    pub rebuilt: Vec<Rebuild>,
    /// Separate debug information that the bundle offers for it.
    pub debug: Vec<FileId>,
}

/// An open bundle: names, sizes and declared digests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// How it was handed over.
    pub carrier: Carrier,
    /// What a record calls it by.
    pub identity: Identity,
    /// Product name.
    pub product: Untrusted,
    /// Version.
    pub version: Untrusted,
    /// All payload files, sorted by path (bytes). A [`FileId`] is an index into it.
    pub files: Vec<PayloadFile>,
    /// Sources.
    pub sources: Vec<SourceDeclaration>,
    /// Artifacts, in the order of `release.json` with directory pairs expanded and sorted by path.
    pub artifacts: Vec<Artifact>,
    /// Globs of source paths that must be read.
    pub required: Vec<String>,
    /// Fields of `release.json` that this version does not know, as (name, JSON text).
    pub unknown: Vec<(Untrusted, Untrusted)>,
    /// What `bag-info.txt` says, as (label, value).
    pub bag_info: Vec<(Untrusted, Untrusted)>,
    /// What is wrong so far.
    pub defects: Vec<Defect>,
}

impl Release {
    /// A release of which nothing is known but its identity.
    #[must_use]
    pub fn new(carrier: Carrier, identity: Identity) -> Self {
        Self {
            carrier,
            identity,
            product: Untrusted::default(),
            version: Untrusted::default(),
            files: Vec::new(),
            sources: Vec::new(),
            artifacts: Vec::new(),
            required: Vec::new(),
            unknown: Vec::new(),
            bag_info: Vec::new(),
            defects: Vec::new(),
        }
    }

    /// The payload file with that id.
    #[must_use]
    pub fn file(&self, id: FileId) -> Option<&PayloadFile> {
        self.files.get(usize::try_from(id.0).ok()?)
    }

    /// The id of the file at that path (relative to the bundle's root).
    #[must_use]
    pub fn find(&self, path: &Untrusted) -> Option<FileId> {
        self.files.binary_search_by(|f| f.path.cmp(path)).ok().and_then(|i| u32::try_from(i).ok()).map(FileId)
    }

    /// The ids of all files with that role, in path order.
    pub fn with_role(&self, role: FileRole) -> impl Iterator<Item = FileId> + '_ {
        self.files.iter().enumerate().filter(move |(_, f)| f.role == role).filter_map(|(i, _)| u32::try_from(i).ok().map(FileId))
    }

    /// Sum of all payload sizes in bytes.
    #[must_use]
    pub fn total_size(&self) -> u64 {
        self.files.iter().map(|f| f.size).sum()
    }
}
