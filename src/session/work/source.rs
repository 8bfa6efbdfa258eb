//! Reading the sources: the tree that is reviewed, further sources, and source archives beside them and among what was shipped.
//!
//! Every file is read once; what a person must look at is found on the way.

use std::sync::Arc;

use super::Job;
use super::pace::Pace;
use crate::bundle::{self, BundleError};
use crate::checks::hygiene::{Scan, archive};
use crate::checks::{Discovery, further_path};
use crate::digest::Sha256;
use crate::model::{
    ArchiveReport, Content as _, ContentError, Defect, FileId, FileRole, Limits, Severity, SourceContent, SourceDeclaration, SourceFlag,
    SourceHistory, SourceTree, Where, line_count,
};
use crate::text::Untrusted;

/// Bytes of an archive, as it is packed, for what was shipped and is not called as source archives are.
const MAX_UNNAMED: u64 = 32 << 20;

/// What the rest of the work needs of the sources.
#[derive(Default)]
pub(super) struct Sources {
    /// The tree that is reviewed.
    pub(super) tree: Option<Arc<SourceTree>>,
    /// How the archives beside it compare with it.
    pub(super) archives: Vec<ArchiveReport>,
}

/// A source that was read.
struct Part {
    tree: Arc<SourceTree>,
    content: Arc<dyn SourceContent>,
    scan: Scan,
    /// Whether it was declared or lies with the sources: else it was shipped, and is a source archive only by what it holds.
    declared: bool,
}

/// Reads the files of all sources by the numbers of their entries.
#[derive(Clone, Default)]
struct Shelf {
    /// The number of the first entry, and what stands before the paths: nothing for the reviewed tree.
    parts: Vec<(usize, Vec<u8>, Arc<dyn SourceContent>)>,
}

impl SourceContent for Shelf {
    fn read(&self, entry: usize, limit: u64) -> Result<Vec<u8>, ContentError> {
        let (first, _, content) = self.parts.iter().rev().find(|(first, ..)| *first <= entry).ok_or(ContentError::Absent)?;
        content.read(entry - first, limit)
    }

    fn read_path(&self, path: &Untrusted, limit: u64) -> Result<Vec<u8>, ContentError> {
        for (_, prefix, content) in &self.parts {
            match path.as_bytes().strip_prefix(prefix.as_slice()).map(|p| content.read_path(&p.into(), limit)) {
                None | Some(Err(ContentError::Absent)) => {}
                Some(read) => return read,
            }
        }
        Err(ContentError::Absent)
    }

    fn history(&self, entry: usize) -> Option<&dyn SourceHistory> {
        let (first, _, content) = self.parts.iter().rev().find(|(first, ..)| *first <= entry)?;
        content.history(entry - first)
    }
}

impl Job {
    pub(super) fn read_source(&self) -> Sources {
        let Some(declaration) = self.bundle.release.sources.first() else { return Sources::default() };
        let pace = Pace::new("reading the source", 0, false, Arc::clone(&self.send));
        let opened = bundle::open_source(&self.bundle, declaration, &self.sources_folder, self.limits(), &mut |done, total| {
            pace.set(done, total);
            !self.stopped()
        });
        pace.finish();
        let (mut parts, mut shelf) = (Vec::new(), Shelf::default());
        let main = match opened {
            Ok((tree, content)) => {
                let tree = Arc::new(tree);
                self.shelve(&mut shelf, Vec::new(), &content, 0);
                self.tell(Discovery::Source(Arc::clone(&tree)));
                let searched =
                    self.guarded("the search of the source", Where::default(), || self.search(&tree, content.as_ref(), 0, &[], &[]));
                if let Some(scan) = searched {
                    self.tell(Discovery::Hidden(scan.hidden.clone()));
                    parts.push(Part { tree: Arc::clone(&tree), content, scan, declared: true });
                }
                Some(tree)
            }
            Err(BundleError::Cancelled) => return Sources::default(),
            Err(error) => {
                self.tell(Discovery::Defect(error.defect(&declaration.path)));
                None
            }
        };
        // Entries are counted through all sources: those of a tree that could not be searched count too.
        let first = main.as_ref().map_or(0, |tree| tree.entries.len());
        let further = || self.guarded("the further sources", Where::default(), || self.read_further(&mut parts, shelf, first));
        let archives = match further() {
            Some(reports) => reports,
            None => {
                self.tell(Discovery::Hygiene(self.flags(&parts, &[]), Vec::new()));
                Vec::new()
            }
        };
        Sources { tree: main, archives }
    }

