//! The journal's text form: JSON Lines, each bound to the one before it as [`super::chain`] has it. Bytes in, events and faults
//! out; no files.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Body, Event, chain};
use crate::digest::Sha256;

/// Seconds by which the wall clock may depart from the time since the machine was started before that is told.
const DRIFT: i64 = 120;
/// Departures of the clock that are told one by one.
const TOLD: usize = 20;

/// When something happened, by the clocks of a room that nothing vouches for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// The wall clock, RFC 3339 in UTC.
    pub wall: String,
    /// Seconds since the machine was started, suspended time counted; empty where the system does not tell.
    pub boottime: String,
    /// Which start of the machine that was; empty where the system does not tell.
    #[serde(rename = "bootId")]
    pub boot_id: String,
}

/// What a line holds between its number and its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When.
    #[serde(flatten)]
    pub stamp: Stamp,
    /// What.
    #[serde(flatten)]
    pub body: Body,
}

/// A line that is bound to the one before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number, from 1.
    pub n: u64,
    /// What it holds.
    pub entry: Entry,
    /// Its hash: the head of the journal while it is the last.
    pub hash: String,
}

/// The first line that is not what it must be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct Damage {
    /// Its number, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub what: String,
}

/// A journal as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// The lines up to the damage, if there is any.
    pub lines: Vec<Line>,
    /// Bytes of whole lines, damaged ones too.
    pub whole: usize,
    /// Bytes after the last line's end: a line that was torn while it was written, and never shown as saved.
    pub torn: usize,
    /// What is wrong, if something is.
    pub damage: Option<Damage>,
}

impl Reading {
    /// The hash of the last sound line; 64 zeros before the first.
    #[must_use]
    pub fn head(&self) -> String {
        self.lines.last().map_or_else(origin, |l| l.hash.clone())
    }

    /// The events, in order.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.lines.iter().map(Line::event).collect()
    }

    /// The line with that hash, or the one whose hash starts with it (8 digits or more, as written on paper).
    #[must_use]
    pub fn line_of(&self, head: &str) -> Option<u64> {
        let head = head.to_ascii_lowercase();
        (head.len() >= 8).then(|| self.lines.iter().find(|l| l.hash.starts_with(&head)).map(|l| l.n)).flatten()
    }

    /// The bundle that the journal was begun on, as its lines name it; `None` while a loose directory was not hashed.
    #[must_use]
    pub fn bundle(&self) -> Option<&str> {
        self.lines.iter().find_map(|l| match &l.entry.body {
            Body::Opened { bundle, .. } | Body::Identified { bundle } if !bundle.is_empty() => Some(bundle.as_str()),
            _ => None,
        })
    }

    /// Where the wall clock departed from the time since the machine was started, or went back. The order of events is that
    /// of their numbers, whatever the clock said.
    #[must_use]
    pub fn clock(&self) -> Vec<String> {
        let mut told = Vec::new();
        // What was carried over from another journal keeps its times.
        let carried = self.lines.iter().find_map(|l| match &l.entry.body {
            Body::Corrects { carried, .. } => Some(l.n + 1..=l.n.saturating_add(*carried)),
            _ => None,
        });
        let own: Vec<&Line> = self.lines.iter().filter(|l| !carried.as_ref().is_some_and(|c| c.contains(&l.n))).collect();
        for pair in own.windows(2) {
            if let [before, line] = pair
                && let Some(what) = departure(&before.entry.stamp, &line.entry.stamp)
            {
                told.push(format!("line {}: {what}", line.n));
            }
        }
        let more = told.len().saturating_sub(TOLD);
        if more > 0 {
            told.truncate(TOLD);
            told.push(format!("and {more} more times"));
        }
        told
    }
}

impl Line {
    /// The event of the line.
    #[must_use]
    pub fn event(&self) -> Event {
        Event { n: self.n, time: self.entry.stamp.wall.clone(), body: self.entry.body.clone() }
    }
}

/// What a first line follows.
#[must_use]
pub fn origin() -> String {
    chain::START.to_owned()
}

/// A line, with its end, and its hash.
///
/// # Errors
/// When the entry has no text form.
pub fn write_line(n: u64, prev: &str, entry: &Entry) -> Result<(String, String), String> {
    let text = serde_json::to_string(entry).map_err(|e| e.to_string())?;
    let core = format!("{{\"n\":{n},\"prev\":\"{prev}\",\"body\":{text}");
    let hash = Sha256::of(format!("{core}}}").as_bytes()).to_string();
    let whole = format!("{core},\"hash\":\"{hash}\"}}\n");
    Ok((whole, hash))
}

