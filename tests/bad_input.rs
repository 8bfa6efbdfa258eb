//! Bad bundles: each gives a message that names the file, the place and what to do, or a failed check; never a panic, never
//! a raw control character.

// A test runs the program, and says when it skips.
#![allow(clippy::disallowed_types, clippy::print_stderr)]

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

mod common;

/// A bag of one's own to damage: the demonstration release, unpacked.
struct Bag {
    folder: tempfile::TempDir,
}

impl Bag {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let status = Command::new("tar")
            .arg("-xf")
            .arg(common::here("testdata/demo/release.tar"))
            .arg("-C")
            .arg(folder.path())
            .status()
            .expect("tar runs");
        assert!(status.success());
        Self { folder }
    }

    fn root(&self) -> PathBuf {
        let top = self.folder.path();
        if top.join("bagit.txt").exists() {
            return top.to_owned();
        }
        fs::read_dir(top).expect("a folder").map(|e| e.expect("an entry").path()).find(|p| p.join("bagit.txt").exists()).expect("a bag")
    }

    fn find(&self, part: &str) -> PathBuf {
        walk(&self.root().join("data")).into_iter().find(|p| p.to_string_lossy().contains(part)).unwrap_or_else(|| panic!("no {part}"))
    }

    /// Writes the manifests anew, so that only what the test damaged is wrong.
    fn seal(&self) {
        let root = self.root();
        let line = |p: &Path| {
            let digest = countersign::digest::Sha256::of(&fs::read(p).expect("readable"));
            format!("{digest}  {}\n", p.strip_prefix(&root).expect("inside").display())
        };
        let mut files = walk(&root.join("data"));
        files.sort();
        let size: u64 = files.iter().map(|p| fs::metadata(p).expect("there").len()).sum();
        fs::write(root.join("manifest-sha256.txt"), files.iter().map(|p| line(p)).collect::<String>()).expect("written");
        fs::write(root.join("bag-info.txt"), format!("Payload-Oxum: {size}.{}\n", files.len())).expect("written");
        let tags = ["bag-info.txt", "bagit.txt", "manifest-sha256.txt"];
        fs::write(root.join("tagmanifest-sha256.txt"), tags.iter().map(|t| line(&root.join(t))).collect::<String>()).expect("written");
    }

    fn check(&self) -> (i32, String) {
        check(&self.root())
    }
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { found.extend(walk(&path)) } else { found.push(path) }
    }
    found
}

fn check(bundle: &Path) -> (i32, String) {
    let state = tempfile::tempdir().expect("a folder");
    let out = Command::new(common::program()).arg("check").arg(bundle).arg("--state").arg(state.path()).output().expect("it runs");
    let text = [out.stdout, out.stderr].concat();
    let controls: Vec<u8> = text.iter().copied().filter(|b| (*b < 0x20 && *b != b'\n') || *b == 0x7f).collect();
    assert!(controls.is_empty(), "raw control characters: {controls:02x?}");
    let text = String::from_utf8(text).expect("UTF-8");
    assert!(!text.contains("panicked"), "{text}");
    (out.status.code().expect("no signal"), text)
}

/// The check fails and says each of those words.
fn refused(result: (i32, String), words: &[&str]) {
    let (code, text) = result;
    assert!(code == 1 || code == 2, "exit {code}\n{text}");
    for word in words {
        assert!(text.contains(word), "no {word:?} in:\n{text}");
    }
}

#[test]
fn a_payload_file_that_is_missing() {
    let bag = Bag::new();
    let file = bag.find("shipped/");
    fs::remove_file(&file).expect("removed");
    refused(bag.check(), &["missing", file.file_name().expect("a name").to_str().expect("text")]);
}

#[test]
fn a_payload_file_that_no_manifest_lists() {
    let bag = Bag::new();
    fs::write(bag.root().join("data/shipped/added.bin"), b"x").expect("written");
    refused(bag.check(), &["added.bin", "no manifest lists it"]);
}

