//! What was really inside a drawn frame, and what of it is not in the journal yet.
//!
//! "Shown" means: the rows were in a frame, with nothing over them and no input waiting. No times are kept.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use super::{App, Dialog, Front, Group, Pane, Part};
use crate::model::{Place, Spot};
use crate::review::differences::{base_of, differences_of, function_rows, has_parts, region_rows};
use crate::review::{Body, Class, Item, LineSet, Target};
use crate::session::ListingKey;
use crate::tui::action::{Effect, Screen};

/// What a frame had in it; the drawing makes it, [`App::drawn`] takes it.
#[derive(Clone, Debug, Default)]
pub struct Drawn {
    /// First row and number of rows of each pane.
    pub(crate) panes: Vec<(Pane, usize, usize)>,
    /// What the mouse can point at.
    pub(crate) targets: super::Targets,
    /// Differing rows of a listing, each with what of its change was in sight.
    pub(crate) listing: Option<(ListingKey, Vec<Sight>)>,
    /// All rows of the listing that were whole.
    pub(crate) listing_rows: Vec<usize>,
    /// Cells that the text of one side has in a listing.
    pub(crate) listing_text: usize,
    /// Whether the sentences on a node were in it, to the last one.
    pub(crate) sentences: bool,
    /// Lines of a source file, from 0.
    pub(crate) file: Option<(usize, Range<usize>)>,
    /// Lines of it that were cut at the edge.
    pub(crate) cut_lines: Vec<usize>,
    /// Rows of what a rule or the batch covers.
    pub(crate) covered: Option<Range<usize>>,
    /// The item whose evidence was in it.
    pub(crate) evidence: Option<String>,
    /// How many lines of the statement were in it, counted from the first, in the sign dialog.
    pub(crate) statement: Option<usize>,
}

/// What of a differing row's change was inside the frame: a change that is right of the edge was not shown.
#[derive(Clone, Debug)]
pub(crate) struct Sight {
    /// The row.
    pub(crate) row: usize,
    /// The cells in sight where a changed part starts or ends, on either side.
    pub(crate) points: Vec<(bool, usize)>,
    /// How many such cells the row has.
    pub(crate) of: usize,
}

/// Differences of an item that were shown and are not written yet.
#[derive(Clone, Debug)]
struct Fresh {
    digest: String,
    differences: BTreeSet<u32>,
    of: u32,
}

/// What was shown and is not written yet.
#[derive(Default)]
pub(crate) struct Seen {
    shown: BTreeMap<String, Fresh>,
    read: BTreeMap<usize, LineSet>,
    /// Lines of those files: the files themselves may be gone by the time it is written.
    lengths: BTreeMap<usize, u64>,
    /// Cells that were in sight of rows whose change did not fit into one frame, by listing and row.
    parts: HashMap<(ListingKey, usize), BTreeSet<(bool, usize)>>,
    /// The last write failed: not tried again by itself.
    pub(crate) failed: bool,
    /// Since when something waits to be written.
    pub(crate) since: Option<std::time::Duration>,
    /// How often something was seen for the first time.
    count: usize,
    /// Whether `n` was not pressed yet.
    pub(crate) fresh_start: bool,
}

impl Seen {
    pub(crate) fn new() -> Self {
        Self { fresh_start: true, ..Self::default() }
    }

    /// Whether what is in sight of a row now and what was before is all of its change.
    fn completes(&self, key: &ListingKey, sight: &Sight) -> bool {
        let Some(before) = self.parts.get(&(key.clone(), sight.row)) else { return false };
        let new = sight.points.iter().filter(|p| !before.contains(p)).count();
        before.len() + new >= sight.of
    }
}

impl App {
    /// Is told what was inside the frame just drawn; `settled` when no input was waiting and nothing lay over it.
    ///
    /// Says whether something was seen for the first time, so that the counts on the screen are old by now.
    pub fn drawn(&mut self, drawn: &Drawn, settled: bool) -> bool {
        let before = self.seen.count;
        self.take(drawn, settled);
        if self.has_unwritten() && self.seen.since.is_none() {
            self.seen.since = Some(self.now);
        }
        before != self.seen.count
    }

