//! What a key asks for, what the application asks of the session, and what it is told: three closed enums.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use ratatui::crossterm::event::{KeyEvent, MouseEvent};

use crate::digest::Sha256;
use crate::model::Evidence;
use crate::report::paper::{Form, Paper};
use crate::review::{Body, Decision, Event, State};
use crate::session::{KeySource, ListingKey, News, PastWanted, PastWhat, Prepared, Query};
use crate::text::Untrusted;

/// The seven screens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Screen {
    /// Does what was shipped match the source?
    Overview,
    /// The source tree and a file of it.
    Source,
    /// Who claims what.
    Provenance,
    /// Every compared file.
    Artifacts,
    /// One difference.
    Compare,
    /// Checklist, findings and notes.
    Findings,
    /// What stands in the way, and the statement.
    Signoff,
}

impl Screen {
    /// All of them, in the order of their digits.
    pub const ALL: [Self; 7] =
        [Self::Overview, Self::Source, Self::Provenance, Self::Artifacts, Self::Compare, Self::Findings, Self::Signoff];

    /// Its name, and the short one for narrow windows.
    #[must_use]
    pub fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Overview => ("Overview", "Over"),
            Self::Source => ("Source", "Src"),
            Self::Provenance => ("Provenance", "Prov"),
            Self::Artifacts => ("Artifacts", "Art"),
            Self::Compare => ("Compare", "Cmp"),
            Self::Findings => ("Findings", "Find"),
            Self::Signoff => ("Sign-off", "Sign"),
        }
    }
}

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Go to a screen.
    Screen(Screen),
    /// Focus the next pane.
    NextPane,
    /// Focus the previous pane.
    PreviousPane,
    /// One row down.
    Down,
    /// One row up.
    Up,
    /// One page down.
    PageDown,
    /// One page up.
    PageUp,
    /// Half a page down.
    HalfDown,
    /// Half a page up.
    HalfUp,
    /// First row.
    Top,
    /// Last row.
    Bottom,
    /// Sideways to the left; close a folder.
    Left,
    /// Sideways to the right; open a folder.
    Right,
    /// Back to the left edge.
    LineStart,
    /// Page down, at the end the next difference, then stop.
    ReadOn,
    /// Open what is under the cursor.
    Open,
    /// Close one level; at the top ask before leaving.
    Close,
    /// Next open item, or next match while searching.
    NextItem,
    /// Previous open item, or previous match while searching.
    PreviousItem,
    /// Next difference.
    NextDifference,
    /// Previous difference.
    PreviousDifference,
    /// Next differing file.
    NextFile,
    /// Previous differing file.
    PreviousFile,
    /// The next way to look at the difference.
    View,
    /// The way before it.
    PreviousView,
    /// Everything that is known of the file in front, in place of its rows; and back.
    Explain,
    /// The exact bytes of an attestation, in place of what was made of it; and back.
    Raw,
    /// The next arrangement of a list: worst first, as a tree, by what differs.
    Arrange,
    /// To the source of this thing.
    GoSource,
    /// To the provenance of this thing.
    GoProvenance,
    /// To the artifact of this thing.
    GoArtifact,
    /// To the comparison of this thing.
    GoCompare,
    /// To all places with the same difference.
    GoGroup,
    /// The commits that changed the file, in its place.
    History,
    /// The commit of each line beside it; and away again.
    Blame,
    /// What changed in the file since the tag before; and away again.
    Since,
    /// The uses and definitions of a name of this line.
    Uses,
    /// Back in the jump list.
    JumpBack,
    /// Forward in the jump list.
    JumpForward,
    /// Mark this place: its letter follows.
    SetMark,
    /// Go to a mark: its letter follows.
    GoMark,
    /// The pane with the focus alone; and back.
    Zoom,
    /// Wrap long lines, or cut them.
    Wrap,
    /// Hide rows that are the same on both sides; and back.
    HideSame,
    /// Accept this item.
    Accept,
    /// Reject it, with a reason.
    Reject,
    /// Accept a rule or the batch: type the count.
    AcceptGroup,
    /// Start or end a selection of lines.
    Select,
    /// Look at an item again whose ruling was carried over.
    TakeUp,
    /// A note on this place.
    Note,
    /// A finding from this place.
    Finding,
    /// Take back the last thing done.
    Undo,
    /// Do it again.
    Redo,
    /// Answer the question of the checklist: `yes`, `no` or `n/a`.
    Answer(&'static str),
    /// Close the finding under the cursor, with a reason.
    CloseFinding,
    /// Withdraw the finding under the cursor, with a reason.
    WithdrawFinding,
    /// Open a finding again, with a reason.
    ReopenFinding,
    /// Change the words of the note or finding under the cursor.
    Edit,
    /// Search here.
    Search,
    /// Everything that can be done here, by name; a line or an address.
    Palette,
    /// Everything that has a name.
    Find,
    /// Text in all sources and artifacts.
    SearchAll,
    /// What runs.
    Jobs,
    /// The keys of this screen.
    Help,
    /// The next filter.
    Filter,
    /// Make the exact statement and show it.
    Prepare,
    /// Every byte that would leave the room; and back.
    Leaves,
    /// Everything that was not looked at; and back.
    Missed,
    /// Open the sign dialog.
    SignDialog,
    /// In a dialog or prompt: leave it, nothing happens.
    Cancel,
    /// In a dialog or prompt: do it, if complete.
    Confirm,
    /// In a dialog: next field.
    NextField,
    /// In a dialog: previous field.
    PreviousField,
    /// In a prompt: erase one character.
    Erase,
    /// In a prompt: erase everything.
    EraseAll,
    /// Ask whether to leave.
    AskToLeave,
    /// In the dialog that asks whether to leave: yes.
    Leave,
}

