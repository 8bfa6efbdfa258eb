//! Where a date may count as the time of a build: a text that reads as a date can as well be an address, a version, or what
//! code compares with today. So the words beside it must say that something was built then, or its form must be the
//! compiler's own.

use std::ops::Range;

use super::date_words::{BOUNDS, DONE, MADE, OBEYED, PLAIN, SIGNS, STAMPS, TIMES, TITLES};
use super::dates::Tries;

/// What a text that looks like a date is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Home {
    /// A line of text.
    Line,
    /// A string of a file without a known form.
    Part,
    /// A string in the data of a program.
    Data,
}

/// How far a path around a date is looked for.
const MAX_TOKEN: usize = 4096;
/// The form of `__DATE__`.
pub(super) const COMPILER_DATE: &str = "%b %e %Y";
/// The form of `__TIMESTAMP__`.
const COMPILER_STAMP: &str = "%a %b %e %H:%M:%S %Y";
/// The form of `__TIME__`, which alone is no date.
pub(super) const TIME: &str = "%H:%M:%S";

/// What the words of a line or string say of the dates in it, of both sides together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// Both say that something was made.
    made: bool,
    /// So do lines of text, in which `build-tool` is a name.
    made_in_line: bool,
    /// One says that something is compared.
    bound: bool,
}

impl Said {
    pub(super) fn of(old: &[u8], new: &[u8]) -> Self {
        let made_in_line = line_tells(old) && line_tells(new);
        Self { made: is_told(old) && is_told(new), made_in_line, bound: may_be_a_bound(old) || may_be_a_bound(new) }
    }
}

/// Whether a text of that format, at that range of what it stands in, is the time of a build.
pub(super) fn counts(format: &str, text: &[u8], range: &Range<usize>, said: Said, home: Home, tries: &Tries) -> bool {
    let (Some(before), Some(after)) = (text.get(..range.start), text.get(range.end..)) else { return false };
    if said.bound || stands_in_more(before, after, format.contains("%H")) {
        return false;
    }
    match home {
        Home::Line | Home::Part if is_value_of_another(before, after) => false,
        Home::Line | Home::Part => said.made_in_line && (format.contains("%Y") || beside_a_date(before, after, home, tries)),
        Home::Data if !format.contains("%Y") => beside_a_date(before, after, home, tries),
        Home::Data => matches!(format, COMPILER_DATE | COMPILER_STAMP) || format.contains("%H") || said.made,
    }
}

/// Whether a line may hold seconds of a build under that name, which ends where the text does: `SOURCE_DATE_EPOCH=`.
pub(super) fn is_stamp(before: &[u8]) -> bool {
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    let end = before.iter().rposition(is_name).map_or(0, |i| i + 1);
    let gap = before.get(end..).unwrap_or_default();
    if gap.len() > 8 || !gap.iter().all(|b| matches!(b, b' ' | b'\t' | b'=' | b':' | b'"' | b'\'')) {
        return false;
    }
    let start = before.get(..end).and_then(|b| b.iter().rposition(|b| !is_name(b))).map_or(0, |i| i + 1);
    // By itself, and not as an option of a command or of an address.
    let by_itself = |b: &u8| b.is_ascii_whitespace() || matches!(b, b'"' | b'\'' | b'{' | b'[' | b'(' | b'<' | b',' | b';' | b'#' | b'$');
    let lead = start.checked_sub(1).and_then(|i| before.get(i));
    if !lead.is_none_or(by_itself) || before.get(start) == Some(&b'-') || !gap.iter().any(|b| matches!(b, b'=' | b':')) {
        return false;
    }
    let plain = |b: &u8| !matches!(b, b'_' | b'-' | b'.');
    let name: Vec<u8> = before.get(start..end).unwrap_or_default().iter().filter(|b| plain(b)).map(u8::to_ascii_lowercase).collect();
    STAMPS.contains(&name.as_slice()) && !may_be_a_bound(before)
}

