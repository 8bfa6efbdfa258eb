use std::process::Command;

use git2::{ObjectType, Oid, Repository};

use super::*;
use crate::model::{SourceContent, SourceDeclaration, SourceTree};

type Opened = Result<(SourceTree, Arc<dyn SourceContent>), BundleError>;

fn git(args: &[&str], at: &Path) -> String {
    let mut command = Command::new("git");
    command.args(args).current_dir(at).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
    for who in ["AUTHOR", "COMMITTER"] {
        command
            .env(format!("GIT_{who}_NAME"), "a")
            .env(format!("GIT_{who}_EMAIL"), "a@b")
            .env(format!("GIT_{who}_DATE"), "1700000000 +0000");
    }
    let output = command.output().expect("git runs");
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A work tree with two commits and tags `plain` (first) and `v1.0` (second, annotated).
fn work_tree() -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a temporary directory");
    super::super::pack::tests::repository(root.path());
    root
}

/// Opens `source/NAME` of a loose directory.
fn open_in(root: &Path, name: &str, commit: Option<&str>, tag: Option<&str>) -> Opened {
    let bundle = open(root).expect("opens");
    let path = Untrusted::from(format!("source/{name}"));
    let file = bundle.release.find(&path);
    let source = SourceDeclaration { path, file, commit: commit.map(str::to_owned), tag: tag.map(Untrusted::from) };
    let cache = tempfile::tempdir().expect("a temporary directory");
    let opened = open_source(&bundle, &source, cache.path(), &Limits::default(), &mut |_, _| true);
    let partial = fs::read_dir(cache.path()).expect("listed").flatten().any(|e| e.file_name().to_string_lossy().ends_with(".partial"));
    assert!(!partial, "nothing is left aside");
    // The objects are open; the folder may go.
    opened
}

fn codes_of(opened: &Opened) -> Vec<&'static str> {
    match opened {
        Ok((tree, _)) => tree.defects.iter().map(|d| d.code).collect(),
        Err(e) => vec![e.code()],
    }
}

#[test]
fn a_git_bundle_is_damaged_incomplete_or_of_another_commit() {
    let tree = work_tree();
    let root = directory(&[("shipped/a", b"")]);
    fs::create_dir(root.path().join("source")).expect("created");
    let at = |name: &str| root.path().join("source").join(name).to_string_lossy().into_owned();
    git(&["bundle", "create", "-q", &at("good"), "--all"], tree.path());
    let head = git(&["rev-parse", "HEAD"], tree.path());
    let first = git(&["rev-parse", "HEAD~1"], tree.path());

    let good = open_in(root.path(), "good", Some(&head), Some("v1.0")).expect("opens");
    assert_eq!((good.0.tag_matches, good.0.entries.len(), good.0.time), (Some(true), 2, Some(1_700_000_000)));
    assert_eq!(good.0.entries[1].kind, crate::model::EntryKind::File);
    assert_eq!(open_in(root.path(), "good", Some(&first), Some("v1.0")).expect("opens").0.tag_matches, Some(false));
    assert_eq!(open_in(root.path(), "good", Some(&first), Some("refs/tags/plain")).expect("opens").0.tag_matches, Some(true));
    assert_eq!(open_in(root.path(), "good", Some(&first), Some("none")).expect("opens").0.tag_matches, None);
    assert_eq!(codes_of(&open_in(root.path(), "good", None, None)), ["source.commit"], "told that none is declared");

    let absent = open_in(root.path(), "good", Some("0123456789012345678901234567890123456789"), None).err().expect("absent");
    assert_eq!(absent.code(), "source.commit");
    let words = absent.to_string();
    assert!(words.contains("0123456789") && words.contains("refs/tags/v1.0") && words.contains("source/good"), "{words}");

    let bytes = fs::read(at("good")).expect("read");
    for (i, name) in [(bytes.len() / 2, "flipped"), (bytes.len() - 3, "trailer")] {
        let mut bad = bytes.clone();
        bad[i] ^= 0x10;
        write(root.path(), &format!("source/{name}"), &bad);
        assert_eq!(codes_of(&open_in(root.path(), name, Some(&head), None)), ["source.pack"], "{name}");
    }
    for (cut, name) in [(bytes.len() - 30, "short"), (30, "header"), (3, "start")] {
        write(root.path(), &format!("source/{name}"), &bytes[..cut]);
        assert_eq!(codes_of(&open_in(root.path(), name, Some(&head), None)), ["source.pack"], "{name}");
    }
    write(root.path(), "source/longer", &[&bytes[..], b"more"].concat());
    assert_eq!(codes_of(&open_in(root.path(), "longer", Some(&head), None)), ["source.pack"], "data after the pack");

    git(&["bundle", "create", "-q", &at("thin"), "HEAD~1..main"], tree.path());
    let thin = open_in(root.path(), "thin", Some(&head), None);
    assert!(codes_of(&thin).iter().any(|c| matches!(*c, "source.pack" | "source.prerequisites")), "{:?}", codes_of(&thin));
}

