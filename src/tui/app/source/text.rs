//! A file, cut into lines.

use std::collections::BTreeSet;
use std::ops::{Range, RangeInclusive};
use std::sync::Arc;

use crate::digest::Sha256;
use crate::text::{Shown, hidden_characters};

/// A file, cut into lines.
#[derive(Debug)]
pub(crate) struct SourceText {
    pub(super) bytes: Arc<[u8]>,
    pub(super) lines: Arc<[Range<usize>]>,
    /// Whether it has NUL bytes and is shown as bytes.
    pub(crate) binary: bool,
    /// Lines, from 1, with characters that hide or reorder others.
    pub(crate) hidden: BTreeSet<u64>,
}

impl SourceText {
    pub(crate) fn new(bytes: Arc<[u8]>) -> Self {
        let binary = bytes.contains(&0);
        let mut lines = Vec::new();
        let mut hidden = BTreeSet::new();
        if binary {
            lines.extend((0..bytes.len()).step_by(16).map(|at| at..bytes.len().min(at + 16)));
        } else {
            let mut start = 0;
            while start < bytes.len() {
                let end = bytes[start..].iter().position(|b| *b == b'\n').map_or(bytes.len(), |n| start + n);
                // The carriage return of a CRLF belongs to the line's end.
                let text_end = if end > start && end < bytes.len() && bytes[end - 1] == b'\r' { end - 1 } else { end };
                lines.push(start..text_end);
                let line = &bytes[start..text_end];
                if !line.is_ascii() || line.iter().any(|b| *b < 0x20) {
                    let found = hidden_characters(&String::from_utf8_lossy(line));
                    let mark = found.iter().any(|(at, c)| !(*c == '\u{FEFF}' && *at == 0 && start == 0));
                    if mark {
                        hidden.insert(lines.len() as u64);
                    }
                }
                start = end + 1;
            }
        }
        Self { bytes, lines: lines.into(), binary, hidden }
    }

    /// Number of lines (or rows of 16 bytes).
    pub(crate) fn len(&self) -> usize {
        self.lines.len()
    }

    /// The digest of the whole file.
    pub(crate) fn digest(&self) -> Sha256 {
        Sha256::of(&self.bytes)
    }

    /// The digest of some lines (or rows of bytes), from 0, with their ends.
    pub(crate) fn span_digest(&self, rows: &RangeInclusive<usize>) -> Sha256 {
        let start = self.lines.get(*rows.start()).map_or(self.bytes.len(), |l| l.start);
        let end = self.lines.get(rows.end() + 1).map_or(self.bytes.len(), |l| l.start);
        Sha256::of(self.bytes.get(start..end).unwrap_or_default())
    }

    /// Whether a line is longer than the guard shows.
    pub(crate) fn is_cut(&self, at: usize) -> bool {
        let long = self.lines.get(at).is_some_and(|r| r.len() > crate::text::MAX_CELLS / 8);
        long && self.line(at).as_str().ends_with("<cut>")
    }

    /// A line, from 0, as displayable text.
    pub(crate) fn line(&self, at: usize) -> Shown {
        let bytes = self.lines.get(at).and_then(|r| self.bytes.get(r.clone())).unwrap_or_default();
        if !self.binary {
            return Shown::of_line(bytes);
        }
        let hex: Vec<String> = bytes.iter().map(|b| format!("{b:02x}")).collect();
        let text: String = bytes.iter().map(|b| if (0x20..0x7f).contains(b) { char::from(*b) } else { '.' }).collect();
        Shown::new(&format!("{:<47}  {text}", hex.join(" ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> SourceText {
        SourceText::new(bytes.into())
    }

    #[test]
    fn lines_are_cut_at_newlines_and_hidden_characters_are_found() {
        let file = text("int a;\r\n/* \u{202E} */\n\tb\nlast".as_bytes());
        assert_eq!(file.len(), 4);
        assert_eq!(file.line(0).as_str(), "int a;");
        assert_eq!(file.line(1).as_str(), "/* <U+202E> */");
        assert_eq!(file.hidden, BTreeSet::from([2]));
        assert_eq!(file.span_digest(&(0..=0)), Sha256::of(b"int a;\r\n"), "as it is in the file");
        assert_eq!(file.span_digest(&(2..=3)), Sha256::of(b"\tb\nlast"));
        assert_eq!(file.line(9).as_str(), "");
        assert_eq!(text(b"").len(), 0);
    }

    #[test]
    fn a_file_with_nul_bytes_is_shown_as_bytes() {
        let file = text(b"\x7fELF\0\x01\x02............more");
        assert!(file.binary);
        assert_eq!(file.len(), 2);
        assert!(file.line(0).as_str().starts_with("7f 45 4c 46 00 01 02"));
    }
}
