//! What a file is for, by its place in the layout; and, where nothing says so, guesses from names.

use std::collections::HashMap;

use super::paths::{file_name, split_first};
use crate::model::{Artifact, FileId, FileRole, PayloadFile, Rebuild, SourceDeclaration};
use crate::text::Untrusted;

/// The role of a path relative to `data/` (or to the root of a loose directory).
pub(super) fn by_place(path: &[u8]) -> FileRole {
    let (top, rest) = split_first(path);
    match (top, rest) {
        (b"release.json", None) => FileRole::Manifest,
        (b"source" | b"sources" | b"src", Some(_)) => FileRole::Source,
        (b"shipped", Some(_)) => FileRole::Shipped,
        (b"rebuilt", Some(_)) => FileRole::Rebuilt,
        (b"debug", Some(_)) => FileRole::Debug,
        (b"provenance" | b"attestations", Some(_)) => FileRole::Provenance,
        (b"sbom", Some(_)) => FileRole::Sbom,
        (b"trust", Some(_)) => FileRole::Trust,
        (b"previous", Some(_)) => FileRole::Previous,
        _ => FileRole::Other,
    }
}

/// The role that a file's name suggests, for a file in none of the known places.
pub(super) fn by_name(path: &[u8]) -> FileRole {
    let name = file_name(path).to_ascii_lowercase();
    let ends = |list: &[&str]| list.iter().any(|suffix| name.ends_with(suffix.as_bytes()));
    if ends(&[".intoto.jsonl", ".sigstore.json", ".sigstore", ".link", ".layout", ".buildinfo", ".dsc", ".asc", ".minisig"])
        || name.starts_with(b"sha256sums")
        || name.starts_with(b"sha512sums")
    {
        FileRole::Provenance
    } else if ends(&[".spdx.json", ".spdx", ".cdx.json", ".cdx.xml"]) {
        FileRole::Sbom
    } else if ends(&[".debug", ".pdb", ".dwp"]) || debug_of(&name).is_some() {
        FileRole::Debug
    } else if ends(&[".bundle"]) || path.windows(5).any(|w| w == b".git/") {
        FileRole::Source
    } else {
        FileRole::Other
    }
}

/// The beginning of the artifact's name that a debug file of that name belongs to.
fn debug_of(name: &[u8]) -> Option<Vec<u8>> {
    for mark in ["-dbgsym_", "-dbg_", "-debuginfo-", "-dbgsym-"] {
        if let Some(i) = name.windows(mark.len()).position(|w| w == mark.as_bytes()) {
            let joint = if mark.ends_with('_') { b'_' } else { b'-' };
            let mut start = name[..i].to_vec();
            start.push(joint);
            return Some(start);
        }
    }
    for suffix in [".debug", ".pdb", ".dwp", ".dwarf"] {
        if let Some(stem) = name.strip_suffix(suffix.as_bytes()) {
            return Some(stem.to_vec());
        }
    }
    None
}

/// Debug files by the beginning of the artifact's name that they belong to.
pub(super) struct DebugFiles<T>(HashMap<Vec<u8>, Vec<T>>);

impl<T: Copy> DebugFiles<T> {
    /// Takes values with their paths.
    pub(super) fn new<'a>(files: impl Iterator<Item = (T, &'a [u8])>) -> Self {
        let mut map: HashMap<Vec<u8>, Vec<T>> = HashMap::new();
        for (value, path) in files {
            if let Some(start) = debug_of(&file_name(path).to_ascii_lowercase()).filter(|s| !s.is_empty()) {
                map.entry(start).or_default().push(value);
            }
        }
        Self(map)
    }

    /// Those that belong to an artifact of that path, the longest match first.
    pub(super) fn of(&self, artifact: &[u8]) -> Vec<T> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let name = file_name(artifact).to_ascii_lowercase();
        (1..=name.len()).rev().filter_map(|n| self.0.get(&name[..n])).flatten().copied().collect()
    }
}

/// Pairs shipped with rebuilt paths, both relative to their own directory: the same relative path first, then a file name that is unique
/// on both sides. Gives the index of the rebuilt path for each shipped one.
pub(super) fn pair<'a>(shipped: &[&'a [u8]], rebuilt: &[&'a [u8]]) -> Vec<Option<usize>> {
    let by_path: HashMap<&[u8], usize> = rebuilt.iter().enumerate().map(|(i, p)| (*p, i)).collect();
    let mut pairs: Vec<Option<usize>> = shipped.iter().map(|p| by_path.get(p).copied()).collect();
    let mut taken = vec![false; rebuilt.len()];
    for i in pairs.iter().flatten() {
        taken[*i] = true;
    }
    let mut names: HashMap<&[u8], (usize, usize, usize)> = HashMap::new();
    for (i, path) in shipped.iter().enumerate().filter(|(i, _)| pairs[*i].is_none()) {
        let seen = names.entry(file_name(path)).or_default();
        (seen.0, seen.2) = (seen.0 + 1, i);
    }
    let mut right: HashMap<&[u8], (usize, usize)> = HashMap::new();
    for (i, path) in rebuilt.iter().enumerate().filter(|(i, _)| !taken[*i]) {
        let seen = right.entry(file_name(path)).or_default();
        *seen = (seen.0 + 1, i);
    }
    for (name, (count, _, i)) in names {
        if let (1, Some((1, j))) = (count, right.get(name)) {
            pairs[i] = Some(*j);
        }
    }
    pairs
}

