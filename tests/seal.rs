//! The seal: what a sealed process must not be able to do is tried, with Landlock and without.

// A test runs the program, under strace where it is there, and says when it skips.
#![allow(clippy::disallowed_types, clippy::print_stderr)]
#![cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]

use std::fs;
use std::process::Command;

use serde_json::Value;

mod common;

use common::Terminal;

/// Makes the kernel answer as one without Landlock does.
const NO_LANDLOCK: &str = "--inject=landlock_create_ruleset:error=ENOSYS";

/// Runs the program, under strace with those arguments if there are any; `None` where strace is not there.
fn run(under: &[&str], args: &[&str]) -> Option<(i32, String, String)> {
    let mut command = Command::new(if under.is_empty() { common::program() } else { "strace" });
    if !under.is_empty() {
        command.args(["-f", "-qq", "-o", "/dev/null"]).args(under).arg(common::program());
    }
    match command.args(args).env_remove("SSH_AUTH_SOCK").output() {
        Ok(out) => {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            Some((out.status.code().expect("it ends by itself"), text(&out.stdout), text(&out.stderr)))
        }
        Err(e) if !under.is_empty() => {
            eprintln!("skipped: strace does not run here: {e}");
            None
        }
        Err(e) => panic!("the program does not run: {e}"),
    }
}

