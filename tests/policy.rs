//! Policies that are wrong, one small file each way to be wrong: every one is refused, with line and column of what is wrong.
//! The first line of each file says where and what.

use countersign::checks::Policy;

#[test]
fn each_bad_policy_is_refused_with_its_place() {
    let mut files: Vec<_> = std::fs::read_dir("testdata/policies").expect("the folder").map(|e| e.expect("a file").path()).collect();
    files.sort();
    assert!(files.len() > 30, "the files were not found");
    let mut wrong = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a policy");
        let expected = text.lines().next().and_then(|l| l.strip_prefix("# ")).expect("the first line says what is wrong");
        let error = Policy::parse(&text).expect_err(&format!("{} is no policy", file.display())).to_string();
        if !error.starts_with(expected) {
            wrong.push(format!("{}: expected {expected}, got {error}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_large_policy_is_read_or_refused_at_once() {
    let nested = format!("builders = {}", "[".repeat(200_000));
    let many = format!("builders = [{}]", (0..100_000).map(|i| format!("\"b{i}\"")).collect::<Vec<_>>().join(","));
    let started = std::time::Instant::now();
    assert!(Policy::parse(&nested).is_err());
    assert_eq!(Policy::parse(&many).expect("a policy").builders.len(), 100_000);
    assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
}
