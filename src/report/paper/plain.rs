//! A report as text.

use std::fmt::Write as _;

use super::blocks::{self, Block};
use super::{LineOf, Paper};
use crate::text::Shown;

pub(super) fn text(paper: &Paper, line: &LineOf<'_>) -> String {
    let mut out = String::new();
    for block in blocks::all(paper, line) {
        let _ = match block {
            Block::Heading(1, text) => writeln!(out, "{}", Shown::new(&text)),
            Block::Heading(_, text) => writeln!(out, "\n{}", Shown::new(&text)),
            Block::Sentence(text) => writeln!(out, "{}", Shown::new(&text)),
            Block::Pairs(pairs) => pairs.iter().try_for_each(|(label, text)| writeln!(out, "{label:<10} {}", Shown::new(text))),
            Block::Table(caption, columns, rows) => {
                table(caption, &columns, &rows, &mut out);
                Ok(())
            }
            Block::Rows(text) => text.lines().try_for_each(|line| writeln!(out, "    {}", Shown::new(line))),
        };
    }
    out
}

/// A table with columns as wide as what is in them; the last is as long as it is.
fn table(caption: &str, columns: &[&str], rows: &[Vec<String>], out: &mut String) {
    let _ = writeln!(out, "  {caption}:");
    let shown: Vec<Vec<Shown>> = std::iter::once(columns.iter().map(|c| Shown::new(c)).collect())
        .chain(rows.iter().map(|row| row.iter().map(|cell| Shown::new(cell)).collect()))
        .collect();
    let widths: Vec<usize> =
        (0..columns.len()).map(|at| shown.iter().filter_map(|row| row.get(at)).map(Shown::width).max().unwrap_or(0)).collect();
    for row in &shown {
        let mut line = String::from("   ");
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(line, " {cell}{} ", " ".repeat(width.saturating_sub(cell.width()).min(60)));
        }
        let _ = writeln!(out, "{}", line.trim_end());
    }
}
