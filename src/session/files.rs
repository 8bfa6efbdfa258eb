//! Files of the reviewer's machine: read within limits, written whole or not at all.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{SessionError, clock};

/// Reads a small text file that the reviewer named.
pub(crate) fn read_text(path: &Path) -> Result<String, SessionError> {
    let fail = |what: String| SessionError::File { path: path.display().to_string(), what };
    let bytes = read_small(path, 64 << 20).map_err(fail)?;
    String::from_utf8(bytes).map_err(|e| fail(format!("not UTF-8 at byte {}", e.utf8_error().valid_up_to())))
}

/// Reads a file of at most `limit` bytes that the reviewer named.
///
/// # Errors
/// In words, without the path.
pub fn read_small(path: &Path, limit: u64) -> Result<Vec<u8>, String> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|e| format!("cannot be read: {e}"))?;
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|e| format!("cannot be read: {e}"))?;
    if bytes.len() as u64 > limit {
        return Err(format!("larger than {limit} bytes"));
    }
    Ok(bytes)
}

/// Whether a path that the reviewer named is a folder.
#[must_use]
pub fn is_folder(path: &Path) -> bool {
    path.is_dir()
}

/// Reads all files of a folder whose names end so, in the order of their names; none of folders in it.
///
/// # Errors
/// In words, with the path: when one cannot be read, is larger than `limit`, or there are more than `most`.
pub fn read_folder(folder: &Path, end: &str, most: usize, limit: u64) -> Result<Vec<(PathBuf, Vec<u8>)>, String> {
    let fail = |path: &Path, what: String| format!("{}: {what}", crate::text::Shown::new(&path.to_string_lossy()));
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|e| fail(folder, format!("cannot be read: {e}")))? {
        let path = entry.map_err(|e| fail(folder, format!("cannot be read: {e}")))?.path();
        if path.to_string_lossy().ends_with(end) {
            paths.push(path);
        }
        if paths.len() > most {
            return Err(fail(folder, format!("more than {most} files end in {end}")));
        }
    }
    paths.sort();
    paths.into_iter().map(|path| read_small(&path, limit).map_err(|e| fail(&path, e)).map(|bytes| (path, bytes))).collect()
}

/// Reads a whole file to share it. Unlike a vector that becomes shared it is never there twice.
///
/// # Errors
/// In words, when it cannot be read or is larger than `limit`.
pub(crate) fn read_shared(path: &Path, limit: u64) -> Result<Arc<[u8]>, String> {
    use std::io::Read as _;
    let fail = |e: std::io::Error| format!("cannot be read: {e}");
    let mut file = std::fs::File::open(path).map_err(fail)?;
    let size = file.metadata().map_err(fail)?.len();
    if size > limit {
        return Err(format!("larger than {limit} bytes"));
    }
    let mut bytes: Arc<[u8]> = std::iter::repeat_n(0, usize::try_from(size).map_err(|e| e.to_string())?).collect();
    let Some(buffer) = Arc::get_mut(&mut bytes) else { return Err("cannot be read".to_owned()) };
    if file.read_exact(buffer).is_err() {
        // It became shorter while it was read.
        return read_small(path, limit).map(Arc::from);
    }
    let mut next = [0];
    if file.read(&mut next).map_err(fail)? == 0 {
        return Ok(bytes);
    }
    // A pipe has no size, and gives each byte once.
    let mut all = [&bytes, &next[..]].concat();
    file.take(limit.saturating_add(1).saturating_sub(all.len() as u64)).read_to_end(&mut all).map_err(fail)?;
    if all.len() as u64 > limit {
        return Err(format!("larger than {limit} bytes"));
    }
    Ok(Arc::from(all))
}

/// Writes a file aside, syncs it, and renames it into place: it is there whole or not at all.
///
/// # Errors
/// In words, with the path.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), String> {
    use std::io::Write as _;
    let fail = |e: std::io::Error| format!("{} cannot be written: {e}", path.display());
    let name = path.file_name().ok_or_else(|| format!("{} names no file", path.display()))?;
    let mut aside = std::ffi::OsString::from(".");
    aside.push(name);
    aside.push(format!(".{}.part", clock::uptime().as_nanos()));
    let aside = path.with_file_name(aside);
    let result = (|| {
        let mut file = std::fs::File::create_new(&aside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&aside, path)?;
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::File::open(folder)?.sync_all()
    })();
    if result.is_err() {
        let _ = std::fs::remove_file(&aside);
    }
    result.map_err(fail)
}