/// Reads a journal; stops at the first line that is not bound to the one before it.
#[must_use]
pub fn read(bytes: &[u8]) -> Reading {
    let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
    let (sound, rest) = bytes.split_at(whole);
    let mut reading = Reading { whole, torn: rest.len(), ..Reading::default() };
    for (i, line) in sound.split_inclusive(|b| *b == b'\n').enumerate() {
        let n = i as u64 + 1;
        match read_line(line.strip_suffix(b"\n").unwrap_or(line), n, &reading.head()) {
            Ok(line) => reading.lines.push(line),
            Err(what) => {
                reading.damage = Some(Damage { line: n, what });
                return reading;
            }
        }
    }
    // A whole line whose end was overwritten was not torn: it was there, and was changed.
    if let Some((_, line)) = rest.split_last() {
        let n = reading.lines.len() as u64 + 1;
        if read_line(line, n, &reading.head()).is_ok() {
            reading.damage = Some(Damage { line: n, what: "its end was changed".to_owned() });
        }
    }
    reading
}

fn read_line(line: &[u8], n: u64, prev: &str) -> Result<Line, String> {
    let text = std::str::from_utf8(line).map_err(|_| "not UTF-8".to_owned())?;
    let (body, hash) = chain::follow(text, n, prev)?;
    let entry: Entry = serde_json::from_str(body).map_err(|e| format!("an event that this version does not know: {e}"))?;
    Ok(Line { n, entry, hash: hash.to_owned() })
}

/// How the wall clock departed between two stamps, in words.
#[must_use]
pub fn departure(before: &Stamp, after: &Stamp) -> Option<String> {
    let at = |stamp: &Stamp| stamp.wall.parse::<Timestamp>().ok().map(Timestamp::as_second);
    let (Some(from), Some(to)) = (at(before), at(after)) else { return Some("its time cannot be read".to_owned()) };
    let walked = to - from;
    let up = |stamp: &Stamp| stamp.boottime.split('.').next().and_then(|s| s.parse::<i64>().ok());
    let same_start = before.boot_id == after.boot_id && !after.boot_id.is_empty();
    let told = |by: i64, which: &str| {
        Some(format!("the clock was set {which} by {}: {} after {}; the order is that of the numbers", span(by), after.wall, before.wall))
    };
    match (up(before), up(after)) {
        (Some(a), Some(b)) if same_start => {
            let by = walked - (b - a);
            if by > DRIFT {
                return told(by, "forward");
            }
            if by < -DRIFT {
                return told(-by, "back");
            }
            None
        }
        // Another start of the machine: only that it went back can be known.
        _ if walked < -DRIFT => told(-walked, "back"),
        _ => None,
    }
}

