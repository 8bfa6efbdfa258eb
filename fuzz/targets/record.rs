//! Records: read as an envelope, as a statement, as a dossier and as scanned codes. What is printed of them is in printout.rs.
#![no_main]

use countersign::provenance::AllowedSigners;
use countersign::signoff::{self, Dossier, codes};
use countersign_fuzz::must_be_harmless;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let signers = AllowedSigners::default();
    let sealed = signoff::seal_envelope(input, &[]);
    for record in [input, &sealed] {
        match signoff::verify(record, &signers, 1) {
            Ok(verified) => assert!(!verified.is_accepted(), "accepted with nobody's signature"),
            Err(error) => must_be_harmless(&error.to_string()),
        }
        // What is no envelope to one of them is none to the others: they begin with the same reader.
        if signoff::payload(record).is_ok() {
            let _ = signoff::summary(record);
            let _ = signoff::verification_summary(record, "https://v");
        }
    }
    // The other one has none.
    let _ = signoff::signatures(input, &signers);
    if let Ok(rows) = signoff::describe(input) {
        rows.iter().for_each(|row| must_be_harmless(&row.plain()));
        let _ = signoff::preview(&[("a".to_owned(), input)], 80);
    }
    for problem in signoff::check_dossier(input, input) {
        must_be_harmless(&problem);
    }
    let _ = Dossier::parse(input);
    if let Ok(text) = std::str::from_utf8(input)
        && let Err(error) = codes::decode(text)
    {
        must_be_harmless(&error.to_string());
    }
});
