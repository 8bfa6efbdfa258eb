use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value, json};

use super::*;
use crate::digest::{Sha256, hex};
use crate::provenance::dsse;

const NOW: i64 = 1_795_000_000;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn public(seed: u8) -> PublicKey {
    PublicKey::Ed25519(key(seed).verifying_key().to_bytes())
}

/// Signed in the classic form. The document is written with spaces: what counts is its canonical form.
fn classic(signed: &Value, seeds: &[u8]) -> Metadata {
    let text = serde_json::to_string_pretty(signed).unwrap();
    let canonical = metadata::canonical(&crate::json::parse(text.as_bytes()).unwrap()).unwrap();
    let signatures: Vec<_> = seeds.iter().map(|s| json!({ "keyid": "x", "sig": hex(&key(*s).sign(&canonical).to_bytes()) })).collect();
    read(serde_json::to_string_pretty(&json!({ "signed": signed, "signatures": signatures })).unwrap().as_bytes()).unwrap()
}

fn enveloped(signed: &Value, seeds: &[u8]) -> Metadata {
    let payload = signed.to_string();
    let message = dsse::pae(dsse::IN_TOTO, payload.as_bytes());
    let signatures: Vec<_> =
        seeds.iter().map(|s| json!({ "keyid": "", "sig": STANDARD.encode(key(*s).sign(&message).to_bytes()) })).collect();
    let envelope = json!({ "payloadType": dsse::IN_TOTO, "payload": STANDARD.encode(&payload), "signatures": signatures });
    read(envelope.to_string().as_bytes()).unwrap()
}

fn layout(threshold: u64, keys: &[u8], expires: &str) -> Value {
    let all: serde_json::Map<String, Value> = (1..=4u8)
        .map(|seed| {
            (
                format!("id{seed}"),
                json!({ "keytype": "ed25519", "scheme": "ed25519", "keyval": { "public": hex(key(seed).verifying_key().as_bytes()) } }),
            )
        })
        .collect();
    let ids: Vec<String> = keys.iter().map(|k| format!("id{k}")).collect();
    json!({
        "_type": "layout", "expires": expires, "keys": all, "readme": "of \"words\" \\ and é", "inspect": [],
        "steps": [
            { "name": "write", "threshold": 1, "pubkeys": ["id1"], "expected_materials": [], "expected_products": [["CREATE", "src/*"], ["DISALLOW", "*"]] },
            { "name": "build", "threshold": threshold, "pubkeys": ids,
              "expected_materials": [["MATCH", "*", "IN", "in", "WITH", "PRODUCTS", "IN", "src", "FROM", "write"], ["DISALLOW", "*"]],
              "expected_products": [["REQUIRE", "out"], ["CREATE", "out"], ["DISALLOW", "*"]] },
        ],
    })
}

fn link(name: &str, materials: &[(&str, &str)], products: &[(&str, &str)]) -> Value {
    let files = |all: &[(&str, &str)]| -> serde_json::Map<String, Value> {
        all.iter().map(|(path, content)| ((*path).to_owned(), json!({ "sha256": Sha256::of(content.as_bytes()).to_string() }))).collect()
    };
    json!({ "_type": "link", "name": name, "materials": files(materials), "products": files(products), "byproducts": { "return-value": 0 }, "command": [], "environment": {} })
}

fn write() -> Value {
    link("write", &[], &[("src/a.c", "a")])
}

fn build() -> Value {
    link("build", &[("in/a.c", "a")], &[("out", "made")])
}

/// Links in one folder, called after their steps.
fn all(links: &[Metadata]) -> Vec<Linked> {
    let of = |m: &Metadata| Linked { folder: String::new(), name: format!("{}.link", m.link().map_or("", |l| l.0)), metadata: m.clone() };
    links.iter().map(of).collect()
}

fn run(layout: &Value, links: &[Metadata]) -> Result<Supply, LayoutError> {
    verify(&classic(layout, &[9]), &all(links), "", &[public(9)], NOW)
}

