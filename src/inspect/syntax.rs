//! Syntax of source files: which parts of a line are comments, words of the language, values or names.
//!
//! The grammars are those of Sublime Text as `syntect` ships them, with a pure-Rust engine of regular expressions that gives up where
//! a pattern takes too long. What is shown is the text; this only says how to draw it.

use std::sync::OnceLock;

use syntect::parsing::{ParseState, ScopeStack, SyntaxReference, SyntaxSet};

use crate::text::{Role, Untrusted};

/// Bytes of a line that are looked at; what is behind stays plain.
const MAX_LINE: usize = 2 << 10;

/// The end of a part of a line, in bytes from its start, and what it is. Parts follow each other without gaps.
pub(crate) type Span = (u32, Role);

fn set() -> &'static SyntaxSet {
    static SET: OnceLock<SyntaxSet> = OnceLock::new();
    SET.get_or_init(SyntaxSet::load_defaults_newlines)
}

/// Reads the lines of one file, one after the other.
pub(crate) struct Syntax {
    state: ParseState,
    stack: ScopeStack,
}

impl Syntax {
    /// For a file of that path whose first line that is. `None` where no grammar is known.
    pub(crate) fn of(path: &Untrusted, first: &[u8]) -> Option<Self> {
        let path = path.as_bytes();
        let name = path.rsplit(|b| *b == b'/').next().unwrap_or(path);
        let grammar = by_name(name).or_else(|| set().find_syntax_by_first_line(std::str::from_utf8(first).ok()?))?;
        (grammar.name != "Plain Text").then(|| Self { state: ParseState::new(grammar), stack: ScopeStack::new() })
    }

    /// The parts of the next line. Empty where the line is not valid UTF-8, or the grammar fails on it.
    pub(crate) fn line(&mut self, line: &[u8]) -> Box<[Span]> {
        let cut = line.get(..line.len().min(MAX_LINE)).unwrap_or_default();
        let Ok(text) = std::str::from_utf8(cut) else { return Box::default() };
        let whole = format!("{text}\n");
        let Ok(ops) = self.state.parse_line(&whole, set()) else { return Box::default() };
        let mut out: Vec<Span> = Vec::new();
        let mut from = 0;
        for (at, op) in ops {
            let at = at.min(text.len());
            if at > from {
                push(&mut out, at, role(&self.stack));
                from = at;
            }
            if self.stack.apply(&op).is_err() {
                return Box::default();
            }
        }
        if from < text.len() {
            push(&mut out, text.len(), role(&self.stack));
        }
        out.into()
    }
}

fn push(out: &mut Vec<Span>, end: usize, role: Role) {
    let end = u32::try_from(end).unwrap_or(u32::MAX);
    match out.last_mut() {
        Some(last) if last.1 == role => last.0 = end,
        _ => out.push((end, role)),
    }
}

fn by_name(name: &[u8]) -> Option<&'static SyntaxReference> {
    let name = std::str::from_utf8(name).ok()?;
    // Some grammars are found by the whole name (`Makefile`).
    let known = |n: &str| set().find_syntax_by_extension(n);
    known(name).or_else(|| known(name.rsplit_once('.')?.1)).or_else(|| known(&name.rsplit_once('.')?.1.to_ascii_lowercase()))
}

/// What the innermost scope that says anything says.
fn role(stack: &ScopeStack) -> Role {
    let named = |scope: &syntect::parsing::Scope| {
        let name = scope.build_string();
        let starts = |all: &[&str]| all.iter().any(|s| name.starts_with(s));
        if starts(&["comment"]) {
            Some(Role::Comment)
        } else if starts(&["string", "constant"]) {
            Some(Role::Literal)
        } else if starts(&["keyword.operator", "punctuation"]) {
            None
        } else if starts(&["keyword", "storage"]) {
            Some(Role::Keyword)
        } else if starts(&["entity.name"]) {
            Some(Role::Name)
        } else {
            None
        }
    };
    stack.as_slice().iter().rev().find_map(named).unwrap_or(Role::Text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles(path: &str, lines: &[&str]) -> Vec<Vec<(String, Role)>> {
        let mut syntax = Syntax::of(&path.into(), lines[0].as_bytes()).expect("a grammar");
        let one = |line: &&str| {
            let mut from = 0;
            let parts = syntax.line(line.as_bytes());
            let text = parts.iter().map(|(end, role)| {
                let part = line[from..*end as usize].to_owned();
                from = *end as usize;
                (part, *role)
            });
            text.collect::<Vec<_>>()
        };
        lines.iter().map(one).collect()
    }

    #[test]
    fn comments_words_values_and_names_are_told_apart() {
        let all = roles("src/a.c", &["/* one", "two */ int f(void)", "{ return \"x\" + 7; }"]);
        let has = |n: usize, text: &str, role| all[n].iter().any(|(t, r)| t.trim() == text && *r == role);
        assert!(has(0, "/* one", Role::Comment) && has(1, "two */", Role::Comment), "{all:?}");
        assert!(has(1, "int", Role::Keyword), "{all:?}");
        assert!(roles("a.rs", &["fn main() {}"])[0].contains(&("main".to_owned(), Role::Name)));
        assert!(has(2, "return", Role::Keyword) && has(2, "\"x\"", Role::Literal) && has(2, "7", Role::Literal), "{all:?}");
    }

    #[test]
    fn parts_cover_the_line_and_long_lines_are_cut() {
        let long = format!("int x = {};", "1".repeat(5000));
        for parts in roles("a.rs", &["fn main() {}", "", &long[..MAX_LINE]]) {
            assert!(parts.iter().all(|(text, _)| !text.is_empty()));
        }
        let mut syntax = Syntax::of(&"a.c".into(), b"").expect("a grammar");
        assert_eq!(syntax.line(long.as_bytes()).last().map(|s| s.0 as usize), Some(MAX_LINE));
        assert!(syntax.line(b"\xff\xfe").is_empty());
    }

    #[test]
    fn a_grammar_is_found_by_name_ending_or_first_line() {
        for name in ["Makefile", "x/y/z.PY", "a.h", "b.go"] {
            assert!(Syntax::of(&name.into(), b"").is_some(), "{name}");
        }
        assert!(Syntax::of(&"configure".into(), b"#!/bin/sh").is_some());
        assert!(Syntax::of(&"data.bin".into(), b"").is_none() && Syntax::of(&"notes.txt".into(), b"").is_none());
    }
}