    /// Makes the files of one more source readable by the numbers of their entries.
    fn shelve(&self, shelf: &mut Shelf, prefix: Vec<u8>, content: &Arc<dyn SourceContent>, first: usize) {
        shelf.parts.push((first, prefix, Arc::clone(content)));
        if let Ok(mut place) = self.source.lock() {
            *place = Some(Arc::new(shelf.clone()));
        }
    }

    /// Reads every file of a tree once. `before` are the sources whose files need not be told of again.
    fn search(&self, tree: &SourceTree, content: &dyn SourceContent, first: usize, prefix: &[u8], before: &[Part]) -> Scan {
        let pace = Pace::new("searching the source", tree.entries.len() as u64, false, Arc::clone(&self.send));
        let mut scan = Scan::new(tree.entries.len(), first, prefix);
        let mut lines = vec![None; tree.entries.len()];
        for (index, entry) in tree.entries.iter().enumerate() {
            if self.stopped() {
                break;
            }
            pace.add(1);
            match content.read(index, self.limits().source_file_size) {
                Ok(bytes) => {
                    let same = |digest: Sha256| before.iter().any(|p| p.has(&entry.path, digest));
                    scan.file(index, entry, &bytes, &same);
                    if let Ok(mut trigrams) = self.trigrams.write() {
                        trigrams.add(first + index, &bytes);
                    }
                    if let Some(place) = lines.get_mut(index) {
                        *place = line_count(&bytes);
                    }
                }
                Err(error) => self.unreadable_source(&[prefix, entry.path.as_bytes()].concat().into(), &error),
            }
        }
        pace.finish();
        // Of the tree under review; the other sources are compared with it.
        if prefix.is_empty() {
            self.tell(Discovery::SourceLines(lines.into()));
        }
        scan
    }

    fn unreadable_source(&self, path: &Untrusted, error: &ContentError) {
        let (code, severity) = match error {
            ContentError::TooLarge { .. } => ("source.bound", Severity::Unknown),
            // A submodule has no bytes here; a missing object was told when the tree was read.
            ContentError::Absent | ContentError::Cancelled => return,
            ContentError::Unreadable(_) | ContentError::Changed { .. } => ("source.object", Severity::Fail),
        };
        let advice = "it was not searched and cannot be shown; ask the vendor for a sound copy";
        self.tell(Discovery::Defect(Defect { code, severity, place: Where::file(path.clone()), what: error.to_string(), advice }));
    }

