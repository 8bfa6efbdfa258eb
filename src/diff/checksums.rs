//! Lists of digests inside zip archives (`RECORD` of wheels, manifests of jars) and signatures over them: every line that
//! differs is recomputed from the members of its own side, or stays unexplained.

use std::cell::RefCell;
use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::account::{own_result, prove, reassign, settle};
use super::changes::{self, Change};
use super::text::{Paths, line_changes};
use super::walk::{Walk, causes};
use super::{lines, live, rpm};
use crate::digest::Algorithm;
use crate::inspect::blob::Blob;
use crate::inspect::container::{Container, Member};
use crate::inspect::signed::{self, Over};
use crate::model::{Cause, Node, NodeKind, ResultMark, Sides, Tried};
use crate::text::Untrusted;

/// Longest name of a section that is looked up, in bytes: no member has a longer one.
const MAX_NAME: usize = 4096;

/// What a member of an archive is by its name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum List {
    /// `RECORD` of a wheel.
    Record,
    /// `META-INF/MANIFEST.MF`.
    Manifest,
    /// `META-INF/*.SF`: digests of the manifest and its sections.
    SignatureFile,
}

impl List {
    fn of(name: &[u8]) -> Option<Self> {
        let upper = name.to_ascii_uppercase();
        if name.ends_with(b".dist-info/RECORD") {
            Some(Self::Record)
        } else if name == b"META-INF/MANIFEST.MF" {
            Some(Self::Manifest)
        } else if upper.starts_with(b"META-INF/") && upper.ends_with(b".SF") {
            Some(Self::SignatureFile)
        } else {
            None
        }
    }
}

/// Whether a member is a signature over a manifest.
fn is_signature(name: &[u8]) -> bool {
    in_meta_inf(name).is_some_and(|n| [&b".RSA"[..], b".DSA", b".EC"].iter().any(|end| n.ends_with(end)))
}

/// Whether a member belongs to a signature of a jar: the signature itself, what it signs, or anything of that name ("JAR File
/// Specification", Signed JAR File). Java reads a jar as a stream as well: one that stands behind what it signs is not seen then.
pub(super) fn is_of_signature(name: &[u8]) -> bool {
    is_signature(name) || in_meta_inf(name).is_some_and(|n| n.ends_with(b".SF") || n.starts_with(b"SIG-"))
}

/// The name of a file right in `META-INF`, in capitals: no letter's case counts there.
fn in_meta_inf(name: &[u8]) -> Option<Vec<u8>> {
    let upper = name.to_ascii_uppercase();
    upper.strip_prefix(b"META-INF/").filter(|n| !n.contains(&b'/')).map(<[u8]>::to_vec)
}

/// The contents of one side's members by name, expanded when somebody asks.
struct Side<'s> {
    blob: &'s Blob,
    members: HashMap<&'s [u8], Option<&'s Member>>,
    manifest: Option<Blob>,
    /// Where each section of the manifest is; the main one has no name. The first of a name counts.
    sections: HashMap<Option<Vec<u8>>, std::ops::Range<usize>>,
    /// Digests and sizes of members: a list may name the same one in each of a million lines.
    known: RefCell<HashMap<(Vec<u8>, Algorithm), Made>>,
    /// The same for sections of the manifest, by where they start.
    known_sections: RefCell<HashMap<(usize, Algorithm), String>>,
}

/// Digest in hexadecimal and size of a member.
type Known = (String, usize);

/// What came of making them.
type Made = Result<Known, String>;

impl<'s> Side<'s> {
    fn new(blob: &'s Blob, parsed: &'s Container) -> Self {
        let mut members: HashMap<&[u8], Option<&Member>> = HashMap::new();
        for member in &parsed.members {
            // A name that occurs twice names nothing.
            members.entry(&member.name).and_modify(|m| *m = None).or_insert(Some(member));
        }
        Self { blob, members, manifest: None, sections: HashMap::new(), known: RefCell::default(), known_sections: RefCell::default() }
    }

    fn content(&self, walk: &mut Walk<'_>, name: &[u8]) -> Result<Blob, String> {
        let shown = || Untrusted::from(name).shown().cut_start(80);
        let member = self.members.get(name).copied().flatten().ok_or_else(|| format!("{} is not there, or not once", shown()))?;
        walk.content(member, self.blob).map_err(|_| format!("{} cannot be decoded", shown()))
    }

