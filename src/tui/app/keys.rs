//! What a key does: spelled, looked up where it was pressed, carried out.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::{App, Dialog, Help, Prompt, Purpose, Sheet, What, moving};
use crate::tui::action::Action;
use crate::tui::keymap::{self, Context, Found};

impl App {
    pub(super) fn key(&mut self, key: KeyEvent) {
        if key.kind == KeyEventKind::Release {
            return;
        }
        self.resume.touched = true;
        // On a plain terminal Esc followed quickly by a key arrives as Alt and that key.
        if key.modifiers.contains(KeyModifiers::ALT) {
            self.key(KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE));
            self.key(KeyEvent::new(key.code, key.modifiers - KeyModifiers::ALT));
            return;
        }
        let Some(mut spelling) = keymap::spelling(&key) else { return };
        if self.dialog.is_some() {
            self.prefix = None;
            self.typing = moving::Typing::default();
            self.dialog_key(&key, &spelling);
            return;
        }
        self.message = None;
        if (self.prefix.is_none() || self.typing.counts()) && self.types(&spelling) {
            return;
        }
        if let Some(prefix) = self.prefix.take() {
            if spelling == "Esc" {
                return;
            }
            spelling = format!("{prefix} {spelling}");
        }
        match self.keys.find(Context::On(self.screen), &spelling) {
            Found::Action(action) => self.act(action),
            Found::Prefix => self.prefix = Some(spelling),
            Found::Nothing => self.say(&format!("{spelling} does nothing here: ? shows the keys")),
        }
    }

    pub(crate) fn act(&mut self, action: Action) {
        if !matches!(action, Action::NextDifference | Action::PreviousDifference) {
            self.compare.ended = None;
        }
        if !matches!(action, Action::Accept | Action::AcceptGroup) {
            self.asked = None;
        }
        if matches!(action, Action::Accept | Action::AcceptGroup | Action::Reject) && self.meant_for_another() {
            return self.say("the screen changed as you pressed that: look, then press it again");
        }
        match action {
            Action::Screen(screen) => {
                self.errand = false;
                self.remember();
                self.show(screen);
            }
            Action::NextPane => self.next_pane(true),
            Action::PreviousPane => self.next_pane(false),
            Action::Down
            | Action::Up
            | Action::PageDown
            | Action::PageUp
            | Action::HalfDown
            | Action::HalfUp
            | Action::Top
            | Action::Bottom => self.step(action),
            Action::Left | Action::Right | Action::LineStart => self.sideways(action),
            Action::ReadOn => self.read_on(),
            Action::Open => self.open(),
            Action::Close => self.close(),
            Action::NextItem if self.search.is_some() => self.search_step(true),
            Action::PreviousItem if self.search.is_some() => self.search_step(false),
            Action::NextItem => self.next_item(true),
            Action::PreviousItem => self.next_item(false),
            Action::NextDifference => self.next_difference(true),
            Action::PreviousDifference => self.next_difference(false),
            Action::NextFile => self.next_file(true),
            Action::PreviousFile => self.next_file(false),
            Action::View => self.next_view(true),
            Action::PreviousView => self.next_view(false),
            Action::Explain => self.explain(),
            Action::Raw => self.toggle_raw(),
            Action::Arrange => self.next_order(),
            Action::GoSource => self.go_source(),
            Action::GoProvenance => self.go_provenance(),
            Action::GoArtifact => self.go_artifact(),
            Action::GoCompare => self.go_compare(),
            Action::GoGroup => self.go_group(),
            Action::History => self.show_history(),
            Action::Blame => self.toggle_blame(),
            Action::Since => self.toggle_since(),
            Action::Uses => self.find_uses(),
            Action::JumpBack => self.jump(false),
            Action::JumpForward => self.jump(true),
            Action::SetMark | Action::GoMark => self.ask_mark(action),
            Action::Zoom => self.toggle_zoom(),
            Action::Wrap => self.toggle_wrap(),
            Action::HideSame => self.toggle_same(),
            Action::Accept => self.accept(),
            Action::Reject => self.reject(),
            Action::AcceptGroup => self.accept_group(),
            Action::Select => self.select(),
            Action::TakeUp => self.take_up(),
            Action::Note => self.ask_note(),
            Action::Finding => self.ask_finding(),
            Action::Undo => self.undo(),
            Action::Redo => self.redo(),
            Action::Answer(answer) => self.answer(answer),
            Action::CloseFinding => self.close_finding(),
            Action::WithdrawFinding => self.withdraw_finding(),
            Action::ReopenFinding => self.reopen_finding(),
            Action::Edit => self.edit(),
            Action::Search => self.dialog = Some(Dialog::Prompt(Prompt::new(Purpose::Search))),
            Action::Find => self.find(What::Names),
            Action::Palette => self.find(What::Commands),
            Action::SearchAll => self.find(What::Text),
            Action::Jobs => self.dialog = Some(Dialog::Jobs),
            Action::AskToLeave => self.dialog = Some(Dialog::Leaving),
            Action::Help => self.dialog = Some(Dialog::Help(Help::default())),
            Action::Filter => self.next_filter(),
            Action::Prepare => self.ask_outcome(),
            Action::Leaves => self.toggle_sheet(Sheet::Leaves),
            Action::Missed => self.toggle_sheet(Sheet::Missed),
            Action::SignDialog => self.open_sign(),
            // These belong to dialogs.
            Action::Cancel
            | Action::Confirm
            | Action::NextField
            | Action::PreviousField
            | Action::Erase
            | Action::EraseAll
            | Action::Leave => {}
        }
    }

    /// The context whose keys hold now.
    pub(crate) fn context(&self) -> Context {
        match &self.dialog {
            None => Context::On(self.screen),
            Some(Dialog::Prompt(_)) => Context::Prompt,
            Some(Dialog::Find(_)) => Context::Find,
            Some(Dialog::Sign(_)) => Context::Sign,
            Some(Dialog::Leaving) => Context::Leaving,
            Some(Dialog::Help(_) | Dialog::Jobs | Dialog::Outcome(_)) => Context::Popup,
        }
    }
}
