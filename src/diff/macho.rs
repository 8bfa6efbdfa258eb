//! Causes that only Mach-O files have. Each touches the bytes of its own fields and nothing else.

use std::collections::BTreeSet;
use std::ops::Range;

use super::build_path::BuildPath;
use super::claims::{Claim, Claims};
use super::exe::RegionPair;
use super::image::Images;
use super::observed;
use crate::digest::hex;
use crate::inspect::container::{all_are, time_text};
use crate::inspect::exe::{Exe, MAX_TEXT, Region};
use crate::inspect::macho::leads;
use crate::inspect::macho::signature::{self as code_signature, Terms};
use crate::inspect::macho::{self, Command, N, command};
use crate::inspect::pe::text_within;
use crate::model::{Cause, Node, Side, Sides, Tried};

/// Notes for debuggers that are looked at.
const MAX_NOTES: usize = 100_000;

/// Explains what belongs to the build and not to the program.
pub(super) fn explain(node: &mut Node, images: &Images, regions: &mut [RegionPair]) {
    let pair = Pair { exes: images.sides.as_ref().map(|i| &i.elf), images };
    let mut tried = Vec::new();
    let mut claims = Claims::new(node, images, regions);
    pair.notes(&mut claims);
    pair.follow(&mut claims, &mut tried);
    let alarm = pair.alarm(&claims);
    claims.keep(node);
    node.tried.extend(tried);
    node.metadata.extend(alarm);
}

struct Pair<'a> {
    exes: Sides<&'a Exe>,
    images: &'a Images,
}

fn is_loaded(region: &Region) -> bool {
    region.allocated
}

