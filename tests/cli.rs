//! The command line as scripts see it: forms, exit codes, JSON, manual page and completions.

// A test runs the program, and says when it skips.
#![allow(clippy::disallowed_types, clippy::print_stderr)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

mod common;

fn run(args: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = Command::new(common::program()).args(args).output().expect("it runs");
    (status.code().expect("no signal"), String::from_utf8_lossy(&stdout).into_owned(), String::from_utf8_lossy(&stderr).into_owned())
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[test]
fn compare_exits_as_diff_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let (a, b, c) = (folder.path().join("a"), folder.path().join("b"), folder.path().join("c"));
    fs::write(&a, b"one\ntwo\n").expect("written");
    fs::write(&b, b"one\ntwo\n").expect("written");
    fs::write(&c, b"one\nthree\n").expect("written");
    assert_eq!(run(&["compare", &text(&a), &text(&b)]).0, 0);
    let (code, out, _) = run(&["compare", &text(&a), &text(&c), "--format", "json"]);
    let report: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((code, report["result"].as_str()), (1, Some("different")));
    let account = &report["account"]["shipped"];
    assert_eq!(account["identical"].as_u64().zip(account["unexplained"].as_u64()).map(|(i, u)| i + u), Some(8));
    let (code, _, err) = run(&["compare", &text(&a), &text(&folder.path().join("none"))]);
    assert_eq!(code, 2);
    assert!(err.contains("none"), "{err}");
    assert_eq!(run(&["compare", &text(&a)]).0, 2);
    assert_eq!(run(&["compare", &text(&a), &text(folder.path())]).0, 2);
}

/// What a shell makes of `<(…)`: a pipe in no file system, with no size, that gives each byte once.
#[test]
#[cfg(target_os = "linux")]
fn compare_reads_pipes() {
    use std::io::Write as _;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a");
    let bytes: Vec<u8> = (0..300_000u32).flat_map(|i| i.to_le_bytes()).collect();
    fs::write(&path, &bytes).expect("written");
    for (change, code) in [(None, 0), (Some(0), 1), (Some(bytes.len() - 1), 1)] {
        let mut command = Command::new(common::program());
        command.args(["compare", "--format", "json", "/dev/stdin", &text(&path)]).stdin(std::process::Stdio::piped());
        let mut child = command.stdout(std::process::Stdio::piped()).spawn().expect("it runs");
        let mut sent = bytes.clone();
        if let Some(at) = change {
            sent[at] ^= 1;
        }
        child.stdin.take().expect("a pipe").write_all(&sent).expect("all is read");
        let done = child.wait_with_output().expect("it ends");
        assert_eq!(done.status.code(), Some(code), "{change:?}");
        let report: Value = serde_json::from_slice(&done.stdout).expect("JSON");
        let identical = report["account"]["shipped"]["identical"].as_u64().expect("a number");
        assert_eq!(identical + u64::from(change.is_some()), bytes.len() as u64, "{change:?}");
    }
}

#[test]
fn compare_takes_directories_and_sees_modes_links_and_absences() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let folder = tempfile::tempdir().expect("a folder");
    let (a, b) = (folder.path().join("a"), folder.path().join("b"));
    for side in [&a, &b] {
        fs::create_dir_all(side.join("bin")).expect("made");
        fs::write(side.join("bin/tool"), b"#!/bin/sh\n").expect("written");
    }
    assert_eq!(run(&["compare", &text(&a), &text(&b)]).0, 0);
    fs::set_permissions(a.join("bin/tool"), fs::Permissions::from_mode(0o4755)).expect("set");
    let (code, out, _) = run(&["compare", &text(&a), &text(&b)]);
    assert_eq!(code, 1);
    assert!(out.contains("mode 4755"), "{out}");
    fs::set_permissions(a.join("bin/tool"), fs::Permissions::from_mode(0o644)).expect("set");
    symlink("/etc/passwd", a.join("link")).expect("linked");
    symlink("/etc/shadow", b.join("link")).expect("linked");
    fs::write(a.join("extra"), b"x").expect("written");
    let (code, out, _) = run(&["compare", &text(&a), &text(&b), "--format", "json"]);
    let report: Value = serde_json::from_str(&out).expect("JSON");
    let result = |name: &str| {
        let nodes = report["nodes"].as_array().expect("nodes");
        nodes
            .iter()
            .find(|n| n["path"].as_str().is_some_and(|p| p.ends_with(name)))
            .map(|n| n["result"].as_str().expect("a result").to_owned())
    };
    assert_eq!(code, 1);
    assert_eq!(result("link").as_deref(), Some("different"));
    assert_eq!(result("extra").as_deref(), Some("onlyShipped"));
    assert_eq!(result("bin/tool").as_deref(), Some("identical"));
}

