//! Shipped against rebuilt: walk both, pair what belongs together, account for every byte, and explain only what can be
//! undone. The rule of each cause is in `docs/compare.md`.

mod account;
mod align;
mod archive;
mod asm;
mod blocks;
mod build_path;
mod catalog;
mod changed;
mod changes;
mod checksums;
mod claims;
mod code;
mod coverage;
mod date_place;
mod date_words;
mod dates;
mod deb;
mod derived;
mod dwarf;
mod elf;
mod entered;
mod entry;
mod evidence;
mod evidence_elf;
mod exe;
mod fresh;
pub mod history;
mod image;
mod inside;
mod layout;
mod likeness;
mod line_number;
mod lines;
mod live;
mod macho;
mod matching;
mod members;
mod objects;
mod observed;
mod order;
mod pairing;
mod paths;
mod pe;
mod pe_fields;
mod pe_refs;
mod pieces;
mod programs;
mod pyc;
mod reorder;
mod rpm;
mod shifts;
mod source;
mod stamps;
mod steady;
mod strays;
mod strip;
mod subsequence;
mod symtab;
mod text;
mod texts;
mod walk;

pub use changed::{ChangedLine, ChangedLines, changed_lines};
pub(crate) use inside::each_inside;
pub use inside::{Inner, Inside, digests, inside};
pub use order::worst_first;
pub(crate) use pyc::{source_of, source_time, told as told_of_compiled};

use std::sync::{Arc, Mutex};

use crate::digest::Sha256;
use crate::inspect::{blob::Blob, budget::Budget, kind};
use crate::model::{Account, Node, NodeKind, ResultMark, Side, Sides, SourceContent, SourceTree};
use crate::text::Untrusted;

/// What a comparison may use besides the two files.
pub struct Context<'a> {
    /// The source tree, for the way back to source.
    pub source: Option<&'a SourceTree>,
    /// Reads the files of the source tree, for checksums that debug information records.
    pub source_content: Option<Arc<dyn SourceContent>>,
    /// Separate debug files that the bundle offers; those whose build-id agrees with neither side are not used.
    pub debug: &'a [DebugFile],
    /// Bounds.
    pub limits: Limits,
    /// Asked at each chunk; once true, what is left is "not examined".
    pub cancelled: &'a (dyn Fn() -> bool + Sync),
    /// Does the parts of the work that do not depend on each other: [`in_order`], or on several threads.
    pub share: &'a Share<'a>,
    /// Told the number of bytes done so far, of both sides together.
    pub progress: &'a dyn Fn(u64),
}

pub use crate::model::Share;

/// The plainest [`Share`]: one after the other, on this thread.
pub fn in_order(count: usize, each: &(dyn Fn(usize) + Sync)) {
    (0..count).for_each(each);
}

/// The results of `each` for the numbers below `count`; `None` where it was not called.
fn spread<T: Send>(share: &Share<'_>, count: usize, each: impl Fn(usize) -> T + Sync) -> Vec<Option<T>> {
    let slots: Vec<Mutex<Option<T>>> = (0..count).map(|_| Mutex::new(None)).collect();
    share(count, &|i| {
        let value = each(i);
        if let Some(Ok(mut slot)) = slots.get(i).map(Mutex::lock) {
            *slot = Some(value);
        }
    });
    slots.into_iter().map(|slot| slot.into_inner().unwrap_or(None)).collect()
}

/// The same for both sides.
fn spread_sides<T: Send>(share: &Share<'_>, each: impl Fn(Side) -> T + Sync) -> Option<Sides<T>> {
    let mut both = spread(share, 2, |i| each(if i == 0 { Side::Shipped } else { Side::Rebuilt })).into_iter().flatten();
    Some(Sides::new(both.next()?, both.next()?))
}

/// A `.debug` file, an ELF file with debug information, a `dbgsym` package that holds `.debug` files, or a PDB.
#[derive(Clone, Debug)]
pub struct DebugFile {
    /// Its name in the bundle.
    pub name: Untrusted,
    /// Its content.
    pub bytes: Arc<[u8]>,
}

