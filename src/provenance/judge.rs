//! The answers (a) to (g) of one attestation.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::digest::{Algorithm, Digest, Sha256};
use crate::model::{Answer, FileId, Outcome, Question, Subject};
use crate::text::{Shown, Untrusted};

use super::Inputs;
use super::checker::{Checked, Who};
use super::statement::{Material, Summary};

/// What this computer hashed, by digest, and what is called what.
pub(crate) struct Known {
    by_digest: BTreeMap<Sha256, FileId>,
    /// Every shipped artifact: name, last part of its path, digest once known.
    shipped: Vec<(Untrusted, Option<Sha256>)>,
    /// The digests of all shipped artifacts that are hashed.
    digests: BTreeSet<Sha256>,
    by_name: BTreeMap<Vec<u8>, Option<Sha256>>,
    /// By the last part of the path, where no other file has the same.
    by_any_name: BTreeMap<Vec<u8>, Sha256>,
    /// Names that several artifacts with different content have.
    shared: BTreeSet<Vec<u8>>,
    complete: bool,
    /// The shipped artifacts by their SHA-512, made when the first subject has no other digest.
    long: OnceCell<BTreeMap<Digest, Sha256>>,
}

impl Known {
    pub(crate) fn new(inputs: &Inputs<'_>) -> Self {
        let mut known = Self {
            by_digest: BTreeMap::new(),
            shipped: Vec::new(),
            digests: BTreeSet::new(),
            by_name: BTreeMap::new(),
            shared: BTreeSet::new(),
            long: OnceCell::new(),
            by_any_name: BTreeMap::new(),
            complete: true,
        };
        let mut twice: BTreeSet<&[u8]> = BTreeSet::new();
        for (index, file) in inputs.release.files.iter().enumerate() {
            let Ok(id) = u32::try_from(index).map(FileId) else { continue };
            match (inputs.digests)(id) {
                Some(digest) => {
                    known.by_digest.entry(digest).or_insert(id);
                    let name = base(file.path.as_bytes());
                    if known.by_any_name.insert(name.to_vec(), digest).is_some_and(|other| other != digest) {
                        twice.insert(name);
                    }
                }
                None => known.complete &= !file.present,
            }
        }
        known.by_any_name.retain(|name, _| !twice.contains(name.as_slice()));
        for artifact in &inputs.release.artifacts {
            let Some(id) = artifact.shipped else { continue };
            let digest = (inputs.digests)(id);
            if let Some(file) = inputs.release.file(id) {
                known.name(base(file.path.as_bytes()), digest);
            }
            known.name(artifact.name.as_bytes(), digest);
            known.digests.extend(digest);
            known.shipped.push((artifact.name.clone(), digest));
        }
        known
    }
}

impl Known {
    /// Whether a file with that digest is in the bundle.
    pub(crate) fn has(&self, digest: Sha256) -> bool {
        self.by_digest.contains_key(&digest)
    }

    /// The digest of the shipped artifact that is called that.
    pub(crate) fn called(&self, name: &[u8]) -> Option<Sha256> {
        self.by_name.get(name).copied().flatten()
    }

    /// The digest of a file of the bundle with that name, whatever it is for.
    pub(crate) fn any_called(&self, name: &[u8]) -> Option<Sha256> {
        self.by_any_name.get(name).copied()
    }

    fn name(&mut self, name: &[u8], digest: Option<Sha256>) {
        if self.by_name.insert(name.to_vec(), digest).is_some_and(|before| before != digest) {
            self.shared.insert(name.to_vec());
        }
    }

    /// What the one artifact of that name has, when it is hashed.
    fn named(&self, name: &[u8]) -> Option<Sha256> {
        let own = |name: &[u8]| self.by_name.get(name).copied().flatten().filter(|_| !self.shared.contains(name));
        own(name).or_else(|| own(base(name)))
    }

    /// Subjects that only a SHA-512 binds get the SHA-256 of the shipped artifact that has it.
    pub(crate) fn resolve(&self, inputs: &Inputs<'_>, subjects: &mut [Subject]) {
        for subject in subjects {
            if subject.digests.iter().any(|d| d.algorithm == Algorithm::Sha256) {
                continue;
            }
            let Some(long) = subject.digests.iter().find(|d| d.algorithm == Algorithm::Sha512) else { continue };
            if let Some(sha256) = self.long(inputs).get(long) {
                subject.digests.push((*sha256).into());
            }
        }
    }

