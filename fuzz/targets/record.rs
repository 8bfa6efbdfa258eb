//! Records: read as an envelope, as a statement, as a dossier, as scanned codes, and printed.
#![no_main]

use countersign::provenance::AllowedSigners;
use countersign::signoff::{self, Dossier, Printout, codes};
use countersign_fuzz::must_be_harmless;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let signers = AllowedSigners::default();
    for record in [input.to_vec(), signoff::seal_envelope(input, &[])] {
        match signoff::verify(&record, &signers, 1) {
            Ok(verified) => assert!(!verified.is_accepted(), "accepted with nobody's signature"),
            Err(error) => must_be_harmless(&error.to_string()),
        }
        let _ = signoff::signatures(&record, &signers);
        let _ = signoff::summary(&record);
        let _ = signoff::verification_summary(&record, "https://v");
    }
    if let Ok(rows) = signoff::describe(input) {
        rows.iter().for_each(|row| must_be_harmless(&row.plain()));
        let _ = signoff::preview(&[("a".to_owned(), input)], 80);
        if input.len() < 1 << 12
            && let Ok(printout) = Printout::new(&signoff::seal_envelope(input, &[]), None)
        {
            let (html, pdf) = (printout.html(), printout.pdf());
            assert!(!html.contains("<script") && pdf.starts_with(b"%PDF"), "no page came of it");
        }
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
