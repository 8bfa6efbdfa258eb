//! Signing: the only way to it is `S` on screen 7, and it opens only when everything was read and typed.

use std::path::PathBuf;
use std::time::Duration;

use ratatui::crossterm::event::KeyEvent;

use super::dialog::{push, typed};
use super::{App, Dialog, Pane};
use crate::review::Decision;
use crate::session::{KeySource, Prepared, SignedRecord};
use crate::text::{Role, Shown};
use crate::tui::action::{Action, Effect};

/// Keys are ignored for that long after the dialog opened or its button moved.
const GUARD: Duration = Duration::from_millis(500);

/// What has the focus in the dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    /// The outcomes, before one is chosen; then the statement.
    Statement,
    /// The release's name, typed.
    Release,
    /// The key file, or empty for the agent.
    Key,
    /// Where the record goes.
    Output,
}

impl Field {
    pub(crate) const ALL: [Self; 4] = [Self::Statement, Self::Release, Self::Key, Self::Output];
}

/// The dialog.
pub(crate) struct SignBox {
    /// Since when the button is where it is.
    pub(crate) guard: Duration,
    /// Which outcome is under the cursor.
    pub(crate) choice: usize,
    /// The outcome chosen; the statement is being made while it is set and nothing is prepared.
    pub(crate) decision: Option<Decision>,
    pub(crate) field: Field,
    pub(crate) release: String,
    pub(crate) key: String,
    /// The key that the statement names, as typed.
    pub(crate) named_key: String,
    pub(crate) output: String,
    /// First line of the statement drawn, and lines seen from the first without a gap.
    pub(crate) top: usize,
    pub(crate) seen: usize,
    pub(crate) page: usize,
    pub(crate) signing: bool,
    pub(crate) error: Option<String>,
}

impl SignBox {
    /// Lines up to `to` were drawn; lines seen stay a run from the first.
    pub(crate) fn seen(&mut self, to: usize) {
        if self.top <= self.seen {
            self.seen = self.seen.max(to);
        }
        self.page = to.saturating_sub(self.top).max(1);
    }

    pub(crate) fn pasted(&mut self) {
        self.error = Some("type it: pasting is refused in this dialog".to_owned());
    }

    fn text(&mut self) -> Option<&mut String> {
        match self.field {
            Field::Statement => None,
            Field::Release => Some(&mut self.release),
            Field::Key => Some(&mut self.key),
            Field::Output => Some(&mut self.output),
        }
    }
}

/// The key that a typed path means; nothing typed means the agent, a fingerprint its key of that name. A passphrase is typed
/// where the key is used, never here.
fn key_source(typed: &str) -> KeySource {
    match typed.trim() {
        "" => KeySource::Agent(None),
        print if print.starts_with("SHA256:") => KeySource::Agent(Some(print.to_owned())),
        path => KeySource::File(PathBuf::from(path), None),
    }
}

impl App {
    /// What is still missing before Enter signs, in words; `None` when nothing is.
    pub(crate) fn missing(&self, sign: &SignBox) -> Option<String> {
        let Some(prepared) = self.prepared.as_ref().filter(|p| Some(p.decision) == sign.decision) else {
            return Some(match sign.decision {
                None => "choose an outcome and press Enter".to_owned(),
                Some(_) => "everything is hashed again first …".to_owned(),
            });
        };
        if sign.signing {
            return Some("signing …".to_owned());
        }
        let left = self.statement.len().saturating_sub(sign.seen);
        if left > 0 {
            return Some(format!("read to the end: {left} lines to go"));
        }
        if sign.release != prepared.confirm {
            return Some(format!("type the release to sign: {}", Shown::new(&prepared.confirm)));
        }
        if sign.output.is_empty() {
            return Some("say where the record goes".to_owned());
        }
        None
    }

    pub(crate) fn ask_outcome(&mut self) {
        self.flush();
        self.leaves_wanted = false;
        self.dialog = Some(Dialog::Outcome(0));
    }