    fn long(&self, inputs: &Inputs<'_>) -> &BTreeMap<Digest, Sha256> {
        self.long.get_or_init(|| {
            let shipped = inputs.release.artifacts.iter().filter_map(|a| a.shipped);
            shipped.filter_map(|id| Some(((inputs.sha512)(id)?, (inputs.digests)(id)?))).collect()
        })
    }

    /// Whether every shipped artifact is known by its SHA-512.
    fn is_long_complete(&self) -> bool {
        self.long.get().is_some_and(|l| l.values().collect::<BTreeSet<_>>().len() == self.digests.len())
    }

    /// Whether a shipped artifact has this digest.
    pub(crate) fn is_shipped(&self, digest: Sha256) -> bool {
        self.digests.contains(&digest)
    }

    /// Whether a shipped artifact is called that and has this digest.
    pub(crate) fn is_shipped_as(&self, name: &[u8], digest: Sha256) -> bool {
        self.by_name.get(name) == Some(&Some(digest))
    }
}

/// The last component of a path.
pub(crate) fn base(path: &[u8]) -> &[u8] {
    path.rsplit(|b| *b == b'/').next().unwrap_or(path)
}

fn answer(question: Question, outcome: Outcome, reason: impl Into<String>) -> Answer {
    Answer { question, outcome, reason: reason.into() }
}

/// All questions answered with "cannot tell", for one reason.
pub(crate) fn cannot_tell(reason: &str) -> Vec<Answer> {
    Question::ALL.into_iter().map(|q| answer(q, Outcome::CannotTell, reason)).collect()
}

/// (a). `is_list` when leaving out a shipped artifact matters, as it does for a list of checksums.
pub(crate) fn subject(known: &Known, subjects: &[Subject], is_list: bool) -> Answer {
    use Outcome::{CannotTell, No, Yes};
    let say = |outcome, reason: String| answer(Question::Subject, outcome, reason);
    let total = subjects.len();
    if total == 0 {
        return say(No, "it names no subject".to_owned());
    }
    let (mut equal, mut unbound, mut absent) = (0_usize, Vec::new(), Vec::new());
    let mut named = BTreeSet::new();
    for subject in subjects {
        // Of a list the name counts as for `sha256sum --check`; elsewhere it is a hint.
        let other = known.named(subject.name.as_bytes()).filter(|_| is_list);
        let sha = subject.digests.iter().find_map(crate::digest::Digest::sha256);
        match sha {
            Some(sha) if other.is_some_and(|other| other != sha) && known.by_digest.contains_key(&sha) => {
                let name = subject.name.shown().cut(120);
                return say(No, format!("it says sha256 {}… for {name}, which is the digest of another file here", sha.short(12)));
            }
            Some(sha) if known.by_digest.contains_key(&sha) => {
                equal += 1;
                named.insert(sha);
            }
            Some(sha) => match known.named(subject.name.as_bytes()) {
                Some(ours) => {
                    let reason = format!(
                        "it says sha256 {}… for {}, and the file here has {}…",
                        sha.short(12),
                        subject.name.shown().cut(120),
                        ours.short(12)
                    );
                    return say(No, reason);
                }
                _ => absent.push(subject),
            },
            None if subject.digests.iter().any(|d| d.algorithm == Algorithm::Sha512) && known.is_long_complete() => {
                if known.named(subject.name.as_bytes()).is_some() {
                    return say(No, format!("it says another sha512 for {} than the file here has", subject.name.shown().cut(120)));
                }
                absent.push(subject);
            }
            None => unbound.push(subject),
        }
    }
    if let Some(first) = unbound.first() {
        let why = if first.digests.iter().any(|d| d.algorithm == Algorithm::Sha512) {
            "only a sha512, and not every artifact could be hashed with it"
        } else {
            "no sha256 or sha512, which alone would bind it"
        };
        return say(CannotTell, format!("{} of {total} subjects have {why}, first {}", unbound.len(), first.name.shown().cut(120)));
    }
    if let Some(first) = absent.first() {
        let first = first.name.shown().cut(120);
        return if !known.complete {
            say(CannotTell, format!("{equal} of {total} subjects equal files we hashed; not every file is hashed, {first} may be missing"))
        } else if equal == 0 {
            say(No, format!("none of {total} subjects is a file of this bundle, first {first}"))
        } else {
            say(
                CannotTell,
                format!("{equal} of {total} subjects equal files we hashed; {} are not in the bundle, first {first}", absent.len()),
            )
        };
    }
    // Counted over what is named here, not over what was shipped: a bundle may have many of both.
    let shipped_here = named.intersection(&known.digests).count();
    let equal_all = format!("{equal} of {total} subjects equal files we hashed");
    if is_list && known.shipped.iter().any(|(_, d)| d.is_none()) {
        return say(CannotTell, format!("{equal_all}; not every shipped artifact is hashed yet, so the list may leave one out"));
    }
    if is_list && let Some((first, _)) = known.shipped.iter().find(|(_, d)| d.is_some_and(|d| !named.contains(&d))) {
        let distinct = known.digests.len();
        let missing = distinct.saturating_sub(shipped_here);
        let first = first.shown().cut(120);
        return say(CannotTell, format!("{equal_all}, and the list leaves out {missing} of {distinct} shipped artifacts, first {first}"));
    }
    if shipped_here == 0 && !known.shipped.is_empty() {
        return say(Yes, format!("{equal_all}; none of them is a shipped artifact"));
    }
    say(Yes, equal_all)
}

