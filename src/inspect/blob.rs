//! Shared bytes that can be sliced without a copy: members of an archive are slices of it.

use std::ops::{Deref, Range};
use std::sync::Arc;

#[derive(Clone)]
enum Owner {
    Slice(Arc<[u8]>),
    Vec(Arc<Vec<u8>>),
}

/// A range of shared bytes.
#[derive(Clone)]
pub(crate) struct Blob {
    owner: Owner,
    range: Range<usize>,
}

impl Blob {
    /// A part of these bytes; clamped to what there is.
    pub(crate) fn slice(&self, range: Range<usize>) -> Self {
        let start = self.range.start.saturating_add(range.start).min(self.range.end);
        let end = self.range.start.saturating_add(range.end).clamp(start, self.range.end);
        Self { owner: self.owner.clone(), range: start..end }
    }

    /// The same bytes without holding on to a much larger owner.
    pub(crate) fn compact(&self) -> Self {
        let whole = match &self.owner {
            Owner::Slice(s) => s.len(),
            Owner::Vec(v) => v.capacity(),
        };
        if whole / 2 > self.len() { Self::from(self.to_vec()) } else { self.clone() }
    }
}

impl Default for Blob {
    fn default() -> Self {
        Self::from(Vec::new())
    }
}

impl Deref for Blob {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let all: &[u8] = match &self.owner {
            Owner::Slice(s) => s,
            Owner::Vec(v) => v,
        };
        all.get(self.range.clone()).unwrap_or_default()
    }
}

impl From<Arc<[u8]>> for Blob {
    fn from(bytes: Arc<[u8]>) -> Self {
        let range = 0..bytes.len();
        Self { owner: Owner::Slice(bytes), range }
    }
}

impl From<Vec<u8>> for Blob {
    fn from(bytes: Vec<u8>) -> Self {
        let range = 0..bytes.len();
        Self { owner: Owner::Vec(Arc::new(bytes)), range }
    }
}
