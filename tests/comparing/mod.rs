//! What the tests of the comparison share: comparing two byte strings, the invariants of every node, where the pairs are,
//! and small changes to ELF files.

#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]
#![allow(clippy::print_stderr, reason = "a test says when it skips")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use countersign::diff::{self, Context, DebugFile, Limits};
use countersign::model::{Account, EntryKind, Node, NodeKind, ResultMark, Side, Sides, SourceEntry, SourceTree};

pub mod archive;
pub mod debug;
pub mod elf;

pub const SIDES: [Side; 2] = [Side::Shipped, Side::Rebuilt];

/// Compares, and holds the invariants.
pub fn compare(shipped: &[u8], rebuilt: &[u8]) -> Node {
    compare_with(shipped, rebuilt, &[], None)
}

/// The same with debug files and a source tree.
pub fn compare_with(shipped: &[u8], rebuilt: &[u8], debug: &[DebugFile], source: Option<&SourceTree>) -> Node {
    let context = Context {
        source,
        source_content: None,
        debug,
        limits: Limits::default(),
        cancelled: &|| false,
        share: &diff::in_order,
        progress: &|_| {},
    };
    let node = diff::compare("x".into(), shipped.into(), rebuilt.into(), &context);
    sound(&node, shipped == rebuilt);
    node
}

/// A source tree that has these files.
pub fn tree(paths: &[&str]) -> SourceTree {
    let entry = |p: &&str| SourceEntry { path: (*p).into(), kind: EntryKind::File, id: String::new(), size: 0 };
    SourceTree { entries: paths.iter().map(entry).collect(), ..SourceTree::default() }
}

/// What holds for every comparison, whatever was compared.
#[track_caller]
pub fn sound(root: &Node, equal: bool) {
    assert_eq!(root.result == ResultMark::Identical, equal, "the result says identical, and the bytes say otherwise: {}", root.why);
    root.walk(&mut |trail| {
        let node = trail.last().expect("a node");
        one(node);
    });
}

fn one(node: &Node) {
    let name = node.name.shown();
    for side in SIDES {
        let account = node.account.get(side);
        let size = node.size.get(side).unwrap_or(0);
        // The members of these are ranges of the container; elsewhere the container's own bytes are all of it.
        let within = match node.kind {
            NodeKind::Tar | NodeKind::Ar | NodeKind::Deb | NodeKind::Cpio | NodeKind::Rpm | NodeKind::MachO => {
                node.children.iter().filter_map(|c| *c.size.get(side)).sum()
            }
            _ => 0,
        };
        assert_eq!(account.total() + within, size, "{name}: {side:?}: {account:?} and members of {within} bytes are not its size");
        if !node.regions.is_empty() {
            let mut sum = Account::default();
            node.regions.iter().for_each(|r| sum.add(r.account.get(side)));
            assert_eq!(&sum, account, "{name}: {side:?}: the regions do not add up to the file");
            for r in &node.regions {
                let size = (*r.extent.get(side)).map_or(0, |e| e.size);
                assert_eq!(r.account.get(side).total(), size, "{name}: {side:?}: the region {}", r.name.shown());
            }
            tiled(node, side, size);
        }
        for proof in &node.proofs {
            for span in proof.spans.get(side) {
                assert!(span.start <= span.end && span.end <= size, "{name}: {side:?}: {} names {span:?} of {size} bytes", proof.cause);
            }
        }
    }
    let worst = node.children.iter().map(|c| c.result).max().unwrap_or(ResultMark::Identical);
    assert!(node.result >= worst, "{name} is better than what it holds");
    let unexplained = SIDES.iter().map(|s| node.account.get(*s).unexplained).sum::<u64>();
    if unexplained > 0 || !node.metadata.is_empty() {
        assert!(!node.result.is_equal(), "{name} is {} with {unexplained} unexplained bytes and {:?}", node.result, node.metadata);
    }
    if node.result == ResultMark::Different && node.children.is_empty() {
        assert!(unexplained > 0 || !node.metadata.is_empty(), "{name} is different, and nothing says where");
    }
    if matches!(node.result, ResultMark::Different | ResultMark::NotExamined) {
        assert!(!node.why.is_empty(), "{name} does not say why");
    }
    let proved: BTreeSet<_> = node.proofs.iter().map(|p| p.cause).collect();
    let counted: BTreeSet<_> = SIDES.iter().flat_map(|s| node.account.get(*s).explained.keys().copied()).collect();
    assert!(counted.is_subset(&proved), "{name}: {counted:?} explain bytes, and only {proved:?} are proved");
}

