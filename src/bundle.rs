//! The only reader of a bundle: carriers, BagIt fixity, `release.json`, git objects, bounds. Gives the model, its content, and what is
//! wrong with it as defects. See `docs/bundle.md` for the format.
//!
//! Opening reads the tag files, `release.json`, and names and sizes: no other payload byte. A directory and a `.tar` are read in place.
//! A `.tar.zst` is decompressed once into memory, to at most 1 GiB; a larger one is refused with the advice to decompress it.

mod bagit;
mod carrier;
mod compressed;
mod content;
mod defects;
mod error;
mod fixity;
mod git;
mod limits;
mod pack;
mod paths;
mod release_json;
mod roles;
mod source;
mod spill;
mod tar;
mod walk;

pub use content::BundleContent;
pub use error::BundleError;
pub use fixity::fixity;
pub use pack::{PackReport, PackRequest, pack};
pub use source::{open_repository, open_source, repository_folders};

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use crate::digest::{Algorithm, Digest, Sha256};
use crate::json;
use crate::model::{Artifact, Carrier, Content, FileId, FileRole, Identity, IdentityBasis, PayloadFile, Release, Severity, Where};
use crate::text::{Shown, Untrusted};

use bagit::Bag;
use carrier::{Entry, Inventory};
use content::Slot;
use defects::Defects;

/// A bundle whose names, sizes and declared digests are known.
pub struct OpenBundle {
    /// What it says it contains.
    pub release: Release,
    /// Its payload.
    pub content: Arc<BundleContent>,
    /// Whether it is not a bag: no manifest declares any digest.
    pub loose: bool,
}

/// Opens a directory, a `.tar` or a `.tar.zst`: a bag (RFC 8493), or loose files.
///
/// # Errors
/// When the carrier cannot be read, is none, exceeds a bound, or is a tar that two readers could read differently. Everything else that
/// is wrong is a defect of the release.
pub fn open(path: &Path) -> Result<OpenBundle, BundleError> {
    let mut defects = Defects::default();
    let inventory = carrier::open(path, &mut defects)?;
    let full = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let name = std::os::unix::ffi::OsStrExt::as_bytes(full.file_name().unwrap_or(full.as_os_str())).to_vec();
    Ok(assemble(inventory, &name, defects))
}

/// Opens an uncompressed tar in memory, such as the demonstration release; `name` is for messages.
///
/// # Errors
/// As [`open`].
pub fn open_embedded(name: &str, tar: &'static [u8]) -> Result<OpenBundle, BundleError> {
    let mut defects = Defects::default();
    let inventory = carrier::embedded(name, tar, &mut defects)?;
    Ok(assemble(inventory, name.as_bytes(), defects))
}

impl OpenBundle {
    /// The algorithms, other than SHA-256, that the manifests declare for a file: what hashing must also compute.
    #[must_use]
    pub fn declared_algorithms(&self, id: FileId) -> Vec<Algorithm> {
        let declared = self.release.file(id).map_or(&[][..], |f| &f.declared);
        let mut out: Vec<Algorithm> = declared.iter().map(|d| d.algorithm).filter(|a| *a != Algorithm::Sha256).collect();
        out.dedup();
        out
    }

    /// The identity of a bundle whose tag files give none: the SHA-256 of what `sha256sum` prints for all its payload files, sorted by
    /// path as bytes (paths relative to the bundle's root, without `./`). Files that are not in `digests` are not in the list.
    #[must_use]
    pub fn listing_identity(&self, digests: &[(FileId, Sha256)]) -> Sha256 {
        let mut rows: Vec<(&[u8], Sha256)> =
            digests.iter().filter_map(|(id, sha)| Some((self.release.file(*id)?.path.as_bytes(), *sha))).collect();
        rows.sort();
        let mut text = Vec::new();
        for (path, sha) in rows {
            push_listing(&mut text, path, sha);
        }
        Sha256::of(&text)
    }

    /// How a file stands after hashing; see [`fixity`].
    #[must_use]
    pub fn fixity(&self, id: FileId, sha256: Option<&Sha256>, others: &[Digest]) -> Option<crate::model::Fixity> {
        Some(fixity(self.release.file(id)?, self.loose, sha256, others))
    }
}

/// One line as `sha256sum` prints it: a name with a line end or a backslash is escaped, and the line marked by a backslash.
fn push_listing(out: &mut Vec<u8>, path: &[u8], sha: Sha256) {
    if path.iter().any(|b| matches!(b, b'\\' | b'\n' | b'\r')) {
        out.push(b'\\');
    }
    out.extend_from_slice(sha.to_string().as_bytes());
    out.extend_from_slice(b"  ");
    for b in path {
        match b {
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            other => out.push(*other),
        }
    }
    out.push(b'\n');
}

