//! The command line: one file a subcommand. Exit codes as `diff` and `cmp`: 0 all well, 1 differs or refused, 2 trouble.

mod answers;
mod args;
mod attestation;
mod check;
mod compare;
mod cosign;
mod export;
mod log;
mod merge;
mod output;
mod pack;
mod questions;
mod seal;
mod show;
mod sign;
mod verify;

pub use args::{BeforeArgs, BoundArgs, ColorArg, ConfigArgs, DemoArgs, Format, LookArgs, OpenArgs, RoomArgs, StateArgs};
pub use output::{print_settings, trouble};
pub use seal::broker;

use std::process::ExitCode;

use args::{bound, options};
use clap::{CommandFactory as _, Parser, Subcommand};
use output::{print, print_as_it_is, print_json, printed};

use crate::session::seal::{Level, Needs};
use crate::session::{self, Link, Options};

/// What a subcommand says with its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All well; identical or equivalent.
    Well,
    /// Differs, fails, refused, or not enough signatures.
    Differs,
    /// Usage, or something unreadable.
    Trouble,
}

impl Outcome {
    /// The exit code.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Well => 0,
            Self::Differs => 1,
            Self::Trouble => 2,
        }
    }
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(outcome.code())
    }
}

/// Offline audit console for release bundles.
///
/// Opens a release bundle, shows source, provenance, artifacts and the differences between what was shipped and what was
/// rebuilt, and signs what was looked at and what was not.
///
/// Exit status: 0 all well (identical or equivalent), 1 differs, fails, refused or not enough signatures, 2 trouble.
#[derive(Debug, Parser)]
#[command(name = "countersign", version, max_term_width = 120)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// How the program must seal itself before it reads what comes from outside, at least. The level that is in force is on the
    /// screen and in the record.
    #[arg(long, global = true, value_enum, value_name = "LEVEL", default_value_t)]
    seal: seal::SealArg,
    /// Said by the process that signs to the one that it starts.
    #[arg(long, global = true, hide = true)]
    viewer: bool,
}

impl Cli {
    /// How the console is to look, when it is the console that is asked for.
    #[must_use]
    pub fn look(&self) -> Option<&LookArgs> {
        match &self.command {
            Command::Open(args) => Some(&args.look),
            Command::Demo(args) => Some(&args.look),
            _ => None,
        }
    }
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Open a bundle in the console.
    Open(OpenArgs),
    /// Open the console on the demonstration release that is built in.
    Demo(DemoArgs),
    /// Hash, compare and check everything, without a screen.
    Check(check::CheckArgs),
    /// Compare two files or directories: what was shipped (A) with what was rebuilt (B).
    Compare(compare::CompareArgs),
    /// Verify one attestation against one artifact, without a release.
    Attestation(attestation::AttestationArgs),
    /// Make a bundle (a BagIt bag) from its parts.
    Pack(pack::PackArgs),
    /// Print what a screen shows, as text.
    Show(show::ShowArgs),
    /// Write the open findings as a sheet of questions to the vendor, without a line of source.
    Questions(questions::QuestionsArgs),
    /// Take a signed file of answers in, each bound to its finding.
    Answers(answers::AnswersArgs),
    /// Sign the review as it stands.
    Sign(sign::SignArgs),
    /// Add a signature to a record: the same statement, signed by one more reviewer.
    Cosign(cosign::CosignArgs),
    /// Verify sign-off records.
    Verify(verify::VerifyArgs),
    /// Put a record on paper or into QR codes, or show every byte that would leave.
    Export(export::ExportArgs),
    /// Read a review's journal and verify its chain.
    Log(log::LogArgs),
    /// Put two reviewers' journals together: what they agree on stands, the rest is open again.
    Merge(merge::MergeArgs),
    /// Print what is set (theme, colours, glyphs, keys) and where each comes from.
    Config(ConfigArgs),
    /// Prove the seal: what a sealed process must not be able to do is tried.
    Seal(seal::SealArgs),
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page (roff), of a subcommand if one is named.
    Man {
        /// The subcommand.
        subcommand: Option<String>,
    },
}

/// What the front end is asked for: the console, or a report that is done.
pub enum Asked {
    /// Open the console, in this process, which is sealed first, looking so.
    Console(Box<Console>, LookArgs),
    /// Review line by line, in this process, which is sealed first.
    Plain(Box<Console>),
    /// Say what is set.
    Settings(Format, LookArgs),
    /// Done, with that exit code.
    Done(Outcome),
}

