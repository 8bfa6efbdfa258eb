//! `check --format sarif` is a SARIF 2.1.0 log: the properties that the standard requires are there and of their types, every
//! rule is that of the tables, and nothing of the source is in it.

// A test runs the program.
#![allow(clippy::disallowed_types)]

use std::collections::BTreeSet;
use std::process::Command;

use countersign::checks::{DEFECTS, TABLE};
use serde_json::Value;

mod common;

fn sarif(bundle: &str) -> (i32, Value) {
    let state = tempfile::tempdir().expect("a folder");
    let out = Command::new(common::program())
        .args(["check", bundle, "--format", "sarif", "--state"])
        .arg(state.path())
        .output()
        .expect("it runs");
    let text = String::from_utf8(out.stdout).expect("UTF-8");
    assert!(text.is_ascii(), "everything else is escaped");
    (out.status.code().expect("no signal"), serde_json::from_str(&text).expect("JSON"))
}

/// The names of an object are all among those that the standard gives for it.
fn only(value: &Value, names: &[&str]) {
    for name in value.as_object().expect("an object").keys() {
        assert!(names.contains(&name.as_str()), "{name} is not a property that is expected here: {value}");
    }
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{name} should be a string in {value}"))
}

/// Sections 3.13, 3.14, 3.19, 3.27, 3.28, 3.29, 3.30 and 3.49 of the standard.
fn check(log: &Value) {
    only(log, &["$schema", "version", "runs"]);
    assert_eq!(text(log, "version"), "2.1.0");
    for run in log["runs"].as_array().expect("runs") {
        only(run, &["tool", "originalUriBaseIds", "columnKind", "results", "properties"]);
        assert!(["utf16CodeUnits", "unicodeCodePoints"].contains(&text(run, "columnKind")));
        let driver = &run["tool"]["driver"];
        only(driver, &["name", "version", "semanticVersion", "rules"]);
        assert!(!text(driver, "name").is_empty());
        let rules = driver["rules"].as_array().expect("rules");
        let mut ids = BTreeSet::new();
        for rule in rules {
            only(rule, &["id", "shortDescription", "defaultConfiguration", "properties"]);
            assert!(ids.insert(text(rule, "id")), "a rule twice: {rule}");
            assert!(!text(&rule["shortDescription"], "text").is_empty());
            assert!(["none", "note", "warning", "error"].contains(&text(&rule["defaultConfiguration"], "level")));
        }
        let known: BTreeSet<&str> = TABLE.iter().map(|c| c.code).chain(DEFECTS.iter().map(|d| d.code)).collect();
        assert_eq!(ids, known, "the rules are the two tables");
        let bases = run["originalUriBaseIds"].as_object().expect("bases");
        for result in run["results"].as_array().expect("results") {
            only(
                result,
                &["ruleId", "ruleIndex", "kind", "level", "message", "locations", "relatedLocations", "partialFingerprints", "properties"],
            );
            let index = usize::try_from(result["ruleIndex"].as_u64().expect("an index")).expect("small");
            assert_eq!(rules[index]["id"], result["ruleId"]);
            assert!(["note", "warning", "error"].contains(&text(result, "level")));
            assert_eq!(text(result, "kind"), "fail");
            assert!(!text(&result["message"], "text").is_empty());
            for print in result["partialFingerprints"].as_object().expect("fingerprints").values() {
                assert_eq!(print.as_str().map(str::len), Some(64));
            }
            let lists = ["locations", "relatedLocations"].into_iter().flat_map(|name| result[name].as_array().into_iter().flatten());
            for location in lists {
                only(location, &["physicalLocation"]);
                let physical = &location["physicalLocation"];
                only(physical, &["artifactLocation", "region"]);
                let artifact = &physical["artifactLocation"];
                only(artifact, &["uri", "uriBaseId"]);
                assert!(!text(artifact, "uri").starts_with('/') && !text(artifact, "uri").contains(':'));
                assert!(bases.contains_key(text(artifact, "uriBaseId")));
                if let Some(region) = physical["region"].as_object() {
                    assert!(region["startLine"].as_u64().is_some_and(|line| line > 0));
                    assert!(region.get("startColumn").is_none_or(|column| column.as_u64().is_some_and(|c| c > 0)));
                }
            }
        }
    }
}

#[test]
fn the_planted_change_is_a_result_with_its_places() {
    let (code, log) = sarif("testdata/demo/release.tar");
    assert_eq!(code, 1);
    check(&log);
    let results = log["runs"][0]["results"].as_array().expect("results");
    let differs: Vec<_> = results.iter().filter(|r| r["ruleId"] == "artifacts.equal").collect();
    assert!(!differs.is_empty());
    let planted = differs.iter().find(|r| r["level"] == "error").expect("the planted change is an error");
    let at = &planted["locations"][0]["physicalLocation"]["artifactLocation"];
    assert!(text(at, "uri").starts_with("data/shipped/") && text(at, "uriBaseId") == "BUNDLE", "{at}");
    // Where the code that differs claims to come from.
    let line = &planted["relatedLocations"][0]["physicalLocation"];
    assert!(text(&line["artifactLocation"], "uri").ends_with(".c") && line["region"]["startLine"].is_u64(), "{planted}");
}

