//! What the reviewer sets: `config.toml` with keys, and a theme; both halves of an input.
#![no_main]

use std::sync::atomic::{AtomicUsize, Ordering};

use countersign::session::SettingsFiles;
use countersign::text::Shown;
use countersign::tui::theme::Palette;
use countersign::tui::{Wishes, settle};
use countersign_fuzz::{halves, must_be_harmless};

/// Settings that are taken are kept as long as the program runs (some 10 KiB each). So many are, and then no more with keys.
const KEPT: usize = 40_000;
static TAKEN: AtomicUsize = AtomicUsize::new(0);

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((config, theme)) = halves(input) else { return };
    let (Ok(config), Ok(theme)) = (std::str::from_utf8(config), std::str::from_utf8(theme)) else { return };
    match Palette::parse(theme) {
        Ok(palette) => must_be_harmless(Shown::new(&palette.about).as_str()),
        Err(why) => assert!(!why.is_empty(), "refused without a word"),
    }
    if TAKEN.load(Ordering::Relaxed) > KEPT && config.contains("keys") {
        return;
    }
    let files = SettingsFiles {
        config_path: "config.toml".to_owned(),
        config: Some(config.to_owned()),
        themes: vec![("own".to_owned(), theme.to_owned())],
    };
    match settle(&Wishes::default(), &files, &|name| (name == "COLORTERM").then(|| "truecolor".to_owned())) {
        Ok((_, origins)) => {
            TAKEN.fetch_add(1, Ordering::Relaxed);
            assert!(origins.len() >= 4 && origins.iter().all(|o| !o.name.is_empty() && !o.from.is_empty()), "{origins:?}");
        }
        // Whoever reads it must find the place.
        Err(why) => assert!(why.contains("config.toml") || why.contains("themes/own.toml"), "no file is named: {why}"),
    }
});
