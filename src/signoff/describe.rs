//! The statement in words, to its last field: what the reviewer reads before signing is all that is signed.
//!
//! Fields are taken out of the document as they are said. What is left at the end, because this version does not know it, is
//! said as it stands, so nothing that is signed can go unsaid.

use serde_json::{Map, Value};

use crate::json::{self, Json};
use crate::text::{Role, Row, Shown};

use super::{Decision, RecordError};

/// Width of the first column in cells.
const LABEL: usize = 15;

/// The rows. Every value of the payload is in them.
///
/// # Errors
/// When the payload is not strict JSON. It need not be a record that [`super::verify`] accepts.
pub fn describe(payload: &[u8]) -> Result<Vec<Row>, RecordError> {
    let json = json::parse(payload).map_err(|e| RecordError::Statement(e.to_string()))?;
    let mut rows = Rows(Vec::new());
    let mut top = Part::new(String::new(), Some(plain(&json)));
    let mut predicate = top.part("predicate");
    rows.decision(&mut predicate);
    rows.release(&mut predicate);
    rows.subjects(&mut top);
    rows.artifacts(&mut predicate);
    rows.chain(&mut predicate);
    rows.coverage(&mut predicate);
    rows.findings(&mut predicate);
    rows.checks(&mut predicate);
    rows.circumstances(&mut predicate);
    rows.say("Statement", Role::Dim, [top.word("_type"), top.word("predicateType")].into_iter().flatten().collect::<Vec<_>>().join(", "));
    let before = rows.0.len();
    predicate.rest(&mut rows);
    top.rest(&mut rows);
    if rows.0.len() > before {
        rows.0.insert(before, Row::new().with(Role::Title, "Also signed, not known to this version"));
    }
    Ok(rows.0)
}

/// The value with every number as it was written: a fraction must not be rounded on its way to the reader.
fn plain(json: &Json) -> Value {
    match &json.value {
        json::Value::Number(text) => Value::String(text.clone()),
        json::Value::Array(items) => Value::Array(items.iter().map(plain).collect()),
        json::Value::Object(members) => Value::Object(members.iter().map(|(k, v)| (k.clone(), plain(v))).collect()),
        _ => json.to_serde(),
    }
}

fn stated(text: Option<String>) -> String {
    text.unwrap_or_else(|| "(not stated)".to_owned())
}

/// An object whose members are taken out as they are said.
struct Part {
    path: String,
    members: Map<String, Value>,
    odd: Option<Value>,
}

impl Part {
    fn new(path: String, value: Option<Value>) -> Self {
        match value {
            Some(Value::Object(members)) if !members.is_empty() => Self { path, members, odd: None },
            odd => Self { path, members: Map::new(), odd },
        }
    }

    fn below(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    fn part(&mut self, name: &str) -> Self {
        Self::new(self.below(name), self.members.remove(name))
    }

    fn list(&mut self, name: &str) -> Option<Vec<Self>> {
        let path = self.below(name);
        match self.members.remove(name) {
            Some(Value::Array(items)) => {
                Some(items.into_iter().enumerate().map(|(i, v)| Self::new(format!("{path}[{i}]"), Some(v))).collect())
            }
            Some(other) => {
                self.members.insert(name.to_owned(), other);
                None
            }
            None => None,
        }
    }

    /// A string or a number, as text; anything else stays for the rest.
    fn word(&mut self, name: &str) -> Option<String> {
        let text = match self.members.get(name)? {
            Value::String(s) => s.clone(),
            Value::Number(n) => n.to_string(),
            _ => return None,
        };
        self.members.remove(name);
        Some(text)
    }

    /// `sha256 …` of a member that is a set of digests.
    fn sha(&mut self, name: &str, rows: &mut Rows) -> Option<String> {
        let mut set = self.part(name);
        let digest = set.word("sha256").map(|s| format!("sha256 {s}"));
        set.rest(rows);
        digest
    }

    /// What is left, leaf by leaf.
    fn rest(self, rows: &mut Rows) {
        if let Some(odd) = self.odd {
            leaves(&self.path, odd, rows);
        }
        for (name, value) in self.members {
            let path = if self.path.is_empty() { name } else { format!("{}.{name}", self.path) };
            leaves(&path, value, rows);
        }
    }
}

fn leaves(path: &str, value: Value, rows: &mut Rows) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            members.into_iter().for_each(|(name, value)| leaves(&format!("{path}.{name}"), value, rows));
        }
        Value::Array(items) if !items.is_empty() => {
            items.into_iter().enumerate().for_each(|(i, value)| leaves(&format!("{path}[{i}]"), value, rows));
        }
        Value::String(text) => rows.say(path, Role::Unknown, text),
        other => rows.say(path, Role::Unknown, other.to_string()),
    }
}