#[test]
fn a_payload_file_with_one_changed_byte() {
    let bag = Bag::new();
    let file = bag.find("rebuilt/");
    let mut bytes = fs::read(&file).expect("readable");
    bytes[100] ^= 1;
    fs::write(&file, bytes).expect("written");
    refused(bag.check(), &["1 altered", file.file_name().expect("a name").to_str().expect("text")]);
}

#[test]
fn a_payload_file_that_is_cut_short() {
    let bag = Bag::new();
    let file = bag.find("debug/");
    let bytes = fs::read(&file).expect("readable");
    fs::write(&file, &bytes[..bytes.len() / 2]).expect("written");
    refused(bag.check(), &["altered"]);
}

#[test]
fn a_payload_file_that_cannot_be_read() {
    let bag = Bag::new();
    let file = bag.find("provenance/");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).expect("set");
    if fs::File::open(&file).is_ok() {
        eprintln!("skipped: this user reads everything");
        return;
    }
    refused(bag.check(), &["cannot be read"]);
}

#[test]
fn a_payload_name_that_is_not_utf8_or_would_write_on_the_screen() {
    let bag = Bag::new();
    for name in [&b"data/shipped/a\xff\xfeb"[..], b"data/shipped/\x1b]0;owned\x07", "data/shipped/\u{202e}gnp.exe".as_bytes()] {
        fs::write(bag.root().join(std::ffi::OsStr::from_bytes(name)), b"x").expect("written");
    }
    refused(bag.check(), &["\\xFF", "<1B>", "<U+202E>"]);
}

fn with_release(change: impl Fn(&str) -> String) -> (i32, String) {
    let bag = Bag::new();
    let path = bag.root().join("data/release.json");
    let text = fs::read_to_string(&path).expect("readable");
    let changed = change(&text);
    assert_ne!(text, changed, "the test changes nothing");
    fs::write(&path, changed).expect("written");
    bag.seal();
    bag.check()
}

#[test]
fn a_release_json_with_a_duplicate_key() {
    let result = with_release(|t| t.replacen('{', "{\n\"version\": \"9\",", 1));
    refused(result, &["release.json:", "duplicate key"]);
}

#[test]
fn a_release_json_with_a_wrong_type() {
    let result = with_release(|t| {
        let at = t.find("\"artifacts\"").expect("artifacts");
        let end = t[at..].find('[').expect("a list") + at;
        format!("{}\"artifacts\": 3, \"was\": {}", &t[..at], &t[end..])
    });
    refused(result, &["release.json:", "artifacts"]);
}

#[test]
fn a_release_json_with_a_path_that_escapes() {
    let result = with_release(|t| t.replacen("\"shipped/", "\"../../etc/", 1));
    refused(result, &["release.json:", "etc"]);
}

#[test]
fn a_release_json_that_names_a_commit_that_is_not_there() {
    let zeros = "1234567890123456789012345678901234567890";
    let result = with_release(|t| {
        let at = t.find("\"commit\"").expect("a commit") + "\"commit\"".len();
        let start = t[at..].find('"').expect("a value") + at + 1;
        format!("{}{zeros}{}", &t[..start], &t[start + 40..])
    });
    refused(result, &["source.", "1234567890"]);
}

#[test]
fn a_git_bundle_that_is_corrupt() {
    let bag = Bag::new();
    let file = bag.find("source/");
    let mut bytes = fs::read(&file).expect("readable");
    let middle = bytes.len() / 2;
    for byte in &mut bytes[middle..middle + 16] {
        *byte ^= 0x55;
    }
    fs::write(&file, bytes).expect("written");
    bag.seal();
    refused(bag.check(), &["source.", file.file_name().expect("a name").to_str().expect("text")]);
}

#[test]
fn an_executable_that_is_cut_short() {
    let bag = Bag::new();
    let file = bag.find("shipped/update-agent");
    let bytes = fs::read(&file).expect("readable");
    fs::write(&file, &bytes[..bytes.len() / 3]).expect("written");
    bag.seal();
    refused(bag.check(), &["update-agent"]);
}

