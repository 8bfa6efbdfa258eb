//! What is wrong with a bundle, as data: the place and what to do.

use std::fmt;

use crate::text::Untrusted;

/// How bad a defect is for the review.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; does not stand in the way of an approval.
    Note,
    /// Something could not be told; a person must judge it.
    Unknown,
    /// Wrong: stands in the way of an approval until a person rules on it.
    Fail,
}

/// Where in the bundle.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Where {
    /// The file, relative to the bundle's root; empty for the bundle itself.
    pub file: Untrusted,
    /// Line, from 1, where that applies.
    pub line: Option<u64>,
    /// Column in characters, from 1, where that applies.
    pub column: Option<u64>,
}

impl Where {
    /// A whole file.
    pub fn file(path: impl Into<Untrusted>) -> Self {
        Self { file: path.into(), line: None, column: None }
    }

    /// A place in a file, both from 1.
    pub fn at(path: impl Into<Untrusted>, line: u64, column: u64) -> Self {
        Self { file: path.into(), line: Some(line), column: Some(column) }
    }
}

impl fmt::Display for Where {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.shown())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(column) = self.column {
            write!(f, ":{column}")?;
        }
        Ok(())
    }
}

/// One thing that is wrong with a bundle or could not be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defect {
    /// Stable code, such as `bag.altered`; the table of them is in `docs/checks.md`.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Where.
    pub place: Where,
    /// What is wrong, in words; bundle text in it has passed the guard.
    pub what: String,
    /// What to do about it.
    pub advice: &'static str,
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)?;
        if !self.advice.is_empty() {
            write!(f, " ({})", self.advice)?;
        }
        Ok(())
    }
}
