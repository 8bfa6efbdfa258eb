//! Where a note or a finding is attached: names, places, spans and digests of what is there, never the text itself.

use std::ops::RangeInclusive;

use super::{App, ClaimRow, Front, Pane};
use crate::digest::Sha256;
use crate::model::{ListingRow, Side, View};
use crate::review::{Anchor, Target};
use crate::tui::action::Screen;

impl App {
    /// Starts a selection of lines at the cursor, or ends the one that is there.
    pub(crate) fn select(&mut self) {
        let pane = self.pane();
        if !matches!(pane, Pane::File | Pane::Listing) || self.rows_of(pane) == 0 {
            self.say("lines are selected in a source file and in a listing: Tab goes there");
            return;
        }
        self.selection = match self.selection.take() {
            Some((of, _)) if of == pane => {
                self.say("nothing is selected");
                None
            }
            _ => {
                self.say("a selection starts here: move, then c or f; s or Esc ends it");
                Some((pane, self.cursor(pane).at))
            }
        };
    }

    /// The rows that are selected in a pane.
    pub(crate) fn selected(&self, pane: Pane) -> Option<RangeInclusive<usize>> {
        let (_, start) = self.selection.filter(|(of, _)| *of == pane)?;
        let at = self.cursor(pane).at;
        Some(start.min(at)..=start.max(at))
    }

    /// The rows that a note or finding is about: those selected, else the one under the cursor.
    fn rows_meant(&self, pane: Pane) -> RangeInclusive<usize> {
        let at = self.cursor(pane).at;
        self.selected(pane).unwrap_or(at..=at)
    }

    /// Where the reviewer is, as names, places and digests.
    pub(crate) fn anchor(&self) -> Anchor {
        let item = self.front().and_then(|i| self.items.get(i));
        let mut anchor = Anchor { item: item.map(|i| i.id.clone()), ..Anchor::default() };
        match self.screen {
            Screen::Compare => self.anchor_compare(&mut anchor),
            Screen::Source => self.anchor_source(&mut anchor),
            Screen::Artifacts => {
                if let Some(row) = self.artifacts.get(self.cursor(Pane::Files).at).filter(|r| r.head.is_none()) {
                    anchor.place = self.way(row.artifact, &row.path).to_string();
                    if let Some(node) = self.artifact_node(row) {
                        anchor.shipped = node.digest.shipped.map(|d| d.to_string());
                        anchor.rebuilt = node.digest.rebuilt.map(|d| d.to_string());
                    }
                }
            }
            Screen::Provenance => self.anchor_claim(&mut anchor),
            Screen::Overview if self.pane() == Pane::Groups => {
                if let Some(group) = self.groups.get(self.cursor(Pane::Groups).at) {
                    anchor.place = "checks".to_owned();
                    anchor.field = Some(group.group.name().to_owned());
                }
            }
            Screen::Findings if self.pane() == Pane::Checklist => {
                if let Some(question) = self.policy.checklist.get(self.cursor(Pane::Checklist).at) {
                    anchor.place = "checklist".to_owned();
                    anchor.field = Some(question.id.clone());
                }
            }
            Screen::Overview | Screen::Findings | Screen::Signoff => {}
        }
        if let (true, Some(item)) = (anchor.place.is_empty(), item) {
            anchor.place = item.title.shown().to_string();
            if let Target::Defect(i) = item.target {
                anchor.field = self.facts.all_defects().nth(i).map(|d| d.code.to_owned());
            }
        }
        if anchor.place.is_empty() {
            let release = &self.facts.release;
            anchor.place = format!("{} {}", release.product.shown(), release.version.shown());
        }
        anchor
    }

    fn anchor_source(&self, anchor: &mut Anchor) {
        let entry = self.source.entry;
        let (Some(path), Some(file)) = (entry.and_then(|e| self.facts.source_path(e)), entry.and_then(|e| self.facts.source_entry(e)))
        else {
            return;
        };
        anchor.place = path.shown().to_string();
        anchor.path = Some(anchor.place.clone());
        anchor.blob = Some(file.id.clone());
        if self.anchor_past(anchor) {
            return;
        }
        let rows = self.rows_meant(Pane::File);
        anchor.line = Some(*rows.start() as u64 + 1);
        anchor.to_line = (rows.start() != rows.end()).then_some(*rows.end() as u64 + 1);
        if let Some(text) = self.open_file() {
            anchor.content = Some(text.digest().to_string());
            anchor.span = Some(text.span_digest(&rows).to_string());
        }
    }

