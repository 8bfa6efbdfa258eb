//! Attestations and the chain, on the real releases and on statements made here with each thing wrong in turn.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may panic, and says why it skips")]

mod case;
mod chain;
mod forms;
mod hostile;
mod releases;
