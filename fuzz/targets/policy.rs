//! What a room brings: policy, signers, keys, lists of what was installed elsewhere.
#![no_main]

use countersign::checks::{Policy, Quorum};
use countersign::provenance::{AllowedSigners, Key, PublicKey, expect, minisign, openpgp, sigstore};
use countersign_fuzz::must_be_harmless;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Ok(text) = std::str::from_utf8(input) {
        match Policy::parse(text) {
            Ok(policy) => {
                let _ = Quorum::new(&policy, &AllowedSigners::default());
            }
            Err(error) => {
                must_be_harmless(&error.what);
                assert!(error.line >= 1 && error.column >= 1, "no place: {error}");
            }
        }
        let _ = expect::digits(text);
        let _ = expect::words(text);
    }
    let _ = AllowedSigners::parse(input);
    let _ = Key::from_file(input);
    let _ = Key::from_blob(input);
    let _ = PublicKey::parse(input);
    let _ = expect::parse(input);
    let _ = minisign::Keys::default().add("k", input);
    let _ = openpgp::Keyring::parse(input);
    let _ = sigstore::Root::parse(input, None);
});
