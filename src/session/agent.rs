//! The ssh-agent that `SSH_AUTH_SOCK` names: a local socket, the only one that this program ever opens.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::signoff::agent as protocol;

/// The largest answer of an agent, in bytes.
const MAX_ANSWER: u32 = 256 << 10;
/// A token may want a touch: wait that long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Signs with the agent's first Ed25519 key; returns the raw signature and the public key.
pub(super) fn sign(message: &[u8]) -> Result<(Vec<u8>, ssh_key::PublicKey), String> {
    let path = std::env::var_os("SSH_AUTH_SOCK").ok_or("no ssh-agent is known here (SSH_AUTH_SOCK is not set): start one, or sign with --key FILE")?;
    let shown = std::path::Path::new(&path).display().to_string();
    let mut socket = UnixStream::connect(&path).map_err(|e| format!("the ssh-agent at {shown} does not answer: {e}"))?;
    let waits = socket.set_read_timeout(Some(PATIENCE)).and_then(|()| socket.set_write_timeout(Some(PATIENCE)));
    waits.map_err(|e| format!("the ssh-agent at {shown}: {e}"))?;
    let mut ask = |request: &[u8]| exchange(&mut socket, request).map_err(|e| format!("the ssh-agent at {shown}: {e}"));
    let answer = ask(&protocol::request_identities())?;
    let keys = protocol::parse_identities(&answer).map_err(|e| format!("the ssh-agent at {shown}: {e}"))?;
    let key = keys
        .into_iter()
        .find(|k| matches!(k.key_data(), ssh_key::public::KeyData::Ed25519(_)))
        .ok_or_else(|| format!("the ssh-agent at {shown} holds no Ed25519 key: add one with ssh-add"))?;
    let request = protocol::sign_request(&key, message).map_err(|e| e.to_string())?;
    let signature = protocol::parse_signature(&ask(&request)?).map_err(|e| format!("the ssh-agent at {shown}: {e}"))?;
    Ok((signature, key))
}

/// One message there, one back (length-prefixed, as the protocol has it).
fn exchange(socket: &mut UnixStream, request: &[u8]) -> std::io::Result<Vec<u8>> {
    let too_long = |what: &str| std::io::Error::new(std::io::ErrorKind::InvalidData, what.to_owned());
    let length = u32::try_from(request.len()).map_err(|_| too_long("the request is too long"))?;
    socket.write_all(&length.to_be_bytes())?;
    socket.write_all(request)?;
    let mut head = [0; 4];
    socket.read_exact(&mut head)?;
    let length = u32::from_be_bytes(head);
    if length > MAX_ANSWER {
        return Err(too_long("the answer is too long"));
    }
    let mut answer = vec![0; length as usize];
    socket.read_exact(&mut answer)?;
    Ok(answer)
}