/// Capabilities, access lists, and whose rights a program with setuid gets. Only who may set them can see it here.
#[test]
fn compare_of_directories_sees_rights_beside_the_mode() {
    use std::os::unix::fs::{PermissionsExt as _, chown};
    let folder = tempfile::tempdir().expect("a folder");
    let (a, b) = (folder.path().join("a"), folder.path().join("b"));
    for side in [&a, &b] {
        fs::create_dir_all(side).expect("made");
        fs::write(side.join("tool"), b"same").expect("written");
        fs::set_permissions(side.join("tool"), fs::Permissions::from_mode(0o755)).expect("set");
    }
    let differs = |word: &str| {
        let (code, out, _) = run(&["compare", &text(&a), &text(&b)]);
        assert!(code == 1 && out.contains(word), "{word}: {out}");
    };
    let set = |name: &str, value: &str| {
        let script = format!("import os; os.setxattr({:?}, {name:?}, bytes.fromhex({value:?}))", text(&a.join("tool")));
        Command::new("python3").args(["-c", &script]).output().is_ok_and(|out| out.status.success())
    };
    let capability = "0100000280000000000000000000000000000000";
    if set("security.capability", capability) {
        differs("capabilities only in what was shipped");
        fs::write(a.join("tool"), b"same").expect("written: that takes them away");
    }
    let list = "0200000001000700ffffffff02000700e803000004000500ffffffff10000700ffffffff20000500ffffffff";
    if set("system.posix_acl_access", list) {
        differs("access list only in what was shipped");
        fs::remove_file(a.join("tool")).expect("removed");
        fs::write(a.join("tool"), b"same").expect("written");
    }
    for side in [&a, &b] {
        fs::set_permissions(side.join("tool"), fs::Permissions::from_mode(0o755)).expect("set");
    }
    assert_eq!(run(&["compare", &text(&a), &text(&b)]).0, 0);
    if chown(a.join("tool"), Some(1234), None).is_ok() {
        assert_eq!(run(&["compare", &text(&a), &text(&b)]).0, 0, "the owner of a copy says nothing");
        for side in [&a, &b] {
            fs::set_permissions(side.join("tool"), fs::Permissions::from_mode(0o4755)).expect("set");
        }
        differs("owner 1234");
    }
}