    fn take(&mut self, drawn: &Drawn, settled: bool) {
        if drawn.listing_text > 0 {
            self.compare.text_width = drawn.listing_text;
        }
        for (pane, top, height) in &drawn.panes {
            let cursor = self.cursor_mut(*pane);
            (cursor.top, cursor.height) = (*top, *height);
        }
        self.targets.clone_from(&drawn.targets);
        if !settled || self.may_be_count() {
            return;
        }
        if let (Some(Dialog::Sign(sign)), Some(lines)) = (&mut self.dialog, drawn.statement) {
            // Only what follows on what was already shown: End does not make the middle seen.
            let before = sign.seen;
            sign.seen(lines);
            self.seen.count += usize::from(before != sign.seen);
        }
        // A prompt is one row in place of the status line; everything else lies over the evidence.
        if self.read_only.is_some() || !matches!(self.dialog, None | Some(Dialog::Prompt(_))) {
            return;
        }
        if let Some((entry, lines)) = &drawn.file {
            // A line that was cut at the edge was not shown.
            let mut from = lines.start;
            for end in drawn.cut_lines.iter().copied().chain([lines.end]) {
                let whole = from..end.min(lines.end);
                if !whole.is_empty() || drawn.cut_lines.is_empty() {
                    self.saw_lines(*entry, whole.clone());
                    self.saw_places(*entry, &whole);
                }
                from = end + 1;
            }
        }
        if let Some(id) = &drawn.evidence
            && let Some(i) = self.items.iter().position(|item| item.id == *id)
            && !matches!(
                self.items[i].target,
                Target::Compare { .. }
                    | Target::Source { .. }
                    | Target::Places(_)
                    | Target::Rule(_)
                    | Target::Batch
                    | Target::Cluster(_)
                    | Target::Question(_)
            )
        {
            self.saw(i, [0], 1);
        }
        let Some(front) = self.front() else { return };
        match self.screen {
            Screen::Provenance => self.saw(front, [0], 1),
            // A list of places is not the difference that they have in common.
            Screen::Compare
                if matches!(self.compare.front, Front::Group(Group::Cluster(_)))
                    && self.items.get(front).is_some_and(|i| i.class != Class::Toolchain) => {}
            Screen::Compare if self.compare.is_group() => {
                if let Some(rows) = drawn.covered.clone()
                    && let Ok(of) = u32::try_from(self.compare.covered.len())
                {
                    self.saw(front, rows.filter_map(|r| u32::try_from(r).ok()), of);
                }
            }
            Screen::Compare => match self.compare.front {
                Front::Sources(entry) => self.saw_pair(entry, drawn),
                _ => self.saw_listing(front, drawn),
            },
            _ => {}
        }
    }

    /// The lines of a file of a source archive that were beside those of the tree: as they are read where the file stands alone. A
    /// change that is right of the edge was not shown.
    fn saw_pair(&mut self, entry: usize, drawn: &Drawn) {
        let (Some((key, sights)), Some(loaded)) = (&drawn.listing, self.loaded()) else { return };
        if loaded.key != *key {
            return;
        }
        let unseen: BTreeSet<usize> =
            sights.iter().filter(|s| s.points.len() < s.of && !self.seen.completes(key, s)).map(|s| s.row).collect();
        let rows = drawn.listing_rows.iter().filter(|row| !unseen.contains(row));
        let lines: Vec<usize> = rows.filter_map(|row| usize::try_from(self.pair_line(*row)?.checked_sub(1)?).ok()).collect();
        let partial: Vec<Sight> = sights.iter().filter(|s| unseen.contains(&s.row) && !s.points.is_empty()).cloned().collect();
        let key = key.clone();
        for sight in partial {
            self.seen.parts.entry((key.clone(), sight.row)).or_default().extend(sight.points);
        }
        for line in lines {
            self.saw_lines(entry, line..line + 1);
        }
    }

