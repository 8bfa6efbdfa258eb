//! The guard: bytes in, printable characters out.
//!
//! Everything that is not plainly printable becomes a visible token: C0, C1 and DEL as `<1B>`, invalid UTF-8 as `\xFF`,
//! default-ignorable, bidirectional, private-use, unassigned and tag characters as `<U+202E>`, a tab as `→`. A cluster of
//! more than [`MAX_CLUSTER`] code points is broken up, and a text of more than [`MAX_CELLS`] cells is cut with a mark.
//! What comes out has a known width, so no two programs can disagree about where a column ends.

use std::fmt::Write as _;

use unicode_properties::{GeneralCategory, UnicodeEmoji as _, UnicodeGeneralCategory as _};
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::Shown;

/// Code points that one cluster may have before it is written as tokens (CVE-2021-27135 used stacked marks).
pub const MAX_CLUSTER: usize = 8;

/// Cells after which a text is cut, with a mark that says so.
pub const MAX_CELLS: usize = 10_000;

pub(super) fn show(bytes: &[u8]) -> Shown {
    if bytes.len() <= MAX_CELLS && bytes.iter().all(|b| (0x20..0x7f).contains(b)) {
        return Shown(String::from_utf8_lossy(bytes).into_owned());
    }
    let mut out = String::with_capacity(bytes.len());
    let mut cells = 0;
    for chunk in bytes.utf8_chunks() {
        for cluster in chunk.valid().graphemes(true) {
            let start = out.len();
            show_cluster(cluster, &mut out);
            cells += width(&out[start..]);
            if cells > MAX_CELLS {
                out.truncate(start);
                out.push_str("<cut>");
                return Shown(out);
            }
        }
        for byte in chunk.invalid() {
            cells += 4;
            if cells > MAX_CELLS {
                out.push_str("<cut>");
                return Shown(out);
            }
            let _ = write!(out, "\\x{byte:02X}");
        }
    }
    Shown(out)
}

fn show_cluster(cluster: &str, out: &mut String) {
    let mut points = cluster.chars();
    if let (Some(only), None) = (points.next(), points.next()) {
        if only == '\t' {
            out.push('→');
        } else if is_plain(only) && only.width().unwrap_or(0) > 0 {
            out.push(only);
        } else {
            token(only, out);
        }
        return;
    }
    // A base with a few marks is honest text (é, ก็). Anything else that joins code points into one cell is taken apart:
    // terminals disagree about the width of joined emoji, and stacked marks draw over their neighbours.
    let marks_only = cluster.chars().count() <= MAX_CLUSTER
        && cluster.chars().all(is_plain)
        && cluster.chars().next().is_some_and(|c| c.width().unwrap_or(0) > 0)
        && cluster.chars().skip(1).all(|c| c.width() == Some(0));
    if marks_only && cluster.chars().skip(1).count() <= 3 {
        out.push_str(cluster);
        return;
    }
    for c in cluster.chars() {
        if is_plain(c) && c.width().unwrap_or(0) > 0 && !is_emoji_joiner(c) {
            out.push(c);
        } else {
            token(c, out);
        }
    }
}

fn is_emoji_joiner(c: char) -> bool {
    // Regional indicators and skin tones join with their neighbours when they are printed side by side.
    matches!(u32::from(c), 0x1F1E6..=0x1F1FF | 0x1F3FB..=0x1F3FF)
}

fn token(c: char, out: &mut String) {
    let value = u32::from(c);
    let _ = if value < 0x100 && is_control(c) { write!(out, "<{value:02X}>") } else { write!(out, "<U+{value:04X}>") };
}

fn is_control(c: char) -> bool {
    matches!(u32::from(c), 0..=0x1f | 0x7f..=0x9f)
}

/// Whether a code point may be drawn as itself.
fn is_plain(c: char) -> bool {
    if (' '..='~').contains(&c) {
        return true;
    }
    // The marks of half-width katakana join what is before them and have no width, says Unicode; terminals give them a cell.
    if is_control(c) || is_default_ignorable(c) || matches!(c, '\u{FF9E}' | '\u{FF9F}') {
        return false;
    }
    !matches!(
        c.general_category(),
        GeneralCategory::Format
            | GeneralCategory::PrivateUse
            | GeneralCategory::Unassigned
            | GeneralCategory::Surrogate
            | GeneralCategory::Control
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
            | GeneralCategory::SpaceSeparator
            | GeneralCategory::EnclosingMark
    )
}

/// Default_Ignorable_Code_Point (Unicode DerivedCoreProperties) beyond general category Cf.
fn is_default_ignorable(c: char) -> bool {
    matches!(
        u32::from(c),
        0xAD | 0x34F | 0x61C | 0x115F..=0x1160 | 0x17B4..=0x17B5 | 0x180B..=0x180F | 0x200B..=0x200F | 0x202A..=0x202E
            | 0x2060..=0x206F | 0x2800 | 0x3164 | 0xFE00..=0xFE0F | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFC | 0x1BCA0..=0x1BCA3
            | 0x1D173..=0x1D17A | 0xE0000..=0xE0FFF
    )
}

