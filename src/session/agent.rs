//! The ssh-agent that `SSH_AUTH_SOCK` names: a local socket, the only one that this program ever opens.

use std::cell::RefCell;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::provenance::Key;
use crate::signoff::{SignError, Signer, agent as protocol};

/// A token may want a touch: wait that long.
const PATIENCE: Duration = Duration::from_secs(60);

/// An agent, and the key that signs.
pub(super) struct Agent {
    socket: RefCell<UnixStream>,
    place: String,
    public: ssh_key::PublicKey,
    key: Key,
}

impl Agent {
    /// Connects and chooses the key: the one with the fingerprint `wanted`, else the first that signs records.
    pub(super) fn connect(wanted: Option<&str>) -> Result<Self, String> {
        let path = std::env::var_os("SSH_AUTH_SOCK")
            .ok_or("no ssh-agent is known here (SSH_AUTH_SOCK is not set): start one, or sign with --key FILE")?;
        let place = format!("the ssh-agent at {}", std::path::Path::new(&path).display());
        let mut socket = UnixStream::connect(&path).map_err(|e| format!("{place} does not answer: {e}"))?;
        let waits = socket.set_read_timeout(Some(PATIENCE)).and_then(|()| socket.set_write_timeout(Some(PATIENCE)));
        waits.map_err(|e| format!("{place}: {e}"))?;
        let answer = exchange(&mut socket, &protocol::request_identities()).map_err(|e| format!("{place}: {e}"))?;
        let keys = protocol::parse_identities(&answer).map_err(|e| format!("{place}: {e}"))?;
        let mut signing = keys.into_iter().filter_map(|k| Some((k.public_key()?, k.key)));
        let found = match wanted {
            Some(wanted) => signing
                .find(|(_, key)| key.fingerprint() == wanted)
                .ok_or_else(|| format!("{place} does not hold the key {wanted}, or it is of a type that signs no records"))?,
            None => signing.next().ok_or_else(|| {
                format!("{place} holds no key that signs records (Ed25519, ECDSA P-256, or a security key): add one with ssh-add")
            })?,
        };
        let (public, key) = found;
        Ok(Self { socket: RefCell::new(socket), place, public, key })
    }
}

impl Signer for Agent {
    fn public_key(&self) -> &ssh_key::PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let refused = |what: String| SignError::Refused(format!("{}: {what}", self.place));
        let request = protocol::sign_request(&self.key, message);
        let answer = exchange(&mut self.socket.borrow_mut(), &request).map_err(|e| refused(e.to_string()))?;
        protocol::parse_signature(&answer, &self.key).map_err(|e| refused(e.to_string()))
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
