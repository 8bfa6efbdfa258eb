//! Holds the layers, the capabilities and the file sizes of `docs/architecture.md` by reading the sources as text.
//!
//! When it complains, move the code. Widening a table needs a note in `docs/decisions/`.

use std::path::{Path, PathBuf};

/// Lines that a file may have, its test module, comments and blank lines aside.
const MAX_LINES: usize = 600;

/// Each module of the crate, and what it may name beside itself.
const LAYERS: &[(&str, &[&str])] = &[
    ("digest", &[]),
    ("text", &[]),
    ("json", &["text"]),
    ("model", &["digest", "text", "json"]),
    ("bundle", &["digest", "text", "json", "model"]),
    ("inspect", &["digest", "text", "json", "model"]),
    ("diff", &["digest", "text", "json", "model", "inspect"]),
    ("provenance", &["digest", "text", "json", "model"]),
    ("checks", &["digest", "text", "json", "model", "inspect", "diff", "provenance"]),
    ("review", &["digest", "text", "json", "model", "checks"]),
    ("report", &["digest", "text", "model", "checks", "review"]),
    ("signoff", &["digest", "text", "json", "model", "checks", "review", "provenance"]),
    ("session", &["digest", "text", "json", "model", "bundle", "inspect", "diff", "provenance", "checks", "review", "signoff"]),
    // `bundle` for `pack`, `provenance` for the signers of `verify`: see docs/decisions/0001-layers.md.
    ("cli", &["digest", "text", "json", "model", "bundle", "diff", "provenance", "checks", "review", "report", "signoff", "session"]),
    ("tui", &["digest", "text", "json", "model", "diff", "checks", "review", "report", "session"]),
    ("plain", &["digest", "text", "model", "checks", "review", "report", "session"]),
    ("main", &["cli", "tui", "plain", "session"]),
    ("lib", &[]),
];

/// Paths that only some modules, or a part of one (`session/seal`), may name: (path, modules, why).
const CAPABILITIES: &[(&str, &[&str], &str)] = &[
    ("std::fs", &["bundle", "session"], "files are read and written only by `bundle` and `session`"),
    ("std::env", &["session", "cli", "tui", "main"], "the environment is an input that pure code must not see"),
    ("std::thread", &["session"], "threads run only in `session`"),
    ("std::time::Instant", &["session"], "the clock is read only by `session`"),
    ("std::time::SystemTime", &["session"], "the clock is read only by `session`"),
    ("jiff::Timestamp::now", &["session"], "the clock is read only by `session`"),
    ("jiff::Zoned::now", &["session"], "the clock is read only by `session`"),
    ("std::net", &[], "the console has no network code"),
    ("std::os::unix::net", &["session"], "a local socket (the key agent) is opened only by `session`"),
    ("std::process::ExitCode", &["main", "cli"], "the exit code is decided at the edge"),
    ("std::process", &["session/apart"], "the console starts no program but itself, and leaves through its exit code"),
    ("landlock", &["session/seal"], "the seal is made in one place"),
    ("seccompiler", &["session/seal"], "the seal is made in one place"),
    ("libc", &["session/seal"], "the system is asked directly only for the seal"),
    ("rustix", &["session"], "processes are named only by `session`"),
    ("ratatui", &["tui"], "only `tui` draws"),
    ("crossterm", &["tui"], "only `tui` talks to the terminal"),
    ("color_eyre", &["main", "cli", "tui"], "library modules have error types of their own"),
    ("git2", &["bundle"], "repositories are read only by `bundle`"),
    ("rpassword", &["session", "cli"], "a passphrase is asked for only at the edge"),
];

/// Words that give a capability whatever path they are reached by: (word, modules, why).
const WORDS: &[(&str, &[&str], &str)] = &[
    ("File::open", &["bundle", "session"], "files are read and written only by `bundle` and `session`"),
    ("File::create", &["bundle", "session"], "files are read and written only by `bundle` and `session`"),
    ("OpenOptions", &["bundle", "session"], "files are read and written only by `bundle` and `session`"),
    ("Instant::now", &["session"], "the clock is read only by `session`"),
    ("SystemTime::now", &["session"], "the clock is read only by `session`"),
    ("Timestamp::now", &["session"], "the clock is read only by `session`"),
    ("Zoned::now", &["session"], "the clock is read only by `session`"),
    ("thread::spawn", &["session"], "threads run only in `session`"),
    ("thread::scope", &["session"], "threads run only in `session`"),
    ("TcpStream", &[], "the console has no network code"),
    ("UdpSocket", &[], "the console has no network code"),
    ("process::exit", &[], "the exit code is returned by `main`"),
];

