//! What the machine knows, what was shown, and what is left to do: the answers that are not about one item.

use super::desk::{Desk, Waiting};
use super::say::{Say, count};
use crate::checks::{self, Verdict};
use crate::model::{Outcome, Side};
use crate::report::paper::{Form, Paper};
use crate::review;
use crate::session::report_name;
use crate::text::Shown;

impl Desk {
    pub(super) fn overview(&mut self, _: &str) -> Say {
        let groups = checks::groups(&self.facts);
        let verdict = match groups.iter().map(|g| g.verdict).max() {
            Some(Verdict::Pass | Verdict::Explained) => "MATCHES",
            Some(Verdict::Fail) => "DOES NOT MATCH",
            Some(Verdict::Pending) => "NOT KNOWN YET",
            _ => "CANNOT TELL",
        };
        let mut say = Say::one(&format!("{verdict}: what was shipped, against the source under review."));
        for group in &groups {
            say.line(&format!("{}: {}. {}", group.verdict.word(), group.group.name(), group.detail));
        }
        let state = self.session.state();
        let open = state.open(&self.items).count();
        let read_only = self.session.read_only().map_or_else(String::new, |why| format!(" Read-only: {}.", Shown::new(why)));
        say.line(&format!("{} to judge, of {}.{}{read_only}", count(open, "item", "items"), self.items.len(), self.running()));
        say.line("Type next for the first, blockers for what stands in the way of an approval.");
        say
    }

    pub(super) fn artifacts(&mut self) -> Say {
        let mut told = Vec::new();
        for (artifact, node) in self.facts.release.artifacts.iter().zip(&self.facts.comparisons) {
            let name = artifact.name.shown();
            let Some(node) = node else {
                told.push(format!("not compared yet: {name}"));
                continue;
            };
            let digest = |side: Side| node.digest.get(side).map_or_else(|| "absent".to_owned(), |d| format!("sha256 {d}"));
            told.push(format!("{}: {name}. shipped {}, rebuilt {}", node.result.word(), digest(Side::Shipped), digest(Side::Rebuilt)));
        }
        let mut say = Say::one(&format!("{}.{}", count(told.len(), "artifact", "artifacts"), self.running()));
        say.add(&self.tell(told));
        say
    }

    pub(super) fn provenance(&mut self) -> Say {
        let mut told = Vec::new();
        for attestation in self.facts.attestations.iter().flatten() {
            let line = attestation.line.map_or_else(String::new, |l| format!(" line {l}"));
            told.push(format!("attestation {}{line}, {}", attestation.file.shown(), attestation.kind));
            for (word, value) in [("builder", &attestation.builder), ("build type", &attestation.build_type)] {
                told.extend(value.as_ref().map(|v| format!("{word}, as it claims: {}", v.shown())));
            }
            for answer in &attestation.answers {
                let word = match answer.outcome {
                    Outcome::Yes => "yes",
                    Outcome::No => "NO",
                    Outcome::CannotTell => "CANNOT TELL",
                };
                told.push(format!("{word}: {}. {}", answer.question.word(), answer.reason));
            }
        }
        told.extend(self.facts.chain.iter().map(|link| format!("{}: {}. {}", link.standing.word(), link.name, link.why)));
        for key in &self.facts.offers {
            told.push(format!("offered key, which counts for nothing: {}, {} {}", key.called.shown(), key.kind, key.fingerprint));
        }
        if told.is_empty() {
            return Say::one(&format!("No attestation is known.{}", self.running()));
        }
        self.tell(told)
    }

