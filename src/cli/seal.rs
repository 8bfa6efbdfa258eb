//! The seal of the commands, and `countersign seal`: the proof of it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Args, Parser, ValueEnum};
use color_eyre::eyre::eyre;
use serde_json::json;

use super::{BeforeArgs, Command, Format, Outcome, RoomArgs, StateArgs, bound, options, print, print_json};
use crate::session::seal::{Level, Needs, seal};
use crate::session::{Options, named_files, uptime};

/// The seal that is asked for at least.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum SealArg {
    /// Nothing but the files that were named: Landlock and seccomp.
    Full,
    /// The same where Landlock is not there, with a second process that opens the files.
    #[default]
    SeccompOnly,
    /// No seal: not for a bundle that you do not trust.
    None,
}

impl From<SealArg> for Level {
    fn from(arg: SealArg) -> Self {
        match arg {
            SealArg::Full => Self::Full,
            SealArg::SeccompOnly => Self::SeccompOnly,
            SealArg::None => Self::None,
        }
    }
}

/// Arguments of `seal`.
#[derive(Debug, Args)]
pub struct SealArgs {
    /// Seal a process as the console is sealed, try in it everything that must not be possible, and print what was refused.
    /// Exit status 1 if anything was let in.
    #[arg(long, required = true)]
    probe: bool,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// The folder to try things on, made by the process that started this one.
    #[arg(long, value_name = "DIR", hide = true)]
    ground: Option<PathBuf>,
}

/// Open files for a process of this program that is sealed where the kernel has no Landlock. It starts this itself.
#[derive(Debug, Parser)]
struct BrokerArgs {
    /// What may be read.
    #[arg(long, value_name = "PATH")]
    read: Vec<PathBuf>,
    /// What may be written.
    #[arg(long, value_name = "DIR")]
    write: Vec<PathBuf>,
}

/// The work of the process that opens files for another, when this one was started as such. It is known before anything else of the
/// command line is: the other waits for it.
#[must_use]
pub fn broker() -> Option<color_eyre::Result<Outcome>> {
    let mut arguments = std::env::args_os().skip(1).peekable();
    arguments.peek().is_some_and(|first| first == "broker").then(|| serve(BrokerArgs::try_parse_from(arguments)?))
}

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
fn serve(args: BrokerArgs) -> color_eyre::Result<Outcome> {
    crate::session::seal::serve(&Needs { read: args.read, write: args.write }).map(|()| Outcome::Well).map_err(|e| eyre!(e))
}

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
fn serve(_args: BrokerArgs) -> color_eyre::Result<Outcome> {
    color_eyre::eyre::bail!("there is no seal on this system")
}

/// What that command reads and writes; `None` for one that does not read what comes from outside.
pub(super) fn needs(command: &Command) -> Option<Needs> {
    let named = |options: &Options| Needs { read: named_files(options), write: Vec::new() };
    let of = |bundle: &PathBuf, room: &RoomArgs, before: &BeforeArgs| {
        let options = options(Some(bundle.clone()), room.clone(), StateArgs::default());
        named(&Options { previous: before.previous.clone(), dossier: before.dossier.clone(), ..options })
    };
    let none = BeforeArgs::default();
    Some(match command {
        Command::Check(args) => of(&args.bundle, &args.room, &args.before).and_state(args.state.as_deref()),
        Command::Show(args) => of(&args.bundle, &args.room, &args.before).and_state(args.state.as_deref()),
        Command::Questions(args) => of(&args.bundle, &args.room, &none).and_folder_of(&args.output).and_state(args.state.as_deref()),
        Command::Answers(args) => {
            let mut needs = of(&args.bundle, &args.room, &none).and_state(args.state.as_deref());
            needs.read.extend([args.file.clone(), super::answers::beside(&args.file)]);
            needs
        }
        Command::Compare(args) => args.needs(),
        Command::Attestation(args) => args.needs(named),
        Command::Verify(args) => args.needs(named),
        Command::Export(args) => args.needs(),
        Command::Log(args) => {
            let read = args.record.iter().chain([&args.what]).map(PathBuf::as_path);
            Needs::reading(read).and_state(args.state.as_deref())
        }
        Command::Merge(args) => {
            let read = args.journals.iter().chain([&args.bundle]).map(PathBuf::as_path);
            Needs::reading(read).and_state(args.state.as_deref())
        }
        Command::Open(args) => {
            let options = options(Some(args.bundle.clone()), args.room.clone(), args.state.clone());
            named(&bound(options, args.bound.clone())).and_state(args.state.state.as_deref()).and_folder(args.state.reports.as_deref())
        }
        Command::Demo(args) => Needs::default().and_state(args.state.state.as_deref()).and_folder(args.state.reports.as_deref()),
        Command::Sign(args) => {
            let options = options(Some(args.bundle.clone()), args.room.clone(), StateArgs::default());
            named(&bound(options, args.bound.clone())).and_state(args.state.as_deref())
        }
        Command::Pack(args) => args.needs(),
        Command::Cosign(args) => args.needs(),
        Command::Seal(_) => return None,
        Command::Config(_) | Command::Completions { .. } | Command::Man { .. } => return None,
    })
}

