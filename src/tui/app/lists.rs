//! The rows of the long lists, made once per refresh and sliced when drawn.

use std::collections::BTreeMap;

use super::{App, Pane};
use crate::model::{Node, OfferedKey, Outcome, ResultMark, Standing};
use crate::review::{CarriedRuling, Item, Ruling, Target};
use crate::text::{Role, Row, Shown};
use crate::tui::widgets::grouped;

/// What Artifacts shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Filter {
    /// All that is not the same.
    #[default]
    NotSame,
    /// Everything.
    All,
    /// `!`.
    Different,
    /// `~`.
    Explained,
    /// `?`, `<` and `>`.
    NotTold,
    /// `=`.
    Same,
}

impl Filter {
    const ALL: [Self; 6] = [Self::NotSame, Self::All, Self::Different, Self::Explained, Self::NotTold, Self::Same];

    /// The marks it lets through.
    pub(crate) fn marks(self) -> &'static str {
        match self {
            Self::NotSame => "!?<>~.",
            Self::All => "!?<>~=.",
            Self::Different => "!",
            Self::Explained => "~",
            Self::NotTold => "?<>",
            Self::Same => "=",
        }
    }
}

/// How Artifacts is arranged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Order {
    /// The worst first.
    #[default]
    Worst,
    /// Members under their containers.
    Tree,
    /// By what differs and by cause, each group under its head.
    Group,
}

impl Order {
    /// In words.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Worst => "worst first",
            Self::Tree => "tree",
            Self::Group => "by difference",
        }
    }
}

/// A row of Artifacts.
#[derive(Clone, Debug)]
pub(crate) struct ArtifactRow {
    pub(crate) artifact: usize,
    pub(crate) path: Box<[usize]>,
    /// The machine's mark; `.` while it is not compared.
    pub(crate) mark: char,
    /// Index of its item, if it is one.
    pub(crate) item: Option<usize>,
    /// Of a group's head: what its files have in common. It is no file itself.
    pub(crate) head: Option<String>,
}

/// A row of Provenance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClaimRow {
    /// A link of the chain.
    Link(usize),
    /// A check, by its place among all of them.
    Check(usize),
    /// An attestation.
    Head(usize),
    /// An answer of an attestation.
    Answer(usize, usize),
    /// A key that the bundle offers.
    Offer(usize),
}

/// A row of the findings pane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoteRow {
    /// A finding.
    Finding(usize),
    /// A note.
    Note(usize),
}

/// The role of a machine's mark.
pub(crate) fn role_of(mark: char) -> Role {
    match mark {
        '=' => Role::Good,
        '!' | '<' | '>' => Role::Bad,
        '?' => Role::Unknown,
        '~' => Role::Explained,
        _ => Role::Dim,
    }
}

/// The mark of an outcome.
pub(crate) fn outcome_mark(outcome: Outcome) -> char {
    match outcome {
        Outcome::Yes => '=',
        Outcome::No => '!',
        Outcome::CannotTell => '?',
    }
}

/// The mark of a link.
pub(crate) fn standing_mark(standing: Standing) -> char {
    match standing {
        Standing::Proven => '=',
        Standing::Claimed | Standing::Absent => '?',
        Standing::Broken => '!',
    }
}

fn rank(mark: char) -> u8 {
    match mark {
        '!' => 0,
        '?' => 1,
        '<' => 2,
        '>' => 3,
        '~' => 4,
        '.' => 5,
        _ => 6,
    }
}

/// Places of an item that Overview lists.
const LISTED: usize = 500;

/// An offered key: its fingerprint in each form that may stand on paper.
pub(crate) fn offer_rows(key: &OfferedKey) -> Vec<Row> {
    let known = match &key.known_as {
        Some(who) => format!("it is among your allowed signers, as {}", Shown::new(who)),
        None => "an offer, which counts for nothing: compare with paper".to_owned(),
    };
    let mut rows = vec![
        Row::new().with(Role::Dim, "offered in   ").untrusted(Role::Claim, &key.file),
        Row::new().with(Role::Dim, "as key of    ").untrusted(Role::Claim, &key.called),
        Row::new().with(Role::Text, &known),
        Row::new(),
        Row::new().with(Role::Dim, "fingerprint, ").with(Role::Text, &key.kind),
        Row::new().with(Role::Text, &key.fingerprint),
        Row::new(),
        Row::new().with(Role::Dim, "the same in hexadecimal (SHA-256)"),
    ];
    let hex = key.sha256.to_string();
    rows.extend((0..64).step_by(32).map(|at| {
        let groups: Vec<&str> = (at..at + 32).step_by(4).filter_map(|i| hex.get(i..i + 4)).collect();
        Row::new().with(Role::Text, &groups.join(" "))
    }));
    rows.push(Row::new());
    rows.push(Row::new().with(Role::Dim, "the same in words (PGP word list)"));
    let words = crate::digest::words::words(&key.sha256.0);
    let line = |(i, four): (usize, &[&str])| Row::new().with(Role::Dim, &format!("{:02}  ", i * 4)).with(Role::Text, &four.join(" "));
    rows.extend(words.chunks(4).enumerate().map(line));
    rows
}

