//! Facts that builds embed, side by side, in what `compare` prints.

// A test runs the program.
#![allow(clippy::disallowed_types)]

use std::process::Command;

use serde_json::Value;

mod common;

fn compare(shipped: &str, rebuilt: &str) -> Value {
    let made = |name: &str| format!("testdata/pairs/made/{name}");
    let mut command = Command::new(common::program());
    let out = command.args(["compare", &made(shipped), &made(rebuilt), "--format", "json"]).output().expect("it runs");
    serde_json::from_slice(&out.stdout).expect("JSON")
}

fn fact<'a>(report: &'a Value, kind: &str) -> &'a Value {
    let all = report["nodes"][0]["facts"].as_array().expect("a list");
    all.iter().find(|f| f["kind"] == kind).unwrap_or(&Value::Null)
}

#[test]
fn what_languages_and_distributions_embed_is_read() {
    let report = compare("stated-otherwise", "stated");
    let values = |kind: &str| (fact(&report, kind)["shipped"].as_str(), fact(&report, kind)["rebuilt"].as_str());
    assert_eq!(values("go"), (Some("go1.21.3"), Some("go1.21.3")));
    assert_eq!(values("go-main-module").0, Some("example.org/gate example.org/gate@v1.2.0"));
    assert_eq!(values("go-build-settings"), (Some("-trimpath=false"), Some("-trimpath=true")));
    assert_eq!(fact(&report, "go-build-settings")["group"], "toolchain");
    assert_eq!(values("go-vcs-stamp"), (Some("vcs.revision=bb22"), Some("vcs.revision=aa11")));
    assert_eq!(values("go-dependencies").0, Some("1"));
    assert_eq!(values("cargo-auditable").0, Some("2 crates, root gate@1.2.0"));
    assert_eq!(values("crates-only-shipped").0, Some("hinge@0.9.2"));
    assert_eq!(values("crates-only-rebuilt").1, Some("hinge@0.9.1"));
    assert_eq!(values("package-note").0, Some(r#"{"type":"deb","name":"gate","version":"1.2"}"#));
    let why = report["nodes"][0]["why"].as_str().expect("a reason");
    assert!(why.contains("Go build settings -trimpath=false against -trimpath=true: look at the toolchain first"), "{why}");
}

#[test]
fn protections_are_told_and_only_lost_ones_are_marked() {
    let report = compare("clean", "backdoor");
    for (kind, value) in [("pie", "yes"), ("relro", "full"), ("stack", "rw-"), ("code-is-read-only", "yes"), ("ibt", "no")] {
        assert_eq!(fact(&report, kind)["shipped"], value, "{kind}");
        assert_eq!(fact(&report, kind)["lost"], false);
        assert_eq!(fact(&report, kind)["group"], "hardening");
    }
}
