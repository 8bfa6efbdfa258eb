//! `countersign show`: the text twin of each screen.

pub(super) mod paper;
mod past;
mod source;

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{BeforeArgs, Outcome, RoomArgs, StateArgs, check, options, print};
use crate::checks::{self, Facts, Verdict};
use crate::model::Outcome as Answered;
use crate::report;
use crate::review::{self, Body, Class, Item, State, Target};
use crate::session::{Headless, Options, run_headless, text_twins_count};
use crate::text::{Shown, Untrusted};

use crate::report::rows::Printed;

/// The screens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Screen {
    /// Does what was shipped match the source under review? And what is left to review.
    Overview,
    /// The source tree; with an ITEM, that file.
    Source,
    /// The attestations and the chain.
    Provenance,
    /// The artifacts with their digests.
    Artifacts,
    /// The differences; with an ITEM, that one row by row.
    Compare,
    /// The checklist, findings and notes.
    Findings,
    /// What stands in the way of an approval.
    Signoff,
}

/// Arguments of `show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// A directory, a .tar or a .tar.zst.
    pub(super) bundle: PathBuf,
    /// Which screen.
    #[arg(value_enum)]
    screen: Screen,
    /// An item's id or number (compare), or a path of the source tree (source).
    item: Option<String>,
    #[command(flatten)]
    past: past::PastArgs,
    #[command(flatten)]
    paper: paper::PaperArgs,
    #[command(flatten)]
    pub(super) room: RoomArgs,
    #[command(flatten)]
    pub(super) before: BeforeArgs,
    /// The folder that keeps reviews and indexed sources.
    #[arg(long, value_name = "DIR")]
    pub(super) state: Option<PathBuf>,
    /// Who reviews, where the policy counts what is printed as shown; the login name when not given.
    #[arg(long, value_name = "NAME")]
    reviewer: Option<String>,
}

pub(super) fn run(args: ShowArgs) -> color_eyre::Result<Outcome> {
    if args.past.is_any() && (args.screen != Screen::Source || args.item.is_none()) {
        color_eyre::eyre::bail!("--history, --blame and --since are of one source file: `countersign show BUNDLE source PATH --blame`");
    }
    let state = StateArgs { state: args.state, reviewer: args.reviewer, read_only: true, ..StateArgs::default() };
    let asked = args.before.previous.is_some();
    let mut options =
        Options { previous: args.before.previous, dossier: args.before.dossier, ..options(Some(args.bundle), args.room, state) };
    // A report is for others: nobody read it here.
    let counts = !args.paper.is_asked() && text_twins_count(&options)?;
    options.read_only = !counts;
    let mut done = run_headless(options)?;
    if let Some(why) = done.session.not_carried().filter(|_| asked) {
        color_eyre::eyre::bail!("nothing can be carried over: {why}");
    }
    let items = review::changed_first(review::queue(&done.facts, done.session.policy()), done.session.state());
    if args.paper.is_asked() {
        args.paper.print(&done, &items, args.screen, args.item.as_deref())?;
        return Ok(Outcome::Well);
    }
    let mut out = check::heading(&done.facts);
    let mut printed = None;
    match args.screen {
        Screen::Overview => overview(&done, &items, &mut out),
        Screen::Source => source(&done, args.item.as_deref(), &args.past, &mut out)?,
        Screen::Provenance => provenance(&done.facts, &mut out),
        Screen::Artifacts => artifacts(&done.facts, &mut out),
        Screen::Compare => printed = compare(&done.facts, &items, args.item.as_deref(), &mut out)?,
        Screen::Findings => findings(&done, done.session.state(), &mut out),
        Screen::Signoff => signoff(&done, &items, &mut out),
    }
    print(&out)?;
    // Of a file that was not printed no line was shown.
    if counts && args.past.shows_the_file() {
        count(&mut done, &items, args.screen, args.item.as_deref(), printed)?;
    }
    Ok(Outcome::Well)
}

/// Writes into the journal that what was printed was shown, as text: a source file, the rows of one difference, the answers
/// of the attestations.
fn count(done: &mut Headless, items: &[Item], screen: Screen, wanted: Option<&str>, printed: Option<Printed>) -> color_eyre::Result<()> {
    let mut bodies = Vec::new();
    match (screen, wanted) {
        (Screen::Source, Some(path)) => bodies.extend(read_as_text(done, path)),
        (Screen::Compare, Some(wanted)) => {
            bodies.extend(find_item(items, wanted).zip(printed).map(|(item, p)| shown(item, p.differences, p.of)));
        }
        (Screen::Provenance, _) => bodies.extend(items.iter().filter_map(|item| match item.target {
            Target::Attestation { .. } | Target::Chain(_) => Some(shown(item, vec![0], 1)),
            _ => None,
        })),
        _ => {}
    }
    for body in bodies {
        done.session.record(body).map_err(|why| color_eyre::eyre::eyre!("printed, and not counted as shown: {why}"))?;
    }
    Ok(())
}

