//! Compiled catalogs of translations (`.mo`; GNU gettext manual, "The Format of GNU MO Files"): the entry without a text holds, among
//! other fields, the time when the template was made, which nothing reads.

use std::ops::Range;

use super::changes::Change;
use super::dates;
use crate::model::{Cause, Sides};

/// Magic number, revision, number of texts, offsets of both tables, size and offset of the hash table.
const HEADER: usize = 28;
/// The field in the entry without a text.
const FIELD: &[u8] = b"POT-Creation-Date: ";
/// How its value is written, and its length in bytes.
const FORMAT: (&str, usize) = ("%Y-%m-%d %H:%M%z", 21);

/// The time of the template, where both files have one in the same place and nothing else leads to it.
pub(super) fn change(a: &[u8], b: &[u8]) -> Option<Change> {
    if a.len() != b.len() || a.get(..HEADER)? != b.get(..HEADER)? {
        return None;
    }
    let place = place(a).filter(|range| place(b).as_ref() == Some(range))?;
    let bytes = Sides::new(a, b);
    let is_date =
        |bytes: &&[u8]| bytes.get(place.clone()).and_then(|t| std::str::from_utf8(t).ok()).is_some_and(|t| dates::parses(FORMAT.0, t));
    [a, b].iter().all(is_date).then(|| Change::of(Cause::Timestamp, bytes, Sides::new(place.clone(), place.clone())))
}

/// Where the value stands.
fn place(bytes: &[u8]) -> Option<Range<usize>> {
    let number: fn([u8; 4]) -> u32 = match bytes.get(..4)? {
        [0xde, 0x12, 0x04, 0x95] => u32::from_le_bytes,
        [0x95, 0x04, 0x12, 0xde] => u32::from_be_bytes,
        _ => return None,
    };
    let word = |at: usize| usize::try_from(number(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?)).ok();
    let count = word(8)?;
    let tables = [word(12)?, word(16)?];
    // Later revisions have further tables.
    if word(4)? != 0 || count == 0 || count > bytes.len() / 16 {
        return None;
    }
    let entry = |table: usize, n: usize| -> Option<Range<usize>> {
        let at = table.checked_add(n.checked_mul(8)?)?;
        let (length, start) = (word(at)?, word(at.checked_add(4)?)?);
        // A NUL ends each.
        let end = start.checked_add(length)?.checked_add(1)?;
        (bytes.get(end.checked_sub(1)?) == Some(&0)).then_some(start..end)
    };
    let (text, own) = (entry(tables[0], 0)?, entry(tables[1], 0)?);
    let header = bytes.get(own.clone())?;
    let start = own.start + header.windows(FIELD.len()).position(|w| w == FIELD)? + FIELD.len();
    let value = start..start.checked_add(FORMAT.1)?;
    let whole_line = bytes.get(value.end) == Some(&b'\n') && bytes.get(..start - FIELD.len())?.ends_with(b"\n");
    let apart = |other: &Range<usize>| other.end <= value.start || value.end <= other.start;
    let around = tables
        .iter()
        .map(|at| *at..at.saturating_add(count * 8))
        .chain([0..HEADER, word(24)?..word(24)?.checked_add(word(20)?.checked_mul(4)?)?]);
    let mut others = (1..count).flat_map(|n| tables.map(|table| entry(table, n)));
    // The first of all texts in their order is that without one; there is no other.
    let alone = text.len() == 1 && (1..count).all(|n| entry(tables[0], n).is_some_and(|t| t.len() > 1));
    (alone && whole_line && value.end < own.end && around.chain([text]).all(|r| apart(&r)) && others.all(|r| r.is_some_and(|r| apart(&r))))
        .then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATES: [&str; 2] = ["2022-12-26 16:30+0100", "2023-01-03 10:11+0000"];

    /// A catalog of these texts; the first has the date in it.
    fn catalog(date: &str, texts: &[(&str, &str)], order: fn([u8; 4]) -> [u8; 4]) -> Vec<u8> {
        let header = format!("Project-Id-Version: x\nPOT-Creation-Date: {date}\nPO-Revision-Date: 2020-01-02 03:04+0000\n");
        let all: Vec<(&str, &str)> = [("", header.as_str())].iter().chain(texts).copied().collect();
        let count = all.len();
        let word = |n: usize| order(u32::try_from(n).unwrap().to_le_bytes());
        let (mut tables, mut strings) = ([Vec::new(), Vec::new()], Vec::new());
        let first = HEADER + 16 * count;
        for (n, (id, text)) in all.iter().enumerate() {
            for (table, string) in tables.iter_mut().zip([id, text]) {
                assert!(n < count);
                table.extend([word(string.len()), word(first + strings.len())].concat());
                strings.extend([string.as_bytes(), &[0]].concat());
            }
        }
        let numbers = [0x9504_12de, 0, count, HEADER, HEADER + 8 * count, 0, HEADER + 16 * count].map(word).concat();
        [numbers, tables.concat(), strings].concat()
    }

    fn little(word: [u8; 4]) -> [u8; 4] {
        word
    }

    fn big(mut word: [u8; 4]) -> [u8; 4] {
        word.reverse();
        word
    }

    #[test]
    fn only_the_time_of_the_template_is_explained() {
        let texts = [("no", "nein"), ("yes", "ja")];
        for order in [little, big] {
            let [a, b] = DATES.map(|date| catalog(date, &texts, order));
            let found = change(&a, &b).unwrap();
            assert_eq!(found.cause, Cause::Timestamp);
            assert_eq!((found.values.shipped.as_str(), found.values.rebuilt.as_str()), (DATES[0], DATES[1]));
            assert_eq!(&a[found.ranges.shipped.clone()], DATES[0].as_bytes());
            assert_eq!(change(&a, &b[..b.len() - 1]), None);
        }
        let [a, b] = [DATES[0], "2023-13-03 10:11+0000"].map(|date| catalog(date, &texts, little));
        assert_eq!(change(&a, &b), None, "no date");
        let [a, b] = DATES.map(|date| catalog(date, &[("", "second"), ("yes", "ja")], little));
        assert_eq!(change(&a, &b), None, "two entries without a text");
    }

    #[test]
    fn what_leads_into_the_time_is_a_text() {
        let texts = [("no", "nein"), ("yes", "ja")];
        let made = |at: usize, value: fn(usize) -> usize| {
            DATES.map(|date| {
                let mut raw = catalog(date, &texts, little);
                let place = place(&raw).unwrap().start;
                raw[at..at + 4].copy_from_slice(&u32::try_from(value(place)).unwrap().to_le_bytes());
                raw
            })
        };
        // The length and the place of the last translation; the hash table; the revision.
        let last = HEADER + 8 * 3 + 8 * 2;
        for (at, value) in
            [(last + 4, (|place| place + 19) as fn(usize) -> usize), (last, |_| 4000), (24, |place| place), (4, |_| 1), (16, |p| p - 9)]
        {
            let [a, b] = made(at, value);
            // A hash table needs a size to be anywhere.
            let sized = |mut raw: Vec<u8>| {
                if at == 24 {
                    raw[20] = 3;
                }
                raw
            };
            assert_eq!(change(&sized(a), &sized(b)), None, "{at}");
        }
    }
}
