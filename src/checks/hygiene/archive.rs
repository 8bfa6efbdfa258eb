//! A source archive against the reviewed tree, both ways (the case of xz 5.6, CVE-2024-3094: what started the attack lay in the
//! archive alone).
//!
//! A file that is only in the archive is told as that whatever made it: that `configure` is generated is a claim until somebody
//! has generated it again. What the tree itself excuses is excused: `export-ignore`, and `export-subst` where every value that
//! was put in is that of the commit.

use std::collections::{BTreeMap, HashMap};

use super::{BlobClass, Scan, lexer};
use crate::diff;
use crate::model::{ArchiveReport, EntryKind, FlagPlace, SourceContent, SourceEntry, SourceFlag, SourceTree};
use crate::text::Shown;

/// Differences of one archive that are told one by one; the rest become one item.
const ALONE: usize = 500;
/// Files of an archive that are asked which folder of the tree it is of.
const VOTERS: usize = 16;
/// Largest file that is compared line by line, in bytes.
const MAX_LINES: u64 = 16 << 20;
/// Bytes of all files of one archive that are compared line by line.
const MAX_ALL_LINES: u64 = 128 << 20;
/// Ways that are tried to read the values that were put into one file.
const MAX_WAYS: u32 = 1 << 20;
/// Bytes of value that one `$Format:$` may become.
const MAX_VALUE: usize = 256;

/// A tree with what was found in it.
pub(crate) struct Scanned<'a> {
    /// The tree.
    pub(crate) tree: &'a SourceTree,
    /// What was found.
    pub(crate) scan: &'a Scan,
    /// Its files.
    pub(crate) content: &'a dyn SourceContent,
}

/// What of a release a file is for, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Use {
    /// Run by the build, or deciding what it does.
    Build,
    /// Bytes that nobody reads as text.
    Binary,
    /// Code.
    Code,
    /// Anything else.
    Other,
}

/// How many paths of the archive the tree has below `prefix`.
fn hits(tree: &SourceTree, archive: &SourceTree, prefix: &[u8]) -> usize {
    let below = |e: &&SourceEntry| tree.find(&[prefix, e.path.as_bytes()].concat().into()).is_some();
    archive.entries.iter().filter(below).count()
}

/// The folder of the tree (empty, or with `/` at the end) that the archive is of, and how many of its paths are there: the root,
/// unless most files are not in it and another folder has more of them.
pub(crate) fn folder(tree: &SourceTree, archive: &SourceTree) -> (Vec<u8>, usize) {
    let at_root = hits(tree, archive, b"");
    if at_root * 2 >= archive.entries.len() {
        return (Vec::new(), at_root);
    }
    // Files with the longest paths say most of where they belong.
    let mut longest: Vec<&SourceEntry> = archive.entries.iter().collect();
    longest.sort_by_key(|e| std::cmp::Reverse(e.path.as_bytes().len()));
    let mut votes: HashMap<Vec<u8>, usize> = HashMap::new();
    for entry in longest.into_iter().take(VOTERS) {
        let end = [b"/".as_slice(), entry.path.as_bytes()].concat();
        for other in tree.entries.iter().filter_map(|e| e.path.as_bytes().strip_suffix(end.as_slice())).take(VOTERS) {
            *votes.entry([other, b"/"].concat()).or_default() += 1;
        }
    }
    let best = votes.into_iter().max_by(|a, b| (a.1, &b.0).cmp(&(b.1, &a.0)));
    let best = best.map(|(prefix, _)| (hits(tree, archive, &prefix), prefix)).filter(|(count, _)| *count > at_root);
    best.map_or((Vec::new(), at_root), |(count, prefix)| (prefix, count))
}

