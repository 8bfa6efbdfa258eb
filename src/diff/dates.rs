//! Dates as text: the literal must parse as a date or time on both sides, in the same format, at the same place.

use std::cell::{Cell, OnceCell};
use std::ops::Range;

use jiff::fmt::strtime::BrokenDownTime;

use super::account::runs;
use super::date_place::{COMPILER_DATE, Home, Said, TIME, counts};

/// One date that changed, at the same range on both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DateChange {
    pub(super) range: Range<usize>,
    pub(super) old: String,
    pub(super) new: String,
}

/// Format, and the lengths in bytes that its texts have.
const FORMATS: &[(&str, Range<usize>)] = &[
    ("%a, %d %b %Y %H:%M:%S %z", 30..32),
    ("%a %b %e %H:%M:%S %Y", 24..25),
    (ZONED, 27..32),
    ("%a %b %e %Y %H:%M:%S", 23..25),
    ("%Y-%m-%dT%H:%M:%S%z", 24..26),
    ("%Y-%m-%d %H:%M:%S", 19..20),
    ("%Y-%m-%dT%H:%M:%SZ", 20..21),
    ("%Y-%m-%dT%H:%M:%S", 19..20),
    ("%Y-%m-%d %H:%M", 16..17),
    ("%Y-%m-%d", 10..11),
    (COMPILER_DATE, 11..12),
    ("%d %b %Y", 11..12),
    ("%e %B %Y", 10..18),
    ("%B %e, %Y", 11..19),
    (TIME, 8..9),
];
/// What `date` and Java's `Date.toString` write; the zone is one of [`ZONES`].
const ZONED: &str = "%a %b %e %H:%M:%S %Z %Y";
/// The same without the zone.
const UNZONED: &str = "%a %b %e %H:%M:%S %Y";
/// Abbreviations of time zones: a date has no other words in it.
const ZONES: [&str; 36] = [
    "UTC", "GMT", "Z", "WET", "WEST", "CET", "CEST", "MET", "MEST", "EET", "EEST", "MSK", "BST", "IST", "IDT", "EST", "EDT", "CST", "CDT",
    "MST", "MDT", "PST", "PDT", "AKST", "AKDT", "HST", "JST", "KST", "HKT", "SGT", "AEST", "AEDT", "ACST", "AWST", "NZST", "NZDT",
];
/// Texts that are tried as dates in one comparison.
const MAX_TRIED: u64 = 2_000_000;
/// Longest string that a date is looked for in, in bytes.
const MAX_STRING: usize = 64 << 10;
/// Longest string of a file of no known form that may say when something was built, in bytes.
const MAX_SAID: usize = 512;

/// How many texts may still be tried as dates, of all files of a comparison together. Where there are none left, no date is
/// found: what differs stays unexplained.
pub(super) struct Tries(Cell<u64>);

impl Default for Tries {
    fn default() -> Self {
        Self(Cell::new(MAX_TRIED))
    }
}

impl Tries {
    fn take(&self) -> bool {
        let left = self.0.get();
        self.0.set(left.saturating_sub(1));
        left > 0
    }

    /// Whether such a text ends with a date; `whole`: it is the last string, and in the compiler's own form.
    pub(super) fn date_ends(&self, text: &[u8], whole: bool) -> bool {
        self.any_date(whole, |length| {
            let start = text.len().checked_sub(length)?;
            let before = start.checked_sub(1).and_then(|i| text.get(i));
            let stands = before.is_none_or(|b| if whole { *b == 0 } else { !b.is_ascii_alphanumeric() });
            text.get(start..).filter(|_| stands)
        })
    }

    /// Whether such a text starts with a date; `whole`: it is the first string, and in the compiler's own form.
    pub(super) fn date_starts(&self, text: &[u8], whole: bool) -> bool {
        self.any_date(whole, |length| {
            let stands = text.get(length).is_none_or(|b| if whole { *b == 0 } else { !b.is_ascii_alphanumeric() });
            text.get(..length).filter(|_| stands)
        })
    }

