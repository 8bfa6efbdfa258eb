//! What the loader and the system read of a PE file by its directories: every part that something leads to, wherever it stands. A field
//! of the build in which such a part lies is no such field only.

use std::collections::BTreeSet;
use std::ops::Range;

use super::{Header, N, text_within};
use crate::inspect::exe::Exe;

/// Parts that are looked at, of one file.
const MAX_PARTS: usize = 4_000_000;
/// Longest name, in bytes.
const MAX_NAME: usize = 4096;
/// Unwind data that continues other unwind data.
const MAX_CHAIN: usize = 32;
/// Bytes of the load configuration that are read.
const MAX_CONFIG: usize = 1024;

/// Where the load configuration has tables: of handlers, of functions that may be called, of slots, of places for `longjmp` and for
/// handlers to go on.
const WIDE_TABLES: [usize; 5] = [96, 128, 160, 176, 264];
const NARROW_TABLES: [usize; 5] = [64, 80, 104, 112, 164];

/// The number of manifests among the kinds of resources: the system goes by them.
const MANIFEST: u64 = 24;

/// Whose a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owner {
    /// The export directory itself.
    Export,
    /// The tree of resources.
    Resources,
    /// The entries of the debug directory.
    Debug,
    /// What the entry of the debug directory at that offset of the file describes.
    Data(usize),
    /// All of a file with code for another processor too (ARM64EC, ARM64X): of that code nobody knows what it reads.
    Hybrid,
    /// What thread-local data begins as.
    Threads,
    /// What a handler of exceptions is given: where its data is, or a small number.
    Handler,
    /// Anything else.
    Other(&'static str),
}

/// Calls `see` with each part, as a range of RVAs. False when there is more than is looked at.
pub(crate) fn visit(exe: &Exe, header: &Header, see: &mut dyn FnMut(Range<u64>, Owner)) -> bool {
    let rva = |address: u64| address.wrapping_sub(header.base);
    // Sections that are never loaded by their name are loaded all the same, and so is what fills the last page of one.
    let loose = exe.sections.iter().filter(|s| !s.is_allocated()).map(|s| (rva(s.address), s.range.clone()));
    let offset = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    let loaded = exe.segments.iter().map(|s| (rva(s.address), offset(s.offset)..offset(s.offset.saturating_add(s.size))));
    let mut places: Vec<(u64, Range<usize>)> = loaded.chain(loose).filter(|(_, range)| !range.is_empty()).collect();
    places.sort_by_key(|(start, _)| *start);
    let mut walk = Walk { exe, header, places, see, left: MAX_PARTS };
    walk.all().is_some()
}

struct Walk<'a> {
    exe: &'a Exe,
    header: &'a Header,
    /// Where the parts of the file are in memory: RVA, and range of the file.
    places: Vec<(u64, Range<usize>)>,
    see: &'a mut dyn FnMut(Range<u64>, Owner),
    left: usize,
}

fn word(bytes: &[u8], at: usize) -> u64 {
    N.int(bytes, at, 4).unwrap_or(0)
}

impl<'a> Walk<'a> {
    fn see(&mut self, start: u64, size: u64, owner: Owner) -> Option<()> {
        self.left = self.left.checked_sub(1)?;
        (self.see)(start..start.saturating_add(size), owner);
        Some(())
    }

    fn other(&mut self, start: u64, size: u64, what: &'static str) -> Option<()> {
        self.see(start, size, Owner::Other(what))
    }

