//! Two reviewers' journals of one bundle become one review.

use std::path::{Path, PathBuf};

use super::{SessionError, clock, folders, journal, read_small};
use crate::bundle;
use crate::review::Body;
use crate::review::journal::Reading;
use crate::signoff::Dossier;
use crate::text::Shown;

/// What came of merging two journals.
#[derive(Debug)]
pub struct MergedJournals {
    /// The two, up to the heads that were exchanged.
    pub sides: [crate::review::merge::Side; 2],
    /// What they agree on and what not.
    pub merge: crate::review::merge::Merge,
    /// The journal of the merged review.
    pub path: PathBuf,
}

/// The journal in a file: its own, or that of the dossier of a record.
fn lines_of(path: &Path) -> Result<Reading, String> {
    let bytes = read_small(path, journal::MAX_JOURNAL)?;
    if bytes.starts_with(b"{\"n\":") || !bytes.starts_with(b"{") {
        return Ok(crate::review::journal::read(&bytes));
    }
    let dossier = Dossier::parse(&bytes).map_err(|e| format!("neither a journal nor a dossier: {e}"))?;
    let lines = dossier.lines.ok_or("the dossier leaves its journal out: merge the journal file itself")?;
    let text: String = lines.into_iter().map(|line| line + "\n").collect();
    let reading = crate::review::journal::read(text.as_bytes());
    if reading.damage.is_none() && reading.head() != dossier.journal.head.to_string() {
        return Err(format!("its journal ends at {}, and the dossier says {}", reading.head(), dossier.journal.head));
    }
    Ok(reading)
}

/// Puts two reviewers' journals of one bundle together into a review of its own, kept by one of them. `heads` are those that
/// the two exchanged before either showed a journal.
///
/// # Errors
/// When a journal cannot be read, is not the one that was committed to, or is of another bundle; or when it cannot be written.
pub fn merge_journals(
    bundle: &Path,
    journals: &[PathBuf],
    heads: &[String],
    reviewer: &str,
    state: Option<&Path>,
) -> Result<MergedJournals, SessionError> {
    use crate::review::journal::Entry;
    use crate::review::merge::{Side, merge};
    let opened = bundle::open(bundle)?;
    let release = &opened.release;
    let identity = release.identity.digest.map(|d| d.to_string());
    let mut sides = Vec::new();
    for path in journals {
        let fail = |what: String| SessionError::File { path: Shown::new(&path.to_string_lossy()).to_string(), what };
        let side = Side::of(&lines_of(path).map_err(fail)?, heads).map_err(fail)?;
        if let (Some(own), Some(identity)) = (&side.bundle, &identity)
            && own != identity
        {
            return Err(fail(format!("it is the journal of another bundle: {own}, and this one is {identity}")));
        }
        sides.push(side);
    }
    let sides: [Side; 2] = sides.try_into().map_err(|_| SessionError::Other("two journals are wanted".to_owned()))?;
    if !sides.iter().any(|s| s.from.reviewer == reviewer) {
        let [a, b] = sides.each_ref().map(|s| Shown::new(&s.from.reviewer));
        return Err(SessionError::Other(format!(
            "{} is neither {a} nor {b}: one of the two keeps the merged review",
            Shown::new(reviewer)
        )));
    }
    let now = clock::stamp();
    let merged = merge(&sides, &now).map_err(SessionError::Other)?;
    let first = Body::Opened {
        bundle: identity.or_else(|| sides[0].bundle.clone()).unwrap_or_default(),
        release: format!("{} {}", release.product.shown(), release.version.shown()),
        reviewer: reviewer.to_owned(),
        tool: format!("countersign {}", env!("CARGO_PKG_VERSION")),
    };
    let entries: Vec<Entry> = std::iter::once(Entry { stamp: now, body: first }).chain(merged.entries.iter().cloned()).collect();
    let folder = folders::review(&folders::state(state).map_err(SessionError::Other)?, release);
    let path = journal::begin(&folder, &journal::Holder::here(reviewer), &entries).map_err(SessionError::Other)?;
    Ok(MergedJournals { sides, merge: merged, path })
}
