//! `countersign sign`: the review as it stands.

use std::io::{BufRead as _, IsTerminal as _, Read as _};
use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};

use super::{BoundArgs, Outcome, RoomArgs, StateArgs, bound, options, print};
use crate::review::Decision;
use crate::session::{KeySource, SignFailure, SummaryTo, dossier_path, may_write, run_headless, sign_with};

/// The outcomes, as the command line spells them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "camelCase")]
pub(super) enum DecisionArg {
    /// Everything was judged and nothing stands in the way.
    Approved,
    /// Approved, with the findings that the record lists.
    ApprovedWithFindings,
    /// Rejected.
    Rejected,
    /// The review is not finished, and says so.
    Incomplete,
}

impl From<DecisionArg> for Decision {
    fn from(arg: DecisionArg) -> Self {
        match arg {
            DecisionArg::Approved => Self::Approved,
            DecisionArg::ApprovedWithFindings => Self::ApprovedWithFindings,
            DecisionArg::Rejected => Self::Rejected,
            DecisionArg::Incomplete => Self::Incomplete,
        }
    }
}

/// Arguments of `sign`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("how").required(true))]
pub struct SignArgs {
    /// A directory, a .tar or a .tar.zst.
    bundle: PathBuf,
    /// An OpenSSH private key file (Ed25519 or ECDSA P-256); a passphrase is asked for.
    #[arg(long, value_name = "FILE", group = "how")]
    key: Option<PathBuf>,
    /// Sign with the ssh-agent that SSH_AUTH_SOCK names: with its key of that fingerprint (SHA256:…), else with the first of
    /// them that signs records (Ed25519, ECDSA P-256, a security key).
    #[arg(long, value_name = "FINGERPRINT", group = "how", num_args = 0..=1, default_missing_value = "")]
    agent: Option<String>,
    /// The outcome. Approval is refused while anything is open.
    #[arg(long, value_enum)]
    decision: DecisionArg,
    /// Where to write the record, with its dossier beside it (x.dsse.json, x.dossier.json); neither may exist.
    #[arg(long, value_name = "RECORD")]
    output: PathBuf,
    /// Write a verification summary (SLSA VSA) too, signed with the same key; only beside an approval.
    #[arg(long, value_name = "FILE", requires = "verifier")]
    vsa: Option<PathBuf>,
    /// The URI that the room calls itself by in the verification summary.
    #[arg(long, value_name = "URI", requires = "vsa")]
    verifier: Option<String>,
    #[command(flatten)]
    bound: BoundArgs,
    #[command(flatten)]
    room: RoomArgs,
    /// The folder that keeps the review.
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Who reviews; the login name when not given.
    #[arg(long, value_name = "NAME")]
    reviewer: Option<String>,
    /// Sign a correction of the record that was signed before: the new record names the old one.
    #[arg(long)]
    correct: bool,
}

pub(super) fn run(args: SignArgs) -> color_eyre::Result<Outcome> {
    may_write(&args.output).and_then(|()| may_write(&dossier_path(&args.output))).map_err(|e| color_eyre::eyre::eyre!(e))?;
    if args.vsa.is_some() && !Decision::from(args.decision).is_approval() {
        color_eyre::eyre::bail!("--vsa: a verification summary says PASSED, so it is made beside an approval only");
    }
    let summary = args.vsa.zip(args.verifier).map(|(path, verifier)| SummaryTo { path, verifier });
    let state = StateArgs { state: args.state, reviewer: args.reviewer, key: args.key.clone(), read_only: false, correct: args.correct };
    let mut options = bound(options(Some(args.bundle), args.room, state), args.bound);
    options.agent_key = args.agent.filter(|key| !key.is_empty());
    let agent_key = options.agent_key.clone();
    let mut done = run_headless(options)?;
    if let Some(why) = done.session.read_only() {
        color_eyre::eyre::bail!("nothing can be signed: {why}");
    }
    let prepared = match done.session.prepare(args.decision.into(), &done.facts) {
        Ok(prepared) => prepared,
        Err(why) => {
            print(&format!("refused: {why}\n"))?;
            return Ok(Outcome::Differs);
        }
    };
    let mut out = String::new();
    for row in &prepared.rows {
        out.push_str(&row.plain());
        out.push('\n');
    }
    print(&out)?;
    let signed = with_key(args.key, agent_key, |key| sign_with(&prepared, key, &args.output, summary.as_ref()))?;
    done.session
        .record(signed.event())
        .map_err(|e| color_eyre::eyre::eyre!("the record is written, the journal does not know of it: {e}"))?;
    let (record, dossier) = (signed.path.display(), signed.dossier.display());
    let vsa = summary.map(|s| format!("wrote {}\n", s.path.display())).unwrap_or_default();
    print(&format!("signed {} with {}\nwrote {record}\nwrote {dossier}\n{vsa}", signed.decision.word(), signed.key))?;
    Ok(Outcome::Well)
}

/// Signs with a key file, asking for its passphrase if it has one, or without a file with the agent.
pub(super) fn with_key<T>(
    file: Option<PathBuf>,
    agent: Option<String>,
    sign: impl Fn(&KeySource) -> Result<T, SignFailure>,
) -> color_eyre::Result<T> {
    let Some(path) = file else { return Ok(sign(&KeySource::Agent(agent.filter(|key| !key.is_empty())))?) };
    match sign(&KeySource::File(path.clone(), None)) {
        Err(SignFailure::NeedsPassphrase(_)) => {
            let passphrase = ask_passphrase(&format!("passphrase of {}: ", path.display()))?;
            Ok(sign(&KeySource::File(path, Some(passphrase)))?)
        }
        result => Ok(result?),
    }
}

/// Asks on the terminal; where standard input is none (a script), its first line is the passphrase.
fn ask_passphrase(question: &str) -> color_eyre::Result<String> {
    if std::io::stdin().is_terminal() {
        return Ok(rpassword::prompt_password(crate::text::Shown::new(question).as_str())?);
    }
    let mut line = String::new();
    std::io::stdin().lock().take(1 << 12).read_line(&mut line)?;
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}