/// (b) and (c).
pub(crate) fn signature_and_signer(checked: &[Checked], no_signers: bool, unsigned: (Outcome, &str)) -> [Answer; 2] {
    use Outcome::{CannotTell, No, Yes};
    let pair = |b: (Outcome, String), c: (Outcome, String)| [answer(Question::Signature, b.0, b.1), answer(Question::Signer, c.0, c.1)];
    let nobody = "nobody is shown to have signed it".to_owned();
    if checked.is_empty() {
        return pair((unsigned.0, unsigned.1.to_owned()), (CannotTell, nobody));
    }
    let good: Vec<_> = checked.iter().filter(|c| c.is_good()).collect();
    let keys: BTreeSet<_> = good.iter().filter_map(|c| c.report.fingerprint.clone()).collect();
    let count = if checked.len() > 1 {
        format!("; {} of {} signatures verify, with {} distinct keys", good.len(), checked.len(), keys.len())
    } else {
        String::new()
    };
    let best = good.iter().min_by_key(|c| match c.who {
        Who::Trusted => 0,
        Who::Unjudged(_) => 1,
        Who::Refused(_) => 2,
        _ => 3,
    });
    let Some(best) = best else {
        let worst = checked.iter().find(|c| matches!(c.who, Who::Bad(_))).or(checked.first());
        let (outcome, reason) = match worst.map(|c| &c.who) {
            Some(Who::Bad(why)) => (No, why.clone()),
            Some(Who::Unknown(why)) => (CannotTell, why.clone()),
            _ => (CannotTell, nobody.clone()),
        };
        let signer = if no_signers { "no allowed signers were given: pass --signers FILE".to_owned() } else { nobody };
        return pair((outcome, format!("{reason}{count}")), (CannotTell, signer));
    };
    let print = best.report.fingerprint.as_deref().unwrap_or("");
    let name = best.report.principal.as_deref().unwrap_or("");
    match &best.who {
        Who::Trusted => pair(
            (Yes, format!("signed by {name} {print}{count}")),
            (Yes, format!("{name} {print} is among the reviewer's allowed signers")),
        ),
        Who::Unjudged(why) => pair((Yes, format!("signed by {name} {print}{count}")), (CannotTell, why.clone())),
        Who::Refused(why) => pair((Yes, format!("signed by {name} {print}{count}")), (No, why.clone())),
        Who::Stranger(from) => {
            let offer = format!("good with {from}: an offer, not trust{count}");
            if no_signers {
                pair((Yes, offer), (CannotTell, "no allowed signers were given: pass --signers FILE".to_owned()))
            } else {
                pair((Yes, offer), (No, format!("signed by {from}; not among the reviewer's allowed signers")))
            }
        }
        Who::Bad(why) | Who::Unknown(why) => pair((CannotTell, why.clone()), (CannotTell, nobody)),
    }
}

/// (d).
pub(crate) fn time() -> Answer {
    answer(Question::Time, Outcome::CannotTell, "no authenticated time")
}

