//! Provenance: the links of the chain, the checks, the attestations with their answers, the evidence for each, and the way to it.

use super::lists::{ClaimRow, offer_rows, outcome_mark, role_of, standing_mark};
use super::{App, MEDIUM, Pane, WIDE};
use crate::checks::{Group, faults};
use crate::model::{FileRole, Lead};
use crate::text::{Role, Row, Shown};
use crate::tui::action::Screen;
use crate::tui::widgets::wrap;

/// Rows of evidence: what is drawn, and where Enter goes from there.
#[derive(Default)]
pub(crate) struct Evidence {
    pub(crate) rows: Vec<Row>,
    leads: Vec<Option<Lead>>,
    width: usize,
}

impl Evidence {
    fn add(&mut self, row: Row, lead: Option<Lead>) {
        for row in wrap(&[row], self.width) {
            self.rows.push(row);
            self.leads.push(lead);
        }
    }

    fn say(&mut self, label: &str, role: Role, text: &str) {
        self.add(Row::new().with(Role::Dim, &format!("{label:<13}")).with(role, text), None);
    }
}

impl App {
    /// The rows of Provenance.
    pub(crate) fn make_claims(&mut self) {
        self.claims = (0..self.facts.chain.len()).map(ClaimRow::Link).collect();
        let of_here = |group| matches!(group, Group::Provenance | Group::Dependencies);
        self.claims.extend(self.checks.iter().enumerate().filter(|(_, c)| of_here(c.code.group)).map(|(i, _)| ClaimRow::Check(i)));
        for (i, attestation) in self.facts.attestations.iter().flatten().enumerate() {
            self.claims.push(ClaimRow::Head(i));
            self.claims.extend((0..attestation.answers.len()).map(|j| ClaimRow::Answer(i, j)));
        }
        self.claims.extend((0..self.facts.offers.len()).map(ClaimRow::Offer));
    }

    /// The row of Provenance under the cursor.
    pub(crate) fn claim(&self) -> Option<ClaimRow> {
        self.claims.get(self.cursor(Pane::Claims).at).copied()
    }

    /// Cells that a row of evidence has, as the screen lays them out.
    fn evidence_width(&self) -> usize {
        let columns = self.size.0;
        let width = match columns {
            0..MEDIUM => columns,
            _ if columns >= WIDE => columns - columns * 104 / 200,
            _ => columns - columns * 62 / 120,
        };
        usize::from(width.saturating_sub(3)).max(20)
    }

    /// What is known about the selected claim; in the raw view the exact bytes that were signed.
    pub(crate) fn make_evidence(&mut self) {
        let mut out = Evidence { width: self.evidence_width(), ..Evidence::default() };
        match self.claim() {
            None => {}
            Some(ClaimRow::Link(i)) => self.link_rows(i, &mut out),
            Some(ClaimRow::Check(i)) => self.check_rows(i, &mut out),
            Some(ClaimRow::Head(i) | ClaimRow::Answer(i, _)) if self.raw => self.raw_rows(i, &mut out),
            Some(ClaimRow::Head(i) | ClaimRow::Answer(i, _)) => self.attestation_rows(i, &mut out),
            Some(ClaimRow::Offer(i)) => {
                let rows = self.facts.offers.get(i).map_or_else(Vec::new, offer_rows);
                rows.into_iter().for_each(|row| out.add(row, None));
            }
        }
        self.evidence = out;
    }

    fn link_rows(&self, index: usize, out: &mut Evidence) {
        let Some(link) = self.facts.chain.get(index) else { return };
        let mark = standing_mark(link.standing);
        out.say("link", Role::Text, link.name);
        out.say("is", role_of(mark), &format!("{mark} {}", link.standing.word()));
        out.say("why", Role::Text, &link.why);
        if !link.evidence.is_empty() {
            out.add(Row::new(), None);
            out.add(Row::new().with(Role::Title, "evidence, Enter goes to it"), None);
        }
        for clue in &link.evidence {
            let goes = clue.at != Lead::Nowhere;
            let row = Row::new().with(Role::Dim, if goes { "> " } else { "  " }).with(Role::Text, &clue.text);
            out.add(row, Some(clue.at).filter(|_| goes));
        }
    }

