//! Process-wide settings of libgit2.

use std::sync::Once;

use git2::{ConfigLevel, opts};

/// Applies the settings, once in the process, before anything else is asked of libgit2.
#[allow(unsafe_code)]
pub(super) fn settle() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        opts::strict_hash_verification(true);
        opts::strict_object_creation(true);
        // SAFETY: these write globals of libgit2 without a lock. `Once` makes this the only writer, and every use of libgit2 in this
        // crate goes through `Store::open` or the indexer, which call `settle` first; no other thread is inside libgit2 yet.
        unsafe {
            for level in [ConfigLevel::ProgramData, ConfigLevel::System, ConfigLevel::XDG, ConfigLevel::Global] {
                // A failure leaves the default in force: configuration of the reviewer's own account, which is harmless here.
                let _ = opts::set_search_path(level, "");
            }
            // Media are owned by somebody else, and nothing of a repository is ever run.
            let _ = opts::set_verify_owner_validation(false);
            let _ = opts::set_cache_max_size(64 << 20);
        }
    });
}
