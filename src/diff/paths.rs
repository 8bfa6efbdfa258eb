//! Which file of the source tree a path of debug information means.
//!
//! A build folder, or a prefix map of the compiler, puts one prefix before all paths of a tree. So one prefix is found for all files that
//! an executable names, and undone for all of them alike: a path that has another folder in it is not made to fit one by one.
//! What fits equally well is a tie and is shown, never chosen; a recorded checksum decides it where there is one.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use crate::digest::{Algorithm, Digest};
use crate::inspect::debug::NamedFile;
use crate::model::{EntryKind, SourceContent, SourceStatus, SourceTree};
use crate::text::Untrusted;

/// Largest source file whose checksum is compared.
const MAX_SOURCE: u64 = 64 << 20;
/// Files of an executable that are asked for the prefix at most.
const MAX_VOTERS: usize = 20_000;
/// Files of the tree with one name that are tried for the prefix at most: those with more (`Makefile`, `mod.rs`) say little.
const MAX_NAMESAKES: usize = 16;
/// Files of the tree with one name whose content is tried at most.
const MAX_CONTENTS: usize = 64;
/// Prefixes that are compared at most.
const MAX_PREFIXES: usize = 64;
/// Longest path of debug information that is looked up, in bytes.
const MAX_PATH: usize = 4096;
/// Components of a path that are looked at.
const MAX_DEPTH: usize = 128;
/// Where the system keeps its own headers and libraries.
const SYSTEM: [&[u8]; 6] = [b"/usr/include/", b"/usr/lib/", b"/usr/lib64/", b"/usr/local/include/", b"/usr/share/", b"/opt/"];

/// The files of the source tree.
pub(super) struct SourceMap {
    paths: Vec<Untrusted>,
    kinds: Vec<EntryKind>,
    by_path: HashMap<Vec<u8>, usize>,
    by_base: HashMap<Vec<u8>, Vec<usize>>,
    content: Option<Arc<dyn SourceContent>>,
    known: Mutex<HashMap<(usize, Algorithm), Option<Known>>>,
}

/// What was read of a file of the tree.
#[derive(Clone)]
struct Known {
    digest: Vec<u8>,
    lines: u32,
}

/// Where a path leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Resolved {
    One(usize),
    /// Several files fit equally well: none is chosen.
    Tie(Vec<usize>),
    None,
}

/// A prefix of the paths in debug information, and what stands for it in the tree; as components. An absolute path starts with
/// an empty component.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Prefix {
    from: Vec<Vec<u8>>,
    to: Vec<Vec<u8>>,
}

/// What speaks for a prefix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Vote {
    /// Files that it leads to.
    hits: u64,
    /// Components that those have in common with the tree, together.
    common: u64,
    /// Whether it is the folder that a compiler ran in.
    whole: bool,
}

/// A file that debug information names, and what it is in the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claimed {
    /// Index in the tree.
    pub(super) entry: Option<usize>,
    /// Path in the tree when it is there; else as the debug information has it.
    pub(super) path: Untrusted,
    pub(super) status: SourceStatus,
    /// Lines that the file of the tree has, where it was read.
    pub(super) lines: Option<u32>,
    /// The files that fit equally well, in words.
    pub(super) tie: Option<String>,
}

/// The files that one side names.
#[derive(Default)]
pub(super) struct Named {
    /// For each file of the table.
    pub(super) files: Vec<Claimed>,
    digests: Vec<Option<(Algorithm, Vec<u8>)>>,
    by_path: HashMap<Vec<u8>, Vec<usize>>,
}

impl SourceMap {
    pub(super) fn new(tree: &SourceTree, content: Option<Arc<dyn SourceContent>>) -> Self {
        let paths: Vec<Untrusted> = tree.entries.iter().map(|e| e.path.clone()).collect();
        let kinds = tree.entries.iter().map(|e| e.kind).collect();
        let mut by_base: HashMap<Vec<u8>, Vec<usize>> = HashMap::new();
        let mut by_path = HashMap::new();
        for (i, path) in paths.iter().enumerate() {
            let parts = components(path.as_bytes());
            by_base.entry(parts.last().copied().unwrap_or_default().to_vec()).or_default().push(i);
            by_path.entry(parts.join(&b'/')).or_insert(i);
        }
        Self { paths, kinds, by_path, by_base, content, known: Mutex::default() }
    }

