//! A release made of files in memory, and statements about it made here.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use countersign::digest::{Algorithm, Digest, Hasher, Sha256};
use countersign::model::{
    Artifact, Attestation, Carrier, ChainLink, Contents, FileId, FileRole, Identity, IdentityBasis, Node, NodeKind, Outcome, PayloadFile,
    Question, Rebuild, Release, ResultMark, SourceTree, Standing,
};
use countersign::provenance::minisign::Keys;
use countersign::provenance::openpgp::Keyring;
use countersign::provenance::sigstore::Root;
use countersign::provenance::{Accepts, AllowedSigners, Inputs, OpenPgpTrust, SigstoreTrust, dsse, examine};
use countersign::text::Untrusted;
use ed25519_dalek::Signer as _;

pub(crate) const COMMIT: &str = "565e73d13aceeaafc0f1e5638f78355a9431b9eb";
/// What `ssh-keygen -l` prints for the two test keys of the real releases.
pub(crate) const VENDOR: &str = "SHA256:sNfSVLV7zNL5Gh6rjhSCOlEvpVyiY89kEDjT+/PvR+c";
pub(crate) const BUILDER: &str = "SHA256:KsRNQjAZV/iatvBJB+L5A+Wba5dXqoDEVRA0K5+cXhA";

pub(crate) struct Case {
    pub(crate) release: Release,
    pub(crate) contents: BTreeMap<u32, Vec<u8>>,
    pub(crate) signers: AllowedSigners,
    pub(crate) source: Option<SourceTree>,
    pub(crate) builders: BTreeSet<String>,
    pub(crate) sources: BTreeSet<String>,
    pub(crate) verifiers: BTreeSet<String>,
    pub(crate) lacking: &'static dyn Fn(&[&str]) -> Option<String>,
    pub(crate) comparisons: Vec<Option<Arc<Node>>>,
    pub(crate) inside: Contents,
    pub(crate) unhashed: RefCell<BTreeSet<u32>>,
    pub(crate) sigstore: Option<(Root, Vec<(String, String)>)>,
    pub(crate) openpgp: Option<Keyring>,
    pub(crate) minisign: Keys,
}

impl Case {
    /// Files as (path, bytes); every file in `data/shipped` is an artifact, with what has the same name in `data/rebuilt`.
    pub(crate) fn new(mut files: Vec<(String, Vec<u8>)>, product: &str) -> Self {
        files.sort();
        let role = |path: &str| match path.split('/').nth(1) {
            Some("provenance") => FileRole::Provenance,
            Some("trust") => FileRole::Trust,
            Some("shipped") => FileRole::Shipped,
            Some("rebuilt") => FileRole::Rebuilt,
            _ => FileRole::Other,
        };
        let id = |path: &str| files.iter().position(|(p, _)| p == path).map(|i| FileId(u32::try_from(i).unwrap()));
        let artifacts: Vec<_> = files
            .iter()
            .filter_map(|(path, _)| {
                let name = path.strip_prefix("data/shipped/")?;
                let rebuilt = id(&format!("data/rebuilt/{name}")).map(|file| Rebuild { by: None, file });
                Some(Artifact { name: name.into(), shipped: id(path), rebuilt: rebuilt.into_iter().collect(), debug: Vec::new() })
            })
            .collect();
        let payload = |(path, bytes): &(String, Vec<u8>)| PayloadFile {
            path: path.as_str().into(),
            role: role(path),
            size: bytes.len() as u64,
            declared: Vec::new(),
            present: true,
        };
        let release = Release {
            product: product.into(),
            version: "1".into(),
            files: files.iter().map(payload).collect(),
            artifacts,
            ..Release::new(Carrier::Directory, Identity { digest: None, basis: IdentityBasis::TagManifest })
        };
        let comparisons = vec![None; release.artifacts.len()];
        let contents = files.into_iter().enumerate().map(|(i, (_, b))| (u32::try_from(i).unwrap(), b)).collect();
        let source = SourceTree {
            origin: "data/source/x.bundle".into(),
            commit: Some(COMMIT.into()),
            tree: Some("aa".repeat(20)),
            tag: Some("v1".into()),
            tag_matches: Some(true),
            ..SourceTree::default()
        };
        Self {
            release,
            contents,
            signers: AllowedSigners::default(),
            source: Some(source),
            builders: BTreeSet::new(),
            sources: BTreeSet::new(),
            verifiers: BTreeSet::new(),
            lacking: &|_| None,
            comparisons,
            inside: Contents::default(),
            unhashed: RefCell::default(),
            sigstore: None,
            openpgp: None,
            minisign: Keys::default(),
        }
    }

    pub(crate) fn examine(&self) -> (Vec<Attestation>, Vec<ChainLink>) {
        let digests = |id: FileId| {
            if self.unhashed.borrow().contains(&id.0) { None } else { self.contents.get(&id.0).map(|b| Sha256::of(b)) }
        };
        let files: Vec<(FileId, Untrusted, Vec<u8>)> = self
            .release
            .files
            .iter()
            .zip(&self.contents)
            .filter(|(f, _)| matches!(f.role, FileRole::Provenance | FileRole::Trust))
            .map(|(f, (id, bytes))| (FileId(*id), f.path.clone(), bytes.clone()))
            .collect();
        examine(&Inputs {
            files: &files,
            signers: &self.signers,
            release: &self.release,
            digests: &digests,
            source: self.source.as_ref(),
            accepts: Accepts { builders: &self.builders, sources: &self.sources, verifiers: &self.verifiers, lacking: self.lacking },
            openpgp: self.openpgp.as_ref().map(|ring| OpenPgpTrust { ring, now: 1_795_000_000 }),
            sigstore: self.sigstore.as_ref().map(|(root, identities)| SigstoreTrust { root, identities, now: 1_795_000_000 }),
            contents: &|_| Arc::new(self.inside.clone()),
            now: 1_795_000_000,
            minisign: &self.minisign,
            sha512: &|id| self.sha512(id),
            read: &|id| self.contents.get(&id.0).cloned().ok_or_else(|| "not there".to_owned()),
            comparisons: &self.comparisons,
        })
    }

