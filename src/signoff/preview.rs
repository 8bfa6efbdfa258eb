//! What would leave the room, to its last byte: for whoever stands at the door.

use crate::digest::Sha256;
use crate::provenance::dsse;
use crate::text::{Role, Row, Shown};

/// The most bytes of a row of what is not text.
const PER_ROW: usize = 32;

/// The files that would leave, each with its name, size, digest and whole content through the guard. Of an envelope the signed
/// statement is shown too, since base64 hides it. A line of more than `cells` goes on in rows that start with a `+`.
#[must_use]
pub fn preview(files: &[(String, &[u8])], cells: usize) -> Vec<Row> {
    let total: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
    let mut rows = vec![Row::new().with(Role::Title, &format!("{} files, {total} bytes would leave", files.len()))];
    for (name, bytes) in files {
        rows.push(Row::new().with(Role::Text, &format!("{:>10}  {}", bytes.len(), Shown::new(name))));
        rows.push(Row::new().with(Role::Dim, &format!("    sha256  {}", Sha256::of(bytes))));
    }
    for (name, bytes) in files {
        rows.push(Row::new());
        rows.push(Row::new().with(Role::Title, &format!("{}: all of its {} bytes", Shown::new(name), bytes.len())));
        content(bytes, cells, &mut rows);
        if let Ok(envelope) = dsse::parse(bytes) {
            rows.push(Row::new().with(Role::Title, &format!("{}: what is in its payload", Shown::new(name))));
            content(&envelope.payload, cells, &mut rows);
        }
    }
    rows
}

fn content(bytes: &[u8], cells: usize, rows: &mut Vec<Row>) {
    match std::str::from_utf8(bytes) {
        Ok(text) if !bytes.contains(&0) => {
            for line in text.split_inclusive('\n') {
                pieces(line.strip_suffix('\n').unwrap_or(line), cells, rows);
            }
            if !text.is_empty() && !text.ends_with('\n') {
                rows.push(Row::new().with(Role::Dim, "(no newline at its end)"));
            }
        }
        _ => {
            // A place of 8 digits, two digits and a letter a byte, and two gaps.
            let each = (cells.saturating_sub(12) / 3 / 4 * 4).clamp(4, PER_ROW);
            for (n, row) in bytes.chunks(each).enumerate() {
                let hex: String = row.iter().map(|b| format!("{b:02x}")).collect();
                let text: String = row.iter().map(|b| if (0x20..0x7f).contains(b) { char::from(*b) } else { '.' }).collect();
                rows.push(
                    Row::new()
                        .with(Role::Dim, &format!("{:08x}  ", n * each))
                        .with(Role::Text, &format!("{hex:<w$}  {text}", w = each * 2)),
                );
            }
        }
    }
}

/// A line in pieces of at most that many cells, as the guard shows them.
fn pieces(line: &str, cells: usize, rows: &mut Vec<Row>) {
    let width = |c: char| if (' '..='~').contains(&c) { 1 } else { Shown::new(c.encode_utf8(&mut [0; 4])).width() };
    let (mut from, mut used) = (0, 0);
    for (at, c) in line.char_indices() {
        let room = if from == 0 { cells } else { cells.saturating_sub(2) };
        if used + width(c) > room && at > from {
            rows.push(piece(line, from, at));
            (from, used) = (at, 0);
        }
        used += width(c);
    }
    rows.push(piece(line, from, line.len()));
}

fn piece(line: &str, from: usize, to: usize) -> Row {
    let row = if from == 0 { Row::new() } else { Row::new().with(Role::Dim, "+ ") };
    row.with(Role::Text, line.get(from..to).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_there() {
        let long = "é".repeat(9000);
        let text = format!("one\u{1b}[2J\n{long}");
        let files = [("a\u{202e}.json".to_owned(), text.as_bytes()), ("b.png".to_owned(), &[0, 1, 0xff][..])];
        let text: Vec<String> = preview(&files, 2000).iter().map(Row::plain).collect();
        assert!(text[0].contains("2 files, 18012 bytes") || text[0].contains("2 files, 18011 bytes"), "{}", text[0]);
        assert!(text.iter().any(|l| l == "one<1B>[2J"));
        assert_eq!(text.iter().map(|l| l.matches('é').count()).sum::<usize>(), 9000);
        assert!(text.iter().any(|l| l.starts_with("00000000  0001ff")));
        assert!(text.iter().all(|l| !l.contains('\u{202e}') && !l.contains('\u{1b}')));
    }

    #[test]
    fn a_narrow_window_loses_nothing() {
        let line = "one \u{202e} 日本語 and e\u{301} ".repeat(50);
        let hex: Vec<u8> = (0..=255).collect();
        for cells in [56, 76] {
            let rows = preview(&[("x".to_owned(), line.as_bytes()), ("y".to_owned(), &hex)], cells);
            let body: Vec<&Row> =
                rows.iter().skip_while(|r| !r.plain().starts_with("x: all")).skip(1).take_while(|r| !r.0.is_empty()).collect();
            assert!(body.iter().all(|r| r.width() <= cells), "{cells}");
            let text: String = body.iter().map(|r| r.plain()).map(|l| l.strip_prefix("+ ").unwrap_or(&l).to_owned()).collect();
            assert_eq!(text.trim_end_matches("(no newline at its end)"), Shown::new(&line).as_str());
            assert!(rows.iter().filter(|r| r.plain().starts_with("000000")).all(|r| r.width() <= cells));
            assert!(rows.iter().any(|r| r.plain().contains("fe") && r.plain().contains("ff")));
        }
    }
}
