//! `release.json`, read strictly: every problem is a defect with line and column.

use std::collections::{BTreeMap, BTreeSet};

use super::defects::Defects;
use super::{limits, paths};
use crate::json::{self, Json, Value};
use crate::model::{Artifact, FileId, PayloadFile, Rebuild, Severity, SourceDeclaration, Where};
use crate::text::{Shown, Untrusted};

const SCHEMA: &str = "release-bundle/v1";
const ASK: &str = "ask for a corrected release.json";

/// What the file says.
#[derive(Default)]
pub(super) struct Stated {
    pub(super) product: Untrusted,
    pub(super) version: Untrusted,
    pub(super) sources: Vec<SourceDeclaration>,
    pub(super) artifacts: Vec<Artifact>,
    pub(super) required: Vec<String>,
    pub(super) unknown: Vec<(Untrusted, Untrusted)>,
}

/// Reads the document at `place`, whose paths are relative to `base` among `files`.
pub(super) fn read(bytes: &[u8], place: &Untrusted, base: &[u8], files: &[PayloadFile], defects: &mut Defects) -> Option<Stated> {
    let document = match json::parse(bytes) {
        Ok(document) => document,
        Err(e) => {
            defects.fail("release.json", Where::at(place.clone(), e.line, e.column), e.what, ASK);
            return None;
        }
    };
    let mut reader = Reader { bytes, place, base, files, defects, out: Stated::default(), wrong: Vec::new(), count: BTreeMap::new() };
    reader.document(&document);
    Some(reader.tell())
}

struct Reader<'a> {
    bytes: &'a [u8],
    place: &'a Untrusted,
    base: &'a [u8],
    files: &'a [PayloadFile],
    defects: &'a mut Defects,
    out: Stated,
    /// Offset, code and words of what is wrong; the words of the first of each code only.
    wrong: Vec<(usize, &'static str, Option<String>)>,
    count: BTreeMap<&'static str, usize>,
}

