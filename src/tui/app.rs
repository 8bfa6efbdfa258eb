//! The application: everything the console knows and what it makes of an input. No terminal, no files, no clock.
//!
//! [`App::update`] takes an [`Input`] and returns [`Effect`]s for the loop to carry out; screens draw from `&App`;
//! [`App::drawn`] is told what was really inside a frame. A ruling counts only once it came back as [`Input::Recorded`].

mod anchor;
mod claims;
mod compare;
mod cursor;
mod dialog;
mod find;
mod findings;
mod go;
mod jobs;
mod keys;
mod lists;
mod moving;
mod past;
mod recorded;
mod report;
mod resume;
mod rule;
mod saving;
mod search;
mod seen;
mod sheet;
mod sign;
mod source;
mod words;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

#[cfg(test)]
pub(crate) use compare::Want;
pub(crate) use compare::{Compare, Front, Group, Loaded, Part, change_points};
pub(crate) use cursor::{Cursor, Pane};
pub(crate) use dialog::{Dialog, Help, Prompt, Purpose};
pub(crate) use find::{Finder, GoalRow, TextSearch, What};
pub(crate) use lists::{ArtifactRow, ClaimRow, Filter, NoteRow, Order, outcome_mark, role_of as lists_role, standing_mark};
pub(crate) use moving::Targets;
pub(crate) use past::{Layer, PastView};
pub(crate) use search::Search;
pub use seen::Drawn;
pub(crate) use seen::Sight;
pub(crate) use sheet::Sheet;
pub(crate) use sign::{Field, SignBox};
pub(crate) use source::Source;
#[cfg(test)]
pub(crate) use source::SourceText;
pub(crate) use words::{account_row, built_from_rows, first_rows, function_row, node_rows, proof_rows, share_rows};

use super::action::{Effect, Input, Screen};
use super::keymap::Keys;
use super::theme::Theme;
use crate::checks::{Check, Discovery, Facts, GroupSummary, Policy};
use crate::review::{Blocker, Body, Class, Coverage, Item, State, Target, changed_first, coverage, queue};
use crate::session::seal::Level;
use crate::session::{News, Prepared, Progress, SignedRecord};
use crate::text::{Role, Shown};

/// Below this many columns one pane and a strip are drawn.
pub(crate) const MEDIUM: u16 = 100;
/// From this many columns three panes are drawn.
pub(crate) const WIDE: u16 = 160;
/// What was shown is written that long after it was seen first.
const FLUSH: Duration = Duration::from_secs(1);
/// Between two recomputations of the queue while news comes in.
const REFRESH: Duration = Duration::from_millis(250);
/// The same for a release of many artifacts.
const REFRESH_LARGE: Duration = Duration::from_secs(1);

