//! Sigstore, OpenPGP, certificates, lists, minisign and layouts inside of a release.

use std::path::Path;

use countersign::digest::Sha256;
use countersign::model::{ChainLink, Outcome, Question, SignedObject, Standing};
use countersign::provenance::AllowedSigners;
use countersign::provenance::openpgp::Keyring;
use countersign::provenance::sigstore::Root;

use crate::case::*;

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
