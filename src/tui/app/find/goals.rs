//! What the list over the screen leads to: what has a name, and how it is reached.

use std::borrow::Cow;
use std::sync::Arc;

use super::super::compare::Want;
use super::super::report::Wanted;
use super::super::{App, ClaimRow, NoteRow, Pane, Part};
use crate::model::Node;
use crate::session::{Hit, HitKind, HitPlace, HitRank};
use crate::text::{Role, Row, Shown};
use crate::tui::action::{Action, Screen};
use crate::tui::keymap::{Context, Key};
use crate::tui::widgets::grouped;

/// A digest may be found by its start from that many digits on.
const DIGITS: usize = 6;

/// The words that `:` takes beside lines and addresses.
const WORDS: [(&str, &str); 5] = [
    ("save", "write again what is NOT saved"),
    ("report", "NAME.html, .json or .txt: write what Compare or Artifacts shows as a report without source; Tab proposes a name"),
    ("report!", "NAME.html, .json or .txt: the same WITH lines of source, instructions and strings"),
    ("correct", "begin the correction of a review that was signed"),
    ("q", "leave"),
];

/// Something that can be found.
#[derive(Clone, Debug)]
pub(crate) enum Goal {
    /// An item to review: where it is in the queue, and its id, which tells whether it is still there.
    Item(usize, Arc<str>),
    /// A finding, by its id.
    Finding(Arc<str>),
    /// A check, by its place in the list.
    Check(usize),
    /// A compared file: artifact and child indices.
    Node(usize, Arc<[usize]>),
    /// A function of a compared file.
    Function(usize, Arc<[usize]>, usize),
    /// A source file.
    Entry(usize),
    /// An action.
    Do(&'static Key),
    /// A word of the command line.
    Word(&'static str, &'static str),
    /// A line, row or address that was typed.
    Place,
    /// A text that was found.
    Hit(Hit),
}

/// How a goal is listed.
pub(crate) struct GoalRow {
    /// What it is, in one word.
    pub(crate) kind: &'static str,
    /// Whether its end says more than its start.
    pub(crate) is_path: bool,
    /// Its name.
    pub(crate) name: Shown,
    /// What else is to be said.
    pub(crate) note: Row,
}

impl Goal {
    /// Whether it is meant by that text, whatever its name is.
    pub(super) fn always(&self, text: &str) -> bool {
        match self {
            Self::Place => is_place(text),
            Self::Word(word, _) => {
                text.strip_prefix(word).is_some_and(|rest| rest.is_empty() || Wanted::of(text).is_some_and(|_| rest.starts_with(' ')))
            }
            _ => false,
        }
    }
}

fn is_place(text: &str) -> bool {
    let hex = text.strip_prefix("0x").is_some_and(|h| !h.is_empty() && h.bytes().all(|b| b.is_ascii_hexdigit()));
    hex || !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// Calls `each` for a node and all below it, with the child indices from the root.
fn each_node(node: &Node, path: &mut Vec<usize>, each: &mut dyn FnMut(&Node, &[usize])) {
    each(node, path);
    for (i, child) in node.children.iter().enumerate() {
        path.push(i);
        each_node(child, path, each);
        path.pop();
    }
}

impl App {
    /// All that has a name, in the order in which it is listed when nothing is typed: what is to be judged first.
    pub(super) fn names(&self) -> Vec<Goal> {
        let (open, ruled): (Vec<_>, Vec<_>) = self.items.iter().enumerate().partition(|(_, i)| self.state.is_open(i));
        let mut out: Vec<Goal> = open.into_iter().chain(ruled).map(|(at, i)| Goal::Item(at, i.id.as_str().into())).collect();
        out.extend(self.state.findings.iter().map(|f| Goal::Finding(f.id.as_str().into())));
        out.extend((0..self.checks.len()).map(Goal::Check));
        let mut functions = Vec::new();
        for (artifact, root) in self.facts.comparisons.iter().enumerate() {
            match root {
                Some(root) => each_node(root, &mut Vec::new(), &mut |node, path| {
                    let path: Arc<[usize]> = path.into();
                    functions.extend((0..node.functions.len()).map(|f| Goal::Function(artifact, Arc::clone(&path), f)));
                    out.push(Goal::Node(artifact, path));
                }),
                None => out.push(Goal::Node(artifact, Arc::default())),
            }
        }
        out.append(&mut functions);
        out.extend(self.facts.sources().flat_map(|(first, tree)| first..first + tree.entries.len()).map(Goal::Entry));
        out
    }

    /// All that can be done on the screen in front.
    pub(super) fn commands(&self) -> Vec<Goal> {
        let words = WORDS.iter().map(|(word, help)| Goal::Word(word, help));
        let keys = self.keys.help(Context::On(self.screen)).into_iter().filter(|k| k.action != Action::Palette);
        std::iter::once(Goal::Place).chain(words).chain(keys.map(Goal::Do)).collect()
    }

    /// What Tab makes of the typed text: the word, and of a report's name one that fits.
    pub(super) fn completion(&self, goal: &Goal, text: &str) -> Option<String> {
        let Goal::Word(word, _) = goal else { return None };
        let proposed = Wanted::of(text).filter(|wanted| wanted.word() == *word).and_then(|wanted| self.report_proposal(&wanted));
        Some(proposed.unwrap_or_else(|| (*word).to_owned()))
    }

    fn node_of(&self, artifact: usize, path: &[usize]) -> Option<&Node> {
        self.facts.comparisons.get(artifact)?.as_ref()?.at(path)
    }

    /// An item that stood there when the list was opened; the queue may have been made again since.
    fn item_at(&self, at: usize, id: &str) -> Option<&crate::review::Item> {
        self.items.get(at).filter(|i| i.id == id).or_else(|| self.items.iter().find(|i| i.id == id))
    }

    /// The name that a pattern is held against.
    pub(super) fn name_of(&self, goal: &Goal) -> Cow<'_, str> {
        match goal {
            Goal::Item(at, id) => {
                let item = self.item_at(*at, id);
                item.map_or(Cow::Borrowed(""), |i| format!("{} {}", i.title.shown(), i.why).into())
            }
            Goal::Finding(id) => {
                let finding = self.state.findings.iter().find(|f| *f.id == **id);
                finding.map_or(Cow::Borrowed(""), |f| format!("{} {}", f.id, f.title).into())
            }
            Goal::Check(n) => self.checks.get(*n).map_or(Cow::Borrowed(""), |c| format!("{} {}", c.code.code, c.code.sentence).into()),
            Goal::Node(artifact, path) => self.way(*artifact, path).to_string().into(),
            Goal::Function(artifact, path, f) => {
                let function = self.node_of(*artifact, path).and_then(|n| n.functions.get(*f));
                function.map_or(Cow::Borrowed(""), |f| f.name.shown().to_string().into())
            }
            Goal::Entry(entry) => match self.facts.source_entry(*entry).map(|e| std::str::from_utf8(e.path.as_bytes())) {
                Some(Ok(path)) if path.is_ascii() => Cow::Borrowed(path),
                Some(_) => self.facts.source_path(*entry).map_or(Cow::Borrowed(""), |p| p.shown().to_string().into()),
                None => Cow::Borrowed(""),
            },
            Goal::Do(key) => Cow::Borrowed(key.help),
            Goal::Word(word, help) => format!("{word} {help}").into(),
            Goal::Place => Cow::Borrowed(""),
            Goal::Hit(hit) => hit.text.shown().to_string().into(),
        }
    }

    /// Whether a digest of it starts with these digits.
    pub(super) fn has_digest(&self, goal: &Goal, text: &str) -> bool {
        if text.len() < DIGITS || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return false;
        }
        let wanted = text.to_ascii_lowercase();
        match goal {
            Goal::Node(artifact, path) => match self.node_of(*artifact, path) {
                Some(node) => [node.digest.shipped, node.digest.rebuilt].into_iter().flatten().any(|d| d.to_string().starts_with(&wanted)),
                None => false,
            },
            Goal::Entry(entry) => self.facts.source_entry(*entry).is_some_and(|e| e.id.starts_with(&wanted)),
            _ => false,
        }
    }