/// The regions of one side are the file, without holes and overlaps.
fn tiled(node: &Node, side: Side, size: u64) {
    let mut parts: Vec<(u64, u64)> =
        node.regions.iter().filter_map(|r| *r.extent.get(side)).map(|e| (e.offset, e.offset + e.size)).collect();
    parts.sort_unstable();
    let mut at = 0;
    for (from, to) in parts {
        assert_eq!(from, at, "{}: {side:?}: a hole or an overlap", node.name.shown());
        at = to;
    }
    assert_eq!(at, size, "{}: {side:?}: the regions end early", node.name.shown());
}

/// The words of all causes that explain a byte, in the whole tree.
pub fn causes(node: &Node) -> BTreeSet<&'static str> {
    let total = node.total_account();
    SIDES.iter().flat_map(|s| total.get(*s).explained.keys().map(|c| c.word())).collect()
}

/// Names of the functions that differ beyond what is proved.
pub fn functions(node: &Node) -> BTreeSet<String> {
    node.functions.iter().filter(|f| f.result != ResultMark::Equivalent).map(|f| f.name.shown().to_string()).collect()
}

/// Unexplained bytes of both sides in the region of that name.
pub fn unexplained_in(node: &Node, region: &str) -> u64 {
    let named = node.regions.iter().filter(|r| r.name.shown().as_str() == region);
    named.map(|r| r.account.shipped.unexplained + r.account.rebuilt.unexplained).sum()
}

/// Regions with unexplained bytes.
pub fn different_regions(node: &Node) -> BTreeSet<String> {
    let unexplained = |r: &countersign::model::RegionDiff| r.account.shipped.unexplained + r.account.rebuilt.unexplained > 0;
    node.regions.iter().filter(|r| unexplained(r)).map(|r| r.name.shown().to_string()).collect()
}

/// Whether a proof of some node of the tree names that byte of the root file, on that side. Members of `ar` and tar files
/// are looked into; the whole of a compressed stream stands for its content.
pub fn is_named(node: &Node, side: Side, bytes: &[u8], at: usize) -> bool {
    let named = node.proofs.iter().any(|p| p.spans.get(side).iter().any(|s| s.contains(&(at as u64))));
    named
        || node.children.iter().any(|child| {
            let size = usize::try_from(child.size.get(side).unwrap_or(0)).expect("fits");
            places(bytes, node.kind).into_iter().any(|start| {
                let own = bytes.get(start..start + size);
                let same = own.is_some_and(|own| Some(countersign::digest::Sha256::of(own)) == *child.digest.get(side));
                same && at >= start && at < start + size && is_named(child, side, own.expect("seen"), at - start)
            })
        })
}

/// Where members start in an uncompressed container.
fn places(bytes: &[u8], kind: NodeKind) -> Vec<usize> {
    match kind {
        NodeKind::Tar => (512..bytes.len()).step_by(512).collect(),
        NodeKind::Ar | NodeKind::Deb => (68..bytes.len()).filter(|i| bytes[i - 2..*i] == *b"`\n").collect(),
        _ => Vec::new(),
    }
}

/// The corpus; `None`, with a word of why, when it is not there.
pub fn corpus() -> Option<PathBuf> {
    let path = std::env::var_os("COUNTERSIGN_CORPUS").map(PathBuf::from);
    if path.is_none() {
        eprintln!("skipped: COUNTERSIGN_CORPUS is not set");
    }
    path
}

/// Shipped and rebuilt of a pair of the corpus.
pub fn corpus_pair(folder: &Path) -> Sides<Vec<u8>> {
    let read = |names: [&str; 2]| {
        let path = names.iter().map(|n| folder.join(n)).find(|p| p.exists());
        std::fs::read(path.unwrap_or_else(|| panic!("{} has no {}", folder.display(), names[0]))).expect("readable")
    };
    Sides::new(read(["b", "b.a"]), read(["a", "a.a"]))
}

/// A file that `testdata/pairs/make.sh` made.
pub fn made(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/pairs/made").join(name);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// xorshift64: the same numbers in every run.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (end.max(1) as u64)).expect("fits")
    }

    /// Some bytes changed, put in, taken out or written over.
    pub fn change(&mut self, sample: &[u8]) -> Vec<u8> {
        let mut out = sample.to_vec();
        for _ in 0..=self.below(3) {
            let at = self.below(out.len().max(1));
            let some: Vec<u8> = (0..=self.below(24)).map(|_| u8::try_from(self.below(256)).expect("a byte")).collect();
            let end = (at + self.below(48)).min(out.len());
            match self.below(6) {
                0 if at < out.len() => out[at] ^= 1 << self.below(8),
                1 if at < out.len() => out[at] = [0, 0xff, 0x7f, 0x80][self.below(4)],
                2 => drop(out.splice(at.min(end)..at.min(end), some)),
                3 => drop(out.drain(at.min(end)..end)),
                4 => drop(out.splice(at.min(end)..end, some)),
                _ => {
                    let part = out[at.min(end)..end].to_vec();
                    let to = self.below(out.len() + 1);
                    out.splice(to..to, part);
                }
            }
        }
        out
    }
}
