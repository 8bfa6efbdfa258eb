//! What `verify` prints: for people every signed value, what was asked and what was not; for programs the same.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::Report;
use crate::model::Outcome as Answered;
use crate::signoff;
use crate::text::Shown;

/// Items of the not-looked-at list that are printed; the dossier has all of them.
const LISTED: usize = 500;

pub(super) fn text(reports: &[Report]) -> String {
    let mut out = String::new();
    for report in reports {
        let _ = writeln!(out, "{}", report.path);
        if let Ok(verified) = &report.verified {
            for row in signoff::describe(&verified.payload).unwrap_or_default() {
                let _ = writeln!(out, "  {}", row.plain());
            }
            let _ = writeln!(out, "  Check words    of the statement, sha256 {}", verified.payload_sha256);
            for line in verified.check_words() {
                let _ = writeln!(out, "                 {line}");
            }
        }
        for signature in &report.signatures {
            let mark = if signature.outcome == Answered::Yes { '=' } else { '!' };
            let _ = writeln!(out, "{mark} {}", signature.reason);
            if let Some(note) = signoff::keyid_note(signature) {
                let _ = writeln!(out, "? {note}");
            }
        }
        for id in report.not_looked_at.iter().flatten().take(LISTED) {
            let _ = writeln!(out, "? not looked at: {}", Shown::new(id).cut(200));
        }
        let more = report.not_looked_at.as_ref().map_or(0, Vec::len).saturating_sub(LISTED);
        if more > 0 {
            let _ = writeln!(out, "? not looked at: {more} more, in the dossier");
        }
        for answer in &report.answers {
            let mark = match answer.held {
                Some(true) => '=',
                Some(false) => '!',
                None => '.',
            };
            let not = if answer.held.is_none() { "NOT CHECKED: " } else { "" };
            let _ = writeln!(out, "{mark} {}: {not}{}", answer.what, answer.why);
        }
        if let Err(why) = &report.verified {
            let _ = writeln!(out, "! {why}");
        }
        for note in &report.notes {
            let _ = writeln!(out, "! {note}");
        }
        let left: Vec<&str> = report.answers.iter().filter(|a| a.held.is_none()).map(|a| a.what).collect();
        let left = if left.is_empty() { String::new() } else { format!("; not checked: {}", left.join(", ")) };
        let _ = if report.problems().is_empty() { writeln!(out, "verified{left}") } else { writeln!(out, "NOT verified{left}") };
    }
    out
}

pub(super) fn json(reports: &[Report], threshold: u64) -> Value {
    let well = reports.iter().all(|r| r.problems().is_empty());
    json!({
        "schema": "countersign-verification/v1",
        "result": if well { "pass" } else { "fail" },
        "threshold": threshold,
        "records": reports.iter().map(one).collect::<Vec<_>>(),
    })
}

fn one(report: &Report) -> Value {
    let problems = report.problems();
    let verdict = |held: Option<bool>| match held {
        Some(true) => "pass",
        Some(false) => "fail",
        None => "notChecked",
    };
    let checks: Vec<Value> = report.answers.iter().map(|a| json!({ "check": a.what, "verdict": verdict(a.held), "why": a.why })).collect();
    let mut value = json!({
        "path": report.path, "verified": problems.is_empty(), "problems": problems, "checks": checks, "notes": report.notes,
    });
    value["signatures"] = report
        .signatures
        .iter()
        .map(|s| {
            json!({
                "keyid": s.keyid.shown().to_string(), "trusted": s.outcome == Answered::Yes, "principal": s.principal,
                "fingerprint": s.fingerprint, "reason": s.reason,
            })
        })
        .collect();
    if let Some(list) = &report.not_looked_at {
        value["notLookedAt"] = json!(list);
    }
    if let Ok(verified) = &report.verified {
        value["decision"] = json!(verified.decision.word());
        value["approval"] = json!(verified.decision.is_approval());
        value["product"] = json!(verified.product);
        value["version"] = json!(verified.version);
        value["payload"] = json!(verified.payload_sha256.to_string());
        value["checkWords"] = json!(crate::digest::words::words(&verified.payload_sha256.0));
        value["statement"] = serde_json::from_slice(&verified.payload).unwrap_or(Value::Null);
    }
    value
}
