//! Both executables of a pair with what is known about them, and what an address means on each side.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::sync::atomic::AtomicU64;

use super::account::{common_end, common_start};
use super::asm::{self, Ending};
use super::blocks::Blocks;
use super::pieces::{self, Block, Permuted, Spot};
use super::shifts::Shifts;
use crate::inspect::exe::{Exe, Format, Section, text_at};
use crate::inspect::pe;
use crate::inspect::symbols::{self, Bound, Function, Symbol};
use crate::model::{Side, Sides};

/// Entries of tables that code refers to, of one pair of files.
const MAX_ENTRIES: u64 = 1 << 24;

/// Stands for the start of the file: no section has such a name, which ends at the first NUL.
const FILE: &[u8] = b"\0";

/// Slots that are filled with something else and are said in words.
pub(super) const MAX_REBOUND: usize = 20;

/// One side.
pub(super) struct Image {
    pub(super) elf: Exe,
    /// Sorted by address, without overlaps.
    pub(super) functions: Vec<Function>,
    /// Code between functions.
    pub(super) fillers: Vec<Function>,
    bindings: BTreeMap<u64, Bound>,
    /// Slots that the loader fills with the same import as another one of their section.
    twins: HashSet<u64>,
    /// Where an address stands in full, and its bytes: where the loader adds the distance from the preferred base (PE), or
    /// the linker puts it (objects).
    pub(super) moved: BTreeMap<u64, u8>,
    stubs: BTreeMap<u64, Vec<u8>>,
    /// Data symbols, sorted by address.
    pub(super) objects: Vec<Symbol>,
    /// Where data symbols start, and the furthest end of those up to there; sorted.
    extents: Vec<(u64, u64)>,
    /// Where loaded sections end, with the first that ends there.
    ends: HashMap<u64, usize>,
}

impl Image {
    /// `debug` are the symbols of a debug file that describes this very file. `None` when it was given up.
    pub(super) fn new(elf: Exe, debug: Vec<Symbol>, cancelled: &dyn Fn() -> bool) -> Option<Self> {
        // Large files take a while in each of these.
        let go_on = || (!cancelled()).then_some(());
        let mut symbols = symbols::symbols(&elf, true);
        go_on()?;
        symbols.extend(debug);
        go_on()?;
        let functions = symbols::functions(&elf, &symbols);
        go_on()?;
        let mut fillers = symbols::uncovered(&elf, &functions);
        fillers.sort_by_key(|f| f.address);
        go_on()?;
        let bindings = symbols::bindings(&elf);
        go_on()?;
        let twins = twins(&elf, &bindings);
        let stubs = symbols::stubs(&elf, &bindings);
        let moved = elf.object.as_ref().map_or_else(|| pe::tables::relocations(&elf), |o| o.addresses.clone());
        go_on()?;
        let mut objects: Vec<Symbol> = symbols.into_iter().filter(|s| !s.code && s.size > 0).collect();
        objects.sort_by(|x, y| (x.address, &x.name).cmp(&(y.address, &y.name)));
        let mut extents: Vec<(u64, u64)> = Vec::with_capacity(objects.len());
        for s in &objects {
            let end = extents.last().map_or(0, |e| e.1).max(s.address.saturating_add(s.size));
            extents.push((s.address, end));
        }
        objects.dedup_by_key(|s| s.address);
        // The end of a section is told by its name: of several that have it none is meant.
        let mut names: HashMap<&[u8], usize> = HashMap::new();
        elf.sections.iter().filter(|s| s.is_allocated()).for_each(|s| *names.entry(&s.name).or_default() += 1);
        let mut ends = HashMap::new();
        for (i, s) in elf.sections.iter().enumerate().filter(|(_, s)| s.is_allocated() && s.size > 0) {
            if names.get(s.name.as_slice()) == Some(&1) {
                ends.entry(s.address.wrapping_add(s.size)).or_insert(i);
            }
        }
        Some(Self { elf, functions, fillers, bindings, twins, moved, stubs, objects, extents, ends })
    }

