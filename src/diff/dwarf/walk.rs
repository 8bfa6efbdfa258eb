//! The state of one walk over the debug information of both sides, and how texts and addresses are compared in it.

use std::ops::Range;
use std::sync::Arc;

use super::super::build_path::BuildPath;
use super::abbrev::Table;
use super::cursor::Cursor;
use super::keyed::{Map, Set};
use super::lines::{Files, Rows};
use super::marks::{Id, Marks, Why};
use super::shift::Maps;
use super::steady::Steady;
use super::stretches::{STRETCH, Spent};
use super::unit::{Root, Tables, Unit};
use crate::model::{Cause, Side, Sides};

/// Entries, rows, operations and compared bytes of texts that are looked at, both sides together.
const MAX_WORK: u64 = 400_000_000;

/// What a text may differ by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Role {
    /// Nothing.
    Plain,
    /// The folder that it was built in.
    Path,
    /// What the compiler says of itself.
    Producer,
}

/// A unit of each side that belong together.
pub(super) struct Pair {
    pub(super) units: Sides<Unit>,
    pub(super) roots: Sides<Root>,
    pub(super) tables: Arc<TablePair>,
    pub(super) files: Option<Arc<Files>>,
}

/// Two abbreviation tables, and which of their declarations agree.
pub(super) struct TablePair {
    pub(super) tables: Sides<Arc<Table>>,
    pub(super) agree: Vec<bool>,
}

/// A reference to an entry that is checked once all units are known.
pub(super) struct Reference {
    pub(super) id: Id,
    pub(super) at: Sides<Range<usize>>,
    pub(super) to: Sides<u64>,
}

/// What the comparison knows about addresses.
pub(super) struct Places<'a> {
    /// Whether an address of the shipped side and one of the rebuilt side are proved to be the same place.
    pub(super) same: &'a (dyn Fn(u64, u64) -> bool + Sync),
    /// Whether an address of a side is in something that is loaded.
    pub(super) loaded: &'a (dyn Fn(Side, u64) -> bool + Sync),
}

/// What a pair of texts is remembered by: where both start.
pub(super) type TextKey = (Role, Id, usize, usize);

/// A pair of texts that differ by a cause.
pub(super) struct ChangedText {
    role: Role,
    pub(super) id: Id,
    pub(super) at: Sides<Range<usize>>,
    pub(super) why: Why,
    /// What equal bytes are put under in it.
    pub(super) moved: Option<Why>,
}

impl ChangedText {
    pub(super) fn key(&self) -> TextKey {
        (self.role, self.id, self.at.shipped.start, self.at.rebuilt.start)
    }
}

