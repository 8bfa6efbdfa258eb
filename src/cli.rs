//! The command line: one file a subcommand. Exit codes as `diff` and `cmp`: 0 all well, 1 differs or refused, 2 trouble.

mod answers;
mod attestation;
mod check;
mod compare;
mod cosign;
mod export;
mod log;
mod merge;
mod pack;
mod questions;
mod seal;
mod show;
mod sign;
mod verify;

pub use seal::broker;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};

use crate::report;
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

/// What the room brings.
#[derive(Clone, Debug, Default, Args)]
pub struct RoomArgs {
    /// The room's policy (TOML; see docs/policy.md).
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// The keys that the reviewer trusts (OpenSSH allowed_signers).
    #[arg(long, value_name = "FILE")]
    pub signers: Option<PathBuf>,
    /// What was installed elsewhere: a list of SHA-256 as `sha256sum` writes it, or 8 or more digits or words (PGP word list) of
    /// one, typed from paper.
    #[arg(long, value_name = "FILE|DIGITS|WORDS")]
    pub expect: Vec<String>,
    /// A public key of minisign or signify that the reviewer trusts; more than once for more.
    #[arg(long, value_name = "FILE")]
    pub minisign_key: Vec<PathBuf>,
}

/// Where the review is kept, and whose it is.
#[derive(Clone, Debug, Default, Args)]
pub struct StateArgs {
    /// The folder that keeps reviews and indexed sources.
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Who reviews; the login name when not given.
    #[arg(long, value_name = "NAME")]
    pub reviewer: Option<String>,
    /// The OpenSSH private key that the sign dialog offers.
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Look only: nothing can be ruled on or signed.
    #[arg(long)]
    pub read_only: bool,
    /// The folder that `:report` in the console writes into; `reports` in the state folder when not given.
    #[arg(long, value_name = "DIR")]
    pub reports: Option<PathBuf>,
    /// Begin the correction of a review that was signed: what still counts is carried over, and the new record names the old.
    #[arg(long, conflicts_with = "read_only")]
    pub correct: bool,
}

/// The review before this one.
#[derive(Clone, Debug, Default, Args)]
pub struct BeforeArgs {
    /// The record before the one that will be signed: its digest and the next number are stated. With its dossier, what is
    /// unchanged since by digest is carried over, and what changed comes first.
    #[arg(long, value_name = "RECORD")]
    pub previous: Option<PathBuf>,
    /// The dossier of that record; the one beside it when not given.
    #[arg(long, value_name = "FILE", requires = "previous")]
    pub dossier: Option<PathBuf>,
}

/// What the record is bound to beside the bundle.
#[derive(Clone, Debug, Default, Args)]
pub struct BoundArgs {
    /// The review before this one.
    #[command(flatten)]
    pub before: BeforeArgs,
    /// A value that the customer gave, to be stated in the record, so that an old one cannot be shown again.
    #[arg(long, value_name = "TEXT")]
    pub challenge: Option<String>,
    /// The record of another reviewer that yours dissents from: yours is a record of its own that names it.
    #[arg(long, value_name = "RECORD")]
    pub dissents_from: Option<PathBuf>,
    /// Sign although a title, a reason or a note quotes the source or a disassembly. The record states that it is not free of
    /// them: not for a room that nothing of the vendor's may leave.
    #[arg(long)]
    pub include_excerpts: bool,
}

/// Arguments of `open`.
#[derive(Debug, Args)]
pub struct OpenArgs {
    /// A directory, a .tar or a .tar.zst.
    pub bundle: PathBuf,
    #[command(flatten)]
    look: LookArgs,
    #[command(flatten)]
    room: RoomArgs,
    #[command(flatten)]
    state: StateArgs,
    #[command(flatten)]
    bound: BoundArgs,
}

/// The demonstration release.
#[derive(Clone, Debug, Args)]
pub struct DemoArgs {
    #[command(flatten)]
    state: StateArgs,
    #[command(flatten)]
    look: LookArgs,
}

/// When colours are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColorArg {
    /// Where the terminal has them, and `NO_COLOR` is not set.
    Auto,
    /// Also where `NO_COLOR` is set.
    Always,
    /// Never.
    Never,
}

/// How the console looks.
#[derive(Clone, Debug, Default, Args)]
pub struct LookArgs {
    /// A theme by its name; `countersign config` lists them.
    #[arg(long, value_name = "NAME")]
    pub theme: Option<String>,
    /// When colours are used.
    #[arg(long, value_enum, value_name = "WHEN")]
    pub color: Option<ColorArg>,
    /// Draw with ASCII only (for terminals that draw `·`, `│` or `…` two cells wide).
    #[arg(long)]
    pub ascii: bool,
    /// Leave the mouse to the terminal (it moves and scrolls in the console, nothing else).
    #[arg(long)]
    pub no_mouse: bool,
    /// Line by line, for a screen reader: commands are typed, answers are lines of text; no screen, no colour, nothing drawn again.
    #[arg(long)]
    pub plain: bool,
}

