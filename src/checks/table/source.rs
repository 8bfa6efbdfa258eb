//! The checks of source hygiene.

use super::Verdict;
use crate::checks::Facts;
use crate::model::{Severity, SourceFlag};
use crate::text::Shown;

/// Defects that make git show another history.
const HISTORY: [&str; 6] =
    ["source.grafts", "source.replace", "source.alternates", "source.shallow", "source.prerequisites", "source.graph"];

pub(super) fn check(facts: &Facts, code: &str) -> (Verdict, String) {
    match code {
        "source.history" => of_repository(facts, &HISTORY, "no grafts, no replaced objects, no alternates, and it is not shallow"),
        "source.content" => flagged(facts, code, &["source.submodule"], "nothing is kept elsewhere"),
        "source.names" => flagged(facts, code, &["source.name", "source.case"], "all names and links stay in the tree"),
        "source.confusable" => flagged(facts, code, &[], "no identifier looks like another"),
        "source.binary" => flagged(facts, code, &[], "every file is text"),
        _ => archives(facts),
    }
}

/// Why nothing can be said yet, or at all.
fn not_searched(facts: &Facts) -> (Verdict, String) {
    if facts.release.sources.is_empty() {
        return (Verdict::CannotTell, String::new());
    }
    if facts.is_complete() { (Verdict::CannotTell, "the source could not be read".to_owned()) } else { (Verdict::Pending, String::new()) }
}

fn worst_defect(facts: &Facts, codes: &[&str]) -> Option<(Verdict, String)> {
    let of_these = facts.all_defects().filter(|d| codes.contains(&d.code) && d.severity != Severity::Note);
    let worst = of_these.max_by_key(|d| d.severity)?;
    let verdict = if worst.severity == Severity::Fail { Verdict::Fail } else { Verdict::CannotTell };
    Some((verdict, format!("{}: {}", worst.place, worst.what)))
}

fn of_repository(facts: &Facts, codes: &[&str], well: &str) -> (Verdict, String) {
    if let Some(found) = worst_defect(facts, codes) {
        return found;
    }
    match &facts.source {
        None => not_searched(facts),
        Some(tree) if tree.commit.is_none() => (Verdict::CannotTell, "the source has no history".to_owned()),
        Some(_) => (Verdict::Pass, well.to_owned()),
    }
}

fn flagged(facts: &Facts, code: &str, defects: &[&str], well: &str) -> (Verdict, String) {
    if let Some(found) = worst_defect(facts, defects) {
        return found;
    }
    let Some(flags) = &facts.flags else { return not_searched(facts) };
    let all: Vec<&SourceFlag> = flags.iter().filter(|f| f.code == code).collect();
    let Some(first) = all.first() else { return (Verdict::Pass, well.to_owned()) };
    let places: usize = all.iter().map(|f| f.places.len()).sum();
    let more = if all.len() > 1 { format!(" ({places} places in all)") } else { String::new() };
    let name = first.places.first().filter(|_| first.places.len() == 1).and_then(|p| facts.source_path(p.entry));
    let name = name.map_or_else(String::new, |n| format!("{}: ", Shown::of_bytes(n.as_bytes()).cut_start(160)));
    (Verdict::CannotTell, format!("{name}{}{more}", first.what))
}

fn archives(facts: &Facts) -> (Verdict, String) {
    if let Some(found) = worst_defect(facts, &["source.archive", "source.further"]) {
        return found;
    }
    if facts.flags.is_none() {
        return not_searched(facts);
    }
    let Some(worst) = facts.archives.iter().max_by_key(|a| (a.differs(), !a.is_equal())) else {
        return (Verdict::Pass, "there is no source archive beside the tree".to_owned());
    };
    let words = format!("{}: {}", worst.archive.shown().cut_start(120), worst.words());
    match (worst.differs(), worst.is_equal()) {
        (true, _) => (Verdict::Fail, format!("{words}; {}", worst.worst)),
        (false, false) => (Verdict::CannotTell, words),
        (false, true) => (Verdict::Pass, words),
    }
}