/// What the application asks the loop to carry out through the session.
#[derive(Clone)]
pub enum Effect {
    /// Append to the journal; the answer comes back as [`Input::Recorded`] or [`Input::NotSaved`].
    Record(Box<Body>),
    /// A loose directory was hashed to the end: keep its identity. The answer comes as [`Input::Recorded`], or as
    /// [`Input::ReadOnly`] when the review was begun on another content.
    Identified(Sha256),
    /// Begin the correction of the review that was signed; the answer comes as [`Input::Corrected`].
    Correct,
    /// Read a source file, by entry index.
    ReadSource(usize),
    /// Find the syntax of a source file: its entry, and the first line in view.
    Syntax(Box<SyntaxOf>),
    /// Search all sources and artifacts.
    Search(Query),
    /// End the search that runs.
    EndSearch,
    /// Find something of a file's past; the answers come as [`News::Past`].
    Past(PastWanted),
    /// End what runs for a file's past: of that kind, or all.
    EndPast(Option<PastWhat>),
    /// Compare a source file with another, by entry index; the answer comes as [`News::Sources`].
    CompareSources(usize, usize),
    /// Make a listing.
    Listing(ListingKey, Arc<dyn Evidence>),
    /// Write a report: its name, the report, and its form. The answer comes as [`News::Reported`].
    Report(String, Box<Paper>, Form),
    /// Hash everything again and make the statement.
    Prepare(Decision, KeySource),
    /// Sign the statement that was shown and confirmed.
    Sign {
        /// The statement.
        prepared: Box<Prepared>,
        /// Where the key is.
        key: KeySource,
        /// Where to write the record.
        output: PathBuf,
    },
    /// Leave.
    Quit,
}

/// A source file whose syntax is wanted.
#[derive(Clone)]
pub struct SyntaxOf {
    /// Its entry.
    pub entry: usize,
    /// Its path.
    pub path: Untrusted,
    /// Its bytes.
    pub bytes: Arc<[u8]>,
    /// Where its lines are in them.
    pub lines: Arc<[Range<usize>]>,
    /// The first line in view.
    pub top: usize,
}

/// What the application is told.
#[derive(Clone, Debug)]
pub enum Input {
    /// A key.
    Key(KeyEvent),
    /// The mouse.
    Mouse(MouseEvent),
    /// Pasted text.
    Paste(String),
    /// The window's new size: columns, rows.
    Resize(u16, u16),
    /// News from the work behind.
    News(News),
    /// An event is on the disk; the time for the header, `HH:MM`.
    Recorded(Box<Event>, String),
    /// It is not, and why.
    NotSaved(Box<Body>, String),
    /// Nothing can be changed from now on, and why.
    ReadOnly(String),
    /// The correction of a signed review was begun: its state. Or why it was not.
    Corrected(Result<Box<State>, String>),
    /// The program is being ended from outside: keep what can be kept.
    Ending,
    /// Nothing happened for a while.
    Idle,
}