    fn any_date<'t>(&self, whole: bool, cut: impl Fn(usize) -> Option<&'t [u8]>) -> bool {
        let days = FORMATS.iter().filter(|(f, _)| f.contains("%Y") && !f.contains("%H") && (!whole || *f == COMPILER_DATE));
        days.clone().any(|(format, lengths)| {
            lengths.clone().any(|n| self.take() && cut(n).and_then(|t| text(t, 0..n)).is_some_and(|t| parses(format, t)))
        })
    }
}

/// Bytes around a difference in which a date may start.
pub(super) const WINDOW: usize = 40;
const RUNS: usize = 512;

/// The date changes that explain every difference of the strings they are in. Strings (NUL- or newline-ended) with any
/// other difference contribute nothing.
pub(super) fn changes(a: &[u8], b: &[u8], home: Home, tries: &Tries) -> Vec<DateChange> {
    if a.len() != b.len() {
        return Vec::new();
    }
    let Some(all) = runs(a, b, RUNS) else { return Vec::new() };
    let mut out: Vec<DateChange> = Vec::new();
    let mut i = 0;
    while let Some(run) = all.get(i) {
        let Some(string) = string_around(a, run) else {
            i += 1;
            continue;
        };
        let inside: Vec<_> = all[i..].iter().take_while(|r| r.start < string.end).cloned().collect();
        i += inside.len().max(1);
        // A line between lines is text in a form that is not known (a disk, an archive): who knows whether it is run.
        let is_line = |bytes: &[u8]| {
            let ends = [string.start.checked_sub(1), Some(string.end)];
            ends.iter().flatten().any(|i| matches!(bytes.get(*i), Some(b'\n' | b'\r')))
        };
        if home == Home::Part && (is_line(a) || is_line(b)) {
            continue;
        }
        // So is what looks like a statement, whoever reads it: a script without ends of lines.
        let text = |bytes: &'_ [u8]| bytes.get(string.clone()).is_some_and(may_be_code);
        if home == Home::Part && (text(a) || text(b)) {
            continue;
        }
        if string_around(b, run).as_ref() != Some(&string) || inside.iter().any(|r| r.end > string.end) {
            continue;
        }
        let mut found: Vec<DateChange> = Vec::new();
        let said = OnceCell::new();
        let place = Place { a, b, string: &string, home, said: &said };
        let explained = inside.iter().all(|r| {
            if found.last().is_some_and(|f| f.range.end >= r.end) {
                return true;
            }
            let change = date_around(&place, r, tries).filter(|c| found.last().is_none_or(|f| f.range.end <= c.range.start));
            change.map(|c| found.push(c)).is_some()
        });
        if explained {
            out.append(&mut found);
        }
    }
    out
}

/// Whether a string has signs of a programming language in it, or is longer than what says when something was built.
fn may_be_code(string: &[u8]) -> bool {
    let signs = b";{}<>`|\\";
    string.len() > MAX_SAID || string.iter().any(|b| signs.contains(b)) || string.contains(&b'=') && string.contains(&b'(')
}

fn is_string(byte: u8) -> bool {
    byte == b'\t' || (0x20..0x7f).contains(&byte) || byte >= 0x80
}

/// The string that a difference is in; `None` for a long one.
fn string_around(bytes: &[u8], run: &Range<usize>) -> Option<Range<usize>> {
    let low = run.start.saturating_sub(MAX_STRING);
    let high = run.start.saturating_add(MAX_STRING).min(bytes.len());
    let start = match bytes.get(low..run.start)?.iter().rposition(|b| !is_string(*b)) {
        Some(i) => low + i + 1,
        None => Some(0).filter(|_| low == 0)?,
    };
    let end = match bytes.get(run.start..high)?.iter().position(|b| !is_string(*b)) {
        Some(i) => run.start + i,
        None => Some(high).filter(|_| high == bytes.len())?,
    };
    Some(start..end)
}

/// A string with dates in it.
struct Place<'a> {
    a: &'a [u8],
    b: &'a [u8],
    string: &'a Range<usize>,
    home: Home,
    said: &'a OnceCell<Said>,
}