    /// Takes over bounds of functions from the other side where this side knows none: at the same address of a section
    /// that is at the same place. They only say what to compare with what; the bytes are compared as everywhere.
    pub(super) fn borrow_bounds(&mut self, other: &Self) {
        let mut more = Vec::new();
        for f in &other.functions {
            let Some(theirs) = other.elf.sections.get(f.section) else { continue };
            let Some(index) = self.elf.section_index_at(f.address) else { continue };
            let same =
                self.elf.sections.get(index).is_some_and(|own| {
                    (&own.name, own.address, own.size, own.is_code()) == (&theirs.name, theirs.address, theirs.size, true)
                });
            let after = self.fillers.partition_point(|gap| gap.address <= f.address);
            let free = after.checked_sub(1).and_then(|i| self.fillers.get(i)).is_some_and(|gap| f.end() <= gap.end());
            if same && free {
                more.push(Function { name: None, section: index, ..f.clone() });
            }
        }
        if !more.is_empty() {
            self.functions.extend(more);
            self.functions.sort_by_key(|f| f.address);
            self.fillers = symbols::uncovered(&self.elf, &self.functions);
            self.fillers.sort_by_key(|f| f.address);
        }
    }

    /// The code of a function or filler.
    pub(super) fn code(&self, f: &Function) -> &[u8] {
        let Some(s) = self.elf.sections.get(f.section) else { return &[] };
        let from = usize::try_from(f.address.wrapping_sub(s.address)).unwrap_or(usize::MAX);
        let to = from.saturating_add(usize::try_from(f.size).unwrap_or(usize::MAX));
        self.elf.data(s).get(from..to).unwrap_or_default()
    }

    /// Where the data that a symbol claims at an address ends.
    pub(super) fn object_end(&self, address: u64) -> Option<u64> {
        let after = self.extents.partition_point(|(start, _)| *start <= address);
        self.extents.get(after.checked_sub(1)?).map(|(_, end)| *end).filter(|end| *end > address)
    }

    /// Whether a symbol claims the data before an address together with that behind it.
    pub(super) fn is_inside_object(&self, address: u64) -> bool {
        let after = self.extents.partition_point(|(start, _)| *start < address);
        after.checked_sub(1).and_then(|i| self.extents.get(i)).is_some_and(|(_, end)| *end > address)
    }

    /// Where the stubs are that lead to imports.
    pub(super) fn stub_addresses(&self) -> impl Iterator<Item = u64> + '_ {
        self.stubs.keys().copied()
    }

    /// The import that a stub at an address leads to.
    pub(super) fn import(&self, address: u64) -> Option<&[u8]> {
        self.stubs.get(&address).map(Vec::as_slice)
    }

    /// What the loader puts at an address.
    pub(super) fn bound(&self, address: u64) -> Option<&Bound> {
        self.bindings.get(&address)
    }

    /// What the loader puts at the addresses of a range.
    pub(super) fn filled(&self, range: std::ops::Range<u64>) -> impl Iterator<Item = (&u64, &Bound)> {
        self.bindings.range(range.start..range.end.max(range.start))
    }

    /// Of an object: what is not in it and stands at an address, by name, and how far that is from there.
    fn outside(&self, address: u64) -> Option<(&[u8], u64)> {
        self.elf.object.as_ref()?.extern_at(address)
    }

    /// What another file defines and a call leads to, by name and without its version.
    pub(super) fn imported(&self, call: Ending) -> Option<&[u8]> {
        let name = match call {
            Ending::Calls(to) => self.import(to).or_else(|| self.outside(to).filter(|(_, offset)| *offset == 0).map(|(name, _)| name)),
            Ending::CallsThrough(slot) => match self.bound(slot) {
                Some(Bound::Import(name, 0)) => Some(name.as_slice()),
                _ => None,
            },
            Ending::Leaves | Ending::Open => None,
        };
        // The number behind `%` is the type of the relocation.
        name.and_then(|n| n.split(|b| matches!(b, b'@' | b'%')).next())
    }

    /// The function, or the code between functions, that an address is in.
    pub(super) fn piece_at(&self, address: u64) -> Option<&Function> {
        if let Some(i) = self.function_at(address) {
            return self.functions.get(i);
        }
        let after = self.fillers.partition_point(|f| f.address <= address);
        after.checked_sub(1).and_then(|i| self.fillers.get(i)).filter(|f| address < f.end())
    }

    /// Whether it is an ELF program or library, whose sections have addresses.
    fn is_linked(&self) -> bool {
        self.elf.format == Format::Elf && self.elf.kind != 1
    }

    /// Name and address of each loaded section, sorted.
    fn standing(&self) -> Vec<(&[u8], u64)> {
        let loaded = self.elf.sections.iter().filter(|s| s.is_allocated() && s.size > 0);
        let mut out: Vec<(&[u8], u64)> = loaded.map(|s| (s.name.as_slice(), s.address)).collect();
        out.sort_unstable();
        out
    }

    /// The function that an address is in.
    pub(super) fn function_at(&self, address: u64) -> Option<usize> {
        let i = self.functions.partition_point(|f| f.address <= address).checked_sub(1)?;
        self.functions.get(i).filter(|f| address < f.end()).map(|_| i)
    }
}

