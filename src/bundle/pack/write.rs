//! Writing the bag.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::{PackReport, PackRequest, Part};
use crate::bundle::error::BundleError;
use crate::bundle::limits;
use crate::digest::{Hasher, Sha256};

/// Copies or makes each part below `out/data`, then writes the tag files.
pub(super) fn bag(
    request: &PackRequest,
    out: &Path,
    parts: BTreeMap<Vec<u8>, Part>,
    notes: Vec<String>,
) -> Result<PackReport, BundleError> {
    let data = out.join("data");
    fs::create_dir_all(&data).map_err(BundleError::io(&data, "create"))?;
    let mut manifest = Vec::new();
    let (mut files, mut bytes) = (0usize, 0u64);
    for (name, part) in parts {
        let path = data.join(OsStr::from_bytes(&name));
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(BundleError::io(parent, "create"))?;
        }
        let mut target = Target::create(&path)?;
        match part {
            Part::File(from) => copy(&from, &mut target)?,
            Part::Bytes(bytes) => target.write(&bytes)?,
            Part::Repository(found) => found.write(&mut |chunk| target.write(chunk))?,
        }
        let (sha256, size) = target.finish();
        files += 1;
        bytes = bytes.saturating_add(size);
        push(&mut manifest, sha256, &[b"data/".as_slice(), &name].concat());
    }
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let info = format!(
        "Bagging-Date: {}\nExternal-Identifier: {}-{}\nPayload-Oxum: {bytes}.{files}\n",
        request.date,
        one_line(&request.product),
        one_line(&request.version)
    );
    let mut tags = Vec::new();
    for (name, bytes) in [
        ("bag-info.txt", info.as_bytes()),
        ("bagit.txt", b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"),
        ("manifest-sha256.txt", &manifest),
    ] {
        push(&mut tags, tag(out, name, bytes)?, name.as_bytes());
    }
    let identity = tag(out, "tagmanifest-sha256.txt", &tags)?;
    Ok(PackReport { files, bytes, identity, notes })
}

fn tag(out: &Path, name: &str, bytes: &[u8]) -> Result<Sha256, BundleError> {
    let path = out.join(name);
    let mut target = Target::create(&path)?;
    target.write(bytes)?;
    // The payload is not synced file by file: what a crash leaves incomplete does not match this manifest.
    target.file.sync_all().map_err(BundleError::io(&path, "sync"))?;
    Ok(target.finish().0)
}

/// A line of a manifest. No name in it needs coding: those that would are refused before.
fn push(manifest: &mut Vec<u8>, sha256: Sha256, path: &[u8]) {
    manifest.extend_from_slice(sha256.to_string().as_bytes());
    manifest.extend_from_slice(b"  ");
    manifest.extend_from_slice(path);
    manifest.push(b'\n');
}

fn copy(from: &Path, target: &mut Target<'_>) -> Result<(), BundleError> {
    let mut file = File::open(from).map_err(BundleError::io(from, "open"))?;
    let mut buffer = vec![0u8; limits::CHUNK];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(n) => target.write(&buffer[..n])?,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(BundleError::io(from, "read")(e)),
        }
    }
}

/// A new file that is hashed while it is written.
struct Target<'a> {
    path: &'a Path,
    file: File,
    hasher: Hasher,
}

impl<'a> Target<'a> {
    fn create(path: &'a Path) -> Result<Self, BundleError> {
        let file = File::create_new(path).map_err(BundleError::io(path, "create"))?;
        Ok(Self { path, file, hasher: Hasher::default() })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), BundleError> {
        self.hasher.update(bytes);
        self.file.write_all(bytes).map_err(BundleError::io(self.path, "write"))
    }

    fn finish(self) -> (Sha256, u64) {
        let (sha256, _, size) = self.hasher.finish();
        (sha256, size)
    }
}
