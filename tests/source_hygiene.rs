//! What a person must look at in the sources: the source archive against the tree (the case of xz 5.6), further sources, names that
//! look like others, blobs, pointers and links.

// A test runs the program, and says when it skips.
#![allow(clippy::disallowed_types, clippy::print_stderr)]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

mod common;

fn run(program: &str, args: &[&str], at: &Path) -> String {
    let mut command = Command::new(program);
    command.args(args).current_dir(at).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
    for who in ["AUTHOR", "COMMITTER"] {
        command
            .env(format!("GIT_{who}_NAME"), "a")
            .env(format!("GIT_{who}_EMAIL"), "a@b")
            .env(format!("GIT_{who}_DATE"), "1700000000 +0000");
    }
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A loose release: `source/tool.bundle`, and what a test adds.
struct Release {
    folder: tempfile::TempDir,
    commit: String,
}

impl Release {
    /// Of a repository with these files; a text that begins with `->` is a link.
    fn new(files: &[(&str, &[u8])]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        for name in ["tree", "release/source", "release/shipped", "release/rebuilt"] {
            fs::create_dir_all(root.join(name)).expect("made");
        }
        write_all(&root.join("tree"), files);
        run("git", &["init", "-q", "-b", "main"], &root.join("tree"));
        run("git", &["add", "-A"], &root.join("tree"));
        run("git", &["commit", "-q", "-m", "all"], &root.join("tree"));
        run("git", &["bundle", "create", "-q", "../release/source/tool.bundle", "main"], &root.join("tree"));
        let commit = run("git", &["rev-parse", "HEAD"], &root.join("tree"));
        for side in ["shipped", "rebuilt"] {
            fs::write(root.join("release").join(side).join("tool.txt"), b"the tool\n").expect("written");
        }
        Self { folder, commit }
    }

    fn tree(&self) -> PathBuf {
        self.folder.path().join("tree")
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join("release").join(name)
    }

    /// What `git archive` makes of the commit, in `unpacked/`.
    fn unpack(&self) -> PathBuf {
        let place = self.folder.path().join("unpacked");
        fs::create_dir_all(&place).expect("made");
        run("sh", &["-c", "git archive --prefix=tool-1.0/ HEAD | tar -x -C ../unpacked"], &self.tree());
        place.join("tool-1.0")
    }

    /// Packs `unpacked/` as a file of the release.
    fn pack(&self, name: &str) {
        let place = self.at(name).to_string_lossy().into_owned();
        run(
            "tar",
            &["--sort=name", "--owner=0", "--group=0", "--format=ustar", "-caf", &place, "tool-1.0"],
            &self.folder.path().join("unpacked"),
        );
    }

    fn declare(&self, sources: &[&str]) {
        let more: String = sources.iter().map(|s| format!(", {{\"path\": \"{s}\"}}")).collect();
        let text = format!(
            "{{\"schema\": \"release-bundle/v1\", \"product\": \"tool\", \"version\": \"1.0\", \"source\": [{{\"path\": \"source/tool.bundle\", \"commit\": \"{}\"}}{more}], \"artifacts\": [{{\"name\": \"tool.txt\", \"shipped\": \"shipped/tool.txt\", \"rebuilt\": \"rebuilt/tool.txt\"}}]}}",
            self.commit
        );
        fs::write(self.at("release.json"), text).expect("written");
    }

    fn command(&self, args: &[&str]) -> String {
        let state = self.folder.path().join("state");
        let out = Command::new(common::program())
            .arg(args[0])
            .arg(self.folder.path().join("release"))
            .args(&args[1..])
            .arg("--state")
            .arg(state)
            .output()
            .expect("it runs");
        assert!(out.stderr.is_empty(), "{}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).expect("text")
    }

    fn check(&self) -> Value {
        serde_json::from_str(&self.command(&["check", "--format", "json"])).expect("JSON")
    }
}

fn write_all(root: &Path, files: &[(&str, &[u8])]) {
    for (name, bytes) in files {
        let path = root.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        match bytes.strip_prefix(b"->") {
            Some(target) => symlink(String::from_utf8_lossy(target).as_ref(), path).expect("linked"),
            None => fs::write(path, bytes).expect("written"),
        }
    }
}

fn verdict<'a>(report: &'a Value, code: &str) -> (&'a str, &'a str) {
    let check = report["checks"].as_array().expect("checks").iter().find(|c| c["code"] == code).expect("a check of that code");
    (check["verdict"].as_str().expect("a word"), check["why"].as_str().expect("words"))
}

fn link<'a>(report: &'a Value, name: &str) -> Option<&'a str> {
    report["chain"].as_array().expect("links").iter().find(|l| l["name"] == name).map(|l| l["standing"].as_str().expect("a word"))
}