/// What an address refers to, in a form that can be compared between the sides.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Target {
    /// An imported function, through a PLT stub whose code was read.
    Import(Vec<u8>),
    /// The only slot of a section that the loader fills with that import: import, addend and section. Of two slots with one
    /// import each has its place: who has the address of one reads on from there.
    Slot(Vec<u8>, u64, Vec<u8>),
    /// An offset in a pair of functions; other offsets than 0 only where the code of both has the same size.
    Function(usize, u64),
    /// An offset in code between functions, by its address on the shipped side.
    Filler(u64, u64),
    /// An offset from the start of a section, where the account compares it with the same offset of the other side.
    Section(Vec<u8>, u64),
    /// The same, counted from the end of a section that grew or shrank before it.
    SectionEnd(Vec<u8>, u64),
    /// Right behind data that ends at that offset of the shipped side, where nothing else begins.
    Behind(Vec<u8>, u64),
    /// A text in read-only data. How far the code reads there is not known: it helps to align, and proves nothing.
    Text(Vec<u8>),
    /// Not resolved.
    Unknown(u64),
}

/// Both sides and how their functions belong together.
pub(super) struct Images {
    pub(super) sides: Sides<Image>,
    pub(super) pairs: Vec<Sides<Option<usize>>>,
    /// For each function, its pair.
    pair_of: Sides<Vec<usize>>,
    /// Data sections with one counterpart, by name: bytes (or size) in common at the start and at the end.
    common: BTreeMap<Vec<u8>, (u64, u64)>,
    /// Data sections that changed their size, or in which a build folder changed, by name.
    pub(super) blocks: BTreeMap<Vec<u8>, Blocks>,
    /// Data sections whose pieces are laid out otherwise, by name.
    pub(super) permuted: BTreeMap<Vec<u8>, Permuted>,
    turned: bool,
    /// Pairs whose code has the same size: an offset in one is that offset in the other, once the code is accounted for.
    same_size: Vec<bool>,
    /// For code between functions that follows the same pair on both sides and has the same size: the address on the other side.
    fillers: Sides<HashMap<u64, u64>>,
    shifts: Sides<Shifts>,
    /// Entries of tables that may still be followed, of all functions together: each of them may name the same long table.
    pub(super) entries: AtomicU64,
}

impl Images {
    /// `None` when it was given up.
    pub(super) fn new(sides: Sides<Image>, pairs: Vec<Sides<Option<usize>>>, cancelled: &dyn Fn() -> bool) -> Option<Self> {
        let go_on = || (!cancelled()).then_some(());
        let mut pair_of = Sides::new(vec![usize::MAX; sides.shipped.functions.len()], vec![usize::MAX; sides.rebuilt.functions.len()]);
        let mut same_size = Vec::with_capacity(pairs.len());
        for (n, pair) in pairs.iter().enumerate() {
            for side in [Side::Shipped, Side::Rebuilt] {
                if let Some(slot) = pair.get(side).and_then(|i| pair_of.get_mut(side).get_mut(i)) {
                    *slot = n;
                }
            }
            let size = |side: Side| pair.get(side).and_then(|i| sides.get(side).functions.get(i)).map(|f| sides.get(side).code(f).len());
            same_size.push(size(Side::Shipped).is_some() && size(Side::Shipped) == size(Side::Rebuilt));
        }
        go_on()?;
        let (common, mut blocks) = common_parts(&sides);
        go_on()?;
        let fillers = paired_fillers(&sides, &pairs);
        let found = pieces::data(&sides, &pairs, &fillers.shipped, cancelled);
        go_on()?;
        let turned = found.is_some();
        let mut permuted = found.unwrap_or_default();
        // Where a build folder changed, texts have other lengths: that is undone first.
        permuted.retain(|name, _| blocks.get(name).is_none_or(|b| b.path.is_none()));
        blocks.retain(|name, _| !permuted.contains_key(name));
        anchor(&sides, &mut blocks, cancelled)?;
        let mut images = Self {
            sides,
            pairs,
            pair_of,
            common,
            blocks,
            permuted,
            turned,
            same_size,
            fillers,
            shifts: Sides::default(),
            entries: AtomicU64::new(MAX_ENTRIES),
        };
        go_on()?;
        let pieces = images.pieces();
        let back = pieces.iter().map(|(own, start)| (*start..start.saturating_add(own.end.saturating_sub(own.start)), own.start)).collect();
        go_on()?;
        images.shifts = Sides::new(Shifts::new(pieces), Shifts::new(back));
        Some(images)
    }

