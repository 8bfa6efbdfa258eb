//! The work behind the screen: hashing, reading the source, comparing, checking attestations.
//!
//! Every payload file is hashed once, by as many threads as there are cores; the source is read beside that. When both are
//! done the artifacts are compared, then the attestations are checked against what was hashed. Results are sent as they
//! come. A panic in a job becomes a defect ("could not be examined"), never a crash.

mod contents;
mod pace;
mod pairs;
mod source;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use pace::Pace;

use super::cores::Cores;
use super::{News, Room, Send1, Session, SharedSource, SharedTrigrams};
use crate::bundle::{self, OpenBundle};
use crate::checks::{Discovery, Hashed};
use crate::digest::{Algorithm, Digest, Hasher, Sha256};
use crate::model::{
    ArchiveReport, Carrier, Content as _, ContentError, Defect, FileId, FileRole, Fixity, Limits, Node, Severity, SourceTree, Where,
};
use crate::provenance;

/// The largest attestation, in bytes.
const MAX_ATTESTATION: u64 = 64 << 20;
/// Everything that the workers need.
pub(super) struct Job {
    pub(super) bundle: Arc<OpenBundle>,
    pub(super) room: Arc<Room>,
    pub(super) source: SharedSource,
    pub(super) trigrams: SharedTrigrams,
    pub(super) sources_folder: PathBuf,
    pub(super) cancelled: Arc<AtomicBool>,
    pub(super) send: Send1,
    pub(super) cores: Cores,
    pub(super) previous: Option<super::previous::Named>,
}

pub(super) fn start(session: &Session, sources_folder: PathBuf) {
    let job = Job {
        bundle: Arc::clone(&session.bundle),
        room: Arc::clone(&session.room),
        source: Arc::clone(&session.source),
        trigrams: Arc::clone(&session.trigrams),
        sources_folder,
        cancelled: Arc::clone(&session.cancelled),
        send: Arc::clone(&session.send),
        cores: Cores::new(),
        previous: session.options.previous.clone().map(|record| super::previous::Named {
            dossier: session.options.dossier.clone().unwrap_or_else(|| super::dossier_path(&record)),
            record,
        }),
    };
    super::spawn("work", move || {
        if catch_unwind(AssertUnwindSafe(|| job.run())).is_err() {
            job.give_up();
        }
    });
}

/// Runs a short job on a thread of its own; a panic in it becomes a defect.
pub(super) fn job(name: &'static str, send: Send1, work: impl FnOnce() + Send + 'static) {
    job_or(name, send, || None, work);
}

/// The same; after a panic `instead` is sent too, so that nobody waits for an answer that does not come.
pub(super) fn job_or(
    name: &'static str,
    send: Send1,
    instead: impl FnOnce() -> Option<News> + Send + 'static,
    work: impl FnOnce() + Send + 'static,
) {
    super::spawn(name, move || {
        if catch_unwind(AssertUnwindSafe(work)).is_err() {
            send(News::Discovery(Discovery::Defect(not_examined(name, Where::default()))));
            instead().into_iter().for_each(|news| send(news));
        }
    });
}

/// What is answered where the program itself failed.
pub(super) const FAILED: &str = "could not be examined, the program failed on it";

fn not_examined(what: &str, place: Where) -> Defect {
    Defect {
        code: "work.panic",
        severity: Severity::Fail,
        place,
        what: format!("{what}: {FAILED}"),
        advice: "treat it as not examined, and report it with the file if you may",
    }
}

impl Job {
    pub(super) fn run(&self) {
        let changes = self.limits().changes();
        if !changes.is_empty() {
            let what = format!("the policy sets bounds of its own: {}", changes.join(", "));
            let advice = "what is over a bound is not examined, and says so";
            self.tell(Discovery::Defect(Defect { code: "policy.limits", severity: Severity::Note, place: Where::default(), what, advice }));
        }
        let digests = Mutex::new(vec![None; self.bundle.release.files.len()]);
        let source::Sources { tree, archives } = std::thread::scope(|scope| {
            let source = scope.spawn(|| self.guarded("the source", Where::default(), || self.read_source()).unwrap_or_default());
            self.hash_all(&digests);
            source.join().unwrap_or_default()
        });
        if self.stopped() {
            return;
        }
        let digests = digests.into_inner().unwrap_or_default();
        let handed = self.guarded("the earlier review", Where::default(), || {
            super::previous::handed_on(self.previous.as_ref(), &self.bundle, &self.room)
        });
        if let Some(handed) = handed.flatten() {
            (self.send)(News::Previous(handed.map(Box::new)));
        }
        let nodes = self.compare_all(tree.as_deref(), &digests);
        if self.stopped() {
            return;
        }
        let judged = self.guarded("the attestations", Where::default(), || self.judge(tree.as_deref(), &archives, &digests, &nodes));
        if judged.is_none() {
            self.tell(Discovery::Provenance(Vec::new(), Vec::new()));
        }
    }

