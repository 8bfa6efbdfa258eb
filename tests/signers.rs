//! Keys that OpenSSH made: files with and without passphrase, of types that cannot sign here, and a running ssh-agent.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may panic, and says why it skips")]
#![allow(clippy::disallowed_types, reason = "this test starts OpenSSH's own tools")]

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command};

use countersign::provenance::{AllowedSigners, EntryStanding, Key};
use countersign::signoff::{FileSigner, SignError, Signer, agent, fingerprint};

fn ssh_keygen(dir: &Path, arguments: &[&str]) -> bool {
    let found = Command::new("ssh-keygen").args(arguments).current_dir(dir).output();
    let done = found.is_ok_and(|o| o.status.success());
    if !done {
        println!("skipped: ssh-keygen {arguments:?} does not run here");
    }
    done
}

#[test]
fn key_files_of_openssh() {
    let dir = tempfile::tempdir().unwrap();
    let read = |name: &str| std::fs::read(dir.path().join(name)).unwrap();
    if !ssh_keygen(dir.path(), &["-q", "-t", "ed25519", "-N", "correct horse", "-f", "locked", "-C", "a@x"]) {
        return;
    }
    let locked = read("locked");
    assert_eq!(FileSigner::from_openssh(&locked, None).unwrap_err(), SignError::Encrypted);
    assert_eq!(FileSigner::from_openssh(&locked, Some("")).unwrap_err(), SignError::WrongPassphrase);
    assert_eq!(FileSigner::from_openssh(&locked, Some("wrong horse")).unwrap_err(), SignError::WrongPassphrase);
    let signer = FileSigner::from_openssh(&locked, Some("correct horse")).unwrap();
    let key = Key::from_line(&String::from_utf8(read("locked.pub")).unwrap()).unwrap();
    assert_eq!(fingerprint(signer.public_key()), key.fingerprint());
    assert!(key.verify(b"message", &signer.sign(b"message").unwrap()));
    assert!(!key.verify(b"massage", &signer.sign(b"message").unwrap()));

    for passphrase in ["", "pass"] {
        let name = format!("ecdsa{passphrase}");
        if ssh_keygen(dir.path(), &["-q", "-t", "ecdsa", "-b", "256", "-N", passphrase, "-f", &name]) {
            let signer = FileSigner::from_openssh(&read(&name), Some(passphrase).filter(|p| !p.is_empty())).unwrap();
            let key = Key::from_line(&String::from_utf8(read(&format!("{name}.pub"))).unwrap()).unwrap();
            assert!(key.verify(b"message", &signer.sign(b"message").unwrap()));
            assert_eq!(FileSigner::fingerprint_of(&read(&name)).unwrap(), key.fingerprint());
        }
    }
    for (kind, bits, passphrase) in [("rsa", "2048", ""), ("rsa", "2048", "pass"), ("ecdsa", "384", "")] {
        let name = format!("{kind}{bits}{passphrase}");
        if ssh_keygen(dir.path(), &["-q", "-t", kind, "-b", bits, "-N", passphrase, "-f", &name]) {
            let error = FileSigner::from_openssh(&read(&name), None).unwrap_err();
            assert!(matches!(error, SignError::CannotSign(_)), "{kind}: {error:?}");
            assert!(error.to_string().contains("Ed25519 and ECDSA P-256 keys can"), "{error}");
            assert!(error.to_string().starts_with(kind) || error.to_string().starts_with(&format!("ssh-{kind}")), "{error}");
            let public = FileSigner::from_openssh(&read(&format!("{name}.pub")), None).unwrap_err();
            assert!(public.to_string().contains("this is a public key"), "{public}");
        }
    }
    if ssh_keygen(dir.path(), &["-q", "-t", "rsa", "-m", "PEM", "-N", "", "-f", "old"]) {
        let error = FileSigner::from_openssh(&read("old"), None).unwrap_err();
        assert!(matches!(error, SignError::NotAKey(_)), "{error:?}");
    }
}

/// Ends the agent that this test started, and no other.
struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn ask(socket: &Path, request: &[u8]) -> Vec<u8> {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.write_all(request).unwrap();
    let mut head = [0; 4];
    stream.read_exact(&mut head).unwrap();
    let mut answer = vec![0; agent::answer_length(head).unwrap()];
    stream.read_exact(&mut answer).unwrap();
    answer
}