impl App {
    /// The rows of Artifacts under the filter, worst first.
    pub(crate) fn make_artifacts(&mut self) {
        let selected = self.artifacts.get(self.cursor(Pane::Files).at).map(|r| (r.artifact, r.path.clone()));
        let wanted = self.filter.marks();
        let mut rows = Vec::new();
        let mut hidden = BTreeMap::new();
        for (artifact, root) in self.facts.comparisons.iter().enumerate() {
            match root {
                None if wanted.contains('.') => {
                    rows.push(ArtifactRow { artifact, path: Box::default(), mark: '.', item: None, head: None })
                }
                None => *hidden.entry('.').or_default() += 1,
                Some(root) => add(root, &mut Vec::new(), &mut |path, mark| {
                    if wanted.contains(mark) {
                        let item = self.node_items.get(&(artifact, path.to_vec())).copied();
                        rows.push(ArtifactRow { artifact, path: path.into(), mark, item, head: None });
                    } else {
                        *hidden.entry(mark).or_default() += 1;
                    }
                }),
            }
        }
        match self.order {
            Order::Worst => rows.sort_by_key(|r| rank(r.mark)),
            Order::Tree => {}
            Order::Group => rows = self.grouped_rows(rows),
        }
        self.artifacts = rows;
        self.hidden = hidden;
        if let Some((artifact, path)) = selected
            && let Some(at) = self.artifacts.iter().position(|r| r.head.is_none() && r.artifact == artifact && r.path == path)
        {
            self.cursor_mut(Pane::Files).at = at;
        }
        self.clamp();
    }

    /// Under each head the files that have it in common: what differs in the same way, then what the same causes explain,
    /// then the rest by its result.
    fn grouped_rows(&self, rows: Vec<ArtifactRow>) -> Vec<ArtifactRow> {
        type Groups = BTreeMap<(u8, usize, String), (Option<usize>, Vec<ArtifactRow>)>;
        let mut groups: Groups = BTreeMap::new();
        for row in rows {
            let key = match row.item.and_then(|i| Some((i, self.items.get(i)?))) {
                Some((i, item)) => (rank(row.mark), i, item.why.clone()),
                None => {
                    let mut causes: Vec<&str> = match self.artifact_node(&row) {
                        Some(node) if row.mark == '~' => node.proofs.iter().map(|p| p.cause.word()).collect(),
                        _ => Vec::new(),
                    };
                    causes.sort_unstable();
                    causes.dedup();
                    let text = match (row.mark, causes.is_empty()) {
                        ('=', _) => "identical".to_owned(),
                        ('.', _) => "not compared yet".to_owned(),
                        (_, false) => format!("explained: {}", causes.join(", ")),
                        ('~', _) => "containers of what is explained".to_owned(),
                        _ => "containers of what differs".to_owned(),
                    };
                    (rank(row.mark), usize::MAX, text)
                }
            };
            groups.entry(key).or_insert_with(|| (row.item, Vec::new())).1.push(row);
        }
        let mut out = Vec::new();
        for ((_, _, text), (item, rows)) in groups {
            let Some(mark) = rows.first().map(|r| r.mark) else { continue };
            let files = if rows.len() == 1 { "1 row".to_owned() } else { format!("{} rows", grouped(rows.len() as u64)) };
            out.push(ArtifactRow { artifact: usize::MAX, path: Box::default(), mark, item, head: Some(format!("{files}: {text}")) });
            out.extend(rows);
        }
        out
    }

