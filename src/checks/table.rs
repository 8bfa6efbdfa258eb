//! The table of checks and their verdicts.

mod artifacts;
mod provenance;
mod source;

use super::Facts;
use crate::model::{Fixity, ResultMark, Severity};

/// The verdict of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// It holds.
    Pass,
    /// Different, and every difference is proved.
    Explained,
    /// Not computed yet.
    Pending,
    /// It could not be told; never counts as passed.
    CannotTell,
    /// It does not hold.
    Fail,
}

impl Verdict {
    /// The mark on screens.
    #[must_use]
    pub fn mark(self) -> char {
        match self {
            Self::Pass => '=',
            Self::Explained => '~',
            Self::Pending => '.',
            Self::CannotTell => '?',
            Self::Fail => '!',
        }
    }

    /// The word used in JSON and in records.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Explained => "explained",
            Self::Pending => "pending",
            Self::CannotTell => "cannotTell",
            Self::Fail => "fail",
        }
    }
}

/// The groups that Overview shows, in the order of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Is the bundle what it says it is?
    Bundle,
    /// Is the source there, at the stated commit and tag, with nothing hidden?
    Source,
    /// Who claims to have built what from what?
    Provenance,
    /// Is everything that went into it here, and named?
    Dependencies,
    /// Is what was shipped what was rebuilt?
    Artifacts,
}

impl Group {
    /// All of them, in order.
    pub const ALL: [Self; 5] = [Self::Bundle, Self::Source, Self::Provenance, Self::Dependencies, Self::Artifacts];

    /// Its name on screens.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bundle => "Bundle integrity",
            Self::Source => "Source tree",
            Self::Provenance => "Provenance",
            Self::Dependencies => "Dependencies",
            Self::Artifacts => "Artifacts",
        }
    }
}

/// A stable code with its sentence: a row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code {
    /// The code.
    pub code: &'static str,
    /// The group it belongs to.
    pub group: Group,
    /// What holds when it passes.
    pub sentence: &'static str,
}

/// The verdict on one code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Which check.
    pub code: Code,
    /// The verdict.
    pub verdict: Verdict,
    /// Why, in words; bundle text in it has passed the guard.
    pub why: String,
}

/// A group's verdict: the worst of its checks, with their short text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSummary {
    /// Which group.
    pub group: Group,
    /// The worst verdict of its checks.
    pub verdict: Verdict,
    /// One line for the screen.
    pub detail: String,
}

const fn code(code: &'static str, group: Group, sentence: &'static str) -> Code {
    Code { code, group, sentence }
}

/// Every check, in the order in which they are shown. `docs/checks.md` is tested against it.
pub const TABLE: [Code; 20] = [
    code("bundle.structure", Group::Bundle, "the bundle is well formed and complete"),
    code("bundle.fixity", Group::Bundle, "every payload file has the digest that the manifest declares, and no file is missing or extra"),
    code("source.commit", Group::Source, "the source tree at the declared commit is in the bundle and its objects are sound"),
    code("source.tag", Group::Source, "the declared tag names the declared commit"),
    code("source.history", Group::Source, "nothing in the repository makes git show another history than its objects have"),
    code("source.content", Group::Source, "no file of the source is kept elsewhere: a submodule, or a pointer in the place of content"),
    code("source.names", Group::Source, "no name or link of the source leads out of it, or stands for git's own files"),
    code("source.hidden", Group::Source, "no source file has characters that hide or reorder others"),
    code("source.confusable", Group::Source, "no identifier mixes scripts or looks like another"),
    code("source.binary", Group::Source, "every source file is text"),
    code("source.archive", Group::Source, "every source archive holds what the reviewed tree has, and nothing else"),
    code("provenance.subject", Group::Provenance, "every shipped artifact is the subject of an attestation"),
    code(
        "provenance.signature",
        Group::Provenance,
        "every shipped artifact is named by an attestation that a key which the reviewer trusts has signed, and no signature is bad",
    ),
    code(
        "provenance.claims",
        Group::Provenance,
        "nothing that an attestation says of subject, builder, source or materials is contradicted by the bundle, its certificate or the policy",
    ),
    code(
        "provenance.toolchain",
        Group::Provenance,
        "no file names other tools than those that were declared, or another revision than the one under review",
    ),
    code("provenance.chain", Group::Provenance, "no link of the chain from source to artifact is broken"),
    code("dependencies.materials", Group::Dependencies, "every other material that provenance names is in the bundle and equal"),
    code(
        "dependencies.sbom",
        Group::Dependencies,
        "no bill of materials contradicts what is in the bundle, lists what is not there, or leaves out what a shipped file names",
    ),
    code("artifacts.paired", Group::Artifacts, "every shipped artifact was rebuilt"),
    code("artifacts.equal", Group::Artifacts, "every shipped artifact is identical or equivalent to its rebuild"),
];