/// Methods of `Path` that ask the disk.
const METHODS: &[&str] = &[".canonicalize(", ".exists(", ".read_dir(", ".read_link(", ".symlink_metadata(", ".try_exists("];

fn root() -> PathBuf {
    std::env::current_dir().expect("Cargo runs tests in the package's folder")
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).expect("a folder").map(|e| e.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// Blanks comments, and the contents of strings and characters, so that only code is left. Every line keeps its number.
fn code_only(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let mut out = String::with_capacity(text.len());
    let mut i = 0;
    let blank = |from: usize, to: usize, out: &mut String| {
        for c in &chars[from..to.min(chars.len())] {
            out.push(if *c == '\n' { '\n' } else { ' ' });
        }
    };
    while i < chars.len() {
        let start = i;
        let in_word = i > 0 && (at(i - 1).is_alphanumeric() || at(i - 1) == '_');
        if at(i) == '/' && at(i + 1) == '/' {
            while i < chars.len() && at(i) != '\n' {
                i += 1;
            }
            blank(start, i, &mut out);
        } else if at(i) == '/' && at(i + 1) == '*' {
            let mut depth = 0;
            loop {
                if at(i) == '/' && at(i + 1) == '*' {
                    depth += 1;
                    i += 2;
                } else if at(i) == '*' && at(i + 1) == '/' {
                    depth -= 1;
                    i += 2;
                } else {
                    i += 1;
                }
                if depth == 0 || i >= chars.len() {
                    break;
                }
            }
            blank(start, i, &mut out);
        } else if let Some(end) = raw_string_end(&chars, i).filter(|_| !in_word) {
            i = end;
            blank(start, i, &mut out);
        } else if at(i) == '"' {
            i += 1;
            while i < chars.len() && at(i) != '"' {
                i += if at(i) == '\\' { 2 } else { 1 };
            }
            i += 1;
            blank(start, i, &mut out);
        } else if at(i) == '\'' && at(i + 1) == '\\' {
            i += 3;
            while i < chars.len() && at(i) != '\'' {
                i += 1;
            }
            i += 1;
            blank(start, i, &mut out);
        } else if at(i) == '\'' && at(i + 2) == '\'' {
            i += 3;
            blank(start, i, &mut out);
        } else {
            out.push(at(i));
            i += 1;
        }
    }
    out
}

/// The end of a raw string (`r"…"`, `br#"…"#`) that starts at `i`, if one does.
fn raw_string_end(chars: &[char], i: usize) -> Option<usize> {
    let mut at = i + usize::from(chars.get(i) == Some(&'b'));
    if chars.get(at) != Some(&'r') {
        return None;
    }
    at += 1;
    let hashes = chars[at..].iter().take_while(|c| **c == '#').count();
    at += hashes;
    if chars.get(at) != Some(&'"') {
        return None;
    }
    at += 1;
    while at < chars.len() {
        if chars[at] == '"' && chars[at + 1..].iter().take_while(|c| **c == '#').count() >= hashes {
            return Some(at + 1 + hashes);
        }
        at += 1;
    }
    Some(at)
}

/// Blanks every `#[cfg(test)]` item: tests may read files and name anything.
fn without_tests(code: &str) -> String {
    let mut out = code.to_owned();
    let mut from = 0;
    while let Some(found) = out[from..].find("#[cfg(test)]") {
        let start = from + found;
        let rest = &out[start..];
        let open = rest.find('{').unwrap_or(rest.len());
        let semicolon = rest.find(';').unwrap_or(rest.len());
        let end = if semicolon < open {
            start + semicolon + 1
        } else {
            let mut depth = 0_usize;
            let close = rest.char_indices().skip_while(|(i, _)| *i < open).find(|(_, c)| {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    _ => {}
                }
                depth == 0
            });
            start + close.map_or(rest.len(), |(i, _)| i + 1)
        };
        let blanked: String = out[start..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        out.replace_range(start..end, &blanked);
        from = start + blanked.len();
    }
    out
}

/// The module of a file: the first part of its path below `src`.
fn module_of(path: &str) -> &str {
    let inner = path.strip_prefix("src/").unwrap_or(path);
    inner.split('/').next().unwrap_or(inner).trim_end_matches(".rs")
}

/// The module path of a file, from the crate's root: `src/diff/elf.rs` is `[diff, elf]`.
fn module_path(path: &str) -> Vec<String> {
    let inner = path.strip_prefix("src/").unwrap_or(path).trim_end_matches(".rs");
    let mut parts: Vec<String> = inner.split('/').map(str::to_owned).collect();
    if parts.last().is_some_and(|p| p == "mod" || p == "lib") {
        parts.pop();
    }
    parts
}

/// Every path that the code names, with `use` groups spread out, and the line it is on.
fn paths(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let bytes: Vec<char> = code.chars().collect();
    let mut line = 1;
    let mut i = 0;
    let word = |c: char| c.is_alphanumeric() || c == '_';
    while i < bytes.len() {
        if bytes[i] == '\n' {
            line += 1;
        }
        let starts = word(bytes[i]) && (i == 0 || !(word(bytes[i - 1]) || bytes[i - 1] == ':'));
        if starts {
            let (end, lines) = spread(&bytes, i, line, String::new(), &mut found);
            i = end;
            line = lines;
        } else {
            i += 1;
        }
    }
    found
}

/// Reads one path that starts at `i`; `a::{b, c::d}` gives `a::b` and `a::c::d`. Returns where it ends, and the line.
fn spread(code: &[char], mut i: usize, mut line: usize, mut path: String, found: &mut Vec<(usize, String)>) -> (usize, usize) {
    let first = line;
    loop {
        while i < code.len() && (code[i].is_alphanumeric() || code[i] == '_' || code[i] == '*') {
            path.push(code[i]);
            i += 1;
        }
        let mut next = i;
        let mut lines = 0;
        while next < code.len() && code[next].is_whitespace() {
            lines += usize::from(code[next] == '\n');
            next += 1;
        }
        if !(code.get(next) == Some(&':') && code.get(next + 1) == Some(&':')) {
            found.push((first, path));
            return (i, line);
        }
        next += 2;
        while next < code.len() && code[next].is_whitespace() {
            lines += usize::from(code[next] == '\n');
            next += 1;
        }
        path.push_str("::");
        line += lines;
        i = next;
        match code.get(i) {
            Some('{') => {
                i += 1;
                while i < code.len() && code[i] != '}' {
                    if code[i].is_alphanumeric() || code[i] == '_' || code[i] == '*' {
                        (i, line) = spread(code, i, line, path.clone(), found);
                        // `as name` renames; the name is no path.
                        continue;
                    }
                    line += usize::from(code[i] == '\n');
                    i += 1;
                }
                return (i + 1, line);
            }
            Some(c) if c.is_alphanumeric() || *c == '_' || *c == '*' => {}
            _ => {
                found.push((first, path));
                return (i, line);
            }
        }
    }
}

/// The absolute form of a path within the crate, without `crate::`; `None` for a path that does not say `crate` or `super`.
fn absolute(path: &str, module: &[String]) -> Option<Vec<String>> {
    let mut parts: Vec<&str> = path.split("::").collect();
    match parts.first().copied() {
        Some("crate" | "countersign") if parts.len() > 1 => Some(parts[1..].iter().map(|p| (*p).to_owned()).collect()),
        Some("super") => {
            let ups = parts.iter().take_while(|p| **p == "super").count();
            parts.drain(..ups);
            // An inline module makes one `super` stay inside the file: then this counts one level too many, which can only
            // leave the crate's root from a top-level file, where `super` outside an inline module does not occur.
            let keep = module.len().saturating_sub(ups);
            let mut whole = module[..keep].to_vec();
            whole.extend(parts.iter().map(|p| (*p).to_owned()));
            Some(whole)
        }
        _ => None,
    }
}

fn is_within(path: &str, prefix: &str) -> bool {
    path == prefix || path.strip_prefix(prefix).is_some_and(|rest| rest.starts_with("::"))
}

/// Whether a file is that module, or belongs to it.
fn is_part(path: &str, module: &str) -> bool {
    let rest = path.strip_prefix("src/").and_then(|p| p.strip_prefix(module));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '.']))
}

