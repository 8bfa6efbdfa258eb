//! Names that a bundle gives to files: which are safe to compare and to join, and which are not.

use super::limits;

/// Why a relative path is refused, in words; `None` when it is sound.
pub(super) fn trouble(path: &[u8]) -> Option<&'static str> {
    if path.is_empty() {
        return Some("an empty path");
    }
    if path.len() > limits::NAME {
        return Some("a path of more than 4096 bytes");
    }
    if path[0] == b'/' {
        return Some("an absolute path");
    }
    if path[0] == b'~' {
        return Some("a path into somebody's home directory");
    }
    if path.contains(&b'\\') {
        return Some("a path with a backslash, which other systems read as a separator");
    }
    if path.contains(&0) {
        return Some("a path with a NUL byte");
    }
    let mut depth = 0usize;
    for component in path.split(|b| *b == b'/') {
        depth += 1;
        match component {
            b"" => return Some("a path with an empty component"),
            b"." => return Some("a path with the component '.'"),
            b".." => return Some("a path that leaves its directory ('..')"),
            _ if component.len() > limits::COMPONENT => return Some("a path with a component of more than 255 bytes"),
            _ => {}
        }
    }
    (depth > limits::DEPTH).then_some("a path more than 256 directories deep")
}

/// The last component.
pub(super) fn file_name(path: &[u8]) -> &[u8] {
    path.rsplit(|b| *b == b'/').next().unwrap_or(path)
}

/// The first component, and what follows it.
pub(super) fn split_first(path: &[u8]) -> (&[u8], Option<&[u8]>) {
    match path.iter().position(|b| *b == b'/') {
        Some(i) => (&path[..i], path.get(i + 1..)),
        None => (path, None),
    }
}

/// The form in which two names are one to a file system that ignores case.
pub(super) fn folded(path: &[u8]) -> Vec<u8> {
    if path.is_ascii() {
        return path.to_ascii_lowercase();
    }
    String::from_utf8_lossy(path).to_lowercase().into_bytes()
}

/// Pairs of indices of names that differ only in case. `names` is looked at once; equal names are not reported.
pub(super) fn case_collisions<'a>(names: impl Iterator<Item = &'a [u8]> + Clone) -> Vec<(usize, usize)> {
    // Hashes first: a vector of numbers sorts in a fraction of the time that a map of folded names takes to build.
    use std::hash::Hasher as _;
    let mut hashes: Vec<(u64, u32)> = names
        .clone()
        .enumerate()
        .filter_map(|(i, name)| {
            let mut hash = std::hash::DefaultHasher::new();
            if name.is_ascii() {
                for piece in name.chunks(64) {
                    let mut lower = [0u8; 64];
                    let lower = &mut lower[..piece.len()];
                    lower.copy_from_slice(piece);
                    lower.make_ascii_lowercase();
                    hash.write(lower);
                }
            } else {
                for piece in folded(name).chunks(64) {
                    hash.write(piece);
                }
            }
            Some((hash.finish(), u32::try_from(i).ok()?))
        })
        .collect();
    hashes.sort_unstable();
    let suspects: Vec<(usize, usize)> =
        hashes.windows(2).filter(|w| w[0].0 == w[1].0).map(|w| (w[0].1 as usize, w[1].1 as usize)).collect();
    if suspects.is_empty() {
        return suspects;
    }
    let all: Vec<&[u8]> = names.collect();
    suspects.into_iter().filter(|(a, b)| all[*a] != all[*b] && folded(all[*a]) == folded(all[*b])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_leave_or_mean_two_things_are_named() {
        for bad in [&b""[..], b"/a", b"a//b", b"a/", b"a/../b", b"./a", b"~/a", b"a\\b", b"a\0b", b".."] {
            assert!(trouble(bad).is_some(), "{:?} accepted", String::from_utf8_lossy(bad));
        }
        for good in [&b"a"[..], b"a/b", b"..a", b"a..", b"a b", b"\xff", b"a~"] {
            assert_eq!(trouble(good), None);
        }
    }

    #[test]
    fn names_that_differ_in_case_only_collide() {
        let names: Vec<&[u8]> = vec![b"data/a", b"data/B", b"data/b", b"data/c", "data/\u{c9}".as_bytes(), "data/\u{e9}".as_bytes()];
        let mut found = case_collisions(names.iter().copied());
        found.sort_unstable();
        assert_eq!(found, [(1, 2), (4, 5)]);
    }
}
