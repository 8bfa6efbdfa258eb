//! The queue: the items that a person must judge, worst first.
//!
//! Items come from the facts by fixed rules; their order never follows the vendor's file order. An item's digest covers
//! what the machine computed, so a ruling holds only while that is unchanged.

mod source;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use crate::checks::{Facts, Policy};
use crate::digest::Sha256;
use crate::model::{Cause, Cluster, Concern, Fixity, Node, Outcome, Question, ResultMark, Severity, Spot, Standing, clusters, visit};
use crate::text::{Shown, Untrusted};

pub use source::flag_id;

/// What kind of judgement an item asks for; the order is the queue's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Class {
    /// The bundle itself is damaged or incomplete.
    Integrity,
    /// A link of the chain is broken, or an attestation is refuted.
    Broken,
    /// Something that no honest build does, such as one build-id over two contents.
    Alarm,
    /// A source archive holds what the reviewed tree does not, or differs from it.
    Archive,
    /// The same fact about the toolchain differs in several files: to be looked at before their code.
    Toolchain,
    /// Code in an executable differs.
    Code,
    /// Other content differs.
    Data,
    /// Not examined.
    NotExamined,
    /// No counterpart.
    Unpaired,
    /// Metadata differs that no cause explains.
    Metadata,
    /// A claim that cannot be checked.
    Claim,
    /// A source file with hidden characters.
    Flagged,
    /// One cause that explains differences in one or more files.
    Rule,
    /// A source file that must be read.
    Read,
    /// All identical files, as one item.
    Batch,
    /// A question of the room's checklist: after everything that helps to answer it.
    Question,
}

impl Class {
    /// Words for the status line: `1 differs · 4 unpaired`.
    #[must_use]
    pub fn word(self, count: usize) -> &'static str {
        let one = count == 1;
        match self {
            Self::Integrity if one => "integrity problem",
            Self::Integrity => "integrity problems",
            Self::Broken => "broken",
            Self::Alarm if one => "alarm",
            Self::Alarm => "alarms",
            Self::Archive if one => "archive difference",
            Self::Archive => "archive differences",
            Self::Toolchain if one => "toolchain fact",
            Self::Toolchain => "toolchain facts",
            Self::Code | Self::Data if one => "differs",
            Self::Code | Self::Data => "differ",
            Self::Metadata => "metadata",
            Self::Unpaired => "unpaired",
            Self::NotExamined => "not examined",
            Self::Claim if one => "claim",
            Self::Claim => "claims",
            Self::Flagged => "flagged",
            Self::Rule if one => "rule",
            Self::Rule => "rules",
            Self::Read if one => "read",
            Self::Read => "reads",
            Self::Batch => "batch",
            Self::Question if one => "question",
            Self::Question => "questions",
        }
    }
}

/// What an item is about: where `n` goes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// A node of an artifact's comparison, by child indices.
    Compare {
        /// Index of the artifact.
        artifact: usize,
        /// Child indices from the artifact's node.
        path: Vec<usize>,
    },
    /// The same difference in several nodes.
    Cluster(Arc<[Spot]>),
    /// All nodes that a cause explains.
    Rule(Cause),
    /// An attestation, and the question that it does not answer with yes.
    Attestation {
        /// Its index.
        index: usize,
        /// The question.
        question: Question,
    },
    /// A link of the chain.
    Chain(usize),
    /// A defect of the bundle: index into [`Facts::all_defects`].
    Defect(usize),
    /// A payload file whose fixity is not intact.
    File(usize),
    /// A file of the source tree, at a line.
    Source {
        /// Index of the tree entry.
        entry: usize,
        /// Line, from 1.
        line: u64,
    },
    /// Places of the sources that have something in common: index into the flags of the facts.
    Places(usize),
    /// The identical files.
    Batch,
    /// A question of the checklist, by its index.
    Question(usize),
    /// Required reading that no file of the source is called.
    NoSuchSource(String),
}

