use super::*;

fn bags(root: &Path, group: &str) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for version in fs::read_dir(root).expect("listed").flatten() {
        for bag in fs::read_dir(version.path().join(group)).into_iter().flatten().flatten() {
            if bag.path().is_dir() {
                out.push(bag.path());
            }
        }
    }
    out.sort();
    out
}

/// Codes of what stands against the bag after everything is hashed.
fn against(path: &Path) -> Vec<String> {
    let bundle = open(path).expect("opens");
    let mut out: Vec<String> = codes(&bundle, Severity::Unknown).into_iter().map(str::to_owned).collect();
    out.extend(hash_all(&bundle).into_iter().filter(|f| !matches!(f, Fixity::Intact | Fixity::Weak)).map(|f| format!("{f:?}")));
    out
}

#[test]
fn valid_bags_of_the_conformance_suite_are_accepted() {
    let Some(corpus) = corpus() else { return };
    let all = bags(&corpus.join("hostile/bagit"), "valid");
    assert_eq!(all.len(), 27);
    for path in all {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let allowed: &[&str] = match name.as_str() {
            // What a network would fetch is refused here, by intent.
            "holey-bag" => &["bag.fetch"],
            // SHA-224 is not computed here, so nothing is known of those files.
            "uncommon-metadata-separators" => &["bag.algorithm", "bag.manifest", "bag.extra", "Extra"],
            _ => &[],
        };
        let wrong: Vec<String> = against(&path).into_iter().filter(|c| !allowed.contains(&c.as_str())).collect();
        assert_eq!(wrong, Vec::<String>::new(), "{}", path.display());
    }
}

#[test]
fn invalid_bags_of_the_conformance_suite_are_told_of_the_right_kind() {
    let Some(corpus) = corpus() else { return };
    let root = corpus.join("hostile/bagit");
    let mut seen = 0;
    for path in ["invalid", "linux-only", "windows-only"].iter().flat_map(|group| bags(&root, group)) {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let wanted = match name.as_str() {
            "baginfo-missing-encoding"
            | "bom-in-bagit.txt"
            | "invalid-version-number"
            | "missing-bagit.txt"
            | "bagit-with-invalid-whitespace" => "bag.declaration",
            "corrupt-data-file" => "Altered",
            "corrupt-tag-file" => "bag.tag",
            "extra-file-in-bag" => "bag.extra",
            "missing-baginfo" => "bag.tag-missing",
            // It has one manifest only, so the file that it leaves out is in none.
            "notAllManifestsListAllFiles" => "bag.extra",
            n if n.starts_with("same-filename-listed-twice") => "bag.duplicate",
            n if n.ends_with("-for-fetch") => "bag.fetch",
            n if n.starts_with("out-of-scope") => "bag.escape",
            other => panic!("no expectation for {other}"),
        };
        let found = against(&path);
        assert!(found.iter().any(|c| c == wanted), "{}: {wanted} not in {found:?}", path.display());
        seen += 1;
    }
    assert_eq!(seen, 27);
}
