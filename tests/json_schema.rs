//! What `compare` and `check` print as JSON is what `docs/schema/comparison-v1.json` says, and a report what `docs/schema/report-v1.json`
//! says: nothing that it lacks, nothing of another type. The validator knows the words of JSON Schema 2020-12 that the schema uses, refuses all others, and is
//! stricter in one way: a field of an object must be named.

// A test runs the program.
#![allow(clippy::disallowed_types)]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

mod common;

struct Schema(Value);

impl Schema {
    fn load() -> Self {
        Self(serde_json::from_str(include_str!("../docs/schema/comparison-v1.json")).expect("the schema is JSON"))
    }

    fn report() -> Self {
        Self(serde_json::from_str(include_str!("../docs/schema/report-v1.json")).expect("the schema is JSON"))
    }

    fn check(&self, value: &Value) -> Vec<String> {
        let mut faults = Vec::new();
        self.go(&self.0, value, "", &mut faults);
        faults
    }

    /// The fields that a schema names, of all that it is put together from.
    fn named<'a>(&'a self, schema: &'a Value, names: &mut Vec<&'a str>) {
        if let Some(target) = schema["$ref"].as_str() {
            self.named(self.0.pointer(target.trim_start_matches('#')).expect("a definition"), names);
        }
        for part in schema["allOf"].as_array().into_iter().flatten() {
            self.named(part, names);
        }
        names.extend(schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()));
    }

    fn go(&self, schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
        for (word, says) in schema.as_object().expect("a schema is an object") {
            let holds = match word.as_str() {
                "$schema" | "$id" | "$defs" | "title" | "description" => true,
                "$ref" => {
                    let target = says.as_str().and_then(|s| self.0.pointer(s.trim_start_matches('#'))).expect("a definition");
                    self.go(target, value, at, faults);
                    true
                }
                "allOf" => {
                    says.as_array().expect("a list").iter().for_each(|part| self.go(part, value, at, faults));
                    true
                }
                "type" => {
                    let is = |word: &Value| match word.as_str().expect("a word") {
                        "object" => value.is_object(),
                        "array" => value.is_array(),
                        "string" => value.is_string(),
                        "boolean" => value.is_boolean(),
                        "null" => value.is_null(),
                        "integer" => value.is_u64() || value.is_i64(),
                        other => panic!("the type {other}"),
                    };
                    says.as_array().map_or_else(|| is(says), |all| all.iter().any(is))
                }
                "const" => value == says,
                "enum" => says.as_array().expect("a list").contains(value),
                "minimum" => value.as_u64() >= says.as_u64(),
                "minItems" => value.as_array().is_none_or(|l| l.len() as u64 >= says.as_u64().expect("a number")),
                "maxItems" => value.as_array().is_none_or(|l| l.len() as u64 <= says.as_u64().expect("a number")),
                "pattern" => {
                    assert_eq!(says, "^[0-9a-f]{64}$", "the one pattern that this validator knows");
                    value.as_str().is_some_and(|s| s.len() == 64 && s.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)))
                }
                "required" => {
                    let lacks = |name: &Value| value.is_object() && value.get(name.as_str().expect("a name")).is_none();
                    !says.as_array().expect("a list").iter().any(lacks)
                }
                "items" => {
                    for (i, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.go(says, item, &format!("{at}/{i}"), faults);
                    }
                    true
                }
                "properties" => {
                    for (name, schema) in says.as_object().expect("an object") {
                        if let Some(inner) = value.get(name) {
                            self.go(schema, inner, &format!("{at}/{name}"), faults);
                        }
                    }
                    true
                }
                "propertyNames" => {
                    let names = value.as_object().into_iter().flatten().map(|(name, _)| name);
                    names.for_each(|name| self.go(says, &json!(name), &format!("{at}/{name}"), faults));
                    true
                }
                "additionalProperties" => {
                    value.as_object().into_iter().flatten().for_each(|(name, v)| self.go(says, v, &format!("{at}/{name}"), faults));
                    true
                }
                other => panic!("the schema uses {other}, which this validator does not know"),
            };
            if !holds {
                faults.push(format!("{at}: {word} {says} does not hold for {value}"));
            }
        }
        let mut names = Vec::new();
        self.named(schema, &mut names);
        if !names.is_empty() && schema.get("additionalProperties").is_none() && schema.get("required").is_some() {
            for (name, _) in value.as_object().into_iter().flatten() {
                // A part of `allOf` names some fields only; the whole is checked where it is put together.
                if !names.contains(&name.as_str()) {
                    faults.push(format!("{at}: the schema does not name {name}"));
                }
            }
        }
    }
}

