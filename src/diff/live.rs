//! Lines of a text in which no date counts, whatever they say: scripts in a page, statements of a source, attributes of a manifest
//! that say what is loaded.

use std::ops::Range;

use super::date_place::{is_obeyed, is_of_building, is_stamp};
use super::text::SOURCES;
use crate::model::Sides;

/// Sources besides [`SOURCES`].
const MORE: [&[u8]; 33] = [
    b"hs", b"lhs", b"ml", b"mli", b"erl", b"hrl", b"ex", b"dart", b"nim", b"cs", b"fs", b"fsx", b"vb", b"zig", b"v", b"sv", b"vhd", b"cu",
    b"cuh", b"proto", b"pas", b"pp", b"ads", b"adb", b"hx", b"vala", b"tcc", b"ipp", b"txx", b"ixx", b"mm", b"pyx", b"pxd",
];

/// What a text is, as far as its dates are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Plain,
    /// Lines of comment may say when they were made.
    Source,
    /// Attributes may, by their name.
    Manifest,
    /// Comments may, and values of a time of building.
    Keyed,
    /// A manual page: all but what formats it.
    Manual,
}

/// Where no date counts.
pub(super) struct Live<'t> {
    form: Form,
    texts: Sides<&'t [u8]>,
    /// Where the comments end that a source begins with: behind them `//` may stand in a text of several lines.
    heads: Sides<usize>,
    /// Whether a text of several lines may be the value of a name in YAML, in which anything may stand.
    blocks: bool,
    /// Where code stands in a page; `None` when any of it may be code.
    scripts: Sides<Option<Vec<Range<usize>>>>,
}

impl<'t> Live<'t> {
    pub(super) fn of(name: &[u8], a: &'t [u8], b: &'t [u8]) -> Self {
        let base = name.rsplit(|b| *b == b'/').next().unwrap_or_default().to_ascii_lowercase();
        let ending = base.rsplit(|b| *b == b'.').next().filter(|end| end.len() < base.len()).unwrap_or_default();
        let form = if is_source(&base) {
            Form::Source
        } else if matches!(ending, b"yaml" | b"yml" | b"properties") {
            Form::Keyed
        } else if matches!(ending, [b'1'..=b'9', ..]) {
            Form::Manual
        } else if base == b"manifest.mf" || ending == b"sf" {
            Form::Manifest
        } else {
            Form::Plain
        };
        let is_page = matches!(ending, b"html" | b"htm" | b"xhtml" | b"svg" | b"xml");
        let texts = Sides::new(a, b);
        let scripts = texts.map(|text| scripts(text, is_page).filter(|_| !is_page || !is_template(text)));
        let heads = texts.map(|text| if form == Form::Source { head(text) } else { 0 });
        let blocks = form == Form::Keyed && (has_blocks(a) || has_blocks(b));
        Self { form, texts, heads, blocks, scripts }
    }

    /// Whether a date may count in these lines, which start there.
    pub(super) fn allows(&self, lines: Sides<&[u8]>, at: Sides<usize>) -> bool {
        let outside = |scripts: &Option<Vec<Range<usize>>>, line: &[u8], at: usize| {
            // They stand in order, and none is in another.
            let inside = |all: &Vec<Range<usize>>| {
                let next = all.partition_point(|s| s.start < at + line.len());
                next.checked_sub(1).and_then(|last| all.get(last)).is_some_and(|last| last.end > at)
            };
            scripts.as_ref().is_some_and(|all| !inside(all))
        };
        let plain = |line: &[u8], text: &[u8], head: usize, at: usize| match self.form {
            Form::Plain => true,
            Form::Source => at + line.trim_ascii_end().len() <= head && is_comment(line),
            Form::Manifest => tells(line),
            Form::Keyed => {
                let inner = line.first().is_some_and(|b| matches!(b, b' ' | b'\t' | b'-'));
                let before = text.get(..at).unwrap_or_default();
                let goes_on = before.strip_suffix(b"\n").is_some_and(|b| b.strip_suffix(b"\r").unwrap_or(b).ends_with(b"\\"));
                !(goes_on || self.blocks && inner) && is_keyed(line)
            }
            Form::Manual => is_of_manual(line),
        };
        plain(lines.shipped, self.texts.shipped, self.heads.shipped, at.shipped)
            && plain(lines.rebuilt, self.texts.rebuilt, self.heads.rebuilt, at.rebuilt)
            && outside(&self.scripts.shipped, lines.shipped, at.shipped)
            && outside(&self.scripts.rebuilt, lines.rebuilt, at.rebuilt)
    }
}

