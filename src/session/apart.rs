//! Two processes of this program: the viewer, which reads the bundle and is sealed, and the signer, which started it, shows by
//! itself what is to be signed, and is the only one that reaches a key. They have one local connection.
//!
//! What the viewer sends is taken for that of an enemy: read within bounds, and nothing is signed that a person was not shown
//! by the signer.
// The only place that starts a process: this program itself. The rest of the crate cannot (.clippy.toml, tests/architecture.rs).
#![allow(clippy::disallowed_types)]

mod cosign;
mod link;
mod person;
mod signer;

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::KeySource;

pub use cosign::Cosigning;
pub use link::Link;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(super) use link::end_with_parent;
pub use person::AtTerminal;
pub use signer::{Person, Request, supervise};

/// This program, to be started once more.
fn again() -> io::Result<Command> {
    Ok(Command::new(std::env::current_exe()?))
}

/// Starts this program with nothing to do, for the probe of the seal.
pub(super) fn start_nothing() -> io::Result<()> {
    let mut nothing = again()?;
    // No file is opened for it, or that would be what is refused.
    nothing.arg("--version").stdin(std::process::Stdio::inherit()).output().map(drop)
}

/// Starts this program once more with those arguments, on the same terminal, and waits for it; its exit code, or `None` when
/// it was killed.
///
/// # Errors
/// When it cannot be started.
pub fn run_again(arguments: &[OsString]) -> io::Result<Option<i32>> {
    again()?.args(arguments).status().map(|status| status.code())
}

/// Starts this program as the one that opens files for this process: its number, and the connection to it. It ends with this
/// process, and nobody waits for it.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(super) fn start_broker(arguments: &[OsString]) -> io::Result<(rustix::process::Pid, File)> {
    let (here, there) = UnixStream::pair()?;
    let mut broker = again()?;
    // Standard input may be one of the files that were named. Nothing of the environment is of use to it.
    broker.arg("broker").args(arguments).env_clear().stdout(Stdio::from(OwnedFd::from(there))).stderr(Stdio::null());
    let number = i32::try_from(broker.spawn()?.id()).ok().and_then(rustix::process::Pid::from_raw);
    Ok((number.ok_or_else(|| io::Error::other("it has no number"))?, File::from(OwnedFd::from(here))))
}

/// Fields that a message may have, and bytes that one of them may have.
const MOST_FIELDS: usize = 16;
const MOST_BYTES: u64 = 256 << 20;

/// Writes a message: how many fields, then each with its length.
pub(super) fn tell(to: &mut impl Write, fields: &[&[u8]]) -> io::Result<()> {
    let mut bytes = vec![u8::try_from(fields.len()).map_err(io::Error::other)?];
    for field in fields {
        bytes.extend((field.len() as u64).to_le_bytes());
        bytes.extend(*field);
    }
    to.write_all(&bytes)?;
    to.flush()
}

/// Reads a message; `None` when the other side is gone.
pub(super) fn hear(from: &mut impl Read) -> io::Result<Option<Vec<Vec<u8>>>> {
    let bad = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let mut count = [0];
    if from.read(&mut count)? == 0 {
        return Ok(None);
    }
    let [count] = count;
    if usize::from(count) > MOST_FIELDS {
        return Err(bad("a message with too many fields"));
    }
    let mut fields = Vec::new();
    for _ in 0..count {
        let mut length = [0; 8];
        from.read_exact(&mut length)?;
        let length = u64::from_le_bytes(length);
        if length > MOST_BYTES {
            return Err(bad("a message that is too long"));
        }
        let mut field = Vec::new();
        // What was announced takes no memory before it has come.
        if from.by_ref().take(length).read_to_end(&mut field)? as u64 != length {
            return Err(bad("a message that ends early"));
        }
        fields.push(field);
    }
    Ok(Some(fields))
}

/// A key as two fields: never with a passphrase, which the signer asks for itself.
fn key_fields(key: &KeySource) -> [&[u8]; 2] {
    match key {
        KeySource::File(path, _) => [b"file", path.as_os_str().as_bytes()],
        KeySource::Agent(print) => [b"agent", print.as_deref().unwrap_or_default().as_bytes()],
    }
}

fn key_of(kind: &[u8], value: &[u8]) -> Option<KeySource> {
    match kind {
        b"file" => Some(KeySource::File(path_of(value), None)),
        b"agent" if value.is_empty() => Some(KeySource::Agent(None)),
        b"agent" => Some(KeySource::Agent(Some(String::from_utf8(value.to_vec()).ok()?))),
        _ => None,
    }
}

fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes.to_vec()))
}

fn bytes_of(path: &OsStr) -> &[u8] {
    path.as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_comes_as_it_went_and_one_that_is_wrong_is_refused() {
        let mut bytes = Vec::new();
        tell(&mut bytes, &[b"sign", b"", b"\xff\x00"]).expect("written");
        let heard = hear(&mut bytes.as_slice()).expect("read").expect("one");
        assert_eq!(heard, [b"sign".to_vec(), Vec::new(), vec![255, 0]]);
        assert!(hear(&mut [].as_slice()).expect("read").is_none());
        for cut in 1..bytes.len() {
            assert!(hear(&mut &bytes[..cut]).is_err(), "{cut}");
        }
        assert!(hear(&mut [17].as_slice()).is_err(), "too many fields");
        // A length that nobody has memory for.
        assert!(hear(&mut [&[1][..], &u64::MAX.to_le_bytes()].concat().as_slice()).is_err());
        assert!(hear(&mut [&[1][..], &(200_u64 << 20).to_le_bytes(), b"x"].concat().as_slice()).is_err());
    }

    #[test]
    fn a_key_is_named_without_its_passphrase() {
        for key in [KeySource::File("a/b".into(), None), KeySource::Agent(None), KeySource::Agent(Some("SHA256:x".into()))] {
            let [kind, value] = key_fields(&key);
            assert!(key_of(kind, value) == Some(key));
        }
        let secret = KeySource::File("k".into(), Some("secret".into()));
        assert!(!key_fields(&secret).concat().windows(6).any(|w| w == b"secret"));
        assert!(key_of(b"other", b"").is_none());
    }
}
