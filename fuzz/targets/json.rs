//! Strict JSON: what it takes, serde_json takes too, and text that it shows is harmless.
#![no_main]

use countersign::json;
use countersign_fuzz::must_be_harmless;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    match json::parse(input) {
        Ok(_) => {
            let also: Result<serde_json::Value, _> = serde_json::from_slice(input);
            // A number is kept as it is written here, also one that no machine number holds.
            let refused = also.err().map(|e| e.to_string()).filter(|why| !why.starts_with("number out of range"));
            assert_eq!(refused, None, "taken here and refused by serde_json");
        }
        Err(error) => must_be_harmless(&error.to_string()),
    }
});