/// (e). A builder's name counts only in a statement that a trusted key signed.
pub(crate) fn builder(inputs: &Inputs<'_>, builder: Option<&Untrusted>, trusted: bool) -> Answer {
    use Outcome::{CannotTell, No, Yes};
    let say = |outcome, reason: String| answer(Question::Builder, outcome, reason);
    let Some(id) = builder else { return say(CannotTell, "it names no builder".to_owned()) };
    let shown = id.shown().cut(200);
    if inputs.accepts.builders.is_empty() {
        return say(CannotTell, format!("built by {shown}, it says; the policy names no builder to compare with"));
    }
    let listed = id.as_str().is_some_and(|id| inputs.accepts.builders.contains(id));
    match (listed, trusted) {
        (false, _) => say(No, format!("built by {shown}, it says, which the policy does not name")),
        (true, false) => {
            say(CannotTell, format!("it says {shown}, which the policy names, but no signature that the reviewer trusts says so"))
        }
        (true, true) => say(Yes, format!("built by {shown}, which the policy names")),
    }
}

/// Index of the material that is the source: the one whose commit is the bundle's, else the first with a commit.
pub(crate) fn source_material(inputs: &Inputs<'_>, materials: &[Material]) -> Option<usize> {
    let ours = inputs.source.and_then(|s| s.commit.as_deref());
    let same = |m: &Material| ours.is_some_and(|o| m.commit.as_deref().is_some_and(|c| c.eq_ignore_ascii_case(o)));
    materials.iter().position(same).or_else(|| materials.iter().position(|m| m.commit.is_some()))
}

/// (e) of a verification summary: what it says, and whether its verifier is one that the policy names. A good signature says
/// nothing of that: a summary that failed is signed as well.
pub(crate) fn summary(inputs: &Inputs<'_>, summary: &Summary, trusted: bool) -> Answer {
    use Outcome::{CannotTell, No, Yes};
    let say = |outcome, reason: String| answer(Question::Builder, outcome, reason);
    let result = Shown::new(&summary.result).cut(40);
    if summary.result != "PASSED" {
        return say(No, format!("its result is {result}, not PASSED: it speaks against its subjects"));
    }
    let Some(id) = &summary.verifier else { return say(CannotTell, "a verification summary that names no verifier".to_owned()) };
    let shown = id.shown().cut(200);
    if inputs.accepts.verifiers.is_empty() {
        return say(CannotTell, format!("PASSED by {shown}, it says; the policy names no verifier to compare with"));
    }
    let listed = id.as_str().is_some_and(|id| inputs.accepts.verifiers.contains(id));
    match (listed, trusted) {
        (false, _) => say(No, format!("PASSED by {shown}, it says, which is not among the policy's verifiers")),
        (true, false) => say(CannotTell, format!("PASSED by {shown}, it says, but no signature that the reviewer trusts says so")),
        (true, true) => say(Yes, format!("PASSED by {shown}, which the policy names")),
    }
}

/// A repository in the one spelling that it is compared in: without `git+` in front, a ref, slashes and `.git` behind; scheme and
/// host in small letters (RFC 3986 section 6.2.2.1); `git@host:path` as `ssh://git@host/path`. Nothing else is made equal: not
/// another scheme, user, port or case of the path, and not another query, which may be what names the repository.
fn repository(uri: &str) -> String {
    let uri = uri.strip_prefix("git+").unwrap_or(uri);
    let (scheme, rest) = match uri.split_once("://") {
        Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest.to_owned()),
        None => match uri.split_once(':').filter(|(host, _)| host.contains('@') && !host.contains('/')) {
            Some((host, path)) => ("ssh".to_owned(), format!("{host}/{}", path.trim_start_matches('/'))),
            None => (String::new(), uri.to_owned()),
        },
    };
    // A ref stands behind the path, never in the authority, where `@` comes after a user's name.
    let (authority, path) = rest.find('/').map_or((rest.as_str(), ""), |at| rest.split_at(at));
    let path = path.split(['@', '#']).next().unwrap_or_default().trim_end_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    let (user, host) = authority.rfind('@').map_or(("", authority), |at| authority.split_at(at + 1));
    let host = if scheme.is_empty() { host.to_owned() } else { host.to_ascii_lowercase() };
    format!("{scheme}://{user}{host}{path}")
}

/// Whether two addresses are those of one repository.
pub(crate) fn same_repository(one: &str, other: &str) -> bool {
    repository(one) == repository(other)
}

