//! The chain: reviewed tree = commit = tag = provenance; shipped = subject; rebuilt = shipped.
//!
//! A link is proven only by bytes that were read here, claimed when only a trusted signature says so, broken when something
//! contradicts it, absent when nothing speaks of it. The sum holds only when one and the same provenance names both the commit
//! and the artifact, so the two links in the middle look at SLSA provenance that names shipped artifacts, and at nothing else.

use std::collections::{BTreeMap, BTreeSet};

use crate::digest::{Digest, Sha256};
use crate::model::{Attestation, ChainLink, Clue, Contents, Lead, Outcome, Question, ResultMark, Severity, SignedObject, Standing};
use crate::text::{Shown, Untrusted};

use super::checker::{Checker, Who};
use super::judge::Known;
use super::{GIT_NAMESPACE, Inputs, gitsign, making, sshsig, statement};

/// Pieces of evidence that one link lists at most.
const MAX_CLUES: usize = 200;

/// All links, in the order of the chain. `read` is what bills of materials say; `contents` what the artifacts consist of.
pub(crate) fn links(inputs: &Inputs<'_>, known: &Known, attestations: &[Attestation], contents: &Contents) -> Vec<ChainLink> {
    let shipped = Shipped::new(inputs);
    let numbered: Vec<(usize, &Attestation)> = attestations
        .iter()
        .enumerate()
        .filter(|(_, a)| a.predicate_type.as_ref().and_then(Untrusted::as_str).is_some_and(statement::is_provenance))
        .filter(|(_, a)| outcome(a, Question::Signature) != Outcome::No)
        .collect();
    let provenance: Vec<&Attestation> = numbered.iter().map(|(_, a)| *a).collect();
    let link = |name, (standing, why): (Standing, String)| ChainLink::new(name, standing, why);
    let leads = |all: &dyn Fn(&Attestation) -> bool| -> Vec<Clue> {
        let row = |(i, a): &(usize, &Attestation)| Clue { text: format!("{}: {}", place(a), a.kind), at: Lead::Attestation(*i) };
        numbered.iter().filter(|(_, a)| all(a)).take(MAX_CLUES).map(row).collect()
    };
    let source = |clue: &str| -> Vec<Clue> {
        let at = inputs.source.and_then(|s| inputs.release.find(&s.origin)).map_or(Lead::Source(0), Lead::File);
        inputs.source.map(|_| Clue { text: clue.to_owned(), at }).into_iter().collect()
    };
    let mut all = vec![
        link("tree = commit", tree_commit(inputs)).with(source("the repository that it was read from")),
        link("commit = tag", commit_tag(inputs)).with(source("the repository that has the tag")),
    ];
    all.extend(signers(inputs).into_iter().map(|(name, found)| link(name, found).with(source("the signed object is in the repository"))));
    let names_shipped = |a: &Attestation| shipped.is_named_by(a);
    all.push(link("commit = provenance", commit_provenance(inputs, &shipped, &provenance)).with(leads(&names_shipped)));
    all.extend(making::revision(inputs, contents));
    all.extend(making::rebuild_input(inputs, attestations, &is_trusted));
    let named: Vec<_> = numbered.iter().copied().filter(|(_, a)| shipped.is_named_by(a)).collect();
    all.extend(making::materials(known, contents, &named));
    all.extend(making::toolchain(inputs, attestations, contents));
    all.push(link("shipped = subject", shipped_subject(&shipped, &provenance, attestations)).with(unnamed(inputs, &shipped, attestations)));
    all.push(link("rebuilt = shipped", rebuilt_shipped(inputs)).with(unequal(inputs)));
    all
}

/// The shipped artifacts that no attestation names.
fn unnamed(inputs: &Inputs<'_>, shipped: &Shipped<'_>, attestations: &[Attestation]) -> Vec<Clue> {
    let named = digests_of(attestations.iter());
    let artifacts = inputs.release.artifacts.iter().enumerate().filter_map(|(i, a)| Some((i, &a.name, (inputs.digests)(a.shipped?)?)));
    let open = artifacts.filter(|(_, _, d)| shipped.digests.contains(d) && !named.contains(d));
    open.take(MAX_CLUES)
        .map(|(i, name, _)| Clue { text: format!("no attestation names {}", name.shown().cut_start(120)), at: Lead::Artifact(i) })
        .collect()
}

