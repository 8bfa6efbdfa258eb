//! The code of a pair, piece by piece: functions and what lies between them, in the order of the file, so that every byte
//! of a code section is in the account.

mod follow;
mod piece;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};

use follow::{follow, rewritten};
use piece::{Piece, pieces};
use verdict::{Verdict, judge};

use super::account::{raw, span};
use super::entry::Entries;
use super::image::Images;
use super::pieces::Neighbours;
use super::source::Origin;
use super::steady::Loose;
use super::{Share, asm, spread};
use crate::inspect::exe::Exe;
use crate::inspect::symbols::Function;
use crate::model::{Account, Cause, Extent, FunctionDiff, ResultMark, Side, Sides, Span};

type Explained = Vec<(Sides<Span>, (String, String))>;

/// What was found.
#[derive(Default)]
pub(super) struct Found {
    pub(super) functions: Vec<FunctionDiff>,
    /// The functions behind each entry of `functions`.
    pub(super) pairs: Vec<Sides<Option<Function>>>,
    /// Functions with equal code.
    pub(super) same: usize,
    /// Accounts of code sections by their indices.
    pub(super) sections: BTreeMap<(usize, usize), Sides<Account>>,
    pub(super) explained: Vec<(Cause, Explained)>,
    /// Where anything moved: references of unchanged code of which nobody knows where they lead, as ranges in the files.
    pub(super) loose: Vec<Sides<std::ops::Range<usize>>>,
    /// And tables of places whose entries were followed: address on each side, and how many.
    pub(super) tables: BTreeSet<(u64, u64, u64)>,
    /// And places inside of code of the shipped side that are read, or whose address is taken.
    pub(super) inner: BTreeSet<u64>,
}

/// What the proof of another order of functions rests on, said where it is used.
const GRANTED: &str = "granted: no code asks for rank or address bits of functions";

