//! Git bundles (gitformat-bundle, versions 2 and 3): a few lines of text, then a pack. The pack is indexed once into a bare repository of
//! our own making, kept under the digest of the bundle file.

use std::cell::{Cell, RefCell};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use git2::Indexer;

use super::{message, refs, settings};
use crate::bundle::error::BundleError;
use crate::bundle::limits;
use crate::digest::Sha256;

/// How every git bundle begins.
pub(in crate::bundle) const START: &[u8] = b"# v";
/// Commits that the bundle needs and does not hold, in the cached repository.
pub(in crate::bundle) const NEEDS: &str = "prerequisites";

/// The lines before the pack.
#[derive(Debug, PartialEq, Eq)]
struct Header {
    refs: Vec<(Vec<u8>, git2::Oid)>,
    /// Prerequisite commits, one a line.
    needs: Vec<u8>,
    /// Bytes up to the pack.
    length: usize,
}

/// Reads the header if all of it is in `bytes`; `None` when more is needed.
fn header(bytes: &[u8]) -> Result<Option<Header>, String> {
    let Some(length) = bytes.windows(2).position(|w| w == b"\n\n").map(|i| i + 2) else {
        if bytes.len() as u64 > limits::REFS_FILE {
            return Err("its header does not end".into());
        }
        return Ok(None);
    };
    let mut lines = bytes[..length].split(|b| *b == b'\n').take_while(|line| !line.is_empty());
    match lines.next() {
        Some(b"# v2 git bundle" | b"# v3 git bundle") => {}
        _ => return Err("it is not a git bundle of version 2 or 3".into()),
    }
    let (mut refs, mut needs) = (Vec::new(), Vec::new());
    for line in lines {
        match line.first() {
            Some(b'@') if line == b"@object-format=sha1" => {}
            Some(b'@') if line.starts_with(b"@filter=") => return Err("it was made with a filter: objects are left out".into()),
            Some(b'@') => return Err("it has a capability that is not known here (SHA-256 repositories are not)".into()),
            Some(b'-') => {
                let id = line.get(1..41).and_then(refs::id_of).ok_or("a prerequisite line that is no commit id")?;
                needs.extend_from_slice(id.to_string().as_bytes());
                needs.push(b'\n');
            }
            _ => refs.push(refs::lines(line).pop().ok_or("a header line that is no ref")?),
        }
    }
    if refs.is_empty() {
        return Err("it has no refs".into());
    }
    Ok(Some(Header { refs, needs, length }))
}

/// The refs of the git bundle that starts with these bytes.
pub(in crate::bundle) fn refs_of(start: &[u8]) -> Result<refs::Refs, String> {
    let head = header(start)?.ok_or("its header is longer than is usual")?;
    if !head.needs.is_empty() {
        return Err("it needs commits that are not in it".into());
    }
    Ok(refs::Refs::new(head.refs, None))
}

/// Gives chunks of the bundle file to a function that returns false to stop.
pub(in crate::bundle) type Streamer<'a> = dyn FnMut(&mut dyn FnMut(&[u8]) -> bool) -> Result<(), BundleError> + 'a;

/// The bare repository made of the bundle whose file has this digest: made now, or earlier.
pub(in crate::bundle) fn cached(
    file: &str,
    sha256: Sha256,
    size: u64,
    cache: &Path,
    stream: &mut Streamer<'_>,
    progress: &mut dyn FnMut(u64, u64) -> bool,
) -> Result<PathBuf, BundleError> {
    let place = cache.join(sha256.to_string());
    if place.join("packed-refs").is_file() {
        return Ok(place);
    }
    let aside = super::repository::aside(cache, &sha256.to_string())?;
    let made = make(file, size, &aside, stream, progress).and_then(|()| super::repository::put(&aside, &place));
    if made.is_err() {
        // What is left aside is of no use to anybody; that it cannot be removed changes nothing about the error.
        let _ = fs::remove_dir_all(&aside);
    }
    made.map(|()| place)
}

fn make(
    file: &str,
    size: u64,
    aside: &Path,
    stream: &mut Streamer<'_>,
    progress: &mut dyn FnMut(u64, u64) -> bool,
) -> Result<(), BundleError> {
    let damaged = |what: String| BundleError::Pack { file: file.to_owned(), what };
    let packs = aside.join("objects/pack");
    fs::create_dir_all(&packs).map_err(BundleError::io(&packs, "create"))?;
    settings::settle();
    // Half of the progress is reading the pack, half is resolving its deltas.
    let total = size.saturating_mul(2).max(1);
    let progress = RefCell::new(progress);
    let (read, cancelled) = (Cell::new(0u64), Cell::new(false));
    let mut indexer = Indexer::new(None, &packs, 0o644, false).map_err(|e| damaged(message(&e)))?;
    indexer.progress(|p| {
        let deltas = p.total_deltas().max(1) as u64;
        let resolved = u128::from(size) * u128::from(p.indexed_deltas() as u64) / u128::from(deltas);
        let done = read.get().saturating_add(u64::try_from(resolved).unwrap_or(size)).min(total);
        let go = (progress.borrow_mut())(done, total);
        cancelled.set(!go);
        go
    });
    let mut start: Vec<u8> = Vec::new();
    let mut head: Option<Header> = None;
    let mut wrong: Option<String> = None;
    let streamed = stream(&mut |chunk| {
        read.set(read.get().saturating_add(chunk.len() as u64));
        let mut feed = |bytes: &[u8]| match indexer.write_all(bytes) {
            Ok(()) => true,
            Err(e) => {
                wrong = Some(crate::text::Shown::new(&e.to_string()).cut(300).to_string());
                false
            }
        };
        if head.is_some() {
            return feed(chunk);
        }
        start.extend_from_slice(chunk);
        match header(&start) {
            Ok(None) => true,
            Ok(Some(found)) => {
                let rest = start.split_off(found.length);
                head = Some(found);
                feed(&rest)
            }
            Err(what) => {
                wrong = Some(what);
                false
            }
        }
    });
    if cancelled.get() {
        return Err(BundleError::Cancelled);
    }
    if let Some(what) = wrong {
        return Err(damaged(what));
    }
    streamed?;
    let Some(head) = head else { return Err(damaged("its header does not end".into())) };
    indexer.commit().map_err(|e| {
        if cancelled.get() {
            return BundleError::Cancelled;
        }
        let needs = if head.needs.is_empty() { "" } else { "; it needs commits that are not in it" };
        damaged(format!("its pack is damaged or incomplete: {}{needs}", message(&e)))
    })?;
    super::repository::write_skeleton(aside, &refs::Refs::new(head.refs, None), &head.needs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_strictly() {
        let id = "565e73d13aceeaafc0f1e5638f78355a9431b9eb";
        let good = format!("# v2 git bundle\n-{id} a subject\n{id} refs/heads/main\n\nPACK");
        let read = header(good.as_bytes()).expect("valid").expect("complete");
        assert_eq!((read.refs.len(), read.needs.len(), read.length), (1, 41, good.len() - 4));
        assert_eq!(header(&good.as_bytes()[..60]), Ok(None));
        for bad in [
            "# v9 git bundle\n\n",
            "# v2 git bundle\n\n",
            "# v2 git bundle\nxyz refs/heads/a\n\n",
            "# v3 git bundle\n@filter=blob:none\n\n",
        ] {
            assert!(header(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