    /// How a goal is listed; `text` is what was typed.
    pub(crate) fn goal_row(&self, goal: &Goal, text: &str) -> GoalRow {
        let row = |kind: &'static str, name: Shown, note: Row| GoalRow { kind, is_path: matches!(kind, "file" | "source"), name, note };
        let dim = |text: &str| Row::new().with(Role::Dim, text);
        match goal {
            Goal::Item(at, id) => match self.item_at(*at, id) {
                Some(item) => {
                    let marks = format!("{}{}", item.mark, self.person_mark(item));
                    row("item", Shown::new(&format!("{marks} {}", item.title.shown())), dim(&item.why))
                }
                None => row("item", Shown::default(), Row::new()),
            },
            Goal::Finding(id) => match self.state.findings.iter().find(|f| *f.id == **id) {
                Some(f) => row("finding", Shown::new(&format!("{} {}", f.id, f.title)), dim(f.standing())),
                None => row("finding", Shown::default(), Row::new()),
            },
            Goal::Check(n) => match self.checks.get(*n) {
                Some(check) => row("check", Shown::new(&format!("{} {}", check.verdict.mark(), check.code.sentence)), dim(check.code.code)),
                None => row("check", Shown::default(), Row::new()),
            },
            Goal::Node(artifact, path) => {
                let node = self.node_of(*artifact, path);
                let mark = node.map_or('.', |n| n.result.mark());
                let digest = node.and_then(|n| n.digest.shipped.or(n.digest.rebuilt)).filter(|_| self.has_digest(goal, text));
                let note = digest.map_or_else(Row::new, |d| dim(&d.to_string()));
                row("file", Shown::new(&format!("{mark} {}", self.way(*artifact, path))), note)
            }
            Goal::Function(artifact, path, f) => match self.node_of(*artifact, path).and_then(|n| n.functions.get(*f)) {
                Some(function) => {
                    let name = Shown::new(&format!("{} {}", function.result.mark(), function.name.shown()));
                    let note = Row::new().with(Role::Dim, &format!("in {}", self.way(*artifact, path)));
                    row("function", name, note)
                }
                None => row("function", Shown::default(), Row::new()),
            },
            Goal::Entry(entry) => {
                let name = self.facts.source_path(*entry).map(|p| p.shown()).unwrap_or_default();
                let id = self.facts.source_entry(*entry).map(|e| e.id.clone()).filter(|_| self.has_digest(goal, text));
                row("source", name, id.map_or_else(Row::new, |id| dim(&id)))
            }
            Goal::Do(key) => row("", Shown::new(key.help), Row::new().with(Role::Key, &key.keys.join("  "))),
            Goal::Word(word, help) => row("", Shown::new(help), Row::new().with(Role::Key, &format!(":{word}"))),
            Goal::Place if text.starts_with("0x") => row("", Shown::new(&format!("go to the address {text}")), Row::new()),
            Goal::Place if text.is_empty() => {
                row("", Shown::new("go to a line, row or address"), Row::new().with(Role::Key, ":217  :0x4a34"))
            }
            Goal::Place => row("", Shown::new(&format!("go to line or row {text}")), Row::new()),
            Goal::Hit(hit) => self.hit_row(hit),
        }
    }