impl Reader<'_> {
    fn wrong(&mut self, code: &'static str, at: &Json, what: impl FnOnce() -> String) {
        let count = self.count.entry(code).or_insert(0);
        *count += 1;
        self.wrong.push((at.offset, code, (*count <= limits::DEFECTS).then(what)));
    }

    /// Tells what was wrong, in the order of the document: lines and columns come from one pass over it.
    fn tell(mut self) -> Stated {
        // Those without words only count; they come last, when `Defects` lists no more of their code.
        self.wrong.sort_by_key(|(offset, _, what)| (what.is_none(), *offset));
        let (mut line, mut column, mut at) = (1u64, 1u64, 0usize);
        for (offset, code, what) in self.wrong {
            let upto = if what.is_some() { offset } else { at };
            for b in self.bytes.get(at..upto).unwrap_or_default() {
                match b {
                    b'\n' => (line, column) = (line + 1, 1),
                    // Bytes that continue a character of UTF-8.
                    0x80..=0xBF => {}
                    _ => column += 1,
                }
            }
            at = at.max(upto);
            let place = Where::at(self.place.clone(), line, column);
            self.defects.add(code, Severity::Fail, ASK, || (place, what.unwrap_or_default()));
        }
        self.out
    }

    fn document(&mut self, root: &Json) {
        let Some(members) = root.as_object() else {
            return self.wrong("release.type", root, || format!("the document is {}, not an object", root.kind()));
        };
        match members.get("schema") {
            Some(Json { value: Value::String(schema), .. }) if schema == SCHEMA => {}
            Some(Json { value: Value::String(schema), offset }) => {
                let at = Json { value: Value::Null, offset: *offset };
                self.wrong("release.schema", &at, || {
                    format!("schema \"{}\" is not known here, \"{SCHEMA}\" is", Shown::new(schema).cut(60))
                });
            }
            Some(other) => self.wrong("release.type", other, || format!("schema is {}, not a string", other.kind())),
            None => self.wrong("release.missing", root, || format!("no field \"schema\": \"{SCHEMA}\"")),
        }
        self.out.product = self.string(root, "product", true).unwrap_or_default().into();
        self.out.version = self.string(root, "version", true).unwrap_or_default().into();
        for (i, source) in self.list(root, "source").iter().enumerate() {
            self.source(source, i);
        }
        let mut names = BTreeSet::new();
        for (i, artifact) in self.list(root, "artifacts").iter().enumerate() {
            self.artifact(artifact, i, &mut names);
        }
        if !members.contains_key("artifacts") {
            self.wrong("release.missing", root, || "no field \"artifacts\"".into());
        }
        for glob in self.list(root, "required") {
            match glob.as_str() {
                Some(text) if globset::Glob::new(text).is_ok() => self.out.required.push(text.to_owned()),
                Some(text) => self.wrong("release.glob", glob, || format!("\"{}\" is not a glob", Shown::new(text).cut(80))),
                None => self.wrong("release.type", glob, || format!("required holds {}, not a string", glob.kind())),
            }
        }
        let one;
        let previous = match members.get("previous") {
            Some(text @ Json { value: Value::String(_), .. }) => {
                one = [text.clone()];
                &one[..]
            }
            _ => self.list(root, "previous"),
        };
        for path in previous {
            self.file(path, "previous");
        }
        self.unknown(root, "", &["schema", "product", "version", "source", "artifacts", "required", "previous"]);
    }

    fn source(&mut self, source: &Json, i: usize) {
        if source.as_object().is_none() {
            return self.wrong("release.type", source, || format!("source holds {}, not an object", source.kind()));
        }
        self.unknown(source, &format!("source[{i}]."), &["path", "commit", "tag"]);
        let commit = self.string(source, "commit", false);
        if let (Some(text), Some(at)) = (&commit, source.get("commit"))
            && (!matches!(text.len(), 40 | 64) || crate::digest::unhex(text).is_none())
        {
            self.wrong("release.commit", at, || format!("\"{}\" is not a full commit id of 40 digits", Shown::new(text).cut(80)));
        }
        let tag = self.string(source, "tag", false).map(Untrusted::from);
        let Some(at) = source.get("path") else {
            return self.wrong("release.missing", source, || "a source without \"path\"".into());
        };
        let Some(text) = at.as_str() else {
            return self.wrong("release.type", at, || format!("path is {}, not a string", at.kind()));
        };
        let text = text.strip_suffix('/').unwrap_or(text);
        if let Some(why) = paths::trouble(text.as_bytes()) {
            return self.wrong("release.path", at, || format!("\"{}\" is {why}", Shown::new(text).cut_start(200)));
        }
        let path = [self.base, text.as_bytes()].concat();
        let file = self.find(&path);
        if file.is_none() && self.below(&[&path, &b"/"[..]].concat()).is_empty() {
            self.wrong("release.absent", at, || format!("\"{}\" is not in the bundle", Shown::new(text).cut_start(200)));
        }
        let commit = commit.map(|c| c.to_ascii_lowercase());
        self.out.sources.push(SourceDeclaration { path: path.into(), file, commit, tag });
    }

    fn artifact(&mut self, artifact: &Json, i: usize, names: &mut BTreeSet<Vec<u8>>) {
        let Some(members) = artifact.as_object() else {
            return self.wrong("release.type", artifact, || format!("artifacts holds {}, not an object", artifact.kind()));
        };
        self.unknown(artifact, &format!("artifacts[{i}]."), &["name", "shipped", "rebuilt", "debug"]);
        let directory = |j: &Json| j.as_str().is_some_and(|s| s.ends_with('/'));
        let shipped = members.get("shipped");
        let rebuilt = self.rebuilds(artifact);
        if shipped.is_none() && rebuilt.is_empty() {
            self.wrong("release.missing", artifact, || "an artifact with neither \"shipped\" nor \"rebuilt\"".into());
        }
        let debug: Vec<FileId> = self.list(artifact, "debug").iter().flat_map(|at| self.one_or_tree(at, "debug")).collect();
        let pair = shipped.is_some_and(directory);
        if let Some((_, at)) = rebuilt.iter().find(|(_, at)| directory(at) != pair && shipped.is_some()) {
            return self.wrong("release.path", at, || "a directory is paired with a file; both must end in '/' or neither".into());
        }
        if pair || (shipped.is_none() && rebuilt.iter().any(|(_, at)| directory(at))) {
            return self.tree(shipped, &rebuilt, &debug, names);
        }
        let name = self.string(artifact, "name", true).unwrap_or_default();
        let shipped = shipped.and_then(|at| self.file(at, "shipped"));
        let rebuilt: Vec<Rebuild> =
            rebuilt.into_iter().filter_map(|(by, at)| Some(Rebuild { by, file: self.file(&at, "rebuilt")? })).collect();
        if !names.insert(name.clone().into_bytes()) {
            self.wrong("release.duplicate", artifact, || format!("a second artifact named \"{}\"", Shown::new(&name).cut(200)));
        }
        self.out.artifacts.push(Artifact { name: name.into(), shipped, rebuilt, debug });
    }

    /// The rebuilds of an artifact: one path, or a list of `{"by", "path"}`.
    fn rebuilds(&mut self, artifact: &Json) -> Vec<(Option<Untrusted>, Json)> {
        let Some(at) = artifact.get("rebuilt") else { return Vec::new() };
        match &at.value {
            Value::String(_) => vec![(None, at.clone())],
            Value::Array(items) => {
                let mut out = Vec::new();
                for item in items {
                    if item.as_object().is_none() {
                        self.wrong("release.type", item, || format!("rebuilt holds {}, not an object", item.kind()));
                        continue;
                    }
                    let by = self.string(item, "by", false).map(Untrusted::from);
                    match item.get("path") {
                        Some(path) => out.push((by, path.clone())),
                        None => self.wrong("release.missing", item, || "a rebuild without \"path\"".into()),
                    }
                }
                out
            }
            Value::Null => Vec::new(),
            _ => {
                self.wrong("release.type", at, || format!("rebuilt is {}, neither a string nor a list", at.kind()));
                Vec::new()
            }
        }
    }

    /// A pair of directories: every file below them, paired by relative path.
    fn tree(&mut self, shipped: Option<&Json>, rebuilt: &[(Option<Untrusted>, Json)], debug: &[FileId], names: &mut BTreeSet<Vec<u8>>) {
        let mut found: BTreeMap<Vec<u8>, (Option<FileId>, Vec<Rebuild>)> = BTreeMap::new();
        if let Some(at) = shipped {
            for (id, path) in self.directory(at, "shipped") {
                found.entry(path).or_default().0 = Some(id);
            }
        }
        for (by, at) in rebuilt {
            for (file, path) in self.directory(at, "rebuilt") {
                found.entry(path).or_default().1.push(Rebuild { by: by.clone(), file });
            }
        }
        let files = self.files;
        let path_of = |id: &FileId| usize::try_from(id.0).ok().and_then(|i| files.get(i)).map_or(&[][..], |f| f.path.as_bytes());
        let by_name = super::roles::DebugFiles::new(debug.iter().map(|id| (*id, path_of(id))));
        for (path, (shipped_file, rebuilt)) in found {
            if !names.insert(path.clone())
                && let Some(at) = shipped
            {
                self.wrong("release.duplicate", at, || format!("a second artifact named \"{}\"", Shown::of_bytes(&path).cut(200)));
            }
            let debug = by_name.of(&path);
            self.out.artifacts.push(Artifact { name: path.into(), shipped: shipped_file, rebuilt, debug });
        }
    }

    fn one_or_tree(&mut self, at: &Json, field: &str) -> Vec<FileId> {
        if at.as_str().is_some_and(|s| s.ends_with('/')) {
            self.directory(at, field).into_iter().map(|(id, _)| id).collect()
        } else {
            self.file(at, field).into_iter().collect()
        }
    }

    /// The files below a directory that is named with `/` at its end, with their paths relative to it.
    fn directory(&mut self, at: &Json, field: &str) -> Vec<(FileId, Vec<u8>)> {
        let Some(path) = self.path(at, field) else { return Vec::new() };
        let found: Vec<(FileId, Vec<u8>)> = self
            .below(&[&path, &b"/"[..]].concat())
            .filter(|(_, f)| f.present)
            .filter_map(|(id, f)| Some((id, f.path.as_bytes().get(path.len() + 1..)?.to_vec())))
            .collect();
        if found.is_empty() {
            self.wrong("release.absent", at, || format!("\"{}/\" has no file in the bundle", Shown::of_bytes(&path).cut_start(200)));
        }
        found
    }

    fn file(&mut self, at: &Json, field: &str) -> Option<FileId> {
        let path = self.path(at, field)?;
        let found = self.find(&path);
        if found.is_none() {
            self.wrong("release.absent", at, || format!("\"{}\" is not in the bundle", Shown::of_bytes(&path).cut_start(200)));
        }
        found
    }

    /// The full path that a string names, without `/` at its end.
    fn path(&mut self, at: &Json, field: &str) -> Option<Vec<u8>> {
        let Some(text) = at.as_str() else {
            self.wrong("release.type", at, || format!("{field} is {}, not a string", at.kind()));
            return None;
        };
        let text = text.strip_suffix('/').unwrap_or(text);
        if let Some(why) = paths::trouble(text.as_bytes()) {
            self.wrong("release.path", at, || format!("\"{}\" is {why}", Shown::new(text).cut_start(200)));
            return None;
        }
        Some([self.base, text.as_bytes()].concat())
    }

    fn find(&self, path: &[u8]) -> Option<FileId> {
        let i = self.files.binary_search_by(|f| f.path.as_bytes().cmp(path)).ok()?;
        self.files.get(i).filter(|f| f.present)?;
        u32::try_from(i).ok().map(FileId)
    }

    fn below(&self, prefix: &[u8]) -> Below<'_> {
        let from = self.files.partition_point(|f| f.path.as_bytes() < prefix);
        let count = self.files[from..].partition_point(|f| f.path.as_bytes().starts_with(prefix));
        Below { from, files: &self.files[from..from + count] }
    }

    fn string(&mut self, object: &Json, key: &str, needed: bool) -> Option<String> {
        match object.get(key) {
            Some(Json { value: Value::String(text), .. }) => return Some(text.clone()),
            Some(Json { value: Value::Null, .. }) if !needed => {}
            Some(other) => self.wrong("release.type", other, || format!("{key} is {}, not a string", other.kind())),
            None if needed => self.wrong("release.missing", object, || format!("no field \"{key}\"")),
            None => {}
        }
        None
    }

    fn list<'j>(&mut self, object: &'j Json, key: &str) -> &'j [Json] {
        match object.get(key) {
            Some(Json { value: Value::Array(items), .. }) => return items,
            Some(other) => self.wrong("release.type", other, || format!("{key} is {}, not a list", other.kind())),
            None => {}
        }
        &[]
    }

    fn unknown(&mut self, object: &Json, prefix: &str, known: &[&str]) {
        for (key, value) in object.as_object().into_iter().flatten() {
            if !known.contains(&key.as_str()) && self.out.unknown.len() < 10_000 {
                self.out.unknown.push((format!("{prefix}{key}").into(), value.to_serde().to_string().into()));
            }
        }
    }
}

/// Files of one directory.
struct Below<'a> {
    from: usize,
    files: &'a [PayloadFile],
}

impl<'a> Below<'a> {
    fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    fn filter(self, keep: impl Fn(&(FileId, &'a PayloadFile)) -> bool) -> impl Iterator<Item = (FileId, &'a PayloadFile)> {
        let from = self.from;
        self.files.iter().enumerate().filter_map(move |(i, f)| Some((FileId(u32::try_from(from + i).ok()?), f))).filter(keep)
    }
}

#[cfg(test)]
mod tests;