/// Compares the archive with the tree, or with one `folder` of it. `cancelled` is asked before every file that is read.
pub(crate) fn compare(
    tree: &Scanned<'_>,
    archive: &Scanned<'_>,
    folder: &[u8],
    cancelled: &dyn Fn() -> bool,
) -> (ArchiveReport, Vec<SourceFlag>) {
    let mut report = ArchiveReport {
        archive: archive.tree.origin.clone(),
        folder: folder.into(),
        files: archive.tree.entries.len(),
        ..ArchiveReport::default()
    };
    let mut maker = Maker { archive, flags: Vec::new(), rest: Vec::new(), quiet: Vec::new() };
    let mut budget = MAX_ALL_LINES;
    let mut moved: HashMap<crate::digest::Sha256, usize> = HashMap::new();
    for (i, digest) in tree.scan.digests.iter().enumerate() {
        if let Some(digest) = digest {
            moved.entry(*digest).or_insert(i);
        }
    }
    for (index, entry) in archive.tree.entries.iter().enumerate() {
        if cancelled() {
            report.not_compared = "stopped before all of it was compared".to_owned();
            return (report, Vec::new());
        }
        let own = archive.scan.digests.get(index).copied().flatten();
        let there = crate::text::Untrusted::from([folder, entry.path.as_bytes()].concat());
        let Some(other) = tree.tree.find(&there) else {
            report.added += 1;
            let same = own.and_then(|d| moved.get(&d)).and_then(|i| tree.tree.entries.get(*i));
            let same = same.filter(|e| e.size > 0).map(|e| format!("; its bytes are those of {} in the tree", e.path.shown().cut(120)));
            maker.added(index, entry, &same.unwrap_or_default());
            continue;
        };
        let Some(theirs) = tree.tree.entries.get(other) else { continue };
        let (Some(a), Some(b)) = (tree.scan.digests.get(other).copied().flatten(), own) else {
            report.unknown += 1;
            let what = if theirs.kind == EntryKind::Submodule { "lies in the place of a submodule" } else { "could not be compared" };
            maker.one(Use::Other, index, entry, vec![], what.to_owned(), &theirs.id);
            continue;
        };
        let link = |kind| kind == EntryKind::Link;
        if link(theirs.kind) != link(entry.kind) {
            report.modes += 1;
            let (now, was) = if link(entry.kind) { ("a symbolic link", "a file") } else { ("a file", "a symbolic link") };
            maker.one(
                used(entry, archive, index),
                index,
                entry,
                vec![],
                format!("is {now} in the archive and {was} in the tree"),
                &theirs.id,
            );
        } else if a != b {
            let limit = MAX_LINES;
            let texts = || Some((tree.content.read(other, limit).ok()?, archive.content.read(index, limit).ok()?));
            let size = entry.size.saturating_add(theirs.size);
            let skip = archive.scan.blobs.get(index).copied().flatten().is_some() || size > budget;
            let texts = if skip { None } else { texts() };
            budget = budget.saturating_sub(if texts.is_some() { size } else { 0 });
            if let Some((older, newer)) = &texts
                && tree.scan.attributes.substitutes(there.as_bytes())
                && substituted(older, newer, tree.tree)
            {
                report.substituted += 1;
                continue;
            }
            report.changed += 1;
            let (lines, what) = match &texts {
                Some((older, newer)) => {
                    let found = diff::changed_lines(older, newer);
                    let count = found.lines.iter().filter(|l| l.added).count();
                    let gone = found.lines.len() - count;
                    let first = found.at.first().copied().unwrap_or(1);
                    let least = if found.cut.is_some() { "at least " } else { "" };
                    (found.at, format!("differs from the tree: {least}{count} lines put in, {gone} taken out, first at line {first}"))
                }
                None => (vec![1], format!("differs from the tree: {} bytes, {} there", entry.size, theirs.size)),
            };
            maker.one(used(entry, archive, index), index, entry, lines, what, &theirs.id);
        } else if theirs.kind != entry.kind {
            report.modes += 1;
            let word = if entry.kind == EntryKind::Executable { "executable" } else { "not executable" };
            let place = maker.place(index, vec![1], format!("{word} in the archive only"));
            maker.quiet.push(("in the archive with another mode", place));
        } else {
            report.equal += 1;
        }
    }
    let mut missing = Vec::new();
    for (index, entry) in tree.tree.entries.iter().enumerate() {
        let Some(below) = entry.path.as_bytes().strip_prefix(folder) else { continue };
        if archive.tree.find(&below.into()).is_some() {
            continue;
        }
        if tree.scan.attributes.ignores(entry.path.as_bytes()) {
            report.ignored += 1;
        } else if entry.kind != EntryKind::Submodule {
            report.missing += 1;
            missing.push(FlagPlace { entry: tree.scan.offset + index, lines: vec![1], detail: format!("{} bytes", entry.size) });
        }
    }
    let flags = maker.finish(missing);
    report.worst = flags.first().map(|f| format!("{}: {}", Shown::new(&f.key).cut_start(160), f.what)).unwrap_or_default();
    (report, flags)
}

