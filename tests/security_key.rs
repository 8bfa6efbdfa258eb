//! A security key (FIDO2, `sk-…`) through a running ssh-agent. It needs a provider: OpenSSH's token of software, `sk-dummy.so`,
//! which `.ci/security-key` builds from Debian's source; `COUNTERSIGN_SK_PROVIDER` names it. Without it the test says that it
//! skips.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may panic, and says why it skips")]
// A test runs the program, and OpenSSH.
#![allow(clippy::disallowed_types)]

use std::fs;
use std::process::{Child, Command};

mod common;

/// Ends the agent that this test started, and no other.
struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_security_key_signs_through_the_agent_and_ssh_keygen_agrees() {
    let Ok(provider) = std::env::var("COUNTERSIGN_SK_PROVIDER") else {
        println!("skipped: COUNTERSIGN_SK_PROVIDER names no sk-dummy.so (.ci/security-key builds it)");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let ran = |command: &mut Command| {
        let out = command.output().unwrap();
        (out.status.code(), format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr)))
    };
    let mut make = Command::new("ssh-keygen");
    make.args(["-q", "-t", "ed25519-sk", "-N", "", "-C", "dave@token", "-w", &provider, "-f", &at("key")]);
    let (code, out) = ran(&mut make);
    assert_eq!(code, Some(0), "{out}");
    let demo = common::here("testdata/demo/release.tar");
    let sign = |how: &[&str]| {
        let mut command = Command::new(common::program());
        command.args(["sign", &demo, "--decision", "approvedWithFindings", "--output", &at("rec.dsse.json"), "--state", &at("state")]);
        command.args(how).env("HOME", "/nonexistent").env("SSH_AUTH_SOCK", at("agent"));
        ran(&mut command)
    };
    // The file is only a handle: the agent is needed, and that is said.
    let (code, out) = sign(&["--key", &at("key")]);
    assert!(code == Some(1) && out.contains("only the handle of a security key") && out.contains("--agent"), "{out}");
    let mut agent = Command::new("ssh-agent");
    agent.args(["-D", "-P", &provider, "-a", &at("agent")]).stdout(std::process::Stdio::null());
    let _agent = Agent(agent.spawn().unwrap());
    for _ in 0..100 {
        if folder.path().join("agent").exists() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let (code, out) = ran(Command::new("ssh-add").args(["-q", "-S", &provider, &at("key")]).env("SSH_AUTH_SOCK", at("agent")));
    assert_eq!(code, Some(0), "{out}");
    let (code, out) = sign(&["--agent"]);
    assert_eq!(code, Some(0), "{out}");
    let key = fs::read_to_string(at("key.pub")).unwrap();
    fs::write(at("allowed_signers"), format!("dave@token {key}")).unwrap();
    let (code, out) = ran(Command::new(common::program()).args(["verify", &at("rec.dsse.json"), "--signers", &at("allowed_signers")]));
    assert!(code == Some(0) && out.contains("= signatures: good, by dave@token"), "{out}");
    let check = "{ echo '-----BEGIN SSH SIGNATURE-----'; jq -r '.signatures[0].sig' rec.dsse.json | fold -w 70; echo '-----END SSH SIGNATURE-----'; } > sig\n\
                 jq -rj .payload rec.dsse.json | base64 -d > payload.json\n\
                 { printf 'DSSEv1 28 application/vnd.in-toto+json %d ' \"$(wc -c < payload.json)\"; cat payload.json; } > pae\n\
                 ssh-keygen -Y verify -f allowed_signers -I dave@token -n release-review@countersign -s sig < pae";
    let (code, out) = ran(Command::new("bash").args(["-euo", "pipefail", "-c", check]).current_dir(folder.path()));
    assert!(code == Some(0) && out.contains("Good"), "{out}");
}
