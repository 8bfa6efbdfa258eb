//! What the Compare screen is on: a node and its parts, or the files that a rule or the batch covers.

use std::collections::BTreeSet;
use std::sync::Arc;

mod kinds;
mod listings;
mod pair;
mod parts;
mod step;

pub(crate) use kinds::{Front, Group, GroupRow, Part, Want, group_key};
pub(crate) use listings::change_points;
use parts::parts;

use super::{App, Pane};
use crate::digest::Sha256;
use crate::model::{Listing, Node, ResultMark, Spot, View};
use crate::review::Target;
use crate::session::ListingKey;
use crate::text::{Role, Row, Shown};
use crate::tui::action::Screen;

/// A listing in front.
#[derive(Clone)]
pub(crate) struct Loaded {
    pub(crate) key: ListingKey,
    pub(crate) listing: Arc<Listing>,
    /// First row of each run of differing rows.
    pub(crate) runs: Vec<usize>,
    /// Number of differing rows before each row, and in all at the end.
    pub(crate) before: Vec<u32>,
    /// Rows that differ and the few around them: what is left when the others are hidden.
    pub(crate) near: Vec<usize>,
}

/// The Compare screen's state.
#[derive(Default)]
pub(crate) struct Compare {
    pub(crate) front: Front,
    pub(crate) parts: Vec<Part>,
    pub(crate) covered: Vec<GroupRow>,
    /// Which of the node's views.
    pub(crate) view: usize,
    kept: Vec<Loaded>,
    asked: BTreeSet<u64>,
    pub(crate) want: Option<Want>,
    /// The file of a source archive that was compared with that of the tree: its entry, and what came of it.
    pair: Option<(usize, Result<Arc<Node>, String>)>,
    /// Whether everything that is known of the node is in front in place of its rows.
    pub(crate) explain: bool,
    /// Whether the last step to a difference came to the end in that direction: the next one goes to the next file.
    pub(crate) ended: Option<bool>,
    /// Whether rows that are the same on both sides are hidden.
    pub(crate) fold: bool,
    /// Cells that the text of one side had when it was drawn last.
    pub(crate) text_width: usize,
}

impl Compare {
    pub(crate) fn is_group(&self) -> bool {
        matches!(self.front, Front::Group(_))
    }
}

impl App {
    /// The node in front on Compare.
    pub(crate) fn node(&self) -> Option<&Node> {
        match &self.compare.front {
            Front::Node(artifact, path) => self.facts.comparisons.get(*artifact)?.as_ref()?.at(path),
            Front::Sources(entry) => self.pair(*entry)?.as_deref().ok(),
            _ => None,
        }
    }

    /// The part under the cursor.
    pub(crate) fn part(&self) -> Option<Part> {
        self.compare.parts.get(self.cursor(Pane::Parts).at).copied()
    }

    /// The function in front.
    pub(crate) fn function(&self) -> Option<(usize, &crate::model::FunctionDiff)> {
        match self.part()? {
            Part::Function(i) => self.node()?.functions.get(i).map(|f| (i, f)),
            _ => None,
        }
    }

    /// The views of the node in front, the best first.
    pub(crate) fn views(&self) -> Vec<View> {
        let all = self.node().and_then(|n| n.evidence.as_ref()).map(|e| e.views()).unwrap_or_default();
        match self.part() {
            Some(Part::Region(_)) => {
                let mut views = all;
                views.sort_by_key(|v| *v != View::Bytes);
                views
            }
            Some(Part::Whole) if self.node().is_some_and(|n| !n.functions.is_empty()) => {
                all.into_iter().filter(|v| *v != View::Asm).collect()
            }
            _ => all,
        }
    }

    pub(crate) fn view(&self) -> Option<View> {
        let views = self.views();
        views.get(self.compare.view % views.len().max(1)).copied()
    }

