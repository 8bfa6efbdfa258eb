//! `:report NAME`: what Compare or Artifacts shows, as a file for those who build.

use std::path::PathBuf;

use super::{App, Front};
use crate::report::paper::{About, Form, Paper, Reported, hidden_words};
use crate::review::Target;
use crate::session::report_name;
use crate::text::{Role, Shown};
use crate::tui::action::{Effect, Screen};

/// The ends of a name, in the order in which Tab proposes them.
const ENDS: [&str; 3] = [".html", ".json", ".txt"];

/// What was typed: a name, and whether source is wanted in the report.
pub(super) struct Wanted<'a> {
    name: &'a str,
    with_source: bool,
}

impl<'a> Wanted<'a> {
    /// Reads `report NAME` and `report! NAME`.
    pub(super) fn of(text: &'a str) -> Option<Self> {
        let rest = text.strip_prefix("report")?;
        let (rest, with_source) = rest.strip_prefix('!').map_or((rest, false), |rest| (rest, true));
        (rest.is_empty() || rest.starts_with(' ')).then(|| Self { name: rest.trim(), with_source })
    }

    /// The word of the command line.
    pub(super) fn word(&self) -> &'static str {
        if self.with_source { "report!" } else { "report" }
    }
}

impl App {
    /// Has the report written.
    pub(super) fn report(&mut self, wanted: &Wanted<'_>) {
        let paper = match self.paper(wanted.with_source) {
            Ok(paper) => paper,
            Err(why) => return self.warn(&why),
        };
        if let Err(why) = report_name(wanted.name) {
            return self.warn(&why);
        }
        let Some(form) = Form::of_name(wanted.name) else {
            let text = format!("{}: its end says the form: .html, .json or .txt", Shown::new(wanted.name).cut(60));
            return self.warn(&text);
        };
        self.say("the report is being written");
        self.effect(Effect::Report(wanted.name.to_owned(), Box::new(paper), form));
    }

    /// The report of what is in front.
    fn paper(&self, with_source: bool) -> Result<Paper, String> {
        match self.screen {
            Screen::Compare => self.paper_of_compare(with_source),
            Screen::Artifacts => Ok(self.paper_of_artifacts(with_source)),
            other => Err(format!("{} has no report: Compare (5) reports the item in front, Artifacts (4) its list", other.names().0)),
        }
    }

    fn paper_of_compare(&self, with_source: bool) -> Result<Paper, String> {
        let running = || "the comparison is still running: wait for it (J shows how far it is), then write the report".to_owned();
        let (artifact, path) = match &self.compare.front {
            Front::Node(artifact, path) => (*artifact, path),
            Front::Nothing if !self.facts.is_complete() => return Err(running()),
            Front::Nothing => return Err("nothing is compared here: n opens the next item, Enter on Artifacts a file".to_owned()),
            Front::Group(_) => {
                return Err("this is a group: Enter opens one of its files, which has a report; Artifacts reports its list".to_owned());
            }
            Front::Sources(_) => return Err("two source files have no report: it would be nothing but their lines".to_owned()),
        };
        let item = self.front().and_then(|i| self.items.get(i)).filter(|item| match &item.target {
            Target::Compare { artifact: a, path: p } => *a == artifact && p == path,
            _ => false,
        });
        let ruled = |item| self.state.standing_of(item);
        let of_item = item.and_then(|item| Paper::of_item(&self.facts, item, ruled(item), with_source));
        let mut paper = of_item.or_else(|| Paper::of_node(&self.facts, artifact, path, with_source)).ok_or_else(running)?;
        // Of files that differ in the same way the one on the screen is reported, with the names of the others.
        let cluster = self.node_items.get(&(artifact, path.clone())).and_then(|i| self.items.get(*i));
        if let Some((item, Target::Cluster(spots))) = cluster.map(|item| (item, &item.target)) {
            paper.about.item = Some((Shown::new(&item.id).to_string(), ruled(item)));
            paper.about.places = spots.iter().map(|s| Shown::new(&s.name).to_string()).collect();
        }
        Ok(paper)
    }

    /// The list as it is filtered and arranged.
    fn paper_of_artifacts(&self, with_source: bool) -> Paper {
        let view = format!("artifacts: those marked {}, {}", self.filter.marks(), self.order.word());
        let mut about = About::release(&self.facts, view);
        about.hidden.clone_from(&self.hidden);
        let rows = self.artifacts.iter().filter(|row| row.head.is_none());
        let files = rows.filter_map(|row| {
            let root = self.facts.comparisons.get(row.artifact)?.clone()?;
            Some(Reported { name: self.way(row.artifact, &row.path).to_string(), root, path: row.path.to_vec() })
        });
        let files = files.collect();
        Paper { about, files, with_source }
    }

    /// What Tab makes of a report's name: one that says what is in front, then the next form of it.
    pub(super) fn report_proposal(&self, wanted: &Wanted<'_>) -> Option<String> {
        let ended = ENDS.iter().enumerate().find_map(|(at, end)| Some((wanted.name.strip_suffix(end)?, at)));
        let name = match ended {
            Some((stem, at)) => format!("{stem}{}", ENDS.get((at + 1) % ENDS.len()).unwrap_or(&".html")),
            None if wanted.name.is_empty() => format!("{}.html", self.report_stem()?),
            None => format!("{}.html", wanted.name.trim_end_matches('.')),
        };
        Some(format!("{} {name}", wanted.word()))
    }

    fn report_stem(&self) -> Option<String> {
        let release = &self.facts.release;
        let what = match (self.screen, &self.compare.front) {
            (Screen::Artifacts, _) => "artifacts".to_owned(),
            (Screen::Compare, Front::Node(artifact, path)) => self.way(*artifact, path).to_string(),
            _ => return None,
        };
        let all = format!("{}-{}-{what}", release.product.shown(), release.version.shown());
        let plain: String = all.chars().map(|c| if c.is_ascii_alphanumeric() || "-_+".contains(c) { c } else { '.' }).collect();
        let mut parts: Vec<&str> = plain.split('.').filter(|p| !p.is_empty()).collect();
        // The end of a long way says more than its start.
        while parts.len() > 1 && parts.iter().map(|p| p.len() + 1).sum::<usize>() > 90 {
            parts.remove(1);
        }
        let stem: String = parts.join(".").trim_start_matches('-').chars().take(100).collect();
        Some(stem)
    }

    /// Where the report went, or why it is not there.
    pub(super) fn report_came(&mut self, written: Result<PathBuf, String>) {
        match written {
            Ok(path) => {
                let mut text = format!("report written: {}", Shown::new(&path.to_string_lossy()));
                if self.screen == Screen::Artifacts && self.facts.comparisons.iter().any(Option::is_none) {
                    text.push_str(" (the comparison is still running: it says what is missing)");
                } else if let Some(hidden) = hidden_words(&self.hidden).filter(|_| self.screen == Screen::Artifacts) {
                    text.push_str(&format!(" ({hidden})"));
                }
                self.message = Some((Role::Good, text));
            }
            Err(why) => self.warn(&format!("no report was written: {}", Shown::new(&why))),
        }
    }
}
