//! BagIt (RFC 8493 and its drafts from 0.93): declaration, bag-info, payload and tag manifests. Everything wrong is a defect.

use std::collections::{BTreeMap, BTreeSet};

use super::defects::Defects;
use super::{limits, paths};
use crate::digest::{Algorithm, Digest, Sha256};
use crate::model::{Identity, IdentityBasis, Where};
use crate::text::{Shown, Untrusted};

mod declaration;
mod manifest;

const ASK: &str = "ask for a new bundle";

/// What the tag files say.
pub(super) struct Bag {
    /// Digests that the payload manifests declare, by path.
    pub(super) declared: BTreeMap<Vec<u8>, Listed>,
    pub(super) identity: Identity,
    pub(super) info: Vec<(Untrusted, Untrusted)>,
    /// Payload size and number of files that bag-info states.
    pub(super) oxum: Option<(u64, u64)>,
}

/// A path that a payload manifest lists.
#[derive(Default)]
pub(super) struct Listed {
    /// Its digests, strongest first.
    pub(super) digests: Vec<Digest>,
    /// The manifest that lists it first, and the line there.
    pub(super) place: Where,
    /// Bit by bit, the manifests that list it.
    manifests: u32,
}

/// Reads the tag file at a path, of at most so many bytes; an error is in words.
pub(super) type ReadTag<'a> = dyn FnMut(&[u8], u64) -> Result<Vec<u8>, String> + 'a;

/// Reads the tag files of a bag whose files are `entries`, through `read`.
pub(super) fn read(entries: &[super::carrier::Entry], read: &mut ReadTag<'_>, defects: &mut Defects) -> Bag {
    let mut files: BTreeMap<&[u8], Vec<u8>> = BTreeMap::new();
    let mut total = 0u64;
    let mut manifests = Vec::new();
    let mut tag_manifests = Vec::new();
    for entry in entries.iter().filter(|e| !e.path.starts_with(b"data/")) {
        let path = entry.path.as_slice();
        let place = || Where::file(path);
        if path == b"fetch.txt" {
            let what = "lists files to be fetched from a network; there is none here";
            defects.fail("bag.fetch", place(), what, "ask for a complete bundle, with all files in it");
        }
        total = total.saturating_add(entry.size);
        if entry.size > limits::TAG_FILE || total > limits::TAG_FILES {
            defects.unknown("bag.bound", place(), format!("{} bytes, over the bound of tag files: not examined", entry.size), ASK);
            continue;
        }
        match read(path, limits::TAG_FILE) {
            Ok(bytes) => {
                files.insert(path, bytes);
            }
            Err(why) => {
                defects.fail("bag.unreadable", place(), format!("cannot be read: {why}"), ASK);
                continue;
            }
        }
        let Some(name) = path.strip_suffix(b".txt") else { continue };
        for (prefix, list) in [(&b"manifest-"[..], &mut manifests), (b"tagmanifest-", &mut tag_manifests)] {
            let Some(algorithm) = name.strip_prefix(prefix) else { continue };
            match std::str::from_utf8(algorithm).ok().map(str::to_ascii_lowercase).as_deref().and_then(Algorithm::from_name) {
                Some(algorithm) => list.push((algorithm, path)),
                None => {
                    let what = format!("declares digests of {}, which are not computed here", Shown::of_bytes(algorithm).cut(40));
                    defects.unknown("bag.algorithm", place(), what, "ask for a bag with manifest-sha256.txt");
                }
            }
        }
    }
    let declaration = declaration::read(files.get(&b"bagit.txt"[..]).map_or(&[], Vec::as_slice), defects);
    let (info, oxum) = declaration::info(&files, declaration.encoding, defects);
    let declared = payload(&manifests, &files, &declaration, defects);
    tags(&tag_manifests, &files, &declaration, defects);
    Bag { declared, identity: identity(&files), info, oxum }
}

fn identity(files: &BTreeMap<&[u8], Vec<u8>>) -> Identity {
    for (name, basis) in [("tagmanifest-sha256.txt", IdentityBasis::TagManifest), ("manifest-sha256.txt", IdentityBasis::Manifest)] {
        if let Some(bytes) = files.get(name.as_bytes()) {
            return Identity { digest: Some(Sha256::of(bytes)), basis };
        }
    }
    Identity { digest: None, basis: IdentityBasis::Listing }
}

