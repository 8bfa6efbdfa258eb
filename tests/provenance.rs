//! Attestations and the chain, on the real releases and on statements made here with each thing wrong in turn.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may panic, and says why it skips")]

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use countersign::digest::{Algorithm, Digest, Hasher, Sha256};
use countersign::model::{
    Artifact, Attestation, Carrier, ChainLink, Contents, FileId, FileRole, Identity, IdentityBasis, Node, NodeKind, Outcome, PayloadFile,
    Question, Rebuild, Release, ResultMark, SignedObject, SourceTree, Standing,
};
use countersign::provenance::minisign::Keys;
use countersign::provenance::openpgp::Keyring;
use countersign::provenance::sigstore::Root;
use countersign::provenance::{Accepts, AllowedSigners, Inputs, OpenPgpTrust, SigstoreTrust, dsse, examine, sshsig};
use countersign::text::Untrusted;
use ed25519_dalek::Signer as _;

const COMMIT: &str = "565e73d13aceeaafc0f1e5638f78355a9431b9eb";
/// What `ssh-keygen -l` prints for the two test keys of the real releases.
const VENDOR: &str = "SHA256:sNfSVLV7zNL5Gh6rjhSCOlEvpVyiY89kEDjT+/PvR+c";
const BUILDER: &str = "SHA256:KsRNQjAZV/iatvBJB+L5A+Wba5dXqoDEVRA0K5+cXhA";

struct Case {
    release: Release,
    contents: BTreeMap<u32, Vec<u8>>,
    signers: AllowedSigners,
    source: Option<SourceTree>,
    builders: BTreeSet<String>,
    sources: BTreeSet<String>,
    verifiers: BTreeSet<String>,
    lacking: &'static dyn Fn(&[&str]) -> Option<String>,
    comparisons: Vec<Option<Arc<Node>>>,
    inside: Contents,
    unhashed: RefCell<BTreeSet<u32>>,
    sigstore: Option<(Root, Vec<(String, String)>)>,
    openpgp: Option<Keyring>,
    minisign: Keys,
}