/// What a release without a `release.json` seems to hold.
pub(super) fn guess(files: &[PayloadFile], base: &[u8]) -> (Vec<SourceDeclaration>, Vec<Artifact>) {
    let of = |role: FileRole| -> Vec<(FileId, &[u8])> {
        files
            .iter()
            .enumerate()
            .filter(|(_, f)| f.role == role && f.present)
            .filter_map(|(i, f)| Some((FileId(u32::try_from(i).ok()?), f.path.as_bytes().strip_prefix(base)?)))
            .collect()
    };
    (sources(&of(FileRole::Source), base), artifacts(&of(FileRole::Shipped), &of(FileRole::Rebuilt), &of(FileRole::Debug)))
}

fn artifacts(shipped: &[(FileId, &[u8])], rebuilt: &[(FileId, &[u8])], debug: &[(FileId, &[u8])]) -> Vec<Artifact> {
    fn below(path: &[u8]) -> &[u8] {
        split_first(path).1.unwrap_or(path)
    }
    let left: Vec<&[u8]> = shipped.iter().map(|(_, p)| below(p)).collect();
    let right: Vec<&[u8]> = rebuilt.iter().map(|(_, p)| below(p)).collect();
    let pairs = pair(&left, &right);
    let debug = DebugFiles::new(debug.iter().copied());
    let mut alone = vec![true; right.len()];
    let mut out: Vec<Artifact> = pairs
        .iter()
        .enumerate()
        .map(|(i, j)| {
            let rebuilt = j.and_then(|j| {
                alone[j] = false;
                Some(Rebuild { by: None, file: rebuilt.get(j)?.0 })
            });
            Artifact { name: left[i].into(), shipped: Some(shipped[i].0), rebuilt: rebuilt.into_iter().collect(), debug: debug.of(left[i]) }
        })
        .collect();
    out.extend(alone.iter().enumerate().filter(|(_, alone)| **alone).map(|(j, _)| Artifact {
        name: right[j].into(),
        shipped: None,
        rebuilt: vec![Rebuild { by: None, file: rebuilt[j].0 }],
        debug: Vec::new(),
    }));
    out
}

/// Git bundles and archives each; a repository by its directory; else the directory of sources itself.
fn sources(files: &[(FileId, &[u8])], base: &[u8]) -> Vec<SourceDeclaration> {
    let full = |path: &[u8]| Untrusted::from([base, path].concat());
    let declare = |path: Untrusted, file: Option<FileId>| SourceDeclaration { path, file, commit: None, tag: None };
    let mut out: Vec<SourceDeclaration> = Vec::new();
    for (_, path) in files.iter().filter(|(_, p)| p.ends_with(b"/HEAD")) {
        let root = &path[..path.len() - b"/HEAD".len()];
        let objects = [root, b"/objects/"].concat();
        let at = files.partition_point(|(_, p)| *p < objects.as_slice());
        if files.get(at).is_some_and(|(_, p)| p.starts_with(&objects)) {
            out.push(declare(full(root), None));
        }
    }
    if !out.is_empty() {
        return out;
    }
    let archive = |p: &[u8]| {
        let name = file_name(p);
        name.ends_with(b".bundle") || name.ends_with(b".tar") || name.windows(5).any(|w| w == b".tar.") || name.ends_with(b".tgz")
    };
    let depth = |p: &[u8]| p.iter().filter(|b| **b == b'/').count();
    // A repository before archives: it is the tree that they are compared with.
    let (bundles, archives): (Vec<_>, Vec<_>) =
        files.iter().filter(|(_, p)| depth(p) <= 1 && archive(p)).partition(|(_, p)| p.ends_with(b".bundle"));
    for (id, path) in bundles.into_iter().chain(archives) {
        out.push(declare(full(path), Some(id)));
    }
    if let (true, Some((_, first))) = (out.is_empty(), files.first()) {
        out.push(declare(full(split_first(first).0), None));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_by_path_then_by_unique_name() {
        let shipped: Vec<&[u8]> = vec![b"a/x", b"b/y", b"c/z", b"d/z"];
        let rebuilt: Vec<&[u8]> = vec![b"q/y", b"a/x", b"q/z"];
        assert_eq!(pair(&shipped, &rebuilt), [Some(1), Some(0), None, None]);
    }

    #[test]
    fn a_repository_is_guessed_before_the_archives_beside_it() {
        let files: Vec<(FileId, &[u8])> =
            vec![(FileId(0), b"source/a-1.tar.gz"), (FileId(1), b"source/b.bundle"), (FileId(2), b"source/c.txt")];
        let found: Vec<_> = sources(&files, b"data/").into_iter().map(|s| (s.path.lossy().into_owned(), s.file)).collect();
        assert_eq!(found, [("data/source/b.bundle".to_owned(), Some(FileId(1))), ("data/source/a-1.tar.gz".to_owned(), Some(FileId(0)))]);
    }

    #[test]
    fn debug_files_belong_by_name() {
        let names: [&[u8]; 3] = [b"debug/hello-dbgsym_2.10-3_amd64.deb", b"prog.debug", b".debug"];
        let files = DebugFiles::new(names.iter().enumerate().map(|(i, n)| (i, *n)));
        assert_eq!(files.of(b"hello_2.10-3_amd64.deb"), [0]);
        assert_eq!(files.of(b"hello-doc_2.10-3_all.deb"), Vec::<usize>::new());
        assert_eq!(files.of(b"bin/prog"), [1]);
        assert_eq!(files.of(b"other"), Vec::<usize>::new());
    }
}
