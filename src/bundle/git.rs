//! Git objects. Only libgit2's object database is used: no repository of a supplier is ever opened as one, so that none of its
//! configuration, hooks, attributes, grafts, replacements or commit graphs is in force. Every object read is hashed again (strict hash
//! verification), with SHA-1 collision detection.

pub(super) mod bundle_file;
mod history;
pub(super) mod object;
pub(super) mod refs;
pub(super) mod repository;
mod settings;
pub(super) mod tree;

use std::path::Path;

use git2::{ErrorCode, ObjectType, Odb, Oid};

use super::error::{BundleError, shown};
use super::limits;
use crate::model::ContentError;

/// The objects below one `objects` directory.
pub(super) struct Store {
    odb: Odb<'static>,
}

/// Why an object could not be had.
#[derive(Debug)]
pub(super) enum ObjectError {
    Absent,
    TooLarge(u64),
    Damaged(String),
}

impl Store {
    /// Opens the objects directory at `path`, which must have no alternates.
    pub(super) fn open(path: &Path) -> Result<Self, BundleError> {
        let failed = |what: String| BundleError::Pack { file: shown(path).to_string(), what };
        settings::settle();
        let text = path.to_str().ok_or_else(|| failed("its path is not UTF-8, which the git library needs".into()))?;
        let odb = Odb::new().map_err(|e| failed(message(&e)))?;
        odb.add_disk_alternate(text).map_err(|e| failed(message(&e)))?;
        Ok(Self { odb })
    }

    /// The object database itself.
    pub(super) fn into_odb(self) -> Odb<'static> {
        self.odb
    }

    /// Kind and size of an object, by its header alone.
    pub(super) fn header(&self, id: Oid) -> Result<(ObjectType, u64), ObjectError> {
        let (size, kind) = self.odb.read_header(id).map_err(|e| failure(&e))?;
        Ok((kind, size as u64))
    }

    /// The bytes of an object of at most `limit` bytes, and its kind. The bound is applied to the header before anything is expanded.
    pub(super) fn read(&self, id: Oid, limit: u64) -> Result<(ObjectType, Vec<u8>), ObjectError> {
        let (_, size) = self.header(id)?;
        if size > limit {
            return Err(ObjectError::TooLarge(size));
        }
        let object = self.odb.read(id).map_err(|e| failure(&e))?;
        Ok((object.kind(), object.data().to_vec()))
    }

    /// The bytes of a commit, tree or tag.
    pub(super) fn small(&self, id: Oid, kind: ObjectType) -> Result<Vec<u8>, ObjectError> {
        let (found, bytes) = self.read(id, limits::GIT_OBJECT)?;
        if found == kind { Ok(bytes) } else { Err(ObjectError::Damaged(format!("{id} is a {found}, not a {kind}"))) }
    }

    /// The one object whose name starts with these hexadecimal digits.
    pub(super) fn expand(&self, digits: &str) -> Option<Oid> {
        if !(7..=40).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let padded = format!("{digits:0<40}");
        self.odb.exists_prefix(Oid::from_str(&padded).ok()?, digits.len()).ok()
    }
}

fn failure(e: &git2::Error) -> ObjectError {
    if e.code() == ErrorCode::NotFound { ObjectError::Absent } else { ObjectError::Damaged(message(e)) }
}

/// What libgit2 says, made displayable: it may quote names of the bundle.
pub(super) fn message(e: &git2::Error) -> String {
    crate::text::Shown::new(e.message()).cut(300).to_string()
}

impl ObjectError {
    pub(super) fn content(self, limit: u64) -> ContentError {
        match self {
            Self::Absent => ContentError::Absent,
            Self::TooLarge(size) => ContentError::TooLarge { size, limit },
            Self::Damaged(what) => ContentError::Unreadable(what),
        }
    }

    pub(super) fn words(&self) -> String {
        match self {
            Self::Absent => "it is not in the repository".into(),
            Self::TooLarge(size) => format!("{size} bytes, over the bound: not examined"),
            Self::Damaged(what) => format!("it is damaged: {what}"),
        }
    }
}