impl Case {
    /// Files as (path, bytes); every file in `data/shipped` is an artifact, with what has the same name in `data/rebuilt`.
    fn new(mut files: Vec<(String, Vec<u8>)>, product: &str) -> Self {
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
            carrier: Carrier::Directory,
            identity: Identity { digest: None, basis: IdentityBasis::TagManifest },
            product: product.into(),
            version: "1".into(),
            files: files.iter().map(payload).collect(),
            sources: Vec::new(),
            artifacts,
            required: Vec::new(),
            unknown: Vec::new(),
            bag_info: Vec::new(),
            defects: Vec::new(),
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

    fn examine(&self) -> (Vec<Attestation>, Vec<ChainLink>) {
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

    fn sha512(&self, id: FileId) -> Option<Digest> {
        let mut hasher = Hasher::new(&[Algorithm::Sha512]);
        hasher.update(self.contents.get(&id.0)?);
        hasher.finish().1.pop()
    }

    fn compared(mut self, result: ResultMark) -> Self {
        self.comparisons =
            self.release.artifacts.iter().map(|a| Some(Arc::new(Node::new(a.name.clone(), NodeKind::Data, result)))).collect();
        self
    }
}

fn get(row: &Attestation, question: Question) -> (Outcome, &str) {
    let answer = row.answers.iter().find(|a| a.question == question).unwrap();
    (answer.outcome, &answer.reason)
}

fn link<'a>(links: &'a [ChainLink], name: &str) -> (Standing, &'a str) {
    let link = links.iter().find(|l| l.name == name).unwrap();
    (link.standing, &link.why)
}

fn corpus(below: &str) -> Option<PathBuf> {
    match std::env::var_os("COUNTERSIGN_CORPUS") {
        Some(dir) => Some(Path::new(&dir).join(below)),
        None => {
            println!("skipped: COUNTERSIGN_CORPUS is not set");
            None
        }
    }
}

fn real(name: &str) -> Option<Case> {
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

#[test]
fn real_releases_with_the_reviewers_signers() {
    for name in ["sed", "hello", "gzip"] {
        let Some(mut case) = real(name) else { return };
        let trust = case.release.files.iter().position(|f| f.role == FileRole::Trust).unwrap();
        case.signers = AllowedSigners::parse(&case.contents[&u32::try_from(trust).unwrap()]).unwrap();
        assert_eq!(case.signers.entries().len(), 2);
        let case = case.compared(ResultMark::Identical);
        let (rows, links) = case.examine();
        assert_eq!(rows.len(), 3, "{rows:?}");

        let list = rows.iter().find(|r| r.kind == "SHA256SUMS with SSHSIG").unwrap();
        assert_eq!(get(list, Question::Subject), (Outcome::Yes, "1 of 1 subjects equal files we hashed"));
        assert_eq!(get(list, Question::Signature), (Outcome::Yes, &*format!("signed by vendor@test.invalid {VENDOR}")));
        assert_eq!(get(list, Question::Signer).0, Outcome::Yes);
        assert_eq!(list.signatures[0].principal.as_deref(), Some("vendor@test.invalid"));

        let slsa = rows.iter().find(|r| r.kind == "in-toto Statement v1").unwrap();
        assert_eq!(slsa.line, Some(1));
        assert_eq!(slsa.predicate_type, Some("https://slsa.dev/provenance/v1".into()));
        assert_eq!(slsa.builder, Some("https://builds.test.invalid/assembly-line".into()));
        assert_eq!(slsa.build_type, Some("https://builds.test.invalid/dpkg-buildpackage/v1".into()));
        assert_eq!(slsa.commit, case.source.as_ref().unwrap().commit);
        assert_eq!(get(slsa, Question::Subject), (Outcome::Yes, "1 of 1 subjects equal files we hashed"));
        assert_eq!(get(slsa, Question::Signature), (Outcome::Yes, &*format!("signed by builder@test.invalid {BUILDER}")));
        assert_eq!(get(slsa, Question::Signer).0, Outcome::Yes);
        assert_eq!(get(slsa, Question::Time), (Outcome::CannotTell, "no authenticated time"));
        assert_eq!(get(slsa, Question::Builder).0, Outcome::CannotTell);
        assert_eq!(get(slsa, Question::Source).0, Outcome::Yes);
        assert_eq!(get(slsa, Question::Materials), (Outcome::Yes, "it names no material beside the source commit"));

        let buildinfo = rows.iter().find(|r| r.kind == "Debian .buildinfo").unwrap();
        assert_eq!(get(buildinfo, Question::Signature), (Outcome::CannotTell, "it is not signed"));
        assert_ne!(get(buildinfo, Question::Subject).0, Outcome::No);
        assert_eq!(buildinfo.answers.len(), 7);

        let names: Vec<_> = links.iter().map(|l| (l.name, l.standing)).collect();
        assert_eq!(
            names,
            [
                ("tree = commit", Standing::Proven),
                ("commit = tag", Standing::Proven),
                ("tag = signer", Standing::Absent),
                ("commit = provenance", Standing::Claimed),
                // Only for sed is what was rebuilt the very file that the provenance names.
                ("rebuild input = commit", if name == "sed" { Standing::Claimed } else { Standing::Absent }),
                ("materials = bundle", Standing::Claimed),
                ("tools = declared", Standing::Absent),
                ("shipped = subject", Standing::Proven),
                ("rebuilt = shipped", Standing::Proven),
            ],
            "{links:?}"
        );
    }
}

#[test]
fn real_release_with_only_the_keys_that_it_offers() {
    let Some(case) = real("hello") else { return };
    let (rows, links) = case.examine();
    let slsa = rows.iter().find(|r| r.kind == "in-toto Statement v1").unwrap();
    let (outcome, reason) = get(slsa, Question::Signature);
    assert_eq!(outcome, Outcome::Yes);
    assert!(reason.contains("builder@test.invalid SHA256:KsRNQjAZV/iatvBJB+L5A+Wba5dXqoDEVRA0K5+cXhA, a key that the bundle itself offers in data/trust/allowed_signers"), "{reason}");
    assert!(reason.contains("an offer, not trust"), "{reason}");
    assert_eq!(get(slsa, Question::Signer), (Outcome::CannotTell, "no allowed signers were given: pass --signers FILE"));
    assert_eq!(slsa.signatures[0].outcome, Outcome::CannotTell);
    assert_eq!(slsa.signatures[0].principal, None);
    assert_eq!(link(&links, "commit = provenance").0, Standing::Absent);
    assert_eq!(link(&links, "shipped = subject").0, Standing::Absent);
    assert_eq!(
        link(&links, "rebuilt = shipped"),
        (Standing::Absent, "1 of 1 artifacts are not shown equal: hello_2.10-3_amd64.deb has not been compared yet")
    );
}

#[test]
fn real_release_with_a_reviewer_who_trusts_somebody_else() {
    let Some(mut case) = real("hello") else { return };
    case.signers = AllowedSigners::parse(signer_line("other@x", "", 7).as_bytes()).unwrap();
    let (rows, _) = case.examine();
    for row in rows.iter().filter(|r| !r.signatures.is_empty()) {
        let (outcome, reason) = get(row, Question::Signer);
        assert_eq!(outcome, Outcome::No, "{reason}");
        assert!(reason.contains("not among the reviewer's allowed signers"), "{reason}");
    }
}

#[test]
fn real_release_with_one_byte_changed() {
    let Some(mut case) = real("hello") else { return };
    let trust = case.release.files.iter().position(|f| f.role == FileRole::Trust).unwrap();
    case.signers = AllowedSigners::parse(&case.contents[&u32::try_from(trust).unwrap()]).unwrap();
    let shipped = case.release.files.iter().position(|f| f.role == FileRole::Shipped).unwrap();
    let bytes = case.contents.get_mut(&u32::try_from(shipped).unwrap()).unwrap();
    bytes[1000] ^= 1;
    // The rebuild is another file, so nothing has the stated digest any more.
    let (rows, links) = case.compared(ResultMark::Different).examine();
    for kind in ["SHA256SUMS with SSHSIG", "in-toto Statement v1"] {
        let (outcome, reason) = get(rows.iter().find(|r| r.kind == kind).unwrap(), Question::Subject);
        assert_eq!(outcome, Outcome::No);
        assert!(reason.starts_with("it says sha256 2e6e2f1a0007… for hello_2.10-3_amd64.deb, and the file here has "), "{reason}");
    }
    assert_eq!(link(&links, "shipped = subject").0, Standing::Broken);
    assert_eq!(link(&links, "rebuilt = shipped").0, Standing::Broken);
}

// Statements made here.

fn secret(seed: u8) -> ed25519_dalek::SigningKey {
    ed25519_dalek::SigningKey::from_bytes(&[seed; 32])
}

fn blob(seed: u8) -> Vec<u8> {
    let mut out = vec![0, 0, 0, 11];
    out.extend_from_slice(b"ssh-ed25519\0\0\0\x20");
    out.extend_from_slice(secret(seed).verifying_key().as_bytes());
    out
}

fn signer_line(principal: &str, options: &str, seed: u8) -> String {
    format!("{principal} {options} ssh-ed25519 {}\n", base64::engine::general_purpose::STANDARD.encode(blob(seed)))
}

fn envelope(payload: &str, seeds: &[u8]) -> Vec<u8> {
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

fn slsa(subjects: &[(&str, &str)], commit: &str, builder: &str) -> String {
    let subjects: Vec<_> = subjects.iter().map(|(n, d)| serde_json::json!({"name": n, "digest": {"sha256": d}})).collect();
    serde_json::json!({
        "_type": "https://in-toto.io/Statement/v1", "subject": subjects, "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {"buildDefinition": {"buildType": "t", "resolvedDependencies": [
            {"uri": "git+https://x", "digest": {"gitCommit": commit}}]}, "runDetails": {"builder": {"id": builder}}}
    })
    .to_string()
}

fn made(provenance: &[(&str, Vec<u8>)]) -> Case {
    let mut files = vec![("data/shipped/a.deb".to_owned(), b"aaa".to_vec()), ("data/shipped/b.deb".to_owned(), b"bbb".to_vec())];
    files.extend(provenance.iter().map(|(n, b)| (format!("data/provenance/{n}"), b.clone())));
    let mut case = Case::new(files, "made");
    case.signers = AllowedSigners::parse(signer_line("builder@x", "", 1).as_bytes()).unwrap();
    case
}

fn both() -> [(String, String); 2] {
    [("a.deb".into(), Sha256::of(b"aaa").to_string()), ("b.deb".into(), Sha256::of(b"bbb").to_string())]
}

fn good(commit: &str) -> String {
    let both = both();
    slsa(&[(&both[0].0, &both[0].1), (&both[1].0, &both[1].1)], commit, "https://b")
}

