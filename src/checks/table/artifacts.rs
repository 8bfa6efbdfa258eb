//! The checks of what was shipped against what was rebuilt.

use super::Verdict;
use crate::checks::Facts;
use crate::model::ResultMark;

pub(super) fn paired(facts: &Facts) -> (Verdict, String) {
    let unpaired: Vec<_> = facts.release.artifacts.iter().filter(|a| a.shipped.is_none() || a.rebuilt.is_empty()).collect();
    match unpaired.first() {
        None if facts.release.artifacts.is_empty() => (Verdict::CannotTell, "the bundle names no artifact".to_owned()),
        None => (Verdict::Pass, format!("{} artifacts have a rebuild", facts.release.artifacts.len())),
        Some(first) if first.shipped.is_none() => (Verdict::CannotTell, format!("{} was rebuilt, never shipped", first.name.shown())),
        Some(first) => (Verdict::CannotTell, format!("{} was shipped, never rebuilt ({} in all)", first.name.shown(), unpaired.len())),
    }
}

pub(super) fn equal(facts: &Facts) -> (Verdict, String) {
    let marks: Vec<_> = facts.comparisons.iter().flatten().map(|n| n.result).collect();
    if marks.contains(&ResultMark::Different) {
        let first = facts.comparisons.iter().flatten().find(|n| n.result == ResultMark::Different);
        return (Verdict::Fail, first.map(|n| format!("{} differs: {}", n.name.shown(), n.why)).unwrap_or_default());
    }
    if marks.len() < facts.comparisons.len() {
        return (Verdict::Pending, format!("{} of {} compared", marks.len(), facts.comparisons.len()));
    }
    if marks.iter().any(|m| !m.is_equal()) || marks.is_empty() {
        return (Verdict::CannotTell, "not every artifact could be compared".to_owned());
    }
    if marks.contains(&ResultMark::Equivalent) {
        return (Verdict::Explained, "every difference is proved".to_owned());
    }
    (Verdict::Pass, "all identical".to_owned())
}
