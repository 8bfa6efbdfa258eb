//! Both executables of a pair with what is known about them, and what an address means on each side.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::atomic::AtomicU64;

mod beside;
mod names;
mod side;

use beside::{anchor, common_parts, paired_fillers};
pub(super) use names::display_name;
use names::text_of;
pub(super) use side::Image;
use side::is_table;

use super::blocks::Blocks;
use super::pieces::{self, Block, Permuted, Spot};
use super::shifts::Shifts;
use crate::inspect::exe::{Format, Section};
use crate::inspect::symbols::Bound;
use crate::model::{Side, Sides};

/// Entries of tables that code refers to, of one pair of files.
const MAX_ENTRIES: u64 = 1 << 24;

/// Stands for the start of the file: no section has such a name, which ends at the first NUL.
const FILE: &[u8] = b"\0";

/// Slots that are filled with something else and are said in words.
pub(super) const MAX_REBOUND: usize = 20;

/// What an address refers to, in a form that can be compared between the sides.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Target {
    /// An imported function, through a PLT stub whose code was read; where several lead to it, with the number of this one.
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
    /// Whether the loader fills the same places on both sides.
    pub(super) same_slots: bool,
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
        // Who reads a place that is filled elsewhere on the other side reads something else, though nothing else moved.
        let same_slots = sides.shipped.bindings.keys().eq(sides.rebuilt.bindings.keys());
        let mut images = Self {
            sides,
            pairs,
            pair_of,
            common,
            blocks,
            permuted,
            turned,
            same_slots,
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
            // No name has a NUL in it.
            let rank = image.ranks.get(&address).map(|n| format!("\0{n}").into_bytes()).unwrap_or_default();
            return Target::Import([name.as_slice(), &rank].concat());
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

    /// Whether everything stands where it stood: what has a counterpart, every loaded section of a linked file, and what the loader fills.
    pub(super) fn is_still(&self) -> bool {
        self.same_slots
            && self.shifts().is_still()
            && (!self.sides.shipped.is_linked() || self.sides.shipped.standing() == self.sides.rebuilt.standing())
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
        if !self.same_slots || !self.permuted.is_empty() {
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
}