/// Titles and reasons of the items whose id begins so, in queue order.
fn items(report: &Value, start: &str) -> Vec<(String, String)> {
    let text = |v: &Value| v.as_str().expect("text").to_owned();
    let all = report["items"].as_array().expect("items").iter();
    all.filter(|i| i["id"].as_str().is_some_and(|id| id.starts_with(start))).map(|i| (text(&i["title"]), text(&i["why"]))).collect()
}

const TOOL: &[(&str, &[u8])] = &[
    (".gitattributes", b"/ci export-ignore\nversion.h export-subst\n.gitattributes export-ignore\n"),
    ("ci/run", b"#!/bin/sh\nexit 0\n"),
    ("configure.ac", b"AC_INIT([tool], [1.0])\n"),
    ("src/main.c", b"int main(void) { return 0; }\n"),
    ("version.h", b"#define COMMIT \"$Format:%H$\"\n#define WHEN $Format:%ct$\n"),
    ("README", b"The tool.\n"),
    ("doc/link", b"->../README"),
];

#[test]
fn an_archive_that_is_the_tree_is_proven_with_what_the_tree_itself_excuses() {
    let release = Release::new(TOOL);
    release.unpack();
    release.pack("source/tool-1.0.tar.gz");
    release.declare(&["source/tool-1.0.tar.gz"]);
    let report = release.check();
    assert_eq!(link(&report, "archive = tree"), Some("proven"), "{:#}", report["archives"]);
    let archive = &report["archives"][0];
    let counts =
        ["files", "equal", "exportIgnored", "exportSubstituted", "onlyInArchive", "changed"].map(|n| archive[n].as_u64().expect("a count"));
    assert_eq!(counts, [5, 4, 2, 1, 0, 0]);
    assert_eq!(archive["equalToTree"], true);
    assert_eq!(verdict(&report, "source.archive").0, "pass");
    assert_eq!(items(&report, "archive:"), []);
    assert_eq!(report["further"][0]["path"], "source/tool-1.0.tar.gz");

    // The value of another commit is no value of this one.
    let place = release.folder.path().join("unpacked/tool-1.0/version.h");
    let text = fs::read_to_string(&place).expect("read").replace(&release.commit, &"0".repeat(40));
    fs::write(&place, text).expect("written");
    release.pack("source/tool-1.0.tar.gz");
    let report = release.check();
    assert_eq!(link(&report, "archive = tree"), Some("broken"));
    let all = items(&report, "archive:");
    assert_eq!(all.len(), 1, "{all:?}");
    assert!(all[0].0.ends_with("tool-1.0.tar.gz!version.h") && all[0].1.contains("first at line 1"), "{all:?}");
}