impl<'a> Pair<'a> {
    fn each<T>(&self, f: impl Fn(&'a [u8]) -> T) -> Sides<T> {
        Sides::new(f(&self.exes.shipped.blob), f(&self.exes.rebuilt.blob))
    }

    fn both<T>(&self, f: impl Fn(&'a [u8]) -> Option<T>) -> Option<Sides<T>> {
        match self.each(f) {
            Sides { shipped: Some(x), rebuilt: Some(y) } => Some(Sides::new(x, y)),
            _ => None,
        }
    }

    fn bytes(&self, side: Side, range: &Range<usize>) -> &'a [u8] {
        self.exes.get(side).blob.get(range.clone()).unwrap_or_default()
    }

    fn claim(&self, cause: Cause, spans: Sides<Range<usize>>, text: impl Fn(Side, &[u8]) -> String) -> Claim {
        let value = |side: Side| text(side, self.bytes(side, spans.get(side)));
        let values = Sides::new(value(Side::Shipped), value(Side::Rebuilt));
        Claim { cause, spans, values }
    }

    /// The object files that the symbol table notes for debuggers: when they were made, and where they were.
    fn notes(&self, claims: &mut Claims<'_>) {
        let Some(notes) = self.both(notes) else { return };
        if self.each(only_notes) != Sides::new(true, true) {
            return;
        }
        let names = self.each(|bytes| named(bytes).unwrap_or_default());
        // The loader maps the tables with the program.
        type Part = fn(&[u8]) -> Option<Range<usize>>;
        let tables: [Part; 2] = [|b| table(b, 8, 16), |b| table(b, 16, 1)];
        for own in tables {
            let differs = self.each(|bytes| bytes.get(own(bytes)?));
            if self.unread(differs.shipped != differs.rebuilt, own).is_err() {
                return;
            }
        }
        for (x, y) in notes.shipped.iter().zip(&notes.rebuilt) {
            if x.kind != y.kind {
                return;
            }
            if x.kind == OBJECT {
                let time = |_: Side, raw: &[u8]| time_text(N.int(raw, 0, 8).unwrap_or(0).cast_signed());
                claims.take(&self.claim(Cause::Timestamp, Sides::new(x.value.clone(), y.value.clone()), time));
            }
            let texts = Sides::new(self.bytes(Side::Shipped, &x.path), self.bytes(Side::Rebuilt, &y.path));
            let name = |path: &'a [u8]| path.rsplit(|b| *b == b'/').next().unwrap_or(path);
            let prefix = BuildPath::propose(texts.shipped, texts.rebuilt).filter(|p| p.makes_equal(texts.shipped, texts.rebuilt));
            // A name that begins in the path, or runs on into it, is that of a symbol too.
            let shared = |side: Side, path: &Range<usize>| {
                // What begins further before is longer than any path.
                let least = path.start.saturating_sub(MAX_TEXT);
                let before = self.bytes(side, &(least..path.start));
                let start = before.iter().rposition(|b| *b == 0).map(|at| least + at + 1);
                start.is_none_or(|start| names.get(side).range(start..path.end).next().is_some())
            };
            let alone = || !shared(Side::Shipped, &x.path) && !shared(Side::Rebuilt, &y.path);
            if prefix.is_some() && alone() && name(texts.shipped) == name(texts.rebuilt) && texts.shipped.len() == texts.rebuilt.len() {
                let text = |_: Side, raw: &[u8]| String::from_utf8_lossy(raw).into_owned();
                claims.take(&self.claim(Cause::BuildPath, Sides::new(x.path.clone(), y.path.clone()), text));
            }
        }
    }

    /// What follows from the rest: UUID and signature.
    fn follow(&self, claims: &mut Claims<'_>, tried: &mut Vec<Tried>) {
        let start = claims.snapshot();
        let signature = self.signature(claims).and_then(|differs| self.unread(differs, |b| signature(b)?.ok()).map(|()| differs));
        let identity = self.identity(claims);
        let (all, loaded) = (claims.residue(&|_| true) == 0, claims.residue(&is_loaded) == 0);
        if matches!(signature, Ok(true)) && all || matches!(signature, Ok(false)) && loaded {
            return;
        }
        claims.restore(start);
        match signature {
            Ok(true) => tried.push(Tried { cause: Cause::Signature, why: "what is signed differs".to_owned() }),
            Err(why) => tried.push(Tried { cause: Cause::Signature, why: format!("the code signature {why}") }),
            Ok(false) => {}
        }
        let start = claims.snapshot();
        self.identity(claims);
        if claims.residue(&is_loaded) > 0 {
            claims.restore(start);
            if identity {
                let why = match self.unread(true, identified) {
                    Err(why) => format!("the UUID {why}"),
                    Ok(()) => "it follows from the content, and other content that is loaded differs".to_owned(),
                };
                tried.push(Tried { cause: Cause::BuildId, why });
            }
        }
    }

    /// An error where the program refers to a part of its own file that differs: then that is data of the program.
    fn unread(&self, differs: bool, part: impl Fn(&'a [u8]) -> Option<Range<usize>>) -> Result<(), String> {
        for side in [Side::Shipped, Side::Rebuilt].into_iter().filter(|_| differs) {
            let exe = self.exes.get(side);
            let Some(range) = part(&exe.blob) else { continue };
            let Some(start) = exe.address_of(range.start as u64) else { continue };
            let place = start..start.saturating_add(range.len() as u64);
            let who = leads::reader(exe, &place).or_else(|| observed::reader(self.images.sides.get(side), &place));
            if let Some(who) = who {
                return Err(format!("is read by the program: {who} refers to it"));
            }
        }
        Ok(())
    }

    /// Claims the UUID; says whether it differs.
    fn identity(&self, claims: &mut Claims<'_>) -> bool {
        let Some(ids) = self.both(uuid) else { return false };
        let differs = self.bytes(Side::Shipped, &ids.shipped) != self.bytes(Side::Rebuilt, &ids.rebuilt);
        if self.unread(differs, identified).is_ok() {
            claims.take(&self.claim(Cause::BuildId, ids, |_, raw| hex(raw)));
        }
        differs
    }

    /// Claims a signature that one side has, or each its own, with what follows from its size. `Ok(false)` when none differs.
    fn signature(&self, claims: &mut Claims<'_>) -> Result<bool, String> {
        let found = self.each(signature);
        let mut ranges = Sides::default();
        for (side, word) in [(Side::Shipped, "shipped"), (Side::Rebuilt, "rebuilt")] {
            match found.get(side) {
                Some(Err(why)) => return Err(format!("{why} ({word})")),
                Some(Ok(range)) => *ranges.get_mut(side) = Some(range.clone()),
                None => {}
            }
        }
        let content = |side: Side| ranges.get(side).as_ref().map(|r: &Range<usize>| self.bytes(side, r));
        if content(Side::Shipped) == content(Side::Rebuilt) {
            return Ok(false);
        }
        // What the system allows the program and how it runs it is never waived: that is what a signature adds to a program.
        let terms = |side: Side| content(side).map(Terms::read);
        let differs = match (terms(Side::Shipped), terms(Side::Rebuilt)) {
            (Some(None), _) | (_, Some(None)) => return Err("is not a list of blobs with a code directory".to_owned()),
            (Some(Some(x)), Some(Some(y))) => x.differ(&y),
            (Some(Some(one)), None) | (None, Some(Some(one))) => one.adds(),
            (None, None) => None,
        };
        if let Some(what) = [Side::Shipped, Side::Rebuilt].into_iter().filter_map(content).find_map(code_signature::is_more) {
            return Err(format!("is no signature only: {what}"));
        }
        // What is signed is all that stands before the signature.
        for side in [Side::Shipped, Side::Rebuilt] {
            let start = ranges.get(side).as_ref().map(|r: &Range<usize>| r.start as u64);
            if terms(side).flatten().is_some_and(|t| t.directories.values().any(|d| Some(d.limit) != start)) {
                return Err("does not cover all that stands before it".to_owned());
            }
        }
        if let Some(what) = differs {
            return Err(format!("has other terms than on the other side: {what}"));
        }
        let words = |side: Side| content(side).map_or("not signed".to_owned(), |c| format!("signed, {} bytes", c.len()));
        let values = Sides::new(words(Side::Shipped), words(Side::Rebuilt));
        let text = |side: Side, _: &[u8]| values.get(side).clone();
        // The last segment reaches to the end of the file on both sides: its sizes follow.
        if let Some(last) = self.both(link_edit) {
            let sizes = |at: usize| last.as_ref().map(|c: &Command| c.range.start + at..c.range.start + at + 8);
            claims.take(&self.claim(Cause::Signature, sizes(32), text));
            claims.take(&self.claim(Cause::Signature, sizes(48), text));
        }
        let own = self.both(|bytes| macho::command(bytes, command::CODE_SIGNATURE));
        match own {
            Some(commands) => {
                let fields = commands.map(|c| c.range.start + 8..c.range.start + 16);
                claims.take(&self.claim(Cause::Signature, fields, text));
            }
            // The command that leads to it: one more, of 16 bytes.
            None => {
                let counts = self.each(|b| (N.int(b, 16, 4).unwrap_or(0), N.int(b, 20, 4).unwrap_or(0)));
                let (more, less) =
                    if ranges.shipped.is_some() { (counts.shipped, counts.rebuilt) } else { (counts.rebuilt, counts.shipped) };
                if more.0 != less.0 + 1 || more.1 != less.1 + 16 {
                    return Err("is not the only load command that one side has".to_owned());
                }
                claims.take(&self.claim(Cause::Signature, Sides::new(16..24, 16..24), text));
            }
        }
        let named = |r: &Region, name: &[u8]| r.section.is_none() && r.name == name;
        let padding = |side: Side, r: &Region| {
            let before = ranges.get(side).as_ref().is_some_and(|c: &Range<usize>| c.start == r.range.end);
            before && r.name.starts_with(b"gap after") && r.range.len() < 16 && all_are(self.bytes(side, &r.range), 0)
        };
        // The signature that was read, and not what another command gives as one.
        let own = |side: Side, r: &Region| named(r, b"code signature") && ranges.get(side).as_ref() == Some(&r.range);
        let led = |side: Side, r: &Region| {
            let command = macho::command(&self.exes.get(side).blob, command::CODE_SIGNATURE);
            named(r, b"LC_CODE_SIGNATURE") && command.is_some_and(|c| c.range == r.range)
        };
        let alone = |side: Side, r: &Region| own(side, r) || led(side, r) || padding(side, r);
        let whole = claims.find(&|sides| match (sides.shipped, sides.rebuilt) {
            (Some(x), Some(y)) => own(Side::Shipped, x) && own(Side::Rebuilt, y),
            (Some(x), None) => alone(Side::Shipped, x),
            (None, Some(y)) => alone(Side::Rebuilt, y),
            (None, None) => false,
        });
        // Behind the commands there is room, and the one more takes 16 bytes of it. The room is named after what is before it.
        let room = |side: Side, r: &Region| {
            let (own, end) = (self.exes.get(side), N.int(&self.exes.get(side).blob, 20, 4).unwrap_or(0) as usize + 32);
            r.name.starts_with(b"gap after") && r.range.start == end && all_are(own.blob.get(r.range.clone()).unwrap_or_default(), 0)
        };
        let rooms = claims.find(&|sides| {
            own_is_none(&ranges)
                && sides.shipped.is_none_or(|r| room(Side::Shipped, r))
                && sides.rebuilt.is_none_or(|r| room(Side::Rebuilt, r))
        });
        for n in whole.into_iter().chain(rooms) {
            claims.take_whole(n, Cause::Signature, Sides::new(&values.shipped, &values.rebuilt));
        }
        Ok(true)
    }

    /// The same UUID belongs to one content only.
    fn alarm(&self, claims: &Claims<'_>) -> Option<String> {
        let ids = self.both(uuid)?;
        let (x, y) = (self.bytes(Side::Shipped, &ids.shipped), self.bytes(Side::Rebuilt, &ids.rebuilt));
        let alarm = x == y && !all_are(x, 0) && claims.residue(&is_loaded) > 0;
        alarm.then(|| format!("alarm: both sides have the UUID {} and their loaded content differs", hex(x)))
    }
}

/// Whether one side has no signature.
fn own_is_none(ranges: &Sides<Option<Range<usize>>>) -> bool {
    ranges.shipped.is_none() || ranges.rebuilt.is_none()
}

fn uuid(bytes: &[u8]) -> Option<Range<usize>> {
    let c = macho::command(bytes, command::UUID).filter(|c| c.range.len() == 24)?;
    Some(c.range.start + 8..c.range.end)
}

/// The whole command of the UUID: somebody may begin to read before it.
fn identified(bytes: &[u8]) -> Option<Range<usize>> {
    Some(macho::command(bytes, command::UUID)?.range)
}

/// The segment `__LINKEDIT`, when it ends where the file does.
fn link_edit(bytes: &[u8]) -> Option<Command> {
    let named = |c: &Command| bytes.get(c.range.start + 8..c.range.start + 24) == Some(b"__LINKEDIT\0\0\0\0\0\0".as_slice());
    let c = macho::commands(bytes).into_iter().find(|c| c.kind == command::SEGMENT && named(c))?;
    let long = |at: usize| N.int(bytes, c.range.start + at, 8);
    let (memory, start, size) = (long(32)?, long(40)?, long(48)?);
    let follows =
        start.checked_add(size)? == bytes.len() as u64 && [0x1000, 0x4000].iter().any(|page| memory == size.next_multiple_of(*page));
    follows.then_some(c)
}

/// Where the signature is: the last thing in the file, and in the form of one. Absent when there is none.
fn signature(bytes: &[u8]) -> Option<Result<Range<usize>, &'static str>> {
    macho::command(bytes, command::CODE_SIGNATURE)?;
    let Some(range) = macho::linked(bytes, command::CODE_SIGNATURE) else { return Some(Err("is outside the file")) };
    let blob = bytes.get(range.clone()).unwrap_or_default();
    let big = |at: usize| crate::inspect::exe::Numbers { wide: true, little: false }.int(blob, at, 4).map(|n| n as usize);
    if range.end != bytes.len() {
        return Some(Err("is not the last thing in the file"));
    }
    // A super blob with its length, and nothing but zeros behind it.
    let length = big(4).filter(|n| big(0) == Some(0xfade_0cc0) && *n >= 12);
    if length.and_then(|n| blob.get(n..)).is_none_or(|rest| !all_are(rest, 0)) {
        return Some(Err("has another form, or something behind it"));
    }
    Some(Ok(range))
}

/// The table of symbols or that of their names.
fn table(bytes: &[u8], field: usize, unit: usize) -> Option<Range<usize>> {
    let c = macho::command(bytes, command::SYMTAB)?;
    let (start, count) = (c.word(bytes, field)?, c.word(bytes, field + 4)?);
    Some(start..start.checked_add(count.checked_mul(unit)?)?)
}

/// A note for debuggers that names a file.
struct Note {
    kind: u8,
    value: Range<usize>,
    path: Range<usize>,
}

/// An object file, with its time.
const OBJECT: u8 = 0x66;
/// A source file or its folder.
const SOURCE: u8 = 0x64;

/// Offsets in the file of the names of all symbols that are no notes for debuggers.
fn named(bytes: &[u8]) -> Option<BTreeSet<usize>> {
    let c = macho::command(bytes, command::SYMTAB)?;
    let (table, count, strings) = (c.word(bytes, 8)?, c.word(bytes, 12)?, c.word(bytes, 16)?);
    let raw = bytes.get(table..table.checked_add(count.checked_mul(16)?)?)?;
    let name = |raw: &[u8]| {
        let at = usize::try_from(N.int(raw, 0, 4)?).ok().filter(|_| raw.get(4).is_some_and(|kind| kind & 0xe0 == 0))?;
        strings.checked_add(at)
    };
    Some(raw.chunks_exact(16).filter_map(name).collect())
}

/// Whether the notes for debuggers are nothing else: no stub and no pointer names one as its import, and they stand where the loader looks
/// for no symbol.
fn only_notes(bytes: &[u8]) -> bool {
    let own = |c: Command, d: Command| {
        let (table, count) = (c.word(bytes, 8)?, c.word(bytes, 12)?);
        let raw = bytes.get(table..table.checked_add(count.checked_mul(16)?)?)?;
        let note = |n: usize| raw.get(n.checked_mul(16)?..)?.get(4).map(|kind| kind & 0xe0 != 0);
        let (first, locals) = (d.word(bytes, 8)?, d.word(bytes, 12)?);
        let locals = first..first.checked_add(locals)?;
        let (start, named) = (d.word(bytes, 56)?, d.word(bytes, 60)?);
        let named = bytes.get(start..start.checked_add(named.checked_mul(4)?)?)?;
        let mut named = named.chunks_exact(4).filter_map(|n| usize::try_from(N.int(n, 0, 4)?).ok());
        Some(named.all(|n| note(n) != Some(true)) && (0..count).all(|n| locals.contains(&n) || note(n) != Some(true)))
    };
    match (macho::command(bytes, command::SYMTAB), macho::command(bytes, command::DYSYMTAB)) {
        (Some(c), Some(d)) => own(c, d) == Some(true),
        _ => true,
    }
}

fn notes(bytes: &[u8]) -> Option<Vec<Note>> {
    let c = macho::command(bytes, command::SYMTAB)?;
    let (table, count, strings, size) = (c.word(bytes, 8)?, c.word(bytes, 12)?, c.word(bytes, 16)?, c.word(bytes, 20)?);
    let raw = bytes.get(table..table.checked_add(count.checked_mul(16)?)?)?;
    let names = bytes.get(strings..strings.checked_add(size)?)?;
    let note = |(i, raw): (usize, &[u8])| {
        let kind = raw.get(4).copied().filter(|kind| matches!(*kind, OBJECT | SOURCE))?;
        let at = N.int(raw, 0, 4)? as usize;
        let length = text_within(names, at, 4096).len();
        let start = table + i * 16;
        Some(Note { kind, value: start + 8..start + 16, path: strings + at..strings + at + length })
    };
    Some(raw.chunks_exact(16).enumerate().filter_map(note).take(MAX_NOTES).collect())
}