#[test]
fn a_running_agent_signs() {
    let dir = tempfile::tempdir().unwrap();
    for (kind, bits, name) in [("ed25519", "256", "key"), ("ecdsa", "256", "other"), ("ecdsa", "384", "third")] {
        if !ssh_keygen(dir.path(), &["-q", "-t", kind, "-b", bits, "-N", "", "-f", name, "-C", "alice at the room"]) {
            return;
        }
    }
    let socket = dir.path().join("agent");
    let Ok(child) = Command::new("ssh-agent").arg("-D").arg("-a").arg(&socket).stdout(std::process::Stdio::null()).spawn() else {
        println!("skipped: ssh-agent is not installed");
        return;
    };
    let _agent = Agent(child);
    for _ in 0..100 {
        if socket.exists() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(agent::parse_identities(&ask(&socket, &agent::request_identities())).unwrap(), []);
    for name in ["third", "other", "key"] {
        let added = Command::new("ssh-add").arg("-q").arg(dir.path().join(name)).env("SSH_AUTH_SOCK", &socket).output().unwrap();
        assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    }
    let found = agent::parse_identities(&ask(&socket, &agent::request_identities())).unwrap();
    assert_eq!(found.len(), 3);
    let usable: Vec<_> = found.iter().filter(|i| i.public_key().is_some()).collect();
    assert_eq!(usable.iter().map(|i| i.key.kind()).collect::<Vec<_>>(), ["ecdsa-sha2-nistp256", "ssh-ed25519"]);
    assert_eq!(usable[0].comment, "alice at the room".into());
    for one in &usable {
        let answer = ask(&socket, &agent::sign_request(&one.key, b"message"));
        let signature = agent::parse_signature(&answer, &one.key).unwrap();
        assert!(one.key.verify(b"message", &signature) && !one.key.verify(b"massage", &signature));
        // The same answer is none of another key.
        let other = usable.iter().find(|o| o.key != one.key).unwrap();
        assert!(matches!(agent::parse_signature(&answer, &other.key), Err(agent::AgentError::OtherScheme { .. })));
    }
    let mut unknown = usable[1].key.blob().to_vec();
    if let Some(last) = unknown.last_mut() {
        *last ^= 1;
    }
    let unknown = Key::from_blob(&unknown).unwrap();
    assert_eq!(agent::parse_signature(&ask(&socket, &agent::sign_request(&unknown, b"m")), &unknown), Err(agent::AgentError::Refused));
}

/// What `ssh-keygen -Y verify` says, at a time as it takes it (`YYYYMMDDHHMMSSZ`).
fn keygen_verifies(dir: &Path, signers: &str, namespace: &str, time: &str) -> bool {
    std::fs::write(dir.join("allowed"), signers).unwrap();
    let arguments =
        ["-Y", "verify", "-f", "allowed", "-I", "alice@room", "-n", namespace, "-s", "m.sig", "-O", &format!("verify-time={time}")];
    let message = std::fs::File::open(dir.join("m")).unwrap();
    let done = Command::new("ssh-keygen").args(arguments).current_dir(dir).env("TZ", "UTC").stdin(message).output().unwrap();
    done.status.success()
}

/// The same by this program, whose rule is: some entry of the key allows it. No principal is asked for.
fn we_verify(signers: &str, key: &Key, namespace: &str, time: &str) -> bool {
    let civil: jiff::civil::DateTime = jiff::fmt::strtime::parse("%Y%m%d%H%M%SZ", time).unwrap().to_datetime().unwrap();
    let now = civil.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp().as_second();
    let Ok(list) = AllowedSigners::parse(signers.as_bytes()) else { return false };
    list.find(key.fingerprint()).any(|e| e.standing(namespace, Some(now)) == EntryStanding::Allowed)
}

#[test]
fn lines_of_allowed_signers_mean_what_they_mean_to_ssh_keygen() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["id", "other"] {
        if !ssh_keygen(dir.path(), &["-q", "-t", "ed25519", "-N", "", "-f", name, "-C", "a comment"]) {
            return;
        }
    }
    std::fs::write(dir.path().join("m"), b"message").unwrap();
    if !ssh_keygen(dir.path(), &["-q", "-Y", "sign", "-n", "file", "-f", "id", "m"]) {
        return;
    }
    let line = |name: &str| std::fs::read_to_string(dir.path().join(format!("{name}.pub"))).unwrap().trim().to_owned();
    let (mine, other) = (line("id"), line("other"));
    let key = Key::from_line(&mine).unwrap();
    let bare: String = mine.split(' ').take(2).collect::<Vec<_>>().join(" ");
    // `K` is the key that signed, `B` the same without a comment, `O` another.
    let table = [
        "alice@room K",
        "alice@room\tK",
        "   alice@room   K",
        "alice@room,bob@room K",
        "bob@room,alice@room,* K",
        "\"alice@room\" K",
        "\"alice@room\"K",
        "* K",
        "alice@* K",
        "alice@roo? K",
        "alice@room B",
        "alice@room O",
        "alice@room O\nalice@room K",
        "# alice@room K",
        "\n\n# remark\nalice@room K\n",
        "alice@room",
        "alice@room namespaces=\"file\" K",
        "alice@room namespaces=\"git,file\" K",
        "alice@room namespaces=\"git\" K",
        "alice@room namespaces=\"f*\" K",
        "alice@room namespaces=\"fil?\" K",
        "alice@room namespaces=\"*,!file\" K",
        "alice@room namespaces=\"!git,*\" K",
        "alice@room namespaces=\"!git\" K",
        "alice@room namespaces=\"\" K",
        "alice@room NAMESPACES=\"file\" K",
        "alice@room namespaces=file K",
        "alice@room namespaces=\"file\",namespaces=\"git\" K",
        "alice@room namespaces=\"file\", K",
        "alice@room namespaces=\"file K",
        "alice@room namespaces=\"fi\\\"le\" K",
        "alice@room namespaces K",
        "alice@room unknown=\"file\" K",
        "alice@room no-touch-required K",
        "alice@room cert-authority K",
        "alice@room cert-authority K\nalice@room K",
        "alice@room cert-authority,namespaces=\"file\" K",
        "alice@room valid-after=\"20240101\" K",
        "alice@room valid-after=\"20240615120000\" K",
        "alice@room valid-after=\"20240615120001\" K",
        "alice@room valid-after=\"202406151200Z\" K",
        "alice@room valid-after=\"202406151201Z\" K",
        "alice@room valid-after=\"20240615120000Z\" K",
        "alice@room valid-after=\"20250101\" K",
        "alice@room valid-after=20240101 K",
        "alice@room valid-after=\"2024\" K",
        "alice@room valid-after=\"20241301\" K",
        "alice@room valid-after=\"\" K",
        "alice@room valid-after=\"20240101\",valid-after=\"20240101\" K",
        "alice@room valid-before=\"20240615120000Z\" K",
        "alice@room valid-before=\"20240615115959Z\" K",
        "alice@room valid-before=\"20240615\" K",
        "alice@room valid-before=\"20250101\",valid-after=\"20240101\" K",
        "alice@room valid-after=\"20240101\",valid-before=\"20250101\",namespaces=\"file\" K",
        "alice@room namespaces=\"file\",valid-before=\"20240101\" K",
        "alice@room valid-before=\"20240101\",valid-after=\"20250101\" K",
        "alice@room valid-after=\"20240101UTC\" K",
        "alice@room valid-after=\"20240615120000z\" K",
        "alice@room valid-before=\"20240101\" K\nalice@room valid-after=\"20240101\" K",
        "alice@room ssh-ed25519 AAAA",
    ];
    let mut disagree = Vec::new();
    let (mut yes, mut no) = (0, 0);
    for text in table {
        let signers = text.replace('K', &mine).replace(" B", &format!(" {bare}")).replace(" O", &format!(" {other}")) + "\n";
        for namespace in ["file", "git"] {
            let theirs = keygen_verifies(dir.path(), &signers, namespace, "20240615120000Z");
            // The signature itself is for files, which `-Y verify` asks for too.
            let ours = namespace == "file" && we_verify(&signers, &key, namespace, "20240615120000Z");
            if ours {
                yes += 1;
            } else {
                no += 1;
            }
            if ours != theirs {
                disagree.push(format!("{text:?} for {namespace}: ssh-keygen says {theirs}"));
            }
        }
    }
    assert!(disagree.is_empty(), "{}", disagree.join("\n"));
    assert!(yes > 20 && no > 60, "{yes} and {no}");
    // ssh-keygen passes over a line that it cannot read; here the reviewer is told of it.
    let broken = format!("alice@room ssh-rsa AAAA\nalice@room {mine}\n");
    assert!(keygen_verifies(dir.path(), &broken, "file", "20240615120000Z"));
    assert!(AllowedSigners::parse(broken.as_bytes()).unwrap_err().to_string().starts_with("line 1"));
}