const LATER: &str = "2030-01-01T00:00:00Z";

#[test]
fn both_forms_hold_and_name_who_did_what() {
    let plain = layout(1, &[2], LATER);
    let expected = vec![("write".to_owned(), vec!["id1".to_owned()]), ("build".to_owned(), vec!["id2".to_owned()])];
    let done = run(&plain, &[classic(&write(), &[1]), classic(&build(), &[2])]).unwrap();
    assert_eq!(done.steps, expected);
    assert!(done.makes(&[Sha256::of(b"made").into()]) && !done.makes(&[Sha256::of(b"other").into()]));
    let done =
        verify(&enveloped(&plain, &[9]), &all(&[enveloped(&write(), &[1]), classic(&build(), &[2])]), "", &[public(8), public(9)], NOW);
    assert_eq!(done.unwrap().steps, expected);
}

#[test]
fn a_layout_counts_only_by_a_key_that_was_given_and_in_its_time() {
    let links = [classic(&write(), &[1]), classic(&build(), &[2])];
    let good = layout(1, &[2], LATER);
    assert_eq!(verify(&classic(&good, &[8]), &all(&links), "", &[public(9)], NOW), Err(LayoutError::Signature));
    assert_eq!(verify(&classic(&good, &[]), &all(&links), "", &[public(9)], NOW), Err(LayoutError::Signature));
    assert!(matches!(run(&layout(1, &[2], "2020-01-01T00:00:00Z"), &links), Err(LayoutError::Expired(_))));
    assert!(matches!(run(&layout(1, &[2], "never"), &links), Err(LayoutError::Unsupported(_))));
    assert!(matches!(verify(&classic(&write(), &[9]), &all(&links), "", &[public(9)], NOW), Err(LayoutError::Unsupported(_))));
}

#[test]
fn a_threshold_is_of_people_not_of_signatures() {
    let two = layout(2, &[2, 3], LATER);
    let step = |links: &[Metadata]| run(&two, &[&[classic(&write(), &[1])][..], links].concat());
    assert_eq!(step(&[classic(&build(), &[2]), classic(&build(), &[3])]).unwrap().steps[1].1, ["id2", "id3"]);
    assert!(matches!(step(&[classic(&build(), &[2])]), Err(LayoutError::Step(_))));
    assert!(matches!(step(&[classic(&build(), &[2]), classic(&build(), &[2])]), Err(LayoutError::Step(_))), "one person twice");
    assert!(matches!(step(&[classic(&build(), &[2]), classic(&build(), &[4])]), Err(LayoutError::Step(_))), "no functionary of the step");
    let other = link("build", &[("in/a.c", "a")], &[("out", "another")]);
    let said = step(&[classic(&build(), &[2]), classic(&other, &[3])]).unwrap_err().to_string();
    assert!(said.contains("do not agree"), "{said}");
    // The same key under two ids is one.
    let mut doubled = two.clone();
    doubled["keys"]["id3"] = doubled["keys"]["id2"].clone();
    let links = [classic(&write(), &[1]), classic(&build(), &[2]), classic(&build(), &[2])];
    assert!(matches!(run(&doubled, &links), Err(LayoutError::Step(_))));
}