struct Rows(Vec<Row>);

impl Rows {
    fn title(&mut self, text: &str) {
        self.0.push(Row::new().with(Role::Title, text));
    }

    fn say(&mut self, label: &str, role: Role, text: impl AsRef<str>) {
        let mut row = Row::new();
        let label = Shown::new(label);
        let gap = LABEL.saturating_sub(label.width()).max(1);
        row.push(Role::Dim, label);
        self.0.push(row.with(Role::Text, &" ".repeat(gap)).with(role, text.as_ref()));
    }

    fn maybe(&mut self, label: &str, text: Option<String>) {
        if let Some(text) = text {
            self.say(label, Role::Text, text);
        }
    }

    fn decision(&mut self, predicate: &mut Part) {
        let Some(word) = predicate.word("decision") else { return };
        let known = Decision::from_word(&word);
        let role = match known {
            Some(d) if d.is_approval() => Role::Good,
            Some(Decision::Rejected) => Role::Bad,
            _ => Role::Unknown,
        };
        self.say("Decision", role, known.map_or(word.clone(), |d| format!("{} ({word})", d.phrase())));
    }

    fn release(&mut self, predicate: &mut Part) {
        let mut release = predicate.part("release");
        let name = [release.word("name"), release.word("version")].into_iter().flatten().collect::<Vec<_>>().join(" ");
        self.say("Release", Role::Text, name);
        let mut bundle = release.part("bundle");
        self.maybe("Bundle", bundle.word("sha256").map(|s| format!("sha256 {s}")));
        self.maybe("", bundle.word("basis").map(|b| format!("computed over {b}")));
        let mut source = release.part("source");
        self.maybe("Source commit", source.word("gitCommit"));
        self.maybe("Source tree", source.word("gitTree"));
        self.maybe("Source tag", source.word("tag"));
        for part in [bundle, source, release] {
            part.rest(self);
        }
        self.maybe("Record number", predicate.word("sequence"));
        let previous = predicate.sha("previous", self);
        self.maybe("Follows record", previous);
        if let Some(first) = predicate.sha("dissentsFrom", self) {
            self.say("DISSENTS", Role::Bad, format!("from the record {first}"));
        }
        self.maybe("Challenge", predicate.word("challenge"));
    }

    fn subjects(&mut self, top: &mut Part) {
        let Some(subjects) = top.list("subject") else { return };
        self.title(&format!("What was shipped ({})", subjects.len()));
        for mut subject in subjects {
            let name = subject.word("name").unwrap_or_default();
            let digest = subject.sha("digest", self).unwrap_or_default();
            self.say(" ", Role::Text, format!("{digest}  {name}"));
            subject.rest(self);
        }
    }

    fn artifacts(&mut self, predicate: &mut Part) {
        let Some(artifacts) = predicate.list("artifacts") else { return };
        self.title(&format!("Shipped against rebuilt ({})", artifacts.len()));
        for mut artifact in artifacts {
            let result = artifact.word("result").unwrap_or_default();
            let role = match result.as_str() {
                "identical" => Role::Good,
                "equivalent" => Role::Explained,
                "different" => Role::Bad,
                _ => Role::Unknown,
            };
            let name = artifact.word("name").unwrap_or_default();
            self.say(" ", role, format!("{result}: {name}"));
            if let Some(rebuilt) = artifact.sha("rebuilt", self) {
                self.say(" ", Role::Text, format!("  rebuilt as {rebuilt}"));
            }
            let mut explained = artifact.part("explained");
            for cause in explained.members.keys().cloned().collect::<Vec<_>>() {
                if let Some(bytes) = explained.word(&cause) {
                    self.say(" ", Role::Explained, format!("  {bytes} bytes explained: {cause}"));
                }
            }
            explained.rest(self);
            if let Some(bytes) = artifact.word("unexplained") {
                let role = if bytes == "0" { Role::Text } else { Role::Bad };
                self.say(" ", role, format!("  {bytes} bytes unexplained"));
            }
            artifact.rest(self);
        }
    }

