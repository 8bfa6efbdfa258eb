//! Looking for a pattern in files: lines of text, printable strings of a binary file, and names of its symbols.
//!
//! The pattern is a regular expression as ripgrep takes it (linear in time). Small letters alone match capital ones too; a text
//! that is no regular expression is looked for as it stands.

use std::collections::HashSet;
use std::ops::Range;

use grep_matcher::Matcher as _;
use grep_regex::{RegexMatcher, RegexMatcherBuilder};
use grep_searcher::sinks::Bytes;
use grep_searcher::{BinaryDetection, Searcher, SearcherBuilder};

use super::blob::Blob;
use super::exe::Exe;
use super::symbols::symbols;
use super::trigrams::Needle;
use super::{kind, pclntab};

/// Printable bytes from which on a run of them counts as a string.
const SHORTEST: usize = 4;
/// A longer string is cut into pieces of this many bytes.
const LONGEST: usize = 4 << 10;
/// Bytes that a pattern may compile to.
const MAX_PATTERN: usize = 4 << 20;

/// What is looked for.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    matcher: RegexMatcher,
    /// Why the text was taken as it stands, when it is no regular expression.
    pub(crate) literal: Option<String>,
    /// What every match holds, where that is known.
    pub(crate) needle: Option<Needle>,
}

/// A place in an executable that matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BinaryHit {
    /// A string: its offset in the file and its bytes.
    String(u64, Vec<u8>),
    /// A symbol: its address and its name.
    Symbol(u64, Vec<u8>),
}

impl Pattern {
    /// The pattern of a text that a person typed.
    ///
    /// # Errors
    /// When it is neither a regular expression of a sensible size nor a text: in words.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        let mut builder = RegexMatcherBuilder::new();
        builder.case_smart(true).size_limit(MAX_PATTERN).dfa_size_limit(MAX_PATTERN).line_terminator(Some(b'\n'));
        match builder.build(text) {
            Ok(matcher) => Ok(Self { matcher, literal: None, needle: plain(text).and_then(|text| Needle::new(text.as_bytes())) }),
            Err(why) => {
                let matcher = builder.fixed_strings(true).build(text).map_err(|e| e.to_string())?;
                Ok(Self { matcher, literal: Some(why.to_string()), needle: Needle::new(text.as_bytes()) })
            }
        }
    }

    /// The first match in a line or a name.
    #[must_use]
    pub(crate) fn first(&self, line: &[u8]) -> Option<Range<usize>> {
        self.matcher.find(line).ok().flatten().map(|m| m.start()..m.end())
    }

    /// Calls `each` with the number (from 1) and the bytes of every line that matches, until it returns false. A file with NUL bytes is
    /// no text: nothing is found in it.
    pub(crate) fn lines(&self, searcher: &mut LineSearcher, bytes: &[u8], mut each: impl FnMut(u64, &[u8]) -> bool) {
        // A NUL beyond the first lines would only be seen after some of them had been told.
        if bytes.contains(&0) {
            return;
        }
        let sink = Bytes(|number, line: &[u8]| Ok(each(number, line.strip_suffix(b"\n").unwrap_or(line))));
        // It reads from memory: there is nothing that can fail.
        let _ = searcher.search_slice(&self.matcher, bytes, sink);
    }

    /// Calls `each` with every string and symbol of an executable or other binary file that matches, until it returns false.
    pub(crate) fn binary(&self, bytes: &Blob, mut each: impl FnMut(BinaryHit) -> bool) {
        let mut told = HashSet::new();
        if let Ok(exe) = Exe::parse(kind::recognise(bytes), bytes) {
            let mut names = symbols(&exe, true);
            if !names.iter().any(|s| s.code) {
                names.extend(pclntab::symbols(&exe));
            }
            names.sort_by(|x, y| (x.address, &x.name).cmp(&(y.address, &y.name)));
            names.dedup_by(|x, y| x.address == y.address && x.name == y.name);
            for symbol in names.into_iter().filter(|s| self.first(&s.name).is_some()) {
                told.insert(symbol.name.clone());
                if !each(BinaryHit::Symbol(symbol.address, symbol.name)) {
                    return;
                }
            }
        }
        for run in runs(bytes) {
            let text = bytes.get(run.clone()).unwrap_or_default();
            // The table of names is full of what was told already.
            if self.first(text).is_some() && !told.contains(text) && !each(BinaryHit::String(run.start as u64, text.to_vec())) {
                return;
            }
        }
    }
}