/// Merges the payload manifests.
fn payload(
    manifests: &[(Algorithm, &[u8])],
    files: &BTreeMap<&[u8], Vec<u8>>,
    declaration: &declaration::Declaration,
    defects: &mut Defects,
) -> BTreeMap<Vec<u8>, Listed> {
    let mut declared: BTreeMap<Vec<u8>, Listed> = BTreeMap::new();
    if manifests.is_empty() {
        defects.fail(
            "bag.manifest",
            Where::default(),
            "no payload manifest of sha256, sha512, sha1 or md5",
            "ask for a bag with manifest-sha256.txt",
        );
    }
    for (bit, (algorithm, path)) in manifests.iter().enumerate() {
        let Some(bytes) = files.get(path) else { continue };
        let text = declaration.encoding.decode(bytes);
        for line in manifest::lines(&text, *algorithm, path, declaration.percent_is_coded(), defects) {
            let place = || Where { file: (*path).into(), line: Some(line.number), column: None };
            if !line.path.starts_with(b"data/") || paths::trouble(&line.path).is_some() {
                let why = paths::trouble(&line.path).unwrap_or("a path outside data/");
                let what = format!("lists {}: {why}", Shown::of_bytes(&line.path).cut_start(200));
                let code =
                    if line.path.starts_with(b"data/") && !line.path.windows(2).any(|w| w == b"..") { "bag.name" } else { "bag.escape" };
                defects.fail(code, place(), what, ASK);
                continue;
            }
            let listed = declared.entry(line.path).or_insert_with(|| Listed { place: place(), ..Listed::default() });
            let this = 1u32 << bit.min(31);
            if listed.manifests & this != 0 {
                let same = listed.digests.contains(&line.digest);
                let what = if same { "lists a file a second time" } else { "lists a file a second time, with another digest" };
                defects.fail("bag.duplicate", place(), what, ASK);
            }
            listed.manifests |= this;
            listed.digests.push(line.digest);
        }
    }
    let all = manifests.iter().enumerate().fold(0u32, |bits, (bit, _)| bits | 1 << bit.min(31));
    for (path, listed) in &mut declared {
        listed.digests.sort_by_key(|d| std::cmp::Reverse(d.algorithm));
        if listed.manifests != all {
            let what = || (listed.place.clone(), format!("{} is not in every payload manifest", Shown::of_bytes(path).cut_start(200)));
            // RFC 8493, 2.1.3, asks it from version 1.0 on; before, each file had to be in at least one.
            let severity = if declaration.version >= (1, 0) { crate::model::Severity::Fail } else { crate::model::Severity::Note };
            defects.add("bag.disagree", severity, ASK, what);
        }
    }
    declared
}

/// Checks the tag files against the tag manifests: they are small, so now.
fn tags(manifests: &[(Algorithm, &[u8])], files: &BTreeMap<&[u8], Vec<u8>>, declaration: &declaration::Declaration, defects: &mut Defects) {
    if manifests.is_empty() {
        let what = "no tag manifest that can be checked: nothing covers bagit.txt, bag-info.txt and the payload manifests";
        defects.note("bag.tagmanifest", Where::default(), what, "ask for a bag with tagmanifest-sha256.txt");
    }
    for (algorithm, path) in manifests {
        let Some(bytes) = files.get(path) else { continue };
        let text = declaration.encoding.decode(bytes);
        let mut seen = BTreeSet::new();
        for line in manifest::lines(&text, *algorithm, path, declaration.percent_is_coded(), defects) {
            let place = || Where { file: (*path).into(), line: Some(line.number), column: None };
            let name = Shown::of_bytes(&line.path).cut_start(200);
            if let Some(why) = paths::trouble(&line.path) {
                defects.fail("bag.escape", place(), format!("lists {name}: {why}"), ASK);
            } else if let Some(bytes) = files.get(line.path.as_slice()) {
                if Digest::of(*algorithm, bytes) != line.digest {
                    defects.fail("bag.tag", place(), format!("{name} has another {} than is declared here", algorithm.name()), ASK);
                }
            } else {
                defects.fail("bag.tag-missing", place(), format!("{name} is listed and not there"), ASK);
            }
            if !seen.insert(line.path.clone()) {
                defects.fail("bag.duplicate", place(), format!("lists {name} a second time"), ASK);
            }
        }
        for (name, _) in files.iter().filter(|(name, _)| !seen.contains(**name) && !name.starts_with(b"tagmanifest-")) {
            let needed = name.starts_with(b"manifest-") || *name == b"bagit.txt";
            let what = format!("is not in {}: nothing covers it", Shown::of_bytes(path));
            if needed && algorithm.is_strong() {
                defects.fail("bag.tag-unlisted", Where::file(*name), what, ASK);
            } else {
                defects.note("bag.tag-unlisted", Where::file(*name), what, "");
            }
        }
    }
}