impl Place<'_> {
    fn counts(&self, format: &str, range: &Range<usize>, tries: &Tries) -> bool {
        let string = |bytes: &'_ [u8]| bytes.get(self.string.clone()).unwrap_or_default().to_vec();
        let said = *self.said.get_or_init(|| Said::of(&string(self.a), &string(self.b)));
        // Only in data of programs the string beside it may belong to it; a whole file may be without ends of lines.
        let (from, home) = (if self.home == Home::Data { 0 } else { self.string.start }, self.home);
        let (Some(start), Some(end)) = (range.start.checked_sub(from), range.end.checked_sub(from)) else { return false };
        [self.a, self.b].iter().all(|bytes| {
            let text = if home == Home::Data { *bytes } else { bytes.get(self.string.clone()).unwrap_or_default() };
            counts(format, text, &(start..end), said, home, tries)
        })
    }
}

fn date_around(place: &Place<'_>, run: &Range<usize>, tries: &Tries) -> Option<DateChange> {
    let Place { a, b, string, .. } = *place;
    let low = string.start.max(run.start.saturating_sub(WINDOW));
    let high = string.end.min(run.end.saturating_add(WINDOW));
    let word = |i: usize| a.get(i).is_some_and(u8::is_ascii_alphanumeric) || b.get(i).is_some_and(u8::is_ascii_alphanumeric);
    for (format, lengths) in FORMATS {
        for start in low..=run.start {
            if start > string.start && word(start - 1) {
                continue;
            }
            for length in lengths.clone() {
                let end = start + length;
                if end < run.end || end > high || (end < string.end && word(end)) {
                    continue;
                }
                let (old, new) = (text(a, start..end)?, text(b, start..end)?);
                if !tries.take() {
                    return None;
                }
                if parses(format, old) && parses(format, new) && place.counts(format, &(start..end), tries) {
                    return Some(DateChange { range: start..end, old: old.to_owned(), new: new.to_owned() });
                }
            }
        }
    }
    None
}

/// Dates that start both texts, in one format: the format and their lengths, the longest of each format first.
pub(super) fn both_at(a: &[u8], b: &[u8], tries: &Tries) -> Vec<(&'static str, usize, usize)> {
    let starts = |bytes: &[u8]| bytes.first().is_some_and(|b| b.is_ascii_alphanumeric() || *b == b' ');
    if !starts(a) || !starts(b) {
        return Vec::new();
    }
    let longest = |bytes: &[u8], format: &str, lengths: &Range<usize>| {
        lengths.clone().rev().find(|n| tries.take() && text(bytes, 0..*n).is_some_and(|t| parses(format, t)))
    };
    FORMATS.iter().filter_map(|(format, lengths)| Some((*format, longest(a, format, lengths)?, longest(b, format, lengths)?))).collect()
}

fn text(bytes: &[u8], range: Range<usize>) -> Option<&str> {
    let raw = bytes.get(range)?;
    // A window that cuts a character is no date; an empty text parses as none.
    Some(if raw.is_ascii() { std::str::from_utf8(raw).ok()? } else { "" })
}

/// The format of a text that is a date, or (but where it must be the [`ZONED`] one) a month of a year, and nothing else.
pub(super) fn whole(text: &[u8], zoned: bool) -> Option<&'static str> {
    const MONTHS: [&str; 2] = ["%B %Y", "%b %Y"];
    let own = self::text(text, 0..text.len())?;
    let is_month = |format: &&str| BrokenDownTime::parse(format, own).is_ok_and(|t| t.month().is_some() && t.year().is_some());
    let days = FORMATS.iter().filter(|(_, lengths)| lengths.contains(&own.len())).map(|(format, _)| *format);
    if zoned {
        return Some(ZONED).filter(|format| parses(format, own));
    }
    days.filter(|f| f.contains("%Y")).find(|f| parses(f, own)).or_else(|| MONTHS.into_iter().find(|f| !own.ends_with(' ') && is_month(f)))
}

