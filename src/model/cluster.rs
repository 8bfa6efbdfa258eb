//! Clusters: what differs in the same way in many places is one thing to judge.
//!
//! A cluster is a set of whole nodes: two nodes are in one only when all that differs in each of them without a proof is the
//! same. So every node that somebody must judge is in exactly one cluster of its concern, and a ruling on a cluster is a
//! ruling on these places and no others. The grouping is linear in the number of nodes and never follows their order.

use std::collections::{BTreeMap, HashMap};

use super::{Fact, Node, ResultMark};
use crate::digest::{Hasher, Sha256};
use crate::text::Untrusted;

/// Functions that a cluster's sentence names.
const NAMED: usize = 3;

/// Why somebody must look; the order is that of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Concern {
    /// Something that no honest build does, such as one build-id over two contents.
    Alarm,
    /// A fact about the toolchain differs: the reason to look at first.
    Toolchain,
    /// Code in an executable differs.
    Code,
    /// Other content differs.
    Data,
    /// Not examined.
    NotExamined,
    /// No counterpart.
    Unpaired,
    /// Metadata differs that no cause explains: modes, types, link targets.
    Metadata,
}

impl Concern {
    /// The word used in JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Alarm => "alarm",
            Self::Toolchain => "toolchain",
            Self::Code => "code",
            Self::Data => "data",
            Self::NotExamined => "notExamined",
            Self::Unpaired => "unpaired",
            Self::Metadata => "metadata",
        }
    }
}

/// A node of one of several comparisons.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Spot {
    /// The way to it as displayable text, alone in its comparison: `a.deb!data.tar!./usr/bin/x`.
    pub name: String,
    /// Index of the comparison (of the artifact).
    pub root: usize,
    /// Child indices from its root.
    pub path: Vec<usize>,
}

/// What is the same difference in one place or more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Why it is to be looked at.
    pub concern: Concern,
    /// Of what differs, without the places: the same in every run.
    pub digest: Sha256,
    /// The result of each of its places.
    pub result: ResultMark,
    /// What differs, in a sentence.
    pub what: String,
    /// Where, by name.
    pub places: Vec<Spot>,
}

/// Why a node is to be judged by itself; containers whose members say it all are not.
#[must_use]
pub fn concern(node: &Node) -> Option<Concern> {
    let own = node.account.shipped.unexplained + node.account.rebuilt.unexplained > 0;
    let found = match node.result {
        ResultMark::Identical | ResultMark::Equivalent => None,
        ResultMark::OnlyShipped | ResultMark::OnlyRebuilt => node.children.is_empty().then_some(Concern::Unpaired),
        ResultMark::NotExamined => node.children.iter().all(|c| c.result != ResultMark::NotExamined).then_some(Concern::NotExamined),
        ResultMark::Different => {
            let below = node.children.iter().any(|c| !c.result.is_equal());
            if node.kind.is_executable() && (own || node.metadata.is_empty() || !node.functions.is_empty()) {
                Some(if only_beside_what_is_loaded(node) { Concern::Data } else { Concern::Code })
            } else if !below || own {
                Some(if node.metadata.is_empty() || own { Concern::Data } else { Concern::Metadata })
            } else {
                (!node.metadata.is_empty()).then_some(Concern::Metadata)
            }
        }
    };
    if found.is_some() && node.metadata.iter().any(|m| m.starts_with("alarm")) { Some(Concern::Alarm) } else { found }
}

/// Whether nothing that is loaded differs in an executable without a proof: sections that only debuggers and people read.
fn only_beside_what_is_loaded(node: &Node) -> bool {
    let mut differing = node.regions.iter().filter(|r| !r.result.is_equal()).peekable();
    let code = node.functions.iter().any(|f| !f.result.is_equal());
    !code && node.metadata.is_empty() && differing.peek().is_some() && differing.all(|r| !r.loaded)
}