/// What is set.
#[derive(Clone, Debug, Args)]
pub struct ConfigArgs {
    /// How it is printed.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub format: Format,
    #[command(flatten)]
    look: LookArgs,
}

/// How a report is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs; see docs/json.md.
    Json,
}

fn options(bundle: Option<PathBuf>, room: RoomArgs, state: StateArgs) -> Options {
    Options {
        bundle,
        policy: room.policy,
        signers: room.signers,
        state: state.state,
        reports: state.reports,
        reviewer: state.reviewer,
        read_only: state.read_only,
        key: state.key,
        expect: room.expect,
        minisign: room.minisign_key,
        correct: state.correct,
        ..Options::default()
    }
}

fn bound(options: Options, bound: BoundArgs) -> Options {
    Options {
        previous: bound.before.previous,
        dossier: bound.before.dossier,
        challenge: bound.challenge,
        dissents_from: bound.dissents_from,
        include_excerpts: bound.include_excerpts,
        ..options
    }
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

/// Prints what is set: name, value and origin of each.
///
/// # Errors
/// When it cannot be printed.
pub fn print_settings(format: Format, settings: &[[String; 3]]) -> color_eyre::Result<()> {
    match format {
        Format::Json => {
            let list = settings.iter().map(|[name, value, from]| serde_json::json!({ "name": name, "value": value, "from": from }));
            print_json(&serde_json::json!({ "schema": "countersign-config/v1", "settings": list.collect::<Vec<_>>() }))
        }
        Format::Text => {
            let shown = |at: usize, row: &[String; 3]| crate::text::Shown::new(row.get(at).map_or("", String::as_str));
            let wide = |at: usize| settings.iter().map(|s| shown(at, s).width()).max().unwrap_or(0);
            let (first, second) = (wide(0), wide(1));
            let pad = |text: crate::text::Shown, to: usize| format!("{text}{}", " ".repeat(to.saturating_sub(text.width())));
            let row = |s: &[String; 3]| format!("{}  {}  {}\n", pad(shown(0, s), first), pad(shown(1, s), second), shown(2, s));
            print(&settings.iter().map(row).collect::<String>())
        }
    }
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

/// Reports what stopped the work: one line for each cause, without a backtrace. Names in it pass the guard.
#[must_use]
pub fn trouble(report: &color_eyre::Report) -> Outcome {
    let mut out = std::io::stderr().lock();
    let mut said = String::new();
    for cause in report.chain() {
        let text = crate::text::Shown::new(&cause.to_string()).to_string();
        // Many messages name their cause already.
        if said.contains(&text) {
            continue;
        }
        let _ = if said.is_empty() { writeln!(out, "countersign: {text}") } else { writeln!(out, "  because: {text}") };
        said.push_str(&text);
    }
    Outcome::Trouble
}

/// Prints text that has passed the guard. A closed pipe is no error: the reader has seen enough.
/// Prints lines of text. They went through the guard where they were made; here they do once more, so that one forgotten place
/// does not reach the terminal.
fn print(text: &str) -> color_eyre::Result<()> {
    print_as_it_is(&guarded(text))
}

fn guarded(text: &str) -> String {
    let lines = text.split_inclusive('\n').map(|line| match line.strip_suffix('\n') {
        Some(line) => crate::text::Shown::new(line).to_string() + "\n",
        None => crate::text::Shown::new(line).to_string(),
    });
    lines.collect()
}

/// Prints a document of another format, whose writer is its guard.
fn print_as_it_is(text: &str) -> color_eyre::Result<()> {
    let mut out = std::io::stdout().lock();
    printed(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// What writing gave: a closed pipe is no error here either.
fn printed(done: std::io::Result<()>) -> color_eyre::Result<()> {
    match done {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(e.into()),
        _ => Ok(()),
    }
}

/// Prints a JSON document, one value of a list a line.
fn print_json(value: &serde_json::Value) -> color_eyre::Result<()> {
    let write = || {
        let mut out = report::Document::new(std::io::BufWriter::new(std::io::stdout().lock()))?;
        for (field, value) in value.as_object().into_iter().flatten() {
            match value.as_array() {
                Some(values) => out.list(field, values.iter().cloned())?,
                None => out.field(field, value)?,
            }
        }
        out.finish()
    };
    printed(write())
}

#[cfg(test)]
mod tests {
    use super::guarded;

    #[test]
    fn what_is_printed_is_guarded_line_by_line_and_guarded_text_stays_as_it_is() {
        let text = "one \u{1b}[2J\r\ntwo \u{202e}\u{9b}1m\n\n  three é → █\nno end";
        let once = guarded(text);
        assert_eq!(once, "one <1B>[2J<0D>\ntwo <U+202E><9B>1m\n\n  three é → █\nno end");
        assert_eq!(guarded(&once), once);
    }
}