/// The artifacts that are not equal to their rebuild.
fn unequal(inputs: &Inputs<'_>) -> Vec<Clue> {
    let all = inputs.release.artifacts.iter().enumerate().filter(|(_, a)| a.shipped.is_some());
    let open = all.filter_map(|(i, a)| {
        let node = inputs.comparisons.get(i)?.as_ref().filter(|n| !n.result.is_equal())?;
        Some(Clue { text: format!("{}: {}", a.name.shown().cut_start(120), node.result.word()), at: Lead::Artifact(i) })
    });
    open.take(MAX_CLUES).collect()
}

/// Who signed the tag and the commit, where the source is a repository. A commit without a signature is usual and says nothing.
fn signers(inputs: &Inputs<'_>) -> Vec<(&'static str, (Standing, String))> {
    let Some(source) = inputs.source.filter(|s| s.commit.is_some()) else { return Vec::new() };
    let mut checker = Checker::new(inputs.signers);
    let mut out = Vec::new();
    for (is_tag, name) in [(true, "tag = signer"), (false, "commit = signer")] {
        match source.signed.iter().find(|s| s.is_tag == is_tag) {
            Some(object) => out.push((name, signed_by(inputs, &mut checker, object))),
            None if is_tag && source.tag_matches.is_some() => out.push((name, (Standing::Absent, "the tag is not signed".to_owned()))),
            None => {}
        }
    }
    out
}

fn signed_by(inputs: &Inputs<'_>, checker: &mut Checker<'_>, object: &SignedObject) -> (Standing, String) {
    let what = if object.is_tag { "the tag" } else { "the commit" };
    let starts = |with: &str| object.signature.starts_with(with.as_bytes());
    if starts("-----BEGIN SIGNED MESSAGE") {
        return certified(inputs, what, object);
    }
    let checked = if starts("-----BEGIN PGP") {
        let Some(keys) = inputs.openpgp else {
            return (Standing::Absent, format!("{what} is signed with OpenPGP, and the policy names no openpgp_keyring to check it with"));
        };
        let mut all: Vec<_> =
            keys.ring.detached(&object.signature, &object.payload, keys.now).into_iter().map(super::files::debian::checked).collect();
        // git writes one; of several the worst counts.
        all.sort_by_key(|c| matches!(c.who, Who::Trusted));
        let Some(first) = all.into_iter().next() else { return (Standing::Absent, format!("{what} is not signed")) };
        first
    } else {
        let signature = match sshsig::parse(&object.signature) {
            Ok(signature) => signature,
            Err(e) => return (Standing::Broken, format!("the signature of {what} cannot be read: {e}")),
        };
        let keyid = Untrusted::from(signature.key.fingerprint());
        checker.check_sshsig(&signature, keyid, &object.payload, GIT_NAMESPACE)
    };
    let (name, print) = (checked.report.principal.unwrap_or_default(), checked.report.fingerprint.unwrap_or_default());
    match checked.who {
        Who::Trusted => (Standing::Proven, format!("{what} is signed by {name} {print}, among the reviewer's allowed signers")),
        Who::Refused(why) => (Standing::Broken, format!("{what} is signed by {name} {print}: {why}")),
        Who::Unjudged(why) => (Standing::Claimed, format!("{what} is signed by {name} {print}: {why}")),
        Who::Stranger(_) => {
            (Standing::Absent, format!("{what} has a good signature of the key {print}, which is not among the reviewer's allowed signers"))
        }
        Who::Bad(why) => (Standing::Broken, format!("the signature of {what} is not good: {why}")),
        Who::Unknown(why) => (Standing::Absent, format!("the signature of {what} is not checked: {why}")),
    }
}

