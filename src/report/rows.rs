//! The rows of one difference as text, all of them: each differing function, each region without one, else the whole file.

use std::fmt::Write as _;

use crate::model::{Listing, Node, Place, ResultMark, View};
use crate::report;
use crate::review::differences::{base_of, differences_of, differing, function_rows, has_parts, other_regions, region_rows};

/// Which differences of a file were printed, by the numbers that the screens give them, and how many it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Printed {
    pub(crate) differences: Vec<u32>,
    pub(crate) of: u32,
}

impl Printed {
    pub(crate) fn all(of: usize) -> Self {
        let of = u32::try_from(of).unwrap_or(u32::MAX);
        Self { differences: (0..of).collect(), of }
    }
}

/// Prints them.
pub(crate) fn print(node: &Node, out: &mut String) -> Printed {
    if has_parts(node) {
        return parts(node, out);
    }
    let Some(listing) = report::best_listing(node) else {
        out.push_str("no rows are kept for it\n");
        // What is kept is sentences, and they are above.
        return Printed { differences: if node.evidence.is_none() { vec![0] } else { Vec::new() }, of: 1 };
    };
    report::listing(&listing, out);
    let of = differences_of(node, Some(&listing)).unwrap_or(u32::MAX);
    Printed { differences: (0..differing(&listing).max(1)).collect(), of }
}

fn parts(node: &Node, out: &mut String) -> Printed {
    let mut printed = Printed { differences: Vec::new(), of: 0 };
    let Some(evidence) = &node.evidence else {
        out.push_str("no rows are kept for it\n");
        printed.of = differences_of(node, None).unwrap_or(u32::MAX);
        return printed;
    };
    let view = evidence.views().first().copied().unwrap_or(View::Bytes);
    for (i, function) in node.functions.iter().enumerate().filter(|(_, f)| f.result == ResultMark::Different) {
        let _ = writeln!(out, "\n{} {}  {}", function.result.mark(), function.name.shown(), function.what);
        let listing = evidence.listing(Place::Function(i), view);
        report::listing(&listing, out);
        printed.differences.extend(of_function(node, i, &listing));
    }
    let regions = other_regions(node);
    let mut whole = None;
    if !regions.is_empty() {
        for region in regions.iter().filter_map(|i| node.regions.get(*i)) {
            let _ = writeln!(out, "\n{} {}", region.result.mark(), region.name.shown());
        }
        let listing = evidence.listing(Place::Whole, View::Bytes);
        report::listing(&listing, out);
        let rows = u32::try_from(region_rows(node, &listing).len()).unwrap_or(u32::MAX);
        let base = function_rows(node);
        printed.differences.extend((0..rows.max(u32::from(listing.cut.is_none()))).map(|n| base.saturating_add(n)));
        whole = Some(listing);
    }
    printed.of = differences_of(node, whole.as_ref()).unwrap_or(u32::MAX);
    printed
}

/// The differences of a function whose rows were printed. Rows that were cut are not there; where nothing was cut and the rows
/// are fewer than what was counted, all that there is was printed.
fn of_function(node: &Node, function: usize, listing: &Listing) -> Vec<u32> {
    let Some((base, changed)) = base_of(node, function) else { return Vec::new() };
    let rows = if listing.cut.is_none() { changed } else { differing(listing).min(changed) };
    (base..base.saturating_add(rows)).collect()
}
