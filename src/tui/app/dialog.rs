//! What lies over the screen: prompts, help, jobs, the question whether to leave. The sign dialog is in `sign`.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{App, Finder, SignBox};
use crate::review::{Decision, FindingSeverity};
use crate::tui::action::{Action, Effect};
use crate::tui::keymap::{Context, Found, Key, Keys};

/// Characters that a prompt takes.
const LONGEST: usize = 2_000;

/// What lies over the screen.
pub(crate) enum Dialog {
    /// A line being typed, in place of the status line.
    Prompt(Prompt),
    /// A list of what can be found or done.
    Find(Box<Finder>),
    /// The keys.
    Help(Help),
    /// What runs.
    Jobs,
    /// Outcomes to choose from, for the statement.
    Outcome(usize),
    /// Whether to leave.
    Leaving,
    /// Signing.
    Sign(Box<SignBox>),
}

/// What a prompt is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The reason of a rejection; the item's id.
    Reject(String),
    /// The reason for accepting what was not shown; the item's id.
    AcceptUnseen(String),
    /// The number of files that a group covers; the item's id and the number.
    AcceptGroup(String, u64),
    /// A note.
    Note,
    /// A finding, and how bad it is.
    Finding(FindingSeverity),
    /// Why a finding is closed; its id.
    CloseFinding(String),
    /// Why a finding is withdrawn; its id.
    WithdrawFinding(String),
    /// Why a finding is opened again; its id.
    ReopenFinding(String),
    /// Other words for a finding; its id and how bad it is.
    EditFinding(String, FindingSeverity),
    /// Other words for a note; the number of its event.
    EditNote(u64),
    /// What to search for.
    Search,
}

/// A line being typed.
#[derive(Clone, Debug)]
pub(crate) struct Prompt {
    pub(crate) purpose: Purpose,
    pub(crate) text: String,
}

impl Prompt {
    pub(crate) fn new(purpose: Purpose) -> Self {
        Self { purpose, text: String::new() }
    }

    /// The severity that is chosen with it.
    pub(crate) fn severity(&mut self) -> Option<&mut FindingSeverity> {
        match &mut self.purpose {
            Purpose::Finding(severity) | Purpose::EditFinding(_, severity) => Some(severity),
            _ => None,
        }
    }

    /// What stands before the typed text.
    pub(crate) fn label(&self) -> String {
        match &self.purpose {
            Purpose::Reject(_) => "reject, because: ".to_owned(),
            Purpose::AcceptUnseen(_) => "not everything was shown; accept, because: ".to_owned(),
            Purpose::AcceptGroup(_, count) => {
                format!("accept all {}: type that number: ", crate::tui::widgets::grouped(*count))
            }
            Purpose::Note => "note: ".to_owned(),
            Purpose::Finding(severity) => format!("finding ({}): ", severity.word()),
            Purpose::CloseFinding(id) => format!("close {}, because: ", crate::text::Shown::new(id)),
            Purpose::WithdrawFinding(id) => format!("withdraw {}, because: ", crate::text::Shown::new(id)),
            Purpose::ReopenFinding(id) => format!("open {} again, because: ", crate::text::Shown::new(id)),
            Purpose::EditFinding(id, severity) => format!("{} ({}): ", crate::text::Shown::new(id), severity.word()),
            Purpose::EditNote(_) => "note: ".to_owned(),
            Purpose::Search => "/".to_owned(),
        }
    }
}

/// The help, filtered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Help {
    pub(crate) filter: String,
    pub(crate) at: usize,
}

impl Help {
    /// The rows that the filter lets through.
    pub(crate) fn rows(&self, keys: Keys, context: Context) -> Vec<&'static Key> {
        let wanted = self.filter.to_lowercase();
        let matches = |k: &&Key| wanted.is_empty() || k.help.to_lowercase().contains(&wanted) || k.keys.iter().any(|s| *s == self.filter);
        keys.help(context).into_iter().filter(matches).collect()
    }
}

/// The character that a key types, if it types one.
pub(crate) fn typed(key: &KeyEvent) -> Option<char> {
    match key.code {
        KeyCode::Char(c) if !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) && !c.is_control() => Some(c),
        _ => None,
    }
}

/// Adds a character, within bounds.
pub(crate) fn push(text: &mut String, c: char) {
    if text.len() < LONGEST {
        text.push(c);
    }
}

