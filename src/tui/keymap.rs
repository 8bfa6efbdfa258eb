//! The keys: one table that makes dispatch, the hint line, the help and `docs/keys.md`.
//!
//! A key is written in ASCII: `j`, `^D`, `Tab`, `g g`. A screen's key goes before the same key of [`Context::Any`].

pub mod custom;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::action::{Action, Screen};

/// Where a key holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Context {
    /// One screen.
    On(Screen),
    /// Every screen.
    Any,
    /// A line of text is being typed.
    Prompt,
    /// Something is looked for in a list.
    Find,
    /// A list lies over the screen: help, jobs, outcomes.
    Popup,
    /// The sign dialog.
    Sign,
    /// The question whether to leave.
    Leaving,
}

impl Context {
    /// All contexts, in the order of the help and of `docs/keys.md`.
    pub const ALL: [Self; 13] = [
        Self::Any,
        Self::On(Screen::Overview),
        Self::On(Screen::Source),
        Self::On(Screen::Provenance),
        Self::On(Screen::Artifacts),
        Self::On(Screen::Compare),
        Self::On(Screen::Findings),
        Self::On(Screen::Signoff),
        Self::Prompt,
        Self::Find,
        Self::Popup,
        Self::Sign,
        Self::Leaving,
    ];

    /// Its heading.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Any => "Everywhere",
            Self::On(screen) => screen.names().0,
            Self::Prompt => "While typing",
            Self::Find => "While looking for something",
            Self::Popup => "In a list over the screen",
            Self::Sign => "In the sign dialog",
            Self::Leaving => "Asked whether to leave",
        }
    }
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// The spellings.
    pub keys: &'static [&'static str],
    /// Where it holds.
    pub context: Context,
    /// What it asks for.
    pub action: Action,
    /// A few words for the hint line; empty: never there.
    pub hint: &'static str,
    /// A sentence for the help.
    pub help: &'static str,
    /// Rank in the hint line, the smallest first; 0 is pinned.
    pub rank: u8,
}

const fn key(context: Context, keys: &'static [&'static str], action: Action, rank: u8, hint: &'static str, help: &'static str) -> Key {
    Key { keys, context, action, hint, help, rank }
}

use Action as A;
use Context::{Any, Find, Leaving, On, Popup, Prompt, Sign};
use Screen::{Artifacts, Compare, Findings, Overview, Provenance, Signoff, Source};