/// (f). `uri` is where the statement says that the commit came from.
pub(crate) fn source(inputs: &Inputs<'_>, commit: Option<&str>, uri: Option<&Untrusted>) -> Answer {
    use Outcome::{CannotTell, No, Yes};
    let say = |outcome, reason: String| answer(Question::Source, outcome, reason);
    let sources = inputs.accepts.sources;
    let shown = uri.map(|u| u.shown().cut(200).to_string()).unwrap_or_default();
    if !sources.is_empty() && !shown.is_empty() {
        let listed = uri.and_then(Untrusted::as_str).is_some_and(|u| sources.iter().any(|s| same_repository(s, u)));
        if !listed {
            return say(No, format!("it names the repository {shown}, which the policy does not name"));
        }
    }
    let Some(commit) = commit else { return say(CannotTell, "it names no source commit".to_owned()) };
    if !sources.is_empty() && shown.is_empty() {
        return say(
            CannotTell,
            format!("it names commit {commit} and no repository, and the policy names those that the source may be from"),
        );
    }
    let Some(tree) = inputs.source else {
        return say(CannotTell, format!("it names commit {commit}; no source tree has been read"));
    };
    let Some(ours) = tree.commit.as_deref() else {
        return say(CannotTell, format!("it names commit {commit}; the source here is not a repository"));
    };
    if ours.eq_ignore_ascii_case(commit) {
        say(Yes, format!("commit {commit} is the one whose tree is shown"))
    } else {
        say(No, format!("it names commit {commit}, and the tree shown is that of {}", Shown::new(ours)))
    }
}

/// (g). `source` is the index of the material that (f) speaks of.
pub(crate) fn materials(known: &Known, materials: &[Material], source: Option<usize>) -> Answer {
    use Outcome::{CannotTell, Yes};
    let say = |outcome, reason: String| answer(Question::Materials, outcome, reason);
    let others: Vec<_> = materials.iter().enumerate().filter(|(i, _)| Some(*i) != source).map(|(_, m)| m).collect();
    if others.is_empty() {
        return match source {
            Some(_) => say(Yes, "it names no material beside the source commit".to_owned()),
            None => say(CannotTell, "it names no material at all".to_owned()),
        };
    }
    let here = |m: &Material| m.digests.iter().filter_map(crate::digest::Digest::sha256).any(|d| known.by_digest.contains_key(&d));
    let missing: Vec<_> = others.iter().filter(|m| !here(m)).collect();
    match missing.first() {
        None => say(Yes, format!("{} of {} other materials equal files we hashed", others.len(), others.len())),
        Some(first) => say(
            CannotTell,
            format!("{} of {} other materials are not in the bundle, first {}", missing.len(), others.len(), first.uri.shown().cut(160)),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_has_several_spellings_and_no_likeness_is_one() {
        let ours = "https://git.example/team/tool";
        for same in [
            "git+https://git.example/team/tool",
            "https://git.example/team/tool.git",
            "https://git.example/team/tool/",
            "https://git.example/team/tool.git/",
            "git+https://git.example/team/tool.git@refs/tags/v1",
            "HTTPS://Git.Example/team/tool#sub",
        ] {
            assert!(same_repository(ours, same), "{same}");
        }
        for other in [
            "http://git.example/team/tool",
            "https://git.example/team/Tool",
            "https://git.example/team/tool2",
            "https://git.example/team",
            "https://git.example:8443/team/tool",
            "https://git.example.evil/team/tool",
            "https://eve@git.example/team/tool",
            "https://git.example@evil.example/team/tool",
            "https://git.example/team/tool?x=1",
            "https://git.example/team/tool.git.git",
            "git.example/team/tool",
            "",
        ] {
            assert!(!same_repository(ours, other), "{other}");
        }
        assert!(same_repository("git@git.example:team/tool.git", "ssh://git@GIT.example/team/tool"));
        assert!(same_repository("git+ssh://git@git.example/team/tool", "git@git.example:/team/tool@v1"));
        assert!(!same_repository("git@git.example:team/tool", "ssh://other@git.example/team/tool"));
        assert!(!same_repository("git@git.example:team/tool", ours));
        assert!(!same_repository("https://git.example/?p=a", "https://git.example/?p=b"));
        assert!(!same_repository("pkg:npm/tool", "ssh://pkg/npm/tool"));
    }
}
