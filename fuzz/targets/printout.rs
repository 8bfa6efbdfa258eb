//! A record on paper: whatever its statement is, a page comes of it that obeys nothing, and codes that give the record back. Each
//! makes QR codes, which takes a thousand times as long as reading: apart from record.rs, which must be quick.
#![no_main]

use countersign::signoff::{self, Printout, codes};
use countersign_fuzz::must_be_harmless;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if signoff::describe(input).is_err() {
        return;
    }
    let record = signoff::seal_envelope(input, &[]);
    let Ok(printout) = Printout::new(&record, None) else { return };
    printout.rows.iter().for_each(|row| must_be_harmless(&row.plain()));
    let (html, pdf) = (printout.html(), printout.pdf());
    assert!(!html.contains("<script") && pdf.starts_with(b"%PDF"), "no page came of it");
    if !printout.texts.is_empty() {
        let back = codes::decode(&printout.texts.join("\n")).expect("what was made is read");
        assert_eq!(signoff::payload(&back).ok(), signoff::payload(&record).ok(), "the codes give another record");
    }
});
