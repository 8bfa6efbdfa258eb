//! What stands in the way of an approval.

use std::collections::BTreeMap;

use super::State;
use crate::checks::{Facts, Policy};
use crate::review::{Class, Decision, Item, Ruling};

/// Something that stands in the way of an approval, or is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocker {
    /// Whether it is out of the way.
    pub done: bool,
    /// What it is, in words.
    pub what: String,
    /// The first item to go to.
    pub item: Option<String>,
}

impl State {
    /// What stands in the way of an approval.
    #[must_use]
    pub fn blockers(&self, facts: &Facts, policy: &Policy, items: &[Item]) -> Vec<Blocker> {
        let mut list = Vec::new();
        let mut add = |done: bool, what: String, item: Option<String>| list.push(Blocker { done, what, item });
        add(
            facts.is_complete(),
            if facts.is_complete() { "everything was hashed and compared".into() } else { "the machine is not done".into() },
            None,
        );
        for check in policy.unmet(facts) {
            add(
                false,
                format!("the policy requires the check {}, which is {}: {}", check.code.code, check.verdict.word(), check.why),
                None,
            );
        }
        let mut classes: BTreeMap<Class, Vec<&Item>> = BTreeMap::new();
        // Questions have a line of their own below.
        for (_, item) in self.open(items).filter(|(_, i)| i.class != Class::Question) {
            let class = if item.class == Class::Data { Class::Code } else { item.class };
            classes.entry(class).or_default().push(item);
        }
        for (class, open) in classes {
            add(false, format!("{} {} without a ruling", open.len(), class.word(open.len())), open.first().map(|i| i.id.clone()));
        }
        let first = items.iter().find(|i| self.disputes.contains_key(&i.id));
        if !self.disputes.is_empty() {
            add(false, format!("{} on which the reviewers differ", self.disputes.len()), first.map(|i| i.id.clone()));
        }
        let rejected: Vec<_> = items.iter().filter(|i| self.ruling(i).is_some_and(|r| r.ruling == Ruling::Rejected)).collect();
        if let Some(first) = rejected.first() {
            add(false, format!("{} rejected", rejected.len()), Some(first.id.clone()));
        }
        let unanswered = policy.checklist.iter().filter(|q| !self.answers.contains_key(&q.id)).count();
        let no = policy.checklist.iter().filter(|q| self.answers.get(&q.id).is_some_and(|a| a == "no")).count();
        if !policy.checklist.is_empty() {
            let of = policy.checklist.len();
            let what = if unanswered == 0 {
                format!("all {of} checklist questions answered")
            } else {
                format!("{unanswered} of {of} checklist answers missing")
            };
            let first = self.open(items).find(|(_, i)| i.class == Class::Question).map(|(_, i)| i.id.clone());
            add(unanswered == 0, what, first);
            if no > 0 {
                add(false, format!("{no} checklist questions answered with no"), None);
            }
        }
        let open_findings = self.findings.iter().filter(|f| f.closed.is_none()).count();
        if open_findings > 0 {
            add(false, format!("{open_findings} findings are open"), None);
        }
        list
    }

    /// Whether that decision may be signed now.
    ///
    /// # Errors
    /// The first thing that stands in the way.
    pub fn may_sign(&self, decision: Decision, blockers: &[Blocker]) -> Result<(), String> {
        if decision != Decision::Approved {
            return Ok(());
        }
        match blockers.iter().find(|b| !b.done) {
            None => Ok(()),
            Some(first) => Err(format!("approval is closed: {}", first.what)),
        }
    }
}
