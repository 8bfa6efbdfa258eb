//! Rows to look at: aligned, each with the two sides, made when somebody looks.

use super::{Node, Share, Sides, SourceLine};
use crate::digest::Sha256;
use crate::text::Row;

/// How to look at a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum View {
    /// Aligned instructions of a function.
    Asm,
    /// Aligned bytes.
    Bytes,
    /// Strings on one side only.
    Strings,
    /// Sections with their accounts.
    Sections,
    /// Aligned lines of text.
    Lines,
}

/// What part of the node to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// The whole node.
    Whole,
    /// The function with that index in [`Node::functions`].
    Function(usize),
}

/// How the two cells of a row relate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LineMark {
    /// Same.
    Same,
    /// Different bytes, proved benign.
    Explained,
    /// Different.
    Changed,
    /// Only shipped.
    OnlyShipped,
    /// Only rebuilt.
    OnlyRebuilt,
    /// Rows left out between here (equal ones, or over the bound); `note` says how many.
    Elided,
}

impl LineMark {
    /// The character between the two sides.
    #[must_use]
    pub fn mark(self) -> char {
        match self {
            Self::Same => '=',
            Self::Explained => '~',
            Self::Changed => '|',
            Self::OnlyShipped => '<',
            Self::OnlyRebuilt => '>',
            Self::Elided => ' ',
        }
    }

    /// Whether `]` stops here.
    #[must_use]
    pub fn is_difference(self) -> bool {
        matches!(self, Self::Changed | Self::OnlyShipped | Self::OnlyRebuilt)
    }
}

/// One side of a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SideCell {
    /// Address, file offset or line number: the number in the first column.
    pub number: u64,
    /// The raw bytes (of an instruction; of a hex row); empty for text.
    pub bytes: Vec<u8>,
    /// The text with the changed parts marked by their roles.
    pub text: Row,
}

/// One aligned row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListingRow {
    /// How the sides relate.
    pub mark: LineMark,
    /// The cells; absent on the side that lacks the row.
    pub cells: Sides<Option<SideCell>>,
    /// The source line that debug information claims for it.
    pub source: Option<SourceLine>,
    /// A remark on the row, such as the reason of an explained operand.
    pub note: Option<String>,
}

/// Rows to look at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The rows.
    pub rows: Vec<ListingRow>,
    /// Said when rows were cut at a bound.
    pub cut: Option<String>,
}

impl Listing {
    /// Indices of the first row of each run of differing rows.
    #[must_use]
    pub fn differences(&self) -> Vec<usize> {
        let mut before = false;
        let mut starts = Vec::new();
        for (i, row) in self.rows.iter().enumerate() {
            let now = row.mark.is_difference();
            if now && !before {
                starts.push(i);
            }
            before = now;
        }
        starts
    }
}

/// What can be asked of a differing node after the comparison: rows are made when somebody looks, not before.
pub trait Evidence: Send + Sync {
    /// The views that this node has, the best first.
    fn views(&self) -> Vec<View>;

    /// The rows of a view.
    fn listing(&self, place: Place, view: View) -> Listing;

    /// A digest of all that differs in `node` without a proof, free of where it stands: equal in two files that differ in the
    /// same way, such as the same change of one library function that both contain. `None` when that cannot be told; then
    /// only the same pair of contents is the same difference. `share` does what may be done at the same time.
    fn likeness(&self, node: &Node, share: &Share<'_>) -> Option<Sha256> {
        let _ = (node, share);
        None
    }
}
