//! How the starts of functions are aligned: code may ask that of a pointer to one.

use std::collections::BTreeSet;

use super::asm;
use super::image::Images;
use crate::inspect::symbols::Function;
use crate::model::{Side, Sides};

/// What the addresses of functions of honest pairs agree in, whatever moved: compilers align functions that can be called through
/// a pointer to 16 bytes, and `.init` and `.fini` stand at multiples of four.
const ENTRY: u64 = 4;

/// Which functions are aligned otherwise than on the other side. In C++ the lowest bit of a pointer to a member says whether the call
/// is virtual.
pub(super) struct Entries {
    /// Pairs that follow, without any other gap, one whose size differs: that one is different, and moved them.
    pushed: BTreeSet<usize>,
}

impl Entries {
    pub(super) fn new(images: &Images) -> Self {
        let mut pushed = BTreeSet::new();
        let (old, new) = (&images.sides.shipped.functions, &images.sides.rebuilt.functions);
        for (i, pair) in old.windows(2).enumerate() {
            let [before, own] = pair else { continue };
            let (Some(m), Some(n)) = (images.pair_of(Side::Shipped, i), images.pair_of(Side::Shipped, i + 1)) else { continue };
            let other = |n: usize| images.pairs.get(n).and_then(|p| p.rebuilt);
            let (Some(j), Some(k)) = (other(m), other(n)) else { continue };
            let (Some(last), Some(next)) = (new.get(j), new.get(k)) else { continue };
            let kept = k == j + 1 && own.address.wrapping_sub(before.end()) == next.address.wrapping_sub(last.end());
            if kept && (before.size != last.size || pushed.contains(&m)) {
                pushed.insert(n);
            }
        }
        Self { pushed }
    }

    /// Whether a piece starts otherwise on the other side, is more than padding, and nothing that is seen anyway moved it there.
    /// `pair` is the function that it is, or that it follows.
    pub(super) fn differ(&self, images: &Images, sides: &Sides<Option<Function>>, named: bool, pair: Option<usize>) -> bool {
        let (Some(x), Some(y)) = (&sides.shipped, &sides.rebuilt) else { return false };
        if x.address.wrapping_sub(y.address).is_multiple_of(ENTRY) || pair.is_some_and(|n| self.pushed.contains(&n)) {
            return false;
        }
        let padding = |side: Side, f: &Function| asm::is_padding(images.sides.get(side), f);
        let follows = pair.and_then(|n| images.pairs.get(n)).is_some_and(|p| {
            let size = |side: Side| p.get(side).and_then(|i| images.sides.get(side).functions.get(i)).map(|f| f.size);
            size(Side::Shipped) != size(Side::Rebuilt)
        });
        let nothing = follows || padding(Side::Shipped, x) && padding(Side::Rebuilt, y);
        named || !nothing
    }
}