    /// What can be said of the node in front without rows.
    pub(crate) fn sentences(&self) -> Vec<Row> {
        let Some(node) = self.node() else {
            if let Front::Sources(entry) = self.compare.front {
                return vec![Row::new().with(Role::Dim, &self.pair_state(entry))];
            }
            return vec![
                Row::new().with(Role::Text, "nothing is open here"),
                Row::new(),
                Row::new().with(Role::Text, "n opens the next item to review; 4 lists every file"),
            ];
        };
        if self.compare.explain {
            let width = usize::from(self.size.0.saturating_sub(match self.size.0 {
                _ if self.zoom => 3,
                0..super::MEDIUM => 3,
                super::MEDIUM..super::WIDE => 27,
                _ => 31 + 60,
            }));
            return crate::tui::widgets::wrap(&super::words::explain_rows(node), width);
        }
        let node = match self.part() {
            Some(Part::Member(i)) => node.children.get(i).unwrap_or(node),
            Some(Part::Same) => {
                let places = self.places();
                let mut rows = vec![Row::new().with(Role::Text, &format!("the same difference in {} places:", places.len()))];
                rows.extend(places.iter().map(|s| Row::new().with(Role::Text, &s.name)));
                rows.extend([Row::new(), Row::new().with(Role::Key, "Enter").with(Role::Text, " lists them to go to")]);
                return rows;
            }
            _ if node.evidence.is_some() && self.listing_key().is_some() => {
                return vec![Row::new().with(Role::Dim, "making the rows …")];
            }
            _ => node,
        };
        let mut rows = super::node_rows(node);
        if matches!(self.part(), Some(Part::Member(_))) {
            rows.push(Row::new());
            rows.push(Row::new().with(Role::Key, "Enter").with(Role::Text, " opens this member"));
        } else if node.evidence.is_none() && !node.result.is_equal() && node.children.is_empty() {
            rows.push(Row::new());
            rows.push(Row::new().with(Role::Dim, "there are no rows to show: the bytes were not kept, or there is one side only"));
        }
        rows
    }

    /// Puts a node in front, at its first difference.
    pub(crate) fn open_node(&mut self, artifact: usize, path: Vec<usize>) {
        let front = Front::Node(artifact, path);
        if self.compare.front != front {
            self.flush();
            self.compare.front = front;
            self.compare.view = 0;
            self.compare.explain = false;
            self.compare.covered.clear();
            self.sideways = 0;
        }
        self.compare.parts = self.make_parts();
        self.cursors[Pane::Parts as usize] = super::Cursor::default();
        self.show(Screen::Compare);
        self.focus_on(Pane::Listing);
        self.compare.want = Some(Want::First);
        self.part_changed();
    }

    /// Puts a rule or the batch in front.
    pub(crate) fn open_group(&mut self, group: Group) {
        self.flush();
        self.compare.front = Front::Group(group);
        self.compare.covered = self.covered(group);
        self.cursors[Pane::Covered as usize] = super::Cursor::default();
        self.show(Screen::Compare);
        self.focus_on(Pane::Covered);
    }

    /// The places of the group that the node in front is in.
    pub(crate) fn places(&self) -> &[Spot] {
        match self.front().and_then(|i| self.items.get(i)).map(|i| &i.target) {
            Some(Target::Cluster(places)) => places,
            _ => &[],
        }
    }

    fn make_parts(&self) -> Vec<Part> {
        let mut list = self.node().map(parts).unwrap_or_default();
        let Front::Node(artifact, path) = &self.compare.front else { return list };
        let item = self.node_items.get(&(*artifact, path.clone())).and_then(|i| self.items.get(*i));
        if item.is_some_and(|i| matches!(i.target, Target::Cluster(_))) {
            list.push(Part::Same);
        }
        list
    }

    fn covered(&self, group: Group) -> Vec<GroupRow> {
        if let Group::Cluster(key) = group {
            let item = self.items.iter().find(|i| group_key(&i.id) == key);
            let Some(Target::Cluster(places)) = item.map(|i| &i.target) else { return Vec::new() };
            return places.iter().map(|spot| self.group_row(spot)).collect();
        }
        let mut rows = Vec::new();
        for (artifact, root) in self.facts.comparisons.iter().enumerate() {
            let Some(root) = root else { continue };
            collect(root, &mut Vec::new(), root.name.shown(), &mut |node, path, name| match group {
                Group::Rule(cause) => {
                    for proof in node.proofs.iter().filter(|p| p.cause == cause) {
                        let values = (proof.values.shipped.shown(), proof.values.rebuilt.shown());
                        rows.push(GroupRow { artifact, path: path.to_vec(), name: name.clone(), values });
                    }
                }
                Group::Batch if node.children.is_empty() && node.result == ResultMark::Identical => {
                    let digest = node.digest.shipped.map(|d| d.short(16)).unwrap_or_default();
                    let size = node.size.shipped.map(crate::tui::widgets::grouped).unwrap_or_default();
                    rows.push(GroupRow {
                        artifact,
                        path: path.to_vec(),
                        name: name.clone(),
                        values: (Shown::new(&size), Shown::new(&digest)),
                    });
                }
                Group::Batch | Group::Cluster(_) => {}
            });
        }
        rows
    }

