//! One budget for everything that a comparison expands: counted in output bytes while decoding, never in declared sizes.

/// Why a format was not opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Over a bound: nothing can be said about the content.
    Over(String),
    /// Not well-formed, ambiguous or unsupported: the bytes can still be compared as they are.
    Odd(String),
}

impl Refused {
    pub(crate) fn odd(why: impl Into<String>) -> Self {
        Self::Odd(why.into())
    }
}

/// What may still be expanded.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    expanded: u64,
    expanded_limit: u64,
    entries: usize,
    entries_limit: usize,
    /// Longest member name in bytes.
    pub(crate) name: usize,
}

impl Budget {
    pub(crate) fn new(expanded: u64, entries: usize, name: usize) -> Self {
        Self { expanded, expanded_limit: expanded, entries, entries_limit: entries, name }
    }

    /// Takes output bytes.
    pub(crate) fn expand(&mut self, bytes: usize) -> Result<(), Refused> {
        match self.expanded.checked_sub(bytes as u64) {
            Some(left) => {
                self.expanded = left;
                Ok(())
            }
            None => Err(Refused::Over(format!("expands to more than the bound of {} bytes", self.expanded_limit))),
        }
    }

    /// Takes one member.
    pub(crate) fn entry(&mut self, name: usize) -> Result<(), Refused> {
        if name > self.name {
            return Err(Refused::Over(format!("a member name has {name} bytes, over the bound of {}", self.name)));
        }
        match self.entries.checked_sub(1) {
            Some(left) => {
                self.entries = left;
                Ok(())
            }
            None => Err(Refused::Over(format!("more than the bound of {} members", self.entries_limit))),
        }
    }
}
