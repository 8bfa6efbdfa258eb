//! Bounds on what is read, beside those that a room sets ([`Limits`](crate::model::Limits)). Over a bound is "not examined", never
//! "clean".

/// Payload files of one bundle.
pub(super) const FILES: usize = 1_000_000;
/// Entries and directories of one source tree.
pub(super) const TREE_ENTRIES: usize = 1_000_000;
/// Bytes of a path.
pub(super) const NAME: usize = 4096;
/// Bytes of one component of a path.
pub(super) const COMPONENT: usize = 255;
/// Directories inside one another.
pub(super) const DEPTH: usize = 256;
/// Bytes of a tag file of a bag.
pub(super) const TAG_FILE: u64 = 256 << 20;
/// Bytes of all tag files of a bag.
pub(super) const TAG_FILES: u64 = 512 << 20;
/// Bytes of the small text files of a repository and of an extension header of a tar.
pub(super) const SMALL_FILE: u64 = 1 << 20;
/// Bytes of `packed-refs`.
pub(super) const REFS_FILE: u64 = 64 << 20;
/// Bytes that a compressed carrier may expand to in memory.
pub(super) const CARRIER_EXPANDED: u64 = 1 << 30;
/// Bytes that an archive of sources may expand to because it is large itself.
pub(super) const EXPANDED: u64 = 2 << 30;
/// Times its own size that an archive may expand.
pub(super) const EXPANSION: u64 = 20;
/// Bytes of memory for a decoder's window.
pub(super) const WINDOW: u64 = 256 << 20;
/// Bytes of one git object that is not a blob.
pub(super) const GIT_OBJECT: u64 = 64 << 20;
/// Refs of one repository.
pub(super) const REFS: usize = 1_000_000;
/// Defects of one code that are listed one by one.
pub(super) const DEFECTS: usize = 200;
/// Bytes read at once.
pub(super) const CHUNK: usize = 256 << 10;