struct Maker<'a> {
    archive: &'a Scanned<'a>,
    flags: Vec<SourceFlag>,
    rest: Vec<FlagPlace>,
    /// Differences that are told together, by what they are.
    quiet: Vec<(&'static str, FlagPlace)>,
}

impl Maker<'_> {
    fn place(&self, index: usize, lines: Vec<u64>, detail: String) -> FlagPlace {
        FlagPlace { entry: self.archive.scan.offset + index, lines, detail }
    }

    fn added(&mut self, index: usize, entry: &SourceEntry, more: &str) {
        let used = used(entry, self.archive, index);
        let what = match (used, self.archive.scan.blobs.get(index).copied().flatten()) {
            (Use::Other, _) => {
                let place = self.place(index, vec![1], format!("{} bytes{more}", entry.size));
                return self.quiet.push(("only in the archive, neither build scripts nor code", place));
            }
            (Use::Build, _) => format!("only in the archive, and a build runs or reads it ({} bytes){more}", entry.size),
            (_, Some(blob)) => format!("only in the archive: {} of {} bytes{more}", blob.what, entry.size),
            _ => format!("only in the archive: code of {} bytes{more}", entry.size),
        };
        let lines = if used == Use::Binary { vec![1] } else { Vec::new() };
        self.one(used, index, entry, lines, what, "");
    }

    /// `theirs` is the tree's side: a ruling on the difference does not outlive it.
    fn one(&mut self, used: Use, index: usize, entry: &SourceEntry, lines: Vec<u64>, what: String, theirs: &str) {
        let place = self.place(index, lines, String::new());
        if self.flags.len() >= ALONE {
            return self.rest.push(FlagPlace { detail: what, ..place });
        }
        let path = [self.archive.scan.prefix.as_slice(), entry.path.as_bytes()].concat();
        let side = theirs.get(..12).map_or_else(String::new, |id| format!(" against {id}"));
        let key = format!("{}{side}", Shown::of_bytes(&path));
        self.flags.push(SourceFlag { code: "source.archive", rank: used as u8, key, what, places: vec![place] });
    }

    fn finish(mut self, missing: Vec<FlagPlace>) -> Vec<SourceFlag> {
        let name = self.archive.tree.origin.shown().cut_start(200);
        let mut many = |rank, what: &str, places: Vec<FlagPlace>| {
            if !places.is_empty() {
                let what_all = format!("{} files {what}", places.len());
                self.flags.push(SourceFlag { code: "source.archive", rank, key: format!("{name}: {what}"), what: what_all, places });
            }
        };
        many(Use::Build as u8, "more that differ, beyond those told one by one", std::mem::take(&mut self.rest));
        let mut quiet: BTreeMap<&str, Vec<FlagPlace>> = BTreeMap::new();
        for (what, place) in std::mem::take(&mut self.quiet) {
            quiet.entry(what).or_default().push(place);
        }
        for (what, places) in quiet {
            many(Use::Other as u8, what, places);
        }
        many(Use::Other as u8 + 1, "of the tree that are not in the archive", missing);
        self.flags.sort_by(|a, b| (a.rank, &a.key).cmp(&(b.rank, &b.key)));
        self.flags
    }
}

fn used(entry: &SourceEntry, of: &Scanned<'_>, index: usize) -> Use {
    let path = entry.path.as_bytes();
    if is_build(path) {
        return Use::Build;
    }
    match of.scan.blobs.get(index).copied().flatten() {
        Some(blob) if blob.class == BlobClass::Data => Use::Other,
        Some(_) => Use::Binary,
        None if entry.kind == EntryKind::Executable => Use::Build,
        None if lexer::syntax(path, "").is_some() => Use::Code,
        None => Use::Other,
    }
}