    pub(super) fn findings(&mut self) -> Say {
        let state = self.session.state();
        let mut told = Vec::new();
        for finding in &state.findings {
            let standing = if finding.closed.is_some() { finding.standing() } else { "OPEN" };
            let why = finding.closed.as_ref().map_or_else(String::new, |why| format!(" Because: {why}."));
            told.push(format!(
                "{standing}: {}, {}. {}. On {}.{why}",
                finding.id,
                finding.severity.word(),
                finding.title,
                finding.at.words()
            ));
            told.extend(finding.replies.iter().map(|r| format!("{} claims: {}", r.who, r.text)));
        }
        told.extend(state.notes.iter().map(|note| format!("note on {}: {}", note.at.words(), note.text)));
        for question in &self.session.policy().checklist {
            let answer = state.answers.get(&question.id).map_or("NOT ANSWERED", String::as_str);
            told.push(format!("{answer}: {}", question.question));
        }
        if told.is_empty() {
            return Say::one("No finding, no note, and the policy has no questions.");
        }
        self.tell(told)
    }

    pub(super) fn coverage_said(&mut self) -> Say {
        let coverage = review::coverage(&self.facts, &self.items, self.session.state());
        let [lines, code] = coverage.sentences();
        let mut say = Say::one(&format!("Shown: {lines}."));
        say.line(&format!("Shown: {code}."));
        say.line(&format!("Not looked at: {}.{}", coverage.missed_words(), self.running()));
        say.add(&self.tell(coverage.missed.iter().map(|m| format!("not looked at: {m}")).collect()));
        say
    }

    pub(super) fn blockers(&mut self) -> Say {
        let all = self.session.state().blockers(&self.facts, self.session.policy(), &self.items);
        let open: Vec<_> = all.iter().filter(|b| !b.done).collect();
        let mut say = Say::one(&if open.is_empty() {
            "OPEN: nothing stands in the way of an approval.".to_owned()
        } else {
            format!(
                "CLOSED: {} in the way of an approval. A rejection and an incomplete review can always be signed.",
                count(open.len(), "thing stands", "things stand")
            )
        });
        open.iter().for_each(|b| say.line(&format!("in the way: {}", b.what)));
        all.iter().filter(|b| b.done).for_each(|b| say.line(&format!("done: {}", b.what)));
        for (payload, decision) in &self.session.state().signed {
            say.line(&format!("signed: {}, sha256 {payload}", decision.word()));
        }
        say
    }

    pub(super) fn how_to_sign(&mut self) -> Say {
        let mut say = self.blockers();
        let Some(bundle) = &self.bundle else {
            say.line("The demonstration is not signed line by line: open a bundle of your own.");
            return say;
        };
        say.line(
            "Nothing is signed here. Type quit, then run this command; it shows the statement by itself and asks nothing of a screen:",
        );
        say.line(&format!(
            "countersign sign {bundle} --reviewer {} --key KEYFILE --decision approved|approvedWithFindings|rejected|incomplete --output RECORD",
            self.session.state().reviewer
        ));
        say.line("Add the --policy, --signers and --state that this review was opened with. countersign verify checks the record.");
        say
    }

    pub(super) fn report(&mut self, name: &str, with_source: bool) -> Say {
        let all = name.strip_prefix("all ").map(str::trim);
        let name = all.unwrap_or(name);
        let Some(form) = Form::of_name(name) else {
            return Say::one("Say how it is called: report NAME.html, or report all NAME.html; .json and .txt are forms too.");
        };
        if let Err(why) = report_name(name) {
            return Say::one(&format!("No report: {why}"));
        }
        let state = self.session.state();
        let item = self.front_item().map(|(_, item)| item).filter(|_| all.is_none());
        let of_item = item.as_ref().and_then(|item| Paper::of_item(&self.facts, item, state.standing_of(item), with_source));
        let what = if of_item.is_some() { "the item in front" } else { "all artifacts" };
        let paper = of_item
            .unwrap_or_else(|| Paper::of_release(&self.facts, "artifacts: all, in the order of the release".to_owned(), with_source));
        self.waiting = Some(Waiting::Report);
        self.session.request_report(name, move |line| paper.write(form, line));
        let source = if with_source { "It contains source text." } else { "It is free of source text." };
        Say::one(&format!("Writing a report of {what}. {source}"))
    }
}