/// Compares all code; `None` when it was given up.
pub(super) fn compare(images: &Images, origin: &Origin, cancelled: &(dyn Fn() -> bool + Sync), share: &Share<'_>) -> Option<Found> {
    let mut found = Found::default();
    let mut proved: BTreeMap<Cause, Explained> = BTreeMap::new();
    let mut turned: BTreeSet<(usize, usize)> = BTreeSet::new();
    let (a, b) = (&images.sides.shipped.elf, &images.sides.rebuilt.elf);
    let twins = Sides::new(twins(a, b), twins(b, a));
    let pieces = pieces(images);
    let followed = follow(images, &pieces, cancelled, share)?;
    let neighbours = Neighbours::new(images);
    let leads_elsewhere = |n: usize| followed.get(n).is_some_and(|l| !l.other.is_empty());
    let runs_on = |p: &Piece<'_>| p.pair().is_some_and(|n| p.named && neighbours.runs_on(n));
    let entries = Entries::new(images);
    let askew = |p: &Piece<'_>| entries.differ(images, &p.sides, p.named, p.pair());
    let looked_at: Vec<bool> =
        pieces.iter().enumerate().map(|(n, p)| p.differs(images) || p.moved || leads_elsewhere(n) || runs_on(p) || askew(p)).collect();
    let differing: Vec<&Piece<'_>> = pieces.iter().zip(&looked_at).filter(|(_, looked)| **looked).map(|(p, _)| p).collect();
    // The longest first: what is left at the end is short for every core.
    let size = |piece: &Piece<'_>| piece.sides.shipped.iter().chain(&piece.sides.rebuilt).map(|f| f.size).max();
    let mut largest: Vec<usize> = (0..differing.len()).collect();
    largest.sort_by_key(|i| std::cmp::Reverse(differing.get(*i).and_then(|piece| size(piece))));
    let judged = spread(share, differing.len(), |i| {
        if cancelled() { None } else { largest.get(i).and_then(|i| differing.get(*i)).map(|piece| judge(images, piece, true)) }
    });
    // Back in the order of the pieces.
    let mut judged: Vec<(usize, Option<Option<Verdict>>)> = largest.iter().copied().zip(judged).collect();
    judged.sort_unstable_by_key(|(i, _)| *i);
    // Where nothing moved no reference was followed; but what was rewritten may be entered inside, and run as other code.
    let explained = |n: usize| {
        let verdict = judged.binary_search_by_key(&n, |(i, _)| *i).ok().and_then(|i| judged.get(i)).and_then(|(_, v)| v.as_ref()?.as_ref());
        verdict.is_some_and(|v| !v.explained.is_empty())
    };
    let mut changed = vec![false; pieces.len()];
    for (place, (slot, _)) in changed.iter_mut().zip(&looked_at).filter(|(_, looked)| **looked).enumerate() {
        *slot = explained(place);
    }
    let followed = if followed.is_empty() { rewritten(images, &pieces, &changed, cancelled, share)? } else { followed };
    let leads_elsewhere = |n: usize| followed.get(n).is_some_and(|l| !l.other.is_empty());
    let mut judged = judged.into_iter().map(|(_, verdict)| verdict);
    // Debug information is opened only when there is something to look up.
    let finder = std::cell::LazyCell::new(|| origin.open());
    for (n, piece) in pieces.iter().enumerate() {
        let code = |side: Side| piece.sides.get(side).as_ref().map(|f| images.sides.get(side).code(f));
        let (old, new) = (code(Side::Shipped), code(Side::Rebuilt));
        let equal = old.is_some() && old == new;
        let mut account = match (old, new) {
            _ if piece.moved => Sides::new(old, new).map(|c| Account::all_unexplained(c.map_or(0, <[u8]>::len) as u64)),
            (Some(x), Some(y)) => raw(x, y),
            _ => Sides::new(old, new).map(|c| Account::all_unexplained(c.map_or(0, <[u8]>::len) as u64)),
        };
        if looked_at.get(n) == Some(&false) {
            found.same += usize::from(piece.named);
        } else {
            let mut verdict = judged.next()???;
            if verdict.claims.iter().any(|c| !c.holds(&finder)) {
                verdict = judge(images, piece, false);
            }
            let Verdict { mut diff, addresses, explained, .. } = verdict;
            diff.source = addresses.and_then(|at| finder.line(at)).map(|(line, _)| line);
            let elsewhere_too = leads_elsewhere(n);
            if runs_on(piece) {
                diff.result = ResultMark::Different;
                diff.what = "what follows it is another piece, and it may run on into that".to_owned();
                account = Sides::new(old, new).map(|c| Account::all_unexplained(c.map_or(0, <[u8]>::len) as u64));
            } else if askew(piece) {
                let shifted = "its address is aligned otherwise, and a pointer to it may mean something else";
                let differs = diff.result == ResultMark::Different && !diff.what.is_empty();
                diff.what = if differs { format!("{shifted}; {}", diff.what) } else { shifted.to_owned() };
                diff.result = ResultMark::Different;
                account = Sides::new(old, new).map(|c| Account::all_unexplained(c.map_or(0, <[u8]>::len) as u64));
            } else if !elsewhere_too && piece.is_free(images, &neighbours, &diff, &explained) {
                let how = if equal { "the same bytes" } else { &diff.what };
                if piece.named {
                    diff.what = format!("at another place among its neighbours; {how}");
                }
                diff.result = ResultMark::Equivalent;
                account = reordered(old, new);
                if let (Some(x), Some(y)) = (diff.extent.shipped, diff.extent.rebuilt) {
                    let spans = Sides::new(x.offset..x.offset + x.size, y.offset..y.offset + y.size);
                    let at = |e: Extent| format!("{} at {:#x}", diff.name.lossy(), e.address);
                    turned.extend(piece.sides.shipped.as_ref().zip(piece.sides.rebuilt.as_ref()).map(|(x, y)| (x.section, y.section)));
                    proved.entry(Cause::Reordering).or_default().push((spans, (at(x), at(y))));
                }
            } else if piece.moved && piece.named && old.is_some() && new.is_some() {
                let how = if equal { "the same bytes".to_owned() } else { diff.what };
                diff.what = format!("at another place among its neighbours; {how}");
                diff.result = ResultMark::Different;
            }
            if let Some(loose) = followed.get(n).filter(|l| !l.other.is_empty()) {
                elsewhere(&mut diff, &mut account, loose, old.zip(new));
            }
            if diff.result == ResultMark::Equivalent && !piece.moved {
                for (cause, ranges) in &explained {
                    let bytes: u64 = ranges.iter().map(|r| r.shipped.len() as u64).sum();
                    for account in [&mut account.shipped, &mut account.rebuilt] {
                        let bytes = bytes.min(account.unexplained);
                        account.unexplained -= bytes;
                        account.explain(*cause, bytes);
                    }
                    let (Some(x), Some(y)) = (diff.extent.shipped, diff.extent.rebuilt) else { continue };
                    let proofs = proved.entry(*cause).or_default();
                    if *cause == Cause::AddressShift {
                        let spans = Sides::new(x.offset..x.offset + x.size, y.offset..y.offset + y.size);
                        proofs.push((spans, (format!("at {:#x}", x.address), format!("at {:#x}", y.address))));
                        continue;
                    }
                    for range in ranges {
                        let span = |base: u64, r: &std::ops::Range<usize>| base + r.start as u64..base + r.end as u64;
                        let spans = Sides::new(span(x.offset, &range.shipped), span(y.offset, &range.rebuilt));
                        proofs.push((spans, verdict.values.clone()));
                    }
                }
            }
            let padding = !piece.named
                && [Side::Shipped, Side::Rebuilt]
                    .iter()
                    .all(|s| piece.sides.get(*s).as_ref().is_none_or(|f| asm::is_padding(images.sides.get(*s), f)));
            if padding && piece.may_vary(images, &neighbours) {
                account = reordered(old, new);
                let span = |side: Side| {
                    let other = piece.pair().and_then(|n| end_of(images, side, n)).unwrap_or(0);
                    diff.extent.get(side).map_or(other..other, |e| e.offset..e.offset + e.size)
                };
                let spans = Sides::new(span(Side::Shipped), span(Side::Rebuilt));
                let text = "padding between functions".to_owned();
                proved.entry(Cause::Reordering).or_default().push((spans, (text.clone(), text)));
            }
            if !padding {
                found.functions.push(diff);
                found.pairs.push(piece.sides.clone());
            }
        }
        if let (Some(loose), Some(x), Some(y)) = (followed.get(n), &piece.sides.shipped, &piece.sides.rebuilt) {
            found.tables.extend(loose.tables.iter().copied());
            found.inner.extend(loose.inner.iter().copied());
            let base = |side: Side, f: &Function| images.sides.get(side).elf.offset_of(f.address).and_then(|o| usize::try_from(o).ok());
            if let (Some(p), Some(q)) = (base(Side::Shipped, x), base(Side::Rebuilt, y)) {
                found.loose.extend(loose.unknown.iter().map(|r| Sides::new(p + r.start..p + r.end, q + r.start..q + r.end)));
            }
        }
        // A piece belongs to the pair of sections that have the same name.
        let sections = [Side::Shipped, Side::Rebuilt].map(|s| piece.sides.get(s).as_ref().map(|f| f.section));
        for key in section_keys(&twins, sections) {
            let total = found.sections.entry(key.0).or_default();
            if key.1.shipped {
                total.shipped.add(&account.shipped);
            }
            if key.1.rebuilt {
                total.rebuilt.add(&account.rebuilt);
            }
        }
    }
    if let Some(proofs) = proved.get_mut(&Cause::Reordering) {
        let whole = |exe: &Exe, i: usize| exe.sections.get(i).map_or(0..0, |s| span(&s.range));
        let said = turned.iter().map(|(x, y)| (Sides::new(whole(a, *x), whole(b, *y)), (GRANTED.to_owned(), GRANTED.to_owned())));
        proofs.splice(0..0, said);
    }
    found.explained = proved.into_iter().collect();
    let mut order: Vec<usize> = (0..found.functions.len()).collect();
    let rank = |f: &FunctionDiff| (std::cmp::Reverse(f.result), f.extent.shipped.or(f.extent.rebuilt).map_or(0, |e| e.address));
    order.sort_by_key(|i| found.functions.get(*i).map(rank));
    found.functions = order.iter().filter_map(|i| found.functions.get(*i).cloned()).collect();
    found.pairs = order.iter().filter_map(|i| found.pairs.get(*i).cloned()).collect();
    Some(found)
}

