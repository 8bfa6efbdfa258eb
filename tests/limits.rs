//! Bounds: the document lists every one as the code has it, and each that a policy sets is honoured, with what is over it told.
// A test runs the program.
#![allow(clippy::unwrap_used, clippy::disallowed_types, reason = "a test may panic")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use countersign::checks::Policy;
use countersign::model::{LIMITS, limits_markdown};
use serde_json::Value;

/// The parts of the second table: where the constants are, and what happens beyond them.
const PARTS: [(&str, &[&str], &str); 6] = [
    (
        "Bundle and source",
        &["src/bundle/"],
        "the bundle or the source is refused, or a defect (`bag.bound`, `source.bound`, `bag.name`) says what is not examined",
    ),
    ("What hides in the source", &["src/checks/hygiene/"], "what is not looked at counts as different, or is told as such"),
    (
        "Comparison",
        &["src/diff/", "src/inspect/"],
        "nothing is proved by what was not looked at: the bytes stay unexplained, or the pair is \"not examined\". What is listed is cut, and counted",
    ),
    ("Attestations and keys", &["src/provenance/"], "the file is refused with the reason, or its questions are answered \"cannot tell\""),
    ("Work", &["src/session/", "src/checks/"], "the file is refused, or what was left out is told"),
    (
        "Records, commands and text",
        &["src/signoff/", "src/review/", "src/report", "src/cli/", "src/plain", "src/json.rs", "src/text/", "src/model/"],
        "the file is refused, or the text is cut with a mark",
    ),
];
/// Bounds that are not called `MAX_…`.
const OTHERS: [&str; 12] =
    ["BUDGET", "FLOOR", "ZSTD_WINDOW", "XZ_MEMORY", "MEMORY", "MEMORY_ALONE", "HOPS", "STEPS", "WORDS", "LONGEST", "VOTERS", "ALONE"];

struct Constant {
    file: String,
    name: String,
    value: String,
    what: String,
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "tests" && name != "tui" {
            sources(&path, found);
        } else if name.ends_with(".rs") && name != "tests.rs" {
            found.push(path);
        }
    }
}

/// A plain number in words: sizes are powers of two, counts are decimal.
fn words(expression: &str, what: &str) -> String {
    let number = |text: &str| {
        let text = text.trim().replace('_', "");
        text.strip_prefix("0x").map_or_else(|| text.parse().ok(), |hex| u64::from_str_radix(hex, 16).ok())
    };
    let value = match (expression.split_once("<<"), expression.split_once('*')) {
        (Some((a, b)), _) => number(a).zip(number(b)).map(|(a, b)| a << b),
        (_, Some((a, b))) => number(a).zip(number(b)).map(|(a, b)| a * b),
        _ => number(expression),
    };
    let Some(value) = value else { return expression.replace("Duration::from_secs(", "").replace(')', " s") };
    let bytes = what.contains("ytes") || what.contains("emory") || what.contains("largest") || what.contains("argest ");
    let unit =
        [("GiB", 30), ("MiB", 20), ("KiB", 10)].into_iter().find(|(_, shift)| bytes && value > 0 && value.trailing_zeros() >= *shift);
    match unit {
        Some((unit, shift)) if !what.contains("KiB") => format!("{} {unit}", value >> shift),
        _ => value.to_string(),
    }
}

/// Every constant of the sources that is a bound, in the order of files.
fn constants() -> Vec<Constant> {
    let (mut files, mut found) = (Vec::new(), Vec::new());
    sources(Path::new("src"), &mut files);
    for path in files {
        let file = path.to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let mut what = String::new();
        for line in text.split("#[cfg(test)]\nmod tests").next().unwrap().lines() {
            let line = line.trim();
            if let Some(doc) = line.strip_prefix("///") {
                what.push_str(doc);
                continue;
            }
            let declared =
                line.strip_prefix("pub(").and_then(|l| l.split_once(") ")).map_or(line.strip_prefix("pub ").unwrap_or(line), |l| l.1);
            if let Some((name, rest)) = declared.strip_prefix("const ").and_then(|l| l.split_once(": "))
                && let Some((kind, value)) = rest.strip_suffix(';').and_then(|r| r.split_once(" = "))
                && ["u8", "u32", "u64", "usize", "Duration"].contains(&kind)
                && (name.starts_with("MAX_") || OTHERS.contains(&name) || file == "src/bundle/limits.rs")
            {
                let what = what.trim().trim_end_matches('.').replace(['[', ']'], "");
                found.push(Constant { file: file.clone(), name: name.to_owned(), value: words(value, &what), what });
            }
            what.clear();
        }
    }
    found
}