    fn saw_listing(&mut self, front: usize, drawn: &Drawn) {
        let Some(node) = self.node() else { return };
        if drawn.sentences && node.evidence.is_none() && !matches!(self.part(), Some(Part::Member(_) | Part::Same)) {
            return self.saw(front, [0], 1);
        }
        let (Some((key, sights)), Some(loaded)) = (&drawn.listing, self.loaded()) else { return };
        if loaded.key != *key {
            return;
        }
        let rows: Vec<usize> = sights.iter().filter(|s| s.points.len() >= s.of || self.seen.completes(key, s)).map(|s| s.row).collect();
        let number_of = |row: usize| loaded.before.get(row).copied().unwrap_or(0);
        let all = number_of(loaded.listing.rows.len());
        let first_view = self.views().first() == Some(&key.view);
        let whole = self.whole_rows();
        let seen: Vec<u32> = match self.part() {
            Some(Part::Function(i)) if first_view => {
                let Some((base, changed)) = base_of(node, i) else { return };
                let mut seen: Vec<u32> = rows.iter().map(|r| number_of(*r)).filter(|d| *d < changed).collect();
                // Everything that the rows have was shown to the last: no row is left that could be.
                if loaded.listing.cut.is_none() && all < changed && (all == 0 || seen.contains(&(all - 1))) {
                    seen.extend(all..changed);
                }
                seen.iter().map(|d| base + d).collect()
            }
            Some(Part::Region(_)) if first_view && key.place == Place::Whole => {
                let order = region_rows(node, &loaded.listing);
                let nth = |row: &usize| order.binary_search(row).ok().and_then(|n| u32::try_from(n).ok());
                rows.iter().filter_map(nth).map(|n| function_rows(node).saturating_add(n)).collect()
            }
            Some(Part::Whole) if first_view && !has_parts(node) => rows.iter().map(|r| number_of(*r)).collect(),
            _ => return,
        };
        let partial: Vec<Sight> = sights.iter().filter(|s| s.points.len() < s.of && !s.points.is_empty()).cloned().collect();
        let key = key.clone();
        // A node that differs without a differing row (a length, an order) is shown when its listing is.
        let seen = if seen.is_empty() && all == 0 && !has_parts(node) { vec![0] } else { seen };
        let of = differences_of(node, if has_parts(node) { whole.map(|l| &*l.listing) } else { Some(&*loaded.listing) });
        for sight in partial {
            self.seen.parts.entry((key.clone(), sight.row)).or_default().extend(sight.points);
        }
        if let Some(of) = of {
            self.saw(front, seen, of);
        }
    }

    fn saw(&mut self, index: usize, differences: impl IntoIterator<Item = u32>, of: u32) {
        let Some(item) = self.items.get(index) else { return };
        let old = self.state.shown.get(&(item.id.clone(), item.digest.clone())).map(|(seen, _)| seen);
        let new: Vec<u32> = differences.into_iter().filter(|d| *d < of && !old.is_some_and(|o| o.contains(d))).collect();
        if new.is_empty() {
            return;
        }
        let empty = || Fresh { digest: item.digest.clone(), differences: BTreeSet::new(), of };
        let fresh = self.seen.shown.entry(item.id.clone()).or_insert_with(empty);
        if fresh.digest != item.digest {
            *fresh = empty();
        }
        let before = fresh.differences.len();
        fresh.of = of;
        fresh.differences.extend(new);
        self.seen.count += usize::from(fresh.differences.len() != before);
    }

    /// The places of the item in front that these lines of a file, from 0, are.
    fn saw_places(&mut self, entry: usize, lines: &Range<usize>) {
        let Some(front) = self.front() else { return };
        let Some(flag) = self.flag_of(front) else { return };
        let (mut seen, of) = (Vec::new(), flag.places.len());
        for (i, place) in flag.places.iter().enumerate().filter(|(_, p)| p.entry == entry) {
            let line = place.lines.first().map_or(0, |l| usize::try_from(l.saturating_sub(1)).unwrap_or(usize::MAX));
            if lines.contains(&line) {
                seen.extend(u32::try_from(i).ok());
            }
        }
        if let Ok(of) = u32::try_from(of) {
            self.saw(front, seen, of);
        }
    }

    /// The places of an item that has several in the sources.
    pub(crate) fn flag_of(&self, item: usize) -> Option<&crate::model::SourceFlag> {
        match self.items.get(item)?.target {
            Target::Places(flag) => self.facts.flags.as_ref()?.get(flag),
            _ => None,
        }
    }

