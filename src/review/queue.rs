//! The queue: the items that a person must judge, worst first.
//!
//! Items come from the facts by fixed rules; their order never follows the vendor's file order. An item's digest covers
//! what the machine computed, so a ruling holds only while that is unchanged.

mod claims;
mod compared;
mod item;
mod source;

use std::cmp::Reverse;

use crate::checks::{Facts, Policy};
use crate::digest::Sha256;
use crate::model::{Fixity, Severity};

pub use item::{Class, Item, Takes, Target};
pub use source::{flag_id, required};

use item::item;

/// Makes the queue.
#[must_use]
pub fn queue(facts: &Facts, policy: &Policy) -> Vec<Item> {
    let mut items = Vec::new();
    integrity(facts, &mut items);
    compared::items(facts, policy, &mut items);
    claims::items(facts, &mut items);
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

#[cfg(test)]
mod tests;
