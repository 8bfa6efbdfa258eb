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

    /// Half of what is left, for one of two that run at the same time: together they take no more than one after the other.
    pub(crate) fn half(&self) -> Self {
        Self { expanded: self.expanded / 2, ..self.clone() }
    }

    /// What is left after both halves are done.
    pub(crate) fn join(&mut self, one: &Self, two: &Self) {
        self.expanded = self.expanded % 2 + one.expanded + two.expanded;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_halves_take_what_one_would_after_the_other() {
        for all in [0, 1, 7, 1000, 1001] {
            let mut whole = Budget::new(all, 9, 9);
            let (mut one, mut two) = (whole.half(), whole.half());
            assert!(one.expand(usize::try_from(all).unwrap() / 2 + 1).is_err());
            one.expand(usize::try_from(all / 4).unwrap()).unwrap();
            two.expand(usize::try_from(all / 2).unwrap()).unwrap();
            whole.join(&one, &two);
            assert_eq!(whole.expanded, all - all / 4 - all / 2);
        }
    }
}
