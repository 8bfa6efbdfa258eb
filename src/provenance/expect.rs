//! What the reviewer brings from outside: digests of what was installed, read from a machine or from paper, to be found in what
//! was shipped.

use std::collections::{BTreeMap, BTreeSet};

use crate::digest::{Algorithm, Sha256, hex, words};
use crate::model::{ChainLink, Clue, Lead, Standing};
use crate::text::{Shown, Untrusted};

use super::judge::base;
use super::sums;

/// The least digits that name a file: what a person types from paper.
const LEAST: usize = 8;
/// The least words, each of which is a byte: what is only heard has more room for mistakes.
const LEAST_WORDS: usize = 8;
/// Digits from which on nobody can make another file with the same ones.
const STRONG: usize = 32;
/// Artifacts that are listed as evidence at most.
const MAX_CLUES: usize = 200;
/// Lines of one list.
const MAX_LINES: usize = 100_000;

/// One expectation: digits of a SHA-256, and the name that stands beside them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// What it is called outside; empty when only digits were given.
    pub name: Untrusted,
    /// 8 to 64 hexadecimal digits, in lower case.
    pub digits: String,
}

/// Digits as they are typed from paper: groups between spaces, colons or dashes are joined. `None` when it is none.
#[must_use]
pub fn digits(text: &str) -> Option<Expected> {
    let digits: String = text.chars().filter(|c| !matches!(c, ' ' | ':' | '-')).collect::<String>().to_ascii_lowercase();
    let digits = digits.strip_prefix("sha256").unwrap_or(&digits).to_owned();
    let fits = (LEAST..=64).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    fits.then(|| Expected { name: Untrusted::default(), digits })
}

/// Words as they are read from paper (the PGP word list): the first 8 or more of a SHA-256. `None` when the text is not meant as
/// words.
///
/// # Errors
/// With the word that is wrong, or how many are needed.
#[must_use]
pub fn words(text: &str) -> Option<Result<Expected, String>> {
    words::are_words(text).then(|| {
        let bytes = words::from_words(text).map_err(|e| e.to_string())?;
        if !(LEAST_WORDS..=32).contains(&bytes.len()) {
            return Err(format!("{} words; {LEAST_WORDS} to 32 are those of a SHA-256, from its beginning", bytes.len()));
        }
        Ok(Expected { name: Untrusted::default(), digits: hex(&bytes) })
    })
}

/// Reads a list: lines as `sha256sum` writes them, fewer digits and a name, or words.
///
/// # Errors
/// With the line of what is wrong.
pub fn parse(bytes: &[u8]) -> Result<Vec<Expected>, String> {
    let mut out = Vec::new();
    for (number, line) in (1_u64..).zip(bytes.split(|b| *b == b'\n')) {
        let line = line.strip_suffix(b"\r").unwrap_or(line).trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        if out.len() >= MAX_LINES {
            return Err(format!("line {number}: more than {MAX_LINES} lines"));
        }
        if let Ok(subjects) = sums::parse(line, Algorithm::Sha256) {
            out.extend(subjects.into_iter().filter_map(|s| Some(Expected { digits: hex(&s.digests.first()?.bytes), name: s.name })));
            continue;
        }
        let wrong = || format!("line {number}: {LEAST} to 64 hexadecimal digits should be here, and a name behind them");
        let text = std::str::from_utf8(line).map_err(|_| wrong())?;
        if let Some(read) = words(text) {
            out.push(read.map_err(|e| format!("line {number}: {e}"))?);
            continue;
        }
        let (first, name) = text.split_once([' ', '\t']).unwrap_or((text, ""));
        let mut one = digits(first).ok_or_else(wrong)?;
        one.name = name.trim_start().trim_start_matches('*').into();
        out.push(one);
    }
    if out.is_empty() { Err("there is no digest in it".to_owned()) } else { Ok(out) }
}

/// Something that was shipped, or is inside of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// The artifact's index in the release.
    pub artifact: usize,
    /// Its name, with that of the member behind `!`.
    pub name: Untrusted,
    /// Of its content.
    pub sha256: Sha256,
}