/// Runs every check.
#[must_use]
pub fn run(facts: &Facts) -> Vec<Check> {
    TABLE
        .iter()
        .map(|code| {
            let (verdict, why) = check(facts, code.code);
            Check { code: *code, verdict, why }
        })
        .collect()
}

/// The groups with their verdicts, for Overview.
#[must_use]
pub fn groups(facts: &Facts) -> Vec<GroupSummary> {
    let checks = run(facts);
    Group::ALL
        .into_iter()
        .map(|group| {
            let of_group = || checks.iter().filter(move |c| c.code.group == group);
            let verdict = of_group().map(|c| c.verdict).max().unwrap_or(Verdict::Pending);
            let worst = of_group().filter(|c| c.verdict == verdict).map(|c| c.why.as_str()).find(|w| !w.is_empty()).unwrap_or_default();
            let detail = if group == Group::Artifacts { artifact_counts(facts) } else { worst.to_owned() };
            GroupSummary { group, verdict, detail }
        })
        .collect()
}

fn check(facts: &Facts, code: &str) -> (Verdict, String) {
    match code {
        "bundle.structure" => defects(facts, &["bag.", "release.", "tar.", "work."]),
        "bundle.fixity" => fixity(facts),
        "source.commit" => source_commit(facts),
        "source.tag" => source_tag(facts),
        "source.hidden" => hidden(facts),
        other if other.starts_with("source.") => source::check(facts, other),
        "provenance.subject" => provenance::subjects(facts),
        "provenance.signature" => provenance::signatures(facts),
        "provenance.claims" => provenance::claims(facts),
        "provenance.toolchain" => provenance::toolchain(facts),
        "provenance.chain" => provenance::chain(facts),
        "dependencies.materials" => provenance::of_link(facts, "materials = bundle", "no provenance names a material"),
        "dependencies.sbom" => provenance::of_link(facts, "bundle = SBOM", "the bundle has no bill of materials that is read"),
        "artifacts.paired" => artifacts::paired(facts),
        _ => artifacts::equal(facts),
    }
}

fn defects(facts: &Facts, prefixes: &[&str]) -> (Verdict, String) {
    let mut all: Vec<_> = facts.all_defects().filter(|d| prefixes.iter().any(|p| d.code.starts_with(p))).collect();
    all.sort_by_key(|d| std::cmp::Reverse(d.severity));
    let Some(worst) = all.first() else { return (Verdict::Pass, "well formed".to_owned()) };
    let verdict = match worst.severity {
        Severity::Note => Verdict::Pass,
        Severity::Unknown => Verdict::CannotTell,
        Severity::Fail => Verdict::Fail,
    };
    let more = if all.len() > 1 { format!(" (and {} more)", all.len() - 1) } else { String::new() };
    (verdict, format!("{}: {}{more}", worst.place, worst.what))
}

