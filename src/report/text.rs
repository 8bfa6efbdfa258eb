//! Comparisons as text. What a reader must read to find the one difference is a screen: the verdict, then what differs with
//! the worst first, equal differences once. Whatever is left out is counted, and `--all` prints it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::share;
use crate::model::{
    Account, Cause, Cluster, Concern, Extent, FunctionDiff, Node, NodeKind, Place, ResultMark, Side, SourceStatus, Spot, View, clusters,
    concern, visit,
};
use crate::text::{Shown, Untrusted};

/// How much is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    /// What fits a screen or two; the rest is counted.
    Short,
    /// Everything.
    All,
}

impl Detail {
    /// How many of something are told.
    fn most(self, short: usize) -> usize {
        if self == Self::All { usize::MAX } else { short }
    }
}

const DIFFERENCES: usize = 12;
const FUNCTIONS: usize = 10;
const PROOFS: usize = 3;
const FACTS: usize = 6;
const REGIONS: usize = 6;
const PLACES: usize = 4;
const EXPLAINED: usize = 6;
const SENTENCES: usize = 6;
const LINES: usize = 3;

fn files(n: usize) -> String {
    if n == 1 { "1 file".to_owned() } else { format!("{n} files") }
}

/// What is to be judged in these comparisons, as sentences of one line each: equal differences first.
pub(crate) fn all<'a>(roots: impl IntoIterator<Item = &'a Node>, out: &mut String) {
    let roots: Vec<&Node> = roots.into_iter().collect();
    let mut found = clusters(roots.iter().copied().enumerate());
    found.sort_by_key(|c| c.places.len() < 2);
    for cluster in &found {
        let place = cluster.places.first().map_or("", |p| p.name.as_str());
        if cluster.places.len() > 1 {
            let _ = writeln!(out, "{} {}: {}  [{}]", cluster.result.mark(), files(cluster.places.len()), cluster.what, short(cluster));
        } else {
            let _ = writeln!(out, "{} {place}  {}", cluster.result.mark(), cluster.what);
        }
    }
    let mut by_cause: BTreeMap<Cause, usize> = BTreeMap::new();
    for root in &roots {
        root.walk(&mut |trail| {
            let mut causes: Vec<Cause> = trail.last().map(|n| n.proofs.iter().map(|p| p.cause).collect()).unwrap_or_default();
            causes.sort_unstable();
            causes.dedup();
            for cause in causes {
                *by_cause.entry(cause).or_default() += 1;
            }
        });
    }
    for (cause, n) in by_cause {
        let _ = writeln!(out, "~ {cause} in {}: undone byte for byte", files(n));
    }
}

fn short(cluster: &Cluster) -> String {
    let names: Vec<&str> = cluster.places.iter().take(PLACES).map(|p| p.name.as_str()).collect();
    let more = cluster.places.len() - names.len();
    if more > 0 { format!("{} and {more} more", names.join(", ")) } else { names.join(", ") }
}

/// The whole comparison: verdict, what differs, what is explained, the account.
pub(crate) fn summary(root: &Node, detail: Detail, out: &mut String) {
    let found = clusters([(0, root)]);
    let count: usize = found.iter().filter(|c| c.concern != Concern::Toolchain).map(|c| c.places.len()).sum();
    verdict(root, &found, out);
    for cluster in found.iter().filter(|c| c.concern == Concern::Toolchain) {
        let _ = writeln!(out, "! look at the toolchain first, in {}: {}", files(cluster.places.len()), cluster.what);
        places(cluster, detail, out);
    }
    let mut told: Vec<(&Cluster, &Node, &Spot)> = Vec::new();
    for cluster in found.iter().filter(|c| c.concern != Concern::Toolchain) {
        let several = if detail == Detail::All { cluster.places.len() } else { 1 };
        told.extend(cluster.places.iter().take(several).filter_map(|spot| Some((cluster, root.at(&spot.path)?, spot))));
    }
    // By concern, then what most files have in common, then by name: never by the order of the supplier.
    told.sort_by(|(a, _, x), (b, _, y)| (a.concern, b.places.len(), &x.name).cmp(&(b.concern, a.places.len(), &y.name)));
    for (cluster, node, spot) in told.iter().take(detail.most(DIFFERENCES)) {
        if count == 1 {
            // The verdict has said why already.
            first_line(node, &spot.name, out);
        } else {
            head(node, &spot.name, out);
        }
        details(node, "    ", detail, out);
        if cluster.places.len() > 1 {
            let _ = writeln!(out, "    & all that differs here is the same in {}", files(cluster.places.len()));
            places(cluster, detail, out);
        }
    }
    let hidden: usize = told.iter().skip(detail.most(DIFFERENCES)).map(|(c, ..)| c.places.len()).sum();
    if hidden > 0 {
        let _ = writeln!(out, "  {hidden} more places differ in {} more ways (--all)", told.len().saturating_sub(DIFFERENCES));
    }
    explained(root, detail, out);
    share::of_identical(root, detail, out);
    accounts(root, out);
}

