//! A dossier against the record that names it.

use std::collections::BTreeMap;

use crate::digest::Sha256;
use crate::json::{self, Json};
use crate::review::{Ruling, chain};
use crate::signoff::{finding_lines, not_looked_at_lines};
use crate::text::Shown;

use super::{Dossier, ItemLine};

/// What is wrong with a dossier beside the record whose statement is `payload`, as sentences; empty when it is the one that
/// the record names, and every list, digest and count of the record is that of the dossier.
#[must_use]
pub fn check_dossier(payload: &[u8], dossier: &[u8]) -> Vec<String> {
    let record = match json::parse(payload) {
        Ok(json) => json,
        Err(e) => return vec![format!("the statement cannot be read: {e}")],
    };
    let here = Sha256::of(dossier);
    match sha_at(&record, &["predicate", "dossier"]) {
        None => return vec!["the record names no dossier: nothing ties this one to it".to_owned()],
        Some(named) if named != here => {
            return vec![format!("this is not the dossier of the record: the record names sha256 {named}, and this one has {here}")];
        }
        Some(_) => {}
    }
    match Dossier::parse(dossier) {
        Ok(dossier) => compare(&record, &dossier),
        Err(e) => vec![format!("the dossier cannot be read: {e}")],
    }
}

fn sha_at(json: &Json, path: &[&str]) -> Option<Sha256> {
    json.at(path)?.get("sha256")?.as_str()?.parse().ok()
}

fn compare(record: &Json, dossier: &Dossier) -> Vec<String> {
    let predicate = |path: &[&str]| record.get("predicate").and_then(|p| p.at(path));
    let sha = |path: &[&str]| predicate(path).and_then(|p| p.get("sha256")).and_then(Json::as_str).and_then(|s| s.parse().ok());
    let count = |path: &[&str]| predicate(path).and_then(Json::as_integer).and_then(|n| u64::try_from(n).ok());
    let word = |path: &[&str]| predicate(path).and_then(Json::as_str);
    let mut problems = Vec::new();
    let mut differs = |same: bool, what: &str| {
        if !same {
            problems.push(format!("the dossier and the record disagree on {what}"));
        }
    };
    differs(word(&["release", "name"]) == Some(&dossier.product) && word(&["release", "version"]) == Some(&dossier.version), "the release");
    differs(sha(&["release", "bundle"]) == Some(dossier.identity), "the bundle");
    differs(sha(&["findings", "digest"]) == Some(Sha256::of(&finding_lines(&dossier.findings))), "the list of findings");
    let open = dossier.findings.iter().filter(|f| f.state == "open").count() as u64;
    differs(count(&["findings", "open"]) == Some(open), "how many findings are open");
    let not = &dossier.not_looked_at;
    differs(not.is_sorted_by(|a, b| a < b), "the order of what was not looked at");
    let listed = sha(&["coverage", "notLookedAt", "digest"]);
    differs(listed == Some(Sha256::of(&not_looked_at_lines(not))), "the list of what was not looked at");
    differs(count(&["coverage", "notLookedAt", "count"]) == Some(not.len() as u64), "how much was not looked at");
    let checks: BTreeMap<&str, &str> = dossier.checks.iter().map(|c| (c.code.as_str(), c.verdict.as_str())).collect();
    let signed: Option<BTreeMap<&str, &str>> = predicate(&["checks"])
        .and_then(Json::as_object)
        .map(|o| o.iter().map(|(code, verdict)| (code.as_str(), verdict.as_str().unwrap_or_default())).collect());
    differs(signed == Some(checks), "the checks");
    let counted: BTreeMap<(&str, Sha256), Ruling> =
        dossier.rulings.iter().filter(|r| r.counts).map(|r| ((r.item.as_str(), r.digest), r.ruling)).collect();
    let ruled =
        |wanted: Option<Ruling>| dossier.items.iter().filter(|i| counted.get(&(i.id.as_str(), i.digest)).copied() == wanted).count() as u64;
    // A question is settled by its answer, and what was carried over by the ruling of then.
    let answered =
        |i: &ItemLine| i.id.strip_prefix("checklist:").is_some_and(|id| i.class == "question" && dossier.answers.contains_key(id));
    let settled =
        dossier.items.iter().filter(|i| !counted.contains_key(&(i.id.as_str(), i.digest)) && (i.carried.is_some() || answered(i)));
    let settled = settled.count() as u64;
    let carried = dossier.items.iter().filter(|i| i.carried.is_some()).count() as u64;
    differs(count(&["coverage", "carried"]) == Some(carried), "how many items were carried over");
    differs(count(&["coverage", "items"]) == Some(dossier.items.len() as u64), "how many items there are");
    differs(count(&["coverage", "accepted"]) == Some(ruled(Some(Ruling::Accepted))), "how many items were accepted");
    differs(count(&["coverage", "rejected"]) == Some(ruled(Some(Ruling::Rejected))), "how many items were rejected");
    differs(count(&["coverage", "open"]) == Some(ruled(None).saturating_sub(settled)), "how many items are open");
    let (head, entries) = (sha(&["journal", "head"]), count(&["journal", "count"]));
    differs(head == Some(dossier.journal.head) && entries == Some(dossier.journal.count), "the journal");
    if let Some(lines) = &dossier.lines {
        match chain::head(lines.iter().map(String::as_str)) {
            Err((n, why)) => problems.push(format!("the journal in the dossier is damaged in line {n}: {why}")),
            Ok(last) if last != dossier.journal.head.to_string() || lines.len() as u64 != dossier.journal.count => {
                problems.push(format!(
                    "the journal in the dossier is not the whole one: it has {} entries and ends with {}, signed are {} and {}",
                    lines.len(),
                    Shown::new(&last).cut(16),
                    dossier.journal.count,
                    dossier.journal.head.short(16)
                ));
            }
            Ok(_) => {}
        }
    }
    problems
}