    /// The lines that an item of one place in the sources asks to look at (none: the whole file); `None` when hidden characters are
    /// what it is about.
    fn flag(&self, item: &Item) -> Option<&[u64]> {
        let flag = self.source.flags.get(&item.id).and_then(|i| self.facts.flags.as_ref()?.get(*i));
        flag.and_then(|f| f.places.first()).map(|p| p.lines.as_slice())
    }

    fn saw_lines(&mut self, entry: usize, lines: Range<usize>) {
        let Some(file) = self.source_key(entry) else { return };
        let old = self.state.read.get(&file).map(|(seen, _)| seen);
        // What the guard cut was not shown.
        let text = self.file(entry).and_then(|f| f.as_ref().ok()).cloned();
        let shown = |l: &usize| text.as_ref().is_some_and(|t| !t.is_cut(*l));
        let lines = lines.filter(shown).map(|l| l as u64 + 1).filter(|l| !old.is_some_and(|o| o.contains(*l)));
        let fresh = self.seen.read.entry(entry).or_default();
        let before = fresh.len();
        lines.for_each(|l| fresh.insert(l, l));
        self.seen.count += usize::from(fresh.len() != before);
        if fresh.is_empty() {
            self.seen.read.remove(&entry);
        } else if let Some(text) = text {
            self.seen.lengths.insert(entry, text.len() as u64);
        }
        self.count_lines(entry);
    }

    /// Whether something was shown that is not written yet and may be tried.
    pub(crate) fn has_unwritten(&self) -> bool {
        !self.seen.failed && (!self.seen.shown.is_empty() || !self.seen.read.is_empty())
    }

    /// Asks for everything shown to be written.
    pub(crate) fn flush(&mut self) {
        self.seen.since = None;
        if self.read_only.is_some() {
            self.seen.shown.clear();
            self.seen.read.clear();
            return;
        }
        let mut bodies = Vec::new();
        for (item, fresh) in &self.seen.shown {
            bodies.push(Body::Shown {
                item: item.clone(),
                digest: fresh.digest.clone(),
                differences: fresh.differences.iter().copied().collect(),
                of: fresh.of,
                text: false,
            });
        }
        for (entry, lines) in &self.seen.read {
            let Some((path, blob)) = self.source_key(*entry) else { continue };
            let Some(of) = self.seen.lengths.get(entry).copied() else { continue };
            for run in lines.runs() {
                let (path, blob) = (path.clone(), blob.clone());
                bodies.push(Body::Read { path, blob, from: run.0, to: run.1, of, text: false });
            }
        }
        if bodies.is_empty() {
            return;
        }
        for body in bodies {
            self.effect(Effect::Record(Box::new(body)));
        }
        self.keep_place();
    }

    /// What was shown is in the journal: it is not fresh any more.
    pub(crate) fn written(&mut self, body: &Body) {
        self.seen.failed = false;
        match body {
            Body::Shown { item, differences, .. } => {
                if let Some(fresh) = self.seen.shown.get_mut(item) {
                    fresh.differences.retain(|d| !differences.contains(d));
                    if fresh.differences.is_empty() {
                        self.seen.shown.remove(item);
                    }
                }
            }
            Body::Read { path, blob, from, to, .. } => {
                let key = (path.clone(), blob.clone());
                let facts = &self.facts;
                self.seen.read.retain(|entry, lines| {
                    let same = source_key(facts, *entry).is_some_and(|k| k == key);
                    if same {
                        lines.remove(*from, *to);
                    }
                    !lines.is_empty()
                });
            }
            _ => {}
        }
    }

    fn source_key(&self, entry: usize) -> Option<(String, String)> {
        source_key(&self.facts, entry)
    }

    /// Lines shown of a file of the tree, written and not; a line is in one of them at most.
    fn read_sets(&self, entry: usize) -> [Option<&LineSet>; 2] {
        let written = self.source_key(entry).and_then(|key| self.state.read.get(&key)).map(|(lines, _)| lines);
        [written, self.seen.read.get(&entry)]
    }