fn compare(a: &Path, b: &Path) -> Value {
    compare_with(a, b, &[])
}

fn compare_with(a: &Path, b: &Path, more: &[&Path]) -> Value {
    let out = Command::new(common::program()).arg("compare").args([a, b]).args(["--format", "json"]).args(more).output().expect("it runs");
    assert!(out.stderr.is_empty(), "{}", String::from_utf8_lossy(&out.stderr));
    assert!(out.stdout.is_ascii());
    serde_json::from_slice(&out.stdout).expect("JSON")
}

fn tar(folder: &Path, name: &str, mtime: u64, text: &str) -> std::path::PathBuf {
    let path = folder.join(name);
    let mut block = [0u8; 512];
    block[..5].copy_from_slice(b"a.txt");
    block[100..108].copy_from_slice(b"0000644\0");
    block[108..116].copy_from_slice(b"0000000\0");
    block[116..124].copy_from_slice(b"0000000\0");
    block[124..136].copy_from_slice(format!("{:011o}\0", text.len()).as_bytes());
    block[136..148].copy_from_slice(format!("{mtime:011o}\0").as_bytes());
    block[148..156].copy_from_slice(b"        ");
    block[156] = b'0';
    block[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = block.iter().map(|b| u32::from(*b)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut bytes = block.to_vec();
    bytes.extend(text.as_bytes());
    bytes.resize(bytes.len().next_multiple_of(512) + 1024, 0);
    fs::write(&path, bytes).expect("written");
    path
}

#[test]
fn every_document_is_what_the_schema_says() {
    let schema = Schema::load();
    let folder = tempfile::tempdir().expect("a folder");
    let made = Path::new("testdata/pairs/made");
    let mut documents = vec![
        compare(&tar(folder.path(), "x.tar", 1_700_000_000, "a\n"), &tar(folder.path(), "y.tar", 1_700_000_001, "a\n")),
        compare(&tar(folder.path(), "x.tar", 1_700_000_000, "a\n"), &tar(folder.path(), "y.tar", 1_700_000_001, "b\n")),
        compare(&made.join("clean"), &made.join("clean")),
    ];
    for other in ["backdoor", "dated", "other-comment", "other-id", "stripped", "packed", "lower", "reordered", "no-debug"] {
        documents.push(compare(&made.join(other), &made.join("clean")));
    }
    // With a source: a tree that has one of the files.
    let repo = folder.path().join("repo");
    fs::create_dir(&repo).expect("made");
    fs::copy("testdata/pairs/src/pin.c", repo.join("pin.c")).expect("copied");
    for args in [&["init", "-q"][..], &["add", "-A"], &["commit", "-q", "-m", "all"]] {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=t", "-c", "user.email=t@example.org"]).args(args).current_dir(&repo);
        assert!(git.env_remove("GIT_DIR").status().expect("git runs").success());
    }
    let sourced = compare_with(&made.join("backdoor"), &made.join("stripped"), &[Path::new("--source"), &repo]);
    assert!(sourced["nodes"][0]["sourceShare"]["rebuilt"]["borrowed"] == true, "{sourced}");
    documents.push(sourced);
    let (a, b) = (folder.path().join("a"), folder.path().join("b"));
    for side in [&a, &b] {
        fs::create_dir_all(side.join("sub")).expect("made");
        for i in 0..5 {
            let word = if *side == a { "shipped" } else { "rebuilt" };
            fs::write(side.join(format!("f{i}")), format!("{}{word}\n{}", "x\n".repeat(i + 4), "y\n".repeat(9))).expect("written");
        }
    }
    fs::write(a.join("only"), [0u8, 1, 2]).expect("written");
    fs::write(b.join("sub/only too \u{e9}"), b"z").expect("written");
    documents.push(compare(&a, &b));
    for document in &documents {
        assert_eq!(schema.check(document), Vec::<String>::new(), "{document:#}");
    }
    let tree = documents.last().expect("one");
    let clusters = tree["clusters"].as_array().expect("clusters");
    assert_eq!(clusters.len(), 1, "{clusters:?}");
    assert_eq!(clusters[0]["places"], json!(["a!f0", "a!f1", "a!f2", "a!f3", "a!f4"]));
    let some = |test: &dyn Fn(&Value) -> bool| documents.iter().any(test);
    assert!(some(&|d| !d["functions"].as_array().expect("functions").is_empty()));
    assert!(some(&|d| d["nodes"].as_array().expect("nodes").iter().any(|n| !n["causes"].as_array().expect("causes").is_empty())));
    assert!(some(&|d| d["nodes"].as_array().expect("nodes").iter().any(|n| n.get("tried").is_some())));
}

#[test]
fn the_check_itself_finds_what_does_not_fit() {
    let schema = Schema::load();
    let folder = tempfile::tempdir().expect("a folder");
    let file = tar(folder.path(), "x.tar", 1, "a\n");
    let good = compare(&file, &file);
    assert_eq!(schema.check(&good), Vec::<String>::new());
    for (place, bad) in [
        ("/result", json!("fine")),
        ("/schema", json!("v2")),
        ("/account/shipped/identical", json!(-1)),
        ("/account/shipped/explained", json!({ "luck": 1 })),
        ("/nodes/0/account/rebuilt/unexplained", json!("1")),
        ("/nodes", json!([])),
        ("/nodes/0/sha256", json!({ "shipped": null })),
        ("/nodes/0/why", json!(1)),
    ] {
        let mut other = good.clone();
        match other.pointer_mut(place) {
            Some(value) => *value = bad,
            None => other["nodes"][0]["why"] = bad,
        }
        assert!(!schema.check(&other).is_empty(), "{place}");
    }
    let mut other = good;
    other["nodes"][0]["surprise"] = json!(1);
    assert!(!schema.check(&other).is_empty());
}

#[test]
fn the_nodes_of_a_bundle_have_the_same_form() {
    let Some(releases) = common::releases() else { return };
    let state = tempfile::tempdir().expect("a folder");
    let out = Command::new(common::program())
        .args(["check", "--format", "json", "--state"])
        .arg(state.path())
        .arg(releases.join("hello"))
        .output()
        .expect("it runs");
    let report: Value = serde_json::from_slice(&out.stdout).expect("JSON");
    let schema = Schema::load();
    for artifact in report["artifacts"].as_array().expect("artifacts") {
        let document = json!({
            "schema": "countersign-comparison/v1", "result": artifact["result"], "account": artifact["account"],
            "clusters": report["clusters"], "functions": [], "nodes": artifact["nodes"],
        });
        assert_eq!(schema.check(&document), Vec::<String>::new());
    }
}

#[test]
fn a_report_is_what_its_schema_says_with_and_without_source() {
    let schema = Schema::report();
    let state = tempfile::tempdir().expect("a folder");
    let show = |args: &[&str]| {
        let mut show = Command::new(common::program());
        show.args(["show", "testdata/demo/release.tar"]).args(args).args(["--format", "json", "--state"]).arg(state.path());
        let out = show.output().expect("it runs");
        assert!(out.stdout.is_ascii() && out.stderr.is_empty(), "{}", String::from_utf8_lossy(&out.stderr));
        serde_json::from_slice::<Value>(&out.stdout).expect("JSON")
    };
    for (args, source) in [(&["artifacts"][..], false), (&["compare", "1"], false), (&["compare", "1", "--with-source"], true)] {
        let document = show(args);
        assert_eq!(schema.check(&document), Vec::<String>::new(), "{document:#}");
        assert_eq!(document["containsSource"], source);
        assert_eq!(document["nodes"][0].get("rows").is_some(), source, "{document:#}");
        let mut other = document;
        other["nodes"][0]["surprise"] = json!(1);
        assert!(!schema.check(&other).is_empty());
    }
}
