//! What went into the build: third-party materials, the rebuild's input, declared against embedded tools, revisions, and bills of
//! materials both ways. The members of artifacts are made here; one test opens real executables.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may panic, and says why it skips")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base64::Engine as _;
use countersign::digest::{Digest, Sha256};
use countersign::model::{
    Artifact, Attestation, Carrier, ChainLink, Component, Contents, Embedded, FileId, FileRole, Held, Holder, Identity, IdentityBasis,
    Lead, Outcome, PayloadFile, Question, Rebuild, Release, Revision, Side, SourceTree, Standing, Tool,
};
use countersign::provenance::{Accepts, AllowedSigners, Inputs, dsse, examine};
use countersign::text::Untrusted;
use ed25519_dalek::Signer as _;
use serde_json::{Value, json};

const COMMIT: &str = "565e73d13aceeaafc0f1e5638f78355a9431b9eb";

/// A release of one artifact, `data/shipped/tool` with its rebuild, and whatever else is given.
struct Case {
    release: Release,
    files: Vec<(String, Vec<u8>)>,
    inside: Contents,
}

fn role(path: &str) -> FileRole {
    match path.split('/').nth(1) {
        Some("provenance") => FileRole::Provenance,
        Some("sbom") => FileRole::Sbom,
        Some("shipped") => FileRole::Shipped,
        Some("rebuilt") => FileRole::Rebuilt,
        _ => FileRole::Other,
    }
}

impl Case {
    fn new(more: &[(&str, String)]) -> Self {
        let mut files: Vec<(String, Vec<u8>)> = more.iter().map(|(p, b)| ((*p).to_owned(), b.clone().into_bytes())).collect();
        files.push(("data/shipped/tool".to_owned(), b"shipped".to_vec()));
        files.push(("data/rebuilt/tool".to_owned(), b"rebuilt".to_vec()));
        files.sort();
        let id = |path: &str| FileId(u32::try_from(files.iter().position(|(p, _)| p == path).unwrap()).unwrap());
        let payload = |(path, bytes): &(String, Vec<u8>)| PayloadFile {
            path: path.as_str().into(),
            role: role(path),
            size: bytes.len() as u64,
            declared: Vec::new(),
            present: true,
        };
        let release = Release {
            product: "product".into(),
            version: "1".into(),
            files: files.iter().map(payload).collect(),
            artifacts: vec![Artifact {
                name: "tool".into(),
                shipped: Some(id("data/shipped/tool")),
                rebuilt: vec![Rebuild { by: None, file: id("data/rebuilt/tool") }],
                debug: Vec::new(),
            }],
            ..Release::new(Carrier::Directory, Identity { digest: None, basis: IdentityBasis::TagManifest })
        };
        Self { release, files, inside: Contents::default() }
    }

    fn holding(mut self, side: Side, name: &str, content: &[u8], embedded: Embedded) -> Self {
        let digests = countersign::diff::digests(content, &[countersign::digest::Algorithm::Sha1]);
        self.inside.held.push(Held { holder: Holder::Artifact(0, side), name: name.into(), digests, embedded });
        self
    }

    fn examine(&self) -> (Vec<Attestation>, Vec<ChainLink>) {
        let files: Vec<(FileId, Untrusted, Vec<u8>)> = (0..)
            .zip(&self.files)
            .filter(|(_, (p, _))| matches!(role(p), FileRole::Provenance | FileRole::Sbom))
            .map(|(i, (p, b))| (FileId(i), p.as_str().into(), b.clone()))
            .collect();
        let source =
            SourceTree { origin: "data/source/x".into(), commit: Some(COMMIT.into()), tree: Some("aa".repeat(20)), ..Default::default() };
        let signers = AllowedSigners::parse(signer().as_bytes()).unwrap();
        let none = BTreeSet::new();
        examine(&Inputs {
            files: &files,
            signers: &signers,
            release: &self.release,
            digests: &|id: FileId| self.files.get(id.0 as usize).map(|(_, b)| Sha256::of(b)),
            source: Some(&source),
            accepts: Accepts { builders: &none, sources: &none, verifiers: &none, lacking: &|_| None },
            sigstore: None,
            openpgp: None,
            contents: &|_| Arc::new(self.inside.clone()),
            now: 1_795_000_000,
            minisign: &countersign::provenance::minisign::Keys::default(),
            sha512: &|_| None,
            read: &|_| Err("not asked for".to_owned()),
            comparisons: &[None],
        })
    }

