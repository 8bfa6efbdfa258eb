//! Rows of in-toto layouts and links: the layout by the reviewer's keys, the links by the layout.

use crate::digest::Digest;
use crate::model::{Answer, Attestation, Outcome, Question, Subject};
use crate::text::{Shown, Untrusted};

use super::super::checker::Checked;
use super::super::layout::{self, Kind, LayoutError, Linked, Supply};
use super::super::{ATTESTATION_NAMESPACE, dsse, judge};
use super::{Work, blank, replace};

/// A layout or a link, kept until all files are read.
pub(super) struct Part {
    file: Untrusted,
    linked: Linked,
    payload: Vec<u8>,
}

/// Names of steps or inspections that are told.
const MAX_NAMES: usize = 8;

impl Work<'_, '_> {
    /// Keeps a layout or a link for [`Work::supply_chains`].
    pub(super) fn part(&mut self, path: &Untrusted, line: Option<u64>, kind: Kind, bytes: &[u8]) {
        let metadata = match layout::read(bytes) {
            Ok(metadata) => metadata,
            Err(why) => return self.rows.push(blank(path, line, name_of(kind), &format!("cannot be read: {why}"), bytes)),
        };
        let whole = path.lossy().into_owned();
        let (folder, name) = whole.rsplit_once('/').map_or((String::new(), whole.clone()), |(f, n)| (f.to_owned(), n.to_owned()));
        self.parts.push(Part { file: path.clone(), linked: Linked { folder, name, metadata }, payload: bytes.to_vec() });
    }

    /// The rows of all layouts and links. A layout that stands in place of a link counts by the layout above it.
    pub(super) fn supply_chains(&mut self) {
        let parts = std::mem::take(&mut self.parts);
        let links: Vec<Linked> =
            parts.iter().map(|p| p.linked.clone()).filter(|l| l.name.ends_with(".link") || !l.metadata.is_layout()).collect();
        let mut held = Vec::new();
        for part in parts.iter().filter(|p| p.linked.metadata.is_layout() && !p.linked.name.ends_with(".link")) {
            let done = layout::steps(&part.linked.metadata, &links, &part.linked.folder, self.inputs.now);
            let row = self.layout_row(part, &done);
            if let Ok(supply) = done {
                held.push((part.linked.folder.clone(), part.file.clone(), supply, row.answers.clone()));
            }
            self.rows.push(row);
        }
        for part in parts.iter().filter(|p| p.linked.name.ends_with(".link") || !p.linked.metadata.is_layout()) {
            let row = self.link_row(part, &held);
            self.rows.push(row);
        }
    }

    fn layout_row(&mut self, part: &Part, done: &Result<Supply, LayoutError>) -> Attestation {
        use Outcome::{CannotTell, No, Yes};
        let metadata = &part.linked.metadata;
        let say = |question, outcome, reason: String| Answer { question, outcome, reason };
        let raw: Vec<dsse::Signature> =
            metadata.raw_signatures().map(|(id, sig)| dsse::Signature { keyid: id.into(), sig: sig.to_vec() }).collect();
        let mut checked: Vec<Checked> = raw.iter().map(|s| self.checker.check(s, metadata.signed(), ATTESTATION_NAMESPACE)).collect();
        for packet in metadata.openpgp_signatures() {
            checked.extend(self.openpgp(&packet, metadata.signed()));
        }
        let keyless = self.checker.has_no_signers() && self.inputs.openpgp.is_none();
        let pair = judge::signature_and_signer(&checked, keyless, (No, "the layout has no signature"));
        let mut row = blank(&part.file, None, "in-toto layout", "a layout does not say", b"");
        row.payload.clone_from(&part.payload);
        row.signatures = checked.into_iter().map(|c| c.report).collect();
        let (subject, materials) = match done {
            Ok(supply) => {
                row.subjects = supply.products.iter().map(|(path, digests)| product(path, digests)).collect();
                self.known.resolve(self.inputs, &mut row.subjects);
                let steps = names(supply.steps.iter().map(|(name, who)| format!("{} by {}", Shown::new(name).cut(60), who.len())));
                let rules = if supply.inspections.is_empty() {
                    say(Question::Materials, Yes, format!("every step is done by its functionaries and every rule holds: {steps}"))
                } else {
                    let left = names(supply.inspections.iter().map(|n| Shown::new(n).cut(60).to_string()));
                    let why = format!("every rule of the steps holds ({steps}); inspections are commands, and were not run: {left}");
                    say(Question::Materials, CannotTell, why)
                };
                (self.made(&row.subjects), rules)
            }
            Err(error) => {
                let outcome = if matches!(error, LayoutError::Unsupported(_)) { CannotTell } else { No };
                (say(Question::Subject, outcome, error.to_string()), say(Question::Materials, outcome, error.to_string()))
            }
        };
        let builder = say(Question::Builder, CannotTell, "a layout names functionaries by their keys, not a builder".to_owned());
        let source = say(Question::Source, CannotTell, "it names no source commit".to_owned());
        replace(&mut row, pair);
        replace(&mut row, [subject, judge::time(), builder, source, materials]);
        row
    }

