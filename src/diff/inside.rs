//! What is inside of one file: every member of every container in it, with its digest.

use std::sync::Arc;

use super::Limits;
use super::members::content;
use crate::digest::{Algorithm, Digest, Hasher};
use crate::inspect::blob::Blob;
use crate::inspect::budget::{Budget, Refused};
use crate::inspect::container::Nature;
use crate::inspect::embedded::embedded;
use crate::inspect::{ar, cpio, kind, rpm, stream, tar, zip};
use crate::model::{Embedded, NodeKind};
use crate::text::Untrusted;

/// What debug information of all members together may unpack to, in bytes: only its compilers are read here.
const MAX_DEBUG: u64 = 1 << 30;

/// One member of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inner {
    /// Its name, joined by `!` where it lies deeper; empty for the content of a compressed file.
    pub name: Untrusted,
    /// Its SHA-256, then its digests of the other algorithms that were asked for.
    pub digests: Vec<Digest>,
    /// What it says of its own making.
    pub embedded: Embedded,
}

/// The members of a file and of what is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inside {
    /// What the file itself says of its own making.
    pub embedded: Embedded,
    /// Its members and theirs.
    pub members: Vec<Inner>,
    /// What could not be opened, with the reason.
    pub closed: Vec<String>,
}

/// Opens a file and everything in it, within the bounds, and hands each to `visit`: its name inside and its bytes, the file itself
/// first (it has no name, and neither has the content of a compressed one). Returns what could not be opened, with the reason.
pub(crate) fn each_inside(
    bytes: Arc<[u8]>,
    limits: &Limits,
    cancelled: &dyn Fn() -> bool,
    visit: &mut dyn FnMut(&[u8], &Blob),
) -> Vec<String> {
    let expanded = limits.expanded.max((bytes.len() as u64).saturating_mul(20));
    let budget = Budget::new(expanded, limits.entries, limits.name);
    let blob = Blob::from(bytes);
    visit(b"", &blob);
    let mut walk = Walk { budget, visit, depth: limits.depth, cancelled, closed: Vec::new() };
    walk.open(&blob, &[], 0);
    walk.closed
}

/// Opens a file and everything in it, within the bounds. `others` are the algorithms beside SHA-256 that members are hashed with.
pub fn inside(bytes: Arc<[u8]>, others: &[Algorithm], limits: &Limits, cancelled: &dyn Fn() -> bool) -> Inside {
    let (mut debug_left, mut own, mut members) = (MAX_DEBUG, None, Vec::new());
    let closed = each_inside(bytes, limits, cancelled, &mut |name, content| {
        let embedded = embedded(name, content, &mut debug_left);
        if own.is_none() {
            own = Some(embedded);
        } else {
            members.push(Inner { name: Untrusted::from(name), digests: digests(content, others), embedded });
        }
    });
    Inside { embedded: own.unwrap_or_default(), members, closed }
}

/// The digests of some bytes: SHA-256 first.
#[must_use]
pub fn digests(bytes: &[u8], others: &[Algorithm]) -> Vec<Digest> {
    let mut hasher = Hasher::new(others);
    hasher.update(bytes);
    let (sha256, others, _) = hasher.finish();
    std::iter::once(Digest::from(sha256)).chain(others).collect()
}

struct Walk<'a> {
    budget: Budget,
    visit: &'a mut dyn FnMut(&[u8], &Blob),
    depth: usize,
    cancelled: &'a dyn Fn() -> bool,
    closed: Vec<String>,
}