    fn link(&self, name: &str) -> Option<ChainLink> {
        self.examine().1.into_iter().find(|l| l.name == name)
    }
}

fn key() -> ed25519_dalek::SigningKey {
    ed25519_dalek::SigningKey::from_bytes(&[1; 32])
}

fn signer() -> String {
    let mut blob = Vec::new();
    for part in [&b"ssh-ed25519"[..], key().verifying_key().as_bytes()] {
        blob.extend(u32::try_from(part.len()).unwrap().to_be_bytes());
        blob.extend(part);
    }
    format!("builder@x ssh-ed25519 {}\n", base64::prelude::BASE64_STANDARD.encode(blob))
}

fn signed(statement: &Value) -> String {
    let payload = statement.to_string();
    let sig = key().sign(&dsse::pae(dsse::IN_TOTO, payload.as_bytes())).to_bytes();
    let b64 = |bytes: &[u8]| base64::prelude::BASE64_STANDARD.encode(bytes);
    json!({ "payloadType": dsse::IN_TOTO, "payload": b64(payload.as_bytes()), "signatures": [{ "keyid": "", "sig": b64(&sig) }] })
        .to_string()
}

/// Provenance of some content, built from a commit, with other materials, in the form of a version of SLSA.
fn provenance(version: &str, content: &[u8], commit: &str, materials: Value) -> String {
    let mut all = vec![json!({ "uri": "git+https://x", "digest": { "sha1": commit } })];
    all.extend(materials.as_array().unwrap().iter().cloned());
    let predicate = match version {
        "v1" => json!({ "buildDefinition": { "buildType": "t", "resolvedDependencies": all }, "runDetails": { "builder": { "id": "b" } } }),
        _ => json!({ "builder": { "id": "b" }, "buildType": "t", "materials": all }),
    };
    signed(&json!({
        "_type": "https://in-toto.io/Statement/v1", "predicateType": format!("https://slsa.dev/provenance/{version}"),
        "subject": [{ "name": "tool", "digest": { "sha256": Sha256::of(content).to_string() } }], "predicate": predicate,
    }))
}

fn sha(content: &[u8]) -> String {
    Sha256::of(content).to_string()
}

#[test]
fn every_material_is_here_and_equal_or_listed() {
    let of = |version: &str, materials: Value| {
        let case = Case::new(&[
            ("data/provenance/a.jsonl", provenance(version, b"shipped", COMMIT, materials)),
            ("data/materials/zlib.tar", "zlib".to_owned()),
        ]);
        let case = case.holding(Side::Shipped, "tool!inner", b"inner", Embedded::default());
        let link = case.link("materials = bundle").unwrap();
        (link.standing, link.why, link.evidence.len())
    };
    let zlib = |content: &[u8]| json!({ "uri": "https://zlib.example/zlib.tar", "digest": { "sha256": sha(content) } });
    let inner = json!({ "uri": "pkg:generic/inner", "digest": { "sha256": sha(b"inner") } });
    for version in ["v0.1", "v0.2", "v1"] {
        assert_eq!(of(version, json!([zlib(b"zlib"), inner])).0, Standing::Proven, "{version}");
        let (standing, why, count) = of(version, json!([zlib(b"zlib"), { "uri": "pkg:x", "digest": { "sha256": sha(b"elsewhere") } }]));
        assert_eq!((standing, count), (Standing::Absent, 1));
        assert!(why.starts_with("1 of 2 other materials are in the bundle, 1 are not shown: pkg:x is not"), "{why}");
    }
    let (standing, why, _) = of("v1", json!([zlib(b"tampered")]));
    assert!(standing == Standing::Broken && why.contains("the file here has"), "{why}");
    assert!(of("v1", json!([{ "uri": "pkg:y" }])).1.contains("pkg:y has no digest"));
    assert_eq!(of("v1", json!([])).0, Standing::Claimed);
    // A weak digest binds nothing.
    let sha1 = Digest::parse(countersign::digest::Algorithm::Sha1, "6d00c11dbd3ec19f5e9b8a1e5d6cb9b1d1fe8a7c").unwrap().to_string();
    let weak = json!([{ "uri": "z", "digest": { "sha1": sha1, "md5": "00".repeat(16) } }]);
    assert_eq!(of("v1", weak).0, Standing::Absent);
    assert!(Case::new(&[]).link("materials = bundle").is_none(), "without provenance there is nothing to say");
}