/// One thing that a person must judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Stable id.
    pub id: String,
    /// Digest of what the machine computed of it.
    pub digest: String,
    /// Class.
    pub class: Class,
    /// The machine's mark: `!` `?` `~` `<` `>` `=` or `.` for a required read.
    pub mark: char,
    /// What it is.
    pub title: Untrusted,
    /// Why it is here; bundle text in it has passed the guard.
    pub why: String,
    /// Where it is.
    pub target: Target,
    /// How many files it covers.
    pub covers: u64,
}

impl Item {
    /// Whether one ruling covers several places: a cause, equal differences, the identical files.
    #[must_use]
    pub fn is_group(&self) -> bool {
        matches!(self.target, Target::Rule(_) | Target::Batch | Target::Cluster(_) | Target::Places(_))
    }
}

fn item(class: Class, mark: char, id: String, title: Untrusted, why: String, target: Target, seen: &[u8]) -> Item {
    Item { digest: Sha256::of(seen).to_string(), id, class, mark, title, why, target, covers: 1 }
}

/// Makes the queue.
#[must_use]
pub fn queue(facts: &Facts, policy: &Policy) -> Vec<Item> {
    let mut items = Vec::new();
    integrity(facts, &mut items);
    comparisons(facts, policy, &mut items);
    provenance(facts, &mut items);
    source::items(facts, policy, &mut items);
    // What is computed helps to answer: before it is there nobody is asked.
    if facts.is_complete() {
        checklist(policy, &mut items);
    }
    // Within a class by id, the rules that explain most first, the questions as the policy has them: never by the order in
    // which the vendor lists files.
    let rank = |i: &Item| match i.target {
        Target::Rule(_) => Reverse(i.covers),
        Target::Question(n) => Reverse(u64::MAX - n as u64),
        _ => Reverse(0),
    };
    items.sort_by(|a, b| (a.class, rank(a), &a.id).cmp(&(b.class, rank(b), &b.id)));
    items
}

/// The questions of the room, in the order of the policy. An answer belongs to the id, whatever the wording.
fn checklist(policy: &Policy, items: &mut Vec<Item>) {
    for (i, question) in policy.checklist.iter().enumerate() {
        let id = question_id(&question.id);
        let why = "checklist: a person answers it".to_owned();
        items.push(item(Class::Question, '.', id, question.question.as_str().into(), why, Target::Question(i), question.id.as_bytes()));
    }
}

/// The id of a question's item.
#[must_use]
pub(super) fn question_id(id: &str) -> String {
    format!("checklist:{id}")
}

fn integrity(facts: &Facts, items: &mut Vec<Item>) {
    for (i, defect) in facts.all_defects().enumerate() {
        let (class, mark) = match defect.severity {
            Severity::Fail => (Class::Integrity, '!'),
            Severity::Unknown => (Class::Claim, '?'),
            Severity::Note => continue,
        };
        let id = format!("defect:{}:{}:{}", defect.code, defect.place, Sha256::of(defect.what.as_bytes()).short(8));
        let seen = format!("{}\0{}\0{}", defect.code, defect.place, defect.what);
        items.push(item(class, mark, id, defect.place.to_string().into(), defect.what.clone(), Target::Defect(i), seen.as_bytes()));
    }
    for (i, hashed) in facts.hashed.iter().enumerate() {
        let (Some(hashed), Some(file)) = (hashed, facts.release.files.get(i)) else { continue };
        let why = match hashed.fixity {
            Fixity::Altered => "its bytes are not those that the manifest declares",
            Fixity::Missing => "the manifest lists it, the bundle does not have it",
            Fixity::Extra => "the bundle has it, no manifest lists it",
            Fixity::Unreadable => "cannot be read",
            Fixity::Weak => "only md5 or sha1 are declared for it: not proof",
            Fixity::Intact | Fixity::Undeclared => continue,
        };
        let (class, mark) = if hashed.fixity == Fixity::Weak { (Class::Claim, '?') } else { (Class::Integrity, '!') };
        let seen = format!("{:?}\0{:?}", hashed.fixity, hashed.sha256);
        let id = format!("file:{}", file.path.shown());
        items.push(item(class, mark, id, file.path.clone(), why.to_owned(), Target::File(i), seen.as_bytes()));
    }
}

