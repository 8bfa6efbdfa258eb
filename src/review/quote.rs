//! Words of a reviewer that are not theirs: a line of the source tree, a row of disassembly.
//!
//! Titles, reasons and notes leave the room with a record. What they may not carry is what was looked at. A text is cut into
//! tokens; it quotes a line when a run of its tokens is in that line, whatever the white space. A path is one token, so that
//! naming a place is no quotation. This finds what was copied or typed off; it cannot find what was paraphrased.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// Tokens that a run of code must have in common; a whole line may be shorter.
const CODE: usize = 6;
/// Tokens that a run of prose must have in common: shorter ones are everybody's.
const PROSE: usize = 10;
/// The shortest whole line that counts, in tokens and in characters.
const LINE: (usize, usize) = (3, 10);
/// Quotations that are listed of one text.
const MAX_LISTED: usize = 3;

/// A text that quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Index of the text.
    pub text: usize,
    /// The file that it quotes.
    pub path: String,
    /// The line, from 1.
    pub line: u64,
}

/// Looks for quotations in some texts, file by file.
#[derive(Clone, Debug)]
pub struct Finder {
    /// Texts by the hash of each run of their tokens: (number of tokens, hash).
    runs: HashMap<(usize, u64), Vec<usize>>,
    found: Vec<Quote>,
}

impl Finder {
    /// Takes the texts.
    #[must_use]
    pub fn new<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut runs: HashMap<(usize, u64), Vec<usize>> = HashMap::new();
        for (index, text) in texts.into_iter().enumerate() {
            let tokens = tokens(text);
            for size in (LINE.0..=CODE).chain([PROSE]) {
                for run in tokens.windows(size) {
                    let texts = runs.entry((size, hash(run))).or_default();
                    if texts.last() != Some(&index) {
                        texts.push(index);
                    }
                }
            }
        }
        Self { runs, found: Vec::new() }
    }

    /// Whether no text is long enough to quote anything: no file needs to be looked at.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Looks at one file.
    pub fn look(&mut self, path: &str, content: &[u8]) {
        // What is not text has no lines to quote.
        if content.iter().take(8000).any(|b| *b == 0) {
            return;
        }
        for (number, line) in (1..).zip(content.split(|b| *b == b'\n')) {
            let line = String::from_utf8_lossy(line);
            let tokens = tokens(&line);
            if tokens.len() < CODE {
                let characters: usize = tokens.iter().map(|t| t.chars().count()).sum();
                if tokens.len() >= LINE.0 && characters >= LINE.1 && tokens.iter().any(|t| is_code(t)) {
                    self.take(&tokens, path, number);
                }
                continue;
            }
            tokens.windows(CODE).filter(|run| run.iter().any(|t| is_code(t))).for_each(|run| self.take(run, path, number));
            tokens.windows(PROSE).for_each(|run| self.take(run, path, number));
        }
    }

    fn take(&mut self, run: &[&str], path: &str, line: u64) {
        for text in self.runs.get(&(run.len(), hash(run))).into_iter().flatten() {
            let of_text = self.found.iter().filter(|q| q.text == *text);
            let quote = Quote { text: *text, path: path.to_owned(), line };
            if of_text.clone().count() < MAX_LISTED && !of_text.clone().any(|q| *q == quote) {
                self.found.push(quote);
            }
        }
    }

    /// What was found, by text.
    #[must_use]
    pub fn found(mut self) -> Vec<Quote> {
        self.found.sort_by_key(|q| q.text);
        self.found
    }
}

/// The tokens of a text: words, paths, and each other character that is not white space.
fn tokens(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    for chunk in text.split_whitespace() {
        let in_path = |c: char| c.is_alphanumeric() || "_./-:@+~".contains(c);
        if chunk.contains('/') && chunk.chars().all(in_path) {
            out.push(chunk);
            continue;
        }
        let mut start = 0;
        for (at, c) in chunk.char_indices() {
            if c.is_alphanumeric() || c == '_' {
                continue;
            }
            if start < at {
                out.push(&chunk[start..at]);
            }
            start = at + c.len_utf8();
            out.push(&chunk[at..start]);
        }
        if start < chunk.len() {
            out.push(&chunk[start..]);
        }
    }
    out
}

/// Whether a token is more likely of code than of a sentence.
fn is_code(token: &str) -> bool {
    let mut chars = token.chars();
    match chars.next() {
        Some(c) if c.is_alphanumeric() || c == '_' => {
            token.contains('_') || chars.any(char::is_uppercase) && token.chars().any(char::is_lowercase)
        }
        Some(c) => token.len() == c.len_utf8() && !".,:'\"-?!/".contains(c),
        None => false,
    }
}