/// Whether it is a part of something longer: a path, a version, a name, an address of a network.
fn stands_in_more(before: &[u8], after: &[u8], is_time: bool) -> bool {
    let joins = |b: u8| matches!(b, b'/' | b'\\' | b'-' | b'_' | b'+' | b'@' | b'~' | b'%' | b'$' | b'*' | b'^');
    let (last, first) = (before.last().copied(), after.first().copied());
    let dot = after.first() == Some(&b'.') && after.get(1).is_some_and(u8::is_ascii_alphanumeric);
    let colon = is_time && (last == Some(b':') || first == Some(b':'));
    // A path or an address, of which a date is only the end.
    let word = |b: &&u8| !b.is_ascii_whitespace() && !matches!(b, b'"' | b'\'' | 0);
    // What an element ends with is no part of its text.
    let after = after.get(..after.windows(2).position(|w| w == b"</").unwrap_or(after.len())).unwrap_or_default();
    let mut token = before.iter().rev().take(MAX_TOKEN).take_while(word).chain(after.iter().take(MAX_TOKEN).take_while(word));
    last.is_some_and(|b| joins(b) || b == b'.') || first.is_some_and(joins) || dot || colon || token.any(|b| matches!(b, b'/' | b'\\'))
}

/// Whether it is the value of a name, an element of a list or an attribute, and neither its own text nor its name says that something
/// was made: the word that does stands beside another value of the line (`{"name": "build-tool", "support": "2030-01-01"}`).
fn is_value_of_another(before: &[u8], after: &[u8]) -> bool {
    let before = before.get(before.iter().rposition(|b| matches!(b, b'\n' | 0)).map_or(0, |i| i + 1)..).unwrap_or_default();
    let after = after.get(..after.iter().position(|b| matches!(b, b'\n' | 0)).unwrap_or(after.len())).unwrap_or_default();
    if let Some((head, own)) = in_quotes(before, after) {
        let name = name_before(head).map(|(name, _)| name);
        return match tag(before, after) {
            Some(tag) => !name.is_some_and(|name| is_attribute_of_time(name, &own, &tag)),
            None => !says(name, &own, [before, after].iter().any(|part| part_tells(part, DONE))),
        };
    }
    if tag(before, after).is_some() || name_of_element(before).is_some_and(is_obeyed) {
        return true;
    }
    let Some(sign) = before.iter().rposition(|b| matches!(b, b':' | b'=')) else { return false };
    let Some((head, value)) = before.split_at_checked(sign + 1) else { return false };
    // Without a name in front it compares, or gives a version: `(= 1`, `?= 1`.
    let Some((name, start)) = name_before(head) else { return head.ends_with(b"=") };
    let lead = before.get(..start).unwrap_or_default().trim_ascii_end();
    let is_field = head.ends_with(b"=") || lead.last().is_none_or(|b| matches!(b, b'{' | b',' | b';' | b'[' | b'(' | b'&' | b'?' | b'|'));
    let rest = after.iter().position(|b| matches!(b, b',' | b';' | b'}' | b'&' | b'|')).map_or(after, |end| &after[..end]);
    let of_build = head.ends_with(b":") && is_of_build(name);
    let names = of_build || token_tells(name, &MADE) || is_time(name) && [before, after].iter().any(|part| part_tells(part, DONE));
    is_obeyed(name) || is_field && !names && !part_tells(value, &MADE) && !part_tells(rest, &MADE)
}

fn tells(name: &[u8]) -> bool {
    is_told(name) || PLAIN.iter().any(|plain| plain.eq_ignore_ascii_case(name))
}

/// Whether a name says that its value is a time, and no more.
fn is_time(name: &[u8]) -> bool {
    [&b"date"[..], b"time", b"datetime", b"timestamp"].iter().any(|word| word.eq_ignore_ascii_case(name))
}

/// Whether a value of that name is run, or leads somewhere.
pub(super) fn is_obeyed(name: &[u8]) -> bool {
    has_word(name, &OBEYED)
}

/// What stands before the quote that opens in front of a date, and the text in the quotes without the date, in two parts.
fn in_quotes<'t>(before: &'t [u8], after: &'t [u8]) -> Option<(&'t [u8], [&'t [u8]; 2])> {
    let at = before.iter().rposition(|b| matches!(b, b'"' | b'\'' | b'`'))?;
    let (head, rest) = before.split_at_checked(at)?;
    let (quote, own) = rest.split_first()?;
    let end = after.iter().position(|b| b == quote)?;
    let opens = if *quote == b'"' {
        before.iter().filter(|b| **b == b'"').count() % 2 == 1
    } else {
        // Elsewhere it is an apostrophe, or closes what is quoted.
        head.last().is_none_or(|b| b.is_ascii_whitespace() || matches!(b, b'(' | b'[' | b'{' | b',' | b'=' | b':'))
    };
    opens.then(|| (head, [own, after.get(..end).unwrap_or_default()]))
}

