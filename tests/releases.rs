//! Real releases (Debian packages as shipped, and rebuilt on another day) through the real program.

// A test runs the program, and says when it skips.
#![allow(clippy::disallowed_types, clippy::print_stderr)]

use std::path::Path;
use std::process::Command;

use serde_json::Value;

mod common;

fn check(name: &str) -> Option<(i32, Value)> {
    let bundle = common::releases()?.join(name);
    let state = tempfile::tempdir().expect("a folder");
    let signers = bundle.join("data/trust/allowed_signers");
    let out = Command::new(common::program())
        .arg("check")
        .arg(&bundle)
        .arg("--signers")
        .arg(signers)
        .arg("--state")
        .arg(state.path())
        .args(["--format", "json"])
        .output()
        .expect("it runs");
    assert!(out.stderr.is_empty(), "{}", String::from_utf8_lossy(&out.stderr));
    Some((out.status.code().expect("no signal"), serde_json::from_slice(&out.stdout).expect("JSON")))
}

fn verdict<'a>(report: &'a Value, code: &str) -> &'a str {
    let checks = report["checks"].as_array().expect("checks");
    checks.iter().find(|c| c["code"] == code).and_then(|c| c["verdict"].as_str()).expect("a verdict")
}

fn nodes(report: &Value) -> Vec<&Value> {
    report["artifacts"].as_array().expect("artifacts").iter().flat_map(|a| a["nodes"].as_array().expect("nodes")).collect()
}

fn the_rest_is_sound(report: &Value) {
    for code in ["bundle.structure", "bundle.fixity", "source.commit", "source.tag", "provenance.subject", "artifacts.paired"] {
        assert_eq!(verdict(report, code), "pass", "{code}: {:#}", report["checks"]);
    }
}

fn accounts_add_up(report: &Value) {
    for node in nodes(report) {
        for side in ["shipped", "rebuilt"] {
            let account = &node["account"][side];
            let explained: u64 = account["explained"].as_object().expect("causes").values().filter_map(Value::as_u64).sum();
            let total = account["identical"].as_u64().expect("bytes") + explained + account["unexplained"].as_u64().expect("bytes");
            let size = node["size"][side].as_u64().unwrap_or(0);
            assert!(total <= size, "{}: {side} accounts for {total} of {size} bytes", node["path"]);
            let leaf = ["ELF", "text", "data"].iter().any(|k| node["kind"] == *k);
            assert!(!leaf || total == size, "{}: {side} accounts for {total} of {size} bytes", node["path"]);
        }
    }
}

#[test]
fn sed_is_identical() {
    let Some((code, report)) = check("sed") else { return };
    the_rest_is_sound(&report);
    assert_eq!(verdict(&report, "artifacts.equal"), "pass");
    assert_eq!(report["artifacts"][0]["result"], "identical");
    assert_eq!(code, 0, "{report:#}");
}

#[test]
fn hello_differs_in_one_immediate_operand_of_one_function() {
    let Some((code, report)) = check("hello") else { return };
    the_rest_is_sound(&report);
    accounts_add_up(&report);
    assert_eq!(code, 1);
    let functions: Vec<&Value> = nodes(&report).iter().filter_map(|n| n["functions"].as_array()).flatten().collect();
    let different: Vec<&&Value> = functions.iter().filter(|f| f["result"] == "different").collect();
    assert_eq!(different.len(), 1, "{different:#?}");
    let source = &different[0]["source"];
    assert_eq!((source["file"].as_str(), source["line"].as_u64()), (Some("src/hello.c"), Some(179)), "{source}");
    let what = different[0]["what"].as_str().expect("words");
    assert!(what.contains("0x7e6") && what.contains("0x7ea"), "{what}");
    let first = &report["items"][0];
    assert!(first["id"].as_str().is_some_and(|id| id.ends_with("usr/bin/hello")), "the first item is {first}");
    let elf = nodes(&report).into_iter().find(|n| n["kind"] == "ELF").expect("an ELF");
    let differing: Vec<&str> =
        elf["facts"].as_array().expect("facts").iter().filter(|f| f["agrees"] == false).filter_map(|f| f["name"].as_str()).collect();
    assert!(differing.iter().any(|n| n.contains("build-id")), "{differing:?}");
    assert!(nodes(&report).iter().any(|n| n["path"].as_str().is_some_and(|p| p.ends_with("md5sums")) && n["result"] != "identical"));
}

#[test]
fn gzip_differs_broadly_and_the_toolchain_is_named_first() {
    let Some((code, report)) = check("gzip") else { return };
    the_rest_is_sound(&report);
    accounts_add_up(&report);
    assert_eq!(code, 1);
    let elf = nodes(&report).into_iter().find(|n| n["kind"] == "ELF" && n["result"] == "different").expect("a differing ELF");
    let toolchain = elf["facts"].as_array().expect("facts").iter().any(|f| f["toolchain"] == true && f["agrees"] == false);
    assert!(toolchain, "{:#}", elf["facts"]);
    assert!(
        elf["why"].as_str().is_some_and(|w| w.contains("toolchain") || w.contains("GLIBC") || w.contains("compiler")),
        "{}",
        elf["why"]
    );
    assert!(elf["functions"].as_array().is_some_and(|f| f.len() > 10));
}

#[test]
fn each_is_signed_and_verified_against_its_bundle() {
    let Some(releases) = common::releases() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (key, signers) = common::key(folder.path(), "alice", 7);
    for (name, decision) in [("sed", "incomplete"), ("hello", "rejected"), ("gzip", "rejected")] {
        let record = folder.path().join(format!("{name}.dsse.json"));
        let run = |args: &[&str], paths: &[&Path]| {
            let out = Command::new(common::program()).args(args).args(paths).output().expect("it runs");
            (out.status.code().expect("no signal"), String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned())
        };
        let (bundle, state) = (releases.join(name), folder.path().join("state"));
        let text = |p: &Path| p.to_string_lossy().into_owned();
        let (code, said) =
            run(&["sign", "--decision", decision, "--key", &text(&key), "--output", &text(&record), "--state", &text(&state)], &[&bundle]);
        assert_eq!(code, 0, "{said}");
        let (code, said) = run(
            &[
                "sign",
                "--decision",
                "approved",
                "--key",
                &text(&key),
                "--output",
                &text(&folder.path().join("no")),
                "--state",
                &text(&folder.path().join("another")),
            ],
            &[&bundle],
        );
        assert_eq!(code, 1, "approval with everything open: {said}");
        let (code, said) = run(&["verify", "--signers", &text(&signers), "--bundle", &text(&bundle)], &[&record]);
        assert_eq!(code, 1, "it is no approval: {said}");
        let (code, said) = run(&["verify", "--signers", &text(&signers), "--bundle", &text(&bundle), "--decision", decision], &[&record]);
        assert_eq!(code, 0, "{said}");
        let other = releases.join(if name == "sed" { "hello" } else { "sed" });
        let (code, said) = run(&["verify", "--signers", &text(&signers), "--bundle", &text(&other), "--decision", decision], &[&record]);
        assert_eq!(code, 1, "the bundle is another: {said}");
    }
}
