//! Identifiers that mix scripts or look like others (UTS #39, Unicode Security Mechanisms; CVE-2021-42694).
//!
//! Only code is judged: words in comments and strings may be of any language. What is asked is whether a reader could take an
//! identifier for another one, so a letter that looks like no other (`Δt`) is no alarm, and neither are names that are wholly
//! and plainly of another script.

use std::collections::{BTreeMap, BTreeSet};

use unicode_security::{RestrictionLevel, RestrictionLevelDetection as _, skeleton};

use super::lexer;
use crate::text::Shown;

/// Identifiers told of one file.
const TOLD: usize = 100;
/// Different words of one file that are compared with one another.
const WORDS: usize = 200_000;

/// An identifier that could be taken for another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Suspect {
    /// Lines, from 1, where it occurs; at most 100.
    pub(crate) lines: Vec<u64>,
    /// What it is, in words that have passed the guard.
    pub(crate) why: String,
}

/// What one word is suspected of.
enum Doubt<'t> {
    Mixed,
    Twin(&'t str),
    Disguised,
}

/// The identifiers of a source file that could be taken for others. `path` says what language it is; a file that is not code
/// has none, and neither has one in ASCII.
pub(crate) fn suspects(path: &[u8], text: &str) -> Vec<Suspect> {
    let Some(syntax) = lexer::syntax(path, text).filter(|_| !text.is_ascii()) else { return Vec::new() };
    // Words of code that are not ASCII, with where they are.
    let mut foreign: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    lexer::words(text, syntax, &mut |at, word| {
        if !word.is_ascii() && (foreign.contains_key(word) || foreign.len() < WORDS) {
            let places = foreign.entry(word).or_default();
            if places.len() < TOLD {
                places.push(at);
            }
        }
    });
    // Words anywhere that have letters of ASCII beside others: where one of them spells an identifier, it is told even in a string.
    let mut everywhere: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut ascii: BTreeSet<&str> = BTreeSet::new();
    for (at, word) in all_words(text) {
        if word.is_ascii() {
            if ascii.len() < WORDS {
                ascii.insert(word);
            }
        } else if !foreign.contains_key(word) && word.bytes().any(|b| b.is_ascii_alphabetic()) && everywhere.len() < WORDS {
            everywhere.entry(word).or_default().push(at);
        }
    }
    if foreign.is_empty() && everywhere.is_empty() {
        return Vec::new();
    }
    let mut twins: BTreeMap<String, &str> = BTreeMap::new();
    for word in ascii.iter().chain(foreign.keys()) {
        twins.entry(skeleton(word).collect()).or_insert(word);
    }
    let honest = honest_scripts(foreign.keys().copied());
    let mut found: Vec<(usize, Suspect)> = Vec::new();
    let mut tell = |word: &str, places: &[usize], doubt: &Doubt<'_>| {
        if found.len() < TOLD {
            let lines = super::lines_of(text, places);
            found.push((places.first().copied().unwrap_or(0), Suspect { lines, why: sentence(word, doubt) }));
        }
    };
    for (word, places) in &foreign {
        let shape: String = skeleton(word).collect();
        let twin = twins.get(&shape).filter(|twin| *twin != word);
        let mixed = word.detect_restriction_level() > RestrictionLevel::ModeratelyRestrictive && mixes(word);
        let doubt = match twin {
            Some(twin) => Some(Doubt::Twin(twin)),
            None if mixed => Some(Doubt::Mixed),
            None if shape.is_ascii() && !script_of(word).is_some_and(|s| honest.contains(s)) => Some(Doubt::Disguised),
            None => None,
        };
        if let Some(doubt) = doubt {
            tell(word, places, &doubt);
        }
    }
    for (word, places) in &everywhere {
        let shape: String = skeleton(word).collect();
        if word.chars().count() > 2
            && mixes(word)
            && let Some(twin) = twins.get(&shape).filter(|t| t.is_ascii())
        {
            tell(word, places, &Doubt::Twin(twin));
        }
    }
    found.sort_by_key(|(at, _)| *at);
    found.into_iter().map(|(_, suspect)| suspect).collect()
}

fn all_words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let start = text.as_ptr() as usize;
    text.split(|c| !lexer::is_word(c)).filter(|w| !w.is_empty()).map(move |w| (w.as_ptr() as usize - start, w))
}

/// Whether a word has a letter of ASCII and one that looks like a letter of ASCII and is none.
fn mixes(word: &str) -> bool {
    let poses = |c: char| {
        let mut buffer = [0u8; 4];
        // What has no shape at all, such as a variation selector, poses as nothing.
        let mut shape = skeleton(c.encode_utf8(&mut buffer)).peekable();
        !c.is_ascii() && shape.peek().is_some() && shape.all(|s| s.is_ascii())
    };
    word.bytes().any(|b| b.is_ascii_alphabetic()) && word.chars().any(poses)
}