/// Whether a build runs a file of that name, or does what it says: the build systems that are in wide use.
fn is_build(path: &[u8]) -> bool {
    let lower = String::from_utf8_lossy(path).to_ascii_lowercase();
    let name = lower.rsplit('/').next().unwrap_or(&lower);
    let plain = name.strip_suffix(".in").unwrap_or(name);
    let ends = [
        ".m4", ".ac", ".am", ".mk", ".cmake", ".bzl", ".gradle", ".kts", ".gyp", ".gypi", ".spec", ".sh", ".bat", ".ps1", ".pro",
        ".vcxproj", ".csproj", ".props", ".targets", ".nix",
    ];
    let names = [
        "configure",
        "config.guess",
        "config.sub",
        "config.rpath",
        "install-sh",
        "ltmain.sh",
        "missing",
        "depcomp",
        "compile",
        "ylwrap",
        "mkinstalldirs",
        "test-driver",
        "makefile",
        "gnumakefile",
        "cmakelists.txt",
        "meson.build",
        "meson_options.txt",
        "build",
        "build.bazel",
        "workspace",
        "module.bazel",
        "sconstruct",
        "sconscript",
        "wscript",
        "waf",
        "setup.py",
        "setup.cfg",
        "pyproject.toml",
        "build.rs",
        "cargo.toml",
        "pom.xml",
        "package.json",
        "bootstrap",
        "autogen",
        "rules",
        "dockerfile",
        "containerfile",
        "jenkinsfile",
        ".gitlab-ci.yml",
        ".travis.yml",
        "azure-pipelines.yml",
        "rakefile",
        "justfile",
        "build.xml",
        "build.zig",
        "makefile.pl",
        "build.pl",
        "gradlew",
    ];
    ends.iter().any(|e| plain.ends_with(e))
        || names.contains(&plain)
        || lower.starts_with(".github/")
        || lower.contains("/.github/")
        || lower.starts_with(".circleci/")
}

/// Whether `newer` is `older` with every `$Format:…$` (git-log(1), PRETTY FORMATS) replaced by what `git archive` would put there.
/// Only placeholders of which it is known what they may become are accepted.
fn substituted(older: &[u8], newer: &[u8], tree: &SourceTree) -> bool {
    let (mut old, mut new) = (older, newer);
    let mut ways = MAX_WAYS;
    loop {
        let at = find(old, b"$Format:");
        let plain = at.unwrap_or(old.len());
        if new.get(..plain) != old.get(..plain) {
            return false;
        }
        (old, new) = (&old[plain..], &new[plain..]);
        if at.is_none() {
            return new.is_empty();
        }
        let Some(end) = find(&old[8..], b"$") else { return old == new };
        let format = &old[8..8 + end];
        old = &old[8 + end + 1..];
        // The value ends where the plain text that follows begins.
        let next = old.get(..old.len().min(16)).unwrap_or_default();
        let next = next.split(|b| *b == b'$').next().unwrap_or_default();
        let fits = (0..=new.len().min(MAX_VALUE))
            .find(|n| new[*n..].starts_with(next) && (!next.is_empty() || *n == new.len()) && value(format, &new[..*n], tree, &mut ways));
        let Some(length) = fits else { return false };
        new = &new[length..];
    }
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|w| w == what)
}

