//! The journal of a review: as it stands, each line of the input as an event that is chained rightly, and merged with itself.
#![no_main]

use countersign::review::journal::{self, Entry, Stamp};
use countersign::review::merge::{Side, merge};
use countersign::review::{State, answers};
use countersign_fuzz::must_be_harmless;

/// The lines that hold an event, each with the one before it in its chain.
fn chained(input: &[u8]) -> Vec<u8> {
    let (mut out, mut prev, mut n) = (String::new(), journal::origin(), 1);
    for line in input.split(|b| *b == b'\n') {
        // A line of a journal holds the event as `body`; one that is the event itself is taken as well.
        let entry = serde_json::from_slice::<serde_json::Value>(line)
            .ok()
            .and_then(|value| serde_json::from_value::<Entry>(value.get("body").unwrap_or(&value).clone()).ok());
        if let Some((whole, hash)) = entry.and_then(|entry| journal::write_line(n, &prev, &entry).ok()) {
            out.push_str(&whole);
            (prev, n) = (hash, n + 1);
        }
    }
    out.into_bytes()
}

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let raw = journal::read(input);
    assert_eq!(raw.whole + raw.torn, input.len());
    if let Some(damage) = &raw.damage {
        must_be_harmless(&damage.to_string());
    }
    let lines = chained(input);
    let reading = journal::read(&lines);
    assert_eq!(reading.damage, None, "a line that was just written cannot be read");
    let _ = (reading.bundle(), reading.clock());
    let state = State::fold(reading.events());
    let _ = (state.undo(), state.redo(), state.to_carry(), state.next_finding());
    let head = [reading.head()];
    if let (Ok(one), Ok(other)) = (Side::of(&reading, &head), Side::of(&raw, &[raw.head()])) {
        let _ = merge(&[one, other], &Stamp { wall: "2026-01-01T00:00:00Z".into(), boottime: "1".into(), boot_id: "b".into() });
    }
    let _ = answers(input);
});
