//! Where pieces of data begin: the places that code, pointers and symbols of both sides name in pairs. A pair is a proposal
//! here; what leads elsewhere than the others is seen where it stands.

use std::collections::{HashMap, HashSet};

use super::{is_laid_out, once};
use crate::diff::asm::{self, Form};
use crate::diff::image::Image;
use crate::inspect::exe::{Exe, text_at};
use crate::inspect::symbols::{Bound, Function};
use crate::model::Sides;

/// How often pointers in data are followed to data with pointers.
const MAX_ROUNDS: usize = 8;
/// Bytes of a text that are compared.
const MAX_TEXT: usize = 256;

/// What is known of a place that both sides name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Start {
    pub(super) at: Sides<u64>,
    /// Bytes that instructions read or write there themselves.
    pub(super) reach: u64,
    /// Whether its address is taken: who has it may read on.
    pub(super) taken: bool,
    /// Whether code that takes it reads tables of places.
    pub(super) table: bool,
    /// How many references name it, and one more for a symbol.
    pub(super) votes: u64,
    pub(super) named: bool,
}

/// Who refers to an address of the shipped side: functions by their pair, data by its place.
pub(super) type Users = HashMap<u64, Vec<u64>>;

#[derive(Default)]
struct Votes {
    starts: HashMap<Sides<u64>, Start>,
    users: Users,
    /// Whether code takes the address of the global offset table: it may count from there to anything.
    anchored: bool,
}

/// Pairs of places, each at most once on each side, in the order of the shipped side; and who refers to each. `None` where code
/// refers to things by their distance from one place.
pub(super) fn find(
    sides: &Sides<Image>,
    pairs: &[Sides<Option<usize>>],
    fillers: &HashMap<u64, u64>,
    cancelled: &dyn Fn() -> bool,
) -> Option<(Vec<Start>, Users)> {
    let mut votes = Votes::default();
    for (n, pair) in pairs.iter().enumerate() {
        if cancelled() {
            return None;
        }
        let (Some(i), Some(j)) = (pair.shipped, pair.rebuilt) else { continue };
        if let (Some(x), Some(y)) = (sides.shipped.functions.get(i), sides.rebuilt.functions.get(j)) {
            code(&mut votes, sides, x, y, n as u64);
        }
    }
    for x in &sides.shipped.fillers {
        let other = fillers.get(&x.address).and_then(|y| sides.rebuilt.fillers.binary_search_by_key(y, |f| f.address).ok());
        if let Some(y) = other.and_then(|j| sides.rebuilt.fillers.get(j)) {
            code(&mut votes, sides, x, y, x.address);
        }
    }
    named(&mut votes, sides);
    let mut accepted = accept(&votes, sides);
    let mut seen = HashSet::new();
    for _ in 0..MAX_ROUNDS {
        if !pointers(&mut votes, sides, &accepted, &mut seen) {
            break;
        }
        accepted = accept(&votes, sides);
    }
    (!votes.anchored).then_some((accepted, votes.users))
}

/// One more reference to a pair of places, when both are in data of one name.
fn vote<'v>(votes: &'v mut Votes, sides: &Sides<Image>, x: u64, y: u64) -> Option<&'v mut Start> {
    let (s, t) = (sides.shipped.elf.section_at(x)?, sides.rebuilt.elf.section_at(y)?);
    if s.name != t.name || s.kind != t.kind || !is_laid_out(s) || !is_laid_out(t) {
        return None;
    }
    let at = Sides::new(x, y);
    let start = votes.starts.entry(at).or_insert(Start { at, ..Start::default() });
    start.votes += 1;
    Some(start)
}

/// What the instructions of a pair of functions refer to, one beside the other.
fn code(votes: &mut Votes, sides: &Sides<Image>, x: &Function, y: &Function, user: u64) {
    if x.size != y.size {
        return;
    }
    let Some(old) = asm::scan(&sides.shipped, x) else { return };
    let new = if sides.shipped.code(x) == sides.rebuilt.code(y) {
        Some(old.moved(y.address.wrapping_sub(x.address)))
    } else {
        asm::scan(&sides.rebuilt, y)
    };
    let Some(new) = new.filter(|n| n.references.len() == old.references.len()) else { return };
    for (p, q) in old.references.iter().zip(&new.references) {
        if p.bytes != q.bytes || p.form != q.form || p.form == Form::Page {
            continue;
        }
        votes.anchored |= p.form == Form::Address && is_anchor(&sides.shipped.elf, p.to)
            || q.form == Form::Address && is_anchor(&sides.rebuilt.elf, q.to);
        if let Some(start) = vote(votes, sides, p.to, q.to) {
            start.reach = start.reach.max(p.reach).max(q.reach);
            start.taken |= p.reach == 0 || q.reach == 0;
            start.table |= p.form == Form::Address && old.tables && new.tables;
            used(votes, p.to, user);
        }
    }
}

