//! Signatures of the public suites: Wycheproof's vectors for ECDSA and RSA, and signed git commits against `ssh-keygen`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_types,
    reason = "a test may panic, says why it skips, and runs programs"
)]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use countersign::digest::unhex;
use countersign::provenance::sigstore::Root;
use countersign::provenance::{Hash, PublicKey, gitsign, sshsig};

fn corpus(below: &str) -> Option<PathBuf> {
    let found = std::env::var_os("COUNTERSIGN_CORPUS").map(|dir| Path::new(&dir).join(below));
    if found.is_none() {
        println!("skipped: COUNTERSIGN_CORPUS is not set");
    }
    found
}

type Verify<'a> = &'a dyn Fn(&PublicKey, &[u8], &[u8]) -> bool;

/// All vectors of a file; those that are only acceptable may come out either way.
fn vectors(name: &str, verify: Verify<'_>) -> Option<usize> {
    let file = corpus("hostile/wycheproof/testvectors_v1")?.join(format!("{name}_test.json"));
    let suite: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let (mut count, mut wrong) = (0, Vec::new());
    for group in suite["testGroups"].as_array().unwrap() {
        let der = unhex(group["publicKeyDer"].as_str().unwrap()).unwrap();
        let key = PublicKey::parse(&der).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(PublicKey::parse(group["publicKeyPem"].as_str().unwrap().as_bytes()).as_ref(), Ok(&key));
        for test in group["tests"].as_array().unwrap() {
            let bytes = |name: &str| unhex(test[name].as_str().unwrap()).unwrap();
            let good = verify(&key, &bytes("msg"), &bytes("sig"));
            let right = match test["result"].as_str().unwrap() {
                "valid" => good,
                "invalid" => !good,
                _ => true,
            };
            if !right {
                wrong.push(format!("{name} {}: {} {}", test["tcId"], test["result"], test["comment"]));
            }
            count += 1;
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(count as u64, suite["numberOfTests"].as_u64().unwrap());
    Some(count)
}

const HASHES: [(&str, Hash); 3] = [("sha256", Hash::Sha256), ("sha384", Hash::Sha384), ("sha512", Hash::Sha512)];

#[test]
fn wycheproof_ecdsa() {
    let mut all = 0;
    for (curve, hashes) in [("secp256r1", &["sha256", "sha512"][..]), ("secp384r1", &["sha256", "sha384", "sha512"])] {
        for (name, hash) in HASHES.iter().filter(|h| hashes.contains(&h.0)) {
            let der = vectors(&format!("ecdsa_{curve}_{name}"), &|k, m, s| k.verify_der(*hash, m, s));
            let Some(der) = der else { return };
            all += der;
            if (curve, *name) != ("secp384r1", "sha256") {
                all += vectors(&format!("ecdsa_{curve}_{name}_p1363"), &|k, m, s| k.verify_fixed(*hash, m, s)).unwrap();
            }
        }
    }
    println!("{all} vectors");
}

#[test]
fn wycheproof_rsa() {
    for bits in [2048, 3072, 4096] {
        for (name, hash) in HASHES {
            if vectors(&format!("rsa_signature_{bits}_{name}"), &|k, m, s| k.verify_pkcs1(hash, m, s)).is_none() {
                return;
            }
        }
    }
    for (name, hash) in [
        ("rsa_pss_2048_sha256_mgf1_32", Hash::Sha256),
        ("rsa_pss_2048_sha384_mgf1_48", Hash::Sha384),
        ("rsa_pss_3072_sha256_mgf1_32", Hash::Sha256),
        ("rsa_pss_4096_sha256_mgf1_32", Hash::Sha256),
        ("rsa_pss_4096_sha384_mgf1_48", Hash::Sha384),
        ("rsa_pss_4096_sha512_mgf1_32", Hash::Sha512),
        ("rsa_pss_4096_sha512_mgf1_64", Hash::Sha512),
    ] {
        let salt = name.rsplit('_').next().and_then(|n| n.parse().ok());
        vectors(name, &|k, m, s| k.verify_pss(hash, salt, m, s)).unwrap();
    }
}

/// What `ssh-keygen` says of a signature by the key that it carries.
fn keygen(signature: &Path, message: &[u8]) -> bool {
    let mut child = Command::new("ssh-keygen")
        .args(["-Y", "check-novalidate", "-n", "git", "-s"])
        .arg(signature)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // It may end before it has read everything.
    let _ = child.stdin.take().unwrap().write_all(message);
    child.wait().unwrap().success()
}

#[test]
fn signed_commits_agree_with_ssh_keygen() {
    let Some(folder) = corpus("provenance/git-signed") else { return };
    let (mut good, mut other) = (0, 0);
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.extension().is_none_or(|e| e != "sig") {
            continue;
        }
        let payload = std::fs::read(path.with_extension("payload")).unwrap();
        let check = |message: &[u8]| {
            let signature = sshsig::parse(&std::fs::read(&path).unwrap());
            signature.is_ok_and(|s| sshsig::verify(&s, message, "git", &s.key).is_ok())
        };
        let ours = check(&payload);
        assert_eq!(ours, keygen(&path, &payload), "{}", path.display());
        if ours {
            good += 1;
            let mut changed = payload.clone();
            let last = changed.len() - 1;
            for at in [0, last / 2, last] {
                changed[at] ^= 1;
                assert!(!check(&changed), "{} changed at {at}", path.display());
                changed[at] ^= 1;
            }
            assert!(!check(&payload[..last]) && !check(&[&payload[..], b"\n"].concat()));
        } else {
            other += 1;
        }
    }
    // The rest is OpenPGP and X.509.
    assert_eq!((good, other), (33, 22));
}

#[test]
fn all_key_types_of_ssh_agree_with_ssh_keygen() {
    let folder = tempfile::tempdir().unwrap();
    for (kind, bits, checked) in [
        ("ed25519", "256", true),
        ("ecdsa", "256", true),
        ("ecdsa", "384", true),
        ("ecdsa", "521", false),
        ("rsa", "2048", true),
        ("rsa", "3072", true),
    ] {
        let key = folder.path().join(format!("{kind}{bits}"));
        let run = |args: &[&str]| {
            let status = Command::new("ssh-keygen").args(args).arg(&key).stdout(Stdio::null()).stderr(Stdio::null()).status();
            assert!(status.unwrap().success(), "{args:?}");
        };
        run(&["-q", "-t", kind, "-b", bits, "-N", "", "-f"]);
        for (n, hash) in ["sha256", "sha512"].iter().enumerate() {
            let file = folder.path().join(format!("{kind}{bits}.{n}"));
            std::fs::write(&file, b"a message").unwrap();
            let option = format!("hashalg={hash}");
            let status = Command::new("ssh-keygen")
                .args(["-q", "-Y", "sign", "-n", "git", "-O", &option, "-f"])
                .args([&key, &file])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            assert!(status.unwrap().success());
            let bytes = std::fs::read(format!("{}.sig", file.display())).unwrap();
            let signature = sshsig::parse(&bytes).unwrap();
            let verify = |message: &[u8], space: &str| sshsig::verify(&signature, message, space, &signature.key).is_ok();
            assert_eq!(verify(b"a message", "git"), checked, "{kind} {bits} {hash}");
            assert!(!verify(b"a massage", "git") && !verify(b"a message", "file"));
        }
    }
}

/// Every object of the corpus is of a kind that is checked, or is said not to be: no signature is passed over.
#[test]
fn every_signed_commit_is_of_a_known_kind() {
    let Some(folder) = corpus("provenance/git-signed") else { return };
    let index = std::fs::read_to_string(folder.join("INDEX.tsv")).unwrap();
    let root = Root::parse(&std::fs::read(corpus("provenance/sigstore-root/trusted_root.json").unwrap()).unwrap(), None).unwrap();
    let mut kinds = std::collections::BTreeMap::new();
    for line in index.lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let file = |end: &str| std::fs::read(folder.join(format!("{}.{end}", fields[0]))).unwrap();
        let (signature, payload) = (file("sig"), file("payload"));
        let kind = match fields[1] {
            "x509" => {
                let signer = gitsign::check(&signature, &payload, &root.authorities).unwrap_or_else(|e| panic!("{}: {e}", fields[0]));
                assert_eq!(signer.trusted, Ok(()), "{}", fields[0]);
                assert!(signer.identity.contains('@') && signer.issuer.is_some(), "{signer:?}");
                // An authority is needed, and every byte counts.
                assert!(gitsign::check(&signature, &payload, &[]).unwrap().trusted.is_err());
                let last = payload.len() - 1;
                for at in [0, last / 2, last] {
                    let mut changed = payload.clone();
                    changed[at] ^= 1;
                    assert!(gitsign::check(&signature, &changed, &root.authorities).is_err(), "{} changed at {at}", fields[0]);
                }
                for at in (40..signature.len() - 40).step_by(29) {
                    let mut changed = signature.clone();
                    changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
                    let said = gitsign::check(&changed, &payload, &root.authorities);
                    // What is in the certificate is signed by the authority, the rest by the key of the certificate. Bytes that say
                    // nothing (an unsigned certificate of the chain, the last bits of base64) may change nothing.
                    assert!(said.is_err() || said.as_ref().is_ok_and(|s| s.trusted.is_err()) || said == Ok(signer.clone()), "{said:?}");
                }
                "x509"
            }
            "pgp" => {
                assert!(signature.starts_with(b"-----BEGIN PGP SIGNATURE"), "{}", fields[0]);
                "pgp"
            }
            _ => {
                let parsed = sshsig::parse(&signature).unwrap();
                assert_eq!(parsed.key.kind(), fields[1], "{}", fields[0]);
                assert_eq!(sshsig::verify(&parsed, &payload, "git", &parsed.key), Ok(()), "{}", fields[0]);
                "ssh"
            }
        };
        *kinds.entry(kind).or_insert(0) += 1;
    }
    let files = std::fs::read_dir(&folder).unwrap().flatten().filter(|e| e.path().extension().is_some_and(|e| e == "sig")).count();
    assert_eq!(kinds.values().sum::<usize>(), files, "a signature that the index does not name");
    println!("{kinds:?}");
}