fn fixity(facts: &Facts) -> (Verdict, String) {
    let total = facts.hashed.len();
    let count = |wanted: Fixity| facts.hashed.iter().flatten().filter(|h| h.fixity == wanted).count();
    let bad: Vec<String> = [
        (Fixity::Altered, "altered"),
        (Fixity::Missing, "missing"),
        (Fixity::Extra, "not in the manifest"),
        (Fixity::Unreadable, "unreadable"),
        (Fixity::Weak, "with weak digests only"),
    ]
    .into_iter()
    .filter(|(fixity, _)| count(*fixity) > 0)
    .map(|(fixity, word)| format!("{} {word}", count(fixity)))
    .collect();
    let good = count(Fixity::Intact);
    if count(Fixity::Altered) + count(Fixity::Missing) + count(Fixity::Extra) > 0 {
        return (Verdict::Fail, format!("{good} of {total} files match the manifest; {}", bad.join(", ")));
    }
    if !facts.all_hashed {
        return (Verdict::Pending, format!("{} of {total} files hashed", facts.hashed.iter().flatten().count()));
    }
    if count(Fixity::Undeclared) > 0 {
        return (Verdict::CannotTell, format!("no fixity manifest: {total} files hashed, nothing to compare them with"));
    }
    if !bad.is_empty() {
        return (Verdict::CannotTell, format!("{good} of {total} files match the manifest; {}", bad.join(", ")));
    }
    (Verdict::Pass, format!("{good} of {total} files match the manifest"))
}

fn source_commit(facts: &Facts) -> (Verdict, String) {
    let wrong = defects(facts, &["source."]);
    if matches!(wrong.0, Verdict::Fail | Verdict::CannotTell) {
        return wrong;
    }
    match &facts.source {
        Some(tree) => match (&tree.commit, &tree.tree) {
            (Some(commit), Some(id)) => (
                Verdict::Pass,
                format!(
                    "commit {}, tree {}, {} files",
                    crate::text::Shown::new(commit).cut(9),
                    crate::text::Shown::new(id).cut(9),
                    tree.entries.len()
                ),
            ),
            _ => (Verdict::CannotTell, format!("a source archive of {} files: no commit to check", tree.entries.len())),
        },
        None if facts.release.sources.is_empty() => (Verdict::CannotTell, "the bundle has no source".to_owned()),
        None => (Verdict::Pending, "reading the source".to_owned()),
    }
}

fn source_tag(facts: &Facts) -> (Verdict, String) {
    let Some(tree) = &facts.source else {
        return if facts.release.sources.is_empty() { (Verdict::CannotTell, String::new()) } else { (Verdict::Pending, String::new()) };
    };
    let tag = tree.tag.as_ref().map(|t| t.shown().to_string()).unwrap_or_default();
    match tree.tag_matches {
        Some(true) => (Verdict::Pass, format!("tag {tag} names the commit")),
        Some(false) => (Verdict::Fail, format!("tag {tag} names another commit than release.json does")),
        None => {
            (Verdict::CannotTell, if tag.is_empty() { "no tag is named".to_owned() } else { format!("tag {tag} is not in the repository") })
        }
    }
}

fn hidden(facts: &Facts) -> (Verdict, String) {
    match &facts.hidden {
        None if facts.release.sources.is_empty() => (Verdict::CannotTell, String::new()),
        None => (Verdict::Pending, String::new()),
        Some(places) if places.is_empty() => (Verdict::Pass, "no hidden characters".to_owned()),
        Some(places) => (
            Verdict::CannotTell,
            match places.as_slice() {
                [one] => format!("1 file has hidden characters: {}:{}", one.path.shown(), one.line),
                all => format!("{} files have hidden characters, first {}:{}", all.len(), all[0].path.shown(), all[0].line),
            },
        ),
    }
}

fn artifact_counts(facts: &Facts) -> String {
    let count = |wanted: ResultMark| facts.comparisons.iter().flatten().filter(|n| n.result == wanted).count();
    let mut parts = Vec::new();
    for (mark, word) in [
        (ResultMark::Different, "differ"),
        (ResultMark::NotExamined, "not examined"),
        (ResultMark::OnlyShipped, "never rebuilt"),
        (ResultMark::OnlyRebuilt, "never shipped"),
        (ResultMark::Equivalent, "explained"),
        (ResultMark::Identical, "same"),
    ] {
        if count(mark) > 0 {
            parts.push(format!("{} {word}", count(mark)));
        }
    }
    let done = facts.comparisons.iter().flatten().count();
    if done < facts.comparisons.len() {
        parts.push(format!("{} of {} compared", done, facts.comparisons.len()));
    }
    parts.join("  ")
}