/// Every key.
#[rustfmt::skip]
pub const TABLE: &[Key] = &[
    key(Any, &["n"], A::NextItem, 0, "next to review", "next item to review, at its first difference; while a search is on, the next match"),
    key(Any, &["?", "F1"], A::Help, 0, "keys", "these keys; type to filter"),
    key(Any, &["N"], A::PreviousItem, 90, "", "previous item to review, or previous match"),
    key(Any, &["Space"], A::ReadOn, 40, "read on", "read on: page down, at the end the next difference, then stop"),
    key(Any, &["]"], A::NextDifference, 60, "", "next difference"),
    key(Any, &["["], A::PreviousDifference, 60, "", "previous difference"),
    key(Any, &["}"], A::NextFile, 60, "", "next differing file"),
    key(Any, &["{"], A::PreviousFile, 60, "", "previous differing file"),
    key(Any, &["a"], A::Accept, 20, "accept", "accept this item and go to the next; asks for a reason when something of it was not shown"),
    key(Any, &["x"], A::Reject, 21, "reject", "reject this item, with a reason, and go to the next"),
    key(Any, &["A"], A::AcceptGroup, 22, "accept group", "accept a rule or the batch of identical files: type how many it covers"),
    key(Any, &["R"], A::TakeUp, 62, "", "look again at an item that was carried over from an earlier review: it is open again"),
    key(Any, &["u"], A::Undo, 63, "", "take back the last ruling, note, finding or answer; the journal keeps both"),
    key(Any, &["^R"], A::Redo, 64, "", "do again what was taken back"),
    key(Any, &["c"], A::Note, 41, "note", "write a note on this place"),
    key(Any, &["f"], A::Finding, 42, "finding", "file a finding from here, with the place and both digests filled in"),
    key(Any, &["j", "Down"], A::Down, 65, "", "one row down"),
    key(Any, &["k", "Up"], A::Up, 65, "", "one row up"),
    key(Any, &["h", "Left"], A::Left, 65, "", "to the left; close a folder"),
    key(Any, &["l", "Right"], A::Right, 65, "", "to the right; open a folder"),
    key(Any, &["0"], A::LineStart, 65, "", "back to the left edge"),
    key(Any, &["PgDn", "^F"], A::PageDown, 65, "", "one page down"),
    key(Any, &["PgUp", "^B"], A::PageUp, 65, "", "one page up"),
    key(Any, &["^D"], A::HalfDown, 65, "", "half a page down"),
    key(Any, &["^U"], A::HalfUp, 65, "", "half a page up"),
    key(Any, &["g g", "Home"], A::Top, 65, "", "first row"),
    key(Any, &["G", "End"], A::Bottom, 65, "", "last row"),
    key(Any, &["Tab"], A::NextPane, 50, "pane", "next pane"),
    key(Any, &["Shift-Tab"], A::PreviousPane, 65, "", "previous pane"),
    key(Any, &["1"], A::Screen(Overview), 66, "", "Overview"),
    key(Any, &["2"], A::Screen(Source), 66, "", "Source"),
    key(Any, &["3"], A::Screen(Provenance), 66, "", "Provenance"),
    key(Any, &["4"], A::Screen(Artifacts), 66, "", "Artifacts"),
    key(Any, &["5"], A::Screen(Compare), 66, "", "Compare"),
    key(Any, &["6"], A::Screen(Findings), 66, "", "Findings"),
    key(Any, &["7"], A::Screen(Signoff), 66, "", "Sign-off"),
    key(Any, &["Enter"], A::Open, 30, "open", "open what is under the cursor; never a ruling"),
    key(Any, &["q", "Esc"], A::Close, 70, "back", "close one level, end a search; at the top q asks before leaving"),
    key(Any, &["g s"], A::GoSource, 67, "", "go to the source of this place"),
    key(Any, &["g p"], A::GoProvenance, 67, "", "go to the provenance of this artifact"),
    key(Any, &["g a"], A::GoArtifact, 67, "", "go to this file in Artifacts"),
    key(Any, &["g c"], A::GoCompare, 67, "", "go to the comparison of this file"),
    key(Any, &["g f"], A::GoGroup, 67, "", "go to all files that have the same difference"),
    key(Any, &["H", "^O"], A::JumpBack, 68, "", "back to where you came from"),
    key(Any, &["L"], A::JumpForward, 68, "", "forward again"),
    key(Any, &["m"], A::SetMark, 68, "", "mark this place: then a letter from a to z; kept until the program ends"),
    key(Any, &["'"], A::GoMark, 68, "", "go to a mark: then its letter"),
    key(Any, &["z"], A::Zoom, 68, "", "the pane with the focus alone; again: all of them"),
    key(Any, &["w"], A::Wrap, 68, "", "wrap long lines of a source file or rows of a listing, or cut them"),
    key(Any, &["/"], A::Search, 45, "search", "search this list; n and N step, Esc ends it"),
    key(Any, &["^P"], A::Find, 46, "find", "find a file, function, item, finding, check or digest by some of its letters"),
    key(Any, &["g /"], A::SearchAll, 47, "search all", "search the text of all sources, and the strings and symbols in all artifacts"),
    key(Any, &[":"], A::Palette, 48, "commands", "everything that can be done here, by name; :217 goes to a line, :0x4a34 to an address, :report NAME.html writes what Compare or Artifacts shows, :save writes what is NOT saved, :correct corrects a signed review, :q leaves"),
    key(Any, &["J"], A::Jobs, 69, "", "what runs, and how far it is"),
    key(Any, &["^C"], A::AskToLeave, 69, "", "ask whether to leave, from anywhere"),
    key(On(Overview), &["q", "Esc"], A::Close, 71, "quit", "end a search, else ask whether to leave"),
    key(On(Source), &["s"], A::Select, 43, "select", "start or end a selection of lines: a note or finding is then about all of them"),
    key(On(Source), &["]"], A::NextDifference, 25, "next mark", "next line with a mark: hidden characters, or code that differs"),
    key(On(Source), &["g c"], A::GoCompare, 26, "built into", "go to the code that this line became, where it differs"),
    key(On(Source), &["g h"], A::History, 44, "history", "the commits that changed this file, in its place: Enter shows what one made of it; q goes back"),
    key(On(Source), &["g b"], A::Blame, 44, "blame", "the commit that each line came with, beside it: Enter shows what it made of the file; again: away"),
    key(On(Source), &["g t"], A::Since, 47, "since tag", "what changed in this file since the tag before; its lines stay marked until it is pressed again"),
    key(On(Source), &["g d"], A::Uses, 46, "uses", "uses and definitions of a name of this line, in all sources and artifacts; Tab looks for its next name"),
    key(On(Provenance), &["v"], A::Raw, 12, "raw", "the exact bytes that were signed, in place of what was made of them; again: back"),
    key(On(Provenance), &["Enter"], A::Open, 29, "go to it", "on a link: to its first evidence; in the evidence: to what the row speaks of"),
    key(On(Artifacts), &["o"], A::Arrange, 26, "order", "next order: worst first, as a tree, grouped by what differs and by cause"),
    key(On(Artifacts), &["F"], A::Filter, 25, "filter", "next filter: not the same, all, ! differs, ~ explained, ? not told, = same"),
    key(On(Compare), &["]"], A::NextDifference, 10, "next diff", "next difference"),
    key(On(Compare), &["["], A::PreviousDifference, 11, "previous", "previous difference"),
    key(On(Compare), &["s"], A::Select, 43, "select", "start or end a selection of rows: a note or finding is then about their range of addresses"),
    key(On(Compare), &["v"], A::View, 12, "view", "the next view: instructions, bytes, strings, sections with program headers, lines"),
    key(On(Compare), &["V"], A::PreviousView, 65, "", "the view before it"),
    key(On(Compare), &["="], A::HideSame, 14, "only what differs", "hide rows that are the same on both sides; again: show them"),
    key(On(Compare), &["e"], A::Explain, 13, "explain", "everything known of this file: proofs with values and bytes, causes that were tried, facts; again: back to the rows"),
    key(On(Findings), &["y"], A::Answer("yes"), 10, "yes", "answer the question with yes"),
    key(On(Findings), &["x"], A::Answer("no"), 11, "no", "answer the question with no"),
    key(On(Findings), &["-"], A::Answer("n/a"), 12, "n/a", "answer the question with not applicable"),
    key(On(Findings), &["C"], A::CloseFinding, 13, "close finding", "close the finding under the cursor, with a reason"),
    key(On(Findings), &["W"], A::WithdrawFinding, 14, "withdraw", "withdraw the finding under the cursor, with a reason: it was none"),
    key(On(Findings), &["O"], A::ReopenFinding, 65, "", "open a closed or withdrawn finding again, with a reason"),
    key(On(Findings), &["E"], A::Edit, 15, "edit", "change the words of the note or finding under the cursor; the journal keeps those before"),
    key(On(Signoff), &["Enter"], A::Open, 9, "go there", "go to what stands in the way, or was not looked at, under the cursor; q comes back"),
    key(On(Signoff), &["p"], A::Prepare, 10, "read statement", "choose an outcome, hash everything again and show the exact statement"),
    key(On(Signoff), &["m"], A::Missed, 12, "not looked at", "everything that was in no frame, as the record lists it: Enter goes there; again: back"),
    key(On(Signoff), &["P"], A::Leaves, 13, "what leaves", "every byte of the files that would leave the room, to the last one; again: back"),
    key(On(Signoff), &["S"], A::SignDialog, 11, "sign ...", "open the sign dialog"),
    key(Prompt, &["Enter"], A::Confirm, 10, "file it", "file what was typed"),
    key(Prompt, &["Tab"], A::NextField, 11, "severity", "for a finding: the next severity (note, problem, blocking)"),
    key(Prompt, &["Esc", "^C"], A::Cancel, 1, "cancel", "leave without doing anything"),
    key(Prompt, &["Backspace"], A::Erase, 65, "", "erase one character"),
    key(Prompt, &["^U"], A::EraseAll, 65, "", "erase everything"),
    key(Find, &["Esc", "^C"], A::Cancel, 1, "close", "close the list"),
    key(Find, &["Enter"], A::Confirm, 10, "go there", "go there, or do it; a ruling is never made from a list"),
    key(Find, &["Down", "^N"], A::Down, 20, "", "one row down"),
    key(Find, &["Up", "^P"], A::Up, 65, "", "one row up"),
    key(Find, &["Tab"], A::NextField, 65, "", "complete a word of the command line; with g d the next name of the line; else one row down"),
    key(Find, &["Shift-Tab"], A::Up, 65, "", "one row up"),
    key(Find, &["PgDn", "^D"], A::PageDown, 65, "", "ten rows down"),
    key(Find, &["PgUp"], A::PageUp, 65, "", "ten rows up"),
    key(Find, &["Backspace"], A::Erase, 65, "", "erase one character"),
    key(Find, &["^U"], A::EraseAll, 65, "", "erase everything"),
    key(Popup, &["Esc", "^C"], A::Cancel, 1, "close", "close the list"),
    key(Popup, &["Enter"], A::Confirm, 10, "choose", "choose the row"),
    key(Popup, &["Down", "Tab"], A::Down, 65, "", "one row down"),
    key(Popup, &["Up", "Shift-Tab"], A::Up, 65, "", "one row up"),
    key(Popup, &["PgDn"], A::PageDown, 65, "", "one page down"),
    key(Popup, &["PgUp"], A::PageUp, 65, "", "one page up"),
    key(Popup, &["Backspace"], A::Erase, 65, "", "erase one character of the filter"),
    key(Sign, &["Esc", "^C"], A::Cancel, 1, "cancel", "leave the dialog; nothing is signed"),
    key(Sign, &["Space", "PgDn"], A::PageDown, 10, "read on", "one page of the statement further (in a field, Space is typed)"),
    key(Sign, &["PgUp"], A::PageUp, 65, "", "one page of the statement back"),
    key(Sign, &["Down", "j"], A::Down, 65, "", "one row down, or the next outcome (in a field, j is typed)"),
    key(Sign, &["Up", "k"], A::Up, 65, "", "one row up, or the previous outcome (in a field, k is typed)"),
    key(Sign, &["Tab"], A::NextField, 11, "to the field", "next field"),
    key(Sign, &["Shift-Tab"], A::PreviousField, 65, "", "previous field"),
    key(Sign, &["Backspace"], A::Erase, 65, "", "erase one character"),
    key(Sign, &["^U"], A::EraseAll, 65, "", "erase the field"),
    key(Sign, &["Enter"], A::Confirm, 12, "sign", "sign; does nothing until everything is complete"),
    key(Leaving, &["y", "q"], A::Leave, 1, "leave", "leave; everything done so far is saved"),
    key(Leaving, &["n", "Esc", "^C"], A::Cancel, 2, "stay", "stay"),
];