/// What started the attack on xz 5.6 was a file of the archive alone; its payload was test data.
#[test]
fn what_only_the_archive_has_comes_first() {
    let release = Release::new(TOOL);
    let unpacked = release.unpack();
    write_all(
        &unpacked,
        &[
            ("m4/build-to-host.m4", b"AC_DEFUN([gl_BUILD_TO_HOST], [eval $gl_config_gt])\n"),
            ("configure", b"#!/bin/sh\n# generated by autoconf\n"),
            ("tests/files/bad-3-corrupt_lzma2.xz", b"\xfd7zXZ\0\0\x04 payload"),
            ("src/extra.c", b"int extra;\n"),
            ("doc/manual.txt", b"words\n"),
            ("doc/news.txt", b"words\n"),
            ("src/main.c", b"int main(void) { return 1; }\n"),
        ],
    );
    fs::set_permissions(unpacked.join("README"), fs::Permissions::from_mode(0o755)).expect("set");
    fs::remove_file(unpacked.join("configure.ac")).expect("removed");
    fs::remove_file(unpacked.join("doc/link")).expect("removed");
    fs::write(unpacked.join("doc/link"), b"../README").expect("written");
    release.pack("shipped/tool-1.0.tar.xz");
    release.declare(&[]);
    // The archive was shipped, and nobody says that it is one of the source: what it holds does.
    fs::copy(release.at("shipped/tool-1.0.tar.xz"), release.at("rebuilt/tool-1.0.tar.xz")).expect("copied");
    let text = fs::read_to_string(release.at("release.json")).expect("read");
    let more = ", {\"name\": \"tool-1.0.tar.xz\", \"shipped\": \"shipped/tool-1.0.tar.xz\", \"rebuilt\": \"rebuilt/tool-1.0.tar.xz\"}]}";
    fs::write(release.at("release.json"), text.replace("]}", more)).expect("written");

    let report = release.check();
    assert_eq!(link(&report, "archive = tree"), Some("broken"), "{:#}", report["chain"]);
    let (word, why) = verdict(&report, "source.archive");
    assert_eq!(word, "fail");
    assert!(why.contains("5 only in the archive") || why.contains("6 only in the archive"), "{why}");
    let all = items(&report, "archive:");
    let names: Vec<&str> = all.iter().map(|(title, _)| title.rsplit('!').next().unwrap_or(title)).collect();
    assert_eq!(
        names[..5],
        ["configure", "m4/build-to-host.m4", "tests/files/bad-3-corrupt_lzma2.xz", "src/extra.c", "src/main.c"],
        "{all:#?}"
    );
    assert!(all[1].1.contains("only in the archive, and a build runs or reads it"), "{all:#?}");
    assert!(all[2].1.contains("xz data"), "{all:#?}");
    assert!(all[4].1.contains("1 lines put in, 1 taken out, first at line 1"), "{all:#?}");
    let rest: Vec<&str> = all[5..].iter().map(|(_, why)| why.as_str()).collect();
    assert!(rest.iter().any(|w| w.contains("2 files only in the archive, neither")), "{rest:?}");
    assert!(rest.iter().any(|w| w.contains("executable in the archive only")), "{rest:?}");
    assert!(rest.iter().any(|w| w.contains("of the tree that are not in the archive")), "configure.ac is gone: {rest:?}");
    assert!(rest.iter().any(|w| w.contains("is a file in the archive and a symbolic link in the tree")), "{rest:?}");
    assert!(!all.iter().any(|(_, why)| why.to_lowercase().contains("generated")), "who made it is a claim");

    let shown = release.command(&["show", "source"]);
    assert!(shown.contains("! ") && shown.contains("shipped/tool-1.0.tar.xz!m4/build-to-host.m4"), "{shown}");
    let file = release.command(&["show", "source", "shipped/tool-1.0.tar.xz!src/main.c"]);
    assert!(file.contains("-     1  int main(void) { return 0; }") && file.contains("+     1  int main(void) { return 1; }"), "{file}");
}

#[test]
fn a_shipped_tar_of_something_else_is_no_source_archive() {
    let release = Release::new(TOOL);
    let place = release.folder.path().join("unpacked/tool-1.0");
    write_all(&place, &[("bin/tool", b"\x7fELF"), ("README", b"How to install it.\n"), ("LICENSE", b"free\n")]);
    release.pack("shipped/tool-linux.tar.gz");
    let report = release.check();
    assert_eq!(link(&report, "archive = tree"), None);
    assert_eq!(report["further"], serde_json::json!([]));
    assert!(verdict(&report, "source.archive").0 == "pass");
}

#[test]
fn an_archive_of_one_folder_is_compared_with_that() {
    let release = Release::new(&[
        ("crates/tool/Cargo.toml", b"[package]\n"),
        ("crates/tool/src/lib.rs", b"//! x\n"),
        ("README.md", b"x\n"),
        ("other/a", b"a\n"),
    ]);
    let place = release.folder.path().join("unpacked/tool-1.0");
    write_all(&place, &[("Cargo.toml", b"[package]\n# normalized\n"), ("Cargo.toml.orig", b"[package]\n"), ("src/lib.rs", b"//! x\n")]);
    release.pack("shipped/tool-1.0.tar.gz");
    let report = release.check();
    let archive = &report["archives"][0];
    assert_eq!(
        (archive["folder"].as_str(), archive["equal"].as_u64(), archive["onlyInTree"].as_u64()),
        (Some("crates/tool/"), Some(1), Some(0))
    );
    let all = items(&report, "archive:");
    assert!(all.iter().any(|(_, why)| why.contains("its bytes are those of crates/tool/Cargo.toml")), "{all:#?}");
}