/// The scripts of which a file has an identifier that cannot be taken for ASCII: whoever writes those writes that language.
fn honest_scripts<'t>(words: impl Iterator<Item = &'t str>) -> BTreeSet<&'static str> {
    words.filter(|w| !skeleton(w).all(|c| c.is_ascii())).filter_map(script_of).collect()
}

/// The one script of a word, where it has letters of one only.
fn script_of(word: &str) -> Option<&'static str> {
    use unicode_security::MixedScript as _;
    let scripts = word.resolve_script_set();
    if word.is_single_script() && !scripts.is_empty() && !scripts.is_all() {
        scripts.base.iter().next().map(|s| s.full_name())
    } else {
        None
    }
}

fn sentence(word: &str, doubt: &Doubt<'_>) -> String {
    let shown = Shown::new(word).cut(60);
    let odd: Vec<String> = word.chars().filter(|c| !c.is_ascii()).take(4).map(|c| format!("U+{:04X}", u32::from(c))).collect();
    let odd = odd.join(" ");
    match doubt {
        Doubt::Mixed => format!("the identifier {shown} mixes scripts: {odd} beside letters of ASCII that it looks like"),
        Doubt::Twin(other) => format!("{shown} ({odd}) looks like {} and is another name", Shown::new(other).cut(60)),
        Doubt::Disguised => format!("the identifier {shown} ({odd}) looks like ASCII and is none of it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whys(path: &str, text: &str) -> Vec<String> {
        suspects(path.as_bytes(), text).into_iter().map(|s| s.why).collect()
    }

    #[test]
    fn names_that_look_like_others_are_told_with_their_lines() {
        let text = "void sayHello() {}\n\nvoid say\u{41d}ello() {}\nint main() { say\u{41d}ello(); }\n";
        let found = suspects(b"a.c", text);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].lines, [3, 4]);
        assert!(found[0].why.contains("looks like sayHello") && found[0].why.contains("U+041D"), "{}", found[0].why);
        // Without its twin in the file it mixes scripts.
        assert!(whys("a.c", "x = say\u{41d}ello();")[0].contains("mixes scripts"));
        // All Cyrillic, and all of it looks like Latin.
        assert!(whys("a.py", "\u{441}\u{43e}\u{440}\u{443} = 1")[0].contains("looks like ASCII"));
        assert!(whys("a.py", "copy = 1\n\u{441}\u{43e}\u{440}\u{443} = 2")[0].contains("looks like copy"));
        // Mathematical and fullwidth letters, which Python reads as ASCII.
        assert_eq!(whys("a.py", "\u{1d42c}\u{1d41a}\u{1d432} = \u{ff53}\u{ff41}\u{ff59}").len(), 2);
        // A selector that nobody sees makes another name.
        assert_eq!(whys("a.c", "f(admin); f(admin\u{fe0f});").len(), 1);
        // A string that is no string to the compiler, or code inside of one.
        assert_eq!(whys("a.js", "isAdmin(); `${is\u{410}dmin()}`").len(), 1);
    }

    #[test]
    fn honest_text_and_names_are_no_alarm() {
        for (path, text) in [
            (
                "a.c",
                "// \u{43f}\u{440}\u{438}\u{432}\u{435}\u{442}, \u{430} \u{441} copy\nputs(\"\\n\u{421}\u{442}\u{440}\u{43e}\u{43a}\u{430} %s\u{430}\");",
            ),
            ("a.py", "\u{438}\u{43c}\u{44f} = 1\n\u{430} = \u{438}\u{43c}\u{44f}"),
            ("a.py", "\u{394}t = 1\n\u{3b8}0 = na\u{ef}ve(\u{394}t)"),
            ("a.java", "int \u{5024} = get\u{540d}\u{524d}(); String caf\u{e9} = \"\";"),
            ("a.go", "// \u{441}\u{43e}\u{440}\u{443}\nvar stra\u{df}e = \"\u{430}bc\""),
            ("a.rs", "/// \u{3b1} and \u{3b2}\nfn f<'a>(x: &'a str) -> char { '\u{430}' }"),
            ("README.md", "say\u{41d}ello"),
            ("a.rs", "// Warning\u{fe0f} and \u{26a0}\u{fe0f}This\nfn warning() { Warning; This; }"),
        ] {
            assert_eq!(whys(path, text), Vec::<String>::new(), "{path}: {text}");
        }
    }
}