    pub(crate) fn next_order(&mut self) {
        self.order = match self.order {
            Order::Worst => Order::Tree,
            Order::Tree => Order::Group,
            Order::Group => Order::Worst,
        };
        self.make_artifacts();
        let text = format!("order: {}", self.order.word());
        self.say(&text);
    }

    pub(crate) fn next_filter(&mut self) {
        let at = Filter::ALL.iter().position(|f| *f == self.filter).unwrap_or(0);
        self.filter = Filter::ALL.get((at + 1) % Filter::ALL.len()).copied().unwrap_or_default();
        self.make_artifacts();
        let text = format!("filter {}: {} rows", self.filter.marks(), grouped(self.artifacts.len() as u64));
        self.say(&text);
    }

    /// The node of a row; absent while it is not compared.
    pub(crate) fn artifact_node(&self, row: &ArtifactRow) -> Option<&Node> {
        self.facts.comparisons.get(row.artifact)?.as_ref()?.at(&row.path)
    }

    /// The way to a node: artifact, then members.
    pub(crate) fn way(&self, artifact: usize, path: &[usize]) -> Shown {
        let declared = self.facts.release.artifacts.get(artifact).map(|a| a.name.shown()).unwrap_or_default();
        let mut way = declared.to_string();
        let mut node = self.facts.comparisons.get(artifact).and_then(Option::as_ref).map(AsRef::as_ref);
        for i in path {
            node = node.and_then(|n: &Node| n.children.get(*i));
            if let Some(child) = node {
                way.push('!');
                way.push_str(child.name.shown().as_str());
            }
        }
        Shown::new(&way)
    }

    /// The rows of the findings pane: open findings, closed ones, notes.
    pub(crate) fn note_rows(&self) -> Vec<NoteRow> {
        let findings = &self.state.findings;
        let of =
            |closed: bool| findings.iter().enumerate().filter(move |(_, f)| f.closed.is_some() == closed).map(|(i, _)| NoteRow::Finding(i));
        of(false).chain(of(true)).chain((0..self.state.notes.len()).map(NoteRow::Note)).collect()
    }

