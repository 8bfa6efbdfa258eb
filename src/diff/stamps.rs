//! Places that hold the time when a file was made by the form of the file, without a word that says so: the title of a manual page
//! (`.TH`, groff_man(7); `.Dd`, groff_mdoc(7)), and the comment that Java writes above properties (`java.util.Properties.store`).

use std::ops::Range;

use super::changes::Change;
use super::dates;
use crate::model::{Cause, Sides};

/// The change of such a time over the first place that differs, `same` bytes on.
pub(super) fn change(name: &[u8], bytes: Sides<&[u8]>, at: Sides<usize>, same: usize) -> Option<Change> {
    let place = |line| place(name, line);
    let ranges = Sides::new(place(bytes.shipped)?, place(bytes.rebuilt)?);
    let differs = Sides::new(at.shipped + same, at.rebuilt + same);
    let inside = ranges.shipped.contains(&differs.shipped) || ranges.rebuilt.contains(&differs.rebuilt);
    if !inside || ranges.shipped.start < at.shipped || ranges.rebuilt.start < at.rebuilt {
        return None;
    }
    let format = |line: &[u8], range: &Range<usize>| dates::whole(line.get(range.clone())?, is_properties(name));
    let (old, new) = (format(bytes.shipped, &ranges.shipped)?, format(bytes.rebuilt, &ranges.rebuilt)?);
    (old == new).then(|| Change::of(Cause::Timestamp, bytes, ranges))
}

fn is_properties(name: &[u8]) -> bool {
    name.to_ascii_lowercase().ends_with(b".properties")
}

/// Where the time stands in a line of a file of that name.
fn place(name: &[u8], line: &[u8]) -> Option<Range<usize>> {
    let end = line.len() - line.iter().rev().take_while(|b| matches!(b, b'\n' | b'\r')).count();
    if is_properties(name) {
        return line.starts_with(b"#").then_some(1..end);
    }
    let section = name.rsplit(|b| *b == b'.').next().filter(|end| end.len() < name.len())?;
    if !matches!(section, [b'1'..=b'9', ..]) {
        return None;
    }
    if line.starts_with(b".Dd ") {
        return Some(4..end);
    }
    line.starts_with(b".TH ").then(|| third(line, 3..end)).flatten()
}

/// The third argument of a request, without its quotes. A name may have `\-` in it; any other escape may do anything.
fn third(line: &[u8], mut rest: Range<usize>) -> Option<Range<usize>> {
    let text = line.get(..rest.end)?;
    if text.windows(2).any(|w| w[0] == b'\\' && w[1] != b'-') || text.ends_with(b"\\") {
        return None;
    }
    for n in 1.. {
        rest.start += text.get(rest.clone())?.iter().take_while(|b| **b == b' ').count();
        let own = text.get(rest.clone()).filter(|own| !own.is_empty())?;
        let quoted = own.starts_with(b"\"");
        let start = rest.start + usize::from(quoted);
        let own = text.get(start..rest.end)?;
        let length = own.iter().position(|b| *b == if quoted { b'"' } else { b' ' });
        let end = start + if quoted { length? } else { length.unwrap_or(own.len()) };
        rest.start = end + usize::from(quoted);
        // Two quotes are one that is meant; in other arguments they stand for themselves.
        let plain = if quoted { text.get(rest.start).is_none_or(|b| *b == b' ') } else { !text.get(start..end)?.contains(&b'"') };
        match (plain, n) {
            (false, _) => return None,
            (true, 3) => return Some(start..end),
            (true, _) => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(name: &str, old: &str, new: &str) -> bool {
        let same = old.bytes().zip(new.bytes()).take_while(|(x, y)| x == y).count();
        let change = change(name.as_bytes(), Sides::new(old.as_bytes(), new.as_bytes()), Sides::new(0, 0), same);
        let rest = |c: &Change| {
            let cut = |line: &str, range: &Range<usize>| [&line[..range.start], &line[range.end..]].concat();
            cut(old, &c.ranges.shipped) == cut(new, &c.ranges.rebuilt)
        };
        change.is_some_and(|c| rest(&c))
    }

    #[test]
    fn the_date_of_a_manual_page_is_its_third_argument() {
        for (old, new) in [
            (".TH X 1 \"2022-12-26\" \"x 1\"\n", ".TH X 1 \"2023-01-03\" \"x 1\"\n"),
            (".TH X 3pm 2022-12-26\n", ".TH X 3pm 2023-01-03\n"),
            (
                ".TH \"X\\-Y\" \"1\" \"December 2022\" \"GNU x\" \"User Commands\"\n",
                ".TH \"X\\-Y\" \"1\" \"January 2023\" \"GNU x\" \"User Commands\"\n",
            ),
            (".Dd December 26, 2022\n", ".Dd January 3, 2023\n"),
        ] {
            assert!(explained("usr/share/man/man1/x.1", old, new), "{old}");
            assert!(!explained("usr/share/doc/x.txt", old, new), "{old}");
        }
        for (old, new) in [
            (".TH X 1 \"x\" \"2022-12-26\"\n", ".TH X 1 \"x\" \"2023-01-03\"\n"),
            (".TH X 1 2022-12-26 1.2\n", ".TH X 1 2023-01-03 1.3\n"),
            (".TH X 1 2022-12-26\n", ".TH X 1 20223-01-0\n"),
            (".TH X 1 \"2022-12-26\"\"\n", ".TH X 1 \"2023-01-03\"\"\n"),
            (".TH X \\*[a] 2022-12-26\n", ".TH X \\*[a] 2023-01-03\n"),
            (".TH X 1 December\n", ".TH X 1 January\n"),
            (".TH X 1 \"December 2022\"\n", ".TH X 1 \"2023-01-03\"\n"),
            (".if X 1 2022-12-26\n", ".if X 1 2023-01-03\n"),
            ("TH X 1 2022-12-26\n", "TH X 1 2023-01-03\n"),
        ] {
            assert!(!explained("x.1", old, new), "{old}");
        }
    }

    #[test]
    fn java_writes_the_time_above_properties() {
        let (old, new) = ("#Mon Dec 26 16:30:00 UTC 2022\r\n", "#Tue Jan 03 10:11:12 CET 2023\r\n");
        assert!(explained("a/m.properties", old, new));
        assert!(!explained("a/m.txt", old, new));
        let value = |text: &str| text.replace('#', "until=").replace("\r\n", "");
        assert!(!explained("a/m.properties", &value(old), &value(new)));
        assert!(!explained("a/m.properties", "#2022-12-26\n", "#2023-01-03\n"), "another form");
        assert!(!explained("a/m.properties", "#x Mon Dec 26 16:30:00 UTC 2022\n", "#x Tue Jan 03 10:11:12 CET 2023\n"));
    }
}