/// Signed with a certificate: at best a claim where no log entry says that it was made while the certificate was valid.
fn certified(inputs: &Inputs<'_>, what: &str, object: &SignedObject) -> (Standing, String) {
    let authorities = inputs.sigstore.map(|s| s.root.authorities.as_slice()).unwrap_or_default();
    let signer = match gitsign::check(&object.signature, &object.payload, authorities) {
        Ok(signer) => signer,
        Err(why) => return (Standing::Broken, format!("the signature of {what} with an X.509 certificate {why}")),
    };
    let issuer = signer.issuer.as_deref().unwrap_or("nobody");
    let who = format!("{} (vouched for by {})", Shown::new(&signer.identity).cut(120), Shown::new(issuer).cut(120));
    let is = format!("{what} is signed with an X.509 certificate of {who}");
    if let Err(why) = &signer.trusted {
        return (Standing::Absent, format!("{is}; {why}"));
    }
    let identities = inputs.sigstore.map(|s| s.identities).unwrap_or_default();
    let named = identities.iter().any(|(identity, by)| *identity == signer.identity && Some(by) == signer.issuer.as_ref());
    let logged = signer.logged.as_ref().zip(inputs.sigstore).map(|(entry, trust)| match entry {
        Ok(entry) => entry.verify(trust.root, trust.now).map_err(|refusal| refusal.why),
        Err(why) => Err(why.clone()),
    });
    let (best, when) = match logged {
        Some(Ok(verified)) => {
            let at = verified.times.first().cloned().unwrap_or_default();
            (Standing::Proven, format!("its log entry says that it was made at {at}"))
        }
        Some(Err(why)) => return (Standing::Broken, format!("{is}, and the log entry in it does not hold: {}", Shown::new(&why).cut(300))),
        None => {
            let day = jiff::Timestamp::from_second(signer.valid.0).map(|t| t.to_string()).unwrap_or_default();
            let why = format!(
                "nothing here shows that it was made in the minutes from {day} in which the certificate was valid: there is no log entry \
                 in it (gitsign writes one with gitsign.rekorMode = offline), and its time of signing is the signer's own word"
            );
            (Standing::Claimed, why)
        }
    };
    match (named, identities.is_empty()) {
        (true, _) => (best, format!("{is}, whom the policy names; {when}")),
        (false, true) => (Standing::Absent, format!("{is}; the policy names no Sigstore identity to compare with")),
        (false, false) => (Standing::Absent, format!("{is}, whom the policy does not name")),
    }
}

fn outcome(attestation: &Attestation, question: Question) -> Outcome {
    attestation.answers.iter().find(|a| a.question == question).map_or(Outcome::CannotTell, |a| a.outcome)
}

fn is_trusted(attestation: &Attestation) -> bool {
    outcome(attestation, Question::Signature) == Outcome::Yes && outcome(attestation, Question::Signer) == Outcome::Yes
}

fn place(attestation: &Attestation) -> String {
    let line = attestation.line.map_or(String::new(), |l| format!(":{l}"));
    format!("{}{line}", attestation.file.shown().cut_start(120))
}

fn signer(attestation: &Attestation) -> String {
    attestation.signatures.iter().find_map(|s| s.principal.clone()).unwrap_or_default()
}

/// The shipped artifacts and their digests.
struct Shipped<'a> {
    all: Vec<(&'a Untrusted, Sha256)>,
    digests: BTreeSet<Sha256>,
    unhashed: Option<&'a Untrusted>,
}

impl<'a> Shipped<'a> {
    fn new(inputs: &Inputs<'a>) -> Self {
        let mut shipped = Self { all: Vec::new(), digests: BTreeSet::new(), unhashed: None };
        for artifact in &inputs.release.artifacts {
            match artifact.shipped.map(inputs.digests) {
                Some(Some(digest)) => {
                    shipped.digests.insert(digest);
                    shipped.all.push((&artifact.name, digest));
                }
                Some(None) => shipped.unhashed = shipped.unhashed.or(Some(&artifact.name)),
                None => {}
            }
        }
        shipped
    }

    fn not_ready(&self) -> Option<(Standing, String)> {
        if let Some(name) = self.unhashed {
            return Some((Standing::Absent, format!("{} has not been hashed", name.shown().cut(120))));
        }
        self.all.is_empty().then(|| (Standing::Absent, "nothing was shipped".to_owned()))
    }

    /// Whether an attestation names any of them: in time proportional to its subjects, since a bundle may have many of both.
    fn is_named_by(&self, attestation: &Attestation) -> bool {
        attestation.subjects.iter().flat_map(|s| &s.digests).filter_map(Digest::sha256).any(|d| self.digests.contains(&d))
    }

    fn named_by(&self, digests: &BTreeSet<Sha256>) -> usize {
        self.all.iter().filter(|(_, d)| digests.contains(d)).count()
    }
}