    /// Asks for the statement of that outcome; false when it is closed.
    pub(crate) fn prepare(&mut self, decision: Decision) -> bool {
        match self.state.may_sign(decision, &self.blockers) {
            Ok(()) => {
                self.flush();
                self.prepared = None;
                self.statement.clear();
                self.say("hashing everything again, then the statement is here");
                self.effect(Effect::Prepare(decision, key_source(&self.key_offer)));
                true
            }
            Err(why) => {
                self.warn(&why);
                false
            }
        }
    }

    pub(crate) fn open_sign(&mut self) {
        if let Some(why) = &self.read_only {
            let text = format!("read-only: {}", Shown::new(why));
            self.warn(&text);
            return;
        }
        self.flush();
        self.dialog = Some(Dialog::Sign(Box::new(SignBox {
            guard: self.now,
            choice: 0,
            decision: None,
            field: Field::Statement,
            release: String::new(),
            key: self.key_offer.clone(),
            named_key: self.key_offer.clone(),
            output: self.output_offer.clone(),
            top: 0,
            seen: 0,
            page: 1,
            signing: false,
            error: None,
        })));
        // What was prepared before may be old by now: it is made again for the dialog.
        self.prepared = None;
        self.statement.clear();
    }

    pub(crate) fn statement_came(&mut self, prepared: Result<Prepared, String>) {
        let now = self.now;
        match prepared {
            Ok(prepared) => {
                self.prepared = Some(prepared);
                self.rewrap();
                self.message = None;
                if let Some(Dialog::Sign(sign)) = &mut self.dialog {
                    (sign.top, sign.seen, sign.guard) = (0, 0, now);
                } else if self.screen == crate::tui::action::Screen::Signoff {
                    self.focus_on(Pane::Statement);
                    *self.cursor_mut(Pane::Statement) = super::Cursor::default();
                    self.say("this is the exact statement: j k Space read it, S signs");
                    self.sheet = None;
                    if self.leaves_wanted {
                        self.lay(super::Sheet::Leaves);
                        self.say("nothing else would leave: j k Space read it, P goes back");
                    }
                }
            }
            Err(why) => {
                let text = format!("no statement: {}", Shown::new(&why));
                if let Some(Dialog::Sign(sign)) = &mut self.dialog {
                    sign.guard = now;
                    sign.decision = None;
                    sign.error = Some(text);
                } else {
                    self.warn(&text);
                }
            }
        }
    }

    pub(crate) fn signature_came(&mut self, result: Result<SignedRecord, String>) {
        let now = self.now;
        match result {
            Ok(record) => {
                self.effect(Effect::Record(Box::new(record.event())));
                let [path, dossier] = [&record.path, &record.dossier].map(|p| Shown::new(&p.to_string_lossy()).to_string());
                if matches!(self.dialog, Some(Dialog::Sign(_))) {
                    self.dialog = None;
                    // The pane behind the dialog is narrower.
                    self.rewrap();
                }
                self.message = Some((Role::Good, format!("signed: {path}, and its dossier {dossier}")));
                self.sheet = None;
                self.signed = Some(record);
            }
            Err(why) => {
                let text = format!("NOT signed: {}", Shown::new(&why));
                if let Some(Dialog::Sign(sign)) = &mut self.dialog {
                    sign.signing = false;
                    sign.guard = now;
                    sign.error = Some(text);
                } else {
                    self.warn(&text);
                }
            }
        }
    }

    /// Width of the statement inside the dialog and on the screen.
    pub(crate) fn statement_width(&self) -> usize {
        let columns = usize::from(self.size.0);
        let dialog = columns.saturating_sub(6).min(120);
        let narrow = self.zoom || columns < usize::from(super::MEDIUM) || matches!(self.dialog, Some(Dialog::Sign(_)));
        if narrow { dialog } else { dialog.min((columns / 2).saturating_sub(4)) }
    }

