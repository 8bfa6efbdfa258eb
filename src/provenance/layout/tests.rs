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

fn run(layout: &Value, links: &[Metadata]) -> Result<Supply, LayoutError> {
    verify(&classic(layout, &[9]), links, &[public(9)], NOW)
}

const LATER: &str = "2030-01-01T00:00:00Z";

#[test]
fn both_forms_hold_and_name_who_did_what() {
    let plain = layout(1, &[2], LATER);
    let expected = vec![("write".to_owned(), vec!["id1".to_owned()]), ("build".to_owned(), vec!["id2".to_owned()])];
    let done = run(&plain, &[classic(&write(), &[1]), classic(&build(), &[2])]).unwrap();
    assert_eq!(done.steps, expected);
    assert!(done.makes(&[Sha256::of(b"made").into()]) && !done.makes(&[Sha256::of(b"other").into()]));
    let done = verify(&enveloped(&plain, &[9]), &[enveloped(&write(), &[1]), classic(&build(), &[2])], &[public(8), public(9)], NOW);
    assert_eq!(done.unwrap().steps, expected);
}

#[test]
fn a_layout_counts_only_by_a_key_that_was_given_and_in_its_time() {
    let links = [classic(&write(), &[1]), classic(&build(), &[2])];
    let good = layout(1, &[2], LATER);
    assert_eq!(verify(&classic(&good, &[8]), &links, &[public(9)], NOW), Err(LayoutError::Signature));
    assert_eq!(verify(&classic(&good, &[]), &links, &[public(9)], NOW), Err(LayoutError::Signature));
    assert!(matches!(run(&layout(1, &[2], "2020-01-01T00:00:00Z"), &links), Err(LayoutError::Expired(_))));
    assert!(matches!(run(&layout(1, &[2], "never"), &links), Err(LayoutError::Unsupported(_))));
    assert!(matches!(verify(&classic(&write(), &[9]), &links, &[public(9)], NOW), Err(LayoutError::Unsupported(_))));
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
    let unsupported = {
        let mut value = layout(1, &[], LATER);
        value["steps"][1]["cert_constraints"] = json!([{}]);
        run(&value, &[classic(&write(), &[1])])
    };
    assert!(matches!(unsupported, Err(LayoutError::Unsupported(_))));
}
