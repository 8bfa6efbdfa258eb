//! A report of differences, to be handed to those who build: what differs, by how many bytes, why, and where, as HTML, JSON or text.
//!
//! It is free of source unless that was asked for: names, places, digests, sizes, causes with their values, and numbers. No line of
//! the source, no instruction, no string of the content; nor the sentences of a comparison, which may name an instruction.

mod blocks;
mod html;
mod json;
mod plain;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::checks::Facts;
use crate::digest::Sha256;
use crate::model::{Node, ResultMark, visit};
use crate::review::{Class, Item, Target};
use crate::text::{Shown, Untrusted};

/// Reads a line of the reviewed source, where it can be read.
pub type LineOf<'a> = dyn Fn(&Untrusted, u32) -> Option<Shown> + 'a;

/// The forms of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One page, without scripts, and with nothing to be fetched.
    Html,
    /// For programs.
    Json,
    /// For people, without a browser.
    Text,
}

impl Form {
    /// The form that a file's name asks for.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        [(".html", Self::Html), (".json", Self::Json), (".txt", Self::Text)]
            .into_iter()
            .find(|(end, _)| name.ends_with(end))
            .map(|(_, f)| f)
    }
}

/// What a report is about. Texts in it may be displayed.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// Product, version and identity of the release; none for two paths.
    pub release: Option<(Untrusted, Untrusted, Option<Sha256>)>,
    /// What the report shows, in words: `artifacts, worst first`.
    pub view: String,
    /// Id of the item in front, and what a person ruled on it.
    pub item: Option<(String, &'static str)>,
    /// Other places with the same difference.
    pub places: Vec<String>,
    /// What is not in the list, by mark.
    pub hidden: BTreeMap<char, usize>,
    /// Artifacts that are not compared yet.
    pub pending: Vec<Untrusted>,
    /// How many are, of how many.
    pub compared: (usize, usize),
}

impl About {
    /// About a release.
    #[must_use]
    pub fn release(facts: &Facts, view: String) -> Self {
        let release = &facts.release;
        let open = release.artifacts.iter().zip(&facts.comparisons).filter(|(_, node)| node.is_none());
        Self {
            release: Some((release.product.clone(), release.version.clone(), release.identity.digest)),
            view,
            pending: open.map(|(artifact, _)| artifact.name.clone()).collect(),
            compared: (facts.comparisons.iter().flatten().count(), facts.comparisons.len()),
            ..Self::default()
        }
    }

    /// What a person should know before the rest is read, as sentences: what is missing, and what the list leaves out.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let mut out = Vec::new();
        if !self.pending.is_empty() {
            let (done, of) = self.compared;
            out.push(format!("NOT COMPLETE: the comparison is still running; {done} of {of} artifacts are compared"));
        }
        out.extend(hidden_words(&self.hidden));
        out
    }
}

/// What a filter hides, in words.
#[must_use]
pub fn hidden_words(hidden: &BTreeMap<char, usize>) -> Option<String> {
    let count: usize = hidden.values().sum();
    if count == 0 {
        return None;
    }
    let word = |mark: char| match mark {
        '=' => "identical",
        '~' => "equivalent",
        '!' => "different",
        '?' => "not examined",
        '<' => "only shipped",
        '>' => "only rebuilt",
        _ => "not compared yet",
    };
    let parts: Vec<String> = hidden.iter().filter(|(_, n)| **n > 0).map(|(mark, n)| format!("{n} {}", word(*mark))).collect();
    Some(format!("the filter hides {count} {}: {}", if count == 1 { "row" } else { "rows" }, parts.join(", ")))
}

/// One file, member or stream of a report.
#[derive(Clone, Debug)]
pub struct Reported {
    /// The way to it; it may be displayed.
    pub name: String,
    /// The comparison that it is in.
    pub root: Arc<Node>,
    /// Child indices from there.
    pub path: Vec<usize>,
}

impl Reported {
    /// The comparison of it.
    #[must_use]
    pub fn node(&self) -> Option<&Node> {
        self.root.at(&self.path)
    }
}

/// A comparison and all below it, in their order.
#[must_use]
pub fn all_of(root: &Arc<Node>) -> Vec<Reported> {
    let mut out = Vec::new();
    visit(root, &mut |_, path, name| out.push(Reported { name: name.to_owned(), root: Arc::clone(root), path: path.to_vec() }));
    out
}

