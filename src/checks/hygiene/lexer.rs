//! Where code ends and comments and strings begin: as much of each language as it takes to find its identifiers.
//!
//! A string that does not end where its language wants it to is no string: what follows is looked at as code. So a stray
//! quote makes more be looked at, not less.

/// How a family of languages writes comments and strings.
#[derive(Debug)]
pub(crate) struct Syntax {
    /// What begins a comment that ends with the line.
    line: &'static [&'static str],
    /// Whether such a comment must stand at the start of a line or after a blank.
    spaced: bool,
    /// Comments with an end.
    block: &'static [(&'static str, &'static str)],
    /// Strings that may go over several lines.
    long: &'static [(&'static str, &'static str)],
    /// Quotes of strings that end in their line.
    quotes: &'static [char],
    /// Whether `'` quotes one character only.
    one: bool,
}

const SLASHES: &[&str] = &["//"];
const STARS: &[(&str, &str)] = &[("/*", "*/")];
const NONE: &[(&str, &str)] = &[];
const BOTH: &[char] = &['"', '\''];

const C: Syntax = Syntax { line: SLASHES, spaced: false, block: STARS, long: &[("R\"(", ")\"")], quotes: BOTH, one: false };
const CHAR: Syntax = Syntax { line: SLASHES, spaced: false, block: STARS, long: &[("\"\"\"", "\"\"\"")], quotes: BOTH, one: true };
const RUST: Syntax = Syntax {
    line: SLASHES,
    spaced: false,
    block: STARS,
    long: &[("r##\"", "\"##"), ("r#\"", "\"#"), ("\"", "\"")],
    quotes: &['\''],
    one: true,
};
const TICKS: Syntax = Syntax { line: SLASHES, spaced: false, block: STARS, long: &[("`", "`")], quotes: BOTH, one: false };
const ASM: Syntax = Syntax { line: &["//", "#", ";", "@"], spaced: true, block: STARS, long: NONE, quotes: &['"'], one: true };
const PYTHON: Syntax =
    Syntax { line: &["#"], spaced: false, block: NONE, long: &[("\"\"\"", "\"\"\""), ("'''", "'''")], quotes: BOTH, one: false };
const SHELL: Syntax = Syntax { line: &["#"], spaced: true, block: NONE, long: &[("\"", "\"")], quotes: &['\''], one: false };
const M4: Syntax = Syntax { line: &["#", "dnl "], spaced: true, block: NONE, long: NONE, quotes: &['"'], one: false };
const DASHES: Syntax = Syntax {
    line: &["--"],
    spaced: false,
    block: &[("{-", "-}"), ("/*", "*/"), ("--[[", "]]")],
    long: &[("[[", "]]")],
    quotes: BOTH,
    one: false,
};
const LISP: Syntax = Syntax { line: &[";"], spaced: false, block: &[("#|", "|#")], long: &[("\"", "\"")], quotes: &[], one: false };
const PERCENT: Syntax = Syntax { line: &["%"], spaced: false, block: NONE, long: NONE, quotes: &['"'], one: false };

