//! The table of defects: every code that something wrong with a bundle can have. `docs/checks.md` is tested against it.

use crate::model::Severity;

/// A row of the table of defects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DefectCode {
    /// The code, as in [`Defect::code`](crate::model::Defect::code).
    pub code: &'static str,
    /// How bad it usually is; the case can be another.
    pub severity: Severity,
    /// What is wrong.
    pub sentence: &'static str,
}

const fn fail(code: &'static str, sentence: &'static str) -> DefectCode {
    DefectCode { code, severity: Severity::Fail, sentence }
}

const fn unknown(code: &'static str, sentence: &'static str) -> DefectCode {
    DefectCode { code, severity: Severity::Unknown, sentence }
}

const fn note(code: &'static str, sentence: &'static str) -> DefectCode {
    DefectCode { code, severity: Severity::Note, sentence }
}

/// Every defect, by family.
pub const DEFECTS: &[DefectCode] = &[
    unknown("bag.algorithm", "a manifest of an algorithm that is not computed here"),
    unknown("bag.bound", "a tag file is over a bound: not examined further"),
    fail("bag.case", "two paths differ only in case or form"),
    fail("bag.declaration", "`bagit.txt` is missing or not as RFC 8493 has it"),
    fail("bag.disagree", "two manifests disagree on one file"),
    note("bag.dot", "a path starts with `./`"),
    fail("bag.duplicate", "a manifest lists a path twice"),
    fail("bag.empty", "there is no file at all"),
    fail("bag.escape", "a path leaves the place that it must stay in"),
    fail("bag.extra", "a payload file is in no manifest"),
    fail("bag.fetch", "`fetch.txt`: files are left to be fetched over a network"),
    note("bag.info", "a line of `bag-info.txt` is not `Label: value`"),
    fail("bag.line", "a line of a manifest is not a digest and a path"),
    fail("bag.link", "a symbolic or hard link where a plain file must be"),
    note("bag.loose", "there is no `bagit.txt`: nothing says what the files should be"),
    fail("bag.manifest", "there is no payload manifest"),
    fail("bag.missing", "a listed file is not there"),
    fail("bag.name", "a path that is not plain"),
    fail("bag.oxum", "`Payload-Oxum` is malformed or disagrees with what is there"),
    note("bag.percent", "a percent sign in a path that is not an encoding of RFC 8493"),
    fail("bag.special", "a device, pipe or socket"),
    fail("bag.tag", "a tag file has another digest than its manifest declares"),
    fail("bag.tag-missing", "a listed tag file is not there"),
    note("bag.tag-unlisted", "a tag file that no tag manifest lists"),
    note("bag.tagmanifest", "there is no tag manifest"),
    fail("bag.unreadable", "a file or folder cannot be read"),
    unknown(
        "expect.closed",
        "with `--expect`: a container in an artifact was not opened, so that what was installed may be in it and not be found",
    ),
    note("policy.limits", "the room's policy sets bounds of its own"),
    fail("release.absent", "`release.json` names what is not in the bundle"),
    fail("release.commit", "a commit that is not a full id"),
    fail("release.duplicate", "two artifacts have one name"),
    fail("release.glob", "a required glob that is not one"),
    note("release.guessed", "there is no `release.json`: roles are guessed from names"),
    fail("release.json", "`release.json` cannot be read or is not strict JSON"),
    fail("release.missing", "a needed field is missing"),
    fail("release.path", "a path leaves `data/`, or pairs a file with a folder"),
    fail("release.schema", "a schema that is not known here"),
    fail("release.type", "a field has another type than the format gives"),
    unknown("release.unnamed", "shipped or rebuilt files that no artifact names"),
    fail("source.absent", "the source that release.json names is not in the bundle"),
    fail("source.alternates", "a repository that takes objects from elsewhere: refused"),
    unknown("source.archive", "a source archive that could be read in two ways, or a shipped one that was not looked at"),
    unknown("source.bound", "a tree or object is over a bound: not examined"),
    unknown("source.case", "two paths of the tree differ only in case"),
    fail("source.commit", "the declared commit is not there, or none is declared"),
    unknown("source.further", "more further sources and archives than are opened"),
    fail("source.grafts", "a repository with grafts: its history is not what the objects say"),
    note("source.graph", "a repository with derived files that are not used"),
    fail("source.hidden", "a source file has characters that hide or reorder others"),
    fail("source.mode", "a tree entry with a mode that git does not write"),
    fail("source.name", "a tree entry with a name that git refuses, or that some system takes for another"),
    fail("source.object", "an object is missing or its bytes do not match its name"),
    fail("source.pack", "the repository's form or pack cannot be read"),
    unknown("source.prerequisites", "a git bundle that needs commits which it does not hold"),
    fail("source.replace", "a repository with replace refs"),
    unknown("source.shallow", "a shallow clone: the history is incomplete"),
    unknown("source.submodule", "a submodule, whose source is not in this repository"),
    fail("source.tag", "the declared tag is not there or names another commit"),
    unknown("source.unreadable", "the source cannot be read"),
    fail("tar.ambiguous", "two programs could read the archive differently"),
    unknown("tar.end", "the archive's end marker is missing, short, or followed by data"),
    fail("tar.link", "a hard link in the archive"),
    fail("tar.name", "a member's name is not a plain relative path"),
    unknown("tar.size", "an extension header repeats a size that the header itself can hold"),
    fail("tar.special", "a device or pipe in the archive"),
    unknown("provenance.unreadable", "an attestation cannot be read"),
    fail("work.panic", "the program failed on an input: it counts as not examined"),
];