    /// How many lines of a file were shown, written or not.
    pub(crate) fn lines_read(&self, entry: usize) -> usize {
        let lines = self.read_sets(entry).into_iter().flatten().map(LineSet::len).fold(0, u64::saturating_add);
        usize::try_from(lines).unwrap_or(usize::MAX)
    }

    /// Differences (or lines) shown of an item, and how many it has; (0, 0) while that is not known.
    pub(crate) fn coverage(&self, item: &Item) -> (usize, usize) {
        if let Target::Source { entry, .. } = item.target {
            let file = self.file(entry).and_then(|f| f.as_ref().ok());
            return match (item.class, file) {
                (crate::review::Class::Flagged | crate::review::Class::Archive, Some(file)) => {
                    let sets = self.read_sets(entry);
                    let seen = |line: &&u64| sets.iter().flatten().any(|s| s.contains(**line));
                    match self.flag(item) {
                        None => (file.hidden.iter().filter(seen).count(), file.hidden.len()),
                        // The whole file is new, or it is empty and seen when it is open.
                        Some(_) if file.len() == 0 => (1, 1),
                        Some([]) => (self.lines_read(entry).min(file.len()), file.len()),
                        Some(lines) => {
                            let there: Vec<&u64> = lines.iter().filter(|l| **l <= file.len() as u64).collect();
                            (there.iter().copied().filter(seen).count(), there.len().max(1))
                        }
                    }
                }
                // An empty file is read when it is open.
                (_, Some(file)) if file.len() == 0 => (1, 1),
                (_, Some(file)) => (self.lines_read(entry).min(file.len()), file.len()),
                (_, None) => {
                    let (shown, of) = self.state.lines_of(item);
                    (usize::try_from(shown).unwrap_or(0), usize::try_from(of).unwrap_or(0))
                }
            };
        }
        let written = self.state.shown.get(&(item.id.clone(), item.digest.clone()));
        let fresh = self.seen.shown.get(&item.id).filter(|f| f.digest == item.digest);
        let of = fresh.map(|f| f.of).or(written.map(|(_, of)| *of)).unwrap_or(0);
        let written = written.map(|(seen, _)| seen.len()).unwrap_or(0);
        let seen = written + fresh.map_or(0, |f| f.differences.len());
        let of = usize::try_from(of).unwrap_or(usize::MAX);
        (seen.min(of), self.known_differences(item).unwrap_or(0).max(of))
    }

    /// How many differences an item has, as far as that is known without having seen it.
    fn known_differences(&self, item: &Item) -> Option<usize> {
        match &item.target {
            Target::Compare { artifact, path } => {
                let node = self.facts.comparisons.get(*artifact)?.as_ref()?.at(path)?;
                let whole = (self.compare.front == Front::Node(*artifact, path.clone())).then(|| self.whole_rows()).flatten();
                differences_of(node, whole.map(|l| &*l.listing)).and_then(|n| usize::try_from(n).ok())
            }
            Target::Cluster(places) if item.class != Class::Toolchain => {
                let in_front = |s: &&Spot| self.compare.front == Front::Node(s.root, s.path.clone());
                let spot = places.iter().find(in_front).or_else(|| places.first())?;
                let node = self.facts.comparisons.get(spot.root)?.as_ref()?.at(&spot.path)?;
                let whole = in_front(&spot).then(|| self.whole_rows()).flatten();
                differences_of(node, whole.map(|l| &*l.listing)).and_then(|n| usize::try_from(n).ok())
            }
            Target::Places(flag) => self.facts.flags.as_ref()?.get(*flag).map(|f| f.places.len()),
            Target::Rule(cause) if self.compare.front == Front::Group(Group::Rule(*cause)) => Some(self.compare.covered.len()),
            _ => None,
        }
    }

    /// The person's mark of an item, with what was shown but is not written yet.
    pub(crate) fn person_mark(&self, item: &Item) -> char {
        match self.state.mark(item) {
            ' ' if self.coverage(item).0 > 0 => 'o',
            mark => mark,
        }
    }
}

/// What a file of the sources is kept under in the journal: its path as displayable text, and what names its content.
fn source_key(facts: &crate::checks::Facts, entry: usize) -> Option<(String, String)> {
    Some((facts.source_path(entry)?.shown().to_string(), facts.source_entry(entry)?.id.clone()))
}
