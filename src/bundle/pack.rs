//! Making a bag of parts: BagIt 1.0, deterministic, files copied byte for byte.

mod repository;
mod write;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::error::{BundleError, shown};
use super::{paths, roles, walk};
use crate::digest::Sha256;
use crate::text::Shown;

/// What a bag is to be made of. Each path is a file, or a directory whose contents keep their structure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PackRequest {
    /// Product name.
    pub product: String,
    /// Version.
    pub version: String,
    /// Git repositories (made into git bundles), git bundles, source archives.
    pub source: Vec<PathBuf>,
    /// What customers received.
    pub shipped: Vec<PathBuf>,
    /// What was rebuilt.
    pub rebuilt: Vec<PathBuf>,
    /// Separate debug information.
    pub debug: Vec<PathBuf>,
    /// Provenance and signatures.
    pub provenance: Vec<PathBuf>,
    /// Software bills of materials.
    pub sbom: Vec<PathBuf>,
    /// Records of earlier releases, each with its dossier.
    pub previous: Vec<PathBuf>,
    /// The date for `bag-info.txt`, `YYYY-MM-DD`.
    pub date: String,
}

/// What was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackReport {
    /// Payload files written.
    pub files: usize,
    /// Their size in bytes.
    pub bytes: u64,
    /// The bundle's identity: SHA-256 of `tagmanifest-sha256.txt`.
    pub identity: Sha256,
    /// What a person should know: unpaired artifacts, pairs of different names, sources without a tag.
    pub notes: Vec<String>,
}

/// Where a payload file comes from.
enum Part {
    /// A file on disk.
    File(PathBuf),
    /// Bytes made here.
    Bytes(Vec<u8>),
    /// A git bundle to be made of this repository.
    Repository(repository::Found),
}

/// Makes a bag at `out`, which must not exist or be empty. On failure what was written is left for inspection.
///
/// # Errors
/// When a part is missing, is a link or a device, two parts have one name, the date is not one, or the disk refuses.
pub fn pack(request: &PackRequest, out: &Path) -> Result<PackReport, BundleError> {
    check(request, out)?;
    let mut parts: BTreeMap<Vec<u8>, Part> = BTreeMap::new();
    let mut notes = Vec::new();
    let mut sources = Vec::new();
    for path in &request.source {
        sources.push(source(path, &mut parts, &mut notes)?);
    }
    for (place, list) in [
        ("shipped", &request.shipped),
        ("rebuilt", &request.rebuilt),
        ("debug", &request.debug),
        ("provenance", &request.provenance),
        ("sbom", &request.sbom),
        ("previous", &request.previous),
    ] {
        for path in list {
            add(&mut parts, place, path)?;
        }
    }
    let artifacts = artifacts(&parts, &mut notes);
    let json = release_json(request, &sources, &artifacts)?;
    parts.insert(b"release.json".to_vec(), Part::Bytes(json));
    let names: Vec<&[u8]> = parts.keys().map(Vec::as_slice).collect();
    if let Some((a, b)) = paths::case_collisions(names.iter().copied()).first() {
        let name = |i: &usize| names.get(*i).map(|n| Shown::of_bytes(n).to_string()).unwrap_or_default();
        return Err(BundleError::request(format!("{} and {} differ only in case: rename one of them", name(a), name(b))));
    }
    write::bag(request, out, parts, notes)
}

fn check(request: &PackRequest, out: &Path) -> Result<(), BundleError> {
    let date: Vec<&str> = request.date.split('-').collect();
    let digits = |t: &str, n: usize| t.len() == n && t.bytes().all(|b| b.is_ascii_digit());
    let range = |t: &str, max: u32| t.parse::<u32>().is_ok_and(|n| (1..=max).contains(&n));
    if !matches!(date[..], [y, m, d] if digits(y, 4) && digits(m, 2) && digits(d, 2) && range(m, 12) && range(d, 31)) {
        return Err(BundleError::request(format!("\"{}\" is not a date: write it as YYYY-MM-DD", Shown::new(&request.date))));
    }
    for (what, text) in [("product", &request.product), ("version", &request.version)] {
        if text.is_empty() || text.chars().any(char::is_control) {
            return Err(BundleError::request(format!("the {what} is empty or has a control character: give it as plain text")));
        }
    }
    if request.shipped.is_empty() {
        return Err(BundleError::request("nothing shipped was given: name at least one file that customers receive"));
    }
    match fs::read_dir(out) {
        Ok(mut entries) => match entries.next() {
            Some(_) => Err(BundleError::request(format!("{} is not empty: give a new or empty directory", shown(out)))),
            None => Ok(()),
        },
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(BundleError::io(out, "list")(e)),
    }
}

