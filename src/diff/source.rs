//! The way back to source: which line of the bundle's tree an address claims to come from.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::digest::{Algorithm, Hasher, Sha256};
use crate::inspect::debug::{Frame, Lines, Lookup};
use crate::model::{Side, Sides, SourceContent, SourceLine, SourceStatus, SourceTree};
use crate::text::Untrusted;

/// Largest source file whose checksum is compared.
const MAX_SOURCE: u64 = 64 << 20;

/// The files of the source tree by their last component.
pub(super) struct SourceMap {
    paths: Vec<Untrusted>,
    by_base: HashMap<Vec<u8>, Vec<usize>>,
    content: Option<Arc<dyn SourceContent>>,
    digests: Mutex<HashMap<usize, Option<[u8; 16]>>>,
    others: Mutex<Digests>,
}

/// Digests of files by their index and the algorithm; none for a file that cannot be read.
type Digests = HashMap<(usize, Algorithm), Option<Vec<u8>>>;

/// Where a path leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Resolved {
    One(usize),
    /// Several files fit equally well: none is chosen.
    Tie(Vec<usize>),
    None,
}

impl SourceMap {
    pub(super) fn new(tree: &SourceTree, content: Option<Arc<dyn SourceContent>>) -> Self {
        let paths: Vec<Untrusted> = tree.entries.iter().map(|e| e.path.clone()).collect();
        let mut by_base: HashMap<Vec<u8>, Vec<usize>> = HashMap::new();
        for (i, path) in paths.iter().enumerate() {
            let base = path.as_bytes().rsplit(|b| *b == b'/').next().unwrap_or_default();
            by_base.entry(base.to_vec()).or_default().push(i);
        }
        Self { paths, by_base, content, digests: Mutex::default(), others: Mutex::default() }
    }

    /// The file that a path of debug information names: the longest common run of last components wins. An absolute path
    /// of the system (`/usr/include/…`) is the toolchain's, whatever the tree holds.
    pub(super) fn resolve(&self, path: &str) -> Resolved {
        let system = ["/usr/include/", "/usr/lib/", "/usr/lib64/", "/usr/local/include/", "/opt/"].iter().any(|p| path.starts_with(p));
        let parts = normalise(path.as_bytes());
        let Some(candidates) = parts.last().and_then(|base| self.by_base.get(*base)).filter(|_| !system) else { return Resolved::None };
        let mut best: Vec<usize> = Vec::new();
        let mut most = 0;
        for i in candidates {
            let Some(entry) = self.paths.get(*i) else { continue };
            let own = normalise(entry.as_bytes());
            let common = own.iter().rev().zip(parts.iter().rev()).take_while(|(x, y)| x == y).count();
            // The whole of one of the two paths must fit: two unrelated `util/list.c` are not the same file.
            if common < own.len() && common < parts.len() {
                continue;
            }
            match common.cmp(&most) {
                std::cmp::Ordering::Greater => {
                    most = common;
                    best = vec![*i];
                }
                std::cmp::Ordering::Equal => best.push(*i),
                std::cmp::Ordering::Less => {}
            }
        }
        match best.as_slice() {
            [] => Resolved::None,
            [one] => Resolved::One(*one),
            _ => Resolved::Tie(best),
        }
    }

    fn status(&self, index: usize, recorded: Option<[u8; 16]>) -> SourceStatus {
        let (Some(recorded), Some(content)) = (recorded, &self.content) else { return SourceStatus::MatchedByPath };
        let read = || content.read(index, MAX_SOURCE).ok().and_then(|bytes| md5_of(&bytes));
        let Ok(mut known) = self.digests.lock() else { return SourceStatus::MatchedByPath };
        match known.entry(index).or_insert_with(read) {
            Some(real) if *real == recorded => SourceStatus::MatchedByChecksum,
            Some(_) => SourceStatus::ChecksumDiffers,
            None => SourceStatus::MatchedByPath,
        }
    }
}