/// How the link from what was installed to what was shipped stands.
#[must_use]
pub fn link(expected: &[Expected], holdings: &[Holding]) -> ChainLink {
    let by_digest: BTreeMap<String, &Holding> = holdings.iter().map(|h| (h.sha256.to_string(), h)).collect();
    let mut by_name: BTreeMap<&[u8], Vec<&Holding>> = BTreeMap::new();
    for holding in holdings {
        by_name.entry(base(holding.name.as_bytes().rsplit(|b| *b == b'!').next().unwrap_or_default())).or_default().push(holding);
    }
    let (mut found, mut weak, mut missing, mut places) = (0usize, None, Vec::new(), BTreeSet::new());
    for one in expected {
        let hit = by_digest.range(one.digits.clone()..).next().filter(|(digest, _)| digest.starts_with(&one.digits));
        if let Some((_, holding)) = hit {
            found += 1;
            places.insert(holding.artifact);
            if one.digits.len() < STRONG {
                weak.get_or_insert((one, *holding));
            }
            continue;
        }
        // The same name with other bytes says that something else was installed; a name of nothing here says nothing.
        match by_name.get(base(one.name.as_bytes())).and_then(|all| all.first()) {
            Some(other) if !one.name.is_empty() => {
                let short: String = one.digits.chars().take(16).collect();
                let why = format!(
                    "{} was expected with sha256 {short}…, and {} has {}…",
                    one.name.shown().cut(120),
                    other.name.shown().cut_start(160),
                    other.sha256.short(16)
                );
                return ChainLink::new(NAME, Standing::Broken, why)
                    .with(vec![Clue { text: other.name.shown().cut_start(160).to_string(), at: Lead::Artifact(other.artifact) }]);
            }
            _ => missing.push(one),
        }
    }
    let artifacts = if places.len() == 1 { "1 artifact".to_owned() } else { format!("{} artifacts", places.len()) };
    let counted = format!("{found} of {} expected digests are in what was shipped, in {artifacts}", expected.len());
    let (standing, why) = match (missing.first(), weak) {
        (Some(first), _) => {
            let name = if first.name.is_empty() { Shown::new(&first.digits) } else { first.name.shown() };
            (Standing::Absent, format!("{counted}; {} are nowhere, first {}", missing.len(), name.cut(120)))
        }
        (None, Some((one, holding))) => {
            let digits = one.digits.len();
            let why = format!(
                "{counted}; only {digits} digits of {} were given: {STRONG} cannot be made to agree",
                holding.name.shown().cut_start(120)
            );
            (Standing::Claimed, why)
        }
        (None, None) => (Standing::Proven, counted),
    };
    let evidence = places.iter().map(|i| Clue { text: "what was installed is in it".to_owned(), at: Lead::Artifact(*i) });
    ChainLink::new(NAME, standing, why).with(evidence.take(MAX_CLUES).collect())
}

const NAME: &str = "installed = shipped";

#[cfg(test)]
mod tests {
    use super::*;

    fn holding(artifact: usize, name: &str, content: &[u8]) -> Holding {
        Holding { artifact, name: name.into(), sha256: Sha256::of(content) }
    }

    fn of(list: &str) -> (Standing, String) {
        let held = [holding(0, "a.deb", b"a"), holding(0, "a.deb!usr/bin/tool", b"tool"), holding(1, "b.deb", b"b")];
        let link = link(&parse(list.as_bytes()).unwrap(), &held);
        (link.standing, link.why)
    }

    #[test]
    fn each_kind_of_list_stands_as_it_should() {
        let digest = |content: &[u8]| Sha256::of(content).to_string();
        let tool = digest(b"tool");
        assert_eq!(
            of(&format!("{tool}  /usr/bin/tool\n")),
            (Standing::Proven, "1 of 1 expected digests are in what was shipped, in 1 artifact".into())
        );
        assert_eq!(of(&format!("{tool} *x\n{}  b.deb\n", digest(b"b"))).0, Standing::Proven, "the name is a hint");
        assert_eq!(of(&format!("{}  tool\n", &tool[..32])).0, Standing::Proven);
        let (standing, why) = of(&format!("{} tool\n", &tool[..8]));
        assert!(standing == Standing::Claimed && why.contains("only 8 digits"), "{why}");
        let (standing, why) = of(&format!("{}  /usr/bin/tool\n", digest(b"other")));
        assert!(standing == Standing::Broken && why.contains("a.deb!usr/bin/tool has"), "{why}");
        let (standing, why) = of(&format!("{tool}  tool\n{}  elsewhere\n", digest(b"other")));
        assert!(standing == Standing::Absent && why.contains("1 are nowhere, first elsewhere"), "{why}");
        assert_eq!(of(&digest(b"other")[..20]).0, Standing::Absent, "digits without a name");
    }

    #[test]
    fn digits_from_paper_are_joined_and_what_is_none_is_named() {
        assert_eq!(digits("31FB 14e8-aa:00").unwrap().digits, "31fb14e8aa00");
        assert_eq!(digits("sha256:31fb14e8").unwrap().digits, "31fb14e8");
        assert_eq!(digits("31fb14e"), None, "seven are too few");
        assert_eq!(digits("31fb14eg"), None);
        let tool = Sha256::of(b"tool");
        let said = crate::digest::words::words(&tool.0);
        assert_eq!(of(&said.join(" ")), (Standing::Proven, "1 of 1 expected digests are in what was shipped, in 1 artifact".into()));
        assert_eq!(of(&said[..8].join("-").to_uppercase()).0, Standing::Claimed);
        assert_eq!(words(&said[..7].join(" ")), Some(Err("7 words; 8 to 32 are those of a SHA-256, from its beginning".into())));
        assert!(
            parse(format!("{}\n{} gorilla", said.join(" "), said[..6].join(" ")).as_bytes()).unwrap_err().starts_with("line 2: word 7")
        );
        assert_eq!((words("31fb14e8"), words("installed.txt")), (None, None));
        assert!(parse(b"\n# only a remark\n").unwrap_err().contains("no digest"));
        assert!(parse(b"31fb14e8 a\nhello b\n").unwrap_err().starts_with("line 2"));
        assert!(parse("1".repeat(65).as_bytes()).unwrap_err().starts_with("line 1"));
    }
}
