//! Names in a line of source, and whether a line defines one. Guesses by the look of a line, for finding one's way; no evidence.

/// Words of common languages that name nothing.
const WORDS: [&str; 64] = [
    "and", "as", "async", "await", "bool", "break", "case", "char", "class", "const", "continue", "def", "default", "do", "double", "elif",
    "else", "endif", "enum", "extern", "false", "float", "fn", "for", "from", "func", "function", "goto", "if", "ifdef", "impl", "import",
    "in", "include", "inline", "int", "let", "long", "match", "mod", "mut", "new", "not", "null", "or", "pub", "return", "self", "short",
    "signed", "sizeof", "static", "struct", "switch", "this", "true", "typedef", "union", "unsigned", "use", "var", "void", "volatile",
    "while",
];
/// Words before a name that they define.
const DEFINES: [&str; 24] = [
    "class",
    "const",
    "def",
    "enum",
    "fn",
    "func",
    "function",
    "interface",
    "let",
    "macro_rules!",
    "mod",
    "module",
    "namespace",
    "package",
    "procedure",
    "proc",
    "static",
    "struct",
    "sub",
    "trait",
    "type",
    "typedef",
    "union",
    "var",
];
/// Words that may come before those.
const BEFORE: [&str; 17] = [
    "pub",
    "export",
    "default",
    "async",
    "unsafe",
    "abstract",
    "final",
    "public",
    "private",
    "protected",
    "internal",
    "open",
    "override",
    "typedef",
    "static",
    "extern",
    "inline",
];

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The names in a line, the most telling first: those before a `(`, then the longest. Comments and strings are not told apart.
#[must_use]
pub(crate) fn names(line: &str) -> Vec<String> {
    let mut found: Vec<(bool, usize, &str)> = Vec::new();
    let mut rest = line;
    let mut at = 0;
    while let Some(start) = rest.find(is_name) {
        let tail = rest.get(start..).unwrap_or_default();
        let end = tail.find(|c| !is_name(c)).unwrap_or(tail.len());
        let (word, after) = tail.split_at(end);
        let number = word.starts_with(|c: char| c.is_numeric());
        if !number && word.chars().count() > 1 && WORDS.binary_search(&word).is_err() && !found.iter().any(|f| f.2 == word) {
            found.push((after.trim_start().starts_with('('), at, word));
        }
        (rest, at) = (after, at + 1);
    }
    found.sort_by_key(|(call, at, word)| (!call, if *call { 0 } else { usize::MAX - word.chars().count() }, *at));
    found.into_iter().map(|(_, _, word)| word.to_owned()).collect()
}

/// Whether a line looks as if it defined that name.
#[must_use]
pub(crate) fn defines(line: &[u8], name: &str) -> bool {
    let line = String::from_utf8_lossy(line);
    let line = line.trim_end();
    places(line, name).any(|at| {
        let (before, rest) = line.split_at(at);
        let after = rest.get(name.len()..).unwrap_or_default();
        is_definition(line, before, after)
    })
}

/// Where a name stands as a word of its own.
fn places<'a>(line: &'a str, name: &'a str) -> impl Iterator<Item = usize> + 'a {
    line.match_indices(name).map(|(at, _)| at).filter(move |at| {
        let before = line.get(..*at).and_then(|b| b.chars().next_back());
        let after = line.get(at + name.len()..).and_then(|a| a.chars().next());
        !name.is_empty() && !before.is_some_and(is_name) && !after.is_some_and(is_name)
    })
}