/// The state of the console.
pub struct App {
    pub(crate) facts: Facts,
    pub(crate) policy: Policy,
    pub(crate) state: State,
    pub(crate) read_only: Option<String>,
    pub(crate) theme: Theme,
    pub(crate) keys: Keys,
    pub(crate) size: (u16, u16),
    pub(crate) now: Duration,
    pub(crate) saved: String,
    /// The seal of this process; `None` where nobody asked for one.
    pub(crate) seal: Option<Level>,
    pub(crate) key_offer: String,
    pub(crate) output_offer: String,
    // Made from facts and state by `refresh` and `recount`.
    pub(crate) items: Vec<Item>,
    /// The item of a node, by artifact and child indices.
    pub(crate) node_items: HashMap<(usize, Vec<usize>), usize>,
    pub(crate) groups: Vec<GroupSummary>,
    pub(crate) checks: Vec<Check>,
    pub(crate) blockers: Vec<Blocker>,
    pub(crate) tally: BTreeMap<Class, usize>,
    /// What was shown in total, as far as it is written; made when Sign-off is in front.
    pub(crate) totals: Option<Coverage>,
    pub(crate) artifacts: Vec<ArtifactRow>,
    pub(crate) filter: Filter,
    pub(crate) order: Order,
    /// Rows of Artifacts that the filter hides, by their mark.
    pub(crate) hidden: BTreeMap<char, usize>,
    pub(crate) claims: Vec<ClaimRow>,
    /// What is known about the selected claim.
    pub(crate) evidence: claims::Evidence,
    /// Whether the evidence of an attestation is the exact bytes that were signed.
    pub(crate) raw: bool,
    dirty: bool,
    refreshed: Option<Duration>,
    // Where the reviewer is.
    pub(crate) screen: Screen,
    pub(crate) focus: [Pane; 7],
    pub(crate) cursors: [Cursor; Pane::COUNT],
    /// The item that was opened last.
    pub(crate) item: Option<String>,
    /// The item whose evidence Overview shows in place of the groups.
    pub(crate) detail: Option<String>,
    pub(crate) source: Source,
    pub(crate) past: PastView,
    pub(crate) compare: Compare,
    pub(crate) dialog: Option<Dialog>,
    pub(crate) prepared: Option<Prepared>,
    pub(crate) statement: Vec<crate::text::Row>,
    /// The record that was signed in this session.
    pub(crate) signed: Option<SignedRecord>,
    /// What lies on Sign-off in place of its panes.
    pub(crate) sheet: Option<Sheet>,
    /// Whether the next statement is made to see what would leave.
    leaves_wanted: bool,
    pub(crate) search: Option<Search>,
    pub(crate) texts: TextSearch,
    pub(crate) jobs: Vec<Progress>,
    /// When each job began.
    begun: BTreeMap<&'static str, jobs::Begun>,
    pub(crate) message: Option<(Role, String)>,
    pub(crate) sideways: usize,
    /// Where a selection of rows started, and in which pane.
    pub(crate) selection: Option<(Pane, usize)>,
    prefix: Option<String>,
    typing: moving::Typing,
    marks: BTreeMap<char, go::Spot>,
    /// Whether the pane with the focus is drawn alone.
    pub(crate) zoom: bool,
    /// Whether long lines of a source file are cut.
    pub(crate) cut_lines: bool,
    /// Whether long rows of a listing are wrapped.
    pub(crate) wrap_rows: bool,
    /// What the mouse can point at.
    targets: Targets,
    /// The item for which "not everything was shown" was said: the next `a` asks for a reason.
    asked: Option<String>,
    /// The place of the last session.
    resume: resume::Resume,
    /// What could not be written, in order: `:save` tries it again.
    pub(crate) unsaved: Vec<Body>,
    /// Whether this place was opened from Sign-off: closing it goes back there.
    pub(crate) errand: bool,
    back: Vec<go::Spot>,
    forward: Vec<go::Spot>,
    seen: seen::Seen,
    out: Vec<Effect>,
}

impl App {
    /// A console over what a session knows; `size` is columns and rows.
    #[must_use]
    pub fn new(facts: Facts, policy: Policy, state: State, read_only: Option<String>, theme: Theme, size: (u16, u16)) -> Self {
        let mut app = Self {
            facts,
            policy,
            state,
            read_only,
            theme,
            keys: Keys::default(),
            size,
            now: Duration::ZERO,
            saved: String::new(),
            seal: None,
            key_offer: String::new(),
            output_offer: String::new(),
            items: Vec::new(),
            node_items: HashMap::new(),
            groups: Vec::new(),
            checks: Vec::new(),
            blockers: Vec::new(),
            tally: BTreeMap::new(),
            totals: None,
            artifacts: Vec::new(),
            filter: Filter::default(),
            order: Order::default(),
            hidden: BTreeMap::new(),
            claims: Vec::new(),
            evidence: claims::Evidence::default(),
            raw: false,
            dirty: true,
            refreshed: None,
            screen: Screen::Overview,
            focus: [Pane::Queue, Pane::Tree, Pane::Claims, Pane::Files, Pane::Listing, Pane::Checklist, Pane::Blockers],
            cursors: [Cursor::default(); Pane::COUNT],
            item: None,
            detail: None,
            source: Source::default(),
            past: PastView::default(),
            compare: Compare::default(),
            dialog: None,
            prepared: None,
            statement: Vec::new(),
            signed: None,
            sheet: None,
            leaves_wanted: false,
            search: None,
            texts: TextSearch::default(),
            jobs: Vec::new(),
            begun: BTreeMap::new(),
            message: None,
            sideways: 0,
            selection: None,
            prefix: None,
            typing: moving::Typing::default(),
            marks: BTreeMap::new(),
            zoom: false,
            cut_lines: false,
            wrap_rows: false,
            targets: Targets::default(),
            asked: None,
            resume: resume::Resume::default(),
            unsaved: Vec::new(),
            errand: false,
            back: Vec::new(),
            forward: Vec::new(),
            seen: seen::Seen::new(),
            out: Vec::new(),
        };
        app.refresh();
        app
    }