    /// After a panic that was in no part of its own: nothing that was found out counts, and nobody waits for more.
    fn give_up(&self) {
        self.tell(Discovery::Defect(not_examined("the work", Where::default())));
        for (index, artifact) in self.bundle.release.artifacts.iter().enumerate() {
            self.tell(Discovery::Compared(index, Arc::new(pairs::failed(artifact.name.clone(), format!("not examined: {FAILED}")))));
        }
        self.tell(Discovery::Provenance(Vec::new(), Vec::new()));
        self.tell(Discovery::AllHashed(None));
    }

    /// The bounds, by the room's policy.
    fn limits(&self) -> &Limits {
        &self.room.policy.limits
    }

    fn stopped(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    fn tell(&self, discovery: Discovery) {
        (self.send)(News::Discovery(discovery));
    }

    /// Runs `work`; a panic in it becomes a defect.
    fn guarded<T>(&self, what: &str, place: Where, work: impl FnOnce() -> T) -> Option<T> {
        catch_unwind(AssertUnwindSafe(work)).map_err(|_| self.tell(Discovery::Defect(not_examined(what, place)))).ok()
    }

    /// Does `each` for 0..count on the cores that are idle, until it is stopped.
    fn share(&self, count: usize, each: impl Fn(usize) + Sync) {
        self.cores.share(count, &|i| {
            if !self.stopped() {
                each(i);
            }
        });
    }

    fn hash_all(&self, digests: &Mutex<Vec<Option<Sha256>>>) {
        let release = &self.bundle.release;
        let pace = Pace::new("hashing", release.total_size(), true, Arc::clone(&self.send));
        // The largest first: otherwise one of them is last, alone on one core.
        let mut order: Vec<usize> = (0..release.files.len()).collect();
        order.sort_by_key(|i| std::cmp::Reverse(release.files[*i].size));
        self.share(order.len(), |at| {
            let index = order[at];
            let file = &release.files[index];
            let id = FileId(u32::try_from(index).unwrap_or(u32::MAX));
            let hashed = self.guarded("hashing", Where::file(file.path.clone()), || self.hash_one(id, &pace));
            let hashed = hashed.unwrap_or(Hashed { sha256: None, fixity: Fixity::Unreadable });
            if let (Ok(mut digests), Some(digest)) = (digests.lock(), hashed.sha256) {
                digests[index] = Some(digest);
            }
            self.tell(Discovery::Hashed(id, hashed));
        });
        if self.stopped() {
            return;
        }
        pace.finish();
        let identity = (release.carrier == Carrier::Loose).then(|| {
            let digests = digests.lock().map(|d| d.clone()).unwrap_or_default();
            let known: Vec<(FileId, Sha256)> =
                digests.iter().enumerate().filter_map(|(i, d)| Some((FileId(u32::try_from(i).ok()?), (*d)?))).collect();
            self.bundle.listing_identity(&known)
        });
        self.tell(Discovery::AllHashed(identity));
    }

    fn hash_one(&self, id: FileId, pace: &Pace) -> Hashed {
        let release = &self.bundle.release;
        let loose = release.carrier == Carrier::Loose;
        let Some(file) = release.file(id) else { return Hashed { sha256: None, fixity: Fixity::Missing } };
        if !file.present {
            return Hashed { sha256: None, fixity: Fixity::Missing };
        }
        let mut before = 0;
        let result = self.bundle.content.hash(id, &self.bundle.declared_algorithms(id), &mut |done| {
            pace.add(done.saturating_sub(before));
            before = done;
            !self.stopped()
        });
        match result {
            Ok((sha256, others)) => Hashed { sha256: Some(sha256), fixity: bundle::fixity(file, loose, Some(&sha256), &others) },
            Err(ContentError::Absent) => Hashed { sha256: None, fixity: Fixity::Missing },
            Err(error) => {
                if error != ContentError::Cancelled {
                    let severity = Severity::Fail;
                    let advice = "check the medium; copy it again from the vendor";
                    let place = Where::file(file.path.clone());
                    self.tell(Discovery::Defect(Defect { code: "bag.unreadable", severity, place, what: error.to_string(), advice }));
                }
                Hashed { sha256: None, fixity: Fixity::Unreadable }
            }
        }
    }

    fn judge(&self, tree: Option<&SourceTree>, archives: &[ArchiveReport], digests: &[Option<Sha256>], nodes: &[Option<Arc<Node>>]) {
        let release = &self.bundle.release;
        let mut files = Vec::new();
        let roles = [FileRole::Provenance, FileRole::Trust, FileRole::Sbom];
        for id in roles.into_iter().flat_map(|role| release.with_role(role)) {
            let Some(file) = release.file(id).filter(|f| f.present) else { continue };
            match self.bundle.content.read(id, MAX_ATTESTATION) {
                Ok(bytes) => files.push((id, file.path.clone(), bytes)),
                Err(e) => {
                    let place = Where::file(file.path.clone());
                    let advice = "it was not examined; ask the vendor for a readable copy";
                    self.tell(Discovery::Defect(Defect {
                        code: "provenance.unreadable",
                        severity: Severity::Unknown,
                        place,
                        what: e.to_string(),
                        advice,
                    }));
                }
            }
        }
        let opened = std::cell::OnceCell::new();
        let inputs = provenance::Inputs {
            files: &files,
            signers: &self.room.signers,
            release,
            digests: &|id: FileId| digests.get(id.0 as usize).copied().flatten(),
            source: tree,
            accepts: provenance::Accepts {
                builders: &self.room.policy.builders,
                sources: &self.room.policy.sources,
                verifiers: &self.room.policy.verifiers,
                lacking: &|who| self.lacking(who),
            },
            sigstore: self.room.sigstore.as_ref().map(|s| provenance::SigstoreTrust {
                root: &s.root,
                identities: &s.identities,
                now: super::clock::seconds(),
            }),
            openpgp: self.room.openpgp.as_ref().map(|ring| provenance::OpenPgpTrust { ring, now: super::clock::seconds() }),
            contents: &|wanted| Arc::clone(opened.get_or_init(|| Arc::new(self.contents(wanted, tree, digests)))),
            now: super::clock::seconds(),
            minisign: &self.room.minisign,
            sha512: &|id: FileId| self.sha512(id, digests),
            read: &|id: FileId| self.bundle.content.read(id, self.limits().opened_size).map_err(|e| e.to_string()),
            comparisons: nodes,
        };
        self.tell(Discovery::Offers(provenance::offers(&inputs)));
        let (attestations, mut chain) = provenance::examine(&inputs);
        provenance::archives::insert(&mut chain, archives);
        if !self.room.expected.is_empty() {
            let contents = opened.get_or_init(|| Arc::new(self.contents(&provenance::Wanted::default(), tree, digests)));
            chain.push(provenance::expect::link(&self.room.expected, &Self::holdings(contents)));
            self.closed(contents).into_iter().for_each(|defect| self.tell(Discovery::Defect(defect)));
        }
        self.tell(Discovery::Provenance(attestations, chain));
    }

    /// What the policy's threshold for attestations lacks when those have signed.
    fn lacking(&self, who: &[&str]) -> Option<String> {
        let missing = self.room.quorum.missing(&self.room.policy.attestation_threshold, who.iter().copied());
        let words: Vec<String> = missing.iter().map(ToString::to_string).collect();
        (!words.is_empty()).then(|| words.join(", "))
    }

    /// The SHA-512 of a file that was hashed before, from a second reading of the same bytes.
    fn sha512(&self, id: FileId, digests: &[Option<Sha256>]) -> Option<Digest> {
        let first = digests.get(id.0 as usize).copied().flatten()?;
        let mut hasher = Hasher::new(&[Algorithm::Sha512]);
        let each = &mut |chunk: &[u8]| {
            hasher.update(chunk);
            !self.stopped()
        };
        self.bundle.content.stream(id, each).ok()?;
        let (again, others, _) = hasher.finish();
        others.into_iter().next().filter(|_| again == first)
    }
}

/// The digest of the running program, for the record; `None` where the system does not let it be read.
pub(super) fn own_digest() -> Option<Sha256> {
    let path: PathBuf = std::env::current_exe().ok()?;
    digest_of(&path)
}

fn digest_of(path: &Path) -> Option<Sha256> {
    use std::io::Read as _;
    let mut file = std::fs::File::open(path).ok()?;
    let mut hasher = crate::digest::Hasher::default();
    let mut buffer = vec![0; 1 << 18];
    loop {
        let n = file.read(&mut buffer).ok()?;
        if n == 0 {
            return Some(hasher.finish().0);
        }
        hasher.update(&buffer[..n]);
    }
}

#[cfg(test)]
mod tests;
