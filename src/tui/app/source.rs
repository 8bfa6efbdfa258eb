//! The source tree and the files of it that were read.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Range, RangeInclusive};
use std::sync::Arc;

use super::{App, Pane};
use crate::digest::Sha256;
use crate::model::{ResultMark, SourceStatus, SourceTree, SourceUse};
use crate::review::Target;
use crate::session::SyntaxLines;
use crate::text::{Role, Row, Shown, Untrusted, hidden_characters};
use crate::tui::action::{Effect, Screen, SyntaxOf};

/// Files kept; older ones are read again when somebody looks.
const KEPT: usize = 8;
/// Trees up to this size open unfolded.
const UNFOLDED: usize = 200;
/// Cells between the stops of tabs.
const TAB: usize = 8;

/// The end of each part of a line in bytes, and what it is.
type Parts = Box<[(u32, Role)]>;

/// A file, cut into lines.
#[derive(Debug)]
pub(crate) struct SourceText {
    bytes: Arc<[u8]>,
    lines: Arc<[Range<usize>]>,
    /// Whether it has NUL bytes and is shown as bytes.
    pub(crate) binary: bool,
    /// Lines, from 1, with characters that hide or reorder others.
    pub(crate) hidden: BTreeSet<u64>,
}

impl SourceText {
    pub(crate) fn new(bytes: Arc<[u8]>) -> Self {
        let binary = bytes.contains(&0);
        let mut lines = Vec::new();
        let mut hidden = BTreeSet::new();
        if binary {
            lines.extend((0..bytes.len()).step_by(16).map(|at| at..bytes.len().min(at + 16)));
        } else {
            let mut start = 0;
            while start < bytes.len() {
                let end = bytes[start..].iter().position(|b| *b == b'\n').map_or(bytes.len(), |n| start + n);
                // The carriage return of a CRLF belongs to the line's end.
                let text_end = if end > start && end < bytes.len() && bytes[end - 1] == b'\r' { end - 1 } else { end };
                lines.push(start..text_end);
                let line = &bytes[start..text_end];
                if !line.is_ascii() || line.iter().any(|b| *b < 0x20) {
                    let found = hidden_characters(&String::from_utf8_lossy(line));
                    let mark = found.iter().any(|(at, c)| !(*c == '\u{FEFF}' && *at == 0 && start == 0));
                    if mark {
                        hidden.insert(lines.len() as u64);
                    }
                }
                start = end + 1;
            }
        }
        Self { bytes, lines: lines.into(), binary, hidden }
    }

    /// Number of lines (or rows of 16 bytes).
    pub(crate) fn len(&self) -> usize {
        self.lines.len()
    }

    /// The digest of the whole file.
    pub(crate) fn digest(&self) -> Sha256 {
        Sha256::of(&self.bytes)
    }

    /// The digest of some lines (or rows of bytes), from 0, with their ends.
    pub(crate) fn span_digest(&self, rows: &RangeInclusive<usize>) -> Sha256 {
        let start = self.lines.get(*rows.start()).map_or(self.bytes.len(), |l| l.start);
        let end = self.lines.get(rows.end() + 1).map_or(self.bytes.len(), |l| l.start);
        Sha256::of(self.bytes.get(start..end).unwrap_or_default())
    }

    /// Whether a line is longer than the guard shows.
    pub(crate) fn is_cut(&self, at: usize) -> bool {
        let long = self.lines.get(at).is_some_and(|r| r.len() > crate::text::MAX_CELLS / 8);
        long && self.line(at).as_str().ends_with("<cut>")
    }

    /// A line, from 0, as displayable text.
    pub(crate) fn line(&self, at: usize) -> Shown {
        let bytes = self.lines.get(at).and_then(|r| self.bytes.get(r.clone())).unwrap_or_default();
        if !self.binary {
            return Shown::of_line(bytes);
        }
        let hex: Vec<String> = bytes.iter().map(|b| format!("{b:02x}")).collect();
        let text: String = bytes.iter().map(|b| if (0x20..0x7f).contains(b) { char::from(*b) } else { '.' }).collect();
        Shown::new(&format!("{:<47}  {text}", hex.join(" ")))
    }
}