#[test]
fn indexing_can_be_cancelled() {
    let tree = work_tree();
    let root = directory(&[("shipped/a", b"")]);
    fs::create_dir(root.path().join("source")).expect("created");
    git(&["bundle", "create", "-q", &root.path().join("source/x.bundle").to_string_lossy(), "--all"], tree.path());
    let cache = tempfile::tempdir().expect("a temporary directory");
    for allowed in 0..3 {
        let bundle = open(root.path()).expect("opens");
        let mut calls = 0;
        let opened = open_source(&bundle, &bundle.release.sources[0], cache.path(), &Limits::default(), &mut |_, _| {
            calls += 1;
            calls <= allowed
        });
        assert!(matches!(opened, Err(BundleError::Cancelled)), "after {allowed}");
        assert_eq!(fs::read_dir(cache.path()).expect("listed").count(), 0);
    }
}

#[test]
fn a_bare_repository_is_read_in_place_and_in_a_tar_and_its_traps_are_told() {
    let tree = work_tree();
    let head = git(&["rev-parse", "HEAD"], tree.path());
    let root = directory(&[("shipped/a", b"")]);
    fs::create_dir(root.path().join("source")).expect("created");
    let bare = root.path().join("source/x.git");
    git(&["clone", "-q", "--bare", &tree.path().to_string_lossy(), &bare.to_string_lossy()], root.path());
    for hook in fs::read_dir(bare.join("hooks")).into_iter().flatten().flatten() {
        fs::remove_file(hook.path()).expect("removed");
    }
    let opened = open_in(root.path(), "x.git", Some(&head), Some("v1.0"));
    assert_eq!(codes_of(&opened), Vec::<&str>::new());
    let (plain, content) = opened.expect("opens");
    assert_eq!((plain.tag_matches, plain.commit.as_deref()), (Some(true), Some(head.as_str())));
    assert_eq!(content.read(1, 100), content.read_path(&plain.entries[1].path, 100));

    // The same inside a tar: its objects are copied to the cache.
    let tar = Command::new("tar").args(["-cf", "r.tar", "source", "shipped"]).current_dir(root.path()).status().expect("tar runs");
    assert!(tar.success());
    let bundle = open(&root.path().join("r.tar")).expect("opens");
    assert_eq!(bundle.release.carrier, Carrier::Tar);
    let [source] = &bundle.release.sources[..] else { panic!("{:?}", bundle.release.sources) };
    let cache = tempfile::tempdir().expect("a temporary directory");
    for _ in 0..2 {
        let source = SourceDeclaration { tag: Some("v1.0".into()), commit: Some(head.clone()), ..source.clone() };
        let (mut inside, _) =
            open_source(&bundle, &source, cache.path(), &Limits::default(), &mut |done, total| done <= total).expect("opens");
        inside.origin.clone_from(&plain.origin);
        assert_eq!(inside, plain);
    }
    fs::remove_file(root.path().join("r.tar")).expect("removed");

    let trap = |name: &str, bytes: &[u8]| {
        write(&bare, name, bytes);
        let codes = codes_of(&open_in(root.path(), "x.git", Some(&head), None));
        fs::remove_file(bare.join(name)).expect("removed");
        codes
    };
    assert_eq!(trap("objects/info/alternates", b"/elsewhere\n"), ["source.alternates"]);
    assert_eq!(trap("info/grafts", format!("{head}\n").as_bytes()), ["source.grafts"]);
    assert_eq!(trap("shallow", format!("{head}\n").as_bytes()), ["source.shallow"]);
    assert_eq!(trap("objects/info/commit-graph", b"CGPH nonsense"), ["source.graph"]);
    assert_eq!(trap(&format!("refs/replace/{head}"), format!("{head}\n").as_bytes()), ["source.replace"]);
    assert_eq!(trap("config", b"[extensions]\n objectFormat = sha256\n"), ["source.pack"]);
    assert_eq!(trap("config", b"[include]\n path = /etc/passwd\n[core]\n worktree = /\n"), Vec::<&str>::new(), "never read");
}