/// Whether `value` is what a format may become for this commit. `ways` is how much may still be tried.
fn value(format: &[u8], value: &[u8], tree: &SourceTree, ways: &mut u32) -> bool {
    let Some(less) = ways.checked_sub(1) else { return false };
    *ways = less;
    let (commit, root) = (tree.commit.as_deref().unwrap_or_default().as_bytes(), tree.tree.as_deref().unwrap_or_default().as_bytes());
    let time = tree.time.map(|t| t.to_string()).unwrap_or_default();
    let Some(percent) = format.iter().position(|b| *b == b'%') else { return value == format };
    let Some(rest) = value.strip_prefix(&format[..percent]) else { return false };
    let after = &format[percent + 1..];
    let short = |id: &[u8], n: usize| n >= 4 && id.get(..n) == rest.get(..n);
    let all = |id: &[u8]| if id.is_empty() || !rest.starts_with(id) { None } else { Some(id.len()) };
    let of = |set: &dyn Fn(u8) -> bool, most: usize| rest.iter().take(most).take_while(|b| set(**b)).count();
    let date = |b: u8| b.is_ascii_digit() || b"-:+ TZ".contains(&b);
    let names = |b: u8| b.is_ascii_alphanumeric() || b" ()/._,:->+".contains(&b);
    // The placeholder's length and the longest value that it may have here; shorter ones are tried too.
    let (length, most) = if after.starts_with(b"H") {
        (1, all(commit))
    } else if after.starts_with(b"T") {
        (1, all(root))
    } else if after.starts_with(b"h") {
        (1, Some((4..=40).rev().find(|n| short(commit, *n)).unwrap_or(0)).filter(|n| *n > 0))
    } else if after.starts_with(b"t") {
        (1, Some((4..=40).rev().find(|n| short(root, *n)).unwrap_or(0)).filter(|n| *n > 0))
    } else if after.starts_with(b"ct") {
        (2, all(time.as_bytes()))
    } else if after.starts_with(b"%") {
        (1, all(b"%"))
    } else if [&b"ci"[..], b"cI", b"cs", b"ai", b"aI", b"as", b"at"].iter().any(|p| after.starts_with(p)) {
        (2, Some(of(&date, 32)))
    } else if after.starts_with(b"d") || after.starts_with(b"D") {
        (1, Some(of(&names, MAX_VALUE)))
    } else {
        return false;
    };
    let Some(most) = most else { return false };
    let exact = matches!(after.first(), Some(b'H' | b'T' | b'%')) || after.starts_with(b"ct");
    let least = if exact { most } else { 0 };
    let refs = |n: usize| !matches!(after.first(), Some(b'd' | b'D')) || is_decoration(&rest[..n]);
    (least..=most).rev().any(|n| refs(n) && self::value(&after[length..], &rest[n..], tree, ways))
}

/// Names of refs as `%d` and `%D` write them: ` (HEAD -> main, tag: v1)`, or nothing.
fn is_decoration(value: &[u8]) -> bool {
    let inside = value.strip_prefix(b" (").and_then(|v| v.strip_suffix(b")")).unwrap_or(value);
    let name = |word: &str| {
        let word = word.strip_prefix("HEAD -> ").or_else(|| word.strip_prefix("tag: ")).unwrap_or(word);
        !word.is_empty() && !word.contains([' ', '(', ')'])
    };
    inside.is_empty() && value.is_empty() || std::str::from_utf8(inside).is_ok_and(|text| text.split(", ").all(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_values_of_the_commit_are_taken_for_substituted() {
        let commit = "565e73d13aceeaafc0f1e5638f78355a9431b9eb";
        let tree =
            SourceTree { commit: Some(commit.into()), tree: Some("ab".repeat(20)), time: Some(1_700_000_000), ..SourceTree::default() };
        let fits = |old: &str, new: &str| substituted(old.as_bytes(), new.as_bytes(), &tree);
        assert!(fits("v = \"$Format:%H$\"\n", &format!("v = \"{commit}\"\n")));
        assert!(fits("$Format:%h %ct$", "565e73d 1700000000"));
        assert!(fits("a $Format:%d$ b $Format:%cs$\n", "a  (HEAD -> main, tag: v1.0) b 2023-11-14\n"));
        assert!(fits("no format\n", "no format\n"));
        for (old, new) in [
            ("v = \"$Format:%H$\"\n", "v = \"565e73d13aceeaafc0f1e5638f78355a9431b9ec\"\n"),
            ("v = \"$Format:%h$\"\n", "v = \"565\"\n"),
            ("v = \"$Format:%s$\"\n", "v = \"\"; evil(); \"\"\n"),
            ("v = \"$Format:%d$\"\n", "v = \"\"; evil(); \"\"\n"),
            ("v = \"$Format:%H$\"\nrest\n", "v = \"565e73d13aceeaafc0f1e5638f78355a9431b9eb\"\nother\n"),
            ("$Format:%ct$", "1700000001"),
            ("$Format:%H", "x"),
        ] {
            assert!(!fits(old, new), "{old} became {new}");
        }
    }

    #[test]
    fn names_that_a_build_runs() {
        for name in [
            "configure",
            "m4/build-to-host.m4",
            "src/Makefile.in",
            "cmake/x.cmake",
            ".github/workflows/ci.yml",
            "a/CMakeLists.txt",
            "debian/rules",
        ] {
            assert!(is_build(name.as_bytes()), "{name}");
        }
        for name in ["src/main.c", "README", "tests/files/good.xz", "builder.c"] {
            assert!(!is_build(name.as_bytes()), "{name}");
        }
    }
}