#[test]
fn the_chain_says_claimed_broken_or_absent_for_its_reason() {
    let of = |payload: &str, seeds: &[u8]| {
        let (_, links) = made(&[("x.intoto.jsonl", envelope(payload, seeds))]).examine();
        (link(&links, "commit = provenance").0, link(&links, "shipped = subject").0, links)
    };
    let (commit, shipped, _) = of(&good(COMMIT), &[1]);
    assert_eq!((commit, shipped), (Standing::Claimed, Standing::Proven));
    let (commit, _, links) = of(&good(&"0".repeat(40)), &[1]);
    assert_eq!(commit, Standing::Broken);
    assert!(link(&links, "commit = provenance").1.contains("(signed by builder@x) names commit 0000"), "{links:?}");
    // Nobody's signature: equal digests prove nothing about who says so.
    let (commit, shipped, _) = of(&good(COMMIT), &[9]);
    assert_eq!((commit, shipped), (Standing::Absent, Standing::Absent));
    // Only one of two artifacts.
    let (commit, shipped, links) = of(&slsa(&[("a.deb", &both()[0].1)], COMMIT, "b"), &[1]);
    assert_eq!((commit, shipped), (Standing::Absent, Standing::Absent));
    assert!(link(&links, "shipped = subject").1.contains("1 of 2"), "{links:?}");
    // The name of an artifact with another digest.
    let (_, shipped, _) = of(&slsa(&[("a.deb", &both()[0].1), ("b.deb", &"1".repeat(64))], COMMIT, "b"), &[1]);
    assert_eq!(shipped, Standing::Broken);
    // A tampered statement is not heard at all.
    let mut bytes = dsse::parse(&envelope(&good(COMMIT), &[1])).unwrap();
    bytes.payload = good(&"0".repeat(40)).into_bytes();
    let (rows, links) = made(&[("x.intoto.jsonl", dsse::write(&bytes))]).examine();
    assert_eq!(get(&rows[0], Question::Signature).0, Outcome::No);
    assert_eq!(link(&links, "commit = provenance").0, Standing::Absent);
}

#[test]
fn the_same_provenance_must_name_both_commit_and_artifact() {
    // A trusted provenance for something else, and a signed list of what was shipped, do not add up to a chain.
    let list = format!("{}  a.deb\n{}  b.deb\n", both()[0].1, both()[1].1);
    let other = slsa(&[("other", &"3".repeat(64))], COMMIT, "b");
    let (_, links) = made(&[("SHA256SUMS", list.into_bytes()), ("x.intoto.jsonl", envelope(&other, &[1]))]).examine();
    assert_eq!(link(&links, "commit = provenance"), (Standing::Absent, "no provenance names a shipped artifact"));
    assert_eq!(link(&links, "shipped = subject").0, Standing::Absent);
}

#[test]
fn source_and_tag_links() {
    let of = |change: &dyn Fn(&mut Case)| {
        let mut case = made(&[]);
        change(&mut case);
        let links = case.examine().1;
        (link(&links, "tree = commit").0, link(&links, "commit = tag").0)
    };
    assert_eq!(of(&|_| ()), (Standing::Proven, Standing::Proven));
    assert_eq!(of(&|c| c.source.as_mut().unwrap().tag_matches = Some(false)), (Standing::Proven, Standing::Broken));
    assert_eq!(of(&|c| c.source.as_mut().unwrap().tag_matches = None), (Standing::Proven, Standing::Absent));
    assert_eq!(of(&|c| c.source.as_mut().unwrap().commit = None).0, Standing::Absent);
    assert_eq!(of(&|c| c.source = None), (Standing::Absent, Standing::Absent));
    let declared = |c: &mut Case| {
        let path = "data/source/x.bundle".into();
        let source = countersign::model::SourceDeclaration { path, file: None, commit: Some("1".repeat(40)), tag: None };
        c.release.sources.push(source);
    };
    assert_eq!(of(&declared).0, Standing::Broken);
    let unsound = |c: &mut Case| {
        let place = countersign::model::Where::file("src/a.c");
        let (severity, what, advice) = (countersign::model::Severity::Fail, "missing".to_owned(), "");
        let defect = countersign::model::Defect { code: "source.object", severity, place, what, advice };
        c.source.as_mut().unwrap().defects.push(defect);
    };
    assert_eq!(of(&unsound).0, Standing::Broken);
}

#[test]
fn subjects_that_do_not_bind() {
    let row = |subjects: serde_json::Value| {
        let payload = serde_json::json!({"_type": "https://in-toto.io/Statement/v0.1", "subject": subjects,
            "predicateType": "https://slsa.dev/provenance/v0.2", "predicate": {}});
        made(&[("x.jsonl", envelope(&payload.to_string(), &[1]))]).examine().0.remove(0)
    };
    let a = both()[0].1.clone();
    for (subjects, outcome, says) in [
        (serde_json::json!([]), Outcome::No, "it names no subject"),
        (serde_json::json!([{"name": "a.deb", "digest": {"sha1": "0".repeat(40)}}]), Outcome::CannotTell, "no sha256 or sha512"),
        (serde_json::json!([{"name": "a.deb", "digest": {"sha512": "0".repeat(128)}}]), Outcome::No, "another sha512 for a.deb"),
        (serde_json::json!([{"name": "z", "digest": {"sha512": "0".repeat(128)}}]), Outcome::No, "none of 1 subjects"),
        (serde_json::json!([{"name": "z", "digest": {"sha512": sha512("a.deb")}}]), Outcome::Yes, "1 of 1 subjects equal"),
        (serde_json::json!([{"name": "a.deb"}]), Outcome::CannotTell, "no sha256 or sha512"),
        (
            serde_json::json!([{"name": "z", "digest": {"sha256": "0".repeat(64)}}]),
            Outcome::No,
            "none of 1 subjects is a file of this bundle, first z",
        ),
        (
            serde_json::json!([{"name": "a", "digest": {"sha256": a}}, {"name": "z", "digest": {"sha256": "0".repeat(64)}}]),
            Outcome::CannotTell,
            "1 of 2 subjects equal files we hashed; 1 are not in the bundle, first z",
        ),
    ] {
        let row = row(subjects);
        let (found, reason) = get(&row, Question::Subject);
        assert_eq!(found, outcome, "{reason}");
        assert!(reason.contains(says), "{reason}");
    }
    let case = made(&[("x.jsonl", envelope(&good(COMMIT), &[1]))]);
    case.unhashed.borrow_mut().insert(2);
    let (rows, links) = case.examine();
    let reason = "1 of 2 subjects equal files we hashed; not every file is hashed, b.deb may be missing";
    assert_eq!(get(&rows[0], Question::Subject), (Outcome::CannotTell, reason));
    assert_eq!(link(&links, "shipped = subject").0, Standing::Absent);
}

#[test]
fn builders_count_only_by_a_trusted_signature() {
    let of = |seed: u8, builders: &[&str]| {
        let mut case = made(&[("x.jsonl", envelope(&good(COMMIT), &[seed]))]);
        case.builders = builders.iter().map(|b| (*b).to_owned()).collect();
        let row = case.examine().0.remove(0);
        get(&row, Question::Builder).0
    };
    assert_eq!(of(1, &["https://b"]), Outcome::Yes);
    assert_eq!(of(1, &["https://other"]), Outcome::No);
    assert_eq!(of(1, &[]), Outcome::CannotTell);
    assert_eq!(of(9, &["https://b"]), Outcome::CannotTell);
}