    fn chain(&mut self, predicate: &mut Part) {
        let Some(chain) = predicate.list("chain") else { return };
        self.title("The chain");
        for mut link in chain {
            let standing = link.word("standing").unwrap_or_default();
            let role = match standing.as_str() {
                "proven" => Role::Good,
                "broken" => Role::Bad,
                "claimed" => Role::Claim,
                _ => Role::Unknown,
            };
            let name = link.word("link").unwrap_or_default();
            self.say(" ", role, format!("{standing}: {name}"));
            link.rest(self);
        }
    }

    fn coverage(&mut self, predicate: &mut Part) {
        let mut coverage = predicate.part("coverage");
        self.title("What was looked at");
        if coverage.members.is_empty() {
            self.say("NOT LOOKED AT", Role::Bad, "the statement does not say");
            return coverage.rest(self);
        }
        for (name, words) in [
            ("required", "items had to be seen"),
            ("requiredShown", "of these were shown"),
            ("items", "items in all"),
            ("ruledByHand", "ruled by hand"),
            ("ruledByRule", "ruled by a rule over many"),
            ("byMachine", "settled by the machine and not read"),
            ("accepted", "accepted"),
            ("rejected", "rejected"),
            ("open", "left open"),
            ("carried", "carried over from an earlier review, unchanged since: not looked at this time"),
            ("linesShown", "lines of source were shown"),
            ("linesCarried", "lines of source more were shown in an earlier review, unchanged since"),
            ("linesTotal", "lines of source in all"),
            ("codeShown", "bytes of shipped code whose source lines were all shown"),
            ("codeTotal", "bytes of shipped code in the executables that were opened"),
            ("codeUnknown", "shipped files more that may hold code"),
        ] {
            if let Some(count) = coverage.word(name) {
                self.say(" ", Role::Text, format!("{count} {words}"));
            }
        }
        let mut not = coverage.part("notLookedAt");
        let count = not.word("count").unwrap_or_else(|| "not stated".to_owned());
        let digest = not.sha("digest", self).unwrap_or_default();
        let role = if count == "0" { Role::Good } else { Role::Bad };
        self.say("NOT LOOKED AT", role, format!("{count} places (items, differences, artifacts, source); their list has {digest}"));
        not.rest(self);
        coverage.rest(self);
    }

    fn findings(&mut self, predicate: &mut Part) {
        let mut findings = predicate.part("findings");
        let (open, closed) = (findings.word("open"), findings.word("closed"));
        if open.is_some() || closed.is_some() {
            self.title(&format!("Findings: {} open, {} closed", stated(open), stated(closed)));
        }
        for mut finding in findings.list("list").unwrap_or_default() {
            let mut word = |name: &str| finding.word(name).unwrap_or_default();
            let (id, severity, state, title) = (word("id"), word("severity"), word("state"), word("title"));
            let reason = word("reason");
            let role = if state == "open" { Role::Bad } else { Role::Text };
            self.say(" ", role, format!("{id} ({severity}, {state}): {title}"));
            if !reason.is_empty() {
                self.say(" ", Role::Text, format!("  {state}: {reason}"));
            }
            self.anchor(finding.part("anchor"));
            finding.rest(self);
        }
        if let Some(digest) = findings.sha("digest", self) {
            self.say(" ", Role::Dim, format!("the list has {digest}"));
        }
        findings.rest(self);
    }

