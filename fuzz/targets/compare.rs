//! Two files against each other: executables with their symbols and debug information, and every container.
#![no_main]

use std::sync::Arc;

use countersign::diff::{self, Context, DebugFile, Limits};
use countersign::model::ResultMark;
use countersign_fuzz::{halves, must_be_harmless, structure};

// Two of three inputs are damaged in the tables of an executable, where there is one.
libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    if seed % 3 > 0 && data.get_mut(..size).is_some_and(|d| structure::damage(d, seed)) {
        return size;
    }
    libfuzzer_sys::fuzzer_mutate(data, size, max_size)
});

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((a, b)) = halves(input) else { return };
    let debug = [DebugFile { name: "x.debug".into(), bytes: Arc::from(b) }];
    let context = Context {
        source: None,
        source_content: None,
        debug: &debug,
        limits: Limits { expanded: 16 << 20, entries: 2_000, ..Limits::default() },
        cancelled: &|| false,
        share: &diff::in_order,
        progress: &|_| {},
    };
    let node = diff::compare("app".into(), Arc::from(a), Arc::from(b), &context);
    assert_eq!(node.result == ResultMark::Identical, a == b, "identical, or not: {}", node.why);
    node.walk(&mut |trail| {
        let Some(last) = trail.last() else { return };
        must_be_harmless(&last.why);
        last.metadata.iter().for_each(|m| must_be_harmless(m));
    });
    let account = node.total_account();
    if node.result == ResultMark::Equivalent {
        let open = account.shipped.unexplained + account.rebuilt.unexplained;
        assert_eq!(open, 0, "equivalent, and {open} bytes are unexplained");
    }
});