fn document() -> String {
    let constants = constants();
    let mut out = format!("{}\n{}\n{}\n", include_str!("limits/head.md"), limits_markdown(), include_str!("limits/fixed.md"));
    let mut listed = 0;
    for (title, folders, beyond) in PARTS {
        let of_part = |c: &&Constant| PARTS.iter().find(|(_, f, _)| f.iter().any(|f| c.file.starts_with(f))).is_some_and(|p| p.0 == title);
        let _ = write!(out, "### {title}\n\nBeyond one of these {beyond}.\n\n| what | bound | where |\n|---|---|---|\n");
        for c in constants.iter().filter(of_part) {
            assert!(!c.what.is_empty(), "{}: {} has no sentence that says what it bounds", c.file, c.name);
            let _ = writeln!(out, "| {} | {} | `{}` in `{}` |", c.what, c.value, c.name, c.file);
            listed += 1;
        }
        out.push('\n');
        assert!(!folders.is_empty());
    }
    assert_eq!(listed, constants.len(), "a bound is in no part");
    out.trim_end().to_owned() + "\n"
}

#[test]
fn the_document_lists_every_bound_as_the_code_has_it() {
    let made = document();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write("docs/limits.md", &made).unwrap();
    }
    let found = std::fs::read_to_string("docs/limits.md").unwrap();
    let differs = made.lines().zip(found.lines()).find(|(a, b)| a != b);
    assert!(differs.is_none() && made == found, "docs/limits.md is not of this code (UPDATE_DOCS=1 makes it anew): {differs:?}");
    assert!(made.contains("| `MAX_SYMBOLS` in `src/inspect/symbols.rs` |"), "the sources were not read");
}

fn tar(members: &[(&str, &[u8], u64)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, content, time) in members {
        let mut head = [0u8; 512];
        let mut put = |at: usize, text: &str| head[at..at + text.len()].copy_from_slice(text.as_bytes());
        put(0, name);
        put(100, "0000644\x000000000\x000000000\x00");
        put(124, &format!("{:011o}", content.len()));
        put(136, &format!("{time:011o}"));
        put(148, "        ");
        put(156, "0");
        put(257, "ustar\x0000");
        let sum: u32 = head.iter().map(|b| u32::from(*b)).sum();
        head[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        out.extend_from_slice(&head);
        out.extend_from_slice(content);
        out.resize(out.len().next_multiple_of(512), 0);
    }
    out.resize(out.len() + 1024, 0);
    out
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

/// A release whose source is a packed archive, with a second one beside it, and an artifact in three layers.
fn release(root: &Path) -> PathBuf {
    let bundle = root.join("bundle");
    let write = |path: &str, bytes: &[u8]| {
        let path = bundle.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    let lines = "int a;\n".repeat(1000);
    let source = tar(&[("p/a.c", lines.as_bytes(), 0), ("p/b.c", b"int b;\n", 0), ("p/c.c", b"int c;\n", 0)]);
    write("source/a.tar.gz", &gzip(&source));
    write("source/b.tar", &source);
    for (side, time) in [("shipped", 1), ("rebuilt", 2)] {
        let inner = tar(&[("one", b"1", time), ("two", b"2", time), ("three", b"3", time)]);
        write(&format!("{side}/app.tar"), &tar(&[("inner.tar.gz", &gzip(&inner), time)]));
    }
    bundle
}

fn check(bundle: &Path, policy: &str) -> Value {
    let file = bundle.with_file_name("policy.toml");
    std::fs::write(&file, policy).unwrap();
    let state = bundle.with_file_name("state");
    let out = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(["check", "--format", "json", "--policy"])
        .args([&file, &PathBuf::from("--state"), &state, &bundle.to_path_buf()])
        .output()
        .unwrap();
    serde_json::from_slice(&out.stdout).unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&out.stderr)))
}

/// Codes of defects, and the results of all nodes.
fn seen(report: &Value) -> (Vec<String>, Vec<String>) {
    let texts = |list: &Value, field: &str| -> Vec<String> {
        list.as_array().unwrap().iter().map(|d| d[field].as_str().unwrap_or_default().to_owned()).collect()
    };
    let results = report["artifacts"].as_array().unwrap().iter().flat_map(|a| texts(&a["nodes"], "result")).collect();
    (texts(&report["defects"], "code"), results)
}