fn probes(under: &[&str], level: &str) -> Option<(i32, Value)> {
    let (code, out, err) = run(under, &["seal", "--probe", "--format", "json", "--seal", level])?;
    Some((code, serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}{err}"))))
}

/// Names of the attempts of those groups that were let in.
fn let_in(report: &Value, groups: &[&str]) -> Vec<String> {
    let all = report["probes"].as_array().expect("a list").iter();
    let some = all.filter(|p| p["refused"] == false && groups.contains(&p["group"].as_str().expect("a group")));
    some.map(|p| p["what"].as_str().expect("a name").to_owned()).collect()
}

const NOT_FILES: &[&str] = &["network", "programs", "memory", "system"];

#[test]
fn everything_that_is_tried_is_refused() {
    let (code, report) = probes(&[], "seccomp-only").expect("it runs");
    assert_eq!(let_in(&report, &[NOT_FILES, &["files"]].concat()), Vec::<String>::new());
    assert_eq!((code, report["result"].as_str()), (0, Some("pass")));
    assert!(report["probes"].as_array().is_some_and(|all| all.len() >= 60), "{report}");
}

#[test]
fn every_attempt_is_one_that_an_unsealed_process_is_let_in_with() {
    let (code, report) = probes(&[], "none").expect("it runs");
    assert_eq!((code, report["result"].as_str(), report["seal"].as_str()), (1, Some("fail"), Some("none")));
    let refused: Vec<&str> = report["probes"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|p| p["refused"] == true)
        .map(|p| p["what"].as_str().expect("a name"))
        .collect();
    // What the system itself keeps from whoever runs the tests proves less; it must stay the small part.
    assert!(refused.len() <= 20, "{refused:?}");
    for must in ["socket: IPv4, stream", "fork", "execve", "mmap, executable", "start a program", "read /etc/passwd"] {
        assert!(!refused.contains(&must), "{must}");
    }
}

#[test]
fn without_landlock_everything_is_refused_too_and_the_level_says_that_it_was_not_there() {
    let Some((code, report)) = probes(&[NO_LANDLOCK], "seccomp-only") else { return };
    assert_eq!(let_in(&report, &[NOT_FILES, &["files"]].concat()), Vec::<String>::new());
    assert_eq!((code, report["seal"].as_str()), (0, Some("seccomp-only")));
    assert!(report["probes"].as_array().is_some_and(|all| all.len() >= 70), "{report}");
    let (code, _, err) = run(&[NO_LANDLOCK], &["seal", "--probe", "--seal", "full"]).expect("strace is there");
    assert!(code == 2 && err.contains("offers the seal seccomp-only and full was asked for"), "{code} {err}");
    let two = common::here("testdata/demo/release.tar");
    let (code, _, err) = run(&[NO_LANDLOCK], &["compare", &two, &two, "--seal", "full"]).expect("strace is there");
    assert!(code == 2 && err.contains("--seal seccomp-only takes what there is"), "{code} {err}");
    assert_eq!(run(&[NO_LANDLOCK], &["compare", &two, &two]).expect("strace is there").0, 0);
}

/// A kernel that hands no call over: the first filter that asks for it is refused, the second way of asking too.
const NO_BROKER: [&str; 2] = [NO_LANDLOCK, "--inject=sendmsg:error=EPERM"];

#[test]
fn where_no_call_is_handed_over_nothing_that_writes_runs_and_what_only_reads_cannot_write() {
    let two = common::here("testdata/demo/release.tar");
    let folder = tempfile::tempdir().expect("a folder");
    let state = folder.path().to_string_lossy().into_owned();
    let Some((code, out, err)) = run(&["--inject=seccomp:error=EINVAL:when=2..3", NO_LANDLOCK], &["check", &two, "--state", &state]) else {
        return;
    };
    assert!(code == 2 && out.is_empty() && err.contains("another process opens the files that this one may write"), "{code} {err}");
    assert!(err.contains("--seal none"), "{err}");
    let (code, _, err) = run(&NO_BROKER, &["check", &two, "--state", &state]).expect("strace is there");
    assert!(code == 2 && err.contains("another process opens the files"), "{code} {err}");
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
    let (code, out, err) =
        run(&["--inject=seccomp:error=EINVAL:when=2..3", NO_LANDLOCK], &["compare", &two, &two]).expect("strace is there");
    assert_eq!(code, 0, "{out}{err}");
}

#[test]
fn a_broker_is_started_by_a_sealed_process_only() {
    let (code, _, err) = run(&[], &["broker", "--read", "/etc/passwd"]).expect("it runs");
    assert!(code == 2 && err.contains("a broker is started by countersign itself"), "{code} {err}");
    let (_, help, _) = run(&[], &["--help"]).expect("it runs");
    assert!(!help.contains("broker"), "{help}");
}

/// Processes whose command line has all those words.
fn processes(words: &[&str]) -> Vec<u32> {
    let all = fs::read_dir("/proc").expect("processes").filter_map(|e| e.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let has = |id: &u32| {
        let line = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line);
        words.iter().all(|word| line.contains(word))
    };
    all.filter(has).collect()
}

#[test]
fn the_broker_is_sealed_has_no_environment_and_ends_with_the_viewer() {
    let room = Room::new();
    if run(&[NO_LANDLOCK], &["--version"]).is_none() {
        return;
    }
    let mut terminal = room.open(&["strace", "-f", "-qq", "-o", "/dev/null", NO_LANDLOCK], &[]);
    terminal.wait_for("1 file differs");
    let state = format!("--write={}", room.path("state"));
    let words = ["\0broker\0", state.as_str()];
    let [broker] = processes(&words)[..] else { panic!("{:?}", processes(&words)) };
    let status = fs::read_to_string(format!("/proc/{broker}/status")).expect("it runs");
    for line in ["Seccomp:\t2", "NoNewPrivs:\t1"] {
        assert!(status.contains(line), "{status}");
    }
    assert_eq!(fs::read(format!("/proc/{broker}/environ")).expect("it runs"), b"");
    Room::leave(&mut terminal);
    for _ in 0..100 {
        if processes(&words).is_empty() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("the broker {broker} is there still");
}

/// All commands that read a bundle or a record, one after another, with their files: they do the same with Landlock and without.
#[test]
fn every_command_does_the_same_with_landlock_and_without() {
    let mut all = Vec::new();
    for under in [&[][..], &[NO_LANDLOCK]] {
        let room = Room::new();
        let (key, _) = common::key(room.0.path(), "alice", 3);
        let (bob, _) = common::key(room.0.path(), "bob", 4);
        let (demo, state) = (common::here("testdata/demo/release.tar"), room.path("state"));
        let policy = common::here("testdata/demo/policy.toml");
        let (key, bob) = (key.to_string_lossy(), bob.to_string_lossy());
        fs::write(room.path("tool"), "a tool").expect("written");
        let at = |name: &str| room.path(name);
        let state = ["--state", &state];
        let commands: Vec<Vec<String>> = [
            &[&["check", &demo, "--policy", &policy], &state[..]].concat()[..],
            &[&["show", &demo, "source"], &state[..]].concat(),
            &[&["show", &demo, "findings", "--policy", &policy], &state[..]].concat(),
            &[&["sign", &demo, "--key", &key, "--decision", "incomplete", "--output", &at("one.json")], &state[..]].concat(),
            &["verify", &at("one.json"), "--signers", &at("alice.signers"), "--decision", "incomplete", "--bundle", &demo],
            &["cosign", &at("one.json"), "--key", &bob, "--output", &at("two.json")],
            &["cosign", &at("one.json"), "--payload-out", &at("pae")],
            &["export", &at("two.json"), "--format", "pdf", "--output", &at("two.pdf")],
            &[&["log", &demo], &state[..]].concat(),
            &[
                "pack",
                &at("bag"),
                "--product",
                "p",
                "--version",
                "1",
                "--source",
                &demo,
                "--shipped",
                &at("tool"),
                "--rebuilt",
                &at("tool"),
            ],
            &[&["check", &at("bag")], &state[..]].concat(),
            &["compare", &demo, &at("tool")],
        ]
        .iter()
        .map(|words| words.iter().map(|w| (*w).to_owned()).collect())
        .collect();
        let mut said = Vec::new();
        for command in &commands {
            let words: Vec<&str> = command.iter().map(String::as_str).collect();
            let Some((code, out, err)) = run(under, &words) else { return };
            assert!(code < 2, "{words:?}: {code} {out}{err}");
            // Times, digests of what has a time in it, and the level are what differs.
            let head = out.replace(&room.path(""), "").lines().next().map(str::to_owned);
            said.push((words[0].to_owned(), code, head));
        }
        let mut files = Vec::new();
        names(room.0.path(), room.0.path(), &mut files);
        files.sort();
        all.push((said, files));
    }
    assert!(all[0].1.iter().any(|f| f.contains("objects/pack")) && all[0].1.iter().any(|f| f.ends_with("journal.jsonl")), "{:?}", all[0].1);
    assert_eq!(all[0], all[1]);
}

/// Names of all files below a folder; what a name has of chance or of the demonstration's own digest stays out of it.
fn names(root: &std::path::Path, folder: &std::path::Path, into: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            names(root, &path, into);
        } else {
            into.push(path.strip_prefix(root).expect("below it").to_string_lossy().into_owned());
        }
    }
}