    /// Everything that a side names, at once: what a path means depends on the others. `None` when it was given up.
    pub(super) fn resolve(&self, files: &[NamedFile], cancelled: &dyn Fn() -> bool) -> Option<Named> {
        let prefixes = self.prefixes(files);
        let mut named = Named::default();
        for (i, file) in files.iter().enumerate() {
            if i.is_multiple_of(64) && cancelled() {
                return None;
            }
            // Who makes the file can let a million names share one long text.
            let parts = if file.path.len() <= MAX_PATH { components(&file.path) } else { Vec::new() };
            let found = if parts.is_empty() || is_system(file) { Resolved::None } else { self.undo(&prefixes, &parts) };
            named.by_path.entry(parts.join(&b'/')).or_default().push(i);
            named.files.push(self.claimed(file, &parts, found));
            named.digests.push(file.digest.clone());
        }
        Some(named)
    }

    fn claimed(&self, file: &NamedFile, parts: &[&[u8]], found: Resolved) -> Claimed {
        let recorded = file.digest.as_ref().map(|(algorithm, value)| (*algorithm, value.as_slice()));
        let same = |i: &usize| recorded.is_some_and(|(algorithm, value)| self.read(*i, algorithm).is_some_and(|k| k.digest == value));
        let candidates = match &found {
            Resolved::Tie(several) => several.clone(),
            Resolved::None => self.namesakes(parts).iter().copied().take(MAX_CONTENTS).collect(),
            Resolved::One(_) => Vec::new(),
        };
        // Content decides where paths do not.
        let by_content: Vec<usize> = candidates.into_iter().filter(same).collect();
        let alike = match &found {
            Resolved::Tie(several) if by_content.is_empty() => several.as_slice(),
            _ => by_content.as_slice(),
        };
        let entry = match (&found, alike) {
            (Resolved::One(one), _) | (_, [one]) => *one,
            (_, several @ [_, ..]) => {
                let names: Vec<String> = several.iter().take(4).filter_map(|i| self.paths.get(*i)).map(|p| p.shown().to_string()).collect();
                let more = several.len().saturating_sub(names.len());
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                let tie = Some(format!("the path fits several files of the source: {}{more}", names.join(", ")));
                let status = SourceStatus::NotInSource;
                return Claimed { entry: None, path: Untrusted::from(file.path.as_slice()), status, lines: None, tie };
            }
            (_, []) => {
                let status = SourceStatus::NotInSource;
                return Claimed { entry: None, path: Untrusted::from(file.path.as_slice()), status, lines: None, tie: None };
            }
        };
        let algorithm = recorded.map_or(Algorithm::Md5, |r| r.0);
        let known = self.read(entry, algorithm);
        let status = match (recorded, &known) {
            (Some((_, value)), Some(known)) if known.digest == value => SourceStatus::MatchedByChecksum,
            (Some(_), Some(_)) => SourceStatus::ChecksumDiffers,
            _ => SourceStatus::MatchedByPath,
        };
        let path = self.paths.get(entry).cloned().unwrap_or_default();
        Claimed { entry: Some(entry), path, status, lines: known.map(|k| k.lines), tie: None }
    }

    fn namesakes(&self, parts: &[&[u8]]) -> &[usize] {
        parts.last().and_then(|base| self.by_base.get(*base)).map(Vec::as_slice).unwrap_or_default()
    }

