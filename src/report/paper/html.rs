//! A report as one page of HTML: no script, nothing fetched, and readable on paper.

use std::fmt::Write as _;

use super::blocks::{self, Block};
use super::{LineOf, Paper};
use crate::text::{Shown, escaped};

const STYLE: &str = "@page{size:A4 landscape;margin:12mm}body{font:10pt/1.4 sans-serif;color:#000;background:#fff;max-width:270mm;\
margin:1em auto;padding:0 1em}h1{font-size:15pt;margin:0 0 .3em}h2{font-size:12pt;margin:1.4em 0 .3em;border-top:1px solid #000;\
padding-top:.5em;overflow-wrap:anywhere;break-after:avoid}dl{display:grid;grid-template-columns:max-content 1fr;gap:.1em 1em;margin:.5em 0}\
dt{font-weight:bold}dd{margin:0;overflow-wrap:anywhere}table{border-collapse:collapse;margin:.6em 0;width:100%}\
caption{text-align:left;font-weight:bold;padding:.2em 0}th,td{border:1px solid #888;padding:.1em .4em;text-align:left;vertical-align:top;\
overflow-wrap:anywhere}th{background:#eee}tr{break-inside:avoid}thead{display:table-header-group}\
pre{font:8pt/1.3 monospace;white-space:pre-wrap;overflow-wrap:anywhere;border-left:2px solid #888;padding-left:.6em}\
.says{font-weight:bold;border:2px solid #000;padding:.3em .6em}";

/// What may be displayed, as text of HTML.
fn shown(text: &str) -> String {
    escaped(Shown::new(text).as_str())
}

pub(super) fn page(paper: &Paper, line: &LineOf<'_>) -> String {
    let title = match &paper.about.release {
        Some((product, version, _)) => format!("Diff report: {} {}", product.shown(), version.shown()),
        None => "Diff report".to_owned(),
    };
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"description\" content=\"{}\">\n<title>{}</title>\n<style>{STYLE}</style></head><body>\n",
        shown(paper.says_of_source()),
        shown(&title),
    );
    let mut says = true;
    for block in blocks::all(paper, line) {
        match block {
            Block::Heading(level, text) => {
                let _ = writeln!(out, "<h{level}>{}</h{level}>", shown(&text));
            }
            // The first sentence is what the file holds.
            Block::Sentence(text) if std::mem::take(&mut says) => {
                let _ = writeln!(out, "<p class=\"says\">{}</p>", shown(&text));
            }
            Block::Sentence(text) => {
                let _ = writeln!(out, "<p>{}</p>", shown(&text));
            }
            Block::Pairs(pairs) => {
                out.push_str("<dl>\n");
                for (label, text) in pairs {
                    let _ = writeln!(out, "<dt>{}</dt><dd>{}</dd>", shown(label), shown(&text));
                }
                out.push_str("</dl>\n");
            }
            Block::Table(caption, columns, rows) => table(caption, &columns, &rows, &mut out),
            Block::Rows(text) => {
                out.push_str("<pre>");
                for line in text.lines() {
                    let _ = writeln!(out, "{}", shown(line));
                }
                out.push_str("</pre>\n");
            }
        }
    }
    out.push_str("</body></html>\n");
    out
}

fn table(caption: &str, columns: &[&str], rows: &[Vec<String>], out: &mut String) {
    let head: String = columns.iter().map(|c| format!("<th scope=\"col\">{}</th>", shown(c))).collect();
    let _ = writeln!(out, "<table><caption>{}</caption><thead><tr>{head}</tr></thead><tbody>", shown(caption));
    for row in rows {
        let cells: String = row.iter().map(|cell| format!("<td>{}</td>", shown(cell))).collect();
        let _ = writeln!(out, "<tr>{cells}</tr>");
    }
    out.push_str("</tbody></table>\n");
}
