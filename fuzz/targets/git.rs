//! Sources in one file: a git bundle (libgit2 reads its pack), or an archive.
#![no_main]

use countersign::bundle;
use countersign::model::Limits;
use countersign_fuzz::{folder, must_be_harmless, must_be_shown_harmless};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let folder = folder();
    let (file, cache) = (folder.join("source"), folder.join("cache"));
    std::fs::write(&file, input).expect("written");
    let _ = std::fs::remove_dir_all(&cache);
    std::fs::create_dir_all(&cache).expect("a folder");
    match bundle::open_repository(&file, None, &cache, &Limits::default()) {
        Ok((tree, content)) => {
            for (index, entry) in tree.entries.iter().enumerate().take(200) {
                must_be_shown_harmless(&entry.path);
                let _ = content.read(index, 1 << 20);
            }
            tree.defects.iter().for_each(|d| must_be_harmless(&d.what));
        }
        Err(error) => must_be_harmless(&error.to_string()),
    }
});
