//! The pieces of a section of data: what stands together on both sides is one block. Where a block is followed by something
//! else than on the other side, everything that begins in it must be known to end in it.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use super::is_laid_out;
use super::starts::{Start, Users};
use crate::diff::account::common_start;
use crate::diff::dwarf::moved;
use crate::diff::image::Image;
use crate::inspect::exe::{Exe, Section, text_at};
use crate::model::{Side, Sides};

/// Zeros between two pieces that are taken for padding: fewer than this many bytes.
const MAX_PADDING: u64 = 64;
/// Alignment that data must keep, in bytes.
const ALIGNMENT: u64 = 8;
/// Texts are looked at up to this length.
const MAX_TEXT: usize = 4 << 10;
/// A shorter text may be a number.
const SURE_TEXT: u64 = 4;
/// Pairs of users of two places that are looked at; beyond that they are taken to have one in common.
const MAX_USERS: usize = 1 << 16;
/// So far before an array its address may be taken, to count from one.
const BIAS: u64 = 8;
/// Entries of one table of places.
const MAX_ENTRIES: u64 = 1 << 16;

/// Data that stands together on both sides: offsets in the section of each side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::diff) struct Block {
    pub(in crate::diff) sides: Sides<Range<u64>>,
    /// Whether it stands in another order among the others.
    pub(in crate::diff) moved: bool,
    /// Zeros behind it that fill up to what comes next.
    pub(in crate::diff) padding: Sides<u64>,
}

/// A pair of sections whose pieces are laid out otherwise.
#[derive(Debug)]
pub(in crate::diff) struct Permuted {
    /// Index of the section on each side.
    pub(in crate::diff) sections: Sides<usize>,
    /// In the order of the shipped side.
    pub(in crate::diff) blocks: Vec<Block>,
    /// Places in `blocks`, in the order of the rebuilt side.
    back: Vec<usize>,
    /// Addresses of the rebuilt and shipped side at which something is known to begin, in order.
    starts: Sides<Vec<u64>>,
    /// Where texts begin on the shipped side.
    texts: HashSet<u64>,
}

/// Where an offset is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::diff) enum Spot {
    /// At that offset of the shipped side, or what belongs to it.
    In(u64),
    /// Right behind the piece that ends at that offset of the shipped side, where nothing else is.
    Behind(u64),
}

impl Permuted {
    /// Where an offset of one side is.
    pub(in crate::diff) fn spot(&self, side: Side, offset: u64) -> Option<Spot> {
        let at = |n: usize| match side {
            Side::Shipped => self.blocks.get(n),
            Side::Rebuilt => self.back.get(n).and_then(|i| self.blocks.get(*i)),
        };
        let after = match side {
            Side::Shipped => self.blocks.partition_point(|b| b.sides.shipped.start <= offset),
            Side::Rebuilt => self.back.partition_point(|i| self.blocks.get(*i).is_some_and(|b| b.sides.rebuilt.start <= offset)),
        };
        let block = at(after.checked_sub(1)?)?;
        let own = block.sides.get(side);
        if offset < own.end {
            return Some(Spot::In(block.sides.shipped.start + (offset - own.start)));
        }
        (offset == own.end && *block.padding.get(side) > 0).then_some(Spot::Behind(block.sides.shipped.end))
    }

    /// Whether nothing but padding is behind the last piece of sections of these sizes.
    pub(in crate::diff) fn reaches(&self, shipped: u64, rebuilt: u64) -> bool {
        let last = |end: fn(&Block) -> u64| self.blocks.iter().map(end).max().unwrap_or(0);
        let near = |size: u64, end: u64| size >= end && size - end < MAX_PADDING;
        near(shipped, last(|b| b.sides.shipped.end)) && near(rebuilt, last(|b| b.sides.rebuilt.end))
    }

