//! The dossier: what a record names by digest because it is too long to be signed in full.
//!
//! Findings, the list of what nobody looked at, the evidence of the checks, the rulings item by item, the lines of source that
//! were shown, and the journal. No field of it can hold source text or disassembly: places are names, lines and digests; the
//! only free text is the reviewer's own (titles, reasons, notes) and the reasons that our checks give. The same review gives
//! the same bytes. `docs/record-format.md` has the fields.

mod check;
mod read;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::digest::Sha256;
use crate::review::Ruling;

use super::Anchor;
use super::canonical;
use super::statement::{FindingLine, JournalLine, finding, object, sha};

pub use check::check_dossier;
pub use read::DossierError;

/// The `schema` of a dossier.
pub const DOSSIER: &str = "countersign-dossier/v1";
/// The largest journal that is taken in, in bytes; a longer one is named by its head only, and stays beside the dossier.
pub const MAX_LINES: usize = 24 << 20;

/// A check with its evidence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckLine {
    /// Its code, or the link of the chain, or the question that an attestation answers.
    pub code: String,
    /// The verdict, standing or outcome.
    pub verdict: String,
    /// Why, in words.
    pub why: String,
}

/// An attestation, and how it answers each question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttestationLine {
    /// The file, relative to the bundle's root.
    pub file: String,
    /// Line from 1 in a `.jsonl` file.
    pub line: Option<u64>,
    /// SHA-256 of the signed bytes.
    pub payload: Sha256,
    /// The answers: question, outcome (`yes`, `no`, `cannotTell`), reason.
    pub answers: Vec<CheckLine>,
}

/// One thing that a person had to judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemLine {
    /// Stable id.
    pub id: String,
    /// Digest of what the machine computed of it.
    pub digest: Sha256,
    /// Its class, as a word.
    pub class: String,
    /// The machine's mark.
    pub mark: String,
    /// How many files it covers.
    pub covers: u64,
    /// Differences or lines of it that were in a drawn frame.
    pub shown: u64,
    /// Differences or lines that it has; 0 when nothing of it was shown.
    pub of: u64,
    /// Number of the record whose ruling settles it, when it was carried over.
    pub carried: Option<u64>,
}

/// What a person ruled on an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulingLine {
    /// The item's id.
    pub item: String,
    /// The item's digest when it was ruled on.
    pub digest: Sha256,
    /// The ruling.
    pub ruling: Ruling,
    /// The reason, in the reviewer's words.
    pub reason: String,
    /// How many files it covers.
    pub covers: u64,
    /// Whether it was made on what the machine computed when the record was made; one that was not does not count.
    pub counts: bool,
}

/// Lines of a source file that were in a drawn frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadLine {
    /// Path in the source tree.
    pub path: String,
    /// The blob's id, as the source tree has it.
    pub blob: String,
    /// Lines that the file has.
    pub of: u64,
    /// Spans shown: first and last line, from 1, in order.
    pub spans: Vec<(u64, u64)>,
}

/// A note.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NoteLine {
    /// Where.
    pub anchor: Option<Anchor>,
    /// The words.
    pub text: String,
    /// When, by the room's clock.
    pub time: String,
}

/// What a record stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dossier {
    /// Product name.
    pub product: String,
    /// Version.
    pub version: String,
    /// Identity of the bundle.
    pub identity: Sha256,
    /// Who reviewed.
    pub reviewer: String,
    /// The checks.
    pub checks: Vec<CheckLine>,
    /// The links of the chain.
    pub chain: Vec<CheckLine>,
    /// The attestations.
    pub attestations: Vec<AttestationLine>,
    /// The items, in the queue's order.
    pub items: Vec<ItemLine>,
    /// Ids of the items that nobody looked at: sorted, each once.
    pub not_looked_at: Vec<String>,
    /// The rulings, by item.
    pub rulings: Vec<RulingLine>,
    /// The source files of which anything was shown, by path.
    pub read: Vec<ReadLine>,
    /// The findings, as in the record.
    pub findings: Vec<FindingLine>,
    /// The notes.
    pub notes: Vec<NoteLine>,
    /// Answers of the checklist, by the question's id.
    pub answers: BTreeMap<String, String>,
    /// Head and count of the journal.
    pub journal: JournalLine,
    /// Its lines, exactly as they are in the file; absent when they are over [`MAX_LINES`], or when something that was taken back
    /// quotes what was looked at.
    pub lines: Option<Vec<String>>,
}