impl Walk<'_> {
    fn open(&mut self, blob: &Blob, path: &[u8], depth: usize) {
        if depth > self.depth {
            return self.closed.push(format!("{}: nested deeper than {} containers", Untrusted::from(path).shown(), self.depth));
        }
        if let Err(Refused::Over(why) | Refused::Odd(why)) = self.members(blob, path, depth) {
            self.closed.push(format!("{}: {why}", Untrusted::from(path).shown()));
        }
    }

    fn members(&mut self, blob: &Blob, path: &[u8], depth: usize) -> Result<(), Refused> {
        if (self.cancelled)() {
            return Err(Refused::Over("cancelled".to_owned()));
        }
        let kind = kind::recognise(blob);
        let container = match kind {
            NodeKind::Gzip | NodeKind::Xz | NodeKind::Zstd | NodeKind::Bzip2 => {
                let decoded = stream::decode(kind, blob, &mut self.budget, self.cancelled)?;
                self.member(&Blob::from(decoded.payload), path, b"", depth);
                return Ok(());
            }
            NodeKind::Tar => tar::parse(blob, &mut self.budget)?,
            NodeKind::Zip => zip::parse(blob, &mut self.budget)?,
            NodeKind::Cpio => cpio::parse(blob, &mut self.budget)?,
            NodeKind::Ar | NodeKind::Deb => ar::parse(blob, &mut self.budget)?,
            NodeKind::Rpm => rpm::parse(blob, &mut self.budget)?.container,
            _ => return Ok(()),
        };
        for member in container.members.iter().filter(|m| m.nature == Nature::File) {
            match content(member, blob, &mut self.budget, self.cancelled) {
                Ok(content) => {
                    // What is packed in a way that is not read would look like a file of its own.
                    let packed = [NodeKind::Gzip, NodeKind::Xz, NodeKind::Zstd, NodeKind::Bzip2, NodeKind::Cpio];
                    if kind == NodeKind::Rpm && !packed.contains(&kind::recognise(&content)) {
                        return Err(Refused::odd("the payload of the rpm is packed in a way that is not read here"));
                    }
                    self.member(&content, path, &member.name, depth);
                }
                Err(Refused::Over(why)) => return Err(Refused::Over(why)),
                Err(Refused::Odd(why)) => self.closed.push(format!("{}: {why}", Untrusted::from(member.name.as_slice()).shown())),
            }
        }
        Ok(())
    }

    fn member(&mut self, content: &Blob, path: &[u8], name: &[u8], depth: usize) {
        let name = match (path.is_empty(), name.is_empty()) {
            (true, _) => name.to_vec(),
            (_, true) => path.to_vec(),
            _ => [path, b"!", name].concat(),
        };
        (self.visit)(&name, content);
        self.open(content, &name, depth + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Sha256;

    #[test]
    fn members_of_members_are_named_and_a_broken_one_is_told() {
        let member = |name: &str, content: &[u8]| {
            let mut out = format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, 100_644, content.len()).into_bytes();
            out.extend_from_slice(content);
            if content.len() % 2 == 1 {
                out.push(b'\n');
            }
            out
        };
        let inner = [&b"!<arch>\n"[..], &member("deep.txt/", b"found")].concat();
        let outer = [&b"!<arch>\n"[..], &member("a.txt/", b"one"), &member("in.a/", &inner), &member("bad.gz/", b"\x1f\x8b\x08\0nonsense")]
            .concat();
        let found = inside(outer.clone().into(), &[Algorithm::Sha1], &Limits::default(), &|| false);
        let is = |m: &Inner| m.digests[0].sha256() == Some(Sha256::of(b"found"));
        let names: Vec<_> = found.members.iter().map(|m| (m.name.lossy().into_owned(), is(m))).collect();
        assert!(found.members.iter().all(|m| m.digests.len() == 2 && m.digests[1].algorithm == Algorithm::Sha1));
        assert!(names.contains(&("in.a!deep.txt".to_owned(), true)), "{names:?}");
        assert_eq!(names.len(), 4);
        assert!(found.closed.len() == 1 && found.closed[0].starts_with("bad.gz"), "{:?}", found.closed);
        let none = inside(outer.into(), &[], &Limits::default(), &|| true);
        assert!(none.members.is_empty() && none.closed[0].contains("cancelled"));
    }
}
