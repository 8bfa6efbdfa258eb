//! The program: arguments, error report, exit code.

use std::process::ExitCode;

use clap::Parser as _;
use countersign::cli::{self, Asked, Cli, Outcome};
use countersign::{session, tui};

fn main() -> ExitCode {
    if let Err(report) = color_eyre::install() {
        return cli::trouble(&report).into();
    }
    let cli = Cli::parse();
    let _start = session::uptime();
    let asked = match cli::run(cli) {
        Ok(asked) => asked,
        Err(report) => return cli::trouble(&report).into(),
    };
    match asked {
        Asked::Done(outcome) => outcome.into(),
        Asked::Console(options) => match tui::run(options) {
            Ok(()) => Outcome::Well.into(),
            Err(report) => cli::trouble(&report).into(),
        },
    }
}
