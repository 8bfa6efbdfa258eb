//! Containers and streams inside one file: tar, zip, cpio, ar, deb, rpm, gzip, xz, zstd, bzip2, one in another.
#![no_main]

use std::sync::Arc;

use countersign::digest::Algorithm;
use countersign::diff::{self, Limits};
use countersign_fuzz::{must_be_harmless, must_be_shown_harmless};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let limits = Limits { expanded: 16 << 20, entries: 2_000, ..Limits::default() };
    let inside = diff::inside(Arc::from(input), &[Algorithm::Md5], &limits, &|| false);
    inside.closed.iter().for_each(|why| must_be_harmless(why));
    inside.members.iter().for_each(|m| must_be_shown_harmless(&m.name));
});
