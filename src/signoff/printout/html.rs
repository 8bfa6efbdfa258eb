//! The printout as HTML: one file, no script, nothing fetched.

use std::fmt::Write as _;

use crate::text::{Role, Row, escaped};

use super::Printout;

const STYLE: &str = "@page{size:A4;margin:14mm}body{font:9pt/1.35 monospace;color:#000;background:#fff;max-width:182mm;margin:auto}\
h1{font-size:13pt;margin:0 0 2mm}.top{display:flex;gap:6mm}.codes svg{width:72mm;height:72mm;display:block}.codes figure{margin:0 0 4mm}\
figcaption{font-size:7pt}dl{margin:0}dt{font-weight:bold}dd{margin:0 0 1mm}pre{white-space:pre-wrap;overflow-wrap:anywhere;margin:0}\
.bad{font-weight:bold}.title{font-weight:bold;text-decoration:underline}.words{font-size:8pt}";

fn row(row: &Row) -> String {
    let mut out = String::new();
    for segment in &row.0 {
        let text = escaped(segment.text.as_str());
        let _ = match segment.role {
            Role::Title => write!(out, "<span class=title>{text}</span>"),
            Role::Bad | Role::Unknown => write!(out, "<span class=bad>{text}</span>"),
            _ => write!(out, "{text}"),
        };
    }
    out
}

pub(super) fn page(printout: &Printout) -> String {
    let mut codes = String::new();
    for (n, code) in printout.codes.iter().enumerate() {
        let _ = writeln!(codes, "<figure>{}<figcaption>{}</figcaption></figure>", code.svg().trim_end(), escaped(&printout.caption(n)));
    }
    let rows: Vec<String> = printout.rows.iter().map(row).collect();
    let keys: Vec<String> = printout.keys.iter().map(|k| escaped(k)).collect();
    format!(
        "<!DOCTYPE html>\n<html lang=en><head><meta charset=utf-8>\
         <meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <title>Sign-off record</title><style>{STYLE}</style></head><body>\n<h1>Sign-off record</h1>\n<div class=top><dl>\n\
         <dt>SHA-256 of the statement</dt><dd>{}</dd>\n<dt>Check words of it</dt><dd><pre class=words>{}</pre></dd>\n\
         <dt>Keys that its signatures name</dt><dd><pre>{}</pre></dd>\n\
         <dt>What this paper is</dt><dd>{}</dd>\n</dl>\n\
         <div class=codes>\n{codes}</div></div>\n<pre>{}</pre>\n</body></html>\n",
        printout.digest,
        escaped(&printout.words.join("\n")),
        keys.join("\n"),
        printout.label(),
        rows.join("\n"),
    )
}
