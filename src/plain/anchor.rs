//! Where a note or a finding is attached: names, places and digests of what was printed last, never the text itself.

use super::desk::Desk;
use crate::digest::Sha256;
use crate::model::Question;
use crate::report::paper::way;
use crate::review::{Anchor, Target};

impl Desk {
    /// The place in front.
    pub(super) fn anchor(&self) -> Anchor {
        let item = self.front_item().map(|(_, item)| item);
        let mut anchor = Anchor { item: item.as_ref().map(|i| i.id.clone()), ..Anchor::default() };
        let place = self.front.as_ref().and_then(|f| f.pieces.as_ref()?.list.get(f.at?)).map(|p| p.at.clone()).unwrap_or_default();
        if let Some(lines) = &self.last_lines {
            self.anchor_lines(lines.entry, lines.from, lines.to, &mut anchor);
            return anchor;
        }
        let Some(item) = item else {
            let release = &self.facts.release;
            anchor.place = format!("{} {}", release.product.shown(), release.version.shown());
            return anchor;
        };
        anchor.place = item.title.shown().to_string();
        if let Some((artifact, path)) = self.node_place(&item) {
            anchor.place = way(&self.facts, artifact, &path);
            if let Some(node) = self.node_of(&item) {
                anchor.shipped = node.digest.shipped.map(|d| d.to_string());
                anchor.rebuilt = node.digest.rebuilt.map(|d| d.to_string());
            }
        }
        anchor.function = place.function;
        if let Some((from, to)) = place.addresses {
            (anchor.address, anchor.to_address) = (Some(from), to);
        }
        anchor.range = place.range.map(|d| d.to_string());
        if let Some((from, to)) = place.lines {
            (anchor.line, anchor.to_line) = (Some(from), Some(to).filter(|to| *to != from));
        }
        if let Some(line) = place.source {
            anchor.path = Some(line.file.shown().to_string());
            (anchor.line, anchor.to_line) = (Some(u64::from(line.line)), None);
            let tree = self.facts.source.as_ref();
            anchor.blob = tree.and_then(|t| t.entries.get(t.find(&line.file)?)).map(|e| e.id.clone());
        }
        self.anchor_claim(&item.target, &mut anchor);
        anchor
    }

    fn anchor_lines(&self, entry: usize, from: u64, to: u64, anchor: &mut Anchor) {
        let Some((path, blob)) = self.source_key(entry) else { return };
        anchor.place.clone_from(&path);
        anchor.path = Some(path);
        anchor.blob = Some(blob);
        (anchor.line, anchor.to_line) = (Some(from), Some(to).filter(|to| *to != from));
        if let Ok(file) = self.read_entry(entry) {
            let (content, span) = file.digests(from, to);
            anchor.content = Some(content.to_string());
            anchor.span = span.map(|d| d.to_string());
        }
    }

    fn anchor_claim(&self, target: &Target, anchor: &mut Anchor) {
        match target {
            Target::Attestation { index, question } => {
                let Some(attestation) = self.facts.attestations.as_ref().and_then(|a| a.get(*index)) else { return };
                anchor.place = attestation.file.shown().to_string();
                anchor.line = attestation.line;
                anchor.field = Some(Question::word(*question).to_owned());
                anchor.statement = Some(Sha256::of(&attestation.payload).to_string());
            }
            Target::Chain(i) => {
                let Some(link) = self.facts.chain.get(*i) else { return };
                anchor.place = "chain".to_owned();
                anchor.field = Some(link.name.to_owned());
                let said: Vec<&str> =
                    [link.standing.word(), &link.why].into_iter().chain(link.evidence.iter().map(|c| c.text.as_str())).collect();
                anchor.verdict = Some(Sha256::of(said.join("\0").as_bytes()).to_string());
            }
            Target::Defect(i) => anchor.field = self.facts.all_defects().nth(*i).map(|d| d.code.to_owned()),
            Target::Question(i) => {
                anchor.place = "checklist".to_owned();
                anchor.field = self.session.policy().checklist.get(*i).map(|q| q.id.clone());
            }
            _ => {}
        }
    }
}