impl App {
    pub(crate) fn dialog_key(&mut self, key: &KeyEvent, spelling: &str) {
        let found = match self.keys.find(self.context(), spelling) {
            Found::Action(action) => Some(action),
            _ => None,
        };
        match self.dialog.take() {
            Some(Dialog::Prompt(prompt)) => self.prompt_key(prompt, key, found),
            Some(Dialog::Find(finder)) => self.find_key(finder, key, found),
            Some(Dialog::Help(help)) => self.help_key(help, key, found),
            Some(Dialog::Outcome(at)) => self.outcome_key(at, found),
            Some(Dialog::Sign(sign)) => self.sign_key(sign, key, found),
            Some(Dialog::Jobs) if found == Some(Action::Cancel) || spelling == "q" || spelling == "J" => {}
            Some(Dialog::Jobs) => self.dialog = Some(Dialog::Jobs),
            Some(Dialog::Leaving) => match found {
                Some(Action::Leave) => {
                    // After a write failed the reviewer was told; leaving again leaves.
                    if !self.seen.failed {
                        self.flush();
                        self.keep_place();
                    }
                    self.effect(Effect::Quit);
                }
                Some(Action::Cancel) => {}
                _ => self.dialog = Some(Dialog::Leaving),
            },
            None => {}
        }
    }

    fn prompt_key(&mut self, mut prompt: Prompt, key: &KeyEvent, found: Option<Action>) {
        self.message = None;
        match found {
            Some(Action::Cancel) => return,
            Some(Action::Confirm) => {
                let (purpose, text) = (prompt.purpose.clone(), prompt.text.clone());
                if self.confirm_prompt(&purpose, &text) {
                    return;
                }
            }
            Some(Action::Erase) => {
                prompt.text.pop();
            }
            Some(Action::EraseAll) => prompt.text.clear(),
            Some(Action::NextField) => {
                if let Some(severity) = prompt.severity() {
                    *severity = severity.next();
                }
            }
            _ => {
                if let Some(c) = typed(key) {
                    push(&mut prompt.text, c);
                }
            }
        }
        self.dialog = Some(Dialog::Prompt(prompt));
    }

    fn help_key(&mut self, mut help: Help, key: &KeyEvent, found: Option<Action>) {
        let context = Context::On(self.screen);
        let last = help.rows(self.keys, context).len().saturating_sub(1);
        match found {
            Some(Action::Cancel) => return,
            Some(Action::Confirm) => {
                // Enter does what the row says, except where Enter must never do it.
                let action = help.rows(self.keys, context).get(help.at).map(|k| k.action);
                match action {
                    Some(Action::Accept | Action::AcceptGroup | Action::Reject | Action::SignDialog) => {
                        self.say("press that key itself: a ruling is never made from a list");
                    }
                    Some(action) => self.act(action),
                    None => {}
                }
                return;
            }
            Some(Action::Down) => help.at = (help.at + 1).min(last),
            Some(Action::Up) => help.at = help.at.saturating_sub(1),
            Some(Action::PageDown) => help.at = (help.at + 10).min(last),
            Some(Action::PageUp) => help.at = help.at.saturating_sub(10),
            Some(Action::Erase) => {
                help.filter.pop();
                help.at = 0;
            }
            _ => {
                if let Some(c) = typed(key) {
                    push(&mut help.filter, c);
                    help.at = 0;
                }
            }
        }
        self.dialog = Some(Dialog::Help(help));
    }

    fn outcome_key(&mut self, at: usize, found: Option<Action>) {
        match found {
            Some(Action::Cancel) => {}
            Some(Action::Down) => self.dialog = Some(Dialog::Outcome((at + 1).min(Decision::ALL.len() - 1))),
            Some(Action::Up) => self.dialog = Some(Dialog::Outcome(at.saturating_sub(1))),
            Some(Action::Confirm) => {
                if !Decision::ALL.get(at).is_some_and(|decision| self.prepare(*decision)) {
                    self.dialog = Some(Dialog::Outcome(at));
                }
            }
            _ => self.dialog = Some(Dialog::Outcome(at)),
        }
    }

    /// Whether what is typed now confirms something.
    pub(crate) fn confirms(&self) -> bool {
        matches!(&self.dialog, Some(Dialog::Sign(_) | Dialog::Prompt(Prompt { purpose: Purpose::AcceptGroup(..), .. })))
    }

    pub(crate) fn paste(&mut self, text: &str) {
        let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST).collect();
        match &mut self.dialog {
            Some(Dialog::Prompt(Prompt { purpose: Purpose::AcceptGroup(..), .. })) => {
                self.warn("type it: pasting is refused where something is confirmed");
            }
            Some(Dialog::Find(_)) => self.find_pasted(&line),
            Some(Dialog::Prompt(prompt)) => line.chars().for_each(|c| push(&mut prompt.text, c)),
            Some(Dialog::Sign(sign)) => sign.pasted(),
            Some(_) => {}
            None => self.say("pasted text is ignored here"),
        }
    }
}