#[test]
fn without_a_filter_nothing_is_read_unless_no_seal_is_asked_for() {
    let two = common::here("testdata/demo/release.tar");
    let no_seccomp = "--inject=seccomp:error=EINVAL";
    let Some((code, out, err)) = run(&[no_seccomp], &["compare", &two, &two]) else { return };
    assert!(code == 2 && out.is_empty() && err.contains("there is no seal on this system") && err.contains("--seal none"), "{code} {err}");
    assert_eq!(run(&[no_seccomp], &["compare", &two, &two, "--seal", "none"]).expect("strace is there").0, 0);
}

/// Demonstration with a review of its own, on a terminal, under those strace arguments (or none).
struct Room(tempfile::TempDir);

impl Room {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_string_lossy().into_owned()
    }

    fn open(&self, under: &[&str], more: &[&str]) -> Terminal {
        common::key(self.0.path(), "alice", 3);
        let (release, policy) = (common::here("testdata/demo/release.tar"), common::here("testdata/demo/policy.toml"));
        let (key, state) = (self.path("alice.key"), self.path("state"));
        let args = ["open", &release, "--policy", &policy, "--key", &key, "--state", &state, "--reviewer", "alice"];
        // The record goes into the folder where the program was started.
        let folder = self.0.path().to_string_lossy();
        Terminal::start_under(&[&["env", "-C", &folder], under].concat(), &[&args, more].concat(), 160, 50)
    }

    /// Rejects, to the question of the process that signs.
    fn to_the_signer(&self, terminal: &mut Terminal) -> String {
        terminal.wait_for("1 file differs");
        terminal.keys("7");
        terminal.wait_for("Before you can approve");
        terminal.keys("S");
        terminal.choose_rejection();
        terminal.read_statement();
        terminal.keys("\t");
        terminal.fill("gateway-update 2.4.1");
        terminal.keys("\r");
        terminal.wait_for("to sign this;")
    }

    fn leave(terminal: &mut Terminal) {
        terminal.keys("1");
        terminal.wait_for("Does what was shipped match");
        terminal.keys("q");
        terminal.wait_for("still open");
        terminal.keys("y");
        assert_eq!(terminal.end(), 0);
    }
}