    /// Digest and size of a member, made once.
    fn digest(&self, walk: &mut Walk<'_>, name: &[u8], algorithm: Algorithm) -> Made {
        let key = (name.to_vec(), algorithm);
        if let Some(known) = self.known.borrow().get(&key) {
            return known.clone();
        }
        let made = self.content(walk, name).map(|content| (rpm::digest(&content, algorithm), content.len()));
        self.known.borrow_mut().insert(key, made.clone());
        made
    }

    /// Digest of the main section of the manifest, or of the section of that name, made once.
    fn section(&self, wanted: Option<&Vec<u8>>, algorithm: Algorithm) -> Result<String, String> {
        let manifest = self.manifest.as_ref().ok_or("there is no manifest")?;
        let range = self.sections.get(&wanted.cloned()).ok_or("the manifest has no such section")?;
        // Two sections never start at one place.
        let key = (range.start, algorithm);
        let mut known = self.known_sections.borrow_mut();
        Ok(known.entry(key).or_insert_with(|| rpm::digest(&manifest.slice(range.clone()), algorithm)).clone())
    }

    /// Takes the manifest, and finds its sections in one pass.
    fn take_manifest(&mut self, manifest: Option<Blob>) {
        let (mut start, mut at) = (0, 0);
        let mut section = Section::default();
        for line in manifest.iter().flat_map(|m| lines::split(m)) {
            section.line(line);
            at += line.len();
            if line.trim_ascii_end().is_empty() {
                self.sections.entry(std::mem::take(&mut section).name).or_insert(start..at);
                start = at;
            }
        }
        self.manifest = manifest;
    }
}

/// Explains the lists that differ, and then the signatures over them.
pub(super) fn explain(walk: &mut Walk<'_>, node: &mut Node, blobs: Sides<&Blob>, parsed: Sides<&Container>) {
    let wanted = |c: &Node| c.result == ResultMark::Different && c.kind == NodeKind::Text && List::of(c.name.as_bytes()).is_some();
    let has_signature = node.children.iter().any(|c| c.result == ResultMark::Different && is_signature(c.name.as_bytes()));
    if !has_signature && !node.children.iter().any(wanted) {
        return;
    }
    let mut sides = Sides::new(Side::new(blobs.shipped, parsed.shipped), Side::new(blobs.rebuilt, parsed.rebuilt));
    // What a tool says of itself is explained only where all that it made is.
    let rest =
        node.children.iter().all(|c| c.result.is_equal() || List::of(c.name.as_bytes()).is_some() || is_signature(c.name.as_bytes()));
    for side in [&mut sides.shipped, &mut sides.rebuilt] {
        let manifest = side.content(walk, b"META-INF/MANIFEST.MF").ok();
        side.take_manifest(manifest);
    }
    for child in node.children.iter_mut().filter(|c| wanted(c)) {
        let name = child.name.as_bytes().to_vec();
        let Some(list) = List::of(&name) else { continue };
        match differing(walk, &sides, &name, list, rest) {
            Ok((account, found)) => {
                child.account = account;
                child.proofs.clear();
                changes::prove_all(child, &found);
                child.result = own_result(child);
                child.why = causes(child);
            }
            Err(why) => child.tried.push(Tried { cause: Cause::ChecksumList, why }),
        }
    }
    let own = own_result(node).is_equal();
    let all = own && node.children.iter().all(|c| c.result.is_equal() || is_signature(c.name.as_bytes()));
    for child in node.children.iter_mut().filter(|c| c.result == ResultMark::Different && is_signature(c.name.as_bytes())) {
        let name = child.name.as_bytes().to_vec();
        let why = if all { not_sound(walk, &sides, &name) } else { Some("what is signed differs and is not accounted for") };
        if let Some(why) = why {
            child.tried.push(Tried { cause: Cause::Signature, why: why.to_owned() });
            continue;
        }
        for account in [&mut child.account.shipped, &mut child.account.rebuilt] {
            reassign(account, Cause::Signature, account.unexplained);
        }
        let whole = Sides::new(0..child.size.shipped.unwrap_or(0), 0..child.size.rebuilt.unwrap_or(0));
        prove(&mut child.proofs, Cause::Signature, whole, Sides::new("", ""));
        settle(child);
        child.why = causes(child);
    }
}

