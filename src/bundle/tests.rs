//! Whole bundles: the three real releases, the BagIt conformance suite, and what an attacker would try.

use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::model::{ContentError, Fixity, Limits};

mod conformance;
mod hostile;
mod releases;
mod sources;

/// The corpus folder, or `None` with a word about why a test is skipped.
pub(super) fn corpus() -> Option<PathBuf> {
    use std::io::Write;
    let found = std::env::var_os("COUNTERSIGN_CORPUS").map(PathBuf::from);
    if found.is_none() {
        let _ = writeln!(std::io::stderr(), "skipped: COUNTERSIGN_CORPUS is not set");
    }
    found
}

/// Writes files below a new directory.
pub(super) fn directory(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a temporary directory");
    for (name, bytes) in files {
        write(root.path(), name, bytes);
    }
    root
}

pub(super) fn write(root: &Path, name: &str, bytes: &[u8]) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().expect("a parent")).expect("created");
    fs::write(path, bytes).expect("written");
}

/// Makes a bag of payload files; the tag files follow from them.
pub(super) fn bag(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let root = directory(files);
    let manifest: String = files.iter().map(|(name, bytes)| format!("{}  {name}\n", Sha256::of(bytes))).collect();
    let declaration = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n";
    let tags = format!("{}  bagit.txt\n{}  manifest-sha256.txt\n", Sha256::of(declaration.as_bytes()), Sha256::of(manifest.as_bytes()));
    write(root.path(), "bagit.txt", declaration.as_bytes());
    write(root.path(), "manifest-sha256.txt", manifest.as_bytes());
    write(root.path(), "tagmanifest-sha256.txt", tags.as_bytes());
    root
}

/// Hashes everything and gives the state of each file.
pub(super) fn hash_all(bundle: &OpenBundle) -> Vec<Fixity> {
    (0..bundle.release.files.len())
        .map(|i| {
            let id = FileId(u32::try_from(i).expect("few files"));
            let hashed = bundle.content.hash(id, &bundle.declared_algorithms(id), &mut |_| true).ok();
            let (sha, others) = hashed.map_or((None, Vec::new()), |(sha, others)| (Some(sha), others));
            bundle.fixity(id, sha.as_ref(), &others).expect("a file")
        })
        .collect()
}

pub(super) fn codes(bundle: &OpenBundle, severity: Severity) -> Vec<&'static str> {
    bundle.release.defects.iter().filter(|d| d.severity >= severity).map(|d| d.code).collect()
}

#[test]
fn a_later_read_that_differs_is_told() {
    let root = directory(&[("shipped/a", b"first answer")]);
    let bundle = open(root.path()).expect("opens");
    let id = FileId(0);
    assert_eq!(bundle.content.read(id, 5), Err(ContentError::TooLarge { size: 12, limit: 5 }));
    let mut seen = Vec::new();
    bundle
        .content
        .stream(id, &mut |chunk| {
            seen.extend_from_slice(chunk);
            true
        })
        .expect("streams");
    assert_eq!(seen, b"first answer");
    assert_eq!(bundle.content.read(id, 100).as_deref(), Ok(&b"first answer"[..]));
    fs::write(root.path().join("shipped/a"), b"other answer").expect("written");
    let changed = ContentError::Changed { first: Sha256::of(b"first answer"), now: Sha256::of(b"other answer") };
    assert_eq!(bundle.content.read(id, 100), Err(changed.clone()));
    assert_eq!(bundle.content.hash(id, &[], &mut |_| true), Err(changed));
    assert_eq!(bundle.content.hash(id, &[], &mut |_| false), Err(ContentError::Cancelled));
    fs::remove_file(root.path().join("shipped/a")).expect("removed");
    assert_eq!(bundle.content.read(id, 100), Err(ContentError::Absent));
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("/etc/hostname", root.path().join("shipped/a")).expect("linked");
        assert!(matches!(bundle.content.read(id, 100_000), Err(ContentError::Unreadable(_))), "a link is not followed");
    }
}

#[test]
fn loose_files_are_guessed_and_said_to_be() {
    let root = directory(&[
        ("shipped/hello_1.deb", b"a"),
        ("shipped/sub/tool", b"b"),
        ("rebuilt/hello_1.deb", b"a"),
        ("rebuilt/x/tool", b"c"),
        ("debug/hello-dbgsym_1.deb", b"d"),
        ("source/main.c", b"int main;"),
        ("notes.txt", b"n"),
        ("SHA256SUMS", b""),
    ]);
    let bundle = open(root.path()).expect("opens");
    assert_eq!(bundle.release.carrier, Carrier::Loose);
    assert!(bundle.loose);
    let note = |code| bundle.release.defects.iter().any(|d| d.code == code && d.severity == Severity::Note);
    assert!(note("release.guessed") && note("bag.loose"));
    let names: Vec<_> = bundle.release.artifacts.iter().map(|a| (a.name.lossy().into_owned(), a.rebuilt.len(), a.debug.len())).collect();
    assert_eq!(names, [("hello_1.deb".to_owned(), 1, 1), ("sub/tool".to_owned(), 1, 0)]);
    assert_eq!(bundle.release.file(bundle.release.find(&"SHA256SUMS".into()).expect("there")).map(|f| f.role), Some(FileRole::Provenance));
    assert!(hash_all(&bundle).iter().all(|f| *f == Fixity::Undeclared));
    let (tree, content) = open_source(&bundle, &bundle.release.sources[0], root.path(), &Limits::default(), &mut |_, _| true)
        .expect("a directory of sources");
    assert_eq!(tree.entries.iter().map(|e| e.path.lossy().into_owned()).collect::<Vec<_>>(), ["main.c"]);
    assert_eq!(content.read_path(&"main.c".into(), 100).as_deref(), Ok(&b"int main;"[..]));
}

#[test]
fn the_listing_identity_is_that_of_sha256sum() {
    let root = directory(&[("b", b"1"), ("a/c", b"2"), ("a\\x", b"3"), ("n\nl", b"4")]);
    let bundle = open(root.path()).expect("opens");
    let digests: Vec<_> = (0..4).rev().map(|i| (FileId(i), bundle.content.hash(FileId(i), &[], &mut |_| true).expect("read").0)).collect();
    let shell = "find . -type f -printf '%P\\0' | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -d' ' -f1";
    let output = std::process::Command::new("sh").args(["-c", shell]).current_dir(root.path()).output().expect("sh runs");
    assert_eq!(bundle.listing_identity(&digests).to_string(), String::from_utf8_lossy(&output.stdout).trim());
}