    /// What is known about an item, for the evidence pane of Overview.
    pub(crate) fn item_rows(&self, item: &Item) -> Vec<Row> {
        let role = role_of(item.mark);
        let mut rows = vec![
            Row::new().with(role, &format!("{} ", item.mark)).untrusted(Role::Title, &item.title),
            Row::new().with(Role::Text, &item.why),
            Row::new(),
        ];
        match &item.target {
            Target::Compare { artifact, path } => {
                if let Some(node) = self.facts.comparisons.get(*artifact).and_then(|n| n.as_ref()?.at(path)) {
                    let mut way = Row::new().with(Role::Dim, "in       ");
                    way.push(Role::Text, self.way(*artifact, path));
                    rows.push(way);
                    rows.extend(super::node_rows(node));
                    for function in node.functions.iter().filter(|f| f.result == ResultMark::Different) {
                        rows.push(
                            Row::new()
                                .with(Role::Bad, "! ")
                                .untrusted(Role::Text, &function.name)
                                .with(Role::Dim, "  ")
                                .with(Role::Text, &function.what),
                        );
                    }
                }
            }
            Target::Cluster(places) => {
                rows.push(
                    Row::new().with(Role::Dim, "the same in ").with(Role::Text, &format!("{} places:", grouped(places.len() as u64))),
                );
                rows.extend(places.iter().map(|spot| Row::new().with(role, &format!("{} ", item.mark)).with(Role::Text, &spot.name)));
                rows.push(Row::new());
                if let Some(node) = places.first().and_then(|s| self.facts.comparisons.get(s.root)?.as_ref()?.at(&s.path)) {
                    rows.push(Row::new().with(Role::Dim, "the first of them:"));
                    rows.extend(super::node_rows(node));
                }
            }
            Target::Places(i) => {
                let flag = self.facts.flags.as_ref().and_then(|f| f.get(*i));
                let places = flag.map(|f| f.places.as_slice()).unwrap_or_default();
                rows.push(Row::new().with(Role::Dim, "check    ").with(Role::Text, flag.map_or("", |f| f.code)));
                for place in places.iter().take(LISTED) {
                    let path = self.facts.source_path(place.entry).unwrap_or_default();
                    let mut row = Row::new().with(role, &format!("{} ", item.mark)).untrusted(Role::Text, &path);
                    if let Some(line) = place.lines.first().filter(|l| **l > 1) {
                        row = row.with(Role::Dim, &format!(":{line}"));
                    }
                    rows.push(row.with(Role::Dim, &format!("  {}", place.detail)));
                }
                if let Some(more) = places.len().checked_sub(LISTED).filter(|n| *n > 0) {
                    rows.push(Row::new().with(Role::Dim, &format!("and {} more: ] on Source steps through all", grouped(more as u64))));
                }
            }
            Target::Defect(i) => {
                if let Some(defect) = self.facts.all_defects().nth(*i) {
                    rows.push(Row::new().with(Role::Dim, "check    ").with(Role::Text, defect.code));
                    rows.push(Row::new().with(Role::Dim, "place    ").with(Role::Text, &defect.place.to_string()));
                    rows.push(Row::new().with(Role::Dim, "to do    ").with(Role::Text, defect.advice));
                }
            }
            Target::File(i) => {
                if let Some(file) = self.facts.release.files.get(*i) {
                    rows.push(Row::new().with(Role::Dim, "file     ").untrusted(Role::Text, &file.path));
                    for digest in &file.declared {
                        rows.push(Row::new().with(Role::Dim, "declared ").with(Role::Claim, &digest.to_string()));
                    }
                    let ours = self.facts.hashed.get(*i).copied().flatten().and_then(|h| h.sha256);
                    rows.push(
                        Row::new()
                            .with(Role::Dim, "computed ")
                            .with(Role::Text, &ours.map_or_else(|| "(nothing)".to_owned(), |d| d.to_string())),
                    );
                }
            }
            Target::Chain(i) => {
                if let Some(link) = self.facts.chain.get(*i) {
                    rows.push(Row::new().with(Role::Dim, link.standing.word()).with(Role::Text, ": ").with(Role::Text, &link.why));
                    rows.extend(link.evidence.iter().map(|clue| Row::new().with(Role::Dim, "> ").with(Role::Text, &clue.text)));
                }
            }
            Target::Attestation { index, question } => {
                let answers =
                    self.facts.attestations.as_ref().and_then(|a| a.get(*index)).map(|a| a.answers.as_slice()).unwrap_or_default();
                for answer in answers {
                    let mark = outcome_mark(answer.outcome);
                    let role = if answer.question == *question { Role::Title } else { role_of(mark) };
                    rows.push(Row::new().with(role, &format!("{mark} {:<10} ", answer.question.word())).with(Role::Text, &answer.reason));
                }
            }
            Target::Rule(_) | Target::Batch | Target::Source { .. } | Target::Question(_) | Target::NoSuchSource(_) => {}
        }
        rows.push(Row::new());
        let (shown, of) = self.coverage(item);
        let ruled = match self.state.ruling(item) {
            Some(ruled) => format!("{} {}", ruled.ruling.mark(), Shown::new(&ruled.reason)),
            None if self.state.carried(item).is_some() => carried_words(self.state.carried(item), true),
            None if self.state.stale_ruling(item).is_some() => "ruled on before, on something else: that does not count".to_owned(),
            None if shown == 0 => "nobody has looked yet".to_owned(),
            None => format!("shown {shown} of {of}, no ruling"),
        };
        rows.push(Row::new().with(Role::Dim, "person   ").with(Role::Text, &ruled));
        if self.state.before(item).is_some() {
            rows.push(Row::new().with(Role::Dim, "before   ").with(Role::Text, &carried_words(self.state.before(item), false)));
        }
        rows
    }
}

/// `unchanged since record 16, accepted by alice`, or what was ruled before it changed.
fn carried_words(carried: Option<&CarriedRuling>, same: bool) -> String {
    let Some(carried) = carried else { return String::new() };
    let word = if carried.ruling == Ruling::Accepted { "accepted" } else { "rejected" };
    let reason = if carried.reason.is_empty() { String::new() } else { format!(": {}", Shown::new(&carried.reason)) };
    let by = Shown::new(&carried.by);
    if same {
        format!("unchanged since record {}, {word} by {by}{reason}; nobody looked this time (R looks again)", carried.sequence)
    } else {
        format!("{word} by {by} for record {}{reason}; that does not hold any more", carried.sequence)
    }
}

fn add(node: &Node, path: &mut Vec<usize>, each: &mut dyn FnMut(&[usize], char)) {
    each(path, node.result.mark());
    for (i, child) in node.children.iter().enumerate() {
        path.push(i);
        add(child, path, each);
        path.pop();
    }
}
