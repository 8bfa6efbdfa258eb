//! The account of every byte, and what is behind it: proofs, and what was tried.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{Cause, Sides};
use crate::text::Untrusted;

/// Every byte of one side: `identical + explained + unexplained = size`.
///
/// For a container whose members were compared, the bytes counted are those of the container itself that are not a
/// member's (headers, padding); members have their own accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Bytes equal to their counterpart.
    pub identical: u64,
    /// Bytes that differ and are proved, by cause.
    pub explained: BTreeMap<Cause, u64>,
    /// Bytes that differ and are not.
    pub unexplained: u64,
}

impl Account {
    /// All bytes equal.
    #[must_use]
    pub fn all_identical(size: u64) -> Self {
        Self { identical: size, ..Self::default() }
    }

    /// No byte explained.
    #[must_use]
    pub fn all_unexplained(size: u64) -> Self {
        Self { unexplained: size, ..Self::default() }
    }

    /// The sum, in bytes.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.identical + self.explained_total() + self.unexplained
    }

    /// Bytes explained by any cause.
    #[must_use]
    pub fn explained_total(&self) -> u64 {
        self.explained.values().sum()
    }

    /// Adds another account to this one.
    pub fn add(&mut self, other: &Self) {
        self.identical += other.identical;
        self.unexplained += other.unexplained;
        for (cause, bytes) in &other.explained {
            *self.explained.entry(*cause).or_default() += bytes;
        }
    }

    /// Counts bytes under a cause.
    pub fn explain(&mut self, cause: Cause, bytes: u64) {
        if bytes > 0 {
            *self.explained.entry(cause).or_default() += bytes;
        }
    }
}

/// A range of bytes in the node's own content.
pub type Span = Range<u64>;

/// One proof: undoing this cause makes these ranges equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The cause.
    pub cause: Cause,
    /// The byte ranges on each side.
    pub spans: Sides<Vec<Span>>,
    /// Old and new value as text: `2022-12-26 15:30:00`.
    pub values: Sides<Untrusted>,
}

/// A cause that was tried and did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// The cause.
    pub cause: Cause,
    /// Why it fails, in words.
    pub why: String,
}