#[test]
fn rules_are_kept() {
    let plain = layout(1, &[2], LATER);
    let with = |write: Value, build: Value| run(&plain, &[classic(&write, &[1]), classic(&build, &[2])]).map_err(|e| e.to_string());
    assert!(with(write(), build()).is_ok());
    let said = with(write(), link("build", &[("in/a.c", "changed")], &[("out", "made")])).unwrap_err();
    assert!(said.contains("step build, materials: in/a.c is not allowed"), "{said}");
    let said = with(write(), link("build", &[("in/a.c", "a")], &[("out", "made"), ("more", "x")])).unwrap_err();
    assert!(said.contains("products: more is not allowed"), "{said}");
    let said = with(write(), link("build", &[("in/a.c", "a")], &[])).unwrap_err();
    assert!(said.contains("out is required"), "{said}");
    let said = with(link("write", &[], &[("README", "x")]), build()).unwrap_err();
    assert!(said.contains("step write"), "{said}");
    let mut rules = plain.clone();
    rules["steps"][1]["expected_materials"] = json!([["MATCH", "*", "WITH", "PRODUCTS", "FROM", "nobody"]]);
    assert!(matches!(run(&rules, &[classic(&write(), &[1]), classic(&build(), &[2])]), Err(LayoutError::Rule(_))));
    // A digest that binds nothing is equal to nothing.
    let mut weak = build();
    weak["materials"]["in/a.c"] = json!({ "md5": "00000000000000000000000000000000" });
    assert!(with(write(), weak).is_err());
}

#[test]
fn what_is_changed_or_not_well_formed_is_refused() {
    let text = serde_json::to_string(&json!({ "signed": write(), "signatures": [{ "keyid": "x", "sig": "zz" }] })).unwrap();
    assert!(read(text.as_bytes()).unwrap_err().contains("hexadecimal"));
    assert!(read(b"{}").unwrap_err().contains("\"signed\" is missing"));
    assert!(read(b"{\"signed\":{\"_type\":\"link\",\"name\":\"a\",\"x\":1.5},\"signatures\":[]}").unwrap_err().contains("not an integer"));
    let many = json!({ "signed": write(), "signatures": vec![json!({ "keyid": "", "sig": "00" }); 65] });
    assert!(read(many.to_string().as_bytes()).unwrap_err().contains("over the bound of 64"));
    let mut rules = layout(1, &[2], LATER);
    rules["steps"][0]["expected_products"] = json!([["PERMIT", "*"]]);
    let said = read(json!({ "signed": rules, "signatures": [] }).to_string().as_bytes()).unwrap_err();
    assert!(said.contains("no rule of in-toto"), "{said}");
    // A step for whoever has a certificate, and nobody has one.
    let mut value = layout(1, &[], LATER);
    value["steps"][1]["cert_constraints"] = json!([{}]);
    assert!(matches!(run(&value, &[classic(&write(), &[1]), classic(&build(), &[2])]), Err(LayoutError::Step(_))));
}

/// A layout in place of the link of `build`, by the functionary `id2`, and its own step.
fn nested(expires: &str) -> Value {
    let mut inner = layout(1, &[], expires);
    inner["steps"] = json!([
        { "name": "compile", "threshold": 1, "pubkeys": ["id3"], "expected_materials": [], "expected_products": [] },
        { "name": "pack", "threshold": 1, "pubkeys": ["id4"],
          "expected_materials": [["MATCH", "*", "WITH", "PRODUCTS", "FROM", "compile"], ["DISALLOW", "*"]], "expected_products": [] },
    ]);
    inner
}

fn with_sublayout(inner: &Value, by: u8, folder: &str) -> Result<Supply, LayoutError> {
    let of = |folder: &str, name: &str, metadata: Metadata| Linked { folder: folder.to_owned(), name: name.to_owned(), metadata };
    let links = [
        of("", "write.id1.link", classic(&write(), &[1])),
        of("", "build.id2.link", classic(inner, &[by])),
        of(folder, "compile.id3.link", classic(&link("compile", &[("in/a.c", "a")], &[("a.o", "o")]), &[3])),
        of(folder, "pack.id4.link", classic(&link("pack", &[("a.o", "o")], &[("out", "made")]), &[4])),
    ];
    verify(&classic(&layout(1, &[2], LATER), &[9]), &links, "", &[public(9)], NOW)
}

