//! What stands for OpenPGP in a build without it: nothing is checked, and the command that checks is named.

/// The keys that the reviewer trusts.
#[derive(Clone, Debug, Default)]
pub struct Keyring(());

/// Who signed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signer {
    /// The first user id, through the guard.
    pub user: String,
    /// Fingerprint of the primary key, hexadecimal.
    pub fingerprint: String,
}

/// What came of one signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Good, by a key that was valid then and is now.
    Good(Signer),
    /// Good, and it cannot be told whether the key counts: why.
    Limited(Signer, String),
    /// Good, by a key that does not count: why.
    Refused(Signer, String),
    /// Not good: why.
    Bad(String),
    /// Not checked: why.
    Unknown(String),
}

const OFF: &str = "OpenPGP is not checked by this build; elsewhere: gpgv --keyring KEYRING SIGNATURE FILE";

impl Keyring {
    /// # Errors
    /// Always: a keyring that would not be used is not taken.
    pub fn parse(_: &[u8]) -> Result<Self, String> {
        Err(OFF.to_owned())
    }

    /// Nothing is checked.
    #[must_use]
    pub fn detached(&self, _: &[u8], _: &[u8], _: i64) -> Vec<Verdict> {
        vec![Verdict::Unknown(OFF.to_owned())]
    }

    /// # Errors
    /// Always.
    pub fn cleartext(&self, _: &[u8], _: i64) -> Result<(String, Vec<Verdict>), String> {
        Err(OFF.to_owned())
    }
}