    /// The pair that a function of one side is in.
    pub(super) fn pair_of(&self, side: Side, function: usize) -> Option<usize> {
        self.pair_of.get(side).get(function).copied().filter(|n| *n != usize::MAX)
    }

    /// What an address means.
    pub(super) fn target(&self, side: Side, address: u64) -> Target {
        let image = self.sides.get(side);
        if let Some(name) = image.stubs.get(&address) {
            return Target::Import(name.clone());
        }
        if let Some((name, offset)) = image.outside(address) {
            return if offset == 0 { Target::Import(name.to_vec()) } else { Target::Slot(name.to_vec(), offset, Vec::new()) };
        }
        if let Some(i) = image.function_at(address) {
            let start = image.functions.get(i).map_or(0, |f| f.address);
            let pair = self.pair_of.get(side).get(i).copied().unwrap_or(usize::MAX);
            let both = self.pairs.get(pair).is_some_and(|p| p.shipped.is_some() && p.rebuilt.is_some());
            if both && (start == address || self.same_size.get(pair) == Some(&true)) {
                return Target::Function(pair, address - start);
            }
            return Target::Unknown(address);
        }
        let Some(s) = image.elf.section_at(address) else { return self.bound_of_section(image, address) };
        if s.is_code() {
            return self.filler(side, address).unwrap_or(Target::Unknown(address));
        }
        if is_table(&image.elf, s)
            && let Some(Bound::Import(name, addend)) = image.bindings.get(&address)
            && !image.twins.contains(&address)
        {
            return Target::Slot(name.clone(), *addend, s.name.clone());
        }
        if let Some(permuted) = self.permuted.get(&s.name) {
            return match permuted.spot(side, address - s.address) {
                Some(Spot::In(place)) => Target::Section(s.name.clone(), place),
                Some(Spot::Behind(place)) => Target::Behind(s.name.clone(), place),
                None => Target::Unknown(address),
            };
        }
        if let Some(blocks) = self.blocks.get(&s.name) {
            let offset = usize::try_from(address - s.address).unwrap_or(usize::MAX);
            if let Some(place) = blocks.place(offset, side == Side::Shipped) {
                return Target::Section(s.name.clone(), place);
            }
        } else if let Some((start, end)) = self.common.get(&s.name) {
            let offset = address - s.address;
            if offset < *start {
                return Target::Section(s.name.clone(), offset);
            }
            if s.size - offset <= *end {
                return Target::SectionEnd(s.name.clone(), s.size - offset);
            }
        }
        if s.is_written() || s.is_code() {
            return Target::Unknown(address);
        }
        text_of(&image.elf, address).map_or(Target::Unknown(address), Target::Text)
    }

    /// Whether functions or pieces of data stand in another order that can be proved.
    pub(super) fn is_turned(&self) -> bool {
        self.turned
    }

    /// Where the next known piece of data begins on one side, in a section whose pieces are laid out otherwise.
    pub(super) fn next_start(&self, side: Side, address: u64) -> Option<u64> {
        let s = self.sides.get(side).elf.section_at(address)?;
        self.permuted.get(&s.name)?.next_start(side, address)
    }

    /// Whether a text begins at an address of the shipped side, in a section whose pieces are laid out otherwise.
    pub(super) fn is_text(&self, address: u64) -> bool {
        let s = self.sides.shipped.elf.section_at(address);
        s.and_then(|s| self.permuted.get(&s.name)).is_some_and(|p| p.is_text(address))
    }

    /// The end of a section behind which nothing is, or the start of the file.
    fn bound_of_section(&self, image: &Image, address: u64) -> Target {
        match image.ends.get(&address).and_then(|i| image.elf.sections.get(*i)) {
            Some(s) => Target::SectionEnd(s.name.clone(), 0),
            None if image.elf.format == Format::Elf && image.elf.address_of(0) == Some(address) => Target::Section(FILE.to_vec(), 0),
            None => Target::Unknown(address),
        }
    }

