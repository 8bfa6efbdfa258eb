//! The manifest of a bundle (`release.json`), and the tag files of a bag when the input begins with `bag`.
#![no_main]

use countersign::bundle;
use countersign_fuzz::{halves, must_be_shown_harmless, tar, with_static};

fn open(files: &[(&str, &[u8])]) {
    with_static(&tar(files), |bytes| {
        let Ok(opened) = bundle::open_embedded("fuzz", bytes) else { return };
        for defect in &opened.release.defects {
            countersign_fuzz::must_be_harmless(&defect.what);
        }
        must_be_shown_harmless(&opened.release.product);
        must_be_shown_harmless(&opened.release.version);
        opened.release.files.iter().for_each(|f| must_be_shown_harmless(&f.path));
    });
}

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    match input.strip_prefix(b"bag") {
        Some(rest) => {
            let Some((manifest, info)) = halves(rest) else { return };
            open(&[
                ("bagit.txt", b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"),
                ("bag-info.txt", info),
                ("manifest-sha256.txt", manifest),
                ("tagmanifest-sha256.txt", manifest),
                ("data/release.json", b"{}"),
                ("data/shipped/a", b"a"),
            ]);
        }
        None => open(&[
            ("release.json", input),
            ("shipped/app", b"a"),
            ("rebuilt/app", b"b"),
            ("source/app.bundle", b"c"),
            ("provenance/app.json", b"{}"),
        ]),
    }
});
