//! The text guard: whatever comes in, what is shown is harmless, of the width that it says, and the same when it is shown again.
#![no_main]

use countersign::text::{MAX_CELLS, Shown, Untrusted, hidden_characters};
use countersign_fuzz::must_be_harmless;

/// Widths that a text is cut to. A long one is cut to one of them, by its length: each width is as much work as reading it.
const WIDTHS: [usize; 4] = [0, 1, 7, 80];

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let text = Untrusted::from(input);
    let lossy = text.lossy();
    let mut all = vec![text.shown()];
    // Of a text without a tab, or of valid UTF-8, these are the same function of the same bytes.
    if input.contains(&b'\t') {
        all.push(Shown::of_line(input));
    }
    if lossy.as_bytes() != input {
        all.push(Shown::new(&lossy));
    }
    let widths = if input.len() <= 512 { &WIDTHS[..] } else { std::slice::from_ref(&WIDTHS[input.len() % 4]) };
    for shown in all {
        must_be_harmless(shown.as_str());
        assert!(shown.width() <= MAX_CELLS + 64, "{} cells", shown.width());
        for cells in widths.iter().copied() {
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
