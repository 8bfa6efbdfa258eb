//! `countersign compare`: two files or directories.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use color_eyre::eyre::bail;
use serde_json::json;

use super::show::paper::PaperForm;
use super::{Outcome, print, printed};
use crate::model::{FunctionDiff, Listing, Node, Place, ResultMark, View, clusters, visit};
use crate::report::paper::{About, Form, Paper, all_of};
use crate::report::{self, Detail, Document};
use crate::session::seal::Needs;
use crate::session::{Compared, compare_paths, load_policy};
use crate::text::Shown;

/// Candidates that an error names.
const CANDIDATES: usize = 8;

/// Arguments of `compare`.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// What was shipped.
    a: PathBuf,
    /// What was rebuilt.
    b: PathBuf,
    /// The source under review, at a commit: a git repository or bundle; or an archive or plain directory, without one.
    #[arg(long, value_name = "REPO[@COMMIT]")]
    source: Option<String>,
    /// Separate debug information: a file or a directory of such files; may be given several times.
    #[arg(long, value_name = "FILE")]
    debug: Vec<PathBuf>,
    /// Where indexed sources are kept.
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// The room's policy: only its bounds ([limits]) count here.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// How to print.
    #[arg(long, value_enum, value_name = "FORM", default_value = "text")]
    format: PaperForm,
    /// HTML: put lines of text, instructions and strings into the report. Its head says so; without this it has none of them.
    #[arg(long)]
    with_source: bool,
    /// Print everything, however long it is.
    #[arg(long)]
    all: bool,
    /// Print the differing rows of one file or member: its path as printed, or the end of it.
    #[arg(long, value_name = "MEMBER")]
    path: Option<String>,
    /// Print the instructions of one differing function side by side: its name, or an address in it.
    #[arg(long, value_name = "NAME|ADDRESS")]
    function: Option<String>,
    /// How to look at that place.
    #[arg(long, value_enum)]
    view: Option<Look>,
}

impl CompareArgs {
    /// What it reads, and where it keeps indexed sources: nothing is written without one.
    pub(super) fn needs(&self) -> Needs {
        let mut needs = Needs::reading([&self.a, &self.b].into_iter().chain(&self.debug).chain(&self.policy).map(PathBuf::as_path));
        let Some(source) = &self.source else { return needs };
        // A path may hold an '@' itself; what is not there is passed over.
        let path = source.rsplit_once('@').map_or(source.as_str(), |(path, _)| path);
        needs.read.extend([PathBuf::from(source), PathBuf::from(path)]);
        needs.and_state(self.state.as_deref())
    }
}

/// The views of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Look {
    /// Instructions.
    Asm,
    /// Bytes.
    Bytes,
    /// Strings that only one side has.
    Strings,
    /// Sections with their accounts.
    Sections,
    /// Lines of text.
    Lines,
}

impl Look {
    fn view(self) -> View {
        match self {
            Self::Asm => View::Asm,
            Self::Bytes => View::Bytes,
            Self::Strings => View::Strings,
            Self::Sections => View::Sections,
            Self::Lines => View::Lines,
        }
    }
}

pub(super) fn run(args: &CompareArgs) -> color_eyre::Result<Outcome> {
    let place = args.path.is_some() || args.function.is_some() || args.view.is_some();
    if place && args.format != PaperForm::Text {
        bail!("--path, --function and --view print rows as text: leave out --format");
    }
    if args.with_source && args.format != PaperForm::Html {
        bail!("--with-source is for --format html: text and JSON say what differs in sentences, and --function prints the rows");
    }
    let terminal = std::io::stderr().is_terminal();
    let told = |text: &str| {
        if terminal {
            let mut err = std::io::stderr().lock();
            let _ = write!(err, "\r\x1b[K{text}").and_then(|()| err.flush());
        }
    };
    let limits = args.policy.as_deref().map(load_policy).transpose()?.map(|(policy, _)| policy.limits).unwrap_or_default();
    let done = compare_paths(&args.a, &args.b, args.source.as_deref(), &args.debug, args.state.as_deref(), &limits, &told);
    told("");
    let Compared { node, stopped } = done?;
    let node = Arc::new(node);
    match args.format {
        PaperForm::Text if place => print(&place_text(&node, args)?)?,
        PaperForm::Text => {
            let mut out = String::new();
            if stopped {
                out.push_str("STOPPED: what is known so far\n");
            }
            report::summary(&node, if args.all { Detail::All } else { Detail::Short }, &mut out);
            print(&out)?;
        }
        PaperForm::Json => printed(document(&node))?,
        form @ PaperForm::Html => form.print(&page(&node, stopped, args))?,
    }
    let equal = node.result.is_equal();
    // The program ends here: what is held of large files goes with it, and not piece by piece while somebody waits.
    std::mem::forget(node);
    if stopped {
        bail!("stopped before everything was compared");
    }
    Ok(if equal { Outcome::Well } else { Outcome::Differs })
}

