//! From one thing to another: its source, its provenance, its row in Artifacts, its comparison.

use super::super::compare::group_key;
use super::super::{App, ClaimRow, Filter, Front, Group, Pane, Part};
use crate::review::Target;
use crate::tui::action::Screen;

impl App {
    pub(crate) fn go_source(&mut self) {
        let to = match self.screen {
            Screen::Compare => self.row_entry(),
            Screen::Overview => match self.front().and_then(|i| self.items.get(i)).map(|i| &i.target) {
                Some(Target::Source { entry, line }) => Some((*entry, *line)),
                Some(Target::Places(i)) => {
                    let place = self.facts.flags.as_ref().and_then(|f| f.get(*i)?.places.first());
                    place.map(|p| (p.entry, p.lines.first().copied().unwrap_or(1)))
                }
                _ => None,
            },
            Screen::Artifacts | Screen::Provenance | Screen::Findings | Screen::Signoff | Screen::Source => None,
        };
        match to {
            Some((entry, line)) => {
                self.remember();
                self.open_entry(entry, line);
            }
            None if self.screen == Screen::Compare => {
                let text = self.row_source().map_or_else(
                    || "no debug information says which source line this is".to_owned(),
                    |l| format!("{}:{} is not in the source tree", l.file.shown(), l.line),
                );
                self.say(&text);
            }
            None => self.say("there is no source line for this place"),
        }
    }

    /// From one place of a difference to all places that have the same.
    pub(crate) fn go_group(&mut self) {
        let item = self.front().and_then(|i| self.items.get(i));
        match item.filter(|i| matches!(i.target, Target::Cluster(_))).map(|i| group_key(&i.id)) {
            Some(key) => {
                self.remember();
                self.open_group(Group::Cluster(key));
            }
            None => self.say("no other file has the same difference"),
        }
    }

    /// The artifact that the place in front belongs to.
    fn front_artifact(&self) -> Option<(usize, Vec<usize>)> {
        match self.screen {
            Screen::Compare => match &self.compare.front {
                Front::Node(artifact, path) => Some((*artifact, path.clone())),
                Front::Group(_) => self.compare.covered.get(self.cursor(Pane::Covered).at).map(|r| (r.artifact, r.path.clone())),
                Front::Nothing | Front::Sources(_) => None,
            },
            Screen::Artifacts => {
                let row = self.artifacts.get(self.cursor(Pane::Files).at).filter(|r| r.head.is_none());
                row.map(|r| (r.artifact, r.path.to_vec()))
            }
            Screen::Overview => match self.front().and_then(|i| self.items.get(i)).map(|i| i.target.clone()) {
                Some(Target::Compare { artifact, path }) => Some((artifact, path)),
                Some(Target::Cluster(places)) => places.first().map(|s| (s.root, s.path.clone())),
                _ => None,
            },
            _ => None,
        }
    }

    pub(crate) fn go_provenance(&mut self) {
        let artifact = self.front_artifact().map(|(a, _)| a);
        let digest =
            artifact.and_then(|a| self.facts.release.artifacts.get(a)).and_then(|a| a.shipped).and_then(|id| self.facts.sha256(id));
        let index = digest.and_then(|digest| {
            let names = |a: &crate::model::Attestation| a.subjects.iter().any(|s| s.digests.iter().any(|d| d.sha256() == Some(digest)));
            self.facts.attestations.iter().flatten().position(names)
        });
        match index {
            Some(index) => {
                self.remember();
                self.show(Screen::Provenance);
                self.focus_on(Pane::Claims);
                let row = self.claims.iter().position(|c| *c == ClaimRow::Head(index));
                self.put_in_view(Pane::Claims, row.unwrap_or(0));
            }
            None if artifact.is_some() => self.say("no attestation names this artifact"),
            None => self.say("there is no artifact in front"),
        }
    }

    pub(crate) fn go_artifact(&mut self) {
        let Some((artifact, path)) = self.front_artifact() else {
            self.say("there is no artifact in front");
            return;
        };
        self.show_artifact(artifact, &path);
    }

    /// Shows a file in Artifacts, whatever the filter is.
    pub(crate) fn show_artifact(&mut self, artifact: usize, path: &[usize]) {
        self.remember();
        self.show(Screen::Artifacts);
        if self.find_artifact(artifact, path).is_none() {
            self.filter = Filter::All;
            self.make_artifacts();
        }
        let at = self.find_artifact(artifact, path).unwrap_or(0);
        self.put_in_view(Pane::Files, at);
    }

    fn find_artifact(&self, artifact: usize, path: &[usize]) -> Option<usize> {
        self.artifacts.iter().position(|r| r.head.is_none() && r.artifact == artifact && *r.path == *path)
    }

    pub(crate) fn go_compare(&mut self) {
        if self.screen == Screen::Source {
            return self.go_built_into();
        }
        match self.front_artifact() {
            Some((artifact, path)) => {
                self.remember();
                self.open_node(artifact, path);
            }
            None => self.say("there is no artifact in front"),
        }
    }

    /// From a source line to the differing function that it became.
    fn go_built_into(&mut self) {
        let line = self.cursor(Pane::File).at as u64 + 1;
        let Some(path) = self.source.entry.and_then(|entry| self.facts.source_path(entry)) else {
            self.say("no file is open");
            return;
        };
        let mut best: Option<(u64, usize, Vec<usize>, usize)> = None;
        for (artifact, root) in self.facts.comparisons.iter().enumerate() {
            let Some(root) = root.as_ref().filter(|r| !r.result.is_equal()) else { continue };
            add_functions(root, &mut Vec::new(), &mut |node, at| {
                for (f, function) in node.functions.iter().enumerate() {
                    if let Some(source) = function.source.as_ref().filter(|s| s.file == path) {
                        let far = u64::from(source.line).abs_diff(line);
                        if best.as_ref().is_none_or(|b| far < b.0) {
                            best = Some((far, artifact, at.to_vec(), f));
                        }
                    }
                }
            });
        }
        let Some((_, artifact, at, function)) = best else {
            return self.go_to_what_it_became();
        };
        self.remember();
        self.open_node(artifact, at);
        if let Some(part) = self.compare.parts.iter().position(|p| *p == Part::Function(function)) {
            self.put(Pane::Parts, part);
        }
    }

    /// From a file none of whose functions differ to an executable that holds code of it.
    fn go_to_what_it_became(&mut self) {
        let Some(built) = self.source.built_into.first().cloned() else {
            self.say("no debug information in the artifacts names this file");
            return;
        };
        self.remember();
        self.open_node(built.artifact, built.path);
        self.say(&format!("{} functions hold code of that file, all the same on both sides", built.uses.len()));
    }
}

fn add_functions<'a>(node: &'a crate::model::Node, path: &mut Vec<usize>, each: &mut dyn FnMut(&'a crate::model::Node, &[usize])) {
    each(node, path);
    for (i, child) in node.children.iter().enumerate() {
        path.push(i);
        add_functions(child, path, each);
        path.pop();
    }
}
