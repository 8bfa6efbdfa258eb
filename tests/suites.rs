//! Public suites: JSONTestSuite against the strict reader, Wycheproof against the Ed25519 check, sigstore-conformance and the
//! sign-off example against what this version says of them.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may panic, and says why it skips")]

use std::path::{Path, PathBuf};

use countersign::digest::unhex;
use countersign::json;
use countersign::provenance::{AllowedSigners, dsse, verify_ed25519};
use countersign::signoff;

fn corpus(below: &str) -> Option<PathBuf> {
    match std::env::var_os("COUNTERSIGN_CORPUS") {
        Some(dir) => Some(Path::new(&dir).join(below)),
        None => {
            println!("skipped: COUNTERSIGN_CORPUS is not set");
            None
        }
    }
}

#[test]
fn json_test_suite() {
    let Some(dir) = corpus("hostile/json-nst/test_parsing") else { return };
    let (mut yes, mut no) = (0, 0);
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let result = json::parse(&std::fs::read(&path).unwrap());
        // Two documents that RFC 8259 allows have a key twice: refused here on purpose.
        let twice = matches!(name.as_str(), "y_object_duplicated_key.json" | "y_object_duplicated_key_and_value.json");
        if twice {
            assert!(result.unwrap_err().what.starts_with("duplicate key"), "{name}");
            yes += 1;
        } else if name.starts_with("y_") {
            assert!(result.is_ok(), "{name}: {result:?}");
            yes += 1;
        } else if name.starts_with("n_") {
            assert!(result.is_err(), "{name} accepted");
            no += 1;
        }
    }
    assert_eq!((yes, no), (95, 188), "the suite is not the one this test knows");
}

#[test]
fn wycheproof_ed25519() {
    let Some(file) = corpus("hostile/wycheproof/testvectors_v1/ed25519_test.json") else { return };
    let suite: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let mut count = 0;
    for group in suite["testGroups"].as_array().unwrap() {
        let point: [u8; 32] = unhex(group["publicKey"]["pk"].as_str().unwrap()).unwrap().try_into().unwrap();
        for test in group["tests"].as_array().unwrap() {
            let bytes = |name: &str| unhex(test[name].as_str().unwrap()).unwrap();
            let good = verify_ed25519(&point, &bytes("msg"), &bytes("sig"));
            assert_eq!(good, test["result"] == "valid", "{test}");
            count += 1;
        }
    }
    assert_eq!(count, suite["numberOfTests"].as_u64().unwrap());
}

/// The example was made before the record's own predicate type was fixed: its envelope and its Ed25519 signature are good, and
/// as a record it is refused with exactly that reason.
#[test]
fn the_sign_off_example_is_read_and_refused_for_its_predicate_type() {
    let Some(dir) = corpus("provenance/signoff-example") else { return };
    let signers = AllowedSigners::parse(&std::fs::read(dir.join("allowed_signers")).unwrap()).unwrap();
    assert_eq!(signers.notes(), Vec::<String>::new());
    for name in ["rec.dsse.json", "fido.dsse.json"] {
        let record = std::fs::read(dir.join(name)).unwrap();
        let error = signoff::verify(&record, &signers, 1).unwrap_err().to_string();
        assert!(error.contains("the predicate type is https://countersign.example/release-review/v1"), "{error}");
        let envelope = dsse::parse(&record).unwrap();
        let rows = signoff::describe(&envelope.payload).unwrap();
        let text = rows.iter().map(countersign::text::Row::plain).collect::<Vec<_>>().join("\n");
        assert!(text.contains("acme-vpn 4.2.1") && text.contains("Also signed, not known to this version"), "{text}");
        assert!(text.contains("868e624965f1339a05b39062d9761de8cda8c1155dd6e7156eb7bd4494d4b0a6"), "{text}");
    }
    let envelope = dsse::parse(&std::fs::read(dir.join("rec.dsse.json")).unwrap()).unwrap();
    let message = dsse::pae(&envelope.payload_type, &envelope.payload);
    let alice = &signers.entries()[0].key;
    assert!(alice.verify(&message, &envelope.signatures[0].sig));
    assert!(!alice.verify(&message, &envelope.signatures[1].sig));
    // Its predicate is of another shape, so naming our type would not make it a record either.
    let renamed = String::from_utf8(envelope.payload).unwrap().replace("https://countersign.example/release-review/v1", signoff::REVIEW);
    let record = signoff::seal_envelope(renamed.as_bytes(), &[]);
    let error = signoff::verify(&record, &signers, 1).unwrap_err().to_string();
    assert!(error.contains("predicate.release.bundle.basis"), "{error}");
}
