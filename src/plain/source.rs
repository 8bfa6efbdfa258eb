//! Source files by line, and what is found in them.

use super::desk::{Desk, LastLines, Reading, Waiting};
use super::pieces::LINES;
use super::say::{Say, count};
use crate::review::Body;
use crate::session::{Found, Hit, HitKind, HitPlace, MAX_HITS, Query};
use crate::text::{MAX_CELLS, Shown, Untrusted, hidden_characters};

/// Bytes of a row of a file that is no text.
const ROW: usize = 16;

/// A source file in lines.
pub(super) struct File {
    bytes: Vec<u8>,
    lines: Vec<std::ops::Range<usize>>,
    binary: bool,
}

impl File {
    fn new(bytes: Vec<u8>) -> Self {
        let binary = bytes.contains(&0);
        let mut lines = Vec::new();
        if binary {
            lines.extend((0..bytes.len()).step_by(ROW).map(|at| at..bytes.len().min(at + ROW)));
        } else {
            let mut start = 0;
            for line in bytes.split_inclusive(|b| *b == b'\n') {
                let text = line.strip_suffix(b"\n").map_or(line, |l| l.strip_suffix(b"\r").unwrap_or(l));
                lines.push(start..start + text.len());
                start += line.len();
            }
        }
        Self { bytes, lines, binary }
    }

    /// Number of lines.
    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    fn bytes_of(&self, line: u64) -> &[u8] {
        let range = usize::try_from(line).ok().and_then(|l| l.checked_sub(1)).and_then(|l| self.lines.get(l).cloned());
        range.and_then(|range| self.bytes.get(range)).unwrap_or_default()
    }

    /// Lines with characters that hide or reorder others.
    pub(super) fn hidden(&self) -> Vec<u64> {
        let has = |line: &u64| {
            let found = hidden_characters(&String::from_utf8_lossy(self.bytes_of(*line)));
            found.iter().any(|(at, c)| !(*c == '\u{FEFF}' && *at == 0 && *line == 1))
        };
        if self.binary { Vec::new() } else { (1..=self.len() as u64).filter(has).collect() }
    }

    /// A line as it is printed, and whether all of it is.
    fn shown(&self, line: u64) -> (String, bool) {
        let bytes = self.bytes_of(line);
        if self.binary {
            let hex: Vec<String> = bytes.iter().map(|b| format!("{b:02x}")).collect();
            return (hex.join(" "), true);
        }
        // A screen reader would speak each arrow of a tab; at the start of a line it says nothing but how far in it is.
        let tabs = bytes.iter().take_while(|b| **b == b'\t').count();
        let shown = Shown::of_line(bytes.get(tabs..).unwrap_or_default());
        let whole = bytes.len() <= MAX_CELLS / 8 || !shown.as_str().ends_with("<cut>");
        (format!("{}{shown}", "    ".repeat(tabs.min(40))), whole)
    }

    /// The digest of the file, and of some of its lines with their ends.
    pub(super) fn digests(&self, from: u64, to: u64) -> (crate::digest::Sha256, Option<crate::digest::Sha256>) {
        use crate::digest::Sha256;
        let at = |line: u64| usize::try_from(line).ok().and_then(|l| l.checked_sub(1));
        let start = at(from).and_then(|l| self.lines.get(l)).map(|r| r.start);
        let end = at(to).map(|l| self.lines.get(l + 1).map_or(self.bytes.len(), |next| next.start));
        let span = start.zip(end).and_then(|(start, end)| self.bytes.get(start..end)).map(Sha256::of);
        (Sha256::of(&self.bytes), span)
    }
}

impl Desk {
    /// Reads a file of the sources.
    pub(super) fn read_entry(&self, entry: usize) -> Result<File, String> {
        let path = self.facts.source_path(entry).ok_or("the source is not open yet")?;
        self.session.read_source(&path).map(File::new)
    }

    /// What a file of the sources is kept under in the journal.
    pub(super) fn source_key(&self, entry: usize) -> Option<(String, String)> {
        Some((self.facts.source_path(entry)?.shown().to_string(), self.facts.source_entry(entry)?.id.clone()))
    }

