//! What stands behind a function may be something else on the other side only when the function never runs into it.

use std::cell::RefCell;
use std::collections::HashMap;

use crate::diff::asm::{self, Ending};
use crate::diff::image::Images;
use crate::inspect::symbols::{Bound, Function};
use crate::model::{Side, Sides};

/// Imported functions that never return, by the standards and ABIs that name them (ISO C, POSIX, LSB, the C++ ABI).
const NO_RETURN: [&[u8]; 30] = [
    b"abort",
    b"exit",
    b"_exit",
    b"_Exit",
    b"quick_exit",
    b"pthread_exit",
    b"thrd_exit",
    b"longjmp",
    b"siglongjmp",
    b"_longjmp",
    b"__longjmp_chk",
    b"err",
    b"errx",
    b"verr",
    b"verrx",
    b"__assert_fail",
    b"__assert_perror_fail",
    b"__assert",
    b"__stack_chk_fail",
    b"__chk_fail",
    b"__fortify_fail",
    b"__libc_start_main",
    b"_Unwind_Resume",
    b"__cxa_throw",
    b"__cxa_rethrow",
    b"__cxa_bad_cast",
    b"__cxa_throw_bad_array_new_length",
    b"__cxa_pure_virtual",
    b"_ZSt9terminatev",
    b"__cxa_call_unexpected",
];
/// Functions that are looked through to see whether one returns.
const MAX_DEPTH: usize = 32;

/// The functions of both sides with what follows each of them.
pub(in crate::diff) struct Neighbours<'a> {
    images: &'a Images,
    /// Whether functions stand in another order at all.
    active: bool,
    /// For each pair, whether the function behind it is the same on both sides.
    kept: Vec<bool>,
    returns: RefCell<HashMap<(Side, usize), bool>>,
}

impl<'a> Neighbours<'a> {
    pub(in crate::diff) fn new(images: &'a Images) -> Self {
        let active = images.is_turned();
        let mut kept = Vec::new();
        if active {
            let next = Sides::new(followers(images, Side::Shipped), followers(images, Side::Rebuilt));
            kept = next.shipped.iter().zip(&next.rebuilt).map(|(x, y)| x == y).collect();
        }
        Self { images, active, kept, returns: RefCell::default() }
    }

    /// Whether functions stand in another order.
    pub(in crate::diff) fn is_active(&self) -> bool {
        self.active
    }

    /// Whether something else follows a pair than on the other side, and it is not proved that it never runs into that.
    pub(in crate::diff) fn runs_on(&self, pair: usize) -> bool {
        self.active && self.kept.get(pair) == Some(&false) && !self.ends(pair)
    }

    /// Whether both functions of a pair never run into what follows them.
    pub(in crate::diff) fn ends(&self, pair: usize) -> bool {
        let Some(pair) = self.images.pairs.get(pair) else { return false };
        [Side::Shipped, Side::Rebuilt].iter().all(|side| {
            let Some(f) = pair.get(*side).and_then(|i| self.images.sides.get(*side).functions.get(i)) else { return false };
            // What is between it and the next function belongs to it, unless it is padding.
            let last = self.filler(*side, f).unwrap_or(f);
            asm::flow(self.images.sides.get(*side), last).is_some_and(|flow| self.leaves(*side, &flow.ending, 0))
        })
    }

    /// Code that is no padding right behind a function.
    fn filler(&self, side: Side, f: &Function) -> Option<&'a Function> {
        let image = self.images.sides.get(side);
        let i = image.fillers.binary_search_by_key(&f.end(), |g| g.address).ok()?;
        image.fillers.get(i).filter(|g| g.section == f.section && !asm::is_padding(image, g))
    }

    fn leaves(&self, side: Side, ending: &Ending, depth: usize) -> bool {
        match ending {
            Ending::Leaves => true,
            Ending::Open => false,
            Ending::Calls(to) => !self.may_return(side, *to, depth),
            Ending::CallsThrough(slot) => {
                matches!(self.images.sides.get(side).bound(*slot), Some(Bound::Import(name, 0)) if is_no_return(name))
            }
        }
    }

    /// Whether a call of that address may come back.
    fn may_return(&self, side: Side, to: u64, depth: usize) -> bool {
        let image = self.images.sides.get(side);
        if let Some(name) = image.import(to) {
            return !is_no_return(name);
        }
        let Some(i) = image.function_at(to) else { return true };
        let Some(f) = image.functions.get(i).filter(|f| f.address == to) else { return true };
        if let Some(known) = self.returns.borrow().get(&(side, i)) {
            return *known;
        }
        if depth >= MAX_DEPTH {
            return true;
        }
        // One that comes back to itself is not looked at again.
        self.returns.borrow_mut().insert((side, i), true);
        let returns = asm::flow(image, f).is_none_or(|flow| {
            flow.returns
                || !self.leaves(side, &flow.ending, depth + 1)
                || flow.leaves.iter().any(|to| self.may_return(side, *to, depth + 1))
        });
        self.returns.borrow_mut().insert((side, i), returns);
        returns
    }
}

fn is_no_return(name: &[u8]) -> bool {
    let plain = name.split(|b| *b == b'@').next().unwrap_or_default();
    NO_RETURN.contains(&plain)
}

/// For each pair, the pair of the function that follows it in its section.
fn followers(images: &Images, side: Side) -> Vec<Option<usize>> {
    let image = images.sides.get(side);
    let mut pair_of: Vec<Option<usize>> = vec![None; image.functions.len()];
    for (n, pair) in images.pairs.iter().enumerate() {
        if let Some(slot) = pair.get(side).and_then(|i| pair_of.get_mut(i)) {
            *slot = Some(n);
        }
    }
    let mut out = vec![None; images.pairs.len()];
    for (i, f) in image.functions.iter().enumerate() {
        let next = image.functions.get(i + 1).filter(|g| g.section == f.section).and_then(|_| pair_of.get(i + 1).copied().flatten());
        if let Some(slot) = pair_of.get(i).copied().flatten().and_then(|n| out.get_mut(n)) {
            *slot = next;
        }
    }
    out
}