/// The syntax of a file, by its name and, for a script, its first line; `None` when it is not taken for code.
pub(crate) fn syntax(path: &[u8], text: &str) -> Option<&'static Syntax> {
    let name = path.rsplit(|b| *b == b'/').next().unwrap_or(path);
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    let plain = name.strip_suffix(".in").or_else(|| name.strip_suffix(".tmpl")).unwrap_or(&name);
    let found = match plain.rsplit_once('.').map_or("", |(_, e)| e) {
        "c" | "h" | "cc" | "cpp" | "cxx" | "c++" | "hh" | "hpp" | "hxx" | "inl" | "ipp" | "tcc" | "m" | "mm" | "l" | "ll" | "y" | "yy"
        | "lex" | "cu" | "glsl" | "hlsl" | "vert" | "frag" | "proto" | "sol" | "v" | "sv" | "php" | "dart" | "rc" | "idl" | "css"
        | "scss" => &C,
        "java" | "kt" | "kts" | "scala" | "cs" | "csx" | "swift" | "zig" | "d" | "groovy" | "gradle" | "vala" => &CHAR,
        "rs" => &RUST,
        "go" | "js" | "jsx" | "mjs" | "cjs" | "ts" | "tsx" | "mts" | "vue" | "svelte" => &TICKS,
        "s" | "asm" | "nasm" => &ASM,
        "py" | "pyi" | "pyx" | "bzl" | "bazel" | "gyp" | "gypi" | "jl" | "nim" | "ex" | "exs" | "coffee" => &PYTHON,
        "sh" | "bash" | "zsh" | "ksh" | "fish" | "pl" | "pm" | "t" | "rb" | "tcl" | "awk" | "sed" | "r" | "ps1" | "cmake" | "nix"
        | "cr" | "mk" | "am" => &SHELL,
        "m4" | "ac" => &M4,
        "sql" | "lua" | "hs" | "ada" | "adb" | "ads" | "vhd" | "vhdl" | "elm" => &DASHES,
        "el" | "lisp" | "scm" | "clj" | "cljs" | "rkt" => &LISP,
        "erl" | "hrl" => &PERCENT,
        _ => match plain {
            "makefile" | "gnumakefile" | "dockerfile" | "containerfile" | "configure" | "cmakelists.txt" | "jenkinsfile" | "rakefile"
            | "gemfile" => &SHELL,
            "meson.build" | "meson_options.txt" | "sconstruct" | "sconscript" | "wscript" | "build" | "workspace" => &PYTHON,
            _ if text.starts_with("#!") => match text.lines().next().unwrap_or_default() {
                first if first.contains("python") => &PYTHON,
                first if first.contains("node") || first.contains("deno") => &TICKS,
                _ => &SHELL,
            },
            _ => return None,
        },
    };
    Some(found)
}

/// Calls `each` with the byte offset of every word of code: a run of letters, digits, marks and underscores. Linear in the text.
pub(crate) fn words<'t>(text: &'t str, syntax: &Syntax, each: &mut dyn FnMut(usize, &'t str)) {
    let mut at = 0;
    // Where an end was looked for in vain, it is not looked for again: up to the end of the text, or of a line.
    let mut endless: Vec<&str> = Vec::new();
    let mut dead = [0usize; 2];
    'next: while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        if is_word(c) {
            let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            let end = end.max(c.len_utf8());
            // `r#"` begins with a letter, and so do others.
            let long = syntax.long.iter().find(|(open, _)| open.len() > 1 && rest.starts_with(open) && !endless.contains(open));
            if let Some((open, close)) = long {
                if let Some(inside) = rest[open.len()..].find(close) {
                    at += open.len() + inside + close.len();
                    continue;
                }
                endless.push(open);
            }
            each(at, &rest[..end]);
            at += end;
            continue;
        }
        let fresh = at == 0 || text[..at].ends_with(char::is_whitespace);
        for (open, close) in syntax.block {
            if rest.starts_with(open) && !endless.contains(open) {
                match rest[open.len()..].find(close) {
                    Some(end) => {
                        at += open.len() + end + close.len();
                        continue 'next;
                    }
                    None => endless.push(open),
                }
            }
        }
        if syntax.line.iter().any(|open| rest.starts_with(open)) && (fresh || !syntax.spaced) {
            at += rest.find('\n').unwrap_or(rest.len());
            continue;
        }
        for (open, close) in syntax.long {
            if rest.starts_with(open) && !endless.contains(open) {
                match close_of(&rest[open.len()..], close) {
                    Some(end) => {
                        at += open.len() + end + close.len();
                        continue 'next;
                    }
                    None => endless.push(open),
                }
            }
        }
        let quote = usize::from(c == '\'');
        if syntax.quotes.contains(&c) && at >= dead[quote] {
            let end = if c == '\'' && syntax.one { Ok(one_character(&rest[1..])) } else { close_in_line(&rest[1..], c as u8) };
            match end {
                Ok(Some(end)) => {
                    at += 1 + end + 1;
                    continue;
                }
                Ok(None) => {}
                Err(line) => dead[quote] = at + 1 + line,
            }
        }
        at += c.len_utf8();
    }
}

