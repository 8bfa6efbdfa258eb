use super::*;

const RELEASE: &[u8] = br#"{"schema": "release-bundle/v1", "product": "p", "version": "1", "artifacts": []}"#;

fn fail_codes(root: &Path) -> Vec<&'static str> {
    codes(&open(root).expect("opens"), Severity::Fail)
}

#[test]
fn a_sound_bag_has_no_defect_and_a_damaged_one_has() {
    let files: &[(&str, &[u8])] = &[("data/release.json", RELEASE), ("data/shipped/a", b"a")];
    let sound = bag(files);
    // Nothing names shipped/a: that is told, and nothing else.
    assert_eq!(open(sound.path()).expect("opens").release.defects.iter().map(|d| d.code).collect::<Vec<_>>(), ["release.unnamed"]);

    let link = bag(files);
    std::os::unix::fs::symlink("/etc/passwd", link.path().join("data/shipped/b")).expect("linked");
    assert_eq!(fail_codes(link.path()), ["bag.link"]);

    let missing = bag(files);
    fs::remove_file(missing.path().join("data/shipped/a")).expect("removed");
    let bundle = open(missing.path()).expect("opens");
    let defect = bundle.release.defects.iter().find(|d| d.code == "bag.missing").expect("told");
    assert_eq!((defect.place.file.as_str(), defect.place.line), (Some("manifest-sha256.txt"), Some(2)));
    assert!(hash_all(&bundle).contains(&Fixity::Missing));

    let extra = bag(files);
    write(extra.path(), "data/shipped/x", b"x");
    assert_eq!(fail_codes(extra.path()), ["bag.extra"]);
    assert!(hash_all(&open(extra.path()).expect("opens")).contains(&Fixity::Extra));

    let altered = bag(files);
    write(altered.path(), "data/shipped/a", b"b");
    assert!(hash_all(&open(altered.path()).expect("opens")).contains(&Fixity::Altered));

    let case = bag(&[("data/release.json", RELEASE), ("data/other/a", b"a"), ("data/other/A", b"a")]);
    assert_eq!(fail_codes(case.path()), ["bag.case"]);

    let manifest = bag(files);
    let path = manifest.path().join("manifest-sha256.txt");
    let text = fs::read_to_string(&path).expect("read");
    fs::write(&path, format!("{text}{}  data/../../etc/passwd\n", Sha256::of(b""))).expect("written");
    assert_eq!(fail_codes(manifest.path()), ["bag.escape", "bag.tag"]);

    let oxum = bag(files);
    write(oxum.path(), "bag-info.txt", b"Payload-Oxum: 7.1\n");
    assert_eq!(fail_codes(oxum.path()), ["bag.oxum"]);

    let disagree = bag(files);
    let line = |bytes: &[u8]| {
        let mut h = crate::digest::Hasher::new(&[Algorithm::Sha512]);
        h.update(bytes);
        h.finish().1.remove(0).to_string()
    };
    let sha512 = format!("{}  data/release.json\n{}  data/shipped/a\n", line(RELEASE), line(b"something else"));
    write(disagree.path(), "manifest-sha512.txt", sha512.as_bytes());
    let bundle = open(disagree.path()).expect("opens");
    assert_eq!(hash_all(&bundle), [Fixity::Intact, Fixity::Altered], "sha256 agrees, sha512 does not");
}

#[test]
fn the_name_of_a_defect_is_safe_to_show() {
    let root = bag(&[("data/release.json", RELEASE), ("data/other/\u{1b}[2J\u{202e}x", b"a")]);
    let bundle = open(root.path()).expect("opens");
    let text: String = bundle.release.defects.iter().map(ToString::to_string).collect();
    assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text:?}");
    assert!(codes(&bundle, Severity::Unknown).contains(&"bag.name"));
}

#[test]
fn what_is_no_bundle_is_refused_with_a_reason() {
    let root = directory(&[("a.zip", b"PK\x03\x04zip"), ("b.txt", b"hello"), ("c.tar.gz", &[0x1f, 0x8b, 8, 0]), ("empty", b"")]);
    for (name, word) in [("a.zip", "zip"), ("b.txt", "not a tar"), ("c.tar.gz", "compressed"), ("empty", "empty"), ("none", "cannot open")]
    {
        let error = open(&root.path().join(name)).err().expect("refused").to_string();
        assert!(error.contains(word) && error.contains(name), "{error}");
    }
    fs::create_dir(root.path().join("nothing")).expect("created");
    assert!(fail_codes(&root.path().join("nothing")).contains(&"bag.empty"));
}

#[test]
fn defects_of_one_kind_are_counted_not_listed_without_end() {
    let root = bag(&[("data/release.json", RELEASE)]);
    for i in 0..1000 {
        write(root.path(), &format!("data/x/{i}"), b"");
    }
    let bundle = open(root.path()).expect("opens");
    let extra: Vec<_> = bundle.release.defects.iter().filter(|d| d.code == "bag.extra").collect();
    assert_eq!(extra.len(), 201);
    assert!(extra.last().expect("one").what.starts_with("800 more"));
}

