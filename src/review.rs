//! The review: what a person has to judge, what they did, and what is open.
//!
//! [`queue`] makes the items from facts and policy. [`State`] is a fold over [`Event`]s; undo is an event, nothing is
//! erased. What the machine computed and what a person ruled are never merged.

pub mod chain;
mod event;
pub mod journal;
mod queue;
pub mod quote;
mod state;

pub use event::{Anchor, Body, Decision, Event, FindingSeverity, Resting, Ruling};
pub use queue::{Class, Item, Target, flag_id, queue, required};
pub use state::{Blocker, Finding, Note, Ruled, State};