/// What is wrong with one file, as `file:line: what`.
fn violations(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let code = without_tests(&code_only(text));
    let module = module_of(path);
    let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == module) else {
        return vec![format!(
            "{path}:1: the module `{module}` has no row in LAYERS of tests/architecture.rs: give it one, or move the code"
        )];
    };
    let place = module_path(path);
    let layers: Vec<&str> = LAYERS.iter().map(|(name, _)| *name).collect();
    let named = paths(&code);
    for (line, name) in &named {
        let target = absolute(name, &place).and_then(|p| p.into_iter().next());
        if let Some(target) = target.filter(|t| layers.contains(&t.as_str()) && t != module && module != "lib")
            && !allowed.contains(&target.as_str())
        {
            found.push(format!("{path}:{line}: `{module}` may not name `{target}` ({name}): move the code"));
        }
        // The longest capability that fits decides: `std::process::ExitCode` is not `std::process`.
        let capability = CAPABILITIES.iter().filter(|(c, _, _)| is_within(name, c)).max_by_key(|(c, _, _)| c.len());
        if let Some((capability, modules, why)) = capability
            && !modules.iter().any(|m| is_part(path, m))
        {
            found.push(format!("{path}:{line}: `{module}` may not use `{capability}`: {why}; move the code"));
        }
        let time = is_within(name, "std::time") && !name.starts_with("std::time::Duration") && module != "session";
        if time && capability.is_none() {
            found.push(format!("{path}:{line}: `{module}` may use only `Duration` of `std::time`: move the code"));
        }
        for (word, modules, why) in WORDS {
            let hit = name == word || name.ends_with(&format!("::{word}")) || is_within(name, word);
            if hit && capability.is_none() && !modules.contains(&module) {
                found.push(format!("{path}:{line}: `{module}` may not use `{word}`: {why}; move the code"));
            }
        }
    }
    for (number, line) in code.lines().enumerate() {
        if let Some(method) = METHODS.iter().find(|m| line.contains(**m)).filter(|_| !["bundle", "session"].contains(&module)) {
            found.push(format!("{path}:{}: `{module}` may not use `{method})`: it asks the disk; move the code", number + 1));
        }
    }
    let lines = code.lines().filter(|l| !l.trim().is_empty()).count();
    if lines > MAX_LINES {
        found.push(format!("{path}:1: {lines} lines without tests and comments, over the limit of {MAX_LINES}: split it, move the code"));
    }
    found
}

