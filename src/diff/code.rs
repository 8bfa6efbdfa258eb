//! The code of a pair, piece by piece: functions and what lies between them, in the order of the file, so that every byte
//! of a code section is in the account.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::account::{raw, span};
use super::entered;
use super::entry::Entries;
use super::image::{Images, display_name};
use super::line_number::Claim;
use super::pieces::Neighbours;
use super::source::Origin;
use super::steady::{self, Loose};
use super::{Share, asm, lines, spread};
use crate::inspect::exe::{Exe, Format};
use crate::inspect::symbols::Function;
use crate::model::{Account, Cause, Extent, FunctionDiff, LineMark, ResultMark, Side, Sides, Span};
use crate::text::Untrusted;

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

/// A piece of code on each side; `named` says that it is a function.
struct Piece<'a> {
    sides: Sides<Option<Function>>,
    named: bool,
    label: Label<'a>,
    /// At another place among its neighbours.
    moved: bool,
}

/// What a piece is called. Nobody reads the names of code that is the same, so they are made only when asked for.
enum Label<'a> {
    /// A pair of functions.
    Pair(usize),
    /// What follows a pair of functions, or starts a section of that name.
    After(Option<usize>, &'a [u8]),
    /// An address.
    At(u64),
}

impl Label<'_> {
    fn text(&self, images: &Images) -> Untrusted {
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

/// What the proof of another order of functions rests on, said where it is used.
const GRANTED: &str = "granted: no code asks for rank or address bits of functions";

/// Padding between functions is shorter than this, in bytes.
const MAX_PADDING: u64 = 64;

impl Piece<'_> {
    /// The pair that it is, or that it follows.
    fn pair(&self) -> Option<usize> {
        match self.label {
            Label::Pair(n) | Label::After(Some(n), _) => Some(n),
            Label::After(None, _) | Label::At(_) => None,
        }
    }

    /// Whether it stands elsewhere among its neighbours and means the same there: nothing but what it refers to changed, all of
    /// that leads to the same places, and neither it nor what is between it and the next function runs on.
    fn is_free(&self, images: &Images, neighbours: &Neighbours<'_>, diff: &FunctionDiff, explained: &Changes) -> bool {
        let (Some(x), Some(y)) = (&self.sides.shipped, &self.sides.rebuilt) else { return false };
        let section = |side: Side, f: &Function| images.sides.get(side).elf.sections.get(f.section).map(|s| s.name.clone());
        let shifts_only = explained.keys().all(|c| *c == Cause::AddressShift);
        let same = diff.result == ResultMark::Equivalent && shifts_only && section(Side::Shipped, x) == section(Side::Rebuilt, y);
        let code = self.named || !self.may_vary(images, neighbours);
        self.moved && same && code && self.pair().is_some_and(|n| neighbours.is_active() && neighbours.ends(n))
    }

    /// Whether it is padding between functions, whose length and kind mean nothing: nothing runs into it.
    fn may_vary(&self, images: &Images, neighbours: &Neighbours<'_>) -> bool {
        let short = |side: Side| {
            let own = self.sides.get(side).as_ref();
            own.is_none_or(|f| f.size < MAX_PADDING && asm::is_plain_padding(images.sides.get(side), f))
        };
        let ends = self.pair().is_some_and(|n| neighbours.is_active() && neighbours.ends(n));
        !self.named && ends && short(Side::Shipped) && short(Side::Rebuilt)
    }

    /// Whether there is anything to say of it: other bytes, or another place.
    fn differs(&self, images: &Images) -> bool {
        let code = |side: Side| self.sides.get(side).as_ref().map(|f| images.sides.get(side).code(f));
        let old = code(Side::Shipped);
        old.is_none() || old != code(Side::Rebuilt) || self.moved && self.named
    }
}

/// Where the first difference of a piece is.
type Addresses = Sides<Option<u64>>;

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

