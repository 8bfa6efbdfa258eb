//! A record that other programs made: its signatures count, its kind does not.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may panic, and says why it skips")]
// A test runs the program.
#![allow(clippy::disallowed_types)]

use std::path::PathBuf;
use std::process::Command;

use countersign::provenance::AllowedSigners;
use countersign::signoff;

mod common;

fn example() -> Option<PathBuf> {
    let Some(corpus) = std::env::var_os("COUNTERSIGN_CORPUS") else {
        println!("skipped: COUNTERSIGN_CORPUS names no corpus");
        return None;
    };
    Some(PathBuf::from(corpus).join("provenance/signoff-example"))
}

#[test]
fn its_signatures_count_and_its_foreign_kind_is_refused_with_that_reason() {
    let Some(folder) = example() else { return };
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let signers = AllowedSigners::parse(&read("allowed_signers")).unwrap();
    let reports = signoff::signatures(&read("rec.dsse.json"), &signers).unwrap();
    let people: Vec<_> = reports.iter().map(|r| r.principal.clone().unwrap_or_default()).collect();
    assert_eq!(people, ["alice@room", "carol@room"], "Ed25519 and ECDSA P-256");
    assert!(reports.iter().all(|r| r.outcome == countersign::model::Outcome::Yes));
    let run = |record: &str| {
        let out = Command::new(common::program())
            .args(["verify", &folder.join(record).to_string_lossy(), "--signers", &folder.join("allowed_signers").to_string_lossy()])
            .output()
            .unwrap();
        (out.status.code(), String::from_utf8_lossy(&out.stdout).into_owned())
    };
    // As a file, and as the text of its QR code.
    for record in ["rec.dsse.json", "rec.qr.txt"] {
        let (code, out) = run(record);
        assert_eq!(code, Some(1), "{out}");
        assert!(out.contains("= ") && out.contains("alice@room") && out.contains("carol@room"), "{out}");
        assert!(out.contains("! the predicate type is https://countersign.example/release-review/v1; a sign-off record has"), "{out}");
    }
    let scanned = signoff::codes::decode(&String::from_utf8(read("rec.qr.txt")).unwrap()).unwrap();
    assert_eq!(scanned.trim_ascii_end(), read("rec.dsse.json").trim_ascii_end());
}

/// A security key's signature (OpenSSH's own token of software made it) counts too.
#[test]
fn a_security_keys_signature_counts() {
    let Some(folder) = example() else { return };
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let line = format!("dave@token {}", String::from_utf8(read("fido.pub")).unwrap());
    let signers = AllowedSigners::parse(line.as_bytes()).unwrap();
    let reports = signoff::signatures(&read("fido.dsse.json"), &signers).unwrap();
    assert_eq!(reports[0].principal.as_deref(), Some("dave@token"), "{reports:?}");
}
