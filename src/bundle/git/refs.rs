//! The refs of a repository or git bundle, read from their text.

use git2::Oid;

use crate::bundle::limits;
use crate::text::Shown;

/// Names and what they point to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::bundle) struct Refs {
    /// What `HEAD` points to.
    pub(in crate::bundle) head: Option<Oid>,
    /// All others, sorted by name.
    pub(in crate::bundle) list: Vec<(Vec<u8>, Oid)>,
}

/// Reads `OID NAME` lines (`packed-refs`, a git bundle's header); comments and peeled lines are passed over.
pub(in crate::bundle) fn lines(text: &[u8]) -> Vec<(Vec<u8>, Oid)> {
    text.split(|b| *b == b'\n')
        .filter(|line| !matches!(line.first(), Some(b'#' | b'^') | None))
        .filter_map(|line| {
            let (id, name) = line.split_at_checked(40)?;
            let name = name.strip_prefix(b" ")?;
            Some((name.to_vec(), id_of(id)?))
        })
        .take(limits::REFS)
        .collect()
}

/// The object id that these forty digits are.
pub(in crate::bundle) fn id_of(text: &[u8]) -> Option<Oid> {
    let text = std::str::from_utf8(text).ok().filter(|t| t.len() == 40 && t.bytes().all(|b| b.is_ascii_hexdigit()))?;
    Oid::from_str(text).ok()
}

impl Refs {
    /// Sorts; of two refs with one name the first stays (a loose ref goes before a packed one).
    pub(in crate::bundle) fn new(mut list: Vec<(Vec<u8>, Oid)>, head: Option<Oid>) -> Self {
        list.sort_by(|a, b| a.0.cmp(&b.0));
        list.dedup_by(|b, a| a.0 == b.0);
        Self { head, list }
    }

    /// The ref with that full name.
    pub(in crate::bundle) fn get(&self, name: &[u8]) -> Option<Oid> {
        self.list.binary_search_by(|(n, _)| n.as_slice().cmp(name)).ok().and_then(|i| self.list.get(i)).map(|(_, id)| *id)
    }

    /// The tag of that short or full name.
    pub(in crate::bundle) fn tag(&self, name: &[u8]) -> Option<Oid> {
        let short = name.strip_prefix(b"refs/tags/").unwrap_or(name);
        self.get(&[b"refs/tags/", short].concat())
    }

    /// What a name without `refs/` in front means, as git finds it.
    pub(in crate::bundle) fn short(&self, name: &[u8]) -> Option<Oid> {
        if name == b"HEAD" {
            return self.default_commit();
        }
        [&b""[..], b"refs/", b"refs/tags/", b"refs/heads/", b"refs/remotes/"].iter().find_map(|p| self.get(&[p, name].concat()))
    }

    /// `HEAD`, or the branch that stands for it.
    pub(in crate::bundle) fn default_commit(&self) -> Option<Oid> {
        let mut branches = self.list.iter().filter(|(n, _)| n.starts_with(b"refs/heads/"));
        let only = match (branches.next(), branches.next()) {
            (Some((_, id)), None) => Some(*id),
            _ => None,
        };
        self.head.or_else(|| self.get(b"refs/heads/main")).or_else(|| self.get(b"refs/heads/master")).or(only)
    }

    /// The names, for a message.
    pub(in crate::bundle) fn words(&self) -> String {
        if self.list.is_empty() {
            return "none".into();
        }
        let name = |(name, id): &(Vec<u8>, Oid)| {
            format!("{} {}", Shown::of_bytes(name).cut_start(80), Shown::new(&id.to_string()).skip(0).cut(13))
        };
        let mut out: Vec<String> = self.list.iter().take(12).map(name).collect();
        if let Some(more) = self.list.len().checked_sub(12).filter(|n| *n > 0) {
            out.push(format!("and {more} more"));
        }
        out.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refs_are_found_by_short_and_full_name() {
        let a = "565e73d13aceeaafc0f1e5638f78355a9431b9eb";
        let b = "a0bedf68764dc142d431aacbdc6b00055ca3a6eb";
        let text = format!("# pack-refs with: peeled\n{a} refs/heads/work\n{b} refs/tags/v1\n^{a}\nnonsense\n{b} refs/heads/work\n");
        let refs = Refs::new(lines(text.as_bytes()), None);
        assert_eq!(refs.list.len(), 2);
        assert_eq!(refs.get(b"refs/heads/work").map(|i| i.to_string()).as_deref(), Some(a));
        assert_eq!(refs.tag(b"v1"), refs.tag(b"refs/tags/v1"));
        assert_eq!(refs.short(b"v1").map(|i| i.to_string()).as_deref(), Some(b));
        assert_eq!(refs.default_commit().map(|i| i.to_string()).as_deref(), Some(a), "the only branch");
        assert_eq!(refs.short(b"v2"), None);
    }
}
