//! `countersign cosign`: one more signature over the same bytes, made here or on another machine.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{ArgGroup, Args};

use super::sign::ask_passphrase;
use super::{Outcome, print};
use crate::session::seal::Needs;
use crate::session::{Cosigning, KeySource, Link, Person, Request, cosign_detached, may_write, read_small, write_whole};
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

impl CosignArgs {
    /// Whether a key is reached: then there are two processes.
    pub(super) fn signs(&self) -> bool {
        self.key.is_some() || self.agent.is_some()
    }

    fn key_source(&self) -> KeySource {
        let agent = self.agent.clone().filter(|key| !key.is_empty());
        self.key.clone().map_or(KeySource::Agent(agent), |path| KeySource::File(path, None))
    }

    /// What it reads, and the folder it writes into. Where a key is reached the signer writes.
    pub(super) fn needs(&self) -> Needs {
        let needs = Needs::reading([&self.record].into_iter().chain(&self.signature).chain(&self.public_key).map(PathBuf::as_path));
        match self.payload_out.as_ref().or(self.output.as_ref()).filter(|_| !self.signs()) {
            Some(file) => needs.and_folder_of(file),
            None => needs,
        }
    }
}

pub(super) fn run(args: CosignArgs, link: Option<Arc<Link>>) -> color_eyre::Result<Outcome> {
    let fail = |e: String| color_eyre::eyre::eyre!(e);
    let place = args.record.display().to_string();
    let record = read_small(&args.record, MAX_RECORD).map_err(|e| color_eyre::eyre::eyre!("{place}: {e}"))?;
    let payload = signoff::payload(&record).map_err(|e| color_eyre::eyre::eyre!("{place}: {e}"))?;
    let rows = signoff::describe(&payload).map_err(|e| color_eyre::eyre::eyre!("{place}: {e}"))?;
    // What is signed is shown before it is signed, to its last line: by the process that signs, where one does.
    if !args.signs() {
        print(&rows.iter().map(|row| row.plain() + "\n").collect::<String>())?;
    }
    if let Some(path) = args.payload_out {
        let bytes = signoff::to_sign(&record).map_err(|e| color_eyre::eyre::eyre!("{place}: {e}"))?;
        may_write(&path).and_then(|()| write_whole(&path, &bytes)).map_err(fail)?;
        print(&format!("wrote {}: {} bytes to sign, sha256 {}\n", path.display(), bytes.len(), crate::digest::Sha256::of(&bytes)))?;
        return Ok(Outcome::Well);
    }
    let Some(output) = &args.output else { color_eyre::eyre::bail!("say where the record goes: --output RECORD") };
    let key = match &args.signature {
        Some(signature) => cosign_detached(&record, signature, args.public_key.as_deref(), output).map_err(fail)?,
        None => {
            let Some(link) = link else { color_eyre::eyre::bail!("the process that signs did not start this one") };
            may_write(output).and_then(|()| link.cosign(&record, &args.key_source(), output)).map_err(fail)?
        }
    };
    print(&format!("signed with {key}\nwrote {}\n", output.display()))?;
    Ok(Outcome::Well)
}

/// The person who typed the command: they have said whose statement they sign, with which key, and where it goes.
pub(super) struct AsAsked<'a>(pub(super) &'a CosignArgs);

impl Person for AsAsked<'_> {
    fn agrees(&mut self, _request: &Request) -> Result<(), String> {
        Err("cosign signs what another reviewer has signed, and no review of its own: nothing was signed".to_owned())
    }

    fn agrees_to_cosign(&mut self, request: &Cosigning) -> Result<(), String> {
        if request.key != self.0.key_source() || Some(&request.output) != self.0.output.as_ref() {
            return Err("what is to be signed is not what the command asks for: nothing was signed".to_owned());
        }
        request.is_in(&self.0.record)?;
        print(&request.rows.iter().map(|row| row.plain() + "\n").collect::<String>()).map_err(|e| e.to_string())
    }

    fn passphrase(&mut self, file: &str) -> Result<String, String> {
        ask_passphrase(&format!("passphrase of {file}: ")).map_err(|e| e.to_string())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::super::{Cli, Command};
    use super::*;

    /// A viewer that was taken over asks for another statement, key or place.
    #[test]
    fn the_command_cosigns_what_it_says_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let record = folder.path().join("r.json");
        std::fs::write(&record, signoff::seal_envelope(b"{}", &[])).expect("written");
        let place = record.to_string_lossy();
        let Command::Cosign(args) = Cli::parse_from(["countersign", "cosign", &place, "--key", "k", "--output", "o"]).command else {
            panic!("it is cosign")
        };
        let ask = |payload: &[u8], key: &str, output: &str| {
            let key = KeySource::File(key.into(), None);
            AsAsked(&args).agrees_to_cosign(&Cosigning { payload: payload.to_vec(), rows: Vec::new(), key, output: output.into() })
        };
        assert_eq!(ask(b"{}", "k", "o"), Ok(()));
        assert!(ask(b"{}", "other", "o").is_err() && ask(b"{}", "k", "other").is_err());
        assert!(ask(b"{\"a\":1}", "k", "o").expect_err("refused").contains("is not in it"));
        assert!(args.signs() && args.needs().write.is_empty());
    }
}