/// The characters of a text that hide or reorder others (Trojan Source, CVE-2021-42574), as (byte offset, code point).
/// Tab, carriage return before a newline, and newline are ordinary in source files and are not reported.
#[must_use]
pub fn hidden_characters(text: &str) -> Vec<(usize, char)> {
    let mut found = Vec::new();
    for (at, c) in text.char_indices() {
        if (' '..='~').contains(&c) || matches!(c, '\t' | '\n' | '\x0c') {
            continue;
        }
        if c == '\r' {
            if !text[at + 1..].starts_with('\n') {
                found.push((at, c));
            }
            continue;
        }
        let bom_at_start = at == 0 && c == '\u{FEFF}';
        let hides = if u32::from(c) < 0x80 {
            moves(c, &text[at + 1..])
        } else {
            is_control(c) || is_default_ignorable(c) || c.general_category() == GeneralCategory::Format
        };
        // An emoji variation selector after a symbol is what keyboards type; it hides nothing.
        if hides && !bom_at_start && c != '\u{FE0F}' && !joins(&text[..at], c, &text[at + c.len_utf8()..]) {
            found.push((at, c));
        }
    }
    found
}

/// Whether a control character of ASCII hides or moves text that stands beside it: on a terminal (a backspace, another character
/// set, an escape that does more than colour), or in a compiler that takes it for the end of the file. A bell rings and no more.
fn moves(c: char, after: &str) -> bool {
    match c {
        '\u{1b}' => {
            let colour =
                after.strip_prefix('[').and_then(|rest| rest.split_once(|c: char| !c.is_ascii_digit() && c != ';').map(|(n, _)| (n, rest)));
            let Some((numbers, rest)) = colour else { return true };
            // `8` conceals.
            rest.as_bytes().get(numbers.len()) != Some(&b'm') || numbers.split(';').any(|n| n.trim_start_matches('0') == "8")
        }
        _ => matches!(u32::from(c), 0 | 0x08 | 0x0e | 0x0f | 0x1a | 0x7f),
    }
}

/// Whether a joiner stands where writing needs it: between two emoji, or between letters of scripts that are joined or not by
/// it (Unicode Standard, 23.2). Between other characters it is there to be overlooked.
fn joins(before: &str, c: char, after: &str) -> bool {
    if !matches!(c, '\u{200C}' | '\u{200D}') {
        return false;
    }
    let left = before.chars().rev().find(|c| !matches!(u32::from(*c), 0xFE0F | 0x1F3FB..=0x1F3FF));
    let (Some(left), Some(right)) = (left, after.chars().next()) else { return false };
    let emoji = |c: char| !c.is_ascii() && c.is_emoji_char();
    // Arabic and Syriac; from Devanagari to Sinhala; Myanmar, Khmer and Mongolian; the supplements of Arabic.
    let joined = |c: char| matches!(u32::from(c), 0x0620..=0x074F | 0x0750..=0x077F | 0x08A0..=0x08FF | 0x0900..=0x0DFF | 0x1000..=0x109F | 0x1780..=0x17D3 | 0x1820..=0x18AA);
    (c == '\u{200D}' && emoji(left) && emoji(right)) || (joined(left) && joined(right))
}

pub(super) fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.width() }
}

