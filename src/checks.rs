//! What can be concluded from what was computed: one table of checks, each with a stable code and a verdict.
//!
//! Start at [`Facts`]: everything computed so far about one bundle. It only grows, by [`Facts::learn`]. Checks are pure
//! functions of it. "Could not tell" and "not computed yet" are verdicts of their own and never count as passed.

mod defects;
mod facts;
mod faults;
pub(crate) mod hygiene;
mod policy;
mod table;

pub use defects::{DEFECTS, DefectCode};
pub(crate) use facts::further_path;
pub use facts::{Discovery, Facts, Hashed, HiddenPlace};
pub use faults::{Fault, faults};
pub use policy::{ChecklistEntry, Missing, Person, Policy, PolicyError, Quorum, SigstoreIdentity, SigstorePolicy, Threshold};
pub use table::{Check, Code, Group, GroupSummary, TABLE, Verdict, groups, run};