#[test]
fn only_repositories_of_the_policy_answer_for_the_source() {
    let of = |sources: &[&str]| {
        let mut case = made(&[("x.jsonl", envelope(&good(COMMIT), &[1]))]);
        case.sources = sources.iter().map(|b| (*b).to_owned()).collect();
        let row = case.examine().0.remove(0);
        let (outcome, reason) = get(&row, Question::Source);
        (outcome, reason.to_owned())
    };
    assert_eq!(of(&[]).0, Outcome::Yes);
    assert_eq!(of(&["https://x"]).0, Outcome::Yes);
    assert_eq!(of(&["HTTPS://X/"]).0, Outcome::Yes, "the same repository");
    let (outcome, reason) = of(&["https://x/y", "https://xy", "https://x.git"]);
    assert_eq!(outcome, Outcome::No);
    assert!(reason.contains("git+https://x, which the policy does not name"), "{reason}");
}

#[test]
fn a_summary_that_failed_is_signed_as_well() {
    let of = |result: &str, verifiers: &[&str], seed: u8| {
        let subject: Vec<_> = both().iter().map(|(n, d)| serde_json::json!({"name": n, "digest": {"sha256": d}})).collect();
        let payload = serde_json::json!({"_type": "https://in-toto.io/Statement/v1", "subject": subject,
            "predicateType": "https://slsa.dev/verification_summary/v1",
            "predicate": {"verifier": {"id": "https://v"}, "verificationResult": result, "verifiedLevels": ["SLSA_BUILD_LEVEL_3"]}});
        let mut case = made(&[("x.jsonl", envelope(&payload.to_string(), &[seed]))]);
        case.verifiers = verifiers.iter().map(|v| (*v).to_owned()).collect();
        let (rows, links) = case.examine();
        let (outcome, reason) = get(&rows[0], Question::Builder);
        assert_eq!(link(&links, "shipped = subject").0, Standing::Absent, "a summary is no provenance");
        assert_eq!(get(&rows[0], Question::Subject).0, Outcome::Yes);
        (outcome, reason.to_owned())
    };
    assert_eq!(of("PASSED", &["https://v"], 1).0, Outcome::Yes);
    assert_eq!(of("PASSED", &["https://v"], 9).0, Outcome::CannotTell, "nobody trusted says so");
    assert_eq!(of("PASSED", &["https://w"], 1).0, Outcome::No);
    assert_eq!(of("PASSED", &[], 1).0, Outcome::CannotTell);
    for result in ["FAILED", "passed", "", "PASSED "] {
        let (outcome, reason) = of(result, &["https://v"], 1);
        assert!(outcome == Outcome::No && reason.contains("speaks against its subjects"), "{result}: {reason}");
    }
}

#[test]
fn one_person_twice_does_not_reach_a_threshold() {
    let of = |seeds: &[u8]| {
        let mut case = made(&[("x.jsonl", envelope(&good(COMMIT), seeds))]);
        let keys: Vec<_> = (1..=3).map(|seed| signer_line(&format!("{}@x", seed % 2), "", seed)).collect();
        case.signers = AllowedSigners::parse(keys.concat().as_bytes()).unwrap();
        case.builders = BTreeSet::from(["https://b".to_owned()]);
        let text = "[[people]]\nname = \"a\"\nroles = [\"b\"]\nprincipals = [\"1@x\"]\n\
                    [[people]]\nname = \"c\"\nroles = [\"b\"]\nprincipals = [\"0@x\"]\n[attestation_threshold]\nb = 2\n";
        let policy = countersign::checks::Policy::parse(text).unwrap();
        let quorum = countersign::checks::Quorum::new(&policy, &case.signers).unwrap();
        case.lacking = Box::leak(Box::new(move |who: &[&str]| {
            let missing = quorum.missing(&policy.attestation_threshold, who.iter().copied());
            missing.first().map(ToString::to_string)
        }));
        let row = case.examine().0.remove(0);
        let answer = |question| (get(&row, question).0, get(&row, question).1.to_owned());
        (answer(Question::Signature).0, answer(Question::Signer), answer(Question::Builder).0)
    };
    // Keys 1 and 3 are one person's.
    let (signature, signer, builder) = of(&[1, 3]);
    assert_eq!((signature, signer.0, builder), (Outcome::Yes, Outcome::No, Outcome::CannotTell));
    assert!(signer.1.contains("1 of 2 signatures by different people of the role b"), "{}", signer.1);
    assert_eq!(of(&[1, 1]).1.0, Outcome::No);
    assert_eq!(of(&[1, 9]).1.0, Outcome::No);
    let (signature, signer, builder) = of(&[1, 2]);
    assert_eq!((signature, signer.0, builder), (Outcome::Yes, Outcome::Yes, Outcome::Yes));
}

#[test]
fn several_signatures_and_limits_on_entries() {
    let of = |options: &str, seeds: &[u8]| {
        let mut case = made(&[("x.jsonl", envelope(&good(COMMIT), seeds))]);
        case.signers = AllowedSigners::parse(signer_line("b@x", options, 1).as_bytes()).unwrap();
        let row = case.examine().0.remove(0);
        (get(&row, Question::Signature).0, get(&row, Question::Signature).1.to_owned(), get(&row, Question::Signer).0)
    };
    let (signature, reason, signer) = of("", &[9, 1, 1]);
    assert_eq!((signature, signer), (Outcome::Yes, Outcome::Yes));
    assert!(reason.ends_with("; 2 of 3 signatures verify, with 1 distinct keys"), "{reason}");
    assert_eq!(of("namespaces=\"file\"", &[1]).2, Outcome::No);
    assert_eq!(of("namespaces=\"attestation@countersign\"", &[1]).2, Outcome::Yes);
    assert_eq!(of("valid-before=\"20300101Z\"", &[1]).2, Outcome::CannotTell);
    assert_eq!(of("", &[9]).0, Outcome::CannotTell);
    assert_eq!(of("", &[]).0, Outcome::No);
}

#[test]
fn lines_keep_their_numbers_and_bad_ones_their_reasons() {
    let mut text = b"\n".to_vec();
    text.extend(envelope(&good(COMMIT), &[1]));
    text.extend(b"  \n{\"payloadType\":\"x\",\"payloadType\":\"y\"}\n{\"mediaType\":\"application/vnd.dev.sigstore.bundle.v0.3+json\"}\n");
    text.extend(b"{\"payloadType\":\"text/plain\",\"payload\":\"\",\"signatures\":[]}\n[1");
    let (rows, _) = made(&[("x.intoto.jsonl", text)]).examine();
    let lines: Vec<_> = rows.iter().map(|r| (r.line, r.kind.as_str())).collect();
    assert_eq!(
        lines,
        [(Some(2), "in-toto Statement v1"), (Some(4), "JSON"), (Some(5), "Sigstore bundle"), (Some(6), "DSSE envelope"), (Some(7), "JSON")]
    );
    assert!(get(&rows[1], Question::Signature).1.starts_with("cannot be read: line 4, column 20: duplicate key"), "{:?}", rows[1].answers);
    assert!(get(&rows[3], Question::Signature).1.contains("payload type is text/plain"));
    assert!(rows.iter().skip(1).all(|r| r.answers.len() == 7 && r.answers.iter().all(|a| a.outcome == Outcome::CannotTell)));
}