    fn filler(&self, side: Side, address: u64) -> Option<Target> {
        let image = self.sides.get(side);
        let i = image.fillers.partition_point(|f| f.address <= address).checked_sub(1)?;
        let f = image.fillers.get(i).filter(|f| address < f.end())?;
        let other = self.fillers.get(side).get(&f.address)?;
        Some(Target::Filler(if side == Side::Shipped { f.address } else { *other }, address - f.address))
    }

    /// Everything that has a counterpart: where it is on the shipped side, and where that starts.
    fn pieces(&self) -> Vec<(Range<u64>, u64)> {
        let mut out = Vec::new();
        for (pair, same) in self.pairs.iter().zip(&self.same_size) {
            let function = |side: Side| pair.get(side).and_then(|i| self.sides.get(side).functions.get(i));
            if let (Some(x), Some(y)) = (function(Side::Shipped), function(Side::Rebuilt)) {
                out.push((x.address..if *same { x.end() } else { x.address.saturating_add(1) }, y.address));
            }
        }
        for f in &self.sides.shipped.fillers {
            if let Some(other) = self.fillers.shipped.get(&f.address) {
                out.push((f.address..f.end(), *other));
            }
        }
        // What has a counterpart is the only data section of its name on each side; code may have the same name.
        let is_data = |s: &&Section| s.is_allocated() && !s.is_code();
        let theirs: HashMap<&[u8], &Section> =
            self.sides.rebuilt.elf.sections.iter().filter(is_data).map(|t| (t.name.as_slice(), t)).collect();
        for s in self.sides.shipped.elf.sections.iter().filter(is_data) {
            let Some(t) = theirs.get(s.name.as_slice()) else { continue };
            let at = |offset: u64| s.address.saturating_add(offset);
            if let Some(permuted) = self.permuted.get(&s.name) {
                let place = |b: &Block| (at(b.sides.shipped.start)..at(b.sides.shipped.end), t.address.wrapping_add(b.sides.rebuilt.start));
                out.extend(permuted.blocks.iter().map(place));
            } else if let Some(blocks) = self.blocks.get(&s.name) {
                out.extend(blocks.places().map(|(own, other)| (at(own.start)..at(own.end), t.address.wrapping_add(other))));
            } else if let Some((start, end)) = self.common.get(&s.name) {
                out.push((s.address..at(*start), t.address));
                out.push((at(s.size - end)..at(s.size), t.address.wrapping_add(t.size - end)));
            }
        }
        out
    }

    /// Whether everything stands where it stood: what has a counterpart, and every loaded section of a linked file.
    pub(super) fn is_still(&self) -> bool {
        self.shifts().is_still() && (!self.sides.shipped.is_linked() || self.sides.shipped.standing() == self.sides.rebuilt.standing())
    }

    /// A name that two loaded sections of a linked file have. Which of them is meant by it nobody can tell.
    pub(super) fn named_twice(&self) -> Option<Vec<u8>> {
        for image in [&self.sides.shipped, &self.sides.rebuilt] {
            let all = if image.is_linked() { image.standing() } else { Vec::new() };
            let twice = all.iter().zip(all.iter().skip(1)).find(|(s, t)| s.0 == t.0);
            if let Some((s, _)) = twice {
                return Some(s.0.to_vec());
            }
        }
        None
    }

    /// How far everything of the shipped side is from its counterpart.
    pub(super) fn shifts(&self) -> &Shifts {
        &self.shifts.shipped
    }

    /// Where the counterpart of an address of one side is.
    pub(super) fn counterpart(&self, side: Side, address: u64) -> Option<u64> {
        self.shifts.get(side).distance(address).map(|d| address.wrapping_add(d))
    }

    /// Whether it is proved that an address of the shipped side and one of the rebuilt side mean the same place.
    pub(super) fn same_place(&self, shipped: u64, rebuilt: u64) -> bool {
        let old = self.target(Side::Shipped, shipped);
        !matches!(old, Target::Unknown(_) | Target::Text(_)) && old == self.target(Side::Rebuilt, rebuilt)
    }

    /// Whether it is known that the two addresses mean different places.
    pub(super) fn other_place(&self, shipped: u64, rebuilt: u64) -> bool {
        let (old, new) = (self.target(Side::Shipped, shipped), self.target(Side::Rebuilt, rebuilt));
        let known = |t: &Target| !matches!(t, Target::Unknown(_) | Target::Text(_));
        known(&old) && known(&new) && old != new
    }

