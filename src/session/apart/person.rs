//! The person at the terminal, asked by the signer while the viewer is stopped.

use std::io::{BufRead as _, Write as _};

use rustix::termios::{LocalModes, OptionalActions, QueueSelector, Termios, tcflush, tcgetattr, tcsetattr};

use super::{Person, Request};
use crate::session::{KeySource, dossier_path};
use crate::text::{Row, Shown};

/// Puts the terminal's drawing back to what it is after a reset, without erasing it: whatever the viewer left must not hide or
/// dress up what the signer says. Leaves the alternate screen; attributes, character sets, margins, modes of mouse and keys.
const PLAIN: &str = "\x1b[?2026l\x1b[?1049l\x1b[!p\x1b[0m\x1b(B\x1b)B\x0f\x1b[r\x1b[?6l\x1b[?7h\x1b[?25h\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?2004l\x1b[<u\x1b[4l";

/// The modes of the terminal as they were at the start; nothing where there is none.
#[derive(Clone)]
pub(super) struct Modes(Option<Termios>);

impl Modes {
    pub(super) fn now() -> Self {
        Self(tcgetattr(std::io::stdin()).ok())
    }

    pub(super) fn put_back(&self) {
        if let Some(modes) = &self.0 {
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, modes);
        }
    }

    /// The same, and the screen that was left in the middle of something.
    pub(super) fn put_back_after_a_screen(&self) {
        if self.0.is_some() && std::io::IsTerminal::is_terminal(&std::io::stdout()) {
            let _ = write_out(PLAIN);
        }
        self.put_back();
    }
}

fn write_out(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Asks on the terminal.
#[derive(Debug, Default)]
pub struct AtTerminal;

impl AtTerminal {
    /// One typed line. Keys typed before the question do not count, and no key makes a signal.
    fn line(question: &str, hidden: bool) -> Result<String, String> {
        let fail = |e: std::io::Error| format!("the terminal cannot be read: {e}");
        let stdin = std::io::stdin();
        let before = tcgetattr(&stdin).map_err(|e| fail(e.into()))?;
        let mut modes = before.clone();
        modes.local_modes.insert(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ECHOE | LocalModes::ECHONL);
        modes.local_modes.remove(LocalModes::ISIG);
        modes.input_modes.insert(rustix::termios::InputModes::ICRNL);
        modes.output_modes.insert(rustix::termios::OutputModes::OPOST | rustix::termios::OutputModes::ONLCR);
        if hidden {
            modes.local_modes.remove(LocalModes::ECHO | LocalModes::ECHOE);
        }
        tcsetattr(&stdin, OptionalActions::Flush, &modes).map_err(|e| fail(e.into()))?;
        let _ = tcflush(&stdin, QueueSelector::IFlush);
        let mut line = String::new();
        let read = write_out(question).and_then(|()| stdin.lock().read_line(&mut line));
        let _ = tcsetattr(&stdin, OptionalActions::Now, &before);
        match read.map_err(fail)? {
            0 => Err("nothing was typed: nothing was signed".to_owned()),
            _ => Ok(line.trim_end_matches(['\n', '\r']).to_owned()),
        }
    }
}

/// What the signer shows: all that is stated, and last what it comes down to.
fn shown(request: &Request) -> String {
    let statement = &request.statement;
    let mut rows: Vec<Row> = statement.rows.clone();
    let say = |label: &str, value: &str| {
        let mut row = Row::new().with(crate::text::Role::Title, &format!("{label:<15}"));
        row.push(crate::text::Role::Text, Shown::new(value));
        row
    };
    rows.push(Row::new());
    rows.push(say("TO BE SIGNED", "shown by the process that signs; the screen before this one had no key"));
    rows.push(say("Decision", statement.decision.phrase()));
    rows.push(say("Release", &format!("{} {}", statement.product, statement.version)));
    rows.push(say("Bundle", &format!("sha256 {}", statement.bundle)));
    rows.push(say("Seal", &statement.seal));
    rows.push(say("Key", &statement.key));
    let from = match &request.key {
        KeySource::File(path, _) => path.display().to_string(),
        KeySource::Agent(_) => "the ssh-agent".to_owned(),
    };
    rows.push(say("Held by", &from));
    rows.push(say("Record", &request.output.display().to_string()));
    rows.push(say("Its dossier", &dossier_path(&request.output).display().to_string()));
    // The same key signs it too: nothing of it comes from the statement but that it is an approval.
    if let Some(to) = &request.summary {
        rows.push(say("ALSO SIGNED", "a verification summary (SLSA VSA), which says PASSED"));
        rows.push(say("  by the name of", &to.verifier));
        rows.push(say("  into", &to.path.display().to_string()));
    }
    rows.push(say("Statement", &format!("sha256 {}", statement.digest)));
    for (i, line) in crate::signoff::check_words(statement.digest).iter().enumerate() {
        rows.push(say(if i == 0 { "Check words" } else { "" }, line));
    }
    rows.iter().map(|row| row.plain() + "\n").collect()
}

impl Person for AtTerminal {
    fn agrees(&mut self, request: &Request) -> Result<(), String> {
        write_out(&format!("{PLAIN}\n{}", shown(request))).map_err(|e| format!("the terminal cannot be written: {e}"))?;
        let word = request.statement.decision.word();
        let typed = Self::line(&format!("\nType {word} to sign this; anything else, or Enter alone, signs nothing: "), false)?;
        if typed.trim() == word { Ok(()) } else { Err("not confirmed: nothing was signed".to_owned()) }
    }

    fn passphrase(&mut self, file: &str) -> Result<String, String> {
        Self::line(&format!("Passphrase of {}: ", Shown::new(file)), true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Sha256;
    use crate::review::Decision;
    use crate::session::SummaryTo;
    use crate::signoff::ToSign;

    fn request(summary: Option<SummaryTo>) -> Request {
        let statement = ToSign {
            decision: Decision::Approved,
            product: "gateway\x1b[2J".into(),
            version: "4.2".into(),
            bundle: Sha256::of(b"bundle"),
            key: "SHA256:key".into(),
            seal: "full".into(),
            digest: Sha256::of(b"statement"),
            rows: vec![Row::new().with(crate::text::Role::Text, "the last line of the statement")],
        };
        Request { statement, key: KeySource::File("keys/id".into(), None), output: "out/r.dsse.json".into(), summary }
    }

    /// Every file that is written and every statement that is signed is on the screen before a person agrees.
    #[test]
    fn all_that_is_signed_and_written_is_shown() {
        let plain = shown(&request(None));
        for part in ["the last line of the statement", "keys/id", "out/r.dsse.json", "out/r.dossier.json", "SHA256:key", "full"] {
            assert!(plain.contains(part), "{part}: {plain}");
        }
        assert!(plain.contains(&Sha256::of(b"statement").to_string()) && plain.contains(&Sha256::of(b"bundle").to_string()));
        assert!(!plain.contains('\x1b') && !plain.contains("ALSO SIGNED"));
        let both = shown(&request(Some(SummaryTo { path: "elsewhere/vsa.json".into(), verifier: "https://room.example".into() })));
        for part in ["ALSO SIGNED", "elsewhere/vsa.json", "https://room.example"] {
            assert!(both.contains(part), "{part}: {both}");
        }
    }
}
