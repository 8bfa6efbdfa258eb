//! The review: what a person has to judge, what they did, and what is open.
//!
//! [`queue`] makes the items from facts and policy. [`State`] is a fold over [`Event`]s; undo is an event, nothing is
//! erased. What the machine computed and what a person ruled are never merged.

mod carried;
pub mod chain;
mod coverage;
pub mod differences;
mod event;
pub mod journal;
mod lines;
pub mod merge;
mod questions;
mod queue;
pub mod quote;
mod state;

pub use carried::{Carried, CarriedRead, CarriedRuling, changed_first, events_of};
pub use coverage::{Coverage, Missed, coverage};
pub use event::{Anchor, Body, Decision, Event, FindingSeverity, MergedFrom, Resting, Ruling};
pub use lines::LineSet;
pub use questions::{ANSWERS, About, Answers, MAX_ANSWERS, QUESTIONS, Signer, answers, bind, question_digest, sheet, sheet_text};
pub use queue::{Class, Item, Takes, Target, flag_id, queue, required};
pub use state::{Blocker, Finding, Note, Reply, Ruled, State};