fn shown(item: &Item, differences: Vec<u32>, of: u32) -> Body {
    Body::Shown { item: item.id.clone(), digest: item.digest.clone(), differences, of, text: true }
}

fn read_as_text(done: &Headless, path: &str) -> Option<Body> {
    let tree = done.facts.source.as_ref()?;
    let index = tree.find(&Untrusted::from(path))?;
    let entry = tree.entries.get(index)?;
    let of = done.facts.source_lines.as_ref()?.get(index).copied().flatten().filter(|n| *n > 0)?;
    Some(Body::Read { path: entry.path.shown().to_string(), blob: entry.id.clone(), from: 1, to: of, of, text: true })
}

fn find_item<'a>(items: &'a [Item], wanted: &str) -> Option<&'a Item> {
    let number = wanted.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
    items.iter().enumerate().find(|(i, item)| item.id == wanted || Some(*i) == number).map(|(_, item)| item)
}

fn node_of<'a>(facts: &'a Facts, item: &Item) -> Option<&'a crate::model::Node> {
    let (artifact, path) = match &item.target {
        Target::Compare { artifact, path } => (*artifact, path),
        Target::Cluster(places) => places.first().map(|first| (first.root, &first.path))?,
        _ => return None,
    };
    facts.comparisons.get(artifact)?.as_ref()?.at(path)
}

fn overview(done: &Headless, items: &[Item], out: &mut String) {
    let groups = checks::groups(&done.facts);
    let verdict = match groups.iter().map(|g| g.verdict).max() {
        Some(Verdict::Pass | Verdict::Explained) => "MATCHES",
        Some(Verdict::Fail) => "DOES NOT MATCH",
        _ => "CANNOT TELL",
    };
    let _ = writeln!(out, "Does what was shipped match the source under review? {verdict}");
    for group in &groups {
        let _ = writeln!(out, "{} {:<18} {:<10} {}", group.verdict.mark(), group.group.name(), group.verdict.word(), group.detail);
    }
    check::queue_text(items, done.session.state(), out);
}

fn source(done: &Headless, path: Option<&str>, past: &past::PastArgs, out: &mut String) -> color_eyre::Result<()> {
    if done.facts.sources().next().is_none() {
        color_eyre::eyre::bail!("the bundle has no source that can be read; `countersign check` says why");
    }
    let Some(path) = path else {
        source::list(&done.facts, done.session.state(), out);
        return Ok(());
    };
    let bytes = done.session.read_source(&Untrusted::from(path)).map_err(|e| color_eyre::eyre::eyre!("{path}: {e}"))?;
    if past::of_file(done, past, &Untrusted::from(path), &bytes, out)? {
        return Ok(());
    }
    for (n, line) in bytes.split(|b| *b == b'\n').enumerate() {
        let _ = writeln!(out, "{:>5}  {}", n + 1, Shown::of_line(line));
    }
    source::of_file(done, &Untrusted::from(path), &bytes, out);
    built_into(&done.facts, &Untrusted::from(path), out);
    Ok(())
}

/// What became of a source file: the executables and functions that hold code of it, as debug information claims.
fn built_into(facts: &Facts, path: &Untrusted, out: &mut String) {
    let mut any = false;
    for root in facts.comparisons.iter().flatten() {
        for built in crate::model::built_into(root, path) {
            any = true;
            let mut way = root.name.shown().to_string();
            let mut node = Some(&**root);
            for i in &built.path {
                node = node.and_then(|n| n.children.get(*i));
                way.push_str(&node.map_or_else(String::new, |n| format!("!{}", n.name.shown())));
            }
            let differing = built.uses.iter().filter(|u| !u.result.is_equal()).count();
            let _ = writeln!(out, "built into {way}  {} functions, {differing} of them differ", built.uses.len());
            for each in built.uses {
                let address = |a: Option<u64>| a.map_or_else(|| "-".to_owned(), |a| format!("{a:x}"));
                let (a, b) = (address(each.address.shipped), address(each.address.rebuilt));
                let (first, last) = each.lines;
                let _ = writeln!(out, "  {} {}  {a} | {b}  lines {first}-{last}", each.result.mark(), each.function.shown());
            }
        }
    }
    if !any {
        out.push_str("built into: no debug information in the artifacts names it (packages that are identical are not opened)\n");
    }
}

