//! `countersign log`: a journal, read and verified.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::{Format, Outcome, print, print_json};
use crate::review::Body;
use crate::review::journal::{Line, Reading};
use crate::session::{is_journal, journal_of, read_journal, read_small};
use crate::signoff;
use crate::text::Shown;

/// The largest record, in bytes.
const MAX_RECORD: u64 = 64 << 20;

/// Arguments of `log`.
#[derive(Debug, Args)]
pub struct LogArgs {
    /// A journal (a .jsonl file), or a bundle whose journal is looked up in the state folder.
    #[arg(value_name = "BUNDLE|JOURNAL")]
    pub(super) what: PathBuf,
    /// Say whether it is sound, without its events.
    #[arg(long)]
    verify: bool,
    /// A head that was written down or sent before (its first 8 digits or more): the journal must have it.
    #[arg(long, value_name = "HASH")]
    head: Vec<String>,
    /// A record that was made from it: the journal must have the head that was signed, at the line that was signed.
    #[arg(long, value_name = "RECORD")]
    pub(super) record: Vec<PathBuf>,
    /// The folder that keeps the review.
    #[arg(long, value_name = "DIR")]
    pub(super) state: Option<PathBuf>,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What was asked of the journal beside its chain, and the answer.
struct Asked {
    good: bool,
    told: String,
}

pub(super) fn run(args: &LogArgs) -> color_eyre::Result<Outcome> {
    for head in &args.head {
        if head.len() < 8 || head.len() > 64 || !head.bytes().all(|b| b.is_ascii_hexdigit()) {
            color_eyre::eyre::bail!("--head {}: 8 to 64 hexadecimal digits are wanted", Shown::new(head).cut(80));
        }
    }
    let path = if is_journal(&args.what) { args.what.clone() } else { journal_of(&args.what, args.state.as_deref())? };
    let reading = read_journal(&path).map_err(|e| color_eyre::eyre::eyre!("no journal: {e}"))?;
    let mut asked: Vec<Asked> = args.head.iter().map(|head| has_head(&reading, head)).collect();
    for record in &args.record {
        asked.push(has_record(&reading, record)?);
    }
    let well = reading.damage.is_none() && asked.iter().all(|a| a.good);
    match args.format {
        Format::Text => print(&text(&path, &reading, &asked, !args.verify))?,
        Format::Json => print_json(&document(&path, &reading, &asked, well, !args.verify))?,
    }
    Ok(if well { Outcome::Well } else { Outcome::Differs })
}

fn has_head(reading: &Reading, head: &str) -> Asked {
    let digits = Shown::new(head).cut(16);
    match reading.line_of(head) {
        Some(n) => {
            let later = reading.lines.len() as u64 - n;
            let after = if later == 0 { "the last".to_owned() } else { format!("{later} came after it") };
            Asked { good: true, told: format!("the head {digits} is line {n}; {after}") }
        }
        None => Asked { good: false, told: format!("no line has the head {digits}: lines were cut off its end, or it is another journal") },
    }
}

fn has_record(reading: &Reading, record: &Path) -> color_eyre::Result<Asked> {
    let place = Shown::new(&record.to_string_lossy()).to_string();
    let bytes = read_small(record, MAX_RECORD).map_err(|e| color_eyre::eyre::eyre!("{place}: {e}"))?;
    let payload = signoff::payload(&bytes).map_err(|e| color_eyre::eyre::eyre!("{place}: {e}"))?;
    let statement: Value = serde_json::from_slice(&payload).unwrap_or_default();
    let journal = &statement["predicate"]["journal"];
    let (Some(head), Some(count)) = (journal["head"]["sha256"].as_str(), journal["count"].as_u64()) else {
        color_eyre::eyre::bail!("{place}: the record names no journal");
    };
    let at = Shown::new(head).cut(16);
    Ok(match reading.line_of(head).filter(|_| head.len() == 64) {
        Some(n) if n == count => Asked { good: true, told: format!("{place}: the signed head {at} is line {n}, as the record says") },
        Some(n) => Asked { good: false, told: format!("{place}: the signed head {at} is line {n}, and the record says {count}") },
        None => {
            let lines = reading.lines.len();
            let cut = if (lines as u64) < count { ": lines were cut off its end" } else { ": it is another journal" };
            Asked {
                good: false,
                told: format!("{place}: the signed head {at} is line {count}, and no line of the {lines} here has it{cut}"),
            }
        }
    })
}

fn text(path: &Path, reading: &Reading, asked: &[Asked], events: bool) -> String {
    let mut out = format!("{}\n", Shown::new(&path.to_string_lossy()));
    if events {
        for line in &reading.lines {
            let _ = writeln!(
                out,
                "{:>6}  {:<20}  {}",
                line.n,
                Shown::new(&line.entry.stamp.wall).cut(20),
                Shown::new(&line.entry.body.words())
            );
        }
    }
    match &reading.damage {
        None => {
            let _ = writeln!(out, "= {} lines, each bound to the one before it; head {}", reading.lines.len(), reading.head());
        }
        Some(damage) => {
            let _ = writeln!(out, "! DAMAGED in {}", Shown::new(&damage.to_string()));
            let _ = writeln!(out, "! the {} lines before it are sound; head {}", reading.lines.len(), reading.head());
        }
    }
    if reading.torn > 0 && reading.damage.is_none() {
        let _ = writeln!(out, "? {} bytes after the last line: torn while it was written, never shown as saved", reading.torn);
    }
    for told in reading.clock() {
        let _ = writeln!(out, "? {}", Shown::new(&told));
    }
    for one in asked {
        let _ = writeln!(out, "{} {}", if one.good { '=' } else { '!' }, one.told);
    }
    out
}

fn document(path: &Path, reading: &Reading, asked: &[Asked], well: bool, events: bool) -> Value {
    let began = reading.lines.iter().find_map(|l| match &l.entry.body {
        Body::Opened { release, reviewer, .. } => Some((release.clone(), reviewer.clone())),
        _ => None,
    });
    let mut value = json!({
        "schema": "countersign-log/v1",
        "result": if well { "pass" } else { "fail" },
        "journal": Shown::new(&path.to_string_lossy()).to_string(),
        "lines": reading.lines.len(),
        "head": reading.head(),
        "bundle": reading.bundle(),
        "release": began.as_ref().map(|b| &b.0),
        "reviewer": began.as_ref().map(|b| &b.1),
        "damage": reading.damage.as_ref().map(|d| json!({ "line": d.line, "what": Shown::new(&d.what).to_string() })),
        "torn": reading.torn,
        "clock": reading.clock(),
        "asked": asked.iter().map(|a| json!({ "good": a.good, "what": a.told })).collect::<Vec<_>>(),
    });
    if events {
        value["events"] = reading.lines.iter().map(event).collect();
    }
    value
}

/// A line as it is in the journal, with its number and hash beside what it holds.
fn event(line: &Line) -> Value {
    let mut value = serde_json::to_value(&line.entry).unwrap_or_default();
    value["n"] = json!(line.n);
    value["hash"] = json!(line.hash);
    value
}