    /// The prefixes that most of the files speak for: one, or several that fit equally well.
    fn prefixes(&self, files: &[NamedFile]) -> Vec<Prefix> {
        let mut votes: HashMap<Prefix, Vote> = HashMap::new();
        let mut voters: BTreeMap<Vec<&[u8]>, &NamedFile> = BTreeMap::new();
        for file in files.iter().filter(|f| f.path.len().max(f.folder.len()) <= MAX_PATH && !is_system(f)).take(MAX_VOTERS) {
            voters.entry(components(&file.path)).or_insert(file);
        }
        for (parts, file) in &voters {
            let folder = components(&file.folder);
            for (from, entry) in self.candidates(parts) {
                let own = self.paths.get(entry).map(|p| components(p.as_bytes())).unwrap_or_default();
                let common = parts.len() - from;
                let Some((from, to)) = parts.get(..from).zip(own.get(..own.len().saturating_sub(common))) else { continue };
                // Where more folders stand in the tree than the build had, all that is below the build's folder must fit.
                let above = from.is_empty() || !folder.is_empty() && folder.starts_with(from) && from.len() > 1;
                if !to.is_empty() && !above {
                    continue;
                }
                let owned = |parts: &[&[u8]]| parts.iter().map(|p| p.to_vec()).collect();
                let vote = votes.entry(Prefix { from: owned(from), to: owned(to) }).or_default();
                vote.hits += 1;
                vote.common += common as u64;
                vote.whole |= from == folder.as_slice() && !folder.is_empty();
            }
        }
        // One file of the same name in another folder is no reason to believe in a prefix.
        let weak = |prefix: &Prefix, vote: &Vote| !prefix.to.is_empty() && !prefix.from.is_empty() && vote.hits < 2 && vote.common < 2;
        let mut ranked: Vec<(Prefix, Vote)> = votes.into_iter().filter(|(p, v)| !weak(p, v)).collect();
        ranked.sort_by(|(p, v), (q, w)| (w.hits, w.common, p).cmp(&(v.hits, v.common, q)));
        ranked.truncate(MAX_PREFIXES);
        // Files below the prefix that are not in the tree speak against it.
        let rank = |prefix: &Prefix, vote: &Vote| {
            let below = voters.keys().filter(|parts| starts_with(parts, &prefix.from)).count() as u64;
            (vote.hits * vote.hits * 1000 / below.max(vote.hits).max(1), prefix.to.is_empty(), vote.common, vote.whole)
        };
        let ranked: Vec<_> = ranked.into_iter().map(|(p, v)| (rank(&p, &v), p)).collect();
        let Some(best) = ranked.iter().map(|(rank, _)| *rank).max() else { return Vec::new() };
        ranked.into_iter().filter(|(rank, _)| *rank == best).map(|(_, prefix)| prefix).collect()
    }

    /// Files of the tree that end as a path does, each with the number of components of the path before what they have in common.
    fn candidates(&self, parts: &[&[u8]]) -> BTreeSet<(usize, usize)> {
        let mut out = BTreeSet::new();
        let namesakes = self.namesakes(parts);
        if namesakes.is_empty() {
            return out;
        }
        for from in parts.len().saturating_sub(MAX_DEPTH)..parts.len() {
            if let Some(entry) = parts.get(from..).and_then(|rest| self.by_path.get(&rest.join(&b'/'))) {
                out.insert((from, *entry));
            }
        }
        for entry in namesakes.iter().filter(|_| namesakes.len() <= MAX_NAMESAKES) {
            let own = self.paths.get(*entry).map(|p| components(p.as_bytes())).unwrap_or_default();
            let common = own.iter().rev().zip(parts.iter().rev()).take_while(|(x, y)| x == y).count();
            out.insert((parts.len() - common, *entry));
        }
        out
    }

    fn undo(&self, prefixes: &[Prefix], parts: &[&[u8]]) -> Resolved {
        let mut found = BTreeSet::new();
        for prefix in prefixes.iter().filter(|p| starts_with(parts, &p.from)) {
            let rest = parts.get(prefix.from.len()..).unwrap_or_default().iter().copied();
            let path = prefix.to.iter().map(Vec::as_slice).chain(rest).collect::<Vec<_>>().join(&b'/');
            found.extend(self.by_path.get(&path));
        }
        match found.iter().copied().collect::<Vec<_>>().as_slice() {
            [] => Resolved::None,
            [one] => Resolved::One(*one),
            several => Resolved::Tie(several.to_vec()),
        }
    }

    /// Digest and number of lines of a file of the tree; read once. Nothing of links: their content is a path.
    fn read(&self, index: usize, algorithm: Algorithm) -> Option<Known> {
        let content = self.content.as_ref()?;
        if !matches!(self.kinds.get(index), Some(EntryKind::File | EntryKind::Executable)) {
            return None;
        }
        let read = || {
            let bytes = content.read(index, MAX_SOURCE).ok()?;
            let ends = bytes.iter().filter(|b| **b == b'\n').count();
            let open = usize::from(bytes.last().is_some_and(|b| *b != b'\n'));
            let lines = u32::try_from(ends + open).unwrap_or(u32::MAX);
            Some(Known { digest: Digest::of(algorithm, &bytes).bytes, lines })
        };
        self.known.lock().ok()?.entry((index, algorithm)).or_insert_with(read).clone()
    }
}