    fn check_rows(&self, index: usize, out: &mut Evidence) {
        let Some(check) = self.checks.get(index) else { return };
        out.say("check", Role::Title, check.code.code);
        out.say("is", role_of(check.verdict.mark()), &format!("{} {}", check.verdict.mark(), check.verdict.word()));
        out.say("should hold", Role::Text, check.code.sentence);
        out.say("why", Role::Text, &check.why);
        let faults = faults(&self.facts, check.code.code);
        if !faults.is_empty() {
            out.add(Row::new(), None);
        }
        for fault in faults.iter().take(200) {
            let lead = self.facts.release.find(&fault.at.file).map(Lead::File);
            out.add(Row::new().with(Role::Dim, "> ").with(Role::Text, &format!("{}: {}", fault.at, fault.why)), lead);
        }
    }

    fn attestation_rows(&self, index: usize, out: &mut Evidence) {
        let Some(attestation) = self.facts.attestations.as_ref().and_then(|a| a.get(index)) else { return };
        if let Some(ClaimRow::Answer(_, j)) = self.claim()
            && let Some(answer) = attestation.answers.get(j)
        {
            let mark = outcome_mark(answer.outcome);
            let row = Row::new().with(role_of(mark), &format!("{mark} {}: ", answer.question.word())).with(Role::Text, &answer.reason);
            out.add(row, None);
            out.add(Row::new(), None);
        }
        let lines = attestation.payload.split(|b| *b == b'\n').count();
        let size = attestation.payload.len();
        let how = if attestation.signatures.is_empty() { "not signed" } else { "as they were signed" };
        let raw = format!("{size} bytes in {lines} lines, {how}: v shows them");
        out.say("raw", Role::Dim, &raw);
        for signature in &attestation.signatures {
            let mark = outcome_mark(signature.outcome);
            let who =
                signature.principal.as_deref().map_or_else(|| "unknown signer".to_owned(), |p| format!("signed by {}", Shown::new(p)));
            out.add(Row::new().with(role_of(mark), &format!("{mark} signature  ")).with(Role::Text, &who), None);
            if let Some(fingerprint) = &signature.fingerprint {
                out.say("  key", Role::Text, fingerprint);
            }
            out.add(Row::new().with(Role::Dim, "  key id     ").untrusted(Role::Claim, &signature.keyid), None);
            out.say("  why", Role::Text, &signature.reason);
        }
        let claims = [
            ("predicate", attestation.predicate_type.as_ref()),
            ("builder", attestation.builder.as_ref()),
            ("build type", attestation.build_type.as_ref()),
            ("repository", attestation.source_uri.as_ref()),
            ("started", attestation.started.as_ref()),
            ("finished", attestation.finished.as_ref()),
        ];
        for (word, value) in claims {
            if let Some(value) = value {
                out.add(Row::new().with(Role::Dim, &format!("{word:<13}")).untrusted(Role::Claim, value), None);
            }
        }
        if let Some(commit) = &attestation.commit {
            out.say("commit", Role::Claim, commit);
        }
        for tool in &attestation.tools {
            out.say("tool", Role::Claim, &format!("{} {} ({})", tool.name, Shown::new(&tool.version), tool.from));
        }
        for subject in &attestation.subjects {
            let digest = subject.digests.first().map(ToString::to_string).unwrap_or_default();
            let row =
                Row::new().with(Role::Dim, "subject      ").untrusted(Role::Claim, &subject.name).with(Role::Dim, &format!("  {digest}"));
            let found = subject.digests.iter().find_map(crate::digest::Digest::sha256).and_then(|d| self.artifact_with(d));
            out.add(row, found.map(Lead::Artifact));
        }
        for (uri, digests) in &attestation.materials {
            let digest = digests.first().map_or_else(|| "(no digest)".to_owned(), ToString::to_string);
            let row = Row::new().with(Role::Dim, "material     ").untrusted(Role::Claim, uri).with(Role::Dim, &format!("  {digest}"));
            out.add(row, None);
        }
    }

