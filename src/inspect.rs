//! What one file is: kind by magic, members of containers, sections, symbols and debug information of executables.
//!
//! Bytes in, values out: no file, thread or clock. Every parser here is strict and bounded: what it does not understand
//! it refuses with a reason, and the caller then compares plain bytes.

pub(crate) mod apk;
pub(crate) mod ar;
pub(crate) mod armap;
mod ber;
pub(crate) mod blob;
pub(crate) mod budget;
pub(crate) mod container;
pub(crate) mod cpio;
pub(crate) mod debug;
pub(crate) mod dynamic;
pub(crate) mod elf;
pub(crate) mod embedded;
pub(crate) mod exe;
pub(crate) mod facts;
pub(crate) mod installed;
pub(crate) mod kind;
pub(crate) mod macho;
pub(crate) mod names;
pub(crate) mod object;
pub(crate) mod openpgp;
pub(crate) mod pclntab;
pub(crate) mod pdb;
pub(crate) mod pe;
pub(crate) mod relocs;
pub(crate) mod rpm;
pub(crate) mod search;
pub(crate) mod signed;
pub(crate) mod stream;
pub(crate) mod symbols;
pub(crate) mod syntax;
pub(crate) mod tar;
pub(crate) mod trigrams;
pub(crate) mod zip;