#[test]
fn a_list_that_leaves_out_an_artifact_is_not_a_pass() {
    let list = format!("{}  a.deb\n", both()[0].1);
    let (rows, _) = made(&[("SHA256SUMS", list.clone().into_bytes())]).examine();
    let (outcome, reason) = get(&rows[0], Question::Subject);
    assert_eq!(outcome, Outcome::CannotTell);
    assert!(reason.contains("the list leaves out 1 of 2 shipped artifacts, first b.deb"), "{reason}");
    assert_eq!(get(&rows[0], Question::Signature), (Outcome::CannotTell, "not signed: no SHA256SUMS.sig, .minisig or .asc beside it"));
    let pgp = ("SHA256SUMS.sig", b"-----BEGIN PGP SIGNATURE-----".to_vec());
    let (rows, _) = made(&[("SHA256SUMS", list.into_bytes()), pgp, ("SHA256SUMS.asc", Vec::new())]).examine();
    assert_eq!(rows.len(), 1, "the signatures were checked with the list");
    assert!(get(&rows[0], Question::Signature).1.contains("no OpenPGP keys to check it with"), "{:?}", rows[0]);
}

#[test]
fn an_sshsig_of_another_namespace_or_of_a_token() {
    let Some(dir) = corpus("provenance/signoff-example") else { return };
    let token = std::fs::read(dir.join("fido.dsse.json")).unwrap();
    let envelope = dsse::parse(&token).unwrap();
    let signature = sshsig::parse(&envelope.signatures[0].sig).unwrap();
    let message = dsse::pae(&envelope.payload_type, &envelope.payload);
    let list = AllowedSigners::parse(&std::fs::read(dir.join("allowed_signers")).unwrap()).unwrap();
    let key = &list.entries()[2].key;
    assert_eq!(sshsig::verify(&signature, &message, "release-review@countersign", key), Ok(()));
    assert_eq!(sshsig::verify(&signature, b"other", "release-review@countersign", key), Err(sshsig::SshSigError::Bad));
    let wrong = sshsig::verify(&signature, &message, "file", key).unwrap_err();
    assert_eq!(wrong.to_string(), "made for the namespace release-review@countersign, not file");
    // The list's own signature was made for "file"; as a record's it does not count.
    let Some(sums) = corpus("../releases/hello/data/provenance") else { return };
    let signature = sshsig::parse(&std::fs::read(sums.join("SHA256SUMS.sig")).unwrap()).unwrap();
    let message = std::fs::read(sums.join("SHA256SUMS")).unwrap();
    assert_eq!(signature.namespace, "file");
    assert_eq!(sshsig::verify(&signature, &message, "file", &signature.key), Ok(()));
    assert!(sshsig::verify(&signature, &message, "release-review@countersign", &signature.key).is_err());
    assert_eq!(signature.key.fingerprint(), VENDOR);
}

#[test]
fn hostile_provenance_files_never_panic_and_never_pass() {
    let good = envelope(&good(COMMIT), &[1]);
    for cut in (1..good.len()).step_by(97) {
        let (rows, _) =
            made(&[("x.json", good[..cut].to_vec()), ("y.jsonl", good[cut..].to_vec()), ("z.sig", good[..cut].to_vec())]).examine();
        for row in rows {
            assert_ne!(get(&row, Question::Signature).0, Outcome::Yes, "cut at {cut}: {row:?}");
        }
    }
    let deep = format!("{{\"payload\":{}", "[".repeat(100_000));
    let (rows, _) = made(&[("x.json", deep.into_bytes()), ("data.json", b"\xff\xfe".to_vec()), ("SHA512SUMS", vec![0; 1000])]).examine();
    assert_eq!(rows.len(), 3);
}

/// Formats that are not checked yet are said to be that, and none of them passes.
#[test]
fn the_whole_corpus_is_named_and_nothing_of_it_passes() {
    fn walk(dir: &Path, out: &mut Vec<(String, Vec<u8>)>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, out);
            } else {
                out.push((format!("data/provenance/{}", path.to_str().unwrap().replace('/', "_")), std::fs::read(&path).unwrap()));
            }
        }
    }
    let Some(dir) = corpus("provenance") else { return };
    let mut files = vec![("data/shipped/a.deb".to_owned(), b"aaa".to_vec())];
    walk(&dir, &mut files);
    let count = files.len();
    let mut case = Case::new(files, "corpus");
    case.signers = AllowedSigners::parse(&std::fs::read(dir.join("signoff-example/allowed_signers")).unwrap()).unwrap();
    let (rows, links) = case.examine();
    assert!(count > 200 && rows.len() + 10 > count, "{} rows of {count} files", rows.len());
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for row in &rows {
        *kinds.entry(&row.kind).or_default() += 1;
        assert_eq!(row.answers.iter().map(|a| a.question).collect::<Vec<_>>(), Question::ALL, "{:?}", row.file);
        assert!(row.answers.iter().all(|a| !a.reason.is_empty()), "{row:?}");
        // Only the two envelopes of the sign-off example are signed by keys in that file.
        let is_example = row.file.lossy().contains("signoff-example");
        assert!(is_example || get(row, Question::Signature).0 != Outcome::Yes, "{:?}", row.file);
    }
    println!("{kinds:?}");
    let bundles: usize = kinds.iter().filter(|(kind, _)| kind.starts_with("Sigstore bundle")).map(|(_, n)| n).sum();
    assert!(bundles >= 70 && kinds.keys().any(|k| k.starts_with("in-toto link")) && kinds["in-toto layout"] > 0, "{kinds:?}");
    assert_eq!(link(&links, "shipped = subject").0, Standing::Absent);
}