/// The ASCII spelling of a key press; `None` for keys that mean nothing here.
#[must_use]
pub fn spelling(event: &KeyEvent) -> Option<String> {
    let control = event.modifiers.contains(KeyModifiers::CONTROL);
    Some(match event.code {
        KeyCode::Char(c) if control => format!("^{}", c.to_ascii_uppercase()),
        KeyCode::Char(' ') => "Space".to_owned(),
        KeyCode::Char(c) => c.to_string(),
        KeyCode::Enter => "Enter".to_owned(),
        KeyCode::Esc => "Esc".to_owned(),
        KeyCode::Tab if event.modifiers.contains(KeyModifiers::SHIFT) => "Shift-Tab".to_owned(),
        KeyCode::Tab => "Tab".to_owned(),
        KeyCode::BackTab => "Shift-Tab".to_owned(),
        KeyCode::Backspace => "Backspace".to_owned(),
        KeyCode::Up => "Up".to_owned(),
        KeyCode::Down => "Down".to_owned(),
        KeyCode::Left => "Left".to_owned(),
        KeyCode::Right => "Right".to_owned(),
        KeyCode::PageUp => "PgUp".to_owned(),
        KeyCode::PageDown => "PgDn".to_owned(),
        KeyCode::Home => "Home".to_owned(),
        KeyCode::End => "End".to_owned(),
        KeyCode::F(1) => "F1".to_owned(),
        _ => return None,
    })
}

