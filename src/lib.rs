//! countersign: an offline audit console for release bundles.
//!
//! The layers and who may name whom are in `docs/architecture.md`; `tests/architecture.rs` holds them.

pub mod checks;
pub mod diff;
pub mod digest;
mod inspect;
pub mod json;
pub mod model;
pub mod text;