#[cfg(not(target_os = "linux"))]
pub(super) fn run(_args: &SealArgs, _least: SealArg) -> color_eyre::Result<Outcome> {
    color_eyre::eyre::bail!("there is no seal on this system (it is made for Linux), so there is nothing to try")
}

#[cfg(target_os = "linux")]
pub(super) fn run(args: &SealArgs, least: SealArg) -> color_eyre::Result<Outcome> {
    use crate::session::seal::{Ground, probe};
    let Some(folder) = &args.ground else { return in_another_process(args, least) };
    let ground = Ground::at(folder);
    let (bundle, state) = (ground.bundle(), ground.state());
    let needs = Needs { read: vec![bundle], write: vec![state] };
    let start = uptime();
    let level = seal(&needs, least.into()).map_err(|e| eyre!(e))?;
    let took = uptime().saturating_sub(start).as_micros();
    let all = probe(&ground);
    let let_in = all.iter().filter(|p| !p.refused).count();
    match args.format {
        Format::Text => {
            let mut out = String::new();
            for one in &all {
                let mark = if one.refused { "= refused" } else { "! LET IN " };
                out.push_str(&format!("{mark}  {:<9} {:<42} {}\n", one.group, one.what, one.answer));
            }
            let (count, word) = (all.len(), level.word());
            let last = if let_in == 0 { "all refused".to_owned() } else { format!("{let_in} LET IN") };
            out.push_str(&format!("seal {word}, made in {:.1} ms: {count} attempts, {last}\n", took as f64 / 1000.0));
            print(&out)?;
        }
        Format::Json => {
            let list = all.iter().map(|p| json!({ "group": p.group, "what": p.what, "refused": p.refused, "answer": p.answer }));
            print_json(&json!({
                "schema": "countersign-seal/v1",
                "result": if let_in == 0 { "pass" } else { "fail" },
                "seal": level.word(),
                "microseconds": u64::try_from(took).unwrap_or(u64::MAX),
                "letIn": let_in,
                "probes": list.collect::<Vec<_>>(),
            }))?;
        }
    }
    Ok(if let_in == 0 { Outcome::Well } else { Outcome::Differs })
}

/// The folder to try things on is made and taken away outside of the seal.
#[cfg(target_os = "linux")]
fn in_another_process(args: &SealArgs, least: SealArg) -> color_eyre::Result<Outcome> {
    let ground = crate::session::seal::Ground::make()?;
    let word = |value: Option<clap::builder::PossibleValue>| value.map(|v| OsString::from(v.get_name())).unwrap_or_default();
    let arguments = ["seal", "--probe", "--ground"].map(OsString::from).into_iter().chain([
        ground.folder().as_os_str().to_owned(),
        "--format".into(),
        word(args.format.to_possible_value()),
        "--seal".into(),
        word(least.to_possible_value()),
    ]);
    let code = crate::session::run_again(&arguments.collect::<Vec<_>>());
    ground.remove();
    match code? {
        Some(0) => Ok(Outcome::Well),
        Some(1) => Ok(Outcome::Differs),
        Some(_) => Ok(Outcome::Trouble),
        None => Err(eyre!("the process that tried it was killed")),
    }
}

/// The path of a file with something added to its name.
pub(super) fn with_end(file: &Path, end: &str) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(end);
    PathBuf::from(path)
}