    /// A place in a file of a source archive that stands beside that of the tree: the archive's lines.
    fn anchor_pair(&self, entry: usize, anchor: &mut Anchor) {
        let (Some(path), Some((_, _, file))) = (self.facts.source_path(entry), self.facts.located(entry)) else { return };
        anchor.place = path.shown().to_string();
        anchor.path = Some(anchor.place.clone());
        anchor.blob = Some(file.id.clone());
        let meant = self.rows_meant(Pane::Listing);
        anchor.line = meant.clone().find_map(|row| self.pair_line(row));
        anchor.to_line = meant.rev().find_map(|row| self.pair_line(row)).filter(|last| Some(*last) != anchor.line);
    }

    fn anchor_compare(&self, anchor: &mut Anchor) {
        if let Front::Sources(entry) = self.compare.front {
            return self.anchor_pair(entry, anchor);
        }
        let (Front::Node(artifact, path), Some(node)) = (&self.compare.front, self.node()) else { return };
        anchor.place = self.way(*artifact, path).to_string();
        anchor.function = self.function().map(|(_, f)| f.name.shown().to_string());
        anchor.shipped = node.digest.shipped.map(|d| d.to_string());
        anchor.rebuilt = node.digest.rebuilt.map(|d| d.to_string());
        let Some(loaded) = self.loaded() else { return };
        let meant = self.rows_meant(Pane::Listing);
        let rows = loaded.listing.rows.get(meant.clone()).unwrap_or_default();
        if loaded.key.view == View::Lines {
            let number = |row: &ListingRow| row.cells.shipped.as_ref().or(row.cells.rebuilt.as_ref()).map(|c| c.number);
            anchor.line = rows.iter().find_map(number);
            anchor.to_line = rows.iter().rev().find_map(number).filter(|last| Some(*last) != anchor.line);
        } else {
            range(rows, anchor);
        }
        if let Some(line) = self.row_source() {
            anchor.path = Some(line.file.shown().to_string());
            anchor.line = Some(u64::from(line.line));
            anchor.to_line = None;
            let tree = self.facts.source.as_ref();
            anchor.blob = tree.and_then(|t| t.entries.get(t.find(&line.file)?)).map(|e| e.id.clone());
        }
    }

    fn anchor_claim(&self, anchor: &mut Anchor) {
        let (index, answer) = match self.claim() {
            Some(ClaimRow::Link(i)) => {
                anchor.place = "chain".to_owned();
                if let Some(link) = self.facts.chain.get(i) {
                    anchor.field = Some(link.name.to_owned());
                    let clues = link.evidence.iter().map(|c| c.text.as_str());
                    anchor.verdict = Some(verdict([link.standing.word(), &link.why].into_iter().chain(clues)));
                }
                return;
            }
            Some(ClaimRow::Check(i)) => {
                anchor.place = "check".to_owned();
                if let Some(check) = self.checks.get(i) {
                    anchor.field = Some(check.code.code.to_owned());
                    anchor.verdict = Some(verdict([check.verdict.word(), &check.why].into_iter()));
                }
                return;
            }
            Some(ClaimRow::Offer(i)) => {
                if let Some(key) = self.facts.offers.get(i) {
                    anchor.place = key.file.shown().to_string();
                    anchor.field = Some(key.fingerprint.clone());
                }
                return;
            }
            Some(ClaimRow::Head(i)) => (i, None),
            Some(ClaimRow::Answer(i, j)) => (i, Some(j)),
            None => return,
        };
        let Some(attestation) = self.facts.attestations.as_ref().and_then(|a| a.get(index)) else { return };
        anchor.place = attestation.file.shown().to_string();
        anchor.line = attestation.line;
        anchor.field = answer.and_then(|j| attestation.answers.get(j)).map(|a| a.question.word().to_owned());
        anchor.statement = Some(Sha256::of(&attestation.payload).to_string());
    }
}

/// The digest of what was said, as the record's format has it.
fn verdict<'a>(said: impl Iterator<Item = &'a str>) -> String {
    Sha256::of(said.collect::<Vec<_>>().join("\0").as_bytes()).to_string()
}

/// The addresses of some rows, and the digest of the bytes there. Rows that were left out between them have none.
fn range(rows: &[ListingRow], anchor: &mut Anchor) {
    let side = if rows.iter().any(|r| r.cells.shipped.is_some()) { Side::Shipped } else { Side::Rebuilt };
    let cells: Vec<_> = rows.iter().filter_map(|r| r.cells.get(side).as_ref()).collect();
    let (Some(first), Some(last)) = (cells.first(), cells.last()) else { return };
    anchor.address = Some(first.number);
    let end = last.number.saturating_add(last.bytes.len() as u64);
    anchor.to_address = (end > first.number && !last.bytes.is_empty()).then_some(end);
    let gap = rows.iter().any(|r| r.cells.shipped.is_none() && r.cells.rebuilt.is_none());
    let bytes: Vec<u8> = cells.iter().flat_map(|c| c.bytes.iter().copied()).collect();
    anchor.range = (side == Side::Shipped && !gap && !bytes.is_empty()).then(|| Sha256::of(&bytes).to_string());
}
