//! Source hygiene: what lies in a source tree that a reader would not see, would misread, or cannot read at all.
//!
//! Bytes in, flags out. A [`Scan`] is handed every file of a tree once and keeps its digest and what it found; [`archive`] then
//! compares two scanned trees. Of each kind so many are told one by one; files of one harmless kind are told together.

pub(crate) mod archive;
mod attributes;
mod blob;
mod identifiers;
mod lexer;
mod links;

use std::collections::BTreeMap;

pub(crate) use attributes::Attributes;
pub(crate) use blob::{Blob, BlobClass};

use super::HiddenPlace;
use crate::digest::Sha256;
use crate::model::{EntryKind, FlagPlace, SourceEntry, SourceFlag};
use crate::text::{Shown, Untrusted, hidden_characters};

/// Places of one check that are told one by one; the rest become one item.
const ALONE: usize = 200;
/// Bytes of a Git LFS pointer (git-lfs specification, v1).
const POINTER: usize = 1024;

/// What was found in one tree while its files were read.
pub(crate) struct Scan {
    /// The number of the tree's first entry among all sources.
    offset: usize,
    /// What stands before its paths: empty for the reviewed tree.
    prefix: Vec<u8>,
    /// The digest of each entry that could be read.
    pub(crate) digests: Vec<Option<Sha256>>,
    /// What each entry is that is no text.
    pub(crate) blobs: Vec<Option<Blob>>,
    /// What the tree says of its own archives.
    pub(crate) attributes: Attributes,
    /// Files with hidden characters.
    pub(crate) hidden: Vec<HiddenPlace>,
    links: links::Links,
    link_entries: BTreeMap<Vec<u8>, usize>,
    confusable: Vec<(usize, Vec<identifiers::Suspect>)>,
    pointers: Vec<(usize, String)>,
}

impl Scan {
    /// For a tree of so many entries, the first of which has the number `offset`.
    pub(crate) fn new(entries: usize, offset: usize, prefix: &[u8]) -> Self {
        Self {
            offset,
            prefix: prefix.to_vec(),
            digests: vec![None; entries],
            blobs: vec![None; entries],
            attributes: Attributes::default(),
            hidden: Vec::new(),
            links: links::Links::default(),
            link_entries: BTreeMap::new(),
            confusable: Vec::new(),
            pointers: Vec::new(),
        }
    }

    /// Takes the bytes of an entry (a link's are its target). `same` says of a digest whether the reviewed tree has these bytes
    /// at this path: what is in them is told there.
    pub(crate) fn file(&mut self, index: usize, entry: &SourceEntry, bytes: &[u8], same: &dyn Fn(Sha256) -> bool) {
        let sha256 = Sha256::of(bytes);
        if let Some(place) = self.digests.get_mut(index) {
            *place = Some(sha256);
        }
        let path = entry.path.as_bytes();
        if entry.kind == EntryKind::Link {
            self.links.add(path, bytes);
            self.link_entries.insert(path.to_vec(), index);
            return;
        }
        if Attributes::is_file(path) && bytes.len() as u64 <= attributes::MAX_FILE {
            self.attributes.add(path, bytes);
        }
        let found = blob::blob(bytes);
        if let Some(place) = self.blobs.get_mut(index) {
            *place = found;
        }
        if same(sha256) {
            return;
        }
        if let Some(what) = pointer(bytes) {
            self.pointers.push((index, what));
        }
        // What is no text is shown as bytes, where nothing can hide; a compiler that reads on is told of by `source.binary`.
        if found.is_some() {
            return;
        }
        // A byte that is not UTF-8 somewhere in a file must not keep the rest from being searched.
        let text = String::from_utf8_lossy(bytes);
        if bytes.is_ascii()
            && !bytes.iter().any(|b| *b == 0x7f || *b < 0x20 && !matches!(b, b'\n' | b'\t' | b'\r' | 0x0c))
            && !lone_return(bytes)
        {
            return;
        }
        let hidden = hidden_characters(&text);
        if let Some((at, c)) = hidden.first() {
            let line = lines_of(&text, &[*at]).first().copied().unwrap_or(1);
            let first = format!("U+{:04X}", u32::from(*c));
            let path = Untrusted::from([&self.prefix, path].concat());
            self.hidden.push(HiddenPlace { entry: self.offset + index, path, line, count: hidden.len(), first });
        }
        let suspects = identifiers::suspects(path, &text);
        if !suspects.is_empty() {
            self.confusable.push((index, suspects));
        }
    }

    /// What a person must look at. In an archive that is `compared` with the tree, a file that the tree does not have is told there.
    pub(crate) fn flags(&self, entries: &[SourceEntry], compared: bool) -> Vec<SourceFlag> {
        let mut out = Vec::new();
        self.confusable(entries, &mut out);
        self.links(entries, &mut out);
        self.pointers(entries, &mut out);
        if !compared {
            self.binaries(entries, &mut out);
        }
        out
    }

    fn path(&self, entries: &[SourceEntry], index: usize) -> Vec<u8> {
        [self.prefix.as_slice(), entries.get(index).map(|e| e.path.as_bytes()).unwrap_or_default()].concat()
    }

    fn key(&self, entries: &[SourceEntry], index: usize) -> String {
        Shown::of_bytes(&self.path(entries, index)).to_string()
    }

    fn one(&self, entries: &[SourceEntry], code: &'static str, index: usize, lines: Vec<u64>, what: String) -> SourceFlag {
        let place = FlagPlace { entry: self.offset + index, lines, detail: String::new() };
        SourceFlag { code, rank: 0, key: self.key(entries, index), what, places: vec![place] }
    }

