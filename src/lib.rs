//! countersign: an offline audit console for release bundles.
//!
//! The layers and who may name whom are in `docs/architecture.md`; `tests/architecture.rs` holds them.

pub mod bundle;
pub mod checks;
pub mod cli;
pub mod diff;
pub mod digest;
pub mod inspect;
pub mod json;
pub mod model;
pub mod plain;
pub mod provenance;
pub mod report;
pub mod review;
pub mod session;
pub mod signoff;
pub mod text;
pub mod tui;
