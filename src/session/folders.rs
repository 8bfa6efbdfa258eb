//! Where things are kept on the reviewer's machine: state and configuration folders. Nothing of a bundle names a path.

use std::path::{Path, PathBuf};

use crate::digest::Sha256;
use crate::model::Release;

fn project() -> Option<directories::ProjectDirs> {
    directories::ProjectDirs::from("", "", "countersign")
}

/// The folder for journals and indexed sources.
///
/// # Errors
/// When the system names no home folder and none was given.
pub(super) fn state(given: Option<&Path>) -> Result<PathBuf, String> {
    if let Some(given) = given {
        return Ok(given.to_owned());
    }
    let project = project().ok_or("no home folder is known here: say where to keep the review with --state DIR")?;
    Ok(project.state_dir().unwrap_or_else(|| project.data_local_dir()).to_owned())
}

/// The configuration folder; `None` where the system names no home folder.
pub(super) fn config() -> Option<PathBuf> {
    Some(project()?.config_dir().to_owned())
}

/// A file of the configuration folder, if it is there.
#[must_use]
pub(super) fn config_file(name: &str) -> Option<PathBuf> {
    let path = project()?.config_dir().join(name);
    path.is_file().then_some(path)
}

/// The folder of one review, by what is reviewed and never by where it lies: the bundle's identity, or for a loose directory the
/// names and sizes of its files. (Its identity is known only when all of it was hashed; the journal is held against it then.)
#[must_use]
pub(super) fn review(state: &Path, release: &Release) -> PathBuf {
    let name = match &release.identity.digest {
        Some(digest) => digest.to_string(),
        None => {
            let mut files: Vec<_> = release.files.iter().map(|f| (f.path.as_bytes(), f.size)).collect();
            files.sort_unstable();
            let mut listing = Vec::new();
            for (path, size) in files {
                listing.extend_from_slice(&(path.len() as u64).to_le_bytes());
                listing.extend_from_slice(path);
                listing.extend_from_slice(&size.to_le_bytes());
            }
            format!("loose-{}", Sha256::of(&listing))
        }
    };
    state.join("reviews").join(name)
}

/// Notes which review is of what lies at a place, and says if it was another's the last time: the bundle was changed, or another
/// one was put there. Where it cannot be noted nothing is lost but that.
pub(super) fn note_place(state: &Path, place: &Path, review: &Path, write: bool) -> Option<String> {
    let place = std::fs::canonicalize(place).ok()?;
    let name = review.file_name()?.to_str()?;
    let note = state.join("places").join(Sha256::of(place.as_os_str().as_encoded_bytes()).to_string());
    let before = super::read_small(&note, 1 << 10).ok().and_then(|bytes| String::from_utf8(bytes).ok()).filter(|before| before != name);
    if write {
        let _ = std::fs::create_dir_all(state.join("places")).and_then(|()| std::fs::write(&note, name));
    }
    let before = before.filter(|before| state.join("reviews").join(before).is_dir())?;
    let before = crate::text::Shown::new(before.trim_start_matches("loose-")).cut(16);
    Some(format!(
        "what lies here is not what was reviewed here before ({before}): it was changed or replaced; this is a review of its own, that one is kept"
    ))
}

/// The folder for indexed sources.
#[must_use]
pub(super) fn sources(state: &Path) -> PathBuf {
    state.join("sources")
}
