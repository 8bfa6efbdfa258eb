//! What stops the work on a bundle.

use std::path::{Path, PathBuf};

use crate::model::{ContentError, Defect, Severity, Where};
use crate::text::{Shown, Untrusted};

/// Why a bundle or a source could not be opened, or a bag not be made.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The system refused or failed.
    #[error("{}: cannot {doing}: {source}; check that it is there, readable, and that the medium is still connected", shown(path))]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What was tried, such as `read`.
        doing: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// Not a carrier that this program reads.
    #[error("{}: {what}; give a directory, a .tar or a .tar.zst of a release bundle", shown(path))]
    NotABundle {
        /// The file.
        path: PathBuf,
        /// What it is, or why it is not one.
        what: String,
    },
    /// A bound was reached; nothing was concluded.
    #[error("{file}: {what}, over the bound of {limit}: not examined; {advice}")]
    OverBound {
        /// The file, displayable.
        file: String,
        /// What is too large or too many.
        what: String,
        /// The bound, in the unit that `what` says.
        limit: u64,
        /// What to do.
        advice: &'static str,
    },
    /// Two tar readers would see different members: the archive is refused.
    #[error(
        "{file}: at byte {offset}: {what}; two readers could see different files in this archive, so it is refused: ask for one made by a plain `tar -cf`"
    )]
    Ambiguous {
        /// The archive, displayable.
        file: String,
        /// Byte offset of the header.
        offset: u64,
        /// What is ambiguous.
        what: String,
    },
    /// A git bundle or repository is damaged or of a kind that cannot be read alone.
    #[error("{file}: {what}; ask for a new `git bundle create` of the full history")]
    Pack {
        /// The file, displayable.
        file: String,
        /// What is wrong.
        what: String,
    },
    /// The commit is not in the repository.
    #[error("{file}: commit {commit} is not in it; its refs are: {refs}; ask for a source that has this commit")]
    Commit {
        /// The file, displayable.
        file: String,
        /// The commit as it was named, displayable.
        commit: String,
        /// The refs that are there, displayable.
        refs: String,
    },
    /// A source is neither a git bundle, a repository, an archive nor a directory of sources, or is refused.
    #[error("{file}: {what}; {advice}")]
    Source {
        /// The file, displayable.
        file: String,
        /// Stable code of the defect.
        code: &'static str,
        /// What is wrong.
        what: String,
        /// What to do.
        advice: &'static str,
    },
    /// A file of the bundle could not be read.
    #[error("{file}: {error}")]
    Content {
        /// The file, displayable.
        file: String,
        /// Why.
        error: ContentError,
    },
    /// A bag cannot be made of what was given.
    #[error("{what}")]
    Request {
        /// What is wrong and what to do.
        what: String,
    },
    /// The caller cancelled.
    #[error("cancelled")]
    Cancelled,
}

impl BundleError {
    /// The stable code of the defect that this is.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Ambiguous { .. } => "tar.ambiguous",
            Self::Pack { .. } => "source.pack",
            Self::Commit { .. } => "source.commit",
            Self::Source { code, .. } => code,
            Self::OverBound { .. } | Self::Content { error: ContentError::TooLarge { .. }, .. } => "source.bound",
            _ => "source.unreadable",
        }
    }

    /// This error as a defect of the source at `file`, for a session that goes on without it. What could not be examined is
    /// [`Severity::Unknown`]; what is wrong is [`Severity::Fail`].
    #[must_use]
    pub fn defect(&self, file: &Untrusted) -> Defect {
        let severity = match self {
            Self::Content { error: ContentError::TooLarge { .. }, .. } => Severity::Unknown,
            Self::OverBound { .. } | Self::Io { .. } | Self::Cancelled | Self::NotABundle { .. } => Severity::Unknown,
            _ => Severity::Fail,
        };
        // An ambiguous source archive is a matter of the source, not of the bundle's own carrier.
        let code = if matches!(self, Self::Ambiguous { .. }) { "source.archive" } else { self.code() };
        Defect { code, severity, place: Where::file(file.clone()), what: self.to_string(), advice: "" }
    }

    pub(super) fn io(path: &Path, doing: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { path, doing, source }
    }

    pub(super) fn request(what: impl Into<String>) -> Self {
        Self::Request { what: what.into() }
    }
}

/// A path of the reviewer's own system, made displayable.
pub(super) fn shown(path: &Path) -> Shown {
    use std::os::unix::ffi::OsStrExt;
    Shown::of_bytes(path.as_os_str().as_bytes())
}