fn checked(line: &CheckLine, name: &str, verdict: &str) -> Value {
    json!({ name: line.code, verdict: line.verdict, "why": line.why })
}

fn attestation(line: &AttestationLine) -> Value {
    object([
        ("file", Some(line.file.as_str().into())),
        ("line", line.line.map(Value::from)),
        ("payload", Some(sha(line.payload))),
        ("answers", Some(line.answers.iter().map(|a| checked(a, "question", "outcome")).collect())),
    ])
}

fn item(line: &ItemLine) -> Value {
    object([
        ("id", Some(line.id.as_str().into())),
        ("digest", Some(sha(line.digest))),
        ("class", Some(line.class.as_str().into())),
        ("mark", Some(line.mark.as_str().into())),
        ("covers", Some(line.covers.into())),
        ("shown", Some(line.shown.into())),
        ("of", Some(line.of.into())),
        ("carried", line.carried.map(Value::from)),
    ])
}

fn ruling(line: &RulingLine) -> Value {
    let word = match line.ruling {
        Ruling::Accepted => "accepted",
        Ruling::Rejected => "rejected",
    };
    json!({
        "item": line.item, "digest": sha(line.digest), "ruling": word, "reason": line.reason, "covers": line.covers,
        "counts": line.counts,
    })
}

fn read_file(line: &ReadLine) -> Value {
    let spans: Vec<Value> = line.spans.iter().map(|(from, to)| json!([from, to])).collect();
    json!({ "path": line.path, "blob": line.blob, "of": line.of, "spans": spans })
}

fn note(line: &NoteLine) -> Value {
    object([
        ("anchor", line.anchor.as_ref().map(Anchor::value)),
        ("text", Some(line.text.as_str().into())),
        ("time", Some(line.time.as_str().into())),
    ])
}

impl Dossier {
    /// The file: JSON, one element of a list a line, so that two of them can be compared with `diff`.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer(b"{\n".to_vec());
        out.field("schema", &DOSSIER.into());
        let bundle = json!({ "sha256": self.identity.to_string() });
        out.field("release", &json!({ "name": self.product, "version": self.version, "bundle": bundle }));
        out.field("reviewer", &self.reviewer.as_str().into());
        out.list("checks", self.checks.iter().map(|c| checked(c, "code", "verdict")));
        out.list("chain", self.chain.iter().map(|c| checked(c, "link", "standing")));
        out.list("attestations", self.attestations.iter().map(attestation));
        out.list("items", self.items.iter().map(item));
        let not: std::collections::BTreeSet<_> = self.not_looked_at.iter().collect();
        out.list("notLookedAt", not.into_iter().map(|id| id.as_str().into()));
        out.list("rulings", self.rulings.iter().map(ruling));
        out.list("read", self.read.iter().map(read_file));
        out.list("findings", self.findings.iter().map(finding));
        out.list("notes", self.notes.iter().map(note));
        out.field("answers", &json!(self.answers));
        if let Some(lines) = &self.lines {
            out.list("journalLines", lines.iter().map(|l| l.as_str().into()));
        }
        out.last("journal", &json!({ "head": sha(self.journal.head), "count": self.journal.count }));
        out.0
    }
}

struct Writer(Vec<u8>);

impl Writer {
    fn name(&mut self, name: &str) {
        self.0.extend_from_slice(format!("\"{name}\":").as_bytes());
    }

    fn field(&mut self, name: &str, value: &Value) {
        self.name(name);
        self.0.extend_from_slice(&canonical::bytes(value));
        self.0.extend_from_slice(b",\n");
    }

    fn list(&mut self, name: &str, values: impl Iterator<Item = Value>) {
        self.name(name);
        self.0.push(b'[');
        for (i, value) in values.enumerate() {
            self.0.extend_from_slice(if i == 0 { b"\n" } else { b",\n" });
            self.0.extend_from_slice(&canonical::bytes(&value));
        }
        self.0.extend_from_slice(b"],\n");
    }

    fn last(&mut self, name: &str, value: &Value) {
        self.name(name);
        self.0.extend_from_slice(&canonical::bytes(value));
        self.0.extend_from_slice(b"\n}\n");
    }
}
