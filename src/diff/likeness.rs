//! Whether two files differ in the same way: a digest of what differs, free of addresses and of what stands around it.
//!
//! It only ever groups what a reviewer is asked about. It explains no byte, and when anything in it is not sure to be the
//! same (a reference without a name, a section of another content), it is another digest.

use std::collections::HashMap;

use super::account::{common_end, common_start};
use super::align::{Aligned, align};
use super::image::Images;
use super::texts::Texts;
use super::{Context, Share, asm, observed, spread};
use crate::digest::{Hasher, Sha256};
use crate::inspect::symbols::Function;
use crate::model::{FunctionDiff, Node, NodeKind, RegionDiff, ResultMark, Side, Sides};

/// Largest text whose lines are aligned for it, in bytes.
const MAX_TEXT: usize = 4 << 20;
/// Equal lines around a change that belong to it: those that a reviewer is shown with it.
const LINES_AROUND: usize = 3;
/// Equal bytes around a change of data that belong to it.
const BYTES_AROUND: usize = 16;
/// Bytes of a text that is referred to.
const MAX_REFERRED: usize = 4096;
/// Largest section that only holds a value derived from all the rest.
const MAX_DERIVED: u64 = 128;

/// Fills in [`Node::likeness`] of this node and all below it that are of the wanted kinds; stops when it is given up.
pub(super) fn fill(node: &mut Node, context: &Context<'_>, wanted: &dyn Fn(NodeKind) -> bool) {
    if node.result.is_equal() || (context.cancelled)() {
        return;
    }
    if wanted(node.kind) {
        node.likeness = node.evidence.as_ref().and_then(|e| e.likeness(node, context.share));
    }
    for child in &mut node.children {
        fill(child, context, wanted);
    }
}

/// How many nodes of each kind differ and have evidence: no two of different kinds are alike.
pub(super) fn kinds(node: &Node) -> HashMap<NodeKind, usize> {
    let mut found = HashMap::new();
    let mut left = vec![node];
    while let Some(node) = left.pop() {
        if node.result.is_equal() {
            continue;
        }
        if node.evidence.is_some() {
            *found.entry(node.kind).or_insert(0) += 1;
        }
        left.extend(&node.children);
    }
    found
}

/// A hasher of fields that keeps each apart from the next.
struct Fields(Hasher);

impl Fields {
    fn new(what: &str) -> Self {
        let mut fields = Self(Hasher::default());
        fields.add(what.as_bytes());
        fields
    }