fn predicate(record: &str) -> Value {
    let bytes = countersign::signoff::payload(&fs::read(record).expect("a record")).expect("an envelope");
    serde_json::from_slice::<Value>(&bytes).expect("JSON")["predicate"].take()
}

#[test]
fn the_level_is_on_the_screen_and_in_the_record() {
    if !common::has_landlock() {
        return;
    }
    for (level, screen, record) in [("full", "sealed  OPEN", "full"), ("none", "NO SEAL  OPEN", "none")] {
        let room = Room::new();
        let mut terminal = room.open(&[], &["--seal", level]);
        terminal.wait_for(screen);
        room.to_the_signer(&mut terminal);
        terminal.write("rejected\r");
        terminal.wait_for("signed");
        assert_eq!(predicate(&room.path("gateway-update-2.4.1.dsse.json"))["seal"], record);
    }
    let room = Room::new();
    let strace = ["strace", "-f", "-qq", "-o", "/dev/null", NO_LANDLOCK];
    if run(&[NO_LANDLOCK], &["--version"]).is_none() {
        return;
    }
    let terminal = room.open(&strace, &[]);
    terminal.wait_for("seal: seccomp-only  OPEN");
    let (key, demo, output) = (room.path("alice.key"), common::here("testdata/demo/release.tar"), room.path("cli.dsse.json"));
    for (under, word) in [(&[NO_LANDLOCK][..], "seccomp-only"), (&[], "full")] {
        let state = room.path(word);
        let args = ["sign", &demo, "--key", &key, "--decision", "incomplete", "--state", &state, "--output", &output];
        let (code, out, err) = run(under, &args).expect("strace is there");
        assert_eq!(code, 0, "{out}{err}");
        assert_eq!(predicate(&output)["seal"], word);
        fs::remove_file(&output).expect("removed");
        fs::remove_file(room.path("cli.dossier.json")).expect("removed");
    }
}

