//! `countersign answers`: what the vendor answers, signed, bound to the findings that were asked.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;

use super::{Outcome, RoomArgs, StateArgs, options, print, questions};
use crate::model::{Outcome as Answered, SignatureReport};
use crate::provenance::{AllowedSigners, dsse, signed_by, signed_detached, sshsig};
use crate::review::{self, MAX_ANSWERS, Signer};
use crate::session::{hash_headless, read_small};
use crate::text::Shown;

/// Payload type of answers in a DSSE envelope.
const PAYLOAD_TYPE: &str = "application/vnd.countersign.answers+json";
/// Namespace of an SSH signature over answers, and of the keys that may sign them.
const NAMESPACE: &str = "answers@countersign";

/// Arguments of `answers`.
#[derive(Debug, Args)]
pub struct AnswersArgs {
    /// A directory, a .tar or a .tar.zst.
    pub(super) bundle: PathBuf,
    /// The answers: a DSSE envelope, or JSON with an SSH signature beside it (FILE.sig, namespace answers@countersign).
    pub(super) file: PathBuf,
    #[command(flatten)]
    pub(super) room: RoomArgs,
    /// The folder that keeps the review.
    #[arg(long, value_name = "DIR")]
    pub(super) state: Option<PathBuf>,
    /// Who reviews; the login name when not given.
    #[arg(long, value_name = "NAME")]
    reviewer: Option<String>,
}

pub(super) fn run(args: AnswersArgs) -> color_eyre::Result<Outcome> {
    let shown = Shown::new(&args.file.to_string_lossy()).to_string();
    let fail = |what: String| color_eyre::eyre::eyre!("{shown}: {what}");
    let bytes = read_small(&args.file, 2 * MAX_ANSWERS as u64).map_err(fail)?;
    let state = StateArgs { state: args.state, reviewer: args.reviewer, ..StateArgs::default() };
    let mut done = hash_headless(options(Some(args.bundle), args.room, state))?;
    if let Some(why) = done.session.read_only() {
        color_eyre::eyre::bail!("no answer can be taken in: {why}");
    }
    let (payload, signer) = match signed(&args.file, &bytes, &done.session.room().signers).map_err(fail)? {
        Ok(signed) => signed,
        Err(why) => {
            print(&format!("refused: {why}\n"))?;
            return Ok(Outcome::Differs);
        }
    };
    let answers = review::answers(&payload).map_err(fail)?;
    let bundle = questions::about(&done.facts).bundle;
    let mut out = format!("signed by {} {}\n", Shown::new(&signer.who), Shown::new(&signer.key));
    let mut outcome = Outcome::Well;
    for bound in review::bind(done.session.state(), &bundle, &answers, &signer) {
        match bound {
            Ok(body) => {
                let line = match &body {
                    review::Body::Replied { id, text, .. } => format!("{}: {}\n", Shown::new(id), Shown::new(text)),
                    _ => String::new(),
                };
                done.session.record(body).map_err(|e| color_eyre::eyre::eyre!(e))?;
                out.push_str(&line);
            }
            Err(why) => {
                let _ = writeln!(out, "NOT taken in: {why}");
                outcome = Outcome::Differs;
            }
        }
    }
    print(&out)?;
    Ok(outcome)
}

/// The bytes that were signed and who signed them, or why that is nobody whom the reviewer allows.
type Signed = Result<(Vec<u8>, Signer), String>;

/// # Errors
/// When the file, or the signature beside it, cannot be read as what it should be.
fn signed(file: &Path, bytes: &[u8], signers: &AllowedSigners) -> Result<Signed, String> {
    let envelope = crate::json::parse(bytes).map_err(|e| e.to_string())?;
    let (payload, reports) = if envelope.get("payloadType").is_some() {
        let envelope = dsse::from_json(&envelope, bytes).map_err(|e| e.to_string())?;
        if envelope.payload_type != PAYLOAD_TYPE {
            return Err(format!("its payload type is {}, and {PAYLOAD_TYPE} is read", Shown::new(&envelope.payload_type).cut(80)));
        }
        let message = dsse::pae(&envelope.payload_type, &envelope.payload);
        let reports = signed_by(&envelope.signatures, &message, signers, NAMESPACE);
        (envelope.payload, reports)
    } else {
        let beside = beside(file);
        let text =
            read_small(&beside, 64 << 10).map_err(|e| format!("it is signed by nobody: {} {e}", Shown::new(&beside.to_string_lossy())))?;
        let signature = sshsig::parse(&text).map_err(|e| e.to_string())?;
        (bytes.to_vec(), vec![signed_detached(&signature, bytes, signers, NAMESPACE)])
    };
    Ok(trusted(&reports).map(|signer| (payload, signer)))
}

/// Where the signature of answers that carry none is.
pub(super) fn beside(file: &Path) -> PathBuf {
    super::seal::with_end(file, ".sig")
}

fn trusted(reports: &[SignatureReport]) -> Result<Signer, String> {
    let good = reports.iter().find(|r| r.outcome == Answered::Yes);
    good.map(|r| Signer { who: r.principal.clone().unwrap_or_default(), key: r.fingerprint.clone().unwrap_or_default() }).ok_or_else(|| {
        let why: Vec<&str> = reports.iter().map(|r| r.reason.as_str()).collect();
        if why.is_empty() { "it has no signature".to_owned() } else { format!("no allowed signer signed it: {}", why.join("; ")) }
    })
}