/// One walk.
pub(super) struct Walk<'a> {
    pub(super) marks: Marks<'a>,
    pub(super) little: bool,
    pub(super) places: &'a Places<'a>,
    pub(super) prefix: Option<BuildPath>,
    /// Whether the compiler's words about itself may differ.
    pub(super) producer: bool,
    pub(super) producers: Option<Sides<Vec<u8>>>,
    pub(super) maps: Maps,
    /// Work that may still be done.
    pub(super) left: u64,
    /// Work that was left at its start.
    pub(super) most: u64,
    /// What walks beside it spend, itself included.
    pub(super) spent: Option<Spent>,
    /// Bytes of entries that are worth a walk of their own.
    pub(super) stretch: usize,
    cancelled: &'a (dyn Fn() -> bool + Sync),
    /// Why the walk stopped early.
    pub(super) over: Option<&'static str>,
    /// What is the same on both sides, without a look at it.
    steady: Arc<[Steady; 13]>,
    /// Where the last text of each section ends: what starts behind it has no end.
    text_ends: Sides<[usize; 13]>,
    texts: Map<TextKey, Why>,
    /// Texts that differ by a cause.
    pub(super) changed_texts: Vec<ChangedText>,
    pub(super) abbrevs: Map<(Side, u64), Option<Arc<Table>>>,
    pub(super) table_pairs: Map<(u64, u64), Option<Arc<TablePair>>>,
    pub(super) programs: Map<(u64, u64), Option<Arc<Files>>>,
    /// Which addresses have which lines, of the pair of line programs that was asked for last.
    pub(super) rows: Option<Rows>,
    pub(super) lists: Set<(Id, u64, u64, u64, u64)>,
    pub(super) list_tables: Map<(Side, Id), Arc<Vec<super::lists::ListTable>>>,
    /// Ranges that were equal and refer to what is not walked.
    pub(super) opaque: Vec<(Id, Sides<Range<usize>>)>,
    /// References inside the unit that is walked, kept where its entries do not stand at the same offsets.
    pub(super) inside: Vec<Reference>,
    pub(super) collect: bool,
    pub(super) uneven: bool,
    pub(super) across: Vec<Reference>,
    /// Where the last call site returns to.
    pub(super) call: Option<Sides<u64>>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(data: Sides<[&'a [u8]; 13]>, little: bool, places: &'a Places<'a>, cancelled: &'a (dyn Fn() -> bool + Sync)) -> Self {
        let bytes = |side: &[&'a [u8]; 13], id: Id| side.get(id as usize).copied().unwrap_or_default();
        let steady = Arc::new(Id::ALL.map(|id| Steady::of(id, bytes(&data.shipped, id), bytes(&data.rebuilt, id))));
        let text_ends = data.as_ref().map(|d| d.map(|bytes| bytes.iter().rposition(|b| *b == 0).map_or(0, |at| at + 1)));
        Self::fresh(Marks::new(data), text_ends, steady, little, places, cancelled)
    }

    /// A walk that knows nothing yet.
    fn fresh(
        marks: Marks<'a>,
        text_ends: Sides<[usize; 13]>,
        steady: Arc<[Steady; 13]>,
        little: bool,
        places: &'a Places<'a>,
        cancelled: &'a (dyn Fn() -> bool + Sync),
    ) -> Self {
        Self {
            text_ends,
            marks,
            little,
            places,
            prefix: None,
            producer: false,
            producers: None,
            maps: Maps::default(),
            left: MAX_WORK,
            most: MAX_WORK,
            spent: None,
            stretch: STRETCH,
            cancelled,
            over: None,
            steady,
            texts: Map::default(),
            changed_texts: Vec::new(),
            abbrevs: Map::default(),
            table_pairs: Map::default(),
            programs: Map::default(),
            rows: None,
            lists: Set::default(),
            list_tables: Map::default(),
            opaque: Vec::new(),
            inside: Vec::new(),
            collect: false,
            uneven: false,
            across: Vec::new(),
            call: None,
        }
    }

    /// A walk over the same sections that knows nothing of them yet. With others beside it, sections of texts are not noted:
    /// that is done for [all texts that changed](Self::changed_texts) in the order of the units.
    pub(super) fn fork(&self, spent: Option<Spent>) -> Self {
        let apart: &[Id] = if spent.is_some() { &[Id::Str, Id::LineStr] } else { &[] };
        let steady = Arc::clone(&self.steady);
        Self {
            prefix: self.prefix.clone(),
            producer: self.producer,
            left: self.left,
            most: self.left,
            spent,
            stretch: self.stretch,
            abbrevs: self.abbrevs.clone(),
            ..Self::fresh(self.marks.fork(apart), self.text_ends, steady, self.little, self.places, self.cancelled)
        }
    }

    /// Lets go of what only helps to walk on.
    pub(super) fn forget(&mut self) {
        (self.texts, self.lists, self.rows) = (Map::default(), Set::default(), None);
        (self.programs, self.table_pairs) = (Map::default(), Map::default());
    }

    /// Takes work; `None` once there is none left or nobody waits any more.
    pub(super) fn spend(&mut self, work: usize) -> Option<()> {
        let before = self.left;
        self.left = self.left.saturating_sub(work as u64);
        if self.over.is_none() && self.left == 0 {
            self.over = Some("the debug information is over the bound of what is walked");
        }
        if before >> 16 != self.left >> 16 {
            if (self.cancelled)() {
                self.over = Some("cancelled");
            } else if self.spends_too_much(((before >> 16) - (self.left >> 16)) << 16) {
                self.over = Some("all together are over the bound");
            }
        }
        self.over.is_none().then_some(())
    }

    pub(super) fn cursor(&self, side: Side, id: Id, at: usize, end: usize) -> Cursor<'a> {
        let data = self.marks.bytes(side, id);
        Cursor { data: data.get(..end).unwrap_or(data), at, little: self.little }
    }

    pub(super) fn tables(&self, side: Side) -> Tables<'_> {
        Tables { data: self.marks.data.get(side), texts: self.text_ends.get(side), little: self.little }
    }

    /// The abbreviation table at an offset.
    pub(super) fn abbrev(&mut self, side: Side, offset: u64) -> Option<Arc<Table>> {
        if let Some(known) = self.abbrevs.get(&(side, offset)) {
            return known.clone();
        }
        let table = Table::read(self.marks.bytes(side, Id::Abbrev), offset, self.little).map(Arc::new);
        let size = table.as_ref().map_or_else(|| self.marks.bytes(side, Id::Abbrev).len(), |t| t.range.len());
        // Declarations are dearer to read than what uses them.
        self.spend(size.saturating_mul(8));
        self.abbrevs.insert((side, offset), table.clone());
        table
    }

    /// Compares two texts, without their NUL; texts in a section of texts that differ by a cause are marked.
    pub(super) fn text(&mut self, role: Role, old: (Id, Range<usize>), new: (Id, Range<usize>)) -> Why {
        let id = old.0;
        if id != new.0 {
            return Why::Not;
        }
        if self.spend(1).is_none() {
            return Why::Not;
        }
        if self.stays(role, id, old.1.start, new.1.start) {
            return Why::Same;
        }
        let key = (role, id, old.1.start, new.1.start);
        if let Some(known) = self.texts.get(&key) {
            return *known;
        }
        if self.spend(old.1.len() + new.1.len()).is_none() {
            return Why::Not;
        }
        let x = self.marks.bytes(Side::Shipped, id).get(old.1.clone()).unwrap_or_default();
        let y = self.marks.bytes(Side::Rebuilt, id).get(new.1.clone()).unwrap_or_default();
        let prefix = self.prefix.as_ref().filter(|_| role != Role::Plain);
        let why = match (role, prefix.map(|p| p.makes_equal(x, y))) {
            // Once there is a prefix it stands everywhere: a path that has it on both sides is no path of this build.
            (Role::Path, Some(false)) => Why::Not,
            _ if x == y => Why::Same,
            (Role::Path | Role::Producer, Some(true)) => Why::Because(Cause::BuildPath),
            (Role::Producer, _) if self.producer => {
                self.producers.get_or_insert_with(|| Sides::new(x.to_vec(), y.to_vec()));
                Why::Because(Cause::Producer)
            }
            _ => Why::Not,
        };
        if matches!(why, Why::Because(_)) && matches!(id, Id::Str | Id::LineStr) {
            let whole = Sides::new(old.1.start..old.1.end + 1, new.1.start..new.1.end + 1);
            self.marks.mark(id, whole.shipped.clone(), whole.rebuilt.clone(), why);
            self.changed_texts.push(ChangedText { role, id, at: whole, why, moved: self.marks.moved() });
        }
        self.texts.insert(key, why);
        why
    }

    /// Whether two offsets of a section lead to the same without a look at it: texts, or the places behind the last one.
    fn stays(&self, role: Role, id: Id, old: usize, new: usize) -> bool {
        (role != Role::Path || self.prefix.is_none()) && self.steady.get(id as usize).is_some_and(|steady| steady.holds(old, new))
    }

    /// Compares what two offsets in a section of texts lead to; gives what that makes of the offsets.
    pub(super) fn text_at(&mut self, role: Role, id: Id, old: u64, new: u64) -> Why {
        if let (Ok(x), Ok(y)) = (usize::try_from(old), usize::try_from(new)) {
            let ended = self.text_ends.shipped.get(id as usize).is_some_and(|end| x < *end);
            if ended && self.stays(role, id, x, y) {
                return Why::Follows(id);
            }
            if let Some(known) = self.texts.get(&(role, id, x, y)) {
                return if *known == Why::Not { Why::Not } else { Why::Follows(id) };
            }
        }
        let (x, y) = (self.tables(Side::Shipped).text_at(id, old), self.tables(Side::Rebuilt).text_at(id, new));
        match (x, y) {
            (Some(x), Some(y)) if self.text(role, (id, x.clone()), (id, y.clone())) != Why::Not => Why::Follows(id),
            _ => Why::Not,
        }
    }

    /// Compares two addresses.
    pub(super) fn address(&self, old: u64, new: u64) -> Why {
        if (self.places.same)(old, new) { Why::Because(Cause::AddressShift) } else { Why::Not }
    }

    /// Compares two addresses that end something, or that a call returns to: what counts is what stands before them.
    pub(super) fn end_address(&self, old: u64, new: u64) -> Why {
        match (old.checked_sub(1), new.checked_sub(1)) {
            (Some(x), Some(y)) if (self.places.same)(x, y) => Why::Because(Cause::AddressShift),
            _ => self.address(old, new),
        }
    }

    /// Whether equal distances from these two addresses are equal places.
    pub(super) fn is_anchor(&self, old: u64, new: u64) -> bool {
        (self.places.loaded)(Side::Shipped, old) && (self.places.loaded)(Side::Rebuilt, new) && (self.places.same)(old, new)
    }

    /// Compares a reference to an entry of the same unit.
    pub(super) fn entry(&mut self, id: Id, at: Sides<Range<usize>>, to: Sides<u64>) {
        if self.collect {
            self.inside.push(Reference { id, at, to });
        } else if to.shipped == to.rebuilt {
            self.marks.mark(id, at.shipped, at.rebuilt, Why::Same);
        } else {
            self.uneven = true;
        }
    }
}
