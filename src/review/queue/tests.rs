//! Tests of the queue.

use std::sync::Arc;

use super::*;
use crate::checks::Discovery;
use crate::model::{
    Account, Artifact, Carrier, Cause, ChainLink, Identity, IdentityBasis, Node, NodeKind, Proof, Release, ResultMark, Sides, Standing,
};

fn facts(artifacts: usize) -> Facts {
    let artifact = |i: usize| Artifact { name: format!("a{i}").into(), shipped: None, rebuilt: Vec::new(), debug: Vec::new() };
    Facts::new(Arc::new(Release {
        product: "p".into(),
        version: "1".into(),
        artifacts: (0..artifacts).map(artifact).collect(),
        ..Release::new(Carrier::Directory, Identity { digest: None, basis: IdentityBasis::TagManifest })
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
fn a_difference_of_a_bill_of_materials_is_one_item() {
    use crate::model::{Answer, Attestation, Outcome, Question};
    let answer = |question, outcome| Answer { question, outcome, reason: "other bytes".to_owned() };
    let made = |of_bill: &[Question], standing: Option<Standing>| {
        let mut facts = facts(0);
        let row = Attestation {
            answers: vec![answer(Question::Subject, Outcome::No), answer(Question::Materials, Outcome::No)],
            of_bill: of_bill.to_vec(),
            file: "data/sbom/x.cdx.json".into(),
            ..Attestation::default()
        };
        let chain = standing.map(|s| ChainLink::new("bundle = SBOM", s, "1 with other bytes here")).into_iter().collect();
        facts.learn(Discovery::Provenance(vec![row], chain));
        queue(&facts, &Policy::default()).iter().map(|i| i.id.clone()).collect::<Vec<_>>()
    };
    let both = [Question::Subject, Question::Materials];
    assert_eq!(made(&both, Some(Standing::Broken)), ["chain:bundle = SBOM"]);
    // What the link does not tell stays an item of its own.
    assert_eq!(made(&both, None).len(), 2);
    assert_eq!(made(&[Question::Materials], Some(Standing::Broken)).len(), 2);
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