/// Which names are one file, attributes that programs read, and what more than a umask says.
#[test]
fn compare_of_directories_sees_what_files_share_and_who_may_read_them() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    let (a, b) = (folder.path().join("a"), folder.path().join("b"));
    let mode = |path: &std::path::Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set");
    for side in [&a, &b] {
        fs::create_dir_all(side.join("etc")).expect("made");
        mode(&side.join("etc"), 0o755);
        for name in ["etc/key", "etc/one", "etc/two"] {
            fs::write(side.join(name), b"same").expect("written");
            mode(&side.join(name), 0o644);
        }
    }
    let compare = || run(&["compare", &text(&a), &text(&b)]);
    let differs = |word: &str| {
        let (code, out, _) = compare();
        assert!(code == 1 && out.contains(word), "{word}: {out}");
    };
    assert_eq!(compare().0, 0);
    mode(&b.join("etc/key"), 0o600);
    differs("mode 0644 against 0600");
    mode(&b.join("etc/key"), 0o664);
    assert_eq!(compare().0, 0, "nothing else is writable for its group: a umask");
    mode(&a.join("etc/one"), 0o664);
    differs("mode 0644 against 0664");
    for name in ["etc/key", "etc/one", "etc/two"] {
        mode(&a.join(name), 0o644);
        mode(&b.join(name), 0o600);
    }
    assert_eq!(compare().0, 0, "a umask took it from all");
    mode(&b.join("etc"), 0o775);
    assert_eq!(compare().0, 0, "a umask as well");
    for side in [&a, &b] {
        fs::create_dir(side.join("var")).expect("made");
        mode(&side.join("var"), 0o775);
    }
    differs("mode 0755 against 0775");
    mode(&b.join("etc"), 0o755);
    assert_eq!(compare().0, 0);
    fs::remove_file(a.join("etc/two")).expect("removed");
    fs::hard_link(a.join("etc/one"), a.join("etc/two")).expect("linked");
    differs("is one file with etc/two against no other");
    fs::remove_file(b.join("etc/two")).expect("removed");
    fs::hard_link(b.join("etc/one"), b.join("etc/two")).expect("linked");
    mode(&a.join("etc/one"), 0o600);
    assert_eq!(compare().0, 0);
    let set = |path: &std::path::Path, name: &str, value: &str| {
        let script = format!("import os; os.setxattr({:?}, {name:?}, {value:?}.encode())", text(path));
        Command::new("python3").args(["-c", &script]).output().is_ok_and(|out| out.status.success())
    };
    if set(&a.join("etc"), "user.server", "one") {
        differs("attribute user.server only in what was shipped");
        assert!(set(&b.join("etc"), "user.server", "one"));
        assert_eq!(compare().0, 0);
        assert!(set(&a.join("etc/key"), "user.server", "one") && set(&b.join("etc/key"), "user.server", "two"));
        differs("other attribute user.server");
    }
}

/// The same source and the same compiled file: Python runs the one or the other by their times.
/// Text that may be executed is run, whatever it is called.
#[test]
fn compare_of_directories_sees_what_may_be_executed() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    let (a, b) = (folder.path().join("a"), folder.path().join("b"));
    for (side, day) in [(&a, "2030-01-01"), (&b, "2020-01-01")] {
        fs::create_dir_all(side).expect("made");
        fs::write(side.join("tool"), format!("tool built {day}\n")).expect("written");
        fs::set_permissions(side.join("tool"), fs::Permissions::from_mode(0o644)).expect("set");
    }
    assert_eq!(run(&["compare", &text(&a), &text(&b)]).0, 0);
    for side in [&a, &b] {
        fs::set_permissions(side.join("tool"), fs::Permissions::from_mode(0o755)).expect("set");
    }
    assert_eq!(run(&["compare", &text(&a), &text(&b)]).0, 1);
}

/// Who may write in the directory itself may put anything into it.
#[test]
fn compare_of_directories_sees_who_may_write_in_them() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    let (a, b) = (folder.path().join("a"), folder.path().join("b"));
    for side in [&a, &b] {
        fs::create_dir_all(side).expect("made");
        fs::write(side.join("x"), b"same").expect("written");
    }
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set");
    mode(&a, 0o700);
    mode(&b, 0o755);
    assert_eq!(run(&["compare", &text(&a), &text(&b)]).0, 0, "that of who made it");
    mode(&a, 0o757);
    let (code, out, _) = run(&["compare", &text(&a), &text(&b)]);
    assert!(code == 1 && out.contains("mode 0002 against 0000"), "{out}");
    mode(&b, 0o777);
    assert_eq!(run(&["compare", &text(&a), &text(&b)]).0, 0);
}