/// Where anything moved, follows the references of all code whose instructions stand at the same offsets; else nothing is
/// to be followed. `None` when it was given up.
fn follow(images: &Images, pieces: &[Piece<'_>], cancelled: &(dyn Fn() -> bool + Sync), share: &Share<'_>) -> Option<Vec<Loose>> {
    if images.is_still() || images.sides.shipped.elf.format != Format::Elf {
        return Some(Vec::new());
    }
    let each = |i: usize| {
        if cancelled() {
            return None;
        }
        match pieces.get(i).map(|p| (&p.sides.shipped, &p.sides.rebuilt)) {
            Some((Some(x), Some(y))) if x.size == y.size => Some(steady::code(images, Sides::new(x, y))),
            _ => Some(Loose::default()),
        }
    };
    let mut all: Vec<Loose> = spread(share, pieces.len(), each).into_iter().map(Option::flatten).collect::<Option<_>>()?;
    let mut into: BTreeSet<u64> = all.iter().flat_map(|l| &l.entered).copied().collect();
    into.extend(entered::by_data(&images.sides.shipped));
    let hidden = |i: usize| {
        let f = pieces.get(i).and_then(|p| p.sides.shipped.as_ref());
        if cancelled() { None } else { Some(f.map_or_else(Vec::new, |f| entered::hidden(&images.sides.shipped, f, &into))) }
    };
    for (loose, hidden) in all.iter_mut().zip(spread(share, pieces.len(), hidden)) {
        loose.other.extend(hidden.flatten()?);
    }
    let whole: Vec<bool> = all.iter().map(|l| l.cut).collect();
    for n in over(images, pieces, &whole, &into) {
        if let Some((loose, f)) = all.get_mut(n).zip(pieces.get(n).and_then(|p| p.sides.shipped.as_ref())) {
            let end = usize::try_from(f.size).unwrap_or(0);
            loose.other.push(end.saturating_sub(1)..end);
        }
    }
    Some(all)
}

/// Of the pieces whose last instruction goes on behind their end, those that run up to there.
fn over(images: &Images, pieces: &[Piece<'_>], cut: &[bool], into: &BTreeSet<u64>) -> Vec<usize> {
    if !cut.contains(&true) {
        return Vec::new();
    }
    let image = &images.sides.shipped;
    let own = |n: usize| pieces.get(n).and_then(|p| p.sides.shipped.as_ref());
    let ends: BTreeMap<u64, usize> = (0..pieces.len()).filter_map(|n| Some((own(n)?.end(), n))).collect();
    let runs =
        |n: &usize| own(*n).is_some_and(|f| entered::runs_over(image, f, ends.get(&f.address).and_then(|before| own(*before)), into));
    cut.iter().enumerate().filter(|(_, cut)| **cut).map(|(n, _)| n).filter(runs).collect()
}

/// Of the pieces that are explained although their bytes differ: instructions with other bytes that something enters inside.
fn rewritten(
    images: &Images,
    pieces: &[Piece<'_>],
    changed: &[bool],
    cancelled: &(dyn Fn() -> bool + Sync),
    share: &Share<'_>,
) -> Option<Vec<Loose>> {
    if !changed.contains(&true) {
        return Some(Vec::new());
    }
    let image = &images.sides.shipped;
    let own = |i: usize| pieces.get(i).and_then(|p| p.sides.shipped.as_ref());
    let each = |i: usize| {
        if cancelled() {
            return None;
        }
        let scan = own(i).and_then(|f| asm::scan(image, f));
        Some((entered::by_scan(image, scan.as_ref()), scan.is_some_and(|s| s.cut)))
    };
    let all: Option<Vec<(BTreeSet<u64>, bool)>> = spread(share, pieces.len(), each).into_iter().map(Option::flatten).collect();
    let (sets, cut): (Vec<_>, Vec<bool>) = all?.into_iter().unzip();
    let mut into: BTreeSet<u64> = sets.into_iter().flatten().collect();
    into.extend(entered::by_data(image));
    let over: BTreeSet<u64> = over(images, pieces, &cut, &into).into_iter().filter_map(|n| Some(own(n)?.end())).collect();
    let one = |(piece, changed): (&Piece<'_>, &bool)| {
        let mut out = Loose::default();
        if let (true, Some(x), Some(y)) = (changed, &piece.sides.shipped, &piece.sides.rebuilt) {
            out.other = entered::rewritten(image, x, images.sides.rebuilt.code(y), &into);
            // It begins inside of an instruction of the code before it: all that was read of it may be read otherwise.
            out.other.extend(over.contains(&x.address).then_some(0..usize::try_from(x.size).unwrap_or(0)));
        }
        out
    };
    Some(pieces.iter().zip(changed).map(one).collect())
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

/// All pieces: function pairs, and what lies between functions paired by what it follows.
fn pieces(images: &Images) -> Vec<Piece<'_>> {
    let mut out = Vec::new();
    let moved = lines::displaced(&images.pairs);
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

/// Offsets of differing bytes, by what explains them.
type Changes = BTreeMap<Cause, Vec<Sides<std::ops::Range<usize>>>>;

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

/// What differs in one piece.
struct Verdict {
    diff: FunctionDiff,
    /// Where it starts to differ, for its source line.
    addresses: Option<Addresses>,
    /// Offsets of differing bytes by what explains them, when all are explained.
    explained: Changes,
    /// What must hold for that.
    claims: Vec<Claim>,
    /// The lines before and after, of those.
    values: (String, String),
}

/// What differs in one piece. With `lines`, operands that may be line numbers count as such until their claims are asked.
fn judge(images: &Images, piece: &Piece<'_>, lines: bool) -> Verdict {
    let extent = |side: Side| {
        piece.sides.get(side).as_ref().map(|f| {
            let offset = images.sides.get(side).elf.offset_of(f.address).unwrap_or(0);
            Extent { address: f.address, size: f.size, offset }
        })
    };
    let extent = Sides::new(extent(Side::Shipped), extent(Side::Rebuilt));
    let mut diff = FunctionDiff {
        name: piece.label.text(images),
        result: ResultMark::Different,
        extent,
        changed: 0,
        source: None,
        what: String::new(),
    };
    let (Some(x), Some(y)) = (&piece.sides.shipped, &piece.sides.rebuilt) else {
        let side = if piece.sides.shipped.is_some() { Side::Shipped } else { Side::Rebuilt };
        let (result, word) = match side {
            Side::Shipped => (ResultMark::OnlyShipped, "shipped"),
            Side::Rebuilt => (ResultMark::OnlyRebuilt, "rebuilt"),
        };
        diff.result = result;
        let f = piece.sides.get(side).as_ref();
        diff.changed = f.and_then(|f| asm::decode(images.sides.get(side), f)).map_or(0, |c| c.len());
        diff.what = format!("only {word}: {} bytes of code", f.map_or(0, |f| f.size));
        let address = |s| piece.sides.get(s).as_ref().map(|f: &Function| f.address);
        return Verdict::of(diff, Some(Sides::new(address(Side::Shipped), address(Side::Rebuilt))));
    };
    let (old, new) = (images.sides.shipped.code(x), images.sides.rebuilt.code(y));
    let both = raw(old, new);
    let bytes = both.shipped.unexplained.max(both.rebuilt.unexplained);
    let claims = std::cell::RefCell::new(Vec::new());
    let both = Sides::new(x, y);
    let code = asm::compare_with(images, both, &|changed| {
        let claim = if lines { Claim::read(images, both, changed) } else { None }?;
        let text = claim.text();
        claims.borrow_mut().push(claim);
        Some((Cause::LineShift, text))
    });
    let Some(code) = code else {
        diff.what = count(bytes);
        return Verdict::of(diff, None);
    };
    let claims = claims.into_inner();
    diff.changed = code.changed();
    if diff.changed == 0 && !code.rows.is_empty() {
        diff.result = ResultMark::Equivalent;
        let explained = code.explained(Sides::new(old, new));
        let how = if explained.contains_key(&Cause::LineShift) { "is a line number or refers" } else { "refers" };
        diff.what = format!("{}: every changed operand {how} to the same target", count(bytes));
        let list = |side: Side| claims.iter().take(8).map(|c: &Claim| c.line(side).to_string()).collect::<Vec<_>>().join(", ");
        let values = (format!("line {}", list(Side::Shipped)), format!("line {}", list(Side::Rebuilt)));
        return Verdict { diff, addresses: None, explained, claims, values };
    }
    let Some(first) = code.rows.iter().find(|r| r.mark.is_difference()) else { return Verdict::of(diff, None) };
    let insn = |side: Side| first.sides.get(side).and_then(|i| code.sides.get(side).get(i));
    let (p, q) = (insn(Side::Shipped), insn(Side::Rebuilt));
    let address = Sides::new(p, q).map(|i| i.map(asm::Insn::ip));
    let described = match (p, q) {
        (Some(p), Some(q)) => asm::describe(images, Sides::new(x, y), p, q),
        (Some(_), None) => "an instruction is only shipped".to_owned(),
        _ => "an instruction is only rebuilt".to_owned(),
    };
    diff.what = match first_bytes(old, new) {
        Some((from, to)) if diff.changed == 1 => format!("{}, {from} -> {to}: {described}", count(bytes)),
        _ if old == new => format!("the same bytes: {described}"),
        _ if diff.changed == 1 => format!("{}: {described}", count(bytes)),
        _ => {
            let rows = code.rows.iter().filter(|r| r.mark != LineMark::Elided).count();
            format!("{} of {rows} instructions differ; first: {described}", diff.changed)
        }
    };
    Verdict { claims, ..Verdict::of(diff, Some(address)) }
}

impl Verdict {
    fn of(diff: FunctionDiff, addresses: Option<Addresses>) -> Self {
        Self { diff, addresses, explained: BTreeMap::new(), claims: Vec::new(), values: Default::default() }
    }
}

fn count(bytes: u64) -> String {
    if bytes == 1 { "1 byte differs".to_owned() } else { format!("{bytes} bytes differ") }
}

/// The differing bytes as hexadecimal, when there are few.
fn first_bytes(old: &[u8], new: &[u8]) -> Option<(String, String)> {
    if old.len() != new.len() {
        return None;
    }
    let differing: Vec<(u8, u8)> = old.iter().zip(new).filter(|(x, y)| x != y).map(|(x, y)| (*x, *y)).collect();
    let text = |side: fn(&(u8, u8)) -> u8| differing.iter().map(|p| format!("{:02x}", side(p))).collect::<Vec<_>>().join(" ");
    (1..=8).contains(&differing.len()).then(|| (text(|p| p.0), text(|p| p.1)))
}
