//! What leads into a part of a Mach-O file besides code: where it starts, what it exports, pointers that the loader fills, unwind data, and
//! words of data that count from themselves.

use std::collections::BTreeSet;
use std::ops::Range;

use super::{Command, N, command, commands, section_headers};
use crate::inspect::exe::{Exe, Section, Segment};

/// Pointers that the loader fills, and nodes of exports, that are looked at.
const MAX_POINTERS: usize = 8_000_000;
/// Bytes of a range into which no number leads by chance.
const SHORT: u64 = 64;
/// The command with the older tables of the loader, that with exports alone, and that with chains of pointers.
const INFO: [u32; 2] = [0x22, 0x8000_0022];
const EXPORTS: u32 = 0x8000_0033;
const CHAINS: u32 = 0x8000_0034;
/// The state of a thread, and what runs first, of old programs.
const THREADS: [u32; 2] = [4, 5];
const ROUTINES: u32 = 0x1a;
/// Kinds of sections: offsets of functions that run first.
const FIRST: u64 = 0x16;

/// What leads into a range of addresses, in words; `None` when nothing does.
pub(crate) fn reader(exe: &Exe, range: &Range<u64>) -> Option<String> {
    let bytes: &[u8] = &exe.blob;
    // Nothing of a file with debug information alone is loaded.
    if N.int(bytes, 12, 4) == Some(10) {
        return None;
    }
    let commands = commands(bytes);
    let Some(base) = exe.segments.iter().find(|s| s.offset == 0 && s.size > 0).map(|s| s.address) else {
        return Some("no segment holds the header".to_owned());
    };
    let runs = |s: &&Segment| s.flags & 1 != 0 && s.offset > 0 && range.start.checked_sub(s.address).is_some_and(|n| n < s.memory);
    if exe.segments.iter().any(|s| runs(&s)) {
        return Some("its segment is run as code".to_owned());
    }
    let leads = Leads { exe, base, commands, range };
    let pointers = match leads.pointers() {
        Ok(found) => found.map(|at| format!("a pointer at {at:#x}")),
        Err(why) => Some(why.to_owned()),
    };
    let exports = match leads.exports() {
        Ok(found) => found.then(|| "an export".to_owned()),
        Err(why) => Some(why.to_owned()),
    };
    let start = leads.starts().then(|| "the place where it starts".to_owned());
    let words = || leads.words().map(|at| format!("the word at {at:#x}"));
    start.or(pointers).or(exports).or_else(|| leads.symbol()).or_else(|| leads.unwound()).or_else(words)
}

struct Leads<'a> {
    exe: &'a Exe,
    /// Where the header is in memory.
    base: u64,
    commands: Vec<Command>,
    range: &'a Range<u64>,
}