/// A pair of functions in which a reference leads elsewhere is different, even with equal bytes.
fn elsewhere(diff: &mut FunctionDiff, account: &mut Sides<Account>, loose: &Loose, code: Option<(&[u8], &[u8])>) {
    let Some((old, new)) = code else { return };
    if diff.result == ResultMark::Equivalent {
        diff.result = ResultMark::Different;
        diff.what = format!("{} references or entries of tables lead elsewhere, or into an instruction", loose.other.len());
        diff.changed = loose.other.len();
    }
    let mut ranges = loose.other.clone();
    ranges.sort_unstable_by_key(|r| (r.start, r.end));
    ranges.dedup();
    let equal = ranges.into_iter().flatten().filter(|i| old.get(*i) == new.get(*i)).count() as u64;
    for account in [&mut account.shipped, &mut account.rebuilt] {
        let taken = equal.min(account.identical);
        account.identical -= taken;
        account.unexplained += taken;
    }
}

/// For each section of one side, the section of that name on the other.
fn twins(own: &Exe, other: &Exe) -> Vec<usize> {
    let mut names: BTreeMap<&[u8], usize> = BTreeMap::new();
    for (i, s) in other.sections.iter().enumerate() {
        names.entry(&s.name).or_insert(i);
    }
    own.sections.iter().map(|s| names.get(s.name.as_slice()).copied().unwrap_or(usize::MAX)).collect()
}

