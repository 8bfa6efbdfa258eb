//! The console: seven screens over one session.
//!
//! [`run`] enters the terminal and loops. [`App`] is pure: inputs in, effects out, drawn from `&App`. Keys come from one
//! table in [`keymap`]. All text that is drawn passes `widgets::line`, which takes rows of displayable text only.

pub mod action;
pub mod app;
pub mod event;
pub mod keymap;
mod run;
pub mod screens;
pub mod settings;
mod term;
pub mod theme;
mod widgets;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;

pub use app::App;
pub use keymap::keys_markdown;
pub use run::{Offer, Ready, run};
pub use settings::{Colour, Settings, Wishes, settle};
