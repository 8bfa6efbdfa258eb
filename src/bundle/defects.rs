//! Collecting what is wrong, at most so many of one kind.

use std::collections::BTreeMap;

use super::limits;
use crate::model::{Defect, Severity, Where};

/// Defects as they are found. Past [`limits::DEFECTS`] of one code they are counted and told in one line.
#[derive(Default)]
pub(super) struct Defects {
    list: Vec<Defect>,
    count: BTreeMap<&'static str, (usize, Severity, &'static str)>,
}

impl Defects {
    /// Adds one; `make` gives its place and text, and is called only when it is listed.
    pub(super) fn add(&mut self, code: &'static str, severity: Severity, advice: &'static str, make: impl FnOnce() -> (Where, String)) {
        let (count, worst, _) = self.count.entry(code).or_insert((0, severity, advice));
        *count += 1;
        *worst = severity.max(*worst);
        if *count <= limits::DEFECTS {
            let (place, what) = make();
            self.list.push(Defect { code, severity, place, what, advice });
        }
    }

    pub(super) fn fail(&mut self, code: &'static str, place: Where, what: impl Into<String>, advice: &'static str) {
        self.add(code, Severity::Fail, advice, || (place, what.into()));
    }

    pub(super) fn unknown(&mut self, code: &'static str, place: Where, what: impl Into<String>, advice: &'static str) {
        self.add(code, Severity::Unknown, advice, || (place, what.into()));
    }

    pub(super) fn note(&mut self, code: &'static str, place: Where, what: impl Into<String>, advice: &'static str) {
        self.add(code, Severity::Note, advice, || (place, what.into()));
    }

    /// The list, with one line for each code that had more.
    pub(super) fn finish(mut self) -> Vec<Defect> {
        for (code, (count, severity, advice)) in self.count {
            if let Some(more) = count.checked_sub(limits::DEFECTS).filter(|more| *more > 0) {
                let what = format!("{more} more of this kind ({code}), not listed one by one");
                self.list.push(Defect { code, severity, place: Where::default(), what, advice });
            }
        }
        self.list
    }
}