    /// Whether a text begins at an address of the shipped side.
    pub(in crate::diff) fn is_text(&self, address: u64) -> bool {
        self.texts.contains(&address)
    }

    /// Where the next known place begins on one side, behind an address.
    pub(in crate::diff) fn next_start(&self, side: Side, address: u64) -> Option<u64> {
        next_of(self.starts.get(side), address)
    }
}

/// All sections in which a piece is at another place than its counterpart.
pub(super) fn all(sides: &Sides<Image>, starts: &[Start], users: &Users) -> BTreeMap<Vec<u8>, Permuted> {
    let (a, b) = (&sides.shipped.elf, &sides.rebuilt.elf);
    let once = |exe: &Exe, name: &[u8]| {
        let mut own = exe.sections.iter().enumerate().filter(|(_, s)| s.is_allocated() && s.name == name);
        own.next().filter(|_| own.next().is_none()).map(|(i, _)| i)
    };
    let mut out = BTreeMap::new();
    for (i, s) in a.sections.iter().enumerate().filter(|(_, s)| is_laid_out(s)) {
        let (Some(_), Some(j)) = (once(a, &s.name), once(b, &s.name)) else { continue };
        let Some(t) = b.sections.get(j).filter(|t| t.kind == s.kind && is_laid_out(t)) else { continue };
        let from = starts.partition_point(|p| p.at.shipped < s.address);
        let inside = starts.iter().skip(from).take_while(|p| s.holds(p.at.shipped));
        let own: Vec<Start> = inside.filter(|p| t.holds(p.at.rebuilt)).copied().collect();
        let stands = |p: &Start| p.at.shipped - s.address == p.at.rebuilt - t.address;
        if own.iter().all(stands) && s.size == t.size {
            continue;
        }
        let layout = Layout { sides, sections: Sides::new(s, t), users };
        let (blocks, begins, texts) = layout.blocks(own);
        if blocks.is_empty() {
            continue;
        }
        let mut back: Vec<usize> = (0..blocks.len()).collect();
        back.sort_by_key(|n| blocks.get(*n).map(|b| b.sides.rebuilt.start));
        out.insert(s.name.clone(), Permuted { sections: Sides::new(i, j), blocks, back, starts: begins, texts });
    }
    out
}

fn is_printable(b: &u8) -> bool {
    matches!(b, 9 | 10 | 13 | 27 | 0x20..=0x7e) || *b >= 0x80
}

/// The first of some sorted addresses that is behind that one.
fn next_of(all: &[u64], at: u64) -> Option<u64> {
    all.get(all.partition_point(|s| *s <= at)).copied()
}

/// Where something begins on each side, in order.
fn begins(known: &[Known]) -> Sides<Vec<u64>> {
    let mut out = Sides::new(
        known.iter().map(|k| k.start.at.shipped).collect::<Vec<_>>(),
        known.iter().map(|k| k.start.at.rebuilt).collect::<Vec<_>>(),
    );
    out.rebuilt.sort_unstable();
    out
}

struct Layout<'a> {
    sides: &'a Sides<Image>,
    sections: Sides<&'a Section>,
    users: &'a Users,
}

/// A start with where it ends: its length on both sides, when it is known.
struct Known {
    start: Start,
    length: Option<u64>,
    form: Form,
}

/// What begins there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// What instructions read or write themselves.
    Value,
    /// A text with its NUL.
    Text,
    /// A table of places in code.
    Table,
    /// An object with a symbol, whose address may be taken to count through it.
    Object,
    /// The start of the section, to which nothing refers.
    Nothing,
}

/// All starts of a pair of sections, by the address on each side.
struct Index {
    known: Vec<Known>,
    /// Places in `known`, in the order of the rebuilt side.
    back: Vec<usize>,
}

