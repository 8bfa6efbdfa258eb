//! The report of `check` as SARIF 2.1.0 (OASIS): the tables of checks and defects are the rules, everything that fails or could
//! not be told is a result. No text of the source or of an artifact is in it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::checks::{Check, DEFECTS, Facts, Fault, TABLE, Verdict, faults};
use crate::digest::Sha256;
use crate::model::{Defect, Severity, Where};
use crate::report;
use crate::text::Untrusted;

/// What addresses are relative to: the root of the bundle.
const BUNDLE: &str = "BUNDLE";
/// What addresses are relative to: the root of the source tree under review.
const SOURCE: &str = "SOURCE";
const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// Writes the whole log.
pub(super) fn write(facts: &Facts, checks: &[Check], out: &mut impl std::io::Write) -> std::io::Result<()> {
    let mut out = report::Document::new(out)?;
    out.field("$schema", &json!(SCHEMA))?;
    out.field("version", &json!("2.1.0"))?;
    out.list("runs", std::iter::once(run(facts, checks)))?;
    out.finish()
}

fn run(facts: &Facts, checks: &[Check]) -> Value {
    let rules = Rules::new();
    let mut results: Vec<Value> = checks.iter().flat_map(|check| of_check(facts, check, &rules)).collect();
    results.extend(facts.all_defects().map(|defect| of_defect(facts, defect, &rules)));
    let release = &facts.release;
    let description = |text: &str| json!({ "description": { "text": text } });
    json!({
        "tool": { "driver": {
            "name": "countersign",
            "version": env!("CARGO_PKG_VERSION"),
            "semanticVersion": env!("CARGO_PKG_VERSION"),
            "rules": rules.list,
        } },
        "originalUriBaseIds": {
            BUNDLE: description("the root of the release bundle"),
            SOURCE: description("the root of the source tree under review"),
        },
        "columnKind": "unicodeCodePoints",
        "results": results,
        "properties": {
            "product": report::name(&release.product),
            "version": report::name(&release.version),
            "bundle": release.identity.digest.map(|d| format!("sha256:{d}")),
        },
    })
}

/// The rules, and where each is among them.
struct Rules {
    list: Vec<Value>,
    by_id: BTreeMap<&'static str, usize>,
}

impl Rules {
    /// Checks first, in the order of their table. A code that is both a check and a defect is one rule.
    fn new() -> Self {
        let mut rules = Self { list: Vec::new(), by_id: BTreeMap::new() };
        for check in &TABLE {
            rules.add(check.code, check.sentence, "error", &[check.group.name(), "check"]);
        }
        for defect in DEFECTS {
            if !rules.by_id.contains_key(defect.code) {
                rules.add(defect.code, defect.sentence, level(defect.severity), &["defect"]);
            }
        }
        rules
    }

    fn add(&mut self, id: &'static str, text: &str, level: &str, tags: &[&str]) {
        self.by_id.insert(id, self.list.len());
        self.list.push(json!({
            "id": id,
            "shortDescription": { "text": text },
            "defaultConfiguration": { "level": level },
            "properties": { "tags": tags },
        }));
    }
}

/// What could not be told is a warning, never silence: SARIF's kind "open" would have to go without a level, and what has none
/// is passed over by those who read it.
fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Fail => "error",
        Severity::Unknown => "warning",
        Severity::Note => "note",
    }
}

fn of_check(facts: &Facts, check: &Check, rules: &Rules) -> Vec<Value> {
    let level = match check.verdict {
        Verdict::Pass | Verdict::Explained => return Vec::new(),
        Verdict::CannotTell | Verdict::Pending => "warning",
        Verdict::Fail => "error",
    };
    let one = |place: Option<&Fault>| {
        let why = place.map_or(check.why.as_str(), |p| &p.why);
        let word = if check.verdict == Verdict::Fail { "" } else { "cannot tell: " };
        let text = if why.is_empty() { check.code.sentence } else { why };
        let mut value = result(check.code.code, rules, level, format!("{word}{text}"));
        if let Some(place) = place {
            value["locations"] = json!([location(&place.at, if place.is_source { SOURCE } else { BUNDLE })]);
            let related: Vec<_> = place.related.iter().map(|at| location(at, SOURCE)).collect();
            if !related.is_empty() {
                value["relatedLocations"] = json!(related);
            }
            value["partialFingerprints"] = fingerprint(check.code.code, &place.at.file, "");
        } else {
            value["partialFingerprints"] = fingerprint(check.code.code, &Untrusted::default(), "");
        }
        value["properties"] = json!({ "verdict": check.verdict.word() });
        value
    };
    let places = faults(facts, check.code.code);
    if places.is_empty() { vec![one(None)] } else { places.iter().map(|p| one(Some(p))).collect() }
}

fn of_defect(facts: &Facts, defect: &Defect, rules: &Rules) -> Value {
    let advice = if defect.advice.is_empty() { String::new() } else { format!(" ({})", defect.advice) };
    let mut value = result(defect.code, rules, level(defect.severity), format!("{}{advice}", defect.what));
    let file = &defect.place.file;
    if !file.is_empty() {
        // A defect of the source may be in the tree, which has paths of its own.
        let in_bundle = facts.release.find(file).is_some() || facts.release.sources.iter().any(|s| s.path == *file);
        let is_source = defect.code.starts_with("source.") && !in_bundle && !file.as_bytes().starts_with(b"data/");
        value["locations"] = json!([location(&defect.place, if is_source { SOURCE } else { BUNDLE })]);
    }
    value["partialFingerprints"] = fingerprint(defect.code, file, &defect.what);
    value
}

fn result(code: &str, rules: &Rules, level: &str, text: String) -> Value {
    let mut value = json!({ "ruleId": code, "kind": "fail", "level": level, "message": { "text": text } });
    if let Some(index) = rules.by_id.get(code) {
        value["ruleIndex"] = json!(index);
    }
    value
}

fn location(at: &Where, base: &str) -> Value {
    let mut physical = json!({ "artifactLocation": { "uri": uri(&at.file), "uriBaseId": base } });
    if let Some(line) = at.line.filter(|line| *line > 0) {
        physical["region"] = json!({ "startLine": line });
        if let Some(column) = at.column.filter(|column| *column > 0) {
            physical["region"]["startColumn"] = json!(column);
        }
    }
    json!({ "physicalLocation": physical })
}

/// The same for the same finding in a later run: of the code, the place without its line, and what it is.
fn fingerprint(code: &str, file: &Untrusted, what: &str) -> Value {
    let seen = [code.as_bytes(), b"\0", file.as_bytes(), b"\0", what.as_bytes()].concat();
    json!({ "countersign/v1": Sha256::of(&seen).to_string() })
}

/// A path as a relative reference (RFC 3986): every byte that is not unreserved is escaped, so that a name is never an address.
fn uri(path: &Untrusted) -> String {
    let mut out = String::new();
    for byte in path.as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(char::from(*byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    // A slash in front would make it absolute.
    out.trim_start_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_never_an_address() {
        let of = |path: &[u8]| uri(&Untrusted::from(path));
        assert_eq!(of(b"data/shipped/a.deb"), "data/shipped/a.deb");
        assert_eq!(of(b"https://x/?a#b"), "https%3A//x/%3Fa%23b");
        assert_eq!(of(b"//evil\xff\n"), "evil%FF%0A");
    }
}