    pub(crate) fn sha512(&self, id: FileId) -> Option<Digest> {
        let mut hasher = Hasher::new(&[Algorithm::Sha512]);
        hasher.update(self.contents.get(&id.0)?);
        hasher.finish().1.pop()
    }

    pub(crate) fn compared(mut self, result: ResultMark) -> Self {
        self.comparisons =
            self.release.artifacts.iter().map(|a| Some(Arc::new(Node::new(a.name.clone(), NodeKind::Data, result)))).collect();
        self
    }
}

pub(crate) fn get(row: &Attestation, question: Question) -> (Outcome, &str) {
    let answer = row.answers.iter().find(|a| a.question == question).unwrap();
    (answer.outcome, &answer.reason)
}

pub(crate) fn link<'a>(links: &'a [ChainLink], name: &str) -> (Standing, &'a str) {
    let link = links.iter().find(|l| l.name == name).unwrap();
    (link.standing, &link.why)
}

pub(crate) fn corpus(below: &str) -> Option<PathBuf> {
    match std::env::var_os("COUNTERSIGN_CORPUS") {
        Some(dir) => Some(Path::new(&dir).join(below)),
        None => {
            println!("skipped: COUNTERSIGN_CORPUS is not set");
            None
        }
    }
}

pub(crate) fn real(name: &str) -> Option<Case> {
    fn walk(root: &Path, dir: &Path, out: &mut Vec<(String, Vec<u8>)>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(root, &path, out);
            } else {
                let relative = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                out.push((relative, std::fs::read(&path).unwrap()));
            }
        }
    }
    let root = corpus("../releases")?.join(name);
    let mut files = Vec::new();
    walk(&root, &root.join("data"), &mut files);
    let declared: serde_json::Value = serde_json::from_slice(&std::fs::read(root.join("data/release.json")).unwrap()).unwrap();
    let mut case = Case::new(files, name);
    let text = |p: &str| declared.pointer(p).unwrap().as_str().unwrap().to_owned();
    if let Some(source) = &mut case.source {
        source.commit = Some(text("/source/0/commit"));
    }
    Some(case)
}

pub(crate) fn secret(seed: u8) -> ed25519_dalek::SigningKey {
    ed25519_dalek::SigningKey::from_bytes(&[seed; 32])
}

pub(crate) fn blob(seed: u8) -> Vec<u8> {
    let mut out = vec![0, 0, 0, 11];
    out.extend_from_slice(b"ssh-ed25519\0\0\0\x20");
    out.extend_from_slice(secret(seed).verifying_key().as_bytes());
    out
}

pub(crate) fn signer_line(principal: &str, options: &str, seed: u8) -> String {
    format!("{principal} {options} ssh-ed25519 {}\n", base64::engine::general_purpose::STANDARD.encode(blob(seed)))
}

pub(crate) fn envelope(payload: &str, seeds: &[u8]) -> Vec<u8> {
    let message = dsse::pae(dsse::IN_TOTO, payload.as_bytes());
    dsse::write(&dsse::Envelope {
        payload_type: dsse::IN_TOTO.into(),
        payload: payload.as_bytes().to_vec(),
        signatures: seeds
            .iter()
            .map(|s| dsse::Signature {
                keyid: countersign::provenance::fingerprint(&blob(*s)).into(),
                sig: secret(*s).sign(&message).to_bytes().to_vec(),
            })
            .collect(),
    })
}

pub(crate) fn slsa(subjects: &[(&str, &str)], commit: &str, builder: &str) -> String {
    let subjects: Vec<_> = subjects.iter().map(|(n, d)| serde_json::json!({"name": n, "digest": {"sha256": d}})).collect();
    serde_json::json!({
        "_type": "https://in-toto.io/Statement/v1", "subject": subjects, "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {"buildDefinition": {"buildType": "t", "resolvedDependencies": [
            {"uri": "git+https://x", "digest": {"gitCommit": commit}}]}, "runDetails": {"builder": {"id": builder}}}
    })
    .to_string()
}

pub(crate) fn made(provenance: &[(&str, Vec<u8>)]) -> Case {
    let mut files = vec![("data/shipped/a.deb".to_owned(), b"aaa".to_vec()), ("data/shipped/b.deb".to_owned(), b"bbb".to_vec())];
    files.extend(provenance.iter().map(|(n, b)| (format!("data/provenance/{n}"), b.clone())));
    let mut case = Case::new(files, "made");
    case.signers = AllowedSigners::parse(signer_line("builder@x", "", 1).as_bytes()).unwrap();
    case
}

pub(crate) fn both() -> [(String, String); 2] {
    [("a.deb".into(), Sha256::of(b"aaa").to_string()), ("b.deb".into(), Sha256::of(b"bbb").to_string())]
}

pub(crate) fn good(commit: &str) -> String {
    let both = both();
    slsa(&[(&both[0].0, &both[0].1), (&both[1].0, &both[1].1)], commit, "https://b")
}

pub(crate) fn sha512(name: &str) -> String {
    let case = made(&[]);
    let index = case.release.files.iter().position(|f| f.path.lossy().ends_with(name)).unwrap();
    case.sha512(FileId(u32::try_from(index).unwrap())).unwrap().to_string()
}
