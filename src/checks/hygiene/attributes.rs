//! `.gitattributes` (gitattributes(5)): what a tree itself says of how `git archive` treats its files.
//!
//! Only `export-ignore` and `export-subst` are read, and no macros: where git would excuse more than is read here, more is told.

use std::collections::BTreeMap;

use globset::{GlobBuilder, GlobMatcher};

/// Bytes of a `.gitattributes` that are read; git reads no longer line either.
pub(crate) const MAX_FILE: u64 = 1 << 20;
/// Bytes of a line of it.
const MAX_LINE: usize = 2048;
/// Lines with one of the two attributes in all files of a tree.
const MAX_RULES: usize = 10_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    Ignore,
    Subst,
}

struct Rule {
    glob: GlobMatcher,
    /// Whether the last component alone is matched.
    name_only: bool,
    /// Whether it is for directories only.
    directory: bool,
    name: Name,
    set: bool,
}

/// The attributes of a tree.
#[derive(Default)]
pub(crate) struct Attributes {
    /// Rules by the directory of their file, with `/` at the end (empty for the root), in the order of its lines.
    rules: BTreeMap<Vec<u8>, Vec<Rule>>,
    count: usize,
}

impl Attributes {
    /// Whether a file of that path is one.
    pub(crate) fn is_file(path: &[u8]) -> bool {
        path == b".gitattributes" || path.ends_with(b"/.gitattributes")
    }

    /// Takes the bytes of the file at `path`.
    pub(crate) fn add(&mut self, path: &[u8], bytes: &[u8]) {
        let directory = &path[..path.len().saturating_sub(b".gitattributes".len())];
        for line in bytes.split(|b| *b == b'\n').filter(|l| l.len() <= MAX_LINE) {
            let line = line.trim_ascii();
            let Ok(line) = std::str::from_utf8(line) else { continue };
            let mut words = line.split_ascii_whitespace();
            // A quoted pattern may hold blanks; it is left to git, and so excuses nothing here.
            let Some(pattern) = words.next().filter(|p| !p.starts_with(['#', '!', '"', '['])) else { continue };
            for word in words {
                let (set, word) = match word.strip_prefix(['-', '!']) {
                    Some(rest) => (false, rest),
                    None => (true, word.strip_suffix("=true").unwrap_or(word)),
                };
                let name = match word {
                    "export-ignore" => Name::Ignore,
                    "export-subst" => Name::Subst,
                    _ => continue,
                };
                if self.count >= MAX_RULES {
                    return;
                }
                if let Some(rule) = rule(pattern, name, set) {
                    self.count += 1;
                    self.rules.entry(directory.to_vec()).or_default().push(rule);
                }
            }
        }
    }

    /// Whether `git archive` leaves the file out: it or a directory above it has `export-ignore`.
    pub(crate) fn ignores(&self, path: &[u8]) -> bool {
        if self.rules.is_empty() {
            return false;
        }
        let above = path.iter().enumerate().filter(|(_, b)| **b == b'/').map(|(i, _)| (&path[..i], true));
        above.chain([(path, false)]).any(|(path, directory)| self.value(path, directory, Name::Ignore))
    }

    /// Whether `git archive` puts values into the file: it has `export-subst`.
    pub(crate) fn substitutes(&self, path: &[u8]) -> bool {
        !self.rules.is_empty() && self.value(path, false, Name::Subst)
    }

    /// The last matching line of the deepest file that has one decides.
    fn value(&self, path: &[u8], directory: bool, name: Name) -> bool {
        let last = path.iter().rposition(|b| *b == b'/').map_or(0, |i| i + 1);
        let starts = std::iter::once(0).chain(path[..last].iter().enumerate().filter(|(_, b)| **b == b'/').map(|(i, _)| i + 1));
        let mut value = false;
        for start in starts {
            let Some(rules) = self.rules.get(&path[..start]) else { continue };
            let below = String::from_utf8_lossy(&path[start..]);
            let own = String::from_utf8_lossy(&path[last..]);
            for rule in rules.iter().filter(|r| r.name == name && (directory || !r.directory)) {
                if rule.glob.is_match(if rule.name_only { own.as_ref() } else { below.as_ref() }) {
                    value = rule.set;
                }
            }
        }
        value
    }
}

fn rule(pattern: &str, name: Name, set: bool) -> Option<Rule> {
    let (pattern, directory) = match pattern.strip_suffix('/') {
        Some(rest) => (rest, true),
        None => (pattern, false),
    };
    let name_only = !pattern.contains('/');
    let pattern = pattern.strip_prefix('/').unwrap_or(pattern);
    // git knows no alternatives in braces.
    let plain: String = pattern.chars().flat_map(|c| if matches!(c, '{' | '}') { vec!['\\', c] } else { vec![c] }).collect();
    let glob = GlobBuilder::new(&plain).literal_separator(true).backslash_escape(true).build().ok()?.compile_matcher();
    Some(Rule { glob, name_only, directory, name, set })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deepest_and_last_line_decides() {
        let mut attributes = Attributes::default();
        attributes.add(
            b".gitattributes",
            b"# export-ignore\n*.log export-ignore\n/ci export-ignore\ndocs/** export-ignore\ndocs/keep -export-ignore\nbuild/ export-ignore\nversion.h export-subst\n\"a b\" export-ignore\n*.{a,b} export-ignore",
        );
        attributes.add(b"sub/.gitattributes", b"*.log -export-ignore\nonly export-ignore\n");
        for (path, ignored) in [
            ("x.log", true),
            ("a/b/x.log", true),
            ("sub/x.log", false),
            ("sub/only", true),
            ("only", false),
            ("ci/deep/file", true),
            ("a/ci/file", false),
            ("docs/a/b", true),
            ("docs/keep", false),
            ("a/build/x", true),
            ("build", false),
            ("a b", false),
            ("x.a", false),
            ("x", false),
        ] {
            assert_eq!(attributes.ignores(path.as_bytes()), ignored, "{path}");
        }
        assert!(attributes.substitutes(b"src/version.h") && !attributes.substitutes(b"src/other.h"));
        assert!(Attributes::is_file(b"a/.gitattributes") && !Attributes::is_file(b"a.gitattributes"));
    }
}
