//! Whether a program reads bytes of its own that a build leaves in it: an identity, or what the loader maps behind the last section
//! because it maps whole pages. Nothing that a program reads follows from its content alone.

mod bases;

use std::collections::BTreeMap;
use std::ops::Range;

use bases::Bases;

use super::exe::{RegionPair, bytes};
use super::image::{Image, Images};
use super::{Share, asm, spread_sides};
use crate::inspect::exe::{Exe, Section};
use crate::inspect::symbols::{Bound, Function};
use crate::model::Side;

/// Bytes of code that are looked at in one go.
const BLOCK: usize = 256;
/// Places beside segments that differ and are looked at: a file has four segments, and for each of these all of its code is read.
const MAX_EDGES: usize = 64;
/// Bytes of a page that aarch64 code makes addresses of.
const PAGE: u64 = 0x1000;
/// What may stand behind the distance in an instruction that the distance counts from: an immediate.
const BEHIND: u64 = 4;

/// What refers to a range of addresses, in words: code, a word that the loader fills, a symbol of data, and in a file with a fixed
/// place a word of data.
pub(super) fn reader(image: &Image, range: &Range<u64>) -> Option<String> {
    readers(image, std::slice::from_ref(range)).into_iter().next().flatten()
}

/// The same for each of several ranges. Code is read once for all of them.
pub(super) fn readers(image: &Image, ranges: &[Range<u64>]) -> Vec<Option<String>> {
    let mut out: Vec<Option<String>> = ranges.iter().map(|range| named_reader(image, range)).collect();
    let open: Vec<usize> = (0..out.len()).filter(|n| matches!(out.get(*n), Some(None))).collect();
    let open_ranges: Vec<Range<u64>> = open.iter().filter_map(|n| ranges.get(*n)).cloned().collect();
    for ((n, range), at) in open.into_iter().zip(&open_ranges).zip(code(image, &open_ranges)) {
        let code = at.map(|at| format!("the code at {at:#x}"));
        if let Some(slot) = out.get_mut(n) {
            *slot = code.or_else(|| fixed_words(&image.elf, range).map(|at| format!("a word at {at:#x}")));
        }
    }
    out
}

/// What the file itself says that it leads into a range: a word that the loader fills, a symbol of data.
fn named_reader(image: &Image, range: &Range<u64>) -> Option<String> {
    if range.is_empty() {
        return None;
    }
    let filled = image.filled(0..u64::MAX).find(|(_, bound)| {
        let (Bound::Relative(to) | Bound::Computed(to)) = bound else { return false };
        range.contains(to)
    });
    if let Some((at, _)) = filled {
        return Some(format!("a pointer at {at:#x}"));
    }
    let moved = image.moved.iter().find(|(at, size)| {
        let word = image.elf.bytes_at(**at).get(..usize::from(**size)).and_then(|raw| image.elf.numbers().int(raw, 0, raw.len()));
        word.is_some_and(|to| range.contains(&to))
    });
    if let Some((at, _)) = moved {
        return Some(format!("a pointer at {at:#x}"));
    }
    let reaches = |start: u64, size: u64| start < range.end && start.saturating_add(size) > range.start;
    let symbol = image.objects.iter().find(|s| reaches(s.address, s.size))?;
    Some(format!("the symbol {}", crate::text::Untrusted::from(symbol.name.as_slice()).shown().cut(60)))
}

/// What the loader maps around a segment because it maps whole pages: the bytes of the file, and the address of the first.
type Edge<'a> = (&'a [u8], u64);