#[test]
fn a_layout_may_stand_in_place_of_a_link() {
    let done = with_sublayout(&nested(LATER), 2, "build.id2").unwrap();
    let names: Vec<&str> = done.steps.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["write", "build/compile", "build/pack", "build"]);
    assert!(done.makes(&[Sha256::of(b"made").into()]));
    let said = |r: Result<Supply, LayoutError>| r.unwrap_err().to_string();
    assert!(said(with_sublayout(&nested(LATER), 3, "build.id2")).contains("0 of 1 links"), "not by the functionary of the step");
    assert!(
        said(with_sublayout(&nested(LATER), 2, "")).contains("in the layout of step build: step compile: 0 of 1"),
        "links of another folder"
    );
    assert!(said(with_sublayout(&nested("2020-01-01T00:00:00Z"), 2, "build.id2")).contains("in the layout of step build: it has expired"));
    let mut rules = nested(LATER);
    rules["steps"][1]["expected_materials"] = json!([["DISALLOW", "*"]]);
    assert!(matches!(with_sublayout(&rules, 2, "build.id2"), Err(LayoutError::Rule(_))));
    let mut inspected = nested(LATER);
    inspected["inspect"] = json!([{ "name": "inner", "run": [] }]);
    assert_eq!(with_sublayout(&inspected, 2, "build.id2").unwrap().inspections, ["inner"], "an inspection of a sublayout is told too");
}

#[test]
fn a_layout_in_itself_ends() {
    // Each of nine folders has a layout in place of its link.
    let inner = |name: &str| {
        let mut value = layout(1, &[], LATER);
        value["steps"] = json!([{ "name": name, "threshold": 1, "pubkeys": ["id2"], "expected_materials": [], "expected_products": [] }]);
        value
    };
    let mut folder = String::new();
    let mut links = Vec::new();
    for _ in 0..12 {
        links.push(Linked { folder: folder.clone(), name: "s.id2.link".to_owned(), metadata: classic(&inner("s"), &[2]) });
        folder = if folder.is_empty() { "s.id2".to_owned() } else { format!("{folder}/s.id2") };
    }
    let said = verify(&classic(&inner("s"), &[9]), &links, "", &[public(9)], NOW).unwrap_err().to_string();
    assert!(said.contains("deeper than 8"), "{said}");
}

/// What `testdata/in-toto/make.py` made: links by GnuPG and by certificates.
fn made(name: &str) -> Vec<u8> {
    std::fs::read(std::path::Path::new("testdata/in-toto").join(name)).unwrap()
}

fn with_gpg(kind: &str, change: impl Fn(&mut Value)) -> Result<Supply, LayoutError> {
    let keys: Value = serde_json::from_slice(&made("keys.json")).unwrap();
    let mut value = layout(1, &[], LATER);
    value["keys"]["gpg"] = keys[kind].clone();
    value["steps"][1]["pubkeys"] = json!(["gpg"]);
    let mut document: Value = serde_json::from_slice(&made(&format!("build.{kind}.link"))).unwrap();
    change(&mut document);
    run(&value, &[classic(&write(), &[1]), read(document.to_string().as_bytes()).unwrap()])
}

#[test]
fn links_by_gnupg_hold_and_a_changed_one_does_not() {
    for kind in ["rsa", "eddsa"] {
        assert_eq!(with_gpg(kind, |_| {}).unwrap().steps[1].1, ["gpg"], "{kind}");
        let refused = |change: &dyn Fn(&mut Value)| assert!(matches!(with_gpg(kind, change), Err(LayoutError::Step(_))), "{kind}");
        refused(&|d| d["signed"]["products"]["out"]["sha256"] = json!("0".repeat(64)));
        refused(&|d| d["signed"]["command"] = json!([]));
        refused(&|d| d["signatures"][0]["other_headers"] = json!("0400010800000000"));
        refused(&|d| d["signatures"][0]["other_headers"] = json!(""));
        refused(&|d| d["signatures"][0]["keyid"] = json!("0".repeat(40)));
        refused(&|d| d["signatures"] = json!([]));
    }
}