    /// Slots that the loader fills with another import than on the other side, when both sides have the same slots: how many,
    /// and the first of them in words.
    pub(super) fn rebound(&self) -> (usize, Vec<String>) {
        let (a, b) = (&self.sides.shipped.bindings, &self.sides.rebuilt.bindings);
        if !a.keys().eq(b.keys()) || !self.permuted.is_empty() {
            // The slots are compared where they are.
            return (0, Vec::new());
        }
        // Equal numbers may be different places: each side names its own.
        let place = |side: Side, to: u64| match self.label(side, to) {
            Some(name) => format!("{name} at {to:#x}"),
            None if side == Side::Shipped => format!("{to:#x} of what was shipped"),
            None => format!("{to:#x} of what was rebuilt"),
        };
        let text = |side: Side, bound: &Bound| match bound {
            Bound::Import(name, 0) => String::from_utf8_lossy(name).into_owned(),
            Bound::Import(name, addend) => format!("{}+{addend:#x}", String::from_utf8_lossy(name)),
            Bound::Relative(to) => place(side, *to),
            Bound::Computed(by) => format!("what {} returns", place(side, *by)),
        };
        let shown = |side: Side, bound: &Bound| crate::text::Untrusted::from(text(side, bound)).shown();
        let same = |old: &Bound, new: &Bound| match (old, new) {
            // An equal address may lead to something else where content moved.
            (Bound::Relative(x), Bound::Relative(y)) => self.same_place(*x, *y) || x == y && !self.other_place(*x, *y),
            _ => old == new,
        };
        let mut differing = a.iter().zip(b.values()).filter(|((_, old), new)| !same(old, new));
        let say = |((at, old), new): ((&u64, &Bound), &Bound)| {
            format!("the loader fills {at:#x} with {} against {}", shown(Side::Shipped, old), shown(Side::Rebuilt, new))
        };
        let first: Vec<String> = differing.by_ref().take(MAX_REBOUND).map(say).collect();
        (first.len() + differing.count(), first)
    }

    /// The name of a function, borrowed from the other side when this one has none.
    pub(super) fn function_name(&self, side: Side, index: usize) -> Option<&[u8]> {
        let own = self.sides.get(side).functions.get(index)?.name.as_deref();
        own.or_else(|| {
            let pair = self.pairs.get(*self.pair_of.get(side).get(index)?)?;
            let other = if side == Side::Shipped { Side::Rebuilt } else { Side::Shipped };
            self.sides.get(other).functions.get((*pair.get(other))?)?.name.as_deref()
        })
    }

    /// A name for an address on a screen, behind the guard: a claim, not a proof.
    pub(super) fn label(&self, side: Side, address: u64) -> Option<String> {
        self.said(side, address).map(|name| crate::text::Shown::new(&name).to_string())
    }

    fn said(&self, side: Side, address: u64) -> Option<String> {
        let image = self.sides.get(side);
        let plain = |name: &[u8]| String::from_utf8_lossy(name.split(|b| *b == b'@').next().unwrap_or_default()).into_owned();
        if let Some(name) = image.stubs.get(&address) {
            return Some(format!("{}@plt", plain(name)));
        }
        if let Some((name, offset)) = image.outside(address) {
            // The number behind `%` is the type of the relocation.
            let name = display_name(name.split(|b| *b == b'%').next().unwrap_or_default());
            return Some(if offset == 0 { name } else { format!("{name}{:+#x}", offset.cast_signed()) });
        }
        if let Some(i) = image.function_at(address) {
            let name = display_name(self.function_name(side, i)?);
            let offset = address - image.functions.get(i)?.address;
            return Some(if offset == 0 { name } else { format!("{name}+{offset:#x}") });
        }
        if let Some(Bound::Import(name, _)) = image.bindings.get(&address) {
            return Some(format!("{}@got", plain(name)));
        }
        let at = image.objects.partition_point(|s| s.address <= address).checked_sub(1).and_then(|i| image.objects.get(i));
        if let Some(s) = at.filter(|s| address - s.address < s.size) {
            let offset = address - s.address;
            return Some(if offset == 0 { display_name(&s.name) } else { format!("{}+{offset:#x}", display_name(&s.name)) });
        }
        image.elf.section_at(address).filter(|s| !s.is_written() && !s.is_code())?;
        let text = text_of(&image.elf, address)?;
        let shown: String = String::from_utf8_lossy(&text).chars().take(40).collect();
        Some(format!("{shown:?}"))
    }
}

