//! Artifact rules (in-toto specification 1.0, section 4.3.3).

use std::collections::{BTreeMap, BTreeSet};

use crate::text::Shown;

use super::metadata::{Artifacts, Link};
use super::same;

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    Create(String),
    Delete(String),
    Modify(String),
    Allow(String),
    Disallow(String),
    Require(String),
    Match { pattern: String, source: String, products: bool, target: String, step: String },
}

impl Rule {
    /// Reads the words of a rule; the key words are the same in either case.
    pub(super) fn parse(words: &[&str]) -> Option<Self> {
        let kind = words.first()?.to_ascii_uppercase();
        if let [_, pattern] = words {
            let pattern = (*pattern).to_owned();
            return match kind.as_str() {
                "CREATE" => Some(Self::Create(pattern)),
                "DELETE" => Some(Self::Delete(pattern)),
                "MODIFY" => Some(Self::Modify(pattern)),
                "ALLOW" => Some(Self::Allow(pattern)),
                "DISALLOW" => Some(Self::Disallow(pattern)),
                "REQUIRE" => Some(Self::Require(pattern)),
                _ => None,
            };
        }
        // MATCH pattern [IN prefix] WITH (MATERIALS|PRODUCTS) [IN prefix] FROM step
        let is = |word: &str, wanted: &str| word.eq_ignore_ascii_case(wanted);
        let (pattern, mut rest) = (words.get(1)?, words.get(2..)?);
        let prefix = |rest: &mut &[&str]| match rest {
            [word, prefix, more @ ..] if is(word, "IN") => {
                let prefix = prefix.trim_end_matches('/').to_owned();
                *rest = &rest[rest.len() - more.len()..];
                prefix
            }
            _ => String::new(),
        };
        let rest = &mut rest;
        let source = prefix(rest);
        let [with, what, more @ ..] = *rest else { return None };
        let products = is(what, "PRODUCTS");
        let fits = kind == "MATCH" && is(with, "WITH") && (products || is(what, "MATERIALS"));
        let mut more = more;
        let target = prefix(&mut more);
        let [from, step] = more else { return None };
        (fits && is(from, "FROM")).then(|| Self::Match {
            pattern: (*pattern).to_owned(),
            source,
            products,
            target,
            step: (*step).to_owned(),
        })
    }
}

/// The link that the rules are about, and those of all steps.
pub(super) struct Links<'a> {
    pub(super) own: &'a Link,
    pub(super) done: &'a BTreeMap<&'a str, Link>,
}

/// Applies rules in their order. Each takes from the queue what it speaks of; what a `DISALLOW` still finds there is an error.
pub(super) fn keep(rules: &[Rule], artifacts: &Artifacts, links: &Links<'_>) -> Result<(), String> {
    let mut queue: BTreeSet<&str> = artifacts.keys().map(String::as_str).collect();
    let (materials, products) = (&links.own.materials, &links.own.products);
    for rule in rules {
        let taken: Vec<&str> = match rule {
            Rule::Create(p) => matching(&queue, p).filter(|a| products.contains_key(*a) && !materials.contains_key(*a)).collect(),
            Rule::Delete(p) => matching(&queue, p).filter(|a| materials.contains_key(*a) && !products.contains_key(*a)).collect(),
            Rule::Modify(p) => {
                let changed = |a: &&str| matches!((materials.get(*a), products.get(*a)), (Some(x), Some(y)) if !same(x, y));
                matching(&queue, p).filter(changed).collect()
            }
            Rule::Allow(p) => matching(&queue, p).collect(),
            Rule::Disallow(p) => {
                if let Some(first) = matching(&queue, p).next() {
                    return Err(format!("{} is not allowed there (DISALLOW {})", Shown::new(first).cut(120), Shown::new(p).cut(80)));
                }
                Vec::new()
            }
            Rule::Require(p) => {
                if !queue.contains(p.as_str()) {
                    return Err(format!("{} is required and not there", Shown::new(p).cut(120)));
                }
                Vec::new()
            }
            Rule::Match { pattern, source, products, target, step } => {
                let Some(link) = links.done.get(step.as_str()) else {
                    return Err(format!("a rule speaks of the step {}, which the layout does not have", Shown::new(step).cut(80)));
                };
                let other = if *products { &link.products } else { &link.materials };
                let below = |a: &str| {
                    if source.is_empty() { Some(a.to_owned()) } else { Some(a.strip_prefix(source)?.strip_prefix('/')?.to_owned()) }
                };
                let equal = |a: &&str| {
                    let Some(rest) = below(a).filter(|rest| fits(pattern, rest)) else { return false };
                    let path = if target.is_empty() { rest } else { format!("{target}/{rest}") };
                    matches!((artifacts.get(*a), other.get(&path)), (Some(x), Some(y)) if same(x, y))
                };
                queue.iter().copied().filter(equal).collect()
            }
        };
        for one in taken {
            queue.remove(one);
        }
    }
    Ok(())
}

