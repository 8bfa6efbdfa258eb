//! A tar as the carrier of a bundle: the strict pass over its headers, and every file read back.
#![no_main]

use countersign::bundle;
use countersign::model::{Content as _, FileId};
use countersign_fuzz::{must_be_harmless, must_be_shown_harmless, with_static};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    with_static(input, |bytes| match bundle::open_embedded("fuzz", bytes) {
        Ok(opened) => {
            for (id, file) in (0..).map(FileId).zip(&opened.release.files) {
                must_be_shown_harmless(&file.path);
                if file.present {
                    let read = opened.content.read(id, 1 << 30);
                    assert!(read.is_err() || read.is_ok_and(|b| b.len() as u64 == file.size), "a file of another size than it says");
                }
            }
            opened.release.defects.iter().for_each(|d| must_be_harmless(&d.what));
        }
        Err(error) => must_be_harmless(&error.to_string()),
    });
});
