//! The link from the reviewed tree to the source archives that were handed out with it.

use crate::model::{ArchiveReport, ChainLink, Standing};

/// Its name in the chain.
const NAME: &str = "archive = tree";

/// The link; `None` when there is no source archive beside the tree.
#[must_use]
pub fn link(reports: &[ArchiveReport]) -> Option<ChainLink> {
    let worst = reports.iter().max_by_key(|r| (r.differs(), !r.is_equal()))?;
    let words = format!("{}: {}", worst.archive.shown().cut_start(120), worst.words());
    let (standing, why) = if worst.differs() {
        (Standing::Broken, format!("{words}; {}", worst.worst))
    } else if worst.is_equal() {
        (Standing::Proven, words)
    } else {
        (Standing::Absent, words)
    };
    Some(ChainLink::new(NAME, standing, why))
}

/// Puts the link where it belongs: behind what is said of the tree itself, before what was built from it.
pub fn insert(chain: &mut Vec<ChainLink>, reports: &[ArchiveReport]) {
    if let Some(link) = link(reports) {
        let at = chain.iter().position(|l| l.name == "commit = provenance").unwrap_or(chain.len());
        chain.insert(at, link);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_archive_decides() {
        let equal = ArchiveReport { archive: "a.tar".into(), files: 3, equal: 3, ignored: 2, ..ArchiveReport::default() };
        let partial = ArchiveReport { archive: "b.tar".into(), files: 2, equal: 2, missing: 1, ..ArchiveReport::default() };
        let more =
            ArchiveReport { archive: "c.tar".into(), files: 4, equal: 3, added: 1, worst: "configure".into(), ..ArchiveReport::default() };
        let standing = |reports: &[&ArchiveReport]| link(&reports.iter().map(|r| (*r).clone()).collect::<Vec<_>>()).map(|l| l.standing);
        assert_eq!(standing(&[]), None);
        assert_eq!(standing(&[&equal]), Some(Standing::Proven));
        assert_eq!(standing(&[&equal, &partial]), Some(Standing::Absent));
        assert_eq!(standing(&[&equal, &more, &partial]), Some(Standing::Broken));
        let empty = ArchiveReport::default();
        assert_eq!(standing(&[&empty]), Some(Standing::Absent), "an archive of nothing proves nothing");
        let stopped = ArchiveReport { not_compared: "stopped".into(), ..equal };
        assert_eq!(standing(&[&stopped]), Some(Standing::Absent));
    }
}