impl<'a> Leads<'a> {
    fn bytes(&self) -> &'a [u8] {
        &self.exe.blob
    }

    fn hits(&self, address: u64) -> bool {
        self.range.contains(&address)
    }

    /// An offset from the header.
    fn hits_from_base(&self, offset: u64) -> bool {
        self.hits(self.base.wrapping_add(offset))
    }

    fn of(&self, kind: u32) -> impl Iterator<Item = &Command> {
        self.commands.iter().filter(move |c| c.kind == kind)
    }

    fn starts(&self) -> bool {
        let long = |c: &Command, at: usize| N.int(self.bytes().get(c.range.clone())?, at, 8);
        let main = self.of(command::MAIN).any(|c| long(c, 8).is_some_and(|at| self.hits_from_base(at)));
        let first = self.of(ROUTINES).any(|c| long(c, 8).is_some_and(|at| self.hits(at)));
        // Registers of any machine: one of them is where it starts.
        let state = |c: &Command| (8..c.range.len()).step_by(4).any(|at| long(c, at).is_some_and(|at| self.hits(at)));
        main || first || THREADS.iter().any(|kind| self.of(*kind).any(state))
    }

    fn symbol(&self) -> Option<String> {
        let c = self.of(command::SYMTAB).next()?;
        let (table, count) = (c.word(self.bytes(), 8)?, c.word(self.bytes(), 12)?);
        let raw = self.bytes().get(table..table.checked_add(count.checked_mul(16)?)?)?;
        let own = |raw: &&[u8]| raw.get(4).is_some_and(|kind| kind & 0xe0 == 0 && kind & 0x0e != 0);
        let hit = raw.chunks_exact(16).filter(own).any(|raw| N.int(raw, 8, 8).is_some_and(|at| self.hits(at)));
        hit.then(|| "a symbol".to_owned())
    }

    /// Whether anything of the range is exported.
    fn exports(&self) -> Result<bool, &'static str> {
        let pair = |c: &Command, at: usize| {
            let (start, size) = (c.word(self.bytes(), at)?, c.word(self.bytes(), at + 4)?);
            self.bytes().get(start..start.checked_add(size)?).filter(|b| !b.is_empty())
        };
        let old = self.commands.iter().filter(|c| INFO.contains(&c.kind)).filter_map(|c| pair(c, 40));
        let tries: Vec<&[u8]> = self.of(EXPORTS).filter_map(|c| pair(c, 8)).chain(old).collect();
        for trie in tries {
            if self.exported(trie).ok_or("its exports cannot be read")? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn exported(&self, trie: &[u8]) -> Option<bool> {
        let (mut open, mut seen) = (vec![0usize], BTreeSet::new());
        while let Some(node) = open.pop() {
            if !seen.insert(node) || seen.len() > MAX_POINTERS {
                return None;
            }
            let mut at = node;
            let size = usize::try_from(uleb(trie, &mut at)?).ok()?;
            let edges = at.checked_add(size)?;
            if size > 0 {
                let flags = uleb(trie, &mut at)?;
                // Those of another library have its number and a name.
                if flags & 8 == 0 {
                    let count = if flags & 0x10 == 0 { 1 } else { 2 };
                    for _ in 0..count {
                        let to = uleb(trie, &mut at)?;
                        if self.hits_from_base(to) || flags & 3 == 2 && self.hits(to) {
                            return Some(true);
                        }
                    }
                }
            }
            at = edges;
            let count = *trie.get(at)?;
            at += 1;
            for _ in 0..count {
                at += trie.get(at..)?.iter().position(|b| *b == 0)? + 1;
                open.push(usize::try_from(uleb(trie, &mut at)?).ok()?);
            }
        }
        Some(false)
    }

    /// The first pointer into the range that the loader fills, or one that it fills in the range.
    fn pointers(&self) -> Result<Option<u64>, &'static str> {
        for c in self.of(CHAINS) {
            let start = c.word(self.bytes(), 8).ok_or(UNREAD)?;
            let size = c.word(self.bytes(), 12).ok_or(UNREAD)?;
            let table = self.bytes().get(start..start.saturating_add(size)).ok_or(UNREAD)?;
            if let Some(at) = self.chains(table).ok_or(UNREAD)? {
                return Ok(Some(at));
            }
        }
        for c in self.commands.iter().filter(|c| INFO.contains(&c.kind)) {
            let (start, size) = (c.word(self.bytes(), 8).ok_or(UNREAD)?, c.word(self.bytes(), 12).ok_or(UNREAD)?);
            let table = self.bytes().get(start..start.saturating_add(size)).ok_or(UNREAD)?;
            if let Some(at) = self.rebased(table).ok_or(UNREAD)? {
                return Ok(Some(at));
            }
        }
        // Where neither table is, nor old relocations, each word that is an address may be a pointer; a program at a fixed place has
        // no table at all.
        let old = self.of(command::DYSYMTAB).any(|c| c.word(self.bytes(), 76).is_some_and(|n| n > 0));
        Ok(if self.base > 0 || old { self.full() } else { None })
    }

    /// The place in the file of an address of a segment.
    fn offset(&self, address: u64) -> Option<usize> {
        let s = self.exe.segments.iter().find(|s| address.checked_sub(s.address).is_some_and(|n| n < s.size))?;
        usize::try_from(s.offset.checked_add(address - s.address)?).ok()
    }

    /// The pointer at an address, when it leads into the range as it stands, or stands in it.
    fn plain(&self, at: u64) -> bool {
        let word = self.offset(at).and_then(|offset| N.int(self.bytes(), offset, 8));
        self.hits(at) || self.hits(at.saturating_add(7)) || word.is_some_and(|to| self.hits(to))
    }

    /// Opcodes that say which words are moved.
    fn rebased(&self, table: &[u8]) -> Option<Option<u64>> {
        let (mut at, mut place, mut left) = (0, 0u64, MAX_POINTERS);
        while let Some(byte) = table.get(at) {
            at += 1;
            let number = u64::from(byte & 15);
            let (count, skip) = match byte >> 4 {
                0 => break,
                1 => (0, 0),
                2 => {
                    let segment = self.exe.segments.get(usize::try_from(number).ok()?)?;
                    place = segment.address.wrapping_add(uleb(table, &mut at)?);
                    (0, 0)
                }
                3 => {
                    place = place.wrapping_add(uleb(table, &mut at)?);
                    (0, 0)
                }
                4 => {
                    place = place.wrapping_add(number * 8);
                    (0, 0)
                }
                5 => (number, 0),
                6 => (uleb(table, &mut at)?, 0),
                7 => (1, uleb(table, &mut at)?),
                8 => (uleb(table, &mut at)?, uleb(table, &mut at)?),
                _ => return None,
            };
            for _ in 0..count {
                left = left.checked_sub(1)?;
                if self.plain(place) {
                    return Some(Some(place));
                }
                place = place.wrapping_add(8).wrapping_add(skip);
            }
        }
        Some(None)
    }

    /// Chains of pointers, of each page one.
    fn chains(&self, table: &[u8]) -> Option<Option<u64>> {
        let word = |at: usize| N.int(table, at, 4).and_then(|n| usize::try_from(n).ok());
        let starts = word(4)?;
        let mut left = MAX_POINTERS;
        for i in 0..word(starts)? {
            let own = starts.checked_add(word(starts.checked_add(4 + i * 4)?)?)?;
            if own == starts {
                continue;
            }
            let (page, form) = (N.int(table, own + 4, 2)?, N.int(table, own + 6, 2)?);
            let (segment, pages) = (N.int(table, own + 8, 8)?, N.int(table, own + 20, 2)?);
            // Where only the number of a place is kept, it counts from the header.
            let (arm, from_base, stride) = match form {
                1 => (true, false, 8),
                2 => (false, false, 4),
                6 => (false, true, 4),
                7 => (true, true, 4),
                9 | 12 => (true, true, 8),
                10 => (true, false, 4),
                _ => return None,
            };
            for n in 0..pages {
                let first = N.int(table, own + 22 + usize::try_from(n).ok()? * 2, 2)?;
                if first == 0xffff {
                    continue;
                }
                if first & 0x8000 != 0 {
                    return None;
                }
                let mut at = self.base.wrapping_add(segment).wrapping_add(n * page).wrapping_add(first);
                loop {
                    left = left.checked_sub(1)?;
                    let raw = N.int(self.bytes(), self.offset(at)?, 8)?;
                    let (bound, next) = if arm { (raw >> 62 & 1, raw >> 51 & 0x7ff) } else { (raw >> 63, raw >> 51 & 0xfff) };
                    let signed = arm && raw >> 63 != 0;
                    let bits = if signed {
                        32
                    } else if arm {
                        43
                    } else {
                        36
                    };
                    let to = raw & ((1 << bits) - 1);
                    let leads = if from_base || signed { self.hits_from_base(to) } else { self.hits(to) };
                    if self.hits(at) || self.hits(at.saturating_add(7)) || bound == 0 && leads {
                        return Some(Some(at));
                    }
                    if next == 0 {
                        break;
                    }
                    at = at.wrapping_add(next * stride);
                }
            }
        }
        Some(None)
    }

    /// Sections with content that is no code, outside of the range.
    fn data(&self) -> impl Iterator<Item = (&'a Section, &'a [u8])> {
        let exe = self.exe;
        exe.sections.iter().filter(|s| !s.is_code() && s.is_allocated()).map(|s| (s, exe.data(s)))
    }

    /// The first word of data that is an address in the range.
    fn full(&self) -> Option<u64> {
        self.data().find_map(|(s, all)| {
            let hit = |at: &usize| N.int(all, *at, 8).is_some_and(|to| self.hits(to));
            (0..all.len()).step_by(4).find(hit).map(|at| s.address.wrapping_add(at as u64))
        })
    }

    /// The first word that leads into the range from where it stands. Many a number leads into a long range: of those only what stands
    /// among unwind data counts.
    fn words(&self) -> Option<u64> {
        let length = self.range.end - self.range.start;
        let looked_at = |s: &Section| length <= SHORT || s.name.ends_with(b",__eh_frame");
        self.data().filter(|(s, _)| looked_at(s)).find_map(|(s, all)| {
            let hit = |(at, raw): &(usize, &[u8])| {
                let by = i64::from((*raw).try_into().map_or(0, i32::from_le_bytes));
                let to = s.address.wrapping_add(*at as u64).wrapping_add_signed(by);
                to.wrapping_sub(self.range.start) < length
            };
            all.windows(4).enumerate().find(hit).map(|(at, _)| s.address.wrapping_add(at as u64))
        })
    }

    /// Functions that run first, by their offsets, and what unwinding goes by.
    fn unwound(&self) -> Option<String> {
        let segments = self.of(command::SEGMENT).filter_map(|c| self.bytes().get(c.range.clone()));
        for (s, raw) in self.exe.sections.iter().zip(segments.flat_map(section_headers)) {
            let all = self.exe.data(s);
            let offset = |at: usize| N.int(all, at, 4).is_some_and(|to| self.hits_from_base(to));
            let kind = N.int(raw, 64, 1).unwrap_or(0);
            if kind == FIRST && (0..all.len()).step_by(4).any(offset) {
                return Some("what runs first".to_owned());
            }
            if s.name.ends_with(b",__unwind_info") {
                let word = |at: usize| N.int(all, at, 4).and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
                let (handlers, count, index, pages) = (word(12), word(16), word(20), word(24));
                let mut places = (0..count.min(all.len() / 4)).map(|i| handlers.saturating_add(i * 4));
                let lists = |i: usize| word(index.saturating_add(i * 12 + 8));
                let (first, end) = (lists(0), lists(pages.min(all.len()).saturating_sub(1)));
                let lists = (first.min(all.len())..end.min(all.len())).step_by(8).map(|at| at + 4);
                if places.any(offset) || { lists }.any(offset) {
                    return Some("unwind data".to_owned());
                }
            }
        }
        None
    }
}

