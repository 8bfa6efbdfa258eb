//! The differences of one file, numbered alike whoever shows them: a screen, or what is printed as text.
//!
//! Of an executable first come the differing rows of its functions, one function after the other, then those of regions in
//! which no function differs. Of everything else the rows of its listing count.

use std::ops::Range;

use crate::model::{Extent, Listing, ListingRow, Node, ResultMark};

fn overlaps(a: &Range<u64>, b: &Range<u64>) -> bool {
    a.start < b.end && b.start < a.end
}

/// Regions that differ and hold no differing function: what a walk through the functions would miss.
#[must_use]
pub fn other_regions(node: &Node) -> Vec<usize> {
    let extent = |e: &Extent| e.offset..e.offset.saturating_add(e.size.max(1));
    let functions: Vec<Range<u64>> = node
        .functions
        .iter()
        .filter(|f| f.result == ResultMark::Different)
        .filter_map(|f| f.extent.shipped.as_ref().or(f.extent.rebuilt.as_ref()).map(extent))
        .collect();
    node.regions
        .iter()
        .enumerate()
        .filter(|(_, r)| !r.result.is_equal())
        .filter(|(_, r)| {
            let own = r.extent.shipped.as_ref().or(r.extent.rebuilt.as_ref()).map(extent);
            own.is_none_or(|own| !functions.iter().any(|f| overlaps(f, &own)))
        })
        .map(|(i, _)| i)
        .collect()
}

/// Whether a walk through functions and regions shows all of a node's difference; else the whole file is walked.
#[must_use]
pub fn has_parts(node: &Node) -> bool {
    !node.functions.is_empty() && (node.functions.iter().any(|f| f.result == ResultMark::Different) || !other_regions(node).is_empty())
}

/// Number of differences of a node that has an item of its own; `None` while it cannot be known. `whole` are the rows of the
/// whole file: of an executable its bytes, and before they are there each of its regions counts as one.
#[must_use]
pub fn differences_of(node: &Node, whole: Option<&Listing>) -> Option<u32> {
    // Rows that were cut are differences that nobody can be shown.
    let cut = |l: &Listing| u32::from(l.cut.is_some());
    if has_parts(node) {
        let regions = other_regions(node).len();
        let in_regions = match whole {
            _ if regions == 0 => 0,
            Some(l) => u32::try_from(region_rows(node, l).len()).ok()?.max(1).saturating_add(cut(l)),
            None => u32::try_from(regions).ok()?,
        };
        return function_rows(node).checked_add(in_regions);
    }
    if node.evidence.is_none() { Some(1) } else { whole.map(|l| differing(l).max(1).saturating_add(cut(l))) }
}

/// Rows of a listing that differ.
#[must_use]
pub fn differing(listing: &Listing) -> u32 {
    u32::try_from(listing.rows.iter().filter(|r| r.mark.is_difference()).count()).unwrap_or(u32::MAX)
}

/// Differing rows of all functions: the number of the first difference in a region.
#[must_use]
pub fn function_rows(node: &Node) -> u32 {
    let different = node.functions.iter().filter(|f| f.result == ResultMark::Different);
    different.fold(0u32, |sum, f| sum.saturating_add(u32::try_from(f.changed.max(1)).unwrap_or(u32::MAX)))
}

/// The differing rows of the whole file that lie in a region without differing functions, in order.
#[must_use]
pub fn region_rows(node: &Node, whole: &Listing) -> Vec<usize> {
    let extents: Vec<_> =
        other_regions(node).iter().filter_map(|i| node.regions.get(*i)).filter_map(|r| r.extent.shipped.or(r.extent.rebuilt)).collect();
    let inside = |row: &ListingRow| {
        let cell = row.cells.shipped.as_ref().or(row.cells.rebuilt.as_ref());
        cell.is_some_and(|c| {
            let end = c.number.saturating_add(c.bytes.len().max(1) as u64);
            extents.iter().any(|e| end > e.offset && c.number < e.offset.saturating_add(e.size))
        })
    };
    let rows = whole.rows.iter().enumerate();
    rows.filter(|(_, r)| r.mark.is_difference() && inside(r)).map(|(i, _)| i).collect()
}

/// The number of the first difference of a function, and how many it has.
#[must_use]
pub fn base_of(node: &Node, function: usize) -> Option<(u32, u32)> {
    let mut base = 0usize;
    for (i, f) in node.functions.iter().enumerate().filter(|(_, f)| f.result == ResultMark::Different) {
        if i == function {
            return Some((u32::try_from(base).ok()?, u32::try_from(f.changed.max(1)).ok()?));
        }
        base += f.changed.max(1);
    }
    None
}
