//! The tree: which rows it has, how much of each file was shown, and what is flagged in it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use super::{App, Pane, TreeRow, UNFOLDED};
use crate::model::{ResultMark, SourceStatus, SourceTree};
use crate::review::Target;

impl App {
    /// Makes the tree's rows and the marks in it again.
    pub(crate) fn make_tree(&mut self) {
        if self.facts.sources().next().is_none() {
            return;
        }
        let tree = self.facts.source.clone().unwrap_or_default();
        self.make_flags();
        let mut differs: BTreeMap<usize, BTreeSet<u64>> = BTreeMap::new();
        for root in self.facts.comparisons.iter().flatten() {
            if root.result.is_equal() {
                continue;
            }
            root.walk(&mut |trail| {
                for function in trail.last().into_iter().flat_map(|n| &n.functions) {
                    if let (ResultMark::Different, Some(line)) = (function.result, &function.source)
                        && line.status != SourceStatus::NotInSource
                        && let Some(entry) = tree.find(&line.file)
                    {
                        differs.entry(entry).or_default().insert(u64::from(line.line));
                    }
                }
            });
        }
        self.source.differs = differs;
        self.make_shares(&tree);
        self.make_built_into();
        self.source.item_of = BTreeMap::new();
        for (i, item) in self.items.iter().enumerate() {
            match item.target {
                Target::Source { entry, .. } => {
                    self.source.item_of.entry(entry).or_insert(i);
                }
                Target::Places(flag) => {
                    for place in self.facts.flags.as_ref().and_then(|f| f.get(flag)).iter().flat_map(|f| &f.places) {
                        self.source.item_of.entry(place.entry).or_insert(i);
                    }
                }
                _ => {}
            }
        }
        let key = (tree.entries.len(), self.facts.further.len(), self.source.toggled.len());
        if self.source.made_for != Some(key) {
            self.source.made_for = Some(key);
            self.fill_tree();
        }
    }

    /// How many lines every folder has, and which files were read in sessions before this one.
    pub(super) fn make_shares(&mut self, tree: &SourceTree) {
        let Some(lines) = self.facts.source_lines.clone().filter(|_| self.source.lines_before.is_empty()) else { return };
        let mut sum = 0u64;
        self.source.lines_before = std::iter::once(0)
            .chain(lines.iter().map(|n| {
                sum = sum.saturating_add(n.unwrap_or(0));
                sum
            }))
            .collect();
        let blobs: BTreeSet<&str> = self.state.read.keys().map(|(_, blob)| blob.as_str()).collect();
        let read: Vec<usize> =
            (0..tree.entries.len()).filter(|i| tree.entries.get(*i).is_some_and(|e| blobs.contains(e.id.as_str()))).collect();
        read.into_iter().for_each(|entry| self.count_lines(entry));
    }

    /// Counts the lines shown of a file anew.
    pub(crate) fn count_lines(&mut self, entry: usize) {
        let of = self.facts.source_lines.as_ref().and_then(|l| l.get(entry).copied().flatten());
        if let Some(of) = of {
            self.source.shown.insert(entry, (self.lines_read(entry) as u64).min(of));
        }
    }

    /// The share of lines shown of some entries, in at most four cells: nothing, ` <1%`, ` 60%` or ` all`. Rounded down.
    pub(crate) fn share_of(&self, entries: Range<usize>) -> String {
        let of = |at: usize| self.source.lines_before.get(at).copied().unwrap_or(0);
        let total = of(entries.end).saturating_sub(of(entries.start));
        let shown: u64 = self.source.shown.range(entries).map(|(_, n)| n).sum();
        match shown.saturating_mul(100) / total.max(1) {
            _ if shown == 0 || total == 0 => String::new(),
            0 => " <1%".to_owned(),
            _ if shown >= total => " all".to_owned(),
            percent => format!("{percent:>3}%"),
        }
    }

    /// What flags say of entries and lines.
    pub(super) fn make_flags(&mut self) {
        self.source.hidden = self.facts.hidden.iter().flatten().map(|h| h.entry).collect();
        self.source.alarms = BTreeSet::new();
        self.source.lines = BTreeMap::new();
        self.source.flags = BTreeMap::new();
        for (i, flag) in self.facts.flags.iter().flatten().enumerate() {
            if flag.places.len() == 1 {
                self.source.flags.insert(crate::review::flag_id(flag), i);
            }
            let entries = if flag.code == "source.archive" { &mut self.source.alarms } else { &mut self.source.hidden };
            for place in &flag.places {
                entries.insert(place.entry);
                self.source.lines.entry(place.entry).or_default().extend(&place.lines);
            }
        }
    }

