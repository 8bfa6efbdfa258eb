//! Making the statement: a function of what was computed, what was ruled, and what the reviewer brought.

use std::path::Path;
use std::sync::Arc;

use super::journal::Snapshot;
use super::{Earlier, KeySource, Room, SessionError, SharedSource, clock, dossier, read_small, seal, words, work};
use crate::bundle::OpenBundle;
use crate::checks::{self, Facts, Policy};
use crate::digest::Sha256;
use crate::model::{Content as _, ContentError, FileId, IdentityBasis};
use crate::provenance::AllowedSigners;
use crate::review::{self, Class, Decision, Item, Ruling, State};
use crate::signoff;
use crate::text::{Role, Row};

/// The exact statement that would be signed.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The outcome it states.
    pub decision: Decision,
    /// The bytes.
    pub payload: Vec<u8>,
    /// The same in words, to the last line.
    pub rows: Vec<Row>,
    /// What must be typed to sign it: product and version.
    pub confirm: String,
    /// Fingerprint of the key that the statement names; only that key can sign it.
    pub key: Option<String>,
    /// The dossier that the statement names by digest.
    pub dossier: Vec<u8>,
    /// Every byte that would leave, through the guard: the statement as it will be signed, and the dossier.
    pub leaves: Arc<[Row]>,
    /// Its number in the room's count.
    pub sequence: u64,
}

/// Cells of a row of what leaves, on a screen.
pub(super) const CELLS: usize = 76;

/// Reads the reviewer's `allowed_signers`.
///
/// # Errors
/// With the path, and line and column of what is wrong.
pub fn load_signers(path: &Path) -> Result<AllowedSigners, SessionError> {
    let fail = |what: String| SessionError::File { path: path.display().to_string(), what };
    let bytes = read_small(path, 64 << 20).map_err(fail)?;
    AllowedSigners::parse(&bytes).map_err(|e| fail(e.to_string()))
}

/// Reads a policy file, with its SHA-256.
///
/// # Errors
/// With the path, and line and column of what is wrong.
pub fn load_policy(path: &Path) -> Result<(Policy, Sha256), SessionError> {
    let text = super::read_text(path)?;
    let policy = Policy::parse(&text).map_err(|e| SessionError::File { path: path.display().to_string(), what: e.to_string() })?;
    Ok((policy, Sha256::of(text.as_bytes())))
}

/// Everything that a statement is a function of.
pub(crate) struct StatementMaker {
    pub(super) decision: Decision,
    pub(super) facts: Facts,
    pub(super) state: State,
    pub(super) room: Arc<Room>,
    pub(super) earlier: Arc<Earlier>,
    pub(super) bundle: Arc<OpenBundle>,
    pub(super) journal: Snapshot,
    pub(super) key: Option<KeySource>,
    /// The signer, which alone can read a key; `None` when this process may.
    pub(super) link: Option<Arc<super::Link>>,
    pub(super) source: SharedSource,
    pub(super) include_excerpts: bool,
}