/// Whether the value of a name, or a text by itself, says that it is of the time when something was made.
///
/// A name that says no more than that it is a time needs a line that says that something is done (`done`): `{"task": "build", "at": …}`.
fn says(name: Option<&[u8]>, own: &[&[u8]; 2], done_beside: bool) -> bool {
    let prose = own.iter().all(|part| is_prose(part));
    let done = prose && own.iter().any(|part| part_tells(part, DONE));
    let Some(name) = name else { return done };
    // A word that tells to build is a command as well: `"postinstall": "node build 2030-01-01"`.
    let bare = own.iter().all(|part| is_bare(part));
    let told = prose && own.iter().any(|part| part_tells(part, &MADE));
    let names = token_tells(name, &MADE) || is_time(name) && done_beside;
    !is_obeyed(name) && (done || told && has_word(name, &TITLES) || names && (bare || prose && has_word(name, DONE)))
}

/// Whether an attribute of an element holds the time alone, and its element says that something was made; or it is shown to who reads.
fn is_attribute_of_time(name: &[u8], own: &[&[u8]; 2], tag: &[&[u8]; 2]) -> bool {
    let told = tag.iter().any(|part| is_told(part));
    !is_obeyed(name)
        && (told && own.iter().all(|part| is_bare(part)) && tells(name) || says(Some(name), own, false) && has_word(name, &TITLES))
}

/// Whether there are no words: only signs and digits, and what stands between date and time and behind them.
fn is_bare(part: &[u8]) -> bool {
    part.split(|b| !b.is_ascii_alphabetic())
        .all(|word| matches!(word.to_ascii_lowercase().as_slice(), b"" | b"t" | b"z" | b"utc" | b"gmt" | b"at"))
        && !part.iter().any(|b| matches!(b, b'(' | b'{' | b'[' | b'<' | b'$' | b';'))
}

/// Whether there are none of the signs that programs and addresses have.
fn is_prose(part: &[u8]) -> bool {
    !part.iter().any(|b| matches!(b, b'=' | b'%' | b'<' | b'{' | b'}' | b'$' | b'&' | b'`' | b'|'))
}

/// The tag that a date stands in, without the date: from `<name` to `>`.
fn tag<'t>(before: &'t [u8], after: &'t [u8]) -> Option<[&'t [u8]; 2]> {
    let open = before.iter().rposition(|b| matches!(b, b'<' | b'>'))?;
    let start = before.get(open..).filter(|rest| rest.starts_with(b"<") && rest.get(1).is_some_and(u8::is_ascii_alphabetic))?;
    let end = after.iter().position(|b| *b == b'>');
    Some([start, end.map_or(after, |end| &after[..end])])
}

/// The name of the element whose text a date stands in.
fn name_of_element(before: &[u8]) -> Option<&[u8]> {
    let end = before.iter().rposition(|b| *b == b'>')?;
    let start = before.get(..end)?.iter().rposition(|b| *b == b'<')?;
    let name = before.get(start + 1..end)?;
    name.split(|b| b.is_ascii_whitespace()).next().filter(|name| !name.starts_with(b"/"))
}

/// The name that a text ends with when it is about to give its value (`"name": `), and where it starts.
fn name_before(text: &[u8]) -> Option<(&[u8], usize)> {
    let text = text.trim_ascii_end();
    let text = text.strip_suffix(b":").or_else(|| text.strip_suffix(b"="))?.trim_ascii_end();
    let quoted = text.strip_suffix(b"\"").or_else(|| text.strip_suffix(b"'"));
    let text = quoted.unwrap_or(text);
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.') || quoted.is_some() && *b == b' ';
    let start = text.iter().rposition(|b| !is_name(b)).map_or(0, |i| i + 1);
    let name = text.get(start..).filter(|name| !name.is_empty())?;
    Some((name, if quoted.is_some() { start.saturating_sub(1) } else { start }))
}

fn has_word(text: &[u8], of: &[&[u8]]) -> bool {
    words_of(text).any(|word| of.iter().any(|w| w.eq_ignore_ascii_case(word)))
}

/// The words of a text, those of `aName` as well.
fn words_of(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let inner_upper = |x: &u8, y: &u8| !(x.is_ascii_lowercase() && y.is_ascii_uppercase());
    text.split(|b| !b.is_ascii_alphabetic()).filter(|part| !part.is_empty()).flat_map(move |part| part.chunk_by(inner_upper))
}

