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
        Asked::Console(options) => match console(*options) {
            Ok(()) => Outcome::Well.into(),
            Err(report) => cli::trouble(&report).into(),
        },
    }
}

fn console(options: session::Options) -> color_eyre::Result<()> {
    let key = options.key.as_ref().map(|k| k.display().to_string()).unwrap_or_default();
    let offer = tui::Offer { key, output: String::new() };
    tui::run(|send| session::Session::start(options, send), offer)
}