#[test]
fn each_bound_of_the_policy_is_honoured_and_what_is_over_it_is_not_clean() {
    let root = tempfile::tempdir().unwrap();
    let bundle = release(root.path());
    let (codes, results) = seen(&check(&bundle, ""));
    assert!(!codes.iter().any(|c| c.ends_with(".bound") || c == "policy.limits"), "{codes:?}");
    assert!(!results.is_empty() && results.iter().all(|r| r == "equivalent" || r == "identical"), "{results:?}");
    // A value that this release is over, and what must then be told: the code of a defect, or a node that is not examined.
    let cases = [
        ("artifact_size", "1000", "notExamined"),
        ("opened_size", "1000", ""),
        ("compared_expanded", "1", ""),
        ("compared_members", "2", "notExamined"),
        ("compared_depth", "1", "notExamined"),
        ("source_file_size", "100", "source.bound"),
        ("archive_size", "100", "source.bound"),
        ("archive_expanded", "1000", "source.bound"),
        ("archive_members", "2", "source.bound"),
        ("further_size", "1000", "source.bound"),
        ("further_sources", "1", ""),
    ];
    let names: Vec<_> = cases.iter().map(|c| c.0).collect();
    assert_eq!(names, LIMITS.iter().map(|b| b.name).collect::<Vec<_>>(), "a bound is not tried");
    for (name, value, wanted) in cases {
        let report = check(&bundle, &format!("[limits]\n{name} = {value}\n"));
        let (codes, results) = seen(&report);
        let told = report["defects"].as_array().unwrap().iter().find(|d| d["code"] == "policy.limits").unwrap_or_else(|| panic!("{name}"));
        let what = told["what"].as_str().unwrap();
        assert!(what.contains(name) && what.contains("(default "), "{what}");
        assert!(wanted.is_empty() || codes.iter().chain(&results).any(|w| w == wanted), "{name}: {codes:?} {results:?}");
    }
}

/// What is always allowed hides three of the bounds from a small release: they are tried by themselves.
#[test]
fn bounds_that_a_small_release_does_not_reach_are_honoured() {
    use countersign::diff::{Limits, inside};
    let room = countersign::model::Limits { compared_expanded: 1, ..Default::default() };
    // 2 MiB of zeros pack to much less than a twentieth.
    let bomb: std::sync::Arc<[u8]> = gzip(&vec![0; 2 << 20]).into();
    let closed = |room: &countersign::model::Limits| inside(bomb.clone(), &[], &Limits::of(room), &|| false).closed;
    assert!(closed(&room)[0].contains("expands to more than the bound"), "{:?}", closed(&room));
    assert_eq!(closed(&Default::default()), Vec::<String>::new());

    let root = tempfile::tempdir().unwrap();
    let bundle = release(root.path());
    // Two archives more: with the one beside the tree there are three.
    for name in ["c.tar", "d.tar"] {
        std::fs::copy(bundle.join("source/b.tar"), bundle.join("source").join(name)).unwrap();
    }
    let (codes, _) = seen(&check(&bundle, "[limits]\nfurther_sources = 1\n"));
    assert!(codes.iter().any(|c| c == "source.further"), "{codes:?}");

    // The search of what was installed says what it did not open.
    let expected = root.path().join("expected");
    std::fs::write(&expected, format!("{}  app\n", "0".repeat(64))).unwrap();
    let policy = root.path().join("policy.toml");
    std::fs::write(&policy, "[limits]\nopened_size = 1000\n").unwrap();
    let out = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(["check", "--format", "json", "--policy"])
        .args([&policy, &PathBuf::from("--expect"), &expected, &bundle])
        .output()
        .unwrap();
    let (codes, _) = seen(&serde_json::from_slice(&out.stdout).unwrap());
    assert!(codes.iter().any(|c| c == "expect.closed"), "{codes:?}");
}

#[test]
fn a_raised_bound_lets_more_be_examined() {
    let root = tempfile::tempdir().unwrap();
    let bundle = root.path().join("bundle");
    std::fs::create_dir_all(bundle.join("source")).unwrap();
    std::fs::create_dir_all(bundle.join("shipped")).unwrap();
    std::fs::write(bundle.join("shipped/app"), "x").unwrap();
    std::fs::write(bundle.join("source/big.txt"), "0123456789abcde\n".repeat((65 << 20) / 16)).unwrap();
    let (codes, _) = seen(&check(&bundle, ""));
    assert!(codes.iter().any(|c| c == "source.bound"), "{codes:?}");
    let (codes, _) = seen(&check(&bundle, "[limits]\nsource_file_size = \"80 MiB\"\n"));
    assert!(!codes.iter().any(|c| c == "source.bound"), "{codes:?}");
}

#[test]
fn the_comparison_of_two_paths_takes_the_bounds_of_a_policy() {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    std::fs::write(path("a"), "x".repeat(200)).unwrap();
    std::fs::write(path("b"), "x".repeat(200)).unwrap();
    std::fs::write(path("policy.toml"), "[limits]\nartifact_size = 100\n").unwrap();
    let run = |args: &[&str]| {
        let out = Command::new(env!("CARGO_BIN_EXE_countersign")).arg("compare").args([path("a"), path("b")]).args(args).output().unwrap();
        (out.status.code(), String::from_utf8_lossy(&out.stderr).into_owned())
    };
    assert_eq!(run(&[]).0, Some(0));
    let (code, error) = run(&["--policy", &path("policy.toml").to_string_lossy()]);
    assert!(code == Some(2) && error.contains("100"), "{code:?} {error}");
}

#[test]
fn sizes_may_be_said_in_words() {
    let policy = Policy::parse("[limits]\narchive_size = \"4 GiB\"\ncompared_depth = 12\n").unwrap();
    assert_eq!((policy.limits.archive_size, policy.limits.compared_depth), (4 << 30, 12));
}