    /// The rows of all sources: the tree, and each further source below its name.
    pub(super) fn fill_tree(&mut self) {
        let sources: Vec<_> = self.facts.sources().map(|(first, tree)| (first, std::sync::Arc::clone(tree))).collect();
        let mut rows = Vec::new();
        for (first, tree) in sources {
            let further = self.facts.source.as_ref().is_none_or(|s| !Arc::ptr_eq(s, &tree));
            self.tree_rows(&tree, first, further, &mut rows);
        }
        self.source.tree = rows;
        self.clamp();
    }

    fn tree_rows(&self, tree: &SourceTree, first: usize, further: bool, rows: &mut Vec<TreeRow>) {
        let small = tree.entries.len() <= UNFOLDED && !further;
        let prefix = if further { [tree.origin.as_bytes(), b"!"].concat() } else { Vec::new() };
        let mut stack: Vec<(Vec<u8>, usize)> = Vec::new();
        let all = first..first + tree.entries.len();
        if further {
            let open = self.source.toggled.contains(&prefix);
            let name = tree.origin.clone();
            rows.push(TreeRow { depth: 0, name, dir: Some(prefix.clone()), entry: first, inside: all.clone(), open });
            if !open {
                return;
            }
            stack.push((prefix.clone(), rows.len() - 1));
        }
        let mut closed: Option<Vec<u8>> = None;
        for (entry, file) in tree.entries.iter().enumerate() {
            let (entry, path) = (first + entry, [prefix.as_slice(), file.path.as_bytes()].concat());
            let path = path.as_slice();
            while let Some((dir, row)) = stack.last() {
                if path.starts_with(dir) {
                    break;
                }
                if let Some(row) = rows.get_mut(*row) {
                    row.inside.end = entry;
                }
                stack.pop();
            }
            if closed.as_ref().is_some_and(|c| path.starts_with(c)) {
                continue;
            }
            closed = None;
            let mut start = stack.last().map_or(0, |(dir, _)| dir.len());
            while let Some(slash) = path.get(start..).and_then(|rest| rest.iter().position(|b| *b == b'/')) {
                let dir = path[..start + slash + 1].to_vec();
                let open = small != self.source.toggled.contains(&dir);
                rows.push(TreeRow {
                    depth: stack.len(),
                    name: path[start..start + slash + 1].into(),
                    dir: Some(dir.clone()),
                    entry,
                    inside: entry..all.end,
                    open,
                });
                stack.push((dir.clone(), rows.len() - 1));
                start += slash + 1;
                if !open {
                    closed = Some(dir);
                    break;
                }
            }
            if closed.is_none() {
                let name = path.get(start..).unwrap_or_default();
                rows.push(TreeRow { depth: stack.len(), name: name.into(), dir: None, entry, inside: entry..entry + 1, open: false });
            }
        }
    }

    /// Opens or closes the folder under the cursor; closing inside one goes to it.
    pub(crate) fn fold(&mut self, open: bool) {
        let at = self.cursor(Pane::Tree).at;
        let Some(row) = self.source.tree.get(at).cloned() else { return };
        match row.dir {
            Some(dir) if row.open != open => {
                if !self.source.toggled.remove(&dir) {
                    self.source.toggled.insert(dir);
                }
                self.fill_tree();
            }
            _ if !open => {
                let above = self.source.tree.get(..at).unwrap_or_default();
                if let Some(parent) = above.iter().rposition(|r| r.dir.is_some() && r.depth < row.depth) {
                    self.put(Pane::Tree, parent);
                }
            }
            _ => {}
        }
    }

    /// Opens the folders above an entry and puts the tree's cursor on it.
    pub(crate) fn reveal(&mut self, entry: usize) {
        let Some(path) = self.facts.source_path(entry).map(|p| p.as_bytes().to_vec()) else { return };
        let Some((first, tree)) = self.facts.sources().filter(|(first, _)| *first <= entry).last() else { return };
        let further = first > 0 || self.facts.source.is_none();
        let small = tree.entries.len() <= UNFOLDED && !further;
        let mut changed = false;
        // The folders of a further source begin behind its name.
        let name = if further { tree.origin.as_bytes().len() } else { 0 };
        let ends = |i: &usize| (further && *i == name) || (*i >= name && path[*i] == b'/');
        for i in (0..path.len()).filter(ends) {
            let dir = path[..=i].to_vec();
            changed |= if small { self.source.toggled.remove(&dir) } else { self.source.toggled.insert(dir) };
        }
        if changed {
            self.fill_tree();
        }
        if let Some(row) = self.source.tree.iter().position(|r| r.dir.is_none() && r.entry == entry) {
            self.put_in_view(Pane::Tree, row);
        }
    }
}
