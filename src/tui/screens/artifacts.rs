//! 4 Artifacts: every compared file and member, worst first.

use ratatui::layout::Rect;

use super::overview::indent;
use crate::checks::Facts;
use crate::model::{Account, Node, RegionDiff, ResultMark};
use crate::text::{Role, Row, Shown};
use crate::tui::app::{App, Order, Pane, WIDE, lists_role as role_of};
use crate::tui::widgets::{Canvas, column, grouped, size, wrap};

const KIND: usize = 7;
const SIZE: usize = 8;
const RESULT: usize = 15;
const REVIEW: usize = 3;
/// Digits of a digest, and a sign behind them.
const DIGEST: usize = 13;
/// Digests are shown from this many columns.
const ROOMY: usize = 95;

pub(super) fn draw(canvas: &mut Canvas<'_, '_>, area: Rect) {
    let app = canvas.app;
    let side = if area.width >= WIDE && !app.zoom { 60 } else { 0 };
    let main = Rect { width: area.width - side, ..area };
    let all = app.facts.comparisons.len();
    let shown = app.artifacts.iter().filter(|r| r.head.is_none()).count();
    let hidden: Vec<String> = app.hidden.iter().map(|(mark, n)| format!("{} {mark}", grouped(*n as u64))).collect();
    let hidden = if hidden.is_empty() { "hides nothing".to_owned() } else { format!("hides {}", hidden.join(", ")) };
    let title = format!(
        "Artifacts  shown {} {} of {} {}  filter {} {hidden}  sort: {}",
        grouped(shown as u64),
        if shown == 1 { "row" } else { "rows" },
        grouped(all as u64),
        if all == 1 { "artifact" } else { "artifacts" },
        app.filter.marks(),
        app.order.word()
    );
    let inside = canvas.pane(main, Row::new().with(Role::Text, &title), true, app.pane() == Pane::Files);
    let width = usize::from(inside.width);
    let path = path_width(width);
    let sha256 = if width >= ROOMY { format!("{:<DIGEST$}  ", "sha256") } else { String::new() };
    let head = format!("     {:<path$} {:<KIND$}{:>SIZE$}  {sha256}{:<RESULT$}  review / why", "path", "kind", "size", "result");
    canvas.row(inside, 0, &Row::new().with(Role::Dim, &head), false);
    let list = Rect { y: inside.y + 1, height: inside.height.saturating_sub(1), ..inside };
    if app.artifacts.is_empty() {
        let text = if all == 0 { " the bundle names no artifact" } else { " nothing passes the filter: F shows the next" };
        canvas.row(list, 0, &Row::new().with(Role::Dim, text), false);
        canvas.cursor(list, 0, 0);
    }
    canvas.list(list, Pane::Files, app.artifacts.len(), |i| file_row(app, i, width));
    if side > 0 {
        details(canvas, Rect { x: area.x + main.width, width: side, ..area });
    }
}

fn path_width(width: usize) -> usize {
    // The path gets what the fixed columns leave, and `why` at least a third of that.
    let digest = if width >= ROOMY { DIGEST + 2 } else { 0 };
    let fixed = 5 + KIND + SIZE + 2 + digest + RESULT + 2 + REVIEW;
    let left = width.saturating_sub(fixed);
    (left * 3 / 5).clamp(12, 80)
}

fn word(mark: char) -> &'static str {
    match mark {
        '!' => "DIFFERS",
        '~' => "explained",
        '=' => "same",
        '<' => "never rebuilt",
        '>' => "never shipped",
        '?' => "not examined",
        _ => "…",
    }
}

/// Declared size of an artifact that is not compared yet.
fn declared(facts: &Facts, artifact: usize) -> Option<u64> {
    let id = facts.release.artifacts.get(artifact)?.shipped?;
    facts.release.file(id).map(|f| f.size)
}

/// The first digits of what was shipped (or only rebuilt): computed here, or with a `?` as the manifest declares them.
fn digest(facts: &Facts, artifact: usize, node: Option<&Node>) -> (Role, String) {
    if let Some(computed) = node.and_then(|n| n.digest.shipped.or(n.digest.rebuilt)) {
        return (Role::Dim, computed.short(DIGEST - 1));
    }
    let file = facts.release.artifacts.get(artifact).and_then(|a| a.shipped.or_else(|| a.rebuilt.first().map(|r| r.file)));
    // A member has no digest before it is compared.
    let Some(file) = file.filter(|_| node.is_none()) else { return (Role::Dim, String::new()) };
    match facts.sha256(file) {
        Some(computed) => (Role::Dim, computed.short(DIGEST - 1)),
        None => {
            let declared = facts.release.file(file).and_then(|f| f.declared.iter().find_map(crate::digest::Digest::sha256));
            (Role::Claim, declared.map(|d| format!("{}?", d.short(DIGEST - 1))).unwrap_or_default())
        }
    }
}

