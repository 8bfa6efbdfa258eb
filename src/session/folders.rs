//! Where things are kept on the reviewer's machine: state and configuration folders. Nothing of a bundle names a path.

use std::path::{Path, PathBuf};

use crate::digest::Sha256;
use crate::model::{Identity, Release};

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

/// A file of the configuration folder, if it is there.
#[must_use]
pub(super) fn config_file(name: &str) -> Option<PathBuf> {
    let path = project()?.config_dir().join(name);
    path.is_file().then_some(path)
}

/// The folder of one review: by the bundle's identity, or for a loose directory by its path (its identity is known only
/// when all of it was hashed).
#[must_use]
pub(super) fn review(state: &Path, release: &Release, place: &Path) -> PathBuf {
    let Identity { digest, .. } = &release.identity;
    let name = match digest {
        Some(digest) => digest.to_string(),
        None => {
            let place = std::fs::canonicalize(place).unwrap_or_else(|_| place.to_owned());
            format!("loose-{}", Sha256::of(place.as_os_str().as_encoded_bytes()))
        }
    };
    state.join("reviews").join(name)
}

/// The folder for indexed sources.
#[must_use]
pub(super) fn sources(state: &Path) -> PathBuf {
    state.join("sources")
}