/// A row of the tree.
#[derive(Clone, Debug)]
pub(crate) struct TreeRow {
    pub(crate) depth: usize,
    pub(crate) name: Untrusted,
    /// The path of a directory; `None` for a file.
    pub(crate) dir: Option<Vec<u8>>,
    /// The entry, for a file; the first entry inside, for a directory.
    pub(crate) entry: usize,
    /// The entries inside.
    pub(crate) inside: Range<usize>,
    pub(crate) open: bool,
}

/// A file that was read, or why it could not be.
type Read = Result<Arc<SourceText>, String>;

/// The Source screen's state.
#[derive(Default)]
pub(crate) struct Source {
    pub(crate) tree: Vec<TreeRow>,
    /// Directories that were opened (or closed, when the tree is small) by hand.
    toggled: BTreeSet<Vec<u8>>,
    /// The entry in front.
    pub(crate) entry: Option<usize>,
    kept: Vec<(usize, Read)>,
    /// The syntax of the lines of the file in front: its entry, and the parts of each line that is known.
    syntax: (usize, Vec<Option<Parts>>),
    asked: BTreeSet<usize>,
    want: Option<u64>,
    /// The line to draw first, from 0, when a place is opened exactly as it was.
    pub(crate) want_top: Option<usize>,
    /// Lines whose machine code differs, by entry.
    pub(crate) differs: BTreeMap<usize, BTreeSet<u64>>,
    /// Entries with something that a person must look at.
    pub(crate) hidden: BTreeSet<usize>,
    /// Those that a source archive has otherwise than the tree.
    pub(crate) alarms: BTreeSet<usize>,
    /// The lines that flags are about, by entry.
    pub(crate) lines: BTreeMap<usize, BTreeSet<u64>>,
    /// The flag of an item of one place, by its id.
    pub(crate) flags: BTreeMap<String, usize>,
    /// The item of an entry: required reads and flagged files.
    pub(crate) item_of: BTreeMap<usize, usize>,
    made_for: Option<(usize, usize, usize)>,
    /// Lines of the text files before each entry, and in all at the end; empty while they are not known.
    lines_before: Vec<u64>,
    /// Lines shown of text files, written or not, by entry.
    shown: BTreeMap<usize, u64>,
    /// What the file in front became.
    pub(crate) built_into: Vec<Built>,
}