impl Index {
    fn at(&self, side: Side, address: u64) -> Option<&Known> {
        match side {
            Side::Shipped => self.known.binary_search_by_key(&address, |k| k.start.at.shipped).ok().and_then(|n| self.known.get(n)),
            Side::Rebuilt => {
                let key = |n: &usize| self.known.get(*n).map_or(0, |k| k.start.at.rebuilt);
                self.back.binary_search_by_key(&address, key).ok().and_then(|n| self.known.get(*self.back.get(n)?))
            }
        }
    }
}

impl Layout<'_> {
    fn exe(&self, side: Side) -> &Exe {
        &self.sides.get(side).elf
    }

    fn bytes(&self, side: Side, range: Range<u64>) -> &[u8] {
        let (s, exe) = (self.sections.get(side), self.exe(side));
        let at = |address: u64| usize::try_from(address.wrapping_sub(s.address)).unwrap_or(usize::MAX);
        exe.data(s).get(at(range.start)..at(range.end)).unwrap_or_default()
    }

    fn end(&self, side: Side) -> u64 {
        let s = self.sections.get(side);
        s.address.saturating_add(s.size)
    }

    /// The blocks of this pair of sections, where something begins on each side, and where texts do on the shipped one.
    fn blocks(&self, mut starts: Vec<Start>) -> (Vec<Block>, Sides<Vec<u64>>, HashSet<u64>) {
        let first = Sides::new(self.sections.shipped.address, self.sections.rebuilt.address);
        let free = starts.iter().all(|s| s.at.shipped != first.shipped && s.at.rebuilt != first.rebuilt);
        if free {
            // What nothing refers to, at the start of both.
            starts.insert(0, Start { at: first, ..Start::default() });
        }
        let mut known = self.lengths(&starts);
        // The place right behind a piece is no piece, when there is only padding.
        let ends: HashSet<Sides<u64>> = known.iter().filter_map(|k| k.length.map(|n| k.start.at.map(|a| a.saturating_add(n)))).collect();
        let places = begins(&known);
        let empty = |side: Side, at: u64| {
            let rest = self.bytes(side, at..next_of(places.get(side), at).unwrap_or(self.end(side)));
            !rest.is_empty() && (rest.len() as u64) < MAX_PADDING && rest.iter().all(|b| *b == 0)
        };
        known.retain(|k| {
            let at = k.start.at;
            k.length.is_some() || !ends.contains(&at) || !empty(Side::Shipped, at.shipped) || !empty(Side::Rebuilt, at.rebuilt)
        });
        let begins = begins(&known);
        let mut back: Vec<usize> = (0..known.len()).collect();
        back.sort_by_key(|n| known.get(*n).map(|k| k.start.at.rebuilt));
        let index = Index { known, back };
        let mut out: Vec<Block> = Vec::new();
        let mut group: Vec<&Known> = Vec::new();
        for (n, k) in index.known.iter().enumerate() {
            group.push(k);
            let next = |side: Side| next_of(begins.get(side), *k.start.at.get(side)).unwrap_or(self.end(side));
            let next = Sides::new(next(Side::Shipped), next(Side::Rebuilt));
            let room = Sides::new(next.shipped - k.start.at.shipped, next.rebuilt - k.start.at.rebuilt);
            let follower = index.known.get(n + 1).is_some_and(|f| f.start.at == next);
            let at_end = next.shipped == self.end(Side::Shipped) && next.rebuilt == self.end(Side::Rebuilt);
            let together = room.shipped == room.rebuilt && (follower || at_end);
            if follower && together {
                continue;
            }
            out.extend(self.block(&group, &next, together, &index));
            group.clear();
        }
        let order: Vec<usize> = {
            let mut back: Vec<usize> = (0..out.len()).collect();
            back.sort_by_key(|n| out.get(*n).map(|b| b.sides.rebuilt.start));
            let mut places = vec![0; out.len()];
            for (place, n) in back.into_iter().enumerate() {
                if let Some(slot) = places.get_mut(n) {
                    *slot = place;
                }
            }
            places
        };
        for (block, moved) in out.iter_mut().zip(moved(&order)) {
            block.moved = moved;
        }
        let texts = index.known.iter().filter(|k| k.form == Form::Text).map(|k| k.start.at.shipped).collect();
        (out, begins, texts)
    }

    /// One block from what begins in it; `next` is what begins behind it on each side. Nothing, when its end is not known.
    fn block(&self, group: &[&Known], next: &Sides<u64>, whole: bool, index: &Index) -> Option<Block> {
        let first = group.first()?.start.at;
        let room = Sides::new(next.shipped - first.shipped, next.rebuilt - first.rebuilt);
        let most = room.shipped.min(room.rebuilt);
        let mut length = most;
        if !whole {
            length = 0;
            for k in group {
                let from = k.start.at.shipped - first.shipped;
                length = length.max(from.checked_add(k.length?)?);
            }
            let ambiguous = |side: Side| self.is_ambiguous(side, group, index.at(side, *next.get(side)));
            if length > most || ambiguous(Side::Shipped) || ambiguous(Side::Rebuilt) {
                return None;
            }
            let rest = |side: Side, at: u64| self.bytes(side, at + length..at + most);
            let (old, new) = (rest(Side::Shipped, first.shipped), rest(Side::Rebuilt, first.rebuilt));
            let equal = old.get(..common_start(old, new)).unwrap_or_default();
            // Zeros at the end are padding.
            length += equal.iter().rposition(|b| *b != 0).map_or(0, |n| n as u64 + 1);
        }
        if length == 0 {
            return None;
        }
        let range = first.map(|at| at..at + length);
        let torn = [Side::Shipped, Side::Rebuilt].iter().any(|side| {
            let (image, own) = (self.sides.get(*side), range.get(*side));
            image.is_inside_object(own.start) || image.is_inside_object(own.end)
        });
        let distance = first.rebuilt.wrapping_sub(first.shipped);
        // The size of an object is a multiple of its alignment.
        let kept = |k: &&&Known| {
            let own = k.length.filter(|n| *n > 0).map_or(ALIGNMENT, |n| 1 << n.trailing_zeros().min(3));
            let wide = if k.start.reach >= 16 { k.start.reach.next_power_of_two() } else { 1 };
            matches!(k.form, Form::Text | Form::Nothing) || distance.is_multiple_of(own.max(wide))
        };
        if torn || !group.iter().all(|k| kept(&k)) {
            return None;
        }
        let padding = |side: Side| {
            let from = range.get(side).end;
            let rest = self.bytes(side, from..*next.get(side));
            let fits = (rest.len() as u64) < MAX_PADDING && rest.iter().all(|b| *b == 0);
            if fits { rest.len() as u64 } else { 0 }
        };
        let padding = Sides::new(padding(Side::Shipped), padding(Side::Rebuilt));
        let sides = Sides::new(
            range.shipped.start - self.sections.shipped.address..range.shipped.end - self.sections.shipped.address,
            range.rebuilt.start - self.sections.rebuilt.address..range.rebuilt.end - self.sections.rebuilt.address,
        );
        Some(Block { sides, moved: false, padding })
    }

    /// Whether a place at the edge of a block may be meant as one of its neighbour: the end of an array is where the next piece
    /// begins (to whoever refers to both), and an array that is counted from one begins before its start.
    fn is_ambiguous(&self, side: Side, group: &[&Known], next: Option<&Known>) -> bool {
        let Some(next) = next else { return false };
        let edge = *next.start.at.get(side);
        group.iter().any(|k| {
            let at = *k.start.at.get(side);
            let ends = k.length.is_some_and(|n| at.saturating_add(n) == edge);
            // The start of an object is the object; a place inside of one may be another's.
            let inside = self.sides.get(side).is_inside_object(at) || k.form == Form::Text && self.is_tail(side, at);
            let users = |s: &Start| self.users.get(&s.at.shipped).map(Vec::as_slice).unwrap_or_default();
            let shared = || {
                let (one, two) = (users(&k.start), users(&next.start));
                one.len().saturating_mul(two.len()) > MAX_USERS || one.iter().any(|u| two.contains(u))
            };
            let counted = ends && k.form == Form::Object && next.start.taken && shared();
            let biased = inside && k.start.taken && edge - at <= BIAS && !matches!(next.form, Form::Text | Form::Value);
            counted || biased
        })
    }

    /// Whether what stands before an address is part of a text.
    fn is_tail(&self, side: Side, at: u64) -> bool {
        at > self.sections.get(side).address && self.bytes(side, at - 1..at).iter().all(is_printable)
    }

    /// How long each is, where both sides agree about it.
    fn lengths(&self, starts: &[Start]) -> Vec<Known> {
        let places: Sides<Vec<u64>> = {
            let mut rebuilt: Vec<u64> = starts.iter().map(|s| s.at.rebuilt).collect();
            rebuilt.sort_unstable();
            Sides::new(starts.iter().map(|s| s.at.shipped).collect(), rebuilt)
        };
        let one = |start: &Start| {
            let own = |side: Side| self.length(side, start, &places);
            let (x, y) = (own(Side::Shipped), own(Side::Rebuilt));
            let found = x.filter(|_| x == y);
            Known { start: *start, length: found.map(|f| f.0), form: found.map_or(Form::Object, |f| f.1) }
        };
        starts.iter().map(one).collect()
    }

    /// The length of what begins there, and what it is.
    fn length(&self, side: Side, start: &Start, places: &Sides<Vec<u64>>) -> Option<(u64, Form)> {
        let at = *start.at.get(side);
        if let Some(end) = self.sides.get(side).object_end(at) {
            return (end - at >= start.reach).then_some((end - at, Form::Object));
        }
        if !start.taken {
            return Some((start.reach, if start.votes == 0 { Form::Nothing } else { Form::Value }));
        }
        let s = self.sections.get(side);
        if s.is_written() || s.kind == 8 {
            return None;
        }
        let all = places.get(side);
        let next = next_of(all, at).unwrap_or(self.end(side));
        if start.table
            && let Some(length) = self.table(side, at, next)
        {
            return Some((length, Form::Table));
        }
        let text = self.text(side, at, all)?;
        (text >= start.reach).then_some((text, Form::Text))
    }

    /// The length of a table of distances from its own start to code, as those of `switch`: up to where something else begins.
    fn table(&self, side: Side, at: u64, next: u64) -> Option<u64> {
        let exe = self.exe(side);
        let leads = |n: &u64| {
            let raw = self.bytes(side, at + n * 4..at + n * 4 + 4);
            let number = raw.try_into().ok().map(i32::from_le_bytes);
            number.is_some_and(|d| exe.section_at(at.wrapping_add_signed(i64::from(d))).is_some_and(Section::is_code))
        };
        let most = (next.saturating_sub(at) / 4).min(MAX_ENTRIES);
        let count = (0..most).take_while(leads).count() as u64;
        (count > 1).then_some(count * 4)
    }

    /// The length of a printable text with its NUL. A short one may be a number: it must end where something else begins, or
    /// start where no number can.
    fn text(&self, side: Side, at: u64, places: &[u64]) -> Option<u64> {
        let rest = self.bytes(side, at..self.end(side));
        let rest = rest.get(..MAX_TEXT.min(rest.len())).unwrap_or_default();
        let text = text_at(rest, 0);
        if text.len() == rest.len() || !text.iter().all(is_printable) {
            return None;
        }
        let length = text.len() as u64 + 1;
        let followed = places.binary_search(&(at + length)).is_ok();
        let sure = length > SURE_TEXT || !at.is_multiple_of(2) || followed || self.is_tail(side, at);
        sure.then_some(length)
    }
}