#[test]
fn every_repository_of_the_libgit2_corpus_is_survived() {
    let Some(corpus) = corpus() else { return };
    let cache = tempfile::tempdir().expect("a temporary directory");
    let (mut opened, mut refused, mut odd_names) = (0, 0, 0);
    for entry in fs::read_dir(corpus.join("hostile/libgit2-resources/tests/resources")).expect("listed").flatten() {
        for path in [entry.path(), entry.path().join(".gitted")] {
            if !path.join("HEAD").is_file() || !path.join("objects").is_dir() {
                continue;
            }
            // Every branch, not only the one that HEAD names.
            let mut names: Vec<Option<String>> = vec![None];
            names.extend(
                fs::read_dir(path.join("refs/heads"))
                    .into_iter()
                    .flatten()
                    .flatten()
                    .map(|e| Some(e.file_name().to_string_lossy().into_owned())),
            );
            for name in names {
                match open_repository(&path, name.as_deref(), cache.path(), &Limits::default()) {
                    Ok((tree, content)) => {
                        opened += 1;
                        odd_names += usize::from(
                            tree.defects.iter().any(|d| matches!(d.code, "source.name" | "source.case") && d.severity == Severity::Fail),
                        );
                        for i in 0..tree.entries.len().min(50) {
                            let _ = content.read(i, 1 << 20);
                        }
                    }
                    Err(e) => {
                        refused += 1;
                        assert!(!e.to_string().is_empty());
                    }
                }
            }
        }
    }
    assert!(opened > 100 && refused > 0, "{opened} opened, {refused} refused");
    // Every branch of "nasty" but its master has a name that git fsck refuses, or that some file system takes for another.
    assert_eq!(odd_names, 45);
}

#[test]
fn no_file_of_the_hostile_archives_opens_as_a_clean_bundle() {
    let Some(corpus) = corpus() else { return };
    let mut seen = 0;
    for folder in [
        "tar-astral/tests/archives",
        "path-traversal/tar",
        "path-traversal/zip",
        "path-traversal/ar",
        "path-traversal/cpio",
        "python-archives",
    ] {
        for entry in fs::read_dir(corpus.join("hostile").join(folder)).expect("listed").flatten() {
            seen += 1;
            let Ok(bundle) = open(&entry.path()) else { continue };
            assert!(bundle.loose && !bundle.release.defects.is_empty(), "{}", entry.path().display());
            hash_all(&bundle);
        }
    }
    assert!(seen > 55, "{seen}");
}

#[test]
fn a_small_pack_with_a_huge_object_is_refused_by_its_header() {
    let Some(corpus) = corpus() else { return };
    let pack = fs::read(corpus.join("hostile/libgit2-resources/tests/resources/delta_100mb.pack")).expect("read");
    let id = "0123456789012345678901234567890123456789";
    let root = directory(&[
        ("shipped/a", b""),
        ("source/x.bundle", &[format!("# v2 git bundle\n{id} refs/heads/main\n\n").as_bytes(), &pack].concat()),
    ]);
    let bundle = open(root.path()).expect("opens");
    let cache = tempfile::tempdir().expect("a temporary directory");
    // The pack has blobs only: it is indexed, and the commit is not there.
    let error =
        open_source(&bundle, &bundle.release.sources[0], cache.path(), &Limits::default(), &mut |_, _| true).err().expect("no commit");
    assert!(matches!(error, BundleError::Commit { .. } | BundleError::Pack { .. }), "{error}");
    let Some(place) = fs::read_dir(cache.path()).expect("listed").flatten().next() else { return };
    let store = git::Store::open(&place.path().join("objects")).expect("opens");
    let mut huge = Vec::new();
    store
        .into_odb()
        .foreach(|id| {
            huge.push(*id);
            true
        })
        .expect("listed");
    let store = git::Store::open(&place.path().join("objects")).expect("opens");
    let sizes: Vec<u64> = huge.iter().filter_map(|id| store.header(*id).ok()).map(|(_, size)| size).collect();
    let largest = sizes.iter().copied().max().expect("an object");
    assert!(largest >= 100_000_000, "{sizes:?}");
    let refused = huge.iter().filter(|id| matches!(store.read(**id, 1 << 20), Err(git::ObjectError::TooLarge(_)))).count();
    assert!(refused > 0);
}

#[test]
fn several_threads_read_at_once() {
    let files: Vec<(String, Vec<u8>)> = (0..40u8).map(|i| (format!("data/x/{i}"), vec![i; 100_000])).collect();
    let files: Vec<(&str, &[u8])> = files.iter().map(|(n, b)| (n.as_str(), b.as_slice())).collect();
    let root = bag(&files);
    let made = std::process::Command::new("tar").args(["-cf", "/dev/stdout", "."]).current_dir(root.path()).output().expect("tar runs");
    let other = directory(&[("several.tar", &made.stdout)]);
    let tar = other.path().join("several.tar");
    for path in [root.path(), tar.as_path()] {
        let bundle = open(path).expect("opens");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| assert!(hash_all(&bundle).iter().all(|f| *f == Fixity::Intact)));
            }
        });
    }
}