    fn entries(&self) -> impl Iterator<Item = usize> + '_ {
        self.facts.sources().flat_map(|(first, tree)| first..first + tree.entries.len())
    }

    pub(super) fn files(&mut self, part: &str) -> Say {
        let list: Vec<String> = self
            .entries()
            .filter_map(|entry| {
                let path = self.facts.source_path(entry)?.shown().to_string();
                let read = match self.session.state().read_of(&path, &self.facts.source_entry(entry)?.id) {
                    (0, _) => String::new(),
                    (shown, of) => format!(", shown {shown} of {of} lines"),
                };
                path.contains(part).then(|| format!("{path}, {} bytes{read}", self.facts.source_entry(entry).map_or(0, |e| e.size)))
            })
            .collect();
        let mut say = Say::one(&match list.len() {
            0 if self.facts.source.is_none() => "No source is open; checks says why.".to_owned(),
            0 => "No source file has that in its path.".to_owned(),
            n => format!("{}.", count(n, "file", "files")),
        });
        say.add(&self.tell(list));
        say
    }

    pub(super) fn source(&mut self, wanted: &str) -> Say {
        if wanted.is_empty() {
            let place = self.front.as_ref().and_then(|f| f.pieces.as_ref()?.list.get(f.at?)).map(|p| p.at.clone()).unwrap_or_default();
            if let Some((entry, from, _)) = place.entry {
                return self.source_from(entry, usize::try_from(from).unwrap_or(1));
            }
            let Some(line) = place.source else {
                return Say::one("No source line is known for this place: type source PATH, or source PATH LINE. files lists them.");
            };
            return match self.entry_of(&line.file) {
                Some(entry) => self.source_from(entry, (line.line as usize).saturating_sub(LINES / 2).max(1)),
                None => Say::one(&format!("{} line {} is not in the source.", line.file.shown(), line.line)),
            };
        }
        // A path may have blanks in it.
        let (path, line) = match wanted.rsplit_once(char::is_whitespace).map(|(path, n)| (path.trim(), n.parse::<usize>())) {
            Some((path, Ok(line))) => (path, line.max(1)),
            _ => (wanted, 1),
        };
        match self.entry_of(&Untrusted::from(path)) {
            Some(entry) => self.source_from(entry, line),
            None => Say::one(&format!("No source file is called {}. Type files, or files TEXT.", Shown::new(path).cut(80))),
        }
    }

    /// A file by its path, as it is or as it is shown.
    fn entry_of(&self, path: &Untrusted) -> Option<usize> {
        let shown = path.shown();
        self.entries().find(|entry| self.facts.source_path(*entry).is_some_and(|p| p == *path || p.shown() == shown))
    }

    fn source_from(&mut self, entry: usize, from: usize) -> Say {
        self.reading = Some(Reading::Source { entry, from });
        self.more()
    }

    pub(super) fn more(&mut self) -> Say {
        match self.reading {
            None => Say::one("Nothing follows: that was all."),
            Some(Reading::Lines { .. }) => self.more_lines(),
            Some(Reading::Source { entry, from }) => {
                let mut say = Say::default();
                let to = from + LINES - 1;
                if !self.tell_lines(entry, from as u64, to as u64, &mut say) {
                    self.reading = None;
                    return say;
                }
                let of = self.read_entry(entry).map_or(0, |f| f.len());
                if to < of {
                    self.reading = Some(Reading::Source { entry, from: to + 1 });
                    say.line(&format!("{} more lines: type more.", of - to));
                } else {
                    self.reading = None;
                    say.line("End of the file.");
                }
                say
            }
        }
    }

    /// Prints lines of a file with their numbers, and counts them where the policy does. False when there are none.
    pub(super) fn tell_lines(&mut self, entry: usize, from: u64, to: u64, say: &mut Say) -> bool {
        let name = self.facts.source_path(entry).map(|p| p.shown().to_string()).unwrap_or_default();
        let file = match self.read_entry(entry) {
            Ok(file) => file,
            Err(why) => {
                say.line(&format!("{name} cannot be read: {why}"));
                return false;
            }
        };
        let of = file.len() as u64;
        let (from, to) = (from.max(1), to.min(of));
        if from > of {
            say.line(&format!("{name} has {}.", count(file.len(), "line", "lines")));
            return of == 0;
        }
        let rows = if file.binary { "no text, rows of 16 bytes" } else { "lines" };
        say.line(&format!("{name}, {rows} {from} to {to} of {of}."));
        let mut runs: Vec<(u64, u64)> = Vec::new();
        for line in from..=to {
            let (text, whole) = file.shown(line);
            say.line(&format!("{line}: {text}"));
            match runs.last_mut() {
                Some(last) if whole && last.1 + 1 == line => last.1 = line,
                _ if whole => runs.push((line, line)),
                // What the guard cut was not shown.
                _ => {}
            }
        }
        self.last_lines = Some(LastLines { entry, from, to });
        self.count_lines(entry, &runs, of);
        true
    }

    fn count_lines(&mut self, entry: usize, runs: &[(u64, u64)], of: u64) {
        let Some((path, blob)) = self.source_key(entry).filter(|_| self.counts()) else { return };
        for (from, to) in runs {
            let known = self.session.state().read.get(&(path.clone(), blob.clone())).is_some_and(|(lines, _)| lines.covers(*from, *to));
            if !known {
                let body = Body::Read { path: path.clone(), blob: blob.clone(), from: *from, to: *to, of, text: true };
                // When it cannot be written it was not shown; whoever rules is told.
                let _ = self.session.record(body);
            }
        }
    }

    pub(super) fn find(&mut self, text: &str) -> Say {
        if text.chars().count() < 2 {
            return Say::one("find TEXT, of two characters or more.");
        }
        let id = self.found.id + 1;
        self.hits.clear();
        self.found = Found { id, ..Found::default() };
        self.waiting = Some(Waiting::Search);
        self.session.request_search(Query { id, text: text.to_owned(), name: None, entries: self.entries().collect() });
        Say::default()
    }

    /// What a search found; it is told when it is over.
    pub(super) fn found_came(&mut self, mut found: Found) -> Say {
        if found.id != self.found.id {
            return Say::default();
        }
        self.hits.append(&mut found.hits);
        self.found = found;
        if !self.found.finished {
            return Say::default();
        }
        self.hits.sort();
        self.hits.truncate(MAX_HITS);
        if self.waiting == Some(Waiting::Search) {
            self.waiting = None;
        }
        let mut say = Say::one(&format!("{} found.", count(self.found.count, "place", "places")));
        if let Some(note) = self.found.note.clone() {
            say.line(&note);
        }
        let told = self.hits.iter().map(|hit| self.hit_words(hit)).collect();
        say.add(&self.tell(told));
        say
    }

    fn hit_words(&self, hit: &Hit) -> String {
        let artifact = |n: usize| self.facts.release.artifacts.get(n).map(|a| a.name.shown().to_string()).unwrap_or_default();
        let text = hit.text.shown();
        match &hit.place {
            HitPlace::Source(entry, line) => {
                let path = self.facts.source_path(*entry).map(|p| p.shown().to_string()).unwrap_or_default();
                format!("{path} line {line}: {text}")
            }
            HitPlace::Artifact(n, side, member, kind) => {
                let side = if *side == crate::model::Side::Shipped { "shipped" } else { "rebuilt" };
                let member = if member.is_empty() { String::new() } else { format!("!{}", member.shown()) };
                match kind {
                    HitKind::Symbol(at) => format!("{side} {}{member}, symbol at {at:#x}: {text}", artifact(*n)),
                    HitKind::String(at) => format!("{side} {}{member}, string {at} bytes in: {text}", artifact(*n)),
                }
            }
            HitPlace::Debug(n, file, at) => format!("debug file {} of {}, symbol at {at:#x}: {text}", file.shown(), artifact(*n)),
        }
    }
}