/// A log entry of the suite as the protocol buffer that gitsign writes (`dev.sigstore.rekor.v1.TransparencyLogEntry`).
fn protobuf(entry: &serde_json::Value) -> Vec<u8> {
    use base64::Engine as _;
    fn varint(mut value: u64) -> Vec<u8> {
        let mut out = Vec::new();
        while value > 0x7f {
            out.push(value as u8 | 0x80);
            value >>= 7;
        }
        out.push(value as u8);
        out
    }
    let bytes = |number: u64, value: &[u8]| [varint(number << 3 | 2), varint(value.len() as u64), value.to_vec()].concat();
    let number = |n: u64, value: &serde_json::Value| [varint(n << 3), varint(value.as_str().unwrap().parse().unwrap())].concat();
    let b64 = |value: &serde_json::Value| base64::engine::general_purpose::STANDARD.decode(value.as_str().unwrap()).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().as_bytes().to_vec();
    let proof = &entry["inclusionProof"];
    let mut inner = [number(1, &proof["logIndex"]), bytes(2, &b64(&proof["rootHash"])), number(3, &proof["treeSize"])].concat();
    proof["hashes"].as_array().unwrap().iter().for_each(|hash| inner.extend(bytes(4, &b64(hash))));
    inner.extend(bytes(5, &bytes(1, &text(&proof["checkpoint"]["envelope"]))));
    let kind = [bytes(1, &text(&entry["kindVersion"]["kind"])), bytes(2, &text(&entry["kindVersion"]["version"]))].concat();
    [
        number(1, &entry["logIndex"]),
        bytes(2, &bytes(1, &b64(&entry["logId"]["keyId"]))),
        bytes(3, &kind),
        number(4, &entry["integratedTime"]),
        bytes(5, &bytes(1, &b64(&entry["inclusionPromise"]["signedEntryTimestamp"]))),
        bytes(6, &inner),
    ]
    .concat()
}

