//! Fields of a PE file that a build leaves in it, and that something reads after all: the loader by a directory, the program by its code, a
//! pointer or a number. What stands in such a field is part of the program.

use std::ops::Range;

use super::exe::{RegionPair, bytes};
use super::image::{Image, Images};
use super::observed;
use crate::inspect::exe::Exe;
use crate::inspect::pe::reach::{self, Owner};
use crate::inspect::pe::{Header, N, marks};
use crate::model::{Cause, Proof, Side, Sides, Tried};

/// Places in memory of one part of the file that are looked at.
const MAX_PLACES: usize = 4;
/// Records of the PDB whose readers are looked for: a linker writes one.
const MAX_RECORDS: usize = 4;

/// Which fields are read, on each side.
pub(super) struct Fields {
    read: Sides<Vec<Range<usize>>>,
}

/// A range of the file, and who may read it.
struct Ask {
    range: Range<usize>,
    owner: Owner,
    cause: Cause,
    /// Whether a word that leads there counts wherever it stands. Places in the headers are small numbers.
    by_word: bool,
}

impl Fields {
    /// Looks for whoever reads a field; says it of those that differ.
    pub(super) fn read(images: &Images, headers: Sides<&Header>) -> (Self, Vec<Tried>) {
        let mut asks = Sides::new(asks(&images.sides.shipped.elf, headers.shipped), asks(&images.sides.rebuilt.elf, headers.rebuilt));
        let content = |side: Side, ask: &Ask| images.sides.get(side).elf.blob.get(ask.range.clone());
        if asks.shipped.len() == asks.rebuilt.len() {
            // Who reads what is the same on both sides does not matter.
            let differs = |(x, y): (&Ask, &Ask)| content(Side::Shipped, x) != content(Side::Rebuilt, y);
            let differs: Vec<bool> = asks.shipped.iter().zip(&asks.rebuilt).map(differs).collect();
            for side in [Side::Shipped, Side::Rebuilt] {
                let mut kept = differs.iter();
                asks.get_mut(side).retain(|_| kept.next() == Some(&true));
            }
        }
        let mut tried = Vec::new();
        let mut side = |side: Side, word: &str| {
            let (image, header, asks) = (images.sides.get(side), headers.get(side), asks.get(side));
            let mut read = Vec::new();
            for (ask, who) in asks.iter().zip(readers(image, header, asks)) {
                let Some(who) = who else { continue };
                tried.push(Tried {
                    cause: ask.cause,
                    why: format!("{word}: what stands at {:#x} of the file is read: {who}", ask.range.start),
                });
                read.push(ask.range.clone());
            }
            // Of more nobody asks who reads them.
            for record in marks::codeview(&image.elf, header).into_iter().skip(MAX_RECORDS) {
                read.push(record.entry.data);
            }
            read
        };
        let read = Sides::new(side(Side::Shipped, "shipped"), side(Side::Rebuilt, "rebuilt"));
        (Self { read }, tried)
    }

    /// Whether somebody reads any of these ranges.
    pub(super) fn are_read(&self, spans: &Sides<Range<usize>>) -> bool {
        [Side::Shipped, Side::Rebuilt].into_iter().any(|side| {
            let span = spans.get(side);
            self.read.get(side).iter().any(|r| r.start < span.end && span.start < r.end)
        })
    }
}

/// Sentences for dates and paths in data that the loader or the system reads: a name that is imported or exported by, a manifest.
pub(super) fn texts(images: &Images, proofs: &[Proof]) -> Vec<String> {
    let mut out = Vec::new();
    let in_text = |p: &&Proof| matches!(p.cause, Cause::Timestamp | Cause::BuildPath);
    for (side, word) in [(Side::Shipped, "shipped"), (Side::Rebuilt, "rebuilt")] {
        let exe = &images.sides.get(side).elf;
        let Some(header) = Header::of(exe) else { continue };
        let spans = proofs.iter().filter(in_text).flat_map(|p| p.spans.get(side));
        let spans: Vec<Range<u64>> = spans.map(|s| s.start..s.end).collect();
        let places = spans.iter().map(|s| {
            let start = exe.address_of(s.start).unwrap_or(0).wrapping_sub(header.base);
            start..start.saturating_add(s.end - s.start)
        });
        // What is content for the program itself may say when it was made.
        let content = [Owner::Resources, Owner::Threads, Owner::Hybrid];
        for (s, found) in spans.iter().zip(led(exe, &header, &places.collect::<Vec<_>>(), &content)) {
            out.extend(
                found.map(|what| format!("{word}: the text at {:#x} of the file differs, and a directory leads there ({what})", s.start)),
            );
        }
    }
    out.truncate(20);
    out
}