/// Adds a file, or the contents of a directory, below `place`.
fn add(parts: &mut BTreeMap<Vec<u8>, Part>, place: &str, path: &Path) -> Result<(), BundleError> {
    let meta = fs::symlink_metadata(path).map_err(BundleError::io(path, "read"))?;
    if meta.is_file() {
        return put(parts, place, file_name(path)?, path.to_path_buf());
    }
    if !meta.is_dir() {
        return Err(BundleError::request(format!("{} is a link or a device: give the file itself", shown(path))));
    }
    let found = walk::walk(path)?;
    if let Some(odd) = found.odd.first() {
        let name = path.join(OsStr::from_bytes(&odd.path));
        return Err(BundleError::request(format!(
            "{}: {}; a bag holds plain files only: take it out or replace it",
            shown(&name),
            odd.what
        )));
    }
    for file in found.files {
        let from = path.join(OsStr::from_bytes(&file.path));
        put(parts, place, &file.path, from)?;
    }
    Ok(())
}

fn file_name(path: &Path) -> Result<&[u8], BundleError> {
    path.file_name().map(OsStr::as_bytes).ok_or_else(|| BundleError::request(format!("{} has no file name", shown(path))))
}

fn put(parts: &mut BTreeMap<Vec<u8>, Part>, place: &str, name: &[u8], from: PathBuf) -> Result<(), BundleError> {
    let path = [place.as_bytes(), b"/", name].concat();
    if let Some(why) = paths::trouble(&path) {
        return Err(BundleError::request(format!("{} would be {why} in the bag: rename it", shown(&from))));
    }
    if std::str::from_utf8(&path).is_err() {
        return Err(BundleError::request(format!("{}: its name is not UTF-8, which a bag's manifest needs: rename it", shown(&from))));
    }
    // A manifest codes these bytes, and the tools that should accept the bag (sha256sum, bagit.py) do not decode them alike.
    if path.iter().any(|b| *b == b'%' || b.is_ascii_control()) {
        return Err(BundleError::request(format!("{}: its name has a percent sign or a control character: rename it", shown(&from))));
    }
    if let Some(Part::File(other)) = parts.get(&path) {
        let (a, b) = (shown(other), shown(&from));
        return Err(BundleError::request(format!("{a} and {b} would both be {}: rename one of them", Shown::of_bytes(&path))));
    }
    parts.insert(path, Part::File(from));
    Ok(())
}

/// What `release.json` says of a source.
struct SourceRow {
    path: String,
    commit: Option<String>,
    tag: Option<String>,
}

fn source(path: &Path, parts: &mut BTreeMap<Vec<u8>, Part>, notes: &mut Vec<String>) -> Result<SourceRow, BundleError> {
    let meta = fs::metadata(path).map_err(BundleError::io(path, "read"))?;
    let row = |name: &[u8], commit, tag| SourceRow { path: format!("source/{}", String::from_utf8_lossy(name)), commit, tag };
    if !meta.is_dir() {
        add(parts, "source", path)?;
        let name = file_name(path)?;
        if let Some((commit, tag)) = repository::of_bundle(path)? {
            if tag.is_none() {
                notes.push(format!("{}: no plain tag names commit {commit}; give the repository itself for an annotated one", shown(path)));
            }
            return Ok(row(name, Some(commit), tag));
        }
        return Ok(row(name, None, None));
    }
    let found = repository::find(path)?;
    if found.tag.is_none() {
        notes.push(format!("{}: no tag names commit {}", shown(path), found.commit));
    }
    let full = fs::canonicalize(path).map_err(BundleError::io(path, "read"))?;
    let full = if full.file_name() == Some(OsStr::new(".git")) { full.parent().unwrap_or(&full).to_path_buf() } else { full };
    let stem = file_name(&full)?;
    let name = [stem.strip_suffix(b".git").unwrap_or(stem), b".bundle"].concat();
    let (commit, tag) = (found.commit.to_string(), found.tag.clone());
    let at = [b"source/".as_slice(), &name].concat();
    if paths::trouble(&at).is_some() || at.contains(&b'%') || std::str::from_utf8(&at).is_err() || parts.contains_key(&at) {
        return Err(BundleError::request(format!("{} cannot be named {} in the bag: rename it", shown(path), Shown::of_bytes(&at))));
    }
    parts.insert(at, Part::Repository(found));
    Ok(row(&name, Some(commit), tag))
}

