//! The text guard: whatever comes in, what is shown is harmless, of the width that it says, and the same when it is shown again.
#![no_main]

use countersign::text::{MAX_CELLS, Shown, Untrusted, hidden_characters};
use countersign_fuzz::must_be_harmless;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let text = Untrusted::from(input);
    let lossy = text.lossy();
    for shown in [text.shown(), Shown::of_bytes(input), Shown::of_line(input), Shown::new(&lossy)] {
        must_be_harmless(shown.as_str());
        assert!(shown.width() <= MAX_CELLS + 64, "{} cells", shown.width());
        for cells in [0, 1, 7, 80] {
            let cut = shown.cut(cells);
            must_be_harmless(cut.as_str());
            assert!(cut.width() <= cells.max(1), "{} cells of {cells}", cut.width());
            must_be_harmless(shown.cut_start(cells).as_str());
            must_be_harmless(shown.skip(cells).as_str());
        }
    }
    for (at, c) in hidden_characters(&lossy) {
        assert!(lossy[at..].starts_with(c), "no such character at {at}");
    }
});
