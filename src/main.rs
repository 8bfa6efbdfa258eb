//! The program: arguments, error report, exit code.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use countersign::cli::{self, Asked, Cli, Outcome};
use countersign::{session, text, tui};

fn main() -> ExitCode {
    if let Err(report) = color_eyre::install() {
        return trouble(&report);
    }
    let cli = Cli::parse();
    session::uptime();
    let asked = match cli::run(cli) {
        Ok(asked) => asked,
        Err(report) => return trouble(&report),
    };
    match asked {
        Asked::Done(outcome) => outcome.into(),
        Asked::Console(options) => match tui::run(options) {
            Ok(()) => Outcome::Well.into(),
            Err(report) => trouble(&report),
        },
    }
}

/// One line for each cause, without a backtrace: these are messages for reviewers, and names in them have passed the guard.
fn trouble(report: &color_eyre::Report) -> ExitCode {
    let mut out = std::io::stderr().lock();
    for (i, cause) in report.chain().enumerate() {
        let text = text::Shown::new(&cause.to_string());
        let _ = if i == 0 { writeln!(out, "countersign: {text}") } else { writeln!(out, "  because: {text}") };
    }
    Outcome::Trouble.into()
}