impl SourceMap {
    /// The status of a file that a frame names, by whatever digest it records.
    fn status_of(&self, index: usize, frame: &Frame) -> SourceStatus {
        let (Some((algorithm, recorded)), Some(content)) = (&frame.digest, &self.content) else { return self.status(index, frame.md5) };
        let read = || content.read(index, MAX_SOURCE).ok().and_then(|bytes| digest_of(*algorithm, &bytes));
        let Ok(mut known) = self.others.lock() else { return SourceStatus::MatchedByPath };
        match known.entry((index, *algorithm)).or_insert_with(read) {
            Some(real) if real == recorded => SourceStatus::MatchedByChecksum,
            Some(_) => SourceStatus::ChecksumDiffers,
            None => SourceStatus::MatchedByPath,
        }
    }
}

fn digest_of(algorithm: Algorithm, bytes: &[u8]) -> Option<Vec<u8>> {
    if algorithm == Algorithm::Sha256 {
        return Some(Sha256::of(bytes).0.to_vec());
    }
    let mut hasher = Hasher::new(&[algorithm]);
    hasher.update(bytes);
    hasher.finish().1.into_iter().next().map(|d| d.bytes)
}

fn md5_of(bytes: &[u8]) -> Option<[u8; 16]> {
    let mut hasher = Hasher::new(&[Algorithm::Md5]);
    hasher.update(bytes);
    let (_, others, _) = hasher.finish();
    others.first()?.bytes.as_slice().try_into().ok()
}

/// Components with `.` and `..` undone.
fn normalise(path: &[u8]) -> Vec<&[u8]> {
    let mut out: Vec<&[u8]> = Vec::new();
    for part in path.split(|b| *b == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                out.pop();
            }
            _ => out.push(part),
        }
    }
    out
}

/// Debug information of each side that has it, and the tree.
#[derive(Default)]
pub(super) struct Origin {
    pub(super) lines: Sides<Option<Lines>>,
    pub(super) map: Option<SourceMap>,
}

impl Origin {
    pub(super) fn open(&self) -> Finder<'_> {
        Finder { origin: self, lookups: self.lines.as_ref().map(|lines| lines.as_ref().and_then(Lines::open)) }
    }
}

/// Looks up lines.
pub(super) struct Finder<'a> {
    origin: &'a Origin,
    lookups: Sides<Option<Lookup<'a>>>,
}

impl Finder<'_> {
    /// The line of a row: by the debug information of the side that has some, for the address on that side. The second
    /// value is a remark when the path fits several files.
    pub(super) fn line(&self, addresses: Sides<Option<u64>>) -> Option<(SourceLine, Option<String>)> {
        [Side::Shipped, Side::Rebuilt].into_iter().find_map(|side| {
            let frames = self.lookups.get(side).as_ref()?.frames((*addresses.get(side))?);
            self.choose(&frames)
        })
    }

    /// File and line of the innermost frame at an address of one side, by that side's own debug information.
    pub(super) fn innermost(&self, side: Side, address: u64) -> Option<(String, u32)> {
        let frames = self.lookups.get(side).as_ref()?.frames(address);
        frames.into_iter().next().map(|f| (f.file, f.line))
    }

    fn choose(&self, frames: &[Frame]) -> Option<(SourceLine, Option<String>)> {
        let innermost = frames.first()?;
        let mut remark = None;
        for frame in frames {
            let Some(map) = &self.origin.map else { break };
            match map.resolve(&frame.file) {
                Resolved::One(index) => {
                    let file = map.paths.get(index)?.clone();
                    let inlined = frame != innermost;
                    let inlined_from = inlined.then(|| (Untrusted::from(innermost.file.as_str()), innermost.line));
                    return Some((SourceLine { file, line: frame.line, status: map.status_of(index, frame), inlined_from }, remark));
                }
                Resolved::Tie(several) if remark.is_none() => {
                    let names: Vec<String> =
                        several.iter().take(4).filter_map(|i| map.paths.get(*i)).map(|p| p.shown().to_string()).collect();
                    remark = Some(format!("the path fits several files of the source: {}", names.join(", ")));
                }
                _ => {}
            }
        }
        let line = SourceLine {
            file: Untrusted::from(innermost.file.as_str()),
            line: innermost.line,
            status: SourceStatus::NotInSource,
            inlined_from: None,
        };
        Some((line, remark))
    }
}
