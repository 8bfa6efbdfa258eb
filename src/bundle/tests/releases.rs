use super::*;
use crate::model::IdentityBasis;

#[test]
fn the_real_releases_open_with_all_that_they_declare() {
    let Some(corpus) = corpus() else { return };
    for (name, commit, tag, size) in [
        ("sed", "c0b2e95b16bc1cb6034cb0f0d1f449c0f05c2019", "v4.9-1-deb12u1", 3_497_696),
        ("hello", "565e73d13aceeaafc0f1e5638f78355a9431b9eb", "v2.10-3", 982_951),
        ("gzip", "0b9111e0d0b661f3ba0ccab13057a6be626620ea", "v1.12-1", 1_831_488),
    ] {
        let path = corpus.join("../releases").join(name);
        let bundle = open(&path).expect("opens");
        let release = &bundle.release;
        assert_eq!(release.defects, [], "{name}");
        assert_eq!((release.carrier, release.product.as_str(), bundle.loose), (Carrier::Directory, Some(name), false));
        assert_eq!((release.files.len(), release.total_size()), (10, size));
        assert!(release.files.iter().all(|f| f.declared.len() == 1 && f.present));
        let tags = fs::read(path.join("tagmanifest-sha256.txt")).expect("read");
        assert_eq!(release.identity, Identity { digest: Some(Sha256::of(&tags)), basis: IdentityBasis::TagManifest });
        let [artifact] = &release.artifacts[..] else { panic!("one artifact") };
        assert_eq!((artifact.rebuilt.len(), artifact.debug.len()), (1, 1));
        let role = |role| release.with_role(role).count();
        let counts =
            [FileRole::Shipped, FileRole::Rebuilt, FileRole::Debug, FileRole::Source, FileRole::Trust, FileRole::Provenance].map(role);
        assert_eq!(counts, [1, 1, 1, 1, 1, 4]);
        assert!(release.file(artifact.shipped.expect("shipped")).expect("there").path.lossy().starts_with("data/shipped/"));

        let cache = tempfile::tempdir().expect("a temporary directory");
        let mut last = (0, 0);
        let mut progress = |done, total| {
            assert!(done <= total && done >= last.0, "{done} of {total} after {last:?}");
            last = (done, total);
            true
        };
        let (tree, content) =
            open_source(&bundle, &release.sources[0], cache.path(), &Limits::default(), &mut progress).expect("source opens");
        assert_eq!((tree.commit.as_deref(), tree.tag_matches), (Some(commit), Some(true)), "{name}");
        assert_eq!(tree.tag.as_ref().and_then(|t| t.as_str()), Some(tag));
        assert_eq!(tree.defects, []);
        assert!(tree.entries.len() > 50 && tree.entries.is_sorted_by(|a, b| a.path < b.path));
        for (i, entry) in tree.entries.iter().enumerate() {
            let bytes = content.read(i, entry.size).expect("readable");
            assert_eq!(bytes.len() as u64, entry.size, "{:?}", entry.path);
            // Git's own name for the bytes, computed here a second time.
            let mut hasher = crate::digest::Hasher::new(&[Algorithm::Sha1]);
            hasher.update(format!("blob {}\0", bytes.len()).as_bytes());
            hasher.update(&bytes);
            assert_eq!(hasher.finish().1[0].to_string(), entry.id);
        }
        let biggest = tree.entries.iter().position(|e| e.size > 10).expect("a file");
        assert!(matches!(content.read(biggest, 5), Err(ContentError::TooLarge { limit: 5, .. })));
        // The second time nothing is indexed: progress is about hashing only, or silent.
        let mut calls = 0;
        let again = open_source(&bundle, &release.sources[0], cache.path(), &Limits::default(), &mut |_, _| {
            calls += 1;
            true
        })
        .expect("opens again");
        assert_eq!((again.0, calls), (tree, 0));
        assert_eq!(hash_all(&bundle), vec![Fixity::Intact; 10], "{name}");
    }
}

#[test]
fn the_command_line_git_agrees_about_the_tree() {
    let Some(corpus) = corpus() else { return };
    let bundle = open(&corpus.join("../releases/hello")).expect("opens");
    let cache = tempfile::tempdir().expect("a temporary directory");
    let (tree, _) =
        open_source(&bundle, &bundle.release.sources[0], cache.path(), &Limits::default(), &mut |_, _| true).expect("source opens");
    let repository = fs::read_dir(cache.path()).expect("listed").next().expect("one").expect("read").path();
    let output = std::process::Command::new("git")
        .args(["-c", "safe.directory=*", "--git-dir"])
        .arg(&repository)
        .args(["ls-tree", "-r", "-l", "-z", tree.commit.as_deref().expect("a commit")])
        .output()
        .expect("git runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let theirs: Vec<String> =
        output.stdout.split(|b| *b == 0).filter(|l| !l.is_empty()).map(|l| String::from_utf8_lossy(l).into_owned()).collect();
    let mut ours: Vec<String> = tree
        .entries
        .iter()
        .map(|e| {
            let mode = match e.kind {
                crate::model::EntryKind::File => "100644",
                crate::model::EntryKind::Executable => "100755",
                crate::model::EntryKind::Link => "120000",
                crate::model::EntryKind::Submodule => "160000",
            };
            format!("{mode} blob {} {:>7}\t{}", e.id, e.size, e.path.lossy())
        })
        .collect();
    let mut theirs = theirs;
    theirs.sort();
    ours.sort();
    assert_eq!(ours, theirs);
}