#[test]
fn the_rebuild_is_made_from_the_commit_under_review_or_from_another() {
    let of = |files: &[(&str, String)]| {
        let link = Case::new(files).link("rebuild input = commit").unwrap();
        (link.standing, link.why)
    };
    let own = |commit: &str| provenance("v1", b"rebuilt", commit, json!([]));
    assert_eq!(of(&[("data/provenance/r.jsonl", own(COMMIT))]).0, Standing::Claimed);
    let (standing, why) = of(&[("data/provenance/r.jsonl", own(&"ab".repeat(20)))]);
    assert!(standing == Standing::Broken && why.contains("abababab"), "{why}");
    let (standing, why) = of(&[("data/provenance/s.jsonl", provenance("v1", b"shipped", COMMIT, json!([])))]);
    assert_eq!((standing, why.as_str()), (Standing::Absent, "nothing says what the rebuild was made from"));
    let info = format!("Format: 1.0\nSource: tool\nChecksums-Sha256:\n {} 7 tool\n", sha(b"rebuilt"));
    let (standing, why) = of(&[("data/provenance/x.buildinfo", info)]);
    assert!(standing == Standing::Absent && why.ends_with("names no commit"), "{why}");
}

fn tool(name: &'static str, version: &str) -> Embedded {
    Embedded { tools: vec![Tool { name, version: version.to_owned(), from: ".comment" }], ..Embedded::default() }
}

#[test]
fn declared_tools_are_those_that_files_name_or_it_is_a_finding() {
    let info = |content: &[u8], gcc: &str| {
        format!(
            "Format: 1.0\nSource: tool\nChecksums-Sha256:\n {} 7 tool\nInstalled-Build-Depends:\n binutils (= 2.40-2),\n gcc-13 (= {gcc}),\n gcc-13-base (= 1)\n",
            sha(content)
        )
    };
    let of = |declared: String, side: Side, embedded: &[Embedded]| {
        let mut case = Case::new(&[("data/provenance/x.buildinfo", declared)]);
        for (i, one) in embedded.iter().enumerate() {
            case = case.holding(side, &format!("tool!bin/{i}"), b"x", one.clone());
        }
        case.link("tools = declared").map(|l| (l.standing, l.why))
    };
    let (standing, why) = of(info(b"shipped", "13.2.0-4"), Side::Shipped, &[tool("gcc", "11.4.0")]).unwrap();
    assert_eq!(standing, Standing::Broken);
    assert!(why.contains("declares gcc 13.2.0-4") && why.contains("names 11.4.0 (.comment)") && why.starts_with("shipped tool"), "{why}");
    assert_eq!(of(info(b"rebuilt", "13.2.0-4"), Side::Rebuilt, &[tool("gcc", "11.4.0")]).unwrap().0, Standing::Broken);
    assert_eq!(of(info(b"shipped", "13.2.0-4"), Side::Shipped, &[tool("gcc", "13.2.0")]).unwrap().0, Standing::Claimed);
    // A library of another compiler beside one that was declared is usual.
    let both = [tool("gcc", "13.2.0"), tool("gcc", "12.2.0"), tool("clang", "14.0.6")];
    let (standing, why) = of(info(b"shipped", "13.2.0-4"), Side::Shipped, &both).unwrap();
    assert!(standing == Standing::Claimed && why.contains("clang"), "{why}");
    let (standing, why) = of(info(b"shipped", "13.2.0-4"), Side::Shipped, &[]).unwrap();
    assert!(standing == Standing::Absent && why.contains("no file in it names its tools"), "{why}");
    // Agreement of the rebuild says nothing of what was shipped, and that is told.
    let (standing, why) = of(info(b"rebuilt", "13.2.0-4"), Side::Rebuilt, &[tool("gcc", "13.2.0")]).unwrap();
    assert!(standing == Standing::Claimed && why.contains("shipped tool: nothing declares its tools"), "{why}");
    // By name, where no digest fits: both sides.
    assert_eq!(of(info(b"other", "13.2.0-4"), Side::Rebuilt, &[tool("gcc", "11.4.0")]).unwrap().0, Standing::Broken);
    assert!(of(format!("Checksums-Sha256:\n {} 7 tool\n", sha(b"shipped")), Side::Shipped, &[tool("gcc", "1.0")]).is_none());
    // SLSA names them in its parameters.
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1", "predicateType": "https://slsa.dev/provenance/v1",
        "subject": [{ "name": "tool", "digest": { "sha256": sha(b"shipped") } }],
        "predicate": { "buildDefinition": { "internalParameters": { "compiler": "gcc 13.2" } }, "runDetails": { "builder": { "id": "b" } } },
    });
    let case =
        Case::new(&[("data/provenance/a.jsonl", signed(&statement))]).holding(Side::Shipped, "tool", b"shipped", tool("gcc", "11.4.0"));
    assert_eq!(case.link("tools = declared").unwrap().standing, Standing::Broken);
}

