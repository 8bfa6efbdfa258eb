//! What would leave the room, to its last byte: for whoever stands at the door.

use crate::digest::Sha256;
use crate::provenance::dsse;
use crate::text::{Role, Row, Shown};

/// Bytes of a row of what is not text.
const PER_ROW: usize = 32;

/// The files that would leave, each with its name, size, digest and whole content through the guard. Of an envelope the signed
/// statement is shown too, since base64 hides it.
#[must_use]
pub fn preview(files: &[(String, Vec<u8>)]) -> Vec<Row> {
    let total: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
    let mut rows = vec![Row::new().with(Role::Title, &format!("{} files, {total} bytes would leave", files.len()))];
    for (name, bytes) in files {
        rows.push(Row::new().with(Role::Text, &format!("{}  {:>10}  {}", Sha256::of(bytes), bytes.len(), Shown::new(name))));
    }
    for (name, bytes) in files {
        rows.push(Row::new());
        rows.push(Row::new().with(Role::Title, &format!("{}: all of its {} bytes", Shown::new(name), bytes.len())));
        content(bytes, &mut rows);
        if let Ok(envelope) = dsse::parse(bytes) {
            rows.push(Row::new().with(Role::Title, &format!("{}: what is in its payload", Shown::new(name))));
            content(&envelope.payload, &mut rows);
        }
    }
    rows
}

fn content(bytes: &[u8], rows: &mut Vec<Row>) {
    match std::str::from_utf8(bytes) {
        Ok(text) if !bytes.contains(&0) => {
            for line in text.split_inclusive('\n') {
                pieces(line.strip_suffix('\n').unwrap_or(line), rows);
            }
            if !text.is_empty() && !text.ends_with('\n') {
                rows.push(Row::new().with(Role::Dim, "(no newline at its end)"));
            }
        }
        _ => {
            for (n, row) in bytes.chunks(PER_ROW).enumerate() {
                let hex: String = row.iter().map(|b| format!("{b:02x}")).collect();
                let text: String = row.iter().map(|b| if (0x20..0x7f).contains(b) { char::from(*b) } else { '.' }).collect();
                rows.push(Row::new().with(Role::Dim, &format!("{:08x}  ", n * PER_ROW)).with(Role::Text, &format!("{hex:<64}  {text}")));
            }
        }
    }
}

/// A line in pieces that the guard does not cut short.
fn pieces(line: &str, rows: &mut Vec<Row>) {
    const PIECE: usize = 2000;
    let mut rest = line;
    loop {
        let end = rest.char_indices().nth(PIECE).map_or(rest.len(), |(at, _)| at);
        let (head, tail) = rest.split_at(end);
        rows.push(Row::new().with(Role::Text, head));
        if tail.is_empty() {
            return;
        }
        rest = tail;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_there() {
        let long = "é".repeat(9000);
        let files = [("a\u{202e}.json".to_owned(), format!("one\u{1b}[2J\n{long}").into_bytes()), ("b.png".to_owned(), vec![0, 1, 0xff])];
        let text: Vec<String> = preview(&files).iter().map(Row::plain).collect();
        assert!(text[0].contains("2 files, 18012 bytes") || text[0].contains("2 files, 18011 bytes"), "{}", text[0]);
        assert!(text.iter().any(|l| l == "one<1B>[2J"));
        assert_eq!(text.iter().map(|l| l.matches('é').count()).sum::<usize>(), 9000);
        assert!(text.iter().any(|l| l.starts_with("00000000  0001ff")));
        assert!(text.iter().all(|l| !l.contains('\u{202e}') && !l.contains('\u{1b}')));
    }
}
