//! The comparison of one pair: a tree of nodes, each with a result and an account of every byte.

mod account;
mod cause;
mod kind;
mod side;

use std::fmt;
use std::sync::Arc;

pub use account::{Account, Proof, Span, Tried};
pub use cause::Cause;
pub use kind::{NodeKind, ResultMark};
pub use side::{Side, Sides};

use super::{BuiltFrom, Evidence, Fact, FunctionDiff, RegionDiff};
use crate::digest::Sha256;
use crate::text::Untrusted;

/// Calls the function once with each number below the count, in any order and on any threads, and returns when all calls
/// have.
pub type Share<'a> = dyn Fn(usize, &(dyn Fn(usize) + Sync)) + Sync + 'a;

/// One compared file, member or stream.
#[derive(Clone)]
pub struct Node {
    /// Name within the parent (the artifact's name at the root).
    pub name: Untrusted,
    /// What it is.
    pub kind: NodeKind,
    /// The result, the worst of its own and its children's.
    pub result: ResultMark,
    /// Size in bytes on each side.
    pub size: Sides<Option<u64>>,
    /// SHA-256 on each side.
    pub digest: Sides<Option<Sha256>>,
    /// Its own bytes; see [`Account`] for what that means in a container.
    pub account: Sides<Account>,
    /// The proofs that hold.
    pub proofs: Vec<Proof>,
    /// The causes that were tried and fail.
    pub tried: Vec<Tried>,
    /// Why it is different or not examined, in a short sentence.
    pub why: String,
    /// Differing metadata that is not explained (mode, type, link target), as sentences.
    pub metadata: Vec<String>,
    /// Members.
    pub children: Vec<Node>,
    /// For an executable: the functions that differ, worst first.
    pub functions: Vec<FunctionDiff>,
    /// For an executable: number of functions that are the same.
    pub same_functions: usize,
    /// For an executable: its regions.
    pub regions: Vec<RegionDiff>,
    /// For an executable: facts side by side.
    pub facts: Vec<Fact>,
    /// For an executable: what it was built from, where there is a source tree to say it of.
    pub built_from: Option<Arc<BuiltFrom>>,
    /// Rows on demand; absent for identical nodes and where the bytes were not kept.
    pub evidence: Option<Arc<dyn Evidence>>,
    /// Equal in two nodes that differ in the same way; see [`Evidence::likeness`].
    pub likeness: Option<Sha256>,
}

impl Node {
    /// A node with nothing known but its name and kind.
    #[must_use]
    pub fn new(name: Untrusted, kind: NodeKind, result: ResultMark) -> Self {
        Self {
            name,
            kind,
            result,
            size: Sides::default(),
            digest: Sides::default(),
            account: Sides::default(),
            proofs: Vec::new(),
            tried: Vec::new(),
            why: String::new(),
            metadata: Vec::new(),
            children: Vec::new(),
            functions: Vec::new(),
            same_functions: 0,
            regions: Vec::new(),
            facts: Vec::new(),
            built_from: None,
            evidence: None,
            likeness: None,
        }
    }

    /// Visits this node and all below it, depth first, with the path of names from the root.
    pub fn walk<'a>(&'a self, visit: &mut dyn FnMut(&[&'a Node])) {
        fn go<'a>(trail: &mut Vec<&'a Node>, visit: &mut dyn FnMut(&[&'a Node])) {
            visit(trail);
            let Some(last) = trail.last().copied() else { return };
            for child in &last.children {
                trail.push(child);
                go(trail, visit);
                trail.pop();
            }
        }
        go(&mut vec![self], visit);
    }

    /// The node at that path of child indices.
    #[must_use]
    pub fn at(&self, path: &[usize]) -> Option<&Self> {
        path.iter().try_fold(self, |node, i| node.children.get(*i))
    }

    /// The account of this node and everything below it.
    #[must_use]
    pub fn total_account(&self) -> Sides<Account> {
        let mut total = self.account.clone();
        for child in &self.children {
            let below = child.total_account();
            total.shipped.add(&below.shipped);
            total.rebuilt.add(&below.rebuilt);
        }
        total
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} {:?}", self.result.mark(), self.name, self.kind)?;
        f.debug_list().entries(&self.children).finish()
    }
}
