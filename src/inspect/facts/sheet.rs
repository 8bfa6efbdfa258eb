//! Facts of two files side by side, as they are put together.

use std::collections::BTreeSet;

use crate::model::{Fact, FactGroup, Sides};
use crate::text::Untrusted;

/// Names that are listed at most, where a side has more than the other.
const MAX_NAMES: usize = 50;

/// A protection: how strong it is (0 is none), and in words.
pub(crate) type Strength = (u8, String);

/// The facts so far. Those absent on both sides are left out.
#[derive(Default)]
pub(crate) struct Sheet(Vec<Fact>);

impl Sheet {
    pub(crate) fn add(&mut self, name: &str, group: FactGroup, value: Sides<Option<Vec<u8>>>) {
        let value = value.map(|v| v.filter(|v| !v.is_empty()).map(Untrusted::from));
        if value.shipped.is_some() || value.rebuilt.is_some() {
            self.0.push(Fact { name: name.to_owned(), value, group, lost: false });
        }
    }

    /// A protection. It is lost where the shipped side is known to have less of it than the rebuilt one.
    pub(crate) fn protection(&mut self, name: &str, sides: Sides<Option<Strength>>) {
        let lost = matches!((&sides.shipped, &sides.rebuilt), (Some(x), Some(y)) if x.0 < y.0);
        self.add(name, FactGroup::Hardening, sides.map(|s| s.map(|(_, text)| text.into_bytes())));
        if let Some(last) = self.0.last_mut().filter(|f| f.name == name) {
            last.lost = lost;
        }
    }

    /// What each side has of a kind and the other has not.
    pub(crate) fn only(&mut self, what: &str, group: FactGroup, names: &Sides<BTreeSet<Vec<u8>>>) {
        let text = |own: &BTreeSet<Vec<u8>>, other: &BTreeSet<Vec<u8>>| {
            let all: Vec<_> = own.difference(other).take(MAX_NAMES + 1).cloned().collect();
            let more = if all.len() > MAX_NAMES { &b" and more"[..] } else { b"" };
            Some([&all.get(..MAX_NAMES).unwrap_or(&all).join(&b' ')[..], more].concat())
        };
        self.add(&format!("{what} only shipped"), group, Sides::new(text(&names.shipped, &names.rebuilt), None));
        self.add(&format!("{what} only rebuilt"), group, Sides::new(None, text(&names.rebuilt, &names.shipped)));
    }

    pub(crate) fn done(self) -> Vec<Fact> {
        self.0
    }
}

/// A protection that is there or not.
pub(crate) fn switch(on: bool) -> Strength {
    if on { (1, "yes".to_owned()) } else { (0, "no".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_protection_is_lost_only_where_both_sides_are_known() {
        let mut sheet = Sheet::default();
        sheet.protection("a", Sides::new(Some(switch(false)), Some(switch(true))));
        sheet.protection("b", Sides::new(Some(switch(true)), Some(switch(false))));
        sheet.protection("c", Sides::new(None, Some(switch(true))));
        sheet.protection("d", Sides::new(None, None));
        let told: Vec<_> = sheet.done().into_iter().map(|f| (f.name, f.lost)).collect();
        assert_eq!(told, [("a".to_owned(), true), ("b".to_owned(), false), ("c".to_owned(), false)]);
    }

    #[test]
    fn long_lists_say_that_there_is_more() {
        let mut sheet = Sheet::default();
        let many = (0..60u8).map(|n| vec![b'a', n]).collect();
        sheet.only("imports", FactGroup::Contents, &Sides::new(many, BTreeSet::new()));
        let facts = sheet.done();
        assert_eq!(facts.len(), 1);
        assert!(facts[0].value.shipped.as_ref().is_some_and(|v| v.as_bytes().ends_with(b" and more")));
    }
}