fn is_definition(line: &str, before: &str, after: &str) -> bool {
    let next = after.trim_start();
    // `#define NAME`, also with blanks after the sign.
    if let Some(rest) = before.trim_start().strip_prefix('#') {
        return rest.trim() == "define";
    }
    let words: Vec<&str> = before.split_whitespace().collect();
    if let Some((last, head)) = words.split_last()
        && DEFINES.contains(last)
        && head.iter().all(|w| BEFORE.contains(w) || w.starts_with("pub("))
        && !next.starts_with(['*', ';'])
    {
        // `struct name *p;` and `struct name f(…)` use it, `struct name {` and the like define it.
        let c_type = matches!(*last, "struct" | "union" | "enum" | "class");
        return !c_type || !next.starts_with(|c: char| is_name(c) || c == '&' || c == ',' || c == ')');
    }
    // `} name;` at the end of a type.
    if before.starts_with('}') && words.len() == 1 && next == ";" {
        return true;
    }
    let indented = line.starts_with([' ', '\t']);
    if before.trim().is_empty() && !indented {
        // A label, a variable of a script or of make; a comparison is none. `name()` of a shell.
        let assigns = next.strip_prefix('=').is_some_and(|r| !r.starts_with('='));
        let label = next.strip_prefix(':').is_some_and(|r| !r.starts_with(':'));
        let other = [":=", "?=", "+="].iter().any(|sign| next.starts_with(sign));
        let shell = next.strip_prefix("()").is_some_and(|r| r.trim().is_empty() || r.trim_start().starts_with('{'));
        if assigns || label || other || shell {
            return true;
        }
    }
    // A function of C at the left edge: its type and its name, or its name alone on the line after the type.
    let type_like = before.chars().all(|c| is_name(c) || c.is_whitespace() || "*&:<>,[]".contains(c));
    let statement = words.first().is_some_and(|w| ["return", "else", "goto", "case"].contains(w));
    !indented && type_like && !statement && next.starts_with('(') && !line.ends_with([';', ',', '\\']) && !line.contains(';')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_before_a_parenthesis_comes_first_and_then_the_longest() {
        assert_eq!(names("    rc = ed25519_verify(im->sig, dig, key);"), ["ed25519_verify", "sig", "dig", "key", "rc", "im"]);
        assert_eq!(names("  if (rc == 0) return -EINVAL;"), ["EINVAL", "rc"]);
        assert_eq!(names("return 0x1f + 12;"), [""; 0]);
        assert!(WORDS.is_sorted());
    }

    #[test]
    fn lines_that_define_a_name_are_told_from_those_that_use_it() {
        let defined = [
            ("int verify_image(const struct img *im)", "verify_image"),
            ("verify_image(const struct img *im)", "verify_image"),
            ("static struct key *load_key (struct key *k)", "load_key"),
            ("#  define KEY_PATH \"/etc/key\"", "KEY_PATH"),
            ("#define MAX(a, b) ((a) > (b) ? (a) : (b))", "MAX"),
            ("struct img {", "img"),
            ("struct img", "img"),
            ("} img_t;", "img_t"),
            ("pub(crate) fn verify<T>(x: T) -> bool {", "verify"),
            ("    def verify(self):", "verify"),
            ("pub trait Verify {", "Verify"),
            ("type Place = usize;", "Place"),
            ("\tlet key = 1;", "key"),
            ("verify:", "verify"),
            ("CFLAGS = -O2", "CFLAGS"),
            ("CFLAGS += -O2", "CFLAGS"),
            ("verify() {", "verify"),
            ("macro_rules! verify {", "verify"),
        ];
        for (line, name) in defined {
            assert!(defines(line.as_bytes(), name), "{line}");
        }
        let used = [
            ("    rc = verify_image(im);", "verify_image"),
            ("int verify_image(const struct img *im);", "verify_image"),
            ("int verify_image(const struct img *im)", "img"),
            ("extern struct img *first;", "img"),
            ("struct img load(void)", "img"),
            ("#if defined KEY_PATH", "KEY_PATH"),
            ("    key = 2;", "key"),
            ("key == 2", "key"),
            ("verify::image", "verify"),
            ("return verify(im)", "verify"),
            ("int verify_images(void)", "verify_image"),
            ("", ""),
        ];
        for (line, name) in used {
            assert!(!defines(line.as_bytes(), name), "{line}");
        }
    }
}
