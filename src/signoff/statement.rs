//! From what was found and ruled to the exact bytes that are signed.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::digest::Sha256;
use crate::model::{Node, ResultMark};

use super::{Anchor, Decision, canonical};

/// One artifact, as compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArtifactLine {
    /// Its name.
    pub name: String,
    /// What was shipped; absent when only a rebuild is there. Every shipped one becomes a subject.
    pub sha256: Option<Sha256>,
    /// What was rebuilt, where it differs.
    pub rebuilt: Option<Sha256>,
    /// The result: `identical`, `equivalent`, `different`, `unpaired` or `notExamined`.
    pub result: String,
    /// Bytes that differ and are proved, by the word of their cause.
    pub explained: BTreeMap<String, u64>,
    /// Bytes that differ and are not.
    pub unexplained: u64,
}

impl ArtifactLine {
    /// What a comparison says of an artifact; `node` is absent when it was not compared, `paired` says whether it has both a
    /// shipped and a rebuilt file. Where the two sides have different counts of bytes, the larger one is stated.
    #[must_use]
    pub fn compared(name: &str, shipped: Option<Sha256>, paired: bool, node: Option<&Node>) -> Self {
        let result = match node.map(|n| n.result) {
            _ if !paired => "unpaired",
            None | Some(ResultMark::NotExamined) => "notExamined",
            Some(ResultMark::OnlyShipped | ResultMark::OnlyRebuilt) => "unpaired",
            Some(mark) => mark.word(),
        };
        let mut line = Self { name: name.to_owned(), sha256: shipped, result: result.to_owned(), ..Self::default() };
        let Some(node) = node else { return line };
        line.rebuilt = node.digest.rebuilt.filter(|r| Some(*r) != shipped);
        let account = node.total_account();
        for side in [&account.shipped, &account.rebuilt] {
            line.unexplained = line.unexplained.max(side.unexplained);
            for (cause, bytes) in &side.explained {
                let stated = line.explained.entry(cause.word().to_owned()).or_default();
                *stated = (*stated).max(*bytes);
            }
        }
        line
    }
}

/// What was looked at, in items.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Items that had to be seen.
    pub required: u64,
    /// Of these, shown in a drawn frame.
    pub required_shown: u64,
    /// All items.
    pub items: u64,
    /// Ruled by a person, one by one.
    pub ruled_by_hand: u64,
    /// Ruled by a person's rule over many.
    pub ruled_by_rule: u64,
    /// Settled by the machine and not read.
    pub by_machine: u64,
    /// Accepted.
    pub accepted: u64,
    /// Rejected.
    pub rejected: u64,
    /// Not ruled on.
    pub open: u64,
    /// Settled by the ruling of an earlier review on what is unchanged since; nobody looked at them this time.
    pub carried: u64,
    /// Lines of the source that were not shown this time, and were in an earlier review, in files that are unchanged.
    pub lines_carried: u64,
    /// Lines of the source that were shown, of all of them.
    pub lines: (u64, u64),
    /// Bytes of shipped code whose source lines were all shown, of those in executables that were opened.
    pub code: (u64, u64),
    /// Shipped files that may hold code and are not in those bytes.
    pub code_unknown: u64,
    /// Everything that nobody looked at; the record holds the count and the digest of [`not_looked_at_lines`].
    pub not_looked_at: Vec<String>,
}

/// One finding: the reviewer's words and where, no source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FindingLine {
    /// Stable id within the review.
    pub id: String,
    /// Severity word.
    pub severity: String,
    /// `open`; every other word counts as closed.
    pub state: String,
    /// The reviewer's words.
    pub title: String,
    /// Why it was closed, if it was.
    pub reason: Option<String>,
    /// Where.
    pub anchor: Option<Anchor>,
}

/// The journal that the review was kept in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalLine {
    /// Hash of the last entry.
    pub head: Sha256,
    /// Number of entries.
    pub count: u64,
}

/// A journal that the review was merged of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergedLine {
    /// Whose.
    pub reviewer: String,
    /// The head that was exchanged before any of them was shown.
    pub head: Sha256,
    /// Number of entries up to it.
    pub count: u64,
}

/// One reviewer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReviewerLine {
    /// Principal, as in `allowed_signers`.
    pub id: String,
    /// Role, such as `reviewer` or `overseer`.
    pub role: String,
    /// Fingerprint of the key (`SHA256:…`).
    pub key: String,
}

/// When, by the room's clock, which nothing vouches for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TimeLine {
    /// RFC 3339, UTC.
    pub reviewed_at: String,
    /// The newest authenticated time among the inputs, RFC 3339, if there is one.
    pub not_before: Option<String>,
}

/// The program that made the record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolLine {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Digest of its own file, where it could be read.
    pub sha256: Option<Sha256>,
}

