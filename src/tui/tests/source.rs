//! What became of a source file.

use std::sync::Arc;

use super::{Bench, facts};
use crate::model::{BuiltFrom, CodeShare, ResultMark, Sides, SourceStatus, SourceUse};

/// The library of the release, with what its debug information claims.
fn with_share() -> crate::checks::Facts {
    let mut all = facts();
    let mut lib = (**all.comparisons[0].as_ref().expect("compared")).clone();
    let used = |name: &str, address: u64, lines, result| SourceUse {
        function: name.into(),
        address: Sides::new(Some(address), Some(address)),
        lines,
        result,
    };
    let mut built = BuiltFrom::default();
    built.uses.insert(
        "src/update/verify.c".into(),
        vec![used("verify_all", 0x1000, (200, 230), ResultMark::Different), used("verify_one", 0x2000, (10, 20), ResultMark::Identical)],
    );
    let by_status = [(SourceStatus::MatchedByPath, 900)].into();
    let share = CodeShare { total: 1000, dark: 100, by_status, odd: vec!["verify.c is odd".into()], ..CodeShare::default() };
    built.share = Sides::new(Some(share.clone()), Some(share));
    lib.built_from = Some(Arc::new(built));
    all.comparisons[0] = Some(Arc::new(lib));
    all
}

#[test]
fn a_source_file_says_what_it_was_built_into() {
    let mut bench = Bench::with(with_share(), None, 200, 60);
    bench.walk("n n g s");
    let text = bench.text();
    assert!(text.contains("src/update/verify.c"), "{text}");
    assert!(text.contains("built into usr/lib/libupdate.so"), "{text}");
    assert!(text.contains("2 functions, 1") && text.contains("verify_one"), "{text}");
}

#[test]
fn the_share_and_what_is_odd_stand_beside_the_difference() {
    let mut bench = Bench::with(with_share(), None, 120, 40);
    bench.walk("n n");
    let text = bench.text();
    assert!(text.contains("code from reviewed source 90.0%"), "{text}");
    assert!(text.contains("verify.c is odd"), "{text}");
    assert!(!Bench::new(120, 40).walk("n n").text().contains("reviewed source"), "nothing is said where nothing is known");
}
