//! What executables were built from: the share of their code by the status of the source files, and what each source file
//! became. The programs are those of `testdata/pairs`, the tree is made of their sources.

// A test runs the program, and the schema is checked elsewhere.
#![allow(clippy::disallowed_types)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

mod common;

const MADE: &str = "testdata/pairs/made";

struct Tree(tempfile::TempDir);

impl Tree {
    /// The sources of the pairs in a repository, below `at`, after a change.
    fn new(at: &str, change: impl FnOnce(&Path)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let inside = folder.path().join("repo").join(at);
        fs::create_dir_all(&inside).expect("made");
        for entry in fs::read_dir("testdata/pairs/src").expect("the sources").flatten() {
            fs::copy(entry.path(), inside.join(entry.file_name())).expect("copied");
        }
        change(&inside);
        let tree = Self(folder);
        for args in [&["init", "-q"][..], &["add", "-A"], &["commit", "-q", "-m", "all"]] {
            let mut git = Command::new("git");
            git.args(["-c", "user.name=t", "-c", "user.email=t@example.org"]).args(args).current_dir(tree.repo());
            for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
                git.env_remove(name);
            }
            assert!(git.status().expect("git runs").success());
        }
        tree
    }

    fn repo(&self) -> PathBuf {
        self.0.path().join("repo")
    }

    fn compare(&self, shipped: &str, rebuilt: &str, format: &str) -> String {
        let made = Path::new(MADE);
        let out = Command::new(common::program())
            .args([Path::new("compare"), &made.join(shipped), &made.join(rebuilt)])
            .args([Path::new("--source"), &self.repo()])
            .args(["--all", "--format", format])
            .env("XDG_STATE_HOME", self.0.path())
            .output()
            .expect("it runs");
        assert!(out.stderr.is_empty(), "{}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).expect("UTF-8")
    }

    fn share(&self, shipped: &str, rebuilt: &str) -> Value {
        let report: Value = serde_json::from_str(&self.compare(shipped, rebuilt, "json")).expect("JSON");
        let share = report["nodes"][0]["sourceShare"].clone();
        for side in ["shipped", "rebuilt"].iter().map(|s| &share[s]).filter(|s| !s.is_null()) {
            let of = |name: &str| side["bytes"][name].as_u64().expect("a number");
            let known = of("matchedByChecksum") + of("matchedByPath") + of("checksumDiffers") + of("notInSource");
            let padding = side["padding"].as_u64().expect("a number");
            assert_eq!(
                known + padding + side["dark"].as_u64().expect("a number"),
                side["total"].as_u64().expect("a number"),
                "each byte once"
            );
        }
        share
    }
}

fn bytes<'a>(share: &'a Value, status: &str) -> (u64, Vec<&'a str>) {
    let side = &share["shipped"];
    let files = side["files"].as_array().expect("a list").iter();
    let mut files: Vec<&str> =
        files.filter(|f| f["status"] == status && f["bytes"] != 0).map(|f| f["file"].as_str().expect("a name")).collect();
    files.sort_unstable();
    (side["bytes"][status].as_u64().expect("a number"), files)
}

#[test]
fn code_is_counted_by_the_status_of_its_file() {
    let tree = Tree::new("src", |_| ());
    let share = tree.share("clean", "clean");
    let (count, files) = bytes(&share, "matchedByPath");
    assert!(count > 500, "{share}");
    assert_eq!(files, ["src/main.c", "src/note.c", "src/pin.c", "src/rule.c"]);
    assert!(share["shipped"]["dark"].as_u64().is_some_and(|d| d > 0), "the start of the program has no source");
    assert_eq!(share["shipped"]["borrowed"], false);
    // A file less in the tree: its code is no code of the tree.
    let without = Tree::new("src", |at| fs::remove_file(at.join("pin.c")).expect("removed")).share("clean", "clean");
    let (less, files) = bytes(&without, "matchedByPath");
    assert!(less < count && files == ["src/main.c", "src/note.c", "src/rule.c"], "{without}");
    let (other, names) = bytes(&without, "notInSource");
    assert_eq!(other - bytes(&share, "notInSource").0, count - less);
    assert!(names.iter().any(|n| n.ends_with("/pin.c")), "{names:?}");
}

#[test]
fn the_checksum_of_the_compiler_decides() {
    let (count, files) = {
        let share = Tree::new("", |_| ()).share("summed", "summed");
        let (count, files) = bytes(&share, "matchedByChecksum");
        (count, files.join(" "))
    };
    assert!(count > 500);
    assert_eq!(files, "main.c note.c pin.c rule.c");
    // One letter of a comment is another file than the compiler saw.
    let changed = Tree::new("", |at| {
        let text = fs::read_to_string(at.join("rule.c")).expect("read");
        fs::write(at.join("rule.c"), text.replace("on purpose", "on Purpose")).expect("written");
    });
    let share = changed.share("summed", "summed");
    let (differing, files) = bytes(&share, "checksumDiffers");
    assert!(differing > 0);
    assert_eq!((files, bytes(&share, "matchedByChecksum").0), (vec!["rule.c"], count - differing));
    let odd = share["shipped"]["odd"].to_string();
    assert!(odd.contains("rule.c: the compiler saw another file"), "{odd}");
    let text = changed.compare("summed", "summed", "text");
    assert!(text.contains("! rule.c: the compiler saw another file"), "{text}");
}

#[test]
fn a_side_without_debug_information_borrows_only_for_what_is_the_same() {
    let tree = Tree::new("", |_| ());
    let own = tree.share("clean", "clean");
    let (count, _) = bytes(&own, "matchedByPath");
    let stripped = tree.share("stripped", "clean");
    assert_eq!(stripped["shipped"]["borrowed"], true);
    assert_eq!(bytes(&stripped, "matchedByPath").0, count, "nothing of the code differs");
    // The changed function has no line of its own: what the other side says is not said of it.
    let backdoor = tree.share("no-debug", "backdoor");
    assert!(bytes(&backdoor, "matchedByPath").0 < count, "{backdoor}");
}

/// The same line number goes to a function that nobody knows. The source has a line of that number, as of nearly every other.
#[test]
fn a_number_is_no_line_number_because_the_source_has_such_a_line() {
    let tree = Tree::new("", |_| ());
    let compare = |replaced: &[u8]| {
        let patched = |name: &str| {
            let mut bytes = fs::read(Path::new(MADE).join(name)).expect("read");
            let places: Vec<usize> = (0..bytes.len() - 13).filter(|at| bytes[*at..].starts_with(b"__assert_fail")).collect();
            places.iter().for_each(|at| bytes[*at..*at + 13].copy_from_slice(replaced));
            let path = tree.0.path().join(name);
            fs::write(&path, bytes).expect("written");
            path.into_os_string().into_string().expect("a path")
        };
        let report: Value = serde_json::from_str(&tree.compare(&patched("lower"), &patched("clean"), "json")).expect("JSON");
        report["nodes"][0]["result"].as_str().map(str::to_owned)
    };
    assert_eq!(compare(b"__assert_fail").as_deref(), Some("equivalent"));
    assert_eq!(compare(b"__limit_tries").as_deref(), Some("different"));
}