/// What a directory leads to in each of several places, as RVAs, but for what belongs to some owners.
fn led(exe: &Exe, header: &Header, places: &[Range<u64>], but: &[Owner]) -> Vec<Option<&'static str>> {
    let mut found = vec![None; places.len()];
    // By their ends, in the order of their starts: a part is looked up among them.
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by_key(|n| places.get(*n).map(|p| p.start));
    let longest = places.iter().map(|p| p.end - p.start).max().unwrap_or(0);
    let start = |n: &usize| places.get(*n).map_or(0, |p| p.start);
    let whole = places.is_empty()
        || reach::visit(exe, header, &mut |part, owner| {
            if but.contains(&owner) {
                return;
            }
            let from = order.partition_point(|n| start(n).saturating_add(longest) <= part.start);
            for n in order.iter().skip(from).take_while(|n| start(n) < part.end) {
                let hit = places.get(*n).is_some_and(|p| part.start < p.end);
                found.get_mut(*n).filter(|f| hit && f.is_none()).into_iter().for_each(|f| *f = Some(said(owner)));
            }
        });
    if !whole {
        return vec![Some("more than is looked at"); places.len()];
    }
    found
}

/// Sentences for debug sections that differ and that a directory leads into.
pub(super) fn mapped(images: &Images, regions: &[RegionPair]) -> Vec<String> {
    let mut out = Vec::new();
    for (side, word) in [(Side::Shipped, "shipped"), (Side::Rebuilt, "rebuilt")] {
        let exe = &images.sides.get(side).elf;
        let Some(header) = Header::of(exe) else { continue };
        let region = |pair: &RegionPair, side: Side| pair.regions.get(side).and_then(|i| images.sides.get(side).elf.regions.get(i));
        let content = |pair: &RegionPair, side: Side| region(pair, side).map(|r| bytes(&images.sides.get(side).elf, r));
        let differs = regions.iter().filter(|pair| content(pair, Side::Shipped) != content(pair, Side::Rebuilt));
        let loose: Vec<_> = differs.filter_map(|pair| region(pair, side)).filter(|r| r.section.is_some() && !r.allocated).collect();
        let rva = |address: u64| address.wrapping_sub(header.base);
        let places: Vec<Range<u64>> = loose.iter().map(|r| rva(r.address)..rva(r.address).saturating_add(r.range.len() as u64)).collect();
        for (r, what) in loose.iter().zip(led(exe, &header, &places, &[])) {
            let Some(what) = what else { continue };
            let name = crate::text::Untrusted::from(r.name.as_slice()).shown().cut(60);
            out.push(format!("{word}: {name} differs, and a directory leads into it ({what})"));
        }
    }
    out
}

fn said(owner: Owner) -> &'static str {
    match owner {
        Owner::Export => "the directory of exports",
        Owner::Resources => "resources",
        Owner::Debug => "the debug directory",
        Owner::Data(_) => "what the debug directory describes",
        Owner::Hybrid => "code for two processors",
        Owner::Threads => "thread-local data",
        Owner::Handler => "the data of a handler",
        Owner::Other(what) => what,
    }
}

/// The fields in which a build leaves something.
fn asks(exe: &Exe, header: &Header) -> Vec<Ask> {
    let mut out = Vec::new();
    let mut ask = |range: Range<usize>, owner: Owner, cause: Cause, by_word: bool| out.push(Ask { range, owner, cause, by_word });
    // Handlers are given small numbers as well, which lead into the headers by chance: so few bytes hold no data of one.
    let few = Owner::Handler;
    ask(header.optional + 64..header.optional + 68, few, Cause::Derived, false);
    // Fields of one kind stand in one table: the whole of it is asked for.
    let stamps = marks::stamps(exe, header);
    for (what, owner) in [
        ("COFF header", few),
        ("export directory", Owner::Export),
        ("debug directory", Owner::Debug),
        ("resource directory", Owner::Resources),
    ] {
        let own = || stamps.iter().filter(|s| s.0 == what).map(|s| s.1);
        if let Some((first, last)) = own().min().zip(own().max()) {
            ask(first..last + 4, owner, Cause::Timestamp, false);
        }
    }
    for record in marks::codeview(exe, header).into_iter().take(MAX_RECORDS) {
        let owner = Owner::Data(record.entry.at);
        ask(record.entry.at + 16..record.entry.at + 20, Owner::Debug, Cause::Derived, false);
        ask(record.id, owner, Cause::BuildId, true);
        ask(record.path.start..(record.path.end + 1).next_multiple_of(4), owner, Cause::BuildPath, true);
    }
    if let Some((entry, hash)) = marks::debug(exe, header).into_iter().find(|d| d.kind == 16).zip(marks::repro(exe, header)) {
        ask(hash, Owner::Data(entry.at), Cause::BuildId, true);
    }
    if let Some(rich) = marks::rich(&exe.blob, header) {
        ask(rich.range, Owner::Other(""), Cause::Producer, false);
    }
    out
}

