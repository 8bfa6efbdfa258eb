//! The ssh-agent that `SSH_AUTH_SOCK` names: a local socket, the only one that this program ever opens.

use std::cell::RefCell;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::signoff::{SignError, Signer, agent as protocol};

/// A token may want a touch: wait that long.
const PATIENCE: Duration = Duration::from_secs(60);

/// An agent, and its first Ed25519 key.
pub(super) struct Agent {
    socket: RefCell<UnixStream>,
    place: String,
    key: ssh_key::PublicKey,
    blob: Vec<u8>,
}

impl Agent {
    /// Connects and chooses the key.
    pub(super) fn connect() -> Result<Self, String> {
        let path = std::env::var_os("SSH_AUTH_SOCK")
            .ok_or("no ssh-agent is known here (SSH_AUTH_SOCK is not set): start one, or sign with --key FILE")?;
        let place = format!("the ssh-agent at {}", std::path::Path::new(&path).display());
        let mut socket = UnixStream::connect(&path).map_err(|e| format!("{place} does not answer: {e}"))?;
        let waits = socket.set_read_timeout(Some(PATIENCE)).and_then(|()| socket.set_write_timeout(Some(PATIENCE)));
        waits.map_err(|e| format!("{place}: {e}"))?;
        let answer = exchange(&mut socket, &protocol::request_identities()).map_err(|e| format!("{place}: {e}"))?;
        let keys = protocol::parse_identities(&answer).map_err(|e| format!("{place}: {e}"))?;
        let (blob, key) = keys
            .iter()
            .find_map(|k| Some((k.key.blob().to_vec(), k.public_key()?)))
            .ok_or_else(|| format!("{place} holds no Ed25519 key: add one with ssh-add"))?;
        Ok(Self { socket: RefCell::new(socket), place, key, blob })
    }
}

impl Signer for Agent {
    fn public_key(&self) -> &ssh_key::PublicKey {
        &self.key
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let refused = |what: String| SignError::Refused(format!("{}: {what}", self.place));
        let request = protocol::sign_request(&self.blob, message);
        let answer = exchange(&mut self.socket.borrow_mut(), &request).map_err(|e| refused(e.to_string()))?;
        protocol::parse_signature(&answer).map(|s| s.to_vec()).map_err(|e| refused(e.to_string()))
    }
}

/// One message there, one back.
fn exchange(socket: &mut UnixStream, request: &[u8]) -> std::io::Result<Vec<u8>> {
    socket.write_all(request)?;
    let mut head = [0; 4];
    socket.read_exact(&mut head)?;
    let length = protocol::answer_length(head).map_err(|e| std::io::Error::new(std::io::ErrorKind::InvalidData, e.to_string()))?;
    let mut answer = vec![0; length];
    socket.read_exact(&mut answer)?;
    Ok(answer)
}