    /// Whether what was shipped is a product of a step. Products that were not shipped are usual: source, objects, logs.
    fn made(&self, products: &[Subject]) -> Answer {
        let shipped: Vec<Subject> =
            products.iter().filter(|s| s.digests.iter().filter_map(Digest::sha256).any(|d| self.known.is_shipped(d))).cloned().collect();
        if shipped.is_empty() {
            let reason = format!("none of the {} products of its steps is a shipped artifact", products.len());
            return Answer { question: Question::Subject, outcome: Outcome::No, reason };
        }
        judge::subject(&self.known, &shipped, true)
    }

    fn link_row(&self, part: &Part, held: &[(String, Untrusted, Supply, Vec<Answer>)]) -> Attestation {
        let metadata = &part.linked.metadata;
        let kind = if metadata.is_layout() { "in-toto layout in place of a link" } else { "in-toto link" };
        let mut row = blank(&part.file, None, kind, "a link does not say", b"");
        row.payload.clone_from(&part.payload);
        let answer = |question, outcome, reason: String| Answer { question, outcome, reason };
        let folder = |of: &str| part.linked.folder == of || part.linked.folder.strip_prefix(of).is_some_and(|rest| rest.starts_with('/'));
        let by = held.iter().find(|(of, ..)| folder(of));
        let why = match by {
            Some((_, layout, ..)) => format!("a link counts by its layout: see {}", layout.shown().cut_start(120)),
            None => "a link counts by a layout that names its step, and no layout beside it holds".to_owned(),
        };
        if let Some((step, materials, products)) = metadata.link() {
            row.kind = format!("{kind} of step {}", Shown::new(step).cut(60));
            row.subjects = products.iter().map(|(path, digests)| product(path, digests)).collect();
            row.materials = materials.iter().map(|(path, digests)| (path.as_str().into(), digests.clone())).collect();
        }
        let pair = [Question::Signature, Question::Signer].map(|q| answer(q, Outcome::CannotTell, why.clone()));
        replace(&mut row, pair);
        replace(&mut row, [answer(Question::Subject, Outcome::CannotTell, why), judge::time()]);
        row
    }
}

fn product(path: &str, digests: &[Digest]) -> Subject {
    Subject { name: path.into(), digests: digests.to_vec() }
}

fn name_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Layout => "in-toto layout",
        Kind::Link => "in-toto link",
    }
}

fn names(all: impl Iterator<Item = String>) -> String {
    let all: Vec<String> = all.collect();
    let more = all.len().saturating_sub(MAX_NAMES);
    let told = all.into_iter().take(MAX_NAMES).collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{told} and {more} more") } else { told }
}