/// Who reads each range, in words.
fn readers(image: &Image, header: &Header, asks: &[Ask]) -> Vec<Option<String>> {
    let exe = &image.elf;
    let mut out: Vec<Option<String>> = asks.iter().map(|ask| beside(exe, header, ask)).collect();
    // The addresses of each, with its number: the file may be mapped twice.
    let mut places: Vec<(Range<u64>, usize)> = Vec::new();
    for (n, ask) in asks.iter().enumerate() {
        let (start, length) = (ask.range.start as u64, ask.range.len() as u64);
        let holds = |s: &&crate::inspect::exe::Segment| start < s.offset.saturating_add(s.size) && s.offset < start + length;
        for s in exe.segments.iter().filter(holds).take(MAX_PLACES) {
            let address = s.address.wrapping_add(start).wrapping_sub(s.offset);
            places.push((address..address.saturating_add(length), n));
        }
    }
    let mut tell = |n: usize, who: String| {
        if let Some(slot @ None) = out.get_mut(n) {
            *slot = Some(who);
        }
    };
    let rva = |address: u64| address.wrapping_sub(header.base);
    let mut found: Vec<Option<Owner>> = vec![None; places.len()];
    let whole = reach::visit(exe, header, &mut |part, owner| {
        for ((place, n), found) in places.iter().zip(&mut found) {
            let own = asks.get(*n).is_some_and(|ask| ask.owner == owner);
            if found.is_none() && !own && part.start < rva(place.end) && rva(place.start) < part.end {
                *found = Some(owner);
            }
        }
    });
    for ((_, n), owner) in places.iter().zip(found) {
        owner.into_iter().for_each(|owner| tell(*n, format!("{} lies there", said(owner))));
    }
    if !whole {
        (0..asks.len()).for_each(|n| tell(n, "its directories lead to more than is looked at".to_owned()));
    }
    for ((_, n), at) in places.iter().zip(words_to(exe, header, &places, asks)) {
        at.into_iter().for_each(|at| tell(*n, format!("the word at {at:#x} of the file leads there")));
    }
    let ranges: Vec<Range<u64>> = places.iter().map(|p| p.0.clone()).collect();
    for ((_, n), who) in places.iter().zip(observed::readers(image, &ranges)) {
        if let Some(who) = who {
            tell(*n, format!("{who} refers to it"));
        }
    }
    out
}

/// Why nothing can be known of who reads a field, by where it stands.
fn beside(exe: &Exe, header: &Header, ask: &Ask) -> Option<String> {
    let inside = exe.sections.iter().find(|s| s.range.start < ask.range.end && ask.range.start < s.range.end);
    let own = header.directories.get(14).is_some_and(|d| d.0 != 0);
    match inside {
        Some(s) if s.is_code() => Some("it stands among code".to_owned()),
        Some(_) if own => Some("the program is in its own bytecode".to_owned()),
        None if own && ask.cause == Cause::Producer => Some("the program is in its own bytecode".to_owned()),
        _ => None,
    }
}

/// For each place the first word of the loaded data that leads into it: an RVA, or an address in full. Base relocations hold pages, and the
/// debug directory has to say where its data is.
fn words_to(exe: &Exe, header: &Header, places: &[(Range<u64>, usize)], asks: &[Ask]) -> Vec<Option<usize>> {
    let offset = |i: usize| {
        let (rva, size) = header.directories.get(i).copied()?;
        let start = marks::offset_of(exe, header, rva, size as usize)?;
        Some(start..start + size as usize)
    };
    let relocations = offset(5).unwrap_or(0..0);
    // Where the words begin that lead into a place, as RVAs where those count, and the lower halves of addresses in full.
    let low = |n: u64| n & 0xffff_ffff;
    let mut wanted: Vec<(u64, bool, usize)> = Vec::new();
    for (n, (place, ask)) in places.iter().enumerate() {
        if asks.get(*ask).is_some_and(|ask| ask.by_word) {
            wanted.push((low(place.start.wrapping_sub(header.base)), false, n));
        }
        wanted.push((low(place.start), true, n));
    }
    let length = |n: usize| places.get(n).map_or(0, |(place, _)| place.end - place.start);
    // Most words are near none of these.
    let mut near = vec![false; 1 << 20];
    for (start, _, n) in &wanted {
        for page in (start >> 12)..=(start.saturating_add(length(*n)) >> 12) {
            near.get_mut(usize::try_from(page & 0xf_ffff).unwrap_or(0)).into_iter().for_each(|slot| *slot = true);
        }
    }
    let width = if header.wide { 8 } else { 4 };
    let mut out = vec![None; places.len()];
    for s in exe.sections.iter().filter(|s| !s.is_code() && s.is_allocated()) {
        let all = exe.data(s);
        for (i, raw) in all.windows(4).enumerate() {
            let value = raw.try_into().map_or(0, u32::from_le_bytes);
            if near.get((value >> 12) as usize) != Some(&true) {
                continue;
            }
            let at = s.range.start + i;
            for (start, in_full, n) in &wanted {
                if low(u64::from(value).wrapping_sub(*start)) >= length(*n) || relocations.contains(&at) {
                    continue;
                }
                let Some((place, ask)) = places.get(*n) else { continue };
                let own = matches!(asks.get(*ask).map(|ask| ask.owner), Some(Owner::Data(entry)) if (entry + 20..entry + 24).contains(&at));
                let leads = !in_full || N.int(all, i, width).is_some_and(|value| place.contains(&value));
                if let Some(slot @ None) = out.get_mut(*n).filter(|_| leads && !own) {
                    *slot = Some(at);
                }
            }
        }
    }
    out
}
