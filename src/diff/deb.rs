//! Checksum lists of a Debian package: explained when every line that differs names a file whose digest, recomputed on
//! each side, is the one that side's list gives.

use std::collections::{BTreeMap, BTreeSet};

use super::account::{own_result, prove, settle};
use super::rpm::digest;
use super::walk::{Slot, because, causes};
use super::{Share, spread_sides};
use crate::digest::Algorithm;
use crate::inspect::blob::Blob;
use crate::inspect::installed::inner;
use crate::model::{Cause, Node, ResultMark, Sides, Tried};

/// The files of one package, by name without `./`.
#[derive(Default)]
pub(super) struct Package {
    control: BTreeMap<Vec<u8>, Sides<Option<Blob>>>,
    data: BTreeMap<Vec<u8>, Sides<Option<Blob>>>,
    /// Names that occur more than once: nothing is proved with them.
    repeated: BTreeSet<Vec<u8>>,
}

impl Package {
    /// Remembers a member of `control.tar` or `data.tar`.
    pub(super) fn note(&mut self, slot: Slot, name: &[u8], a: Option<&Blob>, b: Option<&Blob>) {
        let files = match slot {
            Slot::Control => &mut self.control,
            Slot::Data => &mut self.data,
            _ => return,
        };
        let name = name.strip_prefix(b"./").unwrap_or(name).to_vec();
        if files.contains_key(&name) {
            self.repeated.insert(name);
            return;
        }
        files.insert(name, Sides::new(a.cloned(), b.cloned()));
    }
}

/// One line: digest text, then the name.
struct Line<'a> {
    start: usize,
    digest: &'a [u8],
    name: &'a [u8],
}

/// Looks for `md5sums` and `sha256sums` among the package's control files and proves what can be proved.
pub(super) fn explain_checksum_lists(root: &mut Node, package: &Package, share: &Share<'_>) {
    for (list, algorithm) in [("md5sums", Algorithm::Md5), ("sha256sums", Algorithm::Sha256)] {
        let Some(Sides { shipped: Some(a), rebuilt: Some(b) }) = package.control.get(list.as_bytes()) else { continue };
        if **a == **b {
            continue;
        }
        for child in root.children.iter_mut().filter(|c| inner(c.name.as_bytes()).starts_with(b"control.tar")) {
            apply(child, list, &mut |node| match differing_lines(Sides::new(a, b), package, algorithm, share) {
                Ok(lines) => explain(node, &lines),
                Err(why) => node.tried.push(Tried { cause: Cause::ChecksumList, why }),
            });
        }
    }
}

/// Runs `f` on the node of that list and settles everything above it again.
fn apply(node: &mut Node, list: &str, f: &mut dyn FnMut(&mut Node)) -> bool {
    let name = node.name.as_bytes();
    if name.strip_prefix(b"./").unwrap_or(name) == list.as_bytes() && node.result == ResultMark::Different {
        f(node);
        return true;
    }
    let mut found = false;
    for child in &mut node.children {
        found |= apply(child, list, f);
    }
    if found {
        settle(node);
        node.why = because(node);
    }
    found
}

/// Where the digests of the differing lines are (the same place on both sides) and whose they are.
fn differing_lines(
    lists: Sides<&[u8]>,
    package: &Package,
    algorithm: Algorithm,
    share: &Share<'_>,
) -> Result<Vec<(std::ops::Range<usize>, String, String)>, String> {
    let (old, new) = (lines(lists.shipped, algorithm)?, lines(lists.rebuilt, algorithm)?);
    if old.len() != new.len() || lists.shipped.len() != lists.rebuilt.len() {
        return Err("the lists name different files".to_owned());
    }
    let mut out = Vec::new();
    // Whoever lists a large file a million times does not have it hashed a million times.
    let mut listed = BTreeSet::new();
    for (x, y) in old.iter().zip(&new) {
        let shown = || crate::text::Untrusted::from(x.name).shown().to_string();
        if x.name != y.name || x.start != y.start {
            return Err("the lists name different files".to_owned());
        }
        if x.digest == y.digest {
            continue;
        }
        if !listed.insert(x.name) {
            return Err(format!("{} is listed more than once", shown()));
        }
        if package.repeated.contains(x.name) {
            return Err(format!("{} occurs more than once in the package", shown()));
        }
        let files = package.data.get(x.name).ok_or_else(|| format!("{} is not in the package", shown()))?;
        let (Some(shipped), Some(rebuilt)) = (&files.shipped, &files.rebuilt) else {
            return Err(format!("{} is on one side only", shown()));
        };
        let contents = Sides::new(shipped, rebuilt);
        let made = spread_sides(share, |side| digest(contents.get(side), algorithm));
        if !made.is_some_and(|made| made.shipped.as_bytes() == x.digest && made.rebuilt.as_bytes() == y.digest) {
            return Err(format!("the digest of {} is not the one listed", shown()));
        }
        let text = |d: &[u8]| String::from_utf8_lossy(d).into_owned();
        out.push((x.start..x.start + x.digest.len(), text(x.digest), text(y.digest)));
    }
    Ok(out)
}

fn explain(node: &mut Node, lines: &[(std::ops::Range<usize>, String, String)]) {
    for (range, old, new) in lines {
        let differing = old.bytes().zip(new.bytes()).filter(|(x, y)| x != y).count() as u64;
        for account in [&mut node.account.shipped, &mut node.account.rebuilt] {
            account.unexplained = account.unexplained.saturating_sub(differing);
            account.explain(Cause::ChecksumList, differing);
        }
        let span = range.start as u64..range.end as u64;
        prove(&mut node.proofs, Cause::ChecksumList, Sides::new(span.clone(), span), Sides::new(old, new));
    }
    node.result = own_result(node);
    node.why = causes(node);
}

fn lines(bytes: &[u8], algorithm: Algorithm) -> Result<Vec<Line<'_>>, String> {
    let width = algorithm.size() * 2;
    let mut out = Vec::new();
    let mut start = 0;
    for line in bytes.split_inclusive(|b| *b == b'\n') {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let well_formed = text.get(..width).filter(|d| d.iter().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f')));
        match (well_formed, text.get(width..width + 2), text.get(width + 2..)) {
            (Some(digest), Some(b"  " | b" *"), Some(name)) if !name.is_empty() => out.push(Line { start, digest, name }),
            _ => return Err(format!("the line at byte {start} is not a digest and a name")),
        }
        start += line.len();
    }
    Ok(out)
}
