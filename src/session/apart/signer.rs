//! The signer: starts the viewer, waits for what it asks, and signs what a person agrees to.

use std::ffi::OsString;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process, waitpid};

use super::cosign::{self, Cosigning};
use super::person::Modes;
use super::{again, bytes_of, hear, key_of, path_of, tell};
use crate::session::seal::Level;
use crate::session::{KeySource, Prepared, SignFailure, SignedRecord, SummaryTo, on_termination, read_small, sign_with, signals};
use crate::signoff::ToSign;

/// The largest record, in bytes.
pub(super) const MAX_RECORD: u64 = 64 << 20;

/// What the viewer asks to be signed. All of it comes from the viewer.
#[derive(Debug)]
pub struct Request {
    /// The statement, read strictly by the signer.
    pub statement: ToSign,
    /// The key.
    pub key: KeySource,
    /// Where the record goes.
    pub output: PathBuf,
    /// Where a verification summary goes.
    pub summary: Option<SummaryTo>,
}

/// Whoever decides that something is signed.
pub trait Person {
    /// Shows what is asked for, and asks.
    ///
    /// # Errors
    /// In words, when they do not agree.
    fn agrees(&mut self, request: &Request) -> Result<(), String>;

    /// The same for one more signature over the statement of another reviewer's record. Only the command that is for that
    /// has somebody who does.
    ///
    /// # Errors
    /// In words, when they do not agree.
    fn agrees_to_cosign(&mut self, _request: &Cosigning) -> Result<(), String> {
        Err("this command signs a review of its own and no other: nothing was signed".to_owned())
    }

    /// Asks for the passphrase of a key file.
    ///
    /// # Errors
    /// In words, when there is none.
    fn passphrase(&mut self, file: &str) -> Result<String, String>;
}

/// The process that reads the bundle.
struct Viewer {
    pid: Pid,
    /// How it ended, once it has.
    ended: Option<WaitStatus>,
}

impl Viewer {
    /// Stops it, whatever it is doing: from now on it neither draws nor reads keys. False when it has ended.
    fn stop(&mut self) -> bool {
        if self.ended.is_some() || kill_process(self.pid, Signal::STOP).is_err() {
            return false;
        }
        match waitpid(Some(self.pid), WaitOptions::UNTRACED) {
            Ok(Some((_, status))) if status.stopped() => true,
            Ok(Some((_, status))) => {
                self.ended = Some(status);
                false
            }
            _ => false,
        }
    }

    fn go_on(&self) {
        if self.ended.is_none() {
            let _ = kill_process(self.pid, Signal::CONT);
        }
    }

    /// Waits for its end; its exit code, `None` when it was killed.
    fn wait(&mut self) -> Option<i32> {
        let status = self.ended.or_else(|| waitpid(Some(self.pid), WaitOptions::empty()).ok().flatten().map(|(_, status)| status));
        status.and_then(WaitStatus::exit_status)
    }
}

