//! OpenPGP signatures made by `gpg` (`testdata/openpgp`), and those of Debian.
#![cfg(feature = "openpgp")]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may panic, and says why it skips")]

use std::path::{Path, PathBuf};

use countersign::provenance::openpgp::{Keyring, Verdict};

const NOW: i64 = 1_795_000_000;

fn made(name: &str) -> Vec<u8> {
    std::fs::read(Path::new("testdata/openpgp").join(name)).unwrap()
}

fn word(verdicts: &[Verdict]) -> String {
    let one = |v: &Verdict| match v {
        Verdict::Good(signer) => format!("good {}", signer.user),
        Verdict::Limited(_, why) => format!("limited: {why}"),
        Verdict::Refused(_, why) => format!("refused: {why}"),
        Verdict::Bad(why) => format!("bad: {why}"),
        Verdict::Unknown(why) => format!("unknown: {why}"),
    };
    verdicts.iter().map(one).collect::<Vec<_>>().join(" | ")
}

#[test]
fn each_kind_of_signature_has_its_verdict() {
    let ring = Keyring::parse(&made("ring.pgp")).unwrap();
    let message = made("message.txt");
    let of = |name: &str| word(&ring.detached(&made(name), &message, NOW));
    assert_eq!(of("good.asc"), "good Alice <alice@example.org>");
    assert_eq!(of("text.asc"), "good Alice <alice@example.org>");
    assert!(of("expired-key.asc").starts_with("limited: its key has expired since"), "{}", of("expired-key.asc"));
    assert_eq!(of("revoked-key.asc"), "refused: its key is revoked");
    assert!(of("stranger.asc").contains("not in the reviewer's keyring"));
    assert!(of("sha1.asc").starts_with("bad: it is made with the digest Sha1"), "{}", of("sha1.asc"));
    assert_eq!(of("expired-signature.asc"), "refused: the signature has expired");
    assert!(of("future.asc").contains("in the future"));
    let two = ring.detached(&made("two.pgp"), &message, NOW);
    assert!(matches!(two[..], [Verdict::Good(_), Verdict::Unknown(_)]), "{two:?}");
    // While the key still held, it counted.
    assert_eq!(word(&ring.detached(&made("expired-key.asc"), &message, 1_596_000_000)), "good Bob <bob@example.org>");
    // The armored form of one key.
    let alice = Keyring::parse(&made("alice.asc")).unwrap();
    assert_eq!(word(&alice.detached(&made("good.asc"), &message, NOW)), "good Alice <alice@example.org>");
    let joined = [made("alice.asc"), made("alice.asc")].concat();
    assert_eq!(word(&Keyring::parse(&joined).unwrap().detached(&made("good.asc"), &message, NOW)), "good Alice <alice@example.org>");
}

#[test]
fn one_changed_byte_is_found() {
    let ring = Keyring::parse(&made("ring.pgp")).unwrap();
    let mut message = made("message.txt");
    for at in 0..message.len() {
        message[at] ^= 1;
        assert!(word(&ring.detached(&made("good.asc"), &message, NOW)).starts_with("bad: the signature does not match"));
        message[at] ^= 1;
    }
    let signature = made("two.pgp");
    for at in 0..signature.len() {
        for cut in [true, false] {
            let mut changed = signature.clone();
            if cut {
                changed.truncate(at);
            } else {
                changed[at] ^= 0x10;
            }
            // The first of the two; what is not hashed (which key it names) may change nothing.
            let verdicts = ring.detached(&changed, b"another message", NOW);
            assert!(!verdicts.iter().any(|v| matches!(v, Verdict::Good(_))), "at {at}");
        }
    }
}

#[test]
fn only_what_was_signed_of_a_clear_signed_file_counts() {
    let ring = Keyring::parse(&made("ring.pgp")).unwrap();
    let document = String::from_utf8(made("message.dsc")).unwrap();
    let (text, verdicts) = ring.cleartext(document.as_bytes(), NOW).unwrap();
    assert_eq!(word(&verdicts), "good Alice <alice@example.org>");
    assert!(text.starts_with("Format: 3.0 (native)\n"), "{text}");
    // Text before and behind it is none of it.
    let before = format!("Checksums-Sha256:\n x\n\n{document}");
    let (same, verdicts) = ring.cleartext(before.as_bytes(), NOW).unwrap();
    assert_eq!((same, word(&verdicts).as_str()), (text, "good Alice <alice@example.org>"));
    assert!(ring.cleartext(format!("{document}\nSource: other\n").as_bytes(), NOW).is_err());
    let (_, verdicts) = ring.cleartext(document.replace("native", "quilt").as_bytes(), NOW).unwrap();
    assert!(word(&verdicts).starts_with("bad"), "{verdicts:?}");
    assert!(ring.cleartext(b"Format: 3\n", NOW).is_err());
}