/// Bounds of one comparison. Over a bound means "not examined", never "same".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes that all containers and streams may expand to, both sides together; at least 20 times the input is allowed.
    pub expanded: u64,
    /// Containers inside containers.
    pub depth: usize,
    /// Members of all containers together.
    pub entries: usize,
    /// Longest member name in bytes.
    pub name: usize,
    /// Bytes that may be kept for looking at differences later.
    pub kept: u64,
}

impl Limits {
    /// As the room says.
    #[must_use]
    pub fn of(room: &crate::model::Limits) -> Self {
        let count = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        Self {
            expanded: room.compared_expanded,
            depth: count(room.compared_depth),
            entries: count(room.compared_members),
            name: 4096,
            kept: 256 << 20,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        // What is expanded is held: with it, the whole program stays below 512 MiB on a bomb.
        Self::of(&crate::model::Limits::default())
    }
}

/// Makes what the first comparison would wait for; for who has nothing else to do while the files are read.
pub fn prepare() {
    asm::prepare();
}

/// Compares what was shipped with what was rebuilt.
pub fn compare(name: Untrusted, shipped: Arc<[u8]>, rebuilt: Arc<[u8]>, context: &Context<'_>) -> Node {
    let mut node = compared(name, shipped, rebuilt, context);
    likeness::fill(&mut node, context, &|_| true);
    node
}

/// As [`compare`], where nothing else is compared beside it: [`Node::likeness`] only groups, and stays `None` in what no other
/// node of this comparison can be like.
pub fn compare_alone(name: Untrusted, shipped: Arc<[u8]>, rebuilt: Arc<[u8]>, context: &Context<'_>) -> Node {
    let mut node = compared(name, shipped, rebuilt, context);
    let kinds = likeness::kinds(&node);
    likeness::fill(&mut node, context, &|kind| kinds.get(&kind).is_some_and(|count| *count > 1));
    node
}

fn compared(name: Untrusted, shipped: Arc<[u8]>, rebuilt: Arc<[u8]>, context: &Context<'_>) -> Node {
    let input = (shipped.len() as u64).saturating_add(rebuilt.len() as u64);
    let expanded = context.limits.expanded.max(input.saturating_mul(20));
    let budget = Budget::new(expanded, context.limits.entries, context.limits.name);
    let mut walk = walk::Walk::new(context, budget);
    let (a, b) = (Blob::from(shipped), Blob::from(rebuilt));
    let slot = walk::Slot::of(name.as_bytes());
    let mut node = walk.pair(name, a.clone(), b.clone(), 0, slot);
    if node.result == ResultMark::Equivalent && (context.cancelled)() {
        // Nobody knows what was left out on the way.
        walk::not_examined(&mut node, &a, &b, "cancelled");
        node.regions.clear();
        node.functions.clear();
    }
    order::worst_first(&mut node);
    node
}

/// A node for a file that has no counterpart.
pub fn only(name: Untrusted, side: Side, bytes: &[u8]) -> Node {
    let mark = match side {
        Side::Shipped => ResultMark::OnlyShipped,
        Side::Rebuilt => ResultMark::OnlyRebuilt,
    };
    let mut node = Node::new(name, kind::recognise(bytes), mark);
    *node.size.get_mut(side) = Some(bytes.len() as u64);
    *node.digest.get_mut(side) = Some(Sha256::of(bytes));
    *node.account.get_mut(side) = Account::all_unexplained(bytes.len() as u64);
    node.why = match side {
        Side::Shipped => "only in what was shipped".to_owned(),
        Side::Rebuilt => "only in what was rebuilt".to_owned(),
    };
    node
}

/// As [`only`], for a member that is no regular file.
fn only_special(name: Untrusted, side: Side, kind: NodeKind) -> Node {
    let mut node = only(name, side, &[]);
    node.kind = kind;
    node
}

#[cfg(test)]
mod tests;