/// An executable that holds code of the file in front.
#[derive(Clone, Debug)]
pub(crate) struct Built {
    pub(crate) artifact: usize,
    pub(crate) path: Vec<usize>,
    pub(crate) uses: Vec<SourceUse>,
}

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
    fn make_shares(&mut self, tree: &SourceTree) {
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

    /// Which executables hold code of the file in front: those with differing functions first.
    fn make_built_into(&mut self) {
        let file = self.source.entry.and_then(|e| self.facts.source_path(e));
        let mut all = Vec::new();
        for (artifact, root) in self.facts.comparisons.iter().enumerate() {
            let (Some(root), Some(file)) = (root, &file) else { continue };
            let found = crate::model::built_into(root, file).into_iter();
            all.extend(found.map(|b| Built { artifact, path: b.path, uses: b.uses.to_vec() }));
        }
        all.sort_by_key(|b| b.uses.iter().all(|u| u.result.is_equal()));
        self.source.built_into = all;
    }

    /// What flags say of entries and lines.
    fn make_flags(&mut self) {
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
    fn fill_tree(&mut self) {
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

    /// Puts a file in front, at a line from 1.
    pub(crate) fn open_entry(&mut self, entry: usize, line: u64) {
        if self.source.entry != Some(entry) {
            self.flush();
            self.source.entry = Some(entry);
            self.selection = None;
            self.cursors[Pane::File as usize] = super::Cursor::default();
            self.sideways = 0;
            self.make_built_into();
            self.forget_past();
        }
        self.past.layer = None;
        self.reveal(entry);
        self.show(Screen::Source);
        self.focus_on(Pane::File);
        self.source.want = Some(line);
        self.want_file(entry);
        self.settle_file();
    }

    /// Asks for a file unless it is there or on its way.
    pub(crate) fn want_file(&mut self, entry: usize) {
        let there = self.source.kept.iter().any(|(e, _)| *e == entry);
        if !there && self.source.asked.insert(entry) {
            self.effect(Effect::ReadSource(entry));
        }
    }

    pub(crate) fn source_came(&mut self, entry: usize, file: Result<Arc<[u8]>, String>) {
        self.source.asked.remove(&entry);
        if self.source.kept.len() >= KEPT {
            let spare = self.source.kept.iter().position(|(e, _)| Some(*e) != self.source.entry).unwrap_or(0);
            let _ = self.source.kept.remove(spare);
        }
        self.source.kept.push((entry, file.map(|bytes| Arc::new(SourceText::new(bytes)))));
        self.settle_file();
    }

    /// Asks for the syntax of the file in front, once it is there.
    pub(super) fn want_syntax(&mut self) {
        let front = match self.screen {
            Screen::Source => self.source.entry.map(|e| (e, self.cursor(Pane::File).at)),
            Screen::Compare => self.row_entry().map(|(e, line)| (e, usize::try_from(line).unwrap_or(0))),
            _ => None,
        };
        let Some((entry, top)) = front else { return };
        if self.source.syntax.0 == entry && !self.source.syntax.1.is_empty() {
            return;
        }
        let Some(Ok(file)) = self.file(entry) else { return };
        let file = Arc::clone(file);
        if file.binary {
            return;
        }
        self.source.syntax = (entry, vec![None; file.len()]);
        let path = self.facts.source_path(entry).unwrap_or_default();
        let of = SyntaxOf { entry, path, bytes: Arc::clone(&file.bytes), lines: Arc::clone(&file.lines), top };
        self.effect(Effect::Syntax(Box::new(of)));
    }

    pub(super) fn syntax_came(&mut self, came: SyntaxLines) {
        if self.source.syntax.0 == came.entry {
            for (slot, parts) in self.source.syntax.1.iter_mut().skip(came.first).zip(came.lines) {
                *slot = Some(parts);
            }
        }
    }

    /// A line of the file in front, from 0, with its syntax where that is known. Only where every byte is one character on the
    /// screen: elsewhere the text is drawn plain, so that no part can be taken for another.
    pub(crate) fn source_row(&self, entry: usize, file: &SourceText, at: usize) -> Row {
        let text = file.line(at);
        let mut row = Row::new();
        let parts = (self.source.syntax.0 == entry).then(|| self.source.syntax.1.get(at)).flatten().and_then(Option::as_ref);
        let bytes = file.lines.get(at).and_then(|r| file.bytes.get(r.clone())).unwrap_or_default();
        let Some(parts) = parts.filter(|_| bytes.iter().all(|b| matches!(b, b'\t' | 0x20..=0x7e))) else {
            row.push(Role::Text, text);
            return row;
        };
        // A tab reaches to the next stop.
        let cells = |column: usize, byte: &u8| column + if *byte == b'\t' { TAB - column % TAB } else { 1 };
        if bytes.iter().fold(0, cells) != text.as_str().chars().count() {
            row.push(Role::Text, text);
            return row;
        }
        let mut chars = text.as_str().chars();
        let (mut from, mut column) = (0, 0);
        for (end, role) in parts {
            let end = bytes.len().min(*end as usize);
            let to = bytes.get(from..end).unwrap_or_default().iter().fold(column, cells);
            let part: String = chars.by_ref().take(to - column).collect();
            row.push(*role, Shown::new(&part));
            (from, column) = (end.max(from), to);
        }
        row.push(Role::Text, Shown::new(chars.as_str()));
        row
    }

    fn settle_file(&mut self) {
        if self.open_file().is_some()
            && let Some(line) = self.source.want.take()
        {
            self.put_in_view(Pane::File, usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX));
            if let Some(top) = self.source.want_top.take() {
                self.cursor_mut(Pane::File).top = top;
            }
        }
    }

    /// A file that was read.
    pub(crate) fn file(&self, entry: usize) -> Option<&Read> {
        self.source.kept.iter().find(|(e, _)| *e == entry).map(|(_, f)| f)
    }

    /// The file in front, if it could be read.
    pub(crate) fn open_file(&self) -> Option<&Arc<SourceText>> {
        self.file(self.source.entry?)?.as_ref().ok()
    }

    /// Next or previous line with a mark; false at the end.
    pub(crate) fn step_mark(&mut self, forward: bool) -> bool {
        let (Some(entry), Some(file)) = (self.source.entry, self.open_file()) else { return false };
        let here = self.cursor(Pane::File).at as u64 + 1;
        let mut marks = file.hidden.clone();
        for more in [self.source.differs.get(&entry), self.source.lines.get(&entry)].into_iter().flatten() {
            marks.extend(more.iter().filter(|l| **l <= file.len() as u64));
        }
        // Of a run of changed lines its first.
        marks.extend(self.past.since.iter().flat_map(|s| s.added.iter().filter(|l| !s.added.contains(&(**l - 1))).chain(&s.gone)));
        let next = if forward { marks.iter().copied().find(|l| *l > here) } else { marks.iter().copied().rfind(|l| *l < here) };
        let Some(line) = next else { return false };
        self.focus_on(Pane::File);
        self.put_in_view(Pane::File, usize::try_from(line - 1).unwrap_or(usize::MAX));
        true
    }
}

impl App {
    /// The next or previous place of an item that has several, or the first of them; false at the end.
    pub(crate) fn step_place(&mut self, item: usize, forward: Option<bool>) -> bool {
        let Some(flag) = self.flag_of(item) else { return false };
        let here = self.source.entry.and_then(|e| flag.places.iter().position(|p| p.entry == e));
        let to = match (forward, here) {
            (None, _) | (_, None) => Some(0),
            (Some(true), Some(at)) => Some(at + 1),
            (Some(false), Some(at)) => at.checked_sub(1),
        };
        let Some((place, n, of)) = to.and_then(|to| Some((flag.places.get(to)?.clone(), to + 1, flag.places.len()))) else { return false };
        self.item = self.items.get(item).map(|i| i.id.clone());
        self.open_entry(place.entry, place.lines.first().copied().unwrap_or(1));
        self.say(&format!("place {n} of {of}: ] goes to the next"));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> SourceText {
        SourceText::new(bytes.into())
    }

    #[test]
    fn lines_are_cut_at_newlines_and_hidden_characters_are_found() {
        let file = text("int a;\r\n/* \u{202E} */\n\tb\nlast".as_bytes());
        assert_eq!(file.len(), 4);
        assert_eq!(file.line(0).as_str(), "int a;");
        assert_eq!(file.line(1).as_str(), "/* <U+202E> */");
        assert_eq!(file.hidden, BTreeSet::from([2]));
        assert_eq!(file.span_digest(&(0..=0)), Sha256::of(b"int a;\r\n"), "as it is in the file");
        assert_eq!(file.span_digest(&(2..=3)), Sha256::of(b"\tb\nlast"));
        assert_eq!(file.line(9).as_str(), "");
        assert_eq!(text(b"").len(), 0);
    }

    #[test]
    fn a_file_with_nul_bytes_is_shown_as_bytes() {
        let file = text(b"\x7fELF\0\x01\x02............more");
        assert!(file.binary);
        assert_eq!(file.len(), 2);
        assert!(file.line(0).as_str().starts_with("7f 45 4c 46 00 01 02"));
    }
}
