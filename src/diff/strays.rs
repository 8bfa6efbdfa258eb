//! Words of data that did not change while code moved, and that lead to a function when they are taken as a distance: from
//! themselves, from the start of their object, and in a file with a fixed place from zero. A compiler would have made another word
//! of it; an equal one calls something else.
//!
//! Only what leads to the first byte of a function is looked at. A number that happens to do so is taken for one: then the pair is
//! different for a reason that a person can look at, which is noise and no hole.

use std::collections::BTreeSet;
use std::ops::Range;

use super::exe::{RegionPair, both};
use super::image::{Image, Images};
use super::steady::Meaning;
use crate::inspect::exe::Section;
use crate::model::{Side, Sides};

/// Where a word may count from within its object: its start, and the address point of a vtable of relative or whole pointers.
const POINTS: [u64; 3] = [0, 8, 16];
/// It is asked whether to go on that often, in words.
const STEP: usize = 1 << 18;
/// Bytes of the words that are looked at.
const SIZES: [usize; 2] = [4, 8];

/// Tables of the loader, and of who unwinds: they are followed by what they are.
const TABLES: [&[u8]; 13] = [
    b".eh_frame",
    b".eh_frame_hdr",
    b".gcc_except_table",
    b".dynamic",
    b".dynsym",
    b".dynstr",
    b".hash",
    b".gnu.hash",
    b".gnu.version",
    b".gnu.version_d",
    b".gnu.version_r",
    b".interp",
    b".relr.dyn",
];

/// The words that lead to a function on one side and not to the same on the other: ranges in both files. Looked at are sections of data,
/// whatever type their headers say, and from the places of `inner` on what stands among code. `None` when it was given up.
pub(super) fn find(
    images: &Images,
    regions: &[RegionPair],
    inner: &BTreeSet<u64>,
    cancelled: &dyn Fn() -> bool,
) -> Option<Vec<Sides<Range<usize>>>> {
    let mut out = Vec::new();
    if images.is_still() {
        return Some(out);
    }
    let a = &images.sides.shipped;
    let words = Words::new(images);
    for pair in regions {
        let Some((region, _)) = both(images, pair) else { continue };
        let Some(s) = region.section.and_then(|i| a.elf.sections.get(i)) else { continue };
        let own_form = TABLES.contains(&s.name.as_slice()) || s.kind == 4 && s.name.starts_with(b".rela");
        if s.is_allocated() && !s.is_code() && !own_form {
            words.look(s, 0..a.elf.data(s).len(), &mut out, cancelled)?;
        }
    }
    // From the first place on, and for each of the four ways in which words stand from there.
    let mut done = BTreeSet::new();
    for from in inner.iter().filter_map(|at| a.piece_at(*at).map(|f| *at..f.end())) {
        let Some(s) = a.elf.section_at(from.start).filter(|_| done.insert((from.end, from.start % 4))) else { continue };
        let offset = |at: u64| usize::try_from(at.saturating_sub(s.address)).unwrap_or(usize::MAX);
        words.look(s, offset(from.start)..offset(from.end), &mut out, cancelled)?;
    }
    Some(out)
}

/// What words may lead to.
struct Words<'a> {
    images: &'a Images,
    starts: Sides<Starts>,
    /// Whether both files have a fixed place: then a word may be an address.
    fixed: bool,
}

impl<'a> Words<'a> {
    fn new(images: &'a Images) -> Self {
        let (a, b) = (&images.sides.shipped, &images.sides.rebuilt);
        Self { images, starts: Sides::new(Starts::new(a), Starts::new(b)), fixed: a.elf.kind == 2 && b.elf.kind == 2 }
    }

    /// Looks at the words in a part of a section of the shipped side, every four bytes.
    fn look(&self, s: &Section, part: Range<usize>, out: &mut Vec<Sides<Range<usize>>>, cancelled: &dyn Fn() -> bool) -> Option<()> {
        let (a, b) = (&self.images.sides.shipped, &self.images.sides.rebuilt);
        let data = a.elf.data(s);
        let data = data.get(..part.end.min(data.len())).unwrap_or_default();
        for (n, at) in (part.start..data.len()).step_by(4).enumerate() {
            let x = s.address.wrapping_add(at as u64);
            if n % STEP == 0 && cancelled() {
                return None;
            }
            for size in SIZES {
                let Some(by) = data.get(at..at + size).and_then(number).filter(|by| *by != 0) else { continue };
                let moved = |from: Sides<u64>| from.map(|from| from.wrapping_add_signed(by));
                let leads = |to: &Sides<u64>| self.starts.shipped.has(to.shipped) || self.starts.rebuilt.has(to.rebuilt);
                let near = self.starts.shipped.reach(x, by) || self.starts.rebuilt.reach(x, by);
                if !near && !self.fixed {
                    continue;
                }
                // Where its counterpart is; what has none is accounted for elsewhere.
                let Some(y) = self.images.counterpart(Side::Shipped, x) else { continue };
                if b.elf.bytes_at(y).get(..size) != data.get(at..at + size) || a.bound(x).is_some() || b.bound(y).is_some() {
                    continue;
                }
                let object = a.objects.partition_point(|o| o.address <= x).checked_sub(1).and_then(|i| a.objects.get(i));
                let object = object.filter(|o| x - o.address < o.size).map_or(at - part.start, |o| (x - o.address) as usize) as u64;
                let own = Sides::new(x, y);
                let points = POINTS.iter().map(|point| own.map(|at| at.wrapping_sub(object).wrapping_add(*point)));
                let from_zero = self.fixed.then_some(Sides::new(0, 0));
                let all = [Some(own), from_zero].into_iter().flatten().chain(points);
                let strays = |to: &Sides<u64>| leads(to) && self.images.meaning(to.shipped, to.rebuilt) != Meaning::Same;
                if all.map(moved).any(|to| strays(&to))
                    && let (Some(p), Some(q)) = (a.elf.offset_of(x), b.elf.offset_of(y))
                    && let (Ok(p), Ok(q)) = (usize::try_from(p), usize::try_from(q))
                {
                    out.push(Sides::new(p..p + size, q..q + size));
                }
            }
        }
        Some(())
    }
}

/// A word as a number, by its length. The byte order is that of all machines whose code is read.
fn number(word: &[u8]) -> Option<i64> {
    match word.len() {
        4 => Some(i64::from(i32::from_le_bytes(word.try_into().ok()?))),
        8 => Some(i64::from_le_bytes(word.try_into().ok()?)),
        _ => None,
    }
}

/// The addresses at which functions and stubs of one side begin.
struct Starts {
    sorted: Vec<u64>,
}

impl Starts {
    fn new(image: &Image) -> Self {
        let mut sorted: Vec<u64> = image.functions.iter().map(|f| f.address).collect();
        sorted.extend(image.stub_addresses());
        sorted.sort_unstable();
        sorted.dedup();
        Self { sorted }
    }

    fn has(&self, address: u64) -> bool {
        self.sorted.binary_search(&address).is_ok()
    }

    /// Whether a distance from near a place leads to where functions are, as far as an object reaches.
    fn reach(&self, from: u64, by: i64) -> bool {
        let to = from.wrapping_add_signed(by);
        let (first, last) = (self.sorted.first().copied().unwrap_or(u64::MAX), self.sorted.last().copied().unwrap_or(0));
        to <= last.saturating_add(16) && to >= first || to > last && to - last <= OBJECT
    }
}

/// How far into an object words are looked at, in bytes.
const OBJECT: u64 = 1 << 16;