/// The report to hand out.
fn page(root: &Arc<Node>, stopped: bool, args: &CompareArgs) -> String {
    let more = if stopped { "; STOPPED: what is known so far" } else { "" };
    let list = if args.all { "" } else { ", what is not identical (--all: everything)" };
    let mut about = About { view: format!("compare: two paths{list}{more}"), ..About::default() };
    let mut files = all_of(root);
    if !args.all {
        let all = files.len();
        // The root is there in any case: its result is that of all.
        files.retain(|f| f.path.is_empty() || f.node().is_none_or(|n| n.result != ResultMark::Identical));
        about.hidden.insert('=', all - files.len());
    }
    Paper { about, files, with_source: args.with_source }.write(Form::Html, &|_, _| None)
}

fn document(root: &Node) -> std::io::Result<()> {
    let mut out = Document::new(std::io::BufWriter::new(std::io::stdout().lock()))?;
    out.field("schema", &json!("countersign-comparison/v1"))?;
    out.field("result", &json!(root.result.word()))?;
    out.field("account", &report::accounts(&root.total_account()))?;
    out.list("clusters", clusters([(0, root)]).iter().filter(|c| c.places.len() > 1).map(report::cluster))?;
    out.list("functions", report::functions(root))?;
    out.list("nodes", report::node_list(root))?;
    out.finish()
}

/// The rows of the place that was asked for.
fn place_text(root: &Node, args: &CompareArgs) -> color_eyre::Result<String> {
    let mut out = String::new();
    let nodes = chosen(root, args.path.as_deref())?;
    let view = args.view.map(Look::view);
    let Some(wanted) = &args.function else {
        let [(node, name)] = nodes.as_slice() else {
            bail!("the comparison has {} files: say which with --path", nodes.len());
        };
        report::head(node, name, &mut out);
        report::details(node, "    ", if args.all { Detail::All } else { Detail::Short }, &mut out);
        let listing = match view {
            Some(view) => Some(listing(node, Place::Whole, view)?),
            None => report::best_listing(node),
        };
        match listing {
            Some(listing) => report::listing(&listing, &mut out),
            None => out.push_str("there are no rows: nothing differs here, it has one side only, or it was too large to keep\n"),
        }
        return Ok(out);
    };
    let mut found = Vec::new();
    for (node, name) in &nodes {
        found.extend(node.functions.iter().enumerate().filter(|(_, f)| is_function(f, wanted)).map(|(i, f)| (*node, name, i, f)));
    }
    let Some((node, name, index, function)) = found.first() else {
        bail!("no differing function is called {} or holds that address", Shown::new(wanted));
    };
    if found.len() > 1 {
        let _ = writeln!(out, "{} functions fit; this is the first, in {name} (--path chooses the file)", found.len());
    }
    let _ = writeln!(out, "{} {} in {name}  {}", function.result.mark(), function.name.shown(), function.what);
    let best = if node.evidence.as_ref().is_some_and(|e| e.views().contains(&View::Asm)) { View::Asm } else { View::Bytes };
    report::listing(&listing(node, Place::Function(*index), view.unwrap_or(best))?, &mut out);
    Ok(out)
}

fn listing(node: &Node, place: Place, view: View) -> color_eyre::Result<Listing> {
    let Some(evidence) = &node.evidence else { bail!("there are no rows: nothing differs here, or it was too large to keep") };
    if !evidence.views().contains(&view) {
        bail!("{} has no such view", node.name.shown());
    }
    Ok(evidence.listing(place, view))
}

fn is_function(function: &FunctionDiff, wanted: &str) -> bool {
    if function.name.as_bytes() == wanted.as_bytes() {
        return true;
    }
    let Ok(address) = u64::from_str_radix(wanted.trim_start_matches("0x"), 16) else { return false };
    let holds = |e: &crate::model::Extent| e.address == address || (e.address..e.address.saturating_add(e.size)).contains(&address);
    function.extent.shipped.as_ref().is_some_and(holds) || function.extent.rebuilt.as_ref().is_some_and(holds)
}

/// The nodes of that path: whole, or its end after `!` or `/`. Without one, all that have something to look at.
fn chosen<'a>(root: &'a Node, wanted: Option<&str>) -> color_eyre::Result<Vec<(&'a Node, String)>> {
    let mut exact = Vec::new();
    let mut ends = Vec::new();
    visit(root, &mut |node, path, name| match wanted {
        None if path.is_empty() && node.children.is_empty() || node.evidence.is_some() => exact.push((node, name.to_owned())),
        Some(wanted) if name == wanted => exact.push((node, name.to_owned())),
        Some(wanted) => {
            let before = name.strip_suffix(wanted);
            if before.is_some_and(|b| b.ends_with(['!', '/'])) {
                ends.push((node, name.to_owned()));
            }
        }
        None => {}
    });
    if wanted.is_none() || !exact.is_empty() {
        return Ok(exact);
    }
    let wanted = Shown::new(wanted.unwrap_or_default());
    match ends.len() {
        0 => bail!("nothing in the comparison is called {wanted}"),
        1 => Ok(ends),
        n => {
            let names: Vec<&str> = ends.iter().take(CANDIDATES).map(|(_, name)| name.as_str()).collect();
            bail!("{n} paths end in {wanted}: {}", names.join(", "))
        }
    }
}
