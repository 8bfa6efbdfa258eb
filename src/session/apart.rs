//! Other processes of this program, and no other program.
// The only place that starts a process: this program itself. The rest of the crate cannot (clippy.toml, tests/architecture.rs).
#![allow(clippy::disallowed_types)]

use std::io;
use std::process::{Command, Stdio};

/// This program, to be started once more.
fn again() -> io::Result<Command> {
    Ok(Command::new(std::env::current_exe()?))
}

/// Starts this program with nothing to do, for the probe of the seal.
pub(super) fn start_nothing() -> io::Result<()> {
    let mut nothing = again()?;
    // No file is opened for it, or that would be what is refused.
    nothing.arg("--version").stdin(Stdio::inherit()).output().map(drop)
}

/// Starts this program once more with those arguments, on the same terminal, and waits for it; its exit code, or `None` when
/// it was killed.
///
/// # Errors
/// When it cannot be started.
pub fn run_again(arguments: &[std::ffi::OsString]) -> io::Result<Option<i32>> {
    again()?.args(arguments).status().map(|status| status.code())
}