/// For each loaded segment, what of its first page is before it, and what of its last page is behind it.
fn edges(exe: &Exe) -> Vec<[Edge<'_>; 2]> {
    let page = if exe.machine == 183 { 0x1_0000 } else { 0x1000 };
    let loads: Vec<_> = exe.segments.iter().filter(|s| s.kind == 1).collect();
    let bytes = |offset: u64, length: u64| -> &[u8] {
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(exe.blob.len());
        let end = start.saturating_add(usize::try_from(length).unwrap_or(usize::MAX)).min(exe.blob.len());
        exe.blob.get(start..end).unwrap_or_default()
    };
    let edge = |s: &&crate::inspect::exe::Segment| {
        let end = s.address.saturating_add(s.size);
        let others = || loads.iter().filter(|t| !std::ptr::eq(**t, *s) && t.memory > 0);
        // What another segment has there is that one's.
        let floor = others().map(|t| t.address.saturating_add(t.memory)).filter(|e| *e <= s.address).max().unwrap_or(0);
        let first = (s.address - s.address % page).max(floor).max(s.address.saturating_sub(s.offset));
        let before = s.address - first;
        let roof = others().map(|t| t.address - t.address % page).filter(|a| *a >= s.address).min().unwrap_or(u64::MAX);
        let last = end.checked_next_multiple_of(page).unwrap_or(end).min(roof.max(end));
        // Where more is in memory than in the file, the loader puts zeros there.
        let behind = if s.memory == s.size { last - end } else { 0 };
        [(bytes(s.offset - before, before), first), (bytes(s.offset.saturating_add(s.size), behind), end)]
    };
    loads.iter().map(edge).collect()
}

/// Sentences for what differs around segments and is in memory, when the program reads it: that has no account as loaded content.
pub(super) fn around(images: &Images, share: &Share<'_>) -> Vec<String> {
    let (a, b) = (edges(&images.sides.shipped.elf), edges(&images.sides.rebuilt.elf));
    if images.sides.shipped.elf.kind == 1 || a.len() != b.len() {
        return Vec::new();
    }
    let differing = || a.iter().flatten().zip(b.iter().flatten()).filter(|(x, y)| x.0 != y.0);
    let not_looked_at = || vec!["what the loader maps around the segments was not looked at".to_owned()];
    if differing().count() > MAX_EDGES {
        return not_looked_at();
    }
    let both = spread_sides(share, |side| {
        let edge = |(x, y)| if side == Side::Shipped { x } else { y };
        let range = |(content, start): &Edge<'_>| *start..start.saturating_add(content.len() as u64);
        let ranges: Vec<Range<u64>> = differing().map(edge).map(range).collect();
        let who = readers(images.sides.get(side), &ranges);
        ranges.into_iter().zip(who).collect::<Vec<_>>()
    });
    let Some(both) = both else { return not_looked_at() };
    let sentence = |word: &str, (range, who): (Range<u64>, Option<String>)| {
        let where_ = format!("what the loader maps at {:#x} beside a segment", range.start);
        who.map(|who| format!("{word}: {where_} differs, and the program reads it ({who} refers to it)"))
    };
    let pairs = both.shipped.into_iter().zip(both.rebuilt);
    pairs.flat_map(|(x, y)| [sentence("shipped", x), sentence("rebuilt", y)]).flatten().take(20).collect()
}

/// Sentences for debug sections of PE files that differ and that the program reads: Windows maps them like all others.
pub(super) fn mapped(images: &Images, regions: &[RegionPair]) -> Vec<String> {
    let mut out = Vec::new();
    for pair in regions {
        let region = |side: Side| pair.regions.get(side).and_then(|i| images.sides.get(side).elf.regions.get(i));
        let content = |side: Side| region(side).map(|r| bytes(&images.sides.get(side).elf, r));
        if content(Side::Shipped) == content(Side::Rebuilt) {
            continue;
        }
        for (side, word) in [(Side::Shipped, "shipped"), (Side::Rebuilt, "rebuilt")] {
            let Some(r) = region(side).filter(|r| r.section.is_some() && !r.allocated) else { continue };
            if let Some(who) = reader(images.sides.get(side), &(r.address..r.address.saturating_add(r.range.len() as u64))) {
                let name = crate::text::Untrusted::from(r.name.as_slice()).shown().cut(60);
                out.push(format!("{word}: {name} differs, and the program reads it ({who} refers to it)"));
            }
        }
    }
    out
}