#[test]
fn compare_of_directories_sees_whether_compiled_files_are_of_their_sources() {
    let folder = tempfile::tempdir().expect("a folder");
    let (a, b) = (folder.path().join("a"), folder.path().join("b"));
    let time = |path: &std::path::Path, seconds: u64| {
        let at = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        fs::File::options().write(true).open(path).and_then(|f| f.set_modified(at)).expect("set");
    };
    let compiled = |seconds: u32| [&b"\xa7\x0d\r\n\0\0\0\0"[..], &seconds.to_le_bytes(), &[9, 0, 0, 0], b"\xe3code"].concat();
    for side in [&a, &b] {
        fs::create_dir_all(side.join("__pycache__")).expect("made");
        fs::write(side.join("x.py"), b"print(1)\n").expect("written");
        time(&side.join("x.py"), 1000);
        fs::write(side.join("__pycache__/x.cpython-311.pyc"), compiled(1000)).expect("written");
    }
    let code = || run(&["compare", &text(&a), &text(&b)]).0;
    assert_eq!(code(), 0);
    time(&a.join("x.py"), 1001);
    assert_eq!(code(), 1);
    time(&b.join("x.py"), 2000);
    assert_eq!(code(), 0, "Python takes the source on both");
    fs::write(a.join("__pycache__/x.cpython-311.pyc"), compiled(1001)).expect("written");
    assert_eq!(code(), 1);
    fs::write(b.join("__pycache__/x.cpython-311.pyc"), compiled(2000)).expect("written");
    assert_eq!(code(), 0);
}

#[test]
fn pack_makes_a_bag_that_others_accept_and_check_opens() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("src")).expect("made");
    fs::write(at("src/main.c"), b"int main(void) { return 0; }\n").expect("written");
    let git = |args: &[&str]| {
        let status = Command::new("git")
            .arg("-C")
            .arg(at("src"))
            .args(["-c", "user.name=x", "-c", "user.email=x@example.invalid"])
            .args(args)
            .output()
            .expect("git runs");
        assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stderr));
    };
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "first"]);
    git(&["tag", "v1"]);
    for side in ["shipped", "rebuilt"] {
        fs::create_dir_all(at(side)).expect("made");
        fs::write(at(side).join("tool.bin"), b"the same").expect("written");
    }
    let bag = at("bag");
    let (code, out, err) = run(&[
        "pack",
        &text(&bag),
        "--product",
        "tool",
        "--version",
        "1",
        "--source",
        &text(&at("src")),
        "--shipped",
        &text(&at("shipped/tool.bin")),
        "--rebuilt",
        &text(&at("rebuilt/tool.bin")),
    ]);
    assert_eq!(code, 0, "{out}{err}");
    let sums = Command::new("sha256sum").args(["-c", "--quiet", "manifest-sha256.txt"]).current_dir(&bag).output().expect("sha256sum runs");
    assert!(sums.status.success(), "{}", String::from_utf8_lossy(&sums.stdout));
    let (code, out, err) = run(&["check", &text(&bag), "--state", &text(&at("state")), "--format", "json"]);
    let report: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(code, 0, "{out}{err}");
    assert_eq!(report["source"]["tagMatches"], true);
    assert_eq!(report["artifacts"][0]["result"], "identical");
    let (code, _, err) =
        run(&["pack", &text(&bag), "--product", "t", "--version", "1", "--source", &text(&at("src")), "--shipped", &text(&at("shipped"))]);
    assert_eq!(code, 2, "a bag is never written over");
    assert!(err.contains("bag"), "{err}");
}

