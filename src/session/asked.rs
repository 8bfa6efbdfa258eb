//! What a front end asks of an open bundle beside its screens: source files, their comparison, listings.

use std::sync::Arc;

use super::{ListingKey, News, Session, work};
use crate::model::Evidence;

impl Session {
    /// Reads a source file; it comes as [`News::SourceFile`].
    pub fn request_source(&self, entry: usize) {
        let limits = self.room.policy.limits;
        let (source, send) = (Arc::clone(&self.source), Arc::clone(&self.send));
        let send_again = Arc::clone(&send);
        work::job_or(
            "source file",
            send_again,
            move || Some(News::SourceFile(entry, Err(work::FAILED.to_owned()))),
            move || {
                let content = source.lock().map(|s| s.clone()).unwrap_or(None);
                let result = match content {
                    Some(content) => content.read(entry, limits.source_file_size).map(Arc::from).map_err(|e| e.to_string()),
                    None => Err("the source is not open yet".to_owned()),
                };
                send(News::SourceFile(entry, result));
            },
        );
    }

    /// Compares a file of a source archive with another source file; it comes as [`News::Sources`].
    pub fn request_sources(&self, entry: usize, other: usize) {
        let limits = self.room.policy.limits;
        let (source, send) = (Arc::clone(&self.source), Arc::clone(&self.send));
        let send_again = Arc::clone(&send);
        work::job_or(
            "source files",
            send_again,
            move || Some(News::Sources(entry, Err(work::FAILED.to_owned()))),
            move || {
                let content = source.lock().map(|s| s.clone()).unwrap_or(None);
                let compared = content.ok_or_else(|| "the source is not open yet".to_owned()).and_then(|content| {
                    let read = |entry| content.read(entry, limits.source_file_size).map(Arc::from).map_err(|e| e.to_string());
                    let context = crate::diff::Context {
                        source: None,
                        source_content: None,
                        debug: &[],
                        limits: crate::diff::Limits::of(&limits),
                        cancelled: &|| false,
                        share: &crate::diff::in_order,
                        progress: &|_| {},
                    };
                    let mut node = crate::diff::compare(Default::default(), read(entry)?, read(other)?, &context);
                    node.why = node.why.replace("only shipped", "only in the archive").replace("only rebuilt", "only in the tree");
                    Ok(Arc::new(node))
                });
                send(News::Sources(entry, compared));
            },
        );
    }

    /// Reads a source file now.
    ///
    /// # Errors
    /// In words: the source is not open, or has no such file, or it is too large or unsound.
    pub fn read_source(&self, path: &crate::text::Untrusted) -> Result<Vec<u8>, String> {
        let content = self.source.lock().map(|s| s.clone()).unwrap_or(None).ok_or("the source is not open")?;
        content.read_path(path, self.room.policy.limits.source_file_size).map_err(|e| e.to_string())
    }

    /// Makes a listing; it comes as [`News::Listing`].
    pub fn request_listing(&self, key: ListingKey, evidence: Arc<dyn Evidence>) {
        let send = Arc::clone(&self.send);
        work::job("listing", Arc::clone(&send), move || {
            let listing = evidence.listing(key.place, key.view);
            send(News::Listing(key, Arc::new(listing)));
        });
    }
}