    /// The bytes from an RVA to the end of its section.
    fn at(&self, rva: u64) -> &'a [u8] {
        let after = self.places.partition_point(|(start, _)| *start <= rva);
        let found = after.checked_sub(1).and_then(|i| self.places.get(i));
        let exe = self.exe;
        let bytes = found.and_then(|(start, range)| exe.blob.get(range.clone())?.get(usize::try_from(rva - start).ok()?..));
        bytes.unwrap_or_default()
    }

    fn text(&mut self, rva: u64, what: &'static str) -> Option<()> {
        let length = text_within(self.at(rva), 0, MAX_NAME).len();
        // Very many entries may name one long text.
        self.left = self.left.checked_sub(length / 8)?;
        self.other(rva, length as u64 + 1, what)
    }

    /// RVA of an address in full.
    fn rva(&self, address: u64) -> u64 {
        address.wrapping_sub(self.header.base)
    }

    fn width(&self) -> usize {
        if self.header.wide { 8 } else { 4 }
    }

    fn all(&mut self) -> Option<()> {
        let directories = self.header.directories.clone();
        let place = |i: usize| directories.get(i).map(|(rva, size)| (u64::from(*rva), u64::from(*size))).filter(|d| d.0 != 0);
        for i in (0..directories.len()).filter(|i| *i != 4) {
            let Some((rva, size)) = place(i) else { continue };
            let owner = match i {
                0 => Owner::Export,
                2 => Owner::Resources,
                6 => Owner::Debug,
                _ => Owner::Other("a directory"),
            };
            self.see(rva, size.max(1), owner)?;
        }
        self.other(self.header.entry.into(), 1, "the entry point")?;
        for (i, (rva, size)) in (0..directories.len()).filter_map(|i| Some((i, place(i)?))) {
            match i {
                0 => self.exports(rva)?,
                1 => self.imports(rva, (20, 12, 0, 16))?,
                2 => self.resources(rva)?,
                3 => self.unwind(rva, size)?,
                5 => self.relocations(rva, size)?,
                6 => self.debug(rva, size)?,
                9 => self.threads(rva)?,
                10 => self.configuration(rva, size)?,
                11 => self.bound(rva)?,
                13 => self.imports(rva, (32, 4, 16, 12))?,
                _ => {}
            }
        }
        Some(())
    }

    fn exports(&mut self, rva: u64) -> Option<()> {
        let table = self.at(rva);
        self.see(rva, 40, Owner::Export)?;
        self.text(word(table, 12), "the name of the library")?;
        let (functions, names, ordinals) = (word(table, 28), word(table, 32), word(table, 36));
        for i in 0..word(table, 20) {
            let at = functions + i * 4;
            let raw = self.at(at);
            if raw.is_empty() {
                break;
            }
            self.other(at, 4, "the table of exports")?;
            // To another library, by a text.
            let to = word(raw, 0);
            let size = self.header.directories.first().map_or(0, |d| u64::from(d.1));
            if to >= rva && to - rva < size {
                self.text(to, "the name of an export")?;
            }
        }
        for i in 0..word(table, 24) {
            let raw = self.at(names + i * 4);
            if raw.is_empty() {
                break;
            }
            self.other(names + i * 4, 4, "the table of exports")?;
            self.other(ordinals + i * 2, 2, "the table of exports")?;
            self.text(word(raw, 0), "the name of an export")?;
        }
        Some(())
    }

    /// Imports of one of the two forms: size of an entry, and where its name, its list of names and its slots are.
    fn imports(&mut self, rva: u64, (size, name, list, slots): (usize, usize, usize, usize)) -> Option<()> {
        let (what, width) = ("an import", self.width());
        for (i, raw) in self.at(rva).chunks_exact(size).enumerate() {
            // Old tables of late imports have addresses in full.
            let base = if size == 32 && word(raw, 0) & 1 == 0 { self.header.base } else { 0 };
            let place = |at: usize| word(raw, at).wrapping_sub(base) & 0xffff_ffff;
            self.other(rva + (i * size) as u64, size as u64, what)?;
            if word(raw, name) == 0 {
                break;
            }
            self.text(place(name), what)?;
            if size == 32 {
                self.other(place(8), width as u64, what)?;
            }
            for at in [list, slots].into_iter().filter(|at| word(raw, *at) != 0) {
                let start = place(at);
                for (n, raw) in self.at(start).chunks_exact(width).enumerate() {
                    self.other(start + (n * width) as u64, width as u64, what)?;
                    let value = N.int(raw, 0, width).unwrap_or(0);
                    if value == 0 {
                        break;
                    }
                    let to = value.wrapping_sub(base) & 0xffff_ffff;
                    if value >> (width * 8 - 1) == 0 && !self.at(to).is_empty() {
                        self.other(to, 2, what)?;
                        self.text(to + 2, what)?;
                    }
                }
            }
        }
        Some(())
    }

    fn resources(&mut self, rva: u64) -> Option<()> {
        let mut seen = BTreeSet::new();
        // Places in the tree, and whose data it leads to.
        let mut open = vec![(0u64, None)];
        while let Some((at, kind)) = open.pop() {
            if !seen.insert((at, kind)) {
                continue;
            }
            let raw = self.at(rva + at);
            let count = N.int(raw, 12, 2).unwrap_or(0) + N.int(raw, 14, 2).unwrap_or(0);
            self.see(rva + at, 16 + count * 8, Owner::Resources)?;
            for entry in raw.get(16..).unwrap_or_default().chunks_exact(8).take(usize::try_from(count).unwrap_or(0)) {
                let (name, to) = (word(entry, 0), word(entry, 4));
                let kind = kind.unwrap_or(if name == MANIFEST { Owner::Other("a manifest") } else { Owner::Resources });
                let place = |n: u64| rva + (n & 0x7fff_ffff);
                if name >> 31 != 0 {
                    let length = N.int(self.at(place(name)), 0, 2).unwrap_or(0);
                    self.see(place(name), 2 + length * 2, Owner::Resources)?;
                }
                if to >> 31 != 0 {
                    open.push((to & 0x7fff_ffff, Some(kind)));
                } else {
                    let leaf = self.at(place(to));
                    self.see(place(to), 16, Owner::Resources)?;
                    self.see(word(leaf, 0), word(leaf, 4), kind)?;
                }
            }
        }
        Some(())
    }

    fn unwind(&mut self, rva: u64, size: u64) -> Option<()> {
        let what = "unwind data";
        let table = self.at(rva);
        let table = table.get(..usize::try_from(size).unwrap_or(usize::MAX).min(table.len())).unwrap_or_default();
        if self.exe.machine != 62 {
            for raw in table.chunks_exact(8).filter(|raw| word(raw, 4) & 3 == 0) {
                self.other(word(raw, 4), 64, what)?;
            }
            return Some(());
        }
        let mut known = BTreeSet::new();
        for raw in table.chunks_exact(12) {
            let mut info = word(raw, 8);
            for _ in 0..MAX_CHAIN {
                if !known.insert(info) {
                    break;
                }
                if info & 1 != 0 {
                    self.other(info & !1, 12, what)?;
                    info = word(self.at(info & !1), 8);
                    continue;
                }
                let bytes = self.at(info);
                let (flags, codes) = (bytes.first().map_or(0, |b| b >> 3), bytes.get(2).copied().map_or(0, u64::from));
                let end = 4 + codes.next_multiple_of(2) * 2;
                self.other(info, end + if flags == 0 { 0 } else { 12 }, what)?;
                let more = bytes.get(usize::try_from(end).unwrap_or(usize::MAX)..).unwrap_or_default();
                if flags & 3 != 0 && flags & 4 == 0 {
                    // Behind the handler is what it goes by, or where that is.
                    self.see(word(more, 4), 40, Owner::Handler)?;
                }
                if flags & 4 == 0 {
                    break;
                }
                info = word(more, 8);
            }
        }
        Some(())
    }

    fn relocations(&mut self, rva: u64, size: u64) -> Option<()> {
        let all = self.at(rva);
        let mut rest = all.get(..usize::try_from(size).unwrap_or(usize::MAX).min(all.len())).unwrap_or_default();
        while rest.len() >= 8 {
            let (page, length) = (word(rest, 0), word(rest, 4) as usize);
            let Some((block, after)) = rest.split_at_checked(length).filter(|_| length >= 8) else { break };
            for entry in block.get(8..).unwrap_or_default().chunks_exact(2).map(|raw| N.int(raw, 0, 2).unwrap_or(0)) {
                if entry >> 12 != 0 {
                    self.other(page + (entry & 0xfff), 8, "an address that the loader moves")?;
                }
            }
            rest = after;
        }
        Some(())
    }

    fn debug(&mut self, rva: u64, size: u64) -> Option<()> {
        let table = self.at(rva);
        let table = table.get(..usize::try_from(size).unwrap_or(usize::MAX).min(table.len())).unwrap_or_default();
        let start = super::marks::offset_of(self.exe, self.header, u32::try_from(rva).ok()?, table.len());
        for (i, raw) in table.chunks_exact(28).enumerate() {
            let owner = Owner::Data(start.unwrap_or(0) + i * 28);
            let (size, place, offset) = (word(raw, 16), word(raw, 20), word(raw, 24));
            if place != 0 {
                self.see(place, size, owner)?;
            }
            if let Some(address) = self.exe.address_of(offset) {
                self.see(self.rva(address), size, owner)?;
            }
        }
        Some(())
    }

    fn threads(&mut self, rva: u64) -> Option<()> {
        let (what, width) = ("thread-local data", self.width());
        let raw = self.at(rva);
        let full = |i: usize| N.int(raw, i * width, width).unwrap_or(0);
        self.other(rva, 4 * width as u64 + 8, what)?;
        self.see(self.rva(full(0)), full(1).saturating_sub(full(0)), Owner::Threads)?;
        self.other(self.rva(full(2)), 4, what)?;
        let start = self.rva(full(3));
        for (i, raw) in self.at(start).chunks_exact(width).enumerate().filter(|_| full(3) != 0) {
            self.other(start + (i * width) as u64, width as u64, "the list of what runs first")?;
            if N.int(raw, 0, width) == Some(0) {
                break;
            }
        }
        Some(())
    }

    fn configuration(&mut self, rva: u64, size: u64) -> Option<()> {
        let (what, width) = ("the load configuration", self.width());
        let raw = self.at(rva);
        let length = usize::try_from(size.max(word(raw, 0))).unwrap_or(usize::MAX).min(MAX_CONFIG).min(raw.len());
        let raw = raw.get(..length).unwrap_or_default();
        self.other(rva, length as u64, what)?;
        // The metadata of such code.
        let hybrid = N.int(raw, if self.header.wide { 200 } else { 124 }, width);
        if hybrid.is_some_and(|pointer| pointer != 0) {
            self.see(0, u64::MAX, Owner::Hybrid)?;
        }
        // From the first pointer on each word may be one.
        let words = (raw.len() / width).saturating_sub(5);
        for at in (0..words).map(|i| (i + 5) * width) {
            let value = N.int(raw, at, width).unwrap_or(0);
            let start = self.rva(value);
            if value == 0 || self.at(start).is_empty() {
                continue;
            }
            // Tables have their number of entries behind them, and entries of at least four bytes.
            let tables = if self.header.wide { WIDE_TABLES } else { NARROW_TABLES };
            let count = if tables.contains(&at) { N.int(raw, at + width, width).unwrap_or(0) } else { 0 };
            self.other(start, count.saturating_mul(4).max(8), what)?;
        }
        let (offset, section) = if self.header.wide { (224, 228) } else { (136, 140) };
        let number = usize::try_from(N.int(raw, section, 2).unwrap_or(0)).ok()?;
        if let Some(s) = number.checked_sub(1).and_then(|n| self.exe.sections.get(n)) {
            let start = self.rva(s.address) + word(raw, offset);
            let size = word(self.at(start), 4);
            self.other(start, 8 + size, what)?;
        }
        Some(())
    }

    fn bound(&mut self, rva: u64) -> Option<()> {
        for (i, raw) in self.at(rva).chunks_exact(8).enumerate() {
            self.other(rva + i as u64 * 8, 8, "a bound import")?;
            let name = N.int(raw, 4, 2).unwrap_or(0);
            if name == 0 {
                break;
            }
            self.text(rva + name, "a bound import")?;
        }
        Some(())
    }
}