    fn confusable(&self, entries: &[SourceEntry], out: &mut Vec<SourceFlag>) {
        let mut rest = Vec::new();
        for (n, (index, suspects)) in self.confusable.iter().enumerate() {
            let mut lines: Vec<u64> = suspects.iter().flat_map(|s| s.lines.iter().copied()).collect();
            lines.sort_unstable();
            lines.dedup();
            let first = suspects.first().map(|s| s.why.clone()).unwrap_or_default();
            let what = if suspects.len() == 1 { first } else { format!("{first}; {} identifiers in all", suspects.len()) };
            if n < ALONE {
                out.push(self.one(entries, "source.confusable", *index, lines, what));
            } else {
                rest.push(FlagPlace { entry: self.offset + index, lines, detail: what });
            }
        }
        self.many("source.confusable", 1, "more files with identifiers that look like others", rest, out);
    }

    fn links(&self, entries: &[SourceEntry], out: &mut Vec<SourceFlag>) {
        let mut rest = Vec::new();
        let bad = self.links.paths().filter_map(|p| Some((*self.link_entries.get(p)?, self.links.trouble(p)?)));
        for (n, (index, why)) in bad.enumerate() {
            let what = format!("a symbolic link: {why}");
            if n < ALONE {
                out.push(self.one(entries, "source.names", index, vec![1], what));
            } else {
                rest.push(FlagPlace { entry: self.offset + index, lines: vec![1], detail: what });
            }
        }
        self.many("source.names", 1, "more symbolic links that leave the tree", rest, out);
    }

    fn pointers(&self, entries: &[SourceEntry], out: &mut Vec<SourceFlag>) {
        match self.pointers.as_slice() {
            [] => {}
            [(index, what)] => out.push(self.one(entries, "source.content", *index, vec![1], what.clone())),
            all => {
                let place =
                    |(index, what): &(usize, String)| FlagPlace { entry: self.offset + index, lines: vec![1], detail: what.clone() };
                self.many("source.content", 0, "files whose content is kept elsewhere", all.iter().map(place).collect(), out);
            }
        }
    }

    /// Code that a machine runs is told file by file, and so is what is named as source and is no text; the rest by what it is.
    fn binaries(&self, entries: &[SourceEntry], out: &mut Vec<SourceFlag>) {
        let mut kinds: BTreeMap<(BlobClass, &'static str), Vec<FlagPlace>> = BTreeMap::new();
        let mut alone = 0;
        for (index, (entry, blob)) in entries.iter().zip(&self.blobs).enumerate() {
            let Some(blob) = blob else { continue };
            let named_as_source = blob.class == BlobClass::Unknown && lexer::syntax(entry.path.as_bytes(), "").is_some();
            if (blob.class == BlobClass::Executable || named_as_source) && alone < ALONE {
                alone += 1;
                let what = if named_as_source {
                    format!("is named as source and is no text ({} bytes): a compiler may read what is not searched here", entry.size)
                } else {
                    format!("{} of {} bytes: code that nobody can read as source", blob.what, entry.size)
                };
                out.push(self.one(entries, "source.binary", index, vec![1], what));
            } else {
                let detail = format!("{} bytes", entry.size);
                kinds.entry((blob.class, blob.what)).or_default().push(FlagPlace { entry: self.offset + index, lines: vec![1], detail });
            }
        }
        for ((class, what), places) in kinds {
            let rank = class as u8;
            if let [only] = places.as_slice() {
                let index = only.entry - self.offset;
                let mut flag = self.one(entries, "source.binary", index, vec![1], format!("{what} ({})", only.detail));
                flag.rank = rank;
                out.push(flag);
            } else {
                self.many("source.binary", rank, &format!("files, each {what}"), places, out);
            }
        }
    }

    fn many(&self, code: &'static str, rank: u8, what: &str, places: Vec<FlagPlace>, out: &mut Vec<SourceFlag>) {
        if !places.is_empty() {
            let key = format!("{}{what}", Shown::of_bytes(&self.prefix));
            out.push(SourceFlag { code, rank, key, what: format!("{} {what}", places.len()), places });
        }
    }
}

/// The lines, from 1, of byte offsets in ascending order, each line once.
fn lines_of(text: &str, offsets: &[usize]) -> Vec<u64> {
    let (mut line, mut from) = (1u64, 0);
    let mut lines = Vec::new();
    for at in offsets {
        line += text.as_bytes().get(from..*at).unwrap_or_default().iter().filter(|b| **b == b'\n').count() as u64;
        from = (*at).max(from);
        if lines.last() != Some(&line) {
            lines.push(line);
        }
    }
    lines
}

/// Whether a carriage return stands without a newline after it.
fn lone_return(bytes: &[u8]) -> bool {
    bytes.iter().enumerate().any(|(i, b)| *b == b'\r' && bytes.get(i + 1) != Some(&b'\n'))
}

/// What a file points to that stands for another: of Git LFS or of git-annex.
fn pointer(bytes: &[u8]) -> Option<String> {
    if bytes.len() > POINTER {
        return None;
    }
    let text = std::str::from_utf8(bytes).ok()?;
    if let Some(rest) = text.strip_prefix("version https://git-lfs.github.com/spec/v1\n") {
        let field = |name: &str| rest.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(' '));
        let digest = Shown::new(field("oid").unwrap_or("an unnamed object")).cut(80);
        return Some(format!(
            "a Git LFS pointer to {digest}, {} bytes: they are not in the repository",
            Shown::new(field("size")?).cut(20)
        ));
    }
    let annexed = text.starts_with("/annex/objects/") && text.lines().count() == 1;
    annexed.then(|| "a git-annex pointer: its content is not in the repository".to_owned())
}

#[cfg(test)]
mod tests;