fn digests_of<'a>(attestations: impl Iterator<Item = &'a Attestation>) -> BTreeSet<Sha256> {
    attestations.flat_map(|a| &a.subjects).flat_map(|s| &s.digests).filter_map(Digest::sha256).collect()
}

fn tree_commit(inputs: &Inputs<'_>) -> (Standing, String) {
    let Some(source) = inputs.source else { return (Standing::Absent, "no source tree has been read".to_owned()) };
    let (Some(commit), Some(tree)) = (&source.commit, &source.tree) else {
        return (Standing::Absent, format!("{} is not a repository: its tree has no commit", source.origin.shown().cut_start(120)));
    };
    let below = |path: &Untrusted| path.as_bytes().strip_prefix(b"data/").unwrap_or(path.as_bytes()).to_vec();
    let sources = &inputs.release.sources;
    let declared = sources.iter().find(|s| sources.len() == 1 || below(&s.path) == below(&source.origin));
    // An object that is missing or is not what its name says: then the tree shown is not the whole tree of that commit.
    let unsound = source.defects.iter().find(|d| d.code == "source.object" && d.severity == Severity::Fail);
    match declared.and_then(|d| d.commit.as_ref()) {
        Some(named) if !named.eq_ignore_ascii_case(commit) => (
            Standing::Broken,
            format!("release.json names commit {}, and the tree shown is that of {commit}", crate::text::Shown::new(named).cut(64)),
        ),
        _ if unsound.is_some() => (Standing::Broken, unsound.map(|d| format!("{}: {}", d.place, d.what)).unwrap_or_default()),
        _ => (Standing::Proven, format!("tree {tree} is the tree of commit {commit}, read from {}", source.origin.shown().cut_start(120))),
    }
}

fn commit_tag(inputs: &Inputs<'_>) -> (Standing, String) {
    let Some(source) = inputs.source else { return (Standing::Absent, "no source tree has been read".to_owned()) };
    let Some(tag) = &source.tag else { return (Standing::Absent, "release.json names no tag".to_owned()) };
    let (tag, commit) = (tag.shown().cut(120), source.commit.as_deref().unwrap_or("none"));
    match source.tag_matches {
        Some(true) => (Standing::Proven, format!("the tag {tag} points at commit {commit}")),
        Some(false) => (Standing::Broken, format!("the tag {tag} does not point at commit {commit}")),
        None => (Standing::Absent, format!("the repository has no tag {tag}")),
    }
}

fn commit_provenance(inputs: &Inputs<'_>, shipped: &Shipped<'_>, provenance: &[&Attestation]) -> (Standing, String) {
    let Some(ours) = inputs.source.and_then(|s| s.commit.as_deref()) else {
        return (Standing::Absent, "the source shown has no commit".to_owned());
    };
    if let Some(not_ready) = shipped.not_ready() {
        return not_ready;
    }
    let named: Vec<&Attestation> = provenance.iter().copied().filter(|a| shipped.is_named_by(a)).collect();
    if named.is_empty() {
        return (Standing::Absent, "no provenance names a shipped artifact".to_owned());
    }
    // A statement that contradicts the source breaks the link whoever signed it: the safe side, and the reason says who.
    let mut contradicting: Vec<&Attestation> =
        named.iter().copied().filter(|a| a.commit.as_deref().is_some_and(|c| !c.eq_ignore_ascii_case(ours))).collect();
    contradicting.sort_by_key(|a| !is_trusted(a));
    if let Some(first) = contradicting.first() {
        let who = if is_trusted(first) { format!("signed by {}", signer(first)) } else { "not signed by a trusted key".to_owned() };
        let commit = first.commit.as_deref().unwrap_or("");
        return (Standing::Broken, format!("{} ({who}) names commit {commit}, and the source shown is {ours}", place(first)));
    }
    let agreeing: Vec<&Attestation> = named.iter().copied().filter(|a| a.commit.is_some()).collect();
    let trusted: Vec<&Attestation> = agreeing.iter().copied().filter(|a| is_trusted(a)).collect();
    let covered = shipped.named_by(&digests_of(trusted.iter().copied()));
    let total = shipped.all.len();
    match trusted.first() {
        Some(first) if covered == total => (
            Standing::Claimed,
            format!("{} says that {total} of {total} artifacts were built from commit {ours} ({})", signer(first), place(first)),
        ),
        Some(_) => (Standing::Absent, format!("trusted provenance names commit {ours} for {covered} of {total} shipped artifacts only")),
        None => match agreeing.first() {
            None => (Standing::Absent, "the provenance names no commit".to_owned()),
            Some(first) => {
                (Standing::Absent, format!("{} names commit {ours}, but no key that the reviewer trusts signed it", place(first)))
            }
        },
    }
}

