//! Attestations: DSSE, in-toto (statements, layouts, links), Sigstore, SSH signatures, minisign, lists of checksums, SBOMs. The first
//! byte says what the file is called.
#![no_main]

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use countersign::digest::Sha256;
use countersign::model::{Artifact, Carrier, Contents, FileId, FileRole, Identity, IdentityBasis, Outcome, PayloadFile, Release};
use countersign::provenance::{self, Accepts, AllowedSigners, Inputs, dsse, minisign, sigstore, sshsig};
use countersign_fuzz::must_be_harmless;

const NAMES: [&str; 9] = [
    "a.intoto.json", "a.intoto.jsonl", "a.sigstore.json", "root.layout", "build.0123abcd.link", "SHA256SUMS", "bom.cdx.json", "bom.spdx.json",
    "app.dsc",
];

static RELEASE: LazyLock<Release> = LazyLock::new(|| {
    let file = |path: &str, role, size| PayloadFile { path: path.into(), role, size, declared: Vec::new(), present: true };
    Release {
        carrier: Carrier::Directory,
        identity: Identity { digest: None, basis: IdentityBasis::Listing },
        product: "app".into(),
        version: "1".into(),
        files: vec![file("data/provenance/x", FileRole::Provenance, 1), file("data/shipped/app", FileRole::Shipped, 3)],
        sources: Vec::new(),
        artifacts: vec![Artifact { name: "app".into(), shipped: Some(FileId(1)), rebuilt: Vec::new(), debug: Vec::new() }],
        required: Vec::new(),
        unknown: Vec::new(),
        bag_info: Vec::new(),
        defects: Vec::new(),
    }
});

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((kind, bytes)) = input.split_first() else { return };
    let name = NAMES[usize::from(*kind) % NAMES.len()];
    let _ = dsse::parse(bytes);
    let _ = sshsig::parse(bytes);
    let _ = minisign::parse(bytes, true);
    let _ = minisign::parse(bytes, false);
    let _ = sigstore::Bundle::parse(bytes);
    let _ = sigstore::npm_bundles(bytes);
    let _ = sigstore::pep740_bundles(bytes);
    let _ = provenance::about(bytes);
    let _ = provenance::layout::read(bytes);
    let _ = provenance::any_list_subjects(bytes);
    let _ = provenance::gitsign::check(bytes, b"message", &[]);
    let (signers, none, minisign) = (AllowedSigners::default(), BTreeSet::new(), minisign::Keys::default());
    let files = [(FileId(0), format!("data/provenance/{name}").as_str().into(), bytes.to_vec())];
    let inputs = Inputs {
        files: &files,
        signers: &signers,
        release: &RELEASE,
        digests: &|id| (id == FileId(1)).then(|| Sha256::of(b"app")),
        source: None,
        accepts: Accepts { builders: &none, sources: &none, verifiers: &none, lacking: &|_| None },
        sigstore: None,
        openpgp: None,
        contents: &|_| Arc::new(Contents::default()),
        now: 1_795_000_000,
        minisign: &minisign,
        sha512: &|_| None,
        read: &|_| Ok(b"app".to_vec()),
        comparisons: &[None],
    };
    let _ = provenance::offers(&inputs);
    let (rows, links) = provenance::examine(&inputs);
    for answer in rows.iter().flat_map(|row| &row.answers) {
        must_be_harmless(&answer.reason);
        // Nobody is trusted here, so that nobody may be found to have signed.
        assert!(answer.question != countersign::model::Question::Signer || answer.outcome != Outcome::Yes, "{}", answer.reason);
    }
    links.iter().for_each(|link| must_be_harmless(&link.why));
});