/// Many statements about many artifacts, and many signatures that nobody made: the work stays bounded.
#[test]
fn large_and_hostile_provenance_is_bounded() {
    let started = std::time::Instant::now();
    let count = 20_000;
    let mut files: Vec<_> = (0..count).map(|i| (format!("data/shipped/f{i}"), format!("content {i}").into_bytes())).collect();
    let digests: Vec<_> = (0..count).map(|i| (format!("f{i}"), Sha256::of(format!("content {i}").as_bytes()).to_string())).collect();
    let subjects: Vec<_> = digests.iter().map(|(n, d)| (n.as_str(), d.as_str())).collect();
    files.push(("data/provenance/all.jsonl".into(), envelope(&slsa(&subjects, COMMIT, "b"), &[1])));
    // 12,000 statements about one artifact each, signed by nobody known.
    let one = envelope(&slsa(&subjects[..1], COMMIT, "b"), &[9]);
    files.push(("data/provenance/many.jsonl".into(), one.repeat(12_000)));
    let mut case = Case::new(files, "large");
    case.signers = AllowedSigners::parse(signer_line("builder@x", "", 1).as_bytes()).unwrap();
    let (rows, links) = case.examine();
    assert!(rows.len() <= 10_001, "{}", rows.len());
    assert!(rows.last().unwrap().answers[0].reason.contains("not examined from this line on"), "{:?}", rows.last());
    assert_eq!(link(&links, "commit = provenance").0, Standing::Claimed);
    assert_eq!(link(&links, "shipped = subject").0, Standing::Proven);
    println!("{:?}", started.elapsed());
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
}

#[test]
fn sigstore_attestations_of_a_release_have_all_answers() {
    let Some(dir) = corpus("provenance") else { return };
    let read = |name: &str| std::fs::read(dir.join(name)).unwrap();
    let name = "pypi_attestations-0.0.19.tar.gz";
    let made = |identities: &[(&str, &str)], root: bool| {
        let files = vec![
            (format!("data/shipped/{name}"), read(&format!("pypi-attestations/{name}"))),
            (format!("data/provenance/{name}.publish.attestation"), read(&format!("pypi-attestations/{name}.publish.attestation"))),
            (format!("data/provenance/{name}.slsa.attestation"), read(&format!("pypi-attestations/{name}.slsa.attestation"))),
        ];
        let mut case = Case::new(files, "pypi");
        let identities = identities.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        case.sigstore = root.then(|| (Root::parse(&read("sigstore-root/trusted_root.json"), None).unwrap(), identities));
        case.examine().0
    };
    // Without a trusted root nothing can be told.
    for row in made(&[], false) {
        assert_eq!(get(&row, Question::Signature).0, Outcome::CannotTell);
        assert!(get(&row, Question::Signature).1.contains("no trusted root"), "{row:?}");
    }
    let rows = made(&[], true);
    assert_eq!(rows.len(), 2);
    for row in &rows {
        assert!(row.kind.starts_with("PEP 740 attestation with in-toto Statement"), "{}", row.kind);
        assert_eq!(get(row, Question::Subject), (Outcome::Yes, "1 of 1 subjects equal files we hashed"));
        assert_eq!(get(row, Question::Signature).0, Outcome::Yes, "{row:?}");
        assert_eq!(get(row, Question::Signer).0, Outcome::CannotTell);
        assert!(get(row, Question::Time).1.starts_with("signed at 20"), "{row:?}");
        assert!(row.commit.as_ref().is_some_and(|c| c.len() == 40), "the certificate names the commit: {row:?}");
        assert_eq!(get(row, Question::Source).0, Outcome::No, "and it is another than the one under review");
    }
    let issuer = "https://token.actions.githubusercontent.com";
    let identity = rows[0].signatures[0].keyid.lossy().into_owned();
    let rows = made(&[(&identity, issuer)], true);
    assert_eq!(get(&rows[0], Question::Signer).0, Outcome::Yes);
    // The certificate says who built it; the policy of this case names nobody.
    assert_eq!(get(&rows[1], Question::Builder).0, Outcome::CannotTell);
    assert!(get(&rows[0], Question::Builder).1.contains("/.github/workflows/release.yml@refs/tags/v0.0.19"), "{:?}", rows[0]);
    let rows = made(&[(&identity, "https://elsewhere")], true);
    assert_eq!(get(&rows[0], Question::Signer).0, Outcome::No);
    assert_eq!(rows[0].signatures[0].principal, None);
}

#[test]
#[allow(clippy::disallowed_types, reason = "a test runs ssh-keygen")]
fn the_signer_of_tag_and_commit_is_a_link() {
    let folder = tempfile::tempdir().unwrap();
    let keygen = |args: &[&str]| {
        let mut command = std::process::Command::new("ssh-keygen");
        let run = command.args(args).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        assert!(run.status().unwrap().success(), "{args:?}");
    };
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    keygen(&["-q", "-t", "ed25519", "-N", "", "-f", &path("key")]);
    std::fs::write(path("tag"), b"object 1\ntag v1\n").unwrap();
    keygen(&["-q", "-Y", "sign", "-n", "git", "-f", &path("key"), &path("tag")]);
    let signature = std::fs::read(path("tag.sig")).unwrap();
    let public = std::fs::read_to_string(path("key.pub")).unwrap();
    let of = |payload: &[u8], signature: &[u8], signers: &str| {
        let mut case = made(&[]);
        case.signers = AllowedSigners::parse(signers.as_bytes()).unwrap();
        let object = SignedObject { is_tag: true, payload: payload.to_vec(), signature: signature.to_vec() };
        case.source.as_mut().unwrap().signed = vec![object];
        let links = case.examine().1;
        let (standing, why) = link(&links, "tag = signer");
        (standing, why.to_owned())
    };
    let tag = b"object 1\ntag v1\n";
    let (standing, why) = of(tag, &signature, &format!("alice {public}"));
    assert_eq!(standing, Standing::Proven);
    assert!(why.starts_with("the tag is signed by alice SHA256:"), "{why}");
    assert_eq!(of(tag, &signature, &format!("alice namespaces=\"git\" {public}")).0, Standing::Proven);
    assert_eq!(of(tag, &signature, &format!("alice namespaces=\"file\" {public}")).0, Standing::Broken);
    let (standing, why) = of(tag, &signature, "");
    assert_eq!(standing, Standing::Absent);
    assert!(why.contains("not among the reviewer's allowed signers"), "{why}");
    assert_eq!(of(b"object 2\ntag v1\n", &signature, &format!("alice {public}")).0, Standing::Broken);
    assert_eq!(of(tag, b"-----BEGIN SSH SIGNATURE-----\n", &format!("alice {public}")).0, Standing::Broken);
    let (standing, why) = of(tag, b"-----BEGIN PGP SIGNATURE-----\n", &format!("alice {public}"));
    assert!(standing == Standing::Absent && why.contains("OpenPGP"), "{why}");
}