    /// Says on the screen which seal is in force.
    pub fn sealed(&mut self, level: Level) {
        self.seal = Some(level);
    }

    /// What the sign dialog offers: a key file (empty: the agent) and where the record goes.
    pub fn offer(&mut self, key: String, output: String) {
        self.key_offer = key;
        self.output_offer = output;
    }

    /// The keys that hold, where they are not those of the table.
    pub fn set_keys(&mut self, keys: Keys) {
        self.keys = keys;
    }

    /// Takes an input; `now` is a monotonic time. Returns what the loop must carry out.
    pub fn update(&mut self, input: Input, now: Duration) -> Vec<Effect> {
        self.now = now;
        match input {
            Input::Key(key) => self.key(key),
            Input::Paste(text) => self.paste(&text),
            Input::Mouse(mouse) => self.mouse(mouse),
            Input::Resize(columns, rows) => self.resize(columns, rows),
            Input::News(news) => self.news(news),
            Input::Recorded(event, clock) => self.recorded(*event, clock),
            Input::NotSaved(body, why) => self.not_saved(*body, &why),
            Input::ReadOnly(why) => self.close_review(why),
            Input::Corrected(result) => self.corrected(result),
            Input::Ending => {
                self.flush();
                self.keep_place();
            }
            Input::Idle => self.find_more(),
        }
        // Also while news keeps coming in, what was shown is written after a second at the latest.
        if !self.seen.failed && self.seen.since.is_some_and(|since| since + FLUSH <= now) {
            self.flush();
        }
        if self.dirty && self.refresh_due().is_zero() {
            self.refresh();
        }
        self.want_syntax();
        if self.screen == Screen::Signoff && self.totals.is_none() {
            self.totals = Some(coverage(&self.facts, &self.items, &self.state));
        }
        std::mem::take(&mut self.out)
    }

    /// In how long the loop should send [`Input::Idle`], when something waits for it.
    #[must_use]
    pub fn idle_in(&self) -> Option<Duration> {
        let refresh = self.dirty.then(|| self.refresh_due().max(Duration::from_millis(10)));
        let flush = self
            .seen
            .since
            .filter(|_| self.has_unwritten())
            .map(|since| (since + FLUSH).saturating_sub(self.now).max(Duration::from_millis(10)));
        let find = self.finds().then_some(Duration::ZERO);
        refresh.into_iter().chain(flush).chain(find).chain(self.digit_settles_in()).min()
    }

    fn refresh_due(&self) -> Duration {
        let pause = if self.facts.comparisons.len() > 5_000 || self.facts.hashed.len() > 20_000 { REFRESH_LARGE } else { REFRESH };
        // The last piece of news is shown at once.
        if self.facts.is_complete() && !self.facts.hashed.is_empty() && self.refreshed.is_some_and(|at| at + REFRESH <= self.now) {
            return Duration::ZERO;
        }
        self.refreshed.map_or(Duration::ZERO, |at| (at + pause).saturating_sub(self.now))
    }