fn places(cluster: &Cluster, detail: Detail, out: &mut String) {
    for spot in cluster.places.iter().take(detail.most(PLACES)) {
        let _ = writeln!(out, "        {}", spot.name);
    }
    let more = cluster.places.len().saturating_sub(detail.most(PLACES));
    if more > 0 {
        let _ = writeln!(out, "        and {more} more (--all)");
    }
}

fn verdict(root: &Node, found: &[Cluster], out: &mut String) {
    let own: Vec<&Cluster> = found.iter().filter(|c| c.concern != Concern::Toolchain).collect();
    let count: usize = own.iter().map(|c| c.places.len()).sum();
    let mut leaves = 0;
    root.walk(&mut |trail| leaves += usize::from(trail.last().is_some_and(|n| n.children.is_empty())));
    let _ = match root.result {
        ResultMark::Identical => writeln!(out, "IDENTICAL: the same bytes on both sides"),
        ResultMark::Equivalent => writeln!(out, "EQUIVALENT: every differing byte is explained by a proof"),
        ResultMark::NotExamined if count <= 1 && root.children.is_empty() => writeln!(out, "NOT EXAMINED: {}", root.why),
        _ => {
            let what = match own.first() {
                Some(first) if count == 1 => {
                    let spot = first.places.first();
                    let why = spot.and_then(|s| root.at(&s.path)).map_or("", |n| n.why.as_str());
                    format!("{}: {why}", spot.map_or("", |p| p.name.as_str()))
                }
                _ if leaves > 1 => {
                    let ways = if own.len() == count { String::new() } else { format!(", in {} ways", own.len()) };
                    format!("{count} places of {leaves} are to be looked at{ways}")
                }
                _ => root.why.clone(),
            };
            writeln!(out, "{}: {what}", if root.result == ResultMark::NotExamined { "NOT EXAMINED" } else { "DIFFERENT" })
        }
    };
}

/// The first lines of a node: what it is, and why it has its result.
pub(crate) fn head(node: &Node, name: &str, out: &mut String) {
    first_line(node, name, out);
    if !node.why.is_empty() && node.result != ResultMark::Identical {
        let _ = writeln!(out, "    {}", node.why);
    }
}

fn first_line(node: &Node, name: &str, out: &mut String) {
    let size = |side: Side| node.size.get(side).map_or_else(|| "-".to_owned(), |s| s.to_string());
    let sizes = if node.size.shipped == node.size.rebuilt {
        size(Side::Shipped)
    } else {
        format!("{} | {}", size(Side::Shipped), size(Side::Rebuilt))
    };
    let _ = writeln!(out, "{} {name}  {}  {sizes} bytes  {}", node.result.mark(), node.kind.word(), node.result.word());
}

/// A node of a bundle with what is known of it and of all below it that differs.
pub(crate) fn one(root: &Node, out: &mut String) {
    visit(root, &mut |node, path, name| {
        if path.is_empty() || concern(node).is_some() {
            head(node, name, out);
            details(node, "    ", Detail::Short, out);
        }
    });
    explained(root, Detail::Short, out);
    share::of_identical(root, Detail::Short, out);
    accounts(root, out);
}