    fn artifact_with(&self, digest: crate::digest::Sha256) -> Option<usize> {
        self.facts.release.artifacts.iter().position(|a| a.shipped.and_then(|id| self.facts.sha256(id)) == Some(digest))
    }

    /// Every byte that was signed, as text through the guard, each line with its number.
    fn raw_rows(&self, index: usize, out: &mut Evidence) {
        let Some(attestation) = self.facts.attestations.as_ref().and_then(|a| a.get(index)) else { return };
        out.add(Row::new().untrusted(Role::Title, &attestation.file).with(Role::Dim, ", every byte of the statement (v: back)"), None);
        for (n, line) in attestation.payload.split(|b| *b == b'\n').enumerate() {
            let mut row = Row::new().with(Role::Dim, &format!("{:>5}  ", n + 1));
            row.push(Role::Claim, Shown::of_bytes(line));
            out.add(row, None);
        }
    }

    /// The raw statement in place of what was made of it, and back.
    pub(crate) fn toggle_raw(&mut self) {
        if !matches!(self.claim(), Some(ClaimRow::Head(_) | ClaimRow::Answer(..))) {
            return self.say("an attestation has signed bytes: choose one, then v");
        }
        self.raw = !self.raw;
        *self.cursor_mut(Pane::Evidence) = super::Cursor::default();
        self.make_evidence();
        self.focus_on(if self.raw { Pane::Evidence } else { Pane::Claims });
    }

    /// Enter on a link: to its first evidence. On what has none, to the evidence pane.
    pub(crate) fn follow_claim(&mut self) {
        match self.evidence.leads.iter().flatten().next().copied() {
            Some(lead) if matches!(self.claim(), Some(ClaimRow::Link(_))) => self.follow(lead),
            _ => self.focus_on(Pane::Evidence),
        }
    }

    /// Enter on a row of the evidence.
    pub(crate) fn follow_evidence(&mut self) {
        match self.evidence.leads.get(self.cursor(Pane::Evidence).at).copied().flatten() {
            Some(lead) => self.follow(lead),
            None => self.say("this row leads nowhere: rows with > do"),
        }
    }

    fn follow(&mut self, lead: Lead) {
        match lead {
            Lead::Attestation(index) => {
                self.remember();
                self.focus_on(Pane::Claims);
                let row = self.claims.iter().position(|c| *c == ClaimRow::Head(index));
                self.put_in_view(Pane::Claims, row.unwrap_or(0));
            }
            Lead::Artifact(artifact) => self.show_artifact(artifact, &[]),
            Lead::Source(entry) => {
                self.remember();
                self.open_entry(entry, 1);
            }
            Lead::File(id) => self.follow_file(id),
            Lead::Nowhere => {}
        }
    }

    fn follow_file(&mut self, id: crate::model::FileId) {
        let artifacts = &self.facts.release.artifacts;
        let artifact = artifacts.iter().position(|a| a.shipped == Some(id) || a.rebuilt.iter().any(|r| r.file == id));
        let Some(file) = self.facts.release.file(id) else { return };
        let attestation = self.facts.attestations.iter().flatten().position(|a| a.file == file.path);
        match (artifact, attestation, file.role) {
            (Some(artifact), ..) => self.show_artifact(artifact, &[]),
            (None, Some(index), _) => self.follow(Lead::Attestation(index)),
            (None, None, FileRole::Source) => {
                self.remember();
                self.show(Screen::Source);
            }
            _ => {
                let name = file.path.shown().cut_start(60);
                self.say(&format!("{name} has no screen of its own"));
            }
        }
    }
}