/// Whether a file of that name, in small letters, is a source.
pub(super) fn is_source(base: &[u8]) -> bool {
    let ending = base.rsplit(|b| *b == b'.').next().filter(|end| end.len() < base.len()).unwrap_or_default();
    SOURCES.iter().any(|s| s.eq_ignore_ascii_case(ending)) || MORE.contains(&ending)
}

/// Where the comments end that a source begins with; lines of a preprocessor may stand between them.
fn head(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let line = rest.split_inclusive(|b| *b == b'\n').next().unwrap_or_default();
        let plain = line.trim_ascii();
        let is_directive =
            || plain.starts_with(b"#") && !plain.ends_with(b"\\") && !plain.iter().any(|b| matches!(b, b'"' | b'\'' | b'`' | b'*'));
        let blanks = line.len() - line.trim_ascii_start().len();
        at += if plain.is_empty() || plain.starts_with(b"//") && !plain.ends_with(b"\\") || is_directive() {
            line.len()
        } else if plain.starts_with(b"/*") {
            let inner = rest.get(blanks + 2..).unwrap_or_default();
            match inner.windows(2).position(|w| w == b"*/") {
                Some(end) => blanks + 2 + end + 2,
                None => return at,
            }
        } else {
            return at;
        };
    }
    at
}

/// Whether a value of YAML may be a text of several lines that stands behind `|` or `>`.
fn has_blocks(text: &[u8]) -> bool {
    text.windows(2).any(|w| matches!(w, [b' ' | b'\t' | b'\n', b'|' | b'>']))
}

/// Whether a line is a comment, or a name of a time of building and nothing but a value: `created: "…"`.
fn is_keyed(line: &[u8]) -> bool {
    let text = line.trim_ascii();
    let text = text.strip_prefix(b"- ").unwrap_or(text);
    let Some(sign) = text.iter().position(|b| matches!(b, b':' | b'=')) else { return text.starts_with(b"#") };
    let (name, value) = text.split_at_checked(sign + 1).unwrap_or_default();
    let plain = value.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b' ' | b'"' | b'\'' | b':' | b'-' | b'+' | b'.' | b','));
    text.starts_with(b"#") || plain && is_stamp(name)
}

/// Whether a line of a manual page is text, its title or a comment: other requests may run something, or ask for something.
fn is_of_manual(line: &[u8]) -> bool {
    let plain = [&b".TH "[..], b".Dd ", b".Os", b".\\\"", b"'\\\""];
    !line.starts_with(b".") && !line.starts_with(b"'") || plain.iter().any(|start| line.starts_with(start))
}

/// Whether a page is filled in by something, or has a page in one of its attributes.
fn is_template(text: &[u8]) -> bool {
    const WORDS: [&[u8]; 8] = [b"srcdoc", b"{{", b"{%", b"<#", b"<!--#", b"<xsl:", b"<jsp:", b"<c:"];
    let may_start = |b: &u8| matches!(b, b's' | b'S' | b'{' | b'<');
    let is = |at: usize, word: &[u8]| text.get(at..at + word.len()).is_some_and(|w| w.eq_ignore_ascii_case(word));
    text.iter().enumerate().filter(|(_, b)| may_start(b)).any(|(at, _)| WORDS.iter().any(|word| is(at, word)))
}