#[test]
fn a_key_of_gnupg_that_has_ended_does_not_count() {
    let mut keys: Value = serde_json::from_slice(&made("keys.json")).unwrap();
    keys["eddsa"]["creation_time"] = json!(1_700_000_000);
    keys["eddsa"]["validity_period"] = json!(100);
    let mut value = layout(1, &[], LATER);
    value["keys"]["gpg"] = keys["eddsa"].clone();
    value["steps"][1]["pubkeys"] = json!(["gpg"]);
    let links = [classic(&write(), &[1]), read(&made("build.eddsa.link")).unwrap()];
    assert!(matches!(run(&value, &links), Err(LayoutError::Step(_))));
}

#[cfg(feature = "openpgp")]
#[test]
fn a_signature_of_gnupg_is_a_packet_that_a_keyring_verifies() {
    let ring = crate::provenance::openpgp::Keyring::parse(&made("keys.pgp")).unwrap();
    for kind in ["rsa", "eddsa"] {
        let metadata = read(&made(&format!("build.{kind}.link"))).unwrap();
        let packet = metadata.openpgp_signatures().next().unwrap();
        let verdicts = ring.detached(&packet, metadata.signed(), 1_800_000_000);
        assert!(matches!(verdicts[..], [crate::provenance::openpgp::Verdict::Good(_)]), "{kind}: {verdicts:?}");
        let verdicts = ring.detached(&packet, b"other bytes", 1_800_000_000);
        assert!(matches!(verdicts[..], [crate::provenance::openpgp::Verdict::Bad(_)]), "{kind}: {verdicts:?}");
    }
}

fn with_certificate(name: &str, root: &str, change: impl Fn(&mut Value)) -> Result<Supply, LayoutError> {
    let certificates: Value = serde_json::from_slice(&made("certificates.json")).unwrap();
    let mut value = layout(1, &[2], LATER);
    value["steps"][0]["pubkeys"] = json!([]);
    value["steps"][0]["cert_constraints"] = json!([{
        "common_name": "write.example.org", "dns_names": [""], "emails": [], "organizations": ["*"], "roots": ["r"],
        "uris": ["spiffe://example.org/write"],
    }]);
    value["rootcas"] = json!({ "r": { "keyval": { "certificate": certificates[root] } } });
    value["intermediatecas"] = json!({ "i": { "keyval": { "certificate": certificates["between"] } }, "j": { "keyval": { "certificate": certificates["issuing"] } } });
    change(&mut value);
    run(&value, &[read(&made(&format!("write.{name}.link"))).unwrap(), classic(&build(), &[2])])
}

#[test]
fn a_functionary_may_be_known_by_a_certificate() {
    let none = |_: &mut Value| {};
    assert_eq!(with_certificate("good", "root", none).unwrap().steps[0].1, ["certificate of spiffe://example.org/write"]);
    let said = |name: &str, root: &str, change: &dyn Fn(&mut Value)| with_certificate(name, root, change).unwrap_err().to_string();
    assert!(said("good", "other", &none).contains("does not lead to"), "another authority of the same name");
    assert!(said("below", "root", &none).contains("does not lead to"), "issued by a certificate that is no authority");
    assert!(said("ended", "root", &none).contains("not valid at that time"));
    assert!(said("stolen", "root", &none).contains("does not match the certificate"));
    for (field, value) in [
        ("common_name", json!("else.example.org")),
        ("uris", json!(["spiffe://example.org/else"])),
        ("uris", json!([])),
        ("emails", json!(["a@example.org"])),
        ("organizations", json!(["else"])),
    ] {
        let change = |layout: &mut Value| layout["steps"][0]["cert_constraints"][0][field] = value.clone();
        assert!(said("good", "root", &change).contains("has another"), "{field}");
    }
    let change = |layout: &mut Value| layout["steps"][0]["cert_constraints"][0]["roots"] = json!(["else"]);
    assert!(said("good", "root", &change).contains("does not lead to"));
    let any = |layout: &mut Value| layout["steps"][0]["cert_constraints"][0]["roots"] = json!(["*"]);
    assert!(with_certificate("good", "root", any).is_ok());
}