/// What a spelling means in a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// An action.
    Action(Action),
    /// The first key of a sequence.
    Prefix,
    /// Nothing.
    Nothing,
}

/// The keys that hold: those of the table, or with the reviewer's own in their place.
#[derive(Clone, Copy, Debug)]
pub struct Keys(pub(super) &'static [Key]);

impl Default for Keys {
    fn default() -> Self {
        Self(TABLE)
    }
}

impl Keys {
    /// Looks a spelling up: the context's own keys first, on a screen then those of every screen.
    #[must_use]
    pub fn find(self, context: Context, spelling: &str) -> Found {
        let chain: &[Context] = if matches!(context, On(_)) { &[context, Any] } else { &[context] };
        for wanted in chain {
            for row in self.0.iter().filter(|r| r.context == *wanted) {
                if row.keys.contains(&spelling) {
                    return Found::Action(row.action);
                }
            }
        }
        let starts = |row: &Key| row.keys.iter().any(|k| k.strip_prefix(spelling).is_some_and(|rest| rest.starts_with(' ')));
        if self.0.iter().any(|r| chain.contains(&r.context) && starts(r)) { Found::Prefix } else { Found::Nothing }
    }

    /// The rows for the hint line of a context, in drawing order of priority: pinned first, then by rank.
    #[must_use]
    pub fn hints(self, context: Context) -> Vec<&'static Key> {
        let mut rows: Vec<&Key> = self
            .0
            .iter()
            .filter(|r| !r.hint.is_empty() && (r.context == context || (r.context == Any && matches!(context, On(_)))))
            .filter(|r| r.context != Any || !(self.shadowed(context, r) || idle(context, r.action)))
            .collect();
        rows.sort_by_key(|r| r.rank);
        rows
    }

    /// The rows that the help of a context shows: its own first.
    #[must_use]
    pub fn help(self, context: Context) -> Vec<&'static Key> {
        let own = self.0.iter().filter(|r| r.context == context);
        let rest = self.0.iter().filter(|r| r.context == Any && matches!(context, On(_)) && !self.shadowed(context, r));
        own.chain(rest).collect()
    }

    fn shadowed(self, context: Context, row: &Key) -> bool {
        row.keys.first().is_some_and(|first| self.0.iter().any(|r| r.context == context && r.keys.contains(first)))
    }
}