    /// Wraps the statement for the window's width; what was seen of it is seen again from the start.
    pub(crate) fn rewrap(&mut self) {
        let width = self.statement_width();
        let rows = self.prepared.as_ref().map(|p| p.rows.as_slice()).unwrap_or_default();
        self.statement = crate::tui::widgets::wrap(rows, width);
        if let Some(Dialog::Sign(sign)) = &mut self.dialog {
            (sign.top, sign.seen) = (0, 0);
        }
    }

    pub(crate) fn sign_key(&mut self, mut sign: Box<SignBox>, key: &KeyEvent, found: Option<Action>) {
        if found == Some(Action::Cancel) {
            self.rewrap();
            self.say(if sign.signing { "the signature is on its way: wait for the answer" } else { "nothing was signed" });
            return;
        }
        // Keys that were meant for what was here before must not reach the button.
        if self.now.saturating_sub(sign.guard) < GUARD {
            self.dialog = Some(Dialog::Sign(sign));
            return;
        }
        sign.error = None;
        let ready = self.prepared.as_ref().is_some_and(|p| Some(p.decision) == sign.decision);
        let last = self.statement.len().saturating_sub(sign.page);
        // Outside the fields, and in them for keys that type nothing.
        let plain = sign.field == Field::Statement || typed(key).is_none();
        match found {
            Some(Action::Confirm) if sign.decision.is_none() => {
                let decision = Decision::ALL.get(sign.choice).copied().unwrap_or(Decision::Incomplete);
                match self.state.may_sign(decision, &self.blockers) {
                    Ok(()) => {
                        sign.decision = Some(decision);
                        sign.guard = self.now;
                        sign.named_key = sign.key.clone();
                        self.effect(Effect::Prepare(decision, key_source(&sign.key)));
                    }
                    Err(why) => sign.error = Some(why),
                }
            }
            Some(Action::Confirm) => match (self.missing(&sign), &self.prepared) {
                (None, Some(prepared)) => {
                    let key = key_source(&sign.key);
                    let effect = Effect::Sign { prepared: Box::new(prepared.clone()), key, output: PathBuf::from(&sign.output) };
                    sign.signing = true;
                    self.effect(effect);
                }
                (missing, _) => sign.error = missing,
            },
            Some(Action::Down) if sign.decision.is_none() => sign.choice = (sign.choice + 1).min(Decision::ALL.len() - 1),
            Some(Action::Up) if sign.decision.is_none() => sign.choice = sign.choice.saturating_sub(1),
            Some(Action::NextField | Action::PreviousField) if ready && !sign.signing => {
                let at = Field::ALL.iter().position(|f| *f == sign.field).unwrap_or(0);
                let step = if found == Some(Action::NextField) { 1 } else { Field::ALL.len() - 1 };
                sign.field = Field::ALL.get((at + step) % Field::ALL.len()).copied().unwrap_or(Field::Statement);
                // The statement names the key: another key means another statement, read from its first line.
                if let (true, Some(decision)) = (sign.key != sign.named_key, sign.decision) {
                    sign.named_key = sign.key.clone();
                    sign.guard = self.now;
                    self.prepared = None;
                    self.statement.clear();
                    self.effect(Effect::Prepare(decision, key_source(&sign.key)));
                }
            }
            Some(Action::Down) if plain => sign.top = (sign.top + 1).min(last),
            Some(Action::Up) if plain => sign.top = sign.top.saturating_sub(1),
            Some(Action::PageUp) => sign.top = sign.top.saturating_sub(sign.page.max(2) - 1),
            Some(Action::PageDown) if plain => sign.top = (sign.top + sign.page.max(2) - 1).min(last),
            Some(Action::Erase) if !sign.signing => {
                sign.text().map(String::pop);
            }
            Some(Action::EraseAll) if !sign.signing => {
                if let Some(text) = sign.text() {
                    text.clear();
                }
            }
            _ => {
                if let (Some(c), false) = (typed(key), sign.signing)
                    && let Some(text) = sign.text()
                {
                    push(text, c);
                }
            }
        }
        self.dialog = Some(Dialog::Sign(sign));
    }
}