fn comparisons(facts: &Facts, policy: &Policy, items: &mut Vec<Item>) {
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

/// Links whose evidence lists what is missing: artifacts that nobody names, materials and components that are not here.
const LISTING: [&str; 3] = ["shipped = subject", "materials = bundle", "bundle = SBOM"];

fn provenance(facts: &Facts, items: &mut Vec<Item>) {
    for (i, link) in facts.chain.iter().enumerate() {
        // What differs from its rebuild or from the tree has items of its own, one for each file.
        if link.standing == Standing::Broken && !["rebuilt = shipped", "archive = tree"].contains(&link.name) {
            let clues: Vec<&str> = link.evidence.iter().map(|c| c.text.as_str()).collect();
            let seen = format!("{}\0{}\0{}", link.standing.word(), link.why, clues.join("\0"));
            items.push(item(
                Class::Broken,
                '!',
                format!("chain:{}", link.name),
                format!("chain: {}", link.name).into(),
                link.why.clone(),
                Target::Chain(i),
                seen.as_bytes(),
            ));
        }
    }
    // What the chain lists one by one is judged together: one item a link.
    for (i, link) in facts.chain.iter().enumerate() {
        if link.standing == Standing::Absent && !link.evidence.is_empty() && LISTING.contains(&link.name) {
            let seen: Vec<&str> = link.evidence.iter().map(|c| c.text.as_str()).collect();
            let seen = format!("{}\0{}\0{}", link.standing.word(), link.why, seen.join("\0"));
            let mut one = item(
                Class::Claim,
                '?',
                format!("chain:{}", link.name),
                format!("chain: {}", link.name).into(),
                link.why.clone(),
                Target::Chain(i),
                seen.as_bytes(),
            );
            one.covers = link.evidence.len() as u64;
            items.push(one);
        }
    }
    for (index, attestation) in facts.attestations.iter().flatten().enumerate() {
        let payload = Sha256::of(&attestation.payload);
        let name = Shown::of_bytes(attestation.file.as_bytes());
        let id = |what: &str| format!("claim:{name}:{}:{what}", attestation.line.unwrap_or(0));
        let of = |outcome: Outcome| attestation.answers.iter().filter(move |a| a.outcome == outcome);
        for answer in of(Outcome::No) {
            let target = Target::Attestation { index, question: answer.question };
            let seen = format!("{payload}{}", answer.reason);
            items.push(item(
                Class::Broken,
                '!',
                id(answer.question.word()),
                attestation.file.clone(),
                format!("{}: {}", answer.question.word(), answer.reason),
                target,
                seen.as_bytes(),
            ));
        }
        let open: Vec<_> = of(Outcome::CannotTell).collect();
        if let Some(first) = open.first() {
            let words: Vec<_> = open.iter().map(|a| a.question.word()).collect();
            let target = Target::Attestation { index, question: first.question };
            let seen = format!("{payload}{}", open.iter().map(|a| a.reason.as_str()).collect::<Vec<_>>().join("\0"));
            items.push(item(
                Class::Claim,
                '?',
                id("open"),
                attestation.file.clone(),
                format!("cannot tell: {}", words.join(", ")),
                target,
                seen.as_bytes(),
            ));
        }
    }
}

/// The indices of the tree entries that must be read: globs of the bundle and of the policy. A glob that is no glob is
/// compared as a plain path, so that a slip never makes less required.
#[must_use]
pub fn required(facts: &Facts, policy: &Policy) -> Vec<usize> {
    wanted(facts, policy).0
}

/// What must be read, and the globs that match nothing.
fn wanted(facts: &Facts, policy: &Policy) -> (Vec<usize>, Vec<String>) {
    let Some(tree) = &facts.source else { return (Vec::new(), Vec::new()) };
    let mut set = globset::GlobSetBuilder::new();
    let mut globs = Vec::new();
    let mut plain: BTreeMap<&[u8], &String> = BTreeMap::new();
    let mut unmatched: BTreeSet<&String> = facts.release.required.iter().chain(&policy.required).collect();
    for pattern in unmatched.iter().copied() {
        match globset::GlobBuilder::new(pattern).literal_separator(true).build() {
            Ok(glob) => {
                set.add(glob);
                globs.push(pattern);
            }
            Err(_) => {
                plain.insert(pattern.as_bytes(), pattern);
            }
        }
    }
    // Patterns that are sound one by one and not together are compared as plain paths, every one.
    let set = set.build().unwrap_or_else(|_| {
        plain.extend(globs.drain(..).map(|p| (p.as_bytes(), p)));
        globset::GlobSet::empty()
    });
    let mut entries = Vec::new();
    let mut hits = Vec::new();
    for (i, entry) in tree.entries.iter().enumerate() {
        set.matches_into(entry.path.lossy().as_ref(), &mut hits);
        let named = plain.get(entry.path.as_bytes());
        if !hits.is_empty() || named.is_some() {
            entries.push(i);
        }
        let found = hits.iter().filter_map(|n| globs.get(*n)).chain(named);
        for pattern in found {
            unmatched.remove(*pattern);
        }
    }
    (entries, unmatched.into_iter().cloned().collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::checks::Discovery;
    use crate::model::NodeKind;
    use crate::model::{Account, Artifact, Carrier, ChainLink, Identity, IdentityBasis, Proof, Release, Sides};

    fn facts(artifacts: usize) -> Facts {
        let artifact = |i: usize| Artifact { name: format!("a{i}").into(), shipped: None, rebuilt: Vec::new(), debug: Vec::new() };
        Facts::new(Arc::new(Release {
            carrier: Carrier::Directory,
            identity: Identity { digest: None, basis: IdentityBasis::TagManifest },
            product: "p".into(),
            version: "1".into(),
            files: Vec::new(),
            sources: Vec::new(),
            artifacts: (0..artifacts).map(artifact).collect(),
            required: Vec::new(),
            unknown: Vec::new(),
            bag_info: Vec::new(),
            defects: Vec::new(),
        }))
    }

    fn node(name: &str, kind: NodeKind, result: ResultMark) -> Node {
        Node::new(name.into(), kind, result)
    }

    #[test]
    fn five_thousand_files_become_a_few_items_worst_first() {
        let mut facts = facts(5_000);
        for i in 0..5_000 {
            let mut root = node(&format!("a{i}"), NodeKind::Data, ResultMark::Identical);
            if i % 25 == 1 {
                root.result = ResultMark::Equivalent;
                root.proofs.push(Proof { cause: Cause::Mtime, spans: Sides::default(), values: Sides::default() });
            }
            if i == 4_321 {
                root.result = ResultMark::Different;
                root.account = Sides::new(Account::all_unexplained(1), Account::all_unexplained(1));
            }
            facts.learn(Discovery::Compared(i, Arc::new(root)));
        }
        facts.learn(Discovery::Provenance(Vec::new(), vec![ChainLink::new("commit = tag", Standing::Broken, "other")]));
        let items = queue(&facts, &Policy::default());
        let summary: Vec<_> = items.iter().map(|i| (i.class, i.covers)).collect();
        assert_eq!(summary, [(Class::Broken, 1), (Class::Data, 1), (Class::Rule, 200), (Class::Batch, 4_799)]);
        assert_eq!(items[1].target, Target::Compare { artifact: 4_321, path: vec![] });
    }

    #[test]
    fn five_thousand_differing_files_become_a_few_items_that_name_each_of_them() {
        let mut facts = facts(5_000);
        for i in 0..5_000usize {
            let kind = if i % 3 == 0 { NodeKind::Elf } else { NodeKind::Text };
            let mut root = node(&format!("a{i}"), kind, ResultMark::Different);
            root.account = Sides::new(Account::all_unexplained(1), Account::all_unexplained(1));
            root.digest = Sides::new(Some(Sha256::of(format!("{i}").as_bytes())), Some(Sha256::of(b"x")));
            // Thirty ways to differ, and one file that differs in its own.
            root.likeness = Some(Sha256::of(if i == 4_321 { "own".to_owned() } else { format!("{}", i % 30) }.as_bytes()));
            facts.learn(Discovery::Compared(i, Arc::new(root)));
        }
        let items = queue(&facts, &Policy::default());
        assert_eq!(items.len(), 31);
        assert!(items.iter().take(10).all(|i| i.class == Class::Code) && items.iter().skip(10).all(|i| i.class == Class::Data));
        let mut named: Vec<usize> = items
            .iter()
            .flat_map(|i| match &i.target {
                Target::Cluster(places) => places.iter().map(|s| s.root).collect(),
                Target::Compare { artifact, .. } => vec![*artifact],
                _ => Vec::new(),
            })
            .collect();
        named.sort_unstable();
        assert_eq!(named, (0..5_000).collect::<Vec<_>>(), "every file is in exactly one item");
        let alone: Vec<_> = items.iter().filter(|i| !i.is_group()).map(|i| i.id.as_str()).collect();
        assert_eq!(alone, ["compare:a4321"]);
    }

    #[test]
    fn a_ruling_on_equal_differences_holds_for_these_places_only() {
        let differing = |name: &str, content: &str| {
            let mut root = node(name, NodeKind::Text, ResultMark::Different);
            root.account = Sides::new(Account::all_unexplained(1), Account::all_unexplained(1));
            root.digest = Sides::new(Some(Sha256::of(content.as_bytes())), None);
            root.likeness = Some(Sha256::of(b"the same hunk"));
            Arc::new(root)
        };
        let mut facts = facts(3);
        facts.learn(Discovery::Compared(0, differing("a0", "0")));
        facts.learn(Discovery::Compared(1, differing("a1", "1")));
        let two = queue(&facts, &Policy::default());
        assert_eq!((two.len(), two[0].covers), (1, 2));
        facts.learn(Discovery::Compared(2, differing("a2", "2")));
        let three = queue(&facts, &Policy::default());
        assert_eq!((three.len(), three[0].covers), (1, 3));
        assert_eq!(two[0].id, three[0].id, "it is the same difference");
        assert_ne!(two[0].digest, three[0].digest, "one place more was not ruled on");
        facts.learn(Discovery::Compared(2, differing("a2", "other bytes around the hunk")));
        assert_ne!(queue(&facts, &Policy::default())[0].digest, three[0].digest);
    }

    #[test]
    fn a_container_is_an_item_only_for_its_own_bytes() {
        let mut facts = facts(1);
        let mut inner = node("./usr/bin/x", NodeKind::Data, ResultMark::Different);
        inner.account.shipped.unexplained = 1;
        let mut root = node("a0", NodeKind::Tar, ResultMark::Different);
        root.children = vec![inner, node("y", NodeKind::Data, ResultMark::OnlyShipped)];
        facts.learn(Discovery::Compared(0, Arc::new(root.clone())));
        let ids = |facts: &Facts| queue(facts, &Policy::default()).into_iter().map(|i| i.id).collect::<Vec<_>>();
        assert_eq!(ids(&facts), ["compare:a0!./usr/bin/x", "compare:a0!y"]);
        root.metadata.push("mode differs".into());
        facts.learn(Discovery::Compared(0, Arc::new(root)));
        assert_eq!(ids(&facts).len(), 3);
    }

    /// A release of every kind of thing, its artifacts listed in that order.
    fn everything(order: &[usize]) -> Facts {
        let mut facts = facts(order.len());
        let release = Arc::make_mut(&mut facts.release);
        for (place, i) in order.iter().enumerate() {
            release.artifacts[place].name = format!("a{i}").into();
        }
        for (place, i) in order.iter().enumerate() {
            let result = [ResultMark::Identical, ResultMark::Equivalent, ResultMark::Different, ResultMark::OnlyShipped][i % 4];
            let mut root = node(&format!("a{i}"), if i % 3 == 0 { NodeKind::Elf } else { NodeKind::Data }, result);
            root.digest = Sides::new(Some(Sha256::of(&[*i as u8])), None);
            if result == ResultMark::Different {
                root.account = Sides::new(Account::all_unexplained(1), Account::all_unexplained(1));
                root.likeness = Some(Sha256::of(&[*i as u8 % 5]));
            }
            let causes = if i % 8 == 1 { vec![Cause::Owner, Cause::BuildId] } else { vec![Cause::BuildId] };
            if result == ResultMark::Equivalent {
                root.proofs = causes.into_iter().map(|cause| Proof { cause, spans: Sides::default(), values: Sides::default() }).collect();
            }
            facts.learn(Discovery::Compared(place, Arc::new(root)));
        }
        facts
    }

    #[test]
    fn the_vendors_order_of_files_changes_nothing() {
        let told = |order: &[usize]| -> Vec<(String, String, char)> {
            queue(&everything(order), &Policy::default()).into_iter().map(|i| (i.id, i.digest, i.mark)).collect()
        };
        let straight: Vec<usize> = (0..40).collect();
        let shuffled: Vec<usize> = (0..40).map(|i| (i * 27 + 13) % 40).collect();
        assert_eq!(told(&straight), told(&shuffled));
        let rules: Vec<u64> =
            queue(&everything(&straight), &Policy::default()).iter().filter(|i| i.class == Class::Rule).map(|i| i.covers).collect();
        assert_eq!(rules, [10, 5], "the rule that explains most comes first");
    }

    #[test]
    fn required_reading_that_is_not_there_is_said() {
        let mut facts = facts(0);
        Arc::make_mut(&mut facts.release).required = vec!["src/*.c".into(), "src/gone.c".into()];
        let entry =
            |path: &str| crate::model::SourceEntry { path: path.into(), kind: crate::model::EntryKind::File, id: path.to_owned(), size: 1 };
        let tree = crate::model::SourceTree { entries: vec![entry("src/[x"), entry("src/a.c")], ..crate::model::SourceTree::default() };
        facts.learn(Discovery::Source(Arc::new(tree)));
        let policy = Policy { required: vec!["src/[x".into(), "src/*.c".into()], ..Policy::default() };
        let ids: Vec<String> = queue(&facts, &policy).into_iter().map(|i| i.id).collect();
        assert_eq!(ids, ["read:none:src/gone.c", "read:src/[x", "read:src/a.c"]);
    }

    #[test]
    fn the_checklist_comes_last_in_the_order_of_the_policy() {
        let ask = |id: &str| crate::checks::ChecklistEntry { id: id.into(), question: "Is it?".into() };
        let policy = Policy { checklist: vec![ask("z"), ask("b")], ..Policy::default() };
        let mut facts = everything(&[0, 1, 2]);
        assert!(!queue(&facts, &policy).iter().any(|i| i.class == Class::Question), "not while the machine works");
        facts.learn(Discovery::AllHashed(None));
        facts.learn(Discovery::Provenance(Vec::new(), Vec::new()));
        let items = queue(&facts, &policy);
        let last: Vec<_> = items.iter().skip(items.len() - 2).map(|i| (i.id.as_str(), &i.target)).collect();
        assert_eq!(last, [("checklist:z", &Target::Question(0)), ("checklist:b", &Target::Question(1))]);
    }

    #[test]
    fn an_accepted_cause_needs_no_ruling_of_its_own() {
        let mut facts = facts(1);
        let mut root = node("a0", NodeKind::Data, ResultMark::Equivalent);
        root.proofs.push(Proof { cause: Cause::Mtime, spans: Sides::default(), values: Sides::default() });
        facts.learn(Discovery::Compared(0, Arc::new(root)));
        assert_eq!(queue(&facts, &Policy::default()).len(), 1);
        let policy = Policy { accepted_causes: ["mtime".to_owned()].into(), ..Policy::default() };
        assert!(queue(&facts, &policy).is_empty());
    }
}
