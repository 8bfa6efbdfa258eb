//! `countersign cosign`: one more signature over the same bytes.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

use super::sign::with_key;
use super::{Outcome, print};
use crate::session::{cosign, read_small};
use crate::signoff;

/// The largest record, in bytes.
const MAX_RECORD: u64 = 64 << 20;

/// Arguments of `cosign`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("how").required(true))]
pub struct CosignArgs {
    /// The record to sign.
    record: PathBuf,
    /// An OpenSSH private key file (Ed25519); a passphrase is asked for.
    #[arg(long, value_name = "FILE", group = "how")]
    key: Option<PathBuf>,
    /// Sign with the ssh-agent that SSH_AUTH_SOCK names.
    #[arg(long, group = "how")]
    agent: bool,
    /// Where to write the record with the added signature; it must not exist.
    #[arg(long, value_name = "RECORD")]
    output: PathBuf,
}

pub(super) fn run(args: CosignArgs) -> color_eyre::Result<Outcome> {
    let place = args.record.display().to_string();
    let record = read_small(&args.record, MAX_RECORD).map_err(|e| color_eyre::eyre::eyre!("{place}: {e}"))?;
    // What is signed is shown before it is signed, to its last line.
    let payload = signoff::payload(&record).map_err(|e| color_eyre::eyre::eyre!("{place}: {e}"))?;
    let mut out = String::new();
    for row in signoff::describe(&payload).map_err(|e| color_eyre::eyre::eyre!("{place}: {e}"))? {
        out.push_str(&row.plain());
        out.push('\n');
    }
    print(&out)?;
    let key = with_key(args.key, |key| cosign(&record, key, &args.output))?;
    print(&format!("signed with {key}\nwrote {}\n", args.output.display()))?;
    Ok(Outcome::Well)
}