#[test]
fn a_revision_that_a_file_names_is_the_one_under_review_or_it_is_a_finding() {
    let made = |id: &str, modified: bool, of: &str| {
        let revision = Some(Revision { id: id.to_owned(), from: "vcs.revision", of: of.to_owned(), modified });
        let mut case = Case::new(&[]).holding(Side::Shipped, "tool", b"shipped", Embedded { revision, ..Embedded::default() });
        case.inside.declared.insert("example.org/tool".to_owned());
        case
    };
    let of = |id: &str, modified: bool| {
        let case = made(id, modified, "example.org/tool");
        let link = case.link("revision = commit").unwrap();
        assert_eq!(link.evidence[0].at, Lead::Artifact(0));
        (link.standing, link.why)
    };
    assert_eq!(of(COMMIT, false).0, Standing::Claimed);
    let (standing, why) = of(&"cd".repeat(20), false);
    assert!(standing == Standing::Broken && why.contains("vcs.revision is cdcd") && why.contains(COMMIT), "{why}");
    let (standing, why) = of(COMMIT, true);
    assert!(standing == Standing::Broken && why.contains("was changed after commit"), "{why}");
    assert!(Case::new(&[]).link("revision = commit").is_none());
    // A third party's program has a history of its own: a fact, whose commit nobody here can judge.
    for other in ["example.net/proxy", ""] {
        let case = made(&"cd".repeat(20), true, other);
        let link = case.link("revision = commit").unwrap();
        assert_eq!(link.standing, Standing::Absent);
        assert!(
            link.why.contains("no file says that it was built from it") && link.why.contains("does not declare as its own"),
            "{}",
            link.why
        );
        let own = Some(Revision { id: COMMIT.to_owned(), from: "vcs.revision", of: "example.org/tool".to_owned(), modified: false });
        let both = case.holding(Side::Shipped, "own", b"own", Embedded { revision: own, ..Embedded::default() });
        let link = both.link("revision = commit").unwrap();
        assert_eq!((link.standing, link.evidence.len()), (Standing::Claimed, 2), "{}", link.why);
        assert!(link.why.ends_with("1 others are of other repositories"), "{}", link.why);
    }
    // The commit itself, changed, is the tree's whoever says it.
    assert_eq!(made(COMMIT, true, "").link("revision = commit").unwrap().standing, Standing::Broken);
}

fn crates(all: &[(&str, &str)]) -> Embedded {
    let component = |(name, version): &(&str, &str)| Component { kind: "cargo", name: (*name).to_owned(), version: (*version).to_owned() };
    Embedded { components: all.iter().map(component).collect(), ..Embedded::default() }
}

/// CycloneDX of crates, and files by digest.
fn bom(crates: &[(&str, &str)], files: &[(&str, String)]) -> String {
    let mut all: Vec<Value> = crates
        .iter()
        .map(
            |(name, version)| json!({ "type": "library", "name": name, "version": version, "purl": format!("pkg:cargo/{name}@{version}") }),
        )
        .collect();
    all.extend(files.iter().map(|(n, d)| json!({ "type": "file", "name": n, "hashes": [{ "alg": "SHA-256", "content": d }] })));
    json!({ "bomFormat": "CycloneDX", "specVersion": "1.5", "metadata": { "component": { "type": "application", "name": "product" } }, "components": all })
        .to_string()
}