    fn hit_row(&self, hit: &Hit) -> GoalRow {
        let note = Row::new().with(Role::Text, hit.text.shown().as_str());
        let (kind, name) = match &hit.place {
            HitPlace::Source(entry, line) => {
                let word = if hit.rank == HitRank::Defines { "defines" } else { "line" };
                (word, format!("{}:{line}", self.facts.source_path(*entry).map(|p| p.shown()).unwrap_or_default()))
            }
            HitPlace::Artifact(artifact, side, member, kind) => {
                let artifact = self.facts.release.artifacts.get(*artifact).map(|a| a.name.shown()).unwrap_or_default();
                let inside = if member.as_bytes().is_empty() { String::new() } else { format!("!{}", member.shown()) };
                let side = if *side == crate::model::Side::Shipped { "" } else { " (rebuilt only)" };
                match kind {
                    HitKind::Symbol(at) => ("symbol", format!("{artifact}{inside}:0x{at:x}{side}")),
                    HitKind::String(at) => ("string", format!("{artifact}{inside}:+0x{at:x}{side}")),
                }
            }
            HitPlace::Debug(artifact, file, at) => {
                let artifact = self.facts.release.artifacts.get(*artifact).map(|a| a.name.shown()).unwrap_or_default();
                ("symbol", format!("{artifact}:0x{at:x}, by {}", file.shown()))
            }
        };
        GoalRow { kind, is_path: true, name: Shown::new(&name), note }
    }

