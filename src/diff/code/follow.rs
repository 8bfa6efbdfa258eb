//! Where code leads that did not change: wherever anything moved, and into what was rewritten.

use std::collections::{BTreeMap, BTreeSet};

use super::piece::Piece;
use crate::diff::image::Images;
use crate::diff::steady::{self, Loose};
use crate::diff::{Share, asm, entered, spread};
use crate::inspect::exe::Format;
use crate::model::Sides;

/// Where anything moved, follows the references of all code whose instructions stand at the same offsets; else nothing is
/// to be followed. `None` when it was given up.
pub(super) fn follow(
    images: &Images,
    pieces: &[Piece<'_>],
    cancelled: &(dyn Fn() -> bool + Sync),
    share: &Share<'_>,
) -> Option<Vec<Loose>> {
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
    let by_data = entered::by_data(&images.sides.shipped);
    // What cannot be read may lead anywhere.
    let unknown = by_data.is_none();
    into.extend(by_data.into_iter().flatten());
    let hidden = |i: usize| {
        let f = pieces.get(i).and_then(|p| p.sides.shipped.as_ref());
        if cancelled() { None } else { Some(f.map_or_else(Vec::new, |f| entered::hidden(&images.sides.shipped, f, &into))) }
    };
    for (loose, hidden) in all.iter_mut().zip(spread(share, pieces.len(), hidden)) {
        loose.other.extend(hidden.flatten()?);
    }
    for (piece, loose) in pieces.iter().zip(&mut all).filter(|_| unknown) {
        loose.unknown.extend(piece.sides.shipped.as_ref().map(|f| 0..usize::try_from(f.size).unwrap_or(0)));
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
pub(super) fn rewritten(
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
        Some((entered::by_scan(images, scan.as_ref()), scan.is_some_and(|s| s.cut)))
    };
    let all: Option<Vec<(Option<BTreeSet<u64>>, bool)>> = spread(share, pieces.len(), each).into_iter().map(Option::flatten).collect();
    let (sets, cut): (Vec<_>, Vec<bool>) = all?.into_iter().unzip();
    let by_data = entered::by_data(image);
    // Over the bound, and of what cannot be read, nobody knows what is entered: it may be anything.
    let unknown = sets.contains(&None) || by_data.is_none();
    let into: BTreeSet<u64> = sets.into_iter().flatten().flatten().chain(by_data.into_iter().flatten()).collect();
    let over: BTreeSet<u64> = over(images, pieces, &cut, &into).into_iter().filter_map(|n| Some(own(n)?.end())).collect();
    let one = |(piece, changed): (&Piece<'_>, &bool)| {
        let mut out = Loose::default();
        if let (true, Some(x), Some(y)) = (changed, &piece.sides.shipped, &piece.sides.rebuilt) {
            out.other = entered::rewritten(image, x, images.sides.rebuilt.code(y), &into);
            // It begins inside of an instruction of the code before it: all that was read of it may be read otherwise.
            out.other.extend((unknown || over.contains(&x.address)).then_some(0..usize::try_from(x.size).unwrap_or(0)));
        }
        out
    };
    Some(pieces.iter().zip(changed).map(one).collect())
}
