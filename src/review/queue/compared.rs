//! Items of the comparison: what differs, the causes that explain, and the identical files as one.

use std::collections::BTreeMap;

use super::item::{Class, Item, Target, item};
use crate::checks::{Facts, Policy};
use crate::model::{Cause, Cluster, Concern, Node, ResultMark, Spot, clusters, visit};
use crate::text::Untrusted;

pub(super) fn items(facts: &Facts, policy: &Policy, items: &mut Vec<Item>) {
    // What each covers, by name: sorted before it is hashed, because the vendor's order of files says nothing.
    let mut rules: BTreeMap<Cause, Vec<(String, Vec<u8>)>> = BTreeMap::new();
    let mut same: Vec<(String, Vec<u8>)> = Vec::new();
    for root in facts.comparisons.iter().flatten() {
        visit(root, &mut |node, _, name| {
            for proof in &node.proofs {
                let covered = rules.entry(proof.cause).or_default();
                if covered.last().is_none_or(|(last, _)| last != name) {
                    covered.push((name.to_owned(), node_digest(node)));
                }
            }
            if node.children.is_empty() && node.result == ResultMark::Identical {
                same.push((name.to_owned(), node_digest(node)));
            }
        });
    }
    for cluster in clusters(roots(facts)) {
        items.extend(judged(facts, cluster));
    }
    for (cause, covered) in rules {
        if policy.accepted_causes.contains(cause.word()) {
            continue;
        }
        let count = covered.len() as u64;
        let files = if count == 1 {
            "1 file differs there, undone byte for byte".to_owned()
        } else {
            format!("{count} files differ there, undone byte for byte")
        };
        let mut rule =
            item(Class::Rule, '~', format!("rule:{cause}"), format!("rule {cause}").into(), files, Target::Rule(cause), &listed(covered));
        rule.covers = count;
        items.push(rule);
    }
    if !same.is_empty() {
        let count = same.len() as u64;
        let title = if count == 1 { "1 identical file".to_owned() } else { format!("{count} identical files") };
        let mut batch = item(
            Class::Batch,
            '=',
            "batch:identical".to_owned(),
            title.into(),
            "one batch, machine-checked, contents not read".to_owned(),
            Target::Batch,
            &listed(same),
        );
        batch.covers = count;
        items.push(batch);
    }
}

/// What is to be hashed of places and their contents: each with its name, in the order of the names.
fn listed(mut places: Vec<(String, Vec<u8>)>) -> Vec<u8> {
    places.sort_unstable();
    let mut out = Vec::new();
    for (name, digests) in places {
        out.extend_from_slice(&(name.len() as u64).to_le_bytes());
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(&digests);
    }
    out
}

fn roots(facts: &Facts) -> impl Iterator<Item = (usize, &Node)> {
    facts.comparisons.iter().enumerate().filter_map(|(i, root)| Some((i, root.as_deref()?)))
}

/// The item of a cluster: of one place by its name, of several by the digest of what is the same in them. What a ruling
/// holds for is the places as they are now: one more or one less, or another content in one of them, and it is void.
fn judged(facts: &Facts, cluster: Cluster) -> Option<Item> {
    let class = match cluster.concern {
        Concern::Alarm => Class::Alarm,
        Concern::Toolchain => Class::Toolchain,
        Concern::Code => Class::Code,
        Concern::Data => Class::Data,
        Concern::NotExamined => Class::NotExamined,
        Concern::Unpaired => Class::Unpaired,
        Concern::Metadata => Class::Metadata,
    };
    let node = |spot: &Spot| facts.comparisons.get(spot.root)?.as_ref()?.at(&spot.path);
    if let [only] = cluster.places.as_slice() {
        let node = node(only)?;
        let target = Target::Compare { artifact: only.root, path: only.path.clone() };
        let mut seen = node_digest(node);
        seen.extend_from_slice(node.result.word().as_bytes());
        seen.extend_from_slice(node.metadata.join("\n").as_bytes());
        let why = if node.why.is_empty() { node.result.word().to_owned() } else { node.why.clone() };
        let id = format!("compare:{}", only.name);
        return Some(item(class, node.result.mark(), id, short_name(&only.name), why, target, &seen));
    }
    let mut seen = cluster.digest.0.to_vec();
    for spot in &cluster.places {
        seen.extend_from_slice(&node_digest(node(spot)?));
        seen.extend_from_slice(&(spot.name.len() as u64).to_le_bytes());
        seen.extend_from_slice(spot.name.as_bytes());
    }
    let count = cluster.places.len();
    let first = cluster.places.first().map(|s| short_name(&s.name)).unwrap_or_default();
    let (mark, title) = match cluster.concern {
        Concern::Toolchain => ('!', format!("toolchain of {count} files")),
        _ => (cluster.result.mark(), format!("{count} files: {} \u{2026}", first.lossy())),
    };
    let id = format!("cluster:{}:{}", cluster.concern.word(), cluster.digest.short(32));
    let target = Target::Cluster(cluster.places.into());
    let mut one = item(class, mark, id, title.into(), cluster.what, target, &seen);
    one.covers = count as u64;
    Some(one)
}

fn short_name(name: &str) -> Untrusted {
    // The innermost member is what a reviewer knows; the way to it is on the Compare screen.
    let last = name.rsplit('!').next().unwrap_or(name);
    last.strip_prefix("./").unwrap_or(last).into()
}

fn node_digest(node: &Node) -> Vec<u8> {
    let mut out = Vec::new();
    for digest in [node.digest.shipped, node.digest.rebuilt] {
        out.extend_from_slice(&digest.map_or([0; 32], |d| d.0));
    }
    out
}