impl Named {
    /// The file that a frame names.
    pub(super) fn find(&self, path: &str, digest: Option<(Algorithm, &[u8])>) -> Option<&Claimed> {
        let all = self.by_path.get(&components(path.as_bytes()).join(&b'/'))?;
        let own = |i: &&usize| self.digests.get(**i).is_some_and(|d| d.as_ref().map(|(a, v)| (*a, v.as_slice())) == digest);
        self.files.get(*all.iter().find(own).or(all.first())?)
    }
}

fn is_system(file: &NamedFile) -> bool {
    // What was built below a folder of the system is not the system's.
    let own = file.folder.len() > 1 && file.path.starts_with(&file.folder) && file.path.get(file.folder.len()) == Some(&b'/');
    let path = [&b"/"[..], &components(&file.path).into_iter().skip(1).collect::<Vec<_>>().join(&b'/')].concat();
    file.path.starts_with(b"/") && !own && SYSTEM.iter().any(|start| path.starts_with(start))
}

fn starts_with(parts: &[&[u8]], prefix: &[Vec<u8>]) -> bool {
    parts.len() > prefix.len() && parts.iter().zip(prefix).all(|(x, y)| x == y)
}

/// Components with `.` and `..` undone; an absolute path has an empty one first. The case is kept.
fn components(path: &[u8]) -> Vec<&[u8]> {
    let mut out: Vec<&[u8]> = Vec::new();
    if path.starts_with(b"/") {
        out.push(b"");
    }
    for part in path.split(|b| *b == b'/') {
        match (part, out.last()) {
            (b"" | b".", _) => {}
            // Above the root there is nothing; above where a relative path starts, something unknown.
            (b"..", Some(&b"")) => {}
            (b"..", Some(last)) if *last != b".." => {
                out.pop();
            }
            _ => out.push(part),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ContentError, SourceEntry};

    struct Files(Vec<Vec<u8>>);

    impl SourceContent for Files {
        fn read(&self, entry: usize, _: u64) -> Result<Vec<u8>, ContentError> {
            self.0.get(entry).cloned().ok_or(ContentError::Absent)
        }
        fn read_path(&self, _: &Untrusted, _: u64) -> Result<Vec<u8>, ContentError> {
            Err(ContentError::Absent)
        }
    }

    fn map(paths: &[&str], content: Option<&[&[u8]]>) -> SourceMap {
        let entry = |p: &&str| SourceEntry { path: (*p).into(), kind: EntryKind::File, id: String::new(), size: 0 };
        let tree = SourceTree { entries: paths.iter().map(entry).collect(), ..SourceTree::default() };
        SourceMap::new(&tree, content.map(|c| Arc::new(Files(c.iter().map(|f| f.to_vec()).collect())) as Arc<dyn SourceContent>))
    }

    fn file(path: &str, folder: &str) -> NamedFile {
        NamedFile { path: path.into(), folder: folder.into(), digest: None }
    }

    /// What each path leads to, `?` for a tie and `-` for nothing.
    fn check(map: &SourceMap, files: &[NamedFile]) -> Vec<String> {
        let named = map.resolve(files, &|| false).unwrap();
        let word = |o: &Claimed| match (o.entry, &o.tie) {
            (Some(_), _) => o.path.lossy().into_owned(),
            (None, Some(_)) => "?".to_owned(),
            _ => "-".to_owned(),
        };
        named.files.iter().map(word).collect()
    }

    #[test]
    fn one_prefix_is_undone_for_all_files() {
        let map = map(&["src/auth.c", "src/main.c", "util/list.c", "vendor/x/list.c"], None);
        let files = ["/b/app/src/auth.c", "/b/app/./src/../src/main.c", "/b/app/util/list.c", "/b/app/lib/util/list.c"];
        assert_eq!(check(&map, &files.map(|p| file(p, "/b/app"))), ["src/auth.c", "src/main.c", "util/list.c", "-"]);
        // Built outside of the tree, and by a mapped prefix.
        let files = ["/b/app/src/auth.c", "/b/app/src/main.c", "/b/app/obj/gen.c"];
        assert_eq!(check(&map, &files.map(|p| file(p, "/b/app/obj"))), ["src/auth.c", "src/main.c", "-"]);
        let files = ["./src/auth.c", "src/main.c", "../src/main.c"];
        assert_eq!(check(&map, &files.map(|p| file(p, "."))), ["src/auth.c", "src/main.c", "-"]);
    }

    #[test]
    fn a_file_of_the_same_name_in_another_folder_is_not_it() {
        let map = map(&["src/main.c", "vendor/x/util/list.c"], None);
        assert_eq!(check(&map, &["/b/app/src/main.c", "/b/app/util/list.c"].map(|p| file(p, "/b/app"))), ["src/main.c", "-"]);
        // Startup code of the C library, whose folder has a file of that name by chance.
        assert_eq!(check(&map, &[file("/build/glibc/csu/main.c", "/build/glibc/csu")]), ["-"]);
        let upper = [file("/b/app/src/Main.c", "/b/app"), file("/b/app/src/main.c", "/b/app")];
        assert_eq!(check(&map, &upper), ["-", "src/main.c"]);
    }

    #[test]
    fn system_headers_are_the_systems() {
        let map = map(&["include/stdio.h", "src/main.c", "usr/include/stdio.h"], None);
        let files = [file("/b/src/main.c", "/b"), file("/usr/include/stdio.h", "/b"), file("/b/../usr/include/stdio.h", "/b")];
        assert_eq!(check(&map, &files), ["src/main.c", "-", "-"]);
        // A tree that was built there is not the system's.
        let own = [file("/usr/lib/app/src/main.c", "/usr/lib/app")];
        assert_eq!(check(&map, &own), ["src/main.c"]);
    }

    #[test]
    fn dependencies_do_not_take_the_place_of_the_tree() {
        let map = map(&["src/error.rs", "src/main.rs", "src/run.rs"], None);
        let app = ["/h/app/src/main.rs", "/h/app/src/run.rs"].map(|p| file(p, "/h/app"));
        let names = ["lib", "error", "a", "b", "c"];
        let other = names.map(|n| file(&format!("/h/.cargo/registry/dep-1.0/src/{n}.rs"), "/h/.cargo/registry/dep-1.0"));
        let found = check(&map, &[&app[..], &other[..]].concat());
        assert_eq!(found, ["src/main.rs", "src/run.rs", "-", "-", "-", "-", "-"]);
    }

    #[test]
    fn the_tree_may_have_a_folder_more_than_the_build() {
        let map = map(&["app-1.0/src/main.c", "app-1.0/src/run.c", "other/run.c"], None);
        let files = ["/tmp/b/src/main.c", "/tmp/b/src/run.c"].map(|p| file(p, "/tmp/b"));
        assert_eq!(check(&map, &files), ["app-1.0/src/main.c", "app-1.0/src/run.c"]);
    }

    #[test]
    fn ties_are_shown_and_only_content_decides_them() {
        let map = map(&["a/util.c", "b/util.c"], Some(&[b"one\n", b"two\nmore"]));
        assert_eq!(check(&map, &[file("util.c", "")]), ["?"]);
        let digest = |bytes: &[u8]| Some((Algorithm::Sha256, Digest::of(Algorithm::Sha256, bytes).bytes));
        let mut recorded = file("util.c", "");
        recorded.digest = digest(b"two\nmore");
        let named = map.resolve(std::slice::from_ref(&recorded), &|| false).unwrap();
        let origin = &named.files[0];
        assert_eq!((origin.entry, origin.status, origin.lines), (Some(1), SourceStatus::MatchedByChecksum, Some(2)));
        assert_eq!(named.find("./util.c", None), Some(origin));
        recorded.digest = digest(b"three");
        assert_eq!(check(&map, std::slice::from_ref(&recorded)), ["?"]);
    }

    #[test]
    fn checksums_of_all_kinds_are_compared() {
        let map = map(&["src/x.c"], Some(&[b"int x;\n"]));
        for algorithm in [Algorithm::Md5, Algorithm::Sha1, Algorithm::Sha256] {
            for (bytes, status) in [(&b"int x;\n"[..], SourceStatus::MatchedByChecksum), (b"int y;\n", SourceStatus::ChecksumDiffers)] {
                let digest = Some((algorithm, Digest::of(algorithm, bytes).bytes));
                let named = map.resolve(&[NamedFile { digest, ..file("C:/b/src/x.c", "") }], &|| false).unwrap();
                assert_eq!(named.files[0].status, status, "{algorithm:?}");
            }
        }
    }
}