/// Why a file of the name of a signature is none, on either side.
fn not_sound(walk: &mut Walk<'_>, sides: &Sides<Side<'_>>, name: &[u8]) -> Option<&'static str> {
    for side in [&sides.shipped, &sides.rebuilt] {
        let stem = name.iter().rposition(|b| *b == b'.').and_then(|dot| name.get(..dot)).unwrap_or_default();
        let is_file = |n: &[u8]| n.strip_prefix(stem).is_some_and(|end| end.eq_ignore_ascii_case(b".sf"));
        if !side.members.keys().any(|n| is_file(n)) {
            return Some("there is no signature file that it would be over");
        }
        if !side.content(walk, name).is_ok_and(|content| signed::is_signature(&content, Over::Other)) {
            return Some("it is no signature in the form of a jar, or there is more in it");
        }
    }
    None
}

type Explained = (Sides<crate::model::Account>, Vec<Change>);

fn differing(walk: &mut Walk<'_>, sides: &Sides<Side<'_>>, name: &[u8], list: List, rest: bool) -> Result<Explained, String> {
    let (a, b) = (sides.shipped.content(walk, name)?, sides.rebuilt.content(walk, name)?);
    let (one, two) = (lines::split(&a), lines::split(&b));
    if one.len() != two.len() {
        return Err("the lists have another number of lines".to_owned());
    }
    let mut section = Sides::new(Section::default(), Section::default());
    let mut at = Sides::new(0, 0);
    let mut out = Vec::new();
    for (x, y) in one.iter().zip(&two) {
        section.shipped.line(x);
        section.rebuilt.line(y);
        if x != y {
            let found = match list {
                List::Record => Ok(vec![record(walk, sides, x, y)?]),
                List::Manifest | List::SignatureFile => attribute(walk, sides, &section, Sides::new(x, y), list, rest),
            };
            // A date in an attribute needs no list.
            let found = found.or_else(|why| {
                let dated = live::tells(x) && live::tells(y);
                let changes = if dated { line_changes(x, y, &mut Paths::none(), &walk.tries) } else { None };
                changes.ok_or(why)
            })?;
            out.extend(found.into_iter().map(|change| {
                let moved = |r: std::ops::Range<usize>, by: usize| r.start + by..r.end + by;
                Change { ranges: Sides::new(moved(change.ranges.shipped, at.shipped), moved(change.ranges.rebuilt, at.rebuilt)), ..change }
            }));
        }
        at = Sides::new(at.shipped + x.len(), at.rebuilt + y.len());
    }
    let account = changes::undo(Sides::new(&a, &b), &out).ok_or("the lists differ in more than digests")?;
    Ok((account, out))
}

/// A line of `RECORD`: path, `sha256=` digest, size.
fn record(walk: &mut Walk<'_>, sides: &Sides<Side<'_>>, x: &[u8], y: &[u8]) -> Result<Change, String> {
    let mut ranges = Sides::new(0..0, 0..0);
    for (side, line, range) in [(&sides.shipped, x, &mut ranges.shipped), (&sides.rebuilt, y, &mut ranges.rebuilt)] {
        let text = line.trim_ascii_end();
        let mut parts = text.rsplitn(3, |b| *b == b',');
        let (size, digest, path) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default(), parts.next());
        let path = path.filter(|p| !p.contains(&b'"')).ok_or("a line is not a path, a digest and a size")?;
        let digest = digest.strip_prefix(b"sha256=").ok_or("a digest is not SHA-256")?;
        let (real, length) = side.digest(walk, path, Algorithm::Sha256)?;
        let real = URL_SAFE_NO_PAD.encode(crate::digest::unhex(&real).unwrap_or_default());
        if real.as_bytes() != digest || length.to_string().as_bytes() != size {
            return Err(format!("{} is not what the list says", Untrusted::from(path).shown().cut_start(80)));
        }
        *range = path.len() + 1..text.len();
    }
    if x.get(..ranges.shipped.start) != y.get(..ranges.rebuilt.start) {
        return Err("the lists name different files".to_owned());
    }
    Ok(Change::of(Cause::ChecksumList, Sides::new(x, y), ranges))
}