    fn read_further(&self, parts: &mut Vec<Part>, mut shelf: Shelf, mut first: usize) -> Vec<ArchiveReport> {
        let mut reports = Vec::new();
        let all = self.further_sources();
        for (n, (source, declared)) in all.iter().enumerate() {
            if self.stopped() {
                return Vec::new();
            }
            if n as u64 >= self.limits().further_sources {
                let what =
                    format!("{} more sources and archives, which are not opened: nothing of them is shown or compared", all.len() - n);
                let certain = *declared || self.is_named_as_source(source.path.as_bytes());
                self.not_opened("source.further", if certain { Severity::Unknown } else { Severity::Note }, &source.path, what);
                break;
            }
            let Some((tree, content)) = self.open_further(source, *declared) else { continue };
            // What was shipped is a source archive when half of it is of the tree, when half of the tree is in it, or when it is called
            // so and has anything of the tree. A declared one is one in any case.
            let base = parts.iter().find(|p| p.tree.commit.is_some());
            let is_archive = tree.commit.is_none() && base.is_some();
            let folder = base.filter(|_| is_archive).map(|p| archive::folder(&p.tree, &tree));
            let enough = base.map_or(usize::MAX, |p| p.tree.entries.len()).min(tree.entries.len());
            let named = self.is_named_as_source(source.path.as_bytes());
            if !declared && !folder.as_ref().is_some_and(|(_, hits)| *hits > 0 && (named || hits * 2 >= enough)) {
                continue;
            }
            let tree = Arc::new(tree);
            let prefix = further_path(&tree.origin, b"").as_bytes().to_vec();
            let scan = self.search(&tree, content.as_ref(), first, &prefix, parts);
            self.tell(Discovery::Further(Arc::clone(&tree)));
            self.shelve(&mut shelf, prefix, &content, first);
            first += tree.entries.len();
            let part = Part { tree, content, scan, declared: *declared };
            if let (Some(base), Some((folder, _))) = (parts.iter().find(|p| p.tree.commit.is_some()), folder) {
                reports.push(archive::compare(&base.scanned(), &part.scanned(), &folder, &|| self.stopped()));
            }
            parts.push(part);
        }
        // A tree that is itself an archive, beside a repository.
        if let (Some(first), Some(base)) = (parts.first(), parts.iter().find(|p| p.tree.commit.is_some()))
            && first.tree.commit.is_none()
        {
            let (folder, _) = archive::folder(&base.tree, &first.tree);
            reports.push(archive::compare(&base.scanned(), &first.scanned(), &folder, &|| self.stopped()));
        }
        if self.stopped() {
            return Vec::new();
        }
        self.tell(Discovery::Hidden(parts.iter().flat_map(|p| p.scan.hidden.iter().cloned()).collect()));
        let flags = self.flags(parts, &reports);
        let reports: Vec<ArchiveReport> = reports.into_iter().map(|(report, _)| report).collect();
        self.tell(Discovery::Hygiene(flags, reports.clone()));
        reports
    }

    /// All that was found, the worst of each check first.
    fn flags(&self, parts: &[Part], reports: &[(ArchiveReport, Vec<SourceFlag>)]) -> Vec<SourceFlag> {
        let mut flags: Vec<SourceFlag> = reports.iter().flat_map(|(_, flags)| flags.iter().cloned()).collect();
        for part in parts {
            let compared = reports.iter().any(|(report, _)| report.archive == part.tree.origin);
            flags.extend(part.scan.flags(&part.tree.entries, compared));
        }
        flags.sort_by(|a, b| (a.code, a.rank, &a.key).cmp(&(b.code, b.rank, &b.key)));
        flags
    }

    /// Sources beside the first: declared ones, archives that lie with them, and tars that were shipped.
    fn further_sources(&self) -> Vec<(SourceDeclaration, bool)> {
        let release = &self.bundle.release;
        let mut all: Vec<(SourceDeclaration, bool)> = release.sources.iter().skip(1).map(|s| (s.clone(), true)).collect();
        let declare = |id: FileId, declared: bool| {
            let file = release.file(id).filter(|f| f.present && is_tar_name(f.path.as_bytes()))?;
            // An archive inside a directory of sources is one of its files.
            let inside = |s: &SourceDeclaration| s.file.is_none() && file.path.as_bytes().starts_with(s.path.as_bytes());
            if release.sources.iter().any(|s| s.file == Some(id) || inside(s)) {
                return None;
            }
            Some((SourceDeclaration { path: file.path.clone(), file: Some(id), commit: None, tag: None }, declared))
        };
        all.extend(release.with_role(FileRole::Source).filter_map(|id| declare(id, true)));
        all.extend(release.artifacts.iter().filter_map(|a| a.shipped).filter_map(|id| declare(id, false)));
        // What is called as source archives are comes before what only may be one.
        all.sort_by_key(|(source, declared)| !declared && !self.is_named_as_source(source.path.as_bytes()));
        all
    }