#[test]
fn what_is_wrong_with_a_bundle_is_a_result_with_its_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let bag = folder.path().join("bag");
    std::fs::create_dir_all(bag.join("data")).expect("made");
    let release = b"{\"schema\": \"release-bundle/v1\",\n \"product\": 3, \"version\": \"1\", \"artifacts\": []}";
    std::fs::write(bag.join("data/release.json"), release).expect("written");
    std::fs::write(bag.join("bagit.txt"), "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n").expect("written");
    let digest = countersign::digest::Sha256::of(release);
    std::fs::write(bag.join("manifest-sha256.txt"), format!("{digest}  data/release.json\n")).expect("written");
    let (code, log) = sarif(&bag.to_string_lossy());
    assert_eq!(code, 1);
    check(&log);
    let results = log["runs"][0]["results"].as_array().expect("results");
    let wrong = results.iter().find(|r| r["ruleId"] == "release.type").expect("the wrong type");
    assert_eq!(wrong["level"], "error");
    let physical = &wrong["locations"][0]["physicalLocation"];
    assert_eq!(physical["region"]["startLine"], 2);
    assert_eq!(physical["artifactLocation"]["uri"], "data/release.json");
}

/// What a person must look at in the sources is a result, with the file under the base of the source and the line,
/// so that a viewer opens it there.
#[test]
fn flags_of_the_source_are_results_at_their_file_and_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let (tree, release) = (folder.path().join("tree"), folder.path().join("release"));
    for path in [tree.join("src"), release.join("source"), release.join("shipped")] {
        std::fs::create_dir_all(path).expect("made");
    }
    let write = |name: &str, bytes: &[u8]| std::fs::write(tree.join(name), bytes).expect("written");
    write("src/a b#%.c", "int a;\nint b; /* \u{202e} */\nint c; /* \u{200b} */\n".as_bytes());
    write("src/names.c", "int scope;\nint sc\u{43e}pe;\n".as_bytes());
    write("src/blob.bin", &[0x7f, b'E', b'L', b'F', 0, 0, 1, 2, 3, 0xff, 0xfe]);
    write("src/plain.c", b"int plain;\n");
    std::fs::write(release.join("shipped/tool"), b"tool").expect("written");
    let git = |args: &[&str]| {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=a", "-c", "user.email=a@b"]).args(args).current_dir(&tree);
        let output = command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null").output().expect("git runs");
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    git(&["init", "-q", "-b", "main"]);
    git(&["add", "-A"]);
    git(&["commit", "-q", "-m", "all"]);
    git(&["bundle", "create", "-q", "../release/source/tool.bundle", "main"]);
    let (code, log) = sarif(&release.to_string_lossy());
    assert_eq!(code, 1);
    check(&log);
    let results = log["runs"][0]["results"].as_array().expect("results");
    let places = |rule: &str| -> BTreeSet<(String, Option<u64>)> {
        let of = results.iter().filter(|r| r["ruleId"] == rule);
        let at = of.map(|r| {
            let [location] = r["locations"].as_array().expect("locations").as_slice() else { panic!("one location: {r}") };
            let physical = &location["physicalLocation"];
            assert_eq!(physical["artifactLocation"]["uriBaseId"], "SOURCE", "{r}");
            // A message is text of its own: it does not need the location to be understood.
            assert!(text(&r["message"], "text").len() > 10, "{r}");
            (text(&physical["artifactLocation"], "uri").to_owned(), physical["region"]["startLine"].as_u64())
        });
        at.collect()
    };
    let set = |all: &[(&str, Option<u64>)]| all.iter().map(|(uri, line)| ((*uri).to_owned(), *line)).collect::<BTreeSet<_>>();
    // A name is written as RFC 3986 asks for: what has a meaning in an address is escaped.
    assert_eq!(places("source.hidden"), set(&[("src/a%20b%23%25.c", Some(2))]));
    let hidden = results.iter().find(|r| r["ruleId"] == "source.hidden").expect("a result");
    assert!(text(&hidden["message"], "text").contains("2 characters"), "one result a file, which counts them: {hidden}");
    assert_eq!(places("source.confusable"), set(&[("src/names.c", Some(2))]));
    assert_eq!(places("source.binary"), set(&[("src/blob.bin", None)]), "a file that is no text has no lines");
    assert!(!log.to_string().contains("int plain"), "nothing of the source is in it");
}