fn provenance(facts: &Facts, out: &mut String) {
    for attestation in facts.attestations.iter().flatten() {
        let line = attestation.line.map_or_else(String::new, |l| format!(":{l}"));
        let _ = writeln!(out, "{}{line}  {}", attestation.file.shown(), attestation.kind);
        for (word, value) in [
            ("builder", &attestation.builder),
            ("build type", &attestation.build_type),
            ("started", &attestation.started),
            ("finished", &attestation.finished),
        ] {
            if let Some(value) = value {
                let _ = writeln!(out, "    {word:<10} {}", value.shown());
            }
        }
        for answer in &attestation.answers {
            let mark = match answer.outcome {
                Answered::Yes => '=',
                Answered::No => '!',
                Answered::CannotTell => '?',
            };
            let _ = writeln!(out, "  {mark} {:<10} {}", answer.question.word(), answer.reason);
        }
    }
    for link in &facts.chain {
        let _ = writeln!(out, "{:<22} {:<8} {}", link.name, link.standing.word(), link.why);
        for clue in &link.evidence {
            let _ = writeln!(out, "    {}", clue.text);
        }
    }
    for check in checks::run(facts).iter().filter(|c| matches!(c.code.group, checks::Group::Provenance | checks::Group::Dependencies)) {
        let _ = writeln!(out, "{} {:<10} {:<22} {}", check.verdict.mark(), check.verdict.word(), check.code.code, check.why);
    }
    check::offers_text(facts, out);
}

fn artifacts(facts: &Facts, out: &mut String) {
    for (artifact, node) in facts.release.artifacts.iter().zip(&facts.comparisons) {
        let digest = |id| facts.sha256(id).map_or_else(|| "-".to_owned(), |d| d.to_string());
        let mark = node.as_ref().map_or('?', |n| n.result.mark());
        let _ = writeln!(out, "{mark} {}", artifact.name.shown());
        if let Some(id) = artifact.shipped {
            let _ = writeln!(out, "    shipped {}", digest(id));
        }
        for rebuild in &artifact.rebuilt {
            let by = rebuild.by.as_ref().map_or_else(String::new, |b| format!("  by {}", b.shown()));
            let _ = writeln!(out, "    rebuilt {}{by}", digest(rebuild.file));
        }
        if let Some(node) = node {
            report::one(node, out);
        }
    }
}

/// What was printed of one item's differences, where it is one.
fn compare(facts: &Facts, items: &[Item], wanted: Option<&str>, out: &mut String) -> color_eyre::Result<Option<Printed>> {
    let Some(wanted) = wanted else {
        for node in facts.comparisons.iter().flatten() {
            report::one(node, out);
        }
        return Ok(None);
    };
    let Some(item) = find_item(items, wanted) else {
        color_eyre::eyre::bail!("no item is called {wanted}; `countersign show BUNDLE overview` lists them");
    };
    let _ = writeln!(out, "{} {}  {}", item.mark, item.title.shown(), item.why);
    if let Target::Cluster(places) = &item.target {
        for spot in places.iter() {
            let _ = writeln!(out, "  & {}", spot.name);
        }
    }
    let Some(node) = node_of(facts, item) else { return Ok(None) };
    report::head(node, &item.title.shown().to_string(), out);
    report::details(node, "    ", report::Detail::All, out);
    let printed = report::rows::print(node, out);
    Ok(Some(match &item.target {
        // A fact about the toolchain is in each of these files, and they are listed above.
        Target::Cluster(places) if item.class == Class::Toolchain => Printed::all(places.len()),
        _ => printed,
    }))
}

fn findings(done: &Headless, state: &State, out: &mut String) {
    for question in &done.session.policy().checklist {
        let answer = state.answers.get(&question.id).map_or("   ", String::as_str);
        let _ = writeln!(
            out,
            "[{answer:<3}] {}  {}",
            Untrusted::from(question.id.as_str()).shown(),
            Untrusted::from(question.question.as_str()).shown()
        );
    }
    for finding in &state.findings {
        let standing = if finding.closed.is_some() { finding.standing() } else { "OPEN" };
        let _ = writeln!(out, "{} {standing} ({})  {}", Shown::new(&finding.id), finding.severity.word(), Shown::new(&finding.title));
        for line in finding.at.lines() {
            let _ = writeln!(out, "    {line}");
        }
        if let Some(reason) = &finding.closed {
            let _ = writeln!(out, "    {standing}: {}", Shown::new(reason));
        }
        for reply in &finding.replies {
            let _ = writeln!(out, "    {} ({}) claims: {}", Shown::new(&reply.who), Shown::new(&reply.key), Shown::new(&reply.text));
        }
    }
    for note in &state.notes {
        let _ = writeln!(out, "note  {}", Shown::new(&note.text));
        for line in note.at.lines() {
            let _ = writeln!(out, "    {line}");
        }
    }
}

fn signoff(done: &Headless, items: &[Item], out: &mut String) {
    let state = done.session.state();
    for blocker in state.blockers(&done.facts, done.session.policy(), items) {
        let _ = writeln!(out, "[{}] {}", if blocker.done { 'x' } else { ' ' }, blocker.what);
    }
    let coverage = review::coverage(&done.facts, items, state);
    check::coverage_text(&coverage, out);
    for missed in &coverage.missed {
        let _ = writeln!(out, "  {missed}");
    }
    for (payload, decision) in &state.signed {
        let _ = writeln!(out, "signed {} sha256:{payload}", decision.word());
    }
}
