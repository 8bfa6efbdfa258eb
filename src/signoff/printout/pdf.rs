//! The printout as PDF (ISO 32000): A4, the standard fonts, nothing packed, so that its text can be read in the file.

use pdf_writer::{Content, Finish as _, Name, Pdf, Rect, Ref, Str};

use super::Printout;
use super::code::Code;

/// A4 in points, and its margin.
const PAGE: (f32, f32) = (595.0, 842.0);
const MARGIN: f32 = 40.0;
/// Size of the text, of the space between its lines, and the side of a code, in points.
const SIZE: f32 = 7.5;
const LEADING: f32 = 8.4;
const CODE: f32 = 200.0;
/// Courier's advance is 0.6 of its size.
const ADVANCE: f32 = 0.6;

/// Something on a page: where its top is and what.
enum Piece<'a> {
    Text { x: f32, y: f32, size: f32, bold: bool, text: String },
    Code { x: f32, y: f32, code: &'a Code },
}

/// Characters of a line of that width.
fn columns(width: f32, size: f32) -> usize {
    let columns = (width / (size * ADVANCE)).floor() as usize;
    columns.max(20)
}

/// The text in the fonts' encoding: what they cannot show is written as its code point.
fn encoded(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for c in text.chars() {
        match u32::from(c) {
            // WinAnsi is Latin-1 in these ranges.
            0x20..=0x7e | 0xa1..=0xff => out.extend(u8::try_from(u32::from(c))),
            0x2192 => out.extend_from_slice(b"->"),
            0x2026 => out.extend_from_slice(b"..."),
            point => out.extend_from_slice(format!("<U+{point:04X}>").as_bytes()),
        }
    }
    out
}

/// A text cut into lines; those after the first are indented.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let chars: Vec<char> = encoded(text).into_iter().map(char::from).collect();
    let mut out = Vec::new();
    let mut at = 0;
    while at < chars.len() || out.is_empty() {
        let indent = if out.is_empty() { 0 } else { 4 };
        let end = chars.len().min(at + width - indent);
        out.push(" ".repeat(indent) + &chars[at..end].iter().collect::<String>());
        at = end.max(at + 1);
    }
    out
}

fn lay_out(printout: &Printout) -> Vec<Vec<Piece<'_>>> {
    let mut pages = vec![Vec::new()];
    let top = PAGE.1 - MARGIN;
    let text = |x, y, text: String| Piece::Text { x, y, size: SIZE, bold: false, text };
    let beside = PAGE.0 - 2.0 * MARGIN - CODE - 12.0;
    let mut y = top - 12.0;
    let mut left = |pages: &mut Vec<Vec<Piece<'_>>>, size: f32, bold: bool, line: &str| {
        for line in wrapped(line, columns(beside, size)) {
            pages[0].push(Piece::Text { x: MARGIN, y, size, bold, text: line });
            y -= LEADING;
        }
    };
    pages[0].push(Piece::Text { x: MARGIN, y: top, size: 13.0, bold: true, text: "Sign-off record".to_owned() });
    // Eight words are a line in every place, so that they can be compared line by line.
    for (label, size, lines) in [
        ("SHA-256 of the statement", SIZE, vec![printout.digest.to_string()]),
        ("Check words of it", 5.4, printout.words.clone()),
        ("Keys that its signatures name", SIZE, printout.keys.clone()),
        ("What this paper is", SIZE, vec![printout.label().to_owned()]),
    ] {
        left(&mut pages, SIZE, true, label);
        lines.iter().for_each(|line| left(&mut pages, size, false, line));
        left(&mut pages, SIZE, false, "");
    }
    let mut codes = printout.codes.iter().enumerate();
    let code_left = PAGE.0 - MARGIN - CODE;
    if let Some((n, code)) = codes.next() {
        pages[0].push(Piece::Code { x: code_left, y: top + 6.0 - CODE, code });
        pages[0].push(Piece::Text { x: code_left, y: top - CODE, size: 5.5, bold: false, text: printout.caption(n) });
    }
    let mut y = if printout.codes.is_empty() { y } else { y.min(top - CODE - 16.0) };
    let whole = columns(PAGE.0 - 2.0 * MARGIN, SIZE);
    for row in &printout.rows {
        for line in wrapped(&row.plain(), whole) {
            if y < MARGIN {
                pages.push(Vec::new());
                y = top;
            }
            let last = pages.len() - 1;
            pages[last].push(text(MARGIN, y, line));
            y -= LEADING;
        }
    }
    // Further codes, two by three on a page.
    let rest: Vec<_> = codes.collect();
    for six in rest.chunks(6) {
        let mut page = Vec::new();
        for (place, (n, code)) in six.iter().enumerate() {
            let (column, line) = ((place % 2) as f32, (place / 2) as f32);
            let (x, y) = (MARGIN + column * (CODE + 40.0), top - (line + 1.0) * (CODE + 24.0));
            page.push(Piece::Code { x, y: y + 14.0, code });
            page.push(Piece::Text { x, y, size: 6.5, bold: false, text: printout.caption(*n) });
        }
        pages.push(page);
    }
    let count = pages.len();
    for (n, page) in pages.iter_mut().enumerate() {
        let foot = format!("Sign-off record {}   page {} of {count}", printout.digest.short(16), n + 1);
        page.push(text(MARGIN, MARGIN - 16.0, foot));
    }
    pages
}

