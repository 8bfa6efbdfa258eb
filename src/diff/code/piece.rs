//! The pieces that code is compared in: pairs of functions, and what lies between functions.

use std::collections::{BTreeMap, HashMap};

use super::verdict::Changes;
use crate::diff::image::{Images, display_name};
use crate::diff::pieces::Neighbours;
use crate::diff::{align, asm};
use crate::inspect::symbols::Function;
use crate::model::{Cause, FunctionDiff, ResultMark, Side, Sides};
use crate::text::Untrusted;

/// A piece of code on each side; `named` says that it is a function.
pub(super) struct Piece<'a> {
    pub(super) sides: Sides<Option<Function>>,
    pub(super) named: bool,
    pub(super) label: Label<'a>,
    /// At another place among its neighbours.
    pub(super) moved: bool,
}

/// What a piece is called. Nobody reads the names of code that is the same, so they are made only when asked for.
pub(super) enum Label<'a> {
    /// A pair of functions.
    Pair(usize),
    /// What follows a pair of functions, or starts a section of that name.
    After(Option<usize>, &'a [u8]),
    /// An address.
    At(u64),
}

impl Label<'_> {
    pub(super) fn text(&self, images: &Images) -> Untrusted {
        match self {
            Self::Pair(n) => pair_label(images, *n),
            Self::After(None, section) => Untrusted::from(*section),
            Self::After(Some(n), section) => {
                format!("after {} in {}", pair_label(images, *n).lossy(), Untrusted::from(*section).lossy()).into()
            }
            Self::At(address) => format!("{address:#x}").into(),
        }
    }
}

/// The name of a pair of functions, or its address.
fn pair_label(images: &Images, n: usize) -> Untrusted {
    let Some(pair) = images.pairs.get(n) else { return Untrusted::default() };
    let function = |side: Side| pair.get(side).and_then(|i| images.sides.get(side).functions.get(i));
    let name = [Side::Shipped, Side::Rebuilt].iter().find_map(|s| images.function_name(*s, (*pair.get(*s))?));
    let address = function(Side::Shipped).or(function(Side::Rebuilt)).map_or(0, |f| f.address);
    let section = [Side::Shipped, Side::Rebuilt]
        .iter()
        .find_map(|s| images.sides.get(*s).elf.sections.get(function(*s)?.section).map(|s| s.name.as_slice()));
    match (name, section) {
        (Some(name), _) => Untrusted::from(display_name(name)),
        (None, Some(plt)) if plt.starts_with(b".plt") => Untrusted::from(plt),
        _ => format!("{address:#x}").into(),
    }
}

/// Padding between functions is shorter than this, in bytes.
const MAX_PADDING: u64 = 64;

impl Piece<'_> {
    /// The pair that it is, or that it follows.
    pub(super) fn pair(&self) -> Option<usize> {
        match self.label {
            Label::Pair(n) | Label::After(Some(n), _) => Some(n),
            Label::After(None, _) | Label::At(_) => None,
        }
    }

    /// Whether it stands elsewhere among its neighbours and means the same there: nothing but what it refers to changed, all of
    /// that leads to the same places, and neither it nor what is between it and the next function runs on.
    pub(super) fn is_free(&self, images: &Images, neighbours: &Neighbours<'_>, diff: &FunctionDiff, explained: &Changes) -> bool {
        let (Some(x), Some(y)) = (&self.sides.shipped, &self.sides.rebuilt) else { return false };
        let section = |side: Side, f: &Function| images.sides.get(side).elf.sections.get(f.section).map(|s| s.name.clone());
        let shifts_only = explained.keys().all(|c| *c == Cause::AddressShift);
        let same = diff.result == ResultMark::Equivalent && shifts_only && section(Side::Shipped, x) == section(Side::Rebuilt, y);
        let code = self.named || !self.may_vary(images, neighbours);
        self.moved && same && code && self.pair().is_some_and(|n| neighbours.is_active() && neighbours.ends(n))
    }

    /// Whether it is padding between functions, whose length and kind mean nothing: nothing runs into it.
    pub(super) fn may_vary(&self, images: &Images, neighbours: &Neighbours<'_>) -> bool {
        let short = |side: Side| {
            let own = self.sides.get(side).as_ref();
            own.is_none_or(|f| f.size < MAX_PADDING && asm::is_plain_padding(images.sides.get(side), f))
        };
        let ends = self.pair().is_some_and(|n| neighbours.is_active() && neighbours.ends(n));
        !self.named && ends && short(Side::Shipped) && short(Side::Rebuilt)
    }

    /// Whether there is anything to say of it: other bytes, or another place.
    pub(super) fn differs(&self, images: &Images) -> bool {
        let code = |side: Side| self.sides.get(side).as_ref().map(|f| images.sides.get(side).code(f));
        let old = code(Side::Shipped);
        old.is_none() || old != code(Side::Rebuilt) || self.moved && self.named
    }
}

/// All pieces: function pairs, and what lies between functions paired by what it follows.
pub(super) fn pieces(images: &Images) -> Vec<Piece<'_>> {
    let mut out = Vec::new();
    let moved = align::displaced(&images.pairs);
    let mut after: Sides<HashMap<u64, usize>> = Sides::default();
    for (n, pair) in images.pairs.iter().enumerate() {
        let function = |side: Side| pair.get(side).and_then(|i| images.sides.get(side).functions.get(i)).cloned();
        let sides = Sides::new(function(Side::Shipped), function(Side::Rebuilt));
        for side in [Side::Shipped, Side::Rebuilt] {
            if let Some(f) = sides.get(side) {
                after.get_mut(side).insert(f.end(), n);
            }
        }
        out.push(Piece { sides, named: true, label: Label::Pair(n), moved: moved.contains(&n) });
    }
    // Filler: keyed by the place of the section's name among all names, and by the pair that it follows.
    let mut names: Vec<&[u8]> = vec![b""];
    for side in [Side::Shipped, Side::Rebuilt] {
        names.extend(images.sides.get(side).elf.sections.iter().map(|s| s.name.as_slice()));
    }
    names.sort_unstable();
    names.dedup();
    let mut fillers: BTreeMap<(usize, Option<usize>), Sides<Option<Function>>> = BTreeMap::new();
    let mut spare = Vec::new();
    for side in [Side::Shipped, Side::Rebuilt] {
        let image = images.sides.get(side);
        let place = |name: &[u8]| names.binary_search(&name).unwrap_or_default();
        let sections: Vec<usize> = image.elf.sections.iter().map(|s| place(&s.name)).collect();
        for f in &image.fillers {
            let key = (sections.get(f.section).copied().unwrap_or_default(), after.get(side).get(&f.address).copied());
            match fillers.entry(key).or_default().get_mut(side) {
                empty @ None => *empty = Some(f.clone()),
                Some(_) => spare.push((side, f.clone())),
            }
        }
    }
    for ((section, before), sides) in fillers {
        let moved = before.is_some_and(|n| moved.contains(&n));
        let section = names.get(section).copied().unwrap_or_default();
        out.push(Piece { sides, named: false, label: Label::After(before, section), moved });
    }
    for (side, f) in spare {
        let mut sides = Sides::default();
        let label = Label::At(f.address);
        *sides.get_mut(side) = Some(f);
        out.push(Piece { sides, named: false, label, moved: true });
    }
    out
}