/// Where a build folder has another length, what stands behind it is known only from where something refers to it. `None` when it was
/// given up.
fn anchor(sides: &Sides<Image>, all: &mut BTreeMap<Vec<u8>, Blocks>, cancelled: &dyn Fn() -> bool) -> Option<()> {
    let mut moved: Vec<_> = all.iter_mut().filter(|(_, b)| b.path.is_some() && !b.is_still()).collect();
    if moved.is_empty() {
        return Some(());
    }
    let names: HashSet<&[u8]> = moved.iter().map(|(name, _)| name.as_slice()).collect();
    let starts = Sides::new(referred(&sides.shipped, &names, cancelled)?, referred(&sides.rebuilt, &names, cancelled)?);
    let inside = |side: Side, at: u64| sides.get(side).is_inside_object(at);
    for (_, blocks) in &mut moved {
        blocks.anchor(&starts, &inside);
    }
    Some(())
}

/// The addresses in sections of these names that code, pointers and symbols of a side name.
fn referred(image: &Image, names: &HashSet<&[u8]>, cancelled: &dyn Fn() -> bool) -> Option<BTreeSet<u64>> {
    let elf = &image.elf;
    let mut out = BTreeSet::new();
    let mut add = |to: u64| {
        if elf.section_at(to).is_some_and(|s| names.contains(s.name.as_slice())) {
            out.insert(to);
        }
    };
    for f in image.functions.iter().chain(&image.fillers) {
        if cancelled() {
            return None;
        }
        if elf.machine == 62 {
            asm::scan(image, f).iter().flat_map(|scan| &scan.references).for_each(|r| add(r.to));
        } else {
            asm::decode(image, f).iter().flatten().filter_map(asm::Insn::reference).for_each(&mut add);
        }
    }
    for bound in image.bindings.values() {
        if let Bound::Relative(to) | Bound::Computed(to) = bound {
            add(*to);
        }
    }
    let word = |at: u64, size: usize| elf.numbers().int(elf.bytes_at(at), 0, size);
    image.moved.iter().filter_map(|(at, size)| word(*at, usize::from(*size))).for_each(&mut add);
    image.objects.iter().for_each(|s| add(s.address));
    let size = if elf.wide { 8 } else { 4 };
    for s in elf.sections.iter().filter(|s| elf.kind == 2 && s.is_allocated() && !s.is_code()) {
        let data = elf.data(s);
        (0..data.len()).step_by(size).filter_map(|at| elf.numbers().int(data, at, size)).for_each(&mut add);
    }
    Some(out)
}

/// Whether a section holds slots that the loader fills with imports.
fn is_table(exe: &Exe, s: &Section) -> bool {
    s.name.starts_with(b".got") || exe.format == Format::Pe
}

/// The slots of such sections that share their import with another one of the same section.
fn twins(exe: &Exe, bindings: &BTreeMap<u64, Bound>) -> HashSet<u64> {
    let mut first: HashMap<(usize, &Bound), u64> = HashMap::new();
    let mut out = HashSet::new();
    for (address, bound) in bindings.iter().filter(|(_, b)| matches!(b, Bound::Import(..))) {
        let Some(index) = exe.section_index_at(*address) else { continue };
        if exe.sections.get(index).is_some_and(|s| is_table(exe, s))
            && let Some(known) = first.insert((index, bound), *address)
        {
            out.extend([known, *address]);
        }
    }
    out
}