    /// Makes queue, checks and lists from the facts again; what is selected stays selected by its id.
    fn refresh(&mut self) {
        let selected = self.items.get(self.cursor(Pane::Queue).at).map(|i| i.id.clone());
        self.items = changed_first(queue(&self.facts, &self.policy), &self.state);
        if let Some(at) = selected.and_then(|id| self.items.iter().position(|i| i.id == id)) {
            self.cursor_mut(Pane::Queue).at = at;
        }
        self.node_items.clear();
        for (i, item) in self.items.iter().enumerate() {
            match &item.target {
                Target::Compare { artifact, path } => {
                    self.node_items.insert((*artifact, path.clone()), i);
                }
                // A fact about the toolchain is beside what differs in the file itself.
                Target::Cluster(places) if item.class != Class::Toolchain => {
                    self.node_items.extend(places.iter().map(|spot| ((spot.root, spot.path.clone()), i)));
                }
                _ => {}
            }
        }
        self.checks = crate::checks::run(&self.facts);
        self.groups = crate::checks::groups(&self.facts);
        self.make_claims();
        self.make_artifacts();
        self.make_tree();
        self.refresh_compare();
        self.recount();
        self.make_evidence();
        self.look_for_place();
        self.dirty = false;
        self.refreshed = Some(self.now);
    }

    /// Makes what depends on the review's state again.
    pub(crate) fn recount(&mut self) {
        self.totals = None;
        self.blockers = self.state.blockers(&self.facts, &self.policy, &self.items);
        self.tally = BTreeMap::new();
        for (_, item) in self.state.open(&self.items) {
            *self.tally.entry(item.class).or_default() += 1;
        }
        self.clamp();
    }

    /// Number of items without a ruling.
    pub(crate) fn open_count(&self) -> usize {
        self.tally.values().sum()
    }

    fn resize(&mut self, columns: u16, rows: u16) {
        self.size = (columns, rows);
        self.rewrap();
        self.make_evidence();
        let now = self.now;
        if let Some(Dialog::Sign(sign)) = &mut self.dialog {
            sign.guard = now; // the button moved
        }
        let pane = self.focus[self.screen as usize];
        if !self.panes().contains(&pane) {
            self.focus_first();
        }
    }

    fn news(&mut self, news: News) {
        match news {
            News::Discovery(discovery) => {
                if let Discovery::AllHashed(Some(identity)) = &discovery {
                    self.effect(Effect::Identified(*identity));
                }
                self.facts.learn(discovery);
                self.dirty = true;
            }
            News::Progress(progress) => self.progressed(progress),
            News::SourceFile(entry, file) => self.source_came(entry, file),
            News::Sources(entry, compared) => self.pair_came(entry, compared),
            News::Listing(key, listing) => self.listing_came(key, listing),
            News::Found(found) => self.found(found),
            News::Past(past) => self.past_came(past),
            News::Syntax(lines) => self.syntax_came(lines),
            News::Reported(written) => self.report_came(written),
            News::Prepared(prepared) => self.statement_came(*prepared),
            News::Signed(result) => self.signature_came(result),
            News::Previous(handed) => self.previous_came(handed),
        }
    }

    /// Puts a sentence into the status line until the next key.
    pub(crate) fn say(&mut self, text: &str) {
        self.message = Some((Role::Text, text.to_owned()));
    }

    /// Puts a warning into the status line until the next key.
    pub(crate) fn warn(&mut self, text: &str) {
        self.message = Some((Role::Bad, text.to_owned()));
    }

    pub(crate) fn effect(&mut self, effect: Effect) {
        self.out.push(effect);
    }

    /// Asks for an event to be recorded; nothing is shown as done before it came back.
    pub(crate) fn record(&mut self, body: Body) -> bool {
        if let Some(why) = &self.read_only {
            let text = format!("read-only: {}", Shown::new(why));
            self.warn(&text);
            return false;
        }
        self.out.push(Effect::Record(Box::new(body)));
        true
    }
}
