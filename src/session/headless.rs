//! The same work without a screen: everything is computed before it returns.

use std::sync::mpsc;

use super::{News, Options, Session, SessionError};
use crate::checks::Facts;

/// A session whose work is done.
pub struct Headless {
    /// The session, with policy, journal and state.
    pub session: Session,
    /// Everything that was computed.
    pub facts: Facts,
}

/// Opens a bundle and waits until everything is hashed, compared and checked.
///
/// # Errors
/// As [`Session::start`].
pub fn run_headless(options: Options) -> Result<Headless, SessionError> {
    run_until(options, Facts::is_complete)
}

/// Opens a bundle and waits until everything is hashed: enough to compare it with a record.
///
/// # Errors
/// As [`Session::start`].
pub fn hash_headless(options: Options) -> Result<Headless, SessionError> {
    run_until(options, |facts| facts.all_hashed)
}

fn run_until(options: Options, enough: fn(&Facts) -> bool) -> Result<Headless, SessionError> {
    let (send, receive) = mpsc::channel();
    let mut session = Session::start(options, std::sync::Arc::new(move |news| drop(send.send(news))))?;
    let mut facts = session.facts().clone();
    while let Ok(news) = receive.recv() {
        match news {
            News::Discovery(discovery) => {
                facts.learn(discovery);
                if enough(&facts) {
                    break;
                }
            }
            News::Previous(Ok(carried)) => session.carry_over(*carried)?,
            News::Previous(Err(why)) if session.options.dossier.is_some() => {
                return Err(SessionError::Other(format!("nothing can be carried over: {why}")));
            }
            News::Previous(Err(why)) => session.not_carried = Some(why),
            _ => {}
        }
    }
    if let Some(digest) = facts.release.identity.digest {
        // That it is another's is in `read_only`.
        let _ = session.identify(digest);
    }
    Ok(Headless { session, facts })
}