#[test]
fn a_signature_with_a_certificate_and_no_log_entry_is_a_claim_that_says_what_is_missing() {
    let Some(dir) = corpus("provenance") else { return };
    let read = |name: &str| std::fs::read(dir.join(name)).unwrap();
    let index = String::from_utf8(read("git-signed/INDEX.tsv")).unwrap();
    let name = index.lines().find_map(|l| l.strip_suffix("\tx509\tsigstore/root-signing")).expect("one of gitsign");
    let object = SignedObject {
        is_tag: false,
        payload: read(&format!("git-signed/{name}.payload")),
        signature: read(&format!("git-signed/{name}.sig")),
    };
    let of = |identities: &[(String, String)]| {
        let mut case = made(&[]);
        case.sigstore = Some((Root::parse(&read("sigstore-root/trusted_root.json"), None).unwrap(), identities.to_vec()));
        case.source.as_mut().unwrap().signed = vec![object.clone()];
        let links = case.examine().1;
        let (standing, why) = link(&links, "commit = signer");
        (standing, why.to_owned())
    };
    let signer = countersign::provenance::gitsign::check(&object.signature, &object.payload, &[]).unwrap();
    let (standing, why) = of(&[(signer.identity, signer.issuer.unwrap())]);
    assert_eq!(standing, Standing::Claimed);
    assert!(why.contains("there is no log entry in it (gitsign writes one with gitsign.rekorMode = offline)"), "{why}");
    assert_eq!(of(&[]).0, Standing::Absent);
    assert_eq!(of(&[("eve@example.com".to_owned(), "https://x".to_owned())]).0, Standing::Absent);
}

#[cfg(feature = "openpgp")]
#[test]
fn openpgp_signatures_of_a_release() {
    let made_by_gpg = |name: &str| std::fs::read(Path::new("testdata/openpgp").join(name)).unwrap();
    let message = made_by_gpg("message.txt");
    let list = format!("{}  message.txt\n", Sha256::of(&message));
    let files = |asc: &str| {
        vec![
            ("data/shipped/message.txt".to_owned(), message.clone()),
            ("data/provenance/message.txt".to_owned(), message.clone()),
            ("data/provenance/message.txt.asc".to_owned(), made_by_gpg(asc)),
            ("data/provenance/message.dsc".to_owned(), made_by_gpg("message.dsc")),
            ("data/provenance/SHA256SUMS".to_owned(), list.clone().into_bytes()),
            ("data/provenance/SHA256SUMS.asc".to_owned(), made_by_gpg(asc)),
        ]
    };
    let examine = |asc: &str, ring: bool| {
        let mut case = Case::new(files(asc), "pgp");
        case.openpgp = ring.then(|| Keyring::parse(&made_by_gpg("ring.pgp")).unwrap());
        let rows = case.examine().0;
        let of = |kind: &str| {
            let row = rows.iter().find(|r| r.kind == kind).unwrap_or_else(|| panic!("no {kind} in {rows:?}"));
            (get(row, Question::Subject).0, get(row, Question::Signature).0, get(row, Question::Signer).0)
        };
        (of("OpenPGP signature"), of("Debian .dsc"), of("SHA256SUMS with OpenPGP"))
    };
    use Outcome::{CannotTell, No, Yes};
    let (detached, dsc, list_row) = examine("good.asc", true);
    assert_eq!((detached, dsc), ((Yes, Yes, Yes), (Yes, Yes, Yes)));
    // The list was not what was signed.
    assert_eq!(list_row, (Yes, No, CannotTell));
    assert_eq!(examine("expired-key.asc", true).0, (Yes, Yes, CannotTell));
    assert_eq!(examine("revoked-key.asc", true).0, (Yes, Yes, No));
    assert_eq!(examine("stranger.asc", true).0, (Yes, CannotTell, CannotTell));
    assert_eq!(examine("sha1.asc", true).0, (Yes, No, CannotTell));
    let (detached, dsc, _) = examine("good.asc", false);
    assert_eq!((detached, dsc), ((Yes, CannotTell, CannotTell), (Yes, CannotTell, CannotTell)));
}

/// The SHA-512 of what [`made`] ships under a name.
fn sha512(name: &str) -> String {
    let case = made(&[]);
    let index = case.release.files.iter().position(|f| f.path.lossy().ends_with(name)).unwrap();
    case.sha512(FileId(u32::try_from(index).unwrap())).unwrap().to_string()
}

#[test]
fn lists_of_sha512_bind_and_names_in_lists_count() {
    let (a, b) = (sha512("a.deb"), sha512("b.deb"));
    let row = |name: &str, text: String| made(&[(name, text.into_bytes())]).examine().0.remove(0);
    let both_here = row("SHA512SUMS", format!("{a}  a.deb\n{b}  b.deb\n"));
    assert_eq!(get(&both_here, Question::Subject).0, Outcome::Yes, "{:?}", both_here.answers);
    let tagged = row("CHECKSUM", format!("SHA512 (a.deb) = {a}\nSHA512 (b.deb) = {b}\n"));
    assert_eq!(get(&tagged, Question::Subject).0, Outcome::Yes, "{:?}", tagged.answers);
    let swapped = row("SHA512SUMS", format!("{b}  a.deb\n{a}  b.deb\n"));
    let (outcome, reason) = get(&swapped, Question::Subject);
    assert_eq!(outcome, Outcome::No);
    assert!(reason.contains("for a.deb, which is the digest of another file here"), "{reason}");
    let wrong = row("SHA512SUMS", format!("{a}  a.deb\n{}  b.deb\n", "0".repeat(128)));
    assert_eq!(get(&wrong, Question::Subject).0, Outcome::No);
    let part = row("SHA512SUMS", format!("{a}  a.deb\n"));
    let (outcome, reason) = get(&part, Question::Subject);
    assert!(outcome == Outcome::CannotTell && reason.contains("leaves out 1 of 2"), "{reason}");
    let more = row("SHA512SUMS", format!("{a}  a.deb\n{b}  b.deb\n{}  c.deb\n", "0".repeat(128)));
    let (outcome, reason) = get(&more, Question::Subject);
    assert!(
        outcome == Outcome::CannotTell && reason.contains("1 are not in the bundle, first c.deb"),
        "missing is not conflicting: {reason}"
    );
}