#[test]
fn bills_of_materials_are_compared_both_ways() {
    let of = |bom: String, embedded: Embedded| {
        let case = Case::new(&[("data/sbom/x.cdx.json", bom)]).holding(Side::Shipped, "tool", b"shipped", embedded).holding(
            Side::Shipped,
            "tool!etc/conf",
            b"conf",
            Embedded::default(),
        );
        let (rows, links) = case.examine();
        let link = links.into_iter().find(|l| l.name == "bundle = SBOM").unwrap();
        let answer = |question| rows[0].answers.iter().find(|a| a.question == question).map(|a| (a.outcome, a.reason.clone())).unwrap();
        assert_eq!(rows[0].kind, "CycloneDX 1.5 JSON");
        assert!(rows[0].subjects.is_empty(), "a list that nobody signed names no artifact");
        let clues: Vec<String> = link.evidence.iter().map(|c| c.text.clone()).collect();
        (link.standing, link.why, clues, answer(Question::Subject), answer(Question::Materials))
    };
    let two = [("serde", "1.0.0"), ("libc", "0.2.1")];
    let files = |content: &[u8]| vec![("./etc/conf", sha(content))];
    let (standing, why, clues, subject, materials) = of(bom(&two, &files(b"conf")), crates(&two));
    assert_eq!((standing, clues.len()), (Standing::Claimed, 0), "{why}");
    assert!(why.contains("1 equal files by digest, 3 components found"), "{why}");
    assert_eq!((subject.0, materials.0), (Outcome::Yes, Outcome::CannotTell), "components are hints");
    // Another version.
    let (standing, why, clues, _, materials) = of(bom(&[("serde", "1.0.0"), ("libc", "0.2.9")], &[]), crates(&two));
    assert_eq!((standing, materials.0), (Standing::Broken, Outcome::No), "{why}");
    assert!(clues[0].contains("it lists libc 0.2.9, and tool says that it has libc 0.2.1"), "{clues:?}");
    // Listed and not found; found and not listed.
    let (standing, why, clues, ..) = of(bom(&[("serde", "1.0.0"), ("rand", "0.8.0")], &[]), crates(&two));
    assert_eq!(standing, Standing::Absent);
    assert!(why.ends_with("1 listed and not found, 1 found and not listed"), "{why}");
    assert!(clues.iter().any(|c| c.contains("rand 0.8.0")) && clues.iter().any(|c| c.contains("libc 0.2.1")), "{clues:?}");
    // Other bytes under the same name.
    let (standing, _, clues, subject, _) = of(bom(&two, &files(b"tampered")), crates(&two));
    assert_eq!((standing, subject.0), (Standing::Broken, Outcome::No));
    assert!(clues[0].contains("for ./etc/conf, and tool!etc/conf has"), "{clues:?}");
    // A file that is nowhere.
    let (standing, _, clues, subject, _) = of(bom(&two, &[("./usr/lost", sha(b"lost"))]), crates(&two));
    assert_eq!((standing, subject.0), (Standing::Absent, Outcome::CannotTell));
    assert!(clues[0].contains("./usr/lost"), "{clues:?}");
    // Types that nothing here could name are not held against the list.
    let npm = json!({ "bomFormat": "CycloneDX", "specVersion": "1.6", "components": [
        { "type": "library", "name": "left-pad", "version": "1", "purl": "pkg:npm/left-pad@1" }] });
    let case = Case::new(&[("data/sbom/x.cdx.json", npm.to_string())]).holding(Side::Shipped, "tool", b"shipped", Embedded::default());
    let (rows, _) = case.examine();
    let reason = &rows[0].answers.iter().find(|a| a.question == Question::Materials).unwrap().reason;
    assert!(reason.contains("for 1 nothing here could say so"), "{reason}");
}

