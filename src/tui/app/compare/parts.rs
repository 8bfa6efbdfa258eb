//! What there is to step through in one node: functions, other regions, the rest.

use super::Part;
use crate::model::{Node, ResultMark};
use crate::review::differences::{has_parts, other_regions};

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
