//! What several subcommands take.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::session::Options;

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
    pub(super) look: LookArgs,
    #[command(flatten)]
    pub(super) room: RoomArgs,
    #[command(flatten)]
    pub(super) state: StateArgs,
    #[command(flatten)]
    pub(super) bound: BoundArgs,
}

/// The demonstration release.
#[derive(Clone, Debug, Args)]
pub struct DemoArgs {
    #[command(flatten)]
    pub(super) state: StateArgs,
    #[command(flatten)]
    pub(super) look: LookArgs,
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
    pub(super) look: LookArgs,
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

pub(super) fn options(bundle: Option<PathBuf>, room: RoomArgs, state: StateArgs) -> Options {
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

pub(super) fn bound(options: Options, bound: BoundArgs) -> Options {
    Options {
        previous: bound.before.previous,
        dossier: bound.before.dossier,
        challenge: bound.challenge,
        dissents_from: bound.dissents_from,
        include_excerpts: bound.include_excerpts,
        ..options
    }
}