    fn add(&mut self, bytes: &[u8]) {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    fn finish(self) -> Sha256 {
        self.0.finish().0
    }
}

/// The changed lines of two texts with the equal ones around them, without their numbers.
pub(super) fn of_texts(a: &[u8], b: &[u8]) -> Option<Sha256> {
    if a.len().max(b.len()) > MAX_TEXT {
        return None;
    }
    let Sides { shipped: one, rebuilt: two } = Texts::new(a, b, LINES_AROUND).lines?;
    let rows = align(&one, &two);
    let mut near = vec![false; rows.len()];
    for (i, _) in rows.iter().enumerate().filter(|(_, r)| !r.equal) {
        for wanted in near.iter_mut().take(i + LINES_AROUND + 1).skip(i.saturating_sub(LINES_AROUND)) {
            *wanted = true;
        }
    }
    let mut hunks = std::collections::BTreeSet::new();
    let mut hunk: Option<Fields> = None;
    for (row, near) in rows.iter().zip(near) {
        if near {
            line(hunk.get_or_insert_with(|| Fields::new("hunk")), row, &one, &two);
        } else if let Some(done) = hunk.take() {
            hunks.insert(done.finish().0);
        }
    }
    hunks.extend(hunk.map(|h| h.finish().0));
    (!hunks.is_empty()).then(|| sum("text", hunks))
}

fn line(hunk: &mut Fields, row: &Aligned, one: &[&[u8]], two: &[&[u8]]) {
    let text = |at: Option<usize>, all: &[&[u8]]| at.and_then(|i| all.get(i).map(|l| l.to_vec()));
    let (old, new) = (text(row.sides.shipped, one), text(row.sides.rebuilt, two));
    hunk.add(match (&old, &new) {
        _ if row.equal => b"=",
        (Some(_), None) => b"<",
        (None, Some(_)) => b">",
        _ => b"|",
    });
    hunk.add(&old.unwrap_or_default());
    if !row.equal {
        hunk.add(&new.unwrap_or_default());
    }
}

fn sum(what: &str, parts: impl IntoIterator<Item = [u8; 32]>) -> Sha256 {
    let mut all = Fields::new(what);
    for part in parts {
        all.add(&part);
    }
    all.finish()
}

/// The differing functions with their code, and the differing regions beside them.
pub(super) fn of_executables(images: &Images, pairs: &[Sides<Option<Function>>], node: &Node, share: &Share<'_>) -> Option<Sha256> {
    let functions: Vec<_> = node.functions.iter().zip(pairs).filter(|(f, _)| !f.result.is_equal()).collect();
    let differing: Vec<&FunctionDiff> = functions.iter().map(|(f, _)| *f).collect();
    let regions: Vec<&RegionDiff> = node.regions.iter().filter(|r| !r.result.is_equal() && !is_covered(r, &differing)).collect();
    // The regions first: one of them may be longer than all functions.
    let part = |i: usize| match i.checked_sub(regions.len()) {
        None => regions.get(i).and_then(|region| of_region(images, region)),
        Some(i) => functions.get(i).map(|(function, pair)| of_function(images, function, pair)),
    };
    let mut parts = std::collections::BTreeSet::new();
    for found in spread(share, regions.len() + functions.len(), part) {
        parts.insert(found.flatten()?.0);
    }
    for sentence in &node.metadata {
        parts.insert(Sha256::of(sentence.as_bytes()).0);
    }
    (!parts.is_empty()).then(|| sum("executable", parts))
}

/// Whether the differing functions inside are all that differs there.
fn is_covered(region: &RegionDiff, functions: &[&FunctionDiff]) -> bool {
    let mut any = false;
    let all = [Side::Shipped, Side::Rebuilt].into_iter().all(|side| {
        let Some(own) = region.extent.get(side) else { return true };
        let inside = |f: &&&FunctionDiff| {
            f.extent.get(side).is_some_and(|e| e.offset >= own.offset && e.offset < own.offset.saturating_add(own.size))
        };
        let sizes: Vec<u64> = functions.iter().filter(inside).filter_map(|f| f.extent.get(side).map(|e| e.size)).collect();
        any |= !sizes.is_empty();
        region.account.get(side).unexplained <= sizes.iter().fold(0u64, |n, s| n.saturating_add(*s))
    });
    any && all
}

fn of_function(images: &Images, function: &FunctionDiff, pair: &Sides<Option<Function>>) -> Sha256 {
    let mut all = Fields::new("function");
    // An address is no name: the same function stands elsewhere in the next file.
    let name = function.name.as_bytes();
    all.add(if name.starts_with(b"0x") || name.starts_with(b"after 0x") { b"" } else { name });
    all.add(function.result.word().as_bytes());
    for side in [Side::Shipped, Side::Rebuilt] {
        match pair.get(side) {
            None => all.add(b"none"),
            Some(f) => of_code(images, side, f, &mut all),
        }
    }
    all.finish()
}

/// Instructions with what they refer to by name; a reference that has none goes in as the address that it is.
fn of_code(images: &Images, side: Side, f: &Function, all: &mut Fields) {
    let image = images.sides.get(side);
    let code = image.code(f);
    let Some(insns) = asm::decode(image, f) else { return all.add(code) };
    for insn in &insns {
        let bytes = insn.bytes(code);
        let Some(to) = insn.named() else {
            all.add(bytes);
            continue;
        };
        all.add(&insn.masked(bytes).to_le_bytes());
        if (f.address..f.end()).contains(&to) {
            all.add(&(to - f.address).to_le_bytes());
            continue;
        }
        match images.label(side, to) {
            Some(label) => {
                all.add(label.as_bytes());
                // A label shows the start of a text only.
                if label.starts_with('"') {
                    let text = image.elf.bytes_at(to).split(|b| *b == 0).next().unwrap_or_default();
                    all.add(text.get(..MAX_REFERRED).unwrap_or(text));
                }
            }
            None => all.add(&to.to_le_bytes()),
        }
    }
}

fn of_region(images: &Images, region: &RegionDiff) -> Option<Sha256> {
    let bytes = |side: Side| {
        let Some(e) = region.extent.get(side) else { return Some(&[][..]) };
        let from = usize::try_from(e.offset).ok()?;
        images.sides.get(side).elf.blob.get(from..from.checked_add(usize::try_from(e.size).ok()?)?)
    };
    let (old, new) = (bytes(Side::Shipped)?, bytes(Side::Rebuilt)?);
    let mut all = Fields::new("region");
    all.add(region.name.as_bytes());
    all.add(region.result.word().as_bytes());
    let derived = match region.name.as_bytes() {
        b".note.gnu.build-id" => !is_read(images, region),
        b".gnu_debuglink" => {
            let link = |side: Side| images.sides.get(side).elf.debug_link().map(|l| l.0);
            link(Side::Shipped).is_some() && link(Side::Shipped) == link(Side::Rebuilt)
        }
        _ => false,
    };
    let small = region.extent.as_ref().map(|e| e.is_some_and(|e| e.size <= MAX_DERIVED));
    if derived && small.shipped && small.rebuilt && region.result == ResultMark::Different {
        // These values follow from all the rest and are never the same in two files.
        return Some(all.finish());
    }
    let start = common_start(old, new);
    let end = common_end(old, new, old.len().min(new.len()) - start);
    for side in [old, new] {
        let (from, to) = (start.saturating_sub(BYTES_AROUND), (side.len() - end).saturating_add(BYTES_AROUND).min(side.len()));
        all.add(side.get(from..to)?);
    }
    Some(all.finish())
}

/// Whether anything in the program refers to a region: then what it holds is data, and means what it says.
fn is_read(images: &Images, region: &RegionDiff) -> bool {
    [Side::Shipped, Side::Rebuilt].into_iter().any(|side| {
        let range = region.extent.get(side).map(|e| e.address..e.address.saturating_add(e.size));
        range.is_some_and(|range| observed::reader(images.sides.get(side), &range).is_some())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_change_of_lines_is_the_same_wherever_it_stands() {
        let file = |before: usize, changed: &str| format!("{}a\nb\nc\n{changed}\nd\ne\nf\n{}", "x\n".repeat(before), "y\n".repeat(9));
        let of = |before, old: &str, new: &str| of_texts(file(before, old).as_bytes(), file(before, new).as_bytes());
        assert!(of(3, "k = 1", "k = 2").is_some());
        assert_eq!(of(3, "k = 1", "k = 2"), of(40, "k = 1", "k = 2"));
        assert_ne!(of(3, "k = 1", "k = 2"), of(3, "k = 2", "k = 1"), "the sides are not the same thing");
        assert_ne!(of(3, "k = 1", "k = 2"), of(3, "k = 1", "k = 3"));
        assert_ne!(of_texts(b"a\n}\n", b"a\nreturn 0;\n}\n"), of_texts(b"b\n}\n", b"b\nreturn 0;\n}\n"), "the same line in another place");
        assert_eq!(of_texts(b"same\n", b"same\n"), None);
    }
}