#[test]
fn a_member_that_grows_from_a_megabyte_to_a_gigabyte() {
    use std::io::Write as _;
    let bag = Bag::new();
    let bomb = |last: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        let zeros = vec![0; 1 << 20];
        for _ in 0..1024 {
            encoder.write_all(&zeros).expect("written");
        }
        encoder.write_all(last).expect("written");
        encoder.finish().expect("finished")
    };
    let (shipped, rebuilt) = (bag.find("shipped/update-agent"), bag.find("rebuilt/update-agent"));
    fs::write(shipped, bomb(b"a")).expect("written");
    fs::write(rebuilt, bomb(b"b")).expect("written");
    bag.seal();
    refused(bag.check(), &["update-agent", "not examined"]);
}

#[test]
fn what_is_no_bundle_at_all() {
    let folder = tempfile::tempdir().expect("a folder");
    refused(check(&folder.path().join("nothing")), &["nothing"]);
    let file = folder.path().join("file.tar");
    fs::write(&file, b"not a tar").expect("written");
    refused(check(&file), &["file.tar"]);
}

#[test]
fn a_state_folder_that_takes_no_writing_is_said_before_anything_is_signed() {
    let bag = Bag::new();
    let (key, _) = common::key(bag.folder.path(), "alice", 1);
    let state = tempfile::tempdir().expect("a folder");
    let sign = |state: &Path| {
        let output = state.join("record");
        let out = Command::new(common::program())
            .args(["sign", "--decision", "incomplete", "--key"])
            .arg(&key)
            .arg("--output")
            .arg(&output)
            .arg("--state")
            .arg(state)
            .arg(bag.root())
            .output()
            .expect("it runs");
        (out.status.code(), String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned(), output.exists())
    };
    let (code, text, written) = sign(state.path());
    assert_eq!((code, written), (Some(0), true), "{text}");
    // Below a file there is no folder, whoever asks: as on a medium that takes no writing.
    let file = state.path().join("file");
    fs::write(&file, b"x").expect("written");
    let below = file.join("below");
    let (code, text, written) = sign(&below);
    assert_eq!((code, written), (Some(2), false), "{text}");
    assert!(text.contains("--state DIR"), "{text}");
}

#[test]
fn an_object_of_the_source_whose_bytes_are_not_its_own() {
    let bag = Bag::new();
    let work = tempfile::tempdir().expect("a folder");
    let git = |args: &[&str]| {
        let identity = ["-c", "user.name=x", "-c", "user.email=x@example.invalid"];
        let out = Command::new("git").arg("-C").arg(work.path()).args(identity).args(args).output().expect("git runs");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).expect("text").trim().to_owned()
    };
    git(&["init", "-q"]);
    fs::write(work.path().join("honest.c"), "int x;\n").expect("written");
    fs::write(work.path().join("other.c"), "int y;\n").expect("written");
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "first"]);
    let loose = |name: &str| {
        let id = git(&["rev-parse", &format!("HEAD:{name}")]);
        work.path().join(".git/objects").join(&id[..2]).join(&id[2..])
    };
    let (honest, other) = (loose("honest.c"), loose("other.c"));
    fs::set_permissions(&honest, fs::Permissions::from_mode(0o644)).expect("set");
    fs::copy(&other, &honest).expect("copied");
    let commit = git(&["rev-parse", "HEAD"]);
    fs::remove_file(bag.find("source/")).expect("removed");
    let to = bag.root().join("data/source/x.git");
    for file in walk(&work.path().join(".git")) {
        let name = file.strip_prefix(work.path().join(".git")).expect("inside");
        if name.starts_with("hooks") || name.ends_with("index") {
            continue;
        }
        fs::create_dir_all(to.join(name).parent().expect("a folder")).expect("made");
        fs::copy(&file, to.join(name)).expect("copied");
    }
    let path = bag.root().join("data/release.json");
    let mut release: serde_json::Value = serde_json::from_slice(&fs::read(&path).expect("readable")).expect("JSON");
    release["source"] = serde_json::json!([{ "path": "source/x.git", "commit": commit }]);
    fs::write(&path, release.to_string()).expect("written");
    bag.seal();
    refused(bag.check(), &["source.object", "honest.c"]);
}