/// Whether an attribute of a manifest says by its name when something was made.
pub(super) fn tells(line: &[u8]) -> bool {
    let name = line.iter().position(|b| *b == b':').and_then(|end| line.get(..end)).unwrap_or_default();
    !line.starts_with(b" ") && is_of_building(name)
}

/// Whether the whole line is a comment. A line of a longer comment has nothing in it that code would need.
fn is_comment(line: &[u8]) -> bool {
    let text = line.trim_ascii();
    if let Some(inner) = text.strip_prefix(b"/*") {
        return inner.windows(2).position(|w| w == b"*/").is_none_or(|end| inner.len() == end + 2);
    }
    let code = |b: &u8| matches!(b, b'"' | b'\'' | b'=' | b';' | b'(' | b'{' | b'`');
    // Build constraints and other directives of Go.
    if text.starts_with(b"//go:") || text.starts_with(b"// +build") {
        return false;
    }
    text.starts_with(b"//") || text.starts_with(b"* ") && !text.iter().any(code)
}

/// Where the tag ends that starts there: at the first `>` that stands in no value of an attribute.
fn tag_end(text: &[u8], start: usize) -> usize {
    let mut quote = None;
    let mut last = b' ';
    for (at, b) in text.iter().enumerate().skip(start) {
        match quote {
            Some(open) if *b == open => quote = None,
            Some(_) => {}
            None if *b == b'>' => return at,
            None if matches!(b, b'"' | b'\'') && last == b'=' => quote = Some(*b),
            None => {}
        }
        if !b.is_ascii_whitespace() {
            last = *b;
        }
    }
    text.len()
}