/// A report.
#[derive(Clone, Debug)]
pub struct Paper {
    /// What it is about.
    pub about: About,
    /// What it tells of, in that order.
    pub files: Vec<Reported>,
    /// Whether it holds lines of source, instructions and strings.
    pub with_source: bool,
}

impl Paper {
    /// About one item of the queue; `None` when it is not about files that were compared.
    #[must_use]
    pub fn of_item(facts: &Facts, item: &Item, ruled: &'static str, with_source: bool) -> Option<Self> {
        let (artifact, path, places) = match &item.target {
            Target::Compare { artifact, path } => (*artifact, path.clone(), Vec::new()),
            Target::Cluster(spots) => {
                let first = spots.first()?;
                let places = spots.iter().map(|s| Shown::new(&s.name).to_string()).collect();
                (first.root, first.path.clone(), places)
            }
            _ => return None,
        };
        let mut paper = Self::of_node(facts, artifact, &path, with_source)?;
        paper.about.item = Some((Shown::new(&item.id).to_string(), ruled));
        paper.about.places = places;
        if item.class == Class::Toolchain {
            paper.about.view.push_str("; the item is a fact about the toolchain that differs in each of the places alike");
        }
        Some(paper)
    }

    /// About one compared file and all in it.
    #[must_use]
    pub fn of_node(facts: &Facts, artifact: usize, path: &[usize], with_source: bool) -> Option<Self> {
        let root = facts.comparisons.get(artifact)?.as_ref()?;
        let name = way(facts, artifact, path);
        let wanted = root.at(path)?;
        let mut about = About::release(facts, format!("compare: {name}"));
        about.pending.clear();
        let mut files = Vec::new();
        visit(wanted, &mut |_, below, inner| {
            let end = inner.strip_prefix(wanted.name.shown().as_str()).unwrap_or_default();
            let path = path.iter().chain(below).copied().collect();
            files.push(Reported { name: format!("{name}{end}"), root: Arc::clone(root), path });
        });
        Some(Self { about, files, with_source })
    }

    /// About all artifacts of a release.
    #[must_use]
    pub fn of_release(facts: &Facts, view: String, with_source: bool) -> Self {
        let files = facts.comparisons.iter().flatten().flat_map(all_of).collect();
        Self { about: About::release(facts, view), files, with_source }
    }

    /// The report in that form.
    #[must_use]
    pub fn write(&self, form: Form, line: &LineOf<'_>) -> String {
        match form {
            Form::Html => html::page(self, line),
            Form::Json => json::document(self),
            Form::Text => plain::text(self, line),
        }
    }

    /// The worst result of the files in it.
    fn result(&self) -> Option<ResultMark> {
        self.files.iter().filter_map(|f| Some(f.node()?.result)).max()
    }

    /// What the head of each form says of source in it.
    fn says_of_source(&self) -> &'static str {
        if self.with_source {
            "contains source text: lines of the source, instructions and strings are in this file"
        } else {
            "free of source text: names, places, digests, sizes and causes; no line of the source, no instruction, no string of the content"
        }
    }
}

/// Text without the strings that it names data by, as a comparison quotes them: `"usage" at 0x20` becomes `(a string) at 0x20`.
fn without_strings(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '"' {
            out.push(c);
            continue;
        }
        out.push_str("(a string)");
        // To the closing one; what has none ends with the text.
        while let Some(inside) = chars.next() {
            match inside {
                '\\' => drop(chars.next()),
                '"' => break,
                _ => {}
            }
        }
    }
    out
}

/// The way to a node: artifact, then members; it may be displayed.
#[must_use]
pub fn way(facts: &Facts, artifact: usize, path: &[usize]) -> String {
    let mut way = facts.release.artifacts.get(artifact).map(|a| a.name.shown().to_string()).unwrap_or_default();
    let mut node = facts.comparisons.get(artifact).and_then(Option::as_deref);
    for i in path {
        node = node.and_then(|n| n.children.get(*i));
        if let Some(child) = node {
            way.push('!');
            way.push_str(child.name.shown().as_str());
        }
    }
    way
}

#[cfg(test)]
mod tests;
