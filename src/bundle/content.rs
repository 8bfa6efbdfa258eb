//! Reading payload files. The first full read of a file decides its digest; every later one is checked against it.

use std::io::Read;
use std::sync::OnceLock;

use super::carrier::{Backing, Stream};
use super::limits;
use crate::digest::{Algorithm, Digest, Hasher, Sha256};
use crate::model::{Content, ContentError, FileId};

/// One payload file.
pub(super) struct Slot {
    pub(super) path: Box<[u8]>,
    pub(super) size: u64,
    pub(super) offset: u64,
    pub(super) present: bool,
    pub(super) first: OnceLock<Sha256>,
}

/// The payload of an open bundle. Several threads may read at once.
pub struct BundleContent {
    pub(super) backing: Backing,
    pub(super) slots: Vec<Slot>,
}

impl BundleContent {
    fn slot(&self, id: FileId) -> Result<&Slot, ContentError> {
        usize::try_from(id.0).ok().and_then(|i| self.slots.get(i)).filter(|s| s.present).ok_or(ContentError::Absent)
    }

    fn open(&self, slot: &Slot) -> Result<Stream<'_>, ContentError> {
        self.backing.stream(&slot.path, slot.size, slot.offset).map_err(unreadable)
    }

    /// The SHA-256 of the first full read, if there was one.
    #[must_use]
    pub fn known(&self, id: FileId) -> Option<Sha256> {
        self.slot(id).ok()?.first.get().copied()
    }

    /// The first bytes of a file, at most `count`, to tell what it is. They are not checked: nothing may be concluded from them.
    pub(super) fn peek(&self, id: FileId, count: u64) -> Result<Vec<u8>, ContentError> {
        let mut out = Vec::new();
        self.open(self.slot(id)?)?.take(count).read_to_end(&mut out).map_err(unreadable)?;
        Ok(out)
    }

    fn chunks(&self, id: FileId, each: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), ContentError> {
        let slot = self.slot(id)?;
        let mut stream = self.open(slot)?;
        // One byte more than the size, so that the end of a small file shows in its one read.
        let room = usize::try_from(slot.size).unwrap_or(limits::CHUNK).saturating_add(1).clamp(512, limits::CHUNK);
        let mut buffer = vec![0u8; room];
        loop {
            match stream.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(n) => {
                    if !each(&buffer[..n]) {
                        return Err(ContentError::Cancelled);
                    }
                }
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => return Err(unreadable(e)),
            }
        }
    }

    fn settle(&self, id: FileId, now: Sha256) -> Result<(), ContentError> {
        let first = *self.slot(id)?.first.get_or_init(|| now);
        if first == now { Ok(()) } else { Err(ContentError::Changed { first, now }) }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "used as the function of map_err")]
fn unreadable(e: std::io::Error) -> ContentError {
    match e.kind() {
        std::io::ErrorKind::NotFound => ContentError::Absent,
        _ => ContentError::Unreadable(e.to_string()),
    }
}

impl Content for BundleContent {
    fn size(&self, id: FileId) -> u64 {
        usize::try_from(id.0).ok().and_then(|i| self.slots.get(i)).map_or(0, |s| s.size)
    }

    fn read(&self, id: FileId, limit: u64) -> Result<Vec<u8>, ContentError> {
        let slot = self.slot(id)?;
        if slot.size > limit {
            return Err(ContentError::TooLarge { size: slot.size, limit });
        }
        let mut out = Vec::with_capacity(usize::try_from(slot.size).unwrap_or(0).saturating_add(1));
        let mut stream = self.open(slot)?.take(limit.saturating_add(1));
        stream.read_to_end(&mut out).map_err(unreadable)?;
        // A file may have grown since it was listed.
        if out.len() as u64 > limit {
            return Err(ContentError::TooLarge { size: out.len() as u64, limit });
        }
        self.settle(id, Sha256::of(&out))?;
        Ok(out)
    }

    fn stream(&self, id: FileId, each: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), ContentError> {
        let mut hasher = Hasher::default();
        self.chunks(id, &mut |chunk| {
            hasher.update(chunk);
            each(chunk)
        })?;
        self.settle(id, hasher.finish().0)
    }

    fn hash(&self, id: FileId, others: &[Algorithm], each: &mut dyn FnMut(u64) -> bool) -> Result<(Sha256, Vec<Digest>), ContentError> {
        let mut hasher = Hasher::new(others);
        let mut done = 0u64;
        self.chunks(id, &mut |chunk| {
            hasher.update(chunk);
            done = done.saturating_add(chunk.len() as u64);
            each(done)
        })?;
        let (sha256, others, _) = hasher.finish();
        self.settle(id, sha256)?;
        Ok((sha256, others))
    }
}