#[test]
fn a_lying_loose_object_is_not_shown() {
    let tree = work_tree();
    let root = directory(&[("shipped/a", b"")]);
    fs::create_dir(root.path().join("source")).expect("created");
    let head = git(&["rev-parse", "HEAD"], tree.path());
    let blob = git(&["rev-parse", "HEAD:main.c"], tree.path());
    let evil = tree.path().join("evil.c");
    fs::write(&evil, b"int evil(void) { return 1; }\n").expect("written");
    let other = git(&["hash-object", "-w", "evil.c"], tree.path());
    let object = |id: &str| tree.path().join(format!(".git/objects/{}/{}", &id[..2], &id[2..]));
    fs::remove_file(object(&blob)).expect("removed");
    fs::copy(object(&other), object(&blob)).expect("copied");
    let copied =
        Command::new("cp").arg("-r").arg(tree.path().join(".git")).arg(root.path().join("source/x.git")).status().expect("cp runs");
    assert!(copied.success());
    let (listed, content) = open_in(root.path(), "x.git", Some(&head), None).expect("the tree itself is sound");
    assert!(listed.find(&"main.c".into()).is_some());
    let read = content.read_path(&"main.c".into(), 1000);
    assert!(matches!(&read, Err(ContentError::Unreadable(why)) if why.contains("mismatch")), "{read:?}");
}

#[test]
fn odd_tree_entries_are_told() {
    let root = directory(&[("shipped/a", b"")]);
    fs::create_dir(root.path().join("source")).expect("created");
    let repository = Repository::init_bare(root.path().join("source/x.git")).expect("made");
    let odb = repository.odb().expect("open");
    let blob = odb.write(ObjectType::Blob, b"text").expect("written");
    let entry = |mode: &str, name: &[u8], id: Oid| [mode.as_bytes(), b" ", name, b"\0", id.as_bytes()].concat();
    let inner = odb.write(ObjectType::Tree, &entry("100644", b"x", blob)).expect("written");
    let missing = Oid::from_str("0123456789012345678901234567890123456789").expect("an id");
    let tree = [
        entry("100644", b"..", blob),
        entry("40000", b".GIT", inner),
        entry("100644", b"a\\b", blob),
        entry("100644", b"dot.", blob),
        entry("100644", b"fine", blob),
        entry("100644", b"fine", inner),
        entry("100644", b"gone", missing),
        entry("100777", b"mode", blob),
        entry("160000", b"sub", missing),
    ]
    .concat();
    let tree = odb.write(ObjectType::Tree, &tree).expect("written");
    let commit = format!("tree {tree}\nauthor a <a@b> 1 +0000\ncommitter a <a@b> 1 +0000\n\nx\n");
    let commit = odb.write(ObjectType::Commit, commit.as_bytes()).expect("written").to_string();
    let opened = open_in(root.path(), "x.git", Some(&commit), None);
    let codes = codes_of(&opened);
    let count = |code: &str| codes.iter().filter(|c| **c == code).count();
    assert_eq!((count("source.name"), count("source.object"), count("source.mode"), count("source.submodule")), (5, 2, 1, 1), "{codes:?}");
    let (tree, content) = opened.expect("opens");
    assert_eq!(content.read_path(&"fine".into(), 10).as_deref(), Ok(&b"text"[..]));
    assert_eq!(content.read_path(&"sub".into(), 10), Err(ContentError::Absent));
    assert_eq!(content.read_path(&"gone".into(), 10), Err(ContentError::Absent));
    assert_eq!(tree.find(&".GIT/x".into()), Some(1));
}

#[test]
fn a_tree_that_repeats_itself_without_end_is_bounded() {
    let root = directory(&[("shipped/a", b"")]);
    fs::create_dir(root.path().join("source")).expect("created");
    let repository = Repository::init_bare(root.path().join("source/x.git")).expect("made");
    let odb = repository.odb().expect("open");
    let mut id = odb.write(ObjectType::Blob, b"").expect("written");
    for level in 0..8 {
        let mode = if level == 0 { "100644" } else { "40000" };
        let tree: Vec<u8> = (0..10).flat_map(|i| [format!("{mode} {i}\0").into_bytes(), id.as_bytes().to_vec()].concat()).collect();
        id = odb.write(ObjectType::Tree, &tree).expect("written");
    }
    let commit = format!("tree {id}\nauthor a <a@b> 1 +0000\ncommitter a <a@b> 1 +0000\n\nx\n");
    let commit = odb.write(ObjectType::Commit, commit.as_bytes()).expect("written").to_string();
    let error = open_in(root.path(), "x.git", Some(&commit), None).err().expect("refused");
    assert!(matches!(error, BundleError::OverBound { .. }), "{error}");
}

