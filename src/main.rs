//! The program: arguments, error report, exit code.

use std::process::ExitCode;

use clap::Parser as _;
use color_eyre::eyre::eyre;
use countersign::cli::{self, Asked, Cli, ColorArg, LookArgs, Outcome};
use countersign::{plain, session, tui};

/// That of musl has one lock for all threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    if let Err(report) = color_eyre::install() {
        return cli::trouble(&report).into();
    }
    match cli::broker() {
        Some(Ok(outcome)) => return outcome.into(),
        Some(Err(report)) => return cli::trouble(&report).into(),
        None => {}
    }
    let cli = Cli::parse();
    let _start = session::uptime();
    // Read before the seal: the folder of settings is not among what a sealed process may read.
    let files = session::settings_files();
    // Whether there are two processes depends on it; a wrong setting stops only what shows something.
    let plain = match cli.look().cloned().map(|look| settle(look, &files)).transpose() {
        Ok(settled) => settled.is_some_and(|(settings, _)| settings.plain),
        Err(report) => return cli::trouble(&report).into(),
    };
    let asked = match cli::run(cli, plain) {
        Ok(asked) => asked,
        Err(report) => return cli::trouble(&report).into(),
    };
    match asked {
        Asked::Done(outcome) => {
            session::seal::leave(outcome.code());
            outcome.into()
        }
        Asked::Console(asked, look) => match settle(look, &files).and_then(|(settings, _)| console(*asked, settings)) {
            Ok(()) => Outcome::Well.into(),
            Err(report) => cli::trouble(&report).into(),
        },
        Asked::Plain(asked) => match line_by_line(*asked) {
            Ok(()) => Outcome::Well.into(),
            Err(report) => cli::trouble(&report).into(),
        },
        Asked::Settings(format, look) => match settle(look, &files).and_then(|(_, origins)| cli::print_settings(format, &origins)) {
            Ok(()) => Outcome::Well.into(),
            Err(report) => cli::trouble(&report).into(),
        },
    }
}

/// What is in force on the screen, and where each value comes from: name, value, origin.
fn settle(
    look: LookArgs,
    files: &Result<session::SettingsFiles, session::SessionError>,
) -> color_eyre::Result<(tui::Settings, Vec<[String; 3]>)> {
    let colour = look.color.map(|c| match c {
        ColorArg::Auto => tui::Colour::Auto,
        ColorArg::Always => tui::Colour::Always,
        ColorArg::Never => tui::Colour::Never,
    });
    let wishes = tui::Wishes { theme: look.theme, colour, ascii: look.ascii, no_mouse: look.no_mouse, plain: look.plain };
    let files = files.as_ref().map_err(|e| eyre!("{e}"))?;
    let (settings, origins) = tui::settle(&wishes, files, &|name| std::env::var(name).ok()).map_err(|e| eyre!(e))?;
    Ok((settings, origins.into_iter().map(|o| [o.name, o.value, o.from]).collect()))
}

fn console(asked: cli::Console, settings: tui::Settings) -> color_eyre::Result<()> {
    // What listens to the terminal and to signals is made first: a sealed process makes no pair of sockets any more.
    let ready = tui::Ready::new();
    asked.seal()?;
    let options = asked.options;
    let key = options.key.as_ref().map(|k| k.display().to_string()).unwrap_or_default();
    let offer = tui::Offer { key, output: String::new() };
    tui::run(ready, |send| session::Session::start(options, send), offer, settings)
}

fn line_by_line(asked: cli::Console) -> color_eyre::Result<()> {
    let ready = plain::Ready::new();
    asked.seal()?;
    plain::run(ready, asked.options).map_err(|e| eyre!(e))
}
