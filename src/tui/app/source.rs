//! The source tree and the files of it that were read.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

mod text;
mod tree;

pub(crate) use text::SourceText;

use super::{App, Pane};
use crate::model::SourceUse;
use crate::session::SyntaxLines;
use crate::text::{Role, Row, Shown, Untrusted};
use crate::tui::action::{Effect, Screen, SyntaxOf};

/// Files kept; older ones are read again when somebody looks.
const KEPT: usize = 8;
/// Trees up to this size open unfolded.
const UNFOLDED: usize = 200;
/// Cells between the stops of tabs.
const TAB: usize = 8;

/// The end of each part of a line in bytes, and what it is.
type Parts = Box<[(u32, Role)]>;

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