fn is_told(string: &[u8]) -> bool {
    has_word(string, &MADE)
}

/// Whether the words of a line say that something was made.
fn line_tells(line: &[u8]) -> bool {
    // The name of an attribute: `Implementation-Build: `.
    let attribute = line.iter().position(|b| !is_of_token(b)).filter(|end| line.get(*end) == Some(&b':'));
    attribute.and_then(|end| line.get(..end)).is_some_and(is_of_build) || part_tells(line, &MADE)
}

/// Whether a name ends as `Implementation-Build` does.
fn is_of_build(name: &[u8]) -> bool {
    name.to_ascii_lowercase().ends_with(b"build")
}

/// Whether one of the names and words in a text is one of these words, or ends with one that says that something is done.
fn part_tells(text: &[u8], words: &[&[u8]]) -> bool {
    text.split(|b| !is_of_token(b)).any(|token| token_tells(token, words))
}

/// Whether a name, or a word, says that something was made: a name that has such a word in it only does at its end, or beside a word for a
/// time (`auto-generated`, `build_date`, never `build-tool`, `built.js` or `--built`).
fn token_tells(token: &[u8], single: &[&[u8]]) -> bool {
    let words: Vec<&[u8]> = words_of(token).collect();
    let is = |word: &[u8], of: &[&[u8]]| of.iter().any(|w| w.eq_ignore_ascii_case(word));
    let Some((last, rest)) = words.split_last() else { return false };
    !token.starts_with(b"-")
        && (is(last, DONE)
            || is(last, &[b"updated", b"made"])
            || rest.is_empty() && is(last, single)
            || words.iter().any(|word| is(word, &MADE)) && words.iter().any(|word| is(word, &TIMES)))
}

fn is_of_token(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/')
}

/// Whether the words of a name or a line say that something was made.
pub(super) fn is_of_building(name: &[u8]) -> bool {
    is_told(name)
}

fn may_be_a_bound(string: &[u8]) -> bool {
    // What ends lines in some languages only: the words may be those of another line.
    let inner = string.trim_ascii_end();
    let breaks = |text: &[u8]| {
        text.iter().any(|b| matches!(b, b'\r' | 0x0b | 0x0c))
            || ["\u{85}", "\u{2028}", "\u{2029}"].iter().any(|c| text.windows(c.len()).any(|w| w == c.as_bytes()))
    };
    breaks(inner)
        || has_handler(inner)
        || has_word(string, &BOUNDS)
        || SIGNS.iter().any(|sign| string.windows(sign.len()).any(|w| w == *sign))
}

/// Whether an element of a page has code for something that happens: `onclick="…"`.
fn has_handler(line: &[u8]) -> bool {
    line.windows(2).enumerate().filter(|(_, w)| w.eq_ignore_ascii_case(b"on")).any(|(at, _)| {
        let starts = at.checked_sub(1).and_then(|i| line.get(i)).is_none_or(|b| !b.is_ascii_alphanumeric());
        let rest = line.get(at + 2..).unwrap_or_default();
        let name = rest.iter().take_while(|b| b.is_ascii_alphabetic()).count();
        let after = rest.get(name..).unwrap_or_default().trim_ascii_start();
        starts && name > 0 && after.first() == Some(&b'=')
    })
}