#[test]
fn archives_of_sources_open_in_every_compression() {
    let tree = work_tree();
    let root = directory(&[("shipped/a", b"")]);
    fs::create_dir(root.path().join("source")).expect("created");
    let at = |name: &str| root.path().join("source").join(name).to_string_lossy().into_owned();
    std::os::unix::fs::symlink("main.c", tree.path().join("link")).expect("linked");
    git(&["add", "link"], tree.path());
    git(&["commit", "-q", "-m", "three"], tree.path());
    git(&["archive", "--prefix=tool-1.0/", "-o", &at("t.tar"), "HEAD"], tree.path());
    for (tool, name) in [("gzip", "t.tar.gz"), ("xz", "t.tar.xz"), ("zstd", "t.tar.zst"), ("bzip2", "t.tar.bz2")] {
        let shell = format!("{tool} -c < t.tar > {name}");
        let made = Command::new("sh").args(["-c", &shell]).current_dir(root.path().join("source")).status().expect("sh runs");
        if !made.success() {
            fs::remove_file(at(name)).expect("removed");
        }
    }
    let mut seen = 0;
    for entry in fs::read_dir(root.path().join("source")).expect("listed").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let opened = open_in(root.path(), &name, None, None);
        let (tree, content) = opened.unwrap_or_else(|e| panic!("{name}: {e}"));
        let names: Vec<_> = tree.entries.iter().map(|e| e.path.lossy().into_owned()).collect();
        assert_eq!(names, ["link", "main.c", "sub/run.sh"], "{name}");
        assert_eq!(content.read_path(&"link".into(), 10).as_deref(), Ok(&b"main.c"[..]));
        let text = b"int main(void) { return 1; }\n";
        assert_eq!(content.read_path(&"main.c".into(), 100).as_deref(), Ok(&text[..]));
        assert_eq!(tree.entries[1].id, Sha256::of(text).to_string());
        assert!(matches!(content.read(1, 3), Err(ContentError::TooLarge { .. })));
        seen += 1;
    }
    assert!(seen >= 3, "{seen}");
    write(root.path(), "source/odd.tar.gz", &[0x1f, 0x8b, 8, 0, 0, 0]);
    assert_eq!(codes_of(&open_in(root.path(), "odd.tar.gz", None, None)), ["source.archive"]);
    write(root.path(), "source/text", b"not an archive at all");
    assert_eq!(codes_of(&open_in(root.path(), "text", None, None)), ["source.archive"]);
}

#[test]
fn a_source_outside_a_bundle_opens_in_every_form() {
    let tree = work_tree();
    let cache = tempfile::tempdir().expect("a temporary directory");
    let head = git(&["rev-parse", "HEAD"], tree.path());
    let first = git(&["rev-parse", "HEAD~1"], tree.path());
    let opened =
        |path: &Path, commit: Option<&str>| open_repository(path, commit, cache.path(), &Limits::default()).map(|(tree, _)| tree.commit);
    assert_eq!(opened(tree.path(), None).expect("a work tree"), Some(head.clone()));
    assert_eq!(opened(&tree.path().join(".git"), Some("plain")).expect("its .git"), Some(first.clone()));
    assert_eq!(opened(tree.path(), Some(&first[..9])).expect("a short id"), Some(first.clone()));
    assert_eq!(opened(tree.path(), Some("other")).expect("a branch"), Some(first.clone()));
    assert!(matches!(opened(tree.path(), Some("nothing")), Err(BundleError::Commit { .. })));
    let bundle = tree.path().join("x.bundle");
    git(&["bundle", "create", "-q", "x.bundle", "--all"], tree.path());
    assert_eq!(opened(&bundle, Some("v1.0")).expect("a git bundle"), Some(head.clone()));
    assert_eq!(opened(&bundle, None).expect("a git bundle, from the cache"), Some(head.clone()));
    let linked = cache.path().join("linked");
    git(&["worktree", "add", "-q", "--detach", &linked.to_string_lossy(), "plain"], tree.path());
    assert_eq!(opened(&linked, None).expect("a linked work tree"), Some(first));
    git(&["pack-refs", "--all"], tree.path());
    git(&["gc", "-q"], tree.path());
    assert_eq!(opened(tree.path(), Some("v1.0")).expect("packed"), Some(head));

    let plain = directory(&[("a/b.c", b"text"), ("run", b"#!")]);
    std::os::unix::fs::symlink("a/b.c", plain.path().join("l")).expect("linked");
    let (found, content) = open_repository(plain.path(), None, cache.path(), &Limits::default()).expect("a directory");
    let names: Vec<_> = found.entries.iter().map(|e| (e.path.lossy().into_owned(), e.kind)).collect();
    use crate::model::EntryKind::{File, Link};
    assert_eq!(names, [("a/b.c".to_owned(), File), ("l".to_owned(), Link), ("run".to_owned(), File)]);
    assert_eq!(content.read(1, 10).as_deref(), Ok(&b"a/b.c"[..]));
    assert!(open_repository(plain.path(), Some("main"), cache.path(), &Limits::default()).is_err());
}