fn hash(run: &[&str]) -> u64 {
    let mut hasher = DefaultHasher::new();
    run.hash(&mut hasher);
    hasher.finish()
}

/// Mnemonics that no sentence has beside a register.
const MNEMONICS: &[&str] = &[
    "adc", "add", "adrp", "and", "bl", "call", "cbnz", "cbz", "cmov", "cmp", "dec", "imul", "inc", "ja", "jb", "je", "jmp", "jne", "jz",
    "jnz", "ldp", "ldr", "lea", "mov", "movk", "movs", "movsx", "movzx", "mul", "neg", "nop", "not", "or", "pop", "push", "ret", "sar",
    "sbb", "shl", "shr", "stp", "str", "sub", "test", "tbnz", "tbz", "xchg", "xor",
];

/// The part of a text that reads as a row of disassembly: a mnemonic with a register beside it, or six bytes of machine code.
#[must_use]
pub fn disassembly(text: &str) -> Option<String> {
    let tokens = tokens(text);
    let lower: Vec<String> = tokens.iter().map(|t| t.to_ascii_lowercase()).collect();
    for (at, token) in lower.iter().enumerate() {
        if MNEMONICS.contains(&token.as_str()) && lower.iter().skip(at + 1).take(4).any(|t| is_register(t)) {
            return Some(tokens[at..tokens.len().min(at + 6)].join(" "));
        }
    }
    let bytes = |t: &String| t.len() == 2 && t.bytes().all(|b| b.is_ascii_hexdigit());
    let run = lower.windows(6).position(|w| w.iter().all(bytes) && w.iter().any(|t| t.bytes().any(|b| b.is_ascii_alphabetic())));
    run.map(|at| tokens[at..at + 6].join(" "))
}

fn is_register(token: &str) -> bool {
    let numbered = |prefixes: &[&str], most: u32| {
        prefixes.iter().any(|p| token.strip_prefix(p).and_then(|n| n.parse::<u32>().ok()).is_some_and(|n| n <= most))
    };
    let classic = ["ax", "bx", "cx", "dx", "si", "di", "bp", "sp", "ip"];
    let wide = |p: &str| token.strip_prefix(p).is_some_and(|rest| classic.contains(&rest));
    wide("e") || wide("r") || numbered(&["r", "x", "w", "xmm", "ymm"], 31) || matches!(token, "wzr" | "xzr" | "al" | "cl" | "dl")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &[u8] = b"/* Compares the tag of an image with the one that it states, in constant time. */\nstatic int equal(const uint8_t *a, const uint8_t *b, size_t n)\n{\n\tif (memcmp(a, b, n) == 0)\n\t\treturn TAG_OK;\n\treturn -1;\n}\nsee src/verify.c\n";

    fn quoted(text: &str) -> Vec<u64> {
        let mut finder = Finder::new([text]);
        finder.look("src/verify.c", SOURCE);
        finder.found().into_iter().map(|q| q.line).collect()
    }

    #[test]
    fn a_line_is_found_whatever_stands_around_it() {
        assert_eq!(quoted("here: if ( memcmp(a,b,n)==0 ) is not constant time"), [4]);
        assert_eq!(quoted("it says return TAG_OK;"), [5]);
        assert_eq!(quoted("const uint8_t *a, const uint8_t *b"), [2]);
        assert_eq!(quoted("the tag of an image with the one that it states, in constant time"), [1]);
    }

    #[test]
    fn words_of_ones_own_and_places_are_no_quotation() {
        for text in [
            "memcmp is not constant time",
            "src/verify.c:4 compares with memcmp",
            "see src/verify.c",
            "returns -1 where 0 is right",
            "the tag of an image is compared byte by byte, and not in constant time",
            "",
        ] {
            assert_eq!(quoted(text), [] as [u64; 0], "{text}");
        }
        assert!(Finder::new(["two words"]).is_empty());
    }

    #[test]
    fn rows_of_disassembly_are_told_from_sentences() {
        assert!(disassembly("at 0x4a34: mov eax, dword ptr [rbp - 8]").is_some_and(|t| t.starts_with("mov eax")));
        assert!(disassembly("ldr x0, [sp, #16]").is_some());
        assert!(disassembly("bytes 48 8b 45 f8 c3 90 there").is_some());
        for text in [
            "push this to the next release and test it",
            "add a check for r",
            "call the vendor",
            "12 34 56 78 90 12 items",
            "not looked at",
        ] {
            assert_eq!(disassembly(text), None, "{text}");
        }
    }
}