/// The source that was reviewed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceLine {
    /// Commit, hexadecimal.
    pub commit: Option<String>,
    /// Tree object, hexadecimal.
    pub tree: Option<String>,
    /// Tag.
    pub tag: Option<String>,
}

/// Everything that a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordInputs {
    /// The decision.
    pub decision: Decision,
    /// Product name.
    pub product: String,
    /// Version.
    pub version: String,
    /// Identity of the bundle.
    pub identity: Sha256,
    /// What the identity was computed over: the name of the manifest, or `listing`.
    pub identity_basis: String,
    /// The source.
    pub source: SourceLine,
    /// SHA-256 of the payload of the record before this one, if there is one.
    pub previous: Option<Sha256>,
    /// SHA-256 of the payload of the record that this one dissents from, if it does.
    pub dissents_from: Option<Sha256>,
    /// Number of this record in the room's own count, from 1.
    pub sequence: u64,
    /// The artifacts.
    pub artifacts: Vec<ArtifactLine>,
    /// The links of the chain and how they stand, in order.
    pub chain: Vec<(String, String)>,
    /// What was looked at.
    pub coverage: Coverage,
    /// The findings.
    pub findings: Vec<FindingLine>,
    /// The checks: code and verdict.
    pub checks: BTreeMap<String, String>,
    /// Digest of the policy file, if one was used.
    pub policy: Option<Sha256>,
    /// The journal.
    pub journal: JournalLine,
    /// Digest of the dossier, if there is one.
    pub dossier: Option<Sha256>,
    /// The journals that it was merged of; empty when one person reviewed.
    pub merged: Vec<MergedLine>,
    /// The reviewers.
    pub reviewers: Vec<ReviewerLine>,
    /// When.
    pub time: TimeLine,
    /// With what.
    pub tool: ToolLine,
    /// The seal that was in force: `full`, `seccomp-only` or `none`.
    pub seal: String,
    /// A value that the customer gave, so that a record cannot be replayed.
    pub challenge: Option<String>,
    /// Whether the reviewer's words were allowed to quote what was looked at.
    pub excerpts: bool,
}

pub(super) fn sha(digest: Sha256) -> Value {
    json!({ "sha256": digest.to_string() })
}

/// An object of the members that are there.
pub(super) fn object<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    Value::Object(members.into_iter().filter_map(|(k, v)| v.map(|v| (k.to_owned(), v))).collect::<Map<_, _>>())
}

pub(super) fn finding(line: &FindingLine) -> Value {
    object([
        ("id", Some(line.id.as_str().into())),
        ("severity", Some(line.severity.as_str().into())),
        ("state", Some(line.state.as_str().into())),
        ("title", Some(line.title.as_str().into())),
        ("reason", line.reason.as_deref().map(Value::from)),
        ("anchor", line.anchor.as_ref().map(Anchor::value)),
    ])
}

fn lines(values: impl Iterator<Item = Value>) -> Vec<u8> {
    values.fold(Vec::new(), |mut out, value| {
        out.extend_from_slice(&canonical::bytes(&value));
        out.push(b'\n');
        out
    })
}

/// The list of what nobody looked at, as its digest in the record covers it: sorted, each once, a JSON string a line.
#[must_use]
pub fn not_looked_at_lines(items: &[String]) -> Vec<u8> {
    let sorted: std::collections::BTreeSet<_> = items.iter().collect();
    lines(sorted.into_iter().map(|s| Value::from(s.as_str())))
}

/// The findings, as their digest in the record covers them: a canonical JSON object a line, in the record's order.
#[must_use]
pub fn finding_lines(findings: &[FindingLine]) -> Vec<u8> {
    lines(findings.iter().map(finding))
}

/// The exact payload bytes: an in-toto Statement v1 as compact JSON with sorted keys.
#[must_use]
pub fn statement(inputs: &RecordInputs) -> Vec<u8> {
    let subject: Vec<Value> =
        inputs.artifacts.iter().filter_map(|a| a.sha256.map(|s| json!({ "name": a.name, "digest": sha(s) }))).collect();
    let value = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subject,
        "predicateType": super::predicate_type(inputs.decision),
        "predicate": predicate(inputs),
    });
    canonical::bytes(&value)
}

fn journal(inputs: &RecordInputs) -> Value {
    let merged = inputs.merged.iter().map(|m| json!({ "reviewer": m.reviewer, "head": sha(m.head), "count": m.count })).collect();
    object([
        ("head", Some(sha(inputs.journal.head))),
        ("count", Some(inputs.journal.count.into())),
        ("merged", Some(Value::Array(merged)).filter(|_| !inputs.merged.is_empty())),
    ])
}