/// Visits a node and all below it with child indices and the way to each; two members of one name are told apart.
pub fn visit<'a>(root: &'a Node, each: &mut dyn FnMut(&'a Node, &[usize], &str)) {
    fn go<'a>(node: &'a Node, path: &mut Vec<usize>, name: &mut String, each: &mut dyn FnMut(&'a Node, &[usize], &str)) {
        each(node, path, name);
        let mut seen: BTreeMap<&Untrusted, usize> = BTreeMap::new();
        let length = name.len();
        for (i, child) in node.children.iter().enumerate() {
            let nth = *seen.entry(&child.name).and_modify(|n| *n += 1).or_insert(1);
            name.push('!');
            name.push_str(child.name.shown().as_str());
            if nth > 1 {
                name.push_str(&format!("#{nth}"));
            }
            path.push(i);
            go(child, path, name, each);
            path.pop();
            name.truncate(length);
        }
    }
    go(root, &mut Vec::new(), &mut root.name.shown().to_string(), each);
}

/// Everything that somebody must judge in these comparisons, equal differences together: by concern, then by digest. A
/// fact about the toolchain is there when it is the same in two places or more; one place says it itself.
#[must_use]
pub fn clusters<'a>(roots: impl IntoIterator<Item = (usize, &'a Node)>) -> Vec<Cluster> {
    let mut found: HashMap<(Concern, Sha256), Cluster> = HashMap::new();
    for (root, node) in roots {
        visit(node, &mut |node, path, name| {
            let mut add = |concern, digest, what: &dyn Fn() -> String| {
                let new = || Cluster { concern, digest, result: node.result, what: what(), places: Vec::new() };
                let spot = Spot { name: name.to_owned(), root, path: path.to_vec() };
                found.entry((concern, digest)).or_insert_with(new).places.push(spot);
            };
            if let Some(concern) = concern(node) {
                add(concern, digest(node, name), &|| sentence(node));
            }
            for fact in node.facts.iter().filter(|f| f.points_at_toolchain()) {
                add(Concern::Toolchain, digest_of_fact(fact), &|| sentence_of_fact(fact));
            }
        });
    }
    let mut all: Vec<Cluster> = found.into_values().filter(|c| c.concern != Concern::Toolchain || c.places.len() > 1).collect();
    for cluster in &mut all {
        cluster.places.sort();
    }
    all.sort_by_key(|c| (c.concern, c.digest.0));
    all
}

fn hash(fields: &[&[u8]]) -> Sha256 {
    let mut hasher = Hasher::default();
    for field in fields {
        hasher.update(&(field.len() as u64).to_le_bytes());
        hasher.update(field);
    }
    hasher.finish().0
}

/// What differs in a node, without where it is.
fn digest(node: &Node, name: &str) -> Sha256 {
    let metadata = node.metadata.join("\n");
    let own = node.account.shipped.unexplained + node.account.rebuilt.unexplained > 0;
    let alike: Vec<u8> = match (node.likeness, node.digest.shipped, node.digest.rebuilt) {
        (Some(likeness), ..) => likeness.0.to_vec(),
        // Only metadata differs: whatever the content, it is the same change.
        _ if node.result == ResultMark::Different && node.children.is_empty() && !own && !metadata.is_empty() => Vec::new(),
        // What could not be examined is not known to be like anything else.
        (None, None, None) => name.as_bytes().to_vec(),
        (None, shipped, rebuilt) => [shipped, rebuilt].iter().flat_map(|d| d.map_or([0; 32], |d| d.0)).collect(),
    };
    let only = if node.result == ResultMark::NotExamined { name } else { "" };
    hash(&[node.result.word().as_bytes(), &alike, metadata.as_bytes(), only.as_bytes()])
}

fn digest_of_fact(fact: &Fact) -> Sha256 {
    let side = |v: &Option<Untrusted>| v.as_ref().map(|v| v.as_bytes().to_vec()).unwrap_or_default();
    hash(&[b"fact", fact.name.as_bytes(), &side(&fact.value.shipped), &side(&fact.value.rebuilt)])
}