#[test]
fn every_source_file_keeps_to_its_layer() {
    let root = root();
    let mut files = Vec::new();
    rust_files(&root.join("src"), &mut files);
    assert!(files.len() > 10, "the sources were not found");
    let mut all = Vec::new();
    for file in files {
        let path = file.strip_prefix(&root).expect("below the root").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file).expect("UTF-8 source");
        let code = code_only(&text);
        assert_eq!(code.matches('{').count(), code.matches('}').count(), "{path}: comments and strings were not told apart from code");
        // A test module in a file of its own is declared under `#[cfg(test)]` by its parent.
        if !path.ends_with("/tests.rs") && !path.contains("/tests/") {
            all.extend(violations(&path, &text));
        }
    }
    assert!(all.is_empty(), "\n{}\n", all.join("\n"));
}

#[test]
fn every_module_is_in_the_document() {
    let document = std::fs::read_to_string(root().join("docs/architecture.md")).expect("docs/architecture.md");
    for (module, _) in LAYERS.iter().filter(|(m, _)| *m != "lib") {
        assert!(document.contains(&format!("`{module}`")), "docs/architecture.md does not mention `{module}`");
    }
}

/// Asserts that the text, as that file, gives exactly these violations (as `line: start of the message`).
#[track_caller]
fn check(path: &str, text: &str, expected: &[&str]) {
    let found = violations(path, text);
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(&format!("{path}:{expected}")), "{found}\nis not\n{path}:{expected}");
        assert!(found.contains("move the code"), "{found}");
    }
}

#[test]
fn planted_violations_of_the_layers_are_caught() {
    check("src/model/x.rs", "use crate::text::Row;\nuse crate::bundle::Bag;\n", &["2: `model` may not name `bundle`"]);
    check("src/tui/screens/x.rs", "fn f() { let r = crate::signoff::build(); }", &["1: `tui` may not name `signoff`"]);
    check(
        "src/diff/x.rs",
        "use crate::{\n    model::Node,\n    session::{jobs, Open},\n};",
        &["3: `diff` may not name `session`", "3: `diff` may not name `session`"],
    );
    check("src/diff/x.rs", "use super::super::bundle::Bag;", &["1: `diff` may not name `bundle`"]);
    check("src/diff/x.rs", "use super::super::model::Node;\nuse super::walk::Walk;", &[]);
    check("src/checks.rs", "use super::review::State;", &["1: `checks` may not name `review`"]);
    check("src/main.rs", "use countersign::bundle::open;", &["1: `main` may not name `bundle`"]);
    check("src/main.rs", "use countersign::{cli, tui};", &[]);
    check("src/digest.rs", "use crate::model::Node;", &["1: `digest` may not name `model`"]);
    check("src/elsewhere/x.rs", "", &["1: the module `elsewhere` has no row"]);
}