    /// After new facts: the node in front may have been compared only now.
    pub(crate) fn refresh_compare(&mut self) {
        match self.compare.front.clone() {
            Front::Group(group) => {
                self.compare.covered = self.covered(group);
            }
            Front::Node(..) | Front::Sources(_) => {
                let now = self.make_parts();
                if now != self.compare.parts {
                    self.compare.parts = now;
                    self.part_changed();
                }
            }
            Front::Nothing => {}
        }
    }

    /// The source line that debug information claims for the row under the cursor, or the function's.
    pub(crate) fn row_source(&self) -> Option<&crate::model::SourceLine> {
        let at = self.cursor(Pane::Listing).at;
        let rows = self.loaded().map(|l| l.listing.rows.as_slice()).unwrap_or_default();
        let near = rows.get(at).and_then(|r| r.source.as_ref());
        near.or_else(|| self.function().and_then(|(_, f)| f.source.as_ref()))
    }

    /// The tree entry of that source line, when its file is in the tree.
    pub(crate) fn row_entry(&self) -> Option<(usize, u64)> {
        if let Front::Sources(entry) = self.compare.front {
            return Some((entry, self.pair_line(self.cursor(Pane::Listing).at)?));
        }
        let line = self.row_source()?;
        let entry = self.facts.source.as_ref()?.find(&line.file)?;
        Some((entry, u64::from(line.line)))
    }

    pub(crate) fn want_source_of_row(&mut self) {
        if let Some((entry, _)) = self.row_entry() {
            self.want_file(entry);
        }
    }

    /// All that is known of the node in front: every proof with its values and bytes, every cause that was tried.
    pub(crate) fn explain(&mut self) {
        if self.node().is_none() {
            self.say("there is no file in front");
            return;
        }
        self.compare.explain = !self.compare.explain;
        self.compare.want = Some(Want::First);
        self.focus_on(Pane::Listing);
        self.part_changed();
    }

    pub(crate) fn next_view(&mut self, forward: bool) {
        let views = self.views();
        if std::mem::take(&mut self.compare.explain) {
            self.compare.want = Some(Want::First);
            self.part_changed();
            return;
        }
        if views.len() < 2 {
            self.say("there is one view only");
            return;
        }
        let step = if forward { 1 } else { views.len() - 1 };
        self.compare.view = (self.compare.view % views.len() + step) % views.len();
        self.compare.want = Some(Want::First);
        self.part_changed();
    }
}

impl App {
    fn group_row(&self, spot: &Spot) -> GroupRow {
        let node = self.facts.comparisons.get(spot.root).and_then(|n| n.as_ref()?.at(&spot.path));
        let short = |digest: Option<Sha256>| Shown::new(&digest.map(|d| d.short(12)).unwrap_or_default());
        let values = node.map(|n| (short(n.digest.shipped), short(n.digest.rebuilt))).unwrap_or_default();
        GroupRow { artifact: spot.root, path: spot.path.clone(), name: Shown::new(&spot.name), values }
    }
}

/// Visits leaves and containers with the way to them as displayable text.
fn collect<'a>(node: &'a Node, path: &mut Vec<usize>, name: Shown, each: &mut dyn FnMut(&'a Node, &[usize], &Shown)) {
    each(node, path, &name);
    for (i, child) in node.children.iter().enumerate() {
        path.push(i);
        collect(child, path, Shown::new(&format!("{name}!{}", child.name.shown())), each);
        path.pop();
    }
}