fn assemble(inventory: Inventory, name: &[u8], mut defects: Defects) -> OpenBundle {
    let Inventory { kind, backing, entries, name: shown } = inventory;
    let is_bag = entries.binary_search_by(|e| e.path.as_slice().cmp(b"bagit.txt")).is_ok();
    if entries.is_empty() {
        defects.fail("bag.empty", Where::default(), format!("{shown} holds no file"), "give the release bundle");
    }
    collisions(&entries, &mut defects);
    let bag = is_bag.then(|| {
        let places: BTreeMap<&[u8], &Entry> =
            entries.iter().filter(|e| !e.path.starts_with(b"data/")).map(|e| (e.path.as_slice(), e)).collect();
        let mut read = |path: &[u8], limit: u64| {
            let entry = places.get(path).ok_or("not there")?;
            let mut bytes = Vec::new();
            let stream = backing.stream(&entry.path, entry.size, entry.offset).map_err(|e| e.to_string())?;
            std::io::Read::read_to_end(&mut std::io::Read::take(stream, limit.saturating_add(1)), &mut bytes).map_err(|e| e.to_string())?;
            if bytes.len() as u64 > limit { Err("it grew over the bound of a tag file".to_owned()) } else { Ok(bytes) }
        };
        bagit::read(&entries, &mut read, &mut defects)
    });
    if !is_bag {
        loose_defects(&entries, &mut defects);
    }
    // Loose files may still be laid out as in a bag.
    let has = |path: &[u8]| entries.binary_search_by(|e| e.path.as_slice().cmp(path)).is_ok();
    let base: &[u8] = if is_bag || (has(b"data/release.json") && !has(b"release.json")) { b"data/" } else { b"" };
    let (files, slots) = payload(entries, base, bag.as_ref(), &mut defects);
    let content = Arc::new(BundleContent { backing, slots });
    let (identity, bag_info) = match bag {
        Some(bag) => (bag.identity, bag.info),
        None => (Identity { digest: None, basis: IdentityBasis::Listing }, Vec::new()),
    };
    let kind = if is_bag || kind != Carrier::Directory { kind } else { Carrier::Loose };
    let mut release = Release { files, bag_info, ..Release::new(kind, identity) };
    describe(&mut release, &content, base, name, &mut defects);
    release.defects = defects.finish();
    OpenBundle { release, content, loose: !is_bag }
}

fn collisions(entries: &[Entry], defects: &mut Defects) {
    for (a, b) in paths::case_collisions(entries.iter().map(|e| e.path.as_slice())) {
        let (Some(a), Some(b)) = (entries.get(a), entries.get(b)) else { continue };
        defects.add("bag.case", Severity::Fail, "ask for names that every file system keeps apart", || {
            (Where::file(b.path.as_slice()), format!("differs only in case from {}", Shown::of_bytes(&a.path).cut_start(200)))
        });
    }
    for entry in entries {
        if let Some(why) = paths::trouble(&entry.path).or_else(|| {
            let control = entry.path.iter().any(u8::is_ascii_control);
            control.then_some("a path with a control character")
        }) {
            defects.add("bag.name", Severity::Unknown, "ask for plain file names", || {
                (Where::file(entry.path.as_slice()), format!("has {why}"))
            });
        }
    }
}

fn loose_defects(entries: &[Entry], defects: &mut Defects) {
    let manifest = entries.iter().find(|e| e.path.starts_with(b"manifest-") && e.path.ends_with(b".txt") && !e.path.contains(&b'/'));
    if let Some(entry) = manifest {
        let what = "is a payload manifest without a bagit.txt beside it: not a bag, so its digests are not used";
        defects.fail("bag.declaration", Where::file(entry.path.as_slice()), what, "ask for a complete bag");
    } else {
        let what = "no bagit.txt: there is no fixity manifest, nothing says what the files should be";
        defects.note("bag.loose", Where::default(), what, "`countersign pack` makes a bag of it");
    }
}