#[test]
fn the_manual_and_the_completions_are_made_from_the_same_forms() {
    let (code, page, _) = run(&["man"]);
    assert_eq!(code, 0);
    assert!(page.starts_with(".ie") || page.contains(".TH"), "{page}");
    let (code, page, _) = run(&["man", "sign"]);
    assert!(code == 0 && page.contains("approvedWithFindings"), "{page}");
    assert_eq!(run(&["man", "nothing"]).0, 2);
    for shell in ["bash", "zsh", "fish"] {
        let (code, script, _) = run(&["completions", shell]);
        assert!(code == 0 && script.contains("countersign"), "{shell}");
    }
}

#[test]
fn usage_is_trouble_and_help_is_not() {
    assert_eq!(run(&["frobnicate"]).0, 2);
    assert_eq!(run(&["sign", "x", "--decision", "approved", "--output", "y"]).0, 2, "a key or the agent is needed");
    assert_eq!(run(&["sign", "x", "--key", "k", "--decision", "maybe", "--output", "y"]).0, 2);
    for form in [
        &["--help"][..],
        &["open", "--help"],
        &["check", "--help"],
        &["compare", "--help"],
        &["pack", "--help"],
        &["sign", "--help"],
        &["verify", "--help"],
        &["--version"],
    ] {
        assert_eq!(run(form).0, 0, "{form:?}");
    }
}

#[test]
fn a_passphrase_comes_from_standard_input_where_there_is_no_terminal() {
    use std::io::Write as _;
    let folder = tempfile::tempdir().expect("a folder");
    let key = folder.path().join("key");
    let pair = ssh_key::private::Ed25519Keypair::from_seed(&[5; 32]);
    let kdf = ssh_key::Kdf::Bcrypt { salt: vec![7; 16], rounds: 4 };
    let locked = ssh_key::PrivateKey::from(pair).encrypt_with(ssh_key::Cipher::Aes256Ctr, kdf, 1, "correct horse").expect("locked");
    fs::write(&key, locked.to_openssh(ssh_key::LineEnding::LF).expect("encoded").as_bytes()).expect("written");
    let sign = |passphrase: &str, name: &str| {
        let record = folder.path().join(name);
        let mut child = Command::new(common::program())
            .args([
                "sign",
                &common::here("testdata/demo/release.tar"),
                "--decision",
                "incomplete",
                "--key",
                &text(&key),
                "--output",
                &text(&record),
            ])
            .args(["--state", &text(&folder.path().join("state"))])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .expect("it runs");
        writeln!(child.stdin.take().expect("a pipe"), "{passphrase}").expect("written");
        let out = child.wait_with_output().expect("it ends");
        (out.status.code(), String::from_utf8_lossy(&out.stderr).into_owned(), record.exists())
    };
    let (code, said, written) = sign("wrong", "no");
    assert_eq!((code, written), (Some(2), false), "{said}");
    assert!(said.contains("passphrase does not open the key"), "{said}");
    let (code, said, written) = sign("correct horse", "yes");
    assert_eq!((code, written), (Some(0), true), "{said}");
}

#[test]
fn two_reviewers_sign_the_same_bytes_and_the_threshold_counts_people() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| text(&folder.path().join(name));
    let demo = common::here("testdata/demo/release.tar");
    let (alice, _) = common::key(folder.path(), "alice", 11);
    let (bob, _) = common::key(folder.path(), "bob", 12);
    let signers = ["alice", "bob"].map(|n| fs::read_to_string(at(&format!("{n}.signers"))).expect("written")).concat();
    fs::write(at("signers"), &signers).expect("written");
    let key = |k: &Path| text(k);
    let (code, out, err) =
        run(&["sign", &demo, "--key", &key(&alice), "--decision", "rejected", "--output", &at("one"), "--state", &at("state")]);
    assert_eq!(code, 0, "{out}{err}");
    let verify = |record: &str, n: &str| {
        run(&["verify", &at(record), "--decision", "rejected", "--signers", &at("signers"), "--bundle", &demo, "--threshold", n])
    };
    assert_eq!(verify("one", "1").0, 0);
    assert_eq!(verify("one", "2").0, 1);
    let (code, out, err) = run(&["cosign", &at("one"), "--key", &key(&bob), "--output", &at("two")]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("REJECTED"), "what is signed is shown: {out}");
    let (code, out, _) = verify("two", "2");
    assert_eq!(code, 0, "{out}");
    assert_eq!(run(&["cosign", &at("two"), "--key", &key(&bob), "--output", &at("three")]).0, 2, "the same key twice");
    // The same person under two names of one key, or two keys of one person, is one signature.
    fs::write(at("signers"), signers.replace("bob ", "alice ")).expect("written");
    assert_eq!(verify("two", "2").0, 1);
}