/// Code between functions with its counterpart: the one that follows the same pair in a section of the same name.
fn paired_fillers(sides: &Sides<Image>, pairs: &[Sides<Option<usize>>]) -> Sides<HashMap<u64, u64>> {
    let mut ends: Sides<HashMap<u64, usize>> = Sides::default();
    for (n, pair) in pairs.iter().enumerate() {
        for side in [Side::Shipped, Side::Rebuilt] {
            if let Some(f) = pair.get(side).and_then(|i| sides.get(side).functions.get(i)) {
                ends.get_mut(side).insert(f.end(), n);
            }
        }
    }
    // Sections of one name are one.
    let mut names: HashMap<&[u8], usize> = HashMap::new();
    let mut numbers: Sides<Vec<usize>> = Sides::default();
    for side in [Side::Shipped, Side::Rebuilt] {
        for s in &sides.get(side).elf.sections {
            let next = names.len();
            numbers.get_mut(side).push(*names.entry(&s.name).or_insert(next));
        }
    }
    let keys = |side: Side| {
        type Places = HashMap<(Option<usize>, Option<usize>), Option<(u64, u64)>>;
        let mut out = Places::new();
        for f in &sides.get(side).fillers {
            let key = (numbers.get(side).get(f.section).copied(), ends.get(side).get(&f.address).copied());
            out.entry(key).and_modify(|known| *known = None).or_insert(Some((f.address, f.size)));
        }
        out
    };
    let (own, other) = (keys(Side::Shipped), keys(Side::Rebuilt));
    let mut out: Sides<HashMap<u64, u64>> = Sides::default();
    for (key, place) in own {
        let (Some((x, size)), Some(Some((y, same)))) = (place, other.get(&key)) else { continue };
        if size == *same {
            out.shipped.insert(x, *y);
            out.rebuilt.insert(*y, x);
        }
    }
    out
}

/// For each data section that exists once on each side, how much of it stands beside the same part of the other: all of it
/// when the sizes agree (the account compares position by position), else the equal start and end.
type Common = (BTreeMap<Vec<u8>, (u64, u64)>, BTreeMap<Vec<u8>, Blocks>);

fn common_parts(sides: &Sides<Image>) -> Common {
    let by_name = |elf: &Exe| {
        let mut names: BTreeMap<Vec<u8>, Vec<usize>> = BTreeMap::new();
        for (i, s) in elf.sections.iter().enumerate().filter(|(_, s)| s.is_allocated() && !s.is_code()) {
            names.entry(s.name.clone()).or_default().push(i);
        }
        names
    };
    let (a, b) = (&sides.shipped.elf, &sides.rebuilt.elf);
    let other = by_name(b);
    let mut out = BTreeMap::new();
    let mut all_blocks = BTreeMap::new();
    for (name, indices) in by_name(a) {
        let ([i], Some([j])) = (indices.as_slice(), other.get(&name).map(Vec::as_slice)) else { continue };
        let (Some(s), Some(t)) = (a.sections.get(*i), b.sections.get(*j)) else { continue };
        let (old, new) = (a.data(s), b.data(t));
        if s.kind != t.kind {
            continue;
        }
        // Tables of the loader have a meaning of their own; only plain data is put side by side by its content.
        if s.kind == 1 && old != new && is_data(&name) && s.size == old.len() as u64 && t.size == new.len() as u64 {
            let found = Blocks::new(old, new, Sides::new(*i, *j), Sides::new(s.address, t.address));
            // Only of ELF files are the references of what did not change followed to what moved.
            let followed = |b: &Blocks| a.format == Format::Elf || b.is_still();
            if let Some(blocks) = found.filter(|b| (b.path.is_some() || old.len() != new.len()) && followed(b)) {
                all_blocks.insert(name, blocks);
                continue;
            }
        }
        if s.size == t.size && old.len() == new.len() {
            out.insert(name, (s.size, 0));
        } else if s.kind != 8 && s.size == old.len() as u64 && t.size == new.len() as u64 {
            let start = common_start(old, new);
            let end = common_end(old, new, old.len().min(new.len()) - start);
            out.insert(name, (start as u64, end as u64));
        }
    }
    (out, all_blocks)
}

/// Whether a section holds constants or variables of the program.
fn is_data(name: &[u8]) -> bool {
    [&b".rodata"[..], b".data", b".tdata", b".rdata"].iter().any(|start| name.starts_with(start))
}

/// A printable NUL-ended text at an address.
fn text_of(elf: &Exe, address: u64) -> Option<Vec<u8>> {
    let bytes = elf.bytes_at(address);
    let text = text_at(bytes, 0);
    let ended = bytes.get(text.len()) == Some(&0);
    let printable = text.iter().all(|b| matches!(b, 9 | 10 | 13 | 0x20..=0x7e) || *b >= 0x80);
    (ended && printable && (2..=4096).contains(&text.len())).then(|| text.to_vec())
}

/// A demangled name.
pub(super) fn display_name(name: &[u8]) -> String {
    let text = String::from_utf8_lossy(name);
    match rustc_demangle::try_demangle(&text) {
        Ok(demangled) => format!("{demangled:#}").chars().take(1024).collect(),
        Err(_) => text.into_owned(),
    }
}