    fn anchor(&mut self, mut anchor: Part) {
        let span = |from: Option<String>, to: Option<String>| from.map(|f| to.map_or(f.clone(), |t| format!("{f}-{t}")));
        let mut word = |name: &str| anchor.word(name);
        if let Some(path) = word("path") {
            let lines = span(word("line"), word("toLine")).map_or(String::new(), |l| format!(":{l}"));
            let field = word("field").map_or(String::new(), |f| format!(", {f}"));
            let blob = word("blob").map_or(String::new(), |b| format!(", blob {b}"));
            self.say(" ", Role::Text, format!("  at {path}{lines}{field}{blob}"));
        }
        let place = [word("artifact"), word("function").map(|f| format!("function {f}")), span(word("address"), word("toAddress"))];
        let place: Vec<String> = place.into_iter().flatten().collect();
        if !place.is_empty() {
            self.say(" ", Role::Text, format!("  in {}", place.join(", ")));
        }
        if let Some(digest) = anchor.sha("digest", self) {
            self.say(" ", Role::Text, format!("  {digest}"));
        }
        let mut digests = anchor.part("digests");
        for of in digests.members.keys().cloned().collect::<Vec<_>>() {
            if let Some(digest) = digests.sha(&of, self) {
                self.say(" ", Role::Dim, format!("  {of} {digest}"));
            }
        }
        digests.rest(self);
        anchor.rest(self);
    }

    fn checks(&mut self, predicate: &mut Part) {
        let mut checks = predicate.part("checks");
        if checks.members.is_empty() {
            return checks.rest(self);
        }
        self.title("Checks");
        for code in checks.members.keys().cloned().collect::<Vec<_>>() {
            if let Some(verdict) = checks.word(&code) {
                self.say(" ", Role::Text, format!("{verdict}: {code}"));
            }
        }
        checks.rest(self);
    }

    fn circumstances(&mut self, predicate: &mut Part) {
        self.title("Who, when, with what");
        for mut reviewer in predicate.list("reviewers").unwrap_or_default() {
            let mut word = |name: &str| reviewer.word(name).unwrap_or_default();
            let (id, role, key) = (word("id"), word("role"), word("key"));
            self.say("Reviewer", Role::Text, format!("{id} ({role}) with key {key}"));
            reviewer.rest(self);
        }
        let mut time = predicate.part("time");
        let (at, clock) = (time.word("reviewedAt"), time.word("clock"));
        if at.is_some() || clock.is_some() {
            let text = format!("{} by the clock of the {}, which nothing vouches for", stated(at), stated(clock));
            self.say("Reviewed at", Role::Claim, text);
        }
        self.maybe("Not before", time.word("notBefore"));
        time.rest(self);
        let mut journal = predicate.part("journal");
        let count = journal.word("count");
        let head = journal.sha("head", self);
        if count.is_some() || head.is_some() {
            self.say("Journal", Role::Text, format!("{} entries, head {}", stated(count), stated(head)));
        }
        for mut merged in journal.list("merged").into_iter().flatten() {
            let (who, count, head) = (merged.word("reviewer"), merged.word("count"), merged.sha("head", self));
            let text = format!("{}'s journal, {} entries, head {}", stated(who), stated(count), stated(head));
            self.say("Merged of", Role::Text, text);
            merged.rest(self);
        }
        journal.rest(self);
        let dossier = predicate.sha("dossier", self);
        self.maybe("Dossier", dossier);
        let policy = predicate.sha("policy", self);
        self.maybe("Policy", policy);
        let mut tool = predicate.part("tool");
        let name = [tool.word("name"), tool.word("version")].into_iter().flatten().collect::<Vec<_>>().join(" ");
        self.say("Tool", Role::Text, name);
        let digest = tool.sha("digest", self);
        self.maybe("", digest);
        tool.rest(self);
        self.maybe("Seal", predicate.word("seal"));
        if predicate.members.get("excerpts") == Some(&Value::Bool(true)) {
            predicate.members.remove("excerpts");
            self.say("EXCERPTS", Role::Bad, "true: the reviewer's words may quote what was looked at");
        }
    }
}