/// Seconds as a person says them.
fn span(seconds: i64) -> String {
    const UNITS: [(i64, &str); 4] = [(365 * 86_400, "years"), (86_400, "days"), (3_600, "hours"), (60, "minutes")];
    let unit = UNITS.iter().find(|(length, _)| seconds >= 2 * length);
    unit.map_or_else(|| format!("{seconds} seconds"), |(length, name)| format!("{} {name}", seconds / length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(wall: &str, boottime: &str, boot_id: &str) -> Stamp {
        Stamp { wall: wall.into(), boottime: boottime.into(), boot_id: boot_id.into() }
    }

    fn answer(id: &str) -> Body {
        Body::Answered { id: id.into(), answer: "yes".into() }
    }

    /// A journal of those events, one a second.
    fn journal(bodies: &[Body]) -> Vec<u8> {
        let (mut bytes, mut head) = (Vec::new(), origin());
        for (body, n) in bodies.iter().zip(1..) {
            let stamp = stamp(&format!("2026-11-03T14:02:{n:02}Z"), &format!("{n}.00"), "b");
            let (line, hash) = write_line(n, &head, &Entry { stamp, body: body.clone() }).expect("written");
            bytes.extend(line.bytes());
            head = hash;
        }
        bytes
    }

    fn ten() -> Vec<u8> {
        let opened = Body::Opened { bundle: "ab".into(), release: "x 1".into(), reviewer: "alice".into(), tool: "t".into() };
        let mut bodies = vec![opened];
        bodies.extend((1..10).map(|i| answer(&format!("q{i}"))));
        journal(&bodies)
    }

    #[test]
    fn what_is_written_is_read_again() {
        let bytes = ten();
        let reading = read(&bytes);
        assert_eq!((reading.lines.len(), reading.whole, reading.torn, &reading.damage), (10, bytes.len(), 0, &None));
        assert_eq!(reading.events()[3].body, answer("q3"));
        assert_eq!(reading.bundle(), Some("ab"));
        assert_eq!(reading.line_of(&reading.head()), Some(10));
        assert_eq!(reading.line_of(&reading.lines[4].hash[..8].to_uppercase()), Some(5), "as written on paper");
        assert_eq!(reading.line_of(&reading.lines[4].hash[..7]), None, "too few digits to tell");
    }

    #[test]
    fn every_flipped_bit_is_found() {
        let bytes = ten();
        let mut flips = 0;
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                assert!(read(&changed).damage.is_some(), "byte {at} bit {bit}");
                flips += 1;
            }
        }
        assert_eq!(flips, bytes.len() * 8);
    }

    #[test]
    fn removed_swapped_and_repeated_lines_are_found() {
        let bytes = ten();
        let lines: Vec<&[u8]> = bytes.split_inclusive(|b| *b == b'\n').collect();
        for order in [vec![0, 2, 3, 4], vec![1, 0, 2, 3, 4], vec![0, 1, 1, 2, 3, 4], vec![1, 2, 3, 4]] {
            let changed: Vec<u8> = order.iter().flat_map(|i| lines[*i]).copied().collect();
            assert!(read(&changed).damage.is_some(), "{order:?}");
        }
    }

    #[test]
    fn lines_cut_off_the_end_are_missed_by_the_head_alone() {
        let bytes = ten();
        let head = read(&bytes).head();
        let lines: Vec<&[u8]> = bytes.split_inclusive(|b| *b == b'\n').collect();
        for kept in 0..lines.len() {
            let reading = read(&lines[..kept].concat());
            assert!(reading.damage.is_none(), "a shorter chain is a chain");
            assert_eq!(reading.line_of(&head), None, "and has not the head that was signed");
        }
    }

    #[test]
    fn a_torn_line_is_told_from_a_changed_one() {
        let bytes = ten();
        let last = bytes[..bytes.len() - 1].iter().rposition(|b| *b == b'\n').expect("lines") + 1;
        for cut in last + 1..bytes.len() {
            let reading = read(&bytes[..cut]);
            assert_eq!((reading.lines.len(), reading.torn, reading.damage), (9, cut - last, None), "cut at {cut}");
        }
    }

    #[test]
    fn a_clock_that_jumps_is_told_and_the_order_stays_that_of_the_numbers() {
        let walls = ["2026-11-03T14:02:01Z", "2036-11-03T14:02:02Z", "2026-11-03T14:02:03Z", "2016-11-03T14:02:04Z"];
        let (mut bytes, mut head) = (Vec::new(), origin());
        for (wall, n) in walls.iter().zip(1..) {
            let entry = Entry { stamp: stamp(wall, &format!("{}.50", 100 + n), "b"), body: answer(&format!("q{n}")) };
            let (line, hash) = write_line(n, &head, &entry).expect("written");
            bytes.extend(line.bytes());
            head = hash;
        }
        let reading = read(&bytes);
        assert_eq!(reading.events().iter().map(|e| e.n).collect::<Vec<_>>(), [1, 2, 3, 4]);
        let told = reading.clock();
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[0].starts_with("line 2: the clock was set forward by 10 years"), "{told:?}");
        assert!(told[1].starts_with("line 3: the clock was set back by 10 years"), "{told:?}");
        // Nothing is told where the machine was started again and time went on.
        assert_eq!(departure(&stamp(walls[0], "900.00", "b"), &stamp(walls[1], "5.00", "c")), None);
        assert!(departure(&stamp(walls[1], "900.00", "b"), &stamp(walls[0], "5.00", "c")).is_some());
        assert_eq!(departure(&stamp(walls[0], "1.00", "b"), &stamp("2026-11-03T14:03:00Z", "1.00", "b")), None, "within bounds");
    }
}
