//! From the files of `data/provenance` to attestations.

pub(in crate::provenance) mod debian;
mod detached;
mod keyed;
mod sigstore;
mod supply;

use std::collections::BTreeMap;

use crate::json;
use crate::model::{Attestation, FileId, FileRole, OfferedKey, Outcome, Question};
use crate::text::Untrusted;

use super::checker::{Checked, Checker};
use super::judge::{self, Known};
use super::{ATTESTATION_NAMESPACE, Inputs, dsse, layout, sbom, statement, sums};

/// Attestations that one bundle may have before the rest is not examined.
const MAX_ROWS: usize = 10_000;
/// Bytes of a file that is not checked here which are kept for the raw view.
const MAX_RAW: usize = 1 << 20;
const UNCHECKED: &str = "not checked by this version";

/// Control files of Debian that list files with their digests.
const CONTROL: [(&str, &str); 3] = [(".dsc", "Debian .dsc"), (".changes", "Debian .changes"), (".buildinfo", "Debian .buildinfo")];

struct Work<'a, 'i> {
    inputs: &'a Inputs<'i>,
    checker: Checker<'a>,
    known: Known,
    /// Index of each file by its path.
    places: BTreeMap<&'a [u8], usize>,
    rows: Vec<Attestation>,
    bills: Vec<sbom::Read>,
    /// Layouts and links of in-toto, until all files are read.
    parts: Vec<supply::Part>,
    /// Bytes of artifacts that were read for detached signatures.
    read: u64,
}

/// What the files gave.
pub(crate) struct Everything {
    pub(crate) rows: Vec<Attestation>,
    /// Bills of materials, each with its row.
    pub(crate) bills: Vec<sbom::Read>,
    pub(crate) known: Known,
}

/// Reads every file.
pub(crate) fn read_all(inputs: &Inputs<'_>) -> Everything {
    let places = inputs.files.iter().enumerate().map(|(i, (_, path, _))| (path.as_bytes(), i)).collect();
    let (checker, known) = (Checker::new(inputs.signers), Known::new(inputs));
    let mut work = Work { inputs, checker, known, places, rows: Vec::new(), bills: Vec::new(), parts: Vec::new(), read: 0 };
    take_offers(inputs, &mut work.checker);
    for (id, path, bytes) in inputs.files {
        if is_offer(inputs, *id, path) {
            continue;
        }
        if work.rows.len() + work.parts.len() >= MAX_ROWS {
            let reason = format!("this file and those after it are not examined: more than {MAX_ROWS} attestations");
            work.rows.push(blank(path, None, "not examined", &reason, b""));
            break;
        }
        let is_bill = inputs.release.file(*id).is_some_and(|f| f.role == FileRole::Sbom);
        work.file(path, bytes, is_bill);
    }
    work.supply_chains();
    work.rows.iter_mut().for_each(|row| enough(inputs, row));
    Everything { rows: work.rows, bills: work.bills, known: work.known }
}

/// Puts what came of a bill of materials into its row. Where it is the predicate of a statement, (a) is about the statement.
pub(crate) fn of_bill(row: &mut Attestation, [subject, materials]: [crate::model::Answer; 2]) {
    if row.predicate_type.is_none() {
        row.of_bill.push(Question::Subject);
        replace(row, [subject]);
    }
    row.of_bill.push(Question::Materials);
    replace(row, [materials]);
}

fn is_offer(inputs: &Inputs<'_>, id: FileId, path: &Untrusted) -> bool {
    path.as_bytes().starts_with(b"data/trust/") || inputs.release.file(id).is_some_and(|f| f.role == FileRole::Trust)
}

fn take_offers(inputs: &Inputs<'_>, checker: &mut Checker<'_>) {
    for (_, path, bytes) in inputs.files.iter().filter(|(id, path, _)| is_offer(inputs, *id, path)) {
        checker.offer(path, bytes);
    }
}

/// The keys of `data/trust`.
pub(crate) fn offers(inputs: &Inputs<'_>) -> Vec<OfferedKey> {
    let mut checker = Checker::new(inputs.signers);
    take_offers(inputs, &mut checker);
    checker.offered(inputs.minisign)
}