/// A signature with the log entry that gitsign embeds is verified as a bundle is: here with certificate, signature and entry of the
/// public suite, whose body is made anew.
#[test]
fn an_embedded_log_entry_says_when_it_was_signed() {
    use base64::Engine as _;
    let Some(suite) = corpus("provenance/sigstore-conformance/bundle-verify") else { return };
    let root = Root::parse(&std::fs::read(corpus("provenance/sigstore-root/trusted_root.json").unwrap()).unwrap(), None).unwrap();
    let bundle: serde_json::Value =
        serde_json::from_slice(&std::fs::read(suite.join("happy-path-v0.3/bundle.sigstore.json")).unwrap()).unwrap();
    let b64 = |value: &serde_json::Value| base64::engine::general_purpose::STANDARD.decode(value.as_str().unwrap()).unwrap();
    let material = &bundle["verificationMaterial"];
    let (certificate, entry) = (b64(&material["certificate"]["rawBytes"]), &material["tlogEntries"][0]);
    let signature = b64(&bundle["messageSignature"]["signature"]);
    let message = std::fs::read(suite.join("a.txt")).unwrap();
    let of = |entry: &serde_json::Value, certificate: &[u8], signature: &[u8], message: &[u8]| {
        let logged = gitsign::Logged::new(&protobuf(entry), certificate, signature, message).map_err(|why| why.to_string())?;
        logged.verify(&root, 1_795_000_000).map_err(|refusal| refusal.why)
    };
    let good = of(entry, &certificate, &signature, &message).unwrap();
    assert_eq!(good.times.len(), 1, "{good:?}");
    let logged_at: i64 = entry["integratedTime"].as_str().unwrap().parse().unwrap();
    assert_eq!(good.times[0].parse::<jiff::Timestamp>().unwrap().as_second(), logged_at);
    // Of another message or signature, of another time, or of no log that counts.
    assert!(of(entry, &certificate, &signature, b"another").is_err());
    let mut other = signature.clone();
    *other.last_mut().unwrap() ^= 1;
    assert!(of(entry, &certificate, &other, &message).is_err());
    for (field, value) in [("integratedTime", "1700000000"), ("logIndex", "1")] {
        let mut changed = entry.clone();
        changed[field] = value.into();
        assert!(of(&changed, &certificate, &signature, &message).is_err(), "{field}");
    }
    let mut changed = entry.clone();
    changed["logId"]["keyId"] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".into();
    assert!(of(&changed, &certificate, &signature, &message).is_err());
    let cut = protobuf(entry);
    assert!(gitsign::Logged::new(&cut[..cut.len() - 1], &certificate, &signature, &message).is_err());
}