/// What `release.json` says of an artifact: name, shipped, rebuilt, debug.
type ArtifactRow = (String, Option<String>, Option<String>, Vec<String>);

fn artifacts(parts: &BTreeMap<Vec<u8>, Part>, notes: &mut Vec<String>) -> Vec<ArtifactRow> {
    let below = |place: &str| -> Vec<&[u8]> {
        let prefix = format!("{place}/");
        parts.keys().filter_map(|p| p.strip_prefix(prefix.as_bytes())).collect()
    };
    let (shipped, rebuilt, debug) = (below("shipped"), below("rebuilt"), below("debug"));
    let mut pairs = roles::pair(&shipped, &rebuilt);
    if let ([None], [left], [right]) = (&pairs[..], &shipped[..], &rebuilt[..]) {
        notes.push(format!("{} is paired with {}: each is the only one", Shown::of_bytes(left), Shown::of_bytes(right)));
        pairs = vec![Some(0)];
    }
    let text = |place: &str, path: &[u8]| format!("{place}/{}", String::from_utf8_lossy(path));
    let by_name = roles::DebugFiles::new(debug.iter().map(|d| (*d, *d)));
    let mut alone = vec![true; rebuilt.len()];
    let mut out = Vec::new();
    for (left, pair) in shipped.iter().zip(pairs) {
        if let Some(j) = pair {
            alone[j] = false;
        } else {
            notes.push(format!("{} was not rebuilt", Shown::of_bytes(left)));
        }
        let own = if shipped.len() == 1 { debug.clone() } else { by_name.of(left) };
        let debug = own.into_iter().map(|d| text("debug", d)).collect();
        let right = pair.and_then(|j| rebuilt.get(j)).map(|p| text("rebuilt", p));
        out.push((String::from_utf8_lossy(left).into_owned(), Some(text("shipped", left)), right, debug));
    }
    for (right, _) in rebuilt.iter().zip(alone).filter(|(_, alone)| *alone) {
        notes.push(format!("{} was rebuilt and not shipped", Shown::of_bytes(right)));
        out.push((String::from_utf8_lossy(right).into_owned(), None, Some(text("rebuilt", right)), Vec::new()));
    }
    out
}

fn release_json(request: &PackRequest, sources: &[SourceRow], artifacts: &[ArtifactRow]) -> Result<Vec<u8>, BundleError> {
    // Structures, because a map of serde_json would sort the keys; this order reads better.
    #[derive(serde::Serialize)]
    struct Source<'a> {
        path: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        commit: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        tag: Option<&'a str>,
    }
    #[derive(serde::Serialize)]
    struct Item<'a> {
        name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        shipped: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        rebuilt: Option<&'a str>,
        #[serde(skip_serializing_if = "<[String]>::is_empty")]
        debug: &'a [String],
    }
    #[derive(serde::Serialize)]
    struct Document<'a> {
        schema: &'a str,
        product: &'a str,
        version: &'a str,
        source: Vec<Source<'a>>,
        artifacts: Vec<Item<'a>>,
    }
    let document = Document {
        schema: "release-bundle/v1",
        product: &request.product,
        version: &request.version,
        source: sources.iter().map(|s| Source { path: &s.path, commit: s.commit.as_deref(), tag: s.tag.as_deref() }).collect(),
        artifacts: artifacts
            .iter()
            .map(|(name, shipped, rebuilt, debug)| Item { name, shipped: shipped.as_deref(), rebuilt: rebuilt.as_deref(), debug })
            .collect(),
    };
    let mut bytes =
        serde_json::to_vec_pretty(&document).map_err(|e| BundleError::request(format!("release.json cannot be written: {e}")))?;
    bytes.push(b'\n');
    Ok(bytes)
}

#[cfg(test)]
#[allow(clippy::disallowed_types, reason = "git, tar and others are run to see that they agree")]
pub(in crate::bundle) mod tests;