/// For each range the first piece of code with a reference into it. Only pieces are decoded in which such bytes stand at all, and each
/// once.
fn code(image: &Image, ranges: &[Range<u64>]) -> Vec<Option<u64>> {
    let elf = &image.elf;
    let bases = if ranges.is_empty() { Some(Bases::default()) } else { Bases::new(image) };
    let Some(bases) = bases.filter(|_| asm::is_known(image)) else {
        // Of code that cannot be read nobody knows what it refers to.
        let code = elf.sections.iter().find(|s| s.is_code() && s.is_allocated() && !s.range.is_empty());
        return vec![code.map(|s| s.address); ranges.len()];
    };
    let mut found = vec![None; ranges.len()];
    for s in elf.sections.iter().filter(|s| s.is_code() && s.is_allocated()) {
        let code = elf.data(s);
        // Pieces by their place, and the ranges that they may refer to.
        let mut by_place: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        for (n, range) in ranges.iter().enumerate().filter(|(n, _)| found.get(*n) == Some(&None)) {
            let near = pieces(image, s, candidates(elf, code, s.address, range, &bases));
            near.chain(pieces(image, s, bases.long(code, range))).for_each(|f| by_place.entry(f.address).or_default().push(n));
        }
        for (start, asked) in by_place {
            let asked = || asked.iter().filter_map(|n| Some((*n, ranges.get(*n)?)));
            let open = asked().filter(|(n, _)| found.get(*n) == Some(&None));
            let open: Vec<(usize, &Range<u64>)> = open.collect();
            let Some(f) = image.piece_at(start).filter(|_| !open.is_empty()) else { continue };
            for (n, refers) in open.iter().map(|o| o.0).zip(refers(image, f, open.iter().map(|o| o.1))) {
                let refers = refers || ranges.get(n).is_some_and(|range| bases.counts(image, f, range));
                if let Some(slot) = found.get_mut(n).filter(|_| refers) {
                    *slot = Some(f.address);
                }
            }
        }
    }
    found
}

/// The pieces of a section of code that the offsets are in, each once.
fn pieces<'a>(image: &'a Image, s: &'a Section, offsets: impl Iterator<Item = usize> + 'a) -> impl Iterator<Item = &'a Function> + 'a {
    let mut next = 0;
    offsets.filter_map(move |at| {
        let address = s.address.wrapping_add(at as u64);
        let f = image.piece_at(address).filter(|_| address >= next)?;
        next = f.end();
        Some(f)
    })
}