#[test]
fn planted_uses_of_a_capability_are_caught() {
    check("src/diff/x.rs", "use std::fs;\nfn f() { fs::read(\"x\"); }", &["1: `diff` may not use `std::fs`"]);
    check("src/diff/x.rs", "use std::{collections::BTreeMap, fs::File};", &["1: `diff` may not use `std::fs`"]);
    check("src/bundle/x.rs", "use std::fs::File;", &[]);
    check("src/tui/x.rs", "use std::time::Duration;\nuse std::time::Instant;", &["2: `tui` may not use `std::time::Instant`"]);
    check("src/tui/x.rs", "use std::time;", &["1: `tui` may use only `Duration`"]);
    check("src/review/x.rs", "fn f() { std::thread::spawn(|| ()); }", &["1: `review` may not use `std::thread`"]);
    check("src/session/x.rs", "use std::net::TcpStream;", &["1: `session` may not use `std::net`"]);
    check("src/session/x.rs", "use std::os::unix::net::UnixStream;", &[]);
    check("src/cli/x.rs", "use std::os::unix::net::UnixStream;", &["1: `cli` may not use `std::os::unix::net`"]);
    check("src/main.rs", "use std::process::ExitCode;", &[]);
    check("src/main.rs", "fn f() { std::process::exit(1) }", &["1: `main` may not use `std::process`"]);
    check("src/session/x.rs", "fn f() { std::process::Command::new(\"sh\"); }", &["1: `session` may not use `std::process`"]);
    check("src/session/apart.rs", "use std::process::Command;", &[]);
    check("src/session/aparts.rs", "use std::process::Command;", &["1: `session` may not use `std::process`"]);
    check("src/session/seal/x.rs", "use libc::c_long;", &[]);
    check("src/session/x.rs", "use libc::c_long;", &["1: `session` may not use `libc`"]);
    check("src/signoff/x.rs", "use jiff::Timestamp;\nfn f() { Timestamp::now(); }", &["2: `signoff` may not use `Timestamp::now`"]);
    check("src/session/x.rs", "use ratatui::text::Line;", &["1: `session` may not use `ratatui`"]);
    check("src/diff/x.rs", "fn f(p: &std::path::Path) -> bool {\n p.exists() }", &["2: `diff` may not use `.exists()`"]);
    check("src/diff/x.rs", "use color_eyre::Result;", &["1: `diff` may not use `color_eyre`"]);
    check("src/cli/x.rs", "use crossterm::event;", &["1: `cli` may not use `crossterm`"]);
}

#[test]
fn comments_strings_and_tests_do_not_count() {
    check("src/diff/x.rs", "//! See [`crate::session`].\n/* std::fs /* nested */ std::net */ fn f() {}", &[]);
    check("src/diff/x.rs", "const S: &str = \"std::fs \\\" crate::tui\";\nconst R: &str = r#\"std::net \" \"#;", &[]);
    check("src/diff/x.rs", "fn f<'a>(c: char) -> bool { c == '\"' }\nuse crate::tui::App; // '\"'", &["2: `diff` may not name `tui`"]);
    check("src/diff/x.rs", "fn f(c: char) -> bool { c == '\\'' || c == '\\u{7f}' }\nuse std::fs;", &["2: `diff` may not use `std::fs`"]);
    check(
        "src/diff/x.rs",
        "#[cfg(test)]\nmod tests {\n  use std::fs;\n  fn f() { { } }\n}\nuse std::net;",
        &["6: `diff` may not use `std::net`"],
    );
    check("src/diff/x.rs", "#[cfg(test)]\nuse std::fs;\nuse std::net;", &["3: `diff` may not use `std::net`"]);
}

#[test]
fn a_file_over_the_limit_is_caught_and_its_tests_do_not_count() {
    let long = "const A: u8 = 0;\n".repeat(MAX_LINES);
    check("src/diff/x.rs", &long, &[]);
    check("src/diff/x.rs", &format!("{long}// A comment.\n\n#[cfg(test)]\nmod tests {{\n{long}}}\n"), &[]);
    check("src/diff/x.rs", &format!("{long}const B: u8 = 0;\n"), &["1: 601 lines"]);
}