/// Starts this program with those arguments as the viewer, signs what it asks for and the person agrees to, and returns its
/// exit code when it has ended.
///
/// # Errors
/// In words, when it cannot be started, or was killed.
pub fn supervise(arguments: &[OsString], person: &mut dyn Person) -> Result<i32, String> {
    let fail = |e: std::io::Error| format!("the process that reads the bundle cannot be started: {e}");
    let modes = Modes::now();
    let (here, there) = UnixStream::pair().map_err(fail)?;
    let child = {
        let mut viewer = again().map_err(fail)?;
        // The place of the agent is not told: there is nothing for the viewer to do with it.
        viewer.arg("--viewer").args(arguments).env_remove("SSH_AUTH_SOCK").stdin(Stdio::from(OwnedFd::from(there)));
        viewer.spawn().map_err(fail)?
    };
    // Memory that holds a key is not read by other processes of the same account.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or("the process that reads the bundle has no number")?;
    let mut viewer = Viewer { pid, ended: None };
    let asking = Arc::new(AtomicBool::new(false));
    end_together(pid, Arc::clone(&asking), modes.clone());
    let agent: &[u8] = if std::env::var_os("SSH_AUTH_SOCK").is_some() { b"agent" } else { b"" };
    let mut stream = File::from(OwnedFd::from(here));
    let mut level = None;
    // Where a record goes whose statement was signed once more.
    let mut cosigned: Option<PathBuf> = None;
    // A viewer that is gone, or that says what no viewer says, gets no answer.
    let mut going = tell(&mut stream, &[b"signer", agent]).is_ok();
    while going {
        let Ok(Some(fields)) = hear(&mut stream) else { break };
        let fields: Vec<&[u8]> = fields.iter().map(Vec::as_slice).collect();
        let answer = match fields.as_slice() {
            [b"sealed", word] if level.is_none() => {
                level = std::str::from_utf8(word).ok().and_then(Level::of);
                Ok(Vec::new())
            }
            [b"fingerprint", kind, value] => key_of(kind, value)
                .ok_or_else(|| "no such key".to_owned())
                .and_then(|key| key.fingerprint())
                .map(|print| vec![print.into_bytes()]),
            [b"sign", rest @ ..] => {
                if !viewer.stop() {
                    break;
                }
                asking.store(true, Ordering::SeqCst);
                let result = request(rest, level.unwrap_or_default()).and_then(|(asked, prepared)| sign(&asked, &prepared, person));
                asking.store(false, Ordering::SeqCst);
                viewer.go_on();
                result.and_then(|record| signed_fields(&record))
            }
            [b"cosign", rest @ ..] => {
                if !viewer.stop() {
                    break;
                }
                asking.store(true, Ordering::SeqCst);
                let result = Cosigning::read(rest).and_then(|asked| Ok((cosign::sign(&asked, person)?, asked.output)));
                asking.store(false, Ordering::SeqCst);
                viewer.go_on();
                result.map(|(made, output)| {
                    cosigned = Some(output);
                    made
                })
            }
            [b"cosigned", record] => match cosigned.take() {
                Some(output) => cosign::write(&output, record),
                None => break,
            },
            _ => break,
        };
        let mut said: Vec<&[u8]> = Vec::new();
        match &answer {
            Ok(more) => {
                said.push(b"well");
                said.extend(more.iter().map(Vec::as_slice));
            }
            Err(why) => said.extend([b"refused".as_slice(), why.as_bytes()]),
        }
        going = tell(&mut stream, &said).is_ok();
    }
    // Without its end of the connection the viewer can only look, and is asked to end.
    drop(stream);
    let code = viewer.wait();
    code.ok_or_else(|| {
        // It could not put the terminal back.
        modes.put_back_after_a_screen();
        "the process that reads the bundle was killed; what was ruled is saved".to_owned()
    })
}

/// When the system asks this process to end, the viewer is asked, which puts the terminal back. While a person is asked, the
/// viewer is stopped and the terminal is ours.
fn end_together(viewer: Pid, asking: Arc<AtomicBool>, modes: Modes) {
    on_termination(signals(), move || {
        let _ = kill_process(viewer, Signal::TERM);
        if asking.load(Ordering::SeqCst) {
            modes.put_back();
            let _ = kill_process(viewer, Signal::CONT);
            std::process::exit(2);
        }
    });
}

/// Reads what is to be signed. The statement must be one, in its canonical form, name the dossier that came with it, and not
/// claim another seal than the viewer had when it had read nothing yet.
fn request(fields: &[&[u8]], level: Level) -> Result<(Request, Prepared), String> {
    let unclear = || "the viewer asks for something that cannot be signed".to_owned();
    let (kind, value, output, payload, dossier, summary) = match fields {
        [kind, value, output, payload, dossier] => (kind, value, output, payload, dossier, None),
        [kind, value, output, payload, dossier, path, verifier] => {
            let verifier = String::from_utf8(verifier.to_vec()).map_err(|_| unclear())?;
            (kind, value, output, payload, dossier, Some(SummaryTo { path: path_of(path), verifier }))
        }
        _ => return Err(unclear()),
    };
    let statement = ToSign::read(payload, dossier)?;
    if statement.seal != level.word() {
        return Err(format!("the statement says that the seal is {}, and the viewer had the seal {}", statement.seal, level.word()));
    }
    let prepared = Prepared {
        decision: statement.decision,
        payload: payload.to_vec(),
        rows: statement.rows.clone(),
        confirm: String::new(),
        key: Some(statement.key.clone()),
        dossier: dossier.to_vec(),
        leaves: [].into(),
        // The viewer keeps the number: it is in the statement, and nothing here is made from it.
        sequence: 0,
    };
    let key = key_of(kind, value).ok_or_else(unclear)?;
    Ok((Request { statement, key, output: path_of(output), summary }, prepared))
}

fn sign(request: &Request, prepared: &Prepared, person: &mut dyn Person) -> Result<SignedRecord, String> {
    person.agrees(request)?;
    let with = |key: &KeySource| sign_with(prepared, key, &request.output, request.summary.as_ref());
    match (with(&request.key), &request.key) {
        (Err(SignFailure::NeedsPassphrase(file)), KeySource::File(path, _)) => {
            let passphrase = person.passphrase(&file)?;
            with(&KeySource::File(path.clone(), Some(passphrase))).map_err(|e| e.to_string())
        }
        (result, _) => result.map_err(|e| e.to_string()),
    }
}

