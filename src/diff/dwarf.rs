//! Debug sections: packed in another way, built in another folder, with lines that moved, in another order. Everything is
//! resolved on both sides by a walk over the debug information, and every byte that no rule covers stays unexplained.

mod abbrev;
mod cursor;
mod expr;
mod headers;
mod info;
mod keyed;
mod lines;
mod lists;
mod marks;
mod notes;
mod order;
mod parts;
mod program;
mod shift;
mod steady;
mod stretches;
mod unit;
mod units;
mod walk;

use std::collections::BTreeSet;

use self::marks::Tally;
pub(in crate::diff) use self::order::moved;
use self::parts::Part;
use self::units::Outcome;
use self::walk::{Places, Walk};
use super::Share;
use super::account::prove;
use super::exe::RegionPair;
use super::image::Images;
use crate::inspect::exe::Exe;
use crate::model::{Account, Cause, Node, Side, Sides, Tried};

/// Explains what differs in debug sections, and the headers that follow from their sizes.
pub(super) fn explain(
    node: &mut Node,
    images: &Images,
    regions: &mut [RegionPair],
    cancelled: &(dyn Fn() -> bool + Sync),
    share: &Share<'_>,
) {
    let (a, b) = (&images.sides.shipped.elf, &images.sides.rebuilt.elf);
    let parts = parts::collect(node, a, b, regions);
    if !parts.iter().any(|p| p.differs) {
        return;
    }
    let loaded = |p: &&RegionPair| {
        let allocated = |exe: &Exe, i: Option<usize>| i.and_then(|i| exe.regions.get(i)).is_some_and(|r| r.allocated);
        allocated(a, p.regions.shipped) || allocated(b, p.regions.rebuilt)
    };
    let residue: u64 = regions.iter().filter(loaded).map(|p| p.account.shipped.unexplained + p.account.rebuilt.unexplained).sum();
    let mut data = Sides::new([&[][..]; 13], [&[][..]; 13]);
    for part in &parts {
        if let Some(id) = part.id {
            for side in [Side::Shipped, Side::Rebuilt] {
                if let Some(slot) = data.get_mut(side).get_mut(id as usize) {
                    *slot = part.sides.get(side).content(images.sides.get(side));
                }
            }
        }
    }
    let places = Placed::new(images);
    let (same, within) = (|x, y| places.same(x, y), |side, at| places.loaded(side, at));
    let places = Places { same: &same, loaded: &within };
    // Objects have their references in relocations, unless those were put in place.
    let in_place = |exe: &Exe| exe.kind != 1 || exe.object.as_ref().is_some_and(|o| o.debug);
    let walkable = in_place(a) && in_place(b) && a.little == b.little && a.machine == b.machine;
    let content_differs = parts.iter().any(|p| p.content_differs(images));
    let mut walked = None;
    if walkable && content_differs {
        let mut walk = Walk::new(data, a.little, &places, cancelled);
        walk.producer = residue == 0;
        let outcome = walk.all(share);
        if let Some(why) = walk.over {
            node.tried.push(Tried { cause: Cause::BuildPath, why: why.to_owned() });
        }
        walked = outcome.map(|outcome| (walk, outcome));
    }
    let tally = walked.as_ref().and_then(|(walk, _)| walk.marks.tally(share));
    let layouts = tally.as_ref().map_or([Cause::Reordering; 13], Tally::layouts);
    let mut causes = BTreeSet::new();
    for part in &parts {
        let found = match (&walked, &tally) {
            (Some((walk, outcome)), Some(tally)) => part.walked(walk, outcome, (tally, &layouts), images),
            (Some(_), None) => Some(part.refused(images)),
            (None, _) => part.compared(images),
        };
        let Some(found) = found else { continue };
        part.apply(node, regions, images, found, &mut causes);
    }
    headers::explain(node, images, regions, &parts, &causes);
}

/// What the comparison of the code knows about addresses.
struct Placed<'a> {
    images: &'a Images,
    /// Code sections that are the same on both sides, at the same address.
    equal: BTreeSet<u64>,
}

impl<'a> Placed<'a> {
    fn new(images: &'a Images) -> Self {
        let (a, b) = (&images.sides.shipped.elf, &images.sides.rebuilt.elf);
        let same = |x: &&crate::inspect::exe::Section| {
            let twin = b.section_at(x.address);
            twin.is_some_and(|y| (&x.name, x.address, x.size, x.kind) == (&y.name, y.address, y.size, y.kind) && a.data(x) == b.data(y))
        };
        let equal = a.sections.iter().filter(|s| s.is_allocated() && s.size > 0).filter(same).map(|s| s.address).collect();
        Self { images, equal }
    }