/// Which pairs of sections a piece counts for, and with which of its sides: usually one pair; two when a function moved to
/// another section.
fn section_keys(twins: &Sides<Vec<usize>>, sections: [Option<usize>; 2]) -> Vec<((usize, usize), Sides<bool>)> {
    let twin = |side: Side, index: usize| twins.get(side).get(index).copied().unwrap_or(usize::MAX);
    match sections {
        [Some(x), Some(y)] if twin(Side::Shipped, x) == y => vec![((x, y), Sides::new(true, true))],
        [x, y] => {
            let mut out = Vec::new();
            if let Some(x) = x {
                out.push(((x, twin(Side::Shipped, x)), Sides::new(true, false)));
            }
            if let Some(y) = y {
                out.push(((twin(Side::Rebuilt, y), y), Sides::new(false, true)));
            }
            out
        }
    }
}

/// The account of code that stands in another order.
fn reordered(old: Option<&[u8]>, new: Option<&[u8]>) -> Sides<Account> {
    Sides::new(old, new).map(|code| {
        let mut account = Account::default();
        account.explain(Cause::Reordering, code.map_or(0, <[u8]>::len) as u64);
        account
    })
}

/// Where a function of a pair ends in the file.
fn end_of(images: &Images, side: Side, pair: usize) -> Option<u64> {
    let image = images.sides.get(side);
    let f = image.functions.get((*images.pairs.get(pair)?.get(side))?)?;
    Some(image.elf.offset_of(f.address)? + f.size)
}