/// Offsets in code at which the bytes could be a reference into the range.
fn candidates<'a>(elf: &Exe, code: &'a [u8], start: u64, range: &'a Range<u64>, bases: &'a Bases) -> Box<dyn Iterator<Item = usize> + 'a> {
    match elf.machine {
        62 | 3 => {
            let fixed = elf.kind == 2 || elf.machine == 3;
            // With what may stand behind it, the end of the instruction is that much further.
            let (first, width) = (range.start.saturating_sub(BEHIND), range.end - range.start.saturating_sub(BEHIND));
            let could = move |at: usize, raw: [u8; 4]| {
                let number = i32::from_le_bytes(raw);
                let from = start.wrapping_add(at as u64 + 4).wrapping_add_signed(i64::from(number));
                let direct = from.wrapping_sub(first) < width || fixed && range.contains(&u64::from(number.cast_unsigned()));
                direct || bases.could(number, range)
            };
            // All of a block without a branch: the compiler makes vector instructions of that.
            let block = move |(n, raw): (usize, &'a [u8])| {
                let raw = code.get(n * BLOCK..).map_or(raw, |rest| rest.get(..BLOCK + 3).unwrap_or(rest));
                let places = raw.windows(4).map(|w| <[u8; 4]>::try_from(w).unwrap_or_default());
                let any = places.clone().enumerate().fold(false, |any, (i, w)| any | could(n * BLOCK + i, w));
                let hits = places.enumerate().filter(move |(i, w)| any && could(n * BLOCK + i, *w)).map(move |(i, _)| n * BLOCK + i);
                any.then_some(hits).into_iter().flatten()
            };
            Box::new(code.chunks(BLOCK).enumerate().flat_map(block))
        }
        183 => {
            let hits = move |(n, raw): (usize, &[u8])| {
                let word = u32::from_le_bytes(raw.try_into().unwrap_or_default());
                let base = start.wrapping_add(n as u64 * 4);
                let signed = |from: u32, bits: u32| i64::from((word << (32 - from - bits)).cast_signed() >> (32 - bits));
                let pair = signed(5, 19) << 2 | i64::from(word >> 29 & 3);
                let near = match word {
                    _ if word & 0x9f00_0000 == 0x9000_0000 => {
                        let page = (base & !0xfff).wrapping_add_signed(pair << 12);
                        page < range.end && page.saturating_add(0x1000) > range.start
                    }
                    _ if word & 0x9f00_0000 == 0x1000_0000 => range.contains(&base.wrapping_add_signed(pair)),
                    // A literal is read over its first byte.
                    _ if word & 0x3b00_0000 == 0x1800_0000 => {
                        let to = base.wrapping_add_signed(signed(5, 19) << 2);
                        to < range.end && to.saturating_add(16) > range.start
                    }
                    _ => false,
                };
                near.then_some(n * 4)
            };
            Box::new(code.chunks_exact(4).enumerate().filter_map(hits))
        }
        _ => Box::new(std::iter::empty()),
    }
}

/// Whether a piece of code refers to each of the ranges.
fn refers<'r>(image: &Image, f: &Function, ranges: impl Iterator<Item = &'r Range<u64>>) -> Vec<bool> {
    if let Some(scan) = asm::scan(image, f).filter(|_| image.elf.machine == 62) {
        // A base just before the range reaches it.
        let reaches = |to: u64, by: u64, range: &Range<u64>| by > 0 && to < range.start && to.saturating_add(by) > range.start;
        let refers = |range: &Range<u64>| scan.references.iter().any(|r| range.contains(&r.to) || reaches(r.to, r.reach, range));
        return ranges.map(refers).collect();
    }
    let ranges: Vec<&Range<u64>> = ranges.collect();
    let insns = asm::decode(image, f);
    // What cannot be read may do anything.
    let known =
        |range: &Range<u64>| insns.as_ref().is_none_or(|all| all.iter().filter_map(asm::Insn::reference).any(|to| range.contains(&to)));
    // In a long range most pages lead to what is beside it.
    let short = |range: &Range<u64>| image.elf.machine == 183 && range.end - range.start <= PAGE;
    if ranges.iter().any(|range| short(range)) {
        let may = asm::may_lead(image, f, &ranges);
        return ranges.iter().zip(may).map(|(range, may)| if short(range) { may } else { known(range) }).collect();
    }
    ranges.into_iter().map(known).collect()
}

/// Of a file with a fixed place: the first word of data that is an address in the range.
fn fixed_words(elf: &Exe, range: &Range<u64>) -> Option<u64> {
    if elf.kind != 2 {
        return None;
    }
    let size = if elf.wide { 8 } else { 4 };
    let data = elf.sections.iter().filter(|s| s.is_allocated() && !s.is_code() && matches!(s.kind, 1 | 14..=16));
    for s in data {
        let all = elf.data(s);
        let hit = (0..all.len()).step_by(4).find(|at| elf.numbers().int(all, *at, size).is_some_and(|word| range.contains(&word)));
        if let Some(at) = hit {
            return Some(s.address.wrapping_add(at as u64));
        }
    }
    None
}