/// From each `<script` to the end of it, or of the text when what is inside could hide that end, and in a page the tags that are longer
/// than a line. `None` for templates.
fn scripts(text: &[u8], is_page: bool) -> Option<Vec<Range<usize>>> {
    let starts = |at: usize, word: &[u8]| text.get(at..at + word.len()).is_some_and(|w| w.eq_ignore_ascii_case(word));
    let mut out: Vec<Range<usize>> = Vec::new();
    let mut open: Option<usize> = None;
    let mut tag = 0;
    for (at, _) in text.iter().enumerate().filter(|(_, b)| **b == b'<') {
        if starts(at, b"<?") && !starts(at, b"<?xml") || starts(at, b"<%") {
            return None;
        }
        match open {
            None if starts(at, b"<script") => open = Some(at.max(out.last().map_or(0, |last| last.end))),
            None if is_page && at >= tag && text.get(at + 1).is_some_and(u8::is_ascii_alphabetic) => {
                tag = tag_end(text, at);
                let inner = text.get(at + 1..tag).unwrap_or_default();
                let name = inner.split(|b| b.is_ascii_whitespace()).next().unwrap_or_default();
                if is_obeyed(name) && !inner.ends_with(b"/") {
                    let close = [b"</", name].concat();
                    let rest = text.get(tag..).unwrap_or_default();
                    let end = rest.windows(close.len()).position(|w| w.eq_ignore_ascii_case(&close)).unwrap_or(rest.len());
                    tag += end;
                    out.push(at..tag);
                } else if inner.contains(&b'\n') {
                    out.push(at..tag);
                }
            }
            Some(from) if starts(at, b"</script") => {
                out.push(from..at);
                open = None;
            }
            // Behind such a mark another `<script` and its end may stand inside.
            Some(from) if starts(at, b"<!--") => {
                out.push(from..text.len());
                return Some(out);
            }
            _ => {}
        }
    }
    out.extend(open.map(|from| from..text.len()));
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(name: &str, text: &str, part: &str) -> bool {
        let text = text.as_bytes();
        let at = text.windows(part.len()).position(|w| w == part.as_bytes()).unwrap();
        Live::of(name.as_bytes(), text, text).allows(Sides::new(part.as_bytes(), part.as_bytes()), Sides::new(at, at))
    }

    #[test]
    fn code_in_a_page_has_no_dates() {
        let page = "<!-- made 1 -->\n<SCRIPT>\nmade 2\n</script>\nmade 3\n<script src='x'></script>\nmade 4\n";
        assert!(allowed("x.html", page, "<!-- made 1 -->\n") && allowed("x.html", page, "made 3\n") && allowed("x.html", page, "made 4\n"));
        assert!(!allowed("x.html", page, "made 2\n"));
        assert!(!allowed("x", "<script>\n<!-- <script>\n</script>\nmade 1\n</script>", "made 1\n"), "inside all the same");
        assert!(!allowed("x", "<script>\nmade 1\n", "made 1\n"), "without an end");
        for template in ["<?php x ?>\nmade 1\n", "<%= x %>\nmade 1\n", "<?= x ?>\nmade 1\n"] {
            assert!(!allowed("x", template, "made 1\n"), "{template}");
        }
        assert!(allowed("x.xml", "<?xml version='1.0'?>\nmade 1\n", "made 1\n"));
    }

    #[test]
    fn in_a_source_only_comments_have_dates() {
        let source = |line: &str| allowed("src/x.h", line, line);
        for line in ["// built 2022-12-26\n", "/* Generated on 2022-12-26 */\n", "/* built 2022-12-26 */\n"] {
            assert!(source(line), "{line}");
        }
        let inside = |text: &str, line: &str| allowed("src/x.h", text, line);
        assert!(inside("#ifndef X\n#define X\n\n/*\n * Generated 1.\n */\n", " * Generated 1.\n"));
        assert!(!inside("x = `\n// built 1\n`\n", "// built 1\n"), "in a text of several lines");
        assert!(!inside("#define X \\\n// built 1\n", "// built 1\n"));
        assert!(!inside("/* x */ y = `\n// built 1\n", "// built 1\n"));
        assert!(!inside("/* built 1\n", "/* built 1\n"), "without an end");
        for line in [
            "#define BUILT \"2022-12-26\"\n",
            "/* x */ built = 2022-12-26;\n",
            "*built = \"2022-12-26\";\n",
            "* built = 2022-12-26\n",
            "built\n",
        ] {
            assert!(!source(line), "{line}");
        }
        assert!(allowed("x.txt", "built\n", "built\n"));
    }

    #[test]
    fn a_value_of_several_lines_may_hold_anything() {
        let yaml = |text: &str, line: &str| allowed("x.yaml", text, line);
        assert!(yaml("a:\n  - created: 1\n", "  - created: 1\n") && yaml("run: |\n  x\ncreated: 1\n", "created: 1\n"));
        assert!(!yaml("run: |\n  created: 1\n", "  created: 1\n") && !yaml("run: >-\n  # built 1\n", "  # built 1\n"));
        let plain = |text: &str, line: &str| allowed("x.properties", text, line);
        assert!(plain("a=b\ncreated=1\n", "created=1\n") && !plain("a=\\\ncreated=1\n", "created=1\n"));
        let page = |text: &str, line: &str| allowed("x.html", text, line);
        assert!(page("<p x=\">\">\nbuilt 1\n</p>", "built 1\n") && page("<!--\nbuilt 1\n-->", "built 1\n"));
        assert!(!page("<p x=\"\nbuilt 1\n\">", "built 1\n") && !page("<p x=\">\nbuilt 1\n\">", "built 1\n"));
        assert!(!page("<exec>\nbuilt 1\n</exec>", "built 1\n") && page("<exec x='1'/>\nbuilt 1\n</p>", "built 1\n"));
        assert!(page("<exec>\nx\n</exec>\nbuilt 1\n", "built 1\n"));
        assert!(!page("<p x=y\nz='built 1'\n>", "z='built 1'\n"));
    }

    #[test]
    fn in_a_manifest_the_name_tells() {
        let of = |line: &str| allowed("META-INF/MANIFEST.MF", line, line);
        assert!(of("Build-Date: 2022-12-26\r\n") && of("Implementation-Build: 2022-12-26\r\n"));
        assert!(!of("Class-Path: built 2022-12-26\r\n") && !of(" built: 2022-12-26\r\n") && !of("Name: built 2022-12-26\r\n"));
    }
}
