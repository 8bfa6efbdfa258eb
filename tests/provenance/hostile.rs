//! What is hostile, large or of the corpus: bounded, and never a pass.

use std::collections::BTreeMap;
use std::path::Path;

use countersign::digest::Sha256;
use countersign::model::{Outcome, Question, Standing};
use countersign::provenance::AllowedSigners;

use crate::case::*;

#[test]
fn hostile_provenance_files_never_panic_and_never_pass() {
    let good = envelope(&good(COMMIT), &[1]);
    for cut in (1..good.len()).step_by(97) {
        let (rows, _) =
            made(&[("x.json", good[..cut].to_vec()), ("y.jsonl", good[cut..].to_vec()), ("z.sig", good[..cut].to_vec())]).examine();
        for row in rows {
            assert_ne!(get(&row, Question::Signature).0, Outcome::Yes, "cut at {cut}: {row:?}");
        }
    }
    let deep = format!("{{\"payload\":{}", "[".repeat(100_000));
    let (rows, _) = made(&[("x.json", deep.into_bytes()), ("data.json", b"\xff\xfe".to_vec()), ("SHA512SUMS", vec![0; 1000])]).examine();
    assert_eq!(rows.len(), 3);
}

/// Formats that are not checked yet are said to be that, and none of them passes.
#[test]
fn the_whole_corpus_is_named_and_nothing_of_it_passes() {
    fn walk(dir: &Path, out: &mut Vec<(String, Vec<u8>)>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, out);
            } else {
                out.push((format!("data/provenance/{}", path.to_str().unwrap().replace('/', "_")), std::fs::read(&path).unwrap()));
            }
        }
    }
    let Some(dir) = corpus("provenance") else { return };
    let mut files = vec![("data/shipped/a.deb".to_owned(), b"aaa".to_vec())];
    walk(&dir, &mut files);
    let count = files.len();
    let mut case = Case::new(files, "corpus");
    case.signers = AllowedSigners::parse(&std::fs::read(dir.join("signoff-example/allowed_signers")).unwrap()).unwrap();
    let (rows, links) = case.examine();
    assert!(count > 200 && rows.len() + 10 > count, "{} rows of {count} files", rows.len());
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for row in &rows {
        *kinds.entry(&row.kind).or_default() += 1;
        assert_eq!(row.answers.iter().map(|a| a.question).collect::<Vec<_>>(), Question::ALL, "{:?}", row.file);
        assert!(row.answers.iter().all(|a| !a.reason.is_empty()), "{row:?}");
        // Only the two envelopes of the sign-off example are signed by keys in that file.
        let is_example = row.file.lossy().contains("signoff-example");
        assert!(is_example || get(row, Question::Signature).0 != Outcome::Yes, "{:?}", row.file);
    }
    println!("{kinds:?}");
    let bundles: usize = kinds.iter().filter(|(kind, _)| kind.starts_with("Sigstore bundle")).map(|(_, n)| n).sum();
    assert!(bundles >= 70 && kinds.keys().any(|k| k.starts_with("in-toto link")) && kinds["in-toto layout"] > 0, "{kinds:?}");
    assert_eq!(link(&links, "shipped = subject").0, Standing::Absent);
}

/// Many statements about many artifacts, and many signatures that nobody made: the work stays bounded.
#[test]
fn large_and_hostile_provenance_is_bounded() {
    let started = std::time::Instant::now();
    let count = 20_000;
    let mut files: Vec<_> = (0..count).map(|i| (format!("data/shipped/f{i}"), format!("content {i}").into_bytes())).collect();
    let digests: Vec<_> = (0..count).map(|i| (format!("f{i}"), Sha256::of(format!("content {i}").as_bytes()).to_string())).collect();
    let subjects: Vec<_> = digests.iter().map(|(n, d)| (n.as_str(), d.as_str())).collect();
    files.push(("data/provenance/all.jsonl".into(), envelope(&slsa(&subjects, COMMIT, "b"), &[1])));
    // 12,000 statements about one artifact each, signed by nobody known.
    let one = envelope(&slsa(&subjects[..1], COMMIT, "b"), &[9]);
    files.push(("data/provenance/many.jsonl".into(), one.repeat(12_000)));
    let mut case = Case::new(files, "large");
    case.signers = AllowedSigners::parse(signer_line("builder@x", "", 1).as_bytes()).unwrap();
    let (rows, links) = case.examine();
    assert!(rows.len() <= 10_001, "{}", rows.len());
    assert!(rows.last().unwrap().answers[0].reason.contains("not examined from this line on"), "{:?}", rows.last());
    assert_eq!(link(&links, "commit = provenance").0, Standing::Claimed);
    assert_eq!(link(&links, "shipped = subject").0, Standing::Proven);
    println!("{:?}", started.elapsed());
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
}