/// Who signed of those whom the reviewer trusts: fingerprints of keys, and for a certificate its identity.
pub(crate) fn who_signed<'a>(signatures: impl Iterator<Item = &'a crate::model::SignatureReport>) -> Vec<String> {
    let mut out = Vec::new();
    for signature in signatures.filter(|s| s.outcome == Outcome::Yes) {
        // A certificate's key lives for minutes: who it is stands in the certificate.
        let print = signature.fingerprint.as_deref().filter(|f| !f.starts_with(sigstore::CERTIFICATE_KEY));
        out.extend(print.map(str::to_owned).or_else(|| signature.keyid.as_str().map(str::to_owned)));
    }
    out
}

/// Where the policy asks for several people, (c) is yes only with all of them: two keys of one person are one.
fn enough(inputs: &Inputs<'_>, row: &mut Attestation) {
    if !row.answers.iter().any(|a| a.question == Question::Signer && a.outcome == Outcome::Yes) {
        return;
    }
    let keyids = who_signed(row.signatures.iter());
    let who: Vec<&str> = keyids.iter().map(String::as_str).collect();
    let Some(lacking) = (inputs.accepts.lacking)(&who) else { return };
    let answer = |question, outcome, reason: String| crate::model::Answer { question, outcome, reason };
    let no = answer(Question::Signer, Outcome::No, format!("not enough signatures for the policy: {lacking}"));
    let builder = row.answers.iter().find(|a| a.question == Question::Builder && a.outcome == Outcome::Yes);
    let builder = builder.map(|b| answer(Question::Builder, Outcome::CannotTell, format!("{}; not enough signatures say so", b.reason)));
    replace(row, [no]);
    if let Some(builder) = builder {
        replace(row, [builder]);
    }
}

fn blank(file: &Untrusted, line: Option<u64>, kind: &str, reason: &str, bytes: &[u8]) -> Attestation {
    Attestation {
        file: file.clone(),
        line,
        kind: kind.to_owned(),
        predicate_type: None,
        subjects: Vec::new(),
        builder: None,
        build_type: None,
        commit: None,
        source_uri: None,
        started: None,
        tools: Vec::new(),
        finished: None,
        signed_at: None,
        materials: Vec::new(),
        signatures: Vec::new(),
        answers: judge::cannot_tell(reason),
        of_bill: Vec::new(),
        payload: bytes.iter().take(MAX_RAW).copied().collect(),
    }
}

