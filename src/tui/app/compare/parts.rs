//! What there is to step through in one node: functions, other regions, the rest.

use std::ops::Range;

use super::Part;
use crate::model::{Node, ResultMark};

fn overlaps(a: &Range<u64>, b: &Range<u64>) -> bool {
    a.start < b.end && b.start < a.end
}

/// Regions that differ and hold no differing function: what a walk through the functions would miss.
pub(crate) fn other_regions(node: &Node) -> Vec<usize> {
    let extent = |e: &crate::model::Extent| e.offset..e.offset.saturating_add(e.size.max(1));
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
pub(crate) fn has_parts(node: &Node) -> bool {
    !node.functions.is_empty() && (node.functions.iter().any(|f| f.result == ResultMark::Different) || !other_regions(node).is_empty())
}

pub(super) fn parts(node: &Node) -> Vec<Part> {
    let mut list = Vec::new();
    if !has_parts(node) {
        list.push(Part::Whole);
    }
    let different = node.functions.iter().enumerate().filter(|(_, f)| f.result == ResultMark::Different);
    list.extend(different.map(|(i, _)| Part::Function(i)));
    if !node.functions.is_empty() {
        list.extend(other_regions(node).into_iter().map(Part::Region));
        let benign = node.functions.iter().enumerate().filter(|(_, f)| f.result != ResultMark::Different);
        list.extend(benign.map(|(i, _)| Part::Function(i)));
    }
    if has_parts(node) && !node.kind.is_executable() {
        list.push(Part::Whole);
    }
    let mut members: Vec<usize> = (0..node.children.len()).collect();
    members.sort_by_key(|i| node.children.get(*i).map(|c| std::cmp::Reverse(c.result)));
    list.extend(members.into_iter().map(Part::Member));
    list
}