/// Joins what is there with what is listed, in path order.
fn payload(entries: Vec<Entry>, base: &[u8], bag: Option<&Bag>, defects: &mut Defects) -> (Vec<PayloadFile>, Vec<Slot>) {
    let mut files = Vec::with_capacity(entries.len());
    let mut slots = Vec::with_capacity(entries.len());
    let mut put = |path: Vec<u8>, size: u64, offset: u64, declared: Vec<Digest>, present: bool| {
        let inside = path.strip_prefix(base).unwrap_or(&path);
        let mut role = roles::by_place(inside);
        if role == FileRole::Other {
            role = roles::by_name(inside);
        }
        slots.push(Slot { path: path.as_slice().into(), size, offset, present, first: OnceLock::new() });
        files.push(PayloadFile { path: path.into(), role, size, declared, present });
    };
    let mut listed = bag.map(|b| b.declared.iter()).into_iter().flatten().peekable();
    let (mut size, mut count) = (0u64, 0u64);
    let missing = |path: &[u8], place: &Where, defects: &mut Defects| {
        let what = || (place.clone(), format!("{} is listed and not there", Shown::of_bytes(path).cut_start(200)));
        defects.add("bag.missing", Severity::Fail, "ask for a complete bundle", what);
    };
    for entry in entries.into_iter().filter(|e| bag.is_none() || e.path.starts_with(base)) {
        while let Some((path, l)) = listed.next_if(|(path, _)| path.as_slice() < entry.path.as_slice()) {
            missing(path, &l.place, defects);
            put(path.clone(), 0, 0, l.digests.clone(), false);
        }
        let declared = listed.next_if(|(path, _)| **path == entry.path).map(|(_, l)| l.digests.clone());
        if bag.is_some() && declared.is_none() {
            let what = || (Where::file(entry.path.as_slice()), "is in data/ and in no payload manifest that can be checked".to_owned());
            defects.add("bag.extra", Severity::Fail, "ask what it is, and for a manifest that lists it", what);
        }
        size = size.saturating_add(entry.size);
        count += 1;
        put(entry.path, entry.size, entry.offset, declared.unwrap_or_default(), true);
    }
    for (path, l) in listed {
        missing(path, &l.place, defects);
        put(path.clone(), 0, 0, l.digests.clone(), false);
    }
    if let Some((stated_size, stated_count)) = bag.and_then(|b| b.oxum)
        && (stated_size, stated_count) != (size, count)
    {
        let what = format!("Payload-Oxum says {stated_size} bytes in {stated_count} files; {size} bytes in {count} files are there");
        defects.fail("bag.oxum", Where::file("bag-info.txt"), what, "ask for a complete bundle");
    }
    (files, slots)
}

/// Reads `release.json`, or guesses where there is none.
fn describe(release: &mut Release, content: &BundleContent, base: &[u8], name: &[u8], defects: &mut Defects) {
    let place = Untrusted::from([base, b"release.json"].concat());
    let mut stated = None;
    match release.find(&place).map(|id| content.read(id, json::MAX_SIZE as u64)) {
        Some(Ok(bytes)) => stated = release_json::read(&bytes, &place, base, &release.files, defects),
        Some(Err(e)) => defects.fail("release.json", Where::file(place), e.to_string(), "ask for a new bundle"),
        None => {
            let what = "there is no release.json: roles are guessed from the names of directories and files, artifacts are paired by name";
            defects.note("release.guessed", Where::file(place), what, "judge the pairing yourself, or ask for a release.json");
        }
    }
    match stated {
        Some(stated) => {
            release.product = stated.product;
            release.version = stated.version;
            release.required = stated.required;
            release.unknown = stated.unknown;
            release.sources = stated.sources;
            release.artifacts = stated.artifacts;
            assign(release, defects);
        }
        None => {
            release.product = name.into();
            (release.sources, release.artifacts) = roles::guess(&release.files, base);
        }
    }
}

/// Files have the role in which `release.json` names them; those in `shipped/` and `rebuilt/` that it does not name are told.
fn assign(release: &mut Release, defects: &mut Defects) {
    let mut named: Vec<Option<FileRole>> = vec![None; release.files.len()];
    let mut set = |id: FileId, role: FileRole| {
        if let Some(slot) = usize::try_from(id.0).ok().and_then(|i| named.get_mut(i)) {
            *slot = Some(role);
        }
    };
    for Artifact { shipped, rebuilt, debug, .. } in &release.artifacts {
        debug.iter().for_each(|id| set(*id, FileRole::Debug));
        rebuilt.iter().for_each(|r| set(r.file, FileRole::Rebuilt));
        shipped.iter().for_each(|id| set(*id, FileRole::Shipped));
    }
    release.sources.iter().filter_map(|s| s.file).for_each(|id| set(id, FileRole::Source));
    for (file, named) in release.files.iter_mut().zip(named) {
        match (named, file.role) {
            (Some(role), _) => file.role = role,
            (None, FileRole::Shipped) if file.present => {
                let what = || (Where::file(file.path.clone()), "was shipped, and no artifact of release.json names it".to_owned());
                defects.add("release.unnamed", Severity::Unknown, "ask what it is; nothing compares it with a rebuild", what);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_types, reason = "git, tar and others are run to see that they agree")]
mod tests;
