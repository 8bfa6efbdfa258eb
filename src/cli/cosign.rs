//! `countersign cosign`: one more signature over the same bytes, made here or on another machine.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

use super::sign::with_key;
use super::{Outcome, print};
use crate::session::{cosign, cosign_detached, may_write, read_small, write_whole};
use crate::signoff;

/// The largest record, in bytes.
const MAX_RECORD: u64 = 64 << 20;

/// Arguments of `cosign`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("how").required(true))]
pub struct CosignArgs {
    /// The record to sign.
    record: PathBuf,
    /// An OpenSSH private key file (Ed25519 or ECDSA P-256); a passphrase is asked for.
    #[arg(long, value_name = "FILE", group = "how")]
    key: Option<PathBuf>,
    /// Sign with the ssh-agent that SSH_AUTH_SOCK names: with its key of that fingerprint (SHA256:…), else with the first of
    /// them that signs records (Ed25519, ECDSA P-256, a security key).
    #[arg(long, value_name = "FINGERPRINT", group = "how", num_args = 0..=1, default_missing_value = "")]
    agent: Option<String>,
    /// Sign nothing: write the exact bytes that a signature is over (DSSE's PAE), to be signed on another machine with
    /// `ssh-keygen -Y sign -n release-review@countersign -f KEY FILE` or `openssl pkeyutl -sign -rawin -inkey KEY -in FILE`.
    #[arg(long, value_name = "FILE", group = "how")]
    payload_out: Option<PathBuf>,
    /// Add a signature that was made elsewhere over these bytes: an SSHSIG, or a raw one together with --public-key.
    #[arg(long, value_name = "FILE", group = "how")]
    signature: Option<PathBuf>,
    /// The key that made a raw signature (OpenSSH's .pub, or PEM).
    #[arg(long, value_name = "FILE", requires = "signature")]
    public_key: Option<PathBuf>,
    /// Where to write the record with the added signature; it must not exist.
    #[arg(long, value_name = "RECORD", required_unless_present = "payload_out", conflicts_with = "payload_out")]
    output: Option<PathBuf>,
}

pub(super) fn run(args: CosignArgs) -> color_eyre::Result<Outcome> {
    let fail = |e: String| color_eyre::eyre::eyre!(e);
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
    if let Some(path) = args.payload_out {
        let bytes = signoff::to_sign(&record).map_err(|e| color_eyre::eyre::eyre!("{place}: {e}"))?;
        may_write(&path).and_then(|()| write_whole(&path, &bytes)).map_err(fail)?;
        print(&format!("wrote {}: {} bytes to sign, sha256 {}\n", path.display(), bytes.len(), crate::digest::Sha256::of(&bytes)))?;
        return Ok(Outcome::Well);
    }
    let Some(output) = args.output else { color_eyre::eyre::bail!("say where the record goes: --output RECORD") };
    let key = match args.signature {
        Some(signature) => cosign_detached(&record, &signature, args.public_key.as_deref(), &output).map_err(fail)?,
        None => with_key(args.key, args.agent, |key| cosign(&record, key, &output))?,
    };
    print(&format!("signed with {key}\nwrote {}\n", output.display()))?;
    Ok(Outcome::Well)
}
