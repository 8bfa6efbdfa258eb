//! Comparing the artifacts, each with its rebuild.

use std::sync::{Arc, Mutex};

use super::Job;
use super::pace::Pace;
use crate::checks::Discovery;
use crate::diff::{self, Context, DebugFile, Limits};
use crate::digest::Sha256;
use crate::model::{Account, Content as _, FileId, Node, NodeKind, Rebuild, ResultMark, Side, Sides, SourceTree, Where};
use crate::text::Untrusted;

/// The largest file without a counterpart that is looked into, in bytes.
const MAX_ALONE: u64 = 256 << 20;
impl Job {
    pub(super) fn compare_all(&self, tree: Option<&SourceTree>, digests: &[Option<Sha256>]) -> Vec<Option<Arc<Node>>> {
        let artifacts = &self.bundle.release.artifacts;
        let pace = Pace::new("comparing", artifacts.len() as u64, false, Arc::clone(&self.send));
        let nodes = Mutex::new(vec![None; artifacts.len()]);
        self.share(artifacts.len(), |index| {
            let place = Where::file(artifacts[index].name.clone());
            let node = self.guarded("comparing", place, || self.compare_one(index, tree, digests)).unwrap_or_else(|| {
                let mut node = Node::new(artifacts[index].name.clone(), NodeKind::Data, ResultMark::NotExamined);
                node.why = "the program failed on it: not examined".to_owned();
                node
            });
            let node = Arc::new(node);
            if let Ok(mut nodes) = nodes.lock() {
                nodes[index] = Some(Arc::clone(&node));
            }
            pace.add(1);
            self.tell(Discovery::Compared(index, node));
        });
        pace.finish();
        nodes.into_inner().unwrap_or_default()
    }

    fn compare_one(&self, index: usize, tree: Option<&SourceTree>, digests: &[Option<Sha256>]) -> Node {
        let artifact = &self.bundle.release.artifacts[index];
        let digest = |id: FileId| digests.get(id.0 as usize).copied().flatten();
        let size = |id: FileId| Some(self.bundle.content.size(id));
        let (Some(shipped), false) = (artifact.shipped, artifact.rebuilt.is_empty()) else {
            let (side, id) = match (artifact.shipped, artifact.rebuilt.first()) {
                (Some(id), _) => (Side::Shipped, id),
                (None, Some(rebuild)) => (Side::Rebuilt, rebuild.file),
                (None, None) => return failed(artifact.name.clone(), "neither shipped nor rebuilt".to_owned()),
            };
            return self.alone(artifact.name.clone(), side, id, digest(id));
        };
        let mut nodes = Vec::new();
        for rebuild in &artifact.rebuilt {
            nodes.push(match (digest(shipped), digest(rebuild.file)) {
                (Some(a), Some(b)) if a == b => {
                    let mut node = Node::new(artifact.name.clone(), NodeKind::Data, ResultMark::Identical);
                    node.size = Sides::new(size(shipped), size(rebuild.file));
                    node.digest = Sides::new(Some(a), Some(b));
                    let all = Account::all_identical(size(shipped).unwrap_or_default());
                    node.account = Sides::new(all.clone(), all);
                    node
                }
                (Some(_), Some(_)) => self.compare_pair(index, shipped, rebuild.file, tree),
                _ => failed(artifact.name.clone(), "one side could not be read".to_owned()),
            });
        }
        let same = nodes.iter().all(|n| n.result == ResultMark::Identical);
        if nodes.len() == 1 || same {
            return nodes.into_iter().next().unwrap_or_else(|| failed(artifact.name.clone(), "nothing to compare".to_owned()));
        }
        let named = |rebuild: &Rebuild| {
            let path = || self.bundle.release.file(rebuild.file).map(|f| f.path.clone()).unwrap_or_default();
            let by = rebuild.by.clone().filter(|by| !by.as_bytes().is_empty()).unwrap_or_else(path);
            Untrusted::from([b"rebuilt by ", by.as_bytes()].concat())
        };
        for (node, rebuild) in nodes.iter_mut().zip(&artifact.rebuilt) {
            node.name = named(rebuild);
        }
        let first = nodes.iter().find(|n| n.result != ResultMark::Identical).and_then(|n| n.digest.rebuilt);
        let mut all = of_several(artifact.name.clone(), nodes);
        all.size.shipped = size(shipped);
        all.digest = Sides::new(digest(shipped), first);
        all
    }

    /// An artifact without a counterpart. A very large one is not read again to see what it is: nothing is compared.
    fn alone(&self, name: Untrusted, side: Side, id: FileId, digest: Option<Sha256>) -> Node {
        let size = self.bundle.content.size(id);
        if size <= MAX_ALONE {
            return match self.bundle.content.read(id, MAX_ALONE) {
                Ok(bytes) => diff::only(name, side, &bytes),
                Err(e) => failed(name, e.to_string()),
            };
        }
        let result = if side == Side::Shipped { ResultMark::OnlyShipped } else { ResultMark::OnlyRebuilt };
        let mut node = Node::new(name, NodeKind::Data, result);
        *node.size.get_mut(side) = Some(size);
        *node.digest.get_mut(side) = digest;
        *node.account.get_mut(side) = Account::all_unexplained(size);
        node.why = "no counterpart; too large to be looked into".to_owned();
        node
    }

    fn compare_pair(&self, index: usize, shipped: FileId, rebuilt: FileId, tree: Option<&SourceTree>) -> Node {
        let artifact = &self.bundle.release.artifacts[index];
        let read = |id: FileId| self.bundle.content.read(id, self.limits().artifact_size).map(Arc::<[u8]>::from);
        let (shipped, rebuilt) = match (read(shipped), read(rebuilt)) {
            (Ok(a), Ok(b)) => (a, b),
            (Err(e), _) | (_, Err(e)) => return failed(artifact.name.clone(), e.to_string()),
        };
        let debug: Vec<DebugFile> = artifact
            .debug
            .iter()
            .filter_map(|id| Some(DebugFile { name: self.bundle.release.file(*id)?.path.clone(), bytes: read(*id).ok()? }))
            .collect();
        let context = Context {
            source: tree,
            source_content: self.source.lock().map(|s| s.clone()).unwrap_or(None),
            debug: &debug,
            limits: Limits::of(self.limits()),
            cancelled: &|| self.stopped(),
            share: &|count, each| self.cores.share(count, each),
            progress: &|_| {},
        };
        diff::compare(artifact.name.clone(), shipped, rebuilt, &context)
    }
}

/// Comparisons of one artifact with several rebuilds, whose names they have: each is there to be judged, since they may differ in
/// other things.
fn of_several(name: Untrusted, mut nodes: Vec<Node>) -> Node {
    let result = nodes.iter().map(|n| n.result).max().unwrap_or(ResultMark::NotExamined);
    let mut all = Node::new(name, NodeKind::Directory, result);
    let different = nodes.iter().filter(|n| !n.result.is_equal()).count();
    if different > 0 {
        all.why = format!("{different} of {} rebuilds are not equal", nodes.len());
    }
    nodes.sort_by_key(|n| std::cmp::Reverse(n.result));
    all.children = nodes;
    all
}

pub(super) fn failed(name: Untrusted, why: String) -> Node {
    let mut node = Node::new(name, NodeKind::Data, ResultMark::NotExamined);
    node.why = why;
    node
}
