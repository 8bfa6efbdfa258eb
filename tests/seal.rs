//! The seal: what a sealed process must not be able to do is tried, with Landlock and without.

// A test runs the program, under strace where it is there, and says when it skips.
#![allow(clippy::disallowed_types, clippy::print_stderr)]
#![cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]

use std::fs;
use std::process::Command;

use serde_json::Value;

mod common;

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
    if report["seal"] != "full" {
        eprintln!("this kernel has no Landlock: what it would hold is not looked at");
        assert_eq!(let_in(&report, NOT_FILES), Vec::<String>::new());
        return;
    }
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
fn without_landlock_network_and_programs_are_refused_and_the_level_says_so() {
    let Some((code, report)) = probes(&[NO_LANDLOCK], "seccomp-only") else { return };
    assert_eq!((code, report["seal"].as_str()), (1, Some("seccomp-only")));
    assert_eq!(let_in(&report, NOT_FILES), Vec::<String>::new());
    // A filter sees no path. What it can refuse without one, it does.
    let files = let_in(&report, &["files"]);
    for never in ["shorten a file of the bundle", "make a symbolic link in the state", "make a hard link in the state", "change an owner"] {
        assert!(!files.iter().any(|f| f == never), "{files:?}");
    }
    let (code, _, err) = run(&[NO_LANDLOCK], &["seal", "--probe", "--seal", "full"]).expect("strace is there");
    assert!(code == 2 && err.contains("offers the seal seccomp-only and full was asked for"), "{code} {err}");
    let two = common::here("testdata/demo/release.tar");
    let (code, _, err) = run(&[NO_LANDLOCK], &["compare", &two, &two, "--seal", "full"]).expect("strace is there");
    assert!(code == 2 && err.contains("--seal seccomp-only takes what there is"), "{code} {err}");
    assert_eq!(run(&[NO_LANDLOCK], &["compare", &two, &two]).expect("strace is there").0, 0);
}

#[test]
fn without_a_filter_nothing_is_read_unless_no_seal_is_asked_for() {
    let two = common::here("testdata/demo/release.tar");
    let no_seccomp = "--inject=seccomp:error=EINVAL";
    let Some((code, out, err)) = run(&[no_seccomp], &["compare", &two, &two]) else { return };
    assert!(code == 2 && out.is_empty() && err.contains("there is no seal on this system") && err.contains("--seal none"), "{code} {err}");
    assert_eq!(run(&[no_seccomp], &["compare", &two, &two, "--seal", "none"]).expect("strace is there").0, 0);
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
    let text = fs::read_to_string(trace).expect("a trace");
    let lines: Vec<&str> = text.lines().collect();
    let sealed = lines.iter().rposition(|l| l.contains("seccomp(SECCOMP_SET_MODE_FILTER") && l.ends_with("= 0"));
    let after = &lines[sealed.expect("it seals itself") + 1..];
    // Threads begin, and all end.
    let plain = |l: &str| ["exit(", "exit_group(", "CLONE_THREAD", "clone3("].iter().any(|w| l.contains(w)) || l.contains("+++");
    let other = after.iter().filter(|l| !plain(l) && !l.contains("<... clone")).map(|l| (*l).to_owned());
    Some(other.collect())
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
    let seen = calls_after_the_seal("openat", &["check", &release, "--state", &state]).expect("strace is there");
    assert!(!seen.is_empty());
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