    fn loaded(&self, side: Side, address: u64) -> bool {
        self.images.sides.get(side).elf.section_at(address).is_some()
    }

    fn same(&self, old: u64, new: u64) -> bool {
        let (one, two) = (self.loaded(Side::Shipped, old), self.loaded(Side::Rebuilt, new));
        if !one && !two {
            // What was thrown away has the address zero, or one that nothing has.
            return old == new;
        }
        if one != two {
            return false;
        }
        let start = |side: Side, at| self.images.sides.get(side).elf.section_at(at).map(|s| s.address);
        if old == new && start(Side::Shipped, old).is_some_and(|s| self.equal.contains(&s)) {
            return true;
        }
        self.images.same_place(old, new) || self.in_pair(old, new)
    }

    /// Whether both are as far into the same function of one size: what the function is made of is compared elsewhere.
    fn in_pair(&self, old: u64, new: u64) -> bool {
        let sides = &self.images.sides;
        let (Some(i), Some(j)) = (sides.shipped.function_at(old), sides.rebuilt.function_at(new)) else { return false };
        let paired = self.images.pairs.get(i).is_some_and(|p| p.shipped == Some(i) && p.rebuilt == Some(j));
        let (Some(f), Some(g)) = (sides.shipped.functions.get(i), sides.rebuilt.functions.get(j)) else { return false };
        paired && f.size == g.size && old - f.address == new - g.address
    }
}

/// What is known of a pair of sections, before it is packed.
struct Found {
    account: Sides<Account>,
    /// Cause, where it is in the content of each side, and the values of its proof.
    causes: Vec<(Cause, Sides<crate::model::Span>, Sides<Vec<u8>>)>,
}

impl Part {
    /// What the walk says of this pair.
    fn walked(&self, walk: &Walk<'_>, outcome: &Outcome, (tally, layouts): (&Tally, &[Cause; 13]), images: &Images) -> Option<Found> {
        let Some(id) = self.id else {
            if self.name == b".debug_frame" && !self.packed() {
                // Its addresses were followed with the other tables, wherever they moved.
                return None;
            }
            // It may refer to anything: equal is the same only while nothing moved.
            return self.compared(images).filter(|_| outcome.kept).or_else(|| Some(self.refused(images)));
        };
        let (account, spans) = tally.result(id, layouts);
        let mut causes = Vec::new();
        for (cause, span) in spans {
            for values in values(walk, outcome, cause) {
                causes.push((cause, span.clone(), values));
            }
        }
        Some(Found { account, causes })
    }
}

/// Old and new value of a cause.
fn values(walk: &Walk<'_>, outcome: &Outcome, cause: Cause) -> Vec<Sides<Vec<u8>>> {
    let both = |text: String| vec![Sides::new(text.clone().into_bytes(), text.into_bytes())];
    match cause {
        Cause::BuildPath => walk.prefix.iter().map(|p| p.0.clone()).collect(),
        Cause::Producer => walk.producers.clone().into_iter().collect(),
        Cause::LineShift if !outcome.files.is_empty() => {
            let at = |name: &[u8], line: u64| [name, b":", line.to_string().as_bytes()].concat();
            outcome.files.iter().take(20).map(|(name, first)| first.map(|line| at(name, line))).collect()
        }
        // The units stand where they stood, and what they lead to does not.
        Cause::Reordering if outcome.moved == 0 => both("strings, abbreviations or lists of the same units in another order".to_owned()),
        Cause::Reordering => both(format!("{} of {} units in another order", outcome.moved, outcome.units)),
        _ => both("debug information".to_owned()),
    }
}

/// Moves the bytes of a cause out of what is unexplained, with a proof.
fn proved(node: &mut Node, cause: Cause, spans: Sides<crate::model::Span>, values: &Sides<Vec<u8>>) {
    let text = values.as_ref().map(|v| String::from_utf8_lossy(v).into_owned());
    prove(&mut node.proofs, cause, spans, Sides::new(text.shipped.as_str(), text.rebuilt.as_str()));
}

#[cfg(test)]
mod tests;
