//! What the targets share. Each target hands bytes to one reader of the library; a panic, an overflow, 20 seconds or 1 GiB is a find.

pub mod structure;

use std::path::PathBuf;

use countersign::text::Untrusted;

/// Calls `work` with bytes that last as long as the program: the readers of what is built in ask for that.
pub fn with_static(bytes: &[u8], work: impl FnOnce(&'static [u8])) {
    let kept: *mut [u8] = Box::into_raw(bytes.to_vec().into_boxed_slice());
    // SAFETY: the box is given back below, after everything that `work` made of it is dropped: it returns nothing.
    work(unsafe { &*kept });
    drop(unsafe { Box::from_raw(kept) });
}

/// A folder in memory for one process.
pub fn folder() -> PathBuf {
    let base = if std::path::Path::new("/dev/shm").is_dir() { PathBuf::from("/dev/shm") } else { std::env::temp_dir() };
    let folder = base.join(format!("countersign-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// Fails where a text could do something to a terminal.
pub fn must_be_harmless(text: &str) {
    for c in text.chars() {
        let v = u32::from(c);
        let obeyed = c.is_control()
            || matches!(v, 0xAD | 0x61C | 0x180E | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0xFEFF | 0xFE00..=0xFE0F)
            || matches!(v, 0xFFF9..=0xFFFB | 0xE000..=0xF8FF | 0xE0000..=0x10FFFF);
        assert!(!obeyed, "U+{v:04X} is shown as it is");
    }
}

/// Names as they would be shown.
pub fn must_be_shown_harmless(text: &Untrusted) {
    must_be_harmless(text.shown().as_str());
}

/// The two halves of an input: four bytes (the least significant first) with the length of the first, then both.
pub fn halves(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (head, rest) = input.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_le_bytes(*head)).ok()?;
    Some(rest.split_at(length.min(rest.len())))
}

/// A tar archive of those files.
pub fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, content) in files {
        let mut head = [0u8; 512];
        let mut put = |at: usize, text: &[u8]| head[at..at + text.len()].copy_from_slice(text);
        put(0, name.as_bytes());
        put(100, b"0000644\0000000000\0000000000\0");
        put(124, format!("{:011o}", content.len()).as_bytes());
        put(136, b"00000000000");
        put(148, b"        ");
        put(156, b"0");
        put(257, b"ustar\x0000");
        let sum: u32 = head.iter().map(|b| u32::from(*b)).sum();
        head[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        out.extend_from_slice(&head);
        out.extend_from_slice(content);
        out.resize(out.len().next_multiple_of(512), 0);
    }
    out.resize(out.len() + 1024, 0);
    out
}
