//! What is inside of one file: every member of every container in it, with its digest.

use std::sync::Arc;

use super::Limits;
use super::members::content;
use crate::digest::Sha256;
use crate::inspect::blob::Blob;
use crate::inspect::budget::{Budget, Refused};
use crate::inspect::container::Nature;
use crate::inspect::{ar, cpio, kind, stream, tar, zip};
use crate::model::NodeKind;
use crate::text::Untrusted;

/// The members of a file and of what is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inside {
    /// Name of each, joined by `!` where it lies deeper, and SHA-256 of its content.
    pub members: Vec<(Untrusted, Sha256)>,
    /// What could not be opened, with the reason.
    pub closed: Vec<String>,
}

/// Opens a file and everything in it, within the bounds.
pub fn inside(bytes: Arc<[u8]>, limits: &Limits, cancelled: &dyn Fn() -> bool) -> Inside {
    let expanded = limits.expanded.max((bytes.len() as u64).saturating_mul(20));
    let mut walk =
        Walk { budget: Budget::new(expanded, limits.entries, limits.name), depth: limits.depth, cancelled, out: Inside::default() };
    walk.open(&Blob::from(bytes), &[], 0);
    walk.out
}

struct Walk<'a> {
    budget: Budget,
    depth: usize,
    cancelled: &'a dyn Fn() -> bool,
    out: Inside,
}

impl Walk<'_> {
    fn open(&mut self, blob: &Blob, path: &[u8], depth: usize) {
        if depth > self.depth {
            return self.out.closed.push(format!("{}: nested deeper than {} containers", Untrusted::from(path).shown(), self.depth));
        }
        if let Err(Refused::Over(why) | Refused::Odd(why)) = self.members(blob, path, depth) {
            self.out.closed.push(format!("{}: {why}", Untrusted::from(path).shown()));
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
            NodeKind::Rpm => return Err(Refused::odd("the payload of an rpm is not opened here")),
            _ => return Ok(()),
        };
        for member in container.members.iter().filter(|m| m.nature == Nature::File) {
            match content(member, blob, &mut self.budget, self.cancelled) {
                Ok(content) => self.member(&content, path, &member.name, depth),
                Err(Refused::Over(why)) => return Err(Refused::Over(why)),
                Err(Refused::Odd(why)) => self.out.closed.push(format!("{}: {why}", Untrusted::from(member.name.as_slice()).shown())),
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
        self.out.members.push((Untrusted::from(name.as_slice()), Sha256::of(content)));
        self.open(content, &name, depth + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let found = inside(outer.clone().into(), &Limits::default(), &|| false);
        let names: Vec<_> = found.members.iter().map(|(n, d)| (n.lossy().into_owned(), *d == Sha256::of(b"found"))).collect();
        assert!(names.contains(&("in.a!deep.txt".to_owned(), true)), "{names:?}");
        assert_eq!(names.len(), 4);
        assert!(found.closed.len() == 1 && found.closed[0].starts_with("bad.gz"), "{:?}", found.closed);
        let none = inside(outer.into(), &Limits::default(), &|| true);
        assert!(none.members.is_empty() && none.closed[0].contains("cancelled"));
    }
}