impl StatementMaker {
    /// Hashes everything in the bundle again, then makes the statement.
    ///
    /// # Errors
    /// When the work is not done, when anything in the bundle changed, or when the decision is closed.
    pub(crate) fn make(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<Prepared, String> {
        if !self.facts.is_complete() {
            return Err("the machine is not done with hashing and comparing: wait for it, then sign".to_owned());
        }
        let items = review::queue(&self.facts, &self.room.policy);
        let blockers = self.state.blockers(&self.facts, &self.room.policy, &items);
        self.state.may_sign(self.decision, &blockers)?;
        self.hash_again(progress)?;
        let (lines, left_out) = self.journal_lines()?;
        let key =
            self.key.as_ref().map(|key| self.link.as_ref().map_or_else(|| key.fingerprint(), |link| link.fingerprint(key))).transpose()?;
        let mut inputs = self.inputs(&items, key.clone())?;
        let dossier = dossier::dossier(&self.facts, &self.state, &items, &inputs, lines)?.to_bytes();
        inputs.dossier = Some(Sha256::of(&dossier));
        let payload = signoff::statement(&inputs);
        let mut rows = signoff::describe(&payload).map_err(|e| e.to_string())?;
        rows.extend(left_out.map(|why| Row::new().with(Role::Unknown, why)));
        let digest = Sha256::of(&payload);
        rows.push(Row::new().with(Role::Title, "Check words of this statement").with(Role::Dim, &format!("  sha256 {digest}")));
        rows.extend(signoff::check_words(digest).iter().map(|line| Row::new().with(Role::Text, &format!("                {line}"))));
        let release = &self.facts.release;
        let confirm = format!("{} {}", release.product.shown(), release.version.shown());
        let files = [("the statement (the record is this, in base64, and the signature)".to_owned(), payload.as_slice())];
        let files = files.into_iter().chain([("the dossier".to_owned(), dossier.as_slice())]).collect::<Vec<_>>();
        let leaves = signoff::preview(&files, CELLS).into();
        Ok(Prepared { decision: self.decision, payload, rows, confirm, key, dossier, leaves, sequence: inputs.sequence })
    }

    fn hash_again(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<(), String> {
        let total = self.facts.release.total_size();
        let mut done = 0;
        for (i, file) in self.facts.release.files.iter().enumerate() {
            let id = FileId(u32::try_from(i).unwrap_or(u32::MAX));
            let Some(first) = self.facts.sha256(id) else { continue };
            let again = self.bundle.content.hash(id, &[], &mut |n| {
                progress(done + n, total);
                true
            });
            match again {
                Ok((digest, _)) if digest == first => {}
                Ok(_) | Err(ContentError::Changed { .. }) => {
                    return Err(format!(
                        "{} changed since it was first read: nothing was signed. Do not trust this medium; start a new review on a sound copy",
                        file.path.shown()
                    ));
                }
                Err(e) => return Err(format!("{}: {e}: nothing was signed", file.path.shown())),
            }
            done += file.size;
        }
        Ok(())
    }

    /// The journal for the dossier, and why it is left out, if so: what was taken back is in it too.
    ///
    /// # Errors
    /// When the reviewer's words quote what was looked at.
    fn journal_lines(&self) -> Result<(Option<Vec<String>>, Option<&'static str>), String> {
        let lines = self.journal.lines()?;
        if self.include_excerpts {
            return Ok((Some(lines), None));
        }
        let content = self.source.lock().map(|s| s.clone()).unwrap_or(None);
        if words::own(&self.state, &lines, &self.facts, content.as_deref(), self.room.policy.limits.source_file_size)? {
            return Ok((Some(lines), None));
        }
        Ok((None, Some("the journal stays here: something in it that was taken back quotes the source; the record still names its head")))
    }

    fn inputs(&self, items: &[Item], key: Option<String>) -> Result<signoff::RecordInputs, String> {
        let release = &self.facts.release;
        let identity = release.identity.digest.ok_or("the bundle's identity is not known yet")?;
        let tree = self.facts.source.as_ref();
        let product = release.product.shown().to_string();
        let Earlier { previous, dissents_from, challenge } = self.earlier.as_ref();
        let carried = self.state.previous.as_ref();
        if let Some(other) = previous.as_ref().filter(|p| p.product != product) {
            let other = crate::text::Shown::new(&other.product).cut(80);
            return Err(format!("the record before this one is for {other}, and this bundle is {product}: nothing was signed"));
        }
        if let Some(first) = dissents_from.as_ref().filter(|d| d.identity != identity) {
            return Err(format!("the record that you dissent from is for the bundle {}, and this is {identity}", first.identity));
        }
        let corrects: Option<Sha256> = self.state.corrects.as_ref().and_then(|payload| payload.parse().ok());
        if let (Some(corrects), Some(other)) = (corrects, previous.as_ref().filter(|p| Some(p.payload) != corrects)) {
            return Err(format!("the review corrects the record {corrects}, and --previous names {}: nothing was signed", other.payload));
        }
        Ok(signoff::RecordInputs {
            decision: self.decision,
            product,
            version: release.version.shown().to_string(),
            identity,
            identity_basis: match release.identity.basis {
                IdentityBasis::TagManifest => "tagmanifest-sha256.txt",
                IdentityBasis::Manifest => "manifest-sha256.txt",
                IdentityBasis::Listing => "listing",
            }
            .to_owned(),
            source: signoff::SourceLine {
                commit: tree.and_then(|t| t.commit.clone()),
                tree: tree.and_then(|t| t.tree.clone()),
                tag: tree.and_then(|t| t.tag.as_ref()).map(|t| t.shown().to_string()),
            },
            // A correction names the record that it corrects.
            previous: previous.as_ref().map(|p| p.payload).or(corrects).or(carried.and_then(|(record, _)| record.parse().ok())),
            dissents_from: dissents_from.as_ref().map(|d| d.payload),
            sequence: self.sequence()?,
            artifacts: self.artifacts(),
            chain: self.facts.chain.iter().map(|l| (l.name.to_owned(), l.standing.word().to_owned())).collect(),
            coverage: self.coverage(items),
            findings: self.state.findings.iter().map(finding).collect(),
            checks: checks::run(&self.facts).iter().map(|c| (c.code.code.to_owned(), c.verdict.word().to_owned())).collect(),
            policy: self.room.policy_digest,
            journal: signoff::JournalLine {
                head: self.journal.head.parse().map_err(|e| format!("the journal's head: {e}"))?,
                count: self.journal.count,
            },
            dossier: None,
            merged: self.merged()?,
            reviewers: vec![signoff::ReviewerLine {
                id: self.state.reviewer.clone(),
                role: self.role(key.as_deref()),
                key: key.unwrap_or_default(),
            }],
            time: signoff::TimeLine {
                reviewed_at: clock::wall(),
                not_before: self.facts.attestations.iter().flatten().filter_map(|a| a.signed_at.clone()).max(),
            },
            tool: signoff::ToolLine {
                name: "countersign".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                sha256: work::own_digest(),
            },
            seal: seal::in_force().word().to_owned(),
            challenge: challenge.clone(),
            excerpts: self.include_excerpts,
        })
    }

    /// The number of the record: one more than that of the record before it, the first is 1.
    ///
    /// # Errors
    /// When it corrects a record whose number is not known here.
    fn sequence(&self) -> Result<u64, String> {
        let state = &self.state;
        let before = match (&self.earlier.previous, &state.corrects) {
            (Some(previous), _) => previous.sequence.unwrap_or(0),
            (None, Some(corrects)) => state.corrects_sequence.ok_or_else(|| {
                format!("this corrects the record {corrects}, whose number the journal does not have: name it with --previous RECORD")
            })?,
            (None, None) => state.previous.as_ref().map_or(0, |(_, n)| *n),
        };
        Ok(before.saturating_add(1))
    }

    /// What the policy says that the owner of the key does; a reviewer where it says nothing.
    fn role(&self, key: Option<&str>) -> String {
        let person = key.and_then(|k| self.room.quorum.person(k)).filter(|p| !p.roles.is_empty());
        person.map_or_else(|| "reviewer".to_owned(), |p| p.roles.iter().cloned().collect::<Vec<_>>().join(", "))
    }

    /// The journals that the review was merged of, as the record names them.
    fn merged(&self) -> Result<Vec<signoff::MergedLine>, String> {
        let line = |from: &review::MergedFrom| {
            let head = from.head.parse().map_err(|e| format!("the head of a merged journal: {e}"))?;
            Ok(signoff::MergedLine { reviewer: from.reviewer.clone(), head, count: from.count })
        };
        self.state.merged.iter().map(line).collect()
    }

    fn artifacts(&self) -> Vec<signoff::ArtifactLine> {
        let release = &self.facts.release;
        let lines = release.artifacts.iter().zip(&self.facts.comparisons).map(|(artifact, node)| {
            let shipped = artifact.shipped.and_then(|id| self.facts.sha256(id));
            let paired = artifact.shipped.is_some() && !artifact.rebuilt.is_empty();
            signoff::ArtifactLine::compared(artifact.name.shown().as_str(), shipped, paired, node.as_deref())
        });
        lines.collect()
    }

    fn coverage(&self, items: &[Item]) -> signoff::Coverage {
        let state = &self.state;
        let shown = review::coverage(&self.facts, items, state);
        let count = |test: &dyn Fn(&Item) -> bool| items.iter().filter(|i| test(i)).count() as u64;
        let ruling = |item: &Item| state.ruling(item).map(|r| r.ruling);
        // A cause over many files, and the same difference in many files: one ruling each.
        let by_rule = items.iter().filter(|i| i.is_group() && i.class != Class::Batch && ruling(i).is_some()).map(|i| i.covers).sum();
        let machine = items.iter().filter(|i| i.class == Class::Batch).map(|i| i.covers).sum();
        let read = |item: &Item| {
            let (seen, of) = state.lines_of(item);
            of > 0 && seen >= of
        };
        signoff::Coverage {
            required: count(&|i| i.class == Class::Read),
            required_shown: count(&|i| i.class == Class::Read && read(i)),
            items: items.len() as u64,
            ruled_by_hand: count(&|i| !i.is_group() && (ruling(i).is_some() || state.answer(i).is_some())),
            ruled_by_rule: by_rule,
            by_machine: machine,
            accepted: count(&|i| ruling(i) == Some(Ruling::Accepted)),
            rejected: count(&|i| ruling(i) == Some(Ruling::Rejected)),
            open: count(&|i| state.is_open(i)),
            carried: shown.carried,
            lines_carried: shown.lines_carried,
            lines: (shown.lines_shown, shown.lines_total),
            code: (shown.code_shown, shown.code_total),
            code_unknown: shown.code_unknown,
            not_looked_at: shown.not_looked_at(),
        }
    }
}

fn finding(finding: &review::Finding) -> signoff::FindingLine {
    signoff::FindingLine {
        id: finding.id.clone(),
        severity: finding.severity.word().to_owned(),
        state: finding.standing().to_owned(),
        title: finding.title.clone(),
        reason: finding.closed.clone().filter(|r| !r.is_empty()),
        anchor: signoff::Anchor::of(&finding.at),
    }
}