fn sentence_of_fact(fact: &Fact) -> String {
    let super::Sides { shipped, rebuilt } = fact.differing();
    format!("{} {shipped} against {rebuilt}", fact.name)
}

/// What differs, in words that hold for every place of the cluster.
fn sentence(node: &Node) -> String {
    let functions: Vec<_> = node.functions.iter().filter(|f| !f.result.is_equal()).collect();
    if functions.is_empty() || node.metadata.iter().any(|m| m.starts_with("alarm")) {
        return if node.why.is_empty() { node.result.word().to_owned() } else { node.why.clone() };
    }
    let named: Vec<String> = functions.iter().take(NAMED).map(|f| format!("{}: {}", f.name.shown().cut(60), f.what)).collect();
    let more = functions.len() - named.len();
    let more = if more > 0 { format!("; {more} more functions") } else { String::new() };
    format!("{}{more}", named.join("; "))
}

#[cfg(test)]
mod tests {
    use super::super::{Account, FactGroup, NodeKind, Sides};
    use super::*;

    fn differing(name: &str, likeness: &str) -> Node {
        let mut node = Node::new(name.into(), NodeKind::Text, ResultMark::Different);
        node.digest = Sides::new(Some(Sha256::of(name.as_bytes())), Some(Sha256::of(likeness.as_bytes())));
        node.account = Sides::new(Account::all_unexplained(1), Account::all_unexplained(1));
        node.likeness = Some(Sha256::of(likeness.as_bytes()));
        node
    }

    fn root(children: Vec<Node>) -> Node {
        let mut root = Node::new("d".into(), NodeKind::Directory, ResultMark::Different);
        root.children = children;
        root
    }

    #[test]
    fn every_node_that_is_to_be_judged_is_in_one_cluster_whatever_the_order() {
        let mut nodes: Vec<Node> = (0..50).map(|i| differing(&format!("f{i}"), if i % 2 == 0 { "even" } else { "odd" })).collect();
        nodes.push(differing("alone", "alone"));
        let one = clusters([(0, &root(nodes.clone()))]);
        assert_eq!(one.iter().map(|c| c.places.len()).sum::<usize>(), 51);
        assert_eq!(one.len(), 3);
        nodes.reverse();
        let other = clusters([(0, &root(nodes))]);
        let names = |all: &[Cluster]| -> Vec<(Sha256, Vec<String>)> {
            all.iter().map(|c| (c.digest, c.places.iter().map(|p| p.name.clone()).collect())).collect()
        };
        assert_eq!(names(&one), names(&other));
    }

    #[test]
    fn more_than_the_common_difference_is_another_cluster() {
        let mut odd = differing("b", "x");
        odd.metadata.push("mode 4755 against 0755".into());
        let mut unread = differing("c", "x");
        unread.result = ResultMark::NotExamined;
        let all = clusters([(0, &root(vec![differing("a", "x"), odd, unread.clone(), unread]))]);
        assert!(all.iter().all(|c| c.places.len() == 1), "{all:#?}");
    }

    #[test]
    fn the_same_fact_in_many_places_is_one_thing_and_hides_none_of_them() {
        let with_fact = |name: &str| {
            let mut node = differing(name, name);
            let value = Sides::new(Some("GCC 11.4".into()), Some("GCC 12.2".into()));
            node.facts = vec![Fact { name: ".comment".into(), value, group: FactGroup::Toolchain, lost: false }];
            node
        };
        let all = clusters([(0, &root(vec![with_fact("a"), with_fact("b")])), (1, &with_fact("c"))]);
        assert_eq!(all[0].concern, Concern::Toolchain);
        assert_eq!(all[0].places.len(), 3);
        assert_eq!(all.len(), 4, "the differences themselves are still there");
        assert!(clusters([(0, &with_fact("a"))]).iter().all(|c| c.concern != Concern::Toolchain));
    }
}