/// The section of a manifest that a line is in.
#[derive(Default)]
struct Section {
    /// The value of `Name`, without its line breaks; `None` in the main section.
    name: Option<Vec<u8>>,
    in_name: bool,
}

impl Section {
    fn line(&mut self, line: &[u8]) {
        let text = line.trim_ascii_end();
        if let Some(name) = text.strip_prefix(b"Name: ") {
            self.name = Some(name.to_vec());
            self.in_name = true;
        } else if let (true, Some(more), Some(name)) = (self.in_name, text.strip_prefix(b" "), self.name.as_mut()) {
            name.extend_from_slice(more);
        } else {
            self.in_name = false;
        }
    }
}

/// A line of a manifest: a digest of the section's file (or of its section of the manifest), or what tools write of
/// themselves.
fn attribute(
    walk: &mut Walk<'_>,
    sides: &Sides<Side<'_>>,
    section: &Sides<Section>,
    pair: Sides<&&[u8]>,
    list: List,
    rest: bool,
) -> Result<Vec<Change>, String> {
    let (x, y) = (*pair.shipped, *pair.rebuilt);
    let split = |line: &'_ [u8]| line.windows(2).position(|w| w == b": ").map(|at| (line[..at].to_vec(), at + 2));
    let ((key, from), (other, from_other)) = (split(x).ok_or("a line has no name")?, split(y).ok_or("a line has no name")?);
    if key != other {
        return Err("the lists have other lines".to_owned());
    }
    let ranges = Sides::new(from..x.trim_ascii_end().len().max(from), from_other..y.trim_ascii_end().len().max(from_other));
    let change = |cause| Ok(vec![Change::of(cause, Sides::new(x, y), ranges.clone())]);
    let printable = |line: &[u8]| line.trim_ascii_end().iter().all(|b| (0x20..0x7f).contains(b));
    let main = section.shipped.name.is_none() && section.rebuilt.name.is_none();
    match key.as_slice() {
        b"Built-By" if main && printable(x) && printable(y) => return change(Cause::Owner),
        b"Created-By" | b"Build-Jdk" | b"Build-Jdk-Spec" | b"Build-Tool" if main && rest && printable(x) && printable(y) => {
            return change(Cause::Producer);
        }
        _ => {}
    }
    if section.shipped.name.as_ref().is_some_and(|name| name.len() > MAX_NAME) || section.shipped.name != section.rebuilt.name {
        return Err("the lists name different files, or one by a name that is too long".to_owned());
    }
    for (side, section, line, range) in
        [(&sides.shipped, &section.shipped, x, &ranges.shipped), (&sides.rebuilt, &section.rebuilt, y, &ranges.rebuilt)]
    {
        let text = std::str::from_utf8(&key).unwrap_or_default();
        let (word, part) = text.split_once("-Digest").ok_or("a line is no digest")?;
        let algorithm = match word {
            "SHA-256" => Algorithm::Sha256,
            "SHA-512" => Algorithm::Sha512,
            "SHA1" | "SHA-1" | "SHA" => Algorithm::Sha1,
            _ => return Err("a digest is of a kind that is not known".to_owned()),
        };
        let hexadecimal = match (list, part, &section.name) {
            (List::Manifest, "", Some(name)) => side.digest(walk, name, algorithm)?.0,
            (List::SignatureFile, "-Manifest", None) => {
                side.digest(walk, b"META-INF/MANIFEST.MF", algorithm).map_err(|_| "there is no manifest")?.0
            }
            (List::SignatureFile, "-Manifest-Main-Attributes", None) => side.section(None, algorithm)?,
            (List::SignatureFile, "", Some(name)) => side.section(Some(name), algorithm)?,
            _ => return Err("a digest of something that is not known".to_owned()),
        };
        let raw = crate::digest::unhex(&hexadecimal).unwrap_or_default();
        if line.get(range.clone()) != Some(STANDARD.encode(raw).as_bytes()) {
            return Err("a digest is not what the list says".to_owned());
        }
    }
    change(Cause::ChecksumList)
}