fn predicate(inputs: &RecordInputs) -> Value {
    let coverage = &inputs.coverage;
    let not_looked_at: std::collections::BTreeSet<_> = coverage.not_looked_at.iter().collect();
    let open = inputs.findings.iter().filter(|f| f.state == "open").count();
    let artifacts: Vec<Value> = inputs
        .artifacts
        .iter()
        .map(|a| {
            object([
                ("name", Some(a.name.as_str().into())),
                ("result", Some(a.result.as_str().into())),
                ("rebuilt", a.rebuilt.filter(|r| Some(*r) != a.sha256).map(sha)),
                ("explained", (!a.explained.is_empty()).then(|| json!(a.explained))),
                ("unexplained", Some(a.unexplained.into())),
            ])
        })
        .collect();
    let source = &inputs.source;
    object([
        ("decision", Some(inputs.decision.word().into())),
        (
            "release",
            Some(json!({
                "name": inputs.product,
                "version": inputs.version,
                "bundle": { "sha256": inputs.identity.to_string(), "basis": inputs.identity_basis },
                "source": object([
                    ("gitCommit", source.commit.as_deref().map(Value::from)),
                    ("gitTree", source.tree.as_deref().map(Value::from)),
                    ("tag", source.tag.as_deref().map(Value::from)),
                ]),
            })),
        ),
        ("previous", inputs.previous.map(sha)),
        ("dissentsFrom", inputs.dissents_from.map(sha)),
        ("sequence", Some(inputs.sequence.into())),
        ("artifacts", Some(artifacts.into())),
        ("chain", Some(inputs.chain.iter().map(|(link, standing)| json!({ "link": link, "standing": standing })).collect())),
        (
            "coverage",
            Some(json!({
                "required": coverage.required,
                "requiredShown": coverage.required_shown,
                "items": coverage.items,
                "ruledByHand": coverage.ruled_by_hand,
                "ruledByRule": coverage.ruled_by_rule,
                "byMachine": coverage.by_machine,
                "accepted": coverage.accepted,
                "rejected": coverage.rejected,
                "open": coverage.open,
                "carried": coverage.carried,
                "linesCarried": coverage.lines_carried,
                "linesShown": coverage.lines.0,
                "linesTotal": coverage.lines.1,
                "codeShown": coverage.code.0,
                "codeTotal": coverage.code.1,
                "codeUnknown": coverage.code_unknown,
                "notLookedAt": {
                    "count": not_looked_at.len(),
                    "digest": sha(Sha256::of(&not_looked_at_lines(&coverage.not_looked_at))),
                },
            })),
        ),
        (
            "findings",
            Some(json!({
                "open": open,
                "closed": inputs.findings.len() - open,
                "digest": sha(Sha256::of(&finding_lines(&inputs.findings))),
                "list": inputs.findings.iter().map(finding).collect::<Vec<_>>(),
            })),
        ),
        ("checks", Some(json!(inputs.checks))),
        ("policy", inputs.policy.map(sha)),
        ("journal", Some(journal(inputs))),
        ("dossier", inputs.dossier.map(sha)),
        ("reviewers", Some(inputs.reviewers.iter().map(|r| json!({ "id": r.id, "role": r.role, "key": r.key })).collect())),
        (
            "time",
            Some(object([
                ("reviewedAt", Some(inputs.time.reviewed_at.as_str().into())),
                ("clock", Some("room".into())),
                ("notBefore", inputs.time.not_before.as_deref().map(Value::from)),
            ])),
        ),
        (
            "tool",
            Some(object([
                ("name", Some(inputs.tool.name.as_str().into())),
                ("version", Some(inputs.tool.version.as_str().into())),
                ("digest", inputs.tool.sha256.map(sha)),
            ])),
        ),
        ("seal", Some(inputs.seal.as_str().into())),
        ("challenge", inputs.challenge.as_deref().map(Value::from)),
        ("excerpts", inputs.excerpts.then_some(Value::Bool(true))),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Cause, NodeKind};

    #[test]
    fn an_artifact_line_hides_no_byte_of_either_side() {
        let mut node = Node::new("a".into(), NodeKind::Tar, ResultMark::Different);
        node.digest.rebuilt = Some(Sha256::of(b"r"));
        node.account.shipped.explain(Cause::Mtime, 10);
        node.account.rebuilt.explain(Cause::Mtime, 12);
        let mut child = Node::new("only rebuilt".into(), NodeKind::Data, ResultMark::OnlyRebuilt);
        child.account.rebuilt.unexplained = 99;
        node.children.push(child);
        let line = ArtifactLine::compared("a", Some(Sha256::of(b"s")), true, Some(&node));
        assert_eq!((line.result.as_str(), line.unexplained, line.explained["mtime"]), ("different", 99, 12));
        assert_eq!(line.rebuilt, Some(Sha256::of(b"r")));
        assert_eq!(ArtifactLine::compared("a", None, true, None).result, "notExamined");
        assert_eq!(ArtifactLine::compared("a", None, false, Some(&node)).result, "unpaired");
    }
}
