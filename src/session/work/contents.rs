//! Opening artifacts to see what they consist of, and what their files say of their own making.

use std::collections::BTreeSet;
use std::sync::Mutex;

use super::Job;
use super::pace::Pace;
use crate::diff::{self, Limits};
use crate::digest::{Digest, Sha256};
use crate::model::{Content as _, Contents, Defect, EntryKind, FileId, Held, Holder, Severity, Side, SourceTree, Where};
use crate::provenance::expect::Holding;
use crate::provenance::{Wanted, declared};
use crate::text::Untrusted;

/// Files that say what the tree calls its own.
const MAX_MANIFESTS: usize = 10_000;
/// Bytes of one of them.
const MAX_MANIFEST: u64 = 1 << 20;

impl Job {
    /// Everything that artifacts, their debug information and, where it is wanted, the source consist of.
    pub(super) fn contents(&self, wanted: &Wanted, tree: Option<&SourceTree>, digests: &[Option<Sha256>]) -> Contents {
        let artifacts = &self.bundle.release.artifacts;
        let pace = Pace::new("looking inside", artifacts.len() as u64, false, std::sync::Arc::clone(&self.send));
        let found = Mutex::new(Contents::default());
        self.share(artifacts.len(), |index| {
            let place = Where::file(artifacts[index].name.clone());
            let opened = self.guarded("looking inside", place, || self.open_artifact(index, wanted, digests));
            if let (Some(mut opened), Ok(mut found)) = (opened, found.lock()) {
                found.held.append(&mut opened.held);
                found.closed.append(&mut opened.closed);
            }
            pace.add(1);
        });
        pace.finish();
        let mut contents = found.into_inner().unwrap_or_default();
        if let Some(tree) = tree.filter(|_| wanted.source) {
            contents.held.extend(self.source_files(wanted, tree));
        }
        if let Some(tree) = tree {
            contents.declared = self.declared(tree);
        }
        contents.held.sort_by(|a, b| (a.holder, &a.name).cmp(&(b.holder, &b.name)));
        contents.closed.sort();
        contents
    }

    fn open_artifact(&self, index: usize, wanted: &Wanted, digests: &[Option<Sha256>]) -> Contents {
        let mut out = Contents::default();
        let Some(artifact) = self.bundle.release.artifacts.get(index) else { return out };
        let digest = |id: FileId| digests.get(id.0 as usize).copied().flatten();
        let shipped = artifact.shipped.and_then(digest);
        if let Some(id) = artifact.shipped {
            self.open_file(id, Holder::Artifact(index, Side::Shipped), &artifact.name, wanted, &mut out);
        }
        for id in artifact.rebuilt.iter().map(|r| r.file) {
            let holder = Holder::Artifact(index, Side::Rebuilt);
            if shipped.is_some() && digest(id) == shipped {
                // The same bytes: opened once.
                let same: Vec<Held> = out.held.iter().filter(|h| h.holder == Holder::Artifact(index, Side::Shipped)).cloned().collect();
                out.held.extend(same.into_iter().map(|held| Held { holder, ..held }));
            } else {
                self.open_file(id, holder, &artifact.name, wanted, &mut out);
            }
        }
        for id in &artifact.debug {
            let name = self.bundle.release.file(*id).map(|f| f.path.clone()).unwrap_or_default();
            self.open_file(*id, Holder::Debug(index), &name, wanted, &mut out);
        }
        out
    }

    fn open_file(&self, id: FileId, holder: Holder, name: &Untrusted, wanted: &Wanted, out: &mut Contents) {
        let most = self.limits().opened_size;
        let Ok(bytes) = self.bundle.content.read(id, most) else {
            out.closed.push((holder, format!("{}: larger than {most} bytes, or it cannot be read", name.shown())));
            return;
        };
        let own: Vec<Digest> = diff::digests(&bytes, &wanted.algorithms);
        let inside = diff::inside(bytes.into(), &wanted.algorithms, &Limits::of(self.limits()), &|| self.stopped());
        out.held.push(Held { holder, name: name.clone(), digests: own, embedded: inside.embedded });
        out.held.extend(inside.members.into_iter().map(|member| {
            let ends: &[&[u8]] = if member.name.is_empty() { &[name.as_bytes()] } else { &[name.as_bytes(), member.name.as_bytes()] };
            Held { holder, name: Untrusted::from(ends.join(&b'!').as_slice()), digests: member.digests, embedded: member.embedded }
        }));
        if let Some(first) = inside.closed.first() {
            out.closed.push((holder, format!("{}: {first} ({} in all)", name.shown(), inside.closed.len())));
        }
    }

    /// What the tree calls its own.
    fn declared(&self, tree: &SourceTree) -> BTreeSet<String> {
        let content = self.source.lock().map(|s| s.clone()).unwrap_or(None);
        let Some(content) = content else { return BTreeSet::new() };
        let mut names = BTreeSet::new();
        let files = tree.entries.iter().enumerate().filter(|(_, e)| matches!(e.kind, EntryKind::File | EntryKind::Executable));
        for (entry, file) in files.filter(|(_, e)| declared::may_declare(e.path.as_bytes())).take(MAX_MANIFESTS) {
            // One that cannot be had was told when the source was read.
            if let Ok(bytes) = content.read(entry, MAX_MANIFEST) {
                declared::take(file.path.as_bytes(), &bytes, &mut names);
            }
        }
        names
    }

    fn source_files(&self, wanted: &Wanted, tree: &SourceTree) -> Vec<Held> {
        let content = self.source.lock().map(|s| s.clone()).unwrap_or(None);
        let Some(content) = content else { return Vec::new() };
        let found = Mutex::new(Vec::new());
        self.share(tree.entries.len(), |entry| {
            let Some(file) = tree.entries.get(entry).filter(|e| matches!(e.kind, EntryKind::File | EntryKind::Executable)) else { return };
            // One that cannot be had was told when the source was read.
            let Ok(bytes) = content.read(entry, self.limits().source_file_size) else { return };
            let digests = diff::digests(&bytes, &wanted.algorithms);
            if let Ok(mut found) = found.lock() {
                found.push(Held { holder: Holder::Source(entry), name: file.path.clone(), digests, embedded: Default::default() });
            }
        });
        found.into_inner().unwrap_or_default()
    }

    /// What was shipped, with what is inside of it, to look for what was installed elsewhere.
    pub(super) fn holdings(contents: &Contents) -> Vec<Holding> {
        let shipped = contents.held.iter().filter_map(|held| match held.holder {
            Holder::Artifact(artifact, Side::Shipped) => {
                Some(Holding { artifact, name: held.name.clone(), sha256: held.digests.first()?.sha256()? })
            }
            _ => None,
        });
        shipped.collect()
    }

    /// What was not opened, where something is looked for in it.
    pub(super) fn closed(&self, contents: &Contents) -> Vec<Defect> {
        let name = |index: usize| self.bundle.release.artifacts.get(index).map(|a| a.name.clone()).unwrap_or_default();
        let defect = |index: usize, what: &str| Defect {
            code: "expect.closed",
            severity: Severity::Unknown,
            place: Where::file(name(index)),
            what: format!("not all of it was opened to look for what was installed: {what}"),
            advice: "compare the digest of the whole file instead",
        };
        let shipped = contents.closed.iter().filter_map(|(holder, what)| match holder {
            Holder::Artifact(index, Side::Shipped) => Some(defect(*index, what)),
            _ => None,
        });
        shipped.collect()
    }
}