/// Whether a text is a date of that format.
pub(super) fn parses(format: &str, text: &str) -> bool {
    if text.is_empty() || text.ends_with(' ') {
        return false;
    }
    if format == ZONED {
        let parts = text.rsplitn(3, ' ').collect::<Vec<_>>();
        let [year, zone, rest] = parts.as_slice() else { return false };
        return ZONES.contains(zone) && parses(UNZONED, &format!("{rest} {year}"));
    }
    let Ok(time) = BrokenDownTime::parse(format, text) else { return false };
    if format.contains("%Y") { time.to_date().is_ok() } else { time.to_time().is_ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_dates_on_both_sides_in_one_format_are_explained() {
        let ok = |a: &str, b: &str| changes(a.as_bytes(), b.as_bytes(), Home::Data, &Tries::default()).len();
        assert_eq!(ok("built 2022-12-26 here", "built 2026-11-23 here"), 1);
        assert_eq!(ok("Dec  5 2022", "Nov 23 2026"), 1);
        assert_eq!(ok("2022-12-26 10:11:12\0", "2026-11-23 13:14:15\0"), 1);
        assert_eq!(ok("2022-12-26\0", "2026-11-23\0"), 0, "code may compare it with today");
        assert_eq!(ok("2001:10:11:12::1\0", "2001:10:11:13::1\0"), 0);
        assert_eq!(ok("10:11:12\0", "10:11:13\0"), 0);
        assert_eq!(ok("Built on Dec  5 2022 at 12:00:01\0x", "Built on Nov 23 2026 at 13:00:02\0x"), 2);
        assert_eq!(ok("Mon, 26 Dec 2022 16:30:00 +0100", "Tue, 27 Dec 2022 16:30:00 +0100"), 1);
        assert_eq!(ok("Mon Dec 26 16:30:00 UTC 2022", "Tue Jan  3 16:30:00 UTC 2023"), 1);
        assert_eq!(ok("Mon Dec 26 16:30:00 PST 2022", "Tue Jun 13 16:30:00 PDT 2023"), 1);
        assert_eq!(ok("Mon Dec 26 16:30:00 ABC 2022", "Mon Dec 26 16:30:00 ABD 2022"), 0, "no zone");
        assert_eq!(ok("Mon Dec 26 2022 16:30:00 for x", "Tue Dec 27 2022 16:31:00 for x"), 1);
        assert_eq!(ok("built 2022-12-26 here", "built 2026-13-23 here"), 0);
        assert_eq!(ok("built 2022-12-26 here", "built 2026-11-23 hers"), 0);
        assert_eq!(ok("key=12345678", "key=12345679"), 0);
        assert_eq!(ok("x2022-12-26", "x2026-11-23"), 0);
        assert_eq!(ok("2022-12-26", "2022\x0012-27"), 0);
        assert_eq!(ok("é built 2022-12-26", "é built 2022-12-27"), 1);
    }

    #[test]
    fn a_line_of_text_in_a_form_that_is_not_known_may_be_run() {
        let found = |a: &str, b: &str, home| changes(a.as_bytes(), b.as_bytes(), home, &Tries::default()).len();
        for (a, b) in [("\0built 2022-12-26\n", "\0built 2026-11-23\n"), ("x\nbuilt 2022-12-26\0", "x\nbuilt 2026-11-23\0")] {
            assert_eq!(found(a, b, Home::Part), 0);
            assert_eq!(found(a, b, Home::Line), 1);
        }
        assert_eq!(found("\0built 2022-12-26\0", "\0built 2026-11-23\0", Home::Part), 1);
    }

    #[test]
    fn where_too_much_was_tried_nothing_is_explained() {
        let (old, new) = (b"built 2022-12-26 here", b"built 2026-11-23 here");
        let few = Tries(Cell::new(0));
        assert_eq!(changes(old, new, Home::Data, &few), []);
        assert_eq!(changes(old, new, Home::Data, &Tries::default()).len(), 1);
        assert_eq!(both_at(b"2022-12-26", b"2026-11-23", &few), []);
        // A string without an end in sight.
        let long = |date: &str| [&vec![b'x'; MAX_STRING][..], b" ", date.as_bytes()].concat();
        assert_eq!(changes(&long("2022-12-26"), &long("2026-11-23"), Home::Data, &Tries::default()), []);
    }
}
