use std::process::Command;

use super::*;
use crate::bundle::tests::{corpus, directory, hash_all, write};
use crate::bundle::{open, open_source};
use crate::model::{Fixity, Limits};

fn run(program: &str, args: &[&str], at: &Path) -> String {
    let mut command = Command::new(program);
    command.args(args).current_dir(at).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
    for who in ["AUTHOR", "COMMITTER"] {
        command
            .env(format!("GIT_{who}_NAME"), "a")
            .env(format!("GIT_{who}_EMAIL"), "a@b")
            .env(format!("GIT_{who}_DATE"), "1700000000 +0000");
    }
    let output = command.output().unwrap_or_else(|e| panic!("{program}: {e}"));
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A repository with two commits, an annotated and a plain tag, a second branch.
pub(in crate::bundle) fn repository(root: &Path) {
    write(root, "main.c", b"int main(void) { return 0; }\n");
    write(root, "sub/run.sh", b"#!/bin/sh\n");
    run("git", &["init", "-q", "-b", "main"], root);
    run("git", &["add", "."], root);
    run("git", &["commit", "-q", "-m", "one"], root);
    run("git", &["tag", "plain"], root);
    run("git", &["branch", "other"], root);
    write(root, "main.c", b"int main(void) { return 1; }\n");
    run("git", &["commit", "-q", "-a", "-m", "two"], root);
    run("git", &["tag", "-a", "v1.0", "-m", "release"], root);
}

fn request(root: &Path) -> PackRequest {
    let at = |name: &str| vec![root.join(name)];
    PackRequest {
        product: "tool".into(),
        version: "1.0".into(),
        source: at("tool"),
        shipped: at("shipped"),
        rebuilt: at("rebuilt"),
        debug: at("tool-dbgsym_1.deb"),
        provenance: at("SHA256SUMS"),
        sbom: Vec::new(),
        previous: Vec::new(),
        date: "2024-01-03".into(),
    }
}

fn parts() -> tempfile::TempDir {
    let root = directory(&[
        ("shipped/tool_1.deb", b"deb"),
        ("shipped/doc/really sure é.txt", b"doc"),
        ("rebuilt/tool_1.deb", b"deb2"),
        ("tool-dbgsym_1.deb", b"dbg"),
        ("SHA256SUMS", b""),
    ]);
    repository(&root.path().join("tool"));
    root
}

#[test]
fn a_packed_bag_is_accepted_by_others_and_by_us() {
    let root = parts();
    let out = root.path().join("bag");
    let report = pack(&request(root.path()), &out).expect("packs");
    assert_eq!(report.files, 7);
    assert_eq!(report.notes, ["doc/really sure é.txt was not rebuilt"]);

    let bundle = open(&out).expect("opens");
    assert_eq!(bundle.release.defects, []);
    assert!(hash_all(&bundle).iter().all(|f| *f == Fixity::Intact));
    assert_eq!(bundle.release.identity.digest, Some(report.identity));
    let tool = bundle.release.artifacts.iter().find(|a| a.name.as_str() == Some("tool_1.deb")).expect("named");
    assert_eq!((tool.rebuilt.len(), tool.debug.len()), (1, 1));

    let cache = tempfile::tempdir().expect("a temporary directory");
    let (tree, content) =
        open_source(&bundle, &bundle.release.sources[0], cache.path(), &Limits::default(), &mut |_, _| true).expect("source opens");
    assert_eq!(tree.tag_matches, Some(true), "an annotated tag");
    assert_eq!(tree.commit, Some(run("git", &["rev-parse", "HEAD"], &root.path().join("tool")).trim().to_owned()));
    assert_eq!(content.read_path(&"main.c".into(), 1000).as_deref(), Ok(&b"int main(void) { return 1; }\n"[..]));
    assert_eq!(tree.defects, []);

    run("git", &["clone", "-q", "bag/data/source/tool.bundle", "clone"], root.path());
    assert_eq!(run("git", &["tag"], &root.path().join("clone")), "plain\nv1.0\n");
    run("git", &["fsck", "--full", "--strict"], &root.path().join("clone"));
    run("git", &["bundle", "verify", "-q", "../bag/data/source/tool.bundle"], &root.path().join("clone"));
    if Command::new("python3").args(["-c", "import bagit"]).status().is_ok_and(|s| s.success()) {
        let script = "import sys, bagit; bagit.Bag(sys.argv[1]).validate()";
        run("python3", &["-c", script, "bag"], root.path());
    }
    run("sh", &["-c", "sha256sum --quiet -c manifest-sha256.txt && sha256sum --quiet -c tagmanifest-sha256.txt"], &out);
}

#[test]
fn the_same_parts_give_the_same_bag() {
    let root = parts();
    let one = pack(&request(root.path()), &root.path().join("one")).expect("packs");
    let two = pack(&request(root.path()), &root.path().join("two")).expect("packs");
    assert_eq!(one, two);
}

#[test]
fn what_would_not_be_a_sound_bag_is_refused() {
    let root = parts();
    let out = root.path().join("bag");
    let refused = |request: &PackRequest, word: &str| {
        let error = pack(request, &out).expect_err("refused").to_string();
        assert!(error.contains(word), "{error}");
    };
    let good = request(root.path());
    refused(&PackRequest { date: "2024-1-3".into(), ..good.clone() }, "YYYY-MM-DD");
    refused(&PackRequest { date: "2024-13-03".into(), ..good.clone() }, "YYYY-MM-DD");
    refused(&PackRequest { shipped: Vec::new(), ..good.clone() }, "shipped");
    refused(&PackRequest { product: String::new(), ..good.clone() }, "product");
    let twice = vec![root.path().join("shipped/tool_1.deb"), root.path().join("rebuilt/tool_1.deb")];
    refused(&PackRequest { shipped: twice, ..good.clone() }, "would both be shipped/tool_1.deb");
    refused(&PackRequest { shipped: vec![root.path().join("none")], ..good.clone() }, "none");
    write(root.path(), "case/A", b"");
    write(root.path(), "case/a", b"");
    refused(&PackRequest { shipped: vec![root.path().join("case")], ..good.clone() }, "differ only in case");
    write(root.path(), "coded/100%.txt", b"");
    refused(&PackRequest { shipped: vec![root.path().join("coded")], ..good.clone() }, "percent sign");
    write(root.path(), "back/a\\b", b"");
    refused(&PackRequest { shipped: vec![root.path().join("back")], ..good.clone() }, "backslash");
    std::os::unix::fs::symlink("/etc/passwd", root.path().join("rebuilt/link")).expect("linked");
    refused(&good, "symbolic link");
    assert!(!out.exists(), "nothing is written before all is known");
    fs::remove_file(root.path().join("rebuilt/link")).expect("removed");
    write(&out, "here", b"");
    refused(&good, "not empty");
}

#[test]
fn the_parts_of_a_real_release_are_packed_again() {
    let Some(corpus) = corpus() else { return };
    let data = corpus.join("../releases/hello/data");
    let root = tempfile::tempdir().expect("a temporary directory");
    let out = root.path().join("bag");
    let request = PackRequest {
        product: "hello".into(),
        version: "2.10-3".into(),
        source: vec![data.join("source/hello.bundle")],
        shipped: vec![data.join("shipped")],
        rebuilt: vec![data.join("rebuilt")],
        debug: vec![data.join("debug")],
        provenance: vec![data.join("provenance")],
        sbom: Vec::new(),
        previous: Vec::new(),
        date: "2024-01-03".into(),
    };
    pack(&request, &out).expect("packs");
    let (ours, theirs) = (open(&out).expect("opens"), open(&corpus.join("../releases/hello")).expect("opens"));
    assert_eq!(ours.release.defects, []);
    let names = |b: &crate::bundle::OpenBundle| {
        let name = |a: &crate::model::Artifact| (a.name.clone(), a.shipped.is_some(), a.rebuilt.len(), a.debug.len());
        b.release.artifacts.iter().map(name).collect::<Vec<_>>()
    };
    assert_eq!(names(&ours), names(&theirs));
    assert_eq!(ours.release.sources[0].commit, theirs.release.sources[0].commit);
    assert!(hash_all(&ours).iter().all(|f| *f == Fixity::Intact));
}