fn matching<'q, 'a>(queue: &'q BTreeSet<&'a str>, pattern: &'q str) -> impl Iterator<Item = &'a str> + 'q {
    queue.iter().copied().filter(move |a| fits(pattern, a))
}

/// Patterns of the reference implementation (Python's `fnmatch`): `*` is any text, slashes too; `?` one character; `[...]` one of a
/// set, `[!...]` none of it. The work is at most the product of both lengths.
fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t, mut star) = (0usize, 0usize, None);
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
                continue;
            }
            Some(_) => {
                if let Some(length) = text.get(t).and_then(|c| one(&pattern, p, *c)) {
                    (p, t) = (p + length, t + 1);
                    continue;
                }
            }
            None => {}
        }
        let Some((at, from)) = star else { return false };
        star = Some((at, from + 1));
        (p, t) = (at + 1, from + 1);
    }
    pattern.iter().skip(p).all(|c| *c == '*')
}

/// How long the part of the pattern is that fits one character.
fn one(pattern: &[char], at: usize, c: char) -> Option<usize> {
    match pattern.get(at)? {
        '?' => Some(1),
        '[' => {
            let negated = pattern.get(at + 1) == Some(&'!');
            let start = at + 1 + usize::from(negated);
            // A bracket right behind the opening is one of the set.
            let end = (start + 1..pattern.len()).find(|i| pattern.get(*i) == Some(&']'));
            let Some(end) = end else { return (c == '[').then_some(1) };
            let set = pattern.get(start..end)?;
            let mut found = false;
            let mut i = 0;
            while let Some(first) = set.get(i) {
                if let (Some('-'), Some(last)) = (set.get(i + 1), set.get(i + 2)) {
                    found |= (*first..=*last).contains(&c);
                    i += 3;
                } else {
                    found |= *first == c;
                    i += 1;
                }
            }
            (found != negated).then_some(end + 1 - at)
        }
        other => (*other == c).then_some(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_fnmatch() {
        for (pattern, text, right) in [
            ("*", "a/b", true),
            ("a/*", "a/b/c", true),
            ("a/*", "b/a/c", false),
            ("?.c", "x.c", true),
            ("?.c", ".c", false),
            ("[ab].c", "b.c", true),
            ("[!ab].c", "b.c", false),
            ("[a-c]x", "bx", true),
            ("[]]x", "]x", true),
            ("[x", "[x", true),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "aXcYb", false),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(fits(pattern, text), right, "{pattern} {text}");
        }
        let long = "a".repeat(2000);
        assert!(!fits(&format!("{}b", "*a".repeat(200)), &long));
    }

    #[test]
    fn rules_are_read_in_all_their_forms() {
        let of = |text: &str| Rule::parse(&text.split(' ').collect::<Vec<_>>());
        assert_eq!(of("ALLOW x"), Some(Rule::Allow("x".into())));
        assert_eq!(of("disallow *"), Some(Rule::Disallow("*".into())));
        let full = Rule::Match { pattern: "*".into(), source: "a".into(), products: true, target: "b/c".into(), step: "s".into() };
        assert_eq!(of("MATCH * IN a/ WITH PRODUCTS IN b/c FROM s"), Some(full));
        let short = Rule::Match { pattern: "x".into(), source: String::new(), products: false, target: String::new(), step: "s".into() };
        assert_eq!(of("MATCH x WITH MATERIALS FROM s"), Some(short));
        for wrong in ["ALLOW", "ALLOW a b", "MATCH x WITH THINGS FROM s", "MATCH x WITH PRODUCTS", "MATCH x IN", "NOTHING x", ""] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }
}
