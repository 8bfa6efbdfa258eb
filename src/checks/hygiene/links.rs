//! Symbolic links of a source tree: where they lead, without a disk.

use std::collections::BTreeMap;

/// Links followed before a way is given up, as many as Linux follows.
const HOPS: usize = 40;
/// Components of one way.
const STEPS: usize = 4096;

/// The links of a tree: path and target.
#[derive(Default)]
pub(crate) struct Links(BTreeMap<Vec<u8>, Vec<u8>>);

impl Links {
    /// Takes a link.
    pub(crate) fn add(&mut self, path: &[u8], target: &[u8]) {
        self.0.insert(path.to_vec(), target.to_vec());
    }

    /// What is wrong with where the link at `path` leads; `None` when it stays in the tree. A link to nothing is sound: nothing
    /// is read through it.
    pub(crate) fn trouble(&self, path: &[u8]) -> Option<&'static str> {
        let target = self.0.get(path)?;
        let mut at: Vec<&[u8]> = path.split(|b| *b == b'/').collect();
        at.pop();
        let mut open: Vec<&[u8]> = Vec::new();
        let mut hops = 0;
        let mut steps = 0;
        let mut follow = target.as_slice();
        loop {
            if follow.is_empty() {
                return Some("its target is empty");
            }
            if follow.starts_with(b"/") {
                return Some("its target is an absolute path");
            }
            if follow.contains(&b'\\') || follow.get(1) == Some(&b':') {
                return Some("its target is a path out of the tree to some systems");
            }
            open.extend(follow.split(|b| *b == b'/').rev());
            loop {
                let next = open.pop()?;
                steps += 1;
                if steps > STEPS {
                    return Some("its way has more than 4,096 steps: not followed");
                }
                match next {
                    b"" | b"." => {}
                    b".." => {
                        if at.pop().is_none() {
                            return Some("it leads out of the tree");
                        }
                    }
                    name => {
                        at.push(name);
                        if name.eq_ignore_ascii_case(b".git") {
                            return Some("it leads into git's own directory");
                        }
                        if let Some(further) = self.0.get(&at.join(&b'/')) {
                            hops += 1;
                            if hops > HOPS {
                                return Some("it leads round in a circle");
                            }
                            at.pop();
                            follow = further;
                            break;
                        }
                    }
                }
            }
        }
    }

    /// The paths of all links.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &[u8]> {
        self.0.keys().map(Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_followed_without_a_disk() {
        let mut links = Links::default();
        for (path, target) in [
            ("a/inside", "../b/c"),
            ("a/out", "../../etc/passwd"),
            ("a/root", "/etc/passwd"),
            ("a/git", "../.git/config"),
            ("b/up", ".."),
            ("a/through", "../b/up/../x"),
            ("a/twice", "../b/up/b/up/x"),
            ("ring", "ring2"),
            ("ring2", "ring"),
            ("a/nowhere", "gone"),
            ("a/dots", "./x/../y"),
            ("windows", "..\\x"),
            ("empty", ""),
        ] {
            links.add(path.as_bytes(), target.as_bytes());
        }
        let bad: Vec<&[u8]> = links.paths().filter(|p| links.trouble(p).is_some()).collect();
        assert_eq!(bad, [&b"a/git"[..], b"a/out", b"a/root", b"a/through", b"empty", b"ring", b"ring2", b"windows"]);
    }

    #[test]
    fn a_way_that_doubles_at_every_step_is_bounded() {
        let mut links = Links::default();
        for i in 0..30 {
            links.add(format!("l{i}").as_bytes(), format!("l{}/../l{}", i + 1, i + 1).as_bytes());
        }
        assert!(links.trouble(b"l0").is_some());
    }
}