/// Where `close` is, past what backslashes quote.
fn close_of(text: &str, close: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'\\' {
            at += 2;
        } else if bytes[at..].starts_with(close.as_bytes()) {
            return Some(at);
        } else {
            at += 1;
        }
    }
    None
}

/// Where the quote is that ends a string in its line, past what backslashes quote; else where the line ends.
fn close_in_line(text: &str, quote: u8) -> Result<Option<usize>, usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(b) = bytes.get(at) {
        match b {
            b'\n' => break,
            b'\\' if bytes.get(at + 1) != Some(&b'\n') => at += 2,
            b if *b == quote => return Ok(Some(at)),
            _ => at += 1,
        }
    }
    Err(at.min(bytes.len()))
}

/// The end of a character literal: one character, or an escape.
fn one_character(text: &str) -> Option<usize> {
    let first = text.chars().next()?;
    if first == '\\' {
        let near = text.as_bytes().get(2..)?;
        return near.iter().take(10).position(|b| *b == b'\'').map(|end| end + 2);
    }
    text[first.len_utf8()..].starts_with('\'').then_some(first.len_utf8())
}

/// Whether a character is part of a word. Marks are: they change the letter before them.
pub(crate) fn is_word(c: char) -> bool {
    use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory as _};
    c == '_'
        || c.is_ascii_alphanumeric()
        || (!c.is_ascii() && (c.is_alphanumeric() || c.general_category_group() == GeneralCategoryGroup::Mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        let mut out = Vec::new();
        words(text, syntax(path.as_bytes(), text).expect("code"), &mut |_, word| out.push(word.to_owned()));
        out
    }

    #[test]
    fn comments_and_strings_are_passed_over() {
        assert_eq!(found("a.c", "int a; // b\n/* c\nd */ e(\"f\\\"g\", 'h'); i"), ["int", "a", "e", "i"]);
        assert_eq!(found("a.py", "a = '''b\nc''' + \"d\" # e\nf"), ["a", "f"]);
        assert_eq!(found("a.rs", "fn a<'b>(c: &'b str) { r#\"d\"e\"#; 'f'; '\\n'; \"g\nh\" }"), ["fn", "a", "b", "c", "b", "str"]);
        assert_eq!(found("a.js", "`a\nb` + c"), ["c"]);
        assert_eq!(found("x/configure", "#!/bin/sh\na=${b#c} # d"), ["a", "b", "c"]);
        assert_eq!(found("a.sql", "SELECT a -- b\nFROM c"), ["SELECT", "a", "FROM", "c"]);
        assert_eq!(found("run", "#!/usr/bin/env python3\na"), ["a"]);
        assert!(syntax(b"README.md", "text").is_none());
    }

    #[test]
    fn a_quote_without_its_end_hides_nothing() {
        assert_eq!(found("a.c", "char q = '\"'; a\nb = \"open\nc"), ["char", "q", "a", "b", "open", "c"]);
        assert_eq!(found("a.c", "/* open\na"), ["open", "a"]);
        assert_eq!(found("a.go", "a := `open\nb"), ["a", "open", "b"]);
        assert_eq!(found("a.c", "it's open\nb"), ["it", "s", "open", "b"]);
    }

    #[test]
    fn hostile_text_takes_linear_time() {
        let start = std::time::Instant::now();
        for piece in ["\"\\", "'\\", "/*", "`\\", "r#\"", "\"\"\"\\", "[[", "'", "\"\"", "'a'", "-- "] {
            for name in ["a.c", "a.rs", "a.js", "a.py", "a.lua", "a.sh", "a.java"] {
                words(&piece.repeat(100_000), syntax(name.as_bytes(), "").expect("code"), &mut |_, _| {});
            }
        }
        // Minutes, if any of them took time with the square.
        assert!(start.elapsed().as_secs() < 30, "{:?}", start.elapsed());
    }
}