#[test]
fn a_whole_session_asks_for_no_network_and_no_process_after_the_seal() {
    let room = Room::new();
    let trace = room.path("trace");
    if run(&["-e", "trace=none"], &["--version"]).is_none() {
        return;
    }
    let strace = ["strace", "-f", "-qq", "-e", "trace=%network,%process,seccomp", "-e", "signal=none", "-o", &trace];
    let mut terminal = room.open(&strace, &[]);
    terminal.wait_for("1 file differs");
    terminal.keys("n");
    terminal.wait_for("verify_image");
    for key in ["2", "3", "4", "5", "6", "1"] {
        terminal.keys(key);
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    room.to_the_signer(&mut terminal);
    terminal.write("rejected\r");
    terminal.wait_for("signed");
    Room::leave(&mut terminal);
    let text = fs::read_to_string(&trace).expect("a trace");
    assert_eq!(after_the_seal(&text), Vec::<String>::new());
    // The signer is the one that was there first, and it is not sealed.
    assert!(text.contains("--viewer"), "{text}");
}

/// Whoever was not asked by the signer signs nothing, and the viewer waits meanwhile.
#[test]
fn without_the_typed_word_nothing_is_signed_and_the_viewer_is_stopped_meanwhile() {
    let room = Room::new();
    let mut terminal = room.open(&[], &[]);
    let screen = room.to_the_signer(&mut terminal);
    assert!(screen.contains("TO BE SIGNED") && screen.contains("REJECTED"), "{screen}");
    let viewer = viewer_of(terminal.id());
    let stopped = || fs::read_to_string(format!("/proc/{viewer}/stat")).is_ok_and(|s| s.contains(") T "));
    assert!(stopped(), "it could draw over what the signer shows");
    terminal.write("approved\r");
    terminal.wait_for("NOT signed: not confirmed");
    assert!(!stopped());
    assert!(!std::path::Path::new(&room.path("gateway-update-2.4.1.dsse.json")).exists());
    terminal.kill();
    // The viewer does not outlive the signer.
    let gone = || {
        !std::path::Path::new(&format!("/proc/{viewer}")).exists()
            || fs::read_to_string(format!("/proc/{viewer}/stat")).is_ok_and(|s| s.contains(") Z "))
    };
    for _ in 0..100 {
        if gone() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("the viewer {viewer} is there still");
}

#[test]
fn a_passphrase_is_typed_to_the_signer_and_shown_nowhere() {
    let room = Room::new();
    let mut terminal = room.open(&[], &[]);
    // The same key, locked.
    let pair = ssh_key::private::Ed25519Keypair::from_seed(&[3; 32]);
    let kdf = ssh_key::Kdf::Bcrypt { salt: vec![7; 16], rounds: 4 };
    let locked = ssh_key::PrivateKey::from(pair).encrypt_with(ssh_key::Cipher::Aes256Ctr, kdf, 1, "correct horse").expect("locked");
    fs::write(room.path("alice.key"), locked.to_openssh(ssh_key::LineEnding::LF).expect("encoded").as_bytes()).expect("written");
    room.to_the_signer(&mut terminal);
    terminal.write("rejected\r");
    terminal.wait_for("Passphrase of");
    terminal.write("wrong horse\r");
    terminal.wait_for("the passphrase does not open the key");
    std::thread::sleep(std::time::Duration::from_millis(700));
    terminal.keys("\r");
    terminal.wait_for("to sign this;");
    terminal.write("rejected\r");
    terminal.wait_for("Passphrase of");
    terminal.write("correct horse\r");
    terminal.wait_for("signed");
    Room::leave(&mut terminal);
    assert!(!terminal.raw().windows(5).any(|w| w == b"horse"), "it was shown");
    assert_eq!(predicate(&room.path("gateway-update-2.4.1.dsse.json"))["decision"], "rejected");
}

/// The process that the signer started.
fn viewer_of(signer: u32) -> u32 {
    let children = fs::read_to_string(format!("/proc/{signer}/task/{signer}/children")).expect("it runs");
    children.split_whitespace().next().and_then(|n| n.parse().ok()).expect("one child")
}

#[test]
fn the_viewer_has_no_agent_no_key_and_no_rights() {
    let room = Room::new();
    let mut terminal = room.open(&[], &[]);
    terminal.wait_for("1 file differs");
    let viewer = viewer_of(terminal.id());
    let read = |name: &str| fs::read(format!("/proc/{viewer}/{name}")).map(|b| String::from_utf8_lossy(&b).into_owned()).expect("it runs");
    assert!(!read("environ").contains("SSH_AUTH_SOCK"));
    let status = read("status");
    for line in ["Seccomp:\t2", "NoNewPrivs:\t1"] {
        assert!(status.contains(line), "{status}");
    }
    // Every thread is sealed, not only the first.
    for thread in fs::read_dir(format!("/proc/{viewer}/task")).expect("threads") {
        let status = fs::read_to_string(thread.expect("one").path().join("status")).unwrap_or_default();
        let filters = status.lines().find_map(|l| l.strip_prefix("Seccomp_filters:")?.trim().parse::<u32>().ok());
        assert!(status.is_empty() || filters >= Some(2), "{status}");
    }
    terminal.keys("q");
    terminal.wait_for("still open");
    terminal.keys("y");
    assert_eq!(terminal.end(), 0);
}

#[test]
fn a_viewer_is_started_by_a_signer_only() {
    let demo = common::here("testdata/demo/release.tar");
    for how in [&["open"][..], &["sign", "--decision", "rejected", "--agent", "--output", "x"]] {
        let (code, _, err) = run(&[], &[&["--viewer"], how, &[&demo]].concat()).expect("it runs");
        assert!(code == 2 && err.contains("a viewer is started by countersign itself"), "{code} {err}");
    }
}

/// Calls of strace's class that the program makes after its last filter is in force.
fn calls_after_the_seal(class: &str, args: &[&str]) -> Option<Vec<String>> {
    let folder = tempfile::tempdir().expect("a folder");
    let trace = folder.path().join("trace");
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-e", &format!("trace={class},seccomp"), "-e", "signal=none", "-o"]).arg(&trace);
    if let Err(e) = command.arg(common::program()).args(args).output() {
        eprintln!("skipped: strace does not run here: {e}");
        return None;
    }
    Some(after_the_seal(&fs::read_to_string(trace).expect("a trace")))
}

/// Calls of the process that sealed itself, after it did; threads that begin and end aside.
fn after_the_seal(trace: &str) -> Vec<String> {
    let lines: Vec<&str> = trace.lines().collect();
    let sealed = lines.iter().rposition(|l| l.contains("seccomp(SECCOMP_SET_MODE_FILTER") && l.ends_with("= 0"));
    let sealed = sealed.expect("it seals itself");
    // The signer, which started it, goes on to wait and to sign.
    let number = |line: &str| line.split(' ').next().map(str::to_owned);
    let signer = lines.iter().find(|l| l.contains("execve(")).and_then(|l| number(l)).filter(|_| trace.contains("--viewer"));
    assert_ne!(number(lines[sealed]), signer, "the viewer is not the signer");
    let after = lines[sealed + 1..].iter().filter(|l| signer.is_none() || number(l) != signer);
    let plain = |l: &str| {
        ["exit(", "exit_group(", "exit resumed", "exit_group resumed", "CLONE_THREAD", "clone3("].iter().any(|w| l.contains(w))
            || l.contains("+++")
    };
    after.filter(|l| !plain(l) && !l.contains("<... clone")).map(|l| (*l).to_owned()).collect()
}

#[test]
fn a_check_of_a_release_asks_for_no_network_and_no_process_after_the_seal() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = folder.path().to_string_lossy().into_owned();
    let release = common::here("testdata/demo/release.tar");
    let Some(calls) = calls_after_the_seal("%network,%process", &["check", &release, "--state", &state]) else { return };
    assert_eq!(calls, Vec::<String>::new());
    // The same eyes do see a call where there is one.
    let release = common::here("testdata/demo/release.tar");
    let seen = calls_after_the_seal("openat,?open", &["check", &release, "--state", &state]).expect("strace is there");
    assert!(!seen.is_empty());
}

/// What comes from outside is opened after the seal: by the process that sealed itself, and, of `cosign`, the key by the other.
#[test]
fn pack_and_cosign_are_sealed_before_they_read_and_reach_a_key_in_another_process_only() {
    let room = Room::new();
    let (key, _) = common::key(room.0.path(), "alice", 3);
    let (bob, _) = common::key(room.0.path(), "bob", 4);
    let (demo, one) = (common::here("testdata/demo/release.tar"), room.path("one.json"));
    let key = key.to_string_lossy();
    let (code, out, err) =
        run(&[], &["sign", &demo, "--key", &key, "--decision", "rejected", "--state", &room.path("state"), "--output", &one])
            .expect("it runs");
    assert_eq!(code, 0, "{out}{err}");
    fs::write(room.path("tool"), "a tool").expect("written");
    let bob = bob.to_string_lossy();
    let pack = ["pack", &room.path("bag"), "--product", "p", "--version", "1", "--source", &demo, "--shipped", &room.path("tool")];
    let cosign = ["cosign", &one, "--key", &bob, "--output", &room.path("two.json")];
    let out = ["cosign", &one, "--payload-out", &room.path("pae")];
    for (args, foreign, made) in
        [(&pack[..], "release.tar", "bag/manifest-sha256.txt"), (&cosign, "one.json", "two.json"), (&out, "one.json", "pae")]
    {
        let Some(calls) = calls_after_the_seal("%network,%process,openat,?open", args) else { return };
        assert!(std::path::Path::new(&room.path(made)).is_file(), "{args:?}");
        let of = |word: &str| calls.iter().filter(|l| l.contains(word)).collect::<Vec<_>>();
        // The eyes see the file opened after the seal; that no process opens it before is looked at below.
        assert!(!of(foreign).is_empty(), "{args:?}: {calls:?}");
        assert!(of("bob.key").is_empty(), "{calls:?}");
        let others: Vec<_> = calls.iter().filter(|l| !l.contains(" open")).collect();
        assert!(others.is_empty(), "{args:?}: {others:?}");
    }
    // Without the filter nothing is read, and nothing written.
    for (args, made) in [(&pack[..], "bag/data"), (&cosign, "two.json"), (&out, "pae")] {
        let _ = (fs::remove_file(room.path(made)), fs::remove_dir_all(room.path("bag")));
        let (code, _, err) = run(&["--inject=seccomp:error=EINVAL"], args).expect("strace is there");
        assert!(code == 2 && err.contains("there is no seal on this system"), "{args:?}: {code} {err}");
        assert!(!std::path::Path::new(&room.path(made)).exists(), "{args:?}");
    }
}

/// A part that leads out of what was named is not packed, whoever is asked for it.
#[test]
fn pack_reads_no_file_that_was_not_named() {
    let room = Room::new();
    fs::create_dir_all(room.path("tree")).expect("made");
    fs::create_dir_all(room.path("other")).expect("made");
    fs::write(room.path("tool"), "a tool").expect("written");
    let git = |folder: &str, args: &[&str]| {
        let out = Command::new("git").arg("-C").arg(room.path(folder)).args(args).output().expect("git runs");
        assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
    };
    git("other", &["init", "-q"]);
    fs::write(room.path("other/secret"), "a secret").expect("written");
    git("other", &["add", "."]);
    git("other", &["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "one"]);
    git("other", &["worktree", "add", "-q", &room.path("linked")]);
    let pack = |bag: &str, source: &str| {
        let args =
            ["pack", &room.path(bag), "--product", "p", "--version", "1", "--source", &room.path(source), "--shipped", &room.path("tool")];
        run(&[], &args).expect("it runs")
    };
    // A work tree whose repository is elsewhere is read there.
    let (code, out, err) = pack("bag", "linked");
    assert_eq!(code, 0, "{out}{err}");
    // The objects of that repository are elsewhere once more, and nothing said so before the seal.
    fs::rename(room.path("other/.git/objects"), room.path("objects")).expect("moved");
    std::os::unix::fs::symlink(room.path("objects"), room.path("other/.git/objects")).expect("linked");
    let (code, out, err) = pack("bag-2", "linked");
    assert!(code == 2, "{out}{err}");
    assert_eq!(
        run(
            &[],
            &[
                "pack",
                &room.path("bag-3"),
                "--product",
                "p",
                "--version",
                "1",
                "--seal",
                "none",
                "--source",
                &room.path("linked"),
                "--shipped",
                &room.path("tool")
            ]
        )
        .expect("it runs")
        .0,
        0
    );
}

#[test]
fn a_file_outside_of_the_bundle_is_not_reached_through_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("bundle/shipped")).expect("made");
    fs::write(at("canary"), "the canary").expect("written");
    fs::write(at("bundle/shipped/tool"), "a tool").expect("written");
    std::os::unix::fs::symlink("../../canary", at("bundle/shipped/link")).expect("made");
    let bundle = at("bundle").to_string_lossy().into_owned();
    let canary = countersign::digest::Sha256::of(b"the canary").to_string();
    let state = at("state").to_string_lossy().into_owned();
    for level in ["seccomp-only", "none"] {
        let (_, out, err) = run(&[], &["check", &bundle, "--state", &state, "--format", "json", "--seal", level]).expect("it runs");
        assert!(!out.contains(&canary), "{level}: {out}{err}");
    }
}
