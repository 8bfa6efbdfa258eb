//! What to look at first: code that differs, then other differences, then what could not be examined.

use crate::model::{Node, ResultMark};

/// Sorts children so that the most serious come first; equal ones keep the order of the container.
pub fn worst_first(node: &mut Node) {
    for child in &mut node.children {
        worst_first(child);
    }
    node.children.sort_by_key(rank);
}

fn rank(node: &Node) -> u8 {
    match node.result {
        ResultMark::Different if has_code(node) => 0,
        ResultMark::Different => 1,
        ResultMark::NotExamined => 2,
        ResultMark::OnlyShipped => 3,
        ResultMark::OnlyRebuilt => 4,
        ResultMark::Equivalent => 5,
        ResultMark::Identical => 6,
    }
}

fn has_code(node: &Node) -> bool {
    !node.functions.is_empty() || node.children.iter().any(|c| c.result == ResultMark::Different && has_code(c))
}