#[test]
fn weak_digests_bind_nothing_and_forms_that_are_not_read_have_their_reason() {
    let sha1 = countersign::diff::digests(b"conf", &[countersign::digest::Algorithm::Sha1])[1].to_string();
    let spdx = json!({ "spdxVersion": "SPDX-2.3", "packages": [], "files": [
        { "fileName": "./etc/conf", "checksums": [{ "algorithm": "SHA1", "checksumValue": sha1 }] }] });
    let case =
        Case::new(&[("data/sbom/x.spdx.json", spdx.to_string())]).holding(Side::Shipped, "tool!etc/conf", b"conf", Embedded::default());
    let (rows, links) = case.examine();
    let subject = rows[0].answers.iter().find(|a| a.question == Question::Subject).unwrap();
    assert!(subject.outcome == Outcome::CannotTell && subject.reason.contains("sha1 only"), "{}", subject.reason);
    assert_eq!(links.iter().find(|l| l.name == "bundle = SBOM").unwrap().standing, Standing::Absent);
    // A sha1 that differs is a difference all the same.
    let other = spdx.to_string().replace(&sha1, &"0".repeat(40));
    let case = Case::new(&[("data/sbom/x.spdx.json", other)]).holding(Side::Shipped, "tool!etc/conf", b"conf", Embedded::default());
    assert_eq!(case.link("bundle = SBOM").unwrap().standing, Standing::Broken);
    let xml = "<?xml version=\"1.0\"?><bom xmlns=\"http://cyclonedx.org/schema/bom/1.5\"></bom>";
    let case = Case::new(&[("data/sbom/x.xml", xml.to_owned()), ("data/sbom/y.json", "{\"bomFormat\":\"CycloneDX\",".to_owned())]);
    let (rows, links) = case.examine();
    assert!(links.iter().all(|l| l.name != "bundle = SBOM"), "nothing was read");
    assert_eq!(rows.len(), 2);
    for row in &rows {
        assert!(row.kind.starts_with("CycloneDX") && row.answers.iter().all(|a| a.outcome == Outcome::CannotTell), "{row:?}");
    }
}

#[test]
fn a_signed_bill_of_materials_answers_for_its_statement_too() {
    let predicate: Value = serde_json::from_str(&bom(&[("serde", "2.0.0")], &[])).unwrap();
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1", "predicateType": "https://cyclonedx.org/bom/v1.5",
        "subject": [{ "name": "tool", "digest": { "sha256": sha(b"shipped") } }], "predicate": predicate,
    });
    let case = Case::new(&[("data/provenance/a.intoto.jsonl", signed(&statement))]).holding(
        Side::Shipped,
        "tool",
        b"shipped",
        crates(&[("serde", "1.0.0")]),
    );
    let (rows, links) = case.examine();
    let outcomes: BTreeMap<Question, Outcome> = rows[0].answers.iter().map(|a| (a.question, a.outcome)).collect();
    assert_eq!(outcomes[&Question::Subject], Outcome::Yes);
    assert_eq!(outcomes[&Question::Signer], Outcome::Yes);
    assert_eq!(outcomes[&Question::Materials], Outcome::No, "another version than the file names");
    assert_eq!(links.iter().find(|l| l.name == "bundle = SBOM").unwrap().standing, Standing::Broken);
}

#[test]
fn a_hundred_thousand_components_are_compared_at_once() {
    let names: Vec<String> = (0..100_000).map(|i| format!("c{i}")).collect();
    let all: Vec<(&str, &str)> = names.iter().map(|n| (n.as_str(), "1.0.0")).collect();
    let case = Case::new(&[("data/sbom/x.cdx.json", bom(&all, &[]))]).holding(Side::Shipped, "tool", b"shipped", crates(&all[1..]));
    let started = std::time::Instant::now();
    let link = case.link("bundle = SBOM").unwrap();
    assert!(link.why.contains("1 listed and not found"), "{}", link.why);
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}

/// Real executables: compiled by GCC 12 and by GCC 11.
#[test]
fn real_executables_name_their_compiler() {
    let Some(corpus) = std::env::var_os("COUNTERSIGN_CORPUS").map(std::path::PathBuf::from).filter(|c| c.is_dir()) else {
        return println!("skipped: COUNTERSIGN_CORPUS is not set");
    };
    let tools = |path: &str| {
        let bytes = std::fs::read(corpus.join("elf").join(path)).unwrap();
        let inside = countersign::diff::inside(bytes.into(), &[], &countersign::diff::Limits::default(), &|| false);
        let all: BTreeSet<String> = inside.embedded.tools.iter().map(|t| format!("{} {}", t.name, t.version)).collect();
        all
    };
    let eleven = tools("g1-gcc11/b");
    assert!(eleven.iter().any(|t| t.starts_with("gcc 11.")), "{eleven:?}");
    let twelve = tools("g1-gcc11/a");
    assert!(twelve.iter().any(|t| t.starts_with("gcc 12.")), "{twelve:?}");
}