#[test]
fn every_further_source_is_opened_searched_and_counted() {
    let release = Release::new(TOOL);
    let lib = release.folder.path().join("lib");
    write_all(&lib, &[("a.c", "int a; /* \u{202e} */\n".as_bytes()), ("tool.exe", b"MZ\0\0\0\0"), ("README", b"The tool.\n")]);
    run("git", &["init", "-q", "-b", "main"], &lib);
    run("git", &["add", "-A"], &lib);
    run("git", &["commit", "-q", "-m", "all"], &lib);
    run("git", &["bundle", "create", "-q", "../release/source/lib.bundle", "main"], &lib);
    fs::write(release.at("source/odd.tar.gz"), [0x1f, 0x8b, 8, 0, 0, 0]).expect("written");
    release.declare(&["source/lib.bundle", "source/odd.tar.gz"]);
    let report = release.check();
    assert_eq!(items(&report, "hidden:")[0].0, "source/lib.bundle!a.c");
    assert!(
        items(&report, "binary:").iter().any(|(title, why)| title == "source/lib.bundle!tool.exe" && why.contains("DOS")),
        "{report:#}"
    );
    assert_eq!(report["further"].as_array().map(Vec::len), Some(1));
    assert_eq!(verdict(&report, "source.archive").0, "fail", "an archive that cannot be read");
    assert!(release.command(&["show", "source", "source/lib.bundle!a.c"]).contains("<U+202E>"));
}

#[test]
fn what_hides_in_a_tree_is_an_item_with_its_line() {
    let release = Release::new(&[
        ("src/a.c", "void check(void);\n\nvoid \u{441}heck(void) {}\n".as_bytes()),
        ("src/text.c", "// \u{43f}\u{440}\u{438}\u{432}\u{435}\u{442} check\nchar *a = \"\u{430}\";\n".as_bytes()),
        ("tools/helper", b"\x7fELF\x02\x01\x01\0"),
        ("img/a.png", b"\x89PNG\r\n\x1a\n\0a"),
        ("img/b.png", b"\x89PNG\r\n\x1a\n\0b"),
        ("big.bin", b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 5\n"),
        ("out", b"->../../etc/passwd"),
        ("in", b"->src/a.c"),
    ]);
    let report = release.check();
    let confusable = items(&report, "confusable:");
    assert_eq!(confusable.len(), 1, "{confusable:?}");
    assert!(confusable[0].0 == "src/a.c" && confusable[0].1.contains("looks like check"), "{confusable:?}");
    assert_eq!(
        report["flags"].as_array().expect("flags").iter().find(|f| f["code"] == "source.confusable").expect("one")["places"][0]["lines"],
        serde_json::json!([3])
    );
    let binary: Vec<String> = items(&report, "binary:").into_iter().map(|(title, _)| title).collect();
    assert_eq!(binary, ["tools/helper", "img/a.png \u{2026}"]);
    assert!(items(&report, "content:")[0].1.contains("Git LFS"));
    assert_eq!(items(&report, "names:")[0].0, "out");
    for code in ["source.confusable", "source.binary", "source.content", "source.names"] {
        assert_eq!(verdict(&report, code).0, "cannotTell", "{code}");
    }
    assert_eq!(verdict(&report, "source.history").0, "pass");
}

/// Every file of the corpus that carries an attack is flagged. Four files of it are plain ASCII and carry none: the patterns to
/// find the others with, a Dockerfile and a settings file.
#[test]
fn trojan_source_is_flagged_file_by_file() {
    let Some(corpus) = std::env::var_os("COUNTERSIGN_CORPUS") else {
        eprintln!("skipped: COUNTERSIGN_CORPUS is not set");
        return;
    };
    let corpus = Path::new(&corpus).join("hostile/trojan-source");
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    let mut open = vec![corpus.clone()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_none_or(|e| e != "md") && !path.ends_with("UPSTREAM-LICENSE") {
                let name = path.strip_prefix(&corpus).expect("below").to_string_lossy().into_owned();
                files.push((name, fs::read(&path).expect("read")));
            }
        }
    }
    assert_eq!(files.len(), 55);
    let given: Vec<(&str, &[u8])> = files.iter().map(|(n, b)| (n.as_str(), b.as_slice())).collect();
    let report = Release::new(&given).check();
    let flagged: Vec<String> =
        [items(&report, "hidden:"), items(&report, "confusable:")].concat().into_iter().map(|(title, _)| title).collect();
    for (name, bytes) in &files {
        assert_eq!(flagged.contains(name), !bytes.is_ascii(), "{name}");
    }
    assert_eq!(files.iter().filter(|(n, _)| flagged.contains(n)).count(), 51);
}
