//! Where a file came from that a commit seems to have made: another file that it took away, if they are alike.

use std::collections::HashMap;

use crate::model::{FileAt, ObjectId, SourceHistory};
use crate::text::Untrusted;

/// Files that are held against it.
const MOST: usize = 1_000;
/// Bytes that are compared as one piece, unless a line ends before.
const PIECE: usize = 64;

/// The file that the commit took away and that is at least half of this one; the same content goes first, then the most alike, then
/// the same name. Where anything cannot be read, it came from nowhere.
pub(super) fn source(
    history: &dyn SourceHistory,
    parent: ObjectId,
    tree: ObjectId,
    path: &Untrusted,
    file: FileAt,
    limit: u64,
) -> Option<(Untrusted, FileAt)> {
    let before = history.commit(parent).ok()?;
    let gone = history.gone(before.tree, tree, MOST).ok()?;
    let gone = gone.into_iter().filter(|(_, at)| at.is_file());
    let own_name = name(path);
    let (same, other): (Vec<_>, Vec<_>) = gone.partition(|(_, at)| at.blob == file.blob);
    if let Some(found) = same.iter().find(|(p, _)| name(p) == own_name).or(same.first()) {
        return Some(found.clone());
    }
    let new = history.content(file.blob, limit).ok()?;
    let pieces = pieces(&new);
    let mut best: Option<((u64, bool), (Untrusted, FileAt))> = None;
    for (other, at) in other {
        let Ok(old) = history.content(at.blob, limit) else { continue };
        let (small, large) = (old.len().min(new.len()) as u64, old.len().max(new.len()) as u64);
        // What is twice as long cannot be half alike.
        if large == 0 || small * 2 < large {
            continue;
        }
        let alike = common(&pieces, &old) * 60_000 / large;
        let rank = (alike, name(&other) == own_name);
        if alike >= 30_000 && best.as_ref().is_none_or(|(before, _)| rank > *before) {
            best = Some((rank, (other, at)));
        }
    }
    best.map(|(_, found)| found)
}

fn name(path: &Untrusted) -> &[u8] {
    path.as_bytes().rsplit(|b| *b == b'/').next().unwrap_or_default()
}

fn cut(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split_inclusive(|b| *b == b'\n').flat_map(|line| line.chunks(PIECE))
}

fn pieces(text: &[u8]) -> HashMap<&[u8], u64> {
    let mut count = HashMap::new();
    cut(text).for_each(|piece| *count.entry(piece).or_default() += 1);
    count
}

/// Bytes of the pieces that both have.
fn common(pieces: &HashMap<&[u8], u64>, other: &[u8]) -> u64 {
    let theirs = self::pieces(other);
    theirs.iter().map(|(piece, n)| pieces.get(piece).copied().unwrap_or(0).min(*n) * piece.len() as u64).sum()
}