fn shipped_subject(shipped: &Shipped<'_>, provenance: &[&Attestation], all: &[Attestation]) -> (Standing, String) {
    if let Some(not_ready) = shipped.not_ready() {
        return not_ready;
    }
    let total = shipped.all.len();
    // A layout speaks of artifacts by the links of its steps, when all of it holds.
    let layouts = all.iter().filter(|a| a.kind == "in-toto layout" && outcome(a, Question::Materials) == Outcome::Yes);
    let trusted: Vec<&Attestation> = provenance.iter().copied().chain(layouts).filter(|a| is_trusted(a)).collect();
    let proven = digests_of(trusted.iter().copied());
    let covered = shipped.named_by(&proven);
    if covered == total {
        let who = trusted.first().map(|a| signer(a)).unwrap_or_default();
        return (Standing::Proven, format!("{total} of {total} shipped artifacts equal subjects of provenance signed by {who}"));
    }
    let mut others: BTreeMap<&[u8], Sha256> = BTreeMap::new();
    for subject in trusted.iter().flat_map(|a| &a.subjects) {
        if let Some(sha) = subject.digests.iter().find_map(Digest::sha256) {
            others.insert(subject.name.as_bytes(), sha);
        }
    }
    for (name, digest) in shipped.all.iter().filter(|(_, d)| !proven.contains(d)) {
        if let Some(said) = others.get(name.as_bytes()) {
            let why = format!(
                "trusted provenance says sha256 {}… for {}, which has {}…",
                said.short(12),
                name.shown().cut(120),
                digest.short(12)
            );
            return (Standing::Broken, why);
        }
    }
    let anyhow = shipped.named_by(&digests_of(provenance.iter().copied()));
    let listed = shipped.named_by(&digests_of(all.iter()));
    let why = if covered > 0 {
        format!("trusted provenance names {covered} of {total} shipped artifacts only")
    } else if anyhow > 0 {
        format!("provenance names {anyhow} of {total} shipped artifacts, but no key that the reviewer trusts signed it")
    } else if listed > 0 {
        format!("no provenance names a shipped artifact; lists of checksums name {listed} of {total}")
    } else {
        "no attestation names a shipped artifact".to_owned()
    };
    (Standing::Absent, why)
}

fn rebuilt_shipped(inputs: &Inputs<'_>) -> (Standing, String) {
    let artifacts = &inputs.release.artifacts;
    let (mut same, mut explained, mut open) = (0_usize, 0_usize, Vec::new());
    for (index, artifact) in artifacts.iter().enumerate().filter(|(_, a)| a.shipped.is_some()) {
        let name = artifact.name.shown().cut(120);
        let node = inputs.comparisons.get(index).and_then(Option::as_ref);
        match node.map(|n| n.result) {
            Some(ResultMark::Different) => {
                return (Standing::Broken, format!("{name} differs from its rebuild in bytes that nothing explains"));
            }
            _ if artifact.rebuilt.is_empty() => open.push(format!("{name} was not rebuilt")),
            Some(ResultMark::Identical) => same += 1,
            Some(ResultMark::Equivalent) => explained += 1,
            Some(ResultMark::NotExamined) => open.push(format!("{name} was not examined")),
            Some(ResultMark::OnlyShipped | ResultMark::OnlyRebuilt) => open.push(format!("{name} is on one side only")),
            None => open.push(format!("{name} has not been compared yet")),
        }
    }
    let total = same + explained + open.len();
    match open.first() {
        _ if total == 0 => (Standing::Absent, "nothing was shipped".to_owned()),
        Some(first) => (Standing::Absent, format!("{} of {total} artifacts are not shown equal: {first}", open.len())),
        None if explained == 0 => (Standing::Proven, format!("{same} of {total} artifacts are bit-identical to their rebuild")),
        None => (
            Standing::Proven,
            format!(
                "{same} of {total} artifacts are bit-identical to their rebuild, {explained} differ only in bytes that a proof explains"
            ),
        ),
    }
}
