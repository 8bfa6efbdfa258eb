//! Functions and data of a linked file that stand in another order: which piece belongs to which, where each ends, and whether
//! everything that refers to one leads to its counterpart. Nothing is taken for a piece whose end is not known.

mod account;
mod blocks;
mod neighbours;
mod starts;

use std::collections::{BTreeMap, HashMap};

pub(super) use account::explain;
pub(super) use blocks::{Block, Permuted, Spot};
pub(super) use neighbours::Neighbours;

use super::align::displaced;
use super::image::Image;
use crate::inspect::exe::{Exe, Format, Section};
use crate::inspect::symbols::Symbol;
use crate::model::Sides;

/// Whether a section holds data that a linker lays out piece by piece. Thread-local data is addressed by its distance from the
/// end of its segment, and the order of what runs at the start counts.
fn is_laid_out(s: &Section) -> bool {
    let named = |starts: &[&[u8]]| starts.iter().any(|n| s.name.starts_with(n));
    let plain = s.kind == 1 && named(&[b".rodata", b".data"]);
    (plain || s.kind == 8 && named(&[b".bss", b".lbss"])) && s.is_allocated() && !s.is_code() && s.flags & 0x400 == 0
}

/// Sections of data whose pieces are laid out otherwise than on the other side, by name. `None` where functions and named data
/// stand in the same order, and where another order cannot be proved; and when it was given up.
pub(super) fn data(
    sides: &Sides<Image>,
    pairs: &[Sides<Option<usize>>],
    fillers: &HashMap<u64, u64>,
    cancelled: &dyn Fn() -> bool,
) -> Option<BTreeMap<Vec<u8>, Permuted>> {
    let elf = |exe: &Exe| exe.format == Format::Elf && exe.wide && exe.little && exe.machine == 62 && matches!(exe.kind, 2 | 3);
    let both = elf(&sides.shipped.elf) && elf(&sides.rebuilt.elf);
    if !both || displaced(pairs).is_empty() && !is_turned(&sides.shipped.objects, &sides.rebuilt.objects) {
        return None;
    }
    let (starts, users) = starts::find(sides, pairs, fillers, cancelled)?;
    Some(blocks::all(sides, &starts, &users))
}

/// The addresses of symbols by name; of those that a side has twice none.
fn once(all: &[Symbol]) -> HashMap<&[u8], Option<u64>> {
    let mut out: HashMap<&[u8], Option<u64>> = HashMap::new();
    for s in all {
        out.entry(&s.name).and_modify(|known| *known = None).or_insert(Some(s.address));
    }
    out
}

/// Whether data symbols that both sides have once stand in another order.
fn is_turned(old: &[Symbol], new: &[Symbol]) -> bool {
    let (one, two) = (once(old), once(new));
    let mut places: Vec<(u64, u64)> = one.iter().filter_map(|(name, x)| Some(((*x)?, (*two.get(name)?)?))).collect();
    places.sort_unstable();
    !places.is_sorted_by_key(|p| p.1)
}
