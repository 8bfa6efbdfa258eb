//! Instructions that were decoded to match functions, until the same functions are judged.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Insn;
use crate::inspect::symbols::Function;

/// Code whose instructions are kept at most, in bytes of one file: a dozen bytes of memory for each. Large files are decoded again: that
/// is a smaller part of what they take.
const ROOM: usize = 256 << 10;

/// The instructions of some functions of one file.
pub(in crate::diff) struct Decoded {
    by_place: Mutex<HashMap<(u64, u64), Vec<Insn>>>,
    room: AtomicUsize,
}

impl Default for Decoded {
    fn default() -> Self {
        Self { by_place: Mutex::default(), room: AtomicUsize::new(ROOM) }
    }
}

impl Decoded {
    /// Keeps the instructions of a function, if there is room.
    pub(super) fn put(&self, f: &Function, insns: Vec<Insn>) {
        let size = usize::try_from(f.size).unwrap_or(usize::MAX);
        let taken = self.room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |room| room.checked_sub(size));
        if let (Ok(_), Ok(mut all)) = (taken, self.by_place.lock()) {
            all.insert((f.address, f.size), insns);
        }
    }

    /// Hands the instructions of a function out, once.
    pub(super) fn take(&self, f: &Function) -> Option<Vec<Insn>> {
        self.by_place.lock().ok()?.remove(&(f.address, f.size))
    }
}