/// What is explained and nothing else: the causes, and with everything told each file.
fn explained(root: &Node, detail: Detail, out: &mut String) {
    let mut all: Vec<(&Node, String)> = Vec::new();
    let mut same = 0usize;
    visit(root, &mut |node, _, name| {
        if concern(node).is_none() && (!node.proofs.is_empty() || !node.tried.is_empty()) {
            all.push((node, name.to_owned()));
        }
        same += usize::from(node.result == ResultMark::Identical && node.children.is_empty());
    });
    for (node, name) in all.iter().take(detail.most(EXPLAINED)) {
        head(node, name, out);
        details(node, "    ", detail, out);
    }
    let mut rest: BTreeMap<Cause, usize> = BTreeMap::new();
    for (node, _) in all.iter().skip(detail.most(EXPLAINED)) {
        let mut causes: Vec<Cause> = node.proofs.iter().map(|p| p.cause).collect();
        causes.sort_unstable();
        causes.dedup();
        for cause in causes {
            *rest.entry(cause).or_default() += 1;
        }
    }
    if !rest.is_empty() {
        let causes: Vec<String> = rest.iter().map(|(c, n)| format!("{c} in {}", files(*n))).collect();
        let _ = writeln!(out, "~ {} more explained: {} (--all)", files(all.len() - EXPLAINED), causes.join(", "));
    }
    if same > 0 && !root.children.is_empty() {
        let _ = writeln!(out, "= {} identical", files(same));
    }
}

fn accounts(root: &Node, out: &mut String) {
    let total = root.total_account();
    for (word, account) in [("shipped", &total.shipped), ("rebuilt", &total.rebuilt)] {
        let Account { identical, unexplained, .. } = account;
        let causes: Vec<String> = account.explained.iter().map(|(c, n)| format!("{c} {n}")).collect();
        let causes = if causes.is_empty() { String::new() } else { format!(" ({})", causes.join(", ")) };
        let explained = account.explained_total();
        let _ = writeln!(out, "{word}: {identical} bytes identical, {explained} explained{causes}, {unexplained} unexplained");
    }
}

/// What is known of a node: why, metadata, functions, regions, causes, what was tried, facts.
pub(crate) fn details(node: &Node, indent: &str, detail: Detail, out: &mut String) {
    if node.result == ResultMark::Identical {
        return;
    }
    for line in node.metadata.iter().take(detail.most(SENTENCES)).filter(|l| !node.why.contains(l.as_str())) {
        let _ = writeln!(out, "{indent}! {line}");
    }
    left(node.metadata.len(), detail.most(SENTENCES), "sentences on metadata", indent, out);
    lines(node, indent, detail, out);
    functions(node, indent, detail, out);
    let regions: Vec<_> = node.regions.iter().filter(|r| !r.result.is_equal()).collect();
    for region in regions.iter().take(detail.most(REGIONS)) {
        let (mark, name) = (region.result.mark(), region.name.shown());
        let (a, b) = (region.account.shipped.unexplained, region.account.rebuilt.unexplained);
        let _ = writeln!(out, "{indent}{mark} {name}  {a} | {b} bytes unexplained");
    }
    left(regions.len(), detail.most(REGIONS), "sections differ", indent, out);
    proofs(node, indent, detail, out);
    for tried in &node.tried {
        let _ = writeln!(out, "{indent}  not {}: {}", tried.cause, tried.why);
    }
    let mut facts: Vec<_> = node.facts.iter().filter(|f| !f.agrees()).collect();
    facts.sort_by_key(|f| (!f.lost, !f.points_at_loading(), !f.points_at_toolchain()));
    for fact in facts.iter().take(detail.most(FACTS)) {
        let look = match fact {
            f if f.lost => "  <- LOST in what was shipped",
            f if f.points_at_loading() => "  <- look here first",
            f if f.points_at_toolchain() => "  <- look at the toolchain first",
            _ => "",
        };
        let values = if detail == Detail::All {
            let side = |v: &Option<Untrusted>| v.as_ref().map_or_else(|| Shown::new("(none)"), Untrusted::shown).to_string();
            fact.value.as_ref().map(side)
        } else {
            fact.differing()
        };
        let _ = writeln!(out, "{indent}  {}: {} | {}{look}", fact.name, values.shipped, values.rebuilt);
    }
    left(facts.len(), detail.most(FACTS), "facts differ", indent, out);
    if let Some(built) = &node.built_from {
        share::text(built, indent, detail, out);
    }
}