/// The text that every match of a regular expression is, where it is one without alternatives or repetitions. Where it may begin and
/// end does not matter.
fn plain(pattern: &str) -> Option<&str> {
    let begun = ["\\b", "^"].iter().find_map(|start| pattern.strip_prefix(start)).unwrap_or(pattern);
    let inner = ["\\b", "$"].iter().find_map(|end| begun.strip_suffix(end)).unwrap_or(begun);
    (!inner.contains(['\\', '.', '+', '*', '?', '(', ')', '|', '[', ']', '{', '}', '^', '$'])).then_some(inner)
}

/// What [`Pattern::lines`] searches with.
pub(crate) type LineSearcher = Searcher;

/// A searcher for [`Pattern::lines`], to be kept for many files.
#[must_use]
pub(crate) fn searcher() -> LineSearcher {
    SearcherBuilder::new().line_number(true).binary_detection(BinaryDetection::none()).build()
}

/// Runs of printable bytes, cut where they are very long.
fn runs(bytes: &[u8]) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let printable = |b: &u8| matches!(b, b'\t' | 0x20..=0x7e) || *b >= 0x80 && *b != 0xff;
            let rest = bytes.get(at..)?;
            let start = at + rest.iter().position(printable)?;
            let run = bytes.get(start..bytes.len().min(start + LONGEST))?;
            let length = run.iter().position(|b| !printable(b)).unwrap_or(run.len());
            at = start + length.max(1);
            if length >= SHORTEST {
                return Some(start..start + length);
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_every_match_holds_is_known_of_plain_text_only() {
        assert_eq!(plain("\\bmemcpy\\b"), Some("memcpy"));
        assert_eq!(plain("^#include <stdio-x"), Some("#include <stdio-x"));
        for pattern in ["a|b", "ab?", "a.c", "(?i)x", "a{2}", "x[ab]", "\\d", "a$b", "\\\\b", "a\\\\b"] {
            assert_eq!(plain(pattern), None, "{pattern}");
        }
        assert!(Pattern::new("ab(").unwrap().needle.is_some(), "it is looked for as it stands");
    }

    fn lines(pattern: &str, text: &[u8]) -> Vec<u64> {
        let mut out = Vec::new();
        Pattern::new(pattern).unwrap().lines(&mut searcher(), text, |n, _| {
            out.push(n);
            true
        });
        out
    }

    #[test]
    fn lines_are_counted_from_one_and_small_letters_match_capitals() {
        let text = b"one\r\nTwo verify\nthree VERIFY\n\nverify";
        assert_eq!(lines("verify", text), [2, 3, 5]);
        assert_eq!(lines("VERIFY", text), [3]);
        assert_eq!(lines("^t[wh]", text), [2, 3]);
        assert_eq!(lines("verify", b"verify\0"), [0; 0]);
    }

    #[test]
    fn a_text_that_is_no_expression_is_looked_for_as_it_stands() {
        let pattern = Pattern::new("f(x").unwrap();
        assert!(pattern.literal.is_some());
        assert_eq!(pattern.first(b"call f(x) now"), Some(5..8));
        assert!(Pattern::new("(a{1000}){1000}{1000}").unwrap().literal.is_some());
    }

    #[test]
    fn strings_of_any_bytes_are_found_with_their_offset() {
        let mut found = Vec::new();
        Pattern::new("key").unwrap().binary(&Blob::from(b"\0\x01ab\0the key\0\xff\xffkey".to_vec()), |hit| {
            found.push(hit);
            true
        });
        assert_eq!(found, [BinaryHit::String(5, b"the key".to_vec())]);
    }
}
