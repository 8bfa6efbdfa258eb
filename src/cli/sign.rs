//! `countersign sign`: the review as it stands.

use std::io::{BufRead as _, IsTerminal as _, Read as _};
use std::path::PathBuf;
use std::sync::Arc;

use clap::{ArgGroup, Args, ValueEnum};
use color_eyre::eyre::{bail, eyre};

use super::{BoundArgs, Command, Outcome, RoomArgs, StateArgs, bound, options, print};
use crate::review::Decision;
use crate::session::{self, AtTerminal, KeySource, Link, Person, Request, SummaryTo, dossier_path, may_write, run_headless};

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
    pub(super) bundle: PathBuf,
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
    pub(super) bound: BoundArgs,
    #[command(flatten)]
    pub(super) room: RoomArgs,
    /// The folder that keeps the review.
    #[arg(long, value_name = "DIR")]
    pub(super) state: Option<PathBuf>,
    /// Who reviews; the login name when not given.
    #[arg(long, value_name = "NAME")]
    reviewer: Option<String>,
    /// Sign a correction of the record that was signed before: the new record names the old one.
    #[arg(long)]
    correct: bool,
}

pub(super) fn run(args: SignArgs, link: Option<Arc<Link>>) -> color_eyre::Result<Outcome> {
    may_write(&args.output).and_then(|()| may_write(&dossier_path(&args.output))).map_err(|e| eyre!(e))?;
    if args.vsa.is_some() && !Decision::from(args.decision).is_approval() {
        bail!("--vsa: a verification summary says PASSED, so it is made beside an approval only");
    }
    let summary = args.vsa.zip(args.verifier).map(|(path, verifier)| SummaryTo { path, verifier });
    let state = StateArgs {
        state: args.state,
        reviewer: args.reviewer,
        key: args.key.clone(),
        reports: None,
        read_only: false,
        correct: args.correct,
    };
    let mut options = bound(options(Some(args.bundle), args.room, state), args.bound);
    options.agent_key = args.agent.filter(|key| !key.is_empty());
    let key = args.key.clone().map_or_else(|| KeySource::Agent(options.agent_key.clone()), |path| KeySource::File(path, None));
    let Some(link) = link else { bail!("the process that signs did not start this one") };
    options.link = Some(Arc::clone(&link));
    let mut done = run_headless(options)?;
    if let Some(why) = done.session.read_only() {
        bail!("nothing can be signed: {why}");
    }
    let prepared = match done.session.prepare(args.decision.into(), &done.facts) {
        Ok(prepared) => prepared,
        Err(why) => {
            print(&format!("refused: {why}\n"))?;
            return Ok(Outcome::Differs);
        }
    };
    let signed = link.sign(&prepared, &key, &args.output, summary.as_ref()).map_err(|e| eyre!(e))?;
    done.session.record(signed.event()).map_err(|e| eyre!("the record is written, the journal does not know of it: {e}"))?;
    let (record, dossier) = (signed.path.display(), signed.dossier.display());
    let vsa = summary.map(|s| format!("wrote {}\n", s.path.display())).unwrap_or_default();
    print(&format!("signed {} with {}\nwrote {record}\nwrote {dossier}\n{vsa}", signed.decision.word(), signed.key))?;
    Ok(Outcome::Well)
}

/// Starts the viewer for that command, and signs what it asks for.
pub(super) fn supervise(command: &Command) -> color_eyre::Result<Outcome> {
    let arguments: Vec<std::ffi::OsString> = std::env::args_os().skip(1).collect();
    let code = match command {
        Command::Sign(args) => session::supervise(&arguments, &mut AsAsked(args)),
        Command::Cosign(args) => session::supervise(&arguments, &mut super::cosign::AsAsked(args)),
        _ => session::supervise(&arguments, &mut AtTerminal),
    };
    Ok(match code.map_err(|e| eyre!(e))? {
        0 => Outcome::Well,
        1 => Outcome::Differs,
        _ => Outcome::Trouble,
    })
}

/// The person who typed the command: they have said what they want signed, and nothing else is.
struct AsAsked<'a>(&'a SignArgs);

impl Person for AsAsked<'_> {
    fn agrees(&mut self, request: &Request) -> Result<(), String> {
        let asked = self.0;
        let agent = asked.agent.clone().filter(|key| !key.is_empty());
        let key = asked.key.clone().map_or(KeySource::Agent(agent), |path| KeySource::File(path, None));
        let summary = asked.vsa.clone().zip(asked.verifier.clone()).map(|(path, verifier)| SummaryTo { path, verifier });
        let same = request.statement.decision == asked.decision.into()
            && request.key == key
            && request.output == asked.output
            && request.summary == summary;
        if !same {
            return Err("what is to be signed is not what the command asks for: nothing was signed".to_owned());
        }
        // What is signed is shown before it is signed, to its last line, by the process that signs.
        let mut out: String = request.statement.rows.iter().map(|row| row.plain() + "\n").collect();
        out.push_str(&format!("Check words of this statement  sha256 {}\n", request.statement.digest));
        let words = crate::signoff::check_words(request.statement.digest);
        out.extend(words.iter().map(|line| format!("                {line}\n")));
        print(&out).map_err(|e| e.to_string())
    }

    fn passphrase(&mut self, file: &str) -> Result<String, String> {
        ask_passphrase(&format!("passphrase of {file}: ")).map_err(|e| e.to_string())
    }
}

/// Asks on the terminal; where standard input is none (a script), its first line is the passphrase.
pub(super) fn ask_passphrase(question: &str) -> color_eyre::Result<String> {
    if std::io::stdin().is_terminal() {
        return Ok(rpassword::prompt_password(crate::text::Shown::new(question).as_str())?);
    }
    let mut line = String::new();
    std::io::stdin().lock().take(1 << 12).read_line(&mut line)?;
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::digest::Sha256;
    use crate::signoff::ToSign;

    #[test]
    fn the_command_signs_what_it_says_and_nothing_else() {
        let words = ["countersign", "sign", "b", "--key", "k", "--decision", "rejected", "--output", "r.json"];
        let Command::Sign(args) = super::super::Cli::parse_from(words).command else { panic!("it is sign") };
        let statement = |decision| ToSign {
            decision,
            product: "p".into(),
            version: "1".into(),
            bundle: Sha256::of(b""),
            key: "SHA256:x".into(),
            seal: "full".into(),
            digest: Sha256::of(b""),
            rows: Vec::new(),
        };
        let file = |name: &str| KeySource::File(name.into(), None);
        let ask = |decision, key, output: &str, summary| {
            AsAsked(&args).agrees(&Request { statement: statement(decision), key, output: output.into(), summary })
        };
        let summary = || Some(SummaryTo { path: "v".into(), verifier: "u".into() });
        assert_eq!(ask(Decision::Rejected, file("k"), "r.json", None), Ok(()));
        for refused in [
            ask(Decision::Approved, file("k"), "r.json", None),
            ask(Decision::Rejected, file("other"), "r.json", None),
            ask(Decision::Rejected, KeySource::Agent(None), "r.json", None),
            ask(Decision::Rejected, file("k"), "other.json", None),
            ask(Decision::Rejected, file("k"), "r.json", summary()),
        ] {
            assert!(refused.is_err_and(|why| why.contains("not what the command asks for")));
        }
    }
}