/// The first lines that differ, as `diff` shows them.
fn lines(node: &Node, indent: &str, detail: Detail, out: &mut String) {
    let Some(evidence) = node.evidence.as_ref().filter(|e| node.kind == NodeKind::Text && e.views().contains(&View::Lines)) else { return };
    let listing = evidence.listing(Place::Whole, View::Lines);
    let differing: Vec<_> = listing.rows.iter().filter(|r| r.mark.is_difference()).collect();
    for row in differing.iter().take(detail.most(LINES)) {
        for (sign, cell) in [('<', &row.cells.shipped), ('>', &row.cells.rebuilt)] {
            if let Some(cell) = cell {
                let _ = writeln!(out, "{indent}{:>5} {sign} {}", cell.number, Shown::new(&cell.text.plain()).cut(110));
            }
        }
    }
    left(differing.len(), detail.most(LINES), "lines differ", indent, out);
}

fn left(all: usize, told: usize, what: &str, indent: &str, out: &mut String) {
    if all > told {
        let _ = writeln!(out, "{indent}  {} more {what} (--all)", all - told);
    }
}

fn functions(node: &Node, indent: &str, detail: Detail, out: &mut String) {
    let (different, equivalent): (Vec<&FunctionDiff>, Vec<&FunctionDiff>) = node.functions.iter().partition(|f| !f.result.is_equal());
    for function in different.iter().take(detail.most(FUNCTIONS)) {
        told_function(function, indent, out);
    }
    left(different.len(), detail.most(FUNCTIONS), "functions differ", indent, out);
    if detail == Detail::All {
        for function in &equivalent {
            told_function(function, indent, out);
        }
    } else if !equivalent.is_empty() {
        let _ = writeln!(out, "{indent}~ {} more functions, every changed byte of them explained (--all)", equivalent.len());
    }
    if node.kind.is_executable() && node.same_functions > 0 {
        let _ = writeln!(out, "{indent}= {} functions are the same", node.same_functions);
    }
}

fn told_function(function: &FunctionDiff, indent: &str, out: &mut String) {
    let place = function.source.as_ref().map_or_else(String::new, |s| {
        let status = match s.status {
            SourceStatus::MatchedByChecksum => "",
            SourceStatus::MatchedByPath => " (by path)",
            SourceStatus::ChecksumDiffers => " (! the compiler saw another file)",
            SourceStatus::NotInSource => " (not in the source)",
        };
        format!("  {}:{}{status}", s.file.shown(), s.line)
    });
    let address = |e: Option<Extent>| e.map_or_else(|| "-".to_owned(), |e| format!("{:#x}+{}", e.address, e.size));
    let (a, b) = (address(function.extent.shipped), address(function.extent.rebuilt));
    let _ = writeln!(out, "{indent}{} {}  {a} | {b}{place}  {}", function.result.mark(), function.name.shown(), function.what);
}

fn proofs(node: &Node, indent: &str, detail: Detail, out: &mut String) {
    let mut told: BTreeMap<Cause, usize> = BTreeMap::new();
    for proof in &node.proofs {
        let count = told.entry(proof.cause).or_default();
        *count += 1;
        if *count > detail.most(PROOFS) {
            continue;
        }
        let (a, b) = (proof.values.shipped.shown().cut(60), proof.values.rebuilt.shown().cut(60));
        let empty = proof.values.shipped.is_empty() && proof.values.rebuilt.is_empty();
        let values = if empty { String::new() } else { format!(": {a} | {b}") };
        let bytes: u64 = proof.spans.shipped.iter().map(|s| s.end.saturating_sub(s.start)).sum();
        let at = proof.spans.shipped.first().map_or_else(String::new, |s| {
            let more = if proof.spans.shipped.len() > 1 { format!(" and {} more", proof.spans.shipped.len() - 1) } else { String::new() };
            format!("  [{bytes} bytes at {:#x}{more}]", s.start)
        });
        let _ = writeln!(out, "{indent}~ {}{values}{at}", proof.cause);
    }
    for (cause, count) in told.iter().filter(|(_, count)| **count > detail.most(PROOFS)) {
        let _ = writeln!(out, "{indent}~ {cause}: {} more places (--all)", count - PROOFS);
    }
}