/// Whether an address is in the global offset table, whose slots are otherwise only read (large code models count from it).
fn is_anchor(exe: &Exe, address: u64) -> bool {
    exe.section_at(address).is_some_and(|s| s.name.starts_with(b".got"))
}

fn used(votes: &mut Votes, address: u64, user: u64) {
    let users = votes.users.entry(address).or_default();
    if users.last() != Some(&user) {
        users.push(user);
    }
}

/// Symbols of data whose name both sides have once. A name is a claim: it weighs as much as one reference.
fn named(votes: &mut Votes, sides: &Sides<Image>) {
    let others = once(&sides.rebuilt.objects);
    for (name, x) in once(&sides.shipped.objects) {
        let (Some(x), Some(Some(y))) = (x, others.get(name)) else { continue };
        if let Some(start) = vote(votes, sides, x, *y) {
            start.named = true;
        }
    }
}

/// The pairs that most references name; where two exclude each other, the first of them.
fn accept(votes: &Votes, sides: &Sides<Image>) -> Vec<Start> {
    // Two texts that differ belong together only by a reference that was changed.
    let text = |exe: &'_ Exe, at: u64| -> Option<Vec<u8>> {
        let constant = exe.section_at(at).is_some_and(|s| !s.is_written() && s.kind == 1);
        let bytes = if constant { exe.bytes_at(at) } else { &[] };
        let text = text_at(bytes.get(..MAX_TEXT.min(bytes.len()))?, 0);
        (text.len() > 1 && text.len() < bytes.len() && text.iter().all(|b| matches!(b, 9 | 10 | 13 | 27 | 0x20..=0x7e)))
            .then(|| text.to_vec())
    };
    let differ = |s: &Start| {
        let both = (text(&sides.shipped.elf, s.at.shipped), text(&sides.rebuilt.elf, s.at.rebuilt));
        matches!(both, (Some(x), Some(y)) if x != y)
    };
    let mut all: Vec<Start> = votes.starts.values().filter(|s| s.named || !differ(s)).copied().collect();
    all.sort_unstable_by_key(|s| (std::cmp::Reverse((s.votes, s.named)), s.at.shipped, s.at.rebuilt));
    let (mut left, mut right) = (HashSet::new(), HashSet::new());
    all.retain(|s| {
        let free = !left.contains(&s.at.shipped) && !right.contains(&s.at.rebuilt);
        if free {
            left.insert(s.at.shipped);
            right.insert(s.at.rebuilt);
        }
        free
    });
    all.sort_unstable_by_key(|s| s.at.shipped);
    all
}

/// Pointers that the loader fills, at the same distance from places that belong together. Whether one was new.
fn pointers(votes: &mut Votes, sides: &Sides<Image>, accepted: &[Start], seen: &mut HashSet<Sides<u64>>) -> bool {
    let mut ends: Vec<u64> = accepted.iter().map(|s| s.at.rebuilt).collect();
    ends.sort_unstable();
    let mut more = false;
    for (n, start) in accepted.iter().enumerate() {
        let Sides { shipped: x, rebuilt: y } = start.at;
        let end = |exe: &Exe, at: u64| exe.section_at(at).map_or(at, |s| s.address.saturating_add(s.size));
        let to_x = accepted.get(n + 1).map_or(u64::MAX, |s| s.at.shipped).min(end(&sides.shipped.elf, x));
        let to_y = ends.get(ends.partition_point(|e| *e <= y)).copied().unwrap_or(u64::MAX).min(end(&sides.rebuilt.elf, y));
        let length = to_x.saturating_sub(x).min(to_y.saturating_sub(y));
        for (at, bound) in sides.shipped.filled(x..x.saturating_add(length)) {
            let there = y.wrapping_add(at - x);
            if !seen.insert(Sides::new(*at, there)) {
                continue;
            }
            if let (Bound::Relative(p), Some(Bound::Relative(q))) = (bound, sides.rebuilt.bound(there))
                // A word with its own address says nothing of what is behind it.
                && *p != *at
                && let Some(start) = vote(votes, sides, *p, *q)
            {
                start.taken = true;
                more = true;
                used(votes, *p, x);
            }
        }
    }
    more
}
