//! What is done with notes and findings that were written: closed, withdrawn, opened again, put in other words.

use super::{App, Dialog, NoteRow, Pane, Purpose};
use crate::review::Finding;

impl App {
    /// The finding under the cursor; says what to do when there is none.
    fn finding_here(&mut self) -> Option<Finding> {
        let finding = match self.selected_note() {
            Some(NoteRow::Finding(i)) if self.pane() == Pane::Notes => self.state.findings.get(i).cloned(),
            _ => None,
        };
        if finding.is_none() {
            self.say("go to a finding first: Tab, then j or k");
        }
        finding
    }

    pub(crate) fn close_finding(&mut self) {
        match self.finding_here() {
            Some(finding) if finding.closed.is_none() => self.ask_here(Purpose::CloseFinding(finding.id)),
            Some(_) => self.say("this finding is closed: O opens it again"),
            None => {}
        }
    }

    pub(crate) fn withdraw_finding(&mut self) {
        match self.finding_here() {
            Some(finding) if !finding.withdrawn => self.ask_here(Purpose::WithdrawFinding(finding.id)),
            Some(_) => self.say("this finding is withdrawn: O opens it again"),
            None => {}
        }
    }

    pub(crate) fn reopen_finding(&mut self) {
        match self.finding_here() {
            Some(finding) if finding.closed.is_some() => self.ask_here(Purpose::ReopenFinding(finding.id)),
            Some(_) => self.say("this finding is open"),
            None => {}
        }
    }

    /// Other words for the note or finding under the cursor; those that stand are there to be changed.
    pub(crate) fn edit(&mut self) {
        let note = self.selected_note().filter(|_| self.pane() == Pane::Notes);
        let (purpose, text) = match note {
            Some(NoteRow::Note(i)) => match self.state.notes.get(i) {
                Some(note) => (Purpose::EditNote(note.n), note.text.clone()),
                None => return,
            },
            _ => match self.finding_here() {
                Some(finding) => (Purpose::EditFinding(finding.id, finding.severity), finding.title),
                None => return,
            },
        };
        self.ask_here(purpose);
        if let Some(Dialog::Prompt(prompt)) = &mut self.dialog {
            prompt.text = text;
        }
    }
}