/// Whether a date stands directly before or behind: a time of day alone is any three numbers.
fn beside_a_date(before: &[u8], after: &[u8], home: Home, tries: &Tries) -> bool {
    let mut between: Vec<&[u8]> = vec![b" at ", b", ", b" "];
    if home == Home::Data {
        // `__DATE__` and `__TIME__` as two strings.
        between.push(&[0]);
    }
    between.iter().any(|gap| {
        let whole = gap.first() == Some(&0);
        before.strip_suffix(*gap).is_some_and(|t| tries.date_ends(t, whole))
            || after.strip_prefix(*gap).is_some_and(|t| tries.date_starts(t, whole))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(format: &str, text: &str, date: &str, home: Home) -> bool {
        let start = text.find(date).unwrap();
        let ends = |b: char| home == Home::Data && b == '\0';
        let low = text[..start].rfind(ends).map_or(0, |i| i + 1);
        let string = text[low..].split(ends).next().unwrap().as_bytes();
        counts(format, text.as_bytes(), &(start..start + date.len()), Said::of(string, string), home, &Tries::default())
    }

    #[test]
    fn a_date_in_a_line_counts_where_the_line_says_that_something_was_made() {
        let line = |text: &str| told("%Y-%m-%d", text, "2022-12-26", Home::Line);
        for text in [
            "built 2022-12-26",
            "\"buildDate\": \"2022-12-26\",",
            "<!-- Generated by x on 2022-12-26 -->",
            "Last updated 2022-12-26.",
            "<meta name=\"dc.created\" content=\"2022-12-26\">",
            "{\"name\": \"x\", \"built\": \"2022-12-26\"}",
            "{\"text\": \"x, built by me on 2022-12-26\"}",
            "Author: Bob, generated 2022-12-26",
            "Title: x, 2022-12-26 (build 7)",
            "<p class=\"footer\">Built 2022-12-26 by x</p>",
            "<p>Generated on 2022-12-26.</p>",
            "<small>Generated on 2022-12-26</small></body>",
            "Built on: Mon, 2022-12-26",
        ] {
            assert!(line(text), "{text}");
        }
        for text in [
            "2022-12-26",
            "expire_date=2022-12-26",
            "built = now > 2022-12-26",
            "build valid until 2022-12-26",
            "if built < \"2022-12-26\"",
            "build http://x/2022-12-26/",
            "{\"name\": \"build-tool\", \"support\": \"2022-12-26\"}",
            "{\"updated\":true,\"license_to\":\"2022-12-26 10:11:12\"}",
            "<license build=\"7\" to=\"2022-12-26\"/>",
            "{build: 7, support: 2022-12-26}",
            "build=7 support=2022-12-26",
            "name build\rsupport 2022-12-26\rx",
            "build\u{2028}2022-12-26",
            "the build ends 2022-12-26",
            "<text onmouseover=\"f('built', '2022-12-26')\">",
            "<body ONLOAD = 'x(`built 2022-12-26`)'>",
            "build http://x/2022-12-26",
            "built tool-2022-12-26.so",
            "built x/2022-12-26</p>",
            "built <a>x</a>2022-12-26</p>",
            "built 2022-12-26.1",
        ] {
            assert!(!line(text), "{text}");
        }
    }

    #[test]
    fn a_time_counts_beside_a_date_only() {
        let of = |text: &str, home| told(TIME, text, "10:11:12", home);
        assert!(of("made 2022-12-26 at 10:11:12", Home::Line));
        assert!(of("10:11:12\0Dec 26 2022\0", Home::Data));
        assert!(!of("10:11:12\0from Dec 26 2022\0", Home::Data));
        for text in ["built 10:11:12", "built 2022-12-26 10:11:12:13", "built 2001:10:11:12::1", "OnCalendar=*-*-* 10:11:12"] {
            assert!(!of(text, Home::Line) && !of(text, Home::Data), "{text}");
        }
    }

    #[test]
    fn in_data_the_form_of_the_compiler_or_the_words_tell() {
        let of = |format: &str, text: &str, date: &str| told(format, text, date, Home::Data);
        assert!(of(COMPILER_DATE, "x\0Dec 26 2022\0", "Dec 26 2022"));
        assert!(of("%Y-%m-%d %H:%M:%S", "2022-12-26 10:11:12\0", "2022-12-26 10:11:12"));
        assert!(of("%Y-%m-%d", "built 2022-12-26\0", "2022-12-26"));
        assert!(!of("%Y-%m-%d", "2022-12-26\0", "2022-12-26"));
        assert!(!of("%Y-%m-%d", "built\x002022-12-26\0", "2022-12-26"), "the words of another string");
        assert!(!of(COMPILER_DATE, "valid until Dec 26 2022\0", "Dec 26 2022"));
    }

    #[test]
    fn seconds_count_under_a_whole_name() {
        for name in ["SOURCE_DATE_EPOCH=", "{\"buildTimestamp\": ", "Build-Date: ", "created: "] {
            assert!(is_stamp(name.as_bytes()), "{name}");
        }
        for name in [
            "expire_date=",
            "uid_build = ",
            "not_after_date: ",
            "epoch=",
            "date=",
            "min.build_date=",
            "build_timeout=",
            "if built==",
            "--created=",
            "--created ",
            "created ",
            "x?created=",
            "/created=",
            "&built=",
        ] {
            assert!(!is_stamp(name.as_bytes()), "{name}");
        }
    }
}