/// A console that is to be opened.
pub struct Console {
    /// How.
    pub options: Options,
    needs: Needs,
    least: Level,
}

impl Console {
    /// Seals the process, and tells the signer how far.
    ///
    /// # Errors
    /// When the system offers less than what was asked for.
    pub fn seal(&self) -> color_eyre::Result<()> {
        let level = session::seal::seal(&self.needs, self.least).map_err(|e| color_eyre::eyre::eyre!(e))?;
        self.options.link.as_ref().map_or(Ok(()), |link| link.sealed(level)).map_err(|e| color_eyre::eyre::eyre!(e))
    }
}

/// Carries out a subcommand; the console itself is opened by the caller. `plain`: line by line, if it is the console.
///
/// # Errors
/// What stops the work, in words; the exit code is 2.
pub fn run(cli: Cli, plain: bool) -> color_eyre::Result<Asked> {
    // Line by line nothing is signed: there is no second process, and no key that could be reached.
    let plain = plain && !cli.viewer && cli.look().is_some();
    let reaches_a_key = match &cli.command {
        Command::Open(_) | Command::Demo(_) | Command::Sign(_) => true,
        Command::Cosign(args) => args.signs(),
        _ => false,
    };
    if !cli.viewer && reaches_a_key && !plain {
        return Ok(Asked::Done(sign::supervise(&cli.command)?));
    }
    let link = if cli.viewer { Some(Link::take().map_err(|e| color_eyre::eyre::eyre!(e))?) } else { None };
    let needs = seal::needs(&cli.command);
    let least = cli.seal.into();
    let console = |options| Box::new(Console { options, needs: needs.clone().unwrap_or_default(), least });
    // The console does so when it has the terminal.
    let at_once = !matches!(cli.command, Command::Open(_) | Command::Demo(_));
    if let Some(needs) = needs.as_ref().filter(|_| at_once) {
        let level = session::seal::seal(needs, least).map_err(|e| color_eyre::eyre::eyre!(e))?;
        link.as_ref().map_or(Ok(()), |link| link.sealed(level)).map_err(|e| color_eyre::eyre::eyre!(e))?;
    }
    let done = match cli.command {
        Command::Open(args) => {
            let options = bound(options(Some(args.bundle), args.room, args.state), args.bound);
            let console = console(Options { link, ..options });
            return Ok(if plain { Asked::Plain(console) } else { Asked::Console(console, args.look) });
        }
        Command::Demo(args) => {
            let options = options(None, RoomArgs::default(), args.state);
            let console = console(Options { link, ..options });
            return Ok(if plain { Asked::Plain(console) } else { Asked::Console(console, args.look) });
        }
        Command::Config(args) => return Ok(Asked::Settings(args.format, args.look)),
        Command::Check(args) => check::run(args)?,
        Command::Compare(args) => compare::run(&args)?,
        Command::Attestation(args) => attestation::run(&args)?,
        Command::Pack(args) => pack::run(args)?,
        Command::Show(args) => show::run(args)?,
        Command::Questions(args) => questions::run(args)?,
        Command::Answers(args) => answers::run(args)?,
        Command::Sign(args) => sign::run(args, link)?,
        Command::Cosign(args) => cosign::run(args, link)?,
        Command::Verify(args) => verify::run(&args)?,
        Command::Export(args) => export::run(&args)?,
        Command::Log(args) => log::run(&args)?,
        Command::Merge(args) => merge::run(&args)?,
        Command::Seal(args) => seal::run(&args, cli.seal)?,
        Command::Completions { shell } => {
            let mut out = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "countersign", &mut out);
            print_as_it_is(&String::from_utf8_lossy(&out))?;
            Outcome::Well
        }
        Command::Man { subcommand } => man(subcommand.as_deref())?,
    };
    Ok(Asked::Done(done))
}

fn man(subcommand: Option<&str>) -> color_eyre::Result<Outcome> {
    let mut command = Cli::command();
    command.build();
    let page = match subcommand {
        None => command,
        Some(name) => command
            .find_subcommand(name)
            .cloned()
            .ok_or_else(|| color_eyre::eyre::eyre!("there is no subcommand {}", crate::text::Shown::new(name)))?,
    };
    let mut out = Vec::new();
    clap_mangen::Man::new(page).render(&mut out)?;
    print_as_it_is(&String::from_utf8_lossy(&out))?;
    Ok(Outcome::Well)
}