pub(super) fn cut_end(text: &str, cells: usize) -> String {
    if width(text) <= cells {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for cluster in text.graphemes(true) {
        let w = cluster.width();
        if used + w + 1 > cells {
            break;
        }
        out.push_str(cluster);
        used += w;
    }
    if cells > 0 {
        out.push('…');
    }
    out
}

pub(super) fn cut_start(text: &str, cells: usize) -> String {
    if width(text) <= cells {
        return text.to_owned();
    }
    let mut kept = Vec::new();
    let mut used = 0;
    for cluster in text.graphemes(true).rev() {
        let w = cluster.width();
        if used + w + 1 > cells {
            break;
        }
        kept.push(cluster);
        used += w;
    }
    if cells > 0 {
        kept.push("…");
    }
    kept.reverse();
    kept.concat()
}

pub(super) fn skip(text: &str, cells: usize) -> String {
    let mut passed = 0;
    let mut out = String::new();
    for cluster in text.graphemes(true) {
        if passed >= cells {
            out.push_str(cluster);
        } else {
            passed += cluster.width();
            if passed > cells {
                out.push(' '); // half of a wide character scrolled out
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(bytes: &[u8]) -> String {
        show(bytes).0
    }

    #[test]
    fn plain_text_stays_as_it_is() {
        for text in ["usr/bin/hello", "é è ü", "naïve", "日本語", "Ελλάδα", "עברית", ""] {
            assert_eq!(shown(text.as_bytes()), text);
        }
    }

    #[test]
    fn controls_become_tokens() {
        assert_eq!(shown(b"\x1b[31mred"), "<1B>[31mred");
        assert_eq!(shown(b"a\rb\nc\0"), "a<0D>b<0A>c<00>");
        assert_eq!(shown("\u{9b}31m\u{7f}".as_bytes()), "<9B>31m<7F>");
        assert_eq!(shown(b"a\tb"), "a→b");
        assert_eq!(shown(b"\xff\xfe!"), "\\xFF\\xFE!");
    }

    #[test]
    fn a_line_keeps_its_indentation() {
        let line = |bytes: &[u8]| Shown::of_line(bytes).0;
        assert_eq!(line(b"\tif (x)\t/* y */"), "→       if (x)→ /* y */");
        assert_eq!(line(b"ab\tc"), "ab→     c");
        assert_eq!(line(b"none"), "none");
        assert_eq!(line("\t\u{202E}".as_bytes()), "→       <U+202E>");
        assert!(Shown::of_line(&b"\t".repeat(100_000)).width() <= MAX_CELLS + 16);
    }

    #[test]
    fn what_hides_or_reorders_becomes_a_token() {
        for c in [
            '\u{202E}',
            '\u{2066}',
            '\u{200B}',
            '\u{200D}',
            '\u{AD}',
            '\u{E0041}',
            '\u{FEFF}',
            '\u{2028}',
            '\u{3164}',
            '\u{E000}',
            '\u{61C}',
            '\u{A0}',
        ] {
            assert_eq!(shown(format!("a{c}b").as_bytes()), format!("a<U+{:04X}>b", u32::from(c)));
        }
    }

    #[test]
    fn half_width_marks_have_a_cell_on_terminals_and_are_told_as_tokens() {
        assert_eq!(show("\u{FF76}\u{FF9E}".as_bytes()).as_str(), "\u{FF76}<U+FF9E>");
        assert_eq!(show("\"\u{FF9F}".as_bytes()).as_str(), "\"<U+FF9F>");
    }

    #[test]
    fn stacked_marks_are_bounded() {
        let text = format!("e{}", "\u{301}".repeat(100_000));
        let out = show(text.as_bytes());
        assert!(out.width() <= MAX_CELLS + 5, "{}", out.width());
        assert!(!out.0.contains('\u{301}'));
        assert_eq!(shown("e\u{301}".as_bytes()), "e\u{301}");
    }

    #[test]
    fn long_text_is_cut_with_a_mark() {
        // Valid text, bytes of which none is valid, and a line whose two parts are each as long as a line may be.
        let parts = [vec![b'x'; MAX_CELLS - 10], vec![b'y'; MAX_CELLS - 10]].join(&b'\t');
        for out in [show(&[b'x'; 50_000]), show(&[0xf8; 50_000]), Shown::of_line(&parts), Shown::of_line(&[b'\t'; 50_000])] {
            assert!(out.0.ends_with("<cut>"));
            assert!(out.width() <= MAX_CELLS + 16, "{}", out.width());
        }
    }

    #[test]
    fn no_byte_pair_gets_anything_unprintable_out() {
        for a in 0..=255u8 {
            for b in 0..=255u8 {
                let out = shown(&[a, b, b'x']);
                assert!(out.chars().all(|c| is_plain(c) && c.width().is_some()), "{a:02x}{b:02x}: {out:?}");
            }
        }
    }

    #[test]
    fn cutting_and_skipping_count_cells() {
        let text = Shown::new("日本語abc");
        assert_eq!(text.width(), 9);
        assert_eq!(text.cut(5).as_str(), "日本…");
        assert_eq!(text.cut_start(5).as_str(), "…abc");
        assert_eq!(text.skip(3).as_str(), " 語abc");
        assert_eq!(text.cut(9).as_str(), "日本語abc");
        assert_eq!(text.cut(0).as_str(), "");
    }

    #[test]
    fn hidden_characters_are_found_and_ordinary_ones_are_not() {
        assert!(hidden_characters("int a;\t/* x */\r\n").is_empty());
        assert_eq!(hidden_characters("a\u{202E}b"), vec![(1, '\u{202E}')]);
        assert_eq!(hidden_characters("a\rb").len(), 1);
        // Colour hides nothing; what moves or conceals does.
        assert!(hidden_characters("red='\x1b[0;31m' std='\x1b[m' bell=\x07 old\x1f").is_empty());
        assert_eq!(hidden_characters("\x1b[8m \x1b[2K \x1b]0;t \x1b[31;8m a\x08b \x1a \x0e \x1b").len(), 8);
        // Joiners that writing needs, and some that it does not.
        assert!(hidden_characters("\u{1f468}\u{200d}\u{1f4bb} \u{2764}\u{fe0f}\u{200d}\u{1f525}").is_empty());
        assert!(hidden_characters("\u{645}\u{6cc}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645} \u{915}\u{94d}\u{200d}\u{937}").is_empty());
        assert_eq!(hidden_characters("is\u{200d}Admin a\u{200c}b 1\u{200d}2 \u{1f468}\u{200d}x").len(), 4);
    }
}