fn draw(page: &[Piece<'_>]) -> Vec<u8> {
    let mut content = Content::new();
    for piece in page {
        match piece {
            Piece::Text { x, y, size, bold, text } => {
                content.begin_text();
                content.set_font(Name(if *bold { b"B" } else { b"R" }), *size);
                content.next_line(*x, *y);
                content.show(Str(&encoded(text)));
                content.end_text();
            }
            Piece::Code { x, y, code } => {
                let module = CODE / code.side() as f32;
                for (column, row, length) in code.runs() {
                    let below = y + CODE - (row as f32 + 1.0) * module;
                    content.rect(x + column as f32 * module, below, length as f32 * module, module);
                }
                content.fill_nonzero();
            }
        }
    }
    content.finish().to_vec()
}

pub(super) fn document(printout: &Printout) -> Vec<u8> {
    let pages = lay_out(printout);
    let mut pdf = Pdf::new();
    let (catalog, tree, regular, bold) = (Ref::new(1), Ref::new(2), Ref::new(3), Ref::new(4));
    pdf.catalog(catalog).pages(tree);
    for (font, name) in [(regular, &b"Courier"[..]), (bold, b"Courier-Bold")] {
        pdf.type1_font(font).base_font(Name(name)).encoding_predefined(Name(b"WinAnsiEncoding"));
    }
    let count = i32::try_from(pages.len()).unwrap_or(i32::MAX);
    let ids: Vec<(Ref, Ref)> = (0..count).map(|n| (Ref::new(5 + 2 * n), Ref::new(6 + 2 * n))).collect();
    pdf.pages(tree).kids(ids.iter().map(|(page, _)| *page)).count(count);
    for ((id, content), page) in ids.iter().zip(&pages) {
        let mut of = pdf.page(*id);
        of.parent(tree).media_box(Rect::new(0.0, 0.0, PAGE.0, PAGE.1)).contents(*content);
        of.resources().fonts().pair(Name(b"R"), regular).pair(Name(b"B"), bold);
        of.finish();
        pdf.stream(*content, &draw(page));
    }
    pdf.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_and_nothing_is_lost() {
        let text = "abcdefghij".repeat(7);
        let lines = wrapped(&text, 30);
        assert!(lines.iter().all(|l| l.chars().count() <= 30));
        assert_eq!(lines.iter().map(|l| l.trim_start()).collect::<String>(), text);
        assert_eq!(wrapped("", 30), [""]);
        assert_eq!(encoded("aé日→"), b"a\xe9<U+65E5>->");
    }
}
