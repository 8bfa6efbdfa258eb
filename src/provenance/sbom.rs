//! Bills of materials against what is in the bundle, both ways. A digest that is equal is proven; a component that a file names
//! itself is a hint, and stays a claim.

mod read;

use std::collections::{BTreeMap, BTreeSet};

use crate::digest::{Algorithm, Digest};
use crate::model::{Answer, ChainLink, Clue, Component, Contents, Held, Holder, Lead, Outcome, Question, Side, Standing};
use crate::text::Shown;

use super::judge::{Known, base};
pub(crate) use read::{Document, document, of_tree, package_url};
use read::{Part, Purl};

/// Cases that are listed of one kind at most; all are counted.
const MAX_CLUES: usize = 200;

/// A document, and the row of attestations that shows it.
pub(crate) struct Read {
    pub(crate) row: usize,
    pub(crate) document: Document,
}

/// What came of one part.
enum Found {
    /// A digest that binds is that of something here.
    Equal,
    /// Only a digest that does not bind is.
    Weak,
    /// Something here has its name and other bytes.
    Differs(String),
    /// It states a digest, and nothing here has it.
    Absent,
    /// It states no digest.
    Unstated,
}

/// What the bundle consists of, by digest and by name.
struct Index<'a> {
    known: &'a Known,
    by_digest: BTreeMap<(Algorithm, &'a [u8]), &'a Held>,
    by_path: BTreeMap<&'a [u8], &'a Held>,
    /// Components that shipped files name, by type and name: versions, and who says so.
    embedded: BTreeMap<(&'static str, String), Vec<(&'a Component, &'a Held)>>,
    kinds: BTreeSet<&'static str>,
    /// The same without the type.
    by_name: BTreeMap<String, BTreeSet<&'static str>>,
}

/// The path of a member, without the containers around it.
fn own_path(name: &[u8]) -> &[u8] {
    let own = name.rsplit(|b| *b == b'!').next().unwrap_or(name);
    own.strip_prefix(b"./").unwrap_or(own)
}

/// Names as an index of the ecosystem has them.
fn normal(kind: &str, name: &str) -> String {
    match kind {
        "pypi" => name.to_ascii_lowercase().replace(['_', '.'], "-"),
        _ => name.to_owned(),
    }
}

impl<'a> Index<'a> {
    fn new(known: &'a Known, contents: &'a Contents) -> Self {
        let mut index = Self {
            known,
            by_digest: BTreeMap::new(),
            by_path: BTreeMap::new(),
            embedded: BTreeMap::new(),
            kinds: BTreeSet::new(),
            by_name: BTreeMap::new(),
        };
        for held in &contents.held {
            for digest in &held.digests {
                index.by_digest.entry((digest.algorithm, &digest.bytes)).or_insert(held);
            }
            if matches!(held.holder, Holder::Artifact(_, Side::Shipped) | Holder::Source(_)) {
                index.by_path.entry(own_path(held.name.as_bytes())).or_insert(held);
            }
            if matches!(held.holder, Holder::Artifact(_, Side::Shipped)) {
                for component in &held.embedded.components {
                    let name = normal(component.kind, &component.name);
                    index.kinds.insert(component.kind);
                    index.by_name.entry(name.clone()).or_default().insert(component.kind);
                    index.embedded.entry((component.kind, name)).or_default().push((component, held));
                }
            }
        }
        index
    }

    fn find(&self, part: &Part) -> Found {
        if part.digests.is_empty() {
            return Found::Unstated;
        }
        let here =
            |d: &&Digest| self.by_digest.contains_key(&(d.algorithm, &*d.bytes)) || d.sha256().is_some_and(|sha| self.known.has(sha));
        let strong: Vec<&Digest> = part.digests.iter().filter(|d| d.algorithm.is_strong()).collect();
        // All that bind must agree: one that does not is a contradiction, whatever the others say.
        if !strong.is_empty() && strong.iter().any(here) {
            return Found::Equal;
        }
        if strong.is_empty() && part.digests.iter().any(|d| here(&d)) {
            return Found::Weak;
        }
        let path = part.name.strip_prefix("./").unwrap_or(&part.name).as_bytes();
        let held = self.by_path.get(path).filter(|_| part.is_file);
        for said in &part.digests {
            let ours = held.and_then(|h| h.digests.iter().find(|d| d.algorithm == said.algorithm));
            if let (Some(ours), Some(held)) = (ours, held) {
                let (name, word) = (held.name.shown().cut_start(120), said.algorithm.name());
                let (said, ours) = (short(said), short(ours));
                return Found::Differs(format!("it says {word} {said}… for {}, and {name} has {ours}…", Shown::new(&part.name).cut(120)));
            }
        }
        let ours = self.known.called(base(path));
        match (part.digests.iter().find_map(Digest::sha256), ours) {
            (Some(said), Some(ours)) => Found::Differs(format!(
                "it says sha256 {}… for {}, and the file here has {}…",
                said.short(12),
                Shown::new(&part.name).cut(120),
                ours.short(12)
            )),
            _ => Found::Absent,
        }
    }

    /// The components with the name of a part, and whether files here name all that they have of its type: crates and modules.
    /// (A package names itself, and not what it needs when it runs.)
    fn named(&self, part: &Part) -> (Vec<&(&'a Component, &'a Held)>, bool) {
        match &part.purl {
            Some(Purl { kind, name, .. }) => {
                let own = self.kinds.get(kind.as_str());
                let key = own.map(|k| (*k, normal(k, name)));
                (
                    key.and_then(|key| self.embedded.get(&key)).into_iter().flatten().collect(),
                    own.is_some_and(|k| matches!(*k, "cargo" | "golang")),
                )
            }
            None => {
                let kinds = self.by_name.get(&part.name).into_iter().flatten();
                (kinds.filter_map(|k| self.embedded.get(&(*k, part.name.clone()))).flatten().collect(), false)
            }
        }
    }
}

fn short(digest: &Digest) -> String {
    digest.to_string().chars().take(12).collect()
}

/// Whether two versions are written for the same: Go puts a `v` in front, and some lists leave it out.
fn same_version(one: &str, other: &str) -> bool {
    one.trim_start_matches('v') == other.trim_start_matches('v')
}

/// Cases of one kind, counted beyond what is listed.
#[derive(Default)]
struct Cases {
    count: usize,
    clues: Vec<Clue>,
}

impl Cases {
    fn add(&mut self, text: String, at: Lead) {
        self.count += 1;
        if self.clues.len() < MAX_CLUES {
            self.clues.push(Clue { text, at });
        }
    }

    fn into(self, out: &mut Vec<Clue>) {
        let more = self.count - self.clues.len();
        out.extend(self.clues);
        if more > 0 {
            out.push(Clue { text: format!("… and {more} more of this kind"), at: Lead::Nowhere });
        }
    }
}

/// What came of all documents: the answers (a) and (g) of each, by its row, and the link of the chain.
pub(crate) fn judge(read: &[Read], known: &Known, contents: &Contents, own: &BTreeSet<&str>) -> (Vec<(usize, [Answer; 2])>, ChainLink) {
    let index = Index::new(known, contents);
    let (mut differs, mut versions, mut absent, mut unlisted) = (Cases::default(), Cases::default(), Cases::default(), Cases::default());
    let (mut equal, mut found, mut parts) = (0usize, 0usize, 0usize);
    let mut listed: BTreeSet<(&'static str, String)> = BTreeSet::new();
    let mut answers = Vec::new();
    for Read { row, document } in read {
        let mut one = One::default();
        for part in &document.parts {
            parts += 1;
            one.stated += usize::from(!part.digests.is_empty());
            let name = read::called(part);
            let shown = name.shown().cut(160);
            let state = index.find(part);
            let is_here = matches!(state, Found::Equal | Found::Weak);
            match state {
                Found::Equal => one.equal += 1,
                Found::Weak => one.weak += 1,
                Found::Differs(why) => {
                    one.differs.get_or_insert(why.clone());
                    differs.add(why, Lead::Attestation(*row));
                }
                Found::Absent if part.is_file => {
                    one.lost += 1;
                    absent.add(format!("listed with a digest that nothing here has: {shown}"), Lead::Attestation(*row));
                }
                Found::Absent | Found::Unstated => {}
            }
            if part.is_file {
                continue;
            }
            one.components += 1;
            let (named, kind_is_here) = index.named(part);
            let version = part.purl.as_ref().map(|p| p.version.as_str()).filter(|v| !v.is_empty()).unwrap_or(&part.version);
            for (component, _) in &named {
                listed.insert((component.kind, normal(component.kind, &component.name)));
            }
            let told: Vec<_> = named.iter().filter(|(c, _)| !c.version.is_empty() && c.version != "(devel)").collect();
            let agrees = version.is_empty() || told.is_empty() || told.iter().any(|(c, _)| same_version(&c.version, version));
            match named.first() {
                Some(_) if agrees => one.found += 1,
                Some(_) => {
                    let (component, held) = told.first().copied().copied().unwrap_or(named[0]);
                    let (ours, place) = (Shown::new(&component.version).cut(60), held.name.shown().cut_start(100));
                    let why = format!("it lists {shown}, and {place} says that it has {} {ours}", Shown::new(&component.name).cut(80));
                    one.versions.get_or_insert(why.clone());
                    versions.add(why, spot(held));
                }
                None if is_here || own.contains(part.name.as_str()) => one.found += 1,
                None if kind_is_here => {
                    one.missing += 1;
                    absent.add(format!("listed, and no shipped file says that it has it: {shown}"), Lead::Attestation(*row));
                }
                None => one.unseen += 1,
            }
        }
        equal += one.equal;
        found += one.found;
        answers.push((*row, one.answers()));
    }
    for (key, all) in index.embedded.iter().filter(|(key, _)| !listed.contains(key) && !own.contains(key.1.as_str())) {
        let Some((component, held)) = all.first() else { continue };
        let (name, version) = (Shown::new(&component.name).cut(100), Shown::new(&component.version).cut(60));
        let place = held.name.shown().cut_start(100);
        unlisted.add(format!("{place} says that it has {name} {version} ({}), which no list names", key.0), spot(held));
    }
    let counts = [
        (differs.count, "with other bytes here"),
        (versions.count, "with another version"),
        (absent.count, "listed and not found"),
        (unlisted.count, "found and not listed"),
    ];
    let wrong: Vec<String> = counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    let standing = match (differs.count + versions.count, absent.count + unlisted.count, equal + found) {
        (1.., ..) => Standing::Broken,
        (_, 1.., _) | (_, _, 0) => Standing::Absent,
        _ => Standing::Claimed,
    };
    let mut evidence = Vec::new();
    for cases in [differs, versions, absent, unlisted] {
        cases.into(&mut evidence);
    }
    // What is in there may be what was not found.
    evidence.extend(contents.closed.iter().take(MAX_CLUES).filter_map(|(holder, why)| match holder {
        Holder::Artifact(index, Side::Shipped) => Some(Clue { text: format!("not opened: {why}"), at: Lead::Artifact(*index) }),
        _ => None,
    }));
    let lists = if read.len() == 1 { "1 list".to_owned() } else { format!("{} lists", read.len()) };
    let tail =
        if wrong.is_empty() { "; components are what files say of themselves".to_owned() } else { format!("; {}", wrong.join(", ")) };
    let why = format!("{lists} with {parts} entries: {equal} equal files by digest, {found} components found{tail}");
    (answers, ChainLink { name: "bundle = SBOM", standing, why, evidence })
}

fn spot(held: &Held) -> Lead {
    match held.holder {
        Holder::Artifact(index, _) | Holder::Debug(index) => Lead::Artifact(index),
        Holder::Source(entry) => Lead::Source(entry),
    }
}

/// The counts of one document.
#[derive(Default)]
struct One {
    stated: usize,
    equal: usize,
    weak: usize,
    lost: usize,
    components: usize,
    found: usize,
    missing: usize,
    unseen: usize,
    differs: Option<String>,
    versions: Option<String>,
}

impl One {
    fn answers(self) -> [Answer; 2] {
        use Outcome::{CannotTell, No, Yes};
        let say = |question, outcome, reason: String| Answer { question, outcome, reason };
        let counted = format!("{} of {} entries with a digest equal files we hashed", self.equal, self.stated);
        let subject = match self.differs {
            Some(why) => (No, why),
            None if self.stated == 0 => (CannotTell, "it states no digest".to_owned()),
            None if self.weak > 0 => (CannotTell, format!("{counted}; {} agree in md5 or sha1 only, which binds nothing", self.weak)),
            None if self.equal == self.stated => (Yes, counted),
            None => (CannotTell, format!("{counted}; the others are not in the bundle")),
        };
        let unseen = if self.unseen == 0 { String::new() } else { format!("; for {} nothing here could say so", self.unseen) };
        let missing = if self.missing == 0 { String::new() } else { format!("; {} were not found", self.missing) };
        let lost = if self.lost == 0 { String::new() } else { format!("; {} files are not here", self.lost) };
        let materials = match self.versions {
            Some(why) => (No, why),
            None => {
                let all = self.components;
                let reason = format!("{} of {all} components are named by files here: hints, no proof{missing}{unseen}{lost}", self.found);
                (CannotTell, reason)
            }
        };
        [say(Question::Subject, subject.0, subject.1), say(Question::Materials, materials.0, materials.1)]
    }
}

/// Algorithms other than SHA-256 that the documents state digests of.
pub(crate) fn algorithms(read: &[Read]) -> Vec<Algorithm> {
    let all = read.iter().flat_map(|r| &r.document.parts).flat_map(|p| &p.digests).map(|d| d.algorithm);
    all.filter(|a| *a != Algorithm::Sha256).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Whether some document lists files by digest: then those of the source are hashed as well.
pub(crate) fn lists_files(read: &[Read]) -> bool {
    read.iter().flat_map(|r| &r.document.parts).any(|p| p.is_file && !p.digests.is_empty())
}

/// Whether that is the type of a predicate that is a bill of materials.
pub(crate) fn is_predicate(predicate_type: &str) -> bool {
    predicate_type.starts_with("https://spdx.dev/Document") || predicate_type.starts_with("https://cyclonedx.org/bom")
}