    /// Goes there, or does it.
    pub(super) fn reach(&mut self, goal: Goal, typed: &str) {
        match goal {
            Goal::Item(_, id) => match self.items.iter().position(|i| *i.id == *id) {
                Some(at) => self.open_item(at),
                None => self.say("that item is no longer there"),
            },
            Goal::Finding(id) => {
                self.remember();
                self.show(Screen::Findings);
                self.focus_on(Pane::Notes);
                let at = self.state.findings.iter().position(|f| *f.id == *id);
                let rows = self.note_rows();
                let row = rows.iter().position(|r| matches!(r, NoteRow::Finding(i) if Some(*i) == at));
                self.put_in_view(Pane::Notes, row.unwrap_or(0));
            }
            Goal::Check(n) => {
                self.remember();
                match self.claims.iter().position(|c| *c == ClaimRow::Check(n)) {
                    Some(row) => {
                        self.show(Screen::Provenance);
                        self.focus_on(Pane::Claims);
                        self.put_in_view(Pane::Claims, row);
                    }
                    None => {
                        self.show(Screen::Overview);
                        let told = self.checks.get(n).map(|c| format!("{}: {}", c.code.code, c.why));
                        self.say(&Shown::new(&told.unwrap_or_default()).to_string());
                    }
                }
            }
            Goal::Node(artifact, path) => self.reach_node(artifact, &path),
            Goal::Function(artifact, path, f) => {
                self.reach_node(artifact, &path);
                if let Some(part) = self.compare.parts.iter().position(|p| *p == Part::Function(f)) {
                    self.put_in_view(Pane::Parts, part);
                    self.compare.want = Some(Want::First);
                    self.part_changed();
                }
            }
            Goal::Entry(entry) => {
                self.remember();
                self.open_entry(entry, 1);
            }
            Goal::Do(key) => match key.action {
                Action::Accept | Action::AcceptGroup | Action::Reject | Action::SignDialog => {
                    let text = format!("press {} itself: a ruling is never made from a list", key.keys.join(" or "));
                    self.say(&text);
                }
                action => self.act(action),
            },
            // What was typed behind the word belongs to it.
            Goal::Word(word, _) => self.command(if Wanted::of(typed.trim()).is_some() { typed.trim() } else { word }),
            Goal::Place => self.command(typed.trim()),
            Goal::Hit(hit) => self.reach_hit(&hit),
        }
    }

    /// To a compared file: its rows, where it has any, else its row in Artifacts.
    fn reach_node(&mut self, artifact: usize, path: &[usize]) {
        if self.node_of(artifact, path).is_some_and(|n| n.evidence.is_some()) {
            self.remember();
            self.open_node(artifact, path.to_vec());
        } else {
            self.show_artifact(artifact, path);
        }
    }

    fn reach_hit(&mut self, hit: &Hit) {
        match &hit.place {
            HitPlace::Source(entry, line) => {
                self.remember();
                self.open_entry(*entry, *line);
                self.focus_on(Pane::File);
            }
            HitPlace::Artifact(artifact, _, member, HitKind::String(at)) => {
                let path = self.member_path(*artifact, member.as_bytes());
                self.reach_node(*artifact, &path);
                if self.screen == Screen::Compare {
                    self.show_string(*at);
                }
                self.say(&format!("the string is {} bytes into the file", grouped(*at)));
            }
            HitPlace::Artifact(artifact, _, _, HitKind::Symbol(at)) | HitPlace::Debug(artifact, _, at) => {
                match self.function_named(*artifact, &hit.text) {
                    Some((path, function)) => self.reach(Goal::Function(*artifact, path, function), ""),
                    None => {
                        let path = match &hit.place {
                            HitPlace::Artifact(_, _, member, _) => self.member_path(*artifact, member.as_bytes()),
                            _ => Vec::new(),
                        };
                        self.reach_node(*artifact, &path);
                        self.say(&format!("the symbol is at 0x{at:x}: its code is the same on both sides, or was not compared"));
                    }
                }
            }
        }
    }

    /// The function of that name among those of an artifact that differ.
    fn function_named(&self, artifact: usize, name: &crate::text::Untrusted) -> Option<(Arc<[usize]>, usize)> {
        let mut found = None;
        each_node(self.facts.comparisons.get(artifact)?.as_ref()?, &mut Vec::new(), &mut |node, path| {
            let at = node.functions.iter().position(|f| f.name == *name);
            found = found.take().or_else(|| at.map(|at| (Arc::from(path), at)));
        });
        found
    }

    /// The node of a member: as deep as the comparison went.
    fn member_path(&self, artifact: usize, member: &[u8]) -> Vec<usize> {
        let mut path = Vec::new();
        let Some(mut node) = self.facts.comparisons.get(artifact).and_then(Option::as_ref).map(AsRef::as_ref) else { return path };
        let mut rest = member;
        // The content of a compressed file has no name of its own.
        while let Some((i, child, after)) = node.children.iter().enumerate().find_map(|(i, c): (usize, &Node)| {
            let name = c.name.as_bytes();
            let after = rest.strip_prefix(name)?;
            let ends = after.is_empty() || after.starts_with(b"!");
            (ends && !rest.is_empty()).then(|| (i, c, after.strip_prefix(b"!").unwrap_or(after)))
        }) {
            path.push(i);
            (node, rest) = (child, after);
        }
        path
    }
}