/// A rebuild that differs in little hides none that differs in what counts.
#[test]
fn every_rebuild_of_an_artifact_is_there_to_be_judged() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join("bundle").join(name);
    let put = |name: &str, content: &str| {
        fs::create_dir_all(at(name).parent().expect("a folder")).expect("made");
        fs::write(at(name), content).expect("written");
    };
    put("shipped/tool.txt", "one\nallow everybody\nbuilt 2022-12-26\n");
    put("one/tool.txt", "oneself\nallow everybody\nbuilt 2022-12-26\n");
    put("two/tool.txt", "one\nallow nobody\nbuilt 2022-12-26\n");
    put("three/tool.txt", "one\nallow everybody\nbuilt 2022-12-27\n");
    put("four/tool.txt", "one\nallow everybody\nbuilt 2022-12-26\n");
    let items = |builders: &[&str]| {
        let rebuilt: Vec<Value> = builders.iter().map(|b| serde_json::json!({"by": b, "path": format!("{b}/tool.txt")})).collect();
        let artifact = serde_json::json!({"name": "tool.txt", "shipped": "shipped/tool.txt", "rebuilt": rebuilt});
        let release = serde_json::json!({"schema": "release-bundle/v1", "product": "p", "version": "1", "artifacts": [artifact]});
        put("release.json", &release.to_string());
        let (_, out, err) = run(&["check", &text(&folder.path().join("bundle")), "--format", "json", "--state", &text(folder.path())]);
        let report: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out} {err}"));
        let ids = report["items"].as_array().expect("items").iter().filter_map(|i| Some(i["id"].as_str()?.to_owned()));
        let ids: Vec<String> = ids.filter(|id| ["compare:", "rule:", "cluster:"].iter().any(|kind| id.starts_with(kind))).collect();
        (report["artifacts"][0]["result"].as_str().map(str::to_owned), ids)
    };
    let (result, ids) = items(&["one", "two", "three", "four"]);
    assert_eq!(result.as_deref(), Some("different"));
    assert_eq!(ids, ["compare:tool.txt!rebuilt by one", "compare:tool.txt!rebuilt by two", "rule:timestamp"]);
    let (result, ids) = items(&["three", "four"]);
    assert_eq!((result.as_deref(), ids), (Some("equivalent"), vec!["rule:timestamp".to_owned()]));
    assert_eq!(items(&["four", "four"]), (Some("identical".to_owned()), Vec::new()));
    assert_eq!(items(&["two"]).1, ["compare:tool.txt"]);
}