impl<'a> Work<'a, '_> {
    fn file(&mut self, path: &Untrusted, bytes: &[u8], is_bill: bool) {
        let text = path.lossy().into_owned();
        let name = String::from_utf8_lossy(judge::base(text.as_bytes())).into_owned();
        let lower = name.to_ascii_lowercase();
        if lower.ends_with(".jsonl") {
            return self.lines(path, bytes);
        }
        if let Some((_, kind)) = CONTROL.iter().find(|(end, _)| lower.ends_with(end)) {
            return self.control(path, kind, bytes);
        }
        if let Some(ending) = detached::ENDINGS.iter().find(|e| lower.ends_with(**e)) {
            return self.detached(path, ending, bytes);
        }
        if detached::is_clear_signed(bytes) {
            return self.clear_signed(path, bytes);
        }
        if let Some(algorithm) = sums::algorithm_of(&name) {
            return self.list(path, &name, algorithm, bytes);
        }
        let is_called_one = [".spdx", ".cdx.", "bom.xml", "cyclonedx"].iter().any(|mark| lower.contains(mark));
        if (is_bill || is_called_one)
            && let Some(found) = sbom::document(bytes)
        {
            return self.bill(path, found, bytes);
        }
        let first = bytes.iter().find(|b| !b.is_ascii_whitespace());
        if first == Some(&b'{') || lower.ends_with(".json") {
            return self.document(path, None, bytes);
        }
        let row = blank(path, None, kind_of(&lower), UNCHECKED, bytes);
        self.rows.push(row);
    }

    fn bytes_of(&self, path: &[u8]) -> Option<&'a [u8]> {
        let (_, _, bytes) = self.inputs.files.get(*self.places.get(path)?)?;
        Some(bytes)
    }

    fn lines(&mut self, path: &Untrusted, bytes: &[u8]) {
        for (number, line) in (1_u64..).zip(bytes.split(|b| *b == b'\n')) {
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            if self.rows.len() >= MAX_ROWS {
                let reason = format!("not examined from this line on: more than {MAX_ROWS} attestations");
                self.rows.push(blank(path, Some(number), "DSSE envelope", &reason, b""));
                return;
            }
            self.document(path, Some(number), line);
        }
    }

    /// One JSON document: an envelope, or something that only looks like one.
    fn document(&mut self, path: &Untrusted, line: Option<u64>, bytes: &[u8]) {
        let unread = |column: u64, row: u64, what: &str, kind: &str| {
            let row = line.unwrap_or(row);
            blank(path, line, kind, &format!("cannot be read: line {row}, column {column}: {what}"), bytes)
        };
        let json = match json::parse(bytes) {
            Ok(json) => json,
            Err(e) => return self.rows.push(unread(e.column, e.line, &e.what, "JSON")),
        };
        if let Some(kind) = sigstore::kind(&json) {
            return self.sigstore(path, line, kind, bytes);
        }
        if let Some(kind) = layout::kind_of(&json, bytes) {
            return self.part(path, line, kind, bytes);
        }
        if json.get("payloadType").is_none() && json.get("payload").is_none() {
            if let Some(found) = sbom::of_tree(&json, bytes) {
                return self.bill(path, found, bytes);
            }
            let row = if json.get("_type").and_then(json::Json::as_str).is_some_and(|t| t.starts_with("https://in-toto.io/Statement/")) {
                self.statement(path, line, bytes, &[], "it is a statement without a signature")
            } else {
                blank(path, line, kind_of_json(&json), UNCHECKED, bytes)
            };
            return self.rows.push(row);
        }
        let row = match dsse::from_json(&json, bytes) {
            Err(e) => unread(e.column, e.line, &e.what, "DSSE envelope"),
            Ok(envelope) if envelope.payload_type != dsse::IN_TOTO => {
                let shown = crate::text::Shown::new(&envelope.payload_type).cut(120);
                let reason = format!("the payload type is {shown}; only {} is read", dsse::IN_TOTO);
                blank(path, line, "DSSE envelope", &reason, &envelope.payload)
            }
            Ok(envelope) => {
                let message = dsse::pae(&envelope.payload_type, &envelope.payload);
                let checked: Vec<_> = envelope.signatures.iter().map(|s| self.checker.check(s, &message, ATTESTATION_NAMESPACE)).collect();
                self.statement(path, line, &envelope.payload, &checked, "the envelope has no signature")
            }
        };
        self.rows.push(row);
    }

    fn statement(&mut self, path: &Untrusted, line: Option<u64>, payload: &[u8], checked: &[Checked], unsigned: &str) -> Attestation {
        let [signature, signer] = judge::signature_and_signer(checked, self.checker.has_no_signers(), (Outcome::No, unsigned));
        let trusted = signature.outcome == Outcome::Yes && signer.outcome == Outcome::Yes;
        let mut row = self.read_statement(path, line, payload, trusted);
        row.signatures = checked.iter().map(|c| c.report.clone()).collect();
        replace(&mut row, [signature, signer]);
        self.predicate_bill(&mut row);
        row
    }

    /// A bill of materials, as a file of its own.
    fn bill(&mut self, path: &Untrusted, found: Result<sbom::Document, (String, String)>, bytes: &[u8]) {
        let row = match found {
            Ok(document) => {
                let mut row = blank(path, None, &document.kind, "a bill of materials does not say", bytes);
                let unsigned = "it is not signed; a signature beside it is a row of its own";
                replace(&mut row, judge::signature_and_signer(&[], false, (Outcome::CannotTell, unsigned)));
                self.bills.push(sbom::Read { row: self.rows.len(), document });
                row
            }
            Err((kind, why)) => blank(path, None, &kind, &why, bytes),
        };
        self.rows.push(row);
    }

    /// A bill of materials that is the predicate of a statement: the row is pushed next.
    fn predicate_bill(&mut self, row: &mut Attestation) {
        if !row.predicate_type.as_ref().and_then(Untrusted::as_str).is_some_and(sbom::is_predicate) {
            return;
        }
        let tree = json::parse(&row.payload).ok();
        match tree.as_ref().and_then(|t| sbom::of_tree(t.get("predicate")?, &row.payload)) {
            Some(Ok(document)) => {
                row.kind = format!("{} with {}", row.kind, document.kind);
                let answers = row.answers.iter_mut().filter(|a| matches!(a.question, Question::Builder | Question::Source));
                answers.for_each(|a| a.reason = "a bill of materials does not say".to_owned());
                self.bills.push(sbom::Read { row: self.rows.len(), document });
            }
            Some(Err((kind, why))) => {
                let reason = format!("{kind}: {why}");
                replace(row, [crate::model::Answer { question: Question::Materials, outcome: Outcome::CannotTell, reason }]);
            }
            None => {}
        }
    }

    /// The row of a statement; who signed it is not in it yet. `trusted` says whether somebody did whom the reviewer trusts.
    fn read_statement(&self, path: &Untrusted, line: Option<u64>, payload: &[u8], trusted: bool) -> Attestation {
        let mut row = blank(path, line, "in-toto Statement", "", b"");
        row.payload = payload.to_vec();
        let parsed = match statement::parse(payload) {
            Ok(parsed) => parsed,
            Err(why) => {
                row.answers = judge::cannot_tell(&format!("the signed statement cannot be read: {why}"));
                return row;
            }
        };
        let mut parsed = parsed;
        self.known.resolve(self.inputs, &mut parsed.subjects);
        let at = judge::source_material(self.inputs, &parsed.materials);
        row.commit = at.and_then(|i| parsed.materials.get(i)).and_then(|m| m.commit.clone());
        let uri = at.and_then(|i| parsed.materials.get(i)).map(|m| &m.uri).filter(|u| !u.is_empty());
        row.answers = match &parsed.remark {
            Some(remark) => judge::cannot_tell(remark),
            None => vec![
                judge::builder(self.inputs, parsed.builder.as_ref(), trusted),
                judge::source(self.inputs, row.commit.as_deref(), uri),
                judge::materials(&self.known, &parsed.materials, at),
            ],
        };
        if let Some(summary) = &parsed.summary {
            replace(&mut row, [judge::summary(self.inputs, summary, trusted)]);
        }
        row.source_uri = uri.cloned();
        row.tools = parsed.tools;
        replace(&mut row, [judge::subject(&self.known, &parsed.subjects, false), judge::time()]);
        row.kind = parsed.kind;
        row.predicate_type = Some(parsed.predicate_type.into());
        row.subjects = parsed.subjects;
        row.builder = parsed.builder;
        row.build_type = parsed.build_type;
        row.started = parsed.started;
        row.finished = parsed.finished;
        row.materials = parsed.materials.into_iter().enumerate().filter(|(i, _)| Some(*i) != at).map(|(_, m)| (m.uri, m.digests)).collect();
        row
    }
}

fn unreadable(reason: &str) -> crate::model::Answer {
    crate::model::Answer { question: Question::Subject, outcome: Outcome::CannotTell, reason: reason.to_owned() }
}

/// Puts answers in their places and keeps the order of [`Question::ALL`].
fn replace<const N: usize>(row: &mut Attestation, answers: [crate::model::Answer; N]) {
    for answer in answers {
        row.answers.retain(|a| a.question != answer.question);
        row.answers.push(answer);
    }
    row.answers.sort_by_key(|a| a.question);
}

fn kind_of(lower: &str) -> &'static str {
    const KINDS: [(&str, &str); 4] =
        [(".sigstore", "Sigstore bundle"), (".attestation", "PEP 740 attestation"), (".pem", "PEM file"), (".crt", "certificate")];
    KINDS.iter().find(|(end, _)| lower.ends_with(end)).map_or("unknown file", |(_, kind)| kind)
}

fn kind_of_json(json: &json::Json) -> &'static str {
    if json.get("attestations").is_some() {
        return "npm attestations";
    }
    if json.get("dsseEnvelope").is_some() {
        return "Sigstore bundle";
    }
    "unknown JSON"
}
