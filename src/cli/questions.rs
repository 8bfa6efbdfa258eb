//! `countersign questions`: the open findings as a sheet of questions, which may leave the room.

use std::path::PathBuf;

use clap::Args;

use super::{Outcome, RoomArgs, StateArgs, options, print};
use crate::checks::Facts;
use crate::review::quote::{Finder, disassembly};
use crate::review::{self, About, Finding};
use crate::session::{Headless, may_write, run_headless, write_whole};
use crate::text::Shown;

/// Arguments of `questions`.
#[derive(Debug, Args)]
pub struct QuestionsArgs {
    /// A directory, a .tar or a .tar.zst.
    pub(super) bundle: PathBuf,
    /// Where to write the sheet (JSON); it must not exist. The same is printed to be read.
    #[arg(long, value_name = "FILE")]
    pub(super) output: PathBuf,
    /// Write it although the words of these findings quote source or disassembly (F1,F2): you have read what leaves.
    #[arg(long, value_name = "IDS", value_delimiter = ',')]
    allow_quotes: Vec<String>,
    #[command(flatten)]
    pub(super) room: RoomArgs,
    /// The folder that keeps the review.
    #[arg(long, value_name = "DIR")]
    pub(super) state: Option<PathBuf>,
}

pub(super) fn run(args: QuestionsArgs) -> color_eyre::Result<Outcome> {
    may_write(&args.output).map_err(|e| color_eyre::eyre::eyre!(e))?;
    let state = StateArgs { state: args.state, read_only: true, ..StateArgs::default() };
    let done = run_headless(options(Some(args.bundle), args.room, state))?;
    let state = done.session.state();
    let open: Vec<&Finding> = state.findings.iter().filter(|f| f.closed.is_none()).collect();
    if open.is_empty() {
        color_eyre::eyre::bail!("no finding is open, so there is nothing to ask; f files one in the console");
    }
    let allowed = |f: &Finding| args.allow_quotes.contains(&f.id);
    let asked: Vec<&Finding> = open.iter().copied().filter(|f| !allowed(f)).collect();
    let quotes = quotes(&done, &asked);
    if !quotes.is_empty() {
        let mut out = quotes.join("");
        out.push_str("refused: nothing was written. Reword them (E in Findings), or name them with --allow-quotes\n");
        print(&out)?;
        return Ok(Outcome::Differs);
    }
    let about = about(&done.facts);
    let mut sheet = serde_json::to_vec_pretty(&review::sheet(&about, state))?;
    sheet.push(b'\n');
    write_whole(&args.output, &sheet).map_err(|e| color_eyre::eyre::eyre!(e))?;
    let text = review::sheet_text(&about, state);
    print(&format!("{text}\nwrote {} ({} bytes)\n", Shown::new(&args.output.to_string_lossy()), sheet.len()))?;
    Ok(Outcome::Well)
}

pub(super) fn about(facts: &Facts) -> About {
    let release = &facts.release;
    About {
        product: release.product.shown().to_string(),
        version: release.version.shown().to_string(),
        bundle: release.identity.digest.map(|d| d.to_string()).unwrap_or_default(),
    }
}

/// Which findings quote a line of the sources or a row of disassembly, each with where: a line each.
fn quotes(done: &Headless, findings: &[&Finding]) -> Vec<String> {
    let line = |finding: &Finding, what: String| format!("{} {what}: its words must not leave\n", Shown::new(&finding.id));
    let typed =
        findings.iter().filter_map(|f| Some(line(f, format!("reads as disassembly ({})", Shown::new(&disassembly(&f.title)?).cut(40)))));
    let mut out: Vec<String> = typed.collect();
    let mut finder = Finder::new(findings.iter().map(|f| f.title.as_str()));
    if finder.is_empty() {
        return out;
    }
    for (first, tree) in done.facts.sources() {
        for number in first..first + tree.entries.len() {
            let Some(path) = done.facts.source_path(number) else { continue };
            if let Ok(bytes) = done.session.read_source(&path) {
                finder.look(path.shown().as_str(), &bytes);
            }
        }
    }
    let found = finder.found().into_iter();
    out.extend(found.filter_map(|q| Some(line(findings.get(q.text)?, format!("quotes {}:{}", q.path, q.line)))));
    out
}