#[test]
fn what_was_installed_is_looked_for_in_what_was_shipped() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    for side in ["shipped", "rebuilt", "usr"] {
        fs::create_dir_all(at(side)).expect("made");
    }
    fs::write(at("usr/tool"), b"the tool").expect("written");
    let tar = Command::new("tar").args(["-czf", "shipped/a.tar.gz", "usr"]).current_dir(folder.path()).status().expect("tar runs");
    assert!(tar.success());
    // The same bytes on both sides: even so it is opened to look.
    fs::copy(at("shipped/a.tar.gz"), at("rebuilt/a.tar.gz")).expect("copied");
    let sum = |content: &[u8]| countersign::digest::Sha256::of(content).to_string();
    let loose = text(folder.path());
    let check = |expect: &[&str]| {
        let mut args = vec!["check", &loose, "--format", "json"];
        let state = text(&at("state"));
        args.extend(["--state", &state]);
        expect.iter().for_each(|e| args.extend(["--expect", e]));
        let (code, out, err) = run(&args);
        let report: Value = serde_json::from_str(&out).unwrap_or(Value::Null);
        let links = report["chain"].as_array().cloned().unwrap_or_default();
        let link = links.into_iter().find(|l| l["link"] == "installed = shipped" || l["name"] == "installed = shipped");
        (code, link.map(|l| (l["standing"].as_str().unwrap_or("").to_owned(), l["why"].as_str().unwrap_or("").to_owned())), err)
    };
    assert_eq!(check(&[]).1, None, "nothing is asked, nothing is said");
    let list = |name: &str, content: &str| {
        fs::write(at(name), content).expect("written");
        text(&at(name))
    };
    let good = list("good.txt", &format!("{}  /usr/tool\n", sum(b"the tool")));
    let (_, link, _) = check(&[&good]);
    assert_eq!(link.expect("a link").0, "proven");
    let (_, link, _) = check(&[&sum(b"the tool")[..8]]);
    assert_eq!(link.expect("a link").0, "claimed");
    let other = list("other.txt", &format!("{}  /usr/tool\n", sum(b"another tool")));
    let (code, link, _) = check(&[&good, &other]);
    let (standing, why) = link.expect("a link");
    assert_eq!((code, standing.as_str()), (1, "broken"));
    assert!(why.contains("a.tar.gz!usr/tool has"), "{why}");
    let said = countersign::digest::words::words(&countersign::digest::Sha256::of(b"the tool").0);
    assert_eq!(check(&[&said.join(" ")]).1.expect("a link").0, "proven");
    assert_eq!(check(&[&said[..8].join(" ").to_lowercase()]).1.expect("a link").0, "claimed");
    let (code, _, err) = check(&[&said[1..].join(" ")]);
    assert!(code == 2 && err.contains("word 1") && err.contains("syllables"), "{err}");
    let (code, _, err) = check(&["nowhere.txt"]);
    assert!(code == 2 && err.contains("nowhere.txt"), "{err}");
    let (code, _, err) = check(&[&list("bad.txt", "hello\n")]);
    assert!(code == 2 && err.contains("line 1"), "{err}");
}

#[test]
fn offered_keys_are_told_in_hexadecimal_and_in_words() {
    let demo = "testdata/demo/release.tar";
    let folder = tempfile::tempdir().expect("a folder");
    let state = text(folder.path());
    let (_, out, _) = run(&["check", demo, "--state", &state, "--format", "json"]);
    let report: Value = serde_json::from_str(&out).expect("JSON");
    let offer = &report["offers"][0];
    assert_eq!(offer["file"], "data/trust/allowed_signers");
    assert_eq!(offer["knownAs"], Value::Null, "no signers were given");
    let hex = offer["sha256"].as_str().expect("hex");
    let said: Vec<&str> = offer["words"].as_array().expect("words").iter().filter_map(Value::as_str).collect();
    assert_eq!(countersign::digest::words::from_words(&said.join(" ")), Ok(countersign::digest::unhex(hex).expect("hex")));
    for args in [vec!["check", demo, "--state", &state], vec!["show", demo, "provenance", "--state", &state]] {
        let (_, out, _) = run(&args);
        assert!(out.contains("an offer, not trust") && out.contains(&format!("hex   {hex}")), "{out}");
        assert!(out.contains(&format!("words 00  {}", said[..8].join(" "))), "{out}");
    }
    let signers = "testdata/demo/allowed_signers";
    let (_, out, _) = run(&["check", demo, "--state", &state, "--signers", signers]);
    assert!(out.contains("among the reviewer's allowed signers as release@gateway.example"), "{out}");
}
