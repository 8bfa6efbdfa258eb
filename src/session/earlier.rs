//! What a new record is bound to beside the bundle: the record before it, one that it dissents from, the customer's challenge.

use std::path::Path;

use super::{Options, SessionError, read_small};
use crate::signoff::{self, Summary};

/// The largest record, in bytes.
const MAX_RECORD: u64 = 64 << 20;
/// Characters that a challenge may have.
const MAX_CHALLENGE: usize = 256;

/// What was given for the record.
#[derive(Clone, Debug, Default)]
pub struct Earlier {
    /// The record before this one.
    pub previous: Option<Summary>,
    /// The record that this one dissents from.
    pub dissents_from: Option<Summary>,
    /// The value that the customer gave.
    pub challenge: Option<String>,
}

impl Earlier {
    /// Reads what the options name.
    pub(super) fn read(options: &Options) -> Result<Self, SessionError> {
        let challenge = options.challenge.clone();
        if let Some(text) = &challenge
            && (text.is_empty() || text.chars().count() > MAX_CHALLENGE || text.chars().any(char::is_control))
        {
            return Err(SessionError::Other(format!("a challenge is 1 to {MAX_CHALLENGE} characters, none of them a control character")));
        }
        Ok(Self {
            previous: options.previous.as_deref().map(summary).transpose()?,
            dissents_from: options.dissents_from.as_deref().map(summary).transpose()?,
            challenge,
        })
    }
}

fn summary(path: &Path) -> Result<Summary, SessionError> {
    let fail = |what: String| SessionError::File { path: path.display().to_string(), what };
    let bytes = read_small(path, MAX_RECORD).map_err(fail)?;
    signoff::summary(&bytes).map_err(|e| fail(e.to_string()))
}