/// The sentence for pointers of another form.
const UNREAD: &str = "its pointers are in a form that is not read here";

/// A number in groups of seven bits.
fn uleb(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let (mut value, mut shift) = (0u64, 0);
    loop {
        let byte = *bytes.get(*at)?;
        *at += 1;
        value |= u64::from(byte & 0x7f).checked_shl(shift)?;
        shift += 7;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
}

/// Whether texts that commands hold, and names of symbols, lie where they belong.
pub(super) fn misplaced(bytes: &[u8], commands: &[Command]) -> Option<&'static str> {
    /// Commands with a text at an offset of theirs: libraries, linkers, folders, clients and environments.
    const TEXTS: [u32; 14] = [0x6, 0x7, 0xc, 0xd, 0xe, 0xf, 0x10, 0x12, 0x13, 0x14, 0x20, 0x27, 0x8000_0018, 0x8000_001c];
    let own = |c: &&Command| TEXTS.contains(&c.kind) || matches!(c.kind, 0x8000_001f | 0x8000_0023);
    for c in commands.iter().filter(own) {
        let raw = bytes.get(c.range.clone()).unwrap_or_default();
        let text = c.word(bytes, 8).filter(|at| *at >= 12).and_then(|at| raw.get(at..)).unwrap_or_default();
        if !text.contains(&0) {
            return Some("a text of a load command does not lie in it");
        }
    }
    let c = commands.iter().find(|c| c.kind == command::SYMTAB)?;
    let (table, count, strings, size) = (c.word(bytes, 8)?, c.word(bytes, 12)?, c.word(bytes, 16)?, c.word(bytes, 20)?);
    let raw = bytes.get(table..table.checked_add(count.checked_mul(16)?)?)?;
    let names = bytes.get(strings..strings.checked_add(size)?)?;
    let last = names.iter().rposition(|b| *b == 0);
    let inside = |raw: &[u8]| N.int(raw, 0, 4).and_then(|n| usize::try_from(n).ok()).is_some_and(|at| at == 0 || Some(at) <= last);
    (!raw.chunks_exact(16).all(inside)).then_some("the name of a symbol does not lie among the names")
}