fn signed_fields(record: &SignedRecord) -> Result<Vec<Vec<u8>>, String> {
    Ok(vec![
        bytes_of(record.path.as_os_str()).to_vec(),
        bytes_of(record.dossier.as_os_str()).to_vec(),
        record.payload.to_string().into_bytes(),
        record.key.clone().into_bytes(),
        record.decision.word().as_bytes().to_vec(),
        read_small(&record.path, MAX_RECORD)?,
    ])
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::review::Decision;
    use crate::session::{Options, run_headless};

    /// Says what it is told to say, and counts how often it was asked.
    struct Told(Result<(), String>, usize);

    impl Person for Told {
        fn agrees(&mut self, _: &Request) -> Result<(), String> {
            self.1 += 1;
            self.0.clone()
        }

        fn passphrase(&mut self, _: &str) -> Result<String, String> {
            Err("none".to_owned())
        }
    }

    fn key(folder: &Path, name: &str, seed: u8) -> PathBuf {
        let pair = ssh_key::private::Ed25519Keypair::from_seed(&[seed; 32]);
        let private = ssh_key::PrivateKey::new(pair.into(), name).expect("a key");
        let path = folder.join(name);
        std::fs::write(&path, private.to_openssh(ssh_key::LineEnding::LF).expect("text").as_bytes()).expect("written");
        path
    }

    fn replaced(payload: &[u8], from: &str, to: &str) -> Vec<u8> {
        let text = std::str::from_utf8(payload).expect("text");
        assert!(text.contains(from), "{from}");
        text.replace(from, to).into_bytes()
    }

    #[test]
    fn a_request_that_is_not_sound_is_refused_before_anybody_is_asked() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = key(folder.path(), "alice", 7);
        let options = Options { state: Some(folder.path().join("state")), key: Some(path.clone()), ..Options::default() };
        let done = run_headless(options).expect("the demonstration opens");
        let made = done.session.prepare(Decision::Incomplete, &done.facts).expect("prepared");
        let output = folder.path().join("record.dsse.json");
        let ask = |payload: &[u8], dossier: &[u8], level: Level| {
            request(&[b"file", bytes_of(path.as_os_str()), bytes_of(output.as_os_str()), payload, dossier], level)
        };
        let why = |payload: &[u8], dossier: &[u8], level: Level| ask(payload, dossier, level).expect_err("refused");
        // Nothing seals the process of the tests.
        let (asked, prepared) = ask(&made.payload, &made.dossier, Level::None).expect("sound");
        assert_eq!((asked.statement.decision, asked.statement.product.as_str()), (Decision::Incomplete, "gateway-update"));
        assert!(why(&made.payload, &made.dossier, Level::SeccompOnly).contains("the viewer had the seal seccomp-only"));
        let better = replaced(&made.payload, "\"seal\":\"none\"", "\"seal\":\"full\"");
        assert!(why(&better, &made.dossier, Level::None).contains("says that the seal is full"));
        let spaced = replaced(&made.payload, "\"seal\":\"none\"", "\"seal\": \"none\"");
        assert!(why(&spaced, &made.dossier, Level::None).contains("canonical"));
        let twice = replaced(&made.payload, "\"seal\":\"none\"", "\"seal\":\"none\",\"seal\":\"none\"");
        assert!(why(&twice, &made.dossier, Level::None).contains("seal"));
        let keyless = replaced(&made.payload, &made.key.clone().expect("a key"), "");
        assert!(why(&keyless, &made.dossier, Level::None).contains("names no key"));
        let other = [&made.dossier[..], b"\n"].concat();
        assert!(why(&made.payload, &other, Level::None).contains("dossier"));
        assert!(request(&[b"file"], Level::None).is_err() && request(&[b"", b"", b"", b"", b""], Level::None).is_err());
        // A person who does not agree, and a key that is not the one that is named.
        let mut no = Told(Err("no".to_owned()), 0);
        assert_eq!(sign(&asked, &prepared, &mut no).expect_err("refused"), "no");
        let mut yes = Told(Ok(()), 0);
        let mallory = Request { key: KeySource::File(key(folder.path(), "mallory", 8), None), ..asked };
        assert!(sign(&mallory, &prepared, &mut yes).expect_err("refused").contains("the statement names the key"));
        assert_eq!((no.1, yes.1, output.exists()), (1, 1, false));
        let alice = Request { key: KeySource::File(path, None), ..mallory };
        let record = sign(&alice, &prepared, &mut yes).expect("signed");
        assert!(record.path == output && output.exists());
    }
}
