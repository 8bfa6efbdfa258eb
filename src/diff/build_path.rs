//! The folder that a build ran in: one prefix on each side, replaced wherever it stands at the bounds of path components.
//!
//! Whether a prefix *is* a build folder is for the caller to corroborate (the compilation directory of debug information, or
//! names of source files behind it): a changed path is not a build path because it is a path.

use crate::model::{Side, Sides};

/// A prefix of paths on each side, without a slash at its end.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct BuildPath(pub(super) Sides<Vec<u8>>);

impl BuildPath {
    /// The shortest pair of prefixes, whole components long, whose replacement makes these two absolute paths equal.
    pub(super) fn propose(shipped: &[u8], rebuilt: &[u8]) -> Option<Self> {
        let absolute =
            |path: &[u8]| path.first() == Some(&b'/') || matches!(path, [drive, b':', b'/' | b'\\', ..] if drive.is_ascii_alphabetic());
        if shipped == rebuilt || !absolute(shipped) || !absolute(rebuilt) {
            return None;
        }
        let common = shipped.iter().rev().zip(rebuilt.iter().rev()).take_while(|(x, y)| x == y).count();
        let old = cut(shipped, common)?;
        // The common end starts at a component: `/src/auth.c`, not `r/src/auth.c`.
        let skip = old.1.iter().position(|b| is_separator(*b));
        let keep = old.1.len() - skip.unwrap_or(old.1.len());
        let (old, new) = (cut(shipped, keep)?.0, cut(rebuilt, keep)?.0);
        (old.len() > 1 && new.len() > 1).then(|| Self(Sides::new(old.to_vec(), new.to_vec())))
    }

    /// A text with the prefix of its side taken out, for looking up what belongs together.
    pub(super) fn taken_out(&self, side: Side, text: &[u8]) -> Vec<u8> {
        undo(text, self.0.get(side)).join(&0)
    }

    /// Whether the two are equal once the prefix of each side is taken out of them everywhere.
    pub(super) fn makes_equal(&self, shipped: &[u8], rebuilt: &[u8]) -> bool {
        undo(shipped, &self.0.shipped) == undo(rebuilt, &self.0.rebuilt)
    }
}

fn cut(path: &[u8], end: usize) -> Option<(&[u8], &[u8])> {
    path.split_at_checked(path.len().checked_sub(end)?)
}

fn is_separator(byte: u8) -> bool {
    matches!(byte, b'/' | b'\\')
}

/// The text in pieces between the places where the prefix stands as a whole path or as its first components.
fn undo<'a>(text: &'a [u8], prefix: &[u8]) -> Vec<&'a [u8]> {
    let mut out = Vec::new();
    let (mut from, mut at) = (0, 0);
    while let Some(rest) = text.get(at..).filter(|r| !r.is_empty()) {
        let before = at.checked_sub(1).and_then(|i| text.get(i)).is_none_or(|b| !is_part(*b));
        let after = rest.get(prefix.len()).is_none_or(|b| !is_part(*b) || is_separator(*b));
        if before && after && !prefix.is_empty() && rest.starts_with(prefix) {
            out.push(text.get(from..at).unwrap_or_default());
            at += prefix.len();
            from = at;
        } else {
            at += 1;
        }
    }
    out.push(text.get(from..).unwrap_or_default());
    out
}

/// Whether a byte can be inside a path component or between two.
fn is_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || is_separator(byte) || matches!(byte, b'.' | b'_' | b'-' | b'+' | b'~' | b'@' | b'%') || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(old: &str, new: &str) -> Option<BuildPath> {
        BuildPath::propose(old.as_bytes(), new.as_bytes())
    }

    #[test]
    fn a_prefix_of_whole_components_is_proposed() {
        let found = path("/build/r/src/auth.c", "/build/other/deep/er/src/auth.c").expect("a prefix");
        assert_eq!(found.0, Sides::new(b"/build/r".to_vec(), b"/build/other/deep/er".to_vec()));
        assert_eq!(path("src/auth.c", "/x/src/auth.c"), None);
        assert_eq!(path("/a/x.c", "/a/x.c"), None);
        assert_eq!(path("/x.c", "/build/x.c"), None, "an empty prefix would stand everywhere");
    }

    #[test]
    fn the_prefix_is_undone_everywhere_and_only_as_whole_components() {
        let found = path("/b/one/x.c", "/b/two/x.c").expect("a prefix");
        let equal = |x: &str, y: &str| found.makes_equal(x.as_bytes(), y.as_bytes());
        assert!(equal("at /b/one/x.c and /b/one", "at /b/two/x.c and /b/two"));
        assert!(!equal("/b/one/x.c", "/b/two/y.c"));
        assert!(!equal("/b/onex/x.c", "/b/twox/x.c"));
        assert!(!equal("/b/one/x.c", "/b/three/x.c"));
        assert!(!equal("/b/one /b/one", "/b/two /b/one"));
        assert!(!equal("/z/b/one/x.c", "/z/b/two/x.c"), "not at the start of a path");
    }
}
