//! Lines of a text in which no date counts, whatever they say: scripts in a page, statements of a source, attributes of a manifest
//! that say what is loaded.

use std::ops::Range;

use super::date_place::{is_of_building, is_stamp};
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
pub(super) struct Live {
    form: Form,
    /// Where code stands in a page; `None` when any of it may be code.
    scripts: Sides<Option<Vec<Range<usize>>>>,
}

impl Live {
    pub(super) fn of(name: &[u8], a: &[u8], b: &[u8]) -> Self {
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
        Self { form, scripts: Sides::new(a, b).map(|text| scripts(text).filter(|_| !is_page || !is_template(text))) }
    }

    /// Whether a date may count in these lines, which start there.
    pub(super) fn allows(&self, lines: Sides<&[u8]>, at: Sides<usize>) -> bool {
        let outside = |scripts: &Option<Vec<Range<usize>>>, line: &[u8], at: usize| {
            scripts.as_ref().is_some_and(|all| all.iter().all(|s| at + line.len() <= s.start || s.end <= at))
        };
        let plain = |line: &[u8]| match self.form {
            Form::Plain => true,
            Form::Source => is_comment(line),
            Form::Manifest => tells(line),
            Form::Keyed => is_keyed(line),
            Form::Manual => is_of_manual(line),
        };
        plain(lines.shipped)
            && plain(lines.rebuilt)
            && outside(&self.scripts.shipped, lines.shipped, at.shipped)
            && outside(&self.scripts.rebuilt, lines.rebuilt, at.rebuilt)
    }
}

/// Whether a file of that name, in small letters, is a source.
pub(super) fn is_source(base: &[u8]) -> bool {
    let ending = base.rsplit(|b| *b == b'.').next().filter(|end| end.len() < base.len()).unwrap_or_default();
    SOURCES.iter().any(|s| s.eq_ignore_ascii_case(ending)) || MORE.contains(&ending)
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
    let has = |word: &[u8]| text.windows(word.len()).any(|w| w.eq_ignore_ascii_case(word));
    [&b"srcdoc"[..], b"{{", b"{%", b"<#", b"<!--#", b"<xsl:", b"<jsp:", b"<c:"].iter().any(|word| has(word))
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
    text.starts_with(b"//") || text.starts_with(b"* ") && !text.iter().any(code)
}

/// From each `<script` to the end of it, or of the text when what is inside could hide that end. `None` for templates.
fn scripts(text: &[u8]) -> Option<Vec<Range<usize>>> {
    let starts = |at: usize, word: &[u8]| text.get(at..at + word.len()).is_some_and(|w| w.eq_ignore_ascii_case(word));
    let mut out: Vec<Range<usize>> = Vec::new();
    let mut open: Option<usize> = None;
    for (at, _) in text.iter().enumerate().filter(|(_, b)| **b == b'<') {
        if starts(at, b"<?") && !starts(at, b"<?xml") || starts(at, b"<%") {
            return None;
        }
        match open {
            None if starts(at, b"<script") => open = Some(at),
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
        for line in ["// built 2022-12-26\n", "/* Generated on 2022-12-26 */\n", " * Generated on 2022-12-26.\n", "/* built 2022-12-26\n"] {
            assert!(source(line), "{line}");
        }
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
    fn in_a_manifest_the_name_tells() {
        let of = |line: &str| allowed("META-INF/MANIFEST.MF", line, line);
        assert!(of("Build-Date: 2022-12-26\r\n") && of("Implementation-Build: 2022-12-26\r\n"));
        assert!(!of("Class-Path: built 2022-12-26\r\n") && !of(" built: 2022-12-26\r\n") && !of("Name: built 2022-12-26\r\n"));
    }
}