#[test]
fn minisign_and_signify_in_a_release() {
    let read = |name: &str| std::fs::read(Path::new("testdata/minisign").join(name)).unwrap();
    let trusting = |provenance: &[(&str, &str)], trusted: &[&str], offered: &[&str]| {
        let mut files = vec![("data/shipped/message.txt".to_owned(), read("message.txt"))];
        files.extend(provenance.iter().map(|(name, from)| (format!("data/provenance/{name}"), read(from))));
        files.extend(offered.iter().map(|name| (format!("data/trust/{name}"), read(name))));
        let mut case = Case::new(files, "made");
        trusted.iter().for_each(|name| case.minisign.add(name.trim_end_matches(".pub"), &read(name)).unwrap());
        case.examine().0
    };
    // On an artifact, by a key that the reviewer gave.
    let rows = trusting(&[("message.txt.minisig", "prehashed.minisig")], &["alice.pub"], &[]);
    assert_eq!(rows[0].kind, "minisign signature");
    for question in [Question::Subject, Question::Signature, Question::Signer] {
        assert_eq!(get(&rows[0], question).0, Outcome::Yes, "{:?}", rows[0].answers);
    }
    assert!(get(&rows[0], Question::Signature).1.contains("its signed comment says: version 1 of message.txt"));
    // By a key that the bundle offers, by one that nobody knows, with no key at all.
    let rows = trusting(&[("message.txt.minisig", "legacy.minisig")], &["bob.pub"], &["alice.pub"]);
    assert_eq!(get(&rows[0], Question::Signature).0, Outcome::Yes);
    assert!(get(&rows[0], Question::Signature).1.contains("the bundle itself offers in data/trust/alice.pub"), "{:?}", rows[0].answers);
    assert_ne!(get(&rows[0], Question::Signer).0, Outcome::Yes);
    let rows = trusting(&[("message.txt.minisig", "mallory.minisig")], &["alice.pub"], &[]);
    assert_eq!(get(&rows[0], Question::Signature).0, Outcome::CannotTell);
    let rows = trusting(&[("message.txt.minisig", "legacy.minisig")], &[], &[]);
    assert!(get(&rows[0], Question::Signer).1.contains("--minisign-key"), "{:?}", rows[0].answers);
    // signify, beside the file and with its list behind it; the signature of another file.
    let rows = trusting(&[("message.txt.sig", "bob.sig"), ("SHA256.sig", "SHA256.sig")], &["bob.pub"], &[]);
    let kinds: Vec<_> = rows.iter().map(|r| (r.kind.as_str(), get(r, Question::Subject).0, get(r, Question::Signer).0)).collect();
    assert_eq!(kinds, [("list with signify", Outcome::Yes, Outcome::Yes), ("signify signature", Outcome::Yes, Outcome::Yes)]);
    let rows = trusting(&[("notes.txt", "alice.pub"), ("notes.txt.minisig", "legacy.minisig")], &["alice.pub"], &[]);
    let row = rows.iter().find(|r| r.kind == "minisign signature").unwrap();
    assert_eq!(get(row, Question::Signature).0, Outcome::No, "{:?}", row.answers);
}

fn supply_layout(products: &[&str], more: serde_json::Value) -> String {
    let key =
        serde_json::json!({ "keytype": "ed25519", "keyval": { "public": countersign::digest::hex(secret(2).verifying_key().as_bytes()) } });
    let rules: Vec<_> = products.iter().map(|p| serde_json::json!(["CREATE", p])).chain([serde_json::json!(["DISALLOW", "*"])]).collect();
    let mut layout = serde_json::json!({
        "_type": "layout", "expires": "2030-01-01T00:00:00Z", "keys": { "builder2": key }, "inspect": [], "readme": "",
        "steps": [{ "name": "build", "threshold": 1, "pubkeys": ["builder2"], "expected_materials": [], "expected_products": rules }],
    });
    for (name, value) in more.as_object().unwrap() {
        layout[name] = value.clone();
    }
    layout.to_string()
}

fn supply_link(names: &[&str]) -> String {
    let [a, b] = both();
    let products: serde_json::Map<_, _> =
        [a, b].into_iter().filter(|(n, _)| names.contains(&n.as_str())).map(|(n, d)| (n, serde_json::json!({ "sha256": d }))).collect();
    serde_json::json!({ "_type": "link", "name": "build", "materials": {}, "products": products, "byproducts": {}, "command": [], "environment": {} })
        .to_string()
}

#[test]
fn layouts_with_their_links_in_a_release() {
    let names = ["a.deb", "b.deb"];
    let case = |layout: &str, by: u8, link: &str, link_by: u8| {
        let parts = [("root.layout", envelope(layout, &[by])), ("build.builder2.link", envelope(link, &[link_by]))];
        let mut case = made(&parts);
        case.signers = AllowedSigners::parse(signer_line("vendor", "", 1).as_bytes()).unwrap();
        let (rows, links) = case.examine();
        let layout = rows.iter().find(|r| r.kind == "in-toto layout").unwrap().clone();
        (layout, rows, link_of(&links))
    };
    fn link_of(links: &[ChainLink]) -> Standing {
        link(links, "shipped = subject").0
    }
    let none = serde_json::json!({});
    let (row, rows, standing) = case(&supply_layout(&names, none.clone()), 1, &supply_link(&names), 2);
    for question in [Question::Subject, Question::Signature, Question::Signer, Question::Materials] {
        assert_eq!(get(&row, question).0, Outcome::Yes, "{:?}", row.answers);
    }
    assert_eq!(standing, Standing::Proven);
    assert!(
        rows.iter().any(|r| r.kind == "in-toto link of step build" && get(r, Question::Signature).1.contains("root.layout")),
        "{rows:?}"
    );
    // One artifact is no product; then none is.
    let (row, _, standing) = case(&supply_layout(&names, none.clone()), 1, &supply_link(&names[..1]), 2);
    assert!(get(&row, Question::Subject).1.contains("leaves out 1 of 2 shipped artifacts"), "{:?}", row.answers);
    assert_eq!(standing, Standing::Absent);
    let (row, ..) = case(&supply_layout(&names, none.clone()), 1, &supply_link(&[]), 2);
    assert_eq!(get(&row, Question::Subject).0, Outcome::No);
    // Signed by somebody else: the layout, then the link.
    let (row, _, standing) = case(&supply_layout(&names, none.clone()), 3, &supply_link(&names), 2);
    assert_ne!(get(&row, Question::Signer).0, Outcome::Yes);
    assert_eq!(standing, Standing::Absent);
    let (row, rows, standing) = case(&supply_layout(&names, none), 1, &supply_link(&names), 3);
    assert!(get(&row, Question::Materials).1.contains("0 of 1 links that are needed"), "{:?}", row.answers);
    assert_eq!((get(&row, Question::Subject).0, standing), (Outcome::No, Standing::Absent));
    assert!(rows.iter().any(|r| get(r, Question::Signature).1.contains("no layout beside it holds")));
    // Over, and with a rule that does not hold, and with a command that is not run.
    let (row, ..) = case(&supply_layout(&names, serde_json::json!({ "expires": "2020-01-01T00:00:00Z" })), 1, &supply_link(&names), 2);
    assert!(get(&row, Question::Materials).1.contains("has expired"), "{:?}", row.answers);
    let (row, ..) = case(&supply_layout(&["a.deb"], serde_json::json!({})), 1, &supply_link(&names), 2);
    assert!(get(&row, Question::Materials).1.contains("b.deb is not allowed"), "{:?}", row.answers);
    let (row, _, standing) =
        case(&supply_layout(&names, serde_json::json!({ "inspect": [{ "name": "untar", "run": ["tar"] }] })), 1, &supply_link(&names), 2);
    let (outcome, why) = get(&row, Question::Materials);
    assert!(outcome == Outcome::CannotTell && why.contains("were not run: untar"), "{why}");
    assert_eq!(standing, Standing::Absent);
}