#[test]
fn carriers_of_one_bag_are_the_same_release() {
    let Some(corpus) = corpus() else { return };
    let releases = corpus.join("../releases");
    let root = tempfile::tempdir().expect("a temporary directory");
    let shell = "tar -C \"$1\" -cf a.tar sed && tar -C \"$1/sed\" -cf b.tar . && (zstd -q a.tar -o a.tar.zst || true)";
    let made = Command::new("sh").args(["-c", shell, "sh"]).arg(&releases).current_dir(root.path()).status().expect("sh runs");
    assert!(made.success());
    let direct = open(&releases.join("sed")).expect("opens");
    for (name, carrier) in [("a.tar", Carrier::Tar), ("b.tar", Carrier::Tar), ("a.tar.zst", Carrier::TarZstd)] {
        let path = root.path().join(name);
        if !path.exists() {
            continue;
        }
        let bundle = open(&path).expect("opens");
        assert_eq!(bundle.release.carrier, carrier);
        assert_eq!(Release { carrier: Carrier::Directory, ..bundle.release.clone() }, direct.release, "{name}");
        assert!(hash_all(&bundle).iter().all(|f| *f == Fixity::Intact), "{name}");
    }
    let leaked: &'static [u8] = Box::leak(fs::read(root.path().join("b.tar")).expect("read").into_boxed_slice());
    let embedded = open_embedded("demonstration", leaked).expect("opens");
    assert_eq!(Release { carrier: Carrier::Directory, ..embedded.release.clone() }, direct.release);
    let cache = tempfile::tempdir().expect("a temporary directory");
    let (tree, _) =
        open_source(&embedded, &embedded.release.sources[0], cache.path(), &Limits::default(), &mut |_, _| true).expect("source opens");
    assert_eq!(tree.tag_matches, Some(true));
    // A tar that is cut while it is open is noticed.
    let bundle = open(&root.path().join("a.tar")).expect("opens");
    fs::OpenOptions::new().write(true).open(root.path().join("a.tar")).and_then(|f| f.set_len(4096)).expect("cut");
    assert!(hash_all(&bundle).contains(&Fixity::Unreadable));
}

#[test]
fn the_signatures_of_tag_and_commit_come_with_the_tree() {
    let tree = work_tree();
    let keys = tempfile::tempdir().expect("a temporary directory");
    let key = keys.path().join("key").to_string_lossy().into_owned();
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f", &key]).status().expect("ssh-keygen runs");
    assert!(made.success());
    let sign = ["-c", "gpg.format=ssh", "-c"];
    let with = format!("user.signingkey={key}");
    git(&[&sign[..], &[&with, "commit", "-q", "--allow-empty", "-S", "-m", "signed"]].concat(), tree.path());
    git(&[&sign[..], &[&with, "tag", "-s", "-m", "signed too", "v2"]].concat(), tree.path());
    let head = git(&["rev-parse", "HEAD"], tree.path());
    let root = directory(&[("shipped/a", b"")]);
    fs::create_dir(root.path().join("source")).expect("created");
    git(&["bundle", "create", "-q", &root.path().join("source/x.bundle").to_string_lossy(), "--all"], tree.path());
    let (signed, _) = open_in(root.path(), "x.bundle", Some(&head), Some("v2")).expect("opens");
    assert_eq!(signed.signed.iter().map(|s| s.is_tag).collect::<Vec<_>>(), [true, false]);
    for object in &signed.signed {
        let signature = crate::provenance::sshsig::parse(&object.signature).expect("an SSHSIG");
        assert_eq!(crate::provenance::sshsig::verify(&signature, &object.payload, "git", &signature.key), Ok(()));
    }
    let (plain, _) = open_in(root.path(), "x.bundle", None, Some("v1.0")).expect("opens");
    assert_eq!(plain.signed, [], "an annotated tag without a signature");
}