/// Whether a key of every screen has little to do on that one: the room is for others.
fn idle(context: Context, action: Action) -> bool {
    let lists = [On(Overview), On(Findings), On(Signoff)].contains(&context);
    lists && matches!(action, A::Accept | A::Reject | A::ReadOn) || context == On(Artifacts) && action == A::ReadOn
}

/// `docs/keys.md`.
#[must_use]
pub fn keys_markdown() -> String {
    let mut out = String::from(
        "# Keys\n\nMade from the table in `src/tui/keymap.rs`; a test compares the two. A screen's own key goes before the same key \
         everywhere. `^D` is Ctrl-D. The name \
         is what a key of your own is given to in `config.toml` (`docs/themes.md`); dialogs keep their keys.\n\n\
         A count goes before a key that moves: `12j`, `217G`, `3]`. One of the digits 1 to 7 goes to its screen at once; when a \
         further digit and a key that moves follow, each within 0.4 seconds, it was a count, and the screen is what it was. 8 and 9 always begin one. With any \
         other key a count does nothing.\n\n\
         The mouse moves and scrolls: the wheel, a click on a row, a pane or a tab. No ruling and no signature is made with it; \
         `--no-mouse` leaves it to the terminal.\n",
    );
    for context in Context::ALL {
        let rows: Vec<_> = TABLE.iter().filter(|r| r.context == context).collect();
        if rows.is_empty() {
            continue;
        }
        out.push_str(&format!("\n## {}\n\n| key | name | does |\n| --- | --- | --- |\n", context.name()));
        for row in rows {
            let keys: Vec<String> = row.keys.iter().map(|k| format!("`{}`", k.replace('|', "\\|"))).collect();
            let name = if matches!(context, Any | On(_)) { format!("`{}`", custom::action_name(row.action)) } else { String::new() };
            out.push_str(&format!("| {} | {name} | {} |\n", keys.join(" "), row.help));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_a_sentence_and_accepting_is_never_on_enter() {
        for row in TABLE {
            assert!(!row.help.is_empty() && !row.keys.is_empty());
            let rules = matches!(row.action, A::Accept | A::AcceptGroup | A::Reject | A::SignDialog);
            assert!(!(rules && row.keys.iter().any(|k| ["Enter", "Space", "Tab"].contains(k))));
        }
    }

    #[test]
    fn screen_keys_go_first_and_sequences_are_found() {
        assert_eq!(Keys::default().find(On(Findings), "x"), Found::Action(A::Answer("no")));
        assert_eq!(Keys::default().find(On(Compare), "x"), Found::Action(A::Reject));
        assert_eq!(Keys::default().find(On(Compare), "g"), Found::Prefix);
        assert_eq!(Keys::default().find(On(Compare), "g s"), Found::Action(A::GoSource));
        assert_eq!(Keys::default().find(On(Compare), "S"), Found::Nothing);
        assert_eq!(Keys::default().find(On(Signoff), "S"), Found::Action(A::SignDialog));
        assert_eq!(Keys::default().find(Prompt, "a"), Found::Nothing);
    }

    /// `cargo test --lib print_the_keys -- --ignored --nocapture`, for `docs/keys.md`.
    #[test]
    fn the_document_is_the_table() {
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write("docs/keys.md", keys_markdown()).expect("written");
        }
        assert_eq!(include_str!("../../docs/keys.md"), keys_markdown(), "run this test once with UPDATE_DOCS=1");
    }
}