/// A row of the table.
pub(super) fn file_row(app: &App, at: usize, width: usize) -> Row {
    let Some(entry) = app.artifacts.get(at) else { return Row::new() };
    if let Some(head) = &entry.head {
        let row = Row::new().with(role_of(entry.mark), &format!(" {} ", entry.mark));
        return row.with(Role::Title, &Shown::new(head).cut(width.saturating_sub(4)).to_string());
    }
    let node = app.artifact_node(entry);
    let person = entry.item.and_then(|i| app.items.get(i)).map(|i| app.person_mark(i));
    let path = path_width(width);
    let role = role_of(entry.mark);
    let bytes = node.map_or_else(|| declared(&app.facts, entry.artifact), |n| n.size.shipped.or(n.size.rebuilt));
    let mut row = Row::new().with(role, &format!(" {} ", entry.mark)).with(
        Role::Text,
        &format!(
            "{} ",
            match person {
                Some(' ') => '·',
                Some(mark) => mark,
                None => ' ',
            }
        ),
    );
    let way = match (app.order, node) {
        (Order::Tree, Some(node)) if !entry.path.is_empty() => {
            let indent = "  ".repeat(entry.path.len().min(12));
            let room = path.saturating_sub(indent.len());
            Shown::new(&format!("{indent}{}", node.name.shown().cut_start(room)))
        }
        _ => app.way(entry.artifact, &entry.path).cut_start(path),
    };
    row.push(Role::Text, column(&way, path));
    let kind = node.map(|n| n.kind.word()).unwrap_or_default();
    let words = bytes.map(size).unwrap_or_default();
    row = row.with(Role::Text, &format!("  {kind:<KIND$}{words:>SIZE$}  "));
    if width >= ROOMY {
        let (role, text) = digest(&app.facts, entry.artifact, node);
        row = row.with(role, &format!("{text:<DIGEST$}  "));
    }
    row = row.with(role, &format!("{} {:<width$}  ", entry.mark, word(entry.mark), width = RESULT - 2));
    let why = match node {
        None => "…".to_owned(),
        Some(node) if entry.mark == '~' && node.why.is_empty() => {
            let mut causes: Vec<&str> = node.proofs.iter().map(|p| p.cause.word()).collect();
            causes.sort_unstable();
            causes.dedup();
            format!("explained: {}", causes.join(", "))
        }
        Some(node) => node.why.clone(),
    };
    row.with(Role::Text, &why)
}

/// Columns of a number of bytes.
const BYTES: usize = 12;
/// Columns of what is said of the bytes that differ.
const DIFFERING: usize = 24;

/// The parts of a file with their sizes and what of them differs: what differs first, and then in the order of the file.
fn regions(node: &Node, width: usize) -> Vec<Row> {
    if node.regions.is_empty() {
        return Vec::new();
    }
    let names = width.saturating_sub(2 + BYTES + DIFFERING).clamp(12, 40);
    let head = format!("  {:<names$}{:>BYTES$}  differ", "section", "bytes");
    let mut out = vec![Row::new(), Row::new().with(Role::Dim, &head)];
    let (equal, differing): (Vec<&RegionDiff>, Vec<&RegionDiff>) = node.regions.iter().partition(|r| r.result == ResultMark::Identical);
    for region in differing.into_iter().chain(equal) {
        let mark = region.result.mark();
        let size = region.extent.shipped.or(region.extent.rebuilt).map_or(0, |e| e.size);
        let mut row = Row::new().with(role_of(mark), &format!("{mark} "));
        row.push(Role::Text, column(&region.name.shown(), names));
        row = row.with(Role::Dim, &format!("{:>BYTES$}", grouped(size)));
        let most = |of: fn(&Account) -> u64| of(&region.account.shipped).max(of(&region.account.rebuilt));
        let (unexplained, explained) = (most(|a| a.unexplained), most(Account::explained_total));
        if unexplained > 0 {
            row = row.with(role_of(mark), &format!("  {} unexplained", grouped(unexplained)));
        } else if explained > 0 {
            row = row.with(Role::Dim, &format!("  {} explained", grouped(explained)));
        }
        out.push(row);
    }
    out
}

fn details(canvas: &mut Canvas<'_, '_>, area: Rect) {
    let app = canvas.app;
    let entry = app.artifacts.get(app.cursor(Pane::Files).at);
    let inside = canvas.pane(area, Row::new().with(Role::Text, "Evidence"), false, false);
    let Some(entry) = entry else { return };
    if let Some(head) = &entry.head {
        let rows = vec![Row::new().with(role_of(entry.mark), &format!("{} ", entry.mark)).with(Role::Text, head)];
        let rows: Vec<Row> = wrap(&rows, usize::from(inside.width).saturating_sub(2)).into_iter().map(indent).collect();
        canvas.rows(inside, &rows);
        return;
    }
    let mut way = Row::new();
    way.push(Role::Title, app.way(entry.artifact, &entry.path));
    let mut rows = vec![way];
    match app.artifact_node(entry) {
        None => rows.push(Row::new().with(Role::Dim, "not compared yet …")),
        Some(node) => {
            rows.extend(crate::tui::app::node_rows(node));
            rows.push(Row::new());
            let different = node.functions.iter().filter(|f| !f.result.is_equal());
            for function in different {
                rows.push(
                    Row::new()
                        .with(role_of(function.result.mark()), &format!("{} ", function.result.mark()))
                        .untrusted(Role::Text, &function.name)
                        .with(Role::Dim, "  ")
                        .with(Role::Text, &function.what),
                );
            }
            rows.extend(crate::tui::app::built_from_rows(node));
            rows.extend(regions(node, usize::from(inside.width).saturating_sub(2)));
        }
    }
    if let Some(artifact) = app.facts.release.artifacts.get(entry.artifact) {
        rows.push(Row::new());
        for rebuild in &artifact.rebuilt {
            let by = rebuild.by.as_ref().map_or_else(|| Shown::new("(not said)"), crate::text::Untrusted::shown);
            let mut row = Row::new().with(Role::Dim, "rebuilt by ");
            row.push(Role::Claim, by);
            rows.push(row);
        }
    }
    let rows: Vec<Row> = wrap(&rows, usize::from(inside.width).saturating_sub(2)).into_iter().map(indent).collect();
    canvas.rows(inside, &rows);
}
