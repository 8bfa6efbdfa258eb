//! The few things that screens are made of. [`line`] is the only place that turns rows of meaning into drawn text.

mod canvas;
mod chrome;
mod finder;
mod over;

pub(crate) use canvas::Canvas;
pub(crate) use chrome::{body, chrome, too_small};
pub(crate) use over::{over, words as decision_words};

use ratatui::text::{Line, Span};
use unicode_segmentation::UnicodeSegmentation as _;

use super::theme::Theme;
use crate::text::{Role, Row, Segment, Shown};

/// A row exactly that many cells wide: cut with a mark, or filled with blanks.
pub(crate) fn fit(row: &Row, width: usize) -> Row {
    let mut out = Row::new();
    let mut used = 0;
    let total = row.width();
    for segment in &row.0 {
        let w = segment.text.width();
        let more_follows = total > width;
        let room = width - used;
        if w > room || (w == room && more_follows && used + w < total) {
            let cut = if w > room { segment.text.cut(room) } else { Shown::new(&format!("{} ", segment.text)).cut(room) };
            used += cut.width();
            out.push(segment.role, cut);
            break;
        }
        used += w;
        out.push(segment.role, segment.text.clone());
    }
    if used < width {
        out.push(Role::Text, Shown::new(&" ".repeat(width - used)));
    }
    out
}

/// A row without its first cells, for scrolling sideways.
pub(crate) fn skip(row: &Row, mut cells: usize) -> Row {
    let mut out = Row::new();
    for segment in &row.0 {
        let w = segment.text.width();
        if cells >= w {
            cells -= w;
            continue;
        }
        out.push(segment.role, if cells == 0 { segment.text.clone() } else { segment.text.skip(cells) });
        cells = 0;
    }
    out
}

/// What is drawn of a row: exactly `width` cells.
pub(crate) fn line(row: &Row, width: usize, theme: Theme, selected: bool) -> Line<'static> {
    let spans = fit(row, width).0.into_iter().map(|s: Segment| Span::styled(theme.glyphs(s.text.as_str()), theme.style(s.role, selected)));
    Line::from_iter(spans)
}

/// Wraps rows at a width, at a blank where there is one; nothing is lost and nothing is cut.
pub(crate) fn wrap(rows: &[Row], width: usize) -> Vec<Row> {
    let width = width.max(8);
    let mut out = Vec::new();
    for row in rows {
        let mut cells: Vec<(&str, Role, usize)> = Vec::new();
        for segment in &row.0 {
            for cluster in segment.text.as_str().graphemes(true) {
                cells.push((cluster, segment.role, Shown::new(cluster).width()));
            }
        }
        let mut rest = cells.as_slice();
        loop {
            let mut used = 0;
            let fits = rest.iter().take_while(|c| {
                used += c.2;
                used <= width
            });
            let fits = fits.count().max(1).min(rest.len());
            let blank = rest.get(..fits).unwrap_or_default().iter().rposition(|c| c.0 == " ");
            let at = if fits == rest.len() { fits } else { blank.filter(|b| *b > fits / 2).map_or(fits, |b| b + 1) };
            let (head, tail) = rest.split_at(at);
            let mut wrapped = Row::new();
            for run in head.chunk_by(|a, b| a.1 == b.1) {
                let text: String = run.iter().map(|c| c.0).collect();
                wrapped.push(run.first().map_or(Role::Text, |c| c.1), Shown::new(&text));
            }
            out.push(wrapped);
            rest = tail;
            if rest.is_empty() {
                break;
            }
        }
    }
    out
}

/// A number with its thousands set apart: `5,012`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// A number of bytes in at most six cells: `4096`, `1.2M`.
pub(crate) fn size(bytes: u64) -> String {
    if bytes < 100_000 {
        return bytes.to_string();
    }
    #[allow(clippy::cast_precision_loss)] // three digits are shown
    let mut value = bytes as f64;
    let mut unit = ' ';
    for next in ['K', 'M', 'G', 'T', 'P', 'E'] {
        if value < 1000.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    if value < 10.0 { format!("{value:.1}{unit}") } else { format!("{value:.0}{unit}") }
}

/// The text of a row cut or filled to a number of cells.
pub(crate) fn column(text: &Shown, width: usize) -> Shown {
    let cut = text.cut(width);
    let pad = width - cut.width().min(width);
    Shown::new(&format!("{cut}{}", " ".repeat(pad)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(text: &str) -> Row {
        Row::new().with(Role::Text, text)
    }

    #[test]
    fn a_row_is_exactly_as_wide_as_asked() {
        let wide = row("ab").with(Role::Bad, "日本語").with(Role::Dim, "xyz");
        for width in 0..20 {
            assert_eq!(fit(&wide, width).width(), width, "{width}");
        }
        assert_eq!(fit(&wide, 11).plain(), "ab日本語xyz");
        assert_eq!(fit(&wide, 9).plain(), "ab日本語…");
        assert_eq!(fit(&wide, 8).plain(), "ab日本… ");
    }

    #[test]
    fn wrapping_loses_nothing() {
        let text =
            "I, A. Meyer, reviewed acme-gateway 4.2.0 whose digest is 7d1f09ac66214e0b0b1d7f3a91c20de45a7701cc3e9f2b18d40c8a661f0e55e2";
        for width in [8, 20, 33, 200] {
            let rows = wrap(&[row(text), Row::new()], width);
            assert!(rows.iter().all(|r| r.width() <= width));
            assert_eq!(rows.iter().map(Row::plain).collect::<String>(), text);
        }
    }

    #[test]
    fn numbers() {
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(12), "12");
        assert_eq!(size(4_096), "4096");
        assert_eq!(size(1_300_000), "1.2M");
        assert!(size(u64::MAX).len() <= 6);
    }

    #[test]
    fn skipping_is_by_cells() {
        assert_eq!(skip(&row("abc").with(Role::Dim, "def"), 4).plain(), "ef");
        assert_eq!(skip(&row("abc"), 9).plain(), "");
    }
}