#[test]
fn what_is_no_key_or_signature_is_named() {
    for bytes in [&b""[..], b"nonsense", b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n", &[0x99; 40]] {
        assert!(Keyring::parse(bytes).unwrap_err().starts_with("the keyring cannot be read"), "{bytes:?}");
    }
    let ring = Keyring::parse(&made("ring.pgp")).unwrap();
    for bytes in [&b""[..], b"nonsense", b"-----BEGIN PGP SIGNATURE-----\n", &[0x88; 40]] {
        assert!(word(&ring.detached(bytes, b"m", NOW)).starts_with("unknown"), "{bytes:?}");
    }
    let many = made("two.pgp").repeat(33);
    assert!(word(&ring.detached(&many, b"m", NOW)).contains("more than 64 signatures"));
}

#[test]
fn the_source_packages_of_debian() {
    let Some(folder) = std::env::var_os("COUNTERSIGN_CORPUS").map(|c| PathBuf::from(c).join("provenance/openpgp-debian")) else {
        println!("skipped: COUNTERSIGN_CORPUS is not set");
        return;
    };
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let ring = Keyring::parse(&[read("vila.gpg"), read("watson.gpg")].concat()).unwrap();
    for name in ["hello_2.10-3.dsc", "openssh_9.2p1-2+deb12u10.dsc"] {
        let bytes = read(name);
        let (text, verdicts) = ring.cleartext(&bytes, NOW).unwrap();
        assert!(word(&verdicts).starts_with("good "), "{name}: {}", word(&verdicts));
        let files = countersign::provenance::control_files(&text).unwrap();
        assert!(files.len() >= 3);
        let changed = String::from_utf8(bytes).unwrap().replacen("Source: ", "source: ", 1);
        assert!(word(&ring.cleartext(changed.as_bytes(), NOW).unwrap().1).starts_with("bad"));
    }
    // A key that is not at hand.
    let orig = word(&ring.detached(&read("hello_2.10.orig.tar.gz.asc"), &read("hello_2.10.orig.tar.gz"), NOW));
    assert!(orig.starts_with("unknown: it names the key"), "{orig}");
}

#[test]
#[allow(clippy::disallowed_types, reason = "a test runs the program")]
fn the_command_takes_a_keyring() {
    let at = |name: &str| format!("testdata/openpgp/{name}");
    let run = |args: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_countersign"));
        command.arg("attestation").args(args).args(["--format", "json"]).env("XDG_CONFIG_HOME", "/nonexistent").env("HOME", "/nonexistent");
        let done = command.output().unwrap();
        let report: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap_or_default();
        (done.status.code().unwrap(), report["reason"].as_str().unwrap_or("").to_owned())
    };
    let (message, ring) = (at("message.txt"), at("ring.pgp"));
    let with = |file: &str, artifact: &str| run(&[&at(file), "--artifact", artifact, "--keyring", &ring]);
    let said = |code: i32, reason: &str| (code, reason.to_owned());
    assert_eq!(with("good.asc", &message), said(0, ""));
    assert_eq!(with("message.dsc", &message), said(0, ""));
    assert_eq!(with("good.asc", &at("make.sh")), said(1, "signature-invalid"));
    assert_eq!(with("message.dsc", &at("make.sh")), said(1, "artifact-mismatch"));
    assert_eq!(with("expired-key.asc", &message), said(1, "signer-untrusted"));
    assert_eq!(with("revoked-key.asc", &message), said(1, "signer-untrusted"));
    assert_eq!(with("stranger.asc", &message), said(1, "signature-invalid"));
    assert_eq!(with("sha1.asc", &message), said(1, "signature-invalid"));
    // Options that show nothing of this form are trouble, and so is none at all.
    assert_eq!(run(&[&at("good.asc"), "--artifact", &message]).0, 2);
    assert_eq!(run(&[&at("good.asc"), "--artifact", &message, "--identity", "a", "--issuer", "b"]).0, 2);
    assert_eq!(run(&[&at("good.asc"), "--artifact", &message, "--keyring", &ring, "--key", &ring]).0, 2);
    assert_eq!(run(&[&at("good.asc"), "--digest", &format!("sha256:{}", "0".repeat(64)), "--keyring", &ring]).0, 2);
}