    fn open_further(&self, source: &SourceDeclaration, declared: bool) -> Option<(SourceTree, Arc<dyn SourceContent>)> {
        let size = source.file.map_or(0, |id| self.bundle.content.size(id));
        if !declared && size > MAX_UNNAMED && !self.is_named_as_source(source.path.as_bytes()) {
            let what = format!("{size} bytes, and not called as source archives are: whether it is one was not looked at");
            self.not_opened("source.archive", Severity::Note, &source.path, what);
            return None;
        }
        let pace = Pace::new("reading a further source", 0, false, Arc::clone(&self.send));
        let most = self.limits().further_size;
        let within = Limits { archive_size: self.limits().archive_size.min(most), ..*self.limits() };
        let opened = bundle::open_source(&self.bundle, source, &self.sources_folder, &within, &mut |done, total| {
            pace.set(done, total);
            !self.stopped()
        });
        pace.finish();
        match opened {
            Ok(opened) => Some(opened),
            Err(BundleError::Cancelled) => None,
            Err(error) if declared => {
                self.tell(Discovery::Defect(error.defect(&source.path)));
                None
            }
            Err(error) => {
                // A tar of something else is looked into where it is compared with its rebuild.
                let over = matches!(error, BundleError::OverBound { .. })
                    || matches!(&error, BundleError::Content { error: ContentError::TooLarge { .. }, .. });
                let ours = self.is_named_as_source(source.path.as_bytes());
                if over || ours {
                    let severity = if ours { Severity::Unknown } else { Severity::Note };
                    let what = format!("whether it is an archive of the source was not looked at: {error}");
                    self.not_opened("source.archive", severity, &source.path, what);
                }
                None
            }
        }
    }

    fn not_opened(&self, code: &'static str, severity: Severity, path: &Untrusted, what: String) {
        let advice = "compare it with the source apart, or ask for it in a form that is opened";
        self.tell(Discovery::Defect(Defect { code, severity, place: Where::file(path.clone()), what, advice }));
    }

    /// Whether a shipped file is called as source archives are: by its ending, or by the product and its version.
    fn is_named_as_source(&self, path: &[u8]) -> bool {
        let lower = |bytes: &[u8]| String::from_utf8_lossy(bytes).to_ascii_lowercase();
        let name = lower(path.rsplit(|b| *b == b'/').next().unwrap_or(path));
        let release = &self.bundle.release;
        let (product, version) = (lower(release.product.as_bytes()), lower(release.version.as_bytes()));
        let marks = [".orig.tar", "-src.tar", "_src.tar", "-source.tar", ".source.tar"];
        marks.iter().any(|m| name.contains(m))
            || name.ends_with(".crate")
            || (!product.is_empty() && !version.is_empty() && name.starts_with(&format!("{product}-{version}.t")))
    }
}

impl Part {
    fn scanned(&self) -> archive::Scanned<'_> {
        archive::Scanned { tree: &self.tree, scan: &self.scan, content: self.content.as_ref() }
    }

    /// Whether the tree has these bytes at this path.
    fn has(&self, path: &Untrusted, digest: Sha256) -> bool {
        self.declared && self.tree.find(path).is_some_and(|i| self.scan.digests.get(i).copied().flatten() == Some(digest))
    }
}

fn is_tar_name(path: &[u8]) -> bool {
    let name = String::from_utf8_lossy(path.rsplit(|b| *b == b'/').next().unwrap_or(path)).to_ascii_lowercase();
    let ends = [".tar", ".tgz", ".txz", ".tbz2", ".crate"];
    ends.iter().any(|e| name.ends_with(e)) || [".tar.gz", ".tar.xz", ".tar.zst", ".tar.bz2"].iter().any(|e| name.ends_with(e))
}
